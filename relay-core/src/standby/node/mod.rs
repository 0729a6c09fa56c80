//! Who drives: one relay's side of a standby, as a state machine.
//!
//! **After any call with the time in it: hand [`license`](Node::license) to the radios, drain
//! [`poll_event`](Node::poll_event), send [`poll_beat`](Node::poll_beat), call
//! [`handle_tick`](Node::handle_tick) again within [`Timing::tick`].**
//!
//! ```text
//!            nobody drives, the other is silent or gave
//!   Follows ────────────────────────────────────────────► Drives
//!      ▲ ▲      isolated, stood still, stuck, both drove      │ ordered, asked, input lost
//!      │ └────────────────────────────────────────────────────┤
//!      └──────────────── Gave ◄──── radios let go ──── Gives ◄┘
//! ```

mod step;

use std::collections::VecDeque;

use super::Timing;
use super::beat::{Beat, Told};
use super::input::{Missed, Pace};
use super::license::{Grounds, License};
use super::role::{Order, OrderRefused, Own, Role};
use super::words::{Event, Why};
use crate::time::Time;

/// Beats whose sending times are remembered: more than are sent in the time of a lease.
const SENT_MAX: usize = 64;

/// Events that may wait to be told.
const EVENTS_MAX: usize = 32;

/// What the other said last.
#[derive(Clone, Copy, Debug)]
struct Heard {
    beat: Beat,
    at: Time,
    /// The last of our beats that it had heard.
    answers: Option<u64>,
    /// When that went out: what it says is of a later time, however long it lay in some queue.
    said_after: Option<Time>,
}

/// One relay's side of a standby.
#[derive(Debug)]
pub struct Node {
    timing: Timing,
    preferred: bool,
    gives_back: bool,
    role: Role,
    own: Own,
    pace: Pace,
    peer: Option<Heard>,
    /// Nothing is known of what was said before.
    listens_since: Time,
    ticked: Time,
    contact: bool,
    /// Counts the beats sent.
    counter: u64,
    sent: VecDeque<(u64, Time)>,
    /// The first beat that said that we drive.
    drives_from: u64,
    drives_since: Time,
    /// When the newest beat went out that the other follows by.
    granted: Option<Time>,
    sole: bool,
    /// Since when it asks the other to give.
    wants: Option<Time>,
    fit_since: Option<Time>,
    /// Of the consoles, while it drives.
    missed: Missed,
    /// Since when the other hears more, and since when nobody drives.
    less_since: Option<Time>,
    nobody_since: Option<Time>,
    conflict_since: Option<Time>,
    /// Since when no radio works any more, of one that drives.
    unable_since: Option<Time>,
    well_since: Option<Time>,
    /// An operator gave the bands away: they are not asked back.
    given_by_order: bool,
    beat_due: Time,
    take_overs: u32,
    events: VecDeque<Event>,
}

impl Node {
    /// A relay that has just started: it follows until it knows better.
    pub fn new(timing: Timing, preferred: bool, gives_back: bool, now: Time) -> Self {
        Self {
            timing,
            preferred,
            gives_back,
            role: Role::Follows,
            own: Own::default(),
            pace: Pace::default(),
            peer: None,
            listens_since: now,
            ticked: now,
            contact: false,
            counter: 0,
            sent: VecDeque::with_capacity(SENT_MAX),
            drives_from: 0,
            drives_since: now,
            granted: None,
            sole: false,
            wants: None,
            fit_since: None,
            missed: Missed::default(),
            less_since: None,
            nobody_since: None,
            conflict_since: None,
            unable_since: None,
            well_since: None,
            given_by_order: false,
            beat_due: now,
            take_overs: 0,
            events: VecDeque::with_capacity(EVENTS_MAX),
        }
    }

    /// What it is to the bands.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether it is the one that drives if both can.
    pub fn is_preferred(&self) -> bool {
        self.preferred
    }

    /// What the other last said and when, if it is heard.
    pub fn peer(&self, now: Time) -> Option<(&Beat, Time)> {
        let heard = self.peer.as_ref().filter(|_| self.is_heard(now))?;
        Some((&heard.beat, heard.at))
    }

    /// How often it began to drive.
    pub fn take_overs(&self) -> u32 {
        self.take_overs
    }

    /// Whether an operator's order, or its own, to get the bands is open.
    pub fn wants(&self) -> bool {
        self.wants.is_some()
    }

    /// What happened.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Until when frames may be written to connected bands; `None`: not now.
    #[must_use]
    pub fn license(&self, now: Time) -> Option<Time> {
        match self.grounds(now) {
            License::Until(until) | License::Sole(until) if self.role == Role::Drives => {
                // Beyond that nobody has looked whether it still holds.
                Some(until.min(self.ticked + self.timing.lease())).filter(|until| *until > now)
            }
            _ => None,
        }
    }

    /// Takes a beat that is believed. `heard` is the number of the last of ours that it had heard.
    pub fn handle_beat(&mut self, now: Time, beat: &Beat, heard: Option<u64>) {
        let said = self.peer.map(|peer| peer.beat.told);
        let answered = self.sent.iter().find(|(counter, _)| Some(*counter) == heard);
        let said_after = answered.map(|&(_, at)| at);
        self.peer = Some(Heard { beat: *beat, at: now, answers: heard, said_after });
        if said != Some(beat.told) {
            // It waits for us to know.
            self.beat_due = now;
        }
        if (self.role, beat.told) == (Role::Drives, Told::Follows)
            && heard.is_some_and(|heard| heard >= self.drives_from)
        {
            self.granted = self.granted.max(said_after);
        }
        if beat.told != Told::Follows {
            self.granted = None;
        }
        self.sole = false;
        self.step(now);
    }

