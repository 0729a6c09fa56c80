//! Radios of kind `broadcast`.

use std::time::Duration;

use broadcast_frame::{FallBack, FallBackTo};

use super::files::Files;
use super::read_network::set;
use super::read_radios::{NAME_BYTES_MAX, millis};
use super::reader::{Table, Value};
use super::report::Report;
use super::{AirWay, BroadcastConfig, ControllerAddress};
use crate::band::broadcast_key::KeyFile;

/// Most controllers of one radio.
const CONTROLLERS_MAX: usize = 64;

/// What a USB dongle with H4 firmware usually speaks; over USB the number does not matter.
const BAUD: u32 = 1_000_000;

/// Everything but `groups`.
pub(super) fn broadcast(
    report: &mut Report<'_>,
    table: &mut Table<'_>,
    files: &dyn Files,
) -> BroadcastConfig {
    table.call("a broadcast radio");
    let mut radio = BroadcastConfig::default();
    let controllers = table.require("controllers", "[\"serial:/dev/ttyACM0\"]");
    if let Some(value) = controllers {
        radio.controllers = self::controllers(report, value);
    }
    let key = table.require("key", "\"show.key\"");
    set(&mut radio.key, key, |value| self::key(report, value, files));
    set(&mut radio.way, table.get("way"), |value| {
        let ways =
            [AirWay::Extended, AirWay::Periodic, AirWay::Legacy].map(|way| (way.word(), way));
        value.choice(report, &ways, "")
    });
    let shortest = if radio.way == AirWay::Periodic { 7.5 } else { 20.0 };
    set(&mut radio.interval, table.get("interval_ms"), |value| {
        value.number(report, shortest..=1000.0, " ms").map(millis)
    });
    set(&mut radio.show_id, table.get("show_id"), |value| value.integer(report, 0..=u16::MAX, ""));
    set(&mut radio.company_id, table.get("company_id"), |value| {
        value.integer(report, 0..=u16::MAX, "")
    });
    set(&mut radio.lead, table.get("lead_ms"), |value| {
        let max = BroadcastConfig::LEAD_MAX.as_millis() as u64;
        value.integer(report, 0..=max, " ms").map(Duration::from_millis)
    });
    set(&mut radio.repeats, table.get("repeats"), |value| value.integer(report, 1..=50, " times"));
    let to = table.get("fall_back").and_then(|value| {
        let choices =
            [("hold", FallBackTo::Hold), ("black", FallBackTo::Black), ("glow", FallBackTo::Glow)];
        value.choice(report, &choices, "")
    });
    let after = table.get("fall_back_after_ms");
    let after = after.and_then(|value| value.integer(report, 500..=3_600_000u32, " ms"));
    radio.fall_back = FallBack::after_ms(to.unwrap_or_default(), after.unwrap_or(4_000));
    set(&mut radio.nearest_colours, table.get("colours"), |value| {
        value.choice(report, &[("exact", false), ("nearest", true)], "")
    });
    set(&mut radio.loss, table.get("loss"), |value| {
        value.number(report, 0.0..=0.95, " (a share of 1)")
    });
    radio
}

fn controllers(report: &mut Report<'_>, value: Value<'_>) -> Vec<ControllerAddress> {
    let mut controllers = Vec::new();
    for item in value.list(report, "controllers", CONTROLLERS_MAX).into_iter().flatten() {
        let Some(text) = item.text(report, NAME_BYTES_MAX) else { continue };
        match text.parse() {
            Ok(controller) if controllers.contains(&controller) => {
                let message = format!("\"{text}\" is listed twice");
                report.error_help(item.span(), message, "once is enough".to_owned());
            }
            Ok(controller) => controllers.push(controller),
            Err(()) => {
                let help = "\"serial:/dev/ttyACM0\", with a speed \"serial:/dev/ttyACM0@115200\", \
                            \"hci0\" (Linux) or \"tcp:127.0.0.1:9000\"";
                item.wrong_help(report, "a controller", help.to_owned());
            }
        }
    }
    if controllers.is_empty() && value.as_list().is_some_and(|items| items.len() == 0) {
        value.wrong(report, "at least one controller");
    }
    controllers
}

