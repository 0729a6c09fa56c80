//! `wristcast show info`.

use std::fmt::Write as _;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use wristcast_core::merge::SourceId;
use wristcast_core::show::info::{Info, SourceInfo, UniverseInfo, info};

use super::info_json;
use super::strip::{Palette, of_stdout, strip};
use crate::exit::Failure;
use crate::recorded::{self, ReadArgs, clock};
use crate::size::size;
use crate::utc;

/// Tell what is in a recorded show: how long, which universes, from whom, how fast, with which gaps.
///
/// Below the figures every universe has a strip of its colours over the whole time. A damaged file
/// is told as far as it can be read; the exit code is 1 then.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast show info show.pcapng
  wristcast show info show.fseq --channels sacn/101:510
  wristcast show info show.pcapng --json | jq .universes

Exit codes: 0 ok, 1 the show is damaged or none at all, 2 command line wrong")]
pub(super) struct Args {
    /// The recorded show.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print everything as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    read: ReadArgs,
}

pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let file = recorded::open(&args.file)?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let told = info(BufReader::new(file), &args.read.options())
        .map_err(|error| Failure::recording(&args.file, error))?;
    if args.json {
        writeln!(out, "{:#}", info_json::report(&told, bytes))?;
    } else {
        write!(out, "{}", text(&args.file, &told, bytes, of_stdout()))?;
        out.flush()?;
        recorded::warn(&args.file, &told.warnings);
    }
    match told.error {
        None => Ok(()),
        Some(error) => Err(Failure::recording(&args.file, error)),
    }
}

const UNIVERSES: [&str; 9] = [
    "UNIVERSE",
    "FRAMES",
    "RATE",
    "PEAK",
    "SLOTS",
    "HIGHEST",
    "CHANGES",
    "LONGEST SILENCE",
    "LOST",
];
const SOURCES: [&str; 7] =
    ["SOURCE", "PACKETS", "UNIVERSES", "PRIORITY", "MISSING", "OUT OF ORDER", "ADDRESS"];

fn text(path: &Path, info: &Info, bytes: u64, (palette, columns): (Palette, usize)) -> String {
    let mut text = String::new();
    let packed = if info.packed { ", packed with zstd" } else { "" };
    let _ = writeln!(text, "{}: {}{packed}, {}", path.display(), info.format, size(bytes));
    let _ = write!(text, "length   {}", clock(info.length));
    if let Some(epoch) = info.epoch_nanos {
        let _ = write!(text, " from {}", utc::text(epoch));
    }
    let _ = writeln!(text);
    let kinds: Vec<String> = info.kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };
    let _ = writeln!(text, "records  {}{kinds}", info.records);
    if info.peak.count > 0 {
        let _ = writeln!(text, "peak     {}/s at {}", info.peak.count, clock(info.peak.at));
    }
    if !info.universes.is_empty() {
        text.push('\n');
        push_table(&mut text, UNIVERSES, info.universes.iter().map(universe_row).collect());
        push_strips(&mut text, info, palette, columns);
    }
    if !info.sources.is_empty() {
        text.push('\n');
        push_table(&mut text, SOURCES, info.sources.iter().map(source_row).collect());
    }
    text
}

fn universe_row(universe: &UniverseInfo) -> [String; 9] {
    let rate = universe.rate_mhz();
    let (level, slot) = universe.level;
    let (silent_from, silence) = universe.longest_gap;
    [
        universe.universe.to_string(),
        universe.frames.to_string(),
        format!("{}.{}/s", rate / 1000, rate / 100 % 10),
        format!("{}/s at {}", universe.peak.count, clock(universe.peak.at)),
        universe.slots.to_string(),
        if level == 0 { "dark".to_owned() } else { format!("{level} in slot {slot}") },
        universe.changes.to_string(),
        format!("{:.1} s at {}", silence.as_secs_f64(), clock(silent_from)),
        if universe.gaps == 0 { "never".to_owned() } else { format!("{} times", universe.gaps) },
    ]
}

fn source_row(source: &SourceInfo) -> [String; 7] {
    let name = source.name.to_string();
    let id = match source.id {
        SourceId::Sacn(cid) => format!("sACN {cid}"),
        SourceId::ArtNet { ip, physical } => format!("Art-Net {ip} port {physical}"),
    };
    [
        if name.is_empty() { id } else { name },
        source.packets.to_string(),
        source.universes.to_string(),
        match source.priorities {
            None => "-".to_owned(),
            Some((low, high)) if low == high => low.to_string(),
            Some((low, high)) => format!("{low} to {high}"),
        },
        source.missing.to_string(),
        source.out_of_order.to_string(),
        source.address.to_string(),
    ]
}

/// Strips as wide as the terminal, under their common time.
fn push_strips(text: &mut String, info: &Info, palette: Palette, columns: usize) {
    let names: Vec<String> =
        info.universes.iter().map(|universe| universe.universe.to_string()).collect();
    let left = names.iter().map(String::len).max().unwrap_or(0) + 1;
    let width = columns.saturating_sub(left + 1).clamp(16, 256);
    let end = clock(info.length);
    let _ = writeln!(text, "\n{:left$}0:00{end:>room$}", "", room = width.saturating_sub(4));
    for (universe, name) in info.universes.iter().zip(names) {
        let line = format!("{name:left$}{}", strip(&universe.strip(width), palette));
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn push_table<const N: usize>(text: &mut String, head: [&str; N], rows: Vec<[String; N]>) {
    let mut table = vec![head.map(str::to_owned)];
    table.extend(rows);
    let widths: [usize; N] = std::array::from_fn(|column| {
        table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    for row in &table {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
