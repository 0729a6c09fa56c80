//! `wristcast send`: a test console.

mod fixture;
mod pattern;

use std::fmt::Write as _;
use std::io::Write;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use wristcast_core::universe::Universe;

use crate::colour::Colour;
use crate::desk::{Desk, Destination, Identity, Ports, SOURCE_NAME_BYTES_MAX};
use crate::duration;
use crate::exit::Failure;
use crate::stop::Stop;
use crate::universes::UniverseList;
use fixture::Fixtures;
use pattern::{Effect, Pattern};

/// Send a test pattern by sACN or Art-Net, as a lighting console would.
///
/// sACN goes to the universes' multicast groups, Art-Net to the broadcast address of every running
/// interface, unless --to names an address. The universes are filled with fixtures of one
/// personality from --address on. sACN streams are ended properly, so that receivers notice at
/// once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast send rainbow sacn/1..4                        four universes by multicast
  wristcast send solid sacn/1 --colour '#ff8000' --interface lo
  wristcast send chase artnet/0/0/1 --personality drgb --address 10 --to 10.0.0.5
  wristcast send full sacn/1,3,7..9 --priority 150 --for 10s")]
pub(crate) struct Args {
    /// What to play.
    pattern: Pattern,
    /// Universes: `sacn/1`, `sacn/1..4` (both ends included), `sacn/1,3,7..9`, `artnet/0/0/1`,
    /// `artnet/0/0/0..3`, `artnet/1`.
    #[arg(required = true, value_name = "UNIVERSES")]
    universes: Vec<UniverseList>,
    /// Colour of solid, chase and ramp: a name, `#rrggbb` or `#rrggbbww`.
    #[arg(long, visible_alias = "color", default_value = "white")]
    colour: Colour,
    /// Time of one round of chase, rainbow and ramp.
    #[arg(long, default_value = "4s", value_parser = duration::parse)]
    period: Duration,
    /// What every fixture is.
    #[arg(long, default_value = "rgb", value_parser = fixture::personality)]
    personality: fixture::Personality,
    /// First slot of the first fixture of each universe.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=512))]
    address: u16,
    /// Fixtures per universe; as many as fit if left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    count: Option<u16>,
    /// Frames per second.
    #[arg(long, value_name = "HZ", default_value_t = 44.0, value_parser = rate)]
    rate: f64,
    /// sACN priority, 0 (lowest) to 200.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(0..=200))]
    priority: u8,
    /// sACN source name, at most 63 bytes.
    #[arg(long, value_name = "NAME", default_value = "wristcast send", value_parser = source_name)]
    source_name: String,
    /// Send to this address instead: unicast, broadcast or multicast.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<IpAddr>,
    /// Send out of this interface, named by name or address; may be given more than once.
    #[arg(long, value_name = "INTERFACE")]
    interface: Vec<String>,
    /// Multicast sACN by IPv6.
    #[arg(long, conflicts_with = "to")]
    ipv6: bool,
    /// UDP port for sACN.
    #[arg(long, value_name = "PORT", default_value_t = 5568)]
    sacn_port: u16,
    /// UDP port for Art-Net.
    #[arg(long, value_name = "PORT", default_value_t = 6454)]
    artnet_port: u16,
    /// Stop after this time, `10s`; until Ctrl-C if left out.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    duration: Option<Duration>,
}

fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|hz| (0.1..=1000.0).contains(hz))
        .ok_or_else(|| "expected 0.1 to 1000 frames per second".to_owned())
}

