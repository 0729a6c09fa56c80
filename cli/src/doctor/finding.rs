//! What was found: a verdict, the reason, and what to do.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be, or of no account for this show.
    Ok,
    /// The show can run, and this may spoil it.
    Warning,
    /// Light will be missing.
    Fault,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at; one of the words of `docs/doctor.md`.
    pub(super) check: &'static str,
    /// Which of several: an interface, a port, a folder.
    pub(super) about: Option<String>,
    /// How bad it is.
    pub(super) verdict: Verdict,
    /// What is so.
    pub(super) what: String,
    /// What to do; `None` if nothing is to be done.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, about: None, verdict: Verdict::Ok, what: what.into(), remedy: None }
    }

    pub(super) fn warning(
        check: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { check, about: None, verdict: Verdict::Warning, what: what.into(), remedy }
    }

    pub(super) fn fault(
        check: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Fault, ..Self::warning(check, what, remedy) }
    }

    /// Says which of several it is.
    pub(super) fn about(self, about: impl Into<String>) -> Self {
        Self { about: Some(about.into()), ..self }
    }

    /// Whether `other` is about the same thing, however that is now.
    fn is_of(&self, other: &Self) -> bool {
        (self.check, &self.about) == (other.check, &other.about)
    }

    /// Whether `other` says the same, but for figures that are never twice the same.
    fn says(&self, other: &Self) -> bool {
        let figures = ["timing", "arrivals", "processor", "disk"].contains(&self.check);
        self.is_of(other) && self.verdict == other.verdict && (figures || self.what == other.what)
    }
}

/// Everything that was found, in the order it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report(pub(super) Vec<Finding>);

impl Report {
    /// The worst of all verdicts.
    pub(super) fn worst(&self) -> Verdict {
        self.0.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok)
    }

    /// How many there are of a verdict.
    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// What is so now and was not so `before`.
    pub(super) fn new_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a Finding> {
        self.0.iter().filter(|now| !before.0.iter().any(|was| was.says(now)))
    }

    /// What was so `before` and of which nothing is said any more.
    pub(super) fn gone_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a Finding> {
        before.0.iter().filter(|was| !self.0.iter().any(|now| now.is_of(was)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_is_that_of_the_report() {
        assert_eq!(Report::default().worst(), Verdict::Ok);
        let report = Report(vec![Finding::warning("a", "", ""), Finding::ok("b", "")]);
        assert_eq!((report.worst(), report.count(Verdict::Ok)), (Verdict::Warning, 1));
        let report = Report(vec![Finding::fault("a", "", ""), Finding::warning("b", "", "")]);
        assert_eq!(report.worst(), Verdict::Fault);
    }

    #[test]
    fn what_changed_is_what_is_new_and_what_is_gone() {
        let up = || Finding::ok("interface", "is up").about("eth0");
        let down = || Finding::fault("interface", "is down", "plug it in").about("eth0");
        let other = || Finding::ok("interface", "is up").about("eth1");
        let (before, now) = (Report(vec![up(), other()]), Report(vec![down()]));
        assert_eq!(now.new_since(&before).collect::<Vec<_>>(), [&down()]);
        assert_eq!(now.gone_since(&before).collect::<Vec<_>>(), [&other()]);
        assert_eq!(before.new_since(&before).count(), 0);
        let (idle, busy) = (Finding::ok("timing", "1.1 ms"), Finding::ok("timing", "1.2 ms"));
        assert_eq!(Report(vec![idle]).new_since(&Report(vec![busy])).count(), 0);
    }
}
