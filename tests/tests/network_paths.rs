//! The ways that sACN takes through a network: IPv6, two interfaces, from unicast to multicast, an
//! interface that returns, switches that forget. In a network namespace of their own, where interfaces can be made and
//! broken; what needs none runs everywhere.

#![cfg(target_os = "linux")]

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::Command;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use wristcast_core::snapshot::{SourceState, UniverseState};
use wristcast_tests::desk::Desk;
use wristcast_tests::scenario::{Data, Sent};
use wristcast_tests::{Stage, eventually};

const SHOW: &str = r#"
name = "Paths"
[network]
[[group]]
name = "left"
universe = "sacn/1"
address = 1
personality = "rgb"
"#;

/// The multicast groups of universe 1 (E1.31 §9.3.1, §9.3.2).
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 0, 1);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xFF18, 0, 0, 0, 0, 0, 0x8300, 1);

/// A relay and one console that sends it universe 1.
struct Paths {
    stage: Stage,
    desk: Desk,
    v4: UdpSocket,
    v6: UdpSocket,
}

impl Paths {
    fn new(interfaces: &[&str]) -> Self {
        Self::of(SHOW, interfaces)
    }

    fn of(show: &str, interfaces: &[&str]) -> Self {
        Self {
            stage: Stage::on(show, interfaces),
            desk: Desk::default(),
            v4: UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("an IPv4 sender"),
            v6: UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("an IPv6 sender"),
        }
    }

    /// The next packet, with red at `red`.
    fn packet(&mut self, red: u8) -> Vec<u8> {
        self.desk.frame(&Sent::Data(Box::new(Data::new('A', 1, vec![red])))).bytes
    }

    /// By unicast.
    fn unicast(&self, packet: &[u8], to: IpAddr) {
        let to = SocketAddr::new(to, self.stage.sacn.port());
        let socket = if to.is_ipv4() { &self.v4 } else { &self.v6 };
        socket.send_to(packet, to).expect("loopback takes a datagram");
    }

    /// By multicast, out of an interface; the machine hears what it sends itself. False if the
    /// interface does not take it now.
    fn multicast(&self, packet: &[u8], name: &str, v6: bool) -> bool {
        let list = wristcast_core::interfaces::list().expect("interfaces");
        let Some(interface) = list.iter().find(|interface| interface.name == name) else {
            return false;
        };
        let port = self.stage.sacn.port();
        if v6 {
            SockRef::from(&self.v6).set_multicast_if_v6(interface.index).expect("an interface");
            return self.v6.send_to(packet, (GROUP_V6, port)).is_ok();
        }
        let v4 = interface.addresses.iter().find_map(|address| match address.ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        });
        let sent = v4.and_then(|ip| SockRef::from(&self.v4).set_multicast_if_v4(&ip).ok());
        sent.is_some() && self.v4.send_to(packet, (GROUP_V4, port)).is_ok()
    }

    fn is_red(&self, red: u8) -> bool {
        self.stage.look("left").red == red
    }

    fn until_red(&self, red: u8) {
        eventually(&format!("red {red}"), || self.is_red(red));
    }

    /// Sends until it arrives: an interface takes a moment until it is up and joined.
    fn until_joined(&mut self, red: u8, name: &str, v6: bool) {
        eventually(&format!("red {red} through {name}"), || {
            let packet = self.packet(red);
            self.multicast(&packet, name, v6);
            self.is_red(red)
        });
    }

    fn universe(&self) -> UniverseState {
        let universe = "sacn/1".parse().expect("a universe");
        self.stage.handle().universe(universe).expect("an answer").expect("patched")
    }

    fn the_one_source(&self) -> SourceState {
        let universe = self.universe();
        let [source] = &universe.sources[..] else { panic!("one source: {universe:?}") };
        source.clone()
    }

    fn ignored(&self, why: &str) -> u64 {
        self.stage.handle().status().packets.ignored.get(why).copied().unwrap_or(0)
    }
}

#[test]
fn sacn_by_ipv6_unicast_lights_a_group() {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return eprintln!("skipped: no IPv6");
    }
    let mut paths = Paths::new(&["lo"]);
    let packet = paths.packet(7);
    paths.unicast(&packet, Ipv6Addr::LOCALHOST.into());
    paths.until_red(7);
    assert!(paths.the_one_source().address.starts_with("[::1]:"), "{:?}", paths.the_one_source());
}

