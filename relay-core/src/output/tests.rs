use proptest::prelude::*;

use super::*;

/// A show's output with its table, driven by the test's clock.
struct Stage {
    plan: Plan,
    output: Output,
    table: GroupTable,
    now: Time,
}

const LEVELS_OFF: [u8; SLOTS] = [0; SLOTS];

impl Stage {
    fn new(groups: &str) -> Self {
        let (config, _) = Config::parse(&format!("name = \"Test\"\n{groups}"), "test").unwrap();
        let plan = Plan::compile(&config);
        let output = Output::new(&config, &plan);
        let table = GroupTable::new(config.groups.len());
        Self { plan, output, table, now: Time::ZERO }
    }

    /// One rgb group on `sacn/1` from slot 1 on.
    fn rgb(keys: &str) -> Self {
        Self::new(&format!(
            "[[group]]\nname = \"a\"\nuniverse = \"sacn/1\"\naddress = 1\n\
             personality = \"rgb\"\n{keys}"
        ))
    }

    /// One drgbsf group on `sacn/1` from slot 1 on.
    fn strobing(keys: &str) -> Self {
        Self::new(&format!(
            "[[group]]\nname = \"a\"\nuniverse = \"sacn/1\"\naddress = 1\n\
             personality = \"drgbsf\"\n{keys}"
        ))
    }

    /// Levels of a universe, zero after those given.
    fn packet(&mut self, universe: usize, start: &[u8]) -> bool {
        let mut levels = LEVELS_OFF;
        levels[..start.len()].copy_from_slice(start);
        self.output.apply(self.now, universe, &levels, &mut self.plan, &mut self.table)
    }

    fn lose(&mut self, universe: usize) -> bool {
        self.output.universe_lost(self.now, universe, &mut self.plan, &mut self.table)
    }

    /// Lets time pass, timeout by timeout; gives what group 0 showed and when, in ms.
    fn pass(&mut self, millis: u64) -> Vec<(u64, Look)> {
        let end = self.now + Duration::from_millis(millis);
        let mut shown = Vec::new();
        while let Some(due) = self.output.poll_timeout().filter(|&due| due <= end) {
            assert!(due >= self.now, "a deadline in the past");
            self.now = due;
            if self.output.handle_timeout(due, &mut self.table) {
                shown.push((due.as_nanos() / 1_000_000, self.look()));
            }
            let next = self.output.poll_timeout();
            assert!(next.is_none_or(|next| next > due), "a timeout that does not pass");
        }
        self.now = end;
        shown
    }

    fn look(&self) -> Look {
        self.table.get(0)
    }

    fn signals(&mut self) -> Vec<(usize, SignalChange)> {
        std::iter::from_fn(|| self.output.poll_signal()).collect()
    }
}

fn rgb(red: u8, green: u8, blue: u8) -> Look {
    Look { red, green, blue, dimmer: 255, ..Look::DARK }
}

#[test]
fn a_group_waits_in_the_dark_and_lights_with_the_first_packet() {
    let mut stage = Stage::rgb("");
    assert_eq!(stage.look(), Look::DARK);
    assert_eq!(stage.output.group_signal(0), Some(SignalState::Waiting));
    assert!(stage.packet(0, &[1, 2, 3]));
    assert_eq!(stage.look(), rgb(1, 2, 3));
    assert_eq!(stage.signals(), [(0, SignalChange::First)]);
    assert!(!stage.packet(0, &[1, 2, 3]), "nothing new");
    assert_eq!(stage.output.poll_timeout(), None);
}

#[test]
fn a_universe_that_never_lived_cannot_be_lost() {
    let mut stage = Stage::rgb("loss = \"black\"");
    assert!(!stage.lose(0));
    assert!(!stage.lose(99));
    assert_eq!(stage.output.group_signal(0), Some(SignalState::Waiting));
    assert_eq!(stage.signals(), []);
}

