//! What a band does with what it hears, sections 6 to 9.

mod course;

use crate::clock::{ShowClock, ahead, since};
use crate::frame::{FallBack, FallBackTo, Frame};
use crate::{Key, Look, advert};
use course::Course;

/// A frame made longer ago than this is not believed: someone may have kept it.
pub const REPLAY_WINDOW_MS: i32 = 2_000;

/// A frame made so far after what the clock says is not believed.
pub const FUTURE_WINDOW_MS: i32 = 60_000;

/// After so long without a frame that was believed, the relay may have been started anew with
/// another clock: a frame newer than all before it is believed again, and sets the clock.
pub const RESYNC_AFTER_MS: u32 = 4_000;

/// How long the way to what is fallen back to takes, hundredths of a second.
const FALL_BACK_FADE_CS: u8 = 100;

/// The white of [`FallBackTo::Glow`].
const GLOW: u8 = 32;

/// What a band belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Company identifier of the adverts.
    pub company: u16,
    /// The show.
    pub show: u16,
    /// The group.
    pub group: u16,
}

/// A wristband: what it heard and what it shows. About 200 bytes.
///
/// All times are milliseconds of any free-running count, which may run over. They may come out of
/// order by up to a second.
#[derive(Clone, Debug)]
pub struct Decoder {
    identity: Identity,
    /// The key in use, and the one that may come.
    keys: [Option<Key>; 2],
    /// `None` before the first frame.
    clock: Option<ShowClock>,
    /// The newest stamp that was believed; nothing older sets a clock anew.
    newest: u32,
    /// Stamp of the newest frame with a look for our group, if it still counts.
    own: Option<u32>,
    /// Stamp and base group of the frame that was believed last: most of what is heard is that
    /// frame again.
    last: Option<(u32, u16)>,
    /// Local time of the last frame that was believed.
    heard_at: u32,
    fall_back: FallBack,
    fallen: bool,
    course: Course,
}

/// What became of something heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A new look for our group.
    New,
    /// A frame of our show, and nothing new for us.
    Known,
    /// None of ours, or not to be believed.
    Ignored(Ignored),
}

/// Why something heard does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ignored {
    /// No frame of our kind.
    NotAFrame,
    /// A frame of another show.
    OtherShow,
    /// We have a key and it carries no code.
    Unauthenticated,
    /// Its code is wrong: damaged, or made by someone who has not the key.
    Forged,
    /// It is too old, or older than one that was believed: someone may have kept it.
    Replayed,
    /// It claims to be from a time to come.
    Future,
}

impl Decoder {
    /// A band that was switched on: dark, without a key, believing every frame of its show.
    pub const fn new(identity: Identity) -> Self {
        Self {
            identity,
            keys: [None, None],
            clock: None,
            newest: 0,
            own: None,
            last: None,
            heard_at: 0,
            fall_back: FallBack { to: FallBackTo::Hold, after: 0 },
            fallen: false,
            course: Course::DARK,
        }
    }

    /// Gives the band the key of its show: from now on only frames with its code are believed.
    pub fn set_key(&mut self, key: [u8; 16]) {
        self.keys[0] = Some(Key(key));
        self.last = None;
    }

    /// Gives the band the key that may follow, beside the one in use. The first frame with a code
    /// of the new key puts the old one out of use.
    pub fn set_next_key(&mut self, key: [u8; 16]) {
        self.keys[1] = Some(Key(key));
        self.last = None;
    }

    /// Moves the band to another group. What it shows stays until it hears of that group.
    pub fn set_group(&mut self, group: u16) {
        self.identity.group = group;
        self.own = None;
        self.last = None;
    }

    /// Takes the advertising data of one advert, heard at local time `now`.
    pub fn advert(&mut self, now: u32, data: &[u8]) -> Heard {
        let mut heard = Heard::Ignored(Ignored::NotAFrame);
        for payload in advert::payloads(self.identity.company, data) {
            match self.frame(now, payload) {
                Heard::New => heard = Heard::New,
                one if heard != Heard::New => heard = one,
                _ => {}
            }
        }
        heard
    }

    /// Takes one frame, heard at local time `now`: the payload of a manufacturer-specific
    /// structure.
    pub fn frame(&mut self, now: u32, bytes: &[u8]) -> Heard {
        let Ok(frame) = Frame::parse(bytes) else {
            return Heard::Ignored(Ignored::NotAFrame);
        };
        let header = frame.header();
        if header.show != self.identity.show {
            return Heard::Ignored(Ignored::OtherShow);
        }
        // Repeats are the rule. This one was believed, so it is not worth a code again; nor does it
        // keep the band from falling back, or whoever kept the frame could.
        if self.last == Some((header.stamp, header.base)) {
            return Heard::Known;
        }
        self.settle(now);
        let rotates = match self.authenticate(&frame) {
            Ok(rotates) => rotates,
            Err(why) => return Heard::Ignored(why),
        };
        if let Err(why) = self.date(now, header.stamp, rotates) {
            return Heard::Ignored(why);
        }
        if rotates {
            self.keys = [self.keys[1], None];
        }
        self.last = Some((header.stamp, header.base));
        self.heard_at = now;
        self.fall_back = header.fall_back;
        self.take(now, &frame)
    }

