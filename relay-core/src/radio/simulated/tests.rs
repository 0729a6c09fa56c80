use super::*;
use crate::lane::Stamp;
use crate::radio::LaneWaker;
use crate::radio::dispatch::Dispatch;
use crate::table::GroupTable;

const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };

fn config() -> SimulatedConfig {
    SimulatedConfig {
        bands_per_group: 10,
        groups: Vec::new(),
        interval: Duration::from_millis(30),
        loss: 0.02,
        latency: Duration::from_millis(2),
        packets_per_event: 1,
        seed: 1,
    }
}

/// A crowd under a virtual clock.
struct Crowd {
    dispatch: Dispatch<SimulatedRadio>,
    table: GroupTable,
    now: Time,
    sequence: u64,
}

impl Crowd {
    fn new(config: &SimulatedConfig, groups: usize) -> Self {
        let radio = SimulatedRadio::new(config, groups);
        let mut dispatch = Dispatch::new("crowd", radio, groups);
        dispatch.start(Time::ZERO, LaneWaker::noop());
        Self { dispatch, table: GroupTable::new(groups), now: Time::ZERO, sequence: 0 }
    }

    fn show(&mut self, look: impl Fn(usize) -> Look) {
        for group in 0..self.table.len() {
            self.table.set(group, look(group));
        }
        self.sequence += 1;
        let (now, sequence) = (self.now, self.sequence);
        let stamp = Stamp { arrival: now, published: now, sequence, panic: false };
        self.dispatch.handle_table(now, &self.table, stamp);
        self.table.clear_changed();
    }

    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(due) = self.dispatch.poll_timeout().filter(|due| *due <= end) {
            self.dispatch.handle_timeout(due);
        }
        self.now = end;
    }

    fn looks(&self) -> Vec<Look> {
        let radio = self.dispatch.radio();
        (0..radio.links().len()).map(|i| radio.look(self.now, LinkId(i as u32))).collect()
    }

    fn settled(&self) -> bool {
        self.dispatch.settlement(self.now).late == 0
    }
}

fn moving(step: u64) -> impl Fn(usize) -> Look {
    move |group| Look { red: (step * 3) as u8, green: group as u8, dimmer: 255, ..Look::DARK }
}

#[test]
fn every_band_shows_the_look_of_its_group() {
    let mut crowd = Crowd::new(&config(), 5);
    crowd.run(100);
    crowd.show(moving(1));
    crowd.run(1_000);
    let expected: Vec<Look> = (0..50).map(|band| moving(1)(band / 10)).collect();
    assert_eq!(crowd.looks(), expected);
    let telemetry = crowd.dispatch.telemetry();
    let states = telemetry.band_states(crowd.now, |group| group.to_string());
    assert!(states.iter().zip(&expected).all(|(state, look)| state.look == (*look).into()));
    assert_eq!(telemetry.radio_state().bands_connected, 50);
}

