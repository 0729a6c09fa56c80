//! One radio and the schedulers of all its links.
//!
//! What a lane's thread does, without the thread: [`driver`](super::driver) runs it live, replay
//! and tests under a virtual clock. New tables go to the schedulers of the links concerned; a link
//! that has room and something to send gets its frame; waits are kept in one calendar. Cost goes
//! with what happens, not with how many links there are.
//!
//! If the radio has room for fewer frames than it has links, because it says so or because that is
//! what is measured (`budget.rs`), the most urgent of all goes first: by class, then
//! by waiting time, with a fair turn now and then as within one link.
//!
//! A panic is timed: before it, how long it can take at worst with what was measured so far; after
//! it, how long it took until every band that was connected had acknowledged it.

use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use super::calendar::Calendar;
use super::telemetry::{Condition, RadioTelemetry};
use super::{LaneWaker, LinkId, LinkSpec, Radio, RadioContext, RadioEvent};
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
    /// Only if the links share a stack.
    budget: Option<Budget>,
    competing: Competing,
    turns: Turns,
    panic: Panic,
    /// Of the table handled last.
    stamp: Stamp,
    /// Of the call under way, or the last.
    now: Time,
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
            budget: radio.shares_stack().then(|| Budget::new(specs.len())),
            competing: Competing::new(specs.len()),
            panic: Panic::new(specs),
            turns: Turns::default(),
            stamp: Stamp::default(),
            now: Time::ZERO,
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
        if begins {
            self.panic.begin(now, &self.links);
        }
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
        self.now = now;
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
                break;
            }
        }
        if self.budget.is_some() && !self.competing.list.is_empty() {
            // A frame that has been under way for very long takes no place any more.
            self.fill(now);
        }
        self.telemetry.set_panic_worst(self.panic_worst());
    }

    /// How long a panic that begins now can take until every connected band has it.
    fn panic_worst(&self) -> Duration {
        let write = self.budget.as_ref().map_or(Duration::ZERO, Budget::slowest);
        let window = self.budget.as_ref().map_or(usize::MAX, Budget::window);
        let room = self.in_flight_max.min(window);
        panic_worst(self.telemetry.bands_up() as usize, room, self.panic.min_interval, write)
    }

    /// When something is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let (radio, waits) = (self.radio.poll_timeout(), self.waits.poll_timeout());
        let budget = self.budget.as_ref().filter(|_| !self.competing.list.is_empty());
        let room = budget.and_then(|budget| budget.poll_timeout(self.now));
        radio.into_iter().chain(waits).chain(room).min()
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
                // It is dark or out of reach: nobody waits for it.
                self.panic_reached(now, link);
                (link, self.links[link.index()].handle_down())
            }
            RadioEvent::Sent { link, token, at } => {
                let look = self.links[link.index()].handle_sent(token);
                self.assume_shown(link, look, at);
                if let (Some(budget), true) = (&mut self.budget, look.is_some()) {
                    budget.sent(at, link.index());
                }
                if self.panic.is_awaited(link) && self.links[link.index()].is_settled(now) {
                    self.panic_reached(at, link);
                }
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
        if let (Some(budget), true) = (&mut self.budget, freed) {
            budget.lost(link.index());
        }
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
        if self.in_flight_max >= self.links.len() && self.budget.is_none() {
            return self.hand(now, link);
        }
        if self.links[link as usize].urgency(now).is_some() {
            self.competing.insert(link);
            self.tell(link);
        } else {
            self.hand(now, link);
        }
        self.fill(now);
    }

    /// Gives the most urgent links their frames as long as there is room.
    fn fill(&mut self, now: Time) {
        while self.has_room(now) {
            let due = self.competing.list.iter().filter_map(|link| {
                let (class, since) = self.links[*link as usize].urgency(now)?;
                Some((class, since, *link))
            });
            let Some((next, fair)) = self.turns.choose(now, due) else { break };
            self.competing.remove(next);
            self.turns.count(fair);
            self.hand(now, next);
        }
        if self.has_room(now) {
            // What is left is due no more.
            while let Some(link) = self.competing.pop() {
                self.hand(now, link);
            }
        }
    }

    fn has_room(&mut self, now: Time) -> bool {
        self.in_flight < self.in_flight_max
            && self.budget.as_mut().is_none_or(|budget| budget.has_room(now))
    }

    /// A band has the panic, or cannot be reached any more.
    fn panic_reached(&mut self, now: Time, link: LinkId) {
        if let Some(took) = self.panic.reached(now, link) {
            self.telemetry.set_panic_took(took);
        }
    }

    /// Gives the link its frame, or notes until when it waits.
    fn hand(&mut self, now: Time, link: u32) {
        let scheduler = &mut self.links[link as usize];
        match scheduler.poll_frame(now) {
            Poll::Frame(frame) => {
                self.in_flight += 1;
                if let Some(budget) = &mut self.budget {
                    budget.handed(now, link as usize);
                }
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
        self.tell(link);
    }

    fn tell(&self, link: u32) {
        if let Some(band) = self.telemetry.band(LinkId(link)) {
            let scheduler = &self.links[link as usize];
            band.set_counts(scheduler.counts());
            band.set_behind_since(scheduler.behind_since());
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

/// A panic on its way to the bands.
#[derive(Debug)]
struct Panic {
    since: Time,
    /// Links that were up when it began and do not have it yet.
    awaited: Box<[bool]>,
    count: usize,
    /// The greatest least interval of any link.
    min_interval: Duration,
}

impl Panic {
    fn new(specs: &[LinkSpec]) -> Self {
        Self {
            since: Time::ZERO,
            awaited: vec![false; specs.len()].into_boxed_slice(),
            count: 0,
            min_interval: specs.iter().map(|spec| spec.min_interval).max().unwrap_or_default(),
        }
    }

    fn begin(&mut self, now: Time, links: &[LinkScheduler]) {
        self.since = now;
        for (awaited, link) in self.awaited.iter_mut().zip(links) {
            *awaited = link.is_up();
        }
        self.count = self.awaited.iter().filter(|awaited| **awaited).count();
    }

    fn is_awaited(&self, link: LinkId) -> bool {
        self.count > 0 && self.awaited[link.index()]
    }

    /// A link has it. If it is the last, how long it took.
    fn reached(&mut self, now: Time, link: LinkId) -> Option<Duration> {
        if !self.is_awaited(link) {
            return None;
        }
        self.awaited[link.index()] = false;
        self.count -= 1;
        (self.count == 0).then(|| now.since(self.since))
    }
}

/// How long a panic can take at worst until each of `bands` connected bands has it, if none of its
/// frames is lost: the write under way on each link ends, or its least interval is over, then every
/// band gets its own, as many at once as there is `room` for. `write` is the slowest write.
pub fn panic_worst(bands: usize, room: usize, min_interval: Duration, write: Duration) -> Duration {
    let rounds = u32::try_from(bands.div_ceil(room.max(1))).unwrap_or(u32::MAX);
    if bands == 0 { Duration::ZERO } else { write.max(min_interval) + write * rounds }
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
    use crate::radio::Frame;
    use crate::snapshot::GroupBands;

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

    #[test]
    fn a_panic_is_timed_until_the_last_connected_band_has_it() {
        let mut rig = Rig::new(links(&[0, 1, 2]), usize::MAX);
        rig.publish(ms(0), &[(0, RED), (1, RED), (2, RED)]);
        rig.send_all(ms(10));
        let took = |rig: &Rig| rig.dispatch.telemetry().radio_state().panic_took_ms;
        rig.publish_as(ms(100), &[(0, Look::DARK), (1, Look::DARK), (2, Look::DARK)], true);
        assert_eq!(took(&rig), None);
        // One goes before it has it: nobody can wait for that.
        rig.dispatch.radio_mut().in_flight.retain(|(link, _)| *link != LinkId(1));
        rig.dispatch.radio_mut().events.push_back(RadioEvent::Down(LinkId(1), "gone".into()));
        rig.dispatch.handle_timeout(ms(110));
        assert_eq!(took(&rig), None);
        rig.send_all(ms(130));
        assert_eq!(took(&rig), Some(30));
    }

    #[test]
    fn the_worst_case_of_a_panic_counts_the_write_under_way_and_a_turn_for_every_band() {
        let (interval, write) = (Duration::from_millis(20), Duration::from_millis(50));
        let ms_of = |bands, room| panic_worst(bands, room, interval, write).as_millis();
        assert_eq!(ms_of(8, usize::MAX), 100, "all at once");
        assert_eq!(ms_of(8, 2), 250, "four rounds");
        assert_eq!(ms_of(0, 2), 0);
        let slow = Duration::from_millis(100);
        assert_eq!(panic_worst(1, 1, slow, write).as_millis(), 150, "the band wants its pause");
    }

    #[test]
    fn it_is_told_how_far_each_band_and_group_is_behind_and_what_became_of_its_looks() {
        let mut rig = Rig::new(links(&[0, 1]), usize::MAX);
        rig.publish(ms(0), &[(0, RED), (1, RED)]);
        rig.send_all(ms(5));
        let figures = |rig: &Rig, now| {
            let mut groups = [GroupBands::default(); 2];
            rig.dispatch.telemetry().add_to_groups(now, &mut groups);
            groups
        };
        assert_eq!(figures(&rig, ms(50)).map(|group| group.behind_ms), [0, 0]);
        for step in 0..3 {
            rig.publish(ms(100 + step), &[(0, Look { red: 100 + step as u8, ..RED })]);
        }
        let [first, second] = figures(&rig, ms(140));
        assert_eq!((first.behind_ms, first.conflated, second.behind_ms), (40, 1, 0));
        rig.send_all(ms(150));
        assert_eq!(figures(&rig, ms(160))[0].behind_ms, 58, "since what is on its way came");
        rig.send_all(ms(170));
        let done = figures(&rig, ms(180));
        let counted = GroupBands { bands: 1, bands_connected: 1, frames: 3, ..done[0] };
        assert_eq!((done[0], done[0].behind_ms), (counted, 0));
    }
}
