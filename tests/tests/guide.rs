//! The guide hangs together: every link leads somewhere, and every page can be found from the first.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).expect("docs");
    let mut pages: Vec<PathBuf> = docs.map(|entry| entry.expect("an entry").path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.push(root().join("README.md"));
    pages
}

/// Links to files of this repository: the file as it is written, and the heading in it.
fn links(text: &str) -> Vec<(String, Option<String>)> {
    let mut links = Vec::new();
    for part in text.split("](").skip(1) {
        let Some((target, _)) = part.split_once(')') else { continue };
        if target.contains(':') || target.contains(' ') {
            continue;
        }
        let (file, anchor) = target.split_once('#').map_or((target, None), |(f, a)| (f, Some(a)));
        links.push((file.to_owned(), anchor.map(str::to_owned)));
    }
    links
}

/// A heading as links name it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

fn has_heading(page: &Path, wanted: &str) -> bool {
    let text = fs::read_to_string(page).expect("a page");
    text.lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| anchor(line.trim_start_matches('#')) == wanted)
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for (file, heading) in links(&text) {
            let target = if file.is_empty() { page.clone() } else { page.with_file_name(&file) };
            let there = target.exists()
                && heading.as_ref().is_none_or(|heading| has_heading(&target, heading));
            if !there {
                broken.push(format!("{}: {file}#{}", page.display(), heading.unwrap_or_default()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_is_found_from_the_guide_or_the_readme() {
    let mut seen = BTreeSet::new();
    let mut left = vec![root().join("README.md"), root().join("docs/guide.md")];
    while let Some(page) = left.pop() {
        let Ok(text) = fs::read_to_string(&page) else { continue };
        for (file, _) in links(&text) {
            let target = page.with_file_name(&file);
            let name = target.file_name().map(|name| name.to_string_lossy().into_owned());
            if file.ends_with(".md") && seen.insert(name) {
                left.push(target);
            }
        }
    }
    for page in pages() {
        let name = page.file_name().map(|name| name.to_string_lossy().into_owned());
        let first = name.as_deref().is_some_and(|name| ["README.md", "guide.md"].contains(&name));
        assert!(first || seen.contains(&name), "nothing leads to {}", page.display());
    }
}
