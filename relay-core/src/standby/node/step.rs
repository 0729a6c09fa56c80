//! What a node does when it was told something: whether it stays what it is to the bands.

use std::time::Duration;

use super::{Heard, Node};
use crate::standby::beat::{Beat, Told};
use crate::standby::license::License;
use crate::standby::role::Role;
use crate::standby::words::{Event, Why};
use crate::time::Time;

/// After it began to drive a relay does not give for so long because of its input: two relays with
/// bad cables do not play ball.
const SETTLE: Duration = Duration::from_secs(2);

/// How long a relay that drives goes on without a radio that works before it gives: one that is reset, or
/// just started, is there by then.
const UNABLE_MAX: Duration = Duration::from_secs(3);

/// How long a relay hears fewer universes than the other before it gives.
const LESS_MAX: Duration = Duration::from_secs(1);

/// How often the other hears levels and we do not until our input is lost, however seldom the console
/// sent a moment ago.
const MISSED_MAX: u32 = 3;

/// How long the preferred relay must be well before it asks for the bands again, if it may.
const WELL: Duration = Duration::from_secs(10);

/// How long an order to take waits for the other to give.
const WANT_MAX: Duration = Duration::from_secs(5);

/// Longest time that radios are waited for when they are to let go.
const LET_GO_MAX: Duration = Duration::from_secs(1);

impl Node {
    pub(super) fn step(&mut self, now: Time) {
        match self.role {
            Role::Follows => self.step_following(now),
            Role::Drives => self.step_driving(now),
            Role::Gives { since } => {
                if self.own.released || now.since(since) >= LET_GO_MAX {
                    self.role = Role::Gave { since: now };
                    self.beat_due = now;
                }
            }
            Role::Gave { since } => {
                let taken = self.peer.is_some_and(|peer| peer.beat.told == Told::Drives);
                if taken && self.is_heard(now) {
                    self.role = Role::Follows;
                    self.nobody_since = None;
                    self.beat_due = now;
                } else if now.since(since) >= 3 * self.timing.take_over {
                    self.follow(now, Why::NotTaken);
                }
            }
        }
    }

    fn step_following(&mut self, now: Time) {
        if self.wants.is_some_and(|since| now.since(since) >= WANT_MAX) {
            self.wants = None;
        }
        let Some(peer) = self.peer.filter(|_| self.is_heard(now)) else {
            return self.step_unheard(now);
        };
        let fit = self.fit_since.is_some();
        match peer.beat.told {
            Told::Drives | Told::Gives => {
                self.nobody_since = None;
                self.ask_back(now, &peer.beat);
            }
            // What lay in a queue while a cable was out is of a time when nobody drove.
            Told::Gave | Told::Follows if !self.holds(now, &peer) => self.nobody_since = None,
            Told::Gave if self.own.works => {
                let why = if self.wants.is_some() { Why::Ordered } else { Why::Given };
                self.drive(now, why);
            }
            Told::Gave => {}
            // Somebody who is just falling silent is none to agree with.
            Told::Follows if now.since(peer.at) >= self.timing.silence() => {}
            Told::Follows => {
                let since = *self.nobody_since.get_or_insert(now);
                let first = self.preferred && (fit || !peer.beat.fit) || self.wants.is_some();
                // At a start the preferred one may hear its first packet a moment later.
                let better = fit && !peer.beat.fit;
                let waits = self.timing.take_over * if better { 1 } else { 2 };
                if self.own.works && (first || now.since(since) >= waits) {
                    self.drive(now, Why::NobodyDrives);
                }
            }
        }
    }

    /// The other is silent: dead, or one of us is cut off.
    fn step_unheard(&mut self, now: Time) {
        self.nobody_since = None;
        self.well_since = None;
        let patience = match self.preferred || self.peer.is_some() {
            true => self.timing.take_over,
            // Both are started together: the preferred one comes first.
            false => 3 * self.timing.take_over,
        };
        // All that time consoles were heard, and they still are: it is not our own cable.
        let fit = self.fit_since.is_some_and(|since| now.since(since) >= self.timing.take_over);
        let heard_alone = self.own.input.is_heard_after(self.heard() + self.timing.lease())
            && self.pace.flows(now, self.heard(), &self.timing);
        if fit && heard_alone && now.since(self.heard()) >= patience {
            self.drive(now, if self.peer.is_some() { Why::PeerSilent } else { Why::NobodyDrives });
        }
    }

