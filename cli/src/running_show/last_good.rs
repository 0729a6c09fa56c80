//! The last version of a show that ran: kept beside the system's other state, and used when the show
//! file is broken at a start.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::show_file::{ShowFile, Texts};
use crate::utc;

/// Where the last good version of one show file is kept.
#[derive(Debug)]
pub(crate) struct LastGood {
    show: PathBuf,
    file: PathBuf,
}

/// What is kept. The show's key for broadcast may be in it: nobody else may read the file.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// When it began to run, nanoseconds of Unix time.
    since_unix_ns: u64,
    #[serde(flatten)]
    texts: Texts,
}

impl LastGood {
    /// For the show file `show`, under the folder `state`.
    pub(crate) fn of(show: &Path, state: &Path) -> Self {
        let whole = std::path::absolute(show).unwrap_or_else(|_| show.to_owned());
        let mut file = state.join("last-good");
        // The whole path, so that shows of one name in two folders are two.
        file.extend(whole.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        }));
        file.as_mut_os_string().push(".json");
        Self { show: show.to_owned(), file }
    }

    /// Where it is kept.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Keeps these texts, whole or not at all.
    pub(crate) fn keep(&self, texts: &Texts) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since_unix_ns = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let kept = Kept { since_unix_ns, texts: texts.clone() };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &kept)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(&self.file).map_err(|error| error.error)?;
        Ok(())
    }

    /// The show that was kept, if there is one that still can run, and when that was, in words.
    pub(crate) fn read(&self) -> Option<(ShowFile, String)> {
        let kept: Kept = serde_json::from_slice(&fs::read(&self.file).ok()?).ok()?;
        let file = ShowFile::kept(&self.show, kept.texts);
        file.config.is_some().then(|| (file, utc::text(kept.since_unix_ns)))
    }
}

/// Where this user's programs keep what they must remember: what systemd says, `/var/lib` for root,
/// else the user's own.
pub(crate) fn state_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(given) = variable("STATE_DIRECTORY") {
        return std::env::split_paths(&given).next();
    }
    if is_root() {
        return Some(PathBuf::from("/var/lib/wristcast"));
    }
    if cfg!(target_os = "macos") {
        let home = PathBuf::from(variable("HOME")?);
        return Some(home.join("Library/Application Support/wristcast"));
    }
    let state = variable("XDG_STATE_HOME").or_else(|| variable("LOCALAPPDATA")).map(PathBuf::from);
    let home = || Some(PathBuf::from(variable("HOME")?).join(".local/state"));
    Some(state.or_else(home)?.join("wristcast"))
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_with_the_files_beside_it_and_is_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let good = LastGood::of(Path::new("/srv/show.toml"), folder.path());
        assert!(good.read().is_none());
        let show = "name = \"Kept\"\n[[group]]\nname = \"a\"\nuniverse = \"sacn/1\"\naddress = 1\n\
                    personality = \"rgb\"\n";
        let mut texts = Texts { show: show.to_owned(), ..Texts::default() };
        texts.beside.insert("my-band.toml".to_owned(), "text".to_owned());
        good.keep(&texts).unwrap();
        good.keep(&texts).unwrap();
        let (file, when) = good.read().unwrap();
        assert_eq!((file.config.unwrap().name.as_str(), &file.texts), ("Kept", &texts));
        assert!(when.ends_with("UTC"), "{when}");
        let other = LastGood::of(Path::new("/srv/other/show.toml"), folder.path());
        assert!(other.read().is_none());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(good.file()).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
        fs::write(good.file(), "{").unwrap();
        assert!(good.read().is_none());
    }
}
