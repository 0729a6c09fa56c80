//! The demo while it plays: bands are looked at, judged and drawn, thirty times a second.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wristcast_core::config::Config;
use wristcast_core::relay::{Relay, RelayHandle};
use wristcast_core::snapshot::{BandState, Status};

use super::audience::Audience;
use super::console::{Console, Played};
use super::crowd::Crowd;
use super::cues;
use super::picture::Scene;
use super::report::Report;
use super::screen::Screen;
use crate::exit::Failure;
use crate::latency::latency;
use crate::logging::Console as Log;
use crate::stop::Stop;

/// Time between two pictures.
const PICTURE_INTERVAL: Duration = Duration::from_millis(34);

/// Time between two lines where there is no screen.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// Time between two looks at the relay's figures; people cannot read faster.
const FIGURES_INTERVAL: Duration = Duration::from_millis(250);

/// The bands' freshness is not judged before: links come up, the first looks are on their way.
const WARM_UP: Duration = Duration::from_secs(1);

/// By then every band shows the last picture: bands are refreshed at least every two seconds.
const CONVERGED_WITHIN: Duration = Duration::from_secs(3);

/// By then the relay has taken what was sent last.
const TAKEN_WITHIN: Duration = Duration::from_secs(1);

/// What is needed to watch the show.
pub(super) struct Stage {
    relay: RelayHandle,
    audience: Audience,
    crowd: Crowd,
    api: String,
    began: Instant,
    stop: Stop,
    bands: Vec<BandState>,
    status: Status,
    status_due: Instant,
}

/// Where the crowd is shown.
enum Display<'a> {
    Screen(Screen),
    Lines { out: &'a mut dyn Write, due: Instant },
}

impl Stage {
    pub(super) fn new(config: &Config, relay: RelayHandle, api: SocketAddr, stop: Stop) -> Self {
        let now = Instant::now();
        Self {
            audience: Audience::new(config),
            crowd: Crowd::new(config),
            api: format!("http://{api}/api/v1/status"),
            began: now,
            stop,
            bands: Vec::new(),
            status: relay.status(),
            status_due: now,
            relay,
        }
    }

    /// Shows the crowd until the time is up or somebody has seen enough, then waits for the last
    /// picture; returns how long that took, `None` if it never came.
    pub(super) fn play(
        &mut self,
        console: &Console,
        duration: Option<Duration>,
        log: &Log,
        out: &mut dyn Write,
    ) -> Result<Option<Duration>, Failure> {
        let mut display = match Screen::take() {
            Some(screen) => Display::Screen(screen),
            None => {
                writeln!(out, "relaying on loopback; API {}", self.api)?;
                Display::Lines { out, due: self.began }
            }
        };
        if let Display::Screen(_) = display {
            log.hold();
        }
        let converged_in = self.perform(console, duration, &mut display);
        drop(display);
        log.release();
        Ok(converged_in?)
    }

    fn perform(
        &mut self,
        console: &Console,
        duration: Option<Duration>,
        display: &mut Display<'_>,
    ) -> io::Result<Option<Duration>> {
        let end = duration.map(|duration| self.began + duration);
        loop {
            let now = self.look(console);
            if end.is_some_and(|end| now >= end) {
                break;
            }
            self.show(display, duration, now)?;
            let next = now + PICTURE_INTERVAL;
            if self.wait(display, end.map_or(next, |end| end.min(next)))? {
                break;
            }
        }
        console.show_final();
        let asked = Instant::now();
        loop {
            let now = self.look(console);
            let right = self.audience.right(&self.bands, &console.history());
            if console.is_final() && right == self.bands.len() {
                return Ok(Some(asked.elapsed()));
            }
            if asked.elapsed() >= CONVERGED_WITHIN {
                return Ok(None);
            }
            self.show(display, duration, now)?;
            // Whoever has asked for the end once need not ask again.
            std::thread::sleep(PICTURE_INTERVAL);
        }
    }

    /// Looks at every band, and now and then at the relay's figures.
    fn look(&mut self, console: &Console) -> Instant {
        let now = Instant::now();
        self.bands = self.relay.bands();
        if now - self.began >= WARM_UP {
            self.audience.check(&self.bands, &console.history(), now);
        }
        if now >= self.status_due {
            self.status = self.relay.status();
            self.status_due = now + FIGURES_INTERVAL;
        }
        now
    }

