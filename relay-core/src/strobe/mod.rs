//! The strobe guard: how fast each group flashes, how much of the crowd does so at once, and what of
//! it reaches the table.
//!
//! * Before it: [`steering`](crate::steering), whose looks all pass through here. After it: the
//!   [`GroupTable`] that lanes publish. So it guards every kind of band alike, and what operators do
//!   by hand as well as what the console does.
//! * Thread: the relay thread. Promises: no allocation after [`StrobeGuard::new`], no clock of its own,
//!   no floats; the same calls at the same times give the same looks.
//!
//! **A flash is a pair of opposing changes** of brightness, or into and out of saturated red
//! (`light`). The guard counts the changes of the light that is *wanted*, so that what it holds back
//! does not hide what the console goes on doing; the strobe that bands do themselves counts as what it
//! will be. A group flashes too fast while a second holds more flashes than the show allows. That
//! matters when more groups do so at once than the show's share: then an episode begins, is told once,
//! and ends when for [`CALM`] no more groups than that did.
//!
//! **While it limits, light may be gained, never lost**: a group that flashes too fast keeps the bright
//! side of its flashes, strobe opened, until the flashing is over; then it shows what is wanted by then.
//! Only what darkens such a group waits, for a second at most after the last change. Panic waits for
//! nothing.
//!
//! Guidance: ITU-R BT.1702 and W3C WCAG 2.2, 2.3.1 (three flashes a second, a quarter of the field of
//! view); the operator's page is `docs/safety.md`.

mod light;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::config::{Safety, StrobeMode};
use crate::look::Look;
use crate::table::GroupTable;
use crate::time::Time;
use crate::timers::Timers;
use light::{Course, Kind};

/// In which flashes are counted: a second, less what the beat of DMX packets can shift the first and
/// the last change of it. Without that, an effect of exactly the allowed rate would be too fast by
/// chance.
pub const WINDOW: Duration = Duration::from_millis(950);

/// How long no more groups than allowed have flashed too fast when an episode is over.
pub const CALM: Duration = Duration::from_secs(5);

/// The end of what the next look ends, not time.
const NO_END: Time = Time::from_nanos(u64::MAX);

/// What changed, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrobeChange {
    /// More groups flash too fast than the show allows.
    TooFast {
        /// How many, when that began.
        groups: u32,
        /// Groups of the show.
        of: u32,
        /// Flashes a second that are allowed.
        limit: u8,
        /// In saturated red.
        red: bool,
        /// They are held steady.
        held: bool,
    },
    /// It is over.
    Calm,
}

/// Watches the flashes of every group.
#[derive(Debug)]
pub struct StrobeGuard {
    safety: Safety,
    /// Empty if it is off.
    groups: Vec<Watched>,
    /// Of the same groups, what is asked for only while something fades or flashes.
    asides: Vec<Aside>,
    /// When groups stop to be too fast if nothing more happens.
    timers: Timers,
    /// By kind: the last changes of direction of each group, a ring of [`ring`] times.
    turns: [Vec<Time>; Kind::COUNT],
    /// Most groups that may flash too fast at once.
    share: u32,
    /// By kind, groups that flash too fast.
    too_fast: [u32; Kind::COUNT],
    /// Groups that do, of either kind.
    flashing: u32,
    /// Groups that show something else than what is wanted.
    held: u32,
    /// Before it some group may have turned as often as is allowed within [`WINDOW`]; after it none
    /// has, and none flashes too fast but by its own strobe.
    restless_until: Time,
    /// From then on nobody flashes too fast, or can by one more change, but by its own strobe:
    /// [`restless_until`](Self::restless_until), or never while one does. See
    /// [`note_calm`](Self::note_calm).
    calm_from: Time,
    /// An episode is under way.
    episode: bool,
    /// When it is over, if no more groups join.
    calm_at: Option<Time>,
    episodes: u64,
    untold: Option<StrobeChange>,
}

/// One group, as far as every look of it is concerned. So few bytes, because with thousands of groups it is
/// memory that takes the time.
#[derive(Clone, Copy, Debug)]
struct Watched {
    since: Time,
    /// A [`Look`] as a word.
    wanted: u64,
    /// Of the light of `wanted`, by kind.
    values: [u8; Kind::COUNT],
    courses: [Course; Kind::COUNT],
}

