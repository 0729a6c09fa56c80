//! The smallest firmware there is: no receiver and no lamps, but everything between them. `.ci/run
//! firmware` builds it for a Cortex-M4 and measures it.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::mem::MaybeUninit;

use wristcast_band as band;

/// Where the chip begins.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let mut room = MaybeUninit::<band::Band>::uninit();
    // SAFETY: all pointers are to locals of the right size, and the band is initialised first.
    unsafe {
        band::wristcast_band_init(&mut room, 0xFFFF, 1, black_box(3));
        let band = room.as_mut_ptr();
        band::wristcast_band_set_key(band, black_box(&[0; 16]));
        let mut now_ms = 0u32;
        loop {
            let (advert, mut lamps) = (black_box([0u8; 31]), [0; 4]);
            now_ms = now_ms.wrapping_add(1);
            black_box(band::wristcast_band_advert(band, now_ms, advert.as_ptr(), advert.len()));
            band::wristcast_band_light(band, now_ms, &mut lamps);
            black_box(lamps);
        }
    }
}
