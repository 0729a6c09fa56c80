//! Interfaces and addresses: those the show listens on, and what is odd about them.

use std::net::IpAddr;
use std::path::Path;

use wristcast_core::config::InterfaceSelector;
use wristcast_core::interfaces::{self, Interface};

use super::finding::Finding;
use super::system::{self, Os};

/// What an interface is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Loopback,
    Wired,
    Wifi,
    /// A VLAN on another interface, if that is known.
    Vlan(Option<String>),
    /// Made by software: bridges of containers, tunnels.
    Virtual,
    /// The system does not tell.
    Unknown,
}

/// One interface that has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) interface: Interface,
    pub(super) kind: Kind,
    /// Mbit/s, where the system tells.
    pub(super) speed: Option<u32>,
    pub(super) half_duplex: bool,
}

/// The interfaces of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The operator named interfaces.
    pub(super) named: bool,
    /// Those the relay listens on.
    pub(super) chosen: Vec<Seen>,
    /// The others.
    pub(super) others: Vec<Seen>,
    /// Choices that are not here or not running, in words.
    pub(super) missing: Vec<String>,
    /// With a carrier and without an address.
    pub(super) bare: Vec<String>,
}

pub(super) fn collect(selectors: &[InterfaceSelector]) -> std::io::Result<Facts> {
    let existing = interfaces::list()?;
    let selection = interfaces::select(selectors, &existing);
    let wifi_ports = wifi_ports();
    let seen = |interface: &Interface| {
        let sys = Path::new("/sys/class/net").join(&interface.name);
        Seen {
            kind: kind(interface, &wifi_ports),
            speed: system::read_number::<u32>(sys.join("speed")).filter(|speed| *speed > 0),
            half_duplex: system::read(sys.join("duplex")).as_deref() == Some("half"),
            interface: interface.clone(),
        }
    };
    let is_chosen = |interface: &Interface| {
        selection.chosen.iter().any(|chosen| chosen.index == interface.index)
    };
    let (chosen, others): (Vec<_>, Vec<_>) = existing.iter().partition(|one| is_chosen(one));
    let named = |name: &String| existing.iter().any(|one| one.name == *name);
    let has_carrier = |name: &String| {
        let sys = Path::new("/sys/class/net").join(name);
        sys.join("device").exists() && system::read(sys.join("carrier")).as_deref() == Some("1")
    };
    let mut bare = system::names("/sys/class/net");
    bare.retain(|name| !named(name) && has_carrier(name));
    Ok(Facts {
        named: !selectors.is_empty(),
        chosen: chosen.into_iter().map(seen).collect(),
        others: others.into_iter().map(seen).collect(),
        missing: selection.faults,
        bare,
    })
}

fn kind(interface: &Interface, wifi_ports: &[String]) -> Kind {
    if interface.is_loopback() {
        return Kind::Loopback;
    }
    match Os::here() {
        Os::Linux => kind_in(&Path::new("/sys/class/net").join(&interface.name)),
        _ if wifi_ports.contains(&interface.name) => Kind::Wifi,
        _ if interface.name.starts_with("vlan") => Kind::Vlan(None),
        _ => Kind::Unknown,
    }
}

/// By what Linux says of an interface.
fn kind_in(sys: &Path) -> Kind {
    if sys.join("wireless").exists() || sys.join("phy80211").exists() {
        return Kind::Wifi;
    }
    let uevent = system::read(sys.join("uevent")).unwrap_or_default();
    match uevent.lines().find_map(|line| line.strip_prefix("DEVTYPE=")) {
        Some("wlan") => Kind::Wifi,
        Some("vlan") => {
            let lower = |name: String| name.strip_prefix("lower_").map(str::to_owned);
            Kind::Vlan(system::names(sys).into_iter().find_map(lower))
        }
        _ if sys.join("device").exists() => Kind::Wired,
        _ => Kind::Virtual,
    }
}

/// The names of the Wi-Fi ports of a Mac.
fn wifi_ports() -> Vec<String> {
    if Os::here() != Os::Mac {
        return Vec::new();
    }
    let text = system::ask("/usr/sbin/networksetup", &["-listallhardwareports"]);
    wifi_ports_in(&text.unwrap_or_default())
}

