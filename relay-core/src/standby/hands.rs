//! What operators have done by hand to the whole show, and which of two relays' word on it counts.
//!
//! Orders go to either relay and hold on both. Each relay counts the orders given to it, and knows of
//! how many of the other's: so that what was ordered in the knowledge of the other's orders is told
//! from what was ordered apart. If both were given orders while they did not hear each other, the more
//! careful state wins, panic before all: a crowd that is dark by mistake is told by its operator, one
//! that is lit by mistake is not.

use std::cmp::Ordering;

use crate::steering::FULL;

/// What operators have done by hand to the whole show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hands {
    /// How many orders made it, of those given to this relay and of those given to the other.
    pub here: u32,
    /// See `here`.
    pub there: u32,
    /// Panic is latched.
    pub panic: bool,
    /// The show is frozen.
    pub frozen: bool,
    /// The grand master, 0..=255.
    pub grand_master: u8,
}

impl Default for Hands {
    fn default() -> Self {
        Self { here: 0, there: 0, panic: false, frozen: false, grand_master: FULL }
    }
}

/// What to do about the other relay's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: they are the same, or older.
    Keep,
    /// Do what this says.
    Take(Hands),
    /// Go on as we do, which the other will do, too; with these counts.
    Stand(Hands),
}

impl Hands {
    /// Compares what was done on this relay with what the other one says was done there.
    pub fn judge(&self, theirs: &Self) -> Verdict {
        // With the counts as this relay has them.
        let theirs = Self { here: theirs.there, there: theirs.here, ..*theirs };
        let order = (self.here.cmp(&theirs.here), self.there.cmp(&theirs.there));
        let both = Self {
            here: self.here.max(theirs.here),
            there: self.there.max(theirs.there),
            ..theirs
        };
        match order {
            (Ordering::Equal, Ordering::Equal) if self.caution() >= theirs.caution() => {
                Verdict::Keep
            }
            (Ordering::Equal | Ordering::Less, Ordering::Equal | Ordering::Less) => {
                Verdict::Take(theirs)
            }
            (Ordering::Equal | Ordering::Greater, Ordering::Equal | Ordering::Greater) => {
                Verdict::Keep
            }
            _ if self.caution() < theirs.caution() => Verdict::Take(both),
            _ => Verdict::Stand(Self { here: both.here, there: both.there, ..*self }),
        }
    }

    /// Greater: darker or steadier.
    fn caution(&self) -> (bool, bool, u8) {
        (self.panic, self.frozen, FULL - self.grand_master)
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
    }

    impl Two {
        fn order(&mut self, relay: usize, order: impl Fn(&mut Hands)) {
            order(&mut self.hands[relay]);
            self.hands[relay].here += 1;
        }

        /// One of them hears the other.
        fn hear(&mut self, relay: usize) {
            match self.hands[relay].judge(&self.hands[1 - relay]) {
                Verdict::Keep => {}
                Verdict::Take(hands) | Verdict::Stand(hands) => self.hands[relay] = hands,
            }
        }

        fn talk(&mut self) {
            for _ in 0..3 {
                self.hear(0);
                self.hear(1);
            }
        }

        #[track_caller]
        fn are_of_one_mind(&self) -> Hands {
            let [ours, theirs] = self.hands;
            assert_eq!(ours, Hands { here: theirs.there, there: theirs.here, ..theirs });
            ours
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
        let hands = two.are_of_one_mind();
        assert_eq!((hands.panic, hands.grand_master), (false, 9));
    }

    #[test]
    fn a_relay_that_starts_again_is_told_what_holds() {
        let mut two = Two::default();
        two.order(0, |hands| hands.panic = true);
        two.talk();
        two.hands[0] = Hands::default();
        two.talk();
        assert!(two.are_of_one_mind().panic);
    }

    #[test]
    fn a_release_on_the_one_that_was_left_alone_holds_when_the_other_comes_back() {
        let mut two = Two::default();
        two.order(0, |hands| hands.panic = true);
        two.talk();
        // The first is cut off meanwhile, and nobody touches it.
        two.order(1, |hands| hands.panic = false);
        two.talk();
        assert!(!two.are_of_one_mind().panic);
        // So does one that is given before the first hears that its panic has come.
        two.order(0, |hands| hands.panic = true);
        two.hear(1);
        two.order(1, |hands| hands.panic = false);
        two.talk();
        assert!(!two.are_of_one_mind().panic);
    }

    #[test]
    fn panic_wins_if_both_were_touched_while_apart() {
        for (first, orders) in [(0, 1), (0, 5), (1, 1), (1, 5)] {
            let mut two = Two::default();
            two.talk();
            two.order(first, |hands| hands.panic = true);
            (0..orders).for_each(|_| two.order(1 - first, |hands| hands.grand_master -= 1));
            two.talk();
            assert!(two.are_of_one_mind().panic);
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
            two.are_of_one_mind();
        }
    }
}
