//! Arbitration a second time: slow, and as plain as the rules read.
//!
//! Nothing is shared with the engine but the numbers in the standards. Time is in whole ms and
//! passes one by one; every rule is looked at in every one of them. Winners are computed from
//! nothing whenever they are asked for.

use std::collections::BTreeMap;

/// The slots that the model looks at, 0..=511.
pub(crate) const LOOKED_AT: [usize; SLOTS] = [0, 1, 2, 3, 4, 5, 300, 511];
const SLOTS: usize = 8;
pub(crate) type Slots = [u8; SLOTS];

/// Who a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Cid(u8),
    Node { ip: u8, physical: u8 },
}

/// One packet with levels or priorities.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) who: Who,
    pub(crate) priority: u8,
    /// `None` = not counted.
    pub(crate) sequence: Option<u8>,
    pub(crate) is_priorities: bool,
    pub(crate) slots: Slots,
    pub(crate) preview: bool,
    pub(crate) terminated: bool,
    /// 0 = none.
    pub(crate) sync: u16,
    pub(crate) force: bool,
}

#[derive(Clone, Debug)]
struct Source {
    who: Who,
    /// `live`, or why it is not.
    state: &'static str,
    priority: u8,
    levels: Option<Slots>,
    priorities: Option<Slots>,
    held_levels: Option<(u8, Slots)>,
    held_priorities: Option<Slots>,
    levels_at: Option<u64>,
    priorities_at: Option<u64>,
    last_seen: u64,
    /// Last number and its time; of levels, of priorities.
    numbers: [Option<(u8, u64)>; 2],
    drops: u32,
    sync: Option<u16>,
    force: bool,
    changed: u64,
}

impl Source {
    fn is_live(&self) -> bool {
        self.state == "live"
    }

    fn heard(&self) -> u64 {
        self.levels_at.or(self.priorities_at).unwrap()
    }

    /// Rank in a slot: nothing, or a priority.
    fn rank(&self, slot: usize) -> Option<u8> {
        match &self.priorities {
            Some(priorities) if priorities[slot] == 0 => None,
            Some(priorities) => Some(priorities[slot].min(200)),
            None => Some(self.priority),
        }
    }

    fn gone(&mut self, why: &'static str) {
        self.state = why;
        self.levels = None;
        self.priorities = None;
        self.held_levels = None;
        self.held_priorities = None;
        self.levels_at = None;
        self.priorities_at = None;
        self.sync = None;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exclusive {
    No,
    Next,
    Only(Who),
}

#[derive(Clone, Debug)]
pub(crate) struct Universe {
    artnet: bool,
    sources: Vec<Source>,
    limit: usize,
    pub(crate) ltp: bool,
    exclusive: Exclusive,
    /// `waiting`, `live`, `lost`.
    pub(crate) signal: &'static str,
    pub(crate) levels: Slots,
    sampling_until: u64,
    /// Time and sender of the last ArtSync that counts here.
    artsync: Option<(u64, u8)>,
    changes: u64,
}

#[derive(Clone, Debug, Default)]
struct Address {
    /// Time of the last synchronization packet, while synchronised.
    synced: Option<u64>,
    lost: bool,
    beaters: BTreeMap<u8, (u8, u64)>,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) universes: Vec<Universe>,
    addresses: BTreeMap<u16, Address>,
}

/// E1.31 §6.7.2.
fn in_order(before: u8, number: u8) -> bool {
    let mut step = i32::from(number) - i32::from(before);
    if step > 127 {
        step -= 256;
    }
    if step < -128 {
        step += 256;
    }
    !(-20 < step && step <= 0)
}

impl Universe {
    pub(crate) fn new(artnet: bool, limit: usize, ltp: bool, sampling_ms: u64) -> Self {
        Self {
            artnet,
            sources: Vec::new(),
            limit: if artnet { 2 } else { limit },
            ltp,
            exclusive: Exclusive::No,
            signal: "waiting",
            levels: [0; SLOTS],
            sampling_until: if artnet { 0 } else { sampling_ms },
            artsync: None,
            changes: 0,
        }
    }

