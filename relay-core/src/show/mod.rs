//! Recorded shows: reading, writing, converting, comparing, looking at them.
//!
//! A show is a stream of [`Record`]s with times that begin at zero and never run backwards: either
//! datagrams as they were on the wire (captures) or frames of levels (OLA shows, FSEQ, CSV).
//! [`ShowReader`] finds out the format by the file's first bytes and reads forward, so memory is
//! constant however long the show is:
//!
//! | part | bound |
//! |---|---|
//! | read-ahead of captures and text | 512 KiB |
//! | zstd (packed captures, FSEQ blocks) | a window of 32 MiB at most, usually 128 KiB to 8 MiB |
//! | FSEQ | one frame, 2 MiB at most; its header, 64 KiB at most |
//! | interfaces of a capture | 4096, names of 64 bytes |
//! | universes | 4096, wherever something is kept for each |
//!
//! What a damaged file still gives is given: a cut end is a [`Warning`], and an error names the
//! byte and how many good records came before it. There is no random access: to seek is to read on,
//! at the speed of the disk, keeping the state that a receiver would hold ([`ReadOptions::from`]).
//!
//! Nothing here opens a socket or starts a thread.

mod bins;
pub mod convert;
mod csv;
pub mod diff;
pub mod encode;
mod error;
mod fseq;
pub mod fuzz;
mod held;
pub mod info;
mod levels;
mod link;
pub mod offline;
mod ola;
mod packed;
mod pcap;
pub mod playback;
mod reader;
pub mod render;
mod source;
mod text;
mod timeline;

use std::fmt;
use std::net::SocketAddr;

pub use csv::CsvWriter;
pub use error::{ErrorKind, ShowError, Warning, Warnings};
pub use fseq::{ChannelMap, ChannelRange, Compression, FseqLayout, FseqWriter};
pub use levels::{Change, LevelReader};
pub use ola::{OlaVersion, OlaWriter};
pub use pcap::{Origin, PcapngOptions, PcapngWriter};
pub use reader::ShowReader;

use crate::time::Time;
use crate::universe::{PortAddress, SacnUniverse, Universe};
use timeline::Timeline;

/// Most universes that anything here keeps something for.
pub const UNIVERSES_MAX: usize = crate::limits::UNIVERSES_MAX;

/// One event of a recorded show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When, counted from the show's first record. Never earlier than the record before.
    pub at: Time,
    /// What.
    pub content: Content<'a>,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A datagram as it was on the wire.
    Datagram(Datagram<'a>),
    /// The levels of a universe.
    Frame(Frame<'a>),
}

/// A UDP datagram of a capture: sACN or Art-Net, whatever the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// Number of the interface it was captured on, counted from 0 over the whole file.
    pub interface: u32,
    /// The payload.
    pub bytes: &'a [u8],
}

/// The levels of a universe, from slot 1 on. Slots beyond the last are at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The universe.
    pub universe: Universe,
    /// At most 512 levels.
    pub slots: &'a [u8],
}

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Classic pcap.
    Pcap,
    /// pcapng.
    Pcapng,
    /// A show of OLA's `ola_recorder`.
    Ola(OlaVersion),
    /// A sequence of xLights and the Falcon Player.
    Fseq,
    /// `t_ms,universe,ch1,...`.
    Csv,
}

impl Format {
    /// Whether it holds datagrams; the others hold levels.
    pub const fn is_capture(self) -> bool {
        matches!(self, Self::Pcap | Self::Pcapng)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pcap => "pcap",
            Self::Pcapng => "pcapng",
            Self::Ola(OlaVersion::V1) => "OLA show",
            Self::Ola(OlaVersion::V2) => "OLA show V2",
            Self::Fseq => "FSEQ",
            Self::Csv => "CSV",
        })
    }
}

/// What the bare universe numbers of OLA shows, FSEQ and CSV mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    /// sACN universes.
    #[default]
    Sacn,
    /// Art-Net port-addresses.
    ArtNet,
}

impl Numbering {
    /// The universe of this number, if there is one.
    pub fn universe(self, number: u32) -> Option<Universe> {
        let number = u16::try_from(number).ok()?;
        match self {
            Self::Sacn => SacnUniverse::new(number).map(Universe::Sacn),
            Self::ArtNet => PortAddress::new(number).map(Universe::ArtNet),
        }
    }
}

/// A universe's bare number, as OLA shows have it.
fn number(universe: Universe) -> u32 {
    match universe {
        Universe::Sacn(universe) => u32::from(universe.number()),
        Universe::ArtNet(address) => u32::from(address.address()),
    }
}

/// What a file does not say about itself, and which part of it is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// What bare universe numbers mean.
    pub numbering: Numbering,
    /// Which channels of an FSEQ file are which universe. `None`: as the file says if we wrote it,
    /// else 512 channels to a universe, from universe 1 (port-address 0) on.
    pub channels: Option<ChannelMap>,
    /// Where to begin. What a receiver would hold at that time comes first, as records at time
    /// zero: the last frame of every universe, or the last datagram of every source for every
    /// universe it has not let go. Times count from here.
    pub from: Time,
    /// Where to end; what comes at this time or later is left out. `None`: at the end.
    pub to: Option<Time>,
}

/// What all readers share.
#[derive(Debug, Default)]
struct Context {
    warnings: Warnings,
    timeline: Timeline,
}

impl Context {
    /// Whether a datagram belongs to the show; if so its time is taken.
    fn admit(&mut self, payload: &[u8], stamp: i128, offset: u64) -> bool {
        let admitted = self.is_dmx(payload, offset);
        if admitted {
            self.timeline.at(stamp, offset, &mut self.warnings);
        }
        admitted
    }

    /// As [`admit`](Self::admit), for a datagram without a time of its own.
    fn admit_untimed(&mut self, payload: &[u8], offset: u64) -> bool {
        let admitted = self.is_dmx(payload, offset);
        if admitted {
            self.warnings.note(Warning::Untimed, offset);
        }
        admitted
    }

    /// sACN or Art-Net, by what it says it is; other UDP traffic is no part of a show.
    fn is_dmx(&mut self, payload: &[u8], offset: u64) -> bool {
        let ours = payload.starts_with(b"Art-Net\0")
            || payload.get(4..).is_some_and(|rest| rest.starts_with(b"ASC-E1.17\0\0\0"));
        if !ours {
            self.warnings.note(Warning::Foreign, offset);
        }
        ours
    }
}
