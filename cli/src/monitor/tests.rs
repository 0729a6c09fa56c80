use std::sync::mpsc::{Receiver, sync_channel};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};

use super::keys::Desk;
use super::link::Order;
use super::state::{State, Verdict};
use super::*;

fn state() -> State {
    let mut state = State::default();
    let scene = json!({
        "show": "Arena",
        "version": "0",
        "universes": ["sacn/1", "artnet/0/0/1"],
        "groups": [{ "name": "left", "position": null }, { "name": "right", "position": [1.0, 2.0] }],
    });
    state.scene(serde_json::from_value(scene).unwrap());
    change(
        &mut state,
        json!({ "status": figures(json!({})), "universes": [[0, [1, 44, 1, 2, 3, 255]]] }),
    );
    state
}

fn figures(with: Value) -> Value {
    let mut all = json!({
        "uptime_s": 65, "packets_per_second": 88.0, "universes": 2, "universes_live": 2,
        "groups": 2, "groups_lost": 0, "groups_overridden": 0, "bands": 9, "bands_connected": 9,
        "panic": false, "frozen": false, "grand_master": 255, "faults": [],
    });
    for (key, value) in with.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

fn change(state: &mut State, change: Value) {
    state.change(serde_json::from_value(change).unwrap());
}

fn desk() -> (Desk, Receiver<Order>) {
    let (order, orders) = sync_channel(4);
    (Desk::new(sync_channel(4).0, Some(order)), orders)
}

fn press(desk: &mut Desk, state: &State, keys: &str) {
    for key in keys.chars() {
        let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE);
        assert!(desk.press(key, state).is_continue());
    }
}

fn drawn(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let (desk, _orders) = desk();
    terminal.draw(|frame| view::draw(frame, state, &desk, Instant::now())).unwrap();
    terminal.backend().to_string()
}

#[test]
fn the_picture_says_what_the_page_says() {
    let mut state = state();
    change(
        &mut state,
        json!({
            "universe": { "universe": "sacn/1", "levels": "AP8=", "sources": [{
                "name": "Backup", "cid": null, "address": "10.0.0.9:5568", "protocol": "sacn",
                "priority": 80, "rate_hz": 44.0, "sequence_errors": 0, "contributing": false,
                "reason": "lower_priority", "age_ms": 1,
            }] },
            "events": [{
                "number": 1, "unix_ms": 0, "uptime_ms": 61_000, "severity": "warning",
                "text": "panic is released", "by": "foh (page, 10.0.0.5)",
            }],
        }),
    );
    for (width, height) in [(140, 40), (80, 40)] {
        let picture = drawn(&state, width, height);
        for words in [
            "Arena",
            "The crowd gets its light",
            "sacn/1",
            "1 of 2",
            "no: lower priority",
            "1:01 panic is released",
        ] {
            assert!(picture.contains(words), "{words}:\n{picture}");
        }
    }
    // However small, and before anything is known.
    drawn(&state, 100, 9);
    drawn(&state, 1, 1);
    drawn(&State::default(), 20, 5);
}

#[test]
fn bands_levels_and_latencies_are_in_the_picture() {
    let mut state = state();
    let band = |id: &str, connected: bool, battery: Option<u8>, detail: Option<&str>| {
        json!({
            "id": id, "radio": "left", "group": "left", "connected": connected,
            "look": { "red": 255, "green": 0, "blue": 0, "white": 0, "dimmer": 255,
                "strobe_hz": 0.0, "fade_ms": 0 },
            "age_ms": 1_500, "behind_ms": 0, "frames": 9, "failed": 0, "conflated": 0,
            "latched": 0, "battery_percent": battery, "rssi_dbm": battery.map(|_| -61),
            "rssi_age_ms": battery.map(|_| 42_000), "detail": detail,
        })
    };
    let radio = json!({
        "name": "left", "kind": "gatt", "state": "up", "detail": null, "bands": 3,
        "bands_connected": 2, "frames_sent": 7, "frames_failed": 0, "conflated": 0, "latched": 0,
        "panic_worst_ms": null, "panic_took_ms": null,
    });
    change(
        &mut state,
        json!({
            "radios": [radio],
            "bands": [
                band("WB-7", false, None, Some("out of range")),
                band("WB-1", true, Some(12), None),
            ],
            "universe": { "universe": "sacn/1", "levels": "AP8=", "sources": [] },
            "latencies": [[90, 300, 1_200, 9_000]],
            "hands": [{ "name": "left", "master": 128, "overridden_by": null, "left_ms": null }],
        }),
    );
    let picture = drawn(&state, 200, 44);
    for words in [
        "Bands: 2 of 3, those that need you first",
        "WB-7",
        "out of range",
        "12%",
        "-61 dBm 42s",
        "1.5s",
        "p99 9.0 ms",
        "median 1.2 ms",
        "1 of 2 slots lit",
    ] {
        assert!(picture.contains(words), "{words}:\n{picture}");
    }
    let (mut desk, _orders) = desk();
    let _ = desk.press(KeyEvent::new(KeyCode::Right, KeyModifiers::NONE), &state);
    let mut terminal = Terminal::new(TestBackend::new(140, 40)).unwrap();
    terminal.draw(|frame| view::draw(frame, &state, &desk, Instant::now())).unwrap();
    let picture = terminal.backend().to_string();
    assert!(picture.contains("Crowd: left, master 50 %"), "{picture}");
}

