mod docs;
mod fuzz;
mod golden;
mod golden_standby;
mod schema;

use super::*;

const FIRST_LIGHT: &str = include_str!("../../../../show-files/first-light/show.toml");
const STADIUM: &str = include_str!("../../../../show-files/stadium/show.toml");

/// A show without mistakes, warnings aside.
#[track_caller]
fn parsed(text: &str) -> Config {
    match Config::parse(text, "show.toml") {
        Ok((config, _)) => config,
        Err(found) => panic!("{}", found.iter().map(|d| format!("\n{d}\n")).collect::<String>()),
    }
}

/// The errors of a file, one line each.
fn errors(text: &str) -> Vec<String> {
    let found = Config::parse(text, "show.toml").unwrap_err();
    assert!(found.iter().any(|d| d.severity == Severity::Error));
    found.into_iter().map(|d| d.message).collect()
}

fn warnings(text: &str) -> Vec<String> {
    let (_, warnings) = Config::parse(text, "show.toml").unwrap();
    assert!(warnings.iter().all(|d| d.severity == Severity::Warning));
    warnings.into_iter().map(|d| d.message).collect()
}

/// A show with these groups and a radio for them.
fn groups(text: &str) -> String {
    format!("name = \"Test\"\n[[radio]]\nkind = \"simulated\"\n{text}")
}

/// `sacn/1/1 red`, one for each slot.
fn slots(group: &Group) -> Vec<String> {
    let slots = group.slots.iter();
    let slots = slots.map(|s| format!("{}/{} {}", s.universe, s.address.get(), s.attribute.word()));
    slots.collect()
}

fn rgb_at(config: &Config, group: usize) -> String {
    let group = &config.groups[group];
    format!("{} {} {}", group.name, slots(group)[0], slots(group)[2])
}

#[test]
fn the_least_show_works_as_written_and_takes_the_defaults_of_the_reference() {
    let (config, warnings) = Config::parse(FIRST_LIGHT, "show.toml").unwrap();
    assert_eq!(warnings, []);
    let group = |name: &str, personality: &str, slots: Vec<PatchedSlot>| Group {
        name: name.to_owned(),
        personality: personality.to_owned(),
        slots,
        loss: Loss::HOLD,
        delay: Duration::ZERO,
        position: None,
    };
    let slots = |universe: &str, address: u16, attributes: &[Attribute]| {
        let universe = universe.parse().unwrap();
        let slots = attributes.iter().zip(address..).map(|(&attribute, address)| {
            let address = SlotAddress::new(address).unwrap();
            PatchedSlot { attribute, universe, address }
        });
        slots.collect()
    };
    use Attribute::{Blue, Dimmer, Green, Red};
    let expected = Config {
        name: "First light".to_owned(),
        network: Network {
            interfaces: vec![InterfaceSelector::Name("lo".to_owned())],
            sacn_port: 5568,
            artnet_port: 6454,
            receive_buffer_bytes: 4_194_304,
            merge: MergeMode::Htp,
            sources_per_universe: 8,
            sampling_period: Duration::ZERO,
            rejoin_interval: Duration::from_secs(60),
            busy_wait: false,
            realtime_priority: None,
            core: None,
            allow: Allow::default(),
            artnet_node: ArtNetNode {
                reply: true,
                short_name: "wristcast".to_owned(),
                long_name: "First light".to_owned(),
                remote_programming: false,
            },
        },
        standby: None,
        http: Some(Http {
            listen: "127.0.0.1:8420".parse().unwrap(),
            token_file: None,
            hosts: Vec::new(),
        }),
        osc: None,
        groups: vec![
            group("floor-left", "rgb", slots("sacn/1", 1, &[Red, Green, Blue])),
            group("floor-right", "drgb", slots("artnet/0/0/1", 10, &[Dimmer, Red, Green, Blue])),
        ],
        radios: vec![RadioConfig {
            name: "simulated-1".to_owned(),
            kind: RadioKind::Simulated(SimulatedConfig {
                bands_per_group: 10,
                groups: vec![],
                packets_per_event: 1,
                interval: Duration::from_millis(30),
                loss: 0.02,
                latency: Duration::from_millis(2),
                seed: 1,
            }),
        }],
        start_look: Look::DARK,
        end_look: EndLook::Look(Look::DARK),
        safety: Safety::default(),
    };
    assert_eq!(config, expected);
}

