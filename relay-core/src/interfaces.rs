//! Which network interfaces the relay listens on.
//!
//! Control side only: [`list`] asks the system, [`select`] applies the operator's choice, and the
//! [`InterfaceFilter`] made from it is what the relay thread looks at. Lists are never kept:
//! interfaces come, go and change address while a show runs.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use crate::config::{InterfaceSelector, in_network};
use crate::snapshot::InterfaceState;

/// One interface of this machine. Interfaces without an address are not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The system's name, `eth0`.
    pub name: String,
    /// The system's index; joins and arrivals go by it.
    pub index: u32,
    /// Whether it is up and has a carrier.
    pub running: bool,
    /// Its addresses, IPv4 before IPv6.
    pub addresses: Vec<InterfaceAddress>,
}

/// One address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfaceAddress {
    /// The address.
    pub ip: IpAddr,
    /// Length of its network prefix, bits.
    pub prefix: u8,
}

impl InterfaceAddress {
    /// The directed broadcast address of its network; IPv4 only, none for a /31 or /32.
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        match self.ip {
            IpAddr::V4(ip) if self.prefix < 31 => {
                Some(Ipv4Addr::from_bits(ip.to_bits() | u32::MAX >> self.prefix))
            }
            _ => None,
        }
    }
}

impl Interface {
    /// Whether it is the way from this machine to itself.
    pub fn is_loopback(&self) -> bool {
        self.addresses.iter().any(|address| address.ip.is_loopback())
    }

    /// Whether it has an IPv4 address.
    pub fn has_v4(&self) -> bool {
        self.addresses.iter().any(|address| address.ip.is_ipv4())
    }

    /// Whether it has an IPv6 address.
    pub fn has_v6(&self) -> bool {
        self.addresses.iter().any(|address| address.ip.is_ipv6())
    }

    /// Whether that address is in one of its networks.
    pub fn reaches(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.addresses.iter().any(|own| own.ip == ip || in_network(ip, own.ip, own.prefix))
    }

    /// As front ends show it.
    pub fn state(&self) -> InterfaceState {
        InterfaceState {
            name: self.name.clone(),
            addresses: self.addresses.iter().map(|address| address.ip.to_string()).collect(),
            up: self.running,
        }
    }

    fn matches(&self, selector: &InterfaceSelector) -> bool {
        let any = |test: &dyn Fn(IpAddr) -> bool| self.addresses.iter().any(|a| test(a.ip));
        match selector {
            InterfaceSelector::Name(name) => self.name == *name,
            InterfaceSelector::Address(ip) => any(&|own| own == *ip),
            InterfaceSelector::Cidr(network, prefix) => {
                any(&|own| in_network(own, *network, *prefix))
            }
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        for (n, address) in self.addresses.iter().enumerate() {
            write!(f, "{}{}", if n == 0 { " (" } else { ", " }, address.ip)?;
        }
        write!(f, "{}", if self.addresses.is_empty() { "" } else { ")" })
    }
}

/// Every interface that has an address, in the system's order.
pub fn list() -> io::Result<Vec<Interface>> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for found in if_addrs::get_if_addrs()? {
        // No index: it went away while the system was listing.
        let Some(index) = found.index else { continue };
        let prefix = match &found.addr {
            if_addrs::IfAddr::V4(v4) => v4.prefixlen,
            if_addrs::IfAddr::V6(v6) => v6.prefixlen,
        };
        let address = InterfaceAddress { ip: found.ip(), prefix };
        match interfaces.iter_mut().find(|interface| interface.index == index) {
            Some(interface) => interface.addresses.push(address),
            None => interfaces.push(Interface {
                running: found.is_oper_up(),
                name: found.name,
                index,
                addresses: vec![address],
            }),
        }
    }
    interfaces.sort_by_key(|interface| interface.index);
    for interface in &mut interfaces {
        interface.addresses.sort();
    }
    Ok(interfaces)
}

/// The MAC address of an interface; zeros where the system does not tell, or there is none.
pub fn mac_address(name: &str) -> [u8; 6] {
    let read = || std::fs::read_to_string(format!("/sys/class/net/{name}/address")).ok();
    let text = if cfg!(target_os = "linux") { read() } else { None };
    let mut mac = [0; 6];
    let parts = text.as_deref().map(|text| text.trim().split(':')).into_iter().flatten();
    for (byte, part) in mac.iter_mut().zip(parts) {
        *byte = u8::from_str_radix(part, 16).unwrap_or(0);
    }
    mac
}

/// The interfaces the operator chose, as far as they are here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Here and chosen, each once.
    pub chosen: Vec<Interface>,
    /// What to tell the operator about choices that are not here or not running, one sentence each.
    pub faults: Vec<String>,
}

