//! The look: what one group of wristbands should show now.

use std::time::Duration;

use serde::Serialize;

/// What a wristband shows: colour, intensity, strobe and the time to get there. Eight bytes, so
/// that it travels as one atomic word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Look {
    /// Red, 0..=255, before the dimmer.
    pub red: u8,
    /// Green, 0..=255, before the dimmer.
    pub green: u8,
    /// Blue, 0..=255, before the dimmer.
    pub blue: u8,
    /// White, 0..=255, before the dimmer.
    pub white: u8,
    /// Dimmer, 0 = dark, 255 = full. Personalities without a dimmer slot hold it at full.
    pub dimmer: u8,
    /// Strobe rate in tenths of a hertz, 0 = steady, 10..=250 = 1.0..=25.0 Hz.
    pub strobe_dhz: u8,
    /// Time to reach this look in hundredths of a second, 0 = snap, 1..=255 = 10..=2550 ms.
    pub fade_cs: u8,
}

impl Look {
    /// No light.
    pub const DARK: Self =
        Self { red: 0, green: 0, blue: 0, white: 0, dimmer: 0, strobe_dhz: 0, fade_cs: 0 };

    /// Where a word has [`strobe_dhz`](Self::strobe_dhz).
    pub(crate) const STROBE_BITS: u64 = 0xFF << 40;

    /// Where a word has [`fade_cs`](Self::fade_cs).
    pub(crate) const FADE_BITS: u64 = 0xFF << 48;

    /// The look as one word; the top byte is zero.
    #[inline]
    pub const fn to_bits(self) -> u64 {
        u64::from_le_bytes([
            self.red,
            self.green,
            self.blue,
            self.white,
            self.dimmer,
            self.strobe_dhz,
            self.fade_cs,
            0,
        ])
    }

    /// The inverse of [`to_bits`](Self::to_bits); the top byte is ignored.
    #[inline]
    pub const fn from_bits(bits: u64) -> Self {
        let [red, green, blue, white, dimmer, strobe_dhz, fade_cs, _] = bits.to_le_bytes();
        Self { red, green, blue, white, dimmer, strobe_dhz, fade_cs }
    }

    /// Light output per channel (red, green, blue, white) with the dimmer applied, 0..=255.
    #[inline]
    pub const fn output(self) -> [u8; 4] {
        let lamps = [self.red, self.green, self.blue, self.white];
        if self.dimmer == 255 { lamps } else { scale(lamps, self.dimmer) }
    }

    /// The look `elapsed` into the fade from the light of `self` to `to`: exactly `to` once its
    /// fade time is over. On the way the light is linear, given with the dimmer at full and the
    /// strobe already that of `to`; the fade is what is left.
    pub fn toward(self, to: Self, elapsed: Duration) -> Self {
        let total = u64::from(to.fade_cs) * NANOS_PER_CS;
        let elapsed = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        if elapsed >= total {
            return to;
        }
        let (from, goal) = (self.output(), to.output());
        // Below 2.55e9 x 255: fits. Halves round up.
        let step = |channel: usize| {
            let [from, goal] = [from[channel], goal[channel]].map(u64::from);
            ((from * (total - elapsed) + goal * elapsed + total / 2) / total) as u8
        };
        Self {
            red: step(0),
            green: step(1),
            blue: step(2),
            white: step(3),
            dimmer: 255,
            strobe_dhz: to.strobe_dhz,
            fade_cs: (total - elapsed).div_ceil(NANOS_PER_CS) as u8,
        }
    }

    /// What is left of the fade to this look `elapsed` after it began, hundredths of a second,
    /// rounded up.
    pub(crate) fn fade_left(self, elapsed: Duration) -> u8 {
        let total = u64::from(self.fade_cs) * NANOS_PER_CS;
        let elapsed = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        total.saturating_sub(elapsed).div_ceil(NANOS_PER_CS) as u8
    }

    /// Whether any light comes out.
    pub const fn is_lit(self) -> bool {
        u32::from_le_bytes(self.output()) != 0
    }
}

/// Nanoseconds in the unit of [`Look::fade_cs`].
const NANOS_PER_CS: u64 = 10_000_000;

