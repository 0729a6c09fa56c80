//! Real sockets on free ports of the loopback interface.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Instant;

use socket2::SockRef;

use super::*;
use crate::interfaces::{self, Interface};

/// Far longer than anything here takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

const BUFFER: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    bytes: Vec<u8>,
    source: SocketAddr,
    destination: Option<IpAddr>,
    at: Time,
    arrival: Time,
}

struct Listener {
    receiver: Receiver,
    clock: Clock,
    registry: Registry,
    seen: Vec<Seen>,
    other_interface: usize,
    failed: Option<Port>,
}

impl Listener {
    fn on(chosen: &[Interface]) -> Self {
        let clock = Clock::start();
        let mut receiver = Receiver::new(clock).unwrap();
        let existing = interfaces::list().unwrap();
        receiver.replace_filter(Box::new(InterfaceFilter::new(chosen, &existing)));
        let registry = receiver.registry().unwrap();
        Self { receiver, clock, registry, seen: vec![], other_interface: 0, failed: None }
    }

    fn on_loopback() -> Self {
        Self::on(&[loopback()])
    }

    /// Opens `port` on a free number.
    fn open(&mut self, port: Port) -> Arc<BoundSocket> {
        let address = match port {
            Port::SacnV6 => (Ipv6Addr::UNSPECIFIED, 0).into(),
            _ => (Ipv4Addr::UNSPECIFIED, 0).into(),
        };
        let socket = Arc::new(BoundSocket::open(port, address, BUFFER, &self.registry).unwrap());
        self.receiver.replace_socket(port, Some(Arc::clone(&socket)));
        socket
    }

    fn receive(&mut self) -> usize {
        let seen = &mut self.seen;
        let batch = self.receiver.receive(|datagram, arrival| {
            seen.push(Seen {
                bytes: datagram.bytes.to_vec(),
                source: datagram.source,
                destination: datagram.destination,
                at: datagram.at,
                arrival,
            });
        });
        self.other_interface += batch.other_interface;
        if let Some((port, _, _)) = batch.failed {
            self.failed = Some(port);
        }
        batch.taken + batch.other_interface
    }

    /// Receives until `done`, which must come.
    fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "{} datagrams seen", self.seen.len());
            self.receiver.wait(Some(self.clock.now() + Duration::from_millis(100))).unwrap();
            while self.receiver.is_ready() {
                self.receive();
            }
        }
    }

    /// What came before a datagram that is sent last, to `fence` by unicast.
    fn all_until_fence(&mut self, fence: SocketAddr) -> Vec<Seen> {
        sender().send_to(b"fence", fence).unwrap();
        self.until(|listener| listener.seen.iter().any(|seen| seen.bytes == b"fence"));
        let mut seen = std::mem::take(&mut self.seen);
        seen.retain(|seen| seen.bytes != b"fence");
        seen
    }
}

fn loopback() -> Interface {
    interfaces::list().unwrap().into_iter().find(Interface::is_loopback).expect("a loopback")
}

fn sender() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// A sender of multicast that does not leave this machine.
fn multicast_sender() -> UdpSocket {
    let socket = sender();
    SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket.set_multicast_ttl_v4(0).unwrap();
    socket
}

fn to(socket: &BoundSocket) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, socket.address.port()).into()
}

fn groups_v4(universes: std::ops::RangeInclusive<u16>) -> BTreeSet<Membership> {
    let lo = loopback().index;
    universes.map(|universe| (lo, sacn_group_v4(universe))).collect()
}

#[test]
fn unicast_arrives_with_its_source_its_destination_and_a_sane_kernel_time() {
    let mut listener = Listener::on_loopback();
    let socket = listener.open(Port::SacnV4);
    let sender = sender();
    let before = listener.clock.now();
    sender.send_to(b"levels", to(&socket)).unwrap();
    let after = listener.clock.now();
    listener.until(|listener| !listener.seen.is_empty());

    let seen = &listener.seen[0];
    assert_eq!(seen.bytes, b"levels");
    assert_eq!(seen.source, sender.local_addr().unwrap());
    assert_eq!(seen.destination, Some(Ipv4Addr::LOCALHOST.into()));
    if cfg!(target_os = "linux") {
        // Two clocks are read one after the other, so allow for being scheduled out in between.
        let slack = Duration::from_millis(50);
        assert!(seen.arrival + slack >= before && seen.arrival <= after + slack, "{seen:?}");
    }
}

