//! Two relays on one show: over loopback, and in network namespaces, where processes die and cables
//! are pulled.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wristcast_core::config::{Config, RadioKind};
use wristcast_core::radio::Radio;
use wristcast_core::radio::simulated::SimulatedRadio;
use wristcast_core::relay::{Options, Relay};
use wristcast_core::standby::Order;
use wristcast_core::steering::{Actor, MasterRequest, Request, Switch};
use wristcast_tests::desk::Desk;
use wristcast_tests::ether::{Ether, unix_nanos};
use wristcast_tests::scenario::{Data, Sent};
use wristcast_tests::{eventually, free_udp_port};

/// A relay that stands still again and again, on a machine that does much else, takes long to trust
/// itself.
const BED_PATIENCE: Duration = Duration::from_secs(90);

/// Less than it takes to let go of a band and to find it again, nanoseconds.
const HAND_MIN_NS: u64 = 150_000_000;

/// Longer than a relay that begins to drive keeps the bands whatever it hears.
const SETTLED: Duration = Duration::from_millis(2_100);

/// Who wrote, and when.
type Writes = Arc<Mutex<Vec<(u64, char)>>>;

const GROUP: &str = r#"
[[group]]
name = "crowd"
universe = "sacn/1"
address = 1
personality = "rgb"
[[group]]
name = "stage"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
groups = ["crowd"]
bands_per_group = 5
loss = 0.0
"#;

/// Of those who wrote after `since`: the last of `before` and the first of `after`.
fn edges(writes: &Writes, since: u64, before: char, after: char) -> (Option<u64>, Option<u64>) {
    let writes = writes.lock().expect("no writer panicked");
    let of = |name| writes.iter().filter(move |w| w.1 == name && w.0 > since).map(|w| w.0);
    (of(before).max(), of(after).min())
}

/// Two relays in this process.
struct Loopback {
    relays: Vec<Relay>,
    shows: Vec<String>,
    sacn: Vec<u16>,
    writes: Writes,
    desk: Desk,
    socket: UdpSocket,
}

impl Loopback {
    /// `watched`: who writes is told in `writes`.
    fn new(watched: bool) -> Self {
        let links = [free_udp_port(), free_udp_port()];
        let writes = Writes::default();
        let (mut relays, mut shows, mut sacn) = (Vec::new(), Vec::new(), Vec::new());
        for (name, own, other) in [('A', 0, 1), ('B', 1, 0)] {
            let port = free_udp_port();
            let role = if own == 0 { "preferred" } else { "backup" };
            // Long enough for a machine that does much else.
            let show = format!(
                "name = \"Two\"\n[network]\ninterfaces = [\"127.0.0.1\"]\nsacn_port = {port}\n\
                 artnet_port = {}\n[standby]\nrole = \"{role}\"\npeer = [\"127.0.0.1:{}\"]\n\
                 listen = \"127.0.0.1:{}\"\nkey = \"none\"\ntake_over_ms = 5000\n{GROUP}",
                free_udp_port(),
                links[other],
                links[own]
            );
            let (config, _) = Config::parse(&show, "show.toml").expect("a right show");
            let told = Arc::clone(&writes);
            let relay = Relay::start_with(config, Options::default(), &mut |radio| {
                let RadioKind::Simulated(radio) = &radio.kind else { return None };
                if !watched {
                    return None;
                }
                let told = Arc::clone(&told);
                let told = Arc::new(move |_, at| {
                    told.lock().expect("no writer panicked").push((at, name));
                });
                let ether = Ether::new(SimulatedRadio::new(radio, 1), told);
                Some(Box::new(ether) as Box<dyn Radio>)
            });
            relays.push(relay.expect("it starts"));
            shows.push(show);
            sacn.push(port);
        }
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a sender");
        Self { relays, shows, sacn, writes, desk: Desk::default(), socket }
    }

