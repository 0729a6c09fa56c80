//! What counts as a flash: brightness and red of a light, and when their course turns.

/// What is watched of a light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// How bright it is.
    Brightness,
    /// How much of it is saturated red.
    Red,
}

/// A tenth of full light: less is no flash (WCAG 2.2, "general flash").
const BRIGHTNESS_STEP: u8 = 26;

/// Four fifths of full light: between two lights that are both brighter, nothing is a flash (the same
/// definition).
const BRIGHT: u8 = 204;

/// A sixteenth of full red (WCAG 2.2, "red flash": a change of 20 where full red is 320).
const RED_STEP: u8 = 16;

impl Kind {
    pub(super) const ALL: [Self; Self::COUNT] = [Self::Brightness, Self::Red];
    pub(super) const COUNT: usize = 2;

    /// Both, 0..=255, for a light of red, green, blue and white.
    #[inline]
    pub(super) fn values(light: [u8; 4]) -> [u8; Self::COUNT] {
        Self::ALL.map(|kind| kind.value(light))
    }

    /// It, 0..=255, for a light of red, green, blue and white.
    #[inline]
    pub(super) fn value(self, [red, green, blue, white]: [u8; 4]) -> u8 {
        let [r, g, b, w] = [red, green, blue, white].map(u32::from);
        let value = match self {
            // Relative luminance is 0.21, 0.72 and 0.07 of the three. In the dark of a venue red and
            // blue are seen better than that says, so they weigh more: full blue is a flash here.
            Self::Brightness => (2 * r + 5 * g + b) / 8 + w,
            // Saturated: red is four fifths of the whole.
            Self::Red if r >= 4 * (g + b + w) => r - g - b - w,
            Self::Red => 0,
        };
        value.min(255) as u8
    }

    /// Whether it is half a flash to go from one value to another that is higher, or back.
    #[inline]
    pub(super) const fn is_flash(self, low: u8, high: u8) -> bool {
        match self {
            Self::Brightness => low < BRIGHT && high.saturating_sub(low) >= BRIGHTNESS_STEP,
            Self::Red => high.saturating_sub(low) >= RED_STEP,
        }
    }
}

/// Where a value has been going, small changes left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    rising: bool,
    /// The highest since it rises, the lowest since it falls.
    extreme: u8,
}

impl Course {
    pub(super) const fn new(value: u8) -> Self {
        Self { rising: value > 0, extreme: value }
    }

    /// One that fell, and is at this value.
    pub(super) const fn fallen_to(value: u8) -> Self {
        Self { rising: false, extreme: value }
    }

    /// The highest since it rises; 0 if it falls.
    pub(super) const fn top(self) -> u8 {
        if self.rising { self.extreme } else { 0 }
    }

    /// Whether going to this value would turn it round.
    #[inline]
    pub(super) const fn would_turn(self, kind: Kind, value: u8) -> bool {
        match self.rising {
            true => kind.is_flash(value, self.extreme),
            false => kind.is_flash(self.extreme, value),
        }
    }

    /// Goes to a value; whether that turned it round.
    #[inline]
    pub(super) fn follow(&mut self, kind: Kind, value: u8) -> bool {
        // Nothing below would change: so it is with the red of most lights.
        if value == self.extreme {
            return false;
        }
        let turns = self.would_turn(kind, value);
        self.rising ^= turns;
        let further = if self.rising { value > self.extreme } else { value < self.extreme };
        if turns || further {
            self.extreme = value;
        }
        turns
    }
}
