//! Whole relays on free ports of the loopback interface, without radios.

mod denied;
mod orders;
#[cfg(target_os = "linux")]
mod processor;
mod reload;
mod stall;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::AtomicU16;
use std::time::Instant;

use super::*;
use crate::snapshot::{GroupState, SignalState};
use crate::steering::Actor;
use crate::universe::{SacnUniverse, Universe};
use crate::wire::artnet::{DmxFields, encode_dmx};
use crate::wire::sacn::{self, Cid, DataFields};

/// Far longer than anything here takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::yield_now();
    }
}

/// A port that nobody has. Not one of those the system gives to sockets that ask for none: between
/// here and the relay's start another test could get it.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let offset = (std::process::id() as u16).wrapping_mul(64);
        let offset = offset.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + offset % 12_000;
        if UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}

/// Sockets of a relay: sACN, Art-Net, and sACN over IPv6 if this machine has that.
fn sockets() -> usize {
    2 + usize::from(UdpSocket::bind((std::net::Ipv6Addr::UNSPECIFIED, 0)).is_ok())
}

/// A show on free ports: `left` on sacn/1, `right` on artnet/0/0/1, and what is in `more`.
fn show_text(more: &str) -> String {
    let (sacn, artnet) = (free_port(), free_port());
    format!(
        r#"
        name = "Test"
        end_look = "black"
        [network]
        interfaces = ["lo"]
        sacn_port = {sacn}
        artnet_port = {artnet}
        [[group]]
        name = "left"
        universe = "sacn/1"
        address = 1
        personality = "rgb"
        [[group]]
        name = "right"
        universe = "artnet/0/0/1"
        address = 1
        personality = "rgb"
        {more}
        "#
    )
}

fn parse(text: &str) -> Config {
    match Config::parse(text, "test.toml") {
        Ok((config, _)) => config,
        Err(diagnostics) => panic!("{diagnostics:?}"),
    }
}

struct Stage {
    relay: Relay,
    handle: RelayHandle,
    config: Config,
    desk: Desk,
}

impl Stage {
    fn new() -> Self {
        Self::of(&show_text(""), Options::default())
    }

    fn of(text: &str, options: Options) -> Self {
        let config = parse(text);
        let relay = Relay::start(config.clone(), options).unwrap();
        Self { handle: relay.handle(), relay, desk: Desk::new(&config), config }
    }

    fn group(&self, name: &str) -> GroupState {
        let groups = self.handle.groups().unwrap();
        groups.into_iter().find(|group| group.name == name).expect("patched")
    }

    /// Waits until group `name` has this red level.
    fn red(&self, name: &str, red: u8) {
        eventually(&format!("`{name}` at {red}"), || {
            (self.group(name).look.red == red).then_some(())
        });
    }
}

fn hand() -> Actor {
    Actor { name: "foh".to_owned(), front: "test", address: None }
}

/// A console that sends to the relay's ports.
struct Desk {
    socket: UdpSocket,
    sacn: SocketAddr,
    artnet: SocketAddr,
    sequence: u8,
}

impl Desk {
    fn new(config: &Config) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let options = socket2::SockRef::from(&socket);
        options.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        let sacn = (Ipv4Addr::LOCALHOST, config.network.sacn_port).into();
        let artnet = (Ipv4Addr::LOCALHOST, config.network.artnet_port).into();
        Self { socket, sacn, artnet, sequence: 0 }
    }

    fn sacn_packet(&mut self, universe: u16, sync_address: u16, levels: &[u8]) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let universe = SacnUniverse::new(universe).unwrap();
        let fields = DataFields::new(Cid([7; 16]), "desk", universe);
        let fields = DataFields { sequence: self.sequence, sync_address, ..fields };
        let mut bytes = vec![0; 638];
        let len = sacn::encode_data(&mut bytes, &fields, levels).unwrap();
        bytes.truncate(len);
        bytes
    }

    /// By unicast.
    fn sacn(&mut self, universe: u16, levels: &[u8]) {
        let packet = self.sacn_packet(universe, 0, levels);
        self.socket.send_to(&packet, self.sacn).unwrap();
    }

    /// By multicast.
    fn multicast(&mut self, universe: u16, levels: &[u8]) {
        let packet = self.sacn_packet(universe, 0, levels);
        let group = crate::receive::sacn_group_v4(universe);
        self.socket.send_to(&packet, (group, self.sacn.port())).unwrap();
    }

    fn artnet(&mut self, levels: &[u8]) {
        let port_address = crate::universe::PortAddress::new(1).unwrap();
        let mut bytes = [0; 530];
        let fields = DmxFields { sequence: 0, physical: 0, port_address };
        let len = encode_dmx(&mut bytes, &fields, levels).unwrap();
        self.socket.send_to(&bytes[..len], self.artnet).unwrap();
    }
}

