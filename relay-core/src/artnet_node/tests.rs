//! The node on the wire, under a clock of its own.

use super::*;
use crate::wire::artnet::{AddressFields, Poll, PollReply};
use crate::wire::{Packet, parse};

const CONSOLE: &str = "10.0.0.9:6454";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn config() -> config::ArtNetNode {
    config::ArtNetNode {
        reply: true,
        short_name: "wristcast".to_owned(),
        long_name: "The show".to_owned(),
        remote_programming: true,
    }
}

fn ports(addresses: impl IntoIterator<Item = u16>) -> Vec<PortAddress> {
    addresses.into_iter().map(|address| PortAddress::new(address).unwrap()).collect()
}

fn node_with(config: &config::ArtNetNode, addresses: impl IntoIterator<Item = u16>) -> ArtNetNode {
    let mut node = ArtNetNode::new(config, MergeMode::Htp, 6454, &ports(addresses), 1);
    node.set_interfaces(Time::ZERO, &[ETH0, ETH1]);
    node
}

const ETH0: Interface = Interface {
    index: 2,
    address: Ipv4Addr::new(10, 0, 0, 1),
    prefix: 24,
    mac: [2, 0, 0, 0, 0, 1],
};
const ETH1: Interface =
    Interface { index: 3, address: Ipv4Addr::new(2, 0, 0, 1), prefix: 8, mac: [3; 6] };

fn node(addresses: impl IntoIterator<Item = u16>) -> ArtNetNode {
    node_with(&config(), addresses)
}

/// A datagram the node sent.
#[derive(Debug)]
struct Sent {
    at: Time,
    transmit: Transmit,
    bytes: Vec<u8>,
}

impl Sent {
    fn reply(&self) -> PollReply<'_> {
        match parse(&self.bytes) {
            Ok(Packet::ArtPollReply(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    fn outputs(&self) -> Vec<u16> {
        self.reply().outputs().map(PortAddress::address).collect()
    }
}

/// Lets the clock run until the node has nothing more to send before `until`.
fn run(node: &mut ArtNetNode, until: Time) -> Vec<Sent> {
    let mut sent = Vec::new();
    let mut buffer = [0xEE; 600];
    while let Some(now) = node.poll_timeout().filter(|&wake| wake < until) {
        if let Some(early) = now.as_nanos().checked_sub(1).map(Time::from_nanos) {
            assert_eq!(node.poll_transmit(early, &mut buffer), None);
        }
        let before = sent.len();
        while let Some(transmit) = node.poll_transmit(now, &mut buffer) {
            let bytes = buffer[..transmit.len].to_vec();
            sent.push(Sent { at: now, transmit, bytes });
        }
        assert_eq!(sent.len(), before + 1, "one datagram for each time-out");
    }
    sent
}

fn poll(node: &mut ArtNetNode, now: Time, from: &str, poll: &Poll) -> PollOutcome {
    node.handle_poll(now, at(from), Some(2), poll)
}

fn address(node: &mut ArtNetNode, now: Time, fields: &AddressFields<'_>) -> AddressOutcome {
    let mut bytes = [0; 107];
    artnet::encode_address(&mut bytes, fields).unwrap();
    let Ok(Packet::ArtAddress(address)) = parse(&bytes) else { panic!() };
    node.handle_address(now, at(CONSOLE), Some(2), &address)
}

const SOON: Time = Time::from_millis(60_000);
const LEGACY: Poll = Poll {
    reply_on_change: false,
    diagnostics: false,
    diagnostics_unicast: false,
    diag_priority: 0,
    target: None,
    esta: 0,
    oem: 0,
};
const SUBSCRIBE: Poll = Poll { reply_on_change: true, ..LEGACY };

#[test]
fn a_poll_is_answered_by_unicast_within_a_second() {
    let mut node = node([1, 2]);
    assert_eq!(node.poll_timeout(), None);
    let asked = Time::from_millis(5_000);
    assert_eq!(poll(&mut node, asked, CONSOLE, &LEGACY), PollOutcome::Answered);
    let sent = run(&mut node, SOON);
    let [answer] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(answer.transmit, Transmit { to: at(CONSOLE), len: 239, interface: Some(2) });
    assert!(answer.at >= asked && answer.at.since(asked) < DELAY_MAX, "{}", answer.at);
    assert_eq!(node.poll_timeout(), None);
}

#[test]
fn the_reply_says_what_the_relay_is() {
    let mut node = node([0x1230, 0x1232]);
    poll(&mut node, Time::ZERO, CONSOLE, &LEGACY);
    let sent = run(&mut node, SOON);
    let reply = sent[0].reply();
    assert_eq!((reply.ip(), reply.port()), (Ipv4Addr::new(10, 0, 0, 1), 6454));
    assert_eq!((reply.bind_ip(), reply.bind_index()), (Ipv4Addr::new(10, 0, 0, 1), 1));
    assert_eq!(reply.mac(), [2, 0, 0, 0, 0, 1]);
    assert_eq!((reply.net(), reply.sub_net(), reply.sw_out()), (0x12, 3, [0, 2, 0, 0]));
    assert_eq!((reply.num_ports(), reply.port_types()), (2, [0x80, 0x80, 0, 0]));
    assert_eq!(reply.short_name().to_string(), "wristcast");
    assert_eq!(reply.long_name().to_string(), "The show");
    assert_eq!(reply.node_report().to_string(), "#0001 [0000] 0 of 2 universes receive");
    assert_eq!((reply.style(), reply.oem(), reply.esta()), (0, 0x00FF, 0x7FF0));
    // Indicators normal, addresses set locally, no RDM; 15-bit port-addresses, no switch to sACN.
    assert_eq!((reply.status_1(), reply.status_2(), reply.status_3()), (0xD0, 0x08, 0));
    assert_eq!(reply.good_output_a(), [0; 4]);
    assert_eq!(reply.good_output_b(), [0xB0, 0xB0, 0, 0]);
}

#[test]
fn pages_have_four_ports_of_one_sub_net_and_ascend() {
    let mut node = node([0, 1, 2, 3, 4, 0x0F, 0x10, 0x11, 0x7FFF]);
    poll(&mut node, Time::ZERO, CONSOLE, &LEGACY);
    let sent = run(&mut node, SOON);
    let pages: Vec<_> =
        sent.iter().map(|page| (page.reply().bind_index(), page.outputs())).collect();
    let expected =
        [(1, vec![0, 1, 2, 3]), (2, vec![4, 0x0F]), (3, vec![0x10, 0x11]), (4, vec![0x7FFF])];
    assert_eq!(pages, expected);
    let reports: Vec<_> =
        sent.iter().map(|page| page.reply().node_report().to_string()[6..12].to_owned()).collect();
    assert_eq!(reports, ["[0000]", "[0001]", "[0002]", "[0003]"]);
}

#[test]
fn a_show_without_art_net_answers_with_a_page_without_ports() {
    let mut node = node([]);
    assert_eq!(poll(&mut node, Time::ZERO, CONSOLE, &LEGACY), PollOutcome::Answered);
    let sent = run(&mut node, SOON);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].reply().num_ports(), sent[0].reply().bind_index()), (0, 1));
}

