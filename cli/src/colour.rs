//! Colours on the command line: a name, `#ff8000`, or with white `#ff800040`.

use std::str::FromStr;

/// Levels of red, green, blue and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) [u8; 4]);

const NAMES: [(&str, [u8; 4]); 12] = [
    ("red", [255, 0, 0, 0]),
    ("orange", [255, 96, 0, 0]),
    ("amber", [255, 160, 0, 0]),
    ("yellow", [255, 255, 0, 0]),
    ("green", [0, 255, 0, 0]),
    ("cyan", [0, 255, 255, 0]),
    ("blue", [0, 0, 255, 0]),
    ("purple", [128, 0, 255, 0]),
    ("magenta", [255, 0, 255, 0]),
    ("pink", [255, 64, 128, 0]),
    ("white", [255, 255, 255, 255]),
    ("black", [0, 0, 0, 0]),
];

impl Colour {
    pub(crate) const WHITE: Self = Self([255; 4]);

    /// The pure colour at `turn`, a 65536th part of the way from red through green and blue.
    pub(crate) fn of_hue(turn: u16) -> Self {
        // Six sides of the colour circle; on each, one channel rises or falls.
        let along = u32::from(turn) * 6;
        let rise = (along >> 8) as u8;
        let fall = 255 - rise;
        let [red, green, blue] = match along >> 16 {
            0 => [255, rise, 0],
            1 => [fall, 255, 0],
            2 => [0, 255, rise],
            3 => [0, fall, 255],
            4 => [rise, 0, 255],
            _ => [255, 0, fall],
        };
        Self([red, green, blue, 0])
    }
}

impl FromStr for Colour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, levels)) = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(Self(*levels));
        }
        let digits = text.strip_prefix('#').unwrap_or(text);
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'));
        match (number, digits.len()) {
            (Some(rgb), 6) => Ok(Self((rgb << 8).to_be_bytes())),
            (Some(rgbw), 8) => Ok(Self(rgbw.to_be_bytes())),
            _ => {
                let names = NAMES.map(|(name, _)| name).join(", ");
                Err(format!("expected `#rrggbb`, `#rrggbbww` or one of {names}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_names_or_hexadecimal() {
        for (text, levels) in [
            ("red", [255, 0, 0, 0]),
            ("White", [255, 255, 255, 255]),
            ("#ff8001", [255, 128, 1, 0]),
            ("FF800140", [255, 128, 1, 64]),
        ] {
            assert_eq!(text.parse(), Ok(Colour(levels)), "{text}");
        }
        for text in ["", "#", "beige", "#fff", "+ff8000", "#ff80001"] {
            assert!(text.parse::<Colour>().unwrap_err().contains("`#rrggbb`"), "{text}");
        }
    }

    #[test]
    fn the_hue_runs_round_the_circle_without_a_jump() {
        assert_eq!(Colour::of_hue(0), Colour([255, 0, 0, 0]));
        let green = Colour::of_hue(0x5556);
        assert_eq!(green, Colour([0, 255, 0, 0]));
        let mut last = Colour::of_hue(u16::MAX);
        for turn in (0..=u16::MAX).step_by(32) {
            let Colour(now) = Colour::of_hue(turn);
            for (a, b) in now.iter().zip(last.0) {
                assert!(a.abs_diff(b) <= 2, "at {turn}: {last:?} → {now:?}");
            }
            last = Colour(now);
        }
    }
}
