//! Storms: random shows in bad weather, thousands of them, half a minute of each in milliseconds.
//!
//! A storm is made from its seed alone: consoles that start, change, stop with and without a
//! farewell, with priorities and synchronization; a network that loses, repeats, delays, turns the
//! order round and falls apart; a relay thread that is not let run, or whose machine sleeps; radios
//! that are slow, lossy, or gone; operators; reloads. After every step it must hold that
//!
//! - a console's packets are taken in the order in which they were sent, and none twice;
//! - no level is there without somebody who sent it not long ago;
//! - no look is sent to a band that was not published, nor after one that came later;
//! - a radio on which nothing is lost shows every look within 1.6 s;
//! - there is one frame at most under way to a band, and in a panic every group is dark;
//! - nothing that is due stays due; the way of a packet asks the allocator for nothing;
//!
//! and after the storm that every band shows what the consoles that are left want, and that what
//! was counted adds up.
//!
//! `STORM_SEEDS` (default 200) storms from seed `STORM_FIRST` (default 1) on.

mod bands;
mod console;
mod noise;
mod venue;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use venue::{Log, Venue};

thread_local! {
    /// Calls of the allocator on this thread. `const`, so that using it does not allocate.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting.
struct Counting;

// SAFETY: every method hands its arguments to `System` as they are and gives back what it said.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller keeps the contract of `dealloc`; `ptr` came from `System`.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn storm(seed: u64) -> Log {
    Venue::new(seed, || CALLS.get()).run()
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
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= seeds {
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
