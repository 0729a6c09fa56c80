//! How many connections an adapter takes: no system says, so it is found by trying.

use std::borrow::Cow;
use std::time::Duration;

use crate::time::Time;

/// What most adapters take, and what is taken without asking.
const USUAL: usize = 8;
/// After a connection came about, until one more than usual is tried.
const PROBE_AFTER: Duration = Duration::from_secs(5);
/// After the adapter refused one, until it is asked again: other programs' connections end.
const PROBE_AGAIN: Duration = Duration::from_secs(300);

/// The connections of one adapter.
#[derive(Debug)]
pub(super) struct Limit {
    max: usize,
    /// The operator has said how many.
    fixed: bool,
    /// The adapter has refused a further one.
    refused: bool,
    probe_at: Time,
}

impl Limit {
    /// `max`: as many as the operator says; `None`: as many as the adapter takes.
    pub(super) fn new(max: Option<usize>) -> Self {
        let (fixed, max) = (max.is_some(), max.unwrap_or(USUAL));
        Self { max, fixed, refused: false, probe_at: Time::ZERO }
    }

    /// How many there may be now.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// When one more may be tried; `None` = never.
    pub(super) fn probe_at(&self) -> Option<Time> {
        (!self.fixed).then_some(self.probe_at)
    }

    /// A band waits and `used` connections are in use: tries one more if it is time.
    pub(super) fn probe(&mut self, now: Time, used: usize) {
        if !self.fixed && used >= self.max && self.probe_at <= now {
            self.max = used + 1;
            self.probe_at = now + PROBE_AFTER;
        }
    }

    /// A connection came about, the `used`-th.
    pub(super) fn connected(&mut self, now: Time, used: usize) {
        if used >= self.max && !self.refused {
            self.probe_at = now + PROBE_AFTER;
        }
    }

    /// The adapter refused one beside `used`.
    pub(super) fn refused(&mut self, now: Time, used: usize) {
        self.refused = true;
        self.probe_at = now + PROBE_AGAIN;
        // Of what the operator said nothing is taken back: the next attempt may find room.
        if !self.fixed {
            self.max = used.max(1);
            tracing::info!(connections = self.max, "the adapter takes no more connections");
        }
    }

    /// To a band that there is no connection for.
    pub(super) fn words(&self) -> Cow<'static, str> {
        let max = self.max;
        let so = if self.fixed {
            format!("waits for a connection: {max} of {max} are in use (max_connections)")
        } else if self.refused {
            format!("waits for a connection: the adapter takes {max}; add an adapter")
        } else {
            format!("waits for a connection: {max} are in use, one more is tried soon")
        };
        so.into()
    }
}
