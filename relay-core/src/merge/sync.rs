//! Who gives the beat: sACN synchronization addresses, and the Art-Net controllers behind ArtSync.
//!
//! Only the state of the beat is kept here. Held levels stay with their source.
//!
//! Clauses: E1.31 §6.2.4, §6.2.6 (Force_Synchronization), §6.3, §11; Art-Net 4 "ArtSync".

use std::net::IpAddr;
use std::time::Duration;

use super::source::SourceName;
use crate::limits::{CONTROLLERS_MAX, SYNC_ADDRESSES_MAX};
use crate::time::Time;
use crate::wire::sacn::Cid;

/// Synchronization is lost after this time without a synchronization packet
/// (E131_NETWORK_DATA_LOSS_TIMEOUT, E1.31 §11.1.2).
pub const SYNC_LOSS: Duration = Duration::from_millis(2500);

/// An Art-Net port goes back to non-synchronous operation after this time without ArtSync.
pub const ARTSYNC_LOSS: Duration = Duration::from_secs(4);

/// Sources of synchronization packets told apart per address, for their sequence numbers.
const BEATERS: usize = 4;

/// The beat of one synchronization address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// No synchronization packet yet: data is unsynchronised (E1.31 §11.1.1).
    Never,
    /// Synchronised; the last packet came then.
    Synced(Time),
    /// Synchronization was there and is lost.
    Lost,
}

/// What a synchronization packet came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Struck {
    /// The beat goes on.
    Beat { index: u8, first: bool },
    /// Late or twice, by sequence number.
    OutOfSequence,
    /// No room for one more address.
    NoRoom,
}

/// Synchronization addresses in use, and those heard of.
#[derive(Debug)]
pub(super) struct SyncAddresses {
    /// 0 = free.
    addresses: [u16; SYNC_ADDRESSES_MAX],
    states: [AddressState; SYNC_ADDRESSES_MAX],
    /// Changes whenever the set of addresses in use does.
    generation: u64,
    /// One address was left out; told once per episode.
    limit_told: bool,
}

#[derive(Clone, Copy, Debug)]
struct AddressState {
    beat: Beat,
    /// Sources whose last packet named this address.
    users: u32,
    beaters: [Option<Beater>; BEATERS],
}

/// A source of synchronization packets.
#[derive(Clone, Copy, Debug)]
struct Beater {
    cid: Cid,
    number: u8,
    last: Time,
}

impl SyncAddresses {
    pub(super) const fn new() -> Self {
        let state = AddressState { beat: Beat::Never, users: 0, beaters: [None; BEATERS] };
        Self {
            addresses: [0; SYNC_ADDRESSES_MAX],
            states: [state; SYNC_ADDRESSES_MAX],
            generation: 0,
            limit_told: false,
        }
    }

    /// The address at `index`; 0 if there is none.
    pub(super) fn address(&self, index: u8) -> u16 {
        self.addresses.get(usize::from(index)).copied().unwrap_or(0)
    }

    /// One more source names `address`. `None` if there is no room; the flag says whether to tell.
    pub(super) fn join(&mut self, address: u16) -> Result<u8, bool> {
        let Some(index) = self.find_or_add(address) else {
            return Err(!std::mem::replace(&mut self.limit_told, true));
        };
        let state = &mut self.states[usize::from(index)];
        state.users += 1;
        if state.users == 1 {
            self.generation += 1;
        }
        Ok(index)
    }

    /// One source less names the address. An address that nobody names is forgotten when its beat
    /// is lost, at once if it never had one.
    pub(super) fn leave(&mut self, index: u8) {
        let state = &mut self.states[usize::from(index)];
        state.users -= 1;
        if state.users == 0 {
            self.generation += 1;
            self.limit_told = false;
            if !matches!(state.beat, Beat::Synced(_)) {
                self.forget(usize::from(index));
            }
        }
    }

    /// Whether any source names the address.
    pub(super) fn is_used(&self, index: u8) -> bool {
        self.states[usize::from(index)].users > 0
    }

    pub(super) fn beat(&self, index: u8) -> Beat {
        self.states[usize::from(index)].beat
    }

    /// A synchronization packet (E1.31 §6.3).
    pub(super) fn strike(&mut self, now: Time, address: u16, cid: Cid, number: u8) -> Struck {
        let Some(index) = self.find_or_add(address) else { return Struck::NoRoom };
        let state = &mut self.states[usize::from(index)];
        if !state.in_sequence(now, cid, number) {
            return Struck::OutOfSequence;
        }
        let first = !matches!(state.beat, Beat::Synced(_));
        state.beat = Beat::Synced(now);
        Struck::Beat { index, first }
    }

    /// The address whose beat is lost at `now`; to be asked until there is none. The beat that ended
    /// first comes first, then the lower address: what LTP shows after several are lost at once
    /// depends on nothing else.
    pub(super) fn next_lost(&self, now: Time) -> Option<u8> {
        let beats = self.states.iter().enumerate().filter_map(|(index, state)| match state.beat {
            Beat::Synced(last) if now >= last + SYNC_LOSS => Some((last, index)),
            _ => None,
        });
        let first = beats.min_by_key(|&(last, index)| (last, self.addresses[index]));
        first.map(|(_, index)| index as u8)
    }

    /// The beat of `index` is lost.
    pub(super) fn lose(&mut self, index: u8) {
        let state = &mut self.states[usize::from(index)];
        state.beat = Beat::Lost;
        if state.users == 0 {
            self.forget(usize::from(index));
        }
    }

