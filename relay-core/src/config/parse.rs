//! The whole file.

use toml::de::DeTable;

use super::check::check;
use super::diagnostic::{Diagnostic, Severity};
use super::files::Files;
use super::read_groups::{Groups, groups};
use super::read_network::{http, network, set};
use super::read_osc::osc;
use super::read_radios::radios;
use super::read_safety::safety;
use super::read_standby::standby;
use super::reader::Table;
use super::report::Report;
use super::{Config, EndLook, Network, read_look};
use crate::look::Look;

/// Longest show file, bytes: room for 65 536 groups with an entry each.
const FILE_BYTES_MAX: usize = 16 << 20;

/// Longest text that is searched for every mistake in its TOML, bytes; in a longer one the first is
/// reported.
const RECOVERABLE_BYTES_MAX: usize = 1 << 20;

/// Longest name of a show, bytes.
const NAME_BYTES_MAX: usize = 200;

pub(super) fn parse(
    text: &str,
    file: &str,
    files: &dyn Files,
) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut report = Report::new(file, text);
    let config = if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes: at most {FILE_BYTES_MAX}", text.len());
        report.whole_file(Severity::Error, message, "is this a show file?");
        None
    } else {
        read(&mut report, text, files)
    };
    match config {
        Some(config) if !report.has_errors() => Ok((config, report.into_diagnostics())),
        _ => Err(report.into_diagnostics()),
    }
}

/// Reports where the text is not TOML; everywhere, unless it is so long that it hardly is a file
/// that somebody wrote.
fn not_toml(report: &mut Report<'_>, text: &str, first: toml::de::Error) {
    let errors = match text.len() {
        ..=RECOVERABLE_BYTES_MAX => DeTable::parse_recoverable(text).1,
        _ => vec![first],
    };
    let mut line = 0;
    for error in &errors {
        if report.is_full() {
            break;
        }
        let span = error.span().unwrap_or(text.len()..text.len());
        // What follows in the same line mostly follows from it.
        let line_before = std::mem::replace(&mut line, report.line(span.start));
        if line_before != line {
            report.error(span, format!("this is not TOML: {}", error.message()));
        }
    }
}

/// What could be read; what is wrong is in the report.
fn read(report: &mut Report<'_>, text: &str, files: &dyn Files) -> Option<Config> {
    let root = match DeTable::parse(text) {
        Ok(root) => root,
        Err(first) => {
            // What would be skipped to go on would be reported as missing: nothing else is read.
            not_toml(report, text, first);
            return None;
        }
    };
    let mut table = Table::new("the show", 0..0, root.get_ref());
    let name = table.require("name", "\"My show\"");
    let name = name.and_then(|value| value.text(report, NAME_BYTES_MAX)).unwrap_or_default();
    let mut start_look = Look::DARK;
    set(&mut start_look, table.get("start_look"), |value| read_look::start_look(report, value));
    let mut end_look = EndLook::Look(Look::DARK);
    set(&mut end_look, table.get("end_look"), |value| read_look::end_look(report, value));
    let mut receiving = Network::of_show(name);
    if let Some(value) = table.get("network").and_then(|v| v.table(report, "[network]")) {
        network(report, value, &mut receiving);
    }
    let http = table.get("http").and_then(|value| value.table(report, "[http]"));
    let http = http.map(|table| self::http(report, table));
    let safety = table.get("safety").and_then(|value| value.table(report, "[safety]"));
    let safety = safety.map(|table| self::safety(report, table)).unwrap_or_default();
    let osc = table.get("osc").and_then(|value| value.table(report, "[osc]"));
    let osc = osc.map(|table| self::osc(report, table));
    let standby = table.get("standby").and_then(|value| value.table(report, "[standby]"));
    let standby = standby.and_then(|table| self::standby(report, table, files));
    let groups =
        table.get("group").map_or_else(Groups::default, |value| self::groups(report, value));
    let radios = self::radios(report, table.get("radio"), &groups, files);
    table.finish(report);
    if !report.has_errors() {
        // Much of what looks odd now would follow from the errors.
        check(report, &receiving, &groups, &radios);
    }
    Some(Config {
        name: name.to_owned(),
        network: receiving,
        http,
        osc,
        standby,
        groups: groups.groups,
        radios: radios.into_iter().map(|(radio, _)| radio).collect(),
        start_look,
        end_look,
        safety,
    })
}
