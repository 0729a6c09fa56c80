//! The radios of a show and their threads.

use std::sync::Arc;

use super::StartError;
use crate::config::{Config, RadioConfig, RadioKind};
use crate::lane::LaneWriter;
use crate::radio::Radio;
use crate::radio::dispatch::Settlement;
use crate::radio::driver::{self, LaneThread};
use crate::radio::simulated::SimulatedRadio;
use crate::radio::telemetry::RadioTelemetry;
use crate::receive::Clock;

/// One lane thread per radio. Dropping them stops them.
#[derive(Debug, Default)]
pub(super) struct Radios {
    threads: Vec<LaneThread>,
}

impl Radios {
    /// Starts every radio of the show, those that `bring` does not make too; gives the writing ends of their lanes.
    pub(super) fn start(
        config: &Config,
        clock: Clock,
        bring: &mut dyn FnMut(&RadioConfig) -> Option<Box<dyn Radio>>,
    ) -> Result<(Self, Vec<LaneWriter>), StartError> {
        let groups = config.groups.len();
        let mut radios = Self::default();
        let mut lanes = Vec::with_capacity(config.radios.len() + 1);
        for radio in &config.radios {
            let made = match bring(radio) {
                Some(brought) => brought,
                None => make(radio, groups)?,
            };
            let (lane, thread) = driver::spawn(&radio.name, made, groups, clock)
                .map_err(StartError::system("radio thread"))?;
            lanes.push(lane);
            radios.threads.push(thread);
        }
        Ok((radios, lanes))
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
