//! The way of the light: where it comes from, where it goes, and what is to come.

use crate::Look;
use crate::clock::ahead;

/// Looks that can wait for their time. The longest time to execution is one second; consoles send
/// 44 looks in one, so that a relay that announces further ahead than 180 ms costs steps in
/// between, never the last one.
const PENDING_MAX: usize = 8;

/// All times are show times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    from: [u8; 4],
    to: Look,
    since: u32,
    /// Looks and when they are due, in that order.
    pending: [(u32, Look); PENDING_MAX],
    waiting: usize,
}

impl Course {
    pub(super) const DARK: Self = Self {
        from: [0; 4],
        to: Look::DARK,
        since: 0,
        pending: [(0, Look::DARK); PENDING_MAX],
        waiting: 0,
    };

    /// A look that is due at `execute`; whatever was planned for then or later is over. False if it
    /// is the one there is, or is going to be. A `keyframe` is that if it leads to the same light.
    pub(super) fn plan(
        &mut self,
        now: u32,
        execute: u32,
        look: Look,
        keyframe: bool,
        is_first: bool,
    ) -> bool {
        let newest = self.newest();
        if !is_first && (newest == look || keyframe && newest.same_light(look)) {
            return false;
        }
        let planned = &self.pending[..self.waiting];
        self.waiting = planned.iter().take_while(|(at, _)| ahead(*at, execute) < 0).count();
        if !is_first && self.newest() == look {
            return true;
        }
        if ahead(execute, now) <= 0 {
            self.go(execute, look);
        } else {
            // Full: what was to come last is given up for what comes instead.
            self.waiting = self.waiting.min(PENDING_MAX - 1);
            self.pending[self.waiting] = (execute, look);
            self.waiting += 1;
        }
        true
    }

    /// A look for at once; nothing is to come any more.
    pub(super) fn panic(&mut self, now: u32, look: Look) -> bool {
        let look = Look { fade_cs: 0, ..look };
        let is_new = self.waiting > 0 || self.to != look;
        self.waiting = 0;
        if is_new {
            self.go(now, look);
        }
        is_new
    }

    /// Goes to a look that nobody sent.
    pub(super) fn fall(&mut self, now: u32, look: Look) {
        self.waiting = 0;
        self.go(now, look);
    }

    /// Goes on to what was planned and stays there, without strobe.
    pub(super) fn hold(&mut self) {
        self.to.strobe_dhz = 0;
        for (_, look) in self.pending.iter_mut().take(self.waiting) {
            look.strobe_dhz = 0;
        }
    }

    /// Begins what is due.
    pub(super) fn settle(&mut self, now: u32) {
        while self.waiting > 0 && ahead(self.pending[0].0, now) <= 0 {
            self.next();
        }
        // An old beginning would be a new one when the clock has run over.
        if self.to.fade_cs != 0 && self.remaining(now) == 0 {
            self.from = self.to.levels;
        }
        if self.from == self.to.levels {
            self.since = now;
        }
    }

    pub(super) fn look(&self, now: u32) -> Look {
        let remaining = self.remaining(now);
        Look {
            levels: self.levels(remaining),
            strobe_dhz: self.to.strobe_dhz,
            fade_cs: remaining.div_ceil(10) as u8,
        }
    }

    /// A strobe is lit in the first half of each of its periods; all bands count them from the same
    /// beginning, that of the show clock.
    pub(super) fn light(&self, now: u32) -> [u8; 4] {
        let tenths = u64::from(now) * u64::from(self.to.strobe_dhz);
        if tenths % 10_000 >= 5_000 {
            return [0; 4];
        }
        self.levels(self.remaining(now))
    }

    /// The look that will hold when all is done.
    fn newest(&self) -> Look {
        let last = self.waiting.checked_sub(1).and_then(|last| self.pending.get(last));
        last.map_or(self.to, |(_, look)| *look)
    }

    fn next(&mut self) {
        let (at, look) = self.pending[0];
        self.pending.copy_within(1.., 0);
        self.waiting -= 1;
        self.go(at, look);
    }

    fn go(&mut self, at: u32, look: Look) {
        self.from = self.levels(self.remaining(at));
        self.to = look;
        self.since = at;
    }

    /// What is left of the fade, ms.
    fn remaining(&self, now: u32) -> u32 {
        let whole = u32::from(self.to.fade_cs) * 10;
        // A clock that was set back by a little makes the beginning one that is still to come.
        let elapsed = ahead(now, self.since).max(0) as u32;
        if self.from == self.to.levels { 0 } else { whole.saturating_sub(elapsed) }
    }

    /// Linear light; halves round up.
    fn levels(&self, remaining: u32) -> [u8; 4] {
        let whole = u32::from(self.to.fade_cs) * 10;
        core::array::from_fn(|lamp| {
            let [from, to] = [self.from[lamp], self.to.levels[lamp]].map(u32::from);
            // Below 255 x 2550: fits. Without a fade there is no way to be on.
            let level = from * remaining + to * (whole - remaining) + whole / 2;
            level.checked_div(whole).unwrap_or(to) as u8
        })
    }
}
