//! `wristcast sources`: the sources of a running relay, and why they count or do not.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use serde_json::Value;
use wristcast_core::universe::{PortAddress, SacnUniverse};
use wristcast_core::wire::{artnet, sacn};

use crate::run::Relay;
use crate::wristcast::{eventually, wristcast};

/// A console that sends single packets.
struct Console {
    socket: UdpSocket,
    sacn: u16,
    artnet: u16,
}

impl Console {
    /// At 127.0.0.`host`.
    fn new(relay: &Relay, host: u8) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, host), 0)).unwrap();
        Self { socket, sacn: relay.sacn, artnet: relay.artnet }
    }

    /// Levels 1, 2, 3 or what `fields` makes of them. Sources differ by their first letter.
    fn sacn(&self, name: &str, fields: impl FnOnce(&mut sacn::DataFields<'_>)) {
        let cid = sacn::Cid([name.as_bytes()[0]; 16]);
        let mut data = sacn::DataFields::new(cid, name, SacnUniverse::new(1).unwrap());
        fields(&mut data);
        let mut bytes = [0; 638];
        let len = sacn::encode_data(&mut bytes, &data, &[1, 2, 3]).unwrap();
        self.socket.send_to(&bytes[..len], ("127.0.0.1", self.sacn)).unwrap();
    }

    fn artnet(&self, port_address: u16) {
        let port_address = PortAddress::new(port_address).unwrap();
        let fields = artnet::DmxFields { sequence: 0, physical: 0, port_address };
        let mut bytes = [0; 530];
        let len = artnet::encode_dmx(&mut bytes, &fields, &[1, 2]).unwrap();
        self.socket.send_to(&bytes[..len], ("127.0.0.1", self.artnet)).unwrap();
    }

    fn announce(&self, name: &str, universes: &[u16]) {
        let cid = sacn::Cid([name.as_bytes()[0]; 16]);
        let list: Vec<_> = universes.iter().map(|&n| SacnUniverse::new(n).unwrap()).collect();
        let mut bytes = [0; 1144];
        let len = sacn::encode_discovery(&mut bytes, cid, name, (0, 0), &list).unwrap();
        self.socket.send_to(&bytes[..len], ("127.0.0.1", self.sacn)).unwrap();
    }
}

fn received(relay: &Relay, datagrams: u64) {
    eventually("all are received", || {
        (relay.get("status")["packets"]["received"].as_u64() >= Some(datagrams)).then_some(())
    });
}

/// The line of the table with these words.
fn line<'a>(table: &'a str, words: &[&str]) -> &'a str {
    let has = |line: &&str| words.iter().all(|word| line.contains(word));
    table.lines().find(has).unwrap_or_else(|| panic!("no line with {words:?} in\n{table}"))
}

#[test]
fn every_source_is_a_line_that_says_whether_it_contributes_and_if_not_why() {
    let relay = Relay::start("sources-table", &[]);
    let consoles: Vec<_> = (21..=23).map(|host| Console::new(&relay, host)).collect();
    // Again and again, so that a slow machine does not let them time out before they are read.
    let mut sequence = 0;
    let table = eventually("the table", || {
        sequence += 1;
        consoles[0].sacn("Main", |data| (data.priority, data.sequence) = (150, sequence));
        consoles[1].sacn("Backup", |data| data.sequence = sequence);
        consoles[2].sacn("Visualizer", |data| (data.preview, data.sequence) = (true, sequence));
        consoles.iter().for_each(|console| console.artnet(1));
        consoles[0].artnet(9);
        consoles[0].announce("Main", &[1, 7]);
        let shown = wristcast(&["sources", &relay.api, "--once"]);
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{shown:?}");
        let whole = ["higher priority", "preview", "third source", "artnet/0/0/9", "sacn/7"];
        whole.iter().all(|words| shown.stdout.contains(words)).then_some(shown.stdout)
    });
    let main = line(&table, &["sacn/1", "Main", "yes"]);
    assert!(main.contains(" 150 ") && main.contains("127.0.0.21:"), "{main}");
    assert!(main.contains("4d4d4d4d-4d4d-4d4d-4d4d-4d4d4d4d4d4d"), "{main}");
    line(&table, &["sacn/1", "Backup", "no: another has a higher priority", " 100 ", "/s"]);
    line(&table, &["sacn/1", "Visualizer", "no: preview data"]);
    line(&table, &["artnet/0/0/1", "yes", "127.0.0.21:", " artnet "]);
    line(&table, &["artnet/0/0/1", "no: third source", "127.0.0.23"]);
    line(&table, &["patched by nobody: 2"]);
    line(&table, &["artnet/0/0/9", "127.0.0.21:"]);
    line(&table, &["sacn/7", "Main"]);
    assert!(!table.contains('\x1b'), "no colours where there is no terminal");
}

