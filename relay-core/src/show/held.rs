//! What a receiver would hold at a moment in the middle of a show.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::{Content, Datagram, Frame};
use crate::merge::{ARTNET_LOSS, SACN_LOSS};
use crate::time::Time;
use crate::universe::{PortAddress, Universe};
use crate::wire::sacn::Cid;
use crate::wire::{Packet, parse};

/// Streams noted, at most; further ones are not. With 700 bytes each, 11 MiB.
pub(super) const STREAMS_MAX: usize = 16_384;

/// Longest datagram that can hold levels or a beat: sACN's, 638 bytes.
const DATAGRAM_MAX: usize = 640;

/// The last record of every stream.
#[derive(Debug, Default)]
pub(super) struct Held {
    streams: BTreeMap<Stream, Entry>,
    noted: u64,
    /// Once prepared: the first to be given last.
    prepared: Vec<Entry>,
    current: Option<Entry>,
}

/// What replaces what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stream {
    Frame(Universe),
    SacnData(Cid, u16, u8),
    SacnSync(Cid, u16),
    ArtDmx(IpAddr, u8, PortAddress),
    ArtSync(IpAddr),
}

#[derive(Debug)]
struct Entry {
    at: Time,
    /// Of the record it came from; equal times keep the order of the file.
    order: u64,
    bytes: Vec<u8>,
    from: Origin,
}

#[derive(Clone, Copy, Debug)]
enum Origin {
    Frame(Universe),
    Datagram { source: SocketAddr, destination: SocketAddr, interface: u32 },
}

impl Held {
    /// Takes note of a record before the moment.
    pub(super) fn note(&mut self, at: Time, content: &Content<'_>) {
        let (stream, bytes, from) = match content {
            Content::Frame(frame) => {
                (Stream::Frame(frame.universe), frame.slots, Origin::Frame(frame.universe))
            }
            Content::Datagram(datagram) => {
                let Some(stream) = self.stream(datagram) else { return };
                let Datagram { source, destination, interface, bytes } = *datagram;
                (stream, bytes, Origin::Datagram { source, destination, interface })
            }
        };
        if bytes.len() > DATAGRAM_MAX
            || self.streams.len() >= STREAMS_MAX && !self.streams.contains_key(&stream)
        {
            return;
        }
        let new = || Entry { at, order: 0, bytes: Vec::with_capacity(DATAGRAM_MAX), from };
        self.noted += 1;
        let order = self.noted;
        let entry = self.streams.entry(stream).or_insert_with(new);
        (entry.at, entry.order, entry.from) = (at, order, from);
        entry.bytes.clear();
        entry.bytes.extend_from_slice(bytes);
    }

    /// The stream of a datagram that is to be noted.
    fn stream(&mut self, datagram: &Datagram<'_>) -> Option<Stream> {
        let ip = datagram.source.ip();
        match parse(datagram.bytes).ok()? {
            Packet::SacnData(data) => {
                let (cid, universe) = (data.cid(), data.universe().number());
                if data.terminated() {
                    self.streams.retain(|stream, _| {
                        !matches!(stream, Stream::SacnData(c, u, _) if (*c, *u) == (cid, universe))
                    });
                    return None;
                }
                Some(Stream::SacnData(cid, universe, data.start_code()))
            }
            Packet::SacnSync(sync) => Some(Stream::SacnSync(sync.cid, sync.sync_address.number())),
            Packet::ArtDmx(dmx) => Some(Stream::ArtDmx(ip, dmx.physical(), dmx.port_address())),
            Packet::ArtSync => Some(Stream::ArtSync(ip)),
            _ => None,
        }
    }

    /// The moment is here: forgets what would be lost by now and puts the rest in order.
    pub(super) fn prepare(&mut self, now: Time) {
        let streams = std::mem::take(&mut self.streams);
        self.prepared = streams
            .into_iter()
            .filter(|(stream, entry)| match stream {
                Stream::Frame(_) => true,
                Stream::SacnData(..) | Stream::SacnSync(..) => now.since(entry.at) < SACN_LOSS,
                Stream::ArtDmx(..) | Stream::ArtSync(_) => now.since(entry.at) < ARTNET_LOSS,
            })
            .map(|(_, entry)| entry)
            .collect();
        self.prepared.sort_by_key(|entry| std::cmp::Reverse((entry.at, entry.order)));
    }

    /// Goes on to the next held record; false when there is none left.
    pub(super) fn next(&mut self) -> bool {
        self.current = self.prepared.pop();
        self.current.is_some()
    }

    /// The held record that is due.
    pub(super) fn current(&self) -> Option<Content<'_>> {
        let entry = self.current.as_ref()?;
        let bytes = &entry.bytes[..];
        Some(match entry.from {
            Origin::Frame(universe) => Content::Frame(Frame { universe, slots: bytes }),
            Origin::Datagram { source, destination, interface } => {
                Content::Datagram(Datagram { source, destination, interface, bytes })
            }
        })
    }
}
