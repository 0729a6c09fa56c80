//! The engine whole: bytes in, looks, counters and events out.

mod reload;
mod unread;

use std::net::Ipv4Addr;

use super::*;
use crate::look::Look;
use crate::universe::{PortAddress, SLOTS, SacnUniverse};
use crate::wire::artnet;
use crate::wire::sacn::{self, Cid};

/// An engine and a clock in ms.
struct Stage {
    engine: Engine,
    now: u64,
    numbers: [u8; 256],
}

/// A show with one `rgb` group at address 1 of each universe.
fn show(universes: &[&str]) -> Config {
    let mut show = String::from("name = \"test\"\n");
    for (n, universe) in universes.iter().enumerate() {
        show += &format!(
            "[[group]]\nname = \"g{n}\"\nuniverse = \"{universe}\"\naddress = 1\n\
             personality = \"rgb\"\nloss = \"black\"\n"
        );
    }
    show += "[[radio]]\nkind = \"simulated\"\n";
    Config::parse(&show, "test.toml").unwrap().0
}

impl Stage {
    fn new(universes: &[&str]) -> Self {
        Self::with(&show(universes))
    }

    fn with(config: &Config) -> Self {
        let mut engine = Engine::new(config, &Limits::of(config), 1);
        let address = Ipv4Addr::new(10, 0, 0, 254);
        engine
            .set_interfaces(Time::ZERO, &[Interface { index: 1, address, prefix: 8, mac: [2; 6] }]);
        Self { engine, now: 0, numbers: [0; 256] }
    }

    fn time(&self) -> Time {
        Time::from_millis(self.now)
    }

    /// Moves the clock; returns whether looks changed on the way.
    fn at(&mut self, now: u64) -> bool {
        let mut changed = false;
        let until = Time::from_millis(now);
        while let Some(due) = self.engine.poll_timeout().filter(|&due| due <= until) {
            changed |= self.engine.handle_timeout(due);
            while self.engine.poll_transmit(due, &mut [0; 1500]).is_some() {}
        }
        self.now = now;
        changed
    }

    fn take(&mut self, from: u8, bytes: &[u8]) -> Outcome {
        let source = SocketAddr::from((Ipv4Addr::new(10, 0, 0, from), 6454));
        self.engine.handle_datagram(Datagram {
            bytes,
            source,
            destination: None,
            interface: None,
            at: self.time(),
        })
    }

    fn sacn(&mut self, source: u8, universe: u16, slots: &[u8]) -> Outcome {
        self.sacn_with(source, universe, slots, |_| {})
    }

    fn sacn_with(
        &mut self,
        source: u8,
        universe: u16,
        slots: &[u8],
        change: impl FnOnce(&mut sacn::DataFields<'_>),
    ) -> Outcome {
        let universe = SacnUniverse::new(universe).unwrap();
        let mut fields = sacn::DataFields::new(Cid([source; 16]), "console", universe);
        let number = &mut self.numbers[usize::from(source)];
        *number = number.wrapping_add(1);
        fields.sequence = *number;
        change(&mut fields);
        let mut out = [0; 638];
        let len = sacn::encode_data(&mut out, &fields, slots).unwrap();
        self.take(source, &out[..len])
    }

    fn sync(&mut self, source: u8, address: u16, sequence: u8) -> Outcome {
        let sync_address = SacnUniverse::new(address).unwrap();
        let sync = sacn::Sync { cid: Cid([source; 16]), sequence, sync_address };
        let mut out = [0; 64];
        let len = sacn::encode_sync(&mut out, &sync).unwrap();
        self.take(source, &out[..len])
    }

    fn artnet(&mut self, from: u8, address: u16, slots: &[u8]) -> Outcome {
        let port_address = PortAddress::new(address).unwrap();
        let fields = artnet::DmxFields { sequence: 0, physical: 0, port_address };
        let mut out = [0; 530];
        let len = artnet::encode_dmx(&mut out, &fields, slots).unwrap();
        self.take(from, &out[..len])
    }

    fn red(&self, group: usize) -> u8 {
        self.engine.groups().get(group).red
    }

    fn labels(&mut self) -> Vec<&'static str> {
        std::iter::from_fn(|| self.engine.poll_event()).map(|event| event.kind.label()).collect()
    }
}

#[test]
fn levels_become_looks() {
    let mut stage = Stage::new(&["sacn/1", "artnet/0/0/1"]);
    assert_eq!(stage.sacn(1, 1, &[10, 20, 30]), Outcome::Accepted { changed: true });
    assert_eq!(stage.artnet(2, 1, &[40, 50, 60]), Outcome::Accepted { changed: true });
    let [first, second] = [0, 1].map(|group| stage.engine.groups().get(group));
    assert_eq!(first, Look { red: 10, green: 20, blue: 30, dimmer: 255, ..Look::DARK });
    assert_eq!(second, Look { red: 40, green: 50, blue: 60, dimmer: 255, ..Look::DARK });
    assert_eq!(stage.sacn(1, 1, &[10, 20, 30]), Outcome::Accepted { changed: false });
    let labels = stage.labels();
    assert_eq!(labels.iter().filter(|&&label| label == "group_live").count(), 2);
}