#[test]
fn packets_become_looks_and_the_status_says_so() {
    let mut stage = Stage::new();
    stage.desk.multicast(1, &[255, 1, 2]);
    stage.desk.artnet(&[9, 8, 7, 0]);
    stage.red("left", 255);
    stage.red("right", 9);

    let left = stage.group("left");
    assert_eq!((left.look.green, left.look.blue, left.look.dimmer), (1, 2, 255));
    assert!(!left.lost && left.age_ms.is_some());
    let status = stage.handle.status();
    assert_eq!((status.packets.received, status.packets.accepted), (2, 2));
    assert_eq!((status.universes, status.universes_live, status.groups_lost), (2, 2, 0));
    assert_eq!(status.latency_published.count, 2);
    assert_eq!(status.faults, [""; 0]);
    assert_eq!(status.interfaces[0].name, "lo");
    let sacn = &status.sockets[0];
    assert_eq!((sacn.joined, sacn.dropped.unwrap_or(0)), (2, 0), "universe 1 and discovery");
    assert!(sacn.receive_buffer_bytes > 0);

    let universe = stage.handle.universe("sacn/1".parse().unwrap()).unwrap().expect("patched");
    assert_eq!((universe.state, &universe.levels[..3]), (SignalState::Live, &[255, 1, 2][..]));
    let [source] = &universe.sources[..] else { panic!("{:?}", universe.sources) };
    assert!(source.contributing && source.name == "desk" && source.priority == Some(100));
    assert_eq!(stage.handle.universes().unwrap().len(), 2);
    assert_eq!(stage.handle.universe("sacn/2".parse().unwrap()), Ok(None));

    let report = stage.relay.stop();
    assert_eq!(report.packets.received, 2);
    assert_eq!(report.latency_published.count, 2);
    assert_eq!(stage.handle.universes(), Err(HandleError::Stopped));
    assert_eq!(stage.handle.rebind("too late"), Err(HandleError::Stopped));
}

const CROWD: &str = r#"
        [[radio]]
        name = "crowd"
        kind = "simulated"
        bands_per_group = 20
        interval_ms = 7.5
        [[radio]]
        name = "second"
        kind = "simulated"
        bands_per_group = 1
"#;

#[test]
fn light_reaches_the_bands_and_a_stop_leaves_them_in_the_end_look() {
    let text = show_text(CROWD).replace("\"black\"", "{ green = 40 }");
    let mut stage = Stage::of(&text, Options::default());
    eventually("connected", || (stage.handle.status().bands_connected == 42).then_some(()));
    for red in [10, 200, 30] {
        stage.desk.multicast(1, &[red]);
        eventually("every band on the left follows", || {
            let bands = stage.handle.bands();
            let left = bands.iter().filter(|band| band.group == "left");
            (left.filter(|band| band.look.red == red).count() == 21).then_some(())
        });
    }
    let radios = stage.handle.radios();
    assert_eq!(
        radios.iter().map(|radio| radio.name.as_str()).collect::<Vec<_>>(),
        ["crowd", "second"]
    );
    assert!(radios.iter().all(|radio| radio.state == "up" && radio.frames_sent > 0), "{radios:?}");
    assert!(stage.handle.status().latency_handed.count > 0);

    let report = stage.relay.stop();
    assert_eq!((report.bands, report.bands_not_at_end_look, report.bands_unreached), (42, 0, 0));
    assert!(stage.handle.bands().iter().all(|band| (band.look.red, band.look.green) == (0, 40)));
    assert!(report.frames_sent >= 3 * 21, "{report:?}");
}

