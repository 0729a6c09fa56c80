//! The receiver of the crate `sacn` 0.11.1 beside ours, on the packets of the conformance
//! scenarios, and where it differs from the standard.
//!
//! That receiver hands up the data of each source and leaves choosing to its user. Here the user is
//! the least there can be: of the sources heard, those of the highest priority, highest level of
//! each slot. It has the system's clock, so only scenarios that need no waiting are compared.

#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::{Duration, Instant};

use sacn::error::errors::SacnError;
use sacn::receive::SacnReceiver;
use wristcast_core::config::Config;
use wristcast_core::engine::{Datagram, Engine};
use wristcast_core::limits::Limits;
use wristcast_core::merge::UniverseSample;
use wristcast_core::time::Time;
use wristcast_core::universe::{SLOTS, Universe};
use wristcast_tests::desk::Desk;
use wristcast_tests::scenario::{Action, Scenario, Sent};

/// Longest scenario that is compared. It passes in real time.
const MS_MAX: u64 = 100;

/// The port that receiver has, whatever address it is given.
const PORT: u16 = 5568;

/// Where that receiver differs: what it does, and what the standard says. A difference that is not
/// here fails the test, and so does one that does not show.
const DIFFERENCES: &[Difference] = &[
    Difference {
        does: "it knows no per-address priority; packets with START code 0xDD are for its user",
        // ESTA's list of alternate START codes; E1.31 leaves them to those who know them.
        clause: "START code 0xDD",
        holds: |history, _| history.priorities,
    },
    Difference {
        does: "it holds data that names a synchronization address though no synchronization packet \
               came yet: a source that names one and never releases gives no light",
        clause: "E1.31 §6.2.4.1: held if the receiver is receiving an active synchronization stream",
        holds: |history, universe| history.held.iter().any(|&(of, _)| of == universe),
    },
    Difference {
        does: "it releases data that is held of a source that has ended its stream",
        clause: "E1.31 §6.2.6 Stream_Terminated",
        holds: |history, universe| history.ended.contains(&universe),
    },
    Difference {
        does: "it holds one packet per universe: that of one source replaces that of another, and \
               what is not synchronised throws away what others hold",
        clause: "E1.31 §6.2.4.1, §6.2.3: data is held per source, then merged",
        holds: |history, universe| history.sources(universe) > 1 && !history.beats.is_empty(),
    },
    Difference {
        does: "it takes as many levels as came of a datagram that ends before its root layer does",
        clause: "E1.31 §5.4: the length of the root layer covers all of it",
        holds: |history, _| history.cut,
    },
    Difference {
        does: "it refuses a source name that fills its field; ours reads what is there, because \
               levels do not hang on a name",
        clause: "E1.31 §6.2.2: the name ends with a NUL",
        holds: |history, _| history.full_name,
    },
];

/// Where a data packet has the name of its source (E1.31 Table 4-1).
const SOURCE_NAME: std::ops::Range<usize> = 44..108;

struct Difference {
    does: &'static str,
    clause: &'static str,
    holds: fn(&History, u16) -> bool,
}

/// What the differences depend on.
#[derive(Default)]
struct History {
    /// Per-address priorities were sent.
    priorities: bool,
    /// Synchronization addresses that are in use.
    beats: BTreeSet<u16>,
    /// Universes, and the synchronization address their data named before it was in use.
    held: BTreeSet<(u16, u16)>,
    /// Universes and who sent them.
    sent: BTreeSet<(u16, char)>,
    /// Universes of which a synchronised source ended its stream.
    ended: BTreeSet<u16>,
    /// A datagram was cut off.
    cut: bool,
    /// A source name had no NUL.
    full_name: bool,
}

impl History {
    fn sources(&self, universe: u16) -> usize {
        self.sent.iter().filter(|&&(of, _)| of == universe).count()
    }

    fn note(&mut self, sent: &Sent) {
        match sent {
            Sent::Data(data) => {
                self.sent.insert((data.universe, data.source));
                if data.terminated && !self.beats.is_empty() {
                    self.ended.insert(data.universe);
                }
                self.priorities |= data.start_code == 0xDD;
                if data.sync_address != 0 && !self.beats.contains(&data.sync_address) {
                    self.held.insert((data.universe, data.sync_address));
                }
            }
            Sent::Sync(_, address, _) => {
                self.beats.insert(*address);
                self.held.retain(|(_, held_for)| held_for != address);
            }
            Sent::Altered(sent, over, cut) => {
                self.note(sent);
                self.cut |= cut.is_some();
                let fills = |bytes: &[u8]| bytes.len() == SOURCE_NAME.len() && !bytes.contains(&0);
                self.full_name |=
                    over.iter().any(|(at, bytes)| *at == SOURCE_NAME.start && fills(bytes));
            }
            _ => {}
        }
    }
}

/// That receiver and its user.
struct Theirs {
    receiver: SacnReceiver,
    /// Per universe and source: priority and levels.
    heard: BTreeMap<(u16, [u8; 16]), (u8, [u8; SLOTS])>,
}

impl Theirs {
    fn new(universes: &[u16]) -> Self {
        let address = (Ipv4Addr::LOCALHOST, PORT).into();
        let mut receiver = SacnReceiver::with_ip(address, None).expect("its socket");
        receiver.set_announce_stream_termination(true);
        receiver.listen_universes(universes).expect("its joins");
        Self { receiver, heard: BTreeMap::new() }
    }

