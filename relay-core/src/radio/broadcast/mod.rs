//! Any number of wristbands that listen: frames on the air through HCI controllers.
//!
//! After stage 5, schedule, on the lane's thread. In: looks of groups. Out: adverts.
//!
//! | file | what | thread |
//! |---|---|---|
//! | `mod.rs` | the [`Radio`]: what is on the air now | lane |
//! | `air.rs` | keeps every controller of the radio on the newest frame | its own |
//! | `controller.rs` | one controller: set up, update, blank | its own |
//! | `abilities.rs` | what a controller can do, on its own | the caller's |
//! | `transport.rs` | how a controller is reached | its own |
//! | `words.rs` | what went wrong, in plain words | its own |
//!
//! Each group is a link, up as long as a controller works. A look counts as sent when a frame with
//! it was on the air for a slot; that all bands heard it nobody knows, so that
//! [`AirScheduler`] goes on sending it. Every slot a new frame is made and handed to all
//! controllers at once; there is one, the newest, and a controller that is slower misses some.
//!
//! At stop the end look is sent as often as any change, then every controller is silenced and reset:
//! none is left advertising an old look.

mod abilities;
mod air;
mod controller;
#[cfg(test)]
mod tests;
mod transport;
mod words;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use broadcast_frame::advert;

pub use self::abilities::{Abilities, SilentController};
use self::air::{Air, Report};
use super::{Class, Frame, LaneWaker, LinkId, LinkSpec, Radio, RadioContext, RadioEvent, Token};
use crate::config::BroadcastConfig;
use crate::schedule::broadcast::{AirPolicy, AirScheduler};
use crate::time::Time;

/// How often a radio that could not start its thread tries again.
const START_AGAIN: Duration = Duration::from_secs(5);

/// Wristbands that listen, and the controllers that advertise to them.
#[derive(Debug)]
pub struct BroadcastRadio {
    config: BroadcastConfig,
    links: Vec<LinkSpec>,
    scheduler: AirScheduler,
    /// Which link a group has.
    link_of: Box<[Option<LinkId>]>,
    /// The frames in flight, by link.
    waiting: Box<[Option<Token>]>,
    /// Show clock less lane clock, ms.
    offset_ms: u64,
    air: Option<Air>,
    waker: LaneWaker,
    /// Controllers that work.
    up: usize,
    /// When the frame on the air has been there for a slot.
    slot_end: Time,
    /// What is on the air, or was last: how urgent, first group, how many.
    on_air: Option<(Class, usize, usize)>,
    /// Links of the frame that was on the air and are to be told as sent.
    sent: Vec<(LinkId, Token, Time)>,
    /// Another relay is on the air.
    rests: bool,
    events: std::collections::VecDeque<RadioEvent>,
    troubles: Box<[Option<String>]>,
}

impl BroadcastRadio {
    /// The radio that `config` describes, for a show of `groups` groups. Nothing is opened before
    /// [`Radio::start`].
    pub fn new(config: &BroadcastConfig, groups: usize) -> Self {
        let chosen: Vec<usize> = match config.groups.as_slice() {
            [] => (0..groups).collect(),
            chosen => chosen.to_vec(),
        };
        let link = |group: &usize| LinkSpec {
            // Keyframes are the scheduler's business.
            refresh: None,
            ..LinkSpec::connection(format!("air-{group}"), *group)
        };
        let mut link_of = vec![None; groups].into_boxed_slice();
        for (link, group) in (0..).zip(&chosen) {
            if let Some(of) = link_of.get_mut(*group) {
                *of = Some(LinkId(link));
            }
        }
        let policy = AirPolicy {
            show: config.show_id,
            room: config.way.room(),
            repeats: config.repeats,
            lead_ms: u32::try_from(config.lead.as_millis()).unwrap_or(u32::MAX),
            fall_back: config.fall_back,
            key: config.key,
            nearest_colours: config.nearest_colours,
        };
        Self {
            links: chosen.iter().map(link).collect(),
            scheduler: AirScheduler::new(policy, groups),
            link_of,
            waiting: vec![None; chosen.len()].into_boxed_slice(),
            offset_ms: 0,
            air: None,
            waker: LaneWaker::noop(),
            up: 0,
            slot_end: Time::ZERO,
            on_air: None,
            sent: Vec::with_capacity(chosen.len()),
            rests: false,
            events: std::collections::VecDeque::new(),
            troubles: vec![None; config.controllers.len()].into_boxed_slice(),
            config: config.clone(),
        }
    }

    /// The show clock, ms.
    fn show_time(&self, now: Time) -> u32 {
        // Modulo 2^32, as it is on the air.
        (self.offset_ms + now.as_nanos() / 1_000_000) as u32
    }

    fn open(&mut self, now: Time) {
        match Air::start(&self.config, self.waker.clone()) {
            Ok(air) => self.air = Some(air),
            Err(error) => {
                self.slot_end = now + START_AGAIN;
                let words = format!("no thread for the controllers: {error}");
                self.events.push_back(RadioEvent::Fault(words.into()));
            }
        }
    }

    fn take_reports(&mut self) {
        while let Some(report) = self.air.as_mut().and_then(Air::poll_report) {
            let (controller, trouble) = match report {
                Report::Up(controller) => (controller, None),
                Report::Down(controller, trouble) => (controller, Some(trouble)),
            };
            let Some(slot) = self.troubles.get_mut(controller) else { continue };
            *slot = trouble.map(|t| format!("{}: {t}", self.config.controllers[controller]));
            self.told();
        }
    }

