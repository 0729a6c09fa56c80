//! Recorded shows take the same memory however long they are. Proven by an allocator that counts.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use wristcast_core::config::Config;
use wristcast_core::show::convert::{ConvertOptions, Remap, Target, convert};
use wristcast_core::show::diff::{Tolerance, diff};
use wristcast_core::show::encode::{Encoder, Sender};
use wristcast_core::show::info::info;
use wristcast_core::show::offline::replay;
use wristcast_core::show::playback::{Playback, PlaybackOptions};
use wristcast_core::show::{
    Compression, Frame, FseqLayout, FseqWriter, OlaVersion, OlaWriter, PcapngOptions, PcapngWriter,
    ReadOptions, ShowReader,
};
use wristcast_core::time::Time;
use wristcast_core::universe::Universe;
use wristcast_tests::allocator::{CountingAllocator, most_held_by};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// A file whose end repeats: as long a show as one likes, without the memory for it.
struct Repeated {
    bytes: Vec<u8>,
    /// What repeats begins here.
    from: usize,
    times: u64,
    at: u64,
}

impl Repeated {
    fn new(bytes: Vec<u8>, from: usize, times: u64) -> Self {
        Self { bytes, from, times, at: 0 }
    }

    fn length(&self) -> u64 {
        self.from as u64 + (self.bytes.len() - self.from) as u64 * self.times
    }
}

