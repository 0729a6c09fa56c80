//! Files cut anywhere, flipped anywhere, and files that lie.

use std::io::Cursor;

use wristcast_core::show::{
    Compression, CsvWriter, Datagram, Frame, FseqLayout, FseqWriter, OlaVersion, OlaWriter,
    PcapngOptions, PcapngWriter, Warning,
};
use wristcast_core::time::Time;

use crate::build::{Blocks, Fseq, Order, art_dmx, ethernet, fseq_v1, pcap};
use crate::reading::Reading;

/// A small sound file of every format.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let packets: Vec<_> =
        (0..5).map(|i| (1000 + u32::from(i), 7, ethernet(&art_dmx(1, [i, i])))).collect();
    let mut blocks = Blocks::new(Order::Big);
    blocks.interface(1, &[(2, b"eth0".to_vec()), (9, vec![9])]);
    for i in 0..5 {
        let options = [(4, 0_u64.to_be_bytes().to_vec())];
        blocks.packet_with(0, u64::from(i) * 1000, &ethernet(&art_dmx(1, [i, i])), &options);
    }
    let mut samples = vec![
        ("pcap", pcap(Order::Little, false, 1, &packets)),
        ("pcap, big-endian", pcap(Order::Big, true, 1, &packets)),
        ("pcapng", blocks.bytes),
        ("our pcapng", our_pcapng(false)),
        ("our pcapng, packed", our_pcapng(true)),
        ("FSEQ v1", fseq_v1(30, 5, 25, &[4, 0, b's', b'p'], &[9; 150])),
    ];
    for (name, compression) in [
        ("FSEQ", Compression::None),
        ("FSEQ zstd", Compression::Zstd),
        ("FSEQ zlib", Compression::Zlib),
    ] {
        samples.push((name, our_fseq(compression)));
    }
    let frame = |i: u8| (Time::from_millis(u64::from(i) * 25), [i * 50, 7, 255 - i]);
    for (name, version) in [("OLA", OlaVersion::V1), ("OLA V2", OlaVersion::V2)] {
        let mut writer = OlaWriter::new(Vec::new(), version).unwrap();
        for (at, slots) in (0..5).map(frame) {
            writer
                .frame(at, &Frame { universe: "sacn/1".parse().unwrap(), slots: &slots })
                .unwrap();
        }
        samples.push((name, writer.finish().unwrap()));
    }
    let mut writer = CsvWriter::new(Vec::new()).unwrap();
    for (at, slots) in (0..5).map(frame) {
        writer.frame(at, &Frame { universe: "sacn/1".parse().unwrap(), slots: &slots }).unwrap();
    }
    samples.push(("CSV", writer.finish().unwrap()));
    samples
}

fn our_pcapng(zstd: bool) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new(), PcapngOptions { epoch_nanos: 5, zstd }).unwrap();
    writer.add_interface("eth0");
    let address = "10.0.0.1:6454".parse().unwrap();
    for i in 0..5 {
        let bytes = &art_dmx(1, [i, i]);
        let datagram = Datagram { source: address, destination: address, interface: 0, bytes };
        writer.datagram(Time::from_millis(u64::from(i) * 300), &datagram).unwrap();
    }
    writer.finish(Time::from_millis(2000)).unwrap()
}

