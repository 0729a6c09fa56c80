//! The relay: one relay thread, one lane thread per radio, one keeper thread beside them.
//!
//! [`Relay::start`] opens the sockets and spawns the threads, [`Relay::stop`] leaves the bands in
//! the end look and joins every thread. A [`RelayHandle`] asks a running relay things and tells it
//! things; it may be cloned and used from any thread. Nothing here is global: several relays run
//! in one process.
//!
//! | thread | does | waits for |
//! |---|---|---|
//! | relay | stages 1 to 4, publishes looks | datagrams, commands, its next timeout |
//! | one per radio | stage 5 and the radio | its lane, its radio |
//! | keeper | interfaces, joins, failed sockets, events | the clock, ten times a second |
//! | trace | writes the trace, if there is one | the clock |
//! | standby, mirror | agree with the other relay who drives, if there is one | the clock, its beats |
//! | record, sync | write the recording, if there is one | the clock, the disk |

mod arrivals;
mod control;
mod desk;
mod error;
mod gaps;
mod handle;
mod log;
mod losses;
mod network;
mod processor;
mod radios;
mod refused;
mod rejoin;
mod reload;
mod sample;
mod show;
pub(crate) mod sockets;
mod standby;
pub(crate) mod system;
mod thread;

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::bounded;
use ringbuf::HeapRb;
use ringbuf::traits::Split;

use crate::config::{Config, RadioConfig};
use crate::engine::Engine;
use crate::event;
use crate::lane;
use crate::limits::Limits;
use crate::radio::Radio;
use crate::receive::{Clock, Receiver};
use crate::record::{RecordOptions, RecordReport, RecordTap, Recorder};
use crate::snapshot::{Latency, PacketCounts, Severity};
use crate::standby::Lease;
use crate::telemetry::Telemetry;
use crate::trace::{TraceReport, TraceTap, Tracer};

use control::{Control, Link, PATIENCE, TICK};
use desk::Desk;
pub use error::{HandleError, OrderError, ReloadError, StandbyError, StartError};
pub use handle::RelayHandle;
use handle::{Shared, lock};
use log::EventLog;
use radios::Radios;
use sample::Sampler;
use show::Show;
use sockets::SocketKeeper;
use standby::{Standby, StandbyThreads};
use system::Host;
use thread::{Command, RelayThread};

/// Commands that may wait for the relay thread.
const COMMANDS_MAX: usize = 32;

/// Events and failures that may wait for the keeper: ten times a second it takes them.
const NOTICES_MAX: usize = 1024;

/// What a run needs beside its show.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Write one JSON line per published look to this file.
    pub trace: Option<PathBuf>,
    /// Record every datagram that the relay's sockets receive.
    pub record: Option<RecordOptions>,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct StopReport {
    /// How long the relay ran.
    pub uptime: Duration,
    /// Datagrams by what became of them.
    pub packets: PacketCounts,
    /// Kernel arrival → look published.
    pub latency_published: Latency,
    /// Kernel arrival → frame handed to a radio.
    pub latency_handed: Latency,
    /// Frames handed to radios.
    pub frames_sent: u64,
    /// Bands known at the end.
    pub bands: u32,
    /// Bands that were connected and could not be brought to the end look in time.
    pub bands_not_at_end_look: u32,
    /// Bands that were not connected at the end; what they show is their own affair.
    pub bands_unreached: u32,
    /// What became of the trace, if one was asked for.
    pub trace: Option<TraceReport>,
    /// What became of the recording, if one was asked for.
    pub recording: Option<RecordReport>,
}

/// A running relay. Dropping it stops it.
#[derive(Debug)]
pub struct Relay {
    handle: RelayHandle,
    link: Link,
    relay: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
    keeper_ends: Arc<AtomicBool>,
    standby: Option<StandbyThreads>,
}

impl Relay {
    /// Opens the sockets, starts the radios and begins to relay. Interfaces that are not there yet
    /// are no error but a fault in the [status](RelayHandle::status): they are joined when they
    /// come.
    ///
    /// # Errors
    ///
    /// A port that the show needs cannot be opened, the trace file cannot be written, or the system
    /// has no thread or descriptor left.
    pub fn start(config: Config, options: Options) -> Result<Self, StartError> {
        Self::start_with(config, options, &mut |_| None)
    }

