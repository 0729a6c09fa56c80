//! `wristcast doctor`, on the machine the tests run on: of that only what is so on every machine.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use serde_json::Value;

use crate::check::FIRST_LIGHT;
use crate::wristcast::{Running, file, free_udp_port, wristcast};

/// The show of the README on ports of its own, and the API on one that the system chooses.
pub(crate) fn show(name: &str, sacn: u16, artnet: u16) -> String {
    let text = FIRST_LIGHT
        .replace("5568", &sacn.to_string())
        .replace("6454", &artnet.to_string())
        .replace("8420", "0");
    file(name, &text)
}

/// The first finding of a check.
pub(crate) fn finding<'r>(report: &'r Value, check: &str) -> &'r Value {
    let found = report["findings"].as_array().unwrap();
    found.iter().find(|one| one["check"] == check).unwrap_or_else(|| panic!("{check}: {report:#}"))
}

fn brief(finding: &Value) -> (&str, &str) {
    (finding["verdict"].as_str().unwrap(), finding["what"].as_str().unwrap())
}

#[test]
fn loopback_hears_itself_and_every_finding_that_is_not_ok_has_a_remedy() {
    let show = show("doctor-good.toml", free_udp_port(), free_udp_port());
    let ended = wristcast(&["doctor", &show, "--json", "--for", "100ms"]);
    let report = ended.json();
    for check in ["show-file", "interface-present", "sacn-multicast", "broadcast", "light-port"] {
        assert_eq!(finding(&report, check)["verdict"], "ok", "{report:#}");
    }
    let found = report["findings"].as_array().unwrap();
    for one in found {
        assert_eq!(one["verdict"] == "ok", one["remedy"].is_null(), "{one:#}");
    }
    let code = ["ok", "warning", "fault"].iter().position(|word| report["verdict"] == *word);
    assert_eq!(code, usize::try_from(ended.code).ok(), "{report:#}");
    assert_eq!(report["schema"], 1);
}

#[test]
fn a_port_that_a_program_keeps_for_itself_is_a_fault_that_names_the_program() {
    let held = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let show = show("doctor-taken.toml", held.local_addr().unwrap().port(), free_udp_port());
    let ended = wristcast(&["doctor", &show, "--json", "--for", "100ms"]);
    assert_eq!(ended.code, 2);
    let report = ended.json();
    let (verdict, what) = brief(finding(&report, "light-port"));
    assert_eq!(verdict, "fault");
    if cfg!(target_os = "linux") {
        assert!(what.contains(&format!("(process {})", std::process::id())), "{what}");
    }
    assert_eq!(finding(&report, "sacn-multicast")["verdict"], "ok", "multicast works all the same");
}

#[test]
fn a_relay_that_runs_goes_on_undisturbed_and_is_no_fault() {
    let (sacn, artnet) = (free_udp_port(), free_udp_port());
    let show = show("doctor-beside.toml", sacn, artnet);
    let mut relay = Running::start(&["run", &show, "--status-every", "0s"]);
    assert!(relay.line().starts_with("listening:"), "{}", relay.stderr_if_ended());
    let report = wristcast(&["doctor", &show, "--json", "--for", "100ms"]).json();
    let (verdict, what) = brief(finding(&report, "light-port"));
    assert_eq!(verdict, if cfg!(target_os = "linux") { "ok" } else { "warning" }, "{what}");
    assert_eq!(finding(&report, "sacn-multicast")["verdict"], "ok");
    relay.terminate();
    let ended = relay.end();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains(" 0 packets received"), "{}", ended.stderr);
}

#[test]
fn a_relay_that_runs_is_asked_what_it_has_found_out() {
    let (sacn, artnet) = (free_udp_port(), free_udp_port());
    let http = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = http.local_addr().unwrap().port();
    let text = FIRST_LIGHT
        .replace("5568", &sacn.to_string())
        .replace("6454", &artnet.to_string())
        .replace("8420", &port.to_string());
    let show = file("doctor-asks.toml", &text);
    drop(http);
    let mut relay = Running::start(&["run", &show, "--status-every", "0s"]);
    assert!(relay.line().starts_with("listening:"), "{}", relay.stderr_if_ended());
    let report = wristcast(&["doctor", &show, "--json", "--for", "100ms"]).json();
    let (verdict, what) = brief(finding(&report, "arrivals"));
    assert_eq!(verdict, "ok");
    assert!(what.contains("heard too little"), "{what}");
    relay.terminate();
    assert_eq!(relay.end().code, 0);
    let alone = wristcast(&["doctor", &show, "--json", "--for", "100ms"]).json();
    let found = alone["findings"].as_array().unwrap();
    assert!(found.iter().all(|one| one["check"] != "arrivals"), "{alone:#}");
}

#[test]
fn a_show_that_is_wrong_or_not_there_is_a_fault_and_the_machine_is_looked_at_all_the_same() {
    let wrong = file("doctor-wrong.toml", &FIRST_LIGHT.replace("\"rgb\"", "\"rbg\""));
    for show in [wrong.as_str(), "no/such/show.toml"] {
        let ended = wristcast(&["doctor", show, "--json", "--for", "100ms"]);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert_eq!(finding(&ended.json(), "show-file")["verdict"], "fault");
        assert!(finding(&ended.json(), "receive-buffer")["what"].is_string());
    }
}

#[test]
fn people_read_what_is_worst_last_with_what_to_do() {
    let held = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let show = show("doctor-words.toml", held.local_addr().unwrap().port(), free_udp_port());
    let ended = wristcast(&["doctor", &show, "--for", "100ms"]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("ok "), "{}", ended.stdout);
    let fault = lines.iter().position(|line| line.starts_with("FAULT")).expect("a fault");
    assert!(lines[fault + 1].trim_start().starts_with("-> "), "{}", ended.stdout);
    assert!(lines.last().unwrap().starts_with("light will be missing: "), "{}", ended.stdout);
}

#[test]
fn the_watch_tells_what_changed_and_ends_when_asked_to() {
    let show = show("doctor-watch.toml", free_udp_port(), free_udp_port());
    let args = ["doctor", &show, "--watch", "--json", "--for", "100ms"];
    let mut doctor = Running::start(&args);
    let first: Value = serde_json::from_str(&doctor.line()).unwrap();
    assert_eq!(finding(&first, "show-file")["verdict"], "ok");
    std::fs::write(&show, "name = 7").unwrap();
    let second: Value = serde_json::from_str(&doctor.line()).unwrap();
    let new = second["new"].as_array().unwrap();
    assert!(
        new.iter().any(|one| one["check"] == "show-file" && one["verdict"] == "fault"),
        "{new:#?}"
    );
    doctor.terminate();
    assert_eq!(doctor.end().code, 2);
}

#[test]
fn the_guide_lists_every_check() {
    let guide = include_str!("../../../docs/doctor.md");
    let sources = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doctor")).unwrap();
    let mut checks: Vec<String> = Vec::new();
    for source in sources {
        let text = std::fs::read_to_string(source.unwrap().path()).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().replace('\n', " ");
        let words: Vec<&str> = code.split('"').collect();
        checks.extend(words.windows(2).filter_map(|pair| {
            let before: String = pair[0].split_whitespace().collect();
            let starts = ["Finding::ok(", "Finding::warning(", "Finding::fault("];
            starts.iter().any(|start| before.ends_with(start)).then(|| pair[1].to_owned())
        }));
    }
    checks.sort();
    checks.dedup();
    assert!(checks.len() > 15, "{checks:?}");
    for check in &checks {
        assert!(guide.contains(&format!("| `{check}` |")), "docs/doctor.md lacks `{check}`");
    }
}
