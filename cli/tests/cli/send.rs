//! `wristcast send`: what arrives at a receiver, read by the relay's own parsers. The packets are
//! built by other crates, so this also holds the parsers against them.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use wristcast_core::universe::Universe;
use wristcast_core::wire::{self, Packet};

use crate::wristcast::{PATIENCE, Running, free_udp_port, wristcast};

/// A receiver on a free port of loopback; unicast and broadcast reach it.
fn receiver() -> (UdpSocket, String) {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    (socket, port)
}

/// Reads one datagram and gives it to `look`.
fn next<T>(socket: &UdpSocket, look: impl FnOnce(Packet<'_>, SocketAddr) -> T) -> T {
    let mut buffer = [0; 2048];
    let (len, from) = socket.recv_from(&mut buffer).expect("a packet");
    look(wire::parse(&buffer[..len]).expect("a sound packet"), from)
}

/// What a test wants to know of an sACN packet.
#[derive(Debug, PartialEq, Eq)]
struct Sacn {
    universe: u16,
    sequence: u8,
    priority: u8,
    name: String,
    terminated: bool,
    slots: Vec<u8>,
}

fn next_sacn(socket: &UdpSocket) -> Sacn {
    next(socket, |packet, _| match packet {
        Packet::SacnData(data) => {
            assert_eq!((data.start_code(), data.preview(), data.sync_address()), (0, false, 0));
            Sacn {
                universe: data.universe().number(),
                sequence: data.sequence(),
                priority: data.priority(),
                name: data.source_name().to_string(),
                terminated: data.terminated(),
                slots: data.slots().to_vec(),
            }
        }
        other => panic!("{other:?} instead of sACN levels"),
    })
}

#[test]
fn sacn_goes_to_the_address_asked_for_and_ends_with_three_terminations() {
    let (socket, port) = receiver();
    let ended = wristcast(&[
        "send",
        "solid",
        "sacn/7",
        "--colour",
        "#0a141e",
        "--to",
        "127.0.0.1",
        "--sacn-port",
        &port,
        "--priority",
        "150",
        "--source-name",
        "Test desk",
        "--rate",
        "100",
        "--for",
        "50ms",
    ]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    let mut levels = [10, 20, 30].repeat(170);
    levels.extend([0, 0]);
    let first = next_sacn(&socket);
    assert_eq!(first.slots, levels);
    assert_eq!((first.universe, first.priority, &*first.name), (7, 150, "Test desk"));
    let mut packets = vec![first];
    while packets.iter().filter(|packet| packet.terminated).count() < 3 {
        packets.push(next_sacn(&socket));
    }
    let sequences: Vec<u8> = packets.iter().map(|packet| packet.sequence).collect();
    let counting: Vec<u8> = (sequences[0]..).take(packets.len()).collect();
    assert_eq!(sequences, counting);
    let ends = packets.iter().skip_while(|packet| !packet.terminated).count();
    assert_eq!(ends, 3, "nothing comes after the end");
    assert!(ended.stdout.contains(&format!("sent {} packets", packets.len())), "{ended:?}");
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 1]).is_err(), "more packets than counted");
}

#[test]
fn every_universe_of_a_list_gets_its_part_of_the_pattern() {
    let (socket, port) = receiver();
    let _sender = Running::start(&[
        "send",
        "chase",
        "sacn/1..2,9",
        "--count",
        "2",
        "--period",
        "1h",
        "--colour",
        "red",
        "--to",
        "127.0.0.1",
        "--sacn-port",
        &port,
    ]);
    // Six fixtures, of which the first and the fifth are lit.
    let packets: Vec<Sacn> = (0..3).map(|_| next_sacn(&socket)).collect();
    let universes: Vec<u16> = packets.iter().map(|packet| packet.universe).collect();
    assert_eq!(universes, [1, 2, 9]);
    let reds: Vec<_> = packets.iter().map(|packet| [packet.slots[0], packet.slots[3]]).collect();
    assert_eq!(reds, [[255, 0], [0, 0], [255, 0]]);
}