#[test]
fn the_largest_node_has_255_pages_and_says_what_it_leaves_out() {
    let mut node = node(0..1030);
    assert_eq!(node.unannounced(), 10);
    poll(&mut node, Time::ZERO, CONSOLE, &LEGACY);
    let sent = run(&mut node, SOON);
    assert_eq!(sent.len(), PAGES_MAX);
    assert_eq!(sent[254].reply().bind_index(), 255);
    assert!(sent.iter().flat_map(Sent::outputs).eq(0..1020));
    for pair in sent.windows(2) {
        assert!(pair[1].at.since(pair[0].at) >= PAGE_SPACING);
    }
}

#[test]
fn the_last_page_too_is_out_within_a_second() {
    let mut node = node(0..1020);
    for turn in 0..100 {
        let asked = Time::from_millis(3_000 * turn);
        poll(&mut node, asked, CONSOLE, &LEGACY);
        let sent = run(&mut node, asked + DELAY_MAX);
        assert_eq!((sent.len(), node.poll_timeout()), (PAGES_MAX, None));
    }
}

#[test]
fn a_reply_that_has_begun_is_ended_before_another_one() {
    let mut node = node(0..64);
    for from in ["10.0.0.3:6454", "10.0.0.2:6454", "10.0.0.1:6454"] {
        poll(&mut node, Time::ZERO, from, &LEGACY);
    }
    // All are due long since: the relay thread was busy.
    let mut to = Vec::new();
    let mut buffer = [0; 239];
    for late in 2_000..3_000 {
        let transmit = node.poll_transmit(Time::from_millis(late), &mut buffer);
        to.extend(transmit.map(|transmit| transmit.to));
    }
    assert_eq!(to.len(), 3 * 16);
    to.dedup();
    assert_eq!(to.len(), 3);
}

#[test]
fn the_controller_silent_for_longest_makes_room() {
    let mut node = node([1]);
    poll(&mut node, Time::ZERO, CONSOLE, &SUBSCRIBE);
    for other in 1..CONTROLLERS_MAX {
        let from = format!("10.0.1.{other}:6454");
        poll(&mut node, Time::from_millis(5_000), &from, &LEGACY);
    }
    run(&mut node, SOON);
    poll(&mut node, Time::from_millis(10_000), CONSOLE, &SUBSCRIBE);
    run(&mut node, SOON);
    let new = poll(&mut node, Time::from_millis(11_000), "10.0.2.1:6454", &LEGACY);
    assert_eq!(new, PollOutcome::Answered);
    run(&mut node, SOON);
    let receiving = OutputState { receiving: true, merging: false };
    node.set_output(Time::from_millis(12_000), ports([1])[0], receiving);
    assert_eq!(run(&mut node, SOON)[0].transmit.to, at(CONSOLE));
}