    /// What the lamps (red, green, blue, white) do at local time `now`.
    pub fn light(&mut self, now: u32) -> [u8; 4] {
        self.settle(now);
        self.course.light(self.show_time(now))
    }

    /// The look at local time `now`, on the way or arrived; the strobe as a rate, the fade what is
    /// left of it.
    pub fn look(&mut self, now: u32) -> Look {
        self.settle(now);
        self.course.look(self.show_time(now))
    }

    /// The show clock at local time `now`, ms; `None` before the first frame.
    pub fn show_clock(&self, now: u32) -> Option<u32> {
        self.clock.map(|clock| clock.show(now))
    }

    /// Whether it has fallen back, because nothing was heard for too long.
    pub const fn has_fallen_back(&self) -> bool {
        self.fallen
    }

    /// Whether the frame's code is that of a key of ours; true if of the one that may follow.
    fn authenticate(&self, frame: &Frame<'_>) -> Result<bool, Ignored> {
        match self.keys {
            [None, None] => Ok(false),
            _ if !frame.is_authenticated() => Err(Ignored::Unauthenticated),
            [Some(key), _] if frame.verifies(&key) => Ok(false),
            [_, Some(next)] if frame.verifies(&next) => Ok(true),
            _ => Err(Ignored::Forged),
        }
    }

    /// Whether a frame may be from now, and what it says of the time.
    fn date(&mut self, now: u32, stamp: u32, rotates: bool) -> Result<(), Ignored> {
        let known = self.clock.as_mut().filter(|_| !rotates);
        let Some(clock) = known else {
            self.clock = Some(ShowClock::set(now, stamp));
            self.newest = stamp;
            self.own = None;
            return Ok(());
        };
        let early = ahead(stamp, clock.show(now));
        let is_newer = ahead(stamp, self.newest) > 0;
        if (-REPLAY_WINDOW_MS..=FUTURE_WINDOW_MS).contains(&early) {
            clock.heard(now, stamp);
            if is_newer {
                self.newest = stamp;
            }
            return Ok(());
        }
        let silent = since(now, self.heard_at) >= RESYNC_AFTER_MS;
        // Without a key anyone can drive the band; then at least nothing keeps it dark.
        if silent && (is_newer || self.keys[0].is_none()) {
            *clock = ShowClock::set(now, stamp);
            self.newest = stamp;
            self.own = None;
            return Ok(());
        }
        Err(if early < 0 { Ignored::Replayed } else { Ignored::Future })
    }

    /// The look for our group, if there is a new one.
    fn take(&mut self, now: u32, frame: &Frame<'_>) -> Heard {
        let header = *frame.header();
        let Some(look) = frame.look(self.identity.group) else { return Heard::Known };
        if self.own.is_some_and(|own| ahead(header.stamp, own) <= 0) {
            return Heard::Known;
        }
        let is_first = self.own.replace(header.stamp).is_none() || self.fallen;
        self.fallen = false;
        let now = self.show_time(now);
        let is_new = if header.panic {
            self.course.panic(now, look)
        } else {
            let execute = header.stamp.wrapping_add(header.execute_in_ms);
            self.course.plan(now, execute, look, header.keyframe, is_first)
        };
        if is_new { Heard::New } else { Heard::Known }
    }

    /// Does what is due: looks whose time has come, and the fall-back.
    fn settle(&mut self, now: u32) {
        let silent = since(now, self.heard_at);
        let wait = self.fall_back.wait_ms().filter(|_| self.clock.is_some() && !self.fallen);
        if let Some(wait) = wait.filter(|wait| silent >= *wait) {
            self.fallen = true;
            let due = self.show_time(self.heard_at.wrapping_add(wait));
            self.course.settle(due);
            match self.fall_back.to {
                FallBackTo::Hold => self.course.hold(),
                FallBackTo::Black => self.course.fall(due, fallen(0)),
                FallBackTo::Glow => self.course.fall(due, fallen(GLOW)),
            }
        }
        self.course.settle(self.show_time(now));
    }

    fn show_time(&self, now: u32) -> u32 {
        self.clock.map_or(now, |clock| clock.show(now))
    }
}

const fn fallen(level: u8) -> Look {
    Look { levels: [level; 4], strobe_dhz: 0, fade_cs: FALL_BACK_FADE_CS }
}
