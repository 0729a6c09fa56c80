//! What is wrong with a show file, where, and what to do about it.

use std::fmt;
use std::ops::Range;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The show cannot run.
    Error,
    /// The show runs, but this looks like a mistake.
    Warning,
}

/// One mistake in a show file. `Display` is for people: the message, the place, the source line
/// with the mistake underlined, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, and what was expected.
    pub message: String,
    /// What to do about it, where the message does not say.
    pub help: Option<String>,
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1; 0 if the whole file is meant.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The source line, or the part of a long one around the mistake.
    pub excerpt: String,
    /// Characters of the excerpt before the mistake.
    pub caret: usize,
    /// Characters of the excerpt that are meant, at least 1.
    pub width: usize,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.message)?;
        if self.line == 0 {
            write!(f, "\n --> {}", self.file)?;
        } else {
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            write!(f, "\n{gutter}--> {}:{}:{}", self.file, self.line, self.column)?;
            write!(f, "\n{gutter} |\n{number} | {}", self.excerpt)?;
            write!(f, "\n{gutter} | {:1$}{2}", "", self.caret, "^".repeat(self.width))?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  = help: {help}"),
            None => Ok(()),
        }
    }
}

/// A file's text, which finds the line and column of its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

/// Characters shown of a line, and of those at most before the mistake.
const EXCERPT: usize = 120;
const EXCERPT_BEFORE: usize = 80;

impl Source<'_> {
    /// A diagnostic at a range of bytes; `None` means the whole file.
    pub(super) fn diagnostic(
        self,
        severity: Severity,
        span: Option<Range<usize>>,
        message: String,
        help: Option<String>,
    ) -> Diagnostic {
        let mut found = Diagnostic {
            severity,
            message,
            help,
            file: self.file.to_owned(),
            line: 0,
            column: 1,
            excerpt: String::new(),
            caret: 0,
            width: 1,
        };
        if let Some(span) = span {
            self.locate(span, &mut found);
        }
        found
    }

    /// The line of a byte, from 1.
    pub(super) fn line(self, at: usize) -> usize {
        self.text.as_bytes().iter().take(at).filter(|&&b| b == b'\n').count() + 1
    }

    fn locate(self, span: Range<usize>, found: &mut Diagnostic) {
        let start = char_boundary(self.text, span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |i| start + i);
        let end = char_boundary(self.text, span.end).clamp(start, line_end);
        found.line = self.line(start);
        found.column = self.text[line_start..start].chars().count() + 1;
        let skipped = (found.column - 1).saturating_sub(EXCERPT_BEFORE);
        // Control characters would move the cursor, tabs among them.
        found.excerpt = self.text[line_start..line_end]
            .trim_end()
            .chars()
            .skip(skipped)
            .take(EXCERPT)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        found.caret = found.column - 1 - skipped;
        let width = self.text[start..end].trim_end().chars().count();
        found.width = width.clamp(1, EXCERPT - found.caret);
    }
}

/// The start of the character at `index`, or the end of the text.
fn char_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}
