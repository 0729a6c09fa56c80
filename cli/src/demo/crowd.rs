//! The crowd as the eye sees it: who sits where, and what their bands do now.

use std::time::Duration;

use wristcast_core::config::Config;
use wristcast_core::look::LookView;
use wristcast_core::snapshot::BandState;

use super::audience::Audience;
use super::history::Light;

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

/// All bands by group.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) blocks: Vec<Block>,
}

/// The bands of one group, who sit together.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) name: String,
    pub(super) bands: Vec<LookView>,
}

impl Crowd {
    /// Nobody there yet.
    pub(super) fn new(config: &Config) -> Self {
        let block = |name: &String| Block { name: name.clone(), bands: Vec::new() };
        Self { blocks: config.groups.iter().map(|group| block(&group.name)).collect() }
    }

    /// Takes in what the bands show now, fades under way.
    pub(super) fn update(&mut self, bands: &[BandState], audience: &Audience) {
        for block in &mut self.blocks {
            block.bands.clear();
        }
        for band in bands {
            if let Some(group) = audience.group_of(band) {
                self.blocks[group].bands.push(band.look);
            }
        }
    }
}

/// The light of a band at `phase` of the strobes' common clock. A screen has no white of its own:
/// it goes into all three.
pub(super) fn light(look: &LookView, phase: Duration) -> Rgb {
    let Light { output: [red, green, blue, white], strobe_dhz } = look.into();
    // Lit for the first half of each period.
    let half_periods = phase.as_micros() * u128::from(strobe_dhz) / 5_000_000;
    if half_periods % 2 == 1 {
        return [0; 3];
    }
    [red, green, blue].map(|level| level.saturating_add(white))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wristcast_core::look::Look;

    #[test]
    fn a_strobe_is_lit_for_the_first_half_of_its_period() {
        let strobe = Look { white: 9, dimmer: 255, strobe_dhz: 100, ..Look::DARK }.into();
        let lit = |millis| light(&strobe, Duration::from_millis(millis)) == [9; 3];
        assert_eq!([0, 40, 60, 90, 110].map(lit), [true, true, false, false, true]);
    }

    #[test]
    fn white_goes_into_all_three_colours() {
        let look = Look { red: 200, blue: 10, white: 100, dimmer: 255, ..Look::DARK }.into();
        assert_eq!(light(&look, Duration::ZERO), [255, 100, 110]);
    }
}
