//! Art-Net 4: the packets a node meets. Here the ones on the light's path; `poll` has discovery,
//! `control` what controllers say beside levels.
//!
//! Opcodes are little-endian, lengths big-endian. Packets may be longer than their definition, as
//! later revisions append fields: trailing bytes are ignored, and fields that older revisions did
//! not have read as 0 where a packet ends before them. Clauses name the packet and the field of the
//! specification they are in: (ArtDmx, Length).

use super::{Foreign, Malformed, Packet, Text, array, be16, put_text, put16};
use crate::universe::{PortAddress, SLOTS};

mod control;
mod poll;

pub use control::{Address, AddressFields, Command, DiagData, IpProg, TimeCode, Trigger};
pub use control::{DIAG_DATA_HEADER, encode_address, encode_diag_data, encode_time_code};
pub use poll::{POLL_REPLY_LEN, Poll, PollReply, PollReplyFields, encode_poll, encode_poll_reply};

/// The first bytes of every packet.
pub const IDENTIFIER: [u8; 8] = *b"Art-Net\0";

/// The UDP port.
pub const PORT: u16 = 6454;

/// The protocol version sent, and the lowest accepted.
pub const PROTOCOL_VERSION: u16 = 14;

/// Longest ArtDmx: 512 slots.
pub const DMX_LEN_MAX: usize = DMX_HEADER + SLOTS;

/// Opcodes of the packets spoken here.
pub mod opcode {
    /// ArtPoll.
    pub const POLL: u16 = 0x2000;
    /// ArtPollReply.
    pub const POLL_REPLY: u16 = 0x2100;
    /// ArtDiagData.
    pub const DIAG_DATA: u16 = 0x2300;
    /// ArtCommand.
    pub const COMMAND: u16 = 0x2400;
    /// ArtDmx (OpOutput).
    pub const DMX: u16 = 0x5000;
    /// ArtNzs.
    pub const NZS: u16 = 0x5100;
    /// ArtSync.
    pub const SYNC: u16 = 0x5200;
    /// ArtAddress.
    pub const ADDRESS: u16 = 0x6000;
    /// ArtInput.
    pub const INPUT: u16 = 0x7000;
    /// ArtTimeCode.
    pub const TIME_CODE: u16 = 0x9700;
    /// ArtTrigger.
    pub const TRIGGER: u16 = 0x9900;
    /// ArtIpProg.
    pub const IP_PROG: u16 = 0xF800;
}

/// Identifier and opcode.
const OPCODE_END: usize = 10;
/// Identifier, opcode and protocol version.
const VERSION_END: usize = 12;
/// ArtDmx and ArtNzs before their slots.
const DMX_HEADER: usize = 18;
/// ArtSync, with its two spare bytes.
const SYNC_LEN: usize = 14;

/// ArtInput.
const INPUT_LEN: usize = 20;

/// Offsets of what all packets begin with, and of ArtDmx and ArtNzs.
mod field {
    pub(super) const OPCODE: usize = 8;
    pub(super) const VERSION: usize = 10;
    pub(super) const SEQUENCE: usize = 12;
    /// ArtDmx.
    pub(super) const PHYSICAL: usize = 13;
    /// ArtNzs.
    pub(super) const START_CODE: usize = 13;
    pub(super) const SUB_UNI: usize = 14;
    pub(super) const NET: usize = 15;
    pub(super) const LENGTH: usize = 16;
}

/// Levels of one port-address (ArtDmx).
#[derive(Clone, Copy, Debug)]
pub struct Dmx<'a> {
    header: &'a [u8; DMX_HEADER],
    port_address: PortAddress,
    slots: &'a [u8],
}

impl<'a> Dmx<'a> {
    /// 1..=255, or 0 = sequencing is off (ArtDmx, Sequence).
    pub fn sequence(&self) -> u8 {
        self.header[field::SEQUENCE]
    }

    /// The physical input the levels came from; tells the streams of one IP address apart (ArtDmx,
    /// Physical).
    pub fn physical(&self) -> u8 {
        self.header[field::PHYSICAL]
    }

    /// Where the levels are for (ArtDmx, SubUni and Net).
    pub fn port_address(&self) -> PortAddress {
        self.port_address
    }

