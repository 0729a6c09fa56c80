use proptest::prelude::*;

use super::*;

const WHITE: Look = Look { white: 255, dimmer: 255, ..Look::DARK };
const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };
const BLUE: Look = Look { blue: 255, dimmer: 255, ..Look::DARK };
const DARK: Look = Look::DARK;

/// A guard, its table, and the test's clock in ms.
struct Stage {
    guard: StrobeGuard,
    table: GroupTable,
    now: u64,
    /// What group 0 showed, and since when.
    shown: Vec<(u64, Look)>,
}

impl Stage {
    fn new(strobe: StrobeMode, groups: usize) -> Self {
        Self::with(Safety { strobe, ..Safety::default() }, groups)
    }

    fn with(safety: Safety, groups: usize) -> Self {
        Self {
            guard: StrobeGuard::new(safety, groups, DARK),
            table: GroupTable::new(groups),
            now: 10,
            shown: vec![(0, DARK)],
        }
    }

    fn note(&mut self) {
        let look = self.table.get(0);
        // Of several looks in one moment the last is seen.
        self.shown.pop_if(|(since, _)| *since == self.now);
        if self.shown.last().is_some_and(|&(_, last)| last != look) {
            self.shown.push((self.now, look));
        }
    }

    /// Lets time pass, timeout by timeout.
    fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(due) = self.guard.poll_timeout().filter(|&due| due <= Time::from_millis(end))
        {
            self.now = due.as_nanos() / 1_000_000;
            self.guard.handle_timeout(due, &mut self.table);
            let next = self.guard.poll_timeout();
            assert!(next.is_none_or(|next| next > due), "a timeout that does not pass");
            self.note();
        }
        self.now = end;
    }

    fn want(&mut self, groups: std::ops::Range<usize>, look: Look) {
        for group in groups {
            self.guard.pass(Time::from_millis(self.now), group, look, &mut self.table);
        }
        self.note();
    }

    /// Goes from look to look, `every` ms each, in all these groups.
    fn flash(
        &mut self,
        groups: std::ops::Range<usize>,
        looks: [Look; 2],
        every: u64,
        changes: usize,
    ) {
        for change in 0..changes {
            self.want(groups.clone(), looks[change % 2]);
            self.pass(every);
        }
    }

    fn told(&mut self) -> Option<(u32, u8, bool)> {
        match self.guard.poll_change()? {
            StrobeChange::TooFast { groups, limit, red, .. } => Some((groups, limit, red)),
            StrobeChange::Calm => None,
        }
    }
}

/// The most pairs of opposing changes of brightness in any second of what was shown.
fn flashes(shown: &[(u64, Look)]) -> usize {
    let mut course = Course::new(0);
    let turns: Vec<u64> = shown
        .iter()
        .filter(|(_, look)| course.follow(Kind::Brightness, Kind::Brightness.value(look.output())))
        .map(|&(at, _)| at)
        .collect();
    let in_second =
        |begin: u64| turns.iter().filter(|&&at| at >= begin && at < begin + 950).count();
    turns.iter().map(|&begin| in_second(begin) / 2).max().unwrap_or(0)
}

#[test]
fn three_flashes_a_second_are_let_through_and_four_are_not() {
    let mut stage = Stage::new(StrobeMode::Limit, 1);
    stage.flash(0..1, [WHITE, DARK], 167, 30);
    assert_eq!((stage.guard.episodes(), stage.told()), (0, None));
    assert_eq!(stage.shown.len(), 31, "every look is shown");
    stage.pass(2_000);
    stage.flash(0..1, [WHITE, DARK], 125, 16);
    assert_eq!(stage.told(), Some((1, 3, false)));
    assert_eq!((stage.guard.flashing(), stage.guard.held()), (1, 1));
    assert_eq!(stage.table.get(0), WHITE, "held on the bright side");
}

#[test]
fn a_beat_that_packets_shift_is_no_faster_for_it() {
    let mut stage = Stage::new(StrobeMode::Warn, 1);
    // Three flashes a second, on a grid of 44 packets a second.
    for change in 0..60u64 {
        let at = (change * 1000 / 6) * 44 / 1000 * 1000 / 44;
        stage.pass((10 + at).saturating_sub(stage.now));
        stage.want(0..1, if change % 2 == 0 { WHITE } else { DARK });
    }
    assert_eq!(stage.guard.episodes(), 0);
}