#[test]
fn every_datagram_is_in_exactly_one_count() {
    let mut stage = Stage::new(&["sacn/1"]);
    let _ = stage.sacn(1, 1, &[1]);
    let _ = stage.sacn(1, 9, &[1]);
    let _ = stage.sacn_with(1, 1, &[1], |fields| fields.start_code = 0x17);
    let _ = stage.sacn_with(1, 1, &[1], |fields| fields.sequence = 2);
    let _ = stage.sacn_with(1, 1, &[1], |fields| fields.priority = 201);
    let _ = stage.sacn_with(2, 1, &[1], |fields| fields.preview = true);
    let _ = stage.sacn_with(3, 1, &[1], |fields| fields.terminated = true);
    let _ = stage.sync(1, 7, 1);
    let _ = stage.take(1, b"hello");
    let _ = stage.take(1, b"Art-Net\0\x00\x20\x00\x0e\x00\x00");
    let counters = stage.engine.counters();
    let left_out: u64 = counters.left_out().map(|(_, count)| count).sum();
    let noted: u64 = counters.notes().map(|(_, count)| count).sum();
    assert_eq!(counters.received, 10);
    assert_eq!(counters.accepted + counters.held + noted + left_out, 10);
    let names: Vec<_> = counters.left_out().filter(|&(_, count)| count > 0).collect();
    let expected = [
        ("not_patched", 1),
        ("start_code", 1),
        ("preview", 1),
        ("not_a_source", 1),
        ("sync_unused", 1),
        ("foreign", 1),
        ("sacn_priority", 1),
    ];
    assert_eq!(names, expected);
    assert_eq!(counters.noted(Note::ArtPoll), 1);
    assert_eq!(counters.accepted, 2, "the START code 0x17 packet has no say in sequence numbers");
}

#[test]
fn causes_have_names_of_their_own() {
    let mut labels: Vec<_> = Ignored::ALL.iter().map(|why| why.label()).collect();
    labels.extend(Note::ALL.iter().map(|note| note.label()));
    labels.extend(crate::wire::Malformed::ALL.iter().map(|why| why.label()));
    let count = labels.len();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), count);
}

#[test]
fn a_lost_universe_takes_its_groups_through_their_loss_policy() {
    let mut stage = Stage::new(&["sacn/1", "sacn/2"]);
    let _ = stage.sacn(1, 1, &[10]);
    let _ = stage.sacn(1, 2, &[10]);
    stage.at(2000);
    let _ = stage.sacn(1, 2, &[10]);
    stage.labels();
    assert!(stage.at(2500));
    assert_eq!((stage.red(0), stage.red(1)), (0, 10));
    assert_eq!(stage.labels(), ["source_lost", "universe_lost", "group_lost"]);
    assert_eq!(stage.sacn(1, 1, &[10]), Outcome::Accepted { changed: true });
    assert_eq!(stage.red(0), 10);
}

#[test]
fn one_sync_changes_all_groups_of_its_universes_at_once() {
    let mut stage = Stage::new(&["sacn/1", "sacn/2", "sacn/3"]);
    let step = |stage: &mut Stage, level: u8, sync: u8| {
        for universe in 1..=3 {
            let _ = stage.sacn_with(universe as u8, universe, &[level], |fields| {
                fields.sync_address = 7;
            });
        }
        stage.engine.groups_mut().clear_changed();
        stage.sync(1, 7, sync)
    };
    let _ = step(&mut stage, 10, 1);
    assert_eq!(step(&mut stage, 20, 2), Outcome::Accepted { changed: true });
    let changed: Vec<_> = stage.engine.groups().changed().map(|(g, look)| (g, look.red)).collect();
    assert_eq!(changed, [(0, 20), (1, 20), (2, 20)]);
    assert_eq!(stage.engine.sync_addresses().collect::<Vec<_>>(), [7]);
}

#[test]
fn a_farewell_on_an_unpatched_sync_universe_ends_synchronization() {
    let mut stage = Stage::new(&["sacn/1"]);
    let synced = |fields: &mut sacn::DataFields<'_>| {
        fields.sync_address = 7;
        fields.force_synchronization = true;
    };
    let _ = stage.sacn_with(1, 1, &[10], synced);
    let _ = stage.sync(1, 7, 1);
    assert_eq!(stage.sacn_with(1, 1, &[20], synced), Outcome::Held { changed: false });
    let farewell = stage.sacn_with(1, 7, &[], |fields| fields.terminated = true);
    assert_eq!(farewell, Outcome::Ignored { why: Ignored::NotPatched, changed: true });
    assert_eq!(stage.red(0), 20);
}

