//! What else is on the network: universes that nobody patched, and what sources say they send.
//!
//! Both lists are bounded. A flood of made-up universes pushes out the entries heard longest ago.

use std::net::SocketAddr;
use std::time::Duration;

use crate::limits::{DISCOVERED_SOURCES_MAX, NOT_PATCHED_MAX};
use crate::merge::SourceName;
use crate::time::Time;
use crate::universe::{SacnUniverse, Universe};
use crate::wire::sacn::{Cid, Discovery};

/// A source that has not repeated its list for this time is forgotten: three intervals
/// (E131_UNIVERSE_DISCOVERY_INTERVAL, 10 s, E1.31 Appendix A).
pub const DISCOVERY_LOSS: Duration = Duration::from_secs(30);

/// A universe that levels come for and that no group is patched to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPatched {
    /// The universe.
    pub universe: Universe,
    /// Where its last packet came from.
    pub source: SocketAddr,
    /// Packets since it was first seen.
    pub packets: u64,
    /// Its first packet.
    pub first_seen: Time,
    /// Its last packet.
    pub last_seen: Time,
}

/// The universes that levels came for and that no group is patched to.
#[derive(Debug)]
pub(super) struct NotPatchedList {
    entries: Vec<NotPatched>,
}

impl NotPatchedList {
    pub(super) fn new() -> Self {
        Self { entries: Vec::with_capacity(NOT_PATCHED_MAX) }
    }

    pub(super) fn entries(&self) -> &[NotPatched] {
        &self.entries
    }

    /// Notes a packet. True if the universe is new and to be told of: while the list has room, so
    /// that a flood is told of a bounded number of times.
    pub(super) fn note(&mut self, now: Time, universe: Universe, source: SocketAddr) -> bool {
        if let Some(entry) = self.entries.iter_mut().find(|e| e.universe == universe) {
            entry.source = source;
            entry.packets += 1;
            entry.last_seen = now;
            return false;
        }
        let entry = NotPatched { universe, source, packets: 1, first_seen: now, last_seen: now };
        if self.entries.len() < NOT_PATCHED_MAX {
            self.entries.push(entry);
            return true;
        }
        if let Some(oldest) = self.entries.iter_mut().min_by_key(|e| e.last_seen) {
            *oldest = entry;
        }
        false
    }

    /// Keeps only universes that are still not patched.
    pub(super) fn retain(&mut self, mut not_patched: impl FnMut(Universe) -> bool) {
        self.entries.retain(|entry| not_patched(entry.universe));
    }
}

/// One bit per sACN universe.
type Bits = [u64; SacnUniverse::MAX as usize / 64 + 1];

/// A source that tells which universes it sends (E1.31 §6.4, §8).
#[derive(Clone, Debug)]
pub struct Discovered {
    /// The source.
    pub cid: Cid,
    /// Its name.
    pub name: SourceName,
    /// Where its list came from.
    pub address: SocketAddr,
    /// When its last page came.
    pub last_seen: Time,
    universes: Box<Bits>,
}

impl Discovered {
    /// Room for one.
    pub fn new() -> Self {
        Self {
            cid: Cid([0; 16]),
            name: SourceName::EMPTY,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            last_seen: Time::ZERO,
            universes: Box::new([0; _]),
        }
    }

    /// Becomes `other` without allocating.
    pub fn copy_from(&mut self, other: &Self) {
        let Self { cid, name, address, last_seen, universes } = other;
        (self.cid, self.name, self.address, self.last_seen) = (*cid, *name, *address, *last_seen);
        self.universes.copy_from_slice(&universes[..]);
    }

    /// Whether it says that it sends this universe.
    pub fn announces(&self, universe: SacnUniverse) -> bool {
        let n = universe.number();
        self.universes[usize::from(n / 64)] & 1 << (n % 64) != 0
    }

    /// The universes it says it sends, ascending.
    pub fn universes(&self) -> impl Iterator<Item = SacnUniverse> + '_ {
        let words = self.universes.iter().zip((0..).step_by(64)).filter(|(word, _)| **word != 0);
        words
            .flat_map(|(_, first)| first..=first + 63)
            .filter_map(SacnUniverse::new)
            .filter(|&universe| self.announces(universe))
    }
}

impl Default for Discovered {
    fn default() -> Self {
        Self::new()
    }
}

/// A source's list, and the one that is coming in.
#[derive(Clone, Debug)]
struct Listed {
    source: Discovered,
    /// Complete, it replaces the source's list.
    coming: Box<Bits>,
    next_page: Option<u8>,
}

/// The sources that tell which universes they send.
#[derive(Debug)]
pub(super) struct DiscoveryList {
    /// In use, then spare ones.
    lists: Vec<Listed>,
    in_use: usize,
}

impl DiscoveryList {
    pub(super) fn new() -> Self {
        let source = Discovered::new();
        let spare = Listed { source, coming: Box::new([0; _]), next_page: None };
        Self { lists: vec![spare; DISCOVERED_SOURCES_MAX], in_use: 0 }
    }

    /// The sources heard within [`DISCOVERY_LOSS`].
    pub(super) fn sources(&self, now: Time) -> impl Iterator<Item = &Discovered> {
        let heard = move |source: &&Discovered| now < source.last_seen + DISCOVERY_LOSS;
        self.lists[..self.in_use].iter().map(|list| &list.source).filter(heard)
    }

    /// Takes one page. A list counts when all of its pages came in order; until then the one
    /// before it stands. A page of which the first was missed is passed over.
    pub(super) fn note(&mut self, now: Time, from: SocketAddr, page: &Discovery<'_>) {
        let index = self.place(page.cid());
        let Listed { source, coming, next_page } = &mut self.lists[index];
        source.last_seen = now;
        source.address = from;
        source.name = SourceName::new(page.source_name().bytes());
        if page.page() == 0 {
            coming.fill(0);
            *next_page = Some(0);
        }
        if *next_page != Some(page.page()) {
            *next_page = None;
            return;
        }
        for universe in page.universes() {
            let n = universe.number();
            coming[usize::from(n / 64)] |= 1 << (n % 64);
        }
        if page.page() == page.last_page() {
            std::mem::swap(&mut source.universes, coming);
            *next_page = None;
        } else {
            *next_page = page.page().checked_add(1);
        }
    }

    /// The place of a source; a new one takes a spare place or that of the one heard longest ago.
    fn place(&mut self, cid: Cid) -> usize {
        let known = &self.lists[..self.in_use];
        if let Some(index) = known.iter().position(|list| list.source.cid == cid) {
            return index;
        }
        let index = if self.in_use < self.lists.len() {
            self.in_use += 1;
            self.in_use - 1
        } else {
            let oldest = known.iter().enumerate().min_by_key(|(_, list)| list.source.last_seen);
            oldest.map_or(0, |(index, _)| index)
        };
        let list = &mut self.lists[index];
        list.source.cid = cid;
        list.source.universes.fill(0);
        list.next_page = None;
        index
    }
}
