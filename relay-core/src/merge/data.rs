//! What goes into the merge and what comes of it, the same for sACN and Art-Net.

use std::net::SocketAddr;

use super::place::Stream;
use super::source::SourceId;

/// What one packet says, in either protocol.
#[derive(Clone, Copy, Debug)]
pub struct DmxData<'a> {
    /// Who sent it.
    pub source: SourceId,
    /// Where it came from; for people.
    pub address: SocketAddr,
    /// The source's name; for people. Art-Net does not carry it here.
    pub name: &'a [u8],
    /// Universe priority, 0..=200. The same for all in Art-Net.
    pub priority: u8,
    /// Sequence number; `None` = the source does not count.
    pub sequence: Option<u8>,
    /// The slots, from slot 1 on; at most 512 are looked at.
    pub slots: Slots<'a>,
    /// Not for live output.
    pub preview: bool,
    /// The source leaves the universe; its slots are ignored.
    pub terminated: bool,
    /// sACN synchronization address, if not 0, and Force_Synchronization.
    pub sync: Option<SyncRequest>,
}

/// What the slots are.
#[derive(Clone, Copy, Debug)]
pub enum Slots<'a> {
    /// Levels (START code 0x00).
    Levels(&'a [u8]),
    /// Per-address priorities (START code 0xDD).
    Priorities(&'a [u8]),
}

impl Slots<'_> {
    pub(super) const fn stream(&self) -> Stream {
        match self {
            Self::Levels(_) => Stream::Levels,
            Self::Priorities(_) => Stream::Priorities,
        }
    }
}

/// Data that wants to wait for a synchronization packet (E1.31 §6.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// The synchronization address, not 0.
    pub address: u16,
    /// Go on unsynchronised when synchronization is lost (§6.2.6).
    pub force: bool,
}

/// What a packet came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Its levels, its priorities or its farewell were taken.
    Taken,
    /// It waits for synchronization.
    Held,
    /// It was left out.
    Dropped(Dropped),
}

impl Merged {
    /// Whether the packet shows.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Taken)
    }
}

/// Why a packet was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Late by its sequence number.
    OutOfSequence,
    /// The same sequence number again.
    Duplicate,
    /// Preview data.
    Preview,
    /// The universe has all the sources it takes.
    SourceLimit,
    /// The show does not listen to the source.
    NotAllowed,
    /// AcCancelMerge gave the universe to another source.
    MergeCancelled,
    /// A farewell of a source that was not there.
    NotASource,
    /// Synchronization that nothing waits for, or that is ignored as the standard says.
    Sync,
}
