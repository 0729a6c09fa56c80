//! The file with the keys of a show's broadcast: the one in use, and the one that bands will also
//! believe, so that it can be changed in the middle of a show.
//!
//! ```text
//! # wristcast broadcast keys
//! key = 000102030405060708090a0b0c0d0e0f
//! next = 101112131415161718191a1b1c1d1e1f
//! ```

use std::fmt;

pub use broadcast_frame::Key;

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// Frames carry its code.
    pub key: Key,
    /// Bands hold it, too.
    pub next: Key,
}

/// Why a text is no key file. Never says what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeyFile {
    /// A line is neither a comment nor a key.
    #[error("line {0} is not `key = ` or `next = ` and 32 hexadecimal digits")]
    Line(usize),
    /// A key is not there.
    #[error("it has no `{0}`")]
    Missing(&'static str),
    /// Both are the same.
    #[error("`key` and `next` are the same")]
    Same,
}

impl KeyFile {
    /// Two new keys.
    ///
    /// # Errors
    ///
    /// The system has no randomness to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        Ok(Self { key: random()?, next: random()? })
    }

    /// The next key comes into use, and another will follow it.
    ///
    /// # Errors
    ///
    /// The system has no randomness to give.
    pub fn rotated(self) -> Result<Self, getrandom::Error> {
        Ok(Self { key: self.next, next: random()? })
    }

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, BadKeyFile> {
        let (mut key, mut next) = (None, None);
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = BadKeyFile::Line(number);
            let (name, digits) = line.split_once('=').ok_or(bad)?;
            let value = hex(digits.trim()).ok_or(bad)?;
            match name.trim() {
                "key" => key = Some(value),
                "next" => next = Some(value),
                _ => return Err(bad),
            }
        }
        let file = Self {
            key: key.ok_or(BadKeyFile::Missing("key"))?,
            next: next.ok_or(BadKeyFile::Missing("next"))?,
        };
        if file.key == file.next { Err(BadKeyFile::Same) } else { Ok(file) }
    }

    /// The file, to be kept where nobody else reads it.
    pub fn to_text(&self) -> String {
        format!(
            "# wristcast broadcast keys. Whoever has them can drive the bands.\n\
             key = {}\nnext = {}\n",
            Hex(&self.key),
            Hex(&self.next)
        )
    }
}

fn random() -> Result<Key, getrandom::Error> {
    let mut key = [0; 16];
    getrandom::fill(&mut key)?;
    Ok(Key(key))
}

fn hex(digits: &str) -> Option<Key> {
    let mut key = [0; 16];
    let digits = digits.as_bytes();
    if digits.len() != 32 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Key(key))
}

struct Hex<'k>(&'k Key);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_written_is_read_back_and_rotates() {
        let first = KeyFile::generate().unwrap();
        assert_eq!(KeyFile::parse(&first.to_text()), Ok(first));
        let second = first.rotated().unwrap();
        assert_eq!(second.key, first.next);
        assert_ne!(second.next, first.next);
    }

    #[test]
    fn a_file_that_is_wrong_says_where_and_never_what() {
        let keys = "key = 000102030405060708090a0b0c0d0e0f\n";
        assert_eq!(KeyFile::parse(keys), Err(BadKeyFile::Missing("next")));
        let same = format!("{keys}next = 000102030405060708090A0B0C0D0E0F");
        assert_eq!(KeyFile::parse(&same), Err(BadKeyFile::Same));
        for line in ["next", "next = 12", "other = 000102030405060708090a0b0c0d0e0f", "next = +0"] {
            let wrong = KeyFile::parse(&format!("{keys}\n{line}")).unwrap_err();
            assert_eq!(wrong, BadKeyFile::Line(3));
            assert!(!wrong.to_string().contains("0001"));
        }
    }
}
