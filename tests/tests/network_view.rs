//! What is on the network beside the patch, as a running relay tells it.

use std::net::UdpSocket;

use wristcast_core::snapshot::NetworkState;
use wristcast_core::universe::Universe;
use wristcast_tests::Stage;
use wristcast_tests::desk::Desk;
use wristcast_tests::scenario::{Data, Sent};

const SHOW: &str = r#"
name = "Network"
[network]
[[group]]
name = "one"
universe = "sacn/1"
address = 1
personality = "rgb"
[[group]]
name = "two"
universe = "sacn/2"
address = 1
personality = "rgb"
[[group]]
name = "artnet"
universe = "artnet/0/0/1"
address = 1
personality = "rgb"
"#;

struct Network {
    stage: Stage,
    desk: Desk,
    socket: UdpSocket,
    sent: u64,
}

impl Network {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a sender");
        Self { stage: Stage::new(SHOW), desk: Desk::default(), socket, sent: 0 }
    }

    fn send(&mut self, sent: &Sent) {
        let frame = self.desk.frame(sent);
        let to = if frame.is_artnet { self.stage.artnet } else { self.stage.sacn };
        self.socket.send_to(&frame.bytes, to).expect("loopback takes a datagram");
        self.sent += 1;
        self.stage.until_received(self.sent);
    }

    fn state(&self) -> NetworkState {
        self.stage.handle().network().expect("an answer")
    }

    fn sender(&self) -> String {
        self.socket.local_addr().expect("bound").to_string()
    }
}

fn universes(names: &[&str]) -> Vec<Universe> {
    names.iter().map(|name| name.parse().expect("a universe")).collect()
}

#[test]
fn an_idle_network_announces_nothing_and_every_sacn_universe_of_the_patch_is_missed() {
    let network = Network::new();
    let not_announced = universes(&["sacn/1", "sacn/2"]);
    assert_eq!(network.state(), NetworkState { not_announced, ..NetworkState::default() });
}

#[test]
fn announced_universes_and_those_that_nobody_patched_are_told_with_their_senders() {
    let mut network = Network::new();
    network.send(&Sent::Discovery('B', (0, 0), vec![1, 7, 9]));
    network.send(&Sent::Discovery('A', (0, 0), vec![9]));
    let dmx = |universe: &str| Sent::Dmx {
        from: [127, 0, 0, 1].into(),
        universe: universe.parse().expect("a universe"),
        sequence: 0,
        physical: 0,
        slots: vec![1; 4],
    };
    network.send(&dmx("artnet/0/0/5"));
    network.send(&dmx("artnet/0/0/1"));
    network.send(&Sent::Data(Box::new(Data::new('A', 7, vec![1]))));
    network.send(&Sent::Data(Box::new(Data::new('A', 7, vec![1]))));

    let state = network.state();
    let [a, b] = &state.announced[..] else { panic!("{state:#?}") };
    assert_eq!((a.name.as_str(), &a.universes), ("A", &universes(&["sacn/9"])));
    assert_eq!((b.name.as_str(), &b.universes), ("B", &universes(&["sacn/1", "sacn/7", "sacn/9"])));
    assert_eq!((b.universe_count, &b.address), (3, &network.sender()));
    assert_eq!(b.cid, "42424242-4242-4242-4242-424242424242");
    assert!(b.age_ms < 20_000, "{b:?}");
    assert_eq!(state.not_announced, universes(&["sacn/2"]), "Art-Net announces nothing");

    assert_eq!(state.not_patched_count, 3);
    let [seven, nine, artnet] = &state.not_patched[..] else { panic!("{state:#?}") };
    assert_eq!(seven.universe.to_string(), "sacn/7");
    assert_eq!((&seven.announced_by[..], seven.packets), (&["B".to_owned()][..], 2));
    assert_eq!(seven.address.as_ref(), Some(&network.sender()));
    assert!(seven.first_seen_ms >= seven.age_ms, "{seven:?}");
    assert_eq!(nine.universe.to_string(), "sacn/9");
    assert_eq!(nine.announced_by, ["A", "B"]);
    assert_eq!((nine.packets, &nine.address, nine.age_ms), (0, &None, None));
    assert_eq!(artnet.universe.to_string(), "artnet/0/0/5");
    assert_eq!((artnet.packets, &artnet.announced_by[..]), (1, &[][..]));
}

#[test]
fn made_up_lists_stay_within_bounds_and_do_not_hide_what_is_sent() {
    let mut network = Network::new();
    for page in 0..=124u8 {
        let first = 1 + 512 * u16::from(page);
        let list = (first..=(first + 511).min(63_999)).collect();
        network.send(&Sent::Discovery('A', (page, 124), list));
    }
    network.send(&Sent::Data(Box::new(Data::new('B', 63_999, vec![1]))));
    let state = network.state();
    let a = &state.announced[0];
    assert_eq!((a.universes.len(), a.universe_count), (4096, 63_999));
    assert_eq!((state.not_patched.len(), state.not_patched_count), (4097, 63_997));
    assert_eq!(state.not_patched.last().map(|last| last.packets), Some(1));

    for n in 0..100 {
        let source = char::from(0x80 + n);
        network.send(&Sent::Discovery(source, (0, 0), vec![5]));
    }
    let state = network.state();
    assert_eq!(state.announced.len(), 64, "sources heard longest ago made room");
    assert_eq!(state.not_patched[0].announced_by.len(), 4);
}
