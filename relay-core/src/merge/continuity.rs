//! What the sequence numbers of a stream say about packets that never came.
//!
//! Merging forgets the numbers of a source that was silent for the network data loss time, as the
//! standard wants. An operator whose phone was asleep for a minute wants to know all the same how
//! much light that cost. So this counts on through every silence. It decides nothing.
//!
//! The numbers have eight bits. After a silence longer than one round of them they tell how many
//! packets are missing only up to whole rounds; how many rounds, the pace before the silence tells.

use std::time::Duration;

use crate::time::Time;

/// A silence of at least this length in which packets were missed is told of as a gap.
pub const GAP_MIN: Duration = Duration::from_secs(1);

/// A number that lies behind, and comes this soon, is late; later it is one of the next round.
const LATE_MAX: Duration = Duration::from_millis(500);

/// A silence of one stream in which packets were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last packet before it.
    pub start: Time,
    /// The first packet after it.
    pub end: Time,
    /// Packets that the sequence numbers say are missing; `None` if the source does not number.
    pub missed: Option<u64>,
    /// At the source's pace the numbers did not run round in that time: the count is right to the
    /// packet. Else whole rounds were added as the pace says.
    pub exact: bool,
}

/// The numbers of one stream since it was first heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Continuity {
    started: bool,
    number: u8,
    /// Bit n: the number n before this one is missing.
    missing: u32,
    /// Time from packet to packet, smoothed, microseconds; 0 = not known yet.
    pace_us: u32,
    last: Time,
}

/// A number that lies fewer steps behind may be late (E1.31 §6.7.2).
const LATE_STEPS: u64 = 20;

/// No source keeps a faster pace than that (E1.31 §6.6.1, E1.11); what comes faster comes in bursts.
const PACE_MIN_US: u64 = 20_000;

/// What one packet changes in the count of missing ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) missed: u64,
    /// It had been counted as missing.
    pub(super) recovered: bool,
    pub(super) gap: Option<Gap>,
}

impl Continuity {
    /// Nothing heard yet.
    pub(super) const NEW: Self =
        Self { started: false, number: 0, missing: 0, pace_us: 0, last: Time::ZERO };

    /// Takes the number of a packet. `other`: the last number of the source's other stream, which
    /// may count together with this one (E1.31 §6.2.5). Art-Net counts from 1 to 255.
    #[inline]
    pub(super) fn follow(
        &mut self,
        now: Time,
        number: u8,
        other: Option<u8>,
        artnet: bool,
    ) -> Step {
        if !self.started {
            *self = Self { started: true, number, last: now, ..Self::NEW };
            return Step::default();
        }
        let round: u64 = if artnet { 255 } else { 256 };
        let silence = now.since(self.last);
        let back = distance(number, self.number, artnet);
        if back < LATE_STEPS && silence < LATE_MAX {
            let bit = 1 << back;
            let recovered = self.missing & bit != 0;
            self.missing &= !bit;
            return Step { recovered, ..Step::default() };
        }
        let own = match distance(self.number, number, artnet) {
            0 => round,
            own => own,
        };
        let joint = other.map(|other| distance(other, number, artnet)).filter(|&step| step > 0);
        let step = joint.map_or(own, |joint| joint.min(own));
        let expected = self.expected(silence);
        self.number = number;
        self.last = now;
        self.missing = self.missing.checked_shl(own as u32).unwrap_or(0);
        if step > LATE_STEPS && expected.is_some_and(|expected| expected < step / 4) {
            // Nobody sends so many in that time: it began to count anew.
            self.missing = 0;
            return Step::default();
        }
        let rounds =
            expected.map_or(0, |expected| expected.saturating_sub(step) + round / 2) / round;
        let count = step + rounds * round;
        if silence < LATE_MAX {
            // Those between the packet before and this one, this one left out.
            self.missing |= 1u32.checked_shl(step as u32).unwrap_or(0).wrapping_sub(2);
        }
        self.keep_pace(silence, count);
        let missed = count - 1;
        let gap = (missed > 0 && silence >= GAP_MIN).then(|| Gap {
            start: now_before(now, silence),
            end: now,
            missed: Some(missed),
            exact: expected.is_some_and(|expected| expected <= round / 2),
        });
        Step { missed, recovered: false, gap }
    }

    /// Packets that this silence has room for at the pace before it, this one counted.
    fn expected(&self, silence: Duration) -> Option<u64> {
        let pace = u64::from(self.pace_us);
        (pace > 0).then(|| (micros(silence) + pace / 2) / pace)
    }