#[test]
fn broadcast_arrives_as_broadcast() {
    let mut listener = Listener::on_loopback();
    let socket = listener.open(Port::ArtNet);
    let sender = sender();
    sender.set_broadcast(true).unwrap();
    let broadcast = Ipv4Addr::new(127, 255, 255, 255);
    sender.send_to(b"ArtPoll", (broadcast, socket.address.port())).unwrap();
    listener.until(|listener| !listener.seen.is_empty());
    assert_eq!(listener.seen[0].destination, Some(broadcast.into()));
}

#[test]
fn more_universes_than_one_socket_may_join_all_arrive_once_and_in_order() {
    let mut listener = Listener::on_loopback();
    let socket = listener.open(Port::SacnV4);
    let mut memberships = Memberships::new(Arc::clone(&socket));
    assert!(memberships.set(&groups_v4(1..=60)).is_empty());
    assert_eq!(memberships.count(), 60);

    let sender = multicast_sender();
    for universe in 1..=60u16 {
        let group = (sacn_group_v4(universe), socket.address.port());
        sender.send_to(&universe.to_be_bytes(), group).unwrap();
    }
    let seen = listener.all_until_fence(to(&socket));
    let universes: Vec<_> =
        seen.iter().map(|seen| u16::from_be_bytes(seen.bytes[..].try_into().unwrap())).collect();
    assert_eq!(universes, (1..=60).collect::<Vec<_>>());
    assert_eq!(seen[0].destination, Some(Ipv4Addr::new(239, 255, 0, 1).into()));
}

#[test]
fn only_joined_groups_arrive_and_a_left_group_stops() {
    let mut listener = Listener::on_loopback();
    let socket = listener.open(Port::SacnV4);
    let port = socket.address.port();
    let mut memberships = Memberships::new(Arc::clone(&socket));
    memberships.set(&groups_v4(1..=2));
    // Another program on this machine listens to another group.
    let other = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    other.join_multicast_v4(&Ipv4Addr::new(239, 255, 0, 9), &Ipv4Addr::LOCALHOST).unwrap();

    let sender = multicast_sender();
    let send_all = || {
        for universe in [1, 2, 9] {
            sender.send_to(&[universe as u8], (sacn_group_v4(universe), port)).unwrap();
        }
    };
    send_all();
    let seen = listener.all_until_fence(to(&socket));
    assert_eq!(seen.iter().map(|seen| seen.bytes[0]).collect::<Vec<_>>(), [1, 2]);

    memberships.set(&groups_v4(2..=2));
    assert_eq!(memberships.count(), 1);
    send_all();
    let seen = listener.all_until_fence(to(&socket));
    assert_eq!(seen.iter().map(|seen| seen.bytes[0]).collect::<Vec<_>>(), [2]);
}

#[test]
fn room_that_was_left_is_joined_again() {
    let mut listener = Listener::on_loopback();
    let mut memberships = Memberships::new(listener.open(Port::SacnV4));
    for round in 0..30u16 {
        let first = 1 + round * 50;
        assert!(memberships.set(&groups_v4(first..=first + 49)).is_empty());
        assert_eq!(memberships.count(), 50);
    }
    memberships.leave_interface(loopback().index);
    assert_eq!(memberships.count(), 0);
    assert!(memberships.sockets() <= 4, "{} sockets for 50 groups", memberships.sockets());
}

#[test]
fn an_interface_that_is_gone_fails_once_and_hinders_no_other() {
    let mut listener = Listener::on_loopback();
    let mut memberships = Memberships::new(listener.open(Port::SacnV4));
    let gone = 999_999;
    let mut wanted = groups_v4(1..=30);
    wanted.extend((1..=30).map(|universe| (gone, sacn_group_v4(universe))));
    for _ in 0..3 {
        let failed = memberships.set(&wanted);
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].0.0, gone);
        assert_eq!(memberships.count(), 30);
    }
    assert!(memberships.sockets() <= 3, "{} sockets for 30 groups", memberships.sockets());
}

