//! `wristcast show cut`.

use std::io::Write;
use std::path::PathBuf;

use wristcast_core::show::ReadOptions;
use wristcast_core::show::convert::Remap;

use super::convert::{Job, listed};
use super::target::TargetArgs;
use crate::exit::Failure;
use crate::recorded::{Moment, ReadArgs};
use crate::universes::UniverseList;

/// Cut a part out of a recorded show.
///
/// The part begins with what a receiver would hold at that moment, so that the light is right from
/// its first frame.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast show cut show.pcapng finale.pcapng --from 1:02:00 --to 1:05:30
  wristcast show cut show.pcapng first-minute.csv --to 60s --universe sacn/1,3

Exit codes: 0 ok, 1 the show is damaged or none at all, 2 command line wrong, 3 cannot write")]
pub(super) struct Args {
    /// The recorded show.
    #[arg(value_name = "FROM")]
    from_file: PathBuf,
    /// The file to write: .pcapng, .pcapng.zst, .show or .ola, .fseq, .csv.
    #[arg(value_name = "TO")]
    to_file: PathBuf,
    /// Where to begin, `1:23:45.5` or `90s`; at the beginning if left out.
    #[arg(long, value_name = "MOMENT", default_value = "0:00")]
    from: Moment,
    /// Where to end; at the end if left out.
    #[arg(long, value_name = "MOMENT")]
    to: Option<Moment>,
    /// Only these universes: `sacn/1..4`, `artnet/0/0/1`.
    #[arg(long, value_name = "UNIVERSES")]
    universe: Vec<UniverseList>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// Replace a file that is there already.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let to = args.to.map(|to| to.0);
    if to.is_some_and(|to| to <= args.from.0) {
        return Err(Failure::usage("--to must be later than --from"));
    }
    let target = args.target.target(&args.to_file)?;
    let remap = Remap { only: listed(&args.universe), ..Remap::default() };
    let read = ReadOptions { from: args.from.0, to, ..args.read.options() };
    let job = Job { from: &args.from_file, to: &args.to_file, force: args.force, target, remap };
    job.run(read, out)
}
