//! Identities that are the same in every export: a console that imports a file again knows it.

use uuid::{Builder, Uuid};

/// 128 bits that follow from what they identify and from nothing else (FNV-1a).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u128);

impl Identity {
    /// Of a thing of this kind and name.
    pub(super) fn of(kind: &str, name: &str) -> Self {
        const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        let bytes = ["wristcast", kind, name].into_iter().flat_map(|part| part.bytes().chain([0]));
        Self(bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME)))
    }

    /// As a UUID of one's own making (RFC 9562, version 8).
    pub(super) fn uuid(self) -> Uuid {
        Builder::from_custom_bytes(self.0.to_be_bytes()).into_uuid()
    }

    /// Eight digits of it.
    pub(super) fn short(self) -> String {
        format!("{:08x}", (self.0 >> 96) as u32)
    }
}