#[test]
fn sacn_is_multicast_unless_told_otherwise() {
    let (socket, port) = receiver();
    socket.join_multicast_v4(&Ipv4Addr::new(239, 255, 1, 44), &Ipv4Addr::LOCALHOST).unwrap();
    let _sender = Running::start(&[
        "send",
        "full",
        "sacn/300",
        "--interface",
        "127.0.0.1",
        "--sacn-port",
        &port,
    ]);
    let packet = next_sacn(&socket);
    assert_eq!((packet.universe, packet.priority), (300, 100));
    assert_eq!(packet.slots[..510], [255; 510]);
}

#[test]
fn a_multicasting_source_announces_its_universes() {
    let (socket, port) = receiver();
    let discovery = Ipv4Addr::new(239, 255, 250, 214);
    socket.join_multicast_v4(&discovery, &Ipv4Addr::LOCALHOST).unwrap();
    let _sender = Running::start(&[
        "send",
        "full",
        "sacn/9,3",
        "artnet/1",
        "--interface",
        "127.0.0.1",
        "--sacn-port",
        &port,
        "--artnet-port",
        &free_udp_port().to_string(),
    ]);
    // Levels come here, too, if another program on this machine has joined their groups.
    let is_discovery = |packet: Packet<'_>| match packet {
        Packet::SacnDiscovery(discovery) => {
            let universes: Vec<u16> = discovery.universes().map(|u| u.number()).collect();
            assert_eq!(universes, [3, 9]);
            assert_eq!((discovery.page(), discovery.last_page()), (0, 0));
            true
        }
        Packet::SacnData(_) => false,
        other => panic!("{other:?} instead of discovery"),
    };
    while !next(&socket, |packet, _| is_discovery(packet)) {}
}

#[test]
fn artnet_is_broadcast_on_the_interface_and_counts_its_sequence_without_0() {
    let (socket, port) = receiver();
    let _sender = Running::start(&[
        "send",
        "full",
        "artnet/1/2/3",
        "--personality",
        "drgbsf",
        "--address",
        "10",
        "--count",
        "1",
        "--interface",
        "127.0.0.1",
        "--artnet-port",
        &port,
        "--rate",
        "1000",
    ]);
    let mut expected = None;
    for _ in 0..600 {
        next(&socket, |packet, _| match packet {
            Packet::ArtDmx(dmx) => {
                assert_eq!(Universe::ArtNet(dmx.port_address()).to_string(), "artnet/1/2/3");
                assert_eq!(dmx.slots().len(), 512);
                assert_eq!(dmx.slots()[8..16], [0, 255, 255, 255, 255, 0, 0, 0]);
                let sequence = dmx.sequence();
                assert!(expected.is_none_or(|expected| sequence == expected), "{sequence}");
                expected = Some(sequence % 255 + 1);
            }
            other => panic!("{other:?} instead of ArtDmx"),
        });
    }
}

#[test]
fn packets_leave_from_a_port_that_is_not_the_protocols() {
    // A second socket on 5568 or 6454 would take a relay's unicast on this machine.
    let (socket, port) = receiver();
    let _sender =
        Running::start(&["send", "full", "artnet/1", "--to", "127.0.0.1", "--artnet-port", &port]);
    next(&socket, |_, from| assert!(![5568, 6454].contains(&from.port()), "{from}"));
}

#[test]
fn sigterm_ends_the_streams_properly() {
    let (socket, port) = receiver();
    let mut sender =
        Running::start(&["send", "full", "sacn/1", "--to", "127.0.0.1", "--sacn-port", &port]);
    assert!(sender.line().starts_with("sending full on sacn/1 to 127.0.0.1"));
    next_sacn(&socket);
    sender.terminate();
    while !next_sacn(&socket).terminated {}
    let ended = sender.end();
    assert_eq!(ended.code, 0);
    assert!(ended.stdout.starts_with("sent "), "{}", ended.stdout);
}

#[test]
fn an_interface_that_is_not_here_is_code_3_and_names_those_that_are() {
    let ended = wristcast(&["send", "full", "sacn/1", "--interface", "nope0"]);
    assert_eq!(ended.code, 3);
    assert!(ended.stderr.contains("`nope0`") && ended.stderr.contains("127.0.0.1"), "{ended:?}");
}