#[test]
fn warning_changes_no_look_and_tells_once() {
    let mut stage = Stage::new(StrobeMode::Warn, 1);
    stage.flash(0..1, [WHITE, DARK], 50, 100);
    assert_eq!(stage.shown.len(), 101);
    assert_eq!(stage.told(), Some((1, 3, false)));
    assert_eq!(stage.told(), None);
    assert_eq!((stage.guard.held(), stage.guard.episodes()), (0, 1));
    stage.pass(1_000);
    assert_eq!(stage.guard.flashing(), 0);
    assert!(stage.guard.is_episode(), "calm for a while before it is told");
    stage.pass(CALM.as_millis() as u64);
    assert_eq!(stage.guard.poll_change(), Some(StrobeChange::Calm));
    assert_eq!(stage.guard.poll_timeout(), None);
}

#[test]
fn a_guard_that_is_off_does_nothing_at_all() {
    let mut stage = Stage::new(StrobeMode::Off, 1);
    stage.flash(0..1, [RED, DARK], 20, 200);
    stage.want(0..1, Look { strobe_dhz: 250, ..WHITE });
    assert_eq!(stage.table.get(0).strobe_dhz, 250);
    assert_eq!((stage.guard.episodes(), stage.guard.poll_timeout()), (0, None));
}

#[test]
fn what_waits_while_it_is_held_waits_a_second_at_most() {
    let mut stage = Stage::new(StrobeMode::Limit, 1);
    stage.flash(0..1, [WHITE, DARK], 50, 40);
    assert_eq!(stage.table.get(0), WHITE);
    let (stopped, last) = (stage.now - 50, DARK);
    stage.pass(950);
    assert_eq!((stage.table.get(0), stage.guard.held()), (last, 0));
    let (dark_at, _) = *stage.shown.last().unwrap();
    assert!(dark_at - stopped <= 950, "{} ms", dark_at - stopped);
}

#[test]
fn what_does_not_darken_a_held_group_is_shown_at_once() {
    let mut stage = Stage::new(StrobeMode::Limit, 1);
    let grey = Look { dimmer: 128, ..WHITE };
    stage.flash(0..1, [grey, DARK], 50, 20);
    assert_eq!(stage.table.get(0), grey, "held");
    stage.want(0..1, WHITE);
    assert_eq!(stage.table.get(0), WHITE, "brighter");
    let other = Look { red: 255, green: 255, blue: 255, dimmer: 255, ..DARK };
    stage.want(0..1, other);
    assert_eq!(stage.table.get(0), other, "another colour, as bright");
}

#[test]
fn what_darkens_a_group_late_counts_from_when_it_does() {
    let mut stage = Stage::new(StrobeMode::Limit, 1);
    // Each look, and for how long it is wanted. The darks of 795 and 1559 wait.
    for (look, millis) in [
        (WHITE, 1),
        (DARK, 162),
        (WHITE, 231),
        (WHITE, 47),
        (DARK, 211),
        (WHITE, 133),
        (DARK, 167),
        (WHITE, 225),
        (DARK, 117),
        (WHITE, 97),
        (DARK, 105),
        (WHITE, 200),
        (DARK, 40),
        (WHITE, 1),
    ] {
        stage.want(0..1, look);
        stage.pass(millis);
    }
    stage.pass(1_000);
    assert!(flashes(&stage.shown) <= 3, "{:?}", stage.shown);
}

#[test]
fn a_held_group_is_not_darkened_in_steps_that_are_each_too_small_to_count() {
    let mut stage = Stage::new(StrobeMode::Limit, 1);
    let (grey, darker) = (Look { dimmer: 128, ..WHITE }, Look { dimmer: 104, ..WHITE });
    stage.flash(0..1, [grey, DARK], 50, 21);
    assert_eq!(stage.table.get(0), grey);
    stage.want(0..1, darker);
    assert_eq!(stage.table.get(0), darker, "no flash");
    stage.pass(20);
    stage.want(0..1, Look { dimmer: 80, ..WHITE });
    assert_eq!(stage.table.get(0), darker, "with the step before, it is one");
    stage.pass(1_000);
    assert_eq!(stage.table.get(0), Look { dimmer: 80, ..WHITE });
}

#[test]
fn panic_waits_for_nothing() {
    let mut stage = Stage::new(StrobeMode::Limit, 1);
    stage.flash(0..1, [WHITE, DARK], 50, 40);
    assert_eq!((stage.table.get(0), stage.guard.held()), (WHITE, 1));
    stage.guard.force(Time::from_millis(stage.now), 0, DARK, &mut stage.table);
    assert_eq!((stage.table.get(0), stage.guard.held()), (DARK, 0));
    stage.pass(10_000);
    assert_eq!(stage.table.get(0), DARK);
}

