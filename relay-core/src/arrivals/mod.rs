//! What the times of packets say about the network and the system below the relay.
//!
//! Beside the light's way: nothing here changes a look. No sockets, no clock, bounded memory; the
//! live relay, the bridge and diagnosis feed it.
//!
//! | file | finds |
//! |---|---|
//! | `gaps.rs` | [`GapMeter`]: the worst gap between two packets, of every quarter of a second |
//! | `stalls.rs` | [`StallDetector`]: stalls that come back about once a second: Wi-Fi that leaves its channel |
//! | `ration.rs` | [`RationDetector`]: silences after every so many bytes: a system that stops delivering |
//!
//! Each verdict is `Display`: plain words, with the remedy.

mod gaps;
mod ration;
mod stalls;

pub use gaps::{GapMeter, WINDOW, WorstGap};
pub use ration::{Ration, RationDetector};
pub use stalls::{PeriodicStalls, StallDetector};
