//! Packets as they are on the wire, and every way in which they can be wrong.

use super::*;
use crate::wire::parse;

/// Four slots on universe 1, from OLA 0.10.9 (the slots shortened).
fn data_packet() -> Vec<u8> {
    let mut packet = vec![0x00, 0x10, 0x00, 0x00];
    packet.extend(b"ASC-E1.17\0\0\0");
    packet.extend([0x70, 0x72, 0, 0, 0, 4]);
    packet.extend(CID.0);
    packet.extend([0x70, 0x5C, 0, 0, 0, 2]);
    packet.extend(b"OLA Server");
    packet.resize(108, 0);
    packet.extend([100, 0x00, 0x00, 7, 0x00, 0x00, 0x01]);
    packet.extend([0x70, 0x0F, 0x02, 0xA1, 0, 0, 0, 1, 0x00, 0x05, 0x00, 255, 0, 128, 1]);
    packet
}

/// Synchronization address 100, from the crate sacn 0.11.1.
fn sync_packet() -> Vec<u8> {
    let mut packet = vec![0x00, 0x10, 0x00, 0x00];
    packet.extend(b"ASC-E1.17\0\0\0");
    packet.extend([0x70, 0x21, 0, 0, 0, 8]);
    packet.extend(CID.0);
    packet.extend([0x70, 0x0B, 0, 0, 0, 1, 9, 0, 100, 0, 0]);
    packet
}

/// Universe 100 on the only page, from the crate sacn 0.11.1.
fn discovery_packet() -> Vec<u8> {
    let mut packet = vec![0x00, 0x10, 0x00, 0x00];
    packet.extend(b"ASC-E1.17\0\0\0");
    packet.extend([0x70, 0x6A, 0, 0, 0, 8]);
    packet.extend(CID.0);
    packet.extend([0x70, 0x54, 0, 0, 0, 2]);
    packet.extend(b"rustlight sync");
    packet.resize(112, 0);
    packet.extend([0x70, 0x0A, 0, 0, 0, 1, 0, 0, 0, 100]);
    packet
}

/// Universes 1 and 2, from OLA 0.10.9.
fn draft_discovery_packet() -> Vec<u8> {
    let mut packet = vec![0x00, 0x10, 0x00, 0x00];
    packet.extend(b"ASC-E1.17\0\0\0");
    packet.extend([0x70, 0x69, 0, 0, 0, 4]);
    packet.extend(CID.0);
    packet.extend([0x70, 0x53, 0, 0, 0, 4]);
    packet.extend(b"OLA Server");
    packet.resize(113, 0);
    packet.extend([0xFA, 0xD6, 0, 0, 0, 1, 0, 2]);
    packet
}

const CID: Cid = Cid([
    0xCD, 0x30, 0xDE, 0xA8, 0x08, 0x52, 0x4C, 0x8C, 0x94, 0xDD, 0x0E, 0x78, 0x06, 0x21, 0x4B, 0x16,
]);

fn all() -> [Vec<u8>; 4] {
    [data_packet(), sync_packet(), discovery_packet(), draft_discovery_packet()]
}

#[track_caller]
fn data_of(packet: &[u8]) -> Data<'_> {
    match parse(packet) {
        Ok(Packet::SacnData(data)) => data,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn discovery_of(packet: &[u8]) -> Discovery<'_> {
    match parse(packet) {
        Ok(Packet::SacnDiscovery(discovery)) => discovery,
        other => panic!("{other:?}"),
    }
}

/// The packet with bytes replaced.
fn with(mut packet: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    packet[at..at + bytes.len()].copy_from_slice(bytes);
    packet
}

/// A data packet with that many slots, all lengths right.
fn data_with_slots(slots: usize) -> Vec<u8> {
    let mut packet = data_packet();
    packet.resize(126 + slots, 0x55);
    for (at, from) in [(16, 16), (38, 38), (115, 115)] {
        let len = u16::try_from(packet.len() - from).unwrap() | 0x7000;
        packet[at..at + 2].copy_from_slice(&len.to_be_bytes());
    }
    with(packet, 123, &u16::try_from(slots + 1).unwrap().to_be_bytes())
}

#[track_caller]
fn assert_refused(packet: &[u8], why: Malformed) {
    match parse(packet) {
        Err(malformed) => assert_eq!(malformed, why),
        Ok(packet) => panic!("{packet:?} instead of {why}"),
    }
}

#[test]
fn data_is_read_field_by_field() {
    let packet = data_packet();
    let data = data_of(&packet);
    assert_eq!(data.cid(), CID);
    assert_eq!(data.cid().to_string(), "cd30dea8-0852-4c8c-94dd-0e7806214b16");
    assert_eq!(data.source_name().bytes(), b"OLA Server");
    assert_eq!((data.priority(), data.sync_address(), data.sequence()), (100, 0, 7));
    assert_eq!((data.preview(), data.terminated()), (false, false));
    assert!(!data.force_synchronization());
    assert_eq!((data.universe().number(), data.start_code()), (1, 0));
    assert_eq!(data.slots(), [255, 0, 128, 1]);
}

