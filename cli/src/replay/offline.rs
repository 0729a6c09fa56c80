//! A recording through the relay's engine, as fast as the machine can.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use wristcast_core::config::Config;
use wristcast_core::show::ReadOptions;
use wristcast_core::show::offline::{OfflineError, Replayed, replay};

use crate::exit::Failure;
use crate::recorded;

/// Written at once; a trace has some hundred bytes a look.
const TRACE_BUFFER_BYTES: usize = 1 << 18;

/// Replays `recording` and tells what it came to: on `out`, or on stderr if the trace is there.
pub(super) fn run(
    recording: &Path,
    options: &ReadOptions,
    config: &Config,
    trace: &Path,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let input = recorded::open(recording)?;
    let began = Instant::now();
    let to_stdout = trace.as_os_str() == "-";
    let replayed = if to_stdout {
        replay(input, options, config, buffered(io::stdout().lock()))
    } else {
        let file = File::create(trace).map_err(|error| {
            Failure::cannot_start(format!("cannot create {}: {error}", trace.display()))
        })?;
        replay(input, options, config, buffered(file))
    };
    let replayed = replayed.map_err(|error| failure(recording, error))?;
    recorded::warn(recording, &replayed.warnings);
    let summary = Summary { replayed: &replayed, took: began.elapsed() };
    if to_stdout {
        eprintln!("{summary}");
    } else {
        writeln!(out, "{summary}")?;
    }
    Ok(())
}

fn buffered<W: Write>(out: W) -> BufWriter<W> {
    BufWriter::with_capacity(TRACE_BUFFER_BYTES, out)
}

/// What the user is told of a recording that could not be replayed to its end.
pub(super) fn failure(recording: &Path, error: OfflineError) -> Failure {
    match error {
        OfflineError::Trace(error) => error.into(),
        OfflineError::Show(error) if error.records > 0 => Failure::recording(
            recording,
            format_args!("{error}; the trace ends with the last of them"),
        ),
        error => Failure::recording(recording, error),
    }
}

/// A replay in a few lines.
struct Summary<'a> {
    replayed: &'a Replayed,
    took: Duration,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Replayed { records, datagrams, looks, length, counters, .. } = self.replayed;
        let (length, took) = (Duration::from_nanos(length.as_nanos()), self.took.as_secs_f64());
        write!(f, "replayed {:.3} s in {took:.3} s", length.as_secs_f64())?;
        if took > 0.0 {
            write!(f, ", {:.0} times real time", length.as_secs_f64() / took)?;
        }
        write!(f, "\n{records} records, {datagrams} packets: {} accepted", counters.accepted)?;
        if counters.held > 0 {
            write!(f, ", {} held for synchronization", counters.held)?;
        }
        for (name, count) in counters.notes().chain(counters.left_out()) {
            if count > 0 {
                write!(f, ", {count} {name}")?;
            }
        }
        write!(f, "\n{looks} looks published")
    }
}
