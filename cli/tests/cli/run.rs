//! `wristcast run`: a relay from a show file, packets in, looks and answers out.

use std::net::UdpSocket;

use serde_json::Value;

use crate::wristcast::{Running, eventually, file, free_udp_port, path, wristcast};

/// A running relay with its ports.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) process: Running,
    pub(crate) sacn: u16,
    pub(crate) artnet: u16,
    /// `127.0.0.1:PORT`.
    pub(crate) api: String,
    /// The line that says where it listens.
    pub(crate) ready: String,
}

/// The show of these tests.
pub(crate) fn show(sacn: u16, artnet: u16) -> String {
    format!(
        r#"
        name = "Test"
        [network]
        interfaces = ["127.0.0.1"]
        sacn_port = {sacn}
        artnet_port = {artnet}
        [http]
        listen = "127.0.0.1:0"
        [[group]]
        name = "left"
        universe = "sacn/1"
        address = 1
        personality = "rgb"
        [[group]]
        name = "right"
        universe = "artnet/0/0/1"
        address = 10
        personality = "drgb"
        [[radio]]
        kind = "simulated"
        bands_per_group = 3
        "#
    )
}

impl Relay {
    /// Runs the show of these tests; `name` is for its file.
    pub(crate) fn start(name: &str, more: &[&str]) -> Self {
        Self::start_changed(name, more, |show| show)
    }

    /// Runs the show with a change.
    pub(crate) fn start_changed(
        name: &str,
        more: &[&str],
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let (sacn, artnet) = (free_udp_port(), free_udp_port());
        let show = file(&format!("{name}.toml"), &change(show(sacn, artnet)));
        Self::ready(Running::start(&[&["run", &show], more].concat()), sacn, artnet)
    }

    /// Runs the show of these tests in a process started otherwise.
    pub(crate) fn start_by(
        name: &str,
        more: &[&str],
        start: impl FnOnce(&[&str]) -> Running,
    ) -> Self {
        let (sacn, artnet) = (free_udp_port(), free_udp_port());
        let show = file(&format!("{name}.toml"), &show(sacn, artnet));
        Self::ready(start(&[&["run", &show], more].concat()), sacn, artnet)
    }

    pub(crate) fn ready(mut process: Running, sacn: u16, artnet: u16) -> Self {
        let ready = process.line();
        let expected = format!("listening: sACN {sacn}, Art-Net {artnet} on ");
        assert!(ready.starts_with(&expected), "{ready:?} {}", process.stderr_if_ended());
        let api = ready.trim_end().rsplit_once("http://").expect("the API's address").1.to_owned();
        Self { process, sacn, artnet, api, ready }
    }

    /// What the API answers.
    pub(crate) fn get(&self, path: &str) -> Value {
        let url = format!("http://{}/api/v1/{path}", self.api);
        ureq::get(url).call().unwrap().body_mut().read_json().unwrap()
    }

    /// One of a list by its name.
    pub(crate) fn named(&self, list: &str, name: &str) -> Value {
        let all = self.get(list);
        let found = all.as_array().unwrap().iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {all:#}")).clone()
    }

    /// A console that sends until it is dropped.
    pub(crate) fn console(&self, args: &[&str]) -> Running {
        let (sacn, artnet) = (self.sacn.to_string(), self.artnet.to_string());
        let ports = ["--sacn-port", &sacn, "--artnet-port", &artnet, "--to", "127.0.0.1"];
        Running::start(&[&["send"], args, &ports].concat())
    }
}

fn light(look: &Value) -> [u64; 4] {
    ["red", "green", "blue", "white"].map(|colour| look[colour].as_u64().unwrap())
}

#[test]
fn levels_come_from_the_network_to_the_api() {
    let relay = Relay::start("run-levels", &[]);
    assert_eq!(relay.get("universes/sacn/1")["state"], "waiting");
    let _sacn = relay.console(&[
        "solid",
        "sacn/1",
        "--colour",
        "#010203",
        "--priority",
        "120",
        "--source-name",
        "Desk",
    ]);
    let universe = eventually("sACN levels", || {
        Some(relay.get("universes/sacn/1")).filter(|one| one["state"] == "live")
    });
    let levels = universe["levels"].as_array().unwrap();
    assert_eq!(levels.len(), 512);
    assert_eq!(levels[..4], [1, 2, 3, 1]);
    let source = &universe["sources"][0];
    assert_eq!(source["name"], "Desk");
    assert_eq!(source["priority"], 120);
    assert_eq!(source["contributing"], true);
    assert_eq!(source["sequence_errors"], 0);
    assert_eq!(source["cid"].as_str().map(str::len), Some(36), "{source:#}");
    let address = source["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1"), "{address}");
    assert_eq!(light(&relay.named("groups", "left")["look"]), [1, 2, 3, 0]);
    eventually("the bands to show it", || {
        let bands = relay.get("bands");
        let of_left = bands.as_array().unwrap().iter().filter(|band| band["group"] == "left");
        (of_left.filter(|band| light(&band["look"]) == [1, 2, 3, 0]).count() == 3).then_some(())
    });

