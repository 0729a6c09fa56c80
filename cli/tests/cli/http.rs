//! The API: every documented route answers as documented, and no client can do harm.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use crate::run::{Relay, show};
use crate::wristcast::{PATIENCE, file, free_udp_port, wristcast};

/// The same for people.
const GUIDE: &str = include_str!("../../../docs/api.md");

/// Sends a request as it is, and reads until the relay closes the connection.
pub(crate) fn raw(relay: &Relay, request: &str) -> String {
    let mut stream = connect(relay);
    // The relay may close before it has read everything: that is an answer, too.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn connect(relay: &Relay) -> TcpStream {
    let stream = TcpStream::connect(&relay.api).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub(crate) fn get(relay: &Relay, path: &str) -> (u16, Value) {
    let answer =
        raw(relay, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    (status.expect("a status"), body)
}

#[test]
fn every_documented_route_answers_as_its_schema_says() {
    let relay = Relay::start("http-schema", &[]);
    let _console = relay.console(&["rainbow", "sacn/1", "artnet/1"]);
    let (code, document) = get(&relay, "/api/v1/openapi.json");
    assert_eq!(code, 200);
    assert_eq!(document, wristcast(&["openapi"]).json(), "what is served is what is printed");
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in paths {
        let path = path
            .replace("{net}", "0")
            .replace("{sub_net}", "0")
            .replace("{port_address}", "1")
            .replace("{universe}", "1");
        assert!(GUIDE.contains(&format!("`{path}")), "docs/api.md has no {path}");
        let answer = &methods["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if answer.is_null() || path == "/api/v1/control/token" || path == "/api/v1/live" {
            // Orders and text: `control.rs` and `metrics.rs`.
            continue;
        }
        let (code, body) = get(&relay, &path);
        assert_eq!(code, 200, "{path}: {body:#}");
        Check { document: &document }.against(answer, &body, &path);
    }
    let documented: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    let (_, body) = get(&relay, "/nothing");
    let valid = body["valid"].as_array().unwrap().iter().map(|path| path.as_str().unwrap());
    assert_eq!(valid.collect::<BTreeSet<_>>(), documented, "what a lost client is told");
    let (code, body) = get(&relay, "/api/v1/universes/sacn/2");
    assert_eq!(code, 404);
    let error = document["components"]["schemas"]["Error"].clone();
    Check { document: &document }.against(&error, &body, "error");
}

/// As much of JSON Schema as our documents use; what it does not know, it refuses.
struct Check<'a> {
    document: &'a Value,
}

impl Check<'_> {
    fn against(&self, schema: &Value, value: &Value, place: &str) {
        let Some(rules) = schema.as_object() else {
            assert_eq!(schema, &Value::Bool(true), "{place}");
            return;
        };
        for (rule, wanted) in rules {
            match rule.as_str() {
                "description" | "format" | "examples" | "title" => {}
                "$ref" => {
                    let pointer = wanted.as_str().unwrap().trim_start_matches('#');
                    let target = self.document.pointer(pointer).expect("the reference's target");
                    self.against(target, value, place);
                }
                "type" => self.has_type(wanted, value, place),
                "properties" => {
                    let allowed: BTreeSet<_> = wanted.as_object().unwrap().keys().collect();
                    let found: BTreeSet<_> = value.as_object().unwrap().keys().collect();
                    assert!(found.is_subset(&allowed), "{place}: undocumented: {found:?}");
                    for (name, schema) in wanted.as_object().unwrap() {
                        if let Some(field) = value.get(name) {
                            self.against(schema, field, &format!("{place}.{name}"));
                        }
                    }
                }
                "required" => {
                    for name in wanted.as_array().unwrap() {
                        assert!(value.get(name.as_str().unwrap()).is_some(), "{place}: no {name}");
                    }
                }
                "additionalProperties" => {
                    for field in value.as_object().unwrap().values() {
                        self.against(wanted, field, place);
                    }
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.against(wanted, item, &format!("{place}[{index}]"));
                    }
                }
                "minItems" | "maxItems" => {
                    let (count, bound) = (value.as_array().map(Vec::len), wanted.as_u64());
                    let bound = bound.map(|bound| bound as usize);
                    let right = if rule == "minItems" { count >= bound } else { count <= bound };
                    assert!(value.is_null() || right, "{place}: {value}");
                }
                "minimum" => {
                    let least = wanted.as_f64().unwrap();
                    assert!(value.as_f64().is_none_or(|v| v >= least), "{place}: {value}");
                }
                "maximum" => {
                    let greatest = wanted.as_f64().unwrap();
                    assert!(value.as_f64().is_none_or(|v| v <= greatest), "{place}: {value}");
                }
                "enum" => assert!(wanted.as_array().unwrap().contains(value), "{place}: {value}"),
                "const" => assert_eq!(wanted, value, "{place}"),
                // Something or `null`.
                "anyOf" => {
                    let null = |schema: &&Value| schema["type"] == "null";
                    let schemas = wanted.as_array().unwrap();
                    assert!(schemas.iter().any(|schema| null(&schema)), "{place}: {wanted}");
                    let other = schemas.iter().find(|schema| !null(schema)).unwrap();
                    if !value.is_null() {
                        self.against(other, value, place);
                    }
                }
                "oneOf" => {
                    let fits = |schema: &&Value| schema["const"] == *value;
                    let count = wanted.as_array().unwrap().iter().filter(fits).count();
                    assert_eq!(count, 1, "{place}: {value} is not one of {wanted}");
                }
                "pattern" => {
                    // Only universes have one, and they have a parser.
                    let text = value.as_str().unwrap();
                    text.parse::<wristcast_core::universe::Universe>().expect(place);
                }
                other => panic!("{place}: the test does not know `{other}`"),
            }
        }
    }

    fn has_type(&self, wanted: &Value, value: &Value, place: &str) {
        let is = |name: &Value| match name.as_str().unwrap() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{place}: no type `{other}`"),
        };
        let right = wanted.as_array().map_or_else(|| is(wanted), |any| any.iter().any(is));
        assert!(right, "{place}: {value} is not {wanted}");
    }
}

