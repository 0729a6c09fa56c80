//! The network between the consoles and the relay, and the relay's end of it: an interface, two
//! sockets, the kernel's stamps.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use wristcast_core::time::Time;

use crate::console::Packet;
use crate::noise::Noise;

/// Datagrams that a socket holds.
const SOCKET: usize = 300;

/// Datagrams that are read at once.
const BATCH: usize = 32;

/// How the way to the relay is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// Packets in a hundred that are lost, and that come twice.
    pub(crate) loss: u64,
    pub(crate) twice: u64,
    pub(crate) jitter_ms: u64,
    /// Nothing arrives from this console; from all if there is no such.
    pub(crate) cut_off: Option<usize>,
}

/// A socket of the relay.
#[derive(Debug, Default)]
struct Socket {
    /// Arrived and not read.
    waits: VecDeque<(Time, Packet)>,
    /// It fails when it is read next, with EHOSTUNREACH, ENOTCONN, EBADF or ENOBUFS: the relay
    /// knows no difference. It is given up and opened again then.
    fails_until: Option<Time>,
    closed_until: Option<Time>,
    /// It was seen empty then: what is read now arrived later.
    empty_at: Time,
}

/// The network.
#[derive(Debug)]
pub(crate) struct Network {
    noise: Noise,
    pub(crate) weather: Weather,
    /// On its way, by arrival.
    wire: BTreeMap<(Time, u64), Packet>,
    serial: u64,
    /// For sACN, which is multicast, and for Art-Net, which is not.
    sockets: [Socket; 2],
    /// The socket whose turn it is.
    turn: usize,
    /// The interface has no carrier until then; groups are joined again then.
    down_until: Time,
    joined_from: Time,
    /// The machine's wall clock was set forward or back then, by so much.
    wall_set: Option<(Time, i64)>,
}

impl Network {
    pub(crate) fn new(noise: Noise) -> Self {
        Self {
            noise,
            weather: Weather::default(),
            wire: BTreeMap::new(),
            serial: 0,
            sockets: Default::default(),
            turn: 0,
            down_until: Time::ZERO,
            joined_from: Time::ZERO,
            wall_set: None,
        }
    }

    /// All is well again.
    pub(crate) fn calm(&mut self, now: Time) {
        self.weather = Weather::default();
        self.down_until = self.down_until.min(now);
        self.joined_from = self.joined_from.min(now);
        for socket in &mut self.sockets {
            socket.fails_until = None;
            socket.closed_until = socket.closed_until.map(|until| until.min(now));
        }
    }

    /// When something arrives or opens.
    pub(crate) fn next(&self) -> Option<Time> {
        let opens = self.sockets.iter().filter_map(|socket| socket.closed_until);
        self.wire.first_key_value().map(|(key, _)| key.0).into_iter().chain(opens).min()
    }

    /// A console sends.
    pub(crate) fn send(&mut self, now: Time, packet: &Packet, consoles: usize) {
        let Weather { loss, twice, jitter_ms, cut_off } = self.weather;
        let is_cut_off = cut_off.is_some_and(|cut| cut == packet.console || cut >= consoles);
        if is_cut_off || self.noise.chance(loss) {
            return;
        }
        for _ in 0..1 + u64::from(self.noise.chance(twice)) {
            let delay = 50_000 + self.noise.below(1_000_000 * jitter_ms + 100_000);
            let at = now + Duration::from_nanos(delay);
            self.wire.insert((at, self.serial), packet.clone());
            self.serial += 1;
        }
    }

    /// What is due reaches the sockets; `deaf`: or does not, because nobody is there.
    pub(crate) fn arrive(&mut self, now: Time, deaf: bool) {
        for socket in &mut self.sockets {
            if socket.closed_until.take_if(|until| *until <= now).is_some() {
                socket.empty_at = now;
            }
        }
        while let Some(entry) = self.wire.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let ((at, _), packet) = entry.remove_entry();
            let socket = &mut self.sockets[usize::from(!packet.is_sacn)];
            let heard = now >= self.down_until && (!packet.is_sacn || now >= self.joined_from);
            if !deaf && heard && socket.closed_until.is_none() && socket.waits.len() < SOCKET {
                socket.waits.push_back((at, packet));
            }
        }
    }

    /// Reads a batch from the next socket that can be read, if there is one: packets, and when they
    /// arrived as the relay makes it out.
    pub(crate) fn read(&mut self, now: Time) -> Option<Vec<(Time, Packet)>> {
        let turns = [self.turn, 1 - self.turn];
        let ready = |socket: &Socket| !socket.waits.is_empty() || socket.fails_until.is_some();
        let place = turns.into_iter().find(|place| ready(&self.sockets[*place]))?;
        self.turn = 1 - place;
        let socket = &mut self.sockets[place];
        if let Some(until) = socket.fails_until.take() {
            socket.waits.clear();
            socket.closed_until = Some(until.max(now));
            return Some(vec![]);
        }
        let floor = socket.empty_at;
        let wall_set = self.wall_set;
        let packets = socket.waits.drain(..socket.waits.len().min(BATCH));
        let packets = packets.map(|(at, packet)| (arrival(at, now, floor, wall_set), packet));
        let packets = packets.collect();
        if socket.waits.is_empty() {
            socket.empty_at = now;
        }
        Some(packets)
    }

    /// Whether nothing waits to be read.
    pub(crate) fn is_read(&self) -> bool {
        self.sockets.iter().all(|socket| socket.waits.is_empty())
    }

    /// A socket fails, and is opened again then.
    pub(crate) fn fail(&mut self, until: Time) {
        let place = self.noise.below(2) as usize;
        if self.sockets[place].closed_until.is_none() {
            self.sockets[place].fails_until = Some(until);
        }
    }

    /// The interface loses its carrier until then, and its groups until `joined`.
    pub(crate) fn unplug(&mut self, until: Time, joined: Time) {
        (self.down_until, self.joined_from) = (until, joined.max(until));
    }

    /// Somebody sets the wall clock.
    pub(crate) fn set_wall(&mut self, now: Time, by_ms: i64) {
        self.wall_set = Some((now, by_ms));
    }

    /// Nothing that is on its way arrives: the machine sleeps.
    pub(crate) fn lose_all(&mut self) {
        self.wire.clear();
    }
}

/// When a datagram arrived, as the relay makes it out: the kernel's stamp is of the wall clock of
/// then, and tells how long it waited. It came after the socket was last seen empty.
fn arrival(at: Time, now: Time, floor: Time, wall_set: Option<(Time, i64)>) -> Time {
    let set_ns = match wall_set {
        Some((when, by_ms)) if at < when => by_ms * 1_000_000,
        _ => 0,
    };
    let waited = now.since(at).as_nanos() as i64 + set_ns;
    let arrived = now.as_nanos().saturating_sub(waited.max(0) as u64);
    Time::from_nanos(arrived).max(floor).min(now)
}
