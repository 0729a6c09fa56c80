//! What is heard: which devices are bands of the show, and what those tell of themselves.

use std::time::Duration;

use btleplug::api::{Central as _, Peripheral as _, PeripheralProperties};
use btleplug::platform::{Adapter, Peripheral, PeripheralId};
use tokio::time::{Instant, timeout};

use super::adapter::CALL_TIME_MAX;
use super::session::{Done, Session};
use crate::radio::LinkId;
use crate::radio::gatt::command::{Report, Trouble};
use crate::radio::gatt::vitals::{self, BATTERY_SERVICE, Vitals};

/// How often a band that is heard says how strong.
const RSSI_INTERVAL: Duration = Duration::from_secs(1);
/// Devices asked for their names at the same time; others are asked when heard again.
const ASKED_MAX: usize = 8;
/// How often a device without a name is asked again: names come in a second packet.
const ASKED_AGAIN_MAX: u8 = 3;
/// Devices remembered. Then all are forgotten and asked again.
const DEVICES_MAX: usize = 4_096;

/// What is known of a device that was heard.
pub(super) enum Device {
    /// It is asked for its name now.
    Asked,
    /// A band of the show.
    Band(LinkId),
    /// None; asked so often.
    Stranger(u8),
}

/// What a device says of itself.
pub(super) struct Answer {
    pub(super) peripheral: Peripheral,
    pub(super) properties: PeripheralProperties,
    pub(super) connected: bool,
}

impl Session<'_> {
    /// A device was heard, or is connected.
    pub(super) async fn heard(&mut self, id: PeripheralId, connected: bool) {
        let times = match self.devices.get(&id) {
            Some(Device::Band(link)) => return self.band_heard(*link, connected).await,
            Some(Device::Asked | Device::Stranger(ASKED_AGAIN_MAX..)) => return,
            Some(Device::Stranger(times)) => *times,
            None => 0,
        };
        // One that is connected, perhaps since before the relay ran, is not heard again.
        if self.asked >= ASKED_MAX && !connected {
            return;
        }
        if self.devices.len() >= DEVICES_MAX {
            self.devices.retain(|_, device| !matches!(device, Device::Stranger(_)));
        }
        self.asked += 1;
        self.devices.insert(id.clone(), Device::Asked);
        let adapter = self.adapter.clone();
        self.tasks.spawn(async move {
            let answer = timeout(CALL_TIME_MAX, ask(&adapter, &id)).await;
            Done::Asked { id, answer: answer.ok().flatten().map(Box::new), times: times + 1 }
        });
    }

    pub(super) async fn band_heard(&mut self, link: LinkId, connected: bool) {
        let scanning = self.scanning;
        let Some(band) = self.band(link) else { return };
        if connected || scanning && !std::mem::replace(&mut band.heard, true) {
            self.reporter.report(Report::Heard(link)).await;
        }
    }

    /// Tells how strong a band is heard, now and then.
    pub(super) async fn tell_vitals(&mut self, link: LinkId, vitals: Vitals) {
        let Some(band) = self.band(link) else { return };
        if band.rssi_told.is_none_or(|told| told.elapsed() >= RSSI_INTERVAL) {
            band.rssi_told = Some(Instant::now());
            self.reporter.report(Report::Vitals(link, vitals)).await;
        }
    }

    /// Asks the next connected band how it is.
    pub(super) fn ask_vitals(&mut self) {
        if self.vitals_asked {
            return;
        }
        let count = self.bands.len();
        let socket = |index: usize| {
            let socket = self.bands[index % count].socket.clone()?;
            Some((index % count, socket))
        };
        let from = self.vitals_next;
        let Some((index, socket)) = (from..from + count).find_map(socket) else { return };
        self.vitals_asked = true;
        self.vitals_next = index + 1;
        let link = LinkId(u32::try_from(index).unwrap_or(u32::MAX));
        self.tasks.spawn(async move { Done::Vitals(link, vitals::ask(&socket.peripheral).await) });
    }

    /// A device said what it is.
    pub(super) async fn answered(
        &mut self,
        id: PeripheralId,
        answer: Option<Box<Answer>>,
        times: u8,
    ) -> Result<(), Trouble> {
        self.asked -= 1;
        let Some(answer) = answer else {
            self.devices.insert(id, Device::Stranger(times));
            return Ok(());
        };
        let Answer { peripheral, properties, connected } = *answer;
        let name = properties.advertisement_name.as_deref().or(properties.local_name.as_deref());
        let address = peripheral.address().to_string();
        let Some(link) = self.plan.link_of(&address, &id.to_string(), name) else {
            if let Some(profile) = self.plan.kind_of(name, &properties) {
                tracing::info!(%id, address, name, profile, "a band near that the show does not list");
                self.devices.insert(id, Device::Stranger(ASKED_AGAIN_MAX));
            } else {
                self.devices.insert(id, Device::Stranger(times));
            }
            return Ok(());
        };
        self.devices.insert(id, Device::Band(link));
        if let Some(band) = self.band(link)
            && !band.engaged
        {
            band.peripheral = Some(peripheral);
            self.band_heard(link, connected).await;
        }
        let battery = properties.service_data.get(&BATTERY_SERVICE);
        let battery = battery.and_then(|data| data.first().copied());
        self.tell_vitals(link, Vitals { rssi: properties.rssi, battery }).await;
        Ok(())
    }
}

async fn ask(adapter: &Adapter, id: &PeripheralId) -> Option<Answer> {
    let peripheral = adapter.peripheral(id).await.ok()?;
    let properties = peripheral.properties().await.ok()??;
    let connected = peripheral.is_connected().await.ok()?;
    Some(Answer { peripheral, properties, connected })
}
