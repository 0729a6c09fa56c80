//! A recorded show of two hours, 64 universes at 44 Hz, through the relay's engine: how many times
//! faster than it was played, and in how much memory. `cargo bench --bench replay`, or with another
//! length in seconds: `-- 600`.
//!
//! The recording is 14 GB of pcapng that is made while it is read, so no disk is measured. Beside the
//! replay, in the same run, what it cannot do without: taking the bytes, and reading the records.

use std::io::{self, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use wristcast_core::config::Config;
use wristcast_core::show::encode::{Encoder, Sender};
use wristcast_core::show::offline::{replay, replay_seeing};
use wristcast_core::show::{PcapngOptions, PcapngWriter, ReadOptions, ShowReader};
use wristcast_core::time::Time;
use wristcast_core::universe::Universe;

const UNIVERSES: u16 = 64;
const GROUPS_PER_UNIVERSE: u16 = 8;
const FRAME_NANOS: u64 = 22_727_273;
const TWO_HOURS: u64 = 7200;

/// Frames until everything repeats, the sequence numbers too.
const PERIOD: u64 = 256;

/// How much of the light moves.
#[derive(Clone, Copy, Debug)]
enum Show {
    /// Every group changes in every frame: the most there is to do.
    Everything,
    /// Cues as operators write them: of eight universes one runs a chase, one fades, and the others
    /// stand still between cues.
    Cues,
}

impl Show {
    fn levels(self, frame: u64, universe: u16) -> [u8; 512] {
        let moves = match self {
            Self::Everything => frame,
            Self::Cues => match universe % 8 {
                0 => frame,
                1 => frame / 4,
                _ => frame / 128,
            },
        };
        std::array::from_fn(|slot| (slot as u64 * 5 + moves * 3 + u64::from(universe)) as u8)
    }

    /// One period as pcapng, and where its first packet is.
    fn period(self) -> (Vec<u8>, usize) {
        let options = PcapngOptions { epoch_nanos: 0, zstd: false };
        let mut writer = PcapngWriter::new(Vec::new(), options).expect("memory does not fail");
        writer.add_interface("eth0");
        writer.flush().expect("memory does not fail");
        let begin = usize::try_from(writer.written()).expect("a short header");
        let mut encoder = Encoder::new(Sender::default());
        for frame in 0..PERIOD {
            for number in 1..=UNIVERSES {
                let at = Time::from_nanos(frame * FRAME_NANOS + u64::from(number) * 20_000);
                let universe: Universe = format!("sacn/{number}").parse().expect("a universe");
                let levels = self.levels(frame, number);
                let datagram = encoder.levels(at, universe, &levels).expect("few universes");
                writer.datagram(at, &datagram).expect("memory does not fail");
            }
        }
        writer.flush().expect("memory does not fail");
        let end = usize::try_from(writer.written()).expect("a short file");
        let mut file = writer.finish(Time::ZERO).expect("memory does not fail");
        file.truncate(end);
        (file, begin)
    }
}

/// A recording whose packets repeat with ever later times.
#[derive(Clone, Debug)]
struct Long {
    header: Vec<u8>,
    period: Vec<u8>,
    /// Where in `period` the packets' times are, and those times.
    stamps: Vec<(usize, u64)>,
    periods: u64,
    at: u64,
    /// The period that the times in `period` are of.
    stamped: u64,
}

impl Long {
    fn new(show: Show, seconds: u64) -> Self {
        let (file, begin) = show.period();
        let (header, period) = file.split_at(begin);
        let word =
            |at: usize| u32::from_le_bytes(period[at..at + 4].try_into().expect("four bytes"));
        let mut stamps = Vec::new();
        let mut block = 0;
        while block < period.len() {
            // Enhanced packet block: type, length, interface, time.
            let time = u64::from(word(block + 12)) << 32 | u64::from(word(block + 16));
            stamps.push((block + 12, time));
            block += word(block + 4) as usize;
        }
        let periods = (seconds * 1_000_000_000).div_ceil(PERIOD * FRAME_NANOS);
        let (header, period) = (header.to_vec(), period.to_vec());
        Self { header, period, stamps, periods, at: 0, stamped: 0 }
    }

    fn length(&self) -> u64 {
        self.header.len() as u64 + self.period.len() as u64 * self.periods
    }

    fn stamp(&mut self, number: u64) {
        if number != self.stamped {
            self.stamped = number;
            for &(at, time) in &self.stamps {
                let time = time + number * PERIOD * FRAME_NANOS;
                self.period[at..at + 4].copy_from_slice(&((time >> 32) as u32).to_le_bytes());
                self.period[at + 4..at + 8].copy_from_slice(&(time as u32).to_le_bytes());
            }
        }
    }
}

impl Read for Long {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.length() {
            return Ok(0);
        }
        let header = self.header.len() as u64;
        let rest = if self.at < header {
            &self.header[self.at as usize..]
        } else {
            let size = self.period.len() as u64;
            self.stamp((self.at - header) / size);
            &self.period[((self.at - header) % size) as usize..]
        };
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Long {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.length().saturating_add_signed(by),
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

fn config() -> Config {
    let mut text = "name = \"bench\"\n[[radio]]\nkind = \"simulated\"\n".to_owned();
    for universe in 1..=UNIVERSES {
        for group in 0..GROUPS_PER_UNIVERSE {
            text += &format!(
                "[[group]]\nname = \"{universe}-{group}\"\nuniverse = \"sacn/{universe}\"\n\
                 address = {}\npersonality = \"drgbsf\"\n",
                group * 60 + 1
            );
        }
    }
    Config::parse(&text, "bench.toml").expect("a sound show file").0
}

fn take_bytes(mut file: Long) -> u64 {
    let mut buffer = vec![0; 512 << 10];
    let mut total = 0;
    while let Ok(count @ 1..) = file.read(&mut buffer) {
        total += count as u64 + u64::from(buffer[0] & 1);
    }
    total
}

fn read_records(file: Long) -> u64 {
    let mut reader = ShowReader::new(file, &ReadOptions::default()).expect("a show");
    while reader.next_record().expect("a sound show").is_some() {}
    reader.records()
}

fn measure(what: &str, seconds: u64, work: impl FnOnce() -> u64) {
    let (began, busy) = (Instant::now(), cpu());
    let count = work();
    let took = began.elapsed();
    // Other programs of the machine do not count, where the system tells.
    let busy = cpu().zip(busy).map_or(took, |(after, before)| after - before).as_secs_f64();
    println!(
        "  {what:<34} {:>7.1} s, {busy:>6.1} s of CPU, {:>6.0} times real time, {count}",
        took.as_secs_f64(),
        seconds as f64 / busy.max(1e-3),
    );
}

/// CPU time of this process, where the system tells.
fn cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(Duration::from_nanos(stat.split(' ').next()?.parse().ok()?))
}

/// The most memory this process ever had, MiB, where the system tells.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map_or("unknown".to_owned(), |kib| format!("{:.1} MiB", kib as f64 / 1024.0))
}

fn run(show: Show, seconds: u64) {
    let (config, options) = (config(), ReadOptions::default());
    let file = Long::new(show, seconds);
    println!(
        "{show:?}: {seconds} s, {:.1} GB, a period of {:.1} MiB kept; memory so far {}",
        file.length() as f64 / 1e9,
        file.period.len() as f64 / f64::from(1 << 20),
        memory()
    );
    measure("bytes taken", seconds, || take_bytes(file.clone()));
    measure("records read", seconds, || read_records(file.clone()));
    measure("looks made", seconds, || {
        let replayed = replay_seeing(file.clone(), &options, &config, |_, _, _| Ok(()));
        replayed.expect("a sound show").looks
    });
    measure("looks made and traced", seconds, || {
        replay(file, &options, &config, io::sink()).expect("a sound show").looks
    });
    println!("  most memory so far: {}", memory());
}

fn main() {
    // `cargo test --benches` asks for a try only.
    let is_try = std::env::args().any(|arg| arg == "--test");
    let seconds = std::env::args().find_map(|arg| arg.parse().ok());
    let seconds = seconds.unwrap_or(if is_try { 6 } else { TWO_HOURS });
    // A twelfth first: what the memory depends on shows.
    for seconds in [seconds.div_ceil(12), seconds] {
        for show in [Show::Cues, Show::Everything] {
            run(show, seconds);
        }
    }
}
