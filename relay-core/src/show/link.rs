//! From a captured frame to the UDP datagram in it: link layers, VLAN tags, IPv4 and IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use super::error::Warning;

/// The link layers read here, by their numbers in the registry of the pcap formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// LINKTYPE_NULL, 0: address family in the byte order of the machine that captured.
    Null,
    /// LINKTYPE_ETHERNET, 1.
    Ethernet,
    /// LINKTYPE_RAW, 101 (12 and 14 in files of some systems): an IP packet of either version.
    Raw,
    /// LINKTYPE_LOOP, 108: address family in network order.
    Loop,
    /// LINKTYPE_LINUX_SLL, 113: "cooked", as captured on `any`.
    LinuxCooked,
    /// LINKTYPE_LINUX_SLL2, 276.
    LinuxCooked2,
    /// Anything else; its packets are counted and left out.
    Unknown,
}

impl Link {
    pub(super) fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            // LINKTYPE_IPV4 and LINKTYPE_IPV6 say in advance what the packet says itself.
            12 | 14 | 101 | 228 | 229 => Self::Raw,
            108 => Self::Loop,
            113 => Self::LinuxCooked,
            276 => Self::LinuxCooked2,
            _ => Self::Unknown,
        }
    }
}

/// A UDP datagram within a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Udp {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    /// The payload's place in the frame.
    pub(super) payload: Range<usize>,
}

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86DD;
/// IEEE 802.1Q, 802.1ad, and the tag that preceded 802.1ad.
const ETHERTYPES_VLAN: [u16; 3] = [0x8100, 0x88A8, 0x9100];
/// Tags looked through; two (QinQ) are the most in use.
const VLAN_TAGS_MAX: usize = 4;
/// IPv6 extension headers looked through.
const EXTENSION_HEADERS_MAX: usize = 8;
const PROTOCOL_UDP: u8 = 17;

/// Finds the datagram in a frame, or says why there is none.
pub(super) fn udp(link: Link, frame: &[u8]) -> Result<Udp, Warning> {
    let (ethertype, at) = match link {
        Link::Ethernet => ethernet(frame)?,
        Link::LinuxCooked => ethertype_behind_tags(frame, u16_at(frame, 14)?, 16)?,
        Link::LinuxCooked2 => ethertype_behind_tags(frame, u16_at(frame, 0)?, 20)?,
        Link::Null | Link::Loop => (address_family(link, frame)?, 4),
        Link::Raw => match frame.first().ok_or(Warning::CutShort)? >> 4 {
            4 => (ETHERTYPE_IPV4, 0),
            6 => (ETHERTYPE_IPV6, 0),
            _ => return Err(Warning::NotUdp),
        },
        Link::Unknown => return Err(Warning::LinkType),
    };
    match ethertype {
        ETHERTYPE_IPV4 => ipv4(frame, at),
        ETHERTYPE_IPV6 => ipv6(frame, at),
        _ => Err(Warning::NotUdp),
    }
}

fn ethernet(frame: &[u8]) -> Result<(u16, usize), Warning> {
    ethertype_behind_tags(frame, u16_at(frame, 12)?, 14)
}

fn ethertype_behind_tags(
    frame: &[u8],
    mut ethertype: u16,
    mut at: usize,
) -> Result<(u16, usize), Warning> {
    for _ in 0..VLAN_TAGS_MAX {
        if !ETHERTYPES_VLAN.contains(&ethertype) {
            break;
        }
        ethertype = u16_at(frame, at + 2)?;
        at += 4;
    }
    Ok((ethertype, at))
}

fn address_family(link: Link, frame: &[u8]) -> Result<u16, Warning> {
    let bytes = array_at::<4>(frame, 0)?;
    let family = match u32::from_be_bytes(bytes) {
        // No family needs more than a byte, so a great number is one in the other order.
        swapped if link == Link::Null && swapped > 0xFFFF => swapped.swap_bytes(),
        family => family,
    };
    match family {
        2 => Ok(ETHERTYPE_IPV4),
        // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
        10 | 24 | 28 | 30 => Ok(ETHERTYPE_IPV6),
        _ => Err(Warning::NotUdp),
    }
}

