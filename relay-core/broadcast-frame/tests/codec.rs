//! What is written is read back, and the page says what is written.

use proptest::prelude::*;
use wristcast_broadcast_frame::frame::{self, EXECUTE_IN_MS_MAX, Frame, Malformed};
use wristcast_broadcast_frame::{
    Decoder, FallBack, FallBackTo, Header, Heard, Identity, Ignored, Key, Look, advert, fuzz,
};

const RED: Look = Look { levels: [255, 0, 0, 0], ..Look::DARK };

fn colour(red: u8, green: u8, blue: u8) -> Look {
    Look { levels: [red, green, blue, 0], ..Look::DARK }
}

/// The room for a frame in a legacy advert.
const LEGACY: usize = advert::LEGACY_LEN_MAX - advert::OVERHEAD;
/// In an extended or periodic one.
const EXTENDED: usize = advert::EXTENDED_LEN_MAX - advert::OVERHEAD;

/// How many of `looks` fit an authenticated frame of this room, and its length.
fn packed(looks: &[Look], room: usize) -> (usize, usize) {
    let mut out = [0; EXTENDED];
    let key = Key([1; 16]);
    let encoded = frame::encode(&Header::default(), looks, Some(&key), &mut out[..room]);
    let encoded = encoded.expect("room for a frame");
    let read = Frame::parse(&out[..encoded.len]).expect("what was written can be read");
    for (group, look) in looks[..encoded.groups].iter().enumerate() {
        assert_eq!(read.look(group as u16), Some(*look), "group {group}");
    }
    assert_eq!(read.look(encoded.groups as u16), None, "no look for a group that is not in it");
    (encoded.groups, encoded.len)
}

#[test]
fn a_legacy_advert_holds_as_many_groups_as_the_page_says() {
    let rainbow: Vec<Look> = (0..80).map(|n| colour(n * 3, 255 - n * 3, n)).collect();
    let standard: Vec<Look> = (0..80).map(|n| Look::of_standard(n % 16)).collect();
    let halves: Vec<Look> =
        (0..80).map(|n| if n % 2 == 0 { RED } else { colour(9, 9, 9) }).collect();
    assert_eq!(packed(&vec![RED; 9_000], LEGACY), (9_000, 24), "one look for all");
    assert_eq!(packed(&rainbow, LEGACY).0, 3, "any colours");
    assert_eq!(packed(&standard, LEGACY).0, 14, "standard colours");
    assert_eq!(packed(&halves, LEGACY).0, 8, "two colours, carried");
}

#[test]
fn an_extended_advert_holds_as_many_groups_as_the_page_says() {
    let rainbow: Vec<Look> = (0..200).map(|n| colour(n, 255 - n, n / 3)).collect();
    let sixteen: Vec<Look> = (0..600).map(|n| colour((n % 16) as u8 * 7, 3, 1)).collect();
    let white: Vec<Look> =
        (0..200).map(|n| Look { levels: [n, 0, 0, 255 - n], ..Look::DARK }).collect();
    assert_eq!(packed(&rainbow, EXTENDED).0, 74, "any colours");
    assert_eq!(packed(&sixteen, EXTENDED).0, 255, "sixteen colours");
    assert_eq!(packed(&white, EXTENDED).0, 37, "with white");
}

#[test]
fn looks_that_differ_in_more_than_colour_are_still_exact() {
    let looks = [
        Look { strobe_dhz: 10, ..RED },
        Look { fade_cs: 255, ..RED },
        Look { levels: [1, 2, 3, 4], strobe_dhz: 250, fade_cs: 1 },
    ];
    assert_eq!(packed(&looks, EXTENDED), (3, frame::HEADER_LEN + 18 + 4));
}

