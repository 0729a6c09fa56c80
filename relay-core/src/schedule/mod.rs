//! Stage 5: looks → frames for one link, at the link's own rate.
//!
//! Before it: the [lane](crate::lane), which brings the newest table. After it: the
//! [radio](crate::radio). It runs on the lane's thread, reads no clock, allocates only when made
//! and uses no float.
//!
//! A [`LinkScheduler`] keeps, for each group of its link, the newest look and the look sent last.
//! There is no queue: what is sent is decided at the moment the link has room. It promises:
//!
//! - **What is sent last is what came last.** When looks stop coming, every group of a link that
//!   is up gets its newest look: at once if the link has room, after a loss within [`RETRY_MAX`] of
//!   the link working again.
//! - **Order never turns.** A look is never sent after one that came later.
//! - **The urgent goes first**: [panic, snap, fade, keyframe](Class); within a class, what waits
//!   longest.
//! - **Nobody starves.** One frame in [`FAIR_TURN`] goes to whatever waits longest, whatever its
//!   class, once it has waited for [`FAIR_WAIT`]. Only panic is exempt.
//! - **A flash is seen.** A look that came and was replaced before it could be sent is not skipped
//!   if it stands out from the looks before and after it (peak latch): it is sent first, then what
//!   replaced it. One peak a group at most, none older than [`PEAK_LIFE`], never two in a row: a
//!   link that is too slow for what the console does falls behind by one frame and no more.
//! - **Fades are the band's own** where it can fade: it gets the target and the time that is left.
//!   Where it cannot, it gets the steps, every [`RAMP_STEP`] at most.
//! - **Ramps are the band's own**, too: when a console fades by sending step after step and the link
//!   is too slow for all of them, a band that can fade glides from one to the next that it gets,
//!   over the time between the two ([`GLIDE_MAX`] at most), instead of jumping.
//! - **Nothing stays wrong.** Every look is sent again when its refresh time is over, large changes
//!   a few times more on paths without acknowledgement.

pub mod broadcast;
pub(crate) mod fair;
mod ramp;
mod slot;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::lane::Stamp;
use crate::look::Look;
use crate::radio::telemetry::FrameCounts;
use crate::radio::{Class, Frame, LinkSpec, Token};
use crate::time::Time;
use fair::Turns;
use slot::{Handed, Slot};

/// First wait after a lost frame; doubles with each further one up to [`RETRY_MAX`].
pub const RETRY_MIN: Duration = Duration::from_millis(20);

/// Longest wait after a lost frame.
pub const RETRY_MAX: Duration = Duration::from_millis(640);

/// One frame in so many may be chosen by waiting time alone.
pub const FAIR_TURN: u8 = 8;

/// What waits for less is not starving.
pub const FAIR_WAIT: Duration = Duration::from_millis(250);

/// A latched flash older than this is not the flash the console meant.
pub const PEAK_LIFE: Duration = Duration::from_millis(500);

/// Shortest time between the steps of a fade sent to a band that cannot fade.
pub const RAMP_STEP: Duration = Duration::from_millis(20);

/// Longest time over which a band glides to a step of a ramp.
pub const GLIDE_MAX: Duration = Duration::from_millis(200);

/// What a link should do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Send this. The link is busy until [`handle_sent`](LinkScheduler::handle_sent) or
    /// [`handle_lost`](LinkScheduler::handle_lost).
    Frame(Frame),
    /// Nothing before this time, unless something is handled.
    WaitUntil(Time),
    /// Nothing until something is handled.
    Idle,
}

/// Decides what one link sends, and when.
///
/// **After any `handle_*`, and at the time it asked to wait until, [`poll_frame`](Self::poll_frame)
/// tells what to do.**
#[derive(Clone, Debug)]
pub struct LinkScheduler {
    slots: Slots,
    policy: Policy,
    up: bool,
    panic: bool,
    in_flight: Option<InFlight>,
    next_token: u32,
    /// No frame before this: least interval, or the wait after a loss.
    not_before: Time,
    /// Frames lost in a row.
    losses: u32,
    turns: Turns,
    counts: FrameCounts,
}

/// What stays the same for a link.
#[derive(Clone, Copy, Debug)]
struct Policy {
    min_interval: Duration,
    refresh: Option<Duration>,
    repeats: u8,
    fades: bool,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    slot: u32,
    token: Token,
    look: Look,
    handed: Handed,
}

/// One group is the rule, by the thousand; it lies where the scheduler lies.
#[derive(Clone, Debug)]
enum Slots {
    One(Slot),
    Many(Box<[Slot]>),
}

impl Slots {
    fn all(&self) -> &[Slot] {
        match self {
            Self::One(slot) => std::slice::from_ref(slot),
            Self::Many(slots) => slots,
        }
    }

    fn all_mut(&mut self) -> &mut [Slot] {
        match self {
            Self::One(slot) => std::slice::from_mut(slot),
            Self::Many(slots) => slots,
        }
    }
}

impl LinkScheduler {
    /// A scheduler for a link that is down and whose groups have no look yet.
    pub fn new(spec: &LinkSpec) -> Self {
        let slots = match spec.groups.as_slice() {
            [group] => Slots::One(Slot::new(*group)),
            groups => Slots::Many(groups.iter().map(|group| Slot::new(*group)).collect()),
        };
        Self {
            slots,
            policy: Policy {
                min_interval: spec.min_interval,
                refresh: spec.refresh,
                repeats: spec.repeats,
                fades: spec.fades,
            },
            up: false,
            panic: false,
            in_flight: None,
            next_token: 0,
            not_before: Time::ZERO,
            losses: 0,
            turns: Turns::default(),
            counts: FrameCounts::default(),
        }
    }

