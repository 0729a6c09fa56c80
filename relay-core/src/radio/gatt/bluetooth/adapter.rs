//! The adapter: taken, and asked whether it still is.

use std::time::Duration;

use btleplug::api::{Central as _, CentralState, Manager as _};
use btleplug::platform::{Adapter, Manager};
use tokio::time::timeout;

use crate::radio::gatt::command::Trouble;
use crate::radio::gatt::words::{self, explain};

/// Calls to the stack that are not about a band's radio. They take milliseconds or never end.
pub(in crate::radio::gatt) const CALL_TIME_MAX: Duration = Duration::from_secs(5);

pub(in crate::radio::gatt) async fn open_adapter(wanted: Option<&str>) -> Result<Adapter, Failure> {
    let adapters = Manager::new().await?.adapters().await?;
    let mut names = Vec::new();
    for adapter in adapters {
        let info = adapter.adapter_info().await?;
        // `hci0 (usb:v1D6Bp0246d0540)`
        let name = info.split(' ').next().unwrap_or_default().to_owned();
        if wanted.is_none_or(|wanted| wanted == name) {
            check(&adapter).await?;
            return Ok(adapter);
        }
        names.push(name);
    }
    Err(Failure(match wanted {
        Some(wanted) if !names.is_empty() => {
            let names = names.join(", ");
            Trouble::lasting(format!("there is no adapter `{wanted}`; there is {names}"))
        }
        _ => words::no_adapter(),
    }))
}

/// Whether the adapter is still there and on.
pub(super) async fn check(adapter: &Adapter) -> Result<(), Failure> {
    adapter.adapter_info().await?;
    match adapter.adapter_state().await? {
        CentralState::PoweredOff => Err(Failure(words::switched_off())),
        _ => Ok(()),
    }
}

/// A trouble that `?` makes of btleplug's errors.
pub(in crate::radio::gatt) struct Failure(Trouble);

impl From<btleplug::Error> for Failure {
    fn from(error: btleplug::Error) -> Self {
        Self(explain(&error))
    }
}

pub(in crate::radio::gatt) async fn within<T>(
    time: Duration,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Trouble> {
    match timeout(time, call).await {
        Ok(result) => result.map_err(|Failure(trouble)| trouble),
        Err(_) => {
            Err(Trouble::passing("the Bluetooth service does not answer; restart it if this stays"))
        }
    }
}
