//! `wristcast run`: the relay without a head.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wristcast_core::config::{Http, Osc};
use wristcast_core::relay::{HandleError, Options, Relay, RelayHandle, StopReport};
use wristcast_core::snapshot::{GroupState, Status};

use crate::desk::Ports;
use crate::duration;
use crate::exit::Failure;
use crate::http::{self, Tokens};
use crate::keep_awake::KeepAwake;
use crate::latency::latency;
use crate::logging::{Console, LogArgs};
use crate::monitor::{self, Tui};
use crate::night_log::NightLog;
use crate::osc;
use crate::record::{self, RecordFileArgs};
use crate::running_show::{Hangups, Keeper, Opened, state_folder};
use crate::served::Served;
use crate::sources::{self, SourceLog};
use crate::stop::Stop;
use crate::supervisor::Supervisor;

/// Relay a show: DMX in, light on wristbands out, until told to stop.
///
/// Once the sockets are open, one line that starts with `listening:` goes to stdout; the log goes
/// to stderr, and on a terminal a status line below it. SIGINT (Ctrl-C) and SIGTERM leave the bands
/// in the show's end look; a second signal ends the process at once. SIGHUP reads the show file again.
///
/// What ran last is kept: if the show file is broken at a start, its last good version runs, and the
/// log, the status and the API say so.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wristcast run show.toml
  wristcast run show.toml --log debug --trace looks.jsonl
  wristcast run show.toml --watch
  wristcast run show.toml --tui --night-log tonight
  wristcast run show.toml --record tonight.pcapng
  wristcast run show.toml --log-format json 2> relay.log

Exit codes: 0 ok, 1 show file wrong, 2 command line wrong, 3 could not start (port taken,
no permission), 4 light was lost: bands not in the end look at stop, or a fault while running")]
pub(crate) struct Args {
    /// The show file.
    #[arg(value_name = "SHOW.toml")]
    show: PathBuf,
    /// Write one JSON line per published look to this file.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Record every packet that the relay receives to this file: .pcapng, or .pcapng.zst.
    #[arg(long, value_name = "FILE", value_parser = record::name)]
    record: Option<PathBuf>,
    #[command(flatten)]
    record_file: RecordFileArgs,
    /// Stop after this time, `10s`; until told to if left out.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// Time between two status lines; 1s on a terminal and 10s in a log if left out, 0s for none.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    status_every: Option<Duration>,
    /// Write what happens, when and by whom, to NAME.txt and, as JSON lines, to NAME.jsonl.
    #[arg(long, value_name = "NAME")]
    night_log: Option<PathBuf>,
    /// Show the monitor on this terminal; the log waits until it ends. `monitor --help` has the keys.
    #[arg(long, conflicts_with = "status_every")]
    tui: bool,
    /// Take orders over OSC on this address and UDP port, "127.0.0.1:8000", instead of where the
    /// show file says. From other machines only with `allow` or `token_file` in its [osc].
    #[arg(long, value_name = "ADDRESS:PORT")]
    osc: Option<SocketAddr>,
    /// Read the show file again whenever it changes, and not only when told to.
    #[arg(long)]
    watch: bool,
    /// Keep the last good version of the show in this folder; in the system's own place for such
    /// things if left out.
    #[arg(long, value_name = "DIR", env = "WRISTCAST_STATE")]
    state: Option<PathBuf>,
    /// Do not start with the last good version of a show file that is broken.
    #[arg(long)]
    no_last_good: bool,
    /// Keep this machine from falling asleep while the show runs.
    #[arg(long)]
    keep_awake: bool,
    #[command(flatten)]
    log: LogArgs,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    if args.tui {
        monitor::needs_terminal()?;
    }
    let state = args.state.clone().or_else(state_folder).filter(|_| !args.no_last_good);
    let (config, opened) = Opened::read(&args.show, state.as_deref())?;
    let console = Console::stderr();
    args.log.start(&console, "info")?;
    let hangups = Hangups::new();
    let stop = Stop::but_hangups_to(hangups.sender.clone())?;

