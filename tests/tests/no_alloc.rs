//! The way of a packet allocates nothing: from the first datagram on, whatever it is, to the table
//! in the lane. Proven by an allocator that counts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use wristcast_core::artnet_node::Interface;
use wristcast_core::config::{Config, EndLook};
use wristcast_core::engine::{CompiledShow, Datagram, Engine, Ignored, Note};
use wristcast_core::lane::{self, Stamp};
use wristcast_core::limits::Limits;
use wristcast_core::look::Look;
use wristcast_core::merge::UniverseSample;
use wristcast_core::steering::{OVERRIDE_MAX, Order, Pattern, Selection};
use wristcast_core::time::Time;
use wristcast_core::universe::{PortAddress, SacnUniverse};
use wristcast_core::wire::sacn::{self, Cid};
use wristcast_core::wire::{Malformed, Packet, artnet, parse};
use wristcast_tests::allocator::{CountingAllocator, calls_of};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// A sequence of numbers that looks random and is always the same (xorshift64*).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }
}

/// 20 sACN and 20 Art-Net universes; groups with delays and loss looks among them.
fn show(first: u16) -> Config {
    let mut show = String::from("name = 'no allocation'\n");
    for n in 0..20 {
        let (sacn, artnet) = (first + n, first + n);
        show += &format!(
            "[[group]]\nname = 's{n}'\nuniverse = 'sacn/{sacn}'\naddress = 1\n\
             personality = 'drgbsf'\ndelay_ms = {}\n\
             [[group]]\nname = 'a{n}'\nuniverse = 'artnet/{artnet}'\naddress = 100\n\
             personality = 'rgb'\n",
            n * 25,
        );
    }
    show += "[[radio]]\nkind = 'simulated'\n";
    let (mut config, _) = Config::parse(&show, "show.toml").expect("a sound show");
    config.network.artnet_node.remote_programming = true;
    config.network.sampling_period = Duration::from_millis(500);
    config
}

/// Writes some datagram: of every kind, most of them sound, for patched universes and others.
fn datagram(noise: &mut Noise, out: &mut [u8; 1500]) -> usize {
    let mut slots = [0; 512];
    for slot in &mut slots[..16] {
        *slot = noise.byte();
    }
    let count = [512, 512, 512, 24, 1][noise.below(5) as usize];
    let slots = &slots[..count];
    let universe = SacnUniverse::new(1 + noise.below(22) as u16).unwrap();
    let anything = SacnUniverse::new(1 + noise.below(63_999) as u16).unwrap();
    // Few sources are heard often, some now and then, most once.
    let cid =
        Cid([[noise.below(3), noise.below(12), noise.below(256)][noise.below(3) as usize] as u8;
            16]);
    let fields = sacn::DataFields {
        priority: 100 + noise.below(3) as u8,
        sequence: noise.byte(),
        sync_address: [0, 0, 7, noise.below(200) as u16][noise.below(4) as usize],
        preview: noise.below(40) == 0,
        terminated: noise.below(40) == 0,
        force_synchronization: noise.below(2) == 0,
        start_code: [0, 0, 0, 0xDD, 0x17][noise.below(5) as usize],
        ..sacn::DataFields::new(cid, "a console", universe)
    };
    let port_address = PortAddress::new(noise.below(24) as u16).unwrap();
    let dmx = artnet::DmxFields { sequence: noise.byte(), physical: 0, port_address };
    let len = match noise.below(16) {
        0..=4 => sacn::encode_data(out, &fields, slots),
        5 => sacn::encode_data(out, &sacn::DataFields { universe: anything, ..fields }, slots),
        6 => {
            let sync = sacn::Sync { cid, sequence: noise.byte(), sync_address: universe };
            sacn::encode_sync(out, &sync)
        }
        7 => {
            let page = (noise.below(3) as u8, 2);
            sacn::encode_discovery(out, cid, "a console", page, &[universe, anything])
        }
        8..=10 => artnet::encode_dmx(out, &dmx, slots),
        11 => artnet::encode_sync(out),
        12 => {
            let poll = artnet::Poll {
                diagnostics: true,
                diagnostics_unicast: noise.below(2) == 0,
                reply_on_change: noise.below(2) == 0,
                ..artnet::Poll::default()
            };
            artnet::encode_poll(out, &poll)
        }
        13 => {
            let command = [0x01, 0x10, 0x50, 0x90][noise.below(4) as usize];
            let fields = artnet::AddressFields {
                bind_index: 1 + noise.below(6) as u8,
                command,
                short_name: "renamed",
                ..Default::default()
            };
            artnet::encode_address(out, &fields)
        }
        14 => artnet::encode_nzs(out, 1, 0x17, port_address, slots),
        _ => {
            out.fill_with(|| noise.byte());
            Some(noise.below(1500) as usize)
        }
    };
    let len = len.expect("it fits");
    // One in eight is damaged, or cut off.
    if noise.below(8) == 0 {
        out[noise.below(len.max(1) as u64) as usize] = noise.byte();
    }
    if noise.below(16) == 0 { noise.below(len as u64 + 1) as usize } else { len }
}

#[test]
fn the_counting_allocator_counts() {
    assert_eq!(calls_of(|| drop(std::hint::black_box(Box::new(1)))), 2);
}

