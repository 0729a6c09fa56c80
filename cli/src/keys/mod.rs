//! `wristcast keys`: who may drive the bands of a broadcast.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wristcast_core::band::broadcast_key::KeyFile;

use crate::exit::Failure;

/// Make and change the keys of a broadcast show.
///
/// A key file holds the key in use and the next one. Give the bands both: the relay can then change
/// to the next in the middle of a show, and a key that got out is worth nothing from then on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast keys new show.key        beside the show file; then key = \"show.key\" in [[radio]]
  wristcast keys rotate show.key     the next key comes into use when the relay is started anew")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a new key file, readable by you alone.
    New {
        /// The file; it must not be there yet.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Put the next key into use, and make another to follow it.
    Rotate {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    match &args.what {
        What::New { file } => {
            let keys = KeyFile::generate().map_err(|error| failed(file, error))?;
            write_new(file, &keys.to_text()).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => failed(
                    file,
                    "is there already, and bands may have its keys; take another name, or \
                     `wristcast keys rotate`",
                ),
                _ => failed(file, error),
            })?;
            writeln!(out, "{}: two new keys; give both to the bands", file.display())?;
        }
        What::Rotate { file } => {
            let text = fs::read_to_string(file).map_err(|error| failed(file, error))?;
            let keys = KeyFile::parse(&text).map_err(|error| failed(file, error))?;
            let keys = keys.rotated().map_err(|error| failed(file, error))?;
            // Whole or not at all: a torn key file would keep the show from starting.
            let part = file.with_extension("key-part");
            let _ = fs::remove_file(&part);
            write_new(&part, &keys.to_text())
                .and_then(|()| fs::rename(&part, file))
                .map_err(|error| failed(file, error))?;
            writeln!(
                out,
                "{}: the next key is in use when the relay is started anew; give the bands the \
                 new next one",
                file.display()
            )?;
        }
    }
    Ok(())
}

fn failed(file: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::cannot_start(format!("{}: {why}", file.display()))
}

/// Writes a file that is not there, for its owner alone.
fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}
