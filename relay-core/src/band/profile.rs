//! Band profiles: what a kind of wristband looks like over GATT, as data.
//!
//! A profile says how bands of its kind are recognised, where they take frames and what a frame
//! is made of. The built-in ones lie beside this file as TOML, one file each; a profile's name is
//! the name of its file.
//!
//! A frame is `wristcast`, which is [our own](BandFrame), or a template of words:
//!
//! | word | byte |
//! |---|---|
//! | two hex digits | that byte |
//! | `r` `g` `b` `w` | red, green, blue, white light to put out, 0..=255 |
//! | `pad:N` | zeros up to N bytes in all |
//! | `sum` `xor` | of all bytes before it |
//!
//! Where a template has no white, white light is added to red, green and blue.

use std::ops::Deref;
use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

use super::BandFrame;
use crate::look::Look;

/// The built-in profiles, by name.
const BUILTIN: [(&str, &str); 10] = [
    ("wristcast", include_str!("profiles/wristcast.toml")),
    ("bj-led", include_str!("profiles/bj-led.toml")),
    ("elk-bledom", include_str!("profiles/elk-bledom.toml")),
    ("govee", include_str!("profiles/govee.toml")),
    ("ledble", include_str!("profiles/ledble.toml")),
    ("lightstick", include_str!("profiles/lightstick.toml")),
    ("magicblue", include_str!("profiles/magicblue.toml")),
    ("playbulb", include_str!("profiles/playbulb.toml")),
    ("sp110e", include_str!("profiles/sp110e.toml")),
    ("triones", include_str!("profiles/triones.toml")),
];

/// A kind of wristband.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    name: String,
    about: String,
    names: Vec<String>,
    service: Option<Uuid>,
    advertises_service: bool,
    characteristic: Uuid,
    acknowledge: Acknowledge,
    min_interval: Duration,
    init: Vec<FrameBytes>,
    encoding: Encoding,
    examples: Vec<Example>,
}

/// Which writes ask the band for an acknowledgement. A band whose characteristic takes only one
/// kind of write gets that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// None.
    Never,
    /// Frames that must not be missed, and at least every n-th. Bounds how many frames the host's
    /// Bluetooth stack can hold: until the band has answered, nothing follows.
    Every(u8),
}

/// A look and the frame it must give, as others have found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The look.
    pub look: Look,
    /// Its frame.
    pub frame: FrameBytes,
    /// Who says so.
    pub source: String,
}

impl Profile {
    /// The built-in profile `name`.
    pub fn builtin(name: &str) -> Option<Self> {
        let (name, text) = BUILTIN.into_iter().find(|(builtin, _)| *builtin == name)?;
        // That every built-in profile parses is tested below.
        Self::parse(name, text).ok()
    }

