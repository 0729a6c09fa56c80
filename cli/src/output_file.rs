//! Writing a file so that nothing is lost: what was there stays until all of the new one is on the
//! disk, and an error leaves nothing behind.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::exit::Failure;

/// A file under a temporary name beside its place. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct OutputFile {
    file: BufWriter<NamedTempFile>,
    place: PathBuf,
    force: bool,
}

impl OutputFile {
    /// Begins a file for `place`; a file that is there already is only replaced by `force`.
    pub(crate) fn create(place: &Path, force: bool) -> Result<Self, Failure> {
        if !force && place.symlink_metadata().is_ok() {
            return Err(exists(place));
        }
        let folder = match place.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut name = tempfile::Builder::new();
        name.prefix(".wristcast-").suffix(".part");
        permissions(&mut name);
        let file = name.tempfile_in(folder).map_err(|error| cannot_write(place, error))?;
        let file = BufWriter::with_capacity(1 << 18, file);
        Ok(Self { file, place: place.to_owned(), force })
    }

    /// All is written: puts the file into its place.
    pub(crate) fn commit(self) -> Result<(), Failure> {
        let place = self.place;
        let file = self.file.into_inner().map_err(|error| cannot_write(&place, error.error()))?;
        file.as_file().sync_all().map_err(|error| cannot_write(&place, error))?;
        let moved = if self.force { file.persist(&place) } else { file.persist_noclobber(&place) };
        match moved {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&place)),
            Err(error) => Err(cannot_write(&place, error.error)),
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for OutputFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Those that the user's mask leaves, as for any other file; a temporary file would be private.
#[cfg(unix)]
fn permissions(name: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt as _;
    name.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn permissions(_: &mut tempfile::Builder<'_, '_>) {}

/// There is a file already.
pub(crate) fn exists(place: &Path) -> Failure {
    Failure::cannot_start(format!(
        "{} is there already; choose another name, or replace it with --force",
        place.display()
    ))
}

/// The system does not let the file be written.
pub(crate) fn cannot_write(place: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::cannot_start(format!("cannot write {}: {error}", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_in(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<std::fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        std::fs::read_dir(folder).unwrap().map(name).collect()
    }

    #[test]
    fn a_file_appears_when_it_is_whole_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a.csv");
        let mut output = OutputFile::create(&place, false).unwrap();
        output.write_all(b"whole").unwrap();
        assert!(!place.exists());
        output.commit().unwrap();
        assert_eq!(std::fs::read(&place).unwrap(), b"whole");
        assert_eq!(files_in(folder.path()), ["a.csv"]);
    }

    #[test]
    fn an_abandoned_file_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a.csv");
        std::fs::write(&place, "before").unwrap();
        assert!(OutputFile::create(&place, false).is_err());
        let mut output = OutputFile::create(&place, true).unwrap();
        output.write_all(b"half").unwrap();
        drop(output);
        assert_eq!(std::fs::read(&place).unwrap(), b"before");
        assert_eq!(files_in(folder.path()), ["a.csv"]);
    }

    #[test]
    fn a_file_that_came_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a.csv");
        let output = OutputFile::create(&place, false).unwrap();
        std::fs::write(&place, "of another").unwrap();
        assert_eq!(output.commit(), Err(exists(&place)));
        assert_eq!(std::fs::read(&place).unwrap(), b"of another");
        assert_eq!(files_in(folder.path()), ["a.csv"]);
    }
}