#[test]
fn levels_that_share_a_column_show_their_highest() {
    assert_eq!(panels::columns(&[1, 9, 0, 0, 255, 3], 3), [9, 0, 255]);
    assert_eq!(panels::columns(&[1, 2], 80), [1, 2]);
    assert_eq!(panels::columns(&[], 80), [0; 0]);
    let told: Vec<String> = [400, 12_000, 150_000, 7_200_000].map(panels::age).into();
    assert_eq!(told, ["0.4s", "12s", "2m", "2h"]);
}

#[test]
fn a_groups_master_moves_only_when_a_group_is_chosen() {
    let (mut state, (mut desk, orders)) = (state(), desk());
    press(&mut desk, &state, "[");
    assert!(orders.try_recv().is_err() && desk.words.contains("choose a group"), "{}", desk.words);
    let _ = desk.press(KeyEvent::new(KeyCode::Right, KeyModifiers::NONE), &state);
    press(&mut desk, &state, "[");
    let (path, body, _) = orders.try_recv().unwrap();
    assert_eq!((path, body), ("master", json!({ "level": 242, "groups": ["left"] })));
    let hand = json!({ "name": "left", "master": 100, "overridden_by": null, "left_ms": null });
    change(&mut state, json!({ "hands": [hand] }));
    press(&mut desk, &state, "]o");
    assert_eq!(orders.try_recv().unwrap().1, json!({ "level": 113, "groups": ["left"] }));
    assert_eq!(orders.try_recv().unwrap().1, json!({ "level": 255, "groups": ["left"] }));
}

#[test]
fn the_key_that_ends_the_relay_asks_before() {
    let (state, (mut desk, _orders)) = (state(), desk());
    desk.stops_relay = true;
    press(&mut desk, &state, "qxy");
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(desk.press(interrupt, &state).is_continue());
    assert!(desk.words.contains("stop the relay?"), "{}", desk.words);
    let yes = KeyEvent::new(KeyCode::Char('y'), KeyModifiers::NONE);
    assert!(desk.press(yes, &state).is_break());
    desk.stops_relay = false;
    assert!(desk.press(interrupt, &state).is_break(), "a monitor from elsewhere just ends");
}

#[test]
fn the_verdict_names_the_worst() {
    let verdict = |with: Value| {
        let mut state = state();
        change(&mut state, json!({ "status": figures(with) }));
        state.verdict(Instant::now())
    };
    for (with, kind, words) in [
        (json!({}), Verdict::Good, "The crowd gets its light"),
        (json!({ "panic": true, "groups_lost": 2 }), Verdict::Bad, "PANIC"),
        (json!({ "universes_live": 0 }), Verdict::Bad, "No light comes in"),
        (json!({ "faults": ["radio `x`: gone"] }), Verdict::Bad, "radio `x`: gone"),
        (json!({ "groups_lost": 1 }), Verdict::Warning, "1 of 2 groups have no signal"),
        (json!({ "bands_connected": 7 }), Verdict::Warning, "2 of 9 bands are not connected"),
        (json!({ "bands_connected": 0 }), Verdict::Bad, "No band is connected"),
        (json!({ "grand_master": 128 }), Verdict::Hand, "Grand master at 50 %"),
        (json!({ "standby": "drives" }), Verdict::Good, "The crowd gets its light"),
        (
            json!({ "standby": "follows", "bands_connected": 0 }),
            Verdict::Hand,
            "Standby: the other relay drives the bands",
        ),
        (
            json!({ "standby": "follows", "bands_connected": 0, "faults": ["standby: alone"] }),
            Verdict::Bad,
            "No band is connected",
        ),
    ] {
        let (got, said) = verdict(with.clone());
        assert!(got == kind && said.contains(words), "{with}: {got:?} {said}");
    }
    let mut state = state();
    state.broke("refused".into());
    assert!(state.verdict(Instant::now()).1.contains("No connection to the relay"));
    change(&mut state, json!({}));
    assert_eq!(state.verdict(Instant::now()).0, Verdict::Good, "it is back");
    let later = Instant::now() + Duration::from_secs(60);
    assert!(state.verdict(later).1.contains("says nothing any more"));
}

