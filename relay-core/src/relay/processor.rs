//! What the show asks of the system for the relay thread: a core of its own, a real-time priority.
//!
//! Light needs neither. What the system refuses is told with what to do, and the relay runs without.

use std::io;
use std::num::NonZero;

use super::log::EventLog;
use crate::config::Network;
use crate::receive::Clock;
use crate::snapshot::Severity;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) core: Option<usize>,
    pub(super) priority: Option<u8>,
    pub(super) busy_wait: bool,
}

/// What the relay thread runs without, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux refuses"))]
pub(super) enum Refusal {
    #[error(
        "the relay thread runs on any core: there is no core {core} for it, only {allowed}; change \
         `network.core`, then restart the relay"
    )]
    NoSuchCore {
        core: usize,
        /// `0, 1`.
        allowed: String,
    },
    #[error("the relay thread runs on any core: the system does not give it core {core}: {source}")]
    Core { core: usize, source: io::Error },
    #[error(
        "the relay thread runs without real-time priority {priority}: the system does not permit it; \
         `LimitRTPRIO={priority}` and `RestrictRealtime=no` in the service's unit, or \
         `ulimit -r {priority}` before the start, permits it; then restart the relay"
    )]
    NotPermitted { priority: u8 },
    #[error("the relay thread runs without real-time priority {priority}: {source}")]
    Priority { priority: u8, source: io::Error },
    #[error(
        "the relay thread runs without real-time priority {priority}: with `network.busy_wait` it would \
         never let go of the only core here; leave one of the two out"
    )]
    OnlyCore { priority: u8 },
    #[cfg(not(target_os = "linux"))]
    #[error("`{key}` does nothing on this system, only on Linux; leave it out")]
    NotHere { key: &'static str },
}

impl Wishes {
    pub(super) fn of(network: &Network) -> Self {
        Self {
            core: network.core,
            priority: network.realtime_priority,
            busy_wait: network.busy_wait,
        }
    }

    /// Asks for the calling thread, and tells the operator what came of it. Threads that it begins
    /// afterwards would have the same.
    pub(super) fn ask(self, clock: Clock, log: &EventLog) {
        // Before the thread is kept to one of them.
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let tell = |came: Result<String, Refusal>| {
            let now = clock.now();
            match came {
                Ok(text) => log.push(now, now, Severity::Info, text),
                Err(refusal) => log.push(now, now, Severity::Warning, refusal.to_string()),
            }
        };
        if let Some(core) = self.core {
            tell(system::pin(core).map(|()| format!("the relay thread runs on core {core}")));
        }
        if let Some(priority) = self.priority {
            tell(self.prefer(priority, cores));
        }
    }

    /// Asks for `priority` on a machine of `cores`.
    pub(super) fn prefer(self, priority: u8, cores: usize) -> Result<String, Refusal> {
        if self.busy_wait && cores == 1 {
            return Err(Refusal::OnlyCore { priority });
        }
        system::prefer(priority)?;
        Ok(format!("the relay thread has real-time priority {priority}"))
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use rustix::io::Errno;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use thread_priority::unix::{
        RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    use thread_priority::{Error, ThreadPriority, ThreadPriorityValue};

    use super::Refusal;

    /// Keeps the calling thread to `core`.
    pub(super) fn pin(core: usize) -> Result<(), Refusal> {
        let mut only = CpuSet::new();
        if core < CpuSet::MAX_CPU {
            only.set(core);
        }
        sched_setaffinity(None, &only).map_err(|error| match error {
            Errno::INVAL => Refusal::NoSuchCore { core, allowed: allowed() },
            other => Refusal::Core { core, source: other.into() },
        })
    }

    fn allowed() -> String {
        let set = sched_getaffinity(None).unwrap_or_default();
        let cores = (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core));
        cores.map(|core| core.to_string()).collect::<Vec<_>>().join(", ")
    }

    /// Lets the calling thread go before all usual ones, first in, first out.
    pub(super) fn prefer(priority: u8) -> Result<(), Refusal> {
        let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        let value = ThreadPriorityValue::try_from(priority).map_err(|words| Refusal::Priority {
            priority,
            source: io::Error::new(io::ErrorKind::InvalidInput, words),
        })?;
        let value = ThreadPriority::Crossplatform(value);
        set_thread_priority_and_policy(thread_native_id(), value, fifo).map_err(|error| match error
        {
            Error::OS(code) if code == Errno::PERM.raw_os_error() => {
                Refusal::NotPermitted { priority }
            }
            Error::OS(code) => {
                Refusal::Priority { priority, source: io::Error::from_raw_os_error(code) }
            }
            other => Refusal::Priority { priority, source: io::Error::other(other.to_string()) },
        })
    }
}

/// Apple's cores cannot be chosen, and its real-time policy is for work of a period that is told beforehand.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::Refusal;

    pub(super) fn pin(_: usize) -> Result<(), Refusal> {
        Err(Refusal::NotHere { key: "network.core" })
    }

    pub(super) fn prefer(_: u8) -> Result<(), Refusal> {
        Err(Refusal::NotHere { key: "network.realtime_priority" })
    }
}
