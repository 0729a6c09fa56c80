//! `wristcast demo`, where nobody looks: lines instead of a picture.

use std::net::TcpListener;

use serde_json::Value;

use crate::wristcast::{Ended, Running, path, wristcast};

/// The words of a demo that went well.
fn assert_well(ended: &Ended) {
    assert_eq!(ended.code, 0, "{ended:?}");
    for words in [" 0 lost", "240 of 240 bands show", "result    nothing lost"] {
        assert!(ended.stdout.contains(words), "no `{words}` in\n{}", ended.stdout);
    }
}

#[test]
fn the_demo_loses_nothing_and_every_band_is_right() {
    let ended = wristcast(&["demo", "--for", "2s"]);
    assert_well(&ended);
    let sent = ended.stdout.split(" sent (sACN ").next().unwrap();
    let sent: u64 = sent.rsplit(' ').next().unwrap().parse().unwrap();
    // Two sACN and two Art-Net universes, 44 times a second; a busy machine skips some.
    assert!(sent > 100, "{}", ended.stdout);
    assert!(!ended.stdout.contains('\x1b'), "no terminal, no escape sequences");
    for line in ended.stdout.lines().rev().take(9) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_api_answers_while_the_demo_runs_and_sigterm_ends_it_with_its_report() {
    let mut demo = Running::start(&["demo"]);
    let first = demo.line();
    let url = first.trim_end().rsplit_once(' ').unwrap().1.replace("status", "bands");
    let bands: Value = ureq::get(url).call().unwrap().body_mut().read_json().unwrap();
    assert_eq!(bands.as_array().map(Vec::len), Some(240));
    demo.terminate();
    let ended = demo.end();
    assert_well(&ended);
}

#[test]
fn a_demo_finds_ports_of_its_own() {
    // Taken by us or by another test's demo: taken in any case.
    let _taken = TcpListener::bind("127.0.0.1:8420");
    let demos = [(); 2].map(|()| Running::start(&["demo", "--for", "1s"]));
    for demo in demos {
        assert_well(&demo.end());
    }
}

#[test]
fn the_trace_tells_of_every_group() {
    let trace = path("demo-trace.jsonl");
    let ended = wristcast(&["demo", "--for", "1s", "--trace", trace.to_str().unwrap()]);
    assert_well(&ended);
    let text = std::fs::read_to_string(trace).unwrap();
    let groups: std::collections::BTreeSet<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|look| look["group"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(groups.len(), 12, "{groups:?}");
}
