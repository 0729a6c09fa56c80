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

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Sacn,
    ArtNet,
    Http,
    Osc,
    Standby,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Sacn => "sACN",
            Self::ArtNet => "Art-Net",
            Self::Http => "HTTP",
            Self::Osc => "OSC",
            Self::Standby => "standby",
        }
    }

    fn check(self) -> &'static str {
        match self {
            Self::Sacn | Self::ArtNet => "light-port",
            Self::Http => "http-port",
            Self::Osc => "osc-port",
            Self::Standby => "standby-port",
        }
    }

    /// Where the show file says which, if it is not to be shared.
    fn listen(self) -> Option<&'static str> {
        match self {
            Self::Sacn | Self::ArtNet => None,
            Self::Http => Some("http.listen"),
            Self::Osc => Some("osc.listen"),
            Self::Standby => Some("standby.listen"),
        }
    }
}

/// One port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) service: Service,
    pub(super) port: u16,
    pub(super) access: Access,
    /// Who has it; `None` where the system does not tell.
    pub(super) holders: Option<Vec<Holder>>,
}

pub(super) fn collect(wanted: &Wanted, tests: &[self_test::Facts]) -> Vec<Facts> {
    let taken =
        |echo: fn(&self_test::Facts) -> &Echo| tests.iter().any(|test| *echo(test) == Echo::Taken);
    let light = |service, port, is_taken| Facts {
        service,
        port,
        access: light_access(port, is_taken),
        holders: holders::of_light(port),
    };
    let mut found = vec![
        light(Service::Sacn, wanted.sacn_port, taken(|test| &test.sacn)),
        light(Service::ArtNet, wanted.artnet_port, taken(|test| &test.artnet)),
    ];
    found.extend(wanted.http.filter(|listen| listen.port() > 0).map(|listen| Facts {
        service: Service::Http,
        port: listen.port(),
        access: access_alone(TcpListener::bind(listen)),
        holders: holders::of_tcp(listen.port()),
    }));
    let udp = |service, listen: SocketAddr| Facts {
        service,
        port: listen.port(),
        access: access_alone(UdpSocket::bind(listen)),
        holders: holders::of_udp(listen.port()),
    };
    let osc = wanted.osc.filter(|listen| listen.port() > 0);
    found.extend(osc.map(|listen| udp(Service::Osc, listen)));
    found.extend(wanted.standby.map(|listen| udp(Service::Standby, listen)));
    found
}

/// A port that nobody has is taken for a moment; one that somebody has is left alone, because a
/// socket beside a relay's would rob it of its unicast.
fn light_access(port: u16, is_taken: bool) -> Access {
    match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)) {
        Ok(_) => Access::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_taken => Access::Taken,
        Err(error) if error.kind() == ErrorKind::AddrInUse => Access::Shared,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Access::Forbidden,
        Err(error) => Access::Refused(error.to_string()),
    }
}

/// Of a port that is not shared, by the socket that was to have it.
fn access_alone<S>(socket: io::Result<S>) -> Access {
    match socket {
        Ok(_) => Access::Free,
        Err(error) => match error.kind() {
            ErrorKind::AddrInUse => Access::Taken,
            ErrorKind::PermissionDenied => Access::Forbidden,
            ErrorKind::AddrNotAvailable => Access::NoSuchAddress,
            _ => Access::Refused(error.to_string()),
        },
    }
}

pub(super) fn judge(facts: &Facts) -> Finding {
    let Facts { service, port, access, holders } = facts;
    let (what, check) = (service.name(), service.check());
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
        Access::Taken => match service.listen() {
            Some(key) => Finding::fault(
                check,
                format!("{what} port {port} is taken by {who}"),
                format!("close it, or change `{key}` in the show file"),
            ),
            None => Finding::fault(
                check,
                format!("{what} port {port} is taken by {who}, which does not share it"),
                "close it: the relay cannot start beside it",
            ),
        },
        Access::Forbidden => Finding::fault(
            check,
            format!("this user may not have {what} port {port}"),
            "take a port above 1023, or run the relay as a service of the system",
        ),
        Access::NoSuchAddress => Finding::fault(
            check,
            format!("no interface has the address that {what} port {port} is to be on"),
            format!(
                "`{}` in the show file takes an address of this machine, or 0.0.0.0",
                service.listen().unwrap_or("interfaces")
            ),
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

    fn facts(service: Service, access: Access, program: &str) -> Facts {
        let holder = Holder { program: Some((program.to_owned(), 7)), user: 0 };
        let holders = if access == Access::Free { vec![] } else { vec![holder] };
        Facts { service, port: 5568, access, holders: Some(holders) }
    }

    #[test]
    fn another_lighting_program_on_the_port_is_named() {
        let found = judge(&facts(Service::Sacn, Access::Shared, "olad"));
        assert_eq!(found.verdict, Verdict::Warning);
        assert!(found.what.contains("olad (process 7)"), "{}", found.what);
        let found = judge(&facts(Service::Sacn, Access::Taken, "olad"));
        assert_eq!((found.verdict, found.check), (Verdict::Fault, "light-port"));
    }

    #[test]
    fn a_relay_that_runs_already_is_no_fault() {
        for access in [Access::Shared, Access::Taken] {
            let found = judge(&facts(Service::Http, access, "wristcast"));
            assert_eq!((found.verdict, found.check), (Verdict::Ok, "http-port"));
        }
        let found = judge(&facts(Service::Osc, Access::Taken, "wristcast"));
        assert_eq!((found.verdict, found.check), (Verdict::Ok, "osc-port"));
        let found = judge(&facts(Service::Standby, Access::Taken, "olad"));
        assert_eq!((found.verdict, found.check), (Verdict::Fault, "standby-port"));
        assert_eq!(judge(&facts(Service::Sacn, Access::Free, "")).verdict, Verdict::Ok);
    }

    #[test]
    fn a_holder_that_may_not_be_seen_is_told_as_such() {
        let holders = Some(vec![Holder { program: None, user: 33 }]);
        let facts = Facts { holders, ..facts(Service::Sacn, Access::Taken, "") };
        assert!(judge(&facts).what.contains("user 33"));
        let facts = Facts { holders: None, ..facts };
        assert!(judge(&facts).what.contains("another program"));
    }

    #[test]
    fn a_port_that_somebody_has_is_told_from_a_free_one() {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(light_access(port, true), Access::Taken);
        assert_eq!(light_access(port, false), Access::Shared);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let again = TcpListener::bind(listener.local_addr().unwrap());
        assert_eq!(access_alone(again), Access::Taken);
        assert_eq!(access_alone(TcpListener::bind("192.0.2.77:0")), Access::NoSuchAddress);
    }

    #[test]
    fn a_port_of_osc_that_another_has_is_a_fault_that_says_where_to_change_it() {
        let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let listen = held.local_addr().unwrap();
        let wanted = Wanted { osc: Some(listen), ..Wanted::of(None, None) };
        let facts = collect(&wanted, &[]).pop().unwrap();
        let found = judge(&facts);
        assert_eq!((found.verdict, found.check), (Verdict::Fault, "osc-port"));
        assert!(found.remedy.is_some_and(|remedy| remedy.contains("osc.listen")));
        if cfg!(target_os = "linux") {
            let us = format!("(process {})", std::process::id());
            assert!(found.what.contains(&us), "{}", found.what);
        }
    }
}
