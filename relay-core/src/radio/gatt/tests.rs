//! The adapter and its links against a stack and bands made of nothing but time.

use std::time::Duration;

use proptest::prelude::*;

use super::central::{Central, Command, Report, Trouble};
use super::*;
use crate::band::profile::{Acknowledge, FrameBytes, Writes};
use crate::radio::Token;

/// A band as the stack meets it.
#[derive(Clone, Debug)]
struct FakeBand {
    on: bool,
    connect_time: Duration,
    refuses: Option<Trouble>,
    /// `None`: a write never ends.
    write_time: Option<Duration>,
    connected: bool,
    connects: u32,
    /// What it got: the number of the look, and whether it had to acknowledge.
    got: Vec<(u32, bool)>,
}

/// Does what it is told after the time that takes, and objects to what no stack should be told.
#[derive(Debug)]
struct Stack {
    adapter: Option<Trouble>,
    bands: Vec<FakeBand>,
    scanning: bool,
    connecting: Option<LinkId>,
    /// Connections the adapter takes, and how often it refused one.
    connections_max: usize,
    refused: u32,
    /// What will be reported, when, and whether a disconnect of that link cancels it.
    due: Vec<(Time, Report, Option<LinkId>)>,
    opens: u32,
    scans: Vec<(Time, Option<Time>)>,
}

/// The radio, its stack, and a lane that always sends the newest look.
#[derive(Debug)]
struct Stage {
    now: Time,
    central: Central,
    stack: Stack,
    connections_max: usize,
    up: Vec<bool>,
    /// Per link the look in flight and the one sent last.
    flight: Vec<Option<(Token, u32)>>,
    sent: Vec<Option<u32>>,
    newest: u32,
    tokens: u32,
    class: Class,
    faults: Vec<String>,
    ready: u32,
    downs: Vec<(LinkId, String)>,
}

const MS: Duration = Duration::from_millis(1);

impl Stage {
    fn new(bands: usize) -> Self {
        Self::with_limit(bands, Some(8))
    }

