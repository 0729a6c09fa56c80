//! Connected wristbands through the host's Bluetooth stack.
//!
//! After stage 5, schedule, on the lane's thread. In: frames, one per link at a time. Out: the
//! same as bytes of the band's profile, and what became of them.
//!
//! | file | what | thread |
//! |---|---|---|
//! | `mod.rs` | the [`Radio`] | lane |
//! | `central.rs` | what becomes of the adapter and its links; no I/O | lane |
//! | `bluetooth.rs` | does what `central.rs` says, through btleplug | its own |
//! | `words.rs` | what went wrong, in plain words | its own |
//!
//! Promises: one write in flight per band and none waiting behind it, so what a band gets next is
//! always the newest look. A write is never repeated; one that does not end ends the connection,
//! and what the system still held of it. The lane thread never waits for Bluetooth. Whatever
//! fails is tried again, for ever, with bounded pauses, and said in words.
//!
//! One radio is one adapter. Several adapters are several radios, each with its own bands.

mod bluetooth;
mod central;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use bluetooth::{Bluetooth, Ended, Plan};
use central::{Central, Command, Report, Trouble};

use super::{Class, Frame, LaneWaker, LinkId, LinkSpec, Radio, RadioContext, RadioEvent};
use crate::band::BandFrame;
use crate::band::profile::Profile;
use crate::config::GattConfig;
use crate::time::Time;

/// Connected wristbands on one adapter.
#[derive(Debug)]
pub struct GattRadio {
    plan: Arc<Plan>,
    links: Vec<LinkSpec>,
    central: Central,
    bluetooth: Option<Bluetooth>,
    waker: LaneWaker,
}

/// The show asks for a profile that there is none of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no band profile is called \"{name}\": there is {known}")]
pub struct UnknownProfile {
    name: String,
    known: String,
}

impl GattRadio {
    /// The radio that `config` describes. Nothing is opened before [`Radio::start`].
    pub fn new(config: &GattConfig) -> Result<Self, UnknownProfile> {
        let unknown = || UnknownProfile {
            name: config.profile.clone(),
            known: Profile::builtin_names().collect::<Vec<_>>().join(", "),
        };
        let profile = Profile::builtin(&config.profile).ok_or_else(unknown)?;
        let link = |band: &crate::config::BandConfig| LinkSpec {
            min_interval: profile.min_interval(),
            fades: profile.fades(),
            ..LinkSpec::connection(band.id.clone(), band.group)
        };
        let links: Vec<LinkSpec> = config.bands.iter().map(link).collect();
        let central = Central::new(links.len(), config.max_connections, profile.acknowledge());
        let bands = config.bands.iter().map(|band| band.id.clone()).collect();
        let plan = Arc::new(Plan { adapter: config.adapter.clone(), profile, bands });
        Ok(Self { plan, links, central, bluetooth: None, waker: LaneWaker::noop() })
    }

    /// Hands what the state machine wants done to the Bluetooth thread.
    fn submit(&mut self, now: Time) {
        while let Some(command) = self.central.poll_command() {
            if self.bluetooth.is_none() && command == Command::Open {
                match Bluetooth::start(Arc::clone(&self.plan), self.waker.clone()) {
                    Ok(bluetooth) => self.bluetooth = Some(bluetooth),
                    Err(error) => {
                        let words = format!("no thread for Bluetooth: {error}");
                        self.central.handle_report(now, Report::Lost(Trouble::passing(words)));
                        continue;
                    }
                }
            }
            if let Some(Err(Ended)) = self.bluetooth.as_ref().map(|b| b.submit(command)) {
                self.ended(now);
            }
        }
    }

    /// The Bluetooth thread is gone; a new one is started with the next attempt.
    fn ended(&mut self, now: Time) {
        self.bluetooth = None;
        let trouble = Trouble::passing("a fault inside the Bluetooth stack; starting it again");
        self.central.handle_report(now, Report::Lost(trouble));
    }
}

impl Radio for GattRadio {
    fn kind(&self) -> &'static str {
        "gatt"
    }

    fn links(&self) -> &[LinkSpec] {
        &self.links
    }

    fn start(&mut self, now: Time, context: RadioContext) {
        self.waker = context.waker;
        self.handle_timeout(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.central.handle_timeout(now);
        self.submit(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.central.poll_timeout()
    }

    fn poll_event(&mut self, now: Time) -> Option<RadioEvent> {
        loop {
            if let Some(event) = self.central.poll_event() {
                return Some(event);
            }
            match self.bluetooth.as_mut()?.poll_report() {
                Ok(Some(report)) => self.central.handle_report(now, report),
                Ok(None) => return None,
                Err(Ended) => self.ended(now),
            }
            self.submit(now);
        }
    }

    fn send(&mut self, now: Time, link: LinkId, frame: &Frame) {
        let bytes = self.plan.profile.encode(&BandFrame {
            look: frame.look,
            sequence: frame.sequence,
            first: frame.first,
            panic: frame.class == Class::Panic,
        });
        self.central.send(now, link, frame.token, frame.class, bytes);
        self.submit(now);
    }

    fn stop(&mut self) {
        if let Some(bluetooth) = self.bluetooth.take() {
            bluetooth.stop();
        }
    }
}
