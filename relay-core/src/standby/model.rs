//! Two nodes, a network between them and a console, under a virtual clock.

use std::time::Duration;

use proptest::prelude::*;

use super::{Envelope, Event, Input, LiveSet, Node, Order, Own, Peer, Role, Timing};
use crate::time::Time;

pub(super) const TIMING: Timing =
    Timing { take_over: Duration::from_millis(500), input_loss: Duration::from_millis(500) };

/// How long after a cable is in again what was queued for it arrives: consoles are heard before.
const QUEUE_MS: u64 = 60;

/// One relay: its node, and what its radios and its network are like.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) node: Node,
    boot: u64,
    number: u64,
    known: Peer,
    /// Until when its lanes would write.
    lease: Option<Time>,
    input: Option<Time>,
    pub(super) live: u32,
    pub(super) connected: u32,
    pub(super) able: bool,
    tick_at: u64,
    pub(super) crashed: bool,
    pub(super) paused_until: u64,
    pub(super) pulled_until: u64,
    pub(super) deaf_until: u64,
    pub(super) events: Vec<(u64, Event)>,
}

/// A beat on its way.
#[derive(Debug)]
struct Flight {
    at: u64,
    to: usize,
    envelope: Envelope,
}

/// The two.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) now: u64,
    pub(super) relays: [Relay; 2],
    flights: Vec<Flight>,
    random: u64,
    /// Share of beats lost, percent; never more than two in a row.
    pub(super) loss: u64,
    lost_in_a_row: [u32; 2],
    /// The link between the two is lost, and nothing else: [from 0 to 1, from 1 to 0].
    pub(super) cut: [bool; 2],
    /// Until when what one sends lies in some queue, to arrive all at once.
    held_until: [u64; 2],
    /// What is sent while a cable is out arrives when it is in again.
    pub(super) pulled_queues: bool,
    pub(super) console: bool,
    /// How long the console leaves between two packets.
    pub(super) console_ms: u64,
    pub(super) gives_back: bool,
    boots: u64,
    /// Every millisecond in which both would have written.
    pub(super) both: Vec<u64>,
    /// Longest time in which nobody did.
    pub(super) dark_since: u64,
}

impl Pair {
    pub(super) fn new(seed: u64, gives_back: bool) -> Self {
        let mut pair = Self {
            now: 10_000,
            relays: [1, 2].map(|boot| Relay {
                node: Node::new(TIMING, boot == 1, gives_back, Time::from_millis(10_000)),
                boot,
                number: 0,
                known: Peer::default(),
                lease: None,
                input: None,
                live: 4,
                connected: 10,
                able: true,
                tick_at: 0,
                crashed: false,
                paused_until: 0,
                pulled_until: 0,
                deaf_until: 0,
                events: Vec::new(),
            }),
            flights: Vec::new(),
            random: seed,
            loss: 0,
            lost_in_a_row: [0; 2],
            cut: [false; 2],
            held_until: [0; 2],
            pulled_queues: false,
            console: true,
            console_ms: 23,
            gives_back,
            boots: 2,
            both: Vec::new(),
            dark_since: 10_000,
        };
        pair.relays[1].tick_at = 7;
        pair
    }