#[test]
fn keys_give_orders_for_what_is_chosen() {
    let (state, (mut desk, orders)) = (state(), desk());
    press(&mut desk, &state, "i");
    assert_eq!(
        orders.try_recv().unwrap().1,
        json!({ "pattern": "identify", "seconds": 30 }),
        "all, while none is chosen"
    );
    for _ in 0..5 {
        let _ = desk.press(KeyEvent::new(KeyCode::Right, KeyModifiers::NONE), &state);
    }
    press(&mut desk, &state, "g");
    let (path, body, _) = orders.try_recv().unwrap();
    assert_eq!((path, body), ("release", json!({ "groups": ["right"] })));
    press(&mut desk, &state, "-");
    assert_eq!(orders.try_recv().unwrap().1, json!({ "level": 242 }));
}

#[test]
fn panic_is_one_key_and_its_release_two_in_a_row() {
    let (state, (mut desk, orders)) = (state(), desk());
    press(&mut desk, &state, "P");
    assert_eq!(orders.try_recv().unwrap().1, json!({ "on": true }));
    press(&mut desk, &state, "yrfy");
    let (path, ..) = orders.try_recv().unwrap();
    assert_eq!((path, orders.try_recv().is_err()), ("freeze", true), "not in a row");
    press(&mut desk, &state, "ry");
    assert_eq!(orders.try_recv().unwrap().1, json!({ "on": false }));
}

#[test]
fn start_and_end_look_are_chosen_by_a_key_and_a_digit() {
    let (mut state, (mut desk, orders)) = (state(), desk());
    press(&mut desk, &state, "1");
    assert!(orders.try_recv().is_err(), "a digit alone says nothing");
    press(&mut desk, &state, "S1");
    let (path, body, _) = orders.try_recv().unwrap();
    assert_eq!((path, body), ("start_look", json!({ "look": {} })));
    press(&mut desk, &state, "E4");
    let (path, body, _) = orders.try_recv().unwrap();
    assert_eq!((path, body), ("end_look", json!({ "hold": true })));
    press(&mut desk, &state, "E5");
    assert_eq!(orders.try_recv().unwrap().1, json!({}));
    press(&mut desk, &state, "S4");
    assert!(orders.try_recv().is_err(), "nothing shows yet that could be held");
    press(&mut desk, &state, "Ef1");
    assert_eq!(orders.try_recv().unwrap().0, "freeze");
    assert!(orders.try_recv().is_err(), "not in a row");

    press(&mut desk, &state, "E3");
    assert!(orders.try_recv().is_err() && desk.words.contains("choose a group"), "{}", desk.words);
    change(&mut state, json!({ "all_groups": "AQIDAAQFBgE=" }));
    let _ = desk.press(KeyEvent::new(KeyCode::Right, KeyModifiers::NONE), &state);
    change(&mut state, json!({ "status": figures(json!({ "end_look": [255, 150, 64] })) }));
    press(&mut desk, &state, "E");
    assert!(desk.words.contains("end look is #ff9640"), "{}", desk.words);
    press(&mut desk, &state, "3");
    assert_eq!(
        orders.try_recv().unwrap().1,
        json!({ "look": { "red": 1, "green": 2, "blue": 3 } })
    );
}

#[test]
fn without_a_token_keys_change_nothing_and_say_so() {
    let mut desk = Desk::new(sync_channel(4).0, None);
    press(&mut desk, &state(), "P");
    assert!(desk.words.contains("no token"), "{}", desk.words);
}

#[test]
fn groups_that_changed_replace_what_was_known_of_them() {
    let mut state = state();
    change(&mut state, json!({ "all_groups": "AQIDAAQFBgE=" }));
    assert_eq!(state.groups, [[1, 2, 3, 0], [4, 5, 6, 1]]);
    change(&mut state, json!({ "groups": "AQAJCAcA" }));
    assert_eq!(state.groups, [[1, 2, 3, 0], [9, 8, 7, 0]]);
    change(
        &mut state,
        json!({ "groups": "////////", "all_groups": null, "universes": [[9, [0, 0, 0, 0, 0, 0]]] }),
    );
    assert_eq!(state.groups[0], [1, 2, 3, 0], "what is not there does not matter");
}
