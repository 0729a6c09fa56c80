//! What must hold.

use std::time::Duration;

use wristcast_core::engine::Note;
use wristcast_core::look::Look;
use wristcast_core::snapshot::SignalState;
use wristcast_tests::allocator;

use super::{GROUPS, STORM_MS, Venue};
use crate::console::{SLOTS, UNIVERSES};

/// Longest that a level may outlive the last packet with it while its universe has a source: the
/// time-outs, a beat that never comes, the network's delay, a relay thread that was not let run,
/// and again, when a clock that was set back made what it then read look as if it had just come.
const LEVEL_LIFE_MS: [u64; 2] =
    [2500 + 1250 + 2500 + 500 + 2 * 3000, 10_000 + 5000 + 500 + 2 * 3000];

/// A radio on which nothing is lost shows every look after that, ms: the longest wait after a loss,
/// then for each of its bands, one after the other, three frames of 40 ms: a blackout's, a flash's,
/// and the newest. Sooner than looks are sent again anyway.
const SHOWN_MS: u64 = 640 + 3 * 8 * 40;

/// Replies to one poll: to where it came from.
const REPLIES_MAX: u64 = 1;

impl Venue {
    /// Allocates only when made.
    pub(super) fn check_calls(&self, before: u64, what: &str) {
        let calls = allocator::calls() - before;
        holds!(self, calls == 0, "{what} made {calls} calls of the allocator");
    }

    /// Whoever asks gets an answer, and nobody more than that.
    pub(super) fn check_replies(&self) {
        let (replies, polls) = (self.replies, self.engine.counters().noted(Note::ArtPoll));
        holds!(self, replies <= polls * REPLIES_MAX, "{replies} replies to {polls} polls");
    }

    /// A radio that has had time shows what it should.
    pub(super) fn check_shown(&self, index: usize) {
        let lane = &self.lanes[index];
        for (group, band) in lane.dispatch.radio().bands.iter().enumerate() {
            let since = self.changed[group].max(lane.trouble).max(lane.link_trouble[group]);
            if band.up && self.now.since(since) > Duration::from_millis(SHOWN_MS) {
                let look = self.published[group].last().map(|(_, look)| look.output());
                let shows = band.shows.map(Look::output);
                holds!(
                    self,
                    shows == look,
                    "radio {}: the band of group {group} shows {shows:?}, not {look:?} of {since}",
                    index + 1
                );
            }
        }
    }

    /// No level without a cause: while a universe has a source, each was sent by somebody not long
    /// ago.
    pub(super) fn check_levels(&mut self) {
        for (universe, name) in UNIVERSES.into_iter().enumerate() {
            let index = self.engine.universe_index(name.parse().expect("a universe"));
            let index = index.expect("it is patched");
            if !self.engine.sample_universe(index, self.now, &mut self.sample)
                || self.sample.signal != SignalState::Live
            {
                continue;
            }
            let life = LEVEL_LIFE_MS[usize::from(name.starts_with("artnet"))];
            for slot in 0..SLOTS {
                let level = self.sample.levels[slot];
                let sent_ms = self.sent_ms[universe][slot][usize::from(level)];
                holds!(
                    self,
                    self.now_ms() - sent_ms <= life,
                    "{name} has level {level} in slot {}, last sent at {sent_ms} ms",
                    slot + 1
                );
            }
        }
    }

    /// Every band shows what the consoles that are left want, and everything adds up.
    pub(super) fn check_end(&mut self) {
        let counters = self.engine.counters();
        let others = counters.left_out().chain(counters.notes()).map(|(_, count)| count);
        let sum = counters.accepted + counters.held + others.sum::<u64>();
        holds!(self, counters.received == self.handed_over, "datagrams are missing");
        holds!(self, sum == counters.received, "{sum} outcomes of {}", counters.received);
        if self.consoles.iter().any(|console| console.is_on() && !console.is_sacn()) {
            let replied = self.replied;
            holds!(self, replied.as_nanos() > STORM_MS * 1_000_000, "no reply since {replied}");
        }
        for group in 0..GROUPS {
            let universe = group / 2;
            let sources = || {
                self.consoles.iter().filter(|c| c.is_on()).filter_map(|console| {
                    let priority = if console.is_sacn() { console.priority } else { 100 };
                    Some((priority, console.levels(universe)?))
                })
            };
            let best = sources().map(|(priority, _)| priority).max();
            let first = if (group % 2 == 0) != (self.show == 1) { 0 } else { 6 };
            let level = |slot: usize| {
                let best = sources().filter(|(priority, _)| Some(*priority) == best);
                best.map(|(_, levels)| levels[first + slot]).max().unwrap_or(0)
            };
            let wanted = [level(0), level(1), level(2), 0];
            let look = self.engine.groups().get(group);
            if best.is_some() {
                holds!(
                    self,
                    look.output() == wanted,
                    "group {group} has {look:?}, wanted {wanted:?}"
                );
            } else if matches!(group % 4, 1 | 2) {
                holds!(self, look.output() == [0; 4], "group {group} without signal: {look:?}");
            }
            for (lane, number) in self.lanes.iter().zip(1..) {
                let band = &lane.dispatch.radio().bands[group];
                let shows = band.shows.map(Look::output);
                holds!(
                    self,
                    shows == Some(look.output()),
                    "radio {number}: the band of group {group} shows {shows:?}, not {look:?}"
                );
            }
        }
    }
}
