//! Time-outs, and sources that go.
//!
//! Clauses: E1.31 §6.7.1; Art-Net 4 "Data merging", "ArtSync".

use super::place::State;
use super::{Exclusive, Merge, NEVER, Silence};
use crate::config::MergeMode;
use crate::event::{EventKind, EventQueue};
use crate::snapshot::SignalState;
use crate::time::Time;
use crate::universe::SLOTS;

impl Merge {
    /// Does what is due at `now`. Harmless when called early.
    pub fn handle_timeout(&mut self, now: Time, events: &mut EventQueue) {
        let now = now.min(self.read_to);
        while let Some((due, u)) = self.timers.first() {
            if due > now {
                return;
            }
            if u == self.universes_max {
                self.expire_sync(now, events);
            } else {
                self.judge(u, now, events);
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; may be early, and over already if
    /// not everything was [read](Self::set_read_to) up to then. Every other
    /// call may change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.first().map(|(due, _)| due)
    }

    /// How equal sources share a universe, from now on (ArtAddress AcMergeLtp, AcMergeHtp).
    pub fn set_mode(&mut self, u: usize, mode: MergeMode, now: Time, events: &mut EventQueue) {
        self.ports[u].mode = mode;
        self.arbitrate(u, now, events);
    }

    /// The source of the next packet has the universe alone until it is lost (AcCancelMerge).
    pub fn cancel_merge(&mut self, u: usize) {
        self.ports[u].exclusive = Exclusive::Next;
    }

    /// Sets all levels to 0 until their sources send others (AcClearOp). Without a source the loss
    /// policy rules, and stays.
    pub fn clear(&mut self, u: usize, now: Time, events: &mut EventQueue) {
        if self.ports[u].signal != SignalState::Live {
            return;
        }
        for p in 0..self.places_each as u8 {
            let (at, slots_at) = (self.at(u, p), self.slots_at(u, p));
            self.levels[slots_at] = [0; SLOTS];
            self.places[at].held_levels = None;
        }
        self.out_levels[u] = [0; SLOTS];
        self.arbitrate(u, now, events);
    }

    /// Does what is due on one universe.
    #[cold]
    pub(super) fn judge(&mut self, u: usize, now: Time, events: &mut EventQueue) {
        let now = now.min(self.read_to);
        let port = &mut self.ports[u];
        if port.sampling_until.is_some_and(|until| now >= until) {
            port.sampling_until = None;
            port.unsettled = true;
        }
        self.expire_artsync(u, now, events);
        self.expire_priorities(u, now, events);
        let lost = self.lost(u, now);
        if lost != 0 {
            self.lose(u, lost, Silence::TimedOut, now, events);
        }
        if self.ports[u].unsettled {
            self.arbitrate(u, now, events);
        }
        let loss = self.ports[u].loss();
        let settling = self.live_of(u).any(|(_, place)| now >= place.heard + loss);
        self.ports[u].settling = settling;
        let deadline = self.deadline(u, now);
        self.set_deadline(u, deadline);
    }

    /// Judges again what a packet of `p` may have decided.
    #[inline]
    pub(super) fn judge_after(&mut self, u: usize, p: u8, now: Time, events: &mut EventQueue) {
        let (port, place) = (&self.ports[u], &self.places[self.at(u, p)]);
        let stale = place.ranks_slots() && now >= place.priorities_heard + port.loss();
        if port.settling || port.unsettled || stale {
            self.judge(u, now, events);
        }
    }

    /// Per-address priorities time out like levels, but only while levels come: after a cable pull
    /// they would end a moment before their source does, and for that moment change who wins.
    fn expire_priorities(&mut self, u: usize, now: Time, events: &mut EventQueue) {
        let (loss, outlived) = (self.ports[u].loss(), self.ports[u].outlived());
        for p in 0..self.places_each as u8 {
            let at = self.at(u, p);
            let place = &mut self.places[at];
            let last = place.priorities_heard;
            if !place.is_live()
                || !place.ranks_slots()
                || now < last + loss
                || place.heard < last + outlived
            {
                continue;
            }
            place.has_priorities = false;
            place.held_priorities = false;
            if let Some(universe) = self.ports[u].universe {
                events.push(now, EventKind::PapLost { universe, source: place.source_ref() });
            }
            self.ports[u].unsettled = true;
        }
    }

    /// The places, as bits, whose sources are lost at `now`; see "Sources lost together" in
    /// [`merge`](super).
    fn lost(&self, u: usize, now: Time) -> u64 {
        let (loss, outlived) = (self.ports[u].loss(), self.ports[u].outlived());
        let mut lost = 0;
        for (p, place) in self.live_of(u).filter(|(_, place)| now >= place.heard + loss) {
            let mut others = self.live_of(u).filter(|(_, other)| other.heard_levels);
            // A source that never sent levels cannot be missed.
            let decided = !place.heard_levels
                || others.all(|(other_p, other)| {
                    other_p == p
                        || other.heard >= place.heard + outlived
                        || now >= other.heard + loss
                });
            lost |= u64::from(decided) << p;
        }
        lost
    }

    /// Takes live sources, given as bits, out of the merge; [`judge`](Self::judge) must follow.
    pub(super) fn lose(
        &mut self,
        u: usize,
        which: u64,
        why: Silence,
        now: Time,
        events: &mut EventQueue,
    ) {
        let Some(universe) = self.ports[u].universe else { return };
        let mut contributed = false;
        for p in 0..self.places_each as u8 {
            let at = self.at(u, p);
            if which & 1 << p == 0 || !self.places[at].is_live() {
                continue;
            }
            let port = &mut self.ports[u];
            port.live -= 1;
            if port.exclusive == Exclusive::Only(p) {
                port.exclusive = Exclusive::No;
            }
            if port.artsync.is_some_and(|(_, controller)| controller == self.places[at].sync) {
                port.artsync = None;
            }
            self.leave_sync(u, p);
            let place = &mut self.places[at];
            contributed |= place.has_levels;
            place.state = State::Aside(why);
            place.has_levels = false;
            place.has_priorities = false;
            place.held_levels = None;
            place.held_priorities = false;
            place.heard_levels = false;
            let source = place.source_ref();
            events.push(now, EventKind::SourceLost { universe, source, why });
        }
        if usize::from(self.ports[u].live) < self.sources_max(u) {
            self.ports[u].limit_told = false;
        }
        self.ports[u].unsettled |= contributed;
    }

    /// The next moment after `now` at which time alone changes something.
    fn deadline(&self, u: usize, now: Time) -> Time {
        let port = &self.ports[u];
        let loss = port.loss();
        let sources = self.live_of(u).flat_map(|(_, place)| {
            let priorities = place.ranks_slots().then(|| place.priorities_heard + loss);
            [Some(place.heard + loss), priorities]
        });
        sources
            .flatten()
            .chain(port.sampling_until)
            .chain(port.artsync.map(|(last, _)| last + super::ARTSYNC_LOSS))
            .filter(|&due| due > now)
            .min()
            .unwrap_or(NEVER)
    }

    fn set_deadline(&mut self, u: usize, deadline: Time) {
        self.ports[u].deadline = deadline;
        self.timers.set(u, (deadline != NEVER).then_some(deadline));
    }

    #[cold]
    pub(super) fn lower_deadline(&mut self, u: usize, deadline: Time) {
        if deadline < self.ports[u].deadline {
            self.set_deadline(u, deadline);
        }
    }
}
