//! What a radio's lane counts and what its bands show, readable from any thread at any time.
//!
//! One writer, the thread that owns the radio; relaxed atomics on its side, and a lock only around
//! texts, which change when something goes wrong or right again.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI16, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::shown::{Course, CourseCell};
use super::{LinkId, LinkSpec};
use crate::look::Look;
use crate::snapshot::{BandState, GroupBands, RadioState};
use crate::time::Time;

/// How a radio is as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Condition {
    /// Not heard from yet.
    Starting,
    /// It works.
    Up,
    /// It does not; the detail says why.
    Down,
}

impl Condition {
    /// As the status shows it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    const fn from_u8(value: u8) -> Self {
        match value {
            0 => Self::Starting,
            1 => Self::Up,
            _ => Self::Down,
        }
    }
}

/// What a radio's schedulers counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Frames handed to the radio.
    pub handed: u64,
    /// Of these, sent.
    pub sent: u64,
    /// Of these, lost.
    pub failed: u64,
    /// Looks replaced by newer ones before they were sent.
    pub conflated: u64,
    /// One-frame peaks sent before the look that replaced them.
    pub latched: u64,
}

impl FrameCounts {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            handed: self.handed + other.handed,
            sent: self.sent + other.sent,
            failed: self.failed + other.failed,
            conflated: self.conflated + other.conflated,
            latched: self.latched + other.latched,
        }
    }
}

/// The figures of one radio.
#[derive(Debug)]
pub struct RadioTelemetry {
    name: String,
    kind: &'static str,
    condition: AtomicU8,
    bands_up: AtomicU32,
    /// Microseconds; `u64::MAX` = not known.
    panic_worst_us: AtomicU64,
    panic_took_us: AtomicU64,
    /// Kernel arrival → frame handed to the radio, microseconds.
    #[cfg(feature = "io")]
    latency_us: histogram::AtomicHistogram,
    bands: Box<[BandTelemetry]>,
    texts: Mutex<Texts>,
}

#[derive(Debug, Default)]
struct Texts {
    radio: Option<Cow<'static, str>>,
    bands: BTreeMap<LinkId, Cow<'static, str>>,
}

impl RadioTelemetry {
    /// The figures of the radio `name`, all zero.
    pub fn new(name: impl Into<String>, kind: &'static str, links: &[LinkSpec]) -> Self {
        Self {
            name: name.into(),
            kind,
            condition: AtomicU8::new(Condition::Starting as u8),
            bands_up: AtomicU32::new(0),
            panic_worst_us: AtomicU64::new(u64::MAX),
            panic_took_us: AtomicU64::new(u64::MAX),
            #[cfg(feature = "io")]
            latency_us: new_latency(),
            bands: links.iter().map(BandTelemetry::new).collect(),
            texts: Mutex::new(Texts::default()),
        }
    }

    /// The radio's name in the show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its schedulers counted, over all bands.
    pub fn counts(&self) -> FrameCounts {
        self.bands.iter().map(BandTelemetry::counts).fold(FrameCounts::default(), FrameCounts::plus)
    }

    /// How the radio is.
    pub fn condition(&self) -> Condition {
        Condition::from_u8(self.condition.load(Ordering::Relaxed))
    }

    /// Says how the radio is, and in plain words what is wrong.
    pub fn set_condition(&self, condition: Condition, detail: Option<Cow<'static, str>>) {
        self.texts().radio = detail;
        self.condition.store(condition as u8, Ordering::Relaxed);
    }

    /// The figures of one band.
    pub fn band(&self, link: LinkId) -> Option<&BandTelemetry> {
        self.bands.get(link.index())
    }

    /// The band can be reached.
    pub fn set_band_up(&self, link: LinkId) {
        self.move_band(link, true);
        self.texts().bands.remove(&link);
    }

    /// The band cannot be reached, and in plain words why.
    pub fn set_band_down(&self, link: LinkId, reason: Cow<'static, str>) {
        self.move_band(link, false);
        self.texts().bands.insert(link, reason);
    }

