//! Stalls that come back about once a second.
//!
//! While AirDrop, AirPlay, Sidecar or Universal Control look for their like (AWDL), the Wi-Fi of an
//! Apple device leaves its channel once in 1024 time units, 1.05 s, for some 30 to 50 ms. Nothing is
//! lost: packets wait and come in a heap. On the bands that is a jerk in every fade.
//!
//! Found by comparing: a window whose worst gap is clearly worse than those of most others is a
//! stall, and stalls of one beat are AWDL's, or something's that keeps time as it does.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::gaps::{WINDOW, WorstGap};
use crate::time::Time;

/// What is looked at.
const SPAN: Duration = Duration::from_secs(24);

/// Windows in that time.
const WINDOWS_MAX: usize = (SPAN.as_millis() / WINDOW.as_millis()) as usize;

/// Nothing is said before so many of them.
const WINDOWS_MIN: usize = WINDOWS_MAX * 2 / 3;

/// Packets that come less often than this show no stall of some 40 ms.
const USUAL_MAX: Duration = Duration::from_millis(60);

/// A stall is longer than the usual gap by this, and by a third.
const STALL_MIN: Duration = Duration::from_millis(12);

/// Longer ones are losses, which are told elsewhere.
const STALL_MAX: Duration = Duration::from_millis(250);

/// Stalls of one beat before anything is said.
const STALLS_MIN: usize = 12;

/// The beats that are tried, ms.
const BEATS_MS: std::ops::RangeInclusive<u64> = 900..=1200;
const BEATS_STEP_MS: usize = 10;

/// Stalls of one beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodicStalls {
    /// The beat.
    pub every: Duration,
    /// How many there were in [`of`](Self::of).
    pub stalls: usize,
    /// The time that was looked at.
    pub of: Duration,
    /// The longest gap.
    pub longest: Duration,
    /// What the longest gap of a quarter of a second usually is.
    pub usual: Duration,
}

impl fmt::Display for PeriodicStalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "packets stall about every {:.2} s, for up to {} ms instead of {}: so does Wi-Fi while \
             AirDrop, AirPlay, Sidecar or Universal Control are on (AWDL). Use a cable; or switch \
             those off, or put the access point on 5 GHz channel 149 (44 in some countries)",
            self.every.as_secs_f64(),
            self.longest.as_millis(),
            self.usual.as_millis(),
        )
    }
}

/// Looks for them.
#[derive(Clone, Debug, Default)]
pub struct StallDetector {
    /// Oldest first.
    windows: VecDeque<WorstGap>,
}

impl StallDetector {
    /// Takes what [`GapMeter`](super::GapMeter) measured, in the order in which it came.
    pub fn handle(&mut self, window: WorstGap) {
        if self.windows.len() == WINDOWS_MAX {
            self.windows.pop_front();
        }
        self.windows.push_back(window);
        let old = |first: &WorstGap| window.ended.since(first.ended) > SPAN;
        while self.windows.front().is_some_and(old) {
            self.windows.pop_front();
        }
    }

    /// What the longest gap of a window usually is; `None` before enough was heard.
    pub fn usual(&self) -> Option<Duration> {
        if self.windows.len() < WINDOWS_MIN {
            return None;
        }
        let mut gaps: Vec<Duration> = self.windows.iter().map(|window| window.gap).collect();
        let middle = gaps.len() / 2;
        Some(*gaps.select_nth_unstable(middle).1)
    }

    /// The longest gap of late; `None` before anything was heard.
    pub fn longest(&self) -> Option<Duration> {
        self.windows.iter().map(|window| window.gap).max()
    }

    /// Stalls of one beat, if there are such.
    pub fn periodic(&self) -> Option<PeriodicStalls> {
        let usual = self.usual().filter(|&usual| usual <= USUAL_MAX)?;
        let least = usual + STALL_MIN.max(usual / 3);
        let stalls: Vec<&WorstGap> =
            self.windows.iter().filter(|it| it.gap >= least && it.gap <= STALL_MAX).collect();
        // As many as that have no beat of a second.
        if stalls.len() < STALLS_MIN || stalls.len() * 2 > WINDOWS_MAX {
            return None;
        }
        let times: Vec<Time> = stalls.iter().map(|stall| stall.ended).collect();
        let (every, on_beat) = best_beat(&times);
        let span = times.last()?.since(*times.first()?);
        let beats = span.as_nanos() / every.as_nanos() + 1;
        let steady = on_beat >= STALLS_MIN
            && on_beat * 5 >= stalls.len() * 4
            && on_beat as u128 * 5 >= beats * 3;
        steady.then(|| PeriodicStalls {
            every,
            stalls: on_beat,
            of: span,
            longest: stalls.iter().map(|stall| stall.gap).max().unwrap_or_default(),
            usual,
        })
    }
}

