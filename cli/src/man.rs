//! `wristcast man`: the manual pages, for packages.

use std::io::Write;
use std::path::PathBuf;

use clap::CommandFactory;

use crate::exit::Failure;

/// Write the manual pages of every command into a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast man /usr/local/share/man/man1")]
pub(crate) struct Args {
    /// The folder; made if it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let failure = |error: std::io::Error| {
        Failure::cannot_start(format!("cannot write to {}: {error}", args.folder.display()))
    };
    std::fs::create_dir_all(&args.folder).map_err(failure)?;
    // Without the pages of `help`, which say again what the others say.
    let command = crate::Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, &args.folder).map_err(failure)?;
    Ok(writeln!(out, "{}", args.folder.display())?)
}
