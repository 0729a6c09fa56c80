//! What makes a running relay read its show file again: a hang-up signal, or that the file changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use wristcast_core::steering::Actor;

use super::RunningShow;
use crate::exit::Failure;
use crate::show_file::{ShowFile, Texts};

/// How often the file is looked at. A change is taken once it has stayed the same for so long:
/// editors write in pieces, and some take the file away first.
const EVERY: Duration = Duration::from_millis(400);

/// Takes hang-ups until the show runs, and while it does.
#[derive(Debug)]
pub(crate) struct Hangups {
    pub(crate) sender: SyncSender<()>,
    receiver: Receiver<()>,
}

impl Hangups {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = sync_channel(1);
        Self { sender, receiver }
    }
}

/// Reads the show file again when it is time to, until it is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// Also woken by the end.
    end: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Begins, and looks at the file, too, if it is `watched`.
    pub(crate) fn begin(
        show: Arc<RunningShow>,
        hangups: Hangups,
        watched: bool,
    ) -> Result<Self, Failure> {
        let (end, ended) = sync_channel(1);
        let mut watch = watched.then(|| Watch::of(show.path()));
        let keep = move || {
            loop {
                if ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                if hangups.receiver.try_recv().is_ok() {
                    // What was found is told by the log.
                    let _ = show.reload(&by("SIGHUP"));
                    if let Some(watch) = &mut watch {
                        watch.is_known();
                    }
                }
                if watch.as_mut().is_some_and(Watch::has_changed) {
                    let _ = show.reload(&by("watch"));
                }
            }
        };
        let thread = std::thread::Builder::new().name("show-file".into()).spawn(keep);
        let thread = thread.map_err(|error| {
            Failure::cannot_start(format!("cannot watch the show file: {error}"))
        })?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn by(front: &'static str) -> Actor {
    Actor { name: "this machine".to_owned(), front, address: None }
}

/// Looks at a show file and the files beside it that it names.
#[derive(Debug)]
struct Watch {
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
    fn of(path: &Path) -> Self {
        let mut watch =
            Self { path: path.to_owned(), known: None, seen: Vec::new(), unsettled: false };
        watch.is_known();
        watch
    }

    /// What is in the files now is no change.
    fn is_known(&mut self) {
        self.known = texts(&self.path);
        self.seen = self.stamps();
        self.unsettled = false;
    }

    /// Whether there is another text than the known one, and nobody is writing it any more.
    fn has_changed(&mut self) -> bool {
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
