//! Under a virtual clock; the lease is looked at by the true one.

use std::sync::Mutex;
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

/// The bands of one group; five if nothing else is said.
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
        Self::of(Box::new(SimulatedRadio::new(&config, 1)))
    }

    fn of(radio: Box<dyn Radio>) -> Self {
        let (lease, clock) = (Arc::new(Lease::default()), Clock::start());
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

/// Writes that are under way, and what the radio has to tell.
struct Writes {
    under_way: Vec<Option<Frame>>,
    events: VecDeque<RadioEvent>,
}

impl Writes {
    /// Ends the write to a band; its red.
    fn end(&mut self, link: u32) -> Option<u8> {
        let frame = self.under_way[link as usize].take()?;
        let (link, token) = (LinkId(link), frame.token);
        self.events.push_back(RadioEvent::Sent { link, token, at: Time::ZERO });
        Some(frame.look.red)
    }

    fn count(&self) -> usize {
        self.under_way.iter().flatten().count()
    }
}

/// A radio whose writes take until they are ended, with room for so many of them.
struct Slow {
    links: Vec<LinkSpec>,
    room: usize,
    writes: Arc<Mutex<Writes>>,
}

impl Radio for Slow {
    fn kind(&self) -> &'static str {
        "slow"
    }

    fn links(&self) -> &[LinkSpec] {
        &self.links
    }

    fn frames_in_flight_max(&self) -> usize {
        self.room
    }

    fn start(&mut self, _now: Time, _context: RadioContext) {
        let links = 0..self.links.len() as u32;
        self.writes.lock().unwrap().events.extend(links.map(|link| RadioEvent::Up(LinkId(link))));
    }

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn poll_event(&mut self, _now: Time) -> Option<RadioEvent> {
        self.writes.lock().unwrap().events.pop_front()
    }

    fn send(&mut self, _now: Time, link: LinkId, frame: &Frame) {
        let mut writes = self.writes.lock().unwrap();
        let before = writes.under_way[link.index()].replace(*frame);
        assert_eq!(before, None, "a second frame for {link}");
        assert!(writes.count() <= self.room, "more frames than there is room for");
    }
}

/// Three bands with a write under way, as many as there is `room` for; the lease goes to the other
/// relay and comes back before any of them has ended, and there is a new look.
fn taken_back_while_written_to(room: usize) -> (Crowd, Arc<Mutex<Writes>>) {
    let links: Vec<_> = (0..3).map(|n| LinkSpec::connection(format!("band {n}"), 0)).collect();
    let under_way = vec![None; links.len()];
    let writes = Arc::new(Mutex::new(Writes { under_way, events: VecDeque::new() }));
    let mut crowd = Crowd::of(Box::new(Slow { links, room, writes: Arc::clone(&writes) }));
    crowd.lease(true, true);
    crowd.show(7);
    assert_eq!(writes.lock().unwrap().count(), room);
    for red in 8..=9 {
        crowd.lease(false, false);
        crowd.run(1);
        assert!(!crowd.lease.is_released(), "frames of ours are on their way");
        crowd.lease(true, true);
        crowd.show(red);
    }
    (crowd, writes)
}

#[test]
fn a_band_that_is_taken_back_while_it_is_written_to_gets_the_newest_look_when_that_has_ended() {
    let (mut crowd, writes) = taken_back_while_written_to(3);
    crowd.run(10);
    assert_eq!(writes.lock().unwrap().end(1), Some(7));
    crowd.run(1);
    let reds = |writes: &Writes| -> Vec<_> {
        writes.under_way.iter().map(|frame| frame.map(|frame| frame.look.red)).collect()
    };
    assert_eq!(reds(&writes.lock().unwrap()), [Some(7), Some(9), Some(7)], "each in its time");
    assert_eq!(crowd.dispatch.telemetry().bands_up(), 1);
    // The others' connections end, and one of them comes back.
    let mut gone = writes.lock().unwrap();
    gone.under_way[0] = None;
    gone.under_way[2] = None;
    for link in [0, 2] {
        gone.events.push_back(RadioEvent::Down(LinkId(link), "walked out".into()));
    }
    gone.events.push_back(RadioEvent::Up(LinkId(2)));
    drop(gone);
    crowd.run(1);
    assert_eq!(reds(&writes.lock().unwrap()), [None, Some(9), Some(9)]);
    assert_eq!(crowd.dispatch.telemetry().bands_up(), 2);
}

#[test]
fn a_radio_with_room_for_one_frame_is_not_handed_another_for_bands_that_are_taken_back() {
    let (mut crowd, writes) = taken_back_while_written_to(1);
    let ours =
        (0..3).find(|&link| writes.lock().unwrap().under_way[link].is_some()).unwrap() as u32;
    // Of a band that is connected meanwhile it may not, either.
    writes.lock().unwrap().events.push_back(RadioEvent::Up(LinkId((ours + 1) % 3)));
    crowd.run(10);
    assert_eq!(writes.lock().unwrap().end(ours), Some(7));
    let mut reds = Vec::new();
    for _ in 0..3 {
        crowd.run(1);
        reds.extend((0..3).filter_map(|link| writes.lock().unwrap().end(link)));
    }
    assert_eq!(reds, [9, 9, 9], "every band has the newest look");
}
