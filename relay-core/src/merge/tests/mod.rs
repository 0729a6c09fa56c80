//! Behaviour of the merge, clause by clause. `Stage` is one universe with a clock in ms.

mod artnet;
mod loss;
mod sacn;
mod sync;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::*;
use crate::event::Event;
use crate::universe::{PortAddress, SacnUniverse};
use crate::wire::sacn::Cid;

/// Merges with what they need, and a clock.
struct Stage {
    merge: Merge,
    events: EventQueue,
    now: u64,
    numbers: [u8; 256],
}

impl Stage {
    fn sacn() -> Self {
        Self::with(&["sacn/1"], MergeMode::Htp, 0, 4)
    }

    fn artnet() -> Self {
        Self::with(&["artnet/1"], MergeMode::Htp, 0, 4)
    }

    fn with(universes: &[&str], mode: MergeMode, sampling_ms: u64, sources: usize) -> Self {
        let limits = Limits { universes: 8, sources_per_universe: sources, events: 64 };
        let mut merge = Merge::new(&limits, mode, Duration::from_millis(sampling_ms));
        for (u, name) in universes.iter().enumerate() {
            assert_eq!(merge.add(name.parse().unwrap(), Time::ZERO), Some(u));
        }
        Self { merge, events: EventQueue::new(1024), now: 0, numbers: [0; 256] }
    }

    /// Moves the clock and does what is due on the way, each thing at its time.
    fn at(&mut self, now_ms: u64) -> &mut Self {
        let now = Time::from_millis(now_ms);
        while let Some(due) = self.merge.poll_timeout().filter(|&due| due <= now) {
            self.merge.handle_timeout(due, &mut self.events);
        }
        self.now = now_ms;
        self
    }

    fn time(&self) -> Time {
        Time::from_millis(self.now)
    }

    /// Sends with the next sequence number of source `data` is from.
    fn send(&mut self, data: DmxData<'_>) -> Merged {
        self.send_to(0, data)
    }

    fn send_to(&mut self, u: usize, mut data: DmxData<'_>) -> Merged {
        let number = &mut self.numbers[usize::from(data.name[0])];
        *number = number.wrapping_add(1).max(1);
        data.sequence = data.sequence.or(Some(*number));
        self.apply(u, &data)
    }

    fn apply(&mut self, u: usize, data: &DmxData<'_>) -> Merged {
        self.merge.apply(u, self.time(), data, &mut self.events)
    }

    /// Source `n` sends every 25 ms from now until just before `until_ms`.
    fn stream(&mut self, until_ms: u64, sources: &[DmxData<'_>]) -> &mut Self {
        while self.now < until_ms {
            for &data in sources {
                let _ = self.send(data);
            }
            let next = (self.now + 25).min(until_ms);
            self.at(next);
        }
        self
    }

    fn level(&self) -> u8 {
        self.merge.levels(0)[0]
    }

    fn levels(&self, count: usize) -> &[u8] {
        &self.merge.levels(0)[..count]
    }

    fn signal(&self) -> SignalState {
        self.merge.signal(0)
    }

    fn sample(&self) -> UniverseSample {
        let mut sample = UniverseSample::new();
        self.merge.sample(0, self.time(), &mut sample);
        sample
    }

    /// Name and reason of every source in the sample.
    fn sources(&self) -> Vec<(u8, Option<Silence>)> {
        let sample = self.sample();
        sample.sources().iter().map(|s| (name_of(s.id), s.silence)).collect()
    }

    fn events(&mut self) -> Vec<EventKind> {
        std::iter::from_fn(|| self.events.pop()).map(|Event { kind, .. }| kind).collect()
    }

    fn labels(&mut self) -> Vec<&'static str> {
        self.events().iter().map(EventKind::label).collect()
    }

    fn changed(&mut self) -> Vec<usize> {
        let mut changed: Vec<_> = std::iter::from_fn(|| self.merge.poll_changed()).collect();
        changed.sort_unstable();
        changed
    }

    fn sync(&mut self, address: u16, number: u8) -> Merged {
        self.merge.sacn_sync(self.time(), address, Cid([9; 16]), number, &mut self.events)
    }

    fn art_sync(&mut self, from: u8) -> Merged {
        self.merge.art_sync(self.time(), ip(from), &mut self.events)
    }
}

fn ip(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, n))
}

fn name_of(id: SourceId) -> u8 {
    match id {
        SourceId::Sacn(cid) => cid.0[0],
        SourceId::ArtNet { ip: IpAddr::V4(ip), .. } => ip.octets()[3],
        SourceId::ArtNet { .. } => 0,
    }
}

/// The names of sources, so that each can be told by one number.
static NAMES: [[u8; 1]; 32] = {
    let mut names = [[0]; 32];
    let mut n = 0;
    while n < 32 {
        names[n] = [n as u8];
        n += 1;
    }
    names
};

/// Levels from sACN source `n` with a priority.
fn sacn(n: u8, priority: u8, slots: &[u8]) -> DmxData<'_> {
    DmxData {
        source: SourceId::Sacn(Cid([n; 16])),
        address: SocketAddr::new(ip(n), 5568),
        name: &NAMES[usize::from(n)],
        priority,
        sequence: None,
        slots: Slots::Levels(slots),
        preview: false,
        terminated: false,
        sync: None,
    }
}

/// Per-address priorities from sACN source `n`.
fn pap(n: u8, slots: &[u8]) -> DmxData<'_> {
    DmxData { slots: Slots::Priorities(slots), ..sacn(n, 100, &[]) }
}

fn farewell(n: u8) -> DmxData<'static> {
    DmxData { terminated: true, ..sacn(n, 100, &[]) }
}

fn numbered(data: DmxData<'_>, number: u8) -> DmxData<'_> {
    DmxData { sequence: Some(number), ..data }
}

fn synced(data: DmxData<'_>, address: u16, force: bool) -> DmxData<'_> {
    DmxData { sync: Some(SyncRequest { address, force }), ..data }
}

/// Levels from the Art-Net controller with address `n`.
fn artnet(n: u8, slots: &[u8]) -> DmxData<'_> {
    DmxData { source: SourceId::ArtNet { ip: ip(n), physical: 0 }, ..sacn(n, 100, slots) }
}