    fn loss(&self) -> u64 {
        if self.artnet { 10_000 } else { 2500 }
    }

    fn outlived(&self) -> u64 {
        if self.artnet { 5000 } else { 1250 }
    }

    fn live(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.is_live())
    }

    fn contributors(&self) -> Vec<&Source> {
        self.live().filter(|source| source.levels.is_some()).collect()
    }

    /// The sources that win a slot, in the order of the list; LTP: one.
    fn winners(&self, slot: usize) -> Vec<&Source> {
        let all = self.contributors();
        let Some(best) = all.iter().filter_map(|source| source.rank(slot)).max() else {
            return Vec::new();
        };
        let equal: Vec<_> = all.into_iter().filter(|s| s.rank(slot) == Some(best)).collect();
        if self.ltp {
            return equal.into_iter().max_by_key(|source| source.changed).into_iter().collect();
        }
        equal
    }

    /// Whether `who` may be said to own a slot.
    pub(crate) fn may_own(&self, slot: usize, who: Option<Who>) -> bool {
        if self.signal != "live" {
            return who.is_none();
        }
        let winners = self.winners(slot);
        match who {
            None => winners.is_empty(),
            Some(who) => winners
                .iter()
                .any(|s| s.who == who && s.levels.as_ref().unwrap()[slot] == self.levels[slot]),
        }
    }

    /// Every source and `None` if it is in the merge, else why not.
    pub(crate) fn sources(&self, now: u64) -> Vec<(Who, Option<&'static str>)> {
        let mut all: Vec<_> =
            self.sources.iter().map(|source| (source.who, self.why_not(source, now))).collect();
        all.sort_unstable();
        all
    }

