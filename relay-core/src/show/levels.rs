//! From records to levels over time: what the relay itself would make of a show.
//!
//! Frames are levels already. Datagrams go through the relay's own parser and merge, so that
//! sources, priorities, per-address priority, synchronization and time-outs count as they do live.
//! A universe without any source left keeps its last levels.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::time::Duration;

use super::{
    Content, Datagram, ErrorKind, ReadOptions, Record, ShowError, ShowReader, UNIVERSES_MAX,
};
use crate::config::MergeMode;
use crate::engine::dmx_data;
use crate::event::EventQueue;
use crate::limits::{Limits, SOURCES_PER_UNIVERSE_MAX};
use crate::merge::{Merge, Slots};
use crate::snapshot::SignalState;
use crate::time::Time;
use crate::universe::{SLOTS, Universe};
use crate::wire::{Packet, artnet, parse, sacn};

/// New levels of one universe.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// When.
    pub at: Time,
    /// The universe, and its number in the order in which universes appeared.
    pub universe: Universe,
    /// Counted from 0.
    pub index: usize,
    /// All levels.
    pub levels: &'a [u8; SLOTS],
    /// Slots that the universe has had so far, at most.
    pub slots: usize,
}

/// Reads a show as changes of levels. Memory: 25 KB for each universe of a capture, 1 KB for each
/// of other formats.
pub struct LevelReader<R> {
    reader: ShowReader<R>,
    merge: Merge,
    /// What nobody asks for here.
    events: EventQueue,
    known: Vec<Known>,
    index: BTreeMap<Universe, usize>,
    /// Time of what is being done.
    now: Time,
    /// Time of the last record, done or not.
    last: Time,
    /// A record was read and is not done yet.
    waiting: bool,
    /// The universe of a frame that is done.
    framed: Option<usize>,
    /// The universe of the change that was given last.
    given: Option<usize>,
}

#[derive(Debug)]
struct Known {
    universe: Universe,
    slots: usize,
    /// The last change that was given; nothing before the first.
    given: Option<[u8; SLOTS]>,
    /// The levels, if they come as frames.
    frame: Option<[u8; SLOTS]>,
}

impl<R: Read + Seek> LevelReader<R> {
    /// Begins to read `input`, from its beginning.
    pub fn new(input: R, options: &ReadOptions) -> Result<Self, ShowError> {
        Ok(Self::of(ShowReader::new(input, options)?))
    }

    /// Goes on with a reader that stands at its beginning.
    pub(super) fn of(reader: ShowReader<R>) -> Self {
        let limits = Limits {
            universes: UNIVERSES_MAX,
            sources_per_universe: SOURCES_PER_UNIVERSE_MAX / 4,
            events: 1,
        };
        Self {
            reader,
            merge: Merge::new(&limits, MergeMode::Htp, Duration::ZERO),
            events: EventQueue::new(limits.events),
            known: Vec::new(),
            index: BTreeMap::new(),
            now: Time::ZERO,
            last: Time::ZERO,
            waiting: false,
            framed: None,
            given: None,
        }
    }

    /// The next change, `None` at the end. Changes of one moment come one by one, with equal times.
    ///
    /// # Errors
    /// If the file is corrupt from here on, or has more universes than are kept.
    pub fn next_change(&mut self) -> Result<Option<Change<'_>>, ShowError> {
        self.next_change_seeing(|_| ())
    }

    /// As [`next_change`](Self::next_change), showing every record on the way to `see`.
    pub(super) fn next_change_seeing(
        &mut self,
        mut see: impl FnMut(&Record<'_>),
    ) -> Result<Option<Change<'_>>, ShowError> {
        loop {
            if let Some(index) = self.changed() {
                self.given = Some(index);
                return Ok(self.current());
            }
            if !self.waiting {
                let Some(record) = self.reader.next_record()? else { return Ok(None) };
                see(&record);
                (self.last, self.waiting) = (record.at, true);
            }
            match self.merge.poll_timeout() {
                Some(due) if due <= self.last => {
                    self.now = self.now.max(due);
                    self.merge.handle_timeout(self.now, &mut self.events);
                }
                _ => {
                    (self.now, self.waiting) = (self.last, false);
                    if let Err(kind) = self.apply() {
                        let (offset, records) = (self.reader.offset(), self.reader.records());
                        return Err(ShowError { offset, records, last: self.last, kind });
                    }
                }
            }
        }
    }

    /// The change that was given last.
    pub(super) fn current(&self) -> Option<Change<'_>> {
        self.last_of(self.given?)
    }

    /// The last change of a universe, as of now.
    pub(super) fn last_of(&self, index: usize) -> Option<Change<'_>> {
        let Known { universe, slots, given, .. } = self.known.get(index)?;
        let (universe, slots, levels) = (*universe, *slots, given.as_ref()?);
        Some(Change { at: self.now, universe, index, levels, slots })
    }

    /// The show it reads.
    pub fn reader(&self) -> &ShowReader<R> {
        &self.reader
    }

    /// Time of the last record; at the end, the length of the show.
    pub fn last(&self) -> Time {
        self.last
    }

    /// The universes so far, in the order of their first appearance, with their slots.
    pub fn universes(&self) -> impl Iterator<Item = (Universe, usize)> {
        self.known.iter().map(|known| (known.universe, known.slots))
    }

    /// A universe with levels that were not given yet; they are taken as given.
    fn changed(&mut self) -> Option<usize> {
        if let Some(index) = self.framed.take()
            && let Known { frame: Some(frame), given, .. } = &mut self.known[index]
            && given.as_ref() != Some(frame)
        {
            *given = Some(*frame);
            return Some(index);
        }
        while let Some(index) = self.merge.poll_changed() {
            let levels = self.merge.levels(index);
            let given = &mut self.known[index].given;
            if self.merge.signal(index) != SignalState::Waiting && given.as_ref() != Some(levels) {
                *given = Some(*levels);
                return Some(index);
            }
        }
        None
    }

    /// Does what the waiting record says.
    fn apply(&mut self) -> Result<(), ErrorKind> {
        let Some(record) = self.reader.current() else { return Ok(()) };
        let mut state = State {
            merge: &mut self.merge,
            events: &mut self.events,
            known: &mut self.known,
            index: &mut self.index,
        };
        match record.content {
            Content::Frame(frame) => {
                let index = state.universe(frame.universe, frame.slots.len(), None)?;
                let mut levels = [0; SLOTS];
                let count = frame.slots.len().min(SLOTS);
                levels[..count].copy_from_slice(&frame.slots[..count]);
                state.known[index].frame = Some(levels);
                self.framed = Some(index);
            }
            Content::Datagram(datagram) => state.datagram(self.now, &datagram)?,
        }
        Ok(())
    }
}

