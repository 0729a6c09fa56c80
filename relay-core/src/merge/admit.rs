//! Who is let into a universe, who is left out and who leaves.
//!
//! Clauses: E1.31 §6.2.3.3, §6.2.6 (Preview_Data, Stream_Terminated); Art-Net 4 "Data merging".

use std::time::Duration;

use super::place::{NO_SYNC, Place, State};
use super::port::Exclusive;
use super::source::{Silence, SourceId, SourceName};
use super::{DmxData, Dropped, Merge, Merged};
use crate::event::{EventKind, EventQueue};
use crate::limits::ARTNET_SOURCES_MAX;
use crate::time::Time;
use crate::universe::Universe;

impl Merge {
    /// Stream_Terminated (E1.31 §6.2.6).
    #[cold]
    pub(super) fn farewell(
        &mut self,
        u: usize,
        found: Option<u8>,
        now: Time,
        events: &mut EventQueue,
    ) -> Merged {
        let Some(p) = found else { return Merged::Dropped(Dropped::NotASource) };
        let at = self.at(u, p);
        self.places[at].count(now);
        if self.places[at].is_live() {
            self.lose(u, 1 << p, Silence::Terminated, now, events);
            self.judge(u, now, events);
            return Merged::Taken;
        }
        match self.places[at].state {
            State::Aside(Silence::Terminated | Silence::TimedOut) => {
                Merged::Dropped(Dropped::NotASource)
            }
            _ => {
                self.places[at].state = State::Aside(Silence::Terminated);
                Merged::Taken
            }
        }
    }

    /// Preview_Data (E1.31 §6.2.6). A live source that goes into preview is lost in its time.
    #[cold]
    pub(super) fn preview(
        &mut self,
        u: usize,
        found: Option<u8>,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) -> Merged {
        let p = match found {
            Some(p) => p,
            None => self.set_aside(u, now, data, Silence::Preview),
        };
        let at = self.at(u, p);
        let place = &mut self.places[at];
        if !place.is_live() {
            place.state = State::Aside(Silence::Preview);
        }
        place.count(now);
        place.address = data.address;
        place.name = SourceName::new(data.name);
        if !std::mem::replace(&mut place.preview_told, true)
            && let Some(universe) = self.ports[u].universe
        {
            events.push(now, EventKind::Preview { universe, source: place.source_ref() });
        }
        Merged::Dropped(Dropped::Preview)
    }

    /// Lets a source that is not live into the merge, or says why not.
    #[cold]
    pub(super) fn admit(
        &mut self,
        u: usize,
        found: Option<u8>,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) -> Result<u8, Dropped> {
        match self.ports[u].exclusive {
            Exclusive::Only(_) => {
                self.leave_out(u, found, now, data, Silence::MergeCancelled);
                return Err(Dropped::MergeCancelled);
            }
            // The others go as soon as this packet is in.
            Exclusive::Next => {}
            Exclusive::No => {
                let full = usize::from(self.ports[u].live) >= self.sources_max(u);
                if full && !self.displace(u, now, data, events) {
                    let p = self.leave_out(u, found, now, data, Silence::SourceLimit);
                    self.tell_limit(u, p, now, events);
                    return Err(Dropped::SourceLimit);
                }
            }
        }
        let p = found.unwrap_or_else(|| self.set_aside(u, now, data, Silence::NoLevels));
        self.enliven(u, p, now, data, events);
        Ok(p)
    }

    /// Takes note of a packet of a source that is not listened to. What else claims its identity
    /// stays as it is.
    #[cold]
    pub fn refuse(
        &mut self,
        u: usize,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) -> Merged {
        let found = self.find(u, data.source);
        if found.is_none_or(|p| !self.places[self.at(u, p)].is_live()) {
            let p = self.leave_out(u, found, now, data, Silence::NotAllowed);
            let source = self.places[self.at(u, p)].source_ref();
            let port = &mut self.ports[u];
            if !std::mem::replace(&mut port.refusal_told, true)
                && let Some(universe) = port.universe
            {
                events.push(now, EventKind::SourceRefused { universe, source });
            }
        }
        Merged::Dropped(Dropped::NotAllowed)
    }

