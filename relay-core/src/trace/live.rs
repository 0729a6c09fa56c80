//! The trace of a live relay.
//!
//! The relay thread puts looks into a bounded ring ([`TraceTap`], one producer, never blocks); a
//! thread of its own ([`Tracer`], one consumer) writes them. A look that finds the ring full is
//! missing in the file and counted; the show does not wait for a disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ringbuf::traits::{Consumer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};
use serde::Serialize;

use crate::look::Look;
use crate::time::Time;

/// Looks that the ring holds: 0.36 s of 4096 groups that all change at 44 Hz. 1.5 MiB.
const RING_LOOKS: usize = 65_536;

/// How often the writer looks into the ring. The relay thread does not wake it: that would be a
/// system call on the light's way.
const WRITE_INTERVAL: Duration = Duration::from_millis(20);

/// A published look.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Time,
    group: u32,
    look: Look,
}

/// What became of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TraceReport {
    /// Lines written.
    pub lines: u64,
    /// Looks that found the ring full and are missing in the file.
    pub overflowed: u64,
    /// Why writing ended early, if it did.
    pub error: Option<String>,
}

/// The relay thread's end.
pub struct TraceTap {
    ring: HeapProd<Entry>,
    overflowed: Arc<AtomicU64>,
}

impl TraceTap {
    /// Notes that `group` goes over to `look`. Never blocks, never allocates.
    pub fn push(&mut self, at: Time, group: usize, look: Look) {
        let group = u32::try_from(group).unwrap_or(u32::MAX);
        if self.ring.try_push(Entry { at, group, look }).is_err() {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for TraceTap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TraceTap").field("overflowed", &self.overflowed).finish_non_exhaustive()
    }
}

/// The writing end.
#[derive(Debug)]
pub struct Tracer {
    thread: JoinHandle<TraceReport>,
    end: Arc<AtomicBool>,
    names: Arc<Mutex<Vec<String>>>,
    overflowed: Arc<AtomicU64>,
}

impl Tracer {
    /// Creates the file and starts to write; `groups` are the groups' names, by index.
    pub fn start(path: &Path, groups: Vec<String>) -> io::Result<(TraceTap, Self)> {
        Self::with_ring(path, groups, RING_LOOKS)
    }

    fn with_ring(path: &Path, groups: Vec<String>, looks: usize) -> io::Result<(TraceTap, Self)> {
        let file = File::create(path)?;
        let (producer, consumer) = HeapRb::new(looks).split();
        let overflowed = Arc::new(AtomicU64::new(0));
        let end = Arc::new(AtomicBool::new(false));
        let names = Arc::new(Mutex::new(groups));
        let mut writer = TraceWriter {
            ring: consumer,
            file: BufWriter::with_capacity(1 << 16, file),
            names: Arc::clone(&names),
            report: TraceReport::default(),
        };
        let ended = Arc::clone(&end);
        let thread =
            thread::Builder::new().name("wristcast-trace".to_owned()).spawn(move || {
                // What is in the ring when the end is seen was pushed before it, and is written.
                while !ended.load(Ordering::Acquire) {
                    writer.drain();
                    thread::park_timeout(WRITE_INTERVAL);
                }
                writer.drain();
                writer.report
            })?;
        let tap = TraceTap { ring: producer, overflowed: Arc::clone(&overflowed) };
        Ok((tap, Self { thread, end, names, overflowed }))
    }

    /// Names the groups anew, after a reload.
    pub fn rename(&self, groups: Vec<String>) {
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = groups;
    }

    /// Writes what is in the ring and ends. The tap's thread must have ended, or what it still
    /// pushes is missing.
    pub fn stop(self) -> TraceReport {
        self.end.store(true, Ordering::Release);
        self.thread.thread().unpark();
        let mut report = self.thread.join().unwrap_or_else(|_| TraceReport {
            error: Some("the writing thread panicked".to_owned()),
            ..TraceReport::default()
        });
        report.overflowed = self.overflowed.load(Ordering::Relaxed);
        report
    }
}

struct TraceWriter {
    ring: HeapCons<Entry>,
    file: BufWriter<File>,
    names: Arc<Mutex<Vec<String>>>,
    report: TraceReport,
}

impl TraceWriter {
    fn drain(&mut self) {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let file = &mut self.file;
        let mut wrote = Ok(());
        // After an error the ring is still emptied, so that it is not taken for an overflow.
        while let Some(entry) = self.ring.try_pop() {
            if wrote.is_err() || self.report.error.is_some() {
                continue;
            }
            let group = names.get(entry.group as usize).map_or("", String::as_str);
            wrote = super::write_line(file, entry.at, group, entry.look);
            if wrote.is_ok() {
                self.report.lines += 1;
            }
        }
        if let Err(error) = wrote.and_then(|()| file.flush()) {
            self.report.error.get_or_insert_with(|| error.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of its own for each test, removed with the value.
    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let name = format!("wristcast-trace-{name}-{}.jsonl", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn lines(&self) -> Vec<String> {
            std::fs::read_to_string(&self.0).unwrap().lines().map(str::to_owned).collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn every_look_becomes_one_line_in_order() {
        let file = Scratch::new("lines");
        let names = vec!["left".to_owned(), "right \"r\"".to_owned()];
        let (mut tap, tracer) = Tracer::start(&file.0, names).unwrap();
        let look = Look { red: 255, dimmer: 128, strobe_dhz: 25, fade_cs: 3, ..Look::DARK };
        tap.push(Time::from_nanos(1), 0, look);
        tap.push(Time::from_nanos(2_000_000_000), 1, Look::DARK);
        assert_eq!(tracer.stop(), TraceReport { lines: 2, overflowed: 0, error: None });
        assert_eq!(
            file.lines(),
            [
                r#"{"t_ns":1,"group":"left","red":255,"green":0,"blue":0,"white":0,"dimmer":128,"strobe_hz":2.5,"fade_ms":30}"#,
                r#"{"t_ns":2000000000,"group":"right \"r\"","red":0,"green":0,"blue":0,"white":0,"dimmer":0,"strobe_hz":0.0,"fade_ms":0}"#,
            ]
        );
    }

    #[test]
    fn looks_that_find_the_ring_full_are_counted_and_the_rest_is_written() {
        let file = Scratch::new("overflow");
        let (mut tap, tracer) = Tracer::with_ring(&file.0, vec!["g".to_owned()], 4).unwrap();
        // The writer holds the names while it drains, so now it cannot.
        let names = Arc::clone(&tracer.names);
        let held = names.lock().unwrap();
        for n in 0..10 {
            tap.push(Time::from_nanos(n), 0, Look::DARK);
        }
        drop(held);
        let report = tracer.stop();
        assert_eq!(report.lines + report.overflowed, 10);
        assert_eq!(report.lines, 4);
        assert_eq!(file.lines().len() as u64, report.lines);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_ends_the_trace_and_is_told() {
        let (mut tap, tracer) = Tracer::start(Path::new("/dev/full"), vec![]).unwrap();
        tap.push(Time::ZERO, 0, Look::DARK);
        let report = tracer.stop();
        assert!(report.error.is_some_and(|error| error.contains("space")));
        assert_eq!(report.overflowed, 0);
    }

    #[test]
    fn a_file_that_cannot_be_created_is_an_error() {
        assert!(Tracer::start(Path::new("/nowhere/at/all/trace.jsonl"), vec![]).is_err());
    }
}
