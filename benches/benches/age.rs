//! How old is the light? Three radios with twenty links each, a console at 44 Hz, links that carry a
//! half or a seventh of that, two percent of the connection events lost.
//!
//! The relay's scheduler beside what one would write first, a queue for each link (FIFO), and what
//! one would write then, one slot for each link (plain conflation): the same radios with the same
//! seeds and the same looks in the same run. Virtual time: the figures are the same on every machine.
//!
//!     cargo bench --bench age                      the table
//!     cargo bench --bench age -- --plot FILE.svg   and the picture

#![expect(clippy::unwrap_used, reason = "a bench may end where it cannot go on")]

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use wristcast_core::config::SimulatedConfig;
use wristcast_core::lane::Stamp;
use wristcast_core::look::Look;
use wristcast_core::radio::dispatch::Dispatch;
use wristcast_core::radio::simulated::SimulatedRadio;
use wristcast_core::radio::telemetry::RadioTelemetry;
use wristcast_core::radio::{
    Class, Frame, LaneWaker, LinkId, Radio, RadioContext, RadioEvent, Token,
};
use wristcast_core::table::GroupTable;
use wristcast_core::time::Time;

const RADIOS: u64 = 3;
const LINKS: usize = 20;
const BEATS: u64 = 44 * 30;
const BEAT_NANOS: u64 = 1_000_000_000 / 44;
/// Groups with a flash of one frame every two seconds.
const FLASHING: usize = 2;
const FLASH_EVERY: u64 = 88;
const SAMPLE: Duration = Duration::from_millis(1);

/// What the console sends for a group: the number of the beat in green and blue, a flash in red.
fn look(beat: u64, group: usize) -> Look {
    let flash = is_flash(beat, group);
    Look {
        red: if flash { 255 } else { 20 },
        green: (beat % 128) as u8,
        blue: (beat / 128) as u8,
        dimmer: 255,
        ..Look::DARK
    }
}

fn is_flash(beat: u64, group: usize) -> bool {
    group < FLASHING && beat % FLASH_EVERY == 40
}

fn beat_of(look: Look) -> u64 {
    u64::from(look.blue) * 128 + u64::from(look.green)
}

fn arrival(beat: u64) -> Time {
    Time::from_nanos(1_000_000_000 + beat * BEAT_NANOS)
}

/// Something that keeps the bands of one radio on the looks it is told.
trait Policy {
    fn show(&mut self, now: Time, beat: u64);
    fn run_until(&mut self, end: Time);
    /// What the band shows or goes to; `None` before its first frame.
    fn shown(&self, now: Time, link: LinkId) -> Option<Look>;
}

fn radio(seed: u64, interval: Duration) -> SimulatedRadio {
    let config = SimulatedConfig {
        bands_per_group: 1,
        interval,
        loss: 0.02,
        latency: Duration::ZERO,
        seed,
        ..SimulatedConfig::default()
    };
    SimulatedRadio::new(&config, LINKS)
}

/// The relay's own.
struct Ours {
    dispatch: Dispatch<SimulatedRadio>,
    table: GroupTable,
}

impl Ours {
    fn new(radio: SimulatedRadio) -> Self {
        let mut dispatch = Dispatch::new("ours", radio, LINKS);
        dispatch.start(Time::ZERO, LaneWaker::noop());
        Self { dispatch, table: GroupTable::new(LINKS) }
    }
}

impl Policy for Ours {
    fn show(&mut self, now: Time, beat: u64) {
        for group in 0..LINKS {
            self.table.set(group, look(beat, group));
        }
        let stamp = Stamp { arrival: now, published: now, sequence: beat + 1, panic: false };
        self.dispatch.handle_table(now, &self.table, stamp);
        self.table.clear_changed();
    }

    fn run_until(&mut self, end: Time) {
        while let Some(due) = self.dispatch.poll_timeout().filter(|due| *due <= end) {
            self.dispatch.handle_timeout(due);
        }
    }

    fn shown(&self, now: Time, link: LinkId) -> Option<Look> {
        self.dispatch.telemetry().band(link)?.shown(now).map(|shown| shown.target)
    }
}

