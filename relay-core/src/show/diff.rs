//! Two shows compared by what a receiver would hold: levels over time, whatever the formats.
//!
//! Both are taken to begin with their first light. Some formats cannot say how long it was dark
//! before, and recordings are seldom started at the same moment.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::time::Duration;

use super::{LevelReader, ReadOptions, ShowError, UNIVERSES_MAX};
use crate::time::Time;
use crate::universe::{SLOTS, Universe};

/// Differences that are listed; all are counted.
const LISTED_MAX: usize = 1000;

/// What counts as a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Levels may differ for as long as this: formats round times.
    pub time: Duration,
    /// Levels may differ by as much as this.
    pub level: u8,
}

/// Levels of one universe that differ for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The universe.
    pub universe: Universe,
    /// From when, counted from the first light, as all times here.
    pub from: Time,
    /// To when.
    pub to: Time,
    /// Where they differ most: slot (1..=512), level in the first show, level in the second.
    pub worst: (u16, u8, u8),
    /// When that was.
    pub worst_at: Time,
}

/// Two shows compared.
#[derive(Debug, Default)]
pub struct Diff {
    /// In the order in which they ended, at most 1000.
    pub differences: Vec<Difference>,
    /// How many there are.
    pub count: u64,
    /// Universes of the first show only, and of the second.
    pub only: [Vec<Universe>; 2],
    /// When the first light of each comes, counted from its beginning.
    pub first_light: [Time; 2],
    /// How long each lasts after that.
    pub lengths: [Time; 2],
    /// Why reading the first or the second ended early.
    pub errors: [Option<ShowError>; 2],
}

impl Diff {
    /// Whether no levels differ, no universe is missing and both shows were read to the end.
    pub fn is_equal(&self) -> bool {
        self.count == 0
            && self.only.iter().all(Vec::is_empty)
            && self.errors.iter().all(Option::is_none)
    }
}

/// Both sides of a universe.
struct Pair {
    levels: [[u8; SLOTS]; 2],
    seen: [bool; 2],
    /// Since when they differ, and where most.
    open: Option<Open>,
    /// Looked at again once all changes of the moment are in.
    touched: bool,
}

#[derive(Clone, Copy)]
struct Open {
    from: Time,
    worst: (u16, u8, u8),
    worst_at: Time,
}

/// Compares two shows, each read as its options say. Memory: what two [`LevelReader`]s take, and
/// 1 KB for each universe.
///
/// # Errors
/// If one of them cannot be read at all. What ends early is compared up to there.
pub fn diff<A: Read + Seek, B: Read + Seek>(
    first: (A, &ReadOptions),
    second: (B, &ReadOptions),
    tolerance: Tolerance,
) -> Result<Diff, ShowError> {
    let mut first = Side::new(LevelReader::new(first.0, first.1)?);
    let mut second = Side::new(LevelReader::new(second.0, second.1)?);
    let mut compared = Compared { tolerance, ..Compared::default() };
    first.begin(0, &mut compared);
    second.begin(1, &mut compared);
    compared.forget_touched();
    loop {
        let at = match (first.next, second.next) {
            (Some(first), Some(second)) => first.min(second),
            (Some(at), None) | (None, Some(at)) => at,
            (None, None) => break,
        };
        first.apply(at, 0, &mut compared);
        second.apply(at, 1, &mut compared);
        compared.judge(at);
    }
    compared.diff.lengths =
        [first.since_light(first.levels.last()), second.since_light(second.levels.last())];
    Ok(compared.end())
}

/// One of the shows.
struct Side<R> {
    levels: LevelReader<R>,
    /// Time of its first light.
    light: Time,
    /// Time of its next change, counted from there.
    next: Option<Time>,
}

impl<R: Read + Seek> Side<R> {
    fn new(levels: LevelReader<R>) -> Self {
        Self { levels, light: Time::ZERO, next: None }
    }

    fn since_light(&self, at: Time) -> Time {
        Time::ZERO + at.since(self.light)
    }

