//! `wristcast show info --json`.

use serde_json::{Value, json};
use wristcast_core::merge::SourceId;
use wristcast_core::show::info::{Info, SourceInfo, UniverseInfo};

/// Colours of a universe's strip.
const STRIP: usize = 64;

pub(super) fn report(info: &Info, bytes: u64) -> Value {
    let kinds: serde_json::Map<String, Value> =
        info.kinds.iter().map(|(kind, count)| ((*kind).to_owned(), json!(count))).collect();
    let warnings = info.warnings.to_string();
    json!({
        "format": info.format.to_string(),
        "packed": info.packed,
        "bytes": bytes,
        "length_ns": info.length.as_nanos(),
        "epoch_ns": info.epoch_nanos,
        "records": info.records,
        "kinds": kinds,
        "peak": { "per_second": info.peak.count, "at_ns": info.peak.at.as_nanos() },
        "universes": info.universes.iter().map(universe).collect::<Vec<_>>(),
        "sources": info.sources.iter().map(source).collect::<Vec<_>>(),
        "warnings": warnings.lines().collect::<Vec<_>>(),
        "error": info.error.as_ref().map(|error| json!({
            "message": error.to_string(),
            "offset": error.offset,
            "records_before": error.records,
        })),
    })
}

fn universe(universe: &UniverseInfo) -> Value {
    let (level, slot) = universe.level;
    let (silent_from, silence) = universe.longest_gap;
    let colour = |[r, g, b]: &[u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
    json!({
        "universe": universe.universe.to_string(),
        "frames": universe.frames,
        "first_ns": universe.first.as_nanos(),
        "last_ns": universe.last.as_nanos(),
        "rate_hz": universe.rate_mhz() as f64 / 1000.0,
        "peak": { "per_second": universe.peak.count, "at_ns": universe.peak.at.as_nanos() },
        "slots": universe.slots,
        "highest": { "level": level, "slot": slot },
        "changes": universe.changes,
        "gaps": universe.gaps,
        "longest_silence": {
            "from_ns": silent_from.as_nanos(),
            "ns": u64::try_from(silence.as_nanos()).unwrap_or(u64::MAX),
        },
        "sources": universe.sources,
        "strip": universe.strip(STRIP).iter().map(colour).collect::<Vec<_>>(),
    })
}

fn source(source: &SourceInfo) -> Value {
    let (protocol, identity) = match source.id {
        SourceId::Sacn(cid) => ("sACN", cid.to_string()),
        SourceId::ArtNet { ip, physical } => ("Art-Net", format!("{ip}/{physical}")),
    };
    json!({
        "protocol": protocol,
        "identity": identity,
        "name": source.name.to_string(),
        "address": source.address.to_string(),
        "packets": source.packets,
        "universes": source.universes,
        "priorities": source.priorities.map(|(low, high)| json!({ "low": low, "high": high })),
        "missing": source.missing,
        "out_of_order": source.out_of_order,
    })
}
