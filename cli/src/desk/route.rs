//! Where a universe's packets go, and out of which socket.
//!
//! The sockets are bound to ports of the system's choice, never to 5568 or 6454: a second socket on
//! those would take the unicast meant for a relay on the same host.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};
use wristcast_core::config::Network;
use wristcast_core::interfaces::{self, Interface};
use wristcast_core::receive::{sacn_group_v4, sacn_group_v6};
use wristcast_core::universe::Universe;

use crate::exit::Failure;

/// Asked of the system for sending: one frame of 512 universes fits.
const SEND_BUFFER_BYTES: usize = 1 << 20;

/// Where a desk sends.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    to: Option<IpAddr>,
    /// What the operator chose; empty = the system's choice.
    chosen: Vec<Interface>,
    /// Where Art-Net is broadcast when nothing was chosen.
    running: Vec<Interface>,
    ipv6: bool,
    ports: Ports,
}

/// UDP ports of the two protocols.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) sacn: u16,
    pub(crate) artnet: u16,
}

impl Ports {
    /// Those that a show listens on.
    pub(crate) fn of(network: &Network) -> Self {
        Self { sacn: network.sacn_port, artnet: network.artnet_port }
    }

    /// Two that nobody uses now.
    pub(crate) fn free() -> Result<Self, Failure> {
        // Held until both are known, so that they differ.
        let sockets = [UdpSocket::bind("0.0.0.0:0"), UdpSocket::bind("0.0.0.0:0")];
        let [sacn, artnet] = sockets.map(|socket| socket.and_then(|socket| socket.local_addr()));
        let no_port = |error| Failure::cannot_start(format!("no free UDP port: {error}"));
        Ok(Self { sacn: sacn.map_err(no_port)?.port(), artnet: artnet.map_err(no_port)?.port() })
    }
}

impl Destination {
    /// To `to`; without it sACN is multicast, by IPv6 if `ipv6`, and Art-Net broadcast, on the
    /// `interfaces` named by name or address.
    pub(crate) fn new(
        to: Option<IpAddr>,
        interfaces: &[String],
        ipv6: bool,
        ports: Ports,
    ) -> Result<Self, Failure> {
        let mut existing = interfaces::list().map_err(|error| {
            Failure::cannot_start(format!("cannot list the network interfaces: {error}"))
        })?;
        let chosen = interfaces
            .iter()
            .map(|wanted| choose(&existing, wanted))
            .collect::<Result<_, Failure>>()?;
        existing.retain(|one| one.running && !one.is_loopback() && one.has_v4());
        Ok(Self { to, chosen, running: existing, ipv6, ports })
    }

    /// Whether sACN goes to the universes' multicast groups.
    pub(crate) fn is_multicast(&self) -> bool {
        self.to.is_none()
    }
}

/// The interface of this name, or of this address and with no other.
fn choose(existing: &[Interface], wanted: &str) -> Result<Interface, Failure> {
    let address = wanted.parse::<IpAddr>().ok();
    for interface in existing {
        if interface.name == wanted {
            return Ok(interface.clone());
        }
        if let Some(own) = interface.addresses.iter().find(|own| Some(own.ip) == address) {
            return Ok(Interface { addresses: vec![*own], ..interface.clone() });
        }
    }
    let here = existing.iter().map(Interface::to_string).collect::<Vec<_>>().join(", ");
    Err(Failure::cannot_start(format!("no interface `{wanted}` here; there are {here}")))
}

/// The address that IPv4 packets leave an interface from, and where its broadcasts go: a network
/// of a single host has no directed broadcast and takes the limited one.
fn ipv4(interface: &Interface) -> Result<(Ipv4Addr, Ipv4Addr), Failure> {
    let own = interface.addresses.iter().find_map(|own| match own.ip {
        IpAddr::V4(ip) => Some((ip, own.broadcast().unwrap_or(Ipv4Addr::BROADCAST))),
        IpAddr::V6(_) => None,
    });
    own.ok_or_else(|| Failure::cannot_start(format!("interface {interface} has no IPv4 address")))
}

/// One way of a universe's packets: a socket and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    socket: usize,
    to: SocketAddr,
    interface: Option<String>,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to)?;
        self.interface.as_ref().map_or(Ok(()), |name| write!(f, " on {name}"))
    }
}

/// What tells one sending socket from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Egress {
    /// The system chooses.
    AnyV4,
    /// Out of the interface with this address.
    V4(Ipv4Addr),
    /// Out of the interface with this index; 0 = the system chooses.
    V6(u32),
}

/// The sockets of one desk.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    sockets: Vec<(Egress, UdpSocket)>,
}

