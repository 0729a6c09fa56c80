//! The shape of a show file, as its JSON Schema tells it to editors.
//!
//! Described here, never built: the reader goes key by key, so that it can report every mistake
//! at once. Tests hold both to the same keys, and to the same files.

use schemars::{JsonSchema, Schema, SchemaGenerator, transform::Transform};
use serde_json::Value;

use crate::band::profile::Profile;
use crate::universe::Universe;

/// The schema of a show file, JSON Schema 2020-12.
pub(super) fn schema() -> Value {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<Show>();
    NoNull.transform(&mut schema);
    schema.to_value()
}

/// The band profiles that there are.
fn profiles() -> Vec<&'static str> {
    Profile::builtin_names().collect()
}

/// TOML has no null: what is optional is left out.
#[derive(Debug)]
struct NoNull;

impl Transform for NoNull {
    fn transform(&mut self, schema: &mut Schema) {
        schemars::transform::transform_subschemas(self, schema);
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = &types[..] {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(schemas)) = schema.get_mut("anyOf") {
            schemas.retain(|schema| schema.get("type") != Some(&Value::from("null")));
            if let [Value::Object(only)] = &mut schemas[..] {
                let only = std::mem::take(only);
                schema.remove("anyOf");
                for (key, value) in only {
                    schema.insert(key, value);
                }
            }
        }
    }
}

/// A wristcast show file: where DMX comes from, which slots drive which groups of wristbands, and
/// the radios that reach them.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Show {
    /// The show's name, 1 to 200 bytes.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// What every group shows until its first packet comes: "black" (default) or a look.
    #[schemars(extend("default" = "black"))]
    start_look: Option<LookOrBlack>,
    /// What the bands are left showing when the relay stops: "black" (default), "hold" or a look.
    #[schemars(extend("default" = "black"))]
    end_look: Option<EndLook>,
    /// Where DMX comes from.
    network: Option<Network>,
    /// The status API. Left out: off.
    http: Option<Http>,
    /// Light that can harm, and what is done about it.
    safety: Option<Safety>,
    /// Orders over OSC. Left out: off.
    osc: Option<Osc>,
    /// A second relay of the show, of which one at a time drives the connected bands. Left out:
    /// none.
    standby: Option<Standby>,
    /// Groups of wristbands, [[group]] for each.
    #[schemars(length(max = 65_536))]
    group: Option<Vec<Group>>,
    /// Radios, [[radio]] for each.
    #[schemars(length(max = 64))]
    radio: Option<Vec<Radio>>,
}

/// Two relays on one show.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct Standby {
    /// "preferred": this relay drives if both can; "backup": the other one does.
    role: StandbyRole,
    /// Where the other relay listens: ["10.0.0.2:5570"], or two addresses by different ways.
    #[schemars(length(min = 1, max = 2))]
    peer: Vec<String>,
    /// Where this one does. Default "0.0.0.0:5570".
    #[schemars(extend("default" = "0.0.0.0:5570"))]
    listen: Option<String>,
    /// The key file, the same on both relays, made by `wristcast keys new standby.key`; or "none":
    /// whoever is on the network can make a relay let go of its bands.
    key: String,
    /// How long nothing is heard of the relay that drives before the other takes over, ms, 100 to
    /// 10000. Default 500.
    #[schemars(range(min = 100, max = 10_000), extend("default" = 500))]
    take_over_ms: Option<u32>,
    /// How long a relay that drives hears less of the consoles than the other before it gives, ms,
    /// 100 to 60000. Default 500.
    #[schemars(range(min = 100, max = 60_000), extend("default" = 500))]
    input_loss_ms: Option<u32>,
    /// Whether the preferred relay gets the bands back by itself when it has been well for 10 s:
    /// "by_hand" (default) or "auto".
    #[schemars(extend("default" = "by_hand"))]
    give_back: Option<GiveBack>,
    /// Which relay's broadcast radios are on the air: "one" (default), that of the one that drives,
    /// or "both" all the time.
    #[schemars(extend("default" = "one"))]
    broadcast: Option<StandbyBroadcast>,
}

/// Which of the two relays this is.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
enum StandbyRole {
    /// Drives if both can.
    Preferred,
    /// Drives if the other cannot.
    Backup,
}

/// How the preferred relay gets the bands back.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
enum GiveBack {
    /// When somebody orders it.
    ByHand,
    /// When it has been well for 10 s.
    Auto,
}

/// Which relay's broadcast radios are on the air.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
enum StandbyBroadcast {
    /// That of the relay that drives.
    One,
    /// Both.
    Both,
}

