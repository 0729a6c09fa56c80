//! Network data loss, Stream_Terminated, sources lost together (E1.31 §6.7.1, §6.2.6).

use super::*;

#[test]
fn a_lone_source_is_lost_at_2500_ms_and_its_look_stays() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10]));
    stage.changed();
    stage.at(2499);
    assert_eq!((stage.signal(), stage.changed()), (SignalState::Live, vec![]));
    stage.at(2500);
    assert_eq!((stage.signal(), stage.changed()), (SignalState::Lost, vec![0]));
    assert_eq!(stage.level(), 10);
    assert_eq!(stage.merge.owners(0)[0], NO_OWNER);
    assert_eq!(stage.sources(), [(1, Some(Silence::TimedOut))]);
    assert_eq!(stage.labels()[2..], ["source_lost", "universe_lost"]);
    assert_eq!(stage.merge.poll_timeout(), None);
}

#[test]
fn a_packet_at_2499_ms_keeps_the_source() {
    let mut stage = Stage::sacn();
    for _ in 0..4 {
        stage.send(sacn(1, 100, &[10]));
        let next = stage.now + 2499;
        stage.at(next);
    }
    assert_eq!(stage.signal(), SignalState::Live);
    assert_eq!(stage.labels(), ["source_appeared", "universe_live"]);
}

#[test]
fn a_packet_that_comes_late_finds_the_source_lost_even_if_no_timer_ran() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10]));
    stage.now = 2500;
    stage.send(sacn(1, 100, &[20]));
    let labels = stage.labels();
    assert_eq!(labels[2..], ["source_lost", "universe_lost", "source_appeared", "universe_live"]);
}

#[test]
fn while_others_live_a_source_is_lost_at_2500_ms_sharp() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 150, &[200]));
    stage.stream(2499, &[sacn(2, 100, &[10])]);
    assert_eq!(stage.level(), 200);
    stage.at(2500);
    assert_eq!(stage.level(), 10);
}

#[test]
fn a_source_that_only_keeps_alive_once_a_second_takes_over_at_2500_ms_too() {
    for phase in (0..1000).step_by(50) {
        let mut stage = Stage::sacn();
        stage.send(sacn(2, 100, &[10]));
        stage.at(5000 + phase);
        stage.send(sacn(2, 100, &[10]));
        stage.send(sacn(1, 150, &[200]));
        let lost_at = stage.now + 2500;
        let mut next = 6000;
        while next < lost_at {
            stage.at(next);
            stage.send(sacn(2, 100, &[10]));
            next += 1000;
        }
        stage.at(lost_at - 1);
        assert_eq!(stage.level(), 200);
        stage.at(lost_at);
        assert_eq!(stage.level(), 10, "phase {phase}");
    }
}

/// The scenario of ETC's "Source Loss Behavior": the cable is pulled, and a source of lower
/// priority whose last packet came a moment later must not flash up.
#[test]
fn sources_lost_together_are_judged_together() {
    for between in [0, 1, 25, 500, 1000, 1200] {
        for slow in [false, true] {
            let mut stage = Stage::sacn();
            stage.send(sacn(1, 100, &[0]));
            stage.send(sacn(2, 90, &[255]));
            if slow {
                stage.send(pap(1, &[100; 512]));
            }
            stage.at(100);
            stage.send(sacn(1, 100, &[0]));
            stage.at(100 + between);
            stage.send(sacn(2, 90, &[255]));
            for now in 100 + between..10_000 {
                stage.at(now);
                assert_eq!(stage.level(), 0, "flash at {now}, {between} ms apart");
            }
            assert_eq!(stage.signal(), SignalState::Lost);
            let lost = stage.labels().iter().filter(|&&l| l == "universe_lost").count();
            assert_eq!(lost, 1);
        }
    }
}

#[test]
fn of_equal_sources_lost_together_neither_flashes() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[200, 0]));
    stage.at(20);
    stage.send(sacn(2, 100, &[0, 200]));
    for now in 20..2520 {
        assert_eq!(stage.at(now).levels(2), [200, 200]);
        assert_eq!(stage.signal(), SignalState::Live);
    }
    assert_eq!(stage.at(2520).signal(), SignalState::Lost);
    assert_eq!(stage.levels(2), [200, 200]);
}

#[test]
fn a_doubtful_source_that_is_heard_again_takes_over_at_once() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 150, &[200]));
    stage.send(sacn(2, 100, &[10]));
    stage.at(2499);
    stage.send(sacn(2, 100, &[10]));
    stage.at(2500);
    assert_eq!(stage.level(), 10);

    let mut stage = Stage::sacn();
    stage.send(sacn(1, 150, &[200]));
    stage.at(1000);
    stage.send(sacn(2, 100, &[10]));
    stage.at(3000);
    assert_eq!(stage.level(), 200, "source 2 may have been lost with source 1");
    stage.send(sacn(2, 100, &[10]));
    assert_eq!(stage.level(), 10);
}

#[test]
fn a_source_heard_1250_ms_after_another_has_outlived_it() {
    for (heard, level) in [(1249, 200), (1250, 10)] {
        let mut stage = Stage::sacn();
        stage.send(sacn(1, 150, &[200]));
        stage.at(heard);
        stage.send(sacn(2, 100, &[10]));
        assert_eq!(stage.at(2500).level(), level);
    }
}

#[test]
fn a_loss_is_judged_at_the_latest_3750_ms_after_the_last_packet() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 150, &[200]));
    stage.at(1249);
    stage.send(sacn(2, 100, &[10]));
    assert_eq!(stage.at(3748).signal(), SignalState::Live);
    assert_eq!(stage.at(3749).signal(), SignalState::Lost);
    assert_eq!(stage.level(), 200);
}