/// RFC 791, 3.1.
fn ipv4(frame: &[u8], at: usize) -> Result<Udp, Warning> {
    let version_and_length = byte_at(frame, at)?;
    let header = usize::from(version_and_length & 0x0F) * 4;
    if version_and_length >> 4 != 4 || header < 20 {
        return Err(Warning::BrokenHeaders);
    }
    let total = usize::from(u16_at(frame, at + 2)?);
    // More fragments, or not the first.
    if u16_at(frame, at + 6)? & 0x3FFF != 0 {
        return Err(Warning::Fragment);
    }
    if byte_at(frame, at + 9)? != PROTOCOL_UDP {
        return Err(Warning::NotUdp);
    }
    let source = Ipv4Addr::from(array_at::<4>(frame, at + 12)?);
    let destination = Ipv4Addr::from(array_at::<4>(frame, at + 16)?);
    // A capture taken before segmentation offload says 0: the packet ends where the frame does.
    let end = if total == 0 { frame.len() } else { at + total };
    datagram(frame, at + header, end, source.into(), destination.into())
}

/// RFC 8200, 3 and 4.
fn ipv6(frame: &[u8], at: usize) -> Result<Udp, Warning> {
    if byte_at(frame, at)? >> 4 != 6 {
        return Err(Warning::BrokenHeaders);
    }
    let end = at + 40 + usize::from(u16_at(frame, at + 4)?);
    let mut next = byte_at(frame, at + 6)?;
    let source = Ipv6Addr::from(array_at::<16>(frame, at + 8)?);
    let destination = Ipv6Addr::from(array_at::<16>(frame, at + 24)?);
    let mut position = at + 40;
    for _ in 0..EXTENSION_HEADERS_MAX {
        let length = match next {
            PROTOCOL_UDP => {
                return datagram(frame, position, end, source.into(), destination.into());
            }
            // Hop-by-hop, routing, destination options.
            0 | 43 | 60 => (usize::from(byte_at(frame, position + 1)?) + 1) * 8,
            // A fragment header on a whole datagram is allowed (RFC 6946).
            44 if u16_at(frame, position + 2)? & 0xFFF9 != 0 => return Err(Warning::Fragment),
            44 => 8,
            // Authentication (RFC 4302).
            51 => (usize::from(byte_at(frame, position + 1)?) + 2) * 4,
            _ => return Err(Warning::NotUdp),
        };
        next = byte_at(frame, position)?;
        position += length;
    }
    Err(Warning::NotUdp)
}

/// RFC 768. `end` is where the IP packet ends.
fn datagram(
    frame: &[u8],
    at: usize,
    end: usize,
    source: IpAddr,
    destination: IpAddr,
) -> Result<Udp, Warning> {
    let source = SocketAddr::new(source, u16_at(frame, at)?);
    let destination = SocketAddr::new(destination, u16_at(frame, at + 2)?);
    let length = usize::from(u16_at(frame, at + 4)?);
    if length < 8 || at + length > end {
        return Err(Warning::BrokenHeaders);
    }
    if at + length > frame.len() {
        return Err(Warning::CutShort);
    }
    Ok(Udp { source, destination, payload: at + 8..at + length })
}

fn array_at<const N: usize>(frame: &[u8], at: usize) -> Result<[u8; N], Warning> {
    frame.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or(Warning::CutShort)
}

fn byte_at(frame: &[u8], at: usize) -> Result<u8, Warning> {
    array_at::<1>(frame, at).map(|[byte]| byte)
}

