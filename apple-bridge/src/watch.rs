//! The thread that tells the app's observer what happened, and keeps an eye on the clocks.
//!
//! Off the path: it asks the relay like any front end. An observer that takes its time delays
//! later events and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use wristcast_core::relay::RelayHandle;
use wristcast_core::snapshot::GapState;

use crate::awake::{Awake, continuous_ms};
use crate::snapshot::{Event, Gap};

/// How often it looks while somebody looks at the app.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// And while nobody does, to spare the battery.
const LOOK_SELDOM: Duration = Duration::from_secs(1);

/// How long a stop waits for an observer that is busy.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// Gaps in a snapshot.
const GAPS_SHOWN: u64 = 64;

/// The app, told what happens. Called from one thread of its own, never at the same time; no call
/// comes after [`stop`](crate::BridgeRelay::stop) has returned, unless one was under way for
/// longer than a second.
#[uniffi::export(with_foreign)]
pub trait RelayObserver: Send + Sync {
    /// Something happened.
    fn on_event(&self, event: Event);

    /// A source is heard again after a silence in which packets were missed.
    fn on_gap(&self, gap: Gap);
}

/// Who is told; kept from one relay to the next.
pub(crate) type Observer = Arc<Mutex<Option<Arc<dyn RelayObserver>>>>;

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread and the calls share.
#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    look_every_ms: AtomicU64,
    awake: Mutex<Awake>,
}

/// The thread of one running relay.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    thread: Thread,
    /// Disconnected when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

impl Watch {
    /// Starts to watch.
    pub(crate) fn start(handle: RelayHandle, observer: Observer) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            look_every_ms: AtomicU64::new(LOOK_EVERY.as_millis() as u64),
            awake: Mutex::new(Awake::new(handle.uptime_ms(), continuous_ms())),
        });
        let (alive, ended) = sync_channel(1);
        let watcher = Watcher {
            handle,
            observer,
            shared: Arc::clone(&shared),
            event: 0,
            gap: 0,
            _alive: alive,
        };
        let thread = thread::Builder::new()
            .name("wristcast-watch".to_owned())
            .spawn(move || watcher.run())?
            .thread()
            .clone();
        Ok(Self { shared, thread, ended: Mutex::new(ended) })
    }

    /// Whether somebody looks at the app.
    pub(crate) fn set_looked_at(&self, looked_at: bool) {
        let every = if looked_at { LOOK_EVERY } else { LOOK_SELDOM };
        self.shared.look_every_ms.store(every.as_millis() as u64, Ordering::Relaxed);
        self.thread.unpark();
    }

    /// The newest gaps.
    pub(crate) fn gaps(&self, handle: &RelayHandle) -> Vec<Gap> {
        let gaps = handle.gaps(0);
        let last = gaps.last().map_or(0, |gap| gap.number);
        let mut awake = lock(&self.shared.awake);
        awake.read(handle.uptime_ms(), continuous_ms());
        let shown = gaps.into_iter().filter(|gap| gap.number + GAPS_SHOWN > last);
        shown.map(|gap| placed(gap, &awake)).collect()
    }

    /// Tells what there still is to tell, and ends. To be called when the relay has stopped.
    pub(crate) fn stop(self) {
        self.request_stop();
        // The observer itself may be the one who stops the relay.
        if self.thread.id() != thread::current().id() {
            let _ = lock(&self.ended).recv_timeout(FAREWELL_MAX);
        }
    }

    fn request_stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// An app that lets go of a running relay has nobody left to wait for the farewell.
impl Drop for Watch {
    fn drop(&mut self) {
        self.request_stop();
    }
}

struct Watcher {
    handle: RelayHandle,
    observer: Observer,
    shared: Arc<Shared>,
    /// The last event and gap that were told.
    event: u64,
    gap: u64,
    _alive: SyncSender<()>,
}

impl Watcher {
    fn run(mut self) {
        loop {
            // Before the look: what happens until a stop is told.
            let stop = self.shared.stop.load(Ordering::Acquire);
            lock(&self.shared.awake).read(self.handle.uptime_ms(), continuous_ms());
            self.tell();
            if stop {
                return;
            }
            let every = self.shared.look_every_ms.load(Ordering::Relaxed);
            thread::park_timeout(Duration::from_millis(every));
        }
    }

    fn tell(&mut self) {
        for event in self.handle.events(self.event) {
            self.event = event.number;
            self.call(|observer| observer.on_event(event.into()));
        }
        for gap in self.handle.gaps(self.gap) {
            self.gap = gap.number;
            let gap = placed(gap, &lock(&self.shared.awake));
            self.call(|observer| observer.on_gap(gap));
        }
    }

    /// An observer that fails is told the next thing all the same.
    fn call(&self, tell: impl FnOnce(&dyn RelayObserver)) {
        let observer = lock(&self.observer).clone();
        if let Some(observer) = observer {
            let _ = catch_unwind(AssertUnwindSafe(|| tell(&*observer)));
        }
    }
}

/// A gap on the continuous clock.
fn placed(gap: GapState, awake: &Awake) -> Gap {
    let (start_ms, end_ms) = awake.silence(gap.start_uptime_ms, gap.end_uptime_ms);
    Gap {
        number: gap.number,
        universe: gap.universe.to_string(),
        source: gap.source,
        cid: gap.cid,
        address: gap.address,
        start_ms,
        end_ms,
        missed: gap.missed,
        exact: gap.exact,
    }
}
