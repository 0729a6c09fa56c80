//! What an adapter does beside writing: it scans, or it connects one band.

use std::time::Duration;

use super::link::{Link, LinkState, link_id};
use super::{Central, NOT_HEARD, SCAN_PAUSE, SCAN_PAUSE_MAX, Work};
use crate::radio::LinkId;
use crate::radio::gatt::command::{Command, Trouble};
use crate::time::Time;

/// From heard to connected and ready, services found and all. Mostly under 1 s; strangers' radios
/// can take several.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a scan lasts while no band is lit.
const SCAN: Duration = Duration::from_secs(5);
/// How long it lasts while bands are lit.
const SCAN_SLICE: Duration = Duration::from_secs(2);
/// From the first band heard to the end of the scan: others are heard meanwhile.
const SCAN_SETTLE: Duration = Duration::from_millis(300);
/// How long after a band was heard it is taken to be there still.
const HEARD_FRESH: Duration = Duration::from_secs(10);

impl Central {
    pub(super) fn scan_started(&mut self, now: Time, result: Result<(), Trouble>) {
        match result {
            Ok(()) => {
                let lit = self.links.iter().any(|link| matches!(link.state, LinkState::Up { .. }));
                self.work = Work::Scanning { until: now + if lit { SCAN_SLICE } else { SCAN } };
                // Some may have been heard before the stack got round to saying that it scans.
                if self.links.iter().any(|link| matches!(link.state, LinkState::Heard { .. })) {
                    self.shorten_scan(now);
                }
                self.all_well();
            }
            Err(trouble) => {
                self.work = Work::Idle;
                self.scan_from = now + SCAN_PAUSE_MAX;
                self.fault(&trouble);
            }
        }
    }

    pub(super) fn heard(&mut self, now: Time, link: LinkId) {
        let rests = self.rests;
        let Some(entry) = self.links.get_mut(link.index()).filter(|link| link.is_waiting()) else {
            return;
        };
        if rests {
            // Nothing is looked for, so this host holds it: a process that died left it behind, and
            // the other relay waits for it.
            entry.state = LinkState::Disconnecting;
            self.commands.push_back(Command::Disconnect(link));
            return;
        }
        entry.state = LinkState::Heard { at: now };
        entry.sought_since = now;
        self.scan_pause = SCAN_PAUSE;
        self.shorten_scan(now);
    }

    /// A band was heard: others have a little longer, unless there is none to be waited for.
    pub(super) fn shorten_scan(&mut self, now: Time) {
        if let Work::Scanning { until } = self.work {
            let settle = if self.wants_scan(now) { now + SCAN_SETTLE } else { now };
            self.work = Work::Scanning { until: until.min(settle) };
        }
    }

    /// Ends connections that took too long, to come about or over a write.
    pub(super) fn end_overdue(&mut self, now: Time) {
        if let Work::Connecting { link, deadline } = self.work
            && deadline <= now
        {
            self.end(now, link, &Trouble::passing("did not connect within 10 s"));
        }
        for index in 0..self.links.len() {
            if let LinkState::Up { flight: Some(flight), proven, .. } = self.links[index].state
                && flight.deadline <= now
            {
                // Systems try to pair in the middle of a write, and say nothing meanwhile.
                let trouble = Trouble::passing(if proven {
                    "took no frame for 5 s; connecting it again"
                } else {
                    "did not take its first frame within 5 s; if this stays, it may want to be \
                     paired: do that in the system's Bluetooth settings"
                });
                self.end(now, link_id(index), &trouble);
            }
        }
    }

    /// Starts or ends what the adapter does beside writing.
    pub(super) fn work(&mut self, now: Time) {
        match self.work {
            Work::Scanning { until } if until <= now => {
                self.work = Work::StoppingScan;
                self.commands.push_back(Command::StopScan);
            }
            Work::Idle if self.rests => {}
            Work::Idle => {
                self.forget_stale(now);
                if self.links.iter().any(Link::is_waiting) {
                    let used = self.used();
                    self.limit.probe(now, used);
                }
                self.tell_room();
                if let Some(index) = self.connectable(now) {
                    let link = link_id(index);
                    self.links[index].state = LinkState::Connecting;
                    self.work = Work::Connecting { link, deadline: now + CONNECT_TIME_MAX };
                    self.commands.push_back(Command::Connect(link));
                } else if self.scan_from <= now && self.wants_scan(now) {
                    self.work = Work::StartingScan;
                    self.commands.push_back(Command::Scan);
                }
            }
            _ => {}
        }
    }

    /// When an idle adapter has something to do.
    pub(super) fn next_work(&self) -> Option<Time> {
        if self.rests {
            return None;
        }
        if !self.has_room() {
            let waits = self.links.iter().any(Link::is_waiting);
            return self.limit.probe_at().filter(|_| waits);
        }
        let due = |link: &Link| match link.state {
            LinkState::Away => Some(link.not_before.max(self.scan_from)),
            LinkState::Heard { .. } => Some(link.not_before),
            _ => None,
        };
        self.links.iter().filter(|link| link.mine).filter_map(due).min()
    }

    /// The band that has waited longest to be connected.
    pub(super) fn connectable(&self, now: Time) -> Option<usize> {
        let heard = |(index, link): (usize, &Link)| match link.state {
            LinkState::Heard { .. } if link.mine && link.not_before <= now => {
                Some((link.not_before, index))
            }
            _ => None,
        };
        let first = self.links.iter().enumerate().filter_map(heard).min();
        first.filter(|_| self.has_room()).map(|(_, index)| index)
    }

    /// Whether a band could be connected if only it were heard.
    pub(super) fn wants_scan(&self, now: Time) -> bool {
        let missing =
            |link: &Link| link.mine && link.state == LinkState::Away && link.not_before <= now;
        !self.rests && self.has_room() && self.links.iter().any(missing)
    }

    pub(super) fn has_room(&self) -> bool {
        self.used() < self.limit.max()
    }

    /// Connections that are there, come about or are being closed.
    pub(super) fn used(&self) -> usize {
        self.links.iter().filter(|link| link.is_used()).count()
    }

    pub(super) fn forget_stale(&mut self, now: Time) {
        for link in &mut self.links {
            if let LinkState::Heard { at } = link.state
                && now.since(at) > HEARD_FRESH
            {
                link.state = LinkState::Away;
            }
        }
    }

    /// Says once to every band that is left out why it is, and when that is over.
    pub(super) fn tell_room(&mut self) {
        let full = !self.has_room();
        for index in 0..self.links.len() {
            let link = &self.links[index];
            if !link.is_waiting() || link.told_full == full {
                continue;
            }
            let words = if full { self.limit.words() } else { NOT_HEARD.into() };
            self.down(link_id(index), words);
            self.links[index].told_full = full;
        }
    }
}
