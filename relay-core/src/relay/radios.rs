//! The radios of a show and their threads.

use std::sync::Arc;

use super::{ReloadError, StartError};
use crate::config::{Config, RadioConfig, RadioKind};
use crate::lane::LaneWriter;
use crate::radio::Radio;
use crate::radio::dispatch::Settlement;
use crate::radio::driver::{self, LaneThread, Turn};
use crate::radio::fenced::Fenced;
use crate::radio::simulated::SimulatedRadio;
use crate::radio::telemetry::RadioTelemetry;
use crate::receive::Clock;
use crate::standby::Lease;

/// One lane thread per radio. Dropping them stops them.
#[derive(Debug, Default)]
pub(super) struct Radios {
    threads: Vec<LaneThread>,
    /// Whether the program brought the radio along, which the relay then cannot make.
    brought: Vec<bool>,
    /// What those of them follow whose bands another relay may drive.
    lease: Arc<Lease>,
}

/// The radios of another show, made and waiting. Dropped, they never begin.
#[derive(Debug)]
pub(super) struct Successors {
    /// Not there any more once it is given.
    turn: Option<Turn>,
    /// By the radios of the new show: those that are new or begin anew.
    begun: Vec<Option<LaneThread>>,
    /// By the radios of the new show: those that go on, by their index in the old one.
    pub(super) kept: Vec<Option<usize>>,
    /// Ends of the lanes of those that begin.
    pub(super) lanes: Vec<Option<LaneWriter>>,
}

impl Successors {
    /// The names of radios that both shows have and that begin anew.
    pub(super) fn restarted<'a>(&self, old: &Config, new: &'a Config) -> Vec<&'a str> {
        let begin = new.radios.iter().zip(&self.kept).filter(|(_, kept)| kept.is_none());
        let names = begin.map(|(radio, _)| radio.name.as_str());
        names.filter(|name| old.radios.iter().any(|old| old.name == *name)).collect()
    }

    /// Whether every radio goes on in its place.
    pub(super) fn are_the_same(&self, before: usize) -> bool {
        self.kept.len() == before && (0..before).all(|index| self.kept[index] == Some(index))
    }
}

impl Drop for Successors {
    fn drop(&mut self) {
        self.begun.iter().flatten().for_each(LaneThread::request_stop);
        if let Some(turn) = self.turn.take() {
            turn.after(Vec::new());
        }
    }
}

impl Radios {
    /// Starts every radio of the show, those that `bring` does not make too; gives the writing ends
    /// of their lanes. With a standby, they write while `lease` permits it.
    pub(super) fn start(
        config: &Config,
        clock: Clock,
        lease: &Arc<Lease>,
        bring: &mut dyn FnMut(&RadioConfig) -> Option<Box<dyn Radio>>,
    ) -> Result<(Self, Vec<LaneWriter>), StartError> {
        let groups = config.groups.len();
        let mut radios = Self { lease: Arc::clone(lease), ..Self::default() };
        let mut lanes = Vec::with_capacity(config.radios.len() + 1);
        for radio in &config.radios {
            let brought = bring(radio);
            radios.brought.push(brought.is_some());
            let made = match brought {
                Some(brought) => brought,
                None => make(radio, groups)?,
            };
            let made = fence(config, radio, made, lease, clock);
            let (lane, thread) = driver::spawn(&radio.name, made, groups, clock)
                .map_err(StartError::system("radio thread"))?;
            lanes.push(lane);
            radios.threads.push(thread);
        }
        Ok((radios, lanes))
    }

