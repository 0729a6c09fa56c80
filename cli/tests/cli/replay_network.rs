//! `wristcast replay` onto the network and through a live relay: what arrives, over real sockets.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use serde_json::Value;
use wristcast_core::show::{Datagram, PcapngOptions, PcapngWriter};
use wristcast_core::time::Time;
use wristcast_core::universe::{PortAddress, SacnUniverse, Universe};
use wristcast_core::wire::artnet::{self, DmxFields};
use wristcast_core::wire::sacn::{self, Cid, DATA_LEN_MAX, DataFields};
use wristcast_core::wire::{Packet, parse};

use crate::wristcast::{PATIENCE, Running, eventually, file, path, wristcast};

/// A recording in the making, few and short packets: no test can lose one, however slow it reads.
struct Tape(Vec<(u64, u8, Vec<u8>)>);

impl Tape {
    /// Levels of a universe from console `host`, counted by `sequence`.
    fn data(&mut self, ms: u64, host: u8, universe: u16, sequence: u8, level: u8) {
        self.data_with(ms, host, universe, &[level, 2, 3], |fields| fields.sequence = sequence);
    }

    fn data_with(
        &mut self,
        ms: u64,
        host: u8,
        universe: u16,
        slots: &[u8],
        set: impl Fn(&mut DataFields<'_>),
    ) {
        let universe = SacnUniverse::new(universe).unwrap();
        let mut fields = DataFields::new(Cid([host; 16]), "desk", universe);
        set(&mut fields);
        self.with(ms, host, |out| sacn::encode_data(out, &fields, slots));
    }

    fn dmx(&mut self, ms: u64, host: u8, port_address: u16, sequence: u8, level: u8) {
        let port_address = PortAddress::new(port_address).unwrap();
        let fields = DmxFields { sequence, physical: 0, port_address };
        self.with(ms, host, |out| artnet::encode_dmx(out, &fields, &[level, 2]));
    }

    fn with(&mut self, ms: u64, host: u8, encode: impl FnOnce(&mut [u8]) -> Option<usize>) {
        let mut packet = [0; DATA_LEN_MAX];
        let length = encode(&mut packet).unwrap();
        self.0.push((ms, host, packet[..length].to_vec()));
    }

    /// Writes it to a file.
    fn save(&self, name: &str) -> String {
        let mut writer = PcapngWriter::new(Vec::new(), PcapngOptions::default()).unwrap();
        writer.add_interface("");
        for (ms, host, bytes) in &self.0 {
            let source = SocketAddr::from(([10, 0, 0, *host], 5568));
            let datagram = Datagram { source, destination: source, interface: 0, bytes };
            writer.datagram(Time::from_millis(*ms), &datagram).unwrap();
        }
        let bytes = writer.finish(Time::ZERO).unwrap();
        let path = path(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// Two consoles on three universes, 0.4 s.
fn two_consoles() -> Tape {
    let mut tape = Tape(Vec::new());
    for frame in 0..10_u8 {
        let ms = u64::from(frame) * 40;
        tape.data(ms, 1, 1, 250_u8.wrapping_add(frame), frame);
        tape.data(ms, 1, 2, 7 + frame, frame + 100);
        tape.dmx(ms + 5, 2, 3, 100 + frame, frame + 200);
    }
    tape
}

/// A receiver of both protocols.
struct Receiver {
    socket: UdpSocket,
    port: String,
}

impl Receiver {
    fn new() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let port = socket.local_addr().unwrap().port().to_string();
        Self { socket, port }
    }

    /// The arguments that send a recording here.
    fn args<'a>(&'a self, recording: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let fixed = ["replay", recording, "--to-address", "127.0.0.1", "--sacn-port", &self.port];
        [&fixed[..], &["--artnet-port", &self.port], more].concat()
    }

    /// Plays a recording to its end, and gives all packets and what was said.
    fn play(&self, recording: &str, more: &[&str]) -> (Vec<Vec<u8>>, String) {
        let ended = wristcast(&self.args(recording, more));
        // A slow machine may have been told how far it is.
        assert!(ended.code == 0 && !ended.stderr.contains("warning"), "{ended:?}");
        self.socket.set_nonblocking(true).unwrap();
        let mut packets = Vec::new();
        let mut buffer = [0; 2048];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            packets.push(buffer[..length].to_vec());
        }
        self.socket.set_nonblocking(false).unwrap();
        let sent = format!("sent {} packets", packets.len());
        assert!(ended.stdout.contains(&sent), "not `{sent}` in {}", ended.stdout);
        (packets, ended.stdout)
    }

    fn next(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let length = self.socket.recv(&mut buffer).expect("a packet");
        buffer[..length].to_vec()
    }
}

/// What tests want to know of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    universe: Universe,
    cid: Cid,
    sequence: u8,
    priority: u8,
    level: u8,
    terminated: bool,
}

