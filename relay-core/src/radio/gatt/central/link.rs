//! One link of an adapter, and how patient one is with it.

use std::time::Duration;

use crate::band::profile::Acknowledge;
use crate::radio::{LinkId, Token};
use crate::time::Time;

/// Waiting time after the first failure; doubles with each.
const BACK_OFF: Duration = Duration::from_millis(500);
const BACK_OFF_MAX: Duration = Duration::from_secs(15);
/// Waiting time after something that lasts.
const BACK_OFF_LASTING: Duration = Duration::from_secs(30);

/// What becomes of one band on this adapter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) state: LinkState,
    /// Failures in a row.
    pub(super) failures: u32,
    /// Not to be looked for or connected before.
    pub(super) not_before: Time,
    /// Whether the operator was told that there is no connection left for it.
    pub(super) told_full: bool,
    pub(super) acknowledge: Acknowledge,
    /// Whether this adapter is the one to reach it.
    pub(super) mine: bool,
    /// When it came to this adapter, or was last heard there.
    pub(super) sought_since: Time,
}

/// How far a band is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// To be looked for.
    Away,
    /// Heard; waits for its turn.
    Heard {
        at: Time,
    },
    Connecting,
    Up {
        since: Time,
        flight: Option<Flight>,
        unacknowledged: u8,
        /// It has taken a frame.
        proven: bool,
    },
    /// Down for the lane; the stack is still at it.
    Disconnecting,
}

/// The write under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    pub(super) token: Token,
    pub(super) deadline: Time,
}

impl Link {
    /// There is a connection, or one comes about or is being closed.
    pub(super) fn is_used(&self) -> bool {
        !matches!(self.state, LinkState::Away | LinkState::Heard { .. })
    }

    /// To be connected by this adapter, and not yet at it.
    pub(super) fn is_waiting(&self) -> bool {
        self.mine && !self.is_used()
    }
}

pub(super) fn link_id(index: usize) -> LinkId {
    LinkId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// How long to wait after `failures` failures in a row.
pub(super) fn back_off(failures: u32, lasting: bool) -> Duration {
    if lasting {
        return BACK_OFF_LASTING;
    }
    match failures {
        0 => Duration::ZERO,
        n => BACK_OFF.saturating_mul(1 << (n - 1).min(16)).min(BACK_OFF_MAX),
    }
}
