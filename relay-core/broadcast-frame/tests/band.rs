//! What a band does with what it hears.

mod sender;

use proptest::prelude::*;
use sender::{BLUE, GREEN, RED, Sender, band, faded, strobing};
use wristcast_broadcast_frame::{
    FallBack, FallBackTo, Header, Heard, Ignored, Look, RESYNC_AFTER_MS,
};

const DARK: [u8; 4] = [0; 4];

#[test]
fn all_bands_show_a_look_at_the_same_moment_whichever_copy_they_heard() {
    let sender = Sender::new(1_000_000);
    let copies: Vec<_> = (0..4).map(|n| sender.frame_at(1_000 + n * 20, 1_080, &[RED])).collect();
    // Bands with clocks of their own, each of which hears one copy alone.
    for (n, copy) in copies.iter().enumerate() {
        let mut band = band(0);
        let local = |ms: u32| ms.wrapping_add(u32::MAX - 500 * n as u32);
        assert_eq!(band.frame(local(1_000 + n as u32 * 20), copy), Heard::New);
        assert_eq!(band.light(local(1_079)), DARK);
        assert_eq!(band.light(local(1_080)), RED.levels, "copy {n}");
    }
}

#[test]
fn a_copy_that_comes_too_late_is_shown_at_once_and_joins_the_fade() {
    let sender = Sender::new(0);
    let mut late = band(0);
    let mut in_time = band(0);
    let dark = sender.frame_at(0, 0, &[Look::DARK]);
    in_time.frame(0, &dark);
    late.frame(0, &dark);
    let copy = sender.frame_at(10, 50, &[faded(RED, 100)]);
    in_time.frame(10, &copy);
    late.frame(300, &copy);
    for (now, red) in [(300, 64), (550, 128), (900, 217), (1_050, 255), (2_000, 255)] {
        assert_eq!([late.light(now), in_time.light(now)], [[red, 0, 0, 0]; 2], "at {now}");
    }
}

#[test]
fn a_frame_heard_again_does_not_begin_its_fade_again() {
    let sender = Sender::new(0);
    let mut band = band(0);
    let frame = sender.frame_at(0, 0, &[faded(RED, 100)]);
    assert_eq!(band.frame(0, &frame), Heard::New);
    assert_eq!(band.frame(500, &frame), Heard::Known);
    // The sender says it again, in a newer frame; and what is left of it, in a keyframe.
    assert_eq!(band.frame(510, &sender.frame_at(510, 0, &[faded(RED, 100)])), Heard::Known);
    assert_eq!(band.frame(600, &sender.keyframe_at(600, &[faded(RED, 40)])), Heard::Known);
    assert_eq!(band.light(1_000), RED.levels);
}

#[test]
fn a_band_switched_on_in_the_middle_of_a_show_takes_the_first_keyframe() {
    let sender = Sender::new(0);
    let mut band = band(2);
    assert_eq!(band.light(70), DARK);
    assert_eq!(band.frame(77, &sender.keyframe_at(60_000, &[RED, GREEN, BLUE])), Heard::New);
    assert_eq!(band.light(77), BLUE.levels);
    assert_eq!(band.show_clock(100), Some(60_023));
}

#[test]
fn a_late_copy_of_an_older_look_does_not_come_back() {
    let sender = Sender::new(0);
    let mut band = band(0);
    let old = sender.frame_at(0, 0, &[RED]);
    let new = sender.frame_at(20, 0, &[BLUE]);
    band.frame(20, &new);
    assert_eq!(band.frame(25, &old), Heard::Known);
    assert_eq!(band.light(30), BLUE.levels);
}

#[test]
fn looks_that_follow_fast_all_wait_for_their_time() {
    let sender = Sender::new(0);
    let mut band = band(0);
    let look = |n: u32| Look { levels: [n as u8 + 1, 0, 0, 0], ..Look::DARK };
    for n in 0..4 {
        band.frame(n * 23, &sender.frame_at(n * 23, n * 23 + 100, &[look(n)]));
    }
    for n in 0..4 {
        assert_eq!(band.light(n * 23 + 99)[0], n as u8, "before look {n}");
        assert_eq!(band.light(n * 23 + 100)[0], n as u8 + 1);
    }
}

