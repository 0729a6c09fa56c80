//! What each address of the API answers.

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use wristcast_core::relay::{HandleError, RelayHandle};
use wristcast_core::universe::Universe;

use super::openapi;

/// The addresses, as the document and the router both write them.
pub(super) mod path {
    pub(crate) const STATUS: &str = "/api/v1/status";
    pub(crate) const UNIVERSES: &str = "/api/v1/universes";
    pub(crate) const UNIVERSE_SACN: &str = "/api/v1/universes/sacn/{universe}";
    pub(crate) const UNIVERSE_ARTNET: &str = "/api/v1/universes/artnet/{port_address}";
    pub(crate) const UNIVERSE_ARTNET_PARTS: &str =
        "/api/v1/universes/artnet/{net}/{sub_net}/{universe}";
    pub(crate) const NETWORK: &str = "/api/v1/network";
    pub(crate) const GROUPS: &str = "/api/v1/groups";
    pub(crate) const RADIOS: &str = "/api/v1/radios";
    pub(crate) const BANDS: &str = "/api/v1/bands";
    pub(crate) const EVENTS: &str = "/api/v1/events";
    pub(crate) const OPENAPI: &str = "/api/v1/openapi.json";

    /// All of them, for whoever asks for something else.
    pub(crate) const ALL: [&str; 11] = [
        STATUS,
        UNIVERSES,
        UNIVERSE_SACN,
        UNIVERSE_ARTNET,
        UNIVERSE_ARTNET_PARTS,
        NETWORK,
        GROUPS,
        RADIOS,
        BANDS,
        EVENTS,
        OPENAPI,
    ];
}

/// Why there is no answer.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(super) struct Error {
    /// In plain words.
    pub(super) error: String,
    /// What could have been asked for instead.
    pub(super) valid: Vec<String>,
}

pub(super) fn router(relay: RelayHandle) -> Router {
    Router::new()
        .route(path::STATUS, get(|relay| ask(relay, |relay| Ok(relay.status()))))
        .route(path::UNIVERSES, get(|relay| ask(relay, RelayHandle::universes)))
        .route(path::UNIVERSE_SACN, get(sacn_universe))
        .route(path::UNIVERSE_ARTNET, get(artnet_universe))
        .route(path::UNIVERSE_ARTNET_PARTS, get(artnet_universe_parts))
        .route(path::NETWORK, get(|relay| ask(relay, RelayHandle::network)))
        .route(path::GROUPS, get(|relay| ask(relay, RelayHandle::groups)))
        .route(path::RADIOS, get(|relay| ask(relay, |relay| Ok(relay.radios()))))
        .route(path::BANDS, get(|relay| ask(relay, |relay| Ok(relay.bands()))))
        .route(path::EVENTS, get(events))
        .route(path::OPENAPI, get(async || json(StatusCode::OK, &openapi::document())))
        .fallback(unknown)
        .layer(middleware::from_fn(only_reading))
        .with_state(relay)
}

/// Refuses every request that could change something, from whatever site it comes, and says of
/// every answer that it is for now and is what it says it is.
async fn only_reading(request: Request, next: Next) -> Response {
    let mut response = match *request.method() {
        Method::GET | Method::HEAD => next.run(request).await,
        _ => {
            let message = "this API is for reading: use GET".to_owned();
            let mut refusal = failure(StatusCode::METHOD_NOT_ALLOWED, message, Vec::new());
            refusal
                .headers_mut()
                .insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
            refusal
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    response
}

async fn sacn_universe(relay: State<RelayHandle>, Path(number): Path<String>) -> Response {
    universe(relay, format!("sacn/{number}")).await
}

async fn artnet_universe(relay: State<RelayHandle>, Path(address): Path<String>) -> Response {
    universe(relay, format!("artnet/{address}")).await
}

async fn artnet_universe_parts(
    relay: State<RelayHandle>,
    Path((net, sub_net, universe_in_sub_net)): Path<(String, String, String)>,
) -> Response {
    universe(relay, format!("artnet/{net}/{sub_net}/{universe_in_sub_net}")).await
}

async fn universe(State(relay): State<RelayHandle>, name: String) -> Response {
    let wanted = match name.parse::<Universe>() {
        Ok(wanted) => wanted,
        Err(error) => return failure(StatusCode::NOT_FOUND, error.to_string(), Vec::new()),
    };
    on_relay(relay, move |relay| match relay.universe(wanted)? {
        Some(state) => Ok(json(StatusCode::OK, &state)),
        None => {
            let patched = relay.universes()?.iter().map(|one| one.universe.to_string()).collect();
            let message = format!("universe {wanted} is not patched in this show");
            Ok(failure(StatusCode::NOT_FOUND, message, patched))
        }
    })
    .await
}

async fn events(relay: State<RelayHandle>, RawQuery(query): RawQuery) -> Response {
    let after = match query.as_deref().map(|query| query.strip_prefix("after=")) {
        None => Some(0),
        Some(number) => number.and_then(|number| number.parse().ok()),
    };
    match after {
        Some(after) => ask(relay, move |relay| Ok(relay.events(after))).await,
        None => failure(
            StatusCode::BAD_REQUEST,
            "expected no query or the number of an event".to_owned(),
            vec!["after=17".to_owned()],
        ),
    }
}

async fn unknown(uri: Uri) -> Response {
    let valid = path::ALL.map(str::to_owned).to_vec();
    failure(StatusCode::NOT_FOUND, format!("there is no `{}` here", uri.path()), valid)
}

/// Answers with what the relay says to `question`.
async fn ask<T: Serialize>(
    State(relay): State<RelayHandle>,
    question: impl FnOnce(&RelayHandle) -> Result<T, HandleError> + Send + 'static,
) -> Response {
    on_relay(relay, |relay| Ok(json(StatusCode::OK, &question(relay)?))).await
}

/// Runs `answer` where it may wait for the relay without holding up other clients.
async fn on_relay(
    relay: RelayHandle,
    answer: impl FnOnce(&RelayHandle) -> Result<Response, HandleError> + Send + 'static,
) -> Response {
    match tokio::task::spawn_blocking(move || answer(&relay)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => failure(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), Vec::new()),
        Err(_) => {
            let message = "the question ended in a fault; see the log".to_owned();
            failure(StatusCode::INTERNAL_SERVER_ERROR, message, Vec::new())
        }
    }
}

fn failure(status: StatusCode, error: String, valid: Vec<String>) -> Response {
    json(status, &Error { error, valid })
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