    fn show(
        &mut self,
        display: &mut Display<'_>,
        duration: Option<Duration>,
        now: Instant,
    ) -> io::Result<()> {
        let elapsed = now - self.began;
        match display {
            Display::Screen(screen) => {
                self.crowd.update(&self.bands, &self.audience);
                let left = format!(
                    "wristcast demo  {} bands in {} groups",
                    self.status.bands, self.status.groups
                );
                let of = duration.map_or(String::new(), |all| format!(" / {}", clock(all)));
                let right = format!("{}  {}{of}", cues::name(elapsed), clock(elapsed));
                screen.draw(&Scene {
                    title: (&left, &right),
                    crowd: &self.crowd,
                    figures: &self.figures(),
                    faults: &self.status.faults,
                    hint: &format!("q quits   {}", self.api),
                    elapsed,
                })
            }
            Display::Lines { out, due } => {
                if now < *due {
                    return Ok(());
                }
                *due += LINE_INTERVAL;
                let Status { packets_per_second, bands, bands_connected, .. } = self.status;
                writeln!(
                    out,
                    "{:>4}  {:<13}  {packets_per_second:.0} packets/s, p99 {} to look, {} to radio, \
                     {bands_connected}/{bands} bands, {:.1} % fresh",
                    clock(elapsed),
                    cues::name(elapsed),
                    latency(self.status.latency_published.p99_us),
                    latency(self.status.latency_handed.p99_us),
                    self.fresh_percent(),
                )?;
                for fault in &self.status.faults {
                    writeln!(out, "      ! {fault}")?;
                }
                out.flush()
            }
        }
    }

    fn figures(&self) -> Vec<String> {
        let Status { latency_published: published, latency_handed: handed, .. } = &self.status;
        vec![
            format!(
                "input    {:.0} packets/s, {} taken, {} dropped",
                self.status.packets_per_second,
                self.status.packets.accepted,
                self.status.packets.kernel_dropped
            ),
            format!(
                "latency  look p50 {} p99 {}, radio p50 {} p99 {}",
                latency(published.p50_us),
                latency(published.p99_us),
                latency(handed.p50_us),
                latency(handed.p99_us)
            ),
            format!(
                "bands    {} of {} connected, {:.1} % fresh",
                self.status.bands_connected,
                self.status.bands,
                self.fresh_percent()
            ),
        ]
    }

    /// Rounded down: what is not all is not shown as 100.
    fn fresh_percent(&self) -> f64 {
        (self.audience.freshness() * 1000.0).floor() / 10.0
    }

    /// Waits until `due`; says whether somebody asked for the end.
    fn wait(&mut self, display: &mut Display<'_>, due: Instant) -> io::Result<bool> {
        match display {
            Display::Screen(screen) => {
                Ok(screen.wait_for_quit(due) || self.stop.wait_until(Instant::now()))
            }
            Display::Lines { .. } => Ok(self.stop.wait_until(due)),
        }
    }

    /// Ends the show and adds it all up.
    pub(super) fn end(
        self,
        console: Console,
        relay: Relay,
        converged_in: Option<Duration>,
    ) -> Report {
        let played = self.began.elapsed();
        let right = self.audience.right(&self.bands, &console.history());
        let taken_before = console.taken_before;
        let Played { sacn, artnet, skipped, error } = console.end();
        let (sent_sacn, sent_artnet) = (sacn.sent(), artnet.sent());

        let due = Instant::now() + TAKEN_WITHIN;
        let mut packets = relay.handle().status().packets;
        while packets.accepted - taken_before < sent_sacn + sent_artnet && Instant::now() < due {
            std::thread::sleep(Duration::from_millis(5));
            packets = relay.handle().status().packets;
        }
        let stopped = relay.stop();
        packets.accepted -= taken_before;
        Report {
            played,
            groups: self.crowd.blocks.len(),
            sent_sacn,
            sent_artnet,
            skipped,
            send_error: error.map(|error| error.to_string()),
            packets,
            published: stopped.latency_published,
            handed: stopped.latency_handed,
            bands: self.bands.len(),
            right,
            converged_in,
            freshness: self.audience.freshness(),
            checks: self.audience.checks,
            not_at_end_look: stopped.bands_not_at_end_look,
        }
    }
}

/// `0:07`.
fn clock(elapsed: Duration) -> String {
    format!("{}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}
