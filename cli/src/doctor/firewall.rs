//! Firewalls, as far as they can be seen without root. Whether light comes through is known from the
//! self-test; this says which one to look at if it does not.

use super::echo::Echo;
use super::finding::Finding;
use super::self_test;
use super::system::{self, Os};

/// What could be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Firewalls that are on, by name.
    pub(super) on: Vec<&'static str>,
    /// Whether the rules could be looked at, so that no firewall in `on` means that there is none.
    pub(super) seen: bool,
    /// A Mac's firewall lets nothing in.
    pub(super) blocks_all: bool,
    /// Something of the self-test did not come back.
    pub(super) drops: bool,
}

pub(super) fn collect(tests: &[self_test::Facts]) -> Facts {
    let drops = tests.iter().any(|test| test.sacn == Echo::Silent || test.artnet == Echo::Silent);
    if Os::here() == Os::Mac {
        return mac(drops);
    }
    let mut on = Vec::new();
    let ufw = system::read("/etc/ufw/ufw.conf").unwrap_or_default();
    if ufw.lines().any(|line| line.trim().eq_ignore_ascii_case("enabled=yes")) {
        on.push("ufw");
    }
    if system::runs("firewalld") {
        on.push("firewalld");
    }
    // Both need root; an answer without a rule that drops is an answer.
    let nft = system::ask("nft", &["list", "ruleset"]);
    let iptables = system::ask("iptables", &["-S"]);
    if on.is_empty() && nft.as_deref().is_some_and(keeps_out) {
        on.push("nftables");
    } else if on.is_empty() && iptables.as_deref().is_some_and(keeps_out) {
        on.push("iptables");
    }
    Facts { seen: nft.is_some() || iptables.is_some(), on, blocks_all: false, drops }
}

/// Whether a set of rules, of nftables or iptables, has one that drops.
fn keeps_out(rules: &str) -> bool {
    let words = rules.split(|c: char| !c.is_ascii_alphabetic());
    words.map(str::to_ascii_lowercase).any(|word| word == "drop" || word == "reject")
}

fn mac(drops: bool) -> Facts {
    const TOOL: &str = "/usr/libexec/ApplicationFirewall/socketfilterfw";
    let state = system::ask(TOOL, &["--getglobalstate"]);
    let all = system::ask(TOOL, &["--getblockall"]).unwrap_or_default();
    let on = state.as_deref().is_some_and(|state| state.contains("enabled"));
    Facts {
        on: if on { vec!["the firewall of macOS"] } else { vec![] },
        seen: state.is_some(),
        blocks_all: on && blocks_all(&all),
        drops,
    }
}

/// macOS 14 says "block all state set to enabled", newer ones "Firewall has block all state set to
/// enabled"; both say "disabled" or "DISABLED!" otherwise.
fn blocks_all(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("enabled") && !text.contains("disabled")
}

pub(super) fn judge(facts: &Facts) -> Finding {
    let names = facts.on.join(", ");
    if facts.blocks_all {
        return Finding::fault(
            "firewall",
            format!("{names} blocks every incoming connection"),
            "System Settings, Network, Firewall, Options: switch off \"Block all incoming connections\"",
        );
    }
    match (facts.on.is_empty(), facts.drops) {
        (false, true) => Finding::fault(
            "firewall",
            format!("{names} is on, and what the self-test sent did not come back"),
            "let the ports of sACN and Art-Net in, as said above",
        ),
        (false, false) => {
            Finding::ok("firewall", format!("{names} is on, and lets the ports of the show in"))
        }
        (true, true) => Finding::warning(
            "firewall",
            "something drops what the self-test sent, and no firewall is to be seen without root",
            "`sudo nft list ruleset`, `sudo iptables -S`: look for drop and reject",
        ),
        (true, false) if facts.seen => Finding::ok("firewall", "no firewall drops anything"),
        (true, false) => Finding::ok(
            "firewall",
            "its rules could not be looked at without root; the self-test came through",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn verdict(on: &[&'static str], seen: bool, drops: bool) -> Verdict {
        judge(&Facts { on: on.to_vec(), seen, blocks_all: false, drops }).verdict
    }

    #[test]
    fn a_firewall_counts_by_what_comes_through() {
        assert_eq!(verdict(&["ufw"], false, false), Verdict::Ok);
        assert_eq!(verdict(&["ufw"], false, true), Verdict::Fault);
        assert_eq!(verdict(&[], false, true), Verdict::Warning);
        assert_eq!(verdict(&[], true, false), Verdict::Ok);
    }

    #[test]
    fn it_is_said_when_nobody_could_look() {
        let found = judge(&Facts { on: vec![], seen: false, blocks_all: false, drops: false });
        assert!(found.what.contains("could not be looked at without root"));
    }

    #[test]
    fn rules_that_drop_are_told_from_rules_that_do_not() {
        assert!(keeps_out("chain input { type filter hook input priority 0; policy drop; }"));
        assert!(keeps_out("-P INPUT ACCEPT\n-A INPUT -p udp -j REJECT"));
        assert!(!keeps_out("-P INPUT ACCEPT\n-P FORWARD ACCEPT"));
        assert!(!keeps_out("table inet raindrops { }"));
    }

    #[test]
    fn a_mac_that_blocks_everything_is_a_fault() {
        assert!(blocks_all("Firewall has block all state set to enabled.\n"));
        assert!(!blocks_all("Block all DISABLED! \n"));
        let on = vec!["the firewall of macOS"];
        let found = judge(&Facts { on, seen: true, blocks_all: true, drops: false });
        assert_eq!(found.verdict, Verdict::Fault);
    }
}
