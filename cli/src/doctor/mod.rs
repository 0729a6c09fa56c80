//! `wristcast doctor`: what on this machine would keep the light away, and what to do about it.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the command |
//! | `examine.rs` | looks at everything, in order |
//! | `finding.rs`, `print.rs`, `watch.rs` | what is found, how it is told, what changed |
//! | `wanted.rs` | what the show wants of the machine |
//! | `system.rs`, `holders.rs`, `echo.rs` | asking the system, never as root, and the network |
//! | the others | one subject each: `collect` asks the system for facts, `judge` makes findings of them |
//!
//! Judgements are functions of facts, so that a machine of any kind can be judged in a test.

mod bluetooth;
mod buffers;
mod clock;
mod descriptors;
mod disk;
mod echo;
mod examine;
mod finding;
mod firewall;
mod holders;
mod interfaces;
mod kernel;
mod ports;
mod power;
mod print;
mod relay;
mod relay_thread;
mod self_test;
mod show;
mod system;
mod timing;
mod wanted;
mod watch;
mod wifi;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use examine::Wishes;
use finding::{Report, Verdict};
use print::Palette;
use wanted::Wanted;

use crate::duration;
use crate::exit::Failure;
use crate::show_file::ShowFile;

/// Look for whatever on this machine would keep the light away, and say what to do about it.
///
/// With a show, its interfaces, ports and radios are looked at; without one, what any show needs.
/// Sends packets from this machine to itself; a show that runs, here or elsewhere, does not notice.
/// Never needs root, and says where it could not look without.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast doctor
  wristcast doctor show.toml
  wristcast doctor show.toml --watch
  wristcast doctor show.toml --json | jq '.findings[] | select(.verdict != \"ok\")'

Exit codes: 0 all is well, 1 warnings, 2 faults, or the command line is wrong")]
pub(crate) struct Args {
    /// The show that is to run.
    #[arg(value_name = "SHOW.toml")]
    show: Option<PathBuf>,
    /// Print the findings as JSON; with --watch, an object a line.
    #[arg(long)]
    json: bool,
    /// Look again whenever a cable, an address, a dongle or the show file changes, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// Reset the show's HCI controllers and ask what they can do. Not while a show uses them.
    #[arg(long, requires = "show")]
    controllers: bool,
    /// How long to time packets.
    #[arg(long = "for", value_name = "DURATION", default_value = "2s", value_parser = duration::parse)]
    time: Duration,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let report = if args.watch {
        watch::watch(|time| look(args, time), args.time, args.show.as_deref(), args.json, out)?
    } else {
        let report = look(args, args.time);
        if args.json {
            writeln!(out, "{:#}", print::json(&report))?;
        } else {
            let coloured = std::io::stdout().is_terminal();
            let palette = if coloured { Palette::Coloured } else { Palette::Plain };
            print::report(&report, palette, out)?;
        }
        report
    };
    match report.worst() {
        Verdict::Ok => Ok(()),
        Verdict::Warning => Err(Failure::found(1)),
        Verdict::Fault => Err(Failure::found(2)),
    }
}

/// The show file first: what it says decides what the rest is measured by.
fn look(args: &Args, time: Duration) -> Report {
    let mut found = Vec::new();
    let mut config = None;
    if let Some(path) = &args.show {
        match ShowFile::read(path) {
            Ok(file) => {
                found.extend(show::judge(&file));
                config = file.config;
            }
            Err(_) => found.push(show::unreadable(path)),
        }
    }
    let wanted = Wanted::of(args.show.as_deref(), config.as_ref());
    let wishes = Wishes { ask_controllers: args.controllers, timing: time };
    found.extend(examine::machine(&wanted, wishes).0);
    Report(found)
}
