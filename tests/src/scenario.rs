//! Conformance scenarios: the form described in `tests/conformance/README.md`, read into steps.

use std::net::Ipv4Addr;
use std::path::Path;

use serde::Deserialize;
use wristcast_core::universe::{SLOTS, Universe};
use wristcast_core::wire::artnet;

/// One scenario file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scenario: Vec<Scenario>,
}

/// Packets with their times, and what must hold between them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What holds, as a sentence.
    pub name: String,
    /// Where it is written; several are parted by `; `.
    pub clause: String,
    /// Patched universes, separated by spaces.
    #[serde(default = "sacn_1")]
    patch: String,
    /// Lines of the show file's `[network]`.
    #[serde(default)]
    pub network: String,
    /// Also run over real sockets.
    #[serde(default)]
    pub live: bool,
    steps: String,
}

fn sacn_1() -> String {
    "sacn/1".to_owned()
}

/// A step and its time, ms since the start.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at_ms: u64,
    /// What.
    pub action: Action,
    /// The line it was read from, for messages.
    pub line: String,
}

/// What a step does or demands.
#[derive(Clone, Debug)]
pub enum Action {
    /// A datagram arrives; the outcome, if the scenario demands one.
    Send(Sent, Option<String>),
    /// The merged levels of a universe.
    Expect(Universe, Box<[u8; SLOTS]>),
    /// The sources of a universe, in any order: name, and the reason if it does not contribute.
    Sources(Universe, Vec<(String, Option<String>)>),
    /// `waiting`, `live` or `lost`.
    State(Universe, String),
    /// An event with these words came since the last look at the events.
    Event(Vec<String>),
    /// No event came since the last look at the events.
    Quiet,
    /// The universes that the source with this name announces.
    Announced(String, Vec<u16>),
    /// The universes that levels came for and that nobody patched.
    Unpatched(Vec<Universe>),
    /// ArtPollReplies sent so far.
    Replies(usize),
    /// What the newest ArtPollReply says: `to`, `ip`, `bind`, `ports`, `status1`, `status2`, `good`.
    Reply(Vec<(String, String)>),
    /// An ArtDiagData to this address with these words was sent since the last look at them.
    Diagnostic(String, Vec<String>),
}

/// A datagram to be sent.
#[derive(Clone, Debug)]
pub enum Sent {
    /// An sACN data packet.
    Data(Box<Data>),
    /// An sACN synchronization packet: source, address, sequence.
    Sync(char, u16, Option<u8>),
    /// ArtDmx.
    Dmx {
        /// The sender.
        from: Ipv4Addr,
        /// The port-address.
        universe: Universe,
        /// `seq=`
        sequence: u8,
        /// `phys=`
        physical: u8,
        /// Its slots.
        slots: Vec<u8>,
    },
    /// ArtNzs with START code 0x17.
    Nzs {
        /// The sender.
        from: Ipv4Addr,
        /// The port-address.
        universe: Universe,
        /// Its slots.
        slots: Vec<u8>,
    },
    /// ArtSync.
    ArtSync(Ipv4Addr),
    /// ArtPoll.
    Poll(Ipv4Addr, artnet::Poll),
    /// ArtPollReply with a short name.
    PollReply(Ipv4Addr, String),
    /// ArtAddress.
    Address {
        /// The sender.
        from: Ipv4Addr,
        /// `bind=`
        bind_index: u8,
        /// `command=`
        command: u8,
        /// `name=`, the new short name.
        name: String,
    },
    /// One page of sACN universe discovery: source, page and last page, universe numbers, also
    /// such as do not exist.
    Discovery(char, (u8, u8), Vec<u16>),
    /// Any bytes.
    Raw(Vec<u8>),
    /// Another datagram with bytes written over, each at its offset, and then cut to a length.
    Altered(Box<Self>, Vec<(usize, Vec<u8>)>, Option<usize>),
}

