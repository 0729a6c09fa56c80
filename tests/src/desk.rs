//! The consoles of a conformance scenario: what a step sends, as bytes and sender.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use wristcast_core::universe::{PortAddress, SLOTS, SacnUniverse, Universe};
use wristcast_core::wire::{artnet, sacn, text_field};

use crate::scenario::{Data, Sent};

/// A datagram of a scenario.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The sender's address.
    pub source: SocketAddr,
    /// The interface it comes in through.
    pub interface: u32,
    /// Whether it is for the Art-Net port.
    pub is_artnet: bool,
}

/// Offset of the universe number in a data packet (E1.31 Table 4-1).
const UNIVERSE: std::ops::Range<usize> = 113..115;
/// Offsets of the lengths of the root, framing and DMP layers.
const PDUS: [usize; 3] = [16, 38, 115];
/// Offset of the number of slots and the START code.
const PROPERTY_COUNT: std::ops::Range<usize> = 123..125;
/// Offset of the priority.
const PRIORITY: usize = 108;

/// Offset of the list in a universe discovery packet (E1.31 Table 4-3).
const DISCOVERED: usize = 120;

/// Gives packets their sequence numbers, per source, universe and START code.
#[derive(Debug, Default)]
pub struct Desk {
    sequences: BTreeMap<(char, u16, u8), u8>,
}

