//! A recording through a live relay, radios and all: the rehearsal.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use wristcast_core::config::{Config, InterfaceSelector};
use wristcast_core::relay::{HandleError, Options, Relay};

use super::player::Played;
use crate::desk::Ports;
use crate::exit::Failure;
use crate::http;
use crate::run;
use crate::served::Served;

/// A relay of this process that hears nothing but the recording: it is on loopback, on ports of its
/// own, so that no console plays along, and the recording does not get out. Everything else is as
/// the show file says.
pub(super) struct Rehearsal {
    relay: Relay,
    server: Option<Served>,
}

impl Rehearsal {
    /// Starts it on these ports; `show` is the file that `config` comes from.
    pub(super) fn start(
        mut config: Config,
        show: &Path,
        ports: Ports,
        out: &mut dyn Write,
    ) -> Result<Self, Failure> {
        (config.network.sacn_port, config.network.artnet_port) = (ports.sacn, ports.artnet);
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        config.network.interfaces = vec![InterfaceSelector::Address(loopback)];
        let api = config.http.clone();
        let relay = Relay::start(config, Options::default()).map_err(Failure::cannot_start)?;
        let server = match api {
            Some(api) => {
                let tokens = run::tokens(&api, show)?;
                let offer = http::Offer { tokens, hosts: api.hosts, ..Default::default() };
                Some(http::serve(api.listen, relay.handle(), offer)?)
            }
            None => None,
        };
        if let Some(server) = &server {
            writeln!(out, "API http://{}", server.address())?;
        }
        Ok(Self { relay, server })
    }

    /// Leaves the bands in the end look, and tells what the relay came to.
    pub(super) fn end(self, played: Option<&Played>, out: &mut dyn Write) -> Result<(), Failure> {
        let fault = self.relay.handle().groups() == Err(HandleError::Stopped);
        let report = self.relay.stop();
        drop(self.server);
        if let Some(played) = played {
            writeln!(out, "{played}")?;
        }
        writeln!(out, "{}", run::summary(&report))?;
        if fault {
            return Err(Failure::light_lost("the relay ended by a fault; see the log"));
        }
        run::at_end_look(&report)
    }
}