#[test]
fn what_is_not_there_is_404_and_names_what_is() {
    let relay = Relay::start("http-404", &[]);
    let (code, body) = get(&relay, "/api/v1/universes/sacn/2");
    assert_eq!(code, 404);
    assert!(body["error"].as_str().unwrap().contains("sacn/2 is not patched"), "{body}");
    assert_eq!(body["valid"], serde_json::json!(["sacn/1", "artnet/0/0/1"]));

    for path in ["/api/v1/universes/sacn/0", "/api/v1/universes/artnet/0/16/0"] {
        let (code, body) = get(&relay, path);
        assert_eq!(code, 404, "{path}");
        assert!(body["error"].as_str().unwrap().contains("is not a universe"), "{body}");
    }
    for path in ["/nothing", "/api/v1", "/api/v1/grups", "/api/v1/universes/dmx/1"] {
        let (code, body) = get(&relay, path);
        assert_eq!(code, 404, "{path}");
        let valid = body["valid"].as_array().unwrap();
        assert!(valid.contains(&"/api/v1/groups".into()), "{path}: {body}");
    }
    assert_eq!(get(&relay, "/api/v1/events?after=soon").0, 400);
    assert_eq!(get(&relay, "/api/v1/events?after=9999999").1, serde_json::json!([]));
}

#[test]
fn what_is_for_reading_cannot_be_written_and_no_other_site_may_read() {
    let relay = Relay::start("http-post", &[]);
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
        let answer = raw(
            &relay,
            &format!(
                "{method} /api/v1/groups HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\
                 Content-Length: 2\r\nConnection: close\r\n\r\n{{}}"
            ),
        );
        assert!(answer.starts_with("HTTP/1.1 405"), "{method}: {answer}");
        assert!(answer.contains("allow: GET, HEAD"), "{method}: {answer}");
        assert!(!answer.to_lowercase().contains("access-control"), "{method}: {answer}");
    }
}

#[test]
fn oversized_requests_are_refused() {
    let relay = Relay::start("http-big", &[]);
    let long = "x".repeat(100_000);
    let many: String = (0..1000).map(|n| format!("X-{n}: 1\r\n")).collect();
    for request in [
        format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{many}\r\n"),
        "\0\x01\x02\r\n\r\n".to_owned(),
    ] {
        let answer = raw(&relay, &request);
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{}", &answer[..answer.len().min(200)]);
    }
    assert_eq!(get(&relay, "/api/v1/status").0, 200, "others are still served");
}

#[test]
fn clients_that_say_nothing_are_sent_away_and_the_next_ones_served() {
    let relay = Relay::start("http-idle", &[]);
    // More than are served at a time; the last one waits until the first are sent away.
    let idle: Vec<TcpStream> = (0..80).map(|_| connect(&relay)).collect();
    assert_eq!(get(&relay, "/api/v1/status").0, 200);
    let mut first = &idle[0];
    assert_eq!(first.read(&mut [0; 1]).unwrap_or(0), 0, "closed without a word");
}

#[test]
fn a_taken_port_is_code_3_and_says_who_to_look_for() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let show = show(free_udp_port(), free_udp_port()).replace(":0\"", &format!(":{port}\""));
    let ended = wristcast(&["run", &file("http-taken.toml", &show)]);
    assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{ended:?}");
    assert!(ended.stderr.contains(&format!("port {port}/tcp is in use")), "{ended:?}");
}

#[test]
fn an_address_that_is_not_ours_is_code_3() {
    let show = show(free_udp_port(), free_udp_port()).replace("127.0.0.1:0", "192.0.2.77:0");
    let ended = wristcast(&["run", &file("http-foreign.toml", &show)]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("no such address"), "{ended:?}");
}
