//! `[osc]`.

use std::net::SocketAddr;

use super::read_network::{PATH_BYTES_MAX, set};
use super::reader::Table;
use super::report::Report;
use super::{Allow, Osc};

impl Osc {
    /// Orders taken on `listen`, of whoever reaches it.
    pub fn on(listen: SocketAddr) -> Self {
        Self { listen, allow: Allow::default(), token_file: None }
    }

    /// Whether not everybody on a network may give orders: only this machine reaches it, or senders
    /// are held against a list, or they must know a token.
    pub fn is_protected(&self) -> bool {
        self.listen.ip().is_loopback()
            || self.allow != Allow::default()
            || self.token_file.is_some()
    }
}

/// Reads `[osc]`.
pub(super) fn osc(report: &mut Report<'_>, mut table: Table<'_>) -> Osc {
    let mut osc = Osc::on(SocketAddr::from(([127, 0, 0, 1], 8000)));
    let listen = table.get("listen");
    set(&mut osc.listen, listen, |value| {
        let listen = value.as_text().and_then(|text| text.parse().ok());
        if listen.is_none() {
            value.wrong_help(
                report,
                "an address and a port",
                "\"127.0.0.1:8000\" for this machine only, or the address of the interface that \
                 the controllers are on"
                    .to_owned(),
            );
        }
        listen
    });
    let allow = table.get("allow");
    set(&mut osc.allow, allow, |value| super::allow::read_addresses(report, value));
    set(&mut osc.token_file, table.get("token_file"), |value| {
        value.text(report, PATH_BYTES_MAX).map(|path| Some(path.into()))
    });
    // A list that is there and wrong was told already.
    if !osc.is_protected() && allow.is_none() {
        let span = listen.map_or(table.span.clone(), |listen| listen.span());
        let message = "whoever reaches this address could steer the show".to_owned();
        let help = "OSC knows no passwords: name the controllers in `allow`, or give them a token \
                    with `token_file`"
            .to_owned();
        report.error_help(span, message, help);
    }
    table.finish(report);
    osc
}
