//! The part of a `[[group]]` that places it: which slots of which universes drive what.

use std::ops::Range;

use super::near::{list, nearest};
use super::read_network::set;
use super::reader::{Table, Value};
use super::report::Report;
use super::{Attribute, PatchedSlot, SlotAddress};
use crate::limits::UNIVERSES_MAX;
use crate::universe::{PortAddress, SLOTS, SacnUniverse, Universe};

/// What a slot can drive, by the names that the file uses.
const ATTRIBUTES: [(&str, Attribute); 8] = {
    use Attribute::{Blue, Dimmer, Fade, Green, Red, Strobe, Unused, White};
    [
        (Red.word(), Red),
        (Green.word(), Green),
        (Blue.word(), Blue),
        (White.word(), White),
        (Dimmer.word(), Dimmer),
        (Strobe.word(), Strobe),
        (Fade.word(), Fade),
        (Unused.word(), Unused),
    ]
};

/// The personalities that have a name.
const PERSONALITIES: [(&str, &[Attribute]); 5] = {
    use Attribute::{Blue, Dimmer, Fade, Green, Red, Strobe, White};
    [
        ("rgb", &[Red, Green, Blue]),
        ("drgb", &[Dimmer, Red, Green, Blue]),
        ("rgbw", &[Red, Green, Blue, White]),
        ("drgbw", &[Dimmer, Red, Green, Blue, White]),
        ("drgbsf", &[Dimmer, Red, Green, Blue, Strobe, Fade]),
    ]
};

/// The personalities that have a name, with what their slots drive.
pub fn personalities() -> impl Iterator<Item = (&'static str, &'static [Attribute])> {
    PERSONALITIES.into_iter()
}

/// The personality of every group that is not of a named one.
const CUSTOM: &str = "custom";

/// Where the groups of an entry are patched.
pub(super) struct Patch {
    pub(super) personality: String,
    /// What places it: its address, or its slots.
    pub(super) span: Range<usize>,
    place: Place,
}

enum Place {
    /// From a slot on.
    Row(Row),
    /// Every slot by itself.
    Slots(Vec<PatchedSlot>),
}

/// Slots in a row, for one group or for several in a row.
struct Row {
    universe: Universe,
    /// 1..=512.
    address: usize,
    attributes: Vec<Attribute>,
    spans_universes: bool,
}

/// Reads `slots`, or `universe`, `address`, `personality` and `spans_universes`.
pub(super) fn patch(
    report: &mut Report<'_>,
    table: &mut Table<'_>,
    count: Option<Value<'_>>,
) -> Option<Patch> {
    let slots = table.get("slots");
    let Some(slots) = slots else { return row(report, table) };
    let others =
        ["universe", "address", "personality", "spans_universes"].map(|key| table.get(key));
    for other in others.into_iter().chain([count]).flatten() {
        let message = format!("`{}` does not go with `slots`", other.key);
        let help = "`slots` gives every attribute a universe and a slot of its own".to_owned();
        report.error_help(other.span(), message, help);
    }
    let place = Place::Slots(slot_by_slot(report, slots)?);
    Some(Patch { personality: CUSTOM.to_owned(), span: slots.span(), place })
}

fn row(report: &mut Report<'_>, table: &mut Table<'_>) -> Option<Patch> {
    let universe = table.require("universe", "\"sacn/1\"");
    let universe = universe.and_then(|value| read_universe(report, value));
    let address = table.require("address", "1");
    let span = address.map_or(table.span.clone(), Value::span);
    let address = address.and_then(|value| value.integer(report, 1..=SLOTS, ""));
    let personality = table.require("personality", "\"rgb\"");
    let personality = personality.and_then(|value| read_personality(report, value));
    let mut spans_universes = false;
    set(&mut spans_universes, table.get("spans_universes"), |value| value.boolean(report));
    let (personality, attributes) = personality?;
    let row = Row { universe: universe?, address: address?, attributes, spans_universes };
    Some(Patch { personality, span, place: Place::Row(row) })
}

