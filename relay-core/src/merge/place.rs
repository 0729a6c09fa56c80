//! What a universe remembers of one source: its identity, its streams, its state.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::DmxData;
use super::continuity::{Continuity, Gap};
use super::source::{Silence, SourceId, SourceName, SourceRef};
use crate::time::Time;
use crate::wire::sacn::Cid;

/// No synchronization group.
pub(super) const NO_SYNC: u8 = u8::MAX;

/// A source that is told of at most this often when its sequence numbers jump.
const JUMP_TOLD_EVERY: Duration = Duration::from_secs(10);

/// Packets of an Art-Net source dropped in a row before its numbers are taken as a new start: a
/// source that repeats one number would be shut out for ever else.
const ARTNET_DROPS_MAX: u8 = 20;

/// How a place is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// By nobody.
    Free,
    /// By a source that counts.
    Live,
    /// By a source that does not count, remembered for the operator.
    Aside(Silence),
}

/// The two streams of a source, each with sequence numbers of its own.
///
/// E1.31 §6.2.5 counts per universe, over all START codes; common sources count per START code.
/// Judged per stream, both are in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// START code 0x00.
    Levels = 0,
    /// START code 0xDD.
    Priorities = 1,
}

/// How a sequence number compares with the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// In order, or the first.
    Next,
    /// Accepted, but it jumped back by 20 or more from this number.
    Jump { from: u8 },
    /// The number of the packet before: the same packet again.
    Duplicate,
    /// Late.
    Late,
}

/// One of a universe's places for sources.
///
/// In this order, so that what a packet looks at lies together: with many universes every line of
/// memory is far away.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Place {
    pub(super) id: SourceId,
    pub(super) state: State,
    /// Universe priority of the levels in the merge.
    pub(super) priority: u8,
    /// Levels are in the merge.
    pub(super) has_levels: bool,
    /// Per-address priorities are in the merge.
    pub(super) has_priorities: bool,
    /// Levels wait for synchronization, with this universe priority.
    pub(super) held_levels: Option<u8>,
    /// Per-address priorities wait for synchronization.
    pub(super) held_priorities: bool,
    /// Force_Synchronization of the last packet.
    pub(super) force: bool,
    /// Preview data was told of.
    pub(super) preview_told: bool,
    /// Index of its synchronization address (sACN) or controller (Art-Net), or [`NO_SYNC`].
    pub(super) sync: u8,
    /// Whether levels were ever heard, in the merge or waiting.
    pub(super) heard_levels: bool,
    /// The number of the last packet of either stream.
    last_number: u8,
    dropped_in_row: u8,
    streams: [Numbers; 2],
    continuity: [Continuity; 2],
    /// Last packet of levels; before the first, of priorities.
    pub(super) heard: Time,
    /// Last packet of per-address priorities.
    pub(super) priorities_heard: Time,
    /// Last packet of anything.
    pub(super) last_seen: Time,
    /// Order of the last change of levels among the sources of the universe.
    pub(super) changed: u64,
    pub(super) packets: u64,
    rate: Rate,
    pub(super) address: SocketAddr,
    pub(super) name: SourceName,
    pub(super) sequence_errors: u64,
    pub(super) duplicates: u64,
    /// Packets that never came, as far as the sequence numbers tell.
    pub(super) missed: u64,
    jump_told: Option<Time>,
}

/// Sequence numbers of one stream.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    started: bool,
    number: u8,
    last: Time,
}

impl Place {
    pub(super) const FREE: Self = Self {
        state: State::Free,
        id: SourceId::Sacn(Cid([0; 16])),
        address: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        name: SourceName::EMPTY,
        priority: 0,
        has_levels: false,
        has_priorities: false,
        held_levels: None,
        held_priorities: false,
        force: false,
        preview_told: false,
        sync: NO_SYNC,
        changed: 0,
        heard: Time::ZERO,
        heard_levels: false,
        priorities_heard: Time::ZERO,
        last_seen: Time::ZERO,
        streams: [Numbers { started: false, number: 0, last: Time::ZERO }; 2],
        last_number: 0,
        dropped_in_row: 0,
        jump_told: None,
        packets: 0,
        sequence_errors: 0,
        duplicates: 0,
        missed: 0,
        continuity: [Continuity::NEW; 2],
        rate: Rate { start: Time::ZERO, count: 0, per_second_milli: 0 },
    };

    /// A place for a new source, set aside for now.
    pub(super) fn new(now: Time, data: &DmxData<'_>, why: Silence) -> Self {
        Self {
            state: State::Aside(why),
            id: data.source,
            address: data.address,
            name: SourceName::new(data.name),
            priority: data.priority,
            rate: Rate { start: now, count: 0, per_second_milli: 0 },
            ..Self::FREE
        }
    }

    /// Counts from now on, with nothing in the merge yet. Sequence numbers and counters stay.
    pub(super) fn enliven(&mut self, now: Time, data: &DmxData<'_>) {
        *self = Self {
            state: State::Live,
            address: data.address,
            priority: data.priority,
            heard: now,
            ..self.clone()
        };
    }

    /// Brings what a packet looks at nearer to the processor.
    #[inline]
    pub(super) fn foresee(&self) {
        let numbers = u64::from(self.last_number) | self.packets | self.heard.as_nanos();
        let name = self.name.bytes().first().copied().unwrap_or_default();
        std::hint::black_box(numbers | u64::from(name) | u64::from(self.address.port()));
    }

    /// Whether its levels take part in arbitration.
    pub(super) fn contributes(&self) -> bool {
        self.is_live() && self.has_levels
    }

    /// Whether anything waits for synchronization.
    pub(super) fn holds(&self) -> bool {
        self.held_levels.is_some() || self.held_priorities
    }

