//! What those who watch see, as it happens: one look at the relay ten times a second, shared by all
//! of them, and for each only what changed since it was last told.
//!
//! Nobody is waited for. A watcher that reads slowly is told the newest when it has read, and one
//! that does not read at all is sent away. Without watchers the relay is not asked at all but for its
//! latencies, once a second, so that the plot has a past.

mod frame;
mod history;
mod looking;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use wristcast_core::relay::{HandleError, RelayHandle};
use wristcast_core::universe::Universe;

use super::guard::Client;
use super::routes::{Api, failure};
pub(crate) use frame::BATTERY_LOW;
use frame::Frame;
use history::History;
pub(super) use looking::{Live, Looking};

/// How often latencies are taken note of, and what changes slowly is looked at.
const SLOW_TICK: Duration = Duration::from_secs(1);

/// Watchers at the same time.
const WATCHERS_MAX: usize = 64;

/// A watcher that takes nothing for so long is sent away.
const STALLED: Duration = Duration::from_secs(10);

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
        let before = std::mem::replace(&mut self.frame, frame);
        let told = if same { before } else { Frame::default() };
        let text = self.frame.since(&told);
        Ok(match universe {
            Some(universe) => self.frame.with_universe(&text, &told, universe),
            None => text,
        })
    }
}

/// Counts a watcher for as long as it watches.
struct Watching {
    live: Live,
    client: Option<Client>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.live.leave();
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
    if !live.come(WATCHERS_MAX) {
        let message = format!("{WATCHERS_MAX} clients watch already");
        return failure(StatusCode::SERVICE_UNAVAILABLE, message, Vec::new());
    }
    let client = request.extensions().get::<Client>().cloned();
    if let Some(client) = &client {
        client.watches.store(true, Ordering::Relaxed);
    }
    let watching = Watching { live: live.clone(), client };
    // One message may wait while another is sent; newer ones replace what has not been put in words.
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    let mut newest = live.newest.subscribe();
    tokio::spawn(async move {
        let _watching = watching;
        let mut told = Arc::<Frame>::default();
        loop {
            // Says something now and then even if nothing changes, to notice who has left.
            let _ = tokio::time::timeout(STALLED, newest.changed()).await;
            let frame = newest.borrow_and_update().clone();
            let message = frame.since(&told, universe);
            told = frame.frame.clone();
            drop(frame);
            match tokio::time::timeout(STALLED, sender.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    });
    let messages = ReceiverStream::new(receiver).map(Ok::<_, Infallible>);
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(messages)).into_response()
}
