//! The demo's lighting desk: a thread that plays the built-in show through real sockets, as one
//! sACN source and one Art-Net controller.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wristcast_core::config::{Attribute, Config};
use wristcast_core::look::Look;
use wristcast_core::universe::Universe;

use super::cues::{self, Place};
use super::history::History;
use crate::desk::{Desk, Destination, Identity, Ports, level};
use crate::exit::Failure;

/// Frames per second, the most a DMX line carries with 512 slots.
const RATE_HZ: u32 = 44;

const PLAY: u8 = 0;
const FINAL: u8 = 1;
const END: u8 = 2;

/// A desk at play.
#[derive(Debug)]
pub(super) struct Console {
    shared: Arc<Shared>,
    thread: JoinHandle<Played>,
    /// Packets the relay had taken before this console began.
    pub(super) taken_before: u64,
}

#[derive(Debug)]
struct Shared {
    history: Mutex<History>,
    mode: AtomicU8,
    /// The last picture was sent.
    final_sent: AtomicBool,
}

/// What was played, and the desks that played it.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) sacn: Desk,
    pub(super) artnet: Desk,
    /// Frames that the machine was too busy to send in time.
    pub(super) skipped: u64,
    /// The first packet the system refused.
    pub(super) error: Option<io::Error>,
}

impl Console {
    /// Begins to play for the groups of `config`: sACN by multicast or to the loopback address,
    /// Art-Net to the loopback address.
    pub(super) fn start(
        config: &Config,
        multicast: bool,
        taken_before: u64,
    ) -> Result<Self, Failure> {
        let player = Player::new(config, multicast)?;
        let groups = player.groups.len();
        let history = Mutex::new(History::new(groups, Instant::now()));
        let (mode, final_sent) = (AtomicU8::new(PLAY), AtomicBool::new(false));
        let shared = Arc::new(Shared { history, mode, final_sent });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("console".into())
            .spawn(move || player.play(&of_thread))
            .map_err(|error| {
                Failure::cannot_start(format!("cannot start the demo's console: {error}"))
            })?;
        Ok(Self { shared, thread, taken_before })
    }

    /// What was sent so far.
    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        self.shared.history()
    }

    /// Shows the last picture from now on.
    pub(super) fn show_final(&self) {
        self.set_mode(FINAL);
    }

    /// Whether the last picture is what was sent last.
    pub(super) fn is_final(&self) -> bool {
        self.shared.final_sent.load(Ordering::Acquire)
    }

    /// Stops sending. The streams are not terminated: the bands are to keep the last picture.
    pub(super) fn end(self) -> Played {
        self.set_mode(END);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn set_mode(&self, mode: u8) {
        self.shared.mode.store(mode, Ordering::Release);
        self.thread.thread().unpark();
    }
}

impl Shared {
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own part.
#[derive(Debug)]
struct Player {
    desks: Played,
    groups: Vec<PatchedGroup>,
}

/// A group as the console has it patched.
#[derive(Debug)]
struct PatchedGroup {
    has_dimmer: bool,
    slots: Vec<PatchedSlot>,
}

#[derive(Debug)]
struct PatchedSlot {
    attribute: Attribute,
    is_sacn: bool,
    /// Index of the universe on its desk.
    universe: usize,
    index: usize,
}

impl Player {
    fn new(config: &Config, multicast: bool) -> Result<Self, Failure> {
        let (mut sacn, mut artnet) = (Vec::new(), Vec::new());
        let mut groups = Vec::new();
        for group in &config.groups {
            let mut slots = Vec::new();
            for slot in &group.slots {
                let is_sacn = matches!(slot.universe, Universe::Sacn(_));
                let universes = if is_sacn { &mut sacn } else { &mut artnet };
                slots.push(PatchedSlot {
                    attribute: slot.attribute,
                    is_sacn,
                    universe: position(universes, slot.universe),
                    index: slot.address.index(),
                });
            }
            let has_dimmer = slots.iter().any(|slot| slot.attribute == Attribute::Dimmer);
            groups.push(PatchedGroup { has_dimmer, slots });
        }
        let loopback = std::net::Ipv4Addr::LOCALHOST;
        let open = |universes: &[Universe], multicast: bool| -> Result<Desk, Failure> {
            let to = if multicast { None } else { Some(loopback.into()) };
            let interface = [loopback.to_string()];
            let ports = Ports::of(&config.network);
            let destination = Destination::new(to, &interface, false, ports)?;
            let identity = Identity { name: "wristcast demo".into(), priority: 100 };
            Desk::open(identity, universes, &destination)
        };
        let desks = Played {
            sacn: open(&sacn, multicast)?,
            artnet: open(&artnet, false)?,
            skipped: 0,
            error: None,
        };
        Ok(Self { desks, groups })
    }

    fn play(mut self, shared: &Shared) -> Played {
        let start = Instant::now();
        let due = |frame: u32| start + frame * Duration::from_secs(1) / RATE_HZ;
        let mut frame = 0;
        loop {
            let now = Instant::now();
            if shared.mode.load(Ordering::Acquire) == END {
                return self.desks;
            }
            if now < due(frame) {
                std::thread::park_timeout(due(frame) - now);
                continue;
            }
            while due(frame + 1) <= now {
                frame += 1;
                self.desks.skipped += 1;
            }
            let playing = shared.mode.load(Ordering::Acquire) == PLAY;
            self.set_levels(shared, playing.then(|| due(frame) - start));
            self.send();
            if !playing {
                shared.final_sent.store(true, Ordering::Release);
            }
            frame += 1;
        }
    }

    /// Writes every group's look of the moment, or the last picture, into the desks' levels.
    fn set_levels(&mut self, shared: &Shared, elapsed: Option<Duration>) {
        let now = Instant::now();
        let count = self.groups.len();
        // What is remembered before it is sent is never missed when a band shows it at once.
        let mut history = shared.history();
        for index in 0..count {
            let look = match elapsed {
                Some(elapsed) => cues::look(Place::of(index), elapsed),
                None => cues::final_look(index, count),
            };
            self.write(index, look);
            history.record(index, look, now);
        }
    }

    /// Writes one look into the group's slots.
    fn write(&mut self, group: usize, look: Look) {
        let PatchedGroup { has_dimmer, slots } = &self.groups[group];
        for slot in slots {
            let desk = if slot.is_sacn { &mut self.desks.sacn } else { &mut self.desks.artnet };
            let level = level(slot.attribute, look, *has_dimmer);
            desk.levels_mut(slot.universe)[slot.index] = level;
        }
    }

    fn send(&mut self) {
        for desk in [&mut self.desks.sacn, &mut self.desks.artnet] {
            if let Err(error) = desk.send_frame() {
                self.desks.error.get_or_insert(error);
            }
        }
    }
}

/// The index of `universe` among `universes`, where it is put if it is new.
fn position(universes: &mut Vec<Universe>, universe: Universe) -> usize {
    universes.iter().position(|known| *known == universe).unwrap_or_else(|| {
        universes.push(universe);
        universes.len() - 1
    })
}