    fn move_band(&self, link: LinkId, up: bool) {
        let Some(band) = self.band(link) else { return };
        match (band.up.swap(up, Ordering::Relaxed), up) {
            (false, true) => self.bands_up.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.bands_up.fetch_sub(1, Ordering::Relaxed),
            _ => return,
        };
    }

    /// Bands that can be reached now.
    pub fn bands_up(&self) -> u32 {
        self.bands_up.load(Ordering::Relaxed)
    }

    /// How long a panic that begins now can take until every connected band has it.
    pub fn set_panic_worst(&self, worst: Duration) {
        self.panic_worst_us.store(micros(worst), Ordering::Relaxed);
    }

    /// How long the last panic took until every band that was connected had it.
    pub fn set_panic_took(&self, took: Duration) {
        self.panic_took_us.store(micros(took), Ordering::Relaxed);
    }

    /// `frames` frames with a look that reached the relay `latency` ago were handed to the radio.
    #[cfg(feature = "io")]
    pub fn record_latency(&self, latency: Duration, frames: u64) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        // Cannot fail: it is in the histogram's range.
        let _ = self.latency_us.add(micros.min(LATENCY_US_MAX), frames);
    }

    /// Kernel arrival → frame handed to the radio, microseconds.
    #[cfg(feature = "io")]
    pub fn latency_us(&self) -> histogram::Histogram {
        self.latency_us.load()
    }

    /// The radio as the status shows it.
    pub fn radio_state(&self) -> RadioState {
        let counts = self.counts();
        RadioState {
            name: self.name.clone(),
            kind: self.kind.to_owned(),
            state: self.condition().label().to_owned(),
            detail: self.texts().radio.as_deref().map(str::to_owned),
            bands: u32::try_from(self.bands.len()).unwrap_or(u32::MAX),
            bands_connected: self.bands_up(),
            frames_sent: counts.handed,
            frames_failed: counts.failed,
            conflated: counts.conflated,
            latched: counts.latched,
            panic_worst_ms: millis(&self.panic_worst_us),
            panic_took_ms: millis(&self.panic_took_us),
        }
    }

    /// Adds the figures of its bands to those of their groups, which `groups` has by index.
    pub fn add_to_groups(&self, now: Time, groups: &mut [GroupBands]) {
        for band in &self.bands {
            let Some(group) = band.group.and_then(|group| groups.get_mut(group)) else { continue };
            let counts = band.counts();
            group.bands += 1;
            group.bands_connected += u32::from(band.is_up());
            group.frames += counts.sent;
            group.failed += counts.failed;
            group.conflated += counts.conflated;
            group.latched += counts.latched;
            group.behind_ms = group.behind_ms.max(band.behind_ms(now));
        }
    }

    /// Its bands as the status shows them, in the order of the links. `group_name` names a group.
    pub fn band_states(&self, now: Time, group_name: impl Fn(usize) -> String) -> Vec<BandState> {
        let details = self.texts().bands.clone();
        let state = |(index, band): (usize, &BandTelemetry)| {
            let (shown, counts) = (band.shown(now), band.counts());
            BandState {
                id: band.id.clone(),
                radio: self.name.clone(),
                group: band.group.map(&group_name).unwrap_or_default(),
                connected: band.is_up(),
                look: shown.map_or(Look::DARK, |shown| shown.look).into(),
                age_ms: shown.map(|s| u64::try_from(s.age.as_millis()).unwrap_or(u64::MAX)),
                behind_ms: band.behind_ms(now),
                frames: counts.sent,
                failed: counts.failed,
                conflated: counts.conflated,
                latched: counts.latched,
                battery_percent: band.battery_percent(),
                rssi_dbm: band.rssi().map(|rssi| rssi.dbm),
                rssi_age_ms: band
                    .rssi()
                    .map(|rssi| u64::try_from(now.since(rssi.at).as_millis()).unwrap_or(u64::MAX)),
                detail: details.get(&LinkId(index as u32)).map(|text| text.to_string()),
            }
        };
        self.bands.iter().enumerate().map(state).collect()
    }

    fn texts(&self) -> MutexGuard<'_, Texts> {
        // A text is whole or not there; a panic elsewhere cannot leave it half written.
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX - 1)
}

