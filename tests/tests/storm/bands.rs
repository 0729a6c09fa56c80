//! A radio whose links do everything that links do: slow, lossy, gone and back, at any time.
//!
//! It is as a radio with threads of its own is: what becomes of a link runs ahead of what the lane
//! was told. So a band knows which of its connections the lane knows of.

use std::collections::VecDeque;
use std::time::Duration;

use wristcast_core::look::Look;
use wristcast_core::radio::{Frame, LinkId, LinkSpec, Radio, RadioContext, RadioEvent, Token};
use wristcast_core::time::Time;

use crate::noise::Noise;

/// A band and its link.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub(crate) group: usize,
    pub(crate) up: bool,
    pub(crate) shows: Option<Look>,
    /// How often it was connected.
    connection: u32,
    /// Likewise, as far as the lane was told; and whether it was told that it is up.
    told: u32,
    told_up: bool,
    /// In flight, as far as the lane was told.
    handed: Option<Token>,
    flying: Option<(Frame, Time, bool)>,
    /// How long a frame takes, ms.
    service_ms: u64,
}

/// What was handed to a link, for whoever looks on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handed {
    pub(crate) link: usize,
    pub(crate) frame: Frame,
}

/// The radio.
#[derive(Debug)]
pub(crate) struct Bands {
    specs: Vec<LinkSpec>,
    pub(crate) bands: Vec<Band>,
    events: VecDeque<RadioEvent>,
    pub(crate) handed: Vec<Handed>,
    noise: Noise,
    /// Frames in a hundred that are lost.
    pub(crate) loss: u64,
    /// Frames in a hundred whose link goes or comes while they are handed over.
    pub(crate) flaps: u64,
    in_flight_max: usize,
}

impl Bands {
    /// One band of each group.
    pub(crate) fn new(groups: usize, mut noise: Noise) -> Self {
        let bands = (0..groups).map(|group| Band {
            group,
            up: false,
            shows: None,
            connection: 0,
            told: 0,
            told_up: false,
            handed: None,
            flying: None,
            service_ms: noise.between(5, 25),
        });
        Self {
            bands: bands.collect(),
            specs: (0..groups).map(|g| LinkSpec::connection(format!("band {g}"), g)).collect(),
            events: VecDeque::new(),
            handed: Vec::new(),
            loss: 0,
            flaps: 0,
            in_flight_max: noise.between(1, 8) as usize,
            noise,
        }
    }

    /// Brings a link up or takes it down; a band that was gone has forgotten what it showed.
    pub(crate) fn set_up(&mut self, link: usize, up: bool) {
        let band = &mut self.bands[link];
        if band.up == up {
            return;
        }
        band.up = up;
        let id = LinkId(link as u32);
        if up {
            band.shows = None;
            band.connection += 1;
            self.events.push_back(RadioEvent::Up(id));
        } else {
            band.flying = None;
            self.events.push_back(RadioEvent::Down(id, "out of reach".into()));
        }
    }

    /// The connection breaks, and comes again at once.
    pub(crate) fn reconnect(&mut self, link: usize) {
        self.set_up(link, false);
        self.set_up(link, true);
    }
}

impl Radio for Bands {
    fn kind(&self) -> &'static str {
        "storm"
    }

    fn links(&self) -> &[LinkSpec] {
        &self.specs
    }

    fn frames_in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    fn start(&mut self, _: Time, _: RadioContext) {
        (0..self.bands.len()).for_each(|link| self.set_up(link, true));
    }

    fn handle_timeout(&mut self, now: Time) {
        for (link, band) in self.bands.iter_mut().enumerate() {
            let Some((frame, at, lost)) = band.flying.take_if(|flying| flying.1 <= now) else {
                continue;
            };
            let (link, token) = (LinkId(link as u32), frame.token);
            // Half of what is called lost did arrive.
            if !lost || self.noise.chance(50) {
                band.shows = Some(frame.look);
            }
            self.events.push_back(if lost {
                RadioEvent::Lost { link, token }
            } else {
                RadioEvent::Sent { link, token, at }
            });
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.bands.iter().filter_map(|band| band.flying.map(|flying| flying.1)).min()
    }

    fn poll_event(&mut self, _: Time) -> Option<RadioEvent> {
        let event = self.events.pop_front()?;
        match &event {
            RadioEvent::Up(link) => {
                let band = &mut self.bands[link.index()];
                band.told += 1;
                band.told_up = true;
            }
            RadioEvent::Down(link, _) => {
                let band = &mut self.bands[link.index()];
                band.told_up = false;
                band.handed = None;
            }
            RadioEvent::Sent { link, token, .. } | RadioEvent::Lost { link, token } => {
                self.bands[link.index()].handed.take_if(|handed| handed == token);
            }
            _ => {}
        }
        Some(event)
    }

    fn send(&mut self, now: Time, link: LinkId, frame: &Frame) {
        let in_flight = self.bands.iter().filter(|band| band.handed.is_some()).count();
        assert!(in_flight < self.in_flight_max, "more frames in flight than the radio takes");
        let band = &mut self.bands[link.index()];
        assert!(band.told_up, "a frame for {link}, which is down");
        assert!(band.handed.is_none(), "two frames in flight on {link}");
        assert!(frame.group as usize == band.group, "another band's look on {link}");
        band.handed = Some(frame.token);
        if self.noise.chance(self.flaps) {
            let up = !self.bands[link.index()].up;
            self.set_up(link.index(), up);
        }
        let band = &mut self.bands[link.index()];
        // What is for a connection that is gone is lost with it.
        if band.up && band.connection == band.told {
            assert!(band.flying.is_none(), "two frames in the air on {link}");
            let lost = self.noise.chance(self.loss);
            if lost && self.noise.chance(10) {
                self.events.push_back(RadioEvent::Lost { link, token: frame.token });
            } else {
                let takes = Duration::from_millis(band.service_ms + self.noise.below(16));
                band.flying = Some((*frame, now + takes, lost));
            }
        }
        self.handed.push(Handed { link: link.index(), frame: *frame });
    }
}
