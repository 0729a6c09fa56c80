//! Keeps the receiving sockets open and joined. Control side.
//!
//! The network under a show changes: interfaces come and go, addresses change, systems take
//! sockets away from suspended programs. This keeper looks at the interfaces about once a second,
//! opens sockets anew with a bounded back-off, and tells in plain words what is wrong meanwhile.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::StartError;
use super::losses::{Losses, Thing};
use super::refused;
use super::rejoin::Rejoin;
use super::system::System;
use crate::artnet_node;
use crate::config::Network;
use crate::interfaces::{self, Interface, InterfaceFilter, Selection};
use crate::receive::{
    BoundSocket, KernelDrops, Membership, Memberships, Port, sacn_group_v4, sacn_group_v6,
};
use crate::snapshot::{InterfaceState, Severity, SocketState};
use crate::time::Time;

/// Universe discovery packets are sent here (E1.31-2018, appendix A).
const DISCOVERY_UNIVERSE: u16 = 64_214;

/// The second try to open a socket comes this long after the first, which comes at once.
const RETRY_FIRST: Duration = Duration::from_millis(100);

/// Longest time between two tries.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// A socket that lived this long is opened at once again when it fails.
const SOUND_AFTER: Duration = Duration::from_secs(30);

/// How long a drop count that rose stays a fault.
const DROPS_SHOWN: Duration = Duration::from_secs(10);

/// Something for the relay thread to take over.
#[derive(Debug)]
pub(crate) enum Change {
    Socket(Port, Option<Arc<BoundSocket>>),
    Interfaces(Box<Interfaces>),
}

/// The chosen interfaces as the relay thread needs them.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    pub(crate) filter: Box<InterfaceFilter>,
    /// For ArtPollReply.
    pub(crate) node: Vec<artnet_node::Interface>,
}

/// What the keeper wants the relay thread and the operator to know.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) changes: Vec<Change>,
    pub(crate) events: Vec<Remark>,
}

/// Something for the operator.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    pub(crate) severity: Severity,
    pub(crate) text: String,
    /// It ends what lasted so long.
    pub(crate) lasted: Option<Duration>,
}

impl Outcome {
    fn tell(&mut self, severity: Severity, text: String) {
        self.events.push(Remark { severity, text, lasted: None });
    }
}

/// One port: its socket, or when to try again.
#[derive(Debug, Default)]
struct Place {
    open: Option<Open>,
    opened_at: Time,
    retries: u32,
    retry_at: Option<Time>,
    /// Why it is closed, while it is.
    closed: Option<String>,
    /// Datagrams dropped at the sockets that were open before this one.
    dropped_before: u64,
    /// Likewise at this one, as last looked at; `None` where the system does not tell. Looking walks
    /// through every UDP socket of the machine.
    dropped_now: Option<u64>,
    /// Joins in a row that the system denied, see [`refused::wants_fresh_socket`].
    denied: u32,
}

#[derive(Debug)]
struct Open {
    memberships: Memberships,
    rejoin: Rejoin,
    drops: KernelDrops,
}

#[derive(Debug)]
pub(crate) struct SocketKeeper {
    network: Network,
    system: Box<dyn System>,
    /// sACN universes to join: the patched ones and the synchronization addresses seen.
    universes: BTreeSet<u16>,
    sync_addresses: BTreeSet<u16>,
    places: [Place; Port::COUNT],
    selection: Selection,
    filter: InterfaceFilter,
    /// Since when interfaces have been gone.
    outages: Losses,
    join_faults: Vec<String>,
    dropped: u64,
    dropped_rose_at: Option<Time>,
}

impl SocketKeeper {
    /// A keeper of closed sockets.
    pub(crate) fn new(network: Network, system: impl System + 'static) -> Self {
        Self {
            network,
            system: Box::new(system),
            universes: BTreeSet::new(),
            sync_addresses: BTreeSet::new(),
            places: Default::default(),
            selection: Selection::default(),
            filter: InterfaceFilter::default(),
            outages: Losses::default(),
            join_faults: Vec::new(),
            dropped: 0,
            dropped_rose_at: None,
        }
    }

