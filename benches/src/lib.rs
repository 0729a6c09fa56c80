//! Benches of wristcast, one per stage: `cargo bench -p wristcast-benches`. Peers and baselines run in
//! the same process, so that what counts are ratios of one run.
