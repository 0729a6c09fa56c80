//! The command line of wristcast: one file per command, and [`main`] which runs the one asked for.

#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "the priority of a thread is in no safe library here")]
mod background;
mod bands;
mod check;
mod colour;
mod completions;
mod demo;
mod desk;
mod doctor;
mod duration;
mod exit;
mod gdtf;
mod http;
mod keep_awake;
mod keys;
mod latency;
mod logging;
mod man;
mod monitor;
mod night_log;
mod openapi;
mod osc;
mod output_file;
mod plan;
mod record;
mod recorded;
mod relay_api;
mod reload;
mod replay;
mod run;
mod running_show;
mod schema;
mod send;
mod served;
mod service;
mod show;
mod show_file;
mod size;
mod sources;
mod standby;
mod stop;
mod supervisor;
mod table;
mod universes;
mod utc;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Failure;

/// Relay from lighting consoles to light on BLE wristbands.
///
/// wristcast listens for DMX over the network (sACN and Art-Net), merges the consoles' levels,
/// maps them to groups of wristbands by a show file, and keeps every band showing the newest look.
#[derive(Debug, Parser)]
#[command(
    name = "wristcast",
    version,
    max_term_width = 100,
    after_help = exit::HELP,
    after_long_help = concat!(
        "First steps:\n  \
         wristcast demo --for 10s        a whole show on this machine, nothing else needed\n  \
         wristcast check show.toml       what a show file says, and what is wrong with it\n  \
         wristcast doctor show.toml      what on this machine would keep the light away\n  \
         wristcast run show.toml         relay it\n  \
         wristcast send rainbow sacn/1   a test console, where there is no lighting desk\n\n",
        "Exit codes:\n  \
         0  all went well\n  \
         1  the show file or the recording is wrong, or two recordings differ\n  \
         2  the command line is wrong\n  \
         3  could not start: port taken, interface missing, no permission, file not writable\n  \
         4  light was lost: at stop, or by a fault while running; a recording has gaps"
    ),
    propagate_version = true,
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Reload(reload::Args),
    Demo(demo::Args),
    Send(send::Args),
    Replay(replay::Args),
    Record(record::Args),
    Sources(sources::Args),
    Monitor(monitor::Args),
    Show(show::Args),
    Check(check::Args),
    Doctor(doctor::Args),
    Bands(bands::Args),
    Service(service::Args),
    Gdtf(gdtf::Args),
    Standby(standby::Args),
    Schema(schema::Args),
    Openapi(openapi::Args),
    Keys(keys::Args),
    Plan(plan::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Run(args) => run::run(&args, out),
            Self::Reload(args) => reload::run(&args, out),
            Self::Demo(args) => demo::run(&args, out),
            Self::Send(args) => send::run(&args, out),
            Self::Replay(args) => replay::run(&args, out),
            Self::Record(args) => record::run(&args, out),
            Self::Sources(args) => sources::run(&args, out),
            Self::Monitor(args) => monitor::run(&args),
            Self::Show(args) => show::run(&args, out),
            Self::Check(args) => check::run(&args, out),
            Self::Doctor(args) => doctor::run(&args, out),
            Self::Bands(args) => bands::run(&args, out),
            Self::Service(args) => service::run(&args, out),
            Self::Gdtf(args) => gdtf::run(&args, out),
            Self::Standby(args) => standby::run(&args, out),
            Self::Schema(args) => schema::run(&args, out),
            Self::Openapi(args) => openapi::run(&args, out),
            Self::Keys(args) => keys::run(&args, out),
            Self::Plan(args) => plan::run(&args, out),
            Self::Completions(args) => completions::run(&args, out),
            Self::Man(args) => man::run(&args, out),
        }
    }
}

/// Runs the command that the process's arguments ask for.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    // Stdout is line buffered and flushed at the end: what a command prints is never in pieces.
    let mut out = std::io::stdout();
    // What a relay did is in its log; its terminal may have been closed hours ago.
    let output_counts = !matches!(command, Command::Run(_));
    let result = command.run(&mut out).and_then(|()| match out.flush() {
        Err(error) if output_counts => Err(error.into()),
        _ => Ok(()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::error::ErrorKind;

    use super::*;

    /// The commands of a page: lines of code that begin with `wristcast`, or `sudo` before it; what is
    /// said of them stands two spaces off.
    fn commands(page: &str) -> impl Iterator<Item = Vec<String>> {
        let code = page.lines().filter(|line| line.starts_with("    "));
        let command = |line: &str| {
            let line = line.trim().trim_start_matches("$ ").trim_start_matches("sudo ");
            let line = line.split("  ").next()?.split(" 2>").next()?;
            let line = line.split(['#', '|', '>']).next()?;
            let words = line.split_whitespace().map(|word| word.trim_matches('\'').to_owned());
            let is_whole = !line.ends_with('\\');
            (is_whole && line.starts_with("wristcast ")).then(|| words.collect::<Vec<_>>())
        };
        code.filter_map(command)
    }

    /// Whether a word stands for something: `IPHONE`.
    fn stands_for_something(word: &str) -> bool {
        word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase())
    }

    #[test]
    fn every_command_of_the_guide_is_one() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
        let (mut count, mut wrong) = (0, Vec::new());
        for page in docs.chain([root.join("README.md")]) {
            if page.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            for command in commands(&std::fs::read_to_string(&page).unwrap()) {
                count += 1;
                let Err(error) = Cli::try_parse_from(&command) else { continue };
                let fits = match error.kind() {
                    ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
                    ErrorKind::ValueValidation => {
                        command.iter().any(|word| stands_for_something(word))
                    }
                    _ => false,
                };
                if !fits {
                    wrong.push(format!("{}: {command:?}: {error}", page.display()));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(count > 40, "the guide's commands are not found any more: {count}");
    }
}
