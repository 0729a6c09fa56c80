//! Virtual wristbands, by the thousand, and the model of their links.
//!
//! After stage 5, schedule, on the lane's thread. Each band is connected by a link of its own with
//! connection events at a fixed interval, phases spread over it. A frame that was handed over goes
//! out at the link's next connection event; if the event fails (loss), the link layer sends the
//! very same frame at the one after. The band decodes its bytes and shows the look a little later
//! (latency). That is how a link behaves whose controller holds one packet. What is handed over
//! while an event is still open goes out in it, as many packets as an event has. A link whose events
//! all fail for the [`SUPERVISION_TIMEOUT`] breaks, and is connected again [`RECONNECT`] later.
//!
//! Promises: it is driven by the time it is told and by nothing else, so that it runs under a
//! virtual clock as it does live; **the same seed and the same calls give the same run**. It wakes
//! once a millisecond at most, however many bands there are, and allocates nothing after it was
//! made.

use std::sync::Arc;
use std::time::Duration;

use super::calendar::Calendar;
use super::telemetry::{RadioTelemetry, Rssi};
use super::{Class, Frame, LinkId, LinkSpec, Radio, RadioContext, RadioEvent, Token};
use crate::band::{BandFrame, FRAME_LEN, Player};
use crate::config::SimulatedConfig;
use crate::look::Look;
use crate::time::Time;

/// Connection events of one such tick are handled together, at its end.
const TICK: Duration = Duration::from_millis(1);

/// How long a link tries before it counts as broken. Within 0.1..=32 s, Core 5.4, Vol 6, Part B,
/// 4.5.2.
pub const SUPERVISION_TIMEOUT: Duration = Duration::from_millis(1_000);

/// How long a connection event stays open for packets that follow. Some packets and their answers,
/// each below a millisecond, and the tick that they are handled in.
const EVENT_OPEN: Duration = Duration::from_millis(4);
/// Sets what bands tell of themselves apart from all else that is drawn by lot.
const VITALS: u64 = 0x5649_5441_4C53_0001;

/// How long it takes to find and connect a band that was switched on.
pub const RECONNECT: Duration = Duration::from_millis(200);

/// Virtual wristbands.
#[derive(Debug)]
pub struct SimulatedRadio {
    links: Vec<LinkSpec>,
    bands: Box<[Band]>,
    events: Calendar,
    interval: u64,
    packets_per_event: u8,
    latency: Duration,
    /// A connection event fails if 32 random bits are below this.
    loss: u64,
    ready_told: bool,
    telemetry: Option<Arc<RadioTelemetry>>,
}

/// One band and its link.
#[derive(Clone, Debug)]
struct Band {
    state: State,
    /// The first connection event, nanoseconds from the origin; below the interval.
    phase: u64,
    random: u64,
    player: Player,
    /// The frame in flight.
    bytes: [u8; FRAME_LEN],
    token: Token,
    /// The latest event in which a frame got through, and packets it has left.
    event: Time,
    packets_left: u8,
    /// Since when every event has failed, while a frame is in flight.
    failing_since: Time,
    /// What it tells when it is connected: battery in percent, strength in dBm.
    battery: u8,
    dbm: i16,
}

/// What the next appointment of a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Switched off, and known to be. No appointment.
    Off,
    /// It will be connected.
    Connecting,
    /// Connected, nothing in flight. No appointment.
    Idle,
    /// A connection event with a frame.
    InFlight,
    /// Switched off, which nobody knows yet: the link will break.
    Breaking,
}

