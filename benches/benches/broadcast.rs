//! The broadcast frame: what a sender takes to make one, and a band to hear one. A frame is made once for
//! each slot on the air, some 30 a second; a band hears every copy of it.
//!
//! Beside them, in the same run: the code of the frame alone (AES-CMAC), which is most of either; and a
//! copy of the bytes, the least possible. The bytes of each frame are printed first.

use std::hint::black_box;

use broadcast_frame::frame::{self, Frame};
use broadcast_frame::{Decoder, Header, Heard, Identity, Key, Look, advert};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const KEY: Key = Key([0x42; 16]);
const COMPANY: u16 = 0xFFFF;
const SHOW: u16 = 1;

/// Colours that have nothing in common.
fn any(group: usize) -> Look {
    let levels = [group as u8 + 1, (group * 7) as u8, (group * 131) as u8, 0];
    Look { levels, ..Look::DARK }
}

fn with_white(group: usize) -> Look {
    let mut look = any(group);
    look.levels[3] = group as u8 + 1;
    Look { fade_cs: group as u8, ..look }
}

fn two_colours(group: usize) -> Look {
    let levels = if group.is_multiple_of(3) { [200, 100, 50, 0] } else { [0, 0, 9, 0] };
    Look { levels, ..Look::DARK }
}

fn alike(_: usize) -> Look {
    Look { levels: [255, 0, 0, 0], ..Look::DARK }
}

/// The frames of 5.5 in the specification: how they are called, their looks, and the room for them.
fn cases() -> [(&'static str, Vec<Look>, usize); 6] {
    let looks = |of: fn(usize) -> Look, groups: usize| (0..groups).map(of).collect();
    [
        ("legacy_3_any", looks(any, 3), 27),
        ("legacy_8_two_colours", looks(two_colours, 8), 27),
        ("extended_74_any", looks(any, 74), 241),
        ("extended_37_with_white", looks(with_white, 37), 241),
        ("extended_255_two_colours", looks(two_colours, 255), 241),
        ("extended_255_alike", looks(alike, 255), 241),
    ]
}

fn header(stamp: u32) -> Header {
    Header { show: SHOW, stamp, execute_in_ms: 60, ..Header::default() }
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("broadcast_encode");
    for (name, looks, room) in &cases() {
        let mut out = [0; 256];
        let whole = frame::encode(&header(1), looks, Some(&KEY), &mut out[..*room]);
        let whole = whole.expect("room for the frame");
        assert_eq!(whole.groups, looks.len(), "{name}");
        println!("{name}: {} groups in {} bytes", whole.groups, whole.len);
        group.throughput(Throughput::Bytes(whole.len as u64));
        for (key, how) in [(Some(&KEY), "signed"), (None, "unsigned")] {
            group.bench_function(BenchmarkId::new(how, name), |b| {
                b.iter(|| frame::encode(black_box(&header(1)), looks, key, &mut out[..*room]));
            });
        }
    }
    group.finish();
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("broadcast_decode");
    for (name, looks, room) in &cases() {
        let adverts: Vec<Vec<u8>> =
            (0..512).map(|n| signed(1_000 + 20 * n, looks, *room)).collect();
        let data = &adverts[0];
        group.throughput(Throughput::Bytes(data.len() as u64));
        group.bench_function(BenchmarkId::new("copy_of_bytes", name), |b| {
            b.iter(|| black_box(data.clone()));
        });
        let bytes = &data[advert::OVERHEAD..];
        group.bench_function(BenchmarkId::new("code_alone", name), |b| {
            let frame = Frame::parse(bytes).expect("a frame");
            b.iter(|| assert!(black_box(&frame).verifies(&KEY)));
        });
        group.bench_function(BenchmarkId::new("new", name), |b| {
            // Each advert is newer than the one before; after the last the band begins anew.
            let mut band = band(looks.len());
            let mut next = 0;
            b.iter(|| {
                if next == adverts.len() {
                    (band, next) = (self::band(looks.len()), 0);
                }
                let heard = band.advert(20 * next as u32, black_box(&adverts[next]));
                next += 1;
                heard
            });
        });
        group.bench_function(BenchmarkId::new("repeated", name), |b| {
            let mut band = band(looks.len());
            assert_eq!(band.advert(0, data), Heard::New);
            b.iter(|| band.advert(0, black_box(data)));
        });
        group.bench_function(BenchmarkId::new("forged", name), |b| {
            let mut band = band(looks.len());
            let mut forged = data.clone();
            *forged.last_mut().expect("a code") ^= 1;
            b.iter(|| band.advert(0, black_box(&forged)));
        });
    }
    group.finish();
}

/// A band of the last group, which is furthest to look up.
fn band(groups: usize) -> Decoder {
    let group = groups as u16 - 1;
    let mut band = Decoder::new(Identity { company: COMPANY, show: SHOW, group });
    band.set_key(KEY.0);
    band
}

fn signed(stamp: u32, looks: &[Look], room: usize) -> Vec<u8> {
    let mut data = [0; advert::EXTENDED_LEN_MAX];
    let out = &mut data[advert::OVERHEAD..][..room];
    let encoded = frame::encode(&header(stamp), looks, Some(&KEY), out).expect("room for it");
    let len = advert::write(COMPANY, encoded.len, &mut data).expect("it fits an advert");
    data[..len].to_vec()
}

criterion_group!(benches, encode, decode);
criterion_main!(benches);
