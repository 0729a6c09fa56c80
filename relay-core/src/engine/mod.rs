//! The engine: stages 2, 3 and 4 called in order, run to completion for every datagram.
//!
//! Before it: [`receive`](crate#life-of-a-frame), which hands over datagrams with their times.
//! After it: the lanes, which carry the [`GroupTable`] to the radios. In: [`Datagram`]s, the time,
//! a new show. Out: an [`Outcome`] for each, the table, events, replies to send. Thread: the relay
//! thread; replay calls the very same engine under a clock of its own.
//!
//! **After any `handle_*`, publish [`groups`](Engine::groups) if the answer says so, drain
//! [`poll_event`](Engine::poll_event) and [`poll_transmit`](Engine::poll_transmit), and sleep until
//! [`poll_timeout`](Engine::poll_timeout).** Read the sockets empty before
//! [`handle_timeout`](Engine::handle_timeout): a packet that has arrived but was not handed over
//! looks like one that was not sent. Where several sockets are read in turns, say
//! [how far](Engine::set_read_to).
//!
//! Promises: no I/O, no clock, no lock, no allocation after [`Engine::new`]; the looks are a
//! function of the show, the seed, the datagrams and their times. No datagram makes it panic.

mod compiled;
pub(crate) mod dmx_data;
mod network;
mod outcome;
mod packets;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use crate::artnet_node::{ArtNetNode, DiagnosticPriority, Interface, OutputState, Transmit};
use crate::config::{Config, EndLook};
use crate::event::{Event, EventKind, EventQueue, Severity};
use crate::limits::Limits;
use crate::merge::{Merge, UniverseSample};
use crate::output::SignalChange;
use crate::snapshot::SignalState;
use crate::steering::{Order, Steering};
use crate::strobe::StrobeChange;
use crate::table::GroupTable;
use crate::time::Time;
use crate::universe::Universe;
use crate::wire::{Packet, parse};

pub use compiled::CompiledShow;
pub use network::{DISCOVERY_LOSS, Discovered, NotPatched};
pub use outcome::{Counters, Ignored, Note, Outcome};

use compiled::kept_groups;
use network::{DiscoveryList, NotPatchedList};

/// A datagram as the sockets gave it.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// What is in it.
    pub bytes: &'a [u8],
    /// Where it came from.
    pub source: SocketAddr,
    /// The address it was sent to, where the system tells. Nothing is concluded from it.
    pub destination: Option<IpAddr>,
    /// Index of the interface it came in through, where the system tells.
    pub interface: Option<u32>,
    /// When it arrived.
    pub at: Time,
}

/// Datagrams in, looks of groups out.
#[derive(Debug)]
pub struct Engine {
    show: Box<CompiledShow>,
    merge: Merge,
    /// By index in [`Merge`], what the Art-Net node was last told, and the index in the plan.
    told: Vec<Told>,
    universes_max: usize,
    node: ArtNetNode,
    events: EventQueue,
    counters: Counters,
    not_patched: NotPatchedList,
    discovery: DiscoveryList,
    /// The latest time that was handed in.
    now: Option<Time>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    plan_index: usize,
    state: OutputState,
}

impl Engine {
    /// Takes all the memory the engine will ever use. `seed` makes its random delays (ArtPollReply)
    /// repeatable.
    pub fn new(config: &Config, limits: &Limits, seed: u64) -> Self {
        let show = CompiledShow::compile(config);
        let network = &config.network;
        let node = ArtNetNode::new(
            &network.artnet_node,
            network.merge,
            network.artnet_port,
            &show.port_addresses,
            seed,
        );
        let mut engine = Self {
            merge: Merge::new(limits, network.merge, network.sampling_period),
            told: vec![Told::default(); limits.universes],
            universes_max: limits.universes,
            node,
            events: EventQueue::new(limits.events),
            counters: Counters::new(),
            not_patched: NotPatchedList::new(),
            discovery: DiscoveryList::new(),
            now: None,
            show,
        };
        engine.connect(Time::ZERO, None);
        engine
    }

