//! One group on one link: the newest look, the look sent last, and what follows from the two.

use std::time::Duration;

use super::ramp::Ramp;
use super::{PEAK_LIFE, Policy, RAMP_STEP};
use crate::lane::Stamp;
use crate::look::Look;
use crate::radio::{Class, Frame, Token};
use crate::time::Time;

/// A change of light of this much in one channel, of 255, is seen as an instant.
const SNAP_LEVELS: u8 = 64;

#[derive(Clone, Debug)]
pub(super) struct Slot {
    group: u32,
    /// The newest look. Of table 0 until there is one; nothing is sent before.
    newest: Arrived,
    /// Where the light was when the newest look came; for the steps of a fade.
    from: Look,
    /// The look handed to the radio last; `None` if what the band shows is unknown.
    handed: Option<Look>,
    handed_at: Time,
    /// The look sent last: what the band showed before the one in flight.
    sent: Option<Look>,
    /// The newest look was not handed yet, in any step of its fade.
    fresh: bool,
    /// How urgent the unsent change is.
    class: Class,
    /// The first change since something was handed last. Kept if the look goes back to what is
    /// shown: a group that flickers would else lose its place with every flicker.
    waiting_since: Option<Time>,
    /// A flash that came before the newest look and was not sent.
    peak: Option<Arrived>,
    /// The frame before was a latched peak.
    after_peak: bool,
    /// The band has confirmed nothing since the link came up.
    first: bool,
    sequence: u8,
    /// How often to send the same again.
    repeats: u8,
    ramp: Ramp,
}

/// A look and where it came from.
#[derive(Clone, Copy, Debug)]
struct Arrived {
    look: Look,
    arrival: Time,
    table: u64,
}

/// What was handed to the radio, to be understood when it was sent or lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handed {
    class: Class,
    /// The look it carries; on the way there if it is a step of a fade.
    what: Arrived,
    target: Look,
    /// It had not been handed before.
    fresh: bool,
    /// The same was handed before it.
    again: bool,
    /// It is a latched flash.
    pub(super) is_peak: bool,
    /// A flash was latched and has grown too old.
    pub(super) dropped_peak: bool,
}

impl Handed {
    /// When the look came, unless the band shows it already.
    pub(super) fn behind_since(&self) -> Option<Time> {
        (!self.again).then_some(self.what.arrival)
    }
}

impl Slot {
    pub(super) fn new(group: usize) -> Self {
        Self {
            group: group as u32,
            newest: Arrived { look: Look::DARK, arrival: Time::ZERO, table: 0 },
            from: Look::DARK,
            handed: None,
            handed_at: Time::ZERO,
            sent: None,
            fresh: false,
            class: Class::Snap,
            waiting_since: None,
            peak: None,
            after_peak: false,
            first: true,
            sequence: 0,
            repeats: 0,
            ramp: Ramp::default(),
        }
    }

    /// A newer look came. True if an unsent one is lost over it.
    pub(super) fn handle_look(&mut self, look: Look, stamp: Stamp, may_latch: bool) -> bool {
        let old = self.newest;
        if look == old.look && old.table != 0 {
            return false;
        }
        self.from = self.course(stamp.arrival);
        let small = look.fade_cs == 0 && classify(old.look, look) == Class::Fade;
        let pause = stamp.arrival.since(old.arrival);
        self.ramp.step(old.look, look, small.then_some(pause), self.fresh);
        self.newest = Arrived { look, arrival: stamp.arrival, table: stamp.sequence };
        let waits = self.fresh || self.peak.is_some();
        let replaced = self.fresh;
        let latched = replaced && may_latch && self.latch(old);
        let class = self.handed.map_or(Class::Snap, |shown| classify(shown, look));
        self.fresh = self.handed != Some(look);
        self.class = if waits { self.class.min(class) } else { class };
        self.waiting_since.get_or_insert(stamp.arrival);
        replaced && !latched
    }

    /// Keeps the unsent `old`, to be sent before the newest look, if it is a flash. False if it,
    /// or the flash that was kept before, is lost.
    fn latch(&mut self, old: Arrived) -> bool {
        let Some(before) = self.handed.or(self.sent) else { return false };
        if self.after_peak || !self.is_flash(before, old.look) {
            return false;
        }
        match self.peak {
            Some(kept) if brightness(kept.look) >= brightness(old.look) => false,
            kept => {
                self.peak = Some(old);
                kept.is_none()
            }
        }
    }

