//! The last step of stage 4: patched looks → the [`GroupTable`], through each group's policy for
//! loss of signal and its delay, then through what operators do by hand ([`steering`](crate::steering)).
//!
//! * Before it: [`patch`](crate::patch). After it: the table that lanes publish.
//! * Thread: the relay thread. Promises: no allocation after [`Output::new`], no clock of its
//!   own, no floats; the same calls at the same times give the same looks.
//!
//! **A group is lost when all of its universes are lost.** While one of them lives, the parts
//! from lost ones keep their last values: half a console is better than none, and a policy that
//! fired on the first loss would let a dimmer universe take the colours with it. Only a strobe that
//! a lost universe drives is opened at once.
//!
//! A lost group holds its last look with the strobe opened, then goes to its loss look. When the
//! signal returns it goes straight to what the console sends now. Both pass through the delay, so
//! that neighbours with different delays stay in step.

mod succession;

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::{Config, EndLook, Group, Loss};
use crate::look::Look;
use crate::patch::Plan;
use crate::snapshot::SignalState;
use crate::steering::{Order, Steering};
use crate::strobe::StrobeChange;
use crate::table::GroupTable;
use crate::time::Time;
use crate::timers::Timers;
use crate::universe::SLOTS;

/// Longest fade a band does by itself; longer ones are cut into steps by the engine's clock.
const BAND_FADE_MAX: Duration = Duration::from_millis(2550);

/// A step of a longer fade. Bands fade from step to step; without fade 10 steps a second still
/// look like one.
const FADE_STEP: Duration = Duration::from_millis(100);

/// The rate of looks that a delay line has room for; consoles send at most 44 a second.
const DELAYED_LOOKS_PER_SECOND: u64 = 64;

/// What became of the signal of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalChange {
    /// It has one, for the first time.
    First,
    /// It has one again.
    Back,
    /// It has none any more.
    Lost,
}

/// Loss of signal and delay, for every group of a show.
#[derive(Debug)]
pub struct Output {
    groups: Vec<GroupOutput>,
    /// Whether the looks of each group go straight on: it has a signal and no delay. `patched` and
    /// `entered` of [`GroupOutput`] are then out of date; see [`recall`](Self::recall).
    straight: Vec<bool>,
    /// Whether each universe has a live source.
    universes_live: Vec<bool>,
    timers: Timers,
    /// Groups whose signal came or went since it was last polled, each at most once.
    signals: VecDeque<u32>,
    steering: Steering,
    /// What groups begin with, by the show file.
    start: Look,
}

#[derive(Debug)]
struct GroupOutput {
    loss: Loss,
    delay: Duration,
    /// What the console wants, from the patch.
    patched: Look,
    /// The last look that left the loss policy; what it shows after the delay.
    entered: Look,
    /// Looks on their way through the delay. Due times never decrease.
    line: VecDeque<(Time, Look)>,
    /// Most looks in `line`.
    line_max: usize,
    /// How many of its universes live.
    universes_live: u32,
    /// One of its universes had a source when this show began.
    heard: bool,
    signal: SignalState,
    /// When its last universe was lost; meaningful while it is lost.
    lost_at: Time,
    phase: Phase,
    /// Waits in [`Output::signals`].
    signalled: bool,
    /// It had a signal, and that was polled.
    has_lived: bool,
}

/// How far the loss policy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not lost, or lost with nothing left to do.
    Still,
    /// Lost and holding; at `until` it goes to the loss look.
    Holding { until: Time },
    /// On a long way from one output to another; the next step is at `next`.
    Fading { from: [u8; 4], start: Time, next: Time },
}

impl Output {
    /// Takes the policies of every group. The only allocation. Every group begins with the start
    /// look.
    pub fn new(config: &Config, plan: &Plan) -> Self {
        let start = config.start_look;
        let group = |group: &Group| GroupOutput::new(group.loss, group.delay, start);
        Self {
            steering: Steering::new(config.groups.len(), start, config.safety),
            start,
            groups: config.groups.iter().map(group).collect(),
            straight: vec![false; config.groups.len()],
            universes_live: vec![false; plan.universes().len()],
            timers: Timers::new(config.groups.len()),
            signals: VecDeque::with_capacity(config.groups.len()),
        }
    }

