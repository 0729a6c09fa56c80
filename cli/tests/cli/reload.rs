//! A show file that changes while the show runs: taken whole, or refused whole; and what runs when it
//! is broken at a start.

use serde_json::Value;

use crate::control::TOKEN;
use crate::run::Relay;
use crate::wristcast::{Ended, Running, eventually, file, path, wristcast};

/// A relay whose show file changes.
struct Changing {
    relay: Relay,
    name: String,
    text: String,
}

impl Changing {
    fn start(name: &str, more: &[&str]) -> Self {
        let tokens = file(&format!("{name}-tokens.txt"), &format!("foh {TOKEN}\n"));
        let key = format!("listen = \"127.0.0.1:0\"\ntoken_file = \"{tokens}\"");
        let mut text = String::new();
        let relay = Relay::start_changed(name, more, |show| {
            text = show.replace("listen = \"127.0.0.1:0\"", &key);
            text.clone()
        });
        Self { relay, name: format!("{name}.toml"), text }
    }

    /// Writes the show file with something else in the place of `from`.
    fn change(&self, from: &str, to: &str) {
        assert!(self.text.contains(from));
        file(&self.name, &self.text.replace(from, to));
    }

    fn reload(&self, more: &[&str]) -> Ended {
        let api = format!("http://{}", self.relay.api);
        wristcast(&[&["reload", &api, "--token", TOKEN], more].concat())
    }

    fn groups(&self) -> Vec<String> {
        let groups = self.relay.get("groups");
        let names = groups.as_array().unwrap().iter();
        names.map(|group| group["name"].as_str().unwrap().to_owned()).collect()
    }

    fn faults(&self) -> String {
        self.relay.get("status")["faults"].to_string()
    }

    /// The event that has these words.
    fn event(&self, words: &str) -> Option<Value> {
        let events = self.relay.get("events");
        let mut events = events.as_array().unwrap().iter();
        events.find(|event| event["text"].as_str().unwrap().contains(words)).cloned()
    }
}

#[test]
fn an_operator_reloads_the_show_and_is_told_what_changed() {
    let show = Changing::start("reload-by-hand", &[]);
    let _console = show.relay.console(&["solid", "sacn/1", "--colour", "#010203"]);
    let red = || show.relay.named("groups", "left")["look"]["red"].clone();
    eventually("light", || (red() == 1).then_some(()));
    show.change("\"right\"", "\"balcony\"");
    let changes = "group `balcony` is new\ngroup `right` is gone\n";

    let check = show.reload(&["--check"]);
    assert_eq!((check.code, check.stdout.as_str()), (0, changes), "{check:?}");
    assert_eq!(show.groups(), ["left", "right"], "nothing was done");

    let done = show.reload(&[]);
    assert_eq!((done.code, done.stdout.as_str()), (0, changes), "{done:?}");
    assert_eq!(show.groups(), ["left", "balcony"]);
    assert_eq!(red(), 1);
    let event = show.event("group `balcony` is new").expect("it is written down");
    assert_eq!(event["by"], "foh (terminal, 127.0.0.1)");
    let again = show.reload(&[]);
    assert!(again.stdout.starts_with("nothing changes"), "{again:?}");
}

/// What a reload begins inherits the place of the thread that does it.
#[test]
#[cfg(target_os = "linux")]
fn radios_that_a_reload_over_http_begins_stand_behind_nobody() {
    let show = Changing::start("reload-place", &[]);
    // Scheduling policy and nice value by the names of threads.
    let places = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", show.relay.process.id())).unwrap();
        let place = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
            let (name, fields) = stat.split_once('(')?.1.rsplit_once(") ")?;
            let fields: Vec<&str> = fields.split(' ').collect();
            Some((name.to_owned(), (fields[38].to_owned(), fields[16].to_owned())))
        };
        tasks.flatten().filter_map(place).collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = places();
    show.change("kind = \"simulated\"", "kind = \"simulated\"\nname = \"another\"");
    assert_eq!(show.reload(&[]).code, 0);
    let after = eventually("its thread", || {
        Some(places()).filter(|places| places.contains_key("wristcast-anoth"))
    });
    assert_eq!(after["wristcast-anoth"], before["wristcast-relay"], "{after:?}");
    assert_ne!(after["http"], before["wristcast-relay"], "{after:?}");
}