#[test]
fn delays_differ_between_polls_and_nodes_and_repeat_with_the_seed() {
    let delays = |seed| {
        let mut node = ArtNetNode::new(&config(), MergeMode::Htp, 6454, &ports([1]), seed);
        node.set_interfaces(Time::ZERO, &[ETH0]);
        let polls = (0..20).map(|second| Time::from_millis(3_000 * second));
        let delay = |now| {
            poll(&mut node, now, CONSOLE, &LEGACY);
            run(&mut node, SOON)[0].at.since(now)
        };
        polls.map(delay).collect::<Vec<_>>()
    };
    let first = delays(1);
    assert_eq!(first, delays(1));
    assert_ne!(first, delays(2));
    assert!(first.iter().all(|&delay| delay < DELAY_MAX));
    // Spread over the second, not bunched.
    assert!(first.iter().any(|&delay| delay < DELAY_MAX / 4));
    assert!(first.iter().any(|&delay| delay > DELAY_MAX / 4 * 3));
}

#[test]
fn a_targeted_poll_is_answered_by_the_pages_it_asks() {
    let mut node = node([0, 1, 2, 3, 0x10, 0x20]);
    let targeted = |bottom, top| Poll { target: Some((bottom, top)), ..LEGACY };
    assert_eq!(poll(&mut node, Time::ZERO, CONSOLE, &targeted(4, 0x0F)), PollOutcome::NotAsked);
    assert_eq!(poll(&mut node, Time::ZERO, CONSOLE, &targeted(0x20, 0x10)), PollOutcome::NotAsked);
    assert_eq!(node.poll_timeout(), None);
    assert_eq!(poll(&mut node, Time::ZERO, CONSOLE, &targeted(3, 0x10)), PollOutcome::Answered);
    let pages: Vec<_> = run(&mut node, SOON).iter().map(|page| page.reply().bind_index()).collect();
    assert_eq!(pages, [1, 2]);
}

#[test]
fn polls_with_different_targets_share_a_reply_to_all() {
    let mut node = node([0, 0x10, 0x20]);
    let targeted = |port| Poll { target: Some((port, port)), ..LEGACY };
    assert_eq!(poll(&mut node, Time::ZERO, CONSOLE, &targeted(0)), PollOutcome::Answered);
    assert_eq!(poll(&mut node, Time::ZERO, CONSOLE, &targeted(0)), PollOutcome::Shared);
    assert_eq!(poll(&mut node, Time::ZERO, CONSOLE, &targeted(0x20)), PollOutcome::Shared);
    assert_eq!(run(&mut node, SOON).len(), 3);
}

#[test]
fn a_poll_from_another_port_is_answered_there_and_at_the_art_net_port() {
    let mut node = node([1]);
    poll(&mut node, Time::ZERO, "10.0.0.9:50000", &LEGACY);
    let mut to: Vec<_> = run(&mut node, SOON).iter().map(|page| page.transmit.to).collect();
    to.sort();
    assert_eq!(to, [at("10.0.0.9:6454"), at("10.0.0.9:50000")]);
}

#[test]
fn a_poll_from_another_port_of_this_host_is_answered_there_alone() {
    let mut node = node([1]);
    for from in ["10.0.0.1:50000", "127.0.0.1:50000"] {
        poll(&mut node, Time::ZERO, from, &LEGACY);
        let sent = run(&mut node, SOON);
        assert_eq!((sent.len(), sent[0].transmit.to), (1, at(from)));
    }
}

#[test]
fn a_node_knows_its_own_reply_when_it_hears_it() {
    let reply = |node: &mut ArtNetNode| {
        poll(node, Time::ZERO, CONSOLE, &LEGACY);
        run(node, SOON).remove(0)
    };
    let mut node = node([1]);
    let own = reply(&mut node);
    assert!(node.is_own_reply(&own.reply()));
    let renamed = config::ArtNetNode { short_name: "other".to_owned(), ..config() };
    let other = reply(&mut node_with(&renamed, [1]));
    assert!(!node.is_own_reply(&other.reply()));
    let elsewhere = ArtNetNode::new(&config(), MergeMode::Htp, 6454, &ports([1]), 1);
    assert!(!elsewhere.is_own_reply(&own.reply()));
}

