//! The whole relay but for its sockets and threads, under a clock of its own: consoles, a network,
//! the engine, its lanes, two radios, and an operator, each with its misfortunes.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use wristcast_core::config::Config;
use wristcast_core::engine::{CompiledShow, Datagram, Engine, Outcome};
use wristcast_core::lane::{self, LaneReader, LaneWriter, Stamp};
use wristcast_core::limits::Limits;
use wristcast_core::look::Look;
use wristcast_core::merge::UniverseSample;
use wristcast_core::radio::LaneWaker;
use wristcast_core::radio::dispatch::Dispatch;
use wristcast_core::snapshot::SignalState;
use wristcast_core::steering::{Order, Pattern, Selection};
use wristcast_core::time::Time;

use crate::bands::Bands;
use crate::console::{Console, Packet, SLOTS, UNIVERSES};
use crate::noise::Noise;

/// Every universe has two groups, which a reload swaps.
const GROUPS: usize = UNIVERSES.len() * 2;

/// How long misfortunes last at most, ms.
const STORM_MS: u64 = 20_000;

/// Then everything is well. Longer than any time-out: Art-Net's is 10 s, and 5 s for whoever was
/// heard after the one that is lost.
const CALM_MS: u64 = 17_000;

/// Datagrams that a socket holds.
const SOCKET: usize = 300;

/// Longest that a level may outlive the last packet with it while its universe has a source: the
/// time-outs, a beat that never comes, the network's delay, and a relay thread that was not let run.
const LEVEL_LIFE_MS: [u64; 2] = [2500 + 1250 + 2500 + 500 + 3000, 10_000 + 5000 + 500 + 3000];

/// A radio on which nothing is lost shows every look after that, ms: the longest wait after a loss,
/// then for each of its bands, one after the other, three frames of 40 ms: a blackout's, a flash's,
/// and the newest. Sooner than looks are sent again anyway.
const SHOWN_MS: u64 = 640 + 3 * 8 * 40;

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

/// How the network is.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    loss: u64,
    twice: u64,
    jitter_ms: u64,
    /// Nothing arrives from this console; from all if there is no such.
    cut_off: Option<usize>,
}

pub(crate) struct Venue {
    seed: u64,
    noise: Noise,
    now: Time,
    consoles: Vec<Console>,
    weather: Weather,
    next_weather_ms: u64,
    /// On its way, by arrival.
    wire: BTreeMap<(Time, u64), Packet>,
    serial: u64,
    /// Arrived and not read.
    socket: VecDeque<(Time, Packet)>,
    /// The relay thread is not let run until then; deaf: and its sockets are dead.
    stalled: Option<(Time, bool)>,
    engine: Engine,
    shows: [Config; 2],
    show: usize,
    lanes: Vec<Lane>,
    sequence: u64,
    published: Vec<Vec<(u64, Look)>>,
    /// When each group was last given another look.
    changed: [Time; GROUPS],
    handed_over: u64,
    /// Newest number taken, by console, universe: in this life.
    taken: Vec<[(u32, u64); UNIVERSES.len()]>,
    /// When a level was last sent, ms, by universe, slot and level.
    sent_ms: Box<[[[u64; 256]; SLOTS]; UNIVERSES.len()]>,
    sample: UniverseSample,
    /// Of everything that was handed to a radio.
    digest: u64,
    calls: fn() -> u64,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) digest: u64,
    pub(crate) datagrams: u64,
    pub(crate) frames: u64,
}