fn seen(packet: &[u8]) -> Seen {
    match parse(packet).unwrap() {
        Packet::SacnData(data) => Seen {
            universe: Universe::Sacn(data.universe()),
            cid: data.cid(),
            sequence: data.sequence(),
            priority: data.priority(),
            level: data.slots()[0],
            terminated: data.terminated(),
        },
        Packet::ArtDmx(dmx) => Seen {
            universe: Universe::ArtNet(dmx.port_address()),
            cid: Cid::default(),
            sequence: dmx.sequence(),
            priority: 0,
            level: dmx.slots()[0],
            terminated: false,
        },
        other => panic!("{other:?}"),
    }
}

/// Levels of one universe, farewells left out.
fn levels(packets: &[Vec<u8>], universe: &str) -> Vec<u8> {
    let universe: Universe = universe.parse().unwrap();
    let seen = packets.iter().map(|packet| seen(packet));
    seen.filter(|it| it.universe == universe && !it.terminated).map(|it| it.level).collect()
}

#[test]
fn every_packet_arrives_as_it_was_recorded_and_streams_are_ended() {
    let (tape, receiver) = (two_consoles(), Receiver::new());
    let recording = tape.save("replay-all.pcapng");
    let (packets, said) = receiver.play(&recording, &["--keep-cids"]);
    let recorded: Vec<&Vec<u8>> = tape.0.iter().map(|(_, _, bytes)| bytes).collect();
    let (played, farewells) = packets.split_at(recorded.len());
    assert!(played.iter().eq(recorded));
    let farewells: Vec<Seen> = farewells.iter().map(|packet| seen(packet)).collect();
    assert_eq!(farewells.len(), 6, "three for each of two streams");
    for (round, pair) in farewells.chunks(2).enumerate() {
        assert!(pair.iter().all(|farewell| farewell.terminated));
        let sequences = [pair[0].sequence, pair[1].sequence];
        assert_eq!(sequences, [4 + round as u8, 17 + round as u8], "going on");
    }
    for part in ["as recorded to 127.0.0.1", "late p50 ", "p99 ", "max "] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
}

#[test]
fn a_replay_takes_an_identity_of_its_own_for_every_recorded_source() {
    let mut tape = Tape(Vec::new());
    for host in [1, 2, 1, 2] {
        tape.data(0, host, 1, host, host);
    }
    let receiver = Receiver::new();
    let (packets, _) = receiver.play(&tape.save("replay-cids.pcapng"), &[]);
    let cids: Vec<Cid> = packets[..4].iter().map(|packet| seen(packet).cid).collect();
    assert_eq!((cids[0], cids[1]), (cids[2], cids[3]));
    assert_ne!(cids[0], cids[1]);
    assert!(!cids.contains(&Cid([1; 16])) && !cids.contains(&Cid([2; 16])));
}

#[test]
fn universes_are_chosen_and_renumbered() {
    let receiver = Receiver::new();
    let recording = two_consoles().save("replay-map.pcapng");
    let map = ["--universe", "sacn/1,artnet/3", "--map", "sacn/1=sacn/900"];
    let more = ["--map", "artnet/3=artnet/1/2/3", "--priority", "150"];
    let (packets, said) = receiver.play(&recording, &[map, more].concat());
    assert_eq!(levels(&packets, "sacn/900"), (0..10).collect::<Vec<u8>>());
    assert_eq!(levels(&packets, "artnet/1/2/3"), (200..210).collect::<Vec<u8>>());
    assert_eq!(packets.len(), 10 + 10 + 3);
    let sacn = packets.iter().map(|packet| seen(packet)).filter(|it| it.cid != Cid::default());
    assert!(sacn.clone().count() > 0 && sacn.clone().all(|it| it.priority == 150));
    assert!(said.contains("left out: 10 of other universes"), "{said}");
}

