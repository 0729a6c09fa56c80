//! One radio and the schedulers of all its links.
//!
//! What a lane's thread does, without the thread: [`driver`](super::driver) runs it live, replay
//! and tests under a virtual clock. New tables go to the schedulers of the links concerned; a link
//! that has room and something to send gets its frame; waits are kept in one calendar. Cost goes
//! with what happens, not with how many links there are.
//!
//! If the radio has room for fewer frames than it has links, the most urgent of all goes first: by
//! class, then by waiting time, with a fair turn now and then as within one link.

use std::sync::Arc;
use std::time::Duration;

use super::calendar::Calendar;
use super::telemetry::{Condition, RadioTelemetry};
use super::{LaneWaker, LinkId, Radio, RadioContext, RadioEvent};
use crate::lane::Stamp;
use crate::look::Look;
use crate::schedule::fair::Turns;
use crate::schedule::{LinkScheduler, Poll};
use crate::table::GroupTable;
use crate::time::Time;

/// Waits that end in one such tick end together.
const TICK: Duration = Duration::from_micros(500);

/// Arrivals whose frames can be told apart within one turn; more are told together.
const ARRIVALS_MAX: usize = 64;

/// A radio and its schedulers.
///
/// **After any call with the time in it, sleep until [`poll_timeout`](Self::poll_timeout) or until
/// woken, then call [`handle_timeout`](Self::handle_timeout).**
#[derive(Debug)]
pub struct Dispatch<R> {
    radio: R,
    links: Box<[LinkScheduler]>,
    routes: Routes,
    waits: Calendar,
    in_flight: usize,
    in_flight_max: usize,
    competing: Competing,
    turns: Turns,
    /// Of the table handled last.
    stamp: Stamp,
    telemetry: Arc<RadioTelemetry>,
    /// Arrivals of looks handed to the radio in this turn, and how many frames each.
    handed: Vec<(Time, u64)>,
}

impl<R: Radio> Dispatch<R> {
    /// The radio `name` for a show of `groups` groups. All memory is taken here.
    pub fn new(name: &str, radio: R, groups: usize) -> Self {
        let specs = radio.links();
        Self {
            links: specs.iter().map(LinkScheduler::new).collect(),
            routes: Routes::new(&radio, groups),
            waits: Calendar::new(specs.len(), TICK),
            in_flight: 0,
            in_flight_max: radio.frames_in_flight_max().max(1),
            competing: Competing::new(specs.len()),
            turns: Turns::default(),
            stamp: Stamp::default(),
            telemetry: Arc::new(RadioTelemetry::new(name, radio.kind(), specs)),
            handed: Vec::with_capacity(ARRIVALS_MAX),
            radio,
        }
    }

    /// The radio's figures.
    pub fn telemetry(&self) -> &Arc<RadioTelemetry> {
        &self.telemetry
    }

    /// The radio itself.
    pub fn radio(&self) -> &R {
        &self.radio
    }

    /// The radio itself; call [`handle_timeout`](Self::handle_timeout) after.
    pub fn radio_mut(&mut self) -> &mut R {
        &mut self.radio
    }

    /// Starts the radio.
    pub fn start(&mut self, now: Time, waker: LaneWaker) {
        self.radio.start(now, RadioContext { waker, telemetry: self.telemetry.clone() });
        self.handle_timeout(now);
    }

