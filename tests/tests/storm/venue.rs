//! The whole relay but for its sockets and threads, under a clock of its own: consoles, a network,
//! the engine, its lanes, two radios, and an operator, each with its misfortunes.

mod checks;
mod misfortunes;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use wristcast_core::artnet_node::Interface;
use wristcast_core::config::Config;
use wristcast_core::engine::{CompiledShow, Datagram, Engine, Outcome};
use wristcast_core::lane::{self, LaneReader, LaneWriter, Stamp};
use wristcast_core::limits::Limits;
use wristcast_core::look::Look;
use wristcast_core::merge::UniverseSample;
use wristcast_core::radio::LaneWaker;
use wristcast_core::radio::dispatch::Dispatch;
use wristcast_core::steering::Order;
use wristcast_core::time::Time;
use wristcast_tests::allocator;

use crate::bands::{Bands, Handed};
use crate::console::{Console, Packet, SLOTS, UNIVERSES};
use crate::network::Network;
use crate::noise::Noise;

/// Every universe has two groups, which a reload swaps.
const GROUPS: usize = UNIVERSES.len() * 2;

/// How long misfortunes last at most, ms.
const STORM_MS: u64 = 20_000;

/// Then everything is well. Longer than any time-out: Art-Net's is 10 s, and 5 s for whoever was
/// heard after the one that is lost.
const CALM_MS: u64 = 17_000;

/// Bytes that the relay may take beyond what it took at its start: buffers of this radio that have
/// grown.
const MEMORY_SLACK: isize = 4096;

/// After such a silence a source may count anew (E1.31 §6.7.1).
const SILENCE: Duration = Duration::from_millis(2500);

/// A radio and the end of its lane.
struct Lane {
    dispatch: Dispatch<Bands>,
    writer: LaneWriter,
    reader: LaneReader,
    /// Its thread is not let run until then.
    stalled_until: Option<Time>,
    /// Newest table that a link was handed a look of.
    tables: [u64; GROUPS],
    /// When something was last wrong with the radio, and with each link.
    trouble: Time,
    link_trouble: [Time; GROUPS],
}

pub(crate) struct Venue {
    noise: Noise,
    now: Time,
    consoles: Vec<Console>,
    network: Network,
    next_weather_ms: u64,
    /// The relay thread is not let run until then; deaf: and its sockets are dead.
    stalled: Option<(Time, bool)>,
    /// The latest time that was handed to the engine.
    engine_time: Time,
    engine: Engine,
    shows: [Config; 2],
    show: usize,
    lanes: Vec<Lane>,
    sequence: u64,
    published: Vec<Vec<(u64, Look)>>,
    /// When each group was last given another look.
    changed: [Time; GROUPS],
    handed_over: u64,
    /// Newest number taken, by console, universe: in this life, and when.
    taken: Vec<[(u32, u64, Time); UNIVERSES.len()]>,
    /// When a level was last sent, ms, by universe, slot and level.
    sent_ms: Box<[[[u64; 256]; SLOTS]; UNIVERSES.len()]>,
    sample: UniverseSample,
    /// Of everything that was handed to a radio.
    digest: u64,
    /// Replies of the Art-Net node, and when the last went out.
    replies: u64,
    replied: Time,
    /// Bytes that the relay took and did not give back since its start.
    grown: isize,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) digest: u64,
    pub(crate) datagrams: u64,
    pub(crate) frames: u64,
}

fn show(swapped: bool) -> Config {
    let mut show = String::from("name = 'storm'\n");
    for group in 0..GROUPS {
        let universe = UNIVERSES[group / 2];
        let first = (group % 2 == 0) != swapped;
        let more = match group % 4 {
            0 => "delay_ms = 120\n",
            1 => "loss = { to = 'black', after_ms = 500, fade_ms = 800 }\n",
            2 => "loss = 'black'\n",
            _ => "",
        };
        show += &format!(
            "[[group]]\nname = 'g{group}'\nuniverse = '{universe}'\naddress = {}\n\
             personality = 'rgb'\n{more}",
            if first { 1 } else { 7 }
        );
    }
    show += "[[radio]]\nkind = 'simulated'\n";
    Config::parse(&show, "storm.toml").expect("a sound show").0
}

