//! What becomes of an adapter and its links, as a state machine: no Bluetooth, no threads, no
//! clock. It is told the time and what the stack [reports](Report), and says what the stack
//! [should do](Command) and what the lane [should know](RadioEvent).
//!
//! One adapter does one thing at a time beside writing: it scans or it connects one band. Bands
//! are looked for in slices, short ones with pauses once any band is lit, because scanning takes
//! air from the links. A band must have been heard before it is connected: asking for one that is
//! switched off would hold up all the others.

mod link;
mod work;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use super::command::{Command, Report, Trouble, TroubleKind};
use super::limit::Limit;
use super::sharing::LOOK_ELSEWHERE;
use crate::band::profile::{Acknowledge, Writes};
use crate::radio::{Class, LinkId, RadioEvent, Token};
use crate::time::Time;
use link::{Flight, Link, LinkState, back_off, link_id};

/// One write. Longer than any supervision timeout a healthy link lives through; what takes longer
/// is written nevermore: the connection is closed, and with it whatever the stack still held.
const WRITE_TIME_MAX: Duration = Duration::from_secs(5);
/// The pause after a scan while bands are lit; doubles as long as no band comes or goes.
const SCAN_PAUSE: Duration = Duration::from_secs(1);
const SCAN_PAUSE_MAX: Duration = Duration::from_secs(8);
/// A connection that lasted this long counts as good.
const GOOD_AFTER: Duration = Duration::from_secs(10);
/// Longest wait before the adapter is asked for again: that costs nobody anything.
const OPEN_AGAIN_MAX: Duration = Duration::from_secs(5);

/// Of a band that is left to the other relay.
const RESTS: &str = "standby: the other relay drives the bands";

/// Of a band that is looked for.
const NOT_HEARD: &str = "not heard yet: is it switched on and near?";

/// One adapter and its links.
#[derive(Debug)]
pub(super) struct Central {
    adapter: Adapter,
    /// Failures to open the adapter since it last worked.
    open_failures: u32,
    /// What the lane was told last: that the radio works, or the fault. `None` at first.
    told: Option<Result<(), Cow<'static, str>>>,
    work: Work,
    scan_from: Time,
    scan_pause: Duration,
    links: Box<[Link]>,
    limit: Limit,
    commands: VecDeque<Command>,
    events: VecDeque<RadioEvent>,
    /// Another relay drives the bands: none is looked for.
    rests: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adapter {
    Closed { retry_at: Time },
    Opening,
    Open,
}

/// What the adapter is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Idle,
    StartingScan,
    Scanning { until: Time },
    StoppingScan,
    Connecting { link: LinkId, deadline: Time },
}

impl Central {
    /// A link for each of `acknowledge`, all down and all of this adapter; at most
    /// `connections_max` of them up at the same time, or as many as the adapter takes.
    pub(super) fn new(acknowledge: &[Acknowledge], connections_max: Option<usize>) -> Self {
        let link = |acknowledge: &Acknowledge| Link {
            state: LinkState::Away,
            failures: 0,
            not_before: Time::ZERO,
            told_full: false,
            acknowledge: *acknowledge,
            mine: true,
            sought_since: Time::ZERO,
        };
        let room = 2 * acknowledge.len() + 4;
        Self {
            adapter: Adapter::Closed { retry_at: Time::ZERO },
            open_failures: 0,
            told: None,
            work: Work::Idle,
            scan_from: Time::ZERO,
            scan_pause: SCAN_PAUSE,
            links: acknowledge.iter().map(link).collect(),
            limit: Limit::new(connections_max),
            commands: VecDeque::with_capacity(room),
            events: VecDeque::with_capacity(room),
            rests: false,
        }
    }

    /// Lets go of every band, and looks for none until told otherwise.
    pub(super) fn rest(&mut self, now: Time, rests: bool) {
        self.rests = rests;
        if !rests {
            self.scan_from = self.scan_from.min(now);
            self.scan_pause = SCAN_PAUSE;
            self.links.iter_mut().for_each(|link| link.sought_since = now);
            return;
        }
        if let Work::Scanning { .. } = self.work {
            self.work = Work::Scanning { until: now };
        }
        for index in 0..self.links.len() {
            if let LinkState::Up { .. } | LinkState::Connecting = self.links[index].state {
                self.end(now, link_id(index), &Trouble::passing(RESTS));
                self.links[index].failures = 0;
                self.links[index].not_before = now;
            }
        }
    }

    /// Whether it holds no connection, and none comes about or is being closed.
    pub(super) fn has_let_go(&self) -> bool {
        self.used() == 0
    }

    /// Whether the adapter works.
    pub(super) fn is_open(&self) -> bool {
        self.adapter == Adapter::Open
    }

    /// Whether it is this adapter that reaches the band.
    pub(super) fn has(&self, link: LinkId) -> bool {
        self.links.get(link.index()).is_some_and(|link| link.mine)
    }

    /// Whether the adapter was asked for and is not there.
    pub(super) fn is_gone(&self) -> bool {
        !self.is_open() && self.open_failures > 0
    }