/// Applies the operator's choice; no selectors = every running interface but loopback.
pub fn select(selectors: &[InterfaceSelector], existing: &[Interface]) -> Selection {
    let chosen: Vec<Interface> = existing
        .iter()
        .filter(|interface| {
            if selectors.is_empty() {
                interface.running && !interface.is_loopback()
            } else {
                selectors.iter().any(|selector| interface.matches(selector))
            }
        })
        .cloned()
        .collect();

    let mut faults = Vec::new();
    let here = existing.iter().map(Interface::to_string).collect::<Vec<_>>().join(", ");
    if selectors.is_empty() && chosen.is_empty() {
        faults.push(format!(
            "no network interface is running; plug in the network, or name one under \
             `network.interfaces` (there are: {here}). The relay joins as soon as one appears."
        ));
    }
    for selector in selectors {
        if existing.iter().any(|interface| interface.matches(selector)) {
            continue;
        }
        let what = match selector {
            InterfaceSelector::Name(name) => format!("interface `{name}` is not here"),
            InterfaceSelector::Address(ip) => format!("no interface has the address {ip}"),
            InterfaceSelector::Cidr(network, prefix) => {
                format!("no interface has an address in {network}/{prefix}")
            }
        };
        let fault = format!("{what} (there are: {here}). The relay joins as soon as it appears.");
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    for interface in chosen.iter().filter(|interface| !interface.running) {
        faults.push(format!(
            "interface {interface} is down or has no carrier; check the cable or the Wi-Fi."
        ));
    }
    Selection { chosen, faults }
}

/// What the relay thread needs to know to judge where a datagram came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceFilter {
    /// Indices of the chosen interfaces.
    chosen: Box<[u32]>,
    /// Indices of the loopback interfaces, chosen or not.
    loopback: Box<[u32]>,
    /// Own and directed broadcast addresses of the chosen interfaces.
    addresses: Box<[IpAddr]>,
}

impl InterfaceFilter {
    /// A filter that admits what came in through `chosen`.
    pub fn new(chosen: &[Interface], existing: &[Interface]) -> Self {
        let own = chosen.iter().flat_map(|interface| &interface.addresses);
        let addresses = own.flat_map(|address| {
            std::iter::once(address.ip).chain(address.broadcast().map(IpAddr::V4))
        });
        let loopback = existing.iter().filter(|interface| interface.is_loopback());
        Self {
            chosen: chosen.iter().map(|interface| interface.index).collect(),
            loopback: loopback.map(|interface| interface.index).collect(),
            addresses: addresses.collect(),
        }
    }