    /// The names of the built-in profiles, our own first.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        BUILTIN.into_iter().map(|(name, _)| name)
    }

    /// Reads the profile `name` from TOML.
    pub fn parse(name: &str, text: &str) -> Result<Self, ProfileError> {
        let file: ProfileFile = toml::from_str(text)?;
        let init = file.init.iter().map(|text| constant("init", text));
        Ok(Self {
            name: name.to_owned(),
            about: file.about,
            names: file.names,
            service: file.service.as_deref().map(|text| uuid("service", text)).transpose()?,
            advertises_service: file.advertises_service,
            characteristic: uuid("characteristic", &file.characteristic)?,
            acknowledge: match file.acknowledge_every {
                0 => Acknowledge::Never,
                n => Acknowledge::Every(n),
            },
            min_interval: Duration::from_millis(file.min_interval_ms.into()),
            init: init.collect::<Result<_, _>>()?,
            encoding: Encoding::parse(&file.frame)?,
            examples: file.example.iter().map(ExampleTable::example).collect::<Result<_, _>>()?,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, in a line.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The service that holds [`characteristic`](Self::characteristic); `None` if it differs from
    /// model to model.
    pub fn service(&self) -> Option<Uuid> {
        self.service
    }

    /// The service to scan for, if every band of this kind advertises it.
    pub fn advertised_service(&self) -> Option<Uuid> {
        self.service.filter(|_| self.advertises_service)
    }

    /// Where frames are written.
    pub fn characteristic(&self) -> Uuid {
        self.characteristic
    }

    /// Which writes are acknowledged.
    pub fn acknowledge(&self) -> Acknowledge {
        self.acknowledge
    }

    /// Shortest time from one write to the next.
    pub fn min_interval(&self) -> Duration {
        self.min_interval
    }

    /// Whether the band fades by itself.
    pub fn fades(&self) -> bool {
        self.encoding == Encoding::Own
    }

    /// Whether the band strobes by itself. If not, a strobe shows as steady light.
    pub fn strobes(&self) -> bool {
        self.encoding == Encoding::Own
    }

    /// What is written once after connecting, in order.
    pub fn init(&self) -> &[FrameBytes] {
        &self.init
    }

    /// Looks with the frames they must give.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Whether a device that calls itself `name` or advertises `services` may be of this kind.
    pub fn recognises(&self, name: Option<&str>, services: &[Uuid]) -> bool {
        let named = |pattern: &String| match (pattern.strip_suffix('*'), name) {
            (Some(start), Some(name)) => name.starts_with(start),
            (None, Some(name)) => name == pattern,
            (_, None) => false,
        };
        self.names.iter().any(named)
            || self.advertised_service().is_some_and(|service| services.contains(&service))
    }

    /// The bytes of a frame for a band of this kind.
    pub fn encode(&self, frame: &BandFrame) -> FrameBytes {
        match &self.encoding {
            Encoding::Own => FrameBytes::from(frame.encode()),
            Encoding::Template(template) => template.fill(frame.look),
        }
    }
}

/// Why a text is no profile.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML, a key missing or unknown, a value of the wrong kind.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// Not a UUID.
    #[error("`{key}`: `{text}` is not a UUID: expected `fff3` or all 32 hex digits with hyphens")]
    Uuid {
        /// The key.
        key: &'static str,
        /// What stands there.
        text: String,
    },
    /// Not a word of the template language.
    #[error(
        "`{key}`: `{word}` is neither two hex digits nor one of `r`, `g`, `b`, `w`, `pad:N`, \
         `sum`, `xor`"
    )]
    Word {
        /// The key.
        key: &'static str,
        /// What stands there.
        word: String,
    },
    /// A frame that does not fit one write on every link.
    #[error("`{key}`: {len} bytes; a frame has 1 to {} bytes", FrameBytes::CAPACITY)]
    Length {
        /// The key.
        key: &'static str,
        /// Its length.
        len: usize,
    },
    /// A frame shorter than what comes before its padding.
    #[error("`{key}`: `pad:{to}` comes after {len} bytes already")]
    Pad {
        /// The key.
        key: &'static str,
        /// The length asked for.
        to: usize,
        /// The length before.
        len: usize,
    },
    /// A fixed frame with something in it that depends on the look.
    #[error("`{key}`: must be the same for every look, but `{word}` is not")]
    NotConstant {
        /// The key.
        key: &'static str,
        /// What stands there.
        word: &'static str,
    },
    /// A frame with nothing in it that depends on the look.
    #[error("`frame`: nothing in it depends on the look")]
    Constant,
}

/// The bytes of one frame. At most 20, which every link takes in one write whatever its MTU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameBytes {
    bytes: [u8; Self::CAPACITY],
    len: usize,
}

impl FrameBytes {
    /// The ATT payload that every link has (Core 5.4, Vol 3, Part G, 5.2.1: MTU 23, less 3).
    pub const CAPACITY: usize = 20;

    /// Appends a byte. Bytes beyond the capacity are left out; templates are checked for that.
    fn push(&mut self, byte: u8) {
        if let Some(free) = self.bytes.get_mut(self.len) {
            *free = byte;
            self.len += 1;
        }
    }
}

impl Deref for FrameBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const N: usize> From<[u8; N]> for FrameBytes {
    fn from(frame: [u8; N]) -> Self {
        const { assert!(N <= Self::CAPACITY) };
        let mut bytes = [0; Self::CAPACITY];
        bytes[..N].copy_from_slice(&frame);
        Self { bytes, len: N }
    }
}

/// How a look becomes bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Encoding {
    Own,
    Template(Template),
}

impl Encoding {
    fn parse(text: &str) -> Result<Self, ProfileError> {
        if text == "wristcast" {
            return Ok(Self::Own);
        }
        let template = Template::parse("frame", text)?;
        if !template.pieces.iter().any(|piece| matches!(piece, Piece::Light(_))) {
            return Err(ProfileError::Constant);
        }
        Ok(Self::Template(template))
    }
}

