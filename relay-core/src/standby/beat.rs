//! What a relay tells the other, ten times in a take-over time: one datagram of fixed size.
//!
//! ```text
//!   0   4  "wcsb"              18   8  number of the beat
//!   4   1  version, 1          26   8  boot of the other, 0 = none heard
//!   5   1  flags               34   8  number of its last beat that was heard
//!   6   1  more flags         42   …  how it is: input, bands, hands, show
//!   7   2  unused, 0          146  16  AES-CMAC (RFC 4493) over all before it
//!   9   1  grand master
//!  10   8  boot, at random
//! ```
//!
//! All numbers are big-endian.

use aes::Aes128;
use broadcast_frame::Key;
use cmac::{Cmac, KeyInit, Mac};

use super::hands::Hands;
use super::input::{Input, LiveSet, UNIVERSES_TOLD};
use crate::time::Time;

/// Length of the code, bytes.
pub(super) const MAC_LEN: usize = 16;
/// Where the code begins.
const SIGNED_LEN: usize = 42 + 4 * 5 + 8 + 8 + 4 + UNIVERSES_TOLD / 8;
/// Length of a beat, bytes.
pub const BEAT_LEN: usize = SIGNED_LEN + MAC_LEN;

const MAGIC: [u8; 4] = *b"wcsb";
const VERSION: u8 = 1;
/// Nothing was ever heard of the consoles.
const NEVER: u32 = u32::MAX;

/// What a relay says it is to the bands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// It does not drive.
    #[default]
    Follows,
    /// It drives.
    Drives,
    /// It lets go.
    Gives,
    /// It has let go.
    Gave,
}

/// How a relay is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// What it is to the bands.
    pub told: Told,
    /// It is the one that drives if both can.
    pub preferred: bool,
    /// Its relay thread gets on.
    pub works: bool,
    /// It would take over: it works and hears consoles.
    pub fit: bool,
    /// A radio of it works.
    pub able: bool,
    /// It asks for the bands.
    pub wants: bool,
    /// What it hears of the consoles.
    pub input: Input,
    /// Bands connected.
    pub connected: u32,
    /// Bands of its show.
    pub bands: u32,
    /// What operators have done by hand.
    pub hands: Hands,
    /// It knows these hands, and not yet the masters of single groups that belong to them.
    pub lacks_masters: bool,
    /// Tells shows apart.
    pub show: u64,
}

/// A beat and what proves that it is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Drawn at random when the sender started; never 0.
    pub boot: u64,
    /// Counts the sender's beats.
    pub number: u64,
    /// Boot and number of the last beat that the sender heard from the other.
    pub echo: Option<(u64, u64)>,
    /// What it says.
    pub beat: Beat,
}

impl Envelope {
    /// The datagram. `now` is the sender's time.
    pub fn encode(&self, now: Time, key: &Key) -> [u8; BEAT_LEN] {
        let beat = &self.beat;
        let told = match beat.told {
            Told::Follows => 0,
            Told::Drives => 1,
            Told::Gives => 2,
            Told::Gave => 3,
        };
        let bits =
            [beat.preferred, beat.works, beat.fit, beat.wants, beat.hands.panic, beat.hands.frozen];
        let flags = (2..).zip(bits).fold(told, |flags, (bit, on)| flags | u8::from(on) << bit);
        let age = beat.input.age(now).map_or(NEVER, |age| {
            u32::try_from(age.as_millis()).unwrap_or(NEVER - 1).min(NEVER - 1)
        });
        let (boot, number) = self.echo.unwrap_or_default();
        let mut out = Writer { bytes: [0; BEAT_LEN], at: 0 };
        out.put(&MAGIC);
        let more = u8::from(beat.lacks_masters) | u8::from(beat.able) << 1;
        out.put(&[VERSION, flags, more, 0, 0, beat.hands.grand_master]);
        for number in [self.boot, self.number, boot, number] {
            out.put(&number.to_be_bytes());
        }
        for number in [age, beat.input.live, beat.input.patched, beat.connected, beat.bands] {
            out.put(&number.to_be_bytes());
        }
        out.put(&beat.hands.here.to_be_bytes());
        out.put(&beat.hands.there.to_be_bytes());
        out.put(&beat.show.to_be_bytes());
        out.put(&[0; 4]);
        out.put(&beat.input.live_set.0);
        let code = cmac(key, &out.bytes[..SIGNED_LEN]).finalize().into_bytes();
        out.put(&code);
        out.bytes
    }

