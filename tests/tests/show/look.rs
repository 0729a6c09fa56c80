//! Shows at a glance and side by side.

use std::io::Cursor;
use std::time::Duration;

use wristcast_core::show::diff::{Tolerance, diff};
use wristcast_core::show::info::info;
use wristcast_core::show::{Format, ReadOptions, Warning};
use wristcast_core::time::Time;

use crate::captures::path;

fn info_of(name: &str) -> wristcast_core::show::info::Info {
    let file = std::fs::File::open(path(name)).unwrap();
    info(file, &ReadOptions::default()).unwrap()
}

#[test]
fn a_capture_at_a_glance() {
    let info = info_of("ola_fade_sacn_artnet.pcap");
    assert_eq!((info.format, info.records), (Format::Pcap, 1328));
    assert!((11_000..11_400).contains(&(info.length.as_nanos() / 1_000_000)), "{}", info.length);
    let names: Vec<_> = info.universes.iter().map(|info| info.universe.to_string()).collect();
    assert_eq!(names, ["sacn/1", "sacn/2", "artnet/0/0/1", "artnet/0/0/2"]);
    for (universe, slots, rate) in [(0, 32, 40), (1, 24, 20), (2, 32, 40), (3, 24, 20)] {
        let info = &info.universes[universe];
        assert_eq!((info.slots, info.sources, info.gaps), (slots, 1, 0), "{}", info.universe);
        let found = info.rate_mhz() / 1000;
        assert!((rate..rate + 6).contains(&found), "{} {found}", info.universe);
        assert!(info.peak.count >= rate && info.peak.count < rate * 2, "{:?}", info.peak);
        assert!(info.strip(40).iter().any(|colour| *colour != [0; 3]));
    }
    let kind = |name| info.kinds.iter().find(|(kind, _)| *kind == name).map(|(_, count)| *count);
    assert_eq!((kind("ArtPoll"), kind("ArtPollReply")), (Some(2), Some(4)));
    assert_eq!(info.kinds.iter().map(|(_, count)| count).sum::<u64>(), 1328);
    // olad tells its Art-Net inputs apart by ArtDmx's Physical.
    assert_eq!(info.sources.len(), 3, "{:?}", info.sources);
    let sacn = info.sources.iter().find(|source| source.priorities.is_some()).unwrap();
    assert_eq!((sacn.priorities, sacn.universes, sacn.missing), (Some((100, 100)), 2, 0));
    assert!(info.warnings.is_empty() && info.error.is_none());
}

#[test]
fn sources_are_told_apart_and_their_gaps_are_found() {
    let info = info_of("rustlight_sync.pcap");
    let kinds: Vec<_> = info.kinds.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["sACN levels", "sACN synchronization", "sACN universe discovery"]);
    assert_eq!(info.sources.len(), 1);
    let info = info_of("npm_sacn.pcap");
    assert_eq!(info.sources[0].priorities, Some((120, 120)));
    assert_eq!(info.sources[0].universes, 1);

    let mut text = "t_ms,universe,ch1,ch2,ch3,ch4,ch5\n".to_owned();
    for at in (0..1000).step_by(100).chain((9000..10_000).step_by(50)) {
        text += &format!("{at},sacn/1,{},0,0,0,200\n", at / 100);
    }
    let info = info_from(&text);
    let universe = &info.universes[0];
    assert_eq!(universe.longest_gap, (Time::from_millis(900), Duration::from_millis(8100)));
    assert_eq!((universe.level, universe.slots, universe.changes), ((200, 5), 5, 20));
    assert_eq!((info.peak.count, info.peak.at), (20, Time::from_millis(9000)));
    assert_eq!(universe.rate_mhz(), 29 * 1_000_000 / 9950);
    let strip = universe.strip(10);
    // Slots 1 and 5 belong to two fixtures, and at first only the second is lit.
    assert!(strip[0][0] < 4 && (100..130).contains(&strip[0][1]), "{strip:?}");
}

fn info_from(text: &str) -> wristcast_core::show::info::Info {
    info(Cursor::new(text), &ReadOptions::default()).unwrap()
}

