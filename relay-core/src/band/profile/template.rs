//! Frame templates: the words of a frame, and what becomes of them for a look.
//!
//! Everything that can be wrong with a template is found when it is read, also that a value may
//! become greater than its place holds or than the band bears: filling it in cannot fail.

use std::ops::{Deref, Range};

use crate::look::Look;

/// The bytes of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameBytes {
    bytes: [u8; Self::CAPACITY],
    len: u8,
}

impl FrameBytes {
    /// The longest frame of any band we know, and some room.
    pub const CAPACITY: usize = 32;

    /// The ATT payload that every link has (Core 5.4, Vol 3, Part G, 5.2.1: MTU 23, less 3). A
    /// longer frame needs a band that agrees to a greater MTU.
    pub const EVERY_LINK: usize = 20;

    /// Appends a byte. Bytes beyond the capacity are left out; templates are checked for that.
    fn push(&mut self, byte: u8) {
        if let Some(free) = self.bytes.get_mut(usize::from(self.len)) {
            *free = byte;
            self.len += 1;
        }
    }
}

impl Deref for FrameBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl<const N: usize> From<[u8; N]> for FrameBytes {
    fn from(frame: [u8; N]) -> Self {
        const { assert!(N <= Self::CAPACITY) };
        let mut bytes = [0; Self::CAPACITY];
        bytes[..N].copy_from_slice(&frame);
        Self { bytes, len: N as u8 }
    }
}

/// What is wrong with a template: where in its text, and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

/// A frame with holes for the look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    len: usize,
}

/// A word of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    Value {
        value: Value,
        width: Width,
    },
    Pad(usize),
    /// Of the bytes from an index on, plus a constant.
    Sum {
        from: usize,
        plus: u8,
    },
    Xor {
        from: usize,
    },
    Count,
}

/// What a value takes, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    One,
    BigEndian,
    LittleEndian,
}

impl Width {
    const fn max(self) -> u32 {
        match self {
            Self::One => 0xFF,
            Self::BigEndian | Self::LittleEndian => 0xFFFF,
        }
    }
}

/// Terms, joined bit by bit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    terms: Vec<Term>,
}

/// Something of the look and what is done to it, from left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    source: Source,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Red,
    Green,
    Blue,
    White,
    Hue,
    Saturation,
    Brightness,
    Dimmer,
    Fade,
    Strobe,
}

/// Each leaves the order of values as it is, so that the greatest value gives the greatest result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Times(u32),
    /// To the nearest, halves up.
    Over(u32),
    ShiftLeft(u32),
    ShiftRight(u32),
    Plus(u32),
}

const SOURCES: [(&str, Source, u32); 10] = [
    ("r", Source::Red, 255),
    ("g", Source::Green, 255),
    ("b", Source::Blue, 255),
    ("w", Source::White, 255),
    ("h", Source::Hue, 359),
    ("s", Source::Saturation, 100),
    ("v", Source::Brightness, 100),
    ("dimmer", Source::Dimmer, 255),
    ("fade", Source::Fade, 255),
    ("strobe", Source::Strobe, 250),
];

/// Greatest number in a word.
const NUMBER_MAX: u32 = 65_535;