    /// Whether `look` stands out from what was shown before it and from the newest look after it.
    fn is_flash(&self, before: Look, look: Look) -> bool {
        look.fade_cs == 0
            && distance(before, look) >= SNAP_LEVELS
            && distance(look, self.newest.look) >= SNAP_LEVELS
    }

    /// What the band shows is unknown: everything is sent anew.
    pub(super) fn forget(&mut self, now: Time) {
        self.handed = None;
        self.peak = None;
        self.after_peak = false;
        self.class = Class::Snap;
        self.waiting_since = Some(now);
    }

    /// The link came up.
    pub(super) fn connected(&mut self, now: Time) {
        self.forget(now);
        self.first = true;
        self.fresh = false;
        self.repeats = 0;
    }

    /// Whether a frame is due, how urgent it is, and since when.
    pub(super) fn due(&self, now: Time, panic: bool, policy: &Policy) -> Option<(Class, Time)> {
        if self.newest.table == 0 {
            return None;
        }
        let since = self.waiting_since.unwrap_or(self.handed_at);
        let Some(handed) = self.handed else {
            return Some((if panic { Class::Panic } else { self.class }, since));
        };
        if handed != self.target(now, panic, policy) || self.live_peak(now).is_some() {
            if panic {
                return Some((Class::Panic, since));
            }
            if self.live_peak(now).is_some() || !self.is_ramping(now, policy) {
                return Some((self.class, since));
            }
            let step = self.handed_at + RAMP_STEP;
            return (step <= now).then_some((Class::Fade, step));
        }
        if self.repeats > 0 {
            return Some((Class::Fade, self.handed_at));
        }
        let keyframe = self.handed_at + policy.refresh?;
        (keyframe <= now).then_some((Class::Keyframe, keyframe))
    }

    /// When a frame will be due if none is now.
    pub(super) fn next_due(&self, now: Time, policy: &Policy) -> Option<Time> {
        self.handed?;
        let keyframe = policy.refresh.map(|refresh| self.handed_at + refresh);
        if !self.is_ramping(now, policy) {
            return keyframe;
        }
        let step = self.handed_at + RAMP_STEP;
        // The light may take longer than a step to move by one level.
        let step = if step > now { step } else { now + RAMP_STEP };
        Some(keyframe.map_or(step, |keyframe| keyframe.min(step)))
    }

    /// Makes the frame that is due and takes it as handed to the radio.
    pub(super) fn hand(
        &mut self,
        now: Time,
        panic: bool,
        policy: &Policy,
        token: Token,
    ) -> (Handed, Frame) {
        let class = self.due(now, panic, policy).map_or(Class::Keyframe, |(class, _)| class);
        let peak = self.live_peak(now).filter(|_| !panic);
        let what = peak.unwrap_or(self.newest);
        let target = peak.map_or_else(|| self.target(now, panic, policy), |peak| peak.look);
        let handed = Handed {
            class,
            what,
            target,
            fresh: self.fresh || peak.is_some(),
            again: self.handed == Some(target),
            is_peak: peak.is_some(),
            dropped_peak: self.peak.is_some() && peak.is_none(),
        };
        if handed.again {
            self.repeats = self.repeats.saturating_sub(1);
        } else {
            self.sequence = self.sequence.wrapping_add(1);
            self.repeats = 0;
        }
        if panic {
            // A fade that panic has cut short does not go on after it.
            self.from = target;
        }
        self.handed = Some(target);
        let handed_before = std::mem::replace(&mut self.handed_at, now);
        self.peak = None;
        self.after_peak = handed.is_peak;
        // What replaced a flash is now a change from it.
        self.fresh = handed.is_peak;
        self.waiting_since = handed.is_peak.then_some(self.newest.arrival);
        if handed.is_peak {
            self.class = classify(target, self.newest.look);
        }
        let fade_cs = match fade_left(what, now) {
            _ if panic || !policy.fades => 0,
            0 if class == Class::Fade && !handed.again && !handed.is_peak => {
                self.ramp.glide_cs(now.since(handed_before))
            }
            left => left,
        };
        let frame = Frame {
            token,
            group: self.group,
            look: Look { fade_cs, ..target },
            sequence: self.sequence,
            class,
            first: self.first,
            table: what.table,
            latency: handed.fresh.then(|| now.since(what.arrival)),
        };
        (handed, frame)
    }

