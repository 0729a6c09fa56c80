//! From any format to any other, whole or in part, with universes renumbered on the way.
//!
//! Captures that stay captures, with the universes' numbers they have, are copied datagram by
//! datagram. Everything else goes through levels: frames are copied one by one; from datagrams a frame is made whenever the levels change;
//! datagrams are made as a console would send them ([`encode`](super::encode)).

use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};
use std::time::Duration;

use super::encode::{Encoder, Sender};
use super::{
    Compression, Content, CsvWriter, Datagram, ErrorKind, Frame, FseqLayout, FseqWriter,
    LevelReader, Numbering, OlaVersion, OlaWriter, PcapngOptions, PcapngWriter, ReadOptions,
    Record, ShowError, ShowReader, UNIVERSES_MAX, Warning, Warnings, number,
};
use crate::time::Time;
use crate::universe::Universe;
use crate::wire::{Packet, parse};

/// Longest time without any record that is filled with repetitions; after that, the file is wrong or
/// the show is over.
const SILENCE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// pcapng, packed or not.
    Pcapng {
        /// With zstd.
        zstd: bool,
    },
    /// An OLA show.
    Ola(OlaVersion),
    /// FSEQ: the levels at every step.
    Fseq {
        /// 1..=255 ms; players know 25 and 50.
        step_ms: u8,
        /// Packing.
        compression: Compression,
    },
    /// A table.
    Csv,
}

/// Which universes, and what they become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remap {
    /// Only these; empty = all.
    pub only: Vec<Universe>,
    /// These become those.
    pub map: Vec<(Universe, Universe)>,
    /// All others go to the same number of this protocol.
    pub protocol: Option<Numbering>,
}

impl Remap {
    /// What a universe becomes; `None` = it is left out, or there is no such number.
    pub fn apply(&self, universe: Universe) -> Option<Universe> {
        if !self.only.is_empty() && !self.only.contains(&universe) {
            return None;
        }
        if let Some((_, to)) = self.map.iter().find(|(from, _)| *from == universe) {
            return Some(*to);
        }
        self.protocol.map_or(Some(universe), |protocol| protocol.universe(number(universe)))
    }

    /// Whether universes get other numbers.
    fn renumbers(&self) -> bool {
        !self.map.is_empty() || self.protocol.is_some()
    }

    /// Whether a datagram is wanted: if it has levels or priorities, those of its universe are; what
    /// belongs to no universe always is.
    fn wants(&self, datagram: &Datagram<'_>) -> bool {
        let universe = match parse(datagram.bytes) {
            _ if self.only.is_empty() => return true,
            Ok(Packet::SacnData(data)) => Universe::Sacn(data.universe()),
            Ok(Packet::ArtDmx(dmx)) => Universe::ArtNet(dmx.port_address()),
            _ => return true,
        };
        self.only.contains(&universe)
    }
}

/// How to convert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertOptions {
    /// How the file is read, and which part of it.
    pub read: ReadOptions,
    /// Which universes.
    pub remap: Remap,
    /// What to write.
    pub target: Target,
    /// Who sends, where datagrams are made from levels.
    pub sender: Sender,
}

/// What was converted.
#[derive(Debug)]
pub struct Converted {
    /// Datagrams or frames written.
    pub written: u64,
    /// Length of what was written.
    pub length: Time,
    /// What the reading met.
    pub warnings: Warnings,
    /// Why the reading ended before the file did. All before it was converted.
    pub error: Option<ShowError>,
}

impl Converted {
    /// Whether there is another one; if reading failed, notes why.
    fn step(&mut self, result: Result<bool, ShowError>) -> bool {
        result.unwrap_or_else(|error| {
            self.error = Some(error);
            false
        })
    }
}

/// A [`Remap`] at work. Two universes must not become one: nobody would know which levels count.
#[derive(Debug)]
pub(super) struct Renumber {
    remap: Remap,
    known: BTreeMap<Universe, Option<Universe>>,
    taken: BTreeMap<Universe, Universe>,
}

impl Renumber {
    pub(super) fn new(remap: Remap) -> Self {
        Self { remap, known: BTreeMap::new(), taken: BTreeMap::new() }
    }

