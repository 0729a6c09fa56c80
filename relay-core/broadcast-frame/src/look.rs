//! What a group shows, as it travels: the dimmer is already in the levels.

/// A look on the air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Look {
    /// Red, green, blue, white, 0..=255: what the lamps give out.
    pub levels: [u8; 4],
    /// Strobe rate in tenths of a hertz, 0 = steady, 10..=250 = 1.0..=25.0 Hz.
    pub strobe_dhz: u8,
    /// Time to reach this look in hundredths of a second, 0 = at once.
    pub fade_cs: u8,
}

impl Look {
    /// No light, at once.
    pub const DARK: Self = Self { levels: [0; 4], strobe_dhz: 0, fade_cs: 0 };

    /// Red, green and blue, if there is no white to be lost.
    pub(crate) const fn rgb(self) -> Option<[u8; 3]> {
        let [red, green, blue, white] = self.levels;
        if white == 0 { Some([red, green, blue]) } else { None }
    }

    pub(crate) const fn of_rgb([red, green, blue]: [u8; 3], strobe_dhz: u8, fade_cs: u8) -> Self {
        Self { levels: [red, green, blue, 0], strobe_dhz, fade_cs }
    }

    /// Whether it leads to the same light, however long that takes.
    pub(crate) fn same_light(self, other: Self) -> bool {
        self.levels == other.levels && self.strobe_dhz == other.strobe_dhz
    }

    /// The sixteen colours that a frame can name without carrying them: section 5.4.
    pub const STANDARD: [[u8; 3]; 16] = [
        [0, 0, 0],
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 255],
        [255, 255, 0],
        [0, 255, 255],
        [255, 0, 255],
        [255, 96, 0],
        [255, 160, 64],
        [96, 0, 255],
        [0, 96, 255],
        [255, 0, 96],
        [64, 64, 64],
        [64, 0, 0],
        [0, 0, 64],
    ];

    /// The standard colour of this number, modulo 16.
    pub const fn of_standard(index: u8) -> Self {
        Self::of_rgb(Self::STANDARD[(index % 16) as usize], 0, 0)
    }

    /// The standard colour nearest to this look, white mixed into the colours; strobe and fade
    /// stay.
    #[must_use]
    pub fn nearest_standard(self) -> Self {
        let [red, green, blue, white] = self.levels;
        let lit = [red, green, blue].map(|level| level.saturating_add(white));
        let distance = |colour: &[u8; 3]| -> u32 {
            let squares = colour.iter().zip(lit).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2));
            squares.sum()
        };
        let nearest = Self::STANDARD.iter().min_by_key(|colour| distance(colour));
        Self::of_rgb(nearest.copied().unwrap_or_default(), self.strobe_dhz, self.fade_cs)
    }
}
