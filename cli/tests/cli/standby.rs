//! `wristcast standby`: two relays on one show, and who drives the bands.

use crate::control::TOKEN;
use crate::run::Relay;
use crate::wristcast::{Ended, eventually, file, free_udp_port, wristcast};

/// One of two relays, with long times for machines that do much else.
fn relay(name: &str, role: &str, listen: u16, peer: u16) -> Relay {
    let tokens = file(&format!("{name}-tokens.txt"), &format!("foh {TOKEN}\n"));
    let more = format!(
        "listen = \"127.0.0.1:0\"\ntoken_file = \"{tokens}\"\n[standby]\nrole = \"{role}\"\n\
         peer = [\"127.0.0.1:{peer}\"]\nlisten = \"127.0.0.1:{listen}\"\nkey = \"none\"\n\
         take_over_ms = 5000"
    );
    Relay::start_changed(name, &[], |show| show.replace("listen = \"127.0.0.1:0\"", &more))
}

fn standby(relay: &Relay, what: &str, more: &[&str]) -> Ended {
    wristcast(&[&["standby", what, &format!("http://{}", relay.api)], more].concat())
}

/// What monitoring sees of it.
fn metric(relay: &Relay, name: &str) -> String {
    let url = format!("http://{}/metrics", relay.api);
    let page = ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap();
    let line =
        page.lines().find_map(|line| line.strip_prefix(&format!("wristcast_standby_{name} ")));
    line.unwrap_or("nothing").to_owned()
}

#[test]
fn operators_see_who_drives_the_bands_and_change_it() {
    let ports = [free_udp_port(), free_udp_port()];
    let first = relay("standby-first", "preferred", ports[0], ports[1]);
    let second = relay("standby-second", "backup", ports[1], ports[0]);
    let says = |relay: &Relay, words: &str| {
        eventually(words, || {
            let told = standby(relay, "status", &[]);
            assert_eq!(told.code, 0, "{told:?}");
            told.stdout.contains(words).then_some(told.stdout)
        })
    };
    let told = says(&first, "this relay (preferred) drives the bands");
    assert!(told.contains("the other relay (backup) does not drive the bands"), "{told}");
    assert!(told.contains("the same show"), "{told}");
    let bands = |relay: &Relay| relay.get("status")["bands_connected"].clone();
    eventually("connected", || (bands(&first) == 6).then_some(()));
    assert_eq!(bands(&second), 0);

    let refused = standby(&second, "give", &["--token", TOKEN]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("this relay does not drive the bands"), "{refused:?}");
    let refused = standby(&first, "give", &["--token", "0123456789abcdef0000"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert_eq!(standby(&first, "give", &[]).code, 2, "an order needs a token");

    let given = standby(&first, "give", &["--token", TOKEN]);
    assert_eq!(given.code, 0, "{given:?}");
    assert!(given.stdout.contains("this relay (preferred) does not drive"), "{given:?}");
    eventually("connected", || (bands(&second) == 6).then_some(()));
    assert_eq!((metric(&first, "drives"), metric(&second, "drives")), ("0.0".into(), "1.0".into()));
    let events = first.get("events");
    let mut events = events.as_array().unwrap().iter();
    let order = events.find(|event| event["text"].as_str().unwrap().contains("ordered to give"));
    assert_eq!(order.expect("it is written down")["by"], "foh (terminal, 127.0.0.1)");

    let taken = standby(&first, "take", &["--token", TOKEN]);
    assert_eq!(taken.code, 0, "{taken:?}");
    says(&second, "this relay (backup) does not drive the bands");

    // Alone, and without a console: its own cable may be out. The operator knows that it is not.
    drop(second);
    let has_fault = |words: &str| {
        eventually(words, || {
            first.get("status")["faults"].to_string().contains(words).then_some(())
        });
    };
    has_fault("it hears neither the other relay nor a console");
    assert_eq!(
        (metric(&first, "drives"), metric(&first, "peer_heard")),
        ("0.0".into(), "0.0".into())
    );
    let forced = standby(&first, "take", &["--token", TOKEN]);
    assert_eq!(forced.code, 0, "{forced:?}");
    has_fault("nobody would take over");
    eventually("connected", || (bands(&first) == 6).then_some(()));
}

#[test]
fn a_relay_without_a_standby_says_so() {
    let tokens = file("standby-none-tokens.txt", &format!("foh {TOKEN}\n"));
    let key = format!("listen = \"127.0.0.1:0\"\ntoken_file = \"{tokens}\"");
    let relay = Relay::start_changed("standby-none", &[], |show| {
        show.replace("listen = \"127.0.0.1:0\"", &key)
    });
    for (what, more) in [("status", &[][..]), ("take", &["--token", TOKEN])] {
        let refused = standby(&relay, what, more);
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(refused.stderr.contains("no [standby]"), "{refused:?}");
    }
    assert_eq!(metric(&relay, "drives"), "nothing");
    let gone = wristcast(&["standby", "status", "http://127.0.0.1:9"]);
    assert_eq!(gone.code, 3, "{gone:?}");
    assert!(gone.stderr.contains("no relay answers at"), "{gone:?}");
}
