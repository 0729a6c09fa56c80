//! Sequence, priority, per-address priority, preview, source limit (E1.31).

use super::*;

#[test]
fn a_lone_source_owns_every_slot() {
    let mut stage = Stage::sacn();
    assert_eq!(stage.send(sacn(1, 100, &[10, 20, 30])), Merged::Taken);
    assert_eq!(stage.levels(4), [10, 20, 30, 0]);
    assert_eq!(stage.changed(), [0]);
    assert_eq!(stage.signal(), SignalState::Live);
    assert_eq!(stage.sources(), [(1, None)]);
    assert!(stage.sample().owners.iter().all(|&owner| owner == 0));
    assert_eq!(stage.labels(), ["source_appeared", "universe_live"]);
}

#[test]
fn the_same_levels_again_change_nothing() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10; 512]));
    stage.changed();
    assert_eq!(stage.send(sacn(1, 100, &[10; 512])), Merged::Taken);
    assert!(stage.changed().is_empty());
}

#[test]
fn slots_not_sent_are_0() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10; 512]));
    stage.send(sacn(1, 100, &[10, 10]));
    assert_eq!(stage.levels(4), [10, 10, 0, 0]);
    stage.send(sacn(1, 100, &[]));
    assert_eq!(stage.levels(2), [0, 0]);
    assert_eq!(stage.signal(), SignalState::Live);
}

#[test]
fn packets_19_back_to_0_are_late_and_20_back_is_a_new_start_6_7_2() {
    for (number, expected) in [
        (81, Merged::Dropped(Dropped::OutOfSequence)),
        (99, Merged::Dropped(Dropped::OutOfSequence)),
        (100, Merged::Dropped(Dropped::Duplicate)),
        (80, Merged::Taken),
        (101, Merged::Taken),
        (227, Merged::Taken),
        (228, Merged::Taken),
    ] {
        let mut stage = Stage::sacn();
        stage.send(numbered(sacn(1, 100, &[1]), 100));
        assert_eq!(stage.send(numbered(sacn(1, 100, &[2]), number)), expected, "{number}");
        assert_eq!(stage.level(), if expected == Merged::Taken { 2 } else { 1 });
    }
}

#[test]
fn sequence_numbers_wrap_6_7_2() {
    let mut stage = Stage::sacn();
    stage.send(numbered(sacn(1, 100, &[1]), 255));
    assert_eq!(stage.send(numbered(sacn(1, 100, &[2]), 0)), Merged::Taken);
    let late = stage.send(numbered(sacn(1, 100, &[3]), 255));
    assert_eq!(late, Merged::Dropped(Dropped::OutOfSequence));
    assert_eq!(stage.sample().sources()[0].sequence_errors, 1);
}

#[test]
fn sequence_numbers_are_judged_per_source_and_start_code() {
    let mut stage = Stage::sacn();
    stage.send(numbered(sacn(1, 100, &[1]), 100));
    assert_eq!(stage.send(numbered(sacn(2, 100, &[2]), 90)), Merged::Taken);
    assert_eq!(stage.send(numbered(pap(1, &[100; 512]), 90)), Merged::Taken);
    assert!(!stage.send(numbered(pap(1, &[100; 512]), 89)).is_taken());
}

#[test]
fn missing_packets_are_counted_once_for_either_way_of_counting() {
    // One counter over both START codes (E1.31 §6.2.5), one packet missing.
    let mut stage = Stage::sacn();
    for number in [1, 3, 6] {
        stage.send(numbered(sacn(1, 100, &[1]), number));
        stage.send(numbered(pap(1, &[100; 512]), number + 1));
    }
    assert_eq!(stage.sample().sources()[0].sequence_errors, 1);
    // A counter per START code, none missing.
    let mut stage = Stage::sacn();
    for number in [1, 2, 3] {
        stage.send(numbered(sacn(1, 100, &[1]), 100 + number));
        stage.send(numbered(pap(1, &[100; 512]), number));
    }
    assert_eq!(stage.sample().sources()[0].sequence_errors, 0);
}

#[test]
fn a_packet_through_two_interfaces_counts_once_and_is_no_sequence_error() {
    let mut stage = Stage::sacn();
    for number in 1..=10 {
        stage.send(numbered(sacn(1, 100, &[number]), number));
        stage.send(numbered(sacn(1, 100, &[number]), number));
    }
    let sample = stage.sample();
    let [source] = sample.sources() else { panic!() };
    assert_eq!((source.packets, source.duplicates, source.sequence_errors), (10, 9 + 1, 0));
}

