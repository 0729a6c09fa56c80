//! One universe: its signal, its modes, its deadlines. Its sources are [`Place`](super::place::Place)s.

use std::time::Duration;

use super::{ARTNET_LOSS, ARTNET_OUTLIVED, NEVER, NO_OWNER, SACN_LOSS, SACN_OUTLIVED};
use crate::config::MergeMode;
use crate::snapshot::SignalState;
use crate::time::Time;
use crate::universe::Universe;

/// One universe.
#[derive(Clone, Debug)]
pub(super) struct Port {
    /// `None` = not in use.
    pub(super) universe: Option<Universe>,
    /// Not later than the first thing that time alone brings about.
    pub(super) deadline: Time,
    /// The place of the last packet.
    pub(super) hint: u8,
    /// The place that alone has the highest priority, none ranking slot by slot; [`NO_OWNER`] if
    /// there is no such place.
    pub(super) solo: u8,
    /// Live places.
    pub(super) live: u8,
    /// A source is silent for the loss time and not judged yet.
    pub(super) settling: bool,
    /// The winners are to be found anew at the end of this step. Only then: what one step takes
    /// away bit by bit must not show bit by bit.
    pub(super) unsettled: bool,
    /// A source was left out and told of.
    pub(super) limit_told: bool,
    /// A source that is not listened to was told of.
    pub(super) refusal_told: bool,
    /// Is in [`Merge::changed`](super::Merge::changed).
    pub(super) changed: bool,
    /// Is in [`Merge::holding`](super::Merge::holding).
    pub(super) holding: bool,
    pub(super) mode: MergeMode,
    pub(super) exclusive: Exclusive,
    pub(super) signal: SignalState,
    pub(super) sampling_until: Option<Time>,
    /// The last ArtSync that this port heeds, and the controller it came from.
    pub(super) artsync: Option<(Time, u8)>,
    pub(super) last_heard: Option<Time>,
    /// Counts changes of levels, for LTP.
    pub(super) changes: u64,
}

/// The state of AcCancelMerge (Art-Net 4 "Data merging").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exclusive {
    No,
    /// The next packet's source takes the universe alone.
    Next,
    /// This place has it alone, until it is lost.
    Only(u8),
}

impl Port {
    pub(super) fn new(universe: Universe, mode: MergeMode) -> Self {
        Self {
            universe: Some(universe),
            deadline: NEVER,
            hint: 0,
            solo: NO_OWNER,
            live: 0,
            settling: false,
            unsettled: false,
            limit_told: false,
            refusal_told: false,
            changed: false,
            holding: false,
            mode,
            exclusive: Exclusive::No,
            signal: SignalState::Waiting,
            sampling_until: None,
            artsync: None,
            last_heard: None,
            changes: 0,
        }
    }

    pub(super) fn is_artnet(&self) -> bool {
        matches!(self.universe, Some(Universe::ArtNet(_)))
    }

    pub(super) fn loss(&self) -> Duration {
        if self.is_artnet() { ARTNET_LOSS } else { SACN_LOSS }
    }

    pub(super) fn outlived(&self) -> Duration {
        if self.is_artnet() { ARTNET_OUTLIVED } else { SACN_OUTLIVED }
    }
}
