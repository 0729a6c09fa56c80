//! What controllers say beside levels: programming, time code, triggers, commands, diagnostics.

use std::net::Ipv4Addr;

use super::{Malformed, Text, array, be16, opcode, packet, put_opcode, put_text, put16};

/// Bytes of an ArtAddress.
const ADDRESS_LEN: usize = 107;
/// Bytes of an ArtTimeCode.
const TIME_CODE_LEN: usize = 19;
/// Bytes of an ArtIpProg.
const IP_PROG_LEN: usize = 34;
/// Bytes of an ArtDiagData before its text.
pub const DIAG_DATA_HEADER: usize = 18;
/// Longest text of ArtCommand and ArtDiagData, longest data of ArtTrigger.
const PAYLOAD_MAX: usize = 512;

/// Offsets of ArtAddress.
mod field {
    use std::ops::Range;

    pub(super) const NET_SWITCH: usize = 12;
    pub(super) const BIND_INDEX: usize = 13;
    pub(super) const SHORT_NAME: Range<usize> = 14..32;
    pub(super) const LONG_NAME: Range<usize> = 32..96;
    pub(super) const SW_IN: usize = 96;
    pub(super) const SW_OUT: usize = 100;
    pub(super) const SUB_SWITCH: usize = 104;
    pub(super) const ACN_PRIORITY: usize = 105;
    pub(super) const COMMAND: usize = 106;
}

/// A controller programmes one page of a node (ArtAddress).
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    bytes: &'a [u8; ADDRESS_LEN],
}

impl<'a> Address<'a> {
    /// The page that is meant, from 1; 0 means the first too.
    pub fn bind_index(&self) -> u8 {
        self.bytes[field::BIND_INDEX]
    }

    /// New short name; empty = leave it.
    pub fn short_name(&self) -> Text<'a> {
        Text::until_nul(&self.bytes[field::SHORT_NAME])
    }

    /// New long name; empty = leave it.
    pub fn long_name(&self) -> Text<'a> {
        Text::until_nul(&self.bytes[field::LONG_NAME])
    }

    /// New net: bits 0 to 6 when bit 7 is set, 0 = back to the switches, 0x7F = leave it.
    pub fn net_switch(&self) -> u8 {
        self.bytes[field::NET_SWITCH]
    }

    /// New sub-net, in the same code.
    pub fn sub_switch(&self) -> u8 {
        self.bytes[field::SUB_SWITCH]
    }

    /// New universes of the inputs, in the same code.
    pub fn sw_in(&self) -> [u8; 4] {
        array(self.bytes, field::SW_IN)
    }

    /// New universes of the outputs, in the same code.
    pub fn sw_out(&self) -> [u8; 4] {
        array(self.bytes, field::SW_OUT)
    }

    /// Priority of the sACN that a node makes of Art-Net, 255 = leave it.
    pub fn acn_priority(&self) -> u8 {
        self.bytes[field::ACN_PRIORITY]
    }

    /// The command, 0 = none.
    pub fn command(&self) -> u8 {
        self.bytes[field::COMMAND]
    }
}

/// Time code (ArtTimeCode).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeCode {
    /// 0 = the master stream.
    pub stream: u8,
    /// 0..=29.
    pub frames: u8,
    /// 0..=59.
    pub seconds: u8,
    /// 0..=59.
    pub minutes: u8,
    /// 0..=23.
    pub hours: u8,
    /// 0 film (24 fps), 1 EBU (25), 2 drop frame (29.97), 3 SMPTE (30).
    pub kind: u8,
}

/// A trigger (ArtTrigger).
#[derive(Clone, Copy, Debug)]
pub struct Trigger<'a> {
    /// Whose triggers; 0xFFFF = the standard's.
    pub oem: u16,
    /// The kind: 0 ASCII, 1 macro, 2 soft key, 3 show.
    pub key: u8,
    /// Which one.
    pub sub_key: u8,
    /// What a maker adds, at most 512 bytes.
    pub payload: &'a [u8],
}

/// A text command (ArtCommand).
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// Whose commands; 0xFFFF = the standard's.
    pub esta: u16,
    /// `name=value&` and so on.
    pub text: Text<'a>,
}

/// A diagnostic message (ArtDiagData).
#[derive(Clone, Copy, Debug)]
pub struct DiagData<'a> {
    /// Importance: 0x10 low, 0x40 medium, 0x80 high, 0xE0 critical, 0xF0 volatile.
    pub priority: u8,
    /// The port it is about, 0 = the node.
    pub logical_port: u8,
    /// The message.
    pub text: Text<'a>,
}

/// A controller wants to change a node's IP address (ArtIpProg).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpProg {
    /// Which of the fields are to be programmed; 0 = only asks.
    pub command: u8,
    /// The new address.
    pub ip: Ipv4Addr,
    /// The new mask.
    pub subnet_mask: Ipv4Addr,
    /// The new default gateway.
    pub gateway: Ipv4Addr,
}

