//! The parsers against second opinions: the crates `sacn` 0.11.1 and `artnet_protocol` 0.4.4.
//!
//! Both sides read the same bytes, real and generated, sound and mutated. They must take the same
//! packets and read the same values from them, but for the [`DISAGREEMENTS`]: each is named, kept
//! as narrow as can be, has an example, and says what the standard says.

use std::cell::Cell;
use std::panic;

use artnet_protocol::ArtCommand;
use proptest::prelude::*;
use sacn::packet::{
    AcnRootLayerProtocol, E131RootLayerData, universe_to_ipv4_multicast_addr,
    universe_to_ipv6_multicast_addr,
};
use wristcast_core::receive::{sacn_group_v4, sacn_group_v6};
use wristcast_core::universe::{PortAddress, SacnUniverse};
use wristcast_core::wire::{self, Packet, artnet, sacn as ours_sacn};
use wristcast_tests::Capture;

/// What a datagram says, as far as both sides read it.
#[derive(Debug, PartialEq)]
enum Reading {
    Data {
        cid: [u8; 16],
        name: String,
        priority: u8,
        sync_address: u16,
        sequence: u8,
        preview: bool,
        terminated: bool,
        force_synchronization: bool,
        universe: u16,
        start_code: u8,
        slots: Vec<u8>,
    },
    Sync {
        cid: [u8; 16],
        sequence: u8,
        sync_address: u16,
    },
    Discovery {
        cid: [u8; 16],
        name: String,
        page: u8,
        last_page: u8,
        universes: Vec<u16>,
    },
    Dmx {
        sequence: u8,
        physical: u8,
        port_address: u16,
        slots: Vec<u8>,
    },
    ArtSync,
    Poll {
        flags: u8,
        diag_priority: u8,
    },
    PollReply {
        ip: [u8; 4],
        port: u16,
        port_address: [u8; 2],
        short_name: Vec<u8>,
        long_name: Vec<u8>,
        num_ports: u16,
        port_types: [u8; 4],
        good_output: [u8; 4],
        sw_out: [u8; 4],
        bind_ip: [u8; 4],
        bind_index: u8,
        status_2: u8,
    },
    TimeCode([u8; 6]),
}

fn ours(bytes: &[u8]) -> Option<Reading> {
    match wire::parse(bytes).ok()? {
        Packet::SacnData(data) => Some(Reading::Data {
            cid: data.cid().0,
            name: String::from_utf8_lossy(data.source_name().bytes()).into_owned(),
            priority: data.priority(),
            sync_address: data.sync_address(),
            sequence: data.sequence(),
            preview: data.preview(),
            terminated: data.terminated(),
            force_synchronization: data.force_synchronization(),
            universe: data.universe().number(),
            start_code: data.start_code(),
            slots: data.slots().to_vec(),
        }),
        Packet::SacnSync(sync) => Some(Reading::Sync {
            cid: sync.cid.0,
            sequence: sync.sequence,
            sync_address: sync.sync_address.number(),
        }),
        Packet::SacnDiscovery(discovery) => Some(Reading::Discovery {
            cid: discovery.cid().0,
            name: String::from_utf8_lossy(discovery.source_name().bytes()).into_owned(),
            page: discovery.page(),
            last_page: discovery.last_page(),
            universes: discovery.universes().map(SacnUniverse::number).collect(),
        }),
        Packet::ArtDmx(dmx) => Some(Reading::Dmx {
            sequence: dmx.sequence(),
            physical: dmx.physical(),
            port_address: dmx.port_address().address(),
            slots: dmx.slots().to_vec(),
        }),
        Packet::ArtSync => Some(Reading::ArtSync),
        Packet::ArtPoll(poll) => Some(Reading::Poll {
            flags: u8::from(poll.reply_on_change) << 1
                | u8::from(poll.diagnostics) << 2
                | u8::from(poll.diagnostics_unicast) << 3,
            diag_priority: poll.diag_priority,
        }),
        Packet::ArtPollReply(reply) => Some(Reading::PollReply {
            ip: reply.ip().octets(),
            port: reply.port(),
            port_address: [reply.net(), reply.sub_net()],
            short_name: reply.short_name().bytes().to_vec(),
            long_name: reply.long_name().bytes().to_vec(),
            num_ports: reply.num_ports(),
            port_types: reply.port_types(),
            good_output: reply.good_output_a(),
            sw_out: reply.sw_out(),
            bind_ip: reply.bind_ip().octets(),
            bind_index: reply.bind_index(),
            status_2: reply.status_2(),
        }),
        Packet::ArtTimeCode(time) => Some(Reading::TimeCode([
            time.stream,
            time.frames,
            time.seconds,
            time.minutes,
            time.hours,
            time.kind,
        ])),
        _ => None,
    }
}

