//! Orders over HTTP: who may give them, and what they do.

use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request as HttpRequest, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wristcast_core::relay::OrderError;
use wristcast_core::snapshot::Severity;
use wristcast_core::standby::Order;
use wristcast_core::steering::{Actor, Request, RequestError};

use super::guard::{self, Client};
use super::routes::{Api, failure, json};

/// Who a token belongs to.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(super) struct TokenHolder {
    /// The name beside it in the token file.
    name: String,
}

/// The order that the API takes at `/api/v1/control/{name}`, for front ends that speak as it does.
pub(crate) fn request(name: &str, body: serde_json::Value) -> Result<Request, String> {
    fn read<T: DeserializeOwned>(
        body: serde_json::Value,
        into: fn(T) -> Request,
    ) -> Result<Request, String> {
        serde_json::from_value(body).map(into).map_err(|error| format!("not an order: {error}"))
    }
    match name {
        "panic" => read(body, Request::Panic),
        "freeze" => read(body, Request::Freeze),
        "master" => read(body, Request::Master),
        "override" => read(body, Request::Override),
        "release" => read(body, Request::Release),
        "start_look" => read(body, Request::StartLook),
        "end_look" => read(body, Request::EndLook),
        _ => Err(format!("there is no order `{name}`")),
    }
}

/// Which of two relays drives the connected bands.
#[derive(Clone, Copy, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StandbyRequest {
    /// `take`: this relay is to drive; `give`: the other one is.
    order: Order,
}

/// Has this relay take the connected bands, or give them. Answers at once; `status` says what came
/// of it.
pub(super) async fn standby(State(api): State<Api>, request: HttpRequest<Body>) -> Response {
    let by = match actor(&api, &request) {
        Ok(actor) => actor,
        Err(refusal) => return *refusal,
    };
    let order = match guard::order::<StandbyRequest>(request).await {
        Ok(order) => order.order,
        Err(refusal) => return *refusal,
    };
    let obeyed = tokio::task::spawn_blocking(move || api.relay.standby_order(order, &by)).await;
    match obeyed {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => failure(StatusCode::CONFLICT, error.to_string(), Vec::new()),
        Err(_) => {
            let message = "the order ended in a fault; see the log".to_owned();
            failure(StatusCode::INTERNAL_SERVER_ERROR, message, Vec::new())
        }
    }
}

/// Tells a front end whether its token is good, before it is needed.
pub(super) async fn token(State(api): State<Api>, request: HttpRequest<Body>) -> Response {
    match actor(&api, &request) {
        Ok(actor) => json(StatusCode::OK, &TokenHolder { name: actor.name }),
        Err(refusal) => *refusal,
    }
}

/// Who makes the request; who tries a wrong token is told of in the log.
fn actor(api: &Api, request: &HttpRequest<Body>) -> Result<Actor, Box<Response>> {
    guard::actor(&api.tokens, request).inspect_err(|refusal| {
        let tried = request.headers().contains_key(header::AUTHORIZATION);
        if !tried || refusal.status() != StatusCode::UNAUTHORIZED {
            return;
        }
        let address = request.extensions().get::<Client>().map(|client| client.address);
        if let Some(words) = api.refusals.note(Instant::now(), address) {
            let relay = api.relay.clone();
            // The log may have to wait for a reload.
            tokio::task::spawn_blocking(move || relay.note(Severity::Warning, words));
        }
    })
}

/// A reload as it is asked for.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReloadRequest {
    /// Only tell what would change, or why it would be refused.
    #[serde(default)]
    check: bool,
}

/// What a reload changed, or would change.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(super) struct Reloaded {
    /// One sentence each; none if the file is the show that runs.
    changes: Vec<String>,
}

/// Has the show file read again.
pub(super) async fn reload(State(api): State<Api>, request: HttpRequest<Body>) -> Response {
    let by = match actor(&api, &request) {
        Ok(actor) => actor,
        Err(refusal) => return *refusal,
    };
    let check = match guard::order::<ReloadRequest>(request).await {
        Ok(order) => order.check,
        Err(refusal) => return *refusal,
    };
    let Some(reloads) = api.reloads else {
        let message = "this relay has no show file to read again".to_owned();
        return failure(StatusCode::UNPROCESSABLE_ENTITY, message, Vec::new());
    };
    match reloads.ask(by, check).await {
        Ok(Ok(changes)) => json(StatusCode::OK, &Reloaded { changes }),
        Ok(Err(refusal)) => failure(StatusCode::UNPROCESSABLE_ENTITY, refusal.whole, Vec::new()),
        Err(error) => failure(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), Vec::new()),
    }
}

/// Has an order obeyed that comes as a `T`.
pub(super) async fn order<T: DeserializeOwned>(
    State(api): State<Api>,
    request: HttpRequest<Body>,
    into: fn(T) -> Request,
) -> Response {
    let by = match actor(&api, &request) {
        Ok(actor) => actor,
        Err(refusal) => return *refusal,
    };
    let order = match guard::order::<T>(request).await {
        Ok(order) => into(order),
        Err(refusal) => return *refusal,
    };
    // Not behind the questions of those who only watch.
    let obeyed = tokio::task::spawn_blocking(move || api.relay.order(&order, &by)).await;
    match obeyed {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(OrderError::Request(error))) => {
            let status = match error {
                RequestError::NoSuchGroup(_) => StatusCode::NOT_FOUND,
                _ => StatusCode::BAD_REQUEST,
            };
            failure(status, error.to_string(), Vec::new())
        }
        Ok(Err(error)) => failure(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), Vec::new()),
        Err(_) => {
            let message = "the order ended in a fault; see the log".to_owned();
            failure(StatusCode::INTERNAL_SERVER_ERROR, message, Vec::new())
        }
    }
}
