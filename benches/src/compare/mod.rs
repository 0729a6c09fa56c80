//! wristcast against the kernel's own limit and against other receivers, whole processes, in one
//! run: what a packet costs, what is lost, how long it takes.
//!
//! Every number stands beside that of a bare loop under the same load a few seconds before or
//! after: the machine's speed cancels out, and so do most of its moods with several rounds.

mod bare;
mod crates;
mod load;
#[expect(unsafe_code, reason = "calls for many datagrams at once are in no safe library here")]
mod mmsg;
mod net;
mod outside;
mod relay;
mod report;
mod role;
mod scale;
mod watch;

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use net::{Networks, Way};
use relay::Wristcast;
use report::{Cell, Report};
use role::{Cost, Kind, Running};

pub use load::{Load, Pattern, Protocol, Sent};
pub use role::Role;
pub use scale::Scale;

/// Standard ports: some peers know no others.
const SACN_PORT: u16 = 5568;
const ARTNET_PORT: u16 = 6454;

/// After the load ends, what is still in a socket is read in this time.
const DRAIN: Duration = Duration::from_millis(100);

/// Compares receivers of DMX over IP.
#[derive(Clone, Debug, clap::Args)]
pub struct Compare {
    /// Rounds; what is told of several is their median.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds of load in each.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Numbers of universes.
    #[arg(long, value_delimiter = ',', default_value = "40,512,2048")]
    universes: Vec<u16>,
    /// Groups of wristcast's show.
    #[arg(long, default_value_t = 4096)]
    groups: u32,
    /// Leave out other programs and crates.
    #[arg(long)]
    no_peers: bool,
    /// These parts alone.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// On loopback alone.
    #[arg(long)]
    loopback: bool,
    /// Draw the costs of a packet into this file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<std::path::PathBuf>,
}

/// A part of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Against bare loops, packets evenly spread.
    Even,
    /// Against bare loops, packets in bursts.
    Burst,
    /// Under a flood of strangers.
    Attacked,
    /// Packets that come alone, with a thread that never sleeps.
    Isolated,
    /// The greatest rate without loss.
    FlatOut,
    /// From the start to the first look.
    FirstLook,
    /// Against other receivers.
    Peers,
    /// With a real-time priority, and with a core of its own. Only if it is named.
    Options,
}

/// One receiver under one load.
struct Trial<'a> {
    networks: &'a Networks,
    way: Way,
    protocol: Protocol,
    pattern: Pattern,
    universes: u16,
    /// Sources of each.
    sources: u16,
    seconds: f64,
    /// Slots that change in a frame, percent.
    changing: u8,
    /// 20,000 packets a second from ten thousand sources that do not exist, beside the load.
    attacked: bool,
}

impl Trial<'_> {
    fn port(&self) -> u16 {
        if self.protocol == Protocol::Sacn { SACN_PORT } else { ARTNET_PORT }
    }

    /// Runs it.
    fn run(&self, kind: Kind) -> io::Result<(Sent, Cost)> {
        let bind = self.networks.address(self.way, self.port())?;
        let [wrap, _] = self.networks.wraps(self.way);
        let running = Running::start(&Role { bind, protocol: self.protocol, kind }, &wrap)?;
        let sent = self.load(bind)?;
        std::thread::sleep(DRAIN);
        Ok((sent, running.stop()?))
    }

    /// Sends the load from a process of its own.
    fn load(&self, to: std::net::SocketAddr) -> io::Result<Sent> {
        let rate = 44.0;
        let [_, wrap] = self.networks.wraps(self.way);
        let word = |of: &dyn std::fmt::Debug| format!("{of:?}").to_lowercase();
        let words = [
            format!("--to={to}"),
            format!("--protocol={}", word(&self.protocol)),
            format!("--pattern={}", word(&self.pattern)),
            format!("--universes={}", self.universes),
            format!("--sources={}", self.sources),
            format!("--frames={}", (self.seconds * rate) as u32),
            format!("--changing={}", self.changing),
        ];
        let strangers = [
            format!("--to={to}"),
            "--pattern=even".to_owned(),
            "--universes=1".to_owned(),
            "--sources=10000".to_owned(),
            "--rate=2".to_owned(),
            format!("--frames={}", (self.seconds * 2.0) as u32),
        ];
        std::thread::scope(|scope| {
            let attack = self.attacked.then(|| scope.spawn(|| send(&wrap, "load", &strangers)));
            let sent = send(&wrap, "load", &words);
            if let Some(attack) = attack {
                attack.join().map_err(|_| io::Error::other("the attack panicked"))??;
            }
            sent
        })
    }
}

