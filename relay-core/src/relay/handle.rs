//! Asking and telling a running relay.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use histogram::Histogram;

use super::control::Control;
use super::desk::Desk;
use super::network::network_state;
use super::radios::Radios;
use super::sample::{Sampler, group_control, group_state};
use super::show::Show;
use super::standby::Standby;
use super::{HandleError, OrderError, StandbyError};
use crate::config::EndLook;
use crate::lane::LaneReader;
use crate::look::Look;
use crate::radio::telemetry::RadioTelemetry;
use crate::receive::Clock;
use crate::record::Recorder;
use crate::snapshot::{
    BandState, ControlState, Distribution, EventState, GapState, GroupBands, GroupState, Latency,
    NetworkState, RadioState, SceneState, Severity, SignalState, Status, StrobeState,
    UniverseState,
};
use crate::standby::Order as StandbyOrder;
use crate::steering::{Actor, Request};
use crate::telemetry::{Telemetry, distribution, percentiles};
use crate::time::Time;
use crate::trace::Tracer;
use crate::universe::Universe;

/// Asks a running relay things and tells it things, from any thread, at control rate. Answers of
/// a relay that has stopped are its last ones, or [`HandleError::Stopped`].
#[derive(Clone)]
pub struct RelayHandle {
    pub(super) shared: Arc<Shared>,
}

/// What the handles of one relay share. Locks are taken in the order of the fields.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) standby: Option<Arc<Standby>>,
    pub(super) control: Mutex<Control>,
    pub(super) desk: Mutex<Desk>,
    pub(super) sampler: Mutex<Sampler>,
    /// The lane of the front ends.
    pub(super) looks: Mutex<LaneReader>,
    pub(super) tracer: Mutex<Option<Tracer>>,
    pub(super) recorder: Mutex<Option<Recorder>>,
    pub(super) telemetry: Arc<Telemetry>,
    /// The radios' figures, in the order of the show file.
    pub(super) radios: Mutex<Vec<Arc<RadioTelemetry>>>,
    /// Their threads, until the relay stops.
    pub(super) threads: Mutex<Option<Radios>>,
}

/// A panic of another caller leaves nothing half done that would be worse than no answer at all.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Kernel arrival → frame handed to a radio, over all radios.
    pub(super) fn latency_handed(&self) -> Latency {
        self.handed().map_or_else(Latency::default, |sum| percentiles(&sum, 1.0))
    }

    fn handed(&self) -> Option<Histogram> {
        let radios = self.radios();
        let histograms = radios.iter().map(|radio| radio.latency_us());
        histograms.reduce(|sum, radio| sum.wrapping_add(&radio).unwrap_or(sum))
    }

    pub(super) fn radios(&self) -> Vec<Arc<RadioTelemetry>> {
        lock(&self.radios).clone()
    }

    pub(super) fn show(&self) -> Arc<Show> {
        Arc::clone(&lock(&self.control).show)
    }

    fn signals(&self, show: &Show) -> Result<Signals, HandleError> {
        let mut sampler = lock(&self.sampler);
        Ok(Signals { heard: sampler.heard(show)?, groups: sampler.group_signals(show)? })
    }
}

/// Where light comes in.
#[derive(Default)]
struct Signals {
    /// Per universe, and when it was last heard.
    heard: Vec<(SignalState, Option<Time>)>,
    /// Per group.
    groups: Vec<SignalState>,
}

impl RelayHandle {
    /// The relay at a glance.
    pub fn status(&self) -> Status {
        let shared = &*self.shared;
        let show = shared.show();
        // The relay thread is asked first: what it published before it answered is then counted.
        let (signals, fault) = match shared.signals(&show) {
            Ok(signals) => (signals, None),
            Err(HandleError::Stopped) => (Signals::default(), None),
            Err(error) => (Signals::default(), Some(error.to_string())),
        };
        let (
            mut faults,
            show_file_refused,
            sockets,
            interfaces,
            packets,
            packets_per_second,
            arrivals,
        ) = {
            let control = lock(&shared.control);
            (
                control.faults(),
                control.show_fault.is_some(),
                control.sockets.states(),
                control.sockets.interfaces(),
                shared.telemetry.packet_counts(control.sockets.dropped()),
                control.packets_per_second(),
                control.arrivals.state(shared.clock.now()),
            )
        };
        faults.extend(fault);
        let now = shared.clock.now();
        let standby = shared.standby.as_ref();
        faults.extend(standby.into_iter().flat_map(|standby| standby.faults(now)));
        let live = |signal: SignalState| signal == SignalState::Live;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let steering = &shared.telemetry.steering;
        let strobe = &shared.telemetry.strobe;
        let bands = |radio: &Arc<RadioTelemetry>| radio.radio_state().bands;
        Status {
            show: show.config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: self.uptime_ms(),
            packets,
            packets_per_second,
            sockets,
            interfaces,
            arrivals,
            latency_published: shared.telemetry.latency_published.latency(),
            latency_handed: shared.latency_handed(),
            universes: count(show.universes.len()),
            universes_live: count(signals.heard.iter().filter(|heard| live(heard.0)).count()),
            groups: count(show.config.groups.len()),
            groups_lost: count(signals.groups.iter().filter(|&&group| !live(group)).count()),
            bands: shared.radios().iter().map(bands).sum(),
            bands_connected: shared.radios().iter().map(|radio| radio.bands_up()).sum(),
            panic: steering.panic.load(Ordering::Relaxed),
            frozen: steering.frozen.load(Ordering::Relaxed),
            grand_master: steering.grand_master.load(Ordering::Relaxed),
            groups_overridden: steering.overridden.load(Ordering::Relaxed),
            strobe: StrobeState {
                guard: show.config.safety.strobe.word().to_owned(),
                groups_flashing: strobe.flashing.load(Ordering::Relaxed),
                groups_held: strobe.held.load(Ordering::Relaxed),
                episodes: strobe.episodes.get(),
            },
            show_file_refused,
            standby: standby.map(|standby| standby.state(now)),
            faults,
        }
    }

