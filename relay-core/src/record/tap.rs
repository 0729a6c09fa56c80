//! From the thread that receives to the one that writes: a bounded ring of datagrams.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringbuf::traits::{Consumer, Observer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

use super::Shared;
use crate::engine::Datagram;
use crate::time::Time;

/// Bytes of the ring: 2 s of a full venue, 22 500 datagrams a second.
pub(super) const RING_BYTES: usize = 32 << 20;

/// Before each datagram in the ring.
const HEAD: usize = 56;

/// Stands for an interface that the system did not tell.
const NO_INTERFACE: u32 = u32::MAX;

/// The receiving thread's end. One producer; never blocks, never allocates, makes no system call.
pub struct RecordTap {
    ring: HeapProd<u8>,
    shared: Arc<Shared>,
}

impl RecordTap {
    /// Puts a datagram that came in at UDP port `port` into the ring. One that finds it full is
    /// lost to the recording, and counted.
    pub fn push(&mut self, port: u16, datagram: &Datagram<'_>, arrival: Time) {
        let length = datagram.bytes.len();
        if self.ring.vacant_len() < HEAD + length {
            self.shared.overflowed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let destination = datagram.destination.unwrap_or(Ipv6Addr::UNSPECIFIED.into());
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(&arrival.as_nanos().to_le_bytes());
        head[8..12].copy_from_slice(&(length as u32).to_le_bytes());
        let interface = datagram.interface.unwrap_or(NO_INTERFACE);
        head[12..16].copy_from_slice(&interface.to_le_bytes());
        head[16..18].copy_from_slice(&datagram.source.port().to_le_bytes());
        head[18..20].copy_from_slice(&port.to_le_bytes());
        head[24..40].copy_from_slice(&mapped(datagram.source.ip()));
        head[40..56].copy_from_slice(&mapped(destination));
        self.ring.push_slice(&head);
        self.ring.push_slice(datagram.bytes);
    }
}

impl std::fmt::Debug for RecordTap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordTap").finish_non_exhaustive()
    }
}

/// A datagram out of the ring; its bytes are in the batch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: Time,
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    /// The system's index.
    pub(super) interface: Option<u32>,
    pub(super) start: usize,
    pub(super) length: usize,
}

/// The writing thread's end.
pub(super) struct Drain {
    ring: HeapCons<u8>,
    /// Datagrams taken out at once, in the order of their arrival.
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

/// Bytes taken out of the ring at once.
const BATCH_BYTES: usize = 1 << 20;

/// A ring of `bytes` bytes, all of whose memory is there from the beginning.
pub(super) fn ring(bytes: usize, shared: &Arc<Shared>) -> (RecordTap, Drain) {
    let (mut producer, mut consumer) = HeapRb::<u8>::new(bytes).split();
    // The system gives memory at its first use; that must not be while light waits.
    while producer.push_slice(&[0; 4096]) > 0 {}
    consumer.clear();
    let entries = Vec::with_capacity(2048);
    let drain = Drain { ring: consumer, entries, bytes: Vec::with_capacity(BATCH_BYTES) };
    (RecordTap { ring: producer, shared: Arc::clone(shared) }, drain)
}

impl Drain {
    /// Takes out what there is, up to a batch; false if there is nothing.
    pub(super) fn take(&mut self) -> bool {
        self.entries.clear();
        self.bytes.clear();
        while self.bytes.len() < BATCH_BYTES - (1 << 16) {
            let mut head = [0; HEAD];
            if self.ring.peek_slice(&mut head) < HEAD {
                break;
            }
            let mut entry = decode(&head);
            if self.ring.occupied_len() < HEAD + entry.length {
                break; // It is still being put in.
            }
            self.ring.skip(HEAD);
            entry.start = self.bytes.len();
            self.bytes.resize(entry.start + entry.length, 0);
            self.ring.pop_slice(&mut self.bytes[entry.start..]);
            self.entries.push(entry);
        }
        // Sockets are read one after another, so what arrived between two turns is out of order.
        self.entries.sort_by_key(|entry| entry.at);
        !self.entries.is_empty()
    }

    /// What was taken out.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Entry, &[u8])> {
        self.entries.iter().map(|entry| (*entry, &self.bytes[entry.start..][..entry.length]))
    }
}

fn decode(head: &[u8; HEAD]) -> Entry {
    let array = |at: usize| -> [u8; 4] { std::array::from_fn(|n| head[at + n]) };
    let port = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let address = |at: usize| {
        Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|n| head[at + n])).to_canonical()
    };
    let (source, mut destination) = (address(24), address(40));
    if destination.is_unspecified() && source.is_ipv4() {
        destination = std::net::Ipv4Addr::UNSPECIFIED.into();
    }
    Entry {
        at: Time::from_nanos(u64::from_le_bytes(std::array::from_fn(|n| head[n]))),
        source: SocketAddr::new(source, port(16)),
        destination: SocketAddr::new(destination, port(18)),
        interface: Some(u32::from_le_bytes(array(12))).filter(|&index| index != NO_INTERFACE),
        start: 0,
        length: u32::from_le_bytes(array(8)) as usize,
    }
}

fn mapped(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram<'a>(bytes: &'a [u8], source: &str, to: Option<&str>) -> Datagram<'a> {
        Datagram {
            bytes,
            source: source.parse().unwrap(),
            destination: to.map(|to| to.parse().unwrap()),
            interface: Some(3),
            at: Time::ZERO,
        }
    }

    #[test]
    fn datagrams_come_out_whole_in_the_order_of_their_arrival() {
        let shared = Arc::default();
        let (mut tap, mut drain) = ring(4096, &shared);
        assert!(!drain.take());
        let late = datagram(b"late", "10.0.0.1:5568", Some("239.255.0.1"));
        tap.push(5568, &late, Time::from_nanos(9));
        let early = datagram(b"", "[fe80::1]:1", None);
        tap.push(5568, &Datagram { interface: None, ..early }, Time::from_nanos(7));
        tap.push(6454, &datagram(b"x", "10.0.0.2:6454", None), Time::from_nanos(9));
        assert!(drain.take());
        let told: Vec<String> = drain
            .entries()
            .map(|(entry, bytes)| {
                let Entry { at, source, destination, interface, .. } = entry;
                let text = bytes.escape_ascii();
                format!("{} {source} {destination} {interface:?} {text}", at.as_nanos())
            })
            .collect();
        assert_eq!(
            told,
            [
                "7 [fe80::1]:1 [::]:5568 None ",
                "9 10.0.0.1:5568 239.255.0.1:5568 Some(3) late",
                "9 10.0.0.2:6454 0.0.0.0:6454 Some(3) x",
            ]
        );
        assert!(!drain.take());
    }

    #[test]
    fn what_finds_the_ring_full_is_lost_whole_and_counted() {
        let shared = Arc::default();
        let (mut tap, mut drain) = ring(1000, &shared);
        let bytes = [7; 300];
        for _ in 0..5 {
            tap.push(1, &datagram(&bytes, "10.0.0.1:1", None), Time::ZERO);
        }
        assert_eq!(shared.overflowed.load(Ordering::Relaxed), 3);
        assert!(drain.take());
        assert_eq!(drain.entries().filter(|(_, found)| *found == bytes).count(), 2);
        for _ in 0..50 {
            tap.push(1, &datagram(&bytes, "10.0.0.1:1", None), Time::ZERO);
            assert!(drain.take(), "round the ring's end");
            assert_eq!(drain.entries().map(|(_, found)| found).collect::<Vec<_>>(), [bytes]);
        }
    }
}