    /// Opens every socket. `needed` ports that do not open are errors; the others are tried again
    /// later. Unicast and broadcast then arrive.
    pub(crate) fn open_all(&mut self, now: Time, needed: &[Port]) -> Result<Outcome, StartError> {
        let mut outcome = Outcome::default();
        // Before the sockets, whose datagrams are judged by it.
        self.look_at_interfaces(now, &mut outcome);
        for port in Port::ALL {
            if let Err(error) = self.open(port, now, &mut outcome) {
                if needed.contains(&port) {
                    return Err(StartError::from_bind(port, &self.network, error));
                }
                self.give_up(port, now, &error, &mut outcome);
            }
        }
        Ok(outcome)
    }

    /// What is due about once a second, or after a failure.
    pub(crate) fn tick(&mut self, now: Time) -> Outcome {
        let mut outcome = Outcome::default();
        let mut to_join =
            self.look_at_interfaces(now, &mut outcome) || !self.join_faults.is_empty();
        for port in Port::ALL {
            if self.places[port.index()].retry_at.is_some_and(|at| at <= now) {
                match self.open(port, now, &mut outcome) {
                    Ok(()) => {
                        to_join = true;
                        let text = format!("{} socket is open again", port.protocol());
                        outcome.tell(Severity::Info, text);
                    }
                    Err(error) => self.give_up(port, now, &error, &mut outcome),
                }
            }
        }
        // What could not be joined again is tried as if it had never been.
        to_join |= !self.rejoin(now);
        if to_join {
            self.join(&mut outcome);
        }
        self.refresh_denied(now, &mut outcome);
        self.count_drops(now);
        outcome
    }

    /// When a closed socket is to be tried again.
    pub(crate) fn retry_at(&self) -> Option<Time> {
        self.places.iter().filter_map(|place| place.retry_at).min()
    }

    /// The relay thread gave up this socket of `port`.
    pub(crate) fn failed(
        &mut self,
        port: Port,
        socket: &Arc<BoundSocket>,
        now: Time,
        error: &io::Error,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let open = self.places[port.index()].open.as_ref();
        if !open.is_some_and(|open| Arc::ptr_eq(open.memberships.receiver(), socket)) {
            return outcome; // It was replaced meanwhile.
        }
        self.close(port);
        let place = &mut self.places[port.index()];
        if now.since(place.opened_at) >= SOUND_AFTER {
            place.retries = 0;
        }
        self.give_up(port, now, error, &mut outcome);
        outcome
    }

    /// Closes every socket and opens it anew; the network's switches hear of every group again.
    pub(crate) fn rebind(&mut self, now: Time) -> Outcome {
        let mut outcome = Outcome::default();
        self.look_at_interfaces(now, &mut outcome);
        for port in Port::ALL {
            // Old memberships end before new ones begin, or the system would tell nobody.
            self.close(port);
            self.places[port.index()].retries = 0;
            if let Err(error) = self.open(port, now, &mut outcome) {
                outcome.changes.push(Change::Socket(port, None));
                self.give_up(port, now, &error, &mut outcome);
            }
        }
        self.join(&mut outcome);
        outcome
    }

    /// Joins these patched universes on these interfaces from now on, and leaves others. Ports and
    /// buffers stay as they are.
    pub(crate) fn set_network(
        &mut self,
        now: Time,
        network: &Network,
        universes: BTreeSet<u16>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        self.universes = universes;
        self.network.interfaces.clone_from(&network.interfaces);
        let before = self.selection.chosen.iter().map(|interface| interface.name.clone());
        let before: Vec<String> = before.collect();
        self.look_at_interfaces(now, &mut outcome);
        // What the show gave up is not out of order.
        for name in before {
            if !self.selection.chosen.iter().any(|interface| interface.name == name) {
                self.outages.back(&Thing::Interface(name), now);
            }
        }
        self.join(&mut outcome);
        outcome
    }

