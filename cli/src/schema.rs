//! `wristcast schema`: what a show file may say, for editors.

use std::io::Write;

use wristcast_core::config::Config;

use crate::exit::Failure;

/// Print the JSON Schema of the show file.
///
/// Editors that know TOML schemas complete and check a show file with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  wristcast schema > show.schema.json
  and as the first line of the show file:  #:schema ./show.schema.json")]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    Ok(writeln!(out, "{:#}", Config::schema())?)
}
