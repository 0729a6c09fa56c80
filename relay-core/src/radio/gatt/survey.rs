//! What is near: a scan on its own, beside no show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use btleplug::api::{Central as _, Peripheral as _, PeripheralProperties, ScanFilter};
use btleplug::platform::{Adapter, Peripheral};
use tokio::time::timeout;

use super::bluetooth::{CALL_TIME_MAX, open_adapter, within};
use super::command::Trouble;
use super::vitals::{self, BATTERY_SERVICE};
use crate::band::profile::Profile;
use crate::inventory::{Antenna, AntennaError, Sighting};

/// Asking one band for its battery: connecting, reading, closing.
const BATTERY_TIME_MAX: Duration = Duration::from_secs(8);
/// Between two looks at what was heard; each is a call per device on Linux.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A Bluetooth adapter that listens.
#[derive(Debug)]
pub struct BluetoothAntenna {
    adapter: Option<String>,
    profiles: Vec<(String, Arc<Profile>)>,
}

impl BluetoothAntenna {
    /// The adapter, `hci0` or the first; `profiles` are the kinds of band it tells apart, the
    /// first that fits, by the names that show files call them.
    pub fn new(adapter: Option<String>, profiles: Vec<(String, Arc<Profile>)>) -> Self {
        Self { adapter, profiles }
    }

    async fn listen(&self, time: Duration, battery: bool) -> Result<Vec<Sighting>, Trouble> {
        let adapter = within(CALL_TIME_MAX, open_adapter(self.adapter.as_deref())).await?;
        within(CALL_TIME_MAX, async { Ok(adapter.start_scan(ScanFilter::default()).await?) })
            .await?;
        let mut heard = BTreeMap::new();
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end {
            tokio::time::sleep(LOOK_EVERY.min(time)).await;
            self.look(&adapter, &mut heard).await?;
        }
        // One that cannot be stopped does not run.
        let _ = timeout(CALL_TIME_MAX, adapter.stop_scan()).await;
        let mut sightings = Vec::new();
        for (peripheral, mut sighting) in heard.into_values() {
            if battery && sighting.profile.is_some() && sighting.battery.is_none() {
                sighting.battery = ask_battery(&peripheral).await;
            }
            sightings.push(sighting);
        }
        sightings.sort_by_key(|sighting| std::cmp::Reverse(sighting.rssi));
        Ok(sightings)
    }

    /// Notes what has been heard since the scan began.
    async fn look(
        &self,
        adapter: &Adapter,
        heard: &mut BTreeMap<String, (Peripheral, Sighting)>,
    ) -> Result<(), Trouble> {
        let all = within(CALL_TIME_MAX, async { Ok(adapter.peripherals().await?) }).await?;
        for peripheral in all {
            let Ok(Ok(Some(properties))) = timeout(CALL_TIME_MAX, peripheral.properties()).await
            else {
                continue; // gone again
            };
            // What the system remembers and did not hear has no strength.
            let Some(rssi) = properties.rssi else { continue };
            let id = match properties.address.into_inner() {
                [0, 0, 0, 0, 0, 0] => peripheral.id().to_string(),
                _ => properties.address.to_string(),
            };
            let mut sighting = self.sighting(id.clone(), &properties);
            let before = heard.get(&id).and_then(|(_, before)| before.rssi);
            sighting.rssi = before.max(Some(rssi));
            heard.insert(id, (peripheral, sighting));
        }
        Ok(())
    }

    fn sighting(&self, id: String, properties: &PeripheralProperties) -> Sighting {
        // BlueZ calls what has no name by its address.
        let alias = properties.local_name.as_deref().filter(|alias| alias.replace('-', ":") != id);
        let name = properties.advertisement_name.as_deref().or(alias);
        let makers: Vec<u16> = properties.manufacturer_data.keys().copied().collect();
        let fits = |(_, profile): &&(String, Arc<Profile>)| {
            profile.recognises(name, &properties.services, &makers)
        };
        let battery = properties.service_data.get(&BATTERY_SERVICE);
        Sighting {
            id,
            name: name.map(|name| name.trim_end().to_owned()),
            rssi: properties.rssi,
            profile: self.profiles.iter().find(fits).map(|(called, _)| called.clone()),
            battery: battery.and_then(|data| data.first().copied()),
        }
    }
}

impl Antenna for BluetoothAntenna {
    fn scan(&mut self, time: Duration, battery: bool) -> Result<Vec<Sighting>, AntennaError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| AntennaError(format!("no runtime for Bluetooth: {error}")))?;
        let heard = runtime.block_on(self.listen(time, battery));
        heard.map_err(|trouble| AntennaError(trouble.words.into_owned()))
    }
}

/// The battery of a band; `None` if it does not tell.
async fn ask_battery(peripheral: &Peripheral) -> Option<u8> {
    let asked = timeout(BATTERY_TIME_MAX, async {
        peripheral.connect().await.ok()?;
        peripheral.discover_services().await.ok()?;
        vitals::battery(peripheral).await
    });
    let answer = asked.await.ok().flatten();
    let _ = timeout(CALL_TIME_MAX, peripheral.disconnect()).await;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_recognised_by_the_first_profile_that_fits_as_the_show_calls_it() {
        let text = "about = \"ours\"\nnames = [\"ELK-MINE*\"]\ncharacteristic = \"fff3\"\n\
            min_interval_ms = 50\ncolour = \"r g b\"\n";
        let own = Profile::parse("mine", text).unwrap();
        let elk = Profile::builtin("elk-bledom").unwrap();
        let profiles = [("mine.toml", own), ("elk-bledom", elk)];
        let profiles = profiles.map(|(called, profile)| (called.to_owned(), Arc::new(profile)));
        let antenna = BluetoothAntenna::new(None, profiles.into());
        let kind = |name: &str| {
            let properties = PeripheralProperties {
                advertisement_name: Some(name.to_owned()),
                ..PeripheralProperties::default()
            };
            antenna.sighting("F0:F1:F2:F3:F4:01".to_owned(), &properties).profile
        };
        assert_eq!(kind("ELK-MINE-7").as_deref(), Some("mine.toml"));
        assert_eq!(kind("ELK-BLEDOM").as_deref(), Some("elk-bledom"));
        assert_eq!(kind("somebody's phone"), None);
    }

    #[test]
    fn a_band_that_tells_no_name_is_not_called_by_its_address() {
        let antenna = BluetoothAntenna::new(None, Vec::new());
        let name = |name: Option<&str>, alias: &str| {
            let properties = PeripheralProperties {
                advertisement_name: name.map(str::to_owned),
                local_name: Some(alias.to_owned()),
                ..PeripheralProperties::default()
            };
            antenna.sighting("F0:F1:F2:F3:F4:01".to_owned(), &properties).name
        };
        assert_eq!(name(None, "F0-F1-F2-F3-F4-01"), None);
        assert_eq!(name(None, "desk lamp"), Some("desk lamp".to_owned()));
        assert_eq!(name(Some("wristcast-1  "), "desk lamp"), Some("wristcast-1".to_owned()));
    }
}