/// The rest of it.
#[derive(Clone, Copy, Debug)]
struct Aside {
    /// The light, per lamp, that the fade to what is wanted began with.
    from: [u8; 4],
    /// Where in the ring the next change goes.
    next: [u8; Kind::COUNT],
    too_fast: [bool; Kind::COUNT],
    /// While it flashes too fast the brightest that it showed: it is not to be lost in small steps either.
    top: [u8; Kind::COUNT],
    held: bool,
}

/// Changes of direction remembered for a limit: those of as many flashes, and one more.
const fn ring(flashes: u8) -> usize {
    2 * flashes as usize + 1
}

impl StrobeGuard {
    /// Watches `groups` groups that show `start`. The only allocation.
    pub fn new(safety: Safety, groups: usize, start: Look) -> Self {
        let watched = match safety.strobe {
            StrobeMode::Off => 0,
            StrobeMode::Warn | StrobeMode::Limit => groups,
        };
        let values = Kind::values(start.output());
        let group = Watched {
            since: Time::ZERO,
            wanted: start.to_bits(),
            values,
            courses: values.map(Course::new),
        };
        let aside = Aside {
            from: start.output(),
            next: [0; Kind::COUNT],
            too_fast: [false; Kind::COUNT],
            top: [0; Kind::COUNT],
            held: false,
        };
        // Where not one flash is allowed, every change is to be judged.
        let restless_until = match Kind::ALL.iter().all(|&kind| limit(&safety, kind) > 0) {
            true => Time::ZERO,
            false => NO_END,
        };
        let ring_of = |kind| vec![Time::ZERO; watched * ring(limit(&safety, kind))];
        Self {
            // A share of groups, rounded down: 0.25 of 4 groups is one.
            share: (groups as f64 * safety.flashing_share) as u32,
            turns: Kind::ALL.map(ring_of),
            groups: vec![group; watched],
            asides: vec![aside; watched],
            timers: Timers::new(watched),
            safety,
            too_fast: [0; Kind::COUNT],
            flashing: 0,
            held: 0,
            restless_until,
            calm_from: restless_until,
            episode: false,
            calm_at: None,
            episodes: 0,
            untold: None,
        }
    }

    /// What the guard does.
    pub const fn mode(&self) -> StrobeMode {
        self.safety.strobe
    }

    /// Groups that flash too fast now.
    pub const fn flashing(&self) -> u32 {
        self.flashing
    }

    /// Groups that are held steady now.
    pub const fn held(&self) -> u32 {
        self.held
    }

    /// More groups than allowed flash too fast, or did within [`CALM`].
    pub const fn is_episode(&self) -> bool {
        self.episode
    }

    /// Episodes since start.
    pub const fn episodes(&self) -> u64 {
        self.episodes
    }

    /// What changed since it was last asked.
    #[must_use]
    pub fn poll_change(&mut self) -> Option<StrobeChange> {
        self.untold.take()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let due = self.timers.first().map(|(due, _)| due);
        due.into_iter().chain(self.calm_at).min()
    }

    /// What is wanted of a group, and since when; `None` if nothing is watched.
    pub(crate) fn wanted(&self, group: usize) -> Option<(Look, Time)> {
        self.groups.get(group).map(|watched| (watched.look(), watched.since))
    }

    /// A look is wanted of a group. Returns whether the table changed.
    pub fn pass(&mut self, now: Time, group: usize, look: Look, table: &mut GroupTable) -> bool {
        self.pass_word(now, group, look.to_bits(), table)
    }

    /// Likewise, the look as a word.
    #[inline(always)]
    pub(crate) fn pass_word(
        &mut self,
        now: Time,
        group: usize,
        look: u64,
        table: &mut GroupTable,
    ) -> bool {
        let Some(watched) = self.groups.get_mut(group) else { return table.set_word(group, look) };
        if (watched.wanted | look) & Look::FADE_BITS != 0 {
            return self.pass_fading(now, group, look, table);
        }
        // The long way finds nothing new in a look after which the light goes on as it went.
        let mut goes_on = now > watched.since && (watched.wanted | look) & Look::STROBE_BITS == 0;
        if now > watched.since {
            let reached = std::mem::replace(&mut watched.since, now);
            let turned = watched.follow(watched.values);
            if turned != [false; Kind::COUNT] {
                goes_on = false;
                self.note_turns(group, reached, turned);
            }
        }
        let watched = &mut self.groups[group];
        watched.wanted = look;
        watched.values = Kind::values(Look::from_bits(look).output());
        if self.is_calm(now, look)
            || goes_on && !self.groups[group].will_turn() && !self.holds_back(group)
        {
            return table.set_word(group, look);
        }
        self.pass_judged(now, group, table)
    }