#[test]
fn the_reply_names_the_address_of_the_interface_that_the_poll_came_to() {
    let mut node = node([1]);
    let mut ip = |from: &str, interface| {
        node.handle_poll(Time::ZERO, at(from), interface, &LEGACY);
        let sent = run(&mut node, SOON);
        assert_eq!(sent[0].transmit.interface, interface);
        sent[0].reply().ip()
    };
    let (eth0, eth1) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(2, 0, 0, 1));
    assert_eq!(ip("10.0.0.9:6454", Some(2)), eth0);
    assert_eq!(ip("2.1.2.3:6454", Some(3)), eth1);
    // From outside of the interface's network, and with the interface unknown.
    assert_eq!(ip("192.168.1.1:6454", Some(3)), eth1);
    assert_eq!(ip("10.0.0.10:6454", Some(3)), eth1);
    assert_eq!(ip("2.1.2.4:6454", None), eth1);
    assert_eq!(ip("192.168.1.2:6454", None), eth0);
}

#[test]
fn an_interface_reaches_the_addresses_of_its_prefix() {
    let reaches = |prefix, peer: [u8; 4]| {
        let address = Ipv4Addr::new(10, 1, 2, 3);
        Interface { index: 1, address, prefix, mac: [0; 6] }.reaches(peer.into())
    };
    assert!(reaches(24, [10, 1, 2, 255]) && !reaches(24, [10, 1, 3, 3]));
    assert!(reaches(23, [10, 1, 3, 3]) && !reaches(23, [10, 1, 4, 3]));
    assert!(reaches(32, [10, 1, 2, 3]) && !reaches(32, [10, 1, 2, 2]));
    assert!(reaches(0, [200, 1, 2, 3]));
}

#[test]
fn a_node_without_an_address_has_nothing_to_answer() {
    let mut node = ArtNetNode::new(&config(), MergeMode::Htp, 6454, &ports([1]), 1);
    assert_eq!(poll(&mut node, Time::ZERO, CONSOLE, &SUBSCRIBE), PollOutcome::Unanswered);
    assert_eq!(node.handle_input(Time::ZERO, at(CONSOLE), None), PollOutcome::Unanswered);
    assert_eq!(node.poll_timeout(), None);
    node.set_interfaces(Time::ZERO, &[ETH0]);
    assert_eq!(poll(&mut node, Time::ZERO, CONSOLE, &SUBSCRIBE), PollOutcome::Answered);
    node.set_interfaces(Time::ZERO, &[]);
    let late = Time::from_millis(1_000);
    assert_eq!(node.poll_transmit(late, &mut [0; 600]), None, "an address that is gone");
    assert_eq!(node.poll_timeout(), None);
    node.set_interfaces(Time::from_millis(2_000), &[ETH0]);
    assert_eq!(run(&mut node, SOON).len(), 1, "the console asked to be told of changes");
}

#[test]
fn nothing_is_answered_when_the_show_says_so_or_over_ipv6() {
    let mut silent = node_with(&config::ArtNetNode { reply: false, ..config() }, [1]);
    assert_eq!(poll(&mut silent, Time::ZERO, CONSOLE, &SUBSCRIBE), PollOutcome::Unanswered);
    assert_eq!(silent.handle_input(Time::ZERO, at(CONSOLE), None), PollOutcome::Unanswered);
    assert_eq!(silent.poll_timeout(), None);
    let mut node = node([1]);
    assert_eq!(poll(&mut node, Time::ZERO, "[2001:db8::1]:6454", &LEGACY), PollOutcome::Unanswered);
    let mapped = poll(&mut node, Time::ZERO, "[::ffff:10.0.0.9]:6454", &LEGACY);
    assert_eq!(mapped, PollOutcome::Answered);
    assert_eq!(run(&mut node, SOON)[0].transmit.to, at(CONSOLE));
}

#[test]
fn a_console_that_polls_every_three_seconds_gets_an_answer_each_time() {
    let mut node = node([1, 2, 3]);
    for turn in 0..100 {
        let now = Time::from_millis(3_000 * turn);
        assert_eq!(poll(&mut node, now, CONSOLE, &LEGACY), PollOutcome::Answered);
        assert_eq!(run(&mut node, now + Duration::from_secs(3)).len(), 1);
    }
}

#[test]
fn a_flood_of_polls_from_one_console_is_answered_at_a_bounded_rate() {
    let mut node = node(0..16);
    let mut sent = Vec::new();
    for turn in 0..200_000u64 {
        let now = Time::from_nanos(50_000 * turn);
        poll(&mut node, now, CONSOLE, &LEGACY);
        sent.extend(run(&mut node, now + Duration::from_nanos(1)));
    }
    // 10 s: a reply of 4 pages every half second at most, and never none.
    assert!(sent.len() <= 20 * 4 + 4, "{}", sent.len());
    assert!(sent.len() >= 6 * 4, "{}", sent.len());
}

