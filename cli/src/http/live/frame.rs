//! One look at the relay, and what of it is new to somebody who knows an earlier one.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::{Map, Value, json};
use wristcast_core::look::{Look, LookView};
use wristcast_core::relay::{HandleError, RelayHandle};
use wristcast_core::snapshot::{
    BandState, ControlState, EventState, RadioState, SceneState, SignalState, Status, UniverseState,
};
use wristcast_core::universe::Universe;

use super::history::Point;

/// Events told to who begins to watch.
const EVENTS_FIRST: usize = 200;

/// Bands listed: those that want attention first.
const BANDS_LISTED: usize = 200;

/// Bits of a group's fourth byte.
const LOST: u8 = 1;
const OVERRIDDEN: u8 = 2;
const MASTERED: u8 = 4;

/// One look at the relay.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// Counts looks; 0 is none.
    number: u64,
    scene: Option<Arc<SceneState>>,
    status: Value,
    /// Red, green and blue as they come out, and bits.
    groups: Vec<[u8; 4]>,
    /// Masters of groups that are not at full, and the overrides' names.
    hands: Value,
    universes: Vec<UniverseState>,
    lines: Vec<Line>,
    slow: Arc<Slow>,
    events: Vec<EventState>,
    latencies: Vec<Point>,
    /// Counts the points there ever were, so that new ones can be told apart.
    points: usize,
}

/// What is looked at once a second.
#[derive(Debug, Default)]
struct Slow {
    radios: Vec<RadioState>,
    bands: Vec<BandState>,
}

/// A universe in the table: state, packets per second, sources that contribute, all sources,
/// sequence errors, highest level.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Line(u8, u32, usize, usize, u64, u8);

impl Frame {
    /// Looks at the relay. What is slow is looked at only if `slow`, or if nobody ever did.
    pub(super) fn look(
        relay: &RelayHandle,
        before: &Self,
        latencies: Vec<Point>,
        slow: bool,
    ) -> Result<Self, HandleError> {
        let scene = relay.scene();
        let scene = match &before.scene {
            Some(known) if Arc::ptr_eq(known, &scene) || *known == scene => known.clone(),
            _ => scene,
        };
        let control = relay.control()?;
        let mut groups: Vec<[u8; 4]> = relay.looks()?.into_iter().map(seen).collect();
        let mut index = scene.groups.iter().enumerate().peekable();
        for hand in &control.groups {
            // Both are in the order of the show file.
            while index.next_if(|(_, group)| group.name != hand.name).is_some() {}
            let Some((at, _)) = index.next() else { break };
            if let Some(group) = groups.get_mut(at) {
                group[3] |= if hand.overridden_by.is_some() { OVERRIDDEN } else { 0 };
                group[3] |= if hand.master < 255 { MASTERED } else { 0 };
            }
        }
        let universes = relay.universes()?;
        let slow = match slow || before.scene.is_none() {
            true => Arc::new(Slow { radios: relay.radios(), bands: bands(relay) }),
            false => before.slow.clone(),
        };
        let last = before.events.last().map_or(0, |event| event.number);
        let mut events = before.events.clone();
        events.extend(relay.events(last));
        events.drain(..events.len().saturating_sub(EVENTS_FIRST));
        let grown = usize::from(latencies != before.latencies);
        Ok(Self {
            number: before.number + 1,
            lines: universes.iter().map(line).collect(),
            points: before.points + if before.scene.is_none() { latencies.len() } else { grown },
            scene: Some(scene),
            status: status(&relay.status(), &control),
            hands: json!(control.groups),
            groups,
            universes,
            slow,
            events,
            latencies,
        })
    }