    /// Joins these synchronization addresses too.
    pub(crate) fn set_sync_addresses(&mut self, addresses: BTreeSet<u16>) -> Outcome {
        let mut outcome = Outcome::default();
        if addresses != self.sync_addresses {
            self.sync_addresses = addresses;
            self.join(&mut outcome);
        }
        outcome
    }

    /// Closes every socket and leaves every group.
    pub(crate) fn close_all(&mut self) {
        for port in Port::ALL {
            self.close(port);
            self.places[port.index()].retry_at = None;
        }
    }

    /// The sockets as the status shows them.
    pub(crate) fn states(&self) -> Vec<SocketState> {
        let open = Port::ALL.into_iter().filter_map(|port| {
            let place = &self.places[port.index()];
            place.open.as_ref().map(|open| (place, open))
        });
        open.map(|(place, open)| {
            let socket = open.memberships.receiver();
            SocketState {
                address: socket.address.to_string(),
                joined: u32::try_from(open.memberships.count()).unwrap_or(u32::MAX),
                receive_buffer_bytes: socket.receive_buffer_bytes as u64,
                dropped: place.dropped_now.map(|count| count + place.dropped_before),
            }
        })
        .collect()
    }

    /// The chosen interfaces as the status shows them.
    pub(crate) fn interfaces(&self) -> Vec<InterfaceState> {
        self.selection.chosen.iter().map(Interface::state).collect()
    }

    /// Name of the chosen interface in whose network `ip` is.
    pub(crate) fn interface_of(&self, ip: IpAddr) -> Option<String> {
        let reaching = self.selection.chosen.iter().find(|interface| interface.reaches(ip));
        reaching.map(|interface| interface.name.clone())
    }

    /// What the kernel dropped at all sockets since start, as of the last tick.
    pub(crate) fn dropped(&self) -> u64 {
        self.places.iter().map(|place| place.dropped_before + place.dropped_now.unwrap_or(0)).sum()
    }

    /// What is wrong now, in plain words.
    pub(crate) fn faults(&self, now: Time) -> Vec<String> {
        let mut faults = self.selection.faults.clone();
        faults.extend(self.places.iter().filter_map(|place| place.closed.clone()));
        faults.extend(self.join_faults.iter().cloned());
        if self.dropped_rose_at.is_some_and(|at| now.since(at) < DROPS_SHOWN) {
            faults.push(format!(
                "the kernel drops datagrams because the receive buffer is full ({} so far); {}",
                self.dropped,
                buffer_advice(&self.network)
            ));
        }
        faults
    }

    fn open(&mut self, port: Port, now: Time, outcome: &mut Outcome) -> io::Result<()> {
        let address = port.address(&self.network);
        let bytes = self.network.receive_buffer_bytes;
        let socket = Arc::new(self.system.open(port, address, bytes)?);
        if socket.receive_buffer_is_short {
            outcome.tell(
                Severity::Warning,
                format!(
                    "the system grants {} a receive buffer of {} bytes instead of {bytes}; {}",
                    port.protocol(),
                    socket.receive_buffer_bytes,
                    buffer_advice(&self.network),
                ),
            );
        }
        let place = &mut self.places[port.index()];
        let drops = KernelDrops::of(&socket);
        place.dropped_now = drops.count();
        place.open = Some(Open {
            drops,
            memberships: Memberships::new(Arc::clone(&socket)),
            rejoin: Rejoin::new(self.network.rejoin_interval, now),
        });
        place.opened_at = now;
        place.retry_at = None;
        place.closed = None;
        place.denied = refused::on_fresh_socket(place.denied);
        outcome.changes.push(Change::Socket(port, Some(socket)));
        Ok(())
    }

    fn close(&mut self, port: Port) {
        let place = &mut self.places[port.index()];
        if let Some(mut open) = place.open.take() {
            // The relay thread may still hold the socket; its groups are left now all the same.
            open.memberships.set(&BTreeSet::new());
            place.dropped_before += open.drops.count().unwrap_or(0);
            place.dropped_now = None;
        }
    }

