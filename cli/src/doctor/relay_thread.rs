//! A core and a real-time priority for the relay thread, if the show wants them.

use super::finding::Finding;
use super::wanted::Wanted;

/// What the show wants, and what the system would give this user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) priority: Option<u8>,
    pub(super) core: Option<usize>,
    /// `None`: not Linux, which alone has either.
    pub(super) system: Option<System>,
}

/// What Linux would give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct System {
    /// The highest real-time priority.
    pub(super) priority_max: u64,
    /// Cores that a program runs on if it asks for none.
    pub(super) cores: Vec<usize>,
    /// It gives the core that is asked for, also one that is kept free of programs that do not ask.
    pub(super) gives_core: bool,
}

pub(super) fn collect(wanted: &Wanted) -> Facts {
    Facts { priority: wanted.realtime_priority, core: wanted.core, system: system(wanted.core) }
}

#[cfg(target_os = "linux")]
fn system(core: Option<usize>) -> Option<System> {
    use rustix::process::{Resource, getrlimit};
    use rustix::thread::{
        CapabilitySet, CpuSet, capabilities, sched_getaffinity, sched_setaffinity,
    };

    let may_all = capabilities(None).is_ok_and(|of| of.effective.contains(CapabilitySet::SYS_NICE));
    let limit = getrlimit(Resource::Rtprio).current.unwrap_or(u64::MAX);
    let set = sched_getaffinity(None).ok()?;
    let mut only = CpuSet::new();
    core.filter(|&core| core < CpuSet::MAX_CPU).into_iter().for_each(|core| only.set(core));
    // Tried by a thread that does nothing else.
    let tried = std::thread::spawn(move || sched_setaffinity(None, &only).is_ok()).join();
    Some(System {
        priority_max: if may_all { u64::MAX } else { limit },
        cores: (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect(),
        gives_core: tried.unwrap_or(false),
    })
}

#[cfg(not(target_os = "linux"))]
fn system(_: Option<usize>) -> Option<System> {
    None
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(priority) = facts.priority {
        found.push(judge_priority(priority, facts.system.as_ref()));
    }
    if let Some(core) = facts.core {
        found.push(judge_core(core, facts.system.as_ref()));
    }
    found
}

fn judge_priority(priority: u8, system: Option<&System>) -> Finding {
    match system {
        None => nothing_here("thread-priority", "realtime_priority"),
        Some(system) if system.priority_max >= u64::from(priority) => Finding::ok(
            "thread-priority",
            format!("the relay thread may have real-time priority {priority}"),
        ),
        Some(_) => Finding::warning(
            "thread-priority",
            format!(
                "this user's relay gets no real-time priority {priority}; it would run without"
            ),
            format!(
                "`ulimit -r {priority}` before the start; for a service `LimitRTPRIO={priority}` and \
                 `RestrictRealtime=no`"
            ),
        ),
    }
}

fn judge_core(core: usize, system: Option<&System>) -> Finding {
    match system {
        None => nothing_here("thread-core", "core"),
        Some(system) if system.gives_core => {
            Finding::ok("thread-core", format!("the relay thread may have core {core}"))
        }
        Some(system) => {
            let cores: Vec<String> = system.cores.iter().map(usize::to_string).collect();
            Finding::warning(
                "thread-core",
                format!(
                    "there is no core {core} for the relay thread, only {}; it would run on any",
                    cores.join(", ")
                ),
                "name one of them in `network.core`",
            )
        }
    }
}

fn nothing_here(check: &'static str, key: &str) -> Finding {
    Finding::warning(
        check,
        format!("`network.{key}` does nothing on this system, only on Linux"),
        "leave it out",
    )
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use rustix::thread::CpuSet;

    use super::super::finding::Verdict;
    use super::*;

    fn verdicts(facts: &Facts) -> Vec<(&'static str, Verdict)> {
        judge(facts).iter().map(|finding| (finding.check, finding.verdict)).collect()
    }

    #[test]
    fn what_the_system_would_refuse_is_warned_of_and_nothing_is_said_of_what_no_show_wants() {
        let system = System { priority_max: 10, cores: vec![0, 1], gives_core: true };
        let facts = Facts { priority: Some(10), core: Some(1), system: Some(system) };
        assert_eq!(
            verdicts(&facts),
            [("thread-priority", Verdict::Ok), ("thread-core", Verdict::Ok)]
        );
        let refuses = System { priority_max: 9, gives_core: false, ..System::default() };
        let more = Facts { system: Some(refuses), ..facts.clone() };
        assert_eq!(
            verdicts(&more),
            [("thread-priority", Verdict::Warning), ("thread-core", Verdict::Warning)]
        );
        let elsewhere = Facts { system: None, ..facts.clone() };
        assert_eq!(
            verdicts(&elsewhere),
            [("thread-priority", Verdict::Warning), ("thread-core", Verdict::Warning)]
        );
        assert_eq!(verdicts(&Facts { priority: None, core: None, ..facts }), []);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_gives_a_core_that_is_there_and_no_other() {
        let first = system(None).expect("it tells").cores[0];
        assert!(system(Some(first)).expect("it tells").gives_core);
        assert!(!system(Some(CpuSet::MAX_CPU)).expect("it tells").gives_core);
    }
}
