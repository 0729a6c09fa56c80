//! A radio against a stack and bands made of nothing but time.

use std::time::Duration;

use super::super::central::Central;
use super::super::command::{Command, Report, Trouble};
use super::super::*;
use crate::band::profile::{Acknowledge, FrameBytes, Writes};
use crate::radio::Token;

/// A band as the stack meets it.
#[derive(Clone, Debug)]
pub(super) struct FakeBand {
    pub(super) on: bool,
    pub(super) connect_time: Duration,
    pub(super) refuses: Option<Trouble>,
    /// `None`: a write never ends.
    pub(super) write_time: Option<Duration>,
    pub(super) connected: bool,
    pub(super) connects: u32,
    /// What it got: the number of the look, and whether it had to acknowledge.
    pub(super) got: Vec<(u32, bool)>,
}

/// Does what it is told after the time that takes, and objects to what no stack should be told.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) adapter: Option<Trouble>,
    pub(super) bands: Vec<FakeBand>,
    pub(super) scanning: bool,
    pub(super) connecting: Option<LinkId>,
    /// Connections the adapter takes, and how often it refused one.
    pub(super) connections_max: usize,
    pub(super) refused: u32,
    /// What will be reported, when, and whether a disconnect of that link cancels it.
    pub(super) due: Vec<(Time, Report, Option<LinkId>)>,
    pub(super) opens: u32,
    /// It was unplugged since it was opened: what the radio says before it knows is said to nobody.
    gone: bool,
    pub(super) scans: Vec<(Time, Option<Time>)>,
}

/// The radio, its stack, and a lane that always sends the newest look.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) now: Time,
    pub(super) central: Central,
    pub(super) stack: Stack,
    pub(super) connections_max: usize,
    pub(super) up: Vec<bool>,
    /// Per link the look in flight and the one sent last.
    pub(super) flight: Vec<Option<(Token, u32)>>,
    pub(super) sent: Vec<Option<u32>>,
    pub(super) newest: u32,
    pub(super) tokens: u32,
    pub(super) class: Class,
    pub(super) faults: Vec<String>,
    pub(super) ready: u32,
    pub(super) downs: Vec<(LinkId, String)>,
}

pub(super) const MS: Duration = Duration::from_millis(1);

impl Stage {
    pub(super) fn new(bands: usize) -> Self {
        Self::with_limit(bands, Some(8))
    }

    pub(super) fn with_limit(bands: usize, connections_max: Option<usize>) -> Self {
        let band = FakeBand {
            on: true,
            connect_time: 200 * MS,
            refuses: None,
            write_time: Some(3 * MS),
            connected: false,
            connects: 0,
            got: Vec::new(),
        };
        Self {
            now: Time::ZERO,
            central: Central::new(&vec![Acknowledge::Every(4); bands], connections_max),
            stack: Stack {
                adapter: None,
                bands: vec![band; bands],
                scanning: false,
                connecting: None,
                connections_max: usize::MAX,
                refused: 0,
                due: Vec::new(),
                opens: 0,
                gone: false,
                scans: Vec::new(),
            },
            connections_max: connections_max.unwrap_or(usize::MAX),
            up: vec![false; bands],
            flight: vec![None; bands],
            sent: vec![None; bands],
            newest: 0,
            tokens: 0,
            class: Class::Fade,
            faults: Vec::new(),
            ready: 0,
            downs: Vec::new(),
        }
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while let Some(next) = self.next().filter(|next| *next <= end) {
            assert!(next >= self.now, "time ran backwards");
            self.now = next;
            self.central.handle_timeout(self.now);
            while let Some(index) = self.stack.due.iter().position(|(at, ..)| *at <= self.now) {
                let (_, report, _) = self.stack.due.remove(index);
                self.stack.before(&report);
                self.central.handle_report(self.now, report);
                self.settle();
            }
            self.settle();
            assert!(self.next().is_none_or(|next| next > self.now), "busy: {self:#?}");
        }
        self.now = end;
    }

    /// Runs until all that are on are up and have the newest look.
    pub(super) fn run_until_lit(&mut self, time: Duration) -> Duration {
        let (start, end) = (self.now, self.now + time);
        while !self.is_lit() {
            assert!(self.now < end, "not lit: {self:#?}");
            self.run(10 * MS);
        }
        self.now.since(start)
    }

    pub(super) fn is_lit(&self) -> bool {
        (0..self.up.len()).all(|link| {
            let band = &self.stack.bands[link];
            !band.on || self.up[link] && band.got.last().map(|(look, _)| *look) == Some(self.newest)
        })
    }

    pub(super) fn next(&self) -> Option<Time> {
        let due = self.stack.due.iter().map(|(at, ..)| *at);
        due.chain(self.central.poll_timeout()).min()
    }

    pub(super) fn settle(&mut self) {
        loop {
            while let Some(command) = self.central.poll_command() {
                self.stack.submit(self.now, command);
            }
            let mut idle = true;
            while let Some(event) = self.central.poll_event() {
                idle = false;
                self.take(event);
            }
            for link in 0..self.up.len() {
                if self.up[link]
                    && self.flight[link].is_none()
                    && self.sent[link] != Some(self.newest)
                {
                    idle = false;
                    self.send(link);
                }
            }
            assert!(self.up.iter().filter(|up| **up).count() <= self.connections_max);
            if idle {
                return;
            }
        }
    }

    pub(super) fn send(&mut self, link: usize) {
        self.tokens += 1;
        let token = Token(self.tokens);
        self.flight[link] = Some((token, self.newest));
        self.central.send(self.now, link_id(link), token, self.class, number(self.newest));
    }