    /// The port stays closed for `error`; says when it is tried again.
    fn give_up(&mut self, port: Port, now: Time, error: &io::Error, outcome: &mut Outcome) {
        let number = port.address(&self.network).port();
        let place = &mut self.places[port.index()];
        let wait = match place.retries {
            0 => Duration::ZERO,
            n => RETRY_MAX.min(RETRY_FIRST.saturating_mul(1 << (n - 1).min(10))),
        };
        place.retry_at = Some(now + wait);
        place.retries = place.retries.saturating_add(1);
        // A machine without IPv6 is in order.
        if port == Port::SacnV6 && error.kind() != io::ErrorKind::AddrInUse {
            if place.retries == 1 {
                outcome.tell(Severity::Info, format!("sACN over IPv6 is off: {error}"));
            }
            return;
        }
        let text = format!(
            "the {} socket on port {number}/udp is closed: {error}. It is opened again by itself; \
             if that lasts, look at `ss -ulpn` for a program that holds the port",
            port.protocol()
        );
        if place.closed.is_none() {
            outcome.tell(Severity::Fault, text.clone());
        }
        place.closed = Some(text);
    }

    /// True if something has to be joined.
    fn look_at_interfaces(&mut self, at: Time, outcome: &mut Outcome) -> bool {
        let existing = match self.system.interfaces() {
            Ok(existing) => existing,
            Err(error) => {
                self.selection.faults = vec![format!("cannot list the interfaces: {error}")];
                return false;
            }
        };
        let selection = interfaces::select(&self.network.interfaces, &existing);
        if selection == self.selection {
            return false;
        }
        for fault in selection.faults.iter().filter(|f| !self.selection.faults.contains(f)) {
            outcome.tell(Severity::Fault, fault.clone());
        }
        let before = std::mem::replace(&mut self.selection, selection);
        let was = |index: u32| before.chosen.iter().find(|was| was.index == index);
        for now in &self.selection.chosen {
            if was(now.index) == Some(now) {
                continue;
            }
            // It is new here, or its cable or its address is: whatever the switches knew of our
            // groups there may be gone.
            for open in self.places.iter_mut().filter_map(|place| place.open.as_mut()) {
                open.memberships.leave_interface(now.index);
            }
            let outage = Thing::Interface(now.name.clone());
            let (state, lasted) = if now.running {
                ("listening on", self.outages.back(&outage, at))
            } else {
                self.outages.gone(outage, at);
                ("waiting for a carrier on", None)
            };
            let text = format!("{state} interface {now}");
            outcome.events.push(Remark { severity: Severity::Info, text, lasted });
        }
        for gone in &before.chosen {
            if !self.selection.chosen.iter().any(|now| now.index == gone.index) {
                self.outages.gone(Thing::Interface(gone.name.clone()), at);
                outcome.tell(Severity::Fault, format!("interface {gone} is gone"));
            }
        }
        let filter = InterfaceFilter::new(&self.selection.chosen, &existing);
        if filter != self.filter {
            self.filter = filter.clone();
            let node = self.selection.chosen.iter().flat_map(node_interfaces).collect();
            let interfaces = Interfaces { filter: Box::new(filter), node };
            outcome.changes.push(Change::Interfaces(Box::new(interfaces)));
        }
        true
    }

    fn join(&mut self, outcome: &mut Outcome) {
        let mut faults = Vec::new();
        for port in [Port::SacnV4, Port::SacnV6] {
            let wanted = self.wanted(port);
            let place = &mut self.places[port.index()];
            let Some(open) = &mut place.open else { continue };
            let failed = open.memberships.set(&wanted);
            let denied = failed.iter().any(|(_, error)| refused::is_denial(error));
            place.denied = if denied { place.denied.saturating_add(1) } else { 0 };
            for ((index, group), error) in failed {
                let name = self.selection.chosen.iter().find(|interface| interface.index == index);
                let name = name.map_or_else(|| index.to_string(), |i| i.name.clone());
                faults.push(format!(
                    "cannot join multicast group {group} on interface {name}: {error}. Universes \
                     sent to multicast are missing there; unicast still arrives{}",
                    refused::advice(&error, cfg!(target_vendor = "apple"))
                ));
            }
        }
        for fault in faults.iter().filter(|fault| !self.join_faults.contains(fault)) {
            outcome.tell(Severity::Fault, fault.clone());
        }
        self.join_faults = faults;
    }