/// The beat that most of these keep, and how many do, to a tenth of it.
fn best_beat(times: &[Time]) -> (Duration, usize) {
    let tries = BEATS_MS.step_by(BEATS_STEP_MS).map(Duration::from_millis).flat_map(|beat| {
        times.iter().map(move |&first| {
            let keeps = |time: &&Time| {
                let apart = if **time > first { time.since(first) } else { first.since(**time) };
                let off = apart.as_nanos() % beat.as_nanos();
                off.min(beat.as_nanos() - off) * 10 <= beat.as_nanos()
            };
            (beat, times.iter().filter(keeps).count())
        })
    });
    // Of equal ones the middle: how the beats around the true one fare says little.
    let all: Vec<(Duration, usize)> = tries.collect();
    let most = all.iter().map(|&(_, count)| count).max().unwrap_or(0);
    let best: Vec<Duration> =
        all.iter().filter(|&&(_, count)| count == most).map(|&(beat, _)| beat).collect();
    (best.get(best.len() / 2).copied().unwrap_or(Duration::from_secs(1)), most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::GapMeter;

    /// A generator of made-up lengths: same seed, same show.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
            (self.0 >> 33) % n
        }
    }

    /// 30 s of a console that sends every `pace_us`, give or take 1 ms, through a radio that is away
    /// in these times (µs) and then gives everything that waited.
    fn heard(pace_us: u64, away: &[(u64, u64)], seed: u64) -> StallDetector {
        let mut dice = Dice(seed);
        let (mut meter, mut detector) = (GapMeter::default(), StallDetector::default());
        let mut last = 0;
        for n in 0..30_000_000 / pace_us {
            let sent = n * pace_us + dice.below(2_000);
            let waits = away.iter().find(|(from, until)| (*from..*until).contains(&sent));
            last = waits.map_or(sent, |(_, until)| *until).max(last) + 50;
            if let Some(window) = meter.arrived(Time::from_nanos(1000 * last)) {
                detector.handle(window);
            }
        }
        detector
    }

    /// Away once in `beat_us` for 30 to 50 ms.
    fn awdl(beat_us: u64, seed: u64) -> Vec<(u64, u64)> {
        let mut dice = Dice(seed);
        let starts = (0..30).map(|n| 130_000 + n * beat_us);
        starts.map(|start| (start, start + 30_000 + dice.below(20_000))).collect()
    }

    #[test]
    fn wifi_that_leaves_its_channel_once_a_second_is_named_with_the_remedy() {
        for seed in 1..=20 {
            for (hz, beat_us) in [(44, 1_048_576), (30, 1_048_576), (40, 1_000_000)] {
                let detector = heard(1_000_000 / hz, &awdl(beat_us, seed), seed);
                let found = detector.periodic();
                let found = found.unwrap_or_else(|| panic!("{hz} Hz, seed {seed}: {detector:?}"));
                assert!(found.every.abs_diff(Duration::from_micros(beat_us)).as_millis() < 40);
                assert!((30..90).contains(&found.longest.as_millis()), "{found:?}");
                let words = found.to_string();
                assert!(words.contains("AirDrop") && words.contains("cable"), "{words}");
            }
        }
    }

    #[test]
    fn many_universes_of_one_console_hide_nothing() {
        let detector = heard(1_000_000 / 44 / 16, &awdl(1_048_576, 7), 7);
        assert!(detector.periodic().is_some(), "{detector:?}");
    }

    #[test]
    fn a_quiet_network_and_stalls_without_a_beat_are_not_named() {
        for seed in 1..=50 {
            assert_eq!(heard(22_727, &[], seed).periodic(), None, "quiet, seed {seed}");
            let mut dice = Dice(seed);
            let away: Vec<(u64, u64)> = (0..28)
                .map(|_| dice.below(29_000_000))
                .map(|start| (start, start + 40_000))
                .collect();
            assert_eq!(heard(22_727, &away, seed).periodic(), None, "at random, seed {seed}");
            assert_eq!(heard(22_727, &awdl(3_000_000, seed), seed).periodic(), None, "rare");
            assert_eq!(heard(22_727, &awdl(250_000, seed), seed).periodic(), None, "often");
        }
    }

    #[test]
    fn nothing_is_said_of_a_console_that_sends_seldom_or_only_just_began() {
        assert_eq!(heard(100_000, &awdl(1_048_576, 1), 1).periodic(), None);
        let mut young = StallDetector::default();
        for window in heard(22_727, &awdl(1_048_576, 1), 1).windows.iter().take(40) {
            young.handle(*window);
        }
        assert_eq!((young.usual(), young.periodic()), (None, None));
    }

    #[test]
    fn what_was_heard_before_a_long_silence_is_forgotten() {
        let mut detector = heard(22_727, &awdl(1_048_576, 1), 1);
        let ended = Time::from_millis(100_000);
        let gap = Duration::from_millis(23);
        detector.handle(WorstGap { ended, gap, packets: 11 });
        assert_eq!((detector.windows.len(), detector.longest()), (1, Some(gap)));
    }
}
