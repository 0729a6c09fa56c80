//! What each address of the API answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use wristcast_core::relay::{HandleError, RelayHandle};
use wristcast_core::snapshot::SceneState;
use wristcast_core::steering::Request;
use wristcast_core::universe::Universe;

use super::hosts::{self, Hosts};
use super::live::Live;
use super::page::PageFile;
use super::refusals::Refusals;
use super::tokens::Tokens;
use super::{Offer, control, live, metrics, openapi};
use crate::osc;
use crate::running_show::Reloads;

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
    pub(crate) const CONTROL: &str = "/api/v1/control";
    pub(crate) const TOKEN: &str = "/api/v1/control/token";
    pub(crate) const PANIC: &str = "/api/v1/control/panic";
    pub(crate) const FREEZE: &str = "/api/v1/control/freeze";
    pub(crate) const MASTER: &str = "/api/v1/control/master";
    pub(crate) const OVERRIDE: &str = "/api/v1/control/override";
    pub(crate) const RELEASE: &str = "/api/v1/control/release";
    pub(crate) const START_LOOK: &str = "/api/v1/control/start_look";
    pub(crate) const END_LOOK: &str = "/api/v1/control/end_look";
    pub(crate) const RELOAD: &str = "/api/v1/control/reload";
    pub(crate) const STANDBY: &str = "/api/v1/control/standby";
    pub(crate) const SCENE: &str = "/api/v1/scene";
    pub(crate) const LIVE: &str = "/api/v1/live";
    pub(crate) const METRICS: &str = "/metrics";
    pub(crate) const LIVEZ: &str = "/livez";
    pub(crate) const READYZ: &str = "/readyz";
    pub(crate) const OPENAPI: &str = "/api/v1/openapi.json";

    /// Those that take orders.
    pub(crate) const ORDERS: [&str; 9] =
        [PANIC, FREEZE, MASTER, OVERRIDE, RELEASE, START_LOOK, END_LOOK, RELOAD, STANDBY];

    /// All of them, for whoever asks for something else.
    pub(crate) const ALL: [&str; 27] = [
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
        CONTROL,
        TOKEN,
        PANIC,
        FREEZE,
        MASTER,
        OVERRIDE,
        RELEASE,
        START_LOOK,
        END_LOOK,
        RELOAD,
        STANDBY,
        SCENE,
        LIVE,
        METRICS,
        LIVEZ,
        READYZ,
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

/// What the answers are made from.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) relay: RelayHandle,
    pub(super) live: Live,
    pub(super) tokens: Arc<Tokens>,
    pub(super) refusals: Arc<Refusals>,
    /// Questions to the relay are asked one at a time, and leave a thread for orders.
    questions: Arc<Semaphore>,
    /// The way to have the show file read again.
    pub(super) reloads: Option<Reloads>,
    pub(super) hosts: Arc<Hosts>,
    pub(super) osc: Option<Arc<osc::Counts>>,
}

/// The routes, and what those who watch are to see.
pub(super) fn router(relay: RelayHandle, offer: Offer) -> (Router, Live) {
    let (questions, live) = (Arc::new(Semaphore::new(1)), Live::default());
    let Offer { tokens, hosts, reloads, osc } = offer;
    let api = Api {
        relay,
        live: live.clone(),
        tokens: Arc::new(tokens),
        refusals: Arc::default(),
        questions,
        reloads,
        hosts: Arc::new(Hosts::new(&hosts)),
        osc,
    };
    let ours = middleware::from_fn_with_state(api.clone(), hosts::check);
    let routes = routes().layer(ours).layer(middleware::from_fn(describe));
    (routes.with_state(api), live)
}