    /// Time since start on the relay's clock, ms, without the time the machine slept.
    pub fn uptime_ms(&self) -> u64 {
        self.shared.clock.now().as_nanos() / 1_000_000
    }

    /// Does to the show what `by` asks for, and writes it down. Returns when the looks that come of
    /// it are published: a panic waits for nothing but the batch of datagrams under way.
    pub fn order(&self, request: &Request, by: &Actor) -> Result<(), OrderError> {
        let shared = &*self.shared;
        // Names are of the show that runs: no reload comes between them and the order.
        let control = request.groups().map(|_| lock(&shared.control));
        let show = control.as_ref().map(|control| &control.show);
        let order = request.order(|name| show.and_then(|show| show.group_index(name)))?;
        let mut desk = lock(&shared.desk);
        match &shared.standby {
            None => desk.obey(order)?,
            Some(standby) => {
                desk.obey(order.clone())?;
                standby.note_order(&order, &shared.telemetry.steering);
            }
        }
        desk.note(shared.clock.now(), request, by);
        Ok(())
    }

    /// Has this relay take the connected bands, or give them to the other one, and writes down who
    /// ordered it. Returns at once; the [status](Self::status) tells what came of it.
    pub fn standby_order(&self, order: StandbyOrder, by: &Actor) -> Result<(), StandbyError> {
        let shared = &*self.shared;
        let standby = shared.standby.as_ref().ok_or(StandbyError::Off)?;
        let now = shared.clock.now();
        standby.order(now, order)?;
        let text = match order {
            StandbyOrder::Take => "standby: this relay is ordered to take the bands",
            StandbyOrder::Give => "standby: this relay is ordered to give the bands",
        };
        lock(&shared.control).log.push_by(now, now, Severity::Info, text.to_owned(), by, None);
        Ok(())
    }

    /// Latencies since start, from the kernel's arrival time to the look published and to the frame
    /// handed to a radio, in buckets up to `bounds_us`, which ascend.
    pub fn latencies(&self, bounds_us: &[u64]) -> [Distribution; 2] {
        let published = self.shared.telemetry.latency_published.distribution(bounds_us);
        let handed = self.shared.handed();
        let none = || Distribution { buckets: vec![0; bounds_us.len() + 1], ..Default::default() };
        [published, handed.map_or_else(none, |handed| distribution(&handed, 1.0, bounds_us))]
    }

    /// What operators have done by hand.
    pub fn control(&self) -> Result<ControlState, HandleError> {
        let show = self.shared.show();
        let steered = lock(&self.shared.sampler).steering(&show)?;
        let steering = &self.shared.telemetry.steering;
        let now = self.shared.clock.now();
        let groups = steered.iter().enumerate();
        Ok(ControlState {
            panic: steering.panic.load(Ordering::Relaxed),
            frozen: steering.frozen.load(Ordering::Relaxed),
            grand_master: steering.grand_master.load(Ordering::Relaxed),
            groups: groups.filter_map(|(group, it)| group_control(&show, group, it, now)).collect(),
            start_look: steering.start_look().unwrap_or(show.config.start_look).into(),
            end_look: match steering.end_look().unwrap_or(show.config.end_look) {
                EndLook::Hold => None,
                EndLook::Look(look) => Some(look.into()),
            },
        })
    }

    /// Every patched universe, in the order of the plan: sACN first, ascending.
    pub fn universes(&self) -> Result<Vec<UniverseState>, HandleError> {
        let show = self.shared.show();
        let mut universes = lock(&self.shared.sampler).universes(&show, self.shared.clock.now())?;
        self.place(&mut universes);
        Ok(universes)
    }