    /// A new table came. Of its groups, those it says are [changed](GroupTable::changed) are looked
    /// at; of the first table, all.
    pub fn handle_table(&mut self, now: Time, table: &GroupTable, stamp: Stamp) {
        let first = self.stamp.sequence == 0;
        if stamp.panic != self.stamp.panic {
            for link in &mut self.links {
                link.handle_panic(now, stamp.panic);
            }
        }
        let begins = stamp.panic && !self.stamp.panic;
        self.stamp = stamp;
        if first {
            for group in 0..table.len() {
                self.handle_look(now, group, table.get(group));
            }
        } else {
            for (group, look) in table.changed() {
                self.handle_look(now, group, look);
            }
        }
        if begins {
            for link in 0..self.links.len() as u32 {
                self.serve(now, link);
            }
        }
        self.handle_timeout(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        self.radio.handle_timeout(now);
        loop {
            let mut idle = true;
            while let Some(event) = self.radio.poll_event(now) {
                self.handle_event(now, event);
                idle = false;
            }
            while let Some((link, _)) = self.waits.pop(now) {
                self.serve(now, link);
                idle = false;
            }
            if idle {
                return;
            }
        }
    }

    /// When something is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let (radio, waits) = (self.radio.poll_timeout(), self.waits.poll_timeout());
        radio.into_iter().chain(waits).min()
    }

    /// Records how long the looks handed over since the last call were on their way. `now` is when
    /// they all had been.
    pub fn record_latency(&mut self, now: Time) {
        for (arrival, frames) in self.handed.drain(..) {
            #[cfg(feature = "io")]
            self.telemetry.record_latency(now.since(arrival), frames);
            #[cfg(not(feature = "io"))]
            let _ = (now, arrival, frames);
        }
    }

    /// How far the links are.
    #[must_use]
    pub fn settlement(&self, now: Time) -> Settlement {
        let mut settlement = Settlement::default();
        for link in &self.links {
            let count = match (link.is_up(), link.is_settled(now)) {
                (false, _) => &mut settlement.unreached,
                (true, false) => &mut settlement.late,
                (true, true) => &mut settlement.settled,
            };
            *count += 1;
        }
        settlement
    }

    /// Stops the radio. Its bands cannot be reached any more.
    pub fn stop(&mut self) {
        self.radio.stop();
    }

    fn handle_look(&mut self, now: Time, group: usize, look: Look) {
        for end in self.routes.of(group) {
            let (link, slot) = self.routes.ends[end];
            self.links[link as usize].handle_look(slot as usize, look, self.stamp);
            self.serve(now, link);
        }
    }

    fn handle_event(&mut self, now: Time, event: RadioEvent) {
        let (link, freed) = match event {
            RadioEvent::Ready => return self.telemetry.set_condition(Condition::Up, None),
            RadioEvent::Fault(why) => {
                return self.telemetry.set_condition(Condition::Down, Some(why));
            }
            RadioEvent::Up(link) => {
                self.telemetry.set_band_up(link);
                (link, self.links[link.index()].handle_up(now))
            }
            RadioEvent::Down(link, why) => {
                self.telemetry.set_band_down(link, why);
                (link, self.links[link.index()].handle_down())
            }
            RadioEvent::Sent { link, token, at } => {
                let look = self.links[link.index()].handle_sent(token);
                self.assume_shown(link, look, at);
                (link, look.is_some())
            }
            RadioEvent::Lost { link, token } => {
                (link, self.links[link.index()].handle_lost(now, token))
            }
            RadioEvent::MinInterval(link, interval) => {
                self.links[link.index()].set_min_interval(interval);
                (link, false)
            }
        };
        self.in_flight -= usize::from(freed);
        self.serve(now, link.0);
    }

    /// A band that does not tell is taken to show what it was sent.
    fn assume_shown(&self, link: LinkId, look: Option<Look>, at: Time) {
        let (Some(look), Some(band)) = (look, self.telemetry.band(link)) else { return };
        if !self.radio.reports_shown() {
            let from = band.shown(at).map_or(Look::DARK, |shown| shown.look);
            band.set_shown(from, look, at);
        }
    }