/// Fails with what is needed to see it again.
macro_rules! holds {
    ($venue:expr, $condition:expr, $($what:tt)+) => {
        if !$condition {
            panic!(
                "at {} of the storm of seed {seed}: {}\nagain: STORM_FIRST={seed} STORM_SEEDS=1 \
                 cargo test -p wristcast-tests --test storm",
                $venue.now,
                format_args!($($what)+),
                seed = $venue.seed,
            )
        }
    };
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
    /// `calls` counts what the allocator was asked for on this thread.
    pub(crate) fn new(seed: u64, calls: fn() -> u64) -> Self {
        let mut noise = Noise::new(seed);
        let shows = [show(false), show(true)];
        let engine = Engine::new(&shows[0], &Limits::of(&shows[0]), seed);
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
            seed,
            lanes: lanes.collect(),
            taken: vec![[(0, 0); UNIVERSES.len()]; consoles.len()],
            noise,
            now: Time::ZERO,
            consoles,
            weather: Weather::default(),
            next_weather_ms: 500,
            wire: BTreeMap::new(),
            serial: 0,
            socket: VecDeque::new(),
            stalled: None,
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
            calls,
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
            .chain(self.wire.first_key_value().map(|(key, _)| key.0))
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
        self.arrive();
        self.relay();
        for lane in 0..self.lanes.len() {
            self.serve(lane);
            self.check_shown(lane);
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

    fn send(&mut self, packets: Vec<Packet>) {
        let now_ms = self.now_ms();
        for packet in packets {
            if let Some(universe) = packet.universe {
                for (slot, &level) in packet.levels.iter().enumerate() {
                    self.sent_ms[universe][slot][usize::from(level)] = now_ms;
                }
            }
            let Weather { loss, twice, jitter_ms, cut_off } = self.weather;
            let is_cut_off =
                cut_off.is_some_and(|cut| cut == packet.console || cut >= self.consoles.len());
            if is_cut_off || self.noise.chance(loss) {
                continue;
            }
            let copies = 1 + u64::from(self.noise.chance(twice));
            for _ in 0..copies {
                let delay = 50_000 + self.noise.below(1_000_000 * jitter_ms + 100_000);
                let at = self.now + Duration::from_nanos(delay);
                self.wire.insert((at, self.serial), packet.clone());
                self.serial += 1;
            }
        }
    }

    /// What the network delivers reaches the socket.
    fn arrive(&mut self) {
        while let Some(entry) = self.wire.first_entry() {
            if entry.key().0 > self.now {
                return;
            }
            let ((at, _), packet) = entry.remove_entry();
            let deaf = self.stalled.is_some_and(|(_, deaf)| deaf);
            if !deaf && self.socket.len() < SOCKET {
                self.socket.push_back((at, packet));
            }
        }
    }

    /// The relay thread: reads, and does what time alone brings about.
    fn relay(&mut self) {
        if self.stalled.is_some_and(|(until, _)| until > self.now) {
            return;
        }
        self.stalled = None;
        while !self.socket.is_empty() {
            let (mut changed, mut newest) = (false, Time::ZERO);
            // A batch.
            for (at, packet) in self.socket.drain(..self.socket.len().min(32)).collect::<Vec<_>>() {
                changed |= self.take(at, &packet);
                newest = at;
            }
            if changed {
                self.publish(newest);
            }
        }
        if self.engine.poll_timeout().is_some_and(|due| due <= self.now) {
            let before = (self.calls)();
            let changed = self.engine.handle_timeout(self.now);
            let mut out = [0; 1500];
            while self.engine.poll_transmit(self.now, &mut out).is_some() {}
            self.check_calls(before, "what was due");
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
            source: SocketAddr::new(source, 5568),
            destination: None,
            interface: None,
            at,
        };
        let before = (self.calls)();
        let outcome = self.engine.handle_datagram(datagram);
        self.check_calls(before, "a datagram");
        self.handed_over += 1;
        let taken = matches!(outcome, Outcome::Accepted { .. } | Outcome::Held { .. });
        if let (Some(universe), true, false) = (packet.universe, taken, packet.terminated) {
            let newest = &mut self.taken[packet.console][universe];
            let this = (packet.life, packet.number);
            let older = this.0 == newest.0 && this.1 <= newest.1;
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

    /// Allocates only when made.
    fn check_calls(&self, before: u64, what: &str) {
        let calls = (self.calls)() - before;
        holds!(self, calls == 0, "{what} made {calls} calls of the allocator");
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
        if lane.reader.refresh() {
            let stamp = lane.reader.stamp();
            lane.dispatch.handle_table(self.now, lane.reader.table(), stamp);
        } else {
            lane.dispatch.handle_timeout(self.now);
        }
        lane.dispatch.record_latency(self.now);
        let due = lane.dispatch.poll_timeout();
        if lane.dispatch.radio().loss > 0 {
            lane.trouble = self.now;
        }
        let handed = std::mem::take(&mut lane.dispatch.radio_mut().handed);
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

    /// A radio that has had time shows what it should.
    fn check_shown(&self, index: usize) {
        let lane = &self.lanes[index];
        for (group, band) in lane.dispatch.radio().bands.iter().enumerate() {
            let since = self.changed[group].max(lane.trouble).max(lane.link_trouble[group]);
            if band.up && self.now.since(since) > Duration::from_millis(SHOWN_MS) {
                let look = self.published[group].last().map(|(_, look)| look.output());
                let shows = band.shows.map(Look::output);
                holds!(
                    self,
                    shows == look,
                    "radio {}: the band of group {group} shows {shows:?}, not {look:?} of {since}",
                    index + 1
                );
            }
        }
    }

    /// Something goes wrong, or right again.
    fn misfortune(&mut self) {
        self.next_weather_ms = self.now_ms() + self.noise.between(50, 1500);
        let groups = GROUPS as u64;
        match self.noise.below(16) {
            0 | 1 => self.weather = Weather::default(),
            2 => self.weather.loss = self.noise.between(5, 60),
            3 => self.weather.twice = self.noise.between(5, 50),
            // Within the 19 packets that a receiver can tell from a console that started anew.
            4 | 5 => self.weather.jitter_ms = self.noise.between(1, 350),
            6 => {
                let whom = self.noise.below(self.consoles.len() as u64 + 1);
                self.weather.cut_off = Some(whom as usize);
            }
            7 => {
                let time = Duration::from_millis(self.noise.between(10, 3000));
                let deaf = self.noise.chance(30);
                self.stalled = Some((self.now + time, deaf));
            }
            8 | 9 => {
                let whom = self.noise.below(self.consoles.len() as u64) as usize;
                // Longer than any packet is under way: of an old packet between those of a console
                // that has started anew nobody can tell that it is old.
                let until = self.now_ms() + self.noise.between(1000, 12_000);
                let farewell = self.noise.chance(50);
                if self.consoles[whom].is_on() {
                    let packets = self.consoles[whom].leave(until, farewell);
                    self.send(packets);
                }
            }
            10 => {
                let whom = self.noise.below(self.consoles.len() as u64) as usize;
                self.consoles[whom].priority = self.noise.between(90, 130) as u8;
            }
            11 => {
                let lane = self.noise.below(2) as usize;
                let time = Duration::from_millis(self.noise.between(10, 2000));
                self.lanes[lane].stalled_until = Some(self.now + time);
            }
            12 => {
                let (lane, link) = (self.noise.below(2) as usize, self.noise.below(groups));
                self.lanes[lane].link_trouble[link as usize] = self.now;
                let radio = self.lanes[lane].dispatch.radio_mut();
                let up = !radio.bands[link as usize].up;
                radio.set_up(link as usize, up);
            }
            13 => {
                let loss = self.noise.below(70);
                self.lanes[self.noise.below(2) as usize].dispatch.radio_mut().loss = loss;
            }
            14 => self.order(),
            _ => self.reload(),
        }
    }

    fn order(&mut self) {
        let group = Selection::These([self.noise.below(GROUPS as u64) as u32].into());
        let order = match self.noise.below(7) {
            0 => Order::Panic(true),
            1 | 2 => Order::Panic(false),
            3 => Order::Freeze(self.noise.chance(50)),
            4 => Order::GrandMaster(self.noise.byte()),
            5 => Order::Master { groups: group, level: self.noise.byte() },
            _ => Order::Override {
                groups: group,
                pattern: Pattern::Look(Look { red: 200, dimmer: 255, ..Look::DARK }),
                time: Duration::from_millis(self.noise.between(100, 5000)),
            },
        };
        self.obey(&order);
    }

    fn obey(&mut self, order: &Order) {
        if self.engine.obey(self.now, order) || matches!(order, Order::Panic(_)) {
            self.publish(self.now);
        }
    }

    fn reload(&mut self) {
        self.show = 1 - self.show;
        let compiled = CompiledShow::compile(&self.shows[self.show]);
        let before = self.engine.replace_plan(self.now, compiled);
        holds!(self, before.is_ok(), "a show of the same size was refused");
        self.publish(self.now);
    }

    /// Everything is well from now on; consoles that are off stay off.
    fn calm(&mut self) {
        self.weather = Weather::default();
        self.stalled = None;
        for console in &mut self.consoles {
            if !console.is_on() {
                console.off_until_ms = Some(u64::MAX >> 30);
            }
        }
        for lane in &mut self.lanes {
            lane.stalled_until = None;
            lane.trouble = self.now;
            let radio = lane.dispatch.radio_mut();
            radio.loss = 0;
            (0..GROUPS).for_each(|link| radio.set_up(link, true));
        }
        let all = || Selection::All;
        for order in [
            Order::Freeze(false),
            Order::GrandMaster(255),
            Order::Master { groups: all(), level: 255 },
            Order::Release { groups: all() },
            Order::Panic(false),
        ] {
            self.obey(&order);
        }
    }

    /// No level without a cause: while a universe has a source, each was sent by somebody not long
    /// ago.
    fn check_levels(&mut self) {
        for (universe, name) in UNIVERSES.into_iter().enumerate() {
            let index = self.engine.universe_index(name.parse().expect("a universe"));
            let index = index.expect("it is patched");
            if !self.engine.sample_universe(index, self.now, &mut self.sample)
                || self.sample.signal != SignalState::Live
            {
                continue;
            }
            let life = LEVEL_LIFE_MS[usize::from(name.starts_with("artnet"))];
            for slot in 0..SLOTS {
                let level = self.sample.levels[slot];
                let sent_ms = self.sent_ms[universe][slot][usize::from(level)];
                holds!(
                    self,
                    self.now_ms() - sent_ms <= life,
                    "{name} has level {level} in slot {}, last sent at {sent_ms} ms",
                    slot + 1
                );
            }
        }
    }

    /// Every band shows what the consoles that are left want, and everything adds up.
    fn check_end(&mut self) {
        let counters = self.engine.counters();
        let others = counters.left_out().chain(counters.notes()).map(|(_, count)| count);
        let sum = counters.accepted + counters.held + others.sum::<u64>();
        holds!(self, counters.received == self.handed_over, "datagrams are missing");
        holds!(self, sum == counters.received, "{sum} outcomes of {}", counters.received);
        for group in 0..GROUPS {
            let universe = group / 2;
            let sources = || {
                self.consoles.iter().filter(|c| c.is_on()).filter_map(|console| {
                    let priority = if console.is_sacn() { console.priority } else { 100 };
                    Some((priority, console.levels(universe)?))
                })
            };
            let best = sources().map(|(priority, _)| priority).max();
            let first = if (group % 2 == 0) != (self.show == 1) { 0 } else { 6 };
            let level = |slot: usize| {
                let best = sources().filter(|(priority, _)| Some(*priority) == best);
                best.map(|(_, levels)| levels[first + slot]).max().unwrap_or(0)
            };
            let wanted = [level(0), level(1), level(2), 0];
            let look = self.engine.groups().get(group);
            if best.is_some() {
                holds!(
                    self,
                    look.output() == wanted,
                    "group {group} has {look:?}, wanted {wanted:?}"
                );
            } else if matches!(group % 4, 1 | 2) {
                holds!(self, look.output() == [0; 4], "group {group} without signal: {look:?}");
            }
            for (lane, number) in self.lanes.iter().zip(1..) {
                let band = &lane.dispatch.radio().bands[group];
                let shows = band.shows.map(Look::output);
                holds!(
                    self,
                    shows == Some(look.output()),
                    "radio {number}: the band of group {group} shows {shows:?}, not {look:?}"
                );
            }
        }
    }
}
