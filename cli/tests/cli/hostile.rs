//! Hostile clients: whatever they do, the show goes on as it was, and its packets are counted to the
//! last one.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::control::{TOKEN, order};
use crate::http::raw;
use crate::run::Relay;
use crate::wristcast::{PATIENCE, Running, eventually, file};

/// The address that attackers come from; the operator comes from 127.0.0.1.
const ATTACKER: [u8; 4] = [127, 0, 0, 66];

/// A show with a console, and how it was before anybody attacked it.
struct Siege {
    relay: Relay,
    _console: Running,
    control: Value,
    accepted: u64,
}

impl Siege {
    fn begin(name: &str, change: impl FnOnce(String) -> String) -> Self {
        let tokens = file(&format!("{name}-tokens.txt"), &format!("foh {TOKEN}\n"));
        let key = format!("listen = \"127.0.0.1:0\"\ntoken_file = \"{tokens}\"");
        let relay = Relay::start_changed(name, &[], |show| {
            change(show.replace("listen = \"127.0.0.1:0\"", &key))
        });
        let console = relay.console(&["rainbow", "sacn/1", "--source-name", "FOH"]);
        eventually("levels", || (accepted(&relay) > 10).then_some(()));
        let (control, accepted) = (relay.get("control"), accepted(&relay));
        Self { relay, _console: console, control, accepted }
    }

    /// The show is as it was: its packets went on being counted, none was lost, and nobody's hand
    /// is on it. An operator is still obeyed.
    fn is_unharmed(&mut self) {
        let before = self.accepted;
        self.accepted = eventually("packets go on being counted", || {
            Some(accepted(&self.relay)).filter(|&now| now > before + 20)
        });
        let status = self.relay.get("status");
        assert_eq!(status["packets"]["kernel_dropped"], 0, "{status:#}");
        assert_eq!(status["packets"]["ignored"], serde_json::json!({}), "{status:#}");
        let universe = self.relay.get("universes/sacn/1");
        let source = &universe["sources"][0];
        assert_eq!((&source["missed"], &source["sequence_errors"]), (&0.into(), &0.into()));
        assert_eq!(source["name"], "FOH");
        assert_eq!(universe["sources"].as_array().map(Vec::len), Some(1), "{universe:#}");
        assert_eq!(self.relay.get("control"), self.control);
        let events = self.relay.get("events");
        let by_hand = events.as_array().unwrap().iter().find(|event| !event["by"].is_null());
        assert_eq!(by_hand, None, "somebody was obeyed");
    }

    /// An attacker's connection.
    fn attacker(&self) -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((ATTACKER, 0)).into())?;
        // What is not read piles up at the relay, not here.
        socket.set_recv_buffer_size(4096)?;
        let api: SocketAddr = self.relay.api.parse().unwrap();
        socket.connect(&api.into())?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket.into())
    }

    /// What an attacker's request is answered; empty: it was sent away.
    fn attack(&self, request: &[u8]) -> String {
        let mut stream = self.attacker().unwrap();
        // The relay may hang up before it has read everything: that is an answer, too.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn accepted(relay: &Relay) -> u64 {
    relay.get("status")["packets"]["accepted"].as_u64().unwrap()
}

/// Waits until the relay has closed it.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 65_536];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

#[test]
fn a_thousand_connections_at_once_cost_the_show_nothing() {
    let mut siege = Siege::begin("hostile-crowd", |show| show);
    let mut crowd: Vec<TcpStream> = Vec::new();
    // As many as this process may have open; that is a thousand almost everywhere.
    while crowd.len() < 1000 {
        match siege.attacker() {
            Ok(mut stream) => {
                let _ = stream.write_all(b"GET /api/v1/universes HTTP/1.1\r\nHost: localhost\r\n");
                crowd.push(stream);
            }
            Err(error) if crowd.len() > 400 => {
                assert!(matches!(error.raw_os_error(), Some(24 | 99)), "{error}");
                crowd.truncate(crowd.len() - 20);
                break;
            }
            Err(error) => panic!("only {} connections: {error}", crowd.len()),
        }
    }
    // The operator is another address: served while the crowd is at the door.
    siege.is_unharmed();
    assert_eq!(order(&siege.relay, "panic", &serde_json::json!({ "on": true })).0, 204);
    assert_eq!(siege.relay.get("status")["panic"], true);
    // Nobody who says nothing stays.
    assert!(crowd.iter_mut().all(is_closed));
}