#[test]
fn the_stadium_has_everything_and_no_mistake() {
    let (config, warnings) = Config::parse(STADIUM, "show.toml").unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.groups.len(), 669);
    assert_eq!(config.network.receive_buffer_bytes, 8 << 20);
    assert_eq!(config.network.sampling_period, Duration::from_millis(1500));
    assert_eq!(config.network.interfaces[0], InterfaceSelector::Cidr([10, 0, 0, 0].into(), 8));
    assert_eq!(rgb_at(&config, 240), "east-1 artnet/0/1/0/1 red artnet/0/1/0/3 blue");
    let guests = config.groups.iter().find(|g| g.name == "guests").unwrap();
    let white = Look { white: 120, dimmer: 200, ..Look::DARK };
    assert_eq!(
        guests.loss,
        Loss {
            to: Some(white),
            after: Duration::from_millis(500),
            fade: Duration::from_millis(2000)
        }
    );
    assert_eq!(config.groups[121].position, Some([-59.0, 150.0]));
    let RadioKind::Gatt(gatt) = &config.radios[2].kind else { panic!("a gatt radio") };
    assert_eq!(config.groups[gatt.bands[4].group].name, "mascots");
    let RadioKind::Simulated(floor) = &config.radios[1].kind else { panic!("a simulated one") };
    assert_eq!(floor.groups.len(), 27);
    assert_eq!(config.radios[1].kind.bands(669), 27 * 50);
}

#[test]
fn counted_groups_flow_into_the_next_universe_without_being_split() {
    let config = parsed(&groups(
        "[[group]]\nname = \"s{}\"\ncount = 342\nuniverse = \"artnet/0/0/15\"\naddress = 1\n\
         personality = \"rgb\"",
    ));
    assert_eq!(config.groups.len(), 342);
    assert_eq!(rgb_at(&config, 0), "s1 artnet/0/0/15/1 red artnet/0/0/15/3 blue");
    assert_eq!(rgb_at(&config, 169), "s170 artnet/0/0/15/508 red artnet/0/0/15/510 blue");
    assert_eq!(rgb_at(&config, 170), "s171 artnet/0/1/0/1 red artnet/0/1/0/3 blue");
    assert_eq!(rgb_at(&config, 341), "s342 artnet/0/1/1/4 red artnet/0/1/1/6 blue");
    // 128 x 4 slots fill a universe to its last slot.
    let config = parsed(&groups(
        "[[group]]\nname = \"s{}\"\ncount = 129\nuniverse = \"sacn/1\"\naddress = 1\n\
         personality = \"drgb\"",
    ));
    assert_eq!(slots(&config.groups[127])[3], "sacn/1/512 blue");
    assert_eq!(slots(&config.groups[128])[0], "sacn/2/1 dimmer");
}

#[test]
fn groups_that_may_span_universes_leave_no_slot_out() {
    let config = parsed(&groups(
        "[[group]]\nname = \"s{}\"\ncount = 172\nuniverse = \"sacn/7\"\naddress = 1\n\
         personality = \"rgb\"\nspans_universes = true",
    ));
    assert_eq!(rgb_at(&config, 170), "s171 sacn/7/511 red sacn/8/1 blue");
    assert_eq!(rgb_at(&config, 171), "s172 sacn/8/2 red sacn/8/4 blue");
}

#[test]
fn a_personality_of_the_shows_own_skips_unused_slots() {
    let config = parsed(&groups(
        "[[group]]\nname = \"a\"\nuniverse = \"sacn/1\"\naddress = 5\n\
         personality = [\"blue\", \"unused\", \"fade\"]",
    ));
    assert_eq!(config.groups[0].personality, "custom");
    assert_eq!(slots(&config.groups[0]), ["sacn/1/5 blue", "sacn/1/6 unused", "sacn/1/7 fade"]);
}