#[test]
fn a_flood_from_many_addresses_is_answered_at_a_bounded_rate_in_bounded_memory() {
    let mut node = node(0..16);
    let mut sent = Vec::new();
    let mut crowded = 0;
    for turn in 0..100_000u32 {
        let now = Time::from_nanos(100_000 * u64::from(turn));
        let from = SocketAddr::new(Ipv4Addr::from_bits(0x0B00_0000 + turn).into(), 6454);
        if node.handle_poll(now, from, None, &SUBSCRIBE) == PollOutcome::Crowded {
            crowded += 1;
        }
        sent.extend(run(&mut node, now + Duration::from_nanos(1)));
    }
    assert!(sent.len() <= 10_001, "{}", sent.len());
    assert!(crowded > 90_000, "{crowded}");
    for pair in sent.windows(2) {
        assert!(pair[1].at.since(pair[0].at) >= PAGE_SPACING);
    }
    // It can be found again as soon as the flood is over.
    let over = Time::from_millis(20_000);
    run(&mut node, over);
    assert_eq!(poll(&mut node, over, CONSOLE, &LEGACY), PollOutcome::Answered);
    assert_eq!(run(&mut node, over + DELAY_MAX).len(), 4);
}

#[test]
fn consoles_that_ask_for_it_are_told_of_changes_and_others_are_not() {
    let mut node = node([1, 2]);
    poll(&mut node, Time::ZERO, CONSOLE, &SUBSCRIBE);
    poll(&mut node, Time::ZERO, "10.0.0.10:6454", &LEGACY);
    assert_eq!(run(&mut node, SOON).len(), 2);
    let change = Time::from_millis(3_000);
    let receiving = OutputState { receiving: true, merging: false };
    node.set_output(change, ports([2])[0], receiving);
    let sent = run(&mut node, SOON);
    let [told] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(told.transmit.to, at(CONSOLE));
    assert!(told.at.since(change) < DELAY_MAX);
    assert_eq!(told.reply().good_output_a(), [0, 0x80, 0, 0]);
    assert!(told.reply().node_report().to_string().ends_with("1 of 2 universes receive"));
    // No change, no port, no reply.
    node.set_output(Time::from_millis(6_000), ports([2])[0], receiving);
    node.set_output(Time::from_millis(6_000), ports([9])[0], receiving);
    assert_eq!(node.poll_timeout(), None);
}

#[test]
fn a_console_that_stopped_asking_or_polling_is_not_told() {
    let merging = OutputState { receiving: true, merging: true };
    let mut node = node([1]);
    poll(&mut node, Time::ZERO, CONSOLE, &SUBSCRIBE);
    poll(&mut node, Time::from_millis(3_000), CONSOLE, &LEGACY);
    run(&mut node, SOON);
    node.set_output(Time::from_millis(6_000), ports([1])[0], merging);
    assert_eq!(node.poll_timeout(), None);

    poll(&mut node, Time::from_millis(60_000), CONSOLE, &SUBSCRIBE);
    run(&mut node, Time::from_millis(70_000));
    node.set_output(Time::from_millis(90_000), ports([1])[0], OutputState::default());
    assert_eq!(node.poll_timeout(), None);
}

#[test]
fn changes_come_at_a_bounded_rate_and_the_last_one_is_told() {
    let mut node = node([1]);
    poll(&mut node, Time::ZERO, CONSOLE, &SUBSCRIBE);
    let mut sent = Vec::new();
    for turn in 0..1_001u64 {
        let now = Time::from_millis(2_000 + 10 * turn);
        let state = OutputState { receiving: turn % 2 == 0, merging: false };
        node.set_output(now, ports([1])[0], state);
        sent.extend(run(&mut node, now + Duration::from_nanos(1)));
    }
    sent.extend(run(&mut node, SOON));
    assert!((10..=24).contains(&sent.len()), "{}", sent.len());
    assert_eq!(sent.last().unwrap().reply().good_output_a()[0], 0x80);
}

#[test]
fn a_change_in_the_middle_of_a_reply_is_told_in_another_one() {
    let mut node = node(0..16);
    poll(&mut node, Time::ZERO, CONSOLE, &SUBSCRIBE);
    let first = node.poll_timeout().unwrap();
    assert_eq!(run(&mut node, first + PAGE_SPACING).len(), 1);
    let receiving = OutputState { receiving: true, merging: false };
    node.set_output(first, ports([0])[0], receiving);
    let rest = run(&mut node, SOON);
    let pages: Vec<_> = rest.iter().map(|page| page.reply().bind_index()).collect();
    assert_eq!(pages, [2, 3, 4, 1, 2, 3, 4]);
    assert_eq!(rest[3].reply().good_output_a()[0], 0x80);
    assert!(rest[3].at.since(rest[2].at) >= REPLY_SPACING);
}

