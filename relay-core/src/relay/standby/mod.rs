//! A relay's side of a hot standby, at work: what its handles know of it, and its threads.
//!
//! | file | what | thread |
//! |---|---|---|
//! | `mod.rs` | orders, state and faults; start and end | any |
//! | `keeper.rs` | beats out and in, the node, the lease | `wristcast-standby` |
//! | `mirror.rs` | does what operators did on the other relay | `wristcast-mirror` |
//! | `masters.rs` | the masters of single groups | any |
//! | `pulse.rs` | what the relay thread shows of itself | relay |
//!
//! The rules are in [`standby`](crate::standby).

mod keeper;
mod masters;
mod mirror;
mod pulse;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

use super::StartError;
use super::control::Link;
use super::handle::{Shared, lock};
use super::log::EventLog;
use crate::config::{self, Config, RadioKind};
use crate::receive::Clock;
use crate::snapshot::{StandbyPeer, StandbyState};
use crate::standby::{Fault, Hands, Lease, Node, Order, OrderRefused, Role, Timing};
use crate::steering;
use crate::telemetry::SteeringFlags;
use crate::time::Time;
use keeper::Keeper;
use masters::Masters;
use mirror::Told;
pub(super) use pulse::Pulse;

/// How long a relay that stops waits for the other to take the bands.
const HAND_OVER_MAX: Duration = Duration::from_secs(3);

/// What operators did on the other relay and is still to be done here; if there is no room, it is told
/// again.
const MIRRORED_MAX: usize = 8;

/// What handles know of the standby.
#[derive(Debug)]
pub(super) struct Standby {
    config: config::Standby,
    timing: Timing,
    node: Mutex<Node>,
    /// What operators did, here and on the other relay.
    hands: Mutex<Hands>,
    /// Changed with `hands`, and locked after it.
    masters: Mutex<Masters>,
    /// Universes are heard, so that a freeze has something to hold.
    hears: AtomicBool,
    show: AtomicU64,
    /// Why nothing can be sent or heard, if so.
    trouble: Mutex<Option<Fault>>,
    ends: AtomicBool,
    /// The relay thread ends because it was told to.
    stopping: AtomicBool,
}

impl Standby {
    /// Of the show `config`, if it has one.
    pub(super) fn of(config: &Config, clock: Clock) -> Option<Arc<Self>> {
        let standby = config.standby.clone()?;
        let timing = Timing { take_over: standby.take_over, input_loss: standby.input_loss };
        let node = Node::new(timing, standby.preferred, standby.gives_back, clock.now());
        Some(Arc::new(Self {
            config: standby,
            timing,
            node: Mutex::new(node),
            hands: Mutex::default(),
            masters: Mutex::new(Masters::new(config)),
            hears: AtomicBool::new(false),
            show: AtomicU64::new(fingerprint(config)),
            trouble: Mutex::default(),
            ends: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }))
    }

    pub(super) fn order(&self, now: Time, order: Order) -> Result<(), OrderRefused> {
        lock(&self.node).order(now, order)
    }

    /// An operator's order was obeyed: it goes to the other relay with the next beat. To be called
    /// before another can be.
    pub(super) fn note_order(&self, order: &steering::Order, steered: &SteeringFlags) {
        let mut hands = lock(&self.hands);
        let mut masters = lock(&self.masters);
        masters.note(order);
        masters.settle();
        *hands = Hands {
            here: hands.here.saturating_add(1),
            there: hands.there,
            panic: steered.panic.load(Ordering::Relaxed),
            frozen: steered.frozen.load(Ordering::Relaxed),
            grand_master: steered.grand_master.load(Ordering::Relaxed),
        };
    }

    /// Another show runs.
    pub(super) fn set_show(&self, old: &Config, new: &Config) {
        lock(&self.masters).carry_over(old, new);
        self.show.store(fingerprint(new), Ordering::Relaxed);
    }

