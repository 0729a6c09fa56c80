//! What a wristband of our own does with the frames it gets: the firmware, less the lamps.

use core::time::Duration;

use super::BandFrame;
use crate::look::Look;
use crate::time::Time;

/// A frame whose sequence number is behind the newest by less than this is old; one further away
/// is from a sender that started anew. As E1.31 §6.7.2 has it for universes.
const OLD_WINDOW: i8 = 20;

/// The state of a wristband. Switched on, it is dark and takes the first frame it gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Player {
    /// The light when the newest look came.
    from: Look,
    /// The newest look.
    to: Look,
    /// When it came.
    since: Time,
    /// When it began to strobe.
    strobing_since: Time,
    /// Of the newest look; `None` before the first.
    sequence: Option<u8>,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// A new look: it is shown or faded to.
    New,
    /// The look that is shown already.
    Repeated,
    /// Older than what is shown: ignored.
    Old,
}

impl Player {
    /// Takes a frame that came at `now`.
    pub fn apply(&mut self, now: Time, frame: &BandFrame) -> Applied {
        if let (Some(newest), false, false) = (self.sequence, frame.first, frame.panic) {
            match frame.sequence.wrapping_sub(newest) as i8 {
                0 => return Applied::Repeated,
                behind if behind < 0 && behind > -OLD_WINDOW => return Applied::Old,
                _ => {}
            }
        }
        let from = self.look(now);
        if from.strobe_dhz == 0 {
            self.strobing_since = now;
        }
        self.from = from;
        self.to = frame.look;
        if frame.panic {
            self.to.fade_cs = 0;
        }
        self.since = now;
        self.sequence = Some(frame.sequence);
        Applied::New
    }

    /// The connection ended: the next frame is new whatever its sequence. The light stays.
    pub fn disconnected(&mut self) {
        self.sequence = None;
    }

    /// The look at `now`, on the way or arrived; the strobe as a rate.
    pub fn look(&self, now: Time) -> Look {
        self.from.toward(self.to, now.since(self.since))
    }

    /// Where the light came from, where it goes and since when, to draw it later.
    pub fn course(&self) -> (Look, Look, Time) {
        (self.from, self.to, self.since)
    }

    /// What the lamps (red, green, blue, white) do at `now`. A strobe is lit for the first half of
    /// each of its periods and keeps its beat while colours change.
    pub fn light(&self, now: Time) -> [u8; 4] {
        let look = self.look(now);
        if look.strobe_dhz != 0 {
            let half = Duration::from_secs(5).as_nanos() / u128::from(look.strobe_dhz);
            if now.since(self.strobing_since).as_nanos() / half % 2 == 1 {
                return [0; 4];
            }
        }
        look.output()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };
    const BLUE: Look = Look { blue: 255, dimmer: 255, ..Look::DARK };

    fn frame(sequence: u8, look: Look) -> BandFrame {
        BandFrame { look, sequence, ..BandFrame::default() }
    }

    fn ms(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn an_old_frame_never_undoes_a_new_one() {
        let mut band = Player::default();
        assert_eq!(band.apply(ms(0), &frame(1, RED)), Applied::New);
        assert_eq!(band.apply(ms(1), &frame(2, BLUE)), Applied::New);
        assert_eq!(band.apply(ms(2), &frame(1, RED)), Applied::Old);
        assert_eq!(band.look(ms(3)), BLUE);
        assert_eq!(band.apply(ms(4), &frame(255, RED)), Applied::Old, "3 behind, over the wrap");
    }

    #[test]
    fn a_sender_that_started_anew_is_heard() {
        let mut band = Player::default();
        band.apply(ms(0), &frame(100, RED));
        assert_eq!(band.apply(ms(1), &frame(80, BLUE)), Applied::New);
        let first = BandFrame { first: true, ..frame(79, RED) };
        assert_eq!(band.apply(ms(2), &first), Applied::New, "whatever its sequence");
        band.disconnected();
        assert_eq!(band.apply(ms(3), &frame(79, BLUE)), Applied::New, "on a new connection");
    }

    #[test]
    fn a_repeated_frame_does_not_start_the_fade_again() {
        let mut band = Player::default();
        let slow = frame(1, Look { fade_cs: 100, ..RED });
        band.apply(ms(0), &slow);
        assert_eq!(band.apply(ms(500), &slow), Applied::Repeated);
        assert_eq!(band.look(ms(500)).output(), [128, 0, 0, 0]);
        assert_eq!(band.light(ms(1_000)), [255, 0, 0, 0]);
    }

    #[test]
    fn a_fade_starts_from_the_light_there_is() {
        let mut band = Player::default();
        band.apply(ms(0), &frame(1, Look { fade_cs: 100, ..RED }));
        band.apply(ms(500), &frame(2, Look { fade_cs: 100, ..BLUE }));
        assert_eq!(band.light(ms(500)), [128, 0, 0, 0]);
        assert_eq!(band.light(ms(1_000)), [64, 0, 128, 0]);
    }

    #[test]
    fn panic_does_not_wait_for_a_fade() {
        let mut band = Player::default();
        band.apply(ms(0), &frame(1, RED));
        let blackout = BandFrame { panic: true, ..frame(1, Look { fade_cs: 200, ..Look::DARK }) };
        assert_eq!(band.apply(ms(1), &blackout), Applied::New);
        assert_eq!(band.light(ms(1)), [0; 4]);
    }

    #[test]
    fn a_strobe_keeps_its_beat_while_colours_change() {
        let mut band = Player::default();
        band.apply(ms(0), &frame(1, Look { strobe_dhz: 100, ..RED }));
        assert_eq!(band.light(ms(49)), [255, 0, 0, 0]);
        assert_eq!(band.light(ms(50)), [0; 4]);
        band.apply(ms(70), &frame(2, Look { strobe_dhz: 100, ..BLUE }));
        assert_eq!(band.light(ms(99)), [0; 4]);
        assert_eq!(band.light(ms(100)), [0, 0, 255, 0]);
    }

    proptest! {
        /// Frames of one sender, some lost, some repeated, some late: what is shown is the newest
        /// that came.
        #[test]
        fn the_newest_that_came_is_shown(
            start in any::<u8>(),
            steps in proptest::collection::vec((any::<bool>(), 0..19u8), 1..200),
        ) {
            let mut band = Player::default();
            let mut newest = None;
            for (index, (lost, back)) in steps.into_iter().enumerate() {
                let at = ms(index as u64);
                let look = |index: usize| Look { red: index as u8, ..Look::DARK };
                let send = |index: usize| frame(start.wrapping_add(index as u8), look(index));
                if !lost {
                    band.apply(at, &send(index));
                    newest = Some(index);
                }
                if let Some(newest) = newest {
                    let late = index.saturating_sub(usize::from(back)).min(newest);
                    prop_assume!(newest - late < 20);
                    band.apply(at, &send(late));
                    prop_assert_eq!(band.look(at), look(newest));
                }
            }
        }
    }
}