/// An sACN data packet, as the scenario writes it.
#[derive(Clone, Debug)]
pub struct Data {
    /// The source's letter.
    pub source: char,
    /// Universe number, which may be one that does not exist.
    pub universe: u16,
    /// Its slots.
    pub slots: Vec<u8>,
    /// `seq=`
    pub sequence: Option<u8>,
    /// `prio=`
    pub priority: u8,
    /// `sync=`
    pub sync_address: u16,
    /// `code=`
    pub start_code: u8,
    /// `from=`
    pub from: Option<Ipv4Addr>,
    /// `name=`
    pub name: Option<String>,
    /// `if=`
    pub interface: u32,
    /// `preview`
    pub preview: bool,
    /// `terminated`
    pub terminated: bool,
    /// `force`
    pub force: bool,
}

impl Data {
    /// Levels of universe `universe` from `source`, all else as usual.
    pub fn new(source: char, universe: u16, slots: Vec<u8>) -> Self {
        Self {
            source,
            universe,
            slots,
            sequence: None,
            priority: 100,
            sync_address: 0,
            start_code: 0,
            from: None,
            name: None,
            interface: 1,
            preview: false,
            terminated: false,
            force: false,
        }
    }
}

impl Scenario {
    /// The clauses it proves.
    pub fn clauses(&self) -> impl Iterator<Item = &str> {
        self.clause.split("; ")
    }

    /// All scenarios of the folder `tests/conformance`, by file.
    ///
    /// # Panics
    /// If a file cannot be read: the tests cannot go on.
    pub fn all() -> Vec<(String, Self)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
            .map(|entry| entry.expect("a readable folder").path())
            .filter(|path| path.extension().is_some_and(|e| e == "toml"))
            .filter(|path| path.file_name().is_some_and(|name| name != "clauses.toml"))
            .collect();
        files.sort();
        let mut scenarios = Vec::new();
        for path in files {
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let file: File =
                toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let name = path.file_stem().expect("a file name").to_string_lossy().into_owned();
            scenarios.extend(file.scenario.into_iter().map(|s| (name.clone(), s)));
        }
        scenarios
    }

    /// The patched universes.
    ///
    /// # Panics
    /// If the scenario names something else.
    pub fn universes(&self) -> Vec<Universe> {
        self.patch.split_whitespace().map(universe).collect()
    }

    /// A show file that patches one group on each universe.
    pub fn show(&self, extra_network: &str) -> String {
        let groups: String = self
            .universes()
            .iter()
            .map(|u| {
                format!(
                    "[[group]]\nname = \"{u}\"\nuniverse = \"{u}\"\naddress = 1\n\
                     personality = \"rgb\"\n"
                )
            })
            .collect();
        format!(
            "name = \"conformance\"\n[network]\n{}\n{extra_network}\n{groups}\
             [[radio]]\nkind = \"simulated\"\nbands_per_group = 1\n",
            self.network
        )
    }

    /// The steps, in order.
    ///
    /// # Panics
    /// If a line is not of the documented form.
    pub fn steps(&self) -> Vec<Step> {
        let steps: Vec<Step> = self
            .steps
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| step(line).unwrap_or_else(|| panic!("{}: cannot read `{line}`", self.name)))
            .collect();
        assert!(
            steps.windows(2).all(|pair| pair[0].at_ms <= pair[1].at_ms),
            "{}: times run backwards",
            self.name
        );
        steps
    }
}

