//! A show that changes while it runs, under traffic.

use super::*;

/// Bands, so that radios have something to carry.
const RADIO: &str = r#"
        [[radio]]
        name = "crowd"
        kind = "simulated"
        bands_per_group = 2
        interval_ms = 7.5
"#;

/// Waits until the relay has taken so many packets.
fn received(stage: &Stage, packets: u64) {
    eventually("every packet", || {
        let counts = stage.handle.status().packets;
        (counts.received == packets).then(|| assert_eq!(counts.kernel_dropped, 0))
    });
}

#[test]
fn a_hundred_reloads_under_traffic_lose_no_packet_and_show_no_look_that_nobody_sent() {
    let name = format!("wristcast-reloads-{}.jsonl", std::process::id());
    let path = std::env::temp_dir().join(name);
    let text = show_text(RADIO);
    let options = Options { trace: Some(path.clone()), ..Options::default() };
    let mut stage = Stage::of(&text, options);
    // `right` goes from slot to slot; all slots have the level that `left` has.
    let shows = [1, 4].map(|address| {
        let end = text.rfind("address = 1").unwrap();
        let changed = format!("{}address = {address}{}", &text[..end], &text[end + 11..]);
        parse(&changed.replace("artnet/0/0/1", "sacn/1"))
    });
    let mut sent = 0;
    for round in 0..100 {
        for step in 0..4 {
            let level = 1 + ((round * 4 + step) % 200) as u8;
            stage.desk.sacn(1, &[level; 12]);
            sent += 1;
            if step == 1 {
                let changed = stage.handle.reload(shows[round % 2].clone(), &hand()).unwrap();
                assert!(!changed.is_empty(), "round {round}");
            }
        }
        // No more ahead than the receive buffer holds.
        received(&stage, sent);
    }
    stage.red("left", stage.group("right").look.red);
    let radios = stage.handle.radios();
    assert!(radios[0].frames_sent > 0 && radios[0].state == "up", "{radios:?}");
    assert_eq!(stage.handle.status().packets.accepted, sent);
    let report = stage.relay.stop();
    let trace = report.trace.expect("asked for");
    assert_eq!((trace.overflowed, trace.error), (0, None));

    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let looks = |name: &str| -> Vec<u64> {
        let lines = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
        let of = lines.filter(|line| line["group"] == name);
        of.map(|line| line["red"].as_u64().unwrap()).collect()
    };
    // Of what comes together only the last is shown; the end look is black.
    let sent: Vec<u64> = (0..400).map(|n| 1 + n % 200).chain([0]).collect();
    for name in ["left", "right"] {
        let mut still = sent.iter();
        let looks = looks(name);
        let in_order = looks.iter().all(|look| still.any(|sent| sent == look));
        assert!(in_order, "`{name}` shows what was sent, each once: {looks:?}");
        assert_eq!((still.next(), looks.len() > 100), (None, true), "to the end");
    }
}

