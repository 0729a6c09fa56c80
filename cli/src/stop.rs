//! Asking a running command to stop: SIGINT, SIGTERM, SIGHUP, or the end of its time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Instant;

use crate::exit::Failure;

/// Waits for the signals that end a command.
#[derive(Debug)]
pub(crate) struct Stop {
    signals: Receiver<()>,
    asked: bool,
}

impl Stop {
    /// From now on the first signal asks the command to stop, the second ends the process at once
    /// with code 4: whatever was to be done at the end was not done. Once per process.
    pub(crate) fn on_signals() -> Result<Self, Failure> {
        let (sender, signals) = sync_channel(1);
        let asked = AtomicBool::new(false);
        ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::Relaxed) {
                std::process::exit(4);
            }
            let _ = sender.try_send(());
        })
        .map_err(|error| Failure::cannot_start(format!("cannot watch for signals: {error}")))?;
        Ok(Self { signals, asked: false })
    }

    /// Waits until `due`, or less if asked to stop; says whether to stop.
    pub(crate) fn wait_until(&mut self, due: Instant) -> bool {
        if !self.asked {
            let left = due.saturating_duration_since(Instant::now());
            self.asked = self.signals.recv_timeout(left) != Err(RecvTimeoutError::Timeout);
        }
        self.asked
    }
}