    fn why_not(&self, source: &Source, now: u64) -> Option<&'static str> {
        if source.state == "terminated" {
            return Some("terminated");
        }
        if !source.is_live() {
            let silent = now - source.last_seen >= self.loss();
            return Some(if silent { "timed_out" } else { source.state });
        }
        if source.levels.is_none() {
            return Some("no_levels");
        }
        if now < self.sampling_until {
            return Some("sampling");
        }
        let mut equal = false;
        for slot in 0..SLOTS {
            let winners = self.winners(slot);
            if winners.iter().any(|winner| winner.who == source.who) {
                return None;
            }
            equal |= winners.iter().any(|winner| winner.rank(slot) == source.rank(slot));
        }
        Some(if equal { "not_latest" } else { "lower_priority" })
    }

    fn merges(&self) -> bool {
        let mut ips: Vec<_> = self
            .live()
            .map(|source| match source.who {
                Who::Node { ip, .. } => ip,
                Who::Cid(_) => 0,
            })
            .collect();
        ips.dedup();
        ips.len() > 1
    }

    /// Levels and signal after something changed.
    fn settle(&mut self, now: u64) {
        if now < self.sampling_until {
            return;
        }
        if self.contributors().is_empty() {
            if self.signal == "live" {
                self.signal = "lost";
            }
            return;
        }
        self.signal = "live";
        let levels = |universe: &Self, slot: usize| {
            let levels =
                universe.winners(slot).iter().map(|s| s.levels.as_ref().unwrap()[slot]).max();
            levels.unwrap_or(0)
        };
        self.levels = std::array::from_fn(|slot| levels(self, slot));
    }

    fn take(&mut self, i: usize, priorities: bool, priority: u8, slots: Slots) {
        let source = &mut self.sources[i];
        if priorities {
            source.priorities = Some(slots);
        } else {
            if source.levels != Some(slots) {
                self.changes += 1;
                source.changed = self.changes;
            }
            source.levels = Some(slots);
            source.priority = priority;
        }
    }

    fn release(&mut self, i: usize) {
        if let Some((priority, slots)) = self.sources[i].held_levels.take() {
            self.take(i, false, priority, slots);
        }
        if let Some(slots) = self.sources[i].held_priorities.take() {
            self.take(i, true, 0, slots);
        }
    }

    fn release_all(&mut self, now: u64) {
        for i in 0..self.sources.len() {
            self.release(i);
        }
        self.settle(now);
    }

    /// Everything that time brings about on one universe.
    fn tick(&mut self, now: u64) {
        let mut changed = now == self.sampling_until;
        if self.artsync.is_some_and(|(last, _)| now - last >= 4000) {
            self.artsync = None;
            self.release_all(now);
        }
        let (loss, outlived) = (self.loss(), self.outlived());
        for source in &mut self.sources {
            let ranks = source.priorities.is_some() || source.held_priorities.is_some();
            if let Some(last) = source.priorities_at
                && source.is_live()
                && ranks
                && now - last >= loss
                && source.heard() >= last + outlived
            {
                source.priorities = None;
                source.held_priorities = None;
                changed = true;
            }
        }
        let silent = |source: &Source| now - source.heard() >= loss;
        if !self.live().any(silent) {
            return if changed {
                self.settle(now)
            };
        }
        let sources = self.sources.clone();
        for (i, source) in sources.iter().enumerate() {
            if !source.is_live() || !silent(source) {
                continue;
            }
            let others = sources
                .iter()
                .enumerate()
                .filter(|(j, other)| *j != i && other.is_live() && other.levels_at.is_some());
            let decided = source.levels_at.is_none()
                || others
                    .into_iter()
                    .all(|(_, other)| silent(other) || other.heard() >= source.heard() + outlived);
            if decided {
                self.lose(i, "timed_out");
                changed = true;
            }
        }
        if changed {
            self.settle(now);
        }
    }

    fn lose(&mut self, i: usize, why: &'static str) {
        let who = self.sources[i].who;
        if self.exclusive == Exclusive::Only(who) {
            self.exclusive = Exclusive::No;
        }
        if let (Who::Node { ip, .. }, Some((_, from))) = (who, self.artsync)
            && ip == from
        {
            self.artsync = None;
        }
        self.sources[i].gone(why);
    }

    fn add(&mut self, now: u64, who: Who, state: &'static str) -> usize {
        self.sources.push(Source {
            who,
            state,
            priority: 0,
            levels: None,
            priorities: None,
            held_levels: None,
            held_priorities: None,
            levels_at: None,
            priorities_at: None,
            last_seen: now,
            numbers: [None; 2],
            drops: 0,
            sync: None,
            force: false,
            changed: 0,
        });
        self.sources.len() - 1
    }

    /// Judges the sequence number of a source that is known, or notes the first one.
    fn sequence(&mut self, i: usize, now: u64, packet: &Packet) -> Option<&'static str> {
        let (loss, artnet) = (self.loss(), self.artnet);
        let number = packet.sequence?;
        let source = &mut self.sources[i];
        let stream = usize::from(packet.is_priorities);
        if let Some((before, at)) = source.numbers[stream]
            && now - at < loss
            && !in_order(before, number)
            && !(artnet && source.drops >= 20)
        {
            source.drops += 1;
            return Some(if before == number { "duplicate" } else { "out_of_sequence" });
        }
        source.drops = 0;
        source.numbers[stream] = Some((number, now));
        None
    }

    /// Room for one more source, made if need be.
    fn make_room(&mut self, packet: &Packet) -> bool {
        if self.live().count() < self.limit {
            return true;
        }
        let standing = |source: &Source| match source.priorities {
            Some(_) => 255,
            None => source.priority,
        };
        // Of several lowest ones the newest goes.
        let live = self.sources.iter().enumerate().filter(|(_, source)| source.is_live());
        let lowest = live.rev().min_by_key(|(_, source)| standing(source)).map(|(i, _)| i);
        match lowest {
            Some(i) if standing(&self.sources[i]) < packet.priority => {
                self.lose(i, "source_limit");
                true
            }
            _ => false,
        }
    }
}

