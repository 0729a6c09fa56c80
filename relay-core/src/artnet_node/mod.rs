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
//! - ArtAddress is obeyed only when the show allows it. Port-addresses are the show's alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use crate::config::{self, MergeMode};
use crate::time::Time;
use crate::universe::PortAddress;
use crate::wire::artnet::{self, PollReplyFields};
use crate::wire::{Text, text_field};

mod controllers;
#[doc(hidden)]
pub mod fuzz;
mod ports;

use controllers::Controllers;
use ports::Ports;

/// Controllers remembered. One that polls when all of them are owed a reply is not answered.
pub const CONTROLLERS_MAX: usize = 32;

/// Interfaces whose addresses are known; further ones are ignored.
pub const INTERFACES_MAX: usize = 32;

/// Pages of a node: BindIndex is 1..=255.
pub const PAGES_MAX: usize = 255;

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

/// Status1: indicators normal, port-addresses set at the node itself, no RDM.
const STATUS_1: u8 = 0b1101_0000;
/// Status2: 15-bit port-addresses. Not bit 4: a controller cannot switch a port from Art-Net to
/// sACN; which of the two a group follows is the show's to say.
const STATUS_2: u8 = 0b0000_1000;
/// Status3: holds the last state and cannot be told otherwise: that, too, is the show's to say.
const STATUS_3: u8 = 0;
/// PortTypes: an output of DMX512 levels.
const PORT_TYPE: u8 = 0x80;
/// GoodOutputA.
const DATA: u8 = 0x80;
/// GoodOutputA.
const MERGING: u8 = 0x08;
/// GoodOutputA.
const LTP: u8 = 0x02;
/// GoodOutputB: no RDM, output follows the input (delta), no RDM discovery.
const GOOD_OUTPUT_B: u8 = 0b1011_0000;
/// OemUnknown.
const OEM: u16 = 0x00FF;
/// The first of the manufacturer IDs that ESTA keeps for prototypes.
const ESTA: u16 = 0x7FF0;
/// NodeReport: RcPowerOk.
const POWER_OK: u16 = 0x0001;
/// NodeReport: RcShNameOk.
const SHORT_NAME_OK: u16 = 0x0006;
/// NodeReport: RcLoNameOk.
const LONG_NAME_OK: u16 = 0x0007;

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
        let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0);
        (self.address.to_bits() ^ peer.to_bits()) & mask == 0
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
    /// The show says not to reply, or it did not come by IPv4.
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

