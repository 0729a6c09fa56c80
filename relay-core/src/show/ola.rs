//! Shows of OLA's `ola_recorder`: text, one line per frame, one line of time between two frames.
//!
//! Version 1 says how long to wait before the next frame in whole milliseconds; `ola_recorder` cuts
//! each wait, so its recordings run up to a millisecond per frame short. Version 2, proposed in
//! OLA's pull request 1682 and not yet released, says when the next frame is due, in seconds and
//! milliseconds since the first. We read both, and what we write as version 1 does not drift: each
//! wait is the difference of two rounded times.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use super::error::{ErrorKind, Warning};
use super::source::Source;
use super::text::{decimal, push_levels, quote, split_once, trim};
use super::{Content, Context, Frame, Numbering, UNIVERSES_MAX, number};
use crate::time::Time;
use crate::universe::{SLOTS, Universe};

/// How every version begins.
pub(super) const HEADER: &[u8] = b"OLA Show";

/// Longest line there can be is 2060 bytes: ten digits, a space, 512 levels, their commas.
const LINE_MAX: usize = 4096;

/// How an OLA show tells time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OlaVersion {
    /// `OLA Show`: waits in milliseconds.
    #[default]
    V1,
    /// `OLA Show V2`: seconds and milliseconds since the first frame.
    V2,
}

impl OlaVersion {
    const fn header(self) -> &'static str {
        match self {
            Self::V1 => "OLA Show",
            Self::V2 => "OLA Show V2",
        }
    }
}

/// Reads an OLA show.
pub(super) struct Ola<R> {
    source: Source<R>,
    version: OlaVersion,
    numbering: Numbering,
    line: u64,
    millis: u64,
    first: bool,
    universe: Option<Universe>,
    slots: [u8; SLOTS],
    count: usize,
}

impl<R: Read> Ola<R> {
    pub(super) fn new(mut source: Source<R>, numbering: Numbering) -> Result<Self, ErrorKind> {
        if source.take_line(LINE_MAX)?.is_none() {
            return Err(ErrorKind::Unsupported("an OLA show without a line".to_owned()));
        }
        let version = match trim(source.taken()) {
            b"OLA Show" => OlaVersion::V1,
            b"OLA Show V2" => OlaVersion::V2,
            other => return Err(ErrorKind::Unsupported(format!("`{}`", quote(other)))),
        };
        let (slots, count) = ([0; SLOTS], 0);
        let (line, millis, first, universe) = (1, 0, true, None);
        Ok(Self { source, version, numbering, line, millis, first, universe, slots, count })
    }

    pub(super) fn version(&self) -> OlaVersion {
        self.version
    }

    pub(super) fn offset(&self) -> u64 {
        self.source.offset()
    }

    pub(super) fn content(&self) -> Option<Content<'_>> {
        let slots = self.slots.get(..self.count)?;
        Some(Content::Frame(Frame { universe: self.universe?, slots }))
    }

    pub(super) fn advance(&mut self, context: &mut Context) -> Result<bool, ErrorKind> {
        loop {
            if !self.first {
                if !self.next_line(context)? {
                    return Ok(false);
                }
                self.read_time()?;
            }
            let offset = self.source.offset();
            if !self.next_line(context)? {
                return Ok(false);
            }
            self.first = false;
            let number = self.read_frame()?;
            self.universe = self.numbering.universe(number);
            if self.universe.is_some() {
                let nanos = i128::from(self.millis) * 1_000_000;
                context.timeline.at(nanos, offset, &mut context.warnings);
                return Ok(true);
            }
            context.warnings.note(Warning::UniverseNumber, offset);
        }
    }

    /// Takes the next line; false at the end of the show, which is an empty line or the file's end.
    fn next_line(&mut self, context: &mut Context) -> Result<bool, ErrorKind> {
        if self.source.take_line(LINE_MAX)?.is_some() {
            self.line += 1;
            return Ok(!trim(self.source.taken()).is_empty());
        }
        let offset = self.source.offset();
        let rest = self.source.peek(LINE_MAX + 1)?;
        if rest.len() > LINE_MAX {
            let found = quote(rest);
            let expected = "at most 4096 bytes in a line";
            return Err(ErrorKind::Line { line: self.line + 1, expected, found });
        }
        if !rest.is_empty() || self.source.truncated() {
            // A number at a cut may lack digits, so the whole line is given up.
            context.warnings.note(Warning::Truncated, offset);
        }
        Ok(false)
    }

    fn read_time(&mut self) -> Result<(), ErrorKind> {
        let text = trim(self.source.taken());
        let parsed = match self.version {
            OlaVersion::V1 => decimal(text).map(|wait| self.millis.saturating_add(u64::from(wait))),
            OlaVersion::V2 => split_once(text, b' ').and_then(|(seconds, millis)| {
                Some(u64::from(decimal(seconds)?) * 1000 + u64::from(decimal(millis)?))
            }),
        };
        let expected = match self.version {
            OlaVersion::V1 => "the milliseconds to wait",
            OlaVersion::V2 => "seconds and milliseconds since the first frame",
        };
        self.millis = parsed.ok_or_else(|| self.wrong(expected))?;
        Ok(())
    }

    fn read_frame(&mut self) -> Result<u32, ErrorKind> {
        let text = trim(self.source.taken());
        let parsed = split_once(text, b' ').and_then(|(number, levels)| {
            let number = decimal(number)?;
            self.count = parse_levels(levels, &mut self.slots)?;
            Some(number)
        });
        parsed.ok_or_else(|| self.wrong("a universe, a space, and up to 512 levels 0-255"))
    }

    fn wrong(&self, expected: &'static str) -> ErrorKind {
        ErrorKind::Line { line: self.line, expected, found: quote(trim(self.source.taken())) }
    }
}