#[test]
fn a_strobe_that_cannot_be_is_sent_as_one_that_can() {
    let sent = |strobe_dhz| {
        let mut out = [0; 64];
        let look = Look { strobe_dhz, ..RED };
        let encoded = frame::encode(&Header::default(), &[look], None, &mut out).unwrap();
        Frame::parse(&out[..encoded.len]).unwrap().look(0).unwrap().strobe_dhz
    };
    assert_eq!([sent(9), sent(10), sent(250), sent(251)], [0, 10, 250, 250]);
}

#[test]
fn nothing_is_written_where_there_is_no_room() {
    let mut out = [0; frame::HEADER_LEN + 4];
    assert_eq!(frame::encode(&Header::default(), &[RED], None, &mut out), None);
    assert_eq!(frame::encode_for_all(&Header::default(), RED, None, &mut out), None);
    assert_eq!(frame::encode(&Header::default(), &[], None, &mut [0; 64]), None);
}

#[test]
fn times_on_the_air_are_those_asked_for_or_the_next_that_can_be() {
    let sent = |execute_in_ms| {
        let mut out = [0; 64];
        let header = Header { execute_in_ms, ..Header::default() };
        let encoded = frame::encode(&header, &[RED], None, &mut out).unwrap();
        Frame::parse(&out[..encoded.len]).unwrap().header().execute_in_ms
    };
    assert_eq!([sent(0), sent(60), sent(61), sent(9_999)], [0, 60, 64, EXECUTE_IN_MS_MAX]);
    let wait = |ms| FallBack::after_ms(FallBackTo::Black, ms).wait_ms();
    assert_eq!([wait(0), wait(1_999), wait(2_000)], [Some(500), Some(1_000), Some(2_000)]);
    assert_eq!(wait(u32::MAX), Some(8_192_000));
    assert_eq!(FallBack::default().wait_ms(), None);
}

#[test]
fn what_is_cut_or_too_long_is_no_frame() {
    let looks = [RED, colour(1, 2, 3), colour(4, 5, 6)];
    let mut out = [0; 64];
    let encoded = frame::encode(&Header::default(), &looks, None, &mut out).unwrap();
    for len in 0..encoded.len {
        let cut = Frame::parse(&out[..len]);
        // A list of colours may end after any of them.
        let is_list = (len.saturating_sub(frame::HEADER_LEN + 2)).is_multiple_of(3);
        assert!(cut.is_err() || is_list && len > frame::FRAME_LEN_MIN - 1, "{len}: {cut:?}");
    }
    assert_eq!(Frame::parse(&out[..encoded.len + 1]).unwrap_err(), Malformed::Length);
    out[0] = 0x22;
    assert_eq!(Frame::parse(&out[..encoded.len]).unwrap_err(), Malformed::Version);
}

#[test]
fn the_nearest_standard_colour_of_a_standard_colour_is_itself() {
    for index in 0..16 {
        let look = Look { strobe_dhz: 20, fade_cs: 3, ..Look::of_standard(index) };
        assert_eq!(look.nearest_standard(), look);
    }
    let warm = Look { levels: [0, 0, 0, 255], ..Look::DARK };
    assert_eq!(warm.nearest_standard(), colour(255, 255, 255), "white from three colours");
}

#[test]
fn a_frame_is_found_among_other_structures_and_only_under_its_company() {
    let mut data = [0; advert::LEGACY_LEN_MAX];
    data[advert::OVERHEAD..][..2].copy_from_slice(b"hi");
    let len = advert::write(0x0059, 2, &mut data).unwrap();
    let structures = [b"\x02\x01\x06".as_slice(), &data[..len], b"\x03\xff\x59"].concat();
    let found = |company| advert::payloads(company, &structures).collect::<Vec<_>>();
    assert_eq!(found(0x0059), [b"hi"]);
    assert_eq!(found(0x5900), [b""; 0]);
    assert_eq!(advert::write(1, 28, &mut data), None);
}

const PAGE: &str = include_str!("../../../docs/broadcast-frame.md");

fn cells(row: &str) -> Vec<String> {
    let cells = row.trim_matches('|').split('|');
    cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}