    /// Brings what a datagram will need nearer to the processor. Changes nothing; to be called for
    /// several datagrams before they are handled, because their memory then comes at the same time.
    #[inline]
    pub fn foresee(&self, bytes: &[u8]) {
        let universe = match parse(bytes) {
            Ok(Packet::SacnData(data)) => Universe::Sacn(data.universe()),
            Ok(Packet::ArtDmx(dmx)) => Universe::ArtNet(dmx.port_address()),
            _ => return,
        };
        if let Some(index) = self.show.plan.universe_index(universe)
            && let Some(&u) = self.show.ports.get(index)
        {
            self.show.plan.foresee(index);
            self.merge.foresee(u as usize);
        }
    }

    /// What arrived before `time` has been handed over; of what arrived later some may still wait. No
    /// source and no beat is judged lost by a later time. Whoever hands over everything in the order in
    /// which it arrived need not say it.
    pub fn set_read_to(&mut self, time: Time) {
        self.merge.set_read_to(time);
    }

    /// Takes one datagram through all stages. Times must not run backwards.
    #[inline]
    pub fn handle_datagram(&mut self, datagram: Datagram<'_>) -> Outcome {
        self.set_now(datagram.at);
        let outcome = match parse(datagram.bytes) {
            Ok(Packet::SacnData(data)) => self.sacn_data(&datagram, &data),
            Ok(Packet::ArtDmx(dmx)) => self.art_dmx(&datagram, &dmx),
            Ok(packet) => self.other_packet(&datagram, &packet),
            Err(malformed) => Outcome::Rejected(malformed),
        };
        self.counters.count(outcome);
        outcome
    }

    /// Does what is due. Harmless when called early. Returns whether looks changed.
    #[must_use]
    pub fn handle_timeout(&mut self, now: Time) -> bool {
        self.set_now(now);
        self.merge.handle_timeout(now, &mut self.events);
        let merged = self.patch_changed(now);
        let show = &mut *self.show;
        show.output.handle_timeout(now, &mut show.table) | merged
    }

