//! A band profile of the operator's own.

use super::diagnostic::{Diagnostic, Severity};
use super::report::Report;
use crate::band::profile::{FrameBytes, Profile};

/// Longest profile, bytes.
pub(super) const PROFILE_BYTES_MAX: usize = 1 << 20;

/// Reads the band profile `name`. `file` is what it is called in messages. Gives the profile and
/// what looks like a mistake in it; or, if it cannot be used, what is wrong.
///
/// # Errors
///
/// At least one of the diagnostics is an error.
pub fn read_profile(
    name: &str,
    text: &str,
    file: &str,
) -> Result<(Profile, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut report = Report::new(file, text);
    if text.len() > PROFILE_BYTES_MAX {
        let message = format!("the file has {} bytes: at most {PROFILE_BYTES_MAX}", text.len());
        report.whole_file(Severity::Error, message, "is this a band profile?");
        return Err(report.into_diagnostics());
    }
    match Profile::parse(name, text) {
        Ok(profile) => {
            check(&mut report, &profile);
            Ok((profile, report.into_diagnostics()))
        }
        Err(mistakes) => {
            for mistake in mistakes {
                report.error(mistake.span, mistake.message);
            }
            Err(report.into_diagnostics())
        }
    }
}

/// What may be meant, and mostly is not.
fn check(report: &mut Report<'_>, profile: &Profile) {
    let mut warn = |message: String, help| report.whole_file(Severity::Warning, message, help);
    if profile.frame_len_max() > FrameBytes::EVERY_LINK {
        let (len, most) = (profile.frame_len_max(), FrameBytes::EVERY_LINK);
        let message = format!("frames of {len} bytes: only {most} fit on every link");
        warn(message, "bands that do not agree to an MTU 3 bytes longer are refused");
    }
    if profile.names().is_empty() && profile.advertised_service().is_none() {
        let message = "`wristcast bands scan` cannot recognise bands of this kind".to_owned();
        warn(message, "add names = [\"MY-BAND*\"]");
    }
    if profile.examples().is_empty() {
        let message = "no [[example]]: nothing says that these frames are right".to_owned();
        warn(message, "add one that you have seen to work");
    }
}

/// Whether a text is meant as a band profile rather than as a show, right or wrong.
pub fn is_profile(text: &str) -> bool {
    let has = |start: &str| text.lines().any(|line| line.trim_start().starts_with(start));
    has("characteristic") && !has("[[group]]") && !has("[[radio]]")
}
