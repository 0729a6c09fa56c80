//! From the node to the radios: until when frames may be written.
//!
//! Written by the thread that keeps the node, read by every lane before every frame. A process that
//! was stopped and goes on finds the time over on its own clock: the monotonic one, which goes on while
//! a process stands still, and the wall clock, which goes on while the machine sleeps.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::radio::LaneWaker;
use crate::time::Time;

/// Until when frames may be written, and whether the radios are to hold on to their bands.
#[derive(Debug, Default)]
pub struct Lease {
    /// Nanoseconds of the relay's clock; 0: not now.
    until: AtomicU64,
    /// The same of the wall clock, since 1970.
    wall_until: AtomicU64,
    drives: AtomicBool,
    holders: Mutex<Vec<Weak<Holder>>>,
}

/// A radio that follows a lease, for as long as it lives.
#[derive(Debug)]
pub struct Holder {
    waker: LaneWaker,
    released: AtomicBool,
}

impl Holder {
    /// It has let go of its bands, or takes hold of them.
    pub fn set_released(&self, released: bool) {
        self.released.store(released, Ordering::Release);
    }
}

impl Lease {
    /// Frames may be written until then, `None`: not now. `drives`: the bands are this relay's.
    pub fn set(&self, now: Time, drives: bool, until: Option<Time>) {
        let nanos = |left: Duration| u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
        let wall = until.map_or(0, |until| wall_now().saturating_add(nanos(until.since(now))));
        self.wall_until.store(wall, Ordering::Relaxed);
        self.until.store(until.map_or(0, Time::as_nanos), Ordering::Release);
        if self.drives.swap(drives, Ordering::AcqRel) != drives {
            self.wake();
        }
    }

    /// Whether a frame may be written at `now`, which is to be looked up for this very frame.
    pub fn permits(&self, now: Time) -> bool {
        now.as_nanos() < self.until.load(Ordering::Acquire)
            && wall_now() < self.wall_until.load(Ordering::Relaxed)
    }

    /// Whether the bands are this relay's.
    pub fn drives(&self) -> bool {
        self.drives.load(Ordering::Acquire)
    }

    /// A radio follows the lease from now on, and has let go.
    pub fn join(&self, waker: LaneWaker) -> Arc<Holder> {
        let holder = Arc::new(Holder { waker, released: AtomicBool::new(true) });
        let mut holders = self.holders();
        holders.retain(|holder| holder.strong_count() > 0);
        holders.push(Arc::downgrade(&holder));
        holder
    }

    /// Whether every radio has let go.
    pub fn is_released(&self) -> bool {
        let holders = self.holders();
        let mut alive = holders.iter().filter_map(Weak::upgrade);
        alive.all(|holder| holder.released.load(Ordering::Acquire))
    }

    fn wake(&self) {
        self.holders().iter().filter_map(Weak::upgrade).for_each(|holder| holder.waker.wake());
    }

    fn holders(&self) -> MutexGuard<'_, Vec<Weak<Holder>>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wall_now() -> u64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_permits_until_its_time_is_over() {
        let lease = Lease::default();
        let at = Time::from_millis;
        assert!(!lease.permits(at(0)), "nothing was granted yet");
        lease.set(at(1_000), true, Some(at(1_000_000)));
        assert!(lease.permits(at(1_000)) && lease.permits(at(999_999)) && lease.drives());
        assert!(!lease.permits(at(1_000_000)), "the process stood still");
        lease.set(at(1_000), true, None);
        assert!(
            !lease.permits(at(1_001)) && lease.drives(),
            "paused, and the bands are held on to"
        );
    }

    #[test]
    fn a_machine_that_slept_finds_its_lease_over() {
        let lease = Lease::default();
        lease.set(Time::from_millis(1_000), true, Some(Time::from_millis(9_000)));
        // The monotonic clock stood still, the wall clock did not.
        lease.wall_until.store(wall_now() - 1, Ordering::Relaxed);
        assert!(!lease.permits(Time::from_millis(1_001)));
    }

    #[test]
    fn it_is_released_when_every_radio_that_lives_has_let_go() {
        let lease = Lease::default();
        let (one, other) = (lease.join(LaneWaker::noop()), lease.join(LaneWaker::noop()));
        assert!(lease.is_released());
        one.set_released(false);
        assert!(!lease.is_released());
        one.set_released(true);
        other.set_released(false);
        assert!(!lease.is_released());
        drop(other);
        assert!(lease.is_released(), "a radio that has ended holds nothing");
    }
}