    pub(super) fn apply(&mut self, universe: Universe) -> Result<Option<Universe>, ErrorKind> {
        if let Some(known) = self.known.get(&universe) {
            return Ok(*known);
        }
        if self.known.len() >= UNIVERSES_MAX {
            return Err(ErrorKind::TooManyUniverses(UNIVERSES_MAX));
        }
        let to = self.remap.apply(universe);
        self.known.insert(universe, to);
        if let Some(to) = to
            && let Some(first) = self.taken.insert(to, universe)
        {
            return Err(ErrorKind::Collision(first, universe, to.to_string()));
        }
        Ok(to)
    }
}

/// Why nothing useful came out.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The file cannot be read at all.
    #[error("{0}")]
    Read(#[from] ShowError),
    /// The output cannot be written.
    #[error("writing: {0}")]
    Write(ErrorKind),
}

impl From<ErrorKind> for ConvertError {
    fn from(kind: ErrorKind) -> Self {
        Self::Write(kind)
    }
}

impl From<std::io::Error> for ConvertError {
    fn from(error: std::io::Error) -> Self {
        Self::Write(error.into())
    }
}

/// Converts `input` to `output`; `output` is written from its beginning and should be buffered.
///
/// # Errors
/// If the input is no show, or the output cannot be written. An input that is damaged in the middle
/// is converted up to there.
pub fn convert<R: Read + Seek, W: Write + Seek>(
    mut input: R,
    output: W,
    options: &ConvertOptions,
) -> Result<Converted, ConvertError> {
    let mut sink = match options.target {
        Target::Pcapng { zstd } => {
            let writer = PcapngWriter::new(output, PcapngOptions { epoch_nanos: 0, zstd })?;
            Sink::Pcapng(writer, Box::new(Encoder::new(options.sender.clone())))
        }
        Target::Ola(version) => Sink::Ola(OlaWriter::new(output, version)?),
        Target::Csv => Sink::Csv(CsvWriter::new(output)?),
        Target::Fseq { step_ms, compression } => {
            let layout = survey(&mut input, options, step_ms, compression)?;
            Sink::Fseq(Box::new(Steps::new(FseqWriter::new(output, layout.clone())?, &layout)))
        }
    };
    let mut converted =
        Converted { written: 0, length: Time::ZERO, warnings: Warnings::default(), error: None };
    let mut renumber = Renumber::new(options.remap.clone());
    let reader = ShowReader::new(&mut input, &options.read)?;
    if !reader.format().is_capture() {
        copy_frames(reader, &mut sink, &mut renumber, &mut converted)?;
    } else if let Sink::Pcapng(writer, _) = &mut sink
        && !options.remap.renumbers()
    {
        copy_datagrams(reader, writer, &options.remap, &mut converted)?;
    } else {
        drop(reader);
        let levels = LevelReader::new(&mut input, &options.read)?;
        write_changes(levels, &mut sink, &mut renumber, &mut converted)?;
    }
    sink.finish(converted.length)?;
    Ok(converted)
}

/// Reads the show once to know what an FSEQ file of it holds.
fn survey<R: Read + Seek>(
    input: R,
    options: &ConvertOptions,
    step_ms: u8,
    compression: Compression,
) -> Result<FseqLayout, ConvertError> {
    let mut levels = LevelReader::new(input, &options.read)?;
    // What is wrong with the file is told when it is converted.
    while let Ok(Some(_)) = levels.next_change() {}
    let mut universes: Vec<(Universe, u16)> = levels
        .universes()
        .filter_map(|(universe, slots)| Some((options.remap.apply(universe)?, slots as u16)))
        .collect();
    universes.sort_unstable();
    universes.dedup_by(|next, first| {
        let same = next.0 == first.0;
        if same {
            first.1 = first.1.max(next.1);
        }
        same
    });
    let step = u64::from(step_ms.max(1)) * 1_000_000;
    let frames = levels.last().as_nanos().div_ceil(step) + 1;
    let frames = u32::try_from(frames).map_err(|_| {
        let text = format!("the show lasts {}, too long for FSEQ; cut it first", levels.last());
        ErrorKind::Unwritable(text)
    })?;
    let unique_id = levels.reader().epoch_nanos().unwrap_or(0);
    Ok(FseqLayout { universes, step_ms, frames, compression, unique_id })
}

