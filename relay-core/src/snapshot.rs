//! What the relay tells its front ends: the status page, the API, the terminal, the Apple bridge.
//!
//! Plain values, taken at control rate; times are ages in ms, rates are Hz.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::look::LookView;
use crate::universe::Universe;

/// The relay at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The show's name.
    pub show: String,
    /// The relay's version.
    pub version: String,
    /// Time since start.
    pub uptime_ms: u64,
    /// What the sockets and the engine counted since start.
    pub packets: PacketCounts,
    /// Datagrams per second over the last second or so.
    pub packets_per_second: f64,
    /// The sockets, as the system gave them.
    pub sockets: Vec<SocketState>,
    /// The interfaces the relay listens on.
    pub interfaces: Vec<InterfaceState>,
    /// How evenly levels arrive.
    pub arrivals: ArrivalState,
    /// Kernel arrival → look published.
    pub latency_published: Latency,
    /// Kernel arrival → frame handed to a radio.
    pub latency_handed: Latency,
    /// Patched universes, and those with a live source.
    pub universes: u32,
    /// Patched universes that have a live source now.
    pub universes_live: u32,
    /// Groups of the show.
    pub groups: u32,
    /// Groups whose signal is lost or that never had one.
    pub groups_lost: u32,
    /// Bands known, over all radios.
    pub bands: u32,
    /// Bands connected, over all radios.
    pub bands_connected: u32,
    /// Panic is latched: every band is dark until it is released.
    pub panic: bool,
    /// Every group keeps the look it had from the console.
    pub frozen: bool,
    /// The grand master, 0..=255.
    pub grand_master: u8,
    /// Groups overridden by hand.
    pub groups_overridden: u32,
    /// What the strobe guard sees and does.
    pub strobe: StrobeState,
    /// Whether the show file is another than the show that runs: broken at the start, or refused.
    pub show_file_refused: bool,
    /// The hot standby; `None` if the show has none.
    pub standby: Option<StandbyState>,
    /// Faults standing now, in plain words with what to do; empty = all is well.
    pub faults: Vec<String>,
}

/// The strobe guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StrobeState {
    /// What it does about flashes that are too fast: `off`, `warn`, `limit`.
    pub guard: String,
    /// Groups that flash too fast now, or would if they were let.
    pub groups_flashing: u32,
    /// Groups held steady now: they show something else than the console wants.
    pub groups_held: u32,
    /// How often more groups than the show allows did so at once, since start.
    pub episodes: u64,
}

/// This relay's side of a hot standby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandbyState {
    /// `drives`: the connected bands are this relay's; `follows`; `gives`: it lets go of them;
    /// `gave`: it has, and the other has not taken them yet.
    pub role: String,
    /// It is the one that drives if both can.
    pub preferred: bool,
    /// It may write to connected bands now.
    pub writes: bool,
    /// How long nothing is heard of the relay that drives before the other takes over.
    pub take_over_ms: u64,
    /// How often this relay began to drive since it started.
    pub take_overs: u32,
    /// What the other relay said last; `None`: it is not heard.
    pub peer: Option<StandbyPeer>,
}

/// What the other relay of a hot standby says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandbyPeer {
    /// As [`StandbyState::role`].
    pub role: String,
    /// Since it was last heard.
    pub heard_ms: u64,
    /// Its relay thread gets on.
    pub works: bool,
    /// A radio of it works.
    pub radios_work: bool,
    /// Since levels last came there; `None`: never.
    pub input_age_ms: Option<u64>,
    /// Patched universes that have a live source there.
    pub universes_live: u32,
    /// Universes patched there.
    pub universes: u32,
    /// Bands connected there.
    pub bands_connected: u32,
    /// Bands of its show.
    pub bands: u32,
    /// Both run the same show.
    pub same_show: bool,
}

/// Datagrams by what became of them. Every datagram is in exactly one of these but `received`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PacketCounts {
    /// Datagrams read from the sockets.
    pub received: u64,
    /// Levels taken, also those that wait for synchronization.
    pub accepted: u64,
    /// Understood, and not levels (`art_poll`, `sacn_discovery`, …).
    pub noted: std::collections::BTreeMap<String, u64>,
    /// Ignored or rejected, by reason (`out_of_sequence`, `not_patched`, `malformed`, …).
    pub ignored: std::collections::BTreeMap<String, u64>,
    /// Dropped by the kernel because a receive buffer was full.
    pub kernel_dropped: u64,
}

/// How evenly levels arrive, over the last 24 s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArrivalState {
    /// What the longest gap between two packets within a quarter of a second usually is; `None`
    /// before enough came, and while little comes.
    pub usual_gap_ms: Option<f64>,
    /// The longest gap of all, of those shorter than half a second.
    pub longest_gap_ms: Option<f64>,
    /// Packets stall in this beat, of about a second: Wi-Fi that leaves its channel (AWDL).
    pub stalls_every_ms: Option<f64>,
}

/// Percentiles of a latency, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Samples.
    pub count: u64,
    /// Median.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// Greatest.
    pub max_us: f64,
}

