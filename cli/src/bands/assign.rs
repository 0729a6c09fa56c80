//! `wristcast bands assign`: which band belongs to which group.

use std::io::Write;
use std::path::PathBuf;

use wristcast_core::band::profile::matches;
use wristcast_core::config::{Config, InventoryBand};
use wristcast_core::inventory::{Inventory, Sighting, nearest};

use super::scan::Listen;
use super::{Stock, failure, inventory};
use crate::exit::Failure;

/// Assign wristbands to a group: by id, by name, or the one that is nearest to the antenna now.
///
/// Written to SHOW.bands.toml beside the show, whole or not at all; comments in it stay. A band that
/// has a group already moves.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast bands assign show.toml floor-left --id F0:F1:F2:F3:F4:01
  wristcast bands assign show.toml floor-left --name 'wristcast-1*'
  wristcast bands assign show.toml floor-left --nearest")]
pub(crate) struct Args {
    /// The show file.
    #[arg(value_name = "SHOW.toml")]
    show: PathBuf,
    /// The group.
    group: String,
    #[command(flatten)]
    which: Which,
    /// The radio that reaches them; the first of kind gatt if left out.
    #[arg(long)]
    radio: Option<String>,
    /// Their profile, if it is not the one they were recognised by.
    #[arg(long)]
    profile: Option<String>,
    #[command(flatten)]
    listen: Listen,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Bands by id; they need not be near.
    #[arg(long, value_name = "ID", num_args = 1..)]
    id: Vec<String>,
    /// Every band that is heard by such a name; `*` at the end stands for any ending.
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    name: Vec<String>,
    /// The band nearest to the antenna, of those that have no group yet.
    #[arg(long)]
    nearest: bool,
}

/// Take wristbands off the list: the relay leaves them alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast bands forget show.toml F0:F1:F2:F3:F4:01")]
pub(crate) struct ForgetArgs {
    /// The show file.
    #[arg(value_name = "SHOW.toml")]
    show: PathBuf,
    /// Bands by id.
    #[arg(value_name = "ID", required = true)]
    id: Vec<String>,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let Stock { config, mut inventory } = Stock::open(&args.show)?;
    check_names(&config, args)?;
    let bands = chosen(args, &config, &inventory)?;
    for band in &bands {
        let moved = inventory.band(&band.id).and_then(|band| band.group.clone());
        inventory.put(band);
        let name = band.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
        let from = match moved {
            Some(group) if group != args.group => format!(", was in {group}"),
            _ => String::new(),
        };
        writeln!(out, "{}{name}: {}{from}", band.id, args.group)?;
    }
    inventory.save().map_err(failure)?;
    // Whatever the show says of these bands now, it says here and not first when it runs.
    crate::show_file::ShowFile::read(&args.show)?.report().map(drop)
}

pub(crate) fn forget(args: &ForgetArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut inventory = inventory(&args.show)?;
    for id in &args.id {
        if !inventory.forget(id) {
            return Err(Failure::usage(format!("{id} is not in the inventory")));
        }
        writeln!(out, "{id}: forgotten")?;
    }
    inventory.save().map_err(failure)
}

fn check_names(config: &Config, args: &Args) -> Result<(), Failure> {
    if !config.groups.iter().any(|group| group.name == args.group) {
        let names: Vec<&str> =
            config.groups.iter().take(12).map(|group| group.name.as_str()).collect();
        let message = format!("no group is called `{}`; there is {}", args.group, names.join(", "));
        return Err(Failure::usage(message));
    }
    if let Some(radio) = &args.radio
        && !config.radios.iter().any(|known| known.name == *radio)
    {
        return Err(Failure::usage(format!("no radio is called `{radio}`")));
    }
    Ok(())
}

/// The bands that are meant, as they will stand in the inventory.
fn chosen(
    args: &Args,
    config: &Config,
    inventory: &Inventory,
) -> Result<Vec<InventoryBand>, Failure> {
    let entry = |sighting: &Sighting| InventoryBand {
        id: sighting.id.clone(),
        name: sighting.name.clone(),
        profile: args.profile.clone().or(sighting.profile.clone()),
        group: Some(args.group.clone()),
        radio: args.radio.clone(),
    };
    if !args.which.id.is_empty() {
        let by_id = |id: &String| {
            let profile = args.profile.clone();
            entry(&Sighting { id: id.clone(), profile, ..Sighting::default() })
        };
        return Ok(args.which.id.iter().map(by_id).collect());
    }
    let heard = args.listen.hear(Some(config), false)?;
    if args.which.nearest {
        let assigned = |id: &str| inventory.band(id).is_some_and(|band| band.group.is_some());
        let fits = |one: &Sighting| {
            (one.profile.is_some() || args.profile.is_some()) && !assigned(&one.id)
        };
        let one = nearest(&heard, fits).map_err(Failure::cannot_start)?;
        return Ok(vec![entry(one)]);
    }
    let named = |one: &&Sighting| {
        let name = one.name.as_deref();
        name.is_some_and(|name| args.which.name.iter().any(|pattern| matches(pattern, name)))
    };
    let mut bands: Vec<&Sighting> = heard.iter().filter(named).collect();
    if let Some(odd) = bands.iter().find(|one| one.profile.is_none() && args.profile.is_none()) {
        let name = odd.name.as_deref().unwrap_or_default();
        return Err(Failure::usage(format!("what kind of band is {name}? Say it with --profile")));
    }
    bands.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    if bands.is_empty() {
        let patterns = args.which.name.join(" or ");
        return Err(Failure::cannot_start(format!("no band called {patterns} was heard")));
    }
    Ok(bands.into_iter().map(entry).collect())
}
