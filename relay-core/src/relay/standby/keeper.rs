//! The thread of a hot standby: beats out and in, the node, the lease.
//!
//! It asks the relay thread for a pulse all the time, and says that this relay works only as long as
//! one comes back: a process whose light is stuck does not look alive.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::mirror::Told;
use super::{Parts, Pulse, Standby};
use crate::radio::telemetry::Condition;
use crate::relay::handle::{Shared, lock};
use crate::relay::thread::Command;
use crate::snapshot::Severity;
use crate::standby::{
    Envelope, Fault, Hands, Input, MASTERS_LEN_MAX, MastersPart, Node, Own, Peer, Role, Verdict,
};
use crate::time::Time;

/// How often a socket that could not be opened is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(1);

/// Longest that a beat may take to be handed to the system: it may have a queue for a machine that
/// does not answer, and that may be full.
const SEND_MAX: Duration = Duration::from_millis(1);

/// Datagrams of masters that go out with a beat, if the other relay lacks them.
const MASTERS_AT_ONCE: usize = 4;

/// Room for a datagram: one more than the longest has, for what is longer is none.
const ROOM: usize = MASTERS_LEN_MAX + 1;

/// Datagrams read before the node has its turn.
const TURN_DATAGRAMS: usize = 64;

/// What lives on the thread.
pub(super) struct Keeper {
    standby: Arc<Standby>,
    shared: Arc<Shared>,
    parts: Parts,
    socket: Option<UdpSocket>,
    open_at: Time,
    boot: u64,
    number: u64,
    peer: Peer,
    /// At home, or with the relay thread; and when it last came back, with what.
    pulse: Option<Box<Pulse>>,
    pulsed: Time,
    input: Input,
    ticked: Time,
    /// For the mirror.
    told: Sender<Told>,
}

impl Keeper {
    pub(super) fn new(
        standby: Arc<Standby>,
        shared: Arc<Shared>,
        parts: Parts,
        boot: u64,
        told: Sender<Told>,
    ) -> Self {
        let now = shared.clock.now();
        Self {
            standby,
            shared,
            parts,
            socket: None,
            open_at: Time::ZERO,
            boot,
            number: 0,
            peer: Peer::default(),
            pulse: Some(Box::default()),
            pulsed: now,
            input: Input::default(),
            ticked: now,
            told,
        }
    }

    /// Keeps the standby until it is told to end.
    pub(super) fn run(mut self) {
        while !self.standby.ends.load(Ordering::Acquire) {
            self.turn();
            self.receive();
        }
        self.parts.lease.set(self.now(), false, None);
    }

    fn now(&self) -> Time {
        self.shared.clock.now()
    }

    fn turn(&mut self) {
        let now = self.now();
        self.take_pulse(now);
        self.open(now);
        let own = self.own(now);
        let standby = Arc::clone(&self.standby);
        let mut node = lock(&standby.node);
        let stood_still = node.handle_tick(now, &own);
        self.ticked = now;
        if node.peer(now).is_none() {
            // Nobody is there to tell them.
            lock(&standby.masters).settle();
        }
        self.follow_up(&mut node);
        drop(node);
        if stood_still {
            let mut bytes = [0; ROOM];
            while self.wait(Duration::from_micros(1), &mut bytes).is_some() {}
        }
    }

    /// Has the relay thread show that it gets on.
    fn take_pulse(&mut self, now: Time) {
        if let Ok(pulse) = self.parts.pulses.try_recv() {
            self.input = pulse.0;
            self.pulsed = now;
            self.pulse = Some(pulse);
            self.standby.hears.store(self.input.live > 0, Ordering::Relaxed);
        }
        if let Some(pulse) = self.pulse.take()
            && let Err((_, Command::Pulse(pulse))) = self.parts.link.tell(Command::Pulse(pulse))
        {
            self.pulse = Some(pulse);
        }
    }

    fn own(&self, now: Time) -> Own {
        let stopping = self.standby.stopping.load(Ordering::Acquire);
        let radios = self.shared.radios();
        Own {
            input: self.input,
            works: stopping || now.since(self.pulsed) < self.standby.timing.lease(),
            able: radios.is_empty()
                || radios.iter().any(|radio| radio.condition() == Condition::Up),
            released: self.parts.lease.is_released(),
            connected: radios.iter().map(|radio| radio.bands_up()).sum(),
            bands: radios.iter().map(|radio| radio.radio_state().bands).sum(),
            hands: *lock(&self.standby.hands),
            lacks_masters: lock(&self.standby.masters).lacks(),
            show: self.standby.show.load(Ordering::Relaxed),
        }
    }

