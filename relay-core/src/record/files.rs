//! The files of a recording: one, or numbered ones of which the newest are kept.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Endings that a recording's name may have.
const ENDINGS: [&str; 2] = [".pcapng.zst", ".pcapng"];

/// Digits of a number, at least.
const DIGITS: usize = 4;

/// How the files are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Naming {
    folder: PathBuf,
    stem: String,
    ending: &'static str,
    numbered: bool,
}

impl Naming {
    /// `show.pcapng`, or if `numbered` `show-0001.pcapng` and so on. `None`: the name is of no
    /// format that is recorded.
    pub(super) fn new(path: &Path, numbered: bool) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let ending = ENDINGS.into_iter().find(|ending| name.ends_with(ending))?;
        let stem = name.strip_suffix(ending)?.to_owned();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Some(Self { folder, stem, ending, numbered })
    }

    /// Where the files are.
    pub(super) fn folder(&self) -> &Path {
        if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder }
    }

    /// Whether they are packed.
    pub(super) fn zstd(&self) -> bool {
        self.ending == ENDINGS[0]
    }

    /// The numbered files that are there, ascending.
    fn existing(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut files = Vec::new();
        for entry in self.folder().read_dir()? {
            let path = entry?.path();
            let number = path.file_name().and_then(|name| self.number(name.to_str()?));
            files.extend(number.map(|number| (number, path)));
        }
        files.sort_unstable();
        Ok(files)
    }

    fn number(&self, name: &str) -> Option<u64> {
        let number = name.strip_suffix(self.ending)?.strip_prefix(&self.stem)?.strip_prefix('-')?;
        let digits = number.len() >= DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| number.parse().ok())?
    }

    /// Creates the next file; numbers go on after those that are there, so only a single file can
    /// be in the way.
    pub(super) fn create(&self, overwrite: bool) -> io::Result<(PathBuf, File)> {
        let path = if self.numbered {
            let number = self.existing()?.last().map_or(1, |(last, _)| last + 1);
            self.folder.join(format!("{}-{number:0DIGITS$}{}", self.stem, self.ending))
        } else {
            self.folder.join(format!("{}{}", self.stem, self.ending))
        };
        let mut options = OpenOptions::new();
        options.write(true);
        if overwrite && !self.numbered {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let file = options.open(&path)?;
        // A power cut must not take the name with it. Not every system lets a folder be opened.
        if let Ok(folder) = File::open(self.folder()) {
            let _ = folder.sync_all();
        }
        Ok((path, file))
    }

    /// Deletes the oldest numbered files but for `keep`.
    pub(super) fn delete_old(&self, keep: usize) -> io::Result<()> {
        let existing = self.existing()?;
        let old = existing.len().saturating_sub(keep);
        existing[..old].iter().try_for_each(|(_, path)| std::fs::remove_file(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = folder
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn numbers_go_on_after_those_that_are_there_and_the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let naming = Naming::new(&folder.path().join("show.pcapng.zst"), true).unwrap();
        for other in ["show-0007.pcapng.zst", "show-0002.pcapng", "show-old.pcapng.zst"] {
            std::fs::write(folder.path().join(other), "").unwrap();
        }
        for _ in 0..3 {
            naming.create(false).unwrap();
        }
        naming.delete_old(2).unwrap();
        assert_eq!(
            names(folder.path()),
            [
                "show-0002.pcapng",
                "show-0009.pcapng.zst",
                "show-0010.pcapng.zst",
                "show-old.pcapng.zst"
            ]
        );
    }

    #[test]
    fn a_single_file_is_not_replaced_unless_told() {
        let folder = tempfile::tempdir().unwrap();
        let naming = Naming::new(&folder.path().join("show.pcapng"), false).unwrap();
        naming.create(false).unwrap();
        assert_eq!(naming.create(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        naming.create(true).unwrap();
        assert_eq!(names(folder.path()), ["show.pcapng"]);
    }

    #[test]
    fn only_names_of_what_is_recorded_are_taken() {
        assert!(Naming::new(Path::new("a.pcapng.zst"), false).unwrap().zstd());
        assert!(!Naming::new(Path::new("b/a.pcapng"), false).unwrap().zstd());
        for name in ["a.pcap", "a.zst", "a", ""] {
            assert_eq!(Naming::new(Path::new(name), false), None, "{name}");
        }
    }
}
