//! The broadcast frame: how looks reach any number of wristbands without a connection, and what a
//! wristband makes of it. `docs/broadcast-frame.md` is the specification, section by section.
//!
//! A relay [encodes](frame::encode) frames and [wraps](advert::write) them into advertising data.
//! Firmware owns one [`Decoder`]: it is [handed](Decoder::advert) every advert that the receiver
//! hears, with the time, and [asked](Decoder::light) what its lamps should do.
//!
//! ```
//! use wristcast_broadcast_frame::{Decoder, Heard, Identity};
//!
//! // Of the band: what it belongs to.
//! let mut band = Decoder::new(Identity { company: 0xFFFF, show: 7, group: 3 });
//! band.set_key([0x5A; 16]);
//!
//! // From the receiver: each advert, with a free-running millisecond count.
//! let heard = band.advert(12_345, b"\x02\x01\x06");
//! assert!(matches!(heard, Heard::Ignored(_)));
//!
//! // For the lamps, as often as they can change: red, green, blue, white.
//! assert_eq!(band.light(12_350), [0, 0, 0, 0]);
//! ```
//!
//! Promises: no standard library, no allocation, no unsafe code, no floating point, no panic
//! whatever is heard, and a bounded time for everything.
#![no_std]
#![forbid(unsafe_code)]

pub mod advert;
mod clock;
mod decoder;
pub mod frame;
pub mod fuzz;
mod look;
pub mod mac;

pub use decoder::{
    Decoder, FUTURE_WINDOW_MS, Heard, Identity, Ignored, REPLAY_WINDOW_MS, RESYNC_AFTER_MS,
};
pub use frame::{FallBack, FallBackTo, Frame, Header};
pub use look::Look;
pub use mac::Key;
