//! The bytes of a frame, sections 4 and 5: a checked view to read one, and the encoder.

mod pack;

use crate::Look;
use crate::mac::{Key, MAC_LEN};

/// Where things are in the header; section 4.
mod field {
    use core::ops::Range;

    pub(super) const VERSION_FORMAT: usize = 0;
    pub(super) const FLAGS: usize = 1;
    pub(super) const FALL_BACK: usize = 2;
    pub(super) const SHOW: Range<usize> = 3..5;
    pub(super) const STAMP: Range<usize> = 5..9;
    pub(super) const EXECUTE: usize = 9;
    pub(super) const BASE: Range<usize> = 10..12;
}

/// Length of the header, bytes.
pub const HEADER_LEN: usize = 12;

/// Shortest frame: a header and one group without white, unauthenticated.
pub const FRAME_LEN_MIN: usize = HEADER_LEN + 5;

/// The version this crate speaks.
pub const VERSION: u8 = 1;

/// The unit of [`Header::execute_in_ms`], ms.
pub const EXECUTE_UNIT_MS: u32 = 4;

/// Longest time from a frame's stamp to its execution, ms.
pub const EXECUTE_IN_MS_MAX: u32 = 255 * EXECUTE_UNIT_MS;

const AUTHENTICATED: u8 = 0b001;
const KEYFRAME: u8 = 0b010;
const PANIC: u8 = 0b100;

/// What a frame says beside its looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The show it belongs to.
    pub show: u16,
    /// When it was made: milliseconds of the show clock, modulo 2^32. Newer frames have greater
    /// stamps.
    pub stamp: u32,
    /// From the stamp to when its looks are to be seen, ms; sent as a multiple of
    /// [`EXECUTE_UNIT_MS`], rounded up, at most [`EXECUTE_IN_MS_MAX`].
    pub execute_in_ms: u32,
    /// It says what is, not what changed: whoever shows it already has nothing to do.
    pub keyframe: bool,
    /// Blackout or end look: at once, whatever else is to come.
    pub panic: bool,
    /// What to do when no frame is heard any more.
    pub fall_back: FallBack,
    /// The first group it has a look for.
    pub base: u16,
}

/// What a band does when it hears nothing any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FallBack {
    /// What it shows then.
    pub to: FallBackTo,
    /// After how long, as on the air: 0 never, n = 0.5 s x 2^(n - 1), up to 15.
    pub after: u8,
}

/// What there is to fall back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FallBackTo {
    /// The last look, its strobe opened.
    #[default]
    Hold,
    /// Dark, over a second.
    Black,
    /// A dim white to see one's way by, over a second.
    Glow,
}

impl FallBack {
    /// The longest time there is, up to `ms`; never before 0.5 s.
    pub const fn after_ms(to: FallBackTo, ms: u32) -> Self {
        let mut after = 1;
        while after < 15 && (1000u32 << after) / 2 <= ms {
            after += 1;
        }
        Self { to, after }
    }

    /// After how long, ms; `None`: never.
    pub const fn wait_ms(self) -> Option<u32> {
        match self.after {
            0 => None,
            after => Some(500 << (after - 1)),
        }
    }

    const fn to_byte(self) -> u8 {
        let to = match self.to {
            FallBackTo::Hold => 0,
            FallBackTo::Black => 1,
            FallBackTo::Glow => 2,
        };
        to << 4 | self.after & 0x0F
    }

    const fn from_byte(byte: u8) -> Self {
        let to = match byte >> 4 {
            1 => FallBackTo::Black,
            2 => FallBackTo::Glow,
            // What a later version may add is not known here; holding disturbs least.
            _ => FallBackTo::Hold,
        };
        Self { to, after: byte & 0x0F }
    }
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Shorter than its header, or than what its header announces.
    Length,
    /// A version or a format of looks that we do not know.
    Version,
    /// A look that cannot be: a strobe out of range, a colour that the palette does not have.
    Look,
}

/// A frame that was read: every length is checked.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    header: Header,
    looks: Looks<'a>,
    /// Everything the code covers, and the code.
    signed: Option<(&'a [u8], [u8; MAC_LEN])>,
}