#[test]
fn only_the_chosen_groups_have_bands() {
    let chosen = SimulatedConfig { groups: vec![3, 1], bands_per_group: 2, ..config() };
    let radio = SimulatedRadio::new(&chosen, 5);
    let groups: Vec<usize> = radio.links().iter().flat_map(|link| link.groups.clone()).collect();
    assert_eq!(groups, [3, 3, 1, 1]);
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let run = |seed| {
        let mut crowd = Crowd::new(&SimulatedConfig { seed, loss: 0.3, ..config() }, 4);
        let mut seen = Vec::new();
        for step in 0..100 {
            crowd.show(moving(step));
            crowd.run(23);
            seen.push(crowd.looks());
        }
        (seen, crowd.dispatch.telemetry().counts())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn calls_without_anything_due_change_nothing() {
    let run = |spurious: bool| {
        let mut crowd = Crowd::new(&SimulatedConfig { loss: 0.3, ..config() }, 2);
        for step in 0..50 {
            crowd.show(moving(step));
            for _ in 0..23 {
                crowd.run(1);
                if spurious {
                    crowd.dispatch.handle_timeout(crowd.now);
                }
            }
        }
        (crowd.looks(), crowd.dispatch.telemetry().counts())
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn a_link_carries_one_look_per_interval_the_newest() {
    let mut crowd = Crowd::new(&SimulatedConfig { loss: 0.0, ..config() }, 1);
    crowd.run(100);
    for step in 0..3_000 {
        crowd.show(moving(step));
        crowd.run(10);
    }
    crowd.run(100);
    let counts = crowd.dispatch.telemetry().counts();
    // 10 bands, 30 s, one frame in 30 ms.
    assert!((9_950..=10_030).contains(&counts.sent), "{counts:?}");
    // The last step came with the glide of its ramp.
    let lights = crowd.looks().into_iter().map(Look::output).collect::<Vec<_>>();
    assert_eq!(lights, vec![moving(2_999)(0).output(); 10]);
}

#[test]
fn a_failed_connection_event_delays_the_frame_by_an_interval() {
    let spread = |loss| {
        let mut crowd =
            Crowd::new(&SimulatedConfig { bands_per_group: 1_000, loss, ..config() }, 1);
        crowd.run(100);
        crowd.show(|_| RED);
        let late = |crowd: &Crowd| crowd.looks().iter().filter(|look| **look != RED).count();
        crowd.run(17);
        let half_way = late(&crowd);
        assert!((400..600).contains(&half_way) || loss > 0.0, "phases are spread: {half_way}");
        crowd.run(16);
        let mut rest = vec![late(&crowd)];
        for _ in 0..4 {
            crowd.run(30);
            rest.push(late(&crowd));
        }
        rest
    };
    assert_eq!(spread(0.0), [0; 5]);
    let lossy = spread(0.5);
    assert!((450..550).contains(&lossy[0]), "{lossy:?}");
    assert!((210..290).contains(&lossy[1]), "{lossy:?}");
    assert!((15..50).contains(&lossy[4]), "{lossy:?}");
}

#[test]
fn a_band_switched_off_is_found_missing_and_gets_its_look_when_it_is_back() {
    let mut crowd = Crowd::new(&config(), 1);
    crowd.run(100);
    crowd.show(|_| RED);
    crowd.run(500);
    let band = LinkId(4);
    crowd.dispatch.radio_mut().switch_off(crowd.now, band);
    assert_eq!(crowd.looks()[4], Look::DARK);
    crowd.show(moving(7));
    crowd.run(500);
    assert!(!crowd.settled(), "nobody knows yet");
    crowd.run(600);
    assert!(crowd.settled(), "the others show it");
    let states = crowd.dispatch.telemetry().band_states(crowd.now, |_| String::new());
    assert!(!states[4].connected && states[4].detail.is_some());
    crowd.dispatch.radio_mut().switch_on(crowd.now, band);
    crowd.run(500);
    assert_eq!(crowd.looks(), vec![moving(7)(0); 10]);
    assert_eq!(crowd.dispatch.telemetry().bands_up(), 10);
}

#[test]
fn a_band_that_is_back_before_it_was_missed_gets_its_look_too() {
    let mut crowd = Crowd::new(&config(), 1);
    crowd.run(100);
    crowd.show(|_| RED);
    crowd.run(500);
    crowd.dispatch.radio_mut().switch_off(crowd.now, LinkId(0));
    crowd.run(100);
    crowd.dispatch.radio_mut().switch_on(crowd.now, LinkId(0));
    crowd.run(900);
    assert_eq!(crowd.looks()[0], Look::DARK, "the old link has to break first");
    crowd.run(600);
    assert_eq!(crowd.looks(), vec![RED; 10]);
}

#[test]
fn a_ramp_on_a_slow_link_is_a_movement_and_not_a_staircase() {
    let slow = SimulatedConfig {
        interval: Duration::from_millis(120),
        loss: 0.0,
        bands_per_group: 1,
        ..config()
    };
    let mut crowd = Crowd::new(&slow, 1);
    crowd.run(100);
    let mut greatest_jump = 0;
    let mut last = 0;
    for step in 0..100 {
        crowd.show(|_| Look { red: 2 * step as u8 + 50, dimmer: 255, ..Look::DARK });
        // The first half second shows what the ramp is.
        for _ in 0..23 {
            crowd.run(1);
            let red = crowd.looks()[0].output()[0];
            if step > 25 {
                greatest_jump = greatest_jump.max(red.abs_diff(last));
            }
            last = red;
        }
    }
    // 5 looks a frame make steps of 10 or 12.
    assert!(greatest_jump <= 2, "{greatest_jump}");
    crowd.run(500);
    assert_eq!(crowd.looks()[0].output()[0], 248, "and it ends where the console ended");
}

#[test]
fn after_the_last_look_every_band_shows_it_within_three_intervals_however_fast_the_console_was() {
    // Seven times too much: 44 looks a second for links that carry 6.7.
    let interval = Duration::from_millis(150);
    let slow = SimulatedConfig { bands_per_group: 1, interval, loss: 0.0, ..config() };
    let mut crowd = Crowd::new(&slow, 20);
    crowd.run(500);
    for stop in 0..40 {
        for step in 0..30 + stop {
            let flash = step % 7 == stop % 7;
            crowd.show(|group| Look {
                red: (97 * step + 31 * group as u64) as u8,
                white: if flash { 255 } else { 0 },
                dimmer: 255,
                ..Look::DARK
            });
            crowd.run(23);
        }
        let last = |group: usize| Look { blue: 100 + group as u8, ..RED };
        crowd.show(last);
        // The frame under way, a flash that was latched, the look itself.
        crowd.run(3 * 150 + 4);
        assert_eq!(crowd.looks(), (0..20).map(last).collect::<Vec<_>>(), "{stop}");
    }
}

#[test]
fn an_event_carries_as_many_packets_as_it_has() {
    let sent = |packets_per_event| {
        let one = SimulatedConfig { packets_per_event, loss: 0.0, ..config() };
        let mut radio = SimulatedRadio::new(&SimulatedConfig { bands_per_group: 1, ..one }, 1);
        let telemetry = Arc::new(RadioTelemetry::new("one", "simulated", radio.links()));
        radio.start(Time::ZERO, RadioContext { waker: LaneWaker::noop(), telemetry });
        let mut sent = 0;
        let (mut up, mut free) = (false, true);
        for millis in 0..3_000 {
            let now = Time::from_millis(millis);
            while let Some(event) = radio.poll_event(now) {
                up |= matches!(event, RadioEvent::Up(_));
                if matches!(event, RadioEvent::Sent { .. }) {
                    (sent, free) = (sent + 1, true);
                }
            }
            if up && std::mem::take(&mut free) {
                radio.send(now, LinkId(0), &frame(millis));
            }
        }
        sent
    };
    // 3 s, an event in 30 ms.
    assert!((97..=100).contains(&sent(1)), "{}", sent(1));
    assert!((290..=300).contains(&sent(3)), "{}", sent(3));
}

fn frame(number: u64) -> Frame {
    Frame {
        token: Token(number as u32),
        group: 0,
        look: RED,
        sequence: number as u8,
        class: Class::Snap,
        first: false,
        table: 1,
        latency: None,
    }
}

#[test]
fn a_link_whose_events_all_fail_breaks_and_is_connected_again() {
    let mut crowd = Crowd::new(&SimulatedConfig { loss: 1.0, ..config() }, 1);
    crowd.run(100);
    crowd.show(|_| RED);
    crowd.run(950);
    assert_eq!(crowd.dispatch.telemetry().bands_up(), 10);
    crowd.run(150);
    assert_eq!(crowd.dispatch.telemetry().bands_up(), 0);
    let states = crowd.dispatch.telemetry().band_states(crowd.now, |_| String::new());
    assert!(states.iter().all(|state| state.detail.is_some() && state.failed == 1));
    crowd.run(200);
    assert!(crowd.dispatch.telemetry().bands_up() > 0, "and tries again");
}

#[test]
fn a_fade_is_done_by_the_bands_in_step() {
    let mut crowd = Crowd::new(&SimulatedConfig { loss: 0.0, ..config() }, 1);
    crowd.run(100);
    crowd.show(|_| Look::DARK);
    crowd.run(500);
    crowd.show(|_| Look { fade_cs: 100, ..RED });
    crowd.run(500);
    let looks = crowd.looks();
    let reds: Vec<u8> = looks.iter().map(|look| look.output()[0]).collect();
    for (index, look) in looks.iter().enumerate() {
        let told = crowd.dispatch.telemetry().band(LinkId(index as u32)).unwrap();
        assert_eq!(told.shown(crowd.now).map(|shown| shown.look), Some(*look));
    }
    assert!(reds.iter().all(|red| (118..=128).contains(red)), "{reds:?}");
    crowd.run(535);
    assert!(crowd.looks().iter().all(|look| look.output() == RED.output()));
}

#[test]
fn bands_that_are_left_to_another_relay_are_dark_to_this_one_until_it_drives() {
    let mut crowd = Crowd::new(&config(), 1);
    crowd.show(|_| RED);
    crowd.run(1_000);
    assert_eq!(crowd.dispatch.telemetry().bands_up(), 10);
    crowd.dispatch.radio_mut().rest(crowd.now, true);
    crowd.dispatch.handle_timeout(crowd.now);
    // Batteries go and come meanwhile.
    crowd.dispatch.radio_mut().switch_off(crowd.now, LinkId(0));
    crowd.dispatch.radio_mut().switch_off(crowd.now, LinkId(1));
    crowd.dispatch.radio_mut().switch_on(crowd.now, LinkId(1));
    crowd.run(5_000);
    assert!(crowd.dispatch.radio().has_let_go());
    assert_eq!(crowd.dispatch.telemetry().bands_up(), 0);
    let sent = crowd.dispatch.telemetry().counts().sent;
    crowd.show(|_| Look { red: 9, ..RED });
    crowd.run(5_000);
    assert_eq!(crowd.dispatch.telemetry().counts().sent, sent);
    crowd.dispatch.radio_mut().rest(crowd.now, false);
    crowd.dispatch.handle_timeout(crowd.now);
    crowd.run(2_000);
    let looks = crowd.looks();
    assert_eq!(looks[0].red, 0, "switched off");
    assert!(looks[1..].iter().all(|look| look.red == 9), "{looks:?}");
}