#[test]
fn slots_come_one_by_one_from_any_universe() {
    let config = parsed(&groups(
        "[[group]]\nname = \"a\"\n\
         slots = { dimmer = \"artnet/33/512\", red = \"sacn/1/12\", blue = \"artnet/0/0/1/3\" }",
    ));
    assert_eq!(
        slots(&config.groups[0]),
        ["sacn/1/12 red", "artnet/0/0/1/3 blue", "artnet/0/2/1/512 dimmer"]
    );
}

#[test]
fn end_looks_and_loss_policies_read_as_written() {
    let red = Look { red: 255, dimmer: 255, ..Look::DARK };
    for (end_look, expected) in [
        ("\"hold\"", EndLook::Hold),
        ("\"black\"", EndLook::Look(Look::DARK)),
        ("{ red = 255 }", EndLook::Look(red)),
        ("{ red = 255, dimmer = 0 }", EndLook::Look(Look { dimmer: 0, ..red })),
    ] {
        assert_eq!(parsed(&format!("name = \"T\"\nend_look = {end_look}")).end_look, expected);
    }
    let ms = Duration::from_millis;
    for (loss, to, after, fade) in [
        ("\"hold\"", None, 0, 0),
        ("\"black\"", Some(Look::DARK), 0, 0),
        ("{}", Some(Look::DARK), 0, 0),
        ("{ after_ms = 1, fade_ms = 2 }", Some(Look::DARK), 1, 2),
        ("{ to = { red = 255 }, fade_ms = 3600000 }", Some(red), 0, 3_600_000),
    ] {
        let config = parsed(&groups(&format!(
            "[[group]]\nname = \"a\"\nslots = {{ red = \"sacn/1/1\" }}\nloss = {loss}"
        )));
        assert_eq!(config.groups[0].loss, Loss { to, after: ms(after), fade: ms(fade) }, "{loss}");
    }
}

#[test]
fn interfaces_read_as_names_addresses_and_networks() {
    let config = parsed(
        "name = \"T\"\n[network]\ninterfaces = [\"eth0\", \"Ethernet 2\", \"eth0:1\", \
         \"10.0.0.2\", \"fe80::1\", \"10.1.2.3/24\", \"fd00::/8\"]",
    );
    let name = |name: &str| InterfaceSelector::Name(name.to_owned());
    assert_eq!(
        config.network.interfaces,
        [
            name("eth0"),
            name("Ethernet 2"),
            name("eth0:1"),
            InterfaceSelector::Address("10.0.0.2".parse().unwrap()),
            InterfaceSelector::Address("fe80::1".parse().unwrap()),
            InterfaceSelector::Cidr("10.1.2.3".parse().unwrap(), 24),
            InterfaceSelector::Cidr("fd00::".parse().unwrap(), 8),
        ]
    );
}

#[test]
fn radios_without_a_name_take_the_first_free_number_of_their_kind() {
    let config = parsed(
        "name = \"T\"\n[[radio]]\nkind = \"simulated\"\n[[radio]]\nkind = \"gatt\"\n\
         [[radio]]\nkind = \"simulated\"\nname = \"simulated-1\"\n[[radio]]\nkind = \"simulated\"",
    );
    let names: Vec<&str> = config.radios.iter().map(|radio| radio.name.as_str()).collect();
    assert_eq!(names, ["simulated-2", "gatt-1", "simulated-1", "simulated-3"]);
}

#[test]
fn groups_listed_twice_on_a_radio_have_its_bands_once() {
    let text = "name = \"T\"\n[[group]]\nname = \"s{}\"\ncount = 9\nuniverse = \"sacn/1\"\n\
                address = 1\npersonality = \"rgb\"\n[[radio]]\nkind = \"simulated\"\n\
                groups = [\"s5\", \"s{}\", \"s{}\"]";
    assert_eq!(warnings(text), ["\"s{}\" is listed twice"]);
    assert_eq!(parsed(text).radios[0].kind.bands(9), 90);
}

