//! The closed forms for the same venue, to hold the simulation against.

use std::time::Duration;

use wristcast_core::air::heard;
use wristcast_core::air::latency::{Hearing, quantile};
use wristcast_core::config::AirWay;

use super::{Outcome, Venue};

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
    pub fn stale_after(&self, sendings: usize) -> f64 {
        let stale = |band: &Hearing| band.share * (1.0 - band.heard).powi(sendings as i32);
        self.bands.iter().map(stale).sum()
    }

    /// Time until a share of bands has heard, ms.
    pub fn heard_ms(&self, of: f64) -> f64 {
        quantile(&self.bands, self.period, of).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}
