//! `wristcast record` and `run --record`: what consoles send is in the file, whatever ends it.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::run::Relay;
use crate::wristcast::{Ended, Running, eventually, free_udp_port, path, wristcast};

/// A folder of its own for each test, empty at its beginning.
fn folder(name: &str) -> PathBuf {
    let folder = path(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    folder
}

/// A recording on loopback with its ports.
struct Recording {
    process: Running,
    sacn: String,
    artnet: String,
    file: String,
}

impl Recording {
    fn start(file: &Path, more: &[&str]) -> Self {
        Self::start_by(file, more, Running::start)
    }

    fn start_by(file: &Path, more: &[&str], start: impl FnOnce(&[&str]) -> Running) -> Self {
        let file = file.to_str().unwrap().to_owned();
        let (sacn, artnet) = (free_udp_port().to_string(), free_udp_port().to_string());
        let args = ["record", "-o", &file, "--interface", "lo", "--min-free", "0b"];
        let ports = ["--sacn-port", &sacn, "--artnet-port", &artnet];
        let mut process = start(&[&args[..], &ports, more].concat());
        let ready = process.line();
        let expected = format!("recording: sACN {sacn}, Art-Net {artnet} on lo to ");
        assert!(ready.starts_with(&expected), "{ready:?} {}", process.stderr_if_ended());
        Self { process, sacn, artnet, file }
    }

    /// A console that sends until it is dropped.
    fn console(&self, args: &[&str]) -> Running {
        let ports = ["--sacn-port", &self.sacn, "--artnet-port", &self.artnet];
        Running::start(&[&["send"], args, &ports].concat())
    }

    /// Waits until the growing file holds so many frames of a universe.
    fn wait_for(&self, universe: &str, count: u64) {
        eventually("frames in the file", || {
            let info = info(&self.file)?;
            (frames(&info, universe) >= count).then_some(())
        });
    }

    fn stop(self) -> Ended {
        self.process.terminate();
        self.process.end()
    }
}

/// What `show info` says, if the file can be read.
fn info(file: &str) -> Option<Value> {
    let ended = wristcast(&["show", "info", file, "--json"]);
    (ended.code == 0).then(|| ended.json())
}

/// The frames of a universe.
fn frames(info: &Value, universe: &str) -> u64 {
    let universes = info["universes"].as_array().unwrap();
    let found = universes.iter().find(|one| one["universe"] == universe);
    found.map_or(0, |one| one["frames"].as_u64().unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().into_string().unwrap()
    };
    let mut names: Vec<String> = folder.read_dir().unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn both_protocols_are_in_the_file_with_their_senders() {
    let folder = folder("record-both");
    let file = folder.join("show.pcapng");
    let recording = Recording::start(&file, &["--universe", "sacn/7,artnet/1"]);
    let colour = ["--colour", "#010203", "--rate", "20", "--interface", "lo"];
    let _sacn = recording
        .console(&[&["solid", "sacn/7..8", "--source-name", "Desk"][..], &colour].concat());
    let _artnet = recording
        .console(&[&["solid", "artnet/1,2", "--to", "127.0.0.1"][..], &colour[..4]].concat());
    recording.wait_for("sacn/7", 20);
    recording.wait_for("artnet/0/0/1", 20);
    let file = recording.file.clone();
    let ended = recording.stop();
    assert_eq!(ended.code, 0, "{ended:?}");
    let info = info(&file).unwrap();
    let (sacn, artnet) = (frames(&info, "sacn/7"), frames(&info, "artnet/0/0/1"));
    assert!(ended.stdout.contains("of 2 universes"), "{ended:?}");
    assert!(ended.stdout.contains("lost 0 for want of disk speed, 0 by the system"), "{ended:?}");
    assert_eq!(info["warnings"].as_array().unwrap().len(), 0, "{info:#}");
    assert!(sacn >= 20 && artnet >= 20, "{info:#}");
    assert_eq!(info["universes"].as_array().unwrap().len(), 2, "only those chosen: {info:#}");
    let desk = info["sources"].as_array().unwrap().iter().find(|one| one["name"] == "Desk");
    let desk = desk.unwrap_or_else(|| panic!("{info:#}"));
    assert!(desk["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{desk}");
    assert_eq!((&desk["missing"], &desk["out_of_order"]), (&0.into(), &0.into()));
    assert_eq!(info["universes"][0]["highest"]["level"], 3);
    let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
    assert!(text.contains(concat!("wristcast ", env!("CARGO_PKG_VERSION"))) && text.contains("lo"));
}

#[test]
fn universes_that_a_source_announces_are_joined() {
    let folder = folder("record-announced");
    let recording = Recording::start(&folder.join("show.pcapng"), &[]);
    let _console = recording.console(&["full", "sacn/301", "--interface", "lo"]);
    recording.wait_for("sacn/301", 5);
    assert_eq!(recording.stop().code, 0);
}

#[test]
fn a_show_file_says_what_is_recorded_and_where() {
    let folder = folder("record-show");
    let show = folder.join("show.toml");
    let (sacn, artnet) = (free_udp_port(), free_udp_port());
    std::fs::write(&show, crate::run::show(sacn, artnet)).unwrap();
    let file = folder.join("show.pcapng");
    let args = ["record", "-o", file.to_str().unwrap(), "--show", show.to_str().unwrap()];
    let mut process = Running::start(&[&args[..], &["--min-free", "0b"]].concat());
    let ready = process.line();
    assert!(ready.starts_with(&format!("recording: sACN {sacn}, Art-Net {artnet} on lo")));
    let (sacn, artnet) = (sacn.to_string(), artnet.to_string());
    let recording = Recording { process, sacn, artnet, file: file.to_str().unwrap().to_owned() };
    let _console = recording.console(&["full", "sacn/1..2", "--interface", "lo"]);
    recording.wait_for("sacn/1", 10);
    assert_eq!(frames(&info(&recording.file).unwrap(), "sacn/2"), 0, "nobody patched it");
    assert_eq!(recording.stop().code, 0);
}

#[test]
fn a_recording_that_crashes_can_be_read_up_to_its_last_moment() {
    for name in ["show.pcapng", "show.pcapng.zst"] {
        let folder = folder(&format!("record-crash-{name}"));
        let recording = Recording::start(&folder.join(name), &["--universe", "sacn/1"]);
        let _console = recording.console(&["rainbow", "sacn/1", "--interface", "lo"]);
        recording.wait_for("sacn/1", 60);
        recording.process.kill();
        let info = info(&recording.file).unwrap_or_else(|| panic!("{name} cannot be read"));
        assert!(frames(&info, "sacn/1") >= 60, "{name}: {info:#}");
        assert!(info["error"].is_null(), "{name}: {info:#}");
    }
}

#[test]
fn files_are_numbered_and_the_oldest_deleted() {
    let folder = folder("record-rotate");
    let more = ["--universe", "sacn/1", "--rotate", "1s", "--keep", "2"];
    let recording = Recording::start(&folder.join("show.pcapng"), &more);
    let _console = recording.console(&["rainbow", "sacn/1", "--interface", "lo"]);
    eventually("a third file", || folder.join("show-0003.pcapng").exists().then_some(()));
    eventually("the first one's end", || (!folder.join("show-0001.pcapng").exists()).then_some(()));
    eventually("frames in a later file", || {
        let infos = names(&folder).into_iter().map(|name| folder.join(name));
        let mut infos = infos.filter_map(|path| info(path.to_str()?));
        infos.any(|info| frames(&info, "sacn/1") > 0).then_some(())
    });
    let ended = recording.stop();
    assert_eq!(ended.code, 0, "{ended:?}");
    let files = names(&folder);
    assert_eq!(files.len(), 2, "{files:?}");
    for name in &files {
        let info = info(folder.join(name).to_str().unwrap()).unwrap();
        assert_eq!(info["warnings"].as_array().unwrap().len(), 0, "{name}: {info:#}");
    }
}

#[test]
fn a_file_that_is_there_already_is_kept_unless_told() {
    let folder = folder("record-exists");
    let file = folder.join("show.pcapng");
    std::fs::write(&file, "precious").unwrap();
    let (sacn, artnet) = (free_udp_port().to_string(), free_udp_port().to_string());
    let args = ["record", "-o", file.to_str().unwrap(), "--interface", "lo", "--for", "0s"];
    let args = [&args[..], &["--min-free", "0b", "--sacn-port", &sacn]].concat();
    let args = [&args[..], &["--artnet-port", &artnet]].concat();
    let ended = wristcast(&args);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("is there already") && ended.stderr.contains("--force"));
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");
    let ended = wristcast(&[&args[..], &["--force"]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(info(file.to_str().unwrap()).is_some());
}

#[test]
fn a_place_that_cannot_be_written_is_code_3_and_told_in_words() {
    let ports = [free_udp_port().to_string(), free_udp_port().to_string()];
    let start = |file: &str, more: &[&str]| {
        let args = ["record", "-o", file, "--interface", "lo", "--sacn-port", &ports[0]];
        wristcast(&[&args[..], &["--artnet-port", &ports[1]], more].concat())
    };
    let ended = start("/no/such/folder/show.pcapng", &[]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("/no/such/folder/show.pcapng"), "{ended:?}");
    let file = folder("record-no-room").join("show.pcapng");
    let ended = start(file.to_str().unwrap(), &["--min-free", "999999TB"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("bytes are free"), "{ended:?}");
    assert!(!file.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_at_once_is_code_3() {
    let file = folder("record-full").join("show.pcapng");
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    let (sacn, artnet) = (free_udp_port().to_string(), free_udp_port().to_string());
    let args = ["record", "-o", file.to_str().unwrap(), "--interface", "lo", "--force"];
    let ports = ["--min-free", "0b", "--sacn-port", &sacn, "--artnet-port", &artnet];
    let ended = wristcast(&[&args[..], &ports].concat());
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("No space left"), "{ended:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_ends_the_recording_with_code_4_and_what_came_before_is_good() {
    let file = folder("record-fills").join("show.pcapng");
    let limited = |args: &[&str]| Running::start_with_file_limit(64, args);
    let recording = Recording::start_by(&file, &["--universe", "sacn/1..4"], limited);
    let _console = recording.console(&["rainbow", "sacn/1..4", "--interface", "lo"]);
    let file = recording.file.clone();
    let ended = recording.process.end();
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(
        ended.stderr.contains("ended early") && ended.stderr.contains("too large"),
        "{ended:?}"
    );
    let info = info(&file).unwrap();
    assert!(info["records"].as_u64().unwrap() > 50, "{info:#}");
}

#[test]
fn a_port_of_another_program_is_not_shared_unless_told() {
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let file = folder("record-shared").join("show.pcapng");
    let args = ["record", "-o", file.to_str().unwrap(), "--interface", "lo"];
    let artnet = free_udp_port().to_string();
    let ports = ["--sacn-port", &port, "--artnet-port", &artnet];
    let ended = wristcast(&[&args[..], &ports].concat());
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains(&format!("sACN port {port}/udp is open")), "{ended:?}");
    assert!(ended.stderr.contains("run --record"), "{ended:?}");
    assert!(!file.exists());
}

#[test]
fn a_relay_records_what_it_receives() {
    let folder = folder("record-relay");
    let file = folder.join("show.pcapng");
    let more = ["--record", file.to_str().unwrap(), "--record-min-free", "0b"];
    let relay = Relay::start("record-relay", &more);
    let _console = relay.console(&["solid", "sacn/1", "--colour", "#010203"]);
    eventually("frames in the file", || {
        let info = info(file.to_str().unwrap())?;
        (frames(&info, "sacn/1") >= 10).then_some(())
    });
    relay.process.terminate();
    let ended = relay.process.end();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("recorded "), "{ended:?}");
    let info = info(file.to_str().unwrap()).unwrap();
    assert_eq!(info["universes"][0]["highest"]["level"], 3);
    assert_eq!(info["sources"][0]["missing"], 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_relay_whose_disk_fills_up_says_so_and_keeps_relaying() {
    let folder = folder("record-relay-fills");
    let file = folder.join("show.pcapng");
    let more = ["--record", file.to_str().unwrap(), "--record-min-free", "0b"];
    let limited = |args: &[&str]| Running::start_with_file_limit(32, args);
    let relay = Relay::start_by("record-relay-fills", &more, limited);
    let console = relay.console(&["rainbow", "sacn/1"]);
    eventually("the end of the recording", || {
        let faults = relay.get("status")["faults"].to_string();
        (faults.contains("recording has ended") && faults.contains("too large")).then_some(())
    });
    drop(console);
    let _console = relay.console(&["solid", "sacn/1", "--colour", "#040506", "--priority", "150"]);
    eventually("light all the same", || {
        let look = &relay.named("groups", "left")["look"];
        (look["red"] == 4 && look["green"] == 5 && look["blue"] == 6).then_some(())
    });
    relay.process.terminate();
    let ended = relay.process.end();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("the recording has ended"), "{ended:?}");
    assert!(info(file.to_str().unwrap()).is_some(), "what was written can be read");
}

#[test]
fn a_relay_that_cannot_record_does_not_start_and_says_why() {
    let show = crate::wristcast::file(
        "record-relay-nowhere.toml",
        &crate::run::show(free_udp_port(), free_udp_port()),
    );
    let ended = wristcast(&["run", &show, "--record", "/no/such/folder/show.pcapng"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("/no/such/folder/show.pcapng"), "{ended:?}");
}

/// What tshark says of each packet: protocols, interface, length of the UDP payload. It must find
/// nothing malformed and no wrong checksum.
fn tshark(file: &str, artnet_port: &str) -> Vec<[String; 3]> {
    let fields = ["frame.protocols", "frame.interface_name", "udp.length", "_ws.malformed"];
    let checks = ["ip.checksum.status", "udp.checksum.status"];
    let decode = format!("udp.port=={artnet_port},artnet");
    let output = Command::new("tshark")
        .args(["-r", file, "--enable-heuristic", "acn", "-d", &decode, "-T", "fields"])
        .args(["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"])
        .args(["-E", "separator=;"])
        .args(fields.iter().chain(&checks).flat_map(|field| ["-e", field]))
        .output()
        .expect("tshark is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let of_line = |line: &str| {
        let parts: Vec<&str> = line.split(';').collect();
        let [protocols, interface, length, malformed, ip, udp] = parts[..] else {
            panic!("{line}")
        };
        assert_eq!(malformed, "", "{line}");
        assert!(ip != "0" && udp != "0", "a bad checksum: {line}");
        [protocols, interface, length].map(str::to_owned)
    };
    text.lines().map(of_line).collect()
}

#[test]
#[ignore = "needs tshark"]
fn peers_wireshark_finds_nothing_wrong_in_what_is_recorded() {
    for name in ["show.pcapng", "show.pcapng.zst"] {
        let folder = folder(&format!("record-tshark-{name}"));
        let recording = Recording::start(&folder.join(name), &["--universe", "sacn/1..2,artnet/1"]);
        let _sacn = recording.console(&["rainbow", "sacn/1..2", "--interface", "lo"]);
        let _artnet = recording.console(&["rainbow", "artnet/1", "--to", "127.0.0.1"]);
        for universe in ["sacn/1", "sacn/2", "artnet/0/0/1"] {
            recording.wait_for(universe, 20);
        }
        let (file, artnet) = (recording.file.clone(), recording.artnet.clone());
        assert_eq!(recording.stop().code, 0);
        let packets = tshark(&file, &artnet);
        let info = info(&file).unwrap();
        assert_eq!(info["records"], packets.len());
        let count = |wanted: &str| {
            packets.iter().filter(|[protocols, ..]| protocols.contains(wanted)).count() as u64
        };
        let levels = frames(&info, "sacn/1") + frames(&info, "sacn/2");
        assert!(count(":ip:udp:acn") >= levels, "{packets:?}");
        assert_eq!(count(":ip:udp:artnet"), frames(&info, "artnet/0/0/1"));
        // Universe discovery it does not take for sACN, and shows as bytes.
        let discovery = info["kinds"]["sACN universe discovery"].as_u64().unwrap_or(0);
        assert_eq!(count(":acn") + count(":artnet") + discovery, packets.len() as u64);
        assert!(packets.iter().all(|[_, interface, _]| interface == "lo"), "{packets:?}");
        let full = packets.iter().filter(|[_, _, length]| length == "646").count() as u64;
        assert!(full >= levels, "whole packets of 638 bytes");
        let info = Command::new("capinfos").arg(&file).output().expect("capinfos is installed");
        let info = String::from_utf8(info.stdout).unwrap();
        for told in ["nanoseconds", "wristcast", "heard by", "Name = lo"] {
            assert!(info.contains(told), "no `{told}` in\n{info}");
        }
    }
}
