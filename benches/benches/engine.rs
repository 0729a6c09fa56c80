//! One datagram through the engine, stage by stage and whole. Time per iteration is time per packet.
//!
//! `parse` has the crates `sacn` and `artnet_protocol` beside ours, in the same run. The whole step is
//! `Engine::handle_datagram`: datagram → parsed, arbitrated, patched, in the group table. A universe
//! has 16 groups of 6 slots (`drgbsf`).

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wristcast_core::config::{Config, MergeMode};
use wristcast_core::engine::{Datagram, Engine};
use wristcast_core::event::EventQueue;
use wristcast_core::limits::Limits;
use wristcast_core::merge::{DmxData, Merge, Slots, SourceId};
use wristcast_core::output::Output;
use wristcast_core::patch::Plan;
use wristcast_core::table::GroupTable;
use wristcast_core::time::Time;
use wristcast_core::universe::{PortAddress, SLOTS, SacnUniverse, Universe};
use wristcast_core::wire::sacn::{self, Cid};
use wristcast_core::wire::{artnet, parse};

/// Offset of the sequence number in an sACN data packet, of the first slot, and the same in ArtDmx.
const SACN_AT: (usize, usize) = (111, 126);
const ARTNET_AT: (usize, usize) = (12, 18);

/// Time between two packets of a full venue: 512 universes x 44 Hz.
const GAP: Duration = Duration::from_nanos(44_389);

fn sacn_packet(number: u16, source: u8) -> Vec<u8> {
    let universe = SacnUniverse::new(number).expect("a universe");
    let fields = sacn::DataFields::new(Cid([source; 16]), "Console 1 (main)", universe);
    let mut out = vec![0; 638];
    sacn::encode_data(&mut out, &fields, &[0; SLOTS]).expect("it fits");
    out
}

fn artnet_packet(address: u16) -> Vec<u8> {
    let port_address = PortAddress::new(address).expect("a port-address");
    let fields = artnet::DmxFields { sequence: 1, physical: 0, port_address };
    let mut out = vec![0; 530];
    artnet::encode_dmx(&mut out, &fields, &[0; SLOTS]).expect("it fits");
    out
}

/// A show with 16 groups on each of the first `universes` universes of a protocol.
fn show(protocol: &str, universes: u16) -> Config {
    let mut show = String::from("name = 'bench'\n");
    for universe in 1..=universes {
        for group in 0..16 {
            show += &format!(
                "[[group]]\nname = '{universe}-{group}'\nuniverse = '{protocol}/{universe}'\n\
                 address = {}\npersonality = 'drgbsf'\n",
                1 + group * 32
            );
        }
    }
    show += "[[radio]]\nkind = 'simulated'\n";
    Config::parse(&show, "bench.toml").expect("a sound show").0
}

fn parsing(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Elements(1));
    let (sacn, artnet) = (sacn_packet(1, 1), artnet_packet(1));
    group.bench_function("sacn/wristcast", |b| b.iter(|| parse(black_box(&sacn))));
    group.bench_function("sacn/crate sacn", |b| {
        b.iter(|| ::sacn::packet::AcnRootLayerProtocol::parse(black_box(&sacn)));
    });
    group.bench_function("artnet/wristcast", |b| b.iter(|| parse(black_box(&artnet))));
    group.bench_function("artnet/crate artnet_protocol", |b| {
        b.iter(|| artnet_protocol::ArtCommand::from_buffer(black_box(&artnet)));
    });
    group.finish();
}

/// Arbitration alone: one universe, its sources in turn, every packet with other levels or none.
fn arbitrating(c: &mut Criterion) {
    let mut group = c.benchmark_group("arbitrate");
    group.throughput(Throughput::Elements(1));
    for (name, sources, changing, priorities) in [
        ("1 source, same levels", 1, false, false),
        ("1 source, new levels", 1, true, false),
        ("2 equal sources HTP, new levels", 2, true, false),
        ("4 equal sources HTP, new levels", 4, true, false),
        ("4 sources with per-address priority, new levels", 4, true, true),
    ] {
        let limits = Limits { universes: 1, sources_per_universe: 8, events: 64 };
        let mut merge = Merge::new(&limits, MergeMode::Htp, Duration::ZERO);
        let mut events = EventQueue::new(64);
        let universe = Universe::Sacn(SacnUniverse::new(1).expect("a universe"));
        let u = merge.add(universe, Time::ZERO).expect("room");
        let (mut now, mut number) = (Time::ZERO, 0u32);
        let (mut levels, ranks) = ([0; SLOTS], [100; SLOTS]);
        group.bench_function(name, |b| {
            b.iter(|| {
                number = number.wrapping_add(1);
                let source = (number % sources) as u8;
                if changing {
                    levels[0] = number as u8;
                }
                now = now + GAP;
                let mut data = DmxData {
                    source: SourceId::Sacn(Cid([source; 16])),
                    address: SocketAddr::from(([10, 0, 0, 1], 5568)),
                    name: b"Console 1 (main)",
                    priority: 100,
                    sequence: Some((number / sources) as u8),
                    slots: Slots::Levels(&levels),
                    preview: false,
                    terminated: false,
                    sync: None,
                };
                let taken = merge.apply(u, now, black_box(&data), &mut events);
                // Once a second each source repeats its priorities.
                if priorities && number % 44 < sources {
                    data.slots = Slots::Priorities(&ranks);
                    let _ = merge.apply(u, now, &data, &mut events);
                }
                (taken, merge.poll_changed())
            });
        });
    }
    group.finish();
}

