//! When which link is due: at most one appointment per link, thousands of links.
//!
//! A ring of buckets, one per tick, each a linked list through the links' entries. Making, moving
//! and keeping an appointment take the same short time however many there are; a heap would take
//! longer the more there are. Nothing is allocated after it was made.
//!
//! Appointments are kept at the end of their tick, all of a tick together: that bounds how often a
//! thread must wake for ten thousand links. The exact time is kept beside.

use std::time::Duration;

use crate::time::Time;

/// Ticks in the ring. Appointments further away wait at its end and are put forward from there.
const TICKS: u64 = 4_096;
const WORDS: usize = (TICKS / 64) as usize;

/// No link, no bucket.
const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    tick: u64,
    /// The first link of each bucket.
    heads: Box<[u32]>,
    /// One bit for each bucket that has links.
    occupied: [u64; WORDS],
    entries: Box<[Entry]>,
    /// No appointment is in a tick before this one.
    first_tick: u64,
}

/// The appointment of one link. The links of a bucket form a ring, in the order they came.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Time,
    /// `NONE`: it has no appointment.
    bucket: u32,
    next: u32,
    previous: u32,
}

impl Calendar {
    pub(crate) fn new(links: usize, tick: Duration) -> Self {
        let free = Entry { at: Time::ZERO, bucket: NONE, next: NONE, previous: NONE };
        Self {
            tick: (tick.as_nanos() as u64).max(1),
            heads: vec![NONE; TICKS as usize].into_boxed_slice(),
            occupied: [0; WORDS],
            entries: vec![free; links].into_boxed_slice(),
            first_tick: 0,
        }
    }

    /// `link` is due at `at`, instead of when it was before.
    pub(crate) fn set(&mut self, link: u32, at: Time) {
        let last = self.first_tick + TICKS - 1;
        let bucket = ((at.as_nanos() / self.tick).clamp(self.first_tick, last) % TICKS) as u32;
        if self.entries[link as usize].bucket == bucket {
            self.entries[link as usize].at = at;
            return;
        }
        self.clear(link);
        let head = self.heads[bucket as usize];
        let (next, previous) = if head == NONE {
            self.heads[bucket as usize] = link;
            self.occupied[bucket as usize / 64] |= 1 << (bucket % 64);
            (link, link)
        } else {
            let tail = self.entries[head as usize].previous;
            self.entries[tail as usize].next = link;
            self.entries[head as usize].previous = link;
            (head, tail)
        };
        self.entries[link as usize] = Entry { at, bucket, next, previous };
    }

    /// `link` has no appointment.
    pub(crate) fn clear(&mut self, link: u32) {
        let Entry { bucket, next, previous, .. } = self.entries[link as usize];
        if bucket == NONE {
            return;
        }
        self.entries[link as usize].bucket = NONE;
        if next == link {
            self.heads[bucket as usize] = NONE;
            self.occupied[bucket as usize / 64] &= !(1 << (bucket % 64));
            return;
        }
        self.entries[previous as usize].next = next;
        self.entries[next as usize].previous = previous;
        if self.heads[bucket as usize] == link {
            self.heads[bucket as usize] = next;
        }
    }