#[test]
fn watchers_that_never_read_fill_no_memory() {
    // Four thousand groups that all change: 20 kB for every watcher, ten times a second.
    let mut groups = String::new();
    for n in 0..4000 {
        let address = 1 + n % 170 * 3;
        groups += &format!(
            "[[group]]\nname = \"g{n}\"\nuniverse = \"sacn/1\"\naddress = {address}\n\
             personality = \"rgb\"\n"
        );
    }
    let mut siege = Siege::begin("hostile-deaf", |show| {
        show.replace("bands_per_group = 3", "groups = [\"left\"]")
            .replace("[[radio]]", &(groups + "[[radio]]"))
    });
    let before = memory_kib(&siege.relay);
    let deaf: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = siege.attacker().unwrap();
            stream.write_all(b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            stream
        })
        .collect();
    siege.is_unharmed();
    siege.is_unharmed();
    let after = memory_kib(&siege.relay);
    assert!(after < before + 64 * 1024, "{before} KiB, then {after} KiB");
    siege.is_unharmed();
    drop(deaf);
}

/// The memory that a relay holds.
fn memory_kib(relay: &Relay) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", relay.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn requests_that_never_end_are_ended() {
    let mut siege = Siege::begin("hostile-slow", |show| show);
    let head = format!(
        "POST /api/v1/control/panic HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: 11\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    // Heads that come letter by letter, and orders that stop in the middle.
    let mut slow: Vec<(TcpStream, bool)> = Vec::new();
    for (start, trickles) in [("GET /api/v1/status HTTP/1.1\r\nX", true), (head.as_str(), false)] {
        for _ in 0..10 {
            let mut stream = siege.attacker().unwrap();
            stream.write_all(start.as_bytes()).unwrap();
            stream.set_nonblocking(true).unwrap();
            slow.push((stream, trickles));
        }
    }
    eventually("the relay has enough of all of them", || {
        slow.retain_mut(|(stream, trickles)| {
            let waits =
                stream.read(&mut [0; 512]).is_err_and(|e| e.kind() == ErrorKind::WouldBlock);
            waits && (!*trickles || stream.write_all(b"x").is_ok())
        });
        slow.is_empty().then_some(())
    });
    siege.is_unharmed();
}

#[test]
fn garbage_is_answered_with_nothing_or_a_refusal() {
    let mut siege = Siege::begin("hostile-garbage", |show| show);
    let mut noise: u64 = 0x9E37_79B9_7F4A_7C15;
    for round in 0..60 {
        let bytes: Vec<u8> = (0..4096)
            .map(|_| {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                noise as u8
            })
            .collect();
        let answer = match round % 4 {
            0 => siege.attack(&bytes),
            1 => siege.attack(&[b"GET /", &bytes[..200], b" HTTP/1.1\r\n\r\n"].concat()),
            2 => siege.attack(&[b"\x16\x03\x01\x02\x00\x01\x00", &bytes[..500]].concat()),
            _ => siege.attack(
                &[
                    b"POST /api/v1/control/panic HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                      Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                    &bytes[..],
                ]
                .concat(),
            ),
        };
        let first = &answer[..answer.len().min(80)];
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{round}: {first}");
    }
    siege.is_unharmed();
}

