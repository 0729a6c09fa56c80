//! How many files and sockets the relay may have open.

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;

/// Sockets, files and what wakes threads.
const LEAST: u64 = 64;

/// Clients that the API serves at a time.
const CLIENTS: u64 = 256;

/// The limit, and what is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// `None` = without limit.
    pub(super) limit: Option<u64>,
    /// Without clients of the API.
    pub(super) needed: u64,
}

/// `holders`: sockets that only keep memberships; `bands`: connections.
pub(super) fn collect(holders: usize, bands: usize) -> Facts {
    let needed = LEAST + holders as u64 + bands as u64;
    Facts { limit: getrlimit(Resource::Nofile).current, needed }
}

const MORE: &str = "`ulimit -n 4096` before the start; for a service `LimitNOFILE=4096`";

pub(super) fn judge(facts: &Facts) -> Finding {
    match facts.limit {
        Some(limit) if limit < facts.needed => Finding::fault(
            "open-files",
            format!("this user may have {limit} files open, and the show needs {}", facts.needed),
            MORE,
        ),
        Some(limit) if limit < facts.needed + CLIENTS => Finding::warning(
            "open-files",
            format!(
                "this user may have {limit} files open: enough for the show, not for a full house of \
                     clients of the API"
            ),
            MORE,
        ),
        Some(limit) => Finding::ok("open-files", format!("{limit} files may be open")),
        None => Finding::ok("open-files", "any number of files may be open"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_limit_below_what_is_needed_is_a_fault() {
        assert_eq!(judge(&Facts { limit: Some(50), needed: 64 }).verdict, Verdict::Fault);
        assert_eq!(judge(&Facts { limit: Some(256), needed: 64 }).verdict, Verdict::Warning);
        assert_eq!(judge(&Facts { limit: Some(1024), needed: 64 }).verdict, Verdict::Ok);
        assert_eq!(judge(&Facts { limit: None, needed: 64 }).verdict, Verdict::Ok);
        assert_eq!(collect(3, 7).needed, LEAST + 10);
    }
}
