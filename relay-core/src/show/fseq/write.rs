//! Writing FSEQ version 2.

use std::io::{Seek, SeekFrom, Write};

use super::{BLOCKS_MAX, CHANNELS_MAX, Compression, MAP_CODE, MAP_ENTRY};
use crate::show::packed::{pack_zlib, pack_zstd};
use crate::show::{ErrorKind, UNIVERSES_MAX, number};
use crate::universe::Universe;

/// Frames are packed together up to this size, more only if there would be too many blocks.
const BLOCK_BYTES: usize = 1 << 20;

/// Memory taken for a block, at most.
const BLOCK_BYTES_MAX: usize = 64 << 20;

/// What an FSEQ file will hold. It has to be known before the first frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FseqLayout {
    /// The universes and how many slots of each, in the order of their channels.
    pub universes: Vec<(Universe, u16)>,
    /// Time between two frames, ms.
    pub step_ms: u8,
    /// How many frames there will be; fewer may come, more may not.
    pub frames: u32,
    /// Packing.
    pub compression: Compression,
    /// What tells this file from others; players only compare it.
    pub unique_id: u64,
}

/// Writes an FSEQ file. Memory: one block, 1 MiB of frames where 4095 of them are enough, 64 MiB at
/// most.
#[derive(Debug)]
pub struct FseqWriter<W> {
    out: W,
    layout: FseqLayout,
    channels: u32,
    frames_per_block: u32,
    /// Entries that the block table was given room for.
    table: u32,
    blocks: Vec<(u32, u32)>,
    pending: Vec<u8>,
    frames: u32,
}

impl<W: Write + Seek> FseqWriter<W> {
    /// Begins a file at the output's beginning.
    pub fn new(mut out: W, layout: FseqLayout) -> Result<Self, ErrorKind> {
        if layout.universes.len() > UNIVERSES_MAX {
            return Err(ErrorKind::TooManyUniverses(UNIVERSES_MAX));
        }
        let channels: u32 = layout.universes.iter().map(|&(_, slots)| u32::from(slots)).sum();
        if channels > CHANNELS_MAX || layout.step_ms == 0 {
            let text = "FSEQ needs a step of 1 to 255 ms and at most 512 slots to a universe";
            return Err(ErrorKind::Unwritable(text.to_owned()));
        }
        let frame = channels.max(1) as usize;
        let few_enough = layout.frames.div_ceil(BLOCKS_MAX);
        let large_enough = u32::try_from(BLOCK_BYTES / frame).unwrap_or(u32::MAX);
        let frames_per_block = few_enough.max(large_enough).max(1);
        let packed = layout.compression != Compression::None;
        if packed && frames_per_block as usize > BLOCK_BYTES_MAX / frame {
            return Err(ErrorKind::Unwritable(format!(
                "{} frames of {channels} channels do not fit into 4095 blocks of 64 MiB: cut the \
                 show, choose a longer step, or no packing",
                layout.frames
            )));
        }
        let table = if packed { layout.frames.div_ceil(frames_per_block) } else { 0 };
        let (blocks, pending) = (Vec::with_capacity(table as usize), Vec::new());
        out.seek(SeekFrom::Start(0))?;
        let mut writer =
            Self { out, layout, channels, frames_per_block, table, blocks, pending, frames: 0 };
        let header = writer.header();
        writer.out.write_all(&header)?;
        Ok(writer)
    }

    /// Appends a frame: the levels of all universes of the layout, one after another.
    ///
    /// # Errors
    /// If the system cannot write, or if there are more frames than the layout said.
    pub fn frame(&mut self, levels: &[u8]) -> Result<(), ErrorKind> {
        if self.frames >= self.layout.frames || levels.len() != self.channels as usize {
            let text = format!("more than {} frames, or of another size", self.layout.frames);
            return Err(ErrorKind::Unwritable(text));
        }
        self.frames += 1;
        if self.layout.compression == Compression::None {
            return Ok(self.out.write_all(levels)?);
        }
        self.pending.extend_from_slice(levels);
        if self.frames.is_multiple_of(self.frames_per_block) {
            self.write_block()?;
        }
        Ok(())
    }

    fn write_block(&mut self) -> Result<(), ErrorKind> {
        let packed = match self.layout.compression {
            Compression::Zlib => pack_zlib(&self.pending),
            Compression::Zstd | Compression::None => pack_zstd(&self.pending),
        };
        self.pending.clear();
        self.out.write_all(&packed)?;
        let first = self.blocks.len() as u32 * self.frames_per_block;
        let length = u32::try_from(packed.len()).unwrap_or(u32::MAX);
        self.blocks.push((first, length));
        Ok(())
    }

    /// Ends the file: completes the header and gives the output back, flushed.
    pub fn finish(mut self) -> Result<W, ErrorKind> {
        if !self.pending.is_empty() {
            self.write_block()?;
        }
        let header = self.header();
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&header)?;
        self.out.seek(SeekFrom::End(0))?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// The whole header, as far as it is known by now; its length never changes.
    fn header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        let headers_at = 32 + self.table * 8;
        let packing = match self.layout.compression {
            Compression::None => 0,
            Compression::Zstd => 1,
            Compression::Zlib => 2,
        };
        header.extend(b"PSEQ");
        header.extend([0, 0]); // offset of the channel data, below
        header.extend([u8::from(self.table > 255), 2]); // 2.1 brought the longer table
        header.extend((headers_at as u16).to_le_bytes());
        header.extend(self.channels.to_le_bytes());
        header.extend(self.frames.to_le_bytes());
        header.extend([self.layout.step_ms, 0]);
        header.extend([packing | ((self.table >> 8) as u8) << 4, self.table as u8, 0, 0]);
        header.extend(self.layout.unique_id.to_le_bytes());
        for index in 0..self.table as usize {
            let (first, length) = self.blocks.get(index).copied().unwrap_or((0, 0));
            header.extend(first.to_le_bytes());
            header.extend(length.to_le_bytes());
        }
        let producer = concat!("wristcast ", env!("CARGO_PKG_VERSION"), "\0");
        header.extend((4 + producer.len() as u16).to_le_bytes());
        header.extend(b"sp");
        header.extend(producer.as_bytes());
        header.extend((4 + (self.layout.universes.len() * MAP_ENTRY) as u16).to_le_bytes());
        header.extend(MAP_CODE);
        for &(universe, slots) in &self.layout.universes {
            header.push(u8::from(matches!(universe, Universe::ArtNet(_))));
            header.extend((number(universe) as u16).to_le_bytes());
            header.extend(slots.to_le_bytes());
        }
        header.resize(header.len().next_multiple_of(4), 0);
        let data = header.len() as u16;
        header[4..6].copy_from_slice(&data.to_le_bytes());
        header
    }
}
