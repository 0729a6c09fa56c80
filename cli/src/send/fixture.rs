//! The fixtures that a test pattern plays on: one personality, packed into each universe.

use std::time::Duration;

use wristcast_core::config::Attribute;
use wristcast_core::universe::SLOTS;

use crate::desk::level;
use crate::exit::Failure;
use crate::send::pattern::Effect;

/// What the slots of a fixture drive, in order.
pub(crate) type Personality = Vec<Attribute>;

/// The personality of this name.
pub(crate) fn personality(name: &str) -> Result<Personality, String> {
    const SLOTS_OF: [(&str, &[Attribute]); 5] = {
        use Attribute::{Blue, Dimmer, Fade, Green, Red, Strobe, White};
        [
            ("rgb", &[Red, Green, Blue]),
            ("drgb", &[Dimmer, Red, Green, Blue]),
            ("rgbw", &[Red, Green, Blue, White]),
            ("drgbw", &[Dimmer, Red, Green, Blue, White]),
            ("drgbsf", &[Dimmer, Red, Green, Blue, Strobe, Fade]),
        ]
    };
    match SLOTS_OF.iter().find(|(known, _)| *known == name) {
        Some((_, slots)) => Ok(slots.to_vec()),
        None => Err(format!("expected one of {}", SLOTS_OF.map(|(known, _)| known).join(", "))),
    }
}

/// Where the fixtures of every universe are.
#[derive(Debug)]
pub(crate) struct Fixtures {
    personality: Personality,
    first_slot: usize,
    per_universe: usize,
}

impl Fixtures {
    /// `count` fixtures from `address` on, or as many as fit.
    pub(crate) fn new(
        personality: &Personality,
        address: u16,
        count: Option<u16>,
    ) -> Result<Self, Failure> {
        let first_slot = usize::from(address) - 1;
        let fitting = (SLOTS - first_slot) / personality.len();
        let per_universe = count.map_or(fitting.max(1), usize::from);
        if per_universe > fitting {
            return Err(Failure::usage(format!(
                "{per_universe} fixtures of {} slots do not fit from address {address} on: \
                 {fitting} do",
                personality.len()
            )));
        }
        Ok(Self { personality: personality.clone(), first_slot, per_universe })
    }

    /// Writes the levels of one of `universes` universes; slots of no fixture stay as they are.
    pub(crate) fn write(
        &self,
        universe: usize,
        universes: usize,
        effect: Effect,
        elapsed: Duration,
        levels: &mut [u8],
    ) {
        let count = self.per_universe * universes;
        let slots = levels[self.first_slot..].chunks_exact_mut(self.personality.len());
        for (index, fixture) in slots.take(self.per_universe).enumerate() {
            let look = effect.look(universe * self.per_universe + index, count, elapsed);
            for (slot, attribute) in fixture.iter_mut().zip(&self.personality) {
                *slot = level(*attribute, look, self.has_dimmer());
            }
        }
    }

    fn has_dimmer(&self) -> bool {
        self.personality.contains(&Attribute::Dimmer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::Colour;
    use crate::send::pattern::Pattern;

    fn universe(name: &str, address: u16, count: Option<u16>, pattern: Pattern) -> [u8; SLOTS] {
        let fixtures = Fixtures::new(&personality(name).unwrap(), address, count).unwrap();
        let effect =
            Effect { pattern, colour: Colour([9, 8, 7, 6]), period: Duration::from_secs(2) };
        let mut levels = [0; SLOTS];
        fixtures.write(0, 1, effect, Duration::from_secs(1), &mut levels);
        levels
    }

    #[test]
    fn fixtures_lie_back_to_back_from_the_address_on() {
        let levels = universe("drgb", 10, Some(2), Pattern::Solid);
        assert_eq!(levels[..9], [0; 9]);
        assert_eq!(levels[9..17], [255, 9, 8, 7, 255, 9, 8, 7]);
        assert_eq!(levels[17..], [0; SLOTS - 17]);
    }

    #[test]
    fn a_full_universe_never_splits_a_fixture() {
        let levels = universe("rgb", 1, None, Pattern::Full);
        assert_eq!(levels[..510], [255; 510]);
        assert_eq!(levels[510..], [0; 2]);
    }

    #[test]
    fn full_neither_strobes_nor_fades() {
        assert_eq!(universe("drgbsf", 1, None, Pattern::Full)[..6], [255, 255, 255, 255, 0, 0]);
    }

    #[test]
    fn without_a_dimmer_slot_the_colours_carry_the_intensity() {
        assert_eq!(universe("drgb", 1, None, Pattern::Ramp)[..4], [128, 9, 8, 7]);
        assert_eq!(universe("rgb", 1, None, Pattern::Ramp)[..3], [5, 4, 4]);
    }

    #[test]
    fn fixtures_that_do_not_fit_are_refused_with_how_many_do() {
        let refused = |address, count| {
            let rgbw = personality("rgbw").unwrap();
            format!("{:?}", Fixtures::new(&rgbw, address, count).unwrap_err())
        };
        assert!(refused(1, Some(129)).contains("128 do"));
        assert!(refused(510, None).contains("0 do"));
        assert!(personality("rbg").unwrap_err().contains("drgbsf"));
    }
}