#[test]
fn another_program_on_the_port_gets_multicast_and_broadcast_too() {
    let mut listener = Listener::on_loopback();
    let first = listener.open(Port::SacnV4);
    let mut second = Listener::on_loopback();
    let socket = BoundSocket::open(Port::SacnV4, first.address, BUFFER, &second.registry).unwrap();
    let socket = Arc::new(socket);
    second.receiver.replace_socket(Port::SacnV4, Some(Arc::clone(&socket)));
    let mut memberships = [Memberships::new(Arc::clone(&first)), Memberships::new(socket)];
    for memberships in &mut memberships {
        assert!(memberships.set(&groups_v4(1..=25)).is_empty());
    }

    let sender = multicast_sender();
    sender.set_broadcast(true).unwrap();
    sender.send_to(b"m", (sacn_group_v4(25), first.address.port())).unwrap();
    sender.send_to(b"b", ("127.255.255.255", first.address.port())).unwrap();
    for listener in [&mut listener, &mut second] {
        listener.until(|listener| listener.seen.len() == 2);
    }
}

#[test]
fn what_comes_through_an_interface_that_was_not_chosen_is_counted_and_kept_out() {
    let mut listener = Listener::on(&[]);
    let socket = listener.open(Port::SacnV4);
    sender().send_to(b"levels", to(&socket)).unwrap();
    listener.until(|listener| listener.other_interface == 1);
    assert!(listener.seen.is_empty());
}

#[test]
fn this_machine_reaches_its_own_address_on_a_chosen_interface() {
    let list = interfaces::list().unwrap();
    let network = list.iter().find(|i| i.running && i.has_v4() && !i.is_loopback());
    let Some(network) = network else { return eprintln!("skipped: loopback only") };
    let own = network.addresses[0].ip;
    let mut listener = Listener::on(std::slice::from_ref(network));
    let socket = listener.open(Port::SacnV4);
    sender().send_to(b"not chosen", to(&socket)).unwrap();
    let any = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    any.send_to(b"chosen", (own, socket.address.port())).unwrap();
    listener.until(|listener| !listener.seen.is_empty() && listener.other_interface == 1);
    assert_eq!(listener.seen[0].bytes, b"chosen");
}

#[test]
fn ipv6_unicast_and_multicast_arrive() {
    let list = interfaces::list().unwrap();
    if !loopback().has_v6() {
        return eprintln!("skipped: no IPv6");
    }
    let mut listener = Listener::on(&list);
    let socket = listener.open(Port::SacnV6);
    let port = socket.address.port();
    let any = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    any.send_to(b"unicast", (Ipv6Addr::LOCALHOST, port)).unwrap();
    listener.until(|listener| listener.seen.len() == 1);
    assert_eq!(listener.seen[0].destination, Some(Ipv6Addr::LOCALHOST.into()));

    let network = list.iter().find(|i| i.running && i.has_v6() && !i.is_loopback());
    let Some(network) = network else { return eprintln!("skipped: IPv6 on loopback only") };
    let mut memberships = Memberships::new(Arc::clone(&socket));
    let wanted = (1..=60).map(|universe| (network.index, sacn_group_v6(universe))).collect();
    assert!(memberships.set(&wanted).is_empty());
    let options = SockRef::from(&any);
    options.set_multicast_if_v6(network.index).unwrap();
    options.set_multicast_hops_v6(0).unwrap();
    for universe in [1, 60, 61] {
        any.send_to(&[universe as u8], (sacn_group_v6(universe), port)).unwrap();
    }
    any.send_to(b"fence", (Ipv6Addr::LOCALHOST, port)).unwrap();
    listener.until(|listener| listener.seen.iter().any(|seen| seen.bytes == b"fence"));
    let groups: Vec<_> = listener.seen.iter().filter_map(|seen| seen.destination).collect();
    assert_eq!(groups[1..3], [sacn_group_v6(1), sacn_group_v6(60)]);
    assert_eq!(groups.len(), 4, "{groups:?}");
}