    /// Patches the levels of a universe that has a live source, and shows the looks that changed.
    /// Ends its loss, if it was lost. Returns whether the table changed.
    pub fn apply(
        &mut self,
        now: Time,
        universe: usize,
        levels: &[u8; SLOTS],
        plan: &mut Plan,
        table: &mut GroupTable,
    ) -> bool {
        let mut changed = false;
        plan.apply_words(universe, levels, |group, look| {
            changed |= match self.straight[group] {
                true => self.steering.show_word(now, group, look, table),
                false => self.patch(now, group, Look::from_bits(look), table),
            };
        });
        // After the looks, so that a group that returns skips what it showed before the loss.
        if self.universes_live.get(universe) == Some(&false) {
            self.universes_live[universe] = true;
            for group in plan.groups_of(universe) {
                changed |= self.universe_returned(now, group, table);
            }
        }
        changed
    }

    /// The last source of a universe is gone. Harmless if it was lost already or never lived.
    /// Returns whether the table changed.
    pub fn universe_lost(
        &mut self,
        now: Time,
        universe: usize,
        plan: &mut Plan,
        table: &mut GroupTable,
    ) -> bool {
        if self.universes_live.get(universe) != Some(&true) {
            return false;
        }
        self.universes_live[universe] = false;
        let mut changed = false;
        plan.open_strobes(universe, |group, look| {
            changed |= self.patch(now, group, look, table);
        });
        for group in plan.groups_of(universe) {
            self.groups[group].universes_live -= 1;
            if self.groups[group].universes_live == 0 {
                changed |= self.group_lost(now, group, table);
            }
        }
        changed
    }

    /// Advances loss policies and delays to `now`. Harmless when called early. Returns whether
    /// the table changed.
    pub fn handle_timeout(&mut self, now: Time, table: &mut GroupTable) -> bool {
        let mut changed = false;
        while let Some((due, group)) = self.timers.first() {
            if due > now {
                break;
            }
            changed |= self.update(now, group, table);
        }
        self.steering.handle_timeout(now, table) | changed
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do. Any other call that
    /// takes the table may change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let due = self.timers.first().map(|(due, _)| due);
        due.into_iter().chain(self.steering.poll_timeout()).min()
    }

    /// Obeys an operator's order. Returns whether the table changed.
    pub fn obey(&mut self, now: Time, order: &Order, table: &mut GroupTable) -> bool {
        let changed = self.steering.obey(now, order, table);
        matches!(order, Order::StartLook(_)) && self.wait_in_start_look(now, table) || changed
    }

    /// Shows the start look in every group that has had no signal yet.
    fn wait_in_start_look(&mut self, now: Time, table: &mut GroupTable) -> bool {
        let look = self.steering.start_look().unwrap_or(self.start);
        let mut changed = false;
        for group in 0..self.groups.len() {
            if self.groups[group].signal == SignalState::Waiting {
                changed |= self.patch(now, group, look, table);
            }
        }
        changed
    }

    /// What operators have done by hand.
    pub const fn steering(&self) -> &Steering {
        &self.steering
    }

    /// What the strobe guard has to tell.
    #[must_use]
    pub fn poll_strobe(&mut self) -> Option<StrobeChange> {
        self.steering.strobe_mut().poll_change()
    }

    /// True once after the last override ended because its time was over.
    #[must_use]
    pub fn poll_overrides_over(&mut self) -> bool {
        self.steering.poll_overrides_over()
    }

    /// The next group whose signal came or went.
    #[must_use]
    pub fn poll_signal(&mut self) -> Option<(usize, SignalChange)> {
        let group = self.signals.pop_front()? as usize;
        let state = &mut self.groups[group];
        state.signalled = false;
        let change = match state.signal {
            SignalState::Live if state.has_lived => SignalChange::Back,
            SignalState::Live => SignalChange::First,
            SignalState::Lost | SignalState::Waiting => SignalChange::Lost,
        };
        state.has_lived = true;
        Some((group, change))
    }

    /// Whether a group has a signal. Lost: every universe that feeds it is lost.
    pub fn group_signal(&self, group: usize) -> Option<SignalState> {
        self.groups.get(group).map(|state| state.signal)
    }

