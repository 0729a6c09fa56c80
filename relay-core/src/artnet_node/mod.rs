//! The relay as an Art-Net 4 node: answers ArtPoll, so that consoles find it and unicast to it.
//!
//! Beside stage 3, on the relay thread: the engine hands in ArtPoll, ArtInput and ArtAddress, tells
//! the state of the outputs, and asks for replies to send. Nothing here reads a clock, opens a
//! socket or allocates after [`ArtNetNode::new`].
//!
//! A node of more than four ports describes itself in several ArtPollReplies, the pages, told apart
//! by BindIndex. The ports of a page share net and sub-net (ArtPollReply, NetSwitch and SubSwitch).
//!
//! - Every ArtPoll is answered, by unicast, after a random delay of less than 1 s (ArtPollReply).
//!   The reply goes to the port the poll came from and, where that is another one, to the Art-Net
//!   port as well: the standard knows no other, yet programs poll from any. On this host the
//!   Art-Net port is the relay's own.
//! - A controller that asked for it (ArtPoll, Flags bit 1) is told of changes.
//! - A flood of polls costs bounded memory and bandwidth: [`CONTROLLERS_MAX`] controllers are
//!   remembered, polls that arrive while a reply is owed share it, replies to one controller are
//!   [`REPLY_SPACING`] apart, and datagrams, to whomever, [`PAGE_SPACING`].
//! - Without an IPv4 address there is nothing to answer: a reply has to name one.
//! - A controller that asked for it (ArtPoll, Flags bits 2 and 3) gets diagnostics: the relay's
//!   events of the priority it asked for, [`DIAGNOSTIC_SPACING`] apart.
//! - ArtAddress is obeyed only when the show allows it. Port-addresses are the show's alone.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use crate::config::{self, MergeMode};
use crate::time::Time;
use crate::universe::PortAddress;
use crate::wire::artnet;
use crate::wire::{Text, text_field};

mod controllers;
mod describe;
mod diagnostics;
#[doc(hidden)]
pub mod fuzz;
mod ports;

use controllers::Controllers;
use describe::{ESTA, LONG_NAME_OK, OEM, POWER_OK, SHORT_NAME_OK};
use diagnostics::Diagnostics;
pub use diagnostics::{DIAGNOSTIC_SPACING, DiagnosticPriority};
use ports::Ports;

/// Controllers remembered. One that polls when all of them are owed a reply is not answered.
pub const CONTROLLERS_MAX: usize = 32;

/// Interfaces whose addresses are known; further ones are ignored.
pub const INTERFACES_MAX: usize = 32;

/// Pages of a node: BindIndex is 1..=255.
pub const PAGES_MAX: usize = 255;

/// Controllers outside every network of the node that are remembered as told of.
const ELSEWHERE_MAX: usize = 8;

/// Outputs that a page has room for.
pub const PORTS_PER_PAGE: usize = 4;

/// A reply is out this long after the poll (ArtPollReply: a random delay of up to 1 s).
pub const DELAY_MAX: Duration = Duration::from_secs(1);

/// Shortest time from the end of a reply to the start of the next one to the same controller.
pub const REPLY_SPACING: Duration = Duration::from_millis(500);

/// Shortest time between two datagrams.
pub const PAGE_SPACING: Duration = Duration::from_millis(1);

/// A controller polls every 2.5 to 3 s (ArtPoll); one that has been silent for so long is not told
/// of changes any more.
pub const CONTROLLER_TIMEOUT: Duration = Duration::from_secs(30);

/// An IPv4 address of an interface that Art-Net is received on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The system's index of the interface.
    pub index: u32,
    /// The address.
    pub address: Ipv4Addr,
    /// Length of the network's prefix, 0..=32.
    pub prefix: u8,
    /// MAC address, zeros when there is none.
    pub mac: [u8; 6],
}

impl Interface {
    fn reaches(&self, peer: Ipv4Addr) -> bool {
        (self.address.to_bits() ^ peer.to_bits()) & self.mask() == 0
    }

