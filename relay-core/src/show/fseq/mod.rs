//! FSEQ, the sequences of xLights and the Falcon Player: frames of channels at a fixed step.
//!
//! Versions 1 and 2 are described in the player's `docs/FSEQ_Sequence_File_Format.txt`; all numbers
//! are little-endian. Version 2 may leave out channels (sparse ranges) and may pack its frames in
//! blocks, each an independent zstd or zlib stream:
//!
//! | at | version 1 | version 2 |
//! |---|---|---|
//! | 0 | `PSEQ` | same |
//! | 4 | u16 offset of the channel data | same |
//! | 6, 7 | minor, major version | same; minor 0-2 |
//! | 8 | u16 where the variable headers begin (28) | same |
//! | 10 | u32 channels in a frame | u32 channels stored in a frame |
//! | 14 | u32 frames | same |
//! | 18 | u8 step, ms | same |
//! | 20 | (universes, gamma, colour order: unused) | low nibble: packing; high nibble: bits 8-11 of the block count |
//! | 21 | | bits 0-7 of the block count |
//! | 22 | | u8 sparse ranges |
//! | 24 | | u64 unique id |
//! | 32 | | blocks: u32 first frame, u32 length (0: unused); ranges: u24 first channel, u24 channels |
//!
//! Then, up to the channel data, variable headers: u16 length with these four bytes, two letters,
//! data. `sp` names the program that wrote the file. Channels know nothing of universes, so we
//! write a header of our own, `wm`, that tells which channels are which universe.

mod header;
mod read;
mod write;

use std::collections::BTreeMap;

pub(super) use read::Fseq;
pub use write::{FseqLayout, FseqWriter};

use super::{ErrorKind, Numbering, UNIVERSES_MAX, number};
use crate::universe::{SLOTS, Universe};

/// Channels in a frame, at most: as many universes as anything here keeps something for.
const CHANNELS_MAX: u32 = (UNIVERSES_MAX * SLOTS) as u32;

/// Code of our variable header: five bytes for each universe in the order of their channels.
const MAP_CODE: [u8; 2] = *b"wm";
const MAP_ENTRY: usize = 5;

/// Blocks that the 12-bit count can say.
const BLOCKS_MAX: u32 = 4095;

/// How the frames of an FSEQ file are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// zstd, which players expect.
    #[default]
    Zstd,
    /// zlib.
    Zlib,
}

/// Which channels of an FSEQ file are which universe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelMap {
    /// Channel 0 is slot 1 of `first`, and every `slots` channels the next universe begins.
    Consecutive {
        /// The first universe.
        first: Universe,
        /// Channels to a universe, 1..=512. Some patches use 510, so that no pixel is split.
        slots: u16,
    },
    /// As listed.
    Ranges(Vec<ChannelRange>),
}

/// A run of channels that is a universe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelRange {
    /// The channel of slot 1, counted from 0.
    pub first_channel: u32,
    /// How many, 1..=512.
    pub slots: u16,
    /// The universe.
    pub universe: Universe,
}

/// A piece of a stored frame that is a piece of a universe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    /// Index of its universe in [`Plan::universes`].
    universe: usize,
    /// Where it is in the stored frame.
    at: usize,
    /// Index of its first slot.
    slot: usize,
    length: usize,
}

/// How a stored frame falls apart into universes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// The universes, each with the number of its slots.
    universes: Vec<(Universe, usize)>,
    index: BTreeMap<Universe, usize>,
    /// Sorted by universe.
    parts: Vec<Part>,
    /// Universe numbers the map asked for that do not exist.
    impossible: u64,
}

impl ChannelMap {
    /// 512 channels to a universe, from the first of the protocol on.
    fn plain(numbering: Numbering) -> Option<Self> {
        let first = numbering.universe(match numbering {
            Numbering::Sacn => 1,
            Numbering::ArtNet => 0,
        })?;
        Some(Self::Consecutive { first, slots: SLOTS as u16 })
    }

    /// The plan for frames that store the given runs of channels (first, count) one after another.
    fn plan(&self, stored: &[(u32, u32)]) -> Result<Plan, ErrorKind> {
        let mut plan = Plan::default();
        let mut at = 0;
        for &(first, count) in stored {
            match self {
                Self::Consecutive { first: universe, slots } => {
                    plan.add_consecutive(*universe, u32::from(*slots), at, (first, count))?;
                }
                Self::Ranges(ranges) => plan.add_ranges(ranges, at, (first, count))?,
            }
            at += count as usize;
        }
        plan.parts.sort_by_key(|part| part.universe);
        Ok(plan)
    }
}

