//! What a monitoring system scrapes: the relay's figures as OpenMetrics text, and whether it lives and
//! is ready. Base units; labels have few values: no source, no group and no band is one.

use std::fmt::Error;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use wristcast_core::relay::{HandleError, RelayHandle};
use wristcast_core::snapshot::{Distribution, RadioState, SignalState, Status, UniverseState};

use super::live::BATTERY_LOW;
use super::routes::{Api, answer};
use crate::osc;

/// The media type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the buckets of latencies, microseconds.
const BOUNDS_US: [u64; 12] =
    [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000];

/// Every figure.
pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let osc = api.osc.clone();
    answer(&api, move |relay| {
        let page = render(Figures::of(relay, osc)?);
        Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], page).into_response())
    })
    .await
}

/// Whether the relay thread answers.
pub(super) async fn livez(State(api): State<Api>) -> Response {
    answer(&api, |relay| {
        relay.control()?;
        Ok((StatusCode::OK, "ok\n").into_response())
    })
    .await
}

/// Whether light that comes in would go out: sockets open, an interface and a radio up.
pub(super) async fn readyz(State(api): State<Api>) -> Response {
    answer(&api, |relay| {
        relay.control()?;
        let status = relay.status();
        let missing = missing(&status, &relay.radios());
        Ok(match missing.is_empty() {
            true => (StatusCode::OK, ready(&status)).into_response(),
            false => (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n").into_response(),
        })
    })
    .await
}

/// A relay that runs another show than its file says is ready all the same: the crowd has light.
fn ready(status: &Status) -> String {
    match status.show_file_refused {
        true => "ready\nthe show file is not the show that runs: see the faults\n".to_owned(),
        false => "ready\n".to_owned(),
    }
}

/// What is missing before light can go through.
fn missing(status: &Status, radios: &[RadioState]) -> Vec<String> {
    let mut missing = Vec::new();
    if status.sockets.is_empty() {
        missing.push("no socket is open".to_owned());
    }
    if !status.interfaces.iter().any(|interface| interface.up) {
        missing.push("no interface is up".to_owned());
    }
    if !radios.is_empty() && radios.iter().all(|radio| radio.state != "up") {
        missing.push("no radio is up".to_owned());
    }
    if !missing.is_empty() {
        missing.extend(status.faults.iter().cloned());
    }
    missing
}

fn render(figures: Figures) -> String {
    let mut registry = Registry::with_prefix("wristcast");
    registry.register_collector(Box::new(figures));
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = text::encode(&mut page, &registry);
    page
}

/// What is told at one scrape.
#[derive(Debug)]
struct Figures {
    status: Status,
    universes: Vec<UniverseState>,
    radios: Vec<RadioState>,
    /// Bands of each of `radios` that told of little battery.
    low: Vec<usize>,
    published: Distribution,
    handed: Distribution,
    osc: Option<Arc<osc::Counts>>,
}

impl Figures {
    fn of(relay: &RelayHandle, osc: Option<Arc<osc::Counts>>) -> Result<Self, HandleError> {
        let universes = relay.universes()?;
        let [published, handed] = relay.latencies(&BOUNDS_US);
        let (radios, mut bands) = (relay.radios(), relay.bands());
        bands.retain(|band| band.battery_percent.is_some_and(|percent| percent < BATTERY_LOW));
        let of = |radio: &RadioState| bands.iter().filter(|band| band.radio == radio.name).count();
        let low = radios.iter().map(of).collect();
        Ok(Self { status: relay.status(), universes, radios, low, published, handed, osc })
    }
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut page = Page(encoder);
        self.relay(&mut page)?;
        self.packets(&mut page)?;
        self.universes(&mut page)?;
        self.radios(&mut page)?;
        self.osc(&mut page)
    }
}

