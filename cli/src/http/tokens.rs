//! Who may change the show: a file with a name and a token on each line.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use subtle::ConstantTimeEq;

use crate::exit::Failure;

/// Shortest token, characters: what cannot be guessed in a night.
const TOKEN_MIN: usize = 16;

/// Longest token, characters.
const TOKEN_MAX: usize = 256;

/// Longest name, characters.
const NAME_MAX: usize = 32;

/// Most lines of a token file that count.
const TOKENS_MAX: usize = 64;

/// The names and tokens of those who may change the show.
#[derive(Default)]
pub(crate) struct Tokens(Vec<(String, String)>);

impl Tokens {
    /// Reads the token file; if it is not there, writes one with a new token that only this user
    /// may read.
    pub(crate) fn read_or_create(path: &Path) -> Result<Self, Failure> {
        let failure = |why: String| {
            Failure::cannot_start(format!("the token file {}: {why}", path.display()))
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = first_tokens();
                create(path, &text).map_err(|error| {
                    failure(format!("it is not there and cannot be written: {error}"))
                })?;
                tracing::info!("wrote a new token for the status page to {}", path.display());
                text
            }
            Err(error) => return Err(failure(format!("it cannot be read: {error}"))),
        };
        if is_readable_by_others(path) {
            tracing::warn!(
                "everybody on this machine can read the tokens in {0}; `chmod 600 {0}`",
                path.display()
            );
        }
        Self::parse(&text).map_err(failure)
    }

    /// Reads a token file that is there.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let failure =
            |why: String| Failure::usage(format!("the token file {}: {why}", path.display()));
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| failure(format!("it cannot be read: {error}")))?;
        Self::parse(&text).map_err(failure)
    }

    /// The first token.
    pub(crate) fn first(&self) -> &str {
        self.0.first().map_or("", |(_, token)| token)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut tokens: Vec<(String, String)> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split_whitespace();
            let (Some(name), Some(token), None) = (words.next(), words.next(), words.next()) else {
                return Err(format!("line {number}: expected a name and a token, `foh TOKEN`"));
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if name.len() > NAME_MAX || !name.chars().all(plain) {
                return Err(format!(
                    "line {number}: a name has at most {NAME_MAX} letters, digits, `-`, `_` or `.`"
                ));
            }
            if !(TOKEN_MIN..=TOKEN_MAX).contains(&token.len())
                || !token.chars().all(|c| c.is_ascii_graphic())
            {
                return Err(format!(
                    "line {number}: a token has {TOKEN_MIN} to {TOKEN_MAX} characters without \
                     spaces; `openssl rand -hex 16` makes a good one"
                ));
            }
            if tokens.iter().any(|(other, _)| other == name) {
                return Err(format!("line {number}: `{name}` has a token already"));
            }
            tokens.push((name.to_owned(), token.to_owned()));
        }
        match tokens.len() {
            0 => Err("it has no token: write a name and a token on a line, `foh TOKEN`".to_owned()),
            1..=TOKENS_MAX => Ok(Self(tokens)),
            _ => Err(format!("it has more than {TOKENS_MAX} tokens")),
        }
    }

    /// Whether anybody may change the show.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name that goes with a token. Takes as long for a wrong token as for a right one.
    pub(crate) fn name_of(&self, presented: &str) -> Option<&str> {
        let mut found = None;
        for (name, token) in &self.0 {
            if bool::from(token.as_bytes().ct_eq(presented.as_bytes())) {
                found = Some(name.as_str());
            }
        }
        found
    }
}

/// Tokens are not for logs.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

fn first_tokens() -> String {
    let mut text = "# Who may change the show: a name and a token on each line.\n".to_owned();
    let _ = writeln!(text, "operator {}", uuid::Uuid::new_v4().simple());
    text
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_file_names_who_may_change_the_show() {
        let tokens =
            Tokens::parse("# the crew\nfoh 0123456789abcdef\n\n  stage-left fedcba9876543210 \n");
        let tokens = tokens.unwrap();
        assert_eq!(tokens.name_of("0123456789abcdef"), Some("foh"));
        assert_eq!(tokens.name_of("fedcba9876543210"), Some("stage-left"));
        for wrong in ["", "0123456789abcde", "0123456789abcdefg", "0123456789ABCDEF"] {
            assert_eq!(tokens.name_of(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{tokens:?}"), r#"["foh", "stage-left"]"#, "no token in it");
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, expected) in [
            ("", "no token"),
            ("# nobody\n", "no token"),
            ("foh", "line 1: expected a name and a token"),
            ("foh 0123456789abcdef 2", "line 1: expected"),
            ("\nfoh short", "line 2: a token has 16 to 256"),
            ("föh 0123456789abcdef", "line 1: a name has"),
            ("a 0123456789abcdef\na 1123456789abcdef", "line 2: `a` has a token already"),
        ] {
            let error = Tokens::parse(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_new_token_file_can_be_read_and_is_different_every_time() {
        let (one, other) = (first_tokens(), first_tokens());
        assert_ne!(one, other);
        let tokens = Tokens::parse(&one).unwrap();
        let token = one.lines().last().unwrap().split_once(' ').unwrap().1;
        assert_eq!((tokens.name_of(token), token.len()), (Some("operator"), 32));
    }
}
