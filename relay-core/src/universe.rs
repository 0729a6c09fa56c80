//! Names of universes: sACN numbers and Art-Net port-addresses, as operators write them.

use std::fmt;
use std::str::FromStr;

/// Slots in a universe (DMX512-A, ANSI E1.11).
pub const SLOTS: usize = 512;

/// An sACN universe number, 1..=63999 (E1.31 §6.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SacnUniverse(u16);

impl SacnUniverse {
    /// The highest universe that carries data (E1.31 §6.2.7).
    pub const MAX: u16 = 63_999;

    /// `None` outside 1..=63999.
    pub const fn new(number: u16) -> Option<Self> {
        if number >= 1 && number <= Self::MAX { Some(Self(number)) } else { None }
    }

    /// The number, 1..=63999.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// An Art-Net 15-bit port-address: net (7 bits), sub-net (4 bits), universe (4 bits), 0..=32767.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortAddress(u16);

impl PortAddress {
    /// The highest port-address.
    pub const MAX: u16 = 0x7FFF;

    /// `None` above 32767.
    pub const fn new(address: u16) -> Option<Self> {
        if address <= Self::MAX { Some(Self(address)) } else { None }
    }

    /// The whole 15-bit address.
    pub const fn address(self) -> u16 {
        self.0
    }

    /// Net, 0..=127.
    pub const fn net(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Sub-net, 0..=15.
    pub const fn sub_net(self) -> u8 {
        (self.0 >> 4) as u8 & 0x0F
    }

    /// Universe within the sub-net, 0..=15.
    pub const fn universe(self) -> u8 {
        self.0 as u8 & 0x0F
    }
}

/// A universe of either protocol. Written `sacn/1`, `artnet/0/0/1` (net/sub-net/universe) or
/// `artnet/1` (15-bit port-address).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Universe {
    /// An sACN universe.
    Sacn(SacnUniverse),
    /// An Art-Net port-address.
    ArtNet(PortAddress),
}

impl Universe {
    /// The universe after this one in the same protocol, `None` after the last.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Sacn(u) => SacnUniverse::new(u.0.checked_add(1)?).map(Self::Sacn),
            Self::ArtNet(p) => PortAddress::new(p.0 + 1).map(Self::ArtNet),
        }
    }
}

impl fmt::Display for Universe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sacn(u) => write!(f, "sacn/{}", u.0),
            Self::ArtNet(p) => write!(f, "artnet/{}/{}/{}", p.net(), p.sub_net(), p.universe()),
        }
    }
}

/// Why a text names no universe; the message says what would.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a universe: expected `sacn/1` to `sacn/63999`, `artnet/NET/SUBNET/UNIVERSE` \
     (0-127/0-15/0-15) or `artnet/0` to `artnet/32767`"
)]
pub struct UniverseError(pub String);

impl FromStr for Universe {
    type Err = UniverseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| UniverseError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Universe> {
    let mut parts = text.split('/');
    let protocol = parts.next()?;
    let mut numbers = [0u16; 3];
    let mut count = 0;
    for part in parts {
        // `parse` alone would accept "+1".
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *numbers.get_mut(count)? = part.parse().ok()?;
        count += 1;
    }
    match (protocol, &numbers[..count]) {
        ("sacn", [number]) => SacnUniverse::new(*number).map(Universe::Sacn),
        ("artnet", [address]) => PortAddress::new(*address).map(Universe::ArtNet),
        ("artnet", [net @ ..=127, sub_net @ ..=15, universe @ ..=15]) => {
            PortAddress::new(net << 8 | sub_net << 4 | universe).map(Universe::ArtNet)
        }
        _ => None,
    }
}

impl serde::Serialize for Universe {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Universe {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Universe {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Universe".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "`sacn/1` to `sacn/63999`, `artnet/NET/SUBNET/UNIVERSE` or `artnet/0` to `artnet/32767`.",
            "pattern": "^(sacn/[0-9]{1,5}|artnet/[0-9]{1,5}|artnet/[0-9]{1,3}/[0-9]{1,2}/[0-9]{1,2})$",
            "examples": ["sacn/1", "artnet/0/0/1", "artnet/1"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn universes_read_as_operators_write_them() {
        for (text, shown) in [
            ("sacn/1", "sacn/1"),
            ("sacn/63999", "sacn/63999"),
            ("artnet/0/0/1", "artnet/0/0/1"),
            ("artnet/1", "artnet/0/0/1"),
            ("artnet/32767", "artnet/127/15/15"),
            ("artnet/0", "artnet/0/0/0"),
        ] {
            assert_eq!(text.parse::<Universe>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_universe_is_refused_with_the_forms_that_are() {
        for text in [
            "",
            "sacn",
            "sacn/",
            "sacn/0",
            "sacn/64000",
            "sacn/+1",
            "sacn/1/2",
            "artnet/32768",
            "artnet/128/0/0",
            "artnet/0/16/0",
            "artnet/0/0/16",
            "artnet/0/0",
            "artnet/0/0/0/0",
            "dmx/1",
            "sacn/99999",
            "Sacn/1",
        ] {
            let error = text.parse::<Universe>().unwrap_err().to_string();
            assert!(error.contains("artnet/NET/SUBNET/UNIVERSE"), "{error}");
        }
    }

    #[test]
    fn the_last_universe_has_no_next() {
        let next = |text: &str| text.parse::<Universe>().unwrap().next().map(|u| u.to_string());
        assert_eq!(next("sacn/1").as_deref(), Some("sacn/2"));
        assert_eq!(next("artnet/0/15/15").as_deref(), Some("artnet/1/0/0"));
        assert_eq!(next("sacn/63999"), None);
        assert_eq!(next("artnet/32767"), None);
    }
}
