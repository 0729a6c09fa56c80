//! The relay as systemd runs it: a socket like systemd's hears that it is ready, how it is, that it is
//! alive and stopping.

use std::os::unix::net::UnixDatagram;
use std::process::Command;

use crate::run::{Relay, show};
use crate::wristcast::{PATIENCE, Running, eventually, file, free_udp_port};

/// A relay under a watchdog, and what it tells the service manager.
fn relay(name: &str, watchdog_ms: u64) -> (Relay, UnixDatagram, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (sacn, artnet) = (free_udp_port(), free_udp_port());
    let show = file(&format!("{name}.toml"), &show(sacn, artnet));
    let mut command = Command::new(env!("CARGO_BIN_EXE_wristcast"));
    command.args(["run", &show]).env("NOTIFY_SOCKET", &path);
    command.env("WATCHDOG_USEC", (watchdog_ms * 1000).to_string());
    (Relay::ready(Running::start_command(&mut command), sacn, artnet), socket, folder)
}

fn told(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).expect("a word in time");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn systemd_is_told_that_the_show_is_ready_alive_and_stopping() {
    let (relay, socket, _folder) = relay("watchdog", 400);
    let first = told(&socket);
    assert!(first.lines().any(|line| line == "READY=1"), "{first}");
    assert!(first.contains("STATUS=relaying `Test`"), "{first}");
    for _ in 0..3 {
        eventually("a sign of life", || (told(&socket).trim() == "WATCHDOG=1").then_some(()));
    }
    let _console = relay.console(&["solid", "sacn/1", "--colour", "#ff0000"]);
    eventually("light", || (relay.named("groups", "left")["look"]["red"] == 255).then_some(()));
    relay.process.terminate();
    let last =
        eventually("a farewell", || Some(told(&socket)).filter(|word| word.contains("STOPPING")));
    assert_eq!(last.trim(), "STOPPING=1");
}

#[test]
fn the_line_of_the_service_has_its_faults_while_they_stand() {
    let (relay, socket, _folder) = relay("watchdog-faults", 400);
    let line = || Some(told(&socket)).filter(|word| word.contains("STATUS="));
    let sound = show(relay.sacn, relay.artnet);
    file("watchdog-faults.toml", &format!("{sound}\ncolour = 1\n"));
    relay.process.signal("-HUP");
    eventually("a refusal", || line()?.contains("`Test`; the show file is not").then_some(()));
    file("watchdog-faults.toml", &sound.replace("\"right\"", "\"balcony\""));
    relay.process.signal("-HUP");
    eventually("no fault", || (!line()?.contains("the show file")).then_some(()));
}
