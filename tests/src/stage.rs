//! A relay on loopback, on ports of its own, and what a test asks of it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use wristcast_core::config::Config;
use wristcast_core::look::LookView;
use wristcast_core::relay::{Options, Relay, RelayHandle};
use wristcast_core::universe::Universe;

/// Longest wait for a condition, generous for a loaded machine: it is only spent on failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running relay and the addresses that reach it.
#[derive(Debug)]
pub struct Stage {
    relay: Option<Relay>,
    handle: RelayHandle,
    /// Where sACN goes.
    pub sacn: SocketAddr,
    /// Where Art-Net goes.
    pub artnet: SocketAddr,
}

impl Stage {
    /// Starts a relay on loopback. `show` is a show file without `interfaces` and ports; if it has
    /// no `[network]`, one is added.
    ///
    /// # Panics
    /// If the show is wrong or the relay does not start.
    pub fn new(show: &str) -> Self {
        Self::on(show, &["127.0.0.1"])
    }

    /// The same on these interfaces.
    ///
    /// # Panics
    /// If the show is wrong or the relay does not start.
    pub fn on(show: &str, interfaces: &[&str]) -> Self {
        let (sacn, artnet) = (free_udp_port(), free_udp_port());
        let network = format!(
            "[network]\ninterfaces = {interfaces:?}\nsacn_port = {sacn}\nartnet_port = {artnet}\n"
        );
        let show = if show.contains("[network]") {
            show.replacen("[network]\n", &network, 1)
        } else {
            show.replacen("[[group]]", &format!("{network}[[group]]"), 1)
        };
        let config = match Config::parse(&show, "stage.toml") {
            Ok((config, _)) => config,
            Err(mistakes) => {
                let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                panic!("{}\n{show}", mistakes.join("\n"))
            }
        };
        let relay = Relay::start(config, Options::default()).expect("the relay starts");
        Self {
            handle: relay.handle(),
            relay: Some(relay),
            sacn: (Ipv4Addr::LOCALHOST, sacn).into(),
            artnet: (Ipv4Addr::LOCALHOST, artnet).into(),
        }
    }

    /// The relay's handle.
    pub fn handle(&self) -> &RelayHandle {
        &self.handle
    }

    /// Merged levels of a universe now.
    ///
    /// # Panics
    /// If the universe is not patched or the relay does not answer.
    pub fn levels(&self, universe: &str) -> Vec<u8> {
        let universe: Universe = universe.parse().expect("a universe");
        let state = self.handle.universe(universe).expect("an answer");
        state.expect("a patched universe").levels
    }

    /// What a group shows now.
    ///
    /// # Panics
    /// If there is no such group or the relay does not answer.
    pub fn look(&self, group: &str) -> LookView {
        let groups = self.handle.groups().expect("an answer");
        groups.into_iter().find(|g| g.name == group).expect("a group of the show").look
    }

    /// Waits until the relay has read and counted this many datagrams.
    ///
    /// # Panics
    /// If it never does.
    pub fn until_received(&self, datagrams: u64) {
        eventually("all datagrams are received", || {
            self.handle.status().packets.received >= datagrams
        });
    }

    /// Stops the relay and gives its report.
    pub fn stop(mut self) -> wristcast_core::relay::StopReport {
        self.relay.take().expect("it runs until it is stopped").stop()
    }
}

/// A UDP port that is free now. Each call gives another one.
///
/// # Panics
/// If the system has none.
pub fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
    socket.local_addr().expect("a bound socket").port()
}

/// Waits until `condition` holds.
///
/// # Panics
/// If it does not within twenty seconds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
