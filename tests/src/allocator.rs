//! An allocator that counts, for tests of what a promise about memory says.
//!
//! A test that needs it makes it its own:
//!
//! ```
//! use wristcast_tests::allocator::{self, CountingAllocator};
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator::new();
//!
//! assert_eq!(allocator::calls_of(|| drop(std::hint::black_box(Box::new(1)))), 2);
//! ```

#![allow(unsafe_code, reason = "`GlobalAlloc` and the name of a thread; nothing else here has any")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

thread_local! {
    // All `const`, so that using them does not allocate.
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
    static WATCHED: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Allocations and releases on this thread so far.
pub fn calls() -> u64 {
    CALLS.get()
}

/// Allocations and releases on this thread while `work` is done.
pub fn calls_of(work: impl FnOnce()) -> u64 {
    let before = calls();
    work();
    calls() - before
}

/// Bytes that this thread has taken and not given back; less than 0 if others' were given back
/// here.
pub fn held() -> isize {
    HELD.get()
}

/// The most bytes that `work` held at a time.
pub fn most_held_by(work: impl FnOnce()) -> usize {
    let before = held();
    MOST.set(before);
    work();
    usize::try_from(MOST.get() - before).unwrap_or(0)
}

/// The system's allocator, counting.
#[derive(Debug)]
pub struct CountingAllocator {
    /// The first letters of the names of watched threads.
    watched: Option<&'static str>,
    watching: AtomicBool,
    watched_calls: AtomicU64,
}

impl CountingAllocator {
    /// Counts for each thread on its own: [`calls`], [`held`].
    #[expect(clippy::new_without_default, reason = "it is made in a static")]
    pub const fn new() -> Self {
        Self { watched: None, watching: AtomicBool::new(false), watched_calls: AtomicU64::new(0) }
    }

    /// Counts also the calls on every thread whose name begins like this, for other threads to
    /// see, while it is told to [`watch`](Self::watch). The threads must have their names by then.
    #[cfg(target_os = "linux")]
    pub const fn watching(thread: &'static str) -> Self {
        Self { watched: Some(thread), ..Self::new() }
    }

    /// Watches, or no more.
    pub fn watch(&self, watching: bool) {
        self.watching.store(watching, Ordering::Relaxed);
    }

    /// Allocations and releases on watched threads while it watched.
    pub fn watched_calls(&self) -> u64 {
        self.watched_calls.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: isize) {
        CALLS.set(CALLS.get() + 1);
        HELD.set(HELD.get() + bytes);
        MOST.set(MOST.get().max(HELD.get()));
        if self.watching.load(Ordering::Relaxed) && self.is_watched() {
            self.watched_calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the calling thread is one to watch.
    fn is_watched(&self) -> bool {
        let known = WATCHED.get().unwrap_or_else(|| {
            self.watched.is_some_and(|prefix| thread_name().starts_with(prefix.as_bytes()))
        });
        WATCHED.set(Some(known));
        known
    }
}

/// The name of this thread, as the system keeps it: 15 bytes at most, then zeros.
fn thread_name() -> [u8; 16] {
    let mut name = [0; 16];
    #[cfg(target_os = "linux")]
    // SAFETY: PR_GET_NAME writes at most 16 bytes to where its argument points.
    unsafe {
        libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr());
    }
    name
}

// SAFETY: every method hands its arguments to `System` as they are and gives back what it said.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.count(-layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `dealloc`; `ptr` came from `System`.
        unsafe { System.dealloc(ptr, layout) }
    }
}