    /// Tells one look from another.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether both are looks at the same scene.
    fn is_of_scene(&self, other: &Self) -> bool {
        match (&self.scene, &other.scene) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    fn universe(&self, universe: Universe) -> Option<&UniverseState> {
        self.universes.iter().find(|it| it.universe == universe)
    }

    /// What is new to somebody who knows `told`, as server-sent events.
    pub(super) fn since(&self, told: &Self) -> String {
        let Some(scene) = &self.scene else { return ": the relay has not answered yet\n\n".into() };
        let mut text = String::new();
        let mut told = told;
        let nothing = Self::default();
        if !self.is_of_scene(told) {
            told = &nothing;
            text += "retry: 1000\n";
            text += &message("scene", &json!(**scene));
        }
        let mut new = Map::new();
        if self.status != told.status {
            new.insert("status".into(), self.status.clone());
        }
        if self.hands != told.hands {
            new.insert("hands".into(), self.hands.clone());
        }
        groups(&self.groups, &told.groups, &mut new);
        let lines: Vec<_> = (self.lines.iter().enumerate())
            .filter(|&(index, line)| told.lines.get(index) != Some(line))
            .collect();
        if !lines.is_empty() {
            new.insert("universes".into(), json!(lines));
        }
        if !Arc::ptr_eq(&self.slow, &told.slow) {
            new.insert("radios".into(), json!(self.slow.radios));
            new.insert("bands".into(), json!(self.slow.bands));
        }
        let last = told.events.last().map_or(0, |event| event.number);
        let events: Vec<_> = self.events.iter().filter(|event| event.number > last).collect();
        if !events.is_empty() {
            new.insert("events".into(), json!(events));
        }
        let points = (self.points - told.points).min(self.latencies.len());
        if points > 0 {
            let from = self.latencies.len() - points;
            new.insert("latencies".into(), json!(self.latencies[from..]));
        }
        text + &message("change", &Value::Object(new))
    }

    /// `change`, which is what [`since`](Self::since) gave, and in it the levels and sources of
    /// `universe`, too, if they are new.
    pub(super) fn with_universe(&self, change: &str, told: &Self, universe: Universe) -> String {
        let (Some(now), Some(open)) = (self.universe(universe), change.strip_suffix(END)) else {
            return change.into();
        };
        // Who is told another scene is told this anew, too.
        let before = told.universe(universe).filter(|_| self.is_of_scene(told));
        if Some(now) == before {
            return change.into();
        }
        let mut value = json!(now);
        value["levels"] = BASE64.encode(&now.levels).into();
        let comma = if open.ends_with('{') { "" } else { "," };
        format!("{open}{comma}\"universe\":{value}{END}")
    }
}

/// How a message ends.
const END: &str = "}\n\n";

fn message(event: &str, data: &Value) -> String {
    format!("event: {event}\ndata: {data}\n\n")
}

/// All groups, or those that changed with their numbers, whichever is shorter.
fn groups(now: &[[u8; 4]], told: &[[u8; 4]], new: &mut Map<String, Value>) {
    if now == told {
        return;
    }
    let changed = now.iter().zip(told).enumerate().filter(|(_, (now, told))| now != told);
    if now.len() != told.len() || changed.clone().count() * 6 >= now.len() * 4 {
        new.insert("all_groups".into(), BASE64.encode(now.as_flattened()).into());
        return;
    }
    let mut bytes = Vec::new();
    for (index, (group, _)) in changed {
        // A show has 65 536 groups at most.
        bytes.extend((index as u16).to_le_bytes());
        bytes.extend(group);
    }
    new.insert("groups".into(), BASE64.encode(bytes).into());
}

/// What comes out of a group's bands, white mixed in.
fn seen((look, signal): (Look, SignalState)) -> [u8; 4] {
    let [red, green, blue] = out(&look.into());
    [red, green, blue, if signal == SignalState::Live { 0 } else { LOST }]
}

/// A look as it comes out of lamps, white mixed in.
fn out(look: &LookView) -> [u8; 3] {
    [look.red, look.green, look.blue].map(|level| {
        let level = u32::from(level) + u32::from(look.white);
        (level.min(255) * u32::from(look.dimmer) / 255) as u8
    })
}

fn line(universe: &UniverseState) -> Line {
    let contributing = universe.sources.iter().filter(|source| source.contributing).count();
    Line(
        universe.state as u8,
        universe.rate_hz.round() as u32,
        contributing,
        universe.sources.len(),
        universe.sources.iter().map(|source| source.sequence_errors).sum(),
        universe.levels.iter().copied().max().unwrap_or(0),
    )
}

/// What the head of a page needs.
fn status(status: &Status, control: &ControlState) -> Value {
    json!({
        "uptime_s": status.uptime_ms / 1000,
        "packets_per_second": status.packets_per_second.round(),
        "kernel_dropped": status.packets.kernel_dropped,
        "ignored": status.packets.ignored,
        "interfaces": status.interfaces,
        "universes": status.universes,
        "universes_live": status.universes_live,
        "groups": status.groups,
        "groups_lost": status.groups_lost,
        "groups_overridden": status.groups_overridden,
        "bands": status.bands,
        "bands_connected": status.bands_connected,
        "panic": status.panic,
        "frozen": status.frozen,
        "grand_master": status.grand_master,
        "start_look": out(&control.start_look),
        "end_look": control.end_look.as_ref().map(out),
        "standby": status.standby.as_ref().map(|standby| &standby.role),
        "faults": status.faults,
    })
}

/// Percent under which a battery may not last the night.
pub(crate) const BATTERY_LOW: u8 = 20;

/// Bands that want attention first: unreachable, then those with something to say, then those with
/// little battery, then the rest.
fn bands(relay: &RelayHandle) -> Vec<BandState> {
    let mut bands = relay.bands();
    bands.sort_by_key(|band| {
        let battery = band.battery_percent.filter(|&percent| percent < BATTERY_LOW).unwrap_or(100);
        (band.connected, band.detail.is_none(), battery)
    });
    bands.truncate(BANDS_LISTED);
    bands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(now: &[[u8; 4]], before: &[[u8; 4]]) -> Map<String, Value> {
        let mut new = Map::new();
        groups(now, before, &mut new);
        new
    }

    #[test]
    fn only_groups_that_changed_are_told_unless_most_did() {
        let before = [[1, 2, 3, 0]; 10];
        assert!(told(&before, &before).is_empty());
        let mut now = before;
        now[7] = [9, 8, 7, LOST];
        let bytes = BASE64.decode(told(&now, &before)["groups"].as_str().unwrap()).unwrap();
        assert_eq!(bytes, [7, 0, 9, 8, 7, LOST]);
        let all = told(&[[5; 4]; 10], &before);
        assert_eq!(BASE64.decode(all["all_groups"].as_str().unwrap()).unwrap(), [5; 40]);
        assert!(told(&before, &[]).contains_key("all_groups"), "who knows nothing is told all");
    }

    #[test]
    fn who_begins_to_watch_is_told_the_scene_first() {
        let scene = SceneState {
            show: "S".into(),
            version: "0".into(),
            universes: Vec::new(),
            groups: Vec::new(),
        };
        let frame = Frame { scene: Some(Arc::new(scene)), ..Frame::default() };
        let text = frame.since(&Frame::default());
        assert!(text.starts_with("retry: 1000\nevent: scene\ndata: {"), "{text}");
        assert!(text.contains("\n\nevent: change\ndata: {"), "{text}");
        assert_eq!(frame.since(&frame), "event: change\ndata: {}\n\n", "nothing new");
        assert!(Frame::default().since(&frame).starts_with(": "), "no answer yet");
    }

    #[test]
    fn a_universe_that_is_looked_at_is_told_when_it_changes() {
        let universe: Universe = "sacn/1".parse().unwrap();
        let scene = Arc::new(SceneState {
            show: "S".into(),
            version: "0".into(),
            universes: vec![universe],
            groups: Vec::new(),
        });
        let frame = |level: u8| Frame {
            scene: Some(scene.clone()),
            universes: vec![UniverseState {
                universe,
                state: SignalState::Live,
                levels: vec![level; 2],
                sources: Vec::new(),
                rate_hz: 44.0,
                age_ms: Some(1),
            }],
            ..Frame::default()
        };
        let told = |now: &Frame, before: &Frame| {
            let text = now.with_universe(&now.since(before), before, universe);
            let data = text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
            serde_json::from_str::<Value>(data).unwrap()["universe"]["levels"].clone()
        };
        assert_eq!(told(&frame(1), &frame(1)), Value::Null, "nothing new");
        assert_eq!(told(&frame(9), &frame(1)), BASE64.encode([9, 9]));
        assert_eq!(told(&frame(9), &Frame::default()), BASE64.encode([9, 9]), "who has just come");
        let silent = Frame::default();
        let words = silent.with_universe(&silent.since(&silent), &silent, universe);
        assert!(words.starts_with(": "), "no answer yet: {words}");
    }
}