    /// Does what is due. `own` is how this relay is now. True: it stood still since the last call, and
    /// beats that wait to be read are of a time that is over; they are to be thrown away.
    #[must_use]
    pub fn handle_tick(&mut self, now: Time, own: &Own) -> bool {
        let stood_still = now.since(self.ticked) > self.timing.lease();
        self.ticked = now;
        if stood_still {
            self.listens_since = now;
            self.granted = None;
            self.sole = false;
            self.nobody_since = None;
            self.fit_since = None;
            if self.role != Role::Follows {
                self.follow(now, Why::StoodStill);
            }
        }
        if own.able {
            self.unable_since = None;
        } else if self.own.able {
            self.unable_since = Some(now);
        }
        if own.hands != self.own.hands {
            // An order waits for no beat that is due later.
            self.beat_due = now;
        }
        self.own = *own;
        let alone = stood_still || now.since(self.heard()) > self.timing.silence();
        let theirs = self.peer.and_then(|peer| peer.beat.input.heard);
        let ours = own.input.heard.unwrap_or_default() + 2 * self.timing.beat();
        let doubtful = alone || theirs.is_some_and(|theirs| theirs > ours);
        self.pace.note(now, own.input.heard, doubtful, &self.timing);
        let patience = self.pace.patience(&self.timing);
        let flows = own.input.age(now).is_some_and(|age| age < patience);
        match (own.works && flows, self.fit_since) {
            (true, None) => (self.fit_since, self.beat_due) = (Some(now), now),
            (false, Some(_)) => (self.fit_since, self.beat_due) = (None, now),
            _ => {}
        }
        if self.contact != self.is_heard(now) {
            self.contact = !self.contact;
            self.tell(if self.contact { Event::PeerHeard } else { Event::PeerLost });
        }
        self.step(now);
        stood_still
    }

    /// Takes an operator's order.
    ///
    /// # Errors
    ///
    /// It cannot be obeyed.
    pub fn order(&mut self, now: Time, order: Order) -> Result<(), OrderRefused> {
        match (order, self.role) {
            (Order::Take, Role::Drives) | (Order::Give, Role::Gives { .. } | Role::Gave { .. }) => {
            }
            (Order::Take, _) if !self.is_heard(now) => {
                // Who orders that knows what the other does.
                self.drive(now, Why::Ordered);
                self.sole = true;
            }
            (Order::Take, _) => {
                self.wants = Some(now);
                self.beat_due = now;
            }
            (Order::Give, Role::Drives) => {
                if !self.is_heard(now) {
                    return Err(OrderRefused::NobodyThere);
                }
                if !self.peer.is_some_and(|peer| peer.beat.works) {
                    return Err(OrderRefused::PeerStuck);
                }
                if !self.peer.is_some_and(|peer| peer.beat.able) {
                    return Err(OrderRefused::PeerUnable);
                }
                self.given_by_order = true;
                self.give(now, Why::Ordered);
            }
            (Order::Give, Role::Follows) => return Err(OrderRefused::NotDriving),
        }
        Ok(())
    }

    /// The relay is about to stop: gives the bands if there is somebody to take them. False: there
    /// is not, and the end look is this relay's to send.
    pub fn stops(&mut self, now: Time) -> bool {
        let takes = self.peer.is_some_and(|peer| peer.beat.works) && self.is_heard(now);
        if self.role == Role::Drives && takes {
            self.give(now, Why::Stopping);
        }
        self.role != Role::Drives
    }

    /// The beat to send now, if one is due, and its number. To be called when it can be sent.
    #[must_use]
    pub fn poll_beat(&mut self, now: Time) -> Option<(u64, Beat)> {
        if now < self.beat_due {
            return None;
        }
        self.beat_due = now + self.timing.beat();
        self.counter += 1;
        if self.sent.len() == SENT_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back((self.counter, now));
        let told = match self.role {
            Role::Follows => Told::Follows,
            Role::Drives => Told::Drives,
            Role::Gives { .. } => Told::Gives,
            Role::Gave { .. } => Told::Gave,
        };
        let own = &self.own;
        let beat = Beat {
            told,
            preferred: self.preferred,
            works: own.works,
            fit: self.fit_since.is_some(),
            able: own.able,
            wants: self.wants.is_some(),
            input: own.input,
            connected: own.connected,
            bands: own.bands,
            hands: own.hands,
            lacks_masters: own.lacks_masters,
            show: own.show,
        };
        Some((self.counter, beat))
    }

    /// When the other was last heard, or since when we listen.
    fn heard(&self) -> Time {
        self.peer.map_or(Time::ZERO, |peer| peer.at).max(self.listens_since)
    }

    /// Whether the other was heard lately, and since we listen.
    fn is_heard(&self, now: Time) -> bool {
        self.peer.is_some_and(|peer| {
            peer.at >= self.listens_since && now.since(peer.at) < self.timing.take_over
        })
    }

    /// Whether what the other said last holds: it answers a beat of ours of a moment ago, so that it
    /// cannot have taken over since, for it heard us later than that.
    fn holds(&self, now: Time, peer: &Heard) -> bool {
        peer.said_after.is_some_and(|after| now.since(after) < self.timing.lease())
    }

    fn grounds(&self, now: Time) -> License {
        let grounds = Grounds {
            timing: &self.timing,
            now,
            granted: self.granted,
            peer: self.peer.as_ref().map(|peer| &peer.beat),
            follows: self.peer.is_none_or(|peer| {
                matches!(peer.beat.told, Told::Follows | Told::Gave) && self.holds(peer.at, &peer)
            }),
            heard: self.heard(),
            input: &self.own.input,
            pace: &self.pace,
            sole: self.sole,
        };
        grounds.license()
    }

    fn tell(&mut self, event: Event) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        }
    }
}