fn u16_at(frame: &[u8], at: usize) -> Result<u16, Warning> {
    array_at::<2>(frame, at).map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &[u8] = b"sixteen channels";

    fn udp_bytes() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(5569_u16.to_be_bytes());
        bytes.extend(5568_u16.to_be_bytes());
        bytes.extend((8 + PAYLOAD.len() as u16).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(PAYLOAD);
        bytes
    }

    fn ipv4_bytes(options: usize, flags_and_offset: u16) -> Vec<u8> {
        let udp = udp_bytes();
        let header = 20 + options * 4;
        let mut bytes = vec![0x40 | (header / 4) as u8, 0];
        bytes.extend(((header + udp.len()) as u16).to_be_bytes());
        bytes.extend([0, 1]);
        bytes.extend(flags_and_offset.to_be_bytes());
        bytes.extend([64, 17, 0, 0, 10, 0, 0, 1, 239, 255, 0, 1]);
        bytes.extend(vec![1; options * 4]);
        bytes.extend(udp);
        bytes
    }

    fn ipv6_bytes(extensions: &[u8], first: u8) -> Vec<u8> {
        let udp = udp_bytes();
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend(((extensions.len() + udp.len()) as u16).to_be_bytes());
        bytes.extend([first, 64]);
        bytes.extend("fe80::1".parse::<Ipv6Addr>().unwrap().octets());
        bytes.extend("ff18::8300:1".parse::<Ipv6Addr>().unwrap().octets());
        bytes.extend(extensions);
        bytes.extend(udp);
        bytes
    }

    fn found(link: Link, head: &[u8], packet: &[u8]) -> Result<(SocketAddr, SocketAddr), Warning> {
        // Ethernet pads short frames: bytes behind the packet must not count.
        let frame = [head, packet, &[0xEE; 7]].concat();
        let udp = udp(link, &frame)?;
        assert_eq!(&frame[udp.payload], PAYLOAD);
        Ok((udp.source, udp.destination))
    }

    fn ethernet_head(types: &[u8]) -> Vec<u8> {
        [&[0; 12], types].concat()
    }

    #[test]
    fn every_link_layer_leads_to_the_datagram() {
        let v4 = ("10.0.0.1:5569".parse().unwrap(), "239.255.0.1:5568".parse().unwrap());
        let v6 = ("[fe80::1]:5569".parse().unwrap(), "[ff18::8300:1]:5568".parse().unwrap());
        let (packet4, packet6) = (ipv4_bytes(0, 0x4000), ipv6_bytes(&[], 17));
        let heads: [(u32, Vec<u8>, bool); 17] = [
            (1, ethernet_head(&[8, 0]), false),
            (1, ethernet_head(&[0x86, 0xDD]), true),
            (1, ethernet_head(&[0x81, 0, 0, 5, 8, 0]), false),
            (1, ethernet_head(&[0x88, 0xA8, 0, 9, 0x81, 0, 0, 5, 0x86, 0xDD]), true),
            (113, [&[0; 14][..], &[8, 0]].concat(), false),
            (113, [&[0; 14][..], &[0x81, 0, 0, 5, 8, 0]].concat(), false),
            (276, [&[0x86, 0xDD][..], &[0; 18]].concat(), true),
            (276, [&[8, 0][..], &[0; 18]].concat(), false),
            (0, vec![2, 0, 0, 0], false),
            (0, vec![0, 0, 0, 2], false),
            (0, vec![30, 0, 0, 0], true),
            (108, vec![0, 0, 0, 24], true),
            (108, vec![0, 0, 0, 2], false),
            (101, vec![], false),
            (101, vec![], true),
            (228, vec![], false),
            (229, vec![], true),
        ];
        for (number, head, six) in heads {
            let link = Link::from_number(number);
            let (packet, expected) = if six { (&packet6, v6) } else { (&packet4, v4) };
            assert_eq!(found(link, &head, packet), Ok(expected), "{link:?} {head:?}");
        }
    }

    #[test]
    fn options_and_extension_headers_are_stepped_over() {
        assert!(found(Link::Raw, &[], &ipv4_bytes(3, 0)).is_ok());
        let hop_by_hop = [17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(found(Link::Raw, &[], &ipv6_bytes(&hop_by_hop, 0)).is_ok());
        let authentication = [17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(found(Link::Raw, &[], &ipv6_bytes(&authentication, 51)).is_ok());
        let whole = [17, 0, 0, 0, 0, 0, 0, 9];
        assert!(found(Link::Raw, &[], &ipv6_bytes(&whole, 44)).is_ok());
    }

    #[test]
    fn fragments_are_recognised_first_and_later_ones() {
        for bits in [0x2000, 0x0001, 0x2005] {
            assert_eq!(found(Link::Raw, &[], &ipv4_bytes(0, bits)), Err(Warning::Fragment));
        }
        for bits in [[0, 1], [0, 8]] {
            let header = [17, 0, bits[0], bits[1], 0, 0, 0, 9];
            let packet = ipv6_bytes(&header, 44);
            assert_eq!(found(Link::Raw, &[], &packet), Err(Warning::Fragment));
        }
    }

    #[test]
    fn a_frame_cut_anywhere_is_cut_short_and_never_a_panic() {
        let head = ethernet_head(&[0x81, 0, 0, 5, 8, 0]);
        let whole = [head, ipv4_bytes(1, 0)].concat();
        for cut in 0..whole.len() {
            assert_eq!(udp(Link::Ethernet, &whole[..cut]), Err(Warning::CutShort), "at {cut}");
        }
    }

    #[test]
    fn lengths_that_contradict_each_other_are_told() {
        let mut packet = ipv4_bytes(0, 0);
        packet[25] += 1; // the UDP length reaches past the IP packet
        assert_eq!(found(Link::Raw, &[], &packet), Err(Warning::BrokenHeaders));
        packet[25] = 7; // and is shorter than its own header
        assert_eq!(found(Link::Raw, &[], &packet), Err(Warning::BrokenHeaders));
        packet[0] = 0x44;
        assert_eq!(found(Link::Raw, &[], &packet), Err(Warning::BrokenHeaders));
    }
}