#[test]
fn groups_and_radios_come_and_go_while_the_others_keep_their_light() {
    let text = show_text(RADIO);
    let mut stage = Stage::of(&text, Options::default());
    let bands = |stage: &Stage| stage.handle.status().bands_connected;
    eventually("connected", || (bands(&stage) == 4).then_some(()));
    stage.desk.sacn(1, &[40, 0, 0, 50]);
    stage.red("left", 40);
    let more = text.clone()
        + "[[group]]\nname = \"new\"\nuniverse = \"sacn/1\"\naddress = 4\npersonality = \"rgb\"\n"
        + "[[radio]]\nname = \"second\"\nkind = \"simulated\"\nbands_per_group = 1\n";
    let words = stage.handle.reload(parse(&more), &hand()).unwrap();
    assert_eq!(
        words,
        [
            "group `new` is new",
            "radio `second` is new",
            "radio `crowd` begins anew; its bands hold their look meanwhile",
        ]
    );
    assert_eq!((stage.group("left").look.red, stage.group("new").look.red), (40, 50));
    let lit = |stage: &Stage, group: &str, red: u8| {
        let bands = stage.handle.bands();
        bands.iter().filter(|band| band.group == group && band.look.red == red).count()
    };
    eventually("its bands", || (lit(&stage, "new", 50) == 3).then_some(()));
    eventually("the others", || (lit(&stage, "left", 40) == 3).then_some(()));
    assert_eq!(stage.handle.radios().len(), 2);

    // Another group of the same number: the radios go on.
    let frames = |stage: &Stage| stage.handle.radios()[0].frames_sent;
    let before = frames(&stage);
    let words = stage.handle.reload(parse(&more.replace("\"new\"", "\"balcony\"")), &hand());
    assert_eq!(words.unwrap(), ["group `balcony` is new", "group `new` is gone"]);
    assert!(frames(&stage) >= before, "its figures go on, too");

    let words = stage.handle.reload(parse(&text), &hand()).unwrap();
    assert!(words.contains(&"radio `second` is gone".to_owned()), "{words:?}");
    stage.desk.sacn(1, &[41]);
    stage.red("left", 41);
    eventually("its bands", || (lit(&stage, "left", 41) == 2).then_some(()));
    assert_eq!(stage.handle.radios().len(), 1);
    let report = stage.relay.stop();
    assert_eq!((report.bands, report.bands_not_at_end_look), (4, 0));
    assert!(stage.handle.bands().iter().all(|band| band.look.red == 0));
}

#[test]
fn a_refused_reload_changes_nothing_and_says_so() {
    let mut stage = Stage::of(&show_text(RADIO), Options::default());
    stage.desk.sacn(1, &[40]);
    stage.red("left", 40);
    let mut config = stage.config.clone();
    config.network.receive_buffer_bytes += 1;
    config.groups.pop();
    config.radios.clear();
    let preview = stage.handle.changes(&config).unwrap_err();
    assert_eq!(stage.handle.reload(config, &hand()).unwrap_err(), preview);
    assert!(preview.to_string().contains("receive buffer"), "{preview}");
    assert_eq!(stage.handle.groups().unwrap().len(), 2);
    assert_eq!(stage.handle.radios().len(), 1);
    stage.desk.sacn(1, &[41]);
    stage.red("left", 41);
    let events = stage.handle.events(0);
    let refused = events.iter().find(|event| event.text.contains("refused")).unwrap();
    assert_eq!(refused.by.as_deref(), Some("foh (test)"));
}

#[test]
fn a_show_may_be_called_otherwise_while_it_runs() {
    let text = show_text(RADIO);
    let mut stage = Stage::of(&text, Options::default());
    stage.desk.sacn(1, &[40]);
    stage.red("left", 40);
    let renamed = parse(&text.replace("name = \"Test\"", "name = \"Second night\""));
    let words = stage.handle.reload(renamed, &hand()).unwrap();
    assert_eq!(
        words,
        [
            "the show is called `Second night` (was `Test`)",
            "Art-Net consoles find it as `wristcast`, `Second night`",
        ]
    );
    assert_eq!(stage.handle.status().show, "Second night");
    assert_eq!(stage.group("left").look.red, 40);
    let deaf = text.clone() + "[network.artnet]\nreply = false\n";
    let refused = stage.handle.reload(parse(&deaf), &hand()).unwrap_err().to_string();
    assert!(refused.starts_with("whether the Art-Net node answers polls"), "{refused}");
}

#[test]
fn what_is_wrong_with_the_show_file_is_a_fault_until_it_is_put_right() {
    let stage = Stage::new();
    stage.handle.set_show_fault(Some("broken".to_owned()));
    assert_eq!(stage.handle.status().faults, ["broken"]);
    stage.handle.set_show_fault(None);
    assert_eq!(stage.handle.status().faults, [""; 0]);
}
