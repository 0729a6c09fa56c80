//! The night's log: everything that happened, when and by whom, in a text for people and in JSON lines
//! for programs. Bounded: a file that is full makes room for the next and is kept once.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use wristcast_core::relay::RelayHandle;
use wristcast_core::snapshot::{EventState, Severity};

use crate::exit::Failure;

/// Most bytes of a file; the one before it is kept, too.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// How often the relay is asked what happened.
const EVERY: Duration = Duration::from_millis(500);

/// Writes what happens until it is ended.
#[derive(Debug)]
pub(crate) struct NightLog {
    ends: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl NightLog {
    /// Begins `name.txt` and `name.jsonl`, or goes on with them.
    pub(crate) fn begin(name: &Path, relay: RelayHandle) -> Result<Self, Failure> {
        let failure = |error: io::Error| {
            Failure::cannot_start(format!(
                "cannot write the night's log {}: {error}",
                name.display()
            ))
        };
        let mut writer = Writer {
            text: Bounded::open(name, "txt").map_err(failure)?,
            json: Bounded::open(name, "jsonl").map_err(failure)?,
            last: 0,
            fails: false,
        };
        let (ends, ended) = sync_channel(1);
        let write = move || {
            loop {
                let over = ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                writer.note(&relay.events(writer.last));
                if over {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("night-log".into()).spawn(write);
        Ok(Self { ends, thread: thread.map_err(failure)? })
    }

    /// Writes the last of it. To be called when the relay has stopped.
    pub(crate) fn end(self) {
        drop(self.ends);
        let _ = self.thread.join();
    }
}

struct Writer {
    text: Bounded,
    json: Bounded,
    /// Number of the last event written.
    last: u64,
    /// It could not be written a moment ago.
    fails: bool,
}

/// A line for programs.
#[derive(Serialize)]
struct Line<'a> {
    /// Wall time, RFC 3339, UTC.
    time: &'a str,
    #[serde(flatten)]
    event: &'a EventState,
}

impl Writer {
    fn note(&mut self, events: &[EventState]) {
        for event in events {
            let forgotten = event.number - self.last - 1;
            self.last = event.number;
            let written = self.write(event, forgotten);
            if let Err(error) = &written
                && !self.fails
            {
                tracing::error!("the night's log cannot be written: {error}; is the disk full?");
            }
            self.fails = written.is_err();
        }
    }

    fn write(&mut self, event: &EventState, forgotten: u64) -> io::Result<()> {
        let time = wall(event.unix_ms);
        if forgotten > 0 {
            self.text.line(&format!("{time}  … {forgotten} events came too fast to be kept"))?;
        }
        self.json.line(&serde_json::to_string(&Line { time: &time, event })?)?;
        self.text.line(&words(&time, event))
    }
}

/// `2026-07-01T21:04:11.250Z  0:12:31.020  WARNING  panic is released, after 3.1 s  by foh (…)`.
fn words(time: &str, event: &EventState) -> String {
    let severity = match event.severity {
        Severity::Info => "       ",
        Severity::Warning => "WARNING",
        Severity::Fault => "FAULT  ",
    };
    let (seconds, millis) = (event.uptime_ms / 1000, event.uptime_ms % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let by = event.by.as_ref().map(|by| format!("  by {by}")).unwrap_or_default();
    format!(
        "{time}  {hours}:{minutes:02}:{seconds:02}.{millis:03}  {severity}  {}{by}",
        // One event is one line.
        event.text.replace(['\n', '\r'], " ")
    )
}

/// RFC 3339 with milliseconds; what no calendar has is left as a number.
fn wall(unix_ms: u64) -> String {
    let nanos = i128::from(unix_ms) * 1_000_000;
    let Ok(at) = OffsetDateTime::from_unix_timestamp_nanos(nanos) else {
        return unix_ms.to_string();
    };
    // Always with three digits, so that lines stand below each other.
    let (hour, minute, second, milli) = at.time().as_hms_milli();
    format!("{}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", at.date())
}

/// A file that does not grow without end.
#[derive(Debug)]
struct Bounded {
    path: PathBuf,
    old: PathBuf,
    file: File,
    bytes: u64,
    max: u64,
}

impl Bounded {
    fn open(name: &Path, extension: &str) -> io::Result<Self> {
        let with = |end: &str| {
            let mut path = name.as_os_str().to_owned();
            path.push(end);
            PathBuf::from(path)
        };
        let (path, old) = (with(&format!(".{extension}")), with(&format!(".old.{extension}")));
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path, old, file, bytes, max: FILE_BYTES_MAX })
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        let added = line.len() as u64 + 1;
        if self.bytes + added > self.max && self.bytes > 0 {
            std::fs::rename(&self.path, &self.old)?;
            self.file = OpenOptions::new().append(true).create(true).open(&self.path)?;
            self.bytes = 0;
        }
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.bytes += added;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64, text: &str) -> EventState {
        EventState {
            number,
            unix_ms: 1_751_403_851_250,
            uptime_ms: 3_751_020,
            severity: Severity::Warning,
            text: text.to_owned(),
            by: Some("foh (page, 10.0.0.5)".to_owned()),
            lasted_ms: None,
        }
    }

    #[test]
    fn a_line_has_both_times_what_happened_and_who_did_it() {
        let event = event(1, "panic is released,\nafter 3.1 s");
        assert_eq!(
            words(&wall(event.unix_ms), &event),
            "2025-07-01T21:04:11.250Z  1:02:31.020  WARNING  panic is released, after 3.1 s  \
             by foh (page, 10.0.0.5)"
        );
        assert_eq!(wall(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn a_full_file_is_kept_once_and_no_more_than_two_are_there() {
        let folder = std::env::temp_dir().join(format!("wristcast-night-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut file = Bounded::open(&folder.join("night"), "txt").unwrap();
        file.max = 64;
        for n in 0..100 {
            file.line(&format!("line {n}")).unwrap();
        }
        let newest = std::fs::read_to_string(folder.join("night.txt")).unwrap();
        assert!(newest.ends_with("line 99\n") && newest.len() <= 64, "{newest}");
        assert!(folder.join("night.old.txt").metadata().unwrap().len() <= 64);
        assert_eq!(folder.read_dir().unwrap().count(), 2);
        // A relay that starts again goes on with it.
        let again = Bounded::open(&folder.join("night"), "txt").unwrap();
        assert_eq!(again.bytes, newest.len() as u64);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
