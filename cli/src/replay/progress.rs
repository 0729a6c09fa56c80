//! How far the playing is: a line below everything else on a terminal, now and then a line in a log.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use wristcast_core::show::{ReadOptions, ShowReader};
use wristcast_core::time::Time;

use super::player::Played;
use crate::logging::Console;

/// Time between two looks on a terminal.
const TERMINAL_INTERVAL: Duration = Duration::from_millis(250);

/// Time between two lines in a log.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Characters of the bar.
const BAR: usize = 24;

/// Tells where the playing is.
#[derive(Debug)]
pub(super) struct Progress {
    console: Console,
    speed: f64,
    from: Duration,
    /// Length of a round, once it is known.
    length: Arc<OnceLock<Duration>>,
    due: Instant,
    /// When it was told last, and how many packets were sent by then.
    told: (Instant, u64),
}

impl Progress {
    /// Of a recording read by `options`. On a terminal its length is found out beside the playing.
    pub(super) fn new(recording: &Path, options: &ReadOptions, speed: f64) -> Self {
        let console = Console::stderr();
        let length = Arc::new(OnceLock::new());
        if console.is_terminal() {
            find_length(recording.to_owned(), options.clone(), Arc::clone(&length));
        }
        let now = Instant::now();
        let interval = interval(&console);
        let from = options.from.since(Time::ZERO);
        Self { console, speed, from, length, due: now + interval, told: (now, 0) }
    }

    /// The console it tells it on.
    pub(super) fn console(&self) -> &Console {
        &self.console
    }

    /// When it is to be told again.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Tells it if it is time. `began` is when this round did, counted from `start`.
    pub(super) fn tell(&mut self, start: Instant, began: Duration, played: &Played) {
        let now = Instant::now();
        if now < self.due {
            return;
        }
        self.due = now + interval(&self.console);
        let since = now.saturating_duration_since(self.told.0).as_secs_f64().max(1e-3);
        let rate = (played.datagrams() - self.told.1) as f64 / since;
        self.told = (now, played.datagrams());
        let position = (now - start).saturating_sub(began).mul_f64(self.speed);
        let line = format!(
            "{}  {rate:.0} packets/s  {}",
            place(self.from, position, self.length.get().copied()),
            played.lateness()
        );
        if self.console.is_terminal() {
            self.console.set_status(&line);
        } else {
            eprintln!("{line}");
        }
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        self.console.clear_status();
    }
}

fn interval(console: &Console) -> Duration {
    if console.is_terminal() { TERMINAL_INTERVAL } else { LOG_INTERVAL }
}

/// Reads the recording once, on a thread of its own.
fn find_length(recording: PathBuf, options: ReadOptions, length: Arc<OnceLock<Duration>>) {
    let read = move || {
        let file = std::fs::File::open(&recording).ok()?;
        let mut reader = ShowReader::new(file, &options).ok()?;
        let mut last = Time::ZERO;
        while let Ok(Some(record)) = reader.next_record() {
            last = record.at;
        }
        length.set(last.since(Time::ZERO)).ok()
    };
    // Without it the line has no end to show, nothing else.
    let _ = std::thread::Builder::new().name("wristcast-length".to_owned()).spawn(read);
}

/// `[######......] 1:07 / 3:10`, without a bar while the length is not known.
fn place(from: Duration, position: Duration, length: Option<Duration>) -> String {
    let Some(length) = length.filter(|length| !length.is_zero()) else {
        return clock(from + position);
    };
    let part = (position.as_secs_f64() / length.as_secs_f64()).min(1.0);
    let done = (part * BAR as f64) as usize;
    format!(
        "[{}{}] {} / {}",
        "#".repeat(done),
        ".".repeat(BAR - done),
        clock(from + position.min(length)),
        clock(from + length)
    )
}

/// `0:07`, `1:02:03`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bar_and_a_time() {
        let seconds = Duration::from_secs;
        assert_eq!(place(seconds(60), seconds(5), None), "1:05");
        assert_eq!(
            place(seconds(0), seconds(60), Some(seconds(120))),
            format!("[{}{}] 1:00 / 2:00", "#".repeat(12), ".".repeat(12))
        );
        let after = place(seconds(3600), seconds(500), Some(seconds(100)));
        assert_eq!(after, format!("[{}] 1:01:40 / 1:01:40", "#".repeat(24)));
    }
}
