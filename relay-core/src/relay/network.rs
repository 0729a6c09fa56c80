//! What is on the network beside the patch, put together for front ends.

use std::collections::BTreeMap;

use super::sample::age_ms;
use crate::engine::{Discovered, NotPatched};
use crate::limits::{TOLD_ANNOUNCERS_MAX, TOLD_UNIVERSES_MAX};
use crate::snapshot::{AnnouncedState, NetworkState, NotPatchedState};
use crate::time::Time;
use crate::universe::Universe;

/// `patched` is ascending.
pub(super) fn network_state(
    patched: &[Universe],
    discovered: &[Discovered],
    not_patched: &[NotPatched],
    now: Time,
) -> NetworkState {
    let mut announced: Vec<AnnouncedState> =
        discovered.iter().map(|source| announced_state(source, now)).collect();
    announced.sort_by(|a, b| (&a.name, &a.cid).cmp(&(&b.name, &b.cid)));
    let mut others = BTreeMap::new();
    for sent in not_patched.iter().filter(|sent| patched.binary_search(&sent.universe).is_err()) {
        others.insert(sent.universe, sent_state(sent, now));
    }
    for source in discovered {
        for universe in source.universes().map(Universe::Sacn) {
            if patched.binary_search(&universe).is_err() {
                let other = others.entry(universe).or_insert_with(|| only_announced(universe));
                if other.announced_by.len() < TOLD_ANNOUNCERS_MAX {
                    other.announced_by.push(source.name.to_string());
                }
            }
        }
    }
    let is_announced = |universe: &Universe| match universe {
        Universe::Sacn(universe) => discovered.iter().any(|source| source.announces(*universe)),
        // Art-Net has no such list.
        Universe::ArtNet(_) => true,
    };
    NetworkState {
        announced,
        not_patched_count: count(others.len()),
        not_patched: told(others.into_values()),
        not_announced: patched.iter().filter(|universe| !is_announced(universe)).copied().collect(),
    }
}

/// As many as are told. Those that levels came for are told whatever was made up beside them.
fn told(others: impl Iterator<Item = NotPatchedState>) -> Vec<NotPatchedState> {
    let mut room = TOLD_UNIVERSES_MAX;
    let mut fits = |other: &NotPatchedState| {
        let fits = room > 0;
        room = room.saturating_sub(1);
        fits || other.address.is_some()
    };
    others.filter(|other| fits(other)).collect()
}

fn announced_state(source: &Discovered, now: Time) -> AnnouncedState {
    AnnouncedState {
        name: source.name.to_string(),
        cid: source.cid.to_string(),
        address: source.address.to_string(),
        age_ms: age_ms(now, source.last_seen),
        universes: source.universes().take(TOLD_UNIVERSES_MAX).map(Universe::Sacn).collect(),
        universe_count: count(source.universes().count()),
    }
}

fn sent_state(sent: &NotPatched, now: Time) -> NotPatchedState {
    NotPatchedState {
        universe: sent.universe,
        announced_by: Vec::new(),
        address: Some(sent.source.to_string()),
        packets: sent.packets,
        first_seen_ms: Some(age_ms(now, sent.first_seen)),
        age_ms: Some(age_ms(now, sent.last_seen)),
    }
}

fn only_announced(universe: Universe) -> NotPatchedState {
    NotPatchedState {
        universe,
        announced_by: Vec::new(),
        address: None,
        packets: 0,
        first_seen_ms: None,
        age_ms: None,
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
