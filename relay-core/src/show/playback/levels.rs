//! Levels sent by one console.

use std::time::Duration;

use super::{Found, Target};
use crate::show::encode::{Encoder, Sender};
use crate::show::{Datagram, ErrorKind};
use crate::time::Time;
use crate::universe::Universe;

/// The console, on the clock of the playing: what stands still is repeated in real time, however
/// slowly the show is played.
#[derive(Debug)]
pub(super) struct Console {
    encoder: Encoder,
    next: Next,
}

/// What comes next in the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Unknown,
    Levels,
    End,
}

impl Console {
    pub(super) fn new(sender: Sender) -> Self {
        Self { encoder: Encoder::new(sender), next: Next::Unknown }
    }

    pub(super) fn begin_round(&mut self) {
        self.next = Next::Unknown;
    }

    /// Whether it is known what comes next.
    pub(super) fn waits(&self) -> bool {
        self.next != Next::Unknown
    }

    /// Takes note of what comes next.
    pub(super) fn found(&mut self, levels: bool) {
        self.next = if levels { Next::Levels } else { Next::End };
    }

    /// Whether levels come next.
    pub(super) fn has_levels(&self) -> bool {
        self.next == Next::Levels
    }

    /// The next levels are being sent.
    pub(super) fn take(&mut self) {
        self.next = Next::Unknown;
    }

    /// What has stood still long enough to be repeated before `now`.
    pub(super) fn repeat(&mut self, now: Time, packet: &mut Vec<u8>) -> Option<Found> {
        let due = self.encoder.refresh_due().filter(|due| *due <= now)?;
        let universe = self.encoder.refresh_universe()?;
        self.encoder.refresh(due).map(|datagram| found(due, universe, &datagram, packet))
    }

    /// New levels of a universe.
    pub(super) fn levels(
        &mut self,
        now: Time,
        universe: Universe,
        slots: &[u8],
        packet: &mut Vec<u8>,
    ) -> Result<Found, ErrorKind> {
        let datagram = self.encoder.levels(now, universe, slots)?;
        Ok(found(now, universe, &datagram, packet))
    }
}

fn found(due: Time, universe: Universe, datagram: &Datagram<'_>, packet: &mut Vec<u8>) -> Found {
    packet.clear();
    packet.extend_from_slice(datagram.bytes);
    let (due, source) = (Duration::from_nanos(due.as_nanos()), datagram.source);
    Found { due, source, to: Target::Universe(universe) }
}