fn our_fseq(compression: Compression) -> Vec<u8> {
    let universes = vec![("sacn/1".parse().unwrap(), 30), ("artnet/1".parse().unwrap(), 2)];
    let layout = FseqLayout { universes, step_ms: 25, frames: 5, compression, unique_id: 1 };
    let mut writer = FseqWriter::new(Cursor::new(Vec::new()), layout).unwrap();
    for i in 0..5 {
        writer.frame(&[i * 40; 32]).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_file_cut_at_any_byte_gives_the_records_before_the_cut() {
    for (name, whole) in samples() {
        let all = Reading::sound(&whole);
        assert!(all.len() >= 5, "{name}");
        let mut most = 0;
        for cut in 0..whole.len() {
            let reading = Reading::of(&whole[..cut]);
            let mut read = &reading.entries[..];
            if reading.warnings.count(Warning::OpenLine) > 0 {
                read = &read[..read.len().saturating_sub(1)]; // as it stands, so perhaps cut
            }
            assert!(all.starts_with(read), "{name} cut at {cut}: {:?}", reading.entries);
            assert!(read.len() + 1 >= most, "{name} cut at {cut} gives less than a shorter file");
            most = most.max(read.len());
            if let Some(error) = reading.error {
                assert!(read.is_empty() || name == "CSV", "{name} cut at {cut}: {error}");
            }
        }
        assert!(most >= all.len() - 2, "{name}: {most}");
    }
}

#[test]
fn a_file_with_any_byte_wrong_is_read_as_far_as_it_goes() {
    for (name, whole) in samples() {
        let step = whole.len() / 2000 + 1;
        for at in (0..whole.len()).step_by(step) {
            for flip in [0x01, 0x10, 0x80, 0xFF] {
                let mut wrong = whole.clone();
                wrong[at] ^= flip;
                let reading = Reading::of(&wrong);
                assert!(reading.entries.len() < 40_000, "{name} {at}");
                if let Some(error) = &reading.error {
                    assert_eq!(error.records, reading.entries.len() as u64);
                    assert!(error.offset <= whole.len() as u64 * 10, "{name} {at}: {error}");
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}

#[test]
fn errors_name_the_byte_and_what_is_good_before_it() {
    let mut blocks = Blocks::new(Order::Little);
    let frame = ethernet(&art_dmx(1, [1, 1]));
    blocks.interface(1, &[]).packet(0, 0, &frame).packet(0, 1_500_000, &frame);
    let good = blocks.bytes.len();
    blocks.bytes.extend([6, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    let error = Reading::of(&blocks.bytes).error.unwrap();
    assert_eq!((error.offset, error.records), (good as u64, 2));
    assert_eq!(
        error.to_string(),
        format!(
            "byte {good}: block length is 7, expected a multiple of 4 that holds at least the \
             block's fixed fields; the 2 records before it, to 1.500000 s, are good"
        )
    );
}

#[test]
fn lengths_that_lie_are_refused_or_end_the_file() {
    let frame = ethernet(&art_dmx(1, [1, 1]));
    // A packet that claims four gigabytes.
    let mut file = pcap(Order::Little, false, 1, &[(1, 0, frame.clone()), (2, 0, frame.clone())]);
    let second = 24 + 16 + frame.len();
    file[second + 8..second + 12].copy_from_slice(&[0xFF; 4]);
    let reading = Reading::of(&file);
    assert_eq!(reading.entries.len(), 1);
    assert!(reading.error.unwrap().to_string().contains("captured length is 4294967295"));

    // A block that claims all the rest and more: the end of the file comes first.
    let mut blocks = Blocks::new(Order::Little);
    blocks.interface(1, &[]).packet(0, 0, &frame).block(77, &[0; 40]);
    let at = blocks.bytes.len() - 48;
    blocks.bytes[at..at + 4].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
    let reading = Reading::of(&blocks.bytes);
    assert_eq!(reading.warnings.first(Warning::Truncated), Some(at as u64 - 4));

    // A packet on an interface that nobody described.
    let mut blocks = Blocks::new(Order::Little);
    blocks.interface(1, &[]).packet(u32::MAX, 0, &frame);
    assert!(Reading::of(&blocks.bytes).error.unwrap().to_string().contains("interface"));

    // Frames of four billion channels.
    let mut file = fseq_v1(30, 5, 25, &[], &[9; 150]);
    file[10..14].copy_from_slice(&[0xFF; 4]);
    assert!(Reading::of(&file).error.unwrap().to_string().contains("channels in a frame"));
    // Four billion frames, of which five are there.
    let mut file = fseq_v1(30, 5, 25, &[], &[9; 150]);
    file[14..18].copy_from_slice(&[0xFF; 4]);
    let reading = Reading::of(&file);
    assert_eq!(reading.entries.len(), 5);
    assert_eq!(reading.warnings.count(Warning::Truncated), 1);
}

#[test]
fn skipped_blocks_may_be_larger_than_memory_for_them() {
    let frame = ethernet(&art_dmx(1, [1, 1]));
    let mut blocks = Blocks::new(Order::Little);
    blocks.interface(1, &[]).block(0x4000_0BAD, &vec![7; 3 << 20]).packet(0, 0, &frame);
    assert_eq!(Reading::sound(&blocks.bytes).len(), 1);
}

#[test]
fn files_of_nothing_known_are_told_what_is_known() {
    for (bytes, found) in [
        (&b""[..], "an empty file"),
        (b"PK\x03\x04 and so on", "zip"),
        (b"\x1F\x8B\x08\0\0\0", "gzip"),
        (&zstd::encode_all(&our_fseq(Compression::None)[..], 1).unwrap(), "packed as a whole"),
        (b"<?xml version=\"1.0\"?>", "<?xml"),
    ] {
        let message = Reading::of(bytes).error.unwrap().to_string();
        assert!(message.contains(found) && message.contains("expected pcap"), "{message}");
    }
}

#[test]
fn a_bomb_in_a_capture_is_refused_with_what_came_before_it() {
    // A sound capture, then a gigabyte of one unknown block.
    let mut blocks = Blocks::new(Order::Little);
    blocks.interface(1, &[]).packet(0, 0, &ethernet(&art_dmx(1, [1, 1])));
    blocks.bytes.extend([0x77, 0, 0, 0, 0, 0, 0, 0x40]);
    blocks.bytes.resize(300 << 20, 0);
    let packed = zstd::encode_all(&blocks.bytes[..], 3).unwrap();
    assert!(packed.len() < 100_000);
    let reading = Reading::of(&packed);
    assert_eq!(reading.entries.len(), 1);
    let message = reading.error.unwrap().to_string();
    assert!(message.contains("decompression bomb"), "{message}");
}

#[test]
fn an_fseq_block_that_unpacks_to_more_than_its_frames_is_not_unpacked_further() {
    let frames = vec![9; 515 * 2];
    let block = zstd::encode_all(&[&frames[..], &vec![0; 200 << 20]].concat()[..], 1).unwrap();
    let next = zstd::encode_all(&frames[..], 1).unwrap();
    let file = Fseq {
        packing: 1,
        channels: 515,
        frames: 4,
        step_ms: 25,
        blocks: vec![(0, block), (2, next)],
        ranges: vec![],
        variable: vec![],
    };
    let entries = Reading::sound(&file.bytes());
    assert_eq!(entries.len(), 8);
    assert!(entries.iter().all(|entry| entry.frame().2.iter().all(|&level| level == 9)));
}
