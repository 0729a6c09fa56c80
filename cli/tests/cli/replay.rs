//! `wristcast replay` through the engine: what is written, and what is said of bad files.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::wristcast::{file, path, wristcast};

const SHOW: &str = r#"
name = "Replayed"
[[group]]
name = "all"
universe = "sacn/1"
address = 1
personality = "rgb"
loss = "black"
[[radio]]
kind = "simulated"
"#;

/// Ten frames of a tenth of a second as CSV.
fn recording() -> String {
    let rows = (0..10).map(|frame| format!("{},1,{},0,0\n", frame * 100, frame + 1));
    format!("t_ms,universe,ch1,ch2,ch3\n{}", rows.collect::<String>())
}

fn show_files(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../show-files").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Group, time in ns and colour of every line.
fn looks(trace: &str) -> Vec<(String, u64, [u64; 3])> {
    let lines = trace.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let number = |line: &Value, key: &str| line[key].as_u64().unwrap();
    lines
        .map(|line| {
            let colour = ["red", "green", "blue"].map(|key| number(&line, key));
            (line["group"].as_str().unwrap().to_owned(), number(&line, "t_ns"), colour)
        })
        .collect()
}

#[test]
fn a_recording_becomes_a_trace_and_a_summary() {
    let show = file("replay-offline.toml", SHOW);
    let recording = file("replay-offline.csv", &recording());
    let trace = path("replay-offline.jsonl");
    let ended = wristcast(&["replay", &recording, "--show", &show, "--trace", text(&trace)]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    for part in ["replayed 0.900 s", "times real time", "10 records", "11 looks published"] {
        assert!(ended.stdout.contains(part), "no `{part}` in {}", ended.stdout);
    }
    let trace = std::fs::read_to_string(trace).unwrap();
    let reds: Vec<_> = looks(&trace).iter().map(|(_, at, rgb)| (at / 1_000_000, rgb[0])).collect();
    let mut expected: Vec<_> = (0..10).map(|frame| (frame * 100, frame + 1)).collect();
    expected.push((3400, 0));
    assert_eq!(reds, expected);

    let to_stdout = wristcast(&["replay", &recording, "--show", &show, "--trace", "-"]);
    assert_eq!(to_stdout.stdout, trace);
    assert!(to_stdout.stderr.contains("11 looks published"), "{to_stdout:?}");
}

#[test]
fn a_part_begins_with_what_was_held_there() {
    let show = file("replay-part.toml", SHOW);
    let recording = file("replay-part.csv", &recording());
    let part = ["--from", "450ms", "--to", "650ms"];
    let ended =
        wristcast(&[&["replay", &recording, "--show", &show, "--trace", "-"], &part[..]].concat());
    let reds: Vec<_> =
        looks(&ended.stdout).iter().map(|(_, at, rgb)| (at / 1_000_000, rgb[0])).collect();
    assert_eq!(reds, [(0, 5), (50, 6), (150, 7), (2650, 0)], "{ended:?}");
}

/// A capture's expectations: time, universe number, and the first three slots.
fn expected(name: &str) -> Vec<(f64, u64, [u64; 3])> {
    let json = std::fs::read_to_string(show_files(&format!("captures/{name}.expected.json")));
    let json: Value = serde_json::from_str(&json.unwrap()).unwrap();
    let entries = json["expected"].as_array().unwrap().iter().map(|entry| {
        let number = entry.get("universe").or(entry.get("universe_port_address"));
        let slots = [&entry["slots_if_sync_honoured"], &entry["slots"]];
        let slots = slots.iter().find_map(|slots| slots.as_array()).unwrap();
        let rgb = std::array::from_fn(|slot| slots[slot].as_u64().unwrap());
        (entry["t"].as_f64().unwrap(), number.unwrap().as_u64().unwrap(), rgb)
    });
    entries.collect()
}

/// What the groups `PROTOCOL/NUMBER`, each on the first three slots, show of a capture.
fn looks_of(capture: &str, universes: &[String]) -> Vec<(String, u64, [u64; 3])> {
    let mut show = "name = \"captured\"\n[[radio]]\nkind = \"simulated\"\n".to_owned();
    for universe in universes {
        show += &format!(
            "[[group]]\nname = \"{universe}\"\nuniverse = \"{universe}\"\naddress = 1\n\
             personality = \"rgb\"\n"
        );
    }
    let show = file(&format!("replay-{capture}.toml"), &show);
    let capture = show_files(&format!("captures/{capture}"));
    let ended = wristcast(&["replay", text(&capture), "--show", &show, "--trace", "-"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    looks(&ended.stdout)
}

#[test]
fn captures_of_real_software_give_the_levels_that_were_sent() {
    for (name, protocols) in [
        ("ola_fade_sacn_artnet", &["sacn", "artnet"][..]),
        ("stupidartnet", &["artnet"][..]),
        ("npm_sacn", &["sacn"][..]),
        ("rustlight_sync", &["sacn"][..]),
    ] {
        let expected = expected(name);
        let mut numbers: Vec<u64> = expected.iter().map(|(_, number, _)| *number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let universes = protocols
            .iter()
            .flat_map(|protocol| numbers.iter().map(move |number| format!("{protocol}/{number}")));
        let capture = format!("{name}.pcap");
        let looks = looks_of(&capture, &universes.collect::<Vec<_>>());
        let began = first_packet(&show_files(&format!("captures/{capture}")));
        for (time, number, sent) in &expected {
            let at = time - began + 1e-6;
            for protocol in protocols {
                let group = format!("{protocol}/{number}");
                let mut before = looks.iter().rev().filter(|look| look.1 as f64 / 1e9 <= at);
                let shown = before.find(|look| look.0 == group).map_or([0; 3], |look| look.2);
                assert_eq!(shown, *sent, "{name}: {group} at {at} s");
            }
        }
    }
}

/// Seconds since the epoch of a capture's first packet.
fn first_packet(capture: &Path) -> f64 {
    let bytes = std::fs::read(capture).unwrap();
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    f64::from(number(24)) + f64::from(number(28)) / 1e6
}

#[test]
fn a_recording_of_ola_recorder_gives_the_levels_that_were_sent_in_their_order() {
    // It has waits of whole milliseconds and no time of day, so only the order is known.
    let universes = ["sacn/1", "sacn/2"].map(str::to_owned);
    let looks = looks_of("ola_recorded.show", &universes);
    for (number, universe) in (1..).zip(&universes) {
        let expected = expected("ola_recorded");
        let mut sent = expected.iter().filter(|sent| sent.1 == number && sent.2 != [0; 3]);
        let mut shown = looks.iter().filter(|look| look.0 == *universe).map(|look| look.2);
        let found = sent.clone().count();
        assert!(found > 0 && sent.all(|sent| shown.any(|shown| shown == sent.2)), "{universe}");
    }
}

#[test]
fn a_damaged_recording_is_code_1_and_gives_what_is_good() {
    let show = file("replay-damaged.toml", SHOW);
    let sound = recording();
    let damaged = file("replay-damaged.csv", &sound.replace("500,1,6", "500,1,six"));
    let ended = wristcast(&["replay", &damaged, "--show", &show, "--trace", "-"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    for part in [damaged.as_str(), "byte ", "line 7", "`500,1,six", "5 records before it"] {
        assert!(ended.stderr.contains(part), "no `{part}` in {}", ended.stderr);
    }
    assert_eq!(ended.stdout.lines().count(), 5);

    let cut = file("replay-cut.csv", sound.trim_end());
    let ended = wristcast(&["replay", &cut, "--show", &show, "--trace", "-"]);
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("warning: ") && ended.stderr.contains("no end"), "{ended:?}");
}

#[test]
fn what_is_no_recording_is_code_1_and_says_what_would_be() {
    let show = file("replay-none.toml", SHOW);
    for (recording, hint) in [(show.as_str(), "pcapng"), ("nowhere.pcapng", "No such file")] {
        let ended = wristcast(&["replay", recording, "--show", &show, "--trace", "-"]);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stderr.contains(recording) && ended.stderr.contains(hint), "{ended:?}");
    }
}

#[test]
fn a_trace_that_cannot_be_written_is_code_3() {
    let show = file("replay-full.toml", SHOW);
    let recording = file("replay-full.csv", &recording());
    let full = if cfg!(target_os = "linux") { "/dev/full" } else { "/nowhere/else.jsonl" };
    for trace in ["/nowhere/at/all.jsonl", full] {
        let ended = wristcast(&["replay", &recording, "--show", &show, "--trace", trace]);
        assert_eq!(ended.code, 3, "{trace}: {ended:?}");
    }
}

#[test]
fn bless_writes_the_expected_trace_and_says_what_changed() {
    let folder = path("replay-bless");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("show.toml"), SHOW).unwrap();
    let bless = || wristcast(&["replay", "--bless", text(&folder)]);

    let ended = bless();
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("input.pcapng"), "{ended:?}");

    std::fs::write(folder.join("input.csv"), recording()).unwrap();
    assert!(bless().stdout.ends_with(": new, 11 looks\n"));
    let trace = std::fs::read_to_string(folder.join("expected.trace")).unwrap();
    assert_eq!(trace.lines().count(), 11);
    assert!(bless().stdout.ends_with(": unchanged, 11 looks\n"));

    std::fs::write(folder.join("show.toml"), SHOW.replace("\"black\"", "\"hold\"")).unwrap();
    let ended = bless();
    for part in ["changed, 10 looks: 1 lines removed, 0 added", "line 11", "\n+ the end"] {
        assert!(ended.stdout.contains(part), "no `{part}` in {}", ended.stdout);
    }
    assert!(bless().stdout.contains("unchanged"));
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, 3, "nothing else is left behind");
}