#[test]
fn a_relay_without_traffic_starts_and_stops() {
    let stage = Stage::new();
    assert_eq!(stage.handle.status().universes_live, 0);
    assert!(stage.handle.groups().unwrap().iter().all(|group| group.lost));
    let report = stage.relay.stop();
    assert_eq!(report.packets, PacketCounts::default());
}

#[test]
fn what_is_not_light_is_counted_by_cause() {
    let mut stage = Stage::new();
    stage.desk.socket.send_to(b"noise", stage.desk.sacn).unwrap();
    stage.desk.sacn(2, &[1]);
    stage.desk.sacn(1, &[1]);
    let packets = eventually("three datagrams", || {
        Some(stage.handle.status().packets).filter(|packets| packets.received == 3)
    });
    assert_eq!(packets.accepted, 1);
    assert_eq!(packets.ignored.get("not_patched"), Some(&1), "{packets:?}");
    assert_eq!(packets.ignored.values().sum::<u64>(), 2);
    let events = eventually("an event", || {
        let events = stage.handle.events(0);
        events.iter().any(|event| event.text.contains("sacn/2")).then_some(events)
    });
    let last = events.last().unwrap().number;
    assert!(stage.handle.events(last).is_empty());
}

#[test]
fn two_relays_in_one_process_share_ports_and_nothing_else() {
    let text = show_text("");
    let mut first = Stage::of(&text, Options::default());
    let second = Stage::of(&text.replace("left", "other"), Options::default());
    first.desk.multicast(1, &[5]);
    first.red("left", 5);
    second.red("other", 5);
    drop(first.relay);
    first.desk.multicast(1, &[6]);
    second.red("other", 6);
}

#[test]
fn levels_and_sources_survive_a_rebind() {
    let mut stage = Stage::new();
    stage.desk.multicast(1, &[50]);
    stage.red("left", 50);
    stage.handle.rebind("test").unwrap();
    assert_eq!(stage.group("left").look.red, 50);
    stage.desk.multicast(1, &[51]);
    stage.red("left", 51);
    let universe = stage.handle.universe("sacn/1".parse().unwrap()).unwrap().unwrap();
    assert_eq!(universe.sources.len(), 1);
    assert!(stage.handle.events(0).iter().any(|event| event.text.ends_with(": test")));
}

#[test]
fn a_socket_that_fails_again_and_again_is_opened_again_and_light_returns() {
    use crate::receive::Port;
    let mut stage = Stage::new();
    let count = |text: &str| {
        let events = stage.handle.events(0);
        events.iter().filter(|event| event.text.contains(text)).count()
    };
    for round in 1..=3 {
        for port in Port::ALL {
            assert!(stage.relay.link.tell(Command::Fail(port)).is_ok());
        }
        let opened = || count("socket is open again") == sockets() * round;
        eventually("open again", || opened().then_some(()));
    }
    // The one for IPv6 that fails is no fault: the machine may have none.
    assert_eq!(count("is closed: "), 2 * 3);
    eventually("no faults", || stage.handle.status().faults.is_empty().then_some(()));
    assert_eq!(stage.handle.status().sockets.len(), sockets());
    stage.desk.multicast(1, &[77]);
    stage.desk.artnet(&[78, 0]);
    stage.red("left", 77);
    stage.red("right", 78);
}

/// On Linux a socket that is bound anew takes unicast over at once; what the old one held is read.
#[cfg(target_os = "linux")]
#[test]
fn a_rebind_loses_no_unicast_datagram() {
    let stage = Stage::new();
    let (socket, to) = (&stage.desk.socket, stage.desk.sacn);
    let done = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sent = 0;
            while !done.load(Ordering::Relaxed) {
                socket.send_to(b"noise", to).unwrap();
                sent += 1;
                // So that what is lost, is lost to the rebind.
                let received = || stage.handle.shared.telemetry.received();
                while received() + 100 < sent && !done.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
            }
            sent
        });
        for _ in 0..50 {
            stage.handle.rebind("test").unwrap();
        }
        done.store(true, Ordering::Relaxed);
        sender.join().unwrap()
    });
    eventually("all", || (stage.handle.status().packets.received == sent).then_some(()));
}

