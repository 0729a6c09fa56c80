//! One packet from this machine to itself: by multicast or by broadcast, on one interface.
//!
//! A socket that is bound to a group shares the port with a relay that runs, and takes none of its
//! unicast. Multicast does not leave the machine, and goes to a group that no universe has; broadcast
//! goes to a port that nobody else has.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use uuid::Uuid;

/// Groups of "universe" 65535, which there is not (E1.31-2018 §9.1.1: up to 63999).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 255);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff18, 0, 0, 0, 0, 0, 0x8300, 0xffff);

/// So often it is sent, and so long it is listened after each.
const TRIES: u32 = 3;
const WAIT: Duration = Duration::from_millis(150);

/// What came of one way from the machine to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    Heard,
    /// It was sent and did not come.
    Silent,
    /// Another program has the port for itself.
    Taken,
    /// The system refused to join the group, in its words.
    NotJoined(String),
    /// The system refused to send, in its words; and whether it said "no route to host".
    NotSent {
        words: String,
        unreachable: bool,
    },
    /// There is nothing to try, or no socket for it.
    NotTried,
}

/// Multicast over IPv4 to `port`, or a free one if it is 0; `own` is an address of the interface.
pub(super) fn multicast_v4(index: u32, own: Ipv4Addr, port: u16) -> Echo {
    let group = IpAddr::V4(GROUP);
    let receiver = match bound(SocketAddr::new(group, port)) {
        Ok(receiver) => receiver,
        Err(echo) => return echo,
    };
    let at = InterfaceIndexOrAddress::Index(index);
    if let Err(error) = receiver.join_multicast_v4_n(&GROUP, &at) {
        return Echo::NotJoined(error.to_string());
    }
    let sender = || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_multicast_if_v4(&own)?;
        socket.set_multicast_loop_v4(true)?;
        // It stays on this machine.
        socket.set_multicast_ttl_v4(0)?;
        Ok(socket)
    };
    echo(receiver, sender, group)
}

/// Likewise over IPv6.
pub(super) fn multicast_v6(index: u32, port: u16) -> Echo {
    let group = IpAddr::V6(GROUP_V6);
    let receiver = match bound(SocketAddr::new(group, port)) {
        Ok(receiver) => receiver,
        Err(echo) => return echo,
    };
    if let Err(error) = receiver.join_multicast_v6(&GROUP_V6, index) {
        return Echo::NotJoined(error.to_string());
    }
    let sender = || {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_multicast_if_v6(index)?;
        socket.set_multicast_loop_v6(true)?;
        socket.set_multicast_hops_v6(0)?;
        Ok(socket)
    };
    echo(receiver, sender, group)
}

/// Broadcast from `own` to a free port.
pub(super) fn broadcast_v4(own: Ipv4Addr, broadcast: Ipv4Addr) -> Echo {
    let receiver = match bound(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0)) {
        Ok(receiver) => receiver,
        Err(echo) => return echo,
    };
    let sender = || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_broadcast(true)?;
        socket.set_ttl_v4(1)?;
        socket.bind(&SocketAddr::new(own.into(), 0).into())?;
        Ok(socket)
    };
    echo(receiver, sender, broadcast.into())
}

/// A socket that shares its port, as the relay's do.
fn bound(address: SocketAddr) -> Result<Socket, Echo> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.port() > 0 {
            socket.set_reuse_address(true)?;
            #[cfg(all(unix, not(target_os = "linux")))]
            socket.set_reuse_port(true)?;
        }
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_broadcast(true)?;
        socket.bind(&address.into())?;
        Ok(socket)
    };
    open().map_err(|error: io::Error| match error.kind() {
        ErrorKind::AddrInUse => Echo::Taken,
        _ => Echo::NotTried,
    })
}

/// Sends to where the receiver listens until it hears.
fn echo(receiver: Socket, sender: impl Fn() -> io::Result<Socket>, to: IpAddr) -> Echo {
    let receiver = UdpSocket::from(receiver);
    let (Ok(sender), Ok(bound)) = (sender(), receiver.local_addr()) else {
        return Echo::NotTried;
    };
    let token = Uuid::new_v4();
    let text = [b"wristcast doctor ", &token.as_bytes()[..]].concat();
    for _ in 0..TRIES {
        if let Err(error) = sender.send_to(&text, &SocketAddr::new(to, bound.port()).into()) {
            let unreachable =
                matches!(error.kind(), ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable);
            return Echo::NotSent { words: error.to_string(), unreachable };
        }
        let end = Instant::now() + WAIT;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            // Zero would be for ever.
            let left = left.max(Duration::from_millis(1));
            let mut buffer = [0; 64];
            let came =
                receiver.set_read_timeout(Some(left)).and_then(|()| receiver.recv(&mut buffer));
            if came.is_ok_and(|length| buffer[..length] == text[..]) {
                return Echo::Heard;
            }
        }
    }
    Echo::Silent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_hears_itself() {
        let list = wristcast_core::interfaces::list().unwrap();
        let lo = list.iter().find(|interface| interface.is_loopback()).unwrap();
        let own = Ipv4Addr::LOCALHOST;
        assert_eq!(multicast_v4(lo.index, own, 0), Echo::Heard);
        assert_eq!(broadcast_v4(own, Ipv4Addr::new(127, 255, 255, 255)), Echo::Heard);
    }

    #[test]
    fn a_relay_that_shares_the_port_is_not_robbed_of_its_unicast() {
        let relay = bound(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0)).unwrap();
        relay.set_reuse_address(true).unwrap();
        let relay = UdpSocket::from(relay);
        let port = relay.local_addr().unwrap().port();
        let tester = bound(SocketAddr::new(GROUP.into(), port)).unwrap();
        let desk = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        desk.send_to(b"light", (Ipv4Addr::LOCALHOST, port)).unwrap();
        let mut buffer = [0; 8];
        relay.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(relay.recv(&mut buffer).unwrap(), 5);
        drop(tester);
    }
}
