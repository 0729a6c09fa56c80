//! The report for people, and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::finding::{Finding, Report, Verdict};

/// Whether lines are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Palette {
    Plain,
    Coloured,
}

impl Palette {
    /// The word for a verdict, eight wide.
    fn verdict(self, verdict: Verdict) -> String {
        let (word, colour) = match verdict {
            Verdict::Ok => ("ok", 32),
            Verdict::Warning => ("WARNING", 33),
            Verdict::Fault => ("FAULT", 31),
        };
        match self {
            Self::Plain => format!("{word:8}"),
            Self::Coloured => format!("\x1b[{colour}m{word:8}\x1b[0m"),
        }
    }
}

/// Everything, what is worst last, where the eye is.
pub(super) fn report(report: &Report, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    for verdict in [Verdict::Ok, Verdict::Warning, Verdict::Fault] {
        for found in report.0.iter().filter(|found| found.verdict == verdict) {
            finding(found, palette, out)?;
        }
    }
    let count = |verdict| report.count(verdict);
    let (faults, warnings) = (count(Verdict::Fault), count(Verdict::Warning));
    let sentence = match report.worst() {
        Verdict::Ok => "nothing stands in the way of the light".to_owned(),
        Verdict::Warning => format!("the show can run; see to {}", counted(warnings, "warning")),
        Verdict::Fault if warnings == 0 => {
            format!("light will be missing: {}", counted(faults, "fault"))
        }
        Verdict::Fault => {
            format!(
                "light will be missing: {}, {}",
                counted(faults, "fault"),
                counted(warnings, "warning")
            )
        }
    };
    writeln!(out, "\n{sentence}")
}

/// One finding: the verdict, what is so, and below it what to do.
pub(super) fn finding(finding: &Finding, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} {}", palette.verdict(finding.verdict), line(finding))?;
    match &finding.remedy {
        Some(remedy) => writeln!(out, "         -> {remedy}"),
        None => Ok(()),
    }
}

/// Mistakes in a file have a place that the words do not name.
fn line(finding: &Finding) -> String {
    match &finding.about {
        Some(about) if finding.check == "show-file" => format!("{about}: {}", finding.what),
        _ => finding.what.clone(),
    }
}

/// The shape is described in `docs/doctor.md`, and stays.
pub(super) fn json(report: &Report) -> Value {
    json!({
        "schema": 1,
        "verdict": report.worst(),
        "warnings": report.count(Verdict::Warning),
        "faults": report.count(Verdict::Fault),
        "findings": report.0,
    })
}

/// `1 group`, `2 groups`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Report {
        Report(vec![
            Finding::fault("clock", "it is late", "wait").about("wall"),
            Finding::ok("disk", "room enough"),
            Finding::warning("power", "on battery", "plug it in"),
        ])
    }

    #[test]
    fn the_worst_stands_last_with_what_to_do() {
        let mut out = Vec::new();
        report(&sample(), Palette::Plain, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "ok       room enough\nWARNING  on battery\n         -> plug it in\n\
             FAULT    it is late\n         -> wait\n\nlight will be missing: 1 fault, 1 warning\n"
        );
    }

    #[test]
    fn the_json_has_every_finding_in_the_shape_of_the_guide() {
        let json = json(&sample());
        assert_eq!((&json["schema"], &json["verdict"]), (&Value::from(1), &Value::from("fault")));
        assert_eq!(
            json["findings"][0],
            serde_json::json!({
                "check": "clock", "about": "wall", "verdict": "fault",
                "what": "it is late", "remedy": "wait",
            })
        );
        assert_eq!(json["findings"][1]["remedy"], Value::Null);
    }
}