    pub(super) fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        (self.random >> 33) % below
    }

    /// The process starts anew.
    pub(super) fn restart(&mut self, relay: usize) {
        self.boots += 1;
        let node = Node::new(TIMING, relay == 0, self.gives_back, Time::from_millis(self.now));
        let one = &mut self.relays[relay];
        (one.node, one.boot, one.number) = (node, self.boots, 0);
        (one.known, one.lease, one.input) = (Peer::default(), None, None);
        one.crashed = false;
        one.paused_until = 0;
        self.forget_arrived(relay);
        self.held_until = [0; 2];
    }

    /// What has come and was not read is gone; what is on its way comes.
    fn forget_arrived(&mut self, relay: usize) {
        let now = self.now;
        self.flights.retain(|flight| flight.to != relay || flight.at > now);
    }

    /// Holds back what `from` sends. Not if the other way is held back, or if one of the two does not
    /// know the other yet, which takes both ways: that is a link that is cut.
    pub(super) fn hold(&mut self, from: usize, millis: u64) {
        let known = self.hears_other(from) && self.hears_other(1 - from);
        if known && self.held_until[1 - from] <= self.now {
            self.held_until[from] = self.now + millis;
        }
    }

    pub(super) fn order(&mut self, relay: usize, order: Order) {
        if self.is_running(relay) {
            let _ = self.relays[relay].node.order(Time::from_millis(self.now), order);
            self.after(relay);
        }
    }

    fn is_running(&self, relay: usize) -> bool {
        !self.relays[relay].crashed && self.relays[relay].paused_until <= self.now
    }

    fn hears_other(&self, relay: usize) -> bool {
        self.relays[relay].node.peer(Time::from_millis(self.now)).is_some()
    }

    fn is_pulled(&self, relay: usize) -> bool {
        self.relays[relay].pulled_until > self.now
    }

    /// Whether its lanes would write a frame now.
    pub(super) fn writes(&self, relay: usize) -> bool {
        let now = Time::from_millis(self.now);
        self.is_running(relay) && self.relays[relay].lease.is_some_and(|until| now < until)
    }

    pub(super) fn writer(&self) -> Option<usize> {
        (0..2).find(|&relay| self.writes(relay))
    }

    pub(super) fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.step();
        }
    }

    /// Runs until it holds; how long that took, ms.
    #[track_caller]
    pub(super) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> u64 {
        let from = self.now;
        while !holds(self) {
            assert!(self.now < from + 60_000, "never: {what}\n{}", self.story());
            self.step();
        }
        self.now - from
    }

    /// What happened, for a test that fails.
    pub(super) fn story(&self) -> String {
        let mut events: Vec<_> = (self.relays.iter().enumerate())
            .flat_map(|(relay, one)| one.events.iter().map(move |(at, event)| (*at, relay, *event)))
            .collect();
        events.sort_by_key(|event| event.0);
        let last = events.iter().rev().take(40).rev();
        let lines = last.map(|(at, relay, event)| format!("{at} {relay} {event:?}\n"));
        format!("now {}\n{}", self.now, lines.collect::<String>())
    }

    fn step(&mut self) {
        self.now += 1;
        if self.console && self.now.is_multiple_of(self.console_ms) {
            for relay in 0..2 {
                let deaf = self.relays[relay].deaf_until > self.now || self.is_pulled(relay);
                if !deaf && !self.relays[relay].crashed {
                    // A process that stands still finds it later, with the time that it came.
                    self.relays[relay].input = Some(Time::from_millis(self.now));
                }
            }
        }
        for relay in 0..2 {
            // The lanes of one that goes on are there before its node is.
            self.check();
            if self.is_running(relay) {
                if self.now >= self.relays[relay].tick_at {
                    self.tick(relay);
                }
                self.deliver(relay);
            }
        }
        self.check();
        if self.writer().is_some() {
            self.dark_since = self.now;
        }
    }

    fn check(&mut self) {
        if self.writes(0) && self.writes(1) && self.both.last() != Some(&self.now) {
            self.both.push(self.now);
        }
    }

    fn own(&self, relay: usize) -> Own {
        let one = &self.relays[relay];
        let mut live_set = LiveSet::default();
        (0..one.live as usize).for_each(|index| live_set.insert(index));
        Own {
            input: Input { heard: one.input, live: one.live, patched: 4, live_set },
            works: true,
            able: one.able,
            released: one.node.role() != Role::Drives,
            connected: one.connected,
            bands: 10,
            ..Own::default()
        }
    }

    fn tick(&mut self, relay: usize) {
        let (now, own) = (Time::from_millis(self.now), self.own(relay));
        self.relays[relay].tick_at = self.now + 12 + self.random(4);
        if self.relays[relay].node.handle_tick(now, &own) {
            self.forget_arrived(relay);
        }
        self.after(relay);
    }

    fn deliver(&mut self, relay: usize) {
        let pulled = self.is_pulled(relay);
        let mut due = Vec::new();
        self.flights.retain(|flight| {
            let is_due = flight.to == relay && flight.at <= self.now;
            if is_due {
                due.push((flight.at, flight.envelope));
            }
            !is_due
        });
        due.sort_by_key(|(at, envelope): &(u64, Envelope)| (*at, envelope.number));
        for (_, envelope) in due.into_iter().filter(|_| !pulled) {
            let one = &mut self.relays[relay];
            if let Some(heard) = one.known.admit(&envelope, (one.boot, one.number)) {
                one.node.handle_beat(Time::from_millis(self.now), &envelope.beat, heard);
                self.after(relay);
            }
        }
    }

    /// What follows every call.
    fn after(&mut self, relay: usize) {
        let now = Time::from_millis(self.now);
        let pulled = self.is_pulled(relay) || self.is_pulled(1 - relay);
        let delay = self.random(15);
        let lost = self.random(100) < self.loss && self.lost_in_a_row[relay] < 2;
        let one = &mut self.relays[relay];
        one.lease = one.node.license(now);
        while let Some(event) = one.node.poll_event() {
            one.events.push((self.now, event));
        }
        let Some((number, beat)) = one.node.poll_beat(now) else { return };
        one.number = number;
        let envelope = Envelope { boot: one.boot, number, echo: one.known.echo(), beat };
        self.lost_in_a_row[relay] = if lost { self.lost_in_a_row[relay] + 1 } else { 0 };
        let mut free = self.now.max(self.held_until[relay]);
        if pulled && self.pulled_queues {
            let cable = self.relays.iter().map(|relay| relay.pulled_until).max();
            free = cable.unwrap_or_default().saturating_add(QUEUE_MS);
        }
        let goes = !pulled || self.pulled_queues;
        // A cable that never comes back brings nothing.
        if goes && !lost && !self.cut[relay] && free < u64::MAX {
            self.flights.push(Flight { at: free + delay, to: 1 - relay, envelope });
        }
    }
}

