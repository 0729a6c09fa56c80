//! Diagnostics for the controllers that asked for them (ArtPoll Flags bits 2 and 3, DiagPriority;
//! ArtDiagData).
//!
//! One controller gets them by unicast, if it asked for that. With several that ask they are
//! broadcast, whatever each of them said, and the lowest of their priorities decides what is told
//! (ArtPoll, "Multiple Controllers").

use std::fmt;
use std::io::Write;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use super::{ArtNetNode, Transmit};
use crate::time::Time;
use crate::wire::artnet::{self, DIAG_DATA_HEADER, POLL_REPLY_LEN};

/// Shortest time between two diagnostics: whoever asks cannot make the relay flood the network.
pub const DIAGNOSTIC_SPACING: Duration = Duration::from_millis(100);

/// Diagnostics that wait. One that finds no room is left out: the log and the API tell everything.
const MESSAGES_MAX: usize = 8;

/// Longest text: a diagnostic fits where a reply does. The rest is cut off.
const TEXT_MAX: usize = POLL_REPLY_LEN - DIAG_DATA_HEADER - 1;

/// How important a diagnostic is (Table 5, Priority Codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum DiagnosticPriority {
    /// DpLow.
    Low = 0x10,
    /// DpHigh.
    High = 0x80,
}

/// Who is told of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Audience {
    /// The lowest priority that is told.
    pub(super) priority_min: u8,
    /// The one controller, on the interface it was heard on; `None` = everybody.
    pub(super) only: Option<(SocketAddrV4, Option<u32>)>,
}

#[derive(Clone, Copy, Debug)]
struct Message {
    priority: u8,
    len: usize,
    text: [u8; TEXT_MAX],
}

/// What waits to be told. Memory is taken once.
#[derive(Debug)]
pub(super) struct Diagnostics {
    messages: [Message; MESSAGES_MAX],
    first: usize,
    count: usize,
    not_before: Time,
    /// The interface to broadcast on next.
    interface: usize,
}

impl Diagnostics {
    pub(super) const fn new() -> Self {
        let none = Message { priority: 0, len: 0, text: [0; TEXT_MAX] };
        Self {
            messages: [none; MESSAGES_MAX],
            first: 0,
            count: 0,
            not_before: Time::ZERO,
            interface: 0,
        }
    }

    pub(super) fn push(&mut self, priority: DiagnosticPriority, text: &dyn fmt::Display) {
        if self.count == MESSAGES_MAX {
            return;
        }
        let message = &mut self.messages[(self.first + self.count) % MESSAGES_MAX];
        self.count += 1;
        message.priority = priority as u8;
        let mut room = &mut message.text[..];
        // What there is no room for is cut off.
        let _ = write!(room, "{text}");
        let left = room.len();
        message.len = TEXT_MAX - left;
    }

    /// When the next one is to go out.
    pub(super) fn due(&self) -> Option<Time> {
        (self.count > 0).then_some(self.not_before)
    }

    fn finish(&mut self, now: Time) {
        self.not_before = now + DIAGNOSTIC_SPACING;
        self.interface = 0;
        self.first = (self.first + 1) % MESSAGES_MAX;
        self.count -= 1;
    }
}

impl ArtNetNode {
    /// The next diagnostic that is due, or the same on the next interface.
    pub(super) fn transmit_diagnostic(&mut self, now: Time, out: &mut [u8]) -> Option<Transmit> {
        let due = self.diagnostics.due()?.max(self.controllers.next_page());
        if now < due {
            return None;
        }
        let Some(audience) = self.controllers.audience(now) else {
            // Nobody wants to know any more.
            self.diagnostics.count = 0;
            return None;
        };
        let at = self.diagnostics.interface;
        let (to, interface, last) = match (audience.only, self.interfaces.get(at)) {
            (Some((to, interface)), _) => (to, interface, true),
            (None, Some(own)) => {
                let to = SocketAddrV4::new(own.broadcast(), self.udp_port);
                (to, Some(own.index), at + 1 >= self.interfaces.len())
            }
            (None, None) => {
                // The interfaces have gone meanwhile.
                self.diagnostics.finish(now);
                return None;
            }
        };
        let message = &self.diagnostics.messages[self.diagnostics.first];
        let len = artnet::encode_diag_data(out, message.priority, &message.text[..message.len])?;
        self.controllers.spaced(now);
        if last {
            self.diagnostics.finish(now);
        } else {
            self.diagnostics.interface += 1;
        }
        Some(Transmit { to: SocketAddr::V4(to), len, interface })
    }
}