pub(super) fn address(bytes: &[u8]) -> Result<Address<'_>, Malformed> {
    packet(bytes).map(|bytes| Address { bytes })
}

pub(super) fn time_code(bytes: &[u8]) -> Result<TimeCode, Malformed> {
    let [stream, frames, seconds, minutes, hours, kind] =
        array(packet::<TIME_CODE_LEN>(bytes)?, 13);
    Ok(TimeCode { stream, frames, seconds, minutes, hours, kind })
}

pub(super) fn trigger(bytes: &[u8]) -> Result<Trigger<'_>, Malformed> {
    let header = packet::<18>(bytes)?;
    let payload = &bytes[18..bytes.len().min(18 + PAYLOAD_MAX)];
    Ok(Trigger { oem: be16(header, 14), key: header[16], sub_key: header[17], payload })
}

pub(super) fn command(bytes: &[u8]) -> Result<Command<'_>, Malformed> {
    let header = packet::<16>(bytes)?;
    let text = text(bytes, 16, be16(header, 14)).ok_or(Malformed::ArtCommandLength)?;
    Ok(Command { esta: be16(header, 12), text })
}

pub(super) fn diag_data(bytes: &[u8]) -> Result<DiagData<'_>, Malformed> {
    let header = packet::<DIAG_DATA_HEADER>(bytes)?;
    let text =
        text(bytes, DIAG_DATA_HEADER, be16(header, 16)).ok_or(Malformed::ArtDiagDataLength)?;
    Ok(DiagData { priority: header[13], logical_port: header[14], text })
}

fn text(bytes: &[u8], at: usize, length: u16) -> Option<Text<'_>> {
    let length = usize::from(length);
    (length <= PAYLOAD_MAX).then(|| bytes.get(at..at + length)).flatten().map(Text::until_nul)
}

pub(super) fn ip_prog(bytes: &[u8]) -> Result<IpProg, Malformed> {
    let packet = packet::<IP_PROG_LEN>(bytes)?;
    let ip = |at| Ipv4Addr::from(array::<4, _>(packet, at));
    Ok(IpProg { command: packet[14], ip: ip(16), subnet_mask: ip(20), gateway: ip(26) })
}

/// What an ArtAddress programmes; net, sub-net, universes and priority are left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressFields<'a> {
    /// The page, from 1.
    pub bind_index: u8,
    /// New short name; empty = leave it.
    pub short_name: &'a str,
    /// New long name; empty = leave it.
    pub long_name: &'a str,
    /// The command, 0 = none.
    pub command: u8,
}

/// Writes an ArtAddress and returns its length; `None` when it does not fit into `out`.
#[must_use]
pub fn encode_address(out: &mut [u8], fields: &AddressFields<'_>) -> Option<usize> {
    /// No change.
    const KEEP: u8 = 0x7F;
    let packet = out.first_chunk_mut::<ADDRESS_LEN>()?;
    put_opcode(packet, opcode::ADDRESS);
    packet[field::NET_SWITCH] = KEEP;
    packet[field::BIND_INDEX] = fields.bind_index;
    put_text(&mut packet[field::SHORT_NAME], fields.short_name);
    put_text(&mut packet[field::LONG_NAME], fields.long_name);
    packet[field::SW_IN..field::SUB_SWITCH].fill(KEEP);
    packet[field::SUB_SWITCH] = KEEP;
    packet[field::ACN_PRIORITY] = 0xFF;
    packet[field::COMMAND] = fields.command;
    Some(ADDRESS_LEN)
}

/// Writes an ArtTimeCode and returns its length; `None` when it does not fit into `out`.
#[must_use]
pub fn encode_time_code(out: &mut [u8], time: &TimeCode) -> Option<usize> {
    let packet = out.first_chunk_mut::<TIME_CODE_LEN>()?;
    put_opcode(packet, opcode::TIME_CODE);
    packet[13..].copy_from_slice(&[
        time.stream,
        time.frames,
        time.seconds,
        time.minutes,
        time.hours,
        time.kind,
    ]);
    Some(TIME_CODE_LEN)
}

/// Writes an ArtDiagData about the node as a whole and returns its length; `None` when it does not
/// fit into `out` or the text, with its NUL, is too long.
#[must_use]
pub fn encode_diag_data(out: &mut [u8], priority: u8, text: &[u8]) -> Option<usize> {
    let length = text.len() + 1;
    let len = DIAG_DATA_HEADER + length;
    let (header, body) = out.get_mut(..len)?.split_first_chunk_mut::<DIAG_DATA_HEADER>()?;
    let field = u16::try_from(length).ok().filter(|_| length <= PAYLOAD_MAX)?;
    put_opcode(header, opcode::DIAG_DATA);
    header[13] = priority;
    put16(header, 16, field);
    body[..text.len()].copy_from_slice(text);
    body[text.len()] = 0;
    Some(len)
}
