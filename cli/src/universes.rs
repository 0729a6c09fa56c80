//! Lists of universes on the command line: `sacn/1..4`, `sacn/1,3,7..9`, `artnet/0/0/0..3`.

use std::str::FromStr;

use wristcast_core::universe::Universe;

/// Most universes one list may name: more than any venue, less than a mistyped range would.
const LIST_MAX: usize = 4096;

/// The universes that one argument names, in the order written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UniverseList(pub(crate) Vec<Universe>);

impl FromStr for UniverseList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut list = Vec::new();
        // What stands before the last number; `sacn/1,3` means `sacn/1,sacn/3`.
        let mut prefix = String::new();
        for item in text.split(',') {
            let (first, last) = item.split_once("..").unwrap_or((item, item));
            let first = complete(&prefix, first);
            prefix = first[..first.rfind('/').map_or(0, |slash| slash + 1)].to_owned();
            extend(&mut list, parse(&first)?, parse(&complete(&prefix, last))?, item)?;
        }
        Ok(Self(list))
    }
}

/// A bare number takes the prefix of the universe before it.
fn complete(prefix: &str, text: &str) -> String {
    if text.contains('/') { text.to_owned() } else { format!("{prefix}{text}") }
}

fn parse(text: &str) -> Result<Universe, String> {
    text.parse().map_err(|error| {
        format!("{error}; a list is `sacn/1,3`, a range is `sacn/1..4`, both ends included")
    })
}

fn extend(
    list: &mut Vec<Universe>,
    first: Universe,
    last: Universe,
    item: &str,
) -> Result<(), String> {
    let same_protocol = matches!(first, Universe::Sacn(_)) == matches!(last, Universe::Sacn(_));
    if !same_protocol || last < first {
        return Err(format!("`{item}` is no range: it must run upwards and stay in one protocol"));
    }
    let mut next = Some(first);
    while let Some(universe) = next.filter(|universe| *universe <= last) {
        if list.len() == LIST_MAX {
            return Err(format!("more than {LIST_MAX} universes"));
        }
        list.push(universe);
        next = universe.next();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<String, String> {
        let names = text.parse::<UniverseList>()?.0;
        Ok(names.iter().map(Universe::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn lists_and_ranges_name_every_universe_in_order() {
        for (text, named) in [
            ("sacn/1", "sacn/1"),
            ("sacn/1..4", "sacn/1 sacn/2 sacn/3 sacn/4"),
            ("sacn/1,3,7..8", "sacn/1 sacn/3 sacn/7 sacn/8"),
            ("sacn/9..sacn/10", "sacn/9 sacn/10"),
            ("artnet/0/0/1..2,5", "artnet/0/0/1 artnet/0/0/2 artnet/0/0/5"),
            ("artnet/0/0/15..artnet/0/1/0", "artnet/0/0/15 artnet/0/1/0"),
            ("artnet/1,sacn/2,3", "artnet/0/0/1 sacn/2 sacn/3"),
        ] {
            assert_eq!(list(text).as_deref(), Ok(named), "{text}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "is not a universe"),
            ("1", "is not a universe"),
            ("sacn/1..", "is not a universe"),
            ("sacn/1,,2", "is not a universe"),
            ("sacn/4..1", "upwards"),
            ("sacn/1..artnet/1", "one protocol"),
            ("artnet/1..sacn/9", "one protocol"),
            ("sacn/1..63999", "more than 4096"),
        ] {
            let error = list(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
