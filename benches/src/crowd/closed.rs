//! The closed forms for the same venue, to hold the simulation against.

use std::fmt;
use std::time::Duration;

use wristcast_core::air::heard;
use wristcast_core::air::latency::{Hearing, quantile};
use wristcast_core::config::AirWay;

use super::{Outcome, Venue, quantile as simulated};

/// What the formulas say of a venue whose bands hear as many radios as the simulated ones do.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Bands by how many radios they hear; what they hear of one sending.
    pub bands: Vec<Hearing>,
    /// From one sending to the next.
    pub period: Duration,
}

impl Closed {
    /// For the venue of an outcome.
    pub fn of(venue: &Venue, outcome: &Outcome) -> Self {
        let data = venue.way.room() + 4;
        // A slot is longer than the mean time between adverts that move at random.
        let (slot, adverts) = match venue.way {
            AirWay::Periodic => {
                let slot = venue.interval + Duration::from_millis(1);
                (slot, slot.as_secs_f64() / venue.interval.as_secs_f64())
            }
            _ => {
                let slot = venue.interval + Duration::from_millis(10);
                let mean = venue.interval + Duration::from_millis(5);
                (slot, slot.as_secs_f64() / mean.as_secs_f64())
            }
        };
        let hearing = |(radios, share): (usize, &f64)| {
            let one = heard(venue.way, venue.interval, data, radios, venue.loss, 1.0);
            let missed = (1.0 - one).powf(radios as f64 * adverts);
            Hearing { share: *share, heard: 1.0 - missed }
        };
        Self {
            bands: outcome.audible_shares.iter().enumerate().map(hearing).collect(),
            period: slot * outcome.frames.max(1),
        }
    }

    /// Share of bands that had not heard after so many sendings.
    pub fn stale_after(&self, sendings: f64) -> f64 {
        let stale = |band: &Hearing| band.share * (1.0 - band.heard).powf(sendings);
        self.bands.iter().map(stale).sum()
    }

    /// Time until a share of bands has heard, ms.
    pub fn heard_ms(&self, of: f64) -> f64 {
        quantile(&self.bands, self.period, of).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}

/// How far a simulation is from the closed forms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreement {
    /// Share of all bands and changes that are stale after one to six sendings; the greatest
    /// difference.
    pub stale: f64,
    /// Time until half of the bands have heard, ms.
    pub heard_p50_ms: f64,
    /// Time until 99 % have heard, ms.
    pub heard_p99_ms: f64,
}

impl Agreement {
    /// What is stated. The closed forms know no slots and leave out how long a frame waits for its
    /// advert: one slot. And they reckon each advert's collisions apart, where the adverts of two radios
    /// that met are more likely to meet again.
    pub const STATED: Self = Self { stale: 0.03, heard_p50_ms: 15.0, heard_p99_ms: 40.0 };

    /// The differences of one outcome.
    pub fn of(outcome: &Outcome, closed: &Closed) -> Self {
        let stale = (1..=6).map(|sendings| {
            (outcome.stale_after[sendings] - closed.stale_after(sendings as f64)).abs()
        });
        let heard = |of| f64::from(simulated(&outcome.heard_ms, of));
        Self {
            stale: stale.fold(0.0, f64::max),
            heard_p50_ms: (heard(0.5) - closed.heard_ms(0.5)).abs(),
            heard_p99_ms: (heard(0.99) - closed.heard_ms(0.99)).abs(),
        }
    }

    /// The worse of two, figure by figure.
    pub fn or(self, other: Self) -> Self {
        Self {
            stale: self.stale.max(other.stale),
            heard_p50_ms: self.heard_p50_ms.max(other.heard_p50_ms),
            heard_p99_ms: self.heard_p99_ms.max(other.heard_p99_ms),
        }
    }

    /// Whether it is no worse than what is stated.
    pub fn is_as_stated(&self) -> bool {
        self.or(Self::STATED) == Self::STATED
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "stale share {:.4}, p50 {:.0} ms, p99 {:.0} ms",
            self.stale, self.heard_p50_ms, self.heard_p99_ms
        )
    }
}
