//! A recording with sockets of its own.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::Waker;

use super::{RecordError, RecordMonitor, RecordOptions, RecordReport, RecordTap, Recorder};
use crate::config::Network;
use crate::receive::{Clock, Port, Receiver};
use crate::relay::StartError;
use crate::relay::sockets::{Change, Outcome, Remark, SocketKeeper};
use crate::relay::system::Host;
use crate::snapshot::Severity;

/// How often the sockets are looked after. Joining is done between two batches: the sockets' buffers
/// hold what arrives meanwhile.
const KEEP_INTERVAL: Duration = Duration::from_secs(1);

/// If the system refuses to wait, sockets are looked at this often all the same.
const BROKEN_WAIT: Duration = Duration::from_millis(10);

/// Datagrams read before the sockets are looked after again.
const TURN_DATAGRAMS: usize = 4096;

/// Where a recording listens.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Interfaces and ports.
    pub network: Network,
    /// sACN universes to join; `None`: those that sources announce.
    pub universes: Option<BTreeSet<u16>>,
    /// Listen though another program of this machine does, too. It then loses unicast to us.
    pub share: bool,
}

/// How a recording is doing.
#[derive(Clone, Debug, Default)]
pub struct RecordingStatus {
    /// The files.
    pub report: RecordReport,
    /// The interfaces it listens on, by name.
    pub interfaces: Vec<String>,
    /// What is wrong with the network, in plain words.
    pub faults: Vec<String>,
}

/// A running recording. Dropping it ends it.
#[derive(Debug)]
pub struct Recording {
    monitor: RecordMonitor,
    recorder: Option<Recorder>,
    thread: Option<JoinHandle<()>>,
    waker: Arc<Waker>,
    shared: Arc<Told>,
}

/// What the receiving thread tells.
#[derive(Debug, Default)]
struct Told {
    ends: AtomicBool,
    /// Interfaces and faults.
    state: Mutex<(Vec<String>, Vec<String>)>,
}

/// Why a recording did not begin to listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Another program listens there.
    #[error(
        "{protocol} port {port}/udp is open in another program of this machine, which would lose \
         what is sent to this machine alone (unicast) to the recording. Record from the relay \
         itself with `wristcast run --record`, or, if everything is sent by multicast or \
         broadcast, add --share"
    )]
    Shared {
        /// `sACN` or `Art-Net`.
        protocol: &'static str,
        /// The port.
        port: u16,
    },
    /// The sockets cannot be opened.
    #[error(transparent)]
    Sockets(#[from] StartError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] RecordError),
}

impl Recording {
    /// Opens the sockets and the file, and begins to record.
    ///
    /// # Errors
    ///
    /// See [`ListenError`]. Interfaces that are not there yet are faults in the
    /// [status](Self::status); they are joined when they come.
    pub fn start(listen: Listen, options: RecordOptions) -> Result<Self, ListenError> {
        let network = &listen.network;
        if !listen.share {
            alone("sACN", network.sacn_port)?;
            alone("Art-Net", network.artnet_port)?;
        }
        let clock = Clock::start();
        let receiver = Receiver::new(clock).map_err(StartError::system("receiver"))?;
        let registry = receiver.registry().map_err(StartError::system("receiver"))?;
        let waker = Arc::new(receiver.waker().map_err(StartError::system("receiver"))?);
        let mut keeper = SocketKeeper::new(network.clone(), Host { registry });
        let opened = keeper.open_all(clock.now(), &[Port::SacnV4, Port::ArtNet])?;
        let (tap, recorder) = Recorder::start(options, clock)?;
        let shared = Arc::new(Told::default());
        let monitor = recorder.monitor();
        let mut thread = ReceiveThread {
            clock,
            receiver,
            keeper,
            tap,
            monitor: monitor.clone(),
            shared: Arc::clone(&shared),
            network: listen.network,
            universes: listen.universes,
            joined: None,
        };
        thread.apply(opened);
        thread.keep();
        let spawned = std::thread::Builder::new()
            .name("wristcast-receive".to_owned())
            .spawn(move || thread.run())
            .map_err(StartError::system("receiving thread"))?;
        Ok(Self { monitor, recorder: Some(recorder), thread: Some(spawned), waker, shared })
    }