#[test]
fn a_new_plan_is_told_and_keeps_the_state_of_outputs_that_stay() {
    let mut node = node([1, 2]);
    let receiving = OutputState { receiving: true, merging: false };
    node.set_output(Time::ZERO, ports([2])[0], receiving);
    poll(&mut node, Time::ZERO, CONSOLE, &SUBSCRIBE);
    run(&mut node, SOON);
    node.set_port_addresses(Time::from_millis(3_000), &ports([2, 3]));
    let sent = run(&mut node, SOON);
    assert_eq!(sent[0].outputs(), [2, 3]);
    assert_eq!(sent[0].reply().good_output_a(), [0x80, 0, 0, 0]);
    node.set_port_addresses(Time::from_millis(6_000), &ports([2, 4]));
    let sent = run(&mut node, SOON);
    assert_eq!((sent.len(), sent[0].outputs()), (1, vec![2, 4]));
    assert!(sent[0].reply().node_report().to_string().ends_with("1 of 2 universes receive"));
    assert_eq!(sent[0].reply().good_output_a(), [0x80, 0, 0, 0]);
}

#[test]
fn a_reply_that_a_new_plan_has_made_void_is_dropped() {
    let mut node = node([1, 0x20]);
    let targeted = Poll { target: Some((0x20, 0x20)), ..LEGACY };
    poll(&mut node, Time::ZERO, CONSOLE, &targeted);
    node.set_port_addresses(Time::ZERO, &ports([1]));
    let mut buffer = [0; 239];
    assert_eq!(node.poll_transmit(Time::from_millis(2_000), &mut buffer), None);
    assert_eq!(node.poll_timeout(), None);
}

#[test]
fn new_addresses_are_told() {
    let mut node = node([1]);
    poll(&mut node, Time::ZERO, CONSOLE, &SUBSCRIBE);
    run(&mut node, SOON);
    let moved =
        [Interface { index: 2, address: Ipv4Addr::new(10, 0, 0, 77), prefix: 24, mac: [0; 6] }];
    node.set_interfaces(Time::from_millis(3_000), &moved);
    assert_eq!(run(&mut node, SOON)[0].reply().ip(), Ipv4Addr::new(10, 0, 0, 77));
    node.set_interfaces(Time::from_millis(9_000), &moved);
    assert_eq!(node.poll_timeout(), None);
}

#[test]
fn names_are_programmed_when_allowed_and_the_sender_is_answered_at_once() {
    let mut node = node([1]);
    let now = Time::from_millis(1_000);
    let names = AddressFields {
        bind_index: 1,
        short_name: "left",
        long_name: "Bands on the left",
        command: 0,
    };
    assert_eq!(address(&mut node, now, &names), AddressOutcome::Done);
    let sent = run(&mut node, SOON);
    assert_eq!((sent.len(), sent[0].at, sent[0].transmit.to), (1, now, at(CONSOLE)));
    assert_eq!(sent[0].reply().short_name().to_string(), "left");
    assert_eq!(sent[0].reply().long_name().to_string(), "Bands on the left");
    assert!(sent[0].reply().node_report().to_string().starts_with("#0007 "));
    assert_eq!(node.short_name().to_string(), "left");

    // Empty names leave the names alone.
    let now = Time::from_millis(3_000);
    let short = AddressFields { bind_index: 0, short_name: "right", ..AddressFields::default() };
    assert_eq!(address(&mut node, now, &short), AddressOutcome::Done);
    assert_eq!(node.long_name().to_string(), "Bands on the left");
    assert!(run(&mut node, SOON)[0].reply().node_report().to_string().starts_with("#0006 "));
}

#[test]
fn names_that_fill_their_field_keep_room_for_the_nul() {
    let mut node = node([1]);
    let mut bytes = [0; 107];
    artnet::encode_address(&mut bytes, &AddressFields::default()).unwrap();
    bytes[14..96].fill(b'x');
    let Ok(Packet::ArtAddress(packet)) = parse(&bytes) else { panic!() };
    node.handle_address(Time::ZERO, at(CONSOLE), None, &packet);
    assert_eq!(node.short_name().bytes(), [b'x'; 17]);
    assert_eq!(node.long_name().bytes(), [b'x'; 63]);
}

#[test]
fn merge_modes_are_programmed_port_by_port() {
    let mut node = node([1, 2, 3, 0x10, 0x11]);
    let second = |command| AddressFields { bind_index: 2, command, ..AddressFields::default() };
    let AddressOutcome::Programme(programme) = address(&mut node, Time::ZERO, &second(0x11)) else {
        panic!()
    };
    assert_eq!(programme.action, Action::Merge(MergeMode::Ltp));
    assert_eq!(programme.ports(), ports([0x11]));
    let sent = run(&mut node, SOON);
    assert_eq!(sent[1].reply().good_output_a(), [0, 0x02, 0, 0]);

    // Whoever wants to know of changes is told, not the programmer alone.
    poll(&mut node, Time::from_millis(5_000), "10.0.0.10:6454", &SUBSCRIBE);
    run(&mut node, Time::from_millis(8_000));
    let outcome = address(&mut node, Time::from_millis(8_000), &second(0x51));
    let AddressOutcome::Programme(programme) = outcome else { panic!() };
    assert_eq!(programme.action, Action::Merge(MergeMode::Htp));
    let sent = run(&mut node, SOON);
    assert_eq!(sent[1].reply().good_output_a(), [0; 4]);
    let to: Vec<_> = sent.iter().map(|page| page.transmit.to).collect();
    assert_eq!(to, [CONSOLE, CONSOLE, "10.0.0.10:6454", "10.0.0.10:6454"].map(at));
}