    let (ports, api) = (Ports::of(&config.network), config.http.clone());
    let osc = osc(args.osc, config.osc.clone())?;
    let what = format!("what a relay of the show `{}` received", config.name);
    let record = args.record.as_ref().map(|path| args.record_file.options(path, &what));
    let options = Options { trace: args.trace.clone(), record };
    let relay = Relay::start(config, options).map_err(Failure::cannot_start)?;
    let night_log = match &args.night_log {
        Some(name) => Some(NightLog::begin(name, relay.handle())?),
        None => None,
    };
    // Before all else that may have a reload done.
    let (keeper, reloads) = Keeper::begin(opened.runs(relay.handle()), hangups, args.watch)?;
    let awake = args.keep_awake.then(KeepAwake::begin);
    let osc_counts = osc.as_ref().map(|_| Arc::<osc::Counts>::default());
    let osc = match (osc, osc_counts.clone()) {
        (Some(osc), Some(counts)) => {
            let tokens = osc.token_file.as_deref().map(|file| token_file(file, &args.show));
            Some(osc::serve(&osc, tokens.transpose()?, relay.handle(), counts)?)
        }
        _ => None,
    };
    let server = match api {
        Some(api) => {
            let (tokens, reloads) = (tokens(&api, &args.show)?, Some(reloads));
            let offer = http::Offer { tokens, hosts: api.hosts, reloads, osc: osc_counts };
            Some(http::serve(api.listen, relay.handle(), offer)?)
        }
        None => None,
    };
    // A relay goes on when nobody reads its stdout.
    let ready = ready_line(ports, &relay.handle().status(), osc.as_ref(), server.as_ref());
    let _ = writeln!(out, "{ready}").and_then(|()| out.flush());

    let mut supervisor = Supervisor::find();
    supervisor.ready(&relay.handle().status());
    let tui = match args.tui {
        true => Some(Tui::begin(relay.handle(), console.clone(), stop.asker())?),
        false => None,
    };
    let watched = watch(&relay.handle(), args, &console, stop, &mut supervisor);
    supervisor.stopping();
    if let Some(tui) = tui {
        tui.end();
    }
    console.clear_status();
    drop(osc);
    drop(keeper);
    let report = relay.stop();
    drop((server, awake));
    if let Some(night_log) = night_log {
        night_log.end();
    }
    tracing::info!("{}", summary(&report));
    if let Some(recording) = &report.recording {
        tracing::info!("{}", record::summary(recording));
    }
    watched?;
    at_end_look(&report)
}

/// Who may change the show.
pub(crate) fn tokens(http: &Http, show: &Path) -> Result<Tokens, Failure> {
    match &http.token_file {
        Some(file) => token_file(file, show),
        None => Ok(Tokens::default()),
    }
}

/// A token file beside the show file.
fn token_file(file: &Path, show: &Path) -> Result<Tokens, Failure> {
    Tokens::read_or_create(&show.with_file_name("").join(file))
}

/// Where orders over OSC are taken: as the command line says, else as the show file does.
fn osc(listen: Option<SocketAddr>, osc: Option<Osc>) -> Result<Option<Osc>, Failure> {
    let Some(listen) = listen else { return Ok(osc) };
    let osc = Osc { listen, ..osc.unwrap_or_else(|| Osc::on(listen)) };
    if !osc.is_protected() {
        return Err(Failure::usage(format!(
            "--osc {listen}: whoever reaches this address could steer the show; name the \
             controllers in `allow` of the show file's [osc], or give them a token with its \
             `token_file`"
        )));
    }
    Ok(Some(osc))
}

