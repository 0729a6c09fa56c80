//! The regression suite: every recorded show of `show-files/recorded` gives the looks it is known to
//! give, to the last byte, whatever the file is packed with and whatever else the machine does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use serde::Deserialize;
use wristcast_core::trace;
use wristcast_tests::recorded::{RECORDINGS, RecordedShow, repacked};

fn assert_expected(show: &RecordedShow, trace: &str, how: &str) {
    if let Some(difference) = trace::compare(&show.expected, trace) {
        panic!(
            "{name}, {how}: {difference}\nIf the new light is what is wanted, decide so: \
             wristcast replay --bless show-files/recorded/{name}",
            name = show.name
        );
    }
}

#[test]
fn every_recorded_show_gives_the_light_that_is_expected_of_it() {
    let shows = RecordedShow::all();
    assert!(shows.len() >= 7, "{}", shows.len());
    for show in &shows {
        assert!(show.recording.len() < 100_000, "{} is large", show.name);
        let (trace, replayed) = show.replay(&show.recording);
        assert_expected(show, &trace, "as recorded");
        assert!(replayed.warnings.is_empty(), "{}: {}", show.name, replayed.warnings);
        assert_eq!(replayed.looks, show.expected.lines().count() as u64, "{}", show.name);
    }
}

#[test]
fn a_copy_packed_another_way_gives_the_same_light() {
    for show in RecordedShow::all() {
        for (zstd, how) in [(false, "unpacked"), (true, "packed anew")] {
            let copy = repacked(Cursor::new(&show.recording), zstd);
            assert_expected(&show, &show.replay(&copy).0, how);
        }
    }
}

#[test]
fn shows_replayed_beside_each_other_do_not_meet() {
    let shows = RecordedShow::all();
    std::thread::scope(|threads| {
        // More threads than any of our machines has cores, each in an order of its own.
        for first in 0..shows.len() {
            let shows = &shows;
            threads.spawn(move || {
                for show in shows[first..].iter().chain(&shows[..first]) {
                    let trace = show.replay(&show.recording).0;
                    assert_expected(show, &trace, "beside others");
                }
            });
        }
    });
}

#[test]
fn recordings_can_be_made_again() {
    for show in RecordedShow::all() {
        let Some(recording) = RECORDINGS.iter().find(|known| known.name == show.name) else {
            continue; // a capture of its own
        };
        // How well it is packed may change with the packer.
        let unpacked = |bytes: &[u8]| repacked(Cursor::new(bytes), false);
        let same = unpacked(&recording.make()) == unpacked(&show.recording);
        assert!(same, "{}: run the example make_recorded_shows", show.name);
    }
    let names: BTreeSet<_> = RecordedShow::all().into_iter().map(|show| show.name).collect();
    assert!(RECORDINGS.iter().all(|recording| names.contains(recording.name)));
}

/// A line of a trace.
#[derive(Debug, Deserialize)]
struct Line {
    t_ns: u64,
    group: String,
    red: u8,
    green: u8,
    blue: u8,
    dimmer: u8,
    strobe_hz: f64,
    fade_ms: u64,
}

impl Line {
    fn seconds(&self) -> f64 {
        self.t_ns as f64 / 1e9
    }

    fn rgb(&self) -> [u8; 3] {
        [self.red, self.green, self.blue]
    }
}

fn show(name: &str) -> RecordedShow {
    RecordedShow::all().into_iter().find(|show| show.name == name).expect("a recorded show")
}

/// The lines that a show is expected to give, of groups whose names begin so.
fn lines(name: &str, group: &str) -> Vec<Line> {
    let expected = show(name).expected;
    let lines = expected.lines().map(|line| serde_json::from_str::<Line>(line).expect("a line"));
    lines.filter(|line| line.group.starts_with(group)).collect()
}

#[test]
fn the_theatre_fades_by_single_steps_and_the_aisle_by_itself() {
    let stalls = lines("theatre-fades", "stalls");
    let dawn: Vec<_> = stalls.iter().filter(|line| (6.5..13.9).contains(&line.seconds())).collect();
    assert!(dawn.len() > 100);
    for pair in dawn.windows(2) {
        assert!(pair[1].dimmer - pair[0].dimmer <= 1, "{pair:?}");
        assert!(pair[1].red == 255 && pair[1].green <= pair[0].green, "{pair:?}");
    }
    let aisle: Vec<u64> = lines("theatre-fades", "aisle").iter().map(|line| line.fade_ms).collect();
    assert_eq!(aisle, [0, 2550, 2550, 0, 2550, 0], "one look a cue, and dark when it is over");
}

