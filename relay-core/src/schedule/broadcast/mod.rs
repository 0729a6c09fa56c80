//! Stage 5 for broadcast: newest looks → frames on the air, whatever the number of bands.
//!
//! A link has a band that acknowledges. On the air nobody answers: a frame may be missed by any
//! band, and the next may not. So a look that changed is sent several times, and then again and
//! again for ever, because there is always a band that missed it, or was just switched on. What is
//! sent, in what order:
//!
//! - **Changes first**: [panic, snap, fade](Class); within a class what was sent less often; then
//!   what waits longest. Each change goes out [`repeats`](AirPolicy::repeats) times, and until the
//!   time it is to be seen.
//! - **Then keyframes**, group after group, round and round.
//! - **Nobody starves**: one frame in [`KEYFRAME_TURN`] is a keyframe, whatever changes.
//! - **All show it at once**: a look has a time when it is to be seen, the same in every frame that
//!   carries it. A frame takes along its neighbours, as far as they do not wait for another time.
//!
//! There is no queue: a frame is made of the newest looks at the moment it goes out. It reads no
//! clock, allocates only when made and uses no float.

#[cfg(test)]
mod tests;

use broadcast_frame::frame::{self, EXECUTE_IN_MS_MAX};
use broadcast_frame::{FallBack, Header, Key};

use crate::look::Look;
use crate::radio::Class;

/// One frame in so many is a keyframe even while looks change.
pub const KEYFRAME_TURN: u32 = 8;

/// How a show goes on the air.
#[derive(Clone, Copy, Debug)]
pub struct AirPolicy {
    /// The show's id.
    pub show: u16,
    /// Room for a frame, bytes.
    pub room: usize,
    /// How often a change is sent before it is left to the keyframes.
    pub repeats: u8,
    /// From a look's arrival to when all bands show it, ms.
    pub lead_ms: u32,
    /// What bands do when they hear nothing.
    pub fall_back: FallBack,
    /// Who may drive them.
    pub key: Option<Key>,
    /// Colours are sent as the nearest of the standard palette, so that more fit a frame.
    pub nearest_colours: bool,
}

/// Decides what is on the air.
#[derive(Clone, Debug)]
pub struct AirScheduler {
    policy: AirPolicy,
    groups: Box<[Slot]>,
    /// The looks of `groups` as the frame being made carries them.
    carried: Box<[broadcast_frame::Look]>,
    last_stamp: Option<u32>,
    /// Where the next keyframe begins.
    cursor: usize,
    since_keyframe: u32,
}

/// A group on the air.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Nothing is sent of a group before its first look.
    known: bool,
    look: broadcast_frame::Look,
    class: Class,
    /// Show time at which it is to be seen, or was.
    execute: u32,
    /// Since when the change waits, show time.
    since: u32,
    /// How often the change was sent.
    sent: u8,
    /// It was sent as often as a change is, and its time has come.
    settled: bool,
}

/// A frame that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AirFrame {
    /// Its bytes at the start of the output.
    pub len: usize,
    /// The first group it has a look for.
    pub base: usize,
    /// How many groups.
    pub groups: usize,
    /// How urgent it is; [`Class::Keyframe`] if nothing changed.
    pub class: Class,
}

impl AirScheduler {
    /// For a show of `groups` groups that have no look yet.
    pub fn new(policy: AirPolicy, groups: usize) -> Self {
        let slot = Slot {
            known: false,
            look: broadcast_frame::Look::DARK,
            class: Class::Keyframe,
            execute: 0,
            since: 0,
            sent: 0,
            settled: true,
        };
        Self {
            policy,
            groups: vec![slot; groups.min(1 << 16)].into_boxed_slice(),
            carried: vec![broadcast_frame::Look::DARK; groups.min(1 << 16)].into_boxed_slice(),
            last_stamp: None,
            cursor: 0,
            since_keyframe: 0,
        }
    }

    /// The group has this look since show time `arrived`. Whatever comes here is sent as a change.
    pub fn set_look(&mut self, group: usize, look: Look, class: Class, arrived: u32) {
        let lead = self.policy.lead_ms.min(EXECUTE_IN_MS_MAX);
        let class = class.min(Class::Fade);
        let Some(slot) = self.groups.get_mut(group) else { return };
        let lead = if slot.known && class != Class::Panic { lead } else { 0 };
        *slot = Slot {
            known: true,
            look: on_air(look, self.policy.nearest_colours),
            class,
            execute: arrived.wrapping_add(lead),
            since: arrived,
            sent: 0,
            settled: false,
        };
        if class == Class::Panic {
            slot.look.fade_cs = 0;
        }
    }

    /// How urgent the next frame is: [`Class::Keyframe`] if nothing changed that was not sent often
    /// enough; `None` if no group has a look.
    #[must_use]
    pub fn urgency(&self) -> Option<Class> {
        let known = self.groups.iter().filter(|slot| slot.known);
        known.map(|slot| if slot.settled { Class::Keyframe } else { slot.class }).min()
    }

    /// Whether a change of the group, or of any if `None`, was not sent often enough yet.
    #[must_use]
    pub fn is_settled(&self, group: Option<usize>) -> bool {
        match group {
            Some(group) => self.groups.get(group).is_none_or(|slot| slot.settled),
            None => self.groups.iter().all(|slot| slot.settled),
        }
    }

