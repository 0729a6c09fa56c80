//! Consoles that come and go, send what changed at once and what stands still once a second.

use wristcast_core::universe::{PortAddress, SacnUniverse};
use wristcast_core::wire::sacn::Cid;
use wristcast_core::wire::{artnet, sacn};

use crate::noise::Noise;

/// The patched universes: consoles know them by their place here.
pub(crate) const UNIVERSES: [&str; 4] = ["sacn/1", "sacn/2", "sacn/3", "artnet/0"];
const SACN_UNIVERSES: usize = 3;

/// Slots that consoles send; the rest is 0.
pub(crate) const SLOTS: usize = 12;

/// What stands still is sent again after that, ms.
const KEEP_ALIVE_MS: u64 = 900;

/// Art-Net consoles ask who is there that often, ms (Art-Net 4: every 2.5 to 3 s).
const POLL_MS: u64 = 2700;

/// Changes are sent that often after they came to rest.
const REPEATS: u8 = 3;

/// A packet as it leaves a console.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) console: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_sacn: bool,
    /// Universe, by place; `None` for synchronization and polls.
    pub(crate) universe: Option<usize>,
    /// Counts a console's packets of a universe since it started.
    pub(crate) number: u64,
    /// How often the console had started then.
    pub(crate) life: u32,
    pub(crate) levels: [u8; SLOTS],
    pub(crate) terminated: bool,
}

#[derive(Clone, Debug)]
struct Stream {
    universe: usize,
    levels: [u8; SLOTS],
    sequence: u8,
    number: u64,
    /// How often the levels still go out at full rate.
    repeats: u8,
    sent_ms: u64,
}

/// One console.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    index: usize,
    pub(crate) priority: u8,
    is_sacn: bool,
    /// Synchronizes its universes on this address.
    sync: Option<u16>,
    sync_sequence: u8,
    streams: Vec<Stream>,
    /// When it polls next, if it is Art-Net.
    poll_ms: u64,
    /// Time from frame to frame, ms.
    frame_ms: u64,
    pub(crate) next_ms: u64,
    /// Silent until then.
    pub(crate) off_until_ms: Option<u64>,
    pub(crate) life: u32,
    /// Percent of frames in which something changes.
    busy: u64,
}

