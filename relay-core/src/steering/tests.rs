use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::StrobeMode;

/// Three groups, a table, and the test's clock.
struct Stage {
    steering: Steering,
    table: GroupTable,
    now: Time,
}

const GROUPS: usize = 3;

/// The strobe guard has tests of its own.
const OFF: Safety = Safety {
    strobe: StrobeMode::Off,
    flashes_per_second: 3,
    red_flashes_per_second: 2,
    flashing_share: 0.0,
};

/// One that only watches, and has nothing to say.
const WATCHING: Safety = Safety { strobe: StrobeMode::Warn, flashing_share: 1.0, ..OFF };

impl Stage {
    fn new() -> Self {
        Self::with(OFF)
    }

    fn with(safety: Safety) -> Self {
        let steering = Steering::new(GROUPS, Look::DARK, safety);
        Self { steering, table: GroupTable::new(GROUPS), now: Time::ZERO }
    }

    fn console(&mut self, group: usize, look: Look) -> bool {
        self.steering.show(self.now, group, look, &mut self.table)
    }

    fn order(&mut self, order: Order) -> bool {
        self.steering.obey(self.now, &order, &mut self.table)
    }

    fn overrides(&mut self, groups: &[u32], pattern: Pattern, millis: u64) -> bool {
        let groups = Selection::These(groups.into());
        self.order(Order::Override { groups, pattern, time: Duration::from_millis(millis) })
    }

    /// Lets time pass, timeout by timeout.
    fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(due) = self.steering.poll_timeout().filter(|&due| due <= end) {
            assert!(due >= self.now, "a deadline in the past");
            self.now = due;
            self.steering.handle_timeout(due, &mut self.table);
            let next = self.steering.poll_timeout();
            assert!(next.is_none_or(|next| next > due), "a timeout that does not pass");
        }
        self.now = end;
    }

    fn shown(&self, group: usize) -> Look {
        self.table.get(group)
    }
}

fn rgb(red: u8, green: u8, blue: u8) -> Look {
    Look { red, green, blue, dimmer: 255, ..Look::DARK }
}

const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };
const BLUE: Look = Look { blue: 255, dimmer: 255, ..Look::DARK };
const ALL: Selection = Selection::All;

#[test]
fn without_a_hand_the_console_is_shown_as_it_is() {
    let mut stage = Stage::new();
    let look = Look { strobe_dhz: 30, fade_cs: 200, ..rgb(1, 2, 3) };
    assert!(stage.console(1, look));
    assert_eq!(stage.shown(1), look);
    assert!(!stage.console(1, look), "nothing new");
    assert_eq!(stage.steering.poll_timeout(), None);
}

#[test]
fn masters_scale_the_dimmer_and_full_masters_change_nothing() {
    let mut stage = Stage::new();
    stage.console(0, Look { dimmer: 200, ..RED });
    stage.console(1, RED);
    assert!(stage.order(Order::Master { groups: Selection::These([0].into()), level: 128 }));
    assert_eq!((stage.shown(0).dimmer, stage.shown(1).dimmer), (100, 255));
    assert!(stage.order(Order::GrandMaster(51)));
    assert_eq!((stage.shown(0).dimmer, stage.shown(1).dimmer), (20, 51));
    stage.console(1, BLUE);
    assert_eq!(stage.shown(1), Look { dimmer: 51, ..BLUE }, "the next look is scaled, too");
    stage.order(Order::GrandMaster(FULL));
    stage.order(Order::Master { groups: ALL, level: FULL });
    assert_eq!((stage.shown(0), stage.shown(1)), (Look { dimmer: 200, ..RED }, BLUE));
}

#[test]
fn a_look_does_not_go_out_before_its_master_does() {
    let mut stage = Stage::new();
    stage.console(0, Look { dimmer: 3, ..RED });
    stage.order(Order::GrandMaster(1));
    assert_eq!(stage.shown(0).dimmer, 1);
    stage.order(Order::GrandMaster(0));
    assert_eq!(stage.shown(0).dimmer, 0);
}

