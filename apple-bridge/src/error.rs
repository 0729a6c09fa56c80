//! Why a call failed, and how a panic is kept on this side of the boundary.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wristcast_core::relay::{HandleError, OrderError, ReloadError, StartError};

/// Why a call failed, in words for the person who holds the phone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum BridgeError {
    /// The show file has mistakes; one line each, with line and column.
    #[error("the show file has mistakes:\n{mistakes}")]
    ShowFile {
        /// What is wrong, where, and what was expected.
        mistakes: String,
    },
    /// The relay could not start.
    #[error("the relay could not start: {reason}")]
    Start {
        /// What failed and what to do.
        reason: String,
    },
    /// The relay runs and refuses; it goes on as it was.
    #[error("refused: {reason}")]
    Refused {
        /// Why, and what to do.
        reason: String,
    },
    /// The relay runs but did not answer.
    #[error("the relay did not answer: {reason}")]
    NoAnswer {
        /// What was waited for.
        reason: String,
    },
    /// The relay does not run.
    #[error("the relay does not run")]
    NotRunning,
    /// Cannot happen; a defect of wristcast.
    #[error("a defect in wristcast: {what}; please report it")]
    Defect {
        /// The panic's words.
        what: String,
    },
}

impl From<StartError> for BridgeError {
    fn from(error: StartError) -> Self {
        Self::Start { reason: error.to_string() }
    }
}

impl From<HandleError> for BridgeError {
    fn from(error: HandleError) -> Self {
        match error {
            HandleError::Stopped => Self::NotRunning,
            error => Self::NoAnswer { reason: error.to_string() },
        }
    }
}

impl From<ReloadError> for BridgeError {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::Handle(error) => error.into(),
            error => Self::Refused { reason: error.to_string() },
        }
    }
}

impl From<OrderError> for BridgeError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Handle(error) => error.into(),
            error => Self::Refused { reason: error.to_string() },
        }
    }
}

/// Does `call`; a panic in it becomes an error. What it left half done is behind locks whose
/// holders take any state for sound.
pub(crate) fn contained<T>(
    call: impl FnOnce() -> Result<T, BridgeError>,
) -> Result<T, BridgeError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|panic| Err(BridgeError::Defect { what: words(&*panic) }))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_words() {
        let broken = contained::<()>(|| panic!("seven"));
        assert_eq!(broken, Err(BridgeError::Defect { what: "seven".to_owned() }));
    }
}