    /// Whether it gives slots their own priorities, in the merge or waiting.
    pub(super) fn ranks_slots(&self) -> bool {
        self.has_priorities || self.held_priorities
    }

    /// The priority that decides whether another source may take its place. A source that ranks
    /// slot by slot is never displaced.
    pub(super) fn standing(&self) -> u8 {
        if self.has_priorities { u8::MAX } else { self.priority }
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == State::Live
    }

    pub(super) fn source_ref(&self) -> SourceRef {
        SourceRef { id: self.id, address: self.address, name: self.name }
    }

    /// Judges and remembers a sequence number (E1.31 §6.7.2; Art-Net 4 "ArtDmx", Sequence).
    ///
    /// A stream that was silent for the network data loss time starts afresh.
    pub(super) fn sequence(
        &mut self,
        now: Time,
        stream: Stream,
        number: u8,
        loss: Duration,
    ) -> Order {
        let artnet = matches!(self.id, SourceId::ArtNet { .. });
        let before = self.streams[stream as usize];
        let order = if !before.started || now >= before.last + loss {
            Order::Next
        } else {
            compare(before.number, number)
        };
        let late = matches!(order, Order::Late | Order::Duplicate);
        if late && !(artnet && self.dropped_in_row >= ARTNET_DROPS_MAX) {
            self.dropped_in_row = self.dropped_in_row.saturating_add(1);
            match order {
                Order::Duplicate => self.duplicates += 1,
                _ => self.sequence_errors += 1,
            }
            return order;
        }
        if before.started && now < before.last + loss {
            self.sequence_errors += self.missing(before.number, number, artnet);
        }
        self.streams[stream as usize] = Numbers { started: true, number, last: now };
        self.last_number = number;
        self.dropped_in_row = 0;
        if late { Order::Next } else { order }
    }

    /// Counts what is missing between the packets of a stream, however long it was silent. To be
    /// called before [`sequence`](Self::sequence).
    #[inline]
    pub(super) fn follow(&mut self, now: Time, stream: Stream, number: u8) -> Option<Gap> {
        if self.state == State::Aside(Silence::Terminated) {
            // What it did not send while it was away is not missing.
            self.continuity = [Continuity::NEW; 2];
        }
        let other = self.streams[1 - stream as usize].started.then_some(self.last_number);
        let artnet = matches!(self.id, SourceId::ArtNet { .. });
        let step = self.continuity[stream as usize].follow(now, number, other, artnet);
        self.missed = (self.missed + step.missed).saturating_sub(u64::from(step.recovered));
        step.gap.filter(|_| stream == Stream::Levels)
    }

    /// The silence before a packet of a source that does not number its packets, if it was as long
    /// as the network data loss time.
    pub(super) fn silence_before(&self, now: Time, loss: Duration) -> Option<Gap> {
        let start = self.last_seen;
        (now >= start + loss).then_some(Gap { start, end: now, missed: None, exact: false })
    }

    /// Packets that the numbers say are missing; a jump back counts as one.
    fn missing(&self, before: u8, number: u8, artnet: bool) -> u64 {
        let step = |from: u8| number.wrapping_sub(from).cast_signed();
        // A source that counts over both streams leaves no gap in the two together.
        let step = match (step(before), step(self.last_number)) {
            (a, b) if b > 0 => a.min(b),
            (a, _) => a,
        };
        match step {
            ..=0 => 1,
            // Art-Net goes from 255 to 1.
            step if artnet && number < before => u64::from(step.unsigned_abs()).saturating_sub(2),
            step => u64::from(step.unsigned_abs()) - 1,
        }
    }

    /// Whether a jump of the sequence numbers is to be told of; not too often.
    pub(super) fn tell_jump(&mut self, now: Time) -> bool {
        let tell = self.jump_told.is_none_or(|told| now >= told + JUMP_TOLD_EVERY);
        if tell {
            self.jump_told = Some(now);
        }
        tell
    }

    /// Counts a packet that was heard.
    pub(super) fn count(&mut self, now: Time) {
        self.last_seen = self.last_seen.max(now);
        self.packets += 1;
        self.rate.count(now);
    }

    /// Packets per second, thousandths.
    pub(super) fn rate_mhz(&self, now: Time) -> u64 {
        self.rate.at(now)
    }
}

/// E1.31 §6.7.2: B after A is late if, in signed 8-bit arithmetic, -20 < B - A <= 0.
fn compare(before: u8, number: u8) -> Order {
    match number.wrapping_sub(before).cast_signed() {
        0 => Order::Duplicate,
        -19..=-1 => Order::Late,
        ..=-20 => Order::Jump { from: before },
        1.. => Order::Next,
    }
}

/// Packets per second over windows of a second or a little more.
#[derive(Clone, Copy, Debug)]
struct Rate {
    start: Time,
    count: u32,
    per_second_milli: u64,
}

impl Rate {
    const WINDOW: Duration = Duration::from_secs(1);

    fn count(&mut self, now: Time) {
        if now >= self.start + Self::WINDOW {
            self.per_second_milli = self.over(now);
            *self = Self { start: now, count: 0, ..*self };
        }
        self.count = self.count.saturating_add(1);
    }

    /// The last whole window; or the one that runs, if it is the first or longer than two.
    fn at(&self, now: Time) -> u64 {
        let first = self.per_second_milli == 0;
        if first || now >= self.start + 2 * Self::WINDOW {
            self.over(now)
        } else {
            self.per_second_milli
        }
    }

    fn over(&self, now: Time) -> u64 {
        let micros = now.since(self.start).max(Self::WINDOW).as_micros() as u64;
        u64::from(self.count) * 1_000_000_000 / micros
    }
}
