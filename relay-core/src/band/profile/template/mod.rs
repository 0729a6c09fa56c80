//! Frame templates: the words of a frame, and what becomes of them for a look.
//!
//! Everything that can be wrong with a template is found when it is read, also that a value may
//! become greater than its place holds or than the band bears: filling it in cannot fail.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the [`Template`] |
//! | `word.rs` | a word as it is written |
//! | `value.rs` | what a word makes of the light |
//! | `light.rs` | the light that there is to put into a frame |

mod light;
mod value;
mod word;

use std::ops::Range;

use super::FrameBytes;
use crate::look::Look;
use light::{Light, Source};
use value::Value;
use word::parse_word;

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
