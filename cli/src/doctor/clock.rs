//! The wall clock: the light does not go by it, the log and recordings do.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::finding::Finding;
use super::system::{self, Os};

/// 2026-01-01, before which this was not written.
const NOT_BEFORE: u64 = 1_767_225_600;

/// What is known of the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Seconds since 1970.
    pub(super) unix_seconds: u64,
    /// Whether a server keeps it right; `None` if nobody tells.
    pub(super) synchronised: Option<bool>,
}

pub(super) fn collect() -> Facts {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Facts { unix_seconds: since.as_secs(), synchronised: synchronised() }
}

fn synchronised() -> Option<bool> {
    if Os::here() == Os::Mac {
        // Needs no rights, unlike `systemsetup`; the file names the server that is asked.
        return Some(Path::new("/var/db/timed/com.apple.timed.plist").exists());
    }
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Some(true);
    }
    // It asks the kernel, whoever keeps the clock.
    let answer = system::ask("timedatectl", &["show", "--property=NTPSynchronized", "--value"])?;
    match answer.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

pub(super) fn judge(facts: &Facts) -> Finding {
    const SET: &str = "`sudo timedatectl set-ntp true` with a network that reaches a time server, or set it \
                       by hand; the light does not depend on it, the times in the log do";
    if facts.unix_seconds < NOT_BEFORE {
        return Finding::warning("clock", "the clock of this machine is years behind", SET);
    }
    match facts.synchronised {
        Some(true) => Finding::ok("clock", "the clock is kept right by a time server"),
        Some(false) => Finding::warning("clock", "no time server keeps the clock right", SET),
        None => Finding::ok(
            "clock",
            "the clock is plausible; nobody tells whether a time server keeps it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_nobody_keeps_or_that_is_years_behind_is_warned_of() {
        let judged =
            |unix_seconds, synchronised| judge(&Facts { unix_seconds, synchronised }).verdict;
        assert_eq!(judged(NOT_BEFORE + 1, Some(true)), Verdict::Ok);
        assert_eq!(judged(NOT_BEFORE + 1, None), Verdict::Ok);
        assert_eq!(judged(NOT_BEFORE + 1, Some(false)), Verdict::Warning);
        assert_eq!(judged(86_400, Some(true)), Verdict::Warning);
    }
}