#[test]
fn a_source_that_jumps_back_is_told_of_once_in_10_seconds() {
    let mut stage = Stage::sacn();
    for second in 0..12 {
        stage.at(second * 1000);
        stage.send(numbered(sacn(1, 100, &[1]), 100));
        stage.send(numbered(sacn(1, 100, &[1]), 50));
    }
    let jumps = stage.labels().iter().filter(|&&label| label == "sequence_jump").count();
    assert_eq!(jumps, 2);
}

#[test]
fn a_source_silent_for_the_loss_time_may_start_with_any_number() {
    for (silence, expected) in [(2499, false), (2500, true)] {
        let mut stage = Stage::sacn();
        stage.send(numbered(sacn(1, 100, &[1]), 100));
        stage.at(silence);
        assert_eq!(stage.send(numbered(sacn(1, 100, &[2]), 95)).is_taken(), expected);
    }
}

#[test]
fn a_source_that_changes_address_is_the_same_source() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[1]));
    let moved = DmxData { address: SocketAddr::new(ip(99), 1234), ..sacn(1, 100, &[2]) };
    assert!(stage.send(moved).is_taken());
    let sample = stage.sample();
    assert_eq!(sample.sources().len(), 1);
    assert_eq!(sample.sources()[0].address.ip(), ip(99));
}

#[test]
fn the_highest_priority_wins_the_universe_6_2_3() {
    for (low, high) in [(0, 1), (99, 100), (199, 200), (0, 200)] {
        for order in [[low, high], [high, low]] {
            let mut stage = Stage::sacn();
            for priority in order {
                let n = 1 + u8::from(priority == high);
                stage.send(sacn(n, priority, &[if n == 2 { 5 } else { 200 }]));
            }
            assert_eq!(stage.level(), 5, "{order:?}");
            assert_eq!(stage.sources(), [(2, None), (1, Some(Silence::LowerPriority))]);
        }
    }
}

#[test]
fn priority_0_gives_light_when_nobody_else_sends_6_2_3() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 0, &[77]));
    assert_eq!(stage.level(), 77);
}

#[test]
fn a_change_of_priority_counts_without_a_change_of_levels() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10]));
    stage.send(sacn(2, 90, &[20]));
    assert_eq!(stage.level(), 10);
    stage.send(sacn(2, 110, &[20]));
    assert_eq!(stage.level(), 20);
    stage.send(sacn(2, 90, &[20]));
    assert_eq!(stage.level(), 10);
}

#[test]
fn a_source_of_lower_priority_changes_nothing() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10]));
    stage.send(sacn(2, 90, &[20]));
    stage.changed();
    stage.send(sacn(2, 90, &[30]));
    assert!(stage.changed().is_empty());
}

#[test]
fn equal_sources_share_slot_by_slot_the_highest_level_wins() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10, 200, 5]));
    stage.send(sacn(2, 100, &[20, 100, 5]));
    stage.send(sacn(3, 50, &[255, 255, 255]));
    assert_eq!(stage.levels(3), [20, 200, 5]);
    let sample = stage.sample();
    let owner = |slot: usize| name_of(sample.sources()[usize::from(sample.owners[slot])].id);
    assert_eq!([owner(0), owner(1), owner(2)], [2, 1, 1]);
    stage.send(sacn(2, 100, &[0, 0, 0]));
    assert_eq!(stage.levels(3), [10, 200, 5]);
    assert_eq!(stage.sources()[..2], [(1, None), (2, None)]);
}

#[test]
fn ltp_gives_the_universe_to_the_source_that_changed_last() {
    let mut stage = Stage::with(&["sacn/1"], MergeMode::Ltp, 0, 4);
    stage.send(sacn(1, 100, &[200, 1]));
    stage.send(sacn(2, 100, &[10, 2]));
    assert_eq!(stage.levels(2), [10, 2]);
    stage.send(sacn(1, 100, &[200, 1]));
    assert_eq!(stage.levels(2), [10, 2], "a repetition is no change");
    stage.send(sacn(1, 100, &[201, 1]));
    assert_eq!(stage.levels(2), [201, 1]);
    assert_eq!(stage.sources(), [(1, None), (2, Some(Silence::NotLatest))]);
    stage.send(sacn(3, 99, &[255, 255]));
    assert_eq!(stage.levels(2), [201, 1], "only among equals");
}

