//! What a relay is to the bands, what it sees of itself, and what may be ordered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hands::Hands;
use super::input::Input;
use crate::time::Time;

/// What a relay sees of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Of the consoles.
    pub input: Input,
    /// Whether the relay thread gets on.
    pub works: bool,
    /// Whether a radio works.
    pub able: bool,
    /// Whether every radio has let go: nothing of it is on its way to a band any more.
    pub released: bool,
    /// Bands connected.
    pub connected: u32,
    /// Bands of its show.
    pub bands: u32,
    /// What operators have done by hand.
    pub hands: Hands,
    /// The masters of single groups that belong to them are not known yet.
    pub lacks_masters: bool,
    /// Tells shows apart.
    pub show: u64,
}

/// What a relay is to the connected bands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The other one drives, or nobody.
    Follows,
    /// It drives.
    Drives,
    /// It lets go for the other to take them.
    Gives {
        /// When that began.
        since: Time,
    },
    /// It has let go, and the other may take them.
    Gave {
        /// When that was.
        since: Time,
    },
}

/// What an operator may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "StandbyOrder")]
pub enum Order {
    /// This relay is to drive.
    Take,
    /// The other one is to drive.
    Give,
}

/// Why it was not obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    /// There is nobody to give to.
    #[error("the other relay is not heard: there is nobody to give the bands to")]
    NobodyThere,
    /// There is nothing to give.
    #[error("this relay does not drive the bands; give the order to the one that does")]
    NotDriving,
    /// The other one could not go on.
    #[error("the other relay does not work: its relay thread does not get on")]
    PeerStuck,
    /// The other one reaches no band.
    #[error("no radio of the other relay works: it could not light the bands")]
    PeerUnable,
}
