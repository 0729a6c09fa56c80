//! Asking the system, without ever needing root: files of `/proc` and `/sys`, and its own tools.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// A tool that does not answer within this is as good as not there.
const TOOL_TIME_MAX: Duration = Duration::from_secs(3);

/// Which system this is. Facts carry it, so that a judgement for one can be tested on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Os {
    Linux,
    Mac,
    Other,
}

impl Os {
    pub(super) fn here() -> Self {
        if cfg!(target_os = "linux") {
            Self::Linux
        } else if cfg!(target_vendor = "apple") {
            Self::Mac
        } else {
            Self::Other
        }
    }
}

/// The text of a small file, trimmed; `None` if it is not there or not for us.
pub(super) fn read(path: impl AsRef<Path>) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

/// A number in a small file.
pub(super) fn read_number<N: std::str::FromStr>(path: impl AsRef<Path>) -> Option<N> {
    read(path)?.parse().ok()
}

/// The names in a folder, sorted; none if it is not there.
pub(super) fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.filter_map(Result::ok).map(name).collect();
    names.sort();
    names
}

/// What a tool prints; `None` if it is not here, fails, or does not come to an end.
pub(super) fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().ok()?;
    let (sender, answer) = channel();
    // A tool that hangs keeps this thread; the process ends without it.
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = answer.recv_timeout(TOOL_TIME_MAX).ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program of this name runs, as far as `/proc` tells.
pub(super) fn runs(program: &str) -> bool {
    processes().any(|id| read(format!("/proc/{id}/comm")).as_deref() == Some(program))
}

/// The ids of the processes that `/proc` shows.
pub(super) fn processes() -> impl Iterator<Item = u32> {
    names("/proc").into_iter().filter_map(|name| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_not_here_or_fails_gives_no_answer() {
        assert_eq!(ask("no-such-tool-of-ours", &[]), None);
        assert_eq!(ask("false", &[]), None);
        assert_eq!(ask("echo", &["yes"]).as_deref(), Some("yes\n"));
        assert_eq!(read("/no/such/file"), None);
        assert_eq!(names("/no/such/folder"), [""; 0]);
    }
}