#[test]
fn cancel_merge_is_for_the_page_and_clear_for_a_port() {
    let mut node = node([1, 2, 3, 0x10, 0x11]);
    let first = |command| AddressFields { bind_index: 0, command, ..AddressFields::default() };
    let AddressOutcome::Programme(programme) = address(&mut node, Time::ZERO, &first(0x01)) else {
        panic!()
    };
    assert_eq!((programme.action, programme.ports()), (Action::CancelMerge, &ports([1, 2, 3])[..]));
    let AddressOutcome::Programme(programme) = address(&mut node, Time::ZERO, &first(0x92)) else {
        panic!()
    };
    assert_eq!((programme.action, programme.ports()), (Action::Clear, &ports([3])[..]));
}

#[test]
fn what_is_not_there_cannot_be_programmed() {
    let mut node = node([1, 2, 3, 0x10]);
    let mut outcome = |bind_index, command| {
        let fields = AddressFields { bind_index, command, ..AddressFields::default() };
        address(&mut node, Time::ZERO, &fields)
    };
    // Port, page, commands: LEDs, failsafe, direction, sACN, RDM.
    assert_eq!(outcome(1, 0x13), AddressOutcome::Ignored);
    assert_eq!(outcome(2, 0x11), AddressOutcome::Ignored);
    assert_eq!(outcome(3, 0x10), AddressOutcome::Ignored);
    assert_eq!(outcome(255, 0x01), AddressOutcome::Ignored);
    for command in [0x02, 0x09, 0x14, 0x30, 0x54, 0x70, 0x94, 0xC0, 0xFF] {
        assert_eq!(outcome(1, command), AddressOutcome::Ignored, "{command:#x}");
    }
}

#[test]
fn a_page_without_ports_has_nothing_to_programme() {
    let mut node = node([]);
    for command in [0x01, 0x10, 0x90] {
        let fields = AddressFields { bind_index: 1, command, ..AddressFields::default() };
        assert_eq!(address(&mut node, Time::ZERO, &fields), AddressOutcome::Ignored);
    }
}

#[test]
fn nothing_is_programmed_when_the_show_does_not_allow_it() {
    let mut node = node_with(&config::ArtNetNode { remote_programming: false, ..config() }, [1]);
    let fields = AddressFields { bind_index: 1, short_name: "mine", command: 0x10, long_name: "" };
    assert_eq!(address(&mut node, Time::ZERO, &fields), AddressOutcome::NotAllowed);
    let sent = run(&mut node, SOON);
    assert_eq!(sent[0].reply().short_name().to_string(), "wristcast");
    assert_eq!(sent[0].reply().good_output_a(), [0; 4]);
}

#[test]
fn an_artinput_is_answered_at_once() {
    let mut node = node([1]);
    let now = Time::from_millis(1_000);
    assert_eq!(node.handle_input(now, at(CONSOLE), None), PollOutcome::Answered);
    let sent = run(&mut node, SOON);
    assert_eq!((sent.len(), sent[0].at), (1, now));
}

#[test]
fn outputs_of_a_show_that_merges_ltp_say_so() {
    let mut node = ArtNetNode::new(&config(), MergeMode::Ltp, 6454, &ports([1]), 1);
    node.set_interfaces(Time::ZERO, &[ETH0]);
    let merging = OutputState { receiving: true, merging: true };
    node.set_output(Time::ZERO, ports([1])[0], merging);
    poll(&mut node, Time::ZERO, CONSOLE, &LEGACY);
    assert_eq!(run(&mut node, SOON)[0].reply().good_output_a(), [0x8A, 0, 0, 0]);
}

proptest::proptest! {
    #[test]
    fn whatever_controllers_do_replies_are_paced_and_all_owed_ones_are_sent(
        bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..400),
    ) {
        fuzz::node(&bytes);
    }
}

const DIAGNOSE: Poll =
    Poll { diagnostics: true, diagnostics_unicast: true, diag_priority: 0x10, ..LEGACY };

/// The diagnostics among what was sent: when, where to, priority, text.
fn diagnostics(sent: &[Sent]) -> Vec<(Time, String, u8, String)> {
    let diagnostic = |sent: &Sent| match parse(&sent.bytes) {
        Ok(Packet::ArtDiagData(data)) => {
            Some((sent.at, sent.transmit.to.to_string(), data.priority, data.text.to_string()))
        }
        _ => None,
    };
    sent.iter().filter_map(diagnostic).collect()
}

