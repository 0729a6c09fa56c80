//! Packed data, streamed in and out with a bound on memory: zstd (RFC 8878) and zlib (RFC 1950).
//!
//! Both decoders pull from a reader that is lent to each call, so that the blocks of an FSEQ file
//! and a whole packed capture are read by the same code.

use std::io::{ErrorKind::Interrupted, Read};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::error::ErrorKind;

/// The first bytes of a zstd frame.
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Largest zstd window accepted, 32 MiB: `zstd -20` and `--long=25` stay within it. The window is
/// the only part of a decoder's memory that the file chooses.
const WINDOW_MAX: u64 = 32 << 20;

/// Bytes that may come out of packed input before their ratio is looked at.
const BOMB_FREE: u64 = 64 << 20;

/// Bytes that may come out of one packed byte. DMX packets with stamps and sequence numbers reach
/// 50, a bomb of empty blocks 32 768.
const BOMB_RATIO: u64 = 1000;

/// Bytes of zlib input read at once.
const ZLIB_INPUT: usize = 16 << 10;

/// Unpacks a sequence of zstd frames as one stream.
pub(super) struct Zstd {
    frames: FrameDecoder,
    state: State,
    /// Whether a stream that unpacks without end is an error.
    bounded: bool,
    packed: u64,
    unpacked: u64,
    truncated: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Between,
    Inside,
    Ended,
}

impl Zstd {
    /// A decoder that refuses bombs.
    pub(super) fn new() -> Self {
        let mut frames = FrameDecoder::new();
        frames.set_max_window_size(WINDOW_MAX);
        let state = State::Between;
        Self { frames, state, bounded: true, packed: 0, unpacked: 0, truncated: false }
    }

    /// A decoder for data whose unpacked size is bounded by who asks for it.
    pub(super) fn unbounded() -> Self {
        Self { bounded: false, ..Self::new() }
    }

    /// Begins a new, independent stream.
    pub(super) fn restart(&mut self) {
        self.state = State::Between;
        self.truncated = false;
    }

    /// Whether the stream ended in the middle of a frame. What could be had of it was given out.
    pub(super) fn truncated(&self) -> bool {
        self.truncated
    }

    /// Unpacks into `out`; 0 at the end.
    pub(super) fn read(
        &mut self,
        source: &mut impl Read,
        out: &mut [u8],
    ) -> Result<usize, ErrorKind> {
        let mut source = Counted { inner: source, bytes: 0, ended: false, failed: None };
        let result = self.pull(&mut source, out);
        self.packed += source.bytes;
        if let Some(error) = source.failed {
            return Err(error.into());
        }
        let count = result?;
        self.unpacked += count as u64;
        if self.bounded && self.unpacked > BOMB_FREE + self.packed.saturating_mul(BOMB_RATIO) {
            return Err(ErrorKind::Bomb { packed: self.packed, unpacked: self.unpacked });
        }
        Ok(count)
    }

    fn pull<R: Read>(
        &mut self,
        source: &mut Counted<'_, R>,
        out: &mut [u8],
    ) -> Result<usize, ErrorKind> {
        while !out.is_empty() {
            match self.state {
                State::Ended => break,
                State::Between => self.begin_frame(source)?,
                State::Inside if self.frames.can_collect() > 0 => {
                    return self.frames.read(out).map_err(ErrorKind::Io);
                }
                State::Inside if self.frames.is_finished() => self.end_frame()?,
                State::Inside => self.next_block(source)?,
            }
        }
        Ok(0)
    }

