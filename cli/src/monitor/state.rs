//! What the monitor knows of a relay, put together from the live stream.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use wristcast_core::snapshot::{BandState, EventState, GroupControl, RadioState, SceneState};
use wristcast_core::universe::Universe;

/// Seconds of latencies kept.
const SECONDS: usize = 300;

/// Events kept.
const EVENTS: usize = 200;

/// A stream that says nothing for so long is broken, whatever the network says.
const SILENT: Duration = Duration::from_secs(4);

/// A `change` of the stream, as far as the monitor shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    status: Option<Figures>,
    hands: Option<Vec<GroupControl>>,
    all_groups: Option<String>,
    groups: Option<String>,
    universes: Vec<(usize, Line)>,
    universe: Option<Detail>,
    radios: Option<Vec<RadioState>>,
    bands: Option<Vec<BandState>>,
    latencies: Vec<[Option<u32>; 4]>,
    events: Vec<EventState>,
}

/// The figures of the whole relay.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Figures {
    pub(super) uptime_s: u64,
    pub(super) packets_per_second: f64,
    pub(super) universes: u32,
    pub(super) universes_live: u32,
    pub(super) groups: u32,
    pub(super) groups_lost: u32,
    pub(super) groups_overridden: u32,
    pub(super) bands: u32,
    pub(super) bands_connected: u32,
    pub(super) panic: bool,
    pub(super) frozen: bool,
    pub(super) grand_master: u8,
    #[serde(default)]
    pub(super) standby: Option<String>,
    #[serde(default)]
    pub(super) start_look: [u8; 3],
    /// `None`: what shows then.
    #[serde(default)]
    pub(super) end_look: Option<[u8; 3]>,
    pub(super) faults: Vec<String>,
}

/// A universe: state, packets per second, sources that contribute, all sources, sequence errors,
/// highest level.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Line(
    pub(super) u8,
    pub(super) u32,
    pub(super) usize,
    pub(super) usize,
    pub(super) u64,
    pub(super) u8,
);

/// The universe that is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Detail {
    pub(super) universe: Universe,
    pub(super) levels: String,
    pub(super) sources: Vec<Source>,
}

/// A source, as far as the monitor shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) priority: Option<u8>,
    pub(super) rate_hz: f64,
    pub(super) sequence_errors: u64,
    /// Why it does not contribute.
    pub(super) reason: Option<String>,
}

/// How things stand, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Hand,
    Warning,
    Bad,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) scene: Option<SceneState>,
    pub(super) figures: Option<Figures>,
    pub(super) hands: Vec<GroupControl>,
    /// Red, green, blue and bits of every group.
    pub(super) groups: Vec<[u8; 4]>,
    pub(super) universes: Vec<Line>,
    /// The levels of the universe that is looked at, and who sends them.
    pub(super) detail: Option<(Universe, Vec<u8>, Vec<Source>)>,
    pub(super) radios: Vec<RadioState>,
    /// Those that want attention first.
    pub(super) bands: Vec<BandState>,
    pub(super) latencies: VecDeque<[Option<u32>; 4]>,
    /// Newest first.
    pub(super) events: VecDeque<EventState>,
    heard: Option<Instant>,
    /// Why there is no stream.
    trouble: Option<String>,
}

impl State {
    pub(super) fn scene(&mut self, scene: SceneState) {
        self.groups = vec![[0; 4]; scene.groups.len()];
        self.universes = vec![Line::default(); scene.universes.len()];
        self.latencies.clear();
        self.events.clear();
        self.detail = None;
        self.scene = Some(scene);
        self.heard(Instant::now());
    }

    pub(super) fn change(&mut self, change: Change) {
        self.heard(Instant::now());
        if let Some(figures) = change.status {
            self.figures = Some(figures);
        }
        if let Some(hands) = change.hands {
            self.hands = hands;
        }
        for bytes in change.all_groups.and_then(|packed| BASE64.decode(packed).ok()).iter() {
            let (groups, _) = bytes.as_chunks::<4>();
            self.groups = groups.to_vec();
        }
        for bytes in change.groups.and_then(|packed| BASE64.decode(packed).ok()).iter() {
            for [low, high, group @ ..] in bytes.as_chunks::<6>().0 {
                let index = usize::from(u16::from_le_bytes([*low, *high]));
                if let Some(known) = self.groups.get_mut(index) {
                    *known = *group;
                }
            }
        }
        for (index, line) in change.universes {
            if let Some(known) = self.universes.get_mut(index) {
                *known = line;
            }
        }
        if let Some(detail) = change.universe {
            let levels = BASE64.decode(detail.levels).unwrap_or_default();
            self.detail = Some((detail.universe, levels, detail.sources));
        }
        if let Some(radios) = change.radios {
            self.radios = radios;
        }
        if let Some(bands) = change.bands {
            self.bands = bands;
        }
        self.latencies.extend(change.latencies);
        let old = self.latencies.len().saturating_sub(SECONDS);
        self.latencies.drain(..old);
        for event in change.events {
            self.events.push_front(event);
        }
        self.events.truncate(EVENTS);
    }

    /// The stream broke.
    pub(super) fn broke(&mut self, why: String) {
        self.trouble = Some(why);
    }

    fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
        self.trouble = None;
    }

    /// Does the crowd get its light, and if not why.
    pub(super) fn verdict(&self, now: Instant) -> (Verdict, String) {
        if let Some(trouble) = &self.trouble {
            return (Verdict::Bad, format!("No connection to the relay, trying again: {trouble}"));
        }
        let (Some(figures), Some(heard)) = (&self.figures, self.heard) else {
            return (Verdict::Warning, "Connecting to the relay …".to_owned());
        };
        if now.saturating_duration_since(heard) > SILENT {
            return (Verdict::Bad, "The relay says nothing any more".to_owned());
        }
        let Figures { universes, universes_live, groups, groups_lost, bands, .. } = *figures;
        let away = bands.saturating_sub(figures.bands_connected);
        if figures.panic {
            (Verdict::Bad, "PANIC: every band is dark until it is released".to_owned())
        } else if figures.standby.as_deref().is_some_and(|role| role != "drives")
            && figures.faults.is_empty()
        {
            (Verdict::Hand, "Standby: the other relay drives the bands".to_owned())
        } else if universes > 0 && universes_live == 0 {
            let words = "No light comes in: no console sends the patched universes";
            (Verdict::Bad, words.to_owned())
        } else if bands > 0 && away == bands {
            (Verdict::Bad, "No band is connected".to_owned())
        } else if let Some(fault) = figures.faults.first() {
            (Verdict::Bad, fault.clone())
        } else if groups_lost > 0 {
            (Verdict::Warning, format!("{groups_lost} of {groups} groups have no signal"))
        } else if away > 0 {
            (Verdict::Warning, format!("{away} of {bands} bands are not connected"))
        } else if figures.frozen {
            (Verdict::Hand, "Frozen: the crowd keeps its look until it is released".to_owned())
        } else if figures.groups_overridden > 0 {
            (Verdict::Hand, format!("{} groups are overridden by hand", figures.groups_overridden))
        } else if figures.grand_master < 255 {
            (Verdict::Hand, format!("Grand master at {} %", percent(figures.grand_master)))
        } else {
            (Verdict::Good, "The crowd gets its light".to_owned())
        }
    }
}

pub(super) fn percent(level: u8) -> u32 {
    (u32::from(level) * 100 + 127) / 255
}