impl Routes {
    /// Every way to send `universe` to `destination`.
    pub(crate) fn of(
        &mut self,
        universe: Universe,
        destination: &Destination,
    ) -> Result<Vec<Route>, Failure> {
        match (universe, destination.to) {
            (Universe::Sacn(_), Some(to)) => self.direct(to, destination.ports.sacn, destination),
            (Universe::ArtNet(_), Some(to)) => {
                self.direct(to, destination.ports.artnet, destination)
            }
            (Universe::Sacn(sacn), None) => self.multicast(sacn.number(), destination),
            (Universe::ArtNet(_), None) => self.broadcast(destination),
        }
    }

    /// Every way to the multicast group of an sACN universe (E1.31 §9.3.1, §9.3.2).
    pub(crate) fn multicast(
        &mut self,
        universe: u16,
        destination: &Destination,
    ) -> Result<Vec<Route>, Failure> {
        let group = if destination.ipv6 { sacn_group_v6 } else { sacn_group_v4 }(universe);
        self.direct(group, destination.ports.sacn, destination)
    }

    /// Art-Net broadcast: to the directed address of every interface.
    fn broadcast(&mut self, destination: &Destination) -> Result<Vec<Route>, Failure> {
        let chosen = !destination.chosen.is_empty();
        let mut routes = Vec::new();
        for interface in if chosen { &destination.chosen } else { &destination.running } {
            let (own, broadcast) = ipv4(interface)?;
            let to = SocketAddr::new(broadcast.into(), destination.ports.artnet);
            routes.push(self.route(Egress::V4(own), to, Some(interface))?);
        }
        if routes.is_empty() {
            let to = SocketAddr::new(Ipv4Addr::BROADCAST.into(), destination.ports.artnet);
            routes.push(self.route(Egress::AnyV4, to, None)?);
        }
        Ok(routes)
    }

    /// To one address, out of every chosen interface, or of the one the system chooses.
    fn direct(
        &mut self,
        to: IpAddr,
        port: u16,
        destination: &Destination,
    ) -> Result<Vec<Route>, Failure> {
        if destination.chosen.is_empty() {
            let egress = if to.is_ipv4() { Egress::AnyV4 } else { Egress::V6(0) };
            return Ok(vec![self.route(egress, SocketAddr::new(to, port), None)?]);
        }
        let mut routes = Vec::new();
        for interface in &destination.chosen {
            let (egress, to) = match to {
                IpAddr::V4(_) => (Egress::V4(ipv4(interface)?.0), SocketAddr::new(to, port)),
                IpAddr::V6(to) => {
                    let to = SocketAddrV6::new(to, port, 0, interface.index);
                    (Egress::V6(interface.index), to.into())
                }
            };
            routes.push(self.route(egress, to, Some(interface))?);
        }
        Ok(routes)
    }

    fn route(
        &mut self,
        egress: Egress,
        to: SocketAddr,
        interface: Option<&Interface>,
    ) -> Result<Route, Failure> {
        let socket = match self.sockets.iter().position(|(known, _)| *known == egress) {
            Some(known) => known,
            None => {
                let socket = open(egress).map_err(|error| {
                    let place = interface.map_or(String::new(), |one| format!(" on {one}"));
                    Failure::cannot_start(format!("cannot open a socket{place}: {error}"))
                })?;
                self.sockets.push((egress, socket));
                self.sockets.len() - 1
            }
        };
        Ok(Route { socket, to, interface: interface.map(|one| one.name.clone()) })
    }

    /// Gives one packet to the system; the error says where it was to go.
    pub(crate) fn send(&self, route: &Route, packet: &[u8]) -> io::Result<()> {
        match self.sockets[route.socket].1.send_to(packet, route.to) {
            Ok(_) => Ok(()),
            Err(error) => {
                let hint = match error.kind() {
                    io::ErrorKind::NetworkUnreachable if route.interface.is_none() => {
                        ": there is no route; choose an interface with --interface"
                    }
                    _ => "",
                };
                Err(io::Error::new(error.kind(), format!("cannot send to {route}: {error}{hint}")))
            }
        }
    }
}

fn open(egress: Egress) -> io::Result<UdpSocket> {
    let (domain, local): (_, IpAddr) = match egress {
        Egress::AnyV4 => (Domain::IPV4, Ipv4Addr::UNSPECIFIED.into()),
        Egress::V4(own) => (Domain::IPV4, own.into()),
        Egress::V6(_) => (Domain::IPV6, Ipv6Addr::UNSPECIFIED.into()),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    // The system may grant less; a frame then waits a little in the call.
    let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
    match egress {
        Egress::AnyV4 => socket.set_broadcast(true)?,
        Egress::V4(own) => {
            socket.set_broadcast(true)?;
            socket.set_multicast_if_v4(&own)?;
        }
        Egress::V6(index) => socket.set_multicast_if_v6(index)?,
    }
    socket.bind(&SocketAddr::new(local, 0).into())?;
    Ok(socket.into())
}