#[test]
fn an_override_ends_by_itself_and_shows_what_the_console_sends_by_then() {
    let mut stage = Stage::new();
    stage.console(0, RED);
    assert!(stage.overrides(&[0], Pattern::Look(BLUE), 2000));
    assert_eq!((stage.shown(0), stage.steering.overridden()), (BLUE, 1));
    stage.pass(1000);
    assert!(!stage.console(0, rgb(9, 9, 9)), "the hand is on it");
    stage.pass(999);
    assert_eq!(stage.shown(0), BLUE);
    assert!(!stage.steering.poll_overrides_over());
    stage.pass(1);
    assert_eq!((stage.shown(0), stage.steering.overridden()), (rgb(9, 9, 9), 0));
    assert!(stage.steering.poll_overrides_over(), "told once");
    assert!(!stage.steering.poll_overrides_over());
    assert_eq!(stage.steering.poll_timeout(), None);
}

#[test]
fn the_newest_override_wins_and_lasts_its_own_time() {
    let mut stage = Stage::new();
    stage.overrides(&[0], Pattern::Look(RED), 60_000);
    stage.pass(100);
    stage.overrides(&[0], Pattern::Look(BLUE), 500);
    assert_eq!((stage.shown(0), stage.steering.overridden()), (BLUE, 1));
    stage.pass(500);
    assert_eq!(stage.shown(0), Look::DARK, "the one before does not come back");
}

#[test]
fn a_released_override_is_not_told_as_one_that_ran_out() {
    let mut stage = Stage::new();
    stage.console(2, RED);
    stage.overrides(&[2], Pattern::Look(BLUE), 5000);
    assert!(stage.order(Order::Release { groups: ALL }));
    assert_eq!(stage.shown(2), RED);
    stage.pass(10_000);
    assert!(!stage.steering.poll_overrides_over());
}

#[test]
fn nobody_asks_for_an_override_of_more_than_an_hour() {
    let mut stage = Stage::new();
    stage.overrides(&[0], Pattern::Look(RED), u64::MAX / 2_000_000);
    assert_eq!(stage.steering.poll_timeout(), Some(Time::ZERO + OVERRIDE_MAX));
}

#[test]
fn groups_that_are_not_there_are_passed_over() {
    let mut stage = Stage::new();
    assert!(!stage.overrides(&[7, u32::MAX], Pattern::Look(RED), 1000));
    assert_eq!((stage.steering.overridden(), stage.steering.poll_timeout()), (0, None));
    assert!(!stage.console(7, RED));
    assert_eq!(stage.steering.group(7), None);
}

#[test]
fn identify_blinks_slower_than_three_times_a_second() {
    let mut stage = Stage::new();
    stage.console(0, RED);
    stage.overrides(&[0], Pattern::Identify, 3000);
    let mut lit = Vec::new();
    for _ in 0..6 {
        lit.push(stage.shown(0).is_lit());
        stage.pass(500);
    }
    assert_eq!(lit, [true, false, true, false, true, false]);
    assert_eq!(stage.shown(0), RED, "over");
}

#[test]
fn colours_go_through_every_channel() {
    let mut stage = Stage::new();
    stage.overrides(&[0], Pattern::Colours, 60_000);
    for expected in [[255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255], [255, 0, 0, 0]]
    {
        assert_eq!(stage.shown(0).output(), expected);
        stage.pass(1000);
    }
}

#[test]
fn a_chase_lights_one_group_at_a_time_in_the_order_asked_for() {
    let mut stage = Stage::new();
    stage.overrides(&[2, 0, 1], Pattern::Chase, 60_000);
    for expected in [2, 0, 1, 2, 0] {
        let lit: Vec<usize> = (0..GROUPS).filter(|&group| stage.shown(group).is_lit()).collect();
        assert_eq!(lit, [expected]);
        stage.pass(250);
    }
}

