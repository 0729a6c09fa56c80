//! Stage 3 of 5, merge: the sources of a universe → its winning levels and who owns each slot.
//!
//! Before it: [`wire`](crate::wire). After it: [`patch`](crate::patch). In: levels and per-address
//! priorities of one source, or a beat of synchronization, with the time. Out: 512 levels and 512
//! owners per universe, and which universes changed. Thread: the relay thread. It knows no packets:
//! sACN and Art-Net come as the same [`DmxData`].
//!
//! Promises: no lock, no allocation after [`Merge::new`], no clock; equal calls give equal results.
//! A packet of a source that rules alone costs a comparison and, if something changed, two copies.
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

mod arbitrate;
mod hold;
mod judge;
mod place;
mod sample;
mod source;
mod sync;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::MergeMode;
use crate::event::{EventKind, EventQueue};
use crate::limits::{ARTNET_SOURCES_MAX, Limits, SOURCES_ASIDE, SOURCES_PER_UNIVERSE_MAX};
use crate::snapshot::SignalState;
use crate::time::Time;
use crate::timers::Timers;
use crate::universe::{SLOTS, Universe};

use arbitrate::Winners;
use place::{NO_SYNC, Order, Place, State, Stream};
use sync::{Controllers, SyncAddresses};

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

/// What one packet says, in either protocol.
#[derive(Clone, Copy, Debug)]
pub struct DmxData<'a> {
    /// Who sent it.
    pub source: SourceId,
    /// Where it came from; for people.
    pub address: SocketAddr,
    /// The source's name; for people. Art-Net does not carry it here.
    pub name: &'a [u8],
    /// Universe priority, 0..=200. The same for all in Art-Net.
    pub priority: u8,
    /// Sequence number; `None` = the source does not count.
    pub sequence: Option<u8>,
    /// The slots, from slot 1 on; at most 512 are looked at.
    pub slots: Slots<'a>,
    /// Not for live output.
    pub preview: bool,
    /// The source leaves the universe; its slots are ignored.
    pub terminated: bool,
    /// sACN synchronization address, if not 0, and Force_Synchronization.
    pub sync: Option<SyncRequest>,
}

/// What the slots are.
#[derive(Clone, Copy, Debug)]
pub enum Slots<'a> {
    /// Levels (START code 0x00).
    Levels(&'a [u8]),
    /// Per-address priorities (START code 0xDD).
    Priorities(&'a [u8]),
}

/// Data that wants to wait for a synchronization packet (E1.31 §6.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// The synchronization address, not 0.
    pub address: u16,
    /// Go on unsynchronised when synchronization is lost (§6.2.6).
    pub force: bool,
}

/// What a packet came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Its levels, its priorities or its farewell were taken.
    Taken,
    /// It waits for synchronization.
    Held,
    /// It was left out.
    Dropped(Dropped),
}

impl Merged {
    /// Whether the packet shows.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Taken)
    }
}

/// Why a packet was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Late by its sequence number.
    OutOfSequence,
    /// The same sequence number again.
    Duplicate,
    /// Preview data.
    Preview,
    /// The universe has all the sources it takes.
    SourceLimit,
    /// AcCancelMerge gave the universe to another source.
    MergeCancelled,
    /// A farewell of a source that was not there.
    NotASource,
    /// Synchronization that nothing waits for, or that is ignored as the standard says.
    Sync,
}

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
    /// By port, [`places_each`](Self::places_each) for each; so the four below.
    places: Vec<Place>,
    levels: Vec<[u8; SLOTS]>,
    priorities: Vec<[u8; SLOTS]>,
    held_levels: Vec<[u8; SLOTS]>,
    held_priorities: Vec<[u8; SLOTS]>,
    /// By port.
    out_levels: Vec<[u8; SLOTS]>,
    out_owners: Vec<[u8; SLOTS]>,
    /// Deadlines of the ports, and after them that of synchronization.
    timers: Timers,
    sync_deadline: Time,
    addresses: SyncAddresses,
    controllers: Controllers,
    /// Ports with something that waits for synchronization.
    holding: Vec<u32>,
    /// Ports that changed since they were polled.
    changed: Vec<u32>,
}