/// The levels of a frame. Like OLA, we take nothing between two commas for 0.
fn parse_levels(text: &[u8], slots: &mut [u8; SLOTS]) -> Option<usize> {
    if text.is_empty() {
        return Some(0);
    }
    let mut count = 0;
    for level in text.split(|&byte| byte == b',') {
        let level = if level.is_empty() { 0 } else { decimal(level)? };
        *slots.get_mut(count)? = u8::try_from(level).ok()?;
        count += 1;
    }
    Some(count)
}

/// Writes an OLA show.
#[derive(Debug)]
pub struct OlaWriter<W> {
    out: W,
    version: OlaVersion,
    /// Rounded times of the first frame and of the last; `None` before the first.
    millis: Option<(u64, u64)>,
    /// Which universe took which number.
    numbers: BTreeMap<u32, Universe>,
    line: Vec<u8>,
}

impl<W: Write> OlaWriter<W> {
    /// Begins a show. `out` should be buffered: it is handed two lines at a time.
    pub fn new(mut out: W, version: OlaVersion) -> io::Result<Self> {
        writeln!(out, "{}", version.header())?;
        let line = Vec::with_capacity(LINE_MAX);
        Ok(Self { out, version, millis: None, numbers: BTreeMap::new(), line })
    }

    /// Appends a frame, at a time no earlier than the one before.
    ///
    /// # Errors
    /// If the system cannot write, or if another universe already has this one's number.
    pub fn frame(&mut self, at: Time, frame: &Frame<'_>) -> Result<(), ErrorKind> {
        let number = self.number(frame.universe)?;
        let millis = at.as_nanos().saturating_add(500_000) / 1_000_000;
        self.line.clear();
        let (first, last) = self.millis.unwrap_or((millis, millis));
        if self.millis.is_some() {
            let since = millis.saturating_sub(first);
            match self.version {
                OlaVersion::V1 => writeln!(self.line, "{}", millis.saturating_sub(last)),
                OlaVersion::V2 => writeln!(self.line, "{} {}", since / 1000, since % 1000),
            }?;
        }
        self.millis = Some((first, last.max(millis)));
        write!(self.line, "{number} ")?;
        push_levels(&mut self.line, &frame.slots[..frame.slots.len().min(SLOTS)]);
        self.line.push(b'\n');
        Ok(self.out.write_all(&self.line)?)
    }

    fn number(&mut self, universe: Universe) -> Result<u32, ErrorKind> {
        let number = number(universe);
        if self.numbers.len() >= UNIVERSES_MAX && !self.numbers.contains_key(&number) {
            return Err(ErrorKind::TooManyUniverses(UNIVERSES_MAX));
        }
        let holder = *self.numbers.entry(number).or_insert(universe);
        if holder != universe {
            let number = format!("universe {number}");
            return Err(ErrorKind::Collision(holder, universe, number));
        }
        Ok(number)
    }

    /// Ends the show and gives the output back, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
