//! Multicast memberships of one receiving socket. Control side.
//!
//! Systems limit the memberships of a socket (Linux: 20, `net.ipv4.igmp_max_memberships`), not
//! those of a program. So the receiving socket joins what it may, and the rest is joined by
//! *holders*: sockets that are never bound, receive nothing and only keep memberships. On Linux
//! the receiving socket then takes every group joined on the machine. One receiving socket, rather
//! than one per 20 universes, keeps the order between universes (a synchronisation packet follows
//! its data), costs one system call per batch, and spares the kernel a walk over every membership
//! for every packet.
//!
//! Switches forget: those that snoop forget a group that nobody reports for some minutes, and
//! nobody reports where no querier asks; those that restart have forgotten everything. So groups
//! are [joined anew](Memberships::rejoin) from time to time, which makes the system report them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Bound;
use std::sync::Arc;

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};

use super::socket::BoundSocket;

/// Where no packet comes from (RFC 5737).
#[cfg(target_os = "linux")]
const NOWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// A group on an interface.
pub type Membership = (u32, IpAddr);

/// IPv4 group of an sACN universe (E1.31-2018 §9.3.1).
pub fn sacn_group_v4(universe: u16) -> IpAddr {
    let [high, low] = universe.to_be_bytes();
    Ipv4Addr::new(239, 255, high, low).into()
}

/// IPv6 group of an sACN universe (E1.31-2018 §9.3.2): its last four bytes are 0x83, 0x00 and the
/// universe.
pub fn sacn_group_v6(universe: u16) -> IpAddr {
    Ipv6Addr::new(0xff18, 0, 0, 0, 0, 0, 0x8300, universe).into()
}

/// What is joined for one receiving socket, and where.
#[derive(Debug)]
pub struct Memberships {
    receiver: Arc<BoundSocket>,
    holders: Vec<Socket>,
    /// Which socket holds each membership: 0 the receiver, n the holder n - 1.
    joined: BTreeMap<Membership, usize>,
    /// Whether the socket of that place may not join more.
    full: Vec<bool>,
}

impl Memberships {
    /// No memberships yet.
    pub fn new(receiver: Arc<BoundSocket>) -> Self {
        Self { receiver, holders: Vec::new(), joined: BTreeMap::new(), full: vec![false] }
    }

    /// The receiving socket.
    pub fn receiver(&self) -> &Arc<BoundSocket> {
        &self.receiver
    }

    /// How many groups are joined, counting each interface.
    pub fn count(&self) -> usize {
        self.joined.len()
    }

    /// The membership that follows `last` in their order, after the last of them the first.
    pub fn following(&self, last: Option<Membership>) -> Option<Membership> {
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.joined.range((after, Bound::Unbounded)).next();
        next.or_else(|| self.joined.first_key_value()).map(|(&membership, _)| membership)
    }

    /// How many sockets keep them.
    #[cfg(test)]
    pub(super) fn sockets(&self) -> usize {
        1 + self.holders.len()
    }

    /// Leaves what is not wanted and joins what is not joined. Returns, per interface that did not
    /// let itself be joined, the first group that failed and why; such joins are tried again at
    /// the next call.
    pub fn set(&mut self, wanted: &BTreeSet<Membership>) -> Vec<(Membership, io::Error)> {
        let unwanted: Vec<_> =
            self.joined.keys().filter(|joined| !wanted.contains(joined)).copied().collect();
        for membership in unwanted {
            self.leave(membership);
        }
        let mut failed: Vec<(Membership, io::Error)> = Vec::new();
        for &membership in wanted {
            let hopeless = failed.iter().any(|((interface, _), _)| *interface == membership.0);
            if hopeless || self.joined.contains_key(&membership) {
                continue;
            }
            if let Err(error) = self.join(membership) {
                failed.push((membership, error));
            }
        }
        failed
    }

    /// Leaves everything on an interface, so that the next [`set`](Self::set) joins it afresh and
    /// the network's switches hear of it.
    pub fn leave_interface(&mut self, interface: u32) {
        let leaving: Vec<_> =
            self.joined.keys().filter(|(index, _)| *index == interface).copied().collect();
        for membership in leaving {
            self.leave(membership);
        }
    }

