//! Consoles fade by sending step after step: whether a group is in the middle of that.

use std::time::Duration;

use super::GLIDE_MAX;
use crate::look::Look;

/// So many steps the same way make a ramp.
const STEPS: u8 = 3;
/// Longest time from one step to the next.
const PAUSE_MAX: Duration = Duration::from_millis(100);
/// Shortest glide worth its name.
const GLIDE_MIN: Duration = Duration::from_millis(20);

/// The latest steps of one group.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ramp {
    /// Which way each channel went last: red, green, blue, white.
    way: [i8; 4],
    /// Steps the same way, in a row.
    steps: u8,
    /// A step of this ramp was replaced before it could be sent: the link is too slow for it.
    outruns: bool,
}

impl Ramp {
    /// A look came `pause` after the one before and differs little from it; `None`: it is no step.
    /// `unsent`: the one before is replaced unsent.
    pub(super) fn step(&mut self, from: Look, to: Look, pause: Option<Duration>, unsent: bool) {
        let (from, to) = (from.output(), to.output());
        let way: [i8; 4] = std::array::from_fn(|channel| to[channel].cmp(&from[channel]) as i8);
        let goes_on = self.way.iter().zip(way).all(|(before, now)| before * now >= 0);
        if goes_on && pause.is_some_and(|pause| pause <= PAUSE_MAX) {
            self.steps = self.steps.saturating_add(1);
            self.outruns |= unsent && self.steps >= STEPS;
        } else {
            (self.steps, self.outruns) = (0, false);
        }
        self.way = way;
    }

    /// How long a band should take to the step it is sent, hundredths of a second; 0 = at once.
    /// `since_last` is the time since it was sent one before.
    pub(super) fn glide_cs(&self, since_last: Duration) -> u8 {
        if !self.outruns || since_last < GLIDE_MIN {
            return 0;
        }
        u8::try_from(since_last.min(GLIDE_MAX).as_millis() / 10).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(red: u8, blue: u8) -> Look {
        Look { red, blue, dimmer: 255, ..Look::DARK }
    }

    #[test]
    fn steps_the_same_way_that_outrun_the_link_are_a_ramp() {
        let ms = |millis| Some(Duration::from_millis(millis));
        let since = Duration::from_millis(60);
        let mut ramp = Ramp::default();
        for red in 1..6 {
            assert_eq!(ramp.glide_cs(since), 0, "{red}");
            // A crossfade: one channel up, one down.
            ramp.step(level(red, 99 - red), level(red + 1, 98 - red), ms(23), red == 5);
        }
        assert_eq!(ramp.glide_cs(since), 6);
        assert_eq!(ramp.glide_cs(Duration::from_secs(5)), 20);
        ramp.step(level(6, 94), level(5, 93), ms(23), true);
        assert_eq!(ramp.glide_cs(since), 0, "it turned");
        let flicker = [5, 7, 4, 9, 3, 8].windows(2).fold(Ramp::default(), |mut ramp, pair| {
            ramp.step(level(pair[0], 0), level(pair[1], 0), ms(23), true);
            ramp
        });
        assert_eq!(flicker.glide_cs(since), 0);
    }
}