#[test]
fn a_source_that_goes_over_to_ipv6_stays_one_source() {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return eprintln!("skipped: no IPv6");
    }
    let mut paths = Paths::new(&["lo"]);
    for (red, to) in [(1, IpAddr::from(Ipv4Addr::LOCALHOST)), (2, Ipv6Addr::LOCALHOST.into())] {
        let packet = paths.packet(red);
        paths.unicast(&packet, to);
        paths.until_red(red);
    }
    assert_eq!(paths.the_one_source().sequence_errors, 0);
}

#[test]
fn a_source_that_goes_over_from_unicast_to_multicast_and_back_stays_one_source() {
    let mut paths = Paths::new(&["lo"]);
    for red in 1..=6 {
        let packet = paths.packet(red);
        if red % 2 == 0 {
            assert!(paths.multicast(&packet, "lo", false), "loopback takes multicast");
        } else {
            paths.unicast(&packet, Ipv4Addr::LOCALHOST.into());
        }
        paths.until_red(red);
    }
    let source = paths.the_one_source();
    assert!(source.contributing && source.sequence_errors == 0, "{source:?}");
    let events = paths.stage.handle().events(0);
    let appeared = events.iter().filter(|event| event.text.contains("appeared")).count();
    assert_eq!(appeared, 1, "{events:?}");
}

/// Runs an ignored test of this file where interfaces can be made.
fn in_namespace(test: &str) {
    let unshare = |command: &[&str]| {
        Command::new("unshare").args(["--map-root-user", "--net"]).args(command).output()
    };
    let able = unshare(&["ip", "link", "add", "show0", "type", "veth"]);
    if !able.is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: no network namespaces here, or no `ip`");
    }
    let this = std::env::current_exe().expect("the path of this test");
    let this = this.to_str().expect("a path in UTF-8");
    let output = unshare(&[this, "--exact", test, "--ignored", "--nocapture"]).expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
}

fn ip(command: &str) {
    let status = Command::new("ip").args(command.split(' ')).status().expect("`ip` is here");
    assert!(status.success(), "ip {command}");
}

/// A cable from `show`n to `desk`n, with addresses in 10.9.n.0 and fd00:n::.
fn plug(n: u8) {
    ip(&format!("link add show{n} type veth peer name desk{n}"));
    ip(&format!("address add 10.9.{n}.1/24 dev show{n}"));
    ip(&format!("-6 address add fd00:{n}::1/64 dev show{n} nodad"));
    ip(&format!("link set desk{n} up"));
    ip(&format!("link set show{n} up"));
}

#[test]
fn ipv6_multicast_lights_a_group_again_after_its_interface_returns() {
    in_namespace("ipv6_multicast_inside_a_namespace");
}

#[test]
#[ignore = "run in a namespace by another test"]
fn ipv6_multicast_inside_a_namespace() {
    ip("link set lo up");
    plug(0);
    let mut paths = Paths::new(&["show0"]);
    paths.until_joined(1, "show0", true);
    assert!(paths.the_one_source().address.starts_with('['), "{:?}", paths.the_one_source());
    ip("link set desk0 down");
    let faults = || paths.stage.handle().status().faults;
    eventually("a fault", || faults().iter().any(|fault| fault.contains("show0")));
    ip("link set desk0 up");
    paths.until_joined(2, "show0", true);
    ip("link delete show0");
    let faults = || paths.stage.handle().status().faults;
    eventually("a fault", || faults().iter().any(|fault| fault.contains("show0")));
    plug(0);
    paths.until_joined(3, "show0", true);
    paths.until_joined(4, "show0", false);
    assert_eq!(paths.universe().sources.len(), 1, "IPv4 or IPv6, it is one source");
}

#[test]
fn what_comes_through_two_interfaces_counts_once() {
    in_namespace("two_interfaces_inside_a_namespace");
}

#[test]
#[ignore = "run in a namespace by another test"]
fn two_interfaces_inside_a_namespace() {
    ip("link set lo up");
    plug(0);
    plug(1);
    let mut paths = Paths::new(&["show0", "show1"]);
    paths.until_joined(100, "show0", false);
    paths.until_joined(101, "show1", false);
    let before = paths.stage.handle().status().packets;
    let duplicates = paths.ignored("duplicate");
    for red in 1..=20 {
        let packet = paths.packet(red);
        assert!(
            paths.multicast(&packet, "show0", false) && paths.multicast(&packet, "show1", false)
        );
        paths.stage.until_received(before.received + 2 * u64::from(red));
        assert!(paths.is_red(red));
    }
    let after = paths.stage.handle().status().packets;
    assert_eq!(paths.ignored("duplicate"), duplicates + 20, "{after:?}");
    assert_eq!(after.accepted, before.accepted + 20);
    let source = paths.the_one_source();
    assert_eq!(source.sequence_errors, 0, "a second way is no error: {source:?}");
}

