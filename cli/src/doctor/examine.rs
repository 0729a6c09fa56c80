//! Looks at everything, in the order in which an operator would mend it.

use std::time::Duration;

use wristcast_core::interfaces;

use super::finding::{Finding, Report};
use super::wanted::Wanted;
use super::{
    bluetooth, buffers, clock, descriptors, disk, firewall, interfaces as network, kernel, ports,
    power, relay, relay_thread, self_test, timing, wifi,
};

/// What the operator asked for beside a look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wishes {
    /// Reset the show's controllers and ask what they can do.
    pub(super) ask_controllers: bool,
    /// How long packets are timed.
    pub(super) timing: Duration,
}

/// Everything about the machine.
pub(super) fn machine(wanted: &Wanted, wishes: Wishes) -> Report {
    let mut found = Vec::new();
    let mut tests = Vec::new();
    match network::collect(&wanted.interfaces) {
        Ok(facts) => {
            found.extend(network::judge(&facts));
            tests = self_test::collect(&facts.chosen, wanted.sacn_port, wanted.artnet_port);
            found.extend(tests.iter().flat_map(self_test::judge));
            found.extend(kernel::judge(&kernel::collect(&facts.chosen, wanted.sacn_universes())));
            let existing = interfaces::list().unwrap_or_default();
            found.extend(wifi::collect(&facts.chosen, &existing).iter().flat_map(wifi::judge));
        }
        Err(error) => {
            found.push(could_not("interface-present", "the interfaces be listed", &error))
        }
    }
    found.push(firewall::judge(&firewall::collect(&tests)));
    found.extend(ports::collect(wanted, &tests).iter().map(ports::judge));
    found.push(match buffers::collect(wanted.receive_buffer_bytes, wanted.universes.len()) {
        Ok(facts) => buffers::judge(&facts),
        Err(error) => could_not("receive-buffer", "a socket be opened", &error),
    });
    match timing::collect(wishes.timing) {
        Ok(facts) => found.extend(timing::judge(&facts)),
        Err(error) => found.push(could_not("timing", "packets be timed", &error)),
    }
    found.extend(relay::collect(wanted).iter().flat_map(relay::judge));
    found.extend(power::judge(&power::collect()));
    found.extend(relay_thread::judge(&relay_thread::collect(wanted)));
    found.extend(bluetooth::judge(&bluetooth::collect(wanted, wishes.ask_controllers)));
    found.push(clock::judge(&clock::collect()));
    found.extend(disk::collect(wanted).iter().map(disk::judge));
    let sockets = holders(wanted);
    found.push(descriptors::judge(&descriptors::collect(sockets, wanted.bands)));
    Report(found)
}

/// Sockets that keep the memberships which the receiving one has no room for, on one interface.
fn holders(wanted: &Wanted) -> usize {
    let limit = kernel::collect(&[], wanted.sacn_universes()).memberships.unwrap_or(u32::MAX);
    (wanted.sacn_universes() + 1) / (limit.max(1) as usize)
}

fn could_not(check: &'static str, what: &str, error: &std::io::Error) -> Finding {
    Finding::fault(
        check,
        format!("nothing is known, nor can {what}: {error}"),
        "restart the machine",
    )
}