    /// The directed broadcast address of its network.
    fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() | !self.mask())
    }

    fn mask(&self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0)
    }
}

/// A datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// How much of the buffer.
    pub len: usize,
    /// The interface to send it on, if that is known.
    pub interface: Option<u32>,
}

/// What became of an ArtPoll or ArtInput.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollOutcome {
    /// A reply will follow.
    Answered,
    /// A reply was owed already and answers this one too.
    Shared,
    /// Targeted at port-addresses that are not patched here.
    NotAsked,
    /// Too many controllers want an answer.
    Crowded,
    /// The show says not to reply, it did not come by IPv4, or the relay has no IPv4 address.
    Unanswered,
}

/// State of an output, as controllers see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputState {
    /// At least one source sends levels.
    pub receiving: bool,
    /// Two sources are merged.
    pub merging: bool,
}

/// What a controller may programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// From now on merge like this (AcMergeLtp, AcMergeHtp).
    Merge(MergeMode),
    /// The source of the next ArtDmx is the only one from then on (AcCancelMerge).
    CancelMerge,
    /// Set all levels to 0 (AcClearOp).
    Clear,
}

/// An action and the ports it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Programme {
    /// What to do.
    pub action: Action,
    ports: [PortAddress; PORTS_PER_PAGE],
    port_count: usize,
}

impl Programme {
    /// The ports, 1 to 4.
    pub fn ports(&self) -> &[PortAddress] {
        &self.ports[..self.port_count]
    }
}

/// What became of an ArtAddress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressOutcome {
    /// The show does not allow remote programming.
    NotAllowed,
    /// No such page, port or command here. Names may have been set all the same.
    Ignored,
    /// Done; there is nothing left to do.
    Done,
    /// For the engine to carry out.
    Programme(Programme),
}

/// The port-addresses that are asked, lowest and highest; `None` = all.
type Target = Option<(u16, u16)>;

/// What consoles find the node as, as ArtPollReply has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    short: [u8; 18],
    long: [u8; 64],
}

impl Names {
    /// Those that a show gives it.
    pub fn of(config: &config::ArtNetNode) -> Self {
        Self { short: text_field(&config.short_name), long: text_field(&config.long_name) }
    }
}

/// The node.
#[derive(Debug)]
pub struct ArtNetNode {
    reply: bool,
    remote_programming: bool,
    udp_port: u16,
    names: Names,
    report_code: u16,
    /// Counts the replies (ArtPollReply, NodeReport).
    reply_count: u16,
    ports: Ports,
    interfaces: Vec<Interface>,
    controllers: Controllers,
    /// Those that were told of as outside every network of this node, the newest last.
    elsewhere: [Option<Ipv4Addr>; ELSEWHERE_MAX],
    diagnostics: Diagnostics,
}

impl ArtNetNode {
    /// A node that listens on `udp_port` and puts out `port_addresses`, which ascend. They merge by
    /// `merge` until a controller says otherwise. `seed` makes the delays repeatable.
    pub fn new(
        config: &config::ArtNetNode,
        merge: MergeMode,
        udp_port: u16,
        port_addresses: &[PortAddress],
        seed: u64,
    ) -> Self {
        debug_assert!(port_addresses.is_sorted_by(|a, b| a < b));
        Self {
            reply: config.reply,
            remote_programming: config.remote_programming,
            udp_port,
            names: Names::of(config),
            report_code: POWER_OK,
            reply_count: 0,
            ports: Ports::new(merge, port_addresses),
            interfaces: Vec::with_capacity(INTERFACES_MAX),
            controllers: Controllers::new(seed),
            elsewhere: [None; ELSEWHERE_MAX],
            diagnostics: Diagnostics::new(),
        }
    }

    /// The outputs of a new plan; they ascend. Those that stay keep their state.
    pub fn set_port_addresses(&mut self, now: Time, port_addresses: &[PortAddress]) {
        debug_assert!(port_addresses.is_sorted_by(|a, b| a < b));
        self.ports.set(port_addresses);
        self.changed(now);
    }