fn wifi_ports_in(text: &str) -> Vec<String> {
    let mut ports = text.split("\n\n").filter(|port| port.contains("Hardware Port: Wi-Fi"));
    let device =
        |port: &str| port.lines().find_map(|line| line.strip_prefix("Device: ")).map(str::to_owned);
    std::iter::from_fn(|| ports.next().map(device)).flatten().collect()
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = facts.missing.iter().map(|words| missing(words)).collect();
    found.extend(facts.chosen.iter().filter(|seen| seen.interface.running).flat_map(judge_one));
    found.extend(same_network(facts));
    let guests: Vec<&str> = names_of(&facts.chosen, |kind| *kind == Kind::Virtual);
    if !facts.named && !guests.is_empty() {
        let words =
            format!("no interface is named, so the relay listens on {} too", guests.join(", "));
        found.push(Finding::warning("interface-choice", words, NAME_IT));
    } else if !facts.named && facts.chosen.len() > 1 {
        let names = names_of(&facts.chosen, |_| true).join(", ");
        let words = format!("no interface is named, so the relay listens on all of {names}");
        found.push(Finding::warning("interface-choice", words, NAME_IT));
    }
    for name in &facts.bare {
        let words = format!("{name} has a cable and no address: no DHCP server answers");
        let remedy = "give it an address by hand (2.x or 10.x with the console's mask), or start the \
                      DHCP server";
        found.push(Finding::warning("interface-address", words, remedy).about(name));
    }
    found
}

const NAME_IT: &str = "name the lighting interface under `network.interfaces` in the show file";

fn names_of(seen: &[Seen], wanted: impl Fn(&Kind) -> bool) -> Vec<&str> {
    let wanted = seen.iter().filter(|one| wanted(&one.kind));
    wanted.map(|one| one.interface.name.as_str()).collect()
}

fn missing(words: &str) -> Finding {
    let remedy =
        "check the cable and its lamp, the switch, and `network.interfaces` in the show file";
    Finding::fault("interface-present", words, remedy)
}

fn judge_one(seen: &Seen) -> Vec<Finding> {
    let interface = &seen.interface;
    let name = &interface.name;
    let mut found = Vec::new();
    let v4 = || {
        interface.addresses.iter().filter_map(|address| match address.ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        })
    };
    if v4().next().is_none() {
        let words = format!("{interface} has no IPv4 address: only sACN over IPv6 can arrive");
        let remedy = "give it an IPv4 address in the console's network";
        found.push(Finding::warning("interface-address", words, remedy));
    } else if v4().all(|ip| ip.is_link_local()) {
        let words =
            format!("{interface} has only an address it gave itself: no DHCP server answered");
        let remedy = "give it an address in the console's network, unless that is 169.254.x too";
        found.push(Finding::warning("interface-address", words, remedy));
    }
    if seen.half_duplex || seen.speed.is_some_and(|speed| speed < 100) {
        let speed = seen.speed.map_or(String::new(), |speed| format!(" at {speed} Mbit/s"));
        let duplex = if seen.half_duplex { ", one direction at a time" } else { "" };
        let words = format!("{name} runs{speed}{duplex}: a bad cable, or a port that is set so");
        found.push(Finding::warning(
            "interface-link",
            words,
            "change the cable, or the switch's port",
        ));
    }
    if found.is_empty() {
        let kind = match &seen.kind {
            Kind::Vlan(Some(parent)) => format!(", a VLAN on {parent}"),
            Kind::Vlan(None) => ", a VLAN".to_owned(),
            Kind::Wifi => ", Wi-Fi".to_owned(),
            _ => seen.speed.map_or(String::new(), |speed| format!(", {speed} Mbit/s")),
        };
        found.push(Finding::ok("interface-present", format!("{interface} is up{kind}")));
    }
    found.into_iter().map(|finding| finding.about(name)).collect()
}

/// Pairs of running interfaces with one network.
fn same_network(facts: &Facts) -> Vec<Finding> {
    let running: Vec<&Interface> = facts
        .chosen
        .iter()
        .chain(&facts.others)
        .map(|seen| &seen.interface)
        .filter(|interface| interface.running && !interface.is_loopback())
        .collect();
    let mut found = Vec::new();
    for (n, one) in running.iter().enumerate() {
        for other in &running[n + 1..] {
            if share_network(one, other) {
                let words = format!("{one} and {other} are in the same network");
                let remedy = "take one of them off, or give it another network: the system answers \
                              through one of them only, and consoles are heard twice";
                let about = format!("{}, {}", one.name, other.name);
                found.push(Finding::warning("interface-network", words, remedy).about(about));
            }
        }
    }
    found
}

