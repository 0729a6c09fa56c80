//! Other people's tools read what we write, and we read what they write. They are Debian's `tshark`
//! and `ola`; `cargo test -p wristcast-tests --test show -- --ignored peers` runs these tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wristcast_core::show::{Datagram, Frame, OlaVersion, OlaWriter, PcapngOptions, PcapngWriter};
use wristcast_core::time::Time;
use wristcast_core::universe::SacnUniverse;
use wristcast_core::wire::sacn::{Cid, DATA_LEN_MAX, DataFields, encode_data};

use crate::captures::path;
use crate::reading::{Item, Reading};

const CAPTURES: [&str; 4] = ["ola_fade_sacn_artnet", "stupidartnet", "npm_sacn", "rustlight_sync"];

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wristcast-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; is it installed?"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// What tshark says of each UDP datagram: epoch time in ns, source, destination, payload. It must
/// find none malformed and, in `sound` files, no wrong checksum; captures taken on the sender itself
/// have wrong ones, because the network card would have filled them in.
fn tshark(file: &Path, sound: bool) -> Vec<(u64, String, String, String)> {
    let file = file.to_str().unwrap();
    let checks = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
    let fields = ["-e", "frame.time_epoch", "-e", "ip.src", "-e", "ipv6.src", "-e", "ip.dst"];
    let more =
        ["-e", "ipv6.dst", "-e", "udp.payload", "-e", "_ws.malformed", "-e", "ip.checksum.status"];
    let arguments = [
        &["-r", file, "--enable-heuristic", "acn", "-T", "fields", "-E", "separator=;"][..],
        &checks,
        &fields,
        &more,
        &["-e", "udp.checksum.status"],
    ]
    .concat();
    let text = String::from_utf8(run("tshark", &arguments).stdout).unwrap();
    text.lines()
        .map(|line| {
            let parts: Vec<&str> = line.split(';').collect();
            let [time, source4, source6, to4, to6, payload, malformed, ip, udp] = parts[..] else {
                panic!("{line}")
            };
            assert_eq!(malformed, "", "{line}");
            assert!(!sound || ip != "0" && udp != "0", "a bad checksum: {line}");
            let (seconds, nanos) = time.split_once('.').unwrap();
            let time =
                seconds.parse::<u64>().unwrap() * 1_000_000_000 + nanos.parse::<u64>().unwrap();
            (time, format!("{source4}{source6}"), format!("{to4}{to6}"), payload.to_owned())
        })
        .collect()
}

/// The same of our own reading.
fn ours(bytes: &[u8]) -> Vec<(u64, String, String, String)> {
    let reading = Reading::of(bytes);
    assert!(reading.error.is_none() && reading.warnings.is_empty(), "{reading:?}");
    let epoch = reading.epoch_nanos.unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    reading
        .entries
        .iter()
        .map(|entry| match &entry.item {
            Item::Datagram { source, destination, bytes, .. } => (
                epoch + entry.at,
                source.ip().to_string(),
                destination.ip().to_string(),
                hex(bytes),
            ),
            Item::Frame { .. } => panic!("a frame in a capture"),
        })
        .collect()
}

#[test]
#[ignore = "needs tshark"]
fn peers_wireshark_finds_nothing_wrong_in_what_we_write() {
    let folder = Folder::new("tshark");
    for name in CAPTURES {
        let bytes = std::fs::read(path(&format!("{name}.pcap"))).unwrap();
        let reading = Reading::of(&bytes);
        let epoch_nanos = reading.epoch_nanos.unwrap();
        for zstd in [false, true] {
            let options = PcapngOptions { epoch_nanos, zstd };
            let mut writer = PcapngWriter::new(Vec::new(), options).unwrap();
            writer.add_interface("lo");
            for entry in &reading.entries {
                let Item::Datagram { source, destination, interface, bytes } = &entry.item else {
                    panic!("a frame in a capture")
                };
                let (source, destination, interface) = (*source, *destination, *interface);
                let datagram = Datagram { source, destination, interface, bytes };
                writer.datagram(Time::from_nanos(entry.at), &datagram).unwrap();
            }
            let file = folder.file(&format!("{name}.pcapng"));
            std::fs::write(&file, writer.finish(Time::from_millis(20_000)).unwrap()).unwrap();
            assert_eq!(tshark(&file, true), ours(&bytes), "{name}");
            let info = run("capinfos", &[file.to_str().unwrap()]).stdout;
            let info = String::from_utf8(info).unwrap();
            assert!(info.contains("nanoseconds") && info.contains("wristcast"), "{info}");
        }
    }
    // IPv6, where the checksum is ours to get right.
    let mut writer = PcapngWriter::new(Vec::new(), PcapngOptions::default()).unwrap();
    writer.add_interface("");
    let [source, destination] =
        ["[fe80::1]:5568", "[ff18::8300:1]:5568"].map(|text| text.parse().unwrap());
    for slots in [1, 20, 21, 512] {
        let fields = DataFields::new(Cid([7; 16]), "six", SacnUniverse::new(1).unwrap());
        let mut packet = [0; DATA_LEN_MAX];
        let length = encode_data(&mut packet, &fields, &vec![0xA5; slots]).unwrap();
        let datagram = Datagram { source, destination, interface: 0, bytes: &packet[..length] };
        writer.datagram(Time::ZERO, &datagram).unwrap();
    }
    let file = folder.file("six.pcapng");
    std::fs::write(&file, writer.finish(Time::ZERO).unwrap()).unwrap();
    assert_eq!(tshark(&file, true), ours(&std::fs::read(&file).unwrap()));
}

