//! Two relays, case by case.

use std::time::Duration;

use super::model::{Pair, TIMING};
use super::{Event, Order, OrderRefused, Own, Role, Why};
use crate::time::Time;

/// The silence that ends in a take-over, and what comes on top: a tick, and a beat's way there and
/// back.
const TAKE_OVER_MS: u64 = 500;
const MARGIN_MS: u64 = 50;

/// Both run, the preferred one drives.
fn pair() -> Pair {
    let mut pair = Pair::new(1, false);
    let took = pair.until("the preferred relay drives", |pair| pair.writes(0));
    assert!(took < 200, "{took} ms: nobody waits for a take-over time if both are there");
    pair.run(5_000);
    assert!(pair.writes(0) && pair.both.is_empty());
    pair
}

/// It was the only one that ever drove since.
#[track_caller]
fn drives(pair: &Pair, relay: usize) {
    assert!(pair.writes(relay) && !pair.writes(1 - relay), "{}", pair.story());
    assert!(pair.both.is_empty(), "both wrote at {:?}", pair.both);
}

fn last(pair: &Pair, relay: usize) -> Event {
    pair.relays[relay].events.last().expect("something happened").1
}

#[test]
fn a_relay_that_dies_is_followed_within_the_stated_time() {
    for phase in 0..60 {
        let mut pair = pair();
        pair.run(phase);
        pair.relays[0].crashed = true;
        let took = pair.until("the other drives", |pair| pair.writes(1));
        // The last beat was up to a beat old, and may have been on its way.
        assert!((TAKE_OVER_MS - 65..=TAKE_OVER_MS + MARGIN_MS).contains(&took), "{took} ms");
        drives(&pair, 1);
    }
}

#[test]
fn a_relay_that_stood_still_writes_nothing_when_it_goes_on() {
    let mut pair = pair();
    pair.relays[0].paused_until = pair.now + 3_000;
    let took = pair.until("the other drives", |pair| pair.writes(1));
    assert!(took <= TAKE_OVER_MS + MARGIN_MS, "{took} ms");
    pair.run(10_000);
    drives(&pair, 1);
    assert!(pair.relays[0].events.iter().any(|(_, e)| *e == Event::Follows(Why::StoodStill)));
}

#[test]
fn a_relay_that_stood_still_alone_drives_again() {
    let mut pair = pair();
    pair.relays[1].crashed = true;
    pair.run(5_000);
    pair.relays[0].paused_until = pair.now + 3_000;
    pair.run(3_000);
    let took = pair.until("it drives again", |pair| pair.writes(0));
    assert!(took <= 2 * TAKE_OVER_MS + MARGIN_MS, "{took} ms");
}

#[test]
fn a_relay_whose_cable_is_pulled_lets_go_before_the_other_takes_over() {
    for phase in 0..60 {
        let mut pair = pair();
        pair.loss = 20;
        pair.run(phase * 7);
        pair.relays[0].pulled_until = u64::MAX;
        let stopped = pair.until("it stops", |pair| !pair.writes(0));
        let took = stopped + pair.until("the other drives", |pair| pair.writes(1));
        assert!(took <= TAKE_OVER_MS + MARGIN_MS, "{took} ms");
        pair.run(3_000);
        drives(&pair, 1);
        assert_eq!(pair.relays[0].node.role(), Role::Follows, "it lets go of its bands");
    }
}

#[test]
fn what_lay_in_a_queue_while_a_cable_was_out_takes_no_bands_from_the_one_that_drives() {
    for phase in 0..60 {
        let mut pair = pair();
        pair.pulled_queues = true;
        pair.run(phase * 3);
        pair.relays[0].pulled_until = pair.now + 1_000 + phase * 50;
        pair.until("the other drives", |pair| pair.writes(1));
        // The cable comes back, and with it first what the other said before it drove.
        let mut paused = 0;
        for _ in 0..6_000 {
            pair.run(1);
            paused += u32::from(!pair.writes(1));
        }
        // Until the first's answer to what is said now: a beat, and its way.
        assert!(paused <= 100, "{paused} ms: {}", pair.story());
        drives(&pair, 1);
        assert_eq!(pair.relays[1].node.take_overs(), 1, "{}", pair.story());
        assert_eq!(pair.relays[0].node.take_overs(), 1, "{}", pair.story());
    }
}

#[test]
fn a_relay_that_is_not_heard_takes_no_lost_beats_for_the_death_of_the_one_that_took_over() {
    for seed in 0..60 {
        let mut pair = Pair::new(seed, false);
        pair.loss = 25;
        pair.run(1_000);
        pair.hold(0, 2_600);
        pair.run(4_000);
        assert!(pair.both.is_empty(), "seed {seed}: {:?}\n{}", pair.both, pair.story());
    }
}

