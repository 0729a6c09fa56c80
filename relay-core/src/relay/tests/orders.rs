//! What operators do by hand, through a whole relay to the bands.

use super::*;
use crate::steering::{
    Actor, EndLookRequest, LookRequest, MasterRequest, OverrideRequest, Request, RequestError,
    StartLookRequest, Switch, TestPattern,
};

fn foh() -> Actor {
    Actor { name: "foh".into(), front: "page", address: Some([10, 0, 0, 5].into()) }
}

fn panic(on: bool) -> Request {
    Request::Panic(Switch { on })
}

fn identify(group: &str, seconds: f64) -> Request {
    Request::Override(OverrideRequest {
        groups: Some(vec![group.to_owned()]),
        look: None,
        pattern: Some(TestPattern::Identify),
        seconds,
    })
}

/// Waits until every band of `group` has this red level.
fn bands_red(stage: &Stage, group: &str, red: u8) {
    eventually(&format!("bands of `{group}` at {red}"), || {
        let bands = stage.handle.bands();
        let of_group: Vec<_> = bands.iter().filter(|band| band.group == group).collect();
        let all = of_group.iter().all(|band| band.connected && band.look.red == red);
        (all && !of_group.is_empty()).then_some(())
    });
}

#[test]
fn panic_darkens_every_band_and_holds_against_the_console_until_it_is_released() {
    let mut stage = Stage::of(&show_text(CROWD), Options::default());
    stage.desk.sacn(1, &[200]);
    bands_red(&stage, "left", 200);
    stage.handle.order(&panic(true), &foh()).unwrap();
    assert!(stage.handle.status().panic);
    assert_eq!(stage.group("left").look.red, 0, "published before the order returns");
    bands_red(&stage, "left", 0);
    stage.desk.sacn(1, &[90]);
    eventually("the console goes on", || {
        (stage.handle.status().packets.accepted == 2).then_some(())
    });
    assert_eq!(stage.group("left").look.red, 0);
    stage.handle.order(&panic(false), &foh()).unwrap();
    bands_red(&stage, "left", 90);
    let events = stage.handle.events(0);
    let by_hand: Vec<_> = events.iter().filter(|event| event.by.is_some()).collect();
    let [on, off] = &by_hand[..] else { panic!("{events:#?}") };
    assert!(on.text.starts_with("PANIC: every band goes dark"), "{on:?}");
    assert!(off.text.starts_with("panic is released, after "), "{off:?}");
    assert_eq!(on.by.as_deref(), Some("foh (page, 10.0.0.5)"));
    assert_eq!(on.severity, Severity::Warning);
}

#[test]
fn a_panic_is_sent_to_bands_that_are_dark_already() {
    let stage = Stage::of(&show_text(CROWD), Options::default());
    bands_red(&stage, "left", 0);
    stage.handle.order(&panic(true), &foh()).unwrap();
    eventually("every band was told", || {
        let radios = stage.handle.radios();
        radios.iter().all(|radio| radio.panic_took_ms.is_some()).then_some(())
    });
}

#[test]
fn a_relay_that_stops_in_panic_leaves_the_bands_dark() {
    let text = show_text(CROWD).replace("\"black\"", "{ red = 40 }");
    let mut stage = Stage::of(&text, Options::default());
    stage.desk.sacn(1, &[200]);
    bands_red(&stage, "left", 200);
    stage.handle.order(&panic(true), &foh()).unwrap();
    let report = stage.relay.stop();
    assert_eq!(report.bands_not_at_end_look, 0);
    assert!(stage.handle.bands().iter().all(|band| band.look.red == 0));
}

#[test]
fn an_override_is_seen_and_ends_by_itself() {
    let mut stage = Stage::new();
    stage.desk.sacn(1, &[7]);
    stage.red("left", 7);
    stage.handle.order(&identify("left", 3600.0), &foh()).unwrap();
    let control = stage.handle.control().unwrap();
    let [group] = &control.groups[..] else { panic!("{control:?}") };
    assert_eq!((group.name.as_str(), group.overridden_by.as_deref()), ("left", Some("identify")));
    assert!(group.left_ms.is_some_and(|left| left > 3_500_000), "{group:?}");
    assert_eq!(stage.handle.status().groups_overridden, 1);
    // The newest wins, and lasts its own time.
    stage.handle.order(&identify("left", 0.1), &foh()).unwrap();
    stage.red("left", 7);
    eventually("the end of the override is told", || {
        let events = stage.handle.events(0);
        events.iter().any(|event| event.text.contains("last override is over")).then_some(())
    });
    eventually("nothing is overridden", || {
        (stage.handle.status().groups_overridden == 0).then_some(())
    });
}

