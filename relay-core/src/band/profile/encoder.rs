//! What one link writes: looks as frames, and what a band needs beside them.

use std::ops::Deref;
use std::time::Duration;

use super::{FrameBytes, Profile};
use crate::band::BandFrame;
use crate::time::Time;

/// The writes that one look takes, in order. One is the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    frames: [FrameBytes; Self::MAX],
    len: u8,
}

impl Writes {
    /// Most writes that a look takes.
    pub const MAX: usize = 3;

    fn push(&mut self, frame: FrameBytes) {
        if let Some(free) = self.frames.get_mut(usize::from(self.len)) {
            *free = frame;
            self.len += 1;
        }
    }
}

impl From<FrameBytes> for Writes {
    fn from(frame: FrameBytes) -> Self {
        let mut writes = Self::default();
        writes.push(frame);
        writes
    }
}

impl Deref for Writes {
    type Target = [FrameBytes];

    fn deref(&self) -> &[FrameBytes] {
        &self.frames[..usize::from(self.len)]
    }
}

/// What a link remembers from one look to the next.
#[derive(Clone, Copy, Debug, Default)]
pub struct Encoder {
    /// Frames on this connection.
    count: u8,
    /// The band was switched off.
    off: bool,
    /// When it was last told that we are there.
    kept_alive: Time,
}

impl Encoder {
    /// The writes that make a band of the kind `profile` show `frame`.
    ///
    /// - The colour goes first: a keep-alive that is due goes behind it.
    /// - A blackout writes black, then switches the band off, if its kind can be switched off; the
    ///   next look switches it on again. Black comes first so that switching on shows no old light.
    pub fn writes(&mut self, profile: &Profile, now: Time, frame: &BandFrame) -> Writes {
        if frame.first {
            // Connecting has switched it on, and counted from zero what it wrote.
            let count = profile.connect_writes().len() as u8;
            *self = Self { count, off: false, kept_alive: now };
        }
        let mut writes = Writes::default();
        let dark = frame.panic && !frame.look.is_lit();
        if self.off && !dark {
            self.off = false;
            self.add(&mut writes, profile.on(self.count));
        }
        let colour = profile.encode(frame, self.count);
        self.add(&mut writes, Some(colour));
        if dark && let Some(off) = profile.off(self.count) {
            self.off = true;
            self.add(&mut writes, Some(off));
        } else if profile.keep_alive_every().is_some_and(|every| self.is_quiet(now, every)) {
            self.kept_alive = now;
            self.add(&mut writes, profile.keep_alive(self.count));
        }
        writes
    }

    /// From half of its time on it goes with any frame; a frame comes once in that half at least
    /// ([`Profile::refresh_max`]).
    fn is_quiet(&self, now: Time, every: Duration) -> bool {
        now.since(self.kept_alive) >= every / 2
    }

    fn add(&mut self, writes: &mut Writes, frame: Option<FrameBytes>) {
        if let Some(frame) = frame {
            writes.push(frame);
            self.count = self.count.wrapping_add(1);
        }
    }
}
