//! The relay thread: stages 1 to 4, run to completion on every batch of datagrams.
//!
//! **After any `handle_*` of the engine it publishes if looks changed, then drains the polls, then
//! sleeps until a datagram, a command or `poll_timeout()`.**
//!
//! After start it takes no lock, allocates nothing, writes no log, and makes no system call but
//! poll, receive and send. What it has to say goes into bounded rings and relaxed atomics; what it
//! is given to keep is given back to the control side to be freed there.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver as CommandReceiver, Sender};
use ringbuf::HeapProd;
use ringbuf::traits::Producer;

use super::desk::Ordered;
use super::sample::Sample;
use super::sockets::Change;
use super::standby::Pulse;
use crate::arrivals::{GapMeter, WorstGap};
use crate::config::EndLook;
use crate::engine::{CompiledShow, Engine};
use crate::event::Event;
use crate::lane::{LaneWriter, Stamp};
use crate::limits::SYNC_ADDRESSES_MAX;
use crate::receive::{BoundSocket, Clock, Port, Receiver};
use crate::record::RecordTap;
use crate::steering::Order;
use crate::telemetry::Telemetry;
use crate::time::Time;
use crate::trace::TraceTap;

/// Datagrams read before timers, commands and replies have their turn: 0.3 ms of work.
const TURN_DATAGRAMS: usize = 512;

/// Changed datagrams of one batch whose latency is measured; a batch has at most 32 buffers of 64.
const ARRIVALS_MAX: usize = 2048;

/// If the system refuses to wait, sockets are looked at this often all the same.
const BROKEN_WAIT: Duration = Duration::from_millis(10);

/// Greatest reply: an ArtPollReply has 239 bytes.
const REPLY_BYTES: usize = 512;

/// What the control side tells the relay thread. Every command is answered, with what there is to
/// free, in order.
pub(super) enum Command {
    /// Sockets or interfaces changed.
    Network(Change),
    /// Go over to another show.
    Show(Box<NextShow>),
    /// Copy the state of some universes and groups.
    Sample(Box<Sample>),
    /// Show that it gets on, and how consoles are heard.
    Pulse(Box<Pulse>),
    /// An operator's order.
    Obey(Box<Ordered>),
    /// Leave this look and end.
    Stop(EndLook),
    /// Take the socket there for failed.
    #[cfg(test)]
    Fail(Port),
}

/// What the relay thread gives back. There is room for all of it: as much as commands may wait,
/// and one failure for each port, which is then closed until the control side opens it.
pub(super) enum Answer {
    /// Obeyed; this is no longer needed.
    Obeyed(#[expect(dead_code, reason = "freed on the control side")] Retired),
    /// Nobody asked: a socket failed and was given up.
    SocketFailed(Port, Arc<BoundSocket>, io::Error),
}

/// What is no longer needed.
#[expect(dead_code, reason = "carried to the control side only to be freed there")]
pub(super) enum Retired {
    Network(Change),
    /// The show before and the lanes that ended; or the new one, if it has too many universes.
    Show(Box<NextShow>),
}

/// Another show, and who is to see it.
pub(super) struct NextShow {
    /// In its place the show before is given back.
    pub(super) compiled: Option<Box<CompiledShow>>,
    /// All its lanes, with any other in the place of those that are kept; none if all are.
    pub(super) lanes: Vec<LaneWriter>,
    /// Lanes that are kept: their index before, and now.
    pub(super) kept: Vec<(usize, usize)>,
}

impl NextShow {
    /// Trades the lanes of the show before for those of this one.
    fn trade_lanes(&mut self, lanes: &mut Vec<LaneWriter>) {
        if self.lanes.is_empty() {
            return;
        }
        std::mem::swap(&mut self.lanes, lanes);
        for &(before, now) in &self.kept {
            if let (Some(before), Some(now)) = (self.lanes.get_mut(before), lanes.get_mut(now)) {
                std::mem::swap(before, now);
            }
        }
    }
}

/// What the relay thread has to say. Where there is no room, it is counted and not kept.
pub(super) enum Notice {
    /// Something for the operator.
    Event(Event),
    /// A reply could not be sent. Once per episode.
    SendFailed(io::Error),
    /// The worst gap between packets of late.
    WorstGap(WorstGap),
    /// The synchronization addresses in use are now these; 0 = none.
    SyncAddresses([u16; SYNC_ADDRESSES_MAX]),
}

/// The relay thread's ends of what leads to the control side.
pub(super) struct Ends {
    pub(super) commands: CommandReceiver<Command>,
    pub(super) answers: Sender<Answer>,
    pub(super) samples: Sender<Box<Sample>>,
    pub(super) orders: Sender<Box<Ordered>>,
    pub(super) pulses: Sender<Box<Pulse>>,
    pub(super) notices: HeapProd<Notice>,
}

/// What is written down beside the light's way.
#[derive(Debug, Default)]
pub(super) struct Taps {
    /// Looks that are published.
    pub(super) trace: Option<TraceTap>,
    /// Datagrams that come in.
    pub(super) record: Option<RecordTap>,
}

pub(super) struct RelayThread {
    clock: Clock,
    receiver: Receiver,
    engine: Engine,
    lanes: Vec<LaneWriter>,
    taps: Taps,
    telemetry: Arc<Telemetry>,
    ends: Ends,
    /// Gone when the thread is, however it ended.
    alive: Arc<()>,
    /// Arrivals of the datagrams of this batch that changed looks.
    arrivals: Vec<Time>,
    gaps: GapMeter,
    sequence: u64,
    sending_fails: bool,
    sync_generation: u64,
}

impl RelayThread {
    pub(super) fn new(
        clock: Clock,
        receiver: Receiver,
        engine: Engine,
        lanes: Vec<LaneWriter>,
        taps: Taps,
        telemetry: Arc<Telemetry>,
        ends: Ends,
    ) -> Self {
        Self {
            clock,
            receiver,
            engine,
            lanes,
            taps,
            telemetry,
            ends,
            alive: Arc::new(()),
            arrivals: Vec::with_capacity(ARRIVALS_MAX),
            gaps: GapMeter::default(),
            sequence: 0,
            sending_fails: false,
            sync_generation: 0,
        }
    }