    /// Connections that are free, less the bands that were heard here or came here lately and wait
    /// for one.
    pub(super) fn spare(&self, now: Time) -> usize {
        let waits = |link: &Link| {
            let heard = matches!(link.state, LinkState::Heard { .. });
            link.mine && (heard || now.since(link.sought_since) < LOOK_ELSEWHERE)
        };
        let taken = self.links.iter().filter(|link| link.is_used() || waits(link)).count();
        self.limit.max().saturating_sub(taken)
    }

    /// Since when the band has been looked for here without being heard; `None` if it is not this
    /// adapter's, or something is under way with it.
    pub(super) fn sought_since(&self, link: LinkId) -> Option<Time> {
        let link = self.links.get(link.index())?;
        (link.mine && link.state == LinkState::Away).then_some(link.sought_since)
    }

    /// Whether the band waits here and there is no connection for it.
    pub(super) fn is_crowded_out(&self, link: LinkId) -> bool {
        self.links.get(link.index()).is_some_and(Link::is_waiting) && !self.has_room()
    }

    /// Leaves the band to another adapter. Only if nothing is under way with it.
    pub(super) fn give_up(&mut self, link: LinkId) {
        if let Some(link) = self.links.get_mut(link.index()) {
            link.mine = false;
            link.state = LinkState::Away;
        }
    }

    /// Takes over the band from another adapter.
    pub(super) fn take_over(&mut self, now: Time, link: LinkId) {
        let open = self.is_open();
        let Some(entry) = self.links.get_mut(link.index()) else { return };
        entry.mine = true;
        entry.failures = 0;
        entry.not_before = now;
        entry.sought_since = now;
        if open {
            self.scan_from = self.scan_from.min(now);
            self.scan_pause = SCAN_PAUSE;
            self.down(link, NOT_HEARD.into());
        }
    }