impl SimulatedRadio {
    /// The bands that `config` describes, for a show of `groups` groups.
    pub fn new(config: &SimulatedConfig, groups: usize) -> Self {
        let chosen = match config.groups.as_slice() {
            [] => (0..groups).collect(),
            chosen => chosen.to_vec(),
        };
        let link = |group: usize, number: usize| {
            LinkSpec::connection(format!("sim-{group}-{number}"), group)
        };
        let links: Vec<LinkSpec> = chosen
            .iter()
            .flat_map(|group| (0..config.bands_per_group).map(|number| link(*group, number)))
            .collect();
        let interval = (config.interval.as_nanos() as u64).max(1);
        let band = |index: usize| {
            // Neighbours in the list get states that have nothing to do with each other.
            let mut random = config.seed ^ (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            // A stream of its own: what a band tells has nothing to do with what it loses.
            let mut vitals = random ^ VITALS;
            let phase = next_random(&mut random) % interval;
            Band {
                battery: 100 - (next_random(&mut vitals) % 45) as u8,
                dbm: -48 - (next_random(&mut vitals) % 40) as i16,
                state: State::Connecting,
                phase,
                random,
                player: Player::default(),
                bytes: [0; FRAME_LEN],
                token: Token::default(),
                event: Time::ZERO,
                packets_left: 0,
                failing_since: Time::ZERO,
            }
        };
        Self {
            bands: (0..links.len()).map(band).collect(),
            events: Calendar::new(links.len(), TICK),
            links,
            interval,
            packets_per_event: config.packets_per_event,
            latency: config.latency,
            loss: (config.loss.clamp(0.0, 1.0) * (1u64 << 32) as f64) as u64,
            ready_told: false,
            telemetry: None,
        }
    }

    /// What the band shows at `now`, on the way or arrived.
    pub fn look(&self, now: Time, link: LinkId) -> Look {
        self.bands[link.index()].player.look(now)
    }

    /// What its lamps (red, green, blue, white) do at `now`, strobe and all.
    pub fn light(&self, now: Time, link: LinkId) -> [u8; 4] {
        self.bands[link.index()].player.light(now)
    }

    /// Takes the battery out of a band. The link breaks a [`SUPERVISION_TIMEOUT`] later.
    pub fn switch_off(&mut self, now: Time, link: LinkId) {
        let band = &mut self.bands[link.index()];
        band.player = Player::default();
        if matches!(band.state, State::Idle | State::InFlight) {
            band.state = State::Breaking;
            self.events.set(link.0, now + SUPERVISION_TIMEOUT);
        } else if band.state == State::Connecting {
            band.state = State::Off;
            self.events.clear(link.0);
        }
        self.show(link);
    }

    /// Puts it back. The band is dark, and connected a little later.
    pub fn switch_on(&mut self, now: Time, link: LinkId) {
        let band = &mut self.bands[link.index()];
        if matches!(band.state, State::Off | State::Breaking) {
            // A link that is about to break is given up by the band that starts anew.
            let broken = band.state == State::Breaking;
            let wait = if broken { SUPERVISION_TIMEOUT + RECONNECT } else { RECONNECT };
            band.state = State::Connecting;
            self.events.set(link.0, now + wait);
        }
    }

    /// The first connection event of a link after `now`.
    fn next_event(&self, now: Time, band: &Band) -> Time {
        let past = now.as_nanos().saturating_sub(band.phase);
        let next = band.phase + (past / self.interval + 1) * self.interval;
        Time::from_nanos(if now.as_nanos() < band.phase { band.phase } else { next })
    }

    /// What happens on a link at the time it was waiting for.
    fn event(&mut self, at: Time, link: LinkId) -> Option<RadioEvent> {
        let band = &mut self.bands[link.index()];
        match band.state {
            State::Off | State::Idle => None,
            State::Connecting => {
                band.state = State::Idle;
                let telemetry = self.telemetry.as_ref().and_then(|radio| radio.band(link));
                if let Some(telemetry) = telemetry {
                    telemetry.set_battery_percent(band.battery);
                    telemetry.set_rssi(Rssi { dbm: band.dbm, at });
                }
                Some(RadioEvent::Up(link))
            }
            State::Breaking => {
                band.state = State::Off;
                Some(RadioEvent::Down(link, "does not answer; is it switched on?".into()))
            }
            State::InFlight if next_random(&mut band.random) >> 32 < self.loss => {
                band.packets_left = 0;
                if at.since(band.failing_since) >= SUPERVISION_TIMEOUT {
                    // The band did not hear anything either: it goes dark only if it is told to.
                    band.state = State::Connecting;
                    self.events.set(link.0, at + RECONNECT);
                    return Some(RadioEvent::Down(link, "connection lost; looking for it".into()));
                }
                self.events.set(link.0, at + Duration::from_nanos(self.interval));
                None
            }
            State::InFlight => {
                band.state = State::Idle;
                if at.since(band.event) < Duration::from_nanos(self.interval)
                    && band.packets_left > 0
                {
                    band.packets_left -= 1;
                } else {
                    band.event = at;
                    band.packets_left = self.packets_per_event.saturating_sub(1);
                }
                let token = band.token;
                if let Ok(frame) = BandFrame::decode(&band.bytes) {
                    band.player.apply(at + self.latency, &frame);
                }
                self.show(link);
                Some(RadioEvent::Sent { link, token, at })
            }
        }
    }

    /// Tells the telemetry what a band shows.
    fn show(&self, link: LinkId) {
        let Some(band) = self.telemetry.as_ref().and_then(|telemetry| telemetry.band(link)) else {
            return;
        };
        let (from, to, since) = self.bands[link.index()].player.course();
        band.set_shown(from, to, since);
    }
}

impl Radio for SimulatedRadio {
    fn kind(&self) -> &'static str {
        "simulated"
    }

    fn links(&self) -> &[LinkSpec] {
        &self.links
    }

    fn reports_shown(&self) -> bool {
        true
    }

    fn start(&mut self, now: Time, context: RadioContext) {
        self.telemetry = Some(context.telemetry);
        for index in 0..self.bands.len() {
            let first = self.next_event(now, &self.bands[index]);
            self.events.set(index as u32, first);
        }
    }

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_timeout(&self) -> Option<Time> {
        self.events.poll_timeout()
    }

    fn poll_event(&mut self, now: Time) -> Option<RadioEvent> {
        if !self.ready_told {
            self.ready_told = true;
            return Some(RadioEvent::Ready);
        }
        while let Some((link, at)) = self.events.pop(now) {
            if let Some(event) = self.event(at, LinkId(link)) {
                return Some(event);
            }
        }
        None
    }

    fn send(&mut self, now: Time, link: LinkId, frame: &Frame) {
        let band = &self.bands[link.index()];
        // An event is open as long as packets follow each other.
        let open = band.packets_left > 0 && now.since(band.event) <= EVENT_OPEN;
        let event = if open { now } else { self.next_event(now, band) };
        let band = &mut self.bands[link.index()];
        let frame_of_band = BandFrame {
            look: frame.look,
            sequence: frame.sequence,
            first: frame.first,
            panic: frame.class == Class::Panic,
        };
        band.bytes = frame_of_band.encode();
        band.token = frame.token;
        // A link that is breaking keeps the frame, and its appointment, until it breaks.
        if band.state == State::Idle {
            band.state = State::InFlight;
            band.failing_since = now;
            self.events.set(link.0, event);
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
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
        let groups: Vec<usize> =
            radio.links().iter().flat_map(|link| link.groups.clone()).collect();
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
    fn after_the_last_look_every_band_shows_it_within_three_intervals_however_fast_the_console_was()
    {
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
}