    /// Tells whether the thread lives.
    pub(super) fn alive(&self) -> Weak<()> {
        Arc::downgrade(&self.alive)
    }

    /// Relays until told to stop.
    pub(super) fn run(mut self) {
        if self.engine.groups().has_changed() {
            // The start look.
            self.publish(self.clock.now(), false);
        }
        while self.turn() {
            let now = self.receiver.timer_time(self.engine.poll_timeout());
            self.keep_time(now);
            self.tell();
            self.transmit(now);
            self.telemetry.turns.add(1);
            let until = self.engine.poll_timeout();
            if self.receiver.wait(until).is_err() {
                // Cannot happen while the descriptor is ours; were it to, this must not spin.
                std::thread::park_timeout(BROKEN_WAIT);
                self.receiver.look_at_all();
            }
        }
    }

    /// Reads what came, up to a turn of it, and obeys before every batch. False: it was told to
    /// stop.
    fn turn(&mut self) -> bool {
        let mut budget = TURN_DATAGRAMS;
        while self.obey() {
            if budget == 0 || !self.receiver.is_ready() {
                if budget < TURN_DATAGRAMS {
                    self.telemetry.engine.copy(self.engine.counters());
                    self.telemetry.strobe.copy(self.engine.steering().strobe());
                }
                // Once for all that came: to wake a thread takes longer than to publish, and the one
                // that is woken may want this very processor.
                self.wake();
                return true;
            }
            budget = budget.saturating_sub(self.receive_batch());
        }
        false
    }

    /// Reads what is there now, a bounded part of it.
    fn receive(&mut self) {
        let mut budget = TURN_DATAGRAMS;
        while budget > 0 && self.receiver.is_ready() {
            budget = budget.saturating_sub(self.receive_batch());
        }
        self.telemetry.engine.copy(self.engine.counters());
        self.telemetry.strobe.copy(self.engine.steering().strobe());
    }

    /// Reads one batch and publishes what came of it. Returns how many datagrams it had.
    fn receive_batch(&mut self) -> usize {
        let Self { receiver, engine, arrivals, gaps, taps, .. } = self;
        engine.set_read_to(receiver.read_to());
        arrivals.clear();
        let mut changed = false;
        let (mut bytes, mut worst) = (0, None);
        let udp_port = receiver.next_udp_port().unwrap_or(0);
        let batch = receiver.receive_for(engine, Engine::foresee, |engine, datagram, arrival| {
            let outcome = engine.handle_datagram(datagram);
            if outcome.is_levels() {
                bytes += datagram.bytes.len() as u64;
                worst = gaps.arrived(arrival).or(worst);
            }
            if outcome.changed() {
                changed = true;
                if arrivals.len() < ARRIVALS_MAX {
                    arrivals.push(arrival);
                }
            }
            if let Some(record) = &mut taps.record {
                record.push(udp_port, &datagram, arrival);
            }
        });
        if changed {
            let newest = self.arrivals.iter().copied().max().unwrap_or_default();
            self.put(newest, false);
            let published = self.clock.now();
            for &arrival in &self.arrivals {
                self.telemetry.latency_published.record(published.since(arrival));
            }
        }
        self.telemetry.level_bytes.add(bytes);
        if let Some(worst) = worst {
            // Without room for it: there will be others.
            let _ = self.ends.notices.try_push(Notice::WorstGap(worst));
        }
        let read = batch.taken + batch.other_interface;
        if batch.other_interface > 0 {
            self.telemetry.other_interface.add(batch.other_interface as u64);
            let index = batch.last_other_interface.unwrap_or(0);
            self.telemetry.last_other_interface.store(index, Ordering::Relaxed);
        }
        if let Some((port, socket, error)) = batch.failed {
            let _ = self.ends.answers.try_send(Answer::SocketFailed(port, socket, error));
        }
        read
    }

