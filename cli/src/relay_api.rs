//! A running relay, here or elsewhere, asked and ordered by the commands of another process.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Response, Uri};

use crate::exit::Failure;
use crate::http::Tokens;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Greatest answer: 4096 universes with levels and sources are some 20 MB.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Which relay, and whose orders it gets.
#[derive(Debug, clap::Args)]
pub(crate) struct RelayArgs {
    /// Where the relay's API listens.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8420")]
    pub(crate) url: String,
    /// The token of whoever gives the orders.
    #[arg(long, env = "WRISTCAST_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A token file, whose first token is taken.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
}

impl RelayArgs {
    /// The token, if one was given.
    pub(crate) fn token(&self) -> Result<Option<String>, Failure> {
        match (&self.token, &self.token_file) {
            (Some(token), _) => Ok(Some(token.clone())),
            (None, Some(file)) => Ok(Some(Tokens::read(file)?.first().to_owned())),
            (None, None) => Ok(None),
        }
    }
}

/// `http://127.0.0.1:8420`, without a slash at the end; `url` may come without its `http://`. The
/// error: what is wrong with it.
pub(crate) fn base(url: &str) -> Result<String, String> {
    let bare = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    let url = format!("http://{bare}");
    let sound = url.parse::<Uri>().is_ok_and(|uri| matches!(uri.path(), "" | "/"));
    if bare.is_empty() || bare.contains("://") || !sound {
        return Err(format!(
            "`{bare}` is not where an API listens: expected `http://127.0.0.1:8420`"
        ));
    }
    Ok(url)
}

/// The API of one relay.
#[derive(Debug)]
pub(crate) struct Api {
    /// See [`base`].
    url: String,
    agent: Agent,
}

impl Api {
    /// `url` may come without its `http://`.
    pub(crate) fn at(url: &str) -> Result<Self, String> {
        Self::with_patience(url, PATIENCE)
    }

    /// One that may take so long to answer.
    pub(crate) fn with_patience(url: &str, patience: Duration) -> Result<Self, String> {
        let config = Agent::config_builder()
            .timeout_global(Some(patience))
            .proxy(None)
            .http_status_as_error(false)
            .build();
        Ok(Self { url: base(url)?, agent: config.into() })
    }

    /// See [`base`].
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `what`: below `/api/v1/`.
    pub(crate) fn get<T: DeserializeOwned>(&self, what: &str) -> Result<T, String> {
        let url = &self.url;
        let answer = self.agent.get(format!("{url}/api/v1/{what}")).call();
        let mut answer = answer.map_err(|error| self.not_there(&error))?;
        match answer.status().as_u16() {
            503 => return Err(format!("the relay at {url} has stopped or is too busy")),
            code @ 400.. => return Err(self.not_ours(&format!("code {code}"))),
            _ => {}
        }
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_json();
        body.map_err(|error| self.not_ours(&error.to_string()))
    }

    /// Gives an order; see [`give_order`].
    pub(crate) fn order(
        &self,
        name: &str,
        body: &Value,
        token: &str,
    ) -> Result<Response<ureq::Body>, String> {
        give_order(&self.agent, &self.url, name, body, token)
            .map_err(|error| self.not_there(&error))
    }

    fn not_there(&self, error: &ureq::Error) -> String {
        format!(
            "no relay answers at {}: {error}\n  help: is it running, with `[http] listen` in its \
             show file? Its first line names the address of its API",
            self.url
        )
    }

    fn not_ours(&self, why: &str) -> String {
        format!("what answers at {} is no relay of this version: {why}", self.url)
    }
}

/// Gives the order `name`, which is what stands behind `/api/v1/control/`. A refusal is an answer; see
/// [`refusal`].
pub(crate) fn give_order(
    agent: &Agent,
    url: &str,
    name: &str,
    body: &Value,
    token: &str,
) -> Result<Response<ureq::Body>, ureq::Error> {
    agent
        .post(format!("{url}/api/v1/control/{name}"))
        .header("Authorization", format!("Bearer {token}"))
        .header("X-Wristcast-Front", "terminal")
        .content_type("application/json")
        .send(body.to_string())
}

/// Why an order was not obeyed, in the relay's words.
pub(crate) fn refusal(answer: &mut Response<ureq::Body>) -> String {
    let words = answer.body_mut().read_json::<Value>().ok();
    let why = words.as_ref().and_then(|words| words["error"].as_str());
    format!("not done: {}", why.unwrap_or("the relay refuses"))
}