/// One universe.
#[derive(Clone, Debug)]
struct Port {
    /// `None` = not in use.
    universe: Option<Universe>,
    /// Not later than the first thing that time alone brings about.
    deadline: Time,
    /// The place of the last packet.
    hint: u8,
    /// The place that alone has the highest priority, none ranking slot by slot; [`NO_OWNER`] if
    /// there is no such place.
    solo: u8,
    /// Live places.
    live: u8,
    /// A source is silent for the loss time and not judged yet.
    settling: bool,
    /// The winners are to be found anew at the end of this step. Only then: what one step takes
    /// away bit by bit must not show bit by bit.
    unsettled: bool,
    /// A source was left out and told of.
    limit_told: bool,
    /// Is in [`Merge::changed`].
    changed: bool,
    /// Is in [`Merge::holding`].
    holding: bool,
    mode: MergeMode,
    exclusive: Exclusive,
    signal: SignalState,
    sampling_until: Option<Time>,
    /// The last ArtSync that this port heeds, and the controller it came from.
    artsync: Option<(Time, u8)>,
    last_heard: Option<Time>,
    /// Counts changes of levels, for LTP.
    changes: u64,
}

/// The state of AcCancelMerge (Art-Net 4 "Data merging").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exclusive {
    No,
    /// The next packet's source takes the universe alone.
    Next,
    /// This place has it alone, until it is lost.
    Only(u8),
}

/// What storing slots changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stored {
    Nothing,
    /// Levels alone.
    Levels,
    /// Priorities too, or the source is new to the merge.
    Rank,
}

/// One source as arbitration sees it.
struct Source<'a> {
    place: u8,
    priority: u8,
    levels: &'a [u8; SLOTS],
    priorities: Option<&'a [u8; SLOTS]>,
}

/// Later than everything.
const NEVER: Time = Time::from_nanos(u64::MAX);

/// Most places of one universe; fits the bits of a `u64`.
const PLACES_MAX: usize = SOURCES_PER_UNIVERSE_MAX + SOURCES_ASIDE;

/// Puts `slots` into `whole`, 0 after them; says whether that changed anything.
#[inline]
fn replace(whole: &mut [u8; SLOTS], slots: &[u8]) -> bool {
    let slots = &slots[..slots.len().min(SLOTS)];
    let (head, tail) = whole.split_at_mut(slots.len());
    if head == slots && tail == &[0; SLOTS][..tail.len()] {
        return false;
    }
    head.copy_from_slice(slots);
    tail.fill(0);
    true
}

impl Slots<'_> {
    const fn stream(&self) -> Stream {
        match self {
            Self::Levels(_) => Stream::Levels,
            Self::Priorities(_) => Stream::Priorities,
        }
    }
}

impl Port {
    fn new(universe: Universe, mode: MergeMode) -> Self {
        Self {
            universe: Some(universe),
            deadline: NEVER,
            hint: 0,
            solo: NO_OWNER,
            live: 0,
            settling: false,
            unsettled: false,
            limit_told: false,
            changed: false,
            holding: false,
            mode,
            exclusive: Exclusive::No,
            signal: SignalState::Waiting,
            sampling_until: None,
            artsync: None,
            last_heard: None,
            changes: 0,
        }
    }

    fn is_artnet(&self) -> bool {
        matches!(self.universe, Some(Universe::ArtNet(_)))
    }

    fn loss(&self) -> Duration {
        if self.is_artnet() { ARTNET_LOSS } else { SACN_LOSS }
    }

