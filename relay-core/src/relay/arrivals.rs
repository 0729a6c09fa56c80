//! Keeps what the times of packets say, for front ends. Control side.

use std::time::Duration;

use crate::arrivals::{PeriodicStalls, Ration, RationDetector, StallDetector, WorstGap};
use crate::merge::Gap;
use crate::snapshot::{ArrivalState, Severity};
use crate::time::Time;

/// What was heard longer ago says nothing of now.
const CURRENT: Duration = Duration::from_secs(5);

/// Stalls that stayed away for so long are over.
const OVER_AFTER: Duration = Duration::from_secs(30);

/// How long a system that rations stays a fault.
const RATION_SHOWN: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct ArrivalWatch {
    stalls: StallDetector,
    ration: RationDetector,
    /// When the last window ended.
    heard: Time,
    /// The stalls that were told of, and when they were last found.
    told: Option<(PeriodicStalls, Time)>,
    rationed: Option<(Ration, Time)>,
}

impl ArrivalWatch {
    /// Takes what the relay thread measured.
    pub(super) fn handle_window(&mut self, window: WorstGap) {
        self.heard = self.heard.max(window.ended);
        self.stalls.handle(window);
    }

    /// Takes a silence of a source, and the bytes that all sources had sent when it ended. Returns
    /// what there is to tell.
    pub(super) fn handle_gap(&mut self, gap: &Gap, bytes: u64) -> Option<String> {
        gap.missed?;
        let ration = self.ration.handle_gap(gap.start, gap.end, bytes)?;
        let first = self.rationed.replace((ration, gap.end)).is_none();
        first.then(|| ration.to_string())
    }

    /// Looks for stalls that begin or are over. To be called about once a second.
    pub(super) fn tick(&mut self, now: Time) -> Option<(Severity, String)> {
        if self.rationed.is_some_and(|(_, at)| now.since(at) >= RATION_SHOWN) {
            self.rationed = None;
        }
        if let Some(found) = self.stalls.periodic().filter(|_| self.is_current(now)) {
            let first = self.told.replace((found, now)).is_none();
            return first.then(|| (Severity::Warning, found.to_string()));
        }
        let over = self.told.is_some_and(|(_, at)| now.since(at) >= OVER_AFTER);
        if !over {
            return None;
        }
        self.told = None;
        Some((Severity::Info, "packets no longer stall about once a second".to_owned()))
    }

    /// For the status.
    pub(super) fn state(&self, now: Time) -> ArrivalState {
        let millis = |gap: Duration| gap.as_secs_f64() * 1000.0;
        let current = self.is_current(now);
        ArrivalState {
            usual_gap_ms: self.stalls.usual().filter(|_| current).map(millis),
            longest_gap_ms: self.stalls.longest().filter(|_| current).map(millis),
            stalls_every_ms: self.told.map(|(found, _)| millis(found.every)),
        }
    }

    /// What is wrong now, in plain words.
    pub(super) fn faults(&self) -> impl Iterator<Item = String> {
        let stalls = self.told.map(|(found, _)| found.to_string());
        stalls.into_iter().chain(self.rationed.map(|(ration, _)| ration.to_string()))
    }

    fn is_current(&self, now: Time) -> bool {
        now.since(self.heard) < CURRENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `seconds` of windows, one in four of them stalled by `stall_ms`, from `from_ms` on.
    fn feed(watch: &mut ArrivalWatch, from_ms: u64, seconds: u64, stall_ms: u64) -> Time {
        for n in 0..4 * seconds {
            let ended = Time::from_millis(from_ms + 250 * n + 120);
            let gap = Duration::from_millis(23 + if n % 4 == 0 { stall_ms } else { 0 });
            watch.handle_window(WorstGap { ended, gap, packets: 11 });
        }
        Time::from_millis(from_ms + 1000 * seconds)
    }

    #[test]
    fn stalls_are_told_when_they_begin_and_when_they_are_over() {
        let mut watch = ArrivalWatch::default();
        let now = feed(&mut watch, 0, 30, 40);
        let told = watch.tick(now);
        assert!(told.is_some_and(|(severity, text)| {
            severity == Severity::Warning && text.contains("AirDrop")
        }));
        assert_eq!(watch.tick(now), None, "once");
        assert_eq!(watch.faults().count(), 1);
        assert_eq!(watch.state(now).stalls_every_ms, Some(1000.0));
        let now = feed(&mut watch, 30_000, 30, 0);
        assert_eq!(
            watch.tick(now + OVER_AFTER),
            Some((Severity::Info, "packets no longer stall about once a second".to_owned()))
        );
        assert_eq!((watch.faults().count(), watch.tick(now + OVER_AFTER)), (0, None));
    }

    #[test]
    fn what_was_heard_before_a_silence_is_no_state_of_now() {
        let mut watch = ArrivalWatch::default();
        let now = feed(&mut watch, 0, 30, 0);
        let state = watch.state(now);
        assert_eq!((state.usual_gap_ms, state.longest_gap_ms), (Some(23.0), Some(23.0)));
        assert_eq!(watch.state(now + CURRENT), ArrivalState::default());
    }

    #[test]
    fn a_system_that_rations_is_told_once_and_stays_a_fault_for_a_while() {
        let mut watch = ArrivalWatch::default();
        let mut told = Vec::new();
        for n in 1..=6u64 {
            let (start, end) =
                (Time::from_millis(10_000 * n), Time::from_millis(10_000 * n + 3000));
            let gap = Gap { start, end, missed: Some(130), exact: true };
            told.extend(watch.handle_gap(&gap, n * 131_072));
        }
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(watch.tick(Time::from_millis(64_000)), None);
        assert!(watch.faults().any(|fault| fault.contains("unicast")));
        assert_eq!(watch.tick(Time::from_millis(63_000) + RATION_SHOWN), None);
        assert_eq!(watch.faults().count(), 0);
    }
}
