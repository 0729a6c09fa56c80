//! A relay thread that stood still for longer than sources may be silent: what came in meanwhile waits
//! in several sockets, and is read one socket after the other.

use super::*;
use crate::engine::{Datagram, Engine};
use crate::event::EventKind;
use crate::interfaces::{self, Interface, InterfaceFilter};
use crate::limits::Limits;
use crate::receive::{BoundSocket, Clock, Port, Receiver};
use crate::time::Time;
use crate::universe::PortAddress;

/// Time from one round of sends to the next.
const ROUND: Duration = Duration::from_millis(100);

/// Rounds that are sent while nobody reads: 20 s, longer than any source may be silent.
const ROUNDS: u32 = 200;

/// A round in which the slower of two consoles sends, too: once a second.
const KEEP_ALIVE: u32 = 10;

/// A receiver with a socket for sACN and one for Art-Net, read as the relay thread does, and an engine
/// for which a round took a [`ROUND`], however long it did: the time of what arrived is told by
/// how many rounds had begun.
struct Stall {
    receiver: Receiver,
    engine: Engine,
    clock: Clock,
    sockets: [Arc<BoundSocket>; 2],
    console: UdpSocket,
    rounds: Vec<Time>,
}

impl Stall {
    fn new() -> Self {
        let clock = Clock::start();
        let mut receiver = Receiver::new(clock).unwrap();
        let existing = interfaces::list().unwrap();
        let loopback = existing.iter().find(|interface| Interface::is_loopback(interface)).cloned();
        let chosen = [loopback.expect("a loopback interface")];
        receiver.replace_filter(Box::new(InterfaceFilter::new(&chosen, &existing)));
        let registry = receiver.registry().unwrap();
        let sockets = [Port::SacnV4, Port::ArtNet].map(|port| {
            let any = (Ipv4Addr::UNSPECIFIED, 0).into();
            let socket = Arc::new(BoundSocket::open(port, any, 1 << 20, &registry).unwrap());
            receiver.replace_socket(port, Some(Arc::clone(&socket)));
            socket
        });
        let mut config = parse(&show_text(""));
        config.network.sampling_period = Duration::ZERO;
        let engine = Engine::new(&config, &Limits::of(&config), 1);
        let console = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { receiver, engine, clock, sockets, console, rounds: Vec::new() }
    }

    /// One round; the consoles on these ports send.
    fn send(&mut self, ports: &[Port]) {
        self.rounds.push(self.clock.now());
        let sequence = self.rounds.len() as u8;
        for port in ports {
            let mut bytes = [0; 1500];
            let (len, socket) = match port {
                Port::ArtNet => {
                    let port_address = PortAddress::new(1).unwrap();
                    let fields = DmxFields { sequence, physical: 0, port_address };
                    (encode_dmx(&mut bytes, &fields, &[9, 9]), &self.sockets[1])
                }
                _ => {
                    let universe = SacnUniverse::new(1).unwrap();
                    let fields = DataFields::new(Cid([1; 16]), "a console", universe);
                    let fields = DataFields { sequence, ..fields };
                    (sacn::encode_data(&mut bytes, &fields, &[9]), &self.sockets[0])
                }
            };
            let to = (Ipv4Addr::LOCALHOST, socket.address.port());
            self.console.send_to(&bytes[..len.unwrap()], to).unwrap();
        }
    }

    /// When something happened, in rounds.
    fn time(rounds: &[Time], at: Time) -> Time {
        Time::ZERO + ROUND * rounds.partition_point(|round| *round <= at) as u32
    }

    /// Reads what is there, and judges after every batch. Sources that were lost.
    fn read(&mut self) -> usize {
        let Self { receiver, engine, rounds, .. } = self;
        let mut lost = 0;
        loop {
            engine.set_read_to(Self::time(rounds, receiver.read_to()));
            receiver.receive(|datagram, _| {
                let at = Self::time(rounds, datagram.at);
                assert!(engine.handle_datagram(Datagram { at, ..datagram }).is_levels());
            });
            let now = Self::time(rounds, receiver.timer_time(Some(Time::ZERO)));
            engine.set_read_to(Self::time(rounds, receiver.read_to()));
            let _ = engine.handle_timeout(now);
            let events = std::iter::from_fn(|| engine.poll_event());
            lost += events.filter(|e| matches!(e.kind, EventKind::SourceLost { .. })).count();
            if !receiver.is_ready() {
                return lost;
            }
        }
    }

    fn signals(&self) -> [Option<SignalState>; 2] {
        [self.engine.universe_signal(0), self.engine.universe_signal(1)]
    }
}

fn no_source_is_lost(fast: Port, slow: Port) {
    let mut stall = Stall::new();
    stall.send(&[fast, slow]);
    // Until both are heard: then the thread stands still.
    while stall.signals() != [Some(SignalState::Live); 2] {
        assert_eq!(stall.read(), 0);
    }
    for round in 1..=ROUNDS {
        let both = [fast, slow];
        let of_round = if round % KEEP_ALIVE == 0 { &both[..] } else { &both[..1] };
        stall.send(of_round);
    }
    assert_eq!(stall.read(), 0, "{fast:?} often, {slow:?} once a second");
    assert_eq!(stall.signals(), [Some(SignalState::Live); 2]);
    // From here on nobody sends.
    for _ in 0..ROUNDS {
        stall.send(&[]);
    }
    assert_eq!(stall.read(), 2, "who is silent is lost");
}

#[test]
fn no_source_is_lost_whose_packets_waited_while_the_thread_stood_still() {
    no_source_is_lost(Port::ArtNet, Port::SacnV4);
    no_source_is_lost(Port::SacnV4, Port::ArtNet);
}