/// The node.
#[derive(Debug)]
pub struct ArtNetNode {
    reply: bool,
    remote_programming: bool,
    udp_port: u16,
    short_name: [u8; 18],
    long_name: [u8; 64],
    report_code: u16,
    /// Counts the replies (ArtPollReply, NodeReport).
    reply_count: u16,
    ports: Ports,
    interfaces: Vec<Interface>,
    controllers: Controllers,
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
            short_name: text_field(&config.short_name),
            long_name: text_field(&config.long_name),
            report_code: POWER_OK,
            reply_count: 0,
            ports: Ports::new(merge, port_addresses),
            interfaces: Vec::with_capacity(INTERFACES_MAX),
            controllers: Controllers::new(seed),
        }
    }

    /// The outputs of a new plan; they ascend. Those that stay keep their state.
    pub fn set_port_addresses(&mut self, now: Time, port_addresses: &[PortAddress]) {
        debug_assert!(port_addresses.is_sorted_by(|a, b| a < b));
        self.ports.set(port_addresses);
        self.changed(now);
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
        Text::until_nul(&self.short_name)
    }

    /// The long name as it is now.
    pub fn long_name(&self) -> Text<'_> {
        Text::until_nul(&self.long_name)
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
            self.controllers.subscribe(to, poll.reply_on_change);
        }
        let outcome = self.controllers.owe(now, from, interface, delay, poll.target);
        self.controllers.subscribe(from, poll.reply_on_change);
        outcome
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
        if set_name(&mut self.short_name, address.short_name()) {
            self.report_code = SHORT_NAME_OK;
            self.changed(now);
        }
        if set_name(&mut self.long_name, address.long_name()) {
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
            IpAddr::V4(ip) if self.reply => Some(SocketAddrV4::new(ip, from.port())),
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

    /// When [`poll_transmit`](Self::poll_transmit) is to be called next. Any other method that
    /// takes `&mut self` may change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.controllers.wake()
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
            let fields = self.describe(page, *due.to.ip(), due.interface);
            let len = artnet::encode_poll_reply(out, &fields)?;
            self.reply_count = (self.reply_count + 1) % 10_000;
            let next = self.ports.next_page(page + 1, due.target);
            self.controllers.sent(now, due.index, next);
            let to = SocketAddr::V4(due.to);
            return Some(Transmit { to, len, interface: due.interface });
        }
        None
    }

    /// What a page says to a controller at `peer`.
    fn describe(&self, page: usize, peer: Ipv4Addr, interface: Option<u32>) -> PollReplyFields {
        let ports = self.ports.page(page);
        let first = ports.first().map(|port| port.address);
        let own = self.own(peer, interface);
        let ip = own.map_or(Ipv4Addr::UNSPECIFIED, |own| own.address);
        let mut fields = PollReplyFields {
            ip,
            port: self.udp_port,
            firmware: FIRMWARE,
            net: first.map_or(0, PortAddress::net),
            sub_net: first.map_or(0, PortAddress::sub_net),
            oem: OEM,
            status_1: STATUS_1,
            esta: ESTA,
            short_name: self.short_name,
            long_name: self.long_name,
            node_report: self.report(),
            port_types: [0; 4],
            good_output_a: [0; 4],
            sw_out: [0; 4],
            style: 0,
            mac: own.map_or([0; 6], |own| own.mac),
            bind_ip: ip,
            bind_index: u8::try_from(page + 1).unwrap_or(u8::MAX),
            status_2: STATUS_2,
            good_output_b: [0; 4],
            status_3: STATUS_3,
        };
        for (i, port) in ports.iter().enumerate() {
            fields.port_types[i] = PORT_TYPE;
            fields.good_output_a[i] = (if port.state.receiving { DATA } else { 0 })
                | (if port.state.merging { MERGING } else { 0 })
                | (if port.merge == MergeMode::Ltp { LTP } else { 0 });
            fields.good_output_b[i] = GOOD_OUTPUT_B;
            fields.sw_out[i] = port.address.universe();
        }
        fields
    }

    /// `#xxxx [yyyy] text`: code, count of replies, words (ArtPollReply, NodeReport).
    fn report(&self) -> [u8; 64] {
        use std::io::Write;

        let ports = self.ports.all();
        let receiving = ports.iter().filter(|port| port.state.receiving).count();
        let mut report = [0; 64];
        // What the field has no room for is cut off, before its last NUL.
        let _ = write!(
            &mut report[..63],
            "#{:04x} [{:04}] {receiving} of {} universes receive",
            self.report_code,
            self.reply_count,
            ports.len()
        );
        report
    }

    /// The own address that a controller at `peer`, heard on `interface`, is to use: of that
    /// interface, if it is known, and of the controller's network, if there is one.
    fn own(&self, peer: Ipv4Addr, interface: Option<u32>) -> Option<&Interface> {
        self.interfaces.iter().min_by_key(|own| {
            let elsewhere = interface.is_some_and(|index| own.index != index);
            (elsewhere, !own.reaches(peer))
        })
    }
}

/// Major and minor version of this crate.
const FIRMWARE: u16 =
    number(env!("CARGO_PKG_VERSION_MAJOR")) << 8 | number(env!("CARGO_PKG_VERSION_MINOR"));

/// As far as it fits into a byte.
const fn number(digits: &str) -> u16 {
    match u16::from_str_radix(digits, 10) {
        Ok(number) if number <= 0xFF => number,
        _ => 0xFF,
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