    /// The preferred relay asks for the bands when it has been well for a while, if it may.
    fn ask_back(&mut self, now: Time, peer: &Beat) {
        let well = self.preferred
            && self.gives_back
            && !self.given_by_order
            && self.own.able
            && self.fit_since.is_some()
            && !self.own.input.is_less_than(&peer.input);
        if !well {
            self.well_since = None;
            return;
        }
        let since = *self.well_since.get_or_insert(now);
        if now.since(since) >= WELL && self.wants.is_none() {
            self.wants = Some(now);
            self.beat_due = now;
        }
    }

    fn step_driving(&mut self, now: Time) {
        if !self.own.works {
            return self.follow(now, Why::Stuck);
        }
        match self.grounds(now) {
            License::CutOff => return self.follow(now, Why::Isolated),
            License::Sole(_) => self.sole = true,
            License::Until(_) | License::Paused => {}
        }
        let Some(peer) = self.peer.filter(|_| self.is_heard(now)) else {
            self.less_since = None;
            return;
        };
        if peer.beat.told == Told::Drives {
            let since = *self.conflict_since.get_or_insert(now);
            // What it said before it knew that we drive may lie in some queue for long.
            let knows = peer.answers.is_some_and(|heard| heard >= self.drives_from);
            if !knows && now.since(since) < self.timing.take_over {
                return;
            }
            let (theirs, ours) = (peer.beat.connected, self.own.connected);
            if theirs > ours || theirs == ours && peer.beat.preferred {
                self.follow(now, Why::BothDrove);
            }
            return;
        }
        self.conflict_since = None;
        if peer.beat.told != Told::Follows || !peer.beat.works || !self.holds(now, &peer) {
            return;
        }
        if peer.beat.wants {
            self.given_by_order = true;
            self.give(now, Why::Asked);
            return;
        }
        let less = self.hears_less(now, &peer);
        let unable = self.unable_since.is_some_and(|since| now.since(since) >= UNABLE_MAX);
        if !peer.beat.able || now.since(self.drives_since) < SETTLE {
            return;
        }
        if less {
            self.give(now, Why::InputLost);
        } else if unable {
            self.give(now, Why::RadiosLost);
        }
    }

    /// Whether the other hears what we do not.
    fn hears_less(&mut self, now: Time, peer: &Heard) -> bool {
        let ours = self.own.input.heard.unwrap_or(self.drives_since);
        let theirs = peer.beat.input.heard.unwrap_or(ours);
        let late = |than| theirs > ours + than;
        // One packet of a slow console may be lost.
        let missed = self.missed.note(ours, theirs, self.timing.input_loss / 5) >= MISSED_MAX;
        let newer = late(self.timing.input_loss) && (missed || late(2 * self.pace.usual()));
        if !self.own.input.is_less_than(&peer.beat.input) {
            self.less_since = None;
            return newer;
        }
        let since = *self.less_since.get_or_insert(now);
        newer || now.since(since) >= LESS_MAX
    }

    pub(super) fn drive(&mut self, now: Time, why: Why) {
        self.role = Role::Drives;
        self.drives_since = now;
        // The next one says so.
        self.drives_from = self.counter + 1;
        self.granted = None;
        self.wants = None;
        self.nobody_since = None;
        self.conflict_since = None;
        self.unable_since = (!self.own.able).then_some(now);
        self.less_since = None;
        self.given_by_order = false;
        self.take_overs += 1;
        self.beat_due = now;
        self.tell(Event::Drives(why));
    }

    pub(super) fn give(&mut self, now: Time, why: Why) {
        self.role = Role::Gives { since: now };
        // Whether the radios have let go is not known before the next tick.
        self.own.released = false;
        self.beat_due = now;
        self.well_since = None;
        self.tell(Event::Follows(why));
    }

    pub(super) fn follow(&mut self, now: Time, why: Why) {
        self.role = Role::Follows;
        self.granted = None;
        self.sole = false;
        self.nobody_since = None;
        self.well_since = None;
        self.beat_due = now;
        self.tell(Event::Follows(why));
    }
}