fn theirs(bytes: &[u8]) -> Option<Reading> {
    if bytes.starts_with(b"Art-Net\0") { their_artnet(bytes) } else { their_sacn(bytes) }
}

fn their_sacn(bytes: &[u8]) -> Option<Reading> {
    let pdu = without_panic(|| AcnRootLayerProtocol::parse(bytes).ok())?.pdu;
    let cid = *pdu.cid.as_bytes();
    Some(match pdu.data {
        E131RootLayerData::DataPacket(data) => {
            let (start_code, slots) = data.data.property_values.split_first().unwrap_or((&0, &[]));
            Reading::Data {
                cid,
                name: data.source_name.into_owned(),
                priority: data.priority,
                sync_address: data.synchronization_address,
                sequence: data.sequence_number,
                preview: data.preview_data,
                terminated: data.stream_terminated,
                force_synchronization: data.force_synchronization,
                universe: data.universe,
                start_code: *start_code,
                slots: slots.to_vec(),
            }
        }
        E131RootLayerData::SynchronizationPacket(sync) => Reading::Sync {
            cid,
            sequence: sync.sequence_number,
            sync_address: sync.synchronization_address,
        },
        E131RootLayerData::UniverseDiscoveryPacket(discovery) => Reading::Discovery {
            cid,
            name: discovery.source_name.into_owned(),
            page: discovery.data.page,
            last_page: discovery.data.last_page,
            universes: discovery.data.universes.into_owned(),
        },
    })
}

