//! The ports that a relay needs, and who else has them.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use super::echo::Echo;
use super::finding::Finding;
use super::holders::{self, Holder};
use super::self_test;
use super::wanted::Wanted;

/// Whether a port is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Free,
    /// Others have it and share it.
    Shared,
    /// Another has it for itself.
    Taken,
    /// The user may not have it.
    Forbidden,
    /// No interface has the address.
    NoSuchAddress,
    /// For another reason, in the system's words.
    Refused(String),
}

/// One port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// `sACN`, `Art-Net`, `HTTP`, `standby`.
    pub(super) what: &'static str,
    pub(super) port: u16,
    pub(super) access: Access,
    /// Who has it; `None` where the system does not tell.
    pub(super) holders: Option<Vec<Holder>>,
}

pub(super) fn collect(wanted: &Wanted, tests: &[self_test::Facts]) -> Vec<Facts> {
    let taken =
        |echo: fn(&self_test::Facts) -> &Echo| tests.iter().any(|test| *echo(test) == Echo::Taken);
    let udp = |what, port, is_taken| Facts {
        what,
        port,
        access: udp_access(port, is_taken),
        holders: holders::of_udp(port),
    };
    let mut found = vec![
        udp("sACN", wanted.sacn_port, taken(|test| &test.sacn)),
        udp("Art-Net", wanted.artnet_port, taken(|test| &test.artnet)),
    ];
    found.extend(wanted.http.filter(|listen| listen.port() > 0).map(|listen| Facts {
        what: "HTTP",
        port: listen.port(),
        access: tcp_access(listen),
        holders: holders::of_tcp(listen.port()),
    }));
    found.extend(wanted.standby.map(|listen| Facts {
        what: "standby",
        port: listen.port(),
        access: access(UdpSocket::bind(listen).map(drop)),
        holders: holders::of_udp(listen.port()),
    }));
    found
}

/// A port that nobody has is taken for a moment; one that somebody has is left alone, because a
/// socket beside a relay's would rob it of its unicast.
fn udp_access(port: u16, is_taken: bool) -> Access {
    match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)) {
        Ok(_) => Access::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_taken => Access::Taken,
        Err(error) if error.kind() == ErrorKind::AddrInUse => Access::Shared,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Access::Forbidden,
        Err(error) => Access::Refused(error.to_string()),
    }
}

fn tcp_access(listen: SocketAddr) -> Access {
    access(TcpListener::bind(listen).map(drop))
}

/// Of a port that nobody shares.
fn access(bound: io::Result<()>) -> Access {
    match bound {
        Ok(()) => Access::Free,
        Err(error) => match error.kind() {
            ErrorKind::AddrInUse => Access::Taken,
            ErrorKind::PermissionDenied => Access::Forbidden,
            ErrorKind::AddrNotAvailable => Access::NoSuchAddress,
            _ => Access::Refused(error.to_string()),
        },
    }
}

pub(super) fn judge(facts: &Facts) -> Finding {
    let Facts { what, port, access, holders } = facts;
    let (check, key) = match *what {
        "HTTP" => ("http-port", "`http.listen`"),
        "standby" => ("standby-port", "`standby.listen`"),
        _ => ("light-port", ""),
    };
    let who = match holders.as_deref() {
        Some([]) | None => "another program".to_owned(),
        Some(holders) => holders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let ours =
        holders.as_ref().is_some_and(|all| !all.is_empty() && all.iter().all(Holder::is_wristcast));
    let finding = match access {
        Access::Free => Finding::ok(check, format!("{what} port {port} is free")),
        Access::Shared | Access::Taken if ours => {
            Finding::ok(check, format!("{what} port {port}: a relay runs already: {who}"))
        }
        Access::Shared => Finding::warning(
            check,
            format!(
                "{what} port {port} is shared with {who}: both hear multicast and broadcast; unicast \
                 goes to the one that was started last"
            ),
            "close the other program, or start the relay last",
        ),
        Access::Taken if !key.is_empty() => Finding::fault(
            check,
            format!("{what} port {port} is taken by {who}"),
            format!("close it, or change {key} in the show file"),
        ),
        Access::Taken => Finding::fault(
            check,
            format!("{what} port {port} is taken by {who}, which does not share it"),
            "close it: the relay cannot start beside it",
        ),
        Access::Forbidden => Finding::fault(
            check,
            format!("this user may not have {what} port {port}"),
            "take a port above 1023, or run the relay as a service of the system",
        ),
        Access::NoSuchAddress => Finding::fault(
            check,
            format!("no interface has the address that {what} port {port} is to be on"),
            format!("{key} in the show file takes an address of this machine, or 0.0.0.0"),
        ),
        Access::Refused(words) => Finding::fault(
            check,
            format!("{what} port {port} cannot be opened: {words}"),
            "change the port in the show file",
        ),
    };
    finding.about(format!("{what} {port}"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn facts(what: &'static str, access: Access, program: &str) -> Facts {
        let holder = Holder { program: Some((program.to_owned(), 7)), user: 0 };
        let holders = if access == Access::Free { vec![] } else { vec![holder] };
        Facts { what, port: 5568, access, holders: Some(holders) }
    }

    #[test]
    fn another_lighting_program_on_the_port_is_named() {
        let found = judge(&facts("sACN", Access::Shared, "olad"));
        assert_eq!(found.verdict, Verdict::Warning);
        assert!(found.what.contains("olad (process 7)"), "{}", found.what);
        let found = judge(&facts("sACN", Access::Taken, "olad"));
        assert_eq!((found.verdict, found.check), (Verdict::Fault, "light-port"));
    }

    #[test]
    fn a_relay_that_runs_already_is_no_fault() {
        for access in [Access::Shared, Access::Taken] {
            let found = judge(&facts("HTTP", access, "wristcast"));
            assert_eq!((found.verdict, found.check), (Verdict::Ok, "http-port"));
        }
        let found = judge(&facts("standby", Access::Taken, "olad"));
        assert_eq!((found.verdict, found.check), (Verdict::Fault, "standby-port"));
        assert_eq!(judge(&facts("sACN", Access::Free, "")).verdict, Verdict::Ok);
    }

    #[test]
    fn a_holder_that_may_not_be_seen_is_told_as_such() {
        let holders = Some(vec![Holder { program: None, user: 33 }]);
        let facts = Facts { holders, ..facts("sACN", Access::Taken, "") };
        assert!(judge(&facts).what.contains("user 33"));
        let facts = Facts { holders: None, ..facts };
        assert!(judge(&facts).what.contains("another program"));
    }

    #[test]
    fn a_port_that_somebody_has_is_told_from_a_free_one() {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(udp_access(port, true), Access::Taken);
        assert_eq!(udp_access(port, false), Access::Shared);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert_eq!(tcp_access(listener.local_addr().unwrap()), Access::Taken);
        assert_eq!(tcp_access("192.0.2.77:0".parse().unwrap()), Access::NoSuchAddress);
    }
}