impl Read for Repeated {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length() - self.at.min(self.length())).unwrap();
        let period = self.bytes.len() - self.from;
        let at = match usize::try_from(self.at).unwrap().checked_sub(self.from) {
            None => usize::try_from(self.at).unwrap(),
            Some(repeated) => self.from + repeated % period,
        };
        let count = out.len().min(left).min(self.bytes.len() - at);
        out[..count].copy_from_slice(&self.bytes[at..at + count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Repeated {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.length().saturating_add_signed(by),
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

/// Takes everything and keeps nothing.
#[derive(Default)]
struct Nowhere(u64);

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Nowhere {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if let SeekFrom::Start(at) = to {
            self.0 = at;
        }
        Ok(self.0)
    }
}

fn universes() -> Vec<Universe> {
    (1..=8).map(|number| format!("sacn/{number}").parse().unwrap()).collect()
}

/// Levels of a frame of a chase.
fn levels(frame: u64, universe: usize) -> [u8; 512] {
    std::array::from_fn(|slot| ((slot as u64 + frame * 3 + universe as u64 * 40) / 8) as u8)
}

/// A second of eight universes at 40 Hz as pcapng, that may follow itself: its clock is set back.
fn pcapng(zstd: bool) -> (Vec<u8>, usize) {
    let options = PcapngOptions { epoch_nanos: 1_000_000_000, zstd };
    let mut writer = PcapngWriter::new(Vec::new(), options).unwrap();
    writer.add_interface("eth0");
    writer.flush().unwrap();
    let begin = usize::try_from(writer.written()).unwrap();
    let mut encoder = Encoder::new(Sender::default());
    for frame in 0..80 {
        let at = Time::from_millis(frame * 25);
        for (index, universe) in universes().into_iter().enumerate() {
            let datagram = encoder.levels(at, universe, &levels(frame, index)).unwrap();
            writer.datagram(at, &datagram).unwrap();
        }
    }
    writer.flush().unwrap();
    let end = usize::try_from(writer.written()).unwrap();
    let mut file = writer.finish(Time::ZERO).unwrap();
    file.truncate(end);
    (file, begin)
}

fn ola() -> (Vec<u8>, usize) {
    let mut writer = OlaWriter::new(Vec::new(), OlaVersion::V1).unwrap();
    for frame in 0..80 {
        for (index, universe) in universes().into_iter().enumerate() {
            let frame_of = Frame { universe, slots: &levels(frame, index) };
            writer.frame(Time::from_millis(frame * 25), &frame_of).unwrap();
        }
    }
    let mut file = writer.finish().unwrap();
    file.extend(b"25\n");
    (file, "OLA Show\n".len())
}

fn fseq(frames: u32, compression: Compression) -> Vec<u8> {
    let universes = universes().into_iter().map(|universe| (universe, 512)).collect();
    let layout = FseqLayout { universes, step_ms: 25, frames, compression, unique_id: 0 };
    let mut writer = FseqWriter::new(Cursor::new(Vec::new()), layout).unwrap();
    for frame in 0..u64::from(frames) {
        let all: Vec<[u8; 512]> = (0..8).map(|universe| levels(frame, universe)).collect();
        writer.frame(all.as_flattened()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn read_all(input: impl Read + Seek) -> u64 {
    let mut reader = ShowReader::new(input, &ReadOptions::default()).unwrap();
    while reader.next_record().unwrap().is_some() {}
    reader.records()
}

/// Memory for a short show and for one eight times as long, made by `file` and used by `work`.
fn assert_constant<R: Read + Seek>(
    name: &str,
    bound: usize,
    file: impl Fn(u64) -> R,
    work: impl Fn(R),
) {
    let [short, long] = [20, 160].map(|times| {
        let file = file(times);
        most_held_by(|| work(file))
    });
    assert!(long <= short + (16 << 10), "{name}: {short} bytes, then {long}");
    assert!(long <= bound, "{name}: {long} bytes, more than {bound}");
    println!("{name}: {} KiB", long >> 10);
}

const MIB: usize = 1 << 20;

#[test]
fn reading_takes_the_same_memory_however_long_the_show_is() {
    for (name, packed, bound) in [("pcapng", false, MIB), ("pcapng in zstd", true, 2 * MIB)] {
        let (bytes, from) = pcapng(packed);
        let file = |times| Repeated::new(bytes.clone(), from, times);
        assert_constant(name, bound, file, |file| {
            read_all(file);
        });
    }
    let (bytes, from) = ola();
    let file = |times| Repeated::new(bytes.clone(), from, times);
    assert_constant("OLA show", MIB, file, |file| {
        read_all(file);
    });
    for compression in [Compression::None, Compression::Zstd, Compression::Zlib] {
        let files = [10, 80].map(|times| fseq(times * 40, compression));
        let file = |times| Cursor::new(&files[usize::from(times > 10)][..]);
        assert_constant(&format!("FSEQ {compression:?}"), 2 * MIB, file, |file| {
            assert!(read_all(file) >= 8 * 400);
        });
    }
}

fn playback_options() -> PlaybackOptions {
    PlaybackOptions {
        read: ReadOptions::default(),
        remap: Remap::default(),
        by_levels: false,
        everything: false,
        speed: 1.0,
        priority: None,
        cid_mask: [7; 16],
        sender: Sender::default(),
    }
}

#[test]
fn what_is_done_with_a_show_takes_the_same_memory_however_long_it_is() {
    let (bytes, from) = pcapng(false);
    let file = |times| Repeated::new(bytes.clone(), from, times);
    // The merge reserves its memory for 4096 universes; what it does not use is never touched.
    let merge = 128 * MIB;
    assert_constant("info", merge, file, |file| {
        assert_eq!(info(file, &ReadOptions::default()).unwrap().universes.len(), 8);
    });
    assert_constant("diff", 2 * merge, file, |file| {
        let times = file.times;
        let (other, read) = (Repeated::new(bytes.clone(), from, times), ReadOptions::default());
        let found = diff((file, &read), (other, &read), Tolerance::default()).unwrap();
        assert!(found.is_equal());
    });
    let show = "name = \"long\"\n[[group]]\nname = \"seat-{}\"\ncount = 100\n\
                universe = \"sacn/1\"\naddress = 1\npersonality = \"rgb\"\n\
                [[radio]]\nkind = \"simulated\"\n";
    let (config, _) = Config::parse(show, "long.toml").unwrap();
    assert_constant("replay", 32 * MIB, file, |file| {
        let (read, trace) = (ReadOptions::default(), Nowhere::default());
        assert!(replay(file, &read, &config, trace).unwrap().looks > 1000);
    });
    assert_constant("playback", 2 * MIB, file, |file| {
        let mut playback = Playback::new(file, playback_options()).unwrap();
        while playback.next_packet().unwrap().is_some() {}
        assert!(playback.counts().packets > 1000);
    });
    for target in [
        Target::Pcapng { zstd: false },
        Target::Pcapng { zstd: true },
        Target::Ola(OlaVersion::V1),
        Target::Csv,
        Target::Fseq { step_ms: 25, compression: Compression::Zstd },
    ] {
        assert_constant(&format!("{target:?}"), merge + 4 * MIB, file, |file| {
            let (read, remap, sender) =
                (ReadOptions::default(), Remap::default(), Sender::default());
            let options = ConvertOptions { read, remap, target, sender };
            assert!(convert(file, Nowhere::default(), &options).unwrap().error.is_none());
        });
    }
}