fn read_universe(report: &mut Report<'_>, value: Value<'_>) -> Option<Universe> {
    const EXPECTED: &str = "a universe, \"sacn/1\" to \"sacn/63999\", \"artnet/0/0/1\" \
                            (net/sub-net/universe) or \"artnet/0\" to \"artnet/32767\"";
    let text = value.as_text().unwrap_or_default();
    let universe = text.parse().ok();
    if universe.is_none() {
        let tidy = text.to_lowercase().replace([' ', '-', ':', '.'], "/");
        let help = match tidy.replace("art/net", "artnet").parse::<Universe>() {
            Ok(meant) => format!("did you mean \"{meant}\"?"),
            Err(_) if text.contains('/') => {
                "net is 0 to 127, sub-net and universe within it are 0 to 15".to_owned()
            }
            Err(_) => "name the protocol and the number, in quotes".to_owned(),
        };
        value.wrong_help(report, EXPECTED, help);
    }
    universe
}

fn read_personality(report: &mut Report<'_>, value: Value<'_>) -> Option<(String, Vec<Attribute>)> {
    if value.as_list().is_some() {
        return Some((CUSTOM.to_owned(), custom_personality(report, value)?));
    }
    let text = value.as_text();
    let found = PERSONALITIES.iter().find(|(name, _)| Some(*name) == text);
    if found.is_none() {
        let known = PERSONALITIES.map(|(name, _)| name);
        let help = match text.and_then(|text| nearest(text, known)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "a list makes one of your own: [\"dimmer\", \"red\", \"unused\", \"green\", \
                     \"blue\"]"
                .to_owned(),
        };
        value.wrong_help(report, &format!("{} or a list of slots", list(&known, "or")), help);
    }
    found.map(|&(name, attributes)| (name.to_owned(), attributes.to_vec()))
}

fn custom_personality(report: &mut Report<'_>, value: Value<'_>) -> Option<Vec<Attribute>> {
    let mut attributes = Vec::new();
    let mut complete = true;
    for item in value.list(report, "slots", SLOTS)? {
        match item.choice(report, &ATTRIBUTES, "") {
            Some(attribute)
                if attribute != Attribute::Unused && attributes.contains(&attribute) =>
            {
                let name = attribute.word();
                report.error(item.span(), format!("\"{name}\" is in this personality twice"));
                complete = false;
            }
            Some(attribute) => attributes.push(attribute),
            None => complete = false,
        }
    }
    let example = "[\"red\", \"green\", \"blue\"]";
    (complete && drives_light(report, value, example, &attributes)).then_some(attributes)
}

fn slot_by_slot(report: &mut Report<'_>, value: Value<'_>) -> Option<Vec<PatchedSlot>> {
    let mut table = value.table(report, "`slots`")?;
    let mut slots = Vec::new();
    let mut complete = true;
    for (name, attribute) in ATTRIBUTES {
        if attribute == Attribute::Unused {
            continue;
        }
        let Some(value) = table.get(name) else { continue };
        match value.as_text().and_then(slot_in_universe) {
            Some((universe, address)) => slots.push(PatchedSlot { attribute, universe, address }),
            None => {
                let expected = "a universe and a slot, \"sacn/1/12\" or \"artnet/0/0/1/12\"";
                value.wrong(report, expected);
                complete = false;
            }
        }
    }
    table.finish(report);
    let attributes: Vec<Attribute> = slots.iter().map(|slot| slot.attribute).collect();
    let example = "{ red = \"sacn/1/12\" }";
    (complete && drives_light(report, value, example, &attributes)).then_some(slots)
}

fn slot_in_universe(text: &str) -> Option<(Universe, SlotAddress)> {
    let (universe, address) = text.rsplit_once('/')?;
    if !address.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((universe.parse().ok()?, SlotAddress::new(address.parse().ok()?)?))
}

/// Whether the slots drive anything; warns if that gives no light.
fn drives_light(
    report: &mut Report<'_>,
    value: Value<'_>,
    example: &str,
    attributes: &[Attribute],
) -> bool {
    use Attribute::{Blue, Green, Red, Unused, White};
    if attributes.iter().all(|&attribute| attribute == Unused) {
        let message = format!("`{}` drives nothing", value.key);
        report.error_help(value.span(), message, format!("for example {example}"));
        return false;
    }
    if !attributes.iter().any(|attribute| matches!(attribute, Red | Green | Blue | White)) {
        let message = "no slot drives a colour: this group stays dark".to_owned();
        report.warning(value.span(), message, "add \"red\", \"green\", \"blue\" or \"white\"");
    }
    true
}