    /// Makes a place that was set aside live, with nothing in the merge yet.
    pub(super) fn enliven(
        &mut self,
        u: usize,
        p: u8,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) {
        let at = self.at(u, p);
        let (port, place) = (&mut self.ports[u], &mut self.places[at]);
        // What the arrays of its slots have from before is not looked at until it was replaced.
        place.enliven(now, data);
        port.live += 1;
        let Some(universe) = port.universe else { return };
        if let SourceId::ArtNet { ip, .. } = data.source {
            place.sync = self.controllers.join(ip).unwrap_or(NO_SYNC);
        }
        let priority = matches!(universe, Universe::Sacn(_)).then_some(data.priority);
        let source = place.source_ref();
        events.push(now, EventKind::SourceAppeared { universe, source, priority });
        if port.is_artnet() && port.live > 1 {
            // A port that merges ignores ArtSync, so nothing waits for it any more.
            self.release_port(u, None, false, now, events);
        }
    }

    pub(super) fn sources_max(&self, u: usize) -> usize {
        if self.ports[u].is_artnet() { ARTNET_SOURCES_MAX } else { self.sacn_sources }
    }

    /// Puts aside the live source of lowest priority, if the newcomer's is higher: the highest
    /// priority wins a universe however many others send it. True if there is a place now.
    pub(super) fn displace(
        &mut self,
        u: usize,
        now: Time,
        data: &DmxData<'_>,
        events: &mut EventQueue,
    ) -> bool {
        let lowest = self.live_of(u).min_by_key(|(p, place)| (place.standing(), u8::MAX - p));
        match lowest.map(|(p, place)| (p, place.standing())) {
            Some((p, standing)) if standing < data.priority => {
                self.lose(u, 1 << p, Silence::SourceLimit, now, events);
                true
            }
            _ => false,
        }
    }

    /// Remembers a source that does not count.
    pub(super) fn leave_out(
        &mut self,
        u: usize,
        found: Option<u8>,
        now: Time,
        data: &DmxData<'_>,
        why: Silence,
    ) -> u8 {
        let p = found.unwrap_or_else(|| self.set_aside(u, now, data, why));
        let at = self.at(u, p);
        let place = &mut self.places[at];
        place.state = State::Aside(why);
        place.priority = data.priority;
        place.address = data.address;
        place.count(now);
        p
    }

    /// Gives a new source a place: a free one, else that of the source set aside that was silent
    /// longest, those that are gone first. There are more places than live sources.
    pub(super) fn set_aside(
        &mut self,
        u: usize,
        now: Time,
        data: &DmxData<'_>,
        why: Silence,
    ) -> u8 {
        let rank = |place: &Place| match place.state {
            State::Free => Some((0, Time::ZERO)),
            State::Aside(Silence::TimedOut | Silence::Terminated) => Some((1, place.last_seen)),
            State::Aside(_) => Some((2, place.last_seen)),
            State::Live => None,
        };
        let places = self.places_of(u).filter_map(|(p, place)| Some((rank(place)?, p)));
        let p = places.min().map_or(0, |(_, p)| p);
        let at = self.at(u, p);
        let place = &mut self.places[at];
        *place = Place::new(now, data, why);
        if let Some(number) = data.sequence {
            place.sequence(now, data.slots.stream(), number, Duration::ZERO);
        }
        p
    }

    pub(super) fn tell_limit(&mut self, u: usize, p: u8, now: Time, events: &mut EventQueue) {
        let limit = self.sources_max(u) as u8;
        let source = self.places[self.at(u, p)].source_ref();
        let port = &mut self.ports[u];
        if !std::mem::replace(&mut port.limit_told, true)
            && let Some(universe) = port.universe
        {
            events.push(now, EventKind::SourceLimit { universe, source, limit });
        }
    }
}