    /// Whether nobody flashes too fast, or can by this look.
    #[inline]
    fn is_calm(&self, now: Time, look: u64) -> bool {
        look & Look::STROBE_BITS == 0 && self.calm_from <= now
    }

    /// Whether what a group shows may be something else than what is wanted.
    fn holds_back(&self, group: usize) -> bool {
        self.safety.strobe == StrobeMode::Limit && self.asides[group].is_too_fast()
    }

    #[inline(never)]
    fn pass_fading(&mut self, now: Time, group: usize, look: u64, table: &mut GroupTable) -> bool {
        self.want(now, group, Look::from_bits(look));
        if self.is_calm(now, look) {
            return table.set_word(group, look);
        }
        self.pass_judged(now, group, table)
    }

    #[inline(never)]
    fn pass_judged(&mut self, now: Time, group: usize, table: &mut GroupTable) -> bool {
        let began = self.judge(now, group);
        let changed = self.show(group, table);
        let changed = if began { self.show_flashing(table) | changed } else { changed };
        self.note_calm();
        changed
    }

    /// Brings `calm_from` up to date. To be called after whatever judges or holds.
    fn note_calm(&mut self) {
        let restless = self.flashing > 0 || self.held > 0 || self.episode;
        self.calm_from = if restless { NO_END } else { self.restless_until };
    }

    /// A look that waits for nothing: a panic. Returns whether the table changed.
    pub fn force(&mut self, now: Time, group: usize, look: Look, table: &mut GroupTable) -> bool {
        if group < self.groups.len() {
            self.want(now, group, look);
            self.judge(now, group);
            self.set_held(group, false);
            self.note_calm();
        }
        table.set(group, look)
    }

    /// Lets go of groups whose flashing is over, and ends the episode. Harmless when called early.
    /// Returns whether the table changed.
    pub fn handle_timeout(&mut self, now: Time, table: &mut GroupTable) -> bool {
        let mut changed = false;
        while let Some((due, group)) = self.timers.first() {
            if due > now {
                break;
            }
            self.settle(now, group);
            self.judge(now, group);
            let shown = table.get(group);
            if self.show(group, table) {
                self.note_late(now, group, shown);
                changed = true;
            }
        }
        if self.calm_at.is_some_and(|at| at <= now) {
            self.calm_at = None;
            self.episode = false;
            self.untold = Some(StrobeChange::Calm);
            changed |= self.show_flashing(table);
        }
        self.note_calm();
        changed
    }

    /// Goes on from another show's guard, for the groups that `pairs` names by their index there and
    /// here, if both count alike.
    pub(crate) fn take_over(&mut self, old: &Self, pairs: impl Iterator<Item = (usize, usize)>) {
        self.episodes = old.episodes;
        if self.safety != old.safety || old.groups.is_empty() {
            return;
        }
        self.episode = old.episode;
        self.calm_at = old.calm_at;
        self.restless_until = old.restless_until;
        self.note_calm();
        for (there, here) in pairs {
            if there >= old.groups.len() || here >= self.groups.len() {
                continue;
            }
            self.groups[here] = old.groups[there];
            // What is too fast is judged anew, when its look comes.
            self.asides[here] =
                Aside { too_fast: [false; Kind::COUNT], held: false, ..old.asides[there] };
            for kind in Kind::ALL {
                let ring = ring(limit(&self.safety, kind));
                let (turns, before) = (&mut self.turns[kind as usize], &old.turns[kind as usize]);
                turns[here * ring..][..ring].copy_from_slice(&before[there * ring..][..ring]);
            }
        }
    }

    /// Takes note of what is wanted. Looks of the same moment count as one, the last.
    fn want(&mut self, now: Time, group: usize, look: Look) {
        let light = self.settle(now, group);
        let watched = &mut self.groups[group];
        if let Some(light) = light
            && look != watched.look()
        {
            self.asides[group].from = light;
            watched.since = now;
        }
        watched.wanted = look.to_bits();
        watched.values = Kind::values(look.output());
    }