#[test]
fn per_address_priority_decides_slot_by_slot() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[11, 12, 13, 14]));
    stage.send(sacn(2, 50, &[21, 22, 23, 24]));
    stage.send(pap(2, &[101, 100, 99, 0]));
    assert_eq!(stage.levels(4), [21, 22, 13, 14], "higher, equal and higher level, lower, none");
}

#[test]
fn a_slot_with_priority_0_that_nobody_else_sources_is_0_and_has_no_owner() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[11, 12]));
    stage.send(pap(1, &[100, 0]));
    assert_eq!(stage.levels(2), [11, 0]);
    assert_eq!(stage.merge.owners(0)[1], NO_OWNER);
    stage.send(sacn(2, 0, &[21, 22]));
    assert_eq!(stage.levels(2), [11, 22], "universe priority 0 is a priority");
}

#[test]
fn slots_beyond_a_short_priority_packet_are_not_sourced() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[11, 12, 13]));
    stage.send(pap(1, &[100, 100]));
    assert_eq!(stage.levels(3), [11, 12, 0]);
}

#[test]
fn ltp_among_equal_slots_goes_to_the_source_that_changed_last() {
    let mut stage = Stage::with(&["sacn/1"], MergeMode::Ltp, 0, 4);
    stage.send(sacn(1, 100, &[200, 200]));
    stage.send(pap(1, &[100, 150]));
    stage.send(sacn(2, 100, &[10, 10]));
    assert_eq!(stage.levels(2), [10, 200]);
}

#[test]
fn priorities_time_out_after_2500_ms_and_the_universe_priority_rules_again() {
    let mut stage = Stage::sacn();
    stage.send(pap(2, &[150; 512]));
    stage.stream(2499, &[sacn(1, 100, &[10]), sacn(2, 50, &[20])]);
    assert_eq!(stage.level(), 20);
    assert!(!stage.labels().contains(&"pap_lost"));
    stage.at(2500);
    assert_eq!(stage.level(), 10);
    assert!(stage.labels().contains(&"pap_lost"));
}

#[test]
fn priorities_hold_while_they_keep_coming() {
    let mut stage = Stage::sacn();
    for _ in 0..5 {
        stage.send(pap(2, &[150; 512]));
        let until = stage.now + 2499;
        stage.stream(until, &[sacn(1, 100, &[10]), sacn(2, 50, &[20])]);
        assert_eq!(stage.level(), 20);
    }
}

#[test]
fn priorities_without_levels_are_not_a_source() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10]));
    stage.send(pap(2, &[200; 512]));
    assert_eq!(stage.level(), 10);
    assert_eq!(stage.sources(), [(1, None), (2, Some(Silence::NoLevels))]);
    stage.send(sacn(2, 1, &[20]));
    assert_eq!(stage.level(), 20);
}

#[test]
fn preview_data_gives_no_light_and_is_told_of_once_6_2_6() {
    let mut stage = Stage::sacn();
    let preview = DmxData { preview: true, ..sacn(1, 200, &[99]) };
    for _ in 0..3 {
        assert_eq!(stage.send(preview), Merged::Dropped(Dropped::Preview));
    }
    assert_eq!(stage.level(), 0);
    assert_eq!(stage.signal(), SignalState::Waiting);
    assert_eq!(stage.sources(), [(1, Some(Silence::Preview))]);
    assert_eq!(stage.labels(), ["preview"]);
    assert!(stage.send(sacn(1, 100, &[5])).is_taken());
    assert_eq!(stage.level(), 5);
}

#[test]
fn preview_data_does_not_keep_a_source_alive_6_2_6() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10]));
    stage.stream(2499, &[DmxData { preview: true, ..sacn(1, 100, &[99]) }]);
    assert_eq!(stage.signal(), SignalState::Live);
    stage.at(2500);
    assert_eq!(stage.signal(), SignalState::Lost);
    assert_eq!(stage.level(), 10, "the last live look stays");
}