/// The parts that a record changes, apart from the reader that lends it.
struct State<'a> {
    merge: &'a mut Merge,
    events: &'a mut EventQueue,
    known: &'a mut Vec<Known>,
    index: &'a mut BTreeMap<Universe, usize>,
}

impl State<'_> {
    /// The index of a universe, here and, if it is `merged` from some time on, in the merge. No
    /// show has both kinds.
    fn universe(
        &mut self,
        universe: Universe,
        slots: usize,
        merged: Option<Time>,
    ) -> Result<usize, ErrorKind> {
        let index = match self.index.get(&universe) {
            Some(&index) => index,
            None => {
                let index = self.known.len();
                // The merge gives numbers in the order it is asked for them, as we do.
                let merged = merged.is_none_or(|now| self.merge.add(universe, now) == Some(index));
                if !merged || index >= UNIVERSES_MAX {
                    return Err(ErrorKind::TooManyUniverses(UNIVERSES_MAX));
                }
                self.known.push(Known { universe, slots: 0, given: None, frame: None });
                self.index.insert(universe, index);
                index
            }
        };
        let known = &mut self.known[index];
        known.slots = known.slots.max(slots.min(SLOTS));
        Ok(index)
    }

    fn datagram(&mut self, now: Time, datagram: &Datagram<'_>) -> Result<(), ErrorKind> {
        let from = datagram.source.ip().to_canonical();
        match parse(datagram.bytes) {
            Ok(Packet::SacnData(data)) => self.sacn(now, datagram, &data),
            Ok(Packet::ArtDmx(dmx)) => self.artnet(now, datagram, &dmx),
            Ok(Packet::SacnSync(sync)) => {
                let (address, number) = (sync.sync_address.number(), sync.sequence);
                let _ = self.merge.sacn_sync(now, address, sync.cid, number, self.events);
                Ok(())
            }
            Ok(Packet::ArtSync) => {
                let _ = self.merge.art_sync(now, from, self.events);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sacn(
        &mut self,
        now: Time,
        datagram: &Datagram<'_>,
        data: &sacn::Data<'_>,
    ) -> Result<(), ErrorKind> {
        let Some(dmx) = dmx_data::of_sacn(datagram.source, data) else { return Ok(()) };
        if data.terminated() {
            let address = data.universe().number();
            self.merge.sacn_sync_terminated(now, address, data.cid(), self.events);
        }
        let (Slots::Levels(slots) | Slots::Priorities(slots)) = dmx.slots;
        let index = self.universe(Universe::Sacn(data.universe()), slots.len(), Some(now))?;
        let _ = self.merge.apply(index, now, &dmx, self.events);
        Ok(())
    }

    fn artnet(
        &mut self,
        now: Time,
        datagram: &Datagram<'_>,
        dmx: &artnet::Dmx<'_>,
    ) -> Result<(), ErrorKind> {
        let data = dmx_data::of_artnet(datagram.source, dmx);
        let universe = Universe::ArtNet(dmx.port_address());
        let index = self.universe(universe, dmx.slots().len(), Some(now))?;
        let _ = self.merge.apply(index, now, &data, self.events);
        Ok(())
    }
}

impl<R> std::fmt::Debug for LevelReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LevelReader")
            .field("reader", &self.reader)
            .field("universes", &self.known.len())
            .finish_non_exhaustive()
    }
}
