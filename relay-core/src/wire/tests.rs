//! What holds for every packet of both protocols.

use proptest::prelude::*;

use super::*;
use crate::universe::{PortAddress, SacnUniverse};

/// One sound packet of each kind, to mutate.
fn samples() -> Vec<Vec<u8>> {
    let universe = SacnUniverse::new(1).unwrap();
    let port_address = PortAddress::new(0x0123).unwrap();
    let cid = sacn::Cid(*b"a desk of sixtee");
    let data = sacn::DataFields::new(cid, "desk", universe);
    let dmx = artnet::DmxFields { sequence: 1, physical: 0, port_address };
    let time =
        artnet::TimeCode { stream: 0, frames: 24, seconds: 1, minutes: 2, hours: 3, kind: 1 };
    let reply = artnet::PollReplyFields {
        ip: std::net::Ipv4Addr::LOCALHOST,
        port: artnet::PORT,
        firmware: 1,
        net: 1,
        sub_net: 2,
        oem: 0xFF,
        status_1: 0xD0,
        esta: 0x7FF0,
        short_name: text_field("node"),
        long_name: text_field("node"),
        node_report: text_field("#0001 [0000] fine"),
        port_types: [0x80; 4],
        good_output_a: [0x80; 4],
        sw_out: [0, 1, 2, 3],
        style: 0,
        mac: [2; 6],
        bind_ip: std::net::Ipv4Addr::LOCALHOST,
        bind_index: 1,
        status_2: 8,
        good_output_b: [0x80; 4],
        status_3: 0,
    };
    type Encode<'a> = &'a dyn Fn(&mut [u8]) -> Option<usize>;
    let encoders: [Encode<'_>; 10] = [
        &|out| sacn::encode_data(out, &data, &[7; 24]),
        &|out| sacn::encode_sync(out, &sacn::Sync { cid, sequence: 1, sync_address: universe }),
        &|out| sacn::encode_discovery(out, cid, "desk", (0, 0), &[universe; 3]),
        &|out| artnet::encode_dmx(out, &dmx, &[7; 24]),
        &artnet::encode_sync,
        &|out| artnet::encode_nzs(out, 1, 0x17, port_address, b"text"),
        &|out| artnet::encode_poll(out, &artnet::Poll::default()),
        &|out| artnet::encode_poll_reply(out, &reply),
        &|out| artnet::encode_address(out, &artnet::AddressFields::default()),
        &|out| artnet::encode_time_code(out, &time),
    ];
    let mut samples: Vec<Vec<u8>> = encoders
        .iter()
        .map(|encode| {
            let mut out = vec![0; 1500];
            let len = encode(&mut out).unwrap();
            out.truncate(len);
            out
        })
        .collect();
    for opcode in [0x2300u16, 0x2400, 0x7000, 0x9900, 0xF800] {
        let mut packet = b"Art-Net\0".to_vec();
        packet.extend(opcode.to_le_bytes());
        packet.extend([0, 14]);
        packet.resize(40, 0);
        samples.push(packet);
    }
    samples
}

#[test]
fn every_sample_is_a_packet_of_a_kind_of_its_own() {
    let samples = samples();
    let mut kinds: Vec<_> =
        samples.iter().map(|packet| std::mem::discriminant(&parse(packet).unwrap())).collect();
    assert!(samples.iter().all(|packet| !matches!(parse(packet), Ok(Packet::Other(_)))));
    while let Some(kind) = kinds.pop() {
        assert!(!kinds.contains(&kind), "{kind:?}");
    }
}

#[test]
fn a_sound_packet_survives_the_round_trip() {
    samples().iter().for_each(|packet| fuzz::packet(packet));
}

#[test]
fn labels_of_malformed_packets_are_unique_and_fit_for_counters() {
    let mut labels: Vec<_> = Malformed::ALL.iter().map(|malformed| malformed.label()).collect();
    for (index, malformed) in Malformed::ALL.iter().enumerate() {
        assert_eq!(malformed.index(), index);
        let snake = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        assert!(malformed.label().bytes().all(snake), "{}", malformed.label());
        assert!(malformed.to_string().contains(": "), "{malformed}");
    }
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), Malformed::COUNT);
}

#[test]
fn noise_is_of_another_protocol() {
    for noise in [&b""[..], b"\0", b"Art-Net", b"GET / HTTP/1.1\r\n", &[0xFF; 65_507]] {
        let parsed = parse(noise);
        assert!(matches!(parsed, Ok(Packet::Other(Foreign::Protocol))), "{parsed:?}");
    }
}

proptest! {
    #[test]
    fn no_datagram_makes_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..1500)) {
        fuzz::packet(&bytes);
        for identifier in [&b"Art-Net\0"[..], b"\0\x10\0\0ASC-E1.17\0\0\0"] {
            fuzz::packet(&[identifier, &bytes].concat());
        }
    }

    #[test]
    fn no_mutation_of_a_packet_makes_the_parser_panic(
        sample in prop::sample::select(samples()),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        len in any::<prop::sample::Index>(),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut packet = sample;
        for (at, byte) in mutations {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        fuzz::packet(&packet);
        fuzz::packet(&packet[..len.index(packet.len())]);
        packet.extend(tail);
        fuzz::packet(&packet);
    }

    #[test]
    fn sacn_data_comes_out_as_it_went_in(
        cid in any::<[u8; 16]>(),
        source_name in "\\PC{0,15}",
        priority in 0u8..=200,
        sync_address in any::<u16>(),
        sequence in any::<u8>(),
        (preview, terminated, force_synchronization) in any::<(bool, bool, bool)>(),
        universe in 1u16..=63_999,
        start_code in any::<u8>(),
        slots in prop::collection::vec(any::<u8>(), 0..=512),
    ) {
        let fields = sacn::DataFields {
            cid: sacn::Cid(cid),
            source_name: &source_name,
            priority,
            sync_address,
            sequence,
            preview,
            terminated,
            force_synchronization,
            universe: SacnUniverse::new(universe).unwrap(),
            start_code,
        };
        let mut out = [0xFF; sacn::DATA_LEN_MAX];
        let len = sacn::encode_data(&mut out, &fields, &slots).unwrap();
        let Ok(Packet::SacnData(data)) = parse(&out[..len]) else { panic!() };
        prop_assert_eq!(data.source_name().bytes(), source_name.as_bytes());
        prop_assert_eq!(data.slots(), &slots[..]);
        prop_assert_eq!(data.universe().number(), universe);
        fuzz::packet(&out[..len]);
    }

    #[test]
    fn artdmx_comes_out_as_it_went_in(
        (sequence, physical) in any::<(u8, u8)>(),
        address in 0u16..=PortAddress::MAX,
        slots in prop::collection::vec(any::<u8>(), 1..=512),
    ) {
        let port_address = PortAddress::new(address).unwrap();
        let fields = artnet::DmxFields { sequence, physical, port_address };
        let mut out = [0xFF; artnet::DMX_LEN_MAX];
        let len = artnet::encode_dmx(&mut out, &fields, &slots).unwrap();
        let Ok(Packet::ArtDmx(dmx)) = parse(&out[..len]) else { panic!() };
        prop_assert_eq!((dmx.sequence(), dmx.physical()), (sequence, physical));
        prop_assert_eq!(dmx.port_address(), port_address);
        prop_assert_eq!(&dmx.slots()[..slots.len()], &slots[..]);
        prop_assert_eq!(dmx.slots().len() % 2, 0);
    }
}
