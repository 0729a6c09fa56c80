//! `[safety]`.

use super::read_network::set;
use super::reader::Table;
use super::report::Report;
use super::{Safety, StrobeMode};

/// Most flashes a second that a show may call slow enough; what is faster than this is any strobe.
const FLASHES_MAX: u8 = 10;

/// Reads `[safety]`.
pub(super) fn safety(report: &mut Report<'_>, mut table: Table<'_>) -> Safety {
    let mut safety = Safety::default();
    set(&mut safety.strobe, table.get("strobe"), |value| {
        let modes = [StrobeMode::Off, StrobeMode::Warn, StrobeMode::Limit];
        value.choice(report, &modes.map(|mode| (mode.word(), mode)), "")
    });
    set(&mut safety.flashes_per_second, table.get("flashes_per_second"), |value| {
        value.integer(report, 1..=FLASHES_MAX, " a second")
    });
    set(&mut safety.red_flashes_per_second, table.get("red_flashes_per_second"), |value| {
        value.integer(report, 1..=FLASHES_MAX, " a second")
    });
    set(&mut safety.flashing_share, table.get("flashing_share"), |value| {
        value.number(report, 0.0..=1.0, " (a share of 1)")
    });
    table.finish(report);
    safety
}
