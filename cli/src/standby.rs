//! `wristcast standby`: which of two relays drives the connected bands, and having it changed.

use std::fmt::Write as _;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;
use wristcast_core::snapshot::{StandbyState, Status};

use crate::exit::Failure;
use crate::relay_api::{Api, RelayArgs, refusal};

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
    Status(RelayArgs),
    /// Have the relay at URL take the bands.
    Take(RelayArgs),
    /// Have the relay at URL give the bands to the other one.
    Give(RelayArgs),
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    match &args.what {
        What::Status(relay) => {
            let api = Api::at(&relay.url).map_err(Failure::usage)?;
            Ok(out.write_all(words(&state(&api)?).as_bytes())?)
        }
        What::Take(relay) => order(relay, "take", "drives", out),
        What::Give(relay) => order(relay, "give", "follows", out),
    }
}

/// Gives the order and waits until the relay is what it was ordered to be.
fn order(
    relay: &RelayArgs,
    order: &str,
    becomes: &str,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Some(token) = relay.token()? else {
        return Err(Failure::usage("an order needs a token: --token-file tokens.txt"));
    };
    let api = Api::at(&relay.url).map_err(Failure::usage)?;
    let answer = api.order("standby", &json!({ "order": order }), &token);
    let mut answer = answer.map_err(Failure::cannot_start)?;
    if answer.status() != 204 {
        return Err(Failure::cannot_start(refusal(&mut answer)));
    }
    let deadline = Instant::now() + CARRIED_OUT;
    loop {
        let state = state(&api)?;
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

fn state(api: &Api) -> Result<StandbyState, Failure> {
    let status: Status = api.get("status").map_err(Failure::cannot_start)?;
    status.standby.ok_or_else(|| {
        let url = api.url();
        Failure::cannot_start(format!(
            "the relay at {url} has no standby: its show file has no [standby]"
        ))
    })
}