    /// Gives the link its frame if it has one to send and it is its turn.
    fn serve(&mut self, now: Time, link: u32) {
        if self.in_flight_max >= self.links.len() {
            return self.hand(now, link);
        }
        if self.links[link as usize].urgency(now).is_some() {
            self.competing.insert(link);
        } else {
            self.hand(now, link);
        }
        while self.in_flight < self.in_flight_max {
            let due = self.competing.list.iter().filter_map(|link| {
                let (class, since) = self.links[*link as usize].urgency(now)?;
                Some((class, since, *link))
            });
            let Some((next, fair)) = self.turns.choose(now, due) else { break };
            self.competing.remove(next);
            self.turns.count(fair);
            self.hand(now, next);
        }
        if self.in_flight < self.in_flight_max {
            // What is left is due no more.
            while let Some(link) = self.competing.pop() {
                self.hand(now, link);
            }
        }
    }

    /// Gives the link its frame, or notes until when it waits.
    fn hand(&mut self, now: Time, link: u32) {
        let scheduler = &mut self.links[link as usize];
        match scheduler.poll_frame(now) {
            Poll::Frame(frame) => {
                self.in_flight += 1;
                self.waits.clear(link);
                if let Some(latency) = frame.latency {
                    self.note_arrival(Time::from_nanos(
                        now.as_nanos().saturating_sub(latency.as_nanos() as u64),
                    ));
                }
                self.radio.send(now, LinkId(link), &frame);
            }
            Poll::WaitUntil(time) => self.waits.set(link, time),
            Poll::Idle => self.waits.clear(link),
        }
        if let Some(band) = self.telemetry.band(LinkId(link)) {
            band.set_counts(self.links[link as usize].counts());
        }
    }

    fn note_arrival(&mut self, arrival: Time) {
        // Beyond the bound they are told with the one before, which is of the same turn.
        let full = self.handed.len() == ARRIVALS_MAX;
        match self.handed.last_mut() {
            Some((last, frames)) if full || *last == arrival => *frames += 1,
            _ => self.handed.push((arrival, 1)),
        }
    }
}

/// How far the links of a radio are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Links whose bands have confirmed the newest look of every group.
    pub settled: u32,
    /// Links that are up but not there yet.
    pub late: u32,
    /// Links that are down.
    pub unreached: u32,
}

/// Which links and slots a group goes to.
#[derive(Debug)]
struct Routes {
    /// Where in `ends` each group begins, and the end of the last.
    starts: Box<[u32]>,
    /// Link and slot in the link, by group.
    ends: Box<[(u32, u32)]>,
}

impl Routes {
    fn new(radio: &impl Radio, groups: usize) -> Self {
        let mut routes: Vec<(usize, u32, u32)> = Vec::new();
        for (link, spec) in radio.links().iter().enumerate() {
            let slots = spec.groups.iter().enumerate().filter(|(_, group)| **group < groups);
            routes.extend(slots.map(|(slot, group)| (*group, link as u32, slot as u32)));
        }
        routes.sort_unstable();
        let start = |group| routes.partition_point(|route| route.0 < group) as u32;
        Self {
            starts: (0..=groups).map(start).collect(),
            ends: routes.iter().map(|(_, link, slot)| (*link, *slot)).collect(),
        }
    }

    fn of(&self, group: usize) -> std::ops::Range<usize> {
        match self.starts.get(group..=group + 1) {
            Some([start, end]) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }
}

/// Links that may have something to send, on a radio that has no room for all.
#[derive(Debug)]
struct Competing {
    list: Vec<u32>,
    member: Box<[bool]>,
}

impl Competing {
    fn new(links: usize) -> Self {
        Self { list: Vec::with_capacity(links), member: vec![false; links].into_boxed_slice() }
    }

    fn insert(&mut self, link: u32) {
        if !std::mem::replace(&mut self.member[link as usize], true) {
            self.list.push(link);
        }
    }

    fn pop(&mut self) -> Option<u32> {
        let link = self.list.pop()?;
        self.member[link as usize] = false;
        Some(link)
    }

