//! Recorded shows: reading every format, and what is done with them. One iteration is ten seconds of
//! a show of 64 universes at 44 Hz, so ten milliseconds are a thousand times real time.
//!
//! Beside our reading of pcapng, in the same run: a copy of the bytes, the least possible; and beside
//! the packing, what C zstd takes for the same.

use std::hint::black_box;
use std::io::Cursor;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wristcast_core::config::Config;
use wristcast_core::engine::{Datagram, Engine};
use wristcast_core::limits::Limits;
use wristcast_core::show::convert::{ConvertOptions, Remap, Target, convert};
use wristcast_core::show::diff::{Tolerance, diff};
use wristcast_core::show::encode::{Encoder, Sender};
use wristcast_core::show::info::info;
use wristcast_core::show::{
    Compression, Content, LevelReader, OlaVersion, PcapngOptions, PcapngWriter, ReadOptions,
    ShowReader,
};
use wristcast_core::time::Time;
use wristcast_core::universe::Universe;

const UNIVERSES: u16 = 64;
const FRAMES: u64 = 440;
const FRAME_NANOS: u64 = 22_727_273;

/// A chase over all slots, a strobe in every eighth universe, and sixteen universes that stand.
fn levels(frame: u64, universe: u16) -> [u8; 512] {
    let universe = u64::from(universe);
    match universe % 8 {
        0 => [if (frame / 4).is_multiple_of(2) { 255 } else { 0 }; 512],
        1 | 2 => std::array::from_fn(|slot| (slot as u64 * universe) as u8),
        _ => {
            std::array::from_fn(|slot| ((slot as u64 + frame * 3 + universe * 7) / 2) as u8 & 0xF0)
        }
    }
}

fn pcapng(zstd: bool) -> Vec<u8> {
    let options = PcapngOptions { epoch_nanos: 1_795_220_382_000_000_000, zstd };
    let mut writer = PcapngWriter::new(Vec::new(), options).expect("memory does not fail");
    writer.add_interface("eth0");
    let mut encoder = Encoder::new(Sender::default());
    for frame in 0..FRAMES {
        for universe in 1..=UNIVERSES {
            // The universes of a frame come back to back, 20 us apart.
            let at = Time::from_nanos(frame * FRAME_NANOS + u64::from(universe) * 20_000);
            let name: Universe = format!("sacn/{universe}").parse().expect("a universe");
            let levels = levels(frame, universe);
            let datagram = encoder.levels(at, name, &levels).expect("few universes");
            writer.datagram(at, &datagram).expect("memory does not fail");
        }
    }
    let end = Time::from_nanos(FRAMES * FRAME_NANOS);
    writer.finish(end).expect("memory does not fail")
}

fn to(target: Target) -> ConvertOptions {
    let (read, remap, sender) = (ReadOptions::default(), Remap::default(), Sender::default());
    ConvertOptions { read, remap, target, sender }
}

fn converted(bytes: &[u8], target: Target) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    convert(Cursor::new(bytes), &mut out, &to(target)).expect("a sound show");
    out.into_inner()
}

fn read(bytes: &[u8]) -> u64 {
    let mut reader = ShowReader::new(Cursor::new(bytes), &ReadOptions::default()).expect("a show");
    let mut sum = 0;
    while let Some(record) = reader.next_record().expect("a sound show") {
        sum += match record.content {
            Content::Datagram(datagram) => u64::from(datagram.bytes[126]),
            Content::Frame(frame) => u64::from(frame.slots[0]),
        };
    }
    sum
}

fn formats(c: &mut Criterion) {
    let capture = pcapng(false);
    let mut group = c.benchmark_group("read_10s_of_64_universes");
    let files = [
        ("pcapng", capture.clone()),
        ("pcapng_zstd", pcapng(true)),
        ("ola", converted(&capture, Target::Ola(OlaVersion::V1))),
        ("fseq", converted(&capture, fseq(Compression::None))),
        ("fseq_zstd", converted(&capture, fseq(Compression::Zstd))),
        ("fseq_zlib", converted(&capture, fseq(Compression::Zlib))),
        ("csv", converted(&capture, Target::Csv)),
    ];
    group.throughput(Throughput::Bytes(capture.len() as u64));
    group.bench_function("copy_of_pcapng", |b| b.iter(|| black_box(capture.to_vec())));
    for (name, bytes) in &files {
        println!("{name}: {} bytes", bytes.len());
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |b| b.iter(|| read(bytes)));
    }
    group.finish();
}

fn fseq(compression: Compression) -> Target {
    Target::Fseq { step_ms: 25, compression }
}

