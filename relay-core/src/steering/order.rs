//! What a hand may ask of a running show.

use std::time::Duration;

use super::pattern::Pattern;
use crate::config::EndLook;
use crate::look::Look;

/// Longest an override lasts; after that the console rules again by itself.
pub const OVERRIDE_MAX: Duration = Duration::from_secs(3600);

/// One order of an operator. Orders are obeyed in the order in which they come; of two that
/// contradict each other the newer wins, but nothing wins over panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Every band dark at once, until it is released. Loss of signal, overrides, masters and
    /// reloads do not release it.
    Panic(bool),
    /// Every group keeps the look it has from the console, strobe opened, until it is released.
    /// A fade that bands have begun runs to its end.
    Freeze(bool),
    /// Scales every group, 0 = dark, 255 = as the console sends it.
    GrandMaster(u8),
    /// Scales some groups, 0 = dark, 255 = as the console sends them.
    Master {
        /// Which.
        groups: Selection,
        /// 0..=255.
        level: u8,
    },
    /// Gives some groups another look than the console's, for a time.
    Override {
        /// Which; a chase runs through them in this order.
        groups: Selection,
        /// What they show.
        pattern: Pattern,
        /// How long; at most [`OVERRIDE_MAX`].
        time: Duration,
    },
    /// Ends the overrides of some groups.
    Release {
        /// Which.
        groups: Selection,
    },
    /// What groups show that have had no signal yet; `None`: what the show file says.
    StartLook(Option<Look>),
    /// What the bands are left showing when the relay stops; `None`: what the show file says.
    EndLook(Option<EndLook>),
}

/// Some groups of a show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every group, in the order of the show.
    All,
    /// Those with these indices; one that is not there is passed over.
    These(Box<[u32]>),
}

impl Selection {
    /// How many, in a show of `groups`.
    pub(super) fn len(&self, groups: usize) -> usize {
        match self {
            Self::All => groups,
            Self::These(these) => these.len(),
        }
    }

    /// The index at `place`.
    pub(super) fn get(&self, place: usize) -> usize {
        match self {
            Self::All => place,
            Self::These(these) => these.get(place).map_or(usize::MAX, |&index| index as usize),
        }
    }
}