impl Template {
    /// Reads a template.
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut pieces = Vec::new();
        let mut len: usize = 0;
        for word in text.split_whitespace() {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            let wrong = |message| Wrong { at: start..start + word.len(), message };
            let piece = parse_word(word).map_err(wrong)?;
            len = match &piece {
                Piece::Pad(to) if *to < len => {
                    let message = format!("`{word}` comes after {len} bytes already");
                    return Err(wrong(message));
                }
                Piece::Pad(to) => *to,
                Piece::Sum { from, .. } | Piece::Xor { from } if *from > len => {
                    let message = format!("`{word}` begins behind itself, at byte {from}");
                    return Err(wrong(message));
                }
                Piece::Value { width: Width::BigEndian | Width::LittleEndian, .. } => len + 2,
                _ => len + 1,
            };
            pieces.push(piece);
        }
        if !(1..=FrameBytes::CAPACITY).contains(&len) {
            let message = format!("{len} bytes: a frame has 1 to {}", FrameBytes::CAPACITY);
            return Err(Wrong { at: 0..text.len(), message });
        }
        Ok(Self { pieces, len })
    }

    /// Its length, the same for every look.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether anything in it depends on the colour.
    pub(super) fn has_light(&self) -> bool {
        use Source::{Blue, Brightness, Green, Hue, Red, Saturation, White};
        [Red, Green, Blue, White, Hue, Saturation, Brightness].iter().any(|s| self.has(*s))
    }

    /// Whether it says how long a fade takes.
    pub(super) fn has_fade(&self) -> bool {
        self.has(Source::Fade)
    }

    /// Whether it says how fast to strobe.
    pub(super) fn has_strobe(&self) -> bool {
        self.has(Source::Strobe)
    }

    /// Whether the dimmer is a value of its own.
    pub(super) fn has_dimmer(&self) -> bool {
        self.has(Source::Dimmer)
    }

    fn has(&self, source: Source) -> bool {
        let values = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value { value, .. } => Some(value),
            _ => None,
        });
        values.flat_map(|value| &value.terms).any(|term| term.source == source)
    }

    /// The frame for a look. `count` is the number of the frame on its link.
    pub(super) fn fill(&self, look: Look, count: u8) -> FrameBytes {
        let light = Light::of(look, self.has(Source::White), self.has_dimmer());
        let mut frame = FrameBytes::default();
        for piece in &self.pieces {
            match piece {
                Piece::Byte(byte) => frame.push(*byte),
                Piece::Count => frame.push(count),
                Piece::Value { value, width } => {
                    // It fits: that was checked for the greatest value there is.
                    let [.., high, low] = value.of(&light).to_be_bytes();
                    match width {
                        Width::One => frame.push(low),
                        Width::BigEndian => [high, low].into_iter().for_each(|b| frame.push(b)),
                        Width::LittleEndian => [low, high].into_iter().for_each(|b| frame.push(b)),
                    }
                }
                Piece::Pad(to) => {
                    while frame.len() < *to {
                        frame.push(0);
                    }
                }
                Piece::Sum { from, plus } => {
                    let sum =
                        frame[*from..].iter().fold(*plus, |sum, byte| sum.wrapping_add(*byte));
                    frame.push(sum);
                }
                Piece::Xor { from } => {
                    let xor = frame[*from..].iter().fold(0, |xor, byte| xor ^ byte);
                    frame.push(xor);
                }
            }
        }
        frame
    }
}

/// What there is to put into a frame.
struct Light {
    /// Red, green, blue, white.
    levels: [u8; 4],
    look: Look,
}

impl Light {
    /// Colours come with the dimmer applied, unless the frame has the dimmer beside them; white
    /// comes as red, green and blue where the frame has no white.
    fn of(look: Look, has_white: bool, has_dimmer: bool) -> Self {
        let mut whole = look;
        if has_dimmer {
            whole.dimmer = 255;
        }
        if !has_white {
            whole = white_as_colour(whole);
        }
        Self { levels: whole.output(), look }
    }

    fn get(&self, source: Source) -> u32 {
        let [red, green, blue, white] = self.levels.map(u32::from);
        match source {
            Source::Red => red,
            Source::Green => green,
            Source::Blue => blue,
            Source::White => white,
            Source::Hue => hue(red, green, blue),
            Source::Saturation => {
                let (least, most) = (red.min(green).min(blue), red.max(green).max(blue));
                if most == 0 { 0 } else { nearest(100 * (most - least), most) }
            }
            Source::Brightness => nearest(100 * red.max(green).max(blue), 255),
            Source::Dimmer => self.look.dimmer.into(),
            Source::Fade => self.look.fade_cs.into(),
            Source::Strobe => self.look.strobe_dhz.min(250).into(),
        }
    }
}

/// The light of `look` on a band without white: white is red, green and blue together.
fn white_as_colour(look: Look) -> Look {
    let add = |level: u8| level.saturating_add(look.white);
    Look { red: add(look.red), green: add(look.green), blue: add(look.blue), white: 0, ..look }
}

/// 0 is red, 120 green, 240 blue; grey has 0.
fn hue(red: u32, green: u32, blue: u32) -> u32 {
    let (least, most) = (red.min(green).min(blue), red.max(green).max(blue));
    let span = most - least;
    if span == 0 {
        return 0;
    }
    // Where the circle is entered, and how far from there; 360 is added to stay above zero.
    let (start, ahead, behind) = if most == red {
        (360, green, blue)
    } else if most == green {
        (480, blue, red)
    } else {
        (600, red, green)
    };
    let degrees = if ahead >= behind {
        start + nearest(60 * (ahead - behind), span)
    } else {
        start - nearest(60 * (behind - ahead), span)
    };
    degrees % 360
}

const fn nearest(value: u32, over: u32) -> u32 {
    (value + over / 2) / over
}

impl Value {
    fn of(&self, light: &Light) -> u32 {
        let term = |term: &Term| {
            let start = light.get(term.source);
            term.steps.iter().fold(start, |value, step| step.take(value).unwrap_or(u32::MAX))
        };
        self.terms.iter().map(term).fold(0, |value, term| value | term)
    }

