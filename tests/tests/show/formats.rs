//! Every format and every variant of it, from files built by hand and by other libraries.

use std::io::Cursor;
use std::net::SocketAddr;

use wristcast_core::show::{
    ChannelMap, ChannelRange, Compression, CsvWriter, Datagram, ErrorKind, Frame, FseqLayout,
    FseqWriter, Numbering, OlaVersion, OlaWriter, PcapngOptions, PcapngWriter, ReadOptions,
    Warning,
};
use wristcast_core::time::Time;
use wristcast_core::universe::Universe;

use crate::build::{Blocks, Fseq, Order, art_dmx, ethernet, fseq_v1, pcap};
use crate::reading::{Entry, Item, Reading};

fn universe(text: &str) -> Universe {
    text.parse().unwrap()
}

fn times(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.at).collect()
}

#[test]
fn classic_captures_of_both_orders_and_both_resolutions() {
    for order in [Order::Little, Order::Big] {
        for nanos in [false, true] {
            let packets = [
                (1_700_000_000, 999_999, ethernet(&art_dmx(1, [1, 2]))),
                (1_700_000_001, 4, ethernet(&art_dmx(1, [3, 4]))),
            ];
            let entries = Reading::sound(&pcap(order, nanos, 1, &packets));
            let gap = if nanos { 1_000_000_000 - 999_995 } else { 5000 };
            assert_eq!(times(&entries), [0, gap]);
            assert_eq!(entries[1].bytes(), art_dmx(1, [3, 4]));
        }
    }
}

#[test]
fn pcapng_sections_interfaces_and_clocks() {
    let frame = |level| ethernet(&art_dmx(1, [level, 0]));
    for order in [Order::Little, Order::Big] {
        let mut file = Blocks::new(order);
        let offset = order.u64(100).to_vec();
        file.interface(1, &[(2, b"eth0".to_vec())])
            .interface(1, &[(9, vec![9]), (14, offset)])
            .interface(147, &[]) // a link type for private use
            .block(0x0BAD_0BAD, b"whoever wrote this?")
            .packet(0, 200_000_000, &frame(1)) // 200 s in microseconds
            .packet(1, 100_000_000_500, &frame(2)) // 100 s + 500 ns, and 100 s of offset
            .packet(2, 200_000_003, &[1, 2, 3])
            .packet(0, 200_000_002, &frame(3));
        let other = if order == Order::Little { Order::Big } else { Order::Little };
        file.section(other).interface(101, &[(9, vec![0x80 | 10])]).packet(
            0,
            201 << 10,
            &ethernet(&art_dmx(1, [4, 0]))[14..],
        );
        let reading = Reading::of(&file.bytes);
        assert!(reading.error.is_none());
        assert_eq!(times(&reading.entries), [0, 500, 2000, 1_000_000_000]);
        assert_eq!(reading.epoch_nanos, Some(200_000_000_000));
        let seen: Vec<_> = reading
            .entries
            .iter()
            .map(|entry| match &entry.item {
                Item::Datagram { interface, bytes, .. } => (*interface, bytes[18]),
                Item::Frame { .. } => panic!("a frame"),
            })
            .collect();
        assert_eq!(seen, [(0, 1), (1, 2), (0, 3), (3, 4)]);
        assert_eq!(reading.warnings.count(Warning::LinkType), 1);
        assert_eq!(reading.warnings.iter().count(), 1);
    }
}

#[test]
fn pcapng_packets_of_the_simple_and_the_obsolete_kind() {
    let frame = ethernet(&art_dmx(1, [7, 0]));
    let mut simple = (frame.len() as u32).to_le_bytes().to_vec();
    simple.extend(&frame);
    let mut obsolete = vec![0, 0, 3, 0]; // interface 0, three packets lost before
    obsolete.extend([0, 0, 0, 0, 9, 0, 0, 0]);
    obsolete.extend((frame.len() as u32).to_le_bytes());
    obsolete.extend((frame.len() as u32).to_le_bytes());
    obsolete.extend(&frame);
    let mut file = Blocks::new(Order::Little);
    file.interface(1, &[]).packet(0, 5, &frame).block(3, &simple).block(2, &obsolete);
    let reading = Reading::of(&file.bytes);
    assert!(reading.error.is_none());
    assert_eq!(times(&reading.entries), [0, 0, 4000]);
    assert_eq!(reading.warnings.count(Warning::Untimed), 1);
    assert_eq!(reading.warnings.count(Warning::Dropped), 3);
}

