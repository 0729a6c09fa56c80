//! What an FSEQ file says before its channel data.

use std::io::{Read, Seek, SeekFrom};

use super::{CHANNELS_MAX, ChannelMap, ChannelRange, Compression, MAP_CODE, MAP_ENTRY};
use crate::show::{ErrorKind, Numbering, Warning, Warnings};

/// The header, checked.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) compression: Compression,
    /// Bytes of a stored frame.
    pub(super) channels: u32,
    pub(super) step_ms: u8,
    /// In the order of their frames.
    pub(super) blocks: Vec<Block>,
    /// Stored runs of channels: first, count.
    pub(super) ranges: Vec<(u32, u32)>,
    /// What our own header says.
    pub(super) map: Option<ChannelMap>,
}

/// Frames that are packed together, or all of them if they are not packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The first frame, and the one behind the last.
    pub(super) first: u32,
    pub(super) end: u32,
    /// Where the block is in the file.
    pub(super) offset: u64,
    pub(super) length: u64,
}

const V1_HEADER: usize = 28;
const V2_HEADER: usize = 32;
/// `ESEQ`: a model's effect, with a short header, at 50 ms.
const ESEQ_HEADER: usize = 20;
const ESEQ_STEP_MS: u8 = 50;

impl Header {
    pub(super) fn read<R: Read + Seek>(
        input: &mut R,
        warnings: &mut Warnings,
    ) -> Result<Self, ErrorKind> {
        let mut bytes = Vec::with_capacity(V2_HEADER);
        input.by_ref().take(V2_HEADER as u64).read_to_end(&mut bytes)?;
        if bytes.starts_with(b"ESEQ") {
            return Self::read_eseq(&bytes, input.seek(SeekFrom::End(0))?);
        }
        if bytes.len() < V1_HEADER {
            return Err(field("size of the file", bytes.len() as u64, "a whole header"));
        }
        let data = usize::from(u16_at(&bytes, 4));
        let rest = data.saturating_sub(bytes.len()) as u64;
        input.by_ref().take(rest).read_to_end(&mut bytes)?;
        if bytes.len() < data {
            return Err(field("offset of the channel data", data as u64, "within the file"));
        }
        bytes.truncate(data);
        let step_ms = bytes.get(18).copied().unwrap_or(0);
        if step_ms == 0 {
            return Err(field("step", 0, "1 to 255 ms"));
        }
        let channels = u32_at(&bytes, 10);
        if channels > CHANNELS_MAX {
            return Err(field("channels in a frame", u64::from(channels), "at most 2097152"));
        }
        let frames = u32_at(&bytes, 14);
        match bytes.get(7) {
            Some(1) => Ok(Self {
                compression: Compression::None,
                channels,
                step_ms,
                blocks: vec![Block::unpacked(frames, channels, data as u64)],
                ranges: vec![(0, channels)],
                map: find_map(&bytes, V1_HEADER),
            }),
            Some(2) => Self::read_v2(&bytes, channels, frames, step_ms, warnings),
            major => {
                let major = major.copied().map_or(0, u64::from);
                Err(field("FSEQ major version", major, "1 or 2"))
            }
        }
    }

    fn read_v2(
        bytes: &[u8],
        channels: u32,
        frames: u32,
        step_ms: u8,
        warnings: &mut Warnings,
    ) -> Result<Self, ErrorKind> {
        let packing = byte_at(bytes, 20);
        let compression = match packing & 0x0F {
            0 => Compression::None,
            1 => Compression::Zstd,
            2 => Compression::Zlib,
            other => return Err(field("packing", u64::from(other), "0 none, 1 zstd or 2 zlib")),
        };
        let table = usize::from(packing >> 4) << 8 | usize::from(byte_at(bytes, 21));
        let ranges_at = V2_HEADER + table * 8;
        let range_count = usize::from(byte_at(bytes, 22));
        let headers_at = ranges_at + range_count * 6;
        if bytes.len() < headers_at {
            let (found, expected) = (bytes.len() as u64, "behind the tables of blocks and ranges");
            return Err(field("offset of the channel data", found, expected));
        }
        let data = bytes.len() as u64;
        let blocks = match compression {
            Compression::None => vec![Block::unpacked(frames, channels, data)],
            _ => read_blocks(&bytes[V2_HEADER..ranges_at], frames, data, warnings),
        };
        let ranges = read_ranges(&bytes[ranges_at..headers_at], channels)?;
        let map = find_map(bytes, headers_at);
        Ok(Self { compression, channels, step_ms, blocks, ranges, map })
    }

