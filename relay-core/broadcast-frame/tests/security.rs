//! Nobody without the key drives a band.

mod sender;

use proptest::prelude::*;
use sender::{BLUE, GREEN, RED, Sender, band};
use wristcast_broadcast_frame::{
    Decoder, Heard, Ignored, Key, Look, REPLAY_WINDOW_MS, RESYNC_AFTER_MS,
};

const KEY: [u8; 16] = [0xA5; 16];
const NEXT: [u8; 16] = [0x5A; 16];
const WINDOW: u32 = REPLAY_WINDOW_MS as u32;

fn keyed() -> (Sender, Decoder) {
    let (mut sender, mut band) = (Sender::new(0), band(0));
    sender.key = Some(Key(KEY));
    band.set_key(KEY);
    (sender, band)
}

#[test]
fn frames_without_a_code_or_with_a_code_of_another_key_are_refused() {
    let (mut sender, mut band) = keyed();
    assert_eq!(band.frame(0, &sender.frame_at(0, 0, &[RED])), Heard::New);
    for (key, why) in [(None, Ignored::Unauthenticated), (Some(Key(NEXT)), Ignored::Forged)] {
        sender.key = key;
        assert_eq!(band.frame(10, &sender.frame_at(10, 0, &[BLUE])), Heard::Ignored(why));
    }
    assert_eq!(band.light(20), RED.levels);
    assert_eq!(band.show_clock(20), Some(20));
}

#[test]
fn a_frame_with_any_one_bit_flipped_is_refused() {
    let (sender, mut band) = keyed();
    band.frame(0, &sender.frame_at(0, 0, &[GREEN]));
    let frame = sender.frame_at(10, 0, &[RED, BLUE, GREEN]);
    for bit in 0..frame.len() * 8 {
        let mut flipped = frame.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let heard = band.frame(10, &flipped);
        assert!(matches!(heard, Heard::Ignored(_)), "bit {bit}: {heard:?}");
        assert_eq!(band.light(10), GREEN.levels, "bit {bit}");
    }
    assert_eq!(band.frame(10, &frame), Heard::New);
}

#[test]
fn a_frame_kept_and_sent_again_changes_nothing_and_keeps_nobody_from_falling_back() {
    let (mut sender, mut band) = keyed();
    sender.fall_back = wristcast_broadcast_frame::FallBack::after_ms(
        wristcast_broadcast_frame::FallBackTo::Black,
        8_000,
    );
    let kept = sender.frame_at(0, 0, &[RED]);
    band.frame(0, &kept);
    let newer = sender.frame_at(100, 100, &[BLUE]);
    band.frame(100, &newer);
    assert_eq!(band.frame(200, &kept), Heard::Known, "within the window, as a late repeat");
    assert_eq!(band.light(300), BLUE.levels);
    let mut replays = 0;
    for now in (WINDOW + 200..8_000 + WINDOW).step_by(100) {
        for frame in [&kept, &newer] {
            match band.frame(now, frame) {
                // The frame believed last is not worth a look.
                Heard::Known => {}
                heard => {
                    assert_eq!(heard, Heard::Ignored(Ignored::Replayed));
                    replays += 1;
                }
            }
        }
    }
    assert!(replays >= 70);
    let _ = band.light(8_000 + WINDOW);
    assert!(band.has_fallen_back());
}

#[test]
fn a_frame_outside_the_window_is_refused_on_either_side() {
    let (sender, mut band) = keyed();
    band.frame(0, &sender.frame_at(100_000, 0, &[RED]));
    let heard = |band: &mut Decoder, at| band.frame(0, &sender.frame_at(at, 0, &[BLUE]));
    assert_eq!(heard(&mut band, 100_000 - WINDOW - 1), Heard::Ignored(Ignored::Replayed));
    assert_eq!(heard(&mut band, 160_001), Heard::Ignored(Ignored::Future));
    assert_eq!(band.light(0), RED.levels);
    assert_eq!(heard(&mut band, 100_000 - WINDOW), Heard::Known);
    assert_eq!(heard(&mut band, 160_000), Heard::New);
}

