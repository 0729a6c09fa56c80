//! Hot standby: two relays on one show, of which one at a time drives the connected bands.
//!
//! Both receive everything and know every look at any time (stages 1 to 4). They tell each other in
//! [beats](Beat) how they are; a [`Node`] decides from that, and from what it sees itself, whether
//! this relay drives. What it decides reaches the radios as a [`Lease`]: a time until when frames may
//! be written, looked at before every single one.
//!
//! | file | what |
//! |---|---|
//! | `node/` | who drives: a state machine without sockets, threads or a clock |
//! | `role.rs` | what a relay is to the bands, and what may be ordered |
//! | `license.rs` | until when the one who drives may write |
//! | `input.rs` | how well the consoles are heard, here and there |
//! | `beat.rs` | what a relay tells the other, as bytes, signed |
//! | `peer.rs` | which beats are believed |
//! | `lease.rs` | from the node to the radios |
//! | `hands.rs` | what operators did by hand, on either of them |
//! | `masters.rs` | the masters of single groups, as bytes, signed |
//! | `words.rs` | what happened, for the operator |
//!
//! The thread that runs them is in `relay/standby/`. What is promised, what is not, and why:
//! `docs/standby.md`.

mod beat;
mod hands;
mod input;
mod lease;
mod license;
mod masters;
#[cfg(test)]
mod model;
mod node;
mod peer;
mod role;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

pub use beat::{BEAT_LEN, Beat, Envelope, Told};
pub use hands::{Hands, Verdict};
pub use input::{Input, LiveSet};
pub use lease::{Holder, Lease};
pub use masters::{MASTERS_LEN_MAX, MASTERS_PER_PART, MastersPart};
pub use node::Node;
pub use peer::Peer;
pub use role::{Order, OrderRefused, Own, Role};
pub use words::{Event, Fault, Why};

/// The times of a standby, all of them from the one that operators set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long nothing is heard from the relay that drives before the other takes over.
    pub take_over: Duration,
    /// How long a relay that drives hears less than the other before it gives.
    pub input_loss: Duration,
}

impl Timing {
    /// From one beat to the next: ten fit into the silence that ends in a take-over, so that a few
    /// may be lost.
    pub fn beat(&self) -> Duration {
        self.take_over / 10
    }

    /// How long a relay may write after it sent the last beat that the other says it has heard. The
    /// other takes over no earlier than twice that after it heard the beat.
    pub fn lease(&self) -> Duration {
        self.take_over / 2
    }

    /// After that long without a beat the other counts as silent, and what the consoles do decides.
    pub fn silence(&self) -> Duration {
        3 * self.beat()
    }

    /// How often a node is to be told the time.
    pub fn tick(&self) -> Duration {
        self.take_over / 40
    }
}