    /// What is to be done after every call of the node.
    fn follow_up(&mut self, node: &mut Node) {
        let now = self.now();
        self.parts.lease.set(now, node.role() == Role::Drives, node.license(now));
        while let Some(event) = node.poll_event() {
            let severity = if event.is_warning() { Severity::Warning } else { Severity::Info };
            self.parts.log.push(now, now, severity, event.to_string());
        }
        let Some(socket) = &self.socket else { return };
        let Some((number, mut beat)) = node.poll_beat(now) else { return };
        self.number = number;
        // The newest there is: an order is on the other relay with this beat.
        beat.hands = *lock(&self.standby.hands);
        let envelope = Envelope { boot: self.boot, number, echo: self.peer.echo(), beat };
        let sent = self.send(socket, &envelope.encode(now, &self.standby.config.key));
        if node.peer(now).is_some_and(|(theirs, _)| theirs.lacks_masters) {
            self.send_masters(socket);
        }
        *lock(&self.standby.trouble) = sent.err();
    }

    /// Sends a datagram by every way there is; fails if none takes it.
    fn send(&self, socket: &UdpSocket, bytes: &[u8]) -> Result<(), Fault> {
        let mut sent = Ok(());
        let mut taken = false;
        for peer in &self.standby.config.peers {
            match socket.send_to(bytes, peer) {
                Ok(_) => taken = true,
                Err(error) => sent = Err(Fault::CannotSend(*peer, error.to_string())),
            }
        }
        if taken { Ok(()) } else { sent }
    }

    /// Tells some masters.
    fn send_masters(&self, socket: &UdpSocket) {
        let show = self.standby.show.load(Ordering::Relaxed);
        for _ in 0..MASTERS_AT_ONCE {
            let part = {
                let hands = lock(&self.standby.hands);
                lock(&self.standby.masters).next_part(self.boot, &hands, show)
            };
            let Some(part) = part else { return };
            // What is lost is told again.
            let _ = self.send(socket, &part.encode(&self.standby.config.key));
        }
    }

    fn open(&mut self, now: Time) {
        if self.socket.is_some() || now < self.open_at {
            return;
        }
        let address = self.standby.config.listen;
        let opened = UdpSocket::bind(address)
            .and_then(|socket| socket.set_write_timeout(Some(SEND_MAX)).map(|()| socket));
        match opened {
            Ok(socket) => self.socket = Some(socket),
            Err(error) => {
                self.open_at = now + OPEN_AGAIN;
                let fault = Fault::CannotListen(address, error.to_string());
                *lock(&self.standby.trouble) = Some(fault);
            }
        }
    }

    /// Reads what comes until the next turn is due.
    fn receive(&mut self) {
        let mut bytes = [0; ROOM];
        for _ in 0..TURN_DATAGRAMS {
            let passed = self.now().since(self.ticked);
            let left = self.standby.timing.tick().saturating_sub(passed);
            if left.is_zero() {
                return;
            }
            let Some(length) = self.wait(left, &mut bytes) else { return };
            let now = self.now();
            if now.since(self.ticked) > self.standby.timing.lease() {
                // It stood still; the turn finds out.
                return;
            }
            self.hear(now, &bytes[..length]);
        }
    }

    /// The next datagram within that time.
    fn wait(&mut self, time: Duration, bytes: &mut [u8]) -> Option<usize> {
        let Some(socket) = &self.socket else {
            std::thread::park_timeout(time);
            return None;
        };
        let received = socket.set_read_timeout(Some(time)).and_then(|()| socket.recv(bytes));
        let error = match received {
            Ok(length) => return Some(length),
            Err(error) => error.kind(),
        };
        use io::ErrorKind::{ConnectionRefused, Interrupted, TimedOut, WouldBlock};
        // Refused: nobody listens there yet.
        if !matches!(error, WouldBlock | TimedOut | Interrupted | ConnectionRefused) {
            self.socket = None;
            self.open_at = self.now() + OPEN_AGAIN;
        }
        None
    }

    fn hear(&mut self, now: Time, bytes: &[u8]) {
        let key = &self.standby.config.key;
        let Some(envelope) = Envelope::decode(bytes, now, key) else {
            let masters = MastersPart::decode(bytes, key);
            if let Some(part) = masters.filter(|part| self.peer.believes(part.boot)) {
                let _ = self.told.try_send(Told::Masters(part));
            }
            return;
        };
        let Some(heard) = self.peer.admit(&envelope, (self.boot, self.number)) else { return };
        self.judge(&envelope.beat.hands);
        let standby = Arc::clone(&self.standby);
        let mut node = lock(&standby.node);
        node.handle_beat(now, &envelope.beat, heard);
        self.follow_up(&mut node);
    }

    /// What operators did on the other relay is done here, too.
    fn judge(&mut self, theirs: &Hands) {
        let mut ours = lock(&self.standby.hands);
        match ours.judge(theirs) {
            Verdict::Keep => {}
            Verdict::Stand(hands) => *ours = hands,
            // If there is no room, the next beat says it again.
            Verdict::Take(hands) => drop(self.told.try_send(Told::Hands(hands))),
        }
    }
}
