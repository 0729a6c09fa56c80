//! A checked show: everything the relay needs to know before the first packet.
//!
//! [`Config`] holds only values that are already valid; [`parse`](Config::parse) turns a TOML show
//! file into one, or into every mistake in it.

mod allow;
mod changes;
mod check;
mod diagnostic;
#[expect(dead_code, reason = "the shape of the file is described, never built")]
mod file;
mod files;
mod near;
mod parse;
mod patch_table;
mod read_broadcast;
mod read_gatt;
mod read_groups;
mod read_inventory;
mod read_look;
mod read_network;
mod read_osc;
mod read_patch;
mod read_profile;
mod read_radios;
mod read_safety;
mod read_standby;
mod reader;
mod report;

pub use allow::Allow;
#[cfg(feature = "io")]
pub(crate) use allow::in_network;
pub use changes::changes;
pub use diagnostic::{Diagnostic, Severity};
pub use files::{Files, Folder, NoFiles, inventory_name};
pub use patch_table::{PatchRow, patch_table};
pub use read_inventory::{InventoryBand, read_inventory};
pub use read_patch::personalities;
pub use read_profile::{is_profile, read_profile};

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use broadcast_frame::frame::EXECUTE_IN_MS_MAX;

use crate::band::profile::Profile;
use crate::look::Look;
use crate::universe::{SLOTS, Universe};

/// A show, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The show's name.
    pub name: String,
    /// Where DMX comes from.
    pub network: Network,
    /// The status API; `None` = off.
    pub http: Option<Http>,
    /// Orders over OSC; `None` = off.
    pub osc: Option<Osc>,
    /// The second relay of the show; `None` = there is none.
    pub standby: Option<Standby>,
    /// The groups, in the order of the file. A group's index here is its index everywhere.
    pub groups: Vec<Group>,
    /// The radios, in the order of the file.
    pub radios: Vec<RadioConfig>,
    /// What every group shows until the first packet for it comes; [`Look::DARK`] by default.
    pub start_look: Look,
    /// What the bands are left showing when the relay stops.
    pub end_look: EndLook,
    /// What is done about light that can harm.
    pub safety: Safety,
}

impl Config {
    /// Reads a show file. `file` is its name for messages. Gives the show and what looks like a
    /// mistake in it; or, if it cannot run, every mistake there is, in the order of the file.
    ///
    /// # Errors
    ///
    /// At least one of the diagnostics is an error.
    pub fn parse(text: &str, file: &str) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        parse::parse(text, file, &NoFiles)
    }

    /// Likewise, for a show with files beside it: its band profiles, and its inventory, which is
    /// called as [`inventory_name`] says and need not be there.
    ///
    /// # Errors
    ///
    /// At least one of the diagnostics is an error.
    pub fn parse_with(
        text: &str,
        file: &str,
        files: &dyn Files,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        parse::parse(text, file, files)
    }

    /// The JSON Schema (2020-12) of a show file, for editors.
    pub fn schema() -> serde_json::Value {
        file::schema()
    }
}

/// The receiving side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Interfaces to receive on; empty = every running interface but loopback.
    pub interfaces: Vec<InterfaceSelector>,
    /// UDP port of sACN. Default 5568 (E1.31 §9.2).
    pub sacn_port: u16,
    /// UDP port of Art-Net. Default 6454.
    pub artnet_port: u16,
    /// Receive buffer asked for per socket, bytes. Default 4 MiB.
    pub receive_buffer_bytes: usize,
    /// The sources that are listened to. Default: all.
    pub allow: Allow,
    /// How sources of equal priority share a universe.
    pub merge: MergeMode,
    /// Sources tracked per universe; further ones are reported and ignored. Default 8, range 1..=32.
    pub sources_per_universe: usize,
    /// How long a new sACN universe is listened to before its levels count (E1.31 sampling
    /// period). Default 0: a relay that starts in the middle of a show gives light at once.
    pub sampling_period: Duration,
    /// Every multicast group is joined anew once in this time, for switches that forget. Default
    /// 60 s, zero = never: right where a querier asks.
    pub rejoin_interval: Duration,
    /// The relay thread looks for datagrams all the time instead of sleeping until one comes: some
    /// 20 µs sooner, for a whole core. Default false.
    pub busy_wait: bool,
    /// Real-time priority of the relay thread, 1..=99: it goes before every usual thread (SCHED_FIFO of
    /// Linux; nothing elsewhere). Default none.
    pub realtime_priority: Option<u8>,
    /// The processor core that the relay thread is kept to, 0..=1023 (Linux; nothing elsewhere). Default:
    /// any.
    pub core: Option<usize>,
    /// How the relay presents itself as an Art-Net node.
    pub artnet_node: ArtNetNode,
}

/// The relay as an Art-Net node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtNetNode {
    /// Answer ArtPoll, so that consoles find the relay and unicast to it. Default true.
    pub reply: bool,
    /// At most 17 bytes. Default `wristcast`.
    pub short_name: String,
    /// At most 63 bytes. Default the show's name.
    pub long_name: String,
    /// Let ArtAddress change names and merge mode. Default false.
    pub remote_programming: bool,
}

