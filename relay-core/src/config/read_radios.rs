//! `[[radio]]`.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use super::files::Files;
use super::read_broadcast::broadcast;
use super::read_gatt::Bands;
use super::read_groups::Groups;
use super::read_network::set;
use super::reader::{Table, Value};
use super::report::Report;
use super::{RadioConfig, RadioKind, SimulatedConfig};
use crate::limits::{BANDS_MAX, GROUPS_MAX, RADIOS_MAX};

/// Longest name of a radio, an adapter or a band, bytes.
pub(super) const NAME_BYTES_MAX: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Simulated,
    Gatt,
    Broadcast,
}

/// Reads every `[[radio]]`, and the inventory; gives the radios that were right, and where they are.
pub(super) fn radios(
    report: &mut Report<'_>,
    value: Option<Value<'_>>,
    groups: &Groups,
    files: &dyn Files,
) -> Vec<(RadioConfig, Range<usize>)> {
    let bands = Bands::new(groups, files);
    let mut reading = Reading { groups, files, named: Vec::new(), bands };
    if let Some(value) = value {
        reading.radios(report, value);
    }
    let Reading { bands, named, .. } = reading;
    let mut radios = with_names(named);
    bands.finish(report, &mut radios);
    let count: usize = radios.iter().map(|(radio, _)| radio.kind.bands(groups.groups.len())).sum();
    if let (true, Some(value)) = (count > BANDS_MAX, value) {
        let help = format!("at most {BANDS_MAX}: lower `bands_per_group`, or list `groups`");
        report.error_help(value.span(), format!("the radios have {count} bands in all"), help);
    }
    radios
}

struct Reading<'g> {
    groups: &'g Groups,
    files: &'g dyn Files,
    /// Radios so far, and the names they were given.
    named: Vec<(Option<String>, RadioKind, Range<usize>)>,
    bands: Bands<'g>,
}

impl Reading<'_> {
    fn radios(&mut self, report: &mut Report<'_>, value: Value<'_>) {
        if value.as_table("radio").is_some() {
            let help = "write [[radio]] with two brackets: a show can have several".to_owned();
            return value.wrong_help(report, "a list", help);
        }
        for item in value.list(report, "radios", RADIOS_MAX).into_iter().flatten() {
            if let Some(table) = item.table(report, "a radio") {
                self.radio(report, table);
            }
        }
    }

    fn radio(&mut self, report: &mut Report<'_>, mut table: Table<'_>) {
        let span = table.span.clone();
        let kind = table.require("kind", "\"simulated\"");
        let name = table.get("name").and_then(|value| {
            let name = value.text(report, NAME_BYTES_MAX)?;
            if self.named.iter().any(|(other, ..)| other.as_deref() == Some(name)) {
                let message = format!("another radio is called \"{name}\" already");
                let help = "every radio needs a name of its own".to_owned();
                report.error_help(value.span(), message, help);
            }
            Some(name.to_owned())
        });
        let kind = kind.and_then(|value| {
            let kinds = [
                ("simulated", Kind::Simulated),
                ("gatt", Kind::Gatt),
                ("broadcast", Kind::Broadcast),
            ];
            value.choice(report, &kinds, "")
        });
        let kind = match kind {
            Some(Kind::Simulated) => RadioKind::Simulated(self.simulated(report, &mut table)),
            Some(Kind::Gatt) => {
                let index = self.named.len();
                RadioKind::Gatt(self.bands.radio(report, &mut table, index))
            }
            Some(Kind::Broadcast) => {
                let mut radio = broadcast(report, &mut table, self.files);
                set(&mut radio.groups, table.get("groups"), |value| {
                    Some(self.groups(report, value))
                });
                RadioKind::Broadcast(radio)
            }
            // Which other keys it may have depends on its kind.
            None => return table.finish_missing(report),
        };
        table.finish(report);
        self.named.push((name, kind, span));
    }

    fn simulated(&self, report: &mut Report<'_>, table: &mut Table<'_>) -> SimulatedConfig {
        table.call("a simulated radio");
        let mut radio = SimulatedConfig::default();
        set(&mut radio.bands_per_group, table.get("bands_per_group"), |value| {
            value.integer(report, 1..=10_000, " bands")
        });
        set(&mut radio.groups, table.get("groups"), |value| Some(self.groups(report, value)));
        set(&mut radio.interval, table.get("interval_ms"), |value| {
            value.number(report, 7.5..=4000.0, " ms").map(millis)
        });
        let packets = table.get("packets_per_event");
        set(&mut radio.packets_per_event, packets, |value| {
            value.integer(report, 1..=8, " packets")
        });
        set(&mut radio.loss, table.get("loss"), |value| {
            value.number(report, 0.0..=0.95, " (a share of 1)")
        });
        set(&mut radio.latency, table.get("latency_ms"), |value| {
            value.number(report, 0.0..=1000.0, " ms").map(millis)
        });
        set(&mut radio.seed, table.get("seed"), |value| {
            value.integer(report, 0..=i64::MAX as u64, "")
        });
        radio
    }

    /// `groups` of a simulated or a broadcast radio: names of groups, or of whole entries, ascending.
    fn groups(&self, report: &mut Report<'_>, value: Value<'_>) -> Vec<usize> {
        let Some(items) = value.list(report, "names of groups", GROUPS_MAX) else {
            return Vec::new();
        };
        if items.len() == 0 {
            let help = "leave `groups` out for bands in every group".to_owned();
            value.wrong_help(report, "at least one group", help);
        }
        let mut indices = Vec::new();
        let mut names = BTreeSet::new();
        for item in items {
            let Some(name) = item.text(report, NAME_BYTES_MAX) else { continue };
            if !names.insert(name) {
                report.warning(
                    item.span(),
                    format!("\"{name}\" is listed twice"),
                    "once is enough",
                );
                continue;
            }
            match self.groups.counted(name) {
                Some(groups) => indices.extend(groups),
                None => indices.extend(self.groups.index(report, item, name)),
            }
        }
        indices.sort_unstable();
        indices.dedup();
        indices
    }
}

