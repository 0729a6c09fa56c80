//! A recorded show straight into the relay's engine, under the recording's own clock.
//!
//! The engine is the live relay's; sockets and threads are left out, so the same file and the same
//! show file give the same looks at the same nanoseconds: on every machine, however fast. Memory is
//! the engine's and the reader's; it does not grow with the length of the show.
//!
//! Rules, so that the result is defined to the last byte:
//!
//! * Time zero is the recording's first record.
//! * What falls due is handled at the time it is due, and before a datagram of the same time.
//! * Frames of formats that hold levels only (OLA, FSEQ, CSV) go in as the datagrams of one console
//!   that repeats what stands still ([`REFRESH`](super::encode::REFRESH)).
//! * Looks are published after every datagram and time-out that changed some, in the order of the
//!   show file.
//! * After the last record the clock runs on until nothing is due any more, for [`RUN_ON`] at most:
//!   sources are lost, fades end, delayed looks arrive.

use std::io::{self, Read, Seek, Write};
use std::time::Duration;

use super::encode::{Encoder, Sender};
use super::{Content, Datagram, ReadOptions, ShowError, ShowReader, Warnings};
use crate::config::Config;
use crate::engine::{self, Counters, Engine};
use crate::limits::Limits;
use crate::look::Look;
use crate::time::Time;
use crate::trace;

/// How long the clock runs on after the last record, at most.
pub const RUN_ON: Duration = Duration::from_secs(60);

/// Seed of the engine's random delays. They do not reach the looks.
const SEED: u64 = 1;

