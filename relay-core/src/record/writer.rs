//! The writing thread: out of the ring, into files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::files::Naming;
use super::tap::{Drain, Entry};
use super::{RecordError, RecordOptions, Rotate, Shared, SpokenOf};
use crate::interfaces;
use crate::limits::UNIVERSES_MAX;
use crate::receive::Clock;
use crate::show::{Datagram, Origin, PcapngOptions, PcapngWriter};
use crate::time::Time;
use crate::universe::Universe;
use crate::wire::{Packet, parse};

/// How often the ring is looked into. The receiving thread wakes nobody: that would be a system call
/// on the light's way.
const TAKE_INTERVAL: Duration = Duration::from_millis(20);

/// How often the file is brought to the disk and the disk's room is looked at.
const CARE_INTERVAL: Duration = Duration::from_secs(1);

/// Stands in the file for the interface that the system did not tell.
const UNKNOWN: u32 = u32::MAX;

pub(super) struct Writer {
    options: RecordOptions,
    naming: Naming,
    clock: Clock,
    /// Wall-clock time of the clock's zero, nanoseconds since 1970-01-01 UTC.
    epoch_nanos: u64,
    drain: Drain,
    shared: Arc<Shared>,
    /// `None` after the end.
    output: Option<Output>,
    sync: Sync,
    universes: BTreeSet<Universe>,
    spoken_of: SpokenOf,
    datagrams: u64,
    /// Bytes of finished files.
    bytes_before: u64,
    care_at: Time,
    /// Losses of both kinds that the file tells of.
    told: u64,
}

/// The file being written.
struct Output {
    writer: PcapngWriter<Arc<File>>,
    file: Arc<File>,
    begun: Time,
    /// The file's number of each interface, by the system's index.
    interfaces: BTreeMap<u32, u32>,
    /// Number in the file of the interface that a datagram came in through last.
    last: u32,
}