#[cfg(target_os = "linux")]
#[test]
fn many_starts_rebinds_and_stops_leak_neither_descriptors_nor_threads() {
    // Other tests of this process have descriptors of their own: ours are told by their ports.
    let text = show_text("");
    let config = parse(&text);
    let ports = [config.network.sacn_port, config.network.artnet_port];
    for cycle in 0..50 {
        let mut stage = Stage::of(&text, Options::default());
        for _ in 0..4 {
            stage.handle.rebind("test").unwrap();
            assert_eq!(sockets_on(ports), sockets(), "cycle {cycle}");
        }
        stage.desk.sacn(1, &[1]);
        stage.red("left", 1);
        let handle = stage.handle.clone();
        stage.relay.stop();
        assert_eq!(sockets_on(ports), 0, "cycle {cycle}");
        // A thread that had not ended would hold it.
        assert_eq!(Arc::strong_count(&handle.shared), 2, "ours and the stage's");
    }
}

/// Sockets bound to these ports, by the kernel's tables.
#[cfg(target_os = "linux")]
fn sockets_on(ports: [u16; 2]) -> usize {
    let tables = ["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"];
    let tables = tables.map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let local = |line: &str| {
        let address = line.split_ascii_whitespace().nth(1)?;
        u16::from_str_radix(address.rsplit(':').next()?, 16).ok()
    };
    let lines = tables.iter().flat_map(|table| table.lines());
    lines.filter(|line| local(line).is_some_and(|port| ports.contains(&port))).count()
}

#[test]
fn a_changed_show_takes_over_between_two_packets_and_joins_its_universes() {
    let text = show_text("");
    let mut stage = Stage::of(&text, Options::default());
    stage.desk.multicast(1, &[1, 2, 3, 4]);
    stage.red("left", 1);
    // The left group moves one slot on, the right one to another universe and protocol.
    let changed = text
        .replace(
            "universe = \"sacn/1\"\n        address = 1",
            "universe = \"sacn/1\"\n        address = 2",
        )
        .replace("artnet/0/0/1", "sacn/9");
    stage.handle.reload(parse(&changed), &hand()).unwrap();
    stage.red("left", 2);
    stage.desk.multicast(9, &[99]);
    stage.red("right", 99);
    let universes: Vec<Universe> =
        stage.handle.universes().unwrap().into_iter().map(|universe| universe.universe).collect();
    assert_eq!(universes, ["sacn/1".parse().unwrap(), "sacn/9".parse().unwrap()]);
}

#[test]
fn a_change_that_needs_a_restart_is_refused_whole() {
    let mut stage = Stage::new();
    let mut config = stage.config.clone();
    config.network.sacn_port += 1;
    config.groups[0].name = "renamed".to_owned();
    let error = stage.handle.reload(config, &hand()).unwrap_err();
    assert!(error.to_string().contains("port"), "{error}");
    stage.desk.sacn(1, &[4]);
    stage.red("left", 4);
}

#[test]
fn a_port_that_another_program_keeps_for_itself_is_named_with_a_remedy() {
    let config = parse(&show_text(""));
    let exclusive = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, config.network.artnet_port)).unwrap();
    let error = Relay::start(config.clone(), Options::default()).unwrap_err();
    assert!(matches!(error, StartError::PortInUse { protocol: "Art-Net", .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("ss -ulpn") && text.contains(&config.network.artnet_port.to_string()));
    drop(exclusive);
    Relay::start(config, Options::default()).unwrap();
}

#[test]
fn a_port_that_the_show_does_not_need_is_a_fault_and_is_opened_when_it_is_free() {
    let config = parse(&show_text("").replace("artnet/0/0/1", "sacn/2"));
    let exclusive = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, config.network.artnet_port)).unwrap();
    let relay = Relay::start(config, Options::default()).unwrap();
    let handle = relay.handle();
    assert!(handle.status().faults[0].contains("Art-Net"), "{:?}", handle.status().faults);
    drop(exclusive);
    eventually("the port is open", || handle.status().faults.is_empty().then_some(()));
    assert_eq!(handle.status().sockets.len(), sockets());
}

