//! Reads a TOML table key by key. What is wrong is reported where it stands, and reading goes on
//! with the next key, so that the operator sees every mistake at once.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::near::{list, nearest, suggestion};
use super::report::Report;

/// A table of the file, and which of its keys were asked for.
#[derive(Debug)]
pub(super) struct Table<'t> {
    /// `a group`, for messages.
    what: &'static str,
    /// Its header, or the whole of an inline table.
    pub(super) span: Range<usize>,
    entries: &'t DeTable<'t>,
    known: Vec<&'static str>,
    /// Keys that must be there and are not, each with an example.
    missing: Vec<(&'static str, &'static str)>,
}

impl<'t> Table<'t> {
    pub(super) fn new(what: &'static str, span: Range<usize>, entries: &'t DeTable<'t>) -> Self {
        Self { what, span, entries, known: Vec::new(), missing: Vec::new() }
    }

    /// The value of a key, `None` if it is left out.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Value<'t>> {
        self.known.push(key);
        self.entries.get(key).map(|value| Value { key, value })
    }

    /// The value of a key that must be there.
    pub(super) fn require(
        &mut self,
        key: &'static str,
        example: &'static str,
    ) -> Option<Value<'t>> {
        let value = self.get(key);
        if value.is_none() {
            self.missing.push((key, example));
        }
        value
    }

    /// What the table is called in messages from here on.
    pub(super) fn call(&mut self, what: &'static str) {
        self.what = what;
    }

    /// Reports the keys that are missing.
    pub(super) fn finish_missing(&self, report: &mut Report<'_>) {
        if self.missing.is_empty() {
            return;
        }
        let keys: Vec<&str> = self.missing.iter().map(|(key, _)| *key).collect();
        let examples: Vec<String> =
            self.missing.iter().map(|(key, example)| format!("{key} = {example}")).collect();
        let message = format!("{} needs {}", self.what, list(&keys, "and"));
        let help = format!("for example {}", examples.join(", "));
        report.error_help(self.span.clone(), message, help);
    }

    /// Reports the keys that are missing and those that nobody asked for. Call it when all were.
    pub(super) fn finish(self, report: &mut Report<'_>) {
        self.finish_missing(report);
        for key in self.entries.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                report.error_with(key.span(), |_| {
                    let message = format!("{} has no key `{}`", self.what, shortened(name));
                    let help = match name {
                        // TOML takes it for a key of the table above it.
                        "name" | "start_look" | "end_look" => format!(
                            "if it is the show's, `{name}` must stand before the first [table]"
                        ),
                        _ => suggestion(name, &self.known),
                    };
                    (message, help)
                });
            }
        }
    }
}

/// A value of the file, and what it is called in messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'t> {
    pub(super) key: &'static str,
    value: &'t Spanned<DeValue<'t>>,
}

impl<'t> Value<'t> {
    pub(super) fn span(self) -> Range<usize> {
        self.value.span()
    }

    /// Reports that the value is not what it should be.
    pub(super) fn wrong(self, report: &mut Report<'_>, expected: &str) {
        let message = format!("`{}` is {}: expected {expected}", self.key, self.describe());
        report.error(self.span(), message);
    }

    /// Likewise, where a number or a word stands alone and quotes are a usual slip.
    fn wrong_unquoted(self, report: &mut Report<'_>, expected: &str) {
        match self.as_text() {
            Some(_) => self.wrong_help(report, expected, "write it without quotes".to_owned()),
            None => self.wrong(report, expected),
        }
    }

    /// Likewise, with the remedy.
    pub(super) fn wrong_help(self, report: &mut Report<'_>, expected: &str, help: String) {
        let message = format!("`{}` is {}: expected {expected}", self.key, self.describe());
        report.error_help(self.span(), message, help);
    }

    /// The value as it is written, if that is short; else what kind of value it is.
    fn describe(self) -> String {
        match self.value.get_ref() {
            DeValue::String(text) if text.is_empty() => "empty".to_owned(),
            DeValue::String(text) => format!("\"{}\"", shortened(text)),
            DeValue::Integer(number) => shortened(&number.to_string()),
            DeValue::Float(number) => shortened(&number.to_string()),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Datetime(_) => "a date".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }

    /// The text, if it is one; nothing is reported.
    pub(super) fn as_text(self) -> Option<&'t str> {
        self.value.get_ref().as_str()
    }

