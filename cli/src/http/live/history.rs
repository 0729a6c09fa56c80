//! Latencies of the last minutes, one point a second.

use std::collections::VecDeque;

use serde::Serialize;
use wristcast_core::relay::RelayHandle;
use wristcast_core::snapshot::Distribution;

/// Seconds remembered.
const SECONDS: usize = 300;

/// Upper bounds of buckets, microseconds: five for each power of two from 16 µs to 2 s.
const BOUNDS: usize = 86;

/// The latencies of one second, microseconds; `None`: nothing came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Point(
    /// Median, arrival to look published.
    Option<u32>,
    /// 99th percentile, arrival to look published.
    Option<u32>,
    /// Median, arrival to frame handed to a radio.
    Option<u32>,
    /// 99th percentile, arrival to frame handed to a radio.
    Option<u32>,
);

/// The points, oldest first, and what the next one is counted from.
#[derive(Debug, Default)]
pub(super) struct History {
    points: VecDeque<Point>,
    before: Option<[Distribution; 2]>,
    bounds: Vec<u64>,
}

impl History {
    /// Takes note of the second that has passed.
    pub(super) fn note(&mut self, relay: &RelayHandle) {
        if self.bounds.is_empty() {
            self.bounds = bounds();
        }
        let now = relay.latencies(&self.bounds);
        if let Some([published, handed]) = &self.before {
            let p = |was: &Distribution, is: &Distribution, q| {
                percentile(&self.bounds, &was.buckets, &is.buckets, q)
            };
            let point = Point(
                p(published, &now[0], 0.5),
                p(published, &now[0], 0.99),
                p(handed, &now[1], 0.5),
                p(handed, &now[1], 0.99),
            );
            if self.points.len() == SECONDS {
                self.points.pop_front();
            }
            self.points.push_back(point);
        }
        self.before = Some(now);
    }

    /// All that is remembered.
    pub(super) fn points(&self) -> Vec<Point> {
        self.points.iter().copied().collect()
    }
}

fn bounds() -> Vec<u64> {
    (0..BOUNDS).map(|n| (16.0 * 2f64.powf(n as f64 / 5.0)).round() as u64).collect()
}

/// The bound under which a share of what was added between two counts lies.
fn percentile(bounds: &[u64], was: &[u64], is: &[u64], share: f64) -> Option<u32> {
    let added = is.iter().zip(was).map(|(is, was)| is.saturating_sub(*was));
    let all: u64 = added.clone().sum();
    let wanted = ((all as f64 * share).ceil() as u64).max(1);
    let mut seen = 0;
    for (count, bound) in added.zip(bounds.iter().chain(bounds.last())) {
        seen += count;
        if seen >= wanted {
            return Some(u32::try_from(*bound).unwrap_or(u32::MAX));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_of_what_came_since() {
        let bounds = [100, 200, 400];
        assert_eq!(percentile(&bounds, &[9, 9, 9, 9], &[9, 9, 9, 9], 0.5), None);
        assert_eq!(percentile(&bounds, &[500, 0, 0, 0], &[500, 99, 1, 0], 0.5), Some(200));
        assert_eq!(percentile(&bounds, &[500, 0, 0, 0], &[500, 99, 1, 0], 0.99), Some(200));
        assert_eq!(percentile(&bounds, &[500, 0, 0, 0], &[500, 99, 1, 0], 1.0), Some(400));
        assert_eq!(percentile(&bounds, &[0, 0, 0, 0], &[0, 0, 0, 1], 0.5), Some(400), "above all");
    }

    #[test]
    fn bounds_ascend_from_microseconds_to_seconds() {
        let bounds = bounds();
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(bounds[0] < 20 && bounds[BOUNDS - 1] > 1_000_000, "{bounds:?}");
    }
}