    fn begin_frame<R: Read>(&mut self, source: &mut Counted<'_, R>) -> Result<(), ErrorKind> {
        // The decoder cannot tell the end of the file from a frame cut off in its first byte.
        let mut first = [0];
        if source.read(&mut first)? == 0 {
            self.state = State::Ended;
            return Ok(());
        }
        match self.frames.reset((&first[..]).chain(&mut *source)) {
            Ok(()) => self.state = State::Inside,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let wanted = u64::from(length);
                let skipped = std::io::copy(&mut source.take(wanted), &mut std::io::sink())?;
                self.truncated |= skipped < wanted;
            }
            Err(_) if source.ended => {
                self.truncated = true;
                self.state = State::Ended;
            }
            Err(error) => return Err(ErrorKind::Packed(error.to_string())),
        }
        Ok(())
    }

    fn next_block<R: Read>(&mut self, source: &mut Counted<'_, R>) -> Result<(), ErrorKind> {
        match self.frames.decode_blocks(&mut *source, BlockDecodingStrategy::UptoBlocks(1)) {
            Ok(_) => Ok(()),
            Err(_) if source.ended && !self.truncated => {
                // An empty last block (and a checksum nobody compares) makes the decoder hand out
                // what it still holds back as its window.
                self.truncated = true;
                let end = [1, 0, 0, 0, 0, 0, 0];
                self.frames
                    .decode_blocks(&end[..], BlockDecodingStrategy::All)
                    .map(|_| ())
                    .map_err(|error| ErrorKind::Packed(error.to_string()))
            }
            Err(error) => Err(ErrorKind::Packed(error.to_string())),
        }
    }

    fn end_frame(&mut self) -> Result<(), ErrorKind> {
        self.state = if self.truncated { State::Ended } else { State::Between };
        let stored = self.frames.get_checksum_from_data();
        if !self.truncated && stored.is_some() && stored != self.frames.get_calculated_checksum() {
            return Err(ErrorKind::Packed("the checksum is wrong".to_owned()));
        }
        Ok(())
    }
}

/// A reader that remembers what the decoder in between would lose: how much was read, whether the
/// end was reached, and the system's error.
struct Counted<'a, R> {
    inner: &'a mut R,
    bytes: u64,
    ended: bool,
    failed: Option<std::io::Error>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match self.inner.read(out) {
            Ok(count) => {
                self.bytes += count as u64;
                self.ended |= count == 0 && !out.is_empty();
                Ok(count)
            }
            Err(error) if error.kind() == Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }
}

/// Unpacks one zlib stream.
pub(super) struct Zlib {
    stream: Decompress,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    ended: bool,
    truncated: bool,
}

impl Zlib {
    pub(super) fn new() -> Self {
        Self {
            stream: Decompress::new(true),
            input: vec![0; ZLIB_INPUT].into_boxed_slice(),
            start: 0,
            end: 0,
            ended: false,
            truncated: false,
        }
    }

    /// Begins a new, independent stream.
    pub(super) fn restart(&mut self) {
        self.stream.reset(true);
        (self.start, self.end, self.ended, self.truncated) = (0, 0, false, false);
    }

    /// Whether the stream ended before its end.
    pub(super) fn truncated(&self) -> bool {
        self.truncated
    }

    /// Unpacks into `out`; 0 at the end.
    pub(super) fn read(
        &mut self,
        source: &mut impl Read,
        out: &mut [u8],
    ) -> Result<usize, ErrorKind> {
        while !self.ended && !out.is_empty() {
            let mut source_ended = false;
            if self.start == self.end {
                self.start = 0;
                self.end = match source.read(&mut self.input) {
                    Err(error) if error.kind() == Interrupted => continue,
                    result => result?,
                };
                source_ended = self.end == 0;
            }
            let (consumed, produced) = (self.stream.total_in(), self.stream.total_out());
            // Without input this gives out what the decoder still holds.
            let status = self
                .stream
                .decompress(&self.input[self.start..self.end], out, FlushDecompress::None)
                .map_err(|error| ErrorKind::Packed(error.to_string()))?;
            self.start += usize::try_from(self.stream.total_in() - consumed).unwrap_or(0);
            let count = usize::try_from(self.stream.total_out() - produced).unwrap_or(0);
            self.ended = status == Status::StreamEnd;
            if count > 0 {
                return Ok(count);
            }
            if !self.ended && source_ended {
                (self.ended, self.truncated) = (true, true);
            } else if !self.ended && self.stream.total_in() == consumed {
                return Err(ErrorKind::Packed("the stream leads nowhere".to_owned()));
            }
        }
        Ok(0)
    }
}

