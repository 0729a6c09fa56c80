//! A recorded show made ready to be sent again: packets and when they are due.
//!
//! Captures are sent **as recorded**: every datagram of levels and synchronization, with its gaps and
//! its faults. Only what must change does: universes that are renumbered, sACN identities (so that a
//! console that is still on the network is not taken for the replay, nor ended by it), and sequence
//! numbers in the second and later rounds, which go on where the round before ended.
//!
//! Everything else is sent **by levels**, as one console: recordings of levels only, captures whose
//! universes change protocol, and captures if asked for. From several sources the levels are what a
//! receiver would hold, synchronised ones change back to back, and what stands still is repeated
//! every [`REFRESH`](super::encode::REFRESH) of real time.
//!
//! Nothing here sends or waits: [`Playback::next_packet`] says what is due and when, counted from
//! the start of playing on an absolute schedule.

mod levels;
mod recorded;
mod streams;
#[cfg(test)]
mod tests;

use std::io::{Read, Seek};
use std::net::SocketAddr;
use std::time::Duration;

use super::convert::{Remap, Renumber};
use super::encode::Sender;
use super::{Content, ErrorKind, LevelReader, ReadOptions, ShowError, ShowReader, Warnings};
use crate::time::Time;
use crate::universe::Universe;
use levels::Console;
use recorded::Rewriter;
use streams::Streams;

/// From the last packet of a round to the first of the next: a frame of DMX512 at its fastest.
pub const ROUND_GAP: Duration = Duration::from_nanos(22_727_273);

/// How a show is played.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaybackOptions {
    /// How the file is read, and which part of it.
    pub read: ReadOptions,
    /// Which universes, and as what.
    pub remap: Remap,
    /// Send captures by levels, too.
    pub by_levels: bool,
    /// Send datagrams of every kind, as they are: polls, remote programming, and what is no sound
    /// packet. For receivers that nobody else uses.
    pub everything: bool,
    /// Times as fast; above 0.
    pub speed: f64,
    /// sACN priority instead of the recorded one. Per-address priorities are left out then.
    pub priority: Option<u8>,
    /// Every recorded CID is changed by these bits; all 0 = kept.
    pub cid_mask: [u8; 16],
    /// Who sends what is sent by levels.
    pub sender: Sender,
}

/// A packet that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When, counted from the start of playing.
    pub due: Duration,
    /// Who sent it when it was recorded.
    pub source: SocketAddr,
    /// To whom.
    pub to: Target,
    /// The payload.
    pub bytes: &'a [u8],
}

/// To whom a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The receivers of a universe; for sACN synchronization, of its address.
    Universe(Universe),
    /// All Art-Net nodes.
    ArtNet,
    /// All sACN receivers: universe discovery, and what is no sound packet.
    Sacn,
}

/// A packet in the buffer.
#[derive(Clone, Copy, Debug)]
struct Found {
    due: Duration,
    source: SocketAddr,
    to: Target,
}

/// Packets by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Given to be sent, farewells left out.
    pub packets: u64,
    /// Of universes that were not asked for, or have no number in the other protocol.
    pub other_universe: u64,
    /// Per-address priorities, where the priority is given.
    pub priorities: u64,
    /// Neither levels nor synchronization: polls, replies, remote programming, discovery of
    /// universes that are others now, and packets that are not sound.
    pub not_levels: u64,
}

/// A show that is being played.
#[derive(Debug)]
pub struct Playback<R> {
    options: PlaybackOptions,
    round: Round<R>,
    /// Time of the show, all rounds in a row, at which the current round began.
    began: Time,
    renumber: Renumber,
    rewriter: Rewriter,
    console: Console,
    streams: Streams,
    counts: Counts,
    packet: Vec<u8>,
}

/// One reading of the file.
#[derive(Debug)]
enum Round<R> {
    Recorded(ShowReader<R>),
    Frames(ShowReader<R>),
    Levels(Box<LevelReader<R>>),
}

impl<R: Read + Seek> Playback<R> {
    /// Begins to play `input`, from its beginning.
    ///
    /// # Errors
    /// If it is no recorded show.
    pub fn new(input: R, options: PlaybackOptions) -> Result<Self, ShowError> {
        Ok(Self {
            round: Round::begin(input, &options)?,
            began: Time::ZERO,
            renumber: Renumber::new(options.remap.clone()),
            rewriter: Rewriter::default(),
            console: Console::new(options.sender.clone()),
            streams: Streams::default(),
            counts: Counts::default(),
            packet: Vec::new(),
            options,
        })
    }

    /// Begins another round, a frame after the last packet of this one. `input` is the same file.
    ///
    /// # Errors
    /// If it is no recorded show.
    pub fn again(&mut self, input: R) -> Result<(), ShowError> {
        let next = self.began + self.position().since(Time::ZERO) + ROUND_GAP;
        self.round = Round::begin(input, &self.options)?;
        self.began = next;
        self.rewriter.begin_round();
        self.console.begin_round();
        Ok(())
    }

