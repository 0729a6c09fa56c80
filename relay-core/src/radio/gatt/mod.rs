//! Connected wristbands through the host's Bluetooth stack.
//!
//! After stage 5, schedule, on the lane's thread. In: frames, one per link at a time. Out: the
//! same as bytes of the band's profile, and what became of them.
//!
//! | file | what | thread |
//! |---|---|---|
//! | `mod.rs` | the [`Radio`] | lane |
//! | `central/`, `limit.rs` | what becomes of an adapter and its links; no I/O | lane |
//! | `sharing.rs` | which adapter reaches which band; no I/O | lane |
//! | `command.rs` | what the Bluetooth stack is told and what it says | both |
//! | `bluetooth/` | does what `central/` says, through btleplug | its own |
//! | `adapters.rs` | which adapters there are, on its own | the caller's |
//! | `survey.rs` | a scan on its own, for the inventory | the caller's |
//! | `vitals.rs` | battery and strength of connected bands | its own |
//! | `words.rs` | what went wrong, in plain words | its own |
//!
//! Promises: one write in flight per band and none waiting behind it, so what a band gets next is
//! always the newest look. A write is never repeated; one that does not end ends the connection,
//! and what the system still held of it. The lane thread never waits for Bluetooth. Whatever
//! fails is tried again, for ever, with bounded pauses, and said in words.
//!
//! One radio is one adapter, or several that share its bands (`sharing.rs`).

mod adapters;
mod bluetooth;
mod central;
mod command;
mod limit;
mod sharing;
mod survey;
#[cfg(test)]
mod tests;
mod vitals;
mod words;

use std::sync::Arc;

pub use adapters::{AdapterState, adapters};
use bluetooth::{Bluetooth, Ended, Plan};
use central::Central;
use command::{Command, Report, Trouble};
use sharing::Sharing;
pub use survey::BluetoothAntenna;
use vitals::Vitals;

use super::telemetry::{RadioTelemetry, Rssi};
use super::{Class, Frame, LaneWaker, LinkId, LinkSpec, Radio, RadioContext, RadioEvent};
use crate::band::BandFrame;
use crate::band::profile::{Acknowledge, Encoder, Profile};
use crate::config::GattConfig;
use crate::time::Time;

/// Connected wristbands on one adapter or a few.
#[derive(Debug)]
pub struct GattRadio {
    links: Vec<LinkSpec>,
    profiles: Vec<Arc<Profile>>,
    encoders: Vec<Encoder>,
    centrals: Vec<Central>,
    /// For each of `centrals`, what it commands.
    stacks: Vec<Stack>,
    sharing: Sharing,
    /// What the lane was told of the radio as a whole.
    health: Health,
    waker: LaneWaker,
    telemetry: Option<Arc<RadioTelemetry>>,
    /// Another relay drives the bands.
    rests: bool,
}

/// The Bluetooth stack as one adapter sees it.
#[derive(Debug)]
struct Stack {
    plan: Arc<Plan>,
    bluetooth: Option<Bluetooth>,
    /// Why the adapter does not work, if it does not.
    fault: Option<String>,
    ready: bool,
}

/// What the lane was told of the radio as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Health {
    Unknown,
    Ready,
    Fault(String),
}

impl GattRadio {
    /// The radio that `config` describes. Nothing is opened before [`Radio::start`].
    pub fn new(config: &GattConfig) -> Self {
        let profiles: Vec<Arc<Profile>> =
            config.bands.iter().map(|band| Arc::clone(&band.profile)).collect();
        let acknowledge: Vec<Acknowledge> =
            profiles.iter().map(|profile| profile.acknowledge()).collect();
        let bands: Vec<String> = config.bands.iter().map(|band| band.id.clone()).collect();
        let adapters: Vec<Option<String>> = match config.adapters.as_slice() {
            [] => vec![None],
            names => names.iter().cloned().map(Some).collect(),
        };
        let central = |_: &Option<String>| Central::new(&acknowledge, config.max_connections);
        let mut centrals: Vec<Central> = adapters.iter().map(central).collect();
        Sharing::deal(centrals.iter_mut(), bands.len());
        let stack = |adapter| Stack {
            plan: Arc::new(Plan { adapter, profiles: profiles.clone(), bands: bands.clone() }),
            bluetooth: None,
            fault: None,
            ready: false,
        };
        Self {
            links: config.bands.iter().map(LinkSpec::of_band).collect(),
            encoders: vec![Encoder::default(); bands.len()],
            stacks: adapters.into_iter().map(stack).collect(),
            profiles,
            centrals,
            sharing: Sharing::default(),
            health: Health::Unknown,
            waker: LaneWaker::noop(),
            telemetry: None,
            rests: false,
        }
    }

    /// Hands what the state machines want done to the Bluetooth threads.
    fn submit(&mut self, now: Time) {
        for (central, stack) in self.centrals.iter_mut().zip(&mut self.stacks) {
            while let Some(command) = central.poll_command() {
                if stack.bluetooth.is_none() && command == Command::Open {
                    match Bluetooth::start(Arc::clone(&stack.plan), self.waker.clone()) {
                        Ok(bluetooth) => stack.bluetooth = Some(bluetooth),
                        Err(error) => {
                            let words = format!("no thread for Bluetooth: {error}");
                            central.handle_report(now, Report::Lost(Trouble::passing(words)));
                            continue;
                        }
                    }
                }
                if let Some(Err(Ended)) = stack.bluetooth.as_ref().map(|b| b.submit(command)) {
                    stack.ended(now, central);
                }
            }
        }
    }

