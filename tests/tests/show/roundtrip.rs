//! Through one format and back, or through all of them: the levels stay, to the format's resolution.

use std::collections::BTreeMap;
use std::io::Cursor;

use proptest::prelude::*;
use wristcast_core::show::convert::{ConvertOptions, Converted, Remap, Target, convert};
use wristcast_core::show::diff::{Diff, Tolerance, diff};
use wristcast_core::show::encode::{Encoder, Sender};
use wristcast_core::show::{
    Compression, LevelReader, Numbering, OlaVersion, PcapngOptions, PcapngWriter, ReadOptions,
};
use wristcast_core::time::Time;
use wristcast_core::universe::Universe;
use wristcast_tests::Capture;

use crate::captures::path;
use crate::reading::Reading;

/// Frames of a made-up show: nanoseconds since the last, universe, slots.
type Frames = Vec<(u64, Universe, Vec<u8>)>;

/// What every universe holds at a moment.
type Levels = BTreeMap<Universe, [u8; 512]>;

fn universe(text: &str) -> Universe {
    text.parse().unwrap()
}

fn to(target: Target) -> ConvertOptions {
    let (read, remap, sender) = Default::default();
    ConvertOptions { read, remap, target, sender }
}

fn converted(bytes: &[u8], options: &ConvertOptions) -> (Vec<u8>, Converted) {
    let mut out = Cursor::new(Vec::new());
    let converted = convert(Cursor::new(bytes), &mut out, options).unwrap();
    assert!(converted.error.is_none(), "{:?}", converted.error);
    (out.into_inner(), converted)
}

fn through(bytes: &[u8], targets: &[Target]) -> Vec<u8> {
    targets.iter().fold(bytes.to_vec(), |bytes, target| converted(&bytes, &to(*target)).0)
}

/// What a receiver of the show holds at each of the times, which must ascend.
fn levels_at(bytes: &[u8], read: &ReadOptions, times: &[u64]) -> Vec<Levels> {
    let mut reader = LevelReader::new(Cursor::new(bytes), read).unwrap();
    let (mut now, mut samples) = (Levels::new(), Vec::new());
    while let Some(change) = reader.next_change().unwrap() {
        while samples.len() < times.len() && times[samples.len()] < change.at.as_nanos() {
            samples.push(now.clone());
        }
        now.insert(change.universe, *change.levels);
    }
    samples.resize(times.len(), now);
    samples
}

/// The frames as a console would send them.
fn capture(frames: &Frames) -> Vec<u8> {
    let options = PcapngOptions { epoch_nanos: 1_795_220_382_000_000_000, zstd: false };
    let mut writer = PcapngWriter::new(Vec::new(), options).unwrap();
    writer.add_interface("");
    let mut encoder = Encoder::new(Sender::default());
    let mut at = Time::ZERO;
    for (index, (pause, universe, slots)) in frames.iter().enumerate() {
        at = Time::from_nanos(if index == 0 { 0 } else { at.as_nanos() + pause });
        while let Some(due) = encoder.refresh_due().filter(|due| *due <= at) {
            let datagram = encoder.refresh(due).unwrap();
            writer.datagram(due, &datagram).unwrap();
        }
        let datagram = encoder.levels(at, *universe, slots).unwrap();
        writer.datagram(at, &datagram).unwrap();
    }
    writer.finish(at).unwrap()
}

/// The model: what is held at a time, by the list of frames alone.
fn expected_at(frames: &Frames, time: u64) -> Levels {
    let (mut at, mut levels) = (0, Levels::new());
    for (index, (pause, universe, slots)) in frames.iter().enumerate() {
        at += if index == 0 { 0 } else { *pause };
        if at <= time {
            let held = levels.entry(*universe).or_insert([0; 512]);
            held.fill(0);
            held[..slots.len()].copy_from_slice(slots);
        }
    }
    levels
}

fn frame_times(frames: &Frames) -> Vec<u64> {
    let pauses =
        frames.iter().enumerate().map(|(index, (pause, ..))| if index == 0 { 0 } else { *pause });
    pauses
        .scan(0, |at, pause| {
            *at += pause;
            Some(*at)
        })
        .collect()
}

fn dark(levels: &Levels) -> Levels {
    levels
        .iter()
        .filter(|(_, levels)| levels.iter().any(|&level| level > 0))
        .map(|(u, l)| (*u, *l))
        .collect()
}