/// A frame with holes for the look.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Template {
    pieces: Vec<Piece>,
    /// Whether the band has white light of its own.
    has_white: bool,
}

/// A word of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    /// An index into [`LIGHTS`].
    Light(usize),
    Pad(usize),
    Sum,
    Xor,
}

/// The words for red, green, blue and white, in the order of [`Look::output`].
const LIGHTS: [&str; 4] = ["r", "g", "b", "w"];
const WHITE: usize = 3;

impl Template {
    fn parse(key: &'static str, text: &str) -> Result<Self, ProfileError> {
        let mut pieces = Vec::new();
        let mut len = 0;
        for word in text.split_whitespace() {
            let no_word = || ProfileError::Word { key, word: word.to_owned() };
            let piece = parse_word(word).ok_or_else(no_word)?;
            len = match piece {
                Piece::Pad(to) if to < len => return Err(ProfileError::Pad { key, to, len }),
                Piece::Pad(to) => to,
                _ => len + 1,
            };
            pieces.push(piece);
        }
        if !(1..=FrameBytes::CAPACITY).contains(&len) {
            return Err(ProfileError::Length { key, len });
        }
        let has_white = pieces.contains(&Piece::Light(WHITE));
        Ok(Self { pieces, has_white })
    }

    fn fill(&self, look: Look) -> FrameBytes {
        let look = if self.has_white { look } else { white_as_colour(look) };
        let lights = look.output();
        let mut frame = FrameBytes::default();
        for piece in &self.pieces {
            let byte = match *piece {
                Piece::Byte(byte) => byte,
                Piece::Light(light) => lights[light],
                Piece::Pad(to) => {
                    while frame.len < to {
                        frame.push(0);
                    }
                    continue;
                }
                Piece::Sum => frame.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)),
                Piece::Xor => frame.iter().fold(0, |xor, byte| xor ^ byte),
            };
            frame.push(byte);
        }
        frame
    }
}

fn parse_word(word: &str) -> Option<Piece> {
    if let Some(to) = word.strip_prefix("pad:") {
        return to.parse().ok().map(Piece::Pad);
    }
    match word {
        "sum" => return Some(Piece::Sum),
        "xor" => return Some(Piece::Xor),
        _ => {}
    }
    if let Some(light) = LIGHTS.into_iter().position(|light| light == word) {
        return Some(Piece::Light(light));
    }
    // `from_str_radix` alone would take `+1` and `1`.
    let hex = word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| u8::from_str_radix(word, 16).ok()).flatten().map(Piece::Byte)
}

/// The light of `look` on a band without white: white is red, green and blue together.
fn white_as_colour(look: Look) -> Look {
    let add = |level: u8| level.saturating_add(look.white);
    Look { red: add(look.red), green: add(look.green), blue: add(look.blue), white: 0, ..look }
}

/// A frame without holes.
fn constant(key: &'static str, text: &str) -> Result<FrameBytes, ProfileError> {
    let template = Template::parse(key, text)?;
    for piece in &template.pieces {
        if let Piece::Light(light) = piece {
            return Err(ProfileError::NotConstant { key, word: LIGHTS[*light] });
        }
    }
    Ok(template.fill(Look::DARK))
}

