//! The patch of a show as a table, for `wristcast check`.

use super::{Attribute, Config, Group, Loss, PatchedSlot};
use crate::look::Look;
use crate::universe::Universe;

/// One line of the table: the slots of one group in one universe. A group over several universes
/// has several lines.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PatchRow {
    /// The group.
    pub group: String,
    /// The universe as the show file writes it: `sacn/1`, `artnet/0/0/1`.
    pub universe: Universe,
    /// The universe as consoles show it: `sACN 1`, `Art-Net 0:0:1 (port-address 1)`. The numbers
    /// of some consoles are one higher.
    pub universe_on_console: String,
    /// The slots: `1-3`, or `1, 5` where there are gaps.
    pub slots: String,
    /// The personality: `drgb`, or for one of the show's own what these slots drive.
    pub personality: String,
    /// The policy for loss of signal, in words.
    pub loss: String,
    /// Delay, ms.
    pub delay_ms: u64,
}

/// The patch of a show, in the order of its groups.
pub fn patch_table(config: &Config) -> Vec<PatchRow> {
    config.groups.iter().flat_map(rows).collect()
}

fn rows(group: &Group) -> Vec<PatchRow> {
    let mut universes: Vec<Universe> = Vec::new();
    for slot in &group.slots {
        if !universes.contains(&slot.universe) {
            universes.push(slot.universe);
        }
    }
    let loss = loss_in_words(group.loss);
    let row = |universe: Universe| {
        let mut slots: Vec<&PatchedSlot> =
            group.slots.iter().filter(|slot| slot.universe == universe).collect();
        slots.sort_by_key(|slot| slot.address);
        PatchRow {
            group: group.name.clone(),
            universe,
            universe_on_console: on_console(universe),
            slots: ranges(&slots),
            personality: match group.personality.as_str() {
                "custom" => {
                    slots.iter().map(|slot| slot.attribute.word()).collect::<Vec<_>>().join(" ")
                }
                named => named.to_owned(),
            },
            loss: loss.clone(),
            delay_ms: group.delay.as_millis() as u64,
        }
    };
    universes.into_iter().map(row).collect()
}

fn on_console(universe: Universe) -> String {
    match universe {
        Universe::Sacn(u) => format!("sACN {}", u.number()),
        Universe::ArtNet(p) => format!(
            "Art-Net {}:{}:{} (port-address {})",
            p.net(),
            p.sub_net(),
            p.universe(),
            p.address()
        ),
    }
}

/// Slots 1, 2, 3 and 7 → `1-3, 7`.
fn ranges(slots: &[&PatchedSlot]) -> String {
    let runs = slots.chunk_by(|a, b| b.address.get() - a.address.get() <= 1).map(|run| {
        match (run.first(), run.last()) {
            (Some(a), Some(b)) if a.address != b.address => {
                format!("{}-{}", a.address.get(), b.address.get())
            }
            _ => run[0].address.get().to_string(),
        }
    });
    runs.collect::<Vec<_>>().join(", ")
}

fn loss_in_words(loss: Loss) -> String {
    let Some(to) = loss.to else { return "hold".to_owned() };
    let mut words = if to.is_lit() {
        let Look { red, green, blue, white, dimmer, .. } = to;
        format!("to {red}/{green}/{blue}/{white} at {dimmer}")
    } else {
        "black".to_owned()
    };
    if !loss.after.is_zero() {
        words += &format!(" after {} ms", loss.after.as_millis());
    }
    if !loss.fade.is_zero() {
        words += &format!(" in {} ms", loss.fade.as_millis());
    }
    words
}

impl Attribute {
    /// As the file names it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::White => "white",
            Self::Dimmer => "dimmer",
            Self::Strobe => "strobe",
            Self::Fade => "fade",
            Self::Unused => "unused",
        }
    }
}
