//! What a relay tells an app: plain values, taken at control rate. Ages in ms, rates in Hz.

use std::collections::HashMap;

use wristcast_core::snapshot as core;

use crate::AppState;

/// The relay at a moment.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Snapshot {
    /// The show's name.
    pub show: String,
    /// Time since start, without the time the device slept.
    pub uptime_ms: u64,
    /// The continuous clock now, on which gaps are told.
    pub continuous_ms: u64,
    /// What the app said last of itself.
    pub app_state: AppState,
    /// Datagrams since start.
    pub packets: Packets,
    /// Patched universes.
    pub universes: u32,
    /// Those with a source now.
    pub universes_live: u32,
    /// Everything that sends a patched universe.
    pub sources: Vec<SourceSnapshot>,
    /// The newest gaps, oldest first; at most 64.
    pub gaps: Vec<Gap>,
    /// The groups, in the order of the show file.
    pub groups: Vec<GroupSnapshot>,
    /// The radios, in the order of the show file.
    pub radios: Vec<RadioSnapshot>,
    /// Every band of every radio.
    pub bands: Vec<BandSnapshot>,
    /// Bands reachable now.
    pub bands_connected: u32,
    /// How evenly levels arrive.
    pub arrivals: Arrivals,
    /// The receiving sockets.
    pub sockets: Vec<SocketSnapshot>,
    /// The interfaces listened on.
    pub interfaces: Vec<InterfaceSnapshot>,
    /// Panic is latched: every band is dark until it is released.
    pub panic: bool,
    /// Every group keeps the look it had from the console.
    pub frozen: bool,
    /// The grand master, 0..=255.
    pub grand_master: u8,
    /// Faults standing now, in plain words with what to do; empty = all is well.
    pub faults: Vec<String>,
}

/// Datagrams by what became of them.
#[derive(Clone, Debug, Default, PartialEq, uniffi::Record)]
pub struct Packets {
    /// Read from the sockets.
    pub received: u64,
    /// Their levels were taken.
    pub accepted: u64,
    /// Left out, by reason (`not_patched`, `out_of_sequence`, …).
    pub left_out: HashMap<String, u64>,
    /// Dropped by the kernel because a receive buffer was full.
    pub kernel_dropped: u64,
    /// Per second now.
    pub per_second: f64,
}

/// How evenly levels arrive, over the last 24 s. `None` before enough came, and while little comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, uniffi::Record)]
pub struct Arrivals {
    /// What the longest gap between two packets within a quarter of a second usually is, ms.
    pub usual_gap_ms: Option<f64>,
    /// The longest gap of all, of those shorter than half a second, ms.
    pub longest_gap_ms: Option<f64>,
    /// Packets stall in this beat of about a second, ms: Wi-Fi that leaves its channel (AWDL).
    pub stalls_every_ms: Option<f64>,
}

/// One source of one universe.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct SourceSnapshot {
    /// `sacn/1`, `artnet/0/0/1`.
    pub universe: String,
    /// Its name; empty if it has told none.
    pub name: String,
    /// Component identifier (sACN only).
    pub cid: Option<String>,
    /// Address and port it was last heard from.
    pub address: String,
    /// Name of the interface in whose network that address is; `None` if in none.
    pub interface: Option<String>,
    /// 0..=200 (sACN only).
    pub priority: Option<u8>,
    /// Packets per second.
    pub rate_hz: f64,
    /// Packets seen.
    pub seen: u64,
    /// Packets that never came, by their sequence numbers, counted through every silence.
    pub missed: u64,
    /// Packets missing or out of order, as the standard counts them while a source lives.
    pub sequence_errors: u64,
    /// Whether its levels are in the merge now.
    pub contributing: bool,
    /// If not, why.
    pub reason: Option<String>,
    /// Since its last packet, without the time the device slept.
    pub age_ms: u64,
}

/// A silence of a source in which packets were missed, told when it is over.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Gap {
    /// Counts up from 1 while a relay runs.
    pub number: u64,
    /// The universe.
    pub universe: String,
    /// Name of the source; empty if it has told none.
    pub source: String,
    /// Component identifier (sACN only).
    pub cid: Option<String>,
    /// Address and port of the source.
    pub address: String,
    /// Last packet before it, on the continuous clock.
    pub start_ms: u64,
    /// First packet after it, on the continuous clock: the time the device slept counts.
    pub end_ms: u64,
    /// Packets that are missing; `None` if the source does not number its packets.
    pub missed: Option<u64>,
    /// Right to the packet; else the numbers ran round meanwhile, and the pace of the source says
    /// how often.
    pub exact: bool,
}

/// One group.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct GroupSnapshot {
    /// Its name.
    pub name: String,
    /// Red, 0..=255, before the dimmer.
    pub red: u8,
    /// Green, 0..=255, before the dimmer.
    pub green: u8,
    /// Blue, 0..=255, before the dimmer.
    pub blue: u8,
    /// White, 0..=255, before the dimmer.
    pub white: u8,
    /// Dimmer, 0..=255.
    pub dimmer: u8,
    /// Since its universes were last heard; `None` before the first packet.
    pub age_ms: Option<u64>,
    /// Signal lost, or never there.
    pub lost: bool,
}