/// The receiving side.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct Network {
    /// Interfaces to receive on: names ("eth0"), addresses they have ("10.0.0.2") or networks
    /// ("10.0.0.0/8"). Left out: every running interface but loopback.
    #[schemars(length(min = 1, max = 64))]
    interfaces: Option<Vec<String>>,
    /// UDP port of sACN, 1 to 65535. Default 5568.
    #[schemars(range(min = 1, max = 65_535), extend("default" = 5568))]
    sacn_port: Option<u16>,
    /// UDP port of Art-Net, 1 to 65535, other than that of sACN. Default 6454.
    #[schemars(range(min = 1, max = 65_535), extend("default" = 6454))]
    artnet_port: Option<u16>,
    /// Receive buffer asked for per socket, bytes, 65536 to 1073741824. Default 4194304 (4 MiB).
    #[schemars(range(min = 65_536, max = 1_073_741_824), extend("default" = 4_194_304))]
    receive_buffer_bytes: Option<u32>,
    /// The sources that are listened to: addresses ("10.0.0.2"), networks ("10.0.0.0/8"), CIDs of
    /// sACN sources ("cd30dea8-0852-4c8c-94dd-0e7806214b16"). Left out: all.
    #[schemars(length(min = 1, max = 64))]
    allow: Option<Vec<String>>,
    /// How sources of equal priority share a universe: "htp" (default), the highest level of each
    /// slot, or "ltp", the source that changed last.
    #[schemars(extend("default" = "htp"))]
    merge: Option<Merge>,
    /// Sources followed per universe, 1 to 32. Further ones are reported and ignored. Default 8.
    #[schemars(range(min = 1, max = 32), extend("default" = 8))]
    sources_per_universe: Option<u8>,
    /// How long a new sACN universe is listened to before it gives light, ms, 0 to 10000.
    /// Default 0: light at once.
    #[schemars(range(min = 0, max = 10_000), extend("default" = 0))]
    sampling_ms: Option<u32>,
    /// Every multicast group is joined anew once in this time, so that switches do not forget it,
    /// s, 0 to 3600. 0: never. Default 60.
    #[schemars(range(min = 0, max = 3600), extend("default" = 60))]
    rejoin_s: Option<u32>,
    /// The relay thread looks for packets all the time instead of sleeping until one comes: a little
    /// sooner, for a whole processor core. Default false.
    #[schemars(extend("default" = false))]
    busy_wait: Option<bool>,
    /// Real-time priority of the relay thread, 1 to 99: it goes before all usual programs. Linux only,
    /// and only if the system permits it. Left out: none.
    #[schemars(range(min = 1, max = 99))]
    realtime_priority: Option<u8>,
    /// The processor core that the relay thread is kept to, 0 to 1023. Linux only. Left out: any.
    #[schemars(range(min = 0, max = 1023))]
    core: Option<u16>,
    /// How consoles see the relay as an Art-Net node.
    artnet: Option<ArtNet>,
}

/// How sources of equal priority share a universe.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
enum Merge {
    /// Highest takes precedence, slot by slot.
    Htp,
    /// Latest takes precedence.
    Ltp,
}

/// The relay as an Art-Net node.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct ArtNet {
    /// Answer ArtPoll, so that consoles find the relay and send to it. Default true.
    #[schemars(extend("default" = true))]
    reply: Option<bool>,
    /// Short name, 1 to 17 bytes. Default "wristcast".
    #[schemars(length(min = 1, max = 17), extend("default" = "wristcast"))]
    short_name: Option<String>,
    /// Long name, 1 to 63 bytes. Default: the show's name.
    #[schemars(length(min = 1, max = 63))]
    long_name: Option<String>,
    /// Let consoles change names and merge mode over the network. Default false.
    #[schemars(extend("default" = false))]
    remote_programming: Option<bool>,
}

/// The status API.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct Http {
    /// Address and port to listen on. Default "127.0.0.1:8420": this machine only. Port 0 takes
    /// any free one.
    #[schemars(extend("default" = "127.0.0.1:8420"))]
    listen: Option<String>,
    /// File with the tokens of those who may change the show from the status page and the API, a
    /// name and a token on each line; a path relative to the show file. If it is not there, it is
    /// written with a new token. Left out: nobody may.
    #[schemars(length(min = 1, max = 4096))]
    token_file: Option<String>,
    /// Names that the API is reached by ("relay.venue.example"), beside its addresses, "localhost" and
    /// the machine's own name. Browsers that come under another name are sent away.
    #[schemars(length(max = 32))]
    hosts: Option<Vec<String>>,
}

