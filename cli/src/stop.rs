//! Asking a running command to stop: SIGINT, SIGTERM, SIGHUP, or the end of its time. A command that
//! reads its files again at a SIGHUP does not stop at it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

use crate::exit::Failure;

/// Waits for the signals that end a command.
#[derive(Debug)]
pub(crate) struct Stop {
    signals: Receiver<()>,
    asker: Asker,
    asked: bool,
}

impl Stop {
    /// From now on the first signal asks the command to stop, the second ends the process at once
    /// with code 4: whatever was to be done at the end was not done. Once per process.
    pub(crate) fn on_signals() -> Result<Self, Failure> {
        Self::begin(None)
    }

    /// Likewise, but a SIGHUP is told to `hangups`, if it has room.
    pub(crate) fn but_hangups_to(hangups: SyncSender<()>) -> Result<Self, Failure> {
        Self::begin(Some(hangups))
    }

    fn begin(hangups: Option<SyncSender<()>>) -> Result<Self, Failure> {
        let (sender, signals) = sync_channel(1);
        let asked = AtomicBool::new(false);
        let asker = Asker { ask: sender, screen: Arc::default() };
        let on_signal = asker.clone();
        let stop = move || {
            if asked.swap(true, Ordering::Relaxed) {
                if on_signal.screen.load(Ordering::Relaxed) {
                    ratatui::restore();
                }
                std::process::exit(4);
            }
            on_signal.ask();
        };
        on_each(stop, hangups)
            .map_err(|error| Failure::cannot_start(format!("cannot watch for signals: {error}")))?;
        Ok(Self { signals, asker, asked: false })
    }

    /// The way for a key to ask what a signal asks.
    pub(crate) fn asker(&self) -> Asker {
        self.asker.clone()
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

/// Asks the command to stop.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    ask: SyncSender<()>,
    /// The terminal is not as the shell left it.
    screen: Arc<AtomicBool>,
}

/// The terminal is taken for pictures as long as this lives.
#[derive(Debug)]
pub(crate) struct ScreenTaken(Arc<AtomicBool>);

impl Asker {
    /// Asks, as the first signal does.
    pub(crate) fn ask(&self) {
        let _ = self.ask.try_send(());
    }

    /// From now on a process that ends at once gives the terminal back first.
    pub(crate) fn take_screen(&self) -> ScreenTaken {
        self.screen.store(true, Ordering::Relaxed);
        ScreenTaken(self.screen.clone())
    }
}

impl Drop for ScreenTaken {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(unix)]
fn on_each(stop: impl Fn() + Send + 'static, hangups: Option<SyncSender<()>>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let wait = move || {
        for signal in signals.forever() {
            match &hangups {
                Some(hangups) if signal == SIGHUP => drop(hangups.try_send(())),
                _ => stop(),
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
}

#[cfg(not(unix))]
fn on_each(stop: impl Fn() + Send + 'static, _hangups: Option<SyncSender<()>>) -> io::Result<()> {
    ctrlc::set_handler(stop).map_err(io::Error::other)
}