/// Packs `data` as one zstd frame.
pub(super) fn pack_zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Packs `data` as one zlib stream.
pub(super) fn pack_zlib(data: &[u8]) -> Vec<u8> {
    let mut stream = Compress::new(Compression::default(), true);
    let mut packed = Vec::with_capacity(data.len() / 8 + 64);
    loop {
        let consumed = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = data.get(consumed..).unwrap_or_default();
        packed.reserve(1 << 12);
        match stream.compress_vec(rest, &mut packed, FlushCompress::Finish) {
            Ok(Status::Ok | Status::BufError) => {}
            // Compressing from memory into memory has no other outcome than the end.
            Ok(Status::StreamEnd) | Err(_) => return packed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(mut packed: &[u8], chunk: usize) -> (Vec<u8>, bool) {
        let mut decoder = Zstd::new();
        let mut out = Vec::new();
        let mut piece = vec![0; chunk];
        loop {
            match decoder.read(&mut packed, &mut piece).unwrap() {
                0 => return (out, decoder.truncated()),
                count => out.extend_from_slice(&piece[..count]),
            }
        }
    }

    fn sample(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * i / 7 % 251) as u8).collect()
    }

    #[test]
    fn frames_one_after_another_unpack_as_one_stream() {
        let (first, second) = (sample(300_000), sample(5));
        let mut packed = pack_zstd(&first);
        packed.extend([0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 9, 9, 9]); // a skippable frame
        packed.extend(pack_zstd(&second));
        for chunk in [1, 1000, 1 << 20] {
            let (out, truncated) = unpack(&packed, chunk);
            assert!(out == [&first[..], &second[..]].concat() && !truncated);
        }
    }

    #[test]
    fn a_cut_stream_gives_all_whole_blocks_before_the_cut() {
        let data = sample(1 << 20);
        let packed = pack_zstd(&data);
        let mut longest = 0;
        for cut in (0..packed.len()).step_by(packed.len() / 40) {
            let (out, truncated) = unpack(&packed[..cut], 4096);
            assert!(data.starts_with(&out));
            assert_eq!(truncated, cut > 0, "cut at {cut}");
            assert!(out.len() >= longest);
            longest = out.len();
        }
        assert!(longest >= data.len() * 3 / 4, "{longest}");
    }

    #[test]
    fn a_flipped_bit_is_an_error_or_caught_by_the_checksum() {
        let data = sample(50_000);
        let packed = pack_zstd(&data);
        for at in 6..packed.len() {
            let mut broken = packed.clone();
            broken[at] ^= 0x10;
            let mut source = &broken[..];
            let mut decoder = Zstd::new();
            let mut out = vec![0; 1 << 20];
            let mut total = 0;
            let noticed = loop {
                match decoder.read(&mut source, &mut out[total..]) {
                    Ok(0) => break decoder.truncated(),
                    Ok(count) => total += count,
                    Err(_) => break true,
                }
            };
            assert!(noticed || out[..total] == data, "a bit flipped in byte {at} went unnoticed");
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut bomb = ZSTD_MAGIC.to_vec();
        bomb.extend([0x00, 0x38]); // no checksum, a window of 128 KiB
        for _ in 0..20_000 {
            let header = (128_u32 << 10) << 3 | 1 << 1; // 128 KiB of one byte
            bomb.extend(&header.to_le_bytes()[..3]);
            bomb.push(0);
        }
        let mut source = &bomb[..];
        let mut decoder = Zstd::new();
        let mut out = vec![0; 1 << 16];
        let error = loop {
            match decoder.read(&mut source, &mut out) {
                Ok(0) => panic!("unpacked to the end"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, ErrorKind::Bomb { .. }), "{error}");
        assert!(decoder.unpacked < 256 << 20);
    }

    #[test]
    fn a_window_beyond_the_bound_is_refused_before_it_is_allocated() {
        let mut source = &[0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA0, 1, 0, 0][..]; // 2 GiB
        let error = Zstd::new().read(&mut source, &mut [0; 10]).unwrap_err();
        assert!(matches!(error, ErrorKind::Packed(_)), "{error}");
    }

    #[test]
    fn zlib_streams_unpack_in_pieces_and_tell_when_they_were_cut() {
        let data = sample(200_000);
        let packed = pack_zlib(&data);
        for cut in [packed.len(), packed.len() - 4, packed.len() / 2, 1, 0] {
            let mut source = &packed[..cut];
            let mut decoder = Zlib::new();
            let (mut out, mut piece) = (Vec::new(), [0; 777]);
            while let count @ 1.. = decoder.read(&mut source, &mut piece).unwrap() {
                out.extend_from_slice(&piece[..count]);
            }
            assert!(data.starts_with(&out));
            assert_eq!(decoder.truncated(), cut < packed.len());
            assert_eq!(out.len() == data.len(), cut + 4 >= packed.len());
        }
    }
}