fn their_artnet(bytes: &[u8]) -> Option<Reading> {
    let until_nul = |field: &[u8]| field.split(|&b| b == 0).next().unwrap_or_default().to_vec();
    Some(match ArtCommand::from_buffer(bytes).ok()? {
        ArtCommand::Output(output) => Reading::Dmx {
            sequence: output.sequence,
            physical: output.physical,
            port_address: output.port_address.into(),
            slots: output.data.as_ref().clone(),
        },
        ArtCommand::Sync => Reading::ArtSync,
        ArtCommand::Poll(poll) => Reading::Poll {
            flags: poll.talk_to_me.bits() & 0x0E,
            diag_priority: poll.diagnostics_priority,
        },
        ArtCommand::PollReply(reply) => Reading::PollReply {
            ip: reply.address.octets(),
            port: reply.port,
            port_address: [reply.port_address[0] & 0x7F, reply.port_address[1] & 0x0F],
            short_name: until_nul(&reply.short_name),
            long_name: until_nul(&reply.long_name),
            num_ports: u16::from_be_bytes(reply.num_ports),
            port_types: reply.port_types,
            good_output: reply.good_output,
            sw_out: reply.swout,
            bind_ip: reply.bind_ip,
            bind_index: reply.bind_index,
            status_2: reply.status_2,
        },
        ArtCommand::OpTimeCode(time) => Reading::TimeCode([
            time.stream_id,
            time.frames,
            time.seconds,
            time.minutes,
            time.hours,
            time.frame_type as u8,
        ]),
        _ => return None,
    })
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// The crate `sacn` indexes past the end of some packets. Here that counts as refusing them, and
/// makes no noise.
fn without_panic<T>(parse: impl FnOnce() -> Option<T> + panic::UnwindSafe) -> Option<T> {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    QUIET.set(true);
    let parsed = panic::catch_unwind(parse);
    QUIET.set(false);
    parsed.ok().flatten()
}

/// A way in which both sides may differ.
struct Disagreement {
    name: &'static str,
    /// Whether a packet is of this kind.
    holds: fn(&[u8]) -> bool,
    /// Such a packet.
    example: fn() -> Vec<u8>,
}

/// Where a reading of ours and one of theirs may differ. In all others they are equal.
const DISAGREEMENTS: &[Disagreement] = &[
    Disagreement {
        // E1.31 §7.6 wants count and length to agree. We go by the count as long as it stays inside
        // the PDU, as ETC's library and OLA do: light from a sloppy sender is better than none.
        name: "sACN, fewer values than the DMP layer has room for: taken here, refused there",
        holds: |p| is_sacn(p, 4, 2) && u16_at(p, 123) + 10 < length_at(p, 115),
        example: || patched(data(4), &[(123, &[0, 3])]),
    },
    Disagreement {
        // E1.31 §7.6: 1 to 513, the START code counts.
        name: "sACN, no START code: refused here, taken there",
        holds: |p| is_sacn(p, 4, 2) && u16_at(p, 123) == 0,
        example: || {
            patched(
                data(0),
                &[(16, &[0x70, 109]), (38, &[0x70, 87]), (115, &[0x70, 10]), (123, &[0, 0])],
            )
        },
    },
    Disagreement {
        // E1.31 §6.2.2 wants UTF-8 and a NUL at the end. A name is for people: a bad one is shown
        // as well as can be, and does not darken the stage.
        name: "sACN, name not UTF-8 or without NUL: taken here, refused there",
        holds: |p| {
            (is_sacn(p, 4, 2) || is_sacn(p, 8, 2))
                && p.len() > 108
                && (name(p).len() == 64 || std::str::from_utf8(name(p)).is_err())
        },
        example: || patched(data(4), &[(44, &[b'x'; 64])]),
    },
    Disagreement {
        // E1.31 §6.2.4 gives no verdict on data for an address that no synchronization packet has.
        // It is unsynchronised, like data for any address nobody synchronises.
        name: "sACN data, synchronization address above 63999: taken here, refused there",
        holds: |p| is_sacn(p, 4, 2) && u16_at(p, 109) > 63_999,
        example: || patched(data(4), &[(109, &[0xFA, 0x00])]),
    },
    Disagreement {
        // Bytes that a later edition may append inside the PDU are as harmless as those after it.
        name: "sACN synchronization, longer than it needs to be: taken here, refused there",
        holds: |p| is_sacn(p, 8, 1) && length_at(p, 38) > 11,
        example: || [patched(sync(), &[(16, &[0x70, 35]), (38, &[0x70, 13])]), vec![0, 0]].concat(),
    },
    Disagreement {
        // Not in any edition of the standard, but what OLA sends.
        name: "sACN universe discovery in OLA's draft form: taken here, refused there",
        holds: |p| is_sacn(p, 4, 4),
        example: || {
            let mut packet =
                patched(data(0), &[(16, &[0x70, 105]), (38, &[0x70, 83]), (40, &[0, 0, 0, 4])]);
            packet.truncate(115);
            packet.extend([0, 0, 0, 1, 0, 2]);
            packet
        },
    },
    Disagreement {
        // E1.31 §8.5 wants the list sorted, and there it must be; nothing depends on it. Numbers
        // that are no universe are kept there and left out here.
        name: "sACN universe discovery, not sorted, or numbers that are no universe",
        holds: |p| {
            let universe = |&number: &u16| SacnUniverse::new(number).is_some();
            is_sacn(p, 8, 2)
                && !(list(p).is_sorted_by(|a, b| a < b) && list(p).iter().all(universe))
        },
        example: || discovery(&[2, 1]),
    },
    Disagreement {
        // E1.31 §8.5: universes are two bytes each.
        name: "sACN universe discovery, half a universe: refused here, cut off there",
        holds: |p| is_sacn(p, 8, 2) && !length_at(p, 112).is_multiple_of(2),
        example: || {
            let longer = [(16, &[0x70, 107][..]), (38, &[0x70, 85]), (112, &[0x70, 11])];
            [patched(discovery(&[1]), &longer), vec![0]].concat()
        },
    },
    Disagreement {
        // As with the DMP layer.
        name: "sACN universe discovery, shorter than its framing layer: taken here, refused there",
        holds: |p| is_sacn(p, 8, 2) && length_at(p, 112) + 74 < length_at(p, 38),
        example: || patched(discovery(&[1, 2]), &[(112, &[0x70, 10])]),
    },
    Disagreement {
        // Receivers: ProtVer >= 14.
        name: "Art-Net, protocol version below 14: refused here, taken there",
        holds: |p| is_artnet(p) && opcode(p) != 0x2100 && u16_at(p, 10) < 14,
        example: || patched(dmx(4), &[(11, &[13])]),
    },
    Disagreement {
        // ArtDmx, Length: there, whatever is in the datagram is levels, padding and slots past 512
        // too, and a length that lies does no harm.
        name: "ArtDmx, length other than what is in the datagram: obeyed here, ignored there",
        holds: |p| {
            is_artnet(p)
                && opcode(p) == 0x5000
                && (p.len() < 18
                    || usize::from(u16_at(p, 16)) + 18 != p.len()
                    || !(1..=512).contains(&u16_at(p, 16)))
        },
        example: || patched(dmx(4), &[(16, &[0, 2])]),
    },
    Disagreement {
        // ArtPollReply: receivers must take 207 bytes or more.
        name: "ArtPollReply of 207 to 238 bytes: taken here, refused there",
        holds: |p| is_artnet(p) && opcode(p) == 0x2100 && (207..239).contains(&p.len()),
        example: || poll_reply()[..207].to_vec(),
    },
    Disagreement {
        // ArtTimeCode, Type: 0 to 3. It is not acted on here.
        name: "ArtTimeCode of a type above 3: taken here, refused there",
        holds: |p| is_artnet(p) && opcode(p) == 0x9700 && p.len() >= 19 && p[18] > 3,
        example: || patched(time_code(), &[(18, &[4])]),
    },
];

fn u16_at(p: &[u8], at: usize) -> u16 {
    p.get(at..at + 2).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]))
}