/// The looks of a frame: section 5.
#[derive(Clone, Copy, Debug)]
enum Looks<'a> {
    Uniform { count: u16, look: Look },
    Full(&'a [[u8; 6]]),
    Rgb { strobe_dhz: u8, fade_cs: u8, colours: &'a [[u8; 3]] },
    Palette(Palette<'a>),
}

#[derive(Clone, Copy, Debug)]
struct Palette<'a> {
    strobe_dhz: u8,
    fade_cs: u8,
    count: u8,
    /// Bits of an index: 0, 1, 2 or 4.
    bits: usize,
    colours: &'a [[u8; 3]],
    indices: &'a [u8],
}

/// The number of [`Looks`] in the format nibble.
const UNIFORM: u8 = 0;
const FULL: u8 = 1;
const RGB: u8 = 2;
const PALETTE: u8 = 3;

/// Bits of an index into a palette of so many colours.
const fn index_bits(colours: usize) -> usize {
    match colours {
        0..=1 => 0,
        2 => 1,
        3..=4 => 2,
        _ => 4,
    }
}

const fn strobe_is_legal(strobe_dhz: u8) -> bool {
    matches!(strobe_dhz, 0 | 10..=250)
}

impl<'a> Frame<'a> {
    /// Reads a frame. Its authenticity is not checked here.
    ///
    /// # Errors
    ///
    /// The bytes are no frame.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (head, rest) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(Malformed::Length)?;
        if head[field::VERSION_FORMAT] >> 4 != VERSION {
            return Err(Malformed::Version);
        }
        let flags = head[field::FLAGS];
        let (looks, signed) = if flags & AUTHENTICATED != 0 {
            let (looks, code) = rest.split_last_chunk::<MAC_LEN>().ok_or(Malformed::Length)?;
            (looks, Some((&bytes[..bytes.len() - MAC_LEN], *code)))
        } else {
            (rest, None)
        };
        let two = |range: core::ops::Range<usize>| {
            u16::from_le_bytes([head[range.start], head[range.start + 1]])
        };
        let stamp = &head[field::STAMP];
        let header = Header {
            show: two(field::SHOW),
            stamp: u32::from_le_bytes([stamp[0], stamp[1], stamp[2], stamp[3]]),
            execute_in_ms: u32::from(head[field::EXECUTE]) * EXECUTE_UNIT_MS,
            keyframe: flags & KEYFRAME != 0,
            panic: flags & PANIC != 0,
            fall_back: FallBack::from_byte(head[field::FALL_BACK]),
            base: two(field::BASE),
        };
        let looks = Looks::parse(head[field::VERSION_FORMAT] & 0x0F, looks)?;
        Ok(Self { header, looks, signed })
    }

    /// What it says beside its looks.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Whether it carries a code at all.
    pub const fn is_authenticated(&self) -> bool {
        self.signed.is_some()
    }

    /// Whether it carries the code that only who knows `key` can make.
    pub fn verifies(&self, key: &Key) -> bool {
        self.signed.is_some_and(|(message, code)| key.verifies(message, code))
    }

    /// How many groups it has looks for, from [`Header::base`] on; `None`: all there are.
    pub const fn groups(&self) -> Option<usize> {
        match self.looks {
            Looks::Uniform { count: 0, .. } => None,
            Looks::Uniform { count, .. } => Some(count as usize),
            Looks::Full(looks) => Some(looks.len()),
            Looks::Rgb { colours, .. } => Some(colours.len()),
            Looks::Palette(Palette { count, .. }) => Some(count as usize),
        }
    }

    /// The look of a group; `None` if the frame does not have one.
    pub fn look(&self, group: u16) -> Option<Look> {
        let index = usize::from(group.checked_sub(self.header.base)?);
        if self.groups().is_some_and(|groups| index >= groups) {
            return None;
        }
        self.looks.get(index)
    }
}

impl<'a> Looks<'a> {
    fn parse(format: u8, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let looks = match format {
            UNIFORM => {
                let &[low, high, ref look @ ..] = bytes else { return Err(Malformed::Length) };
                let look: &[u8; 6] = look.try_into().map_err(|_| Malformed::Length)?;
                Self::Uniform { count: u16::from_le_bytes([low, high]), look: full(look)? }
            }
            FULL => {
                let (looks, []) = bytes.as_chunks::<6>() else { return Err(Malformed::Length) };
                for look in looks {
                    full(look)?;
                }
                Self::Full(looks)
            }
            RGB => {
                let &[strobe_dhz, fade_cs, ref colours @ ..] = bytes else {
                    return Err(Malformed::Length);
                };
                let (colours, []) = colours.as_chunks::<3>() else {
                    return Err(Malformed::Length);
                };
                if !strobe_is_legal(strobe_dhz) {
                    return Err(Malformed::Look);
                }
                Self::Rgb { strobe_dhz, fade_cs, colours }
            }
            PALETTE => Self::Palette(Palette::parse(bytes)?),
            _ => return Err(Malformed::Version),
        };
        match looks {
            Self::Full([]) | Self::Rgb { colours: [], .. } => Err(Malformed::Length),
            looks => Ok(looks),
        }
    }

    fn get(&self, index: usize) -> Option<Look> {
        match self {
            Self::Uniform { look, .. } => Some(*look),
            Self::Full(looks) => looks.get(index).and_then(|look| full(look).ok()),
            Self::Rgb { strobe_dhz, fade_cs, colours } => {
                colours.get(index).map(|colour| Look::of_rgb(*colour, *strobe_dhz, *fade_cs))
            }
            Self::Palette(palette) => palette.get(index),
        }
    }
}