    /// Makes the frame to be on the air from show time `now` on. `None` if no group has a look.
    #[must_use]
    pub fn poll_frame(&mut self, now: u32, out: &mut [u8]) -> Option<AirFrame> {
        let stamp = match self.last_stamp {
            Some(last) if ahead(now, last) <= 0 => last.wrapping_add(1),
            _ => now,
        };
        let change = self.most_urgent();
        let turn = self.since_keyframe + 1 >= KEYFRAME_TURN
            && change.is_some_and(|group| self.groups[group].class != Class::Panic);
        let keyframe = if change.is_none() || turn { self.next_keyframe(stamp) } else { None };
        let (base, class) = match (keyframe, change) {
            (Some(base), _) => (base, Class::Keyframe),
            (None, Some(base)) => (base, self.groups[base].class),
            (None, None) => return None,
        };
        let groups = self.take_along(base, class, stamp);
        let header = Header {
            show: self.policy.show,
            stamp,
            execute_in_ms: match class {
                Class::Panic | Class::Keyframe => 0,
                _ => ahead(self.groups[base].execute, stamp).max(0) as u32,
            },
            keyframe: class == Class::Keyframe,
            panic: class == Class::Panic,
            fall_back: self.policy.fall_back,
            // Groups are at most 65536.
            base: base as u16,
        };
        let room = self.policy.room.min(out.len());
        let looks = &self.carried[base..base + groups];
        let encoded = frame::encode(&header, looks, self.policy.key.as_ref(), &mut out[..room])?;
        self.last_stamp = Some(stamp);
        self.count(base, encoded.groups, class, stamp);
        Some(AirFrame { len: encoded.len, base, groups: encoded.groups, class })
    }

    /// The change whose turn it is.
    fn most_urgent(&self) -> Option<usize> {
        let changes =
            self.groups.iter().enumerate().filter(|(_, slot)| slot.known && !slot.settled);
        let order = |slot: &Slot| (slot.class, slot.sent, std::cmp::Reverse(self.age(slot)));
        changes.min_by_key(|(index, slot)| (order(slot), *index)).map(|(index, _)| index)
    }

    /// How long a change has been waiting, as far as it matters.
    fn age(&self, slot: &Slot) -> u32 {
        self.last_stamp.map_or(0, |last| last.wrapping_sub(slot.since)).min(u32::MAX / 2)
    }

    /// The first group from the cursor on that a keyframe may speak of.
    fn next_keyframe(&self, stamp: u32) -> Option<usize> {
        let all = self.groups.len();
        let mut from_cursor = (0..all).map(|offset| (self.cursor + offset) % all);
        from_cursor.find(|group| self.groups[*group].may_keyframe(stamp))
    }

    /// Puts the looks from `base` on into `carried`, as far as one frame may have them; gives how
    /// many.
    fn take_along(&mut self, base: usize, class: Class, stamp: u32) -> usize {
        let execute = self.groups[base].execute;
        let mut count = 0;
        for (slot, carried) in self.groups[base..].iter().zip(&mut self.carried[base..]) {
            let fits = match class {
                // A panic frame is executed at once: whoever is not meant must not be in it.
                Class::Panic => slot.class == Class::Panic && !slot.settled,
                Class::Keyframe => slot.may_keyframe(stamp),
                _ => {
                    let waits = ahead(slot.execute, stamp) > 0;
                    slot.known && (slot.execute == execute || !waits)
                }
            };
            if !fits {
                break;
            }
            *carried = match class {
                Class::Keyframe => slot.remaining(stamp),
                _ => slot.look,
            };
            count += 1;
        }
        count
    }

    /// Keeps account of a frame that was made.
    fn count(&mut self, base: usize, groups: usize, class: Class, stamp: u32) {
        if class == Class::Keyframe {
            self.since_keyframe = 0;
            self.cursor = (base + groups) % self.groups.len();
            return;
        }
        self.since_keyframe = self.since_keyframe.saturating_add(1);
        let repeats = self.policy.repeats;
        for slot in &mut self.groups[base..base + groups] {
            slot.sent = slot.sent.saturating_add(1);
            slot.settled |= slot.sent >= repeats && ahead(slot.execute, stamp) <= 0;
        }
    }
}

impl Slot {
    /// Whether a frame may say that this look holds now.
    fn may_keyframe(&self, stamp: u32) -> bool {
        self.known && ahead(self.execute, stamp) <= 0
    }

    /// The look with what is left of its fade.
    fn remaining(&self, stamp: u32) -> broadcast_frame::Look {
        let elapsed = ahead(stamp, self.execute).max(0) as u32;
        let left = (u32::from(self.look.fade_cs) * 10).saturating_sub(elapsed).div_ceil(10);
        // At most what it was.
        broadcast_frame::Look { fade_cs: left as u8, ..self.look }
    }
}

/// The look as it travels.
fn on_air(look: Look, nearest_colours: bool) -> broadcast_frame::Look {
    let (strobe_dhz, fade_cs) = (look.strobe_dhz, look.fade_cs);
    let look = broadcast_frame::Look { levels: look.output(), strobe_dhz, fade_cs };
    if nearest_colours { look.nearest_standard() } else { look }
}

/// By how much `a` is ahead of `b`, modulo 2^32.
const fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}