    let _artnet = relay.console(&[
        "solid",
        "artnet/1",
        "--colour",
        "#040506",
        "--personality",
        "drgb",
        "--address",
        "10",
    ]);
    eventually("Art-Net levels", || {
        let right = relay.named("groups", "right");
        (right["lost"] == false && light(&right["look"]) == [4, 5, 6, 0]).then_some(())
    });
    let by_parts = relay.get("universes/artnet/0/0/1");
    assert_eq!(by_parts["levels"], relay.get("universes/artnet/1")["levels"]);
    assert_eq!(relay.get("status")["universes_live"], 2);
}

#[test]
fn a_source_that_ends_its_stream_is_lost_at_once_and_the_group_says_so() {
    let relay = Relay::start("run-lost", &[]);
    let console = relay.console(&["full", "sacn/1"]);
    eventually("a signal", || (relay.named("groups", "left")["lost"] == false).then_some(()));
    console.terminate();
    eventually("its loss", || (relay.named("groups", "left")["lost"] == true).then_some(()));
    assert_eq!(light(&relay.named("groups", "left")["look"]), [255, 255, 255, 0], "held");
}

#[test]
fn sigterm_ends_the_relay_with_code_0_and_a_report() {
    let relay = Relay::start("run-sigterm", &[]);
    relay.process.terminate();
    let ended = relay.process.end();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("stopped after"), "{}", ended.stderr);
}

/// Bands that are reached once in four seconds: too slow for the end look.
fn slow_bands(show: String) -> String {
    show + "interval_ms = 4000\n"
}

#[test]
fn bands_that_are_not_brought_to_the_end_look_are_code_4() {
    let relay = Relay::start_changed("run-slow", &[], slow_bands);
    let _console = relay.console(&["full", "sacn/1"]);
    eventually("a lit band", || {
        let bands = relay.get("bands");
        bands.as_array().unwrap().iter().any(|band| band["age_ms"].is_u64()).then_some(())
    });
    relay.process.terminate();
    let ended = relay.process.end();
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("could not be brought to the end look"), "{}", ended.stderr);
}

#[test]
fn a_second_signal_does_not_wait_for_the_bands() {
    let relay = Relay::start_changed("run-twice", &[], slow_bands);
    let _console = relay.console(&["full", "sacn/1"]);
    eventually("a lit band", || {
        let bands = relay.get("bands");
        bands.as_array().unwrap().iter().any(|band| band["age_ms"].is_u64()).then_some(())
    });
    relay.process.terminate();
    // The first was heard when the API is gone or the process has ended.
    eventually("the first signal", || {
        relay.process.terminate();
        std::net::TcpStream::connect(&relay.api).err()
    });
    let ended = relay.process.end();
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(!ended.stderr.contains("stopped after"), "{}", ended.stderr);
}

