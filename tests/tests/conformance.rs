//! Every conformance scenario against the engine, under a virtual clock, and without an allocation.

use std::net::{Ipv4Addr, SocketAddr};

use wristcast_core::artnet_node::Interface;
use wristcast_core::config::Config;
use wristcast_core::engine::{Datagram, Engine, Outcome};
use wristcast_core::limits::Limits;
use wristcast_core::merge::UniverseSample;
use wristcast_core::snapshot::SignalState;
use wristcast_core::time::Time;
use wristcast_core::universe::{SacnUniverse, Universe};
use wristcast_core::wire::{Packet, artnet, parse};
use wristcast_tests::allocator::{CountingAllocator, calls_of};
use wristcast_tests::desk::Desk;
use wristcast_tests::scenario::{Action, Scenario, Sent};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// Does on the packets' way what allocates and frees nothing.
fn on_the_path<T>(work: impl FnOnce() -> T) -> T {
    let mut done = None;
    assert_eq!(calls_of(|| done = Some(work())), 0, "calls of the allocator");
    done.expect("it was done")
}

/// An engine and its clock.
struct Bench {
    engine: Engine,
    desk: Desk,
    now: Time,
    events: Vec<String>,
    replies: usize,
    /// The newest ArtPollReply, and where it went.
    reply: Option<(SocketAddr, Vec<u8>)>,
    /// Where diagnostics went, and their texts.
    diagnostics: Vec<(String, String)>,
}

/// The relay of the scenarios.
const OWN: Interface =
    Interface { index: 1, address: Ipv4Addr::new(10, 0, 0, 254), prefix: 8, mac: [2; 6] };

impl Bench {
    fn new(scenario: &Scenario) -> Result<Self, String> {
        let show = scenario.show("");
        let (config, _) = Config::parse(&show, "scenario.toml").map_err(|mistakes| {
            mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })?;
        let mut engine = Engine::new(&config, &Limits::of(&config), 1);
        engine.set_interfaces(Time::ZERO, &[OWN]);
        Ok(Self {
            engine,
            desk: Desk::default(),
            now: Time::ZERO,
            events: Vec::new(),
            replies: 0,
            reply: None,
            diagnostics: Vec::new(),
        })
    }

