//! Band profiles: what a kind of wristband looks like over GATT, as data.
//!
//! A profile says how bands of its kind are recognised, where they take frames and what a frame
//! is made of. The built-in ones lie beside this file as TOML, one file each; a profile's name is
//! the name of its file. `docs/band-profiles.md` is the reference of the format.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the [`Profile`] |
//! | `file.rs` | its TOML, and what is wrong with it |
//! | `template/` | frames with holes for the look |
//! | `frame_bytes.rs` | the bytes of one frame |
//! | `cipher.rs` | AES-128 over a frame |
//! | `encoder.rs` | what one link writes, look by look |

mod cipher;
mod encoder;
mod file;
mod frame_bytes;
mod template;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

use super::BandFrame;
use crate::look::Look;
use cipher::Key;
use template::Template;

pub use encoder::{Encoder, Writes};
pub use file::Mistake;
pub use frame_bytes::FrameBytes;

/// The built-in profiles, by name.
const BUILTIN: [(&str, &str); 13] = [
    ("wristcast", include_str!("../profiles/wristcast.toml")),
    ("bj-led", include_str!("../profiles/bj-led.toml")),
    ("elk-bledom", include_str!("../profiles/elk-bledom.toml")),
    ("govee", include_str!("../profiles/govee.toml")),
    ("govee-0d", include_str!("../profiles/govee-0d.toml")),
    ("ideal-led", include_str!("../profiles/ideal-led.toml")),
    ("ledble", include_str!("../profiles/ledble.toml")),
    ("lednetwf", include_str!("../profiles/lednetwf.toml")),
    ("lightstick", include_str!("../profiles/lightstick.toml")),
    ("magicblue", include_str!("../profiles/magicblue.toml")),
    ("playbulb", include_str!("../profiles/playbulb.toml")),
    ("sp110e", include_str!("../profiles/sp110e.toml")),
    ("triones", include_str!("../profiles/triones.toml")),
];

/// A kind of wristband.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    name: String,
    about: String,
    names: Vec<String>,
    manufacturers: Vec<u16>,
    service: Option<Uuid>,
    advertises_service: bool,
    characteristic: Uuid,
    write: WriteKind,
    acknowledge: Acknowledge,
    min_interval: Duration,
    key: Option<Key>,
    init: Vec<Template>,
    init_wait: Duration,
    on: Option<Template>,
    off: Option<Template>,
    brightness: Option<Template>,
    colour: Encoding,
    fade: Option<Template>,
    strobe: Option<Template>,
    keep_alive: Option<KeepAlive>,
    examples: Vec<Example>,
}

/// Which kind of write the band takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteKind {
    /// What its characteristic says.
    #[default]
    Any,
    /// With response, whatever its characteristic says.
    WithResponse,
    /// Without response, whatever its characteristic says.
    WithoutResponse,
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

/// A frame that tells the band that the relay is still there.
#[derive(Clone, Debug, PartialEq)]
struct KeepAlive {
    frame: Template,
    every: Duration,
}

/// A frame that others have found to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Which frame of the profile.
    pub of: ExampleOf,
    /// The look, if it depends on one.
    pub look: Look,
    /// The number of the frame on its connection, if it depends on that.
    pub count: u8,
    /// The frame.
    pub frame: FrameBytes,
    /// Who says so; more than one if they found it independently.
    pub sources: Vec<String>,
}

/// Which frame of a profile an example is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExampleOf {
    /// A look: colour, fade or strobe.
    #[default]
    Look,
    /// Switching on.
    On,
    /// Switching off.
    Off,
    /// Full brightness.
    Brightness,
    /// Keep-alive.
    KeepAlive,
}

impl fmt::Display for ExampleOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Look => "look",
            Self::On => "on",
            Self::Off => "off",
            Self::Brightness => "brightness",
            Self::KeepAlive => "keep_alive",
        })
    }
}

/// How a look becomes bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Encoding {
    Own,
    Template(Template),
}

impl Profile {
    /// The built-in profile `name`.
    pub fn builtin(name: &str) -> Option<Self> {
        let (name, text) = BUILTIN.into_iter().find(|(builtin, _)| *builtin == name)?;
        // That every built-in profile parses is tested.
        Self::parse(name, text).ok()
    }

