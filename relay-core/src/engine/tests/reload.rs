//! A show that changes while it runs: what stays goes on as if nothing had happened.

use super::*;

/// A show of `rgb` groups, each a name, a universe and more keys.
fn groups(groups: &[(&str, &str, &str)]) -> Config {
    let mut show = String::from("name = \"test\"\nstart_look = { blue = 9 }\n");
    for (name, universe, keys) in groups {
        show += &format!(
            "[[group]]\nname = \"{name}\"\nuniverse = \"{universe}\"\naddress = 1\n\
             personality = \"rgb\"\n{keys}\n"
        );
    }
    show += "[[radio]]\nkind = \"simulated\"\n";
    Config::parse(&show, "test.toml").unwrap().0
}

impl Stage {
    fn reload(&mut self, config: &Config) {
        self.engine.groups_mut().clear_changed();
        let next = CompiledShow::compile(config);
        assert!(self.engine.replace_plan(self.time(), next).is_ok());
    }

    /// Groups whose look changed since the reload, with that look's red.
    fn changed(&self) -> Vec<(usize, u8)> {
        self.engine.groups().changed().map(|(group, look)| (group, look.red)).collect()
    }
}

const DELAYED: &str = "delay_ms = 100";
const FADING: &str = "loss = { after_ms = 1000, fade_ms = 10_000 }";

#[test]
fn a_reload_of_the_same_show_moves_no_group() {
    let config = groups(&[
        ("plain", "sacn/1", ""),
        ("delayed", "sacn/1", DELAYED),
        ("fading", "sacn/2", FADING),
        ("waiting", "sacn/3", ""),
    ]);
    // One and the same night; the second universe is lost, and fades.
    let night = |reloads: bool| {
        let mut stage = Stage::with(&config);
        let mut seen = Vec::new();
        for now in (0..16_000).step_by(50) {
            stage.at(now);
            let _ = stage.sacn(1, 1, &[(now / 200) as u8]);
            if now < 1000 {
                let _ = stage.sacn(1, 2, &[200]);
            }
            if reloads {
                let before = stage.engine.groups().clone();
                stage.reload(&config);
                assert_eq!(stage.changed(), [], "at {now}");
                assert!((0..4).all(|g| before.get(g) == stage.engine.groups().get(g)));
            }
            seen.push([0, 1, 2, 3].map(|group| stage.engine.groups().get(group)));
        }
        let mut told = stage.labels();
        told.sort_unstable();
        (seen, told)
    };
    let ((seen, told), (usual, usually)) = (night(true), night(false));
    assert_eq!(told, usually);
    assert!(seen == usual, "the same looks at the same times");
}

#[test]
fn a_group_that_is_patched_anew_goes_from_its_old_look_to_its_new_one_and_no_other_moves() {
    let mut stage = Stage::with(&groups(&[("a", "sacn/1", ""), ("b", "sacn/2", "")]));
    let _ = stage.sacn(1, 1, &[10]);
    let _ = stage.sacn(1, 2, &[20]);
    stage.reload(&groups(&[("a", "sacn/1", ""), ("b", "sacn/1", "")]));
    assert_eq!(stage.changed(), [(1, 10)]);
}

#[test]
fn a_group_that_is_patched_to_a_universe_without_a_source_holds_its_look_and_is_lost() {
    let black = "loss = { after_ms = 2000 }";
    let mut stage = Stage::with(&groups(&[("a", "sacn/1", black)]));
    let _ = stage.sacn(1, 1, &[10]);
    stage.reload(&groups(&[("a", "sacn/7", black)]));
    assert_eq!((stage.red(0), stage.changed()), (10, vec![]));
    assert_eq!(stage.engine.group_signal(0), Some(SignalState::Lost));
    stage.at(1999);
    assert_eq!(stage.red(0), 10);
    stage.at(2000);
    assert_eq!(stage.red(0), 0, "its policy for loss of signal goes on");
    let _ = stage.sacn(1, 7, &[70]);
    assert_eq!(stage.red(0), 70);
}

