//! A copy of one universe for the operator: levels, owners, sources and why each is in or out.

use super::arbitrate::{rank_of_slot, rank_of_universe};
use super::place::{Place, State};
use super::source::{Silence, SourceId, SourceName, SourceSample};
use super::{Merge, NO_OWNER};
use crate::config::MergeMode;
use crate::limits::{SOURCES_ASIDE, SOURCES_PER_UNIVERSE_MAX};
use crate::snapshot::SignalState;
use crate::time::Time;
use crate::universe::{SLOTS, Universe};
use crate::wire::sacn::Cid;

/// Most sources in a sample.
pub const SAMPLED_SOURCES_MAX: usize = SOURCES_PER_UNIVERSE_MAX + SOURCES_ASIDE;

/// One universe at one moment. Of fixed size: taking it allocates nothing.
#[derive(Clone, Debug)]
pub struct UniverseSample {
    /// The universe; `None` before the first sample.
    pub universe: Option<Universe>,
    /// Whether a source rules it.
    pub signal: SignalState,
    /// How equal sources share it.
    pub mode: MergeMode,
    /// The winning levels.
    pub levels: [u8; SLOTS],
    /// Per slot the index in [`sources`](Self::sources) of the one that owns it, [`NO_OWNER`] if
    /// nobody does.
    pub owners: [u8; SLOTS],
    /// Packets per second from sources that are in the merge, thousandths.
    pub rate_mhz: u64,
    /// When the last packet was taken; `None` before the first.
    pub last_heard: Option<Time>,
    count: usize,
    sources: [SourceSample; SAMPLED_SOURCES_MAX],
}

impl UniverseSample {
    /// Room for a sample.
    pub const fn new() -> Self {
        Self {
            universe: None,
            signal: SignalState::Waiting,
            mode: MergeMode::Htp,
            levels: [0; SLOTS],
            owners: [NO_OWNER; SLOTS],
            rate_mhz: 0,
            last_heard: None,
            count: 0,
            sources: [NOBODY; SAMPLED_SOURCES_MAX],
        }
    }

    /// Everything that sends or sent the universe; those in the merge first, higher priority
    /// first.
    pub fn sources(&self) -> &[SourceSample] {
        &self.sources[..self.count]
    }
}

impl Default for UniverseSample {
    fn default() -> Self {
        Self::new()
    }
}

const NOBODY: SourceSample = SourceSample {
    id: SourceId::Sacn(Cid([0; 16])),
    address: Place::FREE.address,
    name: SourceName::EMPTY,
    priority: None,
    per_address_priority: false,
    sync_address: None,
    silence: None,
    packets: 0,
    rate_mhz: 0,
    sequence_errors: 0,
    missed: 0,
    duplicates: 0,
    last_seen: Time::ZERO,
};

impl Merge {
    /// Copies one universe out.
    pub fn sample(&self, u: usize, now: Time, out: &mut UniverseSample) {
        let port = &self.ports[u];
        out.universe = port.universe;
        out.signal = port.signal;
        out.mode = port.mode;
        out.levels = *self.levels(u);
        out.last_heard = port.last_heard;
        out.rate_mhz = 0;
        out.count = 0;
        let mut order = [0u8; SAMPLED_SOURCES_MAX];
        for (p, _) in self.places_of(u).filter(|(_, place)| place.state != State::Free) {
            order[out.count] = p;
            out.count += 1;
        }
        let order = &mut order[..out.count];
        order.sort_unstable_by_key(|&p| {
            let place = &self.places[self.at(u, p)];
            let out_of_it = self.silence(u, p, now).is_some();
            (out_of_it, !place.is_live(), u8::MAX - place.priority, p)
        });
        let mut index_of = [NO_OWNER; SAMPLED_SOURCES_MAX];
        for (index, &p) in (0u8..).zip(order.iter()) {
            index_of[usize::from(p)] = index;
            let source = self.sample_source(u, p, now);
            if source.silence.is_none() {
                out.rate_mhz += source.rate_mhz;
            }
            out.sources[usize::from(index)] = source;
        }
        for (owner, &place) in out.owners.iter_mut().zip(&self.out_owners[u]) {
            *owner = index_of.get(usize::from(place)).copied().unwrap_or(NO_OWNER);
        }
    }

    fn sample_source(&self, u: usize, p: u8, now: Time) -> SourceSample {
        let place = &self.places[self.at(u, p)];
        let sacn = matches!(place.id, SourceId::Sacn(_));
        let sync_address = sacn.then(|| self.addresses.address(place.sync));
        let silence = self.silence(u, p, now);
        let gone = matches!(silence, Some(Silence::TimedOut | Silence::Terminated));
        SourceSample {
            id: place.id,
            address: place.address,
            name: if sacn { place.name } else { self.controllers.name(place.sync) },
            priority: sacn.then_some(place.priority),
            per_address_priority: place.has_priorities,
            sync_address: sync_address.filter(|&address| address != 0),
            silence,
            packets: place.packets,
            rate_mhz: if gone { 0 } else { place.rate_mhz(now) },
            sequence_errors: place.sequence_errors,
            missed: place.missed,
            duplicates: place.duplicates,
            last_seen: place.last_seen,
        }
    }

    /// Why a source is not in the merge, `None` if it is.
    fn silence(&self, u: usize, p: u8, now: Time) -> Option<Silence> {
        let (port, place) = (&self.ports[u], &self.places[self.at(u, p)]);
        match place.state {
            State::Aside(Silence::Terminated) => return Some(Silence::Terminated),
            State::Aside(_) if now >= place.last_seen + port.loss() => {
                return Some(Silence::TimedOut);
            }
            State::Aside(why) => return Some(why),
            State::Live | State::Free => {}
        }
        if !place.has_levels {
            return Some(Silence::NoLevels);
        }
        if port.sampling_until.is_some() {
            return Some(Silence::Sampling);
        }
        let rank = |p: u8, slot: usize| {
            let at = self.at(u, p);
            match self.places[at].has_priorities {
                true => rank_of_slot(self.priorities[self.slots_at(u, p)][slot]),
                false => rank_of_universe(self.places[at].priority),
            }
        };
        let (mut equal, mut owns) = (false, false);
        for (slot, &owner) in self.out_owners[u].iter().enumerate() {
            owns |= owner == p;
            equal |= owner != NO_OWNER && rank(p, slot) == rank(owner, slot);
        }
        match (owns, equal, port.mode) {
            (true, ..) | (_, true, MergeMode::Htp) => None,
            (_, true, MergeMode::Ltp) => Some(Silence::NotLatest),
            (_, false, _) => Some(Silence::LowerPriority),
        }
    }
}