    pub(super) fn take(&mut self, event: RadioEvent) {
        match event {
            RadioEvent::Ready => self.ready += 1,
            RadioEvent::Fault(words) => self.faults.push(words.into_owned()),
            RadioEvent::Up(link) => {
                assert!(!std::mem::replace(&mut self.up[link.index()], true), "up twice");
                self.sent[link.index()] = None;
            }
            RadioEvent::Down(link, words) => {
                self.up[link.index()] = false;
                self.flight[link.index()] = None;
                self.downs.push((link, words.into_owned()));
            }
            RadioEvent::Sent { link, token, at } => {
                assert!(at <= self.now);
                let (sent, look) = self.flight[link.index()].take().expect("sent, but not asked");
                assert_eq!(sent, token);
                self.sent[link.index()] = Some(look);
            }
            RadioEvent::Lost { link, token } => panic!("{link} lost {token:?}"),
            RadioEvent::MinInterval(..) => {}
        }
    }

    pub(super) fn switch(&mut self, link: usize, on: bool) {
        let stack = &mut self.stack;
        stack.bands[link].on = on;
        if !on && std::mem::take(&mut stack.bands[link].connected) {
            // Whatever was under way never ends; the supervision timeout tells.
            stack.cancel(link_id(link));
            stack.due.push((self.now + 400 * MS, Report::ConnectionLost(link_id(link)), None));
        }
        if on && stack.scanning {
            stack.due.push((self.now + 50 * MS, Report::Heard(link_id(link)), None));
        }
    }

    pub(super) fn unplug(&mut self, words: &'static str) {
        self.stack.adapter = Some(Trouble::lasting(words));
        self.stack.gone = true;
        self.stack.due.clear();
        self.stack.scanning = false;
        self.stack.connecting = None;
        self.stack.bands.iter_mut().for_each(|band| band.connected = false);
        self.stack.due.push((self.now + MS, Report::Lost(Trouble::lasting(words)), None));
    }

    pub(super) fn last_words(&self, link: usize) -> &str {
        let told = self.downs.iter().rev().find(|(down, _)| *down == link_id(link));
        told.map_or("", |(_, words)| words)
    }
}

impl Stack {
    pub(super) fn submit(&mut self, now: Time, command: Command) {
        match command {
            Command::Open => {
                self.gone = false;
                self.opens += 1;
                let trouble = self.adapter.clone().map(Report::Lost);
                self.due.push((now + 5 * MS, trouble.unwrap_or(Report::Opened), None));
            }
            _ if self.gone => {}
            Command::Scan => {
                assert!(!self.scanning && self.connecting.is_none(), "scans and connects at once");
                self.scanning = true;
                self.scans.push((now, None));
                self.due.push((now + 5 * MS, Report::Scanning(Ok(())), None));
                for (link, band) in self.bands.iter().enumerate() {
                    if band.on && !band.connected {
                        let heard = Report::Heard(link_id(link));
                        self.due.push((now + (100 + 10 * link as u32) * MS, heard, None));
                    }
                }
            }
            Command::StopScan => {
                assert!(self.scanning, "no scan to stop");
                self.scanning = false;
                self.scans.last_mut().unwrap().1 = Some(now);
                self.due.retain(|(_, report, _)| !matches!(report, Report::Heard(_)));
                self.due.push((now + 5 * MS, Report::ScanStopped, None));
            }
            Command::Connect(link) => {
                assert!(!self.scanning && self.connecting.is_none(), "connects two at once");
                self.connecting = Some(link);
                let connected = self.bands.iter().filter(|band| band.connected).count();
                let full = connected >= self.connections_max;
                self.refused += u32::from(full);
                let band = &self.bands[link.index()];
                let report = match &band.refuses {
                    _ if full => Report::ConnectFailed(link, Trouble::full("no connection left")),
                    Some(trouble) => Report::ConnectFailed(link, trouble.clone()),
                    None => Report::Connected(link),
                };
                if band.on {
                    self.due.push((now + band.connect_time, report, Some(link)));
                }
            }
            Command::Write { link, token, writes, acknowledged } => {
                let busy = |(_, _, of): &(Time, Report, Option<LinkId>)| *of == Some(link);
                assert!(!self.due.iter().any(busy), "two writes at once");
                let band = &mut self.bands[link.index()];
                if band.on && band.connected {
                    let look = u32::from_le_bytes(writes[0][..].try_into().unwrap());
                    band.got.push((look, acknowledged));
                    if let Some(time) = band.write_time {
                        self.due.push((now + time, Report::Written(link, token), Some(link)));
                    }
                }
            }
            Command::Disconnect(link) => {
                self.cancel(link);
                self.bands[link.index()].connected = false;
                self.due.push((now + 60 * MS, Report::Disconnected(link), None));
            }
        }
    }

    pub(super) fn cancel(&mut self, link: LinkId) {
        self.due.retain(|(_, _, of)| *of != Some(link));
        self.connecting = self.connecting.filter(|busy| *busy != link);
    }

    /// What happens on the stack as it reports.
    pub(super) fn before(&mut self, report: &Report) {
        match report {
            Report::Connected(link) => {
                self.connecting = None;
                self.bands[link.index()].connected = true;
                self.bands[link.index()].connects += 1;
            }
            Report::ConnectFailed(..) => self.connecting = None,
            _ => {}
        }
    }
}

pub(super) fn link_id(index: usize) -> LinkId {
    LinkId(u32::try_from(index).unwrap())
}

pub(super) fn number(look: u32) -> Writes {
    Writes::from(FrameBytes::from(look.to_le_bytes()))
}

pub(super) const SECOND: Duration = Duration::from_secs(1);
