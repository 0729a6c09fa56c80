//! What becomes of an adapter and its links.

use std::time::Duration;

use proptest::prelude::*;

use super::super::command::{Report, Trouble};
use super::super::*;
use super::stage::{MS, SECOND, Stage, number};
use crate::radio::Token;

#[test]
fn all_bands_are_heard_in_one_scan_and_connected_one_after_another() {
    let mut stage = Stage::new(8);
    stage.run_until_lit(3 * SECOND);
    assert_eq!(stage.stack.scans.len(), 1);
    assert!(stage.stack.bands.iter().all(|band| band.connects == 1));
    assert_eq!(stage.ready, 1);
    assert!(stage.faults.is_empty());
    // Nothing more to find: the air belongs to the links.
    stage.run(60 * SECOND);
    assert_eq!(stage.stack.scans.len(), 1);
}

#[test]
fn a_radio_that_rests_lets_go_of_every_band_and_finds_them_again_when_it_drives() {
    let mut stage = Stage::new(4);
    stage.run_until_lit(3 * SECOND);
    // A write that never ends does not hold on to its band.
    stage.stack.bands[3].write_time = None;
    stage.newest = 1;
    stage.run(50 * MS);
    assert!(!stage.central.has_let_go());
    stage.central.rest(stage.now, true);
    stage.run(SECOND);
    assert!(stage.central.has_let_go() && stage.stack.bands.iter().all(|band| !band.connected));
    let scans = stage.stack.scans.len();
    stage.run(60 * SECOND);
    assert_eq!(stage.stack.scans.len(), scans, "the air is the other relay's");
    stage.stack.bands[3].write_time = Some(3 * MS);
    stage.newest = 2;
    stage.central.rest(stage.now, false);
    stage.central.handle_timeout(stage.now);
    let lit = stage.run_until_lit(3 * SECOND);
    assert!(lit < 2 * SECOND, "{lit:?}");
}

#[test]
fn a_radio_that_rests_hangs_up_on_bands_that_a_process_before_it_left_connected() {
    let mut stage = Stage::new(2);
    stage.central.rest(stage.now, true);
    stage.run(50 * MS);
    stage.stack.bands[1].connected = true;
    stage.stack.due.push((stage.now + MS, Report::Heard(LinkId(1)), None));
    stage.run(10 * MS);
    assert!(!stage.stack.bands[1].connected && !stage.central.has_let_go());
    stage.run(SECOND);
    assert!(stage.central.has_let_go() && stage.up.iter().all(|up| !up));
}

#[test]
fn a_radio_that_is_to_rest_while_it_connects_or_scans_takes_no_band() {
    for wait in 0..60 {
        let mut stage = Stage::new(3);
        stage.run(10 * wait * MS);
        stage.central.rest(stage.now, true);
        stage.run(20 * SECOND);
        assert!(stage.central.has_let_go() && stage.up.iter().all(|up| !up), "{wait}");
        assert!(!stage.stack.scanning);
    }
}

#[test]
fn a_band_heard_before_the_scan_is_said_to_run_is_connected_without_delay() {
    let mut stage = Stage::new(1);
    stage.run(6 * MS);
    stage.stack.due.clear();
    stage.stack.due.push((stage.now + 10 * MS, Report::Heard(LinkId(0)), None));
    stage.stack.due.push((stage.now + 20 * MS, Report::Scanning(Ok(())), None));
    let lit = stage.run_until_lit(SECOND);
    assert!(lit < 300 * MS, "{lit:?}");
}

#[test]
fn looks_that_come_while_a_write_is_under_way_are_replaced_by_newer_ones() {
    let mut stage = Stage::new(1);
    stage.run_until_lit(3 * SECOND);
    stage.stack.bands[0].got.clear();
    stage.stack.bands[0].write_time = Some(100 * MS);
    for look in 1..=30 {
        stage.newest = look;
        stage.run(10 * MS);
    }
    stage.run(200 * MS);
    let got: Vec<u32> = stage.stack.bands[0].got.iter().map(|(look, _)| *look).collect();
    assert_eq!(got, [1, 11, 21, 30]);
}

#[test]
fn the_first_and_every_fourth_write_is_acknowledged_and_so_are_those_that_must_not_be_missed() {
    let mut stage = Stage::new(1);
    stage.run_until_lit(3 * SECOND);
    stage.stack.bands[0].got.clear();
    for look in 1..=7 {
        stage.newest = look;
        stage.run(10 * MS);
    }
    stage.class = Class::Panic;
    for look in 8..=9 {
        stage.newest = look;
        stage.run(10 * MS);
    }
    // The first went out when the band came up, and was acknowledged.
    let asked: Vec<u32> = stage.stack.bands[0]
        .got
        .iter()
        .filter(|(_, asked)| *asked)
        .map(|(look, _)| *look)
        .collect();
    assert_eq!(asked, [4, 8, 9]);
}

