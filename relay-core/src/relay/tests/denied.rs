//! A system that denies joins, as Apple's do now and then.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32};

use super::*;
use crate::interfaces::Interface;
use crate::receive::{BoundSocket, Clock, Port, Receiver};
use crate::relay::sockets::{Change, Outcome};
use crate::relay::system::{Host, System};
use crate::time::Time;

/// The newest sACN socket among the changes.
fn sacn_socket(outcome: Outcome) -> Option<Arc<BoundSocket>> {
    outcome.changes.into_iter().rev().find_map(|change| match change {
        Change::Socket(Port::SacnV4, socket) => socket,
        _ => None,
    })
}

/// A system that denies every join, and opens no socket while it is short of them.
#[derive(Debug)]
struct Denying {
    host: Host,
    short: Arc<AtomicBool>,
    /// Tries to open the sACN socket.
    tries: Arc<AtomicU32>,
}

impl System for Denying {
    fn interfaces(&self) -> io::Result<Vec<Interface>> {
        self.host.interfaces()
    }

    fn open(&self, port: Port, address: SocketAddr, bytes: usize) -> io::Result<BoundSocket> {
        if port == Port::SacnV4 {
            self.tries.fetch_add(1, Ordering::Relaxed);
        }
        if self.short.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let socket = self.host.open(port, address, bytes)?;
        socket.denies_joins.store(true, Ordering::Relaxed);
        Ok(socket)
    }
}

#[test]
fn joins_that_are_denied_again_and_again_get_a_fresh_socket() {
    let config = parse(&show_text(""));
    let registry = Receiver::new(Clock::start()).unwrap().registry().unwrap();
    let mut keeper = SocketKeeper::new(config.network.clone(), Host { registry });
    let opened = keeper.open_all(Time::ZERO, &[]).unwrap();
    let first = sacn_socket(opened).expect("open");
    first.denies_joins.store(true, Ordering::Relaxed);
    let denied = keeper.set_network(Time::ZERO, &config.network, [1].into());
    assert!(denied.events.iter().any(|told| told.text.contains("cannot join")), "{denied:?}");
    assert_eq!(keeper.faults(Time::ZERO).len(), 1);
    let mut seconds = 0;
    let fresh = loop {
        seconds += 1;
        assert!(seconds < 10, "no fresh socket");
        if let Some(fresh) = sacn_socket(keeper.tick(Time::from_millis(1000 * seconds))) {
            break fresh;
        }
    };
    assert!(!Arc::ptr_eq(&first, &fresh));
    assert_eq!(keeper.faults(Time::ZERO), [""; 0], "the fresh one joins");
    assert!(keeper.states()[0].joined >= 2);
    assert!(sacn_socket(keeper.tick(Time::from_millis(60_000))).is_none(), "and is kept");
}

/// A keeper on a system that denies every join, its sACN socket, what makes the system short of sockets,
/// and how often it was asked for the sACN socket.
fn denied_keeper() -> (SocketKeeper, Arc<BoundSocket>, Arc<AtomicBool>, Arc<AtomicU32>) {
    let config = parse(&show_text(""));
    let registry = Receiver::new(Clock::start()).unwrap().registry().unwrap();
    let (short, tries) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (host, at) = (Host { registry }, Time::ZERO);
    let denying = Denying { host, short: Arc::clone(&short), tries: Arc::clone(&tries) };
    let mut keeper = SocketKeeper::new(config.network.clone(), denying);
    let socket = sacn_socket(keeper.open_all(at, &[]).unwrap()).expect("open");
    keeper.set_network(at, &config.network, [1].into());
    (keeper, socket, short, tries)
}

fn texts(outcome: &Outcome) -> Vec<&str> {
    outcome.events.iter().map(|told| told.text.as_str()).collect()
}

const FRESH: &str = "sACN: joins are denied; trying a fresh socket";

/// Else it would be tried at every look, and told as open and closed again each time.
#[test]
fn a_port_that_is_closed_is_tried_in_its_turn_however_many_joins_were_denied() {
    let (mut keeper, _, short, tries) = denied_keeper();
    let at = Time::from_millis;
    short.store(true, Ordering::Relaxed);
    // Two more denials, and the socket is to be replaced, which the system is too short for.
    keeper.tick(at(1000));
    assert!(texts(&keeper.tick(at(2000))).contains(&FRESH));
    tries.store(0, Ordering::Relaxed);
    // By the tenth of a second, as the back-off has it: after 0, 100, 200, 400, 800 ... 5000 ms.
    let told: Vec<_> = (20..500).flat_map(|n| keeper.tick(at(2000 + 100 * n)).events).collect();
    assert_eq!(told, [], "it stays closed, which was told");
    let tried = tries.load(Ordering::Relaxed);
    assert!((10..20).contains(&tried), "{tried} tries in 48 s");
    short.store(false, Ordering::Relaxed);
    let opened = keeper.tick(at(60_000));
    assert!(texts(&opened).contains(&"sACN socket is open again"), "{opened:?}");
    assert!(!texts(&opened).contains(&FRESH), "{opened:?}");
}

#[test]
fn a_socket_that_is_open_again_is_not_replaced_for_what_was_denied_to_the_one_before() {
    let (mut keeper, socket, _, _) = denied_keeper();
    let at = Time::from_millis;
    keeper.tick(at(1000));
    // Denied twice, and it fails: the one after it is denied its first join.
    keeper.failed(Port::SacnV4, &socket, at(1500), &io::ErrorKind::NotConnected.into());
    let opened = keeper.tick(at(2000));
    assert!(texts(&opened).contains(&"sACN socket is open again"), "{opened:?}");
    assert!(!texts(&opened).contains(&FRESH), "{opened:?}");
    let mut later = (3..8).map(|seconds| keeper.tick(at(1000 * seconds)));
    assert!(later.any(|told| texts(&told).contains(&FRESH)), "denied as often as any other");
}
