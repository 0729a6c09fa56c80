//! What the log of `run` says of sources: a line when one comes to count or ceases to.

use std::collections::BTreeMap;
use std::time::Duration;

use wristcast_core::snapshot::{SourceState, UniverseState};
use wristcast_core::universe::Universe;

use super::table::{identity, why};

/// Time between two looks at the sources.
pub(crate) const EVERY: Duration = Duration::from_secs(2);

/// Lines at most per look.
const LINES_MAX: usize = 32;

/// Remembers what was said.
#[derive(Debug, Default)]
pub(crate) struct SourceLog {
    /// Per universe and identity the reason why a source is out, if it is.
    told: BTreeMap<(Universe, String), Option<String>>,
}

impl SourceLog {
    /// Logs what changed since the last look.
    pub(crate) fn note(&mut self, universes: &[UniverseState]) {
        let mut seen = BTreeMap::new();
        let mut changes = 0;
        for universe in universes {
            for source in &universe.sources {
                let key = (universe.universe, identity(source).to_owned());
                let reason = lasting_reason(source);
                if self.told.get(&key) != Some(&reason) {
                    changes += 1;
                    if changes <= LINES_MAX {
                        tell(universe.universe, source);
                    }
                }
                seen.insert(key, reason);
            }
        }
        if changes > LINES_MAX {
            let more = changes - LINES_MAX;
            tracing::info!("{more} more sources changed; `wristcast sources` shows all of them");
        }
        // Those that are forgotten by the relay are forgotten here: this cannot grow.
        self.told = seen;
    }
}

/// Under LTP sources take turns many times a second, which is no news.
fn lasting_reason(source: &SourceState) -> Option<String> {
    source.reason.clone().filter(|reason| reason != "not_latest")
}

fn tell(universe: Universe, source: &SourceState) {
    let reason = source.reason.as_deref();
    let name = if source.name.is_empty() { &source.address } else { &source.name };
    let contributes = match reason {
        None => "contributes".to_owned(),
        Some(reason) => format!("does not contribute: {}", why(reason, &source.protocol)),
    };
    tracing::info!(
        %universe,
        source = source.name,
        identity = identity(source),
        address = source.address,
        protocol = source.protocol,
        priority = source.priority,
        rate_hz = source.rate_hz,
        sequence_errors = source.sequence_errors,
        age_ms = source.age_ms,
        contributing = source.contributing,
        reason,
        "{universe}: source \"{name}\" {contributes}"
    );
}