    /// 1..=512 slots from slot 1 on. The standard wants an even number, 2 or more (ArtDmx, Length);
    /// senders differ.
    pub fn slots(&self) -> &'a [u8] {
        self.slots
    }
}

/// Data with a START code other than 0 (ArtNzs, ArtVlc).
#[derive(Clone, Copy, Debug)]
pub struct Nzs<'a> {
    header: &'a [u8; DMX_HEADER],
    port_address: PortAddress,
    slots: &'a [u8],
}

impl<'a> Nzs<'a> {
    /// 1..=255, or 0 = sequencing is off (ArtNzs, Sequence).
    pub fn sequence(&self) -> u8 {
        self.header[field::SEQUENCE]
    }

    /// Not 0 (ArtNzs, StartCode).
    pub fn start_code(&self) -> u8 {
        self.header[field::START_CODE]
    }

    /// Where the data is for (ArtNzs, SubUni and Net).
    pub fn port_address(&self) -> PortAddress {
        self.port_address
    }

    /// 1..=512 bytes of data (ArtNzs, Length).
    pub fn slots(&self) -> &'a [u8] {
        self.slots
    }
}

/// Reads a datagram that opens with [`IDENTIFIER`].
#[inline]
pub(super) fn parse(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    let header = packet::<OPCODE_END>(bytes)?;
    let opcode = u16::from_le_bytes(array(header, field::OPCODE));
    // The one packet without a protocol version.
    if opcode == opcode::POLL_REPLY {
        return poll::parse_reply(bytes).map(Packet::ArtPollReply);
    }
    let header = packet::<VERSION_END>(bytes)?;
    if be16(header, field::VERSION) < PROTOCOL_VERSION {
        return Err(Malformed::ArtNetVersion);
    }
    match opcode {
        opcode::DMX => dmx(bytes),
        opcode::SYNC => packet::<SYNC_LEN>(bytes).map(|_| Packet::ArtSync),
        opcode::POLL => poll::parse(bytes).map(Packet::ArtPoll),
        opcode::NZS => nzs(bytes).map(Packet::ArtNzs),
        opcode::INPUT => packet::<INPUT_LEN>(bytes).map(|_| Packet::ArtInput),
        opcode::ADDRESS => control::address(bytes).map(Packet::ArtAddress),
        opcode::TIME_CODE => control::time_code(bytes).map(Packet::ArtTimeCode),
        opcode::TRIGGER => control::trigger(bytes).map(Packet::ArtTrigger),
        opcode::COMMAND => control::command(bytes).map(Packet::ArtCommand),
        opcode::DIAG_DATA => control::diag_data(bytes).map(Packet::ArtDiagData),
        opcode::IP_PROG => control::ip_prog(bytes).map(Packet::ArtIpProg),
        other => Ok(Packet::Other(Foreign::ArtNetOpCode(other))),
    }
}

/// The first `N` bytes, or the complaint that they are not there.
#[inline]
fn packet<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], Malformed> {
    bytes.first_chunk().ok_or(Malformed::ArtNetTruncated)
}

#[inline]
fn port_address(header: &[u8; DMX_HEADER]) -> Option<PortAddress> {
    PortAddress::new(u16::from_be_bytes([header[field::NET], header[field::SUB_UNI]]))
}

#[inline]
fn dmx(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    let header = packet::<DMX_HEADER>(bytes)?;
    let length = usize::from(be16(header, field::LENGTH));
    if !(1..=SLOTS).contains(&length) {
        return Err(Malformed::ArtDmxLength);
    }
    let slots = bytes.get(DMX_HEADER..DMX_HEADER + length).ok_or(Malformed::ArtDmxTruncated)?;
    let port_address = port_address(header).ok_or(Malformed::ArtDmxPortAddress)?;
    Ok(Packet::ArtDmx(Dmx { header, port_address, slots }))
}

