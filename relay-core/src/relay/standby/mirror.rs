//! Does on this relay what operators did on the other one. On a thread of its own: orders may have to
//! wait, and beats may not.

use std::sync::atomic::Ordering;

use crossbeam_channel::Receiver;

use super::Standby;
use crate::relay::handle::{Shared, lock};
use crate::standby::Hands;
use crate::steering::{self, Actor, MasterRequest, Request, Switch};

/// Does what is told until nobody tells any more.
pub(super) fn mirror(told: &Receiver<Hands>, standby: &Standby, shared: &Shared) {
    for theirs in told {
        take(&theirs, standby, shared);
    }
}

/// Does what makes this relay's hands the same as `theirs`.
fn take(theirs: &Hands, standby: &Standby, shared: &Shared) {
    let by = Actor { name: "the other relay".to_owned(), front: "standby", address: None };
    // No order of this relay's own operators comes between what is compared and what is done.
    let mut desk = lock(&shared.desk);
    let ours = *lock(&standby.hands);
    // An order that was given here meanwhile may have changed it.
    if theirs.here < ours.here || theirs.there < ours.there {
        return;
    }
    let mut orders = Vec::new();
    if ours.panic != theirs.panic {
        orders.push(Request::Panic(Switch { on: theirs.panic }));
    }
    if ours.grand_master != theirs.grand_master {
        orders.push(Request::Master(MasterRequest { level: theirs.grand_master, groups: None }));
    }
    // A relay that was just started and has heard no console yet would hold its start look.
    let can_freeze = !theirs.frozen || standby.hears.load(Ordering::Relaxed);
    if ours.frozen != theirs.frozen && can_freeze {
        orders.push(Request::Freeze(Switch { on: theirs.frozen }));
    }
    let (here, there) =
        if can_freeze { (theirs.here, theirs.there) } else { (ours.here, ours.there) };
    let mut taken = Hands { here, there, ..ours };
    for request in &orders {
        // None of them names a group.
        let order: Result<steering::Order, _> = request.order(|_| None);
        if !order.is_ok_and(|order| desk.obey(order).is_ok()) {
            (taken.here, taken.there) = (ours.here, ours.there);
            break;
        }
        desk.note(shared.clock.now(), request, &by);
        match request {
            Request::Panic(switch) => taken.panic = switch.on,
            Request::Freeze(switch) => taken.frozen = switch.on,
            _ => taken.grand_master = theirs.grand_master,
        }
    }
    *lock(&standby.hands) = taken;
}
