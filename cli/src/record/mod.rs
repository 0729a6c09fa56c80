//! `wristcast record`: what is on the network, into a file.

mod options;
mod progress;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use wristcast_core::config::{Config, InterfaceSelector, Network};
use wristcast_core::record::{Listen, RecordReport, Recording};
use wristcast_core::universe::Universe;

use crate::duration;
use crate::exit::Failure;
use crate::logging::{Console, LogArgs};
use crate::show_file::ShowFile;
use crate::stop::Stop;
use crate::universes::UniverseList;
use options::FileArgs;
pub(crate) use options::{RecordFileArgs, name};
use progress::Progress;
pub(crate) use progress::summary;

/// Record all sACN and Art-Net that this machine hears, with the kernel's times.
///
/// The file is pcapng, which Wireshark opens, too. It hears what is broadcast, what is sent to this
/// machine, and the multicast groups it joins: those of --universe and --show, else those that sACN
/// sources announce. It answers nobody, so consoles that send Art-Net only to nodes they found do
/// not send it any: record from the relay then, with `wristcast run --record`.
///
/// SIGINT (Ctrl-C) and SIGTERM end the recording properly. Whatever else ends it, the file can be
/// read, and lacks the last second at most.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast record -o show.pcapng                       until Ctrl-C, what sources announce
  wristcast record -o show.pcapng --show show.toml --for 90m
  wristcast record -o day.pcapng.zst --universe sacn/1..64 --rotate 1h --keep 24
  wristcast record -o wifi.pcapng --interface 10.0.0.0/8 --rotate 100MB

Exit codes: 0 ok, 1 show file wrong, 2 command line wrong, 3 could not start (port taken, file
there already, disk full), 4 packets were lost, or the recording ended early")]
pub(crate) struct Args {
    /// The file: .pcapng, or .pcapng.zst to pack it.
    #[arg(short, long, value_name = "FILE", value_parser = options::name)]
    output: PathBuf,
    /// Record the universes of this show file, on its interfaces and ports.
    #[arg(long, value_name = "SHOW.toml")]
    show: Option<PathBuf>,
    /// Record these universes: `sacn/1..4`, `artnet/0/0/1`. May be given more than once.
    #[arg(long, value_name = "UNIVERSES")]
    universe: Vec<UniverseList>,
    /// Listen on this interface: a name, an address it has, or a network; may be given more than
    /// once. Every running interface but loopback if left out.
    #[arg(long, value_name = "INTERFACE", value_parser = interface)]
    interface: Vec<InterfaceSelector>,
    /// UDP port of sACN; 5568, or what the show file says.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    sacn_port: Option<u16>,
    /// UDP port of Art-Net; 6454, or what the show file says.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    artnet_port: Option<u16>,
    /// Listen though another program of this machine does; it may lose what is sent to this machine
    /// alone.
    #[arg(long)]
    share: bool,
    #[command(flatten)]
    file: FileArgs,
    /// Stop after this time, `90m`; until told to if left out.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// Time between two status lines; 1s on a terminal and 10s in a log if left out, 0s for none.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    status_every: Option<Duration>,
    #[command(flatten)]
    log: LogArgs,
}

