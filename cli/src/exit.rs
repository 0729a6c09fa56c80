//! How a command ends: exit codes, and the failures that carry one.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// For the end of `--help`.
pub(crate) const HELP: &str = "\
Exit codes: 0 ok, 1 show file or recording wrong, 2 command line wrong, 3 could not start, 4 light was lost";

/// Why a command did not do what it was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    code: u8,
    message: Option<String>,
}

impl Failure {
    /// The show file is wrong; `None` = the user has been told what is.
    pub(crate) fn show_file(message: Option<String>) -> Self {
        Self { code: 1, message }
    }

    /// A recorded show cannot be read, wholly or from some byte on.
    pub(crate) fn recording(file: &Path, message: impl Display) -> Self {
        Self { code: 1, message: Some(format!("{}: {message}", file.display())) }
    }

    /// The command line is wrong in a way that clap cannot see.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { code: 2, message: Some(message.to_string()) }
    }

    /// Something the command needs from the system is not to be had.
    pub(crate) fn cannot_start(message: impl Display) -> Self {
        Self { code: 3, message: Some(message.to_string()) }
    }

    /// The same words, with the code of something that is not to be had.
    pub(crate) fn into_cannot_start(self) -> Self {
        Self { code: 3, ..self }
    }

    /// Light was lost: while running, or when the bands were to be left in their end look.
    pub(crate) fn light_lost(message: impl Display) -> Self {
        Self { code: 4, message: Some(message.to_string()) }
    }

    /// Something was found, and the user has been told what.
    pub(crate) fn found(code: u8) -> Self {
        Self { code, message: None }
    }

    /// What is wrong; empty if the user has been told.
    pub(crate) fn words(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// Tells the user, and gives the code to exit with.
    pub(crate) fn report(self) -> ExitCode {
        if let Some(message) = self.message {
            // The code is what counts where nobody can read: the terminal may be gone.
            let _ = writeln!(io::stderr(), "error: {message}");
        }
        ExitCode::from(self.code)
    }
}

/// Output that cannot be written. A reader that has gone (`| head`) is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: 0, message: None };
        }
        Self { code: 3, message: Some(format!("cannot write the output: {error}")) }
    }
}
