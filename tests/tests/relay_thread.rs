//! The relay thread of a running relay allocates and frees nothing, whatever comes in and whatever
//! it is asked, once it has started. `no_alloc.rs` shows it for the engine alone; this is the whole
//! thread with its sockets, commands, replies, events, and what is written down beside its work.
#![cfg(target_os = "linux")]

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use socket2::SockRef;
use wristcast_core::config::Config;
use wristcast_core::record::RecordOptions;
use wristcast_core::relay::{Options, Relay, RelayHandle};
use wristcast_core::steering::Actor;
use wristcast_core::universe::{PortAddress, SacnUniverse};
use wristcast_core::wire::{artnet, sacn};
use wristcast_tests::allocator::CountingAllocator;

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::watching("wristcast-relay");

#[test]
fn the_relay_thread_allocates_nothing_after_start() {
    let config = show();
    let folder = tempfile::tempdir().expect("a folder");
    let record = RecordOptions {
        min_free_bytes: 0,
        ..RecordOptions::new(folder.path().join("show.pcapng"))
    };
    let trace = Some(folder.path().join("looks.jsonl"));
    let options = Options { trace, record: Some(record) };
    let relay = Relay::start(config.clone(), options).expect("the relay starts");
    let handle = relay.handle();
    let by = Actor { name: "foh".to_owned(), front: "test", address: None };
    let mut desk = Desk::new(&config);
    // It runs once it has taken a packet.
    let mut sent = desk.everything();
    received(&handle, sent);

    ALLOCATOR.watch(true);
    for round in 0..200 {
        sent += desk.everything();
        match round % 20 {
            0 => drop(handle.universes().expect("answered")),
            5 => drop(handle.groups().expect("answered")),
            10 => drop(handle.reload(config.clone(), &by).expect("taken over")),
            15 => received(&handle, sent),
            _ => {}
        }
    }
    received(&handle, sent);
    handle.rebind("test").expect("reopened");
    ALLOCATOR.watch(false);

    assert_eq!(ALLOCATOR.watched_calls(), 0, "calls of the allocator on the relay thread");
    let report = relay.stop();
    let (packets, recording) = (report.packets, report.recording.expect("a recording"));
    assert_eq!((recording.error, recording.lost), (None, 0));
    assert_eq!(recording.datagrams, packets.received, "every packet is in the recording");
    for cause in ["not_patched", "preview", "foreign"] {
        assert!(packets.ignored.contains_key(cause), "{cause}: {packets:?}");
    }
    assert!(packets.noted.contains_key("art_poll"), "{packets:?}");
}

fn show() -> Config {
    let (sacn, artnet) = (free_port(18_000), free_port(19_000));
    let text = format!(
        "name = \"No allocation\"\n[network]\ninterfaces = [\"lo\"]\nsacn_port = {sacn}\n\
         artnet_port = {artnet}\n\
         [[group]]\nname = \"s\"\nuniverse = \"sacn/1\"\naddress = 1\npersonality = \"drgbsf\"\n\
         delay_ms = 20\n\
         [[group]]\nname = \"a\"\nuniverse = \"artnet/0/0/1\"\naddress = 1\npersonality = \"rgb\"\n\
         [[radio]]\nkind = \"simulated\"\nbands_per_group = 3\n"
    );
    Config::parse(&text, "no-allocation.toml").expect("a sound show").0
}

fn free_port(from: u16) -> u16 {
    (0..1000)
        .map(|n| from + (std::process::id() as u16 % 500 + n) % 1000)
        .find(|&port| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok())
        .expect("a free port")
}

/// Waits until so many datagrams were received.
fn received(handle: &RelayHandle, count: u64) {
    let deadline = Instant::now() + PATIENCE;
    while handle.status().packets.received < count {
        assert!(Instant::now() < deadline, "{:?}", handle.status().packets);
        std::thread::yield_now();
    }
}

/// Sends a bit of everything.
struct Desk {
    socket: UdpSocket,
    sacn: u16,
    artnet: u16,
    round: u8,
}

impl Desk {
    fn new(config: &Config) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).expect("multicast");
        let network = &config.network;
        Self { socket, sacn: network.sacn_port, artnet: network.artnet_port, round: 0 }
    }

    /// Returns how many datagrams it sent.
    fn everything(&mut self) -> u64 {
        self.round = self.round.wrapping_add(1);
        let mut packets: Vec<(Vec<u8>, u16)> = vec![
            (b"noise".to_vec(), self.sacn),
            (Vec::new(), self.artnet),
            (self.levels(1, |_| {})[..300].to_vec(), self.sacn),
            (self.levels(9, |_| {}), self.sacn),
            (self.levels(1, |fields| fields.preview = true), self.sacn),
            // A synchronization address that changes: the keeper joins and leaves.
            (
                self.levels(1, |fields| {
                    fields.sync_address = 7000 + u16::from(fields.sequence % 4)
                }),
                self.sacn,
            ),
            (self.dmx(), self.artnet),
        ];
        let mut poll = [0; 64];
        let fields = artnet::Poll {
            reply_on_change: true,
            diagnostics: false,
            diagnostics_unicast: false,
            diag_priority: 0,
            target: None,
            esta: 0,
            oem: 0,
        };
        let len = artnet::encode_poll(&mut poll, &fields).expect("fits");
        packets.push((poll[..len].to_vec(), self.artnet));
        for (packet, port) in &packets {
            self.socket.send_to(packet, (Ipv4Addr::LOCALHOST, *port)).expect("lo takes all");
        }
        let group = Ipv4Addr::new(239, 255, 0, 1);
        let packet = self.levels(1, |fields| fields.cid = sacn::Cid([9; 16]));
        self.socket.send_to(&packet, (group, self.sacn)).expect("lo takes all");
        packets.len() as u64 + 1
    }

    fn levels(&self, universe: u16, change: impl FnOnce(&mut sacn::DataFields<'_>)) -> Vec<u8> {
        let universe = SacnUniverse::new(universe).expect("in range");
        let mut fields = sacn::DataFields::new(sacn::Cid([1; 16]), "desk", universe);
        fields.sequence = self.round;
        change(&mut fields);
        let mut bytes = vec![0; 638];
        let len = sacn::encode_data(&mut bytes, &fields, &[self.round; 512]).expect("fits");
        bytes.truncate(len);
        bytes
    }

    fn dmx(&self) -> Vec<u8> {
        let port_address = PortAddress::new(1).expect("in range");
        let fields = artnet::DmxFields { sequence: 0, physical: 0, port_address };
        let mut bytes = vec![0; 530];
        let len = artnet::encode_dmx(&mut bytes, &fields, &[self.round; 512]).expect("fits");
        bytes.truncate(len);
        bytes
    }
}
