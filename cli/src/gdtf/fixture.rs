//! What a console patches: a personality as a fixture, and a group of bands as one of them somewhere.

use wristcast_core::config::{Attribute, Config, Group, personalities};
use wristcast_core::universe::Universe;

use super::identity::Identity;

/// Longest name of a personality of a show's own; longer ones are shortened and numbered.
const NAME_MAX: usize = 32;

/// A slot of a fixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Which of its addresses it belongs to, from 1: a group over several universes has several.
    pub(super) dmx_break: u16,
    /// From 1, beside that address.
    pub(super) offset: u16,
    pub(super) attribute: Attribute,
}

/// A personality as a fixture type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fixture {
    /// The name of its mode, as the show file has it.
    pub(super) mode: String,
    pub(super) slots: Vec<Slot>,
}

/// A group as a fixture in the venue.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed<'a> {
    pub(super) group: &'a Group,
    pub(super) fixture: Fixture,
    /// Universe and first slot of each of its addresses.
    pub(super) addresses: Vec<(Universe, u16)>,
}

impl Fixture {
    /// Its file, as GDTF wants it: manufacturer and name with `@` between them.
    pub(super) fn file(&self) -> String {
        format!("wristcast@{}.gdtf", self.name().replace(' ', "_"))
    }

    /// The fixture type's name.
    pub(super) fn name(&self) -> String {
        format!("Wristband {}", self.mode)
    }

    /// Whether it has a slot for this.
    pub(super) fn has(&self, attribute: Attribute) -> bool {
        self.slots.iter().any(|slot| slot.attribute == attribute)
    }
}

/// The fixtures of the personalities that have a name.
pub(super) fn named() -> Vec<Fixture> {
    let fixture = |(name, attributes): (&str, &[Attribute])| Fixture {
        mode: name.to_owned(),
        slots: (1..)
            .zip(attributes)
            .map(|(offset, &attribute)| Slot { dmx_break: 1, offset, attribute })
            .collect(),
    };
    personalities().map(fixture).collect()
}

/// The groups of a show as fixtures, in its order.
pub(super) fn placed(config: &Config) -> Vec<Placed<'_>> {
    let named = named();
    config.groups.iter().map(|group| place(group, &named)).collect()
}

fn place<'a>(group: &'a Group, named: &[Fixture]) -> Placed<'a> {
    let mut patched = group.slots.clone();
    patched.sort_by_key(|slot| (slot.universe, slot.address));
    let mut addresses: Vec<(Universe, u16)> = Vec::new();
    let mut slots = Vec::new();
    for slot in &patched {
        let address = slot.address.get();
        if addresses.last().is_none_or(|&(universe, _)| universe != slot.universe) {
            addresses.push((slot.universe, address));
        }
        let first = addresses.last().map_or(address, |&(_, first)| first);
        let dmx_break = addresses.len() as u16;
        slots.push(Slot { dmx_break, offset: address - first + 1, attribute: slot.attribute });
    }
    let known = named.iter().find(|fixture| fixture.slots == slots);
    let fixture = known.cloned().unwrap_or_else(|| Fixture { mode: own_name(&slots), slots });
    Placed { group, fixture, addresses }
}

/// A name for a personality of the show's own, the same for the same slots: `custom DRGB-F`, a
/// letter for a slot, `-` for one that drives nothing, `+` where another universe begins.
fn own_name(slots: &[Slot]) -> String {
    let mut letters = String::new();
    let mut before = Slot { dmx_break: 1, offset: 0, attribute: Attribute::Unused };
    for slot in slots {
        if slot.dmx_break != before.dmx_break {
            letters.push('+');
            before.offset = 0;
        }
        for _ in before.offset + 1..slot.offset {
            letters.push('-');
        }
        letters.push(letter(slot.attribute));
        before = *slot;
    }
    if letters.len() > NAME_MAX {
        let number = Identity::of("personality", &letters).short();
        letters.truncate(NAME_MAX - number.len());
        letters += &number;
    }
    format!("custom {letters}")
}

const fn letter(attribute: Attribute) -> char {
    match attribute {
        Attribute::Red => 'R',
        Attribute::Green => 'G',
        Attribute::Blue => 'B',
        Attribute::White => 'W',
        Attribute::Dimmer => 'D',
        Attribute::Strobe => 'S',
        Attribute::Fade => 'F',
        Attribute::Unused => '-',
    }
}
