//! Storms on the keeper: thousands of networks that fall apart, each made from its seed alone, under
//! a clock of its own. Interfaces come, go, lose their carrier and change address; sockets fail and
//! cannot be opened; joins are refused; the show changes. After every step it must hold that
//!
//! - the relay thread reads what the keeper keeps open, and nothing else;
//! - what is closed is tried again in 5 s at most, and not in circles;
//! - nothing is joined on a socket that is closed, nor what nobody wants;
//! - what stands as a fault is told once;
//!
//! and when all is well again, everything wanted is joined where it should be, and no fault stands.
//!
//! `STORM_SEEDS` (default 100) storms from seed `STORM_FIRST` (default 1) on.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard};

use mio::Registry;

use super::*;
use crate::config::Config;
use crate::interfaces::InterfaceAddress;
use crate::receive::{Clock, Groups, Receiver};

/// Groups that a socket may join, as on Linux.
const GROUPS_OF_SOCKET: usize = 20;

/// Longer than any back-off and the turns after which a denied socket is replaced.
const CALM_S: u64 = 70;

/// What a machine's network is.
#[derive(Debug)]
struct World {
    random: u64,
    interfaces: Vec<Interface>,
    next_index: u32,
    /// By the address of the receiving socket, and the place of the one that holds them.
    joined: BTreeMap<(SocketAddr, usize), BTreeSet<Membership>>,
    opened: u64,
    /// In a hundred: sockets that cannot be opened, joins that are refused, lists that are not had.
    refuses_sockets: u64,
    refuses_joins: u64,
    refuses_lists: u64,
    /// With what joins are refused.
    refusal: i32,
}

impl World {
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Plugs `show{n}` in, pulls it out, or changes what it is.
    fn change_interface(&mut self) {
        let name = format!("show{}", self.below(3));
        let at = self.interfaces.iter().position(|interface| interface.name == name);
        let v4 = Ipv4Addr::new(10, 0, self.below(4) as u8, 1 + self.below(9) as u8);
        let address = InterfaceAddress { ip: v4.into(), prefix: 24 };
        let Some(at) = at else {
            let v6 = "fd00::1".parse().expect("an address");
            let mut addresses = vec![address];
            addresses.extend(self.chance(50).then_some(InterfaceAddress { ip: v6, prefix: 64 }));
            self.next_index += 1;
            let running = self.chance(80);
            let index = self.next_index;
            self.interfaces.push(Interface { name, index, running, addresses });
            return;
        };
        match self.below(4) {
            0 => {
                self.interfaces.remove(at);
            }
            1 => self.interfaces[at].addresses[0] = address,
            _ => self.interfaces[at].running = !self.interfaces[at].running,
        }
    }

    fn calm(&mut self) {
        (self.refuses_sockets, self.refuses_joins, self.refuses_lists) = (0, 0, 0);
        while self.interfaces.is_empty() {
            self.change_interface();
        }
        for interface in &mut self.interfaces {
            interface.running = true;
        }
    }
}

/// The system whose network it is.
#[derive(Clone, Debug)]
struct Machine {
    world: Arc<Mutex<World>>,
    registry: Arc<Registry>,
}

impl Machine {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("nothing failed within")
    }
}

impl System for Machine {
    fn interfaces(&self) -> io::Result<Vec<Interface>> {
        let mut world = self.world();
        let refuses = world.refuses_lists;
        // ENOBUFS: what the system has to say does not fit.
        if world.chance(refuses) { Err(error(105)) } else { Ok(world.interfaces.clone()) }
    }

    fn open(&self, port: Port, _: SocketAddr, bytes: usize) -> io::Result<BoundSocket> {
        let mut world = self.world();
        world.opened += 1;
        let refuses = world.refuses_sockets;
        if world.chance(refuses) {
            // EMFILE, EADDRINUSE, EACCES, ENOBUFS
            return Err(error([24, 98, 13, 105][world.below(4) as usize]));
        }
        let any = (Ipv4Addr::LOCALHOST, 0).into();
        let mut socket = BoundSocket::open(port, any, bytes, &self.registry)?;
        let groups = GroupsOf { socket: socket.address, world: self.world.clone() };
        socket.groups = Some(Box::new(groups));
        Ok(socket)
    }
}

