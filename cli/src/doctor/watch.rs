//! `doctor --watch`: looks again whenever something was plugged, unplugged or saved, and says what is
//! different now.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crossterm::terminal::{Clear, ClearType};
use crossterm::{cursor, execute};
use serde_json::json;
use wristcast_core::interfaces::{self, Interface};

use super::finding::Report;
use super::print::{self, Palette};
use super::system;
use crate::exit::Failure;
use crate::stop::Stop;

/// How often is looked whether anything is different. A cable that is plugged in takes a moment to
/// settle: only what was the same twice is looked at closely.
const EVERY: Duration = Duration::from_millis(300);

/// What shows that something was changed by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signs {
    interfaces: Vec<Interface>,
    carriers: Vec<Option<String>>,
    devices: Vec<String>,
    adapters: Vec<String>,
    saved: Option<SystemTime>,
}

impl Signs {
    fn read(show: Option<&Path>) -> Self {
        let names = system::names("/sys/class/net");
        let carrier = |name: &String| system::read(format!("/sys/class/net/{name}/carrier"));
        let mut devices = system::names("/dev");
        devices.retain(|name| {
            name.starts_with("ttyACM") || name.starts_with("ttyUSB") || name.starts_with("cu.")
        });
        Self {
            interfaces: interfaces::list().unwrap_or_default(),
            carriers: names.iter().map(carrier).collect(),
            devices,
            adapters: system::names("/sys/class/bluetooth"),
            saved: show.and_then(|show| std::fs::metadata(show).ok()?.modified().ok()),
        }
    }
}

/// Nobody waits for packets to be timed with a cable in the hand.
const TIMING_AGAIN: Duration = Duration::from_millis(200);

/// Looks until Ctrl-C, `time` long at first; gives the last report.
pub(super) fn watch(
    look: impl Fn(Duration) -> Report,
    time: Duration,
    show: Option<&Path>,
    json: bool,
    out: &mut dyn Write,
) -> Result<Report, Failure> {
    let mut stop = Stop::on_signals()?;
    let mut seen = Signs::read(show);
    let mut report = look(time);
    tell(None, &report, json, out)?;
    let mut moving = None;
    while !stop.wait_until(Instant::now() + EVERY) {
        let signs = Signs::read(show);
        if signs == seen {
            moving = None;
            continue;
        }
        if moving.as_ref() != Some(&signs) {
            moving = Some(signs);
            continue;
        }
        seen = signs;
        let now = look(TIMING_AGAIN.min(time));
        if now.new_since(&report).chain(now.gone_since(&report)).next().is_some() {
            tell(Some(&report), &now, json, out)?;
        }
        report = now;
    }
    Ok(report)
}

/// All of it, and below what is different; on paper, after the first, only that.
fn tell(
    before: Option<&Report>,
    now: &Report,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if json {
        let mut line = print::json(now);
        if let Some(before) = before {
            line["new"] = json!(now.new_since(before).collect::<Vec<_>>());
            line["gone"] = json!(now.gone_since(before).collect::<Vec<_>>());
        }
        writeln!(out, "{line}")?;
        return Ok(out.flush()?);
    }
    let terminal = std::io::stdout().is_terminal();
    let palette = if terminal { Palette::Coloured } else { Palette::Plain };
    if terminal {
        execute!(std::io::stdout(), Clear(ClearType::All), cursor::MoveTo(0, 0))?;
    }
    if before.is_none() || terminal {
        print::report(now, palette, out)?;
    }
    if let Some(before) = before {
        writeln!(out, "\nchanged:")?;
        for gone in now.gone_since(before) {
            writeln!(out, "no more: {}", gone.what)?;
        }
        for new in now.new_since(before) {
            print::finding(new, palette, out)?;
        }
    }
    if terminal {
        writeln!(out, "\nlooking again when something changes; Ctrl-C ends it")?;
    }
    Ok(out.flush()?)
}
