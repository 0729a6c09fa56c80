//! What no single key gets wrong: mistakes that show when everything is read. All of them are
//! warnings, because a show may mean it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::read_groups::Groups;
use super::report::Report;
use super::{Network, PatchedSlot, RadioConfig, RadioKind, Severity};

/// Looks over the whole show.
pub(super) fn check(
    report: &mut Report<'_>,
    network: &Network,
    groups: &Groups,
    radios: &[(RadioConfig, Range<usize>)],
) {
    if groups.entries.is_empty() {
        let message = "the show has no [[group]]: nothing is patched".to_owned();
        report.whole_file(Severity::Warning, message, "");
    }
    if radios.is_empty() {
        let message = "the show has no [[radio]]: no wristband gets light".to_owned();
        report.whole_file(Severity::Warning, message, "add [[radio]] with kind = \"simulated\"");
    } else {
        groups_without_bands(report, groups, radios);
    }
    only_loopback(report, network, radios);
    overlaps(report, groups);
}

/// Wristbands on the air, but DMX from this very machine alone.
fn only_loopback(
    report: &mut Report<'_>,
    network: &Network,
    radios: &[(RadioConfig, Range<usize>)],
) {
    let loopback = !network.interfaces.is_empty()
        && network.interfaces.iter().all(super::InterfaceSelector::is_loopback);
    let real = radios
        .iter()
        .find(|(radio, _)| matches!(radio.kind, RadioKind::Gatt(_) | RadioKind::Broadcast(_)));
    if let (true, Some((radio, span))) = (loopback, real) {
        let message = format!(
            "radio \"{}\" has real bands, but `interfaces` are loopback only: no console is heard",
            radio.name
        );
        report.warning(span.clone(), message, "name the interface that the console is on");
    }
}

fn groups_without_bands(
    report: &mut Report<'_>,
    groups: &Groups,
    radios: &[(RadioConfig, Range<usize>)],
) {
    let mut served = vec![false; groups.groups.len()];
    for (radio, _) in radios {
        match &radio.kind {
            RadioKind::Simulated(radio) if radio.groups.is_empty() => return,
            RadioKind::Broadcast(radio) if radio.groups.is_empty() => return,
            RadioKind::Broadcast(radio) => radio.groups.iter().for_each(|&g| served[g] = true),
            RadioKind::Simulated(radio) => radio.groups.iter().for_each(|&g| served[g] = true),
            RadioKind::Gatt(radio) => radio.bands.iter().for_each(|band| served[band.group] = true),
        }
    }
    for entry in &groups.entries {
        let dark = entry.groups.clone().filter(|&group| !served[group]);
        let dark: Vec<&str> = dark.map(|group| groups.groups[group].name.as_str()).collect();
        let message = match dark[..] {
            [] => continue,
            [name] => format!("no radio has bands in group \"{name}\""),
            [first, .., last] => {
                let count = dark.len();
                format!("no radio has bands in {count} groups, \"{first}\" to \"{last}\"")
            }
        };
        report.warning(entry.name_span.clone(), message, "add the group to a radio");
    }
}

/// Groups that share slots and do not look as if they should.
fn overlaps(report: &mut Report<'_>, groups: &Groups) {
    let mut entry_of = vec![0; groups.groups.len()];
    for (index, entry) in groups.entries.iter().enumerate() {
        entry_of[entry.groups.clone()].fill(index);
    }
    let mut slots: Vec<(PatchedSlot, usize)> = Vec::new();
    for (index, group) in groups.groups.iter().enumerate() {
        slots.extend(group.slots.iter().map(|&slot| (slot, index)));
    }
    slots.sort_unstable_by_key(|&(slot, group)| (slot.universe, slot.address, group));
    // Each pair of entries is reported once, where the later one stands; each pair of groups is
    // looked at where they first meet.
    let mut reported = BTreeSet::new();
    let mut met = vec![[usize::MAX; 2]; groups.groups.len()];
    for users in slots.chunk_by(|(a, _), (b, _)| (a.universe, a.address) == (b.universe, b.address))
    {
        // Against the first user and the one before: enough to find every odd one out, and a
        // thousand groups on one slot do not make half a million pairs.
        let (slot, first) = users[0];
        for (&(_, before), &(_, group)) in users.iter().zip(&users[1..]) {
            if std::mem::replace(&mut met[group], [first, before]) == [first, before] {
                continue;
            }
            for other in [first, before] {
                let entries = (entry_of[other], entry_of[group]);
                if is_deliberate(groups, (other, group), entries) || !reported.insert(entries) {
                    continue;
                }
                let message = format!(
                    "group \"{}\" shares slots with \"{}\", from {}/{} on, but is not patched \
                     alike",
                    groups.groups[group].name,
                    groups.groups[other].name,
                    slot.universe,
                    slot.address.get()
                );
                let span = groups.entries[entries.1].place_span.clone();
                report.warning(span, message, "move one of them, or patch both alike");
            }
        }
    }
}

/// The same slots for the same attributes; or slots chosen one by one, which share some for the
/// same attribute.
fn is_deliberate(groups: &Groups, (a, b): (usize, usize), entries: (usize, usize)) -> bool {
    let (slots_a, slots_b) = (&groups.groups[a].slots, &groups.groups[b].slots);
    if slots_a == slots_b {
        return true;
    }
    if !groups.entries[entries.0].slot_by_slot && !groups.entries[entries.1].slot_by_slot {
        return false;
    }
    slots_a.iter().all(|in_a| {
        slots_b.iter().all(|in_b| {
            (in_a.universe, in_a.address) != (in_b.universe, in_b.address)
                || in_a.attribute == in_b.attribute
        })
    })
}