#[test]
fn a_part_of_a_show_at_a_glance() {
    let from = Time::from_millis(2000);
    let read = ReadOptions { from, to: Some(Time::from_millis(4000)), ..ReadOptions::default() };
    let file = std::fs::File::open(path("npm_sacn.pcap")).unwrap();
    let part = info(file, &read).unwrap();
    let whole = info_of("npm_sacn.pcap");
    assert!(part.length < Time::from_millis(2000) && part.length > Time::from_millis(1900));
    assert_eq!(part.epoch_nanos, whole.epoch_nanos.map(|epoch| epoch + from.as_nanos()));
    assert!(part.records < whole.records / 3);
}

#[test]
fn what_a_damaged_file_lacks_is_told() {
    let bytes = std::fs::read(path("npm_sacn.pcap")).unwrap();
    let info = info(Cursor::new(&bytes[..100_000]), &ReadOptions::default()).unwrap();
    assert_eq!(info.warnings.count(Warning::Truncated), 1);
    assert_eq!(info.records, (100_000 - 24) / 696);
}

fn differences(first: &str, second: &str, tolerance: Tolerance) -> Vec<String> {
    let read = ReadOptions::default();
    let header = "t_ms,universe,ch1\n";
    let [first, second] = [first, second].map(|rows| Cursor::new(format!("{header}{rows}")));
    let found = diff((first, &read), (second, &read), tolerance).unwrap();
    assert_eq!(found.count, found.differences.len() as u64);
    let only =
        |side: usize| found.only[side].iter().map(move |universe| format!("{universe} in {side}"));
    let listed = found.differences.iter().map(|d| {
        let (slot, a, b) = d.worst;
        let millis = |time: Time| time.as_nanos() / 1_000_000;
        format!(
            "{} {}-{} slot {slot}: {a} {b} at {}",
            d.universe,
            millis(d.from),
            millis(d.to),
            millis(d.worst_at)
        )
    });
    listed.chain(only(0)).chain(only(1)).collect()
}

#[test]
fn differences_are_found_by_levels_over_time() {
    let none = Tolerance::default();
    let first = "0,1,5,6\n100,1,7,6\n200,1,5,6\n300,1,5,6\n";
    assert_eq!(differences(first, first, none), [] as [&str; 0]);
    // Repeated, or split over more rows: the same levels.
    assert_eq!(
        differences(first, "0,1,5,6,0\n50,1,5,6\n100,1,7,6\n200,1,5,6\n", none),
        [] as [&str; 0]
    );
    let second = "0,1,5,6\n200,1,5,6\n300,1,5,6\n";
    assert_eq!(differences(first, second, none), ["sacn/1 100-200 slot 1: 7 5 at 100"]);
    let second = "0,1,5,9\n100,1,90,9\n200,1,5,6\n300,1,5,1\n400,2,0\n";
    assert_eq!(
        differences(first, second, none),
        ["sacn/1 0-200 slot 1: 7 90 at 100", "sacn/1 300-400 slot 2: 6 1 at 300", "sacn/2 in 1"]
    );
}

#[test]
fn what_was_dark_before_the_first_light_is_compared_after_it() {
    let none = Tolerance::default();
    let (first, second) =
        ("0,1,0\n50,2,0\n100,1,5\n200,1,9\n300,2,4\n", "0,1,5\n100,1,8\n200,2,3\n");
    assert_eq!(
        differences(first, second, none),
        ["sacn/1 100-200 slot 1: 9 8 at 100", "sacn/2 200-200 slot 1: 4 3 at 200"]
    );
}

#[test]
fn differences_within_the_tolerance_do_not_count() {
    let tolerance = |millis, level| Tolerance { time: Duration::from_millis(millis), level };
    let (first, second) = ("0,1,5\n100,1,7\n", "0,2,0\n50,2,0\n1000,1,5\n1110,1,7\n");
    let dark = "sacn/2 in 1";
    assert_eq!(
        differences(first, second, tolerance(9, 0)),
        ["sacn/1 100-110 slot 1: 7 5 at 100", dark]
    );
    assert_eq!(differences(first, second, tolerance(10, 0)), [dark]);
    assert_eq!(differences(first, second, tolerance(0, 1)).len(), 2);
    assert_eq!(differences(first, second, tolerance(0, 2)), [dark]);
}
