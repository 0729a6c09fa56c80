//! What the demo came to, in figures.

use std::fmt;
use std::time::Duration;

use wristcast_core::snapshot::{Latency, PacketCounts};

use super::audience::FRESH;
use crate::exit::Failure;
use crate::latency::latency;

/// The figures of one demo.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) played: Duration,
    pub(super) groups: usize,
    /// Packets of levels sent.
    pub(super) sent_sacn: u64,
    pub(super) sent_artnet: u64,
    /// Frames that the console was too late for.
    pub(super) skipped: u64,
    pub(super) send_error: Option<String>,
    pub(super) packets: PacketCounts,
    pub(super) published: Latency,
    pub(super) handed: Latency,
    pub(super) bands: usize,
    /// Bands whose last look is what the console sent last.
    pub(super) right: usize,
    /// How long the last of them took.
    pub(super) converged_in: Option<Duration>,
    pub(super) freshness: f64,
    pub(super) checks: u64,
    /// Bands that were not brought to the end look at the stop.
    pub(super) not_at_end_look: u32,
}

impl Report {
    fn sent(&self) -> u64 {
        self.sent_sacn + self.sent_artnet
    }

    /// Packets of levels that did not become levels.
    fn lost(&self) -> u64 {
        self.sent().saturating_sub(self.packets.accepted)
    }

    /// What went wrong; empty = all is well.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.sent() == 0 {
            faults.push("the console sent nothing".to_owned());
        }
        if self.lost() > 0 {
            faults.push(format!("{} packets lost", self.lost()));
        }
        if let Some(error) = &self.send_error {
            faults.push(error.clone());
        }
        if self.right < self.bands || self.bands == 0 {
            faults.push(format!(
                "{} of {} bands show a wrong look at the end",
                self.bands - self.right,
                self.bands
            ));
        }
        if self.not_at_end_look > 0 {
            faults.push(format!("{} bands missed the end look", self.not_at_end_look));
        }
        faults
    }

    /// The demo fails if anything was lost or wrong. Lateness is a figure in the report, not a
    /// fault: a radio link may fail a few times in a row, and the machine may be busy with other
    /// things.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let faults = self.faults();
        if faults.is_empty() { Ok(()) } else { Err(Failure::light_lost(faults.join("; "))) }
    }
}

impl fmt::Display for Report {
    /// No line is longer than 80 columns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PacketCounts { received, accepted, noted, ignored, .. } = &self.packets;
        let seconds = self.played.as_secs_f64();
        writeln!(f, "played    {seconds:.1} s for {} bands in {} groups", self.bands, self.groups)?;
        writeln!(
            f,
            "packets   {} sent (sACN {}, Art-Net {}), {accepted} taken, {} lost",
            self.sent(),
            self.sent_sacn,
            self.sent_artnet,
            self.lost()
        )?;
        write!(f, "          {received} received")?;
        for (what, count) in noted.iter().chain(ignored).filter(|(_, count)| **count > 0) {
            write!(f, ", {count} {}", what.replace('_', " "))?;
        }
        if self.skipped > 0 {
            write!(f, "; frames the console was too late for: {}", self.skipped)?;
        }
        writeln!(f, "\nlatency   from kernel arrival to")?;
        writeln!(f, "          look published  {}", percentiles(&self.published))?;
        writeln!(f, "          radio handed    {}", percentiles(&self.handed))?;
        let Self { right, bands, .. } = self;
        write!(f, "accuracy  {right} of {bands} bands show what the console sent last")?;
        if let Some(time) = self.converged_in {
            write!(f, ", after {} ms", time.as_millis())?;
        }
        write!(
            f,
            "\n          {} of {} checks found a look not older than {} ms",
            percent(self.freshness),
            self.checks,
            FRESH.as_millis()
        )
    }
}

/// Rounded down: what is not all is never shown as 100 %.
fn percent(share: f64) -> String {
    format!("{:.2} %", (share * 10_000.0).floor() / 100.0)
}

fn percentiles(of: &Latency) -> String {
    format!(
        "p50 {:>8}  p99 {:>8}  max {:>8}",
        latency(of.p50_us),
        latency(of.p99_us),
        latency(of.max_us)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn perfect() -> Report {
        Report {
            played: Duration::from_secs(10),
            groups: 12,
            sent_sacn: 880,
            sent_artnet: 880,
            skipped: 0,
            send_error: None,
            packets: PacketCounts { received: 1761, accepted: 1760, ..PacketCounts::default() },
            published: Latency::default(),
            handed: Latency::default(),
            bands: 240,
            right: 240,
            converged_in: Some(Duration::from_millis(60)),
            freshness: 0.9999,
            checks: 10_000,
            not_at_end_look: 0,
        }
    }

    #[test]
    fn a_demo_without_fault_passes() {
        assert_eq!(perfect().verdict(), Ok(()));
        assert!(perfect().to_string().contains("1760 taken, 0 lost"));
    }

    #[test]
    fn whatever_was_lost_or_wrong_fails_the_demo() {
        let faults: [fn(&mut Report); 6] = [
            |report| report.packets.accepted -= 1,
            |report| report.right -= 1,
            |report| report.not_at_end_look = 1,
            |report| report.send_error = Some("no route".into()),
            |report| (report.sent_sacn, report.sent_artnet) = (0, 0),
            |report| (report.bands, report.right) = (0, 0),
        ];
        for (number, fault) in faults.into_iter().enumerate() {
            let mut report = perfect();
            fault(&mut report);
            assert!(report.verdict().is_err(), "fault {number} passes");
        }
    }
}