    /// How it is doing.
    pub fn status(&self) -> RecordingStatus {
        let (interfaces, faults) = {
            let state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.clone()
        };
        RecordingStatus { report: self.monitor.report(), interfaces, faults }
    }

    /// Closes the sockets, writes what came, and ends the file.
    pub fn stop(mut self) -> RecordReport {
        self.halt();
        self.monitor.report()
    }

    fn halt(&mut self) {
        self.shared.ends.store(true, Ordering::Release);
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Some(recorder) = self.recorder.take() {
            recorder.stop();
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Whether no other program has the port: the system does not let two have it unless both say they
/// share.
fn alone(protocol: &'static str, port: u16) -> Result<(), ListenError> {
    match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(ListenError::Shared { protocol, port })
        }
        // What else is wrong is told by opening the real one.
        _ => Ok(()),
    }
}

struct ReceiveThread {
    clock: Clock,
    receiver: Receiver,
    keeper: SocketKeeper,
    tap: RecordTap,
    monitor: RecordMonitor,
    shared: Arc<Told>,
    network: Network,
    universes: Option<BTreeSet<u16>>,
    /// What was joined last.
    joined: Option<BTreeSet<u16>>,
}

impl ReceiveThread {
    fn run(mut self) {
        let mut keep_at = self.clock.now() + KEEP_INTERVAL;
        loop {
            let ends = self.shared.ends.load(Ordering::Acquire);
            self.receive();
            if ends {
                break; // What was in the sockets has been read.
            }
            let now = self.clock.now();
            if now >= keep_at {
                keep_at = now + KEEP_INTERVAL;
                let outcome = self.keeper.tick(now);
                self.apply(outcome);
                self.keep();
            }
            if self.receiver.wait(Some(keep_at)).is_err() {
                std::thread::park_timeout(BROKEN_WAIT);
                self.receiver.look_at_all();
            }
        }
        self.keeper.close_all();
        self.monitor.set_kernel_dropped(self.keeper.dropped());
    }

    fn receive(&mut self) {
        let mut budget = TURN_DATAGRAMS;
        while budget > 0 && self.receiver.is_ready() {
            let Self { receiver, tap, .. } = self;
            let port = receiver.next_udp_port().unwrap_or(0);
            let batch = receiver.receive(|datagram, arrival| tap.push(port, &datagram, arrival));
            budget = budget.saturating_sub((batch.taken + batch.other_interface).max(1));
            if let Some((port, socket, error)) = batch.failed {
                let outcome = self.keeper.failed(port, &socket, self.clock.now(), &error);
                self.apply(outcome);
            }
        }
    }

    /// Joins what is to be joined now, and tells how things are.
    fn keep(&mut self) {
        let spoken_of = self.monitor.spoken_of();
        let wanted = self.universes.clone().unwrap_or(spoken_of.announced);
        if self.joined.as_ref() != Some(&wanted) {
            let outcome = self.keeper.set_network(self.clock.now(), &self.network, wanted.clone());
            self.joined = Some(wanted);
            self.apply(outcome);
        }
        let outcome = self.keeper.set_sync_addresses(spoken_of.sync_addresses);
        self.apply(outcome);
        self.monitor.set_kernel_dropped(self.keeper.dropped());
        let interfaces = self.keeper.interfaces().into_iter().filter(|one| one.up);
        let names = interfaces.map(|interface| interface.name).collect();
        let faults = self.keeper.faults(self.clock.now());
        *self.shared.state.lock().unwrap_or_else(PoisonError::into_inner) = (names, faults);
    }

    fn apply(&mut self, outcome: Outcome) {
        for Remark { severity, text, .. } in outcome.events {
            match severity {
                Severity::Info => tracing::info!("{text}"),
                Severity::Warning => tracing::warn!("{text}"),
                Severity::Fault => tracing::error!("{text}"),
            }
        }
        for change in outcome.changes {
            match change {
                Change::Socket(port, socket) => drop(self.receiver.replace_socket(port, socket)),
                Change::Interfaces(interfaces) => {
                    self.receiver.replace_filter(interfaces.filter);
                }
            }
        }
    }
}
