//! Orders over HTTP: who may give them, and what they do.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request as HttpRequest, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wristcast_core::relay::OrderError;
use wristcast_core::steering::{Request, RequestError};

use super::guard;
use super::routes::{Api, failure, json};

/// Who a token belongs to.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(super) struct TokenHolder {
    /// The name beside it in the token file.
    name: String,
}

/// Tells a front end whether its token is good, before it is needed.
pub(super) async fn token(State(api): State<Api>, request: HttpRequest<Body>) -> Response {
    match guard::actor(&api.tokens, &request) {
        Ok(actor) => json(StatusCode::OK, &TokenHolder { name: actor.name }),
        Err(refusal) => *refusal,
    }
}

/// Has an order obeyed that comes as a `T`.
pub(super) async fn order<T: DeserializeOwned>(
    State(api): State<Api>,
    request: HttpRequest<Body>,
    into: fn(T) -> Request,
) -> Response {
    let by = match guard::actor(&api.tokens, &request) {
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