/// Each level x `dimmer` / 255, rounded to nearest; all four at once, in 16 bits each.
const fn scale(levels: [u8; 4], dimmer: u8) -> [u8; 4] {
    const BYTES: u64 = 0x00FF_00FF_00FF_00FF;
    const ONES: u64 = 0x0001_0001_0001_0001;
    let apart = u32::from_le_bytes(levels) as u64;
    let apart = (apart | apart << 16) & 0x0000_FFFF_0000_FFFF;
    let apart = (apart | apart << 8) & BYTES;
    let times_255 = apart * dimmer as u64 + 127 * ONES;
    // n / 255 of 16 bits below 65,535.
    let scaled = ((times_255 + ONES + (times_255 >> 8 & BYTES)) >> 8) & BYTES;
    let together = (scaled | scaled >> 8) & 0x0000_FFFF_0000_FFFF;
    ((together | together >> 16) as u32).to_le_bytes()
}

/// A look as the API, the trace and the terminal show it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct LookView {
    /// Red, 0..=255, before the dimmer.
    pub red: u8,
    /// Green, 0..=255, before the dimmer.
    pub green: u8,
    /// Blue, 0..=255, before the dimmer.
    pub blue: u8,
    /// White, 0..=255, before the dimmer.
    pub white: u8,
    /// Dimmer, 0..=255.
    pub dimmer: u8,
    /// Strobe rate in Hz, 0 = steady.
    pub strobe_hz: f64,
    /// Fade time in ms, 0 = snap.
    pub fade_ms: u32,
}

impl From<Look> for LookView {
    fn from(look: Look) -> Self {
        Self {
            red: look.red,
            green: look.green,
            blue: look.blue,
            white: look.white,
            dimmer: look.dimmer,
            strobe_hz: f64::from(look.strobe_dhz) / 10.0,
            fade_ms: u32::from(look.fade_cs) * 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_survives_the_trip_through_one_word() {
        let look =
            Look { red: 1, green: 2, blue: 3, white: 4, dimmer: 5, strobe_dhz: 6, fade_cs: 7 };
        assert_eq!(Look::from_bits(look.to_bits()), look);
        assert_eq!(Look::DARK.to_bits(), 0);
    }

    #[test]
    fn the_dimmer_scales_every_colour_to_the_nearest_level() {
        let look = Look { red: 255, green: 128, blue: 1, white: 0, dimmer: 128, ..Look::DARK };
        assert_eq!(look.output(), [128, 64, 1, 0]);
        assert!(look.is_lit());
        assert!(!Look { dimmer: 0, ..look }.is_lit());
        assert_eq!(Look { dimmer: 255, ..look }.output(), [255, 128, 1, 0]);
    }

    #[test]
    fn every_level_under_every_dimmer_is_rounded_to_nearest() {
        for (level, dimmer) in (0..=255u8).flat_map(|level| (0..=255).map(move |d| (level, d))) {
            let nearest = |level: u8| ((u32::from(level) * u32::from(dimmer) + 127) / 255) as u8;
            let look =
                Look { red: level, green: !level, blue: 255, white: 0, dimmer, ..Look::DARK };
            let expected = [nearest(level), nearest(!level), dimmer, 0];
            assert_eq!(look.output(), expected, "{level} under {dimmer}");
        }
    }

    #[test]
    fn a_fade_is_linear_light_and_ends_exactly_at_the_target() {
        let from = Look { red: 200, dimmer: 128, ..Look::DARK };
        let to = Look { blue: 255, dimmer: 128, strobe_dhz: 20, fade_cs: 100, ..Look::DARK };
        let at = |ms| from.toward(to, Duration::from_millis(ms));
        assert_eq!(at(0).output(), from.output());
        assert_eq!(at(250).output(), [75, 0, 32, 0]);
        assert_eq!(at(250).fade_cs, 75);
        assert_eq!(at(999).fade_cs, 1);
        assert_eq!(at(1_000), to);
        assert_eq!(from.toward(Look { fade_cs: 0, ..to }, Duration::ZERO).fade_cs, 0);
    }
}
