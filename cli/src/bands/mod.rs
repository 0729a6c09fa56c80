//! `wristcast bands`: the wristbands themselves.

mod profiles;

use std::io::Write;

use clap::Subcommand;

use crate::exit::Failure;
pub(crate) use profiles::frames;

/// Wristbands: what kinds there are, which are near, which group each belongs to.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Profiles(profiles::Args),
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    match &args.command {
        Command::Profiles(args) => profiles::run(args, out),
    }
}
