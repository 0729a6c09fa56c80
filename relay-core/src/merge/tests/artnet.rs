//! Two sources a port, 10 s, sequence rules, merge commands (Art-Net 4).

use super::*;

fn input(n: u8, physical: u8, slots: &[u8]) -> DmxData<'_> {
    DmxData { source: SourceId::ArtNet { ip: ip(n), physical }, ..artnet(n, slots) }
}

#[test]
fn two_sources_merge_and_the_third_is_left_out_and_told_of() {
    let mut stage = Stage::artnet();
    stage.send(artnet(1, &[10, 200]));
    assert!(!stage.merge.is_merging(0));
    stage.send(artnet(2, &[20, 100]));
    assert!(stage.merge.is_merging(0));
    assert_eq!(stage.send(artnet(3, &[255, 255])), Merged::Dropped(Dropped::SourceLimit));
    assert_eq!(stage.levels(2), [20, 200]);
    assert_eq!(stage.sources()[2], (3, Some(Silence::SourceLimit)));
    assert!(stage.labels().contains(&"source_limit"));
}

#[test]
fn the_inputs_of_one_node_are_two_sources() {
    let mut stage = Stage::artnet();
    stage.send(input(1, 0, &[10, 200]));
    stage.send(input(1, 1, &[20, 100]));
    assert_eq!(stage.levels(2), [20, 200]);
    assert!(!stage.merge.is_merging(0), "they come from one address");
    assert_eq!(stage.send(input(1, 2, &[255])), Merged::Dropped(Dropped::SourceLimit));
}

#[test]
fn a_source_is_gone_after_10_seconds() {
    let mut stage = Stage::artnet();
    stage.send(artnet(1, &[10]));
    assert_eq!(stage.at(9_999).signal(), SignalState::Live);
    assert_eq!(stage.at(10_000).signal(), SignalState::Lost);
    assert_eq!(stage.level(), 10);
}

#[test]
fn the_source_that_stops_stays_in_the_merge_for_10_seconds() {
    let mut stage = Stage::artnet();
    stage.send(artnet(1, &[200]));
    stage.stream(9_999, &[artnet(2, &[10])]);
    assert_eq!(stage.level(), 200);
    assert_eq!(stage.at(10_000).level(), 10);
}

#[test]
fn when_both_sources_stop_the_last_merge_result_stays() {
    let mut stage = Stage::artnet();
    stage.send(artnet(1, &[200, 0]));
    stage.at(4000);
    stage.send(artnet(2, &[0, 200]));
    for now in 4000..20_000 {
        assert_eq!(stage.at(now).levels(2), [200, 200]);
    }
    assert_eq!(stage.signal(), SignalState::Lost);
}

#[test]
fn a_source_heard_5_seconds_after_another_has_outlived_it() {
    for (heard, level) in [(4_999, 200), (5_000, 10)] {
        let mut stage = Stage::artnet();
        stage.send(artnet(1, &[200]));
        stage.at(heard);
        stage.send(artnet(2, &[10]));
        assert_eq!(stage.at(10_000).level(), level);
    }
}

#[test]
fn sequence_0_takes_no_part() {
    let mut stage = Stage::artnet();
    let uncounted = |level| DmxData { sequence: None, ..artnet(1, level) };
    assert!(stage.apply(0, &numbered(artnet(1, &[1]), 100)).is_taken());
    assert!(stage.apply(0, &uncounted(&[2])).is_taken());
    assert!(stage.apply(0, &uncounted(&[3])).is_taken());
    assert!(!stage.apply(0, &numbered(artnet(1, &[4]), 99)).is_taken());
    assert!(stage.apply(0, &numbered(artnet(1, &[5]), 101)).is_taken());
    assert_eq!(stage.level(), 5);
}

#[test]
fn from_255_the_numbers_go_to_1_and_nothing_is_missing() {
    let mut stage = Stage::artnet();
    for number in [253, 254, 255, 1, 2, 4] {
        assert!(stage.send(numbered(artnet(1, &[number]), number)).is_taken());
    }
    assert_eq!(stage.sample().sources()[0].sequence_errors, 1, "3 is missing");
}

#[test]
fn a_source_that_restarts_is_heard_again_after_at_most_20_packets() {
    for before in 1..=255 {
        let mut stage = Stage::artnet();
        stage.send(numbered(artnet(1, &[1]), before));
        let taken = (1..=21).position(|n| stage.send(numbered(artnet(1, &[2]), n)).is_taken());
        assert!(taken.is_some_and(|dropped| dropped <= 20), "after {before}");
    }
}

#[test]
fn a_source_that_repeats_one_number_is_heard() {
    let mut stage = Stage::artnet();
    let taken = (0..=255).filter(|&n| stage.send(numbered(artnet(1, &[n]), 1)).is_taken()).count();
    assert_eq!(taken, 256usize.div_ceil(21));
}

#[test]
fn cancel_merge_gives_the_port_to_the_next_source_until_it_is_lost() {
    let mut stage = Stage::artnet();
    stage.send(artnet(1, &[200]));
    stage.send(artnet(2, &[10]));
    stage.merge.cancel_merge(0);
    assert_eq!(stage.level(), 200, "until the next packet");
    stage.send(artnet(2, &[11]));
    assert_eq!(stage.level(), 11);
    assert_eq!(stage.send(artnet(1, &[200])), Merged::Dropped(Dropped::MergeCancelled));
    assert_eq!(stage.sources(), [(2, None), (1, Some(Silence::MergeCancelled))]);
    stage.at(10_000);
    assert!(stage.send(artnet(1, &[200])).is_taken());
    assert_eq!(stage.level(), 200);
}

#[test]
fn cancel_merge_may_be_followed_by_a_source_that_was_left_out() {
    let mut stage = Stage::artnet();
    for n in 1..=3 {
        stage.send(artnet(n, &[n]));
    }
    stage.merge.cancel_merge(0);
    assert!(stage.send(artnet(3, &[3])).is_taken());
    assert_eq!(stage.level(), 3);
    assert_eq!(stage.sources().iter().filter(|(_, why)| why.is_none()).count(), 1);
}

#[test]
fn the_merge_mode_of_one_port_can_change() {
    let mut stage = Stage::artnet();
    stage.send(artnet(1, &[200]));
    stage.send(artnet(2, &[10]));
    let now = stage.time();
    stage.merge.set_mode(0, MergeMode::Ltp, now, &mut stage.events);
    assert_eq!(stage.level(), 10);
    stage.merge.set_mode(0, MergeMode::Htp, now, &mut stage.events);
    assert_eq!(stage.level(), 200);
}

#[test]
fn clear_darkens_a_port_until_its_source_sends_something_else() {
    let mut stage = Stage::artnet();
    stage.send(artnet(1, &[200]));
    stage.changed();
    let now = stage.time();
    stage.merge.clear(0, now, &mut stage.events);
    assert_eq!((stage.level(), stage.changed()), (0, vec![0]));
    stage.send(artnet(1, &[200]));
    assert_eq!(stage.level(), 200);
}

#[test]
fn the_name_from_its_poll_reply_is_shown_for_a_controller() {
    let mut stage = Stage::artnet();
    stage.send(artnet(1, &[1]));
    stage.merge.art_name(ip(1), b"grandMA");
    stage.merge.art_name(ip(2), b"somebody else");
    assert_eq!(stage.sample().sources()[0].name.bytes(), b"grandMA");
}
