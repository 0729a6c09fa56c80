//! The show file, as `wristcast check` judges it.

use std::path::Path;

use wristcast_core::config::{Diagnostic, Severity};

use super::finding::Finding;
use super::print::counted;
use crate::show_file::ShowFile;

pub(super) fn judge(file: &ShowFile) -> Vec<Finding> {
    let mut found: Vec<Finding> = file.diagnostics.iter().map(finding).collect();
    if let Some(config) = &file.config {
        let (groups, radios) = (config.groups.len(), config.radios.len());
        if radios == 0 {
            let words = format!("the show {} has no radio: nothing will be lit", config.name);
            found.push(Finding::warning("show-file", words, "add a [[radio]] to the show file"));
        } else if found.is_empty() {
            let (groups, radios) = (counted(groups, "group"), counted(radios, "radio"));
            let words = format!("the show {} can run: {groups}, {radios}", config.name);
            found.push(Finding::ok("show-file", words));
        }
    }
    found
}

/// There is no such file, or it may not be read.
pub(super) fn unreadable(path: &Path) -> Finding {
    let words = format!("the show file {} cannot be read", path.display());
    Finding::fault("show-file", words, "is the name right, and may this user read it?")
}

fn finding(diagnostic: &Diagnostic) -> Finding {
    let Diagnostic { message, file, line, column, .. } = diagnostic;
    let place = if *line == 0 { file.clone() } else { format!("{file}:{line}:{column}") };
    let remedy = diagnostic.help.clone();
    let remedy =
        remedy.unwrap_or_else(|| "correct it; `wristcast check` shows the place".to_owned());
    match diagnostic.severity {
        Severity::Error => Finding::fault("show-file", message, remedy),
        Severity::Warning => Finding::warning("show-file", message, remedy),
    }
    .about(place)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    const SHOW: &str = "name = \"S\"\n[[group]]\nname = \"a\"\nuniverse = \"sacn/1\"\naddress = 1\n\
                        personality = \"rgb\"\n";

    fn judged(text: &str) -> Vec<Finding> {
        judge(&ShowFile::parse(Path::new("show.toml"), text))
    }

    #[test]
    fn a_show_that_can_run_is_in_order_and_one_without_a_radio_is_dark() {
        let good = format!("{SHOW}[[radio]]\nkind = \"simulated\"\n");
        assert_eq!(judged(&good)[0].verdict, Verdict::Ok, "{:?}", judged(&good));
        let dark = judged(SHOW);
        assert!(dark.iter().any(|one| one.what.contains("no radio")), "{dark:?}");
    }

    #[test]
    fn a_mistake_is_a_fault_with_its_place() {
        let found = judged(&SHOW.replace("\"rgb\"", "\"rbg\""));
        assert_eq!(found[0].verdict, Verdict::Fault);
        assert_eq!(found[0].about.as_deref(), Some("show.toml:6:15"));
    }
}
