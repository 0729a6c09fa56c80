//! `[network]` and `[http]`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::reader::{Table, Value};
use super::report::Report;
use super::{Allow, ArtNetNode, Http, InterfaceSelector, MergeMode, Network};
use crate::limits::SOURCES_PER_UNIVERSE_MAX;

/// Most interfaces a show may name.
const INTERFACES_MAX: usize = 64;

/// The last processor core that Linux's usual set of them has room for.
const CORE_MAX: usize = 1023;

/// An ArtPollReply has room for 17 and 63 bytes and a final zero (Art-Net 4, ArtPollReply).
const SHORT_NAME_BYTES_MAX: usize = 17;
const LONG_NAME_BYTES_MAX: usize = 63;

impl Network {
    /// The network of a show that says nothing about it.
    pub fn of_show(name: &str) -> Self {
        Self {
            interfaces: Vec::new(),
            sacn_port: 5568,
            artnet_port: 6454,
            receive_buffer_bytes: 4 << 20,
            allow: Allow::default(),
            merge: MergeMode::Htp,
            sources_per_universe: 8,
            sampling_period: Duration::ZERO,
            rejoin_interval: Duration::from_secs(60),
            busy_wait: false,
            realtime_priority: None,
            core: None,
            artnet_node: ArtNetNode {
                reply: true,
                short_name: "wristcast".to_owned(),
                long_name: cut(name, LONG_NAME_BYTES_MAX).to_owned(),
                remote_programming: false,
            },
        }
    }
}

/// The start of `text`, at most `bytes_max` long.
fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Reads `[network]` over the defaults in `network`.
pub(super) fn network(report: &mut Report<'_>, mut table: Table<'_>, network: &mut Network) {
    if let Some(value) = table.get("interfaces") {
        network.interfaces = interfaces(report, value);
    }
    let artnet_port = table.get("artnet_port");
    set(&mut network.sacn_port, table.get("sacn_port"), |v| v.integer(report, 1..=65535, ""));
    set(&mut network.artnet_port, artnet_port, |v| v.integer(report, 1..=65535, ""));
    if network.sacn_port == network.artnet_port {
        let message = format!("sACN and Art-Net are both on port {}", network.sacn_port);
        let span = artnet_port.map_or(table.span.clone(), Value::span);
        report.error_help(span, message, "usual are 5568 for sACN, 6454 for Art-Net".to_owned());
    }
    set(&mut network.receive_buffer_bytes, table.get("receive_buffer_bytes"), |v| {
        v.integer(report, 65_536..=1 << 30, " bytes")
    });
    set(&mut network.allow, table.get("allow"), |v| super::allow::read(report, v));
    set(&mut network.merge, table.get("merge"), |v| {
        v.choice(report, &[("htp", MergeMode::Htp), ("ltp", MergeMode::Ltp)], "")
    });
    set(&mut network.sources_per_universe, table.get("sources_per_universe"), |v| {
        v.integer(report, 1..=SOURCES_PER_UNIVERSE_MAX, "")
    });
    set(&mut network.sampling_period, table.get("sampling_ms"), |v| {
        v.integer(report, 0..=10_000, " ms").map(Duration::from_millis)
    });
    set(&mut network.rejoin_interval, table.get("rejoin_s"), |v| {
        v.integer(report, 0..=3600, " s").map(Duration::from_secs)
    });
    set(&mut network.busy_wait, table.get("busy_wait"), |v| v.boolean(report));
    let priority = table.get("realtime_priority");
    network.realtime_priority = priority.and_then(|v| v.integer(report, 1..=99, ""));
    network.core = table.get("core").and_then(|v| v.integer(report, 0..=CORE_MAX, ""));
    if let (Some(value), true) = (priority, network.busy_wait) {
        let message = "`realtime_priority` with `busy_wait`: the relay thread never lets go of its core. \
                       What else must run there stands still, and Linux may halt the thread for 50 ms \
                       of every second"
            .to_owned();
        report.warning(value.span(), message, "leave one of the two out");
    }
    if let Some(artnet) = table.get("artnet").and_then(|v| v.table(report, "[network.artnet]")) {
        artnet_node(report, artnet, &mut network.artnet_node);
    }
    table.finish(report);
}

fn artnet_node(report: &mut Report<'_>, mut table: Table<'_>, node: &mut ArtNetNode) {
    set(&mut node.reply, table.get("reply"), |v| v.boolean(report));
    set(&mut node.short_name, table.get("short_name"), |v| {
        v.text(report, SHORT_NAME_BYTES_MAX).map(str::to_owned)
    });
    set(&mut node.long_name, table.get("long_name"), |v| {
        v.text(report, LONG_NAME_BYTES_MAX).map(str::to_owned)
    });
    set(&mut node.remote_programming, table.get("remote_programming"), |v| v.boolean(report));
    table.finish(report);
}

