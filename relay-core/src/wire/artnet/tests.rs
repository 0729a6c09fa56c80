//! Packets as they are on the wire, and every way in which they can be wrong.

use std::net::Ipv4Addr;

use super::*;
use crate::wire::parse;

/// Identifier, opcode and protocol version 14, then `rest`.
fn packet(opcode: u16, rest: &[u8]) -> Vec<u8> {
    [&b"Art-Net\0"[..], &opcode.to_le_bytes(), &[0, 14], rest].concat()
}

/// Sequence 5, physical 2, port-address 1/2/3, that many slots.
fn dmx_packet(slots: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(slots).unwrap().to_be_bytes();
    let mut bytes = packet(0x5000, &[5, 2, 0x23, 0x01, high, low]);
    bytes.resize(18 + slots, 0x55);
    bytes
}

/// The answer of OLA 0.10.9 to an ArtPoll, inputs at 1 and 2.
fn ola_reply() -> Vec<u8> {
    let mut bytes = b"Art-Net\0\x00\x21\x0A\x09\x00\x02\x36\x19".to_vec();
    bytes.extend([0, 0, 0, 0, 0x04, 0x31, 0x00, 0xD2, 0x70, 0x7A]);
    bytes.extend(b"OLA - ArtNet node\0OLA - ArtNet node");
    bytes.resize(108, 0);
    bytes.extend(b"#0001 [2] OLA");
    bytes.resize(172, 0);
    bytes.extend([0, 4, 0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 8, 8, 0, 0, 0, 0, 1, 2, 0, 0]);
    bytes.resize(201, 0);
    bytes.extend([0x7A, 0x09, 0x6D, 0xDB, 0x00, 0x0D, 10, 9, 0, 2, 0, 8]);
    bytes.resize(239, 0);
    bytes
}

