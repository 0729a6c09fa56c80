//! `wristcast show diff`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use wristcast_core::show::diff::{Diff, Difference, Tolerance, diff};
use wristcast_core::universe::Universe;

use crate::duration;
use crate::exit::Failure;
use crate::recorded::{self, ReadArgs, clock};

/// Compare two recorded shows by their levels over time, whatever their formats.
///
/// Both are taken to begin with their first light, and times count from there. The exit code is 0 if
/// they are equal and 1 if not.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast show diff rehearsal.pcapng tonight.pcapng
  wristcast show diff show.pcapng show.fseq --time-tolerance 25ms
  wristcast show diff a.ola b.ola --level-tolerance 2 --json

Exit codes: 0 equal, 1 different, 2 command line wrong, 3 one of them is no show, or is damaged")]
pub(super) struct Args {
    /// One recorded show.
    #[arg(value_name = "A")]
    first: PathBuf,
    /// The other.
    #[arg(value_name = "B")]
    second: PathBuf,
    /// Levels may differ for as long as this; formats round times.
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = duration::parse)]
    time_tolerance: Duration,
    /// Levels may differ by as much as this.
    #[arg(long, value_name = "LEVELS", default_value_t = 0)]
    level_tolerance: u8,
    /// Differences to list, at most 1000; all are counted.
    #[arg(long, value_name = "N", default_value_t = 10)]
    list: usize,
    /// Print everything as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    read: ReadArgs,
}

pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let unreadable = |failure: Failure| failure.into_cannot_start();
    let paths = [&args.first, &args.second];
    let first = recorded::open(&args.first).map_err(unreadable)?;
    let second = recorded::open(&args.second).map_err(unreadable)?;
    let read = args.read.options();
    let tolerance = Tolerance { time: args.time_tolerance, level: args.level_tolerance };
    let compared = diff((first, &read), (second, &read), tolerance).map_err(|error| {
        // Which of the two it is, the error does not say: ask them one by one.
        let readable = recorded::open(&args.first)
            .ok()
            .and_then(|file| wristcast_core::show::ShowReader::new(file, &read).ok());
        let path = if readable.is_some() { &args.second } else { &args.first };
        unreadable(Failure::recording(path, error))
    })?;
    if args.json {
        writeln!(out, "{:#}", report(&compared, args.list))?;
    } else {
        for line in lines(&compared, paths.map(|path| path.display().to_string()), args.list) {
            writeln!(out, "{line}")?;
        }
    }
    for (error, path) in compared.errors.iter().zip(paths) {
        if let Some(error) = error {
            let text = format!("{error}; compared up to there");
            return Err(unreadable(Failure::recording(path, text)));
        }
    }
    if compared.is_equal() { Ok(()) } else { Err(Failure::show_file(None)) }
}

fn lines(diff: &Diff, names: [String; 2], list: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if diff.is_equal() {
        lines.push(format!("equal in levels for {}", clock(diff.lengths[0].max(diff.lengths[1]))));
    }
    for ((only, name), other) in diff.only.iter().zip(&names).zip(names.iter().rev()) {
        if !only.is_empty() {
            let universes: Vec<String> = only.iter().map(Universe::to_string).collect();
            lines.push(format!("in {name} and not in {other}: {}", universes.join(", ")));
        }
    }
    if diff.count > 0 {
        let noun = if diff.count == 1 { "difference" } else { "differences" };
        lines.push(format!("{} {noun} between {} (A) and {} (B)", diff.count, names[0], names[1]));
        let mut shown: Vec<&Difference> = diff.differences.iter().collect();
        shown.sort_by_key(|difference| (difference.from, difference.universe));
        lines.extend(shown.iter().take(list).map(|difference| line(difference)));
        let more = diff.count.saturating_sub(shown.len().min(list) as u64);
        if more > 0 {
            lines.push(format!("  and {more} more"));
        }
    }
    if diff.first_light[0] != diff.first_light[1] {
        let [first, second] = diff.first_light.map(clock);
        lines.push(format!("first light: {first} in A, {second} in B; times above count from it"));
    }
    if diff.lengths[0] != diff.lengths[1] {
        let [first, second] = diff.lengths.map(clock);
        lines.push(format!("length after first light: {first} in A, {second} in B"));
    }
    lines
}

fn line(difference: &Difference) -> String {
    let Difference { universe, from, to, worst: (slot, a, b), worst_at } = difference;
    format!(
        "  {} for {:.1} ms: {universe} slot {slot} is {a} in A and {b} in B (at {})",
        clock(*from),
        to.since(*from).as_secs_f64() * 1e3,
        clock(*worst_at)
    )
}

fn report(diff: &Diff, list: usize) -> Value {
    let difference = |one: &Difference| {
        json!({
            "universe": one.universe.to_string(),
            "from_ns": one.from.as_nanos(),
            "to_ns": one.to.as_nanos(),
            "worst": {
                "at_ns": one.worst_at.as_nanos(),
                "slot": one.worst.0,
                "a": one.worst.1,
                "b": one.worst.2,
            },
        })
    };
    let names = |only: &Vec<Universe>| only.iter().map(Universe::to_string).collect::<Vec<_>>();
    json!({
        "equal": diff.is_equal(),
        "count": diff.count,
        "differences": diff.differences.iter().take(list).map(difference).collect::<Vec<_>>(),
        "only_a": names(&diff.only[0]),
        "only_b": names(&diff.only[1]),
        "first_light_ns": diff.first_light.map(|at| at.as_nanos()),
        "length_ns": diff.lengths.map(|at| at.as_nanos()),
        "errors": diff.errors.iter().flatten().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
