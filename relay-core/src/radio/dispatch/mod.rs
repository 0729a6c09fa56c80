//! One radio and the schedulers of all its links.
//!
//! What a lane's thread does, without the thread: [`driver`](super::driver) runs it live, replay
//! and tests under a virtual clock. New tables go to the schedulers of the links concerned; a link
//! that has room and something to send gets its frame; waits are kept in one calendar. Cost goes
//! with what happens, not with how many links there are.
//!
//! All that happened on the radio is heard before any link is served. A link may have gone, come
//! back and gone again since the lane looked last: what was served between two of these would be
//! lost with the next, or be under way twice.
//!
//! If the radio has room for fewer frames than it has links, because it says so or because that is
//! what is measured (`budget.rs`), the most urgent of all goes first: by class, then
//! by waiting time, with a fair turn now and then as within one link.
//!
//! A panic is timed: before it, how long it can take at worst with what was measured so far; after
//! it, how long it took until every band that was connected had acknowledged it.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the [`Dispatch`] |
//! | `routes.rs` | which links a group goes to |
//! | `link_set.rs` | links that wait for their turn, or for room |
//! | `panic.rs` | a panic on its way, and how long it can take |

mod link_set;
mod panic;
mod routes;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use super::calendar::Calendar;
use super::telemetry::{Condition, RadioTelemetry};
use super::{LaneWaker, LinkId, Radio, RadioContext, RadioEvent};
use crate::lane::Stamp;
use crate::look::Look;
use crate::schedule::fair::Turns;
use crate::schedule::{LinkScheduler, Poll};
use crate::table::GroupTable;
use crate::time::Time;
use link_set::LinkSet;
use panic::Panic;
use routes::Routes;

pub use panic::panic_worst;

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
    /// Links that something happened to since they were last served.
    due: LinkSet,
    /// Links that may have something to send, on a radio that has no room for all.
    competing: LinkSet,
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
            due: LinkSet::new(specs.len()),
            competing: LinkSet::new(specs.len()),
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
        self.hear(now);
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
                self.handle_look(group, table.get(group));
            }
        } else {
            for (group, look) in table.changed() {
                self.handle_look(group, look);
            }
        }
        if begins {
            for link in 0..self.links.len() as u32 {
                self.due.insert(link);
            }
        }
        // Before the radio has its turn: what one table brings can go out as one.
        self.serve(now);
        self.handle_timeout(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        self.radio.handle_timeout(now);
        loop {
            self.hear(now);
            while let Some((link, _)) = self.waits.pop(now) {
                self.due.insert(link);
            }
            if self.due.is_empty() {
                break;
            }
            self.serve(now);
        }
        if self.budget.is_some() && !self.competing.is_empty() {
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
        let budget = self.budget.as_ref().filter(|_| !self.competing.is_empty());
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

    fn handle_look(&mut self, group: usize, look: Look) {
        for end in self.routes.of(group) {
            let (link, slot) = self.routes.ends[end];
            self.links[link as usize].handle_look(slot as usize, look, self.stamp);
            self.due.insert(link);
        }
    }

    /// Takes in all that happened on the radio.
    fn hear(&mut self, now: Time) {
        while let Some(event) = self.radio.poll_event(now) {
            self.handle_event(now, event);
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
        self.due.insert(link.0);
    }

    /// A band that does not tell is taken to show what it was sent.
    fn assume_shown(&self, link: LinkId, look: Option<Look>, at: Time) {
        let (Some(look), Some(band)) = (look, self.telemetry.band(link)) else { return };
        if !self.radio.reports_shown() {
            let from = band.shown(at).map_or(Look::DARK, |shown| shown.look);
            band.set_shown(from, look, at);
        }
    }

    /// Gives the links that are due their frames, those that have one to send and whose turn it is.
    fn serve(&mut self, now: Time) {
        let room_for_all = self.in_flight_max >= self.links.len() && self.budget.is_none();
        for place in 0..self.due.links().len() {
            let link = self.due.links()[place];
            if room_for_all || self.links[link as usize].urgency(now).is_none() {
                self.hand(now, link);
            } else {
                self.competing.insert(link);
                self.tell(link);
            }
        }
        self.due.clear();
        if !room_for_all {
            self.fill(now);
        }
    }

    /// Gives the most urgent links their frames as long as there is room.
    fn fill(&mut self, now: Time) {
        while self.has_room(now) {
            let due = self.competing.links().iter().filter_map(|link| {
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
