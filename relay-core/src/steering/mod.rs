//! Where a hand is on the show: masters, overrides, freeze and panic, between stage 4 and the table.
//!
//! * Before it: [`output`](crate::output), which gives what the console wants after loss of signal
//!   and delay. After it: the strobe guard ([`strobe`](crate::strobe)), which every look passes on its
//!   way to the [`GroupTable`] that lanes publish.
//! * Thread: the relay thread. Promises: no allocation after [`Steering::new`], no clock of its own,
//!   no floats; the same calls at the same times give the same looks.
//!
//! What a group shows, the higher rule first:
//!
//! 1. **Panic**: dark. Latched: only its release ends it.
//! 2. **Override**: what the hand wants, until its time is over. Masters scale it.
//! 3. **Freeze**: the look from the console when the freeze began, strobe opened. Masters scale it.
//! 4. The console's look, scaled by the group's master and by the grand master.
//!
//! When a hand lets go, the group goes at once to what the console sends now, over what is left of
//! the console's own fade.

mod order;
mod pattern;
mod request;
#[cfg(test)]
mod tests;

use crate::config::{EndLook, Safety, StrobeMode};
use crate::look::Look;
use crate::strobe::StrobeGuard;
use crate::table::GroupTable;
use crate::time::Time;
use crate::timers::Timers;

pub use order::{OVERRIDE_MAX, Order, Selection};
pub use pattern::Pattern;
pub use request::{
    Actor, EndLookRequest, LookRequest, MasterRequest, OverrideRequest, ReleaseRequest, Request,
    RequestError, StartLookRequest, Switch, TestPattern,
};

/// A master that changes nothing.
pub const FULL: u8 = 255;

/// What hands have done to a show, and what its groups therefore show.
#[derive(Debug)]
pub struct Steering {
    groups: Vec<Steered>,
    /// The newest look of each group from the console, unless the guard has a newer one.
    console: Vec<Newest>,
    /// Whether the guard has.
    newer: Vec<bool>,
    timers: Timers,
    panic: bool,
    frozen: bool,
    grand_master: u8,
    /// Groups with an override.
    overridden: u32,
    /// Groups whose master is not at full.
    mastered: u32,
    /// No hand is on the show: what the console wants goes to the guard, which has a note of it.
    guarded: bool,
    /// The last override ended by itself, and nobody was told yet.
    overrides_over: bool,
    /// Chosen by hand; `None`: the show file's.
    start_look: Option<Look>,
    end_look: Option<EndLook>,
    strobe: StrobeGuard,
}

/// A look from the console, and since when.
#[derive(Clone, Copy, Debug)]
struct Newest {
    look: Look,
    since: Time,
}

#[derive(Clone, Copy, Debug)]
struct Steered {
    /// What it keeps while the show is frozen.
    held: Look,
    master: u8,
    hand: Option<Hand>,
}

/// An override under way.
#[derive(Clone, Copy, Debug)]
struct Hand {
    pattern: Pattern,
    start: Time,
    until: Time,
    /// Its place among the groups overridden by the same order, and their number.
    place: u32,
    of: u32,
}

/// How one group is steered, for front ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSteering {
    /// Its master, 0..=255.
    pub master: u8,
    /// Its override, and when that ends.
    pub over: Option<(Pattern, Time)>,
}

impl Default for GroupSteering {
    fn default() -> Self {
        Self { master: FULL, over: None }
    }
}

impl Steering {
    /// No hand on a show of `groups`, all of which show `start`. The only allocation.
    pub fn new(groups: usize, start: Look, safety: Safety) -> Self {
        let group = Steered { held: start, master: FULL, hand: None };
        Self {
            groups: vec![group; groups],
            console: vec![Newest { look: start, since: Time::ZERO }; groups],
            newer: vec![false; groups],
            timers: Timers::new(groups),
            panic: false,
            frozen: false,
            grand_master: FULL,
            overridden: 0,
            mastered: 0,
            guarded: safety.strobe != StrobeMode::Off,
            overrides_over: false,
            start_look: None,
            end_look: None,
            strobe: StrobeGuard::new(safety, groups, start),
        }
    }

    /// The console gives a group another look. Returns whether the table changed.
    pub fn show(&mut self, now: Time, group: usize, look: Look, table: &mut GroupTable) -> bool {
        self.show_word(now, group, look.to_bits(), table)
    }

    /// Likewise, the look as a word.
    #[inline(always)]
    pub(crate) fn show_word(
        &mut self,
        now: Time,
        group: usize,
        look: u64,
        table: &mut GroupTable,
    ) -> bool {
        match self.newer.get_mut(group) {
            Some(newer) if self.guarded => {
                *newer = true;
                self.strobe.pass_word(now, group, look, table)
            }
            _ => self.show_steered(now, group, Look::from_bits(look), table),
        }
    }

