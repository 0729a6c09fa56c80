//! Looks that an override can give: one look, or a test pattern that moves.

use std::time::Duration;

use crate::look::Look;

/// What an overridden group shows. A function of the time since the override began and of the
/// group's place among those overridden with it, and of nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This look.
    Look(Look),
    /// White and dark in turn, 500 ms each: to find a group in the venue. Slower than the three
    /// flashes a second that are held to be safe, and shown by bands that cannot strobe.
    Identify,
    /// Red, green, blue and white in turn, one second each: whether every channel is patched right.
    Colours,
    /// White goes from group to group, 250 ms each: whether every group is where it should be.
    Chase,
}

const WHITE: Look = Look { red: 255, green: 255, blue: 255, white: 255, dimmer: 255, ..Look::DARK };
const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };
const GREEN: Look = Look { green: 255, dimmer: 255, ..Look::DARK };
const BLUE: Look = Look { blue: 255, dimmer: 255, ..Look::DARK };
const ONLY_WHITE: Look = Look { white: 255, dimmer: 255, ..Look::DARK };

const IDENTIFY_STEP: Duration = Duration::from_millis(500);
const COLOURS_STEP: Duration = Duration::from_secs(1);
const CHASE_STEP: Duration = Duration::from_millis(250);

impl Pattern {
    /// Name for the API and the log.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Look(_) => "look",
            Self::Identify => "identify",
            Self::Colours => "colours",
            Self::Chase => "chase",
        }
    }

    /// The look of the group at `place` of `of`, `elapsed` after the beginning, and how long after
    /// the beginning it changes next.
    pub(super) fn at(self, elapsed: Duration, place: u32, of: u32) -> (Look, Option<Duration>) {
        let after = |step: Duration, steps: u64| {
            Some(Duration::from_nanos((step.as_nanos() as u64).saturating_mul(steps)))
        };
        match self {
            Self::Look(look) => {
                let left = look.fade_left(elapsed);
                (Look { fade_cs: left, ..look }, None)
            }
            Self::Identify => {
                let step = steps(elapsed, IDENTIFY_STEP);
                (
                    if step.is_multiple_of(2) { WHITE } else { Look::DARK },
                    after(IDENTIFY_STEP, step + 1),
                )
            }
            Self::Colours => {
                let step = steps(elapsed, COLOURS_STEP);
                let look = [RED, GREEN, BLUE, ONLY_WHITE][(step % 4) as usize];
                (look, after(COLOURS_STEP, step + 1))
            }
            Self::Chase if of < 2 => (WHITE, None),
            Self::Chase => {
                let (step, place, of) =
                    (steps(elapsed, CHASE_STEP), u64::from(place), u64::from(of));
                let turn = step % of;
                if turn == place {
                    return (WHITE, after(CHASE_STEP, step + 1));
                }
                let wait = (place + of - turn) % of;
                (Look::DARK, after(CHASE_STEP, step + wait))
            }
        }
    }
}

fn steps(elapsed: Duration, step: Duration) -> u64 {
    (elapsed.as_nanos() / step.as_nanos()) as u64
}
