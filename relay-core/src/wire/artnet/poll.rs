//! Discovery: ArtPoll, and ArtPollReply in pages of four ports.

use std::net::Ipv4Addr;

use super::{Malformed, Text, array, be16, opcode, packet, put_opcode, put16};
use crate::universe::PortAddress;

/// ArtPoll of before targeted mode; the shortest that is answered.
const POLL_LEGACY: usize = 14;
/// ArtPoll with everything.
const POLL_LEN: usize = 22;
/// Flags bit 5: only nodes with a port-address in range shall answer.
const TARGETED: u8 = 0x20;
/// Flags bit 1.
const REPLY_ON_CHANGE: u8 = 0x02;
/// Flags bit 2.
const DIAGNOSTICS: u8 = 0x04;
/// Flags bit 3.
const DIAGNOSTICS_UNICAST: u8 = 0x08;

/// ArtPollReply of the first revisions; the rest has come since.
const REPLY_LEGACY: usize = 207;
/// ArtPollReply as it is sent.
pub const POLL_REPLY_LEN: usize = 239;

/// PortTypes bit 7: the port puts out DMX from the network.
const OUTPUT: u8 = 0x80;

/// Offsets of ArtPoll.
mod field {
    pub(super) const FLAGS: usize = 12;
    pub(super) const DIAG_PRIORITY: usize = 13;
    pub(super) const TARGET_TOP: usize = 14;
    pub(super) const TARGET_BOTTOM: usize = 16;
    pub(super) const TARGET_END: usize = 18;
    pub(super) const ESTA: usize = 18;
    pub(super) const OEM: usize = 20;
}

/// Offsets of ArtPollReply.
mod reply {
    use std::ops::Range;

    pub(super) const IP: usize = 10;
    pub(super) const PORT: usize = 14;
    pub(super) const FIRMWARE: usize = 16;
    pub(super) const NET_SWITCH: usize = 18;
    pub(super) const SUB_SWITCH: usize = 19;
    pub(super) const OEM: usize = 20;
    pub(super) const STATUS_1: usize = 23;
    pub(super) const ESTA: usize = 24;
    pub(super) const SHORT_NAME: Range<usize> = 26..44;
    pub(super) const LONG_NAME: Range<usize> = 44..108;
    pub(super) const NODE_REPORT: Range<usize> = 108..172;
    pub(super) const NUM_PORTS: usize = 172;
    pub(super) const PORT_TYPES: usize = 174;
    pub(super) const GOOD_INPUT: usize = 178;
    pub(super) const GOOD_OUTPUT_A: usize = 182;
    pub(super) const SW_IN: usize = 186;
    pub(super) const SW_OUT: usize = 190;
    pub(super) const STYLE: usize = 200;
    pub(super) const MAC: usize = 201;
    // From here on not in all revisions.
    pub(super) const BIND_IP: usize = 207;
    pub(super) const BIND_INDEX: usize = 211;
    pub(super) const STATUS_2: usize = 212;
    pub(super) const GOOD_OUTPUT_B: usize = 213;
    pub(super) const STATUS_3: usize = 217;
}

/// A controller looks for nodes (ArtPoll).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Poll {
    /// The controller wants an ArtPollReply whenever a node's condition changes (Flags bit 1).
    pub reply_on_change: bool,
    /// The controller wants diagnostics (Flags bit 2).
    pub diagnostics: bool,
    /// Diagnostics are to be unicast to this controller (Flags bit 3).
    pub diagnostics_unicast: bool,
    /// Least important diagnostics wanted (DiagPriority).
    pub diag_priority: u8,
    /// Targeted mode (Flags bit 5): lowest and highest port-address that is asked. `None` = all.
    pub target: Option<(u16, u16)>,
    /// ESTA manufacturer of the controller; 0 in polls of before Art-Net 4.
    pub esta: u16,
    /// OEM code of the controller; 0 in polls of before Art-Net 4.
    pub oem: u16,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Poll, Malformed> {
    let header = packet::<POLL_LEGACY>(bytes)?;
    let later = |at: usize| match bytes.get(at..at + 2) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    let flags = header[field::FLAGS];
    // A poll that ends before its targets cannot be targeted, whatever its flags say.
    let targeted = flags & TARGETED != 0 && bytes.len() >= field::TARGET_END;
    Ok(Poll {
        reply_on_change: flags & REPLY_ON_CHANGE != 0,
        diagnostics: flags & DIAGNOSTICS != 0,
        diagnostics_unicast: flags & DIAGNOSTICS_UNICAST != 0,
        diag_priority: header[field::DIAG_PRIORITY],
        target: targeted.then(|| (later(field::TARGET_BOTTOM), later(field::TARGET_TOP))),
        esta: later(field::ESTA),
        oem: later(field::OEM),
    })
}