    fn remove(&mut self, link: u32) {
        if std::mem::replace(&mut self.member[link as usize], false) {
            self.list.retain(|other| *other != link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::{Frame, LinkSpec};

    const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };
    const BLUE: Look = Look { blue: 255, dimmer: 255, ..Look::DARK };

    fn ms(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    /// A radio that does as it is told: frames stay in flight until the test says otherwise.
    #[derive(Debug)]
    struct Scripted {
        links: Vec<LinkSpec>,
        room: usize,
        events: std::collections::VecDeque<RadioEvent>,
        in_flight: Vec<(LinkId, Frame)>,
        /// Loses every frame at once.
        refuses: bool,
    }

    impl Radio for Scripted {
        fn kind(&self) -> &'static str {
            "scripted"
        }

        fn links(&self) -> &[LinkSpec] {
            &self.links
        }

        fn frames_in_flight_max(&self) -> usize {
            self.room
        }

        fn start(&mut self, _now: Time, _context: RadioContext) {
            self.events.push_back(RadioEvent::Ready);
            let links = 0..self.links.len() as u32;
            self.events.extend(links.map(|link| RadioEvent::Up(LinkId(link))));
        }

        fn handle_timeout(&mut self, _now: Time) {}

        fn poll_timeout(&self) -> Option<Time> {
            None
        }

        fn poll_event(&mut self, _now: Time) -> Option<RadioEvent> {
            self.events.pop_front()
        }

        fn send(&mut self, _now: Time, link: LinkId, frame: &Frame) {
            if self.refuses {
                self.events.push_back(RadioEvent::Lost { link, token: frame.token });
            } else {
                self.in_flight.push((link, *frame));
            }
        }
    }

    struct Rig {
        dispatch: Dispatch<Scripted>,
        table: GroupTable,
        sequence: u64,
    }

    impl Rig {
        fn new(links: Vec<LinkSpec>, room: usize) -> Self {
            let groups = 8;
            let radio = Scripted {
                links,
                room,
                events: std::collections::VecDeque::new(),
                in_flight: Vec::new(),
                refuses: false,
            };
            let mut dispatch = Dispatch::new("left", radio, groups);
            dispatch.start(ms(0), LaneWaker::noop());
            Self { dispatch, table: GroupTable::new(groups), sequence: 0 }
        }

        fn publish(&mut self, now: Time, looks: &[(usize, Look)]) {
            self.publish_as(now, looks, false);
        }

        fn publish_as(&mut self, now: Time, looks: &[(usize, Look)], panic: bool) {
            for (group, look) in looks {
                self.table.set(*group, *look);
            }
            self.sequence += 1;
            let stamp = Stamp { arrival: now, published: now, sequence: self.sequence, panic };
            self.dispatch.handle_table(now, &self.table, stamp);
            self.table.clear_changed();
        }

        /// Everything in flight is sent. Gives what it was.
        fn send_all(&mut self, now: Time) -> Vec<(u32, Look)> {
            let frames = std::mem::take(&mut self.dispatch.radio_mut().in_flight);
            for (link, frame) in &frames {
                let (link, token) = (*link, frame.token);
                let sent = RadioEvent::Sent { link, token, at: now };
                self.dispatch.radio_mut().events.push_back(sent);
            }
            self.dispatch.handle_timeout(now);
            frames.iter().map(|(link, frame)| (link.0, frame.look)).collect()
        }
    }

    fn links(groups: &[usize]) -> Vec<LinkSpec> {
        groups.iter().map(|group| LinkSpec::connection("band", *group)).collect()
    }

    #[test]
    fn a_look_goes_to_every_link_of_its_group_and_to_no_other() {
        let mut rig = Rig::new(links(&[0, 1, 0]), usize::MAX);
        rig.publish(ms(0), &[(0, RED)]);
        let all = [(0, RED), (2, RED), (1, Look::DARK)];
        assert_eq!(rig.send_all(ms(10)), all, "the first table concerns all");
        rig.publish(ms(20), &[(0, BLUE)]);
        assert_eq!(rig.send_all(ms(30)), [(0, BLUE), (2, BLUE)]);
        assert_eq!(
            rig.dispatch.settlement(ms(99)),
            Settlement { settled: 3, ..Settlement::default() }
        );
        assert_eq!(rig.dispatch.telemetry().counts().sent, 5);
    }

    #[test]
    fn a_radio_with_little_room_sends_the_most_urgent_of_all_links_first() {
        let mut rig = Rig::new(links(&[0, 1, 2, 3]), 1);
        rig.publish(ms(0), &[]);
        for step in 1..=4 {
            rig.send_all(ms(step));
        }
        rig.publish(ms(10), &[(0, RED)]);
        rig.send_all(ms(11));
        rig.publish(ms(12), &[(3, RED)]);
        rig.publish(ms(13), &[(0, Look { red: 254, ..RED })]);
        rig.publish(ms(14), &[(2, RED)]);
        rig.publish(ms(15), &[(1, RED)]);
        let order: Vec<u32> = (20..24).flat_map(|at| rig.send_all(ms(at))).map(|f| f.0).collect();
        assert_eq!(order, [3, 2, 1, 0], "in flight already, then snaps by age, then the fade");
        assert_eq!(rig.dispatch.settlement(ms(99)).settled, 4);
    }

    #[test]
    fn panic_passes_every_other_link_that_waits_for_room() {
        let mut rig = Rig::new(links(&[0, 1, 2]), 1);
        rig.publish(ms(0), &[(0, RED), (1, RED), (2, RED)]);
        let dark = [(0, Look::DARK), (1, Look::DARK), (2, Look::DARK)];
        rig.publish_as(ms(1), &dark, true);
        assert_eq!(rig.send_all(ms(2)), [(0, RED)], "in flight already");
        for step in 3..6 {
            let sent = rig.send_all(ms(step));
            assert!(sent.iter().all(|(_, look)| *look == Look::DARK), "{sent:?}");
        }
        assert_eq!(rig.dispatch.settlement(ms(99)).settled, 3);
    }

    #[test]
    fn panic_without_a_change_is_sent_to_all() {
        let mut rig = Rig::new(links(&[0, 1]), usize::MAX);
        rig.publish(ms(0), &[]);
        rig.send_all(ms(1));
        rig.publish_as(ms(2), &[], true);
        assert_eq!(rig.send_all(ms(3)).len(), 2);
        assert_eq!(rig.dispatch.poll_timeout().map(|t| t > ms(1_000)), Some(true), "once");
    }

    #[test]
    fn a_link_whose_turn_came_too_late_still_gets_its_keyframe() {
        let mut rig = Rig::new(links(&[0, 1]), 1);
        rig.publish(ms(0), &[]);
        rig.send_all(ms(1));
        rig.send_all(ms(2));
        rig.publish(ms(200), &[(1, RED)]);
        rig.publish(ms(205), &[(0, RED)]);
        rig.publish(ms(210), &[(1, Look::DARK)]);
        rig.publish(ms(215), &[(1, RED)]);
        assert_eq!(rig.send_all(ms(220)), [(1, RED)]);
        // The flash on the second link is too old when the first has made room.
        assert_eq!(rig.send_all(ms(900)), [(0, RED)]);
        assert_eq!(rig.send_all(ms(901)), []);
        while let Some(due) = rig.dispatch.poll_timeout().filter(|due| *due <= ms(2_110)) {
            rig.dispatch.handle_timeout(due);
        }
        assert_eq!(rig.send_all(ms(2_110)), [(1, RED)]);
    }

    #[test]
    fn nobody_starves_on_a_radio_with_little_room() {
        let mut rig = Rig::new(links(&[0, 1, 2, 3]), 1);
        rig.publish(ms(0), &[]);
        let mut last = [0; 4];
        for beat in 0..2_000u64 {
            let look = if beat % 2 == 0 { RED } else { BLUE };
            let small = Look { green: (beat / 2 % 2) as u8, ..RED };
            rig.publish(ms(beat * 10), &[(0, look), (1, look), (2, look), (3, small)]);
            for (link, _) in rig.send_all(ms(beat * 10 + 5)) {
                last[link as usize] = beat;
            }
            let oldest = last.iter().min();
            // The fair wait, then a turn for each link.
            assert!(oldest >= Some(&beat.saturating_sub(25 + 8 * 4)), "{last:?}");
        }
    }

    #[test]
    fn a_radio_that_refuses_everything_is_asked_at_intervals_and_not_in_circles() {
        let mut rig = Rig::new(links(&[0]), usize::MAX);
        rig.dispatch.radio_mut().refuses = true;
        rig.publish(ms(0), &[(0, RED)]);
        while let Some(due) = rig.dispatch.poll_timeout().filter(|due| *due <= ms(10_000)) {
            rig.dispatch.handle_timeout(due);
        }
        let failed = rig.dispatch.telemetry().counts().failed;
        assert!((15..25).contains(&failed), "{failed}");
        rig.dispatch.radio_mut().refuses = false;
        rig.dispatch.handle_timeout(ms(11_000));
        assert_eq!(rig.send_all(ms(11_001)), [(0, RED)]);
    }

    #[test]
    fn a_band_that_does_not_tell_is_taken_to_show_what_it_was_sent() {
        let mut rig = Rig::new(links(&[0]), usize::MAX);
        let telemetry = rig.dispatch.telemetry().clone();
        rig.publish(ms(0), &[(0, RED)]);
        let shown = |now| telemetry.band(LinkId(0)).and_then(|band| band.shown(now));
        assert_eq!(shown(ms(0)), None);
        rig.send_all(ms(5));
        assert_eq!(shown(ms(9)).map(|s| (s.look, s.age.as_millis())), Some((RED, 4)));
    }

    #[test]
    fn what_is_wrong_is_said_until_it_is_right_again() {
        let mut rig = Rig::new(links(&[0, 1]), usize::MAX);
        let tell = |rig: &mut Rig, event| {
            rig.dispatch.radio_mut().events.push_back(event);
            rig.dispatch.handle_timeout(ms(1));
            let telemetry = rig.dispatch.telemetry();
            (telemetry.radio_state(), telemetry.band_states(ms(1), |_| String::new()))
        };
        let (radio, _) = tell(&mut rig, RadioEvent::Fault("no adapter".into()));
        assert_eq!((radio.state.as_str(), radio.detail.as_deref()), ("down", Some("no adapter")));
        let (radio, bands) = tell(&mut rig, RadioEvent::Down(LinkId(1), "out of range".into()));
        assert_eq!((radio.bands, radio.bands_connected), (2, 1));
        assert_eq!(bands[1].detail.as_deref(), Some("out of range"));
        tell(&mut rig, RadioEvent::Ready);
        let (radio, bands) = tell(&mut rig, RadioEvent::Up(LinkId(1)));
        assert_eq!((radio.state.as_str(), radio.detail), ("up", None));
        assert_eq!((radio.bands_connected, bands[1].detail.as_deref()), (2, None));
    }

    #[test]
    fn a_frame_lost_with_its_link_makes_room_for_others() {
        let mut rig = Rig::new(links(&[0, 1]), 1);
        rig.publish(ms(0), &[(0, RED), (1, RED)]);
        rig.dispatch.radio_mut().in_flight.clear();
        rig.dispatch.radio_mut().events.push_back(RadioEvent::Down(LinkId(0), "gone".into()));
        rig.dispatch.handle_timeout(ms(1));
        assert_eq!(rig.send_all(ms(2)), [(1, RED)]);
        let settlement = Settlement { settled: 1, late: 0, unreached: 1 };
        assert_eq!(rig.dispatch.settlement(ms(99)), settlement);
    }
}
