//! What somebody on the show's network can do with forged packets, and what they cannot. The limits
//! of it are in docs/security.md; that none of it asks the allocator for anything is held to by
//! `no_alloc.rs`, and what it costs in time is measured by `compare`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use wristcast_core::config::Config;
use wristcast_core::engine::{Datagram, Engine, Ignored};
use wristcast_core::limits::{Limits, NOT_PATCHED_MAX};
use wristcast_core::look::Look;
use wristcast_core::time::Time;
use wristcast_core::universe::SacnUniverse;
use wristcast_core::wire::sacn::{self, Cid};

const CONSOLE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const CONSOLE_CID: Cid = Cid([7; 16]);

/// As fast as an attacker may be here: one packet in 50 µs, 20,000 a second.
const GAP: Duration = Duration::from_micros(50);

/// A console sends this often.
const FRAME: Duration = Duration::from_nanos(22_727_273);

/// A relay, a console with steady light, and a stranger.
struct Venue {
    engine: Engine,
    now: Time,
    next_frame: Time,
    sequence: u8,
    console: sacn::DataFields<'static>,
}

fn universe(number: u16) -> SacnUniverse {
    SacnUniverse::new(number).expect("a universe")
}

impl Venue {
    fn new(network: &str, group: &str) -> Self {
        let show = format!(
            "name = 'attack'\n[network]\n{network}\n[[group]]\nname = 'crowd'\n\
             universe = 'sacn/1'\naddress = 1\npersonality = 'rgb'\n{group}\n\
             [[radio]]\nkind = 'simulated'\n"
        );
        let (config, _) = Config::parse(&show, "attack.toml").expect("a sound show");
        let engine = Engine::new(&config, &Limits::of(&config), 1);
        let console = sacn::DataFields::new(CONSOLE_CID, "console", universe(1));
        Self { engine, now: Time::ZERO, next_frame: Time::ZERO, sequence: 0, console }
    }

    fn hand_over(&mut self, from: Ipv4Addr, fields: &sacn::DataFields<'_>, slots: &[u8]) {
        let mut out = [0; 638];
        let len = sacn::encode_data(&mut out, fields, slots).expect("it fits");
        let _ = self.engine.handle_datagram(Datagram {
            bytes: &out[..len],
            source: SocketAddr::new(IpAddr::V4(from), 5568),
            destination: None,
            interface: None,
            at: self.now,
        });
    }

    /// Lets time pass by one gap; the console sends when it is due.
    fn tick(&mut self) {
        self.now = self.now + GAP;
        if self.engine.poll_timeout().is_some_and(|due| due <= self.now) {
            let _ = self.engine.handle_timeout(self.now);
        }
        if self.now >= self.next_frame {
            self.next_frame = self.now + FRAME;
            self.sequence = self.sequence.wrapping_add(1);
            let fields = sacn::DataFields { sequence: self.sequence, ..self.console };
            self.hand_over(CONSOLE, &fields, &[10, 20, 30]);
        }
        while self.engine.poll_event().is_some() {}
    }

    fn light(&self) -> [u8; 3] {
        let Look { red, green, blue, .. } = self.engine.groups().get(0);
        [red, green, blue]
    }

    /// Lets `stranger` send `packets`, one in each gap; the light after each.
    fn attack(
        &mut self,
        packets: u32,
        stranger: impl Fn(u32) -> (Ipv4Addr, sacn::DataFields<'static>),
    ) -> Vec<[u8; 3]> {
        let mut seen = vec![];
        self.tick();
        assert_eq!(self.light(), [10, 20, 30], "before it");
        for n in 0..packets {
            self.tick();
            let (from, fields) = stranger(n);
            self.hand_over(from, &fields, &[255; 512]);
            seen.push(self.light());
        }
        seen.sort_unstable();
        seen.dedup();
        seen
    }
}

/// One of ten thousand sources that do not exist.
fn made_up(n: u32) -> (Ipv4Addr, Cid) {
    let [_, _, high, low] = (n % 10_000).to_be_bytes();
    (
        Ipv4Addr::new(10, 9, high, low),
        Cid([high, low, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
    )
}

fn flood(priority: u8, number: u16) -> impl Fn(u32) -> (Ipv4Addr, sacn::DataFields<'static>) {
    move |n| {
        let (from, cid) = made_up(n);
        let sequence = (n / 10_000) as u8;
        let fields = sacn::DataFields::new(cid, "nobody", universe(number));
        (from, sacn::DataFields { priority, sequence, ..fields })
    }
}

#[test]
fn ten_thousand_sources_of_lower_priority_change_nothing() {
    let mut venue = Venue::new("", "");
    assert_eq!(venue.attack(40_000, flood(99, 1)), [[10, 20, 30]]);
}

#[test]
fn ten_thousand_sources_never_displace_the_console() {
    let mut venue = Venue::new("", "");
    // Of the same priority, highest takes precedence: theirs. What the console sends still counts.
    venue.console.priority = 100;
    venue.attack(40_000, flood(100, 1));
    let quiet = venue.now + Duration::from_secs(5);
    while venue.now < quiet {
        venue.tick();
    }
    assert_eq!(venue.light(), [10, 20, 30], "when they are gone");
    assert!(venue.engine.counters().ignored(Ignored::SourceLimit) > 30_000);
}

#[test]
fn the_allow_list_keeps_ten_thousand_sources_of_any_priority_out() {
    let mut venue = Venue::new("allow = ['10.0.0.0/24']", "");
    assert_eq!(venue.attack(40_000, flood(200, 1)), [[10, 20, 30]]);
}

#[test]
fn floods_of_universes_that_nobody_patched_are_counted_and_forgotten() {
    let mut venue = Venue::new("", "");
    let everywhere = |n: u32| {
        let (from, cid) = made_up(n);
        let number = 2 + (n * 7 % 63_000) as u16;
        (from, sacn::DataFields::new(cid, "nobody", universe(number)))
    };
    assert_eq!(venue.attack(63_000, everywhere), [[10, 20, 30]]);
    assert!(venue.engine.not_patched().len() <= NOT_PATCHED_MAX);
}

/// Stream_Terminated with the console's own CID.
fn farewell(from: Ipv4Addr) -> impl Fn(u32) -> (Ipv4Addr, sacn::DataFields<'static>) {
    move |n| {
        let fields = sacn::DataFields::new(CONSOLE_CID, "console", universe(1));
        let sequence = (n / 50) as u8;
        (from, sacn::DataFields { sequence, terminated: true, ..fields })
    }
}

#[test]
fn a_forged_farewell_from_elsewhere_changes_nothing_with_an_allow_list_of_addresses() {
    let mut venue = Venue::new("allow = ['10.0.0.2']", "loss = 'black'");
    assert_eq!(venue.attack(20_000, farewell(Ipv4Addr::new(10, 0, 0, 66))), [[10, 20, 30]]);
}

#[test]
fn a_forged_farewell_cannot_darken_groups_that_hold_their_look() {
    let mut venue = Venue::new("", "");
    assert_eq!(venue.attack(20_000, farewell(CONSOLE)), [[10, 20, 30]]);
}

#[test]
fn a_forged_farewell_cannot_darken_groups_that_wait_before_they_go_dark() {
    let mut venue = Venue::new("", "loss = { to = 'black', after_ms = 500 }");
    assert_eq!(venue.attack(20_000, farewell(CONSOLE)), [[10, 20, 30]]);
}
