//! The Bluetooth stack through btleplug, on a thread of its own: does what it is told, one
//! [`Command`] after another, and [reports](Report).
//!
//! It decides nothing and keeps no frame: a frame goes straight from the command into btleplug's
//! write, and that there is one at a time per band is the doing of the state machine above. Each
//! time the adapter is opened a new runtime is made, and thrown away with everything in it when
//! the adapter is lost: connections to bluetoothd, streams, half-done calls.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the thread and the way to it |
//! | `plan.rs` | what it must know of the show |
//! | `session.rs` | what there is between opening the adapter and losing it |
//! | `hearing.rs` | which of the devices that are heard are bands of the show |
//! | `adapter.rs` | the adapter |
//! | `socket.rs` | where frames of a connected band go |

mod adapter;
mod hearing;
mod plan;
mod session;
mod socket;

use std::io;
use std::sync::Arc;
use std::sync::mpsc as done;
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TryRecvError};

use super::command::{Command, Report};
use crate::radio::LaneWaker;
use session::{End, STOP_TIME_MAX, Session};

pub(super) use adapter::{CALL_TIME_MAX, open_adapter, within};
pub(super) use plan::Plan;

/// The thread and the way to it.
#[derive(Debug)]
pub(super) struct Bluetooth {
    commands: mpsc::Sender<Command>,
    reports: mpsc::Receiver<Report>,
    done: done::Receiver<()>,
}

/// The thread has ended.
#[derive(Debug)]
pub(super) struct Ended;

impl Bluetooth {
    /// Starts the thread. `waker` is woken with every report.
    pub(super) fn start(plan: Arc<Plan>, waker: LaneWaker) -> io::Result<Self> {
        // Per link at most a write, given up, and a disconnect; beside these what the adapter does.
        let capacity = 4 * plan.bands.len() + 8;
        let (commands, command_receiver) = mpsc::channel(capacity);
        let (report_sender, reports) = mpsc::channel(capacity);
        let (done_sender, done) = done::channel();
        let reporter = Reporter { reports: report_sender, waker };
        std::thread::Builder::new().name("wristcast-ble".to_owned()).spawn(move || {
            run(&plan, command_receiver, &reporter);
            drop(done_sender);
        })?;
        Ok(Self { commands, reports, done })
    }

    /// Hands over a command. Never blocks.
    pub(super) fn submit(&self, command: Command) -> Result<(), Ended> {
        self.commands.try_send(command).map_err(|_| Ended)
    }

    /// The next report.
    pub(super) fn poll_report(&mut self) -> Result<Option<Report>, Ended> {
        match self.reports.try_recv() {
            Ok(report) => Ok(Some(report)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Ended),
        }
    }

    /// Asks the thread to disconnect all bands and end.
    pub(super) fn request_stop(self) -> Stopping {
        let Self { commands, reports, done } = self;
        drop((commands, reports));
        Stopping { done }
    }
}

/// A thread that was asked to end.
#[derive(Debug)]
pub(super) struct Stopping {
    done: done::Receiver<()>,
}

impl Stopping {
    /// Waits for it; leaves it to itself if that takes too long.
    pub(super) fn wait(self) {
        let _ = self.done.recv_timeout(STOP_TIME_MAX + Duration::from_millis(500));
    }
}

/// The way back to the lane.
#[derive(Debug)]
struct Reporter {
    reports: mpsc::Sender<Report>,
    waker: LaneWaker,
}

impl Reporter {
    async fn report(&self, report: Report) {
        if !matches!(report, Report::Written(..)) {
            tracing::debug!(?report, "bluetooth");
        }
        // Nobody listens any more while the radio stops.
        let _ = self.reports.send(report).await;
        self.waker.wake();
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.waker.wake();
    }
}

fn run(plan: &Plan, mut commands: mpsc::Receiver<Command>, reporter: &Reporter) {
    while let Some(command) = commands.blocking_recv() {
        if command != Command::Open {
            continue; // meant for the session that was lost
        }
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "no runtime for Bluetooth");
                return;
            }
        };
        let end = runtime.block_on(async {
            let end = match Session::open(plan, reporter).await {
                Ok(session) => session.run(&mut commands).await,
                Err(trouble) => End::Lost(trouble),
            };
            if let End::Lost(trouble) = &end {
                reporter.report(Report::Lost(trouble.clone())).await;
            }
            end
        });
        if let End::Stop = end {
            return;
        }
    }
}