impl Venue {
    pub(crate) fn new(seed: u64) -> Self {
        let mut noise = Noise::new(seed);
        let shows = [show(false), show(true)];
        let mut engine = Engine::new(&shows[0], &Limits::of(&shows[0]), seed);
        let address = Ipv4Addr::new(10, 0, 0, 254);
        engine
            .set_interfaces(Time::ZERO, &[Interface { index: 1, address, prefix: 8, mac: [2; 6] }]);
        let consoles = noise.between(1, 5) as usize;
        let consoles: Vec<_> = (0..consoles).map(|i| Console::new(i, &mut noise)).collect();
        let lanes = (0..2).map(|_| {
            let bands = Bands::new(GROUPS, Noise::new(noise.next()));
            let (writer, reader) = lane::channel(GROUPS);
            let dispatch = Dispatch::new("storm", bands, GROUPS);
            Lane {
                dispatch,
                writer,
                reader,
                stalled_until: None,
                tables: [0; GROUPS],
                trouble: Time::ZERO,
                link_trouble: [Time::ZERO; GROUPS],
            }
        });
        let mut venue = Self {
            lanes: lanes.collect(),
            taken: vec![[(0, 0, Time::ZERO); UNIVERSES.len()]; consoles.len()],
            network: Network::new(Noise::new(noise.next())),
            noise,
            now: Time::ZERO,
            consoles,
            next_weather_ms: 500,
            stalled: None,
            engine_time: Time::ZERO,
            engine,
            shows,
            show: 0,
            sequence: 0,
            published: vec![vec![]; GROUPS],
            changed: [Time::ZERO; GROUPS],
            handed_over: 0,
            sent_ms: vec![[[0; 256]; SLOTS]; UNIVERSES.len()].try_into().expect("as many"),
            sample: UniverseSample::new(),
            digest: 0,
            replies: 0,
            replied: Time::ZERO,
            grown: 0,
        };
        for lane in &mut venue.lanes {
            lane.dispatch.start(Time::ZERO, LaneWaker::noop());
        }
        venue.publish(Time::ZERO);
        venue
    }

    /// Runs the storm and the calm after it.
    pub(crate) fn run(mut self) -> Log {
        self.run_to(Time::from_millis(STORM_MS));
        self.calm();
        // What that has published wakes the radios.
        self.step();
        self.run_to(Time::from_millis(STORM_MS + CALM_MS));
        self.check_end();
        let frames = self.lanes.iter().map(|lane| lane.dispatch.telemetry().counts().handed).sum();
        Log { digest: self.digest, datagrams: self.handed_over, frames }
    }

    fn now_ms(&self) -> u64 {
        self.now.as_nanos() / 1_000_000
    }

    fn storms(&self) -> bool {
        self.now_ms() < STORM_MS
    }

    fn run_to(&mut self, end: Time) {
        loop {
            let next = self.next();
            if next >= end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            self.step();
        }
    }

    /// When something happens next.
    fn next(&self) -> Time {
        let at = |ms: u64| Time::from_millis(ms);
        let consoles = self.consoles.iter().map(|c| at(c.off_until_ms.unwrap_or(c.next_ms)));
        let engine = self.engine.poll_timeout().filter(|_| self.stalled.is_none());
        let lanes = self.lanes.iter().filter_map(|lane| match lane.stalled_until {
            Some(until) => Some(until),
            None => lane.dispatch.poll_timeout(),
        });
        let weather = self.storms().then_some(at(self.next_weather_ms));
        consoles
            .chain(self.network.next())
            .chain(self.stalled.map(|stalled| stalled.0))
            .chain(engine)
            .chain(lanes)
            .chain(weather)
            .min()
            .expect("consoles are for ever")
    }

