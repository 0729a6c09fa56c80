//! Two traces compared: where they part, and by how much.

use std::collections::BTreeMap;
use std::fmt;

/// How a trace differs from the one that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceDifference {
    /// Number of the first line that differs, from 1.
    pub line: usize,
    /// What was expected there; `None` = the end.
    pub expected: Option<String>,
    /// What is there; `None` = the end.
    pub found: Option<String>,
    /// Lines that were expected and are nowhere.
    pub removed: usize,
    /// Lines that are there and were nowhere expected.
    pub added: usize,
}

impl fmt::Display for TraceDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |line: &Option<String>| line.clone().unwrap_or_else(|| "the end".to_owned());
        match (self.removed, self.added) {
            (0, 0) => f.write_str("the same lines in another order")?,
            (removed, added) => write!(f, "{removed} lines removed, {added} added")?,
        }
        write!(
            f,
            "; the first difference is in line {}\n- {}\n+ {}",
            self.line,
            text(&self.expected),
            text(&self.found)
        )
    }
}

/// Compares two traces byte for byte; `None` = they are the same.
pub fn compare(expected: &str, found: &str) -> Option<TraceDifference> {
    if expected == found {
        return None;
    }
    let (mut before, mut after) = (expected.split_inclusive('\n'), found.split_inclusive('\n'));
    let mut line = 0;
    let (first_before, first_after) = loop {
        line += 1;
        match (before.next(), after.next()) {
            (Some(one), Some(other)) if one == other => {}
            pair => break pair,
        }
    };
    // Lines carry their time, so a line that is in both is the same look, wherever it stands.
    let mut surplus: BTreeMap<&str, isize> = BTreeMap::new();
    for gone in first_before.into_iter().chain(before) {
        *surplus.entry(gone).or_default() -= 1;
    }
    for come in first_after.into_iter().chain(after) {
        *surplus.entry(come).or_default() += 1;
    }
    let sum = |sign: isize| -> usize {
        surplus.values().map(|count| usize::try_from(count * sign).unwrap_or(0)).sum()
    };
    let text = |line: &str| line.trim_end_matches('\n').to_owned();
    Some(TraceDifference {
        line,
        expected: first_before.map(text),
        found: first_after.map(text),
        removed: sum(-1),
        added: sum(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, removed, added.
    fn difference(expected: &str, found: &str) -> Option<(usize, usize, usize)> {
        compare(expected, found).map(|it| (it.line, it.removed, it.added))
    }

    #[test]
    fn the_first_line_that_differs_and_what_came_and_went_are_told() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\nc\n", "a\nB\nc\n"), Some((2, 1, 1)));
        assert_eq!(difference("a\nb\nc\n", "a\nc\n"), Some((2, 1, 0)), "one line less");
        assert_eq!(difference("a\nc\n", "a\nb\nb\nc\n"), Some((2, 0, 2)), "two lines more");
        assert_eq!(difference("a\nb\n", "b\na\n"), Some((1, 0, 0)), "another order");
        assert_eq!(difference("a\n", ""), Some((1, 1, 0)));
        assert_eq!(difference("", "a\n"), Some((1, 0, 1)));
        assert_eq!(difference("a\n", "a"), Some((1, 1, 1)), "an end of line counts");
    }

    #[test]
    fn a_difference_reads_as_one_of_a_file() {
        let text = compare("a\nb\n", "a\n").map(|it| it.to_string());
        let expected =
            "1 lines removed, 0 added; the first difference is in line 2\n- b\n+ the end";
        assert_eq!(text.as_deref(), Some(expected));
    }
}
