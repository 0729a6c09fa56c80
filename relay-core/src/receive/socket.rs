//! Opening the receiving sockets. Control side: nothing here runs on the relay thread.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::config::Network;

/// The places where datagrams come in. Both protocols are told apart by content, not by port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// sACN over IPv4.
    SacnV4,
    /// sACN over IPv6.
    SacnV6,
    /// Art-Net, which is IPv4 only; its replies leave from here too.
    ArtNet,
}

impl Port {
    /// Number of places.
    pub const COUNT: usize = 3;

    /// All of them, by index.
    pub const ALL: [Self; Self::COUNT] = [Self::SacnV4, Self::SacnV6, Self::ArtNet];

    /// Position in [`ALL`](Self::ALL).
    pub const fn index(self) -> usize {
        self as usize
    }

    /// As operators say it.
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::SacnV4 => "sACN",
            Self::SacnV6 => "sACN over IPv6",
            Self::ArtNet => "Art-Net",
        }
    }

    /// What the socket is bound to. Only the unspecified address gets unicast, directed and
    /// limited broadcast alike.
    pub fn address(self, network: &Network) -> SocketAddr {
        match self {
            Self::SacnV4 => (Ipv4Addr::UNSPECIFIED, network.sacn_port).into(),
            Self::SacnV6 => (Ipv6Addr::UNSPECIFIED, network.sacn_port).into(),
            Self::ArtNet => (Ipv4Addr::UNSPECIFIED, network.artnet_port).into(),
        }
    }
}

/// A bound, non-blocking socket, shared by the relay thread, which reads it, and the control side,
/// which joins groups on it and looks after it.
#[derive(Debug)]
pub struct BoundSocket {
    pub(super) io: UdpSocket,
    pub(super) state: UdpSocketState,
    /// Where it is bound.
    pub address: SocketAddr,
    /// The receive buffer the system granted, bytes, in the system's own counting (Linux says
    /// twice what it lets a program use).
    pub receive_buffer_bytes: usize,
    /// Whether the system granted less than was asked for.
    pub receive_buffer_is_short: bool,
    /// The system denies every join on this socket, in tests.
    #[cfg(test)]
    pub(crate) denies_joins: std::sync::atomic::AtomicBool,
    /// Its groups are not the system's but those of a test.
    #[cfg(test)]
    pub(crate) groups: Option<Box<dyn super::Groups>>,
}

impl BoundSocket {
    /// Binds `address` so that other lighting programs can share the port, and has `registry` wake
    /// the relay thread for it under `port`'s token.
    pub fn open(
        port: Port,
        address: SocketAddr,
        receive_buffer_bytes: usize,
        registry: &Registry,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        share_port(&socket)?;
        socket.set_broadcast(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A smaller buffer still receives, so a refusal is reported and not fatal.
        let asked = socket.set_recv_buffer_size(receive_buffer_bytes);
        own_groups_only(&socket, address, true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;

        let granted = socket.recv_buffer_size()?;
        let usable = if cfg!(target_os = "linux") { granted / 2 } else { granted };
        let mut io = UdpSocket::from_std(socket.into());
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        forget_traffic_class(&io, address);
        let address = io.local_addr()?;
        registry.register(&mut io, Token(port.index()), Interest::READABLE)?;
        Ok(Self {
            io,
            state,
            address,
            receive_buffer_bytes: granted,
            receive_buffer_is_short: asked.is_err() || usable < receive_buffer_bytes,
            #[cfg(test)]
            denies_joins: Default::default(),
            #[cfg(test)]
            groups: None,
        })
    }

    /// Whether only groups joined on this very socket arrive in it, instead of every group joined
    /// by any socket of this machine. Elsewhere than on Linux the former is always so.
    pub(super) fn set_own_groups_only(&self, own_only: bool) -> io::Result<()> {
        own_groups_only(&self.options(), self.address, own_only)
    }

    /// The socket's options.
    pub(super) fn options(&self) -> SockRef<'_> {
        SockRef::from(&self.io)
    }
}

fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    // The BSDs share a port for unicast and broadcast only with this one. On Linux it would split
    // the datagrams between the programs.
    #[cfg(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "openbsd",
        target_os = "netbsd"
    ))]
    socket.set_reuse_port(true)?;
    Ok(())
}

/// Asked for on behalf of QUIC, and written beside every datagram; nobody looks at it here. Where it
/// cannot be switched off it costs a little time.
#[cfg(target_os = "linux")]
fn forget_traffic_class(socket: &UdpSocket, address: SocketAddr) {
    let options = SockRef::from(socket);
    let _ = match address {
        SocketAddr::V4(_) => options.set_recv_tos_v4(false),
        SocketAddr::V6(_) => options.set_recv_tclass_v6(false),
    };
}

#[cfg(not(target_os = "linux"))]
fn forget_traffic_class(_: &UdpSocket, _: SocketAddr) {}

#[cfg(target_os = "linux")]
fn own_groups_only(socket: &Socket, address: SocketAddr, own_only: bool) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => socket.set_multicast_all_v4(!own_only),
        SocketAddr::V6(_) => socket.set_multicast_all_v6(!own_only),
    }
}

#[cfg(not(target_os = "linux"))]
fn own_groups_only(_: &Socket, _: SocketAddr, _: bool) -> io::Result<()> {
    Ok(())
}