    /// Apple systems now and then deny every join on a socket, and none on a fresh one. So a socket
    /// whose joins are denied again and again is opened anew, each time after twice as many.
    fn refresh_denied(&mut self, now: Time, outcome: &mut Outcome) {
        let mut fresh = false;
        for port in [Port::SacnV4, Port::SacnV6] {
            let place = &self.places[port.index()];
            // One that is closed is opened in its turn.
            if place.open.is_none() || !refused::wants_fresh_socket(place.denied) {
                continue;
            }
            let text = format!("{}: joins are denied; trying a fresh socket", port.protocol());
            outcome.tell(Severity::Info, text);
            self.close(port);
            fresh = true;
            if let Err(error) = self.open(port, now, outcome) {
                outcome.changes.push(Change::Socket(port, None));
                self.give_up(port, now, &error, outcome);
            }
        }
        if fresh {
            self.join(outcome);
        }
    }

    /// Joins anew what is due. False: something is joined no more.
    fn rejoin(&mut self, now: Time) -> bool {
        let chosen = &self.selection.chosen;
        let own = |index| {
            let interface = chosen.iter().find(|interface| interface.index == index)?;
            interface.addresses.iter().find_map(|address| match address.ip {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            })
        };
        let mut all_joined = true;
        for Open { memberships, rejoin, .. } in
            self.places.iter_mut().filter_map(|place| place.open.as_mut())
        {
            for membership in rejoin.due(now, memberships) {
                all_joined &= memberships.rejoin(membership, own(membership.0)).is_ok();
            }
        }
        all_joined
    }

    fn wanted(&self, port: Port) -> BTreeSet<Membership> {
        let group: fn(u16) -> IpAddr =
            if port == Port::SacnV4 { sacn_group_v4 } else { sacn_group_v6 };
        let universes = self.universes.iter().chain(&self.sync_addresses).copied();
        let groups: Vec<IpAddr> = universes.chain([DISCOVERY_UNIVERSE]).map(group).collect();
        let speaks = |interface: &&Interface| match port {
            Port::SacnV4 => interface.has_v4(),
            _ => interface.has_v6(),
        };
        let chosen = self.selection.chosen.iter().filter(speaks);
        chosen.flat_map(|interface| groups.iter().map(|group| (interface.index, *group))).collect()
    }

    fn count_drops(&mut self, now: Time) {
        for place in &mut self.places {
            place.dropped_now = place.open.as_ref().and_then(|open| open.drops.count());
        }
        let dropped = self.dropped();
        if dropped > self.dropped {
            self.dropped_rose_at = Some(now);
        }
        self.dropped = dropped;
    }
}

fn node_interfaces(interface: &Interface) -> impl Iterator<Item = artnet_node::Interface> {
    let mac = interfaces::mac_address(&interface.name);
    interface.addresses.iter().filter_map(move |address| match address.ip {
        IpAddr::V4(ip) => {
            let index = interface.index;
            Some(artnet_node::Interface { index, address: ip, prefix: address.prefix, mac })
        }
        IpAddr::V6(_) => None,
    })
}

fn buffer_advice(network: &Network) -> String {
    if cfg!(target_os = "linux") {
        format!(
            "allow more with `sysctl -w net.core.rmem_max={}`, then restart the relay",
            network.receive_buffer_bytes
        )
    } else {
        "allow more with `sysctl -w kern.ipc.maxsockbuf=8388608`, then restart the relay".to_owned()
    }
}

#[cfg(test)]
mod storm;