#[test]
fn synchronization_is_read_field_by_field() {
    let Ok(Packet::SacnSync(sync)) = parse(&sync_packet()) else { panic!() };
    let sync_address = SacnUniverse::new(100).unwrap();
    assert_eq!(sync, Sync { cid: CID, sequence: 9, sync_address });
}

#[test]
fn universe_discovery_is_read_in_the_standard_form_and_in_the_draft_one() {
    let packet = discovery_packet();
    let discovery = discovery_of(&packet);
    assert_eq!(discovery.cid(), CID);
    assert_eq!(discovery.source_name().bytes(), b"rustlight sync");
    assert_eq!((discovery.page(), discovery.last_page()), (0, 0));
    assert_eq!(discovery.universes().map(SacnUniverse::number).collect::<Vec<_>>(), [100]);

    let packet = draft_discovery_packet();
    let discovery = discovery_of(&packet);
    assert_eq!(discovery.source_name().bytes(), b"OLA Server");
    assert_eq!(discovery.universes().map(SacnUniverse::number).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_draft_discovery_packet_without_universes_is_read() {
    let mut packet = with(draft_discovery_packet(), 16, &[0x70, 0x65]);
    packet = with(packet, 38, &[0x70, 0x4F]);
    packet.truncate(117);
    assert_eq!(discovery_of(&packet).universes().count(), 0);
}

#[test]
fn numbers_that_are_no_universe_are_left_out_of_a_discovered_list() {
    let packet = with(draft_discovery_packet(), 117, &[0, 0, 0xFA, 0x00]);
    assert_eq!(discovery_of(&packet).universes().count(), 0);
    let packet = with(packet, 117, &[0, 1, 0xF9, 0xFF]);
    assert_eq!(discovery_of(&packet).universes().count(), 2);
}

#[test]
fn options_are_told_apart_and_unknown_ones_ignored() {
    let options = |byte| {
        let packet = with(data_packet(), 112, &[byte]);
        let data = data_of(&packet);
        (data.preview(), data.terminated(), data.force_synchronization())
    };
    assert_eq!(options(0x80), (true, false, false));
    assert_eq!(options(0x40), (false, true, false));
    assert_eq!(options(0x20), (false, false, true));
    assert_eq!(options(0x1F), (false, false, false));
}

#[test]
fn priority_goes_to_200() {
    for priority in [0, 1, 100, 200] {
        assert_eq!(data_of(&with(data_packet(), 108, &[priority])).priority(), priority);
    }
    for priority in [201, 255] {
        assert_refused(&with(data_packet(), 108, &[priority]), Malformed::SacnPriority);
    }
}

#[test]
fn universes_go_from_1_to_63999() {
    for universe in [1u16, 63_999] {
        let packet = with(data_packet(), 113, &universe.to_be_bytes());
        assert_eq!(data_of(&packet).universe().number(), universe);
    }
    for universe in [0u16, 64_000, 64_214, 65_535] {
        let packet = with(data_packet(), 113, &universe.to_be_bytes());
        assert_refused(&packet, Malformed::SacnUniverse);
    }
}

#[test]
fn synchronization_for_no_universe_is_refused_but_data_that_waits_for_it_is_not() {
    for address in [1u16, 63_999] {
        let packet = with(sync_packet(), 45, &address.to_be_bytes());
        assert!(matches!(parse(&packet), Ok(Packet::SacnSync(_))));
    }
    for address in [0u16, 64_000, 65_535] {
        let packet = with(sync_packet(), 45, &address.to_be_bytes());
        assert_refused(&packet, Malformed::SacnSyncAddress);
        let packet = with(data_packet(), 109, &address.to_be_bytes());
        assert_eq!(data_of(&packet).sync_address(), address);
    }
}

#[test]
fn packets_have_0_to_512_slots() {
    for slots in [0, 1, 2, 511, 512] {
        let packet = data_with_slots(slots);
        assert_eq!(packet.len(), 126 + slots);
        assert_eq!(data_of(&packet).slots().len(), slots);
    }
    for slots in [513, 600] {
        assert_refused(&data_with_slots(slots), Malformed::SacnValueCount);
    }
    assert_refused(&with(data_packet(), 123, &[0, 0]), Malformed::SacnValueCount);
    assert_refused(&with(data_packet(), 123, &[0xFF, 0xFF]), Malformed::SacnValueCount);
}

#[test]
fn a_termination_without_slots_is_read() {
    let packet = with(data_with_slots(0), 112, &[0x40]);
    assert!(data_of(&packet).terminated());
    assert!(data_of(&packet).slots().is_empty());
}

#[test]
fn other_start_codes_are_read_as_such() {
    for start_code in [0x17, 0xCC, START_CODE_PER_ADDRESS_PRIORITY] {
        assert_eq!(data_of(&with(data_packet(), 125, &[start_code])).start_code(), start_code);
    }
}

#[test]
fn a_packet_cut_anywhere_is_refused() {
    for packet in all() {
        for len in 16..packet.len() {
            assert_refused(&packet[..len], Malformed::SacnTruncated);
        }
        for len in 0..16 {
            let parsed = parse(&packet[..len]);
            assert!(matches!(parsed, Ok(Packet::Other(Foreign::Protocol))), "{parsed:?}");
        }
    }
}

#[test]
fn bytes_after_the_packet_are_ignored() {
    let padded = |packet: Vec<u8>| [packet, vec![0xEE; 700]].concat();
    assert_eq!(data_of(&padded(data_packet())).slots(), [255, 0, 128, 1]);
    assert!(matches!(parse(&padded(sync_packet())), Ok(Packet::SacnSync(_))));
    assert_eq!(discovery_of(&padded(discovery_packet())).universes().count(), 1);
    assert_eq!(discovery_of(&padded(draft_discovery_packet())).universes().count(), 2);
}

#[test]
fn a_pdu_that_does_not_fit_into_the_one_around_it_is_refused() {
    // A byte more than there is, at each layer; a byte less than the layer inside needs.
    assert_refused(&with(data_packet(), 16, &[0x70, 0x73]), Malformed::SacnTruncated);
    assert_refused(&with(data_packet(), 16, &[0x70, 0x71]), Malformed::SacnLength);
    assert_refused(&with(data_packet(), 38, &[0x70, 0x5D]), Malformed::SacnLength);
    assert_refused(&with(data_packet(), 38, &[0x70, 0x5B]), Malformed::SacnLength);
    assert_refused(&with(data_packet(), 115, &[0x70, 0x10]), Malformed::SacnLength);
    assert_refused(&with(data_packet(), 115, &[0x70, 0x0E]), Malformed::SacnLength);
    assert_refused(&with(data_packet(), 123, &[0x00, 0x06]), Malformed::SacnLength);

    assert_refused(&with(sync_packet(), 16, &[0x70, 0x20]), Malformed::SacnLength);
    assert_refused(&with(sync_packet(), 38, &[0x70, 0x0A]), Malformed::SacnLength);
    assert_refused(&with(sync_packet(), 38, &[0x70, 0x0C]), Malformed::SacnLength);

    assert_refused(&with(discovery_packet(), 16, &[0x70, 0x69]), Malformed::SacnLength);
    assert_refused(&with(discovery_packet(), 38, &[0x70, 0x53]), Malformed::SacnLength);
    assert_refused(&with(discovery_packet(), 112, &[0x70, 0x0B]), Malformed::SacnLength);
    assert_refused(&with(discovery_packet(), 112, &[0x70, 0x07]), Malformed::SacnLength);
    assert_refused(&with(draft_discovery_packet(), 38, &[0x70, 0x54]), Malformed::SacnLength);
    assert_refused(&with(draft_discovery_packet(), 38, &[0x70, 0x4E]), Malformed::SacnLength);

    // No length at all.
    for at in [16, 38, 115] {
        assert_refused(&with(data_packet(), at, &[0x70, 0x00]), Malformed::SacnLength);
    }
}

#[test]
fn fewer_values_than_their_pdu_has_room_for_are_taken_as_counted() {
    let packet = with(data_packet(), 123, &[0x00, 0x03]);
    assert_eq!(data_of(&packet).slots(), [255, 0]);
}

#[test]
fn wrong_constants_are_refused_by_name() {
    let refused = [
        (0, &[0x00, 0x11][..], Malformed::SacnPreamble),
        (2, &[0x00, 0x01], Malformed::SacnPreamble),
        (16, &[0x80, 0x72], Malformed::SacnFlags),
        (38, &[0x60, 0x5C], Malformed::SacnFlags),
        (115, &[0xF0, 0x0F], Malformed::SacnFlags),
        (117, &[0x01], Malformed::SacnDmpVector),
        (118, &[0xA2], Malformed::SacnAddressType),
        (119, &[0x00, 0x01], Malformed::SacnFirstAddress),
        (121, &[0x00, 0x02], Malformed::SacnIncrement),
    ];
    for (at, bytes, why) in refused {
        assert_refused(&with(data_packet(), at, bytes), why);
    }
    assert_refused(&with(discovery_packet(), 112, &[0x50, 0x0A]), Malformed::SacnFlags);
    assert_refused(&with(discovery_packet(), 114, &[0, 0, 0, 2]), Malformed::SacnListVector);
    assert_refused(&with(discovery_packet(), 118, &[1, 0]), Malformed::SacnPage);
    assert_refused(&with(draft_discovery_packet(), 115, &[1, 0]), Malformed::SacnPage);
    assert_refused(&with(discovery_packet(), 112, &[0x70, 0x09]), Malformed::SacnList);
    let long = [discovery_packet(), vec![0; 1024]].concat();
    let long = with(with(long, 16, &[0x74, 0x6A]), 38, &[0x74, 0x54]);
    assert_refused(&with(long.clone(), 112, &[0x74, 0x0A]), Malformed::SacnList);
    assert_eq!(discovery_of(&with(long, 112, &[0x74, 0x08])).universes().count(), 1);
}

#[test]
fn unknown_vectors_are_not_for_us_and_not_wrong() {
    let foreign = |packet: &[u8]| match parse(packet) {
        Ok(Packet::Other(foreign)) => foreign,
        other => panic!("{other:?}"),
    };
    let packet = with(data_packet(), 18, &[0, 0, 0, 5]);
    assert_eq!(foreign(&packet), Foreign::AcnVector(5));
    for (packet, vector) in [(data_packet(), 1u32), (data_packet(), 3), (sync_packet(), 4)] {
        let packet = with(packet, 40, &vector.to_be_bytes());
        assert_eq!(foreign(&packet), Foreign::SacnVector(vector));
    }
}

#[test]
fn a_synchronization_vector_under_the_data_root_is_no_synchronization() {
    let packet = with(sync_packet(), 18, &[0, 0, 0, 4]);
    let parsed = parse(&packet);
    assert!(matches!(parsed, Ok(Packet::Other(Foreign::SacnVector(1)))), "{parsed:?}");
}

#[test]
fn a_name_ends_at_its_nul_or_with_its_field_and_is_safe_to_print() {
    let name = |bytes: &[u8]| {
        let packet = with(data_packet(), 44, &[0; 64]);
        let packet = with(packet, 44, bytes);
        let name = data_of(&packet).source_name();
        (name.bytes().to_vec(), name.to_string())
    };
    assert_eq!(name(b"desk\0junk"), (b"desk".to_vec(), "desk".to_owned()));
    assert_eq!(name(&[b'x'; 64]).0.len(), 64);
    assert_eq!(name(b"\x1B[2J\xFFpult \xC3\xA4").1, "\u{FFFD}[2J\u{FFFD}pult ä");
    assert_eq!(name(b"").1, "");
}

#[test]
fn what_is_encoded_is_what_real_senders_send() {
    let mut out = [0xFF; 200];
    let fields = DataFields {
        sequence: 7,
        ..DataFields::new(CID, "OLA Server", SacnUniverse::new(1).unwrap())
    };
    let len = encode_data(&mut out, &fields, &[255, 0, 128, 1]).unwrap();
    assert_eq!(out[..len], data_packet());

    let sync_address = SacnUniverse::new(100).unwrap();
    let len = encode_sync(&mut out, &Sync { cid: CID, sequence: 9, sync_address }).unwrap();
    assert_eq!(out[..len], sync_packet());

    let len = encode_discovery(&mut out, CID, "rustlight sync", (0, 0), &[sync_address]).unwrap();
    assert_eq!(out[..len], discovery_packet());
}

#[test]
fn what_does_not_fit_is_not_encoded() {
    let universe = SacnUniverse::new(1).unwrap();
    let fields = DataFields::new(CID, "", universe);
    assert_eq!(encode_data(&mut [0; 129], &fields, &[0; 4]), None);
    assert_eq!(encode_data(&mut [0; 130], &fields, &[0; 4]), Some(130));
    assert_eq!(encode_data(&mut [0; 700], &fields, &[0; 513]), None);
    let sync = Sync { cid: CID, sequence: 0, sync_address: universe };
    assert_eq!(encode_sync(&mut [0; 48], &sync), None);
    assert_eq!(encode_discovery(&mut [0; 121], CID, "", (0, 0), &[universe]), None);
    assert_eq!(encode_discovery(&mut [0; 1200], CID, "", (0, 0), &[universe; 513]), None);
}

#[test]
fn a_long_name_is_cut_between_two_characters() {
    let name = format!("{}ä", "x".repeat(62));
    let mut out = [0; DATA_LEN_MAX];
    let fields = DataFields::new(CID, &name, SacnUniverse::new(1).unwrap());
    let len = encode_data(&mut out, &fields, &[]).unwrap();
    assert_eq!(data_of(&out[..len]).source_name().to_string(), "x".repeat(62));
}
