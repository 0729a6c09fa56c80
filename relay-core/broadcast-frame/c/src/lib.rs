//! The decoder of the broadcast frame for firmware in C. `wristcast_band.h` documents the functions;
//! they do what the methods of [`Decoder`] do.
//!
//! This crate is the only place with `unsafe` on the way of a frame: it turns C's pointers into
//! references.
#![no_std]

// With an operating system, its panic handler; without, ours.
#[cfg(not(target_os = "none"))]
extern crate std;

use core::ffi::c_int;
use core::mem::MaybeUninit;

use broadcast_frame::{Decoder, Heard, Identity};

/// `wristcast_band`: a [`Decoder`] in the room that the header promises.
#[repr(C)]
#[derive(Debug)]
pub struct Band {
    decoder: Decoder,
}

/// `WRISTCAST_BAND_WORDS` words of four bytes.
const BAND_BYTES: usize = 64 * 4;
// The header's words are those of 64 bits, whose alignment is the target's own business.
const _: () = assert!(size_of::<Band>() <= BAND_BYTES && align_of::<Band>() <= align_of::<u64>());

/// What the header calls `wristcast_heard`: its ignored begin here.
const IGNORED: c_int = 16;

/// See the header.
///
/// # Safety
///
/// `band` points to a `wristcast_band` of the header, initialised or not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wristcast_band_init(
    band: *mut MaybeUninit<Band>,
    company: u16,
    show: u16,
    group: u16,
) {
    // SAFETY: the caller's promise; any bytes are a MaybeUninit.
    let band = unsafe { &mut *band };
    band.write(Band { decoder: Decoder::new(Identity { company, show, group }) });
}

/// See the header.
///
/// # Safety
///
/// `band` was initialised; `key` points to 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wristcast_band_set_key(band: *mut Band, key: *const [u8; 16]) {
    // SAFETY: the caller's promise.
    let (band, key) = unsafe { (&mut *band, *key) };
    band.decoder.set_key(key);
}

/// See the header.
///
/// # Safety
///
/// `band` was initialised; `key` points to 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wristcast_band_set_next_key(band: *mut Band, key: *const [u8; 16]) {
    // SAFETY: the caller's promise.
    let (band, key) = unsafe { (&mut *band, *key) };
    band.decoder.set_next_key(key);
}

/// See the header.
///
/// # Safety
///
/// `band` was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wristcast_band_set_group(band: *mut Band, group: u16) {
    // SAFETY: the caller's promise.
    let band = unsafe { &mut *band };
    band.decoder.set_group(group);
}

/// See the header.
///
/// # Safety
///
/// `band` was initialised; `data` points to `len` bytes, or `len` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wristcast_band_advert(
    band: *mut Band,
    now_ms: u32,
    data: *const u8,
    len: usize,
) -> c_int {
    // SAFETY: the caller's promise.
    let band = unsafe { &mut *band };
    let data = match len {
        0 => &[],
        // SAFETY: the caller's promise.
        len => unsafe { core::slice::from_raw_parts(data, len) },
    };
    match band.decoder.advert(now_ms, data) {
        Heard::New => 0,
        Heard::Known => 1,
        Heard::Ignored(why) => IGNORED + why as c_int,
    }
}

/// See the header.
///
/// # Safety
///
/// `band` was initialised; `rgbw` points to 4 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wristcast_band_light(band: *mut Band, now_ms: u32, rgbw: *mut [u8; 4]) {
    // SAFETY: the caller's promise.
    let (band, rgbw) = unsafe { (&mut *band, &mut *rgbw) };
    *rgbw = band.decoder.light(now_ms);
}

/// See the header.
///
/// # Safety
///
/// `band` was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wristcast_band_has_fallen_back(band: *const Band) -> c_int {
    // SAFETY: the caller's promise.
    let band = unsafe { &*band };
    c_int::from(band.decoder.has_fallen_back())
}

/// Nothing here panics; the language wants to know what would happen.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