#[test]
fn a_lost_group_holds_its_look_and_opens_the_strobe() {
    let mut stage = Stage::strobing("loss = \"hold\"");
    stage.packet(0, &[200, 1, 2, 3, 255, 9]);
    let look =
        Look { red: 1, green: 2, blue: 3, white: 0, dimmer: 200, strobe_dhz: 250, fade_cs: 9 };
    assert_eq!(stage.look(), look);
    assert!(stage.lose(0));
    assert_eq!(stage.look(), Look { strobe_dhz: 0, ..look });
    assert_eq!(stage.signals(), [(0, SignalChange::Lost)]);
    stage.packet(0, &[200, 1, 2, 3, 255, 9]);
    assert_eq!(stage.signals(), [(0, SignalChange::Back)]);
    assert!(stage.lose(0));
    assert_eq!(stage.pass(10_000_000), []);
}

#[test]
fn black_at_once_is_black_at_once() {
    let mut stage = Stage::rgb("loss = \"black\"");
    stage.packet(0, &[9, 9, 9]);
    assert!(stage.lose(0));
    assert_eq!(stage.look(), Look::DARK);
    assert_eq!(stage.output.poll_timeout(), None);
}

#[test]
fn after_holding_a_short_fade_is_left_to_the_bands() {
    let to = "{ to = { red = 255, dimmer = 40 }, after_ms = 2000, fade_ms = 2550 }";
    let mut stage = Stage::rgb(&format!("loss = {to}"));
    stage.packet(0, &[0, 0, 9]);
    stage.now = Time::from_millis(100);
    assert!(!stage.lose(0), "it holds");
    let red = Look { red: 255, dimmer: 40, fade_cs: 255, ..Look::DARK };
    assert_eq!(stage.pass(60_000), [(2100, red)]);
}

#[test]
fn a_long_fade_goes_in_even_steps_and_ends_on_time() {
    let mut stage = Stage::rgb("loss = { after_ms = 1000, fade_ms = 10_000 }");
    stage.packet(0, &[200, 100, 0]);
    stage.lose(0);
    let shown = stage.pass(60_000);
    assert_eq!(shown.len(), 100);
    for (step, &(at, look)) in shown.iter().enumerate() {
        assert_eq!(at, 1000 + step as u64 * 100);
        assert_eq!(look.fade_cs, 10);
        let [red, green, blue, white] = look.output();
        // Where a fade that began at 1000 is when this step has been faded to.
        let wanted = 200.0 * (1.0 - (step + 1) as f64 / 100.0);
        assert!((f64::from(red) - wanted).abs() <= 0.5, "{step}: {red} {wanted}");
        assert!((f64::from(green) - wanted / 2.0).abs() <= 0.5, "{step}");
        assert_eq!((blue, white), (0, 0));
    }
    assert_eq!(shown[99].1, Look { fade_cs: 10, ..Look::DARK });
}

#[test]
fn a_late_timeout_still_ends_the_fade_on_time() {
    let mut stage = Stage::rgb("loss = { fade_ms = 5000 }");
    stage.packet(0, &[200, 100, 0]);
    stage.lose(0);
    stage.now = Time::from_millis(3000);
    assert!(stage.output.handle_timeout(stage.now, &mut stage.table));
    assert_eq!(stage.look().output()[0], 76);
    stage.now = Time::from_millis(9000);
    assert!(stage.output.handle_timeout(stage.now, &mut stage.table));
    assert_eq!(stage.look(), Look::DARK);
    assert_eq!(stage.output.poll_timeout(), None);
}

#[test]
fn the_signal_returns_without_a_flash_of_what_was_before() {
    for loss in ["\"black\"", "{ after_ms = 100, fade_ms = 9000 }", "{ after_ms = 500 }"] {
        for delay in [0, 80] {
            let mut stage = Stage::rgb(&format!("loss = {loss}\ndelay_ms = {delay}"));
            stage.packet(0, &[255, 255, 255]);
            stage.pass(200);
            stage.lose(0);
            stage.pass(300);
            stage.packet(0, &[0, 0, 7]);
            let before = stage.look();
            let shown = stage.pass(10_000);
            let new = shown.iter().filter(|(_, look)| look.output() != before.output());
            let new: Vec<Look> = new.map(|&(_, look)| look).collect();
            match delay {
                0 => assert_eq!((before, new), (rgb(0, 0, 7), vec![])),
                // What is left of the loss in the delay line, and then the new look.
                _ => assert!(!new[..].contains(&rgb(255, 255, 255)), "{loss} {new:?}"),
            }
            assert_eq!(stage.look(), rgb(0, 0, 7));
            assert_eq!(stage.output.poll_timeout(), None, "the loss policy is over");
        }
    }
}

