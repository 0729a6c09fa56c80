//! Benches, one per stage of the relay, each with its peers; and the simulated crowd of the broadcast.

pub mod crowd;