impl World {
    pub(crate) fn new(universes: Vec<Universe>) -> Self {
        let mut world = Self { now: 0, universes, addresses: BTreeMap::new() };
        world.tick();
        world
    }

    pub(crate) fn advance(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now += 1;
            self.tick();
        }
    }

    fn tick(&mut self) {
        for universe in &mut self.universes {
            universe.tick(self.now);
        }
        let due: Vec<_> = self
            .addresses
            .iter()
            .filter(|(_, a)| a.synced.is_some_and(|last| self.now - last >= 2500))
            .map(|(&address, _)| address)
            .collect();
        for address in due {
            self.lose_sync(address);
        }
        self.forget_addresses();
    }

    fn lose_sync(&mut self, address: u16) {
        let state = self.addresses.get_mut(&address).unwrap();
        *state = Address { lost: true, ..Address::default() };
        for universe in &mut self.universes {
            for i in 0..universe.sources.len() {
                let source = &universe.sources[i];
                if source.sync == Some(address) && !universe.artnet && source.force {
                    universe.release(i);
                }
            }
            universe.settle(self.now);
        }
    }

    /// An address is remembered while a source names it or synchronization packets come.
    fn forget_addresses(&mut self) {
        let universes = &self.universes;
        self.addresses
            .retain(|&address, state| state.synced.is_some() || is_named(universes, address));
    }

    /// A packet of levels or priorities; what becomes of it.
    pub(crate) fn packet(&mut self, u: usize, packet: &Packet) -> &'static str {
        let outcome = self.judge(u, packet);
        self.universes[u].tick(self.now);
        self.universes[u].settle(self.now);
        self.forget_addresses();
        outcome
    }

    fn judge(&mut self, u: usize, packet: &Packet) -> &'static str {
        let now = self.now;
        let universe = &mut self.universes[u];
        let mut found = universe.sources.iter().position(|source| source.who == packet.who);
        if let Some(i) = found
            && let Some(dropped) = universe.sequence(i, now, packet)
        {
            return dropped;
        }
        if packet.terminated {
            let Some(i) = found else { return "not_a_source" };
            universe.sources[i].last_seen = now;
            return match universe.sources[i].state {
                "terminated" | "timed_out" => "not_a_source",
                "live" => {
                    universe.lose(i, "terminated");
                    "accepted"
                }
                _ => {
                    universe.sources[i].state = "terminated";
                    "accepted"
                }
            };
        }
        if found.is_none() {
            found = Some(universe.add(now, packet.who, "new"));
            universe.sequence(universe.sources.len() - 1, now, packet);
        }
        let i = found.unwrap();
        universe.sources[i].last_seen = now;
        if packet.preview {
            if !universe.sources[i].is_live() {
                universe.sources[i].state = "preview";
            }
            return "preview";
        }
        if !universe.sources[i].is_live() {
            if let Exclusive::Only(_) = universe.exclusive {
                universe.sources[i].state = "merge_cancelled";
                return "merge_cancelled";
            }
            if universe.exclusive == Exclusive::No && !universe.make_room(packet) {
                universe.sources[i].state = "source_limit";
                return "source_limit";
            }
            universe.sources[i].state = "live";
            universe.sources[i].priority = packet.priority;
            universe.sources[i].force = false;
            if universe.artnet && universe.live().count() > 1 {
                universe.release_all(now);
            }
        }
        if universe.exclusive == Exclusive::Next {
            for j in 0..universe.sources.len() {
                if j != i && universe.sources[j].is_live() {
                    universe.lose(j, "merge_cancelled");
                }
            }
            universe.exclusive = Exclusive::Only(packet.who);
        }
        let source = &mut universe.sources[i];
        if packet.is_priorities {
            source.priorities_at = Some(now);
        } else {
            source.levels_at = Some(now);
        }
        if self.must_wait(u, i, packet) {
            let source = &mut self.universes[u].sources[i];
            if packet.is_priorities {
                source.held_priorities = Some(packet.slots);
            } else {
                source.held_levels = Some((packet.priority, packet.slots));
            }
            return "held";
        }
        let universe = &mut self.universes[u];
        universe.release(i);
        universe.take(i, packet.is_priorities, packet.priority, packet.slots);
        "accepted"
    }

    fn must_wait(&mut self, u: usize, i: usize, packet: &Packet) -> bool {
        self.forget_addresses();
        let universe = &mut self.universes[u];
        if let Who::Node { ip, .. } = packet.who {
            return universe.artsync.is_some_and(|(_, from)| from == ip) && !universe.merges();
        }
        let source = &mut universe.sources[i];
        if packet.sync == 0 {
            source.sync = None;
            return false;
        }
        source.sync = Some(packet.sync);
        source.force = packet.force;
        let address = self.addresses.entry(packet.sync).or_default();
        address.synced.is_some() || (address.lost && !packet.force)
    }

    /// A synchronization packet.
    pub(crate) fn sync(&mut self, address: u16, cid: u8, number: u8) -> &'static str {
        let now = self.now;
        let state = self.addresses.entry(address).or_default();
        if let Some(&(before, at)) = state.beaters.get(&cid)
            && now - at < 2500
            && !in_order(before, number)
        {
            return "out_of_sequence";
        }
        state.beaters.insert(cid, (number, now));
        state.synced = Some(now);
        state.lost = false;
        if !is_named(&self.universes, address) {
            return "sync_unused";
        }
        for universe in &mut self.universes {
            for i in 0..universe.sources.len() {
                if universe.sources[i].sync == Some(address) {
                    universe.release(i);
                }
            }
            universe.settle(now);
        }
        "accepted"
    }

    /// A source has said farewell on a universe whose number may be a synchronization address.
    pub(crate) fn sync_terminated(&mut self, address: u16, cid: u8) {
        if let Some(state) = self.addresses.get_mut(&address)
            && state.beaters.remove(&cid).is_some()
            && state.synced.is_some()
        {
            // The beat of those that are left is as old as the youngest of their packets.
            state.synced = state.beaters.values().map(|&(_, at)| at).max();
            if state.synced.is_none_or(|at| self.now - at >= 2500) {
                self.lose_sync(address);
                self.forget_addresses();
            }
        }
    }

    /// An ArtSync.
    pub(crate) fn artsync(&mut self, ip: u8) -> &'static str {
        let now = self.now;
        let mut heeded = false;
        for universe in self.universes.iter_mut().filter(|universe| universe.artnet) {
            let sends = universe
                .live()
                .any(|source| matches!(source.who, Who::Node { ip: sender, .. } if sender == ip));
            if sends && !universe.merges() {
                heeded = true;
                universe.artsync = Some((now, ip));
                universe.release_all(now);
            }
        }
        if heeded { "accepted" } else { "sync_unused" }
    }

    pub(crate) fn set_ltp(&mut self, u: usize, ltp: bool) {
        self.universes[u].ltp = ltp;
        self.universes[u].settle(self.now);
    }

    pub(crate) fn cancel_merge(&mut self, u: usize) {
        self.universes[u].exclusive = Exclusive::Next;
    }

    pub(crate) fn clear(&mut self, u: usize) {
        let universe = &mut self.universes[u];
        if universe.signal != "live" {
            return;
        }
        for source in &mut universe.sources {
            source.held_levels = None;
            source.levels = source.levels.map(|_| [0; SLOTS]);
        }
        universe.settle(self.now);
    }
}

fn is_named(universes: &[Universe], address: u16) -> bool {
    universes.iter().flat_map(Universe::live).any(|source| source.sync == Some(address))
}