/// Upwards; `None` = not known.
fn millis(micros: &AtomicU64) -> Option<u64> {
    match micros.load(Ordering::Relaxed) {
        u64::MAX => None,
        micros => Some(micros.div_ceil(1_000)),
    }
}

/// An hour; what takes longer is counted as an hour.
#[cfg(feature = "io")]
const LATENCY_US_MAX: u64 = 3_600_000_000;

#[cfg(feature = "io")]
fn new_latency() -> histogram::AtomicHistogram {
    // 2^7 buckets per power of two: 0.8 % wide. 2^32 us holds LATENCY_US_MAX.
    const { assert!(LATENCY_US_MAX < 1 << 32) };
    match histogram::AtomicHistogram::new(7, 32) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("7 and 32 are valid powers"),
    }
}

/// The figures of one band.
#[derive(Debug)]
pub struct BandTelemetry {
    id: String,
    group: Option<usize>,
    up: AtomicBool,
    handed: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
    conflated: AtomicU64,
    latched: AtomicU64,
    /// Since when there is a newer look than it shows, nanoseconds; 0 = there is none.
    behind_since: AtomicU64,
    /// [`BATTERY_UNKNOWN`] or 0..=100 percent.
    battery: AtomicU8,
    /// dBm, and when it was heard so, nanoseconds; 0 = never.
    rssi: AtomicI16,
    rssi_at: AtomicU64,
    course: CourseCell,
}

/// The band has not told.
const BATTERY_UNKNOWN: u8 = u8::MAX;

/// How strong a band was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rssi {
    /// dBm; nearer to 0 is stronger.
    pub dbm: i16,
    /// When.
    pub at: Time,
}

/// What a band shows at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The look; on the way there while it fades.
    pub look: Look,
    /// Where it is going, as it was sent; equal to `look` once it has arrived.
    pub target: Look,
    /// How long ago it began to show or to go to `target`.
    pub age: Duration,
}

impl BandTelemetry {
    fn new(link: &LinkSpec) -> Self {
        Self {
            id: link.id.clone(),
            group: link.groups.first().copied(),
            up: AtomicBool::new(false),
            handed: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            conflated: AtomicU64::new(0),
            latched: AtomicU64::new(0),
            behind_since: AtomicU64::new(0),
            battery: AtomicU8::new(BATTERY_UNKNOWN),
            rssi: AtomicI16::new(0),
            rssi_at: AtomicU64::new(0),
            course: CourseCell::new(),
        }
    }

    /// The band's id on its radio.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its group; the first, if its link serves several.
    pub fn group(&self) -> Option<usize> {
        self.group
    }

    /// Whether it can be reached.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// What its scheduler counted.
    pub fn counts(&self) -> FrameCounts {
        FrameCounts {
            handed: self.handed.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            conflated: self.conflated.load(Ordering::Relaxed),
            latched: self.latched.load(Ordering::Relaxed),
        }
    }

    /// Replaces the counts. One writer only.
    pub fn set_counts(&self, counts: FrameCounts) {
        self.handed.store(counts.handed, Ordering::Relaxed);
        self.sent.store(counts.sent, Ordering::Relaxed);
        self.failed.store(counts.failed, Ordering::Relaxed);
        self.conflated.store(counts.conflated, Ordering::Relaxed);
        self.latched.store(counts.latched, Ordering::Relaxed);
    }

    /// When the oldest look came that the band should show and does not; `None`: it shows the
    /// newest. One writer only.
    pub fn set_behind_since(&self, since: Option<Time>) {
        let nanos = since.map_or(0, |since| since.as_nanos().max(1));
        self.behind_since.store(nanos, Ordering::Relaxed);
    }

    /// How long a newer look than it shows has been there, milliseconds; 0: it shows the newest.
    pub fn behind_ms(&self, now: Time) -> u64 {
        match self.behind_since.load(Ordering::Relaxed) {
            0 => 0,
            since => {
                let behind = now.since(Time::from_nanos(since));
                u64::try_from(behind.as_millis()).unwrap_or(u64::MAX)
            }
        }
    }

