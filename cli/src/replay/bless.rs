//! Recorded shows and what they are expected to give: folders with `show.toml`, one recording
//! called `input` and whatever its format is called, and `expected.trace`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wristcast_core::show::ReadOptions;
use wristcast_core::show::offline::{Replayed, replay};
use wristcast_core::trace;

use super::offline;
use crate::exit::Failure;
use crate::recorded;
use crate::show_file::ShowFile;

/// The trace that a recorded show is expected to give.
const EXPECTED: &str = "expected.trace";

/// Makes what each folder gives now the expected, and tells what changed.
pub(super) fn run(folders: &[PathBuf], out: &mut dyn Write) -> Result<(), Failure> {
    for folder in folders {
        let name = folder.display();
        let (found, replayed) = play(folder)?;
        let path = folder.join(EXPECTED);
        let looks = replayed.looks;
        match fs::read_to_string(&path) {
            Ok(expected) => match trace::compare(&expected, &found) {
                None => writeln!(out, "{name}: unchanged, {looks} looks")?,
                Some(difference) => {
                    replace(&path, &found)?;
                    writeln!(out, "{name}: changed, {looks} looks: {difference}")?;
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                replace(&path, &found)?;
                writeln!(out, "{name}: new, {looks} looks")?;
            }
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                return Err(Failure::cannot_start(message));
            }
        }
    }
    Ok(())
}

/// The trace that a folder gives now.
fn play(folder: &Path) -> Result<(String, Replayed), Failure> {
    let config = ShowFile::read(&folder.join("show.toml"))?.report()?;
    let recording = recording(folder)?;
    let mut trace = Vec::new();
    let replayed =
        replay(recorded::open(&recording)?, &ReadOptions::default(), &config, &mut trace)
            .map_err(|error| offline::failure(&recording, error))?;
    recorded::warn(&recording, &replayed.warnings);
    Ok((String::from_utf8_lossy(&trace).into_owned(), replayed))
}

/// The one file of a folder that is called `input`.
fn recording(folder: &Path) -> Result<PathBuf, Failure> {
    let files = fs::read_dir(folder).map_err(|error| {
        Failure::cannot_start(format!("cannot read {}: {error}", folder.display()))
    })?;
    let mut inputs = files
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| name_of(path).starts_with("input."));
    match (inputs.next(), inputs.next()) {
        (Some(input), None) => Ok(input),
        (None, _) => Err(Failure::recording(folder, "has no recording: name it `input.pcapng`")),
        (Some(_), Some(_)) => {
            Err(Failure::recording(folder, "has more than one file called `input`: keep one"))
        }
    }
}

/// Replaces a file at once: nobody sees half of it, whatever happens meanwhile.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let new = path.with_extension("trace.new");
    fs::write(&new, text).and_then(|()| fs::rename(&new, path)).map_err(|error| {
        let _ = fs::remove_file(&new);
        Failure::cannot_start(format!("cannot write {}: {error}", path.display()))
    })
}

fn name_of(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}
