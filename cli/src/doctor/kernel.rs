//! Limits of the kernel on what a relay may join and hear: memberships, and the reverse-path filter,
//! which drops consoles that would be answered through another interface.

use super::finding::Finding;
use super::interfaces::Seen;
use super::system;

/// Linux's own limit, which most machines have.
const MEMBERSHIPS_USUAL: u32 = 20;

/// What the kernel allows. All `None` where it has no such limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// `net.ipv4.igmp_max_memberships`: groups of one socket.
    pub(super) memberships: Option<u32>,
    /// Groups that the show needs on each interface.
    pub(super) groups: usize,
    /// The reverse-path filter that is in force on each chosen interface: 0 off, 1 strict, 2 loose.
    pub(super) reverse_path: Vec<(String, u8)>,
    /// There is a route to everywhere.
    pub(super) default_route: bool,
}

pub(super) fn collect(chosen: &[Seen], universes: usize) -> Facts {
    let filter = |name: &str| -> Option<u8> {
        system::read_number(format!("/proc/sys/net/ipv4/conf/{name}/rp_filter"))
    };
    let of = |seen: &Seen| {
        let name = &seen.interface.name;
        // The higher of the two counts (Linux, ip-sysctl).
        Some((name.clone(), filter(name)?.max(filter("all")?)))
    };
    let routes = system::read("/proc/net/route").unwrap_or_default();
    Facts {
        memberships: system::read_number("/proc/sys/net/ipv4/igmp_max_memberships"),
        // Beside the universes their discovery.
        groups: universes + 1,
        reverse_path: chosen
            .iter()
            .filter(|seen| !seen.interface.is_loopback())
            .filter_map(of)
            .collect(),
        default_route: has_default_route(&routes),
    }
}

/// `/proc/net/route`: interface, destination, gateway, flags, …, mask as the eighth.
fn has_default_route(routes: &str) -> bool {
    routes.lines().skip(1).any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        matches!(columns[..], [_, "00000000", _, _, _, _, _, "00000000", ..])
    })
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> =
        facts.memberships.map(|limit| memberships(facts, limit)).into_iter().collect();
    for (interface, filter) in &facts.reverse_path {
        let finding = match filter {
            1 => Finding::warning(
                "reverse-path-filter",
                format!(
                    "{interface}: the reverse-path filter is strict: a console whose address is not in \
                     the network of {interface} is not heard, and nothing says so"
                ),
                format!(
                    "`sudo sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.{interface}.rp_filter=0`"
                ),
            ),
            2 if !facts.default_route => Finding::warning(
                "reverse-path-filter",
                format!(
                    "{interface}: the reverse-path filter is loose and there is no default route: a \
                     console in a network that this machine has no address in is not heard"
                ),
                format!(
                    "give {interface} an address in the console's network, or `sudo sysctl -w \
                     net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.{interface}.rp_filter=0`"
                ),
            ),
            _ => Finding::ok(
                "reverse-path-filter",
                format!("{interface}: consoles of any network are heard"),
            ),
        };
        found.push(finding.about(interface));
    }
    found
}

fn memberships(facts: &Facts, limit: u32) -> Finding {
    let groups = facts.groups;
    if limit == 0 {
        return Finding::fault(
            "igmp-limit",
            "the kernel lets no multicast group be joined (igmp_max_memberships is 0)",
            format!("`sudo sysctl -w net.ipv4.igmp_max_memberships={MEMBERSHIPS_USUAL}`"),
        );
    }
    let sockets = groups.div_ceil(limit as usize);
    if limit < MEMBERSHIPS_USUAL {
        return Finding::warning(
            "igmp-limit",
            format!(
                "the kernel allows a socket {limit} multicast groups (usual: {MEMBERSHIPS_USUAL}): \
                 wristcast takes {sockets} sockets for the {groups} it needs; other lighting programs \
                 here stay dark beyond that"
            ),
            format!("`sudo sysctl -w net.ipv4.igmp_max_memberships={MEMBERSHIPS_USUAL}`"),
        );
    }
    Finding::ok(
        "igmp-limit",
        format!("{limit} multicast groups fit a socket; for {groups} wristcast takes {sockets}"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn facts() -> Facts {
        Facts {
            memberships: Some(20),
            groups: 65,
            reverse_path: vec![("eth0".to_owned(), 0)],
            default_route: true,
        }
    }

    fn verdicts(facts: &Facts) -> Vec<Verdict> {
        judge(facts).iter().map(|one| one.verdict).collect()
    }

    #[test]
    fn the_usual_limits_are_in_order_whatever_the_number_of_universes() {
        assert_eq!(verdicts(&facts()), [Verdict::Ok, Verdict::Ok]);
        assert_eq!(verdicts(&Facts { memberships: None, reverse_path: vec![], ..facts() }), []);
    }

    #[test]
    fn a_lowered_limit_of_memberships_costs_sockets_and_none_at_all_costs_the_show() {
        let one = judge(&Facts { memberships: Some(1), ..facts() });
        assert_eq!(one[0].verdict, Verdict::Warning);
        assert!(one[0].what.contains("65 sockets"), "{}", one[0].what);
        assert_eq!(judge(&Facts { memberships: Some(0), ..facts() })[0].verdict, Verdict::Fault);
    }

    #[test]
    fn a_strict_reverse_path_filter_is_warned_of_and_a_loose_one_without_a_default_route() {
        let with = |filter, default_route| {
            let reverse_path = vec![("eth0".to_owned(), filter)];
            judge(&Facts { reverse_path, default_route, ..facts() })[1].verdict
        };
        assert_eq!(with(1, true), Verdict::Warning);
        assert_eq!(with(2, true), Verdict::Ok);
        assert_eq!(with(2, false), Verdict::Warning);
        assert_eq!(with(0, false), Verdict::Ok);
    }

    #[test]
    fn a_default_route_is_known() {
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n";
        let local = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        let default = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        assert!(!has_default_route(&format!("{head}{local}")));
        assert!(has_default_route(&format!("{head}{local}{default}")));
    }
}
