//! Reading a show file and telling what is wrong with it.

use std::io::Write;
use std::path::Path;

use wristcast_core::config::{Config, Diagnostic};

use crate::exit::Failure;

/// What a show file came to.
pub(crate) struct ShowFile {
    /// The show, if it can run.
    pub(crate) config: Option<Config>,
    /// Everything wrong or odd, in the order found.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl ShowFile {
    /// Reads and parses `path`; the error is that it cannot be read at all.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::show_file(Some(format!("cannot read {file}: {error}"))))?;
        Ok(match Config::parse(&text, &file) {
            Ok((config, warnings)) => Self { config: Some(config), diagnostics: warnings },
            Err(errors) => Self { config: None, diagnostics: errors },
        })
    }

    /// Tells stderr what was found, and gives the show if it can run.
    pub(crate) fn report(self) -> Result<Config, Failure> {
        let mut stderr = std::io::stderr().lock();
        for diagnostic in &self.diagnostics {
            let _ = writeln!(stderr, "{diagnostic}\n");
        }
        self.config.ok_or(Failure::show_file(None))
    }
}
