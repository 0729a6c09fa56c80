//! `wristcast check`: what is in a show file, and what is wrong with it.

use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{Value, json};
use wristcast_core::config::{Config, Diagnostic, PatchRow, Severity, patch_table};

use crate::exit::Failure;
use crate::show_file::ShowFile;

/// Check a show file and print its patch as a table.
///
/// Mistakes are told on stderr with file, line and column. The exit code is 1 if the show cannot
/// run; warnings alone leave it 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast check show.toml
  wristcast check show.toml --json | jq .errors")]
pub(crate) struct Args {
    /// The show file.
    #[arg(value_name = "SHOW.toml")]
    show: PathBuf,
    /// Print everything, mistakes too, as one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let file = ShowFile::read(&args.show)?;
    if args.json {
        writeln!(out, "{:#}", report(&file))?;
        return file.config.map(drop).ok_or(Failure::show_file(None));
    }
    let config = file.report()?;
    Ok(print(&config, out)?)
}

fn print(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    const HEAD: [&str; 6] = ["GROUP", "UNIVERSE", "SLOTS", "PERSONALITY", "IF LOST", "DELAY"];
    let rows = patch_table(config);
    let mut table = vec![HEAD.map(str::to_owned)];
    table.extend(rows.iter().map(cells));
    let widths: [usize; HEAD.len()] = std::array::from_fn(|column| {
        table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    for row in &table {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
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
    )
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
    let of = |severity| -> Vec<Value> {
        let of_severity = |one: &&Diagnostic| one.severity == severity;
        file.diagnostics.iter().filter(of_severity).map(diagnostic).collect()
    };
    json!({
        "ok": file.config.is_some(),
        "name": file.config.as_ref().map(|config| &config.name),
        "patch": file.config.as_ref().map(patch_table),
        "errors": of(Severity::Error),
        "warnings": of(Severity::Warning),
    })
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