#[test]
fn the_chase_lights_one_group_a_frame() {
    let lit = lines("chase-44hz", "").into_iter().filter(|line| line.rgb() == [255; 3]);
    let lit: Vec<Line> = lit.collect();
    assert_eq!(lit.len(), 220);
    for (frame, line) in lit.iter().enumerate() {
        let side = if frame % 16 < 8 { "left" } else { "right" };
        assert_eq!(line.group, format!("{side}-{}", frame % 8 + 1));
        assert!((line.seconds() - frame as f64 / 44.0).abs() < 0.001, "{line:?}");
    }
}

#[test]
fn strobes_of_the_console_and_of_the_bands_are_seen_and_never_frozen() {
    let flashes = lines("strobe", "flashed").into_iter().map(|line| line.dimmer);
    let flashes: Vec<u8> = flashes.collect();
    assert_eq!(flashes.iter().filter(|dimmer| **dimmer == 255).count(), 12);
    assert!(flashes[..23].windows(2).all(|pair| pair[0] != pair[1]));
    let strobing = lines("strobe", "strobing");
    let speeds: Vec<f64> = strobing.iter().map(|line| line.strobe_hz).collect();
    assert!(speeds[1..speeds.len() - 2].windows(2).all(|pair| pair[0] < pair[1]), "{speeds:?}");
    assert!(speeds.contains(&22.9));
    assert_eq!(speeds[speeds.len() - 2..], [0.0, 0.0], "open when the signal is lost");
}

#[test]
fn the_backup_takes_over_and_gives_back() {
    const MAIN: [u8; 3] = [255, 0, 0];
    const BACKUP: [u8; 3] = [255, 150, 0];
    let mut owners: Vec<([u8; 3], f64)> = Vec::new();
    for line in lines("failover", "crowd") {
        if owners.last().is_none_or(|(rgb, _)| *rgb != line.rgb()) {
            owners.push((line.rgb(), line.seconds()));
        }
    }
    let colours: Vec<_> = owners.iter().map(|owner| owner.0).collect();
    assert_eq!(colours, [MAIN, BACKUP, MAIN, BACKUP, [0; 3]]);
    // The sampling period; 2.5 s after the last packet; at once; at the farewells.
    for ((_, at), expected) in owners.iter().zip([1.5, 6.45, 9.0, 12.0, 15.0]) {
        assert!((at - expected).abs() < 0.001, "{owners:?}");
    }
}

#[test]
fn synchronised_groups_change_in_the_same_instant() {
    let mut moments: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    let all = lines("synchronised", "");
    for line in &all {
        moments.entry(line.t_ns).or_default().insert(line.group.clone());
    }
    // The first levels come before the source is known to be synchronised.
    let whole = moments.values().filter(|groups| groups.len() == 4).count();
    assert!(whole * 4 >= all.len() - 16, "{whole} of {}", moments.len());
    let (_, replayed) = show("synchronised").replay(&show("synchronised").recording);
    assert!(replayed.counters.held > 300, "{:?}", replayed.counters);
}

#[test]
fn both_protocols_show_the_same_fade_in_the_same_millisecond() {
    let looks = |group| -> Vec<_> {
        let lines = lines("olad-both-protocols", group);
        lines.iter().filter(|line| line.dimmer == 255).map(|l| (l.rgb(), l.seconds())).collect()
    };
    let (sacn, artnet) = (looks("by-sacn"), looks("by-artnet"));
    assert!(sacn.len() > 200 && sacn.len().abs_diff(artnet.len()) <= 1);
    let met = sacn.iter().filter(|(rgb, at)| {
        artnet.iter().any(|(other, when)| rgb == other && (at - when).abs() < 0.001)
    });
    assert!(met.count() > 200);
    let both = lines("olad-both-protocols", "by-both");
    assert!(both.iter().any(|line| line.dimmer != 255 && line.rgb() != [0; 3]));
}

#[test]
fn the_scene_of_qlcplus_arrives_whole() {
    let last = |group| lines("qlcplus-scene", group).into_iter().rfind(|line| line.dimmer > 0);
    assert_eq!(last("artnet").expect("a look").rgb(), [255, 128, 64]);
    assert_eq!(last("sacn").expect("a look").rgb(), [11, 22, 33]);
    let fade = lines("qlcplus-scene", "artnet");
    assert!(fade.len() > 80, "a fade of two seconds");
    assert!(fade.is_sorted_by_key(|line| line.red));
}