impl Patch {
    /// Whether every slot is one by itself.
    pub(super) fn is_slot_by_slot(&self) -> bool {
        matches!(self.place, Place::Slots(_))
    }

    /// Slots of each group.
    pub(super) fn length(&self) -> usize {
        match &self.place {
            Place::Slots(slots) => slots.len(),
            Place::Row(row) => row.attributes.len(),
        }
    }

    /// Whether there is room for `copies` groups; reports it if not.
    pub(super) fn fits(&self, report: &mut Report<'_>, copies: usize) -> bool {
        let Place::Row(row) = &self.place else { return true };
        let length = row.attributes.len();
        if !row.spans_universes && row.address + length - 1 > SLOTS {
            let message = format!("{length} slots from slot {} run past slot {SLOTS}", row.address);
            let latest = SLOTS + 1 - length;
            let help = match row.universe.next() {
                Some(next) => format!(
                    "start at {latest} or before, or go on at slot 1 of {next} with \
                     spans_universes = true"
                ),
                None => format!("start at {latest} or before"),
            };
            report.error_help(self.span.clone(), message, help);
            return false;
        }
        let universes = row.universes(copies);
        if universes > UNIVERSES_MAX {
            let message = format!("this patches {universes} universes");
            let help = format!("at most {UNIVERSES_MAX} are possible");
            report.error_help(self.span.clone(), message, help);
            return false;
        }
        let (last, left) = row.universe.last();
        if universes - 1 > usize::from(left) {
            let message = format!("this runs past the last universe, {last}");
            report.error(self.span.clone(), message);
            return false;
        }
        true
    }

    /// The slots of each of `copies` groups that fit.
    pub(super) fn slots(&self, copies: usize) -> Vec<Vec<PatchedSlot>> {
        match &self.place {
            Place::Slots(slots) => vec![slots.clone(); copies],
            Place::Row(row) => row.slots(copies),
        }
    }
}

impl Row {
    /// How many universes `copies` groups take, from the first to the last.
    fn universes(&self, copies: usize) -> usize {
        let length = self.attributes.len();
        if self.spans_universes {
            return (self.address - 1 + copies * length).div_ceil(SLOTS);
        }
        let in_first = (SLOTS + 1 - self.address) / length;
        1 + copies.saturating_sub(in_first).div_ceil(SLOTS / length)
    }

    /// Patches groups one after another. One that no longer fits into a universe starts the next
    /// one, unless it may span them.
    fn slots(&self, copies: usize) -> Vec<Vec<PatchedSlot>> {
        let length = self.attributes.len();
        let (mut universe, mut address) = (self.universe, self.address);
        let mut slots_of_one = || {
            if !self.spans_universes && address + length - 1 > SLOTS {
                address = SLOTS + 1;
            }
            let slots = self.attributes.iter().map(|&attribute| {
                if address > SLOTS {
                    (universe, address) = (universe.next()?, 1);
                }
                let slot = SlotAddress::new(u16::try_from(address).ok()?)?;
                address += 1;
                Some(PatchedSlot { attribute, universe, address: slot })
            });
            slots.map_while(|slot| slot).collect()
        };
        (0..copies).map(|_| slots_of_one()).collect()
    }
}

impl Universe {
    /// The last universe of the protocol, and how many there are from this one to it.
    fn last(self) -> (Self, u16) {
        match self {
            Self::Sacn(u) => (
                SacnUniverse::new(SacnUniverse::MAX).map_or(self, Self::Sacn),
                SacnUniverse::MAX - u.number(),
            ),
            Self::ArtNet(p) => (
                PortAddress::new(PortAddress::MAX).map_or(self, Self::ArtNet),
                PortAddress::MAX - p.address(),
            ),
        }
    }
}
