//! Stage 3 of 5, merge: the sources of a universe → its winning levels and who owns each slot.
//!
//! Before it: [`wire`](crate::wire). After it: [`patch`](crate::patch). In: levels and per-address
//! priorities of one source, or a beat of synchronization, with the time. Out: 512 levels and 512
//! owners per universe, and which universes changed. Thread: the relay thread. It knows no packets:
//! sACN and Art-Net come as the same [`DmxData`].
//!
//! Promises: no lock, no allocation after [`Merge::new`], no clock; equal calls give equal results.
//! A packet of a source that rules alone costs a comparison and, if something changed, a copy.
//! Time-outs are found by one heap of deadlines; a deadline may be early, never late, so a packet
//! does not touch the heap and a time-out called too early does nothing.
//!
//! # Rules
//!
//! * **Sequence** (E1.31 §6.7.2): a packet is dropped if -20 < new - old <= 0 in signed 8-bit
//!   arithmetic; per source, universe and START code. Art-Net alike, 0 = not counted; after 20
//!   drops in a row an Art-Net source is heard again.
//! * **Network data loss** (E1.31 §6.7.1): 2.5 s without levels, or Stream_Terminated. Art-Net:
//!   10 s. The levels of a universe whose last source is lost stay as they were.
//! * **Sources lost together are judged together.** A source that is silent for the loss time is
//!   judged lost as soon as every other source of its universe has either been heard 1.25 s or
//!   more after it (Art-Net: 5 s), or is silent for the loss time as well. Until then its levels
//!   stay in the merge. A console repeats itself once a second (E1.31 §6.6.2; Art-Net: every 4 s),
//!   so while others live the loss shows at 2.5 s sharp, and when a cable is pulled nobody
//!   flashes up for a moment; never later than 3.75 s (Art-Net: 15 s) after its last packet.
//!   Stream_Terminated is judged at once.
//! * **Nobody is silent whose packets wait.** Losses of sources, of priorities and of beats are judged by
//!   the time up to which everything that arrived was handed over, not by that of the packet at hand.
//! * **Priority**: the highest wins the universe; among equals HTP slot by slot, or LTP. Slots that
//!   a source does not send are 0.
//! * **Per-address priority** (START code 0xDD) replaces a source's universe priority slot by slot;
//!   0 = the source does not control the slot. It ends 2.5 s after its last packet, judged by the
//!   same rule: only if the source was heard since.
//! * **Synchronization** (E1.31 §11, Art-Net 4 "ArtSync"): data with a beat waits for it, the
//!   newest replaces what waits, and all universes of one beat are released in one step.
//! * **Preview_Data** (E1.31 §6.2.6) is not for live output and does not keep a source alive.
//! * **Sampling period**: until it ends, the sources of an sACN universe are listened to only.
//! * **Source limit**: a source too many is left out and told of, unless it has a higher priority
//!   than one that is in: then it takes the place of the lowest. Art-Net: two sources.

mod admit;
mod all_slots;
mod arbitrate;
mod continuity;
mod data;
mod hold;
mod judge;
mod place;
mod port;
mod sample;
mod source;
mod sync;
#[cfg(test)]
mod tests;
mod winners;

use std::time::Duration;

use crate::config::MergeMode;
use crate::event::{EventKind, EventQueue};
use crate::limits::{ARTNET_SOURCES_MAX, Limits, SOURCES_ASIDE, SOURCES_PER_UNIVERSE_MAX};
use crate::snapshot::SignalState;
use crate::time::Time;
use crate::timers::Timers;
use crate::universe::{SLOTS, Universe};

use all_slots::AllSlots;
use place::{Order, Place, State};
use port::{Exclusive, Port};
use sync::{Controllers, SyncAddresses};
use winners::{Source, Stored, replace};

pub use continuity::{GAP_MIN, Gap};
pub use data::{DmxData, Dropped, Merged, Slots, SyncRequest};
pub use sample::{SAMPLED_SOURCES_MAX, UniverseSample};
pub use source::{NAME_BYTES, Silence, SourceId, SourceName, SourceRef, SourceSample};
pub use sync::{ARTSYNC_LOSS, SYNC_LOSS};

