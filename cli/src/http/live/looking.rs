//! The thread that looks at the relay for those who watch, and puts what it sees into words: once for
//! all of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::sync::watch;
use wristcast_core::relay::RelayHandle;
use wristcast_core::universe::Universe;

use super::SLOW_TICK;
use super::frame::Frame;
use super::history::History;
use crate::background::stand_behind;

/// Time between two looks at the relay.
const TICK: Duration = Duration::from_millis(100);

/// The newest look, and the words for it.
#[derive(Debug, Default)]
pub(super) struct Newest {
    pub(super) frame: Arc<Frame>,
    /// By what is known already and by the universe that is looked at. No more than watchers.
    words: Mutex<BTreeMap<(u64, Option<Universe>), Bytes>>,
}

impl Newest {
    /// What is new to somebody who knows `told`: the same bytes for all who know that.
    pub(super) fn since(&self, told: &Frame, universe: Option<Universe>) -> Bytes {
        let known = told.number();
        let Some(universe) = universe else {
            return self.words(known, None, || self.frame.since(told));
        };
        self.words(known, Some(universe), || {
            let change = self.since(told, None);
            let change = std::str::from_utf8(&change).unwrap_or_default();
            self.frame.with_universe(change, told, universe)
        })
    }

    fn words(
        &self,
        known: u64,
        universe: Option<Universe>,
        find: impl FnOnce() -> String,
    ) -> Bytes {
        let lock = || self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) = lock().get(&(known, universe)) {
            return words.clone();
        }
        let words = Bytes::from(find());
        lock().insert((known, universe), words.clone());
        words
    }
}

/// The newest look, and who waits for the next.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Live {
    pub(super) newest: watch::Sender<Arc<Newest>>,
    watchers: Arc<AtomicUsize>,
    looks: Arc<OnceLock<Thread>>,
}

impl Live {
    /// Counts one more who watches, unless there are `most` already.
    pub(super) fn come(&self, most: usize) -> bool {
        let before = self.watchers.fetch_add(1, Ordering::Relaxed);
        if before >= most {
            self.leave();
            return false;
        }
        if let Some(looks) = self.looks.get() {
            looks.unpark();
        }
        true
    }

    /// Counts one less.
    pub(super) fn leave(&self) {
        self.watchers.fetch_sub(1, Ordering::Relaxed);
    }

    fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }
}

/// The thread that looks; dropping it ends it.
#[derive(Debug)]
pub(in crate::http) struct Looking {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Looking {
    pub(in crate::http) fn begin(live: Live, relay: RelayHandle) -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let looks = live.looks.clone();
        let look = move || {
            stand_behind();
            look(&live, &relay, &ends);
        };
        let thread = std::thread::Builder::new().name("http-look".into()).spawn(look)?;
        let _ = looks.set(thread.thread().clone());
        Ok(Self { over, thread: Some(thread) })
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Looks until it is over; without watchers only at the latencies, once a second.
fn look(live: &Live, relay: &RelayHandle, over: &AtomicBool) {
    let mut history = History::default();
    let (mut next, mut slow_due) = (Instant::now(), Instant::now());
    let mut slow_seen: Option<Instant> = None;
    while !over.load(Ordering::Relaxed) {
        let now = Instant::now();
        if now >= slow_due {
            slow_due = now + SLOW_TICK;
            history.note(relay);
        }
        if live.is_watched() && now >= next {
            let before = live.newest.borrow().frame.clone();
            let slow = slow_seen.is_none_or(|seen| now.duration_since(seen) >= SLOW_TICK);
            // A relay that has stopped, or is busy, is seen as it was.
            if let Ok(frame) = Frame::look(relay, &before, history.points(), slow) {
                slow_seen = if slow { Some(now) } else { slow_seen };
                let newest = Newest { frame: Arc::new(frame), ..Newest::default() };
                // In words before anybody asks: this thread has the time.
                newest.since(&before, None);
                live.newest.send_replace(Arc::new(newest));
            }
            // What takes longer than a tick is followed by a pause all the same.
            next = (now + TICK).max(Instant::now() + TICK / 4);
        }
        let due = if live.is_watched() { next.min(slow_due) } else { slow_due };
        std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_know_the_same_are_told_the_same_bytes() {
        let (newest, told) = (Newest::default(), Frame::default());
        let universe = "sacn/1".parse().ok();
        for universe in [None, universe] {
            let (one, other) = (newest.since(&told, universe), newest.since(&told, universe));
            assert_eq!(one.as_ptr(), other.as_ptr(), "not put into words again");
        }
    }

    #[test]
    fn no_more_watch_than_may() {
        let live = Live::default();
        assert!(live.come(2) && live.come(2));
        assert!(!live.come(2) && live.is_watched());
        live.leave();
        assert!(live.come(2), "one has left");
    }
}
