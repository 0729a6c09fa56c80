//! One reader for all formats, and for a part of a show.

use std::fmt;
use std::io::{Read, Seek, SeekFrom};

use super::held::Held;
use super::source::Source;
use super::{
    Content, Context, ErrorKind, Format, ReadOptions, Record, ShowError, Warnings, csv, fseq, ola,
    packed, pcap,
};
use crate::time::Time;

/// Reads a recorded show of any format.
pub struct ShowReader<R> {
    reader: Reader<R>,
    format: Format,
    packed: bool,
    context: Context,
    records: u64,
    range: (Time, Option<Time>),
    stage: Stage,
    held: Held,
    /// Time of the record that `reader` stands at.
    at: Time,
}

/// Where the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before the wanted part; what would be held is noted.
    Seeking,
    /// At the first record of the wanted part; what was held comes first.
    Holding,
    /// Within the wanted part. At its first record the reader stands already.
    First,
    Reading,
    Ended,
}

enum Reader<R> {
    Pcap(pcap::Classic<R>),
    Pcapng(pcap::Ng<R>),
    Ola(ola::Ola<R>),
    Fseq(Box<fseq::Fseq<R>>),
    Csv(csv::Csv<R>),
}

impl<R: Read + Seek> ShowReader<R> {
    /// Begins to read `input`, from its beginning.
    pub fn new(mut input: R, options: &ReadOptions) -> Result<Self, ShowError> {
        let mut context = Context::default();
        let stage = if options.from > Time::ZERO { Stage::Seeking } else { Stage::Reading };
        Self::open(&mut input)
            .and_then(|start| Reader::new(input, start, options, &mut context))
            .map(|(reader, format, packed)| Self {
                reader,
                format,
                packed,
                context,
                records: 0,
                range: (options.from, options.to),
                stage,
                held: Held::default(),
                at: Time::ZERO,
            })
            .map_err(|kind| ShowError { offset: 0, records: 0, last: Time::ZERO, kind })
    }

    /// The first bytes of the file, zeros where it is shorter.
    fn open(input: &mut R) -> Result<[u8; 16], ErrorKind> {
        input.seek(SeekFrom::Start(0))?;
        let mut start = Vec::with_capacity(16);
        input.by_ref().take(16).read_to_end(&mut start)?;
        input.seek(SeekFrom::Start(0))?;
        start.resize(16, 0);
        Ok(array_of(&start))
    }

    /// The next record, `None` at the end.
    ///
    /// # Errors
    /// If the file is corrupt from here on. Nothing comes after an error.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, ShowError> {
        let (from, to) = self.range;
        loop {
            match self.stage {
                Stage::Ended => return Ok(None),
                Stage::Holding if self.held.next() => break,
                Stage::Holding => {
                    self.stage = Stage::First;
                    continue;
                }
                Stage::First => self.stage = Stage::Reading,
                Stage::Seeking | Stage::Reading => {
                    if !self.advance()? {
                        return Ok(None);
                    }
                }
            }
            if to.is_some_and(|to| self.at >= to) {
                self.stage = Stage::Ended;
                return Ok(None);
            }
            if self.stage != Stage::Seeking {
                break;
            }
            if self.at >= from {
                self.held.prepare(from);
                self.stage = Stage::Holding;
            } else if let Some(content) = self.reader.content() {
                self.held.note(self.at, &content);
            }
        }
        Ok(self.current())
    }

    /// The record that [`next_record`](Self::next_record) gave last.
    pub(super) fn current(&self) -> Option<Record<'_>> {
        let content = match self.stage {
            Stage::Holding => self.held.current(),
            _ => self.reader.content(),
        }?;
        let at = match self.stage {
            Stage::Holding => Time::ZERO,
            _ => Time::from_nanos(self.at.as_nanos().saturating_sub(self.range.0.as_nanos())),
        };
        Some(Record { at, content })
    }

    /// Where the reading is in the wanted part: the time of the record that was given last, at the
    /// end the length.
    pub(super) fn position(&self) -> Time {
        let (from, to) = self.range;
        let at = to.map_or(self.at, |to| self.at.min(to));
        match self.stage {
            Stage::Seeking | Stage::Holding => Time::ZERO,
            _ => Time::from_nanos(at.as_nanos().saturating_sub(from.as_nanos())),
        }
    }

    /// Brings the format's reader to its next record; false at the end.
    fn advance(&mut self) -> Result<bool, ShowError> {
        let result = match &mut self.reader {
            Reader::Pcap(reader) => reader.advance(&mut self.context),
            Reader::Pcapng(reader) => reader.advance(&mut self.context),
            Reader::Ola(reader) => reader.advance(&mut self.context),
            Reader::Fseq(reader) => reader.advance(&mut self.context),
            Reader::Csv(reader) => reader.advance(&mut self.context),
        };
        match result {
            Ok(true) => {
                self.records += 1;
                self.at = self.context.timeline.last();
                Ok(true)
            }
            Ok(false) => {
                self.stage = Stage::Ended;
                Ok(false)
            }
            Err(kind) => {
                self.stage = Stage::Ended;
                let (offset, records, last) = (self.reader.offset(), self.records, self.at);
                Err(ShowError { offset, records, last, kind })
            }
        }
    }

    /// The file's format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether the file is packed with zstd as a whole.
    pub fn packed(&self) -> bool {
        self.packed
    }

    /// Wall-clock time of time zero, nanoseconds since 1970-01-01 UTC, where the format has one and
    /// the first record was read.
    pub fn epoch_nanos(&self) -> Option<u64> {
        match self.format {
            Format::Pcap | Format::Pcapng => {
                let first = u64::try_from(self.context.timeline.first_stamp()?).ok()?;
                first.checked_add(self.range.0.as_nanos())
            }
            Format::Ola(_) | Format::Fseq | Format::Csv => None,
        }
    }

    /// The name of an interface, where the file gives one.
    pub fn interface_name(&self, interface: u32) -> Option<&str> {
        match &self.reader {
            Reader::Pcapng(reader) => reader.interface_name(interface),
            _ => None,
        }
    }

    /// Records read so far, those before the wanted part counted in.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// How far the reading is, in bytes of the (unpacked) file.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// What was met and got over so far.
    pub fn warnings(&self) -> &Warnings {
        &self.context.warnings
    }
}