fn frames() -> impl Strategy<Value = Frames> {
    let universe = prop::sample::select(vec!["sacn/1", "sacn/2", "sacn/63999", "sacn/300"]);
    // Frames 2 ms apart stay apart when they are rounded to a millisecond.
    let pause = prop_oneof![2_000_000..60_000_000_u64, Just(25_000_000), Just(1_700_000_000)];
    let slots = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(any::<u8>(), 512..=512),
    ];
    let frame = (pause, universe, slots);
    prop::collection::vec(frame, 1..60).prop_map(|frames| {
        frames
            .into_iter()
            .map(|(pause, text, slots)| (pause, text.parse().unwrap(), slots))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_capture_through_ola_and_back_keeps_its_levels(frames in frames(), v2: bool) {
        let bytes = capture(&frames);
        let version = if v2 { OlaVersion::V2 } else { OlaVersion::V1 };
        let back = through(&bytes, &[Target::Ola(version), Target::Pcapng { zstd: v2 }]);
        let times: Vec<u64> = frame_times(&frames).into_iter().map(|at| at + 1_000_000).collect();
        let samples = levels_at(&back, &ReadOptions::default(), &times);
        for (time, sample) in times.iter().zip(samples) {
            prop_assert_eq!(sample, expected_at(&frames, *time));
        }
    }

    #[test]
    fn a_capture_through_fseq_and_back_has_the_levels_of_every_step(
        frames in frames(), step_ms in 5_u8..60, packing in 0..3_usize,
    ) {
        let bytes = capture(&frames);
        let compression = [Compression::None, Compression::Zstd, Compression::Zlib][packing];
        let (fseq, converted) = converted(&bytes, &to(Target::Fseq { step_ms, compression }));
        let step = u64::from(step_ms) * 1_000_000;
        let length = converted.length.as_nanos();
        prop_assert_eq!(length, *frame_times(&frames).last().unwrap());
        let times: Vec<u64> = (0..=length.div_ceil(step)).map(|n| n * step).collect();
        let back = through(&fseq, &[Target::Pcapng { zstd: false }]);
        for file in [fseq, back] {
            let samples = levels_at(&file, &ReadOptions::default(), &times);
            for (time, sample) in times.iter().zip(samples) {
                // A universe that has not been sent yet is dark in FSEQ.
                prop_assert_eq!(dark(&sample), dark(&expected_at(&frames, *time)));
            }
        }
    }

    #[test]
    fn a_capture_through_csv_and_back_keeps_every_nanosecond(frames in frames()) {
        let bytes = capture(&frames);
        let back = through(&bytes, &[Target::Csv, Target::Pcapng { zstd: true }]);
        prop_assert!(compare(&bytes, &back, Tolerance::default()).is_equal());
    }

    #[test]
    fn a_part_of_a_capture_holds_what_the_whole_holds_then(
        frames in frames(), from in 0..2_000_000_000_u64, length in 0..2_000_000_000_u64,
    ) {
        let bytes = capture(&frames);
        let (from, to) = (Time::from_nanos(from), Some(Time::from_nanos(from + length)));
        let read = ReadOptions { from, to, ..ReadOptions::default() };
        let end = *frame_times(&frames).last().unwrap();
        let times: Vec<u64> = frame_times(&frames)
            .into_iter()
            .filter(|at| (from.as_nanos()..from.as_nanos() + length).contains(at))
            .map(|at| at - from.as_nanos())
            .collect();
        let cut = ConvertOptions { read: read.clone(), ..self::to(Target::Pcapng { zstd: false }) };
        let (cut, _) = converted(&bytes, &cut);
        for (file, read) in [(&bytes, &read), (&cut, &ReadOptions::default())] {
            let samples = levels_at(file, read, &times);
            for (time, sample) in times.iter().zip(samples) {
                prop_assert!(end >= from.as_nanos());
                prop_assert_eq!(sample, expected_at(&frames, time + from.as_nanos()));
            }
        }
    }
}

fn compare(first: &[u8], second: &[u8], tolerance: Tolerance) -> Diff {
    let read = ReadOptions::default();
    diff((Cursor::new(first), &read), (Cursor::new(second), &read), tolerance).unwrap()
}

#[test]
fn captures_hold_what_was_sent_when_it_was_sent_in_every_format() {
    let mut checked = 0;
    for name in ["ola_fade_sacn_artnet", "stupidartnet", "npm_sacn", "rustlight_sync"] {
        let bytes = std::fs::read(path(&format!("{name}.pcap"))).unwrap();
        let epoch = Reading::of(&bytes).epoch_nanos.unwrap();
        for protocol in [Numbering::Sacn, Numbering::ArtNet] {
            let read = ReadOptions { numbering: protocol, ..ReadOptions::default() };
            let sent: Vec<(Universe, u64, Vec<u8>)> = Capture::load(name)
                .expected
                .into_iter()
                .map(|expected| {
                    let universe = protocol.universe(u32::from(expected.universe)).unwrap();
                    let slots = expected.slots_if_sync_honoured.unwrap_or(expected.slots);
                    (universe, (expected.time * 1e9) as u64 - epoch, slots)
                })
                .collect();
            let only = sent.iter().map(|(universe, ..)| *universe).collect();
            let remap = Remap { only, ..Remap::default() };
            checked += check(&bytes, &read, &sent, 0, name);
            for target in [
                Target::Pcapng { zstd: true },
                Target::Ola(OlaVersion::V2),
                Target::Csv,
                Target::Fseq { step_ms: 1, compression: Compression::Zstd },
            ] {
                let options = ConvertOptions { remap: remap.clone(), ..to(target) };
                let (file, result) = converted(&bytes, &options);
                if result.written > 1 {
                    // What came before the first levels is not in every format.
                    let begin = match target {
                        Target::Fseq { .. } => 0,
                        Target::Pcapng { .. } => Reading::of(&file).epoch_nanos.unwrap() - epoch,
                        Target::Ola(_) | Target::Csv => lead(&bytes, &remap),
                    };
                    checked += check(&file, &read, &sent, begin, &format!("{name} as {target:?}"));
                }
            }
        }
    }
    assert_eq!(checked, 200);
}

/// When the first of these universes gets its first levels.
fn lead(bytes: &[u8], remap: &Remap) -> u64 {
    let mut reader = LevelReader::new(Cursor::new(bytes), &ReadOptions::default()).unwrap();
    while let Some(change) = reader.next_change().unwrap() {
        if remap.apply(change.universe).is_some() {
            return change.at.as_nanos();
        }
    }
    0
}

/// Compares a file with what was sent; its time zero is `begin` of the capture's.
fn check(
    file: &[u8],
    read: &ReadOptions,
    sent: &[(Universe, u64, Vec<u8>)],
    begin: u64,
    name: &str,
) -> usize {
    let mut checked = 0;
    for (universe, at, slots) in sent {
        if let Some(levels) = levels_at(file, read, &[at - begin])[0].get(universe) {
            assert_eq!(levels[..slots.len()], slots[..], "{name}: {universe} at {at}");
            checked += 1;
        }
    }
    checked
}

#[test]
fn the_recording_of_ola_recorder_holds_what_was_sent() {
    let bytes = std::fs::read(path("ola_recorded.show")).unwrap();
    let expected = wristcast_tests::read_expected(&path("ola_recorded.expected.json"));
    let entries = Reading::sound(&bytes);
    for pair in expected.windows(2) {
        let [first, second] = [&pair[0], &pair[1]].map(|expected| {
            let name = format!("sacn/{}", expected.universe);
            let holds = |entry: &&crate::reading::Entry| {
                entry.frame().1 == name && entry.frame().2.starts_with(&expected.slots)
            };
            let index = entries.iter().position(|entry| holds(&entry)).unwrap();
            (entries[index].at as f64 / 1e9, index as f64)
        });
        // `ola_recorder` cuts up to a millisecond from every wait.
        let (sent, recorded) = (pair[1].time - pair[0].time, second.0 - first.0);
        let frames = second.1 - first.1;
        if pair[0].universe == pair[1].universe {
            let lost = sent - recorded;
            assert!((-0.03..0.001 * frames.abs() + 0.03).contains(&lost), "{sent} {recorded}");
        }
    }
}

#[test]
fn universes_are_renumbered_and_never_two_made_one() {
    let frames = vec![
        (0, universe("sacn/1"), vec![1, 2]),
        (25_000_000, universe("sacn/2"), vec![3, 4]),
        (25_000_000, universe("sacn/7"), vec![5, 6]),
    ];
    let bytes = capture(&frames);
    let remap = Remap {
        only: vec![universe("sacn/1"), universe("sacn/7")],
        map: vec![(universe("sacn/7"), universe("sacn/70"))],
        protocol: Some(Numbering::ArtNet),
    };
    let options = ConvertOptions { remap, ..to(Target::Pcapng { zstd: false }) };
    let (file, _) = converted(&bytes, &options);
    let sample = &levels_at(&file, &ReadOptions::default(), &[100_000_000])[0];
    let universes: Vec<_> = sample.keys().map(Universe::to_string).collect();
    assert_eq!(universes, ["sacn/70", "artnet/0/0/1"]);
    assert_eq!(sample[&universe("sacn/70")][..2], [5, 6]);

    let map = vec![(universe("sacn/2"), universe("sacn/1"))];
    let remap = Remap { map, ..Remap::default() };
    for target in [Target::Csv, Target::Fseq { step_ms: 25, compression: Compression::None }] {
        let options = ConvertOptions { remap: remap.clone(), ..to(target) };
        let error = convert(Cursor::new(&bytes), Cursor::new(Vec::new()), &options).unwrap_err();
        assert!(error.to_string().contains("would both become sacn/1"), "{error}");
    }
}

#[test]
fn a_frame_that_stands_for_minutes_is_repeated_as_consoles_do() {
    let text = "t_ms,universe,ch1\n0,sacn/1,9\n60000,sacn/1,8\n";
    let (file, converted) = converted(text.as_bytes(), &to(Target::Pcapng { zstd: false }));
    assert_eq!(converted.written, 2 + 74);
    let entries = Reading::sound(&file);
    let longest = entries.windows(2).map(|pair| pair[1].at - pair[0].at).max();
    assert_eq!(longest, Some(800_000_000));
    let numbers: Vec<u8> = entries.iter().map(|entry| entry.bytes()[111]).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    assert!(compare(text.as_bytes(), &file, Tolerance::default()).is_equal());
}

#[test]
fn silences_of_weeks_are_refused_where_they_would_be_filled() {
    let text = "t_ms,universe,ch1\n0,sacn/1,9\n1000000000,sacn/1,8\n";
    for target in [
        Target::Pcapng { zstd: false },
        Target::Fseq { step_ms: 25, compression: Compression::Zstd },
    ] {
        let result = convert(Cursor::new(text), Cursor::new(Vec::new()), &to(target));
        let error = result.unwrap_err().to_string();
        assert!(error.contains("nothing happens for 11 days"), "{error}");
    }
    assert!(
        compare(text.as_bytes(), &through(text.as_bytes(), &[Target::Csv]), Tolerance::default())
            .is_equal()
    );
}

#[test]
fn a_damaged_show_is_converted_up_to_the_damage() {
    let mut bytes = std::fs::read(path("npm_sacn.pcap")).unwrap();
    let whole = Reading::sound(&bytes).len();
    let middle = 24 + (16 + 680) * 100;
    bytes[middle + 8..middle + 12].copy_from_slice(&[0xFF; 4]);
    let mut out = Cursor::new(Vec::new());
    let converted =
        convert(Cursor::new(&bytes), &mut out, &to(Target::Pcapng { zstd: false })).unwrap();
    let error = converted.error.unwrap();
    assert_eq!((converted.written, error.records, error.offset), (100, 100, middle as u64));
    assert!(whole > 200);
    assert_eq!(Reading::sound(&out.into_inner()).len(), 100);
}

#[test]
fn a_part_of_a_capture_is_its_own_datagrams_not_new_ones() {
    let bytes = std::fs::read(path("ola_fade_sacn_artnet.pcap")).unwrap();
    let whole = Reading::sound(&bytes);
    let universes: Vec<Universe> = LevelReader::new(Cursor::new(&bytes), &ReadOptions::default())
        .map(|mut levels| {
            while levels.next_change().unwrap().is_some() {}
            levels.universes().map(|(universe, _)| universe).collect()
        })
        .unwrap();
    let (wanted, others) = universes.split_first().expect("a universe");
    assert!(!others.is_empty());
    let remap = Remap { only: vec![*wanted], ..Remap::default() };
    let options = ConvertOptions { remap, ..to(Target::Pcapng { zstd: false }) };
    let (file, part) = converted(&bytes, &options);
    let entries = Reading::sound(&file);
    assert_eq!(part.written, entries.len() as u64);
    assert!(!entries.is_empty() && entries.len() < whole.len());
    assert!(entries.iter().all(|entry| whole.iter().any(|one| one.item == entry.item)));
    let sample = &levels_at(&file, &ReadOptions::default(), &[u64::MAX])[0];
    assert_eq!(sample.keys().collect::<Vec<_>>(), [wanted]);
    assert_eq!(sample[wanted], levels_at(&bytes, &ReadOptions::default(), &[u64::MAX])[0][wanted]);
}
