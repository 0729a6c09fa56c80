//! The built-in show: what every group should show at every moment. Ten seconds that come round
//! again, so that a short demo has seen it all.

use std::time::Duration;

use wristcast_core::look::Look;

use crate::colour::Colour;

/// Blocks side by side in each tier.
pub(super) const BLOCKS: usize = 4;

/// One round of the show.
const ROUND: Duration = Duration::from_secs(10);

/// The parts of the show, with the moment at which each ends.
const CUES: [(&str, u64, Cue); 5] = [
    ("wash", 2_500, wash),
    ("chase", 4_500, chase),
    ("rainbow", 7_000, rainbow),
    ("strobe", 8_500, strobe),
    ("blackout hits", 10_000, hits),
];

/// A part of the show: the look of a place at a time, ms from the start of the round.
type Cue = fn(Place, u64) -> Look;

/// Where a group sits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// From the stage outwards: floor, lower, upper.
    tier: usize,
    /// From left to right.
    block: usize,
}

impl Place {
    /// Of the group with this index: four blocks a tier.
    pub(super) fn of(group: usize) -> Self {
        Self { tier: group / BLOCKS, block: group % BLOCKS }
    }
}

/// The name of the part of the show at `elapsed`.
pub(super) fn name(elapsed: Duration) -> &'static str {
    cue(elapsed).0
}

/// What the group at `place` should show at `elapsed`.
pub(super) fn look(place: Place, elapsed: Duration) -> Look {
    let (_, millis, cue) = cue(elapsed);
    cue(place, millis)
}

/// The last picture: every group in a colour of its own, so that a band with another group's look
/// stands out.
pub(super) fn final_look(group: usize, groups: usize) -> Look {
    lit(Colour::of_hue(((group << 16) / groups.max(1)) as u16))
}

fn cue(elapsed: Duration) -> (&'static str, u64, Cue) {
    let millis = (elapsed.as_millis() % ROUND.as_millis()) as u64;
    let (name, _, cue) = CUES.iter().find(|(_, end, _)| millis < *end).unwrap_or(&CUES[0]);
    (name, millis, *cue)
}

fn lit(Colour([red, green, blue, white]): Colour) -> Look {
    Look { red, green, blue, white, dimmer: 255, ..Look::DARK }
}

/// Blue to violet. The floor gets a new colour every half second and fades to it by itself, with a
/// rest before the next; the tiers are faded by the console, 44 steps a second.
fn wash(Place { tier, block }: Place, millis: u64) -> Look {
    let at = if tier == 0 { millis / 500 * 500 } else { millis };
    let hue = 36_000 + at * 8 + (tier * 4_000 + block * 1_500) as u64;
    let fade_cs = if tier == 0 { 40 } else { 0 };
    Look { dimmer: 200, fade_cs, ..lit(Colour::of_hue(hue as u16)) }
}

/// One block of each tier lit, moving to and fro.
fn chase(Place { tier, block }: Place, millis: u64) -> Look {
    let step = (millis / 125 + tier as u64) as usize % (2 * BLOCKS - 2);
    let lit_block = if step < BLOCKS { step } else { 2 * BLOCKS - 2 - step };
    let colour = [Colour([255, 120, 0, 0]), Colour([255, 0, 80, 0]), Colour([0, 200, 255, 0])];
    if block == lit_block { lit(colour[tier % 3]) } else { Look::DARK }
}

/// All colours at once, moving.
fn rainbow(Place { tier, block }: Place, millis: u64) -> Look {
    let hue = millis * 40 + (block * 0x2000 + tier * 0x0C00) as u64;
    lit(Colour::of_hue(hue as u16))
}

/// White at 8 Hz: on the floor the bands do it, on the tiers the console does, slower.
fn strobe(Place { tier, .. }: Place, millis: u64) -> Look {
    if tier == 0 {
        return Look { strobe_dhz: 80, ..lit(Colour([255, 255, 255, 0])) };
    }
    if (millis / 125 + tier as u64).is_multiple_of(2) {
        lit(Colour([180, 200, 255, 0]))
    } else {
        Look::DARK
    }
}

/// Darkness, and hits of three frames on the beat, tier by tier.
fn hits(Place { tier, .. }: Place, millis: u64) -> Look {
    let (beat, within) = (millis / 250, millis % 250);
    if within < 70 && beat as usize % 3 == tier % 3 {
        lit(if beat.is_multiple_of(2) {
            Colour([255, 255, 255, 0])
        } else {
            Colour([255, 0, 0, 0])
        })
    } else {
        Look::DARK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_show_is_played_and_comes_round() {
        let names: Vec<_> = (0..10).map(|second| name(Duration::from_secs(second))).collect();
        for (cue, _, _) in CUES {
            assert!(names.contains(&cue), "{cue} is never played");
        }
        assert_eq!(name(ROUND), CUES[0].0);
    }

    #[test]
    fn a_chase_lights_one_block_of_each_tier_and_reaches_them_all() {
        let mut reached = [false; BLOCKS];
        for millis in (2_500..4_500).step_by(25) {
            let lit: Vec<usize> = (0..BLOCKS)
                .filter(|&block| {
                    look(Place { tier: 1, block }, Duration::from_millis(millis)).is_lit()
                })
                .collect();
            assert_eq!(lit.len(), 1, "at {millis} ms");
            reached[lit[0]] = true;
        }
        assert_eq!(reached, [true; BLOCKS]);
    }

    #[test]
    fn the_final_looks_are_all_different() {
        let looks: Vec<_> = (0..12).map(|group| final_look(group, 12)).collect();
        for (index, look) in looks.iter().enumerate() {
            assert!(look.is_lit());
            assert!(!looks[..index].contains(look));
        }
    }
}
