//! What a word makes of the light.

use super::light::{Light, SOURCES, Source};

/// Terms, joined bit by bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) terms: Vec<Term>,
}

/// Something of the look and what is done to it, from left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) source: Source,
    pub(super) steps: Vec<Step>,
}

/// Each leaves the order of values as it is, so that the greatest value gives the greatest result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Times(u32),
    /// To the nearest, halves up.
    Over(u32),
    ShiftLeft(u32),
    ShiftRight(u32),
    Plus(u32),
}

impl Value {
    pub(super) fn of(&self, light: &Light) -> u32 {
        let term = |term: &Term| {
            let start = light.get(term.source);
            term.steps.iter().fold(start, |value, step| step.take(value).unwrap_or(u32::MAX))
        };
        self.terms.iter().map(term).fold(0, |value, term| value | term)
    }

    /// The greatest value over all looks; `None` if it is beyond all measure.
    pub(super) fn max(&self) -> Option<u32> {
        let mut bound = 0;
        for term in &self.terms {
            let (_, _, start) = SOURCES.iter().find(|(_, source, _)| *source == term.source)?;
            let max = term.steps.iter().try_fold(*start, |value, step| step.take(value))?;
            bound = match self.terms.len() {
                1 => max,
                // Joined bits stay below the next power of two of the greater.
                _ => bound.max((max + 1).checked_next_power_of_two()? - 1),
            };
        }
        Some(bound)
    }
}

impl Step {
    fn take(self, value: u32) -> Option<u32> {
        match self {
            Self::Times(by) => value.checked_mul(by),
            Self::Over(by) => value.checked_add(by / 2).map(|value| value / by),
            Self::ShiftLeft(by) => value.checked_mul(1 << by),
            Self::ShiftRight(by) => Some(value >> by),
            Self::Plus(by) => value.checked_add(by),
        }
    }
}