    /// Takes the datagram that has come.
    fn take(&mut self) {
        let patience = Some(Duration::from_millis(1));
        // It indexes past the end of some packets; here that counts as refusing them.
        let taken = catch_unwind(AssertUnwindSafe(|| self.receiver.recv(patience)));
        match taken {
            Ok(Ok(all)) => {
                for data in all {
                    let Some((&0, slots)) = data.values.split_first() else { continue };
                    let mut levels = [0; SLOTS];
                    levels[..slots.len()].copy_from_slice(slots);
                    let source = *data.src_cid.expect("it does not merge").as_bytes();
                    self.heard.insert((data.universe, source), (data.priority, levels));
                }
            }
            Ok(Err(SacnError::UniverseTerminated(source, universe))) => {
                self.heard.remove(&(universe, *source.as_bytes()));
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }

    /// `None` if nobody was heard, or all are gone: what is shown then is the user's affair.
    fn levels(&self, universe: u16) -> Option<[u8; SLOTS]> {
        let of_universe = || self.heard.range((universe, [0; 16])..=(universe, [255; 16]));
        let highest = of_universe().map(|(_, (priority, _))| *priority).max()?;
        let mut merged = [0; SLOTS];
        for (_, (_, levels)) in of_universe().filter(|(_, (priority, _))| *priority == highest) {
            for (slot, level) in merged.iter_mut().zip(levels) {
                *slot = (*slot).max(*level);
            }
        }
        Some(merged)
    }
}

/// Every step after which the two show different levels: which of the differences it is, if it is
/// one, and a word on how.
fn differences(scenario: &Scenario, numbers: &[u16]) -> Vec<(Option<usize>, String)> {
    let (config, _) = Config::parse(&scenario.show(""), "scenario.toml").expect("a sound show");
    let mut engine = Engine::new(&config, &Limits::of(&config), 1);
    let mut theirs = Theirs::new(numbers);
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a sender");
    let (mut desk, mut history) = (Desk::default(), History::default());
    let (mut found, start) = (Vec::new(), Instant::now());
    for step in scenario.steps() {
        let Action::Send(sent, _) = &step.action else { continue };
        std::thread::sleep(Duration::from_millis(step.at_ms).saturating_sub(start.elapsed()));
        let frame = desk.frame(sent);
        history.note(sent);
        let now = Time::from_millis(step.at_ms);
        let _ = engine.handle_timeout(now);
        let _ = engine.handle_datagram(Datagram {
            bytes: &frame.bytes,
            source: frame.source,
            destination: None,
            interface: None,
            at: now,
        });
        sender.send_to(&frame.bytes, (Ipv4Addr::LOCALHOST, PORT)).expect("loopback takes it");
        theirs.take();
        for (index, &number) in numbers.iter().enumerate() {
            let (ours, theirs) = (levels(&engine, index, now), theirs.levels(number));
            if ours != theirs {
                let first =
                    |levels: Option<[u8; SLOTS]>| levels.map(|all| [all[0], all[1], all[2]]);
                let how = format!("ours {:?}, theirs {:?}", first(ours), first(theirs));
                let which = DIFFERENCES.iter().position(|known| (known.holds)(&history, number));
                found.push((which, format!("{}, at `{}`: {how}", scenario.name, step.line)));
            }
        }
    }
    found
}

/// Ours; `None` if no source contributes.
fn levels(engine: &Engine, index: usize, now: Time) -> Option<[u8; SLOTS]> {
    let mut sample = UniverseSample::new();
    assert!(engine.sample_universe(index, now, &mut sample));
    let contributes = sample.sources().iter().any(|source| source.silence.is_none());
    contributes.then_some(sample.levels)
}

/// Its universes, if the scenario says something to that receiver.
fn comparable(scenario: &Scenario) -> Option<Vec<u16>> {
    let last = scenario.steps().iter().map(|step| step.at_ms).max()?;
    let number = |universe: Universe| match universe {
        Universe::Sacn(universe) => Some(universe.number()),
        Universe::ArtNet(_) => None,
    };
    let numbers: Option<Vec<u16>> = scenario.universes().into_iter().map(number).collect();
    numbers.filter(|_| last <= MS_MAX && scenario.network.is_empty())
}

#[test]
fn the_crates_receiver_shows_the_same_but_for_documented_differences() {
    let unshare = |command: &[&str]| {
        Command::new("unshare").args(["--map-root-user", "--net"]).args(command).output()
    };
    if !unshare(&["ip", "link", "set", "lo", "up"]).is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: no network namespaces here, or no `ip`");
    }
    let this = std::env::current_exe().expect("the path of this test");
    let this = this.to_str().expect("a path in UTF-8");
    let output = unshare(&[this, "--exact", "inside_a_namespace", "--ignored", "--nocapture"]);
    let output = output.expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
}

#[test]
#[ignore = "run in a namespace by another test: that receiver has a fixed port"]
fn inside_a_namespace() {
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("`ip` is here");
    assert!(up.success());
    let (mut compared, mut unknown) = (0, Vec::new());
    let mut shown = [0; DIFFERENCES.len()];
    for (file, scenario) in Scenario::all() {
        let Some(numbers) = comparable(&scenario) else { continue };
        compared += 1;
        for (which, how) in differences(&scenario, &numbers) {
            match which {
                Some(which) => shown[which] += 1,
                None => unknown.push(format!("{file}: {how}")),
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    for (difference, shown) in DIFFERENCES.iter().zip(shown) {
        println!("{shown} times: {} ({})", difference.does, difference.clause);
        assert!(shown > 0, "it does not differ any more: {}", difference.does);
    }
    assert!(compared >= 80, "only {compared} scenarios were compared");
}