/// Where levels or datagrams go.
enum Sink<W> {
    Pcapng(PcapngWriter<W>, Box<Encoder>),
    Ola(OlaWriter<W>),
    Fseq(Box<Steps<W>>),
    Csv(CsvWriter<W>),
}

impl<W: Write + Seek> Sink<W> {
    /// New levels of a universe; returns how many datagrams or frames were written for it.
    fn frame(&mut self, at: Time, frame: &Frame<'_>) -> Result<u64, ErrorKind> {
        match self {
            Self::Pcapng(writer, encoder) => {
                let repeated = repeat_until(writer, encoder, at)?;
                let datagram = encoder.levels(at, frame.universe, frame.slots)?;
                put(writer, at, &datagram)?;
                Ok(repeated + 1)
            }
            Self::Ola(writer) => writer.frame(at, frame).map(|()| 1),
            Self::Fseq(steps) => steps.frame(at, frame),
            Self::Csv(writer) => Ok(writer.frame(at, frame).map(|()| 1)?),
        }
    }

    /// Nothing changes any more up to `at`.
    fn until(&mut self, at: Time) -> Result<u64, ErrorKind> {
        match self {
            Self::Pcapng(writer, encoder) => repeat_until(writer, encoder, at),
            Self::Fseq(steps) => steps.until(at),
            Self::Ola(_) | Self::Csv(_) => Ok(0),
        }
    }

    fn finish(self, at: Time) -> Result<(), ErrorKind> {
        match self {
            Self::Pcapng(writer, _) => writer.finish(at).map(|_| ())?,
            Self::Ola(writer) => writer.finish().map(|_| ())?,
            Self::Fseq(steps) => steps.writer.finish().map(|_| ())?,
            Self::Csv(writer) => writer.finish().map(|_| ())?,
        }
        Ok(())
    }
}

fn repeat_until<W: Write>(
    writer: &mut PcapngWriter<W>,
    encoder: &mut Encoder,
    at: Time,
) -> Result<u64, ErrorKind> {
    let mut count = 0;
    let silence = encoder.refresh_due().map_or(Duration::ZERO, |due| at.since(due));
    check_silence(at, silence)?;
    while let Some(due) = encoder.refresh_due().filter(|&due| due < at) {
        if let Some(datagram) = encoder.refresh(due) {
            put(writer, due, &datagram)?;
            count += 1;
        }
    }
    Ok(count)
}

fn check_silence(at: Time, silence: Duration) -> Result<(), ErrorKind> {
    if silence <= SILENCE_MAX {
        return Ok(());
    }
    let days = silence.as_secs() / (24 * 3600);
    let text = format!("nothing happens for {days} days before {at}: cut the show before that");
    Err(ErrorKind::Unwritable(text))
}

/// Writes a datagram made from levels.
fn put<W: Write>(
    writer: &mut PcapngWriter<W>,
    at: Time,
    datagram: &Datagram<'_>,
) -> Result<(), ErrorKind> {
    if writer.interfaces() == 0 {
        writer.add_interface("");
    }
    Ok(writer.datagram(at, datagram)?)
}

fn copy_datagrams<R: Read + Seek, W: Write>(
    mut reader: ShowReader<R>,
    writer: &mut PcapngWriter<W>,
    remap: &Remap,
    converted: &mut Converted,
) -> Result<(), ConvertError> {
    let mut told = 0;
    while converted.step(reader.next_record().map(|record| record.is_some())) {
        let Some(Record { at, content: Content::Datagram(datagram) }) = reader.current() else {
            continue;
        };
        converted.length = at;
        if !remap.wants(&datagram) {
            continue;
        }
        let lost = reader.warnings().count(Warning::Dropped);
        if converted.written == 0 {
            writer.set_epoch_nanos(reader.epoch_nanos().unwrap_or(0));
        }
        while writer.interfaces() <= datagram.interface {
            writer.add_interface(reader.interface_name(writer.interfaces()).unwrap_or_default());
        }
        writer.note_dropped(datagram.interface, lost - std::mem::replace(&mut told, lost));
        writer.datagram(at, &datagram)?;
        converted.written += 1;
    }
    converted.warnings = reader.warnings().clone();
    Ok(())
}

