//! The log of what happened: bounded, with wall times, in plain words. Control side.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::handle::lock;
use crate::snapshot::{EventState, Severity};
use crate::steering::Actor;
use crate::time::Time;

/// Events remembered; older ones are forgotten.
const REMEMBERED: usize = 1024;

/// What happened. Clones are one and the same log.
#[derive(Clone, Debug, Default)]
pub(super) struct EventLog(Arc<Mutex<Events>>);

/// Oldest first.
#[derive(Debug, Default)]
struct Events {
    events: VecDeque<EventState>,
    /// Number of the last event.
    last: u64,
}

impl EventLog {
    /// Remembers an event of `at` on the relay's clock, which shows `now`.
    pub(super) fn push(&self, at: Time, now: Time, severity: Severity, text: String) {
        match severity {
            Severity::Info => tracing::info!("{text}"),
            Severity::Warning => tracing::warn!("{text}"),
            Severity::Fault => tracing::error!("{text}"),
        }
        self.keep(at, now, severity, text, None, None);
    }

    /// Remembers an event that ends what `lasted` so long.
    pub(super) fn push_end(
        &self,
        at: Time,
        now: Time,
        severity: Severity,
        text: &str,
        lasted: Duration,
    ) {
        let text = format!("{text}, after {}", words(lasted));
        tracing::info!("{text}");
        self.keep(at, now, severity, text, None, Some(lasted));
    }

    /// Remembers what somebody did, and how long that `lasted` which it ends.
    pub(super) fn push_by(
        &self,
        at: Time,
        now: Time,
        severity: Severity,
        text: String,
        by: &Actor,
        lasted: Option<Duration>,
    ) {
        match severity {
            Severity::Info => tracing::info!(%by, "{text}"),
            Severity::Warning => tracing::warn!(%by, "{text}"),
            Severity::Fault => tracing::error!(%by, "{text}"),
        }
        self.keep(at, now, severity, text, Some(by.to_string()), lasted);
    }

    fn keep(
        &self,
        at: Time,
        now: Time,
        severity: Severity,
        text: String,
        by: Option<String>,
        lasted: Option<Duration>,
    ) {
        let wall = SystemTime::now().checked_sub(now.since(at)).unwrap_or(UNIX_EPOCH);
        let unix = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut log = lock(&self.0);
        log.last += 1;
        if log.events.len() == REMEMBERED {
            log.events.pop_front();
        }
        let number = log.last;
        log.events.push_back(EventState {
            number,
            unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
            uptime_ms: at.as_nanos() / 1_000_000,
            severity,
            text,
            by,
            lasted_ms: lasted.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
        });
    }

    /// The events after number `after`.
    pub(super) fn after(&self, after: u64) -> Vec<EventState> {
        lock(&self.0).events.iter().filter(|event| event.number > after).cloned().collect()
    }
}

/// `12.3 s`, `4 min 5 s`, `2 h 10 min`.
pub(super) fn words(lasted: Duration) -> String {
    match lasted.as_secs() {
        0..120 => format!("{:.1} s", lasted.as_secs_f64()),
        seconds @ 120..7_200 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_ends_something_says_how_long_it_was() {
        let log = EventLog::default();
        let at = Time::from_millis(20_000);
        log.push_end(at, at, Severity::Info, "sacn/1: signal", Duration::from_millis(12_345));
        let event = log.after(0).remove(0);
        assert_eq!(event.text, "sacn/1: signal, after 12.3 s");
        assert_eq!(event.lasted_ms, Some(12_345));
        let told = |seconds| words(Duration::from_secs(seconds));
        assert_eq!([told(119), told(245), told(7_800)], ["119.0 s", "4 min 5 s", "2 h 10 min"]);
    }

    #[test]
    fn events_are_numbered_and_the_oldest_are_forgotten() {
        let log = EventLog::default();
        for n in 1..=REMEMBERED + 10 {
            log.push(
                Time::from_millis(n as u64),
                Time::from_millis(2000),
                Severity::Info,
                n.to_string(),
            );
        }
        let events = log.after(0);
        assert_eq!(events.len(), REMEMBERED);
        assert_eq!(
            (events[0].number, events[0].text.as_str(), events[0].uptime_ms),
            (11, "11", 11)
        );
        assert_eq!(log.after(REMEMBERED as u64 + 9).len(), 1);
        assert!(log.after(u64::MAX).is_empty());
        assert!(events.windows(2).all(|pair| pair[0].unix_ms <= pair[1].unix_ms + 1));
    }
}
