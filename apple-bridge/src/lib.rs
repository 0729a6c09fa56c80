//! The wristcast relay inside an app, over UniFFI.
//!
//! A small surface at control rate: [`BridgeRelay`] starts, stops, rebinds and reloads a relay and
//! says what it does. Packets and looks never cross this boundary: they stay on the relay's own
//! threads, and the app reads what became of them from [`BridgeRelay::snapshot`].
//!
//! | file | what |
//! |---|---|
//! | `relay.rs` | [`BridgeRelay`]: the calls |
//! | `show.rs` | a show as text or as values |
//! | `snapshot.rs` | what a relay tells: [`Snapshot`] and its parts |
//! | `watch.rs` | the thread that tells the app's observer what happened |
//! | `awake.rs` | how long the device slept, which the relay's clock does not see |
//! | `radio.rs` | bands reached by the app's own Bluetooth |
//! | `probe.rs` | whether the system lets local traffic through |
//!
//! # A dropout, step by step
//!
//! 1. The phone is locked: the app calls [`set_app_state`](BridgeRelay::set_app_state), which is
//!    noted in the events. Some 30 s later the system suspends the process and takes its sockets.
//! 2. The phone is unlocked. The relay thread's receive fails, or the app, which does not wait for
//!    that, calls [`rebind`](BridgeRelay::rebind): new sockets, same sources and levels.
//! 3. The first packet of each source carries its sequence number. The engine compares it with the
//!    last one heard before and tells a gap: start, end, packets missing.
//! 4. `watch.rs` adds the time the device was asleep and hands the [`Gap`] to the observer; later
//!    snapshots carry it too. What it was caused by, the app's `Continuity` finds.
//!
//! # Promises
//!
//! Every call is synchronous, may be made again, is safe from any thread, and returns within some
//! seconds whatever the system does. No panic crosses: it becomes [`BridgeError::Defect`]. The
//! observer and the app's radio are called from threads of their own: what they do, and how long,
//! never holds up the relay.

mod awake;
mod error;
mod probe;
mod radio;
mod relay;
mod show;
mod snapshot;
#[cfg(test)]
mod tests;
mod watch;

pub use error::BridgeError;
pub use probe::{Probe, ProbeVerdict, probe_multicast};
pub use radio::{BandLink, BandRadio, BandSpec, BandWrite};
pub use relay::{AppState, BridgeRelay};
pub use show::{BandValues, GroupValues, Show, ShowValues, check_show, show_text};
pub use snapshot::{
    Arrivals, BandSnapshot, Event, EventSeverity, Gap, GroupSnapshot, InterfaceSnapshot, Packets,
    RadioSnapshot, Snapshot, SocketSnapshot, SourceSnapshot,
};
pub use watch::RelayObserver;

uniffi::setup_scaffolding!();

/// Milliseconds on the clock that goes on while the device sleeps, on which [`Gap`]s are told.
/// Counts from an origin that is fixed until the device restarts.
#[uniffi::export]
pub fn continuous_ms() -> u64 {
    awake::continuous_ms()
}

/// The version of the relay inside.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