/// Replaces a default by what the file says, if it says something right.
pub(super) fn set<'t, T>(
    target: &mut T,
    value: Option<Value<'t>>,
    read: impl FnOnce(Value<'t>) -> Option<T>,
) {
    if let Some(value) = value.and_then(read) {
        *target = value;
    }
}

fn interfaces(report: &mut Report<'_>, value: Value<'_>) -> Vec<InterfaceSelector> {
    let mut selectors = Vec::new();
    let Some(items) = value.list(report, "interfaces", INTERFACES_MAX) else { return selectors };
    if items.len() == 0 {
        value.wrong_help(
            report,
            "at least one interface",
            "leave `interfaces` out to receive on every running interface but loopback".to_owned(),
        );
    }
    for item in items {
        let Some(selector) = item.text(report, 255).and_then(|text| selector(report, item, text))
        else {
            continue;
        };
        if selectors.contains(&selector) {
            let message = "this interface is listed twice".to_owned();
            report.warning(item.span(), message, "once is enough");
        } else {
            selectors.push(selector);
        }
    }
    selectors
}

/// Bits of an address.
pub(super) const fn bits_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The length of a network's prefix, as it stands behind the `/`.
pub(super) fn prefix_of(network: IpAddr, text: &str) -> Option<u8> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&prefix| digits && prefix <= bits_of(network))
}

fn selector(report: &mut Report<'_>, value: Value<'_>, text: &str) -> Option<InterfaceSelector> {
    const EXPECTED: &str = "the name of an interface (`eth0`), an address it has (`10.0.0.2`) \
                            or its network (`10.0.0.0/8`)";
    if let Some((address, prefix)) = text.split_once('/') {
        let Ok(address) = address.parse::<IpAddr>() else {
            value.wrong(report, EXPECTED);
            return None;
        };
        let prefix = prefix_of(address, prefix);
        if prefix.is_none() {
            let bits = bits_of(address);
            let help = format!("after the `/` comes the number of network bits, 0 to {bits}");
            value.wrong_help(report, EXPECTED, help);
        }
        return prefix.map(|prefix| InterfaceSelector::Cidr(address, prefix));
    }
    if let Ok(address) = text.parse() {
        return Some(InterfaceSelector::Address(address));
    }
    let like_ipv4 = text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let like_ipv6 = text.matches(':').count() > 1;
    if like_ipv4 || like_ipv6 {
        let help = "this is neither an IPv4 nor an IPv6 address".to_owned();
        value.wrong_help(report, EXPECTED, help);
        return None;
    }
    Some(InterfaceSelector::Name(text.to_owned()))
}

impl InterfaceSelector {
    /// Whether it can only be the host itself.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "lo" || name == "lo0",
            Self::Address(address) => address.is_loopback(),
            Self::Cidr(address, prefix) => {
                address.is_loopback() && *prefix >= if address.is_ipv4() { 8 } else { 128 }
            }
        }
    }
}

/// Longest path of a file, bytes.
pub(super) const PATH_BYTES_MAX: usize = 4096;

/// Most names that the API is reached by.
const HOSTS_MAX: usize = 32;

/// Longest name of a host, bytes (RFC 1035, 2.3.4).
const HOST_BYTES_MAX: usize = 253;

/// Reads `[http]`.
pub(super) fn http(report: &mut Report<'_>, mut table: Table<'_>) -> Http {
    let listen = SocketAddr::from(([127, 0, 0, 1], 8420));
    let mut http = Http { listen, token_file: None, hosts: Vec::new() };
    set(&mut http.listen, table.get("listen"), |value| {
        let listen = value.as_text().and_then(|text| text.parse().ok());
        if listen.is_none() {
            value.wrong_help(
                report,
                "an address and a port",
                "\"127.0.0.1:8420\" for this machine only, \"0.0.0.0:8420\" for the network"
                    .to_owned(),
            );
        }
        listen
    });
    set(&mut http.token_file, table.get("token_file"), |value| {
        value.text(report, PATH_BYTES_MAX).map(|path| Some(path.into()))
    });
    set(&mut http.hosts, table.get("hosts"), |value| Some(hosts(report, value)));
    table.finish(report);
    http
}

fn hosts(report: &mut Report<'_>, value: Value<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    for item in value.list(report, "hosts", HOSTS_MAX).into_iter().flatten() {
        let Some(text) = item.text(report, HOST_BYTES_MAX) else { continue };
        let host = text.to_ascii_lowercase();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !host.bytes().all(plain) {
            let help =
                "without `http://` and without a port; addresses need not be named".to_owned();
            item.wrong_help(report, "a host's name, `relay.venue.example`", help);
        } else if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}