#[test]
fn more_looks_than_a_band_has_room_for_cost_steps_but_not_the_last() {
    let sender = Sender::new(0);
    let mut band = band(0);
    for n in 0..20 {
        let look = Look { levels: [n as u8 + 1, 0, 0, 0], ..Look::DARK };
        band.frame(n * 10, &sender.frame_at(n * 10, 500 + n * 10, &[look]));
    }
    assert_eq!(band.light(500)[0], 1);
    assert_eq!(band.light(2_000)[0], 20);
}

#[test]
fn a_look_taken_back_before_its_time_is_not_shown() {
    let sender = Sender::new(0);
    let mut band = band(0);
    band.frame(0, &sender.frame_at(0, 0, &[RED]));
    band.frame(10, &sender.frame_at(10, 100, &[BLUE]));
    assert_eq!(band.frame(20, &sender.frame_at(20, 100, &[RED])), Heard::New);
    assert_eq!(band.light(150), RED.levels);
}

#[test]
fn panic_is_shown_at_once_and_forgets_what_was_to_come() {
    let sender = Sender::new(0);
    let mut band = band(0);
    band.frame(0, &sender.frame_at(0, 0, &[RED]));
    band.frame(10, &sender.frame_at(10, 500, &[BLUE]));
    let header = Header { panic: true, ..sender.header(20, 500) };
    let panic = sender.encode(&header, &[faded(Look::DARK, 255)]);
    assert_eq!(band.frame(20, &panic), Heard::New);
    assert_eq!(band.light(20), DARK);
    assert_eq!(band.light(600), DARK);
    assert_eq!(band.frame(700, &sender.frame_at(700, 0, &[RED])), Heard::New, "the show goes on");
    assert_eq!(band.light(700), RED.levels);
}

#[test]
fn only_the_look_of_its_own_group_counts() {
    let sender = Sender::new(0);
    let mut band = band(7);
    let header = Header { base: 6, ..sender.header(0, 0) };
    band.frame(0, &sender.encode(&header, &[RED, GREEN, BLUE]));
    assert_eq!(band.light(0), GREEN.levels);
    let others = Header { base: 0, ..sender.header(10, 0) };
    assert_eq!(band.frame(10, &sender.encode(&others, &[RED; 7])), Heard::Known);
    assert_eq!(band.light(10), GREEN.levels);
    band.set_group(6);
    assert_eq!(band.light(10), GREEN.levels, "until it hears of its new group");
    band.frame(20, &sender.encode(&Header { base: 6, ..sender.header(20, 0) }, &[RED, GREEN]));
    assert_eq!(band.light(20), RED.levels);
}

#[test]
fn strobes_of_all_bands_keep_one_beat() {
    let sender = Sender::new(12_345);
    let frame = sender.frame_at(0, 0, &[strobing(RED, 100)]);
    let again = sender.keyframe_at(730, &[strobing(RED, 100)]);
    let (mut early, mut late) = (band(0), band(0));
    early.frame(50, &frame);
    late.frame(1_730, &again);
    let mut edges = 0;
    let mut before = early.light(1_000);
    for ms in 1_000..2_000 {
        assert_eq!(early.light(ms + 50), late.light(ms + 1_000), "{ms}");
        edges += u32::from(early.light(ms + 50) != before);
        before = early.light(ms + 50);
    }
    assert!((19..=21).contains(&edges), "10 Hz, two edges each: {edges}");
}