#[test]
fn an_interface_that_is_not_there_is_a_fault_that_names_those_that_are() {
    let config = parse(&show_text("").replace("[\"lo\"]", "[\"eth99\"]"));
    let relay = Relay::start(config.clone(), Options::default()).unwrap();
    let faults = relay.handle().status().faults;
    assert!(faults[0].contains("`eth99`") && faults[0].contains("lo (127.0.0.1"), "{faults:?}");
    // What comes in elsewhere is not taken, and the operator is told where.
    let mut desk = Desk::new(&config);
    desk.sacn(1, &[1]);
    eventually("a fault", || {
        let faults = relay.handle().status().faults;
        faults.iter().any(|fault| fault.contains("through lo (127.0.0.1")).then_some(())
    });
    assert_eq!(relay.stop().packets.ignored.get("other_interface"), Some(&1));
}

#[test]
fn the_trace_has_every_published_look_once() {
    let path = std::env::temp_dir().join(format!("wristcast-relay-{}.jsonl", std::process::id()));
    let mut stage =
        Stage::of(&show_text(""), Options { trace: Some(path.clone()), ..Options::default() });
    stage.desk.artnet(&[9, 0]);
    stage.red("right", 9);
    for red in 1..=100 {
        stage.desk.sacn(1, &[red]);
        stage.red("left", red);
    }
    let report = stage.relay.stop();
    let trace = report.trace.expect("asked for");
    assert_eq!((trace.overflowed, trace.error), (0, None));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let looks: Vec<_> = lines
        .map(|line| (line["group"].as_str().unwrap().to_owned(), line["red"].as_u64().unwrap()))
        .collect();
    let reds = |name| looks.iter().filter(move |(group, _)| group == name).map(|(_, red)| *red);
    // The end look is black.
    assert_eq!(reds("left").collect::<Vec<_>>(), (1..=100).chain([0]).collect::<Vec<_>>());
    assert_eq!(reds("right").collect::<Vec<_>>(), [9, 0]);
    assert_eq!(trace.lines, 103);
}

#[test]
fn a_synchronization_address_is_joined_when_a_source_names_it() {
    let mut stage = Stage::new();
    let packet = stage.desk.sacn_packet(1, 7000, &[1]);
    stage.desk.socket.send_to(&packet, stage.desk.sacn).unwrap();
    stage.red("left", 1);
    eventually("joined", || (stage.handle.status().sockets[0].joined == 3).then_some(()));
}

#[test]
fn consoles_find_the_relay() {
    use crate::wire::artnet::{Poll, encode_poll};
    let stage = Stage::new();
    let mut bytes = [0; 64];
    let poll = Poll {
        reply_on_change: false,
        diagnostics: false,
        diagnostics_unicast: false,
        diag_priority: 0,
        target: None,
        esta: 0,
        oem: 0,
    };
    let len = encode_poll(&mut bytes, &poll).unwrap();
    stage.desk.socket.send_to(&bytes[..len], stage.desk.artnet).unwrap();
    stage.desk.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reply = [0; 512];
    let (len, from) = stage.desk.socket.recv_from(&mut reply).unwrap();
    assert_eq!((&reply[..8], reply[8..10] == [0x00, 0x21]), (&b"Art-Net\0"[..], true));
    assert_eq!(from.port(), stage.desk.artnet.port());
    assert_eq!(reply[10..14], [127, 0, 0, 1], "its own address, of {len} bytes");
}

#[test]
fn a_slow_question_does_not_stop_the_light() {
    let groups: String = (0..200)
        .map(|n| {
            format!(
                "[[group]]\nname = \"g{n}\"\nuniverse = \"sacn/{}\"\naddress = 1\n\
                 personality = \"rgb\"\n",
                n + 10
            )
        })
        .collect();
    let mut stage = Stage::of(&show_text(&groups), Options::default());
    for red in 0..50 {
        assert_eq!(stage.handle.universes().unwrap().len(), 202);
        assert_eq!(stage.handle.groups().unwrap().len(), 202);
        stage.desk.multicast(209, &[red]);
        stage.red("g199", red);
    }
    assert_eq!(stage.handle.status().packets.kernel_dropped, 0);
}

