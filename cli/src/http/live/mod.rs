//! What those who watch see, as it happens: one look at the relay ten times a second, shared by all
//! of them, and for each only what changed since it was last told.
//!
//! Nobody is waited for. A watcher that reads slowly is told the newest when it has read, and one
//! that does not read at all is sent away. Without watchers the relay is not asked at all but for its
//! latencies, once a second, so that the plot has a past.

mod frame;
mod history;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use wristcast_core::relay::{HandleError, RelayHandle};
use wristcast_core::universe::Universe;

use super::guard::Client;
use super::routes::{Api, failure};
pub(crate) use frame::BATTERY_LOW;
use frame::Frame;
use history::History;

/// Time between two looks at the relay.
const TICK: Duration = Duration::from_millis(100);

/// How often latencies are taken note of, and what changes slowly is looked at.
const SLOW_TICK: Duration = Duration::from_secs(1);

/// Watchers at the same time.
const WATCHERS_MAX: usize = 64;

/// A watcher that takes nothing for so long is sent away.
const STALLED: Duration = Duration::from_secs(10);

/// The newest look at the relay, and who watches.
#[derive(Clone)]
pub(super) struct Live {
    newest: watch::Sender<Arc<Frame>>,
    watchers: Arc<AtomicUsize>,
    came: Arc<Notify>,
}

impl Live {
    pub(super) fn new() -> Self {
        Self { newest: watch::Sender::default(), watchers: Arc::default(), came: Arc::default() }
    }

    /// Looks at the relay for as long as the runtime lives.
    pub(super) async fn look(self, relay: RelayHandle, questions: Arc<Semaphore>) {
        let mut history = History::default();
        let mut ticks = tokio::time::interval(TICK);
        // What takes longer than a tick is followed by a pause as long as a tick.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut slow_due = Instant::now();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.came.notified() => {}
            }
            let now = Instant::now();
            let slow = now >= slow_due;
            let watched = self.watchers.load(Ordering::Relaxed) > 0;
            if !watched && !slow {
                continue;
            }
            if slow {
                slow_due = now + SLOW_TICK;
                history.note(&relay);
            }
            if !watched {
                continue;
            }
            let before = self.newest.borrow().clone();
            let (relay, latencies) = (relay.clone(), history.points());
            let Ok(turn) = questions.acquire().await else { return };
            let frame =
                tokio::task::spawn_blocking(move || Frame::look(&relay, &before, latencies, slow));
            let frame = frame.await;
            drop(turn);
            // A relay that has stopped, or is busy, is seen as it was.
            if let Ok(Ok(frame)) = frame {
                self.newest.send_replace(Arc::new(frame));
            }
        }
    }
}

/// The live stream for a front end in the relay's own process.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    history: History,
    frame: Frame,
    universe: Option<Universe>,
    slow_due: Option<Instant>,
}

impl Teller {
    /// Looks at the relay, and says what is new since the last time as the stream does. `universe`
    /// is the one whose levels and sources are told, too.
    pub(crate) fn next(
        &mut self,
        relay: &RelayHandle,
        universe: Option<Universe>,
    ) -> Result<String, HandleError> {
        let now = Instant::now();
        let slow = self.slow_due.is_none_or(|due| now >= due);
        if slow {
            self.slow_due = Some(now + SLOW_TICK);
            self.history.note(relay);
        }
        let frame = Frame::look(relay, &self.frame, self.history.points(), slow)?;
        // Who looks at another universe begins anew, as with the stream.
        let same = std::mem::replace(&mut self.universe, universe) == universe;
        let text = if same {
            frame.since(&self.frame, universe)
        } else {
            frame.since(&Frame::default(), universe)
        };
        self.frame = frame;
        Ok(text)
    }
}

/// Counts a watcher for as long as it watches.
struct Watching {
    live: Live,
    client: Option<Client>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.live.watchers.fetch_sub(1, Ordering::Relaxed);
        if let Some(client) = &self.client {
            client.watches.store(false, Ordering::Relaxed);
        }
    }
}

/// Streams what changes: server-sent events.
pub(super) async fn live(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let universe = match query.as_deref() {
        None | Some("") => None,
        Some(query) => match query.strip_prefix("universe=").map(str::parse) {
            Some(Ok(universe)) => Some(universe),
            _ => {
                let valid = vec!["universe=sacn/1".to_owned()];
                let message = "expected no query or a universe".to_owned();
                return failure(StatusCode::BAD_REQUEST, message, valid);
            }
        },
    };
    let live = api.live.clone();
    if live.watchers.fetch_add(1, Ordering::Relaxed) >= WATCHERS_MAX {
        live.watchers.fetch_sub(1, Ordering::Relaxed);
        let message = format!("{WATCHERS_MAX} clients watch already");
        return failure(StatusCode::SERVICE_UNAVAILABLE, message, Vec::new());
    }
    let client = request.extensions().get::<Client>().cloned();
    if let Some(client) = &client {
        client.watches.store(true, Ordering::Relaxed);
    }
    let watching = Watching { live: live.clone(), client };
    // One message may wait while another is sent; newer ones replace what has not been put in words.
    let (sender, receiver) = mpsc::channel::<String>(1);
    let mut newest = live.newest.subscribe();
    live.came.notify_one();
    tokio::spawn(async move {
        let _watching = watching;
        let mut told = Arc::new(Frame::default());
        loop {
            // Says something now and then even if nothing changes, to notice who has left.
            let _ = tokio::time::timeout(STALLED, newest.changed()).await;
            let frame = newest.borrow_and_update().clone();
            let message = frame.since(&told, universe);
            told = frame;
            match tokio::time::timeout(STALLED, sender.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    });
    let messages = ReceiverStream::new(receiver).map(|text| Ok::<_, Infallible>(Bytes::from(text)));
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(messages)).into_response()
}
