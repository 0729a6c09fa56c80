//! `wristcast sources`: who sends what to a running relay, and why it counts or does not.

mod fetch;
mod log;
mod screen;
mod table;

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::exit::Failure;
use crate::relay_api::Api;
use crate::stop::Stop;
use fetch::Heard;
pub(crate) use log::{EVERY as LOG_EVERY, SourceLog};
use screen::Screen;
use table::Palette;

/// Time between two looks at the relay.
const EVERY: Duration = Duration::from_secs(1);

/// Show every source of every universe of a running relay: whether it contributes, and if not why.
///
/// Then come the universes that are on the network and that nobody patched. On a terminal the table
/// is renewed every second until Ctrl-C; else it is printed once. The relay's show file needs
/// `[http] listen`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast sources
  wristcast sources http://10.0.0.2:8420 --once
  wristcast sources --json | jq '.universes[].sources[] | select(.contributing | not)'

Exit codes: 0 ok, 2 command line wrong, 3 no relay answers")]
pub(crate) struct Args {
    /// Where the relay's API listens.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8420")]
    url: String,
    /// Print the table once, also on a terminal.
    #[arg(long)]
    once: bool,
    /// Print everything once, as one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let api = Api::at(&args.url).map_err(Failure::usage)?;
    if args.json {
        let network = Heard::by(&api).map_err(Failure::cannot_start)?;
        return Ok(writeln!(out, "{:#}", network.json())?);
    }
    let first = Heard::by(&api).map_err(Failure::cannot_start)?;
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if args.once || dumb || !std::io::stdout().is_terminal() {
        for line in table::lines(&first, Palette::Plain) {
            writeln!(out, "{line}")?;
        }
        return Ok(());
    }
    watch(&api, table::lines(&first, Palette::Coloured))
}

/// Renews the table until told to stop. A relay that does not answer any more may come back: what
/// is wrong is shown instead of its sources.
fn watch(api: &Api, mut lines: Vec<String>) -> Result<(), Failure> {
    let mut stop = Stop::on_signals()?;
    let screen = Screen::take()?;
    loop {
        screen.draw(&lines)?;
        if stop.wait_until(Instant::now() + EVERY) {
            return Ok(());
        }
        lines = match Heard::by(api) {
            Ok(network) => table::lines(&network, Palette::Coloured),
            Err(why) => vec![why],
        };
    }
}
