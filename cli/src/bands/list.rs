//! `wristcast bands list`: the inventory.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use wristcast_core::config::InventoryBand;

use super::inventory;
use crate::exit::Failure;
use crate::table;

/// List the bands that are kept beside a show.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast bands list show.toml
  wristcast bands list show.toml --json")]
pub(crate) struct Args {
    /// The show file.
    #[arg(value_name = "SHOW.toml")]
    show: PathBuf,
    /// Print them as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let inventory = inventory(&args.show)?;
    let bands = inventory.bands();
    if args.json {
        let all: Vec<Value> = bands.iter().map(describe).collect();
        writeln!(out, "{:#}", Value::from(all))?;
        return Ok(());
    }
    if bands.is_empty() {
        writeln!(out, "no bands yet: `wristcast bands assign` adds them")?;
        return Ok(());
    }
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |band: &InventoryBand| {
        [
            band.id.clone(),
            or_dash(&band.name),
            or_dash(&band.profile),
            or_dash(&band.group),
            or_dash(&band.radio),
        ]
    };
    let rows: Vec<_> = bands.iter().map(row).collect();
    Ok(table::print(out, ["ID", "NAME", "PROFILE", "GROUP", "RADIO"], &rows)?)
}

fn describe(band: &InventoryBand) -> Value {
    json!({
        "id": band.id,
        "name": band.name,
        "profile": band.profile,
        "group": band.group,
        "radio": band.radio,
    })
}
