//! Changing single fields of packets that [`parse`](crate::wire::parse) took, for replay: all other
//! bytes stay as they were sent. A packet too short to have the field is left as it is.

use super::{Cid, STREAM_TERMINATED, field};
use crate::universe::SacnUniverse;

fn put(packet: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = packet.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// Sets who sends. For every kind of packet.
pub fn set_cid(packet: &mut [u8], cid: Cid) {
    put(packet, field::CID, &cid.0);
}

/// Sets the priority of a data packet.
pub fn set_priority(packet: &mut [u8], priority: u8) {
    put(packet, field::PRIORITY, &[priority]);
}

/// Sets the sequence number of a data packet.
pub fn set_sequence(packet: &mut [u8], sequence: u8) {
    put(packet, field::SEQUENCE, &[sequence]);
}

/// Sets the universe of a data packet.
pub fn set_universe(packet: &mut [u8], universe: SacnUniverse) {
    put(packet, field::UNIVERSE, &universe.number().to_be_bytes());
}

/// Sets which synchronization packet releases a data packet.
pub fn set_sync_address(packet: &mut [u8], universe: SacnUniverse) {
    put(packet, field::SYNC_ADDRESS, &universe.number().to_be_bytes());
}

/// Makes a data packet a farewell: sets Stream_Terminated (E1.31 §6.2.6).
pub fn set_terminated(packet: &mut [u8]) {
    if let Some(options) = packet.get_mut(field::OPTIONS) {
        *options |= STREAM_TERMINATED;
    }
}

/// Sets sequence number and synchronization address of a synchronization packet.
pub fn set_sync(packet: &mut [u8], sequence: u8, universe: SacnUniverse) {
    put(packet, field::SYNC_SEQUENCE, &[sequence]);
    put(packet, field::SYNC_SYNC_ADDRESS, &universe.number().to_be_bytes());
}
