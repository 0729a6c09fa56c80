//! Benches, one per stage of the relay, each with its peers; the comparison of whole processes; and
//! the simulated crowd of the broadcast.

#![deny(unsafe_code)]

#[cfg(target_os = "linux")]
pub mod compare;
pub mod crowd;
