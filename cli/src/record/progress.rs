//! How a recording is doing, in a line.

use std::time::Instant;

use wristcast_core::record::{RecordReport, RecordingStatus};
use wristcast_core::time::Time;

use crate::logging::Console;
use crate::recorded::clock;
use crate::size::size;

/// Works out rates between two lines.
pub(super) struct Progress {
    start: Instant,
    last: Instant,
    datagrams: u64,
    bytes: u64,
}

impl Progress {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, last: start, datagrams: 0, bytes: 0 }
    }

    /// A status line on a terminal, an event in a log.
    pub(super) fn tell(&mut self, status: &RecordingStatus, console: &Console) {
        let report = &status.report;
        let now = Instant::now();
        let seconds = now.duration_since(self.last).as_secs_f64().max(0.001);
        let packets_per_second = (report.datagrams - self.datagrams) as f64 / seconds;
        let bytes_per_second = report.bytes.saturating_sub(self.bytes) as f64 / seconds;
        (self.last, self.datagrams, self.bytes) = (now, report.datagrams, report.bytes);
        if console.is_terminal() {
            let took = clock(Time::ZERO + now.duration_since(self.start));
            let mut line = format!(
                "{} | {packets_per_second:.0} packets/s, {}/s | {} universes | {} in {} | lost {} | \
                 {} free",
                took.split('.').next().unwrap_or_default(),
                size(bytes_per_second as u64),
                report.universes,
                size(report.bytes),
                report.file.display(),
                report.lost + report.kernel_dropped,
                size(report.free_bytes),
            );
            for fault in &status.faults {
                line += " | ! ";
                line += fault;
            }
            console.set_status(&line);
            return;
        }
        tracing::info!(
            packets_per_second = packets_per_second.round(),
            bytes_per_second = bytes_per_second.round(),
            universes = report.universes,
            packets = report.datagrams,
            bytes = report.bytes,
            file = %report.file.display(),
            lost = report.lost,
            kernel_dropped = report.kernel_dropped,
            free_bytes = report.free_bytes,
            faults = status.faults.join("; "),
            "status"
        );
    }
}

/// What a recording came to.
pub(crate) fn summary(report: &RecordReport) -> String {
    let noun =
        |count: u64, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let place = match report.files {
        1 => report.file.display().to_string(),
        files => format!("{} up to {}", noun(files, "file"), report.file.display()),
    };
    format!(
        "recorded {} of {}, {} in {place}; lost {} for want of disk speed, {} by the system",
        noun(report.datagrams, "packet"),
        noun(report.universes as u64, "universe"),
        size(report.bytes),
        report.lost,
        report.kernel_dropped,
    )
}
