//! Why a relay did not start, or a handle got no answer. Each message says what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::Network;
use crate::receive::Port;
use crate::record::RecordError;

/// Why the relay did not start; the message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program holds the port for itself.
    #[error(
        "{protocol} port {}/udp is in use by a program that does not share it; find it with \
         `ss -ulpn 'sport = :{}'` and close it, or choose another port",
        .address.port(), .address.port()
    )]
    PortInUse {
        /// `sACN` or `Art-Net`.
        protocol: &'static str,
        /// What we tried to bind.
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// The system does not let this user bind the port.
    #[error(
        "no permission to bind {protocol} port {}/udp; run as a user who may, or choose a port \
         above 1023", .address.port()
    )]
    NoPermission {
        /// `sACN` or `Art-Net`.
        protocol: &'static str,
        /// What we tried to bind.
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// A socket could not be set up for another reason.
    #[error("cannot open the {protocol} socket on {address}: {source}")]
    Socket {
        /// `sACN` or `Art-Net`.
        protocol: &'static str,
        /// What we tried to bind.
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// The trace file cannot be written.
    #[error("cannot write the trace to {}: {source}", .path.display())]
    Trace {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The recording cannot begin.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A radio of the show cannot be made.
    #[error("radio `{name}` cannot be started: {reason}")]
    Radio {
        /// Its name in the show.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A thread or its wake-up could not be made.
    #[error("cannot start the {what}: {source}")]
    System {
        /// What could not be started.
        what: &'static str,
        /// The system's words.
        source: io::Error,
    },
}

impl StartError {
    pub(super) fn from_bind(port: Port, network: &Network, source: io::Error) -> Self {
        let (protocol, address) = (port.protocol(), port.address(network));
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse { protocol, address, source },
            io::ErrorKind::PermissionDenied => Self::NoPermission { protocol, address, source },
            _ => Self::Socket { protocol, address, source },
        }
    }

    /// For `map_err`: `what` could not be started.
    pub(crate) fn system(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}

/// Why a question or a command got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// The relay was stopped.
    #[error("the relay has stopped")]
    Stopped,
    /// The relay did not answer in time; it is overloaded or suspended.
    #[error("the relay did not answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// Too many commands wait already.
    #[error("the relay is busy with earlier commands; try again")]
    Busy,
}

/// Why a changed show was refused; the running one goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The change cannot be made while running.
    #[error("{0} cannot change while the show runs; restart the relay with the new show file")]
    NeedsRestart(&'static str),
    /// A radio of the changed show cannot be made; the message says why.
    #[error("{0}")]
    Radio(String),
    /// The relay could not be told.
    #[error(transparent)]
    Handle(#[from] HandleError),
}

/// Why an order was not obeyed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The order makes no sense, or not in this show.
    #[error(transparent)]
    Request(#[from] crate::steering::RequestError),
    /// The relay thread did not obey.
    #[error(transparent)]
    Handle(#[from] HandleError),
}

/// Why an order to take or to give the bands was not obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StandbyError {
    /// The show has no second relay.
    #[error("this relay has no standby: its show file has no [standby]")]
    Off,
    /// It makes no sense now.
    #[error(transparent)]
    Refused(#[from] crate::standby::OrderRefused),
}
