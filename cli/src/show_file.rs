//! Reading a show file and telling what is wrong with it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use wristcast_core::config::{Config, Diagnostic, Files, Folder, Severity};

use crate::exit::Failure;

/// What a show file came to.
pub(crate) struct ShowFile {
    /// The show, if it can run.
    pub(crate) config: Option<Config>,
    /// Everything wrong or odd, in the order found.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The texts it was made from.
    pub(crate) texts: Texts,
}

/// The text of a show file, and by their names those of the files beside it that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Texts {
    pub(crate) show: String,
    pub(crate) beside: BTreeMap<String, String>,
}

impl Files for Texts {
    fn read(&self, name: &str) -> io::Result<String> {
        let kept = self.beside.get(name).cloned();
        kept.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it was not there"))
    }
}

/// Files of a folder, and which of them were read.
struct Noting {
    folder: Folder,
    read: RefCell<BTreeMap<String, String>>,
}

impl Files for Noting {
    fn read(&self, name: &str) -> io::Result<String> {
        let text = self.folder.read(name)?;
        self.read.borrow_mut().insert(name.to_owned(), text.clone());
        Ok(text)
    }
}

impl ShowFile {
    /// Reads and parses `path` and what lies beside it; the error is that it cannot be read at all.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Ok(Self::parse(path, &text(path)?))
    }

    /// Likewise, of a file whose text is known.
    pub(crate) fn parse(path: &Path, text: &str) -> Self {
        let beside = Noting { folder: Folder::of(path), read: RefCell::default() };
        let mut file = Self::parse_with(path, text, &beside);
        file.texts = Texts { show: text.to_owned(), beside: beside.read.into_inner() };
        file
    }

    /// Likewise, of texts that were kept.
    pub(crate) fn kept(path: &Path, texts: Texts) -> Self {
        let file = Self::parse_with(path, &texts.show, &texts);
        Self { texts, ..file }
    }

    fn parse_with(path: &Path, text: &str, files: &dyn Files) -> Self {
        let texts = Texts::default();
        match Config::parse_with(text, &path.display().to_string(), files) {
            Ok((config, warnings)) => Self { config: Some(config), diagnostics: warnings, texts },
            Err(errors) => Self { config: None, diagnostics: errors, texts },
        }
    }

    /// What is wrong, in one line: the first mistake with its place, and how many there are.
    pub(crate) fn first_mistake(&self) -> String {
        let mut errors = self.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let Some(first) = errors.next() else { return "nothing is wrong".to_owned() };
        let place = match first.line {
            0 => first.file.clone(),
            line => format!("{}:{line}:{}", first.file, first.column),
        };
        match errors.count() {
            0 => format!("{place}: {}", first.message),
            more => format!("{place}: {} (and {more} more)", first.message),
        }
    }

    /// Tells stderr what was found, and gives the show if it can run.
    pub(crate) fn report(self) -> Result<Config, Failure> {
        tell(&self.diagnostics);
        self.config.ok_or(Failure::show_file(None))
    }
}

/// Tells stderr what was found.
pub(crate) fn tell(diagnostics: &[Diagnostic]) {
    let mut stderr = std::io::stderr().lock();
    for diagnostic in diagnostics {
        let _ = writeln!(stderr, "{diagnostic}\n");
    }
}

/// The text of a file.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::show_file(Some(format!("cannot read {}: {error}", path.display())))
    })
}