/// The key file, or `none`.
fn key(
    report: &mut Report<'_>,
    value: Value<'_>,
    files: &dyn Files,
) -> Option<Option<broadcast_frame::Key>> {
    let name = value.text(report, 4_096)?;
    if name == "none" {
        return Some(None);
    }
    key_file(report, value, name, files).map(Some)
}

/// The key in use of the key file `name`.
pub(super) fn key_file(
    report: &mut Report<'_>,
    value: Value<'_>,
    name: &str,
    files: &dyn Files,
) -> Option<broadcast_frame::Key> {
    let read = files.read(name).map_err(|error| error.to_string());
    match read.and_then(|text| KeyFile::parse(&text).map_err(|error| error.to_string())) {
        Ok(file) => Some(file.key),
        Err(error) => {
            let message = format!("key file \"{name}\": {error}");
            let help = format!("make one beside the show: wristcast keys new {name}");
            report.error_help(value.span(), message, help);
            None
        }
    }
}

impl std::str::FromStr for ControllerAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(path) = text.strip_prefix("serial:") {
            let (path, baud) = match path.rsplit_once('@') {
                Some((path, baud)) => (path, baud.parse().map_err(drop)?),
                None => (path, BAUD),
            };
            return match path {
                "" => Err(()),
                path => Ok(Self::Serial { path: path.to_owned(), baud }),
            };
        }
        if let Some(address) = text.strip_prefix("tcp:") {
            let (host, port) = address.rsplit_once(':').ok_or(())?;
            let port: u16 = port.parse().map_err(drop)?;
            return match host {
                "" => Err(()),
                host => Ok(Self::Tcp { host: host.to_owned(), port }),
            };
        }
        let index = text.strip_prefix("hci").ok_or(())?;
        Ok(Self::UserChannel(index.parse().map_err(drop)?))
    }
}

impl std::fmt::Display for ControllerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Serial { path, .. } => write!(f, "serial:{path}"),
            Self::UserChannel(index) => write!(f, "hci{index}"),
            Self::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
        }
    }
}

impl AirWay {
    /// As the file names it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Extended => "extended",
            Self::Periodic => "periodic",
        }
    }

    /// Room for a frame in one advert, bytes.
    pub const fn room(self) -> usize {
        use broadcast_frame::advert::{EXTENDED_LEN_MAX, LEGACY_LEN_MAX, OVERHEAD};
        match self {
            Self::Legacy => LEGACY_LEN_MAX - OVERHEAD,
            Self::Extended | Self::Periodic => EXTENDED_LEN_MAX - OVERHEAD,
        }
    }
}

impl BroadcastConfig {
    /// How long a frame is left on the air, so that it goes out at least once: the interval, and
    /// the 0 to 10 ms that a controller adds to it at random (Core 5.4, Vol 6, Part B,
    /// 4.4.2.2.1). A periodic train has none of that; there a millisecond lets the frames walk
    /// along the train, so that each band now and then hears one that was just made, and all
    /// bands' clocks agree whatever the phase of their radio's train.
    pub fn slot(&self) -> Duration {
        match self.way {
            AirWay::Periodic => self.interval + Duration::from_millis(1),
            AirWay::Legacy | AirWay::Extended => self.interval + Duration::from_millis(10),
        }
    }
}

impl Default for BroadcastConfig {
    fn default() -> Self {
        Self {
            controllers: Vec::new(),
            way: AirWay::Extended,
            groups: Vec::new(),
            interval: Duration::from_millis(20),
            show_id: 1,
            company_id: broadcast_frame::advert::COMPANY_TEST,
            key: None,
            lead: Duration::from_millis(60),
            repeats: 6,
            fall_back: FallBack::after_ms(FallBackTo::Hold, 4_000),
            nearest_colours: false,
            loss: 0.3,
        }
    }
}
