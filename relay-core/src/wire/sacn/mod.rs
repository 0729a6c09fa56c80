//! sACN: the packets of ANSI E1.31-2018, and OLA's draft form of universe discovery.
//!
//! A data packet is three PDUs, each inside the one before: root layer, framing layer, DMP layer
//! (E1.31 Table 4-1). Their lengths must nest within each other and within the datagram. What comes
//! after the root layer PDU is ignored: some senders pad. A PDU that is longer than what it has to
//! hold is tolerated too, as ETC's library and OLA do: the property value count says where the
//! slots end.

use std::fmt;
use std::ops::Range;

use super::{Foreign, Malformed, Packet, Text, array, be16, be32};
use crate::universe::{SLOTS, SacnUniverse};

pub mod edit;
mod encode;

pub use encode::{DATA_LEN_MAX, DISCOVERY_LEN_MAX, DataFields};
pub use encode::{encode_data, encode_discovery, encode_sync};

/// ACN packet identifier (E1.31 §5.3), found at [`IDENTIFIER_RANGE`].
pub const IDENTIFIER: [u8; 12] = *b"ASC-E1.17\0\0\0";

/// Where the identifier is.
pub const IDENTIFIER_RANGE: Range<usize> = 4..16;

/// Highest legal priority (E1.31 §6.2.3).
pub const PRIORITY_MAX: u8 = 200;

/// The universe that universe discovery is sent on (E1.31 Appendix A).
pub const DISCOVERY_UNIVERSE: u16 = 64_214;

/// Universes on one page of universe discovery (E1.31 §8.5).
pub const DISCOVERY_PAGE: usize = 512;

/// START code of levels (ANSI E1.11).
pub const START_CODE_LEVELS: u8 = 0x00;

/// START code of per-address priority (ESTA alternate START codes).
pub const START_CODE_PER_ADDRESS_PRIORITY: u8 = 0xDD;

/// Bytes of a data packet before its slots.
const DATA_HEADER: usize = 126;
/// Bytes of a synchronization packet (E1.31 Table 4-2).
const SYNC_LEN: usize = 49;
/// Bytes of a universe discovery packet before its list (E1.31 Table 4-3).
const DISCOVERY_HEADER: usize = 120;
/// The same in OLA's draft form.
const DRAFT_DISCOVERY_HEADER: usize = 117;
/// Bytes up to the end of the framing vector.
const FRAMING_HEADER: usize = 44;

/// Offsets of E1.31 Tables 4-1 (data), 4-2 (synchronization) and 4-3 (universe discovery).
mod field {
    use std::ops::Range;

    /// Preamble and postamble size.
    pub(super) const PREAMBLE: usize = 0;
    pub(super) const ROOT: usize = 16;
    pub(super) const ROOT_VECTOR: usize = 18;
    pub(super) const CID: usize = 22;
    pub(super) const FRAMING: usize = 38;
    pub(super) const FRAMING_VECTOR: usize = 40;
    pub(super) const SOURCE_NAME: Range<usize> = 44..108;

    pub(super) const PRIORITY: usize = 108;
    pub(super) const SYNC_ADDRESS: usize = 109;
    pub(super) const SEQUENCE: usize = 111;
    pub(super) const OPTIONS: usize = 112;
    pub(super) const UNIVERSE: usize = 113;
    pub(super) const DMP: usize = 115;
    pub(super) const DMP_VECTOR: usize = 117;
    pub(super) const ADDRESS_TYPE: usize = 118;
    pub(super) const FIRST_ADDRESS: usize = 119;
    pub(super) const INCREMENT: usize = 121;
    pub(super) const VALUE_COUNT: usize = 123;
    pub(super) const START_CODE: usize = 125;

    pub(super) const SYNC_SEQUENCE: usize = 44;
    pub(super) const SYNC_SYNC_ADDRESS: usize = 45;

    pub(super) const LIST: usize = 112;
    pub(super) const LIST_VECTOR: usize = 114;
    pub(super) const PAGE: usize = 118;
    pub(super) const LAST_PAGE: usize = 119;

