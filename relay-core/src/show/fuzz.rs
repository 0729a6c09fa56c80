//! What must hold for any file. The fuzz targets and the property tests run these bodies.

use std::io::Cursor;
use std::time::Duration;

use super::convert::{ConvertOptions, Remap, Target, convert};
use super::diff::{Tolerance, diff};
use super::encode::Sender;
use super::playback::{Playback, PlaybackOptions};
use super::{
    ChannelMap, Compression, Content, ErrorKind, LevelReader, Numbering, OlaVersion, ReadOptions,
    ShowReader, info,
};
use crate::time::Time;
use crate::universe::SLOTS;
use crate::wire::{Packet, parse};

/// Records looked at; a small file can hold a very long show.
const RECORDS_MAX: usize = 2000;

/// Any file, read as what it says it is.
pub fn any(bytes: &[u8]) {
    read(bytes, &ReadOptions::default());
    let options = ReadOptions { numbering: Numbering::ArtNet, ..ReadOptions::default() };
    read(bytes, &ReadOptions { from: Time::from_millis(20), ..options });
}

/// A capture of the classic kind, in one of its four forms.
pub fn pcap(bytes: &[u8]) {
    let (magic, rest) = with_choice(
        bytes,
        &[
            &[0xD4, 0xC3, 0xB2, 0xA1],
            &[0xA1, 0xB2, 0xC3, 0xD4],
            &[0x4D, 0x3C, 0xB2, 0xA1],
            &[0xA1, 0xB2, 0x3C, 0x4D],
        ],
    );
    any(&[magic, rest].concat());
}

/// A pcapng file.
pub fn pcapng(bytes: &[u8]) {
    any(&[&[0x0A, 0x0D, 0x0D, 0x0A], bytes].concat());
}

/// A packed file of any kind.
pub fn zstd(bytes: &[u8]) {
    any(&[&super::packed::ZSTD_MAGIC, bytes].concat());
}

/// An OLA show of either version.
pub fn ola(bytes: &[u8]) {
    let (header, rest) = with_choice(bytes, &[b"OLA Show\n", b"OLA Show V2\n"]);
    any(&[header, rest].concat());
}

/// A table.
pub fn csv(bytes: &[u8]) {
    any(&[b"t_ms,universe,ch1\n", bytes].concat());
}

/// An FSEQ file of any version, with any map of its channels.
pub fn fseq(bytes: &[u8]) {
    let (magic, rest) = with_choice(bytes, &[b"PSEQ", b"ESEQ"]);
    let file = [magic, rest].concat();
    any(&file);
    let slots = rest.first().copied().map_or(0, u16::from);
    if let Some(first) = Numbering::ArtNet.universe(0) {
        let channels = Some(ChannelMap::Consecutive { first, slots });
        read(&file, &ReadOptions { channels, ..ReadOptions::default() });
    }
}

/// Everything that is done with a whole show: it ends, and what is written can be read.
pub fn whole(bytes: &[u8]) {
    if count(bytes) >= RECORDS_MAX {
        return;
    }
    let read = ReadOptions::default();
    if let Ok(info) = info::info(Cursor::new(bytes), &read) {
        info.universes.iter().for_each(|universe| assert_eq!(universe.strip(60).len(), 60));
    }
    play(bytes, false);
    play(bytes, true);
    let tolerance = Tolerance::default();
    if let Ok(found) = diff((Cursor::new(bytes), &read), (Cursor::new(bytes), &read), tolerance) {
        assert_eq!(found.count, 0, "a show differs from itself");
    }
    for target in [
        Target::Pcapng { zstd: false },
        Target::Ola(OlaVersion::V1),
        Target::Csv,
        Target::Fseq { step_ms: 255, compression: Compression::Zstd },
    ] {
        // Silences are filled, which is right and takes long.
        let to = Some(Time::from_millis(60_000));
        let read = ReadOptions { to, ..ReadOptions::default() };
        let (remap, sender) = (Remap::default(), Sender::default());
        let options = ConvertOptions { read, remap, target, sender };
        let mut out = Cursor::new(Vec::new());
        if let Ok(converted) = convert(Cursor::new(bytes), &mut out, &options) {
            let mut reader = match ShowReader::new(out, &ReadOptions::default()) {
                Ok(reader) => reader,
                Err(error) => panic!("what was written as {target:?} is no show: {error}"),
            };
            let mut records = 0;
            while reader.next_record().is_ok_and(|record| record.is_some()) {
                records += 1;
            }
            assert!(converted.written == 0 || records > 0, "nothing came of {target:?}");
        }
    }
}

/// Two rounds of playing end, in the order of time, with nothing but sound packets.
fn play(bytes: &[u8], by_levels: bool) {
    let options = PlaybackOptions {
        read: ReadOptions::default(),
        remap: Remap::default(),
        by_levels,
        everything: false,
        speed: 100.0,
        priority: by_levels.then_some(150),
        cid_mask: [0x5A; 16],
        sender: Sender::default(),
    };
    let Ok(mut playback) = Playback::new(Cursor::new(bytes), options) else { return };
    let mut due = Duration::ZERO;
    for _ in 0..2 {
        // Silences are filled, which is right and takes long.
        for _ in 0..RECORDS_MAX {
            let Ok(Some(packet)) = playback.next_packet() else { break };
            assert!(packet.due >= due, "{:?} after {due:?}", packet.due);
            due = packet.due;
            assert!(parse(packet.bytes).is_ok(), "{packet:?}");
        }
        assert!(playback.again(Cursor::new(bytes)).is_ok(), "a show the second time, too");
    }
    while let Some(packet) = playback.next_farewell() {
        let Ok(Packet::SacnData(data)) = parse(packet.bytes) else { panic!("{packet:?}") };
        assert!(data.terminated());
    }
}

/// The choice that the first byte makes, and the bytes after it.
fn with_choice<'a>(bytes: &'a [u8], choices: &[&'a [u8]]) -> (&'a [u8], &'a [u8]) {
    match bytes.split_first() {
        Some((first, rest)) => (choices[usize::from(*first) % choices.len()], rest),
        None => (choices[0], bytes),
    }
}

fn count(bytes: &[u8]) -> usize {
    let Ok(mut reader) = ShowReader::new(Cursor::new(bytes), &ReadOptions::default()) else {
        return 0;
    };
    let mut count = 0;
    while count < RECORDS_MAX && reader.next_record().is_ok_and(|record| record.is_some()) {
        count += 1;
    }
    count
}

fn read(bytes: &[u8], options: &ReadOptions) {
    let mut reader = match ShowReader::new(Cursor::new(bytes), options) {
        Ok(reader) => reader,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut last = Time::ZERO;
    let mut records = 0;
    while records < RECORDS_MAX {
        records += 1;
        match reader.next_record() {
            Ok(Some(record)) => {
                assert!(record.at >= last, "time ran backwards");
                last = record.at;
                if let Content::Frame(frame) = record.content {
                    assert!(frame.slots.len() <= SLOTS);
                }
            }
            Ok(None) => break,
            Err(error) => {
                assert!(!matches!(error.kind, ErrorKind::Io(_)), "memory does not fail: {error}");
                break;
            }
        }
    }
    assert!(reader.warnings().iter().all(|(_, count, _)| count > 0));
    if records == RECORDS_MAX {
        return;
    }
    let Ok(mut levels) = LevelReader::new(Cursor::new(bytes), options) else { return };
    while levels.next_change().is_ok_and(|change| change.is_some()) {}
}
