//! Orders over HTTP: who has a token steers the show, whoever has none changes nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::http::{connect, get, raw};
use crate::run::Relay;
use crate::wristcast::{eventually, file};

pub(crate) const TOKEN: &str = "0123456789abcdef0123";

/// A relay that takes orders.
fn relay(name: &str) -> Relay {
    let tokens = file(&format!("{name}-tokens.txt"), &format!("foh {TOKEN}\n"));
    let key = format!("listen = \"127.0.0.1:0\"\ntoken_file = \"{tokens}\"");
    Relay::start_changed(name, &[], |show| show.replace("listen = \"127.0.0.1:0\"", &key))
}

/// Sends an order with these headers; gives the code and the whole answer.
fn post(relay: &Relay, path: &str, headers: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let answer = raw(
        relay,
        &format!(
            "POST /api/v1/control/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{headers}\r\n{body}",
            relay.api
        ),
    );
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    (code.unwrap_or_else(|| panic!("no answer: {answer:?}")), answer)
}

/// An order as the operator gives it.
pub(crate) fn order(relay: &Relay, path: &str, body: &Value) -> (u16, String) {
    post(relay, path, &headers(), &body.to_string())
}

fn headers() -> String {
    format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n")
}

fn red(relay: &Relay, group: &str) -> u64 {
    let look = &relay.named("groups", group)["look"];
    look["red"].as_u64().unwrap() * look["dimmer"].as_u64().unwrap() / 255
}

#[test]
fn an_operator_steers_the_show_and_the_events_say_who_it_was() {
    let relay = relay("control-orders");
    let _console = relay.console(&["solid", "sacn/1", "--colour", "#ff0000"]);
    eventually("red", || (red(&relay, "left") == 255).then_some(()));

    assert_eq!(order(&relay, "master", &json!({ "level": 51 })).0, 204);
    assert_eq!(red(&relay, "left"), 51);
    assert_eq!(order(&relay, "master", &json!({ "level": 128, "groups": ["left"] })).0, 204);
    assert_eq!(red(&relay, "left"), 26);
    let blue = json!({ "groups": ["left"], "look": { "blue": 255 }, "seconds": 600 });
    assert_eq!(order(&relay, "override", &blue).0, 204);
    let state = relay.get("control");
    assert_eq!(state["grand_master"], 51);
    assert_eq!(state["groups"][0]["name"], "left");
    assert_eq!(state["groups"][0]["master"], 128);
    assert_eq!(state["groups"][0]["overridden_by"], "look");
    assert_eq!(red(&relay, "left"), 0);
    assert_eq!(order(&relay, "release", &json!({})).0, 204);
    assert_eq!(red(&relay, "left"), 26);
    assert_eq!(order(&relay, "freeze", &json!({ "on": true })).0, 204);
    assert_eq!(relay.get("status")["frozen"], true);
    assert_eq!(order(&relay, "panic", &json!({ "on": true })).0, 204);
    assert_eq!((red(&relay, "left"), &relay.get("status")["panic"]), (0, &json!(true)));
    assert_eq!(order(&relay, "panic", &json!({ "on": false })).0, 204);
    assert_eq!(red(&relay, "left"), 26);

    let events = relay.get("events");
    let by_hand: Vec<&Value> =
        events.as_array().unwrap().iter().filter(|event| !event["by"].is_null()).collect();
    assert!(by_hand.iter().all(|event| event["by"] == "foh (http, 127.0.0.1)"), "{by_hand:#?}");
    assert!(
        by_hand.iter().any(|event| event["text"].as_str().unwrap().starts_with("PANIC")),
        "{by_hand:#?}"
    );
}

