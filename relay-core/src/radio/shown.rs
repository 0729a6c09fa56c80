//! What one band shows: written by the thread of its radio, read by any other, never half.
//!
//! A sequence lock of atomics. The writer never waits; a reader tries again if it was interrupted,
//! which a writer that writes thirty times a second makes rare. Modelled with loom, see
//! [`lane`](crate::lane).

use crate::look::Look;
use crate::time::Time;

#[cfg(loom)]
use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
};
#[cfg(not(loom))]
use std::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
};

/// From `since` on the light goes from `from` to `to`, over the fade of `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) from: Look,
    pub(super) to: Look,
    pub(super) since: Time,
}

#[derive(Debug)]
pub(super) struct CourseCell {
    /// Even: the words belong together. Odd: they are being written. 0: never were.
    version: AtomicU32,
    from: AtomicU64,
    to: AtomicU64,
    since: AtomicU64,
}

impl CourseCell {
    pub(super) fn new() -> Self {
        Self {
            version: AtomicU32::new(0),
            from: AtomicU64::new(0),
            to: AtomicU64::new(0),
            since: AtomicU64::new(0),
        }
    }

    /// One writer only.
    pub(super) fn store(&self, course: Course) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        // A reader that sees a word of the new course also sees that it is being written.
        fence(Ordering::Release);
        self.from.store(course.from.to_bits(), Ordering::Relaxed);
        self.to.store(course.to.to_bits(), Ordering::Relaxed);
        self.since.store(course.since.as_nanos(), Ordering::Relaxed);
        // 0 stays "never written" when the counter has run over.
        self.version.store(version.wrapping_add(2).max(2), Ordering::Release);
    }

    /// `None` before the first.
    pub(super) fn load(&self) -> Option<Course> {
        loop {
            let version = self.version.load(Ordering::Acquire);
            if version == 0 {
                return None;
            }
            let course = Course {
                from: Look::from_bits(self.from.load(Ordering::Relaxed)),
                to: Look::from_bits(self.to.load(Ordering::Relaxed)),
                since: Time::from_nanos(self.since.load(Ordering::Relaxed)),
            };
            fence(Ordering::Acquire);
            if version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version {
                return Some(course);
            }
            spin_loop();
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;

    #[test]
    fn lane_telemetry_never_shows_half_a_course() {
        loom::model(|| {
            let cell = Arc::new(CourseCell::new());
            let writer = cell.clone();
            let writing = loom::thread::spawn(move || {
                for n in 1..=2 {
                    let look = Look::from_bits(n);
                    writer.store(Course { from: look, to: look, since: Time::from_nanos(n) });
                }
            });
            if let Some(course) = cell.load() {
                assert_eq!(course.from, course.to);
                assert_eq!(course.since.as_nanos(), course.from.to_bits());
            }
            writing.join().unwrap();
            assert_eq!(cell.load().map(|course| course.since), Some(Time::from_nanos(2)));
        });
    }
}
