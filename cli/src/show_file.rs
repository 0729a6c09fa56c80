//! Reading a show file and telling what is wrong with it.

use std::io::Write;
use std::path::Path;

use wristcast_core::config::{Config, Diagnostic, Folder};

use crate::exit::Failure;

/// What a show file came to.
pub(crate) struct ShowFile {
    /// The show, if it can run.
    pub(crate) config: Option<Config>,
    /// Everything wrong or odd, in the order found.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl ShowFile {
    /// Reads and parses `path` and what lies beside it; the error is that it cannot be read at all.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Ok(Self::parse(path, &text(path)?))
    }

    /// Likewise, of a file whose text is known.
    pub(crate) fn parse(path: &Path, text: &str) -> Self {
        match Config::parse_with(text, &path.display().to_string(), &Folder::of(path)) {
            Ok((config, warnings)) => Self { config: Some(config), diagnostics: warnings },
            Err(errors) => Self { config: None, diagnostics: errors },
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