/// A source is lost after this time without levels (E131_NETWORK_DATA_LOSS_TIMEOUT, §6.7.1).
pub const SACN_LOSS: Duration = Duration::from_millis(2500);

/// The same for Art-Net ("Data merging").
pub const ARTNET_LOSS: Duration = Duration::from_secs(10);

/// A source that was heard this long after another fell silent has outlived it: longer than the
/// keep-alive of a console, 1 s (E1.31 §6.6.2), and shorter than what is left of the loss time.
pub const SACN_OUTLIVED: Duration = Duration::from_millis(1250);

/// The same for Art-Net, whose keep-alive is 4 s ("ArtDmx").
pub const ARTNET_OUTLIVED: Duration = Duration::from_secs(5);

/// In owners: no source controls the slot.
pub const NO_OWNER: u8 = u8::MAX;

/// The sources and levels of every patched universe. A universe is called by the index that
/// [`add`](Self::add) gave it.
#[derive(Debug)]
pub struct Merge {
    mode: MergeMode,
    sampling_period: Duration,
    sacn_sources: usize,
    /// Places of one universe: sources that count, and those set aside.
    places_each: usize,
    universes_max: usize,
    ports: Vec<Port>,
    /// Ports that are not in use.
    free: Vec<u32>,
    /// By port, [`places_each`](Self::places_each) for each.
    places: Vec<Place>,
    /// By place, then by port; so the three below. Most universes use one place, and what the others
    /// have reserved here stays untouched in one piece.
    levels: AllSlots,
    priorities: AllSlots,
    held_levels: AllSlots,
    held_priorities: AllSlots,
    /// By port; those of a port with a [solo](Port::solo) place are in `levels`.
    out_levels: AllSlots,
    /// By port.
    out_owners: AllSlots,
    /// Deadlines of the ports, and after them that of synchronization.
    timers: Timers,
    sync_deadline: Time,
    addresses: SyncAddresses,
    controllers: Controllers,
    /// Ports with something that waits for synchronization.
    holding: Vec<u32>,
    /// Ports that changed since they were polled.
    changed: Vec<u32>,
    /// Nobody is judged silent by a later time.
    read_to: Time,
}

/// Later than everything.
const NEVER: Time = Time::from_nanos(u64::MAX);

/// Most places of one universe; fits the bits of a `u64`.
const PLACES_MAX: usize = SOURCES_PER_UNIVERSE_MAX + SOURCES_ASIDE;

impl Merge {
    /// Takes the memory for all universes that `limits` allows. What is not used yet is reserved,
    /// not touched. `mode` is how sources of equal priority share a universe.
    pub fn new(limits: &Limits, mode: MergeMode, sampling_period: Duration) -> Self {
        let sacn_sources = limits.sources_per_universe.clamp(1, SOURCES_PER_UNIVERSE_MAX);
        let places_each = sacn_sources.max(ARTNET_SOURCES_MAX) + SOURCES_ASIDE;
        let places = limits.universes * places_each;
        Self {
            mode,
            sampling_period,
            sacn_sources,
            places_each,
            universes_max: limits.universes,
            ports: Vec::with_capacity(limits.universes),
            free: Vec::with_capacity(limits.universes),
            places: Vec::with_capacity(places),
            levels: AllSlots::new(places),
            priorities: AllSlots::new(places),
            held_levels: AllSlots::new(places),
            held_priorities: AllSlots::new(places),
            out_levels: AllSlots::new(limits.universes),
            out_owners: AllSlots::new(limits.universes),
            timers: Timers::new(limits.universes + 1),
            sync_deadline: NEVER,
            addresses: SyncAddresses::new(),
            controllers: Controllers::new(),
            holding: Vec::with_capacity(limits.universes),
            changed: Vec::with_capacity(limits.universes),
            read_to: NEVER,
        }
    }

    /// What arrived before `time` has been handed over, and of what came later not all, maybe. To be
    /// said before packets that are not handed over in the order in which they arrived.
    pub fn set_read_to(&mut self, time: Time) {
        self.read_to = time;
    }

