//! The bytes of one frame.

use std::ops::Deref;

/// The bytes of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameBytes {
    bytes: [u8; Self::CAPACITY],
    len: u8,
}

impl FrameBytes {
    /// The longest frame of any band we know, and some room.
    pub const CAPACITY: usize = 32;

    /// The ATT payload that every link has (Core 5.4, Vol 3, Part G, 5.2.1: MTU 23, less 3). A
    /// longer frame needs a band that agrees to a greater MTU.
    pub const EVERY_LINK: usize = 20;

    /// Appends a byte. Bytes beyond the capacity are left out; templates are checked for that.
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(free) = self.bytes.get_mut(usize::from(self.len)) {
            *free = byte;
            self.len += 1;
        }
    }
}

impl Deref for FrameBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl<const N: usize> From<[u8; N]> for FrameBytes {
    fn from(frame: [u8; N]) -> Self {
        const { assert!(N <= Self::CAPACITY) };
        let mut bytes = [0; Self::CAPACITY];
        bytes[..N].copy_from_slice(&frame);
        Self { bytes, len: N as u8 }
    }
}