    /// Follows the wanted light to `now`, and gives it; `None` if it was wanted at this moment.
    fn settle(&mut self, now: Time, group: usize) -> Option<[u8; 4]> {
        let watched = &mut self.groups[group];
        if now <= watched.since {
            return None;
        }
        let light = watched.light(self.asides[group].from, now);
        let turned = watched.follow(Kind::values(light));
        if turned != [false; Kind::COUNT] {
            let fade = Duration::from_millis(10 * u64::from(watched.look().fade_cs));
            let reached = now.min(watched.since + fade);
            self.note_turns(group, reached, turned);
        }
        Some(light)
    }

    /// Remembers that the light of a group has turned on its way to what is wanted, which it `reached`.
    #[inline(never)]
    fn note_turns(&mut self, group: usize, reached: Time, turned: [bool; Kind::COUNT]) {
        for kind in Kind::ALL.into_iter().filter(|&kind| turned[kind as usize]) {
            let k = kind as usize;
            let next = &mut self.asides[group].next[k];
            let ring = ring(limit(&self.safety, kind));
            let turns = &mut self.turns[k][group * ring..][..ring];
            turns[usize::from(*next)] = reached;
            *next = (*next + 1) % ring as u8;
            // The ring holds one more than is allowed.
            let first = turns[(usize::from(*next) + 1) % ring];
            if first > Time::ZERO {
                self.restless_until = self.restless_until.max(first + WINDOW);
                self.calm_from = self.calm_from.max(self.restless_until);
            }
        }
    }

    /// A group that was held at `shown` shows what is wanted. What darkens it by that is a change of
    /// this moment, not of when it was wanted, and the light goes on from there.
    fn note_late(&mut self, now: Time, group: usize, shown: Look) {
        let watched = &mut self.groups[group];
        let wanted = watched.look().output();
        let light = watched.light(self.asides[group].from, now);
        for kind in Kind::ALL {
            let ring = ring(limit(&self.safety, kind));
            if ring > 1 && kind.is_flash(kind.value(wanted), kind.value(shown.output())) {
                watched.courses[kind as usize] = Course::fallen_to(kind.value(light));
                let last = (usize::from(self.asides[group].next[kind as usize]) + ring - 1) % ring;
                self.turns[kind as usize][group * ring + last] = now;
            }
        }
    }

    /// Whether the group flashes too fast, by either kind, and until when if nothing more happens.
    /// Returns whether that makes an episode begin.
    fn judge(&mut self, now: Time, group: usize) -> bool {
        let before = self.asides[group].too_fast;
        let until = Kind::ALL.map(|kind| self.too_fast_until(now, group, kind));
        let aside = &mut self.asides[group];
        for kind in Kind::ALL {
            let k = kind as usize;
            aside.too_fast[k] = until[k].is_some();
            aside.top[k] = if aside.too_fast[k] { aside.top[k] } else { 0 };
            self.too_fast[k] += u32::from(aside.too_fast[k]);
            self.too_fast[k] -= u32::from(before[k]);
        }
        self.flashing += u32::from(aside.is_too_fast());
        self.flashing -= u32::from(before.contains(&true));
        let ends = until.into_iter().flatten().filter(|&end| end < NO_END).min();
        self.timers.set(group, ends);
        if self.flashing <= self.share {
            if self.episode && self.calm_at.is_none() {
                self.calm_at = Some(now + CALM);
            }
            return false;
        }
        self.calm_at = None;
        if self.episode {
            return false;
        }
        self.episode = true;
        self.episodes += 1;
        let red = self.too_fast[Kind::Red as usize] > self.too_fast[Kind::Brightness as usize];
        let kind = if red { Kind::Red } else { Kind::Brightness };
        self.untold = Some(StrobeChange::TooFast {
            groups: self.flashing,
            of: self.groups.len() as u32,
            limit: limit(&self.safety, kind),
            red,
            held: self.safety.strobe == StrobeMode::Limit,
        });
        true
    }

