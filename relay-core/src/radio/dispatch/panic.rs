//! A panic on its way to the bands: how long it can take, and how long it took.

use std::time::Duration;

use crate::radio::{LinkId, LinkSpec};
use crate::schedule::LinkScheduler;
use crate::time::Time;

/// A panic on its way to the bands.
#[derive(Debug)]
pub(super) struct Panic {
    since: Time,
    /// Links that were up when it began and do not have it yet.
    awaited: Box<[bool]>,
    count: usize,
    /// The greatest least interval of any link.
    pub(super) min_interval: Duration,
}

impl Panic {
    pub(super) fn new(specs: &[LinkSpec]) -> Self {
        Self {
            since: Time::ZERO,
            awaited: vec![false; specs.len()].into_boxed_slice(),
            count: 0,
            min_interval: specs.iter().map(|spec| spec.min_interval).max().unwrap_or_default(),
        }
    }

    pub(super) fn begin(&mut self, now: Time, links: &[LinkScheduler]) {
        self.since = now;
        for (awaited, link) in self.awaited.iter_mut().zip(links) {
            *awaited = link.is_up();
        }
        self.count = self.awaited.iter().filter(|awaited| **awaited).count();
    }

    pub(super) fn is_awaited(&self, link: LinkId) -> bool {
        self.count > 0 && self.awaited[link.index()]
    }

    /// A link has it. If it is the last, how long it took.
    pub(super) fn reached(&mut self, now: Time, link: LinkId) -> Option<Duration> {
        if !self.is_awaited(link) {
            return None;
        }
        self.awaited[link.index()] = false;
        self.count -= 1;
        (self.count == 0).then(|| now.since(self.since))
    }
}

/// How long a panic can take at worst until each of `bands` connected bands has it, if none of its
/// frames is lost: the write under way on each link ends, or its least interval is over, then every
/// band gets its own, as many at once as there is `room` for. `write` is the slowest write.
pub fn panic_worst(bands: usize, room: usize, min_interval: Duration, write: Duration) -> Duration {
    let rounds = u32::try_from(bands.div_ceil(room.max(1))).unwrap_or(u32::MAX);
    if bands == 0 { Duration::ZERO } else { write.max(min_interval) + write * rounds }
}