#[test]
fn after_a_silence_only_a_frame_newer_than_all_is_believed() {
    let (sender, mut band) = keyed();
    band.frame(0, &sender.frame_at(100_000, 0, &[RED]));
    let kept = sender.frame_at(99_999, 0, &[BLUE]);
    let silent = RESYNC_AFTER_MS + 10_000;
    assert_eq!(band.frame(silent, &kept), Heard::Ignored(Ignored::Replayed));
    // The relay is started anew, its clock ten seconds behind.
    assert_eq!(band.frame(silent, &sender.frame_at(104_000, 0, &[GREEN])), Heard::New);
    assert_eq!(band.show_clock(silent), Some(104_000));
}

#[test]
fn changing_keys_in_the_middle_of_a_show_loses_no_look() {
    let (mut sender, mut first) = keyed();
    first.set_next_key(NEXT);
    let mut bands: Vec<Decoder> = (0..50).map(|_| first.clone()).collect();
    // Looks every 100 ms in four copies; each band misses other copies; the key changes half way.
    for n in 0..40u32 {
        if n == 20 {
            sender.key = Some(Key(NEXT));
        }
        let look = Look { levels: [n as u8 + 1, 0, 0, 0], ..Look::DARK };
        for copy in 0..4 {
            let at = n * 100 + copy * 20;
            let frame = sender.frame_at(at, n * 100 + 80, &[look]);
            for (index, band) in bands.iter_mut().enumerate() {
                if !(index + n as usize + copy as usize).is_multiple_of(3) {
                    assert!(!matches!(band.frame(at, &frame), Heard::Ignored(_)));
                }
            }
        }
        for band in &mut bands {
            assert_eq!(band.light(n * 100 + 80), look.levels, "look {n}");
        }
    }
    sender.key = Some(Key(KEY));
    let old = sender.frame_at(4_100, 0, &[BLUE]);
    for band in &mut bands {
        assert_eq!(band.frame(4_100, &old), Heard::Ignored(Ignored::Forged), "worth nothing now");
    }
}

#[test]
fn a_new_key_is_believed_whatever_its_clock() {
    let (mut sender, mut band) = keyed();
    band.set_next_key(NEXT);
    band.frame(0, &sender.frame_at(1_000_000, 0, &[RED]));
    sender.key = Some(Key(NEXT));
    assert_eq!(band.frame(10, &sender.frame_at(5, 0, &[BLUE])), Heard::New);
    assert_eq!(band.show_clock(10), Some(5));
    assert_eq!(band.light(10), BLUE.levels);
}

#[test]
fn keys_are_not_printed() {
    assert_eq!(format!("{:?}", Key(KEY)), "Key(..)");
}

proptest! {
    /// An outsider hears everything and sends anything: cut, spliced and changed frames, at any
    /// time. The band shows what it would show without them.
    #[test]
    fn an_outsider_changes_nothing(
        steps in proptest::collection::vec(
            (1..400u32, any::<bool>(), any::<prop::sample::Index>(), any::<(u16, u8)>(), 0..3u8),
            1..60,
        ),
    ) {
        let (sender, mut band) = keyed();
        let mut quiet = band.clone();
        let mut kept: Vec<Vec<u8>> = vec![sender.keyframe_at(0, &[RED])];
        band.frame(0, &kept[0]);
        quiet.frame(0, &kept[0]);
        let mut now = 0;
        for (n, (wait, genuine, which, (at, bits), how)) in steps.into_iter().enumerate() {
            now += wait;
            if genuine {
                let look = Look { levels: [n as u8, 1, 2, 0], ..Look::DARK };
                let frame = sender.frame_at(now, now + 60, &[look]);
                band.frame(now, &frame);
                quiet.frame(now, &frame);
                kept.push(frame);
            } else {
                let mut frame = which.get(&kept).clone();
                let at = usize::from(at) % frame.len();
                match how {
                    0 => frame[at] ^= bits.max(1),
                    1 => frame.truncate(at),
                    _ => frame.splice(..at.min(12), kept[0][..at.min(12)].to_vec()).for_each(drop),
                }
                let is_genuine = kept.contains(&frame);
                prop_assert!(is_genuine || band.frame(now, &frame) != Heard::New);
            }
            prop_assert_eq!(band.light(now), quiet.light(now));
            prop_assert_eq!(band.show_clock(now), quiet.show_clock(now));
        }
    }
}
