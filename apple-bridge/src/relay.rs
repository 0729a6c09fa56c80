//! The relay as an app holds it.

use std::sync::{Arc, Mutex};

use wristcast_core::config::{RadioConfig, RadioKind};
use wristcast_core::radio::Radio;
use wristcast_core::relay::{Options, Relay, RelayHandle};
use wristcast_core::snapshot::{Severity, UniverseState};
use wristcast_core::steering::{Actor, Request, Switch};

use crate::BridgeError;
use crate::awake::continuous_ms;
use crate::error::contained;
use crate::probe::{Probe, ProbeVerdict, probe_multicast};
use crate::radio::{AppRadio, BandRadio};
use crate::show::{Show, parse};
use crate::snapshot::{Event, Packets, Snapshot, SourceSnapshot};
use crate::watch::{Observer, RelayObserver, Watch, lock};

/// Where the app is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Enum)]
pub enum AppState {
    /// Somebody looks at it.
    #[default]
    Foreground,
    /// Somebody looks at another app.
    Background,
    /// The screen is locked.
    Locked,
}

impl AppState {
    const fn words(self) -> &'static str {
        match self {
            Self::Foreground => "the app is in the foreground",
            Self::Background => "the app is in the background",
            Self::Locked => "the device is locked",
        }
    }
}

/// A relay that an app starts and stops. An app may hold several.
#[derive(Default, uniffi::Object)]
pub struct BridgeRelay {
    /// Held while the relay starts or stops, so that one comes after the other.
    change: Mutex<()>,
    running: Mutex<Option<Running>>,
    observer: Observer,
    radio: Mutex<Option<Arc<dyn BandRadio>>>,
    app_state: Mutex<AppState>,
    /// What the last probe says of what the relay sends, if it says that it is blocked.
    blocked: Mutex<Option<String>>,
}

/// Dropped, the relay stops first, and the watch ends by itself.
struct Running {
    relay: Relay,
    watch: Watch,
}

#[uniffi::export]
impl BridgeRelay {
    /// A relay that does not run yet.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Who is told of events and gaps; `None` = nobody. Stays from one start to the next.
    pub fn set_observer(&self, observer: Option<Arc<dyn RelayObserver>>) {
        *lock(&self.observer) = observer;
    }

    /// The app's own Bluetooth, for every radio of kind `gatt` from the next start on; `None` = the
    /// relay uses the system's itself.
    pub fn set_radio(&self, radio: Option<Arc<dyn BandRadio>>) {
        *lock(&self.radio) = radio;
    }

    /// Starts the relay. Does nothing if it runs already.
    ///
    /// # Errors
    /// [`BridgeError::ShowFile`] with every mistake in the show; [`BridgeError::Start`] if the
    /// system refuses a socket or a thread.
    pub fn start(&self, show: Show) -> Result<(), BridgeError> {
        contained(|| {
            let _change = lock(&self.change);
            if lock(&self.running).is_some() {
                return Ok(());
            }
            let (config, warnings) = parse(show)?;
            let app = lock(&self.radio).clone();
            let mut bring = |radio: &RadioConfig| match (&radio.kind, &app) {
                (RadioKind::Gatt(gatt), Some(app)) => {
                    Some(Box::new(AppRadio::new(gatt, Arc::clone(app))) as Box<dyn Radio>)
                }
                _ => None,
            };
            let relay = Relay::start_with(config, Options::default(), &mut bring)?;
            let handle = relay.handle();
            for warning in warnings {
                handle.note(Severity::Warning, warning);
            }
            let watch = Watch::start(handle, Arc::clone(&self.observer));
            let watch = watch.map_err(|error| BridgeError::Start { reason: error.to_string() })?;
            watch.set_looked_at(*lock(&self.app_state) == AppState::Foreground);
            *lock(&self.running) = Some(Running { relay, watch });
            Ok(())
        })
    }

    /// Leaves the bands in the show's end look and stops, within some seconds. Does nothing if the
    /// relay does not run.
    pub fn stop(&self) {
        let _ = contained(|| {
            let _change = lock(&self.change);
            let running = lock(&self.running).take();
            if let Some(Running { relay, watch }) = running {
                let _ = relay.stop();
                watch.stop();
            }
            Ok(())
        });
    }

    /// Whether the relay runs.
    pub fn is_running(&self) -> bool {
        lock(&self.running).is_some()
    }

    /// Closes every socket and opens it anew; sources, levels and looks stay. Returns when the new
    /// ones are read. Does nothing if the relay does not run.
    ///
    /// # Errors
    /// [`BridgeError::NoAnswer`] if the relay thread does not take them over in time.
    pub fn rebind(&self, reason: String) -> Result<(), BridgeError> {
        contained(|| match self.handle() {
            Some(handle) => Ok(handle.rebind(&reason)?),
            None => Ok(()),
        })
    }

    /// Says where the app is. Noted in the events; while nobody looks, the observer is told once a
    /// second only.
    pub fn set_app_state(&self, state: AppState) {
        let _ = contained(|| {
            if std::mem::replace(&mut *lock(&self.app_state), state) == state {
                return Ok(());
            }
            let running = lock(&self.running);
            if let Some(Running { relay, watch }) = running.as_ref() {
                watch.set_looked_at(state == AppState::Foreground);
                let handle = relay.handle();
                drop(running);
                handle.note(Severity::Info, state.words());
            }
            Ok(())
        });
    }

