//! A set of links that keeps the order in which they came.

/// Links, each at most once. All memory is taken when it is made.
#[derive(Debug)]
pub(super) struct LinkSet {
    list: Vec<u32>,
    member: Box<[bool]>,
}

impl LinkSet {
    /// For a radio of so many links; empty.
    pub(super) fn new(links: usize) -> Self {
        Self { list: Vec::with_capacity(links), member: vec![false; links].into_boxed_slice() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The links, the first that came first.
    pub(super) fn links(&self) -> &[u32] {
        &self.list
    }

    pub(super) fn insert(&mut self, link: u32) {
        if !std::mem::replace(&mut self.member[link as usize], true) {
            self.list.push(link);
        }
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        let link = self.list.pop()?;
        self.member[link as usize] = false;
        Some(link)
    }

    pub(super) fn remove(&mut self, link: u32) {
        if std::mem::replace(&mut self.member[link as usize], false) {
            self.list.retain(|other| *other != link);
        }
    }

    pub(super) fn clear(&mut self) {
        for link in self.list.drain(..) {
            self.member[link as usize] = false;
        }
    }
}
