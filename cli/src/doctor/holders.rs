//! Who has a port: the sockets that `/proc/net` lists, and the processes whose they are.

use std::collections::BTreeMap;

use super::system;

/// A program that has a port open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Holder {
    /// Its name and id; `None` if it is another user's, whose files only root may see.
    pub(super) program: Option<(String, u32)>,
    /// The user's id.
    pub(super) user: u32,
}

impl Holder {
    /// Whether it is a relay of ours.
    pub(super) fn is_wristcast(&self) -> bool {
        self.program.as_ref().is_some_and(|(name, _)| name == "wristcast")
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.program {
            Some((name, id)) => write!(f, "{name} (process {id})"),
            None => write!(f, "a program of user {} (run doctor as root to see which)", self.user),
        }
    }
}

/// Which sockets that have a port are meant.
#[derive(Clone, Copy, Debug)]
enum Which {
    All,
    /// Those bound to every address: one of another address does not take what is sent to all.
    OfEveryAddress,
    /// TCP's that listen.
    Listening,
}

/// The programs that have UDP `port` open for every address; `None` where the
/// system does not tell.
pub(super) fn of_light(port: u16) -> Option<Vec<Holder>> {
    of("udp", port, Which::OfEveryAddress)
}

/// The programs that have UDP `port` open on whatever address.
pub(super) fn of_udp(port: u16) -> Option<Vec<Holder>> {
    of("udp", port, Which::All)
}

/// The programs that listen on TCP `port`.
pub(super) fn of_tcp(port: u16) -> Option<Vec<Holder>> {
    of("tcp", port, Which::Listening)
}

fn of(protocol: &str, port: u16, which: Which) -> Option<Vec<Holder>> {
    let tables = [
        system::read(format!("/proc/net/{protocol}"))?,
        system::read(format!("/proc/net/{protocol}6")).unwrap_or_default(),
    ];
    Some(named(tables.iter().flat_map(|table| sockets(table, port, which)).collect()))
}

/// User and inode of the sockets of a table of `/proc/net` that have the port.
fn sockets(table: &str, port: u16, which: Which) -> Vec<(u32, u64)> {
    let socket = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (address, has) = columns.get(1)?.split_once(':')?;
        let meant = match which {
            Which::All => true,
            Which::OfEveryAddress => address.bytes().all(|digit| digit == b'0'),
            // TCP_LISTEN
            Which::Listening => columns.get(3) == Some(&"0A"),
        };
        if !meant || u16::from_str_radix(has, 16) != Ok(port) {
            return None;
        }
        Some((columns.get(7)?.parse().ok()?, columns.get(9)?.parse().ok()?))
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// Who the sockets belong to, each program once.
fn named(sockets: Vec<(u32, u64)>) -> Vec<Holder> {
    if sockets.is_empty() {
        return Vec::new();
    }
    let owners = owners(&sockets);
    let mut holders: Vec<Holder> = sockets
        .iter()
        .map(|(user, inode)| Holder { program: owners.get(inode).cloned(), user: *user })
        .collect();
    holders.sort();
    holders.dedup();
    holders
}

/// The programs that have these sockets open, by inode, as far as this user may see.
fn owners(sockets: &[(u32, u64)]) -> BTreeMap<u64, (String, u32)> {
    let mut owners = BTreeMap::new();
    for id in system::processes() {
        for file in system::names(format!("/proc/{id}/fd")) {
            let Ok(target) = std::fs::read_link(format!("/proc/{id}/fd/{file}")) else { continue };
            let target = target.to_string_lossy();
            let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            let Some(inode) = inode.and_then(|inode| inode.parse().ok()) else { continue };
            if sockets.iter().any(|(_, wanted)| *wanted == inode) {
                let name = system::read(format!("/proc/{id}/comm")).unwrap_or_default();
                owners.insert(inode, (name, id));
            }
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const UDP: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
        77: 00000000:15C0 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4711 2 0 0\n\
        78: FF02000A:1936 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0 0\n\
        79: 0100007F:15C0 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4713 2 0 0\n";

    #[test]
    fn the_sockets_of_a_port_are_found_in_the_table() {
        assert_eq!(sockets(UDP, 5568, Which::OfEveryAddress), [(1000, 4711)]);
        assert_eq!(sockets(UDP, 5568, Which::All), [(1000, 4711), (0, 4713)]);
        assert_eq!(sockets(UDP, 6454, Which::OfEveryAddress), []);
        assert_eq!(sockets(UDP, 80, Which::All), []);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_found_by_its_socket() {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let holders = of_light(socket.local_addr().unwrap().port()).unwrap();
        let ids: Vec<u32> =
            holders.iter().filter_map(|one| Some(one.program.as_ref()?.1)).collect();
        assert_eq!(ids, [std::process::id()]);
    }
}
