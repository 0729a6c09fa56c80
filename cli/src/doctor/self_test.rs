//! Whether what is sent on an interface comes back on it: multicast, as sACN has it, and broadcast, as
//! Art-Net has it. So a firewall that drops just one port is found, too.

use std::net::IpAddr;

use wristcast_core::interfaces::Interface;

use super::echo::{Echo, broadcast_v4, multicast_v4, multicast_v6};
use super::finding::Finding;
use super::interfaces::Seen;
use super::system::{self, Os};

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) os: Os,
    pub(super) interface: String,
    /// The interface says that it does multicast; `None` where the system does not tell. Loopback,
    /// which does not say so, does it all the same.
    pub(super) multicast: Option<bool>,
    /// Multicast to the port of sACN.
    pub(super) sacn: Echo,
    pub(super) sacn_port: u16,
    /// Multicast to the port of Art-Net: does something drop what comes for that port?
    pub(super) artnet: Echo,
    pub(super) artnet_port: u16,
    /// Multicast to a port that nobody has.
    pub(super) free: Echo,
    /// Directed broadcast to a port that nobody has.
    pub(super) broadcast: Echo,
    /// Multicast over IPv6 to the port of sACN.
    pub(super) v6: Echo,
}

/// Tries every running one of the chosen interfaces.
pub(super) fn collect(chosen: &[Seen], sacn_port: u16, artnet_port: u16) -> Vec<Facts> {
    let running = chosen.iter().map(|seen| &seen.interface).filter(|interface| interface.running);
    running.map(|interface| try_out(interface, sacn_port, artnet_port)).collect()
}

fn try_out(interface: &Interface, sacn_port: u16, artnet_port: u16) -> Facts {
    let v4 = interface.addresses.iter().find_map(|address| match address.ip {
        IpAddr::V4(ip) => Some((ip, address.broadcast())),
        IpAddr::V6(_) => None,
    });
    let index = interface.index;
    let multicast = |port| match v4 {
        Some((own, _)) => multicast_v4(index, own, port),
        None => Echo::NotTried,
    };
    Facts {
        os: Os::here(),
        interface: interface.name.clone(),
        multicast: says_multicast(interface),
        sacn: multicast(sacn_port),
        sacn_port,
        artnet: multicast(artnet_port),
        artnet_port,
        free: multicast(0),
        broadcast: match v4 {
            Some((own, Some(broadcast))) => broadcast_v4(own, broadcast),
            _ => Echo::NotTried,
        },
        // Loopback has no route for it, and no console either.
        v6: match interface.has_v6() && !interface.is_loopback() {
            true => multicast_v6(index, sacn_port),
            false => Echo::NotTried,
        },
    }
}

/// `IFF_MULTICAST` of Linux.
fn says_multicast(interface: &Interface) -> Option<bool> {
    if interface.is_loopback() {
        return None;
    }
    let flags = system::read(format!("/sys/class/net/{}/flags", interface.name))?;
    let flags = u32::from_str_radix(flags.strip_prefix("0x")?, 16).ok()?;
    Some(flags & 0x1000 != 0)
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found = vec![judge_port(facts, "sacn-multicast", "sACN", facts.sacn_port, &facts.sacn)];
    if facts.multicast == Some(false) {
        let words = format!("{} does not do multicast", facts.interface);
        let remedy = format!("`sudo ip link set {} multicast on`", facts.interface);
        found.push(Finding::fault("interface-multicast", words, remedy));
    }
    found.push(judge_port(facts, "artnet-port", "Art-Net", facts.artnet_port, &facts.artnet));
    found.extend(judge_broadcast(facts));
    match &facts.v6 {
        Echo::Heard => {
            let words = format!("sACN over IPv6: multicast comes back on {}", facts.interface);
            found.push(Finding::ok("sacn-multicast-v6", words));
        }
        Echo::Silent | Echo::NotJoined(_) | Echo::NotSent { .. } => {
            let words =
                format!("sACN over IPv6: multicast does not come back on {}", facts.interface);
            let remedy =
                "only if a console sends sACN over IPv6: let UDP of its port in, for IPv6 too";
            found.push(Finding::warning("sacn-multicast-v6", words, remedy));
        }
        Echo::Taken | Echo::NotTried => {}
    }
    found.into_iter().map(|finding| finding.about(&facts.interface)).collect()
}

