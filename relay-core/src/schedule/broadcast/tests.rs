//! A scheduler, and the reference decoder at the other end of the air.

use super::*;
use broadcast_frame::{Decoder, FallBackTo, Heard, Identity};
use proptest::prelude::*;

const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };
const BLUE: Look = Look { blue: 255, dimmer: 255, ..Look::DARK };
const KEY: Key = Key([3; 16]);

fn policy() -> AirPolicy {
    AirPolicy {
        show: 1,
        room: 241,
        repeats: 6,
        lead_ms: 60,
        fall_back: FallBack { to: FallBackTo::Hold, after: 0 },
        key: Some(KEY),
        nearest_colours: false,
    }
}

fn band(group: u16) -> Decoder {
    let mut band = Decoder::new(Identity { company: 0xFFFF, show: 1, group });
    band.set_key(KEY.0);
    band
}

fn colour(n: usize) -> Look {
    Look { red: n as u8, green: (n >> 8) as u8, blue: 77, dimmer: 255, ..Look::DARK }
}

/// Polls until nothing but keyframes comes; gives the frames with their bytes.
fn changes(air: &mut AirScheduler, now: u32) -> Vec<(AirFrame, Vec<u8>)> {
    let mut out = [0; 241];
    let mut frames = Vec::new();
    let mut now = now;
    while !air.is_settled(None) {
        assert!(frames.len() < 10_000, "it never settles");
        let frame = air.poll_frame(now, &mut out).expect("something changed");
        frames.push((frame, out[..frame.len].to_vec()));
        now += 20;
    }
    frames
}

#[test]
fn a_change_is_sent_six_times_and_then_in_keyframes_for_ever() {
    let mut air = AirScheduler::new(policy(), 3);
    air.set_look(0, RED, Class::Snap, 0);
    air.set_look(1, BLUE, Class::Snap, 0);
    let frames = changes(&mut air, 0);
    assert_eq!(frames.len(), 6);
    assert!(frames.iter().all(|(frame, _)| (frame.base, frame.groups) == (0, 2)));
    let mut out = [0; 241];
    for n in 0..100 {
        let frame = air.poll_frame(1_000 + n * 20, &mut out).unwrap();
        assert_eq!((frame.class, frame.base, frame.groups), (Class::Keyframe, 0, 2));
    }
}

#[test]
fn a_change_announced_far_ahead_is_sent_until_its_time() {
    let mut air = AirScheduler::new(AirPolicy { lead_ms: 400, ..policy() }, 1);
    air.set_look(0, Look::DARK, Class::Snap, 0);
    changes(&mut air, 0);
    air.set_look(0, RED, Class::Snap, 1_000);
    let sent = changes(&mut air, 1_000);
    let sent = sent.iter().filter(|(frame, _)| frame.class == Class::Snap);
    assert_eq!(sent.count(), 21, "every 20 ms up to 400 ms");
}

#[test]
fn nothing_is_sent_of_a_group_without_a_look() {
    let mut air = AirScheduler::new(policy(), 3);
    assert_eq!(air.poll_frame(0, &mut [0; 241]), None);
    assert_eq!(air.urgency(), None);
    air.set_look(1, RED, Class::Snap, 0);
    let frame = air.poll_frame(0, &mut [0; 241]).unwrap();
    assert_eq!((frame.base, frame.groups), (1, 1));
}

#[test]
fn what_does_not_fit_one_frame_is_cycled_and_every_group_is_repeated_alike() {
    let mut air = AirScheduler::new(AirPolicy { room: 27, ..policy() }, 9);
    (0..9).for_each(|group| air.set_look(group, colour(group), Class::Snap, 0));
    let frames = changes(&mut air, 0);
    let bases: Vec<usize> =
        frames.iter().filter(|(f, _)| f.class != Class::Keyframe).map(|(f, _)| f.base).collect();
    assert_eq!(bases, [0, 3, 6].repeat(6));
}

#[test]
fn panic_passes_snaps_and_snaps_pass_fades() {
    let mut air = AirScheduler::new(AirPolicy { room: 27, ..policy() }, 3);
    (0..3).for_each(|group| air.set_look(group, colour(group), Class::Keyframe, 0));
    changes(&mut air, 0);
    air.set_look(0, RED, Class::Fade, 1_000);
    air.set_look(1, RED, Class::Snap, 1_001);
    air.set_look(2, Look::DARK, Class::Panic, 1_002);
    let order: Vec<(usize, Class)> = changes(&mut air, 1_010)
        .iter()
        .map(|(frame, _)| (frame.base, frame.class))
        .filter(|(_, class)| *class != Class::Keyframe)
        .collect();
    let six = |base, class| vec![(base, class); 6];
    assert_eq!(order, [six(2, Class::Panic), six(1, Class::Snap), six(0, Class::Fade)].concat());
}

#[test]
fn keyframes_come_round_however_much_changes() {
    let mut air = AirScheduler::new(AirPolicy { room: 27, ..policy() }, 12);
    (0..12).for_each(|group| air.set_look(group, colour(group), Class::Snap, 0));
    changes(&mut air, 0);
    let mut last = 0;
    for n in 0..2_000u32 {
        // Group 0 never rests.
        air.set_look(0, colour(n as usize % 200), Class::Snap, 1_000 + n * 20);
        let frame = air.poll_frame(1_000 + n * 20, &mut [0; 27]).unwrap();
        if frame.class == Class::Keyframe && (frame.base..frame.base + frame.groups).contains(&7) {
            last = n;
        }
        assert!(n - last <= KEYFRAME_TURN * 5, "group 7 is heard of every {} frames", n - last);
    }
}