/// One radio.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct RadioSnapshot {
    /// Its name in the show.
    pub name: String,
    /// `simulated`, `gatt`, `app`.
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
}

/// One band.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BandSnapshot {
    /// Its id on the radio.
    pub id: String,
    /// Its radio.
    pub radio: String,
    /// Its group.
    pub group: String,
    /// Whether it can be reached now.
    pub connected: bool,
    /// Since it began to show what it shows; `None` before its first frame.
    pub age_ms: Option<u64>,
    /// Frames sent to it.
    pub frames: u64,
    /// In plain words, when something is wrong.
    pub detail: Option<String>,
}

/// One receiving socket.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct SocketSnapshot {
    /// Bound address.
    pub address: String,
    /// Multicast groups joined on it.
    pub joined: u32,
    /// Receive buffer the system granted, bytes.
    pub receive_buffer_bytes: u64,
    /// Datagrams the kernel dropped at it; `None` where the system does not tell.
    pub dropped: Option<u64>,
}

/// One interface that was chosen.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct InterfaceSnapshot {
    /// The system's name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Whether it is there and running.
    pub up: bool,
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum EventSeverity {
    /// Good to know.
    Info,
    /// Look at it when there is time.
    Warning,
    /// Light is missing or will be.
    Fault,
}

/// Something that happened, in plain words.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Event {
    /// Counts up from 1 while a relay runs; numbers missing in between were forgotten.
    pub number: u64,
    /// Wall time, milliseconds since 1970.
    pub unix_ms: u64,
    /// How much it matters.
    pub severity: EventSeverity,
    /// In plain words.
    pub text: String,
    /// Who did it, and with what; `None` if nobody in person.
    pub by: Option<String>,
}

impl From<core::EventState> for Event {
    fn from(event: core::EventState) -> Self {
        let severity = match event.severity {
            core::Severity::Info => EventSeverity::Info,
            core::Severity::Warning => EventSeverity::Warning,
            core::Severity::Fault => EventSeverity::Fault,
        };
        let core::EventState { number, unix_ms, text, by, .. } = event;
        Self { number, unix_ms, severity, text, by }
    }
}

impl SourceSnapshot {
    pub(crate) fn of(universe: &str, source: core::SourceState) -> Self {
        Self {
            universe: universe.to_owned(),
            name: source.name,
            cid: source.cid,
            address: source.address,
            interface: source.interface,
            priority: source.priority,
            rate_hz: source.rate_hz,
            seen: source.packets,
            missed: source.missed,
            sequence_errors: source.sequence_errors,
            contributing: source.contributing,
            reason: source.reason,
            age_ms: source.age_ms,
        }
    }
}

impl From<core::ArrivalState> for Arrivals {
    fn from(arrivals: core::ArrivalState) -> Self {
        let core::ArrivalState { usual_gap_ms, longest_gap_ms, stalls_every_ms } = arrivals;
        Self { usual_gap_ms, longest_gap_ms, stalls_every_ms }
    }
}

impl Packets {
    pub(crate) fn of(counts: core::PacketCounts, per_second: f64) -> Self {
        Self {
            received: counts.received,
            accepted: counts.accepted,
            left_out: counts.ignored.into_iter().collect(),
            kernel_dropped: counts.kernel_dropped,
            per_second,
        }
    }
}

impl From<core::GroupState> for GroupSnapshot {
    fn from(group: core::GroupState) -> Self {
        Self {
            name: group.name,
            red: group.look.red,
            green: group.look.green,
            blue: group.look.blue,
            white: group.look.white,
            dimmer: group.look.dimmer,
            age_ms: group.age_ms,
            lost: group.lost,
        }
    }
}

impl From<core::RadioState> for RadioSnapshot {
    fn from(radio: core::RadioState) -> Self {
        Self {
            name: radio.name,
            kind: radio.kind,
            state: radio.state,
            detail: radio.detail,
            bands: radio.bands,
            bands_connected: radio.bands_connected,
            frames_sent: radio.frames_sent,
            frames_failed: radio.frames_failed,
            conflated: radio.conflated,
        }
    }
}

impl From<core::BandState> for BandSnapshot {
    fn from(band: core::BandState) -> Self {
        Self {
            id: band.id,
            radio: band.radio,
            group: band.group,
            connected: band.connected,
            age_ms: band.age_ms,
            frames: band.frames,
            detail: band.detail,
        }
    }
}

impl From<core::SocketState> for SocketSnapshot {
    fn from(socket: core::SocketState) -> Self {
        Self {
            address: socket.address,
            joined: socket.joined,
            receive_buffer_bytes: socket.receive_buffer_bytes,
            dropped: socket.dropped,
        }
    }
}

impl From<core::InterfaceState> for InterfaceSnapshot {
    fn from(interface: core::InterfaceState) -> Self {
        Self { name: interface.name, addresses: interface.addresses, up: interface.up }
    }
}