    /// The address whose beat `cid` gave and no longer gives: it has sent Stream_Terminated on it
    /// (E1.31 §6.2.6: ends a stream or universe synchronization). Others that give it too keep it,
    /// from their own last packet on; [`deadline`](Self::deadline) may be earlier then.
    pub(super) fn terminated(&mut self, now: Time, address: u16, cid: Cid) -> Option<u8> {
        let index = self.addresses.iter().position(|&a| a == address)?;
        let state = &mut self.states[index];
        let gone = state.beaters.iter_mut().find(|b| b.is_some_and(|b| b.cid == cid))?;
        *gone = None;
        if !matches!(state.beat, Beat::Synced(_)) {
            return None;
        }
        let others = state.beaters.iter().flatten().map(|beater| beater.last);
        match others.filter(|&last| now < last + SYNC_LOSS).max() {
            Some(last) => {
                state.beat = Beat::Synced(last);
                None
            }
            None => Some(index as u8),
        }
    }

    /// When the next beat is lost.
    pub(super) fn deadline(&self) -> Option<Time> {
        let beats = self.states.iter().filter_map(|state| match state.beat {
            Beat::Synced(last) => Some(last + SYNC_LOSS),
            _ => None,
        });
        beats.min()
    }

    /// The addresses that sources name; their universes are to be joined.
    pub(super) fn in_use(&self) -> impl Iterator<Item = u16> + '_ {
        let states = self.addresses.iter().zip(&self.states);
        states.filter(|(_, state)| state.users > 0).map(|(&address, _)| address)
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// The index of `address`; a new one takes a free entry or that of the address that nobody
    /// names and whose beat is oldest.
    fn find_or_add(&mut self, address: u16) -> Option<u8> {
        if let Some(index) = self.addresses.iter().position(|&a| a == address) {
            return Some(index as u8);
        }
        let index = match self.addresses.iter().position(|&a| a == 0) {
            Some(free) => free,
            None => self.oldest_unused()?,
        };
        self.forget(index);
        self.addresses[index] = address;
        Some(index as u8)
    }

    fn oldest_unused(&self) -> Option<usize> {
        let unused = (0..self.states.len()).filter(|&i| self.states[i].users == 0);
        unused.min_by_key(|&i| match self.states[i].beat {
            Beat::Synced(last) => last,
            _ => Time::ZERO,
        })
    }

    fn forget(&mut self, index: usize) {
        self.addresses[index] = 0;
        self.states[index] = AddressState { beat: Beat::Never, users: 0, beaters: [None; BEATERS] };
    }
}

impl AddressState {
    /// The rule of data packets (E1.31 §6.7.2), per source of the packets.
    fn in_sequence(&mut self, now: Time, cid: Cid, number: u8) -> bool {
        let known = self.beaters.iter_mut().flatten().find(|beater| beater.cid == cid);
        if let Some(beater) = known {
            let step = number.wrapping_sub(beater.number).cast_signed();
            if (-19..=0).contains(&step) && now < beater.last + SYNC_LOSS {
                return false;
            }
            *beater = Beater { cid, number, last: now };
            return true;
        }
        let oldest = self.beaters.iter_mut().min_by_key(|beater| beater.map(|b| b.last));
        if let Some(place) = oldest {
            *place = Some(Beater { cid, number, last: now });
        }
        true
    }
}

/// Art-Net controllers: addresses that send ArtDmx to patched port-addresses.
#[derive(Debug)]
pub(super) struct Controllers {
    list: [Controller; CONTROLLERS_MAX],
}

#[derive(Clone, Copy, Debug)]
struct Controller {
    /// `None` = free.
    ip: Option<IpAddr>,
    /// Live sources with this address.
    users: u32,
    synced: bool,
    name: SourceName,
}

impl Controllers {
    pub(super) const fn new() -> Self {
        let free = Controller { ip: None, users: 0, synced: false, name: SourceName::EMPTY };
        Self { list: [free; CONTROLLERS_MAX] }
    }

    /// One more live source at `ip`; `None` if there is no room.
    pub(super) fn join(&mut self, ip: IpAddr) -> Option<u8> {
        let known = self.list.iter().position(|c| c.ip == Some(ip));
        let index = known.or_else(|| self.list.iter().position(|c| c.ip.is_none()))?;
        let controller = &mut self.list[index];
        controller.ip = Some(ip);
        controller.users += 1;
        Some(index as u8)
    }

    pub(super) fn leave(&mut self, index: u8) {
        let controller = &mut self.list[usize::from(index)];
        controller.users -= 1;
        if controller.users == 0 {
            *controller = Controller { ip: None, users: 0, synced: false, name: SourceName::EMPTY };
        }
    }

    pub(super) fn find(&self, ip: IpAddr) -> Option<u8> {
        self.list.iter().position(|c| c.ip == Some(ip)).map(|index| index as u8)
    }

    pub(super) fn ip(&self, index: u8) -> Option<IpAddr> {
        self.list.get(usize::from(index)).and_then(|controller| controller.ip)
    }

    /// Sets whether ArtSync comes from this controller; returns whether that is new.
    pub(super) fn set_synced(&mut self, index: u8, synced: bool) -> bool {
        let controller = &mut self.list[usize::from(index)];
        std::mem::replace(&mut controller.synced, synced) != synced
    }

    pub(super) fn set_name(&mut self, index: u8, name: SourceName) {
        self.list[usize::from(index)].name = name;
    }

    pub(super) fn name(&self, index: u8) -> SourceName {
        self.list.get(usize::from(index)).map_or(SourceName::EMPTY, |c| c.name)
    }
}
