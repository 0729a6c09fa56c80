//! What the relay thread counts, readable from any thread at any time.
//!
//! One writer, the relay thread, with relaxed atomics: a reader may see one count before another
//! that was written earlier, never a torn one. Rates and percentiles are worked out by the reader,
//! at control rate.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use histogram::{AtomicHistogram, Histogram};

use crate::config::EndLook;
use crate::engine::{Counters, Ignored, Note};
use crate::look::Look;
use crate::snapshot::{Distribution, Latency, PacketCounts};
use crate::steering::{FULL, Steering};
use crate::strobe::StrobeGuard;
use crate::wire::Malformed;

/// A count that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts `n` more. One writer only.
    pub fn add(&self, n: u64) {
        // No read-modify-write is needed with one writer.
        self.0.store(self.0.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    /// Replaces the count.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Nanoseconds, 0.8 % wide buckets, up to 2^36 ns = 68 s; longer ones are counted there.
const GROUPING_POWER: u8 = 7;
const MAX_POWER: u8 = 36;

/// How long something took, as a distribution.
#[derive(Debug)]
pub struct LatencyHistogram(AtomicHistogram);

impl Default for LatencyHistogram {
    fn default() -> Self {
        match AtomicHistogram::new(GROUPING_POWER, MAX_POWER) {
            Ok(histogram) => Self(histogram),
            Err(_) => unreachable!("7 and 36 are valid powers"),
        }
    }
}

impl LatencyHistogram {
    /// One more of that length.
    pub fn record(&self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let _ = self.0.increment(nanos.min((1 << MAX_POWER) - 1));
    }

    /// It, in buckets up to `bounds_us`.
    pub fn distribution(&self, bounds_us: &[u64]) -> Distribution {
        distribution(&self.0.load(), 1_000.0, bounds_us)
    }

    /// Its percentiles.
    pub fn latency(&self) -> Latency {
        percentiles(&self.0.load(), 1_000.0)
    }
}

/// Percentiles of a histogram whose unit goes `per_micro` times into a microsecond.
pub fn percentiles(histogram: &Histogram, per_micro: f64) -> Latency {
    let Ok(Some(result)) = histogram.quantiles(&[0.5, 0.99, 1.0]) else {
        return Latency::default();
    };
    let mut micros = result.entries().values().map(|bucket| bucket.end() as f64 / per_micro);
    let mut next = || micros.next().unwrap_or_default();
    Latency {
        count: u64::try_from(result.total_count()).unwrap_or(u64::MAX),
        p50_us: next(),
        p99_us: next(),
        max_us: next(),
    }
}

/// A histogram whose unit goes `per_micro` times into a microsecond, in buckets up to `bounds_us`,
/// which ascend.
pub fn distribution(histogram: &Histogram, per_micro: f64, bounds_us: &[u64]) -> Distribution {
    let mut all = Distribution { buckets: vec![0; bounds_us.len() + 1], ..Distribution::default() };
    for bucket in histogram.iter().filter(|bucket| bucket.count() > 0) {
        let middle = (bucket.start() as f64 + bucket.end() as f64) / 2.0 / per_micro;
        let place = bounds_us.partition_point(|&bound| (bound as f64) < middle);
        all.buckets[place] += bucket.count();
        all.count += bucket.count();
        all.sum_us += middle * bucket.count() as f64;
    }
    all
}

/// The counts of the relay thread.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// Datagrams that came in through an interface that was not chosen.
    pub other_interface: Count,
    /// Index of the interface that the last of those came in through; 0 = none, or not told.
    pub last_other_interface: AtomicU32,
    /// What the engine did with all others.
    pub engine: EngineCounts,
    /// Bytes of all datagrams whose levels were taken.
    pub level_bytes: Count,
    /// Tables published.
    pub published: Count,
    /// Replies sent.
    pub sent: Count,
    /// Replies the system refused to send.
    pub send_failed: Count,
    /// Events that found the ring to the control side full.
    pub events_dropped: Count,
    /// Turns of the relay thread's loop.
    pub turns: Count,
    /// Kernel arrival → look published.
    pub latency_published: LatencyHistogram,
    /// What operators have done by hand.
    pub steering: SteeringFlags,
    /// What the strobe guard sees and does.
    pub strobe: StrobeCounts,
}

/// A copy of what the strobe guard knows that other threads may read.
#[derive(Debug, Default)]
pub struct StrobeCounts {
    /// Groups that flash too fast.
    pub flashing: AtomicU32,
    /// Groups held steady.
    pub held: AtomicU32,
    /// More groups than allowed flash too fast, or did of late.
    pub episode: AtomicBool,
    /// How often that began.
    pub episodes: Count,
}

impl StrobeCounts {
    /// Copies them. One writer only.
    pub fn copy(&self, guard: &StrobeGuard) {
        self.flashing.store(guard.flashing(), Ordering::Relaxed);
        self.held.store(guard.held(), Ordering::Relaxed);
        self.episode.store(guard.is_episode(), Ordering::Relaxed);
        self.episodes.set(guard.episodes());
    }
}

/// What operators have done by hand, as far as it concerns the whole show.
#[derive(Debug)]
pub struct SteeringFlags {
    /// Panic is latched.
    pub panic: AtomicBool,
    /// The show is frozen.
    pub frozen: AtomicBool,
    /// The grand master, 0..=255.
    pub grand_master: AtomicU8,
    /// Groups with an override.
    pub overridden: AtomicU32,
    /// A look, and in its free byte what it is: [`SHOW_FILE`], [`CHOSEN`] or [`HOLD`].
    start_look: AtomicU64,
    end_look: AtomicU64,
}

/// Nobody chose: the show file's.
const SHOW_FILE: u64 = 0;
/// The look was chosen.
const CHOSEN: u64 = 1 << 56;
/// To hold was chosen.
const HOLD: u64 = 2 << 56;

impl Default for SteeringFlags {
    fn default() -> Self {
        Self {
            panic: AtomicBool::default(),
            frozen: AtomicBool::default(),
            grand_master: AtomicU8::new(FULL),
            overridden: AtomicU32::default(),
            start_look: AtomicU64::new(SHOW_FILE),
            end_look: AtomicU64::new(SHOW_FILE),
        }
    }
}

impl SteeringFlags {
    /// Copies them. One writer only.
    pub fn copy(&self, steering: &Steering) {
        self.panic.store(steering.is_panic(), Ordering::Relaxed);
        self.frozen.store(steering.is_frozen(), Ordering::Relaxed);
        self.grand_master.store(steering.grand_master(), Ordering::Relaxed);
        self.overridden.store(steering.overridden(), Ordering::Relaxed);
        let start = steering.start_look().map_or(SHOW_FILE, |look| CHOSEN | look.to_bits());
        self.start_look.store(start, Ordering::Relaxed);
        let end = match steering.chosen_end() {
            None => SHOW_FILE,
            Some(EndLook::Hold) => HOLD,
            Some(EndLook::Look(look)) => CHOSEN | look.to_bits(),
        };
        self.end_look.store(end, Ordering::Relaxed);
    }

    /// The start look that an operator chose.
    pub fn start_look(&self) -> Option<Look> {
        let bits = self.start_look.load(Ordering::Relaxed);
        (bits != SHOW_FILE).then(|| Look::from_bits(bits))
    }

    /// The end look that an operator chose.
    pub fn end_look(&self) -> Option<EndLook> {
        match self.end_look.load(Ordering::Relaxed) {
            SHOW_FILE => None,
            HOLD => Some(EndLook::Hold),
            bits => Some(EndLook::Look(Look::from_bits(bits))),
        }
    }
}

impl Telemetry {
    /// Datagrams read from the sockets.
    pub fn received(&self) -> u64 {
        self.engine.received.0.load(Ordering::Acquire) + self.other_interface.get()
    }

    /// Datagrams by what became of them; `kernel_dropped` never got here. While datagrams come in
    /// a cause may be ahead of `received`, never behind it.
    pub fn packet_counts(&self, kernel_dropped: u64) -> PacketCounts {
        let received = self.received();
        let engine = &self.engine;
        let mut counts = PacketCounts {
            received,
            accepted: engine.accepted.get(),
            kernel_dropped,
            ..PacketCounts::default()
        };
        let causes = Ignored::ALL.iter().map(|why| why.label());
        let causes = causes.chain(Malformed::ALL.iter().map(|cause| cause.label()));
        for (cause, count) in causes.zip(&engine.left_out) {
            add(&mut counts.ignored, cause, count.get());
        }
        add(&mut counts.ignored, "other_interface", self.other_interface.get());
        for (note, count) in Note::ALL.iter().zip(&engine.noted) {
            add(&mut counts.noted, note.label(), count.get());
        }
        counts
    }
}

fn add(counts: &mut std::collections::BTreeMap<String, u64>, name: &str, count: u64) {
    if count > 0 {
        *counts.entry(name.to_owned()).or_default() += count;
    }
}

/// A copy of the engine's counters that other threads may read.
#[derive(Debug)]
pub struct EngineCounts {
    received: Count,
    accepted: Count,
    noted: [Count; Note::COUNT],
    left_out: [Count; Ignored::COUNT + Malformed::COUNT],
}

impl Default for EngineCounts {
    fn default() -> Self {
        Self {
            received: Count::default(),
            accepted: Count::default(),
            noted: std::array::from_fn(|_| Count::default()),
            left_out: std::array::from_fn(|_| Count::default()),
        }
    }
}

impl EngineCounts {
    /// Copies the engine's counters. One writer only.
    pub fn copy(&self, counters: &Counters) {
        self.accepted.set(counters.accepted + counters.held);
        for (count, (_, now)) in self.noted.iter().zip(counters.notes()) {
            count.set(now);
        }
        for (count, (_, now)) in self.left_out.iter().zip(counters.left_out()) {
            count.set(now);
        }
        // Last: whoever sees it sees what it is made of.
        self.received.0.store(counters.received, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_hundredth() {
        let histogram = LatencyHistogram::default();
        assert_eq!(histogram.latency(), Latency::default());
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        let latency = histogram.latency();
        assert_eq!(latency.count, 1000);
        for (value, expected) in
            [(latency.p50_us, 500.0), (latency.p99_us, 990.0), (latency.max_us, 1000.0)]
        {
            assert!((value / expected - 1.0).abs() < 0.01, "{latency:?}");
        }
    }

    #[test]
    fn a_distribution_counts_every_sample_once() {
        let histogram = LatencyHistogram::default();
        for micros in [50, 150, 150, 900, 70_000_000] {
            histogram.record(Duration::from_micros(micros));
        }
        let all = histogram.distribution(&[100, 200, 1000]);
        assert_eq!((all.count, all.buckets), (5, vec![1, 2, 1, 1]));
        assert!(all.sum_us > 60e6, "{}", all.sum_us);
    }

    #[test]
    fn what_takes_longer_than_a_minute_is_still_counted() {
        let histogram = LatencyHistogram::default();
        histogram.record(Duration::from_secs(3600));
        assert_eq!(histogram.latency().count, 1);
    }
}
