//! A show at a glance: how long, which universes, who sent them, how fast, with which gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};
use std::net::SocketAddr;
use std::time::Duration;

use super::bins::{Bins, Cell};
use super::{Content, Datagram, Format, LevelReader, ReadOptions, Record, ShowError, Warnings};
use crate::merge::{ARTNET_LOSS, SACN_LOSS, SourceId, SourceName};
use crate::time::Time;
use crate::universe::{SLOTS, Universe};
use crate::wire::{Packet, parse, sacn};

/// Sources kept, and streams of sources.
const SOURCES_MAX: usize = 4096;
const STREAMS_MAX: usize = 16_384;
/// Cells of a colour strip; drawn with up to half as many columns it loses nothing.
const STRIP_CELLS: usize = 512;

/// A show at a glance.
#[derive(Debug)]
pub struct Info {
    /// Its format, and whether it is packed as a whole.
    pub format: Format,
    /// With zstd.
    pub packed: bool,
    /// Time of the last record.
    pub length: Time,
    /// Wall-clock time of its beginning, where it has one: nanoseconds since 1970-01-01 UTC.
    pub epoch_nanos: Option<u64>,
    /// Datagrams or frames.
    pub records: u64,
    /// Records by kind, those that occur.
    pub kinds: Vec<(&'static str, u64)>,
    /// The second with the most records.
    pub peak: Peak,
    /// Ascending.
    pub universes: Vec<UniverseInfo>,
    /// In the order of their first appearance; 4096 at most.
    pub sources: Vec<SourceInfo>,
    /// What the reading met.
    pub warnings: Warnings,
    /// Why the reading ended early.
    pub error: Option<ShowError>,
}

/// The most records in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// How many.
    pub count: u64,
    /// When the second began.
    pub at: Time,
}

/// One universe of a show.
#[derive(Debug)]
pub struct UniverseInfo {
    /// The universe.
    pub universe: Universe,
    /// Packets with levels, or frames.
    pub frames: u64,
    /// First and last of them.
    pub first: Time,
    /// The last.
    pub last: Time,
    /// The second with the most of them.
    pub peak: Peak,
    /// Most slots in one.
    pub slots: usize,
    /// Highest level that a receiver would have held, and the slot (1..=512) that had it first.
    pub level: (u8, u16),
    /// How often levels changed.
    pub changes: u64,
    /// Silences after which a receiver takes the universe for lost (captures only).
    pub gaps: u64,
    /// The longest silence: from when, for how long.
    pub longest_gap: (Time, Duration),
    /// Sources that sent it.
    pub sources: usize,
    strip: Bins<Colour>,
    length: Time,
    shown: ([u8; 3], Time),
}

/// One source of a capture.
#[derive(Clone, Debug)]
pub struct SourceInfo {
    /// Who.
    pub id: SourceId,
    /// Its name; sACN only.
    pub name: SourceName,
    /// Where it was first heard from.
    pub address: SocketAddr,
    /// Packets with levels or per-address priorities.
    pub packets: u64,
    /// Universes it sent.
    pub universes: usize,
    /// Lowest and highest priority; sACN only.
    pub priorities: Option<(u8, u8)>,
    /// Packets missing by their sequence numbers.
    pub missing: u64,
    /// Packets late or repeated by their sequence numbers.
    pub out_of_order: u64,
}

impl UniverseInfo {
    /// Its colours over the whole show in so many columns: of slots taken by threes as red, green
    /// and blue, the mean of those that are lit. A hint of what happens when, not what any fixture
    /// shows.
    pub fn strip(&self, columns: usize) -> Vec<[u8; 3]> {
        self.strip.resample(self.length, columns).iter().map(Colour::mean).collect()
    }

    /// Packets or frames per second between the first and the last, in thousandths.
    pub fn rate_mhz(&self) -> u64 {
        let nanos = self.last.since(self.first).as_nanos();
        let scaled = u128::from(self.frames.saturating_sub(1)) * 1_000_000_000_000;
        scaled.checked_div(nanos).and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0)
    }
}

