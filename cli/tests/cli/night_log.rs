//! `run --night-log`: one story per night, for people and for programs.

use serde_json::Value;

use crate::control::{TOKEN, order};
use crate::run::Relay;
use crate::wristcast::{eventually, file};

#[test]
fn the_night_is_told_in_text_and_in_json_lines() {
    let name = file("night-log", "");
    for end in [".txt", ".jsonl"] {
        let _ = std::fs::remove_file(format!("{name}{end}"));
    }
    let tokens = file("night-log-tokens.txt", &format!("foh {TOKEN}\n"));
    let key = format!("[http]\ntoken_file = \"{tokens}\"");
    let relay = Relay::start_changed("night-log-show", &["--night-log", &name], |show| {
        show.replace("[http]", &key)
    });
    assert_eq!(order(&relay, "panic", &serde_json::json!({ "on": true })).0, 204);
    eventually("the panic is written", || {
        let text = std::fs::read_to_string(format!("{name}.txt")).ok()?;
        text.contains("PANIC").then_some(())
    });
    assert_eq!(order(&relay, "master", &serde_json::json!({ "level": 0 })).0, 204);
    relay.process.terminate();
    relay.process.end();
    let text = std::fs::read_to_string(format!("{name}.txt")).unwrap();
    let json = std::fs::read_to_string(format!("{name}.jsonl")).unwrap();
    let told: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(text.lines().count(), told.len(), "{text}\n{json}");
    for event in &told {
        assert!(text.contains(event["text"].as_str().unwrap()), "{event}");
        assert!(event["time"].as_str().unwrap().ends_with('Z') && event["uptime_ms"].is_u64());
    }
    let last = told.last().unwrap();
    assert_eq!(last["text"], "grand master at 0 %", "what moved last is not lost at the end");
    assert_eq!(last["by"], "foh (http, 127.0.0.1)");
}

#[test]
fn a_signal_that_comes_back_says_how_long_it_was_gone() {
    let name = file("night-loss", "");
    for end in [".txt", ".jsonl"] {
        let _ = std::fs::remove_file(format!("{name}{end}"));
    }
    let relay = Relay::start("night-loss-show", &["--night-log", &name]);
    let live = |state: &str| {
        eventually(state, || (relay.get("universes/sacn/1")["state"] == state).then_some(()));
    };
    let console = relay.console(&["solid", "sacn/1"]);
    live("live");
    // It says goodbye: nobody has to wait for a time-out.
    console.terminate();
    console.end();
    live("lost");
    let _back = relay.console(&["solid", "sacn/1"]);
    live("live");
    let told = |text: &str| {
        eventually(text, || {
            let json = std::fs::read_to_string(format!("{name}.jsonl")).ok()?;
            let mut events =
                json.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            events.find(|event| event["text"].as_str().is_some_and(|words| words.contains(text)))
        })
    };
    for (lost, back) in [
        ("sacn/1: no source left", "sacn/1: signal, after "),
        ("group `left`: signal lost", "group `left`: signal is back, after "),
    ] {
        let (lost, back) = (told(lost), told(back));
        let ms = |event: &Value, key: &str| event[key].as_u64().unwrap();
        let gone = ms(&back, "uptime_ms") - ms(&lost, "uptime_ms");
        assert!(ms(&back, "lasted_ms").abs_diff(gone) <= 1, "{lost} {back}");
        assert_eq!(lost["lasted_ms"], Value::Null);
    }
    let text = std::fs::read_to_string(format!("{name}.txt")).unwrap();
    assert!(text.contains("sacn/1: signal, after "), "{text}");
}
