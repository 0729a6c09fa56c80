//! Consoles that are played by a script, and the tape that takes down what they send.

use std::net::{Ipv4Addr, SocketAddr};

use wristcast_core::show::{Datagram, PcapngOptions, PcapngWriter};
use wristcast_core::time::Time;
use wristcast_core::universe::{PortAddress, SacnUniverse, Universe};
use wristcast_core::wire::artnet::{self, DmxFields};
use wristcast_core::wire::sacn::{self, Cid, DATA_LEN_MAX, DataFields};

/// 2026-06-13 20:00:00 UTC, when all these shows began.
const EPOCH_NANOS: u64 = 1_781_380_800_000_000_000;

/// A recording in the making.
#[derive(Debug, Default)]
pub(super) struct Tape {
    packets: Vec<Packet>,
}

#[derive(Debug)]
struct Packet {
    at: Time,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: Vec<u8>,
}

impl Tape {
    /// The recording, packets in the order of their times.
    pub(super) fn pcapng(mut self) -> Vec<u8> {
        self.packets.sort_by_key(|packet| packet.at);
        let options = PcapngOptions { epoch_nanos: EPOCH_NANOS, zstd: true };
        let mut writer = PcapngWriter::new(Vec::new(), options).expect("memory does not fail");
        writer.add_interface("lighting");
        for Packet { at, source, destination, bytes } in &self.packets {
            let (source, destination) = (*source, *destination);
            let datagram = Datagram { source, destination, interface: 0, bytes };
            writer.datagram(*at, &datagram).expect("memory does not fail");
        }
        let end = self.packets.last().map_or(Time::ZERO, |packet| packet.at);
        writer.finish(end).expect("memory does not fail")
    }
}

/// A console. It sends as real ones do: not quite regularly, universes back to back.
#[derive(Debug)]
pub(super) struct Console {
    name: &'static str,
    host: u8,
    pub(super) priority: u8,
    sequence: u8,
    /// Of the deviations from the regular.
    random: u32,
}

impl Console {
    pub(super) fn new(name: &'static str, host: u8, priority: u8) -> Self {
        Self { name, host, priority, sequence: 0, random: u32::from(host) }
    }

    /// Sends one frame of these universes, due at `nanos`.
    pub(super) fn frame(&mut self, tape: &mut Tape, nanos: u64, levels: &[(&str, Vec<u8>)]) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut at = nanos + u64::from(self.random()) % 400_000;
        for (universe, slots) in levels {
            self.packet(tape, Time::from_nanos(at), universe, slots, false);
            at += 18_000 + u64::from(self.random()) % 9_000;
        }
    }

    /// Says goodbye on these universes, three times.
    pub(super) fn farewell(&mut self, tape: &mut Tape, nanos: u64, universes: &[&str]) {
        for round in 0..3 {
            self.sequence = self.sequence.wrapping_add(1);
            for universe in universes {
                let at = Time::from_nanos(nanos + round * 30_000);
                self.packet(tape, at, universe, &[], true);
            }
        }
    }

    fn packet(&self, tape: &mut Tape, at: Time, universe: &str, slots: &[u8], terminated: bool) {
        let mut bytes = vec![0; DATA_LEN_MAX];
        let universe: Universe = universe.parse().expect("a universe");
        let (length, destination, port) = match universe {
            Universe::Sacn(universe) => {
                let fields = DataFields {
                    priority: self.priority,
                    sequence: self.sequence,
                    terminated,
                    ..DataFields::new(Cid([self.host; 16]), self.name, universe)
                };
                let length = sacn::encode_data(&mut bytes, &fields, slots);
                (length, group(universe), 5568)
            }
            Universe::ArtNet(port_address) => {
                let fields = dmx(self.sequence, port_address);
                let length = artnet::encode_dmx(&mut bytes, &fields, slots);
                (length, Ipv4Addr::new(10, 0, 0, 255), artnet::PORT)
            }
        };
        bytes.truncate(length.expect("at most 512 slots"));
        tape.packets.push(Packet {
            at,
            source: SocketAddr::from(([10, 0, 0, self.host], port)),
            destination: SocketAddr::from((destination, port)),
            bytes,
        });
    }

    /// A linear congruential generator (Numerical Recipes): the same deviations every time.
    fn random(&mut self) -> u32 {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.random >> 8
    }
}

/// Art-Net counts from 1 to 255.
fn dmx(sequence: u8, port_address: PortAddress) -> DmxFields {
    DmxFields { sequence: sequence.max(1), physical: 0, port_address }
}

fn group(universe: SacnUniverse) -> Ipv4Addr {
    let [high, low] = universe.number().to_be_bytes();
    Ipv4Addr::new(239, 255, high, low)
}
