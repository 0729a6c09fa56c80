//! The conformance scenarios marked `live`, over real sockets against a running relay. The packets
//! keep the scenario's pace; everything expected is waited for.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use wristcast_core::engine::Ignored;
use wristcast_core::snapshot::{SignalState, Status, UniverseState};
use wristcast_core::universe::Universe;
use wristcast_tests::desk::Desk;
use wristcast_tests::scenario::{Action, Scenario, Sent, Step};
use wristcast_tests::{Stage, eventually};

/// Relays at a time: enough to overlap the scenarios' own waiting.
const WORKERS: usize = 8;

struct Live {
    stage: Stage,
    desk: Desk,
    senders: BTreeMap<IpAddr, UdpSocket>,
    sent: u64,
}

/// Datagrams that ended as `outcome`, as the status counts them.
fn count(status: &Status, outcome: &str) -> u64 {
    let packets = &status.packets;
    match outcome {
        "accepted" => packets.accepted,
        // What is malformed is counted by protocol and field.
        "malformed" => {
            let sound = |label: &str| Ignored::ALL.iter().any(|why| why.label() == label);
            packets.ignored.iter().filter(|(label, _)| !sound(label)).map(|(_, n)| n).sum()
        }
        label => [&packets.ignored, &packets.noted].iter().filter_map(|by| by.get(label)).sum(),
    }
}

impl Live {
    fn send(&mut self, sent: &Sent) {
        let frame = self.desk.frame(sent);
        let ip = frame.source.ip();
        let sender =
            self.senders.entry(ip).or_insert_with(|| UdpSocket::bind((ip, 0)).expect("a sender"));
        let to = if frame.is_artnet { self.stage.artnet } else { self.stage.sacn };
        sender.send_to(&frame.bytes, to).expect("loopback takes a datagram");
        self.sent += 1;
        self.stage.until_received(self.sent);
    }

    fn universe(&self, universe: Universe) -> UniverseState {
        self.stage.handle().universe(universe).expect("an answer").expect("a patched universe")
    }

    fn step(&mut self, scenario: &str, step: &Step) {
        let what = format!("{scenario}: {}", step.line);
        match &step.action {
            // The API counts held data as accepted, whatever became of it later.
            Action::Send(sent, outcome) => {
                let outcome = outcome.as_deref().map(|o| if o == "held" { "accepted" } else { o });
                let before = outcome.map(|outcome| count(&self.stage.handle().status(), outcome));
                self.send(sent);
                if let (Some(outcome), Some(before)) = (outcome, before) {
                    let status = self.stage.handle().status();
                    assert_eq!(count(&status, outcome), before + 1, "{what}: {:?}", status.packets);
                }
            }
            Action::Expect(universe, wanted) => {
                eventually(&what, || self.universe(*universe).levels == wanted[..]);
            }
            Action::State(universe, wanted) => {
                let wanted = match wanted.as_str() {
                    "live" => SignalState::Live,
                    "lost" => SignalState::Lost,
                    _ => SignalState::Waiting,
                };
                eventually(&what, || self.universe(*universe).state == wanted);
            }
            Action::Sources(universe, wanted) => {
                let mut wanted = wanted.clone();
                wanted.sort();
                eventually(&what, || {
                    let sources = self.universe(*universe).sources.into_iter();
                    let mut found: Vec<_> = sources
                        .map(|source| {
                            let ip = || source.address.parse().map(|at: SocketAddr| at.ip());
                            let address = ip().map_or_else(|_| String::new(), |ip| ip.to_string());
                            let name = if source.name.is_empty() { address } else { source.name };
                            (name, source.reason)
                        })
                        .collect();
                    found.sort();
                    found == wanted
                });
            }
            Action::Event(words) => eventually(&what, || {
                self.stage.handle().events(0).iter().any(|event| {
                    let text = event.text.to_lowercase();
                    words.iter().all(|word| text.contains(word.as_str()))
                })
            }),
            Action::Announced(name, wanted) => eventually(&what, || {
                let announced = self.stage.handle().network().expect("an answer").announced;
                let source = announced.into_iter().find(|source| source.name == *name);
                let universes = source.map_or(Vec::new(), |source| source.universes);
                let numbers = universes.iter().filter_map(|universe| match universe {
                    Universe::Sacn(universe) => Some(universe.number()),
                    Universe::ArtNet(_) => None,
                });
                numbers.eq(wanted.iter().copied())
            }),
            Action::Unpatched(wanted) => eventually(&what, || {
                let others = self.stage.handle().network().expect("an answer").not_patched;
                let sent = others.iter().filter(|other| other.packets > 0);
                sent.map(|other| other.universe).eq(wanted.iter().copied())
            }),
            Action::Quiet | Action::Replies(_) | Action::Reply(_) | Action::Diagnostic(..) => {}
        }
    }
}

fn run(name: &str, scenario: &Scenario) {
    let start = Instant::now();
    let show = scenario.show("");
    let mut live =
        Live { stage: Stage::new(&show), desk: Desk::default(), senders: BTreeMap::new(), sent: 0 };
    for step in scenario.steps() {
        if matches!(step.action, Action::Send(..)) {
            let due = start + Duration::from_millis(step.at_ms);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        live.step(name, &step);
    }
    let _ = live.stage.stop();
}

#[test]
fn a_good_sample_holds_over_real_sockets() {
    let scenarios: Vec<_> = Scenario::all().into_iter().filter(|(_, s)| s.live).collect();
    assert!(scenarios.len() >= 30, "only {} scenarios are live", scenarios.len());
    let next = Mutex::new(scenarios.iter());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let taken = next.lock().expect("no worker panics while it holds it").next();
                    let Some((file, scenario)) = taken else { break };
                    run(&format!("{file}: {}", scenario.name), scenario);
                }
            });
        }
    });
}