#[test]
fn freeze_holds_the_console_opens_strobes_and_leaves_hands_free() {
    let mut stage = Stage::new();
    stage.console(0, Look { strobe_dhz: 50, ..RED });
    stage.order(Order::Freeze(true));
    assert_eq!(stage.shown(0), RED);
    assert!(!stage.console(0, BLUE));
    assert!(!stage.order(Order::Freeze(true)), "a second press holds the same look");
    stage.overrides(&[0], Pattern::Look(rgb(1, 1, 1)), 1000);
    assert_eq!(stage.shown(0), rgb(1, 1, 1));
    stage.pass(1000);
    assert_eq!(stage.shown(0), RED, "back to what was held");
    stage.order(Order::GrandMaster(51));
    assert_eq!(stage.shown(0), Look { dimmer: 51, ..RED });
    stage.order(Order::GrandMaster(FULL));
    assert!(stage.order(Order::Freeze(false)));
    assert_eq!(stage.shown(0), BLUE, "what the console sends now");
}

#[test]
fn panic_is_latched_and_release_shows_what_the_console_sends_now() {
    let mut stage = Stage::new();
    stage.console(0, RED);
    stage.overrides(&[1], Pattern::Look(BLUE), 60_000);
    assert!(stage.order(Order::Panic(true)));
    assert!((0..GROUPS).all(|group| stage.shown(group) == Look::DARK));
    stage.console(0, rgb(5, 5, 5));
    stage.pass(600_000);
    assert!((0..GROUPS).all(|group| stage.shown(group) == Look::DARK), "it stays");
    assert!(stage.order(Order::Panic(false)));
    assert_eq!((stage.shown(0), stage.shown(1)), (rgb(5, 5, 5), Look::DARK));
}

#[test]
fn panic_darkens_what_the_strobe_guard_holds_and_the_guard_brings_no_light_back() {
    let white = rgb(255, 255, 255);
    // The last that the console wanted is the dark, or the light.
    for changes in [20, 21] {
        let mut stage = Stage::with(Safety { strobe: StrobeMode::Limit, ..OFF });
        for change in 0..changes {
            stage.console(0, if change % 2 == 0 { white } else { Look::DARK });
            stage.pass(50);
        }
        assert!(stage.steering.strobe().is_episode());
        assert_eq!(stage.shown(0), white, "on the bright side of the flashes");
        stage.order(Order::Panic(true));
        for _ in 0..200 {
            assert_eq!(stage.shown(0), Look::DARK, "after {changes} changes");
            stage.pass(50);
        }
    }
}

#[test]
fn a_hand_that_lets_go_leaves_the_console_the_rest_of_its_fade() {
    let mut stage = Stage::new();
    let slow = Look { fade_cs: 200, ..RED };
    stage.console(0, slow);
    stage.pass(500);
    stage.order(Order::GrandMaster(51));
    assert_eq!(stage.shown(0), Look { fade_cs: 150, dimmer: 51, ..RED });
    stage.pass(5000);
    stage.order(Order::GrandMaster(FULL));
    assert_eq!(stage.shown(0), RED);
}

#[test]
fn the_end_look_is_not_scaled_and_panic_outlives_the_show() {
    let mut stage = Stage::new();
    stage.console(0, Look { strobe_dhz: 50, ..RED });
    stage.order(Order::GrandMaster(51));
    let end = |stage: &Stage, look| stage.steering.end_look(0, look, &stage.table);
    assert_eq!(end(&stage, Some(BLUE)), BLUE);
    assert_eq!(end(&stage, None), Look { dimmer: 51, ..RED }, "held as it is shown");
    stage.overrides(&[0], Pattern::Look(rgb(1, 1, 1)), 9000);
    assert_eq!(end(&stage, None).output(), [1, 1, 1, 0].map(|_| 0), "1 at a fifth is 0");
    stage.order(Order::Panic(true));
    assert_eq!((end(&stage, Some(BLUE)), end(&stage, None)), (Look::DARK, Look::DARK));
}

