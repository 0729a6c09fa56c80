//! Which links a group goes to.

use crate::radio::Radio;

/// Which links and slots a group goes to.
#[derive(Debug)]
pub(super) struct Routes {
    /// Where in `ends` each group begins, and the end of the last.
    starts: Box<[u32]>,
    /// Link and slot in the link, by group.
    pub(super) ends: Box<[(u32, u32)]>,
}

impl Routes {
    pub(super) fn new(radio: &impl Radio, groups: usize) -> Self {
        let mut routes: Vec<(usize, u32, u32)> = Vec::new();
        for (link, spec) in radio.links().iter().enumerate() {
            let slots = spec.groups.iter().enumerate().filter(|(_, group)| **group < groups);
            routes.extend(slots.map(|(slot, group)| (*group, link as u32, slot as u32)));
        }
        routes.sort_unstable();
        let start = |group| routes.partition_point(|route| route.0 < group) as u32;
        Self {
            starts: (0..=groups).map(start).collect(),
            ends: routes.iter().map(|(_, link, slot)| (*link, *slot)).collect(),
        }
    }

    pub(super) fn of(&self, group: usize) -> std::ops::Range<usize> {
        match self.starts.get(group..=group + 1) {
            Some([start, end]) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }
}
