//! What the test console plays: a look for every fixture at every moment. Nothing is remembered
//! from frame to frame, so that a pattern looks the same whenever it is joined.

use std::time::Duration;

use wristcast_core::look::Look;

use crate::colour::Colour;

/// Every how many fixtures a chase has a lit one.
const CHASE_SPACING: usize = 4;

/// The patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Pattern {
    /// All dark.
    Blackout,
    /// All at full white.
    Full,
    /// All in one colour.
    Solid,
    /// Every fourth fixture lit, moving on.
    Chase,
    /// All colours, moving through the fixtures.
    Rainbow,
    /// All in one colour, rising from dark to full, over and over.
    Ramp,
}

/// A pattern with its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    pub(crate) pattern: Pattern,
    pub(crate) colour: Colour,
    /// Of one round; more than zero.
    pub(crate) period: Duration,
}

impl Effect {
    /// What fixture `index` of `count` shows after `elapsed`.
    pub(crate) fn look(&self, index: usize, count: usize, elapsed: Duration) -> Look {
        let turn = self.turn(elapsed);
        match self.pattern {
            Pattern::Blackout => Look::DARK,
            Pattern::Full => lit(Colour::WHITE),
            Pattern::Solid => lit(self.colour),
            Pattern::Chase => {
                let step = (CHASE_SPACING * usize::from(turn)) >> 16;
                if index % CHASE_SPACING == step { lit(self.colour) } else { Look::DARK }
            }
            Pattern::Rainbow => {
                let place = (index << 16) / count.max(1);
                lit(Colour::of_hue(turn.wrapping_add(place as u16)))
            }
            Pattern::Ramp => Look { dimmer: (turn >> 8) as u8, ..lit(self.colour) },
        }
    }

    /// How far the round has come, in 65536th.
    fn turn(&self, elapsed: Duration) -> u16 {
        let period = self.period.as_nanos().max(1);
        (elapsed.as_nanos() % period * 65_536 / period) as u16
    }
}

fn lit(Colour([red, green, blue, white]): Colour) -> Look {
    Look { red, green, blue, white, dimmer: 255, ..Look::DARK }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(pattern: Pattern) -> Effect {
        Effect { pattern, colour: Colour([255, 0, 0, 0]), period: Duration::from_secs(4) }
    }

    fn outputs(pattern: Pattern, millis: u64) -> Vec<[u8; 4]> {
        let at = Duration::from_millis(millis);
        (0..6).map(|index| effect(pattern).look(index, 6, at).output()).collect()
    }

    const RED: [u8; 4] = [255, 0, 0, 0];
    const DARK: [u8; 4] = [0; 4];

    #[test]
    fn still_patterns_are_the_same_everywhere_and_always() {
        for millis in [0, 1234] {
            assert_eq!(outputs(Pattern::Blackout, millis), [DARK; 6]);
            assert_eq!(outputs(Pattern::Full, millis), [[255; 4]; 6]);
            assert_eq!(outputs(Pattern::Solid, millis), [RED; 6]);
        }
    }

    #[test]
    fn a_chase_moves_one_fixture_each_quarter_of_its_period() {
        assert_eq!(outputs(Pattern::Chase, 0), [RED, DARK, DARK, DARK, RED, DARK]);
        assert_eq!(outputs(Pattern::Chase, 999), [RED, DARK, DARK, DARK, RED, DARK]);
        assert_eq!(outputs(Pattern::Chase, 1000), [DARK, RED, DARK, DARK, DARK, RED]);
        assert_eq!(outputs(Pattern::Chase, 4000), outputs(Pattern::Chase, 0));
    }

    #[test]
    fn a_rainbow_has_every_colour_at_once_and_comes_round() {
        let now = outputs(Pattern::Rainbow, 0);
        assert_eq!(now[0], RED);
        assert_eq!(now[2], [0, 255, 0, 0], "a third of the way is green");
        assert_eq!(outputs(Pattern::Rainbow, 4000), now);
        assert_ne!(outputs(Pattern::Rainbow, 500), now);
    }

    #[test]
    fn a_ramp_rises_to_full_and_starts_again() {
        let levels: Vec<u8> =
            (0..4000).step_by(10).map(|millis| outputs(Pattern::Ramp, millis)[0][0]).collect();
        assert!(levels.is_sorted());
        assert_eq!((levels[0], levels[levels.len() - 1]), (0, 255));
        assert_eq!(outputs(Pattern::Ramp, 4000), [DARK; 6]);
    }
}