    /// The table, if it is one; nothing is reported.
    pub(super) fn as_table(self, what: &'static str) -> Option<Table<'t>> {
        let entries = self.value.get_ref().as_table()?;
        Some(Table::new(what, self.span(), entries))
    }

    /// The items, if it is a list; nothing is reported.
    pub(super) fn as_list(self) -> Option<impl ExactSizeIterator<Item = Value<'t>> + use<'t>> {
        let items = self.value.get_ref().as_array()?;
        Some(items.iter().map(move |value| Value { key: self.key, value }))
    }

    /// Any text that is not empty, shows on one line and is at most `bytes_max` long.
    pub(super) fn text(self, report: &mut Report<'_>, bytes_max: usize) -> Option<&'t str> {
        let text = self.as_text().filter(|text| {
            !text.trim().is_empty() && text.len() <= bytes_max && !text.contains(char::is_control)
        });
        if text.is_none() {
            self.wrong(report, &format!("text in quotes, 1 to {bytes_max} bytes, on one line"));
        }
        text
    }

    /// `true` or `false`.
    pub(super) fn boolean(self, report: &mut Report<'_>) -> Option<bool> {
        let value = self.value.get_ref().as_bool();
        if value.is_none() {
            self.wrong_unquoted(report, "true or false");
        }
        value
    }

    /// A whole number in a range. `unit` is empty or comes with a space before it: `" ms"`.
    pub(super) fn integer<N>(
        self,
        report: &mut Report<'_>,
        range: RangeInclusive<N>,
        unit: &str,
    ) -> Option<N>
    where
        N: Copy + PartialOrd + Display + TryFrom<i64>,
    {
        let number = self.as_i64().and_then(|number| N::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            let expected = format!("a whole number from {low} to {high}{unit}");
            self.wrong_unquoted(report, &expected);
        }
        number
    }

    fn as_i64(self) -> Option<i64> {
        let number = self.value.get_ref().as_integer()?;
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    /// A number in a range, whole or not.
    pub(super) fn number(
        self,
        report: &mut Report<'_>,
        range: RangeInclusive<f64>,
        unit: &str,
    ) -> Option<f64> {
        let number = match self.value.get_ref() {
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => self.as_i64().map(|number| number as f64),
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            self.wrong_unquoted(report, &format!("a number from {low} to {high}{unit}"));
        }
        number
    }

    /// One of a few words. `or` is empty, or says with a space before it what else there may be.
    pub(super) fn choice<T: Copy>(
        self,
        report: &mut Report<'_>,
        choices: &[(&str, T)],
        or: &str,
    ) -> Option<T> {
        let text = self.as_text();
        let found = choices.iter().find(|(name, _)| Some(*name) == text);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let expected = format!("{}{or}", list(&names, "or"));
            match text.and_then(|text| nearest(text, names.iter().copied())) {
                Some(near) => {
                    self.wrong_help(report, &expected, format!("did you mean \"{near}\"?"));
                }
                None => self.wrong(report, &expected),
            }
        }
        found.map(|&(_, choice)| choice)
    }

    /// A table, reported if it is none.
    pub(super) fn table(self, report: &mut Report<'_>, what: &'static str) -> Option<Table<'t>> {
        let table = self.as_table(what);
        if table.is_none() {
            self.wrong(report, &format!("{what}: a table"));
        }
        table
    }

    /// The items of a list, reported if it is none or too long.
    pub(super) fn list(
        self,
        report: &mut Report<'_>,
        of: &str,
        length_max: usize,
    ) -> Option<impl ExactSizeIterator<Item = Value<'t>> + use<'t>> {
        let Some(items) = self.as_list() else {
            self.wrong(report, &format!("a list of {of}"));
            return None;
        };
        if items.len() > length_max {
            let message = format!("`{}` lists {}: at most {length_max}", self.key, items.len());
            report.error(self.span(), message);
            return None;
        }
        Some(items)
    }
}

/// At most 40 characters, on one line.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String =
        text.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}