/// What a replay came to.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Records read.
    pub records: u64,
    /// Datagrams handed to the engine, repeats of standing levels counted in.
    pub datagrams: u64,
    /// Looks published: lines of the trace.
    pub looks: u64,
    /// Time of the last record.
    pub length: Time,
    /// Datagrams by what became of them.
    pub counters: Counters,
    /// What was met in the file and got over.
    pub warnings: Warnings,
}

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The recording is damaged from there on, or of no known format.
    #[error(transparent)]
    Show(#[from] ShowError),
    /// More universes than a console can send.
    #[error("record {record}: {kind}")]
    Frame {
        /// Number of the record, from 1.
        record: u64,
        /// What is wrong.
        kind: super::ErrorKind,
    },
    /// The trace could not be written, or whoever looks on does not go on.
    #[error("cannot write the trace: {0}")]
    Trace(#[source] io::Error),
}

/// Replays `recording` through the show of `config` and writes every published look to `trace`.
///
/// # Errors
/// See [`OfflineError`]. What was replayed before is in the trace.
pub fn replay<R: Read + Seek, W: Write>(
    recording: R,
    options: &ReadOptions,
    config: &Config,
    mut trace: W,
) -> Result<Replayed, OfflineError> {
    let replayed = replay_seeing(recording, options, config, |at, group, look| {
        trace::write_line(&mut trace, at, &config.groups[group].name, look)
    })?;
    trace.flush().map_err(OfflineError::Trace)?;
    Ok(replayed)
}

/// As [`replay`], showing every published look to `see`: when, the group's index, the look.
///
/// # Errors
/// See [`OfflineError`]; an error of `see` ends the replay.
pub fn replay_seeing<R: Read + Seek>(
    recording: R,
    options: &ReadOptions,
    config: &Config,
    see: impl FnMut(Time, usize, Look) -> io::Result<()>,
) -> Result<Replayed, OfflineError> {
    let mut reader = ShowReader::new(recording, options)?;
    let mut stage = Stage::new(config, see);
    let mut console = Encoder::new(Sender::default());
    let mut length = Time::ZERO;
    let mut records = 0;
    while let Some(record) = reader.next_record()? {
        records += 1;
        length = record.at;
        while let Some(due) = console.refresh_due().filter(|due| *due <= record.at) {
            if let Some(datagram) = console.refresh(due) {
                stage.datagram(due, &datagram).map_err(OfflineError::Trace)?;
            }
        }
        match record.content {
            Content::Datagram(datagram) => stage.datagram(record.at, &datagram),
            Content::Frame(frame) => {
                let datagram = console
                    .levels(record.at, frame.universe, frame.slots)
                    .map_err(|kind| OfflineError::Frame { record: records, kind })?;
                stage.datagram(record.at, &datagram)
            }
        }
        .map_err(OfflineError::Trace)?;
    }
    stage.run_to(length + RUN_ON).map_err(OfflineError::Trace)?;
    Ok(Replayed {
        records,
        datagrams: stage.engine.counters().received,
        looks: stage.looks,
        length,
        counters: stage.engine.counters().clone(),
        warnings: reader.warnings().clone(),
    })
}

/// The engine, and who sees its looks.
struct Stage<S> {
    engine: Engine,
    see: S,
    looks: u64,
}

impl<S: FnMut(Time, usize, Look) -> io::Result<()>> Stage<S> {
    fn new(config: &Config, see: S) -> Self {
        Self { engine: Engine::new(config, &Limits::of(config), SEED), see, looks: 0 }
    }

    fn datagram(&mut self, at: Time, datagram: &Datagram<'_>) -> io::Result<()> {
        self.run_to(at)?;
        let outcome = self.engine.handle_datagram(engine::Datagram {
            bytes: datagram.bytes,
            source: datagram.source,
            destination: Some(datagram.destination.ip()),
            interface: Some(datagram.interface),
            at,
        });
        self.drain(at, outcome.changed())
    }

    /// Handles all that is due until `at`, each at its own time.
    fn run_to(&mut self, at: Time) -> io::Result<()> {
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= at) {
            let changed = self.engine.handle_timeout(due);
            self.drain(due, changed)?;
        }
        Ok(())
    }

    fn drain(&mut self, at: Time, changed: bool) -> io::Result<()> {
        if changed {
            for (group, look) in self.engine.groups().changed() {
                (self.see)(at, group, look)?;
                self.looks += 1;
            }
            self.engine.groups_mut().clear_changed();
        }
        while self.engine.poll_event().is_some() {}
        // Replies have nobody to go to.
        let mut reply = [0; 1500];
        while self.engine.poll_transmit(at, &mut reply).is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const SHOW: &str = r#"
        name = "offline"
        [[group]]
        name = "left"
        universe = "sacn/1"
        address = 1
        personality = "rgb"
        loss = { to = "black", after_ms = 1000 }
        [[group]]
        name = "late"
        universe = "sacn/1"
        address = 1
        personality = "rgb"
        delay_ms = 100
        [[radio]]
        kind = "simulated"
    "#;

    fn run(csv: &str) -> (Replayed, Vec<String>) {
        let (config, _) = Config::parse(SHOW, "show.toml").unwrap();
        let mut trace = Vec::new();
        let options = ReadOptions::default();
        let replayed = replay(Cursor::new(csv.as_bytes()), &options, &config, &mut trace).unwrap();
        let lines = String::from_utf8(trace).unwrap().lines().map(str::to_owned).collect();
        (replayed, lines)
    }

    /// `time ms, group, red` of every line.
    fn reds(lines: &[String]) -> Vec<(u64, String, u64)> {
        lines
            .iter()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                (
                    line["t_ns"].as_u64().unwrap() / 1_000_000,
                    line["group"].as_str().unwrap().to_owned(),
                    line["red"].as_u64().unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn looks_come_at_the_recordings_own_times_delays_and_losses_too() {
        let (replayed, lines) = run("t_ms,universe,ch1\n0,1,10\n500,1,20\n");
        assert_eq!(
            reds(&lines),
            [
                (0, "left".to_owned(), 10),
                (100, "late".to_owned(), 10),
                (500, "left".to_owned(), 20),
                (600, "late".to_owned(), 20),
                // 2.5 s of silence, then a second of holding.
                (4000, "left".to_owned(), 0),
            ]
        );
        assert_eq!((replayed.records, replayed.looks), (2, 5));
        assert_eq!(replayed.length, Time::from_millis(500));
    }

    #[test]
    fn a_recorded_look_that_stands_still_is_no_loss() {
        let (replayed, lines) = run("t_ms,universe,ch1\n0,1,10\n60000,1,20\n");
        let times: Vec<u64> = reds(&lines).iter().map(|line| line.0).collect();
        assert_eq!(times, [0, 100, 60_000, 60_100, 63_500]);
        assert_eq!(replayed.datagrams, 2 + 60_000 / 800);
    }

    #[test]
    fn the_same_recording_gives_the_same_bytes() {
        let csv = "t_ms,universe,ch1,ch2,ch3\n0,1,1,2,3\n7,1,3,2,1\n7,1,9,9,9\n5000,1,0,0,1\n";
        assert_eq!(run(csv).1, run(csv).1);
    }
}
