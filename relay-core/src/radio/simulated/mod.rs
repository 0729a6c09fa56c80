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

#[cfg(test)]
mod tests;

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
    /// Another relay drives the bands.
    rests: bool,
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
    /// To be left to another relay at once.
    Leaving,
    /// Left to another relay. No appointment.
    LetGo,
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
            rests: false,
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
        } else if band.state == State::Leaving {
            band.state = State::Breaking;
        } else if matches!(band.state, State::Connecting | State::LetGo) {
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
            match (self.rests, broken) {
                (true, false) => band.state = State::LetGo,
                (true, true) => {
                    band.state = State::Leaving;
                    self.events.set(link.0, now);
                }
                (false, _) => {
                    band.state = State::Connecting;
                    self.events.set(link.0, now + wait);
                }
            }
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
            State::Off | State::Idle | State::LetGo => None,
            State::Connecting => {
                band.state = State::Idle;
                let telemetry = self.telemetry.as_ref().and_then(|radio| radio.band(link));
                if let Some(telemetry) = telemetry {
                    telemetry.set_battery_percent(band.battery);
                    telemetry.set_rssi(Rssi { dbm: band.dbm, at });
                }
                Some(RadioEvent::Up(link))
            }
            State::Leaving => {
                band.state = if self.rests { State::LetGo } else { State::Connecting };
                if !self.rests {
                    self.events.set(link.0, at + RECONNECT);
                }
                Some(RadioEvent::Down(link, "left to the other relay".into()))
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
        if self.rests {
            return self.rest(now, true);
        }
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

    fn rest(&mut self, now: Time, rests: bool) {
        self.rests = rests;
        for (link, band) in (0..).zip(&mut self.bands) {
            match band.state {
                State::Idle | State::InFlight | State::Connecting if rests => {
                    // What the controller still held goes with the connection.
                    band.state = State::Leaving;
                    self.events.set(link, now);
                }
                State::LetGo if !rests => {
                    band.state = State::Connecting;
                    self.events.set(link, now + RECONNECT);
                }
                _ => {}
            }
        }
    }

    fn has_let_go(&self) -> bool {
        let held =
            |band: &Band| matches!(band.state, State::Idle | State::InFlight | State::Leaving);
        !self.bands.iter().any(held)
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
