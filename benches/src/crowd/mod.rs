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

pub mod closed;
#[cfg(test)]
mod tests;

use std::time::Duration;

use broadcast_frame::{Decoder, FallBack, Heard, Identity, Key, advert};
use wristcast_core::air::{primary_packet, secondary_packet};
use wristcast_core::config::AirWay;
use wristcast_core::look::Look;
use wristcast_core::radio::Class;
use wristcast_core::schedule::broadcast::{AirPolicy, AirScheduler};

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
            lead_ms: 200,
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
    /// The change it has not heard of yet, or not shown.
    waits: bool,
}

struct Radio {
    /// When its next advert begins, µs.
    next: u64,
    random: u64,
}

/// An advert on the air.
#[derive(Clone, Copy)]
struct OnAir {
    radio: u16,
    begins: u64,
    /// Secondary channel.
    channel: u64,
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

struct Air<'v> {
    venue: &'v Venue,
    scheduler: AirScheduler,
    radios: Vec<Radio>,
    slot_us: u64,
    primary_us: u64,
    secondary_us: u64,
    seed: u64,
    opportunities: u64,
    heard: u64,
}

impl<'v> Air<'v> {
    fn new(venue: &'v Venue, mut seed: u64) -> Self {
        let policy = AirPolicy {
            show: 1,
            room: venue.way.room(),
            repeats: venue.repeats,
            lead_ms: venue.lead_ms,
            fall_back: FallBack::default(),
            key: Some(KEY),
            nearest_colours: false,
        };
        let slot = match venue.way {
            AirWay::Periodic => venue.interval + Duration::from_millis(1),
            _ => venue.interval + Duration::from_millis(10),
        };
        let data = venue.way.room() + advert::OVERHEAD;
        let radios = (0..venue.radios)
            .map(|_| Radio {
                next: random(&mut seed) % venue.interval.as_micros() as u64,
                random: random(&mut seed),
            })
            .collect();
        Self {
            venue,
            scheduler: AirScheduler::new(policy, venue.groups),
            radios,
            slot_us: slot.as_micros() as u64,
            primary_us: primary_packet(venue.way, data).as_micros() as u64,
            secondary_us: secondary_packet(venue.way, data).as_micros() as u64,
            seed,
            opportunities: 0,
            heard: 0,
        }
    }

    fn run(&mut self, bands: &mut [Band], outcome: &mut Outcome) {
        let every = u64::from(self.venue.change_every_ms) * 1000;
        let slots_per_change = every / self.slot_us;
        let mut clock_us = 0;
        // One change to begin with, so that all bands know the clock; it is in no figure.
        for change in 0..=self.venue.changes {
            let changed_ms = (clock_us / 1000) as u32;
            for group in 0..self.venue.groups {
                self.scheduler.set_look(group, look(change, group), Class::Snap, changed_ms);
            }
            bands.iter_mut().for_each(|band| band.waits = true);
            let counted = change > 0;
            let mut stale = vec![bands.len() as f64];
            let mut sendings = 0;
            let frames = self.frames_for_all();
            outcome.frames = frames as u32;
            for slot in 0..slots_per_change {
                self.slot(clock_us, changed_ms, bands, counted.then_some(&mut *outcome));
                clock_us += self.slot_us;
                if (slot + 1).is_multiple_of(frames) && sendings < 12 {
                    sendings += 1;
                    stale.push(bands.iter().filter(|band| band.waits).count() as f64);
                }
            }
            if counted {
                outcome.stale_after.resize(stale.len(), 0.0);
                for (sum, stale) in outcome.stale_after.iter_mut().zip(&stale) {
                    let all = bands.len() as f64 * f64::from(self.venue.changes);
                    *sum += stale / all;
                }
            }
        }
        outcome.heard_share = self.heard as f64 / self.opportunities.max(1) as f64;
        outcome.decoded = self.heard;
        outcome.simulated = Duration::from_micros(clock_us);
    }

    /// Frames that every group is in one of, while all change.
    fn frames_for_all(&self) -> u64 {
        let mut trial = self.scheduler.clone();
        let mut out = [0; 256];
        let (mut covered, mut frames) = (0, 0);
        while covered < self.venue.groups {
            let Some(frame) = trial.poll_frame(u32::MAX / 4, &mut out) else { break };
            covered += frame.groups;
            frames += 1;
        }
        frames
    }

    /// One slot: the frame, every radio's adverts with it, and who hears them.
    fn slot(
        &mut self,
        begin_us: u64,
        changed_ms: u32,
        bands: &mut [Band],
        mut outcome: Option<&mut Outcome>,
    ) {
        let mut data = [0; advert::EXTENDED_LEN_MAX];
        let made_ms = (begin_us / 1000) as u32;
        let Some(frame) = self.scheduler.poll_frame(made_ms, &mut data[advert::OVERHEAD..]) else {
            self.adverts(begin_us + self.slot_us);
            return;
        };
        let Some(len) = advert::write(0xFFFF, frame.len, &mut data) else { return };
        let frame = &data[..len];
        let adverts = self.adverts(begin_us + self.slot_us);
        let mut seed = self.seed;
        for band in bands.iter_mut() {
            for advert in adverts.iter().filter(|one| band.radios.contains(&one.radio)) {
                self.opportunities += 1;
                let mine =
                    |one: &&OnAir| one.radio != advert.radio && band.radios.contains(&one.radio);
                let collides = adverts.iter().filter(mine).any(|one| self.collide(one, advert));
                if collides || share(&mut seed) < self.venue.loss {
                    continue;
                }
                self.heard += 1;
                let at_us = advert.begins + self.primary_us.max(self.secondary_us);
                let local = ((at_us / 1000) as u32).wrapping_add(band.offset);
                let heard = band.decoder.advert(local, frame);
                if let (Heard::New, true, Some(outcome)) =
                    (heard, band.waits, outcome.as_deref_mut())
                {
                    let after = (at_us / 1000) as u32 - changed_ms;
                    outcome.heard_ms.push(after);
                    outcome.shown_ms.push(self.shown(band, local, after, changed_ms));
                }
                if heard == Heard::New {
                    band.waits = false;
                }
            }
        }
        self.seed = seed;
    }

    /// From the change to when the band shows it, ms: the frame says when, by the band's own idea of
    /// the show clock; or at once, if that is over.
    fn shown(&self, band: &Band, local: u32, heard_after: u32, changed_ms: u32) -> u32 {
        let show = band.decoder.show_clock(local).unwrap_or_default();
        let execute = changed_ms + self.venue.lead_ms;
        heard_after + execute.saturating_sub(show)
    }

    /// Every advert until `end_us`; each radio goes on from where it was.
    fn adverts(&mut self, end_us: u64) -> Vec<OnAir> {
        let interval = self.venue.interval.as_micros() as u64;
        let jitter = self.venue.way != AirWay::Periodic;
        let mut adverts = Vec::new();
        for (number, radio) in (0..).zip(&mut self.radios) {
            while radio.next < end_us {
                let channel = random(&mut radio.random) % 37;
                adverts.push(OnAir { radio: number, begins: radio.next, channel });
                let delay = if jitter { random(&mut radio.random) % 10_000 } else { 0 };
                radio.next += interval + delay;
            }
        }
        adverts
    }

    fn collide(&self, one: &OnAir, other: &OnAir) -> bool {
        let apart = one.begins.abs_diff(other.begins);
        let primary = self.venue.way != AirWay::Periodic && apart < self.primary_us;
        let secondary =
            self.secondary_us > 0 && apart < self.secondary_us && one.channel == other.channel;
        primary || secondary
    }
}
