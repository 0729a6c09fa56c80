//! `[standby]`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::files::Files;
use super::read_broadcast::key_file;
use super::read_network::{PATH_BYTES_MAX, set};
use super::reader::{Table, Value};
use super::report::Report;
use super::{RadioKind, Standby};

/// Where relays listen for each other. Next to sACN's 5568, and nobody else's.
const PORT: u16 = 5570;

/// Ways from one relay to the other.
const PEERS_MAX: usize = 2;

/// Everybody's key.
const OPEN: broadcast_frame::Key = broadcast_frame::Key([0; 16]);

impl Standby {
    /// Whether a radio of this kind writes only while this relay drives.
    pub fn fences(&self, kind: &RadioKind) -> bool {
        !(self.both_broadcast && matches!(kind, RadioKind::Broadcast(_)))
    }
}

/// Reads `[standby]`; `None` if what it cannot do without is missing or wrong.
pub(super) fn standby(
    report: &mut Report<'_>,
    mut table: Table<'_>,
    files: &dyn Files,
) -> Option<Standby> {
    let role = table
        .require("role", "\"preferred\"")
        .and_then(|value| value.choice(report, &[("preferred", true), ("backup", false)], ""));
    let peers = table.require("peer", "[\"10.0.0.2:5570\"]").map(|value| peers(report, value));
    let peers = peers.unwrap_or_default();
    let key = table.require("key", "\"standby.key\"").and_then(|value| {
        match value.text(report, PATH_BYTES_MAX)? {
            "none" => Some(OPEN),
            name => key_file(report, value, name, files),
        }
    });
    let any: IpAddr = match peers.first() {
        Some((SocketAddr::V6(_), _)) => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    };
    let mut standby = Standby {
        preferred: role.unwrap_or_default(),
        peers: peers.iter().map(|(address, _)| *address).collect(),
        listen: SocketAddr::new(any, PORT),
        key: key.unwrap_or(OPEN),
        take_over: Duration::from_millis(500),
        input_loss: Duration::from_millis(500),
        gives_back: false,
        both_broadcast: false,
    };
    set(&mut standby.listen, table.get("listen"), |value| address(report, value));
    set(&mut standby.take_over, table.get("take_over_ms"), |value| {
        value.integer(report, 100..=10_000, " ms").map(Duration::from_millis)
    });
    set(&mut standby.input_loss, table.get("input_loss_ms"), |value| {
        value.integer(report, 100..=60_000, " ms").map(Duration::from_millis)
    });
    set(&mut standby.gives_back, table.get("give_back"), |value| {
        value.choice(report, &[("by_hand", false), ("auto", true)], "")
    });
    set(&mut standby.both_broadcast, table.get("broadcast"), |value| {
        value.choice(report, &[("one", false), ("both", true)], "")
    });
    table.finish(report);
    let listen = standby.listen;
    for (peer, value) in &peers {
        if *peer == listen {
            let help = "`peer` is where the other relay listens".to_owned();
            report.error_help(value.span(), "this is where this relay listens".to_owned(), help);
        } else if peer.is_ipv4() != listen.is_ipv4() {
            let message = format!("{listen}, where this relay listens, does not reach it");
            let help = "give both relays addresses of IPv4, or both of IPv6".to_owned();
            report.error_help(value.span(), message, help);
        }
    }
    (role.is_some() && key.is_some() && !standby.peers.is_empty()).then_some(standby)
}

fn peers<'t>(report: &mut Report<'_>, value: Value<'t>) -> Vec<(SocketAddr, Value<'t>)> {
    let mut peers: Vec<(SocketAddr, Value<'t>)> = Vec::new();
    for item in value.list(report, "addresses", PEERS_MAX).into_iter().flatten() {
        let Some(peer) = address(report, item) else { continue };
        if peer.ip().is_unspecified() || peer.ip().is_multicast() {
            item.wrong(report, "the address of one machine");
        } else if peers.iter().any(|(known, _)| *known == peer) {
            let message = format!("\"{peer}\" is listed twice");
            report.error_help(item.span(), message, "once is enough".to_owned());
        } else {
            peers.push((peer, item));
        }
    }
    if peers.is_empty() && value.as_list().is_some_and(|items| items.len() == 0) {
        value.wrong(report, "the address of the other relay");
    }
    peers
}

fn address(report: &mut Report<'_>, value: Value<'_>) -> Option<SocketAddr> {
    let address = value.as_text().and_then(|text| text.parse().ok());
    let address = address.filter(|address: &SocketAddr| address.port() != 0);
    if address.is_none() {
        let help = "for example \"10.0.0.2:5570\"".to_owned();
        value.wrong_help(report, "an address and a port", help);
    }
    address
}
