//! Asking the relay thread for the state of universes and groups, in bounded pieces.
//!
//! The asking side brings the memory; the relay thread copies into it between two batches and
//! gives it back. One question is under way at a time.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;

use super::HandleError;
use super::control::{Link, PATIENCE};
use super::show::Show;
use super::thread::Command;
use crate::engine::{Discovered, Engine, NotPatched};
use crate::limits::{DISCOVERED_SOURCES_MAX, NOT_PATCHED_MAX};
use crate::merge::{SourceId, SourceSample, UniverseSample};
use crate::snapshot::{
    GroupBands, GroupControl, GroupState, SignalState, SourceState, UniverseState,
};
use crate::steering::{FULL, GroupSteering};
use crate::time::Time;

/// Universes copied with levels and sources in one piece: some 10 µs of the relay thread.
const UNIVERSES_AT_ONCE: usize = 16;

/// Universes and groups of which only the signal is copied in one piece.
const SIGNALS_AT_ONCE: usize = 1024;

/// Lists of universe discovery copied in one piece, 8 KiB each.
const LISTS_AT_ONCE: usize = 8;

/// Memory for one piece of an answer. Empty parts are not asked for.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// Tells late answers from awaited ones.
    number: u64,
    /// Index of the first universe or group asked for.
    first: usize,
    universes: Vec<UniverseSample>,
    /// Of universes: the signal, and when they were last heard.
    heard: Vec<(SignalState, Option<Time>)>,
    groups: Vec<SignalState>,
    steered: Vec<GroupSteering>,
    lists: Vec<Discovered>,
    /// How many of `lists` were filled.
    listed: usize,
    /// Its capacity is what is asked for.
    not_patched: Vec<NotPatched>,
}

impl Sample {
    /// On the relay thread: copies what is asked for.
    pub(super) fn fill(&mut self, engine: &Engine, now: Time) {
        for (universe, index) in self.universes.iter_mut().zip(self.first..) {
            if !engine.sample_universe(index, now, universe) {
                universe.universe = None;
            }
        }
        for (heard, index) in self.heard.iter_mut().zip(self.first..) {
            let signal = engine.universe_signal(index).unwrap_or(SignalState::Waiting);
            *heard = (signal, engine.universe_last_heard(index));
        }
        for (group, index) in self.groups.iter_mut().zip(self.first..) {
            *group = engine.group_signal(index).unwrap_or(SignalState::Waiting);
        }
        for (steered, index) in self.steered.iter_mut().zip(self.first..) {
            *steered = engine.steering().group(index).unwrap_or_default();
        }
        self.listed = 0;
        if !self.lists.is_empty() {
            for (list, source) in self.lists.iter_mut().zip(engine.discovered(now).skip(self.first))
            {
                list.copy_from(source);
                self.listed += 1;
            }
        }
        let room = self.not_patched.capacity();
        self.not_patched.clear();
        self.not_patched.extend(engine.not_patched().iter().take(room));
    }
}

/// Asks the relay thread.
pub(super) struct Sampler {
    link: Link,
    answers: Receiver<Box<Sample>>,
    asked: u64,
}

impl Sampler {
    pub(super) fn new(link: Link, answers: Receiver<Box<Sample>>) -> Self {
        Self { link, answers, asked: 0 }
    }

    /// The universe with that dense index, if there still is one.
    pub(super) fn universe(
        &mut self,
        index: usize,
        now: Time,
    ) -> Result<Option<UniverseState>, HandleError> {
        let universes = vec![UniverseSample::new()];
        let sample = self.ask(Sample { first: index, universes, ..Sample::default() })?;
        Ok(sample.universes.first().and_then(|universe| universe_state(universe, now)))
    }

    /// Every universe of the show.
    pub(super) fn universes(
        &mut self,
        show: &Show,
        now: Time,
    ) -> Result<Vec<UniverseState>, HandleError> {
        let count = show.universes.len();
        let mut states = Vec::with_capacity(count);
        let mut universes = Vec::new();
        while states.len() < count {
            let first = states.len();
            universes.resize_with(UNIVERSES_AT_ONCE.min(count - first), UniverseSample::new);
            let mut sample = self.ask(Sample { first, universes, ..Sample::default() })?;
            universes = std::mem::take(&mut sample.universes);
            // A universe that a reload has just taken away has no state.
            let before = states.len();
            states.extend(universes.iter().filter_map(|universe| universe_state(universe, now)));
            if states.len() < before + universes.len() {
                break;
            }
        }
        Ok(states)
    }