/// Waits until the relay is to stop; tells how it is doing meanwhile.
fn watch(
    relay: &RelayHandle,
    args: &Args,
    console: &Console,
    mut stop: Stop,
    supervisor: &mut Supervisor,
) -> Result<(), Failure> {
    let start = Instant::now();
    let usual = Duration::from_secs(if console.is_terminal() { 1 } else { 10 });
    let every = args.status_every.unwrap_or(if args.tui { Duration::ZERO } else { usual });
    let mut status_due = start + every;
    let (mut source_log, mut sources_due) = (SourceLog::default(), start);
    loop {
        // Once a second it is looked after, whether or not somebody wants to read how it is.
        let mut due = Instant::now() + Duration::from_secs(1);
        if !every.is_zero() {
            due = due.min(status_due);
        }
        if let Some(duration) = args.duration {
            due = due.min(start + duration);
        }
        due = supervisor.due().map_or(due, |sign_of_life| due.min(sign_of_life));
        let ends = stop.wait_until(due)
            || args.duration.is_some_and(|duration| start.elapsed() >= duration);
        // At the end once more: the log then says how everything was left.
        if (ends || Instant::now() >= sources_due)
            && let Ok(universes) = relay.universes()
        {
            sources_due = Instant::now() + sources::LOG_EVERY;
            source_log.note(&universes);
        }
        if ends {
            return Ok(());
        }
        let groups = relay.groups();
        if groups == Err(HandleError::Stopped) {
            return Err(Failure::light_lost("the relay ended by a fault; see the log"));
        }
        if groups.is_ok() {
            supervisor.alive();
        }
        if supervisor.listens() {
            supervisor.tell(&relay.status());
        }
        if !every.is_zero() && Instant::now() >= status_due {
            status_due += every;
            tell(&relay.status(), stalest_ms(&groups.unwrap_or_default()), console);
        }
    }
}

/// The greatest time since a group with a signal heard its universes.
fn stalest_ms(groups: &[GroupState]) -> Option<u64> {
    groups.iter().filter(|group| !group.lost).filter_map(|group| group.age_ms).max()
}

fn tell(status: &Status, stalest_ms: Option<u64>, console: &Console) {
    if console.is_terminal() {
        console.set_status(&status_line(status, stalest_ms));
        return;
    }
    let faults = status.faults.join("; ");
    tracing::info!(
        packets_per_second = status.packets_per_second.round(),
        universes_live = status.universes_live,
        universes = status.universes,
        groups_lost = status.groups_lost,
        groups = status.groups,
        stalest_ms,
        bands_connected = status.bands_connected,
        bands = status.bands,
        kernel_dropped = status.packets.kernel_dropped,
        published_p99_us = status.latency_published.p99_us.round(),
        handed_p99_us = status.latency_handed.p99_us.round(),
        faults,
        "status"
    );
}

fn status_line(status: &Status, stalest_ms: Option<u64>) -> String {
    let mut line = format!(
        "{:.0} packets/s | universes {}/{} | groups {}/{}",
        status.packets_per_second,
        status.universes_live,
        status.universes,
        status.groups.saturating_sub(status.groups_lost),
        status.groups,
    );
    if let Some(age) = stalest_ms {
        line += &format!(", heard {age} ms ago");
    }
    line += &format!(
        " | bands {}/{} | p99 {} to look, {} to radio",
        status.bands_connected,
        status.bands,
        latency(status.latency_published.p99_us),
        latency(status.latency_handed.p99_us),
    );
    for fault in &status.faults {
        line += " | ! ";
        line += fault;
    }
    line
}

fn ready_line(
    ports: Ports,
    status: &Status,
    osc: Option<&Served>,
    server: Option<&Served>,
) -> String {
    let up = status.interfaces.iter().filter(|interface| interface.up);
    let names: Vec<&str> = up.map(|interface| interface.name.as_str()).collect();
    let place = if names.is_empty() { "no interface yet".to_owned() } else { names.join(", ") };
    let api = server.map_or("off".to_owned(), |server| format!("http://{}", server.address()));
    let osc = osc.map_or_else(String::new, |osc| format!("; OSC {}", osc.address()));
    format!("listening: sACN {}, Art-Net {} on {place}{osc}; API {api}", ports.sacn, ports.artnet)
}

pub(crate) fn summary(report: &StopReport) -> String {
    format!(
        "stopped after {:.1} s: {} packets received, {} accepted, {} dropped by the system; \
         {} frames to {} bands; p99 {} to look, {} to radio",
        report.uptime.as_secs_f64(),
        report.packets.received,
        report.packets.accepted,
        report.packets.kernel_dropped,
        report.frames_sent,
        report.bands,
        latency(report.latency_published.p99_us),
        latency(report.latency_handed.p99_us),
    )
}

pub(crate) fn at_end_look(report: &StopReport) -> Result<(), Failure> {
    match report.bands_not_at_end_look {
        0 => Ok(()),
        missed => Err(Failure::light_lost(format!(
            "{missed} of {} bands could not be brought to the end look",
            report.bands
        ))),
    }
}
