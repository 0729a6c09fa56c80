//! `wristcast bands`: the wristbands themselves.

mod assign;
mod identify;
mod list;
mod profiles;
mod scan;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use wristcast_core::config::{Config, inventory_name};
use wristcast_core::inventory::{Inventory, InventoryError};

use crate::exit::Failure;
use crate::show_file::{self, ShowFile};
pub(crate) use profiles::frames;

/// Wristbands: what kinds there are, which are near, which group each belongs to.
///
/// Which band belongs to which group is kept beside the show, in SHOW.bands.toml. Stop the relay
/// before `scan`, `assign` by name or nearest, and `identify`: a band it is connected to is not heard.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Scan(scan::Args),
    Assign(assign::Args),
    Forget(assign::ForgetArgs),
    List(list::Args),
    Identify(identify::Args),
    Profiles(profiles::Args),
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    match &args.command {
        Command::Scan(args) => scan::run(args, out),
        Command::Assign(args) => assign::run(args, out),
        Command::Forget(args) => assign::forget(args, out),
        Command::List(args) => list::run(args, out),
        Command::Identify(args) => identify::run(args, out),
        Command::Profiles(args) => profiles::run(args, out),
    }
}

/// A show and its inventory.
struct Stock {
    config: Config,
    inventory: Inventory,
}

impl Stock {
    fn open(show: &Path) -> Result<Self, Failure> {
        let config = ShowFile::read(show)?.report()?;
        Ok(Self { config, inventory: inventory(show)? })
    }
}

/// The inventory of a show.
fn inventory(show: &Path) -> Result<Inventory, Failure> {
    Inventory::open(&inventory_path(show)).map_err(|error| {
        if let InventoryError::Wrong(found) = &error {
            show_file::tell(found);
        }
        failure(error)
    })
}

fn inventory_path(show: &Path) -> PathBuf {
    show.with_file_name(inventory_name(&show.display().to_string()))
}

fn failure(error: InventoryError) -> Failure {
    match error {
        InventoryError::Wrong(_) => Failure::show_file(None),
        InventoryError::Read { .. } => Failure::show_file(Some(error.to_string())),
        InventoryError::Write { .. } => Failure::cannot_start(error),
    }
}

/// The text of a file that is no show.
fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))
}
