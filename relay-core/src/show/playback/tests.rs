//! When packets are due, and how the console of the levels behaves.

use std::io::Cursor;

use super::*;
use crate::wire::{self, parse};

fn options(speed: f64) -> PlaybackOptions {
    PlaybackOptions {
        read: ReadOptions::default(),
        remap: Remap::default(),
        by_levels: false,
        everything: false,
        speed,
        priority: None,
        cid_mask: [0; 16],
        sender: Sender::default(),
    }
}

/// Due (ms) and first level of every packet of a round.
fn round(playback: &mut Playback<Cursor<&[u8]>>) -> Vec<(u128, u8)> {
    let mut packets = Vec::new();
    while let Some(packet) = playback.next_packet().unwrap() {
        let level = match parse(packet.bytes).unwrap() {
            wire::Packet::SacnData(data) => data.slots()[0],
            other => panic!("{other:?}"),
        };
        packets.push((packet.due.as_millis(), level));
    }
    packets
}

fn csv(rows: &'static str) -> Cursor<&'static [u8]> {
    Cursor::new(rows.as_bytes())
}

const STEPS: &str = "t_ms,universe,ch1\n0,1,10\n100,1,20\n500,1,30\n";

#[test]
fn every_round_is_on_one_schedule_however_fast() {
    let mut playback = Playback::new(csv(STEPS), options(1.0)).unwrap();
    assert_eq!(round(&mut playback), [(0, 10), (100, 20), (500, 30)]);
    assert_eq!(playback.round_end(), Duration::from_millis(500) + ROUND_GAP);
    playback.again(csv(STEPS)).unwrap();
    assert_eq!(round(&mut playback), [(522, 10), (622, 20), (1022, 30)]);
    let mut twice = Playback::new(csv(STEPS), options(2.0)).unwrap();
    assert_eq!(round(&mut twice), [(0, 10), (50, 20), (250, 30)]);
    assert_eq!(twice.round_end(), (Duration::from_millis(500) + ROUND_GAP) / 2);
    assert_eq!(twice.counts().packets, 3);
}

#[test]
fn what_stands_still_is_repeated_in_real_time_however_slow_the_show_is() {
    let mut slow = Playback::new(csv(STEPS), options(0.1)).unwrap();
    let repeated: Vec<(u128, u8)> = [(0, 10), (800, 10), (1000, 20)]
        .into_iter()
        .chain([(1800, 20), (2600, 20), (3400, 20), (4200, 20), (5000, 20), (5000, 30)])
        .collect();
    assert_eq!(round(&mut slow), repeated);
}

#[test]
fn a_show_of_one_moment_does_not_loop_without_time() {
    const ONE: &str = "t_ms,universe,ch1\n0,1,10\n";
    let mut playback = Playback::new(csv(ONE), options(1.0)).unwrap();
    assert_eq!(round(&mut playback), [(0, 10)]);
    playback.again(csv(ONE)).unwrap();
    assert_eq!(round(&mut playback), [(22, 10)]);
}

#[test]
fn farewells_go_to_streams_that_are_on_and_to_no_other() {
    let mut playback = Playback::new(csv(STEPS), options(1.0)).unwrap();
    assert!(playback.next_farewell().is_none(), "nothing was sent");
    let mut playback = Playback::new(csv(STEPS), options(1.0)).unwrap();
    round(&mut playback);
    let mut sequences = Vec::new();
    while let Some(packet) = playback.next_farewell() {
        let Ok(wire::Packet::SacnData(data)) = parse(packet.bytes) else { panic!("no sACN") };
        assert!(data.terminated());
        sequences.push(data.sequence());
    }
    assert_eq!(sequences, [4, 5, 6]);
}

#[test]
fn what_is_no_show_and_what_is_damaged_are_errors_with_their_place() {
    assert!(Playback::new(csv("hello, world"), options(1.0)).is_err());
    let damaged = "t_ms,universe,ch1\n0,1,10\nx\n";
    let mut playback = Playback::new(csv(damaged), options(1.0)).unwrap();
    assert!(playback.next_packet().unwrap().is_some());
    let error = playback.next_packet().unwrap_err();
    assert_eq!(error.records, 1);
    assert!(error.to_string().contains("line 3"), "{error}");
}
