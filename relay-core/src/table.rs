//! The group table: the newest look of every group, and which of them changed.
//!
//! Between stage 4 (patch, output), which writes it, and the lanes, which carry it to the radios.
//! Plain memory of one thread; [`lane`](crate::lane) is what crosses threads.
//!
//! Looks lie in blocks of [`BLOCK`]. Each block knows which of its groups changed since the table was
//! last published, so that whoever holds a copy copies only those; and the revision of the table that
//! last changed it, so that whoever gets the copy looks only at blocks that changed.

use crate::look::Look;

/// Looks in a block.
pub const BLOCK: usize = 64;

/// The newest look of every group. A group's index is its position in the show.
#[derive(Clone, Debug)]
pub struct GroupTable {
    /// Looks as words.
    words: Box<[u64]>,
    /// Per block, the revision that last changed it.
    revisions: Box<[u64]>,
    /// Per block, one bit for each group that changed since [`clear_changed`](Self::clear_changed).
    changed: Box<[u64]>,
    /// Counts changes; never repeats.
    revision: u64,
    /// Tables that this one [superseded](Self::supersede).
    generation: u64,
}

impl GroupTable {
    /// A table of `groups` dark groups, none of them changed. The only allocation.
    pub fn new(groups: usize) -> Self {
        let blocks = groups.div_ceil(BLOCK);
        Self {
            words: vec![Look::DARK.to_bits(); groups].into_boxed_slice(),
            revisions: vec![0; blocks].into_boxed_slice(),
            changed: vec![0; blocks].into_boxed_slice(),
            revision: 0,
            generation: 0,
        }
    }

    /// Groups in the table.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether the show has no group at all.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The look of `group`; dark if there is no such group.
    pub fn get(&self, group: usize) -> Look {
        self.words.get(group).map_or(Look::DARK, |&word| Look::from_bits(word))
    }

    /// Gives `group` a look. True if that changed it; a group that is not there does not change.
    #[inline]
    pub fn set(&mut self, group: usize, look: Look) -> bool {
        self.set_word(group, look.to_bits())
    }

    /// Gives `group` a look as a word. True if that changed it.
    #[inline]
    pub(crate) fn set_word(&mut self, group: usize, word: u64) -> bool {
        match self.words.get_mut(group) {
            Some(old) if *old != word => *old = word,
            _ => return false,
        }
        self.revision += 1;
        self.revisions[group / BLOCK] = self.revision;
        self.changed[group / BLOCK] |= 1 << (group % BLOCK);
        true
    }

    /// Gives `group` the look it showed in the table before this one: it has not changed.
    pub(crate) fn keep(&mut self, group: usize, look: Look) {
        self.set(group, look);
        if let Some(bits) = self.changed.get_mut(group / BLOCK) {
            *bits &= !(1 << (group % BLOCK));
        }
    }

    /// Changes so far. Equal revisions of one table mean equal looks.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The groups that changed since [`clear_changed`](Self::clear_changed), in ascending order,
    /// with the look they have now. A group that changed there and back is among them.
    pub fn changed(&self) -> impl Iterator<Item = (usize, Look)> + '_ {
        self.changed
            .iter()
            .enumerate()
            .filter(|(_, bits)| **bits != 0)
            .flat_map(|(block, &bits)| Ones(bits).map(move |bit| block * BLOCK + bit))
            .map(|group| (group, self.get(group)))
    }

    /// Whether any group changed since [`clear_changed`](Self::clear_changed).
    pub fn has_changed(&self) -> bool {
        self.changed.iter().any(|bits| *bits != 0)
    }

    /// Forgets which groups changed. To be called when the table was published to all its lanes: they
    /// copy the groups that changed since.
    pub fn clear_changed(&mut self) {
        self.changed.fill(0);
    }

    /// Makes this table the successor of `old`, which it replaces at the same publisher: every
    /// block counts as newer than any block of `old`. To be called when a reloaded show brings a
    /// new table, or else its revisions could be mistaken for ones already copied.
    pub fn supersede(&mut self, old: &Self) {
        self.generation = old.generation + 1;
        self.revision += old.revision + 1;
        self.revisions.fill(self.revision);
    }

    /// The revision that last changed `block`.
    pub(crate) fn block_revision(&self, block: usize) -> u64 {
        self.revisions[block]
    }

    /// How many tables it superseded.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Per block, one bit for each group that changed since [`clear_changed`](Self::clear_changed).
    pub(crate) fn changed_bits(&self) -> &[u64] {
        &self.changed
    }

    /// The looks of `block` as words; [`BLOCK`] of them, fewer in the last.
    pub(crate) fn block_words(&self, block: usize) -> &[u64] {
        let start = block * BLOCK;
        &self.words[start..self.words.len().min(start + BLOCK)]
    }
}

/// The indices of the ones in a word, ascending.
pub(crate) struct Ones(pub(crate) u64);

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };

    #[test]
    fn only_groups_that_were_given_another_look_change() {
        let mut table = GroupTable::new(130);
        assert!(table.set(0, RED));
        assert!(!table.set(0, RED));
        assert!(table.set(129, RED));
        assert!(!table.set(64, Look::DARK));
        assert_eq!(table.changed().collect::<Vec<_>>(), [(0, RED), (129, RED)]);
        table.clear_changed();
        assert!(!table.has_changed());
        assert_eq!(table.get(129), RED);
    }

    #[test]
    fn a_group_that_is_not_there_is_dark_and_cannot_be_set() {
        let mut table = GroupTable::new(3);
        assert!(!table.set(3, RED));
        assert_eq!(table.get(3), Look::DARK);
        assert!(GroupTable::new(0).is_empty());
    }

    #[test]
    fn a_block_is_as_new_as_its_newest_look() {
        let mut table = GroupTable::new(BLOCK + 1);
        table.set(1, RED);
        let first = table.block_revision(0);
        table.set(BLOCK, RED);
        assert_eq!(table.block_revision(0), first);
        assert!(table.block_revision(1) > first);
        assert_eq!(table.block_words(1), [RED.to_bits()]);
    }

    #[test]
    fn every_block_of_a_successor_is_newer_than_the_table_before() {
        let mut old = GroupTable::new(BLOCK);
        old.set(0, RED);
        old.set(1, RED);
        old.set(2, RED);
        let mut new = GroupTable::new(2 * BLOCK);
        new.set(0, RED);
        new.supersede(&old);
        assert!((0..2).all(|block| new.block_revision(block) > old.revision()));
    }
}
