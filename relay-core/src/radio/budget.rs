//! How many frames a radio may have in flight: as many as its host's stack sends at once, found by
//! measuring how long writes take.
//!
//! A stack that is handed more than it can send keeps the rest in queues of its own, where frames
//! grow old and nothing urgent can pass them. Handing over less costs nothing: what waits with us is
//! still the newest look, and panic goes first.
//!
//! The measure is the *quickest* write of a while: one slow band says nothing about the stack, but
//! when even the quickest write waits, all of them wait for each other.

use std::time::Duration;

use crate::time::Time;

/// A while.
const INTERVAL: Duration = Duration::from_millis(250);
/// A write that is quicker than this never counts as waiting.
const QUICK: Duration = Duration::from_millis(4);
/// How much slower than ever the quickest write of a while must be to count as waiting.
const WAITS_TIMES: u32 = 3;
/// The quickest write of all is forgotten after so many whiles: links change.
const FORGET_AFTER: u32 = 120;
/// Never fewer frames than this in flight.
const LEAST: usize = 2;

/// The budget of one radio.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    /// Frames that may be in flight.
    window: usize,
    max: usize,
    /// Per link: when its frame in flight was handed over.
    handed: Box<[Option<Time>]>,
    /// The quickest write of this while, and of all.
    quickest: Option<Duration>,
    base: Option<Duration>,
    whiles: u32,
    interval_end: Time,
    /// The window was full at some time of this while.
    was_full: bool,
    /// The slowest write of this while and of the one before, for the worst case of a panic.
    slowest: [Duration; 2],
    slowest_since: Time,
}

/// How long the slowest write is remembered.
const SLOWEST_AGE: Duration = Duration::from_secs(30);

impl Budget {
    pub(crate) fn new(links: usize) -> Self {
        Self {
            window: links.max(LEAST),
            max: links.max(LEAST),
            handed: vec![None; links].into_boxed_slice(),
            quickest: None,
            base: None,
            whiles: 0,
            interval_end: Time::ZERO,
            was_full: false,
            slowest: [Duration::ZERO; 2],
            slowest_since: Time::ZERO,
        }
    }

    /// Frames that may be in flight at the same time.
    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// The slowest write of the last half minute or so; zero if there was none.
    pub(crate) fn slowest(&self) -> Duration {
        self.slowest[0].max(self.slowest[1])
    }

    /// Whether one more frame may be handed over. One that has been under way for very long takes
    /// no place: a band that does not answer holds up no other.
    pub(crate) fn has_room(&mut self, now: Time) -> bool {
        let patience = self.patience();
        let young = |handed: &&Time| now.since(**handed) < patience;
        let in_flight = self.handed.iter().flatten().filter(young).count();
        let room = in_flight < self.window;
        self.was_full |= !room;
        room
    }

    /// When there will be room although nothing was completed.
    pub(crate) fn poll_timeout(&self, now: Time) -> Option<Time> {
        let patience = self.patience();
        let ends = self.handed.iter().flatten().map(|handed| *handed + patience);
        ends.filter(|end| *end > now).min()
    }

    pub(crate) fn handed(&mut self, now: Time, link: usize) {
        self.handed[link] = Some(now);
    }

    /// The frame of a link is out.
    pub(crate) fn sent(&mut self, now: Time, link: usize) {
        let Some(handed) = self.handed[link].take() else { return };
        let took = now.since(handed);
        self.quickest = Some(self.quickest.map_or(took, |quickest| quickest.min(took)));
        if now.since(self.slowest_since) >= SLOWEST_AGE {
            self.slowest = [took, self.slowest[0]];
            self.slowest_since = now;
        }
        self.slowest[0] = self.slowest[0].max(took);
        if self.interval_end <= now {
            self.judge();
            self.interval_end = now + INTERVAL;
        }
    }

    /// The frame of a link is lost.
    pub(crate) fn lost(&mut self, link: usize) {
        self.handed[link] = None;
    }

    fn judge(&mut self) {
        let Some(quickest) = self.quickest.take() else { return };
        self.whiles += 1;
        if self.whiles >= FORGET_AFTER {
            (self.whiles, self.base) = (0, None);
        }
        let base = self.base.map_or(quickest, |base| base.min(quickest));
        self.base = Some(base);
        if quickest > QUICK && quickest > base * WAITS_TIMES {
            self.window = (self.window - self.window.div_ceil(4)).max(LEAST);
        } else if std::mem::take(&mut self.was_full) {
            self.window = (self.window + 1).min(self.max);
        }
    }

    /// How long a frame in flight takes a place.
    fn patience(&self) -> Duration {
        (self.base.unwrap_or(QUICK) * 4 * WAITS_TIMES).max(QUICK * 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stack that sends `rate` writes a second, one after another, and takes `least` for each
    /// beside that. Every link writes all the time, as far as the budget lets it.
    fn run(links: usize, rate: u64, least: Duration, slow: Option<usize>) -> (Budget, Duration) {
        let mut budget = Budget::new(links);
        let service = Duration::from_nanos(1_000_000_000 / rate);
        let (mut free, mut now) = (Time::ZERO, Time::ZERO);
        let mut done: Vec<(Time, usize)> = Vec::new();
        let mut idle: Vec<usize> = (0..links).collect();
        let mut latest = Duration::ZERO;
        let end = Time::from_millis(20_000);
        while now < end {
            while !idle.is_empty() && budget.has_room(now) {
                let link = idle.remove(0);
                budget.handed(now, link);
                free = free.max(now) + service;
                let answers = if slow == Some(link) { Duration::from_millis(300) } else { least };
                done.push((free + answers, link));
            }
            let next = done.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(i, _)| i);
            let (at, link) = done[next.unwrap()];
            if let Some(room) =
                budget.poll_timeout(now).filter(|room| *room < at && !idle.is_empty())
            {
                now = room;
                continue;
            }
            done.remove(next.unwrap());
            let handed = budget.handed[link].unwrap();
            now = at;
            budget.sent(now, link);
            if slow != Some(link) && now > Time::from_millis(10_000) {
                latest = latest.max(now.since(handed));
            }
            idle.push(link);
        }
        (budget, latest)
    }

    #[test]
    fn a_stack_that_sends_one_after_another_is_not_handed_all_at_once() {
        let (budget, latest) = run(16, 250, Duration::from_micros(200), None);
        assert!(budget.window() <= 5, "{budget:?}");
        assert!(latest <= Duration::from_millis(40), "{latest:?}, and 64 with all at once");
    }

    #[test]
    fn a_stack_that_keeps_up_is_handed_whatever_there_is() {
        let (budget, _) = run(8, 100_000, Duration::from_millis(30), None);
        assert_eq!(budget.window(), 8, "slow links, but no link waits for another");
    }

    #[test]
    fn one_slow_band_neither_shrinks_the_budget_nor_holds_a_place_in_it() {
        let (budget, latest) = run(4, 5_000, Duration::from_millis(1), Some(2));
        assert_eq!(budget.window(), 4);
        assert!(latest <= Duration::from_millis(10), "{latest:?}");
        assert_eq!(budget.slowest().as_millis(), 300);
    }
}
