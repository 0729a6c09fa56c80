//! Synchronization (E1.31 §6.2.4, §6.2.6, §11; Art-Net 4 "ArtSync").

use super::*;

fn sacn_pair() -> Stage {
    Stage::with(&["sacn/1", "sacn/2"], MergeMode::Htp, 0, 4)
}

#[test]
fn data_before_the_first_sync_is_unsynchronised_11_1_1() {
    let mut stage = Stage::sacn();
    assert_eq!(stage.send(synced(sacn(1, 100, &[10]), 7, false)), Merged::Taken);
    assert_eq!(stage.level(), 10);
}

#[test]
fn data_waits_for_its_sync_and_the_newest_replaces_what_waits() {
    let mut stage = Stage::sacn();
    stage.send(synced(sacn(1, 100, &[10]), 7, false));
    assert_eq!(stage.sync(7, 1), Merged::Taken);
    assert_eq!(stage.send(synced(sacn(1, 100, &[20]), 7, false)), Merged::Held);
    assert_eq!(stage.send(synced(sacn(1, 100, &[30]), 7, false)), Merged::Held);
    assert_eq!(stage.level(), 10);
    stage.sync(8, 1);
    assert_eq!(stage.level(), 10, "another address");
    stage.sync(7, 2);
    assert_eq!(stage.level(), 30);
    assert!(stage.labels().contains(&"sync_started"));
}

#[test]
fn data_that_first_comes_while_syncs_come_waits() {
    let mut stage = Stage::sacn();
    assert_eq!(stage.sync(7, 1), Merged::Dropped(Dropped::Sync), "nobody asked for it");
    assert_eq!(stage.send(synced(sacn(1, 100, &[10]), 7, false)), Merged::Held);
    assert_eq!(stage.signal(), SignalState::Waiting);
    assert_eq!(stage.sources(), [(1, Some(Silence::NoLevels))]);
    stage.sync(7, 2);
    assert_eq!((stage.signal(), stage.level()), (SignalState::Live, 10));
}

#[test]
fn universes_of_one_address_are_released_in_one_step() {
    let mut stage = sacn_pair();
    for u in 0..2 {
        stage.send_to(u, synced(sacn(1 + u as u8, 100, &[10]), 7, false));
    }
    stage.sync(7, 1);
    for u in 0..2 {
        stage.send_to(u, synced(sacn(1 + u as u8, 100, &[20]), 7, false));
    }
    stage.changed();
    stage.sync(7, 2);
    assert_eq!(stage.changed(), [0, 1]);
    assert_eq!((stage.merge.levels(0)[0], stage.merge.levels(1)[0]), (20, 20));
}

#[test]
fn universe_priority_and_slot_priorities_wait_with_the_levels() {
    let mut stage = Stage::sacn();
    stage.send(sacn(1, 100, &[10, 10]));
    stage.send(synced(sacn(2, 90, &[20, 20]), 7, false));
    stage.sync(7, 1);
    stage.send(synced(sacn(2, 110, &[30, 30]), 7, false));
    stage.send(synced(pap(2, &[200, 0]), 7, false));
    assert_eq!(stage.levels(2), [10, 10]);
    stage.sync(7, 2);
    assert_eq!(stage.levels(2), [30, 10]);
}

#[test]
fn data_without_sync_address_is_shown_at_once_with_what_waited() {
    let mut stage = Stage::sacn();
    stage.send(synced(sacn(1, 100, &[10, 10]), 7, false));
    stage.sync(7, 1);
    stage.send(synced(sacn(1, 100, &[20, 20]), 7, false));
    stage.send(synced(pap(1, &[100, 0]), 7, false));
    stage.send(sacn(1, 100, &[30, 30]));
    assert_eq!(stage.levels(2), [30, 0]);
    stage.sync(7, 2);
    assert_eq!(stage.levels(2), [30, 0], "what was replaced does not come back");
    assert_eq!(stage.merge.sync_addresses().count(), 0);
}

#[test]
fn a_sync_that_comes_twice_or_late_releases_nothing_6_7_2() {
    let mut stage = Stage::sacn();
    stage.send(synced(sacn(1, 100, &[10]), 7, false));
    stage.sync(7, 50);
    stage.send(synced(sacn(1, 100, &[20]), 7, false));
    for number in [50, 31] {
        assert_eq!(stage.sync(7, number), Merged::Dropped(Dropped::OutOfSequence));
    }
    assert_eq!(stage.level(), 10);
    assert_eq!(stage.sync(7, 30), Merged::Taken, "a restart");
    assert_eq!(stage.level(), 20);
}