    fn keep_pace(&mut self, silence: Duration, count: u64) {
        let new = (micros(silence) / count).clamp(PACE_MIN_US, u64::from(u32::MAX / 8));
        let old = u64::from(self.pace_us);
        self.pace_us = if old == 0 { new as u32 } else { ((7 * old + new) / 8) as u32 };
    }
}

/// Steps from `from` on to `to`, 0 if they are equal.
fn distance(from: u8, to: u8, artnet: bool) -> u64 {
    let step = u64::from(to.wrapping_sub(from));
    // There is no 0 on the way.
    if artnet && to < from { step.saturating_sub(1) } else { step }
}

fn micros(silence: Duration) -> u64 {
    u64::try_from(silence.as_micros()).unwrap_or(u64::MAX / 2)
}

fn now_before(now: Time, silence: Duration) -> Time {
    Time::from_nanos(now.as_nanos().saturating_sub(silence.as_nanos() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One stream, and what was counted.
    struct Stream {
        continuity: Continuity,
        artnet: bool,
        missed: u64,
        gaps: Vec<Gap>,
    }

    impl Stream {
        fn new(artnet: bool) -> Self {
            Self { continuity: Continuity::NEW, artnet, missed: 0, gaps: Vec::new() }
        }

        fn hear(&mut self, at_ms: u64, number: u8) {
            let at = Time::from_millis(at_ms);
            let step = self.continuity.follow(at, number, None, self.artnet);
            self.missed = self.missed + step.missed - u64::from(step.recovered);
            self.gaps.extend(step.gap);
        }

        /// `count` packets from number `first` on, one each `every_ms`, and the time after them.
        fn run(&mut self, from_ms: u64, every_ms: u64, first: u64, count: u64) -> u64 {
            for n in 0..count {
                let number = if self.artnet { 1 + (first + n) % 255 } else { (first + n) % 256 };
                self.hear(from_ms + n * every_ms, number as u8);
            }
            from_ms + count * every_ms
        }
    }

    #[test]
    fn a_packet_a_second_and_ten_seconds_asleep_are_ten_packets() {
        let mut stream = Stream::new(false);
        let asleep = stream.run(0, 1000, 250, 20);
        stream.run(asleep + 10_000, 1000, 280, 20);
        assert_eq!(stream.missed, 10);
        let [gap] = stream.gaps[..] else { panic!("{:?}", stream.gaps) };
        assert_eq!((gap.missed, gap.exact), (Some(10), true));
        assert_eq!((gap.start, gap.end), (Time::from_millis(19_000), Time::from_millis(30_000)));
    }

    #[test]
    fn rounds_of_the_numbers_that_nobody_heard_are_counted_by_the_pace() {
        for artnet in [false, true] {
            let mut stream = Stream::new(artnet);
            let asleep = stream.run(0, 25, 0, 1000);
            stream.run(asleep + 30_000, 25, 1000 + 1200, 100);
            assert_eq!(stream.missed, 1200);
            assert!(!stream.gaps[0].exact, "the numbers ran round");
        }
    }

    #[test]
    fn what_comes_late_was_not_missed_and_what_comes_twice_is_not_counted_twice() {
        let mut stream = Stream::new(false);
        for (at, number) in
            [(0, 1), (25, 2), (50, 5), (51, 4), (52, 4), (53, 5), (54, 2), (75, 6), (100, 8)]
        {
            stream.hear(at, number);
        }
        assert_eq!(stream.missed, 2, "3 and 7");
        assert_eq!(stream.gaps, [], "too short to be told of");
    }

    #[test]
    fn art_net_has_no_number_zero() {
        let mut stream = Stream::new(true);
        stream.run(0, 25, 0, 1000);
        assert_eq!(stream.missed, 0);
        let mut stream = Stream::new(true);
        for (at, number) in [(0, 253), (25, 254), (50, 1), (75, 3)] {
            stream.hear(at, number);
        }
        assert_eq!(stream.missed, 2, "255 and 2");
    }

    #[test]
    fn a_console_that_starts_anew_has_missed_nothing() {
        let mut stream = Stream::new(false);
        let again = stream.run(0, 25, 100, 100);
        stream.run(again, 25, 0, 100);
        assert_eq!((stream.missed, stream.gaps.len()), (0, 0));
    }

    #[test]
    fn a_source_that_counts_over_both_streams_misses_nothing() {
        let (mut levels, mut priorities) = (Continuity::NEW, Continuity::NEW);
        let mut last = None;
        for n in 0..600u64 {
            let stream = if n % 3 == 0 { &mut priorities } else { &mut levels };
            let step = stream.follow(Time::from_millis(n * 10), n as u8, last, false);
            assert_eq!(step, Step::default(), "{n}");
            last = Some(n as u8);
        }
    }
}
