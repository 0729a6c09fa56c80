//! Wi-Fi: what it does to multicast, its power save, and the AWDL of Macs.

use wristcast_core::interfaces::Interface;

use super::finding::Finding;
use super::interfaces::{Kind, Seen};
use super::system;

/// One Wi-Fi interface that the relay listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) interface: String,
    /// Whether the adapter sleeps between beacons; `None` if nobody tells.
    pub(super) power_save: Option<bool>,
    /// dBm; `None` if nobody tells.
    pub(super) signal: Option<i32>,
    /// A Mac's AirDrop link is up beside it.
    pub(super) awdl: bool,
}

pub(super) fn collect(chosen: &[Seen], existing: &[Interface]) -> Vec<Facts> {
    let wireless = system::read("/proc/net/wireless").unwrap_or_default();
    let awdl = existing.iter().any(|interface| interface.name == "awdl0" && interface.running);
    let of = |seen: &Seen| Facts {
        interface: seen.interface.name.clone(),
        power_save: power_save(&seen.interface.name),
        signal: signal(&wireless, &seen.interface.name),
        awdl,
    };
    chosen.iter().filter(|seen| seen.kind == Kind::Wifi).map(of).collect()
}

/// `iw` says it, if it is installed; else NetworkManager's setting; else the driver's, where it has one.
fn power_save(name: &str) -> Option<bool> {
    if let Some(text) = system::ask("iw", &["dev", name, "get", "power_save"]) {
        return Some(text.trim().ends_with("on"));
    }
    let driver = std::fs::read_link(format!("/sys/class/net/{name}/device/driver/module")).ok()?;
    let driver = driver.file_name()?.to_string_lossy().into_owned();
    match system::read(format!("/sys/module/{driver}/parameters/power_save"))?.as_str() {
        "Y" | "1" => Some(true),
        "N" | "0" => Some(false),
        _ => None,
    }
}

/// `/proc/net/wireless`: interface, status, link, level in dBm, ….
fn signal(wireless: &str, name: &str) -> Option<i32> {
    let mut lines = wireless.lines().map(str::trim);
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().nth(2)?.trim_end_matches('.').parse().ok().filter(|level| *level < 0)
}

/// Below this packets are lost in numbers.
const WEAK_DBM: i32 = -70;

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let name = &facts.interface;
    let mut found = vec![Finding::warning(
        "wifi-multicast",
        format!(
            "{name} is Wi-Fi: access points send multicast and broadcast at their lowest rate and \
             without repeating what is lost; expect light that stutters"
        ),
        "take a cable to the lighting network; if there is none, have the consoles send unicast",
    )];
    match facts.power_save {
        Some(true) => found.push(Finding::warning(
            "wifi-power-save",
            format!("{name} sleeps between beacons: packets come 100 ms late and more"),
            format!("`sudo iw dev {name} set power_save off`"),
        )),
        Some(false) => {
            found.push(Finding::ok("wifi-power-save", format!("{name} does not sleep between beacons")));
        }
        None => found.push(Finding::ok(
            "wifi-power-save",
            format!("{name}: nobody tells whether it sleeps between beacons: `iw dev {name} get power_save`"),
        )),
    }
    if let Some(signal) = facts.signal.filter(|signal| *signal < WEAK_DBM) {
        found.push(Finding::warning(
            "wifi-signal",
            format!("{name} hears its access point with {signal} dBm, which is weak"),
            "move the machine or the access point, or take a cable",
        ));
    }
    if facts.awdl {
        found.push(Finding::warning(
            "wifi-awdl",
            "AirDrop's link (awdl0) is up: Wi-Fi leaves its channel about once a second, for 30 to 50 ms",
            "switch off AirDrop, AirPlay receiving and Handoff, or `sudo ifconfig awdl0 down`; or take a cable",
        ));
    }
    found.into_iter().map(|finding| finding.about(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(facts: &Facts) -> Vec<&'static str> {
        let found = judge(facts);
        found.iter().filter(|one| one.remedy.is_some()).map(|one| one.check).collect()
    }

    #[test]
    fn wifi_is_warned_of_and_its_sleep_and_weakness_too() {
        let good = Facts {
            interface: "wlan0".to_owned(),
            power_save: Some(false),
            signal: Some(-50),
            awdl: false,
        };
        assert_eq!(checks(&good), ["wifi-multicast"]);
        let bad = Facts { power_save: Some(true), signal: Some(-80), awdl: true, ..good.clone() };
        assert_eq!(checks(&bad), ["wifi-multicast", "wifi-power-save", "wifi-signal", "wifi-awdl"]);
        let unknown = Facts { power_save: None, signal: None, ..good };
        assert_eq!(checks(&unknown), ["wifi-multicast"]);
        assert!(judge(&unknown)[1].what.contains("nobody tells"));
    }

    #[test]
    fn the_signal_is_read_from_what_the_kernel_says() {
        let text = "Inter-| sta-|   Quality        |   Discarded packets\n face | tus | link level noise\n \
                    wlan0: 0000   54.  -56.  -256        0      0\n wlan1: 0000 0. 0. 0 0\n";
        assert_eq!(signal(text, "wlan0"), Some(-56));
        assert_eq!(signal(text, "wlan1"), None);
        assert_eq!(signal(text, "wlan"), None);
    }
}
