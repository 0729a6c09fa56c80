//! The relay thread takes no lock. In the core a lock may be only where that thread never comes: in the
//! files named here, each with who takes it. A lock in any other file turns this red, whoever takes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What keeps one thread waiting for another.
const LOCKS: &[&str] =
    &["Barrier", "Condvar", "LazyLock", "Mutex", "OnceLock", "RwLock", "parking_lot"];

/// Files of the core with a lock, and who takes it. What of them the relay thread holds is said, too.
const ELSEWHERE: &[(&str, &str)] = &[
    ("radio/driver.rs", "a radio that waits for the one before it to end"),
    ("radio/telemetry.rs", "a radio's thread and the status: words about bands"),
    ("record/mod.rs", "the writer of a recording and the status; the tap is in record/tap.rs"),
    ("record/session.rs", "the writer of a recording and the control side: names and notes"),
    ("relay/handle.rs", "front ends among each other"),
    ("relay/log.rs", "the control side and front ends; the relay thread has a ring"),
    ("relay/mod.rs", "makes those of relay/handle.rs"),
    ("relay/standby/mod.rs", "the standby's thread and front ends; the relay thread has pulses"),
    ("standby/lease.rs", "radios that begin and the standby's thread; what a frame asks is atomic"),
    (
        "trace/live.rs",
        "the writer of a trace and a reload: names; its tap has a ring and a counter",
    ),
];

/// Files of the core without those of tests, by their path below `relay-core/src`.
fn sources(folder: &Path, below: &str, found: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let place = format!("{below}{name}");
        if path.is_dir() && name != "tests" {
            sources(&path, &format!("{place}/"), found);
        } else if name.ends_with(".rs") && !["tests.rs", "storm.rs"].contains(&name.as_str()) {
            found.insert(place, path);
        }
    }
}

/// The first lock that a file names outside comments and tests.
fn lock_in(path: &Path) -> Option<&'static str> {
    let text = fs::read_to_string(path).expect("a source");
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let words = lines.flat_map(|line| line.split(move |c| !is_name(c)));
    let mut locks = words.filter_map(|word| LOCKS.iter().find(|lock| **lock == word));
    locks.next().copied()
}

#[test]
fn a_lock_is_only_where_the_relay_thread_never_comes() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../relay-core/src");
    let mut files = BTreeMap::new();
    sources(&core, "", &mut files);
    for path in ["relay/thread.rs", "receive/mod.rs", "engine/mod.rs", "merge/mod.rs", "lane.rs"] {
        assert!(files.contains_key(path), "{path}, which is on the path, was not looked at");
    }
    let found: BTreeMap<_, _> =
        files.iter().filter_map(|(place, path)| Some((place.as_str(), lock_in(path)?))).collect();
    for (place, lock) in &found {
        let known = ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == place);
        assert!(
            known,
            "{place} has a {lock}. If the relay thread can come there, it must not; else name the file \
             here with who takes it"
        );
    }
    for (elsewhere, who) in ELSEWHERE {
        assert!(found.contains_key(elsewhere), "{elsewhere} has no lock any more ({who})");
    }
}
