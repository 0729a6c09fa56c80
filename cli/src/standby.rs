//! `wristcast standby`: which of two relays drives the connected bands, and having it changed.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;
use wristcast_core::snapshot::{StandbyState, Status};

use crate::exit::Failure;
use crate::http::Tokens;
use crate::monitor::base;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an order is watched until it is carried out.
const CARRIED_OUT: Duration = Duration::from_secs(5);

/// Say which of two relays drives the connected bands, or have it changed.
///
/// The relay's show file needs `[standby]` and `[http]`; orders need a token from its token file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast standby status http://10.0.0.2:8420
  wristcast standby give http://10.0.0.2:8420 --token-file tokens.txt
  wristcast standby take --token-file tokens.txt

Exit codes: 0 ok, 2 command line wrong, 3 no relay answers, or it refuses")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Say who drives, and how the other relay is.
    Status(Relay),
    /// Have the relay at URL take the bands.
    Take(Relay),
    /// Have the relay at URL give the bands to the other one.
    Give(Relay),
}

#[derive(Debug, clap::Args)]
struct Relay {
    /// Where the relay's API listens.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8420")]
    url: String,
    /// The token of whoever gives the order.
    #[arg(long, env = "WRISTCAST_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A token file, whose first token is taken.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    match &args.what {
        What::Status(relay) => {
            let api = Api::at(relay)?;
            Ok(out.write_all(words(&api.state()?).as_bytes())?)
        }
        What::Take(relay) => order(relay, "take", "drives", out),
        What::Give(relay) => order(relay, "give", "follows", out),
    }
}

/// Gives the order and waits until the relay is what it was ordered to be.
fn order(relay: &Relay, order: &str, becomes: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let token = match (&relay.token, &relay.token_file) {
        (Some(token), _) => token.clone(),
        (None, Some(file)) => Tokens::read(file)?.first().to_owned(),
        (None, None) => {
            return Err(Failure::usage("an order needs a token: --token-file tokens.txt"));
        }
    };
    let api = Api::at(relay)?;
    api.order(order, &token)?;
    let deadline = Instant::now() + CARRIED_OUT;
    loop {
        let state = api.state()?;
        if state.role == becomes {
            return Ok(out.write_all(words(&state).as_bytes())?);
        }
        if Instant::now() >= deadline {
            let why = format!("ordered, and not done after 5 s\n{}", words(&state));
            return Err(Failure::cannot_start(why));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn words(state: &StandbyState) -> String {
    let role = |role: &str| match role {
        "drives" => "drives the bands",
        "gives" | "gave" => "is giving the bands away",
        _ => "does not drive the bands",
    };
    let which = |preferred| if preferred { "preferred" } else { "backup" };
    let mut text = format!("this relay ({}) {}\n", which(state.preferred), role(&state.role));
    let _ = match &state.peer {
        None => writeln!(text, "the other relay is not heard"),
        Some(peer) => {
            let input = peer
                .input_age_ms
                .map_or("no console yet".to_owned(), |age| format!("levels {age} ms ago"));
            let show = if peer.same_show { "the same show" } else { "ANOTHER SHOW" };
            let radios = if peer.radios_work { "" } else { ", NO RADIO WORKS" };
            writeln!(
                text,
                "the other relay ({}) {}: heard {} ms ago, {input}, universes {}/{}, bands {}/{}, \
                 {show}{radios}",
                which(!state.preferred),
                role(&peer.role),
                peer.heard_ms,
                peer.universes_live,
                peer.universes,
                peer.bands_connected,
                peer.bands,
            )
        }
    };
    let _ = writeln!(
        text,
        "a relay that falls silent is followed after {} ms; this one began to drive {} times",
        state.take_over_ms, state.take_overs
    );
    text
}

/// The API of one relay.
struct Api {
    url: String,
    agent: Agent,
}

impl Api {
    fn at(relay: &Relay) -> Result<Self, Failure> {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .http_status_as_error(false)
            .build();
        Ok(Self { url: base(&relay.url)?, agent: config.into() })
    }

    fn state(&self) -> Result<StandbyState, Failure> {
        let url = &self.url;
        let mut answer =
            self.agent.get(format!("{url}/api/v1/status")).call().map_err(|error| {
                Failure::cannot_start(format!("no relay answers at {url}: {error}"))
            })?;
        let status = answer.body_mut().read_json::<Status>().map_err(|error| {
            let why = "what answers is no relay of this version";
            Failure::cannot_start(format!("{url}: {why}: {error}"))
        })?;
        status.standby.ok_or_else(|| {
            Failure::cannot_start(format!(
                "the relay at {url} has no standby: its show file has no [standby]"
            ))
        })
    }

    fn order(&self, order: &str, token: &str) -> Result<(), Failure> {
        let url = &self.url;
        let sent = self
            .agent
            .post(format!("{url}/api/v1/control/standby"))
            .header("Authorization", format!("Bearer {token}"))
            .header("X-Wristcast-Front", "terminal")
            .content_type("application/json")
            .send(json!({ "order": order }).to_string());
        let mut answer = sent.map_err(|error| {
            Failure::cannot_start(format!("no relay answers at {url}: {error}"))
        })?;
        if answer.status() == 204 {
            return Ok(());
        }
        let refusal = answer.body_mut().read_json::<Value>().ok();
        let why = refusal.as_ref().and_then(|refusal| refusal["error"].as_str());
        Err(Failure::cannot_start(format!("not done: {}", why.unwrap_or("the relay refuses"))))
    }
}