    /// Other names, whatever it was called before, by the show or a controller.
    pub fn set_names(&mut self, now: Time, names: Names) {
        if self.names != names {
            self.names = names;
            self.changed(now);
        }
    }

    /// The addresses that Art-Net is received on, at start and whenever they change.
    pub fn set_interfaces(&mut self, now: Time, interfaces: &[Interface]) {
        let known = &interfaces[..interfaces.len().min(INTERFACES_MAX)];
        if self.interfaces != known {
            self.interfaces.clear();
            self.interfaces.extend_from_slice(known);
            self.changed(now);
        }
    }

    /// State of one output. Without effect when it is as it was, or is not announced.
    pub fn set_output(&mut self, now: Time, address: PortAddress, state: OutputState) {
        if self.ports.set_state(address, state) {
            self.changed(now);
        }
    }

    /// Outputs that no page has room for. Consoles cannot find them; they work all the same.
    pub fn unannounced(&self) -> usize {
        self.ports.unannounced()
    }

    /// The short name as it is now.
    pub fn short_name(&self) -> Text<'_> {
        Text::until_nul(&self.names.short)
    }

    /// The long name as it is now.
    pub fn long_name(&self) -> Text<'_> {
        Text::until_nul(&self.names.long)
    }

    /// An ArtPoll has come `from` a controller, on `interface` if that is known.
    pub fn handle_poll(
        &mut self,
        now: Time,
        from: SocketAddr,
        interface: Option<u32>,
        poll: &artnet::Poll,
    ) -> PollOutcome {
        let Some(from) = self.answerable(from) else { return PollOutcome::Unanswered };
        if self.ports.next_page(0, poll.target).is_none() {
            return PollOutcome::NotAsked;
        }
        let delay = self.controllers.random_delay(self.ports.page_count());
        if from.port() != self.udp_port && !self.is_own(*from.ip()) {
            let to = SocketAddrV4::new(*from.ip(), self.udp_port);
            self.controllers.owe(now, to, interface, delay, poll.target);
            self.controllers.subscribe(to, poll);
        }
        let outcome = self.controllers.owe(now, from, interface, delay, poll.target);
        self.controllers.subscribe(from, poll);
        outcome
    }

    /// If the controller at `from`, which polled, is in no network of this node, and that is news:
    /// its address, and the one that the reply to it names. Such a reply may never get there.
    pub fn elsewhere(
        &mut self,
        from: SocketAddr,
        interface: Option<u32>,
    ) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let ip = *self.answerable(from)?.ip();
        let own = self.own(ip, interface)?.address;
        let near = self.is_own(ip) || self.interfaces.iter().any(|own| own.reaches(ip));
        if near || self.elsewhere.contains(&Some(ip)) {
            return None;
        }
        self.elsewhere.rotate_left(1);
        self.elsewhere[ELSEWHERE_MAX - 1] = Some(ip);
        Some((ip, own))
    }

    /// An ArtInput has come. There is no input to switch, but the sender is answered (ArtInput).
    pub fn handle_input(
        &mut self,
        now: Time,
        from: SocketAddr,
        interface: Option<u32>,
    ) -> PollOutcome {
        let Some(from) = self.answerable(from) else { return PollOutcome::Unanswered };
        self.controllers.owe(now, from, interface, Duration::ZERO, None)
    }

    /// An ArtAddress has come. Whatever became of it, the sender is answered (ArtAddress).
    pub fn handle_address(
        &mut self,
        now: Time,
        from: SocketAddr,
        interface: Option<u32>,
        address: &artnet::Address<'_>,
    ) -> AddressOutcome {
        let outcome = if self.remote_programming {
            self.programme(now, address)
        } else {
            AddressOutcome::NotAllowed
        };
        if let Some(from) = self.answerable(from) {
            self.controllers.owe(now, from, interface, Duration::ZERO, None);
        }
        outcome
    }

    fn programme(&mut self, now: Time, address: &artnet::Address<'_>) -> AddressOutcome {
        let page = usize::from(address.bind_index().max(1)) - 1;
        if page >= self.ports.page_count() {
            return AddressOutcome::Ignored;
        }
        if set_name(&mut self.names.short, address.short_name()) {
            self.report_code = SHORT_NAME_OK;
            self.changed(now);
        }
        if set_name(&mut self.names.long, address.long_name()) {
            self.report_code = LONG_NAME_OK;
            self.changed(now);
        }
        if address.command() == 0 {
            return AddressOutcome::Done;
        }
        let Some(programme) = self.ports.programme(page, address.command()) else {
            return AddressOutcome::Ignored;
        };
        if let Action::Merge(_) = programme.action {
            self.changed(now);
        }
        AddressOutcome::Programme(programme)
    }

    /// The address to answer to, if there is to be an answer.
    fn answerable(&self, from: SocketAddr) -> Option<SocketAddrV4> {
        match from.ip().to_canonical() {
            IpAddr::V4(ip) if self.reply && !self.interfaces.is_empty() => {
                Some(SocketAddrV4::new(ip, from.port()))
            }
            _ => None,
        }
    }

    fn is_own(&self, ip: Ipv4Addr) -> bool {
        ip.is_loopback() || self.interfaces.iter().any(|own| own.address == ip)
    }

    /// Whether a reply that was received is one of this node's own.
    pub fn is_own_reply(&self, reply: &artnet::PollReply<'_>) -> bool {
        self.is_own(reply.ip())
            && (reply.oem(), reply.esta()) == (OEM, ESTA)
            && reply.short_name() == self.short_name()
            && reply.long_name() == self.long_name()
    }

    fn changed(&mut self, now: Time) {
        self.controllers.changed(now, self.ports.page_count());
    }

    /// Something happened that controllers may want to know of (ArtDiagData).
    pub fn diagnose(&mut self, now: Time, priority: DiagnosticPriority, text: &dyn fmt::Display) {
        let audience = self.controllers.audience(now);
        if audience.is_some_and(|audience| priority as u8 >= audience.priority_min) {
            self.diagnostics.push(priority, text);
        }
    }

    /// When [`poll_transmit`](Self::poll_transmit) is to be called next. Any other method that
    /// takes `&mut self` may change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let diagnostic = self.diagnostics.due().map(|due| due.max(self.controllers.next_page()));
        self.controllers.wake().into_iter().chain(diagnostic).min()
    }

    /// Writes the next datagram that is due to `out`, which has room for
    /// [`POLL_REPLY_LEN`](artnet::POLL_REPLY_LEN) bytes. Call it until it says `None`.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        while let Some(due) = self.controllers.due(now) {
            let Some(page) = self.ports.next_page(due.page, due.target) else {
                // The ports that were asked for have gone since.
                self.controllers.finish(now, due.index);
                continue;
            };
            let Some(fields) = self.describe(page, *due.to.ip(), due.interface) else {
                // So has the address.
                self.controllers.finish(now, due.index);
                continue;
            };
            let len = artnet::encode_poll_reply(out, &fields)?;
            self.reply_count = (self.reply_count + 1) % 10_000;
            let next = self.ports.next_page(page + 1, due.target);
            self.controllers.sent(now, due.index, next);
            let to = SocketAddr::V4(due.to);
            return Some(Transmit { to, len, interface: due.interface });
        }
        self.transmit_diagnostic(now, out)
    }
}

/// Whether that is a change; an empty name is none (ArtAddress, Short Name and Long Name).
fn set_name<const N: usize>(field: &mut [u8; N], name: Text<'_>) -> bool {
    let mut new = [0; N];
    let len = name.bytes().len().min(N - 1);
    new[..len].copy_from_slice(&name.bytes()[..len]);
    let change = !name.is_empty() && *field != new;
    if change {
        *field = new;
    }
    change
}

#[cfg(test)]
mod tests;