impl Plan {
    fn add_consecutive(
        &mut self,
        first: Universe,
        slots: u32,
        at: usize,
        (start, count): (u32, u32),
    ) -> Result<(), ErrorKind> {
        if !(1..=SLOTS as u32).contains(&slots) {
            let (found, expected) = (u64::from(slots), "1 to 512");
            return Err(ErrorKind::Field { field: "channels to a universe", found, expected });
        }
        let mut done = 0;
        while done < count {
            let channel = start + done;
            let slot = channel % slots;
            let length = (slots - slot).min(count - done);
            match offset_universe(first, channel / slots) {
                Some(universe) => {
                    let (at, slot) = (at + done as usize, slot as usize);
                    self.add(universe, at, slot, length as usize)?;
                }
                None => self.impossible += 1,
            }
            done += length;
        }
        Ok(())
    }

    fn add_ranges(
        &mut self,
        ranges: &[ChannelRange],
        at: usize,
        (start, count): (u32, u32),
    ) -> Result<(), ErrorKind> {
        for range in ranges {
            let slots = u32::from(range.slots).min(SLOTS as u32);
            let from = range.first_channel.max(start);
            let to = range.first_channel.saturating_add(slots).min(start + count);
            if from < to {
                let slot = (from - range.first_channel) as usize;
                self.add(range.universe, at + (from - start) as usize, slot, (to - from) as usize)?;
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        universe: Universe,
        at: usize,
        slot: usize,
        length: usize,
    ) -> Result<(), ErrorKind> {
        let index = *self.index.entry(universe).or_insert(self.universes.len());
        if index == self.universes.len() {
            if index >= UNIVERSES_MAX {
                return Err(ErrorKind::TooManyUniverses(UNIVERSES_MAX));
            }
            self.universes.push((universe, 0));
        }
        let end = &mut self.universes[index].1;
        *end = (*end).max(slot + length);
        self.parts.push(Part { universe: index, at, slot, length });
        Ok(())
    }
}

/// The universe so many numbers after `first`, in the same protocol.
fn offset_universe(first: Universe, offset: u32) -> Option<Universe> {
    let numbering = match first {
        Universe::Sacn(_) => Numbering::Sacn,
        Universe::ArtNet(_) => Numbering::ArtNet,
    };
    numbering.universe(number(first).checked_add(offset)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn universe(text: &str) -> Universe {
        text.parse().unwrap()
    }

    #[test]
    fn consecutive_channels_fill_universe_after_universe() {
        let map = ChannelMap::Consecutive { first: universe("sacn/3"), slots: 510 };
        let plan = map.plan(&[(0, 600)]).unwrap();
        assert_eq!(plan.universes, [(universe("sacn/3"), 510), (universe("sacn/4"), 90)]);
        let plan = map.plan(&[(1000, 30), (508, 4)]).unwrap();
        assert_eq!(
            plan.universes,
            [(universe("sacn/4"), 510), (universe("sacn/5"), 10), (universe("sacn/3"), 510)]
        );
        assert_eq!(
            plan.parts,
            [
                Part { universe: 0, at: 0, slot: 490, length: 20 },
                Part { universe: 0, at: 32, slot: 0, length: 2 },
                Part { universe: 1, at: 20, slot: 0, length: 10 },
                Part { universe: 2, at: 30, slot: 508, length: 2 },
            ]
        );
    }

    #[test]
    fn listed_channels_are_taken_where_the_file_stores_them() {
        let range = |first_channel, slots, text| ChannelRange {
            first_channel,
            slots,
            universe: universe(text),
        };
        let map = ChannelMap::Ranges(vec![range(10, 5, "artnet/7"), range(100, 512, "sacn/9")]);
        let plan = map.plan(&[(0, 12), (13, 100)]).unwrap();
        assert_eq!(plan.universes, [(universe("artnet/7"), 5), (universe("sacn/9"), 13)]);
        assert_eq!(
            plan.parts,
            [
                Part { universe: 0, at: 10, slot: 0, length: 2 },
                Part { universe: 0, at: 12, slot: 3, length: 2 },
                Part { universe: 1, at: 99, slot: 0, length: 13 },
            ]
        );
    }

    #[test]
    fn universes_that_do_not_exist_are_counted_and_too_many_are_an_error() {
        let map = ChannelMap::Consecutive { first: universe("sacn/63999"), slots: 512 };
        let plan = map.plan(&[(0, 2000)]).unwrap();
        assert_eq!((plan.universes.len(), plan.impossible), (1, 3));
        let map = ChannelMap::Consecutive { first: universe("sacn/1"), slots: 1 };
        assert!(matches!(map.plan(&[(0, 5000)]), Err(ErrorKind::TooManyUniverses(_))));
    }
}
