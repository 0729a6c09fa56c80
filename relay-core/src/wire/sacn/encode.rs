//! Writing packets: for `send`, replay, load and tests. Not on the light's path.

use super::{
    Cid, DATA_HEADER, DISCOVERY_HEADER, DISCOVERY_PAGE, DMP_CONSTANTS, FORCE_SYNCHRONIZATION,
    FRAMING_DATA, FRAMING_DISCOVERY, FRAMING_SYNC, IDENTIFIER, IDENTIFIER_RANGE, PREVIEW_DATA,
    ROOT_DATA, ROOT_EXTENDED, START_CODE_LEVELS, STREAM_TERMINATED, SYNC_LEN, Sync, UNIVERSE_LIST,
    field,
};
use crate::universe::{SLOTS, SacnUniverse};
use crate::wire::{put_text, put16, put32};

/// Longest data packet: 512 slots.
pub const DATA_LEN_MAX: usize = DATA_HEADER + SLOTS;

/// Longest universe discovery packet: 512 universes.
pub const DISCOVERY_LEN_MAX: usize = DISCOVERY_HEADER + 2 * DISCOVERY_PAGE;

/// Everything of a data packet but its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataFields<'a> {
    /// Who sends.
    pub cid: Cid,
    /// Name of the source; what does not fit into 63 bytes is cut off.
    pub source_name: &'a str,
    /// 0..=200; more is sent as it is, for those who test receivers.
    pub priority: u8,
    /// The universe whose synchronization packet releases the data, 0 = none.
    pub sync_address: u16,
    /// Counts the packets of one universe.
    pub sequence: u8,
    /// Preview_Data.
    pub preview: bool,
    /// Stream_Terminated.
    pub terminated: bool,
    /// Force_Synchronization.
    pub force_synchronization: bool,
    /// The universe.
    pub universe: SacnUniverse,
    /// What the slots are; [`START_CODE_LEVELS`] as a rule.
    pub start_code: u8,
}

impl<'a> DataFields<'a> {
    /// Levels of the default priority 100, not synchronised, sequence number 0.
    pub const fn new(cid: Cid, source_name: &'a str, universe: SacnUniverse) -> Self {
        Self {
            cid,
            source_name,
            priority: 100,
            sync_address: 0,
            sequence: 0,
            preview: false,
            terminated: false,
            force_synchronization: false,
            universe,
            start_code: START_CODE_LEVELS,
        }
    }
}

/// Writes a data packet (E1.31 Table 4-1) and returns its length; `None` when it does not fit into
/// `out` or there are more than 512 slots.
#[must_use]
pub fn encode_data(out: &mut [u8], fields: &DataFields<'_>, slots: &[u8]) -> Option<usize> {
    let len = DATA_HEADER + slots.len();
    if slots.len() > SLOTS {
        return None;
    }
    let (header, body) = out.get_mut(..len)?.split_first_chunk_mut::<DATA_HEADER>()?;
    body.copy_from_slice(slots);
    encode_framing(header, len, (ROOT_DATA, FRAMING_DATA), fields.cid);
    put_text(&mut header[field::SOURCE_NAME], fields.source_name);
    header[field::PRIORITY] = fields.priority;
    put16(header, field::SYNC_ADDRESS, fields.sync_address);
    header[field::SEQUENCE] = fields.sequence;
    header[field::OPTIONS] = (if fields.preview { PREVIEW_DATA } else { 0 })
        | (if fields.terminated { STREAM_TERMINATED } else { 0 })
        | (if fields.force_synchronization { FORCE_SYNCHRONIZATION } else { 0 });
    put16(header, field::UNIVERSE, fields.universe.number());
    put_pdu(header, field::DMP, len);
    header[field::DMP_VECTOR..field::VALUE_COUNT].copy_from_slice(&DMP_CONSTANTS);
    put16(header, field::VALUE_COUNT, u16::try_from(1 + slots.len()).ok()?);
    header[field::START_CODE] = fields.start_code;
    Some(len)
}

/// Writes a synchronization packet (E1.31 Table 4-2) and returns its length; `None` when it does
/// not fit into `out`.
#[must_use]
pub fn encode_sync(out: &mut [u8], sync: &Sync) -> Option<usize> {
    let header = out.first_chunk_mut::<SYNC_LEN>()?;
    encode_framing(header, SYNC_LEN, (ROOT_EXTENDED, FRAMING_SYNC), sync.cid);
    header[field::SYNC_SEQUENCE] = sync.sequence;
    put16(header, field::SYNC_SYNC_ADDRESS, sync.sync_address.number());
    Some(SYNC_LEN)
}

/// Writes one page of universe discovery (E1.31 Table 4-3) and returns its length; `None` when it
/// does not fit into `out` or there are more than 512 universes. They should be sorted (§8.5).
#[must_use]
pub fn encode_discovery(
    out: &mut [u8],
    cid: Cid,
    source_name: &str,
    (page, last_page): (u8, u8),
    universes: &[SacnUniverse],
) -> Option<usize> {
    let len = DISCOVERY_HEADER + 2 * universes.len();
    if universes.len() > DISCOVERY_PAGE {
        return None;
    }
    let (header, list) = out.get_mut(..len)?.split_first_chunk_mut::<DISCOVERY_HEADER>()?;
    for (bytes, universe) in list.as_chunks_mut().0.iter_mut().zip(universes) {
        *bytes = universe.number().to_be_bytes();
    }
    encode_framing(header, len, (ROOT_EXTENDED, FRAMING_DISCOVERY), cid);
    put_text(&mut header[field::SOURCE_NAME], source_name);
    put_pdu(header, field::LIST, len);
    put32(header, field::LIST_VECTOR, UNIVERSE_LIST);
    header[field::PAGE] = page;
    header[field::LAST_PAGE] = last_page;
    Some(len)
}

/// Clears `header` and writes what all packets have in common, up to the framing vector.
fn encode_framing<const N: usize>(
    header: &mut [u8; N],
    len: usize,
    (root_vector, framing_vector): (u32, u32),
    cid: Cid,
) {
    header.fill(0);
    put32(header, field::PREAMBLE, 0x0010_0000);
    header[IDENTIFIER_RANGE].copy_from_slice(&IDENTIFIER);
    put_pdu(header, field::ROOT, len);
    put32(header, field::ROOT_VECTOR, root_vector);
    header[field::CID..field::FRAMING].copy_from_slice(&cid.0);
    put_pdu(header, field::FRAMING, len);
    put32(header, field::FRAMING_VECTOR, framing_vector);
}

/// Flags and length of the PDU that begins at `at` and, as all of them do, ends with the packet.
fn put_pdu<const N: usize>(header: &mut [u8; N], at: usize, packet_len: usize) {
    let len = u16::try_from(packet_len - at).unwrap_or(0x0FFF);
    put16(header, at, 0x7000 | len);
}
