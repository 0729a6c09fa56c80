//! The TOML of a profile.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use serde_spanned::Spanned;
use uuid::Uuid;

use super::cipher::Key;
use super::template::Template;
use super::{Acknowledge, Encoding, Example, ExampleOf, FrameBytes, KeepAlive, Profile, WriteKind};
use crate::look::Look;

/// Longest time that is spent on the writes after connecting: the others wait meanwhile.
const CONNECT_WRITES_MAX: Duration = Duration::from_secs(5);

/// Something wrong in the text of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where in the text, bytes.
    pub span: Range<usize>,
    /// What is wrong, and what was expected.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    about: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    manufacturers: Vec<u16>,
    service: Option<Spanned<String>>,
    #[serde(default)]
    advertises_service: bool,
    characteristic: Spanned<String>,
    #[serde(default)]
    write: WriteKind,
    #[serde(default)]
    acknowledge_every: u8,
    min_interval_ms: u16,
    key: Option<Spanned<String>>,
    #[serde(default)]
    init: Vec<Spanned<String>>,
    #[serde(default)]
    init_wait_ms: Option<Spanned<u16>>,
    on: Option<Spanned<String>>,
    off: Option<Spanned<String>>,
    brightness: Option<Spanned<String>>,
    colour: Spanned<String>,
    fade: Option<Spanned<String>>,
    strobe: Option<Spanned<String>>,
    keep_alive: Option<Spanned<String>>,
    keep_alive_ms: Option<Spanned<u16>>,
    #[serde(default)]
    example: Vec<Spanned<ExampleTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExampleTable {
    #[serde(default)]
    of: ExampleOf,
    #[serde(default)]
    look: ExampleLook,
    #[serde(default)]
    count: u8,
    frame: Spanned<String>,
    sources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ExampleLook {
    red: u8,
    green: u8,
    blue: u8,
    white: u8,
    dimmer: u8,
    fade_ms: u16,
    strobe_hz: f32,
}

impl Default for ExampleLook {
    fn default() -> Self {
        Self { red: 0, green: 0, blue: 0, white: 0, dimmer: 255, fade_ms: 0, strobe_hz: 0.0 }
    }
}

impl ExampleLook {
    fn look(&self) -> Look {
        Look {
            red: self.red,
            green: self.green,
            blue: self.blue,
            white: self.white,
            dimmer: self.dimmer,
            strobe_dhz: (self.strobe_hz * 10.0).clamp(0.0, 250.0) as u8,
            fade_cs: u8::try_from(self.fade_ms / 10).unwrap_or(u8::MAX),
        }
    }
}

/// Reads a profile, or every mistake in it.
pub(super) fn parse(name: &str, text: &str) -> Result<Profile, Vec<Mistake>> {
    let file: ProfileFile = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        vec![Mistake { span, message: error.message().to_owned() }]
    })?;
    let mut reading = Reading { text, mistakes: Vec::new() };
    let profile = reading.profile(name, &file);
    match profile {
        Some(profile) if reading.mistakes.is_empty() => Ok(profile),
        _ => Err(reading.mistakes),
    }
}

struct Reading<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
}

