//! The wristcast relay inside an app, over UniFFI: start, stop, snapshot.
//!
//! A small surface at control rate. Every call is synchronous, idempotent and safe from any thread.
//! Packets and looks never cross this boundary: they stay on the relay's own
//! threads, and the app reads what became of them from [`BridgeRelay::snapshot`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wristcast_core::config::Config;
use wristcast_core::relay::{HandleError, Options, Relay};
use wristcast_core::snapshot;

uniffi::setup_scaffolding!();

/// Why a call failed, in words for the person who holds the phone.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum BridgeError {
    /// The show file has mistakes; one line each, with line and column.
    #[error("the show file has mistakes:\n{mistakes}")]
    ShowFile {
        /// What is wrong, where, and what was expected.
        mistakes: String,
    },
    /// The relay could not start.
    #[error("the relay could not start: {reason}")]
    Start {
        /// What failed and what to do.
        reason: String,
    },
    /// The relay runs but did not answer.
    #[error("the relay did not answer: {reason}")]
    NoAnswer {
        /// What was waited for.
        reason: String,
    },
}

/// The relay at a moment. Ages in ms, rates in Hz.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Snapshot {
    /// The show's name.
    pub show: String,
    /// Time since start, ms.
    pub uptime_ms: u64,
    /// Datagrams read from the sockets since start.
    pub packets_received: u64,
    /// Datagrams whose levels were taken since start.
    pub packets_accepted: u64,
    /// Datagrams per second now.
    pub packets_per_second: f64,
    /// The groups, in the order of the show file.
    pub groups: Vec<GroupSnapshot>,
    /// Bands reachable now.
    pub bands_connected: u32,
    /// Faults standing now, in plain words with what to do; empty = all is well.
    pub faults: Vec<String>,
}

/// One group at a moment.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct GroupSnapshot {
    /// Its name.
    pub name: String,
    /// Red, 0..=255, before the dimmer.
    pub red: u8,
    /// Green, 0..=255, before the dimmer.
    pub green: u8,
    /// Blue, 0..=255, before the dimmer.
    pub blue: u8,
    /// White, 0..=255, before the dimmer.
    pub white: u8,
    /// Dimmer, 0..=255.
    pub dimmer: u8,
    /// Since its universes were last heard, ms; `None` before the first packet.
    pub age_ms: Option<u64>,
    /// Signal lost, or never there.
    pub lost: bool,
}

/// A relay that an app starts and stops. An app may hold several.
#[derive(Debug, Default, uniffi::Object)]
pub struct BridgeRelay {
    running: Mutex<Option<Relay>>,
}

#[uniffi::export]
impl BridgeRelay {
    /// A relay that does not run yet.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Starts the relay with the text of a show file. Does nothing if it runs already.
    ///
    /// # Errors
    /// [`BridgeError::ShowFile`] with every mistake in the file; [`BridgeError::Start`] if the
    /// system refuses a socket.
    pub fn start(&self, show: String) -> Result<(), BridgeError> {
        let mut running = self.lock();
        if running.is_some() {
            return Ok(());
        }
        let (config, _warnings) = Config::parse(&show, "show.toml").map_err(|mistakes| {
            BridgeError::ShowFile { mistakes: mistakes.iter().map(|m| format!("{m}\n")).collect() }
        })?;
        let relay = Relay::start(config, Options::default())
            .map_err(|error| BridgeError::Start { reason: error.to_string() })?;
        *running = Some(relay);
        Ok(())
    }

    /// Leaves the bands in the show's end look and stops. Does nothing if the relay does not run.
    pub fn stop(&self) {
        if let Some(relay) = self.lock().take() {
            let _ = relay.stop();
        }
    }

    /// Whether the relay runs.
    pub fn is_running(&self) -> bool {
        self.lock().is_some()
    }

    /// What the relay does now; `None` if it does not run.
    ///
    /// # Errors
    /// [`BridgeError::NoAnswer`] if the relay's thread gives no answer in time.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, BridgeError> {
        let Some(handle) = self.lock().as_ref().map(Relay::handle) else {
            return Ok(None);
        };
        let no_answer = |error: HandleError| BridgeError::NoAnswer { reason: error.to_string() };
        let status = handle.status();
        let groups = handle.groups().map_err(no_answer)?;
        Ok(Some(Snapshot {
            show: status.show,
            uptime_ms: status.uptime_ms,
            packets_received: status.packets.received,
            packets_accepted: status.packets.accepted,
            packets_per_second: status.packets_per_second,
            groups: groups.into_iter().map(GroupSnapshot::from).collect(),
            bands_connected: status.bands_connected,
            faults: status.faults,
        }))
    }
}

impl BridgeRelay {
    /// A panic while the lock was held leaves at worst a relay that stopped; the value is sound.
    fn lock(&self) -> MutexGuard<'_, Option<Relay>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<snapshot::GroupState> for GroupSnapshot {
    fn from(group: snapshot::GroupState) -> Self {
        Self {
            name: group.name,
            red: group.look.red,
            green: group.look.green,
            blue: group.look.blue,
            white: group.look.white,
            dimmer: group.look.dimmer,
            age_ms: group.age_ms,
            lost: group.lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::time::{Duration, Instant};

    use super::*;

    fn free_port() -> u16 {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
    }

    fn show(artnet_port: u16) -> String {
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
[[radio]]
kind = "simulated"
bands_per_group = 1
"#,
            free_port()
        )
    }

    #[test]
    fn an_app_sees_the_light_that_a_console_sends() {
        let port = free_port();
        let relay = BridgeRelay::new();
        relay.start(show(port)).unwrap();
        let console = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let start = Instant::now();
        let left = loop {
            let mut packet = b"Art-Net\0\x00\x50\x00\x0e\x00\x00\x01\x00\x00\x04".to_vec();
            packet.extend([10, 20, 30, 0]);
            console.send_to(&packet, (Ipv4Addr::LOCALHOST, port)).unwrap();
            let snapshot = relay.snapshot().unwrap().unwrap();
            if !snapshot.groups[0].lost {
                break snapshot.groups[0].clone();
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{snapshot:?}");
        };
        assert_eq!((left.red, left.green, left.blue, left.dimmer), (10, 20, 30, 255));
        relay.stop();
        assert!(!relay.is_running());
        assert_eq!(relay.snapshot().unwrap(), None);
    }

    #[test]
    fn start_and_stop_may_be_called_twice() {
        let relay = BridgeRelay::new();
        relay.stop();
        let show = show(free_port());
        relay.start(show.clone()).unwrap();
        relay.start(show.clone()).unwrap();
        relay.stop();
        relay.stop();
        relay.start(show).unwrap();
        assert!(relay.is_running());
    }

    #[test]
    fn a_wrong_show_file_is_refused_with_line_and_reason() {
        let relay = BridgeRelay::new();
        let error = relay.start("name = \"x\"\ncolour = 1\n".to_owned()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("show.toml:2") && text.contains("colour"), "{text}");
        assert!(!relay.is_running());
    }
}
