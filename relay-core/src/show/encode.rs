//! From levels to datagrams, as a console would send them: sACN or Art-Net by the universe, counted,
//! and repeated while nothing changes, so that no receiver takes silence for loss.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Datagram, ErrorKind, UNIVERSES_MAX};
use crate::time::Time;
use crate::universe::{SLOTS, Universe};
use crate::wire::artnet::{self, DmxFields};
use crate::wire::sacn::{self, Cid, DataFields};

/// A universe is sent again after this long without a change: E1.31 §6.6.2 asks for 800 to 1000 ms
/// ("keep-alive"), and it is well within Art-Net's 4 s.
pub const REFRESH: Duration = Duration::from_millis(800);

/// UDP port of sACN (E1.31 §9.2).
const SACN_PORT: u16 = 5568;

/// Who sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Component identifier of the sACN source.
    pub cid: Cid,
    /// Name of the sACN source.
    pub name: String,
    /// Priority of the sACN source, 0..=200.
    pub priority: u8,
    /// Address that the datagrams come from, for those that go into a file.
    pub address: Ipv4Addr,
}

impl Default for Sender {
    /// A fixed identity, and an address reserved for documentation (RFC 5737).
    fn default() -> Self {
        Self {
            cid: Cid([
                0x8e, 0x51, 0xc2, 0x0a, 0x6d, 0x3b, 0x4f, 0x77, 0x9a, 0x10, 0x5c, 0xe4, 0x27, 0xb8,
                0x63, 0x1d,
            ]),
            name: "wristcast recorded show".to_owned(),
            priority: 100,
            address: Ipv4Addr::new(192, 0, 2, 1),
        }
    }
}

/// Turns levels into datagrams. Memory: 600 bytes for each universe, 4096 of them at most.
#[derive(Debug)]
pub struct Encoder {
    sender: Sender,
    streams: BTreeMap<Universe, Stream>,
    /// When each universe is to be repeated.
    due: BTreeSet<(Time, Universe)>,
    packet: [u8; sacn::DATA_LEN_MAX],
}

#[derive(Debug)]
struct Stream {
    sequence: u8,
    levels: [u8; SLOTS],
    slots: usize,
    due: Time,
}

impl Encoder {
    /// An encoder that has sent nothing yet.
    pub fn new(sender: Sender) -> Self {
        let (streams, due) = (BTreeMap::new(), BTreeSet::new());
        Self { sender, streams, due, packet: [0; sacn::DATA_LEN_MAX] }
    }

    /// The datagram for new levels of a universe.
    ///
    /// # Errors
    /// If there are more universes than are kept.
    pub fn levels(
        &mut self,
        at: Time,
        universe: Universe,
        slots: &[u8],
    ) -> Result<Datagram<'_>, ErrorKind> {
        if self.streams.len() >= UNIVERSES_MAX && !self.streams.contains_key(&universe) {
            return Err(ErrorKind::TooManyUniverses(UNIVERSES_MAX));
        }
        let new = || Stream { sequence: 0, levels: [0; SLOTS], slots: 0, due: Time::ZERO };
        let stream = self.streams.entry(universe).or_insert_with(new);
        stream.slots = slots.len().min(SLOTS);
        stream.levels[..stream.slots].copy_from_slice(&slots[..stream.slots]);
        Ok(self.send(at, universe))
    }

    /// When [`refresh`](Self::refresh) has something to send.
    pub fn refresh_due(&self) -> Option<Time> {
        self.due.first().map(|&(due, _)| due)
    }

    /// Which universe [`refresh`](Self::refresh) has to send.
    pub fn refresh_universe(&self) -> Option<Universe> {
        self.due.first().map(|&(_, universe)| universe)
    }

    /// The universe that is to be repeated first, if its time has come.
    pub fn refresh(&mut self, now: Time) -> Option<Datagram<'_>> {
        let &(due, universe) = self.due.first()?;
        (due <= now).then(|| self.send(now, universe))
    }

    /// Sends a universe that has a stream.
    fn send(&mut self, at: Time, universe: Universe) -> Datagram<'_> {
        let mut length = 0;
        let mut destination = Ipv4Addr::BROADCAST;
        let mut port = artnet::PORT;
        if let Some(stream) = self.streams.get_mut(&universe) {
            self.due.remove(&(stream.due, universe));
            stream.due = at + REFRESH;
            self.due.insert((stream.due, universe));
            // Art-Net counts 1 to 255: 0 would say that it does not count.
            stream.sequence = stream.sequence.checked_add(1).unwrap_or(match universe {
                Universe::Sacn(_) => 0,
                Universe::ArtNet(_) => 1,
            });
            let slots = &stream.levels[..stream.slots];
            length = match universe {
                Universe::Sacn(universe) => {
                    let fields = DataFields {
                        priority: self.sender.priority,
                        sequence: stream.sequence,
                        ..DataFields::new(self.sender.cid, &self.sender.name, universe)
                    };
                    let [high, low] = universe.number().to_be_bytes();
                    (destination, port) = (Ipv4Addr::new(239, 255, high, low), SACN_PORT);
                    sacn::encode_data(&mut self.packet, &fields, slots)
                }
                Universe::ArtNet(port_address) => {
                    let sequence = stream.sequence;
                    let fields = DmxFields { sequence, physical: 0, port_address };
                    // ArtDmx without any slot does not exist.
                    let slots = &stream.levels[..stream.slots.max(2)];
                    artnet::encode_dmx(&mut self.packet, &fields, slots)
                }
            }
            .unwrap_or(0);
        }
        Datagram {
            source: SocketAddr::from((self.sender.address, port)),
            destination: SocketAddr::from((destination, port)),
            interface: 0,
            bytes: &self.packet[..length],
        }
    }
}