    /// One universe; `Ok(None)` if it is not patched.
    pub fn universe(&self, universe: Universe) -> Result<Option<UniverseState>, HandleError> {
        let show = self.shared.show();
        let Ok(index) = show.universes.binary_search(&universe) else { return Ok(None) };
        let mut state = lock(&self.shared.sampler).universe(index, self.shared.clock.now())?;
        self.place(state.as_mut_slice());
        Ok(state.filter(|state| state.universe == universe))
    }

    /// Adds through which interface each source is reached.
    fn place(&self, universes: &mut [UniverseState]) {
        let control = lock(&self.shared.control);
        for source in universes.iter_mut().flat_map(|universe| &mut universe.sources) {
            let address = source.address.parse().map(|address: SocketAddr| address.ip());
            source.interface = address.ok().and_then(|ip| control.sockets.interface_of(ip));
        }
    }

    /// What is on the network beside the patch: what sources announce, and what nobody patched.
    pub fn network(&self) -> Result<NetworkState, HandleError> {
        let show = self.shared.show();
        let (discovered, not_patched) = lock(&self.shared.sampler).network()?;
        let now = self.shared.clock.now();
        Ok(network_state(&show.universes, &discovered, &not_patched, now))
    }

    /// Every group, in the order of the show file.
    pub fn groups(&self) -> Result<Vec<GroupState>, HandleError> {
        let show = self.shared.show();
        let (heard, signals) = {
            let mut sampler = lock(&self.shared.sampler);
            (sampler.heard(&show)?, sampler.group_signals(&show)?)
        };
        let mut looks = lock(&self.shared.looks);
        let (table, _) = looks.latest();
        let now = self.shared.clock.now();
        let state =
            |(group, &signal)| group_state(&show, group, table.get(group), signal, &heard, now);
        let mut groups: Vec<GroupState> = signals.iter().enumerate().map(state).collect();
        drop(looks);
        let mut delivery = vec![GroupBands::default(); groups.len()];
        self.shared.radios().iter().for_each(|radio| radio.add_to_groups(now, &mut delivery));
        for (group, delivery) in groups.iter_mut().zip(delivery) {
            group.delivery = delivery;
        }
        Ok(groups)
    }

    /// Of every group, in the order of the show file, what changes many times a second: what it shows,
    /// and whether it has a signal. Costs a small part of what [`groups`](Self::groups) does.
    pub fn looks(&self) -> Result<Vec<(Look, SignalState)>, HandleError> {
        let show = self.shared.show();
        let signals = lock(&self.shared.sampler).group_signals(&show)?;
        let mut looks = lock(&self.shared.looks);
        let (table, _) = looks.latest();
        Ok(signals.into_iter().enumerate().map(|(group, it)| (table.get(group), it)).collect())
    }

    /// What of the show does not change until a reload. Of one show it is always the same.
    pub fn scene(&self) -> Arc<SceneState> {
        Arc::clone(&self.shared.show().scene)
    }

    /// Every radio, in the order of the show file.
    pub fn radios(&self) -> Vec<RadioState> {
        self.shared.radios().iter().map(|radio| radio.radio_state()).collect()
    }

    /// Every band of every radio.
    pub fn bands(&self) -> Vec<BandState> {
        let show = self.shared.show();
        let now = self.shared.clock.now();
        let name = |group| show.group_name(group).to_owned();
        self.shared.radios().iter().flat_map(|radio| radio.band_states(now, name)).collect()
    }

    /// What happened after event number `after` (0 = everything still remembered), oldest first.
    pub fn events(&self, after: u64) -> Vec<EventState> {
        let mut control = lock(&self.shared.control);
        control.hear();
        control.log.after(after)
    }

    /// The gaps in what sources sent after gap number `after` (0 = all still remembered), oldest
    /// first.
    pub fn gaps(&self, after: u64) -> Vec<GapState> {
        let mut control = lock(&self.shared.control);
        control.hear();
        control.gaps.after(after)
    }

    /// Writes something that happened around the relay into its events.
    pub fn note(&self, severity: Severity, text: impl Into<String>) {
        let now = self.shared.clock.now();
        lock(&self.shared.control).log.push(now, now, severity, text.into());
    }

    /// Likewise, with who did it.
    pub fn note_by(&self, severity: Severity, text: impl Into<String>, by: &Actor) {
        let now = self.shared.clock.now();
        lock(&self.shared.control).log.push_by(now, now, severity, text.into(), by, None);
    }

    /// Closes and reopens every socket and rejoins every multicast group; levels and sources stay.
    /// The reason goes into the event log. Returns when the new sockets are read.
    pub fn rebind(&self, reason: &str) -> Result<(), HandleError> {
        lock(&self.shared.control).rebind(reason)
    }
}

impl std::fmt::Debug for RelayHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayHandle").finish_non_exhaustive()
    }
}
