//! Several sources in one recording: who counts, in the whole and in a part of it.

use std::io::Cursor;
use std::net::SocketAddr;

use wristcast_core::show::encode::{Encoder, Sender};
use wristcast_core::show::{Datagram, LevelReader, PcapngOptions, PcapngWriter, ReadOptions};
use wristcast_core::time::Time;
use wristcast_core::universe::{SacnUniverse, Universe};
use wristcast_core::wire::sacn::{self, Cid, DATA_LEN_MAX, DataFields};

use crate::reading::{Item, Reading};

/// A recording, packet by packet.
struct Tape {
    writer: PcapngWriter<Vec<u8>>,
    last: Time,
}

impl Tape {
    fn new() -> Self {
        let mut writer = PcapngWriter::new(Vec::new(), PcapngOptions::default()).unwrap();
        writer.add_interface("");
        Self { writer, last: Time::ZERO }
    }

    fn bytes(&mut self, millis: u64, host: u8, bytes: &[u8]) {
        let source = SocketAddr::from(([10, 0, 0, host], 5568));
        let datagram = Datagram { source, destination: source, interface: 0, bytes };
        self.last = Time::from_millis(millis);
        self.writer.datagram(self.last, &datagram).unwrap();
    }

    /// Levels of universe 1 from a source of this number, which is its priority too.
    fn levels(&mut self, millis: u64, source: u8, level: u8) {
        self.send(millis, source, level, |_| ());
    }

    fn send(&mut self, millis: u64, source: u8, level: u8, set: impl Fn(&mut DataFields<'_>)) {
        let mut fields = fields(source);
        fields.sequence = (millis / 10) as u8;
        set(&mut fields);
        let mut packet = [0; DATA_LEN_MAX];
        let length = sacn::encode_data(&mut packet, &fields, &[level]).unwrap();
        self.bytes(millis, source, &packet[..length]);
    }

    fn end(self) -> Vec<u8> {
        self.writer.finish(self.last).unwrap()
    }
}

fn fields(source: u8) -> DataFields<'static> {
    let universe = SacnUniverse::new(1).unwrap();
    DataFields { priority: source, ..DataFields::new(Cid([source; 16]), "desk", universe) }
}

/// Changes of slot 1: when (ms), to what.
fn changes(bytes: &[u8], read: &ReadOptions) -> Vec<(u64, u8)> {
    let mut levels = LevelReader::new(Cursor::new(bytes), read).unwrap();
    let mut changes = Vec::new();
    while let Some(change) = levels.next_change().unwrap() {
        changes.push((change.at.as_nanos() / 1_000_000, change.levels[0]));
    }
    changes
}

fn from(millis: u64) -> ReadOptions {
    ReadOptions { from: Time::from_millis(millis), ..ReadOptions::default() }
}

/// A main desk (source 120) that falls silent at 1 s, and a backup (source 100) all the while.
fn failover() -> Vec<u8> {
    let mut tape = Tape::new();
    for at in (0..6000).step_by(100) {
        if at < 1000 {
            tape.levels(at, 120, 10);
        }
        tape.levels(at + 50, 100, 20);
    }
    tape.end()
}

#[test]
fn the_backup_takes_over_when_the_main_desk_is_lost() {
    // 2.5 s after the main desk's last packet, not at the backup's next.
    assert_eq!(changes(&failover(), &ReadOptions::default()), [(0, 10), (900 + 2500, 20)]);
}

#[test]
fn a_part_begins_with_the_sources_that_are_there() {
    let bytes = failover();
    // The main desk was heard 2.1 s before: it holds on for what is left of its 2.5 s. Its packet
    // comes again at the part's beginning, so for a whole 2.5 s.
    assert_eq!(changes(&bytes, &from(3000)), [(0, 10), (2500, 20)]);
    // Not so when it is lost already.
    assert_eq!(changes(&bytes, &from(3500)), [(0, 20)]);
    let reading = Reading::with(&bytes, &from(3500));
    let sources: Vec<_> = reading
        .entries
        .iter()
        .take(2)
        .map(|entry| match &entry.item {
            Item::Datagram { source, .. } => (entry.at, source.ip().to_string()),
            Item::Frame { .. } => panic!("a frame"),
        })
        .collect();
    assert_eq!(sources, [(0, "10.0.0.100".to_owned()), (50_000_000, "10.0.0.100".to_owned())]);
}

#[test]
fn a_source_that_said_goodbye_is_not_brought_back() {
    let mut tape = Tape::new();
    tape.levels(0, 120, 10);
    tape.levels(10, 100, 20);
    tape.send(500, 120, 0, |fields| fields.terminated = true);
    tape.levels(600, 100, 20);
    tape.levels(1000, 100, 30);
    let bytes = tape.end();
    assert_eq!(changes(&bytes, &ReadOptions::default()), [(0, 10), (500, 20), (1000, 30)]);
    assert_eq!(changes(&bytes, &from(700)), [(0, 20), (300, 30)]);
}

#[test]
fn per_address_priorities_belong_to_what_is_held() {
    let mut tape = Tape::new();
    for at in (0..2000).step_by(500) {
        tape.levels(at, 120, 10);
        tape.levels(at + 10, 100, 20);
        tape.send(at + 20, 100, 200, |fields| fields.start_code = 0xDD);
    }
    let bytes = tape.end();
    assert_eq!(changes(&bytes, &ReadOptions::default()), [(0, 10), (20, 20)]);
    // In the order in which they came, so that the last word is the right one.
    assert_eq!(changes(&bytes, &from(1400)).last(), Some(&(0, 20)));
}

#[test]
fn previews_other_start_codes_and_other_packets_change_nothing() {
    let mut tape = Tape::new();
    tape.levels(0, 100, 10);
    tape.send(10, 100, 20, |fields| fields.preview = true);
    tape.send(20, 100, 30, |fields| fields.start_code = 0x17);
    tape.bytes(30, 100, b"Art-Net\0\0\x20\0\x0E\0\0");
    tape.bytes(40, 100, b"Art-Net\0 and nonsense");
    assert_eq!(changes(&tape.end(), &ReadOptions::default()), [(0, 10)]);
}

#[test]
fn art_net_counts_from_1_to_255_and_skips_0() {
    let universe: Universe = "artnet/1".parse().unwrap();
    let mut encoder = Encoder::new(Sender::default());
    let numbers: Vec<u8> = (0..600)
        .map(|_| encoder.levels(Time::ZERO, universe, &[1, 2]).unwrap().bytes[12])
        .collect();
    let expected: Vec<u8> = (1..=255).cycle().take(600).collect();
    assert_eq!(numbers, expected);
}
