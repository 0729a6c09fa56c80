//! Where the relay writes: the folder of the show, which has tokens and the inventory, and the one it
//! is started in, which has the night's log and recordings unless told otherwise.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::finding::Finding;
use super::wanted::Wanted;

/// A recording ends when the disk has less (`--record-min-free`).
const RECORDING_BYTES: u64 = 1_000_000_000;

/// Both files of the night's log, full and kept once.
const LOG_BYTES: u64 = 64 << 20;

/// One folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) folder: PathBuf,
    /// What is written there.
    pub(super) what: &'static str,
    /// The show cannot start without.
    pub(super) needed: bool,
    pub(super) writable: bool,
    /// Bytes that are free for this user; `None` if the system does not tell.
    pub(super) free: Option<u64>,
}

pub(super) fn collect(wanted: &Wanted) -> Vec<Facts> {
    let facts = |folder: &Path, what, needed| Facts {
        writable: access(folder, Access::WRITE_OK).is_ok(),
        free: statvfs(folder).ok().map(|disk| disk.f_bavail * disk.f_frsize),
        folder: folder.to_owned(),
        what,
        needed,
    };
    // Tokens are written once.
    let tokens = wanted.tokens.as_deref().filter(|file| !file.exists());
    let needed = tokens.is_some_and(|file| file.parent() == Some(&wanted.folder));
    let mut found = vec![facts(&wanted.folder, "tokens and the inventory of the show", needed)];
    let here = Path::new(".");
    if wanted.folder.canonicalize().ok() != here.canonicalize().ok() {
        found.push(facts(here, "the night's log and recordings", false));
    }
    found
}

pub(super) fn judge(facts: &Facts) -> Finding {
    let folder = facts.folder.display();
    let finding = match (facts.writable, facts.free) {
        (false, _) => {
            let words = format!("{folder} cannot be written to: {}", facts.what);
            let remedy =
                format!("`sudo chown $USER {folder}`, or put the show into a folder of yours");
            if facts.needed {
                Finding::fault("disk", words, remedy)
            } else {
                Finding::warning("disk", words, remedy)
            }
        }
        (true, Some(free)) if free < LOG_BYTES => Finding::fault(
            "disk",
            format!("{folder} has {} MB left: not even the night's log fits", free / 1_000_000),
            "make room on the disk",
        ),
        (true, Some(free)) if free < RECORDING_BYTES => Finding::warning(
            "disk",
            format!("{folder} has {} MB left: a recording would not begin", free / 1_000_000),
            "make room on the disk, or give the recording another (`--record`)",
        ),
        (true, Some(free)) => Finding::ok(
            "disk",
            format!("{folder} can be written to, {} GB are free", free / 1_000_000_000),
        ),
        (true, None) => Finding::ok("disk", format!("{folder} can be written to")),
    };
    finding.about(folder.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn verdict(writable: bool, needed: bool, free: Option<u64>) -> Verdict {
        let folder = PathBuf::from("shows");
        judge(&Facts { folder, what: "the log", needed, writable, free }).verdict
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_a_fault_if_the_show_needs_it() {
        assert_eq!(verdict(true, true, Some(50_000_000_000)), Verdict::Ok);
        assert_eq!(verdict(false, true, None), Verdict::Fault);
        assert_eq!(verdict(false, false, None), Verdict::Warning);
    }

    #[test]
    fn a_full_disk_is_told_before_it_is_full() {
        assert_eq!(verdict(true, false, Some(500_000_000)), Verdict::Warning);
        assert_eq!(verdict(true, false, Some(1_000_000)), Verdict::Fault);
        assert_eq!(verdict(true, false, None), Verdict::Ok);
    }

    #[test]
    fn a_folder_of_ours_can_be_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let show = folder.path().join("show.toml");
        let found = collect(&Wanted::of(Some(&show), None));
        assert!(found[0].writable && found[0].free.is_some(), "{found:?}");
        assert_eq!(found.len(), 2);
    }
}