    fn outlived(&self) -> Duration {
        if self.is_artnet() { ARTNET_OUTLIVED } else { SACN_OUTLIVED }
    }
}

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
            levels: Vec::with_capacity(places),
            priorities: Vec::with_capacity(places),
            held_levels: Vec::with_capacity(places),
            held_priorities: Vec::with_capacity(places),
            out_levels: Vec::with_capacity(limits.universes),
            out_owners: Vec::with_capacity(limits.universes),
            timers: Timers::new(limits.universes + 1),
            sync_deadline: NEVER,
            addresses: SyncAddresses::new(),
            controllers: Controllers::new(),
            holding: Vec::with_capacity(limits.universes),
            changed: Vec::with_capacity(limits.universes),
        }
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
                for slots in [
                    &mut self.levels,
                    &mut self.priorities,
                    &mut self.held_levels,
                    &mut self.held_priorities,
                ] {
                    slots.resize(places, [0; SLOTS]);
                }
                self.out_levels.push([0; SLOTS]);
                self.out_owners.push([NO_OWNER; SLOTS]);
                self.ports.len() - 1
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
    pub fn levels(&self, u: usize) -> &[u8; SLOTS] {
        &self.out_levels[u]
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

    /// The index of a place in the arrays of places.
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
        let (stream, number) = (data.slots.stream(), data.sequence?);
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

    /// Stream_Terminated (E1.31 §6.2.6).
    #[cold]
    fn farewell(
        &mut self,
        u: usize,
        found: Option<u8>,
        now: Time,
        events: &mut EventQueue,
    ) -> Merged {
        let Some(p) = found else { return Merged::Dropped(Dropped::NotASource) };
        let at = self.at(u, p);
        self.places[at].count(now);
        if self.places[at].is_live() {
            self.lose(u, 1 << p, Silence::Terminated, now, events);
            self.judge(u, now, events);
            return Merged::Taken;
        }
        match self.places[at].state {
            State::Aside(Silence::Terminated | Silence::TimedOut) => {
                Merged::Dropped(Dropped::NotASource)
            }
            _ => {
                self.places[at].state = State::Aside(Silence::Terminated);
                Merged::Taken
            }
        }
    }

    /// Preview_Data (E1.31 §6.2.6). A live source that goes into preview is lost in its time.
    #[cold]
    fn preview(
        &mut self,
        u: usize,
        found: Option<u8>,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) -> Merged {
        let p = match found {
            Some(p) => p,
            None => self.set_aside(u, now, data, Silence::Preview),
        };
        let at = self.at(u, p);
        let place = &mut self.places[at];
        if !place.is_live() {
            place.state = State::Aside(Silence::Preview);
        }
        place.count(now);
        place.address = data.address;
        place.name = SourceName::new(data.name);
        if !std::mem::replace(&mut place.preview_told, true)
            && let Some(universe) = self.ports[u].universe
        {
            events.push(now, EventKind::Preview { universe, source: place.source_ref() });
        }
        Merged::Dropped(Dropped::Preview)
    }

    /// Lets a source that is not live into the merge, or says why not.
    #[cold]
    fn admit(
        &mut self,
        u: usize,
        found: Option<u8>,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) -> Result<u8, Dropped> {
        match self.ports[u].exclusive {
            Exclusive::Only(_) => {
                self.leave_out(u, found, now, data, Silence::MergeCancelled);
                return Err(Dropped::MergeCancelled);
            }
            // The others go as soon as this packet is in.
            Exclusive::Next => {}
            Exclusive::No => {
                let full = usize::from(self.ports[u].live) >= self.sources_max(u);
                if full && !self.displace(u, now, data, events) {
                    let p = self.leave_out(u, found, now, data, Silence::SourceLimit);
                    self.tell_limit(u, p, now, events);
                    return Err(Dropped::SourceLimit);
                }
            }
        }
        let p = found.unwrap_or_else(|| self.set_aside(u, now, data, Silence::NoLevels));
        self.enliven(u, p, now, data, events);
        Ok(p)
    }

    /// Makes a place that was set aside live, with nothing in the merge yet.
    fn enliven(&mut self, u: usize, p: u8, now: Time, data: &DmxData<'_>, events: &mut EventQueue) {
        let at = self.at(u, p);
        let (port, place) = (&mut self.ports[u], &mut self.places[at]);
        place.enliven(now, data);
        self.levels[at] = [0; SLOTS];
        self.priorities[at] = [0; SLOTS];
        port.live += 1;
        let Some(universe) = port.universe else { return };
        if let SourceId::ArtNet { ip, .. } = data.source {
            place.sync = self.controllers.join(ip).unwrap_or(NO_SYNC);
        }
        let priority = matches!(universe, Universe::Sacn(_)).then_some(data.priority);
        let source = place.source_ref();
        events.push(now, EventKind::SourceAppeared { universe, source, priority });
        if port.is_artnet() && port.live > 1 {
            // A port that merges ignores ArtSync, so nothing waits for it any more.
            self.release_port(u, None, false, now, events);
        }
    }

    fn sources_max(&self, u: usize) -> usize {
        if self.ports[u].is_artnet() { ARTNET_SOURCES_MAX } else { self.sacn_sources }
    }

    /// Puts aside the live source of lowest priority, if the newcomer's is higher: the highest
    /// priority wins a universe however many others send it. True if there is a place now.
    fn displace(
        &mut self,
        u: usize,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) -> bool {
        let lowest = self.live_of(u).min_by_key(|(p, place)| (place.standing(), u8::MAX - p));
        match lowest.map(|(p, place)| (p, place.standing())) {
            Some((p, standing)) if standing < data.priority => {
                self.lose(u, 1 << p, Silence::SourceLimit, now, events);
                true
            }
            _ => false,
        }
    }

    /// Remembers a source that does not count.
    fn leave_out(
        &mut self,
        u: usize,
        found: Option<u8>,
        now: Time,
        data: &DmxData<'_>,
        why: Silence,
    ) -> u8 {
        let p = found.unwrap_or_else(|| self.set_aside(u, now, data, why));
        let at = self.at(u, p);
        let place = &mut self.places[at];
        place.state = State::Aside(why);
        place.priority = data.priority;
        place.address = data.address;
        place.count(now);
        p
    }

    /// Gives a new source a place: a free one, else that of the source set aside that was silent
    /// longest, those that are gone first. There are more places than live sources.
    fn set_aside(&mut self, u: usize, now: Time, data: &DmxData<'_>, why: Silence) -> u8 {
        let rank = |place: &Place| match place.state {
            State::Free => Some((0, Time::ZERO)),
            State::Aside(Silence::TimedOut | Silence::Terminated) => Some((1, place.last_seen)),
            State::Aside(_) => Some((2, place.last_seen)),
            State::Live => None,
        };
        let places = self.places_of(u).filter_map(|(p, place)| Some((rank(place)?, p)));
        let p = places.min().map_or(0, |(_, p)| p);
        let at = self.at(u, p);
        let place = &mut self.places[at];
        *place = Place::new(now, data, why);
        if let Some(number) = data.sequence {
            place.sequence(now, data.slots.stream(), number, Duration::ZERO);
        }
        p
    }

    fn tell_limit(&mut self, u: usize, p: u8, now: Time, events: &mut EventQueue) {
        let limit = self.sources_max(u) as u8;
        let source = self.places[self.at(u, p)].source_ref();
        let port = &mut self.ports[u];
        if !std::mem::replace(&mut port.limit_told, true)
            && let Some(universe) = port.universe
        {
            events.push(now, EventKind::SourceLimit { universe, source, limit });
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

    /// Takes slots into the arrays of the source.
    #[inline]
    fn store(&mut self, u: usize, p: u8, data: &DmxData<'_>) -> Stored {
        let at = self.at(u, p);
        match data.slots {
            Slots::Levels(slots) => {
                let changed = replace(&mut self.levels[at], slots);
                self.levels_stored(u, p, data.priority, changed)
            }
            Slots::Priorities(slots) => {
                let changed = replace(&mut self.priorities[at], slots);
                let first = !std::mem::replace(&mut self.places[at].has_priorities, true);
                if changed || first { Stored::Rank } else { Stored::Nothing }
            }
        }
    }

    #[inline]
    fn levels_stored(&mut self, u: usize, p: u8, priority: u8, changed: bool) -> Stored {
        let at = self.at(u, p);
        let (port, place) = (&mut self.ports[u], &mut self.places[at]);
        let first = !place.has_levels;
        let ranks = first || place.priority != priority;
        place.has_levels = true;
        place.priority = priority;
        if changed || first {
            port.changes += 1;
            place.changed = port.changes;
        }
        match (ranks, changed) {
            (true, _) => Stored::Rank,
            (false, true) => Stored::Levels,
            (false, false) => Stored::Nothing,
        }
    }

    /// Brings the winners up to date after `stored` happened to place `p`.
    #[inline]
    fn refresh(&mut self, u: usize, p: u8, stored: Stored, now: Time, events: &mut EventQueue) {
        let solo = self.ports[u].solo;
        match stored {
            Stored::Nothing => {}
            _ if self.ports[u].unsettled => {}
            Stored::Levels if solo == p => {
                self.out_levels[u] = self.levels[self.at(u, p)];
                self.mark_changed(u);
            }
            // Another one has a higher priority.
            Stored::Levels if solo != NO_OWNER => {}
            Stored::Levels | Stored::Rank => self.arbitrate(u, now, events),
        }
    }

    /// Finds the winners of all slots. Without any source the levels stay.
    fn arbitrate(&mut self, u: usize, now: Time, events: &mut EventQueue) {
        let each = self.places_each;
        let port = &mut self.ports[u];
        port.unsettled = false;
        if port.sampling_until.is_some() {
            return;
        }
        let mut order = [0u8; PLACES_MAX];
        let mut count = 0;
        let (mut top, mut at_top, mut slot_by_slot) = (0, 0, false);
        let places = &self.places[u * each..(u + 1) * each];
        for (p, place) in (0u8..).zip(places).filter(|(_, place)| place.contributes()) {
            order[count] = p;
            count += 1;
            slot_by_slot |= place.has_priorities;
            if count == 1 || place.priority > top {
                (top, at_top) = (place.priority, 0);
            }
            at_top += usize::from(place.priority == top);
        }
        let order = &mut order[..count];
        if port.mode == MergeMode::Ltp {
            order.sort_unstable_by_key(|&p| std::cmp::Reverse(places[usize::from(p)].changed));
        }
        let levels = &self.levels[u * each..(u + 1) * each];
        let winners = Winners { levels: &mut self.out_levels[u], owners: &mut self.out_owners[u] };
        port.solo = NO_OWNER;
        if slot_by_slot {
            let priorities = &self.priorities[u * each..(u + 1) * each];
            let sources = order.iter().map(|&place| {
                let p = usize::from(place);
                let priorities = places[p].has_priorities.then_some(&priorities[p]);
                Source { place, priority: places[p].priority, levels: &levels[p], priorities }
            });
            winners.slot_by_slot(port.mode, sources);
        } else {
            let mut best =
                order.iter().copied().filter(|&p| places[usize::from(p)].priority == top);
            match (best.clone().next(), at_top, port.mode) {
                (None, ..) => return self.silent(u, now, events),
                (Some(p), 1, _) => {
                    port.solo = p;
                    winners.alone(p, &levels[usize::from(p)]);
                }
                (Some(p), _, MergeMode::Ltp) => winners.alone(p, &levels[usize::from(p)]),
                (_, _, MergeMode::Htp) => {
                    winners.highest(best.by_ref().map(|p| (p, &levels[usize::from(p)])));
                }
            }
        }
        self.mark_changed(u);
        let port = &mut self.ports[u];
        if port.signal != SignalState::Live {
            port.signal = SignalState::Live;
            if let Some(universe) = port.universe {
                events.push(now, EventKind::UniverseLive { universe });
            }
        }
    }

    /// No source is left: the levels stay, nobody owns them.
    fn silent(&mut self, u: usize, now: Time, events: &mut EventQueue) {
        self.out_owners[u] = [NO_OWNER; SLOTS];
        let port = &mut self.ports[u];
        if port.signal == SignalState::Live {
            port.signal = SignalState::Lost;
            if let Some(universe) = port.universe {
                events.push(now, EventKind::UniverseLost { universe });
            }
            self.mark_changed(u);
        }
    }

    #[inline]
    fn mark_changed(&mut self, u: usize) {
        if !std::mem::replace(&mut self.ports[u].changed, true) {
            self.changed.push(u as u32);
        }
    }
}
