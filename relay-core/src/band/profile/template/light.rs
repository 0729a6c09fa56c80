//! The light that there is to put into a frame.

use crate::look::Look;

/// A part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
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

/// Their names, and the greatest value of each.
pub(super) const SOURCES: [(&str, Source, u32); 10] = [
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

/// What there is to put into a frame.
pub(super) struct Light {
    /// Red, green, blue, white.
    levels: [u8; 4],
    look: Look,
}

impl Light {
    /// Colours come with the dimmer applied, unless the frame has the dimmer beside them; white
    /// comes as red, green and blue where the frame has no white.
    pub(super) fn of(look: Look, has_white: bool, has_dimmer: bool) -> Self {
        let mut whole = look;
        if has_dimmer {
            whole.dimmer = 255;
        }
        if !has_white {
            whole = white_as_colour(whole);
        }
        Self { levels: whole.output(), look }
    }

    pub(super) fn get(&self, source: Source) -> u32 {
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

pub(super) const fn nearest(value: u32, over: u32) -> u32 {
    (value + over / 2) / over
}
