//! The engine's arbitration against the model's, over random packets and times: outcomes, levels,
//! owners, signal, and why each source is in or out, after every single step.

mod model;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use model::{Packet, Who, World};
use proptest::prelude::*;
use wristcast_core::config::{Config, MergeMode};
use wristcast_core::engine::{Datagram, Engine, Outcome};
use wristcast_core::limits::Limits;
use wristcast_core::merge::{NO_OWNER, SourceId, UniverseSample};
use wristcast_core::snapshot::SignalState;
use wristcast_core::time::Time;
use wristcast_core::universe::{PortAddress, SacnUniverse};
use wristcast_core::wire::sacn::Cid;
use wristcast_core::wire::{artnet, sacn};

/// The patched universes. The model knows them by their place here.
const UNIVERSES: [&str; 4] = ["sacn/1", "sacn/2", "artnet/0", "artnet/1"];

/// Sources per protocol; no more than a universe remembers with a limit of 1.
const SOURCES: u8 = 6;

/// Synchronization addresses; the first is also a patched universe.
const ADDRESSES: [u16; 2] = [2, 7];

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Data(Data),
    Sync { address: usize, cid: u8, step: u8 },
    ArtSync { ip: u8 },
    ArtAddress { command: u8 },
}

#[derive(Clone, Debug)]
struct Data {
    universe: usize,
    source: u8,
    priority: u8,
    /// Added to the number before; for Art-Net, 0 in one of two cases = not counted.
    step: u8,
    counted: bool,
    is_priorities: bool,
    slots: Vec<u8>,
    preview: bool,
    terminated: bool,
    sync: u16,
    force: bool,
}

fn wait() -> impl Strategy<Value = Step> {
    let near = |ms: u64| (ms - 2)..(ms + 2);
    prop_oneof![
        6 => 0u64..60,
        3 => 100u64..1100,
        2 => near(1250),
        2 => near(2500),
        1 => near(1500),
        1 => near(4000),
        1 => near(5000),
        1 => near(10_000),
    ]
    .prop_map(Step::Wait)
}

fn data() -> impl Strategy<Value = Step> {
    let slot = prop_oneof![Just(0u8), Just(255), 1u8..6];
    let priority = prop_oneof![Just(0u8), Just(1), Just(100), Just(100), Just(150), Just(200)];
    let step = prop_oneof![
        12 => Just(1u8),
        1 => Just(0),
        1 => 236u8..=238,
        2 => any::<u8>(),
    ];
    let slots = prop_oneof![
        8 => prop::collection::vec(slot.clone(), 1..5),
        1 => prop::collection::vec(slot, 8).prop_map(|slots| full(&slots)),
        1 => Just(Vec::new()),
    ];
    let flags = (
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.06),
        prop_oneof![3 => Just(0u16), 1 => Just(ADDRESSES[0]), 2 => Just(ADDRESSES[1])],
        any::<bool>(),
    );
    // Few sources are many packets of each.
    let source = prop_oneof![4 => 0u8..2, 2 => 0u8..4, 1 => 0u8..SOURCES];
    (0usize..4, source, priority, step, slots, flags).prop_map(
        |(universe, source, priority, step, slots, flags)| {
            let (counted, is_priorities, preview, terminated, sync, force) = flags;
            Step::Data(Data {
                universe,
                source,
                priority,
                step,
                counted,
                is_priorities,
                slots,
                preview,
                terminated,
                sync,
                force,
            })
        },
    )
}

/// 512 slots: those that the model looks at are given, the others are as the last one, so that
/// what happens to them happens to it.
fn full(looked_at: &[u8]) -> Vec<u8> {
    let mut slots = vec![looked_at[looked_at.len() - 1]; 512];
    for (&at, &level) in model::LOOKED_AT.iter().zip(looked_at) {
        slots[at] = level;
    }
    slots
}