/// Light that can harm, and what is done about it.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct Safety {
    /// What the strobe guard does about flashes that are too fast: "off", "warn" (default) or
    /// "limit", which holds them steady.
    #[schemars(extend("default" = "warn"))]
    strobe: Option<StrobeMode>,
    /// Flashes a second that are not too fast, 1 to 10. Default 3.
    #[schemars(range(min = 1, max = 10), extend("default" = 3))]
    flashes_per_second: Option<u8>,
    /// Flashes a second in saturated red that are not too fast, 1 to 10. Default 2.
    #[schemars(range(min = 1, max = 10), extend("default" = 2))]
    red_flashes_per_second: Option<u8>,
    /// Share of the groups that may flash faster at the same time, 0 to 1. Default 0.25.
    #[schemars(range(min = 0, max = 1), extend("default" = 0.25))]
    flashing_share: Option<f64>,
}

/// What the strobe guard does.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
enum StrobeMode {
    /// Nothing.
    Off,
    /// It tells the operator.
    Warn,
    /// It tells the operator and holds the light steady.
    Limit,
}

/// Orders over OSC: from TouchOSC, QLab, Companion and consoles.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct Osc {
    /// Address and UDP port to listen on. Default "127.0.0.1:8000": this machine only. Another
    /// address needs `allow` or `token_file`. Port 0 takes any free one.
    #[schemars(extend("default" = "127.0.0.1:8000"))]
    listen: Option<String>,
    /// The controllers that are listened to: addresses ("10.0.0.5"), networks ("10.0.0.0/24"). Left
    /// out: all.
    #[schemars(length(min = 1, max = 64))]
    allow: Option<Vec<String>>,
    /// File with the tokens of those who may give orders, a name and a token on each line; a path
    /// relative to the show file, that of `[http]` for instance. If it is not there, it is written
    /// with a new token. Left out: no token is asked for.
    #[schemars(length(min = 1, max = 4096))]
    token_file: Option<String>,
}

/// Wristbands that always show the same look. Either `universe`, `address` and `personality`, or
/// `slots`.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    { "required": ["universe", "address", "personality"] },
    { "required": ["slots"] }
]))]
struct Group {
    /// Name, unique, 1 to 100 bytes. With `count`, {} stands for the number.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// Universe: "sacn/1", "artnet/0/0/1" (net/sub-net/universe) or "artnet/1" (port-address).
    universe: Option<Universe>,
    /// First slot, 1 to 512.
    #[schemars(range(min = 1, max = 512))]
    address: Option<u16>,
    /// What the slots drive, from the first on.
    personality: Option<Personality>,
    /// Go on at slot 1 of the next universe past slot 512. Default false: that is an error.
    #[schemars(extend("default" = false))]
    spans_universes: Option<bool>,
    /// A slot for each attribute, of any universes.
    slots: Option<Slots>,
    /// Make this many groups, 1 to 65536, patched one after another. A group that no longer fits
    /// into a universe starts the next one.
    #[schemars(range(min = 1, max = 65_536))]
    count: Option<u32>,
    /// What to do when every universe of the group is lost: "hold" (default), "black" or a table.
    #[schemars(extend("default" = "hold"))]
    loss: Option<Loss>,
    /// Delay from DMX to light, ms, 0 to 500. Default 0.
    #[schemars(range(min = 0, max = 500), extend("default" = 0))]
    delay_ms: Option<u16>,
    /// Place in the venue, metres: x to the right, y away from the stage.
    #[schemars(inner(range(min = -100_000.0, max = 100_000.0)))]
    position: Option<[f64; 2]>,
    /// From one group of `count` to the next, metres.
    #[schemars(inner(range(min = -100_000.0, max = 100_000.0)))]
    position_step: Option<[f64; 2]>,
}

