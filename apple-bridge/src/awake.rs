//! How long the device slept.
//!
//! Two clocks tell it. The relay's own stands still while the device sleeps (`mach_absolute_time`,
//! on Linux `CLOCK_MONOTONIC`); the continuous one goes on (`mach_continuous_time`,
//! `CLOCK_BOOTTIME`). What the second gains on the first is sleep. A process that is suspended on a
//! device that stays awake gains nothing: both clocks go on, and only the silence tells.

use std::collections::VecDeque;

/// Sleeps remembered: a phone that naps every minute is covered for an hour.
const REMEMBERED: usize = 64;

/// Less than this is the time between two readings.
const SLEEP_MIN_MS: u64 = 20;

/// The continuous clock, milliseconds; 0 if the system has none.
pub(crate) fn continuous_ms() -> u64 {
    #[cfg(target_vendor = "apple")]
    const CONTINUOUS: libc::clockid_t = libc::CLOCK_MONOTONIC_RAW;
    #[cfg(not(target_vendor = "apple"))]
    const CONTINUOUS: libc::clockid_t = libc::CLOCK_BOOTTIME;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to for the length of the call.
    if unsafe { libc::clock_gettime(CONTINUOUS, &raw mut time) } != 0 {
        return 0;
    }
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}

/// A sleep, between two readings of the relay's clock.
#[derive(Clone, Copy, Debug)]
struct Sleep {
    after_ms: u64,
    before_ms: u64,
    length_ms: u64,
}

/// The sleeps of the device while one relay ran.
#[derive(Debug)]
pub(crate) struct Awake {
    /// The continuous clock when the relay's showed 0, without any sleep.
    origin_ms: u64,
    /// The reading before.
    uptime_ms: u64,
    /// All sleeps together, also those forgotten.
    slept_ms: u64,
    sleeps: VecDeque<Sleep>,
}

impl Awake {
    /// From a first reading of both clocks.
    pub(crate) fn new(uptime_ms: u64, continuous_ms: u64) -> Self {
        let origin_ms = continuous_ms.saturating_sub(uptime_ms);
        Self { origin_ms, uptime_ms, slept_ms: 0, sleeps: VecDeque::new() }
    }

    /// Takes a later reading of both.
    pub(crate) fn read(&mut self, uptime_ms: u64, continuous_ms: u64) {
        let expected = self.origin_ms + uptime_ms + self.slept_ms;
        let length_ms = continuous_ms.saturating_sub(expected);
        if length_ms >= SLEEP_MIN_MS {
            if self.sleeps.len() == REMEMBERED {
                self.sleeps.pop_front();
            }
            self.sleeps.push_back(Sleep {
                after_ms: self.uptime_ms,
                before_ms: uptime_ms,
                length_ms,
            });
            self.slept_ms += length_ms;
        }
        self.uptime_ms = uptime_ms;
    }

    /// Start and end on the continuous clock of a silence that the relay's clock saw from
    /// `start_ms` to `end_ms`. A sleep that may lie in it does.
    pub(crate) fn silence(&self, start_ms: u64, end_ms: u64) -> (u64, u64) {
        let later: u64 = self
            .sleeps
            .iter()
            .filter(|sleep| sleep.after_ms > end_ms)
            .map(|sleep| sleep.length_ms)
            .sum();
        let within: u64 = self
            .sleeps
            .iter()
            .filter(|sleep| sleep.after_ms <= end_ms && sleep.before_ms >= start_ms)
            .map(|sleep| sleep.length_ms)
            .sum();
        let end = self.origin_ms + end_ms + self.slept_ms - later;
        (end - (end_ms.saturating_sub(start_ms) + within), end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_as_long_as_the_device_slept_in_it_and_no_longer() {
        let mut awake = Awake::new(0, 1_000);
        awake.read(10_000, 11_000);
        awake.read(10_100, 71_100);
        awake.read(20_000, 81_000);
        awake.read(20_100, 381_100);
        assert_eq!(awake.silence(9_000, 9_500), (10_000, 10_500), "before any sleep");
        assert_eq!(awake.silence(9_990, 10_050), (10_990, 71_050), "over the first");
        assert_eq!(awake.silence(15_000, 17_000), (76_000, 78_000), "between them");
        assert_eq!(awake.silence(9_990, 20_090), (10_990, 381_090), "over both");
        assert_eq!(awake.silence(25_000, 26_000), (386_000, 387_000), "after them");
    }

    #[test]
    fn clocks_that_are_read_one_after_the_other_show_no_sleep() {
        let mut awake = Awake::new(0, 0);
        for n in 1..1000 {
            awake.read(n * 100, n * 100 + n % 3);
        }
        assert_eq!(awake.silence(0, 99_900), (0, 99_900));
    }

    #[test]
    fn the_continuous_clock_runs() {
        let start = continuous_ms();
        assert!(start > 0 && continuous_ms() >= start);
    }
}
