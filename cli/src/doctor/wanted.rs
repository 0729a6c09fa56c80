//! What a show wants of the machine; without a show, what any would want.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use wristcast_core::config::{
    BroadcastConfig, Config, ControllerAddress, InterfaceSelector, RadioKind,
};
use wristcast_core::universe::Universe;

/// Receive buffer of a relay without a show file that says otherwise.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// What the machine has to offer.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Where the show file lies, and what is beside it.
    pub(super) folder: PathBuf,
    pub(super) interfaces: Vec<InterfaceSelector>,
    pub(super) sacn_port: u16,
    pub(super) artnet_port: u16,
    pub(super) receive_buffer_bytes: usize,
    /// Of the relay thread.
    pub(super) realtime_priority: Option<u8>,
    /// Likewise.
    pub(super) core: Option<usize>,
    /// Every patched universe, each once.
    pub(super) universes: Vec<Universe>,
    pub(super) http: Option<SocketAddr>,
    /// Where beats of a second relay are heard.
    pub(super) standby: Option<SocketAddr>,
    pub(super) osc: Option<SocketAddr>,
    /// The show has a file with tokens.
    pub(super) tokens: Option<PathBuf>,
    /// Adapters of connected bands, `None` = the first there is; empty: no connected bands.
    pub(super) adapters: Vec<Option<String>>,
    /// Connected bands.
    pub(super) bands: usize,
    /// Radios that broadcast.
    pub(super) broadcasts: Vec<BroadcastConfig>,
}

impl Wanted {
    /// What `config`, read from `path`, wants.
    pub(super) fn of(path: Option<&Path>, config: Option<&Config>) -> Self {
        let folder = path.map_or(PathBuf::new(), |path| path.with_file_name(""));
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        let Some(config) = config else {
            return Self {
                folder,
                interfaces: Vec::new(),
                sacn_port: 5568,
                artnet_port: 6454,
                receive_buffer_bytes: RECEIVE_BUFFER_BYTES,
                realtime_priority: None,
                core: None,
                universes: Vec::new(),
                http: None,
                standby: None,
                osc: None,
                tokens: None,
                adapters: Vec::new(),
                bands: 0,
                broadcasts: Vec::new(),
            };
        };
        let slots = config.groups.iter().flat_map(|group| &group.slots);
        let mut universes: Vec<Universe> = slots.map(|slot| slot.universe).collect();
        universes.sort_unstable();
        universes.dedup();
        let (mut adapters, mut bands, mut broadcasts) = (Vec::new(), 0, Vec::new());
        for radio in &config.radios {
            match &radio.kind {
                RadioKind::Gatt(gatt) => {
                    bands += gatt.bands.len();
                    adapters.extend(gatt.adapters.iter().cloned().map(Some));
                    if gatt.adapters.is_empty() {
                        adapters.push(None);
                    }
                }
                RadioKind::Broadcast(broadcast) => broadcasts.push(broadcast.clone()),
                _ => {}
            }
        }
        let token_file = config.http.as_ref().and_then(|http| http.token_file.as_ref());
        Self {
            interfaces: config.network.interfaces.clone(),
            sacn_port: config.network.sacn_port,
            artnet_port: config.network.artnet_port,
            receive_buffer_bytes: config.network.receive_buffer_bytes,
            realtime_priority: config.network.realtime_priority,
            core: config.network.core,
            universes,
            http: config.http.as_ref().map(|http| http.listen),
            standby: config.standby.as_ref().map(|standby| standby.listen),
            osc: config.osc.as_ref().map(|osc| osc.listen),
            tokens: token_file.map(|file| folder.join(file)),
            folder,
            adapters,
            bands,
            broadcasts,
        }
    }

    /// Patched sACN universes.
    pub(super) fn sacn_universes(&self) -> usize {
        self.universes.iter().filter(|universe| matches!(universe, Universe::Sacn(_))).count()
    }

    /// Every controller that broadcasts.
    pub(super) fn controllers(&self) -> impl Iterator<Item = &ControllerAddress> {
        self.broadcasts.iter().flat_map(|radio| &radio.controllers)
    }
}
