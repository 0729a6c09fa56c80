//! Who polls, and who is owed a reply when.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::diagnostics::Audience;
use super::{
    CONTROLLER_TIMEOUT, CONTROLLERS_MAX, DELAY_MAX, PAGE_SPACING, PollOutcome, REPLY_SPACING,
    Target,
};
use crate::time::Time;
use crate::wire::artnet;

/// A place to reply to: an address and port that ArtPolls come from, or the Art-Net port there.
#[derive(Clone, Copy, Debug)]
struct Controller {
    to: SocketAddrV4,
    interface: Option<u32>,
    last_heard: Time,
    wants_changes: bool,
    diagnostics: Option<Wish>,
    owed: Option<Reply>,
    /// When the next reply may start.
    not_before: Time,
}

/// How a controller wants diagnostics.
#[derive(Clone, Copy, Debug)]
struct Wish {
    priority_min: u8,
    unicast: bool,
}

/// A reply in the making.
#[derive(Clone, Copy, Debug)]
struct Reply {
    due: Time,
    target: Target,
    /// The page to go on with.
    page: usize,
    /// Something has happened since the first page went out: another reply follows.
    again: bool,
}

/// Where a reply goes and how far it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) index: usize,
    pub(super) to: SocketAddrV4,
    pub(super) interface: Option<u32>,
    pub(super) target: Target,
    pub(super) page: usize,
}

/// All controllers remembered. Memory is taken once.
#[derive(Debug)]
pub(super) struct Controllers {
    controllers: Vec<Controller>,
    /// When the next datagram may go out.
    next_page: Time,
    /// When the next datagram is to go out; follows from the rest, kept for a quick answer.
    wake: Option<Time>,
    random: u64,
}

