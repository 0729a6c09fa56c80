//! What became of messages, readable from any thread: the metrics tell it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a message is not obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not OSC.
    Malformed,
    /// Its sender is not in `allow`.
    Sender,
    /// It has no token, or a wrong one.
    Token,
    /// It asks for something that there is not.
    Address,
    /// No group is called so.
    Group,
    /// Arguments of a wrong kind, or out of range.
    Arguments,
    /// The relay did not do it.
    Relay,
}

impl Refusal {
    pub(crate) const ALL: [Self; 7] = [
        Self::Malformed,
        Self::Sender,
        Self::Token,
        Self::Address,
        Self::Group,
        Self::Arguments,
        Self::Relay,
    ];

    /// As the log has it, after "a message".
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Malformed => "not OSC",
            Self::Sender => "from a sender that `[osc] allow` does not name",
            Self::Token => "without a right token",
            Self::Address => "of no known address",
            Self::Group => "for a group that is not there",
            Self::Arguments => "with wrong arguments",
            Self::Relay => "that the relay did not obey",
        }
    }

    /// As the metrics have it.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Sender => "sender",
            Self::Token => "token",
            Self::Address => "address",
            Self::Group => "group",
            Self::Arguments => "arguments",
            Self::Relay => "relay",
        }
    }
}

/// Counts since start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    obeyed: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
}

impl Counts {
    pub(super) fn obey(&self) {
        self.obeyed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self, refusal: Refusal) {
        self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Orders that were obeyed.
    pub(crate) fn obeyed(&self) -> u64 {
        self.obeyed.load(Ordering::Relaxed)
    }

    /// Messages that were not, and why: every cause there is.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        let count = |refusal: Refusal| self.refused[refusal as usize].load(Ordering::Relaxed);
        Refusal::ALL.into_iter().map(move |refusal| (refusal, count(refusal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_place_of_its_own() {
        let counts = Counts::default();
        for (index, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, index);
            (0..=index).for_each(|_| counts.refuse(refusal));
        }
        let refused: Vec<u64> = counts.refused().map(|(_, count)| count).collect();
        assert_eq!(refused, [1, 2, 3, 4, 5, 6, 7]);
    }
}
