//! `wristcast replay`: a recorded show again, on the network or through the relay.

mod bless;
mod live;
mod network;
mod offline;
mod outlet;
mod player;
mod progress;

use std::io::Write;
use std::path::{Path, PathBuf};

use wristcast_core::config::Config;
use wristcast_core::show::ReadOptions;
use wristcast_core::show::playback::{Playback, PlaybackOptions};
use wristcast_core::time::Time;

use crate::desk::Ports;
use crate::exit::Failure;
use crate::logging::LogArgs;
use crate::recorded::{self, Moment, ReadArgs};
use crate::show_file::ShowFile;
use crate::stop::Stop;
use live::Rehearsal;
use network::NetworkArgs;
use outlet::{Loopback, Outlet};
use player::Player;
use progress::Progress;

/// Play a recorded show again: onto the network, through a relay, or into a trace.
///
/// Alone it sends the recording onto the network at its own times, as the consoles did: sACN to the
/// multicast groups, Art-Net to the broadcast address of every running interface, unless
/// --to-address names others.
///
/// With --show it is relayed to the show's wristbands, by a relay of its own that hears nothing
/// else. The network is left alone.
///
/// With --show and --trace it goes straight through the relay's engine under the recording's own
/// clock, as fast as the machine can: the same file and the same show file give the same trace, byte
/// for byte, on every machine.
///
/// Recordings are pcap and pcapng (also packed with zstd), OLA shows, FSEQ and CSV.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast replay rehearsal.pcapng --from 12m --loop --interface eth1
  wristcast replay rehearsal.pcapng --map sacn/1=sacn/101 --to-address 10.0.0.5
  wristcast replay rehearsal.pcapng --as artnet --universe sacn/1..4
  wristcast replay rehearsal.pcapng --show show.toml
  wristcast replay rehearsal.pcapng --show show.toml --trace looks.jsonl
  wristcast replay --bless show-files/recorded/*

Exit codes: 0 ok, 1 show file or recording wrong, 2 command line wrong, 3 could not start (files,
sockets), 4 light was lost")]
pub(crate) struct Args {
    /// The recording.
    #[arg(value_name = "FILE", required_unless_present = "bless")]
    file: Option<PathBuf>,
    /// Relay the recording by this show file.
    #[arg(long, value_name = "SHOW.toml")]
    show: Option<PathBuf>,
    /// Relay as fast as the machine can, and write one JSON line per published look to this file;
    /// `-` is stdout.
    #[arg(long, value_name = "OUT", requires = "show", conflicts_with_all = ["speed", "rounds"])]
    trace: Option<PathBuf>,
    /// Write `expected.trace` of these folders anew, each with `show.toml` and the recording
    /// `input.pcapng` (or another format), and say what changed.
    #[arg(long, value_name = "FOLDER", num_args = 1..,
          conflicts_with_all = ["file", "show", "trace", "from", "to", "numbering", "channels", "speed",
                                "rounds", "network"])]
    bless: Vec<PathBuf>,
    #[command(flatten)]
    part: Part,
    /// Play this many times as fast, 0.01 to 100.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed)]
    speed: f64,
    /// Play again and again, or this often: `--loop=3`.
    #[arg(id = "rounds", long = "loop", value_name = "N", num_args = 0..=1, require_equals = true,
          default_missing_value = "0")]
    rounds: Option<u32>,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    log: LogArgs,
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|factor| (0.01..=100.0).contains(factor))
        .ok_or_else(|| "expected 0.01 to 100 times as fast".to_owned())
}

/// Which part of a recording.
#[derive(Debug, clap::Args)]
struct Part {
    /// Begin here, `1:23:45`, `90s`: with the levels that were held at that time.
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,
    /// End here; at the end of the recording if left out.
    #[arg(long, value_name = "TIME")]
    to: Option<Moment>,
    #[command(flatten)]
    read: ReadArgs,
}

impl Part {
    fn options(&self) -> Result<ReadOptions, Failure> {
        let from = self.from.map_or(Time::ZERO, |from| from.0);
        let to = self.to.map(|to| to.0);
        if to.is_some_and(|to| to <= from) {
            return Err(Failure::usage("--to is not after --from: nothing would be played"));
        }
        Ok(ReadOptions { from, to, ..self.read.options() })
    }
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let Some(file) = &args.file else { return bless::run(&args.bless, out) };
    let read = args.part.options()?;
    let config = match &args.show {
        Some(show) => Some((show.as_path(), ShowFile::read(show)?.report()?)),
        None => None,
    };
    match (config, &args.trace) {
        (Some((_, config)), Some(trace)) => offline::run(file, &read, &config, trace, out),
        (Some(show), None) => rehearse(args, file, read, show, out),
        (None, _) => broadcast(args, file, read, out),
    }
}

/// Onto the network.
fn broadcast(
    args: &Args,
    file: &Path,
    read: ReadOptions,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let options = args.network.playback(read, args.speed)?;
    let outlet = args.network.outlet()?;
    let player = args.player(file, options, outlet, "warn")?;
    announce(&player, &args.network.place(), out)?;
    let played = player.play()?;
    writeln!(out, "{played}")?;
    played.verdict(file)
}

/// To the show's radios.
fn rehearse(
    args: &Args,
    file: &Path,
    read: ReadOptions,
    (show, config): (&Path, Config),
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let options = args.network.playback(read, args.speed)?;
    let options = PlaybackOptions { everything: true, cid_mask: [0; 16], ..options };
    let ports = Ports::free()?;
    let outlet = Outlet::Relay(Loopback::new(ports));
    // Before the relay starts, so that a file that is no recording touches no band.
    let mut player = args.player(file, options, outlet, "info")?;
    player.farewells = false;
    let rehearsal = Rehearsal::start(config, show, ports, out)?;
    announce(&player, "a relay on loopback", out)?;
    let played = player.play();
    let ended = rehearsal.end(played.as_ref().ok(), out);
    played?.verdict(file).and(ended)
}

fn announce(player: &Player<'_>, place: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let how = if player.playback.is_as_recorded() { "as recorded" } else { "by levels" };
    let file = player.recording.display();
    writeln!(out, "replaying {file} {how} to {place}; Ctrl-C ends it")?;
    Ok(out.flush()?)
}

impl Args {
    /// A player of the recording, and a log from `level` on.
    fn player<'a>(
        &self,
        recording: &'a Path,
        options: PlaybackOptions,
        outlet: Outlet,
        level: &str,
    ) -> Result<Player<'a>, Failure> {
        let read = options.read.clone();
        let playback = Playback::new(recorded::open(recording)?, options)
            .map_err(|error| Failure::recording(recording, error))?;
        let progress = Progress::new(recording, &read, self.speed);
        self.log.start(progress.console(), level)?;
        let stop = Stop::on_signals()?;
        let rounds =
            self.rounds.map_or(Some(1), |rounds| Some(rounds).filter(|rounds| *rounds > 0));
        Ok(Player { recording, playback, outlet, rounds, farewells: true, stop, progress })
    }
}