#[test]
fn sacn_groups_are_those_of_the_standard() {
    assert_eq!(sacn_group_v4(1).to_string(), "239.255.0.1");
    assert_eq!(sacn_group_v4(63_999).to_string(), "239.255.249.255");
    assert_eq!(sacn_group_v6(1), "ff18::8300:1".parse::<IpAddr>().unwrap());
    assert_eq!(sacn_group_v6(0xABCD), "ff18::8300:abcd".parse::<IpAddr>().unwrap());
}

#[test]
fn the_kernel_may_join_datagrams_and_they_come_apart_again() {
    let mut listener = Listener::on_loopback();
    let socket = listener.open(Port::ArtNet);
    let sender = sender();
    let state = quinn_udp::UdpSocketState::new(UdpSockRef::from(&sender)).unwrap();
    let segments = state.max_gso_segments().min(10);
    let mut contents = Vec::new();
    for n in 0..segments {
        contents.extend([n as u8; 530]);
    }
    contents.truncate(contents.len() - 100);
    let transmit = Transmit {
        destination: to(&socket),
        ecn: None,
        contents: &contents,
        segment_size: (segments > 1).then_some(530),
        src_ip: None,
    };
    state.try_send(UdpSockRef::from(&sender), &transmit).unwrap();
    let seen = listener.all_until_fence(to(&socket));
    assert_eq!(seen.len(), segments);
    for (n, seen) in seen.iter().enumerate() {
        assert_eq!(seen.bytes.len(), if n + 1 == segments { 430 } else { 530 });
        assert!(seen.bytes.iter().all(|&byte| byte == n as u8));
    }
}

#[test]
fn empty_and_greatest_datagrams_arrive_whole() {
    let mut listener = Listener::on_loopback();
    let socket = listener.open(Port::SacnV4);
    let sender = sender();
    let greatest = vec![7; 65_507];
    sender.send_to(&[], to(&socket)).unwrap();
    sender.send_to(&greatest, to(&socket)).unwrap();
    let seen = listener.all_until_fence(to(&socket));
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].bytes, b"");
    assert_eq!(seen[1].bytes, greatest);
}

#[test]
fn a_flood_on_one_port_does_not_keep_the_other_waiting() {
    let mut listener = Listener::on_loopback();
    let flooded = listener.open(Port::SacnV4);
    let other = listener.open(Port::ArtNet);
    let sender = sender();
    for _ in 0..4 * BATCH_SIZE {
        sender.send_to(b"flood", to(&flooded)).unwrap();
    }
    sender.send_to(b"light", to(&other)).unwrap();
    // Both are in the kernel's buffers now, so two batches must do.
    listener.receive();
    listener.receive();
    assert!(listener.seen.iter().any(|seen| seen.bytes == b"light"));
    assert!(listener.receiver.is_ready(), "the rest of the flood waits");
}

#[test]
fn time_never_runs_backwards_between_ports_and_timers_wait_for_what_is_queued() {
    let mut listener = Listener::on_loopback();
    let ports = [listener.open(Port::SacnV4), listener.open(Port::ArtNet)];
    let sender = sender();
    for n in 0..6 * BATCH_SIZE {
        sender.send_to(&[n as u8], to(&ports[n % 2])).unwrap();
    }
    let mut last = Time::ZERO;
    while listener.seen.len() < 6 * BATCH_SIZE {
        assert_ne!(listener.receive(), 0, "all are in the kernel's buffers");
        assert!(listener.seen.iter().all(|seen| seen.arrival <= seen.at));
        if listener.receiver.is_ready() {
            last = listener.receiver.timer_time(Some(Time::ZERO));
            assert_eq!(last, listener.seen.last().unwrap().at);
        }
    }
    assert!(listener.seen.windows(2).all(|pair| pair[0].at <= pair[1].at));
    while listener.receiver.is_ready() {
        listener.receive();
    }
    assert!(listener.receiver.timer_time(Some(Time::ZERO)) >= last);
}