impl<R> fmt::Debug for ShowReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShowReader")
            .field("format", &self.format)
            .field("records", &self.records)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl<R: Read + Seek> Reader<R> {
    fn new(
        input: R,
        start: [u8; 16],
        options: &ReadOptions,
        context: &mut Context,
    ) -> Result<(Self, Format, bool), ErrorKind> {
        if start.starts_with(b"PSEQ") || start.starts_with(b"FSEQ") || start.starts_with(b"ESEQ") {
            let reader = fseq::Fseq::new(input, options, context)?;
            return Ok((Self::Fseq(Box::new(reader)), Format::Fseq, false));
        }
        let packed = start.starts_with(&packed::ZSTD_MAGIC);
        let mut source = if packed { Source::zstd(input) } else { Source::plain(input) };
        let mut start = source.peek(16)?.to_vec();
        start.resize(16, 0);
        let (reader, format) = if start.starts_with(&pcap::NG_MAGIC) {
            (Self::Pcapng(pcap::Ng::new(source)), Format::Pcapng)
        } else if pcap::Classic::<R>::recognises(array_of(&start)) {
            (Self::Pcap(pcap::Classic::new(source)?), Format::Pcap)
        } else if start.starts_with(ola::HEADER) {
            let reader = ola::Ola::new(source, options.numbering)?;
            let format = Format::Ola(reader.version());
            (Self::Ola(reader), format)
        } else if csv::Csv::<R>::recognises(&start) {
            (Self::Csv(csv::Csv::new(source, options.numbering)?), Format::Csv)
        } else {
            return Err(ErrorKind::UnknownFormat(describe(&start)));
        };
        Ok((reader, format, packed))
    }
}

impl<R: Read> Reader<R> {
    fn content(&self) -> Option<Content<'_>> {
        match self {
            Self::Pcap(reader) => reader.content(),
            Self::Pcapng(reader) => reader.content(),
            Self::Ola(reader) => reader.content(),
            Self::Fseq(reader) => reader.content(),
            Self::Csv(reader) => reader.content(),
        }
    }

    fn offset(&self) -> u64 {
        match self {
            Self::Pcap(reader) => reader.offset(),
            Self::Pcapng(reader) => reader.offset(),
            Self::Ola(reader) => reader.offset(),
            Self::Fseq(reader) => reader.offset(),
            Self::Csv(reader) => reader.offset(),
        }
    }
}

/// The first `N` bytes, zeros where there are none.
fn array_of<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|index| bytes.get(index).copied().unwrap_or(0))
}

/// The beginning of a file that is none of ours.
fn describe(start: &[u8]) -> String {
    if start.iter().all(|&byte| byte == 0) {
        "an empty file, or zeros".to_owned()
    } else if start.get(1..4) == Some(b"SEQ") {
        "an FSEQ file packed as a whole: unpack it first".to_owned()
    } else if start.starts_with(b"PK") {
        "a zip archive".to_owned()
    } else if start.starts_with(&[0x1F, 0x8B]) {
        "a gzip file: unpack it first".to_owned()
    } else {
        format!("`{}`", start.escape_ascii())
    }
}