#[test]
fn a_blackout_of_a_whole_venue_is_one_legacy_advert() {
    let mut air = AirScheduler::new(AirPolicy { room: 27, ..policy() }, 5_000);
    (0..5_000).for_each(|group| air.set_look(group, Look::DARK, Class::Panic, 0));
    let frames = changes(&mut air, 0);
    // The palette format counts to 255, one look for all to 65535.
    assert_eq!(frames.len(), 6);
    assert!(frames.iter().all(|(frame, _)| frame.groups == 5_000));
}

#[test]
fn every_copy_of_a_look_says_the_same_time_to_show_it() {
    let mut air = AirScheduler::new(policy(), 2);
    air.set_look(0, Look::DARK, Class::Snap, 0);
    air.set_look(1, Look::DARK, Class::Snap, 0);
    changes(&mut air, 0);
    air.set_look(0, RED, Class::Snap, 1_000);
    air.set_look(1, BLUE, Class::Snap, 1_020);
    for (_, bytes) in changes(&mut air, 1_024) {
        let (mut left, mut right) = (band(0), band(1));
        left.frame(0, &bytes);
        right.frame(0, &bytes);
        let made = left.show_clock(0).unwrap();
        for (band, execute, level) in [(&mut left, 1_060, 0), (&mut right, 1_080, 2)] {
            let seen = (made..made + 200).find(|at| band.light(at - made)[level] == 255);
            if let Some(seen) = seen {
                // To the unit of the frame, or at once if it is over.
                assert!((execute.max(made)..=execute.max(made) + 4).contains(&seen), "{seen}");
            }
        }
    }
}

#[test]
fn stamps_never_repeat_and_never_go_back() {
    let mut air = AirScheduler::new(policy(), 1);
    air.set_look(0, RED, Class::Snap, u32::MAX - 2);
    let mut last = None;
    for now in [u32::MAX - 2, u32::MAX - 2, u32::MAX - 2, 0, 0, 7] {
        let mut out = [0; 241];
        let frame = air.poll_frame(now, &mut out).unwrap();
        let stamp = frame::Frame::parse(&out[..frame.len]).unwrap().header().stamp;
        assert!(last.is_none_or(|last| ahead(stamp, last) > 0));
        last = Some(stamp);
    }
}

#[test]
fn a_keyframe_carries_what_is_left_of_a_fade() {
    let mut air = AirScheduler::new(AirPolicy { repeats: 1, lead_ms: 0, ..policy() }, 1);
    air.set_look(0, Look::DARK, Class::Snap, 0);
    changes(&mut air, 0);
    air.set_look(0, Look { fade_cs: 100, ..RED }, Class::Fade, 1_000);
    changes(&mut air, 1_000);
    let mut late = band(0);
    let mut out = [0; 241];
    let frame = air.poll_frame(1_400, &mut out).unwrap();
    assert_eq!(frame.class, Class::Keyframe);
    late.frame(1_400, &out[..frame.len]);
    assert_eq!(late.look(1_400).fade_cs, 60);
    assert_eq!(late.light(2_000), [255, 0, 0, 0]);
}

#[test]
fn with_standard_colours_fourteen_groups_fit_a_legacy_advert() {
    let nearest = AirPolicy { room: 27, nearest_colours: true, ..policy() };
    let mut air = AirScheduler::new(nearest, 14);
    (0..14).for_each(|group| air.set_look(group, colour(group * 18), Class::Snap, 0));
    let frame = air.poll_frame(0, &mut [0; 27]).unwrap();
    assert_eq!((frame.base, frame.groups), (0, 14));
}

proptest! {
    /// Looks change as they like and bands hear as they may: once the air is quiet, every band that
    /// heard every keyframe of one round shows what its group was given last.
    #[test]
    fn in_the_end_every_band_shows_the_newest_look(
        steps in proptest::collection::vec(
            (0..12usize, any::<u8>(), prop_oneof![Just(Class::Snap), Just(Class::Fade), Just(Class::Panic)], 0..40u32),
            1..60,
        ),
        loss in proptest::collection::vec(any::<bool>(), 97),
        legacy in any::<bool>(),
    ) {
        let room = if legacy { 27 } else { 241 };
        let mut air = AirScheduler::new(AirPolicy { room, ..policy() }, 12);
        let mut bands: Vec<Decoder> = (0..12).map(band).collect();
        let mut looks = [None; 12];
        let (mut now, mut heard) = (5_000, 0usize);
        let mut out = [0; 241];
        for (group, level, class, wait) in steps {
            now += wait;
            let look = Look { red: level, dimmer: 255, ..Look::DARK };
            air.set_look(group, look, class, now);
            looks[group] = Some(look);
            if let Some(frame) = air.poll_frame(now, &mut out) {
                for band in &mut bands {
                    heard += 1;
                    if loss[heard % loss.len()] {
                        band.frame(now, &out[..frame.len]);
                    }
                }
            }
        }
        for _ in 0..200 {
            now += 20;
            if let Some(frame) = air.poll_frame(now, &mut out) {
                for band in &mut bands {
                    prop_assert!(!matches!(band.frame(now, &out[..frame.len]), Heard::Ignored(_)));
                }
            }
        }
        for (band, look) in bands.iter_mut().zip(looks) {
            prop_assert_eq!(band.light(now), look.unwrap_or(Look::DARK).output());
        }
    }
}