#[test]
fn an_unknown_band_profile_names_the_nearest() {
    let text = "name = \"T\"\n[[radio]]\nkind = \"gatt\"\nprofile = \"wristcats\"";
    let found = Config::parse(text, "show.toml").unwrap_err();
    let error = found.iter().find(|d| d.severity == Severity::Error).unwrap();
    assert_eq!((error.line, error.column), (4, 11));
    assert_eq!(error.help.as_deref(), Some("did you mean \"wristcast\"?"));
}

#[test]
fn an_osc_table_without_keys_takes_orders_from_this_machine_only() {
    assert_eq!(parsed("name = \"T\"").osc, None);
    let osc = parsed("name = \"T\"\n[osc]").osc.unwrap();
    assert_eq!(osc, Osc::on("127.0.0.1:8000".parse().unwrap()));
    assert!(osc.is_protected());
    for more in ["allow = [\"10.0.0.0/24\"]", "token_file = \"tokens.txt\""] {
        let text = format!("name = \"T\"\n[osc]\nlisten = \"10.0.0.2:8000\"\n{more}");
        assert!(parsed(&text).osc.unwrap().is_protected());
    }
}

#[test]
fn a_standby_needs_little_and_listens_where_the_other_relay_speaks() {
    assert_eq!(parsed("name = \"T\"").standby, None);
    for (peer, listen) in [("10.0.0.3:5570", "0.0.0.0:5570"), ("[fd00::3]:5570", "[::]:5570")] {
        let text = format!(
            "name = \"T\"\n[standby]\nrole = \"backup\"\npeer = [\"{peer}\"]\nkey = \"none\""
        );
        let standby = parsed(&text).standby.unwrap();
        assert_eq!((standby.peers, standby.preferred), (vec![peer.parse().unwrap()], false));
        assert_eq!(standby.listen, listen.parse().unwrap());
        assert_eq!((standby.take_over.as_millis(), standby.input_loss.as_millis()), (500, 500));
        assert!(!standby.gives_back && !standby.both_broadcast);
    }
}

#[test]
fn broadcasts_of_both_relays_are_on_the_air_only_if_the_show_says_so() {
    for (more, both) in
        [("", false), ("broadcast = \"one\"", false), ("broadcast = \"both\"", true)]
    {
        let text = format!(
            "name = \"T\"\n[standby]\nrole = \"backup\"\npeer = [\"10.0.0.3:5570\"]\n\
             key = \"none\"\n{more}"
        );
        let standby = parsed(&text).standby.unwrap();
        assert_eq!(standby.fences(&RadioKind::Broadcast(BroadcastConfig::default())), !both);
    }
}

#[test]
fn an_http_table_without_keys_turns_the_api_on_for_this_machine_only() {
    assert_eq!(parsed("name = \"T\"").http, None);
    let listen = parsed("name = \"T\"\n[http]").http.unwrap().listen;
    assert_eq!(listen, "127.0.0.1:8420".parse().unwrap());
}

#[test]
fn a_long_show_name_is_cut_for_art_net_between_characters() {
    let config = parsed(&format!("name = \"x{}\"", "ä".repeat(60)));
    assert_eq!(config.network.artnet_node.long_name, format!("x{}", "ä".repeat(31)));
}

#[test]
fn deliberate_overlaps_are_no_warnings() {
    let rgb = |name: &str, universe: &str| {
        format!(
            "[[group]]\nname = \"{name}\"\nuniverse = \"{universe}\"\naddress = 1\n\
             personality = \"rgb\"\n"
        )
    };
    let same_slots = [rgb("a", "sacn/1"), rgb("b", "sacn/1"), rgb("c", "sacn/1")].concat();
    assert_eq!(warnings(&groups(&same_slots)), [""; 0]);
    let off_by_one = [rgb("a", "artnet/0"), rgb("b", "artnet/1"), rgb("c", "sacn/1")].concat();
    assert_eq!(warnings(&groups(&off_by_one)), [""; 0]);
    let shared_dimmer = "[[group]]\nname = \"a\"\n\
         slots = { red = \"sacn/1/1\", dimmer = \"sacn/7/1\" }\n[[group]]\nname = \"b\"\n\
         slots = { red = \"sacn/1/2\", dimmer = \"sacn/7/1\" }\n";
    assert_eq!(warnings(&groups(shared_dimmer)), [""; 0]);
    let crossed = shared_dimmer.replace("red = \"sacn/1/2\"", "blue = \"sacn/1/1\"");
    assert_eq!(warnings(&groups(&crossed)).len(), 1);
}

