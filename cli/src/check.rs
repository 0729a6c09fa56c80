//! `wristcast check`: what is in a show file or a band profile, and what is wrong with it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use wristcast_core::air::Budget;
use wristcast_core::config::{
    BroadcastConfig, Config, Diagnostic, PatchRow, RadioConfig, RadioKind, Severity, is_profile,
    patch_table, read_profile,
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
    /// Print nothing but what is wrong.
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let text = show_file::text(&args.file)?;
    if is_profile(&text) {
        return check_profile(args, &text, out);
    }
    let file = ShowFile::parse(&args.file, &text);
    if args.json {
        writeln!(out, "{:#}", report(&file))?;
        return file.config.map(drop).ok_or(Failure::show_file(None));
    }
    let config = file.report()?;
    if args.quiet {
        return Ok(());
    }
    Ok(print(&config, out)?)
}

fn check_profile(args: &Args, text: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let path = args.file.as_path();
    let name = path.file_stem().map_or("profile".into(), |stem| stem.to_string_lossy());
    let (profile, found) = match read_profile(&name, text, &path.display().to_string()) {
        Ok((profile, warnings)) => (Some(profile), warnings),
        Err(mistakes) => (None, mistakes),
    };
    if args.json {
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
    let profile = profile.ok_or(Failure::show_file(None))?;
    if args.quiet {
        return Ok(());
    }
    Ok(frames(&profile, out)?)
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
        if let RadioKind::Broadcast(broadcast) = &radio.kind {
            on_air(&radio.name, broadcast, config.groups.len(), out)?;
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
        // One frame is for all bands.
        RadioKind::Broadcast(_) => return None,
    };
    let bands = radio.kind.bands(groups);
    (bands > 0).then(|| (bands, panic_worst(bands, room, interval, write)))
}

/// What a broadcast can do at worst: every group changes at once.
fn on_air(
    name: &str,
    radio: &BroadcastConfig,
    groups: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let budget = Budget::of(radio, groups);
    let ms = |time: Option<Duration>| {
        time.map_or("never".to_owned(), |time| format!("in {} ms", time.as_millis()))
    };
    writeln!(
        out,
        "\n{name}: {} adverts on {}, {} in {} of {} ms; {:.0} % of a controller's time on the air",
        radio.way.word(),
        counted(radio.controllers.len(), "controller"),
        counted(budget.groups, "group"),
        counted(budget.frames, "frame"),
        budget.slot.as_millis(),
        budget.busy * 100.0,
    )?;
    writeln!(
        out,
        "  with {:.0} % of frames missed, if every group changes at once: 99 % of bands have it {}, \
         99.9 % {}; {:.2} % wait for a keyframe",
        radio.loss * 100.0,
        ms(budget.until_99),
        ms(budget.until_999),
        budget.left_to_keyframes * 100.0,
    )?;
    let lead = radio.lead.as_millis();
    if let Some(until) = budget.until_99.map(|until| until.as_millis())
        && (lead + 1..=BroadcastConfig::LEAD_MAX.as_millis()).contains(&until)
    {
        writeln!(
            out,
            "  a band that has it later than lead_ms = {lead} shows it later than the others; from \
             lead_ms = {until} on, 99 % show it together"
        )?;
    }
    if radio.key.is_none() {
        writeln!(out, "  no key: anyone near can drive these bands (wristcast keys new)")?;
    }
    Ok(())
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
        "on_air": file.config.as_ref().map(budgets),
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

fn budgets(config: &Config) -> Value {
    let budgets = config.radios.iter().filter_map(|radio| {
        let RadioKind::Broadcast(broadcast) = &radio.kind else { return None };
        let budget = Budget::of(broadcast, config.groups.len());
        let ms = |time: Option<Duration>| time.map(|time| time.as_millis() as u64);
        Some(json!({
            "radio": radio.name,
            "frames": budget.frames,
            "slot_ms": budget.slot.as_secs_f64() * 1000.0,
            "busy": budget.busy,
            "until_99_ms": ms(budget.until_99),
            "until_999_ms": ms(budget.until_999),
            "left_to_keyframes": budget.left_to_keyframes,
            "authenticated": broadcast.key.is_some(),
        }))
    });
    budgets.collect()
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
