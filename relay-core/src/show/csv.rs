//! Levels as a table: `t_ms,universe,ch1,ch2,...`, one row per frame.
//!
//! `t_ms` may have up to six decimals (a nanosecond); `universe` is `sacn/1`, `artnet/0/0/1` or a
//! bare number; levels are 0-255, as many as the frame has slots. Cells a spreadsheet left empty at
//! the end of a row are no slots.

use std::io::{self, Read, Write};

use super::error::{ErrorKind, Warning};
use super::source::Source;
use super::text::{decimal, push_levels, quote, split_once, trim};
use super::{Content, Context, Frame, Numbering};
use crate::time::Time;
use crate::universe::{SLOTS, Universe};

const HEADER: &[u8] = b"t_ms,universe";
/// Spreadsheets put it before UTF-8.
const BYTE_ORDER_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
/// A header row that names all slots has 3516 bytes.
const LINE_MAX: usize = 8192;

/// Reads a table of levels.
pub(super) struct Csv<R> {
    source: Source<R>,
    numbering: Numbering,
    line: u64,
    universe: Option<Universe>,
    slots: [u8; SLOTS],
    count: usize,
}

impl<R: Read> Csv<R> {
    pub(super) fn recognises(start: &[u8]) -> bool {
        let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
        start.get(..HEADER.len()).is_some_and(|start| start.eq_ignore_ascii_case(HEADER))
    }

    pub(super) fn new(mut source: Source<R>, numbering: Numbering) -> Result<Self, ErrorKind> {
        if source.take_line(LINE_MAX)?.is_none() {
            let length = source.peek(LINE_MAX)?.len();
            source.take(length)?;
        }
        let (slots, count) = ([0; SLOTS], 0);
        Ok(Self { source, numbering, line: 1, universe: None, slots, count })
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
            let offset = self.source.offset();
            if !self.next_line(context)? {
                return Ok(false);
            }
            if trim(self.source.taken()).is_empty() {
                continue;
            }
            let (nanos, universe) = self.read_row()?;
            self.universe = universe;
            if universe.is_some() {
                context.timeline.at(nanos, offset, &mut context.warnings);
                return Ok(true);
            }
            context.warnings.note(Warning::UniverseNumber, offset);
        }
    }

    fn next_line(&mut self, context: &mut Context) -> Result<bool, ErrorKind> {
        self.line += 1;
        if self.source.take_line(LINE_MAX)?.is_some() {
            return Ok(true);
        }
        let offset = self.source.offset();
        let rest = self.source.peek(LINE_MAX + 1)?;
        let length = rest.len();
        if length > LINE_MAX {
            let (expected, found) = ("at most 8192 bytes in a line", quote(rest));
            return Err(ErrorKind::Line { line: self.line, expected, found });
        }
        if self.source.truncated() {
            context.warnings.note(Warning::Truncated, offset);
            return Ok(false);
        }
        if length > 0 {
            // People leave out the last newline; but it may as well be a cut.
            context.warnings.note(Warning::OpenLine, offset);
            self.source.take(length)?;
        }
        Ok(length > 0)
    }

    /// The row's time in nanoseconds, and its universe unless the number is none.
    fn read_row(&mut self) -> Result<(i128, Option<Universe>), ErrorKind> {
        let row = trim(self.source.taken());
        let wrong = |expected| ErrorKind::Line { line: self.line, expected, found: quote(row) };
        let (time, rest) = split_once(row, b',').ok_or_else(|| wrong("t_ms,universe,levels"))?;
        let nanos = parse_millis(time).ok_or_else(|| wrong("a time in ms, such as 12.5"))?;
        let (universe, levels) = split_once(rest, b',').unwrap_or((rest, &[]));
        let universe = match decimal(universe) {
            Some(number) => self.numbering.universe(number),
            None => Some(
                std::str::from_utf8(universe)
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(|| wrong("a universe, such as sacn/1 or artnet/0/0/1"))?,
            ),
        };
        let filled = levels.iter().rposition(|&byte| byte != b',').map_or(0, |at| at + 1);
        let cells = levels[..filled].split(|&byte| byte == b',');
        self.count = 0;
        for level in cells.take(if filled > 0 { usize::MAX } else { 0 }) {
            let level = decimal(level).and_then(|level| u8::try_from(level).ok());
            let slot = self.slots.get_mut(self.count).zip(level);
            let (slot, level) = slot.ok_or_else(|| wrong("up to 512 levels 0-255"))?;
            *slot = level;
            self.count += 1;
        }
        Ok((nanos, universe))
    }
}

/// Milliseconds with up to six decimals, as nanoseconds.
fn parse_millis(text: &[u8]) -> Option<i128> {
    let (whole, fraction) = split_once(text, b'.').unwrap_or((text, b"0"));
    if fraction.len() > 6 || whole.is_empty() || whole.len() > 16 {
        return None;
    }
    let whole = whole.iter().try_fold(0_i128, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i128::from(byte - b'0'))
    })?;
    let fraction = decimal(fraction)? * 10_u32.pow(6 - fraction.len() as u32);
    Some(whole * 1_000_000 + i128::from(fraction))
}

/// Writes a table of levels.
#[derive(Debug)]
pub struct CsvWriter<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> CsvWriter<W> {
    /// Begins a table. `out` should be buffered: it is handed a row at a time.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut line = Vec::with_capacity(LINE_MAX);
        line.extend(HEADER);
        for slot in 1..=SLOTS {
            write!(line, ",ch{slot}")?;
        }
        line.push(b'\n');
        out.write_all(&line)?;
        Ok(Self { out, line })
    }

    /// Appends a frame.
    pub fn frame(&mut self, at: Time, frame: &Frame<'_>) -> io::Result<()> {
        self.line.clear();
        let (millis, rest) = (at.as_nanos() / 1_000_000, at.as_nanos() % 1_000_000);
        write!(self.line, "{millis}")?;
        if rest > 0 {
            write!(self.line, ".{rest:06}")?;
            while self.line.last() == Some(&b'0') {
                self.line.pop();
            }
        }
        write!(self.line, ",{}", frame.universe)?;
        if !frame.slots.is_empty() {
            self.line.push(b',');
            push_levels(&mut self.line, &frame.slots[..frame.slots.len().min(SLOTS)]);
        }
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }

    /// Ends the table and gives the output back, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
