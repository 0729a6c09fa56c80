//! A picture of a show: one row for each group, time from left to right, in the colours that the
//! bands showed. People look before they read.
//!
//! Each moment of a row has the mean colour of its time, and below it a thin line with the brightest
//! look, because a flash of one frame would drown in the mean. Strobing is hatched.

mod html;
mod png;

use std::time::Duration;

use super::bins::{Bins, Cell};
use crate::look::Look;
use crate::time::Time;

/// Cells over all groups, at most: 24 bytes each for the sums and the peak, 160 MiB in all.
const CELLS_MAX: usize = 4 << 20;
/// Cells of one group.
const CELLS_FEWEST: usize = 64;
const CELLS_MOST: usize = 4096;

/// Groups in one picture; further ones are left out and counted.
pub const GROUPS_MAX: usize = 4096;

/// A fade is drawn in so many steps.
const FADE_STEPS: u32 = 16;

/// The looks of groups over time, whatever their number, in constant memory.
#[derive(Clone, Debug)]
pub struct Timeline {
    title: String,
    rows: Vec<Row>,
    /// Groups that found no row.
    left_out: usize,
    end: Time,
}

#[derive(Clone, Debug)]
struct Row {
    name: String,
    cells: Bins<Light>,
    /// What it went over to last, from what, and when.
    from: [u8; 3],
    look: Look,
    since: Time,
    /// Drawn up to here.
    drawn: Time,
}

/// What a group showed in a part of the time.
#[derive(Clone, Copy, Debug, Default)]
struct Light {
    /// Level times nanoseconds.
    sum: [u64; 3],
    nanos: u64,
    strobing: u64,
    /// The brightest.
    peak: [u8; 3],
}

/// A column of a row, ready to be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Column {
    mean: [u8; 3],
    peak: [u8; 3],
    strobing: bool,
}

impl Timeline {
    /// Dark rows for the groups of a show, in their order.
    pub fn new(title: &str, groups: &[String]) -> Self {
        let count = groups.len().min(GROUPS_MAX);
        let cells = (CELLS_MAX / count.max(1)).clamp(CELLS_FEWEST, CELLS_MOST);
        let rows = groups[..count].iter().map(|name| Row::new(name, cells)).collect();
        let left_out = groups.len() - count;
        Self { title: title.to_owned(), rows, left_out, end: Time::ZERO }
    }

    /// A group goes over to a look. Times must not run backwards.
    pub fn set(&mut self, at: Time, group: usize, look: Look) {
        self.end = self.end.max(at);
        if let Some(row) = self.rows.get_mut(group) {
            row.draw_until(at);
            row.from = row.colour_at(at);
            (row.look, row.since) = (look, at);
        }
    }

    /// The show is over; the last looks stay until then, and what came later is left out.
    pub fn end(&mut self, at: Time) {
        self.end = at;
        for row in &mut self.rows {
            row.draw_until(at);
        }
    }

    fn columns(&self, row: &Row, count: usize) -> Vec<Column> {
        row.cells.resample(self.end, count).iter().map(Light::column).collect()
    }
}

impl Row {
    fn new(name: &str, cells: usize) -> Self {
        Self {
            name: name.to_owned(),
            cells: Bins::new(cells),
            from: [0; 3],
            look: Look::DARK,
            since: Time::ZERO,
            drawn: Time::ZERO,
        }
    }

    fn fade(&self) -> Duration {
        Duration::from_millis(u64::from(self.look.fade_cs) * 10)
    }

    /// What it shows at a moment since its last look.
    fn colour_at(&self, at: Time) -> [u8; 3] {
        let (to, fade) = (colour(self.look), self.fade().as_nanos());
        let done = at.since(self.since).as_nanos();
        if done >= fade {
            return to;
        }
        std::array::from_fn(|index| {
            let (from, to) = (u128::from(self.from[index]), u128::from(to[index]));
            ((from * (fade - done) + to * done) / fade) as u8
        })
    }

    fn draw_until(&mut self, at: Time) {
        let step = self.fade() / FADE_STEPS;
        while !step.is_zero() && self.drawn < self.since + self.fade() && self.drawn < at {
            let next = (self.drawn + step).min(at);
            self.draw(self.colour_at(next), next);
        }
        if self.drawn < at {
            self.draw(self.colour_at(at), at);
        }
    }

    fn draw(&mut self, colour: [u8; 3], to: Time) {
        let strobing = self.look.strobe_dhz > 0;
        self.cells.span(self.drawn, to, |cell, nanos| cell.add(colour, nanos, strobing));
        self.drawn = to;
    }
}

impl Light {
    fn add(&mut self, colour: [u8; 3], nanos: u64, strobing: bool) {
        for (sum, level) in self.sum.iter_mut().zip(colour) {
            *sum = sum.saturating_add(u64::from(level).saturating_mul(nanos));
        }
        self.nanos = self.nanos.saturating_add(nanos);
        if strobing && colour != [0; 3] {
            self.strobing = self.strobing.saturating_add(nanos);
        }
        self.peak = brighter(self.peak, colour);
    }

