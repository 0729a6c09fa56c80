//! `wristcast check`: what is in a show file or a band profile, and what is wrong with it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use wristcast_core::config::{
    Config, Diagnostic, PatchRow, RadioConfig, RadioKind, Severity, is_profile, patch_table,
    read_profile,
};
use wristcast_core::radio::panic_worst;

use crate::bands::frames;
use crate::exit::Failure;
use crate::show_file::{self, ShowFile};
use crate::table;

/// Check a show file and print its patch as a table; or check a band profile and print its frames.
///
/// Mistakes are told on stderr with file, line and column. The exit code is 1 if the show cannot
/// run; warnings alone leave it 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast check show.toml
  wristcast check my-band.toml
  wristcast check show.toml --json | jq .errors")]
pub(crate) struct Args {
    /// The show file, or a band profile.
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Print everything, mistakes too, as one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let text = show_file::text(&args.file)?;
    if is_profile(&text) {
        return check_profile(&args.file, &text, args.json, out);
    }
    let file = ShowFile::parse(&args.file, &text);
    if args.json {
        writeln!(out, "{:#}", report(&file))?;
        return file.config.map(drop).ok_or(Failure::show_file(None));
    }
    let config = file.report()?;
    Ok(print(&config, out)?)
}

fn check_profile(path: &Path, text: &str, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let name = path.file_stem().map_or("profile".into(), |stem| stem.to_string_lossy());
    let (profile, found) = match read_profile(&name, text, &path.display().to_string()) {
        Ok((profile, warnings)) => (Some(profile), warnings),
        Err(mistakes) => (None, mistakes),
    };
    if json {
        let report = json!({
            "ok": profile.is_some(),
            "name": name,
            "errors": of_severity(&found, Severity::Error),
            "warnings": of_severity(&found, Severity::Warning),
        });
        writeln!(out, "{report:#}")?;
        return profile.map(drop).ok_or(Failure::show_file(None));
    }
    show_file::tell(&found);
    Ok(frames(&profile.ok_or(Failure::show_file(None))?, out)?)
}

fn print(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    const HEAD: [&str; 6] = ["GROUP", "UNIVERSE", "SLOTS", "PERSONALITY", "IF LOST", "DELAY"];
    let rows = patch_table(config);
    table::print(out, HEAD, &rows.iter().map(cells).collect::<Vec<_>>())?;
    let mut universes: Vec<_> = rows.iter().map(|row| row.universe).collect();
    universes.sort_unstable();
    universes.dedup();
    let radios: Vec<&str> = config.radios.iter().map(|radio| radio.name.as_str()).collect();
    writeln!(
        out,
        "\n{}: {}, {}, {}",
        config.name,
        counted(config.groups.len(), "group"),
        counted(universes.len(), "universe"),
        match radios[..] {
            [] => "no radio".to_owned(),
            _ => format!("{} ({})", counted(radios.len(), "radio"), radios.join(", ")),
        }
    )?;
    for radio in &config.radios {
        if let Some((bands, worst)) = blackout(radio, config.groups.len()) {
            let (name, bands, worst) = (&radio.name, counted(bands, "band"), worst.as_millis());
            writeln!(out, "blackout on {name}: at worst {worst} ms for {bands}")?;
        }
    }
    Ok(())
}

/// A write, before any was measured: the connection interval of a radio with twenty links.
const WRITE: Duration = Duration::from_millis(50);
/// Writes that go out at the same time, at worst.
const AT_ONCE: usize = 2;

/// The bands of a radio, and how long a blackout takes on them if nothing is lost on the air. What
/// really is measured is in the status of the radio.
fn blackout(radio: &RadioConfig, groups: usize) -> Option<(usize, Duration)> {
    let (room, interval, write) = match &radio.kind {
        RadioKind::Simulated(simulated) => {
            (usize::MAX, Duration::ZERO, simulated.interval + simulated.latency)
        }
        RadioKind::Gatt(gatt) => {
            let interval = gatt.bands.iter().map(|band| band.profile.min_interval()).max();
            (AT_ONCE * gatt.adapters.len().max(1), interval.unwrap_or_default(), WRITE)
        }
    };
    let bands = radio.kind.bands(groups);
    (bands > 0).then(|| (bands, panic_worst(bands, room, interval, write)))
}

fn cells(row: &PatchRow) -> [String; 6] {
    [
        row.group.clone(),
        row.universe_on_console.clone(),
        row.slots.clone(),
        row.personality.clone(),
        row.loss.clone(),
        format!("{} ms", row.delay_ms),
    ]
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn report(file: &ShowFile) -> Value {
    json!({
        "ok": file.config.is_some(),
        "name": file.config.as_ref().map(|config| &config.name),
        "patch": file.config.as_ref().map(patch_table),
        "blackout_worst_ms": file.config.as_ref().map(blackouts),
        "errors": of_severity(&file.diagnostics, Severity::Error),
        "warnings": of_severity(&file.diagnostics, Severity::Warning),
    })
}

/// By radio.
fn blackouts(config: &Config) -> Value {
    let of = |radio: &RadioConfig| {
        let (_, worst) = blackout(radio, config.groups.len())?;
        Some((radio.name.clone(), json!(worst.as_millis() as u64)))
    };
    Value::Object(config.radios.iter().filter_map(of).collect())
}

fn of_severity(found: &[Diagnostic], severity: Severity) -> Vec<Value> {
    found.iter().filter(|one| one.severity == severity).map(diagnostic).collect()
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    json!({
        "message": diagnostic.message,
        "help": diagnostic.help,
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
    })
}