    /// Begins to take a universe; for sACN its sampling period begins. `None` if there is no room.
    pub fn add(&mut self, universe: Universe, now: Time) -> Option<usize> {
        let port = Port::new(universe, self.mode);
        let u = match self.free.pop() {
            Some(u) => {
                self.ports[u as usize] = port;
                u as usize
            }
            None if self.ports.len() < self.universes_max => {
                let places = (self.ports.len() + 1) * self.places_each;
                self.ports.push(port);
                self.places.resize(places, Place::FREE);
                let u = self.ports.len() - 1;
                self.out_owners[u] = [NO_OWNER; SLOTS];
                u
            }
            None => return None,
        };
        self.start_sampling(u, now);
        Some(u)
    }

    /// Begins the sampling period of an sACN universe that has no source yet.
    pub fn start_sampling(&mut self, u: usize, now: Time) {
        let port = &mut self.ports[u];
        if !self.sampling_period.is_zero() && !port.is_artnet() && port.live == 0 {
            let until = now + self.sampling_period;
            port.sampling_until = Some(until);
            self.lower_deadline(u, until);
        }
    }

    /// Forgets a universe and its sources.
    pub fn remove(&mut self, u: usize) {
        for p in 0..self.places_each as u8 {
            self.leave_sync(u, p);
            let at = self.at(u, p);
            self.places[at] = Place::FREE;
        }
        self.ports[u].universe = None;
        self.ports[u].deadline = NEVER;
        self.timers.set(u, None);
        self.holding.retain(|&held| held as usize != u);
        self.changed.retain(|&changed| changed as usize != u);
        self.out_levels[u] = [0; SLOTS];
        self.out_owners[u] = [NO_OWNER; SLOTS];
        self.free.push(u as u32);
    }

    /// The winning levels.
    #[inline]
    pub fn levels(&self, u: usize) -> &[u8; SLOTS] {
        match self.ports[u].solo {
            NO_OWNER => &self.out_levels[u],
            solo => &self.levels[self.slots_at(u, solo)],
        }
    }

    /// Per slot the place of the winning source, [`NO_OWNER`] if none; places mean nothing but
    /// equality here, [`sample`](Self::sample) says who they are.
    pub fn owners(&self, u: usize) -> &[u8; SLOTS] {
        &self.out_owners[u]
    }

    /// Whether a source rules the universe, did once, or never yet.
    pub fn signal(&self, u: usize) -> SignalState {
        self.ports[u].signal
    }

    /// When it was last heard; `None` before the first packet.
    pub fn last_heard(&self, u: usize) -> Option<Time> {
        self.ports[u].last_heard
    }

    /// The next universe whose levels or signal may have changed. To be asked after every other
    /// call, until there is none.
    #[must_use]
    pub fn poll_changed(&mut self) -> Option<usize> {
        let u = self.changed.pop()? as usize;
        self.ports[u].changed = false;
        Some(u)
    }

    /// Brings what the next packet of a universe will need nearer to the processor.
    #[inline]
    pub fn foresee(&self, u: usize) {
        /// What comes from memory at once.
        const LINE: usize = 64;
        let hint = self.ports[u].hint;
        self.places[self.at(u, hint)].foresee();
        let levels = &self.levels[self.slots_at(u, hint)];
        let lines = levels.iter().step_by(LINE);
        std::hint::black_box(lines.fold(0, |all, &level| all | level));
    }

    /// Takes one packet of a source.
    #[inline]
    pub fn apply(
        &mut self,
        u: usize,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) -> Merged {
        if now >= self.ports[u].deadline {
            self.judge(u, now, events);
        }
        let found = self.find(u, data.source);
        if let Some(p) = found
            && let Some(dropped) = self.out_of_sequence(u, p, now, data, events)
        {
            return Merged::Dropped(dropped);
        }
        if data.terminated {
            return self.farewell(u, found, now, events);
        }
        if data.preview {
            return self.preview(u, found, now, data, events);
        }
        let p = match found {
            Some(p) if self.places[self.at(u, p)].is_live() => p,
            _ => match self.admit(u, found, now, data, events) {
                Ok(p) => p,
                Err(dropped) => return Merged::Dropped(dropped),
            },
        };
        if self.ports[u].exclusive == Exclusive::Next {
            self.lose(u, !(1 << p), Silence::MergeCancelled, now, events);
            self.ports[u].exclusive = Exclusive::Only(p);
        }
        self.hear(u, p, now, data, events);
        let merged = if self.must_wait(u, p, now, data, events) {
            self.hold(u, p, data);
            Merged::Held
        } else {
            let held = self.release_place(u, p);
            let stored = self.store(u, p, data);
            self.refresh(u, p, held.max(stored), now, events);
            Merged::Taken
        };
        self.judge_after(u, p, now, events);
        merged
    }