    /// Sends a changed level to both until it holds.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let mut red = 0u8;
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
            red = red.wrapping_add(1);
            let packet = self.desk.frame(&Sent::Data(Box::new(Data::new('A', 1, vec![red]))));
            for port in &self.sacn {
                self.socket.send_to(&packet.bytes, ("127.0.0.1", *port)).expect("loopback");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn role(&self, relay: usize) -> String {
        self.relays[relay].handle().status().standby.expect("a standby").role
    }

    fn wrote_since(&self, since: u64, name: char) -> bool {
        self.writes.lock().expect("no writer panicked").iter().any(|w| w.1 == name && w.0 > since)
    }
}

fn operator() -> Actor {
    Actor { name: "foh".to_owned(), front: "page", address: None }
}

#[test]
fn one_drives_and_gives_and_what_operators_do_holds_on_both() {
    let mut two = Loopback::new(true);
    two.until("the preferred one drives", |two| two.wrote_since(0, 'A'));
    assert!(!two.wrote_since(0, 'B'));
    let refused = two.relays[1].handle().standby_order(Order::Give, &operator());
    assert!(refused.is_err(), "it has nothing to give");

    for (giver, taker, order) in [('A', 'B', 1), ('B', 'A', 0)] {
        let since = unix_nanos();
        two.relays[order].handle().standby_order(Order::Take, &operator()).expect("in contact");
        two.until("the other one drives", |two| two.wrote_since(since, taker));
        let (last, first) = edges(&two.writes, since, giver, taker);
        assert!(last < first, "the giver wrote after the taker: {last:?} {first:?}");
        eventually("both know", || two.role(order) == "drives" && two.role(1 - order) == "follows");
    }

    // Orders to either are for both.
    let status = |relay: usize| two.relays[relay].handle().status();
    let panic = |on| Request::Panic(Switch { on });
    two.relays[0].handle().order(&panic(true), &operator()).expect("obeyed");
    eventually("panic on the one that follows", || status(1).panic);
    two.relays[1].handle().order(&panic(false), &operator()).expect("obeyed");
    eventually("released on the one that drives", || !status(0).panic);
    let master = Request::Master(MasterRequest { level: 99, groups: None });
    two.relays[1].handle().order(&master, &operator()).expect("obeyed");
    eventually("the same master", || status(0).grand_master == 99);
    let of_group = |group: &str, level| {
        Request::Master(MasterRequest { level, groups: Some(vec![group.to_owned()]) })
    };
    two.relays[0].handle().order(&of_group("stage", 30), &operator()).expect("obeyed");
    let masters = |relay: usize| {
        let hands = two.relays[relay].handle().control().expect("it runs").groups;
        hands.iter().map(|group| (group.name.clone(), group.master)).collect::<Vec<_>>()
    };
    let stage = ("stage".to_owned(), 30);
    eventually("the same master of a group", || masters(1) == [stage.clone()]);
    two.relays[1].handle().order(&of_group("crowd", 60), &operator()).expect("obeyed");
    eventually("and back", || masters(0) == [("crowd".to_owned(), 60), stage.clone()]);
    let events = two.relays[0].handle().events(0);
    assert!(events.iter().any(|event| event.by.as_deref() == Some("the other relay (standby)")));

    // Stopped, it hands over at once, and leaves no end look behind.
    let since = unix_nanos();
    let first = two.relays.remove(0);
    first.stop();
    two.until("the other one drives", |two| two.wrote_since(since, 'B'));
    let (last, first) = edges(&two.writes, since, 'A', 'B');
    assert!(last < first, "the one that stopped wrote after the other: {last:?} {first:?}");
}

#[test]
fn radios_that_begin_anew_at_a_reload_follow_who_drives() {
    let mut two = Loopback::new(false);
    let connected =
        |two: &Loopback, relay: usize| two.relays[relay].handle().status().bands_connected;
    two.until("the preferred one drives", |two| connected(two, 0) == 5);
    for relay in 0..2 {
        let show = two.shows[relay].replace("bands_per_group = 5", "bands_per_group = 6");
        let (config, _) = Config::parse(&show, "show.toml").expect("a right show");
        two.relays[relay].handle().reload(config, &operator()).expect("taken");
    }
    two.until("its new radio has its bands", |two| connected(two, 0) == 6);
    assert_eq!(connected(&two, 1), 0, "the other one's has none");
    two.relays[0].handle().standby_order(Order::Give, &operator()).expect("in contact");
    two.until("the other one has them", |two| connected(two, 1) == 6 && two.role(0) == "follows");
    assert_eq!(connected(&two, 0), 0);
    let events = two.relays[1].handle().events(0);
    let given = "standby: this relay drives the bands: the other relay gave them";
    assert!(events.iter().any(|event| event.text == given), "{events:?}");
}

/// Two relays and a console in namespaces of their own, and a switch between them.
struct Venue {
    id: u32,
    folder: PathBuf,
    writes: Writes,
    relays: [Option<Process>; 2],
    console: Option<Process>,
    /// Which relay drives.
    driver: usize,
}

/// A process of the bed, and all that it said.
struct Process {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

const NAMES: [char; 2] = ['A', 'B'];

fn ip(args: &str) {
    let done = Command::new("ip").args(args.split(' ')).status().expect("iproute2 is there");
    assert!(done.success(), "ip {args}: this needs root");
}

impl Venue {
    fn new() -> Self {
        let id = std::process::id();
        let folder = std::env::temp_dir().join(format!("standby-{id}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let air = UnixDatagram::bind(folder.join("air")).expect("a socket");
        let writes = Writes::default();
        let told = Arc::clone(&writes);
        std::thread::spawn(move || {
            let mut frame = [0; 13];
            while air.recv(&mut frame).is_ok() {
                let at = u64::from_be_bytes(frame[5..].try_into().expect("eight bytes"));
                told.lock().expect("no reader panicked").push((at, frame[0] as char));
            }
        });
        let hub = format!("hub{id}");
        ip(&format!("netns add {hub}"));
        ip(&format!("-n {hub} link add switch type bridge"));
        ip(&format!("-n {hub} addr add 10.99.0.1/24 dev switch"));
        ip(&format!("-n {hub} link set switch up"));
        let mut venue = Self { id, folder, writes, relays: [None, None], console: None, driver: 0 };
        for relay in 0..2 {
            let (space, address) = (format!("relay{relay}x{id}"), venue.address(relay));
            ip(&format!("netns add {space}"));
            ip(&format!("-n {hub} link add port{relay} type veth peer name eth0 netns {space}"));
            ip(&format!("-n {hub} link set port{relay} master switch"));
            ip(&format!("-n {space} addr add {address}/24 dev eth0"));
            for up in [
                format!("-n {hub} link set port{relay} up"),
                format!("-n {space} link set eth0 up"),
                format!("-n {space} link set lo up"),
            ] {
                ip(&up);
            }
            let role = if relay == 0 { "preferred" } else { "backup" };
            let show = format!(
                "name = \"Two\"\n[network]\ninterfaces = [\"eth0\"]\n[standby]\nrole = \"{role}\"\n\
                 peer = [\"{}:5570\"]\nkey = \"none\"\n{GROUP}",
                venue.address(1 - relay)
            );
            std::fs::write(venue.show(relay), show).expect("a show file");
        }
        for relay in 0..2 {
            venue.start(relay);
        }
        let to = [0, 1].map(|relay| format!("{}:5568", venue.address(relay)));
        let args = ["console", &to[0], &to[1]];
        venue.console = Some(Process::start(&hub, &args));
        venue
    }

    fn address(&self, relay: usize) -> String {
        format!("10.99.0.{}", 2 + relay)
    }

    fn show(&self, relay: usize) -> PathBuf {
        self.folder.join(format!("{relay}.toml"))
    }

    fn start(&mut self, relay: usize) {
        let (show, air) = (self.show(relay), self.folder.join("air"));
        let text = |path: &Path| path.to_str().expect("a name in UTF-8").to_owned();
        let name = NAMES[relay].to_string();
        let space = format!("relay{relay}x{}", self.id);
        self.relays[relay] =
            Some(Process::start(&space, &["relay", &text(&show), &text(&air), &name]));
    }

    fn all_said(&self, relay: usize) -> Vec<String> {
        let process = self.relays[relay].as_ref().expect("it runs");
        process.said.lock().expect("no reader panicked").clone()
    }

    /// What it said last.
    fn said(&self, relay: usize) -> String {
        let said = self.all_said(relay);
        said.into_iter().rfind(|line| !line.starts_with('#')).unwrap_or_default()
    }

    /// The last of what it said, for a test that fails.
    fn story(&self, relay: usize) -> String {
        let Some(process) = &self.relays[relay] else { return format!("{relay}: dead") };
        let said = process.said.lock().expect("no reader panicked");
        let last = said.iter().rev().take(12).rev();
        last.map(|line| format!("{relay} {line}\n")).collect()
    }

    /// Waits until one drives, the other follows, and both know of each other. What a process that
    /// stood still said last is of a time that is over, so that it must also be seen to drive. Which
    /// one: on a machine that does much else the bands may change hands without being asked to.
    fn settle(&mut self) {
        let since = unix_nanos();
        let mut driver = None;
        let start = Instant::now();
        while driver.is_none() {
            driver = (0..2).find(|&one| {
                self.said(one) == "drives heard light"
                    && self.said(1 - one) == "follows heard light"
                    && edges(&self.writes, since, NAMES[1 - one], NAMES[one]).1.is_some()
            });
            let [one, other] = [0, 1].map(|relay| self.story(relay));
            assert!(start.elapsed() < BED_PATIENCE, "none drives alone\n{one}\n{other}");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.driver = driver.expect("one drives");
    }

    /// However often the bands have changed hands, never did both write at the same time: it takes
    /// longer than that to let go of a band and to find it again. What is known of is forgotten: the
    /// lanes of the relays wait for whoever keeps it.
    fn one_at_a_time(&self, what: &str) {
        let mut writes = std::mem::take(&mut *self.writes.lock().expect("no writer panicked"));
        writes.sort_unstable();
        let changes: Vec<_> = writes.windows(2).filter(|two| two[0].1 != two[1].1).collect();
        let hasty = changes.windows(2).find(|two| two[1][1].0 - two[0][1].0 < HAND_MIN_NS);
        assert!(hasty.is_none(), "{what}: both wrote: {hasty:?}");
    }

    fn console(&mut self, words: &str) {
        self.console.as_mut().expect("it runs").tell(words);
    }

    fn order(&mut self, relay: usize, words: &str) {
        self.relays[relay].as_mut().expect("it runs").tell(words);
    }

    fn signal(&self, relay: usize, signal: &str) {
        let id = self.relays[relay].as_ref().expect("it runs").child.id().to_string();
        let done = Command::new("kill").args([signal, &id]).status().expect("kill is there");
        assert!(done.success());
    }

    /// 20 take-overs: `fault` happens to the one that drives, then `heal`. Prints how long they took.
    fn take_over(
        &mut self,
        what: &str,
        fault: impl Fn(&mut Self, usize),
        heal: impl Fn(&mut Self, usize),
    ) {
        let times = std::env::var("WRISTCAST_TAKE_OVERS").ok().and_then(|n| n.parse().ok());
        let mut took = Vec::new();
        let mut turn = 0;
        while took.len() < times.unwrap_or(20) {
            self.settle();
            self.one_at_a_time(what);
            let victim = self.driver;
            let (old, new) = (NAMES[victim], NAMES[1 - victim]);
            // Faults come at every phase of a beat, and to one that has settled: one that has just
            // begun to drive does not give.
            turn += 1;
            std::thread::sleep(SETTLED + Duration::from_millis(turn * 7));
            let since = unix_nanos();
            if self.said(victim) != "drives heard light" {
                continue;
            }
            fault(self, victim);
            let start = Instant::now();
            let first = loop {
                if let (_, Some(first)) = edges(&self.writes, since, old, new) {
                    break first;
                }
                let [one, other] = [0, 1].map(|relay| self.story(relay));
                assert!(
                    start.elapsed() < BED_PATIENCE,
                    "{what}: {new} is not heard\n{one}\n{other}"
                );
                std::thread::sleep(Duration::from_millis(5));
            };
            let said = self.relays[victim].as_ref().map_or(0, |_| self.all_said(victim).len());
            heal(self, victim);
            self.settle();
            // Longer than a lease and a beat: whatever the old one still had would have come.
            std::thread::sleep(Duration::from_millis(400));
            let (last, _) = edges(&self.writes, since, old, new);
            let mut since_then = self.all_said(victim).into_iter().skip(said);
            let began_again = since_then.any(|line| line == "drives heard light");
            let doubled = last.filter(|last| *last >= first && !began_again);
            assert!(doubled.is_none(), "{what}: {old} wrote after {new} did: {last:?} {first}");
            self.one_at_a_time(what);
            took.push(Duration::from_nanos(first - since));
        }
        took.sort_unstable();
        let (p50, max) = (took[took.len() / 2], took[took.len() - 1]);
        println!("{what}: {} take-overs, p50 {p50:.0?}, max {max:.0?}", took.len());
    }
}

impl Process {
    fn start(space: &str, args: &[&str]) -> Self {
        let binary = env!("CARGO_BIN_EXE_standby_relay");
        let mut command = Command::new("ip");
        // `ip` becomes the process: its id is the relay's.
        command.args(["netns", "exec", space, binary]).args(args);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the bed's processes start");
        let said = Arc::new(Mutex::new(Vec::new()));
        let (out, heard) = (child.stdout.take().expect("piped"), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                heard.lock().expect("no reader panicked").push(line);
            }
        });
        Self { child, said }
    }
}

impl Process {
    fn tell(&mut self, words: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        writeln!(stdin, "{words}").and_then(|()| stdin.flush()).expect("it listens");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        self.relays = [None, None];
        self.console = None;
        let id = self.id;
        for space in [format!("relay0x{id}"), format!("relay1x{id}"), format!("hub{id}")] {
            let _ = Command::new("ip").args(["netns", "del", &space]).status();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
#[ignore = "needs root and network namespaces: bash .ci/run standby"]
fn bands_are_taken_over_and_never_driven_by_two() {
    let mut venue = Venue::new();
    venue.take_over(
        "kill -9",
        |venue, victim| venue.relays[victim] = None,
        |venue, victim| venue.start(victim),
    );
    venue.take_over(
        "SIGSTOP, then SIGCONT",
        |venue, victim| venue.signal(victim, "-STOP"),
        |venue, victim| venue.signal(victim, "-CONT"),
    );
    let port = |venue: &Venue, relay: usize, to: &str| {
        ip(&format!("-n hub{} link set port{relay} {to}", venue.id));
    };
    venue.take_over(
        "cable pulled",
        |venue, victim| port(venue, victim, "down"),
        |venue, victim| port(venue, victim, "up"),
    );
    venue.take_over(
        "input lost",
        |venue, victim| venue.console(&format!("{victim} off")),
        |venue, victim| venue.console(&format!("{victim} on")),
    );
    venue.take_over("given by hand", |venue, victim| venue.order(victim, "give"), |_, _| {});
    venue.take_over("taken by hand", |venue, victim| venue.order(1 - victim, "take"), |_, _| {});

    venue.settle();
    let (first, second) = (venue.driver, 1 - venue.driver);
    venue.order(first, "panic");
    eventually("panic on the one that follows", || venue.said(second) == "follows heard panic");
    venue.relays[first] = None;
    eventually("panic on the one that took over", || venue.said(second) == "drives alone panic");
    venue.start(first);
    eventually("panic on the one that came back", || venue.said(first) == "follows heard panic");
    venue.order(first, "release");
    venue.settle();
}