#[test]
fn losses_told_by_packets_and_by_statistics_are_not_counted_twice() {
    let frame = ethernet(&art_dmx(1, [7, 0]));
    let mut file = Blocks::new(Order::Little);
    let mut statistics = vec![0; 12];
    statistics
        .extend(file.options(&[(5, 1_u64.to_le_bytes().into()), (7, 9_u64.to_le_bytes().into())]));
    file.interface(1, &[])
        .packet(0, 5, &frame)
        .packet_with(0, 6, &frame, &[(4, 4_u64.to_le_bytes().into())])
        .block(5, &statistics);
    assert_eq!(Reading::of(&file.bytes).warnings.count(Warning::Dropped), 10);
}

#[test]
fn other_traffic_in_a_capture_is_left_out_and_counted() {
    let mut fragment = ethernet(&art_dmx(1, [7, 0]));
    fragment[20] = 0x20; // more fragments
    let mut cut = ethernet(&art_dmx(1, [7, 0]));
    cut.truncate(50);
    let arp = [&[0xFF; 12][..], &[8, 6], &[0; 28]].concat();
    let packets = [
        (1, 0, ethernet(b"not a light")),
        (2, 0, fragment),
        (3, 0, cut),
        (4, 0, arp),
        (5, 0, ethernet(&art_dmx(1, [9, 9]))),
    ];
    let reading = Reading::of(&pcap(Order::Little, false, 1, &packets));
    assert_eq!(times(&reading.entries), [0]);
    for warning in [Warning::Foreign, Warning::Fragment, Warning::CutShort, Warning::NotUdp] {
        assert_eq!(reading.warnings.count(warning), 1, "{warning:?}");
    }
    assert!(reading.warnings.to_string().contains("1 IP fragments"));
}

#[test]
fn a_clock_that_runs_backwards_and_a_gap_of_a_day() {
    let frame = |level| ethernet(&art_dmx(1, [level, 0]));
    let packets = [
        (1000, 0, frame(1)),
        (1001, 0, frame(2)),
        (1000, 900_000, frame(3)),
        (100, 0, frame(4)),
        (101, 0, frame(5)),
        (86_501, 0, frame(6)),
    ];
    let reading = Reading::of(&pcap(Order::Little, false, 1, &packets));
    let second = 1_000_000_000;
    let expected = [0, second, second, second, 2 * second, 86_402 * second];
    assert_eq!(times(&reading.entries), expected);
    assert_eq!(reading.warnings.count(Warning::OutOfOrder), 1);
    assert_eq!(reading.warnings.count(Warning::ClockSetBack), 1);
}

