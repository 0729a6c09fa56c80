use super::*;
use proptest::prelude::*;

const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };
const WHITE: Look = Look { red: 255, green: 255, blue: 255, white: 255, dimmer: 255, ..Look::DARK };

fn ms(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn level(level: u8) -> Look {
    Look { red: level, dimmer: 255, ..Look::DARK }
}

/// One link under a virtual clock: each frame takes `service`, and is lost as `losses` says.
struct Link {
    scheduler: LinkScheduler,
    now: Time,
    table: u64,
    service: Duration,
    losses: Vec<bool>,
    in_flight: Option<(Time, Frame)>,
    last_loss: Time,
    handed: Vec<(Time, Frame)>,
    sent: Vec<(Time, Frame)>,
}

impl Link {
    fn new(spec: &LinkSpec, service_ms: u64) -> Self {
        let mut link = Self {
            scheduler: LinkScheduler::new(spec),
            now: Time::ZERO,
            table: 0,
            service: Duration::from_millis(service_ms),
            losses: Vec::new(),
            in_flight: None,
            last_loss: Time::ZERO,
            handed: Vec::new(),
            sent: Vec::new(),
        };
        link.scheduler.handle_up(Time::ZERO);
        link
    }

    /// A link to one group that is up, knows its first look and has room.
    fn settled(spec: &LinkSpec, service_ms: u64, look: Look) -> Self {
        let mut link = Self::new(spec, service_ms);
        link.look(0, look);
        link.run(1_000);
        assert!(link.scheduler.is_settled(link.now));
        link.handed.clear();
        link.sent.clear();
        link
    }

    fn look(&mut self, slot: usize, look: Look) {
        self.table += 1;
        let stamp = Stamp { arrival: self.now, sequence: self.table, ..Stamp::default() };
        self.scheduler.handle_look(slot, look, stamp);
        self.pump();
    }

    fn pump(&mut self) -> Option<Time> {
        match self.scheduler.poll_frame(self.now) {
            Poll::Frame(frame) => {
                self.handed.push((self.now, frame));
                self.in_flight = Some((self.now + self.service, frame));
                None
            }
            Poll::WaitUntil(time) => Some(time),
            Poll::Idle => None,
        }
    }

    fn complete(&mut self, frame: Frame) {
        self.in_flight = None;
        if self.losses.pop().unwrap_or(false) {
            self.last_loss = self.now;
            assert!(self.scheduler.handle_lost(self.now, frame.token));
        } else {
            self.sent.push((self.now, frame));
            assert_eq!(self.scheduler.handle_sent(frame.token), Some(frame.look));
        }
    }

    /// Goes on for `millis`.
    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        loop {
            let wait = self.pump();
            match (self.in_flight, wait) {
                (Some((done, frame)), _) if done <= end => {
                    self.now = done;
                    self.complete(frame);
                }
                (None, Some(time)) if time <= end => {
                    assert!(time > self.now, "a wait that is over gives a frame");
                    self.now = time;
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn sent_looks(&self) -> Vec<Look> {
        self.sent.iter().map(|(_, frame)| frame.look).collect()
    }
}

fn spec() -> LinkSpec {
    LinkSpec::connection("band", 0)
}

fn spec_of(groups: usize) -> LinkSpec {
    LinkSpec { groups: (0..groups).collect(), ..spec() }
}

fn steps_spec() -> LinkSpec {
    LinkSpec { fades: false, ..spec() }
}

#[test]
fn nothing_is_sent_before_the_first_look_and_then_it_is_even_if_it_is_dark() {
    let mut link = Link::new(&spec(), 30);
    link.run(10_000);
    assert!(link.handed.is_empty() && link.scheduler.is_settled(link.now));
    link.look(0, Look::DARK);
    link.run(100);
    assert_eq!(link.sent_looks(), [Look::DARK]);
}

#[test]
fn a_link_that_comes_up_gets_the_look_there_is() {
    let mut link = Link::new(&spec(), 30);
    link.scheduler.handle_down();
    link.look(0, WHITE);
    link.look(0, RED);
    link.run(100);
    assert!(link.handed.is_empty());
    assert_eq!(link.scheduler.counts(), FrameCounts::default(), "nothing was replaced on the way");
    link.scheduler.handle_up(link.now);
    link.run(100);
    let (at, frame) = link.sent[0];
    assert_eq!((frame.look, frame.first, frame.latency), (RED, true, None));
    assert_eq!(at, ms(130));
}

#[test]
fn a_busy_link_gets_the_newest_look_and_none_between() {
    let mut link = Link::settled(&spec(), 30, RED);
    for step in 1..=5 {
        link.look(0, level(255 - step));
        link.run(5);
    }
    link.run(100);
    let sent: Vec<_> = link.sent_looks().into_iter().map(Look::output).collect();
    assert_eq!(sent, [level(254).output(), level(250).output()]);
    assert_eq!(link.scheduler.counts().conflated, 3);
}

#[test]
fn a_flash_that_found_the_link_busy_is_shown_before_what_replaced_it() {
    for flash in [WHITE, Look::DARK] {
        let mut link = Link::settled(&spec(), 30, level(100));
        link.look(0, level(101));
        link.run(5);
        link.look(0, flash);
        link.run(5);
        link.look(0, level(100));
        link.run(200);
        assert_eq!(link.sent_looks(), [level(101), flash, level(100)]);
        let counts = link.scheduler.counts();
        assert_eq!((counts.latched, counts.conflated), (1, 0));
        assert!(link.sent.iter().all(|(_, frame)| frame.latency.is_some()), "each is new");
    }
}

#[test]
fn a_flash_is_shown_even_if_the_look_before_it_is_back() {
    let mut link =
        Link::settled(&LinkSpec { min_interval: Duration::from_millis(30), ..spec() }, 1, RED);
    link.run(899);
    link.look(0, level(254));
    link.run(2);
    link.look(0, Look::DARK);
    link.look(0, level(254));
    link.run(200);
    assert_eq!(link.sent_looks(), [level(254), Look::DARK, level(254)]);
}

#[test]
fn of_two_flashes_the_brighter_is_kept() {
    let mut link = Link::settled(&spec(), 30, Look::DARK);
    link.look(0, level(10));
    for look in [RED, WHITE, RED, level(11)] {
        link.run(5);
        link.look(0, look);
    }
    link.run(200);
    assert_eq!(link.sent_looks(), [level(10), WHITE, level(11)]);
}

#[test]
fn a_link_that_only_gets_flashes_alternates_and_does_not_fall_behind() {
    let mut link = Link::settled(&spec(), 30, Look::DARK);
    for beat in 0..200u8 {
        link.look(0, if beat % 2 == 0 { level(200 + beat % 50) } else { Look::DARK });
        link.run(10);
    }
    let oldest = link.handed.iter().filter_map(|(_, frame)| frame.latency).max();
    assert!(oldest <= Some(Duration::from_millis(70)), "{oldest:?}");
    let counts = link.scheduler.counts();
    assert!(counts.latched <= counts.handed / 2 + 1, "never two in a row: {counts:?}");
    let dark = link.sent.iter().filter(|(_, frame)| frame.look == Look::DARK).count();
    assert!((15..50).contains(&dark), "the strobe is still one: {dark} of {}", link.sent.len());
}

#[test]
fn a_step_and_a_fade_are_no_flash() {
    let mut link = Link::settled(&spec(), 30, Look::DARK);
    link.look(0, level(10));
    for look in [WHITE, Look { red: 250, ..WHITE }] {
        link.run(5);
        link.look(0, look);
    }
    link.run(100);
    assert_eq!(link.sent_looks(), [level(10), Look { red: 250, ..WHITE }]);
    link.look(0, level(10));
    link.run(5);
    link.look(0, Look { fade_cs: 50, ..WHITE });
    link.run(5);
    link.look(0, level(11));
    link.run(100);
    assert_eq!(link.sent_looks()[2..], [level(10), level(11)], "it had hardly begun to fade");
}

#[test]
fn a_flash_that_is_over_is_as_urgent_as_one_that_is_not() {
    let mut link = Link::new(&spec_of(3), 30);
    for slot in 0..3 {
        link.look(slot, level(100));
    }
    link.run(500);
    link.handed.clear();
    link.look(2, level(101));
    link.look(0, WHITE);
    link.look(0, level(100));
    link.run(5);
    link.look(1, WHITE);
    link.run(100);
    let order: Vec<_> = link.handed.iter().map(|(_, frame)| frame.group).collect();
    assert_eq!(order[..2], [2, 0]);
}

#[test]
fn a_flash_does_not_come_back_after_panic() {
    let mut link = Link::settled(&spec(), 30, RED);
    link.losses = vec![true];
    link.look(0, WHITE);
    link.run(10);
    link.scheduler.handle_panic(link.now, true);
    link.look(0, Look::DARK);
    link.run(1);
    link.look(0, WHITE);
    link.look(0, Look::DARK);
    link.run(30);
    link.scheduler.handle_panic(link.now, false);
    link.run(1_000);
    assert_eq!(link.sent_looks(), [Look::DARK]);
}

#[test]
fn panic_does_not_fade() {
    let mut link = Link::settled(&spec(), 30, RED);
    link.scheduler.handle_panic(link.now, true);
    link.look(0, Look { fade_cs: 200, ..Look::DARK });
    link.run(200);
    assert_eq!(link.sent_looks(), [Look::DARK]);
}

#[test]
fn the_wait_after_a_loss_begins_anew_after_a_success_and_with_a_connection() {
    let mut link = Link::settled(&spec(), 1, RED);
    link.losses = vec![true, false, true, true];
    link.look(0, level(250));
    link.run(100);
    link.look(0, level(240));
    link.run(100);
    let gaps = |link: &Link| -> Vec<u128> {
        link.handed.windows(2).map(|pair| pair[1].0.since(pair[0].0).as_millis()).collect()
    };
    assert_eq!(gaps(&link), [21, 41, 38, 21]);
    link.losses = vec![true; 6];
    link.look(0, level(230));
    link.run(1_000);
    link.scheduler.handle_down();
    link.in_flight = None;
    link.handed.clear();
    link.scheduler.handle_up(link.now);
    link.losses.clear();
    link.run(0);
    assert_eq!(link.handed.len(), 1, "at once");
}

#[test]
fn a_flash_that_is_lost_is_sent_again_before_what_replaced_it() {
    let mut link = Link::settled(&spec(), 30, RED);
    link.losses = vec![true];
    link.look(0, WHITE);
    link.run(10);
    link.look(0, RED);
    link.run(200);
    assert_eq!(link.sent_looks(), [WHITE, RED]);
}

#[test]
fn a_flash_that_grew_too_old_is_dropped() {
    let mut link = Link::settled(&spec(), 600, RED);
    link.look(0, level(254));
    link.run(10);
    link.look(0, WHITE);
    link.run(10);
    link.look(0, RED);
    link.run(1_300);
    assert_eq!(link.sent_looks(), [level(254), RED]);
    assert_eq!(link.scheduler.counts().conflated, 1);
}

#[test]
fn panic_goes_before_everything_and_is_repeated_until_it_is_out() {
    let mut link = Link::new(&spec_of(3), 10);
    for slot in 0..3 {
        link.look(slot, RED);
    }
    link.run(200);
    link.sent.clear();
    link.handed.clear();
    link.look(0, level(250));
    link.look(1, WHITE);
    link.losses = vec![true; 8];
    link.scheduler.handle_panic(link.now, true);
    for slot in 0..3 {
        link.look(slot, Look::DARK);
    }
    link.run(400);
    assert!(link.scheduler.is_settled(link.now));
    let after = &link.handed[1..];
    assert!(after.iter().all(|(_, frame)| frame.class == Class::Panic));
    assert!(after.iter().all(|(_, frame)| frame.look == Look::DARK), "no flash is latched");
    assert_eq!(link.sent_looks(), [Look::DARK; 3]);
    assert!(after.windows(2).all(|pair| pair[1].0.since(pair[0].0) <= RETRY_MIN + link.service));
}

#[test]
fn panic_resends_what_is_shown_already() {
    let mut link = Link::settled(&spec(), 10, Look::DARK);
    link.scheduler.handle_panic(link.now, true);
    link.run(50);
    assert_eq!(link.sent.len(), 1);
    link.scheduler.handle_panic(link.now, true);
    link.run(50);
    assert_eq!(link.sent.len(), 1, "once");
}

#[test]
fn a_fade_that_panic_cut_short_does_not_come_back_after_it() {
    let mut link = Link::settled(&steps_spec(), 5, WHITE);
    link.scheduler.handle_panic(link.now, true);
    link.look(0, Look { fade_cs: 200, ..Look::DARK });
    link.run(100);
    link.scheduler.handle_panic(link.now, false);
    link.sent.clear();
    link.run(3_000);
    assert!(link.sent.iter().all(|(_, frame)| !frame.look.is_lit()));
}

#[test]
fn a_flash_is_not_held_up_by_the_fade_that_replaced_it() {
    let mut link = Link::settled(&steps_spec(), 15, Look::DARK);
    link.look(0, level(10));
    link.run(5);
    link.look(0, WHITE);
    link.run(5);
    link.look(0, Look { fade_cs: 100, ..Look::DARK });
    link.run(7);
    assert_eq!(link.handed.last().map(|(_, frame)| frame.look), Some(WHITE));
}

#[test]
fn snaps_go_before_fades_and_fades_before_keyframes() {
    let mut link = Link::new(&spec_of(4), 10);
    for slot in 0..4 {
        link.look(slot, level(100));
    }
    link.run(1_860);
    // The first finds the link with room; the others wait.
    link.look(3, level(101));
    link.handed.clear();
    link.look(0, level(102));
    link.look(2, WHITE);
    assert!(link.in_flight.is_some());
    link.run(100);
    let order: Vec<_> = link.handed.iter().map(|(_, f)| (f.group, f.class)).collect();
    let [snap, fade] = [(2, Class::Snap), (0, Class::Fade)];
    assert_eq!(order[..2], [snap, fade]);
    assert!(order[2..].iter().all(|(_, class)| *class == Class::Keyframe));
}

#[test]
fn nobody_starves_beside_groups_that_snap_without_end() {
    let (groups, service) = (10, 10);
    let mut link = Link::new(&spec_of(groups), service);
    link.run(1_000);
    link.handed.clear();
    for beat in 0..400u16 {
        for slot in 1..groups {
            link.look(slot, if beat % 2 == 0 { WHITE } else { Look::DARK });
        }
        if beat == 0 {
            link.look(0, level(1));
        }
        link.run(23);
    }
    let turns = u64::from(FAIR_TURN) * groups as u64;
    let bound = FAIR_WAIT + Duration::from_millis(turns * service);
    for group in 0..groups as u32 {
        let times: Vec<_> =
            link.handed.iter().filter(|(_, f)| f.group == group).map(|(at, _)| *at).collect();
        let limit = if group == 0 { LinkSpec::REFRESH + bound } else { bound };
        assert!(times[0] <= ms(1_000) + bound, "group {group}");
        assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) <= limit), "group {group}");
    }
}

#[test]
fn a_band_that_fades_gets_the_target_and_the_time_that_is_left() {
    let mut link = Link::settled(&spec(), 30, RED);
    link.look(0, level(250));
    link.run(10);
    let slow = Look { fade_cs: 250, ..WHITE };
    link.look(0, slow);
    link.run(2_600);
    let frames: Vec<_> = link.sent.iter().map(|(_, frame)| *frame).collect();
    assert_eq!(frames[1].look, Look { fade_cs: 248, ..WHITE }, "it waited 20 ms");
    assert_eq!(frames[2].look, Look { fade_cs: 58, ..WHITE }, "the keyframe, 1.9 s later");
    assert_eq!(frames[1].sequence, frames[2].sequence);
    assert_eq!(frames[1].class, Class::Fade);
    assert_eq!(frames.len(), 3);
    assert!(link.scheduler.is_settled(link.now));
}

#[test]
fn a_band_that_cannot_fade_gets_steps_and_then_exactly_the_target() {
    let mut link = Link::settled(&steps_spec(), 5, Look::DARK);
    let slow = Look { red: 200, dimmer: 128, fade_cs: 20, ..Look::DARK };
    link.look(0, slow);
    link.run(400);
    let reds: Vec<u8> = link.sent.iter().map(|(_, frame)| frame.look.output()[0]).collect();
    assert_eq!(reds.first(), Some(&0), "the first step finds the light where it was");
    assert!(reds.is_sorted() && reds.len() >= 9, "{reds:?}");
    assert_eq!(link.sent.last().map(|(_, f)| f.look), Some(Look { fade_cs: 0, ..slow }));
    assert!(link.sent.iter().all(|(_, frame)| frame.look.fade_cs == 0));
    let gaps = link.handed.windows(2).map(|pair| pair[1].0.since(pair[0].0));
    assert!(gaps.min() >= Some(RAMP_STEP));
    assert!(link.scheduler.is_settled(link.now));
}

#[test]
fn a_ramp_that_outruns_the_link_glides_and_nothing_else_does() {
    // A step every 20 ms on a link that takes one in 60.
    let ramped = || {
        let mut link = Link::settled(&spec(), 60, level(40));
        for step in 1..20 {
            link.look(0, level(40 + 2 * step));
            link.run(20);
        }
        link
    };
    let glide = |link: &Link| link.handed.last().map(|(_, frame)| frame.look.fade_cs);
    let mut link = ramped();
    assert_eq!(glide(&link), Some(6), "from one that was sent to the next");
    link.run(500);
    assert_eq!(link.sent.last().map(|(_, frame)| frame.look.output()), Some(level(78).output()));

    let strobing = Look { strobe_dhz: 80, ..level(78) };
    for (what, looks) in [
        ("a snap", &[level(200)][..]),
        ("a blackout", &[Look::DARK]),
        ("a strobe that begins", &[strobing]),
        ("a flash", &[WHITE, level(78)]),
        ("a chase", &[level(255), Look::DARK, level(255), Look::DARK]),
    ] {
        let mut link = ramped();
        link.handed.clear();
        for look in looks {
            link.look(0, *look);
            link.run(20);
        }
        link.run(500);
        assert!(!link.handed.is_empty(), "{what}");
        let newer = link.handed.iter().filter(|(_, frame)| frame.class == Class::Snap);
        assert!(newer.clone().count() > 0, "{what}");
        for (_, frame) in newer {
            assert_eq!(frame.look.fade_cs, 0, "{what}: {frame:?}");
        }
        let last = link.handed.last().map(|(_, frame)| frame.look);
        assert_eq!(last, looks.last().copied(), "{what}: at once");
    }
}

#[test]
fn a_fade_slower_than_its_steps_sends_only_what_moves() {
    let mut link = Link::settled(&steps_spec(), 5, Look { dimmer: 255, ..Look::DARK });
    link.look(0, Look { red: 4, dimmer: 255, fade_cs: 255, ..Look::DARK });
    link.run(2_800);
    let steps = link.sent.iter().filter(|(_, frame)| frame.class == Class::Fade).count();
    assert!(steps <= 6, "{steps}");
    assert_eq!(link.sent_looks().last(), Some(&level(4)));
}

#[test]
fn every_look_is_sent_again_within_two_seconds() {
    let mut link = Link::settled(&spec(), 30, RED);
    link.run(20_000);
    assert!(link.sent.len() >= 10);
    assert!(link.sent.iter().all(|(_, f)| f.class == Class::Keyframe && f.latency.is_none()));
    assert!(link.sent.windows(2).all(|p| p[1].0.since(p[0].0) <= Duration::from_secs(2)));
}

#[test]
fn a_large_change_is_repeated_where_nothing_is_acknowledged() {
    let spec = LinkSpec { repeats: 2, min_interval: Duration::from_millis(20), ..spec() };
    let mut link = Link::settled(&spec, 10, RED);
    link.look(0, WHITE);
    link.run(15);
    assert!(!link.scheduler.is_settled(link.now), "the repeats belong to it");
    link.run(85);
    let sequences: Vec<_> = link.sent.iter().map(|(_, frame)| frame.sequence).collect();
    assert_eq!(sequences, [sequences[0]; 3]);
    let latencies = link.sent.iter().filter(|(_, frame)| frame.latency.is_some());
    assert_eq!(latencies.count(), 1, "a repeat is not a late look");
    link.sent.clear();
    link.look(0, Look { blue: 250, ..WHITE });
    link.run(100);
    assert_eq!(link.sent.len(), 1, "a small change is not");
}

#[test]
fn frames_keep_the_least_interval() {
    let mut link =
        Link::settled(&LinkSpec { min_interval: Duration::from_millis(50), ..spec() }, 1, RED);
    for step in 0..100 {
        link.look(0, level(step));
        link.run(7);
    }
    let gaps = link.handed.windows(2).map(|pair| pair[1].0.since(pair[0].0));
    assert_eq!(gaps.min(), Some(Duration::from_millis(50)));
}

#[test]
fn a_completion_of_a_frame_of_the_connection_before_is_ignored() {
    let mut scheduler = LinkScheduler::new(&spec());
    scheduler.handle_look(0, RED, Stamp { sequence: 1, ..Stamp::default() });
    scheduler.handle_up(ms(0));
    let Poll::Frame(old) = scheduler.poll_frame(ms(0)) else { panic!("it has a look to send") };
    scheduler.handle_down();
    scheduler.handle_up(ms(10));
    let Poll::Frame(new) = scheduler.poll_frame(ms(10)) else { panic!("it has a look to send") };
    assert_eq!(scheduler.handle_sent(old.token), None);
    assert!(!scheduler.handle_lost(ms(11), old.token));
    assert!(!scheduler.is_settled(ms(11)));
    assert_eq!(scheduler.handle_sent(new.token), Some(RED));
    assert!(scheduler.is_settled(ms(11)));
    assert_eq!(
        scheduler.counts(),
        FrameCounts { handed: 2, sent: 1, failed: 1, ..FrameCounts::default() }
    );
}

#[test]
fn the_most_urgent_of_several_links_can_be_told() {
    let mut link = Link::settled(&spec(), 10, RED);
    assert_eq!(link.scheduler.urgency(link.now), None);
    let stamp = Stamp { arrival: link.now, sequence: 9, ..Stamp::default() };
    link.scheduler.handle_look(0, WHITE, stamp);
    assert_eq!(link.scheduler.urgency(link.now), Some((Class::Snap, link.now)));
    link.pump();
    assert_eq!(link.scheduler.urgency(link.now), None, "busy");
}

/// Thousands of these lie side by side and are walked at every change.
#[test]
fn a_scheduler_for_one_group_is_small() {
    assert!(size_of::<LinkScheduler>() <= 320, "{}", size_of::<LinkScheduler>());
}

/// One radio, 400 frames/s, every group moving at 44 Hz, two groups with a flash of one frame
/// every 2 s: at 2 and 7 times what the radio can carry, every flash is seen, at once.
#[test]
fn flashes_are_seen_on_links_that_are_many_times_too_slow() {
    for groups in [20, 60] {
        let mut link = Link::new(&spec_of(groups), 0);
        link.service = Duration::from_micros(2_500);
        link.run(1_000);
        let mut flashes = 0;
        for beat in 0..44 * 30u64 {
            for slot in 0..groups {
                let flash = slot < 2 && beat % 88 == 40;
                flashes += u64::from(flash);
                link.look(slot, if flash { WHITE } else { level(50 + (beat % 50) as u8) });
            }
            link.run(23);
        }
        let seen = link.sent.iter().filter(|(_, frame)| frame.look == WHITE);
        assert_eq!(seen.clone().count() as u64, flashes, "{groups} groups");
        let late = seen.filter_map(|(_, frame)| frame.latency).max();
        assert!(late <= Some(Duration::from_millis(23)), "{groups} groups: {late:?}");
        let oldest = link.sent.iter().filter_map(|(_, frame)| frame.latency).max();
        assert!(oldest <= Some(Duration::from_millis(23 + 3 * groups as u64)), "{oldest:?}");
    }
}

fn looks() -> impl Strategy<Value = Look> {
    let levels = prop_oneof![Just(0u8), Just(255), any::<u8>()];
    let fade = prop_oneof![3 => Just(0u8), 1 => 1..30u8];
    (levels.clone(), levels, fade).prop_map(|(red, dimmer, fade_cs)| Look {
        red,
        dimmer,
        fade_cs,
        ..Look::DARK
    })
}

proptest! {
    /// Any looks at any times on any link: nothing is sent after something newer, and once input
    /// and losses are over every group has its newest look within the bound that is promised.
    #[test]
    fn what_is_sent_last_is_what_came_last_and_order_never_turns(
        groups in 1..4usize,
        service in 1..50u64,
        min_interval in 0..40u64,
        fades in any::<bool>(),
        repeats in 0..3u8,
        losses in proptest::collection::vec(any::<bool>(), 0..20),
        script in proptest::collection::vec((0..4usize, looks(), 0..60u64), 1..60),
        panic_at in proptest::option::of(0..60usize),
    ) {
        let spec = LinkSpec {
            min_interval: Duration::from_millis(min_interval),
            fades,
            repeats,
            ..spec_of(groups)
        };
        let mut link = Link::new(&spec, service);
        link.losses = losses;
        let mut newest = vec![None; groups];
        for (index, (slot, look, pause)) in script.into_iter().enumerate() {
            if panic_at.is_some_and(|at| at == index || at + 5 == index) {
                let begins = panic_at == Some(index);
                link.scheduler.handle_panic(link.now, begins);
            }
            newest[slot % groups] = Some(look);
            link.look(slot % groups, look);
            link.run(pause);
        }

        let input_ended = link.now;
        let fade = Duration::from_millis(300) + RAMP_STEP;
        let frame = Duration::from_millis(service.max(min_interval));
        // For each group: the frame in flight, a peak, the look, its repeats, a keyframe between.
        let frames = frame * u32::try_from(groups).unwrap() * (4 + u32::from(repeats));
        while !link.scheduler.is_settled(link.now) {
            link.run(1);
            let since = input_ended.max(link.last_loss);
            prop_assert!(link.now.since(since) <= fade + RETRY_MAX + frames, "does not settle");
        }

        for (slot, look) in newest.iter().enumerate() {
            let of_group = |(_, frame): &&(Time, Frame)| frame.group as usize == slot;
            let last = link.sent.iter().rfind(of_group).map(|(_, frame)| frame.look);
            let plain = |look: Look| Look { fade_cs: 0, ..look };
            prop_assert_eq!(last.map(plain), look.map(plain));
            let tables: Vec<u64> =
                link.handed.iter().filter(of_group).map(|(_, frame)| frame.table).collect();
            prop_assert!(tables.is_sorted(), "{:?}", tables);
        }
        let counts = link.scheduler.counts();
        prop_assert_eq!(counts.handed, link.handed.len() as u64);
        prop_assert_eq!(counts.sent, link.sent.len() as u64);
        prop_assert_eq!(counts.sent + counts.failed, counts.handed);
    }

    /// A flash between two steady looks is seen whenever it comes, however slow the link, if it is
    /// not too slow for any flash; also if frames are lost, while the flash is still one.
    #[test]
    fn a_flash_of_one_frame_is_seen(
        service in 1..100u64,
        before in 0..100u64,
        losses in proptest::collection::vec(any::<bool>(), 0..3),
    ) {
        let mut link = Link::settled(&spec(), service, level(100));
        link.look(0, level(101));
        link.run(before);
        link.losses = losses;
        link.look(0, WHITE);
        link.run(23);
        link.look(0, level(100));
        link.run(2_000);
        let looks = link.sent_looks();
        prop_assert!(looks.contains(&WHITE), "{:?}", looks);
        prop_assert_eq!(looks.last(), Some(&level(100)));
    }

    /// The same calls give the same frames.
    #[test]
    fn the_same_calls_give_the_same_frames(
        script in proptest::collection::vec((0..3usize, looks(), 0..60u64), 1..40),
    ) {
        let run = || {
            let mut link = Link::new(&spec_of(3), 7);
            for (slot, look, pause) in &script {
                link.look(*slot, *look);
                link.run(*pause);
            }
            link.handed
        };
        prop_assert_eq!(run(), run());
    }
}
