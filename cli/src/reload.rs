//! `wristcast reload`: has a running relay read its show file again.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

use crate::exit::Failure;
use crate::http::Tokens;
use crate::monitor;

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
    /// Where the relay's API listens.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8420", conflicts_with = "pid")]
    url: String,
    /// The token of whoever may change the show.
    #[arg(long, env = "WRISTCAST_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A token file, whose first token is taken.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// Only tell what would change, or why it would be refused.
    #[arg(long, conflicts_with = "pid")]
    check: bool,
    /// Tell the relay of this process id, on this machine.
    #[arg(long, value_name = "PID")]
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
    let url = monitor::base(&args.url)?;
    let token = match (&args.token, &args.token_file) {
        (Some(token), _) => token.clone(),
        (None, Some(file)) => Tokens::read(file)?.first().to_owned(),
        (None, None) => {
            return Err(Failure::usage(
                "a reload needs a token: `--token-file tokens.txt`, or WRISTCAST_TOKEN; on the \
                 relay's own machine `--pid PID` does without",
            ));
        }
    };
    let changes = ask(&url, &token, args.check)?;
    if changes.is_empty() {
        writeln!(out, "nothing changes: the file is the show that runs")?;
    }
    for change in changes {
        writeln!(out, "{change}")?;
    }
    Ok(())
}

/// What changed, or would.
fn ask(url: &str, token: &str, check: bool) -> Result<Vec<String>, Failure> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent
        .post(format!("{url}/api/v1/control/reload"))
        .header("Authorization", format!("Bearer {token}"))
        .header("X-Wristcast-Front", "terminal")
        .content_type("application/json")
        .send(json!({ "check": check }).to_string())
        .map_err(|error| {
            Failure::cannot_start(format!(
                "no relay answers at {url}: {error}\n  help: is it running, with `[http] listen` \
                 in its show file? Its first line names the address of its API"
            ))
        })?;
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
        _ => Failure::cannot_start(format!("the relay at {url} answers with code {code}: {why}")),
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
