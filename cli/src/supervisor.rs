//! What systemd is told of a running show: that it is ready, how it is, that it is alive and about to
//! stop (sd_notify). Started otherwise, nobody is told anything.

use std::time::{Duration, Instant};

use wristcast_core::snapshot::Status;

/// The service manager, if it started us.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// Time between two signs of life: half of what it waits for one.
    every: Option<Duration>,
    due: Instant,
    /// The line that `systemctl status` has of us.
    line: String,
}

impl Supervisor {
    /// Learns how often it wants a sign of life.
    pub(crate) fn find() -> Self {
        let every = manager::watchdog().map(|patience| patience / 2);
        Self { every, due: Instant::now(), line: String::new() }
    }

    /// Whether anybody listens.
    pub(crate) fn listens(&self) -> bool {
        manager::listens()
    }

    /// Light that comes in goes out from now on.
    pub(crate) fn ready(&mut self, status: &Status) {
        self.line = line(status);
        manager::tell_ready(&self.line);
    }

    /// How the show is; told if that is news.
    pub(crate) fn tell(&mut self, status: &Status) {
        let line = line(status);
        if line != self.line {
            manager::tell_status(&line);
            self.line = line;
        }
    }

    /// When it wants the next sign of life.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.every.map(|_| self.due)
    }

    /// The relay thread has just answered. Not to be called for anything less: a process whose
    /// relay thread hangs is to be killed and started again.
    pub(crate) fn alive(&mut self) {
        let Some(every) = self.every else { return };
        let now = Instant::now();
        if now >= self.due {
            self.due = now + every;
            manager::tell_alive();
        }
    }

    /// The bands are brought to the end look, then the process ends.
    pub(crate) fn stopping(&self) {
        manager::tell_stopping();
    }
}

/// The show and its faults. One line: a second one would be another word of the protocol.
fn line(status: &Status) -> String {
    let mut line = format!("relaying `{}`", status.show);
    for fault in &status.faults {
        line += "; ";
        line += fault;
    }
    line.replace(char::is_control, " ")
}

#[cfg(target_os = "linux")]
mod manager {
    use std::time::Duration;

    use sd_notify::NotifyState;

    pub(super) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }

    pub(super) fn listens() -> bool {
        std::env::var_os("NOTIFY_SOCKET").is_some()
    }

    pub(super) fn tell_status(status: &str) {
        tell(&[NotifyState::Status(status)]);
    }

    pub(super) fn tell_ready(status: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    pub(super) fn tell_alive() {
        tell(&[NotifyState::Watchdog]);
    }

    pub(super) fn tell_stopping() {
        tell(&[NotifyState::Stopping]);
    }

    fn tell(state: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(state) {
            tracing::warn!("the service manager cannot be told: {error}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod manager {
    use std::time::Duration;

    pub(super) fn watchdog() -> Option<Duration> {
        None
    }

    pub(super) fn listens() -> bool {
        false
    }

    pub(super) fn tell_status(_: &str) {}

    pub(super) fn tell_ready(_: &str) {}

    pub(super) fn tell_alive() {}

    pub(super) fn tell_stopping() {}
}