    /// The group at `slot` of the link's groups has this look. Nothing is sent to a group before
    /// its first, so that a relay that starts does not darken bands that still show something.
    pub fn handle_look(&mut self, slot: usize, look: Look, stamp: Stamp) {
        let (up, may_latch) = (self.up, self.up && !self.panic);
        if let Some(slot) = self.slots.all_mut().get_mut(slot) {
            let lost = slot.handle_look(look, stamp, may_latch);
            self.counts.conflated += u64::from(up && lost);
        }
    }

    /// A blackout or an end look begins or ends. At its beginning everything is sent anew.
    pub fn handle_panic(&mut self, now: Time, panic: bool) {
        if panic && !self.panic {
            for slot in self.slots.all_mut() {
                slot.forget(now);
            }
        }
        self.panic = panic;
    }

    /// The link can take frames; what its bands show is unknown. True if a frame was in flight on
    /// the connection before, which is lost.
    pub fn handle_up(&mut self, now: Time) -> bool {
        let lost = self.handle_down();
        self.up = true;
        self.losses = 0;
        self.not_before = now;
        for slot in self.slots.all_mut() {
            slot.connected(now);
        }
        lost
    }

    /// The link cannot take frames. True if one was in flight, which is lost.
    pub fn handle_down(&mut self) -> bool {
        let lost = self.in_flight.take().is_some();
        self.counts.failed += u64::from(lost);
        self.up = false;
        lost
    }

    /// The frame is out: gives its look. `None` if it is none of ours, or no longer.
    pub fn handle_sent(&mut self, token: Token) -> Option<Look> {
        let frame = self.take_in_flight(token)?;
        self.counts.sent += 1;
        self.losses = 0;
        let repeats = self.policy.repeats;
        self.slots.all_mut()[frame.slot as usize].sent(frame.handed, repeats);
        Some(frame.look)
    }

    /// The frame may not have arrived. False if it is none of ours, or no longer.
    pub fn handle_lost(&mut self, now: Time, token: Token) -> bool {
        let Some(frame) = self.take_in_flight(token) else { return false };
        self.counts.failed += 1;
        let doubled = RETRY_MIN * (1 << self.losses.min(5));
        let wait = if self.panic { RETRY_MIN } else { doubled.min(RETRY_MAX) };
        self.losses = self.losses.saturating_add(1);
        self.not_before = self.not_before.max(now + wait);
        self.slots.all_mut()[frame.slot as usize].lost(now, frame.handed, !self.panic);
        true
    }

    /// Changes the least interval.
    pub fn set_min_interval(&mut self, interval: Duration) {
        self.policy.min_interval = interval;
    }

    /// What the link should do now.
    #[must_use]
    pub fn poll_frame(&mut self, now: Time) -> Poll {
        if !self.up || self.in_flight.is_some() {
            return Poll::Idle;
        }
        let Some((index, fair)) = self.choose(now) else { return self.wait(now) };
        if now < self.not_before {
            return Poll::WaitUntil(self.not_before);
        }
        let token = Token(self.next_token);
        self.next_token = self.next_token.wrapping_add(1);
        self.turns.count(fair);
        self.not_before = now + self.policy.min_interval;
        let slot = &mut self.slots.all_mut()[index];
        let (handed, mut frame) = slot.hand(now, self.panic, &self.policy, token);
        if self.panic && frame.class != Class::Keyframe {
            frame.class = Class::Panic;
        }
        self.in_flight = Some(InFlight { slot: index as u32, token, look: frame.look, handed });
        self.counts.handed += 1;
        self.counts.latched += u64::from(handed.is_peak);
        self.counts.conflated += u64::from(handed.dropped_peak);
        Poll::Frame(frame)
    }

    /// How urgent the frame is that [`poll_frame`](Self::poll_frame) would give now, and since
    /// when it waits: for radios on which links compete.
    #[must_use]
    pub fn urgency(&self, now: Time) -> Option<(Class, Time)> {
        if !self.up || self.in_flight.is_some() || now < self.not_before {
            return None;
        }
        let (index, _) = self.choose(now)?;
        self.slots.all()[index].due(now, self.panic, &self.policy)
    }

    /// Whether the link is up and every group of it that has a look was sent it and has confirmed
    /// it.
    #[must_use]
    pub fn is_settled(&self, now: Time) -> bool {
        let slots = self.slots.all();
        self.up && self.in_flight.is_none() && slots.iter().all(|slot| slot.is_settled(now))
    }

    /// When the oldest look came that the link should show and does not; `None` if it shows the
    /// newest, or is down.
    #[must_use]
    pub fn behind_since(&self) -> Option<Time> {
        let waiting = self.slots.all().iter().filter_map(Slot::behind_since);
        let flying = self.in_flight.and_then(|frame| frame.handed.behind_since());
        waiting.chain(flying).min().filter(|_| self.up)
    }

    /// Whether the link can take frames.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// What it counted.
    #[must_use]
    pub fn counts(&self) -> FrameCounts {
        self.counts
    }

    fn take_in_flight(&mut self, token: Token) -> Option<InFlight> {
        self.in_flight.take_if(|frame| frame.token == token)
    }

    /// The slot whose turn it is, and whether that is a fair turn.
    fn choose(&self, now: Time) -> Option<(usize, bool)> {
        let slots = self.slots.all().iter().enumerate();
        let due = slots.filter_map(|(index, slot)| {
            let (class, since) = slot.due(now, self.panic, &self.policy)?;
            Some((class, since, index))
        });
        self.turns.choose(now, due)
    }

    fn wait(&self, now: Time) -> Poll {
        let next =
            self.slots.all().iter().filter_map(|slot| slot.next_due(now, &self.policy)).min();
        next.map_or(Poll::Idle, Poll::WaitUntil)
    }
}
