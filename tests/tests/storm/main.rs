//! Storms: random shows in bad weather, thousands of them, half a minute of each in milliseconds.
//!
//! A storm is made from its seed alone: consoles that start, change, stop with and without a
//! farewell, with priorities and synchronization; a network that loses, repeats, delays, turns the
//! order round and falls apart; interfaces without a carrier; sockets that fail and are opened
//! again; a wall clock that is set; a relay thread that is not let run, or whose machine sleeps,
//! with its clock or without; radios that are slow, lossy, or gone, also while a frame is handed to
//! them; operators; reloads. After every step it must hold that
//!
//! - a console's packets are taken in the order in which they were sent, and none twice;
//! - no level is there without somebody who sent it not long ago;
//! - no look is sent to a band that was not published, nor after one that came later;
//! - a radio on which nothing is lost shows every look within 1.6 s;
//! - there is one frame at most under way to a band, none to one that is known to be gone, and in a
//!   panic every group is dark;
//! - a poll gets one reply at most;
//! - nothing that is due stays due; the way of a packet asks the allocator for nothing, and the
//!   relay does not grow;
//!
//! and after the storm that every band shows what the consoles that are left want, and that what
//! was counted adds up.
//!
//! `STORM_SEEDS` (default 200) storms from seed `STORM_FIRST` (default 1) on.

/// Fails with what went wrong and when; of which seed it is told by whoever ran it.
macro_rules! holds {
    ($venue:expr, $condition:expr, $($what:tt)+) => {
        if !$condition {
            panic!("at {}: {}", $venue.now, format_args!($($what)+))
        }
    };
}

mod bands;
mod console;
mod network;
mod noise;
mod venue;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use venue::{Log, Venue};
use wristcast_tests::allocator::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// One has failed: no others begin.
static FAILED: AtomicBool = AtomicBool::new(false);

/// Tells what is needed to see a storm again, wherever in it something fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            FAILED.store(true, Ordering::Relaxed);
            eprintln!(
                "that was the storm of seed {0}; again: STORM_FIRST={0} STORM_SEEDS=1 \
                 cargo test -p wristcast-tests --test storm no_storm",
                self.0
            );
        }
    }
}

fn storm(seed: u64) -> Log {
    let seed = Seed(seed);
    Venue::new(seed.0).run()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, which is no number"))
    })
}

#[test]
fn no_storm_leaves_wrong_light() {
    let first = setting("STORM_FIRST", 1);
    let seeds = setting("STORM_SEEDS", 200);
    let (next, datagrams, frames) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= seeds || FAILED.load(Ordering::Relaxed) {
                        return;
                    }
                    let log = storm(first + n);
                    datagrams.fetch_add(log.datagrams, Ordering::Relaxed);
                    frames.fetch_add(log.frames, Ordering::Relaxed);
                }
            });
        }
    });
    // A storm in which nothing happens proves nothing.
    let (datagrams, frames) = (datagrams.into_inner(), frames.into_inner());
    assert!(
        datagrams > seeds * 50 && frames > seeds * 50,
        "{datagrams} datagrams, {frames} frames"
    );
    println!("{seeds} storms from seed {first}: {datagrams} datagrams, {frames} frames to bands");
}

#[test]
fn the_same_seed_is_the_same_storm() {
    for seed in [1, 2, 3] {
        assert_eq!(storm(seed), storm(seed), "seed {seed}");
    }
}