/// Runs a sending command of this program.
fn send(wrap: &[String], name: &str, words: &[String]) -> io::Result<Sent> {
    let own = std::env::current_exe()?;
    let mut all = wrap.iter().map(std::ffi::OsString::from).collect::<Vec<_>>();
    all.push(own.into_os_string());
    all.push(name.into());
    all.extend(words.iter().map(std::ffi::OsString::from));
    let out = Command::new(&all[0]).args(&all[1..]).stderr(Stdio::inherit()).output()?;
    Ok(serde_json::from_slice(&out.stdout)?)
}

impl Compare {
    /// Runs the comparison and prints it.
    pub fn run(&self) -> io::Result<()> {
        let networks = Networks::new()?;
        if networks.ways().len() == 1 {
            println!("without root there are no namespaces: loopback only, and no other programs");
        }
        let mut report = Report::default();
        let ways = networks.ways();
        let ways = if self.loopback { &ways[..1] } else { ways };
        for &way in ways {
            for &universes in &self.universes {
                for (part, pattern) in [(Part::Even, Pattern::Even), (Part::Burst, Pattern::Burst)]
                {
                    if self.has(part) {
                        self.against_the_limit(&networks, way, pattern, universes, &mut report)?;
                    }
                }
            }
        }
        if self.has(Part::Attacked) {
            self.attacked(&networks)?;
        }
        if self.has(Part::Isolated) {
            self.isolated(&networks)?;
        }
        if self.has(Part::FlatOut) {
            for &way in ways {
                self.flat_out(&networks, way)?;
            }
        }
        if self.has(Part::FirstLook) {
            self.first_look(&networks)?;
        }
        if self.has(Part::Peers) && !self.no_peers {
            for &universes in self.universes.iter().filter(|&&universes| universes <= 512) {
                self.against_peers(&networks, universes, &mut report)?;
            }
        }
        if self.only.contains(&Part::Options) {
            self.options(&networks, Pattern::Even, 40)?;
            for &universes in &self.universes {
                self.options(&networks, Pattern::Burst, universes)?;
            }
        }
        if let Some(file) = &self.plot {
            std::fs::write(file, report.draw())?;
        }
        Ok(())
    }

    fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// The hardest show: every group changes in every packet, and has a band of its own.
    fn wristcast(&self, universes: u16) -> Wristcast {
        Wristcast {
            universes,
            groups: self.groups,
            radios: 1,
            usual: false,
            sources_per_universe: 8,
            spin: false,
            priority: None,
            core: None,
            first_look: false,
        }
    }