#[test]
fn a_band_that_is_off_does_not_hold_up_the_others() {
    let mut stage = Stage::new(4);
    stage.stack.bands[0].on = false;
    stage.run_until_lit(7 * SECOND);
    assert_eq!(stage.stack.bands[0].connects, 0);
    assert!(stage.last_words(0).contains("switched on and near"));
    // It is looked for in slices of 2 s with pauses that grow to 8 s.
    stage.run(20 * SECOND);
    let before = stage.stack.scans.len();
    stage.run(90 * SECOND);
    let slices = &stage.stack.scans[before..];
    assert!((9..=10).contains(&slices.len()), "{slices:?}");
    let scanned: Duration =
        slices.iter().filter_map(|(start, end)| end.map(|end| end.since(*start))).sum();
    assert!(scanned <= 20 * SECOND, "{scanned:?}");
}

#[test]
fn a_band_that_was_switched_off_and_on_comes_back_with_the_newest_look() {
    let mut stage = Stage::new(2);
    stage.run_until_lit(3 * SECOND);
    stage.run(20 * SECOND);
    stage.switch(1, false);
    stage.run(5 * SECOND);
    assert_eq!(stage.up, [true, false]);
    assert!(stage.last_words(1).contains("connection lost"));
    stage.newest = 7;
    stage.run(SECOND);
    stage.stack.bands[1].got.clear();
    stage.switch(1, true);
    stage.run_until_lit(9 * SECOND);
    assert_eq!(stage.stack.bands[1].got, [(7, true)], "the first is acknowledged");
}

#[test]
fn a_band_that_never_answers_ends_its_attempt_and_is_tried_less_and_less_often() {
    let mut stage = Stage::new(2);
    stage.stack.bands[0].connect_time = Duration::from_secs(3_600);
    stage.run(12 * SECOND);
    assert_eq!(stage.up, [false, true]);
    assert!(stage.last_words(0).contains("did not connect within 10 s"));
    let tries = |stage: &Stage| stage.downs.iter().filter(|(link, _)| *link == LinkId(0)).count();
    let before = tries(&stage);
    stage.run(300 * SECOND);
    let tries = tries(&stage) - before;
    assert!((8..=16).contains(&tries), "{tries}");
}

#[test]
fn a_band_of_another_kind_is_told_and_rarely_tried_again() {
    let mut stage = Stage::new(2);
    stage.stack.bands[0].refuses = Some(Trouble::lasting("it has no characteristic fff3"));
    stage.run(29 * SECOND);
    assert_eq!(stage.up, [false, true]);
    let told = stage.downs.iter().filter(|(_, words)| words.contains("no characteristic")).count();
    assert_eq!(told, 1);
    // Nobody is missing that a scan could find.
    assert_eq!(stage.stack.scans.len(), 1);
    stage.stack.bands[0].refuses = None;
    stage.run_until_lit(5 * SECOND);
}

#[test]
fn a_write_that_does_not_end_ends_the_connection_and_is_not_repeated() {
    let mut stage = Stage::new(2);
    stage.run_until_lit(3 * SECOND);
    stage.stack.bands[0].write_time = None;
    stage.stack.bands[0].got.clear();
    stage.newest = 1;
    stage.run(4 * SECOND);
    stage.newest = 2;
    stage.run(500 * MS);
    assert_eq!(stage.stack.bands[0].got, [(1, false)]);
    assert_eq!(stage.stack.bands[1].got.last(), Some(&(2, false)));
    stage.stack.bands[0].write_time = Some(MS);
    stage.run_until_lit(9 * SECOND);
    assert!(stage.last_words(0).contains("took no frame for 5 s"));
    assert_eq!(stage.stack.bands[0].got, [(1, false), (2, true)]);
}

#[test]
fn a_band_that_never_takes_a_frame_may_want_to_be_paired_and_that_is_said() {
    let mut stage = Stage::new(2);
    stage.stack.bands[0].write_time = None;
    stage.run(8 * SECOND);
    assert!(stage.last_words(0).contains("may want to be paired"), "{}", stage.last_words(0));
    assert!(stage.up[1], "the other does not mind");
}

#[test]
fn a_connection_that_breaks_in_the_middle_of_a_write_comes_back() {
    let mut stage = Stage::new(1);
    stage.run_until_lit(3 * SECOND);
    stage.stack.bands[0].write_time = None;
    stage.newest = 1;
    stage.run(MS);
    stage.switch(0, false);
    stage.run(SECOND);
    assert_eq!(stage.up, [false]);
    stage.stack.bands[0].write_time = Some(MS);
    stage.switch(0, true);
    stage.run_until_lit(9 * SECOND);
}