/// Writes an ArtPoll and returns its length; `None` when it does not fit into `out`.
#[must_use]
pub fn encode_poll(out: &mut [u8], poll: &Poll) -> Option<usize> {
    let packet = out.first_chunk_mut::<POLL_LEN>()?;
    put_opcode(packet, opcode::POLL);
    packet[field::FLAGS] = (if poll.reply_on_change { REPLY_ON_CHANGE } else { 0 })
        | (if poll.diagnostics { DIAGNOSTICS } else { 0 })
        | (if poll.diagnostics_unicast { DIAGNOSTICS_UNICAST } else { 0 })
        | (if poll.target.is_some() { TARGETED } else { 0 });
    packet[field::DIAG_PRIORITY] = poll.diag_priority;
    let (bottom, top) = poll.target.unwrap_or_default();
    put16(packet, field::TARGET_TOP, top);
    put16(packet, field::TARGET_BOTTOM, bottom);
    put16(packet, field::ESTA, poll.esta);
    put16(packet, field::OEM, poll.oem);
    Some(POLL_LEN)
}

/// A node describes itself and up to 4 ports (ArtPollReply).
#[derive(Clone, Copy, Debug)]
pub struct PollReply<'a> {
    header: &'a [u8; REPLY_LEGACY],
    /// What revisions after the first appended.
    tail: &'a [u8],
}

impl<'a> PollReply<'a> {
    /// The node's address; where to unicast to.
    pub fn ip(&self) -> Ipv4Addr {
        Ipv4Addr::from(array::<4, _>(self.header, reply::IP))
    }

    /// The node's UDP port, 6454.
    pub fn port(&self) -> u16 {
        u16::from_le_bytes(array(self.header, reply::PORT))
    }

    /// Firmware version of the node.
    pub fn firmware(&self) -> u16 {
        be16(self.header, reply::FIRMWARE)
    }

    /// Net, 0..=127, of all ports of this page.
    pub fn net(&self) -> u8 {
        self.header[reply::NET_SWITCH] & 0x7F
    }

    /// Sub-net, 0..=15, of all ports of this page.
    pub fn sub_net(&self) -> u8 {
        self.header[reply::SUB_SWITCH] & 0x0F
    }

    /// OEM code.
    pub fn oem(&self) -> u16 {
        be16(self.header, reply::OEM)
    }

    /// Status1: indicators, how port-addresses were set, RDM.
    pub fn status_1(&self) -> u8 {
        self.header[reply::STATUS_1]
    }

    /// ESTA manufacturer code.
    pub fn esta(&self) -> u16 {
        u16::from_le_bytes(array(self.header, reply::ESTA))
    }

    /// Short name, in the newest revision the port's name.
    pub fn short_name(&self) -> Text<'a> {
        Text::until_nul(&self.header[reply::SHORT_NAME])
    }

    /// Long name.
    pub fn long_name(&self) -> Text<'a> {
        Text::until_nul(&self.header[reply::LONG_NAME])
    }

    /// `#xxxx [yyyy] text`: a code, the count of replies, words.
    pub fn node_report(&self) -> Text<'a> {
        Text::until_nul(&self.header[reply::NODE_REPORT])
    }

    /// Inputs or outputs of this page, whichever are more, 0..=4.
    pub fn num_ports(&self) -> u16 {
        be16(self.header, reply::NUM_PORTS)
    }

    /// What each port can do: 0x80 output, 0x40 input, and its protocol in the low bits.
    pub fn port_types(&self) -> [u8; 4] {
        array(self.header, reply::PORT_TYPES)
    }

    /// State of each input.
    pub fn good_input(&self) -> [u8; 4] {
        array(self.header, reply::GOOD_INPUT)
    }

    /// State of each output: 0x80 data, 0x08 merging, 0x02 LTP, 0x01 sACN, and others.
    pub fn good_output_a(&self) -> [u8; 4] {
        array(self.header, reply::GOOD_OUTPUT_A)
    }

    /// The low nibble of each input's port-address.
    pub fn sw_in(&self) -> [u8; 4] {
        array(self.header, reply::SW_IN)
    }

    /// The low nibble of each output's port-address.
    pub fn sw_out(&self) -> [u8; 4] {
        array(self.header, reply::SW_OUT)
    }

    /// Port-addresses of the page's outputs.
    pub fn outputs(&self) -> impl Iterator<Item = PortAddress> + use<> {
        let page = u16::from(self.net()) << 8 | u16::from(self.sub_net()) << 4;
        let ports = self.port_types().into_iter().zip(self.sw_out());
        ports
            .filter(|(kind, _)| kind & OUTPUT != 0)
            .filter_map(move |(_, universe)| PortAddress::new(page | u16::from(universe & 0x0F)))
    }

    /// Style code: 0 node, 1 controller, and others.
    pub fn style(&self) -> u8 {
        self.header[reply::STYLE]
    }

    /// MAC address, zeros when unknown.
    pub fn mac(&self) -> [u8; 6] {
        array(self.header, reply::MAC)
    }

    /// Address of the root device that this page belongs to.
    pub fn bind_ip(&self) -> Ipv4Addr {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| self.later(reply::BIND_IP + i));
        Ipv4Addr::new(a, b, c, d)
    }

    /// Which page of its node this is, from 1; 0 from nodes that have no pages.
    pub fn bind_index(&self) -> u8 {
        self.later(reply::BIND_INDEX)
    }

    /// Status2: 0x08 = 15-bit port-addresses, 0x10 = can switch to sACN, and others.
    pub fn status_2(&self) -> u8 {
        self.later(reply::STATUS_2)
    }

    /// More state of each output: 0x80 no RDM, 0x40 continuous output, and others.
    pub fn good_output_b(&self) -> [u8; 4] {
        [0, 1, 2, 3].map(|i| self.later(reply::GOOD_OUTPUT_B + i))
    }

    /// Status3: what the node does on loss of data, and others.
    pub fn status_3(&self) -> u8 {
        self.later(reply::STATUS_3)
    }

    /// 0 where the packet ends before `at`.
    fn later(&self, at: usize) -> u8 {
        self.tail.get(at - REPLY_LEGACY).copied().unwrap_or(0)
    }
}

