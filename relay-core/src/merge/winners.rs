//! From the slots of every source to the winning levels of a universe.
//!
//! Clauses: E1.31 §6.2.3, §6.2.3.1; the arithmetic is in [`arbitrate`](super::arbitrate).

use super::arbitrate::Winners;
use super::{DmxData, Merge, NO_OWNER, PLACES_MAX, Slots};
use crate::config::MergeMode;
use crate::event::{EventKind, EventQueue};
use crate::snapshot::SignalState;
use crate::time::Time;
use crate::universe::SLOTS;

/// What storing slots changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stored {
    Nothing,
    /// Levels alone.
    Levels,
    /// Priorities too, or the source is new to the merge.
    Rank,
}

/// One source as arbitration sees it.
pub(super) struct Source<'a> {
    pub(super) place: u8,
    pub(super) priority: u8,
    pub(super) levels: &'a [u8; SLOTS],
    pub(super) priorities: Option<&'a [u8; SLOTS]>,
}

/// Puts `slots` into `whole`, 0 after them; says whether that changed anything.
#[inline]
pub(super) fn replace(whole: &mut [u8; SLOTS], slots: &[u8]) -> bool {
    let slots = &slots[..slots.len().min(SLOTS)];
    let (head, tail) = whole.split_at_mut(slots.len());
    if head == slots && tail == &[0; SLOTS][..tail.len()] {
        return false;
    }
    head.copy_from_slice(slots);
    tail.fill(0);
    true
}

impl Merge {
    /// Takes slots into the arrays of the source.
    #[inline]
    pub(super) fn store(&mut self, u: usize, p: u8, data: &DmxData<'_>) -> Stored {
        let (at, slots_at) = (self.at(u, p), self.slots_at(u, p));
        match data.slots {
            Slots::Levels(slots) => {
                let changed = replace(&mut self.levels[slots_at], slots);
                self.levels_stored(u, p, data.priority, changed)
            }
            Slots::Priorities(slots) => {
                let changed = replace(&mut self.priorities[slots_at], slots);
                let first = !std::mem::replace(&mut self.places[at].has_priorities, true);
                if changed || first { Stored::Rank } else { Stored::Nothing }
            }
        }
    }

    #[inline]
    pub(super) fn levels_stored(&mut self, u: usize, p: u8, priority: u8, changed: bool) -> Stored {
        let at = self.at(u, p);
        let (port, place) = (&mut self.ports[u], &mut self.places[at]);
        let first = !place.has_levels;
        let ranks = first || place.priority != priority;
        place.has_levels = true;
        place.priority = priority;
        if changed || first {
            port.changes += 1;
            place.changed = port.changes;
        }
        match (ranks, changed) {
            (true, _) => Stored::Rank,
            (false, true) => Stored::Levels,
            (false, false) => Stored::Nothing,
        }
    }

    /// Brings the winners up to date after `stored` happened to place `p`.
    #[inline]
    pub(super) fn refresh(
        &mut self,
        u: usize,
        p: u8,
        stored: Stored,
        now: Time,
        events: &mut EventQueue,
    ) {
        let solo = self.ports[u].solo;
        match stored {
            Stored::Nothing => {}
            _ if self.ports[u].unsettled => {}
            Stored::Levels if solo == p => {
                self.mark_changed(u);
            }
            // Another one has a higher priority.
            Stored::Levels if solo != NO_OWNER => {}
            Stored::Levels | Stored::Rank => self.arbitrate(u, now, events),
        }
    }

    /// Finds the winners of all slots. Without any source the levels stay.
    pub(super) fn arbitrate(&mut self, u: usize, now: Time, events: &mut EventQueue) {
        let each = self.places_each;
        let port = &mut self.ports[u];
        port.unsettled = false;
        if port.sampling_until.is_some() {
            return;
        }
        let mut order = [0u8; PLACES_MAX];
        let mut count = 0;
        let (mut top, mut at_top, mut slot_by_slot) = (0, 0, false);
        let places = &self.places[u * each..(u + 1) * each];
        for (p, place) in (0u8..).zip(places).filter(|(_, place)| place.contributes()) {
            order[count] = p;
            count += 1;
            slot_by_slot |= place.has_priorities;
            if count == 1 || place.priority > top {
                (top, at_top) = (place.priority, 0);
            }
            at_top += usize::from(place.priority == top);
        }
        let order = &mut order[..count];
        if port.mode == MergeMode::Ltp {
            order.sort_unstable_by_key(|&p| std::cmp::Reverse(places[usize::from(p)].changed));
        }
        let slots_at = |p: u8| usize::from(p) * self.universes_max + u;
        let (levels, priorities) = (&self.levels, &self.priorities);
        let winners = Winners { levels: &mut self.out_levels[u], owners: &mut self.out_owners[u] };
        let was_solo = std::mem::replace(&mut port.solo, NO_OWNER);
        if slot_by_slot {
            let sources = order.iter().map(|&place| {
                let (p, at) = (usize::from(place), slots_at(place));
                let priorities = places[p].has_priorities.then(|| &priorities[at]);
                Source { place, priority: places[p].priority, levels: &levels[at], priorities }
            });
            winners.slot_by_slot(port.mode, sources);
        } else {
            let mut best =
                order.iter().copied().filter(|&p| places[usize::from(p)].priority == top);
            match (best.clone().next(), at_top, port.mode) {
                (None, ..) => {
                    if was_solo != NO_OWNER {
                        *winners.levels = levels[slots_at(was_solo)];
                    }
                    return self.silent(u, now, events);
                }
                (Some(p), 1, _) => {
                    port.solo = p;
                    winners.owners.fill(p);
                }
                (Some(p), _, MergeMode::Ltp) => winners.alone(p, &levels[slots_at(p)]),
                (_, _, MergeMode::Htp) => {
                    winners.highest(best.by_ref().map(|p| (p, &levels[slots_at(p)])));
                }
            }
        }
        self.mark_changed(u);
        let port = &mut self.ports[u];
        if port.signal != SignalState::Live {
            port.signal = SignalState::Live;
            if let Some(universe) = port.universe {
                events.push(now, EventKind::UniverseLive { universe });
            }
        }
    }

    /// No source is left: the levels stay, nobody owns them.
    pub(super) fn silent(&mut self, u: usize, now: Time, events: &mut EventQueue) {
        self.out_owners[u] = [NO_OWNER; SLOTS];
        let port = &mut self.ports[u];
        if port.signal == SignalState::Live {
            port.signal = SignalState::Lost;
            if let Some(universe) = port.universe {
                events.push(now, EventKind::UniverseLost { universe });
            }
            self.mark_changed(u);
        }
    }

    #[inline]
    pub(super) fn mark_changed(&mut self, u: usize) {
        if !std::mem::replace(&mut self.ports[u].changed, true) {
            self.changed.push(u as u32);
        }
    }
}