/// A latency as a distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Samples.
    pub count: u64,
    /// Their sum, microseconds, from the middles of buckets 0.8 % wide.
    pub sum_us: f64,
    /// Samples by the bound they are under, and last those above every bound.
    pub buckets: Vec<u64>,
}

/// One receiving socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SocketState {
    /// Bound address.
    pub address: String,
    /// Multicast groups joined on it.
    pub joined: u32,
    /// Receive buffer the system granted, bytes.
    pub receive_buffer_bytes: u64,
    /// Datagrams the kernel dropped at this socket; `None` where the system does not tell.
    pub dropped: Option<u64>,
}

/// One interface the operator chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InterfaceState {
    /// The system's name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Whether it is there and running.
    pub up: bool,
}

/// One patched universe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UniverseState {
    /// `sacn/1`, `artnet/0/0/1`.
    pub universe: Universe,
    /// `live`: a source rules; `lost`: sources were there and are gone; `waiting`: none came yet.
    pub state: SignalState,
    /// The merged levels, 512 of 0..=255.
    pub levels: Vec<u8>,
    /// Everything that sends this universe, best first.
    pub sources: Vec<SourceState>,
    /// Accepted packets per second, all sources.
    pub rate_hz: f64,
    /// Since the last accepted packet; `None` before the first.
    pub age_ms: Option<u64>,
}

/// Whether light comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignalState {
    /// No source yet.
    Waiting,
    /// A source rules.
    Live,
    /// There were sources; all are gone.
    Lost,
}

/// One source of one universe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceState {
    /// Source name (sACN) or short name from its ArtPollReply; empty if it has told none.
    pub name: String,
    /// Component identifier (sACN only).
    pub cid: Option<String>,
    /// Address and port it was last heard from.
    pub address: String,
    /// Name of the interface in whose network that address is; `None` if in none, as behind a
    /// router.
    pub interface: Option<String>,
    /// `sacn` or `artnet`.
    pub protocol: String,
    /// 0..=200 (sACN only).
    pub priority: Option<u8>,
    /// Packets per second.
    pub rate_hz: f64,
    /// Packets of this universe heard from it.
    pub packets: u64,
    /// Packets missing or out of order by sequence number.
    pub sequence_errors: u64,
    /// Packets that never came, counted through every silence, as far as sequence numbers tell.
    pub missed: u64,
    /// Whether its levels are in the merge now.
    pub contributing: bool,
    /// If not, why: `lower_priority`, `preview`, `source_limit`, `timed_out`, `terminated`, …
    pub reason: Option<String>,
    /// Since its last packet.
    pub age_ms: u64,
}

/// What is on the network beside the patch: what sACN sources announce (universe discovery), and
/// universes that nobody patched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkState {
    /// Sources that announce which universes they send, by name.
    pub announced: Vec<AnnouncedState>,
    /// Universes that are announced, or that levels came for, and that no group is patched to,
    /// ascending. The first 4096, and all that levels came for.
    pub not_patched: Vec<NotPatchedState>,
    /// How many there are in all.
    pub not_patched_count: u32,
    /// Patched sACN universes that no source announces. Not every source announces: one may be
    /// `live` all the same.
    pub not_announced: Vec<Universe>,
}

/// An sACN source that announces which universes it sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnnouncedState {
    /// Its name.
    pub name: String,
    /// Component identifier.
    pub cid: String,
    /// Address and port the list came from.
    pub address: String,
    /// Since the list came; after 30 s without one the source is forgotten.
    pub age_ms: u64,
    /// The universes, ascending; the first 4096.
    pub universes: Vec<Universe>,
    /// How many there are in all.
    pub universe_count: u32,
}

/// A universe on the network that no group is patched to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotPatchedState {
    /// `sacn/2`, `artnet/0/0/2`.
    pub universe: Universe,
    /// Names of sources that announce it; at most four.
    pub announced_by: Vec<String>,
    /// Address and port the last levels came from; `None` if none came. sACN levels by multicast
    /// do not come for universes that are not patched.
    pub address: Option<String>,
    /// Packets with levels that came.
    pub packets: u64,
    /// Since the first of them.
    pub first_seen_ms: Option<u64>,
    /// Since the last of them.
    pub age_ms: Option<u64>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupState {
    /// Its name.
    pub name: String,
    /// What its bands should show now.
    pub look: LookView,
    /// Since its universes were last heard; the stalest of them counts. `None` before the first packet.
    pub age_ms: Option<u64>,
    /// Signal lost, or never there.
    pub lost: bool,
    /// The universes that feed it.
    pub universes: Vec<Universe>,
    /// What became of its looks on the way to its bands.
    pub delivery: GroupBands,
}

/// The bands of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupBands {
    /// How many there are.
    pub bands: u32,
    /// Those connected now.
    pub bands_connected: u32,
    /// For how long a newer look has been there than the band furthest behind shows; 0: all that
    /// are connected show the newest.
    pub behind_ms: u64,
    /// Frames sent.
    pub frames: u64,
    /// Frames that could not be delivered.
    pub failed: u64,
    /// Looks replaced by newer ones before they were sent.
    pub conflated: u64,
    /// One-frame peaks sent before the look that replaced them.
    pub latched: u64,
}