/// A UUID in full, or the 16 bits of one that the Bluetooth SIG's base completes.
fn uuid(key: &'static str, text: &str) -> Result<Uuid, ProfileError> {
    let short = text.len() == 4 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let full =
        if short { format!("0000{text}-0000-1000-8000-00805f9b34fb") } else { text.to_owned() };
    full.parse().map_err(|_| ProfileError::Uuid { key, text: text.to_owned() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    about: String,
    #[serde(default)]
    names: Vec<String>,
    service: Option<String>,
    #[serde(default)]
    advertises_service: bool,
    characteristic: String,
    #[serde(default)]
    acknowledge_every: u8,
    min_interval_ms: u16,
    #[serde(default)]
    init: Vec<String>,
    frame: String,
    #[serde(default)]
    example: Vec<ExampleTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExampleTable {
    look: ExampleLook,
    frame: String,
    source: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ExampleLook {
    red: u8,
    green: u8,
    blue: u8,
    white: u8,
}

impl ExampleTable {
    fn example(&self) -> Result<Example, ProfileError> {
        let ExampleLook { red, green, blue, white } = self.look;
        Ok(Example {
            look: Look { red, green, blue, white, dimmer: 255, ..Look::DARK },
            frame: constant("example.frame", &self.frame)?,
            source: self.source.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "about = \"\"\nservice = \"fff0\"\ncharacteristic = \"fff3\"\nmin_interval_ms = 50\n";

    fn profile(frame: &str) -> Result<Profile, ProfileError> {
        Profile::parse("test", &format!("{HEAD}frame = \"{frame}\""))
    }

    fn encode(frame: &str, look: Look) -> Vec<u8> {
        shown(&profile(frame).unwrap(), look).to_vec()
    }

    fn shown(profile: &Profile, look: Look) -> FrameBytes {
        profile.encode(&BandFrame { look, ..BandFrame::default() })
    }

    const LOOK: Look =
        Look { red: 200, green: 100, blue: 0, white: 60, dimmer: 128, strobe_dhz: 25, fade_cs: 7 };

    #[test]
    fn every_builtin_profile_gives_the_frames_that_others_have_found() {
        for (name, text) in BUILTIN {
            let profile = Profile::parse(name, text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(Profile::builtin(name).as_ref(), Some(&profile));
            assert!(!profile.examples().is_empty() || name == "wristcast", "{name}: no example");
            for Example { look, frame, source } in profile.examples() {
                assert_eq!(shown(&profile, *look), *frame, "{name}, by {source}");
            }
        }
        assert_eq!(Profile::builtin("no-such-band"), None);
    }

    #[test]
    fn our_own_band_gets_our_own_frame() {
        let own = Profile::builtin("wristcast").unwrap();
        let frame = BandFrame { look: LOOK, sequence: 9, first: true, panic: false };
        assert_eq!(own.encode(&frame)[..], frame.encode());
        assert!(own.fades() && own.strobes());
    }

    #[test]
    fn light_comes_with_the_dimmer_applied() {
        assert_eq!(encode("r g b w", LOOK), [100, 50, 0, 30]);
    }

    #[test]
    fn white_is_mixed_from_colours_where_there_is_no_white() {
        assert_eq!(encode("r g b", Look { dimmer: 255, ..LOOK }), [255, 160, 60]);
    }

    #[test]
    fn sums_cover_all_bytes_before_them() {
        assert_eq!(encode("FE 03 r sum", LOOK), [0xFE, 3, 128, 0x81]);
        assert_eq!(encode("33 r pad:4 xor", LOOK), [0x33, 128, 0, 0, 0x33 ^ 128]);
    }

    #[test]
    fn a_profile_that_cannot_be_right_is_refused_in_words() {
        for (frame, words) in [
            ("7E rr", "`rr` is neither"),
            ("7E r F", "`F` is neither"),
            ("+1 r", "`+1` is neither"),
            ("r pad:x", "`pad:x` is neither"),
            ("00 01 00", "nothing in it depends"),
            ("", "0 bytes"),
            ("r pad:21", "21 bytes"),
            ("r g b pad:2", "after 3 bytes"),
        ] {
            let error = profile(frame).unwrap_err().to_string();
            assert!(error.contains(words), "{frame}: {error}");
        }
        let refused = |text: &str| Profile::parse("test", text).unwrap_err().to_string();
        let red = format!("{HEAD}frame = \"r\"\n");
        assert!(refused(&format!("{red}init = [\"01 g\"]")).contains("`g` is not"));
        assert!(refused(&format!("{red}colour = 1")).contains("unknown field `colour`"));
        assert!(refused(&red.replace("fff3", "fff")).contains("`fff` is not a UUID"));
    }

    #[test]
    fn bands_are_recognised_by_name_or_by_an_advertised_service() {
        let elk = Profile::builtin("elk-bledom").unwrap();
        assert!(elk.recognises(Some("ELK-BLEDOM   "), &[]));
        assert!(!elk.recognises(Some("BLEDOM"), &[elk.service().unwrap()]));
        assert!(!elk.recognises(None, &[]));
        let own = Profile::builtin("wristcast").unwrap();
        assert!(own.recognises(None, &[own.service().unwrap()]));
    }
}