    #[inline(never)]
    fn show_steered(
        &mut self,
        now: Time,
        group: usize,
        look: Look,
        table: &mut GroupTable,
    ) -> bool {
        let Some(console) = self.console.get_mut(group) else { return false };
        *console = Newest { look, since: now };
        let state = &self.groups[group];
        if self.panic || self.frozen || state.hand.is_some() {
            return false;
        }
        let look = mastered(look, state.master, self.grand_master);
        self.strobe.pass(now, group, look, table)
    }

    /// Obeys an order. Returns whether the table changed.
    pub fn obey(&mut self, now: Time, order: &Order, table: &mut GroupTable) -> bool {
        self.note_console();
        let changed = self.carry_out(now, order, table);
        self.note_hands();
        changed
    }

    /// Takes note of whether any hand is on the show: while none is, looks go to the guard alone. To be
    /// called after whatever may change that.
    fn note_hands(&mut self) {
        let hands = self.panic || self.frozen || self.overridden > 0;
        let untouched = !hands && self.grand_master == FULL && self.mastered == 0;
        self.guarded = untouched && self.strobe.mode() != StrobeMode::Off;
    }

    /// Takes the guard's notes over, before a hand comes between.
    fn note_console(&mut self) {
        if !std::mem::take(&mut self.guarded) {
            return;
        }
        for group in 0..self.console.len() {
            if let Some(newest) = self.newest(group) {
                self.console[group] = newest;
            }
        }
        self.newer.fill(false);
    }

    /// What the console wants of a group.
    fn newest(&self, group: usize) -> Option<Newest> {
        match self.newer.get(group)? {
            true => self.strobe.wanted(group).map(|(look, since)| Newest { look, since }),
            false => self.console.get(group).copied(),
        }
    }

    fn carry_out(&mut self, now: Time, order: &Order, table: &mut GroupTable) -> bool {
        match order {
            Order::Panic(on) => {
                self.panic = *on;
                self.refresh_all(now, table)
            }
            Order::Freeze(on) => {
                if *on && !self.frozen {
                    for (state, console) in self.groups.iter_mut().zip(&self.console) {
                        let look = Look { strobe_dhz: 0, ..console.look };
                        state.held =
                            Look { fade_cs: look.fade_left(now.since(console.since)), ..look };
                    }
                }
                self.frozen = *on;
                self.refresh_all(now, table)
            }
            Order::GrandMaster(level) => {
                self.grand_master = *level;
                self.refresh_all(now, table)
            }
            Order::Master { groups, level } => self.each(groups, |this, group, _| {
                let before = std::mem::replace(&mut this.groups[group].master, *level);
                this.mastered += u32::from(*level != FULL);
                this.mastered -= u32::from(before != FULL);
                this.refresh(now, group, table)
            }),
            Order::Override { groups, pattern, time } => {
                let of = groups.len(self.groups.len()) as u32;
                let until = now + (*time).min(OVERRIDE_MAX);
                self.each(groups, |this, group, place| {
                    let hand = Hand { pattern: *pattern, start: now, until, place, of };
                    let before = this.groups[group].hand.replace(hand);
                    this.overridden += u32::from(before.is_none());
                    this.refresh(now, group, table)
                })
            }
            Order::Release { groups } => self.each(groups, |this, group, _| {
                let before = this.groups[group].hand.take();
                this.overridden -= u32::from(before.is_some());
                before.is_some() && this.refresh(now, group, table)
            }),
            // Which groups still wait is known one stage before.
            Order::StartLook(look) => {
                self.start_look = *look;
                false
            }
            Order::EndLook(look) => {
                self.end_look = *look;
                false
            }
        }
    }

    /// Moves patterns on and ends overrides whose time is over. Harmless when called early. Returns
    /// whether the table changed.
    pub fn handle_timeout(&mut self, now: Time, table: &mut GroupTable) -> bool {
        let mut changed = false;
        while let Some((due, group)) = self.timers.first() {
            if due > now {
                break;
            }
            let state = &mut self.groups[group];
            if state.hand.is_some_and(|hand| hand.until <= now) {
                state.hand = None;
                self.overridden -= 1;
                self.overrides_over = self.overridden == 0;
            }
            changed |= self.refresh(now, group, table);
            self.note_hands();
        }
        self.strobe.handle_timeout(now, table) | changed
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let due = self.timers.first().map(|(due, _)| due);
        due.into_iter().chain(self.strobe.poll_timeout()).min()
    }

    /// What watches the flashes.
    pub const fn strobe(&self) -> &StrobeGuard {
        &self.strobe
    }

    /// Likewise, to be asked what changed.
    pub(crate) const fn strobe_mut(&mut self) -> &mut StrobeGuard {
        &mut self.strobe
    }

    /// True once after the last override ended because its time was over.
    #[must_use]
    pub fn poll_overrides_over(&mut self) -> bool {
        std::mem::take(&mut self.overrides_over)
    }