    /// Lets time pass, waking the engine whenever it asks to be.
    fn advance(&mut self, to: Time) {
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= to) {
            self.now = due.max(self.now);
            let _ = on_the_path(|| self.engine.handle_timeout(self.now));
            self.drain();
            let next = self.engine.poll_timeout();
            assert!(next != Some(due), "a time-out that is handled must not stay due");
        }
        self.now = to;
    }

    fn drain(&mut self) {
        while let Some(event) = on_the_path(|| self.engine.poll_event()) {
            self.events.push(event.kind.to_string().to_lowercase());
        }
        let mut out = [0; 1500];
        while let Some(transmit) = on_the_path(|| self.engine.poll_transmit(self.now, &mut out)) {
            let bytes = &out[..transmit.len];
            match parse(bytes) {
                Ok(Packet::ArtPollReply(_)) => {
                    self.replies += 1;
                    self.reply = Some((transmit.to, bytes.to_vec()));
                }
                Ok(Packet::ArtDiagData(data)) => {
                    let text = data.text.to_string().to_lowercase();
                    self.diagnostics.push((transmit.to.ip().to_string(), text));
                }
                other => panic!("the relay sent {other:?}"),
            }
        }
    }

    fn send(&mut self, sent: &Sent) -> String {
        let frame = self.desk.frame(sent);
        let datagram = Datagram {
            bytes: &frame.bytes,
            source: frame.source,
            destination: None,
            interface: Some(frame.interface),
            at: self.now,
        };
        let outcome = on_the_path(|| self.engine.handle_datagram(datagram));
        self.drain();
        match outcome {
            Outcome::Accepted { .. } => "accepted".to_owned(),
            Outcome::Held { .. } => "held".to_owned(),
            Outcome::Noted { note, .. } => note.label().to_owned(),
            Outcome::Ignored { why, .. } => why.label().to_owned(),
            Outcome::Rejected(_) => "malformed".to_owned(),
        }
    }

    fn sample(&self, universe: Universe) -> UniverseSample {
        let mut sample = UniverseSample::new();
        let index = self.engine.universe_index(universe).expect("a patched universe");
        assert!(self.engine.sample_universe(index, self.now, &mut sample));
        sample
    }

    fn sources(&self, universe: Universe) -> Vec<(String, Option<String>)> {
        let sample = self.sample(universe);
        let mut sources: Vec<_> = sample
            .sources()
            .iter()
            .map(|source| {
                let name = source.name.to_string();
                let name = if name.is_empty() { source.address.ip().to_string() } else { name };
                (name, source.silence.map(|silence| silence.label().to_owned()))
            })
            .collect();
        sources.sort();
        sources
    }

    /// Runs a step; what is not as the scenario says is the error.
    fn step(&mut self, action: &Action) -> Result<(), String> {
        let differs = |wanted: String, found: String| {
            if wanted == found { Ok(()) } else { Err(format!("wanted {wanted}, found {found}")) }
        };
        match action {
            Action::Send(sent, outcome) => {
                let found = self.send(sent);
                outcome.as_ref().map_or(Ok(()), |wanted| differs(wanted.clone(), found))
            }
            Action::Expect(universe, wanted) => {
                let levels = self.sample(*universe).levels;
                let first = levels.iter().zip(wanted.iter()).position(|(a, b)| a != b);
                first.map_or(Ok(()), |slot| {
                    let found = &levels[..(slot + 1).max(8)];
                    Err(format!("slot {} differs; found {found:?}", slot + 1))
                })
            }
            Action::Sources(universe, wanted) => {
                let mut wanted = wanted.clone();
                wanted.sort();
                differs(format!("{wanted:?}"), format!("{:?}", self.sources(*universe)))
            }
            Action::State(universe, wanted) => {
                let found = match self.sample(*universe).signal {
                    SignalState::Waiting => "waiting",
                    SignalState::Live => "live",
                    SignalState::Lost => "lost",
                };
                differs(wanted.clone(), found.to_owned())
            }
            Action::Event(words) => {
                let events = std::mem::take(&mut self.events);
                let told = |event: &String| words.iter().all(|word| event.contains(word.as_str()));
                if events.iter().any(told) {
                    Ok(())
                } else {
                    Err(format!("no event speaks of {words:?}: {events:?}"))
                }
            }
            Action::Quiet => {
                let events = std::mem::take(&mut self.events);
                differs("[]".to_owned(), format!("{events:?}"))
            }
            Action::Announced(name, wanted) => {
                let mut sources = self.engine.discovered(self.now);
                let source = sources.find(|source| source.name.to_string() == *name);
                let found = source.map_or(Vec::new(), |source| {
                    source.universes().map(SacnUniverse::number).collect()
                });
                differs(format!("{wanted:?}"), format!("{found:?}"))
            }
            Action::Unpatched(wanted) => {
                let entries = self.engine.not_patched().iter();
                let found: Vec<_> = entries.map(|entry| entry.universe).collect();
                differs(format!("{wanted:?}"), format!("{found:?}"))
            }
            Action::Replies(wanted) => differs(wanted.to_string(), self.replies.to_string()),
            Action::Reply(wanted) => {
                let (to, bytes) = self.reply.as_ref().ok_or("no reply yet")?;
                let Ok(Packet::ArtPollReply(reply)) = parse(bytes) else { unreachable!() };
                let found: Vec<_> = wanted
                    .iter()
                    .map(|(field, _)| {
                        let found = match field.as_str() {
                            "to" => to.ip().to_string(),
                            "ip" => reply.ip().to_string(),
                            "bind" => reply.bind_index().to_string(),
                            "ports" => reply.num_ports().to_string(),
                            "status1" => format!("{:#04x}", reply.status_1()),
                            "status2" => format!("{:#04x}", reply.status_2()),
                            "good" => format!("{:#04x}", reply.good_output_a()[0]),
                            other => panic!("a reply has no field `{other}` here"),
                        };
                        (field.clone(), found)
                    })
                    .collect();
                differs(format!("{wanted:?}"), format!("{found:?}"))
            }
            Action::Diagnostic(wanted, words) => {
                let diagnostics = std::mem::take(&mut self.diagnostics);
                let told = |(to, text): &(String, String)| {
                    to == wanted && words.iter().all(|word| text.contains(word.as_str()))
                };
                // `none` = nobody is told anything.
                if wanted == "none" && diagnostics.is_empty() || diagnostics.iter().any(told) {
                    Ok(())
                } else {
                    Err(format!("no diagnostic speaks of {words:?}: {diagnostics:?}"))
                }
            }
        }
    }
}