fn patching(c: &mut Criterion) {
    let mut group = c.benchmark_group("patch");
    group.throughput(Throughput::Elements(1));
    for changing in [false, true] {
        let config = show("sacn", 1);
        let mut plan = Plan::compile(&config);
        let mut output = Output::new(&config, &plan);
        let mut table = GroupTable::new(config.groups.len());
        let mut levels = [0u8; SLOTS];
        let name = if changing { "16 groups, new levels" } else { "16 groups, same levels" };
        group.bench_function(name, |b| {
            b.iter(|| {
                if changing {
                    levels.iter_mut().for_each(|level| *level = level.wrapping_add(1));
                }
                output.apply(Time::ZERO, 0, black_box(&levels), &mut plan, &mut table)
            });
        });
    }
    group.finish();
}

/// Packets of many universes in turn, with the sequence numbers of a source that sends on.
struct Feed {
    packets: Vec<Vec<u8>>,
    at: (usize, usize),
    changing: bool,
    next: usize,
    round: u8,
    now: Time,
}

impl Feed {
    fn next(&mut self) -> Datagram<'_> {
        if self.next == self.packets.len() {
            self.next = 0;
            self.round = self.round.wrapping_add(1);
        }
        let (sequence, slots) = self.at;
        let packet = &mut self.packets[self.next];
        packet[sequence] = self.round;
        if self.changing {
            // A fade: a slot of every group moves.
            packet[slots..].iter_mut().step_by(32).for_each(|slot| *slot = self.round);
        }
        self.next += 1;
        self.now = self.now + GAP;
        Datagram {
            bytes: packet,
            source: SocketAddr::from(([10, 0, 0, 1], 5568)),
            destination: None,
            interface: Some(1),
            at: self.now,
        }
    }
}

/// Datagram → group table. The cost of making the feed is in it; `feed alone` says how much that is.
fn whole_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    group.throughput(Throughput::Elements(1));
    for (protocol, at) in [("sacn", SACN_AT), ("artnet", ARTNET_AT)] {
        for universes in [1, 512] {
            for changing in [false, true] {
                let config = show(protocol, universes);
                let mut engine = Engine::new(&config, &Limits::of(&config), 1);
                let packet = |n| match protocol {
                    "sacn" => sacn_packet(n, 1),
                    _ => artnet_packet(n),
                };
                let packets = (1..=universes).map(packet).collect();
                let mut feed = Feed { packets, at, changing, next: 0, round: 0, now: Time::ZERO };
                let kind = if changing { "new levels" } else { "same levels" };
                let id = BenchmarkId::new(format!("{protocol}, {kind}"), universes);
                group.bench_function(id, |b| b.iter(|| engine.handle_datagram(feed.next())));
                let counters = engine.counters();
                assert_eq!(counters.accepted, counters.received, "every packet shows");
                if protocol == "sacn" {
                    let id = BenchmarkId::new(format!("feed alone, {kind}"), universes);
                    group.bench_function(id, |b| b.iter(|| black_box(feed.next().bytes.len())));
                }
            }
        }
    }
    group.finish();
}

/// What is not for us must cost less than what is.
fn noise(c: &mut Criterion) {
    let mut group = c.benchmark_group("noise");
    group.throughput(Throughput::Elements(1));
    let config = show("sacn", 512);
    let mut engine = Engine::new(&config, &Limits::of(&config), 1);
    let mut source = 0u32;
    let mut bench = |name: &str, mut packet: Vec<u8>, change: fn(&mut [u8], u32)| {
        group.bench_function(name, |b| {
            b.iter(|| {
                source = source.wrapping_add(1);
                change(&mut packet, source);
                engine.handle_datagram(Datagram {
                    bytes: &packet,
                    source: SocketAddr::from(([10, 0, 0, 1], 5568)),
                    destination: None,
                    interface: None,
                    at: Time::from_millis(1),
                })
            });
        });
    };
    bench("foreign", vec![0x55; 600], |_, _| {});
    bench("truncated", sacn_packet(1, 1)[..300].to_vec(), |_, _| {});
    bench("universes nobody patched", sacn_packet(1, 1), |packet, n| {
        packet[113..115].copy_from_slice(&(1000 + (n % 60_000) as u16).to_be_bytes());
    });
    bench("a new source in every packet", sacn_packet(1, 1), |packet, n| {
        packet[22..26].copy_from_slice(&n.to_be_bytes());
    });
    group.finish();
}

criterion_group!(benches, parsing, arbitrating, patching, whole_step, noise);
criterion_main!(benches);