#[test]
fn the_same_levels_as_before_the_loss_bring_the_light_back() {
    let mut stage = Stage::strobing("loss = \"black\"");
    stage.packet(0, &[255, 9, 0, 0, 255]);
    let before = stage.look();
    stage.lose(0);
    assert!(stage.packet(0, &[255, 9, 0, 0, 255]));
    assert_eq!(stage.look(), before);
    assert_eq!(stage.signals(), [(0, SignalChange::First)], "one report of the newest state");
}

#[test]
fn a_group_over_two_universes_is_lost_with_the_last_of_them() {
    let mut stage = Stage::new(
        "[[group]]\nname = \"a\"\nloss = \"black\"\n\
         slots = { red = \"sacn/1/1\", green = \"sacn/2/1\" }",
    );
    stage.packet(0, &[10]);
    stage.packet(1, &[20]);
    assert!(!stage.lose(0));
    assert_eq!(stage.look(), rgb(10, 20, 0));
    stage.packet(1, &[30]);
    assert_eq!(stage.look(), rgb(10, 30, 0), "the part that lives goes on");
    assert!(stage.lose(1));
    assert_eq!(stage.look(), Look::DARK);
    stage.packet(0, &[11]);
    assert_eq!(stage.look(), rgb(11, 30, 0));
    stage.packet(1, &[30]);
    assert_eq!(stage.output.group_signal(0), Some(SignalState::Live));
    assert!(!stage.lose(0));
    assert!(!stage.lose(0), "once is enough");
    assert!(stage.lose(1));
}

#[test]
fn a_strobe_from_a_lost_universe_is_opened_while_the_colours_of_another_go_on() {
    let mut stage = Stage::new(
        "[[group]]\nname = \"a\"\nloss = \"black\"\n\
         slots = { red = \"sacn/1/1\", strobe = \"sacn/2/1\" }",
    );
    stage.packet(0, &[10]);
    stage.packet(1, &[255]);
    assert_eq!(stage.look(), Look { strobe_dhz: 250, ..rgb(10, 0, 0) });
    assert!(stage.lose(1));
    assert_eq!(stage.look(), rgb(10, 0, 0));
    stage.packet(0, &[11]);
    assert_eq!(stage.look(), rgb(11, 0, 0));
    assert_eq!(stage.output.group_signal(0), Some(SignalState::Live));
    stage.packet(1, &[255]);
    assert_eq!(stage.look(), Look { strobe_dhz: 250, ..rgb(11, 0, 0) }, "the same level as before");
}

#[test]
fn only_the_groups_of_the_lost_universe_are_lost() {
    let mut stage = Stage::new(
        "[[group]]\nname = \"g{}\"\ncount = 3\nuniverse = \"sacn/1\"\naddress = 505\n\
         personality = \"drgb\"\nloss = \"black\"",
    );
    stage.packet(0, &[255; SLOTS]);
    stage.packet(1, &[255; SLOTS]);
    assert!(stage.lose(1));
    let lit: Vec<bool> = (0..3).map(|group| stage.table.get(group).is_lit()).collect();
    assert_eq!(lit, [true, true, false]);
}

#[test]
fn a_delayed_look_arrives_after_exactly_its_delay() {
    let mut stage = Stage::rgb("delay_ms = 120");
    stage.now = Time::from_millis(10);
    assert!(!stage.packet(0, &[1, 0, 0]));
    assert_eq!(stage.pass(40), []);
    stage.packet(0, &[2, 0, 0]);
    assert_eq!(stage.pass(500), [(130, rgb(1, 0, 0)), (170, rgb(2, 0, 0))]);
    assert_eq!(stage.output.poll_timeout(), None);
}