#[test]
fn bands_that_were_given_long_ago_are_not_taken() {
    let mut pair = pair();
    pair.order(0, Order::Give);
    pair.hold(0, 2_000);
    pair.relays[0].pulled_until = pair.now + 1;
    pair.run(20_000);
    assert!(pair.both.is_empty(), "both wrote at {:?}\n{}", pair.both, pair.story());
    assert!(pair.writer().is_some(), "{}", pair.story());
}

#[test]
fn the_death_of_the_one_that_follows_interrupts_nothing() {
    let mut pair = pair();
    pair.relays[1].crashed = true;
    for _ in 0..10_000 {
        pair.run(1);
        assert!(pair.writes(0), "interrupted: {}", pair.story());
    }
    // And later the consoles may be silent, too: the loss policy is this relay's to show.
    pair.console = false;
    pair.run(10_000);
    assert!(pair.writes(0));
    assert_eq!(last(&pair, 0), Event::PeerLost);
}

#[test]
fn a_relay_that_lost_its_input_gives() {
    let mut pair = pair();
    pair.relays[0].deaf_until = u64::MAX;
    let took = pair.until("the other drives", |pair| pair.writes(1));
    assert!((500..=500 + 150).contains(&took), "{took} ms");
    drives(&pair, 1);
    assert!(pair.relays[0].events.iter().any(|(_, e)| *e == Event::Follows(Why::InputLost)));
    pair.relays[0].deaf_until = 0;
    pair.run(60_000);
    drives(&pair, 1);
}

#[test]
fn a_console_that_was_slow_a_moment_ago_does_not_delay_the_take_over() {
    // It stood still for a moment; nothing moved for a while.
    for pause in [true, false] {
        let mut pair = pair();
        pair.console = !pause;
        pair.console_ms = 1_000;
        pair.run(if pause { 1_100 } else { 4_000 });
        (pair.console, pair.console_ms) = (true, 23);
        pair.run(700);
        drives(&pair, 0);
        pair.relays[0].deaf_until = u64::MAX;
        let took = pair.until("the other drives", |pair| pair.writes(1));
        assert!((500..=500 + 150).contains(&took), "{took} ms");
        drives(&pair, 1);
    }
}

#[test]
fn two_lost_packets_of_a_console_that_sends_once_a_second_are_no_loss_of_input() {
    let mut pair = pair();
    pair.console_ms = 1_000;
    pair.run(6_000);
    for _ in 0..20 {
        // Both are sent while it hears nothing.
        pair.until("a packet", |pair| pair.now.is_multiple_of(1_000));
        pair.relays[0].deaf_until = pair.now + 1_500;
        pair.run(4_000 + 7);
        drives(&pair, 0);
    }
    assert_eq!(pair.relays[0].node.take_overs(), 1, "{}", pair.story());
    pair.relays[0].deaf_until = u64::MAX;
    let took = pair.until("the other drives", |pair| pair.writes(1));
    assert!((2_000..=3_150).contains(&took), "{took} ms");
}

#[test]
fn input_lost_right_after_a_take_over_is_given_when_the_bands_have_settled() {
    for after in [0, 700, 1_900] {
        let mut pair = pair();
        pair.relays[0].crashed = true;
        pair.until("the other drives", |pair| pair.writes(1));
        pair.restart(0);
        pair.run(after);
        pair.relays[1].deaf_until = u64::MAX;
        let took = pair.until("the first drives", |pair| pair.writes(0));
        let soonest = (2_000 - after).max(500);
        assert!((soonest..=soonest + 150).contains(&took), "{took} ms");
    }
}

#[test]
fn a_relay_that_hears_fewer_universes_gives() {
    let mut pair = pair();
    pair.relays[0].live = 3;
    let took = pair.until("the other drives", |pair| pair.writes(1));
    assert!((1_000..=1_200).contains(&took), "{took} ms");
    drives(&pair, 1);
}

#[test]
fn a_relay_whose_radios_are_gone_gives_and_one_without_radios_is_given_nothing() {
    let mut pair = pair();
    pair.relays[0].able = false;
    // A dongle that is reset is back soon.
    pair.run(2_500);
    drives(&pair, 0);
    pair.relays[0].able = true;
    pair.run(5_000);
    drives(&pair, 0);
    pair.relays[0].able = false;
    let took = pair.until("the other drives", |pair| pair.writes(1));
    assert!((3_000..=3_200).contains(&took), "{took} ms");
    assert!(pair.relays[0].events.iter().any(|(_, e)| *e == Event::Follows(Why::RadiosLost)));
    pair.run(5_000);
    // It comes to drive all the same when the other dies, and gives when that one is back.
    pair.relays[1].crashed = true;
    pair.until("it drives", |pair| pair.writes(0));
    pair.restart(1);
    pair.until("the other drives", |pair| pair.writes(1));
    pair.run(5_000);
    // Its input is lost, and nobody else could light a band.
    pair.relays[1].deaf_until = u64::MAX;
    pair.relays[1].able = false;
    pair.run(10_000);
    drives(&pair, 1);
    let now = Time::from_millis(pair.now);
    let refused = pair.relays[1].node.order(now, Order::Give);
    assert_eq!(refused, Err(OrderRefused::PeerUnable));
}

