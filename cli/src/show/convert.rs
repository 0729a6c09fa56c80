//! `wristcast show convert`, and the writing that `show cut` shares with it.

use std::io::Write;
use std::path::{Path, PathBuf};

use wristcast_core::show::convert::{ConvertError, ConvertOptions, Remap, Target, convert};
use wristcast_core::show::encode::Sender;
use wristcast_core::show::{ErrorKind, ReadOptions};
use wristcast_core::universe::Universe;

use super::target::TargetArgs;
use crate::exit::Failure;
use crate::output_file::{OutputFile, cannot_write};
use crate::recorded::{self, Protocol, ReadArgs};
use crate::universes::UniverseList;

/// Convert a recorded show to another format, which the new file's name says.
///
/// A capture that stays one keeps its datagrams. Everything else keeps the levels, at the target's
/// resolution; docs/recorded-shows.md says what each conversion loses. A damaged file is converted
/// as far as it can be read; the exit code is 1 then.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast show convert show.pcapng show.ola                 for ola_recorder
  wristcast show convert show.pcapng show.fseq --step 50ms    for the Falcon Player
  wristcast show convert old.ola new.pcapng --numbering artnet
  wristcast show convert show.pcapng show.csv --universe sacn/1..4
  wristcast show convert show.pcapng moved.pcapng --map sacn/1=artnet/0/0/1

Exit codes: 0 ok, 1 the show is damaged or none at all, 2 command line wrong, 3 cannot write")]
pub(super) struct Args {
    /// The recorded show.
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// The file to write: .pcapng, .pcapng.zst, .show or .ola, .fseq, .csv.
    #[arg(value_name = "TO")]
    to: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    remap: RemapArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// Replace a file that is there already.
    #[arg(long)]
    force: bool,
}

/// Which universes, and what they become.
#[derive(Debug, clap::Args)]
struct RemapArgs {
    /// Only these universes: `sacn/1..4`, `artnet/0/0/1`.
    #[arg(long, value_name = "UNIVERSES")]
    universe: Vec<UniverseList>,
    /// This universe becomes that one: `sacn/1=artnet/0/0/1`. May be given more than once.
    #[arg(long, value_name = "FROM=TO", value_parser = mapping)]
    map: Vec<(Universe, Universe)>,
    /// All others become the same number of this protocol.
    #[arg(long, value_name = "PROTOCOL")]
    protocol: Option<Protocol>,
}

fn mapping(text: &str) -> Result<(Universe, Universe), String> {
    let (from, to) = text.split_once('=').ok_or("expected `sacn/1=artnet/0/0/1`")?;
    let universe = |text: &str| text.parse::<Universe>().map_err(|error| error.to_string());
    Ok((universe(from)?, universe(to)?))
}

pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let target = args.target.target(&args.to)?;
    let remap = Remap {
        only: listed(&args.remap.universe),
        map: args.remap.map.clone(),
        protocol: args.remap.protocol.map(Into::into),
    };
    let job = Job { from: &args.from, to: &args.to, force: args.force, target, remap };
    job.run(args.read.options(), out)
}

/// The universes of all lists.
pub(super) fn listed(lists: &[UniverseList]) -> Vec<Universe> {
    lists.iter().flat_map(|list| list.0.iter().copied()).collect()
}

/// A file to be made from another.
pub(super) struct Job<'a> {
    pub(super) from: &'a Path,
    pub(super) to: &'a Path,
    pub(super) force: bool,
    pub(super) target: Target,
    pub(super) remap: Remap,
}

impl Job<'_> {
    /// Converts what `read` reads, and says what came of it.
    pub(super) fn run(self, read: ReadOptions, out: &mut dyn Write) -> Result<(), Failure> {
        let input = recorded::open(self.from)?;
        let mut output = OutputFile::create(self.to, self.force)?;
        let part = self.remap != Remap::default() || read.to.is_some() || read.from.as_nanos() > 0;
        let options = ConvertOptions {
            read,
            remap: self.remap,
            target: self.target,
            sender: Sender::default(),
        };
        let converted = convert(input, &mut output, &options).map_err(|error| match error {
            ConvertError::Read(error) => Failure::recording(self.from, error),
            ConvertError::Write(ErrorKind::Io(error)) => cannot_write(self.to, error),
            // The format has no way to say what was asked for.
            ConvertError::Write(kind) => {
                Failure::usage(format!("cannot write {}: {kind}", self.to.display()))
            }
        })?;
        recorded::warn(self.from, &converted.warnings);
        match &converted.error {
            Some(error) if converted.written == 0 => {
                return Err(Failure::recording(self.from, error));
            }
            None if converted.written == 0 && part => {
                let text = "has nothing of the part that was asked for; nothing was written";
                return Err(Failure::usage(format!("{} {text}", self.from.display())));
            }
            _ => {}
        }
        output.commit()?;
        let what = match self.target {
            Target::Pcapng { .. } => "datagrams",
            Target::Ola(_) | Target::Fseq { .. } | Target::Csv => "frames",
        };
        let length = recorded::clock(converted.length);
        writeln!(out, "{}: {} {what}, {length}", self.to.display(), converted.written)?;
        match converted.error {
            None => Ok(()),
            Some(error) => {
                let text = format!("{error}; {} holds those", self.to.display());
                Err(Failure::recording(self.from, text))
            }
        }
    }
}