#[test]
fn two_universes_are_never_made_one() {
    let receiver = Receiver::new();
    let recording = two_consoles().save("replay-collision.pcapng");
    let ended = wristcast(&receiver.args(&recording, &["--map", "sacn/1=sacn/2"]));
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("sacn/1 and sacn/2 would both become sacn/2"), "{ended:?}");
}

#[test]
fn the_other_protocol_gets_the_levels_under_the_same_numbers() {
    let receiver = Receiver::new();
    let recording = two_consoles().save("replay-as.pcapng");
    let (packets, said) = receiver.play(&recording, &["--as", "artnet"]);
    assert!(said.contains("by levels"), "{said}");
    assert_eq!(levels(&packets, "artnet/1"), (0..10).collect::<Vec<u8>>());
    assert_eq!(levels(&packets, "artnet/2"), (100..110).collect::<Vec<u8>>());
    assert_eq!(levels(&packets, "artnet/3"), (200..210).collect::<Vec<u8>>());

    let one = ["--universe", "artnet/3", "--map", "artnet/3=sacn/5"];
    let (packets, _) = receiver.play(&recording, &one);
    assert_eq!(levels(&packets, "sacn/5"), (200..210).collect::<Vec<u8>>());
    let last = seen(packets.last().unwrap());
    assert!(last.terminated, "{last:?}");
}

#[test]
fn a_part_begins_with_the_levels_held_there() {
    let receiver = Receiver::new();
    let recording = two_consoles().save("replay-seek.pcapng");
    let part = ["--from", "180ms", "--to", "250ms"];
    let (packets, _) = receiver.play(&recording, &part);
    assert_eq!(levels(&packets, "sacn/1"), [4, 5, 6]);
    assert_eq!(levels(&packets, "artnet/3"), [204, 205, 206]);
}

#[test]
fn rounds_follow_each_other_without_a_gap_in_the_sequence() {
    let receiver = Receiver::new();
    let mut tape = Tape(Vec::new());
    for frame in 0..4 {
        tape.data(u64::from(frame), 1, 1, 254_u8.wrapping_add(frame), frame);
        tape.dmx(u64::from(frame), 1, 1, 253 + frame % 3, frame);
        tape.dmx(u64::from(frame), 1, 2, 0, frame);
    }
    let recording = tape.save("replay-loop.pcapng");
    let (packets, said) = receiver.play(&recording, &["--loop=3", "--speed", "2"]);
    assert!(said.contains("3 rounds"), "{said}");
    assert_eq!(levels(&packets, "sacn/1"), [0, 1, 2, 3].repeat(3));
    let sequences = |universe: &str| -> Vec<u8> {
        let universe: Universe = universe.parse().unwrap();
        let seen = packets.iter().map(|packet| seen(packet));
        seen.filter(|it| it.universe == universe).map(|it| it.sequence).collect()
    };
    let counting: Vec<u8> = (0..12 + 3).map(|n| 254_u8.wrapping_add(n)).collect();
    assert_eq!(sequences("sacn/1"), counting);
    // What was out of order stays so; 0 is no number of Art-Net's.
    let rounds = [[253, 254, 255, 253], [254, 255, 1, 254], [255, 1, 2, 255]];
    assert_eq!(sequences("artnet/1"), rounds.as_flattened());
    assert_eq!(sequences("artnet/2"), [0; 12], "who does not count goes on not counting");
}

