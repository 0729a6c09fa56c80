//! Looks as the file writes them, and what is built from them: loss policies, the start look and
//! the end look.

use std::time::Duration;

use super::read_network::set;
use super::reader::{Table, Value};
use super::report::Report;
use super::{EndLook, Loss};
use crate::look::Look;

/// Longest hold and longest fade at loss of signal: an hour.
const LOSS_MS_MAX: u64 = 3_600_000;

const OR_LOOK: &str = " or a look: { red = 255, dimmer = 100 }";
const OR_POLICY: &str = " or a policy: { to = \"black\", after_ms = 2000, fade_ms = 3000 }";

/// `start_look`: `"black"` or a look.
pub(super) fn start_look(report: &mut Report<'_>, value: Value<'_>) -> Option<Look> {
    match value.as_table("a look") {
        Some(table) => Some(look_table(report, table)),
        None => value.choice(report, &[("black", Look::DARK)], OR_LOOK),
    }
}

/// `end_look`: `"black"`, `"hold"` or a look.
pub(super) fn end_look(report: &mut Report<'_>, value: Value<'_>) -> Option<EndLook> {
    match value.as_table("a look") {
        Some(table) => Some(EndLook::Look(look_table(report, table))),
        None => value.choice(
            report,
            &[("black", EndLook::Look(Look::DARK)), ("hold", EndLook::Hold)],
            OR_LOOK,
        ),
    }
}

/// `loss`: `"hold"`, `"black"` or a table.
pub(super) fn loss(report: &mut Report<'_>, value: Value<'_>) -> Option<Loss> {
    let black = Loss { to: Some(Look::DARK), ..Loss::HOLD };
    let Some(mut table) = value.as_table("a loss policy") else {
        return value.choice(report, &[("hold", Loss::HOLD), ("black", black)], OR_POLICY);
    };
    let mut loss = black;
    set(&mut loss.to, table.get("to"), |value| match value.as_table("a look") {
        Some(table) => Some(Some(look_table(report, table))),
        None => value.choice(report, &[("black", Some(Look::DARK))], OR_LOOK),
    });
    let millis = |report: &mut Report<'_>, value: Value<'_>| {
        value.integer(report, 0..=LOSS_MS_MAX, " ms").map(Duration::from_millis)
    };
    set(&mut loss.after, table.get("after_ms"), |value| millis(report, value));
    set(&mut loss.fade, table.get("fade_ms"), |value| millis(report, value));
    table.finish(report);
    Some(loss)
}

/// `{ red = 255, green = 120 }`: colours left out are 0, the dimmer is full.
fn look_table(report: &mut Report<'_>, mut table: Table<'_>) -> Look {
    let mut look = Look { dimmer: 255, ..Look::DARK };
    for (key, level) in [
        ("red", &mut look.red),
        ("green", &mut look.green),
        ("blue", &mut look.blue),
        ("white", &mut look.white),
        ("dimmer", &mut look.dimmer),
    ] {
        set(level, table.get(key), |value| value.integer(report, 0..=255, ""));
    }
    table.finish(report);
    look
}