    /// When [`handle_timeout`](Self::handle_timeout) and [`poll_transmit`](Self::poll_transmit) are
    /// to be called next; may be early. Every other call may change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let times =
            [self.merge.poll_timeout(), self.show.output.poll_timeout(), self.node.poll_timeout()];
        times.into_iter().flatten().min()
    }

    /// The next event. Call it until it says `None`, then ask
    /// [`poll_transmit`](Self::poll_transmit) again: controllers may want to know of it too.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop() {
            let priority = match event.kind.severity() {
                Severity::Info => DiagnosticPriority::Low,
                Severity::Warning => DiagnosticPriority::High,
            };
            self.node.diagnose(event.at, priority, &event.kind);
            return Some(event);
        }
        let output = &mut self.show.output;
        let signal = output.poll_signal().map(|(group, signal)| (group as u32, signal));
        let kind = match signal {
            Some((group, SignalChange::First)) => EventKind::GroupLive { group },
            Some((group, SignalChange::Back)) => EventKind::GroupBack { group },
            Some((group, SignalChange::Lost)) => EventKind::GroupLost { group },
            None if output.poll_overrides_over() => EventKind::OverridesOver,
            None => match output.poll_strobe()? {
                StrobeChange::TooFast { groups, of, limit, red, held } => {
                    EventKind::Flashing { groups, of, limit, red, held }
                }
                StrobeChange::Calm => EventKind::FlashingOver,
            },
        };
        Some(Event { at: self.now.unwrap_or_default(), kind })
    }

    /// Writes the next datagram that is to be sent from the Art-Net port into `out`, which has room
    /// for [`POLL_REPLY_LEN`](crate::wire::artnet::POLL_REPLY_LEN) bytes. Call it until it says `None`.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        self.node.poll_transmit(now, out)
    }

    /// The newest look of every group.
    pub fn groups(&self) -> &GroupTable {
        &self.show.table
    }

    /// The table, for whoever takes note of changes ([`GroupTable::clear_changed`]).
    pub fn groups_mut(&mut self) -> &mut GroupTable {
        &mut self.show.table
    }

    /// Whether a group has a signal.
    pub fn group_signal(&self, group: usize) -> Option<SignalState> {
        self.show.output.group_signal(group)
    }

    /// Datagrams by what became of them.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Events that found the queue full, since start.
    pub const fn events_dropped(&self) -> u64 {
        self.events.dropped()
    }

    /// The patched universes, ascending; their positions are the indices of
    /// [`sample_universe`](Self::sample_universe).
    pub fn universes(&self) -> &[Universe] {
        self.show.plan.universes()
    }

    /// The index of a patched universe.
    pub fn universe_index(&self, universe: Universe) -> Option<usize> {
        self.show.plan.universe_index(universe)
    }

    /// Whether a patched universe has a source. `None` past the last one.
    pub fn universe_signal(&self, index: usize) -> Option<SignalState> {
        self.show.ports.get(index).map(|&u| self.merge.signal(u as usize))
    }

    /// When a patched universe was last heard.
    pub fn universe_last_heard(&self, index: usize) -> Option<Time> {
        self.show.ports.get(index).and_then(|&u| self.merge.last_heard(u as usize))
    }

    /// Copies a patched universe for the operator: levels, owners, sources. False past the last.
    pub fn sample_universe(&self, index: usize, now: Time, out: &mut UniverseSample) -> bool {
        let Some(&u) = self.show.ports.get(index) else { return false };
        self.merge.sample(u as usize, now, out);
        true
    }

    /// Universes that levels came for and that nobody patched, in the order they were first seen.
    pub fn not_patched(&self) -> &[NotPatched] {
        self.not_patched.entries()
    }

    /// Sources that tell which universes they send (sACN universe discovery).
    pub fn discovered(&self, now: Time) -> impl Iterator<Item = &Discovered> {
        self.discovery.sources(now)
    }

    /// The synchronization addresses that sources name: their multicast groups are to be joined
    /// beside those of the patched universes (E1.31 §6.3.3.1). At most
    /// [`SYNC_ADDRESSES_MAX`](crate::limits::SYNC_ADDRESSES_MAX).
    pub fn sync_addresses(&self) -> impl Iterator<Item = u16> + '_ {
        self.merge.sync_addresses()
    }

    /// Changes whenever [`sync_addresses`](Self::sync_addresses) does.
    pub fn sync_generation(&self) -> u64 {
        self.merge.sync_generation()
    }

    /// The addresses that Art-Net is received on, at start and whenever they change; ArtPollReply
    /// names them.
    pub fn set_interfaces(&mut self, now: Time, interfaces: &[Interface]) {
        self.node.set_interfaces(now, interfaces);
    }

    /// Obeys an operator's order. Returns whether looks changed.
    #[must_use]
    pub fn obey(&mut self, now: Time, order: &Order) -> bool {
        self.set_now(now);
        let show = &mut *self.show;
        show.output.obey(now, order, &mut show.table)
    }

    /// What operators have done by hand.
    pub const fn steering(&self) -> &Steering {
        self.show.output.steering()
    }

    /// Leaves every group in its end look. Returns whether looks changed.
    #[must_use]
    pub fn set_all(&mut self, end_look: EndLook) -> bool {
        let now = self.now.unwrap_or_default();
        let show = &mut *self.show;
        show.output.end(now, end_look, &mut show.table)
    }

    /// Goes over to another show between two packets. Universes that stay patched keep their
    /// sources and levels, groups that keep their name what was done to them by hand; what changed
    /// shows at once. Gives back the old show, to be freed
    /// elsewhere.
    ///
    /// # Errors
    ///
    /// Gives back the new show if it has more universes than the engine has memory for.
    pub fn replace_plan(
        &mut self,
        now: Time,
        show: Box<CompiledShow>,
    ) -> Result<Box<CompiledShow>, Box<CompiledShow>> {
        if show.universes().len() > self.universes_max {
            return Err(show);
        }
        self.set_now(now);
        let old = std::mem::replace(&mut self.show, show);
        self.show.table.supersede(&old.table);
        let CompiledShow { output, table, names, .. } = &mut *self.show;
        let kept = kept_groups(names, &old.names);
        output.take_over(now, &old.output, &old.table, kept, table);
        self.connect(now, Some(&old));
        let show = &mut *self.show;
        show.output.settle(now, &mut show.table);
        self.node.set_port_addresses(now, &self.show.port_addresses);
        // A name that a controller gave it stays unless the show has another now.
        if self.show.node_names != old.node_names {
            self.node.set_names(now, self.show.node_names);
        }
        let plan = &self.show.plan;
        self.not_patched.retain(|universe| plan.universe_index(universe).is_none());
        Ok(old)
    }

    /// Gives every universe of the show its port in [`Merge`], and takes the levels of those that
    /// have some already. The ports of universes that are not patched any more are freed first.
    fn connect(&mut self, now: Time, old: Option<&CompiledShow>) {
        let old_ports = old.map_or(&[][..], |old| &old.ports);
        let old_universes = old.map_or(&[][..], |old| old.universes());
        for (&universe, &u) in old_universes.iter().zip(old_ports) {
            if self.show.plan.universe_index(universe).is_none() {
                self.merge.remove(u as usize);
            }
        }
        self.show.ports.clear();
        for index in 0..self.show.universes().len() {
            let universe = self.show.universes()[index];
            let kept = old.and_then(|old| old.plan.universe_index(universe));
            let kept = kept.and_then(|index| old_ports.get(index)).map(|&u| u as usize);
            // There is room: the ports that are not needed were freed, the limit was checked.
            let Some(u) = kept.or_else(|| self.merge.add(universe, now)) else { return };
            self.show.ports.push(u as u32);
            if kept.is_none() {
                self.told[u].state = OutputState::default();
            }
            self.told[u].plan_index = index;
            let signal = self.merge.signal(u);
            if signal != SignalState::Waiting {
                let CompiledShow { plan, output, .. } = &mut *self.show;
                output.adopt(index, signal, self.merge.levels(u), plan);
            }
            self.tell_node(now, u, signal);
        }
    }

    /// The first time that is handed in begins the sampling periods.
    #[inline]
    fn set_now(&mut self, now: Time) {
        if self.now.replace(now).is_none() {
            for &u in &self.show.ports {
                self.merge.start_sampling(u as usize, now);
            }
        }
    }

    #[inline]
    fn patch_changed(&mut self, now: Time) -> bool {
        let mut changed = false;
        while let Some(u) = self.merge.poll_changed() {
            changed |= self.patch_universe(now, u);
        }
        changed
    }

    /// Brings one universe's levels or the loss of them to its groups.
    fn patch_universe(&mut self, now: Time, u: usize) -> bool {
        let CompiledShow { plan, output, table, .. } = &mut *self.show;
        let plan_index = self.told[u].plan_index;
        let signal = self.merge.signal(u);
        let mut changed = false;
        if signal != SignalState::Waiting {
            changed |= output.apply(now, plan_index, self.merge.levels(u), plan, table);
        }
        if signal == SignalState::Lost {
            changed |= output.universe_lost(now, plan_index, plan, table);
        }
        self.tell_node(now, u, signal);
        changed
    }

    /// Tells the Art-Net node what became of a universe, if that is new to it.
    fn tell_node(&mut self, now: Time, u: usize, signal: SignalState) {
        let Told { plan_index, state } = self.told[u];
        let told = OutputState {
            receiving: signal == SignalState::Live,
            merging: self.merge.is_merging(u),
        };
        if told != state
            && let Some(&Universe::ArtNet(address)) = self.show.plan.universes().get(plan_index)
        {
            self.node.set_output(now, address, told);
        }
        self.told[u].state = told;
    }
}