#[test]
fn the_sampling_period_begins_with_the_first_time_that_is_handed_in() {
    let mut config = show(&["sacn/1"]);
    config.network.sampling_period = std::time::Duration::from_millis(1500);
    let mut stage = Stage::with(&config);
    stage.now = 60_000;
    assert_eq!(stage.sacn(1, 1, &[10]), Outcome::Accepted { changed: false });
    stage.at(61_499);
    assert_eq!(stage.red(0), 0);
    assert!(stage.at(61_500));
    assert_eq!(stage.red(0), 10);
}

#[test]
fn universes_that_nobody_patched_are_remembered_and_told_of_once() {
    let mut stage = Stage::new(&["sacn/1"]);
    for _ in 0..3 {
        let _ = stage.sacn(1, 5, &[1]);
        let _ = stage.artnet(2, 5, &[1, 1]);
    }
    let seen: Vec<_> = stage.engine.not_patched().iter().map(|n| (n.universe, n.packets)).collect();
    let named = |text: &str| text.parse::<Universe>().unwrap();
    assert_eq!(seen, [(named("sacn/5"), 3), (named("artnet/5"), 3)]);
    assert_eq!(stage.labels(), ["not_patched", "not_patched"]);
}

#[test]
fn a_flood_of_unpatched_universes_is_bounded_and_pushes_out_the_stalest() {
    let mut stage = Stage::new(&["sacn/1"]);
    for n in 0..1000 {
        stage.now = u64::from(n);
        let _ = stage.sacn_with(1, 100 + n, &[1], |_| {});
        let _ = stage.sacn_with(2, 50, &[1], |_| {});
        stage.numbers = [0; 256];
    }
    let seen = stage.engine.not_patched();
    assert_eq!(seen.len(), crate::limits::NOT_PATCHED_MAX);
    assert!(seen.iter().any(|n| n.universe == "sacn/50".parse().unwrap() && n.packets == 1000));
    assert_eq!(stage.labels().len(), crate::limits::NOT_PATCHED_MAX);
}

#[test]
fn a_new_show_keeps_sources_and_levels_of_universes_that_stay_patched() {
    let mut stage = Stage::new(&["sacn/1", "sacn/2", "artnet/3"]);
    let _ = stage.sacn(1, 1, &[10]);
    let _ = stage.sacn(1, 2, &[20]);
    let _ = stage.artnet(1, 3, &[30, 0]);
    stage.labels();
    let next = CompiledShow::compile(&show(&["artnet/9", "sacn/2", "sacn/8", "artnet/3"]));
    stage.engine.groups_mut().clear_changed();
    let revision = stage.engine.groups().revision();
    let old = stage.engine.replace_plan(stage.time(), next).unwrap();
    assert_eq!(old.universes().len(), 3);
    assert_eq!([0, 1, 2, 3].map(|group| stage.red(group)), [0, 20, 0, 30]);
    assert!(stage.engine.groups().revision() > revision);
    assert!(!stage.labels().contains(&"source_appeared"));
    // They go on as if nothing had happened; the others are new.
    assert_eq!(stage.sacn(1, 2, &[21]), Outcome::Accepted { changed: true });
    assert_eq!(stage.red(1), 21);
    assert!(matches!(stage.sacn(1, 1, &[11]), Outcome::Ignored { why: Ignored::NotPatched, .. }));
    assert_eq!(stage.sacn(1, 8, &[80]), Outcome::Accepted { changed: true });
    assert_eq!(stage.red(2), 80);
    let mut sample = UniverseSample::new();
    assert!(stage.engine.sample_universe(0, stage.time(), &mut sample));
    assert_eq!(sample.universe, Some("sacn/2".parse().unwrap()));
    assert_eq!(sample.sources()[0].packets, 2);
    assert!(!stage.engine.sample_universe(4, stage.time(), &mut sample));
}

#[test]
fn a_universe_that_is_lost_stays_lost_in_a_new_show() {
    let mut stage = Stage::new(&["sacn/1"]);
    let _ = stage.sacn(1, 1, &[10]);
    stage.at(5000);
    let next = CompiledShow::compile(&show(&["sacn/1"]));
    assert!(stage.engine.replace_plan(stage.time(), next).is_ok());
    assert_eq!(stage.engine.universe_signal(0), Some(SignalState::Lost));
    assert_eq!(stage.engine.group_signal(0), Some(SignalState::Lost));
}