    /// Whether a datagram that came in on `interface` for `destination` is for this relay.
    ///
    /// What this machine sends to an address of its own arrives through loopback whatever
    /// interface has that address, so there the address decides. It also decides where the system
    /// does not tell the interface (IPv4 on Apple systems); multicast is then admitted, because
    /// only joined groups arrive.
    pub fn admits(&self, interface: Option<u32>, destination: Option<IpAddr>) -> bool {
        let by_address = |ip: IpAddr| self.addresses.contains(&ip);
        match (interface, destination) {
            (Some(index), _) if self.chosen.contains(&index) => true,
            (Some(index), Some(ip)) => self.loopback.contains(&index) && by_address(ip),
            (Some(_), None) => false,
            (None, Some(ip)) => ip.is_multicast() || ip == Ipv4Addr::BROADCAST || by_address(ip),
            (None, None) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(index: u32, name: &str, addresses: &[(&str, u8)]) -> Interface {
        let address =
            |&(ip, prefix): &(&str, u8)| InterfaceAddress { ip: ip.parse().unwrap(), prefix };
        let addresses = addresses.iter().map(address).collect();
        Interface { name: name.to_owned(), index, running: true, addresses }
    }

    fn machine() -> Vec<Interface> {
        vec![
            interface(1, "lo", &[("127.0.0.1", 8), ("::1", 128)]),
            interface(2, "eth0", &[("192.0.2.2", 24), ("fd00::2", 64)]),
            interface(3, "eth1", &[("10.1.2.3", 8)]),
        ]
    }

    fn chosen(selectors: &[InterfaceSelector]) -> Vec<String> {
        select(selectors, &machine()).chosen.into_iter().map(|i| i.name).collect()
    }

    #[test]
    fn without_a_choice_every_running_interface_but_loopback_is_chosen() {
        assert_eq!(chosen(&[]), ["eth0", "eth1"]);
        let mut machine = machine();
        machine[1].running = false;
        let names: Vec<_> = select(&[], &machine).chosen.into_iter().map(|i| i.name).collect();
        assert_eq!(names, ["eth1"]);
    }

    #[test]
    fn interfaces_are_chosen_by_name_address_and_network() {
        use InterfaceSelector::{Address, Cidr, Name};
        assert_eq!(chosen(&[Name("eth1".into())]), ["eth1"]);
        assert_eq!(chosen(&[Address("fd00::2".parse().unwrap())]), ["eth0"]);
        assert_eq!(chosen(&[Cidr("10.0.0.0".parse().unwrap(), 8)]), ["eth1"]);
        assert_eq!(chosen(&[Cidr("10.0.0.0".parse().unwrap(), 16)]), [""; 0]);
        assert_eq!(chosen(&[Cidr("0.0.0.0".parse().unwrap(), 0)]), ["lo", "eth0", "eth1"]);
        assert_eq!(chosen(&[Cidr("fd00::".parse().unwrap(), 64)]), ["eth0"]);
    }

    #[test]
    fn an_interface_chosen_twice_is_chosen_once() {
        use InterfaceSelector::{Address, Name};
        let twice = [Name("lo".into()), Name("lo".into()), Address("127.0.0.1".parse().unwrap())];
        assert_eq!(chosen(&twice), ["lo"]);
    }

    #[test]
    fn a_missing_interface_is_a_fault_that_names_those_that_are_here() {
        let selection = select(
            &[InterfaceSelector::Name("eth9".into()), InterfaceSelector::Name("eth9".into())],
            &machine(),
        );
        assert!(selection.chosen.is_empty());
        let [fault] = &selection.faults[..] else { panic!("{:?}", selection.faults) };
        assert!(fault.contains("`eth9`") && fault.contains("eth0 (192.0.2.2, fd00::2)"), "{fault}");
        assert_eq!(select(&[], &machine()[..1]).faults.len(), 1);
    }

    #[test]
    fn an_interface_without_carrier_is_a_fault_and_stays_chosen() {
        let mut machine = machine();
        machine[2].running = false;
        let selection = select(&[InterfaceSelector::Name("eth1".into())], &machine);
        assert_eq!(selection.chosen.len(), 1);
        assert!(selection.faults[0].contains("eth1 (10.1.2.3) is down"), "{:?}", selection.faults);
    }

    #[test]
    fn directed_broadcast_is_the_last_address_of_the_network() {
        let broadcast = |ip: &str, prefix| {
            InterfaceAddress { ip: ip.parse().unwrap(), prefix }.broadcast().map(|b| b.to_string())
        };
        assert_eq!(broadcast("192.0.2.2", 24).as_deref(), Some("192.0.2.255"));
        assert_eq!(broadcast("2.0.0.1", 8).as_deref(), Some("2.255.255.255"));
        assert_eq!(broadcast("2.0.0.1", 0).as_deref(), Some("255.255.255.255"));
        assert_eq!(broadcast("10.0.0.0", 31), None);
        assert_eq!(broadcast("fd00::2", 64), None);
    }

    #[test]
    fn only_what_comes_in_through_a_chosen_interface_is_admitted() {
        let filter = InterfaceFilter::new(&machine()[1..2], &machine());
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert!(filter.admits(Some(2), ip("239.255.0.1")));
        assert!(filter.admits(Some(2), ip("255.255.255.255")));
        assert!(!filter.admits(Some(3), ip("239.255.0.1")));
        assert!(!filter.admits(Some(3), ip("192.0.2.2")), "through another cable");
        assert!(!filter.admits(Some(1), ip("127.0.0.1")));
        assert!(filter.admits(Some(1), ip("192.0.2.2")), "this machine to itself");
        assert!(filter.admits(Some(1), ip("fd00::2")));
    }

    #[test]
    fn where_the_system_does_not_tell_the_interface_the_destination_decides() {
        let filter = InterfaceFilter::new(&machine()[1..2], &machine());
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for admitted in ["192.0.2.2", "192.0.2.255", "255.255.255.255", "239.255.0.1"] {
            assert!(filter.admits(None, ip(admitted)), "{admitted}");
        }
        assert!(!filter.admits(None, ip("10.1.2.3")));
        assert!(filter.admits(None, None));
    }

    #[test]
    fn the_loopback_interface_of_this_machine_is_listed() {
        let list = list().unwrap();
        let lo = list.iter().find(|interface| interface.is_loopback()).expect("a loopback");
        assert!(lo.running && lo.has_v4(), "{lo:?}");
        assert!(lo.to_string().contains("127.0.0.1"));
    }
}
