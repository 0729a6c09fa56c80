//! Looking at the bands: do they show what the console wants?

use std::collections::HashMap;
use std::time::{Duration, Instant};

use wristcast_core::config::Config;
use wristcast_core::snapshot::BandState;

use super::history::{History, Light};

/// A band is fresh if it shows what the console wanted at some moment of this time past.
pub(super) const FRESH: Duration = Duration::from_millis(150);

/// Holds bands against what the console sent.
#[derive(Debug)]
pub(super) struct Audience {
    group_indices: HashMap<String, usize>,
    /// Bands looked at, over all looks.
    pub(super) checks: u64,
    /// Of these, fresh.
    fresh: u64,
    last_look: Option<Instant>,
    /// No judgement before.
    judging_from: Option<Instant>,
}

impl Audience {
    pub(super) fn new(config: &Config) -> Self {
        let names = config.groups.iter().map(|group| group.name.clone());
        Self {
            group_indices: names.zip(0..).collect(),
            checks: 0,
            fresh: 0,
            last_look: None,
            judging_from: None,
        }
    }

    /// The index of a band's group.
    pub(super) fn group_of(&self, band: &BandState) -> Option<usize> {
        self.group_indices.get(&band.group).copied()
    }

    /// Counts how many of `bands`, as they were at `now`, are fresh. To be called many times a
    /// second: where it was not, this machine did not let us run, nor the relay, and what was late
    /// then is not counted.
    pub(super) fn check(&mut self, bands: &[BandState], history: &History, now: Instant) {
        let stalled = self.last_look.is_none_or(|last| now - last > FRESH / 2);
        self.last_look = Some(now);
        if stalled {
            self.judging_from = Some(now + FRESH);
        }
        if self.judging_from.is_some_and(|from| now < from) {
            return;
        }
        let from = now.checked_sub(FRESH).unwrap_or(now);
        for band in bands {
            let light = Light::from(&band.look);
            let fresh = self
                .group_of(band)
                .is_some_and(|group| history.was_wanted(group, light, from, now));
            self.checks += 1;
            self.fresh += u64::from(fresh);
        }
    }

    /// How many of `bands` show what the console sent last.
    pub(super) fn right(&self, bands: &[BandState], history: &History) -> usize {
        let is_right = |band: &&BandState| {
            self.group_of(band).is_some_and(|group| history.last(group) == Light::from(&band.look))
        };
        bands.iter().filter(is_right).count()
    }

    /// The share of checks that found a fresh band, 0..=1.
    pub(super) fn freshness(&self) -> f64 {
        if self.checks == 0 { 1.0 } else { self.fresh as f64 / self.checks as f64 }
    }
}
