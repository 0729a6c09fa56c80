//! Silences after every so many bytes.
//!
//! iPhones have been seen to deliver multicast and broadcast for some 128 KB, to drop them for
//! seconds, and to begin anew. The sequence numbers tell that the console went on sending
//! ([`Gap`](crate::merge::Gap)); that the volume between two such silences is always the same tells
//! who dropped: neither consoles nor switches count bytes.

use std::fmt;
use std::time::Duration;

use crate::time::Time;

/// Silences after equal volumes before anything is said.
const SILENCES_MIN: usize = 3;

/// The volumes that are taken for it, bytes: 128 KB, less what is counted otherwise.
const VOLUMES: std::ops::RangeInclusive<u64> = 64 * 1024..=256 * 1024;

/// The system delivers so much, then nothing for a while, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ration {
    /// What came between two silences, bytes, on average.
    pub bytes: u64,
    /// The longest of the silences.
    pub longest: Duration,
}

impl fmt::Display for Ration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "after every {} KB nothing is delivered for up to {:.1} s, though it was sent: so do \
             iPhones with multicast and broadcast. Have the console send unicast to this device",
            self.bytes / 1024,
            self.longest.as_secs_f64(),
        )
    }
}

/// Looks for it.
#[derive(Clone, Debug, Default)]
pub struct RationDetector {
    /// The last silence: its end, and what had come since start when it ended.
    last: Option<(Time, u64)>,
    /// Volume before each of the last silences, and their lengths, oldest first.
    silences: [Option<(u64, Duration)>; SILENCES_MIN],
}

impl RationDetector {
    /// Takes a silence in which packets were missed, and the bytes of all packets that came since
    /// start, its last one included. Every universe may tell of the same silence.
    pub fn handle_gap(&mut self, start: Time, end: Time, bytes: u64) -> Option<Ration> {
        let Some((ended, before)) = self.last else {
            self.last = Some((end, bytes));
            return None;
        };
        if start < ended {
            self.last = Some((ended.max(end), bytes));
            return None;
        }
        self.last = Some((end, bytes));
        self.silences.rotate_left(1);
        self.silences[SILENCES_MIN - 1] = Some((bytes.saturating_sub(before), end.since(start)));
        self.ration()
    }

    fn ration(&self) -> Option<Ration> {
        let mut sum = 0;
        for silence in self.silences {
            sum += silence?.0;
        }
        let bytes = sum / SILENCES_MIN as u64;
        let silences = self.silences.iter().flatten();
        let even = silences.clone().all(|(volume, _)| volume.abs_diff(bytes) * 6 <= bytes);
        let longest = silences.map(|(_, length)| *length).max().unwrap_or_default();
        (even && VOLUMES.contains(&bytes)).then_some(Ration { bytes, longest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: u64 = 638;

    /// A console that sends `universes` at 44 Hz to a system that goes silent by `silent`, asked
    /// with the time in ms and the bytes delivered since its last silence.
    fn verdict(universes: u64, silent: impl Fn(u64, u64) -> Option<u64>) -> Option<Ration> {
        let mut detector = RationDetector::default();
        let (mut bytes, mut since, mut away_until) = (0, 0, 0);
        let mut last_ms = 0;
        let mut found = None;
        for ms in (0..120_000).step_by(23) {
            if ms < away_until {
                continue;
            }
            for _ in 0..universes {
                bytes += PACKET;
                since += PACKET;
                if ms - last_ms > 1000 {
                    let (start, end) = (Time::from_millis(last_ms), Time::from_millis(ms));
                    found = found.or(detector.handle_gap(start, end, bytes));
                }
            }
            last_ms = ms;
            if let Some(length) = silent(ms, since) {
                (since, away_until) = (0, ms + length);
            }
        }
        found
    }

    #[test]
    fn a_system_that_delivers_128_kilobytes_and_then_nothing_is_named_with_the_remedy() {
        for universes in [1, 4, 16] {
            let stops = |ms, since| (since > 128 * 1024).then_some(2_000 + ms % 2_000);
            let ration = verdict(universes, stops).expect("found");
            assert!(ration.bytes.abs_diff(128 * 1024) < 8 * 1024, "{universes}: {ration:?}");
            assert!(ration.longest.as_secs() >= 2);
            let words = ration.to_string();
            assert!(words.contains("unicast") && words.contains("after every 1"), "{words}");
        }
    }

    #[test]
    fn silences_after_unequal_volumes_or_after_megabytes_are_somebody_elses() {
        assert_eq!(verdict(4, |ms, _| (ms % 7_919 < 23).then_some(1_500 + ms % 3_000)), None);
        assert_eq!(verdict(16, |_, since| (since > 2_000_000).then_some(2_000)), None);
        assert_eq!(verdict(4, |_, _| None), None);
    }
}
