//! Until when the relay that drives may write.
//!
//! Two relays and no third: one that hears nothing from the other cannot know whether that one is
//! dead or cut off. So a license is short, is renewed all the time, and needs a reason each time:
//!
//! 1. **Granted.** The other follows and says that it heard a beat of ours. It takes over no earlier
//!    than a whole take-over time after it heard that beat, so after it was sent; we may write for half
//!    of it after it was sent. However late its answer comes, the two do not overlap.
//! 2. **Alone.** The other is silent, and consoles are heard although it is not: our cable is in. Had
//!    it been pulled, consoles would have fallen silent with the other relay.
//! 3. **Sole.** The other has been silent for so long that it has taken over or never will, and in
//!    all that time we were not cut off.
//!
//! What remains, the link between the two lost and nothing else, no rule can decide: then both hold
//! a license, and a band's one connection decides: it takes no second one.

use std::time::Duration;

use super::input::{Input, Pace};
use super::{Beat, Timing, Told};
use crate::time::Time;

/// What a license is given by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grounds<'a> {
    pub(super) timing: &'a Timing,
    pub(super) now: Time,
    /// When the newest beat went out that the other follows by, if it went out since we drive.
    pub(super) granted: Option<Time>,
    /// What the other last said.
    pub(super) peer: Option<&'a Beat>,
    /// It followed and had heard us a moment before when it last said something, so that some lost
    /// beats hide no take-over; or it was never heard.
    pub(super) follows: bool,
    /// When it last said something, or since when we listen.
    pub(super) heard: Time,
    pub(super) input: &'a Input,
    pub(super) pace: &'a Pace,
    /// It has been sole before, since the other was last heard.
    pub(super) sole: bool,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum License {
    /// Frames may be written until then.
    Until(Time),
    /// Not now; it may come back.
    Paused,
    /// Likewise until then, and from now on whatever happens to the consoles.
    Sole(Time),
    /// Cut off: let go.
    CutOff,
}

impl Grounds<'_> {
    pub(super) fn license(&self) -> License {
        let Self { timing, now, .. } = *self;
        let lease = timing.lease();
        let granted = self.granted.map(|sent| sent + lease).filter(|until| now < *until);
        let silent = now.since(self.heard);
        let silence = if self.follows { timing.silence() } else { timing.take_over };
        if silent < silence {
            // If it speaks and does not hear us, or not yet, it may be about to take over.
            let unable = self.peer.is_some_and(|peer| peer.told == Told::Follows && !peer.fit);
            return match (granted, unable && self.granted.is_some()) {
                (Some(until), _) => License::Until(until),
                (None, true) => License::Until(now + lease),
                (None, false) => License::Paused,
            };
        }
        match (self.alone(silent), granted) {
            (License::Until(until), Some(granted)) => License::Until(until.max(granted)),
            (License::Paused | License::CutOff, Some(granted)) => License::Until(granted),
            (license, _) => license,
        }
    }

    fn alone(&self, silent: Duration) -> License {
        let Self { timing, now, .. } = *self;
        let lease = timing.lease();
        if self.sole {
            return License::Sole(now + lease);
        }
        // A whole take-over time after the other was last heard: the cable is in.
        let flows = self.pace.flows(now, self.heard, timing);
        let sole = flows && self.input.is_heard_after(self.heard + timing.take_over);
        if sole && silent >= 2 * timing.take_over {
            return License::Sole(now + lease);
        }
        let heard_alone = flows && self.input.is_heard_after(self.heard + 2 * timing.beat());
        match self.input.heard {
            Some(heard) if heard_alone && now < heard + lease => License::Until(heard + lease),
            Some(heard) if now < heard + self.pace.patience(timing) => License::Paused,
            _ => License::CutOff,
        }
    }
}
