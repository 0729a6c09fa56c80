//! What differs between two shows, in the words of the field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Config, Group, InterfaceSelector, Network, RadioConfig, RadioKind, patch_table};
use crate::universe::Universe;

/// What is told one by one; of more, only so many are named.
const NAMED_MAX: usize = 5;

/// What a show that takes over from `old` changes, one sentence each; empty if nothing differs.
pub fn changes(old: &Config, new: &Config) -> Vec<String> {
    let mut words = Vec::new();
    if old.name != new.name {
        words.push(format!("the show is called `{}` (was `{}`)", new.name, old.name));
    }
    groups(&mut words, old, new);
    universes(&mut words, old, new);
    radios(&mut words, old, new);
    let (was, is) = (&old.network, &new.network);
    if was.interfaces != is.interfaces {
        let (was, is) = (interfaces(&was.interfaces), interfaces(&is.interfaces));
        words.push(format!("receives on {is} (was {was})"));
    }
    let names = |network: &Network| {
        let node = &network.artnet_node;
        (node.short_name.clone(), node.long_name.clone())
    };
    if names(was) != names(is) {
        let (short, long) = names(is);
        words.push(format!("Art-Net consoles find it as `{short}`, `{long}`"));
    }
    let apart = [
        (was.allow != is.allow, "other sources are listened to"),
        (old.safety != new.safety, "another strobe guard"),
        (old.start_look != new.start_look, "another start look"),
        (old.end_look != new.end_look, "another end look"),
    ];
    words.extend(apart.into_iter().filter(|(differs, _)| *differs).map(|(_, word)| word.into()));
    if words.is_empty() && old != new {
        words.push("settings of the network".to_owned());
    }
    words
}

fn groups(words: &mut Vec<String>, old: &Config, new: &Config) {
    let (before, now) = (by_name(&old.groups), by_name(&new.groups));
    let names = |of: &Config, without: &BTreeMap<&str, &Group>| {
        let names = of.groups.iter().map(|group| group.name.clone());
        names.filter(|name| !without.contains_key(name.as_str())).collect::<Vec<_>>()
    };
    let (added, gone) = (names(new, &before), names(old, &now));
    list(words, "group", &added, "new");
    list(words, "group", &gone, "gone");

    let (was, is) = (patch_in_words(old), patch_in_words(new));
    let kept = || {
        let kept = new.groups.iter();
        kept.filter_map(|group| Some((*before.get(group.name.as_str())?, group)))
    };
    let patched = kept().filter(|(old, new)| old.slots != new.slots).map(|(_, group)| {
        let at = |patch: &BTreeMap<String, (String, String)>| {
            patch.get(&group.name).map_or(String::new(), |(at, _)| at.clone())
        };
        (group.name.clone(), format!("patched to {} (was {})", at(&is), at(&was)))
    });
    each(words, patched.collect(), "patched anew");
    let loss = kept().filter(|(old, new)| old.loss != new.loss).map(|(_, group)| {
        let to = is.get(&group.name).map_or("", |(_, loss)| loss);
        (group.name.clone(), format!("at loss of signal: {to}"))
    });
    each(words, loss.collect(), "given another policy for loss of signal");
    let delayed = kept().filter(|(old, new)| old.delay != new.delay).map(|(old, new)| {
        let (was, is) = (old.delay.as_millis(), new.delay.as_millis());
        (new.name.clone(), format!("delayed by {is} ms (was {was} ms)"))
    });
    each(words, delayed.collect(), "given another delay");
    let moved = kept().filter(|(old, new)| old.position != new.position);
    list(words, "group", &moved.map(|(_, g)| g.name.clone()).collect::<Vec<_>>(), "placed anew");
    let order = |of: &Config, other: &BTreeMap<&str, &Group>| {
        let names = of.groups.iter().map(|group| group.name.clone());
        names.filter(|name| other.contains_key(name.as_str())).collect::<Vec<_>>()
    };
    if order(old, &now) != order(new, &before) {
        words.push("the groups stand in another order".to_owned());
    }
}

fn universes(words: &mut Vec<String>, old: &Config, new: &Config) {
    let of = |config: &Config| -> BTreeSet<Universe> {
        config.groups.iter().flat_map(|group| &group.slots).map(|slot| slot.universe).collect()
    };
    let (before, now) = (of(old), of(new));
    for (verb, these, those) in [("joined", &now, &before), ("left", &before, &now)] {
        let names: Vec<String> = these.difference(those).map(Universe::to_string).collect();
        list(words, "universe", &names, verb);
    }
}

fn radios(words: &mut Vec<String>, old: &Config, new: &Config) {
    let named = |of: &Config, name: &str| -> Option<RadioConfig> {
        of.radios.iter().find(|radio| radio.name == name).cloned()
    };
    let names = |of: &Config, other: &Config| {
        let names = of.radios.iter().map(|radio| radio.name.clone());
        names.filter(|name| named(other, name).is_none()).collect::<Vec<_>>()
    };
    list(words, "radio", &names(new, old), "new");
    list(words, "radio", &names(old, new), "gone");
    for is in &new.radios {
        let Some(was) = named(old, &is.name).filter(|was| was != is) else { continue };
        let name = &is.name;
        words.push(match (&was.kind, &is.kind) {
            (RadioKind::Gatt(was), RadioKind::Gatt(is)) if was.bands.len() != is.bands.len() => {
                format!("radio `{name}`: {} bands (was {})", is.bands.len(), was.bands.len())
            }
            _ => format!("radio `{name}` is set up otherwise"),
        });
    }
}