/// A queue for each link, or only its last place.
struct Plain {
    radio: SimulatedRadio,
    telemetry: Arc<RadioTelemetry>,
    queues: Vec<VecDeque<Look>>,
    free: [bool; LINKS],
    newest_only: bool,
    token: u32,
    sequence: [u8; LINKS],
}

impl Plain {
    fn new(mut radio: SimulatedRadio, newest_only: bool) -> Self {
        let telemetry = Arc::new(RadioTelemetry::new("plain", radio.kind(), radio.links()));
        let context = RadioContext { waker: LaneWaker::noop(), telemetry: telemetry.clone() };
        radio.start(Time::ZERO, context);
        Self {
            radio,
            telemetry,
            queues: vec![VecDeque::new(); LINKS],
            free: [false; LINKS],
            newest_only,
            token: 0,
            sequence: [0; LINKS],
        }
    }

    fn serve(&mut self, now: Time, link: usize) {
        if !self.free[link] {
            return;
        }
        let Some(look) = self.queues[link].pop_front() else { return };
        self.free[link] = false;
        self.token += 1;
        self.sequence[link] = self.sequence[link].wrapping_add(1);
        let frame = Frame {
            token: Token(self.token),
            group: link as u32,
            look,
            sequence: self.sequence[link],
            class: Class::Snap,
            first: false,
            table: 0,
            latency: None,
        };
        self.radio.send(now, LinkId(link as u32), &frame);
    }
}

impl Policy for Plain {
    fn show(&mut self, now: Time, beat: u64) {
        for link in 0..LINKS {
            if self.newest_only {
                self.queues[link].clear();
            }
            self.queues[link].push_back(look(beat, link));
            self.serve(now, link);
        }
    }

    fn run_until(&mut self, end: Time) {
        while let Some(due) = self.radio.poll_timeout().filter(|due| *due <= end) {
            while let Some(event) = self.radio.poll_event(due) {
                if let RadioEvent::Up(link) | RadioEvent::Sent { link, .. } = event {
                    self.free[link.index()] = true;
                    self.serve(due, link.index());
                }
            }
        }
    }

    fn shown(&self, now: Time, link: LinkId) -> Option<Look> {
        self.telemetry.band(link)?.shown(now).map(|shown| shown.target)
    }
}

/// What one policy made of the show.
struct Outcome {
    name: &'static str,
    /// Milliseconds that a newer look has been there than the band shows, at every sample of every
    /// band, ascending.
    ages: Vec<u32>,
    flashes: u64,
    seen: u64,
    /// Of those seen, from the console to the band.
    flash_ms_max: u64,
}

impl Outcome {
    fn percentile(&self, share: f64) -> u32 {
        self.ages[((self.ages.len() - 1) as f64 * share) as usize]
    }

    fn row(&self) -> String {
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| self.percentile(share));
        format!(
            "{:22} {p50:>7} {p99:>7} {max:>7}   {:>3} of {:<3}  {:>6}",
            self.name, self.seen, self.flashes, self.flash_ms_max
        )
    }
}

fn measure(name: &'static str, make: &dyn Fn(u64) -> Box<dyn Policy>) -> Outcome {
    let mut outcome = Outcome { name, ages: Vec::new(), flashes: 0, seen: 0, flash_ms_max: 0 };
    for seed in 1..=RADIOS {
        let mut policy = make(seed);
        policy.run_until(arrival(0));
        // Per flashing group: the flash that is waited for, if any.
        let mut awaited = [None; FLASHING];
        let mut now = arrival(0);
        let mut beat = 0;
        // A second more than the show: nothing new comes, what was late comes in.
        let end = arrival(BEATS) + Duration::from_secs(1);
        while now < end {
            while beat < BEATS && arrival(beat) <= now {
                policy.run_until(arrival(beat));
                policy.show(arrival(beat), beat);
                for (group, awaited) in awaited.iter_mut().enumerate() {
                    if is_flash(beat, group) {
                        *awaited = Some(beat);
                        outcome.flashes += 1;
                    }
                }
                beat += 1;
            }
            policy.run_until(now);
            for link in 0..LINKS {
                let Some(shown) = policy.shown(now, LinkId(link as u32)) else { continue };
                let next = beat_of(shown) + 1;
                let age = if next < beat { now.since(arrival(next)) } else { Duration::ZERO };
                outcome.ages.push(age.as_millis() as u32);
                if let Some(awaited) = awaited.get_mut(link)
                    && shown.red == 255
                    && *awaited == Some(beat_of(shown))
                {
                    let took = now.since(arrival(beat_of(shown)));
                    outcome.flash_ms_max = outcome.flash_ms_max.max(took.as_millis() as u64);
                    outcome.seen += 1;
                    *awaited = None;
                }
            }
            now = now + SAMPLE;
        }
    }
    outcome.ages.sort_unstable();
    outcome
}