#[test]
fn consoles_that_fall_silent_for_both_change_nothing() {
    let mut pair = pair();
    pair.console = false;
    pair.run(20_000);
    drives(&pair, 0);
    assert_eq!(pair.relays[0].node.take_overs(), 1);
}

#[test]
fn a_relay_gives_and_takes_on_order_and_nobody_drives_twice() {
    let mut pair = pair();
    for (orderer, order, driver) in
        [(0, Order::Give, 1), (0, Order::Take, 0), (1, Order::Take, 1), (1, Order::Give, 0)]
    {
        pair.order(orderer, order);
        let took = pair.until("the other drives", |pair| pair.writes(driver));
        assert!(took < 120, "{took} ms");
        pair.run(30_000);
        drives(&pair, driver);
    }
}

#[test]
fn orders_that_make_no_sense_are_refused() {
    let mut pair = pair();
    let now = Time::from_millis(pair.now);
    assert_eq!(pair.relays[1].node.order(now, Order::Give), Err(OrderRefused::NotDriving));
    assert_eq!(pair.relays[0].node.order(now, Order::Take), Ok(()), "it drives already");
    pair.relays[1].crashed = true;
    pair.run(2_000);
    let now = Time::from_millis(pair.now);
    assert_eq!(pair.relays[0].node.order(now, Order::Give), Err(OrderRefused::NobodyThere));
}

#[test]
fn the_preferred_relay_gets_the_bands_back_only_if_that_is_wanted() {
    for gives_back in [false, true] {
        let mut pair = Pair::new(1, gives_back);
        pair.run(5_000);
        pair.relays[0].crashed = true;
        pair.run(2_000);
        drives(&pair, 1);
        pair.restart(0);
        pair.run(9_000);
        drives(&pair, 1);
        pair.run(10_000);
        drives(&pair, usize::from(!gives_back));
        // What an operator gave away stays there.
        pair.order(0, Order::Give);
        pair.run(30_000);
        drives(&pair, 1);
    }
}

#[test]
fn one_that_is_alone_from_the_start_drives_when_it_hears_a_console() {
    for relay in 0..2 {
        let mut pair = Pair::new(1, false);
        pair.relays[1 - relay].crashed = true;
        pair.console = false;
        pair.run(5_000);
        assert_eq!(pair.writer(), None, "its cable may be out");
        pair.console = true;
        pair.until("it drives", |pair| pair.writes(relay));
    }
}

#[test]
fn one_whose_cable_is_out_at_the_start_does_not_drive_beside_the_other() {
    let mut pair = pair();
    pair.relays[1].pulled_until = pair.now + 5_000;
    pair.restart(1);
    pair.run(20_000);
    drives(&pair, 0);
}

#[test]
fn a_link_that_is_lost_one_way_leaves_one_driver() {
    for lost in 0..2 {
        let mut pair = pair();
        pair.cut[lost] = true;
        pair.run(10_000);
        assert!(pair.writer().is_some());
        pair.cut[lost] = false;
        pair.run(10_000);
        assert!(pair.both.is_empty() && pair.writer().is_some(), "{:?}", pair.both);
    }
}

#[test]
fn a_link_that_is_lost_both_ways_leaves_two_that_may_and_one_when_it_is_back() {
    let mut pair = pair();
    pair.cut = [true; 2];
    // The bands stay where they are: each takes one connection.
    pair.relays[1].connected = 0;
    pair.run(5_000);
    assert!(pair.writes(0) && pair.writes(1), "only the bands can tell");
    pair.cut = [false; 2];
    let took = pair.until("one", |pair| pair.writes(0) != pair.writes(1));
    assert!(took < 150, "{took} ms");
    pair.until("the one that holds the bands writes", |pair| pair.writes(0));
    pair.both.clear();
    pair.run(10_000);
    drives(&pair, 0);
}

#[test]
fn a_relay_whose_relay_thread_is_stuck_lets_go() {
    let mut pair = pair();
    let stuck = Own { works: false, ..Own::default() };
    let now = Time::from_millis(pair.now + 1);
    let node = &mut pair.relays[0].node;
    let _ = node.handle_tick(now, &stuck);
    assert_eq!((node.role(), node.license(now)), (Role::Follows, None));
}

#[test]
fn the_times_leave_room_for_lost_beats() {
    // Pulled right after three lost beats: it stops half a take-over time after the last it heard.
    let stops = TIMING.lease() + TIMING.tick();
    let taken = TIMING.take_over - 4 * TIMING.beat();
    assert!(stops < taken, "{stops:?} < {taken:?}");
    assert!(TIMING.lease() >= 4 * TIMING.beat(), "a lost beat or two interrupts nothing");
    assert_eq!(TIMING.tick(), Duration::from_micros(12_500));
}
