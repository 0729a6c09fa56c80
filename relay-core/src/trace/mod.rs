//! The trace: one JSON line per published look, for comparison, replay and repair.
//!
//! A live relay writes it through a bounded ring and a thread of its own ([`TraceTap`], [`Tracer`]);
//! a recorded show's replay writes the same lines straight away ([`write_line`]).

mod compare;
#[cfg(feature = "io")]
mod live;

use std::io::{self, Write};

pub use compare::{TraceDifference, compare};
#[cfg(feature = "io")]
pub use live::{TraceReport, TraceTap, Tracer};
use serde::Serialize;

use crate::look::{Look, LookView};
use crate::time::Time;

/// One line of a trace.
#[derive(Serialize)]
struct Line<'a> {
    t_ns: u64,
    group: &'a str,
    #[serde(flatten)]
    look: LookView,
}

/// Writes one published look as a line of JSON.
///
/// # Errors
/// If `out` fails.
pub fn write_line(out: &mut impl Write, at: Time, group: &str, look: Look) -> io::Result<()> {
    let line = Line { t_ns: at.as_nanos(), group, look: look.into() };
    serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
    out.write_all(b"\n")
}
