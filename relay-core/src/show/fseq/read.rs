//! Reading FSEQ: block after block, frame after frame, universe after universe.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::header::{Block, Header};
use super::{ChannelMap, Compression, Plan};
use crate::show::packed::{Zlib, Zstd};
use crate::show::{Content, Context, ErrorKind, Frame, ReadOptions, Warning};
use crate::universe::SLOTS;

/// Reads an FSEQ file.
pub(in crate::show) struct Fseq<R> {
    input: BufReader<R>,
    codec: Codec,
    step_ms: u8,
    blocks: Vec<Block>,
    plan: Plan,
    /// The block being read, the next frame in it, and its bytes not yet read.
    block: usize,
    frame: u32,
    left: u64,
    opened: bool,
    /// The frame read last, the next universe to give of it, and that one's next part.
    stored: Vec<u8>,
    universe: usize,
    part: usize,
    slots: [u8; SLOTS],
}

enum Codec {
    None,
    Zstd(Box<Zstd>),
    Zlib(Box<Zlib>),
}

impl<R: Read + Seek> Fseq<R> {
    pub(in crate::show) fn new(
        mut input: R,
        options: &ReadOptions,
        context: &mut Context,
    ) -> Result<Self, ErrorKind> {
        let header = Header::read(&mut input, &mut context.warnings)?;
        let plain = ChannelMap::plain(options.numbering);
        let map = options.channels.as_ref().or(header.map.as_ref()).or(plain.as_ref());
        let plan = map.map_or_else(|| Ok(Plan::default()), |map| map.plan(&header.ranges))?;
        if plan.impossible > 0 {
            context.warnings.note_many(Warning::UniverseNumber, 0, plan.impossible);
        }
        let codec = match header.compression {
            Compression::None => Codec::None,
            // Frames times channels bound what is asked of it.
            Compression::Zstd => Codec::Zstd(Box::new(Zstd::unbounded())),
            Compression::Zlib => Codec::Zlib(Box::new(Zlib::new())),
        };
        // As in the plan: a frame without any of our universes needs no reading.
        let universe = plan.universes.len();
        Ok(Self {
            input: BufReader::with_capacity(256 << 10, input),
            codec,
            step_ms: header.step_ms,
            blocks: if universe == 0 { Vec::new() } else { header.blocks },
            plan,
            block: 0,
            frame: 0,
            left: 0,
            opened: false,
            stored: vec![0; header.channels as usize],
            universe,
            part: 0,
            slots: [0; SLOTS],
        })
    }

    pub(in crate::show) fn advance(&mut self, context: &mut Context) -> Result<bool, ErrorKind> {
        if self.universe == self.plan.universes.len() {
            if !self.next_frame(context)? {
                return Ok(false);
            }
            (self.universe, self.part) = (0, 0);
        }
        self.slots.fill(0);
        while let Some(part) = self.plan.parts.get(self.part)
            && part.universe == self.universe
        {
            let levels = &self.stored[part.at..part.at + part.length];
            self.slots[part.slot..part.slot + part.length].copy_from_slice(levels);
            self.part += 1;
        }
        self.universe += 1;
        Ok(true)
    }

    /// Reads the next frame and takes its time; false when there is none left.
    fn next_frame(&mut self, context: &mut Context) -> Result<bool, ErrorKind> {
        while let Some(&block) = self.blocks.get(self.block) {
            if !self.opened {
                self.input.seek(SeekFrom::Start(block.offset))?;
                self.codec.restart();
                (self.frame, self.left, self.opened) = (block.first, block.length, true);
            }
            if self.frame < block.end {
                if self.read_frame(context)? {
                    let nanos = i128::from(self.frame) * i128::from(self.step_ms) * 1_000_000;
                    let offset = self.offset();
                    context.timeline.at(nanos, offset, &mut context.warnings);
                    self.frame += 1;
                    return Ok(true);
                }
                let warning = match self.codec {
                    Codec::None => Warning::Truncated,
                    Codec::Zstd(_) | Codec::Zlib(_) => Warning::BrokenBlock,
                };
                context.warnings.note(warning, self.offset());
            }
            self.block += 1;
            self.opened = false;
        }
        Ok(false)
    }

    /// Whether the block gave another whole frame.
    fn read_frame(&mut self, context: &mut Context) -> Result<bool, ErrorKind> {
        let mut window = Window { input: &mut self.input, left: &mut self.left };
        let mut filled = 0;
        while filled < self.stored.len() {
            let rest = &mut self.stored[filled..];
            let result = match &mut self.codec {
                Codec::None => window.read(rest).map_err(ErrorKind::Io),
                Codec::Zstd(decoder) => decoder.read(&mut window, rest),
                Codec::Zlib(decoder) => decoder.read(&mut window, rest),
            };
            match result {
                Ok(0) => {
                    if self.codec.truncated() && self.left > 0 {
                        context.warnings.note(Warning::Truncated, self.offset());
                    }
                    return Ok(false);
                }
                Ok(count) => filled += count,
                Err(ErrorKind::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                // Blocks are independent: the next one may be sound.
                Err(ErrorKind::Packed(_)) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl<R> Fseq<R> {
    pub(in crate::show) fn content(&self) -> Option<Content<'_>> {
        let &(universe, slots) = self.plan.universes.get(self.universe.checked_sub(1)?)?;
        Some(Content::Frame(Frame { universe, slots: self.slots.get(..slots)? }))
    }

    pub(in crate::show) fn offset(&self) -> u64 {
        let block = self.blocks.get(self.block);
        block.map_or(0, |block| block.offset + (block.length - self.left.min(block.length)))
    }
}

impl Codec {
    fn restart(&mut self) {
        match self {
            Self::None => {}
            Self::Zstd(decoder) => decoder.restart(),
            Self::Zlib(decoder) => decoder.restart(),
        }
    }

    fn truncated(&self) -> bool {
        match self {
            Self::None => false,
            Self::Zstd(decoder) => decoder.truncated(),
            Self::Zlib(decoder) => decoder.truncated(),
        }
    }
}

/// The rest of a block.
struct Window<'a, R> {
    input: &'a mut R,
    left: &'a mut u64,
}

impl<R: Read> Read for Window<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(*self.left).unwrap_or(usize::MAX).min(out.len());
        let count = self.input.read(&mut out[..most])?;
        *self.left -= count as u64;
        Ok(count)
    }
}