    fn trial<'a>(&self, networks: &'a Networks, pattern: Pattern, universes: u16) -> Trial<'a> {
        Trial {
            networks,
            way: Way::Loopback,
            protocol: Protocol::Sacn,
            pattern,
            universes,
            sources: 1,
            seconds: self.seconds,
            changing: 100,
            attacked: false,
        }
    }

    /// Every receiver under its load, one after the other, round by round.
    fn rounds(&self, kinds: &[(&str, &Trial<'_>, Kind)]) -> io::Result<Vec<Cell>> {
        let mut cells: Vec<Cell> = kinds.iter().map(|(name, ..)| Cell::new(name)).collect();
        for _ in 0..self.rounds {
            for ((_, trial, kind), cell) in kinds.iter().zip(&mut cells) {
                let (sent, cost) = trial.run(kind.clone())?;
                cell.add(sent, cost);
            }
        }
        Ok(cells)
    }

    fn against_the_limit(
        &self,
        networks: &Networks,
        way: Way,
        pattern: Pattern,
        universes: u16,
        report: &mut Report,
    ) -> io::Result<()> {
        let trial = Trial { way, ..self.trial(networks, pattern, universes) };
        let usual = Trial { way, changing: 10, ..self.trial(networks, pattern, universes) };
        let of_usual = Wristcast { usual: true, ..self.wristcast(universes) };
        let kinds = [
            ("bare, counts", &trial, Kind::BareCount),
            ("bare, stamps", &trial, Kind::BareStamp { spin: false }),
            ("wristcast", &trial, Kind::Wristcast(self.wristcast(universes))),
            ("wristcast, usual", &usual, Kind::Wristcast(of_usual)),
        ];
        println!("\n{} {pattern:?} {universes} universes x 44 Hz", way.word());
        report.tell(way, pattern, universes, self.rounds(&kinds)?);
        Ok(())
    }

    /// The light's latency while somebody floods the network with packets that are all valid.
    fn attacked(&self, networks: &Networks) -> io::Result<()> {
        println!(
            "\nloopback Burst 40 universes x 44 Hz, and 20,000 packets/s of 10,000 made-up sources"
        );
        let trial = self.trial(networks, Pattern::Burst, 40);
        let attacked = Trial { attacked: true, ..self.trial(networks, Pattern::Burst, 40) };
        let mut cells = ["wristcast", "attacked"].map(Cell::new);
        for _ in 0..self.rounds {
            for (trial, cell) in [&trial, &attacked].into_iter().zip(&mut cells) {
                let (sent, cost) = trial.run(Kind::Wristcast(self.wristcast(40)))?;
                cell.add(sent, cost);
            }
        }
        report::print(&cells);
        Ok(())
    }

    /// Packets that come alone, and a thread that never sleeps.
    fn isolated(&self, networks: &Networks) -> io::Result<()> {
        println!("\nloopback, packets alone (40 universes, even), never sleeping");
        let trial = self.trial(networks, Pattern::Even, 40);
        let usual = Trial { changing: 10, ..self.trial(networks, Pattern::Even, 40) };
        let wristcast = Wristcast { spin: true, ..self.wristcast(40) };
        let of_usual = Wristcast { usual: true, ..wristcast.clone() };
        let kinds = [
            ("bare, stamps", &trial, Kind::BareStamp { spin: true }),
            ("wristcast", &trial, Kind::Wristcast(wristcast)),
            ("wristcast, usual", &usual, Kind::Wristcast(of_usual)),
        ];
        report::print(&self.rounds(&kinds)?);
        Ok(())
    }

    /// What the relay thread's priority and core are worth.
    fn options(&self, networks: &Networks, pattern: Pattern, universes: u16) -> io::Result<()> {
        println!("\nloopback {pattern:?} {universes} universes x 44 Hz, low-latency options");
        let trial = Trial { changing: 10, ..self.trial(networks, pattern, universes) };
        let usual = Wristcast { usual: true, ..self.wristcast(universes) };
        let preferred = Wristcast { priority: Some(1), ..usual.clone() };
        let pinned = Wristcast { core: Some(1), ..usual.clone() };
        let both = Wristcast { core: Some(1), ..preferred.clone() };
        let kinds = [
            ("bare, stamps", Kind::BareStamp { spin: false }),
            ("wristcast", Kind::Wristcast(usual)),
            ("priority 1", Kind::Wristcast(preferred)),
            ("core 1", Kind::Wristcast(pinned)),
            ("both", Kind::Wristcast(both)),
        ];
        let kinds = kinds.map(|(name, kind)| (name, &trial, kind));
        report::print(&self.rounds(&kinds)?);
        Ok(())
    }

    /// The greatest rate at which nothing is lost, by halving.
    fn flat_out(&self, networks: &Networks, way: Way) -> io::Result<()> {
        println!("\n{}, 64 universes, the greatest rate without loss", way.word());
        let usual = Wristcast { usual: true, ..self.wristcast(64) };
        let kinds = [
            ("bare, counts", Kind::BareCount, 100),
            ("wristcast", Kind::Wristcast(self.wristcast(64)), 100),
            ("wristcast, usual", Kind::Wristcast(usual), 10),
        ];
        let mut bare = 0.0;
        for (name, kind, changing) in kinds {
            let mut rates = Vec::new();
            for _ in 0..self.rounds {
                rates.push(self.greatest_rate(networks, way, &kind, changing)?);
            }
            let rate = report::median(&mut rates);
            if bare == 0.0 {
                bare = rate;
            }
            println!("{name:18} {:8.0} packets/s   x{:.2}", rate, rate / bare);
        }
        Ok(())
    }

    fn greatest_rate(
        &self,
        networks: &Networks,
        way: Way,
        kind: &Kind,
        changing: u8,
    ) -> io::Result<f64> {
        let (mut good, mut bad) = (20_000.0, 2_000_000.0);
        while bad / good > 1.03 {
            let rate = f64::sqrt(good * bad);
            // What else the machine does costs a packet now and then.
            let keeps_up = self.keeps_up(networks, way, kind, changing, rate)?
                || self.keeps_up(networks, way, kind, changing, rate)?;
            if keeps_up { good = rate } else { bad = rate }
        }
        Ok(good)
    }

    /// Whether nothing is lost of so many packets a second. A load that cannot keep up is the limit, too.
    fn keeps_up(
        &self,
        networks: &Networks,
        way: Way,
        kind: &Kind,
        changing: u8,
        rate: f64,
    ) -> io::Result<bool> {
        let bind = networks.address(way, SACN_PORT)?;
        let [wrap, load_wrap] = networks.wraps(way);
        let role = Role { bind, protocol: Protocol::Sacn, kind: kind.clone() };
        let running = Running::start(&role, &wrap)?;
        let words = [
            format!("--to={bind}"),
            "--universes=64".to_owned(),
            format!("--rate={}", rate / 64.0),
            format!("--frames={}", (rate / 64.0 * 0.5) as u32),
            format!("--changing={changing}"),
        ];
        let sent = send(&load_wrap, "load", &words)?;
        std::thread::sleep(DRAIN);
        let cost = running.stop()?;
        Ok(cost.dropped == 0 && sent.packets as f64 / sent.seconds > rate * 0.97)
    }

    /// From the start of the process to the first look, with consoles already sending.
    fn first_look(&self, networks: &Networks) -> io::Result<()> {
        let trial = Trial { seconds: 3.0, ..self.trial(networks, Pattern::Burst, 40) };
        let bind = networks.address(Way::Loopback, SACN_PORT)?;
        let [wrap, _] = networks.wraps(Way::Loopback);
        let kind = Kind::Wristcast(Wristcast { first_look: true, ..self.wristcast(40) });
        let role = Role { bind, protocol: Protocol::Sacn, kind };
        let mut times = Vec::new();
        for _ in 0..self.rounds {
            let took = std::thread::scope(|scope| {
                let load = scope.spawn(|| trial.load(bind));
                // The load needs some time to begin.
                std::thread::sleep(Duration::from_millis(300));
                let begin = Instant::now();
                let running = Running::start(&role, &wrap)?;
                let took = begin.elapsed();
                running.stop()?;
                let _ = load.join();
                io::Result::Ok(took)
            })?;
            times.push(took.as_secs_f64() * 1e3);
        }
        println!(
            "\nfrom the start of wristcast's process to its first look ({} groups): {:.0} ms",
            self.groups,
            report::median(&mut times)
        );
        Ok(())
    }

    fn against_peers(
        &self,
        networks: &Networks,
        universes: u16,
        report: &mut Report,
    ) -> io::Result<()> {
        println!("\nloopback Burst {universes} universes x 44 Hz, with other receivers");
        let sacn = self.trial(networks, Pattern::Burst, universes);
        let artnet =
            Trial { protocol: Protocol::Artnet, ..self.trial(networks, Pattern::Burst, universes) };
        let mut cells = Vec::new();
        let ours = Kind::Wristcast(self.wristcast(universes));
        let inside = [
            ("bare, counts", &sacn, Kind::BareCount),
            ("wristcast", &sacn, ours.clone()),
            ("crate sacn", &sacn, Kind::CrateSacn { universes }),
            ("Art-Net: bare", &artnet, Kind::BareCount),
            ("Art-Net: wristcast", &artnet, ours),
            ("artnet_protocol", &artnet, Kind::CrateArtnet),
        ];
        for (name, trial, kind) in inside {
            let mut cell = Cell::new(name);
            let (sent, cost) = trial.run(kind)?;
            cell.add(sent, cost);
            cells.push(cell);
        }
        for program in outside::ALL {
            match program.run(&sacn) {
                Ok((sent, cost)) => {
                    let mut cell = Cell::new(program.name);
                    cell.add(sent, cost);
                    cells.push(cell);
                }
                Err(error) => println!("{}: left out: {error}", program.name),
            }
        }
        report.tell_peers(universes, cells);
        Ok(())
    }
}
