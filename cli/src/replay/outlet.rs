//! Where replayed packets leave: the lighting network, or a relay of this process.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use wristcast_core::show::playback::{Packet, Target};
use wristcast_core::universe::{PortAddress, Universe};

use crate::desk::{DISCOVERY_UNIVERSE, Destination, Ports, Route, Routes};
use crate::exit::Failure;

/// Recorded senders that get a loopback address of their own; further ones share the last.
const SENDERS_MAX: u8 = 250;

/// Where packets leave.
#[derive(Debug)]
pub(super) enum Outlet {
    Network(Network),
    Relay(Loopback),
}

impl Outlet {
    /// Sends a packet on all its ways; returns how many datagrams that were.
    pub(super) fn send(&mut self, packet: &Packet<'_>) -> Result<u64, SendError> {
        match self {
            Self::Network(network) => network.send(packet),
            Self::Relay(loopback) => Ok(loopback.send(packet)?),
        }
    }
}

/// Why a packet did not leave.
#[derive(Debug)]
pub(super) enum SendError {
    /// There is no way for packets of its kind.
    NoWay(Failure),
    /// The system refused it.
    Refused(io::Error),
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> Self {
        Self::Refused(error)
    }
}

/// The network, as a desk sends to it.
#[derive(Debug)]
pub(super) struct Network {
    destinations: Vec<Destination>,
    routes: Routes,
    known: BTreeMap<Target, Vec<Route>>,
}

impl Network {
    /// To all of these.
    pub(super) fn new(destinations: Vec<Destination>) -> Self {
        Self { destinations, routes: Routes::default(), known: BTreeMap::new() }
    }

    fn send(&mut self, packet: &Packet<'_>) -> Result<u64, SendError> {
        if !self.known.contains_key(&packet.to) {
            let routes = self.find(packet.to).map_err(SendError::NoWay)?;
            self.known.insert(packet.to, routes);
        }
        let routes = self.known.get(&packet.to).map_or(&[][..], Vec::as_slice);
        // All are tried; the first error is told.
        let mut result = Ok(());
        for route in routes {
            result = result.and(self.routes.send(route, packet.bytes));
        }
        result?;
        Ok(routes.len() as u64)
    }

    fn find(&mut self, to: Target) -> Result<Vec<Route>, Failure> {
        let mut routes = Vec::new();
        for destination in &self.destinations {
            routes.extend(match to {
                Target::Universe(universe) => self.routes.of(universe, destination)?,
                Target::ArtNet => match PortAddress::new(0) {
                    Some(any) => self.routes.of(Universe::ArtNet(any), destination)?,
                    None => Vec::new(),
                },
                // Discovery is for everybody, or for nobody.
                Target::Sacn if destination.is_multicast() => {
                    self.routes.multicast(DISCOVERY_UNIVERSE, destination)?
                }
                Target::Sacn => Vec::new(),
            });
        }
        Ok(routes)
    }
}

/// A relay on loopback. Every recorded sender has an address of its own there, where the system
/// has more than one: Art-Net sources are told apart by their addresses.
#[derive(Debug)]
pub(super) struct Loopback {
    ports: Ports,
    senders: BTreeMap<IpAddr, UdpSocket>,
}

impl Loopback {
    /// To a relay on these ports.
    pub(super) fn new(ports: Ports) -> Self {
        Self { ports, senders: BTreeMap::new() }
    }

    fn send(&mut self, packet: &Packet<'_>) -> io::Result<u64> {
        let port = match packet.to {
            Target::Universe(Universe::Sacn(_)) | Target::Sacn => self.ports.sacn,
            Target::Universe(Universe::ArtNet(_)) | Target::ArtNet => self.ports.artnet,
        };
        let source = packet.source.ip();
        if !self.senders.contains_key(&source) {
            let number = u8::try_from(self.senders.len()).unwrap_or(SENDERS_MAX);
            let own = Ipv4Addr::new(127, 0, 0, 1 + number.min(SENDERS_MAX));
            let socket =
                UdpSocket::bind((own, 0)).or_else(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?;
            self.senders.insert(source, socket);
        }
        if let Some(sender) = self.senders.get(&source) {
            sender.send_to(packet.bytes, (Ipv4Addr::LOCALHOST, port))?;
        }
        Ok(1)
    }
}
