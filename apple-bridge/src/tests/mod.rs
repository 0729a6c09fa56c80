//! The boundary as an app uses it, over real sockets on loopback.

mod continuity;
mod lifecycle;
mod namespace;
mod phone;
mod property_lists;
mod radio;
mod suspension;

use std::collections::HashMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use super::*;

/// Waits until `look` finds something.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::yield_now();
    }
}

/// A port that nobody has. Not one of those the system gives to sockets that ask for none: between
/// here and the relay's start another test could get it.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let offset = (std::process::id() as u16).wrapping_mul(64);
        let offset = offset.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 10_000 + offset % 10_000;
        if UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}

/// A show of one group, `left`, on `artnet/0/0/1`, with `more` behind it.
fn show_text(artnet_port: u16, more: &str) -> String {
    format!(
        r#"
name = "phone"
[network]
interfaces = ["127.0.0.1"]
sacn_port = {}
artnet_port = {artnet_port}
[[group]]
name = "left"
universe = "artnet/0/0/1"
address = 1
personality = "rgb"
{more}
"#,
        free_port()
    )
}

fn text(toml: String) -> Show {
    Show::Text { toml, files: HashMap::new() }
}

const SIMULATED: &str = "[[radio]]\nkind = \"simulated\"\nbands_per_group = 1\n";

/// A console that sends Art-Net, and a relay that hears it.
struct Stage {
    relay: Arc<BridgeRelay>,
    console: UdpSocket,
    port: u16,
    sequence: u8,
    sent: u64,
}

impl Stage {
    fn new(more: &str) -> Self {
        let port = free_port();
        let relay = BridgeRelay::new();
        relay.start(text(show_text(port, more))).unwrap();
        let console = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { relay, console, port, sequence: 0, sent: 0 }
    }

    /// Sends one packet of levels with the next sequence number.
    fn send(&mut self, levels: [u8; 4]) {
        self.send_to(Ipv4Addr::LOCALHOST, levels);
    }

    /// Likewise, to this address; it may be unreachable.
    fn send_to(&mut self, to: Ipv4Addr, levels: [u8; 4]) {
        self.sequence = if self.sequence == 255 { 1 } else { self.sequence + 1 };
        let mut packet = b"Art-Net\0\x00\x50\x00\x0e".to_vec();
        packet.extend([self.sequence, 0, 1, 0, 0, 4]);
        packet.extend(levels);
        let sent = self.console.send_to(&packet, (to, self.port));
        assert!(sent.is_ok() || !to.is_loopback(), "{sent:?}");
        self.sent += 1;
    }

    fn snapshot(&self) -> Snapshot {
        self.relay.snapshot().unwrap().expect("it runs")
    }

    /// Sends until the relay has heard something that was sent just now.
    fn send_until_heard(&mut self) {
        let before = self.snapshot().packets.received;
        eventually("heard", || {
            self.send([1, 2, 3, 0]);
            (self.snapshot().packets.received > before).then_some(())
        });
    }
}

#[test]
fn an_app_sees_the_light_that_a_console_sends() {
    let mut stage = Stage::new(SIMULATED);
    let left = eventually("light", || {
        stage.send([10, 20, 30, 0]);
        Some(stage.snapshot().groups[0].clone()).filter(|left| !left.lost)
    });
    assert_eq!((left.red, left.green, left.blue, left.dimmer), (10, 20, 30, 255));
    let snapshot = stage.snapshot();
    let [source] = &snapshot.sources[..] else { panic!("{:?}", snapshot.sources) };
    assert_eq!((source.universe.as_str(), source.missed), ("artnet/0/0/1", 0));
    let on = &snapshot.interfaces[0].name;
    assert_eq!(source.interface.as_ref(), Some(on), "the interface that reaches it");
    assert!(source.seen > 0 && source.contributing);
    assert_eq!((snapshot.universes, snapshot.universes_live), (1, 1));
    stage.relay.stop();
    assert!(!stage.relay.is_running());
    assert_eq!(stage.relay.snapshot().unwrap(), None);
}

#[test]
fn a_panic_darkens_every_group_until_it_is_released() {
    let mut stage = Stage::new(SIMULATED);
    stage.send_until_heard();
    stage.relay.panic(true).unwrap();
    let dark = stage.snapshot();
    assert!(dark.panic);
    assert_eq!((dark.groups[0].red, dark.groups[0].green, dark.groups[0].blue), (0, 0, 0));
    stage.relay.panic(false).unwrap();
    assert_eq!((stage.snapshot().panic, stage.snapshot().groups[0].red), (false, 1));
    let by = stage.relay.events(0).into_iter().filter_map(|event| event.by).collect::<Vec<_>>();
    assert!(by.iter().all(|by| by == "app (bridge)") && by.len() == 2, "{by:?}");
}

#[test]
fn a_changed_show_is_taken_over_or_refused_with_its_reason() {
    let stage = Stage::new(SIMULATED);
    let renamed = show_text(stage.port, SIMULATED).replace("\"left\"", "\"right\"");
    let refused = stage.relay.reload(text(renamed.clone())).unwrap_err();
    assert!(matches!(&refused, BridgeError::Refused { reason } if reason.contains("port")));
    let sacn = stage.snapshot().sockets[0].address.rsplit(':').next().unwrap().to_owned();
    let same_ports: String = renamed
        .lines()
        .map(|line| match line.starts_with("sacn_port") {
            true => format!("sacn_port = {sacn}\n"),
            false => format!("{line}\n"),
        })
        .collect();
    stage.relay.reload(text(same_ports)).unwrap();
    assert_eq!(stage.snapshot().groups[0].name, "right");
    let wrong = stage.relay.reload(text("colour = 1".to_owned())).unwrap_err();
    assert!(matches!(wrong, BridgeError::ShowFile { .. }), "{wrong}");
    assert_eq!(stage.snapshot().groups[0].name, "right", "the running one goes on");
}