#[test]
fn counted_groups_that_overlap_are_reported_once_for_each_pair_of_entries() {
    let counted = |name: &str, address: u16| {
        format!(
            "[[group]]\nname = \"{name}-{{}}\"\ncount = 100\nuniverse = \"sacn/1\"\n\
             address = {address}\npersonality = \"rgb\"\n"
        )
    };
    let text = groups(&[counted("a", 1), counted("b", 2), counted("c", 200)].concat());
    assert_eq!(
        warnings(&text),
        [
            "group \"b-1\" shares slots with \"a-1\", from sacn/1/2 on, but is not patched alike",
            "group \"c-1\" shares slots with \"a-67\", from sacn/1/200 on, but is not patched alike",
        ]
    );
}

#[test]
fn the_place_is_right_in_any_script_and_behind_tabs_and_windows_line_ends() {
    let text = "name = \"Ünïcödé 東京\"\r\n# 東京\r\n\tend_look = \"schwarz\"\r\n";
    let found = Config::parse(text, "show.toml").unwrap_err();
    assert_eq!((found[0].line, found[0].column, found[0].width), (3, 13, 9));
    let shown = found[0].to_string();
    assert!(shown.contains("\n3 |  end_look = \"schwarz\"\n  |             ^^^^^^^^^"), "{shown}");

    let text = "name = \"東京\"; x = 1";
    let found = Config::parse(text, "show.toml").unwrap_err();
    assert_eq!((found[0].line, found[0].column), (1, 12));
}