/// The groups of one receiving socket.
#[derive(Debug)]
struct GroupsOf {
    socket: SocketAddr,
    world: Arc<Mutex<World>>,
}

impl Groups for GroupsOf {
    fn change(&self, place: usize, membership: Membership, joins: bool) -> io::Result<()> {
        let mut world = self.world.lock().expect("nothing failed within");
        let here = world.interfaces.iter().any(|interface| interface.index == membership.0);
        let refuses = world.refuses_joins;
        if joins && world.chance(refuses) {
            return Err(error(world.refusal));
        }
        let joined = world.joined.entry((self.socket, place)).or_default();
        let was = joined.remove(&membership);
        match (joins, here) {
            // ENODEV
            (_, false) => return Err(error(19)),
            // EADDRNOTAVAIL
            (false, true) => return if was { Ok(()) } else { Err(error(99)) },
            (true, true) if joined.len() >= GROUPS_OF_SOCKET => return Err(error(105)),
            (true, true) => joined.insert(membership),
        };
        Ok(())
    }
}

/// Of the groups of a socket that is closed nothing is left.
impl Drop for GroupsOf {
    fn drop(&mut self) {
        let mut world = self.world.lock().expect("nothing failed within");
        world.joined.retain(|(socket, _), _| *socket != self.socket);
    }
}

fn error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