impl Figures {
    fn relay(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let status = &self.status;
        page.0
            .encode_descriptor("build", "The relay's version", None, MetricType::Info)?
            .encode_info(&[("version", status.version.as_str())])?;
        let uptime = status.uptime_ms as f64 / 1000.0;
        page.gauge("uptime", "Time since start", Some(Unit::Seconds), uptime)?;
        page.gauge("faults", "Faults standing now", None, status.faults.len() as f64)?;
        page.gauge("panic", "1 while panic is latched", None, f64::from(u8::from(status.panic)))?;
        page.gauge(
            "frozen",
            "1 while the show is frozen",
            None,
            f64::from(u8::from(status.frozen)),
        )?;
        page.gauge(
            "show_file_refused",
            "1 while the show file is another than the show that runs",
            None,
            f64::from(u8::from(status.show_file_refused)),
        )?;
        let master = f64::from(status.grand_master) / 255.0;
        page.gauge(
            "grand_master",
            "The grand master",
            Some(Unit::Other("ratio".to_owned())),
            master,
        )?;
        for (name, help, count) in [
            ("groups", "Groups of the show", status.groups),
            ("groups_lost", "Groups without a signal", status.groups_lost),
            ("groups_overridden", "Groups overridden by hand", status.groups_overridden),
            ("groups_flashing", "Groups that flash too fast", status.strobe.groups_flashing),
            ("groups_held", "Groups that the strobe guard holds", status.strobe.groups_held),
            ("universes", "Patched universes", status.universes),
            ("universes_live", "Patched universes with a source", status.universes_live),
        ] {
            page.gauge(name, help, None, f64::from(count))?;
        }
        let help = "How often more groups than the show allows began to flash too fast";
        page.counter("strobe_episodes", help, status.strobe.episodes)?;
        if let Some(standby) = &status.standby {
            let yes = |on: bool| f64::from(u8::from(on));
            let drives = yes(standby.role == "drives");
            page.gauge("standby_drives", "1 while this relay drives the bands", None, drives)?;
            let heard = yes(standby.peer.is_some());
            page.gauge("standby_peer_heard", "1 while the other relay is heard", None, heard)?;
            let help = "How often this relay began to drive the bands";
            page.counter("standby_take_overs", help, u64::from(standby.take_overs))?;
        }
        let help = "From the kernel's arrival time of a datagram to the look published, and to the \
                    frame handed to a radio";
        let stages = [("published", &self.published), ("handed", &self.handed)];
        let mut family = page.0.encode_descriptor(
            "latency",
            help,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (stage, latency) in stages {
            let bounds = BOUNDS_US.iter().map(|&bound| bound as f64 / 1e6);
            let bounds = bounds.chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(latency.buckets.iter().copied()).collect();
            let labels = [("stage", stage)];
            family.encode_family(&labels)?.encode_histogram::<NoLabels>(
                latency.sum_us / 1e6,
                latency.count,
                &buckets,
                None,
            )?;
        }
        Ok(())
    }

    fn packets(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let packets = &self.status.packets;
        page.counter("packets_received", "Datagrams read from the sockets", packets.received)?;
        page.counter("packets_accepted", "Datagrams whose levels were taken", packets.accepted)?;
        let dropped = "Datagrams the kernel dropped because a receive buffer was full";
        page.counter("packets_kernel_dropped", dropped, packets.kernel_dropped)?;
        let ignored = packets.ignored.iter().map(|(why, &n)| ([("reason", why.clone())], n));
        page.counters("packets_ignored", "Datagrams left out, by reason", ignored)?;
        let noted = packets.noted.iter().map(|(kind, &n)| ([("kind", kind.clone())], n));
        page.counters("packets_noted", "Datagrams understood that carry no levels", noted)
    }

    fn universes(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let each = |value: fn(&UniverseState) -> Option<f64>| {
            self.universes.iter().filter_map(move |universe| {
                Some(([("universe", universe.universe.to_string())], value(universe)?))
            })
        };
        let live = |universe: &UniverseState| {
            Some(f64::from(u8::from(universe.state == SignalState::Live)))
        };
        page.gauges("universe_live", "1 while a source rules the universe", None, each(live))?;
        let rate = |universe: &UniverseState| Some(universe.rate_hz);
        let help = "Accepted packets per second";
        page.gauges("universe_rate_hertz", help, None, each(rate))?;
        let sources = |universe: &UniverseState| {
            Some(universe.sources.iter().filter(|source| source.contributing).count() as f64)
        };
        page.gauges("universe_sources", "Sources that contribute", None, each(sources))?;
        let age = |universe: &UniverseState| universe.age_ms.map(|age| age as f64 / 1000.0);
        let help = "Time since the last accepted packet";
        page.gauges("universe_age", help, Some(Unit::Seconds), each(age))
    }

    fn radios(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let gauges = |value: fn(&RadioState) -> f64| {
            let each = self.radios.iter();
            each.map(move |radio| ([("radio", radio.name.clone())], value(radio)))
        };
        let counts = |value: fn(&RadioState) -> u64| {
            let each = self.radios.iter();
            each.map(move |radio| ([("radio", radio.name.clone())], value(radio)))
        };
        let up = gauges(|radio| f64::from(u8::from(radio.state == "up")));
        page.gauges("radio_up", "1 while the radio works", None, up)?;
        let bands = gauges(|radio| f64::from(radio.bands));
        page.gauges("radio_bands", "Bands of the radio", None, bands)?;
        let connected = gauges(|radio| f64::from(radio.bands_connected));
        page.gauges("radio_bands_connected", "Bands connected now", None, connected)?;
        let low = self.radios.iter().zip(&self.low);
        let low = low.map(|(radio, &low)| ([("radio", radio.name.clone())], low as f64));
        let help = "Bands that told of a battery under 20 %";
        page.gauges("radio_bands_battery_low", help, None, low)?;
        let sent = counts(|radio| radio.frames_sent);
        page.counters("radio_frames_sent", "Frames handed to the radio", sent)?;
        let failed = counts(|radio| radio.frames_failed);
        page.counters("radio_frames_failed", "Frames the radio could not deliver", failed)?;
        let conflated = counts(|radio| radio.conflated);
        let help = "Looks replaced by newer ones before they were sent";
        page.counters("radio_looks_conflated", help, conflated)?;
        let latched = counts(|radio| radio.latched);
        let help = "Peaks sent before the look that replaced them";
        page.counters("radio_peaks_latched", help, latched)
    }

    fn osc(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let Some(osc) = &self.osc else { return Ok(()) };
        page.counter("osc_orders_obeyed", "Orders over OSC that were obeyed", osc.obeyed())?;
        let refused = osc.refused().map(|(why, count)| ([("reason", why.label())], count));
        page.counters("osc_messages_refused", "OSC messages not obeyed, by reason", refused)
    }
}

/// Exemplars are not told; their type still wants a name.
type NoLabels = [(&'static str, &'static str); 0];

/// What is being written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        value: f64,
    ) -> Result<(), Error> {
        self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, count: u64) -> Result<(), Error> {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabels, _, u64>(&count, None)
    }

    fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        values: impl Iterator<Item = (L, f64)>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        counts: impl Iterator<Item = (L, u64)>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, count) in counts {
            family.encode_family(&labels)?.encode_counter::<NoLabels, _, u64>(&count, None)?;
        }
        Ok(())
    }
}