fn share_network(one: &Interface, other: &Interface) -> bool {
    let networks = |interface: &Interface| -> Vec<(u32, u8)> {
        let v4 = interface.addresses.iter().filter_map(|address| match address.ip {
            IpAddr::V4(ip) => Some((ip.to_bits(), address.prefix)),
            IpAddr::V6(_) => None,
        });
        v4.collect()
    };
    let others = networks(other);
    networks(one).iter().any(|(ip, prefix)| {
        others.iter().any(|(other, other_prefix)| {
            let bits = u32::from(*prefix.min(other_prefix));
            let differ = ip ^ other;
            bits > 0 && differ.checked_shr(32 - bits).unwrap_or(0) == 0
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;
    use wristcast_core::interfaces::InterfaceAddress;

    fn seen(name: &str, addresses: &[(&str, u8)]) -> Seen {
        let address = |(ip, prefix): &(&str, u8)| InterfaceAddress {
            ip: ip.parse().unwrap(),
            prefix: *prefix,
        };
        let addresses = addresses.iter().map(address).collect();
        let index = u32::from(name.bytes().last().unwrap());
        let interface = Interface { name: name.to_owned(), index, running: true, addresses };
        Seen { interface, kind: Kind::Wired, speed: Some(1000), half_duplex: false }
    }

    fn facts(chosen: Vec<Seen>) -> Facts {
        Facts { named: true, chosen, others: vec![], missing: vec![], bare: vec![] }
    }

    #[test]
    fn an_interface_that_is_up_with_an_address_is_in_order() {
        let found = judge(&facts(vec![seen("eth0", &[("192.0.2.2", 24)])]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].verdict, Verdict::Ok);
        assert_eq!(found[0].what, "eth0 (192.0.2.2) is up, 1000 Mbit/s");
        assert_eq!(found[0].about.as_deref(), Some("eth0"));
    }

    #[test]
    fn what_the_show_names_and_is_not_here_is_a_fault() {
        let missing = vec!["interface `eth9` is not here".to_owned()];
        let found = judge(&Facts { missing, ..facts(vec![]) });
        assert_eq!((found[0].check, found[0].verdict), ("interface-present", Verdict::Fault));
        assert!(found[0].what.contains("`eth9`"));
    }

    #[test]
    fn addresses_that_reach_no_console_are_warned_of() {
        for addresses in [&[("169.254.7.7", 16)][..], &[("fe80::1", 64)][..]] {
            let found = judge(&facts(vec![seen("eth0", addresses)]));
            let only = (found.len(), found[0].check, found[0].verdict);
            assert_eq!(only, (1, "interface-address", Verdict::Warning));
        }
        let both = seen("eth0", &[("169.254.7.7", 16), ("10.0.0.2", 8)]);
        assert_eq!(judge(&facts(vec![both]))[0].verdict, Verdict::Ok);
        let bare = vec!["eth1".to_owned()];
        let found = judge(&Facts { bare, ..facts(vec![]) });
        assert_eq!((found[0].check, found[0].verdict), ("interface-address", Verdict::Warning));
    }

    #[test]
    fn two_interfaces_in_one_network_are_warned_of_even_if_one_is_not_chosen() {
        let chosen = vec![seen("eth0", &[("10.1.2.3", 8)])];
        let others = vec![seen("eth1", &[("10.9.9.9", 16)]), seen("eth2", &[("192.0.2.2", 24)])];
        let found = judge(&Facts { others, ..facts(chosen) });
        let networks: Vec<_> =
            found.iter().filter(|one| one.check == "interface-network").collect();
        assert_eq!(networks.len(), 1, "{found:?}");
        assert_eq!(networks[0].about.as_deref(), Some("eth0, eth1"));
    }

    #[test]
    fn a_relay_that_listens_everywhere_should_be_told_where() {
        let chosen = vec![seen("eth0", &[("10.1.2.3", 8)]), seen("eth1", &[("192.0.2.2", 24)])];
        let found = judge(&Facts { named: false, ..facts(chosen.clone()) });
        assert!(found.iter().any(|one| one.check == "interface-choice"), "{found:?}");
        assert!(!judge(&facts(chosen)).iter().any(|one| one.check == "interface-choice"));
        let docker = Seen { kind: Kind::Virtual, ..seen("docker0", &[("172.17.0.1", 16)]) };
        let found = judge(&Facts { named: false, ..facts(vec![docker]) });
        assert!(found.iter().any(|one| one.what.contains("docker0 too")), "{found:?}");
    }

    #[test]
    fn a_slow_link_is_a_bad_cable() {
        let slow = Seen { speed: Some(10), half_duplex: true, ..seen("eth0", &[("10.1.2.3", 8)]) };
        let found = judge(&facts(vec![slow]));
        assert_eq!((found[0].check, found[0].verdict), ("interface-link", Verdict::Warning));
    }

    #[test]
    fn the_wifi_ports_of_a_mac_are_known() {
        let text = "\nHardware Port: Ethernet\nDevice: en4\nEthernet Address: 00:00\n\n\
                    Hardware Port: Wi-Fi\nDevice: en0\nEthernet Address: 00:01\n";
        assert_eq!(wifi_ports_in(text), ["en0"]);
    }
}
