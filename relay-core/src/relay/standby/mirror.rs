//! Does on this relay what operators did on the other one. On a thread of its own: orders may have to
//! wait, and beats may not.

use std::sync::atomic::Ordering;

use std::sync::TryLockError;

use crossbeam_channel::Receiver;

use super::Standby;
use crate::relay::handle::{Shared, lock};
use crate::standby::{Hands, MastersPart};
use crate::steering::{self, Actor, MasterRequest, Request, Switch};

/// What is told of the other relay's operators.
#[derive(Debug)]
pub(super) enum Told {
    /// What they did to the whole show.
    Hands(Hands),
    /// The masters of some groups.
    Masters(MastersPart),
}

/// Does what is told until nobody tells any more.
pub(super) fn mirror(told: &Receiver<Told>, standby: &Standby, shared: &Shared) {
    for told in told {
        match told {
            Told::Hands(theirs) => take(&theirs, standby, shared),
            Told::Masters(part) => take_masters(&part, standby, shared),
        }
    }
}

fn operator() -> Actor {
    Actor { name: "the other relay".to_owned(), front: "standby", address: None }
}

/// Gives groups the masters that they have on the other relay.
fn take_masters(part: &MastersPart, standby: &Standby, shared: &Shared) {
    // Groups are of the show that runs. A reload is not waited for: behind this there may be a panic,
    // and masters are told again.
    let control = match shared.control.try_lock() {
        Ok(control) => control,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    let show = &control.show;
    let mut desk = lock(&shared.desk);
    let ours = *lock(&standby.hands);
    let same_orders = (part.here, part.there) == (ours.there, ours.here);
    if !same_orders || part.show != standby.show.load(Ordering::Relaxed) {
        return;
    }
    let Some(differences) = lock(&standby.masters).differences(part) else { return };
    for (level, groups) in differences {
        let names = groups.iter().map(|group| show.group_name(*group as usize).to_owned());
        let request = Request::Master(MasterRequest { level, groups: Some(names.collect()) });
        let Ok(order) = request.order(|name| show.group_index(name)) else { return };
        if desk.obey(order.clone()).is_err() {
            return;
        }
        lock(&standby.masters).note(&order);
        desk.note(shared.clock.now(), &request, &operator());
    }
    lock(&standby.masters).taken(part);
}

/// Does what makes this relay's hands the same as `theirs`.
fn take(theirs: &Hands, standby: &Standby, shared: &Shared) {
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
        desk.note(shared.clock.now(), request, &operator());
        match request {
            Request::Panic(switch) => taken.panic = switch.on,
            Request::Freeze(switch) => taken.frozen = switch.on,
            _ => taken.grand_master = theirs.grand_master,
        }
    }
    let mut hands = lock(&standby.hands);
    if (taken.here, taken.there) != (hands.here, hands.there) {
        lock(&standby.masters).await_all();
    }
    *hands = taken;
}