/// What can go wrong, and what operators can do.
#[derive(Clone, Copy, Debug)]
enum Act {
    Crash(usize),
    Restart(usize),
    Pause(usize, u64),
    Pull(usize, u64),
    Deaf(usize, u64),
    Hold(usize, u64),
    Order(usize, bool),
    Console(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let relay = || 0..2usize;
    prop_oneof![
        relay().prop_map(Act::Crash),
        relay().prop_map(Act::Restart),
        (relay(), 1..4_000u64).prop_map(|(relay, millis)| Act::Pause(relay, millis)),
        (relay(), 1..4_000u64).prop_map(|(relay, millis)| Act::Pull(relay, millis)),
        (relay(), 1..6_000u64).prop_map(|(relay, millis)| Act::Deaf(relay, millis)),
        (relay(), 1..3_000u64).prop_map(|(relay, millis)| Act::Hold(relay, millis)),
        (relay(), any::<bool>()).prop_map(|(relay, take)| Act::Order(relay, take)),
        any::<bool>().prop_map(Act::Console),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever dies, stands still, is pulled out or goes deaf, in whatever order, with beats lost,
    /// late, and held back in a queue for seconds: never do both write, and when it is over one does.
    #[test]
    fn never_two_and_in_the_end_one(
        seed in any::<u64>(),
        loss in 0..30u64,
        gives_back in any::<bool>(),
        pulled_queues in any::<bool>(),
        acts in prop::collection::vec((0..3_000u64, act()), 1..16),
    ) {
        let mut pair = Pair::new(seed, gives_back);
        pair.loss = loss;
        pair.pulled_queues = pulled_queues;
        for (wait, act) in &acts {
            pair.run(*wait);
            let until = |millis: u64| pair.now + millis;
            match *act {
                // Who orders a relay that hears nobody to take says that the other does not drive;
                // one that was alone before its cable was pulled does not know of another.
                Act::Order(relay, true) | Act::Pull(relay, _) if !pair.hears_other(relay) => {}
                Act::Order(relay, take) => {
                    pair.order(relay, if take { Order::Take } else { Order::Give });
                }
                Act::Crash(relay) => pair.relays[relay].crashed = true,
                Act::Restart(relay) => pair.restart(relay),
                Act::Pause(relay, millis) => pair.relays[relay].paused_until = until(millis),
                Act::Pull(relay, millis) => pair.relays[relay].pulled_until = until(millis),
                Act::Deaf(relay, millis) => pair.relays[relay].deaf_until = until(millis),
                Act::Hold(relay, millis) => pair.hold(relay, millis),
                Act::Console(on) => pair.console = on,
            }
            prop_assert!(pair.both.is_empty(), "both wrote at {:?}\n{}", pair.both, pair.story());
        }
        // All is well again, but for a relay that may be dead.
        pair.console = true;
        if pair.relays.iter().all(|relay| relay.crashed) {
            pair.restart(1);
        }
        pair.run(10_000);
        let silent = pair.now - pair.dark_since;
        prop_assert!(pair.both.is_empty(), "both wrote at {:?}\n{}", pair.both, pair.story());
        // Many lost beats in a row may interrupt it for a moment.
        prop_assert!(silent < 300, "nobody writes, {silent} ms\n{}", pair.story());
    }
}
