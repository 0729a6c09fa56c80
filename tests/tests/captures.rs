//! Traffic recorded from real lighting software, fed over real sockets: every group shows what the
//! software that was recorded had sent.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};

use wristcast_tests::{Capture, Expected, Packet, Stage, eventually};

/// One `rgb` group on every three slots that the expectations speak of, per universe.
fn show(universes: &[(&str, usize)]) -> String {
    let mut show = "name = \"captured\"\n".to_owned();
    for (universe, slots) in universes {
        for group in 0..slots / 3 {
            show += &format!(
                "[[group]]\nname = \"{universe}:{group}\"\nuniverse = \"{universe}\"\n\
                 address = {}\npersonality = \"rgb\"\n",
                group * 3 + 1
            );
        }
    }
    show + "[[radio]]\nkind = \"simulated\"\nbands_per_group = 1\n"
}

/// Sends packets to the relay, each recorded sender from a loopback address of its own.
#[derive(Default)]
struct Replay {
    senders: BTreeMap<Ipv4Addr, UdpSocket>,
}

impl Replay {
    fn send(&mut self, stage: &Stage, packet: &Packet) {
        let next = u8::try_from(self.senders.len() + 1).unwrap();
        let sender = self
            .senders
            .entry(packet.source)
            .or_insert_with(|| UdpSocket::bind((Ipv4Addr::new(127, 0, 0, next), 0)).unwrap());
        let to = if packet.port == 5568 { stage.sacn } else { stage.artnet };
        sender.send_to(&packet.payload, to).unwrap();
    }
}

/// Replays a capture; at each expected moment the universes and their groups must hold the levels.
fn replays_as_expected(name: &str, prefixes: &[&str], slots: impl Fn(&Expected) -> Vec<u8>) {
    let capture = Capture::load(name);
    assert!(!capture.expected.is_empty());
    let mut universes: BTreeMap<String, usize> = BTreeMap::new();
    for expected in &capture.expected {
        for prefix in prefixes {
            let universe = format!("{prefix}/{}", expected.universe);
            universes.insert(universe, expected.slots.len());
        }
    }
    let universes: Vec<_> = universes.iter().map(|(u, slots)| (u.as_str(), *slots)).collect();
    let stage = Stage::new(&show(&universes));
    let mut replay = Replay::default();
    let mut sent = 0;
    for expected in &capture.expected {
        for packet in &capture.packets[sent..] {
            if packet.time > expected.time {
                break;
            }
            replay.send(&stage, packet);
            sent += 1;
        }
        stage.until_received(sent as u64);
        let slots = slots(expected);
        for prefix in prefixes {
            let universe = format!("{prefix}/{}", expected.universe);
            let levels = stage.levels(&universe);
            assert_eq!(levels[..slots.len()], slots, "{universe} at {}", expected.time);
            for (group, rgb) in slots.chunks_exact(3).enumerate() {
                let look = stage.look(&format!("{universe}:{group}"));
                assert_eq!([look.red, look.green, look.blue], rgb, "{universe} group {group}");
            }
        }
    }
    let groups: Vec<_> = stage.handle().groups().unwrap();
    eventually("every band shows its group's look", || {
        let bands = stage.handle().bands();
        bands.len() == groups.len()
            && bands.iter().all(|band| {
                groups.iter().any(|group| {
                    // How a band went there is its own: it may have glided along a ramp.
                    let mut arrived = band.look;
                    arrived.fade_ms = group.look.fade_ms;
                    group.name == band.group && group.look == arrived
                })
            })
    });
    let counts = stage.stop().packets;
    assert_eq!(counts.ignored.get("malformed"), None, "{counts:?}");
    assert_eq!(counts.kernel_dropped, 0);
}

#[test]
fn olad_fades_on_both_protocols() {
    replays_as_expected("ola_fade_sacn_artnet", &["sacn", "artnet"], |e| e.slots.clone());
}

#[test]
fn stupid_artnet_sends_full_and_short_universes() {
    replays_as_expected("stupidartnet", &["artnet"], |e| e.slots.clone());
}

#[test]
fn npm_sacn_steps_and_refreshes() {
    replays_as_expected("npm_sacn", &["sacn"], |e| e.slots.clone());
}

#[test]
fn the_sacn_crate_synchronises_two_universes() {
    replays_as_expected("rustlight_sync", &["sacn"], |e| {
        e.slots_if_sync_honoured.clone().unwrap_or_else(|| e.slots.clone())
    });
}