#[test]
fn synchronization_goes_with_its_universes() {
    let receiver = Receiver::new();
    let mut tape = Tape(Vec::new());
    let address = SacnUniverse::new(100).unwrap();
    for sequence in 0..3 {
        let ms = u64::from(sequence) * 10;
        let set = |fields: &mut DataFields<'_>| {
            (fields.sync_address, fields.sequence) = (100, sequence);
        };
        tape.data_with(ms, 1, 1, &[1], set);
        let sync = sacn::Sync { cid: Cid([1; 16]), sequence, sync_address: address };
        tape.with(ms + 1, 1, |out| sacn::encode_sync(out, &sync));
        tape.with(ms + 2, 2, artnet::encode_sync);
    }
    let recording = tape.save("replay-sync.pcapng");
    let map = ["--map", "sacn/1=sacn/2", "--map", "sacn/100=sacn/200"];
    let (packets, _) = receiver.play(&recording, &map);
    let mut counts = [0; 3];
    let mut cids = Vec::new();
    for packet in &packets {
        match parse(packet).unwrap() {
            Packet::SacnData(data) => {
                assert_eq!((data.universe().number(), data.sync_address()), (2, 200));
                cids.push(data.cid());
                counts[0] += 1;
            }
            Packet::SacnSync(sync) => {
                assert_eq!((sync.sync_address.number(), sync.sequence), (200, counts[1]));
                cids.push(sync.cid);
                counts[1] += 1;
            }
            Packet::ArtSync => counts[2] += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(counts, [3 + 3, 3, 3], "and three farewells");
    assert!(cids.iter().all(|cid| *cid == cids[0]));
}

#[test]
fn nodes_are_neither_polled_nor_programmed() {
    let receiver = Receiver::new();
    let mut tape = Tape(Vec::new());
    tape.dmx(0, 1, 1, 1, 9);
    tape.with(1, 1, |out| artnet::encode_poll(out, &artnet::Poll::default()));
    let address = artnet::AddressFields::default();
    tape.with(2, 1, |out| artnet::encode_address(out, &address));
    let (packets, said) = receiver.play(&tape.save("replay-polls.pcapng"), &[]);
    assert_eq!(packets.len(), 1);
    assert!(said.contains("left out: 2 neither levels"), "{said}");
}

#[test]
fn sacn_is_multicast_unless_told_otherwise() {
    let receiver = Receiver::new();
    let group = Ipv4Addr::new(239, 255, 1, 45);
    receiver.socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
    let mut tape = Tape(Vec::new());
    tape.data(0, 1, 301, 1, 77);
    let recording = tape.save("replay-multicast.pcapng");
    let port = ["--interface", "127.0.0.1", "--sacn-port", &receiver.port];
    let ended = wristcast(&[&["replay", &recording][..], &port].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(seen(&receiver.next()).level, 77);
}

#[test]
fn sigterm_ends_an_endless_replay_with_farewells() {
    let receiver = Receiver::new();
    let mut tape = Tape(Vec::new());
    tape.data(0, 1, 1, 1, 5);
    tape.data(3_600_000, 1, 1, 2, 6);
    let recording = tape.save("replay-term.pcapng");
    let mut replay = Running::start(&receiver.args(&recording, &["--loop"]));
    assert!(replay.line().contains("Ctrl-C ends it"));
    assert_eq!(seen(&receiver.next()).level, 5);
    replay.terminate();
    let farewells: Vec<Seen> = (0..3).map(|_| seen(&receiver.next())).collect();
    assert!(farewells.iter().all(|farewell| farewell.terminated), "{farewells:?}");
    let ended = replay.end();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.starts_with("sent 4 packets"), "{ended:?}");
}

#[test]
fn a_recording_lights_the_bands_of_a_live_relay() {
    let show = "name = \"Rehearsal\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
        [[group]]\nname = \"by-sacn\"\nuniverse = \"sacn/1\"\naddress = 1\npersonality = \"rgb\"\n\
        [[group]]\nname = \"by-artnet\"\nuniverse = \"artnet/3\"\naddress = 1\n\
        personality = [\"red\", \"green\"]\n\
        [[radio]]\nkind = \"simulated\"\nbands_per_group = 2\n";
    let show = file("replay-live.toml", show);
    let mut tape = Tape(Vec::new());
    for second in 0..600 {
        tape.data(second * 1000, 1, 1, second as u8, 40);
        tape.dmx(second * 1000, 2, 3, 0, 50);
    }
    let recording = tape.save("replay-live.pcapng");
    let mut replay = Running::start(&["replay", &recording, "--show", &show]);
    let api = replay.line();
    let api = api.trim().strip_prefix("API ").expect("where the API is").to_owned();
    let bands = eventually("every band shows the recording", || {
        let body =
            ureq::get(format!("{api}/api/v1/bands")).call().ok()?.body_mut().read_to_string();
        let bands: Value = serde_json::from_str(&body.ok()?).ok()?;
        let reds: Vec<u64> =
            bands.as_array()?.iter().filter_map(|band| band["look"]["red"].as_u64()).collect();
        (reds == [40, 40, 50, 50]).then_some(reds.len())
    });
    assert_eq!(bands, 4);
    replay.terminate();
    let ended = replay.end();
    assert_eq!(ended.code, 0, "{ended:?}");
    for part in ["a relay on loopback", "sent ", "stopped after ", ", 0 dropped by the system"] {
        assert!(ended.stdout.contains(part), "no `{part}` in {}", ended.stdout);
    }
}
