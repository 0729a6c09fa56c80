//! Networks of the harness's own: loopback and a pair of cables between two namespaces, where no
//! other program's packets are and every port is free.

use std::io;
use std::net::SocketAddr;
use std::process::Command;

/// Where the load and the receivers live.
pub(super) struct Networks {
    /// Names of the load's and the receivers' namespaces; none without root.
    names: Option<[String; 2]>,
}

/// A way from the load to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Loopback,
    /// A veth pair between two namespaces.
    Veth,
}

impl Way {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Veth => "veth",
        }
    }
}

impl Networks {
    /// Makes them, if that is allowed.
    pub(super) fn new() -> io::Result<Self> {
        let names = ["load", "recv"].map(|side| format!("wc-{side}-{}", std::process::id()));
        if ip(&["netns", "add", &names[0]]).is_err() {
            return Ok(Self { names: None });
        }
        let [load, recv] = &names;
        let networks = Self { names: Some(names.clone()) };
        ip(&["netns", "add", recv])?;
        let pair = ["netns", load, "type", "veth", "peer", "name", "load", "netns", recv];
        ip(&[&["link", "add", "recv"], pair.as_slice()].concat())?;
        for (name, device, address) in
            [(load, "recv", "10.78.0.1/24"), (recv, "load", "10.78.0.2/24")]
        {
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "addr", "add", address, "dev", device])?;
            ip(&["-n", name, "link", "set", device, "up"])?;
        }
        Ok(networks)
    }

    /// The ways there are.
    pub(super) fn ways(&self) -> &'static [Way] {
        if self.names.is_some() { &[Way::Loopback, Way::Veth] } else { &[Way::Loopback] }
    }

    /// What stands before the command of a receiver, and before that of a load.
    pub(super) fn wraps(&self, way: Way) -> [Vec<String>; 2] {
        let Some([load, recv]) = &self.names else { return [vec![], vec![]] };
        let inside = |name: &str| ["ip", "netns", "exec", name].map(str::to_owned).to_vec();
        [inside(recv), inside(if way == Way::Veth { load } else { recv })]
    }

    /// A receiver's address, with a port that nobody has.
    pub(super) fn address(&self, way: Way, port: u16) -> io::Result<SocketAddr> {
        let address = match way {
            Way::Loopback => [127, 0, 0, 1],
            Way::Veth => [10, 78, 0, 2],
        };
        if self.names.is_some() {
            return Ok((address, port).into());
        }
        std::net::UdpSocket::bind((std::net::Ipv4Addr::from(address), 0))?.local_addr()
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for name in self.names.iter().flatten() {
            let _ = ip(&["netns", "del", name]);
        }
    }
}

fn ip(words: &[&str]) -> io::Result<()> {
    let out = Command::new("ip").args(words).output()?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    Err(io::Error::other(format!("ip {}: {said}", words.join(" "))))
}
