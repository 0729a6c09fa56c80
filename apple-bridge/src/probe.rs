//! Whether the system lets local traffic through.
//!
//! Apple systems block local traffic of apps without permission, and mostly in silence: a send
//! succeeds and nothing leaves. So the only test is to send something and to hear it.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::error::contained;

/// Group of sACN universe 63999, the last one, which consoles do not use (E1.31 §9.3.1).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 249, 255);

/// Times that a datagram is sent.
const SENDS: u32 = 3;

/// Longest wait.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ProbeVerdict {
    /// What was sent was heard.
    Heard,
    /// The sends succeeded, nothing was heard: blocked without a word.
    Silent,
    /// The system refused to join or to send.
    Refused,
    /// The address is not of an interface that runs, or the probe could not be made.
    NoNetwork,
}

/// A probe and what the system said.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Probe {
    /// What came of it.
    pub verdict: ProbeVerdict,
    /// The system's error number, if it gave one. 65 on Apple systems (no route to host): Local
    /// Network permission is missing.
    pub errno: Option<i32>,
    /// In plain words.
    pub detail: String,
}

/// Sends a datagram to a multicast group of our own through the interface that has `address`, and
/// listens for it, for `wait_ms` (at most 5000). Blocks that long.
#[uniffi::export]
pub fn probe_multicast(address: String, wait_ms: u32) -> Probe {
    let probe = contained(|| {
        let Ok(address) = address.parse() else {
            let detail = format!("`{address}` is not an IPv4 address");
            return Ok(Probe { verdict: ProbeVerdict::NoNetwork, errno: None, detail });
        };
        let wait = Duration::from_millis(u64::from(wait_ms)).min(WAIT_MAX);
        Ok(probe(address, wait).unwrap_or_else(|error| refused(&error)))
    });
    probe.unwrap_or_else(|error| Probe {
        verdict: ProbeVerdict::NoNetwork,
        errno: None,
        detail: error.to_string(),
    })
}

fn probe(address: Ipv4Addr, wait: Duration) -> io::Result<Probe> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into())?;
    socket.join_multicast_v4(&GROUP, &address)?;
    socket.set_multicast_if_v4(&address)?;
    socket.set_multicast_loop_v4(true)?;
    let socket = std::net::UdpSocket::from(socket);
    let port = socket.local_addr()?.port();
    let mark = format!("wristcast probe {port} {}", crate::continuous_ms());
    let turn = (wait / SENDS).max(Duration::from_millis(1));
    let mut heard = [0; 64];
    for _ in 0..SENDS {
        // The first send of a blocked program often succeeds.
        socket.send_to(mark.as_bytes(), (GROUP, port))?;
        let until = Instant::now() + turn;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            socket.set_read_timeout(Some(left))?;
            match socket.recv(&mut heard) {
                Ok(len) if &heard[..len] == mark.as_bytes() => {
                    let detail = "multicast goes out and comes in".to_owned();
                    return Ok(Probe { verdict: ProbeVerdict::Heard, errno: None, detail });
                }
                Ok(_) => {}
                Err(error) if is_timeout(&error) => break,
                Err(error) => return Err(error),
            }
        }
    }
    let detail = format!("sent {SENDS} times without an error, and nothing was heard");
    Ok(Probe { verdict: ProbeVerdict::Silent, errno: None, detail })
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn refused(error: &io::Error) -> Probe {
    let gone = matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::NetworkDown)
        || error.raw_os_error() == Some(libc::ENODEV);
    let verdict = if gone { ProbeVerdict::NoNetwork } else { ProbeVerdict::Refused };
    Probe { verdict, errno: error.raw_os_error(), detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_is_blocked_the_probe_is_heard() {
        let probe = probe_multicast("127.0.0.1".to_owned(), 5000);
        assert_eq!(probe.verdict, ProbeVerdict::Heard, "{probe:?}");
    }

    #[test]
    fn an_address_that_is_not_ours_is_no_network() {
        for address in ["203.0.113.1", "nonsense"] {
            let probe = probe_multicast(address.to_owned(), 100);
            assert_eq!(probe.verdict, ProbeVerdict::NoNetwork, "{probe:?}");
        }
    }

    #[test]
    fn what_apple_says_to_a_program_without_permission_is_a_refusal() {
        let probe = refused(&io::Error::from_raw_os_error(libc::EHOSTUNREACH));
        assert_eq!((probe.verdict, probe.errno), (ProbeVerdict::Refused, Some(libc::EHOSTUNREACH)));
    }
}
