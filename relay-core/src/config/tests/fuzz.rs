//! Files that nobody would write.

use proptest::prelude::*;

use super::super::file::Show;
use super::*;
use crate::limits::{BANDS_MAX, GROUPS_MAX};
use crate::output::Output;
use crate::patch::Plan;
use crate::table::GroupTable;
use crate::time::Time;

/// Whatever comes in: an answer, and one that makes sense.
fn judge(text: &str) {
    let (config, found) = match Config::parse(text, "show.toml") {
        Ok((config, warnings)) => {
            assert!(warnings.iter().all(|d| d.severity == Severity::Warning));
            (Some(config), warnings)
        }
        Err(found) => {
            assert!(found.iter().any(|d| d.severity == Severity::Error));
            (None, found)
        }
    };
    for diagnostic in &found {
        assert!(!diagnostic.message.is_empty() && diagnostic.width > 0);
        assert!(diagnostic.line <= text.matches('\n').count() + 1);
        assert!(diagnostic.caret + diagnostic.width <= 121, "{diagnostic}");
        assert!(!diagnostic.to_string().chars().any(|c| c.is_control() && c != '\n'));
    }
    if let Some(config) = config {
        runs(&config);
        // Who writes what the reader takes is not told off by the editor.
        if let Err(error) = toml::from_str::<Show>(text) {
            panic!("the reader takes what the shape does not: {error}");
        }
    }
}

/// A config that was taken can be run.
fn runs(config: &Config) {
    assert!(config.groups.len() <= GROUPS_MAX);
    let bands = config.radios.iter().map(|radio| radio.kind.bands(config.groups.len()));
    assert!(bands.sum::<usize>() <= BANDS_MAX);
    let mut names: Vec<&str> = config.groups.iter().map(|group| group.name.as_str()).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "group names are unique");
    let mut plan = Plan::compile(config);
    let mut output = Output::new(config, &plan);
    let mut table = GroupTable::new(config.groups.len());
    for universe in 0..plan.universes().len() {
        output.apply(Time::ZERO, universe, &[200; SLOTS], &mut plan, &mut table);
        output.universe_lost(Time::ZERO, universe, &mut plan, &mut table);
    }
    output.handle_timeout(Time::from_millis(10_000_000), &mut table);
    output.end(Time::from_millis(10_000_000), config.end_look, &mut table);
}

/// Pieces of a show file, right and wrong.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        (0u32..600).prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:?}")),
        "[a-z/{}0-9]{0,12}".prop_map(|text| format!("\"{text}\"")),
        prop::sample::select(vec![
            "true",
            "[]",
            "{}",
            "\"hold\"",
            "\"black\"",
            "\"rgb\"",
            "\"sacn/1\"",
            "\"artnet/0/0/1\"",
            "\"sacn/63999\"",
            "[\"red\", \"unused\"]",
            "[1, -2.5]",
            "{ red = \"sacn/1/1\" }",
            "{ to = { red = 3 }, fade_ms = 4000 }",
            "1979-05-27",
            "[\"lo\"]",
            "[\"a\"]",
            "[{ id = \"x\", group = \"a\" }]",
            "\"gatt\"",
            "\"simulated\"",
            "\"a\"",
            "\"b-{}\"",
            "nan",
            "0xff",
            "[[[[]]]]",
        ])
        .prop_map(str::to_owned),
    ]
}

fn any_line() -> impl Strategy<Value = String> {
    let keys = prop::sample::select(vec![
        "name",
        "universe",
        "address",
        "personality",
        "count",
        "loss",
        "delay_ms",
        "position",
        "position_step",
        "slots",
        "spans_universes",
        "kind",
        "groups",
        "bands",
        "bands_per_group",
        "interfaces",
        "sacn_port",
        "end_look",
        "max_connections",
        "listen",
        "peer",
        "role",
        "qq",
        "loss.to",
    ]);
    let headers = prop::sample::select(vec![
        "[network]",
        "[http]",
        "[osc]",
        "[standby]",
        "[[group]]",
        "[[radio]]",
        "[network.artnet]",
        "[group]",
        "[[radio.bands]]",
        "[[network]]",
    ]);
    prop_oneof![
        4 => (keys, any_value()).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => headers.prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in any::<String>()) {
        judge(&text);
    }

    #[test]
    fn any_bytes_that_are_text_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        judge(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_lines_of_a_show_file_get_an_answer(lines in proptest::collection::vec(any_line(), 0..30)) {
        judge(&format!("name = \"T\"\n{}", lines.join("\n")));
    }

    #[test]
    fn a_show_file_with_lines_and_words_mixed_up_gets_an_answer(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u8..5), 1..6),
        line in any_line(),
    ) {
        let mut lines: Vec<String> = STADIUM
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect();
        for (a, b, kind) in edits {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            match kind {
                0 => lines.swap(a, b),
                1 => drop(lines.remove(a)),
                2 => lines.insert(a, lines[b].clone()),
                3 => lines.insert(a, line.clone()),
                _ => {
                    // The value of one line for the key of another.
                    if let (Some((key, _)), Some((_, value))) =
                        (lines[a].split_once('='), lines[b].split_once('='))
                    {
                        lines[a] = format!("{key}={value}");
                    }
                }
            }
        }
        judge(&lines.join("\n"));
    }

    #[test]
    fn a_show_file_with_broken_characters_gets_an_answer(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<char>()), 1..8),
    ) {
        let mut text: Vec<char> = STADIUM.chars().collect();
        for (at, character) in edits {
            let at = at.index(text.len());
            text[at] = character;
        }
        judge(&text.into_iter().collect::<String>());
    }
}