    /// The radio has sent it.
    pub(super) fn sent(&mut self, handed: Handed, repeats: u8) {
        self.first = false;
        self.sent = Some(handed.target);
        if !handed.again && !handed.is_peak && handed.class <= Class::Snap {
            self.repeats = repeats;
        }
    }

    /// The radio has lost it. The newest look goes next, but for a flash that was lost.
    pub(super) fn lost(&mut self, now: Time, handed: Handed, may_latch: bool) {
        self.class = if self.fresh { self.class.min(handed.class) } else { handed.class };
        self.waiting_since.get_or_insert(now);
        self.handed = None;
        self.repeats = 0;
        self.fresh |= handed.fresh;
        let flash = self.sent.is_some_and(|before| self.is_flash(before, handed.what.look));
        if flash && handed.fresh && may_latch && self.peak.is_none() {
            self.peak = Some(handed.what);
            self.after_peak = false;
        }
    }

    pub(super) fn is_settled(&self, now: Time) -> bool {
        let shown = self.handed == Some(self.newest.look)
            && self.live_peak(now).is_none()
            && self.repeats == 0
            && !self.first;
        shown || self.newest.table == 0
    }

    /// When the oldest look came that was not handed yet.
    pub(super) fn behind_since(&self) -> Option<Time> {
        let waits = self.newest.table != 0 && self.handed != Some(self.newest.look);
        self.waiting_since.filter(|_| waits)
    }

    /// What the band should be shown now.
    fn target(&self, now: Time, panic: bool, policy: &Policy) -> Look {
        if panic || !self.is_ramping(now, policy) {
            return self.newest.look;
        }
        Look { fade_cs: 0, ..self.course(now) }
    }

    /// Where a light that fades by itself is at `now`.
    fn course(&self, now: Time) -> Look {
        self.from.toward(self.newest.look, now.since(self.newest.arrival))
    }

    /// A fade is under way that the band cannot do by itself.
    fn is_ramping(&self, now: Time, policy: &Policy) -> bool {
        !policy.fades && now.since(self.newest.arrival) < fade_time(self.newest.look)
    }

    fn live_peak(&self, now: Time) -> Option<Arrived> {
        self.peak.filter(|peak| now.since(peak.arrival) <= PEAK_LIFE)
    }
}

/// What is left of the fade to a look, hundredths of a second.
fn fade_left(what: Arrived, now: Time) -> u8 {
    let left = fade_time(what.look).saturating_sub(now.since(what.arrival));
    u8::try_from(left.as_millis().div_ceil(10)).unwrap_or(u8::MAX)
}

fn fade_time(look: Look) -> Duration {
    Duration::from_millis(10 * u64::from(look.fade_cs))
}

/// How a change from `shown` to `look` is seen.
fn classify(shown: Look, look: Look) -> Class {
    let strobe_edge = (shown.strobe_dhz == 0) != (look.strobe_dhz == 0);
    let edge = shown.is_lit() != look.is_lit() || strobe_edge;
    let instant = edge || distance(shown, look) >= SNAP_LEVELS;
    if instant && look.fade_cs == 0 { Class::Snap } else { Class::Fade }
}

/// The greatest change of light in any channel.
fn distance(a: Look, b: Look) -> u8 {
    let [a, b] = [a.output(), b.output()];
    a.iter().zip(b).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
}

/// The light of all channels together.
fn brightness(look: Look) -> u16 {
    look.output().into_iter().map(u16::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_changes_and_edges_are_instants_and_what_fades_is_not() {
        let level = |red| Look { red, dimmer: 255, ..Look::DARK };
        let strobing = Look { strobe_dhz: 50, ..level(100) };
        for (from, to, class) in [
            (level(100), level(163), Class::Fade),
            (level(100), level(164), Class::Snap),
            (level(164), level(100), Class::Snap),
            (level(100), Look { dimmer: 90, ..level(100) }, Class::Snap),
            (level(0), level(1), Class::Snap),
            (level(1), level(0), Class::Snap),
            (level(100), strobing, Class::Snap),
            (strobing, level(100), Class::Snap),
            (strobing, Look { strobe_dhz: 60, ..strobing }, Class::Fade),
            (level(0), Look { fade_cs: 1, ..level(255) }, Class::Fade),
        ] {
            assert_eq!(classify(from, to), class, "{from:?} to {to:?}");
        }
    }
}