/// How an operator names an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceSelector {
    /// By the system's name, `eth0`.
    Name(String),
    /// By an address it has.
    Address(IpAddr),
    /// By a network that one of its addresses is in: address and prefix length.
    Cidr(IpAddr, u8),
}

/// Sources of equal priority on one universe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeMode {
    /// Highest takes precedence, slot by slot.
    #[default]
    Htp,
    /// Latest takes precedence: the source whose levels changed last owns the universe.
    Ltp,
}

/// The status API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The file with the tokens of those who may change the show, relative to the show file; `None`
    /// = nobody may.
    pub token_file: Option<PathBuf>,
    /// Names that the API is reached by beside addresses, `localhost` and the machine's own name; in
    /// small letters.
    pub hosts: Vec<String>,
}

/// Orders over OSC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Osc {
    /// Address and port to listen on, UDP.
    pub listen: SocketAddr,
    /// The controllers that are listened to. Default: all.
    pub allow: Allow,
    /// The file with the tokens of those who may give orders, relative to the show file; `None` = no
    /// token is asked for.
    pub token_file: Option<PathBuf>,
}

/// Two relays on one show, as one of them knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Standby {
    /// This relay drives if both can.
    pub preferred: bool,
    /// Where the other relay listens: one address, or two by different ways.
    pub peers: Vec<SocketAddr>,
    /// Where this one does. Default: every address, port 5570.
    pub listen: SocketAddr,
    /// What both prove with that they are who they say.
    pub key: broadcast_frame::Key,
    /// How long nothing is heard of the relay that drives before the other takes over. Default
    /// 500 ms, range 100..=10 000 ms.
    pub take_over: Duration,
    /// How long a relay that drives hears less of the consoles than the other before it gives.
    /// Default 500 ms, range 100..=60 000 ms.
    pub input_loss: Duration,
    /// The preferred relay asks for the bands when it is well again. Default false: by hand.
    pub gives_back: bool,
    /// Both send broadcasts all the time. Default false: the one that drives.
    pub both_broadcast: bool,
}

/// A group of wristbands that always show the same look.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Unique within the show.
    pub name: String,
    /// The personality's name, for tables: `rgb`, `custom`.
    pub personality: String,
    /// Which slot drives what. Never empty.
    pub slots: Vec<PatchedSlot>,
    /// What to do when every source of the group's universes is lost.
    pub loss: Loss,
    /// Delay from DMX to light, 0..=500 ms.
    pub delay: Duration,
    /// Where it sits in the venue, metres, x to the right and y away from the stage; for seat maps.
    pub position: Option<[f64; 2]>,
}

/// One attribute of a group and the slot that drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchedSlot {
    /// What the slot drives.
    pub attribute: Attribute,
    /// The universe.
    pub universe: Universe,
    /// The slot.
    pub address: SlotAddress,
}

/// What a slot can drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Red level.
    Red,
    /// Green level.
    Green,
    /// Blue level.
    Blue,
    /// White level.
    White,
    /// Dimmer.
    Dimmer,
    /// Strobe: 0..=9 open, 10..=255 = 1.0..=25.0 Hz.
    Strobe,
    /// Fade: 0 snap, 1..=255 = 10..=2550 ms.
    Fade,
    /// Takes a slot and drives nothing.
    Unused,
}

/// A slot as consoles number them, 1..=512.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotAddress(u16);

impl SlotAddress {
    /// `None` outside 1..=512.
    pub const fn new(address: u16) -> Option<Self> {
        if address >= 1 && address as usize <= SLOTS { Some(Self(address)) } else { None }
    }

    /// The address, 1..=512.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The index into 512 levels, 0..=511.
    pub const fn index(self) -> usize {
        self.0 as usize - 1
    }
}

/// What a group does when its signal is lost: hold for `after`, then go to `to` over `fade`.
/// While it holds, a strobe is opened: a frozen strobe is never left running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The look to go to; `None` = hold the last look for ever.
    pub to: Option<Look>,
    /// How long the last look is held first.
    pub after: Duration,
    /// How long the way to `to` takes.
    pub fade: Duration,
}

impl Loss {
    /// Hold last look.
    pub const HOLD: Self = Self { to: None, after: Duration::ZERO, fade: Duration::ZERO };
}

/// What the bands are left showing when the relay stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndLook {
    /// The last look stays.
    Hold,
    /// Every group goes to this look; [`Look::DARK`] by default.
    Look(Look),
}

/// What is done about light that can harm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Safety {
    /// What the strobe guard does. Default: warn.
    pub strobe: StrobeMode,
    /// Flashes a second that are not too fast, 1..=10. Default 3 (ITU-R BT.1702).
    pub flashes_per_second: u8,
    /// Likewise flashes in saturated red. Default 2.
    pub red_flashes_per_second: u8,
    /// Share of the groups that may flash faster at the same time, 0.0..=1.0. Default 0.25.
    pub flashing_share: f64,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            strobe: StrobeMode::Warn,
            flashes_per_second: 3,
            red_flashes_per_second: 2,
            flashing_share: 0.25,
        }
    }
}

