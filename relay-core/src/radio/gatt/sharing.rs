//! Several adapters share the bands of one radio: which of them reaches which band.
//!
//! Each band belongs to one adapter at a time. At first they are dealt out evenly. A band moves on
//! when its adapter cannot reach it and another may: the adapter is gone, has no connection left,
//! or has not heard the band for a while.

use std::borrow::BorrowMut;
use std::time::Duration;

use super::central::Central;
use crate::radio::LinkId;
use crate::time::Time;

/// Not heard for so long by one adapter: another may stand better.
pub(super) const LOOK_ELSEWHERE: Duration = Duration::from_secs(20);

/// How often the bands are looked over.
const EVERY: Duration = Duration::from_secs(1);

/// When the bands are looked over next.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    due: Time,
}

impl Sharing {
    /// Deals out `links` bands among adapters none of which is open yet.
    pub(super) fn deal<'c>(centrals: impl ExactSizeIterator<Item = &'c mut Central>, links: usize) {
        let adapters = centrals.len().max(1);
        for (index, central) in centrals.enumerate() {
            let others = (0..links).filter(|link| link % adapters != index);
            others.for_each(|link| central.give_up(LinkId(link as u32)));
        }
    }

    /// When [`share`](Self::share) has something to look at.
    pub(super) fn poll_timeout(&self, adapters: usize) -> Option<Time> {
        (adapters > 1).then_some(self.due)
    }

    /// Moves bands that another adapter may reach.
    pub(super) fn share<C: BorrowMut<Central>>(
        &mut self,
        now: Time,
        centrals: &mut [C],
        links: usize,
    ) {
        if centrals.len() < 2 || now < self.due {
            return;
        }
        self.due = now + EVERY;
        for link in (0..links).map(|link| LinkId(link as u32)) {
            let has = |central: &C| central.borrow().has(link);
            let Some(home) = centrals.iter().position(has) else { continue };
            if !is_stuck(now, centrals[home].borrow(), link) {
                continue;
            }
            let mut others = (1..centrals.len()).map(|step| (home + step) % centrals.len());
            let free = |index: &usize| {
                let central: &Central = centrals[*index].borrow();
                central.is_open() && central.spare(now) > 0
            };
            if let Some(next) = others.find(free) {
                centrals[home].borrow_mut().give_up(link);
                centrals[next].borrow_mut().take_over(now, link);
            }
        }
    }
}

/// Whether its adapter cannot do more for a band.
fn is_stuck(now: Time, home: &Central, link: LinkId) -> bool {
    if home.is_gone() || home.is_crowded_out(link) {
        return true;
    }
    home.sought_since(link).is_some_and(|since| now.since(since) >= LOOK_ELSEWHERE)
}
