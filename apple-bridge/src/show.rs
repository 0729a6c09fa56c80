//! A show as an app has it: the text of a show file, or values.

use std::collections::HashMap;
use std::io;

use serde::Serialize;
use wristcast_core::config::{Config, Files};

use crate::BridgeError;
use crate::error::contained;

/// The name of the show file in messages.
const NAME: &str = "show.toml";

/// What to relay.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum Show {
    /// A show file.
    Text {
        /// The file, TOML.
        toml: String,
        /// The files beside it by name: band profiles, and the inventory `show.bands.toml`.
        files: HashMap<String, String>,
    },
    /// A simple show, put together by the app.
    Values {
        /// Its values.
        values: ShowValues,
    },
}

/// A simple show. What it cannot say, a show file can.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ShowValues {
    /// Its name.
    pub name: String,
    /// Interfaces by name, address or CIDR; empty = every running one but loopback. On Apple
    /// systems names are not an interface: give addresses.
    #[uniffi(default)]
    pub interfaces: Vec<String>,
    /// UDP port of sACN; `None` = 5568.
    #[uniffi(default)]
    pub sacn_port: Option<u16>,
    /// UDP port of Art-Net; `None` = 6454.
    #[uniffi(default)]
    pub artnet_port: Option<u16>,
    /// The groups.
    pub groups: Vec<GroupValues>,
    /// The bands to connect; empty = none, or those of the app's radio.
    #[uniffi(default)]
    pub bands: Vec<BandValues>,
    /// Simulated bands in each group; 0 = none.
    #[uniffi(default)]
    pub simulated_bands_per_group: u32,
}

/// A group of wristbands.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct GroupValues {
    /// Unique within the show.
    pub name: String,
    /// `sacn/1`, `artnet/0/0/1`.
    pub universe: String,
    /// First slot, 1..=512.
    pub address: u16,
    /// `rgb`, `drgb`, …
    pub personality: String,
}

/// A band to connect.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BandValues {
    /// The id that the platform gives it, or the name it advertises.
    pub id: String,
    /// Name of its group.
    pub group: String,
    /// What kind of band it is: a built-in profile. `None` = `wristcast`.
    #[uniffi(default)]
    pub profile: Option<String>,
}

/// The text of the show file that says the same as `values`.
///
/// # Errors
/// Values that no text can hold: a defect.
#[uniffi::export]
pub fn show_text(values: ShowValues) -> Result<String, BridgeError> {
    contained(|| {
        let file = File::from(&values);
        toml::to_string(&file).map_err(|error| BridgeError::Defect { what: error.to_string() })
    })
}

/// What is wrong with a show, or looks like a mistake in it; empty = nothing.
#[uniffi::export]
pub fn check_show(show: Show) -> Vec<String> {
    let checked = contained(|| match parse(show) {
        Ok((_, warnings)) => Ok(warnings),
        Err(BridgeError::ShowFile { mistakes }) => {
            Ok(mistakes.lines().map(str::to_owned).collect())
        }
        Err(error) => Err(error),
    });
    checked.unwrap_or_else(|error| vec![error.to_string()])
}

/// The show ready to run, and what looks like a mistake in it.
pub(crate) fn parse(show: Show) -> Result<(Config, Vec<String>), BridgeError> {
    let (toml, files) = match show {
        Show::Text { toml, files } => (toml, files),
        Show::Values { values } => (show_text(values)?, HashMap::new()),
    };
    match Config::parse_with(&toml, NAME, &Beside(files)) {
        Ok((config, warnings)) => Ok((config, warnings.iter().map(ToString::to_string).collect())),
        Err(mistakes) => Err(BridgeError::ShowFile {
            mistakes: mistakes.iter().map(|mistake| format!("{mistake}\n")).collect(),
        }),
    }
}

/// The files beside a show, in memory.
struct Beside(HashMap<String, String>);