/// In a network namespace of its own, where interfaces can be made and broken.
#[cfg(target_os = "linux")]
#[test]
fn interfaces_that_come_go_and_change_are_followed() {
    let in_namespace = |command: &[&str]| {
        let mut unshare = std::process::Command::new("unshare");
        unshare.args(["--map-root-user", "--net"]).args(command).output()
    };
    let able = in_namespace(&["ip", "link", "add", "show0", "type", "veth"]);
    if !able.is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: no network namespaces here, or no `ip`");
    }
    let this = std::env::current_exe().unwrap();
    let inner = "relay::tests::inside_a_namespace";
    let output =
        in_namespace(&[this.to_str().unwrap(), "--exact", inner, "--ignored", "--nocapture"]);
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by interfaces_that_come_go_and_change_are_followed, in a namespace"]
fn inside_a_namespace() {
    let ip = |command: &str| {
        let status = std::process::Command::new("ip").args(command.split(' ')).status().unwrap();
        assert!(status.success(), "ip {command}");
    };
    let plug = |address: &str| {
        ip("link add show0 type veth peer name desk0");
        ip(&format!("address add {address}/24 dev show0"));
        ip("link set desk0 up");
        ip("link set show0 up");
    };
    ip("link set lo up");
    let mut stage =
        Stage::of(&show_text("").replace("[\"lo\"]", "[\"show0\"]"), Options::default());
    stage.desk.socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let has_fault = |text: &str| stage.handle.status().faults.iter().any(|f| f.contains(text));
    assert!(has_fault("`show0` is not here"));

    // Sends on the interface, which gives what is sent there back to its own machine.
    let mut light = |red: u8| {
        eventually(&format!("red {red}"), || {
            let options = socket2::SockRef::from(&stage.desk.socket);
            let interfaces = crate::interfaces::list().unwrap();
            let show0 = interfaces.iter().find(|interface| interface.name == "show0")?;
            let crate::interfaces::InterfaceAddress { ip: std::net::IpAddr::V4(ip), .. } =
                show0.addresses[0]
            else {
                return None;
            };
            options.set_multicast_if_v4(&ip).ok()?;
            let packet = stage.desk.sacn_packet(1, 0, &[red]);
            let group = crate::receive::sacn_group_v4(1);
            stage.desk.socket.send_to(&packet, (group, stage.desk.sacn.port())).ok()?;
            (stage.handle.groups().unwrap()[0].look.red == red).then_some(())
        });
    };
    let settled =
        || eventually("no faults", || stage.handle.status().faults.is_empty().then_some(()));

    plug("10.9.0.1");
    light(1);
    settled();
    ip("link set desk0 down");
    eventually("a fault", || has_fault("show0 (10.9.0.1) is down").then_some(()));
    ip("link set desk0 up");
    light(2);
    settled();
    ip("link delete show0");
    eventually("a fault", || has_fault("`show0` is not here").then_some(()));
    plug("10.9.0.1");
    light(3);
    ip("address delete 10.9.0.1/24 dev show0");
    ip("address add 10.9.0.2/24 dev show0");
    eventually("the new address", || {
        let interfaces = stage.handle.status().interfaces;
        interfaces.first()?.addresses.contains(&"10.9.0.2".to_owned()).then_some(())
    });
    light(4);
    settled();
    // Unicast to it from this machine comes through the loopback interface.
    stage.desk.sacn = (Ipv4Addr::new(10, 9, 0, 2), stage.desk.sacn.port()).into();
    stage.desk.sacn(1, &[5]);
    stage.red("left", 5);
    let events = stage.handle.events(0);
    for text in ["listening on interface show0 (10.9.0.1", "interface show0 (10.9.0.1", "10.9.0.2"]
    {
        assert!(events.iter().any(|event| event.text.contains(text)), "{text}: {events:#?}");
    }
    let outages = events.iter().filter(|event| {
        event.text.starts_with("listening on interface show0") && event.lasted_ms.is_some()
    });
    assert!(outages.count() >= 2, "a cable and an adapter that were out: {events:#?}");
}
