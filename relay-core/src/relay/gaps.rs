//! The gaps in what sources send, remembered for front ends. Bounded. Control side.

use std::collections::VecDeque;

use super::sample::cid;
use crate::merge::{Gap, SourceRef};
use crate::snapshot::GapState;
use crate::time::Time;
use crate::universe::Universe;

/// Gaps remembered; older ones are forgotten.
const REMEMBERED: usize = 512;

/// Oldest first.
#[derive(Debug, Default)]
pub(super) struct GapLog {
    gaps: VecDeque<GapState>,
    /// Number of the last gap.
    last: u64,
}

impl GapLog {
    /// Remembers a gap.
    pub(super) fn push(&mut self, universe: Universe, source: &SourceRef, gap: &Gap) {
        self.last += 1;
        if self.gaps.len() == REMEMBERED {
            self.gaps.pop_front();
        }
        let ms = |time: Time| time.as_nanos() / 1_000_000;
        self.gaps.push_back(GapState {
            number: self.last,
            universe,
            source: source.name.to_string(),
            cid: cid(source.id),
            address: source.address.to_string(),
            start_uptime_ms: ms(gap.start),
            end_uptime_ms: ms(gap.end),
            missed: gap.missed,
            exact: gap.exact,
        });
    }

    /// The gaps after number `after`.
    pub(super) fn after(&self, after: u64) -> Vec<GapState> {
        self.gaps.iter().filter(|gap| gap.number > after).cloned().collect()
    }
}