fn run(scenario: &Scenario) -> Result<(), String> {
    let mut bench = Bench::new(scenario)?;
    for step in scenario.steps() {
        bench.advance(Time::from_millis(step.at_ms));
        bench.step(&step.action).map_err(|why| format!("  at `{}`: {why}", step.line))?;
    }
    Ok(())
}

#[test]
fn every_scenario_holds_under_a_virtual_clock() {
    let scenarios = Scenario::all();
    let failures: Vec<String> = scenarios
        .iter()
        .filter_map(|(file, scenario)| {
            let why = run(scenario).err()?;
            Some(format!("{file}: {} ({})\n{why}", scenario.name, scenario.clause))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} scenarios fail:\n{}",
        failures.len(),
        scenarios.len(),
        failures.join("\n")
    );
    assert!(scenarios.len() >= 120, "only {} scenarios were found", scenarios.len());
}

#[test]
fn every_scenario_has_a_name_of_its_own_and_a_clause() {
    let scenarios = Scenario::all();
    let mut names: Vec<&str> = scenarios.iter().map(|(_, s)| s.name.as_str()).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "two scenarios share a name");
    assert!(scenarios.iter().all(|(_, s)| !s.clause.is_empty()));
}

/// It comes back where the relay's own address is a destination of its broadcasts or unicasts.
#[test]
fn a_reply_of_our_own_does_not_name_a_console_on_the_same_host() {
    let universe = "artnet/1".parse().expect("a universe");
    let mut scenarios = Scenario::all().into_iter().map(|(_, scenario)| scenario);
    let scenario = scenarios.find(|one| one.universes() == [universe]).expect("one for Art-Net");
    let mut bench = Bench::new(&scenario).expect("a sound show");
    let local = Ipv4Addr::LOCALHOST;
    let own = Interface { index: 1, address: local, prefix: 8, mac: [0; 6] };
    bench.engine.set_interfaces(bench.now, &[own]);
    let dmx = Sent::Dmx { from: local, universe, sequence: 0, physical: 0, slots: vec![1] };
    assert_eq!(bench.send(&dmx), "accepted");
    assert_eq!(bench.send(&Sent::Poll(local, artnet::Poll::default())), "art_poll");
    let reply = std::iter::from_fn(|| {
        bench.now = bench.engine.poll_timeout()?.max(bench.now);
        let mut out = vec![0; 1500];
        let len = bench.engine.poll_transmit(bench.now, &mut out).map(|sent| sent.len);
        let _ = bench.engine.handle_timeout(bench.now);
        Some(len.map(|len| out[..len].to_vec()))
    });
    let reply = reply.take(100).flatten().next().expect("a reply");
    assert_eq!(bench.send(&Sent::Raw(reply)), "art_poll_reply");
    assert_eq!(bench.sources(universe), [("127.0.0.1".to_owned(), None)]);
    assert_eq!(bench.send(&Sent::PollReply(local, "Desk".to_owned())), "art_poll_reply");
    assert_eq!(bench.sources(universe), [("Desk".to_owned(), None)]);
}