#[test]
fn a_controller_that_asks_for_diagnostics_gets_them_from_its_priority_on() {
    let now = Time::from_millis(2_000);
    let (low, high) = (DiagnosticPriority::Low, DiagnosticPriority::High);
    let mut node = node([1]);
    node.diagnose(Time::ZERO, high, &"nobody asked");
    assert_eq!(node.poll_timeout(), None);
    for (priority_min, told) in [(0x10, 2), (0x11, 1), (0x80, 1), (0x81, 0)] {
        let asking = Poll { diag_priority: priority_min, ..DIAGNOSE };
        poll(&mut node, Time::ZERO, CONSOLE, &asking);
        node.diagnose(now, low, &"a source appeared");
        node.diagnose(now, high, &"a source is lost");
        let sent = diagnostics(&run(&mut node, SOON));
        assert_eq!(sent.len(), told, "{priority_min:#x}: {sent:?}");
        assert!(sent.iter().all(|(_, to, ..)| to == CONSOLE), "{sent:?}");
        let last = sent.last().map(|(_, _, priority, text)| (*priority, text.as_str()));
        assert_eq!(last, (told > 0).then_some((0x80, "a source is lost")));
    }
    poll(&mut node, Time::ZERO, CONSOLE, &LEGACY);
    node.diagnose(now, high, &"it asks no more");
    assert_eq!(diagnostics(&run(&mut node, SOON)), []);
}

#[test]
fn diagnostics_are_broadcast_when_asked_so_or_when_several_ask() {
    let high = DiagnosticPriority::High;
    let everywhere = ["10.0.0.255:6454", "2.255.255.255:6454"];
    let mut node = node([1]);
    let broadcast = Poll { diagnostics_unicast: false, ..DIAGNOSE };
    poll(&mut node, Time::ZERO, CONSOLE, &broadcast);
    node.diagnose(Time::ZERO, high, &"one");
    let sent = diagnostics(&run(&mut node, SOON));
    assert_eq!(sent.iter().map(|(_, to, ..)| to).collect::<Vec<_>>(), everywhere);

    // From any port it is one controller, and is told at the Art-Net port.
    let mut node = node_with(&config(), [1]);
    poll(&mut node, Time::ZERO, "10.0.0.9:50000", &DIAGNOSE);
    node.diagnose(Time::ZERO, high, &"two");
    let sent = diagnostics(&run(&mut node, SOON));
    assert_eq!(sent.iter().map(|(_, to, ..)| to).collect::<Vec<_>>(), [CONSOLE]);

    // Of several the lowest priority counts.
    let choosy = Poll { diag_priority: 0xE0, ..DIAGNOSE };
    poll(&mut node, Time::ZERO, "10.0.0.10:6454", &choosy);
    node.diagnose(Time::ZERO, high, &"three");
    let sent = diagnostics(&run(&mut node, SOON));
    assert_eq!(sent.iter().map(|(_, to, ..)| to).collect::<Vec<_>>(), everywhere);
}

#[test]
fn diagnostics_come_at_a_bounded_rate_and_end_with_who_asked() {
    let mut node = node([1]);
    poll(&mut node, Time::ZERO, CONSOLE, &DIAGNOSE);
    for n in 0..1000 {
        node.diagnose(Time::ZERO, DiagnosticPriority::High, &n);
    }
    let sent = diagnostics(&run(&mut node, SOON));
    let texts: Vec<&str> = sent.iter().map(|(.., text)| text.as_str()).collect();
    assert_eq!(texts, ["0", "1", "2", "3", "4", "5", "6", "7"], "what comes first is told");
    assert!(sent.windows(2).all(|pair| pair[1].0.since(pair[0].0) >= DIAGNOSTIC_SPACING));

    let long = "x".repeat(1000);
    node.diagnose(Time::from_millis(1_000), DiagnosticPriority::High, &long);
    let sent = diagnostics(&run(&mut node, SOON));
    assert_eq!(sent[0].3.len(), 220, "cut to what has room");

    let silent = Time::ZERO + CONTROLLER_TIMEOUT;
    node.diagnose(silent, DiagnosticPriority::High, &"it is gone");
    assert_eq!(node.poll_timeout(), None);
}

#[test]
fn a_controller_outside_every_network_is_told_of_once() {
    let mut node = node([0]);
    assert_eq!(node.elsewhere(at(CONSOLE), Some(2)), None, "near");
    assert_eq!(node.elsewhere(at("127.0.0.1:6454"), None), None, "on this machine");
    let (far, own) = node.elsewhere(at("192.168.1.5:6454"), Some(3)).expect("far");
    assert_eq!((far, own), (Ipv4Addr::new(192, 168, 1, 5), ETH1.address));
    assert_eq!(node.elsewhere(at("192.168.1.5:6454"), Some(3)), None, "once");
    let told = (0..100u8).filter(|n| {
        let other = SocketAddr::from((Ipv4Addr::new(192, 168, 2, *n), 6454));
        node.elsewhere(other, None).is_some() && node.elsewhere(other, None).is_none()
    });
    assert_eq!(told.count(), 100, "each of many once at least");
}