#[test]
fn no_more_bands_are_connected_than_the_limit_and_the_rest_are_told() {
    let mut stage = Stage::with_limit(3, Some(2));
    stage.run(20 * SECOND);
    assert_eq!(stage.up, [true, true, false]);
    assert!(stage.last_words(2).contains("2 of 2 are in use"));
    let told = stage.downs.iter().filter(|(link, _)| *link == LinkId(2)).count();
    assert_eq!(told, 2);
    assert_eq!(stage.stack.scans.len(), 1);
    // One goes, the next takes its place.
    stage.switch(0, false);
    stage.run(10 * SECOND);
    assert_eq!(stage.up, [false, true, true]);
}

#[test]
fn without_an_adapter_it_is_said_once_and_tried_for_ever() {
    let mut stage = Stage::new(1);
    stage.stack.adapter = Some(Trouble::lasting("no Bluetooth adapter: plug one in"));
    stage.run(120 * SECOND);
    assert_eq!(stage.faults, ["no Bluetooth adapter: plug one in"]);
    assert!((24..=30).contains(&stage.stack.opens), "{}", stage.stack.opens);
    stage.stack.adapter = None;
    stage.run_until_lit(20 * SECOND);
    assert_eq!(stage.ready, 1);
}

#[test]
fn an_adapter_that_is_unplugged_in_the_middle_of_anything_comes_back() {
    for after in [0, 3, 50, 150, 400, 420, 700, 5_000] {
        let mut stage = Stage::new(3);
        stage.run(after * MS);
        stage.unplug("no Bluetooth adapter: plug one in");
        stage.run(SECOND);
        assert_eq!(stage.up, [false; 3]);
        assert!(after == 0 || stage.last_words(0).contains("no Bluetooth adapter"), "{after}");
        stage.stack.adapter = None;
        stage.newest = 5;
        stage.run_until_lit(9 * SECOND);
    }
}

#[test]
fn a_scan_that_cannot_be_started_is_a_fault_that_passes() {
    let mut stage = Stage::new(1);
    stage.run(6 * MS);
    // The answer to the scan that was just asked for.
    let asked = stage.stack.due.iter_mut().find(|(_, r, _)| matches!(r, Report::Scanning(_)));
    asked.unwrap().1 = Report::Scanning(Err(Trouble::lasting("switched off")));
    stage.stack.due.retain(|(_, report, _)| !matches!(report, Report::Heard(_)));
    stage.stack.scanning = false;
    stage.run(SECOND);
    assert_eq!(stage.faults, ["switched off"]);
    stage.run_until_lit(9 * SECOND);
    assert_eq!(stage.ready, 2);
}

#[test]
fn a_frame_for_a_link_that_is_down_or_busy_is_lost() {
    let mut central = Central::new(&[Acknowledge::Never], Some(8));
    central.send(Time::ZERO, LinkId(0), Token(1), Class::Snap, number(1));
    let lost = RadioEvent::Lost { link: LinkId(0), token: Token(1) };
    assert_eq!(central.poll_event(), Some(lost));
    assert_eq!(central.poll_command(), None);
}

#[test]
fn a_write_is_completed_by_its_own_answer_and_by_no_other() {
    let mut stage = Stage::new(1);
    stage.run(3 * SECOND);
    stage.stack.bands[0].write_time = None;
    stage.newest = 1;
    stage.run(MS);
    let (Token(waits), _) = stage.flight[0].unwrap();
    for token in [Token(waits - 1), Token(waits + 1)] {
        stage.central.handle_report(stage.now, Report::Written(LinkId(0), token));
        let failed = Report::WriteFailed(LinkId(0), token, Trouble::passing("not ours"));
        stage.central.handle_report(stage.now, failed);
    }
    // The stage would object to a completion of what it did not ask for.
    stage.run(SECOND);
    assert_eq!(stage.flight[0].map(|(token, _)| token), Some(Token(waits)));
    assert_eq!(stage.up, [true]);
    stage.central.handle_report(stage.now, Report::Written(LinkId(0), Token(waits)));
    stage.run(MS);
    assert_eq!(stage.sent, [Some(1)]);
}

#[test]
fn nobody_is_looked_for_while_no_connection_is_free() {
    let mut stage = Stage::with_limit(3, Some(2));
    stage.run(20 * SECOND);
    assert_eq!(stage.up, [true, true, false]);
    let scans = stage.stack.scans.len();
    stage.run(300 * SECOND);
    assert_eq!(stage.stack.scans.len(), scans);
    stage.switch(1, false);
    stage.run(3 * SECOND);
    assert_eq!(stage.up, [true, false, true]);
    assert!(stage.stack.scans.len() > scans);
}

