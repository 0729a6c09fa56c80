//! A lighting desk as the network sees one: streams of sACN and Art-Net universes.
//!
//! The packets come from the crates `sacn` and `artnet_protocol`, the sockets are ours: the crate's
//! `SacnSource` sends multicast to port 5568 alone, ends unicast streams by multicast, shares its
//! port, and sleeps up to a second when dropped; `artnet_protocol` has no sockets.

mod levels;
mod packet;
mod route;

use std::io;
use std::time::{Duration, Instant};

use uuid::Uuid;
use wristcast_core::universe::{SLOTS, SacnUniverse, Universe};

pub(crate) use levels::level;
use packet::{Frame, Source};
pub(crate) use route::{Destination, Ports, Route, Routes};

use crate::exit::Failure;

/// E1.31 Appendix A, E131_UNIVERSE_DISCOVERY_INTERVAL.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(10);

/// E1.31 Appendix A, E131_DISCOVERY_UNIVERSE.
pub(crate) const DISCOVERY_UNIVERSE: u16 = 64_214;

/// Longest source name, bytes: the field has 64 with its NUL (E1.31 §6.2.2).
pub(crate) const SOURCE_NAME_BYTES_MAX: usize = 63;

/// How a desk presents itself to sACN receivers; Art-Net has no name nor priority in its levels.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// At most [`SOURCE_NAME_BYTES_MAX`].
    pub(crate) name: String,
    /// 0..=200.
    pub(crate) priority: u8,
}

/// A desk with its universes.
#[derive(Debug)]
pub(crate) struct Desk {
    source: Source,
    routes: Routes,
    streams: Vec<Stream>,
    /// Where discovery goes; empty if there is no sACN among the streams or it is not multicast.
    discovery: Vec<Route>,
    discovery_due: Instant,
    packet: Vec<u8>,
    sent: u64,
}

#[derive(Debug)]
struct Stream {
    universe: Universe,
    sequence: u8,
    frame: Frame,
    routes: Vec<Route>,
}

impl Desk {
    /// A desk that sends `universes` to `destination`, dark at first.
    pub(crate) fn open(
        identity: Identity,
        universes: &[Universe],
        destination: &Destination,
    ) -> Result<Self, Failure> {
        let mut routes = Routes::default();
        let streams = universes
            .iter()
            .map(|&universe| {
                let routes = routes.of(universe, destination)?;
                Ok(Stream { universe, sequence: 0, frame: [0; 1 + SLOTS], routes })
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let has_sacn = universes.iter().any(|universe| matches!(universe, Universe::Sacn(_)));
        let discovery = if has_sacn && destination.is_multicast() {
            routes.multicast(DISCOVERY_UNIVERSE, destination)?
        } else {
            Vec::new()
        };
        Ok(Self {
            source: Source {
                cid: Uuid::new_v4(),
                name: identity.name,
                priority: identity.priority,
            },
            routes,
            streams,
            discovery,
            discovery_due: Instant::now(),
            packet: Vec::new(),
            sent: 0,
        })
    }

    /// The levels that the stream of `universes[index]` sends.
    pub(crate) fn levels_mut(&mut self, index: usize) -> &mut [u8] {
        &mut self.streams[index].frame[1..]
    }

    /// Packets of levels given to the system so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Where the first stream goes, for people.
    pub(crate) fn first_destinations(&self) -> String {
        let routes = self.streams.first().map_or(&[][..], |stream| &stream.routes);
        routes.iter().map(Route::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Sends every universe once, back to back. All are tried; the first error is returned.
    pub(crate) fn send_frame(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        for index in 0..self.streams.len() {
            result = result.and(self.send_stream(index, false));
        }
        let now = Instant::now();
        if now >= self.discovery_due {
            self.discovery_due = now + DISCOVERY_INTERVAL;
            result = result.and(self.send_discovery());
        }
        result
    }

    /// Ends the sACN streams: Stream_Terminated three times (E1.31 §6.2.6). Art-Net has no such
    /// thing; its receivers notice by themselves.
    pub(crate) fn terminate(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        for _ in 0..3 {
            for index in 0..self.streams.len() {
                if matches!(self.streams[index].universe, Universe::Sacn(_)) {
                    result = result.and(self.send_stream(index, true));
                }
            }
        }
        result
    }

    fn send_stream(&mut self, index: usize, terminated: bool) -> io::Result<()> {
        let stream = &mut self.streams[index];
        match stream.universe {
            Universe::Sacn(universe) => {
                stream.sequence = stream.sequence.wrapping_add(1);
                let (sequence, frame) = (stream.sequence, &stream.frame);
                let number = universe.number();
                self.source.data(number, sequence, terminated, frame, &mut self.packet)?;
            }
            Universe::ArtNet(port) => {
                // 1..=255; 0 would say that sequence numbers are not used.
                stream.sequence = stream.sequence % 255 + 1;
                self.packet = packet::artdmx(port.address(), stream.sequence, &stream.frame)?;
            }
        }
        for route in &stream.routes {
            self.routes.send(route, &self.packet)?;
            self.sent += 1;
        }
        Ok(())
    }

    fn send_discovery(&mut self) -> io::Result<()> {
        let mut universes: Vec<u16> = self
            .streams
            .iter()
            .filter_map(|stream| match stream.universe {
                Universe::Sacn(universe) => Some(SacnUniverse::number(universe)),
                Universe::ArtNet(_) => None,
            })
            .collect();
        universes.sort_unstable();
        let pages = universes.chunks(packet::UNIVERSES_PER_PAGE);
        let last_page = pages.len().saturating_sub(1) as u8;
        for (page, universes) in pages.enumerate() {
            self.source.discovery(page as u8, last_page, universes, &mut self.packet)?;
            for route in &self.discovery {
                self.routes.send(route, &self.packet)?;
            }
        }
        Ok(())
    }
}