    /// Leaves every group in its end look, past delays and loss policies: in `end_look`, unless an
    /// operator chose another. Returns whether the table changed. To hold is to show the newest look at once, strobe opened: nobody is left
    /// to stop it. After a panic nobody is left to release, every group stays dark.
    pub fn end(&mut self, now: Time, end_look: EndLook, table: &mut GroupTable) -> bool {
        let end_look = self.steering.chosen_end().unwrap_or(end_look);
        let mut changed = false;
        for index in 0..self.groups.len() {
            self.recall(index);
            let state = &mut self.groups[index];
            state.phase = Phase::Still;
            state.line.clear();
            let chosen = match end_look {
                EndLook::Hold => None,
                EndLook::Look(look) => Some(look),
            };
            // What was still on its way through the delay.
            changed |= self.steering.show(now, index, state.entered, table);
            state.entered = self.steering.end_look(index, chosen, table);
            changed |= table.set(index, state.entered);
            self.timers.set(index, None);
        }
        changed
    }

    /// One of the universes of a group lives again, or for the first time.
    fn universe_returned(&mut self, now: Time, group: usize, table: &mut GroupTable) -> bool {
        let state = &mut self.groups[group];
        state.universes_live += 1;
        if state.universes_live > 1 {
            return false;
        }
        state.phase = Phase::Still;
        self.signal(group, SignalState::Live);
        self.update(now, group, table)
    }

    /// The last of the universes of a group is lost.
    fn group_lost(&mut self, now: Time, group: usize, table: &mut GroupTable) -> bool {
        let state = &mut self.groups[group];
        state.lost_at = now;
        state.hold();
        self.signal(group, SignalState::Lost);
        self.update(now, group, table)
    }

    fn signal(&mut self, group: usize, signal: SignalState) {
        let state = &mut self.groups[group];
        state.signal = signal;
        if !state.signalled {
            state.signalled = true;
            self.signals.push_back(group as u32);
        }
    }

    /// The console wants another look of a group, or of one that waits the start look is another.
    #[inline(never)]
    fn patch(&mut self, now: Time, group: usize, look: Look, table: &mut GroupTable) -> bool {
        self.recall(group);
        self.groups[group].patched = look;
        self.update(now, group, table)
    }

    /// Brings what is known of a group whose looks went straight on up to date.
    fn recall(&mut self, group: usize) {
        let newest = self.newest(group);
        self.straight[group] = false;
        let state = &mut self.groups[group];
        (state.patched, state.entered) = newest;
    }

    /// What the console wants of a group, and what it shows after the delay.
    fn newest(&self, group: usize) -> (Look, Look) {
        let state = &self.groups[group];
        match self.straight[group] {
            true => [self.steering.console(group); 2].into(),
            false => (state.patched, state.entered),
        }
    }

    /// Moves one group to `now`: loss policy, delay, table, deadline.
    fn update(&mut self, now: Time, group: usize, table: &mut GroupTable) -> bool {
        self.recall(group);
        let state = &mut self.groups[group];
        let look = match state.signal {
            SignalState::Live | SignalState::Waiting => state.patched,
            SignalState::Lost => state.lost_look(now),
        };
        let look = state.delayed(now, look);
        self.timers.set(group, state.deadline());
        self.straight[group] = state.goes_straight();
        look.is_some_and(|look| self.steering.show(now, group, look, table))
    }
}

impl GroupOutput {
    fn new(loss: Loss, delay: Duration, start: Look) -> Self {
        let per_delay = delay.as_millis() as u64 * DELAYED_LOOKS_PER_SECOND / 1000;
        let line_max = if delay.is_zero() { 0 } else { per_delay as usize + 2 };
        Self {
            loss,
            delay,
            patched: start,
            entered: start,
            line: VecDeque::with_capacity(line_max),
            line_max,
            universes_live: 0,
            heard: false,
            signal: SignalState::Waiting,
            lost_at: Time::ZERO,
            phase: Phase::Still,
            signalled: false,
            has_lived: false,
        }
    }