#[test]
fn one_source_too_many_is_left_out_and_told_of_once_per_episode() {
    let mut stage = Stage::with(&["sacn/1"], MergeMode::Htp, 0, 2);
    stage.send(sacn(1, 100, &[10]));
    stage.send(sacn(2, 100, &[20]));
    for _ in 0..5 {
        let left_out = stage.send(sacn(3, 100, &[99]));
        assert_eq!(left_out, Merged::Dropped(Dropped::SourceLimit));
        stage.send(sacn(4, 100, &[99]));
    }
    assert_eq!(stage.level(), 20);
    let limits: Vec<_> = stage.labels().into_iter().filter(|&l| l == "source_limit").collect();
    assert_eq!(limits.len(), 1);
    assert_eq!(
        stage.sources()[2..],
        [(3, Some(Silence::SourceLimit)), (4, Some(Silence::SourceLimit))]
    );

    stage.send(farewell(2));
    assert!(stage.send(sacn(3, 100, &[30])).is_taken(), "there is room now");
    stage.send(sacn(4, 100, &[99]));
    assert!(stage.labels().contains(&"source_limit"), "a new episode");
}

#[test]
fn a_source_of_higher_priority_takes_the_place_of_the_lowest() {
    let mut stage = Stage::with(&["sacn/1"], MergeMode::Htp, 0, 2);
    stage.send(sacn(1, 100, &[10]));
    stage.send(sacn(2, 90, &[20]));
    assert!(stage.send(sacn(3, 110, &[30])).is_taken());
    assert_eq!(stage.level(), 30);
    assert_eq!(stage.sources()[2], (2, Some(Silence::SourceLimit)));
    assert_eq!(stage.send(sacn(2, 90, &[20])), Merged::Dropped(Dropped::SourceLimit));
    assert!(stage.send(sacn(1, 100, &[10])).is_taken());
}

#[test]
fn a_flood_of_new_sources_leaves_the_good_ones_alone() {
    let mut stage = Stage::with(&["sacn/1"], MergeMode::Htp, 0, 2);
    stage.send(sacn(1, 100, &[10]));
    stage.send(sacn(2, 100, &[20]));
    for n in 0..1000u16 {
        let mut data = sacn(3, 100, &[99]);
        let mut cid = Cid([0xEE; 16]);
        cid.0[..2].copy_from_slice(&n.to_be_bytes());
        data.source = SourceId::Sacn(cid);
        stage.send(data);
        stage.send(sacn(1, 100, &[10]));
    }
    assert_eq!(stage.level(), 20);
    assert_eq!(stage.sources()[..2], [(1, None), (2, None)]);
}

#[test]
fn nothing_counts_before_the_sampling_period_is_over() {
    let mut stage = Stage::with(&["sacn/1", "artnet/1"], MergeMode::Htp, 1500, 4);
    stage.stream(1499, &[sacn(1, 100, &[200]), sacn(2, 150, &[10])]);
    assert_eq!((stage.level(), stage.signal()), (0, SignalState::Waiting));
    assert_eq!(stage.sources()[0].1, Some(Silence::Sampling));
    stage.at(1500);
    assert_eq!((stage.level(), stage.signal()), (10, SignalState::Live));
    stage.send_to(1, artnet(1, &[7]));
    assert_eq!(stage.merge.levels(1)[0], 7, "Art-Net has no sampling period");
}

#[test]
fn a_universe_that_is_removed_leaves_nothing_behind() {
    let mut stage = Stage::with(&["sacn/1", "sacn/2"], MergeMode::Htp, 0, 4);
    stage.send(synced(sacn(1, 100, &[10]), 7, false));
    assert_eq!(stage.merge.sync_addresses().collect::<Vec<_>>(), [7]);
    stage.merge.remove(0);
    assert_eq!(stage.merge.sync_addresses().count(), 0);
    assert_eq!(stage.merge.poll_timeout(), None);
    assert_eq!(stage.merge.add("sacn/9".parse().unwrap(), Time::ZERO), Some(0));
    assert_eq!((stage.level(), stage.signal()), (0, SignalState::Waiting));
    assert_eq!(stage.sources(), []);
}

#[test]
fn there_is_no_room_for_more_universes_than_the_limit() {
    let mut stage = Stage::with(&[], MergeMode::Htp, 0, 1);
    for number in 1..=8 {
        let universe = Universe::Sacn(SacnUniverse::new(number).unwrap());
        assert!(stage.merge.add(universe, Time::ZERO).is_some());
    }
    let one_more = Universe::ArtNet(PortAddress::new(0).unwrap());
    assert_eq!(stage.merge.add(one_more, Time::ZERO), None);
}