    /// What one adapter says of itself, as what the lane should know of all of them: the radio
    /// works as long as one of them does.
    fn judge(&mut self, index: usize, event: RadioEvent) -> Option<RadioEvent> {
        let fault = match event {
            RadioEvent::Ready => None,
            RadioEvent::Fault(words) => Some(words.into_owned()),
            other => return Some(other),
        };
        self.stacks[index].ready = fault.is_none();
        self.stacks[index].fault = fault;
        let faults: Vec<&str> =
            self.stacks.iter().filter_map(|stack| stack.fault.as_deref()).collect();
        let works = self.stacks.iter().any(|stack| stack.ready);
        let health = match faults.first() {
            None => Health::Ready,
            Some(_) if works => Health::Ready,
            Some(fault) => Health::Fault((*fault).to_owned()),
        };
        if let (true, Some(fault)) = (works, faults.first()) {
            tracing::warn!(fault, "one adapter of several does not work; the others go on");
        }
        if health == self.health {
            return None;
        }
        self.health = health.clone();
        Some(match health {
            Health::Fault(words) => RadioEvent::Fault(words.into()),
            Health::Unknown | Health::Ready => RadioEvent::Ready,
        })
    }
}

/// Keeps what a band told of itself where the status finds it.
fn note(telemetry: Option<&RadioTelemetry>, now: Time, link: LinkId, vitals: Vitals) {
    let Some(band) = telemetry.and_then(|telemetry| telemetry.band(link)) else { return };
    if let Some(percent) = vitals.battery {
        band.set_battery_percent(percent);
    }
    if let Some(dbm) = vitals.rssi {
        band.set_rssi(Rssi { dbm, at: now });
    }
}

impl Stack {
    /// The Bluetooth thread is gone; a new one is started with the next attempt.
    fn ended(&mut self, now: Time, central: &mut Central) {
        self.bluetooth = None;
        let trouble = Trouble::passing("a fault inside the Bluetooth stack; starting it again");
        central.handle_report(now, Report::Lost(trouble));
    }
}

impl Radio for GattRadio {
    fn kind(&self) -> &'static str {
        "gatt"
    }

    fn links(&self) -> &[LinkSpec] {
        &self.links
    }

    fn shares_stack(&self) -> bool {
        true
    }

    fn start(&mut self, now: Time, context: RadioContext) {
        self.waker = context.waker;
        self.telemetry = Some(context.telemetry);
        self.handle_timeout(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        if !self.rests {
            self.sharing.share(now, &mut self.centrals, self.links.len());
        }
        self.centrals.iter_mut().for_each(|central| central.handle_timeout(now));
        self.submit(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        let sharing = self.sharing.poll_timeout(self.centrals.len()).filter(|_| !self.rests);
        self.centrals.iter().filter_map(Central::poll_timeout).chain(sharing).min()
    }

    fn poll_event(&mut self, now: Time) -> Option<RadioEvent> {
        loop {
            for index in 0..self.centrals.len() {
                while let Some(event) = self.centrals[index].poll_event() {
                    if let Some(event) = self.judge(index, event) {
                        return Some(event);
                    }
                }
            }
            let mut idle = true;
            for (central, stack) in self.centrals.iter_mut().zip(&mut self.stacks) {
                match stack.bluetooth.as_mut().map(Bluetooth::poll_report) {
                    Some(Ok(Some(Report::Vitals(link, vitals)))) => {
                        note(self.telemetry.as_deref(), now, link, vitals);
                    }
                    Some(Ok(Some(report))) => central.handle_report(now, report),
                    Some(Err(Ended)) => stack.ended(now, central),
                    Some(Ok(None)) | None => continue,
                }
                idle = false;
            }
            if idle {
                return None;
            }
            self.submit(now);
        }
    }

    fn send(&mut self, now: Time, link: LinkId, frame: &Frame) {
        let band_frame = BandFrame {
            look: frame.look,
            sequence: frame.sequence,
            first: frame.first,
            panic: frame.class == Class::Panic,
        };
        let writes =
            self.encoders[link.index()].writes(&self.profiles[link.index()], now, &band_frame);
        // One of them has the band; a band that none has is lost with the first.
        let home = self.centrals.iter().position(|central| central.has(link)).unwrap_or(0);
        self.centrals[home].send(now, link, frame.token, frame.class, writes);
        self.submit(now);
    }

    fn rest(&mut self, now: Time, rests: bool) {
        self.rests = rests;
        self.centrals.iter_mut().for_each(|central| central.rest(now, rests));
        self.submit(now);
    }

    fn has_let_go(&self) -> bool {
        self.centrals.iter().all(Central::has_let_go)
    }

    fn stop(&mut self) {
        // All are asked before any is waited for.
        let stacks = self.stacks.iter_mut().filter_map(|stack| stack.bluetooth.take());
        let stopping: Vec<_> = stacks.map(Bluetooth::request_stop).collect();
        stopping.into_iter().for_each(bluetooth::Stopping::wait);
    }
}
