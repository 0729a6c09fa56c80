//! A word as it is written in a template.

use super::light::SOURCES;
use super::value::{Step, Term, Value};
use super::{Piece, Width};
use crate::band::profile::FrameBytes;

/// Greatest number in a word.
const NUMBER_MAX: u32 = 65_535;

/// Reads a word, or says what is wrong with it.
pub(super) fn parse_word(word: &str) -> Result<Piece, String> {
    // `from_str_radix` alone would take `+1` and `1`.
    if word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit()) {
        return hex(word).map(Piece::Byte).ok_or_else(|| unknown(word));
    }
    if let Some(to) = word.strip_prefix("pad:") {
        let to = to.parse().ok().filter(|to| *to <= FrameBytes::CAPACITY);
        let most = FrameBytes::CAPACITY;
        return to
            .map(Piece::Pad)
            .ok_or_else(|| format!("`{word}`: expected `pad:1` to `pad:{most}`"));
    }
    if word == "count" {
        return Ok(Piece::Count);
    }
    if let Some(rest) = word.strip_prefix("sum") {
        return parse_check(rest)
            .map(|(from, plus)| Piece::Sum { from, plus: plus.unwrap_or(0) })
            .ok_or_else(|| format!("`{word}`: expected for example `sum`, `sum@8` or `sum+96`"));
    }
    if let Some(rest) = word.strip_prefix("xor") {
        return match parse_check(rest) {
            Some((from, None)) => Ok(Piece::Xor { from }),
            _ => Err(format!("`{word}`: expected for example `xor` or `xor@8`")),
        };
    }
    let (width, rest) = match word.split_once(':') {
        Some(("be16", rest)) => (Width::BigEndian, rest),
        Some(("le16", rest)) => (Width::LittleEndian, rest),
        _ => (Width::One, word),
    };
    let (text, limit) = match rest.split_once("<=") {
        Some((text, limit)) => {
            let limit = number(limit).ok_or_else(|| unknown(word))?;
            (text, limit.min(width.max()))
        }
        None => (rest, width.max()),
    };
    let terms = text.split('|').map(parse_term).collect::<Option<Vec<_>>>();
    let value = Value { terms: terms.ok_or_else(|| unknown(word))? };
    match value.max() {
        Some(max) if max <= limit => Ok(Piece::Value { value, width }),
        max => Err(format!(
            "`{word}` can become {}, and no more than {limit} may be sent: scale it, for example \
             `r*{limit}/255`",
            max.map_or("very great".to_owned(), |max| max.to_string())
        )),
    }
}

/// `@START` and `+HH`, either left out.
fn parse_check(text: &str) -> Option<(usize, Option<u8>)> {
    let (from, plus) = match text.split_once('+') {
        Some((from, plus)) => (from, Some(hex(plus)?)),
        None => (text, None),
    };
    let from = match from.strip_prefix('@') {
        Some(from) => number(from)? as usize,
        None if from.is_empty() => 0,
        None => return None,
    };
    Some((from, plus))
}

fn parse_term(text: &str) -> Option<Term> {
    let name_len = text.bytes().take_while(u8::is_ascii_lowercase).count();
    let (name, mut rest) = text.split_at(name_len);
    let (_, source, _) = SOURCES.iter().find(|(known, ..)| *known == name)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let sign_len = if rest.starts_with(">>") || rest.starts_with("<<") { 2 } else { 1 };
        let (sign, after) = rest.split_at_checked(sign_len)?;
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = after.split_at(digits);
        let number = number(digits)?;
        steps.push(match sign {
            "*" => Step::Times(number),
            "/" if number > 0 => Step::Over(number),
            "+" => Step::Plus(number),
            "<<" if number < 16 => Step::ShiftLeft(number),
            ">>" if number < 16 => Step::ShiftRight(number),
            _ => return None,
        });
        rest = after;
    }
    Some(Term { source: *source, steps })
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= NUMBER_MAX)
}

fn hex(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

fn unknown(word: &str) -> String {
    format!(
        "`{word}` is no word of a frame: expected two hex digits, `r`, `g`, `b`, `w`, `h`, `s`, \
         `v`, `dimmer`, `fade` or `strobe` (scaled like `r>>3` or `v*64/100`), `pad:N`, `sum`, \
         `xor` or `count`"
    )
}