pub(super) fn parse_reply(bytes: &[u8]) -> Result<PollReply<'_>, Malformed> {
    let (header, tail) = bytes.split_first_chunk().ok_or(Malformed::ArtNetTruncated)?;
    Ok(PollReply { header, tail })
}

/// What an ArtPollReply says; the fields of the same name of [`PollReply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollReplyFields {
    /// The node's address.
    pub ip: Ipv4Addr,
    /// The node's UDP port.
    pub port: u16,
    /// Firmware version.
    pub firmware: u16,
    /// Net of the page, 0..=127.
    pub net: u8,
    /// Sub-net of the page, 0..=15.
    pub sub_net: u8,
    /// OEM code.
    pub oem: u16,
    /// Status1.
    pub status_1: u8,
    /// ESTA manufacturer code.
    pub esta: u16,
    /// Short name, see [`text_field`](crate::wire::text_field).
    pub short_name: [u8; 18],
    /// Long name.
    pub long_name: [u8; 64],
    /// Node report.
    pub node_report: [u8; 64],
    /// What each port can do; 0 = there is none.
    pub port_types: [u8; 4],
    /// State of each output.
    pub good_output_a: [u8; 4],
    /// The low nibble of each output's port-address.
    pub sw_out: [u8; 4],
    /// Style code.
    pub style: u8,
    /// MAC address.
    pub mac: [u8; 6],
    /// Address of the root device.
    pub bind_ip: Ipv4Addr,
    /// Which page this is, from 1.
    pub bind_index: u8,
    /// Status2.
    pub status_2: u8,
    /// More state of each output.
    pub good_output_b: [u8; 4],
    /// Status3.
    pub status_3: u8,
}

/// Writes an ArtPollReply and returns its length; `None` when it does not fit into `out`.
#[must_use]
pub fn encode_poll_reply(out: &mut [u8], fields: &PollReplyFields) -> Option<usize> {
    let packet = out.first_chunk_mut::<POLL_REPLY_LEN>()?;
    put_opcode(packet, opcode::POLL_REPLY);
    let ports = fields.port_types.iter().filter(|&&kind| kind != 0).count();
    let mut put = |at: usize, bytes: &[u8]| packet[at..at + bytes.len()].copy_from_slice(bytes);
    // Over the protocol version, which this packet alone does not have.
    put(reply::IP, &fields.ip.octets());
    put(reply::PORT, &fields.port.to_le_bytes());
    put(reply::FIRMWARE, &fields.firmware.to_be_bytes());
    put(reply::NET_SWITCH, &[fields.net]);
    put(reply::SUB_SWITCH, &[fields.sub_net]);
    put(reply::OEM, &fields.oem.to_be_bytes());
    put(reply::STATUS_1, &[fields.status_1]);
    put(reply::ESTA, &fields.esta.to_le_bytes());
    put(reply::SHORT_NAME.start, &fields.short_name);
    put(reply::LONG_NAME.start, &fields.long_name);
    put(reply::NODE_REPORT.start, &fields.node_report);
    put(reply::NUM_PORTS, &[0, u8::try_from(ports).unwrap_or(4)]);
    put(reply::PORT_TYPES, &fields.port_types);
    put(reply::GOOD_OUTPUT_A, &fields.good_output_a);
    put(reply::SW_OUT, &fields.sw_out);
    put(reply::STYLE, &[fields.style]);
    put(reply::MAC, &fields.mac);
    put(reply::BIND_IP, &fields.bind_ip.octets());
    put(reply::BIND_INDEX, &[fields.bind_index]);
    put(reply::STATUS_2, &[fields.status_2]);
    put(reply::GOOD_OUTPUT_B, &fields.good_output_b);
    put(reply::STATUS_3, &[fields.status_3]);
    Some(POLL_REPLY_LEN)
}