    pub(super) const DRAFT_PAGE: usize = 115;
    pub(super) const DRAFT_LAST_PAGE: usize = 116;
}

/// VECTOR_ROOT_E131_DATA.
const ROOT_DATA: u32 = 4;
/// VECTOR_ROOT_E131_EXTENDED.
const ROOT_EXTENDED: u32 = 8;
/// VECTOR_E131_DATA_PACKET.
const FRAMING_DATA: u32 = 2;
/// VECTOR_E131_EXTENDED_SYNCHRONIZATION.
const FRAMING_SYNC: u32 = 1;
/// VECTOR_E131_EXTENDED_DISCOVERY.
const FRAMING_DISCOVERY: u32 = 2;
/// What OLA puts there for discovery, under [`ROOT_DATA`].
const FRAMING_DRAFT_DISCOVERY: u32 = 4;
/// VECTOR_UNIVERSE_DISCOVERY_UNIVERSE_LIST.
const UNIVERSE_LIST: u32 = 1;
/// DMP vector 2, address and data type 0xA1, first address 0, increment 1 (E1.31 §7.2 to §7.5).
const DMP_CONSTANTS: [u8; 6] = [2, 0xA1, 0, 0, 0, 1];

const PREVIEW_DATA: u8 = 0x80;
const STREAM_TERMINATED: u8 = 0x40;
const FORCE_SYNCHRONIZATION: u8 = 0x20;

/// Identity of a source: stays when its address and its name change (E1.31 §5.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(pub [u8; 16]);

impl fmt::Display for Cid {
    /// As a UUID: `cd30dea8-0852-4c8c-94dd-0e7806214b16`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// One universe's data of one source (E1.31 Table 4-1).
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    header: &'a [u8; DATA_HEADER],
    universe: SacnUniverse,
    slots: &'a [u8],
}

impl<'a> Data<'a> {
    /// Who sent it (§5.6).
    pub fn cid(&self) -> Cid {
        Cid(array(self.header, field::CID))
    }

    /// The source's name for people (§6.2.2). Not an identity.
    pub fn source_name(&self) -> Text<'a> {
        Text::until_nul(&self.header[field::SOURCE_NAME])
    }

    /// 0..=200, 0 the lowest (§6.2.3).
    pub fn priority(&self) -> u8 {
        self.header[field::PRIORITY]
    }

    /// The universe whose synchronization packet releases this data; 0 = none (§6.2.4). Not
    /// checked: an address above 63999 is one that no synchronization packet ever has.
    pub fn sync_address(&self) -> u16 {
        be16(self.header, field::SYNC_ADDRESS)
    }

    /// Sequence number of this source on this universe (§6.2.5, §6.7.2).
    pub fn sequence(&self) -> u8 {
        self.header[field::SEQUENCE]
    }

    /// Preview_Data: for visualisers, not for live output (§6.2.6).
    pub fn preview(&self) -> bool {
        self.option(PREVIEW_DATA)
    }

    /// Stream_Terminated: the source has left the universe; any levels are to be ignored (§6.2.6).
    pub fn terminated(&self) -> bool {
        self.option(STREAM_TERMINATED)
    }

    /// Force_Synchronization: go on unsynchronised when synchronization is lost (§6.2.6).
    pub fn force_synchronization(&self) -> bool {
        self.option(FORCE_SYNCHRONIZATION)
    }

    fn option(&self, bit: u8) -> bool {
        self.header[field::OPTIONS] & bit != 0
    }

    /// The universe (§6.2.7).
    pub fn universe(&self) -> SacnUniverse {
        self.universe
    }

    /// What the slots are: 0x00 levels, 0xDD per-address priority, others neither (§7.7).
    pub fn start_code(&self) -> u8 {
        self.header[field::START_CODE]
    }

    /// 0..=512 slots from slot 1 on, without the START code. What was not sent is not there.
    pub fn slots(&self) -> &'a [u8] {
        self.slots
    }
}