/// Writes datagrams with our writer.
fn written(options: PcapngOptions, datagrams: &[(u64, Datagram<'_>)]) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new(), options).unwrap();
    writer.add_interface("eth0");
    writer.add_interface("");
    for (at, datagram) in datagrams {
        writer.datagram(Time::from_nanos(*at), datagram).unwrap();
    }
    writer.finish(Time::from_millis(10)).unwrap()
}

#[test]
fn what_we_write_as_pcapng_we_read_packed_or_not() {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let (short, long) = (art_dmx(1, [1, 2]), [art_dmx(3, [4, 5]), vec![0xEE; 60_000]].concat());
    let four = (address("10.0.0.1:6454"), address("10.255.255.255:6454"));
    let six = (address("[fe80::1]:1234"), address("[ff18::8300:1]:5568"));
    let datagram = |(source, destination), interface, bytes| Datagram {
        source,
        destination,
        interface,
        bytes,
    };
    let datagrams = [
        (0, datagram(four, 0, &short)),
        (1, datagram(six, 1, &short)),
        (600_000_000, datagram(four, 1, &long)),
        (600_000_000, datagram(six, 0, &long)),
        (u64::from(u32::MAX) * 40, datagram(four, 0, &short)),
    ];
    for zstd in [false, true] {
        let options = PcapngOptions { epoch_nanos: 1_795_220_382_123_456_789, zstd };
        let bytes = written(options, &datagrams);
        let reading = Reading::of(&bytes);
        assert!(reading.error.is_none() && reading.warnings.is_empty(), "{reading:?}");
        assert_eq!(reading.epoch_nanos, Some(options.epoch_nanos));
        let expected: Vec<_> = datagrams
            .iter()
            .map(|&(at, datagram)| Entry {
                at,
                item: Item::from(wristcast_core::show::Content::Datagram(datagram)),
            })
            .collect();
        assert_eq!(reading.entries, expected);
        if zstd {
            let plain = zstd::decode_all(&bytes[..]).expect("zstd itself can unpack it");
            assert_eq!(Reading::of(&plain).entries, expected);
        }
    }
}

#[test]
fn what_zstd_itself_packed_is_read() {
    let plain =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../show-files/captures/npm_sacn.pcap"));
    let plain = plain.unwrap();
    for level in [1, 3, 19] {
        let packed = zstd::encode_all(&plain[..], level).unwrap();
        assert_eq!(Reading::sound(&packed), Reading::sound(&plain));
    }
}

#[test]
fn losses_while_recording_are_in_the_file_once() {
    let bytes = art_dmx(1, [1, 2]);
    let address = "10.0.0.1:6454".parse().unwrap();
    let datagram = Datagram { source: address, destination: address, interface: 0, bytes: &bytes };
    let mut writer = PcapngWriter::new(Vec::new(), PcapngOptions::default()).unwrap();
    writer.add_interface("eth0");
    writer.datagram(Time::ZERO, &datagram).unwrap();
    writer.note_dropped(0, 5);
    writer.datagram(Time::from_millis(1), &datagram).unwrap();
    writer.note_dropped(0, 2);
    let file = writer.finish(Time::from_millis(2)).unwrap();
    let reading = Reading::of(&file);
    assert_eq!(reading.warnings.count(Warning::Dropped), 7);
}

#[test]
fn a_recording_cut_by_a_crash_lacks_half_a_second_at_most() {
    let bytes = art_dmx(1, [1, 2]);
    let address = "10.0.0.1:6454".parse().unwrap();
    let datagram = Datagram { source: address, destination: address, interface: 0, bytes: &bytes };
    for zstd in [false, true] {
        let options = PcapngOptions { epoch_nanos: 0, zstd };
        let mut file = Vec::new();
        let mut writer = PcapngWriter::new(&mut file, options).unwrap();
        writer.add_interface("eth0");
        let mut last = Time::ZERO;
        for frame in 0..1000 {
            last = Time::from_millis(frame * 25);
            writer.datagram(last, &datagram).unwrap();
            assert!(writer.flush_due().is_none_or(|due| due > last));
        }
        drop(writer); // nobody finished it
        let entries = Reading::sound(&file);
        assert!(last.as_nanos() - entries.last().unwrap().at <= 500_000_000);
    }
}

#[test]
fn ola_shows_of_both_versions() {
    let frames =
        [(0, "sacn/1", vec![1, 2, 3]), (40, "sacn/2", vec![]), (1540, "sacn/1", vec![255])];
    let v1 = "OLA Show\n1 1,2,3\n40\n2 \n1500\n1 255\n";
    let v2 = "OLA Show V2\n1 1,2,3\n0 40\n2 \n1 540\n1 255\n";
    for text in [v1, v2, &v1.replace('\n', "\r\n"), &format!("{v1}\n1 9\nnot looked at")] {
        let entries = Reading::sound(text.as_bytes());
        let read: Vec<_> = entries.iter().map(Entry::frame).collect();
        assert_eq!(read.len(), 3, "{text}");
        for ((at, universe, slots), expected) in read.iter().zip(&frames) {
            assert_eq!((*at, universe.as_str(), *slots), (expected.0, expected.1, &expected.2[..]));
        }
    }
    for (version, text) in [(OlaVersion::V1, v1), (OlaVersion::V2, v2)] {
        let mut writer = OlaWriter::new(Vec::new(), version).unwrap();
        for (at, name, slots) in &frames {
            let frame = Frame { universe: universe(name), slots };
            // The first frame need not be at time zero; in the file it is.
            writer.frame(Time::from_millis(5000 + *at), &frame).unwrap();
        }
        assert_eq!(String::from_utf8(writer.finish().unwrap()).unwrap(), text);
    }
}

#[test]
fn waits_of_an_ola_show_do_not_add_up_to_a_drift() {
    let mut writer = OlaWriter::new(Vec::new(), OlaVersion::V1).unwrap();
    let nanos = 22_727_273; // 44 Hz
    for index in 0..44 * 3600 {
        let frame = Frame { universe: universe("sacn/1"), slots: &[1] };
        writer.frame(Time::from_nanos(index * nanos), &frame).unwrap();
    }
    let entries = Reading::sound(&writer.finish().unwrap());
    for (index, entry) in entries.iter().enumerate() {
        assert!(entry.at.abs_diff(index as u64 * nanos) <= 500_000, "frame {index}");
    }
}

#[test]
fn two_universes_of_one_number_cannot_go_into_one_ola_show() {
    let mut writer = OlaWriter::new(Vec::new(), OlaVersion::V1).unwrap();
    let frame = |name| Frame { universe: universe(name), slots: &[1] };
    writer.frame(Time::ZERO, &frame("sacn/7")).unwrap();
    let error = writer.frame(Time::ZERO, &frame("artnet/7")).unwrap_err();
    assert!(error.to_string().contains("sacn/7 and artnet/0/0/7"), "{error}");
}

#[test]
fn tables_as_people_and_spreadsheets_write_them() {
    let text = "\u{FEFF}T_ms,Universe,ch1,ch2,ch3\r\n\
        1000,1,255,0,3\r\n\
        1000.5,artnet/1/2/3,1,,\r\n\
        \r\n\
        1002.000001,sacn/9,,,\r\n\
        1003,2\r\n\
        1004,2,7";
    let reading = Reading::of(text.as_bytes());
    assert!(reading.error.is_none(), "{:?}", reading.error);
    assert_eq!(reading.warnings.count(Warning::OpenLine), 1);
    assert_eq!(times(&reading.entries), [0, 500_000, 2_000_001, 3_000_000, 4_000_000]);
    let read: Vec<_> = reading.entries.iter().map(Entry::frame).collect();
    assert_eq!(read[0], (0, "sacn/1".to_owned(), &[255, 0, 3][..]));
    assert_eq!(read[1], (0, "artnet/1/2/3".to_owned(), &[1][..]));
    assert_eq!(read[2].2, &[] as &[u8]);
    assert_eq!(read[4], (4, "sacn/2".to_owned(), &[7][..]));
}

#[test]
fn a_wrong_line_is_named_with_what_it_should_be() {
    for (text, line, expected) in [
        ("OLA Show\n1 1,2\n25\n1 256\n", 4, "levels"),
        ("OLA Show\n1 1,2\nsoon\n1 2\n", 3, "milliseconds"),
        ("OLA Show V2\n1 1,2\n25\n1 2\n", 3, "seconds and milliseconds"),
        ("OLA Show\n1,2,3\n", 2, "a universe, a space"),
        ("t_ms,universe,ch1\n0,1,2\n1,1,2,x\n", 3, "levels"),
        ("t_ms,universe,ch1\n1e3,1,2\n", 2, "a time in ms"),
        ("t_ms,universe,ch1\n0,dmx/1,2\n", 2, "a universe, such as"),
        ("t_ms,universe,ch1\n0\n", 2, "t_ms,universe"),
    ] {
        let error = Reading::of(text.as_bytes()).error.unwrap();
        let message = error.to_string();
        assert!(message.contains(&format!("line {line}: expected")), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn numbers_that_are_no_universe_are_left_out_and_counted() {
    let text = "OLA Show\n0 1\n10\n64000 2\n10\n1 3\n";
    let reading = Reading::of(text.as_bytes());
    assert_eq!(reading.entries.len(), 1);
    assert_eq!(reading.warnings.count(Warning::UniverseNumber), 2);
    let options = ReadOptions { numbering: Numbering::ArtNet, ..ReadOptions::default() };
    let reading = Reading::with(text.as_bytes(), &options);
    assert_eq!(reading.entries.len(), 2);
    assert_eq!(times(&reading.entries), [0, 20_000_000]);
}

#[test]
fn csv_keeps_every_nanosecond() {
    let mut writer = CsvWriter::new(Vec::new()).unwrap();
    let slots: Vec<u8> = (0..512).map(|slot| slot as u8).collect();
    let at = [0, 1, 1_000_000, 1_200_000, u64::MAX / 2];
    for at in at {
        let frame = Frame { universe: universe("artnet/127/15/15"), slots: &slots };
        writer.frame(Time::from_nanos(at), &frame).unwrap();
    }
    let entries = Reading::sound(&writer.finish().unwrap());
    assert_eq!(times(&entries), at);
    assert_eq!(entries[2].frame().2, slots);
}

/// `frames` frames of `channels` channels, no two alike.
fn channel_data(channels: u32, frames: u32) -> Vec<u8> {
    (0..frames).flat_map(|frame| (0..channels).map(move |c| (frame * 31 + c * 7) as u8)).collect()
}

/// Two frames of 515 channels as sACN universes 1 and 2, at 50 ms.
fn assert_two_frames(entries: &[Entry], data: &[u8]) {
    let read: Vec<_> = entries.iter().map(Entry::frame).collect();
    assert_eq!(read.len(), 4);
    for (index, (at, name, slots)) in read.iter().enumerate() {
        let frame = &data[index / 2 * 515..][..515];
        let (expected, part) =
            if index % 2 == 0 { ("sacn/1", &frame[..512]) } else { ("sacn/2", &frame[512..]) };
        assert_eq!((*at, name.as_str(), *slots), (index as u64 / 2 * 50, expected, part));
    }
}

#[test]
fn fseq_of_version_1_with_variable_headers() {
    let data = channel_data(515, 2);
    let variable = [&[10, 0][..], b"mf", b"a.mp3\0", &[5, 0], b"xx", &[1], &[0, 0, 0]].concat();
    assert_two_frames(&Reading::sound(&fseq_v1(515, 2, 50, &[], &data)), &data);
    assert_two_frames(&Reading::sound(&fseq_v1(515, 2, 50, &variable, &data)), &data);
}

fn pack(packing: u8, data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    match packing {
        0 => data.to_vec(),
        1 => zstd::encode_all(data, 5).unwrap(),
        _ => {
            let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
            out.write_all(data).unwrap();
            out.finish().unwrap()
        }
    }
}

#[test]
fn fseq_of_version_2_however_packed() {
    let data = channel_data(515, 2);
    for packing in 0..3 {
        let mut file = Fseq {
            packing,
            channels: 515,
            frames: 2,
            step_ms: 50,
            blocks: vec![(0, pack(packing, &data))],
            ranges: vec![],
            variable: vec![],
        };
        assert_two_frames(&Reading::sound(&file.bytes()), &data);
        if packing > 0 {
            // One block a frame, and the rest of the table unused.
            file.blocks = vec![(0, pack(packing, &data[..515])), (1, pack(packing, &data[515..]))];
            file.blocks.extend(vec![(0, vec![]); 300]);
            assert_two_frames(&Reading::sound(&file.bytes()), &data);
            // Two packed streams one after another in one block.
            if packing == 1 {
                let both = [pack(1, &data[..700]), pack(1, &data[700..])].concat();
                file.blocks = vec![(0, both)];
                assert_two_frames(&Reading::sound(&file.bytes()), &data);
            }
        }
    }
}

#[test]
fn fseq_blocks_out_of_order_or_without_a_table_are_put_right() {
    let data = channel_data(515, 2);
    let blocks = vec![(1, pack(1, &data[515..])), (0, pack(1, &data[..515]))];
    let (ranges, variable) = (vec![], vec![]);
    let mut file =
        Fseq { packing: 1, channels: 515, frames: 2, step_ms: 50, blocks, ranges, variable };
    let reading = Reading::of(&file.bytes());
    assert_two_frames(&reading.entries, &data);
    assert_eq!(reading.warnings.count(Warning::BlockOrder), 1);

    file.blocks = vec![(0, vec![])];
    let mut bytes = file.bytes();
    bytes.extend(pack(1, &data));
    let reading = Reading::of(&bytes);
    assert_two_frames(&reading.entries, &data);
    assert_eq!(reading.warnings.count(Warning::NoBlockTable), 1);
}

#[test]
fn a_corrupt_fseq_block_costs_its_own_frames_only() {
    let data = channel_data(515, 3);
    let mut blocks: Vec<_> =
        data.chunks(515).enumerate().map(|(index, frame)| (index as u32, pack(1, frame))).collect();
    let middle = blocks[1].1.len() / 2;
    blocks[1].1[middle] ^= 0xFF;
    blocks[1].1[5] ^= 0xFF;
    let (ranges, variable) = (vec![], vec![]);
    let file = Fseq { packing: 1, channels: 515, frames: 3, step_ms: 25, blocks, ranges, variable };
    let reading = Reading::of(&file.bytes());
    assert!(reading.error.is_none());
    assert_eq!(times(&reading.entries), [0, 0, 50_000_000, 50_000_000]);
    assert_eq!(reading.warnings.count(Warning::BrokenBlock), 1);
}

#[test]
fn fseq_frames_that_hold_some_channels_only() {
    let data = channel_data(20, 2);
    let mut file = Fseq {
        packing: 0,
        channels: 20,
        frames: 2,
        step_ms: 25,
        blocks: vec![(0, data.clone())],
        ranges: vec![(510, 4), (1030, 16)],
        variable: vec![],
    };
    let entries = Reading::sound(&file.bytes());
    let read: Vec<_> = entries.iter().take(3).map(Entry::frame).collect();
    assert_eq!(read[0].1, "sacn/1");
    assert_eq!((read[0].2.len(), &read[0].2[509..]), (512, &[0, data[0], data[1]][..]));
    assert_eq!((read[1].1.as_str(), read[1].2), ("sacn/2", &data[2..4]));
    assert_eq!((read[2].1.as_str(), read[2].2.len()), ("sacn/3", 22));
    assert_eq!(read[2].2[6..], data[4..20]);

    let range = ChannelRange { first_channel: 1028, slots: 10, universe: universe("artnet/5") };
    let channels = Some(ChannelMap::Ranges(vec![range]));
    let options = ReadOptions { channels, ..ReadOptions::default() };
    let reading = Reading::with(&file.bytes(), &options);
    assert_eq!(reading.entries.len(), 2);
    let (_, name, slots) = reading.entries[0].frame();
    assert_eq!((name.as_str(), slots), ("artnet/0/0/5", &[&[0, 0][..], &data[4..12]].concat()[..]));

    file.ranges = vec![(0, 21)];
    let error = Reading::of(&file.bytes()).error.unwrap();
    assert!(error.to_string().contains("sparse ranges is 21"), "{error}");
}

#[test]
fn effects_of_models_are_fseq_too() {
    let mut file = b"ESEQ".to_vec();
    for word in [1_u32, 3, 514, 3] {
        file.extend(word.to_le_bytes()); // models, channels, first channel from 1, channels
    }
    file.extend([1, 2, 3, 4, 5, 6]);
    let entries = Reading::sound(&file);
    let read: Vec<_> = entries.iter().map(Entry::frame).collect();
    assert_eq!(read[0], (0, "sacn/2".to_owned(), &[0, 1, 2, 3][..]));
    assert_eq!(read[1], (50, "sacn/2".to_owned(), &[0, 4, 5, 6][..]));
}

#[test]
fn what_we_write_as_fseq_we_read_universes_and_all() {
    let universes = vec![
        (universe("sacn/5"), 512),
        (universe("artnet/0/0/5"), 3),
        (universe("sacn/63999"), 64),
    ];
    for compression in [Compression::None, Compression::Zstd, Compression::Zlib] {
        for frames in [0, 1, 7, 9000] {
            let layout = FseqLayout {
                universes: universes.clone(),
                step_ms: 23,
                frames,
                compression,
                unique_id: 9,
            };
            let data = channel_data(579, frames);
            let mut writer = FseqWriter::new(Cursor::new(Vec::new()), layout).unwrap();
            for frame in data.chunks(579) {
                writer.frame(frame).unwrap();
            }
            let entries = Reading::sound(&writer.finish().unwrap().into_inner());
            assert_eq!(entries.len(), frames as usize * 3);
            for (index, entry) in entries.iter().enumerate() {
                let frame = &data[index / 3 * 579..][..579];
                let part = [&frame[..512], &frame[512..515], &frame[515..]][index % 3];
                let (at, name, slots) = entry.frame();
                let expected = universes[index % 3].0.to_string();
                assert_eq!((at, name, slots), (index as u64 / 3 * 23, expected, part));
            }
        }
    }
}

#[test]
fn an_fseq_of_many_frames_uses_the_whole_block_table() {
    let layout = FseqLayout {
        universes: vec![(universe("sacn/1"), 512); 1],
        step_ms: 1,
        frames: 12_000_000,
        compression: Compression::Zstd,
        unique_id: 0,
    };
    let mut writer = FseqWriter::new(Cursor::new(Vec::new()), layout.clone()).unwrap();
    for frame in 0..20_000_u32 {
        writer.frame(&[(frame / 5) as u8; 512]).unwrap();
    }
    let file = writer.finish().unwrap().into_inner();
    let blocks = usize::from(file[20] >> 4) << 8 | usize::from(file[21]);
    assert_eq!(blocks, 12_000_000_usize.div_ceil(12_000_000_usize.div_ceil(4095)));
    assert_eq!(Reading::sound(&file).len(), 20_000);

    let too_much = FseqLayout { frames: u32::MAX, ..layout };
    let error = FseqWriter::new(Cursor::new(Vec::new()), too_much).unwrap_err();
    assert!(matches!(error, ErrorKind::Unwritable(_)), "{error}");
}
