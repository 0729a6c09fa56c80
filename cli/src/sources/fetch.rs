//! Asking a relay's API.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Uri;
use wristcast_core::snapshot::{NetworkState, UniverseState};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Greatest answer: 4096 universes with levels and sources are some 20 MB.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// What a relay hears.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) universes: Vec<UniverseState>,
    pub(super) network: NetworkState,
}

impl Heard {
    /// All of it but the levels.
    pub(super) fn json(&self) -> Value {
        let universe = |one: &UniverseState| {
            json!({
                "universe": one.universe,
                "state": one.state,
                "rate_hz": one.rate_hz,
                "age_ms": one.age_ms,
                "sources": one.sources,
            })
        };
        json!({
            "universes": self.universes.iter().map(universe).collect::<Vec<_>>(),
            "network": self.network,
        })
    }
}

/// The API of one relay.
#[derive(Debug)]
pub(crate) struct Api {
    /// `http://127.0.0.1:8420`.
    url: String,
    agent: Agent,
}

impl Api {
    /// `url` may come without its `http://`.
    pub(crate) fn at(url: &str) -> Result<Self, String> {
        let bare = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
        let url = format!("http://{bare}");
        let sound = url.parse::<Uri>().is_ok_and(|uri| matches!(uri.path(), "" | "/"));
        if bare.is_empty() || bare.contains("://") || !sound {
            return Err(format!(
                "`{bare}` is not where an API listens: expected `http://127.0.0.1:8420`"
            ));
        }
        let config = Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build();
        Ok(Self { url, agent: config.into() })
    }

    pub(super) fn ask(&self) -> Result<Heard, String> {
        Ok(Heard { universes: self.get("universes")?, network: self.get("network")? })
    }

    /// `what`: below `/api/v1/`.
    pub(crate) fn get<T: DeserializeOwned>(&self, what: &str) -> Result<T, String> {
        let url = &self.url;
        let answer = self.agent.get(format!("{url}/api/v1/{what}")).call();
        let mut answer = answer.map_err(|error| match error {
            ureq::Error::StatusCode(503) => {
                format!("the relay at {url} has stopped or is too busy")
            }
            ureq::Error::StatusCode(code) => not_ours(url, &format!("code {code}")),
            error => format!(
                "no relay answers at {url}: {error}\n  help: is it running, with `[http] listen` \
                 in its show file? Its first line names the address of its API"
            ),
        })?;
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_json();
        body.map_err(|error| not_ours(url, &error.to_string()))
    }
}

fn not_ours(url: &str, why: &str) -> String {
    format!("what answers at {url} is no relay of this version: {why}")
}
