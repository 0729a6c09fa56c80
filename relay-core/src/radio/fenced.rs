//! A radio whose bands another relay may drive: it writes while a [`Lease`] permits it, and no frame
//! longer.
//!
//! While this relay does not drive, every link is down for the scheduler, and the radio lets go of
//! its bands ([`Radio::rest`]). When it does, links come up as they would on a new connection: each
//! band gets the whole of its newest look. In between, the time is looked up before every single
//! frame, so that a process that stood still in the middle of a turn writes nothing more.

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
    events: VecDeque<RadioEvent>,
}

impl Fenced {
    /// `radio`, which writes while `lease` permits it by `clock`.
    pub(crate) fn new(radio: Box<dyn Radio>, lease: Arc<Lease>, clock: Clock) -> Self {
        let links = radio.links().len();
        Self {
            radio,
            lease,
            holder: None,
            clock,
            drives: false,
            released: true,
            up: vec![false; links].into_boxed_slice(),
            in_flight: vec![false; links].into_boxed_slice(),
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
            }
            for (link, up) in (0..).map(LinkId).zip(&self.up) {
                match drives {
                    true if *up => self.events.push_back(RadioEvent::Up(link)),
                    true => {}
                    false => self.events.push_back(RadioEvent::Down(link, FOLLOWS.into())),
                }
            }
            self.radio.rest(now, !drives);
        }
        if !self.drives && !self.released {
            let under_way = self.in_flight.contains(&true) || !self.radio.has_let_go();
            self.set_released(!under_way);
        }
    }

    fn set_released(&mut self, released: bool) {
        self.released = released;
        if let Some(holder) = &self.holder {
            holder.set_released(released);
        }
    }

    /// What of the radio's event the scheduler is to know.
    fn pass(&mut self, event: RadioEvent) -> Option<RadioEvent> {
        match &event {
            RadioEvent::Up(link) | RadioEvent::Down(link, _) => {
                self.up[link.index()] = matches!(event, RadioEvent::Up(_));
                self.in_flight[link.index()] = false;
                self.drives.then_some(event)
            }
            RadioEvent::Sent { link, .. } | RadioEvent::Lost { link, .. } => {
                self.in_flight[link.index()] = false;
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
            if let Some(event) = self.pass(event) {
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::SimulatedConfig;
    use crate::lane::Stamp;
    use crate::look::Look;
    use crate::radio::LaneWaker;
    use crate::radio::dispatch::Dispatch;
    use crate::radio::simulated::SimulatedRadio;
    use crate::table::GroupTable;

    const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };

    /// Five bands under a virtual clock; the lease is looked at by the true one.
    struct Crowd {
        dispatch: Dispatch<Fenced>,
        lease: Arc<Lease>,
        clock: Clock,
        now: Time,
        sequence: u64,
    }

    impl Crowd {
        fn new() -> Self {
            let config = SimulatedConfig {
                bands_per_group: 5,
                groups: Vec::new(),
                packets_per_event: 1,
                interval: Duration::from_millis(30),
                loss: 0.0,
                latency: Duration::ZERO,
                seed: 1,
            };
            let (lease, clock) = (Arc::new(Lease::default()), Clock::start());
            let radio = Box::new(SimulatedRadio::new(&config, 1));
            let fenced = Fenced::new(radio, Arc::clone(&lease), clock);
            let mut dispatch = Dispatch::new("crowd", fenced, 1);
            dispatch.start(Time::ZERO, LaneWaker::noop());
            Self { dispatch, lease, clock, now: Time::ZERO, sequence: 0 }
        }

        fn lease(&self, drives: bool, permits: bool) {
            let until = permits.then(|| self.clock.now() + Duration::from_secs(3600));
            self.lease.set(self.clock.now(), drives, until);
        }

        fn show(&mut self, red: u8) {
            let mut table = GroupTable::new(1);
            table.set(0, Look { red, ..RED });
            self.sequence += 1;
            let (now, sequence) = (self.now, self.sequence);
            let stamp = Stamp { arrival: now, published: now, sequence, panic: false };
            self.dispatch.handle_table(now, &table, stamp);
        }

        fn run(&mut self, millis: u64) {
            for _ in 0..millis {
                self.now = self.now + Duration::from_millis(1);
                self.dispatch.handle_timeout(self.now);
            }
        }

        fn sent(&self) -> u64 {
            self.dispatch.telemetry().counts().sent
        }
    }

    #[test]
    fn a_relay_that_follows_writes_nothing_and_one_that_takes_over_sends_every_look_whole() {
        let mut crowd = Crowd::new();
        crowd.show(7);
        crowd.run(1_000);
        crowd.show(8);
        crowd.run(1_000);
        assert_eq!((crowd.sent(), crowd.dispatch.telemetry().bands_up()), (0, 0));
        assert!(crowd.lease.is_released());
        crowd.lease(true, true);
        crowd.run(1_000);
        assert!(crowd.sent() >= 5, "{}", crowd.sent());
        assert!(!crowd.lease.is_released());
        let states = crowd.dispatch.telemetry().band_states(crowd.now, |_| String::new());
        assert!(states.iter().all(|state| state.connected && state.look.red == 8));
        crowd.lease(false, false);
        crowd.run(100);
        assert!(crowd.lease.is_released());
        let sent = crowd.sent();
        crowd.show(9);
        crowd.run(3_000);
        assert_eq!(crowd.sent(), sent);
        let states = crowd.dispatch.telemetry().band_states(crowd.now, |_| String::new());
        assert!(states.iter().all(|state| state.detail.as_deref() == Some(FOLLOWS)));
    }

    #[test]
    fn a_lease_that_is_over_stops_every_frame_and_one_that_is_renewed_brings_the_newest_look() {
        let mut crowd = Crowd::new();
        crowd.show(7);
        crowd.lease(true, true);
        crowd.run(1_000);
        let sent = crowd.sent();
        crowd.lease(true, false);
        crowd.show(8);
        crowd.run(1_000);
        assert_eq!(crowd.sent(), sent, "and the bands are held on to");
        assert_eq!(crowd.dispatch.telemetry().bands_up(), 5);
        crowd.lease(true, true);
        crowd.run(2_000);
        let states = crowd.dispatch.telemetry().band_states(crowd.now, |_| String::new());
        assert!(states.iter().all(|state| state.look.red == 8));
    }

    #[test]
    fn bands_that_are_taken_back_before_they_were_let_go_get_their_looks() {
        for gap in 0..40 {
            let mut crowd = Crowd::new();
            crowd.show(7);
            crowd.lease(true, true);
            crowd.run(1_000 + gap);
            // Frames are on their way.
            crowd.show(8);
            crowd.lease(false, false);
            crowd.dispatch.handle_timeout(crowd.now);
            crowd.run(gap % 3);
            crowd.lease(true, true);
            crowd.dispatch.handle_timeout(crowd.now);
            crowd.show(9);
            crowd.run(2_000);
            let states = crowd.dispatch.telemetry().band_states(crowd.now, |_| String::new());
            assert!(states.iter().all(|band| band.connected && band.look.red == 9), "{states:?}");
        }
    }
}
