//! What operators have done by hand to the whole show, and which of two relays' word on it counts.
//!
//! Orders go to either relay and hold on both. Each counts up a stamp, so that the newer state wins;
//! if both were given orders while they did not hear each other, panic wins over everything: a
//! crowd that is dark by mistake is told by its operator, one that is lit by mistake is not.

use std::cmp::Ordering;

use crate::steering::FULL;

/// What operators have done by hand to the whole show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hands {
    /// Counts what was done, on either relay: of two states the one with the greater is newer.
    pub stamp: u64,
    /// Panic is latched.
    pub panic: bool,
    /// The show is frozen.
    pub frozen: bool,
    /// The grand master, 0..=255.
    pub grand_master: u8,
}

impl Default for Hands {
    fn default() -> Self {
        Self { stamp: 0, panic: false, frozen: false, grand_master: FULL }
    }
}

impl Hands {
    /// Greater: darker or steadier.
    fn caution(&self) -> (bool, bool, u8) {
        (self.panic, self.frozen, FULL - self.grand_master)
    }
}

/// What to do about the other relay's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: they are the same, or the other one will do as we do.
    Keep,
    /// Do what this says.
    Take(Hands),
    /// Say ours again, with this stamp.
    Insist(u64),
}

/// How far two relays were last known to be of one mind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Agreement {
    stamp: u64,
}

impl Agreement {
    /// Compares what was done on this relay with what the other one says was done there.
    pub fn judge(&mut self, ours: &Hands, theirs: &Hands) -> Verdict {
        let newest = ours.stamp.max(theirs.stamp);
        let take = Verdict::Take(Hands { stamp: newest, ..*theirs });
        let order = ours.caution().cmp(&theirs.caution());
        let apart = ours.stamp > self.stamp && theirs.stamp > self.stamp;
        let disputed = ours.stamp == theirs.stamp || apart && ours.panic != theirs.panic;
        match (order, disputed) {
            (Ordering::Equal, _) if ours.stamp == theirs.stamp => {
                self.stamp = ours.stamp;
                return Verdict::Keep;
            }
            (Ordering::Less, true) => return take,
            (Ordering::Greater, true) if theirs.stamp > ours.stamp => {
                return Verdict::Insist(newest + 1);
            }
            (Ordering::Greater, true) => return Verdict::Keep,
            _ => {}
        }
        if theirs.stamp > ours.stamp {
            self.stamp = theirs.stamp;
            return take;
        }
        Verdict::Keep
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two relays that tell each other what was done.
    #[derive(Default)]
    struct Two {
        hands: [Hands; 2],
        agreement: [Agreement; 2],
    }

    impl Two {
        fn order(&mut self, relay: usize, order: impl Fn(&mut Hands)) {
            order(&mut self.hands[relay]);
            self.hands[relay].stamp += 1;
        }

        /// One of them hears the other.
        fn hear(&mut self, relay: usize) {
            let theirs = self.hands[1 - relay];
            match self.agreement[relay].judge(&self.hands[relay], &theirs) {
                Verdict::Keep => {}
                Verdict::Take(hands) => self.hands[relay] = hands,
                Verdict::Insist(stamp) => self.hands[relay].stamp = stamp,
            }
        }

        fn talk(&mut self) {
            for _ in 0..4 {
                self.hear(0);
                self.hear(1);
            }
        }
    }

    #[test]
    fn an_order_to_either_holds_on_both_and_the_newest_wins() {
        let mut two = Two::default();
        two.order(0, |hands| hands.panic = true);
        two.talk();
        assert!(two.hands[1].panic);
        two.order(1, |hands| hands.panic = false);
        two.order(1, |hands| hands.grand_master = 9);
        two.talk();
        assert_eq!(two.hands[0], two.hands[1]);
        assert_eq!((two.hands[0].panic, two.hands[0].grand_master), (false, 9));
    }

    #[test]
    fn a_relay_that_starts_again_is_told_what_holds() {
        let mut two = Two::default();
        two.order(0, |hands| hands.panic = true);
        two.talk();
        (two.hands[0], two.agreement[0]) = Default::default();
        two.talk();
        assert!(two.hands[0].panic && two.hands[1].panic);
    }

    #[test]
    fn a_release_on_the_one_that_was_left_alone_holds_when_the_other_comes_back() {
        let mut two = Two::default();
        two.order(0, |hands| hands.panic = true);
        two.talk();
        // The first is cut off meanwhile, and nobody touches it.
        two.order(1, |hands| hands.panic = false);
        two.talk();
        assert!(!two.hands[0].panic && !two.hands[1].panic);
    }

    #[test]
    fn panic_wins_if_both_were_touched_while_apart() {
        for (first, orders) in [(0, 1), (0, 5), (1, 1), (1, 5)] {
            let mut two = Two::default();
            two.talk();
            two.order(first, |hands| hands.panic = true);
            (0..orders).for_each(|_| two.order(1 - first, |hands| hands.grand_master -= 1));
            two.talk();
            assert!(two.hands[0].panic && two.hands[0] == two.hands[1]);
        }
    }

    proptest! {
        /// Whatever is ordered where and heard by whom: in the end both do the same.
        #[test]
        fn in_the_end_both_are_of_one_mind(
            steps in prop::collection::vec((0..2usize, 0..5u8), 0..24),
        ) {
            let mut two = Two::default();
            for (relay, step) in steps {
                match step {
                    0 => two.order(relay, |hands| hands.panic = !hands.panic),
                    1 => two.order(relay, |hands| hands.frozen = !hands.frozen),
                    2 => two.order(relay, |hands| hands.grand_master ^= 3),
                    _ => two.hear(relay),
                }
            }
            two.talk();
            prop_assert_eq!(two.hands[0], two.hands[1]);
        }
    }
}
