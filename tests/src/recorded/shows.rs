//! What is played.

use super::console::{Console, Tape};

const SECOND: u64 = 1_000_000_000;

/// 44 Hz, as fast as DMX512 with 512 slots goes.
fn frame_44hz(frame: u64) -> u64 {
    frame * SECOND / 44
}

/// The level on the way from one to another, `at` of `of`.
fn between(from: u8, to: u8, at: u64, of: u64) -> u8 {
    let (first, last, part) = (i64::from(from), i64::from(to), at.min(of) as i64);
    u8::try_from(first + (last - first) * part / of as i64).unwrap_or(to)
}

/// A small theatre by sACN, 40 Hz while something moves and once a second while nothing does:
/// house lights down, a slow dawn over the stalls with the balcony late, a cold snap, and up again.
pub(super) fn theatre_fades() -> Vec<u8> {
    // Second, how long it takes, and where stalls and balcony go: dimmer, red, green, blue.
    const CUES: [(u64, u64, [[u8; 4]; 2]); 4] = [
        (2, 3, [[0, 255, 180, 90], [40, 255, 180, 90]]),
        (6, 8, [[150, 255, 110, 30], [90, 220, 60, 60]]),
        (16, 0, [[200, 40, 90, 255], [200, 40, 90, 255]]),
        (18, 4, [[120, 255, 180, 90], [120, 255, 180, 90]]),
    ];
    let mut tape = Tape::default();
    let mut console = Console::new("Theatre desk", 10, 100);
    let mut look = [[120, 255, 180, 90]; 2];
    let mut aisle = [120, 255, 180, 90, 0, 0];
    let mut send = |nanos, look: &[[u8; 4]; 2], aisle: [u8; 6]| {
        let mut slots = vec![0; 64];
        slots[0..4].copy_from_slice(&look[0]);
        slots[8..12].copy_from_slice(&look[1]);
        slots[16..22].copy_from_slice(&aisle);
        console.frame(&mut tape, nanos, &[("sacn/1", slots)]);
    };
    let mut second = 0;
    for (start, length, target) in CUES {
        for still in second..start {
            send(still * SECOND, &look, aisle);
        }
        let from = look;
        // Bands along the aisle fade by themselves: they are told where to, and how long.
        let [dimmer, red, green, blue] = target[0];
        aisle = [dimmer, red, green, blue, 0, u8::try_from(length * 100).unwrap_or(255)];
        for frame in 1..=(length * 40).max(1) {
            for (place, (from, to)) in look.iter_mut().zip(from.iter().zip(&target)) {
                for (level, (from, to)) in place.iter_mut().zip(from.iter().zip(to)) {
                    *level = between(*from, *to, frame, (length * 40).max(1));
                }
            }
            send(start * SECOND + frame * SECOND / 40, &look, aisle);
        }
        second = start + length + 1;
    }
    send(second * SECOND, &look, aisle);
    tape.pcapng()
}

/// Two universes of Art-Net at 44 Hz without a pause: a white dot runs through sixteen groups, one
/// group a frame, over a blue ground.
pub(super) fn chase_44hz() -> Vec<u8> {
    let mut tape = Tape::default();
    let mut console = Console::new("", 20, 100);
    for frame in 0..5 * 44 {
        let mut universes = [vec![0; 512], vec![0; 512]];
        for group in 0..16 {
            let lit = frame % 16 == group;
            let rgb = if lit { [255; 3] } else { [0, 0, 40] };
            let address = (group % 8 * 3) as usize;
            universes[(group / 8) as usize][address..address + 3].copy_from_slice(&rgb);
        }
        let [first, second] = universes;
        let levels = [("artnet/0/0/1", first), ("artnet/0/0/2", second)];
        console.frame(&mut tape, frame_44hz(frame), &levels);
    }
    tape.pcapng()
}

/// Strobes in both ways: two bursts flashed by the console itself, frame by frame, and one made by
/// the bands, its speed rising. Then the console falls silent in the middle of a flash.
pub(super) fn strobe() -> Vec<u8> {
    let mut tape = Tape::default();
    let mut console = Console::new("Strobe desk", 30, 100);
    for frame in 0..6 * 44 {
        // Dimmer, red, green, blue, strobe, fade; twice.
        let mut slots = vec![0; 128];
        let open = match frame {
            0..44 | 88..132 => frame / 4 % 2 == 0,
            _ => false,
        };
        slots[0..6].copy_from_slice(&[if open { 255 } else { 0 }, 255, 255, 255, 0, 0]);
        let speed = if frame < 132 { 0 } else { 10 + (frame - 132) / 4 * 7 };
        let speed = u8::try_from(speed).unwrap_or(255);
        slots[6..12].copy_from_slice(&[255, 255, 0, 0, speed, 0]);
        console.frame(&mut tape, frame_44hz(frame), &[("sacn/7", slots)]);
    }
    tape.pcapng()
}

/// Main console and backup on the same universe, both at 20 Hz. The main one's cable is pulled at
/// 4 s; the backup, one step lower, takes over when the relay takes the main one for lost. The
/// cable is back at 9 s. At 12 s the operator ends the main show properly and the backup goes on.
pub(super) fn failover() -> Vec<u8> {
    let mut tape = Tape::default();
    let mut main = Console::new("Main", 41, 110);
    let mut backup = Console::new("Backup", 42, 109);
    for frame in 0..15 * 20 {
        let nanos = frame * SECOND / 20;
        // Both play the same show, each in a colour of its own, so that one sees who it is.
        let level = 100 + (frame / 20) as u8 * 10;
        let look = |colour: [u8; 3]| {
            let mut slots = vec![0; 48];
            slots[0] = level;
            slots[1..4].copy_from_slice(&colour);
            slots
        };
        if !(80..180).contains(&frame) && frame < 240 {
            main.frame(&mut tape, nanos, &[("sacn/1", look([255, 0, 0]))]);
        }
        if frame == 240 {
            main.farewell(&mut tape, nanos, &["sacn/1"]);
        }
        backup.frame(&mut tape, nanos + 7_000_000, &[("sacn/1", look([255, 150, 0]))]);
    }
    backup.farewell(&mut tape, 15 * SECOND, &["sacn/1"]);
    tape.pcapng()
}