/// Sends synchronised levels every 100 ms from the last sync on, the sync being lost at 2500 ms.
fn lose_sync(stage: &mut Stage, force: bool) {
    stage.send(synced(sacn(1, 100, &[10]), 7, force));
    stage.sync(7, 1);
    for step in 1..25 {
        stage.at(step * 100);
        stage.send(synced(sacn(1, 100, &[10 + step as u8]), 7, force));
    }
    stage.at(2499);
    assert_eq!(stage.level(), 10);
}

#[test]
fn when_sync_is_lost_the_universe_stands_still_without_force_6_2_6() {
    let mut stage = Stage::sacn();
    lose_sync(&mut stage, false);
    assert_eq!(stage.at(2500).level(), 10);
    assert_eq!(stage.send(synced(sacn(1, 100, &[99]), 7, false)), Merged::Held);
    assert_eq!(stage.level(), 10);
    let lost = EventKind::SyncLost { sync: crate::event::SyncId::Sacn(7), held: true };
    assert!(stage.events().contains(&lost));
    stage.sync(7, 2);
    assert_eq!(stage.level(), 99, "it resumes");
}

#[test]
fn when_sync_is_lost_the_universe_goes_on_with_force_6_2_6() {
    let mut stage = Stage::sacn();
    lose_sync(&mut stage, true);
    assert_eq!(stage.at(2500).level(), 34, "what waited goes out");
    assert_eq!(stage.send(synced(sacn(1, 100, &[99]), 7, true)), Merged::Taken);
    assert_eq!(stage.level(), 99);
    let lost = EventKind::SyncLost { sync: crate::event::SyncId::Sacn(7), held: false };
    assert!(stage.events().contains(&lost));
    stage.sync(7, 2);
    assert_eq!(stage.send(synced(sacn(1, 100, &[50]), 7, true)), Merged::Held, "it resumes");
}

#[test]
fn a_sync_at_2499_ms_keeps_synchronization() {
    let mut stage = Stage::sacn();
    lose_sync(&mut stage, true);
    stage.sync(7, 2);
    stage.at(2600);
    assert_eq!(stage.send(synced(sacn(1, 100, &[99]), 7, true)), Merged::Held);
}

#[test]
fn an_address_that_nobody_names_any_more_is_forgotten_with_its_loss() {
    let mut stage = Stage::sacn();
    lose_sync(&mut stage, false);
    stage.at(2500);
    stage.send(farewell(1));
    stage.at(10_000);
    assert_eq!(stage.send(synced(sacn(2, 100, &[77]), 7, false)), Merged::Taken);
    assert_eq!(stage.level(), 77, "to the next console the address is new");
}

#[test]
fn what_waits_goes_with_its_source() {
    let mut stage = Stage::sacn();
    stage.send(synced(sacn(1, 100, &[10]), 7, true));
    stage.sync(7, 1);
    stage.send(synced(sacn(1, 100, &[20]), 7, true));
    stage.send(farewell(1));
    stage.sync(7, 2);
    assert_eq!((stage.level(), stage.signal()), (10, SignalState::Lost));
}

#[test]
fn stream_terminated_on_the_sync_universe_ends_synchronization_6_2_6() {
    let mut stage = Stage::sacn();
    stage.send(synced(sacn(1, 100, &[10]), 7, true));
    stage.sync(7, 1);
    stage.send(synced(sacn(1, 100, &[20]), 7, true));
    let now = stage.time();
    stage.merge.sacn_sync_terminated(now, 7, Cid([5; 16]), &mut stage.events);
    assert_eq!(stage.level(), 10, "not from its source");
    stage.merge.sacn_sync_terminated(now, 7, Cid([9; 16]), &mut stage.events);
    assert_eq!(stage.level(), 20);
}

