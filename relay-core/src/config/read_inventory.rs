//! The inventory: which bands there are, and which group each belongs to.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeTable;

use super::diagnostic::{Diagnostic, Severity};
use super::reader::{Table, Value};
use super::report::Report;
use crate::limits::BANDS_MAX;

/// Longest inventory, bytes.
const FILE_BYTES_MAX: usize = 64 << 20;

/// Longest text in it, bytes.
const TEXT_BYTES_MAX: usize = 100;

/// A band that the operator knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryBand {
    /// Bluetooth address, or the id the system gives it.
    pub id: String,
    /// The name it advertises.
    pub name: Option<String>,
    /// Its profile; `None` = the radio's.
    pub profile: Option<String>,
    /// Its group; `None`: it is known, and left alone.
    pub group: Option<String>,
    /// The radio that reaches it; `None` = the show's first `gatt` radio.
    pub radio: Option<String>,
}

/// Where the values of a band stand, for messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans {
    pub(super) id: Range<usize>,
    pub(super) profile: Range<usize>,
    pub(super) group: Range<usize>,
    pub(super) radio: Range<usize>,
}

/// Reads an inventory. `file` is what it is called in messages.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn read_inventory(text: &str, file: &str) -> Result<Vec<InventoryBand>, Vec<Diagnostic>> {
    let mut report = Report::new(file, text);
    let bands = inventory(&mut report, text);
    if report.has_errors() {
        return Err(report.into_diagnostics());
    }
    Ok(bands.into_iter().map(|(band, _)| band).collect())
}

/// What could be read; what is wrong is in the report.
pub(super) fn inventory(report: &mut Report<'_>, text: &str) -> Vec<(InventoryBand, Spans)> {
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes: at most {FILE_BYTES_MAX}", text.len());
        report.whole_file(Severity::Error, message, "is this an inventory of bands?");
        return Vec::new();
    }
    let root = match DeTable::parse(text) {
        Ok(root) => root,
        Err(error) => {
            let span = error.span().unwrap_or(text.len()..text.len());
            report.error(span, format!("this is not TOML: {}", error.message()));
            return Vec::new();
        }
    };
    let mut table = Table::new("the inventory", 0..0, root.get_ref());
    let items = table.get("band").and_then(|value| value.list(report, "bands", BANDS_MAX));
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    let mut bands = Vec::new();
    for item in items.into_iter().flatten() {
        let Some(table) = item.table(report, "a band") else { continue };
        let Some((band, spans, id)) = self::band(report, table) else { continue };
        if let Some(&other) = lines.get(id) {
            report.error_with(spans.id, |source| {
                let line = source.line(other);
                let message = format!("band \"{id}\" is listed already, in line {line}");
                (message, "a band belongs to one group".to_owned())
            });
            continue;
        }
        lines.insert(id, spans.id.start);
        bands.push((band, spans));
    }
    table.finish(report);
    bands
}

fn band<'t>(
    report: &mut Report<'_>,
    mut table: Table<'t>,
) -> Option<(InventoryBand, Spans, &'t str)> {
    let id = table.require("id", "\"AA:BB:CC:DD:EE:FF\"");
    let mut get = |key| table.get(key);
    let (name, profile, group, radio) = (get("name"), get("profile"), get("group"), get("radio"));
    table.finish(report);
    let span = |value: Option<Value<'t>>| value.map_or(0..0, Value::span);
    let spans =
        Spans { id: span(id), profile: span(profile), group: span(group), radio: span(radio) };
    let mut text = |value: Option<Value<'t>>| {
        value.and_then(|value| value.text(report, TEXT_BYTES_MAX)).map(str::to_owned)
    };
    let (name, profile, group, radio) = (text(name), text(profile), text(group), text(radio));
    let id = id?.text(report, TEXT_BYTES_MAX)?;
    let band = InventoryBand { id: id.to_owned(), name, profile, group, radio };
    Some((band, spans, id))
}