/// What the slots of a group drive, from the first on.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged)]
enum Personality {
    /// By name.
    Named(PersonalityName),
    /// Slot by slot.
    Custom(#[schemars(length(min = 1, max = 512))] Vec<SlotName>),
}

/// A personality by name.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
enum PersonalityName {
    /// Red, green, blue.
    Rgb,
    /// Dimmer, red, green, blue.
    Drgb,
    /// Red, green, blue, white.
    Rgbw,
    /// Dimmer, red, green, blue, white.
    Drgbw,
    /// Dimmer, red, green, blue, strobe, fade.
    Drgbsf,
}

/// What one slot drives.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
enum SlotName {
    /// Red level.
    Red,
    /// Green level.
    Green,
    /// Blue level.
    Blue,
    /// White level.
    White,
    /// Dimmer. Without one, the group is at full.
    Dimmer,
    /// Strobe: 0 to 9 open, 10 to 255 from 1 to 25 Hz.
    Strobe,
    /// Fade: 0 snap, 1 to 255 from 10 to 2550 ms.
    Fade,
    /// Nothing; the slot is skipped.
    Unused,
}

/// A slot for each attribute: "sacn/1/12" or "artnet/0/0/1/12".
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct Slots {
    /// Red level.
    red: Option<String>,
    /// Green level.
    green: Option<String>,
    /// Blue level.
    blue: Option<String>,
    /// White level.
    white: Option<String>,
    /// Dimmer. Without one, the group is at full.
    dimmer: Option<String>,
    /// Strobe: 0 to 9 open, 10 to 255 from 1 to 25 Hz.
    strobe: Option<String>,
    /// Fade: 0 snap, 1 to 255 from 10 to 2550 ms.
    fade: Option<String>,
}

/// What a group does when its signal is lost.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged)]
enum Loss {
    /// "hold": keep the last look, strobe opened. "black": dark at once.
    Word(LossWord),
    /// Hold, then go to a look.
    To(LossTo),
}

/// A loss policy by name.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
enum LossWord {
    /// Keep the last look, strobe opened.
    Hold,
    /// Dark at once.
    Black,
}

/// Hold the last look for a while, then go to another.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct LossTo {
    /// The look to go to. Default "black".
    #[schemars(extend("default" = "black"))]
    to: Option<LookOrBlack>,
    /// How long the last look is held, ms, 0 to 3600000. Default 0.
    #[schemars(range(min = 0, max = 3_600_000), extend("default" = 0))]
    after_ms: Option<u32>,
    /// How long the way to the look takes, ms, 0 to 3600000. Default 0: at once.
    #[schemars(range(min = 0, max = 3_600_000), extend("default" = 0))]
    fade_ms: Option<u32>,
}

/// "black" or a look.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged)]
enum LookOrBlack {
    /// No light.
    Black(Black),
    /// A look.
    Look(Look),
}

/// No light.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
enum Black {
    /// No light.
    Black,
}

/// "black", "hold" or a look.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged)]
enum EndLook {
    /// By name.
    Word(LossWord),
    /// A look.
    Look(Look),
}

/// A steady look.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct Look {
    /// Red, 0 to 255. Default 0.
    #[schemars(extend("default" = 0))]
    red: Option<u8>,
    /// Green, 0 to 255. Default 0.
    #[schemars(extend("default" = 0))]
    green: Option<u8>,
    /// Blue, 0 to 255. Default 0.
    #[schemars(extend("default" = 0))]
    blue: Option<u8>,
    /// White, 0 to 255. Default 0.
    #[schemars(extend("default" = 0))]
    white: Option<u8>,
    /// Dimmer, 0 to 255. Default 255.
    #[schemars(extend("default" = 255))]
    dimmer: Option<u8>,
}

