//! Collects everything that is wrong with a file, within bounds, in the order of the file.

use std::ops::Range;

use super::diagnostic::{Diagnostic, Severity, Source};

/// Most errors, and most warnings, that one report lists. Further ones are counted.
const LISTED_MAX: usize = 100;

/// What has been found so far.
#[derive(Debug)]
pub(super) struct Report<'a> {
    source: Source<'a>,
    errors: List,
    warnings: List,
}

#[derive(Debug, Default)]
struct List {
    /// Where each was found, and it.
    listed: Vec<(usize, Diagnostic)>,
    unlisted: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        let source = Source { file, text };
        Self { source, errors: List::default(), warnings: List::default() }
    }

    /// The show cannot run.
    pub(super) fn error(&mut self, span: Range<usize>, message: String) {
        self.add(Severity::Error, Some(span), message, None);
    }

    /// The show cannot run, and this is the remedy.
    pub(super) fn error_help(&mut self, span: Range<usize>, message: String, help: String) {
        self.add(Severity::Error, Some(span), message, Some(help));
    }

    /// Likewise, where message and help take time: they are made only if they are listed.
    pub(super) fn error_with(
        &mut self,
        span: Range<usize>,
        words: impl FnOnce(Source<'a>) -> (String, String),
    ) {
        let source = self.source;
        let (message, help) = if self.is_full() { Default::default() } else { words(source) };
        self.error_help(span, message, help);
    }

    /// The show runs, but this looks like a mistake.
    pub(super) fn warning(&mut self, span: Range<usize>, message: String, help: &str) {
        self.add(Severity::Warning, Some(span), message, Some(help.to_owned()));
    }

    /// About the whole file. `help` may be empty.
    pub(super) fn whole_file(&mut self, severity: Severity, message: String, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        self.add(severity, None, message, help);
    }

    /// What was found in another file that is named at `span` of this one; at the end if this one
    /// does not name it.
    pub(super) fn elsewhere(&mut self, span: Option<Range<usize>>, found: Vec<Diagnostic>) {
        let start = span.map_or(usize::MAX, |span| span.start);
        for diagnostic in found {
            let list = match diagnostic.severity {
                Severity::Error => &mut self.errors,
                Severity::Warning => &mut self.warnings,
            };
            if list.listed.len() == LISTED_MAX {
                list.unlisted += 1;
            } else {
                list.listed.push((start, diagnostic));
            }
        }
    }

    /// The name of the file.
    pub(super) fn file(&self) -> &'a str {
        self.source.file
    }

    fn add(
        &mut self,
        severity: Severity,
        span: Option<Range<usize>>,
        message: String,
        help: Option<String>,
    ) {
        let list = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if list.listed.len() == LISTED_MAX {
            list.unlisted += 1;
            return;
        }
        let start = span.as_ref().map_or(usize::MAX, |span| span.start);
        list.listed.push((start, self.source.diagnostic(severity, span, message, help)));
    }

    /// Whether a further error would only be counted.
    pub(super) fn is_full(&self) -> bool {
        self.errors.listed.len() == LISTED_MAX
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.source.line(at)
    }

    pub(super) fn has_errors(&self) -> bool {
        !self.errors.listed.is_empty()
    }

    /// Everything found, in the order of the file; what is about the whole file comes last.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        for (count, severity, what) in [
            (self.errors.unlisted, Severity::Error, "errors"),
            (self.warnings.unlisted, Severity::Warning, "warnings"),
        ] {
            if count > 0 {
                let message = format!("{count} more {what}");
                let more = self.source.diagnostic(severity, None, message, None);
                self.errors.listed.push((usize::MAX, more));
            }
        }
        let mut found = self.errors.listed;
        found.append(&mut self.warnings.listed);
        // Stable: what was found first at one place comes first.
        found.sort_by_key(|&(start, _)| start);
        found.into_iter().map(|(_, diagnostic)| diagnostic).collect()
    }
}
