//! `wristcast openapi`: the description of the HTTP API.

use std::io::Write;

use crate::exit::Failure;
use crate::http;

/// Print the description of the HTTP API (OpenAPI 3.1, JSON).
///
/// A running relay serves the same at /api/v1/openapi.json.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    Ok(writeln!(out, "{:#}", http::document())?)
}