impl Reading<'_> {
    /// `None` only if there is a mistake.
    fn profile(&mut self, name: &str, file: &ProfileFile) -> Option<Profile> {
        let key = file.key.as_ref().and_then(|text| self.key(text));
        let service = file.service.as_ref().and_then(|text| self.uuid("service", text));
        let characteristic = self.uuid("characteristic", &file.characteristic);
        let colour = self.colour(&file.colour);
        let mut own = |key, text: &Option<Spanned<String>>| {
            text.as_ref().and_then(|text| self.template(key, text))
        };
        let (fade, strobe) = (own("fade", &file.fade), own("strobe", &file.strobe));
        let mut fixed = |key, text: &Option<Spanned<String>>| {
            text.as_ref().and_then(|text| self.fixed(key, text))
        };
        let (on, off) = (fixed("on", &file.on), fixed("off", &file.off));
        let brightness = fixed("brightness", &file.brightness);
        let keep_alive = fixed("keep_alive", &file.keep_alive);
        let init: Vec<Template> =
            file.init.iter().filter_map(|text| self.fixed("init", text)).collect();
        self.check_capabilities(file, fade.as_ref(), strobe.as_ref());
        let keep_alive = self.keep_alive(file, keep_alive);
        let init_wait = self.init_wait(file, init.len());
        let mut profile = Profile {
            name: name.to_owned(),
            about: file.about.clone(),
            names: file.names.clone(),
            manufacturers: file.manufacturers.clone(),
            service,
            advertises_service: file.advertises_service,
            characteristic: characteristic?,
            write: file.write,
            acknowledge: match file.acknowledge_every {
                0 => Acknowledge::Never,
                n => Acknowledge::Every(n),
            },
            min_interval: Duration::from_millis(file.min_interval_ms.into()),
            key,
            init,
            init_wait,
            on,
            off,
            brightness,
            colour: colour?,
            fade,
            strobe,
            keep_alive,
            examples: Vec::new(),
        };
        self.check_cipher(file, &profile);
        if !self.mistakes.is_empty() {
            return None;
        }
        for example in &file.example {
            let example = self.example(&profile, example)?;
            profile.examples.push(example);
        }
        Some(profile)
    }

    fn mistake(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.mistakes.push(Mistake { span, message: message.into() });
    }

    /// A frame of any words.
    fn template(&mut self, key: &str, text: &Spanned<String>) -> Option<Template> {
        match Template::parse(text.get_ref()) {
            Ok(template) => Some(template),
            Err(wrong) => {
                // Inside the quotes, if the text stands there as it is.
                let whole = text.span();
                let inside = whole.start + 1 + wrong.at.start..whole.start + 1 + wrong.at.end;
                let same = self.text.get(inside.clone()) == text.get_ref().get(wrong.at);
                let span = if same && !inside.is_empty() { inside } else { whole };
                self.mistake(span, format!("`{key}`: {}", wrong.message));
                None
            }
        }
    }

    /// A frame that is the same for every look.
    fn fixed(&mut self, key: &str, text: &Spanned<String>) -> Option<Template> {
        let template = self.template(key, text)?;
        if template.has_light() || template.has_fade() || template.has_strobe() {
            let message =
                format!("`{key}`: this frame is the same for every look: no colours in it");
            self.mistake(text.span(), message);
            return None;
        }
        Some(template)
    }

    fn colour(&mut self, text: &Spanned<String>) -> Option<Encoding> {
        if text.get_ref() == "wristcast" {
            return Some(Encoding::Own);
        }
        let template = self.template("colour", text)?;
        if !template.has_light() {
            self.mistake(text.span(), "`colour`: nothing in it depends on the colour");
            return None;
        }
        Some(Encoding::Template(template))
    }

    /// A frame for fades says how long they take, one for strobes how fast they are.
    fn check_capabilities(
        &mut self,
        file: &ProfileFile,
        fade: Option<&Template>,
        strobe: Option<&Template>,
    ) {
        if let (Some(text), Some(template)) = (&file.fade, fade)
            && !(template.has_fade() && template.has_light())
        {
            self.mistake(text.span(), "`fade`: it needs the word `fade` and a colour");
        }
        if let (Some(text), Some(template)) = (&file.strobe, strobe)
            && !(template.has_strobe() && template.has_light())
        {
            self.mistake(text.span(), "`strobe`: it needs the word `strobe` and a colour");
        }
        if let Some(text) = file.off.as_ref().filter(|_| file.on.is_none()) {
            self.mistake(text.span(), "`off`: a band that is switched off needs `on` as well");
        }
    }

    fn keep_alive(&mut self, file: &ProfileFile, frame: Option<Template>) -> Option<KeepAlive> {
        match (&file.keep_alive, &file.keep_alive_ms) {
            (None, None) => None,
            (Some(text), None) => {
                self.mistake(text.span(), "`keep_alive`: how often? `keep_alive_ms = 2000`");
                None
            }
            (None, Some(every)) => {
                self.mistake(every.span(), "`keep_alive_ms`: of what? `keep_alive` is not there");
                None
            }
            (Some(_), Some(every)) if *every.get_ref() < 500 => {
                let message = "`keep_alive_ms`: 500 or more, or nothing else gets through";
                self.mistake(every.span(), message);
                None
            }
            (Some(_), Some(every)) => {
                let every = Duration::from_millis((*every.get_ref()).into());
                frame.map(|frame| KeepAlive { frame, every })
            }
        }
    }

    fn init_wait(&mut self, file: &ProfileFile, writes: usize) -> Duration {
        let Some(wait) = &file.init_wait_ms else { return Duration::ZERO };
        let each = Duration::from_millis((*wait.get_ref()).into());
        if each * u32::try_from(writes).unwrap_or(u32::MAX) > CONNECT_WRITES_MAX {
            let most = CONNECT_WRITES_MAX.as_secs();
            let message =
                format!("`init_wait_ms`: more than {most} s in all: others wait meanwhile");
            self.mistake(wait.span(), message);
        }
        each
    }

    fn key(&mut self, text: &Spanned<String>) -> Option<Key> {
        let bytes = Template::parse(text.get_ref()).ok().filter(|template| {
            template.len() == Key::LEN && text.get_ref().split_whitespace().count() == Key::LEN
        });
        let key = bytes.and_then(|bytes| Key::new(&bytes.fill(Look::DARK, 0)));
        if key.is_none() {
            self.mistake(text.span(), "`key`: an AES-128 key is 16 bytes, two hex digits each");
        }
        key
    }

    /// AES-128 takes blocks of 16 bytes.
    fn check_cipher(&mut self, file: &ProfileFile, profile: &Profile) {
        if profile.key.is_none() {
            return;
        }
        let frames = [
            ("on", &file.on, &profile.on),
            ("off", &file.off, &profile.off),
            ("brightness", &file.brightness, &profile.brightness),
            ("fade", &file.fade, &profile.fade),
            ("strobe", &file.strobe, &profile.strobe),
        ];
        let mut wrong: Vec<(Range<usize>, &str)> = frames
            .into_iter()
            .filter_map(|(key, text, frame)| {
                let (text, frame) = (text.as_ref()?, frame.as_ref()?);
                (frame.len() != Key::LEN).then(|| (text.span(), key))
            })
            .collect();
        let inits = file.init.iter().zip(&profile.init).filter(|(_, f)| f.len() != Key::LEN);
        wrong.extend(inits.map(|(text, _)| (text.span(), "init")));
        let keep_alive = file.keep_alive.as_ref().zip(profile.keep_alive.as_ref());
        wrong.extend(
            keep_alive
                .filter(|(_, alive)| alive.frame.len() != Key::LEN)
                .map(|(text, _)| (text.span(), "keep_alive")),
        );
        match &profile.colour {
            Encoding::Template(frame) if frame.len() == Key::LEN => {}
            _ => wrong.push((file.colour.span(), "colour")),
        }
        for (span, key) in wrong {
            self.mistake(span, format!("`{key}`: with a `key`, a frame is 16 bytes: use `pad:16`"));
        }
    }

    fn uuid(&mut self, key: &str, text: &Spanned<String>) -> Option<Uuid> {
        let uuid = uuid(text.get_ref());
        if uuid.is_none() {
            let message =
                format!("`{key}`: not a UUID: expected `fff3` or all 32 hex digits with hyphens");
            self.mistake(text.span(), message);
        }
        uuid
    }

    fn example(&mut self, profile: &Profile, table: &Spanned<ExampleTable>) -> Option<Example> {
        let span = table.span();
        let table = table.get_ref();
        let frame = self.fixed("example.frame", &table.frame)?.fill(Look::DARK, 0);
        let example = Example {
            of: table.of,
            look: table.look.look(),
            count: table.count,
            frame,
            sources: table.sources.clone(),
        };
        match profile.example(&example) {
            Some(made) if made == frame => Some(example),
            Some(made) => {
                let message = format!("this profile makes {} of it", hex(&made));
                self.mistake(table.frame.span(), message);
                None
            }
            None => {
                let message = format!("an example of `{}`, but there is no such frame", table.of);
                self.mistake(span, message);
                None
            }
        }
    }
}

/// The bytes as they are written in a profile.
pub(super) fn hex(frame: &FrameBytes) -> String {
    let bytes: Vec<String> = frame.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(" ")
}

/// A UUID in full, or the 16 bits of one that the Bluetooth SIG's base completes.
fn uuid(text: &str) -> Option<Uuid> {
    let short = text.len() == 4 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let full =
        if short { format!("0000{text}-0000-1000-8000-00805f9b34fb") } else { text.to_owned() };
    full.parse().ok()
}
