//! `wristcast replay`: a recorded show again, on the network or through the relay.

mod bless;
mod offline;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wristcast_core::show::{Numbering, ReadOptions};
use wristcast_core::time::Time;

use crate::duration;
use crate::exit::Failure;
use crate::show_file::ShowFile;

/// Play a recorded show again.
///
/// With --show and --trace it goes straight through the relay's engine under the recording's own
/// clock, as fast as the machine can: the same file and the same show file give the same trace, byte
/// for byte, on every machine.
///
/// Recordings are pcap and pcapng (also packed with zstd), OLA shows, FSEQ and CSV.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast replay rehearsal.pcapng --show show.toml --trace looks.jsonl
  wristcast replay rehearsal.pcapng --show show.toml --trace - --from 10m --to 11m
  wristcast replay --bless show-files/recorded/*

Exit codes: 0 ok, 1 show file or recording wrong, 2 command line wrong, 3 could not start (files,
sockets)")]
pub(crate) struct Args {
    /// The recording.
    #[arg(value_name = "FILE", required_unless_present = "bless")]
    file: Option<PathBuf>,
    /// Relay the recording by this show file.
    #[arg(long, value_name = "SHOW.toml", required_unless_present = "bless")]
    show: Option<PathBuf>,
    /// Relay as fast as the machine can, and write one JSON line per published look to this file;
    /// `-` is stdout.
    #[arg(long, value_name = "OUT", requires = "show", required_unless_present = "bless")]
    trace: Option<PathBuf>,
    /// Write `expected.trace` of these folders anew, each with `show.toml` and the recording
    /// `input.pcapng` (or another format), and say what changed.
    #[arg(long, value_name = "FOLDER", num_args = 1..,
          conflicts_with_all = ["file", "show", "trace", "from", "to", "numbering"])]
    bless: Vec<PathBuf>,
    #[command(flatten)]
    part: Part,
}

/// How a recording is read, and which part of it.
#[derive(Debug, clap::Args)]
struct Part {
    /// Begin here, `90s`, `1.5h`: with the levels that were held at that time.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    from: Option<Duration>,
    /// End here; at the end of the recording if left out.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    to: Option<Duration>,
    /// What the bare universe numbers of OLA shows, FSEQ and CSV are.
    #[arg(long, value_name = "PROTOCOL", default_value = "sacn")]
    numbering: Protocol,
}

/// The protocols by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Protocol {
    /// sACN universes.
    Sacn,
    /// Art-Net port-addresses.
    Artnet,
}

impl From<Protocol> for Numbering {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Sacn => Self::Sacn,
            Protocol::Artnet => Self::ArtNet,
        }
    }
}

impl Part {
    fn options(&self) -> Result<ReadOptions, Failure> {
        let from = Time::ZERO + self.from.unwrap_or_default();
        let to = self.to.map(|to| Time::ZERO + to);
        if to.is_some_and(|to| to <= from) {
            return Err(Failure::usage("--to is not after --from: nothing would be played"));
        }
        Ok(ReadOptions { numbering: self.numbering.into(), channels: None, from, to })
    }
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    if let (Some(file), Some(show), Some(trace)) = (&args.file, &args.show, &args.trace) {
        let (options, config) = (args.part.options()?, ShowFile::read(show)?.report()?);
        return offline::run(file, &options, &config, trace, out);
    }
    bless::run(&args.bless, out)
}

fn open(recording: &Path) -> Result<File, Failure> {
    File::open(recording)
        .map_err(|error| Failure::recording(recording, format_args!("cannot be opened: {error}")))
}
