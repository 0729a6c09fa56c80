//! The air of the simulated crowd: slots, the adverts of every radio, and what each band hears of them.

use std::thread;
use std::time::Duration;

use broadcast_frame::{FallBack, Heard, advert};
use wristcast_core::air::{primary_packet, secondary_packet};
use wristcast_core::config::AirWay;
use wristcast_core::radio::Class;
use wristcast_core::schedule::broadcast::{AirPolicy, AirScheduler};

use super::{Band, KEY, Outcome, Venue, look, random, share};

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

pub(super) struct Air<'v> {
    venue: &'v Venue,
    scheduler: AirScheduler,
    radios: Vec<Radio>,
    slot_us: u64,
    primary_us: u64,
    secondary_us: u64,
    opportunities: u64,
    heard: u64,
    /// When in a slot a look comes.
    random: u64,
}

impl<'v> Air<'v> {
    pub(super) fn new(venue: &'v Venue, mut seed: u64) -> Self {
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
            opportunities: 0,
            heard: 0,
            random: seed,
        }
    }

    pub(super) fn run(&mut self, bands: &mut [Band], outcome: &mut Outcome) {
        let every = u64::from(self.venue.change_every_ms) * 1000;
        let slots_per_change = every / self.slot_us;
        let mut clock_us = self.slot_us;
        self.adverts(clock_us);
        // One change to begin with, so that all bands know the clock; it is in no figure.
        for change in 0..=self.venue.changes {
            // A look comes some time within a slot and waits for the next.
            let waits_us = random(&mut self.random) % self.slot_us;
            let changed_ms = ((clock_us - waits_us) / 1000) as u32;
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
        let slot = Slot {
            frame: &data[..len],
            adverts: self.adverts(begin_us + self.slot_us),
            primary_us: if self.venue.way == AirWay::Periodic { 0 } else { self.primary_us },
            secondary_us: self.secondary_us,
            packet_us: self.primary_us.max(self.secondary_us),
            loss: self.venue.loss,
            changed_ms,
            execute_ms: changed_ms + self.venue.lead_ms,
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let part = bands.len().div_ceil(threads).max(1);
        let heard: Vec<Heardings> = thread::scope(|scope| {
            let parts = bands.chunks_mut(part);
            let parts: Vec<_> = parts.map(|bands| scope.spawn(|| slot.heard_by(bands))).collect();
            parts.into_iter().map(|part| part.join().expect("a part of the crowd")).collect()
        });
        for heard in heard {
            self.opportunities += heard.opportunities;
            self.heard += heard.heard;
            if let Some(outcome) = outcome.as_deref_mut() {
                outcome.heard_ms.extend(heard.heard_ms);
                outcome.shown_ms.extend(heard.shown_ms);
            }
        }
    }

    /// Every advert until `end_us`, by radio; each radio goes on from where it was.
    fn adverts(&mut self, end_us: u64) -> Vec<Vec<OnAir>> {
        let interval = self.venue.interval.as_micros() as u64;
        let jitter = self.venue.way != AirWay::Periodic;
        let of_radio = |(number, radio): (u16, &mut Radio)| {
            let mut adverts = Vec::new();
            while radio.next < end_us {
                let channel = random(&mut radio.random) % 37;
                adverts.push(OnAir { radio: number, begins: radio.next, channel });
                let delay = if jitter { random(&mut radio.random) % 10_000 } else { 0 };
                radio.next += interval + delay;
            }
            adverts
        };
        (0..).zip(&mut self.radios).map(of_radio).collect()
    }
}

/// The adverts of one slot, all with the same frame.
struct Slot<'a> {
    frame: &'a [u8],
    /// By radio.
    adverts: Vec<Vec<OnAir>>,
    /// Within which adverts collide on the primary channels.
    primary_us: u64,
    /// Within which they do on the same secondary channel.
    secondary_us: u64,
    /// From the beginning of an advert until it is heard whole.
    packet_us: u64,
    loss: f64,
    changed_ms: u32,
    execute_ms: u32,
}

/// What a part of the crowd heard of a slot.
#[derive(Default)]
struct Heardings {
    opportunities: u64,
    heard: u64,
    heard_ms: Vec<u32>,
    shown_ms: Vec<u32>,
}

impl Slot<'_> {
    fn heard_by(&self, bands: &mut [Band]) -> Heardings {
        let mut all = Heardings::default();
        let mut audible: Vec<OnAir> = Vec::new();
        for band in bands {
            audible.clear();
            let radios = band.radios.iter();
            audible.extend(radios.flat_map(|&radio| &self.adverts[usize::from(radio)]));
            audible.sort_unstable_by_key(|advert| (advert.begins, advert.radio));
            all.opportunities += audible.len() as u64;
            for advert in &audible {
                let collides = audible.iter().any(|one| self.collide(one, advert));
                if collides || share(&mut band.random) < self.loss {
                    continue;
                }
                all.heard += 1;
                self.hear(band, advert.begins + self.packet_us, &mut all);
            }
        }
        all
    }

    /// Hands a band the frame, and notes when it first hears of the change and shows it.
    fn hear(&self, band: &mut Band, at_us: u64, all: &mut Heardings) {
        let local = ((at_us / 1000) as u32).wrapping_add(band.offset);
        if band.decoder.advert(local, self.frame) != Heard::New {
            return;
        }
        if std::mem::take(&mut band.waits) {
            let after = (at_us / 1000) as u32 - self.changed_ms;
            // The frame says when, by the band's own idea of the show clock; or at once, if that is
            // over.
            let show = band.decoder.show_clock(local).unwrap_or_default();
            all.heard_ms.push(after);
            all.shown_ms.push(after + self.execute_ms.saturating_sub(show));
        }
    }

    fn collide(&self, one: &OnAir, other: &OnAir) -> bool {
        let apart = one.begins.abs_diff(other.begins);
        let secondary = apart < self.secondary_us && one.channel == other.channel;
        one.radio != other.radio && (apart < self.primary_us || secondary)
    }
}