impl Files for Beside {
    fn read(&self, name: &str) -> io::Result<String> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "the app gave no such file");
        self.0.get(name).cloned().ok_or_else(missing)
    }
}

/// The show file, as far as values can say it.
#[derive(Serialize)]
struct File<'v> {
    name: &'v str,
    network: Network<'v>,
    group: Vec<Group<'v>>,
    radio: Vec<Radio<'v>>,
}

#[derive(Serialize)]
struct Network<'v> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    interfaces: &'v [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    sacn_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artnet_port: Option<u16>,
}

#[derive(Serialize)]
struct Group<'v> {
    name: &'v str,
    universe: &'v str,
    address: u16,
    personality: &'v str,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Radio<'v> {
    Simulated { bands_per_group: u32 },
    Gatt { bands: Vec<Band<'v>> },
}

#[derive(Serialize)]
struct Band<'v> {
    id: &'v str,
    group: &'v str,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'v str>,
}

impl<'v> From<&'v ShowValues> for File<'v> {
    fn from(values: &'v ShowValues) -> Self {
        let group = |group: &'v GroupValues| Group {
            name: &group.name,
            universe: &group.universe,
            address: group.address,
            personality: &group.personality,
        };
        let band = |band: &'v BandValues| Band {
            id: &band.id,
            group: &band.group,
            profile: band.profile.as_deref(),
        };
        let simulated = values.simulated_bands_per_group;
        let simulated = (simulated > 0).then_some(Radio::Simulated { bands_per_group: simulated });
        let gatt = Radio::Gatt { bands: values.bands.iter().map(band).collect() };
        let gatt = (!values.bands.is_empty()).then_some(gatt);
        Self {
            name: &values.name,
            network: Network {
                interfaces: &values.interfaces,
                sacn_port: values.sacn_port,
                artnet_port: values.artnet_port,
            },
            group: values.groups.iter().map(group).collect(),
            radio: simulated.into_iter().chain(gatt).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> ShowValues {
        ShowValues {
            name: "a \"phone\"".to_owned(),
            interfaces: vec!["192.168.1.0/24".to_owned()],
            sacn_port: None,
            artnet_port: Some(6455),
            groups: vec![GroupValues {
                name: "left".to_owned(),
                universe: "sacn/1".to_owned(),
                address: 1,
                personality: "rgb".to_owned(),
            }],
            bands: vec![BandValues {
                id: "band 1".to_owned(),
                group: "left".to_owned(),
                profile: None,
            }],
            simulated_bands_per_group: 2,
        }
    }

    #[test]
    fn values_are_the_show_they_say() {
        let (config, warnings) = parse(Show::Values { values: values() }).unwrap();
        assert_eq!(warnings, [""; 0]);
        assert_eq!((config.name.as_str(), config.network.artnet_port), ("a \"phone\"", 6455));
        assert_eq!((config.groups.len(), config.radios.len()), (1, 2));
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_nothing_is_told_of_a_sound_show() {
        let wrong = Show::Text { toml: "name = \"x\"\ncolour = 1\n".into(), files: HashMap::new() };
        let told = check_show(wrong);
        assert!(told.iter().any(|line| line.contains("show.toml:2")), "{told:?}");
        assert_eq!(check_show(Show::Values { values: values() }), [""; 0]);
    }

    #[test]
    fn a_profile_beside_the_show_is_the_one_the_app_gave() {
        let mut other = values();
        other.bands[0].profile = Some("mine.toml".to_owned());
        let toml = show_text(other).unwrap();
        let alone = check_show(Show::Text { toml: toml.clone(), files: HashMap::new() });
        assert!(alone.iter().any(|line| line.contains("mine.toml")), "{alone:?}");
        let profile = "name = \"mine\"".to_owned();
        let files = HashMap::from([("mine.toml".to_owned(), profile)]);
        let beside = check_show(Show::Text { toml, files });
        assert!(
            !beside.iter().any(|line| line.contains("the app gave no such file")),
            "{beside:?}"
        );
    }
}
