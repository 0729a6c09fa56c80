//! What of a recording goes onto the network, as what, and where to.

use std::net::IpAddr;

use uuid::Uuid;
use wristcast_core::show::ReadOptions;
use wristcast_core::show::convert::Remap;
use wristcast_core::show::encode::Sender;
use wristcast_core::show::playback::PlaybackOptions;
use wristcast_core::universe::Universe;
use wristcast_core::wire::sacn::Cid;

use super::outlet::{Network, Outlet};
use crate::desk::{Destination, Ports};
use crate::exit::Failure;
use crate::recorded::Protocol;
use crate::universes::UniverseList;

/// Name of the sACN source that sends by levels.
const SOURCE_NAME: &str = "wristcast replay";

/// Default priority of sACN (E1.31 §6.2.3).
const PRIORITY: u8 = 100;

/// How a recording goes onto the network.
#[derive(Debug, clap::Args)]
#[group(id = "network", multiple = true, conflicts_with_all = ["show", "trace"])]
pub(super) struct NetworkArgs {
    /// Send only these universes of the recording: `sacn/1..4`, `artnet/0/0/1`.
    #[arg(long, value_name = "UNIVERSES")]
    universe: Vec<UniverseList>,
    /// Send a universe as another one, `sacn/1=sacn/101`, `sacn/1=artnet/0/0/3`; may be given more
    /// than once.
    #[arg(long, value_name = "FROM=TO", value_parser = mapping)]
    map: Vec<(Universe, Universe)>,
    /// Send every universe by this protocol, under the same number.
    #[arg(long = "as", value_name = "PROTOCOL")]
    protocol: Option<Protocol>,
    /// Send captures as one console with the levels that a receiver would hold. Without this they
    /// are sent packet by packet, unless a universe changes its protocol.
    #[arg(long)]
    by_levels: bool,
    /// sACN priority, 0 (lowest) to 200, instead of the recorded one; per-address priorities are
    /// left out then.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=200))]
    priority: Option<u8>,
    /// Keep the recorded sACN identities (CIDs). Without this every recorded source gets a new one,
    /// so that the console itself may be on the network, too.
    #[arg(long)]
    keep_cids: bool,
    /// Send to this address instead: unicast, broadcast or multicast; may be given more than once.
    #[arg(long, value_name = "ADDRESS")]
    to_address: Vec<IpAddr>,
    /// Send out of this interface, named by name or address; may be given more than once.
    #[arg(long, value_name = "INTERFACE")]
    interface: Vec<String>,
    /// Multicast sACN by IPv6.
    #[arg(long, conflicts_with = "to_address")]
    ipv6: bool,
    /// UDP port for sACN.
    #[arg(long, value_name = "PORT", default_value_t = 5568)]
    sacn_port: u16,
    /// UDP port for Art-Net.
    #[arg(long, value_name = "PORT", default_value_t = 6454)]
    artnet_port: u16,
}

fn mapping(text: &str) -> Result<(Universe, Universe), String> {
    let universe = |text: &str| text.trim().parse::<Universe>().map_err(|error| error.to_string());
    let (from, to) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is no pair of universes: write `sacn/1=sacn/101`"))?;
    Ok((universe(from)?, universe(to)?))
}

/// Random bits that make a UUID another one of the same version and variant (RFC 9562 §4).
fn cid_mask() -> [u8; 16] {
    let mut mask = Uuid::new_v4().into_bytes();
    mask[6] &= 0x0F;
    mask[8] &= 0x3F;
    mask
}

impl NetworkArgs {
    /// How the recording is played.
    pub(super) fn playback(
        &self,
        read: ReadOptions,
        speed: f64,
    ) -> Result<PlaybackOptions, Failure> {
        for (index, (from, _)) in self.map.iter().enumerate() {
            if self.map[..index].iter().any(|(known, _)| known == from) {
                return Err(Failure::usage(format!("--map names {from} twice")));
            }
        }
        let remap = Remap {
            only: self.universe.iter().flat_map(|list| list.0.clone()).collect(),
            map: self.map.clone(),
            protocol: self.protocol.map(Into::into),
        };
        let sender = Sender {
            cid: Cid(Uuid::new_v4().into_bytes()),
            name: SOURCE_NAME.to_owned(),
            priority: self.priority.unwrap_or(PRIORITY),
            ..Sender::default()
        };
        Ok(PlaybackOptions {
            read,
            remap,
            by_levels: self.by_levels,
            everything: false,
            speed,
            priority: self.priority,
            cid_mask: if self.keep_cids { [0; 16] } else { cid_mask() },
            sender,
        })
    }

    /// The network it goes onto.
    pub(super) fn outlet(&self) -> Result<Outlet, Failure> {
        let ports = Ports { sacn: self.sacn_port, artnet: self.artnet_port };
        let one = |to| Destination::new(to, &self.interface, self.ipv6, ports);
        let destinations = if self.to_address.is_empty() {
            vec![one(None)?]
        } else {
            self.to_address.iter().map(|to| one(Some(*to))).collect::<Result<_, _>>()?
        };
        Ok(Outlet::Network(Network::new(destinations)))
    }

    /// Where that is, for people.
    pub(super) fn place(&self) -> String {
        if self.to_address.is_empty() {
            return "the network".to_owned();
        }
        let addresses = self.to_address.iter().map(IpAddr::to_string);
        addresses.collect::<Vec<_>>().join(", ")
    }
}