#[test]
#[ignore = "needs tshark"]
fn peers_what_wireshark_writes_we_read() {
    let folder = Folder::new("editcap");
    for name in CAPTURES {
        let from = path(&format!("{name}.pcap"));
        let expected = ours(&std::fs::read(&from).unwrap());
        for format in ["pcapng", "nsecpcap", "pcap"] {
            let to = folder.file(&format!("{name}.{format}"));
            run("editcap", &["-F", format, from.to_str().unwrap(), to.to_str().unwrap()]);
            assert_eq!(ours(&std::fs::read(&to).unwrap()), expected, "{name} as {format}");
        }
    }
    let merged = folder.file("merged.pcapng");
    let [one, two] = ["npm_sacn.pcap", "rustlight_sync.pcap"].map(path);
    let arguments = ["-I", "none", "-w", merged.to_str().unwrap()];
    let files = [one.to_str().unwrap(), two.to_str().unwrap()];
    run("mergecap", &[&arguments[..], &files].concat());
    let bytes = std::fs::read(&merged).unwrap();
    assert_eq!(ours(&bytes), tshark(&merged, false));
    let second =
        |entry: &crate::reading::Entry| matches!(entry.item, Item::Datagram { interface: 1, .. });
    assert_eq!(Reading::of(&bytes).entries.iter().filter(|entry| second(entry)).count(), 610);
}

/// A short fade on two universes, as an OLA show.
fn fade() -> Vec<u8> {
    let mut writer = OlaWriter::new(Vec::new(), OlaVersion::V1).unwrap();
    for step in 0..40_u8 {
        let at = Time::from_nanos(u64::from(step) * 22_727_273);
        let (one, two) = ([step * 6, 255 - step, 7], vec![step; 512]);
        writer.frame(at, &Frame { universe: "sacn/1".parse().unwrap(), slots: &one }).unwrap();
        writer.frame(at, &Frame { universe: "sacn/20".parse().unwrap(), slots: &two }).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
#[ignore = "needs ola"]
fn peers_ola_recorder_verifies_and_plays_our_shows() {
    let folder = Folder::new("ola");
    let file = folder.file("fade.show");
    std::fs::write(&file, fade()).unwrap();
    let file = file.to_str().unwrap();
    let summary = run("ola_recorder", &["--verify", file]);
    let text = String::from_utf8(summary.stdout).unwrap();
    for line in ["Universe 1: 40 frames", "Universe 20: 40 frames", "Total frames: 80"] {
        assert!(text.contains(line), "{text}");
    }
    // olad refuses to be root and binds well-known ports: it gets a network of its own.
    let script = r#"
        set -e
        ip link set lo up 2>/dev/null || true
        mkdir -p "$1/conf"
        for plugin in artnet e131 espnet ftdidmx gpio karate kinet milinst opendmx openpixelcontrol \
            osc pathport renard sandnet shownet spi stageprofi uartdmx usbdmx usbserial; do
            echo 'enabled = false' > "$1/conf/ola-$plugin.conf"
        done
        chmod -R a+rwX "$1"
        HOME="$1" setpriv --reuid=65534 --regid=65534 --clear-groups \
            olad --no-register-with-dns-sd --no-http -c "$1/conf" -l 1 >"$1/olad.log" 2>&1 &
        trap "kill $!" EXIT
        for try in $(seq 100); do ola_plugin_info >/dev/null 2>&1 && break; sleep 0.1; done
        ola_recorder --playback "$2" -l 3
    "#;
    let folder_path = folder.0.to_str().unwrap();
    let output = run("unshare", &["-n", "bash", "-c", script, "play", folder_path, file]);
    let log = String::from_utf8(output.stderr).unwrap();
    let played: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once("Universe: "))
        .map(|(_, frame)| frame)
        .collect();
    let show = String::from_utf8(fade()).unwrap();
    let frames = show.lines().skip(1).filter(|line| line.contains(' '));
    let frames: Vec<String> = frames.map(|line| line.replacen(' ', ": ", 1)).collect();
    assert_eq!(played, frames);
}
