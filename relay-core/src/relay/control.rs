//! The control side: what is slow, may wait, allocates or locks. Beside the light's way, never on
//! it.
//!
//! A [`Control`] is shared under a lock by the handles and by the keeper thread, which calls
//! [`tick`](Control::tick) some ten times a second. It talks to the relay thread by bounded
//! channels only; the relay thread never waits for it.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, TrySendError};
use mio::Waker;
use ringbuf::HeapCons;
use ringbuf::traits::Consumer;

use super::arrivals::ArrivalWatch;
use super::gaps::GapLog;
use super::log::EventLog;
use super::losses::{Losses, Thing};
use super::refused::Replies;
use super::show::Show;
use super::sockets::{Change, Outcome, Remark, SocketKeeper};
use super::thread::{Answer, Command, Notice};
use super::{HandleError, event_severity};
use crate::config::{EndLook, StrobeMode};
use crate::event::EventKind;
use crate::limits::Limits;
use crate::radio::telemetry::{Condition, RadioTelemetry};
use crate::receive::Clock;
use crate::record::RecordMonitor;
use crate::snapshot::Severity;
use crate::telemetry::Telemetry;
use crate::time::Time;

/// How often the keeper looks for events and failed sockets.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// How often it looks at the interfaces, counts drops and works out rates.
const SLOW_TICK: Duration = Duration::from_secs(1);

/// How long a command may take until the relay thread has obeyed.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long datagrams on an interface that was not chosen stay a fault, if there are no others.
const ELSEWHERE_SHOWN: Duration = Duration::from_secs(10);

/// Cannot happen, and must not go unseen.
const DIED: &str = "no light any more: the relay thread has ended by a defect; restart the relay";

/// Speaks to the relay thread.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) commands: Sender<Command>,
    pub(super) waker: Arc<Waker>,
}

impl Link {
    /// Gives a command, or gives it back if there is no room or nobody to take it.
    pub(super) fn tell(&self, command: Command) -> Result<(), (HandleError, Command)> {
        match self.commands.try_send(command) {
            Ok(()) => self.wake(),
            Err(TrySendError::Full(command)) => return Err((HandleError::Busy, command)),
            Err(TrySendError::Disconnected(command)) => {
                return Err((HandleError::Stopped, command));
            }
        }
        Ok(())
    }

    /// Gives a command, waiting for room.
    pub(super) fn tell_patiently(&self, command: Command) -> Result<(), HandleError> {
        match self.commands.send_timeout(command, PATIENCE) {
            Ok(()) => self.wake(),
            Err(SendTimeoutError::Timeout(_)) => return Err(HandleError::Timeout(PATIENCE)),
            Err(SendTimeoutError::Disconnected(_)) => return Err(HandleError::Stopped),
        }
        Ok(())
    }

    fn wake(&self) {
        // A wake-up that fails is made up for by the next datagram.
        let _ = self.waker.wake();
    }
}

/// The control side's ends of what leads to the relay thread.
pub(super) struct Ends {
    pub(super) link: Link,
    pub(super) answers: Receiver<Answer>,
    pub(super) notices: HeapCons<Notice>,
    pub(super) log: EventLog,
    /// Gone when the relay thread is.
    pub(super) alive: Weak<()>,
}

pub(super) struct Control {
    pub(super) clock: Clock,
    pub(super) sockets: SocketKeeper,
    pub(super) log: EventLog,
    pub(super) gaps: GapLog,
    losses: Losses,
    pub(super) show: Arc<Show>,
    pub(super) limits: Limits,
    ends: Ends,
    telemetry: Arc<Telemetry>,
    /// Changes the relay thread had no room for.
    waiting: VecDeque<Change>,
    /// Changes given and not yet answered.
    given: usize,
    slow_at: Time,
    rate: Rate,
    elsewhere: Elsewhere,
    pub(super) arrivals: ArrivalWatch,
    replies: Replies,
    /// The radios, and how each was when last looked at.
    radios: Vec<(Arc<RadioTelemetry>, Condition)>,
    pub(super) recording: Option<RecordMonitor>,
    /// What is wrong with the show file, while it is.
    pub(super) show_fault: Option<String>,
    relay_thread_died: bool,
    stopped: bool,
}

/// Datagrams per second, over the last second or so.
#[derive(Debug, Default)]
struct Rate {
    at: Time,
    received: u64,
    per_second: f64,
}

