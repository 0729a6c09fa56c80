//! Start and end look by keys: `S` or `E` asks what it is to be, a digit says it.

use serde_json::{Value, json};

use super::state::Figures;

/// One of the two looks that no console sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Until the first packet.
    Start,
    /// When the relay stops.
    End,
}

impl End {
    /// Says what it is, and what it can be.
    pub(super) fn question(self, figures: Option<&Figures>) -> String {
        let (name, is, hold) = match self {
            Self::Start => ("start look", figures.map(|it| Some(it.start_look)), ""),
            Self::End => ("end look", figures.map(|it| it.end_look), "4 hold  "),
        };
        let is = match is {
            None => String::new(),
            Some(None) => " is what shows then".to_owned(),
            Some(Some([0, 0, 0])) => " is black".to_owned(),
            Some(Some([red, green, blue])) => format!(" is #{red:02x}{green:02x}{blue:02x}"),
        };
        format!("{name}{is}; now: 1 black  2 white  3 as the chosen group  {hold}5 as in the file")
    }

    /// The order that a digit stands for: its path, its body, and what it does in words. `colour` is
    /// that of the chosen group.
    pub(super) fn order(
        self,
        digit: char,
        colour: Option<[u8; 3]>,
    ) -> Option<Result<(&'static str, Value, &'static str), &'static str>> {
        let (path, words) = match self {
            Self::Start => ("start_look", "the start look is chosen"),
            Self::End => ("end_look", "the end look is chosen"),
        };
        let body = match (digit, self) {
            ('1', _) => json!({ "look": {} }),
            ('2', _) => json!({ "look": { "red": 255, "green": 255, "blue": 255, "white": 255 } }),
            ('3', _) => match colour {
                Some([red, green, blue]) => {
                    json!({ "look": { "red": red, "green": green, "blue": blue } })
                }
                None => return Some(Err("choose a group first: arrows")),
            },
            ('4', Self::End) => json!({ "hold": true }),
            ('5', _) => json!({}),
            _ => return None,
        };
        Some(Ok((path, body, words)))
    }
}
