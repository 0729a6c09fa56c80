//! Recordings of real software, against another reader and against what was sent.

use std::path::{Path, PathBuf};

use wristcast_core::show::{Numbering, ReadOptions};
use wristcast_tests::read_capture;

use crate::reading::{Item, Reading};

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../show-files/captures").join(name)
}

#[test]
fn captures_read_as_an_independent_reader_reads_them() {
    for name in ["ola_fade_sacn_artnet", "stupidartnet", "npm_sacn", "rustlight_sync"] {
        let path = path(&format!("{name}.pcap"));
        let reading = Reading::of(&std::fs::read(&path).unwrap());
        let packets = read_capture(&path);
        assert!(reading.error.is_none() && reading.warnings.is_empty(), "{name}");
        assert_eq!(reading.entries.len(), packets.len(), "{name}");
        let epoch = reading.epoch_nanos.unwrap();
        for (entry, packet) in reading.entries.iter().zip(&packets) {
            let Item::Datagram { source, destination, interface: 0, bytes } = &entry.item else {
                panic!("no datagram")
            };
            assert_eq!((source.ip(), destination.port()), (packet.source.into(), packet.port));
            assert_eq!(bytes, &packet.payload);
            let micros = (packet.time * 1e6).round() as u64;
            assert_eq!((epoch + entry.at) / 1000, micros, "{name}");
        }
    }
}

#[test]
fn the_recording_of_ola_recorder_reads_as_its_lines_say() {
    let bytes = std::fs::read(path("ola_recorded.show")).unwrap();
    let entries = Reading::sound(&bytes);
    assert_eq!(entries.len(), 360);
    let of = |universe: &str| entries.iter().filter(|entry| entry.frame().1 == universe).count();
    assert_eq!((of("sacn/1"), of("sacn/2")), (240, 120));
    assert_eq!(entries.last().unwrap().at, 5_810_000_000);
    let (at, universe, slots) = entries[4].frame();
    assert_eq!((at, universe.as_str(), slots.len()), (46, "sacn/2", 24));
    assert_eq!(slots[..3], [10, 10, 10]);

    let options = ReadOptions { numbering: Numbering::ArtNet, ..ReadOptions::default() };
    let as_artnet = Reading::with(&bytes, &options);
    assert_eq!(as_artnet.entries[0].frame().1, "artnet/0/0/2");
}