    /// The index of a place in the arrays of slots.
    #[inline]
    fn slots_at(&self, u: usize, p: u8) -> usize {
        usize::from(p) * self.universes_max + u
    }

    /// The index of a place in the array of places.
    #[inline]
    fn at(&self, u: usize, p: u8) -> usize {
        u * self.places_each + usize::from(p)
    }

    /// The places of a universe with their numbers.
    fn places_of(&self, u: usize) -> impl Iterator<Item = (u8, &Place)> {
        (0u8..).zip(&self.places[u * self.places_each..(u + 1) * self.places_each])
    }

    /// The live places of a universe.
    fn live_of(&self, u: usize) -> impl Iterator<Item = (u8, &Place)> {
        self.places_of(u).filter(|(_, place)| place.is_live())
    }

    #[inline]
    fn find(&self, u: usize, id: SourceId) -> Option<u8> {
        let is_it = |place: &Place| place.id == id && place.state != State::Free;
        let hint = self.ports[u].hint;
        if is_it(&self.places[self.at(u, hint)]) {
            return Some(hint);
        }
        self.places_of(u).find(|(_, place)| is_it(place)).map(|(p, _)| p)
    }

    #[inline]
    fn out_of_sequence(
        &mut self,
        u: usize,
        p: u8,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) -> Option<Dropped> {
        let at = self.at(u, p);
        let (port, place) = (&self.ports[u], &mut self.places[at]);
        let stream = data.slots.stream();
        let gap = match data.sequence {
            Some(number) => place.follow(now, stream, number),
            None => place.silence_before(now, port.loss()),
        };
        if let Some(gap) = gap
            && let Some(universe) = port.universe
        {
            events.push(now, EventKind::Gap { universe, source: place.source_ref(), gap });
        }
        let number = data.sequence?;
        match place.sequence(now, stream, number, port.loss()) {
            Order::Next => None,
            Order::Duplicate => Some(Dropped::Duplicate),
            Order::Late => Some(Dropped::OutOfSequence),
            Order::Jump { from } => {
                if place.tell_jump(now)
                    && let Some(universe) = port.universe
                {
                    let source = place.source_ref();
                    let jump = EventKind::SequenceJump { universe, source, from, to: number };
                    events.push(now, jump);
                }
                None
            }
        }
    }

    /// Notes that a live source was heard.
    #[inline]
    fn hear(&mut self, u: usize, p: u8, now: Time, data: &DmxData<'_>, events: &mut EventQueue) {
        let at = self.at(u, p);
        let (port, place) = (&mut self.ports[u], &mut self.places[at]);
        place.count(now);
        place.address = data.address;
        place.preview_told = false;
        if place.name.bytes() != data.name && !data.name.is_empty() {
            place.name = SourceName::new(data.name);
        }
        let levels = matches!(data.slots, Slots::Levels(_));
        if levels || !place.heard_levels {
            place.heard = place.heard.max(now);
            place.heard_levels |= levels;
        }
        if !levels {
            place.priorities_heard = place.priorities_heard.max(now);
        }
        if !levels
            && !place.ranks_slots()
            && let Some(universe) = port.universe
        {
            events.push(now, EventKind::PapStarted { universe, source: place.source_ref() });
        }
        port.hint = p;
        port.last_heard = port.last_heard.max(Some(now));
        let deadline = now + port.loss();
        if deadline < port.deadline {
            self.lower_deadline(u, deadline);
        }
    }
}
