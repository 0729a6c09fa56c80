//! How long things were gone: since when each has been, until it is back. Control side.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::{EventKind, SyncId};
use crate::time::Time;

/// Most things remembered as gone; the patch has fewer.
const REMEMBERED: usize = 65_536;

/// What can be gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    /// By its name in the patch, `sacn/1`.
    Universe(String),
    /// By its name, which outlives a reload.
    Group(String),
    /// The beat of synchronised universes.
    Sync(String),
    /// By its name.
    Radio(String),
    /// By its name: an adapter that is plugged in again has another number.
    Interface(String),
}

/// Since when things have been gone.
#[derive(Debug, Default)]
pub(super) struct Losses(BTreeMap<Thing, Time>);

impl Losses {
    /// A thing is gone. What is gone already stays gone since then.
    pub(super) fn gone(&mut self, thing: Thing, at: Time) {
        if self.0.len() < REMEMBERED {
            self.0.entry(thing).or_insert(at);
        }
    }

    /// A thing is there: how long it was gone, if it was.
    pub(super) fn back(&mut self, thing: &Thing, at: Time) -> Option<Duration> {
        self.0.remove(thing).map(|since| at.since(since))
    }

    /// Takes note of what the engine tells; how long that was gone which is back now.
    /// `group_name` names a group.
    pub(super) fn note(
        &mut self,
        at: Time,
        kind: &EventKind,
        group_name: impl Fn(u32) -> String,
    ) -> Option<Duration> {
        let sync_name = |sync: &SyncId| Thing::Sync(sync.to_string());
        match kind {
            EventKind::UniverseLost { universe } => {
                self.gone(Thing::Universe(universe.to_string()), at);
            }
            EventKind::GroupLost { group } => self.gone(Thing::Group(group_name(*group)), at),
            EventKind::SyncLost { sync, .. } => self.gone(sync_name(sync), at),
            EventKind::UniverseLive { universe } => {
                return self.back(&Thing::Universe(universe.to_string()), at);
            }
            EventKind::GroupBack { group } | EventKind::GroupLive { group } => {
                return self.back(&Thing::Group(group_name(*group)), at);
            }
            EventKind::SyncStarted { sync } => return self.back(&sync_name(sync), at),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::universe::Universe;

    #[test]
    fn what_comes_back_was_gone_since_it_was_first_missed() {
        let mut losses = Losses::default();
        let universe: Universe = "sacn/1".parse().unwrap();
        let mut note = |millis, kind| {
            losses.note(Time::from_millis(millis), &kind, |group| format!("group {group}"))
        };
        assert_eq!(note(500, EventKind::UniverseLive { universe }), None, "for the first time");
        assert_eq!(note(1_000, EventKind::UniverseLost { universe }), None);
        assert_eq!(note(1_000, EventKind::GroupLost { group: 2 }), None);
        assert_eq!(note(5_000, EventKind::UniverseLost { universe }), None);
        let lasted = note(13_300, EventKind::UniverseLive { universe });
        assert_eq!(lasted, Some(Duration::from_millis(12_300)));
        assert_eq!(note(14_000, EventKind::UniverseLive { universe }), None, "told once");
        assert_eq!(note(14_000, EventKind::GroupBack { group: 1 }), None, "another group");
        let lasted = note(14_000, EventKind::GroupBack { group: 2 });
        assert_eq!(lasted, Some(Duration::from_secs(13)));
    }
}
