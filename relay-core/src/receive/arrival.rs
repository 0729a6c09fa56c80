//! When a datagram arrived, on the relay's own clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::Time;

/// The relay's clock: monotonic, counting from the relay's start. A copy shows the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that begins to count now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// What the clock shows.
    pub fn now(&self) -> Time {
        let nanos = self.origin.elapsed().as_nanos();
        Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// One reading of the relay's clock and of the wall clock, which the kernel stamps arrivals with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) now: Time,
    wall: Duration,
}

impl Reading {
    pub(super) fn take(clock: &Clock) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { now: clock.now(), wall }
    }

    /// The arrival that the kernel stamped, not before `floor`: the socket was seen empty then.
    /// The wall clock may have been set between the stamp and the reading; with the floor, such a
    /// step can shift an arrival only within the time that the datagram can have waited. Without a
    /// stamp the arrival is now.
    pub(super) fn arrival(&self, stamp: Option<Duration>, floor: Time) -> Time {
        let waited = stamp.and_then(|stamp| self.wall.checked_sub(stamp)).unwrap_or_default();
        let waited = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        Time::from_nanos(self.now.as_nanos().saturating_sub(waited)).max(floor).min(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(now_ms: u64, wall_ms: u64) -> Reading {
        Reading { now: Time::from_millis(now_ms), wall: Duration::from_millis(wall_ms) }
    }

    fn arrival(stamp_ms: u64, floor_ms: u64) -> Time {
        let stamp = Some(Duration::from_millis(stamp_ms));
        reading(5_000, 1_000_000).arrival(stamp, Time::from_millis(floor_ms))
    }

    #[test]
    fn an_arrival_is_as_long_ago_as_the_kernel_says() {
        assert_eq!(arrival(999_997, 0), Time::from_millis(4_997));
        assert_eq!(arrival(1_000_000, 0), Time::from_millis(5_000));
    }

    #[test]
    fn a_stepped_wall_clock_shifts_an_arrival_only_within_the_wait() {
        assert_eq!(arrival(1_003_600, 4_990), Time::from_millis(5_000), "stepped back");
        assert_eq!(arrival(10, 4_990), Time::from_millis(4_990), "stepped forward");
        assert_eq!(arrival(10, 0), Time::ZERO, "before the relay started");
    }

    #[test]
    fn without_a_stamp_the_arrival_is_now() {
        assert_eq!(reading(5_000, 1).arrival(None, Time::ZERO), Time::from_millis(5_000));
    }
}
