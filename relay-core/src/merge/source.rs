//! Who a source is, and what an operator is told about it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::time::Time;
use crate::wire::Text;
use crate::wire::sacn::Cid;

/// Longest source name kept (E1.31 §6.2.2).
pub const NAME_BYTES: usize = 64;

/// What makes two packets come from the same source. Addresses and ports of sACN sources, and UDP
/// ports of Art-Net sources, are not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceId {
    /// The component identifier (E1.31 §5.6).
    Sacn(Cid),
    /// IP address and physical input port (Art-Net 4, "ArtDmx": Physical tells apart the inputs
    /// of one node that send to the same port-address).
    ArtNet {
        /// The sender's address.
        ip: IpAddr,
        /// The input's number on the sender.
        physical: u8,
    },
}

impl SourceId {
    /// `sacn` or `artnet`.
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::Sacn(_) => "sacn",
            Self::ArtNet { .. } => "artnet",
        }
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sacn(cid) => write!(f, "CID {cid}"),
            Self::ArtNet { ip, physical } => write!(f, "{ip}, input {physical}"),
        }
    }
}

/// A source's name for people: bytes as they came, shown fit for a terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SourceName {
    bytes: [u8; NAME_BYTES],
    len: u8,
}

impl SourceName {
    /// No name told yet.
    pub const EMPTY: Self = Self { bytes: [0; NAME_BYTES], len: 0 };

    /// Keeps the first [`NAME_BYTES`] bytes.
    pub fn new(name: &[u8]) -> Self {
        let len = name.len().min(NAME_BYTES);
        let mut bytes = [0; NAME_BYTES];
        bytes[..len].copy_from_slice(&name[..len]);
        Self { bytes, len: len as u8 }
    }

    /// The bytes as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether the source has told no name.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text::until_nul(self.bytes()).fmt(f)
    }
}

impl fmt::Debug for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// A source as events name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRef {
    /// Its identity.
    pub id: SourceId,
    /// Where it was last heard from.
    pub address: SocketAddr,
    /// Its name, if it has told one.
    pub name: SourceName,
}

impl fmt::Display for SourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            write!(f, "{}", self.address.ip())
        } else {
            write!(f, "\"{}\" ({})", self.name, self.address.ip())
        }
    }
}

/// Why a source that was heard is not in the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Another source has a higher priority on every slot.
    LowerPriority,
    /// Another source of the same priority changed its levels later (LTP).
    NotLatest,
    /// It has sent no levels yet, only priorities, or levels that still wait for their
    /// synchronization packet.
    NoLevels,
    /// The universe is still being listened to before its levels count.
    Sampling,
    /// It sends preview data (E1.31 §6.2.6).
    Preview,
    /// More sources than the universe takes.
    SourceLimit,
    /// The show does not listen to it.
    NotAllowed,
    /// AcCancelMerge gave the universe to another source.
    MergeCancelled,
    /// Nothing heard for the network data loss time.
    TimedOut,
    /// It said that it left (E1.31 §6.2.6).
    Terminated,
}

impl Silence {
    /// Name for the API: `lower_priority`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::LowerPriority => "lower_priority",
            Self::NotLatest => "not_latest",
            Self::NoLevels => "no_levels",
            Self::Sampling => "sampling",
            Self::Preview => "preview",
            Self::SourceLimit => "source_limit",
            Self::NotAllowed => "not_allowed",
            Self::MergeCancelled => "merge_cancelled",
            Self::TimedOut => "timed_out",
            Self::Terminated => "terminated",
        }
    }
}

/// One source of one universe, for the operator.
#[derive(Clone, Copy, Debug)]
pub struct SourceSample {
    /// Who it is.
    pub id: SourceId,
    /// Where it was last heard from.
    pub address: SocketAddr,
    /// Its name, if it has told one.
    pub name: SourceName,
    /// Universe priority, 0..=200; `None` for Art-Net.
    pub priority: Option<u8>,
    /// Whether per-address priorities rule instead of it.
    pub per_address_priority: bool,
    /// The synchronization address of its last packet; `None` = unsynchronised.
    pub sync_address: Option<u16>,
    /// `None` = its levels are in the merge now; else why not.
    pub silence: Option<Silence>,
    /// Packets of this universe heard from it.
    pub packets: u64,
    /// Packets per second, thousandths.
    pub rate_mhz: u64,
    /// Packets missing or out of order by sequence number. Duplicates are not among them.
    pub sequence_errors: u64,
    /// Packets that never came, counted through every silence, as far as sequence numbers tell.
    pub missed: u64,
    /// Packets that came twice, for instance through two interfaces.
    pub duplicates: u64,
    /// When its last packet came.
    pub last_seen: Time,
}