    /// The next packet, `None` at the end of the round.
    ///
    /// # Errors
    /// If the file is corrupt from here on, has too many universes, or two universes would become
    /// one.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, ShowError> {
        let found = match self.round {
            Round::Recorded(_) => self.next_recorded()?,
            Round::Frames(_) | Round::Levels(_) => self.next_of_console()?,
        };
        let Some(Found { due, source, to }) = found else { return Ok(None) };
        self.counts.packets += 1;
        self.streams.note(&self.packet, source);
        Ok(Some(Packet { due, source, to, bytes: &self.packet }))
    }

    /// The next farewell of a stream that is still on, three for each (E1.31 §6.2.6); `None` when
    /// all was said. To be sent at once, after the last packet.
    pub fn next_farewell(&mut self) -> Option<Packet<'_>> {
        self.streams.next_farewell()
    }

    /// Where the playing is in the recording.
    pub fn position(&self) -> Time {
        match &self.round {
            Round::Recorded(reader) | Round::Frames(reader) => reader.position(),
            Round::Levels(levels) => levels.last(),
        }
    }

    /// When the round after this one begins, or the show ends: counted as packets are.
    pub fn round_end(&self) -> Duration {
        self.due(self.position()) + ROUND_GAP.div_f64(self.options.speed)
    }

    /// What became of the packets so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What was met in the file and got over, in this round.
    pub fn warnings(&self) -> &Warnings {
        self.round.reader().warnings()
    }

    /// Whether the datagrams are sent as recorded, or else by levels.
    pub fn is_as_recorded(&self) -> bool {
        matches!(self.round, Round::Recorded(_))
    }

    /// When what was recorded at `at` is due.
    fn due(&self, at: Time) -> Duration {
        let at = self.began + at.since(Time::ZERO);
        at.since(Time::ZERO).div_f64(self.options.speed)
    }

    fn next_recorded(&mut self) -> Result<Option<Found>, ShowError> {
        loop {
            let Round::Recorded(reader) = &mut self.round else { return Ok(None) };
            if reader.next_record()?.is_none() {
                return Ok(None);
            }
            let Some(record) = reader.current() else { continue };
            let Content::Datagram(datagram) = record.content else { continue };
            self.packet.clear();
            self.packet.extend_from_slice(datagram.bytes);
            let (at, source) = (record.at, datagram.source);
            let (options, renumber) = (&self.options, &mut self.renumber);
            let rewritten = self
                .rewriter
                .rewrite(options, renumber, source, &mut self.packet, &mut self.counts)
                .map_err(|kind| self.round.error(kind))?;
            if let Some(to) = rewritten {
                return Ok(Some(Found { due: self.due(at), source, to }));
            }
        }
    }

    fn next_of_console(&mut self) -> Result<Option<Found>, ShowError> {
        loop {
            let waiting = self.round.waiting(&mut self.console)?;
            let now = Time::ZERO + self.due(waiting.unwrap_or(self.position()));
            if let Some(found) = self.console.repeat(now, &mut self.packet) {
                return Ok(Some(found));
            }
            let Some((universe, slots)) = self.round.levels().filter(|_| waiting.is_some()) else {
                return Ok(None);
            };
            self.console.take();
            let universe = self.renumber.apply(universe);
            let found = universe.and_then(|universe| match universe {
                Some(universe) => {
                    self.console.levels(now, universe, slots, &mut self.packet).map(Some)
                }
                None => Ok(None),
            });
            match found.map_err(|kind| self.round.error(kind))? {
                Some(found) => return Ok(Some(found)),
                None => self.counts.other_universe += 1,
            }
        }
    }
}

impl<R: Read + Seek> Round<R> {
    fn begin(input: R, options: &PlaybackOptions) -> Result<Self, ShowError> {
        let reader = ShowReader::new(input, &options.read)?;
        if !reader.format().is_capture() {
            return Ok(Self::Frames(reader));
        }
        let remap = &options.remap;
        let crosses = |(from, to): &(Universe, Universe)| {
            matches!(from, Universe::Sacn(_)) != matches!(to, Universe::Sacn(_))
        };
        if options.by_levels || remap.protocol.is_some() || remap.map.iter().any(crosses) {
            return Ok(Self::Levels(Box::new(LevelReader::of(reader))));
        }
        Ok(Self::Recorded(reader))
    }

    /// When the levels that wait to be sent were recorded; reads on if none wait. `None` at the
    /// end.
    fn waiting(&mut self, console: &mut Console) -> Result<Option<Time>, ShowError> {
        if !console.waits() {
            let more = match self {
                Self::Recorded(_) => false,
                Self::Frames(reader) => reader.next_record()?.is_some(),
                Self::Levels(levels) => levels.next_change()?.is_some(),
            };
            console.found(more);
        }
        Ok(match self {
            Self::Frames(reader) => reader.current().map(|record| record.at),
            Self::Levels(levels) => levels.current().map(|change| change.at),
            Self::Recorded(_) => None,
        }
        .filter(|_| console.has_levels()))
    }

    /// The levels read last.
    fn levels(&self) -> Option<(Universe, &[u8])> {
        match self {
            Self::Recorded(_) => None,
            Self::Frames(reader) => match reader.current()?.content {
                Content::Frame(frame) => Some((frame.universe, frame.slots)),
                Content::Datagram(_) => None,
            },
            Self::Levels(levels) => {
                let change = levels.current()?;
                Some((change.universe, &change.levels[..change.slots]))
            }
        }
    }

    fn reader(&self) -> &ShowReader<R> {
        match self {
            Self::Recorded(reader) | Self::Frames(reader) => reader,
            Self::Levels(levels) => levels.reader(),
        }
    }

    fn error(&self, kind: ErrorKind) -> ShowError {
        let reader = self.reader();
        let (offset, records, last) = (reader.offset(), reader.records(), reader.position());
        ShowError { offset, records, last, kind }
    }
}