#[test]
fn timers_wait_for_what_came_while_the_thread_was_not_scheduled() {
    let mut listener = Listener::on_loopback();
    let socket = listener.open(Port::SacnV4);
    // Nothing is there; then the thread sleeps, and a datagram comes.
    while listener.receiver.is_ready() {
        listener.receive();
    }
    listener.receiver.wait(Some(Time::ZERO)).unwrap();
    let before = listener.receiver.timer_time(Some(Time::ZERO));
    sender().send_to(b"levels", to(&socket)).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while socket.io.peek_from(&mut [0]).is_err() {
        assert!(Instant::now() < deadline, "it does not arrive");
        std::thread::yield_now();
    }
    let later = listener.clock.now();
    assert_eq!(listener.receiver.timer_time(Some(later)), before, "it has arrived before now");
    assert_eq!(listener.receive(), 1);
    assert_eq!(listener.receive(), 0);
    assert!(listener.receiver.timer_time(Some(later)) >= later, "now they are judged");
}

#[test]
fn a_timer_that_is_not_due_moves_no_time() {
    let mut listener = Listener::on_loopback();
    let before = listener.receiver.timer_time(Some(Time::ZERO));
    let never = before + Duration::from_secs(3600);
    assert_eq!(listener.receiver.timer_time(Some(never)), before);
    assert_eq!(listener.receiver.timer_time(None), before);
}

#[test]
fn a_wake_up_that_comes_while_timers_are_judged_ends_the_next_wait() {
    let mut listener = Listener::on_loopback();
    let waker = listener.receiver.waker().unwrap();
    waker.wake().unwrap();
    let _ = listener.receiver.timer_time(Some(Time::ZERO));
    // Without an end this would wait for ever.
    listener.receiver.wait(None).unwrap();
}

#[test]
fn a_socket_that_fails_is_given_up_and_can_be_replaced() {
    let mut listener = Listener::on_loopback();
    let dead = listener.open(Port::SacnV4);
    sender().send_to(b"lost", to(&dead)).unwrap();
    listener.receiver.fail(Port::SacnV4, io::ErrorKind::NotConnected);
    listener.until(|listener| listener.failed == Some(Port::SacnV4));
    sender().send_to(b"lost", to(&dead)).unwrap();
    listener.receiver.wait(Some(listener.clock.now())).unwrap();
    assert!(!listener.receiver.is_ready(), "a dead socket is left alone");

    let socket = listener.open(Port::SacnV4);
    sender().send_to(b"levels", to(&socket)).unwrap();
    listener.until(|listener| !listener.seen.is_empty());
    assert_eq!(listener.seen[0].bytes, b"levels");
}

#[test]
fn a_waker_ends_a_wait() {
    let mut listener = Listener::on_loopback();
    listener.open(Port::SacnV4);
    listener.receive();
    let waker = listener.receiver.waker().unwrap();
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| waker.wake().unwrap());
        listener.receiver.wait(Some(listener.clock.now() + PATIENCE)).unwrap();
    });
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn a_full_buffer_is_seen_in_the_kernels_drop_count() {
    let mut listener = Listener::on_loopback();
    let address = (Ipv4Addr::UNSPECIFIED, 0).into();
    let socket = BoundSocket::open(Port::SacnV4, address, 4096, &listener.registry).unwrap();
    assert!(!socket.receive_buffer_is_short);
    let socket = Arc::new(socket);
    let drops = KernelDrops::of(&socket);
    let Some(none) = drops.count() else { return eprintln!("skipped: the system does not tell") };
    assert_eq!(none, 0);
    let sender = sender();
    for _ in 0..100 {
        sender.send_to(&[0; 638], to(&socket)).unwrap();
    }
    listener.receiver.replace_socket(Port::SacnV4, Some(socket));
    while listener.receiver.is_ready() {
        listener.receive();
    }
    assert_eq!(listener.seen.len() as u64 + drops.count().unwrap(), 100);
    assert!(listener.seen.len() < 100);
}

#[test]
fn a_port_that_is_not_shared_is_an_error_of_that_kind() {
    let listener = Listener::on_loopback();
    let exclusive = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let address = exclusive.local_addr().unwrap();
    let error = BoundSocket::open(Port::SacnV4, address, BUFFER, &listener.registry).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn a_buffer_beyond_the_systems_limit_is_reported_as_short() {
    let listener = Listener::on_loopback();
    let address = (Ipv4Addr::UNSPECIFIED, 0).into();
    let asked = 1 << 30;
    let socket = BoundSocket::open(Port::SacnV4, address, asked, &listener.registry).unwrap();
    assert!(socket.receive_buffer_is_short || socket.receive_buffer_bytes >= asked);
}