impl<'a> Palette<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let &[strobe_dhz, fade_cs, colours, count, ref rest @ ..] = bytes else {
            return Err(Malformed::Length);
        };
        let carried = usize::from(colours);
        if carried > 16 || !strobe_is_legal(strobe_dhz) {
            return Err(Malformed::Look);
        }
        let (carried, indices) = rest.split_at_checked(3 * carried).ok_or(Malformed::Length)?;
        let (colours, _) = match carried {
            [] => (Look::STANDARD.as_slice(), [].as_slice()),
            carried => carried.as_chunks::<3>(),
        };
        let bits = index_bits(colours.len());
        let palette = Self { strobe_dhz, fade_cs, count, bits, colours, indices };
        if count == 0 || indices.len() != (usize::from(count) * bits).div_ceil(8) {
            return Err(Malformed::Length);
        }
        if (0..usize::from(count)).any(|index| palette.get(index).is_none()) {
            return Err(Malformed::Look);
        }
        Ok(palette)
    }

    fn get(&self, index: usize) -> Option<Look> {
        let colour = match self.bits {
            0 => 0,
            bits => {
                let at = index * bits;
                let byte = self.indices.get(at / 8)?;
                usize::from(byte >> (at % 8)) & ((1 << bits) - 1)
            }
        };
        let colour = self.colours.get(colour)?;
        Some(Look::of_rgb(*colour, self.strobe_dhz, self.fade_cs))
    }
}

fn full(&[red, green, blue, white, strobe_dhz, fade_cs]: &[u8; 6]) -> Result<Look, Malformed> {
    if !strobe_is_legal(strobe_dhz) {
        return Err(Malformed::Look);
    }
    Ok(Look { levels: [red, green, blue, white], strobe_dhz, fade_cs })
}

/// A frame that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Its bytes at the start of the output.
    pub len: usize,
    /// How many of the looks are in it.
    pub groups: usize,
}

/// Writes a frame with as many of `looks`, the first of them for the group [`Header::base`], as fit
/// into `out`, in the format that holds most; authenticated if there is a key. `None` if not even
/// one fits, or there is none.
///
/// A strobe that cannot be is sent as the nearest that can.
pub fn encode(
    header: &Header,
    looks: &[Look],
    key: Option<&Key>,
    out: &mut [u8],
) -> Option<Encoded> {
    let code_len = if key.is_some() { MAC_LEN } else { 0 };
    let room = out.len().checked_sub(HEADER_LEN + code_len)?;
    let packed = pack::pack(looks, &mut out[HEADER_LEN..HEADER_LEN + room])?;
    write_header(header, packed.format, key.is_some(), out);
    let len = HEADER_LEN + packed.len;
    sign(key, len, out);
    Some(Encoded { len: len + code_len, groups: packed.groups })
}

/// Writes a frame that has one look for all groups from [`Header::base`] on.
/// `None` if it does not fit.
pub fn encode_for_all(
    header: &Header,
    look: Look,
    key: Option<&Key>,
    out: &mut [u8],
) -> Option<Encoded> {
    let code_len = if key.is_some() { MAC_LEN } else { 0 };
    let len = HEADER_LEN + pack::UNIFORM_LEN;
    let looks = out.get_mut(..len + code_len)?.get_mut(HEADER_LEN..len)?;
    pack::write_uniform(0, look, looks);
    write_header(header, UNIFORM, key.is_some(), out);
    sign(key, len, out);
    Some(Encoded { len: len + code_len, groups: usize::from(u16::MAX - header.base) + 1 })
}

fn write_header(header: &Header, format: u8, authenticated: bool, out: &mut [u8]) {
    let flag = |on, flag| if on { flag } else { 0 };
    let units = header.execute_in_ms.div_ceil(EXECUTE_UNIT_MS);
    out[field::VERSION_FORMAT] = VERSION << 4 | format;
    out[field::FLAGS] = flag(authenticated, AUTHENTICATED)
        | flag(header.keyframe, KEYFRAME)
        | flag(header.panic, PANIC);
    out[field::FALL_BACK] = header.fall_back.to_byte();
    out[field::SHOW].copy_from_slice(&header.show.to_le_bytes());
    out[field::STAMP].copy_from_slice(&header.stamp.to_le_bytes());
    out[field::EXECUTE] = u8::try_from(units).unwrap_or(u8::MAX);
    out[field::BASE].copy_from_slice(&header.base.to_le_bytes());
}

/// Puts the code behind the first `len` bytes, where there is room for it.
fn sign(key: Option<&Key>, len: usize, out: &mut [u8]) {
    if let Some(key) = key {
        let code = key.sign(&out[..len]);
        out[len..len + MAC_LEN].copy_from_slice(&code);
    }
}