    /// When [`pop`](Self::pop) has something to give: never before an appointment, at most a tick
    /// after it.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let tick = self.first_occupied()?;
        Some(Time::from_nanos((tick + 1).saturating_mul(self.tick)))
    }

    /// The next link that is due by `now`, and since when. Tick by tick; in the order they were
    /// set within one.
    pub(crate) fn pop(&mut self, now: Time) -> Option<(u32, Time)> {
        let now_tick = now.as_nanos() / self.tick;
        loop {
            let first = self.first_occupied();
            let Some(tick) = first.filter(|tick| *tick < now_tick) else {
                // The tick that ended last stays open, for what is over already when it is set.
                let ended = now_tick.saturating_sub(1).min(first.unwrap_or(u64::MAX));
                self.first_tick = self.first_tick.max(ended);
                return None;
            };
            self.first_tick = tick;
            let link = self.heads[(tick % TICKS) as usize];
            let at = self.entries[link as usize].at;
            self.clear(link);
            if at.as_nanos() / self.tick <= tick {
                return Some((link, at));
            }
            // It waited at the end of the ring.
            self.set(link, at);
        }
    }

    fn first_occupied(&self) -> Option<u64> {
        let start = self.first_tick % TICKS;
        let (word, bit) = ((start / 64) as usize, start % 64);
        let ahead = self.occupied[word] & (u64::MAX << bit);
        let found = |word: usize, bits: u64| (word * 64) as u64 + u64::from(bits.trailing_zeros());
        let bucket = if ahead != 0 {
            found(word, ahead)
        } else {
            // Round the ring, back to the part of the first word that lies behind the start.
            let (word, bits) = (1..=WORDS)
                .map(|step| (word + step) % WORDS)
                .map(|word| (word, self.occupied[word]))
                .find(|(_, bits)| *bits != 0)?;
            found(word, bits)
        };
        Some(self.first_tick + (bucket + TICKS - start) % TICKS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICK: Duration = Duration::from_millis(1);

    fn us(micros: u64) -> Time {
        Time::from_nanos(micros * 1_000)
    }

    #[test]
    fn links_are_due_at_the_end_of_their_tick_in_the_order_they_were_set() {
        let mut calendar = Calendar::new(4, TICK);
        calendar.set(2, us(1_900));
        calendar.set(0, us(1_100));
        calendar.set(1, us(5_000));
        assert_eq!(calendar.poll_timeout(), Some(us(2_000)));
        assert_eq!(calendar.pop(us(1_999)), None);
        assert_eq!(calendar.pop(us(2_000)), Some((2, us(1_900))));
        assert_eq!(calendar.pop(us(2_000)), Some((0, us(1_100))));
        assert_eq!(calendar.pop(us(2_000)), None);
        calendar.clear(1);
        assert_eq!(calendar.poll_timeout(), None);
    }

    #[test]
    fn an_appointment_that_is_over_already_is_due_at_once() {
        let mut calendar = Calendar::new(1, TICK);
        assert_eq!(calendar.pop(us(10_000)), None);
        calendar.set(0, us(3_000));
        assert_eq!(calendar.pop(us(10_000)), Some((0, us(3_000))));
    }

    proptest! {
        /// Against the plain list: the same links come out, none early, none more than a tick late
        /// when asked at the time it says.
        #[test]
        fn no_link_is_early_late_or_forgotten(
            script in proptest::collection::vec(
                (0..6u32, prop_oneof![0..9_000u64, 0..9_000_000u64], any::<bool>(), 0..3_000u64),
                1..60,
            ),
        ) {
            let mut calendar = Calendar::new(6, TICK);
            let mut model: [Option<Time>; 6] = [None; 6];
            let mut now = Time::ZERO;
            let mut keep = |calendar: &mut Calendar, model: &mut [Option<Time>; 6], until: Time| {
                while let Some(at) = calendar.poll_timeout().filter(|at| *at <= until) {
                    while let Some((link, due)) = calendar.pop(at) {
                        assert_eq!(model[link as usize].take(), Some(due));
                        assert!(due <= at);
                        assert!(at.since(due.max(now)) <= TICK, "{} at {}", due, at);
                    }
                }
                now = until;
                for due in model.iter().flatten() {
                    assert!(until.since(*due) <= TICK);
                }
            };
            let mut time = Time::ZERO;
            for (link, ahead, clear, pause) in script {
                if clear {
                    calendar.clear(link);
                    model[link as usize] = None;
                } else {
                    let at = time + Duration::from_micros(ahead);
                    calendar.set(link, at);
                    model[link as usize] = Some(at);
                }
                time = time + Duration::from_micros(pause);
                keep(&mut calendar, &mut model, time);
            }
            keep(&mut calendar, &mut model, time + Duration::from_secs(10));
            prop_assert!(model.iter().all(Option::is_none));
        }
    }
}