fn by_name(groups: &[Group]) -> BTreeMap<&str, &Group> {
    groups.iter().map(|group| (group.name.as_str(), group)).collect()
}

/// Where each group is patched and what it does at loss of signal.
fn patch_in_words(config: &Config) -> BTreeMap<String, (String, String)> {
    let mut words: BTreeMap<String, (String, String)> = BTreeMap::new();
    for row in patch_table(config) {
        let (at, loss) = words.entry(row.group).or_default();
        if !at.is_empty() {
            at.push_str(" and ");
        }
        let _ = write!(at, "{} {} as {}", row.universe, row.slots, row.personality);
        *loss = row.loss;
    }
    words
}

fn interfaces(selectors: &[InterfaceSelector]) -> String {
    let word = |selector: &InterfaceSelector| match selector {
        InterfaceSelector::Name(name) => name.clone(),
        InterfaceSelector::Address(ip) => ip.to_string(),
        InterfaceSelector::Cidr(ip, prefix) => format!("{ip}/{prefix}"),
    };
    match selectors {
        [] => "every running interface".to_owned(),
        some => some.iter().map(word).collect::<Vec<_>>().join(", "),
    }
}

/// One sentence for all of them.
fn list(words: &mut Vec<String>, kind: &str, names: &[String], what: &str) {
    let told: Vec<String> = names.iter().take(NAMED_MAX).map(|name| format!("`{name}`")).collect();
    let told = told.join(", ");
    match names.len() {
        0 => {}
        1 => words.push(format!("{kind} {told} is {what}")),
        2..=NAMED_MAX => words.push(format!("{kind}s {told} are {what}")),
        many => words.push(format!("{kind}s {told} and {} more are {what}", many - NAMED_MAX)),
    }
}

/// One sentence for each group, or one for all if they are many.
fn each(words: &mut Vec<String>, groups: Vec<(String, String)>, many: &str) {
    if groups.len() <= NAMED_MAX {
        words.extend(groups.into_iter().map(|(name, what)| format!("group `{name}` is {what}")));
        return;
    }
    let names: Vec<String> = groups.into_iter().map(|(name, _)| name).collect();
    list(words, "group", &names, many);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> Config {
        match Config::parse(&format!("name = \"A\"\n{text}"), "test.toml") {
            Ok((config, _)) => config,
            Err(mistakes) => panic!("{mistakes:?}"),
        }
    }

    fn group(name: &str, universe: &str, keys: &str) -> String {
        format!(
            "[[group]]\nname = \"{name}\"\nuniverse = \"{universe}\"\naddress = 1\n\
             personality = \"rgb\"\n{keys}\n"
        )
    }

    #[test]
    fn a_show_that_is_the_same_changes_nothing() {
        let text = group("a", "sacn/1", "");
        assert_eq!(changes(&show(&text), &show(&text)), [""; 0]);
    }

    #[test]
    fn changes_are_told_in_the_words_of_the_field() {
        let old =
            group("left", "sacn/1", "") + &group("right", "sacn/2", "") + &group("x", "sacn/2", "");
        let new = "[network]\ninterfaces = [\"eth1\", \"10.0.0.0/8\"]\n".to_owned()
            + &group("right", "artnet/0/0/1", "loss = { after_ms = 2000 }\ndelay_ms = 120")
            + &group("left", "sacn/1", "")
            + &group("balcony", "sacn/1", "")
            + "[[radio]]\nkind = \"simulated\"\nname = \"r\"\n";
        assert_eq!(
            changes(&show(&old), &show(&new)),
            [
                "group `balcony` is new",
                "group `x` is gone",
                "group `right` is patched to artnet/0/0/1 1-3 as rgb (was sacn/2 1-3 as rgb)",
                "group `right` is at loss of signal: black after 2000 ms",
                "group `right` is delayed by 120 ms (was 0 ms)",
                "the groups stand in another order",
                "universe `artnet/0/0/1` is joined",
                "universe `sacn/2` is left",
                "radio `r` is new",
                "receives on eth1, 10.0.0.0/8 (was every running interface)",
            ]
        );
    }

    #[test]
    fn many_changes_of_one_kind_are_one_sentence() {
        let many = |universe: &str| -> String {
            (1..=48).map(|n| group(&format!("g{n}"), universe, "")).collect()
        };
        let new = show(&many("sacn/1"));
        assert_eq!(
            changes(&show(&group("a", "sacn/1", "")), &new)[0],
            "groups `g1`, `g2`, `g3`, `g4`, `g5` and 43 more are new"
        );
        assert_eq!(
            changes(&new, &show(&many("sacn/9"))),
            [
                "groups `g1`, `g2`, `g3`, `g4`, `g5` and 43 more are patched anew",
                "universe `sacn/9` is joined",
                "universe `sacn/1` is left",
            ]
        );
    }
}