impl Writer {
    /// Creates the first file.
    pub(super) fn start(
        options: RecordOptions,
        naming: Naming,
        clock: Clock,
        drain: Drain,
        shared: Arc<Shared>,
    ) -> Result<Self, RecordError> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX);
        let mut writer = Self {
            options,
            naming,
            clock,
            epoch_nanos: wall.saturating_sub(clock.now().as_nanos()),
            drain,
            sync: Sync::start().map_err(RecordError::Thread)?,
            shared,
            output: None,
            universes: BTreeSet::new(),
            spoken_of: SpokenOf::default(),
            datagrams: 0,
            bytes_before: 0,
            care_at: Time::ZERO,
            told: 0,
        };
        let path = writer.options.path.clone();
        let cannot = |source| RecordError::Write { path: path.clone(), source };
        let free = fs4::available_space(writer.naming.folder()).map_err(cannot)?;
        let wanted = writer.options.min_free_bytes;
        if free < wanted {
            return Err(RecordError::NoSpace { path, free, wanted });
        }
        match writer.open() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(RecordError::Exists(path))
            }
            Err(error) => Err(cannot(error)),
            Ok(()) => {
                writer.shared.progress().report.free_bytes = free;
                Ok(writer)
            }
        }
    }

    /// Writes until told to end.
    pub(super) fn run(mut self) {
        // What is in the ring when the end is seen was put in before it, and is written.
        loop {
            let ends = self.shared.end.load(Ordering::Acquire);
            while self.drain.take() {
                self.guarded(Self::write);
            }
            self.guarded(Self::care);
            self.tell();
            if ends {
                break;
            }
            std::thread::park_timeout(TAKE_INTERVAL);
        }
        self.guarded(Self::close);
        self.tell();
    }

    /// Does something with the file. An error ends the recording, nothing else.
    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.output.is_none() {
            self.shared.missed.fetch_add(self.drain.entries().count() as u64, Ordering::Relaxed);
            return;
        }
        if let Err(error) = work(self) {
            let written = self.output.take().map_or(0, |output| output.writer.written());
            self.bytes_before += written;
            let file = self.shared.progress().report.file.clone();
            self.end(format!("{}: {error}", file.display()));
        }
    }

    /// The recording ends early.
    fn end(&self, reason: String) {
        tracing::error!("the recording has ended: {reason}");
        self.shared.progress().report.error.get_or_insert(reason);
    }

    fn open(&mut self) -> io::Result<()> {
        let (path, file) = self.naming.create(self.options.overwrite)?;
        let file = Arc::new(file);
        let options = PcapngOptions { epoch_nanos: self.epoch_nanos, zstd: self.naming.zstd() };
        let system = std::env::consts::OS.to_owned();
        let origin = Origin { comment: self.options.comment.clone(), system };
        let writer = PcapngWriter::with_origin(Arc::clone(&file), options, &origin)?;
        let (begun, interfaces) = (self.clock.now(), BTreeMap::new());
        self.output = Some(Output { writer, file, begun, interfaces, last: 0 });
        if let Some(keep) = self.options.keep {
            self.naming.delete_old(keep.max(1))?;
        }
        let report = &mut self.shared.progress().report;
        report.files += 1;
        report.file = path;
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.tell_losses();
        let Some(output) = self.output.take() else { return Ok(()) };
        let written = output.writer.written();
        // The totals that end the file are not counted yet.
        let length = |file: &File| file.metadata().map_or(written, |data| data.len().max(written));
        let file = output.writer.finish(self.clock.now())?;
        self.bytes_before += length(&file);
        match file.sync_all() {
            // Devices and pipes cannot be synchronised.
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes what was taken out of the ring.
    fn write(&mut self) -> io::Result<()> {
        self.tell_losses();
        let Some(output) = &mut self.output else { return Ok(()) };
        for (entry, bytes) in self.drain.entries() {
            let universe = universe_of(bytes, &mut self.spoken_of);
            if let Some(universe) = universe {
                if !self.options.only.is_empty() && !self.options.only.contains(&universe) {
                    continue;
                }
                if self.universes.len() < UNIVERSES_MAX {
                    self.universes.insert(universe);
                }
            }
            output.write(&entry, bytes)?;
            self.datagrams += 1;
        }
        self.rotate()
    }

    fn rotate(&mut self) -> io::Result<()> {
        let Some(output) = &self.output else { return Ok(()) };
        let due = match self.options.rotate {
            None => false,
            Some(Rotate::Bytes(bytes)) => output.writer.written() >= bytes,
            Some(Rotate::Time(time)) => self.clock.now().since(output.begun) >= time,
        };
        if due {
            self.close()?;
            self.open()?;
        }
        Ok(())
    }

    /// What is due now and then.
    fn care(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        if let Some(output) = &mut self.output
            && output.writer.flush_due().is_some_and(|due| due <= now)
        {
            output.writer.flush()?;
        }
        if now < self.care_at {
            return Ok(());
        }
        self.care_at = now + CARE_INTERVAL;
        self.tell_losses();
        self.rotate()?;
        let Some(output) = &mut self.output else { return Ok(()) };
        output.writer.flush()?;
        self.sync.ask(&output.file);
        if let Some(error) = self.sync.failed() {
            return Err(error);
        }
        let free = fs4::available_space(self.naming.folder())?;
        self.shared.progress().report.free_bytes = free;
        if free < self.options.min_free_bytes {
            self.close()?;
            let wanted = self.options.min_free_bytes;
            let text =
                format!("only {free} bytes are free on the disk, and {wanted} are to be left");
            self.end(text);
        }
        Ok(())
    }

    /// Puts losses that the file does not tell of yet into it.
    fn tell_losses(&mut self) {
        let kernel = self.shared.kernel_dropped.load(Ordering::Relaxed);
        let overflowed = self.shared.overflowed.load(Ordering::Relaxed);
        let lost = kernel + overflowed;
        let Some(output) = &mut self.output else { return };
        if lost > self.told && output.writer.interfaces() > 0 {
            // Sockets lose, not interfaces: it is told where datagrams came in last.
            output.writer.note_dropped(output.last, lost - self.told);
            self.told = lost;
            let comment = format!(
                "lost so far: {kernel} by the kernel for want of receive buffer, {overflowed} for \
                 want of disk speed, over all interfaces"
            );
            output.writer.statistics(self.clock.now(), &comment);
        }
    }

    fn tell(&mut self) {
        let written = self.output.as_ref().map_or(0, |output| output.writer.written());
        let mut progress = self.shared.progress();
        progress.report.datagrams = self.datagrams;
        progress.report.bytes = self.bytes_before + written;
        progress.report.universes = self.universes.len();
        if progress.spoken_of != self.spoken_of {
            progress.spoken_of.clone_from(&self.spoken_of);
        }
    }
}

impl Output {
    fn write(&mut self, entry: &Entry, bytes: &[u8]) -> io::Result<()> {
        let index = entry.interface.unwrap_or(UNKNOWN);
        self.last = match self.interfaces.get(&index) {
            Some(&number) => number,
            None => {
                let number = self.describe(index);
                self.interfaces.insert(index, number);
                number
            }
        };
        let Entry { at, source, destination, .. } = *entry;
        self.writer.datagram(at, &Datagram { source, destination, interface: self.last, bytes })
    }

    fn describe(&mut self, index: u32) -> u32 {
        let list = interfaces::list().unwrap_or_default();
        match list.iter().find(|interface| interface.index == index) {
            Some(found) => {
                let addresses: Vec<_> =
                    found.addresses.iter().map(|address| (address.ip, address.prefix)).collect();
                self.writer.add_interface_with(&found.name, &addresses)
            }
            None => self.writer.add_interface(""),
        }
    }
}

/// The universe whose levels or priorities a datagram has; what it says of others is noted.
fn universe_of(bytes: &[u8], spoken_of: &mut SpokenOf) -> Option<Universe> {
    let note = |numbers: &mut BTreeSet<u16>, number: u16| {
        if number != 0 && numbers.len() < UNIVERSES_MAX {
            numbers.insert(number);
        }
    };
    match parse(bytes).ok()? {
        Packet::SacnData(data) => {
            note(&mut spoken_of.sync_addresses, data.sync_address());
            Some(Universe::Sacn(data.universe()))
        }
        Packet::SacnDiscovery(discovery) => {
            for universe in discovery.universes() {
                note(&mut spoken_of.announced, universe.number());
            }
            None
        }
        Packet::ArtDmx(dmx) => Some(Universe::ArtNet(dmx.port_address())),
        _ => None,
    }
}

/// Brings files to the disk on a thread of its own, because that takes as long as it takes.
struct Sync {
    files: Option<SyncSender<Arc<File>>>,
    errors: std::sync::mpsc::Receiver<io::Error>,
    thread: Option<JoinHandle<()>>,
}

impl Sync {
    fn start() -> io::Result<Self> {
        let (files, todo) = sync_channel::<Arc<File>>(1);
        let (failed, errors) = sync_channel(1);
        let thread = std::thread::Builder::new().name("wristcast-sync".to_owned());
        let thread = thread.spawn(move || {
            for file in todo {
                match file.sync_data() {
                    Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
                        let _ = failed.try_send(error);
                    }
                    _ => {}
                }
            }
        })?;
        Ok(Self { files: Some(files), errors, thread: Some(thread) })
    }

    /// Asks for the file to be brought to the disk; the disk may still be busy with the last time.
    fn ask(&self, file: &Arc<File>) {
        if let Some(files) = &self.files {
            let _ = files.try_send(Arc::clone(file));
        }
    }

    fn failed(&self) -> Option<io::Error> {
        self.errors.try_recv().ok()
    }
}

impl Drop for Sync {
    fn drop(&mut self) {
        self.files = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
