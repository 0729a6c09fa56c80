//! The show that runs and the file it came from: reading the file again, and what is done when it is
//! broken.

mod keeper;
mod last_good;
mod watch;

use std::path::{Path, PathBuf};

use wristcast_core::config::{Config, Diagnostic, Severity};
use wristcast_core::relay::RelayHandle;
use wristcast_core::snapshot;
use wristcast_core::steering::Actor;

use crate::exit::Failure;
use crate::show_file::{self, ShowFile, Texts};
pub(crate) use keeper::{Hangups, Keeper, Reloads};
use last_good::LastGood;
pub(crate) use last_good::state_folder;

/// A show file as it was found at the start.
pub(crate) struct Opened {
    path: PathBuf,
    last_good: Option<LastGood>,
    /// What came from the file; of the last good version nothing is kept anew.
    texts: Option<Texts>,
    /// Why the file itself does not run.
    broken: Option<String>,
}

impl Opened {
    /// Reads the show file, or, if it is broken, the last good version of it that was kept under
    /// `state`. Tells stderr what was found.
    pub(crate) fn read(path: &Path, state: Option<&Path>) -> Result<(Config, Self), Failure> {
        let last_good = state.map(|state| LastGood::of(path, state));
        let (broken, failure) = match ShowFile::read(path) {
            Ok(file) => {
                show_file::tell(&file.diagnostics);
                let mistake = file.first_mistake();
                if let Some(config) = file.config {
                    let path = path.to_owned();
                    let texts = Some(file.texts);
                    return Ok((config, Self { path, last_good, texts, broken: None }));
                }
                (mistake, Failure::show_file(None))
            }
            Err(failure) => (failure.words().to_owned(), failure),
        };
        let kept = last_good.as_ref().and_then(LastGood::read);
        let Some((ShowFile { config: Some(config), .. }, when)) = kept else { return Err(failure) };
        let broken = format!(
            "the show file is broken, and the last good version of it runs, which is of {when}: \
             {broken}. Repair the file, then `wristcast reload`"
        );
        Ok((config, Self { path: path.to_owned(), last_good, texts: None, broken: Some(broken) }))
    }

    /// The relay runs it.
    pub(crate) fn runs(self, relay: RelayHandle) -> RunningShow {
        let show = RunningShow { path: self.path, relay, last_good: self.last_good };
        match (self.texts, self.broken) {
            (Some(texts), _) => show.keep(&texts),
            (None, broken) => {
                let text = broken.clone().unwrap_or_default();
                show.relay.note(snapshot::Severity::Fault, text);
                show.relay.set_show_fault(broken);
            }
        }
        show
    }
}

/// A show that runs and can be read again.
#[derive(Debug)]
pub(crate) struct RunningShow {
    path: PathBuf,
    relay: RelayHandle,
    last_good: Option<LastGood>,
}

/// Why a changed show file was not taken.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Every mistake with its place in the file, or why the change cannot be made.
    pub(crate) whole: String,
}

impl RunningShow {
    /// The show file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the show file and goes over to it whole, or refuses it whole. Gives what changed, one
    /// sentence each.
    pub(crate) fn reload(&self, by: &Actor) -> Result<Vec<String>, Refusal> {
        let file = match self.read() {
            Ok(file) => file,
            Err((line, refusal)) => {
                let text = format!("a changed show file was refused, this show goes on: {line}");
                self.relay.note_by(snapshot::Severity::Warning, text, by);
                self.differs(&line);
                return Err(refusal);
            }
        };
        let (config, texts) = file;
        match self.relay.reload(config, by) {
            Ok(changes) => {
                self.relay.set_show_fault(None);
                self.keep(&texts);
                Ok(changes)
            }
            Err(error) => {
                self.differs(&error.to_string());
                Err(Refusal { whole: error.to_string() })
            }
        }
    }

    /// What [`reload`](Self::reload) would do now.
    pub(crate) fn preview(&self) -> Result<Vec<String>, Refusal> {
        let (config, _) = self.read().map_err(|(_, refusal)| refusal)?;
        self.relay.changes(&config).map_err(|error| Refusal { whole: error.to_string() })
    }

    /// The file, or what is wrong with it in a line and whole.
    fn read(&self) -> Result<(Config, Texts), (String, Refusal)> {
        let file = match ShowFile::read(&self.path) {
            Ok(file) => file,
            Err(failure) => {
                let line = failure.words().to_owned();
                return Err((line.clone(), Refusal { whole: line }));
            }
        };
        let mistake = file.first_mistake();
        match file.config {
            Some(config) => Ok((config, file.texts)),
            None => Err((mistake, Refusal { whole: in_full(&file.diagnostics) })),
        }
    }

    /// A relay that started again now would not run what runs.
    fn differs(&self, why: &str) {
        self.relay.set_show_fault(Some(format!(
            "the show file is not the show that runs: it was refused ({why}). Repair it, then \
             `wristcast reload`"
        )));
    }

    fn keep(&self, texts: &Texts) {
        let Some(last_good) = &self.last_good else { return };
        if let Err(error) = last_good.keep(texts) {
            tracing::warn!(
                "the last good version of the show cannot be kept in {}: {error}. Should the show \
                 file be broken at a restart, the relay will not start; `--state DIR` keeps it \
                 elsewhere",
                last_good.file().display()
            );
        }
    }
}

fn in_full(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n")
}