#[test]
fn what_the_console_wanted_before_a_hand_came_is_what_comes_back() {
    for safety in [OFF, WATCHING] {
        let mut stage = Stage::with(safety);
        let slow = Look { fade_cs: 200, ..BLUE };
        stage.console(0, RED);
        stage.console(1, slow);
        stage.now = Time::from_millis(500);
        stage.overrides(&[0, 1], Pattern::Look(rgb(1, 1, 1)), 400);
        stage.pass(500);
        assert_eq!(stage.shown(0), RED);
        assert_eq!(stage.shown(1), Look { fade_cs: 110, ..slow }, "the rest of its fade");
        assert_eq!(stage.steering.console(1), slow);
        // And again: what hands did meanwhile is not what the console wants.
        stage.order(Order::GrandMaster(100));
        stage.pass(5_000);
        stage.order(Order::GrandMaster(FULL));
        assert_eq!((stage.steering.console(0), stage.steering.console(1)), (RED, slow));
        let mut next = Stage::with(safety);
        let pairs = [(0, 1), (1, 0)].into_iter();
        next.steering.take_over(stage.now, &stage.steering, pairs, &mut next.table);
        assert_eq!((next.steering.console(1), next.steering.console(0)), (RED, slow));
        assert_eq!((next.shown(1), next.shown(0)), (RED, BLUE));
    }
}

#[test]
fn another_show_takes_over_what_hands_did_by_pairs_of_groups() {
    let mut stage = Stage::new();
    stage.order(Order::Master { groups: Selection::These([0].into()), level: 51 });
    stage.overrides(&[1], Pattern::Look(BLUE), 2000);
    stage.order(Order::GrandMaster(128));
    let mut next = Stage::new();
    let pairs = [(0, 2), (1, 0), (9, 1), (2, 9)].into_iter();
    next.steering.take_over(next.now, &stage.steering, pairs, &mut next.table);
    next.console(2, RED);
    assert_eq!((next.shown(0), next.shown(2).dimmer), (Look { dimmer: 128, ..BLUE }, 26));
    next.pass(2000);
    assert_eq!((next.shown(0), next.steering.overridden()), (Look::DARK, 0));
    stage.order(Order::Panic(true));
    let mut dark = Stage::new();
    dark.steering.take_over(dark.now, &stage.steering, std::iter::empty(), &mut dark.table);
    assert!(dark.steering.is_panic() && !dark.console(0, RED));
}

/// A step of a night: the console, a hand, or time.
#[derive(Clone, Debug)]
enum Step {
    Console(usize, Look),
    Order(Order),
    Pass(u64),
}

#[test]
fn a_master_that_another_show_takes_over_scales_the_next_look_of_the_console() {
    let mut stage = Stage::new();
    stage.order(Order::Master { groups: Selection::These([0].into()), level: 51 });
    let mut next = Stage::new();
    let pairs = [(0, 2), (1, 0)].into_iter();
    next.steering.take_over(next.now, &stage.steering, pairs, &mut next.table);
    next.steering.refresh_all(next.now, &mut next.table);
    next.console(0, RED);
    next.console(2, RED);
    assert_eq!((next.shown(0).dimmer, next.shown(2).dimmer), (255, 51));
}

fn any_look() -> impl Strategy<Value = Look> {
    (any::<[u8; 5]>(), prop_oneof![Just(0u8), 10..=250u8], any::<u8>()).prop_map(
        |([red, green, blue, white, dimmer], strobe_dhz, fade_cs)| Look {
            red,
            green,
            blue,
            white,
            dimmer,
            strobe_dhz,
            fade_cs,
        },
    )
}

fn any_groups() -> impl Strategy<Value = Selection> {
    let these = proptest::collection::vec(0..GROUPS as u32 + 1, 0..5);
    prop_oneof![Just(ALL), these.prop_map(|these| Selection::These(these.into()))]
}

