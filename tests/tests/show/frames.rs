//! Captured frames against `etherparse`, which builds them and judges them after us.

use etherparse::{
    IpHeaders, Ipv4Extensions, Ipv4Header, LinuxSllPacketType, NetSlice, PacketBuilder,
    SlicedPacket, TransportSlice, VlanId, ip_number,
};
use proptest::prelude::*;

use crate::build::{Order, art_dmx, pcap};
use crate::reading::{Item, Reading};

const PORTS: (u16, u16) = (6455, 6454);

#[derive(Clone, Debug)]
enum Layer {
    Ethernet,
    Vlan,
    DoubleVlan,
    Cooked,
    Raw,
}

fn layer() -> impl Strategy<Value = Layer> {
    prop::sample::select(vec![
        Layer::Ethernet,
        Layer::Vlan,
        Layer::DoubleVlan,
        Layer::Cooked,
        Layer::Raw,
    ])
}

/// Link type and frame of a datagram.
fn frame(layer: &Layer, six: bool, options: usize, payload: &[u8]) -> (u32, Vec<u8>) {
    let ip = if six {
        let header = etherparse::Ipv6Header {
            source: [0xFE; 16],
            destination: [0xFF; 16],
            hop_limit: 3,
            ..etherparse::Ipv6Header::default()
        };
        IpHeaders::Ipv6(header, etherparse::Ipv6Extensions::default())
    } else {
        let (from, to) = ([10, 0, 0, 1], [10, 255, 255, 255]);
        let mut header = Ipv4Header::new(0, 9, ip_number::UDP, from, to).expect("a header");
        let length = [0, 4, 8, 40][options];
        header.options = [1_u8; 40][..length].try_into().unwrap();
        IpHeaders::Ipv4(header, Ipv4Extensions::default())
    };
    let mut bytes = Vec::new();
    let vlan = |id| VlanId::try_new(id).expect("an id");
    let builder = PacketBuilder::ethernet2([2; 6], [0xFF; 6]);
    let (link, builder) = match layer {
        Layer::Ethernet => (1, builder.ip(ip)),
        Layer::Vlan => (1, builder.single_vlan(vlan(7)).ip(ip)),
        Layer::DoubleVlan => (1, builder.double_vlan(vlan(8), vlan(9)).ip(ip)),
        Layer::Cooked => {
            let builder = PacketBuilder::linux_sll(LinuxSllPacketType::OTHERHOST, 6, [2; 8]);
            (113, builder.ip(ip))
        }
        Layer::Raw => (101, PacketBuilder::ip(ip)),
    };
    builder.udp(PORTS.0, PORTS.1).write(&mut bytes, payload).expect("a frame");
    (link, bytes)
}

/// What etherparse finds: payload, if it is UDP and not a fragment.
fn theirs(link: u32, frame: &[u8]) -> Option<Vec<u8>> {
    let sliced = match link {
        1 => SlicedPacket::from_ethernet(frame),
        113 => SlicedPacket::from_linux_sll(frame),
        _ => SlicedPacket::from_ip(frame),
    };
    let sliced = sliced.ok()?;
    let fragmented = match sliced.net? {
        NetSlice::Ipv4(ip) => ip.is_payload_fragmented(),
        NetSlice::Ipv6(ip) => ip.is_payload_fragmented(),
        NetSlice::Arp(_) => return None,
    };
    match sliced.transport? {
        TransportSlice::Udp(udp) if !fragmented => Some(udp.payload().to_vec()),
        _ => None,
    }
}

fn ours(link: u32, frame: &[u8]) -> Option<(Vec<u8>, Item)> {
    let reading = Reading::of(&pcap(Order::Little, false, link, &[(1, 2, frame.to_vec())]));
    assert!(reading.error.is_none());
    let entry = reading.entries.into_iter().next()?;
    Some((entry.bytes().to_vec(), entry.item))
}

proptest! {
    #[test]
    fn frames_that_etherparse_builds_are_read(
        layer in layer(), six: bool, options in 0..4_usize, levels: [u8; 2], padding in 0..50_usize,
    ) {
        let payload = art_dmx(3, levels);
        let (link, mut frame) = frame(&layer, six, options, &payload);
        frame.extend(vec![0xEE; padding]);
        let (bytes, item) = ours(link, &frame).expect("a datagram");
        prop_assert_eq!(bytes, payload);
        let Item::Datagram { source, destination, .. } = item else { panic!("a frame") };
        prop_assert_eq!((source.port(), destination.port()), PORTS);
        prop_assert_eq!(source.is_ipv6(), six);
    }

    #[test]
    fn frames_with_wrong_bytes_are_no_datagram_to_us_that_they_are_not_to_etherparse(
        layer in layer(), six: bool, options in 0..4_usize,
        wrong in prop::collection::vec((0..90_usize, any::<u8>()), 1..4), cut in 0..120_usize,
    ) {
        let (link, mut frame) = frame(&layer, six, options, &art_dmx(3, [1, 2]));
        for (at, value) in wrong {
            if let Some(byte) = frame.get_mut(at) {
                *byte = value;
            }
        }
        frame.truncate(cut);
        if let (Some((bytes, _)), Some(theirs)) = (ours(link, &frame), theirs(link, &frame)) {
            prop_assert_eq!(bytes, theirs);
        }
    }
}