#[test]
fn no_datagram_and_no_time_out_allocates() {
    let config = show(1);
    let mut engine = Engine::new(&config, &Limits::of(&config), 1);
    let address = Ipv4Addr::new(10, 0, 0, 254);
    engine.set_interfaces(Time::ZERO, &[Interface { index: 1, address, prefix: 8, mac: [2; 6] }]);
    let (mut replies, mut diagnostics) = (0, 0);
    let (mut writer, mut reader) = lane::channel(config.groups.len());
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let mut sample = Box::new(UniverseSample::new());
    let (mut bytes, mut reply) = ([0; 1500], [0; 1500]);
    let (mut now, mut published) = (Time::ZERO, 0);
    for n in 0..40_000 {
        let len = datagram(&mut noise, &mut bytes);
        let ip = Ipv4Addr::new(10, 0, 0, [1, 1, 1, noise.byte()][noise.below(4) as usize]);
        let pause = if noise.below(500) == 0 { 3000 } else { noise.below(4) };
        now = now + Duration::from_millis(pause);
        let datagram = Datagram {
            bytes: &bytes[..len],
            source: SocketAddr::new(IpAddr::V4(ip), 6454),
            destination: None,
            interface: Some(1),
            at: now,
        };
        let calls = calls_of(|| {
            let mut changed = engine.handle_timeout(now);
            changed |= engine.handle_datagram(datagram).changed();
            while engine.poll_event().is_some() {}
            while let Some(transmit) = engine.poll_transmit(now, &mut reply) {
                match parse(&reply[..transmit.len]) {
                    Ok(Packet::ArtPollReply(_)) => replies += 1,
                    Ok(Packet::ArtDiagData(_)) => diagnostics += 1,
                    _ => unreachable!("the node sends nothing else"),
                }
            }
            let _ = engine.poll_timeout();
            if changed {
                published += 1;
                let stamp =
                    Stamp { arrival: now, published: now, sequence: published, panic: false };
                writer.publish(engine.groups(), stamp);
                reader.refresh();
            }
            if n % 16 == 0 {
                let index = n / 16 % engine.universes().len();
                assert!(engine.sample_universe(index, now, &mut sample));
            }
        });
        assert_eq!(calls, 0, "datagram {n}: {:02x?}", &bytes[..len.min(128)]);
    }
    let counters = engine.counters();
    // The storm was one: everything happened, and often.
    assert!(replies > 100 && diagnostics > 100, "{replies} replies, {diagnostics} diagnostics");
    assert!(published > 3_000, "{published} published");
    assert!(counters.accepted > 4_000 && counters.held > 100, "{counters:?}");
    for why in [
        Ignored::NotPatched,
        Ignored::StartCode,
        Ignored::OutOfSequence,
        Ignored::Preview,
        Ignored::SourceLimit,
        Ignored::NotASource,
        Ignored::MergeCancelled,
        Ignored::Foreign,
    ] {
        assert!(counters.ignored(why) > 20, "{} {}", why.label(), counters.ignored(why));
    }
    assert!(counters.noted(Note::ArtPoll) > 100 && counters.noted(Note::ArtAddress) > 100);
    assert!(counters.rejected(Malformed::SacnTruncated) > 20);
}

#[test]
fn operators_orders_allocate_nothing_on_the_relay_thread() {
    let config = show(1);
    let mut engine = Engine::new(&config, &Limits::of(&config), 1);
    let mut noise = Noise(7);
    let mut bytes = [0; 1500];
    let these = || Selection::These([5, 1, 99, 3].into());
    let look = Look { red: 9, dimmer: 255, ..Look::DARK };
    let orders = [
        Order::Override { groups: Selection::All, pattern: Pattern::Chase, time: OVERRIDE_MAX },
        Order::Master { groups: these(), level: 9 },
        Order::Override {
            groups: these(),
            pattern: Pattern::Identify,
            time: Duration::from_millis(700),
        },
        Order::Freeze(true),
        Order::Override { groups: these(), pattern: Pattern::Look(look), time: OVERRIDE_MAX },
        Order::Panic(true),
        Order::GrandMaster(30),
        Order::Panic(false),
        Order::Release { groups: Selection::All },
        Order::Freeze(false),
    ];
    let mut changes = 0;
    for (n, order) in (0..).zip(orders.iter().cycle().take(1_000)) {
        let len = datagram(&mut noise, &mut bytes);
        let now = Time::from_millis(n * 130);
        let calls = calls_of(|| {
            changes += u32::from(engine.handle_timeout(now));
            changes += u32::from(engine.obey(now, order));
            let source = SocketAddr::from(([10, 0, 0, 1], 6454));
            let _ = engine.handle_datagram(Datagram {
                bytes: &bytes[..len],
                source,
                destination: None,
                interface: None,
                at: now,
            });
            while engine.poll_event().is_some() {}
        });
        assert_eq!(calls, 0, "{order:?}");
    }
    assert!(changes > 500, "{changes}");
}

#[test]
fn going_over_to_another_show_and_to_the_end_look_allocates_nothing_on_the_relay_thread() {
    let config = show(1);
    let mut engine = Engine::new(&config, &Limits::of(&config), 1);
    let mut noise = Noise(1);
    let mut bytes = [0; 1500];
    let mut shows = Vec::with_capacity(16);
    for n in 0..16u16 {
        let mut next = Some(CompiledShow::compile(&show(1 + n * 7)));
        let calls = calls_of(|| {
            for _ in 0..200 {
                let len = datagram(&mut noise, &mut bytes);
                let source = SocketAddr::from(([10, 0, 0, 1], 6454));
                let _ = engine.handle_datagram(Datagram {
                    bytes: &bytes[..len],
                    source,
                    destination: None,
                    interface: None,
                    at: Time::from_millis(u64::from(n) * 100),
                });
            }
            let now = Time::from_millis(u64::from(n) * 100);
            let next = next.take().expect("a show");
            shows.push(engine.replace_plan(now, next).expect("room for it"));
            let _ = engine.set_all(EndLook::Hold);
        });
        assert_eq!(calls, 0, "show {n}");
    }
}