    /// Reads a datagram; `None` if it is no beat, or not signed with this key. `now` is when it came.
    pub fn decode(bytes: &[u8], now: Time, key: &Key) -> Option<Self> {
        let bytes: &[u8; BEAT_LEN] = bytes.try_into().ok()?;
        let (signed, code) = bytes.split_at(SIGNED_LEN);
        cmac(key, signed).verify_slice(code).ok()?;
        let mut from = Reader { bytes: signed };
        if from.take()? != MAGIC {
            return None;
        }
        let [version, flags, more, _, _, grand_master] = from.take()?;
        if version != VERSION {
            return None;
        }
        let mut long = || from.take().map(u64::from_be_bytes);
        let (boot, number, echo) = (long()?, long()?, (long()?, long()?));
        let mut word = || from.take().map(u32::from_be_bytes);
        let (age, live, patched) = (word()?, word()?, word()?);
        let (connected, bands) = (word()?, word()?);
        let (here, there) = (word()?, word()?);
        let show = u64::from_be_bytes(from.take()?);
        let [_, _, _, _] = from.take()?;
        let bit = |bit: u8| flags & 1 << bit != 0;
        let heard = (age != NEVER)
            .then(|| Time::from_nanos(now.as_nanos().saturating_sub(u64::from(age) * 1_000_000)));
        let told = match flags & 3 {
            0 => Told::Follows,
            1 => Told::Drives,
            2 => Told::Gives,
            _ => Told::Gave,
        };
        let beat = Beat {
            told,
            preferred: bit(2),
            works: bit(3),
            fit: bit(4),
            able: more & 2 != 0,
            wants: bit(5),
            input: Input { heard, live, patched, live_set: LiveSet(from.take()?) },
            connected,
            bands,
            hands: Hands { here, there, panic: bit(6), frozen: bit(7), grand_master },
            lacks_masters: more & 1 != 0,
            show,
        };
        let echo = Some(echo).filter(|(boot, _)| *boot != 0);
        (boot != 0).then_some(Self { boot, number, echo, beat })
    }
}

pub(super) fn cmac(key: &Key, message: &[u8]) -> Cmac<Aes128> {
    let mut cmac = Cmac::<Aes128>::new(&key.0.into());
    cmac.update(message);
    cmac
}

struct Writer {
    bytes: [u8; BEAT_LEN],
    at: usize,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key([7; 16]);

    fn envelope() -> Envelope {
        let mut live_set = LiveSet::default();
        live_set.insert(3);
        live_set.insert(511);
        let beat = Beat {
            told: Told::Gave,
            preferred: true,
            works: true,
            fit: false,
            able: true,
            wants: true,
            input: Input { heard: Some(Time::from_millis(4_000)), live: 2, patched: 9, live_set },
            connected: 5,
            bands: 6,
            hands: Hands { here: 8, there: 9, panic: true, frozen: false, grand_master: 77 },
            lacks_masters: true,
            show: 0x0102_0304_0506_0708,
        };
        Envelope { boot: 11, number: 12, echo: Some((13, 14)), beat }
    }

    #[test]
    fn a_beat_comes_out_as_it_went_in_but_for_the_clocks() {
        let bytes = envelope().encode(Time::from_millis(4_250), &KEY);
        // The other's clock shows something else.
        let read = Envelope::decode(&bytes, Time::from_millis(90_000), &KEY).unwrap();
        let mut expected = envelope();
        expected.beat.input.heard = Some(Time::from_millis(89_750));
        assert_eq!(read, expected);
        let never = Envelope {
            echo: None,
            beat: Beat { input: Input::default(), ..Beat::default() },
            ..envelope()
        };
        let bytes = never.encode(Time::ZERO, &KEY);
        assert_eq!(Envelope::decode(&bytes, Time::ZERO, &KEY), Some(never));
    }

    #[test]
    fn a_beat_that_was_changed_anywhere_or_signed_by_another_is_none() {
        let bytes = envelope().encode(Time::ZERO, &KEY);
        for at in 0..bytes.len() {
            let mut changed = bytes;
            changed[at] ^= 0x10;
            assert_eq!(Envelope::decode(&changed, Time::ZERO, &KEY), None, "byte {at}");
        }
        assert_eq!(Envelope::decode(&bytes, Time::ZERO, &Key([8; 16])), None);
        for length in [0, 1, BEAT_LEN - 1] {
            assert_eq!(Envelope::decode(&bytes[..length], Time::ZERO, &KEY), None);
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Envelope::decode(&longer, Time::ZERO, &KEY), None);
    }
}