#[test]
fn a_group_that_is_black_for_want_of_a_signal_stays_black() {
    let mut stage = Stage::with(&groups(&[("a", "sacn/1", "loss = \"black\"")]));
    let _ = stage.sacn(1, 1, &[10]);
    stage.at(5000);
    for loss in ["loss = \"black\"", "loss = \"hold\"", FADING] {
        stage.reload(&groups(&[("a", "sacn/1", loss)]));
        stage.at(stage.now + 20_000);
        assert_eq!(stage.red(0), 0, "{loss}");
    }
    let _ = stage.sacn(1, 1, &[11]);
    assert_eq!(stage.red(0), 11);
}

#[test]
fn another_policy_for_loss_of_signal_counts_from_the_loss() {
    let mut stage = Stage::with(&groups(&[("a", "sacn/1", "loss = \"hold\"")]));
    let _ = stage.sacn(1, 1, &[10]);
    stage.at(5000);
    assert_eq!(stage.red(0), 10);
    // Lost at 2500.
    stage.reload(&groups(&[("a", "sacn/1", "loss = { after_ms = 4000 }")]));
    stage.at(6499);
    assert_eq!(stage.red(0), 10);
    stage.at(6500);
    assert_eq!(stage.red(0), 0);
}

#[test]
fn with_another_delay_the_newest_look_arrives_after_it() {
    for (before, after, due) in [(0, 200, 200), (200, 0, 0), (200, 50, 50)] {
        let show = |delay: u32| groups(&[("a", "sacn/1", &format!("delay_ms = {delay}"))]);
        let mut stage = Stage::with(&show(before));
        let _ = stage.sacn(1, 1, &[10]);
        stage.at(1000);
        let _ = stage.sacn(1, 1, &[20]);
        let shown = stage.red(0);
        stage.reload(&show(after));
        if before > 0 && due > 0 {
            assert_eq!(stage.red(0), shown);
            stage.at(1000 + due - 1);
            assert_eq!(stage.red(0), shown);
        }
        stage.at(1000 + due);
        assert_eq!(stage.red(0), 20, "{before} ms, then {after} ms");
    }
}

#[test]
fn groups_are_the_same_if_their_names_are_wherever_they_stand() {
    let a = ("a", "sacn/1", DELAYED);
    let b = ("b", "sacn/2", "loss = \"black\"");
    let mut stage = Stage::with(&groups(&[a, b]));
    let _ = stage.sacn(1, 1, &[10]);
    let _ = stage.sacn(1, 2, &[20]);
    stage.at(1000);
    let _ = stage.sacn(1, 1, &[11]);
    stage.reload(&groups(&[b, ("new", "sacn/1", ""), a]));
    assert_eq!([0, 1, 2].map(|group| stage.red(group)), [20, 11, 10]);
    stage.at(1100);
    assert_eq!(stage.red(2), 11, "what was on its way arrives on time");
    stage.reload(&groups(&[a]));
    assert_eq!(stage.red(0), 11);
}

#[test]
fn consoles_find_the_node_by_the_name_that_the_show_was_given_last() {
    let show = |name: &str, delay: &str| {
        let mut config = groups(&[("a", "artnet/0", delay)]);
        config.network.artnet_node.long_name = name.to_owned();
        config.network.artnet_node.remote_programming = true;
        config
    };
    let mut stage = Stage::with(&show("Friday", ""));
    let mut bytes = [0; 1500];
    let mut found = |stage: &mut Stage| {
        let len = artnet::encode_poll(&mut bytes, &artnet::Poll::default()).unwrap();
        let _ = stage.take(9, &bytes[..len]);
        stage.now += 2000;
        let sent = stage.engine.poll_transmit(stage.time(), &mut bytes).unwrap();
        let Ok(Packet::ArtPollReply(reply)) = parse(&bytes[..sent.len]) else { panic!() };
        reply.long_name().to_string()
    };
    assert_eq!(found(&mut stage), "Friday");
    stage.reload(&show("Saturday", ""));
    assert_eq!(found(&mut stage), "Saturday");
    let names = artnet::AddressFields { bind_index: 1, long_name: "Bands", ..Default::default() };
    let mut out = [0; 1500];
    let len = artnet::encode_address(&mut out, &names).unwrap();
    let _ = stage.take(9, &out[..len]);
    stage.reload(&show("Saturday", DELAYED));
    assert_eq!(found(&mut stage), "Bands", "what a console called it stays");
    stage.reload(&show("Sunday", DELAYED));
    assert_eq!(found(&mut stage), "Sunday");
}
