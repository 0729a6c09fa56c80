//! Captures: the classic pcap format and pcapng, both as
//! [draft-ietf-opsawg-pcap](https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/) and
//! [draft-ietf-opsawg-pcapng](https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/) have
//! them.
//!
//! The framing is read by our own code: what a truncated or lying file costs is decided here, block
//! by block, and a block is never larger in memory than the source's buffer.

mod classic;
mod ng_read;
mod ng_write;

pub(super) use classic::Classic;
pub(super) use ng_read::Ng;
pub use ng_write::{Origin, PcapngOptions, PcapngWriter};

/// Longest packet accepted, as in Wireshark and tcpdump.
const PACKET_MAX: u32 = 256 << 10;

/// First four bytes of a pcapng file, the same in both byte orders.
pub(super) const NG_MAGIC: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];

/// The byte order of the machine that wrote the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let bytes = array(bytes, at);
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let bytes = array(bytes, at);
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let bytes = array(bytes, at);
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// `N` bytes at `at`, zeros where there are none: every caller has checked the length before.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    debug_assert!(found.is_some(), "read of {N} bytes at {at} of {}", bytes.len());
    found.copied().unwrap_or([0; N])
}