    /// What the operator is to know of all controllers together.
    fn told(&mut self) {
        let Some(air) = &self.air else { return };
        let up = air.up();
        let troubles: Vec<&str> = self.troubles.iter().flatten().map(String::as_str).collect();
        let troubles = troubles.join("; ");
        self.events.push_back(match troubles.as_str() {
            "" => RadioEvent::Ready,
            _ => RadioEvent::Fault(troubles.clone().into()),
        });
        for link in (0..self.links.len() as u32).map(LinkId) {
            match (self.up, up) {
                (0, 1..) => self.events.push_back(RadioEvent::Up(link)),
                (_, 0) => {
                    self.waiting[link.index()] = None;
                    self.events.push_back(RadioEvent::Down(link, troubles.clone().into()));
                }
                _ => {}
            }
        }
        self.up = up;
    }

    /// Puts the next frame on the air if it is time, or if what is there must not wait.
    fn turn(&mut self, now: Time) {
        if self.up == 0 || self.rests {
            return;
        }
        let over = now >= self.slot_end;
        let urgency = self.scheduler.urgency();
        let gives_way = match (self.on_air, urgency) {
            (Some((on_air, ..)), Some(urgent)) => {
                urgent == Class::Panic && on_air != Class::Panic
                    || urgent < Class::Keyframe && on_air == Class::Keyframe
            }
            (None, _) => true,
            _ => false,
        };
        if !over && !gives_way {
            return;
        }
        if over && let Some((_, base, groups)) = self.on_air.take() {
            for link in self.link_of[base..base + groups].iter().flatten() {
                if let Some(token) = self.waiting[link.index()].take() {
                    self.sent.push((*link, token, now));
                }
            }
        }
        let mut data = [0; advert::EXTENDED_LEN_MAX];
        let show_time = self.show_time(now);
        let frame = self.scheduler.poll_frame(show_time, &mut data[advert::OVERHEAD..]);
        self.slot_end = now + self.config.slot();
        let Some(frame) = frame else { return };
        self.on_air = Some((frame.class, frame.base, frame.groups));
        if let (Some(len), Some(air)) =
            (advert::write(self.config.company_id, frame.len, &mut data), &self.air)
        {
            air.put(&data[..len]);
        }
    }
}

impl Radio for BroadcastRadio {
    fn kind(&self) -> &'static str {
        "broadcast"
    }

    fn links(&self) -> &[LinkSpec] {
        &self.links
    }

    fn start(&mut self, now: Time, context: RadioContext) {
        self.waker = context.waker;
        // The only look at the wall clock: from here on the lane's clock counts.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ms = u64::try_from(unix.as_millis()).unwrap_or_default();
        self.offset_ms = unix_ms.wrapping_sub(now.as_nanos() / 1_000_000);
        self.open(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        if self.air.is_none() && now >= self.slot_end {
            self.open(now);
        }
        self.take_reports();
        self.turn(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        (self.up > 0 && !self.rests || self.air.is_none()).then_some(self.slot_end)
    }

    fn poll_event(&mut self, _now: Time) -> Option<RadioEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        self.sent.pop().map(|(link, token, at)| RadioEvent::Sent { link, token, at })
    }

    fn send(&mut self, now: Time, link: LinkId, frame: &Frame) {
        let arrived = now.as_nanos().saturating_sub(
            frame.latency.map_or(0, |latency| u64::try_from(latency.as_nanos()).unwrap_or(0)),
        );
        let arrived = self.show_time(Time::from_nanos(arrived));
        self.waiting[link.index()] = Some(frame.token);
        self.scheduler.set_look(frame.group as usize, frame.look, frame.class, arrived);
        // What comes together goes out together: the frame is made in the turn's timeout.
        if self.on_air.is_none_or(|(class, ..)| class == Class::Keyframe)
            || frame.class == Class::Panic
        {
            self.slot_end = self.slot_end.min(now);
        }
    }

    fn rest(&mut self, _now: Time, rests: bool) {
        self.rests = rests;
        if !rests {
            return;
        }
        self.on_air = None;
        for (link, waiting) in (0..).map(LinkId).zip(&mut self.waiting) {
            let lost = waiting.take().map(|token| RadioEvent::Lost { link, token });
            self.events.extend(lost);
        }
        if let Some(air) = &self.air {
            air.put(&[]);
        }
    }

    fn stop(&mut self) {
        let Some(air) = self.air.take() else { return };
        if self.rests {
            return air.stop(Vec::new(), Duration::ZERO);
        }
        // Keyframes of the end look, each for a slot, as often as a change goes out.
        let frames = u32::from(self.config.repeats);
        let slot = self.config.slot();
        let mut last_frames = Vec::new();
        let begin = self.slot_end;
        let mut at = begin;
        for _ in 0..frames {
            let mut data = [0; advert::EXTENDED_LEN_MAX];
            let show_time = self.show_time(at);
            let out = &mut data[advert::OVERHEAD..];
            if let Some(frame) = self.scheduler.poll_frame(show_time, out)
                && let Some(len) = advert::write(self.config.company_id, frame.len, &mut data)
            {
                last_frames.push(data[..len].to_vec());
            }
            at = at + slot;
        }
        air.stop(last_frames, slot);
    }
}