#[test]
fn the_steps_of_a_fader_are_told_as_one_movement() {
    let mut stage = Stage::new();
    stage.desk.sacn(1, &[255]);
    stage.red("left", 255);
    for level in [200, 150, 51] {
        let request = Request::Master(MasterRequest { level, groups: None });
        stage.handle.order(&request, &foh()).unwrap();
    }
    assert_eq!((stage.group("left").look.dimmer, stage.handle.status().grand_master), (51, 51));
    let told = |stage: &Stage| {
        let events = stage.handle.events(0);
        let faders = events.into_iter().filter(|event| event.text.contains("grand master"));
        faders.map(|event| event.text).collect::<Vec<_>>()
    };
    let events = eventually("the fader rests", || {
        let events = told(&stage);
        (!events.is_empty()).then_some(events)
    });
    let [event] = &events[..] else { panic!("{events:?}") };
    assert!(event.starts_with("grand master at 20 %"), "{event}");
}

#[test]
fn an_order_for_a_group_that_is_not_there_changes_nothing() {
    let stage = Stage::new();
    let refused = stage.handle.order(&identify("centre", 10.0), &foh()).unwrap_err();
    assert!(matches!(
        refused,
        OrderError::Request(RequestError::NoSuchGroup(name)) if name == "centre"
    ));
    assert_eq!(stage.handle.control().unwrap().groups, []);
    assert!(stage.handle.events(0).iter().all(|event| event.by.is_none()));
}

#[test]
fn groups_wait_in_the_start_look_and_leave_it_with_the_first_packet() {
    let text = show_text(CROWD).replace("end_look", "start_look = { red = 33 }\nend_look");
    let mut stage = Stage::of(&text, Options::default());
    bands_red(&stage, "left", 33);
    bands_red(&stage, "right", 33);
    stage.desk.sacn(1, &[0, 5]);
    bands_red(&stage, "left", 0);
    assert_eq!(stage.group("right").look.red, 33);
}

#[test]
fn a_start_look_chosen_by_hand_is_for_groups_that_wait_and_outlives_a_reload() {
    let mut stage = Stage::of(&show_text(CROWD), Options::default());
    stage.desk.sacn(1, &[7]);
    stage.red("left", 7);
    let red = |red| LookRequest { red, ..LookRequest::default() };
    let start = |look| Request::StartLook(StartLookRequest { look });
    stage.handle.order(&start(Some(red(90))), &foh()).unwrap();
    bands_red(&stage, "right", 90);
    assert_eq!(stage.group("left").look.red, 7, "it has a signal");
    assert_eq!(stage.handle.control().unwrap().start_look.red, 90);
    stage.handle.reload(stage.config.clone(), &foh()).unwrap();
    assert_eq!(stage.group("right").look.red, 90);
    stage.handle.order(&start(None), &foh()).unwrap();
    bands_red(&stage, "right", 0);
    let by = stage.handle.events(0).into_iter().filter(|event| event.by.is_some());
    let told: Vec<String> = by.map(|event| event.text).collect();
    assert_eq!(
        told,
        [
            "start look: #5a0000 at 100 %",
            "the show was read again and is the same",
            "start look as the show file says"
        ]
    );
}

#[test]
fn an_end_look_chosen_by_hand_is_what_a_stop_leaves_the_bands_in() {
    for (hold, expected) in [(false, 60), (true, 200)] {
        let mut stage = Stage::of(&show_text(CROWD), Options::default());
        stage.desk.sacn(1, &[200]);
        bands_red(&stage, "left", 200);
        let look = (!hold).then_some(LookRequest { red: 60, ..LookRequest::default() });
        let request = Request::EndLook(EndLookRequest { look, hold });
        stage.handle.order(&request, &foh()).unwrap();
        let told = stage.handle.control().unwrap().end_look.map(|look| look.red);
        assert_eq!(told, (!hold).then_some(60));
        let handle = stage.handle.clone();
        let report = stage.relay.stop();
        assert_eq!(report.bands_not_at_end_look, 0);
        let left: Vec<_> = handle.bands().into_iter().filter(|band| band.group == "left").collect();
        assert!(!left.is_empty() && left.iter().all(|band| band.look.red == expected), "{left:#?}");
    }
}

#[test]
fn a_reload_does_not_release_panic_and_masters_follow_the_names_of_groups() {
    let mut stage = Stage::new();
    stage.desk.sacn(1, &[255]);
    stage.red("left", 255);
    let half = MasterRequest { level: 51, groups: Some(vec!["left".into()]) };
    stage.handle.order(&Request::Master(half), &foh()).unwrap();
    stage.handle.order(&panic(true), &foh()).unwrap();
    let mut config = stage.config.clone();
    config.groups.reverse();
    stage.handle.reload(config, &foh()).unwrap();
    assert_eq!(stage.group("left").look.dimmer, 0, "still dark");
    stage.handle.order(&panic(false), &foh()).unwrap();
    assert_eq!(stage.group("left").look.dimmer, 51);
    let control = stage.handle.control().unwrap();
    assert_eq!((control.groups[0].name.as_str(), control.groups[0].master), ("left", 51));
}

#[test]
fn a_relay_that_has_stopped_obeys_nobody() {
    let stage = Stage::new();
    stage.relay.stop();
    let refused = stage.handle.order(&panic(true), &foh()).unwrap_err();
    assert!(matches!(refused, OrderError::Handle(HandleError::Stopped)));
}