fn universe(text: &str) -> Universe {
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

fn step(line: &str) -> Option<Step> {
    let (time, rest) = line.split_once(char::is_whitespace)?;
    let (rest, outcome) = match rest.split_once("->") {
        Some((rest, outcome)) => (rest, Some(outcome.trim().to_owned())),
        None => (rest, None),
    };
    let (head, values) = match rest.split_once(" = ") {
        Some((head, values)) => (head, Some(values)),
        None => match rest.trim_end().strip_suffix(" =") {
            Some(head) => (head, Some("")),
            None => (rest, None),
        },
    };
    let (alterations, words): (Vec<&str>, Vec<&str>) =
        head.split_whitespace().partition(|word| word.starts_with('@'));
    let (verb, words) = words.split_first()?;
    let mut action = match *verb {
        "data" => Action::Send(Sent::Data(Box::new(data(words, levels(values?)?)?)), outcome),
        "sync" => {
            let (source, rest) = words.split_first()?;
            let (address, rest) = rest.split_first()?;
            let sequence = rest.first().and_then(|w| w.strip_prefix("seq=")?.parse().ok());
            let sync = Sent::Sync(source.chars().next()?, address.parse().ok()?, sequence);
            Action::Send(sync, outcome)
        }
        "dmx" => Action::Send(dmx(words, levels(values?)?)?, outcome),
        "nzs" => {
            let from = words.first()?.parse().ok()?;
            let universe = universe(words.get(1)?);
            Action::Send(Sent::Nzs { from, universe, slots: levels(values?)? }, outcome)
        }
        "artsync" => Action::Send(Sent::ArtSync(words.first()?.parse().ok()?), outcome),
        "poll" => {
            let (from, words) = words.split_first()?;
            Action::Send(Sent::Poll(from.parse().ok()?, poll(words)?), outcome)
        }
        "pollreply" => {
            let name = words.get(1)?.strip_prefix("name=")?.to_owned();
            Action::Send(Sent::PollReply(words.first()?.parse().ok()?, name), outcome)
        }
        "address" => Action::Send(address(words)?, outcome),
        "discovery" => Action::Send(discovery(words, numbers(values?)?)?, outcome),
        "raw" => Action::Send(Sent::Raw(hex(&words.concat())?), outcome),
        "expect" => {
            let mut all = Box::new([0; SLOTS]);
            let given = levels(values?)?;
            all.get_mut(..given.len())?.copy_from_slice(&given);
            Action::Expect(universe(words.first()?), all)
        }
        "sources" => {
            let sources = values?.split_whitespace().map(source).collect();
            Action::Sources(universe(words.first()?), sources)
        }
        "state" => Action::State(universe(words.first()?), (*words.get(1)?).to_owned()),
        "event" => Action::Event(words.iter().map(|w| w.to_lowercase()).collect()),
        "quiet" => Action::Quiet,
        "announced" => Action::Announced((*words.first()?).to_owned(), numbers(values?)?),
        "unpatched" => Action::Unpatched(values?.split_whitespace().map(universe).collect()),
        "replies" => Action::Replies(words.first()?.parse().ok()?),
        "reply" => {
            let field = |word: &&str| {
                let (field, value) = word.split_once('=')?;
                Some((field.to_owned(), value.to_owned()))
            };
            Action::Reply(words.iter().map(field).collect::<Option<_>>()?)
        }
        "diagnostic" => {
            let (to, words) = words.split_first()?;
            let words = words.iter().map(|w| w.to_lowercase()).collect();
            Action::Diagnostic((*to).to_owned(), words)
        }
        _ => return None,
    };
    if let (Action::Send(sent, _), [_, ..]) = (&mut action, &alterations[..]) {
        *sent = altered(sent.clone(), &alterations)?;
    }
    Some(Step { at_ms: time.parse().ok()?, action, line: line.to_owned() })
}

/// `@114=ff`, `@cut=125`.
fn altered(sent: Sent, alterations: &[&str]) -> Option<Sent> {
    let (mut over, mut cut) = (Vec::new(), None);
    for alteration in alterations {
        match alteration.strip_prefix('@')?.split_once('=')? {
            ("cut", len) => cut = Some(len.parse().ok()?),
            (at, bytes) => over.push((at.parse().ok()?, hex(bytes)?)),
        }
    }
    Some(Sent::Altered(Box::new(sent), over, cut))
}

fn data(words: &[&str], slots: Vec<u8>) -> Option<Data> {
    let (source, words) = words.split_first()?;
    let (universe, words) = words.split_first()?;
    let universe = universe.strip_prefix("sacn/")?.parse().ok()?;
    let mut data = Data::new(source.chars().next()?, universe, slots);
    for word in words {
        match word.split_once('=') {
            Some(("seq", value)) => data.sequence = Some(value.parse().ok()?),
            Some(("prio", value)) => data.priority = value.parse().ok()?,
            Some(("sync", value)) => data.sync_address = value.parse().ok()?,
            Some(("code", value)) => data.start_code = value.parse().ok()?,
            Some(("from", value)) => data.from = Some(value.parse().ok()?),
            Some(("name", value)) => data.name = Some(value.to_owned()),
            Some(("if", value)) => data.interface = value.parse().ok()?,
            None if *word == "preview" => data.preview = true,
            None if *word == "terminated" => data.terminated = true,
            None if *word == "force" => data.force = true,
            _ => return None,
        }
    }
    Some(data)
}

fn dmx(words: &[&str], slots: Vec<u8>) -> Option<Sent> {
    let from = words.first()?.parse().ok()?;
    let universe = universe(words.get(1)?);
    let (mut sequence, mut physical) = (0, 0);
    for word in &words[2..] {
        match word.split_once('=')? {
            ("seq", value) => sequence = value.parse().ok()?,
            ("phys", value) => physical = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(Sent::Dmx { from, universe, sequence, physical, slots })
}

fn address(words: &[&str]) -> Option<Sent> {
    let (from, words) = words.split_first()?;
    let (mut command, mut bind_index, mut name) = (0, 1, String::new());
    for word in words {
        match word.split_once('=')? {
            ("command", value) => {
                command = u8::from_str_radix(value.strip_prefix("0x")?, 16).ok()?;
            }
            ("bind", value) => bind_index = value.parse().ok()?,
            ("name", value) => name = value.to_owned(),
            _ => return None,
        }
    }
    Some(Sent::Address { from: from.parse().ok()?, bind_index, command, name })
}

fn poll(words: &[&str]) -> Option<artnet::Poll> {
    let mut poll = artnet::Poll::default();
    for word in words {
        match word.split_once('=') {
            Some(("target", value)) => poll.target = Some(range(value)?),
            Some(("diag", value)) => {
                poll.diagnostics = true;
                poll.diag_priority = u8::from_str_radix(value.strip_prefix("0x")?, 16).ok()?;
            }
            None if *word == "changes" => poll.reply_on_change = true,
            None if *word == "unicast" => poll.diagnostics_unicast = true,
            _ => return None,
        }
    }
    Some(poll)
}

fn discovery(words: &[&str], universes: Vec<u16>) -> Option<Sent> {
    let source = words.first()?.chars().next()?;
    let (page, last_page) = match words.get(1) {
        Some(word) => word.strip_prefix("page=")?.split_once('/')?,
        None => ("0", "0"),
    };
    let pages = (page.parse().ok()?, last_page.parse().ok()?);
    Some(Sent::Discovery(source, pages, universes))
}

/// `A` contributes; `B(lower_priority)` does not.
fn source(word: &str) -> (String, Option<String>) {
    match word.strip_suffix(')').and_then(|w| w.split_once('(')) {
        Some((name, reason)) => (name.to_owned(), Some(reason.to_owned())),
        None => (word.to_owned(), None),
    }
}

/// `1 2 3`, `7x512`.
fn levels(text: &str) -> Option<Vec<u8>> {
    let mut levels = Vec::new();
    for word in text.split_whitespace() {
        match word.split_once('x') {
            Some((level, count)) => {
                levels.resize(levels.len() + count.parse::<usize>().ok()?, level.parse().ok()?);
            }
            None => levels.push(word.parse().ok()?),
        }
    }
    Some(levels)
}

/// `1-5` or `7`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// `1-5 7`.
fn numbers(text: &str) -> Option<Vec<u16>> {
    let ranges: Option<Vec<_>> = text.split_whitespace().map(range).collect();
    Some(ranges?.into_iter().flat_map(|(first, last)| first..=last).collect())
}

fn hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}
