//! Who may drive the crowd: the truncated message authentication code, section 7.

use aes::Aes128;
use cmac::{Cmac, KeyInit, Mac};

/// Length of the code on the air, bytes.
pub const MAC_LEN: usize = 4;

/// The secret of a show, shared by its relays and its bands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 16]);

impl core::fmt::Debug for Key {
    /// Never the key: it would end up in a log.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl From<[u8; 16]> for Key {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl Key {
    /// The first four bytes of AES-CMAC (RFC 4493) over `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; MAC_LEN] {
        let code = self.cmac(message).finalize().into_bytes();
        [code[0], code[1], code[2], code[3]]
    }

    /// Whether `code` is that of `message`, in a time that does not depend on where they differ.
    pub fn verifies(&self, message: &[u8], code: [u8; MAC_LEN]) -> bool {
        self.cmac(message).verify_truncated_left(&code).is_ok()
    }

    fn cmac(&self, message: &[u8]) -> Cmac<Aes128> {
        let mut cmac = Cmac::<Aes128>::new(&self.0.into());
        cmac.update(message);
        cmac
    }
}