#[test]
fn a_band_is_told_each_time_that_there_is_no_connection_for_it_and_when_that_is_over() {
    let mut stage = Stage::with_limit(3, Some(2));
    stage.stack.bands[2].on = false;
    let told = |stage: &Stage| stage.last_words(2).to_owned();
    stage.run(20 * SECOND);
    assert!(told(&stage).contains("2 of 2 are in use"), "{}", told(&stage));
    stage.switch(0, false);
    stage.run(5 * SECOND);
    assert!(told(&stage).contains("switched on and near"), "{}", told(&stage));
    stage.switch(0, true);
    stage.run(20 * SECOND);
    assert_eq!(stage.up, [true, true, false]);
    assert!(told(&stage).contains("2 of 2 are in use"), "{}", told(&stage));
}

#[test]
fn a_band_heard_long_ago_is_heard_again_before_it_is_connected() {
    let mut stage = Stage::with_limit(2, Some(1));
    stage.run(SECOND);
    assert_eq!(stage.up, [true, false], "the other was heard, too");
    stage.stack.bands[1].on = false;
    stage.run(60 * SECOND);
    // Its turn comes, but it has been off for a minute: asking for it would take 10 s in vain.
    stage.switch(0, false);
    stage.run(8 * SECOND);
    assert_eq!(stage.stack.connecting, None);
    assert!(!stage.last_words(1).contains("did not connect"), "{}", stage.last_words(1));
    stage.switch(0, true);
    stage.run_until_lit(10 * SECOND);
}

#[test]
fn a_connection_that_is_lost_brings_the_next_scan_forward() {
    let mut stage = Stage::new(2);
    stage.stack.bands[0].on = false;
    stage.run(60 * SECOND);
    // Long pauses between the slices by now. One has just ended.
    let slices = stage.stack.scans.len();
    while stage.stack.scans.len() == slices || stage.stack.scanning {
        stage.run(10 * MS);
    }
    stage.run(100 * MS);
    stage.switch(1, false);
    stage.run(500 * MS);
    stage.switch(1, true);
    assert!(stage.run_until_lit(9 * SECOND) < 2 * SECOND);
}

#[test]
fn an_adapter_is_asked_for_more_connections_than_usual_until_it_refuses() {
    let mut stage = Stage::with_limit(12, None);
    stage.stack.connections_max = 10;
    stage.run(60 * SECOND);
    assert_eq!(stage.up.iter().filter(|up| **up).count(), 10);
    for link in [10, 11] {
        assert!(
            stage.last_words(link).contains("the adapter takes 10"),
            "{}",
            stage.last_words(link)
        );
    }
    let refused = stage.stack.refused;
    assert_eq!(refused, 1, "once is enough for minutes");
    stage.run(200 * SECOND);
    assert_eq!(stage.stack.refused, refused);
    // Another program has let go of its own: it is found in the end.
    stage.stack.connections_max = 12;
    stage.run_until_lit(360 * SECOND);
}

#[test]
fn an_adapter_that_takes_fewer_than_usual_is_found_out_at_once() {
    let mut stage = Stage::with_limit(6, None);
    stage.stack.connections_max = 3;
    stage.run(30 * SECOND);
    assert_eq!(stage.up.iter().filter(|up| **up).count(), 3);
    assert_eq!(stage.stack.refused, 1);
    assert!(stage.last_words(5).contains("the adapter takes 3"), "{}", stage.last_words(5));
}

proptest! {
    /// Whatever bands and adapters do, in the end every band that is on shows the newest look, and
    /// at no time is the stack told two things at once (the stack objects).
    #[test]
    fn the_end_is_always_light(
        limit in 3..5usize,
        happenings in prop::collection::vec((0..3usize, 0..7u8, 1..4_000u32), 1..25),
    ) {
        let mut stage = Stage::with_limit(3, Some(limit));
        for (link, what, millis) in happenings {
            match what {
                0 => stage.switch(link, false),
                1 => stage.switch(link, true),
                2 => stage.stack.bands[link].write_time = None,
                3 => stage.stack.bands[link].write_time = Some(40 * MS),
                4 => stage.stack.bands[link].connect_time = Duration::from_millis(millis.into()),
                5 => stage.unplug("unplugged"),
                _ => stage.stack.adapter = None,
            }
            stage.newest += 1;
            stage.run(Duration::from_millis(millis.into()));
        }
        stage.stack.adapter = None;
        for link in 0..3 {
            stage.switch(link, true);
            stage.stack.bands[link].write_time = Some(MS);
            stage.stack.bands[link].connect_time = 200 * MS;
        }
        stage.newest += 1;
        stage.run_until_lit(60 * SECOND);
    }
}