    /// The signal of every universe, and when it was last heard.
    pub(super) fn heard(
        &mut self,
        show: &Show,
    ) -> Result<Vec<(SignalState, Option<Time>)>, HandleError> {
        let count = show.universes.len();
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            let ask = SIGNALS_AT_ONCE.min(count - all.len());
            let heard = vec![(SignalState::Waiting, None); ask];
            all.extend(self.ask(Sample { first: all.len(), heard, ..Sample::default() })?.heard);
        }
        Ok(all)
    }

    /// The signal of every group.
    pub(super) fn group_signals(&mut self, show: &Show) -> Result<Vec<SignalState>, HandleError> {
        let count = show.config.groups.len();
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            let groups = vec![SignalState::Waiting; SIGNALS_AT_ONCE.min(count - all.len())];
            all.extend(self.ask(Sample { first: all.len(), groups, ..Sample::default() })?.groups);
        }
        Ok(all)
    }

    /// How every group is steered.
    pub(super) fn steering(&mut self, show: &Show) -> Result<Vec<GroupSteering>, HandleError> {
        let count = show.config.groups.len();
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            let steered = vec![GroupSteering::default(); SIGNALS_AT_ONCE.min(count - all.len())];
            all.extend(
                self.ask(Sample { first: all.len(), steered, ..Sample::default() })?.steered,
            );
        }
        Ok(all)
    }

    /// What sources announce, and the universes that levels came for and that nobody patched.
    pub(super) fn network(&mut self) -> Result<(Vec<Discovered>, Vec<NotPatched>), HandleError> {
        let not_patched = Vec::with_capacity(NOT_PATCHED_MAX);
        let not_patched = self.ask(Sample { not_patched, ..Sample::default() })?.not_patched;
        let mut all: Vec<Discovered> = Vec::new();
        while all.len() < DISCOVERED_SOURCES_MAX {
            let lists = vec![Discovered::new(); LISTS_AT_ONCE];
            let mut sample = self.ask(Sample { first: all.len(), lists, ..Sample::default() })?;
            sample.lists.truncate(sample.listed);
            let last = sample.listed < LISTS_AT_ONCE;
            all.append(&mut sample.lists);
            if last {
                break;
            }
        }
        // One that was forgotten meanwhile moves the others; none is told twice.
        all.sort_by_key(|source| source.cid);
        all.dedup_by_key(|source| source.cid);
        Ok((all, not_patched))
    }

    fn ask(&mut self, mut sample: Sample) -> Result<Box<Sample>, HandleError> {
        // Answers that came too late to be awaited are freed here.
        while self.answers.try_recv().is_ok() {}
        self.asked += 1;
        sample.number = self.asked;
        self.link.tell(Command::Sample(Box::new(sample))).map_err(|(error, _)| error)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            use crossbeam_channel::RecvTimeoutError::{Disconnected, Timeout};
            match self.answers.recv_deadline(deadline) {
                Ok(sample) if sample.number == self.asked => return Ok(sample),
                Ok(_) => {}
                Err(Timeout) => return Err(HandleError::Timeout(PATIENCE)),
                Err(Disconnected) => return Err(HandleError::Stopped),
            }
        }
    }
}

/// Milliseconds since `then`.
pub(super) fn age_ms(now: Time, then: Time) -> u64 {
    u64::try_from(now.since(then).as_millis()).unwrap_or(u64::MAX)
}

fn universe_state(sample: &UniverseSample, now: Time) -> Option<UniverseState> {
    Some(UniverseState {
        universe: sample.universe?,
        state: sample.signal,
        levels: sample.levels.to_vec(),
        sources: sample.sources().iter().map(|source| source_state(source, now)).collect(),
        rate_hz: sample.rate_mhz as f64 / 1000.0,
        age_ms: sample.last_heard.map(|then| age_ms(now, then)),
    })
}

fn source_state(source: &SourceSample, now: Time) -> SourceState {
    SourceState {
        name: source.name.to_string(),
        cid: cid(source.id),
        address: source.address.to_string(),
        // The handle adds it: interfaces are the socket keeper's.
        interface: None,
        protocol: source.id.protocol().to_owned(),
        priority: source.priority,
        rate_hz: source.rate_mhz as f64 / 1000.0,
        packets: source.packets,
        sequence_errors: source.sequence_errors,
        missed: source.missed,
        contributing: source.silence.is_none(),
        reason: source.silence.map(|silence| silence.label().to_owned()),
        age_ms: age_ms(now, source.last_seen),
    }
}

/// The component identifier of a source that has one.
pub(super) fn cid(source: SourceId) -> Option<String> {
    match source {
        SourceId::Sacn(cid) => Some(cid.to_string()),
        SourceId::ArtNet { .. } => None,
    }
}

/// A group that a hand is on, as front ends show it; `None` if no hand is.
pub(super) fn group_control(
    show: &Show,
    group: usize,
    steered: &GroupSteering,
    now: Time,
) -> Option<GroupControl> {
    if steered.master == FULL && steered.over.is_none() {
        return None;
    }
    Some(GroupControl {
        name: show.group_name(group).to_owned(),
        master: steered.master,
        overridden_by: steered.over.map(|(pattern, _)| pattern.label().to_owned()),
        left_ms: steered.over.map(|(_, until)| age_ms(until, now)),
    })
}

/// A group as front ends show it; `heard` as [`Sampler::heard`] gave it.
pub(super) fn group_state(
    show: &Arc<Show>,
    group: usize,
    look: crate::look::Look,
    signal: SignalState,
    heard: &[(SignalState, Option<Time>)],
    now: Time,
) -> GroupState {
    let feeds = &show.feeds[group];
    // The stalest counts, and one that was never heard is stalest of all.
    let last_heard = feeds.iter().map(|&index| heard.get(index).and_then(|heard| heard.1)).min();
    GroupState {
        name: show.group_name(group).to_owned(),
        look: look.into(),
        age_ms: last_heard.flatten().map(|then| age_ms(now, then)),
        lost: signal != SignalState::Live,
        universes: feeds.iter().map(|&index| show.universes[index]).collect(),
        delivery: GroupBands::default(),
    }
}
