//! What an antenna hears.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A device that was heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sighting {
    /// Bluetooth address; the system's own id where that is hidden (macOS).
    pub id: String,
    /// The name it advertises.
    pub name: Option<String>,
    /// How strong it was heard, dBm; nearer to 0 is stronger. The strongest of all times.
    pub rssi: Option<i16>,
    /// The band profile it fits.
    pub profile: Option<String>,
    /// Its battery, 0..=100 percent, if it told.
    pub battery: Option<u8>,
}

/// Something that hears devices.
pub trait Antenna {
    /// Listens for `time` and gives every device it heard, the strongest first. With `battery`,
    /// those that fit a profile are connected and asked for it, which takes a second each.
    ///
    /// # Errors
    ///
    /// Why it cannot listen, in words.
    fn scan(&mut self, time: Duration, battery: bool) -> Result<Vec<Sighting>, AntennaError>;
}

/// Why an antenna cannot listen, in words with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AntennaError(pub String);

/// By so much the nearest must be stronger than the next, dB: half the power again would be 3, and
/// one's own hand is worth that much.
const CLEARLY_NEARER_DB: i16 = 6;

/// Why no band is the nearest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NearestError {
    /// None was heard.
    #[error("no band was heard that is not assigned yet: is it switched on?")]
    None,
    /// Two are about equally near.
    #[error(
        "{first} ({first_dbm} dBm) and {second} ({second_dbm} dBm) are about equally near: hold one \
         closer to the antenna, or name it with --id"
    )]
    Close {
        /// The stronger.
        first: String,
        /// How strong.
        first_dbm: i16,
        /// The next.
        second: String,
        /// How strong.
        second_dbm: i16,
    },
}

/// The band that is clearly nearest to the antenna, of those for which `fits` holds.
///
/// # Errors
///
/// There is none.
pub fn nearest(
    heard: &[Sighting],
    fits: impl Fn(&Sighting) -> bool,
) -> Result<&Sighting, NearestError> {
    let strength = |sighting: &&Sighting| sighting.rssi.unwrap_or(i16::MIN);
    let mut bands: Vec<&Sighting> = heard.iter().filter(|sighting| fits(sighting)).collect();
    bands.sort_by_key(|sighting| std::cmp::Reverse(strength(sighting)));
    match bands.as_slice() {
        [] => Err(NearestError::None),
        [first, second, ..]
            if strength(first).saturating_sub(strength(second)) < CLEARLY_NEARER_DB =>
        {
            Err(NearestError::Close {
                first: first.id.clone(),
                first_dbm: strength(first),
                second: second.id.clone(),
                second_dbm: strength(second),
            })
        }
        [first, ..] => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(id: &str, rssi: i16) -> Sighting {
        Sighting { id: id.to_owned(), rssi: Some(rssi), ..Sighting::default() }
    }

    #[test]
    fn the_nearest_is_the_one_that_is_clearly_the_strongest() {
        let all = [heard("A", -70), heard("B", -41), heard("C", -47)];
        assert_eq!(nearest(&all, |_| true).unwrap().id, "B");
        assert_eq!(nearest(&all, |band| band.id != "B").unwrap().id, "C");
        assert_eq!(nearest(&all, |_| false), Err(NearestError::None));
        let close = [heard("A", -46), heard("B", -41)];
        let told = nearest(&close, |_| true).unwrap_err().to_string();
        assert!(told.contains("B (-41 dBm) and A (-46 dBm)"), "{told}");
    }
}
