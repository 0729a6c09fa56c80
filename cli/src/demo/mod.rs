//! `wristcast demo`: a whole relay with a crowd, on this machine alone.

mod audience;
mod console;
mod crowd;
mod cues;
mod history;
mod picture;
mod report;
mod screen;
mod stage;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use wristcast_core::config::{Config, RadioKind};
use wristcast_core::relay::{Options, Relay, RelayHandle};

use crate::desk::Ports;
use crate::duration;
use crate::exit::Failure;
use crate::http;
use crate::logging::{Console as Log, LogArgs};
use crate::served::Served;
use crate::stop::Stop;
use console::Console;
use stage::Stage;

/// The show.
const SHOW: &str = include_str!("show.toml");

/// Where the API listens if the port is free.
const API: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8420);

/// Time from the console's first packets to levels in the relay.
const INPUT_WITHIN: Duration = Duration::from_secs(1);

/// Play a built-in show to simulated wristbands: no console, no radio, no show file needed.
///
/// A relay starts on loopback, on free ports. A console plays to it by real sACN and Art-Net
/// packets through real sockets, and the relay's simulated bands are drawn as they light up. At the
/// end there is a report: packets, latencies, and whether every band showed what the console
/// wanted. The exit code is 4 if anything was lost or wrong.
///
/// The show flashes, up to 8 times a second.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast demo                        q or Ctrl-C ends it
  wristcast demo --for 10s --bands 100
  curl -s http://127.0.0.1:8420/api/v1/groups      while it runs")]
pub(crate) struct Args {
    /// Stop after this time, `10s`; until q or Ctrl-C if left out.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// Bands in each of the twelve groups.
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    bands: u16,
    /// Write one JSON line per published look to this file.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let log = Log::stderr();
    args.log.start(&log, "warn")?;
    let stop = Stop::on_signals()?;
    let config = show(args.bands)?;
    let options = Options { trace: args.trace.clone(), ..Options::default() };
    let relay = Relay::start(config.clone(), options).map_err(Failure::cannot_start)?;
    let server = serve(relay.handle())?;
    let console = start_console(&config, &relay.handle())?;

    let mut stage = Stage::new(&config, relay.handle(), server.address(), stop);
    let converged_in = stage.play(&console, args.duration, &log, out)?;
    let report = stage.end(console, relay, converged_in);
    drop(server);
    writeln!(out, "{report}")?;
    report.verdict()?;
    writeln!(out, "result    nothing lost, every band is right")?;
    Ok(())
}

/// The demo's show on ports of its own.
fn show(bands: u16) -> Result<Config, Failure> {
    let (mut config, _) = Config::parse(SHOW, "the demo's show").map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::show_file(Some(errors.join("\n")))
    })?;
    let ports = Ports::free()?;
    (config.network.sacn_port, config.network.artnet_port) = (ports.sacn, ports.artnet);
    for radio in &mut config.radios {
        if let RadioKind::Simulated(simulated) = &mut radio.kind {
            simulated.bands_per_group = bands.into();
        }
    }
    Ok(config)
}

/// The API on its usual port, or on a free one.
fn serve(relay: RelayHandle) -> Result<Served, Failure> {
    let offer = http::Offer::default;
    http::serve(API, relay.clone(), offer())
        .or_else(|_| http::serve(SocketAddr::new(API.ip(), 0), relay, offer()))
}

/// A console whose packets arrive: sACN by multicast if the loopback interface carries it.
fn start_console(config: &Config, relay: &RelayHandle) -> Result<Console, Failure> {
    let console = Console::start(config, true, 0)?;
    let due = Instant::now() + INPUT_WITHIN;
    while Instant::now() < due {
        let status = relay.status();
        if status.universes_live == status.universes {
            return Ok(console);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    tracing::warn!("no multicast on the loopback interface; sACN is sent to its address instead");
    console.end();
    Console::start(config, false, relay.status().packets.accepted)
}
