//! `wristcast bands profiles`: the kinds of band there are, and what is written to one.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use wristcast_core::band::BandFrame;
use wristcast_core::band::profile::{Encoder, FrameBytes, Profile};
use wristcast_core::config::{Config, RadioKind};
use wristcast_core::look::Look;
use wristcast_core::time::Time;

use crate::exit::Failure;
use crate::show_file::ShowFile;
use crate::table;

/// List the band profiles: the built-in ones, and with a show those of its own.
///
/// A profile says how a kind of band is recognised and spoken to. `wristcast check FILE` checks one
/// of your own and shows what it writes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast bands profiles
  wristcast bands profiles show.toml
  wristcast bands profiles --frames elk-bledom
  wristcast bands profiles --json | jq '.[].name'")]
pub(crate) struct Args {
    /// A show whose profiles are listed as well.
    #[arg(value_name = "SHOW.toml")]
    show: Option<PathBuf>,
    /// What this profile writes, look by look.
    #[arg(long, value_name = "PROFILE")]
    frames: Option<String>,
    /// Print them as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let mut profiles: Vec<Arc<Profile>> =
        Profile::builtin_names().filter_map(Profile::builtin).map(Arc::new).collect();
    if let Some(show) = &args.show {
        let config = ShowFile::read(show)?.report()?;
        profiles.extend(own_profiles(&config));
    }
    if let Some(wanted) = &args.frames {
        let profile =
            profiles.iter().find(|profile| profile.name() == wanted).ok_or_else(|| {
                Failure::usage(format!(
                    "no profile `{wanted}`: `wristcast bands profiles` lists them"
                ))
            })?;
        return Ok(frames(profile, out)?);
    }
    if args.json {
        let all: Vec<Value> = profiles.iter().map(|profile| describe(profile)).collect();
        writeln!(out, "{:#}", Value::from(all))?;
        return Ok(());
    }
    let head = ["PROFILE", "NAMES", "FADES", "STROBES", "FRAMES/S", "SOURCES", "WHAT"];
    let rows = profiles.iter().map(|profile| row(profile)).collect::<Vec<_>>();
    Ok(table::print(out, head, &rows)?)
}

/// The profiles of its own that the radios and bands of a show have.
pub(super) fn own_profiles(config: &Config) -> Vec<Arc<Profile>> {
    let gatt = config.radios.iter().filter_map(|radio| match &radio.kind {
        RadioKind::Gatt(gatt) => Some(gatt),
        RadioKind::Simulated(_) | RadioKind::Broadcast(_) => None,
    });
    let used = gatt
        .flat_map(|gatt| gatt.profile.iter().chain(gatt.bands.iter().map(|band| &band.profile)));
    let mut own: Vec<Arc<Profile>> = Vec::new();
    for profile in used {
        let is_builtin = Profile::builtin_names().any(|name| name == profile.name());
        if !is_builtin && own.iter().all(|known| known.name() != profile.name()) {
            own.push(Arc::clone(profile));
        }
    }
    own
}

fn row(profile: &Profile) -> [String; 7] {
    let by = |band: bool| if band { "band" } else { "relay" }.to_owned();
    let strobes = if profile.strobes() { "band" } else { "no" }.to_owned();
    let names = match profile.names() {
        [] => "-".to_owned(),
        names => names.join(" "),
    };
    let rate = 1.0 / profile.min_interval().as_secs_f64().max(0.001);
    [
        profile.name().to_owned(),
        names,
        by(profile.fades()),
        strobes,
        format!("{rate:.0}"),
        sources(profile).to_string(),
        profile.about().to_owned(),
    ]
}

/// How many say what the colour frame is: the most that agree on one example.
fn sources(profile: &Profile) -> usize {
    profile.examples().iter().map(|example| example.sources.len()).max().unwrap_or(0)
}

fn describe(profile: &Profile) -> Value {
    let example = |example: &wristcast_core::band::profile::Example| json!({ "frame": example.frame.to_string(), "sources": example.sources });
    json!({
        "name": profile.name(),
        "about": profile.about(),
        "names": profile.names(),
        "service": profile.service().map(|service| service.to_string()),
        "characteristic": profile.characteristic().to_string(),
        "min_interval_ms": profile.min_interval().as_millis() as u64,
        "fades": profile.fades(),
        "strobes": profile.strobes(),
        "examples": profile.examples().iter().map(example).collect::<Vec<_>>(),
    })
}

/// What a profile writes after connecting and for a few looks.
pub(crate) fn frames(profile: &Profile, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}: {}", profile.name(), profile.about())?;
    let service = profile.service().map_or("any service".to_owned(), |s| format!("service {s}"));
    writeln!(out, "characteristic {} of {service}", profile.characteristic())?;
    let least = profile.min_interval().as_millis();
    writeln!(out, "at most one frame in {least} ms, of {} bytes\n", profile.frame_len_max())?;
    let mut rows = Vec::new();
    for (frame, _) in profile.connect_writes() {
        rows.push(["after connecting".to_owned(), frame.to_string()]);
    }
    let mut encoder = Encoder::default();
    for (index, (name, look, panic)) in looks().into_iter().enumerate() {
        let fits =
            (look.fade_cs == 0 || profile.fades()) && (look.strobe_dhz == 0 || profile.strobes());
        if !fits {
            continue;
        }
        let frame = BandFrame { look, sequence: index as u8, first: index == 0, panic };
        let writes = encoder.writes(profile, Time::from_millis(index as u64), &frame);
        let bytes: Vec<String> = writes.iter().map(FrameBytes::to_string).collect();
        rows.push([name.to_owned(), bytes.join(", then ")]);
    }
    table::print(out, ["LOOK", "BYTES"], &rows)
}

fn looks() -> [(&'static str, Look, bool); 10] {
    let full = Look { dimmer: 255, ..Look::DARK };
    [
        ("red", Look { red: 255, ..full }, false),
        ("green", Look { green: 255, ..full }, false),
        ("blue", Look { blue: 255, ..full }, false),
        ("white", Look { white: 255, ..full }, false),
        ("amber, half", Look { red: 255, green: 128, dimmer: 128, ..full }, false),
        ("red over 1 s", Look { red: 255, fade_cs: 100, ..full }, false),
        ("red at 5 Hz", Look { red: 255, strobe_dhz: 50, ..full }, false),
        ("dark", Look::DARK, false),
        ("blackout", Look::DARK, true),
        ("red after it", Look { red: 255, ..full }, false),
    ]
}