#[track_caller]
fn dmx_of(bytes: &[u8]) -> Dmx<'_> {
    match parse(bytes) {
        Ok(Packet::ArtDmx(dmx)) => dmx,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn poll_of(bytes: &[u8]) -> Poll {
    match parse(bytes) {
        Ok(Packet::ArtPoll(poll)) => poll,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_refused(bytes: &[u8], why: Malformed) {
    match parse(bytes) {
        Err(malformed) => assert_eq!(malformed, why),
        Ok(packet) => panic!("{packet:?} instead of {why}"),
    }
}

#[test]
fn artdmx_is_read_field_by_field() {
    let bytes = dmx_packet(24);
    let dmx = dmx_of(&bytes);
    assert_eq!((dmx.sequence(), dmx.physical()), (5, 2));
    let address = dmx.port_address();
    assert_eq!((address.net(), address.sub_net(), address.universe()), (1, 2, 3));
    assert_eq!(dmx.slots(), [0x55; 24]);
}

#[test]
fn artdmx_has_1_to_512_slots_odd_or_even() {
    for slots in [1, 2, 3, 511, 512] {
        assert_eq!(dmx_of(&dmx_packet(slots)).slots().len(), slots);
    }
    for slots in [0, 513, 514, 0xFFFF] {
        assert_refused(&dmx_packet(slots), Malformed::ArtDmxLength);
    }
}

#[test]
fn artdmx_with_fewer_slots_than_it_says_is_refused_and_with_more_is_cut() {
    let bytes = dmx_packet(24);
    assert_refused(&bytes[..bytes.len() - 1], Malformed::ArtDmxTruncated);
    let padded = [bytes, vec![0xEE; 500]].concat();
    assert_eq!(dmx_of(&padded).slots(), [0x55; 24]);
}

#[test]
fn port_addresses_go_to_32767() {
    let at = |net| {
        let mut bytes = dmx_packet(2);
        (bytes[14], bytes[15]) = (0xFF, net);
        bytes
    };
    assert_eq!(dmx_of(&at(0x7F)).port_address().address(), 32_767);
    assert_eq!(dmx_of(&at(0x00)).port_address().address(), 255);
    assert_refused(&at(0x80), Malformed::ArtDmxPortAddress);
}

#[test]
fn a_version_below_14_is_refused_and_one_above_is_not() {
    for (version, accepted) in [([0, 13], false), ([0, 14], true), ([0, 15], true), ([1, 0], true)]
    {
        let mut bytes = dmx_packet(2);
        bytes[10..12].copy_from_slice(&version);
        assert_eq!(parse(&bytes).is_ok(), accepted, "{version:?}");
    }
    let mut bytes = dmx_packet(2);
    bytes[11] = 0;
    assert_refused(&bytes, Malformed::ArtNetVersion);
}

#[test]
fn a_packet_cut_anywhere_is_refused() {
    let whole = [
        dmx_packet(2),
        packet(0x5100, &[1, 0x17, 1, 0, 0, 1, 9]),
        packet(0x5200, &[0, 0]),
        packet(0x2000, &[0, 0]),
        ola_reply()[..207].to_vec(),
        packet(0x6000, &[0; 95]),
        packet(0x7000, &[0; 8]),
        packet(0x9700, &[0; 7]),
        packet(0x9900, &[0; 6]),
        packet(0x2400, &[0xFF, 0xFF, 0, 2, b'a', 0]),
        packet(0x2300, &[0, 0x80, 0, 0, 0, 2, b'a', 0]),
        packet(0xF800, &[0; 22]),
    ];
    for bytes in whole {
        assert!(parse(&bytes).is_ok(), "{bytes:?}");
        for len in 8..bytes.len() {
            assert!(parse(&bytes[..len]).is_err(), "{len} bytes of {bytes:?}");
        }
    }
}

#[test]
fn artsync_is_read() {
    assert!(matches!(parse(&packet(0x5200, &[0, 0])), Ok(Packet::ArtSync)));
    assert_refused(&packet(0x5200, &[0]), Malformed::ArtNetTruncated);
}

#[test]
fn artnzs_is_not_levels() {
    let bytes = packet(0x5100, &[5, 0x91, 0x23, 0x01, 0, 2, 8, 9]);
    let Ok(Packet::ArtNzs(nzs)) = parse(&bytes) else { panic!() };
    assert_eq!((nzs.sequence(), nzs.start_code(), nzs.slots()), (5, 0x91, &[8, 9][..]));
    assert_eq!(nzs.port_address().address(), 0x0123);
    assert_refused(&packet(0x5100, &[5, 0, 0, 0, 0, 1, 9]), Malformed::ArtNzsStartCode);
    assert_refused(&packet(0x5100, &[5, 1, 0, 0x80, 0, 1, 9]), Malformed::ArtNzsPortAddress);
    assert_refused(&packet(0x5100, &[5, 1, 0, 0, 0, 0, 9]), Malformed::ArtNzsLength);
    assert_refused(
        &packet(0x5100, &[[5, 1, 0, 0, 2, 1], [0; 6]].concat()),
        Malformed::ArtNzsLength,
    );
    assert_refused(&packet(0x5100, &[5, 1, 0, 0, 0, 2, 9]), Malformed::ArtNzsTruncated);
}

#[test]
fn a_legacy_poll_of_14_bytes_asks_everybody() {
    let poll = poll_of(&packet(0x2000, &[0x02, 0x10]));
    assert!(poll.reply_on_change && !poll.diagnostics && !poll.diagnostics_unicast);
    assert_eq!((poll.diag_priority, poll.target, poll.esta, poll.oem), (0x10, None, 0, 0));
    assert_refused(&packet(0x2000, &[0x02]), Malformed::ArtNetTruncated);
}

#[test]
fn a_targeted_poll_asks_a_range_of_port_addresses() {
    let bytes = packet(0x2000, &[0x2C, 0x40, 0x01, 0x20, 0x01, 0x10, 0x7F, 0xF0, 0x12, 0x34]);
    let poll = poll_of(&bytes);
    assert_eq!(poll.target, Some((0x0110, 0x0120)));
    assert!(poll.diagnostics && poll.diagnostics_unicast && !poll.reply_on_change);
    assert_eq!((poll.esta, poll.oem), (0x7FF0, 0x1234));
    // Cut before the end of its targets it cannot be targeted.
    assert_eq!(poll_of(&bytes[..17]).target, None);
    assert_eq!(poll_of(&bytes[..18]).target, Some((0x0110, 0x0120)));
    assert_eq!(poll_of(&bytes[..19]).esta, 0);
}

#[test]
fn the_reply_of_another_node_is_read_field_by_field() {
    let bytes = ola_reply();
    let Ok(Packet::ArtPollReply(reply)) = parse(&bytes) else { panic!() };
    assert_eq!((reply.ip(), reply.port()), (Ipv4Addr::new(10, 9, 0, 2), 6454));
    assert_eq!((reply.net(), reply.sub_net(), reply.oem()), (0, 0, 0x0431));
    assert_eq!((reply.firmware(), reply.status_1(), reply.esta()), (0, 0xD2, 0x7A70));
    assert_eq!(reply.short_name().to_string(), "OLA - ArtNet node");
    assert_eq!(reply.long_name().to_string(), "OLA - ArtNet node");
    assert_eq!(reply.node_report().to_string(), "#0001 [2] OLA");
    assert_eq!((reply.num_ports(), reply.port_types()), (4, [0xC0; 4]));
    assert_eq!((reply.good_input(), reply.good_output_a()), ([0, 0, 8, 8], [0; 4]));
    assert_eq!((reply.sw_in(), reply.sw_out()), ([1, 2, 0, 0], [0; 4]));
    assert_eq!((reply.style(), reply.mac()), (0, [0x7A, 0x09, 0x6D, 0xDB, 0x00, 0x0D]));
    assert_eq!((reply.bind_ip(), reply.bind_index()), (Ipv4Addr::new(10, 9, 0, 2), 0));
    assert_eq!((reply.status_2(), reply.status_3(), reply.good_output_b()), (8, 0, [0; 4]));
    let outputs: Vec<_> = reply.outputs().map(PortAddress::address).collect();
    assert_eq!(outputs, [0, 0, 0, 0]);
}

#[test]
fn a_legacy_reply_has_zeros_for_what_came_later() {
    let bytes = &ola_reply()[..207];
    let Ok(Packet::ArtPollReply(reply)) = parse(bytes) else { panic!() };
    assert_eq!((reply.bind_ip(), reply.bind_index()), (Ipv4Addr::UNSPECIFIED, 0));
    assert_eq!((reply.status_2(), reply.status_3(), reply.good_output_b()), (0, 0, [0; 4]));
}

#[test]
fn artaddress_is_read_field_by_field() {
    let mut bytes = packet(0x6000, &[0x81, 2]);
    bytes.extend(b"stage left\0\0\0\0\0\0\0\0");
    bytes.extend(b"the node of the stage's left");
    bytes.resize(96, 0);
    bytes.extend([1, 2, 3, 4, 5, 6, 7, 8, 0x82, 150, 0x51]);
    let Ok(Packet::ArtAddress(address)) = parse(&bytes) else { panic!() };
    assert_eq!((address.bind_index(), address.command()), (2, 0x51));
    assert_eq!(address.short_name().bytes(), b"stage left");
    assert_eq!(address.long_name().bytes(), b"the node of the stage's left");
    assert_eq!((address.net_switch(), address.sub_switch()), (0x81, 0x82));
    assert_eq!((address.sw_in(), address.sw_out()), ([1, 2, 3, 4], [5, 6, 7, 8]));
    assert_eq!(address.acn_priority(), 150);
}

#[test]
fn an_encoded_artaddress_changes_names_and_command_alone() {
    let fields = AddressFields { bind_index: 3, short_name: "left", long_name: "", command: 0x10 };
    let mut out = [0; 107];
    assert_eq!(encode_address(&mut out, &fields), Some(107));
    let Ok(Packet::ArtAddress(address)) = parse(&out) else { panic!() };
    assert_eq!((address.bind_index(), address.command()), (3, 0x10));
    assert_eq!(address.short_name().bytes(), b"left");
    assert!(address.long_name().is_empty());
    // Bit 7 clear = leave it, and 0 would be a reset; priority 255 = leave it.
    assert_eq!((address.net_switch(), address.sub_switch()), (0x7F, 0x7F));
    assert_eq!((address.sw_in(), address.sw_out()), ([0x7F; 4], [0x7F; 4]));
    assert_eq!(address.acn_priority(), 255);
}

#[test]
fn time_code_triggers_commands_and_diagnostics_are_read() {
    let Ok(Packet::ArtTimeCode(time)) = parse(&packet(0x9700, &[0, 1, 24, 58, 59, 23, 1])) else {
        panic!()
    };
    let expected = TimeCode { stream: 1, frames: 24, seconds: 58, minutes: 59, hours: 23, kind: 1 };
    assert_eq!(time, expected);

    let bytes = packet(0x9900, &[0, 0, 0xFF, 0xFF, 1, 42, 7, 7]);
    let Ok(Packet::ArtTrigger(trigger)) = parse(&bytes) else { panic!() };
    assert_eq!((trigger.oem, trigger.key, trigger.sub_key), (0xFFFF, 1, 42));
    assert_eq!(trigger.payload, [7, 7]);

    let bytes = packet(0x2400, &[[0xFF, 0xFF, 0, 6].as_slice(), b"Swin=\0"].concat());
    let Ok(Packet::ArtCommand(command)) = parse(&bytes) else { panic!() };
    assert_eq!((command.esta, command.text.bytes()), (0xFFFF, &b"Swin="[..]));

    let bytes = packet(0x2300, &[[0, 0x80, 3, 0, 0, 4].as_slice(), b"hot\0"].concat());
    let Ok(Packet::ArtDiagData(message)) = parse(&bytes) else { panic!() };
    assert_eq!((message.priority, message.logical_port), (0x80, 3));
    assert_eq!(message.text.bytes(), b"hot");

    let mut bytes =
        packet(0xF800, &[0, 0, 0x86, 0, 10, 0, 0, 1, 255, 0, 0, 0, 0, 0, 10, 0, 0, 254]);
    bytes.resize(34, 0);
    let Ok(Packet::ArtIpProg(prog)) = parse(&bytes) else { panic!() };
    assert_eq!((prog.command, prog.ip), (0x86, Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(prog.subnet_mask, Ipv4Addr::new(255, 0, 0, 0));
    assert_eq!(prog.gateway, Ipv4Addr::new(10, 0, 0, 254));

    assert!(matches!(parse(&packet(0x7000, &[0; 8])), Ok(Packet::ArtInput)));
}

#[test]
fn texts_longer_than_512_or_than_the_datagram_are_refused() {
    let command = |length: u16, room: usize| {
        let mut rest = vec![0xFF, 0xFF];
        rest.extend(length.to_be_bytes());
        rest.resize(4 + room, b'a');
        packet(0x2400, &rest)
    };
    assert!(parse(&command(512, 512)).is_ok());
    assert!(parse(&command(0, 0)).is_ok());
    assert_refused(&command(513, 600), Malformed::ArtCommandLength);
    assert_refused(&command(10, 9), Malformed::ArtCommandLength);
    assert_refused(&packet(0x2300, &[0, 0, 0, 0, 2, 1]), Malformed::ArtDiagDataLength);
    assert_refused(&packet(0x2300, &[0, 0, 0, 0, 0, 1]), Malformed::ArtDiagDataLength);
}

#[test]
fn a_trigger_carries_at_most_512_bytes() {
    let bytes = packet(0x9900, &[0; 700]);
    let Ok(Packet::ArtTrigger(trigger)) = parse(&bytes) else { panic!() };
    assert_eq!(trigger.payload.len(), 512);
}

#[test]
fn unknown_opcodes_are_not_for_us_and_not_wrong() {
    for opcode in [0x0000, 0x8000, 0x8300, 0xF900, 0x0050, 0xFFFF] {
        let bytes = packet(opcode, &[]);
        let parsed = parse(&bytes);
        assert!(
            matches!(parsed, Ok(Packet::Other(Foreign::ArtNetOpCode(it))) if it == opcode),
            "{parsed:?}"
        );
    }
}

#[test]
fn what_is_encoded_is_what_the_specification_says() {
    let mut out = [0xFF; 600];
    let port_address = PortAddress::new(0x0123).unwrap();
    let fields = DmxFields { sequence: 5, physical: 2, port_address };
    let len = encode_dmx(&mut out, &fields, &[0x55; 24]).unwrap();
    assert_eq!(out[..len], dmx_packet(24));
    let len = encode_dmx(&mut out, &fields, &[0x55; 23]).unwrap();
    let mut padded = dmx_packet(24);
    padded[41] = 0;
    assert_eq!(out[..len], padded);
    let len = encode_sync(&mut out).unwrap();
    assert_eq!(out[..len], packet(0x5200, &[0, 0]));
    let poll = Poll { target: Some((0x0110, 0x0120)), reply_on_change: true, ..Poll::default() };
    let len = encode_poll(&mut out, &poll).unwrap();
    assert_eq!(out[..len], packet(0x2000, &[0x22, 0, 1, 0x20, 1, 0x10, 0, 0, 0, 0]));
    let len = encode_nzs(&mut out, 5, 0x91, port_address, &[8, 9, 10]).unwrap();
    assert_eq!(out[..len], packet(0x5100, &[5, 0x91, 0x23, 0x01, 0, 3, 8, 9, 10]));
}

#[test]
fn what_does_not_fit_is_not_encoded() {
    let port_address = PortAddress::new(1).unwrap();
    let fields = DmxFields { sequence: 0, physical: 0, port_address };
    assert_eq!(encode_dmx(&mut [0; 600], &fields, &[]), None);
    assert_eq!(encode_dmx(&mut [0; 600], &fields, &[0; 513]), None);
    assert_eq!(encode_dmx(&mut [0; 21], &fields, &[0; 3]), None);
    assert_eq!(encode_dmx(&mut [0; 22], &fields, &[0; 3]), Some(22));
    assert_eq!(encode_sync(&mut [0; 13]), None);
    assert_eq!(encode_poll(&mut [0; 21], &Poll::default()), None);
    assert_eq!(encode_address(&mut [0; 106], &AddressFields::default()), None);
}

#[test]
fn a_diagnostic_that_was_written_is_read() {
    let mut out = [0xEE; 600];
    let len = encode_diag_data(&mut out, 0x80, b"no signal").unwrap();
    assert_eq!(len, 18 + 10);
    let Ok(Packet::ArtDiagData(diag)) = parse(&out[..len]) else { panic!() };
    assert_eq!((diag.priority, diag.logical_port), (0x80, 0));
    assert_eq!(diag.text.to_string(), "no signal");
    assert_eq!(out[len - 1], 0, "the text ends with a NUL, which its length counts");
    assert_eq!(encode_diag_data(&mut out, 0x80, &[b'a'; 511]), Some(530));
    assert_eq!(encode_diag_data(&mut out, 0x80, &[b'a'; 512]), None);
    assert_eq!(encode_diag_data(&mut out[..20], 0x80, b"no signal"), None);
}