#[test]
fn a_flood_through_a_delay_stays_bounded_and_thins_out_evenly() {
    let mut stage = Stage::rgb("delay_ms = 500");
    let capacity = stage.output.groups[0].line.capacity();
    let mut shown = Vec::new();
    for n in 0..=2000u32 {
        stage.packet(0, &[(n % 256) as u8, (n / 256) as u8, 1]);
        shown.append(&mut stage.pass(1));
    }
    shown.append(&mut stage.pass(1000));
    assert_eq!(stage.output.groups[0].line.capacity(), capacity, "taken at the start");
    assert_eq!(shown.last(), Some(&(2500, rgb(208, 7, 1))), "the last look, on time");
    for &(at, look) in &shown {
        let sent = u64::from(look.red) + u64::from(look.green) * 256;
        assert_eq!(at, sent + 500, "every look that arrives does so on time");
    }
    let longest = shown.windows(2).map(|pair| pair[1].0 - pair[0].0).max();
    assert!(longest <= Some(40), "{longest:?} ms without a new look");
    let first = shown.first().map(|&(at, _)| at);
    assert!(first <= Some(540), "{first:?} ms until the first look");
}

#[test]
fn at_console_rates_a_delay_loses_no_look() {
    let mut stage = Stage::rgb("delay_ms = 500");
    let mut shown = Vec::new();
    for n in 0..100 {
        stage.packet(0, &[n, 0, 0]);
        shown.append(&mut stage.pass(1000 / 44));
    }
    shown.append(&mut stage.pass(1000));
    let reds: Vec<u8> = shown.iter().map(|(_, look)| look.red).collect();
    assert_eq!(reds, (0..100).collect::<Vec<u8>>());
}

#[test]
fn the_loss_policy_passes_through_the_delay() {
    let mut stage = Stage::rgb("delay_ms = 100\nloss = { after_ms = 50 }");
    stage.packet(0, &[9, 0, 0]);
    stage.pass(1000);
    stage.lose(0);
    assert_eq!(stage.pass(1000), [(1150, Look::DARK)]);
}

#[test]
fn the_end_look_passes_delays_and_loss_policies_by() {
    let keys = "delay_ms = 400\nloss = { after_ms = 50 }";
    let orange = Look { red: 255, green: 80, dimmer: 60, ..Look::DARK };
    let newest =
        Look { red: 1, green: 2, blue: 3, white: 0, dimmer: 255, strobe_dhz: 0, fade_cs: 0 };
    for (end, left) in [(EndLook::Hold, newest), (EndLook::Look(orange), orange)] {
        let mut stage = Stage::strobing(keys);
        stage.packet(0, &[255, 1, 2, 3, 100]);
        assert!(stage.output.end(stage.now, end, &mut stage.table));
        assert_eq!(stage.look(), left);
        assert_eq!(stage.pass(5000), []);
        assert!(!stage.packet(0, &[9]), "what was in the delay line is gone");
    }
}

proptest! {
    /// Packets and losses at any times: the table is always that of a model that keeps every
    /// look in a list, unbounded.
    #[test]
    fn delayed_groups_show_what_undelayed_ones_showed_before(
        steps in proptest::collection::vec((20u64..400, any::<bool>(), any::<u8>()), 1..60),
        delay in 1u64..500,
        fade in prop::sample::select(vec![0u64, 700, 4000]),
    ) {
        let keys = |delay: u64| format!(
            "delay_ms = {delay}\nloss = {{ after_ms = 150, fade_ms = {fade} }}");
        let (mut now, mut later) = (Stage::rgb(&keys(0)), Stage::rgb(&keys(delay)));
        let mut expected = Vec::new();
        let mut shown = Vec::new();
        for (wait, lost, level) in steps {
            let changed = if lost {
                later.lose(0);
                now.lose(0)
            } else {
                later.packet(0, &[level, 1, 0]);
                now.packet(0, &[level, 1, 0])
            };
            if changed {
                expected.push((now.now.as_nanos() / 1_000_000, now.look()));
            }
            expected.append(&mut now.pass(wait));
            shown.append(&mut later.pass(wait));
        }
        expected.append(&mut now.pass(10_000));
        shown.append(&mut later.pass(10_000));
        let mut expected: Vec<(u64, Look)> =
            expected.into_iter().map(|(at, look)| (at + delay, look)).collect();
        // Of several looks in one moment only the last one is seen.
        expected.reverse();
        expected.dedup_by_key(|(at, _)| *at);
        expected.reverse();
        // Nor is a look that came and went within it.
        expected.dedup_by_key(|(_, look)| *look);
        prop_assert_eq!(shown, expected);
    }
}