    fn step(&mut self) {
        if self.storms() && self.now_ms() >= self.next_weather_ms {
            self.misfortune();
        }
        self.play();
        let deaf = self.stalled.is_some_and(|(until, deaf)| deaf && until > self.now);
        self.network.arrive(self.now, deaf);
        self.relay();
        for lane in 0..self.lanes.len() {
            self.serve(lane);
            self.check_shown(lane);
        }
        let grown = self.grown;
        holds!(self, grown <= MEMORY_SLACK, "the relay has grown by {grown} bytes");
    }

    fn send(&mut self, packets: Vec<Packet>) {
        let now_ms = self.now_ms();
        for packet in packets {
            if let Some(universe) = packet.universe {
                for (slot, &level) in packet.levels.iter().enumerate() {
                    self.sent_ms[universe][slot][usize::from(level)] = now_ms;
                }
            }
            self.network.send(self.now, &packet, self.consoles.len());
        }
    }

    /// Consoles send what is due.
    fn play(&mut self) {
        let (now_ms, storms) = (self.now_ms(), self.storms());
        for index in 0..self.consoles.len() {
            let console = &mut self.consoles[index];
            if console.off_until_ms.is_some_and(|until| until <= now_ms) {
                console.start(now_ms, &mut self.noise);
            }
            if console.is_on() && console.next_ms <= now_ms {
                let packets = console.frame(now_ms, storms, &mut self.noise);
                self.send(packets);
            }
        }
    }

    /// The relay thread: reads, and does what time alone brings about.
    fn relay(&mut self) {
        if self.stalled.is_some_and(|(until, _)| until > self.now) {
            return;
        }
        self.stalled = None;
        while let Some(batch) = self.network.read(self.now) {
            let (mut changed, mut newest) = (false, Time::ZERO);
            for (at, packet) in batch {
                // The sockets take turns; what came at one may be older than what came at the other.
                self.engine_time = self.engine_time.max(at);
                changed |= self.take(self.engine_time, &packet);
                newest = newest.max(at);
            }
            if changed {
                self.publish(newest);
            }
        }
        if self.engine.poll_timeout().is_some_and(|due| due <= self.now) {
            let before = allocator::calls();
            self.engine_time = self.now;
            let changed = self.engine.handle_timeout(self.now);
            let mut out = [0; 1500];
            while self.engine.poll_transmit(self.now, &mut out).is_some() {
                self.replies += 1;
                self.replied = self.now;
            }
            self.check_calls(before, "what was due");
            self.check_replies();
            let due = self.engine.poll_timeout();
            holds!(self, due.is_none_or(|due| due > self.now), "a timer that is due stays due");
            if changed {
                self.publish(self.now);
            }
        }
        while self.engine.poll_event().is_some() {}
        if self.noise.chance(3) {
            self.check_levels();
        }
    }

    fn take(&mut self, at: Time, packet: &Packet) -> bool {
        let source = IpAddr::V4(Ipv4Addr::new(10, 0, 0, packet.console as u8 + 1));
        let datagram = Datagram {
            bytes: &packet.bytes,
            source: SocketAddr::new(source, 6454),
            destination: None,
            interface: Some(1),
            at,
        };
        let before = allocator::calls();
        let outcome = self.engine.handle_datagram(datagram);
        self.check_calls(before, "a datagram");
        self.handed_over += 1;
        let taken = matches!(outcome, Outcome::Accepted { .. } | Outcome::Held { .. });
        if let (Some(universe), true, false) = (packet.universe, taken, packet.terminated) {
            let newest = &mut self.taken[packet.console][universe];
            let this = (packet.life, packet.number, at);
            // The numbers of a source that was silent for so long count no more. That it was may be
            // the fault of a clock that was set while the packets waited to be read.
            let counts = at.since(newest.2) < SILENCE;
            let older = counts && this.0 == newest.0 && this.1 <= newest.1;
            let before = *newest;
            *newest = this;
            holds!(
                self,
                !older,
                "console {} on {}: packet {} was taken after {}",
                packet.console,
                UNIVERSES[universe],
                packet.number,
                before.1
            );
        }
        outcome.changed()
    }

