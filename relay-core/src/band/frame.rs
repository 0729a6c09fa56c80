//! The bytes of a frame for one wristband of our own.

use crate::look::Look;

/// Length of a frame. Fits the 20 bytes of an ATT write on any connection.
pub const FRAME_LEN: usize = 11;

/// Marks our frames, version 1.
const MARK: u8 = 0xB1;

/// Where things are; see `docs/band-frame.md`.
mod field {
    use core::ops::Range;

    pub(super) const MARK: usize = 0;
    pub(super) const FLAGS: usize = 1;
    pub(super) const SEQUENCE: usize = 2;
    pub(super) const RED: usize = 3;
    pub(super) const GREEN: usize = 4;
    pub(super) const BLUE: usize = 5;
    pub(super) const WHITE: usize = 6;
    pub(super) const DIMMER: usize = 7;
    pub(super) const STROBE: usize = 8;
    pub(super) const FADE: usize = 9;
    pub(super) const CHECK: usize = 10;
    pub(super) const CHECKED: Range<usize> = 0..CHECK;
}

const FLAG_FIRST: u8 = 0b01;
const FLAG_PANIC: u8 = 0b10;

/// A look on its way to one wristband.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BandFrame {
    /// What to show. A strobe of 1..=9 is sent as 0, one above 250 as 250.
    pub look: Look,
    /// Counts the looks; the same look again has the same number.
    pub sequence: u8,
    /// To be shown whatever its sequence: the first on a connection.
    pub first: bool,
    /// Blackout or end look: to be shown at once, whatever its sequence and fade.
    pub panic: bool,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Not exactly [`FRAME_LEN`] bytes.
    Length,
    /// Not our mark and version.
    Mark,
    /// Damaged.
    Check,
    /// A strobe that is neither 0 nor 10..=250.
    Strobe,
}

impl BandFrame {
    /// The frame as it is sent.
    pub fn encode(&self) -> [u8; FRAME_LEN] {
        let mut bytes = [0; FRAME_LEN];
        bytes[field::MARK] = MARK;
        bytes[field::FLAGS] =
            if self.first { FLAG_FIRST } else { 0 } | if self.panic { FLAG_PANIC } else { 0 };
        bytes[field::SEQUENCE] = self.sequence;
        bytes[field::RED] = self.look.red;
        bytes[field::GREEN] = self.look.green;
        bytes[field::BLUE] = self.look.blue;
        bytes[field::WHITE] = self.look.white;
        bytes[field::DIMMER] = self.look.dimmer;
        bytes[field::STROBE] = match self.look.strobe_dhz {
            0..=9 => 0,
            rate => rate.min(250),
        };
        bytes[field::FADE] = self.look.fade_cs;
        bytes[field::CHECK] = crc8(&bytes[field::CHECKED]);
        bytes
    }

    /// Reads a frame. Unknown flags are ignored.
    pub fn decode(bytes: &[u8]) -> Result<Self, Rejected> {
        let bytes: &[u8; FRAME_LEN] = bytes.try_into().map_err(|_| Rejected::Length)?;
        if bytes[field::MARK] != MARK {
            return Err(Rejected::Mark);
        }
        if bytes[field::CHECK] != crc8(&bytes[field::CHECKED]) {
            return Err(Rejected::Check);
        }
        if !matches!(bytes[field::STROBE], 0 | 10..=250) {
            return Err(Rejected::Strobe);
        }
        Ok(Self {
            look: Look {
                red: bytes[field::RED],
                green: bytes[field::GREEN],
                blue: bytes[field::BLUE],
                white: bytes[field::WHITE],
                dimmer: bytes[field::DIMMER],
                strobe_dhz: bytes[field::STROBE],
                fade_cs: bytes[field::FADE],
            },
            sequence: bytes[field::SEQUENCE],
            first: bytes[field::FLAGS] & FLAG_FIRST != 0,
            panic: bytes[field::FLAGS] & FLAG_PANIC != 0,
        })
    }
}