/// The rows of a table of the page whose first cell begins with this.
fn rows(first: &str) -> Vec<Vec<String>> {
    let rows = PAGE.lines().filter(|line| line.starts_with(&format!("| `{first}")));
    rows.map(cells).collect()
}

/// The rows of the first table behind these words of the page: why, and the bytes of a frame.
fn refused(words: &str) -> Vec<(String, Vec<u8>)> {
    let (_, behind) = PAGE.split_once(words).expect("the words stand on the page");
    let table = behind.lines().skip_while(|line| !line.starts_with('|'));
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| (cells(row)[0].clone(), hex(&cells(row)[1]))).collect()
}

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hex")).collect()
}

#[test]
fn the_vectors_of_the_page_are_what_is_written_and_read() {
    let key = Key(core::array::from_fn(|n| n as u8));
    let vectors = rows("1");
    assert!(vectors.len() >= 6, "{vectors:?}");
    for row in vectors {
        let bytes = hex(&row[0]);
        let n: Vec<u32> = row[1].split_whitespace().map(|number| number.parse().unwrap()).collect();
        let to = [FallBackTo::Hold, FallBackTo::Black, FallBackTo::Glow][n[6] as usize];
        let header = Header {
            show: n[0] as u16,
            stamp: n[1],
            execute_in_ms: n[2],
            keyframe: n[3] == 1,
            panic: n[4] == 1,
            fall_back: FallBack { to, after: n[7] as u8 },
            base: n[8] as u16,
        };
        let key = (n[5] == 1).then_some(&key);
        let look = |look: &str| {
            let n: Vec<u8> = look.split_whitespace().map(|n| n.parse().unwrap()).collect();
            let mut levels = [0; 4];
            levels.copy_from_slice(&n[..4]);
            Look { levels, strobe_dhz: n[4], fade_cs: n[5] }
        };
        let mut out = [0; 256];
        let (looks, encoded) = match row[2].strip_prefix("all: ") {
            Some(one) => {
                let encoded = frame::encode_for_all(&header, look(one), key, &mut out);
                (vec![look(one)], encoded.unwrap())
            }
            None => {
                let looks: Vec<Look> = row[2].split(',').map(look).collect();
                let encoded = frame::encode(&header, &looks, key, &mut out).unwrap();
                assert_eq!(encoded.groups, looks.len(), "{row:?}");
                (looks, encoded)
            }
        };
        assert_eq!(out[..encoded.len], bytes, "{row:?} {:02X?}", &out[..encoded.len]);
        let read = Frame::parse(&bytes).unwrap();
        assert_eq!(*read.header(), header);
        assert!(key.is_none_or(|key| read.verifies(key)));
        for (index, look) in looks.iter().enumerate() {
            assert_eq!(read.look(header.base + index as u16), Some(*look), "{row:?}");
        }
    }
}

#[test]
fn what_the_page_calls_no_frame_is_none() {
    let rows = refused("These are no frames");
    assert!(rows.len() >= 10, "{rows:?}");
    for (why, bytes) in rows {
        assert!(Frame::parse(&bytes).is_err(), "{why}");
    }
}

#[test]
fn what_the_page_calls_forged_is_refused_and_all_the_rest_believed() {
    let hear = |bytes: &[u8]| {
        let show = u16::from_le_bytes([bytes[3], bytes[4]]);
        let mut band = Decoder::new(Identity { company: 0xFFFF, show, group: 0 });
        band.set_key(core::array::from_fn(|n| n as u8));
        band.frame(0, bytes)
    };
    let rows = refused("And these are frames");
    assert!(rows.len() >= 3, "{rows:?}");
    for (why, bytes) in rows {
        let expected = match why.starts_with("forged") {
            true => Ignored::Forged,
            false => Ignored::Unauthenticated,
        };
        assert!(Frame::parse(&bytes).is_ok(), "{why}");
        assert_eq!(hear(&bytes), Heard::Ignored(expected), "{why}");
    }
    for vector in self::rows("1").iter().map(|row| hex(&row[0])) {
        let is_authenticated = vector[1] & 1 != 0;
        assert_eq!(!matches!(hear(&vector), Heard::Ignored(_)), is_authenticated, "{vector:02X?}");
    }
}