    /// Its battery, 0..=100 percent; `None`: it has not told.
    pub fn battery_percent(&self) -> Option<u8> {
        Some(self.battery.load(Ordering::Relaxed)).filter(|&percent| percent <= 100)
    }

    /// The band told its battery, percent; more than 100 is nonsense and not taken. One writer only.
    pub fn set_battery_percent(&self, percent: u8) {
        if percent <= 100 {
            self.battery.store(percent, Ordering::Relaxed);
        }
    }

    /// How strong it was last heard; `None`: nobody knows.
    pub fn rssi(&self) -> Option<Rssi> {
        match self.rssi_at.load(Ordering::Acquire) {
            0 => None,
            at => Some(Rssi { dbm: self.rssi.load(Ordering::Relaxed), at: Time::from_nanos(at) }),
        }
    }

    /// It was heard so strong. One writer only.
    pub fn set_rssi(&self, rssi: Rssi) {
        self.rssi.store(rssi.dbm, Ordering::Relaxed);
        self.rssi_at.store(rssi.at.as_nanos().max(1), Ordering::Release);
    }

    /// From `since` on the band goes from the light of `from` to `to`, over the fade of `to`.
    /// One writer only: the thread that owns the radio.
    pub fn set_shown(&self, from: Look, to: Look, since: Time) {
        self.course.store(Course { from, to, since });
    }

    /// What the band shows at `now`; `None` before its first frame.
    pub fn shown(&self, now: Time) -> Option<Shown> {
        let Course { from, to, since } = self.course.load()?;
        let age = now.since(since);
        Some(Shown { look: from.toward(to, age), target: to, age })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telemetry() -> RadioTelemetry {
        let links = [LinkSpec::connection("a", 1), LinkSpec::connection("b", 0)];
        RadioTelemetry::new("left", "simulated", &links)
    }

    #[test]
    fn a_band_is_counted_once_however_often_it_is_said_to_be_up() {
        let radio = telemetry();
        radio.set_band_up(LinkId(1));
        radio.set_band_up(LinkId(1));
        assert_eq!(radio.radio_state().bands_connected, 1);
        radio.set_band_down(LinkId(1), "out of range".into());
        radio.set_band_down(LinkId(1), "out of range".into());
        assert_eq!(radio.radio_state().bands_connected, 0);
        let bands = radio.band_states(Time::ZERO, |group| format!("group {group}"));
        assert_eq!(bands[1].detail.as_deref(), Some("out of range"));
        assert_eq!((bands[0].group.as_str(), bands[1].group.as_str()), ("group 1", "group 0"));
    }

    #[test]
    fn a_band_tells_its_battery_and_how_well_it_is_heard_or_nothing() {
        let radio = telemetry();
        let told = |now| radio.band_states(now, |_| String::new()).remove(0);
        let silent = told(Time::ZERO);
        assert_eq!(
            (silent.battery_percent, silent.rssi_dbm, silent.rssi_age_ms),
            (None, None, None)
        );
        let band = radio.band(LinkId(0)).unwrap();
        band.set_battery_percent(87);
        band.set_battery_percent(101);
        band.set_rssi(Rssi { dbm: -63, at: Time::from_millis(1_000) });
        let state = told(Time::from_millis(3_500));
        assert_eq!(state.battery_percent, Some(87), "nonsense is not taken");
        assert_eq!((state.rssi_dbm, state.rssi_age_ms), (Some(-63), Some(2_500)));
    }

    #[test]
    fn a_band_that_fades_shows_the_way_and_then_exactly_the_target() {
        let radio = telemetry();
        let band = radio.band(LinkId(0)).unwrap();
        assert_eq!(band.shown(Time::ZERO), None);
        let target = Look { red: 200, dimmer: 128, fade_cs: 10, ..Look::DARK };
        band.set_shown(Look::DARK, target, Time::from_millis(1_000));
        let half = band.shown(Time::from_millis(1_050)).unwrap();
        assert_eq!(half.look.output(), [50, 0, 0, 0]);
        assert_eq!(band.shown(Time::from_millis(1_100)).unwrap().look, target);
    }
}
