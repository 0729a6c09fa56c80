//! `wristcast bands identify`: flashes bands, so that somebody sees which they are.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use wristcast_core::config::{BandConfig, Config, GattConfig, RadioKind};
use wristcast_core::lane::{LaneWriter, Stamp};
use wristcast_core::look::Look;
use wristcast_core::radio::Radio;
use wristcast_core::radio::driver::{self, LaneThread};
use wristcast_core::radio::gatt::GattRadio;
use wristcast_core::receive::Clock;
use wristcast_core::table::GroupTable;

use crate::duration;
use crate::exit::Failure;
use crate::show_file::ShowFile;
use crate::stop::Stop;

/// Half of a flash: lit so long, then dark so long. Twice a second, below what is known to harm.
const HALF: Duration = Duration::from_millis(250);

/// Longest wait for the bands to be connected.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(30);

const WHITE: Look = Look { red: 255, green: 255, blue: 255, dimmer: 255, ..Look::DARK };

/// Flash wristbands, twice a second: one, those of a group, or all of a show.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast bands identify show.toml --id F0:F1:F2:F3:F4:01
  wristcast bands identify show.toml --group floor-left --for 20s
  wristcast bands identify show.toml --all")]
pub(crate) struct Args {
    /// The show file.
    #[arg(value_name = "SHOW.toml")]
    show: PathBuf,
    #[command(flatten)]
    which: Which,
    /// How long to flash once they are connected.
    #[arg(long = "for", value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    time: Duration,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Bands by id.
    #[arg(long, value_name = "ID", num_args = 1..)]
    id: Vec<String>,
    /// Every band of this group.
    #[arg(long)]
    group: Option<String>,
    /// Every band of the show.
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let config = ShowFile::read(&args.show)?.report()?;
    let radios = chosen(&config, &args.which)?;
    let clock = Clock::start();
    let mut flashing = Vec::new();
    for (name, radio) in radios {
        flashing.push(Flashing::start(&name, GattRadio::new(&radio), clock)?);
    }
    let mut stop = Stop::on_signals()?;
    let connected = flash(&mut flashing, clock, args.time, &mut stop);
    let mut dark = 0;
    for one in flashing {
        let states = one.thread.telemetry().band_states(clock.now(), |_| String::new());
        for band in states.iter().filter(|band| band.frames == 0) {
            dark += 1;
            writeln!(out, "{}: {}", band.id, band.detail.as_deref().unwrap_or("no light"))?;
        }
        one.thread.stop();
    }
    writeln!(out, "{connected} flashed")?;
    match dark {
        0 => Ok(()),
        dark => Err(Failure::light_lost(format!("{dark} could not be reached"))),
    }
}

/// The radios of the show with the bands that are meant.
fn chosen(config: &Config, which: &Which) -> Result<Vec<(String, GattConfig)>, Failure> {
    let meant = |band: &BandConfig| {
        let by_id = which.id.iter().any(|id| id.eq_ignore_ascii_case(&band.id));
        let by_group =
            which.group.as_ref().is_some_and(|group| config.groups[band.group].name == *group);
        which.all || by_id || by_group
    };
    let mut radios = Vec::new();
    for radio in &config.radios {
        let RadioKind::Gatt(gatt) = &radio.kind else { continue };
        let bands = gatt.bands.iter().filter(|band| meant(band));
        // They flash as one, whatever their groups.
        let bands: Vec<_> = bands.map(|band| BandConfig { group: 0, ..band.clone() }).collect();
        if !bands.is_empty() {
            radios.push((radio.name.clone(), GattConfig { bands, ..gatt.clone() }));
        }
    }
    if radios.is_empty() {
        return Err(Failure::usage("the show has no such band: `wristcast bands list` shows them"));
    }
    Ok(radios)
}

/// A radio whose bands flash.
struct Flashing {
    lane: LaneWriter,
    thread: LaneThread,
    sequence: u64,
}

impl Flashing {
    fn start(name: &str, radio: impl Radio + 'static, clock: Clock) -> Result<Self, Failure> {
        let (lane, thread) = driver::spawn(name, radio, 1, clock).map_err(Failure::cannot_start)?;
        Ok(Self { lane, thread, sequence: 0 })
    }

    fn show(&mut self, clock: Clock, look: Look) {
        let mut table = GroupTable::new(1);
        table.set(0, look);
        self.sequence += 1;
        let now = clock.now();
        let stamp = Stamp { arrival: now, published: now, sequence: self.sequence, panic: false };
        self.lane.publish(&table, stamp);
    }
}

/// Flashes until all were connected for `time`, or nobody more comes; then leaves them dark. Gives
/// how many were lit.
fn flash(radios: &mut [Flashing], clock: Clock, time: Duration, stop: &mut Stop) -> u32 {
    let bands = |radios: &[Flashing]| -> (u32, u32) {
        let states = radios.iter().map(|one| one.thread.telemetry().radio_state());
        states.fold((0, 0), |(up, all), one| (up + one.bands_connected, all + one.bands))
    };
    let mut end = Instant::now() + CONNECT_TIME_MAX + time;
    let mut all_up = false;
    let mut lit = 0;
    for step in 0u32.. {
        let look = if step % 2 == 0 { WHITE } else { Look::DARK };
        radios.iter_mut().for_each(|one| one.show(clock, look));
        let (up, all) = bands(radios);
        lit = lit.max(up);
        if up == all && !all_up {
            all_up = true;
            end = Instant::now() + time;
        }
        let next = (Instant::now() + HALF).min(end);
        if stop.wait_until(next) || Instant::now() >= end {
            break;
        }
    }
    radios.iter_mut().for_each(|one| one.show(clock, Look::DARK));
    lit
}

#[cfg(test)]
mod tests {
    use super::*;
    use wristcast_core::config::SimulatedConfig;
    use wristcast_core::radio::simulated::SimulatedRadio;

    #[test]
    fn bands_that_are_identified_flash_and_end_dark() {
        let clock = Clock::start();
        let crowd = SimulatedConfig { bands_per_group: 3, loss: 0.0, ..SimulatedConfig::default() };
        let mut one = Flashing::start("crowd", SimulatedRadio::new(&crowd, 1), clock).unwrap();
        let telemetry = one.thread.telemetry().clone();
        let shown = |look: Look| {
            let states = telemetry.band_states(clock.now(), |_| String::new());
            states.len() == 3 && states.iter().all(|band| band.look == look.into())
        };
        for look in [WHITE, Look::DARK, WHITE, Look::DARK] {
            one.show(clock, look);
            let start = Instant::now();
            while !shown(look) {
                assert!(start.elapsed() < Duration::from_secs(60), "never came to show {look:?}");
                std::thread::yield_now();
            }
        }
        assert_eq!(one.thread.stop().settled, 3);
    }
}
