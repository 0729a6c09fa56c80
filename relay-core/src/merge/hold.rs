//! Synchronization: what waits for a beat, and what a beat releases.
//!
//! Clauses: E1.31 §6.2.4, §6.2.6, §6.3, §11; Art-Net 4 "ArtSync".

use std::net::IpAddr;

use super::place::NO_SYNC;
use super::sync::{Beat, Struck};
use super::{DmxData, Dropped, Merge, Merged, NEVER, Slots, SourceId, SourceName, Stored, replace};
use crate::event::{EventKind, EventQueue, SyncId};
use crate::limits::SYNC_ADDRESSES_MAX;
use crate::time::Time;
use crate::wire::sacn::Cid;

impl Merge {
    /// A synchronization packet: everything that waits for `address` goes out in one step.
    pub fn sacn_sync(
        &mut self,
        now: Time,
        address: u16,
        cid: Cid,
        number: u8,
        events: &mut EventQueue,
    ) -> Merged {
        self.expire_sync(now, events);
        match self.addresses.strike(now, address, cid, number) {
            Struck::OutOfSequence => Merged::Dropped(Dropped::OutOfSequence),
            Struck::NoRoom => Merged::Dropped(Dropped::Sync),
            Struck::Beat { index, first } => {
                if now + super::SYNC_LOSS < self.sync_deadline {
                    self.set_sync_deadline(now + super::SYNC_LOSS);
                }
                if !self.addresses.is_used(index) {
                    return Merged::Dropped(Dropped::Sync);
                }
                if first {
                    events.push(now, EventKind::SyncStarted { sync: SyncId::Sacn(address) });
                }
                self.release(index, false, now, events);
                Merged::Taken
            }
        }
    }

    /// A source has sent Stream_Terminated on universe `address`: if it gave the beat there,
    /// synchronization is lost at once (E1.31 §6.2.6).
    pub fn sacn_sync_terminated(
        &mut self,
        now: Time,
        address: u16,
        cid: Cid,
        events: &mut EventQueue,
    ) {
        self.expire_sync(now, events);
        if let Some(index) = self.addresses.terminated(now, address, cid) {
            self.lose_sync(index, now, events);
        }
        self.set_sync_deadline(self.addresses.deadline().unwrap_or(NEVER));
    }

    /// ArtSync from a controller: everything of it that waits goes out in one step.
    ///
    /// "ArtSync" has two exceptions, and both are judged for each port: it is ignored if it does
    /// not come from the address that sends the port's ArtDmx, and while the port merges.
    pub fn art_sync(&mut self, now: Time, from: IpAddr, events: &mut EventQueue) -> Merged {
        let Some(controller) = self.controllers.find(from) else {
            return Merged::Dropped(Dropped::Sync);
        };
        let mut heeded = false;
        for u in 0..self.ports.len() {
            let sender = self.live_of(u).map(|(_, place)| place.sync).next();
            if !self.ports[u].is_artnet() || sender != Some(controller) || self.is_merging(u) {
                continue;
            }
            heeded = true;
            self.ports[u].artsync = Some((now, controller));
            self.lower_deadline(u, now + super::ARTSYNC_LOSS);
            self.release_port(u, None, false, now, events);
        }
        if !heeded {
            return Merged::Dropped(Dropped::Sync);
        }
        self.forget_released();
        if self.controllers.set_synced(controller, true) {
            events.push(now, EventKind::SyncStarted { sync: SyncId::ArtNet(from) });
        }
        Merged::Taken
    }

    /// The name that the node at `ip` gives itself (ArtPollReply). Kept for controllers that send.
    pub fn art_name(&mut self, ip: IpAddr, name: &[u8]) {
        if let Some(controller) = self.controllers.find(ip) {
            self.controllers.set_name(controller, SourceName::new(name));
        }
    }

