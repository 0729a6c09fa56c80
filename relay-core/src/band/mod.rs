//! Our own wristband: the frame it is sent and what its firmware does with it.
//!
//! Written for both ends: `core` only, no allocation, no panic on any input. The layout and test
//! vectors for other implementations are in `docs/band-frame.md`. Bands of other makers are
//! described by [profiles](profile) of the GATT radio, for the relay's end alone.

pub mod broadcast_key;
mod frame;
mod player;
pub mod profile;

pub use frame::{BandFrame, FRAME_LEN, Rejected};
pub use player::{Applied, Player};
