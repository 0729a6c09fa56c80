//! How evenly this machine gets packets: a stream at a console's rate to itself, and how late each
//! packet came. Stalls that come about once a second are the mark of AWDL and of power save, where
//! they reach the machine itself; those of the air alone a relay that runs has seen: `relay.rs`.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use super::finding::Finding;

/// 44 packets a second, as a console in a fade.
const EVERY: Duration = Duration::from_micros(1_000_000 / 44);

/// What is later than this is a stall, and what an eye may see.
const STALL: Duration = Duration::from_millis(20);

/// Stalls this far apart, on average, come once a second.
const ONCE_A_SECOND: std::ops::RangeInclusive<f64> = 0.8..=1.25;

/// Wall time that ran away from the time of the show is a step of the clock.
const STEP: Duration = Duration::from_millis(50);

/// What came of the stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Facts {
    /// For each packet how late it came, from when it was due.
    pub(super) late: Vec<Duration>,
    /// Packets that did not come.
    pub(super) lost: usize,
    /// How far the wall clock moved against the time that passed.
    pub(super) wall_moved: Duration,
}

pub(super) fn collect(time: Duration) -> io::Result<Facts> {
    let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    receiver.set_read_timeout(Some(Duration::from_millis(500)))?;
    let to = receiver.local_addr()?;
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let count = (time.as_nanos() / EVERY.as_nanos()).clamp(1, 10_000) as u32;
    let (start, wall) = (Instant::now(), SystemTime::now());
    let pacing = std::thread::Builder::new().name("doctor-pace".to_owned()).spawn(move || {
        for n in 0..count {
            std::thread::sleep((start + EVERY * n).saturating_duration_since(Instant::now()));
            // What is not sent is not heard.
            let _ = sender.send_to(&n.to_be_bytes(), to);
        }
    })?;
    let mut late = Vec::with_capacity(count as usize);
    let mut buffer = [0; 4];
    while late.len() < count as usize {
        let Ok(4) = receiver.recv(&mut buffer) else { break };
        let due = start + EVERY * u32::from_be_bytes(buffer).min(count);
        late.push(Instant::now().saturating_duration_since(due));
    }
    let _ = pacing.join();
    let passed = start.elapsed();
    let wall_moved = match wall.elapsed() {
        Ok(wall) => wall.abs_diff(passed),
        Err(back) => back.duration() + passed,
    };
    Ok(Facts { lost: count as usize - late.len(), late, wall_moved })
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut sorted = facts.late.clone();
    sorted.sort_unstable();
    let worst = sorted.last().copied().unwrap_or_default();
    let p99 = sorted.get(sorted.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default();
    let figures = format!(
        "of {} packets that this machine sent itself, 99 % came within {:.1} ms, the last after {:.1} ms",
        facts.late.len() + facts.lost,
        p99.as_secs_f64() * 1000.0,
        worst.as_secs_f64() * 1000.0,
    );
    let stalls: Vec<usize> = (0..facts.late.len()).filter(|n| facts.late[*n] >= STALL).collect();
    let mut found = vec![if facts.lost > 0 {
        let words = format!("{figures}; {} did not come", facts.lost);
        Finding::warning("timing", words, BUSY)
    } else if once_a_second(&stalls) {
        let words = format!("{figures}; it stalls about once a second");
        Finding::warning(
            "timing",
            words,
            "something takes the machine away periodically: power save, AirDrop (AWDL), a virtual machine",
        )
    } else if worst >= STALL {
        Finding::warning("timing", figures, BUSY)
    } else {
        Finding::ok("timing", figures)
    }];
    if facts.wall_moved >= STEP {
        found.push(Finding::warning(
            "clock-step",
            format!("the wall clock was set while looking, by {} ms", facts.wall_moved.as_millis()),
            "the light goes by another clock; the times of the log and of recordings jump. Let one \
             service set the clock, before the show",
        ));
    }
    found
}

const BUSY: &str = "close what else runs on this machine, and see the processor's check";

/// Whether stalls, by the numbers of their packets, come about once a second.
fn once_a_second(stalls: &[usize]) -> bool {
    // Packets that wait behind one stall are of that stall.
    let mut begins = stalls.to_vec();
    begins.dedup_by(|next, first| *next - *first < 11);
    let (Some(first), Some(last)) = (begins.first(), begins.last()) else { return false };
    let gaps = begins.len() - 1;
    gaps >= 1 && {
        let seconds = (last - first) as f64 / gaps as f64 * EVERY.as_secs_f64();
        ONCE_A_SECOND.contains(&seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn stream(stalls: &[usize]) -> Facts {
        let late = |n| Duration::from_millis(if stalls.contains(&n) { 40 } else { 0 });
        Facts { late: (0..132).map(late).collect(), lost: 0, wall_moved: Duration::ZERO }
    }

    #[test]
    fn an_even_stream_is_in_order() {
        let found = judge(&stream(&[]));
        assert_eq!((found.len(), found[0].verdict), (1, Verdict::Ok));
    }

    #[test]
    fn stalls_once_a_second_are_told_from_others() {
        let found = judge(&stream(&[10, 11, 54, 98, 99]));
        assert!(found[0].what.contains("once a second"), "{found:?}");
        for stalls in [&[10][..], &[10, 30, 50], &[10, 120]] {
            let found = judge(&stream(stalls));
            assert_eq!(found[0].verdict, Verdict::Warning);
            assert!(!found[0].what.contains("once a second"), "{found:?}");
        }
    }

    #[test]
    fn lost_packets_and_a_clock_that_is_set_are_warned_of() {
        let facts = Facts { lost: 3, wall_moved: Duration::from_secs(2), ..stream(&[]) };
        let found = judge(&facts);
        assert!(found[0].what.contains("3 did not come"));
        assert_eq!((found[1].check, found[1].verdict), ("clock-step", Verdict::Warning));
        let nothing = Facts { late: vec![], ..facts };
        assert_eq!(judge(&nothing)[0].verdict, Verdict::Warning);
    }

    #[test]
    fn what_is_sent_comes_in_order() {
        let facts = collect(Duration::from_millis(100)).unwrap();
        assert_eq!((facts.late.len(), facts.lost), (4, 0));
    }
}