fn source_name(text: &str) -> Result<String, String> {
    if text.len() > SOURCE_NAME_BYTES_MAX || text.contains('\0') {
        return Err(format!("expected at most {SOURCE_NAME_BYTES_MAX} bytes without NUL"));
    }
    Ok(text.to_owned())
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let mut universes: Vec<Universe> = Vec::new();
    for universe in args.universes.iter().flat_map(|list| &list.0) {
        if !universes.contains(universe) {
            universes.push(*universe);
        }
    }
    let fixtures = Fixtures::new(&args.personality, args.address, args.count)?;
    let ports = Ports { sacn: args.sacn_port, artnet: args.artnet_port };
    let destination = Destination::new(args.to, &args.interface, args.ipv6, ports)?;
    let identity = Identity { name: args.source_name.clone(), priority: args.priority };
    let mut desk = Desk::open(identity, &universes, &destination)?;
    let stop = Stop::on_signals()?;

    writeln!(out, "{}", announcement(args, &universes, &desk))?;
    let effect = Effect { pattern: args.pattern, colour: args.colour, period: args.period };
    let sent = play(&mut desk, universes.len(), &fixtures, effect, args, stop)?;
    writeln!(out, "{sent}")?;
    Ok(())
}

fn announcement(args: &Args, universes: &[Universe], desk: &Desk) -> String {
    let name = clap::ValueEnum::to_possible_value(&args.pattern)
        .map_or(String::new(), |value| value.get_name().to_owned());
    let mut line = format!("sending {name} on {}", universes[0]);
    if universes.len() > 1 {
        let _ = write!(line, " and {} more", universes.len() - 1);
    }
    let _ = write!(line, " to {} at {} Hz", desk.first_destinations(), args.rate);
    match args.duration {
        Some(duration) => {
            let _ = write!(line, " for {duration:?}");
        }
        None => line.push_str("; Ctrl-C ends it"),
    }
    line
}

/// What went out.
struct Sent {
    packets: u64,
    frames: u64,
    /// Frames whose time had passed before they could be sent.
    skipped: u64,
    /// Frames of which some packet was refused by the system.
    failed: u64,
    took: Duration,
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "sent {} packets, {} frames in {:.1} s",
            self.packets,
            self.frames,
            self.took.as_secs_f64()
        )?;
        if self.skipped > 0 {
            write!(f, "; {} frames skipped: the machine was too busy", self.skipped)?;
        }
        if self.failed > 0 {
            write!(f, "; {} frames could not be sent whole", self.failed)?;
        }
        Ok(())
    }
}

/// Frame n is due n periods after the start, whatever became of the ones before: no drift, and
/// after a stall no burst.
fn play(
    desk: &mut Desk,
    universes: usize,
    fixtures: &Fixtures,
    effect: Effect,
    args: &Args,
    mut stop: Stop,
) -> Result<Sent, Failure> {
    let start = Instant::now();
    let due = |frame: u64| start + Duration::from_secs_f64(frame as f64 / args.rate);
    let mut sent = Sent { packets: 0, frames: 0, skipped: 0, failed: 0, took: Duration::ZERO };
    let mut frame = 0;
    let mut was_well = true;
    while args.duration.is_none_or(|duration| due(frame) - start < duration) {
        if stop.wait_until(due(frame)) {
            break;
        }
        while due(frame + 1) <= Instant::now() {
            frame += 1;
            sent.skipped += 1;
        }
        for universe in 0..universes {
            fixtures.write(
                universe,
                universes,
                effect,
                due(frame) - start,
                desk.levels_mut(universe),
            );
        }
        match desk.send_frame() {
            Ok(()) => was_well = true,
            Err(error) if sent.frames == 0 => return Err(Failure::cannot_start(error)),
            Err(error) => {
                // Once per episode; a console goes on, the network may come back.
                if was_well {
                    eprintln!("warning: {error}; going on");
                }
                was_well = false;
                sent.failed += 1;
            }
        }
        sent.frames += 1;
        frame += 1;
    }
    // The last frame gets its time on the bands before the stream ends.
    stop.wait_until(due(frame));
    if let Err(error) = desk.terminate() {
        eprintln!("warning: the streams were not ended: {error}");
    }
    sent.packets = desk.sent();
    sent.took = start.elapsed();
    Ok(sent)
}
