//! What a connected band tells of itself beside taking frames: its battery, and how strong it is
//! heard where the system knows that.

use std::time::Duration;

use btleplug::api::Peripheral as _;
use btleplug::platform::Peripheral;
use tokio::time::timeout;
use uuid::{Uuid, uuid};

/// Battery service and battery level (Bluetooth SIG, Battery Service 1.0).
pub(super) const BATTERY_SERVICE: Uuid = uuid!("0000180f-0000-1000-8000-00805f9b34fb");
const BATTERY_LEVEL: Uuid = uuid!("00002a19-0000-1000-8000-00805f9b34fb");

/// One question to the system or the band.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(3);

/// What a band tells; `None` where it, or the system, does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Vitals {
    /// Percent.
    pub(super) battery: Option<u8>,
    /// dBm.
    pub(super) rssi: Option<i16>,
}

/// Asks a band that is connected and whose services are known. Takes at most one exchange of the
/// link for each answer, and none where the system knows it already.
pub(super) async fn ask(peripheral: &Peripheral) -> Vitals {
    let rssi = timeout(QUESTION_TIME_MAX, peripheral.read_rssi()).await;
    Vitals { battery: battery(peripheral).await, rssi: rssi.ok().and_then(Result::ok) }
}

/// The battery of a connected band, percent.
pub(super) async fn battery(peripheral: &Peripheral) -> Option<u8> {
    let known = timeout(QUESTION_TIME_MAX, known_to_system(peripheral)).await.ok().flatten();
    let percent = match known {
        Some(percent) => percent,
        None => timeout(QUESTION_TIME_MAX, read_level(peripheral)).await.ok()??,
    };
    Some(percent).filter(|&percent| percent <= 100)
}

async fn read_level(peripheral: &Peripheral) -> Option<u8> {
    let characteristics = peripheral.characteristics();
    let level = characteristics.iter().find(|one| one.uuid == BATTERY_LEVEL)?;
    peripheral.read(level).await.ok()?.first().copied()
}

/// BlueZ keeps the battery service to itself and tells the level as a property (`Battery1`,
/// doc/org.bluez.Battery.rst), which costs the band nothing.
#[cfg(target_os = "linux")]
async fn known_to_system(peripheral: &Peripheral) -> Option<u8> {
    let path = format!("/org/bluez/{}", peripheral.id());
    let ask = move || {
        use dbus::blocking::stdintf::org_freedesktop_dbus::Properties as _;
        let bus = dbus::blocking::Connection::new_system().ok()?;
        let device = bus.with_proxy("org.bluez", path, QUESTION_TIME_MAX);
        device.get::<u8>("org.bluez.Battery1", "Percentage").ok()
    };
    tokio::task::spawn_blocking(ask).await.ok().flatten()
}

#[cfg(not(target_os = "linux"))]
async fn known_to_system(_: &Peripheral) -> Option<u8> {
    None
}