    /// What a group is left showing when the relay ends with `look`; `None` = with what it has now.
    /// Panic outlives the show, and masters do not touch a look that was chosen for the end.
    pub(crate) fn end_look(&self, group: usize, look: Option<Look>, table: &GroupTable) -> Look {
        let Some(state) = self.groups.get(group).filter(|_| !self.panic) else { return Look::DARK };
        let held = self.frozen || state.hand.is_some();
        look.unwrap_or_else(|| match held {
            true => Look { strobe_dhz: 0, fade_cs: 0, ..table.get(group) },
            false => {
                let look = Look { strobe_dhz: 0, ..self.console(group) };
                mastered(look, state.master, self.grand_master)
            }
        })
    }

    /// Takes over what hands have done to another show: all that concerns the whole of it, and what
    /// concerns and shows the groups that `pairs` names by their index there and here.
    pub(crate) fn take_over(
        &mut self,
        now: Time,
        old: &Self,
        pairs: impl Iterator<Item = (usize, usize)> + Clone,
        table: &mut GroupTable,
    ) {
        self.note_console();
        self.strobe.take_over(&old.strobe, pairs.clone());
        self.panic = old.panic;
        self.frozen = old.frozen;
        self.grand_master = old.grand_master;
        self.start_look = old.start_look;
        self.end_look = old.end_look;
        for (there, here) in pairs {
            let (Some(newest), Some(console)) = (old.newest(there), self.console.get_mut(here))
            else {
                continue;
            };
            *console = newest;
            let (Some(old), Some(state)) = (old.groups.get(there), self.groups.get_mut(here))
            else {
                continue;
            };
            *state = *old;
            self.overridden += u32::from(state.hand.is_some());
            self.mastered += u32::from(state.master != FULL);
        }
        self.refresh_all(now, table);
        self.note_hands();
    }

    /// The newest look of a group from the console; dark past the last.
    pub(crate) fn console(&self, group: usize) -> Look {
        self.newest(group).map_or(Look::DARK, |console| console.look)
    }

    /// Brings every group up to date. Returns whether the table changed.
    fn refresh_all(&mut self, now: Time, table: &mut GroupTable) -> bool {
        let mut changed = false;
        for group in 0..self.groups.len() {
            changed |= self.refresh(now, group, table);
        }
        changed
    }

    /// Whether panic is latched.
    pub const fn is_panic(&self) -> bool {
        self.panic
    }

    /// Whether the show is frozen.
    pub const fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// The grand master, 0..=255.
    pub const fn grand_master(&self) -> u8 {
        self.grand_master
    }

    /// What groups without a signal yet show by an operator's choice; `None`: nobody chose.
    pub const fn start_look(&self) -> Option<Look> {
        self.start_look
    }

    /// What the bands are to be left showing by an operator's choice; `None`: nobody chose.
    pub const fn chosen_end(&self) -> Option<EndLook> {
        self.end_look
    }

    /// Groups with an override.
    pub const fn overridden(&self) -> u32 {
        self.overridden
    }

    /// How one group is steered; `None` past the last.
    pub fn group(&self, group: usize) -> Option<GroupSteering> {
        let state = self.groups.get(group)?;
        let over = state.hand.map(|hand| (hand.pattern, hand.until));
        Some(GroupSteering { master: state.master, over })
    }

    /// Calls `change` with every group of a selection and its place in it.
    fn each(
        &mut self,
        groups: &Selection,
        mut change: impl FnMut(&mut Self, usize, u32) -> bool,
    ) -> bool {
        let mut changed = false;
        for place in 0..groups.len(self.groups.len()) {
            let group = groups.get(place);
            if group < self.groups.len() {
                changed |= change(self, group, place as u32);
            }
        }
        changed
    }

    /// Brings one group up to date after a hand has moved: its look and its deadline.
    fn refresh(&mut self, now: Time, group: usize, table: &mut GroupTable) -> bool {
        let state = &self.groups[group];
        let (look, due) = match state.hand {
            Some(hand) => {
                let (look, next) = hand.pattern.at(now.since(hand.start), hand.place, hand.of);
                let next = next.map_or(hand.until, |next| (hand.start + next).min(hand.until));
                (look, Some(next))
            }
            None if self.frozen => (Look { fade_cs: 0, ..state.held }, None),
            None => {
                let Newest { look, since } = self.console[group];
                (Look { fade_cs: look.fade_left(now.since(since)), ..look }, None)
            }
        };
        self.timers.set(group, due);
        if self.panic {
            return self.strobe.force(now, group, Look::DARK, table);
        }
        let look = mastered(look, state.master, self.grand_master);
        self.strobe.pass(now, group, look, table)
    }
}

fn mastered(look: Look, master: u8, grand_master: u8) -> Look {
    if master == FULL && grand_master == FULL {
        return look;
    }
    Look { dimmer: scaled(scaled(look.dimmer, master), grand_master), ..look }
}

/// `level` x `master` / 255, rounded to nearest; light that is there does not go out before the
/// master does.
fn scaled(level: u8, master: u8) -> u8 {
    let scaled = ((u16::from(level) * u16::from(master) + 127) / 255) as u8;
    scaled.max(u8::from(level > 0 && master > 0))
}
