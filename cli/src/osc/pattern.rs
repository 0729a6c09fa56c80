//! One part of an OSC address pattern, between two slashes (OSC 1.0, "OSC Message Dispatching and
//! Pattern Matching").
//!
//! Not rosc's: its `[1-2]` also matches `12`, and a hand that dims row 2 must not dim row 12.

/// Longest pattern and longest name, bytes: a position in a name is a bit of a word.
const BYTES_MAX: usize = 127;

/// A part of an address, with or without wildcards.
#[derive(Debug)]
pub(super) struct Pattern<'a>(Vec<Piece<'a>>);

#[derive(Debug)]
enum Piece<'a> {
    /// This byte.
    Byte(u8),
    /// `?`: any one.
    One,
    /// `*`: any number of any.
    Run,
    /// `[a-z]`, `[!a-z]`: one that is, or is not, in the ranges.
    Class { negated: bool, ranges: Vec<(u8, u8)> },
    /// `{one,other}`.
    Choice(Vec<&'a [u8]>),
}

impl<'a> Pattern<'a> {
    /// `None` if a bracket is not closed, or it is too long.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.as_bytes();
        if rest.len() > BYTES_MAX {
            return None;
        }
        let mut pieces = Vec::new();
        while let [first, after @ ..] = rest {
            let piece;
            (piece, rest) = match first {
                b'?' => (Piece::One, after),
                b'*' => (Piece::Run, after),
                b'[' => {
                    let (class, after) = split_once(after, b']')?;
                    (Piece::class(class), after)
                }
                b'{' => {
                    let (choice, after) = split_once(after, b'}')?;
                    (Piece::Choice(choice.split(|&byte| byte == b',').collect()), after)
                }
                b']' | b'}' => return None,
                byte => (Piece::Byte(*byte), after),
            };
            pieces.push(piece);
        }
        Some(Self(pieces))
    }

    /// Whether it has no wildcard.
    pub(super) fn is_literal(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Byte(_)))
    }

    /// Whether it stands for `name`, the whole of it. Tries every way at once, a bit for each
    /// position that the pieces so far may have come to, so that no pattern takes long.
    pub(super) fn matches(&self, name: &str) -> bool {
        let name = name.as_bytes();
        if name.len() > BYTES_MAX {
            return false;
        }
        let mut reached: u128 = 1;
        for piece in &self.0 {
            reached = piece.after(name, reached);
            if reached == 0 {
                return false;
            }
        }
        reached >> name.len() & 1 == 1
    }
}

impl<'a> Piece<'a> {
    fn class(text: &[u8]) -> Self {
        let (negated, mut rest) = match text {
            [b'!', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let mut ranges = Vec::new();
        loop {
            rest = match rest {
                [] => return Self::Class { negated, ranges },
                [first, b'-', last, rest @ ..] => {
                    ranges.push((*first.min(last), *first.max(last)));
                    rest
                }
                [one, rest @ ..] => {
                    ranges.push((*one, *one));
                    rest
                }
            };
        }
    }

    /// The positions in `name` after this piece, from those before it.
    fn after(&self, name: &[u8], before: u128) -> u128 {
        let starts = (0..=name.len()).filter(|&start| before >> start & 1 == 1);
        match self {
            Self::Run => u128::MAX << before.trailing_zeros(),
            Self::Choice(choices) => {
                let ends = |start| {
                    let fitting =
                        choices.iter().filter(move |choice| name[start..].starts_with(choice));
                    fitting.fold(0, move |ends, choice| ends | 1 << (start + choice.len()))
                };
                starts.fold(0, |reached, start| reached | ends(start))
            }
            _ => starts
                .filter(|&start| name.get(start).is_some_and(|&byte| self.takes(byte)))
                .fold(0, |reached, start| reached | 1 << (start + 1)),
        }
    }

    /// Whether it takes this one byte.
    fn takes(&self, byte: u8) -> bool {
        match self {
            Self::Byte(own) => *own == byte,
            Self::One => true,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|&(first, last)| (first..=last).contains(&byte)) != *negated
            }
            Self::Run | Self::Choice(_) => false,
        }
    }
}

fn split_once(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|&byte| byte == at)?;
    Some((&text[..place], &text[place + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching<'n>(pattern: &str, names: &[&'n str]) -> Vec<&'n str> {
        let pattern = Pattern::parse(pattern).unwrap();
        names.iter().copied().filter(|name| pattern.matches(name)).collect()
    }

    #[test]
    fn every_wildcard_of_osc_stands_for_what_the_standard_says() {
        const NAMES: [&str; 7] =
            ["row-1", "row-2", "row-12", "row-", "floor", "floor-left", "a-b-a"];
        for (pattern, expected) in [
            ("row-1", &["row-1"][..]),
            ("row-?", &["row-1", "row-2"]),
            ("row-*", &["row-1", "row-2", "row-12", "row-"]),
            ("row-[1-2]", &["row-1", "row-2"]),
            ("row-[2-1][2]", &["row-12"]),
            ("row-[!1]", &["row-2"]),
            ("{row-1,floor}", &["row-1", "floor"]),
            ("{floor,floor-left}", &["floor", "floor-left"]),
            ("fl*{oor,left}", &["floor", "floor-left"]),
            ("*-*", &["row-1", "row-2", "row-12", "row-", "floor-left", "a-b-a"]),
            ("*a", &["a-b-a"]),
            ("**?**", &NAMES),
            ("Row-1", &[]),
            ("", &[]),
        ] {
            assert_eq!(matching(pattern, &NAMES), expected, "{pattern}");
        }
    }

    #[test]
    fn brackets_that_are_not_closed_are_no_pattern() {
        for wrong in ["[", "{", "row-[1", "{a,b", "a]", "a}", &"a".repeat(128)] {
            assert!(Pattern::parse(wrong).is_none(), "{wrong}");
        }
        assert!(Pattern::parse("floor").unwrap().is_literal());
        assert!(!Pattern::parse("floo?").unwrap().is_literal());
    }

    #[test]
    fn a_pattern_that_could_be_tried_in_countless_ways_takes_no_time() {
        let pattern = "*a".repeat(60);
        assert!(Pattern::parse(&pattern).unwrap().matches(&"a".repeat(127)));
        assert!(!Pattern::parse(&pattern).unwrap().matches(&"b".repeat(127)));
    }
}
