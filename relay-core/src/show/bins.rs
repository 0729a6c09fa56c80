//! A quantity over time in a fixed number of cells, whatever the length of the show: when time runs
//! out of the last cell, neighbours are joined and every cell is twice as long.

use crate::time::Time;

/// What a cell can hold.
pub(super) trait Cell: Copy + Default {
    /// Joins a later neighbour to this one.
    fn join(&mut self, later: Self);
}

/// Cells in use are always more than half of all, once the show is longer than a millisecond for
/// each.
#[derive(Clone, Debug)]
pub(super) struct Bins<C> {
    cells: Vec<C>,
    /// Of one cell, nanoseconds.
    width: u64,
}

const SHORTEST: u64 = 1_000_000;

impl<C: Cell> Bins<C> {
    /// `count` cells, an even number.
    pub(super) fn new(count: usize) -> Self {
        Self { cells: vec![C::default(); count], width: SHORTEST }
    }

    /// Adds something that lasted from `from` to `to`: `add` is called for every cell it touches
    /// with the nanoseconds it lasted there, at least once.
    pub(super) fn span(&mut self, from: Time, to: Time, mut add: impl FnMut(&mut C, u64)) {
        let (from, to) = (from.as_nanos(), to.as_nanos());
        while to / self.width >= self.cells.len() as u64 {
            self.halve();
        }
        let mut at = from;
        loop {
            let index = at / self.width;
            let end = (index + 1).saturating_mul(self.width).min(to);
            if let Some(cell) = self.cells.get_mut(index as usize) {
                add(cell, end.saturating_sub(at));
            }
            at = end;
            if at >= to {
                break;
            }
        }
    }

    fn halve(&mut self) {
        let half = self.cells.len() / 2;
        for index in 0..half {
            let mut cell = self.cells[index * 2];
            cell.join(self.cells[index * 2 + 1]);
            self.cells[index] = cell;
        }
        self.cells[half..].fill(C::default());
        self.width *= 2;
    }

    /// The time from zero to `end` in `columns` equal parts. A part shorter than a cell is that
    /// cell.
    pub(super) fn resample(&self, end: Time, columns: usize) -> Vec<C> {
        let end = u128::from(end.as_nanos().max(1));
        let cell_at = |column: usize| {
            let at = end * column as u128 / columns as u128 / u128::from(self.width);
            usize::try_from(at).unwrap_or(usize::MAX).min(self.cells.len() - 1)
        };
        (0..columns)
            .map(|column| {
                let first = cell_at(column);
                let mut joined = self.cells[first];
                for cell in &self.cells[first + 1..cell_at(column + 1).max(first + 1)] {
                    joined.join(*cell);
                }
                joined
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nanoseconds.
    #[derive(Clone, Copy, Debug, Default, PartialEq)]
    struct Sum(u64);

    impl Cell for Sum {
        fn join(&mut self, later: Self) {
            self.0 += later.0;
        }
    }

    #[test]
    fn nothing_is_lost_when_cells_are_joined() {
        let mut bins = Bins::<Sum>::new(8);
        let mut at = 0;
        for step in 1..400 {
            let next = at + step * 977_777;
            bins.span(Time::from_nanos(at), Time::from_nanos(next), |cell, nanos| cell.0 += nanos);
            at = next;
        }
        assert_eq!(bins.cells.iter().map(|cell| cell.0).sum::<u64>(), at);
        let used = bins.cells.iter().filter(|cell| cell.0 > 0).count();
        assert!(used > 4, "{used}");
        assert!(bins.cells[..used - 1].iter().all(|cell| cell.0 == bins.width));
    }

    #[test]
    fn columns_cover_the_time_in_order() {
        let mut bins = Bins::<Sum>::new(64);
        let second = |n: u64| Time::from_millis(n * 1000);
        bins.span(second(3), second(4), |cell, nanos| cell.0 += nanos);
        bins.span(second(10), second(10), |cell, _| cell.0 += 0);
        let columns = bins.resample(second(10), 10);
        assert_eq!(columns.iter().filter(|cell| cell.0 > 0).count(), 2, "{columns:?}");
        assert!(columns[3].0 > 800_000_000 && columns[2].0 + columns[4].0 < 200_000_000);
        assert_eq!(bins.resample(second(10), 1000).len(), 1000);
        assert_eq!(Bins::<Sum>::new(2).resample(Time::ZERO, 3), vec![Sum(0); 3]);
    }
}