#[test]
fn as_json_it_is_one_object_for_scripts() {
    let relay = Relay::start("sources-json", &[]);
    Console::new(&relay, 24).announce("Main", &[5]);
    received(&relay, 1);
    let shown = wristcast(&["sources", &format!("http://{}/", relay.api), "--json"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let json = shown.json();
    assert_eq!(json["universes"][0]["universe"], "sacn/1");
    assert_eq!(json["universes"][0]["state"], "waiting");
    assert_eq!(json["universes"][0]["levels"], Value::Null, "sources, not levels");
    assert_eq!(json["network"]["announced"][0]["universes"][0], "sacn/5");
    assert_eq!(json["network"]["not_announced"][0], "sacn/1");
}

#[test]
fn a_universe_without_sources_says_so_and_what_is_announced_elsewhere_is_pointed_out() {
    let relay = Relay::start("sources-none", &[]);
    let shown = wristcast(&["sources", &relay.api]);
    line(&shown.stdout, &["sacn/1", "no source yet"]);
    assert!(!shown.stdout.contains("announced"), "nobody announces anything: {}", shown.stdout);
    Console::new(&relay, 25).announce("Main", &[101]);
    received(&relay, 1);
    let shown = wristcast(&["sources", &relay.api]);
    line(&shown.stdout, &["announced by no source: sacn/1"]);
    line(&shown.stdout, &["sacn/101", "Main"]);
}

#[test]
fn where_no_relay_answers_it_is_code_3_and_says_what_to_look_for() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ended = wristcast(&["sources", &format!("127.0.0.1:{port}")]);
    assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{ended:?}");
    assert!(ended.stderr.contains(&format!("no relay answers at http://127.0.0.1:{port}")));
    assert!(ended.stderr.contains("[http] listen"), "{ended:?}");
}

#[test]
fn what_answers_and_is_no_relay_is_not_believed() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    for answer in ["404 Not Found\r\nContent-Length: 0", "200 OK\r\nContent-Length: 2"] {
        let server = server.try_clone().unwrap();
        let answer = std::thread::spawn(move || {
            let (mut client, _) = server.accept().unwrap();
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(format!("HTTP/1.1 {answer}\r\n\r\n{{}}").as_bytes());
        });
        let ended = wristcast(&["sources", &url]);
        answer.join().unwrap();
        assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{ended:?}");
        assert!(ended.stderr.contains("is no relay of this version"), "{ended:?}");
    }
}

/// What the API says of the source with this name or, if it has none, this address.
fn source(universe: &Value, name: &str) -> Option<Value> {
    let sources = universe["sources"].as_array().unwrap();
    let is = |one: &&Value| match one["name"].as_str() {
        Some("") => one["address"].as_str().is_some_and(|at| at.starts_with(name)),
        told => told == Some(name),
    };
    sources.iter().find(is).cloned()
}

