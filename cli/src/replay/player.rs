//! Sending a recording at its own times.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use wristcast_core::show::ShowError;
use wristcast_core::show::playback::{Counts, Playback};
use wristcast_core::telemetry::LatencyHistogram;

use super::outlet::{Outlet, SendError};
use super::progress::Progress;
use crate::exit::Failure;
use crate::latency::latency;
use crate::recorded;
use crate::stop::Stop;

/// A packet that leaves more than this after its time is told as late.
const LATE: Duration = Duration::from_millis(2);

/// What was played.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// Datagrams given to the system.
    datagrams: u64,
    /// Packets of which some datagram was refused by the system.
    failed: u64,
    /// Packets that left more than [`LATE`] after their time.
    late: u64,
    /// How long after their times packets left.
    lateness: LatencyHistogram,
    rounds: u32,
    counts: Counts,
    took: Duration,
    /// Why the recording ended before its end.
    error: Option<ShowError>,
}

/// Plays, round after round, until the recording or somebody ends it.
///
/// Every packet has one moment on the clock, counted from the start: what is late is sent at once,
/// and nothing after it is later for that.
pub(super) struct Player<'a> {
    pub(super) recording: &'a Path,
    pub(super) playback: Playback<File>,
    pub(super) outlet: Outlet,
    /// `None` = without end.
    pub(super) rounds: Option<u32>,
    /// End the sACN streams at the end.
    pub(super) farewells: bool,
    pub(super) stop: Stop,
    pub(super) progress: Progress,
}

impl Player<'_> {
    pub(super) fn play(mut self) -> Result<Played, Failure> {
        let start = Instant::now();
        let mut played = Played::default();
        let mut began = Duration::ZERO;
        loop {
            let stopped = self.play_round(start, began, &mut played)?;
            played.rounds += 1;
            if stopped || played.error.is_some() {
                break;
            }
            // The last levels get their time on the bands.
            began = self.playback.round_end();
            let Self { stop, progress, .. } = &mut self;
            let stopped = wait(stop, progress, (start, began), start + began, &played);
            if stopped || self.rounds.is_some_and(|rounds| played.rounds >= rounds) {
                break;
            }
            let again = recorded::open(self.recording)?;
            self.playback
                .again(again)
                .map_err(|error| Failure::recording(self.recording, error))?;
        }
        self.progress.clear();
        played.took = start.elapsed();
        played.counts = self.playback.counts();
        if self.farewells {
            self.say_farewell(&mut played);
        }
        recorded::warn(self.recording, self.playback.warnings());
        Ok(played)
    }

    /// Plays to the end of the recording; true = somebody ended it before.
    fn play_round(
        &mut self,
        start: Instant,
        began: Duration,
        played: &mut Played,
    ) -> Result<bool, Failure> {
        let mut was_well = true;
        loop {
            let Self { playback, outlet, stop, progress, .. } = self;
            let packet = match playback.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(false),
                Err(error) => {
                    played.error = Some(error);
                    return Ok(false);
                }
            };
            let due = start + packet.due;
            if wait(stop, progress, (start, began), due, played) {
                return Ok(true);
            }
            let lateness = Instant::now().saturating_duration_since(due);
            match outlet.send(&packet) {
                Ok(datagrams) => {
                    played.datagrams += datagrams;
                    played.lateness.record(lateness);
                    played.late += u64::from(lateness > LATE);
                    was_well = true;
                }
                Err(SendError::NoWay(failure)) => return Err(failure),
                Err(SendError::Refused(error)) if played.datagrams == 0 => {
                    return Err(Failure::cannot_start(error));
                }
                Err(SendError::Refused(error)) => {
                    // Once per episode; the show goes on, the network may come back.
                    if was_well {
                        eprintln!("warning: {error}; going on");
                    }
                    was_well = false;
                    played.failed += 1;
                }
            }
        }
    }

    fn say_farewell(&mut self, played: &mut Played) {
        while let Some(packet) = self.playback.next_farewell() {
            match self.outlet.send(&packet) {
                Ok(datagrams) => played.datagrams += datagrams,
                Err(SendError::Refused(error)) => {
                    eprintln!("warning: the streams were not ended: {error}");
                    return;
                }
                Err(SendError::NoWay(_)) => return,
            }
        }
    }
}

/// Waits for a moment and tells the progress meanwhile; true = somebody ended the playing.
fn wait(
    stop: &mut Stop,
    progress: &mut Progress,
    (start, began): (Instant, Duration),
    due: Instant,
    played: &Played,
) -> bool {
    loop {
        if stop.wait_until(due.min(progress.due())) {
            return true;
        }
        progress.tell(start, began, played);
        if Instant::now() >= due {
            return false;
        }
    }
}

impl Played {
    /// Datagrams given to the system so far.
    pub(super) fn datagrams(&self) -> u64 {
        self.datagrams
    }

    /// How late packets were, for people.
    pub(super) fn lateness(&self) -> String {
        let lateness = self.lateness.latency();
        format!(
            "late p50 {}, p99 {}, max {}",
            latency(lateness.p50_us),
            latency(lateness.p99_us),
            latency(lateness.max_us)
        )
    }

    /// Whether the recording was played to its end.
    pub(super) fn verdict(self, recording: &Path) -> Result<(), Failure> {
        match self.error {
            None => Ok(()),
            Some(error) => {
                Err(Failure::recording(recording, format_args!("{error}; that was played")))
            }
        }
    }
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { datagrams, rounds, late, failed, counts, .. } = self;
        write!(f, "sent {datagrams} packets in {:.1} s", self.took.as_secs_f64())?;
        if *rounds > 1 {
            write!(f, ", {rounds} rounds")?;
        }
        write!(f, "; {}, {late} more than {} ms", self.lateness(), LATE.as_millis())?;
        if *failed > 0 {
            write!(f, "; {failed} could not be sent")?;
        }
        for (count, what) in [
            (counts.other_universe, "of other universes"),
            (counts.priorities, "per-address priorities"),
            (counts.not_levels, "neither levels nor synchronization"),
        ] {
            if count > 0 {
                write!(f, "\nleft out: {count} {what}")?;
            }
        }
        Ok(())
    }
}
