//! AES-128 in ECB: what some makers put over their frames.

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

use super::FrameBytes;

/// The key of a kind of band. Known to all who have its app: it keeps nothing secret.
#[derive(Clone)]
pub(super) struct Key {
    bytes: [u8; Self::LEN],
    cipher: Aes128,
}

impl Key {
    /// Bytes of a key, and of a block.
    pub(super) const LEN: usize = 16;

    /// `None` if it is not 16 bytes.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.try_into().ok()?;
        Some(Self { bytes, cipher: Aes128::new(&bytes.into()) })
    }

    /// The frame as it is sent. One that is no block stays as it is; profiles are checked for that.
    pub(super) fn encrypt(&self, frame: FrameBytes) -> FrameBytes {
        let Ok(bytes) = <[u8; Self::LEN]>::try_from(&*frame) else { return frame };
        let mut block = bytes.into();
        self.cipher.encrypt_block(&mut block);
        FrameBytes::from(<[u8; Self::LEN]>::from(block))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:02X?})", self.bytes)
    }
}