    fn with_limit(bands: usize, connections_max: Option<usize>) -> Self {
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
    fn run(&mut self, time: Duration) {
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
    fn run_until_lit(&mut self, time: Duration) -> Duration {
        let (start, end) = (self.now, self.now + time);
        while !self.is_lit() {
            assert!(self.now < end, "not lit: {self:#?}");
            self.run(10 * MS);
        }
        self.now.since(start)
    }

    fn is_lit(&self) -> bool {
        (0..self.up.len()).all(|link| {
            let band = &self.stack.bands[link];
            !band.on || self.up[link] && band.got.last().map(|(look, _)| *look) == Some(self.newest)
        })
    }

    fn next(&self) -> Option<Time> {
        let due = self.stack.due.iter().map(|(at, ..)| *at);
        due.chain(self.central.poll_timeout()).min()
    }

    fn settle(&mut self) {
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

    fn send(&mut self, link: usize) {
        self.tokens += 1;
        let token = Token(self.tokens);
        self.flight[link] = Some((token, self.newest));
        self.central.send(self.now, link_id(link), token, self.class, number(self.newest));
    }

    fn take(&mut self, event: RadioEvent) {
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

    fn switch(&mut self, link: usize, on: bool) {
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

    fn unplug(&mut self, words: &'static str) {
        self.stack.adapter = Some(Trouble::lasting(words));
        self.stack.due.clear();
        self.stack.scanning = false;
        self.stack.connecting = None;
        self.stack.bands.iter_mut().for_each(|band| band.connected = false);
        self.stack.due.push((self.now + MS, Report::Lost(Trouble::lasting(words)), None));
    }

    fn last_words(&self, link: usize) -> &str {
        let told = self.downs.iter().rev().find(|(down, _)| *down == link_id(link));
        told.map_or("", |(_, words)| words)
    }
}

impl Stack {
    fn submit(&mut self, now: Time, command: Command) {
        match command {
            Command::Open => {
                self.opens += 1;
                let trouble = self.adapter.clone().map(Report::Lost);
                self.due.push((now + 5 * MS, trouble.unwrap_or(Report::Opened), None));
            }
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

    fn cancel(&mut self, link: LinkId) {
        self.due.retain(|(_, _, of)| *of != Some(link));
        self.connecting = self.connecting.filter(|busy| *busy != link);
    }

    /// What happens on the stack as it reports.
    fn before(&mut self, report: &Report) {
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

fn link_id(index: usize) -> LinkId {
    LinkId(u32::try_from(index).unwrap())
}

fn number(look: u32) -> Writes {
    Writes::from(FrameBytes::from(look.to_le_bytes()))
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn all_bands_are_heard_in_one_scan_and_connected_one_after_another() {
    let mut stage = Stage::new(8);
    stage.run_until_lit(3 * SECOND);
    assert_eq!(stage.stack.scans.len(), 1);
    assert!(stage.stack.bands.iter().all(|band| band.connects == 1));
    assert_eq!(stage.ready, 1);
    assert!(stage.faults.is_empty());
    // Nothing more to find: the air belongs to the links.
    stage.run(60 * SECOND);
    assert_eq!(stage.stack.scans.len(), 1);
}

#[test]
fn a_band_heard_before_the_scan_is_said_to_run_is_connected_without_delay() {
    let mut stage = Stage::new(1);
    stage.run(6 * MS);
    stage.stack.due.clear();
    stage.stack.due.push((stage.now + 10 * MS, Report::Heard(LinkId(0)), None));
    stage.stack.due.push((stage.now + 20 * MS, Report::Scanning(Ok(())), None));
    let lit = stage.run_until_lit(SECOND);
    assert!(lit < 300 * MS, "{lit:?}");
}

#[test]
fn looks_that_come_while_a_write_is_under_way_are_replaced_by_newer_ones() {
    let mut stage = Stage::new(1);
    stage.run_until_lit(3 * SECOND);
    stage.stack.bands[0].got.clear();
    stage.stack.bands[0].write_time = Some(100 * MS);
    for look in 1..=30 {
        stage.newest = look;
        stage.run(10 * MS);
    }
    stage.run(200 * MS);
    let got: Vec<u32> = stage.stack.bands[0].got.iter().map(|(look, _)| *look).collect();
    assert_eq!(got, [1, 11, 21, 30]);
}

#[test]
fn the_first_and_every_fourth_write_is_acknowledged_and_so_are_those_that_must_not_be_missed() {
    let mut stage = Stage::new(1);
    stage.run_until_lit(3 * SECOND);
    stage.stack.bands[0].got.clear();
    for look in 1..=7 {
        stage.newest = look;
        stage.run(10 * MS);
    }
    stage.class = Class::Panic;
    for look in 8..=9 {
        stage.newest = look;
        stage.run(10 * MS);
    }
    // The first went out when the band came up, and was acknowledged.
    let asked: Vec<u32> = stage.stack.bands[0]
        .got
        .iter()
        .filter(|(_, asked)| *asked)
        .map(|(look, _)| *look)
        .collect();
    assert_eq!(asked, [4, 8, 9]);
}

#[test]
fn a_band_that_is_off_does_not_hold_up_the_others() {
    let mut stage = Stage::new(4);
    stage.stack.bands[0].on = false;
    stage.run_until_lit(7 * SECOND);
    assert_eq!(stage.stack.bands[0].connects, 0);
    assert!(stage.last_words(0).contains("switched on and near"));
    // It is looked for in slices of 2 s with pauses that grow to 8 s.
    stage.run(20 * SECOND);
    let before = stage.stack.scans.len();
    stage.run(90 * SECOND);
    let slices = &stage.stack.scans[before..];
    assert!((9..=10).contains(&slices.len()), "{slices:?}");
    let scanned: Duration =
        slices.iter().filter_map(|(start, end)| end.map(|end| end.since(*start))).sum();
    assert!(scanned <= 20 * SECOND, "{scanned:?}");
}

#[test]
fn a_band_that_was_switched_off_and_on_comes_back_with_the_newest_look() {
    let mut stage = Stage::new(2);
    stage.run_until_lit(3 * SECOND);
    stage.run(20 * SECOND);
    stage.switch(1, false);
    stage.run(5 * SECOND);
    assert_eq!(stage.up, [true, false]);
    assert!(stage.last_words(1).contains("connection lost"));
    stage.newest = 7;
    stage.run(SECOND);
    stage.stack.bands[1].got.clear();
    stage.switch(1, true);
    stage.run_until_lit(9 * SECOND);
    assert_eq!(stage.stack.bands[1].got, [(7, true)], "the first is acknowledged");
}

#[test]
fn a_band_that_never_answers_ends_its_attempt_and_is_tried_less_and_less_often() {
    let mut stage = Stage::new(2);
    stage.stack.bands[0].connect_time = Duration::from_secs(3_600);
    stage.run(12 * SECOND);
    assert_eq!(stage.up, [false, true]);
    assert!(stage.last_words(0).contains("did not connect within 10 s"));
    let tries = |stage: &Stage| stage.downs.iter().filter(|(link, _)| *link == LinkId(0)).count();
    let before = tries(&stage);
    stage.run(300 * SECOND);
    let tries = tries(&stage) - before;
    assert!((8..=16).contains(&tries), "{tries}");
}

#[test]
fn a_band_of_another_kind_is_told_and_rarely_tried_again() {
    let mut stage = Stage::new(2);
    stage.stack.bands[0].refuses = Some(Trouble::lasting("it has no characteristic fff3"));
    stage.run(29 * SECOND);
    assert_eq!(stage.up, [false, true]);
    let told = stage.downs.iter().filter(|(_, words)| words.contains("no characteristic")).count();
    assert_eq!(told, 1);
    // Nobody is missing that a scan could find.
    assert_eq!(stage.stack.scans.len(), 1);
    stage.stack.bands[0].refuses = None;
    stage.run_until_lit(5 * SECOND);
}

#[test]
fn a_write_that_does_not_end_ends_the_connection_and_is_not_repeated() {
    let mut stage = Stage::new(2);
    stage.run_until_lit(3 * SECOND);
    stage.stack.bands[0].write_time = None;
    stage.stack.bands[0].got.clear();
    stage.newest = 1;
    stage.run(4 * SECOND);
    stage.newest = 2;
    stage.run(500 * MS);
    assert_eq!(stage.stack.bands[0].got, [(1, false)]);
    assert_eq!(stage.stack.bands[1].got.last(), Some(&(2, false)));
    stage.stack.bands[0].write_time = Some(MS);
    stage.run_until_lit(9 * SECOND);
    assert!(stage.last_words(0).contains("took no frame for 5 s"));
    assert_eq!(stage.stack.bands[0].got, [(1, false), (2, true)]);
}

#[test]
fn a_band_that_never_takes_a_frame_may_want_to_be_paired_and_that_is_said() {
    let mut stage = Stage::new(2);
    stage.stack.bands[0].write_time = None;
    stage.run(8 * SECOND);
    assert!(stage.last_words(0).contains("may want to be paired"), "{}", stage.last_words(0));
    assert!(stage.up[1], "the other does not mind");
}

#[test]
fn a_connection_that_breaks_in_the_middle_of_a_write_comes_back() {
    let mut stage = Stage::new(1);
    stage.run_until_lit(3 * SECOND);
    stage.stack.bands[0].write_time = None;
    stage.newest = 1;
    stage.run(MS);
    stage.switch(0, false);
    stage.run(SECOND);
    assert_eq!(stage.up, [false]);
    stage.stack.bands[0].write_time = Some(MS);
    stage.switch(0, true);
    stage.run_until_lit(9 * SECOND);
}

#[test]
fn no_more_bands_are_connected_than_the_limit_and_the_rest_are_told() {
    let mut stage = Stage::with_limit(3, Some(2));
    stage.run(20 * SECOND);
    assert_eq!(stage.up, [true, true, false]);
    assert!(stage.last_words(2).contains("2 of 2 are in use"));
    let told = stage.downs.iter().filter(|(link, _)| *link == LinkId(2)).count();
    assert_eq!(told, 2);
    assert_eq!(stage.stack.scans.len(), 1);
    // One goes, the next takes its place.
    stage.switch(0, false);
    stage.run(10 * SECOND);
    assert_eq!(stage.up, [false, true, true]);
}

#[test]
fn without_an_adapter_it_is_said_once_and_tried_for_ever() {
    let mut stage = Stage::new(1);
    stage.stack.adapter = Some(Trouble::lasting("no Bluetooth adapter: plug one in"));
    stage.run(120 * SECOND);
    assert_eq!(stage.faults, ["no Bluetooth adapter: plug one in"]);
    assert!((24..=30).contains(&stage.stack.opens), "{}", stage.stack.opens);
    stage.stack.adapter = None;
    stage.run_until_lit(20 * SECOND);
    assert_eq!(stage.ready, 1);
}

#[test]
fn an_adapter_that_is_unplugged_in_the_middle_of_anything_comes_back() {
    for after in [0, 3, 50, 150, 400, 420, 700, 5_000] {
        let mut stage = Stage::new(3);
        stage.run(after * MS);
        stage.unplug("no Bluetooth adapter: plug one in");
        stage.run(SECOND);
        assert_eq!(stage.up, [false; 3]);
        assert!(after == 0 || stage.last_words(0).contains("no Bluetooth adapter"), "{after}");
        stage.stack.adapter = None;
        stage.newest = 5;
        stage.run_until_lit(9 * SECOND);
    }
}

#[test]
fn a_scan_that_cannot_be_started_is_a_fault_that_passes() {
    let mut stage = Stage::new(1);
    stage.run(6 * MS);
    // The answer to the scan that was just asked for.
    let asked = stage.stack.due.iter_mut().find(|(_, r, _)| matches!(r, Report::Scanning(_)));
    asked.unwrap().1 = Report::Scanning(Err(Trouble::lasting("switched off")));
    stage.stack.due.retain(|(_, report, _)| !matches!(report, Report::Heard(_)));
    stage.stack.scanning = false;
    stage.run(SECOND);
    assert_eq!(stage.faults, ["switched off"]);
    stage.run_until_lit(9 * SECOND);
    assert_eq!(stage.ready, 2);
}

#[test]
fn a_frame_for_a_link_that_is_down_or_busy_is_lost() {
    let mut central = Central::new(&[Acknowledge::Never], Some(8));
    central.send(Time::ZERO, LinkId(0), Token(1), Class::Snap, number(1));
    let lost = RadioEvent::Lost { link: LinkId(0), token: Token(1) };
    assert_eq!(central.poll_event(), Some(lost));
    assert_eq!(central.poll_command(), None);
}

#[test]
fn a_write_is_completed_by_its_own_answer_and_by_no_other() {
    let mut stage = Stage::new(1);
    stage.run(3 * SECOND);
    stage.stack.bands[0].write_time = None;
    stage.newest = 1;
    stage.run(MS);
    let (Token(waits), _) = stage.flight[0].unwrap();
    for token in [Token(waits - 1), Token(waits + 1)] {
        stage.central.handle_report(stage.now, Report::Written(LinkId(0), token));
        let failed = Report::WriteFailed(LinkId(0), token, Trouble::passing("not ours"));
        stage.central.handle_report(stage.now, failed);
    }
    // The stage would object to a completion of what it did not ask for.
    stage.run(SECOND);
    assert_eq!(stage.flight[0].map(|(token, _)| token), Some(Token(waits)));
    assert_eq!(stage.up, [true]);
    stage.central.handle_report(stage.now, Report::Written(LinkId(0), Token(waits)));
    stage.run(MS);
    assert_eq!(stage.sent, [Some(1)]);
}

#[test]
fn nobody_is_looked_for_while_no_connection_is_free() {
    let mut stage = Stage::with_limit(3, Some(2));
    stage.run(20 * SECOND);
    assert_eq!(stage.up, [true, true, false]);
    let scans = stage.stack.scans.len();
    stage.run(300 * SECOND);
    assert_eq!(stage.stack.scans.len(), scans);
    stage.switch(1, false);
    stage.run(3 * SECOND);
    assert_eq!(stage.up, [true, false, true]);
    assert!(stage.stack.scans.len() > scans);
}

#[test]
fn a_band_is_told_each_time_that_there_is_no_connection_for_it_and_when_that_is_over() {
    let mut stage = Stage::with_limit(3, Some(2));
    stage.stack.bands[2].on = false;
    let told = |stage: &Stage| stage.last_words(2).to_owned();
    stage.run(20 * SECOND);
    assert!(told(&stage).contains("2 of 2 are in use"), "{}", told(&stage));
    stage.switch(0, false);
    stage.run(5 * SECOND);
    assert!(told(&stage).contains("switched on and near"), "{}", told(&stage));
    stage.switch(0, true);
    stage.run(20 * SECOND);
    assert_eq!(stage.up, [true, true, false]);
    assert!(told(&stage).contains("2 of 2 are in use"), "{}", told(&stage));
}

#[test]
fn a_band_heard_long_ago_is_heard_again_before_it_is_connected() {
    let mut stage = Stage::with_limit(2, Some(1));
    stage.run(SECOND);
    assert_eq!(stage.up, [true, false], "the other was heard, too");
    stage.stack.bands[1].on = false;
    stage.run(60 * SECOND);
    // Its turn comes, but it has been off for a minute: asking for it would take 10 s in vain.
    stage.switch(0, false);
    stage.run(8 * SECOND);
    assert_eq!(stage.stack.connecting, None);
    assert!(!stage.last_words(1).contains("did not connect"), "{}", stage.last_words(1));
    stage.switch(0, true);
    stage.run_until_lit(10 * SECOND);
}

#[test]
fn a_connection_that_is_lost_brings_the_next_scan_forward() {
    let mut stage = Stage::new(2);
    stage.stack.bands[0].on = false;
    stage.run(60 * SECOND);
    // Long pauses between the slices by now. One has just ended.
    let slices = stage.stack.scans.len();
    while stage.stack.scans.len() == slices || stage.stack.scanning {
        stage.run(10 * MS);
    }
    stage.run(100 * MS);
    stage.switch(1, false);
    stage.run(500 * MS);
    stage.switch(1, true);
    assert!(stage.run_until_lit(9 * SECOND) < 2 * SECOND);
}

#[test]
fn an_adapter_is_asked_for_more_connections_than_usual_until_it_refuses() {
    let mut stage = Stage::with_limit(12, None);
    stage.stack.connections_max = 10;
    stage.run(60 * SECOND);
    assert_eq!(stage.up.iter().filter(|up| **up).count(), 10);
    for link in [10, 11] {
        assert!(
            stage.last_words(link).contains("the adapter takes 10"),
            "{}",
            stage.last_words(link)
        );
    }
    let refused = stage.stack.refused;
    assert_eq!(refused, 1, "once is enough for minutes");
    stage.run(200 * SECOND);
    assert_eq!(stage.stack.refused, refused);
    // Another program has let go of its own: it is found in the end.
    stage.stack.connections_max = 12;
    stage.run_until_lit(360 * SECOND);
}

#[test]
fn an_adapter_that_takes_fewer_than_usual_is_found_out_at_once() {
    let mut stage = Stage::with_limit(6, None);
    stage.stack.connections_max = 3;
    stage.run(30 * SECOND);
    assert_eq!(stage.up.iter().filter(|up| **up).count(), 3);
    assert_eq!(stage.stack.refused, 1);
    assert!(stage.last_words(5).contains("the adapter takes 3"), "{}", stage.last_words(5));
}

proptest! {
    /// Whatever bands and adapters do, in the end every band that is on shows the newest look, and
    /// at no time is the stack told two things at once (the stack objects).
    #[test]
    fn the_end_is_always_light(
        limit in 3..5usize,
        happenings in prop::collection::vec((0..3usize, 0..7u8, 1..4_000u32), 1..25),
    ) {
        let mut stage = Stage::with_limit(3, Some(limit));
        for (link, what, millis) in happenings {
            match what {
                0 => stage.switch(link, false),
                1 => stage.switch(link, true),
                2 => stage.stack.bands[link].write_time = None,
                3 => stage.stack.bands[link].write_time = Some(40 * MS),
                4 => stage.stack.bands[link].connect_time = Duration::from_millis(millis.into()),
                5 => stage.unplug("unplugged"),
                _ => stage.stack.adapter = None,
            }
            stage.newest += 1;
            stage.run(Duration::from_millis(millis.into()));
        }
        stage.stack.adapter = None;
        for link in 0..3 {
            stage.switch(link, true);
            stage.stack.bands[link].write_time = Some(MS);
            stage.stack.bands[link].connect_time = 200 * MS;
        }
        stage.newest += 1;
        stage.run_until_lit(60 * SECOND);
    }
}

/// Several adapters and what is in reach of each.
struct Adapters {
    now: Time,
    stages: Vec<Stage>,
    sharing: Sharing,
    bands: usize,
}

impl Adapters {
    fn new(adapters: usize, bands: usize, connections_max: usize) -> Self {
        let stage = |_| Stage::with_limit(bands, Some(connections_max));
        let mut stages: Vec<Stage> = (0..adapters).map(stage).collect();
        Sharing::deal(stages.iter_mut().map(|stage| &mut stage.central), bands);
        Self { now: Time::ZERO, stages, sharing: Sharing::default(), bands }
    }

    fn run(&mut self, seconds: u32) {
        for _ in 0..10 * seconds {
            for stage in &mut self.stages {
                stage.run(100 * MS);
            }
            self.now = self.stages[0].now;
            let mut centrals: Vec<&mut Central> =
                self.stages.iter_mut().map(|stage| &mut stage.central).collect();
            self.sharing.share(self.now, &mut centrals, self.bands);
            let homes = |link| self.stages.iter().filter(|s| s.central.has(link_id(link))).count();
            assert!((0..self.bands).all(|link| homes(link) == 1), "a band has one adapter");
        }
    }

    /// Bands that each adapter holds.
    fn up(&self) -> Vec<Vec<usize>> {
        let up = |stage: &Stage| (0..self.bands).filter(|link| stage.up[*link]).collect();
        self.stages.iter().map(up).collect()
    }
}

#[test]
fn adapters_share_the_bands_evenly() {
    let mut adapters = Adapters::new(2, 6, 8);
    adapters.run(10);
    assert_eq!(adapters.up(), [[0, 2, 4], [1, 3, 5]]);
}

#[test]
fn the_bands_of_an_adapter_that_is_pulled_out_move_to_the_other() {
    let mut adapters = Adapters::new(2, 4, 8);
    adapters.run(10);
    adapters.stages[0].unplug("unplugged");
    adapters.run(15);
    assert_eq!(adapters.up(), [vec![], vec![0, 1, 2, 3]]);
    adapters.stages[0].stack.adapter = None;
    adapters.run(10);
    assert_eq!(adapters.up()[1].len(), 4, "what is lit stays where it is");
}

#[test]
fn a_band_that_its_adapter_has_no_connection_for_moves_to_one_that_has() {
    let mut adapters = Adapters::new(2, 6, 4);
    for link in [1, 3, 5] {
        adapters.stages[1].stack.bands[link].on = false;
        adapters.stages[0].stack.bands[link].on = false;
    }
    adapters.run(10);
    assert_eq!(adapters.up(), [vec![0, 2, 4], vec![]]);
    // Out of reach of the second, in reach of the first, which has room for one.
    adapters.stages[0].switch(3, true);
    adapters.run(60);
    assert_eq!(adapters.up(), [vec![0, 2, 3, 4], vec![]]);
    // No room there, but with the second.
    for stage in &mut adapters.stages {
        stage.switch(5, true);
    }
    adapters.run(60);
    assert_eq!(adapters.up(), [vec![0, 2, 3, 4], vec![5]]);
}

mod thread {
    use super::*;
    use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
    use std::task::{Wake, Waker};

    use crate::config::BandConfig;
    use crate::radio::telemetry::RadioTelemetry;

    struct Bell(std::sync::Mutex<Sender<()>>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            let _ = self.0.lock().unwrap().send(());
        }
    }

    fn radio() -> GattRadio {
        let profile = Arc::new(Profile::builtin("wristcast").unwrap());
        let bands = vec![BandConfig { id: "F0:F1:F2:F3:F4:A0".to_owned(), group: 0, profile }];
        let adapters = vec!["hci-of-no-machine".to_owned()];
        GattRadio::new(&GattConfig { adapters, bands, ..GattConfig::default() })
    }

    /// Runs on any machine: none has this adapter, most in CI have no D-Bus either.
    #[test]
    fn a_machine_without_the_adapter_gives_a_fault_in_words_and_stops_in_time() {
        let mut radio = radio();
        let (sender, bell) = channel();
        let waker = Waker::from(Arc::new(Bell(std::sync::Mutex::new(sender))));
        let telemetry = Arc::new(RadioTelemetry::new("radio", "gatt", radio.links()));
        radio.start(Time::ZERO, RadioContext { waker: waker.into(), telemetry });
        let words = loop {
            match radio.poll_event(Time::ZERO) {
                Some(RadioEvent::Fault(words)) => break words,
                Some(_) => {}
                None => match bell.recv_timeout(Duration::from_secs(20)) {
                    Ok(()) => {}
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                        panic!("no word from Bluetooth")
                    }
                },
            }
        };
        assert!(words.len() > 20, "{words}");
        radio.stop();
    }
}