/// Release of the data held for one synchronization address (E1.31 Table 4-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync {
    /// Who sent it (§5.6).
    pub cid: Cid,
    /// Sequence number on this synchronization address (§6.3.2).
    pub sequence: u8,
    /// The universe (§6.3.3).
    pub sync_address: SacnUniverse,
}

/// One page of the list of universes that a source sends (E1.31 Table 4-3).
#[derive(Clone, Copy, Debug)]
pub struct Discovery<'a> {
    header: &'a [u8; DRAFT_DISCOVERY_HEADER],
    page: u8,
    last_page: u8,
    list: &'a [u8],
}

impl<'a> Discovery<'a> {
    /// Who sent it (§5.6).
    pub fn cid(&self) -> Cid {
        Cid(array(self.header, field::CID))
    }

    /// The source's name (§6.4.2).
    pub fn source_name(&self) -> Text<'a> {
        Text::until_nul(&self.header[field::SOURCE_NAME])
    }

    /// Which page this is, 0..=[`last_page`](Self::last_page) (§8.3).
    pub fn page(&self) -> u8 {
        self.page
    }

    /// The number of the last page (§8.4).
    pub fn last_page(&self) -> u8 {
        self.last_page
    }

    /// The universes of this page (§8.5), at most 512, in the order sent (the standard wants them
    /// sorted). Numbers that are no universe are left out.
    pub fn universes(&self) -> impl Iterator<Item = SacnUniverse> + use<'a> {
        self.list
            .as_chunks::<2>()
            .0
            .iter()
            .filter_map(|n| SacnUniverse::new(u16::from_be_bytes(*n)))
    }
}

/// Reads a datagram that has [`IDENTIFIER`].
#[inline]
pub(super) fn parse(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    let Some(header) = bytes.first_chunk::<FRAMING_HEADER>() else {
        return Err(Malformed::SacnTruncated);
    };
    if be32(header, field::PREAMBLE) != 0x0010_0000 {
        return Err(Malformed::SacnPreamble);
    }
    let end = pdu_end(header, field::ROOT)?;
    let root_vector = be32(header, field::ROOT_VECTOR);
    if root_vector != ROOT_DATA && root_vector != ROOT_EXTENDED {
        return Ok(Packet::Other(Foreign::AcnVector(root_vector)));
    }
    let bytes = bytes.get(..end).ok_or(Malformed::SacnTruncated)?;
    if pdu_end(header, field::FRAMING)? > end {
        return Err(Malformed::SacnLength);
    }
    match (root_vector, be32(header, field::FRAMING_VECTOR)) {
        (ROOT_DATA, FRAMING_DATA) => data(bytes),
        (ROOT_EXTENDED, FRAMING_SYNC) => sync(bytes).map(Packet::SacnSync),
        (ROOT_EXTENDED, FRAMING_DISCOVERY) => discovery(bytes).map(Packet::SacnDiscovery),
        (ROOT_DATA, FRAMING_DRAFT_DISCOVERY) => draft_discovery(bytes).map(Packet::SacnDiscovery),
        (_, vector) => Ok(Packet::Other(Foreign::SacnVector(vector))),
    }
}

/// Where the PDU whose flags and length are at `at` ends, counted from the start of the datagram.
#[inline]
fn pdu_end<const N: usize>(header: &[u8; N], at: usize) -> Result<usize, Malformed> {
    let flags_and_length = be16(header, at);
    if flags_and_length >> 12 != 0x7 {
        return Err(Malformed::SacnFlags);
    }
    Ok(at + usize::from(flags_and_length & 0x0FFF))
}