/// Reads a show to its end, or to where it breaks. Memory: what a [`LevelReader`] takes, 10 KB for
/// each universe, 200 bytes for each source and each of its universes.
///
/// # Errors
/// If it cannot be read at all.
pub fn info<R: Read + Seek>(input: R, options: &ReadOptions) -> Result<Info, ShowError> {
    let mut levels = LevelReader::new(input, options)?;
    let mut survey = Survey::default();
    let error = loop {
        match levels.next_change_seeing(|record| survey.record(record)) {
            Ok(Some(change)) => survey.changed(change.at, change.universe, change.levels),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let reader = levels.reader();
    Ok(survey.end(Info {
        format: reader.format(),
        packed: reader.packed(),
        length: levels.last(),
        epoch_nanos: reader.epoch_nanos(),
        records: 0,
        kinds: Vec::new(),
        peak: Peak::default(),
        universes: Vec::new(),
        sources: Vec::new(),
        warnings: reader.warnings().clone(),
        error,
    }))
}

#[derive(Default)]
struct Survey {
    records: u64,
    kinds: BTreeMap<&'static str, u64>,
    rate: Rate,
    universes: BTreeMap<Universe, (UniverseInfo, Rate)>,
    sources: Vec<SourceInfo>,
    source_index: BTreeMap<SourceId, usize>,
    /// The last sequence number of every stream: source, universe, START code.
    streams: BTreeMap<(usize, Universe, u8), u8>,
    senders: BTreeSet<(Universe, usize)>,
}

impl Survey {
    fn record(&mut self, record: &Record<'_>) {
        self.records += 1;
        self.rate.count(record.at);
        match record.content {
            Content::Frame(frame) => {
                self.kind("frames");
                self.frame(record.at, frame.universe, frame.slots.len(), Duration::MAX);
            }
            Content::Datagram(datagram) => self.datagram(record.at, &datagram),
        }
    }

    fn kind(&mut self, kind: &'static str) {
        *self.kinds.entry(kind).or_default() += 1;
    }

    fn datagram(&mut self, at: Time, datagram: &Datagram<'_>) {
        let packet = match parse(datagram.bytes) {
            Ok(packet) => packet,
            Err(_) => return self.kind("malformed"),
        };
        self.kind(kind_of(&packet));
        match packet {
            Packet::SacnData(data) => {
                let universe = Universe::Sacn(data.universe());
                let code = data.start_code();
                let id = SourceId::Sacn(data.cid());
                let Some(index) = self.source(id, datagram.source) else { return };
                let source = &mut self.sources[index];
                source.name = SourceName::new(data.source_name().bytes());
                let (low, high) = source.priorities.unwrap_or((u8::MAX, 0));
                source.priorities = Some((low.min(data.priority()), high.max(data.priority())));
                self.sequence(index, universe, code, data.sequence(), false);
                if code == sacn::START_CODE_LEVELS {
                    self.frame(at, universe, data.slots().len(), SACN_LOSS);
                }
            }
            Packet::ArtDmx(dmx) => {
                let universe = Universe::ArtNet(dmx.port_address());
                let ip = datagram.source.ip().to_canonical();
                let id = SourceId::ArtNet { ip, physical: dmx.physical() };
                let Some(index) = self.source(id, datagram.source) else { return };
                if dmx.sequence() != 0 {
                    self.sequence(index, universe, 0, dmx.sequence(), true);
                }
                self.frame(at, universe, dmx.slots().len(), ARTNET_LOSS);
            }
            _ => {}
        }
    }

    /// The index of a source, whose packet is counted.
    fn source(&mut self, id: SourceId, address: SocketAddr) -> Option<usize> {
        if self.sources.len() >= SOURCES_MAX && !self.source_index.contains_key(&id) {
            return None;
        }
        let index = *self.source_index.entry(id).or_insert(self.sources.len());
        if index == self.sources.len() {
            self.sources.push(SourceInfo {
                id,
                name: SourceName::EMPTY,
                address,
                packets: 0,
                universes: 0,
                priorities: None,
                missing: 0,
                out_of_order: 0,
            });
        }
        self.sources[index].packets += 1;
        Some(index)
    }

    fn sequence(&mut self, index: usize, universe: Universe, code: u8, number: u8, artnet: bool) {
        let full = self.senders.len() >= STREAMS_MAX;
        if !full && self.senders.insert((universe, index)) {
            self.sources[index].universes += 1;
        }
        let key = (index, universe, code);
        if self.streams.len() >= STREAMS_MAX && !self.streams.contains_key(&key) {
            return;
        }
        if let Some(last) = self.streams.insert(key, number) {
            // Art-Net goes from 255 to 1.
            let skipped = u8::from(artnet && number < last);
            match number.wrapping_sub(last).wrapping_sub(skipped).cast_signed() {
                1 => {}
                ahead @ 2.. => self.sources[index].missing += u64::from(ahead.cast_unsigned()) - 1,
                _ => self.sources[index].out_of_order += 1,
            }
        }
    }

    fn frame(&mut self, at: Time, universe: Universe, slots: usize, loss: Duration) {
        // A reader gives no more universes than are kept.
        let (info, rate) = self
            .universes
            .entry(universe)
            .or_insert_with(|| (UniverseInfo::new(universe, at), Rate::default()));
        rate.count(at);
        let silence = at.since(info.last);
        info.gaps += u64::from(silence >= loss);
        if silence > info.longest_gap.1 {
            info.longest_gap = (info.last, silence);
        }
        info.frames += 1;
        info.last = at;
        info.slots = info.slots.max(slots);
    }

    fn changed(&mut self, at: Time, universe: Universe, levels: &[u8; SLOTS]) {
        let Some((info, _)) = self.universes.get_mut(&universe) else { return };
        info.changes += 1;
        for (slot, &level) in (1..).zip(levels) {
            if level > info.level.0 {
                info.level = (level, slot);
            }
        }
        info.show_until(at);
        info.shown = (colour_of(levels), at);
    }

    fn end(mut self, mut info: Info) -> Info {
        info.records = self.records;
        info.kinds = self.kinds.into_iter().collect();
        info.peak = self.rate.end();
        for &(universe, _) in &self.senders {
            if let Some((info, _)) = self.universes.get_mut(&universe) {
                info.sources += 1;
            }
        }
        info.universes = self
            .universes
            .into_values()
            .map(|(mut universe, rate)| {
                universe.peak = rate.end();
                universe.show_until(info.length);
                universe.length = info.length;
                universe
            })
            .collect();
        info.sources = self.sources;
        info
    }
}

impl UniverseInfo {
    fn new(universe: Universe, at: Time) -> Self {
        Self {
            universe,
            frames: 0,
            first: at,
            last: at,
            peak: Peak::default(),
            slots: 0,
            level: (0, 0),
            changes: 0,
            gaps: 0,
            longest_gap: (at, Duration::ZERO),
            sources: 0,
            strip: Bins::new(STRIP_CELLS),
            length: at,
            shown: ([0; 3], at),
        }
    }

    fn show_until(&mut self, at: Time) {
        let (colour, since) = self.shown;
        self.strip.span(since, at, |cell, nanos| cell.add(colour, nanos));
    }
}

/// Records by seconds.
#[derive(Default)]
struct Rate {
    second: u64,
    count: u64,
    peak: Peak,
}

impl Rate {
    fn count(&mut self, at: Time) {
        let second = at.as_nanos() / 1_000_000_000;
        if second != self.second {
            self.close();
            (self.second, self.count) = (second, 0);
        }
        self.count += 1;
    }

    fn close(&mut self) {
        if self.count > self.peak.count {
            self.peak = Peak { count: self.count, at: Time::from_millis(self.second * 1000) };
        }
    }

    fn end(mut self) -> Peak {
        self.close();
        self.peak
    }
}

/// Colour times nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Colour {
    sum: [u64; 3],
    nanos: u64,
}

impl Colour {
    fn add(&mut self, colour: [u8; 3], nanos: u64) {
        // A moment without length counts a little, or a single frame would be invisible.
        let nanos = nanos.max(1);
        for (sum, level) in self.sum.iter_mut().zip(colour) {
            *sum = sum.saturating_add(u64::from(level).saturating_mul(nanos));
        }
        self.nanos = self.nanos.saturating_add(nanos);
    }

    fn mean(&self) -> [u8; 3] {
        self.sum.map(|sum| u8::try_from(sum.checked_div(self.nanos).unwrap_or(0)).unwrap_or(255))
    }
}

impl Cell for Colour {
    fn join(&mut self, later: Self) {
        for (sum, more) in self.sum.iter_mut().zip(later.sum) {
            *sum = sum.saturating_add(more);
        }
        self.nanos = self.nanos.saturating_add(later.nanos);
    }
}

/// The mean of the lit ones among slots taken by threes.
fn colour_of(levels: &[u8; SLOTS]) -> [u8; 3] {
    let mut sum = [0_u32; 3];
    let mut lit = 0;
    for [red, green, blue] in levels.as_chunks::<3>().0 {
        if red | green | blue != 0 {
            lit += 1;
            sum[0] += u32::from(*red);
            sum[1] += u32::from(*green);
            sum[2] += u32::from(*blue);
        }
    }
    sum.map(|sum| sum.checked_div(lit).unwrap_or(0) as u8)
}

fn kind_of(packet: &Packet<'_>) -> &'static str {
    match packet {
        Packet::SacnData(data) => match data.start_code() {
            sacn::START_CODE_LEVELS => "sACN levels",
            sacn::START_CODE_PER_ADDRESS_PRIORITY => "sACN per-address priorities",
            _ => "sACN other START codes",
        },
        Packet::SacnSync(_) => "sACN synchronization",
        Packet::SacnDiscovery(_) => "sACN universe discovery",
        Packet::ArtDmx(_) => "ArtDmx",
        Packet::ArtSync => "ArtSync",
        Packet::ArtPoll(_) => "ArtPoll",
        Packet::ArtPollReply(_) => "ArtPollReply",
        Packet::ArtNzs(_) => "ArtNzs",
        Packet::ArtTimeCode(_) => "ArtTimeCode",
        Packet::ArtTrigger(_) => "ArtTrigger",
        Packet::ArtCommand(_) => "ArtCommand",
        Packet::ArtDiagData(_) => "ArtDiagData",
        Packet::ArtAddress(_) => "ArtAddress",
        Packet::ArtInput => "ArtInput",
        Packet::ArtIpProg(_) => "ArtIpProg",
        Packet::Other(_) => "other",
    }
}