    /// The synchronization addresses that sources name, at most [`SYNC_ADDRESSES_MAX`]: their
    /// multicast groups are to be joined (E1.31 §6.3.3.1, §9.1).
    pub fn sync_addresses(&self) -> impl Iterator<Item = u16> + '_ {
        self.addresses.in_use()
    }

    /// Changes whenever [`sync_addresses`](Self::sync_addresses) does.
    pub fn sync_generation(&self) -> u64 {
        self.addresses.generation()
    }

    /// Whether a port-address merges streams from different addresses.
    #[inline]
    pub fn is_merging(&self, u: usize) -> bool {
        // Without a look at places far apart in memory: nearly always.
        self.ports[u].live > 1 && self.has_several_senders(u)
    }

    fn has_several_senders(&self, u: usize) -> bool {
        let ip = |id| match id {
            SourceId::ArtNet { ip, .. } => Some(ip),
            SourceId::Sacn(_) => None,
        };
        let mut sources = self.live_of(u).map(|(_, place)| ip(place.id));
        let first = sources.next();
        sources.any(|other| Some(other) != first)
    }

    /// Whether a packet has to wait for a beat.
    #[inline]
    pub(super) fn must_wait(
        &mut self,
        u: usize,
        p: u8,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) -> bool {
        if self.ports[u].is_artnet() {
            let controller = self.places[self.at(u, p)].sync;
            let synced = self.ports[u].artsync.is_some_and(|(_, from)| from == controller);
            return synced && !self.is_merging(u);
        }
        let at = self.at(u, p);
        let Some(request) = data.sync else {
            if self.places[at].sync != NO_SYNC {
                self.leave_sync(u, p);
            }
            return false;
        };
        self.expire_sync(now, events);
        if self.addresses.address(self.places[at].sync) != request.address {
            self.leave_sync(u, p);
            self.join_sync(u, p, request.address, now, events);
        }
        let place = &mut self.places[at];
        place.force = request.force;
        match place.sync {
            NO_SYNC => false,
            index => match self.addresses.beat(index) {
                Beat::Never => false,
                Beat::Synced(_) => true,
                Beat::Lost => !request.force,
            },
        }
    }

    #[cold]
    fn join_sync(&mut self, u: usize, p: u8, address: u16, now: Time, events: &mut EventQueue) {
        let at = self.at(u, p);
        match self.addresses.join(address) {
            Ok(index) => self.places[at].sync = index,
            Err(tell) => {
                if tell {
                    let limit = SYNC_ADDRESSES_MAX as u8;
                    events.push(now, EventKind::SyncLimit { address, limit });
                }
            }
        }
    }

    /// The source of a place no longer goes by the beat it went by.
    pub(super) fn leave_sync(&mut self, u: usize, p: u8) {
        let at = self.at(u, p);
        let index = std::mem::replace(&mut self.places[at].sync, NO_SYNC);
        if index == NO_SYNC {
            return;
        }
        if self.ports[u].is_artnet() {
            self.controllers.leave(index);
        } else {
            self.addresses.leave(index);
        }
    }

    /// Keeps slots until the beat; what waited before is replaced.
    pub(super) fn hold(&mut self, u: usize, p: u8, data: &DmxData<'_>) {
        let (at, slots_at) = (self.at(u, p), self.slots_at(u, p));
        match data.slots {
            Slots::Levels(slots) => {
                replace(&mut self.held_levels[slots_at], slots);
                self.places[at].held_levels = Some(data.priority);
            }
            Slots::Priorities(slots) => {
                replace(&mut self.held_priorities[slots_at], slots);
                self.places[at].held_priorities = true;
            }
        }
        if !std::mem::replace(&mut self.ports[u].holding, true) {
            self.holding.push(u as u32);
        }
    }

    /// Puts what waits at a place into its arrays.
    #[inline]
    pub(super) fn release_place(&mut self, u: usize, p: u8) -> Stored {
        let (at, slots_at) = (self.at(u, p), self.slots_at(u, p));
        let mut stored = Stored::Nothing;
        if let Some(priority) = self.places[at].held_levels.take() {
            let changed = replace(&mut self.levels[slots_at], &self.held_levels[slots_at]);
            stored = self.levels_stored(u, p, priority, changed);
        }
        if std::mem::take(&mut self.places[at].held_priorities) {
            let first = !std::mem::replace(&mut self.places[at].has_priorities, true);
            let held = &self.held_priorities[slots_at];
            if replace(&mut self.priorities[slots_at], held) || first {
                stored = Stored::Rank;
            }
        }
        stored
    }

    /// Releases what waits on one port: for the beat `sync` or for any, from every source or only
    /// from those that force.
    pub(super) fn release_port(
        &mut self,
        u: usize,
        sync: Option<u8>,
        forced: bool,
        now: Time,
        events: &mut EventQueue,
    ) {
        for p in 0..self.places_each as u8 {
            let place = &self.places[self.at(u, p)];
            if place.holds()
                && sync.is_none_or(|sync| place.sync == sync)
                && (place.force || !forced)
            {
                let stored = self.release_place(u, p);
                self.refresh(u, p, stored, now, events);
            }
        }
    }

    /// Releases what waits for the beat of a synchronization address, on all ports.
    fn release(&mut self, index: u8, forced: bool, now: Time, events: &mut EventQueue) {
        for i in 0..self.holding.len() {
            let u = self.holding[i] as usize;
            if !self.ports[u].is_artnet() {
                self.release_port(u, Some(index), forced, now, events);
            }
        }
        self.forget_released();
    }

    /// Takes the ports on which nothing waits any more off the list.
    fn forget_released(&mut self) {
        let Self { holding, ports, places, places_each: each, .. } = self;
        holding.retain(|&u| {
            let u = u as usize;
            let holds = places[u * *each..(u + 1) * *each].iter().any(|place| place.holds());
            ports[u].holding = holds;
            holds
        });
    }

    /// Loses every beat that is due.
    #[inline]
    pub(super) fn expire_sync(&mut self, now: Time, events: &mut EventQueue) {
        if now >= self.sync_deadline {
            self.lose_due_sync(now, events);
        }
    }

    #[cold]
    fn lose_due_sync(&mut self, now: Time, events: &mut EventQueue) {
        let now = now.min(self.read_to);
        while let Some(index) = self.addresses.next_lost(now) {
            self.lose_sync(index, now, events);
        }
        self.set_sync_deadline(self.addresses.deadline().unwrap_or(NEVER));
    }

    /// E1.31 §6.2.6: without Force_Synchronization the universes stand still, with it they go on;
    /// what waits of those goes out now, because it is the newest they have.
    fn lose_sync(&mut self, index: u8, now: Time, events: &mut EventQueue) {
        let address = self.addresses.address(index);
        if self.addresses.is_used(index) {
            let sacn = (0..self.ports.len()).filter(|&u| !self.ports[u].is_artnet());
            let mut users = sacn.flat_map(|u| self.live_of(u)).filter(|(_, p)| p.sync == index);
            let held = users.any(|(_, place)| !place.force);
            let sync = SyncId::Sacn(address);
            events.push(now, EventKind::SyncLost { sync, held });
        }
        self.addresses.lose(index);
        self.release(index, true, now, events);
    }

    fn set_sync_deadline(&mut self, deadline: Time) {
        self.sync_deadline = deadline;
        self.timers.set(self.universes_max, (deadline != NEVER).then_some(deadline));
    }

    /// ArtSync has not come for 4 s: back to non-synchronous operation.
    pub(super) fn expire_artsync(&mut self, u: usize, now: Time, events: &mut EventQueue) {
        let Some((last, controller)) = self.ports[u].artsync else { return };
        if now < last + super::ARTSYNC_LOSS {
            return;
        }
        self.ports[u].artsync = None;
        self.release_port(u, None, false, now, events);
        self.forget_released();
        if let Some(ip) = self.controllers.ip(controller)
            && self.controllers.set_synced(controller, false)
        {
            let sync = SyncId::ArtNet(ip);
            events.push(now, EventKind::SyncLost { sync, held: false });
        }
    }
}