fn interface(text: &str) -> Result<InterfaceSelector, String> {
    if let Some((address, prefix)) = text.split_once('/') {
        let address: Option<IpAddr> = address.parse().ok();
        let bits = address.map_or(0, |address| if address.is_ipv4() { 32 } else { 128 });
        let prefix = prefix.parse().ok().filter(|&prefix: &u8| prefix <= bits);
        return match (address, prefix) {
            (Some(address), Some(prefix)) => Ok(InterfaceSelector::Cidr(address, prefix)),
            _ => Err("expected a network like `10.0.0.0/8`".to_owned()),
        };
    }
    Ok(match text.parse() {
        Ok(address) => InterfaceSelector::Address(address),
        Err(_) => InterfaceSelector::Name(text.to_owned()),
    })
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let config = args.show.as_deref().map(|path| ShowFile::read(path)?.report()).transpose()?;
    let console = Console::stderr();
    args.log.start(&console, "info")?;
    let stop = Stop::on_signals()?;

    let network = network(args, config.as_ref());
    let wanted = wanted(args, config.as_ref());
    let what = match &config {
        Some(config) => format!("the show `{}`", config.name),
        None if wanted.is_some() => "chosen universes".to_owned(),
        None => "everything heard".to_owned(),
    };
    let mut options = args.file.options(&args.output, &what);
    options.only = wanted.clone().unwrap_or_default();
    let ports = (network.sacn_port, network.artnet_port);
    let universes = wanted.map(|wanted| wanted.into_iter().filter_map(sacn).collect());
    let listen = Listen { network, universes, share: args.share };
    let recording = Recording::start(listen, options).map_err(Failure::cannot_start)?;

    let status = recording.status();
    let place = match &status.interfaces[..] {
        [] => "no interface yet".to_owned(),
        names => names.join(", "),
    };
    let file = status.report.file.display();
    let ready = format!("recording: sACN {}, Art-Net {} on {place} to {file}", ports.0, ports.1);
    // A recording goes on when nobody reads its stdout.
    let _ = writeln!(out, "{ready}").and_then(|()| out.flush());
    watch(&recording, args, &console, stop);
    console.clear_status();
    let report = recording.stop();
    writeln!(out, "{}", summary(&report))?;
    judge(&report)
}

fn network(args: &Args, config: Option<&Config>) -> Network {
    let mut network =
        config.map_or_else(|| Network::of_show("record"), |config| config.network.clone());
    if !args.interface.is_empty() {
        network.interfaces.clone_from(&args.interface);
    }
    network.sacn_port = args.sacn_port.unwrap_or(network.sacn_port);
    network.artnet_port = args.artnet_port.unwrap_or(network.artnet_port);
    network
}

/// The universes asked for; `None` = whatever there is.
fn wanted(args: &Args, config: Option<&Config>) -> Option<BTreeSet<Universe>> {
    let listed = args.universe.iter().flat_map(|list| list.0.iter().copied());
    let groups = config.into_iter().flat_map(|config| &config.groups);
    let patched = groups.flat_map(|group| &group.slots).map(|slot| slot.universe);
    let wanted: BTreeSet<Universe> = listed.chain(patched).collect();
    (!wanted.is_empty()).then_some(wanted)
}

fn sacn(universe: Universe) -> Option<u16> {
    match universe {
        Universe::Sacn(universe) => Some(universe.number()),
        Universe::ArtNet(_) => None,
    }
}

/// Waits until the recording is to end, or has.
fn watch(recording: &Recording, args: &Args, console: &Console, mut stop: Stop) {
    let start = Instant::now();
    let usual = Duration::from_secs(if console.is_terminal() { 1 } else { 10 });
    let every = args.status_every.unwrap_or(usual);
    let mut progress = Progress::new(start);
    let mut tell_at = start + every;
    loop {
        let now = Instant::now();
        let mut due = now + Duration::from_millis(250);
        if !every.is_zero() {
            due = due.min(tell_at);
        }
        if let Some(duration) = args.duration {
            due = due.min(start + duration);
        }
        if stop.wait_until(due) || args.duration.is_some_and(|time| start.elapsed() >= time) {
            return;
        }
        let status = recording.status();
        if status.report.error.is_some() {
            return;
        }
        if !every.is_zero() && Instant::now() >= tell_at {
            tell_at += every;
            progress.tell(&status, console);
        }
    }
}

/// Whether all went well.
fn judge(report: &RecordReport) -> Result<(), Failure> {
    if let Some(error) = &report.error {
        return Err(Failure::light_lost(format!("the recording ended early: {error}")));
    }
    match report.lost + report.kernel_dropped {
        0 => Ok(()),
        lost => Err(Failure::light_lost(format!("{lost} packets are missing in the recording"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_named_as_in_a_show_file() {
        use InterfaceSelector::{Address, Cidr, Name};
        assert_eq!(interface("eth0"), Ok(Name("eth0".to_owned())));
        assert_eq!(interface("10.0.0.2"), Ok(Address([10, 0, 0, 2].into())));
        assert_eq!(interface("10.0.0.0/8"), Ok(Cidr([10, 0, 0, 0].into(), 8)));
        for text in ["10.0.0.0/33", "eth0/8", "10.0.0.0/"] {
            assert!(interface(text).is_err(), "{text}");
        }
    }
}
