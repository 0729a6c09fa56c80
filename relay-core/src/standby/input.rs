//! How well the consoles are heard: here, and at the other relay.

use std::time::Duration;

use super::Timing;
use crate::time::Time;

/// Universes whose signal is told one by one: a full venue.
pub(super) const UNIVERSES_TOLD: usize = 512;

/// Which of the first `UNIVERSES_TOLD` patched universes have a live source, by dense index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSet(pub [u8; UNIVERSES_TOLD / 8]);

impl Default for LiveSet {
    fn default() -> Self {
        Self([0; UNIVERSES_TOLD / 8])
    }
}

impl LiveSet {
    /// Notes a universe as live. Those beyond the first `UNIVERSES_TOLD` are only counted.
    pub fn insert(&mut self, index: usize) {
        if let Some(byte) = self.0.get_mut(index / 8) {
            *byte |= 1 << (index % 8);
        }
    }

    /// Whether all of these are among `others`.
    pub fn is_within(&self, others: &Self) -> bool {
        self.0.iter().zip(&others.0).all(|(mine, theirs)| mine & !theirs == 0)
    }
}

/// What a relay hears of the consoles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// When levels of a patched universe last came; `None`: never.
    pub heard: Option<Time>,
    /// Patched universes that have a live source.
    pub live: u32,
    /// Patched universes.
    pub patched: u32,
    /// Which they are.
    pub live_set: LiveSet,
}

impl Input {
    /// Whether levels came after `since`.
    pub(super) fn is_heard_after(&self, since: Time) -> bool {
        self.heard.is_some_and(|heard| heard > since)
    }

    /// For how long nothing has come; `None`: nothing ever did.
    pub fn age(&self, now: Time) -> Option<Duration> {
        self.heard.map(|heard| now.since(heard))
    }

    /// Whether `other` has what is heard here and more.
    pub(super) fn is_less_than(&self, other: &Self) -> bool {
        self.live < other.live && self.live_set.is_within(&other.live_set)
    }
}

/// What the other relay heard of the consoles since this one heard nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Missed {
    /// When levels last came here.
    ours: Time,
    /// When the newest that is counted came there.
    last: Time,
    count: u32,
}

impl Missed {
    /// How often levels came there since they last came here. Times less than `apart` from each other
    /// are taken for those of one packet: beats that tell of them are not equally fast.
    pub(super) fn note(&mut self, ours: Time, theirs: Time, apart: Duration) -> u32 {
        if ours > self.ours {
            *self = Self { ours, last: ours, count: 0 };
        }
        if theirs > self.last + apart {
            (self.last, self.count) = (theirs, self.count + 1);
        }
        self.count
    }
}

/// The longest silence between levels that is usual: consoles send 44 times a second, or once in a
/// second while nothing moves. What is within it is no loss.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    heard: Option<Time>,
    /// Since when levels come without a silence as long as a lease.
    flows_from: Time,
    /// A silence since then may be our own cable's.
    doubtful: bool,
    /// Longest in the window under way, and in the one before.
    longest: [Duration; 2],
    window_from: Time,
}

/// After twice that, a longer silence is forgotten.
const WINDOW: Duration = Duration::from_secs(5);

/// Silences beyond this are losses, whatever the console.
const USUAL_MAX: Duration = Duration::from_secs(2);

impl Pace {
    /// Takes in when levels last came. `doubtful`: a silence may be our own cable's,
    /// for the other relay is not heard either, or hears more.
    pub(super) fn note(&mut self, now: Time, heard: Option<Time>, doubtful: bool, timing: &Timing) {
        if now.since(self.window_from) >= WINDOW {
            self.longest = [Duration::ZERO, self.longest[0]];
            self.window_from = now;
        }
        self.doubtful |= doubtful;
        let Some(heard) = heard.filter(|heard| self.heard != Some(*heard)) else { return };
        let doubtful = std::mem::replace(&mut self.doubtful, doubtful);
        let before = self.heard.replace(heard);
        if before.is_none_or(|before| heard.since(before) >= timing.lease()) {
            self.flows_from = heard;
        }
        if let Some(before) = before {
            let silence = heard.since(before);
            if silence <= USUAL_MAX && !doubtful {
                self.longest[0] = self.longest[0].max(silence);
            }
        }
    }

    /// Whether levels have come all the time since `since`; or if not, for so long that the other relay
    /// would have been heard again with them, had our cable been out.
    pub(super) fn flows(&self, now: Time, since: Time, timing: &Timing) -> bool {
        self.flows_from <= since || now >= self.flows_from + timing.lease()
    }

    /// A silence longer than this is none of the console's own.
    pub(super) fn patience(&self, timing: &Timing) -> Duration {
        timing.lease().max(self.usual())
    }

    /// The longest that is usual, and a quarter.
    pub(super) fn usual(&self) -> Duration {
        let longest = self.longest[0].max(self.longest[1]);
        longest + longest / 4
    }
}
