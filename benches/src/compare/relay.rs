//! wristcast with everything done: parsed, arbitrated, patched, published to its radios.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use wristcast_core::config::Config;
use wristcast_core::relay::{Options, Relay, RelayHandle};
use wristcast_core::snapshot::Severity;

use super::load::Protocol;
use super::role::{Quantiles, Received, Receiving, bounds_us};

/// Links of a Bluetooth adapter, most of them have fewer.
const USUAL_BANDS: u32 = 32;

/// A relay of a show for `universes`.
#[derive(Clone, Debug, clap::Args)]
pub struct Wristcast {
    #[arg(long)]
    pub universes: u16,
    /// Groups, spread evenly over the universes.
    #[arg(long, default_value_t = 4096)]
    pub groups: u32,
    /// Simulated radios, one band for each group.
    #[arg(long, default_value_t = 1)]
    pub radios: u32,
    /// A show as it is patched and carried: groups one after the other, and no more bands on a radio
    /// than a Bluetooth adapter has links. Else neighbours of a universe are far apart in the show, and
    /// every group has a band.
    #[arg(long)]
    pub usual: bool,
    /// Sources that a universe has room for.
    #[arg(long, default_value_t = 8)]
    pub sources_per_universe: u16,
    /// Never sleep for a packet.
    #[arg(long)]
    pub spin: bool,
    /// Real-time priority of the relay thread.
    #[arg(long)]
    pub priority: Option<u8>,
    /// The core that the relay thread is kept to.
    #[arg(long)]
    pub core: Option<u16>,
    /// Be ready only when the first look is published.
    #[arg(long)]
    pub first_look: bool,
}

impl Wristcast {
    /// Starts it.
    pub(super) fn start(&self, bind: SocketAddr, protocol: Protocol) -> io::Result<Running> {
        let show = self.show(bind, protocol);
        let parsed = Config::parse(&show, "compare.toml");
        let (config, _) = parsed.map_err(|wrong| io::Error::other(format!("{wrong:?}")))?;
        let relay = Relay::start(config, Options::default()).map_err(io::Error::other)?;
        self.must_have_its_place(&relay.handle())?;
        if self.first_look {
            let handle = relay.handle();
            while handle.latencies(&[1])[0].count == 0 {
                std::thread::sleep(Duration::from_micros(500));
            }
        }
        Ok(Running(Some(relay)))
    }

    /// Waits until the system has given what was asked for, or refused it: a relay without would be
    /// measured in vain.
    fn must_have_its_place(&self, handle: &RelayHandle) -> io::Result<()> {
        let asked = usize::from(self.priority.is_some()) + usize::from(self.core.is_some());
        loop {
            let mut told = handle.events(0);
            told.retain(|event| event.text.starts_with("the relay thread"));
            if let Some(refused) = told.iter().find(|event| event.severity != Severity::Info) {
                return Err(io::Error::other(refused.text.clone()));
            }
            if told.len() >= asked {
                return Ok(());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Universes have `groups / universes` groups of three slots; where 512 slots do not hold
    /// them, groups share slots.
    fn show(&self, bind: SocketAddr, protocol: Protocol) -> String {
        let (kind, port) = match protocol {
            Protocol::Sacn => ("sacn", "sacn_port"),
            Protocol::Artnet => ("artnet", "artnet_port"),
        };
        let mut show = format!(
            "name = 'compare'\n[network]\ninterfaces = ['lo', 'load']\n{port} = {}\n\
             sources_per_universe = {}\n",
            bind.port(),
            self.sources_per_universe
        );
        if self.spin {
            show += "busy_wait = true\n";
        }
        if let Some(priority) = self.priority {
            let _ = writeln!(show, "realtime_priority = {priority}");
        }
        if let Some(core) = self.core {
            let _ = writeln!(show, "core = {core}");
        }
        let universes = u32::from(self.universes);
        for group in 0..self.groups {
            let (universe, place) = match self.usual {
                true => {
                    let each = self.groups.div_ceil(universes);
                    (1 + group / each, group % each)
                }
                false => (1 + group % universes, group / universes),
            };
            let _ = write!(
                show,
                "[[group]]\nname = '{group}'\nuniverse = '{kind}/{universe}'\naddress = {}\n\
                 personality = 'rgb'\n",
                1 + place % 170 * 3
            );
        }
        for radio in 0..self.radios {
            let _ = write!(
                show,
                "[[radio]]\nname = 'radio {radio}'\nkind = 'simulated'\nbands_per_group = 1\n"
            );
            if self.usual {
                let bands = (0..USUAL_BANDS).map(|n| n * self.groups / USUAL_BANDS);
                let _ = writeln!(
                    show,
                    "groups = {:?}",
                    bands.map(|n| n.to_string()).collect::<Vec<_>>()
                );
            }
        }
        show
    }
}

/// A running relay.
pub(super) struct Running(Option<Relay>);

impl Receiving for Running {
    fn stop(&mut self) -> io::Result<Received> {
        let Some(relay) = self.0.take() else { return Err(io::Error::other("stopped before")) };
        let status = relay.handle().status();
        let bounds = bounds_us();
        let [published, handed] = relay.handle().latencies(&bounds);
        relay.stop();
        Ok(Received {
            packets: Some(status.packets.accepted),
            published_us: Some(Quantiles::of(&published, &bounds)),
            handed_us: Some(Quantiles::of(&handed, &bounds)),
        })
    }
}
