//! What the [keeper of the sockets](super::sockets) asks of the operating system. Control side.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;

use mio::Registry;

use crate::interfaces::{self, Interface};
use crate::receive::{BoundSocket, Port};

/// An operating system: the one there is, or one that a test makes misbehave.
pub(crate) trait System: Debug + Send {
    /// Every interface that has an address.
    fn interfaces(&self) -> io::Result<Vec<Interface>>;

    /// Opens what the datagrams of `port` come in at, with a receive buffer of so many bytes or
    /// what the system grants.
    fn open(
        &self,
        port: Port,
        address: SocketAddr,
        receive_buffer_bytes: usize,
    ) -> io::Result<BoundSocket>;
}

/// The one there is.
#[derive(Debug)]
pub(crate) struct Host {
    /// Wakes the relay thread for the sockets.
    pub(crate) registry: Registry,
}

impl System for Host {
    fn interfaces(&self) -> io::Result<Vec<Interface>> {
        interfaces::list()
    }

    fn open(
        &self,
        port: Port,
        address: SocketAddr,
        receive_buffer_bytes: usize,
    ) -> io::Result<BoundSocket> {
        BoundSocket::open(port, address, receive_buffer_bytes, &self.registry)
    }
}
