//! What a running relay is asked.

use serde_json::{Value, json};
use wristcast_core::snapshot::{NetworkState, UniverseState};

use crate::relay_api::Api;

/// What a relay hears.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) universes: Vec<UniverseState>,
    pub(super) network: NetworkState,
}

impl Heard {
    pub(super) fn by(api: &Api) -> Result<Self, String> {
        Ok(Self { universes: api.get("universes")?, network: api.get("network")? })
    }

    /// All of it but the levels.
    pub(super) fn json(&self) -> Value {
        let universe = |one: &UniverseState| {
            json!({
                "universe": one.universe,
                "state": one.state,
                "rate_hz": one.rate_hz,
                "age_ms": one.age_ms,
                "sources": one.sources,
            })
        };
        json!({
            "universes": self.universes.iter().map(universe).collect::<Vec<_>>(),
            "network": self.network,
        })
    }
}
