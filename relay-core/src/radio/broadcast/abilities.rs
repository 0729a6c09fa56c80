//! What a controller can do, asked on its own, beside no show.

use super::controller::Controller;
use crate::config::{AirWay, ControllerAddress};

/// What a controller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Extended advertising (Bluetooth 5).
    pub extended: bool,
    /// Periodic advertising.
    pub periodic: bool,
    /// Most bytes of an advert's data.
    pub room: u16,
}

/// Why a controller does not say what it can do, in words with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SilentController(String);

impl Abilities {
    /// Asks a controller. That resets it: not for one that a show uses.
    ///
    /// # Errors
    ///
    /// It is not there, is in use, may not be used, or does not answer.
    pub fn of(address: &ControllerAddress) -> Result<Self, SilentController> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| SilentController(format!("no runtime for HCI: {error}")))?;
        let asked = runtime.block_on(Controller::look_at(address));
        asked.map_err(|trouble| SilentController(trouble.to_string()))
    }

    /// Whether a radio of this kind can use it.
    pub fn suffice(&self, way: AirWay) -> bool {
        let room = usize::from(self.room) >= broadcast_frame::advert::EXTENDED_LEN_MAX;
        match way {
            AirWay::Legacy => true,
            AirWay::Extended => self.extended && room,
            AirWay::Periodic => self.periodic && room,
        }
    }
}
