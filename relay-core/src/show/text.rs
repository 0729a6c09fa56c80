//! Lines and numbers, as OLA shows and CSV have them.

/// Bytes of a wrong line that its error quotes.
const QUOTED_MAX: usize = 40;

/// Digits and nothing else.
pub(super) fn decimal(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u32, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Before and after the first `separator`.
pub(super) fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// A line without its end.
pub(super) fn trim(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The beginning of a wrong line, fit for a message.
pub(super) fn quote(line: &[u8]) -> String {
    let shown = &line[..line.len().min(QUOTED_MAX)];
    let dots = if shown.len() < line.len() { "..." } else { "" };
    format!("{}{dots}", shown.escape_ascii())
}

/// Appends levels as decimal numbers, separated by commas.
pub(super) fn push_levels(line: &mut Vec<u8>, slots: &[u8]) {
    for (index, &level) in slots.iter().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        if level >= 100 {
            line.push(b'0' + level / 100);
        }
        if level >= 10 {
            line.push(b'0' + level / 10 % 10);
        }
        line.push(b'0' + level % 10);
    }
}
