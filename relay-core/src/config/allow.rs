//! Who may send light: the sources that a show names.

use std::net::IpAddr;

use super::read_network::{bits_of, prefix_of};
use super::reader::Value;
use super::report::Report;
use crate::wire::sacn::Cid;

/// Most entries of the list. Every packet is held against it, so it is short.
const ALLOWED_MAX: usize = 64;

const EXPECTED: &str = "an address (`10.0.0.2`), a network (`10.0.0.0/8`) or the CID of an sACN \
                        source (`cd30dea8-0852-4c8c-94dd-0e7806214b16`)";

/// The sources that are listened to; empty = all. It keeps out the desk that was patched wrongly
/// and the laptop that plays by itself. It is no lock: addresses and CIDs can be forged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow(Vec<Allowed>);

/// One entry: who is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    /// Senders in a network: address and prefix length.
    Network(IpAddr, u8),
    /// An sACN source, wherever it sends from.
    Cid(Cid),
}

impl Allow {
    /// Whether packets from `ip`, of the sACN source `cid` if they are sACN, are listened to: one
    /// entry must fit.
    #[inline]
    pub fn allows(&self, ip: IpAddr, cid: Option<Cid>) -> bool {
        self.0.is_empty() || self.names(ip.to_canonical(), cid)
    }

    fn names(&self, ip: IpAddr, cid: Option<Cid>) -> bool {
        self.0.iter().any(|allowed| match *allowed {
            Allowed::Network(network, prefix) => in_network(ip, network, prefix),
            Allowed::Cid(allowed) => cid == Some(allowed),
        })
    }
}

/// Whether an address is in a network.
pub(crate) fn in_network(ip: IpAddr, network: IpAddr, prefix: u8) -> bool {
    // A prefix longer than the address compares the whole address.
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            let differing = ip.to_bits() ^ network.to_bits();
            differing.leading_zeros() >= u32::from(prefix.min(32))
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            let differing = ip.to_bits() ^ network.to_bits();
            differing.leading_zeros() >= u32::from(prefix.min(128))
        }
        _ => false,
    }
}

/// Reads a list of those who send light.
pub(super) fn read(report: &mut Report<'_>, value: Value<'_>) -> Option<Allow> {
    read_list(report, value, EXPECTED, entry)
}

/// Reads a list of those who have an address and no CID.
pub(super) fn read_addresses(report: &mut Report<'_>, value: Value<'_>) -> Option<Allow> {
    let address = |text: &str| entry(text).filter(|one| matches!(one, Allowed::Network(..)));
    read_list(report, value, "an address (`10.0.0.5`) or a network (`10.0.0.0/24`)", address)
}

fn read_list(
    report: &mut Report<'_>,
    value: Value<'_>,
    expected: &str,
    entry: impl Fn(&str) -> Option<Allowed>,
) -> Option<Allow> {
    let items = value.list(report, "sources", ALLOWED_MAX)?;
    if items.len() == 0 {
        value.wrong_help(
            report,
            "at least one source",
            "leave `allow` out to listen to every source".to_owned(),
        );
    }
    let entries = items.filter_map(|item| {
        let text = item.text(report, 255)?;
        let allowed = entry(text);
        if allowed.is_none() {
            item.wrong(report, expected);
        }
        allowed
    });
    Some(Allow(entries.collect()))
}

fn entry(text: &str) -> Option<Allowed> {
    if let Some((address, prefix)) = text.split_once('/') {
        let address: IpAddr = address.parse().ok()?;
        return Some(Allowed::Network(address, prefix_of(address, prefix)?));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Allowed::Network(address, bits_of(address)));
    }
    uuid::Uuid::try_parse(text).ok().map(|uuid| Allowed::Cid(Cid(uuid.into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> Allow {
        Allow(entries.iter().map(|text| entry(text).unwrap()).collect())
    }

    const CID: &str = "cd30dea8-0852-4c8c-94dd-0e7806214b16";

    #[test]
    fn without_a_list_everybody_may_send() {
        assert!(Allow::default().allows("10.0.0.1".parse().unwrap(), None));
    }

    #[test]
    fn addresses_networks_and_cids_are_told_apart() {
        let allow = list(&["10.0.0.1", "192.168.0.0/16", "fd00::/8", CID]);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let cid = Cid(uuid::Uuid::try_parse(CID).unwrap().into_bytes());
        for allowed in ["10.0.0.1", "::ffff:10.0.0.1", "192.168.255.1", "fd12::1"] {
            assert!(allow.allows(ip(allowed), None), "{allowed}");
        }
        for other in ["10.0.0.2", "192.169.0.1", "fe80::1"] {
            assert!(!allow.allows(ip(other), None), "{other}");
            assert!(!allow.allows(ip(other), Some(Cid([1; 16]))), "{other}");
            assert!(allow.allows(ip(other), Some(cid)), "{other}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["", "desk", "10.0.0", "10.0.0.0/33", "10.0.0.0/+8", "fd00::/129", "cd30dea8"] {
            assert_eq!(entry(text), None, "{text}");
        }
    }
}
