//! The outputs of the node and their pages.

use super::{Action, OutputState, PAGES_MAX, PORTS_PER_PAGE, Programme, Target};
use crate::config::MergeMode;
use crate::universe::PortAddress;

/// One output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub(super) address: PortAddress,
    pub(super) state: OutputState,
    pub(super) merge: MergeMode,
}

/// A run of the ports.
#[derive(Clone, Copy, Debug)]
struct Page {
    first: usize,
    count: usize,
}

/// All outputs, sorted by address, in pages. Memory is taken once, for as many as can be announced.
#[derive(Debug)]
pub(super) struct Ports {
    ports: Vec<Port>,
    /// The ports of before, to take over their state; empty between calls.
    old: Vec<Port>,
    /// At least one, so that a show without Art-Net answers too.
    pages: Vec<Page>,
    unannounced: usize,
    /// How new ports merge.
    merge: MergeMode,
}

impl Ports {
    pub(super) fn new(merge: MergeMode, addresses: &[PortAddress]) -> Self {
        let mut ports = Self {
            ports: Vec::with_capacity(PAGES_MAX * PORTS_PER_PAGE),
            old: Vec::with_capacity(PAGES_MAX * PORTS_PER_PAGE),
            pages: Vec::with_capacity(PAGES_MAX),
            unannounced: 0,
            merge,
        };
        ports.set(addresses);
        ports
    }

    /// `addresses` ascend. Ports that stay keep their state.
    pub(super) fn set(&mut self, addresses: &[PortAddress]) {
        std::mem::swap(&mut self.ports, &mut self.old);
        self.pages.clear();
        self.unannounced = 0;
        for &address in addresses {
            let Some(page) = self.page_for(address) else {
                self.unannounced += 1;
                continue;
            };
            self.pages[page].count += 1;
            let old = self.old.binary_search_by_key(&address, |port| port.address);
            let new = Port { address, state: OutputState::default(), merge: self.merge };
            self.ports.push(old.map_or(new, |index| self.old[index]));
        }
        self.old.clear();
        if self.pages.is_empty() {
            self.pages.push(Page { first: 0, count: 0 });
        }
    }

    /// The last page if `address`, which is above all so far, belongs there, or else a new one.
    fn page_for(&mut self, address: PortAddress) -> Option<usize> {
        let shared = self.pages.last().is_some_and(|page| {
            let first = self.ports[page.first].address;
            page.count < PORTS_PER_PAGE && first.address() >> 4 == address.address() >> 4
        });
        if !shared {
            if self.pages.len() == PAGES_MAX {
                return None;
            }
            self.pages.push(Page { first: self.ports.len(), count: 0 });
        }
        Some(self.pages.len() - 1)
    }

    pub(super) fn all(&self) -> &[Port] {
        &self.ports
    }

    pub(super) fn unannounced(&self) -> usize {
        self.unannounced
    }

    pub(super) fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// The ports of a page; none where there is no such page.
    pub(super) fn page(&self, index: usize) -> &[Port] {
        self.pages.get(index).map_or(&[], |page| &self.ports[page.first..page.first + page.count])
    }

    /// The first page from `from` on that `target` asks for.
    pub(super) fn next_page(&self, from: usize, target: Target) -> Option<usize> {
        (from..self.pages.len()).find(|&index| {
            let mut ports = self.page(index).iter();
            target.is_none_or(|(bottom, top)| {
                ports.any(|port| (bottom..=top).contains(&port.address.address()))
            })
        })
    }

    /// Whether that is a change.
    pub(super) fn set_state(&mut self, address: PortAddress, state: OutputState) -> bool {
        let Ok(index) = self.ports.binary_search_by_key(&address, |port| port.address) else {
            return false;
        };
        let changed = self.ports[index].state != state;
        self.ports[index].state = state;
        changed
    }

    /// The command of an ArtAddress for a page (ArtAddress, Command); `None` = there is no such
    /// command here, or no such port.
    pub(super) fn programme(&mut self, page: usize, command: u8) -> Option<Programme> {
        let Page { first, count } = *self.pages.get(page)?;
        let page = first..first + count;
        let port = first + usize::from(command & 0x03);
        let one = port..(port + 1).min(page.end);
        let (action, meant) = match command {
            0x01 => (Action::CancelMerge, page),
            0x10..=0x13 => (Action::Merge(MergeMode::Ltp), one),
            0x50..=0x53 => (Action::Merge(MergeMode::Htp), one),
            0x90..=0x93 => (Action::Clear, one),
            _ => return None,
        };
        let ports = self.ports.get_mut(meant)?;
        let mut programme = Programme {
            action,
            ports: [ports.first()?.address; PORTS_PER_PAGE],
            port_count: ports.len(),
        };
        for (port, address) in ports.iter_mut().zip(&mut programme.ports) {
            *address = port.address;
            if let Action::Merge(mode) = action {
                port.merge = mode;
            }
        }
        Some(programme)
    }
}