    pub(super) fn state(&self, now: Time) -> StandbyState {
        let node = lock(&self.node);
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let show = self.show.load(Ordering::Relaxed);
        let peer = node.peer(now).map(|(beat, heard)| StandbyPeer {
            role: format!("{:?}", beat.told).to_lowercase(),
            heard_ms: ms(now.since(heard)),
            works: beat.works,
            radios_work: beat.able,
            input_age_ms: beat.input.age(now).map(ms),
            universes_live: beat.input.live,
            universes: beat.input.patched,
            bands_connected: beat.connected,
            bands: beat.bands,
            same_show: beat.show == show,
        });
        let role = match node.role() {
            Role::Follows => "follows",
            Role::Drives => "drives",
            Role::Gives { .. } => "gives",
            Role::Gave { .. } => "gave",
        };
        StandbyState {
            role: role.to_owned(),
            preferred: node.is_preferred(),
            writes: node.license(now).is_some(),
            take_over_ms: ms(self.timing.take_over),
            take_overs: node.take_overs(),
            peer,
        }
    }

    /// What is wrong, in plain words.
    pub(super) fn faults(&self, now: Time) -> Vec<String> {
        let state = self.state(now);
        let trouble = lock(&self.trouble).clone();
        let fault = match &state.peer {
            // Both are started one after the other.
            None if now < Time::ZERO + 3 * self.timing.take_over => None,
            None if state.role == "drives" => Some(Fault::NobodyWouldTakeOver),
            None => Some(Fault::CannotTell),
            Some(peer) if !peer.same_show => Some(Fault::AnotherShow),
            Some(peer) if !peer.works => Some(Fault::PeerStuck),
            Some(peer) if !peer.radios_work && state.role == "drives" => Some(Fault::PeerUnable),
            Some(_) => None,
        };
        trouble.into_iter().chain(fault).map(|fault| fault.to_string()).collect()
    }

    /// The relay is about to stop: the other takes the bands, if it is there. Bounded.
    pub(super) fn hand_over(&self, clock: Clock) {
        let deadline = Instant::now() + HAND_OVER_MAX;
        // A relay whose thread has ended on order is not stuck.
        self.stopping.store(true, Ordering::Release);
        let given = lock(&self.node).stops(clock.now());
        while given && Instant::now() < deadline && lock(&self.node).role() != Role::Follows {
            std::thread::park_timeout(self.timing.tick());
        }
    }
}

/// Tells shows apart. What may differ between two relays, interfaces and adapters, is left out.
fn fingerprint(config: &Config) -> u64 {
    let mut text = format!("{:?}{:?}{:?}", config.groups, config.start_look, config.end_look);
    for radio in &config.radios {
        if let RadioKind::Gatt(gatt) = &radio.kind {
            gatt.bands.iter().for_each(|band| text += &format!("{}{}", band.id, band.group));
        }
    }
    // FNV-1a, 64 bits.
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What the standby works on.
pub(super) struct Parts {
    pub(super) link: Link,
    pub(super) pulses: Receiver<Box<Pulse>>,
    pub(super) lease: Arc<Lease>,
    pub(super) log: EventLog,
}

/// The running threads. Dropping them stops them.
#[derive(Debug)]
pub(super) struct StandbyThreads {
    standby: Arc<Standby>,
    threads: Vec<JoinHandle<()>>,
}

impl StandbyThreads {
    /// Starts both threads.
    pub(super) fn start(
        standby: &Arc<Standby>,
        shared: &Arc<Shared>,
        parts: Parts,
    ) -> Result<Self, StartError> {
        let mut boot = [0; 8];
        getrandom::fill(&mut boot)
            .map_err(|error| StartError::system("standby")(io::Error::other(error)))?;
        let boot = u64::from_ne_bytes(boot).max(1);
        let (tell, told): (_, Receiver<Told>) = bounded(MIRRORED_MAX);
        let keeper = Keeper::new(Arc::clone(standby), Arc::clone(shared), parts, boot, tell);
        let (mirrored, desk) = (Arc::clone(standby), Arc::clone(shared));
        let mirror =
            super::spawn("wristcast-mirror", move || mirror::mirror(&told, &mirrored, &desk))?;
        let mut threads = Self { standby: Arc::clone(standby), threads: vec![mirror] };
        threads.threads.push(super::spawn("wristcast-standby", move || keeper.run())?);
        Ok(threads)
    }
}

impl Drop for StandbyThreads {
    fn drop(&mut self) {
        self.standby.ends.store(true, Ordering::Release);
        // The mirror ends with the channel that the other thread holds.
        self.threads.drain(..).rev().for_each(|thread| drop(thread.join()));
    }
}
