//! The live stream of the status page: what a watcher is told, and that watchers cannot be a burden.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::http::{connect, raw};
use crate::run::Relay;
use crate::wristcast::eventually;

/// A watcher.
struct Watcher {
    lines: BufReader<TcpStream>,
}

impl Watcher {
    fn of(relay: &Relay, query: &str) -> Self {
        let mut stream = connect(relay);
        write!(stream, "GET /api/v1/live{query} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        let mut head = String::new();
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
            head += &line;
        }
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        Self { lines }
    }

    /// The next message: its event and its data.
    fn next(&mut self) -> (String, Value) {
        let mut event = String::new();
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the stream has ended");
            if let Some(name) = line.strip_prefix("event: ") {
                event = name.trim_end().to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (event, serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The next change that has this key.
    fn change(&mut self, key: &str) -> Value {
        loop {
            let (event, data) = self.next();
            if event == "change" && data.get(key).is_some() {
                return data[key].clone();
            }
        }
    }
}

#[test]
fn a_watcher_is_told_the_scene_and_then_what_changes() {
    let relay = Relay::start("live", &[]);
    let mut watcher = Watcher::of(&relay, "?universe=sacn/1");
    let (event, scene) = watcher.next();
    assert_eq!(event, "scene");
    assert_eq!(scene["groups"][1]["name"], "right");
    assert_eq!(scene["universes"], serde_json::json!(["sacn/1", "artnet/0/0/1"]));
    let status = watcher.change("status");
    assert_eq!((&status["groups"], &status["panic"]), (&2.into(), &false.into()));

    let _console = relay.console(&["solid", "sacn/1", "--colour", "#ff0000"]);
    let groups = loop {
        let (_, data) = watcher.next();
        if let Some(groups) = data.get("groups").or(data.get("all_groups")) {
            break groups.clone();
        }
    };
    assert!(groups.as_str().is_some_and(|packed| !packed.is_empty()));
    let universe = loop {
        let universe = watcher.change("universe");
        if universe["sources"].as_array().is_some_and(|sources| !sources.is_empty()) {
            break universe;
        }
    };
    assert_eq!(universe["universe"], "sacn/1");
    let lines = watcher.change("universes");
    assert!(lines.as_array().is_some_and(|lines| !lines.is_empty()), "{lines}");
    // Latencies are told from the second second on.
    assert!(watcher.change("latencies").is_array());
}

#[test]
fn a_stream_of_no_universe_is_refused_in_words() {
    let relay = Relay::start("live-wrong", &[]);
    for query in ["?universe=", "?universe=dmx/1", "?levels=1"] {
        let answer = raw(
            &relay,
            &format!(
                "GET /api/v1/live{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            ),
        );
        assert!(answer.starts_with("HTTP/1.1 400"), "{query}: {answer}");
    }
}

#[test]
fn who_watches_and_does_not_read_holds_up_nobody() {
    let relay = Relay::start("live-slow", &[]);
    let _console = relay.console(&["rainbow", "sacn/1", "artnet/1"]);
    // As many as may watch; none of them reads.
    let mut deaf: Vec<TcpStream> = Vec::new();
    for _ in 0..60 {
        let mut stream = connect(&relay);
        write!(stream, "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        deaf.push(stream);
    }
    let mut watcher = Watcher::of(&relay, "");
    for _ in 0..10 {
        watcher.next();
    }
    assert_eq!(relay.get("status")["packets"]["kernel_dropped"], 0);
    drop(deaf);
    // Places are given back when those who watched have gone.
    for _ in 0..60 {
        let mut stream = eventually("a place to watch from", || {
            let mut stream = connect(&relay);
            write!(stream, "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut head = [0; 12];
            (stream.read_exact(&mut head).is_ok() && &head == b"HTTP/1.1 200").then_some(stream)
        });
        stream.flush().unwrap();
    }
}

#[test]
fn the_page_is_served_whole_and_lets_nothing_in_from_elsewhere() {
    let relay = Relay::start("live-page", &[]);
    for (path, media) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/draw.js", "text/javascript"),
        ("/control.js", "text/javascript"),
    ] {
        let answer = raw(
            &relay,
            &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        );
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.contains(&format!("content-type: {media}")), "{path}");
        assert!(answer.contains("content-security-policy: default-src 'none'"), "{path}");
        assert!(answer.contains("x-frame-options: DENY"), "{path}");
    }
}
