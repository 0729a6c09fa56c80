//! Whose turn it is: the most urgent, and now and then whoever waits longest.

use super::{FAIR_TURN, FAIR_WAIT};
use crate::radio::Class;
use crate::time::Time;

/// Chooses among what is due, and keeps account of fair turns.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turns {
    /// Frames since the last fair turn, up to [`FAIR_TURN`]. A fair turn nobody needed is kept for
    /// when somebody does: what flickers at the rate of the turns would else never be due in one.
    since_fair: u8,
}

impl Turns {
    /// Of what is due (how urgent, since when, and who), whose turn it is, and whether that is a
    /// fair turn. Ties go to the least `T`.
    pub(crate) fn choose<T: Ord + Copy>(
        self,
        now: Time,
        due: impl Iterator<Item = (Class, Time, T)> + Clone,
    ) -> Option<(T, bool)> {
        let (class, _, urgent) = due.clone().min()?;
        if class != Class::Panic && self.since_fair + 1 >= FAIR_TURN {
            let (since, patient) = due.map(|(_, since, who)| (since, who)).min()?;
            if now.since(since) >= FAIR_WAIT {
                return Some((patient, true));
            }
        }
        Some((urgent, false))
    }

    /// A frame was handed over in such a turn.
    pub(crate) fn count(&mut self, fair: bool) {
        self.since_fair = if fair { 0 } else { FAIR_TURN.min(self.since_fair + 1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_turn_in_eight_goes_to_who_waits_longest_but_never_before_panic() {
        let now = Time::from_millis(1_000);
        let due = |urgent| [(Class::Keyframe, Time::ZERO, 1), (urgent, now, 2)].into_iter();
        let mut turns = Turns::default();
        for _ in 1..FAIR_TURN {
            assert_eq!(turns.choose(now, due(Class::Snap)), Some((2, false)));
            turns.count(false);
        }
        assert_eq!(turns.choose(now, due(Class::Panic)), Some((2, false)));
        assert_eq!(turns.choose(now, due(Class::Snap)), Some((1, true)));
        let early = Time::ZERO + FAIR_WAIT / 2;
        assert_eq!(turns.choose(early, due(Class::Snap)), Some((2, false)), "nobody starves yet");
        turns.count(false);
        assert_eq!(turns.choose(now, due(Class::Snap)), Some((1, true)), "the turn is kept");
        turns.count(true);
        assert_eq!(turns.choose(now, due(Class::Snap)), Some((2, false)));
    }
}