fn any_order() -> impl Strategy<Value = Order> {
    let pattern = prop_oneof![
        any_look().prop_map(Pattern::Look),
        Just(Pattern::Identify),
        Just(Pattern::Colours),
        Just(Pattern::Chase),
    ];
    prop_oneof![
        any::<bool>().prop_map(Order::Panic),
        any::<bool>().prop_map(Order::Freeze),
        any::<u8>().prop_map(Order::GrandMaster),
        (any_groups(), any::<u8>()).prop_map(|(groups, level)| Order::Master { groups, level }),
        (any_groups(), pattern, 0..5000u64).prop_map(|(groups, pattern, millis)| {
            Order::Override { groups, pattern, time: Duration::from_millis(millis) }
        }),
        any_groups().prop_map(|groups| Order::Release { groups }),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..GROUPS, any_look()).prop_map(|(group, look)| Step::Console(group, look)),
        3 => any_order().prop_map(Step::Order),
        2 => (0..3000u64).prop_map(Step::Pass),
    ]
}

proptest! {
    /// A guard that only watches makes no difference, though with one the console's looks go another
    /// way.
    #[test]
    fn watched_or_not_a_night_shows_the_same(steps in proptest::collection::vec(any_step(), 0..60)) {
        let (mut bare, mut watched) = (Stage::new(), Stage::with(WATCHING));
        for step in steps {
            for stage in [&mut bare, &mut watched] {
                match step.clone() {
                    Step::Console(group, look) => { stage.console(group, look); }
                    Step::Order(order) => { stage.order(order); }
                    Step::Pass(millis) => stage.pass(millis),
                }
            }
            for group in 0..GROUPS {
                prop_assert_eq!(bare.shown(group), watched.shown(group));
                let console = [&bare, &watched].map(|stage| stage.steering.console(group));
                prop_assert_eq!(console[0], console[1]);
            }
        }
    }

    /// Whatever came before: panic is dark, a master never makes light brighter, and once every
    /// hand has let go the console is shown as it is.
    #[test]
    fn a_night_of_any_orders_obeys_the_rules(steps in proptest::collection::vec(any_step(), 0..60)) {
        let mut stage = Stage::new();
        let mut console = [Look::DARK; GROUPS];
        for step in steps {
            let before: Vec<Look> = (0..GROUPS).map(|group| stage.shown(group)).collect();
            let told = match step {
                Step::Console(group, look) => {
                    console[group] = look;
                    stage.console(group, look)
                }
                Step::Order(order) => stage.order(order),
                Step::Pass(millis) => {
                    stage.pass(millis);
                    continue;
                }
            };
            let after: Vec<Look> = (0..GROUPS).map(|group| stage.shown(group)).collect();
            prop_assert!(told || before == after, "a change is told");
            let steering = &stage.steering;
            let over = |group| steering.group(group).is_some_and(|group| group.over.is_some());
            for group in 0..GROUPS {
                if steering.is_panic() {
                    prop_assert_eq!(after[group], Look::DARK);
                } else if !over(group) && !steering.is_frozen() {
                    let full = console[group].output();
                    let scaled = after[group].output();
                    prop_assert!((0..4).all(|channel| scaled[channel] <= full[channel]));
                    if steering.grand_master() == 0 {
                        prop_assert!(!after[group].is_lit());
                    }
                }
            }
            prop_assert_eq!(steering.overridden() as usize, (0..GROUPS).filter(|&g| over(g)).count());
        }
        for order in [
            Order::Panic(false),
            Order::Freeze(false),
            Order::GrandMaster(FULL),
            Order::Master { groups: ALL, level: FULL },
        ] {
            stage.order(order);
        }
        stage.pass(5_000);
        for (group, look) in console.into_iter().enumerate() {
            let shown = stage.shown(group);
            prop_assert_eq!(Look { fade_cs: 0, ..shown }, Look { fade_cs: 0, ..look });
        }
        prop_assert_eq!(stage.steering.poll_timeout(), None);
    }
}
