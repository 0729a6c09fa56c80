//! Recording what comes in: every datagram with the kernel's arrival time, into pcapng files.
//!
//! | thread | does | never |
//! |---|---|---|
//! | the one that receives | copies datagrams into a bounded ring ([`RecordTap`]) | waits, allocates |
//! | `wristcast-record` | takes them out, writes, rotates, watches the disk | keeps the former waiting |
//! | `wristcast-sync` | has the system bring the file to the disk, once a second | |
//!
//! A datagram that finds the ring full is missing in the file and counted. A file that cannot be
//! written any more ends the recording, not what is recorded. Whatever ends the program, the file is
//! good up to half a second before; whatever ends the machine, up to the last second or so.
//!
//! A running relay records what its own sockets receive
//! ([`relay::Options::record`](crate::relay::Options)); [`Recording`] has sockets of its own.

mod files;
mod session;
mod tap;
mod writer;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;

pub use session::{Listen, Recording, RecordingStatus};
pub use tap::RecordTap;

use crate::receive::Clock;
use crate::universe::Universe;
use files::Naming;
use writer::Writer;

/// When a new file is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotate {
    /// When the file has grown to so many bytes.
    Bytes(u64),
    /// After this time.
    Time(Duration),
}

/// What is recorded, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordOptions {
    /// The file: `.pcapng`, or `.pcapng.zst` to pack it. With [`rotate`](Self::rotate), a number
    /// comes before the ending, one more than the greatest there is.
    pub path: PathBuf,
    /// Begin a new file now and then.
    pub rotate: Option<Rotate>,
    /// Keep the newest so many numbered files of this name; `None`: all of them.
    pub keep: Option<usize>,
    /// End the recording when the disk has less room than this, bytes.
    pub min_free_bytes: u64,
    /// Replace a file that is there already.
    pub overwrite: bool,
    /// Only levels of these universes, and what belongs to no universe; empty = everything.
    pub only: BTreeSet<Universe>,
    /// What the file says of itself.
    pub comment: String,
}

impl RecordOptions {
    /// Everything into one new file, as long as a gigabyte is free.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            rotate: None,
            keep: None,
            min_free_bytes: 1_000_000_000,
            overwrite: false,
            only: BTreeSet::new(),
            comment: String::new(),
        }
    }
}

/// Why a recording did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The name has an ending that is not known.
    #[error("{} must end in .pcapng or .pcapng.zst", .0.display())]
    Name(PathBuf),
    /// There is such a file already.
    #[error("{} is there already; choose another name, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// The disk is nearly full.
    #[error("{}: only {free} bytes are free, and {wanted} are to be left", .path.display())]
    NoSpace {
        /// The recording.
        path: PathBuf,
        /// Bytes.
        free: u64,
        /// Bytes.
        wanted: u64,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("cannot start the recording: {0}")]
    Thread(#[source] io::Error),
}

/// How a recording is doing, or what it came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecordReport {
    /// Datagrams written.
    pub datagrams: u64,
    /// Bytes written, over all files.
    pub bytes: u64,
    /// Files begun.
    pub files: u64,
    /// The last of them.
    pub file: PathBuf,
    /// Universes that levels came for.
    pub universes: usize,
    /// Datagrams lost because the disk did not keep up, or after the recording had ended early.
    pub lost: u64,
    /// Datagrams that the kernel dropped, as far as it tells.
    pub kernel_dropped: u64,
    /// Room on the disk when last looked at, bytes.
    pub free_bytes: u64,
    /// Why the recording ended early, if it did.
    pub error: Option<String>,
}

/// What the threads of a recording share.
#[derive(Debug, Default)]
struct Shared {
    overflowed: AtomicU64,
    /// Datagrams that came after the end.
    missed: AtomicU64,
    kernel_dropped: AtomicU64,
    end: AtomicBool,
    progress: Mutex<Progress>,
}

/// What the writing thread knows.
#[derive(Clone, Debug, Default)]
struct Progress {
    report: RecordReport,
    spoken_of: SpokenOf,
}

/// What recorded packets say of other multicast groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SpokenOf {
    /// sACN universes that sources announce.
    announced: BTreeSet<u16>,
    /// Synchronization addresses in use.
    sync_addresses: BTreeSet<u16>,
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lost(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed) + self.missed.load(Ordering::Relaxed)
    }

    fn report(&self) -> RecordReport {
        let mut report = self.progress().report.clone();
        report.lost = self.lost();
        report.kernel_dropped = self.kernel_dropped.load(Ordering::Relaxed);
        report
    }
}

/// Asks a recording how it is doing, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct RecordMonitor(Arc<Shared>);

impl RecordMonitor {
    /// How it is doing.
    pub(crate) fn report(&self) -> RecordReport {
        self.0.report()
    }

    /// What the kernel has dropped since the beginning.
    pub(crate) fn set_kernel_dropped(&self, count: u64) {
        self.0.kernel_dropped.store(count, Ordering::Relaxed);
    }

    fn spoken_of(&self) -> SpokenOf {
        self.0.progress().spoken_of.clone()
    }
}

/// The writing end of a recording. Dropping it leaves the threads to end on their own.
#[derive(Debug)]
pub(crate) struct Recorder {
    thread: JoinHandle<()>,
    shared: Arc<Shared>,
}

impl Recorder {
    /// Creates the first file and begins to write what the tap is given.
    ///
    /// # Errors
    /// If the file cannot be written, is there already, or the disk has no room.
    pub(crate) fn start(
        options: RecordOptions,
        clock: Clock,
    ) -> Result<(RecordTap, Self), RecordError> {
        let name = || RecordError::Name(options.path.clone());
        let naming = Naming::new(&options.path, options.rotate.is_some()).ok_or_else(name)?;
        let shared = Arc::new(Shared::default());
        let (tap, drain) = tap::ring(tap::RING_BYTES, &shared);
        let writer = Writer::start(options, naming, clock, drain, Arc::clone(&shared))?;
        let thread = std::thread::Builder::new().name("wristcast-record".to_owned());
        let thread = thread.spawn(move || writer.run()).map_err(RecordError::Thread)?;
        Ok((tap, Self { thread, shared }))
    }

    /// Asks how it is doing.
    pub(crate) fn monitor(&self) -> RecordMonitor {
        RecordMonitor(Arc::clone(&self.shared))
    }

    /// Writes what is in the ring, ends the file and has it brought to the disk. The tap's thread
    /// must have ended, or what it still pushes is missing.
    pub(crate) fn stop(self) -> RecordReport {
        self.shared.end.store(true, Ordering::Release);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            let text = "the writing thread panicked".to_owned();
            self.shared.progress().report.error.get_or_insert(text);
        }
        self.shared.report()
    }
}
