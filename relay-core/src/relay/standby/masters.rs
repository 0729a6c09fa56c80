//! What is known of the masters of single groups, here, and whether the other relay's are still
//! awaited.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::config::Config;
use crate::standby::{Hands, MASTERS_PER_PART, MastersPart};
use crate::steering::{FULL, Order, Selection};

/// The masters of every group, by its index.
#[derive(Debug)]
pub(super) struct Masters {
    levels: Vec<u8>,
    /// Per part: it has not come from the other relay yet, whose orders were newer.
    missing: Vec<bool>,
    /// The part to be told next.
    next: usize,
}

impl Masters {
    /// All full.
    pub(super) fn new(config: &Config) -> Self {
        let levels = vec![FULL; config.groups.len()];
        Self { missing: vec![false; parts(&levels)], levels, next: 0 }
    }

    /// An order was obeyed.
    pub(super) fn note(&mut self, order: &Order) {
        match order {
            Order::Master { groups: Selection::All, level } => self.levels.fill(*level),
            Order::Master { groups: Selection::These(groups), level } => {
                for group in groups {
                    if let Some(known) = self.levels.get_mut(*group as usize) {
                        *known = *level;
                    }
                }
            }
            _ => {}
        }
    }

    /// Another show runs: groups are the same if their names are.
    pub(super) fn carry_over(&mut self, old: &Config, new: &Config) {
        let names = old.groups.iter().map(|group| group.name.as_str());
        let before: BTreeMap<&str, u8> = names.zip(self.levels.iter().copied()).collect();
        let level = |name: &str| before.get(name).copied().unwrap_or(FULL);
        let levels = new.groups.iter().map(|group| level(&group.name)).collect();
        let lacks = self.lacks();
        *self = Self { levels, ..Self::new(new) };
        self.missing.fill(lacks);
    }

    /// The other relay's are newer.
    pub(super) fn await_all(&mut self) {
        self.missing.fill(true);
    }

    /// What is here is what holds, whatever the other relay has.
    pub(super) fn settle(&mut self) {
        self.missing.fill(false);
    }

    /// Whether the other relay's are awaited.
    pub(super) fn lacks(&self) -> bool {
        self.missing.contains(&true)
    }

    /// The next part to tell a relay that lacks them; `None` if they are not known here.
    pub(super) fn next_part(&mut self, boot: u64, hands: &Hands, show: u64) -> Option<MastersPart> {
        if self.levels.is_empty() || self.lacks() {
            return None;
        }
        let part = self.next % self.missing.len();
        self.next = part + 1;
        let groups = range(part, self.levels.len());
        Some(MastersPart {
            boot,
            here: hands.here,
            there: hands.there,
            show,
            first: u32::try_from(groups.start).ok()?,
            groups: u32::try_from(self.levels.len()).ok()?,
            levels: self.levels.get(groups)?.to_vec(),
        })
    }

    /// What of a part is awaited and other than here: by level, the indices of its groups. `None` if
    /// it does not fit this show, or is not awaited.
    pub(super) fn differences(&self, part: &MastersPart) -> Option<BTreeMap<u8, Vec<u32>>> {
        self.awaited(part)?;
        let mut by_level = BTreeMap::<u8, Vec<u32>>::new();
        for (group, theirs) in (part.first..).zip(&part.levels) {
            if self.levels.get(group as usize) != Some(theirs) {
                by_level.entry(*theirs).or_default().push(group);
            }
        }
        Some(by_level)
    }

    /// A part was taken.
    pub(super) fn taken(&mut self, part: &MastersPart) {
        if let Some(index) = self.awaited(part) {
            self.missing[index] = false;
        }
    }

    fn awaited(&self, part: &MastersPart) -> Option<usize> {
        let index = part.first as usize / MASTERS_PER_PART;
        let groups = range(index, self.levels.len());
        let fits = part.groups as usize == self.levels.len()
            && part.first as usize == groups.start
            && part.levels.len() == groups.len();
        (fits && *self.missing.get(index)?).then_some(index)
    }
}

fn parts(levels: &[u8]) -> usize {
    levels.len().div_ceil(MASTERS_PER_PART)
}

/// The groups of a part.
fn range(part: usize, groups: usize) -> Range<usize> {
    let start = part.saturating_mul(MASTERS_PER_PART).min(groups);
    start..(start + MASTERS_PER_PART).min(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(groups: usize) -> Config {
        let text = format!(
            "name = \"T\"\n[[group]]\nname = \"g{{}}\"\ncount = {groups}\nuniverse = \"sacn/1\"\n\
             address = 1\npersonality = \"rgb\"\n"
        );
        Config::parse(&text, "show.toml").expect("a right show").0
    }

    fn master(groups: &[u32], level: u8) -> Order {
        Order::Master { groups: Selection::These(groups.into()), level }
    }

    #[test]
    fn masters_of_a_great_show_are_told_in_parts_until_none_is_missing() {
        let config = config(2_500);
        let (mut ours, mut theirs) = (Masters::new(&config), Masters::new(&config));
        theirs.note(&master(&[0, 1_024, 2_499], 7));
        theirs.note(&master(&[2_499], 8));
        ours.await_all();
        assert!(ours.next_part(1, &Hands::default(), 2).is_none(), "what is not known is not told");
        let mut found = Vec::new();
        for _ in 0..3 {
            assert!(ours.lacks());
            let part = theirs.next_part(1, &Hands::default(), 2).expect("known there");
            for (level, groups) in ours.differences(&part).expect("awaited") {
                ours.note(&master(&groups, level));
                found.extend(groups.into_iter().map(|group| (group, level)));
            }
            ours.taken(&part);
            assert_eq!(ours.differences(&part), None, "it came already");
        }
        assert_eq!(found, [(0, 7), (1_024, 7), (2_499, 8)]);
        assert!(!ours.lacks());
    }

    #[test]
    fn masters_of_another_show_are_not_taken() {
        let mut ours = Masters::new(&config(10));
        ours.await_all();
        for groups in [1, 9, 11, 2_000] {
            let part = Masters::new(&config(groups)).next_part(1, &Hands::default(), 2);
            let fits = part.is_some_and(|part| ours.differences(&part).is_some());
            assert!(!fits, "{groups} groups");
        }
    }

    #[test]
    fn groups_that_stay_at_a_reload_keep_their_masters() {
        let (old, new) = (config(3), config(5));
        let mut masters = Masters::new(&old);
        masters.note(&Order::Master { groups: Selection::All, level: 3 });
        masters.note(&master(&[1, 77], 9));
        masters.carry_over(&old, &new);
        assert_eq!(masters.levels, [3, 9, 3, FULL, FULL]);
    }
}
