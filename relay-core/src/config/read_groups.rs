//! `[[group]]`: one entry of the file becomes one group, or `count` of them in a row.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use super::near::{list, nearest};
use super::read_look;
use super::read_network::set;
use super::read_patch::{Patch, patch};
use super::reader::{Table, Value, shortened};
use super::report::Report;
use super::{Group, Loss};
use crate::limits::{DELAY_MS_MAX, GROUPS_MAX, PATCHED_SLOTS_MAX, UNIVERSES_MAX};
use crate::universe::Universe;

/// Longest name of a group, bytes.
const NAME_BYTES_MAX: usize = 100;

/// Where a name counts up.
const NUMBER: &str = "{}";

/// Furthest position from the origin, metres.
const POSITION_MAX: f64 = 100_000.0;

/// Most names among which the nearest is looked for.
const NEAREST_AMONG: usize = 10_000;

/// The groups of a file and the entries they came from.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Those that were right.
    pub(super) groups: Vec<Group>,
    pub(super) entries: Vec<Entry>,
    /// Every name, also of groups that were wrong.
    names: BTreeMap<String, Name>,
    /// Entry by name with its `{}`.
    counted: BTreeMap<String, usize>,
    /// Slots of all groups.
    slots: usize,
}

/// One `[[group]]` of the file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name_span: Range<usize>,
    /// What places it: its address, or its slots.
    pub(super) place_span: Range<usize>,
    /// Its slots were chosen one by one.
    pub(super) slot_by_slot: bool,
    /// Its groups; none if it was wrong.
    pub(super) groups: Range<usize>,
}

#[derive(Debug)]
struct Name {
    /// Where its entry is named.
    at: usize,
    /// `None` if its entry was wrong.
    group: Option<usize>,
}

impl Groups {
    /// The group of a name. `Some(None)`: its entry was wrong, which has been reported.
    pub(super) fn named(&self, name: &str) -> Option<Option<usize>> {
        self.names.get(name).map(|name| name.group)
    }

    /// The index of a group; reports a name that no group has.
    pub(super) fn index(
        &self,
        report: &mut Report<'_>,
        value: Value<'_>,
        name: &str,
    ) -> Option<usize> {
        if let Some(group) = self.named(name) {
            return group;
        }
        report.error_with(value.span(), |_| {
            (format!("no group is called \"{}\"", shortened(name)), self.suggestion(name))
        });
        None
    }

    /// The groups of the counted entry with this very name, `{}` and all.
    pub(super) fn counted(&self, name: &str) -> Option<Range<usize>> {
        self.counted.get(name).map(|&entry| self.entries[entry].groups.clone())
    }

    /// The name that was probably meant, or those that there are.
    pub(super) fn suggestion(&self, name: &str) -> String {
        let names = || self.counted.keys().chain(self.names.keys()).map(String::as_str);
        match nearest(name, names().take(NEAREST_AMONG)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("there is {}", list(&names().collect::<Vec<_>>(), "and")),
        }
    }
}

/// Reads every `[[group]]`.
pub(super) fn groups(report: &mut Report<'_>, value: Value<'_>) -> Groups {
    let mut groups = Groups::default();
    if value.as_table("group").is_some() {
        let help = "write [[group]] with two brackets: a show can have many".to_owned();
        value.wrong_help(report, "a list", help);
        return groups;
    }
    for item in value.list(report, "groups", GROUPS_MAX).into_iter().flatten() {
        if let Some(table) = item.table(report, "a group") {
            group(report, table, &mut groups);
        }
    }
    let slots = groups.groups.iter().flat_map(|group| &group.slots);
    let universes: BTreeSet<Universe> = slots.map(|slot| slot.universe).collect();
    if universes.len() > UNIVERSES_MAX {
        let message = format!("the show patches {} universes", universes.len());
        report.error_help(value.span(), message, format!("at most {UNIVERSES_MAX} are possible"));
    }
    groups
}

/// What the groups of an entry have in common.
struct Common {
    patch: Option<Patch>,
    loss: Loss,
    delay: Duration,
    position: Option<[f64; 2]>,
    position_step: [f64; 2],
}

fn group(report: &mut Report<'_>, mut table: Table<'_>, groups: &mut Groups) {
    let name = table.require("name", "\"floor-left\"");
    let text = name.and_then(|value| value.text(report, NAME_BYTES_MAX));
    let count = table.get("count");
    let copies = match count {
        None => Some(1),
        Some(value) => value.integer(report, 1..=GROUPS_MAX, " groups"),
    };
    let patch = patch(report, &mut table, count);
    let mut common = Common {
        patch: patch.filter(|patch| patch.fits(report, copies.unwrap_or(1))),
        loss: Loss::HOLD,
        delay: Duration::ZERO,
        position: None,
        position_step: [0.0, 0.0],
    };
    set(&mut common.loss, table.get("loss"), |value| read_look::loss(report, value));
    set(&mut common.delay, table.get("delay_ms"), |value| {
        value.integer(report, 0..=DELAY_MS_MAX, " ms").map(Duration::from_millis)
    });
    position(report, &mut table, count, &mut common);
    table.finish(report);
    if let (Some(name), Some(text), Some(copies)) = (name, text, copies)
        && let Some(names) = names(report, groups, name, text, count.map(|_| copies))
    {
        if count.is_some() {
            groups.counted.insert(text.to_owned(), groups.entries.len());
        }
        groups.add(report, name.span(), names, &common);
    }
}

