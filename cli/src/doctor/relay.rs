//! What a relay of this show that runs here has found out: only it hears the consoles' unicast, and
//! for long enough. How evenly levels come (AWDL), a system that delivers in rations, joins and
//! sends that are denied.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use wristcast_core::snapshot::{ArrivalState, Status};

use super::finding::Finding;
use super::wanted::Wanted;
use crate::relay_api::Api;

/// What it says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) arrivals: ArrivalState,
    /// Faults standing now, in plain words with what to do.
    pub(super) faults: Vec<String>,
}

/// `None` if no relay answers where the show's API is to be.
pub(super) fn collect(wanted: &Wanted) -> Option<Facts> {
    let listen = wanted.http.filter(|listen| listen.port() > 0)?;
    let api = Api::at(&reached_at(listen).to_string()).ok()?;
    let Status { arrivals, faults, .. } = api.get("status").ok()?;
    Some(Facts { arrivals, faults })
}

/// Where this machine reaches what listens there.
fn reached_at(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found = vec![judge_arrivals(&facts.arrivals)];
    if !facts.faults.is_empty() {
        found.push(Finding::warning(
            "relay-faults",
            format!("the relay that runs says: {}", facts.faults.join("; ")),
            "do what it says; `wristcast monitor` shows when it is over",
        ));
    }
    found
}

fn judge_arrivals(arrivals: &ArrivalState) -> Finding {
    let figures = match (arrivals.usual_gap_ms, arrivals.longest_gap_ms) {
        (Some(usual), Some(longest)) => {
            format!("longest gaps of {usual:.0} ms as a rule, of {longest:.0} ms at most")
        }
        _ => {
            let words = "the relay that runs has heard too little yet to say how evenly levels come: \
                         it takes some 20 s of a console at its usual rate";
            return Finding::ok("arrivals", words);
        }
    };
    match arrivals.stalls_every_ms {
        None => Finding::ok("arrivals", format!("the relay that runs hears levels with {figures}")),
        Some(every) => Finding::warning(
            "arrivals",
            format!(
                "the relay that runs hears levels stall every {:.2} s, with {figures}: so does Wi-Fi \
                 while AirDrop, AirPlay, Sidecar or Universal Control are on (AWDL)",
                every / 1000.0
            ),
            "take a cable; or switch those off, or put the access point on 5 GHz channel 149 (44 in \
             some countries)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn even() -> ArrivalState {
        ArrivalState { usual_gap_ms: Some(23.0), longest_gap_ms: Some(31.0), stalls_every_ms: None }
    }

    #[test]
    fn levels_that_come_evenly_are_in_order_and_so_is_a_relay_that_has_heard_little() {
        for arrivals in [even(), ArrivalState::default()] {
            let found = judge(&Facts { arrivals, faults: vec![] });
            assert_eq!((found.len(), found[0].verdict), (1, Verdict::Ok), "{found:?}");
        }
    }

    #[test]
    fn stalls_once_a_second_are_told_with_the_remedy() {
        let arrivals = ArrivalState { stalls_every_ms: Some(1050.0), ..even() };
        let found = judge(&Facts { arrivals, faults: vec![] });
        assert_eq!(found[0].verdict, Verdict::Warning);
        assert!(found[0].what.contains("1.05 s") && found[0].what.contains("AWDL"), "{found:?}");
        assert!(found[0].remedy.as_ref().is_some_and(|remedy| remedy.contains("cable")));
    }

    #[test]
    fn what_the_relay_says_is_wrong_is_passed_on() {
        let ration = "after every 128 KB nothing is delivered".to_owned();
        let found = judge(&Facts { arrivals: even(), faults: vec![ration, "two".to_owned()] });
        assert_eq!((found[1].check, found[1].verdict), ("relay-faults", Verdict::Warning));
        assert!(found[1].what.ends_with("128 KB nothing is delivered; two"), "{found:?}");
    }

    #[test]
    fn an_api_on_every_address_is_reached_by_loopback() {
        for (listen, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.5:80", "10.0.0.5:80"),
        ] {
            assert_eq!(reached_at(listen.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