/// Datagrams on interfaces that were not chosen. That is in order as long as others come in
/// through the chosen ones.
#[derive(Debug, Default)]
struct Elsewhere {
    ignored: u64,
    /// When they were last all there was.
    alone_at: Option<Time>,
}

impl Elsewhere {
    /// Takes the count of ignored datagrams since start, and of all datagrams since the last call.
    fn count(&mut self, now: Time, ignored: u64, received_now: u64) {
        let ignored_now = ignored - std::mem::replace(&mut self.ignored, ignored);
        if received_now > ignored_now {
            self.alone_at = None;
        } else if ignored_now > 0 {
            self.alone_at = Some(now);
        }
    }
}

impl Control {
    pub(super) fn new(
        clock: Clock,
        sockets: SocketKeeper,
        show: Arc<Show>,
        limits: Limits,
        ends: Ends,
        telemetry: Arc<Telemetry>,
        radios: Vec<Arc<RadioTelemetry>>,
    ) -> Self {
        Self {
            clock,
            sockets,
            log: ends.log.clone(),
            gaps: GapLog::default(),
            losses: Losses::default(),
            show,
            limits,
            ends,
            telemetry,
            waiting: VecDeque::new(),
            given: 0,
            slow_at: Time::ZERO,
            rate: Rate::default(),
            elsewhere: Elsewhere::default(),
            arrivals: ArrivalWatch::default(),
            replies: Replies::default(),
            radios: radios.into_iter().map(|radio| (radio, Condition::Starting)).collect(),
            recording: None,
            show_fault: None,
            relay_thread_died: false,
            stopped: false,
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self) {
        if self.stopped {
            return;
        }
        let now = self.clock.now();
        self.pass_on();
        self.hear();
        self.watch_threads(now);
        if now >= self.slow_at || self.sockets.retry_at().is_some_and(|at| at <= now) {
            let outcome = self.sockets.tick(now);
            self.apply(outcome);
        }
        if now >= self.slow_at {
            self.slow_at = now + SLOW_TICK;
            self.count(now);
        }
        self.pass_on();
    }

    /// Reopens every socket. Returns when the relay thread reads the new ones.
    pub(super) fn rebind(&mut self, reason: &str) -> Result<(), HandleError> {
        if self.stopped {
            return Err(HandleError::Stopped);
        }
        let now = self.clock.now();
        self.hear();
        self.log.push(now, now, Severity::Info, format!("sockets are opened anew: {reason}"));
        let outcome = self.sockets.rebind(now);
        self.apply(outcome);
        self.settle()
    }

    /// Hands an outcome of the socket keeper on.
    pub(super) fn apply(&mut self, outcome: Outcome) {
        self.note(outcome);
        self.pass_on();
    }

    fn note(&mut self, outcome: Outcome) {
        let now = self.clock.now();
        for Remark { severity, text, lasted } in outcome.events {
            match lasted {
                Some(lasted) => self.log.push_end(now, now, severity, &text, lasted),
                None => self.log.push(now, now, severity, text),
            }
        }
        self.waiting.extend(outcome.changes);
    }

    /// Joins the multicast groups of the show.
    pub(super) fn join_patched(&mut self) {
        let network = &self.show.config.network;
        let now = self.clock.now();
        let outcome = self.sockets.set_network(now, network, self.show.sacn_universes());
        self.apply(outcome);
    }

    /// These are the radios from now on, in the order of the show file.
    pub(super) fn set_radios(&mut self, radios: &[Arc<RadioTelemetry>]) {
        let before = std::mem::take(&mut self.radios);
        let was = |radio: &Arc<RadioTelemetry>| {
            let same = before.iter().find(|(before, _)| Arc::ptr_eq(before, radio));
            same.map_or(Condition::Starting, |(_, condition)| *condition)
        };
        self.radios = radios.iter().map(|radio| (Arc::clone(radio), was(radio))).collect();
    }

    /// Gives the relay thread a command that it answers.
    pub(super) fn give(&mut self, command: Command) -> Result<(), HandleError> {
        if self.stopped {
            return Err(HandleError::Stopped);
        }
        self.pass_on();
        self.ends.link.tell(command).map_err(|(error, _)| error)?;
        self.given += 1;
        Ok(())
    }

    /// The relay is about to stop: nothing is changed any more. Gives the look to end with.
    pub(super) fn begin_stop(&mut self) -> EndLook {
        self.stopped = true;
        self.waiting.clear();
        self.show.config.end_look
    }

    /// The relay thread has ended: hears its last words, closes the sockets, and returns how many
    /// datagrams the kernel dropped.
    pub(super) fn finish_stop(&mut self) -> u64 {
        self.hear();
        self.sockets.close_all();
        self.sockets.dropped()
    }

    /// Waits until the relay thread has obeyed everything it was given.
    pub(super) fn settle(&mut self) -> Result<(), HandleError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.pass_on();
            if self.given == 0 && self.waiting.is_empty() {
                return Ok(());
            }
            match self.ends.answers.recv_deadline(deadline) {
                Ok(answer) => self.answered(answer),
                Err(RecvTimeoutError::Timeout) => return Err(HandleError::Timeout(PATIENCE)),
                Err(RecvTimeoutError::Disconnected) => return Err(HandleError::Stopped),
            }
        }
    }

    /// Datagrams per second.
    pub(super) fn packets_per_second(&self) -> f64 {
        self.rate.per_second
    }

    /// What is wrong now, in plain words.
    pub(super) fn faults(&self) -> Vec<String> {
        let now = self.clock.now();
        let mut faults = self.sockets.faults(now);
        faults.extend(self.show_fault.clone());
        if self.relay_thread_died {
            faults.push(DIED.to_owned());
        }
        let recording = self.recording.as_ref().and_then(|recording| recording.report().error);
        faults.extend(recording.map(|error| format!("the recording has ended: {error}")));
        faults.extend(self.replies.fault());
        faults.extend(self.arrivals.faults());
        let down = self.radios.iter().filter(|(radio, _)| radio.condition() == Condition::Down);
        faults.extend(down.map(|(radio, _)| radio_fault(radio)));
        faults.extend(self.flashing());
        if self.elsewhere.alone_at.is_some_and(|at| now.since(at) < ELSEWHERE_SHOWN) {
            let index = self.telemetry.last_other_interface.load(Ordering::Relaxed);
            let name = crate::interfaces::list().ok().and_then(|list| {
                list.into_iter().find(|interface| interface.index == index).map(|i| i.to_string())
            });
            faults.push(format!(
                "datagrams come in through {} only, which is not chosen, and are ignored ({} so \
                 far); if they should count, add it to `network.interfaces`",
                name.as_deref().unwrap_or("another interface"),
                self.elsewhere.ignored
            ));
        }
        faults
    }

    /// What the strobe guard has against the show now.
    fn flashing(&self) -> Option<String> {
        let strobe = &self.telemetry.strobe;
        let groups = strobe.flashing.load(Ordering::Relaxed);
        if groups == 0 || !strobe.episode.load(Ordering::Relaxed) {
            return None;
        }
        Some(match self.show.config.safety.strobe {
            StrobeMode::Limit => format!(
                "{groups} groups flash faster than [safety] allows and are held steady: slow the \
                 effect down, or give it to fewer groups"
            ),
            _ => format!(
                "{groups} groups flash faster than [safety] allows, which can bring on seizures: \
                 slow the effect down, or give it to fewer groups"
            ),
        })
    }

    /// Takes in what the relay thread says.
    pub(super) fn hear(&mut self) {
        let now = self.clock.now();
        while let Some(notice) = self.ends.notices.try_pop() {
            match notice {
                Notice::Event(event) => {
                    if let EventKind::Gap { universe, source, gap } = &event.kind {
                        self.gaps.push(*universe, source, gap);
                        let bytes = self.telemetry.level_bytes.get();
                        if let Some(text) = self.arrivals.handle_gap(gap, bytes) {
                            self.log.push(event.at, now, Severity::Warning, text);
                        }
                    }
                    let text = match event.kind {
                        EventKind::GroupLost { group } => {
                            format!("group `{}`: signal lost", self.show.group_name(group as usize))
                        }
                        EventKind::GroupLive { group } => {
                            format!("group `{}`: signal", self.show.group_name(group as usize))
                        }
                        EventKind::GroupBack { group } => {
                            format!(
                                "group `{}`: signal is back",
                                self.show.group_name(group as usize)
                            )
                        }
                        kind => kind.to_string(),
                    };
                    let severity = event_severity(event.kind.severity());
                    let name = |group: u32| self.show.group_name(group as usize).to_owned();
                    match self.losses.note(event.at, &event.kind, name) {
                        Some(lasted) => self.log.push_end(event.at, now, severity, &text, lasted),
                        None => self.log.push(event.at, now, severity, text),
                    }
                }
                Notice::SyncAddresses(addresses) => {
                    let addresses = addresses.into_iter().filter(|&address| address != 0);
                    let outcome = self.sockets.set_sync_addresses(addresses.collect());
                    self.apply(outcome);
                }
                Notice::SendFailed(error) => {
                    let text = self.replies.handle_refusal(&error, self.telemetry.sent.get());
                    self.log.push(now, now, Severity::Warning, text);
                }
                Notice::WorstGap(window) => self.arrivals.handle_window(window),
            }
        }
    }

    fn watch_threads(&mut self, now: Time) {
        if !self.relay_thread_died && self.ends.alive.strong_count() == 0 {
            self.relay_thread_died = true;
            self.log.push(now, now, Severity::Fault, DIED.to_owned());
        }
        for (radio, was) in &mut self.radios {
            let is = radio.condition();
            if std::mem::replace(was, is) == is {
                continue;
            }
            let name = radio.name();
            let (severity, text) = match is {
                Condition::Starting => continue,
                Condition::Up => {
                    let text = format!("radio `{name}` works");
                    if let Some(lasted) = self.losses.back(&Thing::Radio(name.to_owned()), now) {
                        self.log.push_end(now, now, Severity::Info, &text, lasted);
                        continue;
                    }
                    (Severity::Info, text)
                }
                Condition::Down => {
                    self.losses.gone(Thing::Radio(name.to_owned()), now);
                    (Severity::Fault, radio_fault(radio))
                }
            };
            self.log.push(now, now, severity, text);
        }
    }

    fn answered(&mut self, answer: Answer) {
        match answer {
            // What it carries is freed here.
            Answer::Obeyed(_) => self.given = self.given.saturating_sub(1),
            Answer::SocketFailed(port, socket, error) => {
                let now = self.clock.now();
                let outcome = self.sockets.failed(port, &socket, now, &error);
                self.note(outcome);
            }
        }
    }

    /// Gives the relay thread what waits for room.
    fn pass_on(&mut self) {
        while let Ok(answer) = self.ends.answers.try_recv() {
            self.answered(answer);
        }
        while let Some(change) = self.waiting.pop_front() {
            match self.ends.link.tell(Command::Network(change)) {
                Ok(()) => self.given += 1,
                Err((_, Command::Network(change))) => return self.waiting.push_front(change),
                Err(_) => {}
            }
        }
    }

    fn count(&mut self, now: Time) {
        let received = self.telemetry.received();
        let received_now = received - self.rate.received;
        let passed = now.since(self.rate.at).as_secs_f64();
        let per_second = if passed > 0.0 { received_now as f64 / passed } else { 0.0 };
        self.rate = Rate { at: now, received, per_second };
        self.elsewhere.count(now, self.telemetry.other_interface.get(), received_now);
        self.replies.tick(self.telemetry.sent.get());
        if let Some((severity, text)) = self.arrivals.tick(now) {
            self.log.push(now, now, severity, text);
        }
        if let Some(recording) = &self.recording {
            recording.set_kernel_dropped(self.sockets.dropped());
        }
    }
}

fn radio_fault(radio: &RadioTelemetry) -> String {
    let detail = radio.radio_state().detail;
    let detail = detail.as_deref().unwrap_or("it does not work, and does not say why");
    format!("radio `{}`: {detail}", radio.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_elsewhere_matter_only_while_there_are_no_others() {
        let mut elsewhere = Elsewhere::default();
        elsewhere.count(Time::from_millis(1), 0, 0);
        assert_eq!(elsewhere.alone_at, None, "silence");
        elsewhere.count(Time::from_millis(2), 5, 5);
        assert_eq!(elsewhere.alone_at, Some(Time::from_millis(2)));
        elsewhere.count(Time::from_millis(3), 5, 0);
        assert_eq!(elsewhere.alone_at, Some(Time::from_millis(2)));
        elsewhere.count(Time::from_millis(4), 10, 6);
        assert_eq!(elsewhere.alone_at, None, "one came in as chosen");
    }
}
