//! Which Bluetooth adapters there are, asked on its own, beside no show.

use btleplug::api::{Central as _, CentralState, Manager as _};
use btleplug::platform::Manager;

use super::bluetooth::{CALL_TIME_MAX, within};
use crate::inventory::AntennaError;

/// A Bluetooth adapter of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterState {
    /// The system's name, `hci0`.
    pub name: String,
    /// What the system says of the hardware; may be empty.
    pub hardware: String,
    /// Whether it is switched on.
    pub on: bool,
}

/// The adapters that the system's Bluetooth service knows.
///
/// # Errors
///
/// Why it cannot be asked, in words with what to do.
pub fn adapters() -> Result<Vec<AdapterState>, AntennaError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| AntennaError(format!("no runtime for Bluetooth: {error}")))?;
    let asked = runtime.block_on(within(CALL_TIME_MAX, async {
        let mut states = Vec::new();
        for adapter in Manager::new().await?.adapters().await? {
            // `hci0 (usb:v1D6Bp0246d0540)`
            let info = adapter.adapter_info().await?;
            let (name, hardware) = info.split_once(' ').unwrap_or((&info, ""));
            states.push(AdapterState {
                name: name.to_owned(),
                hardware: hardware.trim_matches(['(', ')']).to_owned(),
                on: adapter.adapter_state().await? != CentralState::PoweredOff,
            });
        }
        Ok(states)
    }));
    asked.map_err(|trouble| AntennaError(trouble.words.into_owned()))
}