#[test]
fn the_bands_own_strobe_is_counted_as_what_it_will_be() {
    let mut stage = Stage::new(StrobeMode::Limit, 1);
    stage.want(0..1, Look { strobe_dhz: 30, ..WHITE });
    stage.pass(3_000);
    assert_eq!((stage.guard.flashing(), stage.table.get(0).strobe_dhz), (0, 30));
    stage.want(0..1, Look { strobe_dhz: 31, ..WHITE });
    assert_eq!(stage.table.get(0), WHITE, "opened");
    assert_eq!(stage.told(), Some((1, 3, false)));
    stage.pass(20_000);
    assert_eq!(stage.guard.flashing(), 1, "as long as it is wanted");
    stage.want(0..1, Look { strobe_dhz: 250, ..DARK });
    assert_eq!(stage.table.get(0), Look { strobe_dhz: 250, ..DARK }, "dark, so no flash: at once");
    assert_eq!(stage.guard.flashing(), 0);
}

#[test]
fn the_bands_strobe_and_that_of_the_console_add_up() {
    let strobing = Look { strobe_dhz: 20, ..WHITE };
    let mut stage = Stage::new(StrobeMode::Warn, 1);
    stage.flash(0..1, [strobing, DARK], 500, 8);
    assert_eq!(stage.guard.flashing(), 0, "two a second, and one");
    stage.flash(0..1, [strobing, DARK], 200, 8);
    assert_eq!(stage.told(), Some((1, 3, false)), "two a second, and two and a half");
}

#[test]
fn red_is_too_fast_sooner_and_from_the_smallest_change() {
    let mut stage = Stage::new(StrobeMode::Limit, 1);
    let (dim, dimmer) = (Look { dimmer: 60, ..RED }, Look { dimmer: 30, ..RED });
    stage.flash(0..1, [dim, dimmer], 150, 20);
    assert_eq!(stage.told(), Some((1, 2, true)));
    assert_eq!(stage.table.get(0), dim);
    let mut stage = Stage::new(StrobeMode::Limit, 1);
    let (dim, dimmer) = (Look { dimmer: 60, ..BLUE }, Look { dimmer: 30, ..BLUE });
    stage.flash(0..1, [dim, dimmer], 20, 20);
    assert_eq!(stage.guard.episodes(), 0, "in another colour that is no flash");
}

#[test]
fn red_in_turn_with_another_colour_as_bright_is_held_in_red() {
    let green = Look { green: 102, dimmer: 255, ..DARK };
    let mut stage = Stage::new(StrobeMode::Limit, 1);
    stage.flash(0..1, [RED, green], 100, 20);
    assert_eq!(stage.told(), Some((1, 2, true)));
    assert_eq!(stage.table.get(0), RED);
}

#[test]
fn lights_that_are_both_bright_do_not_flash() {
    let less = Look { dimmer: 210, ..WHITE };
    let mut stage = Stage::new(StrobeMode::Warn, 1);
    stage.flash(0..1, [WHITE, less], 20, 100);
    assert_eq!(stage.guard.episodes(), 0);
    stage.flash(0..1, [WHITE, Look { dimmer: 190, ..WHITE }], 20, 100);
    assert_eq!(stage.guard.episodes(), 1);
}

#[test]
fn a_share_of_the_groups_may_flash_and_one_more_makes_it_an_episode_for_all() {
    let mut stage = Stage::new(StrobeMode::Limit, 8);
    let strobing = Look { strobe_dhz: 100, ..WHITE };
    stage.want(0..2, strobing);
    assert_eq!((stage.guard.flashing(), stage.guard.is_episode()), (2, false));
    assert_eq!(stage.table.get(0), strobing);
    stage.want(2..3, strobing);
    assert_eq!(stage.told(), Some((3, 3, false)));
    assert!((0..3).all(|group| stage.table.get(group) == WHITE), "those that flashed already, too");
    stage.want(2..3, WHITE);
    assert_eq!(stage.table.get(0), WHITE, "not before it has been calm for a while");
    stage.pass(CALM.as_millis() as u64);
    assert_eq!(stage.table.get(0), strobing);
    assert_eq!(stage.guard.poll_change(), Some(StrobeChange::Calm));
}