#[test]
fn wrong_tokens_change_nothing_and_are_told_of_once() {
    let mut siege = Siege::begin("hostile-tokens", |show| show);
    for n in 0..100 {
        let answer = siege.attack(
            format!(
                "POST /api/v1/control/master HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nAuthorization: Bearer {n:020}\r\n\
                 Content-Length: 11\r\n\r\n{{\"level\":0}}"
            )
            .as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    siege.is_unharmed();
    let told = eventually("it is told of", || {
        let events = siege.relay.get("events");
        let told = events.as_array().unwrap().iter();
        let told: Vec<String> = told
            .filter_map(|event| event["text"].as_str().map(str::to_owned))
            .filter(|text| text.contains("wrong token"))
            .collect();
        (!told.is_empty()).then_some(told)
    });
    let [words] = &told[..] else { panic!("{told:?}") };
    assert!(words.contains("127.0.0.66"), "{words}");
    // Nobody is locked out for it.
    assert_eq!(order(&siege.relay, "freeze", &serde_json::json!({ "on": true })).0, 204);
}

#[test]
fn huge_bodies_are_not_read() {
    let mut siege = Siege::begin("hostile-huge", |show| show);
    let huge = vec![b' '; 4 << 20];
    for token in ["", TOKEN] {
        let head = format!(
            "POST /api/v1/control/override HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: 1000000000\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        );
        let answer = siege.attack(&[head.as_bytes(), &huge].concat());
        let refused = answer.starts_with("HTTP/1.1 401") || answer.starts_with("HTTP/1.1 413");
        assert!(refused || answer.is_empty(), "{answer}");
    }
    siege.is_unharmed();
}

#[test]
fn pages_of_other_sites_and_names_that_point_here_change_nothing() {
    let mut siege = Siege::begin("hostile-sites", |show| show);
    let order = |headers: &str| {
        siege.attack(
            format!(
                "POST /api/v1/control/panic HTTP/1.1\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: 11\r\n{headers}\r\n{{\"on\":true}}"
            )
            .as_bytes(),
        )
    };
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    for (headers, code) in [
        (format!("Host: {}\r\nOrigin: http://evil.example\r\n{bearer}", siege.relay.api), "403"),
        (format!("Host: {}\r\nSec-Fetch-Site: cross-site\r\n{bearer}", siege.relay.api), "403"),
        (format!("Host: {}\r\nOrigin: null\r\n{bearer}", siege.relay.api), "403"),
        // A name of the attacker's that suddenly means this address: same site for the browser.
        ("Host: evil.example\r\nOrigin: http://evil.example\r\n".to_owned(), "421"),
        ("Host: evil.example\r\nOrigin: http://evil.example\r\nCookie: token=x\r\n".into(), "421"),
        (format!("Host: evil.example\r\nOrigin: http://evil.example\r\n{bearer}"), "421"),
    ] {
        let answer = order(&headers);
        assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{headers}: {answer}");
        assert!(!answer.to_lowercase().contains("access-control-allow"), "{answer}");
    }
    siege.is_unharmed();
}

#[test]
fn a_page_whose_own_name_points_here_reads_nothing() {
    let mut siege = Siege::begin("hostile-names", |show| {
        show.replace("[http]", "[http]\nhosts = [\"bands.venue.example\"]")
    });
    let port = siege.relay.api.rsplit_once(':').unwrap().1.to_owned();
    let paths = [
        "/",
        "/page.js",
        "/api/v1/status",
        "/api/v1/live",
        "/api/v1/events",
        "/metrics",
        "/nothing",
    ];
    for host in
        ["evil.example", "EVIL.example", "127.0.0.1.evil.example", "localhost.evil.example", ""]
    {
        for path in paths {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
            let answer = siege.attack(request.as_bytes());
            assert!(answer.starts_with("HTTP/1.1 421"), "{host} {path}: {answer}");
            for told in ["FOH", "sacn/1", "bands.venue.example"] {
                assert!(!answer.contains(told), "{host} {path}: {answer}");
            }
        }
    }
    for host in ["127.0.0.1", "localhost", "[::1]", "bands.venue.example", "Bands.Venue.Example."] {
        let request = format!(
            "GET /api/v1/status HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
        );
        let answer = siege.attack(request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200"), "{host}: {answer}");
    }
    siege.is_unharmed();
}

#[test]
fn no_path_leads_to_a_file() {
    let mut siege = Siege::begin("hostile-paths", |show| show);
    for path in [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/page.css/../../../etc/passwd",
        "//etc/passwd",
        "/hostile-paths-tokens.txt",
        "/tokens.txt",
        "/page.js%00.html",
        "/api/v1/universes/sacn/..%2f..%2f..",
        "http://evil.example/etc/passwd",
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = siege.attack(request.as_bytes());
        let first = answer.lines().next().unwrap_or_default();
        assert!(answer.is_empty() || first.starts_with("HTTP/1.1 40"), "{path}: {first}");
        assert!(!answer.contains("root:") && !answer.contains(TOKEN), "{path}");
    }
    let answer =
        raw(&siege.relay, "GET /page.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "what there is, is still served");
    siege.is_unharmed();
}
