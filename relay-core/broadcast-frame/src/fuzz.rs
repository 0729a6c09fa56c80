//! What must hold for anything that is heard. The fuzz target and the property tests run these
//! bodies.

use crate::frame::{self, Frame};
use crate::{Decoder, Identity, Key, Look, advert};

/// Reads the bytes as a frame; what was read is written and read again, and must be the same.
///
/// # Panics
/// When the codec breaks a promise.
pub fn frame(bytes: &[u8]) {
    let Ok(read) = Frame::parse(bytes) else { return };
    let header = *read.header();
    let Some(groups) = read.groups() else {
        assert_eq!(read.look(header.base), read.look(u16::MAX));
        return;
    };
    let mut looks = [Look::DARK; 64];
    let counted = groups.min(looks.len()).min(usize::from(u16::MAX - header.base) + 1);
    for (index, look) in looks[..counted].iter_mut().enumerate() {
        *look = read.look(header.base + index as u16).expect("a group that the frame counts");
    }
    assert_eq!(
        read.look(header.base.wrapping_sub(1)).is_some(),
        header.base == 0 && groups > 65_535
    );
    let mut out = [0; 512];
    let key = Key([7; 16]);
    let signed = frame::encode(&header, &looks[..counted], Some(&key), &mut out);
    let signed = signed.expect("room for 64 groups");
    assert_eq!(signed.groups, counted);
    let again = Frame::parse(&out[..signed.len]).expect("what was written can be read");
    assert!(again.verifies(&key) && *again.header() == header);
    for (index, look) in looks[..counted].iter().enumerate() {
        assert_eq!(again.look(header.base + index as u16), Some(*look));
    }
}

/// Hands a band a series of adverts cut from the bytes, at times that jump as they say, and asks it
/// for its light in between. Each begins with its length, the time since the one before, and
/// whether the frame in it is to be given the right code.
///
/// # Panics
/// When the decoder breaks a promise.
pub fn decoder(bytes: &[u8]) {
    let mut band = Decoder::new(Identity { company: 0xFFFF, show: 0, group: 1 });
    let key = Key([7; 16]);
    let mut rest = bytes;
    let mut now = 0u32;
    if let Some((first, others)) = bytes.split_first() {
        rest = others;
        if first & 1 != 0 {
            band.set_key(key.0);
        }
    }
    while let Some((&[len, wait, sign], others)) = rest.split_first_chunk() {
        let (advert, others) = others.split_at(others.len().min(usize::from(len)));
        rest = others;
        now = now.wrapping_add(u32::from(wait).pow(1 + u32::from(sign >> 6)));
        let mut data = [0; 300];
        let frame = &mut data[advert::OVERHEAD..];
        frame[..advert.len()].copy_from_slice(advert);
        let mut frame_len = advert.len();
        if sign & 1 != 0 {
            let code = key.sign(advert);
            frame[frame_len..frame_len + code.len()].copy_from_slice(&code);
            frame_len += code.len();
        }
        let before = band.light(now);
        match advert::write(0xFFFF, frame_len, &mut data) {
            Some(len) => {
                if let crate::Heard::Ignored(_) = band.advert(now, &data[..len]) {
                    assert_eq!(band.light(now), before, "what is ignored changes nothing");
                }
            }
            None => {
                let _ = band.advert(now, advert);
            }
        }
        let _ = (band.look(now), band.show_clock(now));
    }
}