#[test]
fn a_show_with_more_universes_than_there_is_room_for_is_refused() {
    let config = show(&["sacn/1"]);
    let limits = Limits { universes: 2, ..Limits::of(&config) };
    let mut engine = Engine::new(&config, &limits, 1);
    let next = CompiledShow::compile(&show(&["sacn/2", "sacn/3", "sacn/4"]));
    assert!(engine.replace_plan(Time::ZERO, next).is_err());
    let next = CompiledShow::compile(&show(&["sacn/3", "sacn/4"]));
    assert!(engine.replace_plan(Time::ZERO, next).is_ok(), "ports of the old one are free");
    assert_eq!(engine.universes().len(), 2);
}

#[test]
fn controllers_see_which_outputs_receive_and_merge() {
    let mut stage = Stage::new(&["artnet/0"]);
    let good_output = |stage: &mut Stage| {
        let poll = artnet::Poll::default();
        let mut out = [0; 1500];
        let len = artnet::encode_poll(&mut out, &poll).unwrap();
        let polled = stage.take(9, &out[..len]);
        assert!(matches!(polled, Outcome::Noted { note: Note::ArtPoll, .. }));
        let due = stage.time() + std::time::Duration::from_secs(2);
        let sent = stage.engine.poll_transmit(due, &mut out).unwrap();
        stage.now += 2000;
        let Ok(Packet::ArtPollReply(reply)) = parse(&out[..sent.len]) else { panic!() };
        reply.good_output_a()[0]
    };
    assert_eq!(good_output(&mut stage), 0x00);
    let _ = stage.artnet(1, 0, &[1, 1]);
    assert_eq!(good_output(&mut stage), 0x80);
    let _ = stage.artnet(2, 0, &[1, 1]);
    assert_eq!(good_output(&mut stage), 0x88);
}

#[test]
fn artaddress_changes_nothing_unless_the_show_allows_it() {
    for allowed in [false, true] {
        let mut config = show(&["artnet/0"]);
        config.network.artnet_node.remote_programming = allowed;
        let mut stage = Stage::with(&config);
        let _ = stage.artnet(1, 0, &[200, 0]);
        let mut out = [0; 1500];
        let clear = artnet::AddressFields { bind_index: 1, command: 0x90, ..Default::default() };
        let len = artnet::encode_address(&mut out, &clear).unwrap();
        let outcome = stage.take(9, &out[..len]);
        assert_eq!(outcome.changed(), allowed);
        assert_eq!(stage.red(0), if allowed { 0 } else { 200 });
        assert_eq!(stage.labels().contains(&"programmed"), allowed);
    }
}

/// More groups than a block of a lane's table has, so that blocks are copied one by one.
#[test]
fn a_beat_reaches_a_radio_as_one_table_with_all_its_universes() {
    let names: Vec<_> = (1..=70).map(|universe| format!("sacn/{universe}")).collect();
    let mut stage = Stage::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let (mut writer, mut reader) = crate::lane::channel(70);
    let mut hand_over = |stage: &mut Stage, outcome: Outcome| {
        if outcome.changed() {
            writer.publish(stage.engine.groups(), crate::lane::Stamp::default());
            stage.engine.groups_mut().clear_changed();
        }
        let fresh = reader.refresh();
        let reds: std::collections::BTreeSet<_> =
            (0..70).map(|group| reader.table().get(group).red).collect();
        (fresh, reds.into_iter().collect::<Vec<_>>())
    };
    for level in [10, 200] {
        for universe in 1..=70 {
            let data = |fields: &mut sacn::DataFields<'_>| fields.sync_address = 500;
            let outcome = stage.sacn_with(universe as u8, universe, &[level], data);
            let (fresh, _) = hand_over(&mut stage, outcome);
            assert_eq!(fresh, level == 10, "what waits for its beat is no news to a radio");
        }
        let outcome = stage.sync(1, 500, level);
        let (_, reds) = hand_over(&mut stage, outcome);
        assert_eq!(reds, [level], "every universe in the first table after the beat");
    }
}

#[test]
fn the_end_look_goes_past_everything() {
    let mut stage = Stage::new(&["sacn/1"]);
    let _ = stage.sacn(1, 1, &[10]);
    assert!(stage.engine.set_all(EndLook::Look(Look::DARK)));
    assert_eq!(stage.engine.groups().get(0), Look::DARK);
}

#[test]
fn events_say_in_plain_words_what_happened_and_what_to_do() {
    let mut stage = Stage::new(&["sacn/1"]);
    let _ = stage.sacn(1, 1, &[10]);
    stage.at(2500);
    let words: Vec<_> =
        std::iter::from_fn(|| stage.engine.poll_event()).map(|e| e.kind.to_string()).collect();
    assert_eq!(words[0], "sacn/1: source \"console\" (10.0.0.1) appeared with priority 100");
    assert!(words.iter().any(|text| text.contains("Check console, cable and switch")));
    assert_eq!(stage.engine.universes().len() * SLOTS, 512);
}
