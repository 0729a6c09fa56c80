//! Traffic recorded from real lighting software, read independently of the code under test.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// One UDP datagram of a capture.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Seconds since the epoch, on the capture's clock.
    pub time: f64,
    /// Who sent it.
    pub source: Ipv4Addr,
    /// UDP destination port.
    pub port: u16,
    /// UDP payload.
    pub payload: Vec<u8>,
}

/// Levels that a receiver must hold at a moment of the capture.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Seconds since the epoch, on the capture's clock.
    pub time: f64,
    /// Universe or port-address, as the sender numbered it.
    pub universe: u16,
    /// The first slots.
    pub slots: Vec<u8>,
    /// The first slots for a receiver that honours synchronization, where that makes a difference.
    pub slots_if_sync_honoured: Option<Vec<u8>>,
}

/// A capture and what is expected from it.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Its packets, in order.
    pub packets: Vec<Packet>,
    /// What must hold, in order of time.
    pub expected: Vec<Expected>,
}

impl Capture {
    /// Reads `show-files/captures/NAME.pcap` and `NAME.expected.json`.
    ///
    /// # Panics
    /// If a file is missing or broken: the test cannot go on.
    pub fn load(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../show-files/captures");
        Self {
            packets: read_capture(&folder.join(format!("{name}.pcap"))),
            expected: read_expected(&folder.join(format!("{name}.expected.json"))),
        }
    }
}

/// The UDP datagrams of a classic little-endian pcap with Ethernet frames.
///
/// # Panics
/// If the file is missing or of another form: the test cannot go on.
pub fn read_capture(path: &PathBuf) -> Vec<Packet> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let ticks_per_second = match u32_at(0) {
        0xA1B2_C3D4 => 1e6,
        0xA1B2_3C4D => 1e9,
        magic => panic!("{}: magic {magic:#x} is not a little-endian pcap", path.display()),
    };
    assert_eq!(u32_at(20), 1, "{}: link type is not Ethernet", path.display());
    let mut packets = Vec::new();
    let mut at = 24;
    while at + 16 <= bytes.len() {
        let time = f64::from(u32_at(at)) + f64::from(u32_at(at + 4)) / ticks_per_second;
        let length = u32_at(at + 8) as usize;
        let frame = &bytes[at + 16..at + 16 + length];
        at += 16 + length;
        let ip = &frame[14..];
        if frame[12..14] != [0x08, 0x00] || ip[9] != 17 {
            continue;
        }
        let udp = &ip[usize::from(ip[0] & 0x0F) * 4..];
        packets.push(Packet {
            time,
            source: Ipv4Addr::new(ip[12], ip[13], ip[14], ip[15]),
            port: u16::from_be_bytes([udp[2], udp[3]]),
            payload: udp[8..usize::from(u16::from_be_bytes([udp[4], udp[5]]))].to_vec(),
        });
    }
    packets
}

/// The expectations beside a capture.
///
/// # Panics
/// If the file is missing or broken: the test cannot go on.
pub fn read_expected(path: &PathBuf) -> Vec<Expected> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let json: serde_json::Value = serde_json::from_str(&text).expect("expectations are JSON");
    let slots = |value: &serde_json::Value| -> Option<Vec<u8>> {
        value.as_array()?.iter().map(|v| v.as_u64().and_then(|v| u8::try_from(v).ok())).collect()
    };
    let mut expected: Vec<Expected> = json["expected"]
        .as_array()
        .expect("a list of expectations")
        .iter()
        .map(|entry| {
            let universe = entry.get("universe").or(entry.get("universe_port_address"));
            Expected {
                time: entry["t"].as_f64().expect("a time"),
                universe: universe
                    .and_then(serde_json::Value::as_u64)
                    .and_then(|u| u16::try_from(u).ok())
                    .expect("a universe"),
                slots: slots(&entry["slots"]).expect("slots"),
                slots_if_sync_honoured: slots(&entry["slots_if_sync_honoured"]),
            }
        })
        .collect();
    expected.sort_by(|a, b| a.time.total_cmp(&b.time));
    expected
}
