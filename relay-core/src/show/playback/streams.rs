//! The sACN streams that are on, so that they can be ended.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Packet, Target};
use crate::show::held::STREAMS_MAX;
use crate::universe::{SacnUniverse, Universe};
use crate::wire::sacn::{Cid, edit};
use crate::wire::{self, parse};

/// Stream_Terminated is sent three times (E1.31 §6.2.6).
const FAREWELLS: u8 = 3;

/// The last packet of every stream; 16384 of them at most, with 700 bytes each.
#[derive(Debug, Default)]
pub(super) struct Streams {
    on: BTreeMap<Key, Last>,
    /// Farewells said by every stream, and who has yet to say the next.
    said: u8,
    to_say: Vec<Key>,
}

type Key = (Cid, SacnUniverse);

#[derive(Debug)]
struct Last {
    source: SocketAddr,
    bytes: Vec<u8>,
}

impl Streams {
    /// Takes note of a packet that is sent.
    pub(super) fn note(&mut self, packet: &[u8], source: SocketAddr) {
        let Ok(wire::Packet::SacnData(data)) = parse(packet) else { return };
        let key = (data.cid(), data.universe());
        if data.terminated() {
            self.on.remove(&key);
        } else if let Some(last) = self.on.get_mut(&key) {
            last.bytes.clear();
            last.bytes.extend_from_slice(packet);
        } else if self.on.len() < STREAMS_MAX {
            self.on.insert(key, Last { source, bytes: packet.to_vec() });
        }
    }

    /// The next farewell; `None` when all was said.
    pub(super) fn next_farewell(&mut self) -> Option<Packet<'_>> {
        if self.to_say.is_empty() && self.said < FAREWELLS {
            self.said += 1;
            self.to_say.extend(self.on.keys().rev());
        }
        let key = self.to_say.pop()?;
        let Last { source, bytes } = self.on.get_mut(&key)?;
        if let Ok(wire::Packet::SacnData(data)) = parse(bytes) {
            let next = data.sequence().wrapping_add(1);
            edit::set_sequence(bytes, next);
            edit::set_terminated(bytes);
        }
        let to = Target::Universe(Universe::Sacn(key.1));
        Some(Packet { due: Duration::ZERO, source: *source, to, bytes })
    }
}