    /// Reads on to the first light. In a show that is always dark it is the beginning.
    fn begin(&mut self, side: usize, compared: &mut Compared) {
        let mut dark = true;
        while dark {
            self.read(&mut compared.diff.errors[side]);
            let Some(change) = self.levels.current().filter(|_| self.next.is_some()) else {
                return;
            };
            dark = change.levels.iter().all(|&level| level == 0);
            if dark {
                compared.take(side, change.universe, change.levels);
            } else {
                (self.light, self.next) = (change.at, Some(Time::ZERO));
                compared.diff.first_light[side] = change.at;
            }
        }
    }

    fn read(&mut self, error: &mut Option<ShowError>) {
        self.next = match self.levels.next_change() {
            Ok(change) => {
                change.map(|change| change.at.since(self.light)).map(|since| Time::ZERO + since)
            }
            Err(failed) => {
                *error = Some(failed);
                None
            }
        };
    }

    /// Takes all its changes of this moment.
    fn apply(&mut self, at: Time, side: usize, compared: &mut Compared) {
        while self.next == Some(at) {
            if let Some(change) = self.levels.current() {
                compared.take(side, change.universe, change.levels);
            }
            self.read(&mut compared.diff.errors[side]);
        }
    }
}

#[derive(Default)]
struct Compared {
    tolerance: Tolerance,
    pairs: BTreeMap<Universe, Pair>,
    touched: Vec<Universe>,
    diff: Diff,
}

impl Compared {
    fn take(&mut self, side: usize, universe: Universe, levels: &[u8; SLOTS]) {
        if self.pairs.len() >= 2 * UNIVERSES_MAX && !self.pairs.contains_key(&universe) {
            return; // Each reader stops at that many.
        }
        let pair = self.pairs.entry(universe).or_insert(Pair {
            levels: [[0; SLOTS]; 2],
            seen: [false; 2],
            open: None,
            touched: false,
        });
        pair.levels[side] = *levels;
        pair.seen[side] = true;
        if !std::mem::replace(&mut pair.touched, true) {
            self.touched.push(universe);
        }
    }

    /// What came before the first light is known, and is no change.
    fn forget_touched(&mut self) {
        for universe in std::mem::take(&mut self.touched) {
            if let Some(pair) = self.pairs.get_mut(&universe) {
                pair.touched = false;
            }
        }
    }

    /// All changes of this moment are in.
    fn judge(&mut self, at: Time) {
        for universe in std::mem::take(&mut self.touched) {
            let Some(pair) = self.pairs.get_mut(&universe) else { continue };
            pair.touched = false;
            let worst = pair.worst().filter(|(_, a, b)| a.abs_diff(*b) > self.tolerance.level);
            match (worst, &mut pair.open) {
                (None, open) => {
                    if let Some(open) = open.take() {
                        self.close(universe, open, at);
                    }
                }
                (Some(worst), None) => {
                    pair.open = Some(Open { from: at, worst, worst_at: at });
                }
                (Some(worst), Some(open)) => {
                    if worst.1.abs_diff(worst.2) > open.worst.1.abs_diff(open.worst.2) {
                        (open.worst, open.worst_at) = (worst, at);
                    }
                }
            }
        }
    }

    fn close(&mut self, universe: Universe, open: Open, to: Time) {
        let Open { from, worst, worst_at } = open;
        // One that begins with the last change of both has no length, and is there all the same.
        let exact = self.tolerance.time.is_zero();
        if !exact && to.since(from) <= self.tolerance.time {
            return;
        }
        self.diff.count += 1;
        if self.diff.differences.len() < LISTED_MAX {
            self.diff.differences.push(Difference { universe, from, to, worst, worst_at });
        }
    }

    fn end(mut self) -> Diff {
        let end = self.diff.lengths[0].max(self.diff.lengths[1]);
        for (universe, pair) in std::mem::take(&mut self.pairs) {
            if let Some(open) = pair.open {
                self.close(universe, open, end);
            }
            for side in 0..2 {
                if !pair.seen[1 - side] {
                    self.diff.only[side].push(universe);
                }
            }
        }
        self.diff
    }
}

impl Pair {
    /// The slot in which they differ most.
    fn worst(&self) -> Option<(u16, u8, u8)> {
        if self.levels[0] == self.levels[1] {
            return None;
        }
        (1_u16..)
            .zip(self.levels[0])
            .zip(self.levels[1])
            .map(|((slot, a), b)| (slot, a, b))
            .max_by_key(|&(slot, a, b)| (a.abs_diff(b), std::cmp::Reverse(slot)))
    }
}
