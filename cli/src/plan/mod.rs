//! `wristcast plan`: what a number of radios will do for a crowd, before anything is bought.

mod picture;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use wristcast_core::air::coverage::{audible, battery_hours, covered_by_grid};
use wristcast_core::air::latency::{Hearing, quantile};
use wristcast_core::air::{Budget, heard};
use wristcast_core::config::{AirWay, BroadcastConfig};

use crate::exit::Failure;
use crate::table;

/// Reckon coverage, latency and battery of a broadcast, from the model that the simulated crowd
/// checks.
///
/// No radio was measured: range and packet loss are what you put in.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast plan --bands 50000 --area 30000 --radios 32 --groups 80
  wristcast plan --bands 800 --area 1200 --radios 2 --range 18 --way legacy --groups 6 --picture plan.svg")]
pub(crate) struct Args {
    /// Wristbands.
    #[arg(long, default_value_t = 1000)]
    bands: u32,
    /// Groups.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    groups: u32,
    /// Area of the crowd, square metres.
    #[arg(long, default_value_t = 2000.0, value_parser = above_zero)]
    area: f64,
    /// Radios, spread evenly over it.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=4096))]
    radios: u32,
    /// Range of a radio, metres: some 18 through a crowd, 30 and more from above.
    #[arg(long, default_value_t = 30.0, value_parser = above_zero)]
    range: f64,
    /// Kind of adverts.
    #[arg(long, value_enum, default_value_t = Way::Extended)]
    way: Way,
    /// Advertising interval, ms.
    #[arg(long, default_value_t = 20.0, value_parser = above_zero)]
    interval: f64,
    /// Share of packets lost to anything but collisions, 0 to 0.95.
    #[arg(long, default_value_t = 0.1, value_parser = share)]
    loss: f64,
    /// Share of time that bands listen, 0.01 to 1; with a periodic train the receiver is on only
    /// when the train passes.
    #[arg(long, default_value_t = 1.0, value_parser = duty)]
    duty: f64,
    /// Battery of a band, mAh.
    #[arg(long, default_value_t = 100.0, value_parser = above_zero)]
    battery: f64,
    /// What a receiver takes while it is on, mA.
    #[arg(long, default_value_t = 6.0, value_parser = above_zero)]
    receiver: f64,
    /// What the lamps take on average, mA.
    #[arg(long, default_value_t = 15.0, value_parser = above_zero)]
    lamps: f64,
    /// Also draw it: an SVG file.
    #[arg(long, value_name = "FILE.svg")]
    picture: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Way {
    Legacy,
    Extended,
    Periodic,
}

/// What the model says.
struct Plan {
    covered: f64,
    /// Share of bands that hear 0, 1, 2, ... radios.
    audible: [f64; 9],
    budget: Budget,
    bands: Vec<Hearing>,
    period: Duration,
    battery_hours: f64,
}

/// The shares of bands that latencies are given for.
const SHARES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

impl Plan {
    fn of(args: &Args) -> Self {
        let way = match args.way {
            Way::Legacy => AirWay::Legacy,
            Way::Extended => AirWay::Extended,
            Way::Periodic => AirWay::Periodic,
        };
        let interval = Duration::from_secs_f64(args.interval / 1000.0);
        let radio = BroadcastConfig {
            way,
            interval,
            loss: args.loss,
            key: Some(broadcast_key()),
            ..BroadcastConfig::default()
        };
        let budget = Budget::of(&radio, args.groups as usize);
        let audible = audible(args.radios as usize, args.range, args.area);
        let data = way.room() + 4;
        let hearing = |(radios, share): (usize, &f64)| {
            let one = heard(way, interval, data, radios, args.loss, args.duty);
            Hearing { share: *share, heard: 1.0 - (1.0 - one).powi(radios as i32) }
        };
        // Of those who hear any: the others are in the coverage.
        let reached = 1.0 - audible[0];
        let bands = audible.iter().enumerate().skip(1).map(hearing);
        let bands = bands.map(|band| Hearing { share: band.share / reached, ..band }).collect();
        let duty = match way {
            // The receiver wakes some milliseconds before each train.
            AirWay::Periodic => (args.duty * 2.5 / args.interval).min(1.0),
            _ => args.duty,
        };
        Self {
            covered: covered_by_grid(args.radios as usize, args.range, args.area),
            audible,
            period: budget.slot * budget.frames as u32,
            budget,
            bands,
            battery_hours: battery_hours(args.battery, duty, args.receiver, args.lamps),
        }
    }

    fn latency(&self, of: f64) -> Option<Duration> {
        quantile(&self.bands, self.period, of)
    }
}

/// Any key: it is only its code that takes room.
const fn broadcast_key() -> wristcast_core::band::broadcast_key::Key {
    wristcast_core::band::broadcast_key::Key([0; 16])
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let plan = Plan::of(args);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let ms = |time: Option<Duration>| {
        time.map_or("never".to_owned(), |time| format!("{:.0} ms", time.as_secs_f64() * 1000.0))
    };
    let mean: f64 = plan.audible.iter().enumerate().map(|(n, share)| n as f64 * share).sum();
    let mut rows = vec![
        ["covered, radios on a grid".to_owned(), percent(plan.covered)],
        ["covered, radios anywhere".to_owned(), percent(1.0 - plan.audible[0])],
        ["radios a band hears".to_owned(), format!("{mean:.1}")],
        [
            "bands that hear none, radios anywhere".to_owned(),
            format!("{:.0}", plan.audible[0] * f64::from(args.bands)),
        ],
        ["frames for all groups, at worst".to_owned(), plan.budget.frames.to_string()],
        ["time of one controller on the air".to_owned(), percent(plan.budget.busy)],
    ];
    for share in SHARES {
        let what = format!("every group changes: {} of bands have it", percent(share));
        rows.push([what, ms(plan.latency(share))]);
    }
    rows.push(["battery".to_owned(), format!("{:.1} h", plan.battery_hours)]);
    table::print(out, ["WHAT", "RECKONED"], &rows)?;
    if let Some(file) = &args.picture {
        let picture = picture::draw(args, &plan);
        std::fs::write(file, picture).map_err(|error| {
            Failure::cannot_start(format!("cannot write {}: {error}", file.display()))
        })?;
        writeln!(out, "\n{}: the plan as a picture", file.display())?;
    }
    Ok(())
}

fn above_zero(text: &str) -> Result<f64, String> {
    number(text, f64::MIN_POSITIVE, 1e9, "a number above 0")
}

fn share(text: &str) -> Result<f64, String> {
    number(text, 0.0, 0.95, "a share from 0 to 0.95")
}

fn duty(text: &str) -> Result<f64, String> {
    number(text, 0.01, 1.0, "a share from 0.01 to 1")
}

fn number(text: &str, least: f64, most: f64, expected: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("expected {expected}"))
}
