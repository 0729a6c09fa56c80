//! When which multicast group is to be joined anew, for the switches that forget. Control side.

use std::time::Duration;

use crate::receive::{Membership, Memberships};
use crate::time::Time;

/// The turns of one socket's memberships: each comes once per interval, evenly spread, so that
/// switches hear a steady trickle of reports whatever the number of universes.
#[derive(Debug)]
pub(super) struct Rejoin {
    /// Zero = never.
    interval: Duration,
    next: Time,
    last: Option<Membership>,
}

impl Rejoin {
    /// For groups that are first joined `now`.
    pub(super) fn new(interval: Duration, now: Time) -> Self {
        Self { interval, next: now + interval, last: None }
    }

    /// The memberships whose turn has come, each at most once.
    pub(super) fn due(&mut self, now: Time, memberships: &Memberships) -> Vec<Membership> {
        let mut due = Vec::new();
        let count = memberships.count();
        if self.interval.is_zero() || count == 0 {
            self.next = now + self.interval;
            return due;
        }
        let step = self.interval / u32::try_from(count).unwrap_or(u32::MAX);
        while self.next <= now && due.len() < count {
            self.last = memberships.following(self.last);
            due.extend(self.last);
            self.next = self.next + step;
        }
        // Turns that were missed, as by a machine that slept, are not made up for.
        self.next = self.next.max(now);
        due
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::receive::{BoundSocket, Clock, Port, Receiver, sacn_group_v4};

    fn joined(universes: u16) -> Memberships {
        let registry = Receiver::new(Clock::start()).unwrap().registry().unwrap();
        let any = ([127, 0, 0, 1], 0).into();
        let socket = BoundSocket::open(Port::SacnV4, any, 65_536, &registry).unwrap();
        let mut memberships = Memberships::new(Arc::new(socket));
        let list = crate::interfaces::list().unwrap();
        let lo = list.iter().find(|interface| interface.is_loopback()).expect("a loopback").index;
        let wanted = (1..=universes).map(|universe| (lo, sacn_group_v4(universe)));
        assert!(memberships.set(&wanted.collect::<BTreeSet<_>>()).is_empty());
        memberships
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn every_group_comes_once_per_interval_a_few_at_a_time() {
        let memberships = joined(30);
        let mut rejoin = Rejoin::new(MINUTE, Time::ZERO);
        let seconds = |range: std::ops::Range<u64>, rejoin: &mut Rejoin| {
            let turns = range.map(|s| rejoin.due(Time::from_millis(1000 * s), &memberships));
            turns.collect::<Vec<_>>()
        };
        assert_eq!(seconds(0..60, &mut rejoin).concat(), [], "they were only just joined");
        let turns = seconds(60..120, &mut rejoin);
        assert!(turns.iter().all(|turn| turn.len() <= 1), "{turns:?}");
        let mut all = turns.concat();
        assert_eq!(all.len(), 30);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 30, "none twice");
    }

    #[test]
    fn after_a_long_sleep_every_group_comes_once() {
        let memberships = joined(5);
        let mut rejoin = Rejoin::new(MINUTE, Time::ZERO);
        let hours = Time::from_millis(10_000_000);
        assert_eq!(rejoin.due(hours, &memberships).len(), 5);
        assert_eq!(rejoin.due(hours + MINUTE / 10, &memberships).len(), 1);
    }

    #[test]
    fn an_interval_of_zero_is_never() {
        let memberships = joined(5);
        let mut rejoin = Rejoin::new(Duration::ZERO, Time::ZERO);
        assert_eq!(rejoin.due(Time::from_millis(10_000_000), &memberships), []);
    }
}
