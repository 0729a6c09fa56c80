//! Logs: `tracing` events as text or JSON, to stderr, below them a status line if there is one.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::exit::Failure;

/// What to log, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// What to log: error, warn, info, debug, trace, or by part, `warn,wristcast_core=debug`.
    #[arg(long, value_name = "LEVEL", env = "WRISTCAST_LOG", value_parser = filter)]
    log: Option<String>,
    /// Form of the log.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: Format,
}

/// Forms of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One line per event, for people.
    Text,
    /// One JSON object per line, for machines.
    Json,
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

impl LogArgs {
    /// Sends the events of the process to `console` from now on; without --log those from `level`
    /// on.
    pub(crate) fn start(&self, console: &Console, level: &str) -> Result<(), Failure> {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(self.log.as_deref().unwrap_or(level)))
            .with_writer(console.clone())
            // It would say so on stderr, and panic if that is what fails.
            .log_internal_errors(false)
            .with_ansi(console.is_terminal() && std::env::var_os("NO_COLOR").is_none());
        let result = match self.log_format {
            // People know whose log it is.
            Format::Text => subscriber.with_target(false).try_init(),
            Format::Json => subscriber.json().try_init(),
        };
        result.map_err(|error| Failure::cannot_start(format!("cannot start the log: {error}")))
    }
}

/// Events kept while the screen belongs to something else; older ones are forgotten.
const KEPT_MAX: usize = 200;

/// To the start of the line, and nothing on it.
const CLEAR_LINE: &str = "\r\x1b[2K";

/// Stderr as the log sees it.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    terminal: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Stays below the log; empty = none.
    status: String,
    /// Events that wait for the screen to be free; `None` = it is.
    kept: Option<VecDeque<Vec<u8>>>,
}

impl Console {
    pub(crate) fn stderr() -> Self {
        Self { terminal: io::stderr().is_terminal(), state: Arc::default() }
    }

    /// Whether somebody looks at it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Replaces the status line, cut to the terminal's width. Only on a terminal.
    pub(crate) fn set_status(&self, line: &str) {
        let width = crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns));
        let mut state = self.state();
        state.status = line.chars().take(width.saturating_sub(1)).collect();
        let _ = write!(io::stderr().lock(), "{CLEAR_LINE}{}", state.status);
    }

    /// Takes the status line away.
    pub(crate) fn clear_status(&self) {
        if !std::mem::take(&mut self.state().status).is_empty() {
            let _ = write!(io::stderr().lock(), "{CLEAR_LINE}");
        }
    }

    /// Keeps events back: the screen belongs to something else.
    pub(crate) fn hold(&self) {
        self.state().kept.get_or_insert_default();
    }

    /// Writes what was kept, and goes on as usual.
    pub(crate) fn release(&self) {
        for event in self.state().kept.take().unwrap_or_default() {
            let _ = io::stderr().write_all(&event);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One event on its way out.
#[derive(Debug)]
pub(crate) struct EventWriter<'a> {
    state: MutexGuard<'a, State>,
}

impl Write for EventWriter<'_> {
    /// Takes a whole event: the subscriber writes each in one piece. Never fails: who closes the
    /// terminal a relay was started from must not end the show.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        if let Some(kept) = &mut self.state.kept {
            if kept.len() == KEPT_MAX {
                kept.pop_front();
            }
            kept.push_back(event.to_vec());
        } else if self.state.status.is_empty() {
            let _ = stderr.write_all(event);
        } else {
            let status = self.state.status.as_bytes();
            let _ = stderr.write_all(&[CLEAR_LINE.as_bytes(), event, status].concat());
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Console {
    type Writer = EventWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        EventWriter { state: self.state() }
    }
}
