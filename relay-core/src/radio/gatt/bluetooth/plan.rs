//! What the Bluetooth thread must know of the show.

use std::collections::BTreeSet;
use std::sync::Arc;

use btleplug::api::PeripheralProperties;
use uuid::Uuid;

use crate::band::profile::Profile;
use crate::radio::LinkId;

/// What the Bluetooth thread must know of the show.
#[derive(Debug)]
pub(in crate::radio::gatt) struct Plan {
    /// `hci0`; `None` = the first.
    pub(in crate::radio::gatt) adapter: Option<String>,
    /// How each band is spoken to, by link.
    pub(in crate::radio::gatt) profiles: Vec<Arc<Profile>>,
    /// Address, platform id or advertised name of each band, by link.
    pub(in crate::radio::gatt) bands: Vec<String>,
}

impl Plan {
    /// The link of the band with this address, platform id or name.
    pub(super) fn link_of(&self, address: &str, id: &str, name: Option<&str>) -> Option<LinkId> {
        let is = |band: &String| {
            band.eq_ignore_ascii_case(address)
                || band.eq_ignore_ascii_case(id)
                || name.is_some_and(|name| name.trim_end() == band)
        };
        let index = self.bands.iter().position(is)?;
        u32::try_from(index).ok().map(LinkId)
    }

    /// The services to scan for: those that all bands advertise, or any.
    pub(super) fn services(&self) -> Vec<Uuid> {
        let services = self.profiles.iter().map(|profile| profile.advertised_service());
        services.collect::<Option<BTreeSet<Uuid>>>().unwrap_or_default().into_iter().collect()
    }

    /// The kind of band that a stranger is, if it is one of the show's.
    pub(super) fn kind_of(
        &self,
        name: Option<&str>,
        properties: &PeripheralProperties,
    ) -> Option<&str> {
        let makers: Vec<u16> = properties.manufacturer_data.keys().copied().collect();
        let mut profiles = self.profiles.iter();
        let is = |profile: &&Arc<Profile>| profile.recognises(name, &properties.services, &makers);
        profiles.find(is).map(|profile| profile.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_known_by_address_platform_id_or_name() {
        let plan = Plan {
            adapter: None,
            profiles: Vec::new(),
            bands: ["f0:f1:f2:f3:f4:a0", "hci0/dev_F0_F1_F2_F3_F4_A1", "WB2"]
                .map(str::to_owned)
                .into(),
        };
        let link = |address, id, name| plan.link_of(address, id, name).map(|LinkId(link)| link);
        assert_eq!(link("F0:F1:F2:F3:F4:A0", "x", None), Some(0));
        assert_eq!(link("y", "hci0/dev_F0_F1_F2_F3_F4_A1", Some("other")), Some(1));
        assert_eq!(link("y", "x", Some("WB2  ")), Some(2));
        assert_eq!(link("y", "x", Some("wb2")), None);
        assert_eq!(link("y", "x", None), None);
    }
}