/// CRC-8/AUTOSAR: polynomial 0x2F, start 0xFF, inverted. Finds any three wrong bits in a frame.
fn crc8(bytes: &[u8]) -> u8 {
    !bytes.iter().fold(0xFF, |crc, byte| CRC8[usize::from(crc ^ byte)])
}

const CRC8: [u8; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut crc = index as u8;
        let mut bit = 0;
        while bit < 8 {
            crc = crc << 1 ^ if crc & 0x80 != 0 { 0x2F } else { 0 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The test vectors of `docs/band-frame.md`: hex, then the frame.
    fn vectors() -> Vec<(Vec<u8>, BandFrame)> {
        let page = include_str!("../../../docs/band-frame.md");
        let rows = page.lines().filter(|line| line.starts_with("| `B1"));
        rows.map(|row| {
            let cells: Vec<&str> =
                row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let bytes = cells[1].split(' ').map(|hex| u8::from_str_radix(hex, 16).unwrap());
            let n: Vec<u8> = cells[2].split(' ').map(|number| number.parse().unwrap()).collect();
            let look = Look {
                red: n[3],
                green: n[4],
                blue: n[5],
                white: n[6],
                dimmer: n[7],
                strobe_dhz: n[8],
                fade_cs: n[9],
            };
            let frame = BandFrame { look, first: n[0] == 1, panic: n[1] == 1, sequence: n[2] };
            (bytes.collect(), frame)
        })
        .collect()
    }

    #[test]
    fn the_documented_vectors_are_what_is_sent_and_read() {
        let vectors = vectors();
        assert!(vectors.len() >= 5);
        for (bytes, frame) in vectors {
            assert_eq!(frame.encode().as_slice(), bytes, "{frame:?}");
            assert_eq!(BandFrame::decode(&bytes), Ok(frame));
        }
    }

    #[test]
    fn the_check_is_the_catalogued_one() {
        assert_eq!(crc8(b"123456789"), 0xDF);
    }

    #[test]
    fn a_strobe_out_of_range_is_sent_in_range_and_not_accepted() {
        let sent = |strobe_dhz| {
            let look = Look { strobe_dhz, ..Look::DARK };
            BandFrame { look, ..BandFrame::default() }.encode()[field::STROBE]
        };
        assert_eq!([sent(9), sent(10), sent(250), sent(251)], [0, 10, 250, 250]);
        let mut bytes = BandFrame::default().encode();
        bytes[field::STROBE] = 9;
        bytes[field::CHECK] = crc8(&bytes[field::CHECKED]);
        assert_eq!(BandFrame::decode(&bytes), Err(Rejected::Strobe));
    }

    prop_compose! {
        fn frames()(
            levels in any::<[u8; 5]>(),
            strobe_dhz in prop_oneof![Just(0u8), 10..=250u8],
            fade_cs in any::<u8>(),
            sequence in any::<u8>(),
            first in any::<bool>(),
            panic in any::<bool>(),
        ) -> BandFrame {
            let [red, green, blue, white, dimmer] = levels;
            let look = Look { red, green, blue, white, dimmer, strobe_dhz, fade_cs };
            BandFrame { look, sequence, first, panic }
        }
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read_back(frame in frames()) {
            prop_assert_eq!(BandFrame::decode(&frame.encode()), Ok(frame));
        }

        #[test]
        fn any_bytes_are_read_or_rejected(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = BandFrame::decode(&bytes);
        }

        #[test]
        fn up_to_three_wrong_bits_are_found(
            frame in frames(),
            bits in proptest::collection::hash_set(0..FRAME_LEN * 8, 1..=3),
        ) {
            let mut bytes = frame.encode();
            for bit in bits {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            prop_assert!(BandFrame::decode(&bytes).is_err());
        }
    }
}