    fn read_eseq(bytes: &[u8], size: u64) -> Result<Self, ErrorKind> {
        if bytes.len() < ESEQ_HEADER {
            return Err(field("size of the file", bytes.len() as u64, "a whole header"));
        }
        let channels = u32_at(bytes, 8);
        if channels == 0 || channels > CHANNELS_MAX {
            return Err(field("channels in a frame", u64::from(channels), "1 to 2097152"));
        }
        let frames = (size - ESEQ_HEADER as u64) / u64::from(channels);
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        // The model's first channel counts from 1.
        let (first, count) = (u32_at(bytes, 12).saturating_sub(1), u32_at(bytes, 16));
        if count > channels || first >= 1 << 24 {
            return Err(field("channels of the model", u64::from(count), "no more than a frame's"));
        }
        Ok(Self {
            compression: Compression::None,
            channels,
            step_ms: ESEQ_STEP_MS,
            blocks: vec![Block::unpacked(frames, channels, ESEQ_HEADER as u64)],
            ranges: vec![(first, count)],
            map: None,
        })
    }
}

impl Block {
    fn unpacked(frames: u32, channels: u32, offset: u64) -> Self {
        Self { first: 0, end: frames, offset, length: u64::from(frames) * u64::from(channels) }
    }
}

/// The blocks in use, in the order of their frames. They stand in the file as in the table.
fn read_blocks(table: &[u8], frames: u32, data: u64, warnings: &mut Warnings) -> Vec<Block> {
    let mut blocks = Vec::with_capacity(table.len() / 8);
    let mut offset = data;
    for entry in table.chunks_exact(8) {
        let (first, length) = (u32_at(entry, 0), u64::from(u32_at(entry, 4)));
        if length > 0 {
            blocks.push(Block { first, end: frames, offset, length });
            offset += length;
        }
    }
    if blocks.is_empty() && frames > 0 {
        warnings.note(Warning::NoBlockTable, V2_HEADER as u64);
        return vec![Block { first: 0, end: frames, offset: data, length: u64::MAX }];
    }
    let disorder = blocks.windows(2).filter(|pair| pair[1].first < pair[0].first).count();
    if disorder > 0 {
        warnings.note_many(Warning::BlockOrder, V2_HEADER as u64, disorder as u64);
        blocks.sort_by_key(|block| block.first);
    }
    for index in 1..blocks.len() {
        blocks[index - 1].end = blocks[index].first.min(frames);
    }
    blocks
}

fn read_ranges(table: &[u8], channels: u32) -> Result<Vec<(u32, u32)>, ErrorKind> {
    let u24 = |at| u32_at(&[table[at], table[at + 1], table[at + 2], 0], 0);
    let ranges: Vec<(u32, u32)> =
        (0..table.len() / 6).map(|index| (u24(index * 6), u24(index * 6 + 3))).collect();
    if ranges.is_empty() {
        return Ok(vec![(0, channels)]);
    }
    let stored: u64 = ranges.iter().map(|&(_, count)| u64::from(count)).sum();
    if stored > u64::from(channels) {
        return Err(field("channels in the sparse ranges", stored, "no more than a frame's"));
    }
    Ok(ranges)
}

/// Our own header among the variable ones. A list that breaks ends there, as others read it.
fn find_map(bytes: &[u8], mut at: usize) -> Option<ChannelMap> {
    while let Some(head) = bytes.get(at..at + 4) {
        let length = usize::from(u16_at(head, 0));
        let data = bytes.get(at + 4..at + length)?;
        if head[2..] == MAP_CODE {
            return parse_map(data);
        }
        at += length;
    }
    None
}

fn parse_map(data: &[u8]) -> Option<ChannelMap> {
    let mut first_channel = 0;
    let mut ranges = Vec::with_capacity(data.len() / MAP_ENTRY);
    for entry in data.chunks_exact(MAP_ENTRY) {
        let numbering = match entry[0] {
            0 => Numbering::Sacn,
            1 => Numbering::ArtNet,
            _ => return None,
        };
        let universe = numbering.universe(u32::from(u16_at(entry, 1)))?;
        let slots = u16_at(entry, 3);
        ranges.push(ChannelRange { first_channel, slots, universe });
        first_channel += u32::from(slots);
    }
    Some(ChannelMap::Ranges(ranges))
}

fn field(field: &'static str, found: u64, expected: &'static str) -> ErrorKind {
    ErrorKind::Field { field, found, expected }
}

/// Zero where there is none: what must be there is checked by its place in the header's length.
fn byte_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([byte_at(bytes, at), byte_at(bytes, at + 1)])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}