    /// Makes what another show needs. A radio goes on if its setup is the same, and the groups
    /// are as many: its table is as long as the show.
    pub(super) fn succeed(
        &self,
        old: &Config,
        new: &Config,
        clock: Clock,
    ) -> Result<Successors, ReloadError> {
        let groups = new.groups.len();
        let same = |radio: &RadioConfig| {
            let same = old.radios.iter().position(|old| old == radio);
            same.filter(|_| old.groups.len() == groups)
        };
        let kept: Vec<_> = new.radios.iter().map(same).collect();
        let ends = (0..self.threads.len()).filter(|index| !kept.contains(&Some(*index)));
        if ends.into_iter().any(|index| self.brought.get(index) == Some(&true)) {
            return Err(ReloadError::NeedsRestart("a radio that the app brings along"));
        }
        let mut next =
            Successors { turn: Some(Turn::default()), begun: Vec::new(), kept, lanes: Vec::new() };
        for (index, radio) in new.radios.iter().enumerate() {
            if next.kept[index].is_some() {
                next.begun.push(None);
                next.lanes.push(None);
                continue;
            }
            let begun = make(radio, groups).and_then(|made| {
                let made = fence(new, radio, made, &self.lease, clock);
                driver::spawn_in_turn(&radio.name, made, groups, clock, next.turn.clone())
                    .map_err(StartError::system("radio thread"))
            });
            let (lane, thread) = begun.map_err(|error| ReloadError::Radio(error.to_string()))?;
            next.lanes.push(Some(lane));
            next.begun.push(Some(thread));
        }
        Ok(next)
    }

    /// Goes over to them: what is not kept ends now, and then the new ones begin. Whoever drops
    /// the last of the turn waits for the end.
    pub(super) fn give_way(&mut self, mut next: Successors) -> Turn {
        let mut old: Vec<Option<LaneThread>> = self.threads.drain(..).map(Some).collect();
        let brought = std::mem::take(&mut self.brought);
        for (kept, begun) in next.kept.iter().zip(std::mem::take(&mut next.begun)) {
            let from = kept.and_then(|index| old.get_mut(index)?.take());
            let is_brought = kept.and_then(|index| brought.get(index).copied());
            self.threads.extend(from.or(begun));
            self.brought.push(is_brought.unwrap_or(false));
        }
        let turn = next.turn.take().unwrap_or_default();
        turn.after(old.into_iter().flatten().collect());
        turn
    }

    /// Their figures, in the order of the show file.
    pub(super) fn telemetry(&self) -> Vec<Arc<RadioTelemetry>> {
        self.threads.iter().map(|thread| Arc::clone(thread.telemetry())).collect()
    }

    /// Waits until the bands have the look published last, bounded, and ends the threads. Says how
    /// many bands have it.
    pub(super) fn stop(self) -> Settlement {
        // All at the same time, or the bound would be one per radio.
        self.threads.iter().for_each(LaneThread::request_stop);
        self.threads.into_iter().map(LaneThread::stop).fold(Settlement::default(), |sum, one| {
            Settlement {
                settled: sum.settled + one.settled,
                late: sum.late + one.late,
                unreached: sum.unreached + one.unreached,
            }
        })
    }
}

/// Has a radio follow the lease if another relay may drive its bands.
fn fence(
    config: &Config,
    radio: &RadioConfig,
    made: Box<dyn Radio>,
    lease: &Arc<Lease>,
    clock: Clock,
) -> Box<dyn Radio> {
    match &config.standby {
        Some(standby) if standby.fences(&radio.kind) => {
            Box::new(Fenced::new(made, Arc::clone(lease), clock))
        }
        _ => made,
    }
}

fn make(radio: &RadioConfig, groups: usize) -> Result<Box<dyn Radio>, StartError> {
    match &radio.kind {
        RadioKind::Simulated(config) => Ok(Box::new(SimulatedRadio::new(config, groups))),
        #[cfg(feature = "gatt")]
        RadioKind::Gatt(config) => Ok(Box::new(crate::radio::gatt::GattRadio::new(config))),
        #[cfg(feature = "broadcast")]
        RadioKind::Broadcast(config) => {
            Ok(Box::new(crate::radio::broadcast::BroadcastRadio::new(config, groups)))
        }
        #[cfg(not(feature = "broadcast"))]
        RadioKind::Broadcast(_) => Err(StartError::Radio {
            name: radio.name.clone(),
            reason: "this wristcast was built without broadcast (feature `broadcast`)".to_owned(),
        }),
        #[cfg(not(feature = "gatt"))]
        RadioKind::Gatt(_) => Err(StartError::Radio {
            name: radio.name.clone(),
            reason: "this wristcast was built without Bluetooth (feature `gatt`)".to_owned(),
        }),
    }
}
