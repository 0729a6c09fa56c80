//! The slots of every source of every universe.

use std::ops::{Index, IndexMut};

use crate::universe::SLOTS;

/// Arrays of 512 slots, all 0 at first. They are taken at once and never grow; the system lays memory
/// under them only where they are written.
#[derive(Debug)]
pub(super) struct AllSlots(Vec<u8>);

impl AllSlots {
    /// The only allocation.
    pub(super) fn new(count: usize) -> Self {
        Self(vec![0; count * SLOTS])
    }
}

impl Index<usize> for AllSlots {
    type Output = [u8; SLOTS];

    #[inline]
    fn index(&self, at: usize) -> &[u8; SLOTS] {
        &self.0.as_chunks().0[at]
    }
}

impl IndexMut<usize> for AllSlots {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut [u8; SLOTS] {
        &mut self.0.as_chunks_mut().0[at]
    }
}
