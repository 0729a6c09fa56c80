//! The show clock as a band knows it, section 6.
//!
//! A frame says when it was made. It is heard later: after the relay, the radio and the air. So the
//! true time is never before `stamp`, and the frame that was on its way for the shortest time
//! knows best. The estimate jumps forward to such a frame and sinks slowly otherwise, faster than a
//! crystal drifts.

/// Local time for which the estimate stays without a frame that confirms it, before it sinks by
/// a millisecond: 100 ppm.
const SINK_EVERY_MS: u32 = 10_000;

/// Milliseconds of the show, modulo 2^32, from milliseconds of this band.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShowClock {
    /// Show time less local time.
    offset: u32,
    /// Local time of the last frame that was at least as early as the estimate, or of the last
    /// sinking.
    confirmed_at: u32,
}

impl ShowClock {
    /// A clock set by a frame.
    pub(crate) const fn set(local: u32, stamp: u32) -> Self {
        Self { offset: stamp.wrapping_sub(local), confirmed_at: local }
    }

    /// Show time at a local time.
    pub(crate) const fn show(self, local: u32) -> u32 {
        local.wrapping_add(self.offset)
    }

    /// A frame made at `stamp` came.
    pub(crate) fn heard(&mut self, local: u32, stamp: u32) {
        if ahead(stamp, self.show(local)) >= 0 {
            *self = Self::set(local, stamp);
        }
        let unconfirmed = since(local, self.confirmed_at);
        if unconfirmed >= SINK_EVERY_MS {
            let by = unconfirmed / SINK_EVERY_MS;
            self.offset = self.offset.wrapping_sub(by);
            self.confirmed_at = self.confirmed_at.wrapping_add(by * SINK_EVERY_MS);
        }
    }
}

/// Adverts and questions may come out of order by so much: from two receivers, or an interrupt.
const DISORDER_MS: u32 = 1_000;

/// Time since `then`, ms; none if `now` is a little before it.
pub(crate) const fn since(now: u32, then: u32) -> u32 {
    if then.wrapping_sub(now) <= DISORDER_MS { 0 } else { now.wrapping_sub(then) }
}

/// By how much `a` is ahead of `b`, modulo 2^32; negative if it is behind.
pub(crate) const fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}
