//! What can be wrong with a recorded show: errors that end the reading, and warnings that do not.

use std::fmt;
use std::io;

use crate::time::Time;
use crate::universe::Universe;

/// Reading or writing a show ended here.
#[derive(Debug, thiserror::Error)]
#[error("byte {offset}: {kind}{}", Salvaged(*.records, *.last))]
pub struct ShowError {
    /// Where in the file, in bytes from its start (of the unpacked stream, if the file is packed).
    pub offset: u64,
    /// Records read before; all of them are good.
    pub records: u64,
    /// The time of the last of them.
    pub last: Time,
    /// What is wrong.
    #[source]
    pub kind: ErrorKind,
}

struct Salvaged(u64, Time);

impl fmt::Display for Salvaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            records => write!(f, "; the {records} records before it, to {}, are good", self.1),
        }
    }
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The system could not read or write.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// No format known here begins like this.
    #[error(
        "not a recorded show: expected pcap, pcapng (also packed with zstd), an OLA show \
         (`OLA Show`), FSEQ (`PSEQ`) or CSV (`t_ms,universe,ch1,...`), found {0}"
    )]
    UnknownFormat(String),
    /// A variant of a format that nobody here has met.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// A field has a value it cannot have.
    #[error("{field} is {found}, expected {expected}")]
    Field {
        /// The field, as its format names it.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What it may be.
        expected: &'static str,
    },
    /// A line of a text format says nothing.
    #[error("line {line}: expected {expected}, found `{found}`")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What could stand there.
        expected: &'static str,
        /// What stands there, cut to a readable length.
        found: String,
    },
    /// The packed data is corrupt.
    #[error("packed data: {0}")]
    Packed(String),
    /// Packed data unpacks to more than any show does.
    #[error("{unpacked} bytes come out of {packed}: this is no show but a decompression bomb")]
    Bomb {
        /// Bytes read.
        packed: u64,
        /// Bytes that came out of them.
        unpacked: u64,
    },
    /// More universes than a show may have.
    #[error("more than {0} universes")]
    TooManyUniverses(usize),
    /// Two universes would become one.
    #[error("{0} and {1} would both become {2}: choose one of them, or renumber")]
    Collision(Universe, Universe, String),
    /// The target format has no way to say this.
    #[error("{0}")]
    Unwritable(String),
}

/// What a reader met and got over. Each is counted, and the first of each kind is kept with its
/// place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The file ends in the middle of a record.
    Truncated,
    /// A part of a fragmented IP datagram.
    Fragment,
    /// A packet of which the capture kept only the beginning.
    CutShort,
    /// A packet that is not UDP over IP.
    NotUdp,
    /// A UDP datagram that is neither sACN nor Art-Net.
    Foreign,
    /// A packet whose headers contradict themselves.
    BrokenHeaders,
    /// A packet of an interface whose link type is unknown here.
    LinkType,
    /// A packet without a time of its own; it got the time of the one before.
    Untimed,
    /// A time earlier than the one before, by up to a second; it got the later one.
    OutOfOrder,
    /// The recording's clock was set back by more than a second; time goes on from there.
    ClockSetBack,
    /// A packet that the recorder says it lost.
    Dropped,
    /// A universe number that the protocol it was read as does not have.
    UniverseNumber,
    /// A last line without its end; it was taken as it stands.
    OpenLine,
    /// A compressed block that is corrupt or too short; the rest of its frames is missing.
    BrokenBlock,
    /// Compressed blocks that stand in another order than their frames.
    BlockOrder,
    /// A table of compressed blocks that was never filled in.
    NoBlockTable,
}

impl Warning {
    const ALL: [Self; 16] = [
        Self::Truncated,
        Self::Fragment,
        Self::CutShort,
        Self::NotUdp,
        Self::Foreign,
        Self::BrokenHeaders,
        Self::LinkType,
        Self::Untimed,
        Self::OutOfOrder,
        Self::ClockSetBack,
        Self::Dropped,
        Self::UniverseNumber,
        Self::OpenLine,
        Self::BrokenBlock,
        Self::BlockOrder,
        Self::NoBlockTable,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Truncated => "the file ends in the middle of a record; all before it was read",
            Self::Fragment => "IP fragments; the datagrams they are parts of are left out",
            Self::CutShort => "packets cut short by the capture's snap length, left out",
            Self::NotUdp => "packets that are not UDP, left out",
            Self::Foreign => "UDP datagrams that are neither sACN nor Art-Net, left out",
            Self::BrokenHeaders => "packets with contradictory headers, left out",
            Self::LinkType => "packets of a link type unknown here, left out",
            Self::Untimed => "packets without a time, taken at the time of the one before",
            Self::OutOfOrder => "records out of order by up to a second, taken at the later time",
            Self::ClockSetBack => {
                "times the recording's clock was set back; time goes on from there"
            }
            Self::Dropped => "packets lost while recording",
            Self::UniverseNumber => "frames of universes that the protocol does not have, left out",
            Self::OpenLine => {
                "the last line has no end and may be cut short; it was taken as it is"
            }
            Self::BrokenBlock => "corrupt or short blocks, the rest of their frames left out",
            Self::BlockOrder => "blocks out of order, put in order by their frame numbers",
            Self::NoBlockTable => "empty block table; the data is read as one block",
        }
    }
}

/// The warnings of one reading. Constant in size whatever the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    counts: [u64; Warning::ALL.len()],
    first: [u64; Warning::ALL.len()],
}

impl Warnings {
    pub(super) fn note(&mut self, warning: Warning, offset: u64) {
        self.note_many(warning, offset, 1);
    }

    pub(super) fn note_many(&mut self, warning: Warning, offset: u64, count: u64) {
        let index = warning as usize;
        if self.counts[index] == 0 {
            self.first[index] = offset;
        }
        self.counts[index] = self.counts[index].saturating_add(count);
    }

    /// How often this was met.
    pub fn count(&self, warning: Warning) -> u64 {
        self.counts[warning as usize]
    }

    /// Where it was met first, if it was.
    pub fn first(&self, warning: Warning) -> Option<u64> {
        (self.count(warning) > 0).then(|| self.first[warning as usize])
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|&count| count == 0)
    }

    /// Every kind that was met: the warning, how often, and the byte where it was met first.
    pub fn iter(&self) -> impl Iterator<Item = (Warning, u64, u64)> {
        Warning::ALL
            .into_iter()
            .map(|warning| (warning, self.count(warning), self.first[warning as usize]))
            .filter(|&(_, count, _)| count > 0)
    }
}

impl fmt::Display for Warnings {
    /// One line per kind, nothing if there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (warning, count, first)) in self.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match warning {
                Warning::Truncated | Warning::OpenLine | Warning::NoBlockTable => {
                    write!(f, "byte {first}: {}", warning.text())?;
                }
                _ => write!(f, "{count} {}; the first at byte {first}", warning.text())?,
            }
        }
        Ok(())
    }
}
