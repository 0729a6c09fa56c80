//! A radio whose bands another relay may drive: it writes while a [`Lease`] permits it, and no frame
//! longer.
//!
//! While this relay does not drive, every link is down for the scheduler, and the radio lets go of
//! its bands ([`Radio::rest`]). When it does, links come up as they would on a new connection: each
//! band gets the whole of its newest look. In between, the time is looked up before every single
//! frame, so that a process that stood still in the middle of a turn writes nothing more.
//!
//! The bands may be taken back while a frame of the role before is still on its way. Its link comes up
//! when that has ended, and on a radio that has no room for all links, every link: never has a band two
//! frames on their way, nor the radio more than it can have.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Frame, LinkId, LinkSpec, Radio, RadioContext, RadioEvent};
use crate::receive::Clock;
use crate::standby::{Holder, Lease};
use crate::time::Time;

/// What a band's detail says while this relay follows.
const FOLLOWS: &str = "standby: the other relay drives the bands";

/// A radio that follows a lease.
pub(crate) struct Fenced {
    radio: Box<dyn Radio>,
    lease: Arc<Lease>,
    /// Its place among those that follow the lease, from its start on.
    holder: Option<Arc<Holder>>,
    clock: Clock,
    /// What the scheduler was told: that this relay drives.
    drives: bool,
    /// The lease knows that nothing is on its way any more.
    released: bool,
    /// Links that the radio holds, and those with a frame on its way.
    up: Box<[bool]>,
    in_flight: Box<[bool]>,
    /// Links whose frame on its way is of the role before, and how many.
    leftover: Box<[bool]>,
    leftovers: usize,
    /// Links that are up as soon as leftover frames have ended.
    awaited: Box<[bool]>,
    /// The radio has room for a frame of every link.
    room_for_all: bool,
    events: VecDeque<RadioEvent>,
}

impl Fenced {
    /// `radio`, which writes while `lease` permits it by `clock`.
    pub(crate) fn new(radio: Box<dyn Radio>, lease: Arc<Lease>, clock: Clock) -> Self {
        let links = radio.links().len();
        let room_for_all = radio.frames_in_flight_max() >= links;
        Self {
            radio,
            lease,
            holder: None,
            clock,
            drives: false,
            released: true,
            up: vec![false; links].into_boxed_slice(),
            in_flight: vec![false; links].into_boxed_slice(),
            leftover: vec![false; links].into_boxed_slice(),
            leftovers: 0,
            awaited: vec![false; links].into_boxed_slice(),
            room_for_all,
            events: VecDeque::with_capacity(links),
        }
    }

    /// Does as the lease says.
    fn obey(&mut self, now: Time) {
        let drives = self.lease.drives();
        if drives != self.drives {
            self.drives = drives;
            // What waited to be told was of the role before.
            self.events.clear();
            if drives {
                self.set_released(false);
                self.leftover.copy_from_slice(&self.in_flight);
                self.leftovers = self.leftover.iter().filter(|&&leftover| leftover).count();
                self.awaited.copy_from_slice(&self.up);
                self.raise();
            } else {
                self.awaited.fill(false);
                let down = |link| RadioEvent::Down(LinkId(link), FOLLOWS.into());
                self.events.extend((0..self.up.len() as u32).map(down));
            }
            self.radio.rest(now, !drives);
        }
        if !self.drives && !self.released {
            let under_way = self.in_flight.contains(&true) || !self.radio.has_let_go();
            self.set_released(!under_way);
        }
    }

    /// Says of awaited links that they are up, if nothing of the role before is in their way any more.
    fn raise(&mut self) {
        let room = self.has_room();
        let awaited = self.awaited.iter_mut().zip(&self.leftover).filter(|_| room);
        for (link, (awaited, leftover)) in (0..).map(LinkId).zip(awaited) {
            if *awaited && !leftover {
                *awaited = false;
                self.events.push_back(RadioEvent::Up(link));
            }
        }
    }

    /// Whether frames of the role before take no room of the other links'.
    fn has_room(&self) -> bool {
        self.room_for_all || self.leftovers == 0
    }

    /// What was on its way to a link has ended.
    fn end(&mut self, link: LinkId) {
        self.in_flight[link.index()] = false;
        if std::mem::take(&mut self.leftover[link.index()]) {
            self.leftovers -= 1;
            self.raise();
        }
    }

    fn set_released(&mut self, released: bool) {
        self.released = released;
        if let Some(holder) = &self.holder {
            holder.set_released(released);
        }
    }

    /// What of the radio's event the scheduler is to know now.
    fn pass(&mut self, event: RadioEvent) -> Option<RadioEvent> {
        match &event {
            RadioEvent::Up(link) | RadioEvent::Down(link, _) => {
                let is_up = matches!(event, RadioEvent::Up(_));
                self.up[link.index()] = is_up;
                self.awaited[link.index()] = false;
                self.end(*link);
                if is_up && self.drives && !self.has_room() {
                    self.awaited[link.index()] = true;
                    return None;
                }
                self.drives.then_some(event)
            }
            RadioEvent::Sent { link, .. } | RadioEvent::Lost { link, .. } => {
                self.end(*link);
                Some(event)
            }
            RadioEvent::Ready | RadioEvent::Fault(_) | RadioEvent::MinInterval(..) => Some(event),
        }
    }
}

impl Radio for Fenced {
    fn kind(&self) -> &'static str {
        self.radio.kind()
    }

    fn links(&self) -> &[LinkSpec] {
        self.radio.links()
    }

    fn frames_in_flight_max(&self) -> usize {
        self.radio.frames_in_flight_max()
    }

    fn shares_stack(&self) -> bool {
        self.radio.shares_stack()
    }

    fn reports_shown(&self) -> bool {
        self.radio.reports_shown()
    }

    fn start(&mut self, now: Time, context: RadioContext) {
        self.holder = Some(self.lease.join(context.waker.clone()));
        self.radio.rest(now, true);
        self.radio.start(now, context);
        for link in (0..self.up.len() as u32).map(LinkId) {
            self.events.push_back(RadioEvent::Down(link, FOLLOWS.into()));
        }
    }

    fn handle_timeout(&mut self, now: Time) {
        self.radio.handle_timeout(now);
        // Last: the radio acts on it when the newest looks have been sent to the links.
        self.obey(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.radio.poll_timeout()
    }

    fn poll_event(&mut self, now: Time) -> Option<RadioEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        while let Some(event) = self.radio.poll_event(now) {
            if let Some(event) = self.pass(event).or_else(|| self.events.pop_front()) {
                return Some(event);
            }
        }
        // The last frame on its way may have ended.
        self.obey(now);
        self.events.pop_front()
    }

    fn send(&mut self, now: Time, link: LinkId, frame: &Frame) {
        if !self.lease.permits(self.clock.now()) {
            return self.events.push_back(RadioEvent::Lost { link, token: frame.token });
        }
        self.in_flight[link.index()] = true;
        self.radio.send(now, link, frame);
    }

    fn rest(&mut self, now: Time, rests: bool) {
        self.radio.rest(now, rests);
    }

    fn has_let_go(&self) -> bool {
        self.radio.has_let_go()
    }

    fn stop(&mut self) {
        self.radio.stop();
    }
}

#[cfg(test)]
mod tests;