    /// Until when the group flashes too fast if nothing more happens; [`NO_END`] while its own strobe
    /// is too fast alone.
    fn too_fast_until(&self, now: Time, group: usize, kind: Kind) -> Option<Time> {
        let watched = &self.groups[group];
        let allowed = 2 * u32::from(limit(&self.safety, kind));
        let (wanted, strobe_dhz) = (watched.values[kind as usize], watched.look().strobe_dhz);
        let strobes = strobe_dhz > 0 && kind.is_flash(0, wanted);
        let allowed = match strobes {
            false => allowed,
            // Two changes in each period, which is 10 / strobe_dhz seconds. What lights it up is half a
            // flash, and none alone.
            true => match allowed.checked_sub(u32::from(strobe_dhz).div_ceil(5)) {
                Some(left) => left + 1,
                None => return Some(NO_END),
            },
        };
        // The look on its way is a change to come, unless the light has reached it.
        let coming = u32::from(watched.courses[kind as usize].would_turn(kind, wanted));
        let Some(nth) = (allowed + 1).checked_sub(coming).filter(|&nth| nth > 0) else {
            return Some(now + WINDOW);
        };
        let ring = ring(limit(&self.safety, kind));
        let next = self.asides[group].next[kind as usize];
        let place = (usize::from(next) + ring - nth as usize) % ring;
        let turn = self.turns[kind as usize][group * ring + place];
        let end = turn + WINDOW;
        (turn > Time::ZERO && end > now).then_some(end)
    }

    /// Shows what is wanted of a group, or what of it is let through.
    fn show(&mut self, group: usize, table: &mut GroupTable) -> bool {
        let (wanted, aside) = (self.groups[group].look(), &self.asides[group]);
        if !self.episode || self.safety.strobe != StrobeMode::Limit || !aside.is_too_fast() {
            self.set_held(group, false);
            return table.set(group, wanted);
        }
        let shown = table.get(group);
        let (aside, courses) = (&mut self.asides[group], &self.groups[group].courses);
        let mut loses = false;
        for kind in Kind::ALL.into_iter().filter(|&kind| aside.too_fast[kind as usize]) {
            let (top, course) = (&mut aside.top[kind as usize], courses[kind as usize]);
            *top = (*top).max(kind.value(shown.output())).max(course.top());
            loses |= kind.is_flash(kind.value(wanted.output()), *top);
        }
        let look = Look { strobe_dhz: 0, ..if loses { shown } else { wanted } };
        self.set_held(group, look != wanted);
        table.set(group, look)
    }

    /// Shows every group that flashes too fast: an episode begins or ends.
    fn show_flashing(&mut self, table: &mut GroupTable) -> bool {
        let mut changed = false;
        for group in 0..self.groups.len() {
            if self.asides[group].is_too_fast() {
                changed |= self.show(group, table);
            }
        }
        changed
    }

    fn set_held(&mut self, group: usize, held: bool) {
        let before = std::mem::replace(&mut self.asides[group].held, held);
        self.held += u32::from(held);
        self.held -= u32::from(before);
    }
}

impl Watched {
    fn look(&self) -> Look {
        Look::from_bits(self.wanted)
    }

    /// Goes on to a light of these values; which of them turned round by that.
    #[inline]
    fn follow(&mut self, values: [u8; Kind::COUNT]) -> [bool; Kind::COUNT] {
        let [brightness, red] = &mut self.courses;
        [brightness.follow(Kind::Brightness, values[0]), red.follow(Kind::Red, values[1])]
    }

    /// Whether what is wanted turns the light round, once it is reached.
    #[inline]
    fn will_turn(&self) -> bool {
        let turns =
            |kind: Kind| self.courses[kind as usize].would_turn(kind, self.values[kind as usize]);
        turns(Kind::Brightness) | turns(Kind::Red)
    }

    /// The wanted light at `now`, per lamp, after a fade that began with `from`.
    fn light(&self, from: [u8; 4], now: Time) -> [u8; 4] {
        let [red, green, blue, white] = from;
        let from = Look { red, green, blue, white, dimmer: 255, ..Look::DARK };
        from.toward(self.look(), now.since(self.since)).output()
    }
}

impl Aside {
    fn is_too_fast(&self) -> bool {
        self.too_fast.contains(&true)
    }
}

fn limit(safety: &Safety, kind: Kind) -> u8 {
    match kind {
        Kind::Brightness => safety.flashes_per_second,
        Kind::Red => safety.red_flashes_per_second,
    }
}
