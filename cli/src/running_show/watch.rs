//! Whether a show file has changed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::show_file::{ShowFile, Texts};

/// How often the file is looked at. A change is taken once it has stayed the same for so long:
/// editors write in pieces, and some take the file away first.
pub(super) const EVERY: Duration = Duration::from_millis(400);

/// Looks at a show file and the files beside it that it names.
#[derive(Debug)]
pub(super) struct Watch {
    path: PathBuf,
    /// What was last taken or refused.
    known: Option<Texts>,
    /// How the files were when last looked at.
    seen: Vec<Stamp>,
    /// They were different then from what they had been before.
    unsettled: bool,
}

/// When a file was written and how long it is; `None`: it is not there.
type Stamp = (PathBuf, Option<(SystemTime, u64)>);

impl Watch {
    pub(super) fn of(path: &Path) -> Self {
        let mut watch =
            Self { path: path.to_owned(), known: None, seen: Vec::new(), unsettled: false };
        watch.is_known();
        watch
    }

    /// What is in the files now is no change.
    pub(super) fn is_known(&mut self) {
        self.known = texts(&self.path);
        self.seen = self.stamps();
        self.unsettled = false;
    }

    /// Whether there is another text than the known one, and nobody is writing it any more.
    pub(super) fn has_changed(&mut self) -> bool {
        let now = self.stamps();
        if now != self.seen {
            self.seen = now;
            self.unsettled = true;
            return false;
        }
        if !std::mem::take(&mut self.unsettled) {
            return false;
        }
        // A file that is not there is one that an editor is about to put there.
        let Some(texts) = texts(&self.path) else { return false };
        let before = self.known.replace(texts);
        self.seen = self.stamps();
        before != self.known
    }

    fn stamps(&self) -> Vec<Stamp> {
        let name = self.path.to_string_lossy();
        let inventory = wristcast_core::config::inventory_name(&name);
        let beside = self.known.iter().flat_map(|known| known.beside.keys().cloned());
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let beside = beside.chain([inventory]).map(|name| folder.join(name));
        let stamp = |path: PathBuf| {
            let found = std::fs::metadata(&path).ok();
            let stamp = found.and_then(|found| Some((found.modified().ok()?, found.len())));
            (path, stamp)
        };
        std::iter::once(self.path.clone()).chain(beside).map(stamp).collect()
    }
}

fn texts(path: &Path) -> Option<Texts> {
    ShowFile::read(path).ok().map(|file| file.texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(name: &str) -> String {
        format!("name = \"{name}\"\n")
    }

    #[test]
    fn a_change_is_taken_when_the_file_has_come_to_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("show.toml");
        std::fs::write(&path, show("one")).unwrap();
        let mut watch = Watch::of(&path);
        assert!(!watch.has_changed() && !watch.has_changed());

        std::fs::write(&path, "name = \"lon").unwrap();
        assert!(!watch.has_changed(), "somebody may be writing");
        std::fs::write(&path, show("longer")).unwrap();
        assert!(!watch.has_changed(), "somebody was writing");
        assert!(watch.has_changed());
        assert!(!watch.has_changed(), "once");

        // As editors do: another file takes the place of the first.
        std::fs::remove_file(&path).unwrap();
        assert!(!watch.has_changed() && !watch.has_changed(), "not there");
        std::fs::write(folder.path().join("new"), show("the third")).unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert!(!watch.has_changed() && watch.has_changed());

        std::fs::write(folder.path().join("show.bands.toml"), "# bands").unwrap();
        assert!(!watch.has_changed());
    }

    #[test]
    fn a_file_that_is_written_again_as_it_was_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("show.toml");
        std::fs::write(&path, show("one")).unwrap();
        let mut watch = Watch::of(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(!watch.has_changed());
        std::fs::write(&path, show("one")).unwrap();
        assert!(!watch.has_changed() && !watch.has_changed());
    }
}
