//! `wristcast reload`: has a running relay read its show file again.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::exit::Failure;
use crate::relay_api::{Api, RelayArgs};

/// How long a relay may take: radios that begin anew are not waited for, those that end are.
const PATIENCE: Duration = Duration::from_secs(15);

/// Have a running relay read its show file again, and tell what that changed.
///
/// The file is taken whole between two packets, or refused whole with every mistake in it, and the
/// show goes on as it was. Groups, universes and radios that stay keep their light. By `--pid` the
/// relay is only told to (as by SIGHUP); its log says what came of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast reload --token-file tokens.txt
  wristcast reload http://10.0.0.2:8420 --token-file tokens.txt --check
  wristcast reload --pid 4711

Exit codes: 0 ok, 1 the show file was refused, 2 command line wrong, 3 no relay answers")]
pub(crate) struct Args {
    #[command(flatten)]
    relay: RelayArgs,
    /// Only tell what would change, or why it would be refused.
    #[arg(long, conflicts_with = "pid")]
    check: bool,
    /// Tell the relay of this process id, on this machine.
    #[arg(long, value_name = "PID", conflicts_with = "url")]
    pid: Option<i32>,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    if let Some(pid) = args.pid {
        hang_up(pid)?;
        writeln!(
            out,
            "told process {pid} to read its show file again; its log says what came of it"
        )?;
        return Ok(());
    }
    let api = Api::with_patience(&args.relay.url, PATIENCE).map_err(Failure::usage)?;
    let Some(token) = args.relay.token()? else {
        return Err(Failure::usage(
            "a reload needs a token: `--token-file tokens.txt`, or WRISTCAST_TOKEN; on the relay's \
             own machine `--pid PID` does without",
        ));
    };
    let changes = ask(&api, &token, args.check)?;
    if changes.is_empty() {
        writeln!(out, "nothing changes: the file is the show that runs")?;
    }
    for change in changes {
        writeln!(out, "{change}")?;
    }
    Ok(())
}

/// What changed, or would.
fn ask(api: &Api, token: &str, check: bool) -> Result<Vec<String>, Failure> {
    let answer = api.order("reload", &json!({ "check": check }), token);
    let mut answer = answer.map_err(Failure::cannot_start)?;
    let body: Value = answer.body_mut().read_json().unwrap_or_default();
    let code = answer.status().as_u16();
    if code == 200 {
        let changes = body["changes"].as_array().into_iter().flatten();
        return Ok(changes.filter_map(|change| change.as_str().map(str::to_owned)).collect());
    }
    let why = body["error"].as_str().unwrap_or("it is no relay of this version").to_owned();
    Err(match code {
        422 => Failure::show_file(Some(format!("refused, the show goes on as it was:\n{why}"))),
        401 | 403 => Failure::usage(why),
        _ => {
            let url = api.url();
            Failure::cannot_start(format!("the relay at {url} answers with code {code}: {why}"))
        }
    })
}

#[cfg(unix)]
fn hang_up(pid: i32) -> Result<(), Failure> {
    use rustix::process::{Pid, Signal, kill_process};
    // Zero and less are groups of processes.
    let pid = Pid::from_raw(pid).filter(|_| pid > 0);
    let Some(pid) = pid else {
        return Err(Failure::usage("a process id is a number greater than 0"));
    };
    kill_process(pid, Signal::HUP).map_err(|error| {
        Failure::cannot_start(format!("process {}: {error}", pid.as_raw_nonzero()))
    })
}

#[cfg(not(unix))]
fn hang_up(_pid: i32) -> Result<(), Failure> {
    Err(Failure::usage("this system has no SIGHUP; give the URL of the relay's API"))
}