    /// Likewise, with radios that the program brings along: `bring` is asked for each radio of the
    /// show, and makes it or leaves it to the relay.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(
        config: Config,
        options: Options,
        bring: &mut dyn FnMut(&RadioConfig) -> Option<Box<dyn Radio>>,
    ) -> Result<Self, StartError> {
        let clock = Clock::start();
        let mut receiver = Receiver::new(clock).map_err(StartError::system("receiver"))?;
        receiver.set_busy_wait(config.network.busy_wait);
        let registry = receiver.registry().map_err(StartError::system("receiver"))?;
        let waker = Arc::new(receiver.waker().map_err(StartError::system("receiver"))?);
        let limits = Limits::of(&config);
        let engine = Engine::new(&config, &limits, seed());
        let wishes = processor::Wishes::of(&config.network);
        let show = Arc::new(Show::new(config));

        let mut sockets = SocketKeeper::new(show.config.network.clone(), Host { registry });
        let opened = sockets.open_all(clock.now(), &show.needed_ports())?;
        let (trace, tracer) = start_trace(&show, options.trace)?;
        let (record, recorder) = start_recording(options.record, clock)?;
        let lease = Arc::new(Lease::default());
        let (radios, mut lanes) = Radios::start(&show.config, clock, &lease, bring)?;
        let (front, looks) = lane::channel(show.config.groups.len());
        lanes.push(front);

        let (commands, commands_in) = bounded(COMMANDS_MAX);
        let (answers_out, answers) = bounded(2 * COMMANDS_MAX);
        let (samples_out, samples) = bounded(2 * COMMANDS_MAX);
        let (orders_out, orders) = bounded(COMMANDS_MAX);
        let (pulses_out, pulses) = bounded(1);
        let (notices_out, notices) = HeapRb::new(NOTICES_MAX).split();
        let link = Link { commands, waker };
        let telemetry = Arc::new(Telemetry::default());
        let thread = RelayThread::new(
            clock,
            receiver,
            engine,
            lanes,
            thread::Taps { trace, record },
            Arc::clone(&telemetry),
            thread::Ends {
                commands: commands_in,
                answers: answers_out,
                samples: samples_out,
                orders: orders_out,
                pulses: pulses_out,
                notices: notices_out,
            },
        );
        let standby = Standby::of(&show.config, clock);
        let log = EventLog::default();
        let mut control = Control::new(
            clock,
            sockets,
            show,
            limits,
            control::Ends {
                link: link.clone(),
                answers,
                notices,
                alive: thread.alive(),
                log: log.clone(),
            },
            Arc::clone(&telemetry),
            radios.telemetry(),
        );
        control.recording = recorder.as_ref().map(Recorder::monitor);
        // Waits in the channel until the relay thread starts.
        control.apply(opened);
        let parts = standby::Parts { link: link.clone(), pulses, lease, log: log.clone() };
        let told = log.clone();
        let shared = Arc::new(Shared {
            clock,
            standby,
            control: Mutex::new(control),
            desk: Mutex::new(Desk::new(link.clone(), orders, log)),
            sampler: Mutex::new(Sampler::new(link.clone(), samples)),
            looks: Mutex::new(looks),
            tracer: Mutex::new(tracer),
            recorder: Mutex::new(recorder),
            telemetry,
            radios: Mutex::new(radios.telemetry()),
            threads: Mutex::new(Some(radios)),
        });
        // From here on, dropping it ends what was started.
        let mut relay = Self {
            handle: RelayHandle { shared },
            link,
            relay: None,
            keeper: None,
            keeper_ends: Arc::default(),
            standby: None,
        };
        let shared = &relay.handle.shared;
        if let Some(standby) = &shared.standby {
            relay.standby = Some(StandbyThreads::start(standby, shared, parts)?);
        }
        relay.keeper = Some(relay.spawn_keeper()?);
        relay.relay = Some(spawn("wristcast-relay", move || {
            wishes.ask(clock, &told);
            thread.run();
        })?);
        // Thousands of joins take a while; light that needs none, or came first, does not wait.
        lock(&relay.handle.shared.control).join_patched();
        Ok(relay)
    }

    /// A handle to ask and tell the relay things.
    pub fn handle(&self) -> RelayHandle {
        self.handle.clone()
    }

    /// Leaves the bands in the end look, closes the sockets and joins every thread. Takes as long
    /// as the bands take to get there, bounded.
    pub fn stop(mut self) -> StopReport {
        self.halt()
    }

    fn spawn_keeper(&self) -> Result<JoinHandle<()>, StartError> {
        let shared = Arc::clone(&self.handle.shared);
        let ends = Arc::clone(&self.keeper_ends);
        spawn("wristcast-keeper", move || {
            while !ends.load(Ordering::Acquire) {
                lock(&shared.control).tick();
                lock(&shared.desk).tick(shared.clock.now());
                std::thread::park_timeout(TICK);
            }
        })
    }

    /// Ends everything in the order in which light flows. Once; later calls only report.
    fn halt(&mut self) -> StopReport {
        let shared = &*self.handle.shared;
        let uptime = Duration::from_nanos(shared.clock.now().as_nanos());
        if let (Some(standby), Some(_)) = (&shared.standby, &self.standby) {
            standby.hand_over(shared.clock);
        }
        let end_look = lock(&shared.control).begin_stop();
        lock(&shared.desk).fader_rests(shared.clock.now());
        if let Some(relay) = self.relay.take() {
            // Fails only if the thread has ended already, or hangs, in which case so shall we not.
            if self.link.tell_patiently(Command::Stop(end_look))
                != Err(HandleError::Timeout(PATIENCE))
            {
                let _ = relay.join();
            }
        }
        self.keeper_ends.store(true, Ordering::Release);
        if let Some(keeper) = self.keeper.take() {
            keeper.thread().unpark();
            let _ = keeper.join();
        }
        let radios = lock(&shared.threads).take();
        let settlement = radios.map(Radios::stop).unwrap_or_default();
        // Until now its lease let the end look go out.
        self.standby = None;
        let kernel_dropped = lock(&shared.control).finish_stop();
        let trace = lock(&shared.tracer).take().map(Tracer::stop);
        let recording = lock(&shared.recorder).take().map(|recorder| {
            recorder.monitor().set_kernel_dropped(kernel_dropped);
            recorder.stop()
        });
        StopReport {
            uptime,
            packets: shared.telemetry.packet_counts(kernel_dropped),
            latency_published: shared.telemetry.latency_published.latency(),
            latency_handed: shared.latency_handed(),
            frames_sent: shared.radios().iter().map(|radio| radio.counts().handed).sum(),
            bands: shared.radios().iter().map(|radio| radio.radio_state().bands).sum(),
            bands_not_at_end_look: settlement.late,
            bands_unreached: settlement.unreached,
            trace,
            recording,
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.halt();
    }
}

fn spawn(
    name: &'static str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(StartError::system(name))
}

fn start_trace(
    show: &Show,
    path: Option<PathBuf>,
) -> Result<(Option<TraceTap>, Option<Tracer>), StartError> {
    let Some(path) = path else { return Ok((None, None)) };
    match Tracer::start(&path, show.group_names()) {
        Ok((tap, tracer)) => Ok((Some(tap), Some(tracer))),
        Err(source) => Err(StartError::Trace { path, source }),
    }
}

fn start_recording(
    options: Option<RecordOptions>,
    clock: Clock,
) -> Result<(Option<RecordTap>, Option<Recorder>), StartError> {
    let Some(options) = options else { return Ok((None, None)) };
    let (tap, recorder) = Recorder::start(options, clock)?;
    Ok((Some(tap), Some(recorder)))
}

/// For the random delays of ArtPollReply, which must differ between relays.
fn seed() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// Two scales for one thing: the engine speaks of a normal show, the log of the operator's work.
const fn event_severity(severity: event::Severity) -> Severity {
    match severity {
        event::Severity::Info => Severity::Info,
        event::Severity::Warning => Severity::Warning,
    }
}

#[cfg(test)]
mod tests;
