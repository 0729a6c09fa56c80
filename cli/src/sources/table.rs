//! The table: a line per source, then the universes that nobody patched.

use wristcast_core::snapshot::{NotPatchedState, SignalState, SourceState, UniverseState};
use wristcast_core::universe::Universe;

use super::fetch::Heard;

/// Longest text of a cell; what is longer is cut.
const CELL_MAX: usize = 40;

/// Universes that are told at most as missed on the network.
const MISSED_MAX: usize = 16;

const SOURCES: [&str; 10] = [
    "UNIVERSE",
    "SOURCE",
    "CONTRIBUTES",
    "PRIORITY",
    "RATE",
    "SEQ ERRORS",
    "LAST SEEN",
    "ADDRESS",
    "PROTOCOL",
    "IDENTITY",
];
const OTHERS: [&str; 5] = ["UNIVERSE", "LAST SENT BY", "PACKETS", "LAST SEEN", "ANNOUNCED BY"];

/// Whether lines are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Palette {
    Plain,
    Coloured,
}

/// A row and the colour of it: an SGR parameter, 0 = none.
struct Row<const N: usize> {
    cells: [String; N],
    colour: u8,
}

const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const FAINT: u8 = 2;
const BOLD: u8 = 1;

pub(super) fn lines(heard: &Heard, palette: Palette) -> Vec<String> {
    let rows: Vec<_> = heard.universes.iter().flat_map(universe_rows).collect();
    let mut lines = table(SOURCES, &rows, palette);
    let network = &heard.network;
    if !network.not_patched.is_empty() {
        let rows: Vec<_> = network.not_patched.iter().map(other_row).collect();
        lines.push(String::new());
        lines.push(format!("On the network, and patched by nobody: {}", network.not_patched_count));
        lines.extend(table(OTHERS, &rows, palette));
        let told = network.not_patched.len();
        let rest = (network.not_patched_count as usize).saturating_sub(told);
        if rest > 0 {
            lines.push(format!("and {rest} more"));
        }
    }
    let missed = missed(heard);
    if !missed.is_empty() {
        let names: Vec<String> = missed.iter().take(MISSED_MAX).map(ToString::to_string).collect();
        let rest = missed.len() - names.len();
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        lines.push(String::new());
        lines.push(format!("Patched, and announced by no source: {}{rest}", names.join(", ")));
    }
    lines
}

/// Universes without signal that no source announces. Where nobody announces anything that says
/// nothing.
fn missed(heard: &Heard) -> Vec<Universe> {
    if heard.network.announced.is_empty() {
        return Vec::new();
    }
    let dark = |universe: &&Universe| {
        let state = heard.universes.iter().find(|one| one.universe == **universe);
        state.is_none_or(|one| one.state != SignalState::Live)
    };
    heard.network.not_announced.iter().filter(dark).copied().collect()
}

fn universe_rows(universe: &UniverseState) -> Vec<Row<10>> {
    let name = universe.universe.to_string();
    if universe.sources.is_empty() {
        let mut cells = [const { String::new() }; 10];
        cells[0] = name;
        cells[2] = "- no source yet".to_owned();
        return vec![Row { cells, colour: FAINT }];
    }
    universe.sources.iter().map(|source| source_row(&name, source)).collect()
}

fn source_row(universe: &str, source: &SourceState) -> Row<10> {
    let (contributes, colour) = match &source.reason {
        None => ("yes".to_owned(), GREEN),
        Some(reason) => (format!("no: {}", why(reason, &source.protocol)), YELLOW),
    };
    let name = if source.name.is_empty() { "(no name told)" } else { &source.name };
    let cells = [
        universe.to_owned(),
        name.to_owned(),
        contributes,
        source.priority.map_or("-".to_owned(), |priority| priority.to_string()),
        format!("{:.1}/s", source.rate_hz),
        source.sequence_errors.to_string(),
        age(source.age_ms),
        source.address.clone(),
        source.protocol.clone(),
        identity(source).to_owned(),
    ];
    Row { cells, colour }
}