fn nzs(bytes: &[u8]) -> Result<Nzs<'_>, Malformed> {
    let header = packet::<DMX_HEADER>(bytes)?;
    let length = usize::from(be16(header, field::LENGTH));
    if !(1..=SLOTS).contains(&length) {
        return Err(Malformed::ArtNzsLength);
    }
    let slots = bytes.get(DMX_HEADER..DMX_HEADER + length).ok_or(Malformed::ArtNzsTruncated)?;
    if header[field::START_CODE] == 0 {
        return Err(Malformed::ArtNzsStartCode);
    }
    let port_address = port_address(header).ok_or(Malformed::ArtNzsPortAddress)?;
    Ok(Nzs { header, port_address, slots })
}

/// Everything of an ArtDmx but its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmxFields {
    /// 1..=255, or 0 = sequencing is off.
    pub sequence: u8,
    /// The physical input.
    pub physical: u8,
    /// Where the levels are for.
    pub port_address: PortAddress,
}

/// Writes an ArtDmx and returns its length; `None` when it does not fit into `out` or there are not
/// 1 to 512 slots. An odd number of slots is made even with a 0 (ArtDmx, Length).
#[must_use]
pub fn encode_dmx(out: &mut [u8], fields: &DmxFields, slots: &[u8]) -> Option<usize> {
    let header = DmxHeader {
        opcode: opcode::DMX,
        sequence: fields.sequence,
        byte_13: fields.physical,
        port_address: fields.port_address,
    };
    encode_slots(out, &header, slots, slots.len().next_multiple_of(2))
}

/// Changes the port-address and the sequence number of an ArtDmx that [`parse`](super::parse) took;
/// all other bytes stay.
pub fn edit_dmx(packet: &mut [u8], port_address: PortAddress, sequence: u8) {
    let [net, sub_uni] = port_address.address().to_be_bytes();
    if let Some([at, _, low, high]) = packet.get_mut(field::SEQUENCE..=field::NET) {
        (*at, *low, *high) = (sequence, sub_uni, net);
    }
}

/// Writes an ArtNzs and returns its length; `None` when it does not fit into `out` or there are not
/// 1 to 512 bytes of data.
#[must_use]
pub fn encode_nzs(
    out: &mut [u8],
    sequence: u8,
    start_code: u8,
    port_address: PortAddress,
    slots: &[u8],
) -> Option<usize> {
    let header = DmxHeader { opcode: opcode::NZS, sequence, byte_13: start_code, port_address };
    encode_slots(out, &header, slots, slots.len())
}

/// ArtDmx and ArtNzs differ in the opcode and in what byte 13 is.
struct DmxHeader {
    opcode: u16,
    sequence: u8,
    byte_13: u8,
    port_address: PortAddress,
}

fn encode_slots(out: &mut [u8], fields: &DmxHeader, slots: &[u8], length: usize) -> Option<usize> {
    if !(1..=SLOTS).contains(&length) {
        return None;
    }
    let len = DMX_HEADER + length;
    let (header, body) = out.get_mut(..len)?.split_first_chunk_mut::<DMX_HEADER>()?;
    let (sent, padding) = body.split_at_mut_checked(slots.len())?;
    sent.copy_from_slice(slots);
    padding.fill(0);
    put_opcode(header, fields.opcode);
    header[field::SEQUENCE] = fields.sequence;
    header[field::PHYSICAL] = fields.byte_13;
    [header[field::NET], header[field::SUB_UNI]] = fields.port_address.address().to_be_bytes();
    put16(header, field::LENGTH, u16::try_from(length).ok()?);
    Some(len)
}

/// Writes an ArtSync and returns its length; `None` when it does not fit into `out`.
#[must_use]
pub fn encode_sync(out: &mut [u8]) -> Option<usize> {
    let packet = out.first_chunk_mut::<SYNC_LEN>()?;
    put_opcode(packet, opcode::SYNC);
    Some(SYNC_LEN)
}

/// Clears the packet and writes identifier, opcode and protocol version.
fn put_opcode<const N: usize>(packet: &mut [u8; N], opcode: u16) {
    packet.fill(0);
    packet[..field::OPCODE].copy_from_slice(&IDENTIFIER);
    [packet[field::OPCODE], packet[field::OPCODE + 1]] = opcode.to_le_bytes();
    put16(packet, field::VERSION, PROTOCOL_VERSION);
}

#[cfg(test)]
mod tests;
