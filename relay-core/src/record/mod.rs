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

pub use session::{Listen, ListenError, Recording, RecordingStatus};
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;
    use std::time::Instant;

    use super::*;
    use crate::engine::Datagram;
    use crate::show::{Content, ReadOptions, ShowReader, Warning};
    use crate::time::Time;
    use crate::wire::sacn::{Cid, DataFields, encode_data};

    /// A recording of its own for each test.
    fn start(folder: &Path, change: impl FnOnce(&mut RecordOptions)) -> (RecordTap, Recorder) {
        let mut options = RecordOptions::new(folder.join("show.pcapng"));
        options.min_free_bytes = 0;
        change(&mut options);
        Recorder::start(options, Clock::start()).unwrap()
    }

    fn push(tap: &mut RecordTap, universe: u16, at: Time) {
        let universe = crate::universe::SacnUniverse::new(universe).unwrap();
        let fields = DataFields::new(Cid([1; 16]), "desk", universe);
        let mut packet = [0; 638];
        let length = encode_data(&mut packet, &fields, &[9; 16]).unwrap();
        let datagram = Datagram {
            bytes: &packet[..length],
            source: "127.0.0.1:40000".parse().unwrap(),
            destination: Some([239, 255, 0, 1].into()),
            interface: None,
            at,
        };
        tap.push(5568, &datagram, at);
    }

    /// Addresses and times in milliseconds of what can be read, and how many are told to be lost.
    fn read(file: &Path) -> (Vec<(String, u64)>, u64) {
        let options = ReadOptions::default();
        let mut reader = ShowReader::new(File::open(file).unwrap(), &options).unwrap();
        let mut found = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            let Content::Datagram(datagram) = record.content else { panic!("{record:?}") };
            let addresses = format!("{} {}", datagram.source, datagram.destination);
            found.push((addresses, record.at.as_nanos() / 1_000_000));
        }
        (found, reader.warnings().count(Warning::Dropped))
    }

    fn wait_for(monitor: &RecordMonitor, condition: impl Fn(&RecordReport) -> bool) {
        let start = Instant::now();
        while !condition(&monitor.report()) {
            assert!(start.elapsed() < Duration::from_secs(30), "{:?}", monitor.report());
            std::thread::yield_now();
        }
    }

    #[test]
    fn losses_are_told_in_the_file_and_in_the_report() {
        let folder = tempfile::tempdir().unwrap();
        let (mut tap, recorder) = start(folder.path(), |_| ());
        let monitor = recorder.monitor();
        push(&mut tap, 1, Time::from_millis(1000));
        wait_for(&monitor, |report| report.datagrams == 1);
        monitor.set_kernel_dropped(7);
        push(&mut tap, 1, Time::from_millis(1020));
        let report = recorder.stop();
        assert_eq!((report.datagrams, report.kernel_dropped, report.lost), (2, 7, 0));
        assert_eq!((report.universes, report.files, &report.error), (1, 1, &None));
        assert_eq!(report.bytes, std::fs::metadata(&report.file).unwrap().len());
        let addresses = "127.0.0.1:40000 239.255.0.1:5568".to_owned();
        assert_eq!(read(&report.file), (vec![(addresses.clone(), 0), (addresses, 20)], 7));
    }

    #[test]
    fn levels_of_universes_that_are_not_wanted_stay_out() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = "sacn/2".parse().unwrap();
        let (mut tap, recorder) = start(folder.path(), |options| {
            options.only.insert(wanted);
        });
        for (universe, millis) in [(1, 1), (2, 2), (3, 3), (2, 4)] {
            push(&mut tap, universe, Time::from_millis(millis));
        }
        let report = recorder.stop();
        assert_eq!((report.datagrams, report.universes), (2, 1));
        assert_eq!(read(&report.file).0.len(), 2);
    }

    #[test]
    fn a_file_begins_anew_when_it_has_grown_enough_and_each_can_be_read_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (mut tap, recorder) = start(folder.path(), |options| {
            options.rotate = Some(Rotate::Bytes(400));
        });
        let monitor = recorder.monitor();
        for n in 1..=3 {
            push(&mut tap, 1, Time::from_millis(n * 1000));
            push(&mut tap, 1, Time::from_millis(n * 1000 + 700));
            wait_for(&monitor, |report| report.files == n + 1);
        }
        let report = recorder.stop();
        assert_eq!((report.datagrams, report.files, report.error), (6, 4, None));
        for n in 1..=3 {
            let file = folder.path().join(format!("show-000{n}.pcapng"));
            assert_eq!(read(&file).0.len(), 2, "{n}");
        }
    }

    #[test]
    fn a_recording_does_not_begin_where_it_would_destroy_or_fill_something() {
        let folder = tempfile::tempdir().unwrap();
        let begin = |change: &dyn Fn(&mut RecordOptions)| {
            let mut options = RecordOptions::new(folder.path().join("show.pcapng"));
            options.min_free_bytes = 0;
            change(&mut options);
            Recorder::start(options, Clock::start()).map(|(_, recorder)| recorder.stop())
        };
        begin(&|_| ()).unwrap();
        let again = begin(&|_| ());
        assert!(matches!(again, Err(RecordError::Exists(_))), "{again:?}");
        begin(&|options| options.overwrite = true).unwrap();
        let full = begin(&|options| options.min_free_bytes = u64::MAX);
        assert!(matches!(full, Err(RecordError::NoSpace { .. })), "{full:?}");
        let name = begin(&|options| options.path = "show.pcap".into());
        assert!(matches!(name, Err(RecordError::Name(_))), "{name:?}");
        let place = begin(&|options| options.path = "/no/such/folder/show.pcapng".into());
        assert!(matches!(place, Err(RecordError::Write { .. })), "{place:?}");
    }
}
