//! Which beats are believed.
//!
//! A beat is signed, so nobody without the key can make one; but who listens can send one again. So
//! a beat counts only if its number is above that of the last from the same boot, and a boot that
//! is new must first answer one of our own beats of a moment ago: what was recorded on another day
//! answers none of them.

use super::Envelope;

/// How many of our beats ago an answer may be to introduce a new boot.
const RECENT: u64 = 16;

/// The other relay as this one knows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer {
    /// Boot and number of the last beat that was believed.
    believed: Option<(u64, u64)>,
    /// The same of the last that was well signed, for our answers: a stranger must be answered
    /// before it can prove that it is new.
    signed: Option<(u64, u64)>,
}

impl Peer {
    /// What to answer to in the next beat.
    pub fn echo(&self) -> Option<(u64, u64)> {
        self.signed
    }

    /// Whether it is this boot of the other relay that is believed.
    pub fn believes(&self, boot: u64) -> bool {
        self.believed.is_some_and(|believed| believed.0 == boot)
    }

    /// Takes a well signed beat. `own` is boot and number of our last. Gives the number of the last
    /// of ours that the other had heard if the beat is to be believed.
    pub fn admit(&mut self, envelope: &Envelope, own: (u64, u64)) -> Option<Option<u64>> {
        let (boot, number) = (envelope.boot, envelope.number);
        if boot == own.0 {
            return None;
        }
        let answers = envelope.echo.filter(|echo| echo.0 == own.0).map(|echo| echo.1);
        let known = self.believed.is_some_and(|believed| believed.0 == boot);
        if known {
            if self.believed.is_some_and(|believed| number <= believed.1) {
                return None;
            }
            self.believed = Some((boot, number));
            self.signed = Some((boot, number));
            return Some(answers);
        }
        if answers.is_some_and(|answered| answered <= own.1 && own.1 - answered < RECENT) {
            self.believed = Some((boot, number));
            self.signed = Some((boot, number));
            return Some(answers);
        }
        self.signed = Some((boot, number));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standby::Beat;

    fn envelope(boot: u64, number: u64, echo: Option<(u64, u64)>) -> Envelope {
        Envelope { boot, number, echo, beat: Beat::default() }
    }

    #[test]
    fn a_new_boot_is_believed_when_it_has_answered() {
        let mut peer = Peer::default();
        assert_eq!(peer.admit(&envelope(5, 1, None), (9, 40)), None);
        assert_eq!(peer.echo(), Some((5, 1)), "but it is answered");
        assert_eq!(peer.admit(&envelope(5, 2, Some((9, 41))), (9, 41)), Some(Some(41)));
        assert_eq!(peer.admit(&envelope(5, 3, None), (9, 42)), Some(None), "it is known now");
        // It restarts.
        assert_eq!(peer.admit(&envelope(6, 1, None), (9, 50)), None);
        assert_eq!(peer.admit(&envelope(6, 2, Some((9, 50))), (9, 51)), Some(Some(50)));
    }

    #[test]
    fn what_was_heard_before_is_not_heard_again() {
        let mut peer = Peer::default();
        let _ = peer.admit(&envelope(5, 7, Some((9, 1))), (9, 1));
        assert_eq!(peer.admit(&envelope(5, 7, Some((9, 1))), (9, 1)), None, "the second path");
        assert_eq!(peer.admit(&envelope(5, 6, Some((9, 1))), (9, 1)), None, "overtaken");
    }

    #[test]
    fn a_recording_of_another_day_is_not_believed() {
        let mut peer = Peer::default();
        let recorded = |number| envelope(5, number, Some((8, number)));
        for number in 1..100 {
            assert_eq!(peer.admit(&recorded(number), (9, number)), None);
        }
        // Nor one of this very boot, of a while ago, once the sender has been replaced.
        let old = envelope(5, 200, Some((9, 3)));
        assert_eq!(peer.admit(&old, (9, 100)), None);
        let ours = envelope(9, 100, Some((9, 99)));
        assert_eq!(peer.admit(&ours, (9, 100)), None, "our own, sent back");
    }
}
