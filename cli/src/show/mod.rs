//! `wristcast show`: looking at, converting and comparing recorded shows.

mod convert;
mod cut;
mod diff;
mod info;
mod info_json;
mod render;
mod strip;
mod target;

use std::io::Write;

use crate::exit::Failure;

/// Look at recorded shows, convert, compare and cut them.
///
/// Every command reads pcap, pcapng (also packed with zstd), OLA shows, FSEQ and CSV, and finds out
/// by itself which it is. Damaged files are read as far as they go.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast show info show.pcapng
  wristcast show convert show.pcapng show.fseq --step 25ms
  wristcast show cut show.pcapng finale.pcapng --from 1:02:00 --to 1:05:30
  wristcast show diff rehearsal.pcapng tonight.pcapng --time-tolerance 25ms
  wristcast show render show.pcapng --show show.toml -o crowd.png")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Info(info::Args),
    Convert(convert::Args),
    Cut(cut::Args),
    Diff(diff::Args),
    Render(render::Args),
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    match &args.command {
        Command::Info(args) => info::run(args, out),
        Command::Convert(args) => convert::run(args, out),
        Command::Cut(args) => cut::run(args, out),
        Command::Diff(args) => diff::run(args, out),
        Command::Render(args) => render::run(args, out),
    }
}