    /// The names of the built-in profiles, our own first.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        BUILTIN.into_iter().map(|(name, _)| name)
    }

    /// Reads the profile `name` from TOML.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, at least one thing. A text that has not the shape of a
    /// profile gives the first.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Mistake>> {
        file::parse(name, text)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, in a line.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The names that bands of this kind go by; `*` at the end stands for any ending.
    pub fn names(&self) -> &[String] {
        &self.names
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

    /// Which kind of write it takes.
    pub fn write_kind(&self) -> WriteKind {
        self.write
    }

    /// Which writes are acknowledged.
    pub fn acknowledge(&self) -> Acknowledge {
        self.acknowledge
    }

    /// Shortest time from one write to the next.
    pub fn min_interval(&self) -> Duration {
        self.min_interval
    }

    /// Longest time from one frame to the next, if the band needs to hear from us.
    pub fn refresh_max(&self) -> Option<Duration> {
        self.keep_alive_every().map(|every| every / 2)
    }

    fn keep_alive_every(&self) -> Option<Duration> {
        self.keep_alive.as_ref().map(|alive| alive.every)
    }

    /// Whether the band fades by itself.
    pub fn fades(&self) -> bool {
        self.colour == Encoding::Own || self.fade.is_some()
    }

    /// Whether the band strobes by itself. If not, a strobe shows as steady light.
    pub fn strobes(&self) -> bool {
        self.colour == Encoding::Own || self.strobe.is_some()
    }

    /// Length of its longest frame, bytes.
    pub fn frame_len_max(&self) -> usize {
        let one = [&self.on, &self.off, &self.brightness, &self.fade, &self.strobe];
        let fixed = one.into_iter().flatten().chain(&self.init);
        let fixed = fixed.chain(self.keep_alive.as_ref().map(|alive| &alive.frame));
        let colour = match &self.colour {
            Encoding::Own => super::FRAME_LEN,
            Encoding::Template(template) => template.len(),
        };
        fixed.map(Template::len).fold(colour, usize::max)
    }

    /// What is written once after connecting, in order, and how long to wait after each: what the
    /// profile has as `init`, then switched on, then brightness at full, because the relay dims
    /// by colour.
    pub fn connect_writes(&self) -> Vec<(FrameBytes, Duration)> {
        let init = self.init.iter().map(|template| (template, self.init_wait));
        let on = [&self.on, &self.brightness].into_iter().flatten();
        let all = init.chain(on.map(|template| (template, self.min_interval)));
        all.zip(0..).map(|((template, wait), count)| (self.fixed(template, count), wait)).collect()
    }

    /// Looks and other frames with the bytes they must give.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Whether a device that calls itself `name`, advertises `services`, or sends data of these
    /// `manufacturers` may be of this kind.
    pub fn recognises(&self, name: Option<&str>, services: &[Uuid], manufacturers: &[u16]) -> bool {
        let named = |pattern: &String| name.is_some_and(|name| matches(pattern, name));
        self.names.iter().any(named)
            || self.manufacturers.iter().any(|id| manufacturers.contains(id))
            || self.advertised_service().is_some_and(|service| services.contains(&service))
    }

    /// The bytes of a frame for a band of this kind, the `count`-th on its connection.
    pub fn encode(&self, frame: &BandFrame, count: u8) -> FrameBytes {
        let Encoding::Template(colour) = &self.colour else {
            return FrameBytes::from(frame.encode());
        };
        let look = frame.look;
        let template = match (&self.strobe, &self.fade) {
            (Some(strobe), _) if look.strobe_dhz > 0 => strobe,
            (_, Some(fade)) if look.fade_cs > 0 && !frame.panic => fade,
            _ => colour,
        };
        self.sealed(template.fill(look, count))
    }

    /// The frame that switches the band on.
    fn on(&self, count: u8) -> Option<FrameBytes> {
        self.on.as_ref().map(|template| self.fixed(template, count))
    }

    /// The frame that switches it off.
    fn off(&self, count: u8) -> Option<FrameBytes> {
        self.off.as_ref().map(|template| self.fixed(template, count))
    }

    /// The frame that says that we are there.
    fn keep_alive(&self, count: u8) -> Option<FrameBytes> {
        self.keep_alive.as_ref().map(|alive| self.fixed(&alive.frame, count))
    }

    fn fixed(&self, template: &Template, count: u8) -> FrameBytes {
        // A dimmer in it is at full.
        self.sealed(template.fill(Look { dimmer: 255, ..Look::DARK }, count))
    }

    fn sealed(&self, frame: FrameBytes) -> FrameBytes {
        self.key.as_ref().map_or(frame, |key| key.encrypt(frame))
    }

    /// What this profile makes of an example; `None` if it has no such frame.
    fn example(&self, example: &Example) -> Option<FrameBytes> {
        match example.of {
            ExampleOf::Look => {
                let frame = BandFrame { look: example.look, ..BandFrame::default() };
                Some(self.encode(&frame, example.count))
            }
            ExampleOf::On => self.on(example.count),
            ExampleOf::Off => self.off(example.count),
            ExampleOf::Brightness => {
                self.brightness.as_ref().map(|template| self.fixed(template, example.count))
            }
            ExampleOf::KeepAlive => self.keep_alive(example.count),
        }
    }
}

impl fmt::Display for FrameBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&file::hex(self))
    }
}

/// Whether a name fits a pattern: `*` at its end stands for any ending. Spaces at the end of a
/// name, which some bands have, do not count.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name.trim_end() == pattern,
    }
}