#[test]
fn with_a_share_of_nothing_every_group_counts() {
    let safety = Safety { flashing_share: 0.0, ..Safety::default() };
    let mut stage = Stage::with(safety, 1000);
    stage.want(7..8, Look { strobe_dhz: 100, ..WHITE });
    assert_eq!(stage.told(), Some((1, 3, false)));
}

#[test]
fn fades_count_by_the_light_they_reach() {
    let mut stage = Stage::new(StrobeMode::Warn, 1);
    // Turned round before it has gone a tenth of the way.
    let slow = |look| Look { fade_cs: 255, ..look };
    stage.flash(0..1, [slow(WHITE), slow(DARK)], 100, 60);
    assert_eq!(stage.guard.flashing(), 0);
    // Every way is gone to its end.
    let fast = |look| Look { fade_cs: 8, ..look };
    stage.flash(0..1, [fast(WHITE), fast(DARK)], 100, 20);
    assert_eq!(stage.guard.flashing(), 1);
}

#[test]
fn looks_of_the_same_moment_count_as_the_last_of_them() {
    let mut stage = Stage::new(StrobeMode::Warn, 1);
    for _ in 0..20 {
        stage.want(0..1, DARK);
        stage.want(0..1, WHITE);
        stage.pass(20);
    }
    assert_eq!(stage.guard.episodes(), 0);
}

#[test]
fn a_reload_goes_on_counting() {
    let mut old = Stage::new(StrobeMode::Limit, 2);
    old.flash(1..2, [WHITE, DARK], 50, 21);
    assert_eq!(old.guard.held(), 0, "it is bright");
    let mut new = Stage::new(StrobeMode::Limit, 1);
    new.now = old.now;
    new.guard.take_over(&old.guard, [(1, 0)].into_iter());
    new.want(0..1, WHITE);
    assert_eq!((new.guard.flashing(), new.guard.episodes()), (1, 1));
    new.pass(50);
    new.want(0..1, DARK);
    assert_eq!((new.table.get(0), new.guard.held()), (WHITE, 1), "held as before");
}

fn any_look() -> impl Strategy<Value = Look> {
    prop_oneof![
        4 => Just(DARK),
        4 => Just(WHITE),
        1 => Just(RED),
        1 => (any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(red, blue, dimmer)| Look { red, blue, dimmer, ..DARK }),
    ]
}

proptest! {
    #[test]
    fn whatever_is_wanted_no_second_shows_more_flashes_than_allowed_and_the_last_look_comes(
        looks in proptest::collection::vec((any_look(), 1u64..400), 1..150)
    ) {
        let mut stage = Stage::new(StrobeMode::Limit, 1);
        let mut last = DARK;
        for (look, millis) in looks {
            stage.want(0..1, look);
            stage.pass(millis);
            last = look;
        }
        stage.pass(1_000);
        prop_assert_eq!(stage.table.get(0), last);
        prop_assert_eq!((stage.guard.held(), stage.guard.flashing()), (0, 0));
        prop_assert!(flashes(&stage.shown) <= 3, "{:?}", stage.shown);
    }

    #[test]
    fn the_short_way_finds_what_judging_every_look_finds(
        looks in proptest::collection::vec((0usize..3, any_look(), 0u8..20, 0u64..400), 1..150)
    ) {
        let stage = || Stage::with(Safety { flashing_share: 0.4, strobe: StrobeMode::Limit, ..Safety::default() }, 3);
        let (mut short, mut judged) = (stage(), stage());
        for (group, look, fade_cs, millis) in looks {
            let look = Look { fade_cs: fade_cs.saturating_sub(14), ..look };
            // Only the last looks of a beat count, so some beats have none between them.
            let millis = millis.saturating_sub(100);
            judged.guard.calm_from = NO_END;
            for stage in [&mut short, &mut judged] {
                stage.want(group..group + 1, look);
                stage.pass(millis);
            }
            let seen = |stage: &Stage| {
                let guard = &stage.guard;
                let table: Vec<Look> = (0..3).map(|group| stage.table.get(group)).collect();
                (table, guard.flashing(), guard.held(), guard.episodes(), guard.is_episode())
            };
            prop_assert_eq!(seen(&short), seen(&judged));
        }
    }

    #[test]
    fn without_limiting_what_is_wanted_is_shown(
        looks in proptest::collection::vec((0usize..3, any_look(), 0u64..100), 1..100)
    ) {
        let mut stage = Stage::new(StrobeMode::Warn, 3);
        for (group, look, millis) in looks {
            stage.want(group..group + 1, look);
            prop_assert_eq!(stage.table.get(group), look);
            stage.pass(millis);
        }
    }
}