/// Multicast to the port of a protocol.
fn judge_port(
    facts: &Facts,
    check: &'static str,
    protocol: &str,
    port: u16,
    echo: &Echo,
) -> Finding {
    let interface = &facts.interface;
    match echo {
        Echo::Heard => Finding::ok(
            check,
            format!("{protocol}: multicast to port {port} comes back on {interface}"),
        ),
        // The port's own check says who has it; whether multicast works is known all the same.
        Echo::Taken if facts.free == Echo::Heard => Finding::ok(
            check,
            format!("{protocol}: multicast comes back on {interface}, on another port than {port}"),
        ),
        Echo::Taken | Echo::Silent if facts.free == Echo::Silent => silent(facts, check, protocol),
        Echo::Silent => Finding::fault(
            check,
            format!(
                "{protocol}: what is sent to port {port} does not arrive on {interface}, and what is \
                 sent to another port does: a firewall drops it"
            ),
            let_in(facts.os, port),
        ),
        Echo::Taken | Echo::NotTried => Finding::ok(
            check,
            format!(
                "{protocol}: multicast was not tried on {interface}, which has no IPv4 address"
            ),
        ),
        Echo::NotJoined(words) => Finding::fault(
            check,
            format!("{protocol}: {interface} does not let multicast groups be joined: {words}"),
            "use another interface, or have the consoles send unicast to this machine",
        ),
        Echo::NotSent { unreachable: true, .. } if facts.os == Os::Mac => {
            local_network(check, facts)
        }
        Echo::NotSent { words, .. } => Finding::fault(
            check,
            format!("{protocol}: the system does not let multicast out on {interface}: {words}"),
            "look at the firewall's rules for what goes out: `sudo nft list ruleset`",
        ),
    }
}

/// Nothing came, on whatever port.
fn silent(facts: &Facts, check: &'static str, protocol: &str) -> Finding {
    match facts.os {
        Os::Mac => local_network(check, facts),
        _ => Finding::fault(
            check,
            format!(
                "{protocol}: what is sent to multicast on {} does not arrive on it, on no port: a \
                 firewall drops it, or the interface does not do multicast",
                facts.interface
            ),
            let_in(facts.os, facts.sacn_port),
        ),
    }
}

fn local_network(check: &'static str, facts: &Facts) -> Finding {
    Finding::fault(
        check,
        format!(
            "this Mac keeps the program from the local network on {}: Local Network privacy",
            facts.interface
        ),
        "allow it under System Settings, Privacy & Security, Local Network; or run it from Terminal, \
         over SSH, or as a service of the system: docs/apple.md",
    )
}

fn judge_broadcast(facts: &Facts) -> Option<Finding> {
    let (check, interface) = ("broadcast", &facts.interface);
    Some(match &facts.broadcast {
        Echo::Heard => Finding::ok(check, format!("Art-Net: broadcast comes back on {interface}")),
        // A firewall that closes the port nobody uses and opens that of Art-Net is a good one.
        Echo::Silent if facts.artnet == Echo::Heard && facts.free != Echo::Heard => Finding::ok(
            check,
            format!(
                "Art-Net: broadcast was not tried on {interface}, a firewall closes free ports"
            ),
        ),
        Echo::Silent if facts.os == Os::Mac => local_network(check, facts),
        Echo::Silent => Finding::fault(
            check,
            format!("Art-Net: what is broadcast on {interface} does not arrive on it"),
            let_in(facts.os, facts.artnet_port),
        ),
        Echo::NotSent { unreachable: true, .. } if facts.os == Os::Mac => {
            local_network(check, facts)
        }
        Echo::NotSent { words, .. } => Finding::fault(
            check,
            format!("Art-Net: the system does not let broadcast out on {interface}: {words}"),
            "look at the firewall's rules for what goes out: `sudo nft list ruleset`",
        ),
        Echo::NotJoined(_) | Echo::Taken | Echo::NotTried => return None,
    })
}

