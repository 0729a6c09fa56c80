//! The masters of single groups, told to a relay that lacks them: a datagram for some groups.
//!
//! ```text
//!   0   4  "wcsm"              24   8  tells shows apart
//!   4   1  version, 1          32   4  first group
//!   5   3  unused, 0           36   4  groups of the show
//!   8   8  boot                40   …  masters, one byte each, at most 1024
//!  16   4  orders here          …  16  AES-CMAC (RFC 4493) over all before it
//!  20   4  orders there
//! ```
//!
//! All numbers are big-endian. They count only beside the very orders that they name, from the boot
//! that is believed: one that was recorded on another day names another boot.

use broadcast_frame::Key;
use cmac::Mac;

use super::beat::{MAC_LEN, cmac};

/// Masters in one datagram.
pub const MASTERS_PER_PART: usize = 1024;

const HEAD_LEN: usize = 40;

/// Longest datagram, bytes.
pub const MASTERS_LEN_MAX: usize = HEAD_LEN + MASTERS_PER_PART + MAC_LEN;

const MAGIC: [u8; 4] = *b"wcsm";
const VERSION: u8 = 1;

/// The masters of some groups that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MastersPart {
    /// Of the sender.
    pub boot: u64,
    /// Orders that were given to the sender.
    pub here: u32,
    /// Orders that were given to the other relay.
    pub there: u32,
    /// Tells shows apart.
    pub show: u64,
    /// Index of the first group.
    pub first: u32,
    /// Groups of the show.
    pub groups: u32,
    /// Their masters, 0..=255; at most [`MASTERS_PER_PART`].
    pub levels: Vec<u8>,
}

impl MastersPart {
    /// The datagram.
    pub fn encode(&self, key: &Key) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MASTERS_LEN_MAX);
        bytes.extend(MAGIC);
        bytes.extend([VERSION, 0, 0, 0]);
        bytes.extend(self.boot.to_be_bytes());
        bytes.extend(self.here.to_be_bytes());
        bytes.extend(self.there.to_be_bytes());
        bytes.extend(self.show.to_be_bytes());
        bytes.extend(self.first.to_be_bytes());
        bytes.extend(self.groups.to_be_bytes());
        bytes.extend(&self.levels);
        let code = cmac(key, &bytes).finalize().into_bytes();
        bytes.extend(code);
        bytes
    }

    /// Reads a datagram; `None` if it is none of these, or not signed with this key.
    pub fn decode(bytes: &[u8], key: &Key) -> Option<Self> {
        let (signed, code) = bytes.split_at_checked(bytes.len().checked_sub(MAC_LEN)?)?;
        let (head, levels) = signed.split_at_checked(HEAD_LEN)?;
        if head[..4] != MAGIC || head[4] != VERSION || levels.len() > MASTERS_PER_PART {
            return None;
        }
        cmac(key, signed).verify_slice(code).ok()?;
        let word = |at: usize| head.get(at..)?.first_chunk().copied().map(u32::from_be_bytes);
        let long = |at: usize| head.get(at..)?.first_chunk().copied().map(u64::from_be_bytes);
        Some(Self {
            boot: long(8)?,
            here: word(16)?,
            there: word(20)?,
            show: long(24)?,
            first: word(32)?,
            groups: word(36)?,
            levels: levels.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key([7; 16]);

    #[test]
    fn masters_come_out_as_they_went_in_and_changed_ones_not_at_all() {
        for levels in [vec![], vec![9], vec![200; MASTERS_PER_PART]] {
            let part =
                MastersPart { boot: 1, here: 2, there: 3, show: 4, first: 5, groups: 6, levels };
            let bytes = part.encode(&KEY);
            assert!(bytes.len() <= MASTERS_LEN_MAX);
            assert_eq!(MastersPart::decode(&bytes, &KEY), Some(part));
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 0x10;
                assert_eq!(MastersPart::decode(&changed, &KEY), None, "byte {at}");
            }
            assert_eq!(MastersPart::decode(&bytes, &Key([8; 16])), None);
            assert_eq!(MastersPart::decode(&bytes[1..], &KEY), None);
            assert_eq!(MastersPart::decode(&bytes[..bytes.len() - 1], &KEY), None);
        }
        assert_eq!(MastersPart::decode(&[], &KEY), None);
    }
}