/// The share of all moments (upwards) at which light was no older than so many milliseconds (to the
/// right, each mark ten times the one before).
fn plot(loads: &[(String, Vec<Outcome>)]) -> String {
    const WIDTH: f64 = 380.0;
    const HEIGHT: f64 = 200.0;
    const LEFT: f64 = 50.0;
    const TOP: f64 = 40.0;
    const COLOURS: [&str; 3] = ["#c0392b", "#7f8c8d", "#2471a3"];
    let across = |ms: f64| (ms.max(1.0).log10() / 4.5) * WIDTH;
    let panels = loads.len() as f64;
    let (all_width, all_height) = (LEFT + panels * (WIDTH + LEFT), TOP + HEIGHT + 70.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {all_width} {all_height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (panel, (title, outcomes)) in loads.iter().enumerate() {
        let x0 = LEFT + panel as f64 * (WIDTH + LEFT);
        let base = TOP + HEIGHT;
        writeln!(svg, "<text x=\"{x0}\" y=\"{}\">{title}</text>", TOP - 14.0).unwrap();
        for (ms, label) in
            [(1.0, "1 ms"), (10.0, "10"), (100.0, "100"), (1e3, "1 s"), (1e4, "10 s")]
        {
            let x = x0 + across(ms);
            writeln!(
                svg,
                "<path d=\"M{x:.1} {TOP}V{base}\" stroke=\"#ddd\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                base + 16.0
            )
            .unwrap();
        }
        for share in [0.0, 0.5, 1.0] {
            let y = base - share * HEIGHT;
            writeln!(
                svg,
                "<path d=\"M{x0} {y}h{WIDTH}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{} %</text>",
                x0 - 4.0,
                y + 4.0,
                share * 100.0
            )
            .unwrap();
        }
        for (index, (outcome, colour)) in outcomes.iter().zip(COLOURS).enumerate() {
            let points: Vec<String> = (0..=200)
                .map(|step| {
                    let share = f64::from(step) / 200.0;
                    let x = x0 + across(f64::from(outcome.percentile(share)));
                    format!("{x:.1},{:.1}", base - share * HEIGHT)
                })
                .collect();
            let (line, y) = (points.join(" "), base + 36.0 + index as f64 * 14.0);
            writeln!(
                svg,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{line}\"/>\
                 <text x=\"{x0}\" y=\"{y}\" fill=\"{colour}\">{}: half {} ms, 99 % {} ms, flashes \
                 {} of {}</text>",
                outcome.name,
                outcome.percentile(0.5),
                outcome.percentile(0.99),
                outcome.seen,
                outcome.flashes
            )
            .unwrap();
        }
    }
    svg + "</svg>\n"
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let mut loads = Vec::new();
    for (millis, load) in [(50, 2.2), (150, 6.6)] {
        let interval = Duration::from_millis(millis);
        let outcomes = vec![
            measure("FIFO", &|seed| Box::new(Plain::new(radio(seed, interval), false))),
            measure("plain conflation", &|seed| Box::new(Plain::new(radio(seed, interval), true))),
            measure("wristcast", &|seed| Box::new(Ours::new(radio(seed, interval)))),
        ];
        let title = format!("{load} times what the links carry ({millis} ms)");
        println!(
            "{title}\n{:22} {:>7} {:>7} {:>7}   flashes     latest",
            "", "p50 ms", "p99", "max"
        );
        outcomes.iter().for_each(|outcome| println!("{}", outcome.row()));
        println!();
        loads.push((title, outcomes));
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--plot") {
        std::fs::write(&arguments[at + 1], plot(&loads)).unwrap();
    }
}