/// Whether these sources have these reasons; "" = they contribute.
fn all_as(universe: &Value, wanted: &[(&str, &str)]) -> bool {
    wanted.iter().all(|(name, reason)| {
        source(universe, name).is_some_and(|source| match *reason {
            "" => source["contributing"] == true && source["reason"].is_null(),
            reason => source["contributing"] == false && source["reason"] == reason,
        })
    })
}

#[test]
fn the_api_tells_everything_of_every_source_and_the_log_says_the_same() {
    let relay = Relay::start("sources-api", &["--log-format", "json"]);
    let consoles: Vec<_> = (31..=33).map(|host| Console::new(&relay, host)).collect();
    consoles[1].sacn("Gone", |_| {});
    consoles[2].sacn("Left", |data| data.priority = 50);
    consoles[2].sacn("Left", |data| (data.sequence, data.terminated) = (1, true));
    let wanted = [
        ("Main", ""),
        ("Also", ""),
        ("Backup", "lower_priority"),
        ("Visualizer", "preview"),
        ("Pending", "no_levels"),
        ("Gone", "timed_out"),
        ("Left", "terminated"),
    ];
    let mut sequence = 0u8;
    let universe = eventually("every reason", || {
        sequence = sequence.wrapping_add(1);
        consoles[0].sacn("Main", |data| (data.priority, data.sequence) = (150, sequence));
        // Late by its number: a sequence error.
        consoles[0]
            .sacn("Main", |data| (data.priority, data.sequence) = (150, sequence.wrapping_sub(2)));
        consoles[1].sacn("Also", |data| (data.priority, data.sequence) = (150, sequence));
        consoles[1].sacn("Backup", |data| data.sequence = sequence);
        consoles[2].sacn("Visualizer", |data| (data.preview, data.sequence) = (true, sequence));
        consoles[2].sacn("Pending", |data| (data.start_code, data.sequence) = (0xDD, sequence));
        Some(relay.get("universes/sacn/1")).filter(|one| all_as(one, &wanted))
    });
    let main = source(&universe, "Main").unwrap();
    assert_eq!(main["cid"], "4d4d4d4d-4d4d-4d4d-4d4d-4d4d4d4d4d4d");
    let address = consoles[0].socket.local_addr().unwrap().to_string();
    assert_eq!((&main["address"], &main["protocol"]), (&address.into(), &"sacn".into()));
    assert_eq!(main["priority"], 150);
    assert!(main["rate_hz"].as_f64() > Some(1.0), "{main}");
    assert!(main["sequence_errors"].as_u64() > Some(0), "{main}");
    assert!(main["age_ms"].as_u64() < Some(2500), "{main}");
    assert_eq!(source(&universe, "Also").unwrap()["sequence_errors"], 0);
    assert!(source(&universe, "Gone").unwrap()["age_ms"].as_u64() >= Some(2500), "{universe}");

    let universe = eventually("the third Art-Net source", || {
        consoles.iter().for_each(|console| console.artnet(1));
        let wanted = [("127.0.0.31", ""), ("127.0.0.32", ""), ("127.0.0.33", "source_limit")];
        Some(relay.get("universes/artnet/1")).filter(|one| all_as(one, &wanted))
    });
    let third = source(&universe, "127.0.0.33").unwrap();
    assert_eq!((&third["protocol"], &third["cid"]), (&"artnet".into(), &Value::Null));
    assert_eq!(third["priority"], Value::Null, "Art-Net has none");

    relay.process.terminate();
    let log = relay.process.end().stderr;
    for words in [
        &["Backup", "does not contribute: another has a higher priority", "127.0.0.32:"][..],
        &["Main", "contributes", "4d4d4d4d-4d4d", "rate_hz", "sequence_errors", "age_ms"],
        &["Visualizer", "preview"],
        &["Gone", "timed_out"],
        &["artnet/0/0/1", "127.0.0.33", "source_limit", "third source"],
    ] {
        line(&log, words);
    }
}
