//! The network taken away under the bridge, and a system that drops what is sent: in a network
//! namespace of its own, which a step of CI makes.
#![cfg(target_os = "linux")]

use std::process::Command;

use super::*;

fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).status();
    let done = done.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(done.success(), "{program} {arguments:?}");
}

fn ip(command: &str) {
    run("ip", &command.split(' ').collect::<Vec<_>>());
}

/// A network interface `show0` with this address, and the cable's other end.
fn plug_in(address: &str) {
    ip("link add show0 type veth peer name desk0");
    ip(&format!("address add {address}/24 dev show0"));
    ip("link set desk0 up");
    ip("link set show0 up");
}

#[test]
#[ignore = "in a network namespace; a step of CI"]
fn an_interface_that_is_removed_is_a_fault_and_its_return_is_heard() {
    ip("link set lo up");
    plug_in("10.7.0.1");
    let port = free_port();
    let relay = BridgeRelay::new();
    let show = show_text(port, SIMULATED).replace("[\"127.0.0.1\"]", "[\"show0\"]");
    relay.start(text(show)).unwrap();
    let console = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let mut stage = Stage { relay, console, port, sequence: 0, sent: 0 };
    let heard = |stage: &mut Stage, to: [u8; 4], red: u8| {
        eventually("light", || {
            stage.send_to(to.into(), [red, 0, 0, 0]);
            (stage.snapshot().groups[0].red == red).then_some(())
        });
    };
    let faults = |stage: &Stage, words: &str| {
        stage.snapshot().faults.iter().any(|fault| fault.contains(words))
    };
    heard(&mut stage, [10, 7, 0, 1], 1);
    assert_eq!(stage.snapshot().sources.len(), 1);

    ip("link delete show0");
    eventually("a fault", || faults(&stage, "`show0` is not here").then_some(()));
    assert_eq!(stage.relay.rebind("the path is lost".to_owned()), Ok(()));
    assert!(faults(&stage, "`show0` is not here"), "still so, and no harm done");

    plug_in("10.8.0.1");
    stage.relay.rebind("the path is back".to_owned()).unwrap();
    heard(&mut stage, [10, 8, 0, 1], 2);
    eventually("no fault", || stage.snapshot().faults.is_empty().then_some(()));
    assert_eq!(stage.snapshot().interfaces[0].addresses, ["10.8.0.1"]);
    let told: Vec<String> = stage.relay.events(0).into_iter().map(|event| event.text).collect();
    assert!(told.iter().any(|text| text.contains("show0") && text.contains("gone")), "{told:?}");
    stage.relay.stop();
}

#[test]
#[ignore = "in a network namespace; a step of CI"]
fn multicast_that_is_dropped_without_a_word_is_found_by_the_probe() {
    ip("link set lo up");
    plug_in("10.7.0.1");
    let probe = |wait_ms| probe_multicast("10.7.0.1".to_owned(), wait_ms).verdict;
    assert_eq!(probe(5000), ProbeVerdict::Heard);
    run("nft", &["add", "table", "inet", "block"]);
    let hook = "{ type filter hook input priority 0; }";
    run("nft", &["add", "chain", "inet", "block", "in", hook]);
    let rule = ["add", "rule", "inet", "block", "in", "ip", "daddr", "239.0.0.0/8", "drop"];
    run("nft", &rule);
    assert_eq!(probe(300), ProbeVerdict::Silent);
    run("nft", &["delete", "table", "inet", "block"]);
    assert_eq!(probe(5000), ProbeVerdict::Heard);
}
