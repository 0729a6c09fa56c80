//! Orders over OSC, in real datagrams: faders and buttons steer the show, noise does not.

use std::net::UdpSocket;

use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType, encoder};
use serde_json::{Value, json};

use crate::http::raw;
use crate::run::Relay;
use crate::wristcast::{eventually, file, wristcast};

const TOKEN: &str = "0123456789abcdef0123";

/// A relay that takes OSC, and its address.
fn relay(name: &str, keys: &str) -> (Relay, String) {
    let osc = format!("[osc]\nlisten = \"127.0.0.1:0\"\n{keys}\n[http]");
    let relay = Relay::start_changed(name, &[], |show| show.replace("[http]", &osc));
    let address = osc_of(&relay.ready);
    (relay, address)
}

fn osc_of(ready: &str) -> String {
    let from = ready.split_once("; OSC ").unwrap_or_else(|| panic!("no OSC: {ready}")).1;
    from.split_once(';').unwrap().0.to_owned()
}

fn message(addr: &str, args: Vec<OscType>) -> OscPacket {
    OscPacket::Message(OscMessage { addr: addr.to_owned(), args })
}

fn send(to: &str, packet: &OscPacket) {
    send_bytes(to, &encoder::encode(packet).unwrap());
}

fn send_bytes(to: &str, bytes: &[u8]) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(bytes, to).unwrap();
}

/// Waits until `control` says so.
fn control(relay: &Relay, what: &str, test: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || Some(relay.get("control")).filter(&test))
}

fn by_hand(relay: &Relay) -> Vec<(String, String)> {
    let events = relay.get("events");
    let of = |event: &Value| {
        let by = event["by"].as_str()?.to_owned();
        Some((by, event["text"].as_str().unwrap().to_owned()))
    };
    events.as_array().unwrap().iter().filter_map(of).collect()
}

#[test]
fn faders_and_buttons_steer_the_show_and_the_events_say_from_where() {
    let (relay, osc) = relay("osc-orders", "");
    send(&osc, &message("/wristcast/master", vec![OscType::Float(0.2)]));
    control(&relay, "grand master", |state| state["grand_master"] == 51);
    send(&osc, &message("/wristcast/group/{left,nobody}/master", vec![OscType::Int(0)]));
    let state = control(&relay, "master", |state| state["groups"][0]["master"] == 0);
    assert_eq!(state["groups"][0]["name"], "left");
    let blue = [30.0, 0.0, 0.0, 1.0].map(OscType::Float).to_vec();
    send(&osc, &message("/wristcast/group/right/override", blue));
    eventually("override", || {
        (relay.named("groups", "right")["look"]["blue"] == 255).then_some(())
    });
    let bundle = OscPacket::Bundle(OscBundle {
        timetag: OscTime { seconds: 0, fractional: 1 },
        content: vec![
            message("/wristcast/release", vec![]),
            message("/wristcast/freeze", vec![OscType::Bool(true)]),
            message("/wristcast/panic", vec![OscType::Float(1.0)]),
            message("/wristcast/panic", vec![OscType::Float(0.0)]),
        ],
    });
    send(&osc, &bundle);
    control(&relay, "panic", |state| state["panic"] == true && state["frozen"] == true);
    send(&osc, &message("/wristcast/panic/release", vec![OscType::Float(1.0)]));
    control(&relay, "release", |state| state["panic"] == false);

    let events = by_hand(&relay);
    assert!(events.iter().all(|(by, _)| by == "osc 127.0.0.1"), "{events:?}");
    assert!(events.iter().any(|(_, text)| text.starts_with("PANIC")), "{events:?}");
}