#[test]
fn it_stops_by_itself_when_its_time_is_up() {
    let relay = Relay::start("run-for", &["--for", "100ms", "--log", "error"]);
    let ended = relay.process.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

#[test]
fn the_trace_has_a_line_for_every_published_look_and_the_last_is_what_was_sent() {
    let trace = path("run-trace.jsonl");
    let relay = Relay::start("run-trace", &["--trace", trace.to_str().unwrap()]);
    let _console = relay.console(&["solid", "sacn/1", "--colour", "#070809"]);
    eventually("a look", || (relay.named("groups", "left")["lost"] == false).then_some(()));
    relay.process.terminate();
    assert_eq!(relay.process.end().code, 0);
    let text = std::fs::read_to_string(trace).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_left = |line: &&Value| line["group"] == "left";
    let sent = lines.iter().filter(of_left).any(|line| light(line) == [7, 8, 9, 0]);
    assert!(sent, "{text}");
    let end = lines.iter().rfind(of_left).expect("lines of the group");
    assert_eq!(light(end), [0; 4], "the end look is dark: {text}");
    let times: Vec<u64> = lines.iter().map(|line| line["t_ns"].as_u64().unwrap()).collect();
    assert!(times.is_sorted());
}

#[test]
fn the_log_can_be_json_lines() {
    let relay = Relay::start("run-json", &["--log-format", "json", "--status-every", "10ms"]);
    eventually("an uptime", || {
        (relay.get("status")["uptime_ms"].as_u64().unwrap() > 50).then_some(())
    });
    relay.process.terminate();
    let stderr = relay.process.end().stderr;
    let events: Vec<Value> = stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let status = events.iter().find(|event| event["fields"]["message"] == "status");
    assert_eq!(status.expect("a status")["fields"]["universes"], 2);
}

#[test]
fn a_wrong_show_is_code_1_before_anything_starts() {
    let show = file("run-wrong.toml", &show(1, 2).replace("drgb", "dgrb"));
    let ended = wristcast(&["run", &show]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("did you mean"), "{}", ended.stderr);
}

#[test]
fn a_port_that_another_program_keeps_to_itself_is_code_3_and_named() {
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let show = file("run-taken.toml", &show(port, free_udp_port()));
    let ended = wristcast(&["run", &show]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains(&format!("sACN port {port}/udp is in use")), "{ended:?}");
}

#[test]
fn a_trace_that_cannot_be_written_is_code_3() {
    let show = file("run-no-trace.toml", &show(free_udp_port(), free_udp_port()));
    let ended = wristcast(&["run", &show, "--trace", "/no/such/directory/trace.jsonl"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("/no/such/directory/trace.jsonl"), "{}", ended.stderr);
}

#[test]
fn a_relay_whose_stdout_is_closed_goes_on() {
    let (sacn, artnet) = (free_udp_port(), free_udp_port());
    let show = file("run-closed.toml", &show(sacn, artnet));
    let ended = Running::start_unread(&["run", &show, "--for", "200ms"]).end();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("stopped after"), "{}", ended.stderr);
}

#[test]
fn pictures_without_a_terminal_are_code_3_before_anything_starts() {
    let show = file("run-tui.toml", &show(free_udp_port(), free_udp_port()));
    for args in [&["run", &show, "--tui"][..], &["monitor"][..]] {
        let ended = wristcast(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains("needs a terminal"), "{ended:?}");
    }
}

/// What the kernel says of the threads of a process, by their names: the cores they may run on, their
/// scheduling policy.
#[cfg(target_os = "linux")]
fn threads(process: u32) -> std::collections::BTreeMap<String, (String, String)> {
    let thread = |task: std::fs::DirEntry| {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).ok();
        let status = read("status")?;
        let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t"))?;
        let stat = read("stat")?;
        let policy = stat.rsplit_once(") ")?.1.split(' ').nth(38)?.to_owned();
        Some((read("comm")?.trim_end().to_owned(), (cores.to_owned(), policy)))
    };
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks.flatten().filter_map(thread).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn the_relay_thread_alone_has_the_core_and_the_priority_that_the_show_wants() {
    let here = rustix::thread::sched_getaffinity(None).unwrap();
    let cores = || (0..rustix::thread::CpuSet::MAX_CPU).filter(|&core| here.is_set(core));
    let last = cores().next_back().expect("this runs somewhere");
    let relay = Relay::start_changed("run-core", &[], |show| {
        let keys = format!("core = {last}\nrealtime_priority = 1\ninterfaces =");
        show.replace("interfaces =", &keys)
    });
    let said = eventually("both answers of the system", || {
        let events = relay.get("events");
        let texts = events.as_array().unwrap().iter().map(|event| event["text"].to_string());
        let of_it: Vec<_> = texts.filter(|text| text.contains("the relay thread")).collect();
        (of_it.len() == 2).then(|| of_it.concat())
    });
    assert!(said.contains(&format!("runs on core {last}")), "{said}");
    // SCHED_FIFO, if this user may.
    let policy = if said.contains("runs without") { "0" } else { "1" };
    let threads = threads(relay.process.id());
    assert_eq!(threads["wristcast-relay"], (last.to_string(), policy.to_owned()), "{said}");
    for (name, (allowed, policy)) in &threads {
        if name != "wristcast-relay" {
            assert_ne!(policy, "1", "{name}");
            assert!(
                cores().count() == 1 || *allowed != last.to_string(),
                "{name} is kept there, too"
            );
        }
    }
}
