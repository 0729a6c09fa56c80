//! The bytes of a show file, buffered and counted, unpacked on the way if they are packed.

use std::io::{BufReader, Read};
use std::ops::Range;

use super::error::ErrorKind;
use super::packed::Zstd;

/// Bytes read ahead; also the longest record any format here has, with room to spare.
const BUFFER: usize = 512 << 10;

/// Longest piece that [`Source::take`] and [`Source::peek`] give.
pub(super) const PIECE_MAX: usize = 320 << 10;

/// A byte stream read forward in pieces. Its memory is one buffer of 512 KiB, and the decoder's if
/// the stream is packed.
pub(super) struct Source<R> {
    input: Input<R>,
    buffer: Box<[u8]>,
    /// The unread part of `buffer`.
    start: usize,
    end: usize,
    /// What [`take`](Self::take) took last.
    taken: Range<usize>,
    /// Offset of `start` in the (unpacked) stream.
    offset: u64,
    ended: bool,
}

enum Input<R> {
    Plain(R),
    Zstd(BufReader<R>, Box<Zstd>),
}

impl<R: Read> Source<R> {
    pub(super) fn plain(input: R) -> Self {
        Self::new(Input::Plain(input))
    }

    pub(super) fn zstd(input: R) -> Self {
        Self::new(Input::Zstd(BufReader::with_capacity(64 << 10, input), Box::new(Zstd::new())))
    }

    fn new(input: Input<R>) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { input, buffer, start: 0, end: 0, taken: 0..0, offset: 0, ended: false }
    }

    /// Where the next byte stands in the (unpacked) stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether packed input ended in the middle of a frame.
    pub(super) fn truncated(&self) -> bool {
        match &self.input {
            Input::Plain(_) => false,
            Input::Zstd(_, decoder) => decoder.truncated(),
        }
    }

    /// The next `count` bytes, not yet consumed; fewer only if the stream ends before.
    pub(super) fn peek(&mut self, count: usize) -> Result<&[u8], ErrorKind> {
        debug_assert!(count <= PIECE_MAX);
        while self.end - self.start < count && !self.ended {
            self.fill()?;
        }
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    /// Consumes `count` bytes, to be had from [`taken`](Self::taken) until the next call; false
    /// (and nothing consumed) if the stream ends before.
    pub(super) fn take(&mut self, count: usize) -> Result<bool, ErrorKind> {
        if self.peek(count)?.len() < count {
            return Ok(false);
        }
        self.taken = self.start..self.start + count;
        self.advance(count);
        Ok(true)
    }

    /// What [`take`](Self::take) took last.
    pub(super) fn taken(&self) -> &[u8] {
        &self.buffer[self.taken.clone()]
    }

    /// Consumes `count` bytes unseen; false if the stream ends before.
    pub(super) fn skip(&mut self, mut count: u64) -> Result<bool, ErrorKind> {
        loop {
            let buffered = self.end - self.start;
            let step = usize::try_from(count).unwrap_or(usize::MAX).min(buffered);
            self.advance(step);
            count -= step as u64;
            if count == 0 {
                return Ok(true);
            }
            if self.ended {
                return Ok(false);
            }
            self.fill()?;
        }
    }

    /// Takes a line with its newline. `Ok(None)`: it would be longer than `max`, or the stream ends
    /// before the newline; nothing is consumed then.
    pub(super) fn take_line(&mut self, max: usize) -> Result<Option<()>, ErrorKind> {
        let mut searched = 0;
        loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(at) = unread[searched..].iter().position(|&b| b == b'\n') {
                let length = searched + at + 1;
                if length > max {
                    return Ok(None);
                }
                self.taken = self.start..self.start + length;
                self.advance(length);
                return Ok(Some(()));
            }
            searched = unread.len();
            if searched >= max || self.ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    fn advance(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    fn fill(&mut self) -> Result<(), ErrorKind> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.buffer.len() - self.start < PIECE_MAX {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let room = &mut self.buffer[self.end..];
        let count = match &mut self.input {
            Input::Plain(input) => loop {
                match input.read(room) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    result => break result?,
                }
            },
            Input::Zstd(input, decoder) => decoder.read(input, room)?,
        };
        self.ended = count == 0;
        self.end += count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte less each time, down to one: every boundary falls somewhere.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            self.1 = if self.1 <= 1 { 5000 } else { self.1 - 1 };
            let count = self.1.min(out.len()).min(self.0.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn pieces_of_every_size_come_out_in_order() {
        let data: Vec<u8> = (0..3_000_000_u32).map(|i| (i / 251) as u8).collect();
        let mut source = Source::plain(Dribble(&data, 5000));
        let mut at = 0;
        for size in (0..).map(|i| [0, 1, 12, 700, 66_000, PIECE_MAX][i % 6]) {
            assert_eq!(source.offset(), at as u64);
            if !source.take(size).unwrap() {
                break;
            }
            assert_eq!(source.taken(), &data[at..at + size]);
            at += size;
        }
        assert_eq!(source.peek(PIECE_MAX).unwrap(), &data[at..]);
        assert!(source.skip((data.len() - at) as u64).unwrap());
        assert!(!source.skip(1).unwrap());
        assert_eq!(source.offset(), data.len() as u64);
    }

    #[test]
    fn lines_end_at_newlines_and_have_a_greatest_length() {
        let mut source = Source::plain(Dribble(b"ab\n\nlonger line\nno end", 3));
        let mut next = |max| {
            let taken = source.take_line(max).unwrap().is_some();
            taken.then(|| String::from_utf8(source.taken().to_vec()).unwrap())
        };
        assert_eq!(next(10).as_deref(), Some("ab\n"));
        assert_eq!(next(10).as_deref(), Some("\n"));
        assert_eq!(next(10), None);
        assert_eq!(next(12).as_deref(), Some("longer line\n"));
        assert_eq!(next(12), None);
        assert_eq!(source.peek(20).unwrap(), b"no end");
    }
}