fn copy_frames<R: Read + Seek, W: Write + Seek>(
    mut reader: ShowReader<R>,
    sink: &mut Sink<W>,
    renumber: &mut Renumber,
    converted: &mut Converted,
) -> Result<(), ConvertError> {
    while converted.step(reader.next_record().map(|record| record.is_some())) {
        let Some(Record { at, content: Content::Frame(frame) }) = reader.current() else {
            continue;
        };
        converted.length = at;
        if let Some(universe) = renumber.apply(frame.universe)? {
            converted.written += sink.frame(at, &Frame { universe, ..frame })?;
        }
    }
    converted.written += sink.until(converted.length)?;
    converted.warnings = reader.warnings().clone();
    Ok(())
}

fn write_changes<R: Read + Seek, W: Write + Seek>(
    mut levels: LevelReader<R>,
    sink: &mut Sink<W>,
    renumber: &mut Renumber,
    converted: &mut Converted,
) -> Result<(), ConvertError> {
    let mut last = None;
    while converted.step(levels.next_change().map(|change| change.is_some())) {
        let Some(change) = levels.current() else { continue };
        let Some(universe) = renumber.apply(change.universe)? else { continue };
        if let (Sink::Pcapng(writer, _), None) = (&mut *sink, last) {
            writer.set_epoch_nanos(levels.reader().epoch_nanos().unwrap_or(0));
        }
        let frame = Frame { universe, slots: &change.levels[..change.slots] };
        converted.written += sink.frame(change.at, &frame)?;
        last = Some((change.at, change.index));
    }
    converted.length = levels.last();
    converted.written += sink.until(converted.length)?;
    // A last frame that changes nothing tells the length of the show where nothing else does.
    if let (Sink::Ola(_) | Sink::Csv(_), Some((at, index))) = (&sink, last)
        && at < converted.length
        && let Some(change) = levels.last_of(index)
        && let Some(universe) = renumber.apply(change.universe)?
    {
        let frame = Frame { universe, slots: &change.levels[..change.slots] };
        converted.written += sink.frame(converted.length, &frame)?;
    }
    converted.warnings = levels.reader().warnings().clone();
    Ok(())
}

/// Levels at regular steps.
struct Steps<W> {
    writer: FseqWriter<W>,
    /// Universe, first channel, slots; sorted by universe.
    places: Vec<(Universe, usize, usize)>,
    frame: Vec<u8>,
    step: u64,
    /// Frames written.
    written: u64,
}

impl<W: Write + Seek> Steps<W> {
    fn new(writer: FseqWriter<W>, layout: &FseqLayout) -> Self {
        let mut channel = 0;
        let places = layout
            .universes
            .iter()
            .map(|&(universe, slots)| {
                let first = channel;
                channel += usize::from(slots);
                (universe, first, usize::from(slots))
            })
            .collect();
        let step = u64::from(layout.step_ms) * 1_000_000;
        Self { writer, places, frame: vec![0; channel], step, written: 0 }
    }

    /// A step shows what was there at its time, so all earlier steps are complete now.
    fn frame(&mut self, at: Time, frame: &Frame<'_>) -> Result<u64, ErrorKind> {
        let count = self.write_before(at.as_nanos())?;
        if let Ok(index) = self.places.binary_search_by_key(&frame.universe, |place| place.0) {
            let (_, first, slots) = self.places[index];
            let place = &mut self.frame[first..first + slots];
            let given = frame.slots.len().min(slots);
            place[..given].copy_from_slice(&frame.slots[..given]);
            place[given..].fill(0);
        }
        Ok(count)
    }

    /// The steps up to the first at or after `at`: the last levels get a step of their own.
    fn until(&mut self, at: Time) -> Result<u64, ErrorKind> {
        self.write_before(at.as_nanos().saturating_add(self.step))
    }

    fn write_before(&mut self, nanos: u64) -> Result<u64, ErrorKind> {
        if self.frame.is_empty() {
            return Ok(0); // a show of nothing
        }
        let next = self.written * self.step;
        let silence = Duration::from_nanos(nanos.saturating_sub(next));
        check_silence(Time::from_nanos(nanos), silence)?;
        let mut count = 0;
        while self.written * self.step < nanos {
            self.writer.frame(&self.frame)?;
            self.written += 1;
            count += 1;
        }
        Ok(count)
    }
}