/// A keeper in its world, and what the relay thread was given.
struct Storm {
    machine: Machine,
    keeper: SocketKeeper,
    network: Network,
    now: Time,
    reads: [Option<Arc<BoundSocket>>; Port::COUNT],
    /// Given up, and not told yet.
    failed: Vec<(Port, Arc<BoundSocket>)>,
    filter: InterfaceFilter,
    _receiver: Receiver,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let receiver = Receiver::new(Clock::start()).expect("a receiver");
        let registry = Arc::new(receiver.registry().expect("a registry"));
        let world = World {
            random: seed,
            interfaces: Vec::new(),
            next_index: 1,
            joined: BTreeMap::new(),
            opened: 0,
            refuses_sockets: 0,
            refuses_joins: 0,
            refuses_lists: 0,
            refusal: 113,
        };
        let machine = Machine { world: Arc::new(Mutex::new(world)), registry };
        let chosen =
            ["", "interfaces = ['show0', '10.0.1.0/24']"][machine.world().below(2) as usize];
        let show = format!(
            "name = 'storm'\n[network]\nrejoin_s = 5\n{chosen}\n[[group]]\nname = 'g'\n\
             universe = 'sacn/1'\naddress = 1\npersonality = 'rgb'\n[[radio]]\nkind = 'simulated'\n"
        );
        let network = Config::parse(&show, "storm.toml").expect("a sound show").0.network;
        let mut storm = Self {
            keeper: SocketKeeper::new(network.clone(), machine.clone()),
            machine,
            network,
            now: Time::ZERO,
            reads: Default::default(),
            failed: Vec::new(),
            filter: InterfaceFilter::default(),
            _receiver: receiver,
        };
        let outcome = storm.keeper.open_all(Time::ZERO, &[]).expect("no port is needed");
        storm.take(outcome, &[]);
        storm
    }

    /// Does with what the keeper says as the relay thread and the log do.
    fn take(&mut self, outcome: Outcome, stood: &[String]) {
        for change in outcome.changes {
            match change {
                Change::Socket(port, socket) => self.reads[port.index()] = socket,
                Change::Interfaces(interfaces) => self.filter = *interfaces.filter,
            }
        }
        for told in outcome.events {
            let again = told.severity == Severity::Fault && stood.contains(&told.text);
            assert!(!again, "at {}: told again: {}", self.now, told.text);
        }
    }

    fn step(&mut self) {
        let machine = self.machine.clone();
        let pause = Duration::from_millis([10, 100, 1000, 3000][machine.world().below(4) as usize]);
        self.now = self.now + pause;
        let stood = self.keeper.faults(self.now);
        let what = machine.world().below(16);
        let outcome = match what {
            0 => {
                machine.world().change_interface();
                return;
            }
            1 => {
                let mut world = machine.world();
                world.refuses_sockets = [0, 0, 30, 100][world.below(4) as usize];
                world.refuses_joins = [0, 0, 10, 100][world.below(4) as usize];
                world.refuses_lists = [0, 0, 0, 30][world.below(4) as usize];
                // EHOSTUNREACH, ENOBUFS
                world.refusal = [113, 105][world.below(2) as usize];
                return;
            }
            2 | 3 => {
                let place = machine.world().below(Port::COUNT as u64) as usize;
                let given_up = self.reads[place].take();
                self.failed.extend(given_up.map(|socket| (Port::ALL[place], socket)));
                return;
            }
            4 => {
                let universes = 1 + machine.world().below(60) as u16;
                self.keeper.set_network(self.now, &self.network, (1..=universes).collect())
            }
            5 => {
                let address = machine.world().below(3) as u16;
                self.keeper.set_sync_addresses((7000..7000 + address).collect())
            }
            6 => self.keeper.rebind(self.now),
            _ => self.keeper.tick(self.now),
        };
        self.take(outcome, &stood);
        self.tell_failed();
        self.check();
    }

    /// The control side hears of sockets that failed.
    fn tell_failed(&mut self) {
        for (port, socket) in std::mem::take(&mut self.failed) {
            let stood = self.keeper.faults(self.now);
            // ENOTCONN, EBADF
            let why = error([107, 9][self.machine.world().below(2) as usize]);
            let outcome = self.keeper.failed(port, &socket, self.now, &why);
            self.take(outcome, &stood);
        }
    }

    fn check(&self) {
        for port in Port::ALL {
            let (place, reads) = (&self.keeper.places[port.index()], &self.reads[port.index()]);
            match (&place.open, reads) {
                (Some(open), Some(reads)) => {
                    assert!(Arc::ptr_eq(open.memberships.receiver(), reads), "{port:?}: another");
                }
                (None, None) => {
                    let at = place.retry_at.expect("it is tried again");
                    assert!(at <= self.now + RETRY_MAX, "{port:?} is left alone until {at}");
                }
                (open, _) => panic!("at {}: {port:?} is open: {}", self.now, open.is_some()),
            }
        }
        for ((socket, _), groups) in &self.machine.world().joined {
            let is_read = self.reads.iter().flatten().any(|reads| reads.address == *socket);
            assert!(is_read || groups.is_empty(), "{groups:?} are joined, and nobody reads them");
        }
    }

    /// All is well: what is wanted is there, after a while, and stays.
    fn calm(&mut self) {
        self.machine.world().calm();
        let opened = self.machine.world().opened;
        for _ in 0..CALM_S {
            self.now = self.now + Duration::from_secs(1);
            let stood = self.keeper.faults(self.now);
            let outcome = self.keeper.tick(self.now);
            self.take(outcome, &stood);
            self.tell_failed();
            self.check();
        }
        let world = self.machine.world();
        assert!(world.opened - opened <= 2 * Port::COUNT as u64, "opened again and again");
        let (chosen, faults) = (&self.keeper.selection.chosen, self.keeper.faults(self.now));
        assert_eq!(faults, self.keeper.selection.faults, "what is wrong is the choice alone");
        for port in [Port::SacnV4, Port::SacnV6] {
            let wanted = self.keeper.wanted(port);
            let reads = self.reads[port.index()].as_ref().expect("it is open");
            let held = world.joined.iter().filter(|((socket, _), _)| *socket == reads.address);
            let joined: BTreeSet<_> = held.flat_map(|(_, groups)| groups.iter().copied()).collect();
            assert_eq!(joined, wanted, "{port:?}");
        }
        let existing = &world.interfaces;
        assert_eq!(self.filter, InterfaceFilter::new(chosen, existing), "what is let in");
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn no_storm_leaves_a_socket_closed_or_a_group_behind() {
    let first = setting("STORM_FIRST", 1);
    for seed in first..first + setting("STORM_SEEDS", 100) {
        let _again = Again(seed);
        let mut storm = Storm::new(seed);
        for _ in 0..60 {
            storm.step();
        }
        storm.calm();
    }
}

/// Tells what is needed to see a storm again.
struct Again(u64);

impl Drop for Again {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "that was the keeper's storm of seed {0}: STORM_FIRST={0} STORM_SEEDS=1",
                self.0
            );
        }
    }
}