/// How a port is opened.
fn let_in(os: Os, port: u16) -> String {
    match os {
        Os::Linux => format!(
            "let it in: `sudo ufw allow {port}/udp`, or `sudo firewall-cmd --add-port={port}/udp`, \
             or a rule of your own for UDP port {port}"
        ),
        Os::Mac => "allow wristcast under System Settings, Network, Firewall".to_owned(),
        Os::Other => format!("let UDP port {port} in at the firewall"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn facts() -> Facts {
        Facts {
            os: Os::Linux,
            interface: "eth0".to_owned(),
            multicast: Some(true),
            sacn: Echo::Heard,
            sacn_port: 5568,
            artnet: Echo::Heard,
            artnet_port: 6454,
            free: Echo::Heard,
            broadcast: Echo::Heard,
            v6: Echo::NotTried,
        }
    }

    fn verdict(facts: &Facts, check: &str) -> Verdict {
        let found = judge(facts);
        found.iter().find(|one| one.check == check).unwrap_or_else(|| panic!("{found:?}")).verdict
    }

    fn refused() -> Echo {
        Echo::NotSent { words: "No route to host".to_owned(), unreachable: true }
    }

    #[test]
    fn what_comes_back_is_in_order() {
        assert!(judge(&facts()).iter().all(|one| one.verdict == Verdict::Ok));
    }

    #[test]
    fn a_firewall_that_drops_one_port_is_told_from_one_that_drops_all() {
        let one = Facts { sacn: Echo::Silent, ..facts() };
        assert_eq!(verdict(&one, "sacn-multicast"), Verdict::Fault);
        assert_eq!(verdict(&one, "artnet-port"), Verdict::Ok);
        assert!(judge(&one)[0].remedy.as_ref().unwrap().contains("5568"));
        let all = Facts { sacn: Echo::Silent, artnet: Echo::Silent, free: Echo::Silent, ..facts() };
        assert!(judge(&all)[0].what.contains("on no port"));
    }

    #[test]
    fn a_firewall_that_opens_just_the_ports_of_the_show_is_in_order() {
        let facts = Facts { free: Echo::Silent, broadcast: Echo::Silent, ..facts() };
        assert!(judge(&facts).iter().all(|one| one.verdict == Verdict::Ok), "{:?}", judge(&facts));
    }

    #[test]
    fn a_port_that_is_taken_does_not_hide_that_multicast_works() {
        let taken = Facts { sacn: Echo::Taken, ..facts() };
        assert_eq!(verdict(&taken, "sacn-multicast"), Verdict::Ok);
        let silent = Facts { free: Echo::Silent, ..taken };
        assert_eq!(verdict(&silent, "sacn-multicast"), Verdict::Fault);
    }

    #[test]
    fn a_mac_that_keeps_programs_from_the_network_is_known_by_refusal_and_by_silence() {
        let mac = Facts { os: Os::Mac, ..facts() };
        let refused = Facts { sacn: refused(), ..mac.clone() };
        let silent = Facts { sacn: Echo::Silent, free: Echo::Silent, ..mac };
        for facts in [refused, silent] {
            let found = judge(&facts);
            assert_eq!(found[0].verdict, Verdict::Fault);
            assert!(found[0].what.contains("Local Network"), "{found:?}");
        }
    }

    #[test]
    fn an_interface_without_multicast_is_a_fault() {
        let facts = Facts { multicast: Some(false), ..facts() };
        assert_eq!(verdict(&facts, "interface-multicast"), Verdict::Fault);
        let facts = Facts { sacn: Echo::NotJoined("No such device".to_owned()), ..facts };
        assert_eq!(verdict(&facts, "sacn-multicast"), Verdict::Fault);
    }

    #[test]
    fn broadcast_that_does_not_come_back_is_a_fault_of_artnet() {
        assert_eq!(
            verdict(&Facts { broadcast: Echo::Silent, ..facts() }, "broadcast"),
            Verdict::Fault
        );
        assert_eq!(
            verdict(&Facts { broadcast: refused(), ..facts() }, "broadcast"),
            Verdict::Fault
        );
        let none = Facts { broadcast: Echo::NotTried, ..facts() };
        assert!(!judge(&none).iter().any(|one| one.check == "broadcast"));
    }
}