    fn publish(&mut self, arrival: Time) {
        self.sequence += 1;
        let panic = self.engine.steering().is_panic();
        for (group, look) in self.engine.groups().changed() {
            self.published[group].push((self.sequence, look));
            self.changed[group] = self.now;
            holds!(self, !panic || look.output() == [0; 4], "group {group} is lit in a panic");
        }
        if self.sequence == 1 {
            for (group, published) in self.published.iter_mut().enumerate() {
                *published = vec![(1, self.engine.groups().get(group))];
            }
        }
        let stamp = Stamp { arrival, published: self.now, sequence: self.sequence, panic };
        for lane in &mut self.lanes {
            lane.writer.publish(self.engine.groups(), stamp);
        }
        self.engine.groups_mut().clear_changed();
    }

    /// The thread of a radio.
    fn serve(&mut self, index: usize) {
        let lane = &mut self.lanes[index];
        if lane.stalled_until.is_some_and(|until| until > self.now) {
            lane.trouble = self.now;
            return;
        }
        lane.stalled_until = None;
        let held = allocator::held();
        if lane.reader.refresh() {
            let stamp = lane.reader.stamp();
            lane.dispatch.handle_table(self.now, lane.reader.table(), stamp);
        } else {
            lane.dispatch.handle_timeout(self.now);
        }
        lane.dispatch.record_latency(self.now);
        self.grown += allocator::held() - held;
        let due = lane.dispatch.poll_timeout();
        let radio = lane.dispatch.radio_mut();
        if radio.loss > 0 || radio.flaps > 0 {
            lane.trouble = self.now;
        }
        let handed: Vec<Handed> = radio.handed.drain(..).collect();
        holds!(self, due.is_none_or(|due| due > self.now), "a radio's deadline stays due");
        for it in handed {
            let frame = it.frame;
            let group = frame.group as usize;
            let published = &self.published[group];
            let place = published.partition_point(|(table, _)| *table <= frame.table);
            let look = place.checked_sub(1).map(|place| published[place].1);
            holds!(
                self,
                look.is_some_and(|look| look.output() == frame.look.output()),
                "group {group} was sent {:?} of table {}, which has {look:?}",
                frame.look,
                frame.table
            );
            let newest = &mut self.lanes[index].tables[it.link];
            let older = frame.table < *newest;
            *newest = frame.table;
            holds!(self, !older, "group {group}: a look was sent after one that came later");
            let bits = frame.look.to_bits() ^ self.now.as_nanos() ^ (it.link as u64) << 56;
            self.digest = (self.digest ^ bits).wrapping_mul(0x0100_0000_01B3).rotate_left(17);
        }
    }

    /// The time that orders are obeyed at: now, unless something waits that came before.
    fn timer_time(&mut self) -> Time {
        if self.network.is_read() {
            self.engine_time = self.now;
        }
        self.engine_time
    }

    fn obey(&mut self, order: &Order) {
        let before = allocator::calls();
        let now = self.timer_time();
        let changed = self.engine.obey(now, order);
        self.check_calls(before, "an order");
        if changed || matches!(order, Order::Panic(_)) {
            self.publish(self.now);
        }
    }

    fn reload(&mut self) {
        self.show = 1 - self.show;
        let held = allocator::held();
        let compiled = CompiledShow::compile(&self.shows[self.show]);
        let now = self.timer_time();
        let taken_over = self.engine.replace_plan(now, compiled).is_ok();
        self.grown += allocator::held() - held;
        holds!(self, taken_over, "a show of the same size was refused");
        self.publish(self.now);
    }
}