    /// Does what time alone brings about.
    fn keep_time(&mut self, now: Time) {
        self.engine.set_read_to(self.receiver.read_to());
        if self.engine.poll_timeout().is_some_and(|at| at <= now) {
            if self.engine.handle_timeout(now) {
                self.publish(now, false);
            }
            // An override may have ended.
            self.telemetry.steering.copy(self.engine.steering());
        }
    }

    /// Sends what the engine has to send.
    fn transmit(&mut self, now: Time) {
        let mut bytes = [0; REPLY_BYTES];
        while let Some(transmit) = self.engine.poll_transmit(now, &mut bytes) {
            match self.receiver.send(transmit.to, &bytes[..transmit.len]) {
                Ok(()) => {
                    self.telemetry.sent.add(1);
                    self.sending_fails = false;
                }
                Err(error) => {
                    self.telemetry.send_failed.add(1);
                    if !std::mem::replace(&mut self.sending_fails, true) {
                        self.notify(Notice::SendFailed(error));
                    }
                }
            }
        }
    }

    /// Passes the engine's events on.
    fn tell(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.notify(Notice::Event(event));
        }
        let generation = self.engine.sync_generation();
        if generation != self.sync_generation {
            let mut addresses = [0; SYNC_ADDRESSES_MAX];
            for (to, address) in addresses.iter_mut().zip(self.engine.sync_addresses()) {
                *to = address;
            }
            // If the ring is full it is told again next time.
            if self.notify(Notice::SyncAddresses(addresses)) {
                self.sync_generation = generation;
            }
        }
    }

    fn notify(&mut self, notice: Notice) -> bool {
        let told = self.ends.notices.try_push(notice).is_ok();
        if !told {
            self.telemetry.events_dropped.add(1);
        }
        told
    }

    /// Publishes the looks, and wakes the radios for them.
    fn publish(&mut self, arrival: Time, ends: bool) {
        self.put(arrival, ends);
        self.wake();
    }

    /// Wakes the radios that slept when something was published.
    fn wake(&mut self) {
        self.lanes.iter_mut().for_each(LaneWriter::wake);
    }

    /// Publishes the looks to every lane, then to the trace. Radios that sleep are not woken yet.
    fn put(&mut self, arrival: Time, ends: bool) {
        self.sequence += 1;
        let panic = ends || self.engine.steering().is_panic();
        let stamp = Stamp { arrival, published: self.clock.now(), sequence: self.sequence, panic };
        for lane in &mut self.lanes {
            lane.put(self.engine.groups(), stamp);
        }
        if let Some(trace) = &mut self.taps.trace {
            for (group, look) in self.engine.groups().changed() {
                trace.push(stamp.published, group, look);
            }
        }
        self.engine.groups_mut().clear_changed();
        self.telemetry.published.add(1);
    }

    /// Obeys the commands that came. False: it was told to stop.
    fn obey(&mut self) -> bool {
        while let Ok(command) = self.ends.commands.try_recv() {
            let now = self.receiver.timer_time(Some(Time::ZERO));
            let retired = match command {
                Command::Network(change) => Retired::Network(self.change_network(change)),
                Command::Show(mut next) => {
                    self.change_show(now, &mut next);
                    Retired::Show(next)
                }
                Command::Sample(mut sample) => {
                    sample.fill(&self.engine, now);
                    let _ = self.ends.samples.try_send(sample);
                    continue;
                }
                Command::Pulse(mut pulse) => {
                    pulse.fill(&self.engine);
                    let _ = self.ends.pulses.try_send(pulse);
                    continue;
                }
                Command::Obey(ordered) => {
                    // A panic that changes no look is repeated to the bands all the same.
                    let changed = self.engine.obey(now, &ordered.order);
                    if changed || matches!(ordered.order, Order::Panic(_)) {
                        self.publish(now, false);
                    }
                    self.telemetry.steering.copy(self.engine.steering());
                    let _ = self.ends.orders.try_send(ordered);
                    continue;
                }
                #[cfg(test)]
                Command::Fail(port) => {
                    self.receiver.fail(port, io::ErrorKind::NotConnected);
                    continue;
                }
                Command::Stop(look) => {
                    let _ = self.engine.set_all(look);
                    self.publish(now, true);
                    return false;
                }
            };
            let _ = self.ends.answers.try_send(Answer::Obeyed(retired));
        }
        true
    }

    fn change_show(&mut self, now: Time, next: &mut NextShow) {
        let Some(compiled) = next.compiled.take() else { return };
        next.compiled = Some(match self.engine.replace_plan(now, compiled) {
            Ok(before) => {
                next.trade_lanes(&mut self.lanes);
                self.publish(now, false);
                before
            }
            Err(refused) => refused,
        });
    }

    fn change_network(&mut self, change: Change) -> Change {
        match change {
            Change::Socket(port, socket) => {
                // What the old one still holds came in time.
                self.receive();
                Change::Socket(port, self.receiver.replace_socket(port, socket))
            }
            Change::Interfaces(mut interfaces) => {
                let now = self.receiver.timer_time(Some(Time::ZERO));
                self.engine.set_interfaces(now, &interfaces.node);
                interfaces.filter = self.receiver.replace_filter(interfaces.filter);
                Change::Interfaces(interfaces)
            }
        }
    }
}
