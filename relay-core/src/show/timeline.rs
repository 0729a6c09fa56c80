//! From the clocks of recordings to the time of a show: nanoseconds since its first record, never
//! backwards.

use super::error::{Warning, Warnings};
use crate::time::Time;

/// A step back of more than this is a clock that was set, not packets out of order.
const OUT_OF_ORDER_MAX: i128 = 1_000_000_000;

/// Turns the stamps of a recording, nanoseconds on whatever clock it had, into times.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// The stamp that is time zero now; moved when the clock is found set back.
    origin: Option<i128>,
    first: Option<i128>,
    last: Time,
}

impl Timeline {
    /// The time of a record stamped `nanos`.
    pub(super) fn at(&mut self, nanos: i128, offset: u64, warnings: &mut Warnings) -> Time {
        self.first.get_or_insert(nanos);
        let origin = *self.origin.get_or_insert(nanos);
        let since = nanos - origin;
        let last = i128::from(self.last.as_nanos());
        if since >= last {
            self.last = Time::from_nanos(u64::try_from(since).unwrap_or(u64::MAX));
        } else if last - since <= OUT_OF_ORDER_MAX {
            warnings.note(Warning::OutOfOrder, offset);
        } else {
            warnings.note(Warning::ClockSetBack, offset);
            self.origin = Some(nanos - last);
        }
        self.last
    }

    /// The time of the last record.
    pub(super) fn last(&self) -> Time {
        self.last
    }

    /// The stamp of the first record.
    pub(super) fn first_stamp(&self) -> Option<i128> {
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    #[test]
    fn times_count_from_the_first_record_and_never_run_backwards() {
        let (mut timeline, mut warnings) = (Timeline::default(), Warnings::default());
        let mut at = |stamp| timeline.at(stamp, 7, &mut warnings).as_nanos();
        let base = 1_795_220_382 * SECOND;
        assert_eq!(at(base), 0);
        assert_eq!(at(base + 5), 5);
        assert_eq!(at(base - 3), 5, "out of order");
        assert_eq!(at(base + 9), 9);
        assert_eq!(at(base + 86_400 * SECOND), 86_400_000_000_000, "a day's gap is a day");
        assert_eq!(at(base + 86_399 * SECOND), 86_400_000_000_000, "a second is out of order");
        assert_eq!(at(base + SECOND), 86_400_000_000_000, "set back");
        assert_eq!(at(base + 3 * SECOND), 86_402_000_000_000, "and on from there");
        assert_eq!(warnings.count(Warning::OutOfOrder), 2);
        assert_eq!(warnings.count(Warning::ClockSetBack), 1);
        assert_eq!(timeline.first_stamp(), Some(base));
    }

    #[test]
    fn absurd_stamps_saturate() {
        let (mut timeline, mut warnings) = (Timeline::default(), Warnings::default());
        timeline.at(-(1 << 100), 0, &mut warnings);
        assert_eq!(timeline.at(1 << 100, 0, &mut warnings).as_nanos(), u64::MAX);
        assert_eq!(timeline.at(1 << 100, 0, &mut warnings).as_nanos(), u64::MAX);
    }
}