    /// Begins its policy for loss of signal.
    fn hold(&mut self) {
        self.phase = match self.loss.to {
            None => Phase::Still,
            Some(_) => Phase::Holding { until: self.lost_at + self.loss.after },
        };
    }

    /// What a lost group shows at `now`; moves the phase on.
    fn lost_look(&mut self, now: Time) -> Look {
        let held = Look { strobe_dhz: 0, ..self.entered };
        let Some(to) = self.loss.to else { return held };
        if let Phase::Holding { until } = self.phase {
            if now < until {
                return held;
            }
            if self.loss.fade <= BAND_FADE_MAX {
                self.phase = Phase::Still;
                return Look { fade_cs: centiseconds(self.loss.fade), ..to };
            }
            self.phase = Phase::Fading { from: held.output(), start: until, next: until };
        }
        let Phase::Fading { from, start, next } = self.phase else { return self.entered };
        if now < next {
            return self.entered;
        }
        // Each step is a fade to where the way is at the next one.
        let left = self.loss.fade.saturating_sub(now.since(start));
        if left <= FADE_STEP {
            self.phase = Phase::Still;
            return Look { fade_cs: centiseconds(left), ..to };
        }
        self.phase = Phase::Fading { from, start, next: now + FADE_STEP };
        let done = now.since(start) + FADE_STEP;
        let [red, green, blue, white] = between(from, to.output(), done, self.loss.fade);
        Look {
            red,
            green,
            blue,
            white,
            dimmer: 255,
            strobe_dhz: 0,
            fade_cs: centiseconds(FADE_STEP),
        }
    }

    /// Lets a look into the delay line; gives what leaves it at `now`.
    fn delayed(&mut self, now: Time, look: Look) -> Option<Look> {
        let is_new = look != self.entered;
        self.entered = look;
        if self.line_max == 0 {
            return is_new.then_some(look);
        }
        if is_new {
            let due = now + self.delay;
            if self.line.back().is_some_and(|&(newest, _)| newest == due) {
                self.line.pop_back();
            } else if self.line.len() == self.line_max {
                self.thin_out(due);
            }
            self.line.push_back((due, look));
        }
        let mut leaves = None;
        while let Some(&(due, look)) = self.line.front() {
            if due > now {
                break;
            }
            leaves = Some(look);
            self.line.pop_front();
        }
        leaves
    }

    /// Makes room in a full line for a look due at `next`, by forgetting the one whose neighbours are
    /// closest to each other. A flood so thins out evenly, and its last look arrives. Never the first:
    /// if every look were forgotten before its time, none would be seen while the flood lasts.
    fn thin_out(&mut self, next: Time) {
        let ends = self.line.iter().skip(2).map(|&(due, _)| due).chain([next]);
        let apart = self.line.iter().zip(ends).map(|(&(due, _), end)| end.since(due));
        if let Some((before, _)) = apart.enumerate().min_by_key(|&(_, apart)| apart) {
            self.line.remove(before + 1);
        }
    }

    /// Whether nothing but its next look changes what it shows.
    fn goes_straight(&self) -> bool {
        self.signal == SignalState::Live && self.phase == Phase::Still && self.line_max == 0
    }

    fn deadline(&self) -> Option<Time> {
        let phase = match self.phase {
            Phase::Still => None,
            Phase::Holding { until } => Some(until),
            Phase::Fading { next, .. } => Some(next),
        };
        let delay = self.line.front().map(|&(due, _)| due);
        match (phase, delay) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// Rounded up, so that a short fade is not a snap; at most a band's longest.
fn centiseconds(fade: Duration) -> u8 {
    u8::try_from(fade.as_millis().div_ceil(10)).unwrap_or(255)
}

/// The output `done` of `whole` on the way, channel by channel: it is the light that fades, so
/// dimmer and colour do not fade twice.
fn between(from: [u8; 4], to: [u8; 4], done: Duration, whole: Duration) -> [u8; 4] {
    let done = done.min(whole).as_millis() as i64;
    let whole = (whole.as_millis() as i64).max(1);
    std::array::from_fn(|i| {
        let (from, to) = (i64::from(from[i]), i64::from(to[i]));
        ((from * (whole - done) + to * done + whole / 2) / whole) as u8
    })
}

#[cfg(test)]
mod tests;