    /// The greatest value over all looks; `None` if it is beyond all measure.
    fn max(&self) -> Option<u32> {
        let mut bound = 0;
        for term in &self.terms {
            let (_, _, start) = SOURCES.iter().find(|(_, source, _)| *source == term.source)?;
            let max = term.steps.iter().try_fold(*start, |value, step| step.take(value))?;
            bound = match self.terms.len() {
                1 => max,
                // Joined bits stay below the next power of two of the greater.
                _ => bound.max((max + 1).checked_next_power_of_two()? - 1),
            };
        }
        Some(bound)
    }
}

impl Step {
    fn take(self, value: u32) -> Option<u32> {
        match self {
            Self::Times(by) => value.checked_mul(by),
            Self::Over(by) => value.checked_add(by / 2).map(|value| value / by),
            Self::ShiftLeft(by) => value.checked_mul(1 << by),
            Self::ShiftRight(by) => Some(value >> by),
            Self::Plus(by) => value.checked_add(by),
        }
    }
}

fn parse_word(word: &str) -> Result<Piece, String> {
    // `from_str_radix` alone would take `+1` and `1`.
    if word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit()) {
        return hex(word).map(Piece::Byte).ok_or_else(|| unknown(word));
    }
    if let Some(to) = word.strip_prefix("pad:") {
        let to = to.parse().ok().filter(|to| *to <= FrameBytes::CAPACITY);
        let most = FrameBytes::CAPACITY;
        return to
            .map(Piece::Pad)
            .ok_or_else(|| format!("`{word}`: expected `pad:1` to `pad:{most}`"));
    }
    if word == "count" {
        return Ok(Piece::Count);
    }
    if let Some(rest) = word.strip_prefix("sum") {
        return parse_check(rest)
            .map(|(from, plus)| Piece::Sum { from, plus: plus.unwrap_or(0) })
            .ok_or_else(|| format!("`{word}`: expected for example `sum`, `sum@8` or `sum+96`"));
    }
    if let Some(rest) = word.strip_prefix("xor") {
        return match parse_check(rest) {
            Some((from, None)) => Ok(Piece::Xor { from }),
            _ => Err(format!("`{word}`: expected for example `xor` or `xor@8`")),
        };
    }
    let (width, rest) = match word.split_once(':') {
        Some(("be16", rest)) => (Width::BigEndian, rest),
        Some(("le16", rest)) => (Width::LittleEndian, rest),
        _ => (Width::One, word),
    };
    let (text, limit) = match rest.split_once("<=") {
        Some((text, limit)) => {
            let limit = number(limit).ok_or_else(|| unknown(word))?;
            (text, limit.min(width.max()))
        }
        None => (rest, width.max()),
    };
    let terms = text.split('|').map(parse_term).collect::<Option<Vec<_>>>();
    let value = Value { terms: terms.ok_or_else(|| unknown(word))? };
    match value.max() {
        Some(max) if max <= limit => Ok(Piece::Value { value, width }),
        max => Err(format!(
            "`{word}` can become {}, and no more than {limit} may be sent: scale it, for example \
             `r*{limit}/255`",
            max.map_or("very great".to_owned(), |max| max.to_string())
        )),
    }
}

/// `@START` and `+HH`, either left out.
fn parse_check(text: &str) -> Option<(usize, Option<u8>)> {
    let (from, plus) = match text.split_once('+') {
        Some((from, plus)) => (from, Some(hex(plus)?)),
        None => (text, None),
    };
    let from = match from.strip_prefix('@') {
        Some(from) => number(from)? as usize,
        None if from.is_empty() => 0,
        None => return None,
    };
    Some((from, plus))
}

fn parse_term(text: &str) -> Option<Term> {
    let name_len = text.bytes().take_while(u8::is_ascii_lowercase).count();
    let (name, mut rest) = text.split_at(name_len);
    let (_, source, _) = SOURCES.iter().find(|(known, ..)| *known == name)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let sign_len = if rest.starts_with(">>") || rest.starts_with("<<") { 2 } else { 1 };
        let (sign, after) = rest.split_at_checked(sign_len)?;
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = after.split_at(digits);
        let number = number(digits)?;
        steps.push(match sign {
            "*" => Step::Times(number),
            "/" if number > 0 => Step::Over(number),
            "+" => Step::Plus(number),
            "<<" if number < 16 => Step::ShiftLeft(number),
            ">>" if number < 16 => Step::ShiftRight(number),
            _ => return None,
        });
        rest = after;
    }
    Some(Term { source: *source, steps })
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= NUMBER_MAX)
}

fn hex(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

fn unknown(word: &str) -> String {
    format!(
        "`{word}` is no word of a frame: expected two hex digits, `r`, `g`, `b`, `w`, `h`, `s`, \
         `v`, `dimmer`, `fade` or `strobe` (scaled like `r>>3` or `v*64/100`), `pad:N`, `sum`, \
         `xor` or `count`"
    )
}
