//! What must hold for any datagram. The fuzz target and the property tests run this body.

use super::{Packet, artnet, parse, sacn};

/// Reads the datagram, asks the view everything it can be asked, writes what was read and reads it
/// again: it must be the same.
///
/// # Panics
/// When the parsers break a promise.
pub fn packet(bytes: &[u8]) {
    let Ok(packet) = parse(bytes) else { return };
    // Trailing bytes are not part of a packet, but an ArtPoll or ArtPollReply may go on, and so may
    // the payload of an ArtTrigger.
    match packet {
        Packet::SacnData(data) => sacn_data(&data),
        Packet::SacnSync(sync) => {
            let mut out = [0xFF; 49];
            assert_eq!(sacn::encode_sync(&mut out, &sync), Some(out.len()));
            assert!(matches!(parse(&out), Ok(Packet::SacnSync(again)) if again == sync));
        }
        Packet::SacnDiscovery(discovery) => sacn_discovery(&discovery),
        Packet::ArtDmx(dmx) => art_dmx(&dmx),
        Packet::ArtNzs(nzs) => art_nzs(&nzs),
        Packet::ArtPoll(poll) => {
            let mut out = [0xFF; 22];
            assert_eq!(artnet::encode_poll(&mut out, &poll), Some(out.len()));
            assert!(matches!(parse(&out), Ok(Packet::ArtPoll(again)) if again == poll));
        }
        Packet::ArtTimeCode(time) => {
            let mut out = [0xFF; 19];
            assert_eq!(artnet::encode_time_code(&mut out, &time), Some(out.len()));
            assert!(matches!(parse(&out), Ok(Packet::ArtTimeCode(again)) if again == time));
        }
        Packet::ArtPollReply(reply) => art_poll_reply(&reply),
        Packet::ArtAddress(address) => art_address(&address),
        // Nothing but plain fields: that they print is all there is to ask of them.
        Packet::ArtTrigger(trigger) => assert!(trigger.payload.len() <= 512),
        Packet::ArtCommand(command) => assert!(command.text.to_string().len() <= 3 * 512),
        Packet::ArtDiagData(message) => assert!(message.text.to_string().len() <= 3 * 512),
        Packet::ArtIpProg(_) | Packet::ArtInput | Packet::ArtSync | Packet::Other(_) => {}
    }
}

fn sacn_data(data: &sacn::Data<'_>) {
    assert!(data.slots().len() <= 512 && data.priority() <= sacn::PRIORITY_MAX);
    let name = data.source_name().to_string();
    let fields = sacn::DataFields {
        cid: data.cid(),
        source_name: &name,
        priority: data.priority(),
        sync_address: data.sync_address(),
        sequence: data.sequence(),
        preview: data.preview(),
        terminated: data.terminated(),
        force_synchronization: data.force_synchronization(),
        universe: data.universe(),
        start_code: data.start_code(),
    };
    let mut out = [0xFF; sacn::DATA_LEN_MAX];
    let len = sacn::encode_data(&mut out, &fields, data.slots());
    assert_eq!(len, Some(126 + data.slots().len()));
    let Some(Ok(Packet::SacnData(again))) = out.get(..126 + data.slots().len()).map(parse) else {
        panic!("what was encoded does not parse");
    };
    let name_again = again.source_name().to_string();
    assert!(name.starts_with(&name_again) && (name.len() > 63 || name == name_again));
    assert_eq!(again.slots(), data.slots());
    assert_eq!(
        (again.cid(), again.priority(), again.sync_address(), again.sequence()),
        (data.cid(), data.priority(), data.sync_address(), data.sequence())
    );
    assert_eq!(
        (again.preview(), again.terminated(), again.force_synchronization()),
        (data.preview(), data.terminated(), data.force_synchronization())
    );
    assert_eq!((again.universe(), again.start_code()), (data.universe(), data.start_code()));
}

fn sacn_discovery(discovery: &sacn::Discovery<'_>) {
    let universes: Vec<_> = discovery.universes().collect();
    assert!(discovery.page() <= discovery.last_page() && universes.len() <= 512);
    let name = discovery.source_name().to_string();
    let mut out = [0xFF; sacn::DISCOVERY_LEN_MAX];
    let pages = (discovery.page(), discovery.last_page());
    let len = sacn::encode_discovery(&mut out, discovery.cid(), &name, pages, &universes);
    assert_eq!(len, Some(120 + 2 * universes.len()));
    let parsed = out.get(..120 + 2 * universes.len()).map(parse);
    let Some(Ok(Packet::SacnDiscovery(again))) = parsed else {
        panic!("what was encoded does not parse");
    };
    assert_eq!(again.cid(), discovery.cid());
    assert_eq!((again.page(), again.last_page()), pages);
    assert!(again.universes().eq(universes));
    assert!(name.starts_with(&again.source_name().to_string()));
}