fn length_at(p: &[u8], at: usize) -> u16 {
    u16_at(p, at) & 0x0FFF
}

fn is_sacn(p: &[u8], root: u16, framing: u16) -> bool {
    u16_at(p, 20) == root && u16_at(p, 42) == framing && p.get(4..7) == Some(b"ASC")
}

fn is_artnet(p: &[u8]) -> bool {
    p.starts_with(b"Art-Net\0")
}

fn opcode(p: &[u8]) -> u16 {
    u16_at(p, 8).swap_bytes()
}

fn name(p: &[u8]) -> &[u8] {
    p[44..108].split(|&b| b == 0).next().unwrap_or_default()
}

fn list(p: &[u8]) -> Vec<u16> {
    let end = (112 + usize::from(length_at(p, 112))).clamp(120, p.len().max(120));
    let bytes = p.get(120..end).unwrap_or_default();
    bytes.as_chunks::<2>().0.iter().map(|b| u16::from_be_bytes(*b)).collect()
}

fn patched(mut packet: Vec<u8>, patches: &[(usize, &[u8])]) -> Vec<u8> {
    for (at, bytes) in patches {
        packet[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    packet
}

fn encoded(encode: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
    let mut out = vec![0; 1500];
    let len = encode(&mut out).expect("the packet fits");
    out.truncate(len);
    out
}

const CID: ours_sacn::Cid = ours_sacn::Cid(*b"a desk of sixtee");

fn universe(number: u16) -> SacnUniverse {
    SacnUniverse::new(number).expect("a universe")
}

fn data(slots: usize) -> Vec<u8> {
    let fields = ours_sacn::DataFields::new(CID, "desk", universe(1));
    encoded(|out| ours_sacn::encode_data(out, &fields, &vec![7; slots]))
}

fn sync() -> Vec<u8> {
    let sync = ours_sacn::Sync { cid: CID, sequence: 1, sync_address: universe(100) };
    encoded(|out| ours_sacn::encode_sync(out, &sync))
}

fn discovery(numbers: &[u16]) -> Vec<u8> {
    let universes: Vec<_> = numbers.iter().map(|&number| universe(number)).collect();
    encoded(|out| ours_sacn::encode_discovery(out, CID, "desk", (0, 0), &universes))
}

fn dmx(slots: usize) -> Vec<u8> {
    let port_address = PortAddress::new(0x0123).expect("a port-address");
    let fields = artnet::DmxFields { sequence: 1, physical: 2, port_address };
    encoded(|out| artnet::encode_dmx(out, &fields, &vec![7; slots]))
}

fn poll_reply() -> Vec<u8> {
    let mut packet = b"Art-Net\0\x00\x21\x0A\x00\x00\x01\x36\x19\x00\x01\x01\x02".to_vec();
    packet.resize(26, 0);
    packet.extend(b"node\0");
    packet.resize(173, 0);
    packet.extend([2, 0x80, 0x80]);
    packet.resize(239, 0);
    packet
}

fn poll() -> Vec<u8> {
    let poll = artnet::Poll { reply_on_change: true, diag_priority: 0x40, ..Default::default() };
    encoded(|out| artnet::encode_poll(out, &poll))
}

fn time_code() -> Vec<u8> {
    let time = artnet::TimeCode { stream: 1, frames: 2, seconds: 3, minutes: 4, hours: 5, kind: 1 };
    encoded(|out| artnet::encode_time_code(out, &time))
}

fn samples() -> Vec<Vec<u8>> {
    vec![
        data(0),
        data(24),
        data(512),
        sync(),
        discovery(&[]),
        discovery(&[1, 2, 63_999]),
        dmx(2),
        dmx(512),
        encoded(artnet::encode_sync),
        poll(),
        poll_reply(),
        time_code(),
    ]
}

/// Both sides read the same, or differ in a way that is listed.
#[track_caller]
fn compare(packet: &[u8]) {
    let (ours, theirs) = (ours(packet), theirs(packet));
    if ours != theirs && !DISAGREEMENTS.iter().any(|known| (known.holds)(packet)) {
        panic!("ours {ours:?}\ntheirs {theirs:?}\npacket {packet:02x?}");
    }
}

#[test]
fn both_sides_read_sound_packets_alike() {
    for packet in samples() {
        assert!(ours(&packet).is_some(), "{packet:02x?}");
        assert_eq!(ours(&packet), theirs(&packet));
    }
}

#[test]
fn both_sides_read_what_lighting_software_sends_alike() {
    let mut drafts = 0;
    for name in ["ola_fade_sacn_artnet", "stupidartnet", "npm_sacn", "rustlight_sync"] {
        for packet in Capture::load(name).packets {
            let payload = &packet.payload;
            assert!(ours(payload).is_some(), "{name}: {payload:02x?}");
            if is_sacn(payload, 4, 4) {
                drafts += 1;
            } else {
                assert_eq!(ours(payload), theirs(payload), "{name}");
            }
        }
    }
    assert_eq!(drafts, 4, "universe discovery in OLA's draft form");
}

#[test]
fn both_sides_draw_the_same_bounds() {
    let priority = |priority| patched(data(1), &[(108, &[priority])]);
    let on = |number: u16| patched(data(1), &[(113, &number.to_be_bytes())]);
    let net = |net| patched(dmx(2), &[(15, &[net])]);
    let wait = |number: u16| patched(sync(), &[(45, &number.to_be_bytes())]);
    let packets = [
        (priority(200), true),
        (priority(201), false),
        (on(0), false),
        (on(1), true),
        (on(63_999), true),
        (on(64_000), false),
        (wait(0), false),
        (wait(63_999), true),
        (wait(64_000), false),
        (data(512), true),
        (too_many_slots(), false),
        (net(0x7F), true),
        (net(0x80), false),
        (dmx(1), true),
        (dmx(2), true),
        (dmx(511), true),
        (dmx(512), true),
    ];
    for (packet, taken) in packets {
        assert_eq!(ours(&packet).is_some(), taken, "{packet:02x?}");
        assert_eq!(ours(&packet), theirs(&packet));
    }
    for length in [0u16, 513] {
        let packet = patched([dmx(512), vec![7]].concat(), &[(16, &length.to_be_bytes())]);
        assert_eq!(ours(&packet), None, "{length}");
    }
}

/// 513 slots, all lengths right.
fn too_many_slots() -> Vec<u8> {
    let lengths = [(16, &[0x72, 0x6F][..]), (38, &[0x72, 0x59]), (115, &[0x72, 0x0C])];
    let packet = patched([data(512), vec![7]].concat(), &lengths);
    patched(packet, &[(123, &[0x02, 0x02])])
}

#[test]
fn both_sides_refuse_a_packet_cut_anywhere_or_differ_as_listed() {
    for packet in samples() {
        (0..packet.len()).for_each(|len| compare(&packet[..len]));
    }
}

#[test]
fn every_disagreement_has_an_example_that_no_other_explains() {
    for known in DISAGREEMENTS {
        let packet = (known.example)();
        assert_ne!(ours(&packet), theirs(&packet), "{}", known.name);
        let explained: Vec<_> =
            DISAGREEMENTS.iter().filter(|it| (it.holds)(&packet)).map(|it| it.name).collect();
        assert_eq!(explained, [known.name]);
    }
}

#[test]
fn what_the_crates_write_is_read_here() {
    for packet in samples() {
        let again = if is_artnet(&packet) {
            let Ok(
                command @ (ArtCommand::Output(_) | ArtCommand::Poll(_) | ArtCommand::PollReply(_)),
            ) = ArtCommand::from_buffer(&packet)
            else {
                continue;
            };
            command.write_to_buffer().unwrap()
        } else {
            AcnRootLayerProtocol::parse(&packet).unwrap().pack_alloc().unwrap()
        };
        assert_eq!(ours(&again), ours(&packet));
    }
}

#[test]
fn multicast_groups_of_universes_are_the_same() {
    for universe in [1, 255, 256, 0xABC, 63_999] {
        let v4 = universe_to_ipv4_multicast_addr(universe).unwrap();
        assert_eq!(v4.as_socket().unwrap().ip(), sacn_group_v4(universe));
        let v6 = universe_to_ipv6_multicast_addr(universe).unwrap();
        assert_eq!(v6.as_socket().unwrap().ip(), sacn_group_v6(universe));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_sides_read_mutated_packets_alike_or_differ_as_listed(
        sample in prop::sample::select(samples()),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        // Most fields are at the start; without this few mutations would hit them.
        near in prop::collection::vec((0usize..126, any::<u8>()), 0..3),
        len in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        tail in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut packet = sample;
        for (at, byte) in mutations {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        for (at, byte) in near {
            if let Some(old) = packet.get_mut(at) {
                *old = byte;
            }
        }
        match len {
            Some(len) => packet.truncate(len.index(packet.len())),
            None => packet.extend(tail),
        }
        compare(&packet);
    }
}
