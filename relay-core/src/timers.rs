//! One deadline for each of a number of universes or groups, the earliest found in one step: a binary
//! heap that knows where each stands in it, so that a deadline can be moved. All memory is taken at
//! the start. Stage 3 keeps the deadlines of universes here, stage 4 those of groups.

use crate::time::Time;

/// Deadlines by index. Equal deadlines fire in the order of the indices.
#[derive(Debug)]
pub(crate) struct Timers {
    /// The heap: index by place.
    heap: Vec<u32>,
    /// Place in the heap by index, [`NONE`] if there is no deadline.
    place: Vec<u32>,
    /// Deadline by index; meaningful only if there is one.
    due: Vec<Time>,
}

const NONE: u32 = u32::MAX;

impl Timers {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            heap: Vec::with_capacity(count),
            place: vec![NONE; count],
            due: vec![Time::ZERO; count],
        }
    }

    /// The earliest deadline and its index.
    pub(crate) fn first(&self) -> Option<(Time, usize)> {
        self.heap.first().map(|&index| (self.due[index as usize], index as usize))
    }

    /// Sets, moves or clears the deadline of an index.
    pub(crate) fn set(&mut self, index: usize, due: Option<Time>) {
        let place = self.place[index];
        match (due, place) {
            (None, NONE) => {}
            (None, place) => self.remove(place as usize),
            (Some(due), NONE) => {
                self.due[index] = due;
                let place = self.heap.len();
                self.heap.push(index as u32);
                self.place[index] = place as u32;
                self.rise(place);
            }
            (Some(due), place) => {
                self.due[index] = due;
                let place = self.rise(place as usize);
                self.sink(place);
            }
        }
    }

    fn remove(&mut self, place: usize) {
        let index = self.heap.swap_remove(place);
        self.place[index as usize] = NONE;
        if let Some(&moved) = self.heap.get(place) {
            self.place[moved as usize] = place as u32;
            let place = self.rise(place);
            self.sink(place);
        }
    }

    /// Whether the index at place `a` fires before that at `b`.
    fn before(&self, a: usize, b: usize) -> bool {
        let key = |place: usize| (self.due[self.heap[place] as usize], self.heap[place]);
        key(a) < key(b)
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.place[self.heap[a] as usize] = a as u32;
        self.place[self.heap[b] as usize] = b as u32;
    }

    fn rise(&mut self, mut place: usize) -> usize {
        while place > 0 && self.before(place, (place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
        place
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let left = 2 * place + 1;
            if left >= self.heap.len() {
                return;
            }
            let right = left + 1;
            let child =
                if right < self.heap.len() && self.before(right, left) { right } else { left };
            if !self.before(child, place) {
                return;
            }
            self.swap(child, place);
            place = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_earliest_deadline_comes_first_and_ties_go_by_index(
            steps in proptest::collection::vec((0usize..20, proptest::option::of(0u64..50)), 0..200)
        ) {
            let mut timers = Timers::new(20);
            let mut model = [None; 20];
            for (index, due) in steps {
                let due = due.map(Time::from_millis);
                timers.set(index, due);
                model[index] = due;
                let first = model.iter().enumerate().filter_map(|(g, t)| Some(((*t)?, g))).min();
                prop_assert_eq!(timers.first(), first);
            }
        }
    }
}