fn uses(c: &mut Criterion) {
    let capture = pcapng(false);
    let mut group = c.benchmark_group("use_10s_of_64_universes");
    group.throughput(Throughput::Bytes(capture.len() as u64));
    let open = || Cursor::new(&capture[..]);
    let options = ReadOptions::default();
    group.bench_function("levels", |b| {
        b.iter(|| {
            let mut levels = LevelReader::new(open(), &options).expect("a show");
            let mut changes = 0;
            while levels.next_change().expect("a sound show").is_some() {
                changes += 1;
            }
            changes
        });
    });
    group.bench_function("replay_through_the_engine", |b| {
        let config = show();
        b.iter(|| replay(&config, &capture));
    });
    group.bench_function("info", |b| b.iter(|| info(open(), &options)));
    group.bench_function("diff", |b| {
        b.iter(|| diff((open(), &options), (open(), &options), Tolerance::default()));
    });
    for (name, target) in [
        ("to_pcapng", Target::Pcapng { zstd: false }),
        ("to_pcapng_zstd", Target::Pcapng { zstd: true }),
        ("to_ola", Target::Ola(OlaVersion::V1)),
        ("to_fseq_zstd", fseq(Compression::Zstd)),
        ("to_csv", Target::Csv),
    ] {
        group.bench_function(name, |b| b.iter(|| converted(&capture, target)));
    }
    group.finish();
}

/// Eight groups in every universe.
fn show() -> Config {
    let mut text = "name = \"bench\"\n".to_owned();
    for universe in 1..=UNIVERSES {
        for group in 0..8 {
            text += &format!(
                "[[group]]\nname = \"{universe}-{group}\"\nuniverse = \"sacn/{universe}\"\n\
                 address = {}\npersonality = \"drgbsf\"\n",
                group * 60 + 1
            );
        }
    }
    text += "[[radio]]\nkind = \"simulated\"\n";
    Config::parse(&text, "bench.toml").expect("a sound show file").0
}

/// What replay does offline: the engine under the recording's clock.
fn replay(config: &Config, capture: &[u8]) -> u64 {
    let mut engine = Engine::new(config, &Limits::of(config), 1);
    let mut reader =
        ShowReader::new(Cursor::new(capture), &ReadOptions::default()).expect("a show");
    let mut looks = 0;
    while let Some(record) = reader.next_record().expect("a sound show") {
        while let Some(due) = engine.poll_timeout().filter(|due| *due <= record.at) {
            let _ = engine.handle_timeout(due);
        }
        let Content::Datagram(datagram) = record.content else { continue };
        let _ = engine.handle_datagram(Datagram {
            bytes: datagram.bytes,
            source: datagram.source,
            destination: Some(datagram.destination.ip()),
            interface: Some(datagram.interface),
            at: record.at,
        });
        while engine.poll_event().is_some() {}
        looks += engine.groups().changed().count() as u64;
        engine.groups_mut().clear_changed();
    }
    looks
}

/// C zstd on the same stream, frame by frame as our writer packs it.
fn packing(c: &mut Criterion) {
    let capture = pcapng(false);
    let second = &capture[..capture.len() / 20];
    let mut group = c.benchmark_group("pack_half_a_second");
    group.throughput(Throughput::Bytes(second.len() as u64));
    for level in [1, 3] {
        group.bench_function(BenchmarkId::new("c_zstd", level), |b| {
            b.iter(|| zstd::bulk::compress(second, level));
        });
    }
    group.bench_function("ours_with_the_rest_of_writing", |b| {
        let options = PcapngOptions { epoch_nanos: 0, zstd: true };
        let mut datagrams = Vec::new();
        let mut reader =
            ShowReader::new(Cursor::new(&capture), &ReadOptions::default()).expect("a show");
        while let Ok(Some(record)) = reader.next_record() {
            let Content::Datagram(datagram) = record.content else { continue };
            if record.at > Time::from_millis(500) {
                break;
            }
            datagrams.push((
                record.at,
                datagram.source,
                datagram.destination,
                datagram.bytes.to_vec(),
            ));
        }
        b.iter(|| {
            let mut writer = PcapngWriter::new(Vec::new(), options).expect("memory");
            writer.add_interface("eth0");
            for (at, source, destination, bytes) in &datagrams {
                let (source, destination, interface) = (*source, *destination, 0);
                let datagram =
                    wristcast_core::show::Datagram { source, destination, interface, bytes };
                writer.datagram(*at, &datagram).expect("memory");
            }
            writer.finish(Time::from_millis(500))
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = formats, uses, packing
}
criterion_main!(benches);