#[test]
fn a_source_that_comes_back_while_its_loss_is_in_doubt_was_never_lost() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 150, &[200]));
    stage.at(1000);
    stage.send(sacn(2, 100, &[10]));
    stage.at(3000);
    stage.send(numbered(sacn(1, 150, &[201]), 77));
    assert_eq!(stage.level(), 201);
    assert!(!stage.labels().contains(&"source_lost"));
}

#[test]
fn priorities_do_not_time_out_between_the_cable_pull_and_the_loss() {
    let mut stage = Stage::sacn();
    // Source 1 leaves slot 1 to source 2, slot by slot; both are pulled at 1000 ms.
    stage.send(sacn(1, 150, &[255]));
    stage.send(pap(1, &[0; 512]));
    stage.stream(1000, &[sacn(1, 150, &[255]), sacn(2, 100, &[10])]);
    for now in 1000..6000 {
        assert_eq!(stage.at(now).level(), 10, "flash at {now}");
    }
    assert_eq!(stage.signal(), SignalState::Lost);
}

#[test]
fn stream_terminated_ends_a_source_at_once_6_2_6() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 150, &[200]));
    stage.send(sacn(2, 100, &[10]));
    assert_eq!(stage.send(farewell(1)), Merged::Taken);
    assert_eq!(stage.level(), 10);
    for _ in 0..2 {
        assert_eq!(stage.send(farewell(1)), Merged::Dropped(Dropped::NotASource));
    }
    assert_eq!(stage.send(farewell(2)), Merged::Taken);
    assert_eq!((stage.signal(), stage.level()), (SignalState::Lost, 10));
    assert_eq!(stage.sources()[1].1, Some(Silence::Terminated));
}

#[test]
fn levels_in_a_farewell_are_ignored_6_2_6() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10]));
    stage.send(DmxData { terminated: true, ..sacn(1, 100, &[99]) });
    assert_eq!(stage.level(), 10);
}

#[test]
fn a_farewell_of_a_stranger_does_nothing() {
    let mut stage = Stage::sacn();
    assert_eq!(stage.send(farewell(1)), Merged::Dropped(Dropped::NotASource));
    assert_eq!((stage.sources(), stage.labels()), (vec![], vec![]));
}

#[test]
fn a_late_packet_does_not_bring_a_source_back_that_has_left() {
    let mut stage = Stage::sacn();
    stage.send(numbered(sacn(1, 100, &[10]), 10));
    stage.send(DmxData { terminated: true, ..numbered(sacn(1, 100, &[]), 12) });
    let late = stage.send(numbered(sacn(1, 100, &[99]), 11));
    assert_eq!(late, Merged::Dropped(Dropped::OutOfSequence));
    assert_eq!(stage.signal(), SignalState::Lost);
    assert!(stage.send(numbered(sacn(1, 100, &[20]), 13)).is_taken(), "it starts again");
    assert_eq!((stage.signal(), stage.level()), (SignalState::Live, 20));
}

#[test]
fn a_farewell_that_is_late_is_dropped_like_any_packet_6_7_2() {
    let mut stage = Stage::sacn();
    stage.send(numbered(sacn(1, 100, &[10]), 10));
    let late = stage.send(DmxData { terminated: true, ..numbered(sacn(1, 100, &[]), 9) });
    assert_eq!(late, Merged::Dropped(Dropped::OutOfSequence));
    assert_eq!(stage.signal(), SignalState::Live);
}

#[test]
fn deadlines_are_never_late_and_spurious_timeouts_do_nothing() {
    let mut stage = Stage::sacn();
    for n in 0..200 {
        stage.now = n * 37;
        stage.send(sacn(1, 100, &[10]));
        let due = stage.merge.poll_timeout().unwrap();
        assert!(due <= Time::from_millis(stage.now + 2500));
        stage.merge.handle_timeout(stage.time(), &mut stage.events);
        assert!(stage.merge.poll_timeout().unwrap() > stage.time());
    }
    assert_eq!(stage.signal(), SignalState::Live);
}

#[test]
fn packets_missed_in_a_silence_longer_than_the_loss_time_are_told_to_the_packet() {
    let mut stage = Stage::sacn();
    for n in 1..=20u8 {
        stage.send(numbered(sacn(1, 100, &[n]), n));
        let next = stage.now + 1000;
        stage.at(next);
    }
    // Number 21 would come now; 21 to 30 are sent while nobody listens.
    stage.at(30_000);
    stage.send(numbered(sacn(1, 100, &[31]), 31));
    let events = stage.events();
    let gap = events.iter().find_map(|event| match event {
        EventKind::Gap { gap, .. } => Some(gap),
        _ => None,
    });
    let expected = Gap {
        start: Time::from_millis(19_000),
        end: Time::from_millis(30_000),
        missed: Some(10),
        exact: true,
    };
    assert_eq!(gap, Some(&expected), "{events:?}");
    let sample = stage.sample();
    let [source] = sample.sources() else { panic!("one source") };
    assert_eq!((source.packets, source.missed), (21, 10));
}

#[test]
fn what_a_source_did_not_send_after_its_farewell_is_not_missing() {
    let mut stage = Stage::sacn();
    stage.stream(2000, &[sacn(1, 100, &[1])]);
    stage.send(farewell(1));
    stage.at(60_000);
    stage.send(numbered(sacn(1, 100, &[2]), 200));
    assert_eq!(stage.sample().sources()[0].missed, 0);
    assert!(!stage.labels().contains(&"gap"));
}
