//! Links that wait for room on their radio.

/// Links that may have something to send, on a radio that has no room for all.
#[derive(Debug)]
pub(super) struct Competing {
    pub(super) list: Vec<u32>,
    member: Box<[bool]>,
}

impl Competing {
    pub(super) fn new(links: usize) -> Self {
        Self { list: Vec::with_capacity(links), member: vec![false; links].into_boxed_slice() }
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
}
