//! What makes a running relay read its show file again: an order, a hang-up signal, or that the file
//! changed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, oneshot};
use wristcast_core::steering::Actor;

use super::watch::{EVERY, Watch};
use super::{Refusal, RunningShow};
use crate::exit::Failure;

/// Takes hang-ups until the show runs, and while it does.
#[derive(Debug)]
pub(crate) struct Hangups {
    pub(crate) sender: SyncSender<()>,
    receiver: Receiver<()>,
}

impl Hangups {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = sync_channel(1);
        Self { sender, receiver }
    }
}

/// Reads the show file again when it is time to or when asked, until it is dropped.
///
/// All reloads are done on its thread. What a reload begins, the threads of radios, inherits the place
/// of the thread that begins it, so that this one must not stand behind others as those of front ends
/// do.
#[derive(Debug)]
pub(crate) struct Keeper {
    wake: SyncSender<Wake>,
    thread: Option<JoinHandle<()>>,
}

/// What the keeper is woken for.
#[derive(Debug)]
enum Wake {
    Asked { by: Actor, check: bool, answer: oneshot::Sender<Reloaded> },
    End,
}

/// What changed, or would change, one sentence each; or why the file was refused.
pub(crate) type Reloaded = Result<Vec<String>, Refusal>;

impl Keeper {
    /// Begins, and looks at the file, too, if it is `watched`. Also gives the way to ask for a reload.
    pub(crate) fn begin(
        show: RunningShow,
        hangups: Hangups,
        watched: bool,
    ) -> Result<(Self, Reloads), Failure> {
        let (wake, woken) = sync_channel(1);
        let mut watch = watched.then(|| Watch::of(show.path()));
        let keep = move || {
            loop {
                let asked = match woken.recv_timeout(EVERY) {
                    Ok(Wake::Asked { by, check, answer }) => Some((by, check, answer)),
                    Ok(Wake::End) | Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => None,
                };
                let is_asked = asked.is_some();
                if let Some((by, check, answer)) = asked {
                    let reloaded = if check { show.preview() } else { show.reload(&by) };
                    // Who asked may have left; the events say what was found.
                    let _ = answer.send(reloaded);
                    if let (Some(watch), false) = (&mut watch, check) {
                        watch.is_known();
                    }
                }
                if hangups.receiver.try_recv().is_ok() {
                    // What was found is told by the log.
                    let _ = show.reload(&by("SIGHUP"));
                    if let Some(watch) = &mut watch {
                        watch.is_known();
                    }
                }
                if !is_asked && watch.as_mut().is_some_and(Watch::has_changed) {
                    let _ = show.reload(&by("watch"));
                }
            }
        };
        let thread = std::thread::Builder::new().name("show-file".into()).spawn(keep);
        let thread = thread.map_err(|error| {
            Failure::cannot_start(format!("cannot watch the show file: {error}"))
        })?;
        let reloads = Reloads { wake: wake.clone(), turn: Arc::new(Semaphore::new(1)) };
        Ok((Self { wake, thread: Some(thread) }, reloads))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // If it has gone, it needs no telling.
        let _ = self.wake.send(Wake::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The way to have the keeper read the show file again.
#[derive(Clone, Debug)]
pub(crate) struct Reloads {
    wake: SyncSender<Wake>,
    /// One at a time; the others wait where they are.
    turn: Arc<Semaphore>,
}

/// Why nobody read the show file again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoReload {
    /// Somebody else's is under way, who did not wait for it.
    Busy,
    /// The relay is about to stop.
    Stopping,
    /// It ended in a fault.
    Fault,
}

impl std::fmt::Display for NoReload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Busy => "another reload is under way; try again",
            Self::Stopping => "the relay stops: nothing is changed any more",
            Self::Fault => "the reload ended in a fault; see the log",
        })
    }
}

impl Reloads {
    /// Has the file read again, or only looked at if this is a `check`.
    pub(crate) async fn ask(&self, by: Actor, check: bool) -> Result<Reloaded, NoReload> {
        // Never closed.
        let _turn = self.turn.acquire().await;
        let (answer, answered) = oneshot::channel();
        match self.wake.try_send(Wake::Asked { by, check, answer }) {
            Ok(()) => answered.await.map_err(|_| NoReload::Fault),
            Err(TrySendError::Full(_)) => Err(NoReload::Busy),
            Err(TrySendError::Disconnected(_)) => Err(NoReload::Stopping),
        }
    }
}

fn by(front: &'static str) -> Actor {
    Actor { name: "this machine".to_owned(), front, address: None }
}
