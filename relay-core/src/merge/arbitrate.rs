//! Who wins each slot: plain arithmetic over the levels of the sources that share a universe.
//!
//! Highest rank wins the slot. Among sources of the same rank the highest level wins (HTP), or the
//! source whose levels changed last (LTP). What is still equal goes to the source with the lowest
//! place. A slot that no source gives a rank has level 0 and no owner.

use super::{NO_OWNER, Source};
use crate::config::MergeMode;
use crate::universe::SLOTS;

/// Ranks order universe priorities and per-address priorities on one scale: 0 = the source does
/// not control the slot, else priority + 1, so that universe priority 0 is the lowest and still a
/// priority (E1.31 §6.2.3).
pub(super) type Rank = u8;

/// The rank of a universe priority.
pub(super) const fn rank_of_universe(priority: u8) -> Rank {
    priority + 1
}

/// The rank of a per-address priority: 0 = not sourced. Values above 200 are reserved; they count
/// as 200, so that no reserved value beats a legal one.
pub(super) const fn rank_of_slot(priority: u8) -> Rank {
    let capped = if priority > 200 { 200 } else { priority };
    if capped == 0 { 0 } else { capped + 1 }
}

/// The result of arbitration.
pub(super) struct Winners<'a> {
    /// Winning level per slot.
    pub(super) levels: &'a mut [u8; SLOTS],
    /// Place of the winning source per slot, [`NO_OWNER`] if none.
    pub(super) owners: &'a mut [u8; SLOTS],
}

impl Winners<'_> {
    /// One source without per-address priorities: it has everything.
    pub(super) fn alone(self, place: u8, levels: &[u8; SLOTS]) {
        *self.levels = *levels;
        self.owners.fill(place);
    }

    /// Several sources of one rank, HTP. They come by ascending place.
    pub(super) fn highest<'s>(
        self,
        mut sources: impl Iterator<Item = (u8, &'s [u8; SLOTS])>,
    ) -> Option<()> {
        let (place, levels) = sources.next()?;
        *self.levels = *levels;
        self.owners.fill(place);
        for (place, levels) in sources {
            for ((out, owner), &level) in
                self.levels.iter_mut().zip(self.owners.iter_mut()).zip(levels)
            {
                *owner = if level > *out { place } else { *owner };
                *out = level.max(*out);
            }
        }
        Some(())
    }

    /// Sources of which at least one ranks slot by slot. HTP: they come by ascending place. LTP:
    /// the one whose levels changed last comes first.
    pub(super) fn slot_by_slot<'s>(
        self,
        mode: MergeMode,
        sources: impl Iterator<Item = Source<'s>>,
    ) {
        let mut best = [0; SLOTS];
        self.levels.fill(0);
        self.owners.fill(NO_OWNER);
        let htp = mode == MergeMode::Htp;
        for source in sources {
            let mut ranks = [rank_of_universe(source.priority); SLOTS];
            if let Some(priorities) = source.priorities {
                for (rank, &priority) in ranks.iter_mut().zip(priorities) {
                    *rank = rank_of_slot(priority);
                }
            }
            let better = Better { ranks: &ranks, levels: source.levels, place: source.place, htp };
            better.take(&mut best, self.levels, self.owners);
        }
    }
}

/// The slots of a source that may be better than what is there.
struct Better<'a> {
    ranks: &'a [Rank; SLOTS],
    levels: &'a [u8; SLOTS],
    place: u8,
    htp: bool,
}

impl Better<'_> {
    /// Takes the slots that are. A function of its own, so that the compiler knows that the arrays
    /// do not overlap, and with masks, so that it finds no branch to make and works on vectors.
    #[inline(never)]
    fn take(&self, best: &mut [Rank; SLOTS], levels: &mut [u8; SLOTS], owners: &mut [u8; SLOTS]) {
        let Self { ranks, levels: new, place, htp } = *self;
        let pick = |mask: u8, new: u8, old: u8| (new & mask) | (old & !mask);
        for slot in 0..SLOTS {
            let (rank, level) = (ranks[slot], new[slot]);
            let equal = mask(htp) & mask(rank == best[slot]) & mask(rank != 0);
            let wins = mask(rank > best[slot]) | (equal & mask(level > levels[slot]));
            best[slot] = pick(wins, rank, best[slot]);
            levels[slot] = pick(wins, level, levels[slot]);
            owners[slot] = pick(wins, place, owners[slot]);
        }
    }
}

/// All ones if `condition`, else 0.
const fn mask(condition: bool) -> u8 {
    0u8.wrapping_sub(condition as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn universe_priority_0_is_lowest_but_a_priority_and_slot_priority_0_is_none() {
        assert!(rank_of_universe(0) > rank_of_slot(0));
        assert_eq!(rank_of_universe(0) + 1, rank_of_slot(1));
        assert_eq!(rank_of_universe(200), rank_of_slot(200));
    }

    #[test]
    fn reserved_slot_priorities_count_as_200() {
        assert_eq!(rank_of_slot(201), rank_of_slot(200));
        assert_eq!(rank_of_slot(255), rank_of_slot(200));
    }
}