    fn column(&self) -> Column {
        let mean = |sum: u64| sum.checked_div(self.nanos).unwrap_or(0).min(255) as u8;
        let strobing = self.strobing > self.nanos / 2;
        Column { mean: self.sum.map(mean), peak: self.peak, strobing }
    }
}

impl Cell for Light {
    fn join(&mut self, later: Self) {
        for (sum, more) in self.sum.iter_mut().zip(later.sum) {
            *sum = sum.saturating_add(more);
        }
        self.nanos = self.nanos.saturating_add(later.nanos);
        self.strobing = self.strobing.saturating_add(later.strobing);
        self.peak = brighter(self.peak, later.peak);
    }
}

fn brighter(first: [u8; 3], second: [u8; 3]) -> [u8; 3] {
    let light = |colour: [u8; 3]| colour.iter().map(|&level| u32::from(level)).sum::<u32>();
    if light(second) > light(first) { second } else { first }
}

/// A look as a screen shows it: white light on top of the colours.
fn colour(look: Look) -> [u8; 3] {
    let [red, green, blue, white] = look.output();
    [red, green, blue].map(|level| level.saturating_add(white))
}

/// A time as people read it, no finer than its axis needs.
fn clock(at: Time) -> String {
    let seconds = at.as_nanos() / 1_000_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Times for an axis: round ones, at most `most` of them.
fn ticks(end: Time, most: u64) -> Vec<Time> {
    const STEPS: [u64; 15] =
        [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600];
    let seconds = end.as_nanos() / 1_000_000_000;
    let fits = |step: &&u64| seconds / **step < most;
    let step = STEPS.iter().find(fits).copied().unwrap_or((seconds / most.max(1)).max(1));
    (0..=seconds / step).take(most as usize).map(|n| Time::from_millis(n * step * 1000)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Look = Look { red: 200, dimmer: 255, ..Look::DARK };

    fn timeline() -> Timeline {
        let mut timeline = Timeline::new("test", &["left".to_owned(), "right".to_owned()]);
        timeline.set(Time::from_millis(1000), 0, RED);
        timeline.set(Time::from_millis(2000), 0, Look::DARK);
        timeline.set(Time::from_millis(2000), 1, Look { fade_cs: 200, white: 100, ..RED });
        timeline.set(Time::from_millis(5010), 0, Look { blue: 255, strobe_dhz: 50, ..RED });
        timeline.set(Time::from_millis(5020), 0, Look::DARK);
        timeline.end(Time::from_millis(10_000));
        timeline
    }

    #[test]
    fn rows_show_what_the_groups_showed_when_they_did() {
        let timeline = timeline();
        let left = timeline.columns(&timeline.rows[0], 10);
        assert_eq!(left[0], Column::default());
        assert!(left[1].mean[0] > 195 && left[1].mean[1..] == [0, 0], "{:?}", left[1]);
        assert!(left[2].mean[0] < 5 && !left[2].strobing);
        assert!(left[5].mean[2] < 10, "one frame hardly colours a second");
        assert_eq!(left[5].peak, [200, 0, 255], "but it is the brightest of it");
        let right = timeline.columns(&timeline.rows[1], 10);
        let reds: Vec<u8> = right.iter().map(|column| column.mean[0]).collect();
        assert!((60..=90).contains(&reds[2]) && (180..=220).contains(&reds[3]), "{reds:?}");
        assert_eq!(right[4].mean, [255, 100, 100]);
        assert_eq!(right[9].mean, [255, 100, 100]);
    }

    #[test]
    fn what_comes_after_the_end_is_left_out() {
        let mut timeline = timeline();
        timeline.end(Time::from_millis(2000));
        let left = timeline.columns(&timeline.rows[0], 2);
        assert_eq!((left[0].mean, left[1].mean[1..].to_vec()), ([0; 3], vec![0, 0]));
        assert!(left[1].mean[0] > 195, "{:?}", left[1]);
    }

    #[test]
    fn strobing_is_marked() {
        let mut timeline = Timeline::new("test", &["a".to_owned()]);
        timeline.set(Time::ZERO, 0, Look { strobe_dhz: 100, ..RED });
        timeline.end(Time::from_millis(500));
        assert!(timeline.columns(&timeline.rows[0], 10).iter().all(|column| column.strobing));
    }

    #[test]
    fn an_axis_has_round_times_and_not_too_many() {
        let shown = |seconds: u64| -> Vec<String> {
            ticks(Time::from_millis(seconds * 1000), 6).into_iter().map(clock).collect()
        };
        assert_eq!(shown(10), ["0:00", "0:02", "0:04", "0:06", "0:08", "0:10"]);
        assert_eq!(shown(7200), ["0:00", "30:00", "1:00:00", "1:30:00", "2:00:00"]);
        assert_eq!(shown(0), ["0:00"]);
        assert!(shown(u64::MAX / 1_000_000_000).len() <= 6);
    }

    #[test]
    fn thousands_of_groups_take_no_more_memory_than_hundreds() {
        let names: Vec<String> = (0..70_000).map(|i| format!("group {i}")).collect();
        let timeline = Timeline::new("many", &names);
        assert_eq!((timeline.rows.len(), timeline.left_out), (GROUPS_MAX, 70_000 - GROUPS_MAX));
    }
}
