//! Several adapters share the bands of one radio: which of them reaches which band.
//!
//! Each band belongs to one adapter at a time. At first they are dealt out evenly. A band moves on
//! when its adapter cannot reach it and another may: the adapter is gone, has no connection left,
//! or has not heard the band for a while.

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
    pub(super) fn deal(centrals: &mut [Central], links: usize) {
        for link in (0..links).map(|link| LinkId(link as u32)) {
            let home = link.index() % centrals.len().max(1);
            let others = centrals.iter_mut().enumerate().filter(|(index, _)| *index != home);
            others.for_each(|(_, central)| central.give_up(link));
        }
    }

    /// When [`share`](Self::share) has something to look at.
    pub(super) fn poll_timeout(&self, adapters: usize) -> Option<Time> {
        (adapters > 1).then_some(self.due)
    }

    /// Moves bands that another adapter may reach.
    pub(super) fn share(&mut self, now: Time, centrals: &mut [Central], links: usize) {
        if centrals.len() < 2 || now < self.due {
            return;
        }
        self.due = now + EVERY;
        for link in (0..links).map(|link| LinkId(link as u32)) {
            let Some(home) = centrals.iter().position(|central| central.has(link)) else {
                continue;
            };
            if !is_stuck(now, &centrals[home], link) {
                continue;
            }
            let mut others = (1..centrals.len()).map(|step| (home + step) % centrals.len());
            let free =
                |index: &usize| centrals[*index].is_open() && centrals[*index].spare(now) > 0;
            if let Some(next) = others.find(free) {
                centrals[home].give_up(link);
                centrals[next].take_over(now, link);
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
