//! Helpers of the whole-relay tests: a [`Stage`] with a relay on free loopback ports, captures of
//! real traffic to feed it, conformance scenarios, an allocator that counts, and waiting for
//! conditions instead of for times.

pub mod allocator;
mod capture;
pub mod desk;
pub mod ether;
pub mod recorded;
pub mod scenario;
mod stage;

pub use capture::{Capture, Expected, Packet, read_capture, read_expected};
pub use stage::{PATIENCE, Stage, eventually, free_udp_port};