#[test]
fn more_addresses_than_are_followed_go_out_unsynchronised_and_one_is_told_of() {
    let mut stage = Stage::with(&["sacn/1"], MergeMode::Htp, 0, 32);
    // 64 addresses in use on several universes, by sources of their own.
    for number in 2..=4 {
        stage.merge.add(Universe::Sacn(SacnUniverse::new(number).unwrap()), Time::ZERO);
    }
    for n in 0..66u16 {
        let data = synced(sacn(1 + (n % 30) as u8, 100, &[10]), 100 + n, false);
        stage.send_to(usize::from(n / 30), data);
    }
    assert_eq!(stage.merge.sync_addresses().count(), 64);
    assert_eq!(stage.sync(165, 1), Merged::Dropped(Dropped::Sync));
    let labels = stage.labels();
    assert_eq!(labels.iter().filter(|&&label| label == "sync_limit").count(), 1);
    assert_eq!(stage.send_to(2, synced(sacn(6, 100, &[55]), 165, false)), Merged::Taken);
}

#[test]
fn the_addresses_to_join_are_those_that_sources_name() {
    let mut stage = Stage::sacn();
    let before = stage.merge.sync_generation();
    stage.send(synced(sacn(1, 100, &[10]), 7, false));
    assert_ne!(stage.merge.sync_generation(), before);
    let named = stage.merge.sync_generation();
    stage.send(synced(sacn(1, 100, &[20]), 7, false));
    assert_eq!(stage.merge.sync_generation(), named);
    stage.send(synced(sacn(1, 100, &[30]), 8, false));
    assert_eq!(stage.merge.sync_addresses().collect::<Vec<_>>(), [8]);
    stage.at(2500 + 2500);
    assert_eq!(stage.merge.sync_addresses().count(), 0);
}

#[test]
fn artdmx_waits_from_the_first_artsync_on() {
    let mut stage = Stage::with(&["artnet/1", "artnet/2"], MergeMode::Htp, 0, 4);
    for u in 0..2 {
        assert_eq!(stage.send_to(u, artnet(1, &[10])), Merged::Taken);
    }
    assert_eq!(stage.art_sync(1), Merged::Taken);
    for u in 0..2 {
        assert_eq!(stage.send_to(u, artnet(1, &[20])), Merged::Held);
    }
    stage.changed();
    stage.art_sync(1);
    assert_eq!(stage.changed(), [0, 1]);
    assert_eq!((stage.merge.levels(0)[0], stage.merge.levels(1)[0]), (20, 20));
}

#[test]
fn without_artsync_for_4_seconds_a_port_is_not_synchronous_any_more() {
    let mut stage = Stage::artnet();
    stage.send(artnet(1, &[10]));
    stage.art_sync(1);
    stage.at(3_999);
    assert_eq!(stage.send(artnet(1, &[20])), Merged::Held);
    assert_eq!(stage.level(), 10);
    assert_eq!(stage.at(4_000).level(), 20, "what waited goes out");
    assert_eq!(stage.send(artnet(1, &[30])), Merged::Taken);
    assert!(stage.labels().ends_with(&["sync_started", "sync_lost"]));
}

#[test]
fn artsync_from_an_address_that_is_not_the_artdmx_senders_is_ignored() {
    let mut stage = Stage::artnet();
    assert_eq!(stage.art_sync(1), Merged::Dropped(Dropped::Sync), "nobody sends yet");
    stage.send(artnet(1, &[10]));
    assert_eq!(stage.art_sync(2), Merged::Dropped(Dropped::Sync));
    assert_eq!(stage.send(artnet(1, &[20])), Merged::Taken);
}

#[test]
fn artsync_is_ignored_while_a_port_merges() {
    let mut stage = Stage::artnet();
    stage.send(artnet(1, &[10]));
    stage.art_sync(1);
    stage.send(artnet(1, &[20]));
    assert_eq!(stage.level(), 10);
    assert_eq!(stage.send(artnet(2, &[5])), Merged::Taken);
    assert_eq!(stage.level(), 20, "what waited goes out");
    assert_eq!(stage.send(artnet(1, &[30])), Merged::Taken);
    assert_eq!(stage.art_sync(1), Merged::Dropped(Dropped::Sync));
    assert_eq!(stage.art_sync(2), Merged::Dropped(Dropped::Sync));
}

#[test]
fn artsync_of_one_controller_leaves_the_ports_of_another_alone() {
    let mut stage = Stage::with(&["artnet/1", "artnet/2"], MergeMode::Htp, 0, 4);
    stage.send_to(0, artnet(1, &[10]));
    stage.send_to(1, artnet(2, &[10]));
    stage.art_sync(1);
    assert_eq!(stage.send_to(0, artnet(1, &[20])), Merged::Held);
    assert_eq!(stage.send_to(1, artnet(2, &[20])), Merged::Taken);
}
