//! The worst gap between two packets, of every quarter of a second. On the light's way: a few
//! instructions per packet.

use std::time::Duration;

use crate::time::Time;

/// How much time one [`WorstGap`] speaks of.
pub const WINDOW: Duration = Duration::from_millis(250);

/// After a silence of this length nothing is compared: nobody sent, or that is told elsewhere.
const IDLE: Duration = Duration::from_millis(500);

/// The worst gap of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorstGap {
    /// When the packet came that ended it.
    pub ended: Time,
    /// Its length.
    pub gap: Duration,
    /// Packets of the window.
    pub packets: u32,
}

/// Measures. Whose packets they are makes no difference: what stops the network stops all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct GapMeter {
    /// The packet before, and the end of the window.
    last: Option<(Time, Time)>,
    worst: WorstGap,
}

impl GapMeter {
    /// Takes a packet that arrived `at`. Returns what a window that is over by then had.
    #[inline]
    pub fn arrived(&mut self, at: Time) -> Option<WorstGap> {
        let Some((last, end)) = self.last else { return self.begin(at) };
        let gap = at.since(last);
        if gap >= IDLE {
            return self.begin(at);
        }
        let over = (at >= end).then(|| std::mem::take(&mut self.worst));
        if gap >= self.worst.gap {
            self.worst.gap = gap;
            self.worst.ended = at;
        }
        self.worst.packets += 1;
        let end = if over.is_some() { at + WINDOW } else { end };
        // Packets of two sockets may be read in another order than they came in.
        self.last = Some((at.max(last), end));
        over
    }

    #[cold]
    fn begin(&mut self, at: Time) -> Option<WorstGap> {
        *self = Self { last: Some((at, at + WINDOW)), worst: WorstGap::default() };
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows that are over after packets at these times, in ms.
    fn measure(at_ms: impl IntoIterator<Item = u64>) -> Vec<WorstGap> {
        let mut meter = GapMeter::default();
        at_ms.into_iter().filter_map(|ms| meter.arrived(Time::from_millis(ms))).collect()
    }

    #[test]
    fn a_window_tells_its_worst_gap_and_when_it_ended() {
        let times = (0..200).map(|n| 20 * n).filter(|ms| !(300..360).contains(ms));
        let windows = measure(times);
        assert!(windows.len() > 10);
        let (stalled, even): (Vec<WorstGap>, Vec<WorstGap>) =
            windows.into_iter().partition(|window| window.gap > Duration::from_millis(20));
        let [stalled] = stalled[..] else { panic!("{stalled:?}") };
        assert_eq!(
            (stalled.gap, stalled.ended),
            (Duration::from_millis(80), Time::from_millis(360))
        );
        assert!(even.iter().all(|window| window.gap == Duration::from_millis(20)), "{even:?}");
        assert!(even.iter().all(|window| (12..=13).contains(&window.packets)), "{even:?}");
    }

    #[test]
    fn a_console_that_sends_once_a_second_has_no_gaps() {
        assert_eq!(measure((0..60).map(|n| 1000 * n)), []);
    }

    #[test]
    fn packets_that_are_read_late_are_no_gap() {
        let mut times: Vec<u64> = (0..100).map(|n| 20 * n).collect();
        times.swap(30, 34);
        let windows = measure(times);
        let worst = windows.iter().map(|window| window.gap).max();
        assert!(worst <= Some(Duration::from_millis(100)), "{windows:?}");
    }
}