#[test]
fn a_long_line_is_shown_around_the_mistake() {
    let text = format!("name = \"T\"\nend_look = {{ red = 0x{}1, blue = 256 }}", "0".repeat(9000));
    let found = Config::parse(&text, "show.toml").unwrap_err();
    let shown = found.last().unwrap().to_string();
    assert!(shown.lines().all(|line| line.chars().count() < 140), "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    let caret = lines[4].find("^^^").unwrap();
    assert_eq!(&lines[3][caret..caret + 3], "256");
}

#[test]
fn a_thousand_mistakes_are_listed_in_part_and_counted_in_full() {
    let text = format!("name = \"T\"\n{}", "[[group]]\n".repeat(1000));
    let found = errors(&text);
    assert_eq!(found.len(), 101);
    assert_eq!(found[100], "900 more errors");
}

#[test]
fn huge_and_deep_files_are_refused_in_bounded_time() {
    let huge = "#".repeat((16 << 20) + 1);
    assert_eq!(errors(&huge), ["the file has 16777217 bytes: at most 16777216"]);
    for text in [
        format!("name = {}", "[".repeat(100_000)),
        format!("name = {}", "{a=".repeat(100_000)),
        format!("{} = 1", "a.".repeat(100_000)),
        format!("[{}]", "a.".repeat(100_000)),
        "=\n".repeat(1 << 15),
        "=\n".repeat(1 << 20),
        (0..100_000).map(|n| format!("key_{n} = 1\n")).collect(),
    ] {
        assert!(!errors(&text).is_empty());
    }
}

#[test]
fn many_mistakes_in_a_large_show_are_found_in_bounded_time() {
    // Entries that each would make 65 536 groups, were they right.
    let greedy = "[[group]]\nname = \"g{}\"\ncount = 65536\nuniverse = \"sacn/0\"\naddress = 1\n\
                  personality = \"rgb\"\n";
    assert!(errors(&groups(&greedy.repeat(2000))).last().unwrap().ends_with("more errors"));
    // Names that no group has, among very many that there are.
    let right = greedy.replace("sacn/0", "sacn/1");
    let unknown = |n: u32| format!("{{ id = \"{n}\", group = \"no such group {n}\" }},");
    let bands: String = (0..5000).map(unknown).collect();
    let radio = format!("[[radio]]\nkind = \"gatt\"\nbands = [{bands}]\n");
    let found = errors(&groups(&(right + &radio)));
    assert!(found.contains(&"4901 more errors".to_owned()), "{:?}", found.last());
}

#[test]
fn as_many_groups_as_there_may_be_and_not_one_more() {
    let text = |last: &str| {
        groups(&format!(
            "[[group]]\nname = \"g{{}}\"\ncount = 65536\nuniverse = \"sacn/1\"\naddress = 1\n\
             personality = \"rgb\"\n{last}"
        ))
        .replace("kind = \"simulated\"", "kind = \"simulated\"\nbands_per_group = 1")
    };
    assert_eq!(parsed(&text("")).groups.len(), 65_536);
    let more = "[[group]]\nname = \"x\"\nslots = { red = \"sacn/1/1\" }";
    assert_eq!(errors(&text(more)), ["more than 65536 groups"]);
}

#[test]
fn as_many_universes_as_there_may_be_and_not_one_more() {
    // Seven universes for each group.
    let text = |universes: u32| {
        let seven = |first: u32| {
            let slots = ["red", "green", "blue", "white", "dimmer", "strobe", "fade"].into_iter();
            let slots = slots.zip(first..=universes);
            let slots = slots.map(|(name, universe)| format!("{name} = \"sacn/{universe}/1\""));
            let slots = slots.collect::<Vec<_>>().join(", ");
            format!("[[group]]\nname = \"g{first}\"\nslots = {{ {slots} }}\n")
        };
        groups(&(1..=universes).step_by(7).map(seven).collect::<String>())
    };
    assert_eq!(parsed(&text(4096)).groups.len(), 586);
    assert_eq!(errors(&text(4097)), ["the show patches 4097 universes"]);
    // Counted, before they are made.
    let counted = |count: u32, keys: &str| {
        let unused = ["\"unused\""; 49].join(", ");
        groups(&format!(
            "[[group]]\nname = \"g{{}}\"\ncount = {count}\nuniverse = \"sacn/1\"\naddress = 13\n\
             personality = [\"red\", {unused}]\n{keys}"
        ))
        .replace("kind = \"simulated\"", "kind = \"simulated\"\nbands_per_group = 1")
    };
    // 12 slots before the first, 50 for each, 512 in a universe.
    assert_eq!(parsed(&counted(10 * 4096, "")).groups.len(), 40_960);
    assert_eq!(errors(&counted(10 * 4096 + 1, "")), ["this patches 4097 universes"]);
    let spans = "spans_universes = true";
    assert_eq!(parsed(&counted(41_942, spans)).groups.len(), 41_942);
    assert_eq!(errors(&counted(41_943, spans)), ["this patches 4097 universes"]);
}

#[test]
fn groups_may_reach_the_last_universe_and_not_past_it() {
    let text = |count: u32, universe: &str, keys: &str| {
        groups(&format!(
            "[[group]]\nname = \"g{{}}\"\ncount = {count}\nuniverse = \"{universe}\"\n\
             address = 1\npersonality = \"rgb\"\n{keys}"
        ))
    };
    for (universe, last) in [("sacn/63998", "sacn/63999"), ("artnet/32766", "artnet/127/15/15")] {
        let past = format!("this runs past the last universe, {last}");
        assert_eq!(parsed(&text(340, universe, "")).groups.len(), 340);
        assert_eq!(errors(&text(341, universe, "")), [past.as_str()]);
        let spans = "spans_universes = true";
        assert_eq!(parsed(&text(341, universe, spans)).groups.len(), 341);
        assert_eq!(errors(&text(342, universe, spans)), [past.as_str()]);
    }
}

#[test]
fn the_patch_table_names_universes_as_the_file_and_as_consoles_do() {
    let config = parsed(&groups(
        "[[group]]\nname = \"a\"\nuniverse = \"artnet/35\"\naddress = 511\npersonality = \"drgb\"\n\
         spans_universes = true\ndelay_ms = 40\nloss = { after_ms = 2000, fade_ms = 10 }\n\
         [[group]]\nname = \"b\"\nslots = { white = \"sacn/9/7\", red = \"sacn/9/1\", \
         green = \"sacn/9/2\", blue = \"sacn/9/2\" }\nloss = { to = { red = 5 } }",
    ));
    let row = |row: &PatchRow| {
        let PatchRow { group, universe, universe_on_console, slots, personality, loss, delay_ms } =
            row;
        format!(
            "{group} | {universe} | {universe_on_console} | {slots} | {personality} | {loss} | \
             {delay_ms}"
        )
    };
    let rows: Vec<String> = patch_table(&config).iter().map(row).collect();
    assert_eq!(
        rows,
        [
            "a | artnet/0/2/3 | Art-Net 0:2:3 (port-address 35) | 511-512 | drgb | \
             black after 2000 ms in 10 ms | 40",
            "a | artnet/0/2/4 | Art-Net 0:2:4 (port-address 36) | 1-2 | drgb | \
             black after 2000 ms in 10 ms | 40",
            "b | sacn/9 | sACN 9 | 1-2, 7 | red green blue white | to 5/0/0/0 at 255 | 0",
        ]
    );
}

/// Files that lie beside a show.
struct Beside(&'static [(&'static str, &'static str)]);

impl Files for Beside {
    fn read(&self, name: &str) -> std::io::Result<String> {
        let file = self.0.iter().find(|(file, _)| *file == name);
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

const BANDS_SHOW: &str = "name = \"T\"\n[[group]]\nname = \"floor\"\nuniverse = \"sacn/1\"\n\
    address = 1\npersonality = \"rgb\"\n[[radio]]\nkind = \"gatt\"\nname = \"left\"\n";

const MY_BAND: &str = "about = \"mine\"\nnames = [\"MINE*\"]\ncharacteristic = \"fff3\"\n\
    min_interval_ms = 50\ncolour = \"r g b\"\n[[example]]\nlook = { red = 1 }\n\
    frame = \"01 00 00\"\nsources = [\"me\"]\n";

fn gatt(config: &Config) -> &GattConfig {
    match &config.radios[0].kind {
        RadioKind::Gatt(gatt) => gatt,
        RadioKind::Simulated(_) | RadioKind::Broadcast(_) => panic!("not gatt"),
    }
}

#[test]
fn a_profile_of_ones_own_lies_beside_the_show() {
    let text = format!(
        "{BANDS_SHOW}profile = \"mine.toml\"\n\
        bands = [{{ id = \"A\", group = \"floor\" }}, {{ id = \"B\", group = \"floor\", profile = \"govee\" }}]"
    );
    let files = Beside(&[("mine.toml", MY_BAND)]);
    let (config, warnings) = Config::parse_with(&text, "shows/show.toml", &files).unwrap();
    assert_eq!(warnings, []);
    let profiles: Vec<&str> = gatt(&config).bands.iter().map(|b| b.profile.name()).collect();
    assert_eq!(profiles, ["mine", "govee"]);

    let alone = Config::parse(&text, "shows/show.toml").unwrap_err();
    assert!(alone[0].message.contains("shows/mine.toml cannot be read"), "{}", alone[0]);
}

#[test]
fn a_mistake_in_a_profile_is_told_in_its_file() {
    let text = format!(
        "{BANDS_SHOW}profile = \"mine.toml\"\nbands = [{{ id = \"A\", group = \"floor\" }}]"
    );
    let files = Beside(&[(
        "mine.toml",
        "about = \"mine\"\ncharacteristic = \"fff3\"\n\
        min_interval_ms = 50\ncolour = \"r g bb\"\nfade = \"r\"\n",
    )]);
    let found = Config::parse_with(&text, "shows/show.toml", &files).unwrap_err();
    let places: Vec<_> = found.iter().map(|d| (d.file.as_str(), d.line, d.column)).collect();
    // `bb` is two hex digits.
    assert_eq!(places, [("shows/mine.toml", 5, 8)], "{found:?}");
}

#[test]
fn the_inventory_adds_its_assigned_bands_to_the_radio_it_names_or_the_first() {
    let files = Beside(&[(
        "show.bands.toml",
        "\
        [[band]]\nid = \"A\"\nname = \"wristcast-1\"\ngroup = \"floor\"\n\
        [[band]]\nid = \"B\"\n\
        [[band]]\nid = \"C\"\ngroup = \"floor\"\nradio = \"right\"\nprofile = \"triones\"\n",
    )]);
    let text = format!("{BANDS_SHOW}[[radio]]\nkind = \"gatt\"\nname = \"right\"\n");
    let (config, warnings) = Config::parse_with(&text, "show.toml", &files).unwrap();
    assert_eq!(warnings, []);
    let ids: Vec<&str> = gatt(&config).bands.iter().map(|band| band.id.as_str()).collect();
    assert_eq!(ids, ["A"], "B is known and not assigned");
    let RadioKind::Gatt(right) = &config.radios[1].kind else { panic!("not gatt") };
    assert_eq!((right.bands[0].id.as_str(), right.bands[0].profile.name()), ("C", "triones"));
}

#[test]
fn what_is_wrong_in_the_inventory_is_told_in_its_file() {
    let bands = "bands = [{ id = \"A\", group = \"floor\" }]";
    for (inventory, line, words, severity) in [
        ("[[band]]\nid = \"B\"\ngroup = \"flor\"", 3, "no group \"flor\"", Severity::Error),
        ("[[band]]\nid = \"B\"\n[[band]]\nid = \"B\"", 4, "already, in line 2", Severity::Error),
        ("[[band]]\ngroup = \"floor\"", 1, "a band needs `id`", Severity::Error),
        ("[[band]]\nid = \"B\"\ngruop = \"floor\"", 3, "no key `gruop`", Severity::Error),
        ("[[band]", 1, "not TOML", Severity::Error),
        (
            "[[band]]\nid = \"B\"\ngroup = \"floor\"\nprofile = \"elk\"",
            4,
            "no band profile \"elk\"",
            Severity::Error,
        ),
        (
            "[[band]]\nid = \"A\"\ngroup = \"floor\"",
            2,
            "listed in the show as well",
            Severity::Warning,
        ),
        (
            "[[band]]\nid = \"B\"\ngroup = \"floor\"\nradio = \"up\"",
            4,
            "no gatt radio \"up\"",
            Severity::Warning,
        ),
    ] {
        let text = format!("{BANDS_SHOW}{bands}");
        let files: &'static [_] = Box::leak(Box::new([("show.bands.toml", inventory)]));
        let found = match Config::parse_with(&text, "a/show.toml", &Beside(files)) {
            Ok((_, warnings)) => warnings,
            Err(errors) => errors,
        };
        let [found] = &found[..] else { panic!("{inventory}: {found:?}") };
        assert_eq!((found.file.as_str(), found.line), ("a/show.bands.toml", line), "{found}");
        assert!(found.message.contains(words), "{inventory}: {found}");
        assert_eq!(found.severity, severity, "{inventory}");
    }
}

#[test]
fn several_adapters_share_the_bands_of_a_radio() {
    let adapters = |value: &str| {
        let text =
            format!("{BANDS_SHOW}adapter = {value}\nbands = [{{ id = \"A\", group = \"floor\" }}]");
        Config::parse(&text, "show.toml").map(|(config, _)| gatt(&config).adapters.clone())
    };
    assert_eq!(adapters("\"hci1\"").unwrap(), ["hci1"]);
    assert_eq!(adapters("[\"hci0\", \"hci1\"]").unwrap(), ["hci0", "hci1"]);
    assert!(adapters("[]").is_err());
    assert!(adapters("[\"hci0\", \"hci0\"]").unwrap_err()[0].message.contains("twice"));
}
