//! Every bound of the engine in one place; memory is taken once, at start, from these.

use crate::config::Config;

/// Most sources tracked per universe, whatever the show asks for.
pub const SOURCES_PER_UNIVERSE_MAX: usize = 32;

/// Sources of a universe that share the merge (Art-Net 4 "ArtDmx": two per port).
pub const ARTNET_SOURCES_MAX: usize = 2;

/// Sources of a universe that are remembered, for the operator, beside those that count: left out,
/// in preview, or gone.
pub const SOURCES_ASIDE: usize = 4;

/// Most universes one show may patch.
pub const UNIVERSES_MAX: usize = 4096;

/// Most groups one show may have.
pub const GROUPS_MAX: usize = 65_536;

/// Most slots that all groups of one show may have, shared ones counted for each.
pub const PATCHED_SLOTS_MAX: usize = 1 << 22;

/// Longest per-group delay, ms.
pub const DELAY_MS_MAX: u64 = 500;

/// Most radios one show may have.
pub const RADIOS_MAX: usize = 64;

/// Most bands one show may have, over all radios.
pub const BANDS_MAX: usize = 262_144;

/// Synchronization addresses followed at the same time.
pub const SYNC_ADDRESSES_MAX: usize = 64;

/// Art-Net controllers followed at the same time.
pub const CONTROLLERS_MAX: usize = 64;

/// Universes remembered that are on the network but not in the show.
pub const NOT_PATCHED_MAX: usize = 64;

/// Sources whose universe discovery lists are remembered.
pub const DISCOVERED_SOURCES_MAX: usize = 64;

/// Universes of one list told to the operator: what is beyond is only counted.
pub const TOLD_UNIVERSES_MAX: usize = 4096;

/// Sources told to the operator as announcing a universe that nobody patched.
pub const TOLD_ANNOUNCERS_MAX: usize = 4;

/// Events that wait for the operator.
pub const EVENTS_MAX: usize = 1024;

/// What one engine takes memory for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Universes that may be patched, now and after a reload.
    pub universes: usize,
    /// sACN sources per universe that count, 1..=[`SOURCES_PER_UNIVERSE_MAX`].
    pub sources_per_universe: usize,
    /// Events that wait for the operator.
    pub events: usize,
}

impl Limits {
    /// Enough for a show, and for it to grow while running: memory that is not used yet is only
    /// reserved.
    pub fn of(config: &Config) -> Self {
        let mut universes: Vec<_> =
            config.groups.iter().flat_map(|g| &g.slots).map(|slot| slot.universe).collect();
        universes.sort_unstable();
        universes.dedup();
        Self {
            universes: universes.len().max((2 * universes.len()).clamp(512, UNIVERSES_MAX)),
            sources_per_universe: config
                .network
                .sources_per_universe
                .clamp(1, SOURCES_PER_UNIVERSE_MAX),
            events: EVENTS_MAX,
        }
    }
}
