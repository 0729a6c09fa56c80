//! Advertising data around a frame: one manufacturer-specific structure, section 3.

/// AD type of manufacturer-specific data (Assigned Numbers, 2.3).
const MANUFACTURER_SPECIFIC: u8 = 0xFF;

/// Bytes of advertising data that are not the frame: length, type, company.
pub const OVERHEAD: usize = 4;

/// Most advertising data of a legacy advert (Core 5.4, Vol 6, Part B, 2.3.1.1).
pub const LEGACY_LEN_MAX: usize = 31;

/// Most advertising data of one extended or periodic advert that we use: one packet without a
/// chain, whatever extended header fields the controller adds.
pub const EXTENDED_LEN_MAX: usize = 245;

/// Company identifier for tests and for whoever has none of their own.
pub const COMPANY_TEST: u16 = 0xFFFF;

/// Writes the structure around a frame of `frame_len` bytes that lies at `data[OVERHEAD..]`.
/// Gives the length of the advertising data; `None` if it does not fit.
pub fn write(company: u16, frame_len: usize, data: &mut [u8]) -> Option<usize> {
    let len = OVERHEAD + frame_len;
    let structure = u8::try_from(len - 1).ok().filter(|_| len <= data.len())?;
    let [low, high] = company.to_le_bytes();
    data[..OVERHEAD].copy_from_slice(&[structure, MANUFACTURER_SPECIFIC, low, high]);
    Some(len)
}

/// The payload of every manufacturer-specific structure of `company`; what is malformed ends it.
pub fn payloads(company: u16, data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let company = company.to_le_bytes();
    structures(data).filter_map(move |structure| match structure {
        [MANUFACTURER_SPECIFIC, low, high, payload @ ..] if [*low, *high] == company => {
            Some(payload)
        }
        _ => None,
    })
}

/// The structures of advertising data, less their length bytes. A length of 0 ends the data early
/// (Core 5.4, Vol 3, Part C, 11).
fn structures(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let (&len, rest) = data.split_first().filter(|(len, _)| **len != 0)?;
        let (structure, rest) = rest.split_at_checked(usize::from(len))?;
        data = rest;
        Some(structure)
    })
}