fn other_row(other: &NotPatchedState) -> Row<5> {
    let cells = [
        other.universe.to_string(),
        other.address.clone().unwrap_or_else(|| "-".to_owned()),
        other.packets.to_string(),
        other.age_ms.map_or("-".to_owned(), age),
        if other.announced_by.is_empty() { "-".to_owned() } else { other.announced_by.join(", ") },
    ];
    Row { cells, colour: 0 }
}

/// What makes a source the same one: its CID, or in Art-Net its IP address.
pub(super) fn identity(source: &SourceState) -> &str {
    let ip = source.address.rsplit_once(':').map_or(source.address.as_str(), |(ip, _)| ip);
    source.cid.as_deref().unwrap_or(ip)
}

/// Why a source does not contribute, in words.
pub(super) fn why<'a>(reason: &'a str, protocol: &str) -> &'a str {
    match reason {
        "lower_priority" => "another has a higher priority",
        "not_latest" => "another changed later (LTP)",
        "no_levels" => "has sent no levels yet",
        "sampling" => "still listening who is there",
        "preview" => "preview data",
        "source_limit" if protocol == "artnet" => "third source, Art-Net merges two",
        "source_limit" => "more sources than the limit",
        "not_allowed" => "not in the show's `allow`",
        "merge_cancelled" => "merging was cancelled (ArtAddress)",
        "timed_out" => "timed out",
        "terminated" => "it ended its stream",
        other => other,
    }
}

fn age(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        10_000..600_000 => format!("{} s", ms / 1000),
        _ => format!("{} min", ms / 60_000),
    }
}

/// As it may be printed: no control characters, not too long.
fn printable(text: &str) -> String {
    let clean = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    if text.chars().count() <= CELL_MAX {
        return text.chars().map(clean).collect();
    }
    text.chars().take(CELL_MAX - 1).map(clean).chain(['…']).collect()
}

fn table<const N: usize>(head: [&str; N], rows: &[Row<N>], palette: Palette) -> Vec<String> {
    let head = Row { cells: head.map(str::to_owned), colour: BOLD };
    let rows: Vec<_> = std::iter::once(&head)
        .chain(rows)
        .map(|row| (row.cells.each_ref().map(|cell| printable(cell)), row.colour))
        .collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|(cells, _)| cells[column].chars().count()).max().unwrap_or(0)
    });
    let line = |(cells, colour): &([String; N], u8)| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let line = line.trim_end();
        match palette {
            Palette::Coloured if *colour != 0 => format!("\x1b[{colour}m{line}\x1b[0m"),
            _ => line.to_owned(),
        }
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use wristcast_core::merge::Silence;

    use super::*;

    #[test]
    fn every_reason_of_the_relay_has_words() {
        for silence in [
            Silence::LowerPriority,
            Silence::NotLatest,
            Silence::NoLevels,
            Silence::Sampling,
            Silence::Preview,
            Silence::SourceLimit,
            Silence::NotAllowed,
            Silence::MergeCancelled,
            Silence::TimedOut,
            Silence::Terminated,
        ] {
            // Adding a reason must not be possible without adding it here.
            match silence {
                Silence::LowerPriority
                | Silence::NotLatest
                | Silence::NoLevels
                | Silence::Sampling
                | Silence::Preview
                | Silence::SourceLimit
                | Silence::NotAllowed
                | Silence::MergeCancelled
                | Silence::TimedOut
                | Silence::Terminated => {}
            }
            assert!(!why(silence.label(), "sacn").contains('_'), "{silence:?}");
        }
    }

    #[test]
    fn what_a_source_calls_itself_cannot_write_on_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb"), "a\u{FFFD}[2Jb");
        assert_eq!(printable(&"x".repeat(100)).chars().count(), CELL_MAX);
    }

    #[test]
    fn ages_are_short() {
        assert_eq!(
            [0, 999, 9_999, 10_000, 599_999].map(age),
            ["0.0 s", "0.9 s", "9.9 s", "10 s", "599 s"]
        );
        assert_eq!(age(3_600_000), "60 min");
    }
}