    /// As [`probe_multicast`]; and if what is sent is blocked, says so in the events and the faults:
    /// Art-Net replies leave by the same way. Until a probe is heard, or there is no network.
    pub fn probe(&self, address: String, wait_ms: u32) -> Probe {
        let probe = probe_multicast(address, wait_ms);
        let _ = contained(|| {
            let blocked = blocked_words(&probe);
            let before = std::mem::replace(&mut *lock(&self.blocked), blocked.clone());
            if let (None, Some(words), Some(handle)) = (before, blocked, self.handle()) {
                handle.note(Severity::Warning, words);
            }
            Ok(())
        });
        probe
    }

    /// Goes over to a changed show between two packets, or refuses it whole. Universes and groups
    /// that stay keep their levels and looks.
    ///
    /// # Errors
    /// [`BridgeError::ShowFile`]; [`BridgeError::Refused`] for a change that needs a restart;
    /// [`BridgeError::NotRunning`].
    pub fn reload(&self, show: Show) -> Result<(), BridgeError> {
        contained(|| {
            let handle = self.handle().ok_or(BridgeError::NotRunning)?;
            let (config, warnings) = parse(show)?;
            handle.reload(config, &app())?;
            for warning in warnings {
                handle.note(Severity::Warning, warning);
            }
            Ok(())
        })
    }

    /// Every band dark, latched until released: `on` begins it, `false` releases it.
    ///
    /// # Errors
    /// [`BridgeError::NotRunning`]; [`BridgeError::NoAnswer`].
    pub fn panic(&self, on: bool) -> Result<(), BridgeError> {
        contained(|| {
            let handle = self.handle().ok_or(BridgeError::NotRunning)?;
            Ok(handle.order(&Request::Panic(Switch { on }), &app())?)
        })
    }

    /// What the relay does now; `None` if it does not run.
    ///
    /// # Errors
    /// [`BridgeError::NoAnswer`] if the relay's thread gives no answer in time.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, BridgeError> {
        contained(|| {
            let Some(handle) = self.handle() else { return Ok(None) };
            match self.take(&handle) {
                Err(BridgeError::NotRunning) => Ok(None),
                other => other.map(Some),
            }
        })
    }

    /// What happened after event number `after` (0 = everything still remembered), oldest first.
    pub fn events(&self, after: u64) -> Vec<Event> {
        let events = contained(|| {
            let events = self.handle().map(|handle| handle.events(after)).unwrap_or_default();
            Ok(events.into_iter().map(Event::from).collect())
        });
        events.unwrap_or_default()
    }
}

impl BridgeRelay {
    fn handle(&self) -> Option<RelayHandle> {
        lock(&self.running).as_ref().map(|running| running.relay.handle())
    }

    fn take(&self, handle: &RelayHandle) -> Result<Snapshot, BridgeError> {
        let status = handle.status();
        let universes = handle.universes()?;
        let groups = handle.groups()?;
        let running = lock(&self.running);
        let gaps = running.as_ref().map(|running| running.watch.gaps(handle)).unwrap_or_default();
        drop(running);
        let sources = |universe: UniverseState| {
            let name = universe.universe.to_string();
            universe.sources.into_iter().map(move |source| SourceSnapshot::of(&name, source))
        };
        Ok(Snapshot {
            show: status.show,
            uptime_ms: status.uptime_ms,
            continuous_ms: continuous_ms(),
            app_state: *lock(&self.app_state),
            packets: Packets::of(status.packets, status.packets_per_second),
            universes: status.universes,
            universes_live: status.universes_live,
            sources: universes.into_iter().flat_map(sources).collect(),
            gaps,
            groups: groups.into_iter().map(Into::into).collect(),
            radios: handle.radios().into_iter().map(Into::into).collect(),
            bands: handle.bands().into_iter().map(Into::into).collect(),
            bands_connected: status.bands_connected,
            arrivals: status.arrivals.into(),
            sockets: status.sockets.into_iter().map(Into::into).collect(),
            interfaces: status.interfaces.into_iter().map(Into::into).collect(),
            panic: status.panic,
            frozen: status.frozen,
            grand_master: status.grand_master,
            faults: status.faults.into_iter().chain(lock(&self.blocked).clone()).collect(),
        })
    }
}

impl std::fmt::Debug for BridgeRelay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BridgeRelay").field("running", &self.is_running()).finish_non_exhaustive()
    }
}

/// The app's user, in the log.
fn app() -> Actor {
    Actor { name: "app".to_owned(), front: "bridge", address: None }
}

/// What it means for the relay that a probe was not heard.
fn blocked_words(probe: &Probe) -> Option<String> {
    let how = match probe.verdict {
        ProbeVerdict::Silent => "the system says that it sends, and nothing leaves".to_owned(),
        ProbeVerdict::Refused => format!("the system refuses to send: {}", probe.detail),
        ProbeVerdict::Heard | ProbeVerdict::NoNetwork => return None,
    };
    Some(format!(
        "Art-Net replies may not be heard: {how}. Allow Local Network for this app in Settings; \
         multicast also needs Apple's entitlement. Consoles may not find this relay: have them send \
         unicast to its address"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_nobody_hears_is_a_fault_of_the_replies_and_one_without_network_is_none() {
        let probe = |verdict| Probe { verdict, errno: Some(65), detail: "no route".to_owned() };
        let silent = blocked_words(&probe(ProbeVerdict::Silent)).expect("blocked");
        assert!(silent.contains("may not be heard") && silent.contains("nothing leaves"));
        let refused = blocked_words(&probe(ProbeVerdict::Refused)).expect("blocked");
        assert!(refused.contains("refuses to send: no route"), "{refused}");
        assert_eq!(blocked_words(&probe(ProbeVerdict::Heard)), None);
        assert_eq!(blocked_words(&probe(ProbeVerdict::NoNetwork)), None);
    }
}