/// `bytes` is the root layer PDU and what is before it; the framing layer PDU is inside. Returns
/// the packet and not the view alone: a copy less, half the time.
#[inline]
fn data(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    let header = bytes.first_chunk::<DATA_HEADER>().ok_or(Malformed::SacnLength)?;
    let framing_end = pdu_end(header, field::FRAMING)?;
    let dmp_end = pdu_end(header, field::DMP)?;
    if header[field::DMP_VECTOR..field::VALUE_COUNT] != DMP_CONSTANTS {
        return Err(dmp_constant_at_fault(header));
    }
    let values = usize::from(be16(header, field::VALUE_COUNT));
    if !(1..=1 + SLOTS).contains(&values) {
        return Err(Malformed::SacnValueCount);
    }
    let slots_end = field::START_CODE + values;
    if slots_end > dmp_end || dmp_end > framing_end {
        return Err(Malformed::SacnLength);
    }
    let slots = bytes.get(DATA_HEADER..slots_end).ok_or(Malformed::SacnLength)?;
    if header[field::PRIORITY] > PRIORITY_MAX {
        return Err(Malformed::SacnPriority);
    }
    let universe =
        SacnUniverse::new(be16(header, field::UNIVERSE)).ok_or(Malformed::SacnUniverse)?;
    Ok(Packet::SacnData(Data { header, universe, slots }))
}

#[cold]
fn dmp_constant_at_fault(header: &[u8; DATA_HEADER]) -> Malformed {
    if header[field::DMP_VECTOR] != 2 {
        Malformed::SacnDmpVector
    } else if header[field::ADDRESS_TYPE] != 0xA1 {
        Malformed::SacnAddressType
    } else if be16(header, field::FIRST_ADDRESS) != 0 {
        Malformed::SacnFirstAddress
    } else {
        debug_assert_ne!(be16(header, field::INCREMENT), 1);
        Malformed::SacnIncrement
    }
}

fn sync(bytes: &[u8]) -> Result<Sync, Malformed> {
    let header = bytes.first_chunk::<SYNC_LEN>().ok_or(Malformed::SacnLength)?;
    if pdu_end(header, field::FRAMING)? < SYNC_LEN {
        return Err(Malformed::SacnLength);
    }
    let sync_address = SacnUniverse::new(be16(header, field::SYNC_SYNC_ADDRESS))
        .ok_or(Malformed::SacnSyncAddress)?;
    Ok(Sync {
        cid: Cid(array(header, field::CID)),
        sequence: header[field::SYNC_SEQUENCE],
        sync_address,
    })
}

fn discovery(bytes: &[u8]) -> Result<Discovery<'_>, Malformed> {
    let header = bytes.first_chunk::<DISCOVERY_HEADER>().ok_or(Malformed::SacnLength)?;
    let list_end = pdu_end(header, field::LIST)?;
    if list_end > pdu_end(header, field::FRAMING)? {
        return Err(Malformed::SacnLength);
    }
    if be32(header, field::LIST_VECTOR) != UNIVERSE_LIST {
        return Err(Malformed::SacnListVector);
    }
    let list = bytes.get(DISCOVERY_HEADER..list_end).ok_or(Malformed::SacnLength)?;
    universe_list(bytes, header[field::PAGE], header[field::LAST_PAGE], list)
}

/// OLA 0.10 sends universe discovery as a draft of E1.31 had it: a data packet's framing layer and,
/// instead of a DMP layer, page, last page and the list.
fn draft_discovery(bytes: &[u8]) -> Result<Discovery<'_>, Malformed> {
    let header = bytes.first_chunk::<DRAFT_DISCOVERY_HEADER>().ok_or(Malformed::SacnLength)?;
    let list_end = pdu_end(header, field::FRAMING)?;
    let list = bytes.get(DRAFT_DISCOVERY_HEADER..list_end).ok_or(Malformed::SacnLength)?;
    universe_list(bytes, header[field::DRAFT_PAGE], header[field::DRAFT_LAST_PAGE], list)
}

fn universe_list<'a>(
    bytes: &'a [u8],
    page: u8,
    last_page: u8,
    list: &'a [u8],
) -> Result<Discovery<'a>, Malformed> {
    if page > last_page {
        return Err(Malformed::SacnPage);
    }
    if !list.len().is_multiple_of(2) || list.len() > 2 * DISCOVERY_PAGE {
        return Err(Malformed::SacnList);
    }
    let header = bytes.first_chunk().ok_or(Malformed::SacnLength)?;
    Ok(Discovery { header, page, last_page, list })
}

#[cfg(test)]
mod tests;