/// The names of the groups of an entry, if they are new and not too many. `count` is `None` for a
/// single group without a number.
fn names(
    report: &mut Report<'_>,
    groups: &Groups,
    value: Value<'_>,
    text: &str,
    count: Option<usize>,
) -> Option<Vec<String>> {
    let numbers = text.matches(NUMBER).count();
    match count {
        Some(count) if numbers != 1 => {
            let message = format!("`name` of {count} groups needs one {NUMBER} to count up in");
            let help = "for example name = \"seat-{}\"".to_owned();
            report.error_help(value.span(), message, help);
            return None;
        }
        None if numbers > 0 => {
            let message = format!("`name` has {NUMBER}, but the group has no `count`");
            report.error_help(value.span(), message, "for example count = 100".to_owned());
            return None;
        }
        _ => {}
    }
    if groups.names.len() + count.unwrap_or(1) > GROUPS_MAX {
        report.error(value.span(), format!("more than {GROUPS_MAX} groups"));
        return None;
    }
    let names: Vec<String> = match count {
        Some(count) => (1..=count).map(|n| text.replace(NUMBER, &n.to_string())).collect(),
        None => vec![text.to_owned()],
    };
    if let Some((name, other)) = names.iter().find_map(|name| groups.names.get_key_value(name)) {
        report.error_with(value.span(), |source| {
            let line = source.line(other.at);
            let message = format!("another group is called \"{name}\", in line {line}");
            (message, "every group needs a name of its own".to_owned())
        });
        return None;
    }
    Some(names)
}

impl Groups {
    /// Adds an entry and its groups.
    fn add(
        &mut self,
        report: &mut Report<'_>,
        name_span: Range<usize>,
        names: Vec<String>,
        common: &Common,
    ) {
        let at = name_span.start;
        let slots = common.patch.as_ref().map_or(0, Patch::length) * names.len();
        let patch = common.patch.as_ref().filter(|_| self.slots + slots <= PATCHED_SLOTS_MAX);
        if patch.is_none() && common.patch.is_some() {
            report.error(name_span.clone(), format!("more than {PATCHED_SLOTS_MAX} slots in all"));
        }
        let first = self.groups.len();
        let Some(patch) = patch else {
            self.names.extend(names.into_iter().map(|name| (name, Name { at, group: None })));
            let (place_span, groups) = (0..0, first..first);
            self.entries.push(Entry { name_span, place_span, slot_by_slot: false, groups });
            return;
        };
        self.slots += slots;
        self.entries.push(Entry {
            name_span,
            place_span: patch.span.clone(),
            slot_by_slot: patch.is_slot_by_slot(),
            groups: first..first + names.len(),
        });
        let slots = patch.slots(names.len());
        for (copy, (name, slots)) in names.into_iter().zip(slots).enumerate() {
            let step = common.position_step.map(|step| step * copy as f64);
            self.names.insert(name.clone(), Name { at, group: Some(first + copy) });
            self.groups.push(Group {
                name,
                personality: patch.personality.clone(),
                slots,
                loss: common.loss,
                delay: common.delay,
                position: common.position.map(|[x, y]| [x + step[0], y + step[1]]),
            });
        }
    }
}

/// Reads `position` and `position_step`, metres.
fn position(
    report: &mut Report<'_>,
    table: &mut Table<'_>,
    count: Option<Value<'_>>,
    common: &mut Common,
) {
    let position = table.get("position");
    let step = table.get("position_step");
    set(&mut common.position, position, |value| metres(report, value).map(Some));
    set(&mut common.position_step, step, |value| metres(report, value));
    if let Some(step) = step
        && (position.is_none() || count.is_none())
    {
        report.error(step.span(), "`position_step` needs `position` and `count`".to_owned());
    }
}

fn metres(report: &mut Report<'_>, value: Value<'_>) -> Option<[f64; 2]> {
    let Some(items) = value.as_list().filter(|items| items.len() == 2) else {
        value.wrong(report, "two numbers in metres, [x, y]");
        return None;
    };
    let mut numbers = items.map(|item| item.number(report, -POSITION_MAX..=POSITION_MAX, " m"));
    let (x, y) = (numbers.next()?, numbers.next()?);
    Some([x?, y?])
}
