//! A system that denies joins, as Apple's do now and then.

use super::*;
use crate::receive::{Clock, Receiver};
use crate::relay::sockets::{Change, Outcome};
use crate::relay::system::Host;
use crate::time::Time;

/// The newest sACN socket among the changes.
fn sacn_socket(outcome: Outcome) -> Option<Arc<crate::receive::BoundSocket>> {
    outcome.changes.into_iter().rev().find_map(|change| match change {
        Change::Socket(crate::receive::Port::SacnV4, socket) => socket,
        _ => None,
    })
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
