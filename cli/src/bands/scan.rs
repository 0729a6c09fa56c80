//! `wristcast bands scan`: which bands are near.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wristcast_core::band::profile::Profile;
use wristcast_core::config::{Config, InventoryBand};
use wristcast_core::inventory::{Antenna, Sighting};
use wristcast_core::radio::gatt::BluetoothAntenna;

use super::Stock;
use super::profiles::own_profiles;
use crate::duration;
use crate::exit::Failure;
use crate::table;

/// Listen for wristbands and list them, the nearest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast bands scan
  wristcast bands scan show.toml --battery
  wristcast bands scan --json > near.json
  wristcast bands scan show.toml --seen near.json")]
pub(crate) struct Args {
    /// A show: its bands are listed with their groups, and bands of its own profiles are recognised.
    #[arg(value_name = "SHOW.toml")]
    show: Option<PathBuf>,
    #[command(flatten)]
    listen: Listen,
    /// Every device that is heard, also what is no band.
    #[arg(long)]
    all: bool,
    /// Connect every band and ask for its battery; takes a second or two each.
    #[arg(long)]
    battery: bool,
    /// Print the devices as JSON.
    #[arg(long)]
    json: bool,
}

/// How to hear bands.
#[derive(Debug, clap::Args)]
pub(super) struct Listen {
    /// How long to listen.
    #[arg(long = "for", value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    time: Duration,
    /// Bluetooth adapter, `hci0`; the first if left out.
    #[arg(long)]
    adapter: Option<String>,
    /// Take what an earlier `scan --json` heard instead.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["adapter", "time"])]
    seen: Option<PathBuf>,
}

impl Listen {
    /// Everything that is heard, the strongest first; bands are recognised by the profiles of `show`
    /// and the built-in ones.
    pub(super) fn hear(
        &self,
        show: Option<&Config>,
        battery: bool,
    ) -> Result<Vec<Sighting>, Failure> {
        if let Some(path) = &self.seen {
            return serde_json::from_str(&super::read(path)?).map_err(|error| {
                Failure::usage(format!("{} is no saved scan: {error}", path.display()))
            });
        }
        // Show files call a profile of their own by its file.
        let own = show.map(own_profiles).unwrap_or_default().into_iter();
        let own = own.map(|profile| (format!("{}.toml", profile.name()), profile));
        let builtin = Profile::builtin_names().filter_map(|name| {
            Profile::builtin(name).map(|profile| (name.to_owned(), Arc::new(profile)))
        });
        let profiles = own.chain(builtin).collect();
        let mut antenna = BluetoothAntenna::new(self.adapter.clone(), profiles);
        antenna.scan(self.time, battery).map_err(Failure::cannot_start)
    }
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let stock = args.show.as_deref().map(Stock::open).transpose()?;
    let known = stock.as_ref().map(|stock| stock.inventory.bands().to_vec()).unwrap_or_default();
    let mut heard = args.listen.hear(stock.as_ref().map(|stock| &stock.config), args.battery)?;
    if !args.all {
        heard.retain(|one| one.profile.is_some() || entry(&known, &one.id).is_some());
    }
    if args.json {
        let json = serde_json::to_string_pretty(&heard).map_err(Failure::cannot_start)?;
        writeln!(out, "{json}")?;
        return Ok(());
    }
    if heard.is_empty() {
        writeln!(out, "no band was heard; `--all` lists every device")?;
        return Ok(());
    }
    let rows: Vec<_> = heard.iter().map(|one| row(one, &known)).collect();
    table::print(out, ["NAME", "ID", "RSSI", "PROFILE", "BATTERY", "GROUP"], &rows)?;
    Ok(())
}

fn entry<'k>(known: &'k [InventoryBand], id: &str) -> Option<&'k InventoryBand> {
    known.iter().find(|band| band.id.eq_ignore_ascii_case(id))
}

fn row(one: &Sighting, known: &[InventoryBand]) -> [String; 6] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        or_dash(one.name.clone()),
        one.id.clone(),
        or_dash(one.rssi.map(|dbm| format!("{dbm} dBm"))),
        or_dash(one.profile.clone()),
        or_dash(one.battery.map(|percent| format!("{percent} %"))),
        or_dash(entry(known, &one.id).and_then(|band| band.group.clone())),
    ]
}
