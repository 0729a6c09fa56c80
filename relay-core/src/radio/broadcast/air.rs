//! The thread that keeps every controller of a radio on the newest frame.
//!
//! One task per controller. What is to be on the air lies in one place and is replaced there; a
//! controller that is ready takes what lies there then. One that is lost is opened again, with
//! bounded pauses, for ever. The lane never waits for it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as done;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::controller::{Controller, Setup};
use super::words::Trouble;
use crate::config::{BroadcastConfig, ControllerAddress};
use crate::radio::LaneWaker;

/// First pause before a controller is opened again; doubles up to [`PAUSE_MAX`], until it has worked
/// for that long.
const PAUSE_MIN: Duration = Duration::from_millis(250);

/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Ending all controllers, in parallel, after the last frames.
const SILENCE_TIME_MAX: Duration = Duration::from_millis(1_500);

/// Reports that wait for the lane; more say nothing new.
const REPORTS_MAX: usize = 256;

/// What the lane is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The controller works.
    Up(usize),
    /// It does not, for this reason.
    Down(usize, String),
}

/// What is on the air.
#[derive(Clone, Debug, Default)]
struct OnAir {
    /// Empty: nothing.
    data: Arc<[u8]>,
    stop: bool,
}

/// The thread, and the way to it.
#[derive(Debug)]
pub(super) struct Air {
    on_air: watch::Sender<OnAir>,
    reports: mpsc::Receiver<Report>,
    up: Arc<AtomicUsize>,
    done: done::Receiver<()>,
}

impl Air {
    /// Starts the thread. `waker` is woken with every report.
    pub(super) fn start(config: &BroadcastConfig, waker: LaneWaker) -> io::Result<Self> {
        let (on_air, watched) = watch::channel(OnAir::default());
        let (reporter, reports) = mpsc::channel(REPORTS_MAX);
        let (done_sender, done) = done::channel();
        let up = Arc::new(AtomicUsize::new(0));
        let config = config.clone();
        let shared = Shared { watched, slot: config.slot(), reporter, waker, up: Arc::clone(&up) };
        std::thread::Builder::new().name("wristcast-air".to_owned()).spawn(move || {
            run(&config, &shared);
            drop(done_sender);
        })?;
        Ok(Self { on_air, reports, up, done })
    }

    /// Replaces what is on the air, on every controller. Empty: with nothing.
    pub(super) fn put(&self, data: &[u8]) {
        self.on_air.send_replace(OnAir { data: data.into(), stop: false });
    }

    /// The next report.
    pub(super) fn poll_report(&mut self) -> Option<Report> {
        self.reports.try_recv().ok()
    }

    /// Controllers that work now.
    pub(super) fn up(&self) -> usize {
        self.up.load(Ordering::Acquire)
    }

    /// Sends the last frames, each for a slot, then silences every controller and ends the thread.
    pub(super) fn stop(self, last_frames: Vec<Vec<u8>>, slot: Duration) {
        if self.up() > 0 {
            for frame in last_frames {
                self.put(&frame);
                std::thread::sleep(slot);
            }
        }
        self.on_air.send_modify(|on_air| on_air.stop = true);
        let _ = self.done.recv_timeout(SILENCE_TIME_MAX + Duration::from_millis(500));
    }
}

/// What every task has of the lane.
#[derive(Clone)]
struct Shared {
    watched: watch::Receiver<OnAir>,
    /// Time in which every band in reach can hear what is on the air once.
    slot: Duration,
    reporter: mpsc::Sender<Report>,
    waker: LaneWaker,
    up: Arc<AtomicUsize>,
}

impl Shared {
    fn report(&self, report: Report) {
        tracing::debug!(?report, "broadcast");
        // Nobody listens any more while the radio stops.
        let _ = self.reporter.try_send(report);
        self.waker.wake();
    }
}

fn run(config: &BroadcastConfig, shared: &Shared) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime for the controllers");
            return;
        }
    };
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for (index, address) in config.controllers.iter().enumerate() {
            let setup =
                Setup { way: config.way, interval: config.interval, show_id: config.show_id };
            // Radios whose events fall together drown each other at seats between them.
            let stagger = config.slot() * index as u32 / config.controllers.len() as u32;
            let task = keep(index, address.clone(), setup, stagger, shared.clone());
            tasks.spawn(task);
        }
        while tasks.join_next().await.is_some() {}
    });
}

/// Keeps one controller on the newest frame until the radio stops.
async fn keep(
    index: usize,
    address: ControllerAddress,
    setup: Setup,
    stagger: Duration,
    mut shared: Shared,
) {
    let mut pause = PAUSE_MIN;
    while !shared.watched.borrow().stop {
        let trouble = match Controller::open(&address, &setup).await {
            Ok(controller) => {
                shared.up.fetch_add(1, Ordering::Release);
                shared.report(Report::Up(index));
                let since = Instant::now();
                sleep(stagger).await;
                let ended = serve(controller, &mut shared.watched, shared.slot).await;
                // One that takes every setting and then no frame is no better than one that is not
                // there.
                if since.elapsed() >= PAUSE_MAX {
                    pause = PAUSE_MIN;
                }
                shared.up.fetch_sub(1, Ordering::Release);
                match ended {
                    None => return,
                    Some(trouble) => trouble,
                }
            }
            Err(trouble) => trouble,
        };
        shared.report(Report::Down(index, trouble.to_string()));
        let stopped = shared.watched.wait_for(|on_air| on_air.stop);
        if timeout(pause, stopped).await.is_ok() {
            return;
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Until the controller is lost, or the radio stops: then it is silent, and this gives `None`.
async fn serve(
    mut controller: Controller,
    watched: &mut watch::Receiver<OnAir>,
    slot: Duration,
) -> Option<Trouble> {
    watched.mark_changed();
    let mut put: Option<Arc<[u8]>> = None;
    loop {
        tokio::select! {
            changed = watched.changed() => {
                let on_air = watched.borrow_and_update().clone();
                let is_put = put.as_ref().is_some_and(|put| Arc::ptr_eq(put, &on_air.data));
                if on_air.stop || changed.is_err() {
                    // On a machine without time for the last frames the end look is still owed.
                    if on_air.stop && !is_put && !on_air.data.is_empty() {
                        let last = timeout(SILENCE_TIME_MAX, controller.put(&on_air.data));
                        if matches!(last.await, Ok(Ok(()))) {
                            sleep(slot).await;
                        }
                    }
                    let silence = timeout(SILENCE_TIME_MAX, controller.silence());
                    if !matches!(silence.await, Ok(Ok(()))) {
                        tracing::warn!("a controller could not be silenced; unplug it");
                    }
                    return None;
                }
                let done = match on_air.data.is_empty() {
                    true => controller.pause().await,
                    false => controller.put(&on_air.data).await,
                };
                if let Err(trouble) = done {
                    return Some(trouble);
                }
                put = Some(on_air.data);
            }
            trouble = controller.listen() => return Some(trouble),
        }
    }
}
