//! Tens of thousands of bands that listen, under a virtual clock: real frames of the real scheduler
//! through the real decoder, over an air with radios, distances, collisions and loss.
//!
//! Events are the adverts of each radio. A radio's adverts follow each other as the controller
//! spaces them ([`AirWay`]); each carries the frame that is on the air then. A band hears an advert if
//! it is in reach, if no other audible radio's packet overlaps (drawn from the actual times of
//! those packets, not from the closed form), and if it is not lost, by a seeded coin. What it hears
//! its decoder is handed with the band's own clock.
//!
//! No radio was measured: reach is a circle, loss is a number.

mod air;
pub mod closed;
#[cfg(test)]
mod tests;

use std::time::Duration;

use broadcast_frame::{Decoder, Identity, Key};
use wristcast_core::config::AirWay;
use wristcast_core::look::Look;

use air::Air;

const KEY: Key = Key([0x42; 16]);

/// A venue and what happens in it.
#[derive(Clone, Copy, Debug)]
pub struct Venue {
    /// Bands, spread evenly without a plan.
    pub bands: usize,
    /// Radios, on a grid.
    pub radios: usize,
    /// Groups; bands belong to them in turn.
    pub groups: usize,
    /// The venue is a square of this area, m².
    pub area_m2: f64,
    /// Reach of a radio, m.
    pub range_m: f64,
    /// Kind of adverts.
    pub way: AirWay,
    /// Advertising interval.
    pub interval: Duration,
    /// Share of packets lost to anything but collisions.
    pub loss: f64,
    /// From a look's arrival to when it is to be seen, ms.
    pub lead_ms: u32,
    /// How often a change is sent.
    pub repeats: u8,
    /// Changes of every group at once.
    pub changes: u32,
    /// Time from one to the next, ms.
    pub change_every_ms: u32,
    /// The same seed gives the same run.
    pub seed: u64,
}

impl Default for Venue {
    /// 50 000 bands, 32 radios, 80 groups in a bowl.
    fn default() -> Self {
        Self {
            bands: 50_000,
            radios: 32,
            groups: 80,
            area_m2: 30_000.0,
            range_m: 30.0,
            way: AirWay::Periodic,
            interval: Duration::from_millis(20),
            loss: 0.3,
            lead_ms: 300,
            repeats: 6,
            changes: 10,
            change_every_ms: 1_000,
            seed: 1,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Bands that are in reach of no radio; they are in no other figure.
    pub unreached: usize,
    /// Radios that a reached band hears, on average.
    pub audible: f64,
    /// Shares of reached bands that hear 0, 1, 2, ... radios.
    pub audible_shares: Vec<f64>,
    /// Frames that every group is in one of, while all change.
    pub frames: u32,
    /// From a change to when a band heard of it, ms, over all changes and bands; sorted.
    pub heard_ms: Vec<u32>,
    /// From a change to when a band showed it, ms; sorted.
    pub shown_ms: Vec<u32>,
    /// Share of bands and changes that had not heard after so many sendings of the change, from 0 on.
    pub stale_after: Vec<f64>,
    /// Share of a band's opportunities that it heard.
    pub heard_share: f64,
    /// Adverts that bands heard and decoded.
    pub decoded: u64,
    /// Simulated time.
    pub simulated: Duration,
}

/// A quantile of sorted figures.
pub fn quantile(sorted: &[u32], of: f64) -> u32 {
    let index = (sorted.len() as f64 * of) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}

struct Band {
    decoder: Decoder,
    /// Radios in reach.
    radios: Vec<u16>,
    /// Local clock less true time, ms.
    offset: u32,
    /// It has not heard of the change yet.
    waits: bool,
    /// The coin that says what it misses.
    random: u64,
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn share(state: &mut u64) -> f64 {
    (random(state) >> 11) as f64 / (1u64 << 53) as f64
}

/// The colour of a group after a change: no two alike, so that frames are as full as can be.
fn look(change: u32, group: usize) -> Look {
    let mix = (change as usize * 131 + group * 7) as u32;
    Look {
        red: (mix % 251) as u8 + 1,
        green: (group % 256) as u8,
        blue: (change % 256) as u8,
        dimmer: 255,
        ..Look::DARK
    }
}

/// Plays the venue.
pub fn play(venue: &Venue) -> Outcome {
    let mut seed = venue.seed;
    let side = venue.area_m2.sqrt();
    let columns = (venue.radios as f64).sqrt().ceil() as usize;
    let rows = venue.radios.div_ceil(columns);
    let places: Vec<(f64, f64)> = (0..venue.radios)
        .map(|radio| {
            let (row, column) = (radio / columns, radio % columns);
            let in_row = columns.min(venue.radios - row * columns);
            let x = side * (column as f64 + 0.5) / in_row as f64;
            (x, side * (row as f64 + 0.5) / rows as f64)
        })
        .collect();
    let mut bands: Vec<Band> = (0..venue.bands)
        .map(|number| {
            let (x, y) = (share(&mut seed) * side, share(&mut seed) * side);
            let near = |(rx, ry): &(f64, f64)| {
                (rx - x).powi(2) + (ry - y).powi(2) <= venue.range_m.powi(2)
            };
            let radios = (0..).zip(&places).filter(|(_, place)| near(place));
            let group = (number % venue.groups) as u16;
            let mut decoder = Decoder::new(Identity { company: 0xFFFF, show: 1, group });
            decoder.set_key(KEY.0);
            Band {
                decoder,
                radios: radios.map(|(radio, _)| radio).collect(),
                offset: random(&mut seed) as u32,
                waits: false,
                random: random(&mut seed),
            }
        })
        .collect();
    let mut outcome = Outcome {
        unreached: bands.iter().filter(|band| band.radios.is_empty()).count(),
        ..Outcome::default()
    };
    bands.retain(|band| !band.radios.is_empty());
    let audible: usize = bands.iter().map(|band| band.radios.len()).sum();
    outcome.audible = audible as f64 / bands.len().max(1) as f64;
    for band in &bands {
        let count = band.radios.len();
        outcome.audible_shares.resize(outcome.audible_shares.len().max(count + 1), 0.0);
        outcome.audible_shares[count] += 1.0 / bands.len() as f64;
    }
    let mut air = Air::new(venue, seed);
    air.run(&mut bands, &mut outcome);
    outcome.heard_ms.sort_unstable();
    outcome.shown_ms.sort_unstable();
    outcome
}
