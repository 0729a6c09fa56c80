//! The names that the relay goes by. A browser says in every request what name it followed; a page of
//! another site that has its own name suddenly mean the relay's address (DNS rebinding) may read
//! nothing, because that is no name of ours.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::routes::{Api, failure};

/// Names, in small letters, beside addresses and `localhost`.
#[derive(Clone, Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// The machine's own names and those of the show file.
    pub(super) fn new(configured: &[String]) -> Self {
        let machine = gethostname::gethostname().to_string_lossy().to_ascii_lowercase();
        let mut names = configured.to_vec();
        names.extend(of_machine(&machine));
        Self(names)
    }

    /// Whether a request with these headers was meant for this relay. Who names no host is a program:
    /// browsers always do.
    fn allow(&self, headers: &HeaderMap) -> Result<(), String> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let Some(host) = hosts.next() else { return Ok(()) };
        let text = host.to_str().unwrap_or_default();
        match hosts.next().is_none() && self.knows(text) {
            true => Ok(()),
            false => Err(text.chars().take(100).collect()),
        }
    }

    /// A name or an address, with or without a port.
    fn knows(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        if name.parse::<std::net::Ipv4Addr>().is_ok() {
            return true;
        }
        if let Some(name) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            // An address of one link names its interface, too.
            let address = name.split('%').next().unwrap_or_default();
            return address.parse::<std::net::Ipv6Addr>().is_ok();
        }
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        name == "localhost" || self.0.contains(&name)
    }
}

/// The names of a machine: as it calls itself, without its domain, and as neighbours find it.
fn of_machine(name: &str) -> Vec<String> {
    let first = name.split('.').next().unwrap_or_default();
    if first.is_empty() {
        return Vec::new();
    }
    vec![name.to_owned(), first.to_owned(), format!("{first}.local")]
}

/// Sends those away who mean somebody else.
pub(super) async fn check(State(api): State<Api>, request: Request, next: Next) -> Response {
    match api.hosts.allow(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(host) => {
            let message = format!(
                "this relay does not go by the name `{host}`: use its address, or write the name \
                 into the show file, `[http] hosts = [\"…\"]`, and restart the relay"
            );
            // Its own names are not for a stranger's page.
            failure(StatusCode::MISDIRECTED_REQUEST, message, Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_own_names_are_known_and_no_others() {
        let mut names = vec!["relay.venue.example".to_owned()];
        names.extend(of_machine("rack-2.lighting.example"));
        let hosts = Hosts(names);
        for known in [
            "127.0.0.1",
            "10.0.0.2:8420",
            "[::1]:8420",
            "[fe80::1%25eth0]",
            "localhost:8420",
            "LocalHost",
            "relay.venue.example:443",
            "Relay.Venue.Example.",
            "rack-2:8420",
            "rack-2.local",
            "rack-2.lighting.example",
        ] {
            assert!(hosts.knows(known), "{known}");
        }
        for strange in [
            "",
            ":8420",
            "evil.example",
            "evil.example:8420",
            "10.0.0.2.evil.example",
            "10.0.0.2:8420.evil.example",
            "localhost.evil.example",
            "relay.venue.example.evil.example",
            "rack-2.evil.example",
            "[evil.example]",
            "[::1].evil.example",
            "foh@10.0.0.2",
        ] {
            assert!(!hosts.knows(strange), "{strange}");
        }
        assert!(of_machine("").is_empty());
    }

    #[test]
    fn a_request_with_two_hosts_is_for_neither() {
        let hosts = Hosts(Vec::new());
        let mut headers = HeaderMap::new();
        assert_eq!(hosts.allow(&headers), Ok(()), "a program of the simplest kind");
        headers.append(header::HOST, "127.0.0.1".parse().unwrap());
        assert_eq!(hosts.allow(&headers), Ok(()));
        headers.append(header::HOST, "evil.example".parse().unwrap());
        assert!(hosts.allow(&headers).is_err());
    }
}