#[test]
fn noise_changes_nothing_is_counted_and_does_not_keep_out_a_panic() {
    let (relay, osc) = relay("osc-noise", "");
    for bytes in [&b""[..], b"/", b"#bundle\0", &[0xff; 2000], b"/wristcast/panic", &[0; 9000]] {
        send_bytes(&osc, bytes);
    }
    for (address, arguments) in [
        ("/wristcast/mastr", vec![OscType::Float(0.1)]),
        ("/wristcast/master", vec![OscType::String("0.1".into())]),
        ("/wristcast/master", vec![OscType::Float(f32::NAN)]),
        ("/wristcast/group/nobody/master", vec![OscType::Float(0.1)]),
        ("/wristcast/override", [1e9, 1.0, 1.0, 1.0].map(OscType::Float).to_vec()),
    ] {
        send(&osc, &message(address, arguments));
    }
    send(&osc, &message("/wristcast/panic", vec![]));
    let state = control(&relay, "panic", |state| state["panic"] == true);
    assert_eq!((&state["grand_master"], &state["groups"]), (&json!(255), &json!([])));
    let events = relay.get("events").to_string();
    assert!(events.contains("OSC from 127.0.0.1: a message not OSC"), "{events}");
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let metrics = eventually("the order is counted", || {
        Some(raw(&relay, request))
            .filter(|metrics| metrics.contains("\nwristcast_osc_orders_obeyed_total 1\n"))
    });
    for line in [
        "wristcast_osc_messages_refused_total{reason=\"malformed\"} 6",
        "wristcast_osc_messages_refused_total{reason=\"arguments\"} 3",
        "wristcast_osc_messages_refused_total{reason=\"token\"} 0",
    ] {
        assert!(metrics.lines().any(|told| told == line), "{line}\n{metrics}");
    }
    relay.process.terminate();
    let said = relay.process.end().stderr;
    let counts = "OSC: 1 orders obeyed; messages not obeyed: 6 not OSC, 1 of no known address, \
                  1 for a group that is not there, 3 with wrong arguments";
    assert!(said.contains(counts), "{said}");
}

#[test]
fn with_tokens_an_order_says_whose_it_is_or_is_none() {
    let tokens = file("osc-tokens.txt", &format!("foh {TOKEN}\n"));
    let (relay, osc) = relay("osc-token", &format!("token_file = \"{tokens}\""));
    let freeze = |on| vec![OscType::Bool(on)];
    send(&osc, &message("/wristcast/panic", vec![]));
    send(&osc, &message("/wrong/wristcast/panic", vec![]));
    send(&osc, &message("/wristcast/panic", vec![OscType::String("wrong".into())]));
    send(&osc, &message(&format!("/{TOKEN}/wristcast/freeze"), freeze(true)));
    control(&relay, "freeze by the address", |state| state["frozen"] == true);
    let token = OscType::String(TOKEN.into());
    send(&osc, &message("/wristcast/freeze", vec![token, OscType::Bool(false)]));
    let state = control(&relay, "release by an argument", |state| state["frozen"] == false);
    assert_eq!(state["panic"], false);
    let events = by_hand(&relay);
    assert!(events.iter().all(|(by, _)| by == "foh (osc, 127.0.0.1)"), "{events:?}");
    let events = relay.get("events").to_string();
    assert!(events.contains("without a right token") && !events.contains(TOKEN), "{events}");
}

#[test]
fn a_controller_that_is_not_named_changes_nothing() {
    let (relay, osc) = relay("osc-allow", "allow = [\"127.0.0.2\"]");
    send(&osc, &message("/wristcast/panic", vec![]));
    eventually("refusal", || {
        relay.get("events").to_string().contains("`[osc] allow` does not name").then_some(())
    });
    assert_eq!(relay.get("control")["panic"], false);
}

#[test]
fn osc_is_off_unless_asked_for_and_open_to_nobody_unasked() {
    let off = Relay::start("osc-off", &[]);
    assert!(!off.ready.contains("OSC"), "{}", off.ready);
    let on = Relay::start("osc-on", &["--osc", "127.0.0.1:0"]);
    send(&osc_of(&on.ready), &message("/wristcast/master/level", vec![OscType::Int(7)]));
    control(&on, "grand master", |state| state["grand_master"] == 7);
    let show = file("osc-open.toml", &crate::run::show(1, 2));
    let open = wristcast(&["run", &show, "--osc", "0.0.0.0:0"]);
    assert_eq!(open.code, 2, "{open:?}");
    assert!(open.stderr.contains("could steer the show"), "{}", open.stderr);
}
