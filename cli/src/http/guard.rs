//! What stands before every order: a token that the relay knows, a request that no other site's page
//! can have made, and a body of bounded size that comes in bounded time.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use serde::de::DeserializeOwned;
use wristcast_core::steering::Actor;

use super::routes::failure;
use super::tokens::Tokens;

/// Bytes of an order: room for the names of thousands of groups.
const ORDER_BYTES_MAX: usize = 256 * 1024;

/// Time in which an order must have come.
const ORDER_TIMEOUT: Duration = Duration::from_secs(5);

/// Names the front end that an order comes from.
pub(super) const FRONT: &str = "x-wristcast-front";

/// A client's connection, as its requests know it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) address: IpAddr,
    /// It watches, and so lasts longer than others.
    pub(super) watches: Arc<AtomicBool>,
}

impl Client {
    pub(super) fn new(address: IpAddr) -> Self {
        Self { address: address.to_canonical(), watches: Arc::default() }
    }

    pub(super) fn is_watching(&self) -> bool {
        self.watches.load(Ordering::Relaxed)
    }
}

/// Who makes the request; the error is the answer.
pub(super) fn actor<B>(tokens: &Tokens, request: &Request<B>) -> Result<Actor, Box<Response>> {
    let headers = request.headers();
    if tokens.is_empty() {
        let message = "control is off: the show file names no token file. Write `[http] token_file \
                       = \"tokens.txt\"` and restart the relay";
        return Err(refuse(StatusCode::FORBIDDEN, message));
    }
    if !is_same_site(headers) {
        let message = "orders are taken from the relay's own page and from programs, not from \
                       other sites' pages";
        return Err(refuse(StatusCode::FORBIDDEN, message));
    }
    let address = request.extensions().get::<Client>().map(|client| client.address);
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = token.and_then(|value| value.strip_prefix("Bearer ")) else {
        let message = "an order needs a token: `Authorization: Bearer TOKEN`, from the token file";
        return Err(refuse(StatusCode::UNAUTHORIZED, message));
    };
    let Some(name) = tokens.name_of(token.trim()) else {
        tracing::debug!(?address, "an order came with a token that is not in the token file");
        let message = "this token is not in the relay's token file";
        return Err(refuse(StatusCode::UNAUTHORIZED, message));
    };
    let front = match headers.get(FRONT).map(|value| value.as_bytes()) {
        Some(b"page") => "page",
        Some(b"terminal") => "terminal",
        _ => "http",
    };
    Ok(Actor { name: name.to_owned(), front, address })
}

/// Reads an order; the error is the answer.
pub(super) async fn order<T: DeserializeOwned>(request: Request<Body>) -> Result<T, Box<Response>> {
    let content = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    let is_json = content.is_some_and(|content| {
        let end = content.iter().position(|&byte| byte == b';').unwrap_or(content.len());
        content[..end].trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    if !is_json {
        let message = "an order is JSON: `Content-Type: application/json`";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = axum::body::to_bytes(request.into_body(), ORDER_BYTES_MAX);
    let body = match tokio::time::timeout(ORDER_TIMEOUT, body).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let message = "the order did not come whole, or has more than 256 KiB";
            return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        Err(_) => return Err(refuse(StatusCode::REQUEST_TIMEOUT, "the order took too long")),
    };
    serde_json::from_slice(&body)
        .map_err(|error| refuse(StatusCode::BAD_REQUEST, &format!("not an order: {error}")))
}

/// Whether it can come from a program or from the page that the relay serves itself. Browsers say
/// where a request comes from, and no page can keep them from it.
fn is_same_site(headers: &HeaderMap) -> bool {
    let fetched = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    if !matches!(fetched, None | Some(b"same-origin" | b"none")) {
        return false;
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin.is_some_and(|(_, origin)| host == Some(origin))
}

fn refuse(status: StatusCode, message: &str) -> Box<Response> {
    let mut answer = failure(status, message.to_owned(), Vec::new());
    if status == StatusCode::UNAUTHORIZED {
        let bearer = header::HeaderValue::from_static("Bearer");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
    }
    Box::new(answer)
}