fn step() -> impl Strategy<Value = Step> {
    let sync = (0usize..2, 0u8..2, prop_oneof![4 => Just(1u8), 1 => any::<u8>()]);
    let command = prop_oneof![
        4 => Just(0x01u8), 1 => 0x10u8..0x12, 2 => 0x50u8..0x52, 1 => 0x90u8..0x92
    ];
    prop_oneof![
        12 => data(),
        6 => wait(),
        3 => sync.prop_map(|(address, cid, step)| Step::Sync { address, cid, step }),
        2 => (0u8..3).prop_map(|ip| Step::ArtSync { ip }),
        1 => command.prop_map(|command| Step::ArtAddress { command }),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    ltp: bool,
    sources: usize,
    sampling_ms: u64,
}

fn rules() -> impl Strategy<Value = Rules> {
    (any::<bool>(), 1usize..=4, prop_oneof![3 => Just(0u64), 1 => Just(1500)])
        .prop_map(|(ltp, sources, sampling_ms)| Rules { ltp, sources, sampling_ms })
}

/// The engine and the model side by side.
struct Pair {
    engine: Engine,
    world: World,
    /// Last sequence numbers by universe, source and stream.
    numbers: [[[u8; 2]; SOURCES as usize]; 4],
    sync_numbers: [[u8; 2]; 2],
}

impl Pair {
    fn new(rules: Rules) -> Self {
        let mut show = String::from("name = 'model'\n");
        for (i, universe) in UNIVERSES.iter().enumerate() {
            show += &format!(
                "[[group]]\nname = 'g{i}'\nuniverse = '{universe}'\naddress = 1\npersonality = 'rgb'\n"
            );
        }
        show += "[[radio]]\nkind = 'simulated'\n";
        let (mut config, _) = Config::parse(&show, "model.toml").expect("a sound show");
        config.network.artnet_node.remote_programming = true;
        config.network.merge = if rules.ltp { MergeMode::Ltp } else { MergeMode::Htp };
        config.network.sources_per_universe = rules.sources;
        config.network.sampling_period = Duration::from_millis(rules.sampling_ms);
        let mut engine = Engine::new(&config, &Limits::of(&config), 1);
        assert!(!engine.handle_timeout(Time::ZERO));
        let universes = UNIVERSES.map(|name| {
            let artnet = name.starts_with("artnet");
            model::Universe::new(artnet, rules.sources, rules.ltp, rules.sampling_ms)
        });
        let world = World::new(universes.to_vec());
        Self { engine, world, numbers: Default::default(), sync_numbers: Default::default() }
    }

    /// Lets time pass, for both; the engine is woken when it asks to be.
    fn wait(&mut self, ms: u64) {
        let until = Time::from_millis(self.world.now + ms);
        while let Some(due) = self.engine.poll_timeout().filter(|&due| due <= until) {
            let _ = self.engine.handle_timeout(due);
            let mut out = [0; 1500];
            while self.engine.poll_transmit(due, &mut out).is_some() {}
        }
        while self.engine.poll_event().is_some() {}
        self.world.advance(ms);
    }

    fn hand_over(&mut self, bytes: &[u8], from: IpAddr) -> &'static str {
        let outcome = self.engine.handle_datagram(Datagram {
            bytes,
            source: SocketAddr::new(from, 5568),
            destination: None,
            interface: None,
            at: Time::from_millis(self.world.now),
        });
        match outcome {
            Outcome::Accepted { .. } => "accepted",
            Outcome::Held { .. } => "held",
            Outcome::Noted { note, .. } => note.label(),
            Outcome::Ignored { why, .. } => why.label(),
            Outcome::Rejected(malformed) => malformed.label(),
        }
    }

    /// Does a step on both; what became of it on each.
    fn step(&mut self, step: &Step) -> (&'static str, &'static str) {
        let mut out = [0; 1500];
        match step {
            Step::Wait(ms) => {
                self.wait(*ms);
                ("", "")
            }
            Step::Data(data) if data.universe < 2 => self.sacn_data(data),
            Step::Data(data) => self.art_dmx(data),
            &Step::Sync { address: i, cid, step } => {
                let number = &mut self.sync_numbers[i][usize::from(cid)];
                *number = number.wrapping_add(step);
                let sync = sacn::Sync {
                    cid: Cid([cid; 16]),
                    sequence: *number,
                    sync_address: SacnUniverse::new(ADDRESSES[i]).unwrap(),
                };
                let len = sacn::encode_sync(&mut out, &sync).unwrap();
                let expected = self.world.sync(ADDRESSES[i], cid, sync.sequence);
                (self.hand_over(&out[..len], ip(cid)), expected)
            }
            &Step::ArtSync { ip: n } => {
                let len = artnet::encode_sync(&mut out).unwrap();
                let expected = self.world.artsync(n);
                (self.hand_over(&out[..len], ip(n)), expected)
            }
            &Step::ArtAddress { command } => {
                let fields = artnet::AddressFields { bind_index: 1, command, ..Default::default() };
                let len = artnet::encode_address(&mut out, &fields).unwrap();
                let port = 2 + usize::from(command & 0x0F);
                match command & 0xF0 {
                    0x10 => self.world.set_ltp(port, true),
                    0x50 => self.world.set_ltp(port, false),
                    0x90 => self.world.clear(port),
                    _ => [2, 3].into_iter().for_each(|u| self.world.cancel_merge(u)),
                }
                (self.hand_over(&out[..len], ip(200)), "art_address")
            }
        }
    }

    fn number(&mut self, data: &Data) -> u8 {
        let streams = &mut self.numbers[data.universe][usize::from(data.source)];
        let number = &mut streams[usize::from(data.is_priorities)];
        *number = number.wrapping_add(data.step);
        *number
    }

    fn sacn_data(&mut self, data: &Data) -> (&'static str, &'static str) {
        let number = u16::try_from(data.universe + 1).unwrap();
        let sequence = self.number(data);
        let fields = sacn::DataFields {
            priority: data.priority,
            sync_address: data.sync,
            sequence,
            preview: data.preview,
            terminated: data.terminated,
            force_synchronization: data.force,
            start_code: if data.is_priorities { 0xDD } else { 0 },
            ..sacn::DataFields::new(
                Cid([data.source; 16]),
                "model",
                SacnUniverse::new(number).unwrap(),
            )
        };
        let mut out = [0; 1500];
        let len = sacn::encode_data(&mut out, &fields, &data.slots).unwrap();
        if data.terminated {
            self.world.sync_terminated(number, data.source);
        }
        let packet = Packet {
            who: Who::Cid(data.source),
            priority: data.priority,
            sequence: Some(sequence),
            is_priorities: data.is_priorities,
            slots: whole(&data.slots),
            preview: data.preview,
            terminated: data.terminated,
            sync: data.sync,
            force: data.force,
        };
        let expected = self.world.packet(data.universe, &packet);
        // The address is no part of a source's identity.
        let from = ip(data.source.wrapping_mul(sequence));
        (self.hand_over(&out[..len], from), expected)
    }

    fn art_dmx(&mut self, data: &Data) -> (&'static str, &'static str) {
        let data = &Data { is_priorities: false, ..data.clone() };
        let mut sequence = self.number(data);
        if !data.counted {
            sequence = 0;
        }
        let (n, physical) = (data.source % 3, data.source / 3);
        let fields = artnet::DmxFields {
            sequence,
            physical,
            port_address: PortAddress::new(data.universe as u16 - 2).unwrap(),
        };
        let slots = if data.slots.is_empty() { &[0] } else { &data.slots[..] };
        let mut out = [0; 1500];
        let len = artnet::encode_dmx(&mut out, &fields, slots).unwrap();
        let packet = Packet {
            who: Who::Node { ip: n, physical },
            priority: 100,
            sequence: (sequence != 0).then_some(sequence),
            is_priorities: false,
            slots: whole(slots),
            preview: false,
            terminated: false,
            sync: 0,
            force: false,
        };
        let expected = self.world.packet(data.universe, &packet);
        (self.hand_over(&out[..len], ip(n)), expected)
    }

    /// Compares everything that can be seen of both.
    fn compare(&self) -> Result<(), TestCaseError> {
        let mut sample = UniverseSample::new();
        for (u, name) in UNIVERSES.iter().enumerate() {
            let universe = &self.world.universes[u];
            let index = self.engine.universe_index(name.parse().unwrap()).unwrap();
            let now = Time::from_millis(self.world.now);
            prop_assert!(self.engine.sample_universe(index, now, &mut sample));
            let signal = match sample.signal {
                SignalState::Waiting => "waiting",
                SignalState::Live => "live",
                SignalState::Lost => "lost",
            };
            prop_assert_eq!(signal, universe.signal, "{}", name);
            let levels = model::LOOKED_AT.map(|slot| sample.levels[slot]);
            prop_assert_eq!(levels, universe.levels, "{}", name);
            let mut sources: Vec<_> = sample
                .sources()
                .iter()
                .map(|source| (who(source.id), source.silence.map(|why| why.label())))
                .collect();
            sources.sort_unstable();
            prop_assert_eq!(sources, universe.sources(self.world.now), "{}", name);
            for (slot, at) in model::LOOKED_AT.into_iter().enumerate() {
                let owner = sample.owners[at];
                let owner =
                    (owner != NO_OWNER).then(|| who(sample.sources()[usize::from(owner)].id));
                let may = universe.may_own(slot, owner);
                prop_assert!(may, "{}: slot {} owned by {:?}", name, at + 1, owner);
            }
        }
        Ok(())
    }
}

fn whole(slots: &[u8]) -> model::Slots {
    model::LOOKED_AT.map(|slot| slots.get(slot).copied().unwrap_or(0))
}

fn ip(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, n))
}

fn who(id: SourceId) -> Who {
    match id {
        SourceId::Sacn(cid) => Who::Cid(cid.0[0]),
        SourceId::ArtNet { ip: IpAddr::V4(ip), physical } => {
            Who::Node { ip: ip.octets()[3], physical }
        }
        SourceId::ArtNet { .. } => unreachable!("all addresses are IPv4"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 4096,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_engine_arbitrates_as_the_model_does(
        rules in rules(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut pair = Pair::new(rules);
        for (i, step) in steps.iter().enumerate() {
            let (found, expected) = pair.step(step);
            prop_assert_eq!(found, expected, "step {}: {:?}", i, step);
            pair.compare().map_err(|error| {
                TestCaseError::fail(format!("after step {i}, {step:?}: {error}"))
            })?;
        }
    }
}