#[test]
fn switches_hear_of_every_group_again_and_again_and_of_no_farewell() {
    in_namespace("rejoin_inside_a_namespace");
}

#[test]
#[ignore = "run in a namespace by another test"]
fn rejoin_inside_a_namespace() {
    ip("link set lo up");
    plug(0);
    let mut cable = Cable::tap();
    let show = SHOW.replace("[network]\n", "[network]\nrejoin_s = 1\n");
    let mut paths = Paths::of(&show, &["show0"]);
    paths.until_joined(1, "show0", false);
    paths.until_joined(2, "show0", true);
    // Each join is told twice, for the case that one report is lost.
    for group in [IpAddr::from(GROUP_V4), GROUP_V6.into()] {
        let reports = std::iter::repeat_with(|| cable.report()).filter(|(of, _)| *of == group);
        let kinds: Vec<u8> = reports.take(10).map(|(_, kind)| kind).collect();
        assert_eq!(kinds, [TO_EXCLUDE; 10], "joins of {group}, and nothing else");
    }
    paths.until_joined(3, "show0", false);
    paths.until_joined(4, "show0", true);
}

/// Record type of IGMPv3 and MLDv2: from now on from every source but those listed; with an empty
/// list a join (RFC 3376 §4.2.12, RFC 3810 §5.2.12).
const TO_EXCLUDE: u8 = 4;

/// What goes over the cable, as a switch sees it.
struct Cable {
    socket: Socket,
    reports: Vec<(IpAddr, u8)>,
}

impl Cable {
    fn tap() -> Self {
        let all = i32::from((libc::ETH_P_ALL as u16).to_be());
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(all)))
            .expect("a namespace of one's own allows raw sockets");
        socket.set_read_timeout(Some(wristcast_tests::PATIENCE)).expect("a time-out");
        Self { socket, reports: Vec::new() }
    }

    /// The next group that a report speaks of, and as what.
    fn report(&mut self) -> (IpAddr, u8) {
        let mut frame = [0; 2048];
        while self.reports.is_empty() {
            let len = self.socket.read(&mut frame).expect("a report before patience ends");
            self.reports = group_records(&frame[..len]).unwrap_or_default();
            self.reports.reverse();
        }
        self.reports.pop().expect("there is one")
    }
}

/// The group records of an IGMPv3 or MLDv2 report in an Ethernet frame, farewells of older versions
/// as record type 0.
fn group_records(frame: &[u8]) -> Option<Vec<(IpAddr, u8)>> {
    const IGMP: u8 = 2;
    const IGMP_V3_REPORT: u8 = 0x22;
    const IGMP_V2_LEAVE: u8 = 0x17;
    const MLD_V2_REPORT: u8 = 143;
    let packet = frame.get(14..)?;
    let (report, address_len) = match frame.get(12..14)? {
        [0x08, 0x00] if packet.get(9) == Some(&IGMP) => {
            (packet.get(usize::from(packet[0] & 0x0F) * 4..)?, 4)
        }
        // After the hop-by-hop options, which carry the router alert.
        [0x86, 0xDD] if packet.get(6) == Some(&0) => (packet.get(48..)?, 16),
        _ => return None,
    };
    let address = |at: usize| {
        let bytes = report.get(at..at + address_len)?;
        let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
        v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
    };
    match *report.first()? {
        IGMP_V2_LEAVE => return Some(vec![(address(4)?, 0)]),
        IGMP_V3_REPORT | MLD_V2_REPORT => {}
        _ => return None,
    }
    let count = u16::from_be_bytes([*report.get(6)?, *report.get(7)?]);
    let mut records = Vec::new();
    let mut at = 8;
    for _ in 0..count {
        let kind = *report.get(at)?;
        let sources = usize::from(u16::from_be_bytes([*report.get(at + 2)?, *report.get(at + 3)?]));
        records.push((address(at + 4)?, kind));
        at += 4 + address_len * (1 + sources);
    }
    Some(records)
}
