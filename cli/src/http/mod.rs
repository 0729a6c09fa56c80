//! The API over HTTP: what a running relay is doing, to read, and orders for those with a token.
//!
//! It lives on its own thread with its own runtime and asks the relay through a
//! [`RelayHandle`], so that no client, however slow or hostile, can hold up a packet. Everything a
//! client may take is bounded: connections, headers, bodies, time. No body is read before the token
//! that comes with it is found good, and no other site's page may read the answers or give orders
//! (there are no CORS headers and no cookies); nor may it under a name of its own that it has mean this
//! relay.

mod control;
mod guard;
mod hosts;
mod live;
mod metrics;
mod openapi;
mod page;
mod places;
mod refusals;
mod routes;
mod tokens;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use wristcast_core::relay::RelayHandle;

use crate::background::stand_behind;
use crate::exit::Failure;
use crate::osc;
use crate::running_show::Reloads;
use crate::served::{Served, bind_failure, until_stopped};
pub(crate) use control::request;
use guard::Client;
use live::Looking;
pub(crate) use live::{BATTERY_LOW, Teller};
pub(crate) use openapi::document;
use places::Places;
pub(crate) use tokens::Tokens;

/// Time a client has to send the headers of a request, the first or the next.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);

/// Headers of one request.
const HEADERS_MAX: usize = 64;

/// Bytes of one request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// After this a connection ends with the answer under way; clients connect again.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);

/// Bytes that the system holds for a client that does not read; it takes up to twice as much.
const SEND_BUFFER: usize = 128 * 1024;

/// How often a connection is looked after.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Time a client has to take the last answer.
const LAST_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What a server gives beside what the relay tells.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    /// Whose orders are obeyed.
    pub(crate) tokens: Tokens,
    /// Names that the relay goes by, beside those of the machine.
    pub(crate) hosts: Vec<String>,
    /// The way to have the show file read again.
    pub(crate) reloads: Option<Reloads>,
    /// What comes in over OSC.
    pub(crate) osc: Option<Arc<osc::Counts>>,
}

/// Listens on `address` and answers for `relay`.
pub(crate) fn serve(
    address: SocketAddr,
    relay: RelayHandle,
    offer: Offer,
) -> Result<Served, Failure> {
    let listener = TcpListener::bind(address)
        .map_err(|error| bind_failure("serve HTTP", "tcp", address, &error))?;
    let failure =
        |error: io::Error| Failure::cannot_start(format!("cannot start the HTTP server: {error}"));
    listener.set_nonblocking(true).map_err(failure)?;
    let address = listener.local_addr().map_err(failure)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The relay answers one question at a time; more threads would only wait for it. Orders have
        // another one.
        .max_blocking_threads(2)
        .build()
        .map_err(failure)?;
    let (router, live) = routes::router(relay.clone(), offer);
    let looking = Looking::begin(live, relay).map_err(failure)?;
    let serve = move |stopped| {
        // With the threads that it makes for questions and orders.
        stand_behind();
        until_stopped(&runtime, accept(listener, router), stopped);
        drop(looking);
        // Open connections end here, with the tasks that serve them.
        runtime.shutdown_timeout(Duration::from_millis(100));
    };
    Served::begin("http", address, serve).map_err(failure)
}

async fn accept(listener: TcpListener, router: Router) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!("HTTP is off: {error}");
            return;
        }
    };
    let places = Places::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Who finds even the queue full is sent away: the stream is dropped.
                let Some(place) = places.queue(peer.ip()) else { continue };
                // Without a bound the system holds megabytes for each that does not read.
                let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
                let router = router.clone();
                tokio::spawn(async move {
                    let Some(place) = place.await else { return };
                    serve_client(stream, router, Client::new(peer.ip())).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, or a client that left already: not the end of the API.
                tracing::debug!("HTTP: cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve_client(stream: tokio::net::TcpStream, router: Router, client: Client) {
    let router = TowerToHyperService::new(router);
    let watcher = client.clone();
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(client.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let (born, mut watched) = (Instant::now(), false);
    loop {
        tokio::select! {
            // How a client's connection ends is the client's affair.
            _ = connection.as_mut() => return,
            () = tokio::time::sleep(LOOK_AFTER) => {}
        }
        let watches = watcher.is_watching();
        // Who watched and was sent away has not read for long: nobody waits for that any more.
        if std::mem::replace(&mut watched, watches) && !watches {
            return;
        }
        if !watches && born.elapsed() >= CONNECTION_LIFETIME {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(LAST_ANSWER_TIMEOUT, connection).await;
            return;
        }
    }
}
