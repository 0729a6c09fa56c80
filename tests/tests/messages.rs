//! Every message that an operator can meet is in `docs/messages.md`, with what to do; and nothing is
//! there that the code does not say.
//!
//! Messages are found where they are written: in `#[error("…")]` of the core, and as texts in the files
//! of words and events. What a message fills in is `…`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files in which every text of some length is a message.
const WORDS: &[&str] = &[
    "event.rs",
    "interfaces.rs",
    "radio/broadcast/words.rs",
    "radio/gatt/limit.rs",
    "radio/gatt/words.rs",
    "relay/arrivals.rs",
    "relay/processor.rs",
    "relay/refused.rs",
    "relay/sockets.rs",
    "standby/words.rs",
];

/// Texts of fewer words of their own are parts of messages, labels and names.
const WORDS_MIN: usize = 3;

/// In files of words a text has more, with what is filled in.
const ALL_WORDS_MIN: usize = 4;

fn core() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../relay-core/src")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// A file without its tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source");
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The text that begins at the quote `start`, and where it ends.
fn literal(code: &str, start: usize) -> (String, usize) {
    let mut text = String::new();
    let mut rest = code[start + 1..].char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => return (text, start + 1 + at + 1),
            '\\' => match rest.next() {
                // A text that goes on in the next line begins where that line does.
                Some((_, '\n')) => {
                    let tail = rest.as_str();
                    let skipped = tail.len() - tail.trim_start().len();
                    for _ in 0..tail[..skipped].chars().count() {
                        rest.next();
                    }
                }
                Some((_, escaped)) => text.push(escaped),
                None => break,
            },
            c => text.push(c),
        }
    }
    panic!("a text without an end: {text}");
}

/// With `…` for what is filled in.
fn template(text: &str) -> String {
    let mut template = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        template += &rest[..start];
        let end = rest[start..].find('}').map_or(rest.len(), |end| start + end + 1);
        template.push('…');
        rest = &rest[end..];
    }
    template + rest
}

fn own_words(text: &str) -> usize {
    text.replace('…', "").split_whitespace().count()
}

fn messages_of_code() -> BTreeSet<String> {
    let mut paths = Vec::new();
    sources(&core(), &mut paths);
    let mut messages = BTreeSet::new();
    for path in paths {
        let code = code(&path);
        for (at, attribute) in code.match_indices("#[error(") {
            let after = at + attribute.len();
            let quote = after + code[after..].len() - code[after..].trim_start().len();
            if code[quote..].starts_with('"') {
                let message = template(&literal(&code, quote).0);
                messages.extend((own_words(&message) >= WORDS_MIN).then_some(message));
            }
        }
        let name =
            path.strip_prefix(core()).expect("below the core").to_string_lossy().into_owned();
        if WORDS.contains(&name.as_str()) {
            let is_message = |text: &String| {
                text.split_whitespace().count() >= ALL_WORDS_MIN && own_words(text) >= WORDS_MIN
            };
            messages.extend(texts(&code).map(|text| template(&text)).filter(is_message));
        }
    }
    messages
}

/// Every text of a file.
fn texts(code: &str) -> impl Iterator<Item = String> {
    let mut texts = Vec::new();
    let mut from = 0;
    while let Some(quote) = code[from..].find('"').map(|at| from + at) {
        // The character `"`.
        if code[..quote].ends_with('\'') && code[quote + 1..].starts_with('\'') {
            from = quote + 1;
            continue;
        }
        let (text, end) = literal(code, quote);
        texts.push(text);
        from = end;
    }
    texts.into_iter()
}

/// Message and remedy of every row.
fn rows() -> Vec<(String, String)> {
    let guide = include_str!("../../docs/messages.md");
    let row = |line: &str| {
        let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let (message, remedy) = line.rsplit_once(" | ")?;
        (message != "message").then(|| (message.to_owned(), remedy.to_owned()))
    };
    guide.lines().filter_map(row).collect()
}

#[test]
fn the_guide_has_every_message_of_the_code_and_no_other() {
    let guide: BTreeSet<String> = rows().into_iter().map(|(message, _)| message).collect();
    let code = messages_of_code();
    assert!(code.len() > 100, "the code's messages are not found any more: {code:#?}");
    let missing: Vec<_> = code.difference(&guide).collect();
    assert!(missing.is_empty(), "docs/messages.md needs a row, with what to do, for {missing:#?}");
    let outdated: Vec<_> = guide.difference(&code).collect();
    assert!(
        outdated.is_empty(),
        "the code no longer says {outdated:#?}: take it out of docs/messages.md"
    );
}

#[test]
fn every_row_says_what_to_do_and_no_message_stands_twice() {
    let rows = rows();
    for (message, remedy) in &rows {
        assert!(!remedy.trim().is_empty(), "{message}");
        assert_eq!(rows.iter().filter(|(other, _)| other == message).count(), 1, "{message}");
    }
}