#[test]
fn the_standard_colours_of_the_page_are_those_of_the_code() {
    let page = rows("#");
    assert_eq!(page.len(), 16);
    for (row, colour) in page.iter().zip(Look::STANDARD) {
        let [red, green, blue] = colour;
        assert_eq!(row[0], format!("#{red:02X}{green:02X}{blue:02X}"));
    }
}

#[test]
fn the_code_is_aes_cmac() {
    // RFC 4493, section 4: examples 1 and 2.
    let key = Key([
        0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f,
        0x3c,
    ]);
    let message = [
        0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17,
        0x2a,
    ];
    assert_eq!(key.sign(&[]), [0xbb, 0x1d, 0x69, 0x29]);
    assert_eq!(key.sign(&message), [0x07, 0x0a, 0x16, 0xb4]);
    assert!(key.verifies(&message, [0x07, 0x0a, 0x16, 0xb4]));
    assert!(!key.verifies(&message, [0x07, 0x0a, 0x16, 0xb5]));
}

prop_compose! {
    fn any_look()(
        levels in prop_oneof![
            any::<[u8; 4]>(),
            any::<[u8; 3]>().prop_map(|[r, g, b]| [r, g, b, 0]),
            (0..3u8, 0..2u8).prop_map(|(a, b)| [a, b, 0, 0]),
        ],
        strobe_dhz in prop_oneof![4 => Just(0u8), 1 => 10..=250u8],
        fade_cs in prop_oneof![4 => Just(0u8), 1 => any::<u8>()],
    ) -> Look {
        Look { levels, strobe_dhz, fade_cs }
    }
}

prop_compose! {
    fn any_header()(
        show in any::<u16>(),
        stamp in any::<u32>(),
        execute in any::<u8>(),
        flags in any::<[bool; 2]>(),
        to in prop_oneof![Just(FallBackTo::Hold), Just(FallBackTo::Black), Just(FallBackTo::Glow)],
        after in 0..16u8,
        base in 0..=u16::MAX - 300,
    ) -> Header {
        let [keyframe, panic] = flags;
        let execute_in_ms = u32::from(execute) * 4;
        Header { show, stamp, execute_in_ms, keyframe, panic, fall_back: FallBack { to, after }, base }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_and_nothing_that_fits_is_left_out(
        header in any_header(),
        looks in proptest::collection::vec(any_look(), 1..300),
        key in proptest::option::of(any::<[u8; 16]>()),
        room in frame::HEADER_LEN + 12..=EXTENDED,
    ) {
        let key = key.map(Key);
        let mut out = [0; EXTENDED];
        let encoded = frame::encode(&header, &looks, key.as_ref(), &mut out[..room]).unwrap();
        prop_assert!(encoded.len <= room);
        let read = Frame::parse(&out[..encoded.len]).unwrap();
        prop_assert_eq!(*read.header(), header);
        prop_assert_eq!(read.groups(), Some(encoded.groups));
        prop_assert!(key.is_none_or(|key| read.verifies(&key)));
        for (index, look) in looks[..encoded.groups].iter().enumerate() {
            prop_assert_eq!(read.look(header.base + index as u16), Some(*look));
        }
        // The format that takes any look is the least there is to be had.
        let code = if key.is_some() { 4 } else { 0 };
        let any = ((room - frame::HEADER_LEN - code) / 6).min(looks.len());
        prop_assert!(encoded.groups >= any);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzz::frame(&bytes);
    }

    #[test]
    fn any_bytes_that_begin_like_a_frame_are_read_or_refused(
        format in 0..5u8,
        flags in 0..8u8,
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        fuzz::frame(&[&[0x10 | format, flags], bytes.as_slice()].concat());
    }

    #[test]
    fn any_series_of_adverts_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz::decoder(&bytes);
    }
}