    /// Joins anew what is joined, so that the network's switches hear of it; `own` is an IPv4
    /// address of the interface. For some microseconds the group is not received.
    ///
    /// A second join of a group tells nobody anything, and leaving it first would be told as that.
    /// So another socket asks for the group meanwhile, from a source that there is not: the system
    /// stays a member, what changes is from whom, and the change back to "from everybody" is
    /// reported as a join (RFC 3376 §5.1). While an IGMPv2 querier is heard nothing is reported
    /// beside its queries. IPv6 has no such call in safe Rust: there the group is left and joined
    /// so fast that MLDv2 reports the join only.
    ///
    /// # Errors
    ///
    /// It could not be joined again, as when the interface is gone: it is joined no more.
    pub fn rejoin(&mut self, membership: Membership, own: Option<Ipv4Addr>) -> io::Result<()> {
        let Some(&place) = self.joined.get(&membership) else { return Ok(()) };
        // To be held until the group is joined again.
        let _elsewhere = own.map(|own| stay_a_member(membership, own));
        self.leave(membership);
        self.change(place, membership, Change::Join)?;
        self.joined.insert(membership, place);
        Ok(())
    }

    fn leave(&mut self, membership: Membership) {
        let Some(place) = self.joined.remove(&membership) else { return };
        // Fails if the interface is gone, and the membership is then gone with it.
        let _ = self.change(place, membership, Change::Leave);
        self.full[place] = false;
    }

    /// Joins on a socket with room: which one that is, is found by trying, because the limit is
    /// the system's secret.
    fn join(&mut self, membership: Membership) -> io::Result<()> {
        #[cfg(test)]
        if self.receiver.denies_joins.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(io::ErrorKind::HostUnreachable.into());
        }
        let mut refused = Vec::new();
        for place in (0..self.full.len()).filter(|&place| !self.full[place]) {
            match self.change(place, membership, Change::Join) {
                Ok(()) => {
                    self.joined.insert(membership, place);
                    return Ok(());
                }
                Err(error) => refused.push((place, error)),
            }
        }
        if !cfg!(target_os = "linux") {
            // There a socket gets only what it joined itself, and may join thousands.
            return refused.pop().map_or(Ok(()), |(_, error)| Err(error));
        }
        // A fresh socket tells "no more room" from "this cannot be joined".
        let domain = if membership.1.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        self.holders.push(Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?);
        let holder = self.holders.len();
        let joined = self.change(holder, membership, Change::Join);
        if let Err(error) = joined.and_then(|()| self.receiver.set_own_groups_only(false)) {
            self.holders.pop();
            return Err(error);
        }
        for (place, _) in refused {
            self.full[place] = true;
        }
        self.full.push(false);
        self.joined.insert(membership, holder);
        Ok(())
    }

    fn change(&self, place: usize, membership: Membership, change: Change) -> io::Result<()> {
        #[cfg(test)]
        if let Some(groups) = &self.receiver.groups {
            return groups.change(place, membership, change == Change::Join);
        }
        change_on(&self.socket(place), membership, change)
    }

    fn socket(&self, place: usize) -> SockRef<'_> {
        match place.checked_sub(1) {
            None => self.receiver.options(),
            Some(holder) => SockRef::from(&self.holders[holder]),
        }
    }
}

/// A socket that asks for the group from [`NOWHERE`], where the system can. Without it the group
/// is left for real, which does less well and does.
#[cfg(target_os = "linux")]
fn stay_a_member((_, group): Membership, own: Ipv4Addr) -> io::Result<Socket> {
    let IpAddr::V4(group) = group else { return Err(io::ErrorKind::Unsupported.into()) };
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.join_ssm_v4(&NOWHERE, &group, &own)?;
    Ok(socket)
}

#[cfg(not(target_os = "linux"))]
fn stay_a_member(_: Membership, _: Ipv4Addr) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Join,
    Leave,
}

/// The groups of a receiving socket and its holders, in tests.
#[cfg(test)]
pub(crate) trait Groups: std::fmt::Debug + Send + Sync {
    /// The socket of that place joins a group, or leaves it.
    fn change(&self, place: usize, membership: Membership, joins: bool) -> io::Result<()>;
}

fn change_on(socket: &Socket, (interface, group): Membership, change: Change) -> io::Result<()> {
    let at = InterfaceIndexOrAddress::Index(interface);
    let result = match (group, change) {
        (IpAddr::V4(group), Change::Join) => socket.join_multicast_v4_n(&group, &at),
        (IpAddr::V4(group), Change::Leave) => socket.leave_multicast_v4_n(&group, &at),
        (IpAddr::V6(group), Change::Join) => socket.join_multicast_v6(&group, interface),
        (IpAddr::V6(group), Change::Leave) => socket.leave_multicast_v6(&group, interface),
    };
    match result {
        // Joined already is what was wanted.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && change == Change::Join => Ok(()),
        other => other,
    }
}