/// Names the radios that have none: the kind and the first free number.
fn with_names(
    named: Vec<(Option<String>, RadioKind, Range<usize>)>,
) -> Vec<(RadioConfig, Range<usize>)> {
    let mut taken: Vec<String> = named.iter().filter_map(|(name, ..)| name.clone()).collect();
    let named = named.into_iter().map(|(name, kind, span)| {
        let name = name.unwrap_or_else(|| {
            let mut number = 1;
            while taken.contains(&format!("{}-{number}", kind.word())) {
                number += 1;
            }
            taken.push(format!("{}-{number}", kind.word()));
            format!("{}-{number}", kind.word())
        });
        (RadioConfig { name, kind }, span)
    });
    named.collect()
}

/// To the nearest nanosecond: a float holds 7.5 ms, but not 0.1 ms.
pub(super) fn millis(number: f64) -> Duration {
    Duration::from_nanos((number * 1e6).round() as u64)
}

impl RadioKind {
    /// As the file names it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Simulated(_) => "simulated",
            Self::Gatt(_) => "gatt",
            Self::Broadcast(_) => "broadcast",
        }
    }

    /// How many bands it has, in a show of `groups` groups.
    pub fn bands(&self, groups: usize) -> usize {
        match self {
            Self::Simulated(radio) if radio.groups.is_empty() => radio.bands_per_group * groups,
            Self::Simulated(radio) => radio.bands_per_group * radio.groups.len(),
            Self::Gatt(radio) => radio.bands.len(),
            // What listens is not counted; each group is a link.
            Self::Broadcast(radio) if radio.groups.is_empty() => groups,
            Self::Broadcast(radio) => radio.groups.len(),
        }
    }
}

impl Default for SimulatedConfig {
    fn default() -> Self {
        Self {
            bands_per_group: 10,
            groups: Vec::new(),
            interval: Duration::from_millis(30),
            packets_per_event: 1,
            loss: 0.02,
            latency: Duration::from_millis(2),
            seed: 1,
        }
    }
}