fn routes() -> Router<Api> {
    let page = PageFile::all().into_iter().fold(Router::new(), |router, (path, file)| {
        router.route(path, get(async move |headers: HeaderMap| file.answer(&headers)))
    });
    page.route(path::LIVE, get(live::live))
        .route(path::SCENE, get(|api| ask(api, |relay| Ok(SceneState::clone(&relay.scene())))))
        .route(path::STATUS, get(|api| ask(api, |relay| Ok(relay.status()))))
        .route(path::UNIVERSES, get(|api| ask(api, RelayHandle::universes)))
        .route(path::UNIVERSE_SACN, get(sacn_universe))
        .route(path::UNIVERSE_ARTNET, get(artnet_universe))
        .route(path::UNIVERSE_ARTNET_PARTS, get(artnet_universe_parts))
        .route(path::NETWORK, get(|api| ask(api, RelayHandle::network)))
        .route(path::GROUPS, get(|api| ask(api, RelayHandle::groups)))
        .route(path::RADIOS, get(|api| ask(api, |relay| Ok(relay.radios()))))
        .route(path::BANDS, get(|api| ask(api, |relay| Ok(relay.bands()))))
        .route(path::EVENTS, get(events))
        .route(path::CONTROL, get(|api| ask(api, RelayHandle::control)))
        .route(path::TOKEN, get(control::token))
        .route(path::PANIC, post(|api, body| control::order(api, body, Request::Panic)))
        .route(path::FREEZE, post(|api, body| control::order(api, body, Request::Freeze)))
        .route(path::MASTER, post(|api, body| control::order(api, body, Request::Master)))
        .route(path::OVERRIDE, post(|api, body| control::order(api, body, Request::Override)))
        .route(path::RELEASE, post(|api, body| control::order(api, body, Request::Release)))
        .route(path::START_LOOK, post(|api, body| control::order(api, body, Request::StartLook)))
        .route(path::END_LOOK, post(|api, body| control::order(api, body, Request::EndLook)))
        .route(path::RELOAD, post(control::reload))
        .route(path::STANDBY, post(control::standby))
        .route(path::METRICS, get(metrics::metrics))
        .route(path::LIVEZ, get(metrics::livez))
        .route(path::READYZ, get(metrics::readyz))
        .route(path::OPENAPI, get(async || json(StatusCode::OK, &openapi::document())))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
}

/// Says of every answer that it is for now and is what it says it is, and that no other site's page
/// may show it.
async fn describe(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn wrong_method(uri: Uri) -> Response {
    let (allowed, message) = if path::ORDERS.contains(&uri.path()) {
        ("POST", "this is for orders: use POST")
    } else {
        ("GET, HEAD", "this is for reading: use GET")
    };
    let mut refusal = failure(StatusCode::METHOD_NOT_ALLOWED, message.to_owned(), Vec::new());
    refusal.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    refusal
}

async fn sacn_universe(api: State<Api>, Path(number): Path<String>) -> Response {
    universe(api, format!("sacn/{number}")).await
}

async fn artnet_universe(api: State<Api>, Path(address): Path<String>) -> Response {
    universe(api, format!("artnet/{address}")).await
}

async fn artnet_universe_parts(
    api: State<Api>,
    Path((net, sub_net, universe_in_sub_net)): Path<(String, String, String)>,
) -> Response {
    universe(api, format!("artnet/{net}/{sub_net}/{universe_in_sub_net}")).await
}

async fn universe(State(api): State<Api>, name: String) -> Response {
    let wanted = match name.parse::<Universe>() {
        Ok(wanted) => wanted,
        Err(error) => return failure(StatusCode::NOT_FOUND, error.to_string(), Vec::new()),
    };
    answer(&api, move |relay| match relay.universe(wanted)? {
        Some(state) => Ok(json(StatusCode::OK, &state)),
        None => {
            let patched = relay.universes()?.iter().map(|one| one.universe.to_string()).collect();
            let message = format!("universe {wanted} is not patched in this show");
            Ok(failure(StatusCode::NOT_FOUND, message, patched))
        }
    })
    .await
}

async fn events(api: State<Api>, RawQuery(query): RawQuery) -> Response {
    let after = match query.as_deref().map(|query| query.strip_prefix("after=")) {
        None => Some(0),
        Some(number) => number.and_then(|number| number.parse().ok()),
    };
    match after {
        Some(after) => ask(api, move |relay| Ok(relay.events(after))).await,
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
    State(api): State<Api>,
    question: impl FnOnce(&RelayHandle) -> Result<T, HandleError> + Send + 'static,
) -> Response {
    answer(&api, |relay| Ok(json(StatusCode::OK, &question(relay)?))).await
}

/// Runs `give` where it may wait for the relay without holding up other clients.
pub(super) async fn answer(
    api: &Api,
    give: impl FnOnce(&RelayHandle) -> Result<Response, HandleError> + Send + 'static,
) -> Response {
    let relay = api.relay.clone();
    // Never closed.
    let _turn = api.questions.acquire().await;
    match tokio::task::spawn_blocking(move || give(&relay)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => failure(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), Vec::new()),
        Err(_) => {
            let message = "the question ended in a fault; see the log".to_owned();
            failure(StatusCode::INTERNAL_SERVER_ERROR, message, Vec::new())
        }
    }
}

pub(super) fn failure(status: StatusCode, error: String, valid: Vec<String>) -> Response {
    json(status, &Error { error, valid })
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
