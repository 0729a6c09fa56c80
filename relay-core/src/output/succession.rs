//! From one show to the next, between two packets: groups that are in both go on as if nothing had
//! happened, with what is in their delay and how far their loss of signal has come.
//!
//! First [`take_over`](Output::take_over) brings the groups' past, then
//! [`adopt`](Output::adopt) each universe that has levels, then [`settle`](Output::settle) shows
//! what came of both at once: no look in between is ever seen.

use super::{GroupOutput, Output, Phase};
use crate::look::Look;
use crate::patch::Plan;
use crate::snapshot::SignalState;
use crate::table::GroupTable;
use crate::time::Time;
use crate::universe::SLOTS;

impl Output {
    /// Takes over the past of the groups that `pairs` names by their index in the `old` show and
    /// here, and what operators have done. They show in `table` what they showed in `shown`.
    pub(crate) fn take_over(
        &mut self,
        now: Time,
        old: &Self,
        shown: &GroupTable,
        pairs: impl Iterator<Item = (usize, usize)> + Clone,
        table: &mut GroupTable,
    ) {
        let console = &old.steering;
        for (there, here) in pairs.clone() {
            let looks = old.groups.get(there).map(|state| (state, old.newest(there)));
            if let (Some((old, old_looks)), Some(state)) = (looks, self.groups.get_mut(here)) {
                let shown = console.console(there);
                state.take_over(old, old_looks, shown);
                if old.signalled && !state.signalled {
                    state.signalled = true;
                    self.signals.push_back(here as u32);
                }
            }
        }
        self.steering.take_over(now, &old.steering, pairs.clone(), table);
        for (there, here) in pairs {
            table.keep(here, shown.get(there));
        }
        self.wait_in_start_look(now, table);
    }

    /// Takes the levels of a universe that has or had a source, without showing anything yet.
    pub(crate) fn adopt(
        &mut self,
        universe: usize,
        signal: SignalState,
        levels: &[u8; SLOTS],
        plan: &mut Plan,
    ) {
        plan.apply(universe, levels, |group, look| self.groups[group].patched = look);
        if signal == SignalState::Lost {
            plan.open_strobes(universe, |group, look| self.groups[group].patched = look);
        }
        let live = signal == SignalState::Live;
        self.universes_live[universe] = live;
        for group in plan.groups_of(universe) {
            self.groups[group].heard = true;
            self.groups[group].universes_live += u32::from(live);
        }
    }

    /// Shows what the universes and the past of each group come to.
    pub(crate) fn settle(&mut self, now: Time, table: &mut GroupTable) {
        for group in 0..self.groups.len() {
            let state = &mut self.groups[group];
            match (state.signal, state.universes_live > 0) {
                (SignalState::Live, true) | (SignalState::Lost, false) => {
                    self.update(now, group, table);
                }
                (SignalState::Waiting | SignalState::Lost, true) => {
                    state.phase = Phase::Still;
                    self.signal(group, SignalState::Live);
                    self.update(now, group, table);
                }
                // Patched to what has no source: it holds what it shows, as after any loss.
                (SignalState::Live, false) => {
                    self.group_lost(now, group, table);
                }
                (SignalState::Waiting, false) => {
                    let heard = state.heard;
                    self.update(now, group, table);
                    if heard {
                        self.group_lost(now, group, table);
                    }
                }
            }
        }
    }
}

impl GroupOutput {
    /// Its past is that of `old`, which the console wants `patched` of, which has let `entered` into
    /// its delay and shows `shown`; its policies are its own.
    fn take_over(&mut self, old: &Self, (patched, entered): (Look, Look), shown: Look) {
        self.patched = patched;
        self.signal = old.signal;
        self.lost_at = old.lost_at;
        self.has_lived = old.has_lived;
        let same_delay = self.delay == old.delay;
        if self.loss == old.loss && same_delay {
            self.phase = old.phase;
        } else if self.signal == SignalState::Lost {
            self.hold();
        }
        if same_delay {
            // Of equal delays the lines are equally long.
            self.entered = entered;
            self.line.extend(old.line.iter().copied());
        } else {
            // What was on its way is skipped: the newest look comes after the new delay.
            self.entered = shown;
        }
    }
}