#[test]
fn a_band_follows_the_frame_that_was_on_its_way_for_the_shortest_time() {
    let sender = Sender::new(0);
    let mut band = band(0);
    band.frame(140, &sender.keyframe_at(100, &[RED]));
    assert_eq!(band.show_clock(140), Some(100));
    band.frame(205, &sender.keyframe_at(200, &[RED]));
    assert_eq!(band.show_clock(205), Some(200));
    band.frame(390, &sender.keyframe_at(300, &[RED]));
    assert_eq!(band.show_clock(390), Some(385), "a slow one changes nothing");
}

#[test]
fn a_band_whose_crystal_is_fast_stays_with_the_show() {
    let sender = Sender::new(0);
    let mut band = band(0);
    // 80 ppm fast, frames 3 to 23 ms on their way, for an hour.
    for n in 0..18_000u64 {
        let way = 3 + (n * 7) % 21;
        let show = n * 200;
        let local = show + way + show * 80 / 1_000_000;
        band.frame(local as u32, &sender.keyframe_at(show as u32, &[RED]));
    }
    let show = 18_000 * 200u64;
    let behind =
        show as i64 - i64::from(band.show_clock((show + show * 80 / 1_000_000) as u32).unwrap());
    assert!((0..=8).contains(&behind), "{behind} ms behind");
}

#[test]
fn times_a_little_out_of_order_move_no_clock_and_are_no_silence() {
    let mut sender = Sender::new(0);
    sender.fall_back = FallBack::after_ms(FallBackTo::Black, 500);
    for start in [1_000_000, 0] {
        let mut band = band(0);
        let at = |ms: u32| ms.wrapping_add(start);
        band.frame(at(100), &sender.keyframe_at(100, &[strobing(RED, 10)]));
        // Another receiver's advert, and a question, from just before.
        band.frame(at(99), &sender.keyframe_at(90, &[strobing(RED, 10)]));
        let _ = band.light(at(98));
        assert!(!band.has_fallen_back());
        assert_eq!(band.show_clock(at(100)), Some(100));
        let _ = band.light(at(700));
        assert!(band.has_fallen_back(), "a silence is still one");
    }
}

#[test]
fn without_a_signal_a_band_falls_back_as_the_frame_told_it() {
    for (to, levels) in
        [(FallBackTo::Black, DARK), (FallBackTo::Glow, [32; 4]), (FallBackTo::Hold, RED.levels)]
    {
        let mut sender = Sender::new(0);
        sender.fall_back = FallBack::after_ms(to, 2_000);
        let mut band = band(0);
        band.frame(0, &sender.frame_at(0, 0, &[strobing(RED, 10)]));
        assert!(!band.has_fallen_back());
        let _ = band.light(1_999);
        assert!(!band.has_fallen_back());
        for ms in 3_000..4_000 {
            assert_eq!(band.light(ms), levels, "{to:?}: no strobe, faded after a second");
        }
        assert!(band.has_fallen_back());
        // The show comes back with the very look it had.
        assert_eq!(band.frame(4_100, &sender.keyframe_at(4_100, &[RED])), Heard::New, "{to:?}");
        assert_eq!(band.light(4_100), RED.levels);
        assert!(!band.has_fallen_back());
    }
}

#[test]
fn a_look_planned_before_the_silence_still_comes_in_its_time_unless_the_band_goes_dark() {
    for (to, levels) in [(FallBackTo::Hold, BLUE.levels), (FallBackTo::Black, DARK)] {
        let mut sender = Sender::new(0);
        sender.fall_back = FallBack::after_ms(to, 500);
        let mut band = band(0);
        band.frame(0, &sender.frame_at(0, 0, &[strobing(RED, 10)]));
        band.frame(10, &sender.frame_at(10, 1_000, &[strobing(BLUE, 10)]));
        let _ = band.light(520);
        assert!(band.has_fallen_back());
        if to == FallBackTo::Hold {
            assert_eq!(band.light(999), RED.levels, "its strobe opened, and not before its time");
        }
        for ms in 1_510..2_510 {
            assert_eq!(band.light(ms), levels, "{to:?} at {ms}: no strobe");
        }
    }
}