/// What of a show does not change while it runs: for maps and tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneState {
    /// The show's name.
    pub show: String,
    /// The relay's version.
    pub version: String,
    /// The patched universes, in the order in which they are answered.
    pub universes: Vec<Universe>,
    /// Every group, in the order of the show file.
    pub groups: Vec<SceneGroup>,
}

/// A group's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneGroup {
    /// Its name.
    pub name: String,
    /// Metres, x to the right and y away from the stage; `None` if the show file does not say.
    pub position: Option<[f64; 2]>,
}

/// One radio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RadioState {
    /// Its name in the show.
    pub name: String,
    /// `simulated`, `gatt`.
    pub kind: String,
    /// `starting`, `up`, `down`.
    pub state: String,
    /// In plain words, when something is wrong.
    pub detail: Option<String>,
    /// Its bands.
    pub bands: u32,
    /// Those connected now.
    pub bands_connected: u32,
    /// Frames handed to the radio.
    pub frames_sent: u64,
    /// Frames the radio could not deliver.
    pub frames_failed: u64,
    /// Looks replaced by newer ones before they were sent.
    pub conflated: u64,
    /// One-frame peaks sent before the look that replaced them.
    pub latched: u64,
    /// How long a blackout that begins now can take until every connected band has acknowledged it,
    /// with the slowest write of late; what is lost on the air comes on top. `None` = not known yet.
    pub panic_worst_ms: Option<u64>,
    /// How long the last one took. `None` = there was none.
    pub panic_took_ms: Option<u64>,
}

/// One band.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BandState {
    /// Its id on the radio.
    pub id: String,
    /// Its radio.
    pub radio: String,
    /// Its group.
    pub group: String,
    /// Whether it can be reached now.
    pub connected: bool,
    /// What it shows (simulated bands), or what was last sent to it (others).
    pub look: LookView,
    /// Since it began to show that; `None` before its first frame.
    pub age_ms: Option<u64>,
    /// For how long a newer look has been there than it shows; 0: it shows the newest.
    pub behind_ms: u64,
    /// Frames sent to it.
    pub frames: u64,
    /// Frames that could not be delivered.
    pub failed: u64,
    /// Looks replaced by newer ones before they were sent.
    pub conflated: u64,
    /// One-frame peaks sent before the look that replaced them.
    pub latched: u64,
    /// Battery, 0..=100 percent; `None` if the band has not told.
    pub battery_percent: Option<u8>,
    /// How strong the radio last heard it, dBm; nearer to 0 is stronger. `None` if it does not know.
    pub rssi_dbm: Option<i16>,
    /// Since it was heard so.
    pub rssi_age_ms: Option<u64>,
    /// In plain words, when something is wrong.
    pub detail: Option<String>,
}

/// A silence of a source in which packets were missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GapState {
    /// Counts up from 1; numbers missing in between are gaps that were forgotten.
    pub number: u64,
    /// The universe.
    pub universe: Universe,
    /// Name of the source; empty if it has told none.
    pub source: String,
    /// Component identifier (sACN only).
    pub cid: Option<String>,
    /// Address and port it was last heard from.
    pub address: String,
    /// Last packet before it, since the relay started.
    pub start_uptime_ms: u64,
    /// First packet after it, since the relay started.
    pub end_uptime_ms: u64,
    /// Packets that are missing; `None` if the source does not number its packets.
    pub missed: Option<u64>,
    /// Right to the packet; else the numbers ran round in that time, and the source's pace before
    /// it says how often.
    pub exact: bool,
}

/// How much an event matters to the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it when there is time.
    Warning,
    /// Light is missing or will be.
    Fault,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventState {
    /// Counts up from 1; numbers missing in between are events that were forgotten.
    pub number: u64,
    /// Wall time, milliseconds since 1970.
    pub unix_ms: u64,
    /// Since the relay started.
    pub uptime_ms: u64,
    /// How much it matters.
    pub severity: Severity,
    /// In plain words.
    pub text: String,
    /// Who did it, and with what; `None` if nobody in person.
    pub by: Option<String>,
    /// How long that lasted which this ends: a loss of signal, a panic; `None` if it ends nothing.
    pub lasted_ms: Option<u64>,
}

/// What operators have done by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlState {
    /// Panic is latched: every band is dark until it is released.
    pub panic: bool,
    /// Every group keeps the look it had from the console.
    pub frozen: bool,
    /// 0 = dark, 255 = as the console sends it.
    pub grand_master: u8,
    /// The groups with an override or a master below full, in the order of the show file.
    pub groups: Vec<GroupControl>,
    /// What groups show that have had no signal yet.
    pub start_look: LookView,
    /// What the bands are left showing when the relay stops; `None` = what they show then.
    pub end_look: Option<LookView>,
}

/// A group that a hand is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupControl {
    /// Its name.
    pub name: String,
    /// Its master, 0..=255.
    pub master: u8,
    /// What overrides the console: `look`, `identify`, `colours`, `chase`; `None` = nothing.
    pub overridden_by: Option<String>,
    /// How long the override still lasts; `None` without one.
    pub left_ms: Option<u64>,
}