/// What the strobe guard does about flashes that are too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrobeMode {
    /// Nothing; it does not even look.
    Off,
    /// It tells the operator.
    Warn,
    /// It tells the operator and holds the light steady.
    Limit,
}

impl StrobeMode {
    /// As the show file has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Limit => "limit",
        }
    }
}

/// One radio of the show.
#[derive(Clone, Debug, PartialEq)]
pub struct RadioConfig {
    /// Unique within the show; default the kind and a number.
    pub name: String,
    /// The kind and what it needs.
    pub kind: RadioKind,
}

/// The kinds of radio.
#[derive(Clone, Debug, PartialEq)]
pub enum RadioKind {
    /// Virtual wristbands.
    Simulated(SimulatedConfig),
    /// Connected wristbands through the host's Bluetooth stack.
    Gatt(GattConfig),
    /// Any number of wristbands that listen to adverts.
    Broadcast(BroadcastConfig),
}

/// Virtual wristbands and the model of their links.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedConfig {
    /// Bands in each group. Default 10.
    pub bands_per_group: usize,
    /// Groups (by index) that have bands on this radio; empty = all.
    pub groups: Vec<usize>,
    /// Connection interval. Default 30 ms, range 7.5..=4000 ms (Core 5.4, Vol 6, Part B, 4.5.1).
    pub interval: Duration,
    /// Packets that one connection event carries. Default 1, range 1..=8.
    pub packets_per_event: u8,
    /// Share of connection events that fail, 0.0..=0.95; the link layer tries again at the next
    /// event. Default 0.02.
    pub loss: f64,
    /// From the connection event to the light. Default 2 ms.
    pub latency: Duration,
    /// Seed of everything random; the same seed gives the same run. Default 1.
    pub seed: u64,
}

/// Connected wristbands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GattConfig {
    /// Adapters that share the bands, `hci0`; empty = the first there is.
    pub adapters: Vec<String>,
    /// The profile of bands that name none; `None` only beside no show file.
    pub profile: Option<Arc<Profile>>,
    /// Which bands belong to which groups.
    pub bands: Vec<BandConfig>,
    /// Bands connected at the same time, on each adapter; `None` = found by trying, from 8 on.
    pub max_connections: Option<usize>,
}

/// Wristbands that listen, and the controllers that advertise to them.
#[derive(Clone, Debug, PartialEq)]
pub struct BroadcastConfig {
    /// Controllers that carry the same frames.
    pub controllers: Vec<ControllerAddress>,
    /// The kind of adverts. Default extended.
    pub way: AirWay,
    /// Groups (by index) that are on the air; empty = all.
    pub groups: Vec<usize>,
    /// Advertising interval. Default 20 ms, the least there is; periodic from 7.5 ms on.
    pub interval: Duration,
    /// The show's id on the air. Default 1.
    pub show_id: u16,
    /// Company identifier of the adverts. Default 0xFFFF, for tests.
    pub company_id: u16,
    /// Who may drive the bands; `None` = anyone.
    pub key: Option<broadcast_frame::Key>,
    /// From a look's arrival to when all bands show it, at most [`LEAD_MAX`](Self::LEAD_MAX). Default 60 ms.
    pub lead: Duration,
    /// How often a change is sent before it is left to the keyframes. Default 6.
    pub repeats: u8,
    /// What bands do when they hear nothing. Default: hold, after 4 s.
    pub fall_back: broadcast_frame::FallBack,
    /// Colours go out as the nearest of the standard palette. Default false.
    pub nearest_colours: bool,
    /// Share of frames a band is reckoned to miss, for `check`. Default 0.3.
    pub loss: f64,
}

impl BroadcastConfig {
    /// The longest [`lead`](Self::lead): more does not fit into a frame.
    pub const LEAD_MAX: Duration = Duration::from_millis(EXECUTE_IN_MS_MAX as u64);
}

/// Where a controller is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ControllerAddress {
    /// HCI UART (H4) on a serial port or a USB dongle.
    Serial {
        /// `/dev/ttyACM0`, `COM3`.
        path: String,
        /// Speed, baud.
        baud: u32,
    },
    /// HCI user channel of adapter `hciN`; Linux.
    UserChannel(u16),
    /// H4 over TCP: an emulator, or a serial port somewhere else.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

/// Kinds of adverts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AirWay {
    /// 31 bytes, heard by every receiver.
    Legacy,
    /// Up to 245 bytes, Bluetooth 5.
    Extended,
    /// A periodic train, and extended adverts that lead to it.
    Periodic,
}

/// One physical wristband.
#[derive(Clone, Debug, PartialEq)]
pub struct BandConfig {
    /// Bluetooth address, platform id or advertised name.
    pub id: String,
    /// Index of its group.
    pub group: usize,
    /// What kind of band it is.
    pub profile: Arc<Profile>,
}

#[cfg(test)]
mod tests;