    /// What the stack should do next.
    #[must_use]
    pub(super) fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// What the lane should know next.
    #[must_use]
    pub(super) fn poll_event(&mut self) -> Option<RadioEvent> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    #[must_use]
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        match self.adapter {
            Adapter::Closed { retry_at } => return Some(retry_at),
            Adapter::Opening => return None,
            Adapter::Open => {}
        }
        let work = match self.work {
            Work::Idle => self.next_work(),
            Work::Scanning { until } => Some(until),
            Work::Connecting { deadline, .. } => Some(deadline),
            Work::StartingScan | Work::StoppingScan => None,
        };
        let flights = self.links.iter().filter_map(|link| match link.state {
            LinkState::Up { flight, .. } => flight.map(|flight| flight.deadline),
            _ => None,
        });
        work.into_iter().chain(flights).min()
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Time) {
        match self.adapter {
            Adapter::Closed { retry_at } if retry_at <= now => {
                self.adapter = Adapter::Opening;
                self.commands.push_back(Command::Open);
            }
            Adapter::Open => {
                self.end_overdue(now);
                self.work(now);
            }
            Adapter::Closed { .. } | Adapter::Opening => {}
        }
    }

    /// Takes what the stack has to say.
    pub(super) fn handle_report(&mut self, now: Time, report: Report) {
        match (self.adapter, report) {
            (Adapter::Opening, Report::Opened) => self.opened(now),
            (Adapter::Opening | Adapter::Open, Report::Lost(trouble)) => self.lost(now, &trouble),
            (Adapter::Open, report) => self.handle_open_report(now, report),
            // From before the adapter was lost.
            (Adapter::Closed { .. } | Adapter::Opening, _) => {}
        }
        self.handle_timeout(now);
    }

    /// Takes a frame for a link.
    pub(super) fn send(
        &mut self,
        now: Time,
        link: LinkId,
        token: Token,
        class: Class,
        writes: Writes,
    ) {
        let entry =
            self.links.get_mut(link.index()).map(|link| (link.acknowledge, &mut link.state));
        let Some((acknowledge, LinkState::Up { flight: flight @ None, unacknowledged, .. })) =
            entry
        else {
            self.events.push_back(RadioEvent::Lost { link, token });
            return;
        };
        let acknowledged = match acknowledge {
            Acknowledge::Never => false,
            Acknowledge::Every(n) => {
                matches!(class, Class::Panic | Class::Keyframe)
                    || unacknowledged.saturating_add(1) >= n
            }
        };
        *unacknowledged = if acknowledged { 0 } else { unacknowledged.saturating_add(1) };
        *flight = Some(Flight { token, deadline: now + WRITE_TIME_MAX });
        self.commands.push_back(Command::Write { link, token, writes, acknowledged });
    }

    fn opened(&mut self, now: Time) {
        self.adapter = Adapter::Open;
        self.open_failures = 0;
        self.work = Work::Idle;
        self.scan_from = now;
        self.all_well();
        for index in 0..self.links.len() {
            self.links[index].sought_since = now;
            if self.links[index].mine {
                self.down(link_id(index), NOT_HEARD.into());
            }
        }
    }

    fn lost(&mut self, now: Time, trouble: &Trouble) {
        self.open_failures += 1;
        let retry_at = now + back_off(self.open_failures, false).min(OPEN_AGAIN_MAX);
        self.adapter = Adapter::Closed { retry_at };
        self.work = Work::Idle;
        self.fault(trouble);
        for index in 0..self.links.len() {
            let link = &mut self.links[index];
            link.state = LinkState::Away;
            link.not_before = now;
            if link.mine {
                self.down(link_id(index), format!("no adapter: {}", trouble.words).into());
            }
        }
    }

    fn handle_open_report(&mut self, now: Time, report: Report) {
        match report {
            Report::Scanning(result) if self.work == Work::StartingScan => {
                self.scan_started(now, result);
            }
            Report::ScanStopped if self.work == Work::StoppingScan => {
                self.work = Work::Idle;
                let lit = self.links.iter().any(|link| matches!(link.state, LinkState::Up { .. }));
                self.scan_from = if lit { now + self.scan_pause } else { now };
                self.scan_pause = (2 * self.scan_pause).min(SCAN_PAUSE_MAX);
            }
            Report::Heard(link) => self.heard(now, link),
            Report::Connected(link) if self.state(link) == Some(LinkState::Connecting) => {
                self.work = Work::Idle;
                // The first write is acknowledged: a band that refuses it says so at once.
                let state = LinkState::Up {
                    since: now,
                    flight: None,
                    unacknowledged: u8::MAX,
                    proven: false,
                };
                self.links[link.index()].state = state;
                let used = self.used();
                self.limit.connected(now, used);
                self.events.push_back(RadioEvent::Up(link));
            }
            Report::ConnectFailed(link, trouble) => {
                if self.state(link) == Some(LinkState::Connecting) {
                    self.end(now, link, &trouble);
                }
            }
            Report::Written(link, token) => {
                if let Some(LinkState::Up { flight, proven, .. }) = self.state_mut(link)
                    && flight.is_some_and(|flight| flight.token == token)
                {
                    *flight = None;
                    *proven = true;
                    self.events.push_back(RadioEvent::Sent { link, token, at: now });
                }
            }
            Report::WriteFailed(link, token, trouble) => {
                if let Some(LinkState::Up { flight: Some(flight), .. }) = self.state(link)
                    && flight.token == token
                {
                    self.end(now, link, &trouble);
                }
            }
            // While it connects, the outcome of that says what happened.
            Report::ConnectionLost(link) => {
                if let Some(LinkState::Up { .. }) = self.state(link) {
                    self.end(now, link, &Trouble::passing("connection lost; looking for it"));
                }
            }
            Report::Disconnected(link) => {
                if let Some(entry) = self.links.get_mut(link.index())
                    && entry.state == LinkState::Disconnecting
                {
                    entry.state = LinkState::Away;
                    entry.sought_since = now;
                }
            }
            // Answers to what was given up meanwhile.
            Report::Connected(_) | Report::Scanning(_) | Report::ScanStopped => {}
            Report::Opened | Report::Lost(_) | Report::Vitals(..) => {}
        }
    }

    /// Ends what is under way on a link and says why.
    fn end(&mut self, now: Time, link: LinkId, trouble: &Trouble) {
        if matches!(self.work, Work::Connecting { link: busy, .. } if busy == link) {
            self.work = Work::Idle;
        }
        let entry = &mut self.links[link.index()];
        // A good connection that broke is looked for at once.
        let was_good =
            matches!(entry.state, LinkState::Up { since, .. } if now.since(since) >= GOOD_AFTER);
        entry.failures = if was_good { 0 } else { entry.failures.saturating_add(1) };
        let lasting = trouble.kind == TroubleKind::Lasting;
        entry.not_before = now + back_off(entry.failures, lasting);
        entry.state = LinkState::Disconnecting;
        if trouble.kind == TroubleKind::Full {
            // The one that was refused is among those that count as used.
            let used = self.used() - 1;
            self.limit.refused(now, used);
        }
        let entry = &self.links[link.index()];
        self.scan_from = self.scan_from.min(entry.not_before);
        self.scan_pause = SCAN_PAUSE;
        self.commands.push_back(Command::Disconnect(link));
        self.down(link, trouble.words.clone());
    }

    fn down(&mut self, link: LinkId, words: Cow<'static, str>) {
        self.links[link.index()].told_full = false;
        self.events.push_back(RadioEvent::Down(link, words));
    }

    fn fault(&mut self, trouble: &Trouble) {
        let fault = Some(Err(trouble.words.clone()));
        if self.told != fault {
            self.told = fault;
            self.events.push_back(RadioEvent::Fault(trouble.words.clone()));
        }
    }

    fn all_well(&mut self) {
        if self.told != Some(Ok(())) {
            self.told = Some(Ok(()));
            self.events.push_back(RadioEvent::Ready);
        }
    }

    fn state(&self, link: LinkId) -> Option<LinkState> {
        self.links.get(link.index()).map(|link| link.state)
    }

    fn state_mut(&mut self, link: LinkId) -> Option<&mut LinkState> {
        self.links.get_mut(link.index()).map(|link| &mut link.state)
    }
}