impl Console {
    /// Console `index`; the first two are sACN, the third is Art-Net, a fourth is either.
    pub(crate) fn new(index: usize, noise: &mut Noise) -> Self {
        let is_sacn = index < 2 || (index > 2 && noise.chance(50));
        let universes: Vec<usize> = if is_sacn {
            let all = 0..SACN_UNIVERSES;
            let some: Vec<usize> = all.filter(|_| noise.chance(70)).collect();
            if some.is_empty() { vec![0] } else { some }
        } else {
            vec![SACN_UNIVERSES]
        };
        let stream = |universe| Stream {
            universe,
            levels: [0; SLOTS],
            sequence: 0,
            number: 0,
            repeats: REPEATS,
            sent_ms: 0,
        };
        Self {
            index,
            priority: [100, 100, 120, 90][noise.below(4) as usize],
            is_sacn,
            // Two masters of one address would be a fault of the network's own.
            sync: (is_sacn && noise.chance(30)).then_some(7000 + index as u16),
            sync_sequence: noise.byte(),
            streams: universes.into_iter().map(stream).collect(),
            poll_ms: noise.below(POLL_MS),
            frame_ms: noise.between(23, 60),
            next_ms: noise.below(1000),
            off_until_ms: None,
            life: 0,
            busy: [2, 10, 50][noise.below(3) as usize],
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.off_until_ms.is_none()
    }

    pub(crate) fn is_sacn(&self) -> bool {
        self.is_sacn
    }

    /// What it wants on a universe, if it sends that.
    pub(crate) fn levels(&self, universe: usize) -> Option<&[u8; SLOTS]> {
        self.streams.iter().find(|stream| stream.universe == universe).map(|s| &s.levels)
    }

    /// Starts anew: numbers begin anywhere.
    pub(crate) fn start(&mut self, now_ms: u64, noise: &mut Noise) {
        self.off_until_ms = None;
        self.life += 1;
        self.next_ms = now_ms;
        for stream in &mut self.streams {
            stream.sequence = noise.byte();
            stream.number = 0;
            stream.repeats = REPEATS;
        }
    }

    /// Falls silent until then; says farewell if it is of those that do.
    pub(crate) fn leave(&mut self, until_ms: u64, farewell: bool) -> Vec<Packet> {
        self.off_until_ms = Some(until_ms);
        if !farewell || !self.is_sacn {
            return vec![];
        }
        let mut packets = vec![];
        for _ in 0..3 {
            for place in 0..self.streams.len() {
                packets.push(self.data(place, true));
            }
        }
        packets
    }

    /// One frame: changes something, as long as the show goes on, and gives what it sends.
    pub(crate) fn frame(&mut self, now_ms: u64, goes_on: bool, noise: &mut Noise) -> Vec<Packet> {
        self.next_ms = now_ms + self.frame_ms;
        let mut packets = vec![];
        for place in 0..self.streams.len() {
            let busy = goes_on && noise.chance(self.busy);
            let stream = &mut self.streams[place];
            if busy {
                for level in &mut stream.levels {
                    match noise.below(4) {
                        0 => *level = noise.byte(),
                        1 => *level = level.saturating_add(noise.below(20) as u8),
                        2 => *level = [0, 255][noise.below(2) as usize],
                        _ => {}
                    }
                }
                stream.repeats = REPEATS;
            }
            if stream.repeats > 0 || now_ms - stream.sent_ms >= KEEP_ALIVE_MS {
                stream.repeats = stream.repeats.saturating_sub(1);
                stream.sent_ms = now_ms;
                packets.push(self.data(place, false));
            }
        }
        if !packets.is_empty()
            && let Some(address) = self.sync
        {
            self.sync_sequence = self.sync_sequence.wrapping_add(1);
            let sync = sacn::Sync {
                cid: self.cid(),
                sequence: self.sync_sequence,
                sync_address: SacnUniverse::new(address).expect("an address"),
            };
            let mut out = [0; 64];
            let len = sacn::encode_sync(&mut out, &sync).expect("it fits");
            packets.push(self.packet(out[..len].to_vec(), None));
        }
        if !self.is_sacn && now_ms >= self.poll_ms {
            self.poll_ms = now_ms + POLL_MS;
            let mut out = [0; 64];
            let len = artnet::encode_poll(&mut out, &artnet::Poll::default()).expect("it fits");
            packets.push(self.packet(out[..len].to_vec(), None));
        }
        packets
    }

    /// Goes on for so long without anybody who hears it, and comes back to when it was: the
    /// machine that hears it sleeps, and its clock with it.
    pub(crate) fn go_on(&mut self, now_ms: u64, time_ms: u64, noise: &mut Noise) {
        while self.is_on() && self.next_ms < now_ms + time_ms {
            let _unheard = self.frame(self.next_ms, true, noise);
        }
        let before = |ms: u64| ms.saturating_sub(time_ms);
        self.next_ms = before(self.next_ms).max(now_ms);
        self.poll_ms = before(self.poll_ms);
        for stream in &mut self.streams {
            stream.sent_ms = before(stream.sent_ms);
        }
    }

    fn cid(&self) -> Cid {
        Cid([self.index as u8 + 1; 16])
    }

    fn packet(&self, bytes: Vec<u8>, of: Option<(&Stream, bool)>) -> Packet {
        Packet {
            console: self.index,
            bytes,
            is_sacn: self.is_sacn,
            universe: of.map(|(stream, _)| stream.universe),
            number: of.map_or(0, |(stream, _)| stream.number),
            life: self.life,
            levels: of.map_or([0; SLOTS], |(stream, _)| stream.levels),
            terminated: of.is_some_and(|(_, terminated)| terminated),
        }
    }

    fn data(&mut self, place: usize, terminated: bool) -> Packet {
        let cid = self.cid();
        let stream = &mut self.streams[place];
        stream.number += 1;
        stream.sequence = stream.sequence.wrapping_add(1);
        let mut out = [0; 700];
        let len = if self.is_sacn {
            let universe = SacnUniverse::new(stream.universe as u16 + 1).expect("a universe");
            let fields = sacn::DataFields {
                priority: self.priority,
                sync_address: self.sync.unwrap_or(0),
                sequence: stream.sequence,
                terminated,
                ..sacn::DataFields::new(cid, "storm", universe)
            };
            sacn::encode_data(&mut out, &fields, &stream.levels)
        } else {
            // 0 would mean that it does not count.
            stream.sequence = stream.sequence.max(1);
            let fields = artnet::DmxFields {
                sequence: stream.sequence,
                physical: 0,
                port_address: PortAddress::new(0).expect("a port-address"),
            };
            artnet::encode_dmx(&mut out, &fields, &stream.levels)
        };
        let bytes = out[..len.expect("it fits")].to_vec();
        let stream = &self.streams[place];
        self.packet(bytes, Some((stream, terminated)))
    }
}