impl Controllers {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            controllers: Vec::with_capacity(CONTROLLERS_MAX),
            next_page: Time::ZERO,
            wake: None,
            random: seed,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.controllers.len()
    }

    pub(super) fn wake(&self) -> Option<Time> {
        self.wake
    }

    fn set_wake(&mut self) {
        let due = self.controllers.iter().filter_map(|known| Some(known.owed.as_ref()?.due)).min();
        self.wake = due.map(|due| due.max(self.next_page));
    }

    /// From now on a controller is to be told of what its last poll asked for.
    pub(super) fn subscribe(&mut self, to: SocketAddrV4, poll: &artnet::Poll) {
        if let Some(controller) = self.controllers.iter_mut().find(|known| known.to == to) {
            controller.wants_changes = poll.reply_on_change;
            controller.diagnostics = poll.diagnostics.then_some(Wish {
                priority_min: poll.diag_priority,
                unicast: poll.diagnostics_unicast,
            });
        }
    }

    /// Who is to be told of what happens; `None` = nobody asked lately.
    pub(super) fn audience(&self, now: Time) -> Option<Audience> {
        let heard = |known: &&Controller| now.since(known.last_heard) < CONTROLLER_TIMEOUT;
        let mut wishes = self.controllers.iter().filter(heard).filter_map(|known| {
            let Wish { priority_min, unicast } = known.diagnostics?;
            let only = unicast.then_some((known.to, known.interface));
            Some((*known.to.ip(), Audience { priority_min, only }))
        });
        // A controller may be known twice, by its own port and by the Art-Net port, which was
        // there first.
        let (ip, mut audience) = wishes.next()?;
        for (other, wish) in wishes {
            audience.priority_min = audience.priority_min.min(wish.priority_min);
            if other != ip {
                audience.only = None;
            }
        }
        Some(audience)
    }

    /// When the next datagram may go out.
    pub(super) fn next_page(&self) -> Time {
        self.next_page
    }

    /// A datagram goes out now that is no page of a reply.
    pub(super) fn spaced(&mut self, now: Time) {
        self.next_page = now + PAGE_SPACING;
        self.set_wake();
    }

    /// Owes `to` a reply that starts `delay` from now, or later if it had one just now.
    pub(super) fn owe(
        &mut self,
        now: Time,
        to: SocketAddrV4,
        interface: Option<u32>,
        delay: Duration,
        target: Target,
    ) -> PollOutcome {
        let Some(controller) = self.place(now, to) else { return PollOutcome::Crowded };
        controller.interface = interface;
        controller.last_heard = now;
        let outcome = controller.owe(now + delay, target);
        self.set_wake();
        outcome
    }

    /// The controller's place, which may be a new one or that of the one silent for longest.
    fn place(&mut self, now: Time, to: SocketAddrV4) -> Option<&mut Controller> {
        let new = Controller {
            to,
            interface: None,
            last_heard: now,
            wants_changes: false,
            diagnostics: None,
            owed: None,
            not_before: Time::ZERO,
        };
        let known = self.controllers.iter().position(|known| known.to == to);
        let index = if let Some(index) = known {
            index
        } else if self.controllers.len() < CONTROLLERS_MAX {
            self.controllers.push(new);
            self.controllers.len() - 1
        } else {
            let idle = self.controllers.iter().enumerate();
            let idle = idle.filter(|(_, known)| known.owed.is_none());
            let (index, _) = idle.min_by_key(|(_, known)| known.last_heard)?;
            self.controllers[index] = new;
            index
        };
        self.controllers.get_mut(index)
    }

    /// Owes a reply to everyone who wants to know of changes.
    pub(super) fn changed(&mut self, now: Time, page_count: usize) {
        for index in 0..self.controllers.len() {
            let Controller { last_heard, wants_changes, .. } = self.controllers[index];
            if wants_changes && now.since(last_heard) < CONTROLLER_TIMEOUT {
                // Every node of the house may have changed at this moment.
                let delay = self.random_delay(page_count);
                self.controllers[index].owe(now + delay, None);
            }
        }
        self.set_wake();
    }

    /// A delay after which `page_count` pages are still out before [`DELAY_MAX`].
    pub(super) fn random_delay(&mut self, page_count: usize) -> Duration {
        let pages = u32::try_from(page_count).unwrap_or(u32::MAX);
        let span = DELAY_MAX.saturating_sub(PAGE_SPACING.saturating_mul(pages));
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1);
        Duration::from_nanos(self.random() % nanos)
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The reply that is to be gone on with now: the one due first, so that a begun one is ended.
    pub(super) fn due(&self, now: Time) -> Option<Due> {
        if self.wake.is_none_or(|wake| now < wake) {
            return None;
        }
        let owing = self.controllers.iter().enumerate();
        let owing = owing.filter_map(|(index, known)| Some((known.owed?, index)));
        let (reply, index) = owing.min_by_key(|&(reply, index)| (reply.due, index))?;
        let Controller { to, interface, .. } = self.controllers[index];
        Some(Due { index, to, interface, target: reply.target, page: reply.page })
    }

    /// A page of the reply is out; `next` is the one to go on with, `None` = that was the last.
    pub(super) fn sent(&mut self, now: Time, index: usize, next: Option<usize>) {
        self.next_page = now + PAGE_SPACING;
        match (next, &mut self.controllers[index].owed) {
            (Some(page), Some(reply)) => reply.page = page,
            _ => self.controllers[index].finish(now),
        }
        self.set_wake();
    }

    /// There is nothing (more) to say in the reply.
    pub(super) fn finish(&mut self, now: Time, index: usize) {
        self.controllers[index].finish(now);
        self.set_wake();
    }
}

impl Controller {
    fn owe(&mut self, due: Time, target: Target) -> PollOutcome {
        let Some(reply) = &mut self.owed else {
            let due = due.max(self.not_before);
            self.owed = Some(Reply { due, target, page: 0, again: false });
            return PollOutcome::Answered;
        };
        if reply.page > 0 {
            reply.again = true;
        } else if reply.target != target {
            reply.target = None;
        }
        PollOutcome::Shared
    }

    fn finish(&mut self, now: Time) {
        self.not_before = now + REPLY_SPACING;
        let again = self.owed.is_some_and(|reply| reply.again);
        self.owed = None;
        if again {
            self.owe(now, None);
        }
    }
}