fn art_dmx(dmx: &artnet::Dmx<'_>) {
    assert!((1..=512).contains(&dmx.slots().len()));
    let fields = artnet::DmxFields {
        sequence: dmx.sequence(),
        physical: dmx.physical(),
        port_address: dmx.port_address(),
    };
    let mut out = [0xFF; artnet::DMX_LEN_MAX];
    let len = 18 + dmx.slots().len().next_multiple_of(2);
    assert_eq!(artnet::encode_dmx(&mut out, &fields, dmx.slots()), Some(len));
    let Some(Ok(Packet::ArtDmx(again))) = out.get(..len).map(parse) else {
        panic!("what was encoded does not parse");
    };
    assert_eq!((again.sequence(), again.physical()), (dmx.sequence(), dmx.physical()));
    assert_eq!(again.port_address(), dmx.port_address());
    let padding = again.slots().strip_prefix(dmx.slots());
    assert!(padding.is_some_and(|padding| padding.is_empty() || padding == [0]));
}

fn art_nzs(nzs: &artnet::Nzs<'_>) {
    let mut out = [0xFF; artnet::DMX_LEN_MAX];
    let (sequence, start_code) = (nzs.sequence(), nzs.start_code());
    let len = artnet::encode_nzs(&mut out, sequence, start_code, nzs.port_address(), nzs.slots());
    assert_eq!(len, Some(18 + nzs.slots().len()));
    let Ok(Packet::ArtNzs(again)) = parse(&out) else {
        panic!("what was encoded does not parse");
    };
    assert_eq!((again.sequence(), again.start_code()), (sequence, start_code));
    assert_eq!((again.port_address(), again.slots()), (nzs.port_address(), nzs.slots()));
}

fn art_poll_reply(reply: &artnet::PollReply<'_>) {
    let fields = artnet::PollReplyFields {
        ip: reply.ip(),
        port: reply.port(),
        firmware: reply.firmware(),
        net: reply.net(),
        sub_net: reply.sub_net(),
        oem: reply.oem(),
        status_1: reply.status_1(),
        esta: reply.esta(),
        short_name: super::text_field(&reply.short_name().to_string()),
        long_name: super::text_field(&reply.long_name().to_string()),
        node_report: super::text_field(&reply.node_report().to_string()),
        port_types: reply.port_types(),
        good_output_a: reply.good_output_a(),
        sw_out: reply.sw_out(),
        style: reply.style(),
        mac: reply.mac(),
        bind_ip: reply.bind_ip(),
        bind_index: reply.bind_index(),
        status_2: reply.status_2(),
        good_output_b: reply.good_output_b(),
        status_3: reply.status_3(),
    };
    let mut out = [0xFF; artnet::POLL_REPLY_LEN];
    assert_eq!(artnet::encode_poll_reply(&mut out, &fields), Some(out.len()));
    let Ok(Packet::ArtPollReply(again)) = parse(&out) else {
        panic!("what was encoded does not parse");
    };
    assert_eq!(
        (again.ip(), again.port(), again.bind_ip()),
        (fields.ip, fields.port, fields.bind_ip)
    );
    assert_eq!((again.net(), again.sub_net()), (fields.net, fields.sub_net));
    assert_eq!(
        (again.firmware(), again.oem(), again.esta()),
        (fields.firmware, fields.oem, fields.esta)
    );
    assert_eq!(
        (again.status_1(), again.status_2(), again.status_3()),
        (fields.status_1, fields.status_2, fields.status_3)
    );
    assert_eq!((again.port_types(), again.sw_out()), (fields.port_types, fields.sw_out));
    assert_eq!(
        (again.good_output_a(), again.good_output_b()),
        (fields.good_output_a, fields.good_output_b)
    );
    assert_eq!((again.style(), again.mac()), (fields.style, fields.mac));
    assert_eq!(again.bind_index(), fields.bind_index);
    assert!(again.outputs().eq(reply.outputs()));
    // The one way only: an output has no inputs.
    let _ = (reply.num_ports(), reply.good_input(), reply.sw_in());
}

fn art_address(address: &artnet::Address<'_>) {
    let (short_name, long_name) =
        (address.short_name().to_string(), address.long_name().to_string());
    let fields = artnet::AddressFields {
        bind_index: address.bind_index(),
        short_name: &short_name,
        long_name: &long_name,
        command: address.command(),
    };
    let mut out = [0xFF; 107];
    assert_eq!(artnet::encode_address(&mut out, &fields), Some(out.len()));
    let Ok(Packet::ArtAddress(again)) = parse(&out) else {
        panic!("what was encoded does not parse");
    };
    assert_eq!((again.bind_index(), again.command()), (address.bind_index(), address.command()));
    assert!(short_name.starts_with(&again.short_name().to_string()));
    assert!(long_name.starts_with(&again.long_name().to_string()));
    // The encoder leaves these alone.
    let _ = (address.net_switch(), address.sub_switch(), address.acn_priority());
    let _ = (address.sw_in(), address.sw_out());
}