#[test]
fn without_the_token_nothing_changes() {
    let relay = relay("control-token");
    let json = "Content-Type: application/json\r\n";
    let panic = r#"{"on":true}"#;
    for (headers, code) in [
        (String::new(), 401),
        (json.to_owned(), 401),
        (format!("{json}Authorization: Bearer \r\n"), 401),
        (format!("{json}Authorization: Bearer {TOKEN}x\r\n"), 401),
        (format!("{json}Authorization: Bearer {}\r\n", &TOKEN[1..]), 401),
        (format!("{json}Authorization: Basic {TOKEN}\r\n"), 401),
        (format!("{json}Cookie: token={TOKEN}\r\n"), 401),
        (format!("{json}Authorization: Bearer {}\r\n", "x".repeat(9_000)), 401),
        (format!("{json}Authorization: Bearer \u{fffd}\r\n"), 401),
    ] {
        let (got, answer) = post(&relay, "panic", &headers, panic);
        assert_eq!(got, code, "{headers}: {answer}");
        assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
    }
    assert_eq!(post(&relay, &format!("panic?token={TOKEN}"), json, panic).0, 401);
    assert_eq!(relay.get("status")["panic"], false);
    let request = |authorization: &str| {
        raw(
            &relay,
            &format!(
                "GET /api/v1/control/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 {authorization}\r\n"
            ),
        )
    };
    assert!(request("").starts_with("HTTP/1.1 401"));
    let good = request(&format!("Authorization: Bearer {TOKEN}\r\n"));
    assert!(good.starts_with("HTTP/1.1 200") && good.ends_with(r#"{"name":"foh"}"#), "{good}");
}

#[test]
fn a_page_of_another_site_gives_no_orders_even_with_the_token() {
    let relay = relay("control-csrf");
    let panic = r#"{"on":true}"#;
    for more in [
        "Origin: http://evil.example\r\n".to_owned(),
        "Origin: null\r\n".to_owned(),
        format!("Origin: http://{}.evil.example\r\n", relay.api),
        "Sec-Fetch-Site: cross-site\r\n".to_owned(),
        "Sec-Fetch-Site: same-site\r\n".to_owned(),
    ] {
        let (code, answer) = post(&relay, "panic", &(headers() + &more), panic);
        assert_eq!(code, 403, "{more}: {answer}");
        assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
    }
    // What a form of another page can send without asking.
    for content in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let headers = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: {content}\r\n");
        assert_eq!(post(&relay, "panic", &headers, panic).0, 415);
    }
    assert_eq!(relay.get("status")["panic"], false);
    let own =
        format!("{}Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", headers(), relay.api);
    assert_eq!(post(&relay, "panic", &own, panic).0, 204);
    assert_eq!(relay.get("status")["panic"], true);
}

#[test]
fn orders_that_make_no_sense_are_refused_in_words() {
    let relay = relay("control-nonsense");
    for (path, body, code, words) in [
        ("panic", "{", 400, "not an order"),
        ("panic", "{}", 400, "missing field `on`"),
        ("panic", r#"{"on":"yes"}"#, 400, "expected a boolean"),
        ("panic", r#"{"on":true,"now":true}"#, 400, "unknown field `now`"),
        ("master", r#"{"level":256}"#, 400, "256"),
        ("master", r#"{"level":-1}"#, 400, "-1"),
        ("master", r#"{"level":9,"groups":[]}"#, 400, "`groups` is empty"),
        ("master", r#"{"level":9,"groups":["lfet"]}"#, 404, "no group `lfet`"),
        ("override", r#"{"look":{"red":9}}"#, 400, "missing field `seconds`"),
        ("override", r#"{"seconds":9}"#, 400, "either `look` or `pattern`"),
        ("override", r#"{"pattern":"identify","seconds":1e9}"#, 400, "expected 0.1 to 3600"),
        ("override", r#"{"pattern":"disco","seconds":9}"#, 400, "unknown variant `disco`"),
    ] {
        let (got, answer) = post(&relay, path, &headers(), body);
        assert_eq!(got, code, "{path} {body}: {answer}");
        assert!(answer.contains(words), "{path} {body}: {answer}");
    }
    let control = relay.get("control");
    assert_eq!((&control["panic"], &control["grand_master"]), (&json!(false), &json!(255)));
    assert_eq!(control["groups"], json!([]));
    let answer = raw(
        &relay,
        "GET /api/v1/control/panic HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 405") && answer.contains("allow: POST"), "{answer}");
}

#[test]
fn a_show_file_without_a_token_file_takes_no_orders() {
    let relay = Relay::start("control-off", &[]);
    let (code, answer) = order(&relay, "panic", &json!({ "on": true }));
    assert_eq!(code, 403, "{answer}");
    assert!(answer.contains("control is off"), "{answer}");
    assert_eq!(relay.get("status")["panic"], false);
}

#[test]
fn a_token_file_that_is_not_there_is_written_for_its_user_alone() {
    let relay = Relay::start_changed("control-first", &[], |show| {
        show.replace("[http]", "[http]\ntoken_file = \"control-first-tokens.txt\"")
    });
    let path = std::path::Path::new(&file("control-first-beside.txt", ""))
        .with_file_name("control-first-tokens.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    let token = text.lines().last().unwrap().split_once(' ').unwrap().1.to_owned();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    assert_eq!(post(&relay, "panic", &headers, r#"{"on":true}"#).0, 204);
    let _ = std::fs::remove_file(path);
}

#[test]
fn hostile_clients_do_not_keep_an_operator_from_panic() {
    let relay = relay("control-hostile");
    let _console = relay.console(&["solid", "sacn/1", "--colour", "#ff0000"]);
    eventually("red", || (red(&relay, "left") == 255).then_some(()));
    // Huge bodies without a token are answered before they are read.
    let huge = String::from(
        "POST /api/v1/control/panic HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\
         Content-Type: application/json\r\nConnection: close\r\n\r\n{",
    );
    assert!(raw(&relay, &huge).starts_with("HTTP/1.1 401"));
    // With one, no further than the limit.
    let long = format!(r#"{{"on":true,"x":"{}"}}"#, "x".repeat(300_000));
    let mut stream = connect(&relay);
    let _ = stream.write_all(
        format!(
            "POST /api/v1/control/panic HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {}\r\n{}\r\n",
            long.len(),
            headers()
        )
        .as_bytes(),
    );
    let _ = stream.write_all(long.as_bytes());
    let mut answer = [0; 12];
    // The relay may hang up while we still write: that is an answer, too.
    let told = stream.read_exact(&mut answer);
    assert!(told.is_err() || &answer == b"HTTP/1.1 413", "{:?}", String::from_utf8_lossy(&answer));
    // Orders that never end, questions whose answers nobody reads, and noise.
    let mut clients: Vec<TcpStream> = Vec::new();
    for n in 0..40 {
        let mut stream = connect(&relay);
        let _ = match n % 4 {
            0 => stream.write_all(
                format!("POST /api/v1/control/panic HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n{}\r\n{{",
                    headers()).as_bytes(),
            ),
            1 => stream.write_all("GET /api/v1/universes HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(50).as_bytes()),
            2 => stream.write_all(&[0xff; 4096]),
            _ => stream.write_all(b"GET /api/v1/st"),
        };
        clients.push(stream);
    }
    assert_eq!(order(&relay, "panic", &json!({ "on": true })).0, 204);
    assert_eq!(red(&relay, "left"), 0);
    let status = get(&relay, "/api/v1/status").1;
    assert_eq!(status["packets"]["kernel_dropped"], 0, "{status:#}");
    let ignored = status["packets"]["ignored"].as_object().unwrap();
    assert!(ignored.is_empty(), "the show did not notice: {ignored:?}");
    drop(clients);
}