impl Desk {
    /// The datagram of a step.
    ///
    /// # Panics
    /// If the scenario asks for what no packet can carry.
    pub fn frame(&mut self, sent: &Sent) -> Frame {
        let mut out = [0; 1500];
        let frame = |source: Ipv4Addr, len: Option<usize>, out: &[u8], is_artnet| {
            let port = if is_artnet { 6454 } else { 5568 };
            Frame {
                bytes: out[..len.expect("a packet that can be encoded")].to_vec(),
                source: SocketAddrV4::new(source, port).into(),
                interface: 1,
                is_artnet,
            }
        };
        match sent {
            Sent::Data(data) => self.data(data),
            Sent::Sync(source, address, sequence) => {
                let sequence = self.sequence(*source, *address, 0xFF, *sequence);
                let universe = SacnUniverse::new(1).expect("universe 1");
                let sync = sacn::Sync { cid: cid(*source), sequence, sync_address: universe };
                let len = sacn::encode_sync(&mut out, &sync);
                // Written over, so that scenarios can send addresses that do not exist.
                out[45..47].copy_from_slice(&address.to_be_bytes());
                frame(address_of(*source), len, &out, false)
            }
            Sent::Dmx { from, universe, sequence, physical, slots } => {
                let fields = artnet::DmxFields {
                    sequence: *sequence,
                    physical: *physical,
                    port_address: port_address(*universe),
                };
                let given = &slots[..slots.len().min(SLOTS)];
                let mut len = artnet::encode_dmx(&mut out, &fields, given);
                if let (Some(len), [_, ..]) = (&mut len, &slots[given.len()..]) {
                    // More than a universe has, and a length that says so.
                    *len += slots.len() - SLOTS;
                    let count = u16::try_from(slots.len()).expect("a short datagram");
                    out[16..18].copy_from_slice(&count.to_be_bytes());
                }
                frame(*from, len, &out, true)
            }
            Sent::Nzs { from, universe, slots } => {
                let len = artnet::encode_nzs(&mut out, 1, 0x17, port_address(*universe), slots);
                frame(*from, len, &out, true)
            }
            Sent::ArtSync(from) => {
                let len = artnet::encode_sync(&mut out);
                frame(*from, len, &out, true)
            }
            Sent::Poll(from, poll) => {
                let len = artnet::encode_poll(&mut out, poll);
                frame(*from, len, &out, true)
            }
            Sent::PollReply(from, name) => {
                let len = artnet::encode_poll_reply(&mut out, &poll_reply(*from, name));
                frame(*from, len, &out, true)
            }
            Sent::Address { from, bind_index, command, name } => {
                let fields = artnet::AddressFields {
                    bind_index: *bind_index,
                    short_name: name,
                    command: *command,
                    ..artnet::AddressFields::default()
                };
                let len = artnet::encode_address(&mut out, &fields);
                frame(*from, len, &out, true)
            }
            Sent::Discovery(source, pages, universes) => {
                let name = source.to_string();
                let list = vec![SacnUniverse::new(1).expect("universe 1"); universes.len()];
                let len = sacn::encode_discovery(&mut out, cid(*source), &name, *pages, &list);
                for (bytes, universe) in out[DISCOVERED..].chunks_exact_mut(2).zip(universes) {
                    bytes.copy_from_slice(&universe.to_be_bytes());
                }
                frame(address_of(*source), len, &out, false)
            }
            Sent::Altered(sent, over, cut) => {
                let mut frame = self.frame(sent);
                for (at, bytes) in over {
                    frame.bytes[*at..*at + bytes.len()].copy_from_slice(bytes);
                }
                frame.bytes.truncate(cut.unwrap_or(frame.bytes.len()));
                frame
            }
            Sent::Raw(bytes) => Frame {
                bytes: bytes.clone(),
                source: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4000).into(),
                interface: 1,
                is_artnet: bytes.starts_with(b"Art-Net\0"),
            },
        }
    }

    fn data(&mut self, data: &Data) -> Frame {
        let fields = sacn::DataFields {
            cid: cid(data.source),
            source_name: &data.name.clone().unwrap_or_else(|| data.source.to_string()),
            priority: 0,
            sync_address: data.sync_address,
            sequence: self.sequence(data.source, data.universe, data.start_code, data.sequence),
            preview: data.preview,
            terminated: data.terminated,
            force_synchronization: data.force,
            universe: SacnUniverse::new(1).expect("universe 1"),
            start_code: data.start_code,
        };
        let mut out = [0; 1500];
        let slots = &data.slots[..data.slots.len().min(SLOTS)];
        let mut len = sacn::encode_data(&mut out, &fields, slots).expect("at most 512 slots");
        if data.slots.len() > SLOTS {
            // More than a universe has, all lengths right.
            let beyond = &data.slots[SLOTS..];
            out[len..len + beyond.len()].copy_from_slice(beyond);
            len += beyond.len();
            for pdu in PDUS {
                let length = 0x7000 | u16::try_from(len - pdu).expect("a short datagram");
                out[pdu..pdu + 2].copy_from_slice(&length.to_be_bytes());
            }
            let count = u16::try_from(data.slots.len() + 1).expect("a short datagram");
            out[PROPERTY_COUNT].copy_from_slice(&count.to_be_bytes());
        }
        // Written over, so that scenarios can send values that do not exist.
        out[UNIVERSE].copy_from_slice(&data.universe.to_be_bytes());
        out[PRIORITY] = data.priority;
        let from = data.from.unwrap_or_else(|| address_of(data.source));
        Frame {
            bytes: out[..len].to_vec(),
            source: SocketAddrV4::new(from, 5568).into(),
            interface: data.interface,
            is_artnet: false,
        }
    }

    fn sequence(&mut self, source: char, universe: u16, code: u8, given: Option<u8>) -> u8 {
        let next = self.sequences.entry((source, universe, code)).or_insert(0);
        let sequence = given.unwrap_or(*next);
        *next = sequence.wrapping_add(1);
        sequence
    }
}

/// Another node, with a name.
fn poll_reply(ip: Ipv4Addr, name: &str) -> artnet::PollReplyFields {
    artnet::PollReplyFields {
        ip,
        port: 6454,
        firmware: 1,
        net: 0,
        sub_net: 0,
        oem: 0x00FF,
        status_1: 0,
        esta: 0,
        short_name: text_field(name),
        long_name: text_field(name),
        node_report: [0; 64],
        port_types: [0; 4],
        good_output_a: [0; 4],
        sw_out: [0; 4],
        style: 1,
        mac: [0; 6],
        bind_ip: ip,
        bind_index: 1,
        status_2: 0,
        good_output_b: [0; 4],
        status_3: 0,
    }
}

/// The identity of a source with a letter for a name.
fn cid(source: char) -> sacn::Cid {
    sacn::Cid([source as u8; 16])
}

fn address_of(source: char) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, source as u8)
}

fn port_address(universe: Universe) -> PortAddress {
    match universe {
        Universe::ArtNet(address) => address,
        Universe::Sacn(_) => panic!("{universe} is not an Art-Net universe"),
    }
}