#[test]
fn a_broken_show_file_is_refused_with_its_place_and_the_show_goes_on() {
    let show = Changing::start("reload-refused", &[]);
    show.change("address = 10", "address = 900");
    let refused = show.reload(&[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("reload-refused.toml:") && refused.stderr.contains("900"));
    assert_eq!(show.groups(), ["left", "right"]);
    assert!(show.faults().contains("refused"), "{}", show.faults());
    assert!(show.event("was refused").is_some());

    // What cannot change while running.
    show.change("interfaces =", "receive_buffer_bytes = 1048576\ninterfaces =");
    let refused = show.reload(&[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(!refused.stderr.is_empty() && show.groups().len() == 2);

    file(&show.name, &show.text);
    assert_eq!(show.reload(&[]).code, 0);
    assert_eq!(show.faults(), "[]");
}

#[test]
fn without_the_token_nothing_is_reloaded() {
    let show = Changing::start("reload-token", &[]);
    show.change("\"right\"", "\"balcony\"");
    let api = format!("http://{}", show.relay.api);
    let refused = wristcast(&["reload", &api, "--token", "0123456789abcdef0000"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(show.groups(), ["left", "right"]);
}

#[cfg(unix)]
#[test]
fn a_hang_up_reads_the_show_file_again_and_ends_nothing() {
    let show = Changing::start("reload-hup", &[]);
    show.change("\"right\"", "\"balcony\"");
    let told = wristcast(&["reload", "--pid", &show.relay.process.id().to_string()]);
    assert_eq!(told.code, 0, "{told:?}");
    let event = eventually("reloaded", || show.event("group `balcony` is new"));
    assert_eq!(event["by"], "this machine (SIGHUP)");
    assert_eq!(show.groups(), ["left", "balcony"]);
    show.relay.process.signal("-HUP");
    eventually("read again", || show.event("is the same"));
}

#[test]
fn a_watched_show_file_is_taken_when_it_is_sound() {
    let show = Changing::start("reload-watch", &["--watch"]);
    show.change("\"right\"", "\"right");
    eventually("refused", || show.event("was refused"));
    assert_eq!(show.groups(), ["left", "right"]);
    // As an editor does that writes another file first.
    let new = file("reload-watch.new", &show.text.replace("\"right\"", "\"balcony\""));
    std::fs::rename(new, path(&show.name)).unwrap();
    eventually("taken", || (show.groups() == ["left", "balcony"]).then_some(()));
    eventually("no fault is left", || (show.faults() == "[]").then_some(()));
}

#[test]
fn a_show_file_that_is_broken_at_a_start_gives_way_to_its_last_good_version() {
    let show = Changing::start("reload-last-good", &[]);
    show.change("\"right\"", "\"balcony\"");
    assert_eq!(show.reload(&[]).code, 0);
    let Changing { relay, name, text } = show;
    drop(relay);
    let broken = file(&name, &text.replace("address = 10", "address = 900"));

    let ended = wristcast(&["run", &broken, "--no-last-good"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    let mut process = Running::start(&["run", &broken]);
    let ready = process.line();
    let api = ready.trim_end().rsplit_once("http://").expect("it runs").1.to_owned();
    let relay = Relay { process, sacn: 0, artnet: 0, api: api.clone(), ready };
    let show = Changing { relay, name, text };
    assert_eq!(show.groups(), ["left", "balcony"]);
    assert!(show.faults().contains("last good version"), "{}", show.faults());
    assert_eq!(show.event("last good version").unwrap()["severity"], "fault");
    let text = |path: &str| {
        let url = format!("http://{api}/{path}");
        ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap()
    };
    assert!(text("metrics").contains("wristcast_show_file_refused 1"));
    eventually("ready", || text("readyz").contains("not the show that runs").then_some(()));

    file(&show.name, &show.text);
    assert_eq!(show.reload(&[]).code, 0);
    assert_eq!((show.faults().as_str(), show.groups().len()), ("[]", 2));
    assert!(text("metrics").contains("wristcast_show_file_refused 0"));
}