#[test]
fn a_band_told_never_to_fall_back_does_not() {
    let sender = Sender::new(0);
    let mut band = band(0);
    band.frame(0, &sender.frame_at(0, 0, &[RED]));
    assert_eq!(band.light(3_600_000), RED.levels);
}

#[test]
fn a_relay_started_anew_with_an_older_clock_is_believed_after_a_silence() {
    let sender = Sender::new(0);
    let mut band = band(0);
    band.frame(0, &sender.frame_at(100_000, 100_000, &[RED]));
    let frame = sender.frame_at(60_000, 60_000, &[BLUE]);
    assert_eq!(band.frame(100, &frame), Heard::Ignored(Ignored::Replayed));
    assert_eq!(band.frame(RESYNC_AFTER_MS, &frame), Heard::New, "without a key");
    assert_eq!(band.light(RESYNC_AFTER_MS), BLUE.levels);
}

#[test]
fn a_frame_of_another_show_or_of_nobody_is_ignored() {
    let sender = Sender::new(0);
    let mut band = band(0);
    let header = Header { show: 2, ..sender.header(0, 0) };
    let heard = band.frame(0, &sender.encode(&header, &[RED]));
    assert_eq!(heard, Heard::Ignored(Ignored::OtherShow));
    assert_eq!(band.frame(0, b"hello"), Heard::Ignored(Ignored::NotAFrame));
    assert_eq!(band.advert(0, &[0x03, 0xFF, 0xFF]), Heard::Ignored(Ignored::NotAFrame));
    assert_eq!(band.show_clock(0), None);
}

#[test]
fn a_fade_that_ended_before_the_clock_ran_over_stays_ended() {
    let sender = Sender::new(0);
    let mut band = band(0);
    band.frame(0, &sender.frame_at(0, 0, &[Look::DARK]));
    band.frame(10, &sender.frame_at(10, 10, &[faded(RED, 255)]));
    let mut now = 10u32;
    for _ in 0..100 {
        now = now.wrapping_add(u32::MAX / 40);
        assert_eq!(band.light(now), RED.levels, "at {now}");
    }
}

proptest! {
    /// Changes of one group, each in a few frames of which some are lost, delayed and repeated: at
    /// the end a band shows what was sent last, and never one that came before what it showed.
    #[test]
    fn the_newest_look_wins_over_any_loss_and_order(
        steps in proptest::collection::vec((1..40u32, 0..120u32, any::<[bool; 3]>()), 1..60),
    ) {
        let sender = Sender::new(0);
        let mut band = band(0);
        let mut at = 0;
        let mut last = None;
        for (n, (wait, lead, heard)) in steps.iter().enumerate() {
            at += wait * 3;
            let look = Look { levels: [n as u8 + 1, 0, 0, 0], ..Look::DARK };
            for (copy, heard) in heard.iter().enumerate() {
                let frame = sender.frame_at(at + copy as u32, at + lead, &[look]);
                if *heard {
                    band.frame(at + copy as u32, &frame);
                    last = Some((look, n));
                }
            }
        }
        if let Some((look, _)) = last {
            prop_assert_eq!(band.light(at + 1_000), look.levels);
        }
    }

    /// The clock is never ahead of the show, and behind by no more than the shortest way.
    #[test]
    fn the_clock_is_behind_by_the_shortest_way(
        ways in proptest::collection::vec(0..200u32, 1..40),
        start in any::<u32>(),
    ) {
        let sender = Sender::new(start);
        let mut band = band(0);
        for (n, way) in ways.iter().enumerate() {
            let show = n as u32 * 230;
            band.frame(show + way, &sender.keyframe_at(show, &[RED]));
        }
        let now = ways.len() as u32 * 230 + 200;
        let shortest = ways.iter().min().unwrap();
        let behind = start.wrapping_add(now).wrapping_sub(band.show_clock(now).unwrap());
        prop_assert!((*shortest..=shortest + 2).contains(&behind), "{} {}", behind, shortest);
    }
}