/// A radio and the wristbands it reaches.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Radio {
    /// Virtual wristbands.
    Simulated {
        /// Name, unique. Default: the kind and a number.
        #[schemars(length(min = 1, max = 100))]
        name: Option<String>,
        /// Bands in each group, 1 to 10000. Default 10.
        #[schemars(range(min = 1, max = 10_000), extend("default" = 10))]
        bands_per_group: Option<u32>,
        /// Groups with bands on this radio, by name; the name of a counted group with its {}
        /// stands for all of them. Left out: every group.
        #[schemars(length(min = 1, max = 65_536))]
        groups: Option<Vec<String>>,
        /// Connection interval of each link, ms, 7.5 to 4000. Default 30.
        #[schemars(range(min = 7.5, max = 4000), extend("default" = 30))]
        interval_ms: Option<f64>,
        /// Packets that one connection event carries, 1 to 8. Default 1.
        #[schemars(range(min = 1, max = 8), extend("default" = 1))]
        packets_per_event: Option<u8>,
        /// Share of connection events that fail, 0 to 0.95. Default 0.02.
        #[schemars(range(min = 0, max = 0.95), extend("default" = 0.02))]
        loss: Option<f64>,
        /// From the connection event to the light, ms, 0 to 1000. Default 2.
        #[schemars(range(min = 0, max = 1000), extend("default" = 2))]
        latency_ms: Option<f64>,
        /// The same seed gives the same run. Default 1.
        #[schemars(range(min = 0, max = 9_223_372_036_854_775_807i64), extend("default" = 1))]
        seed: Option<u64>,
    },
    /// Any number of wristbands that listen to adverts.
    Broadcast {
        /// Name, unique. Default: the kind and a number.
        #[schemars(length(min = 1, max = 100))]
        name: Option<String>,
        /// Bluetooth controllers that carry the same frames: "serial:/dev/ttyACM0", "hci0" (Linux)
        /// or "tcp:127.0.0.1:9000".
        #[schemars(length(min = 1, max = 64))]
        controllers: Vec<String>,
        /// File with the show's keys, beside the show, made by `wristcast keys new`; or "none".
        key: String,
        /// Kind of adverts. Default "extended".
        #[schemars(extend("default" = "extended", "enum" = ["extended", "periodic", "legacy"]))]
        way: Option<String>,
        /// Groups on the air, by name; the name of a counted group with its {} stands for all of
        /// them. Left out: every group.
        #[schemars(length(min = 1, max = 65_536))]
        groups: Option<Vec<String>>,
        /// Advertising interval, ms, 20 to 1000; periodic from 7.5. Default 20.
        #[schemars(range(min = 7.5, max = 1000), extend("default" = 20))]
        interval_ms: Option<f64>,
        /// The show's id on the air, 0 to 65535. Default 1.
        #[schemars(extend("default" = 1))]
        show_id: Option<u16>,
        /// Company identifier of the adverts, 0 to 65535. Default 65535, for tests.
        #[schemars(extend("default" = 65_535))]
        company_id: Option<u16>,
        /// From a look's arrival to when all bands show it, ms, 0 to 1020. Default 60.
        #[schemars(range(min = 0, max = 1020), extend("default" = 60))]
        lead_ms: Option<u16>,
        /// How often a change is sent before it is left to the keyframes, 1 to 50. Default 6.
        #[schemars(range(min = 1, max = 50), extend("default" = 6))]
        repeats: Option<u8>,
        /// What bands do when they hear nothing. Default "hold".
        #[schemars(extend("default" = "hold", "enum" = ["hold", "black", "glow"]))]
        fall_back: Option<String>,
        /// After how long without a frame, ms, 500 to 3600000; the next shorter of 500, 1000,
        /// 2000 and so on. Default 4000.
        #[schemars(range(min = 500, max = 3_600_000), extend("default" = 4000))]
        fall_back_after_ms: Option<u32>,
        /// Colours as they are, or the nearest of sixteen, of which more fit a frame. Default
        /// "exact".
        #[schemars(extend("default" = "exact", "enum" = ["exact", "nearest"]))]
        colours: Option<String>,
        /// Share of frames that a band is reckoned to miss, 0 to 0.95, for `check`. Default 0.3.
        #[schemars(range(min = 0, max = 0.95), extend("default" = 0.3))]
        loss: Option<f64>,
    },
    /// Connected wristbands through the host's Bluetooth.
    Gatt {
        /// Name, unique. Default: the kind and a number.
        #[schemars(length(min = 1, max = 100))]
        name: Option<String>,
        /// Bluetooth adapter, "hci0"; a list of them shares the bands. Left out: the first.
        adapter: Option<Adapters>,
        /// Band profile: what kind of bands these are. Default "wristcast". A file of your own
        /// beside the show ends in ".toml".
        #[schemars(extend("default" = "wristcast"))]
        profile: Option<ProfileName>,
        /// Bands connected at the same time on each adapter, 1 to 255. Left out: 8, and more one by
        /// one as long as the adapter takes them.
        #[schemars(range(min = 1, max = 255))]
        max_connections: Option<u8>,
        /// The wristbands and their groups.
        #[schemars(length(max = 262_144))]
        bands: Option<Vec<Band>>,
    },
}

/// One adapter, or several.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged)]
enum Adapters {
    /// By its name.
    One(#[schemars(length(min = 1, max = 100))] String),
    /// By their names.
    Several(#[schemars(length(min = 1, max = 16))] Vec<String>),
}

/// A band profile.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(untagged)]
enum ProfileName {
    /// One of ours.
    Builtin(#[schemars(extend("enum" = profiles()))] String),
    /// A file beside the show.
    File(#[schemars(regex(pattern = r"\.toml$"))] String),
}

/// One wristband.
#[derive(JsonSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(deny_unknown_fields)]
struct Band {
    /// Bluetooth address, platform id or advertised name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Name of its group.
    #[schemars(length(min = 1, max = 100))]
    group: String,
    /// Band profile, if it is not that of the radio.
    profile: Option<ProfileName>,
}
