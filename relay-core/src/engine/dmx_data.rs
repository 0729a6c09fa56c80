//! Packets as the merge takes them, which knows none.

use std::net::SocketAddr;

use crate::merge::{DmxData, Slots, SourceId, SyncRequest};
use crate::wire::{artnet, sacn};

/// Universe priority that stands for Art-Net, which has none: sACN's default (E1.31 §6.2.3).
const ARTNET_PRIORITY: u8 = 100;

/// What an sACN data packet says; `None` if its slots are neither levels nor per-address
/// priorities.
#[inline]
pub(crate) fn of_sacn<'a>(source: SocketAddr, data: &sacn::Data<'a>) -> Option<DmxData<'a>> {
    let slots = match data.start_code() {
        sacn::START_CODE_LEVELS => Slots::Levels(data.slots()),
        sacn::START_CODE_PER_ADDRESS_PRIORITY => Slots::Priorities(data.slots()),
        // Of a farewell no value is heeded, so neither is the START code (E1.31 §6.2.6).
        _ if data.terminated() => Slots::Levels(&[]),
        _ => return None,
    };
    let (address, force) = (data.sync_address(), data.force_synchronization());
    Some(DmxData {
        source: SourceId::Sacn(data.cid()),
        address: source,
        name: data.source_name().bytes(),
        priority: data.priority(),
        sequence: Some(data.sequence()),
        slots,
        preview: data.preview(),
        terminated: data.terminated(),
        sync: (address != 0).then_some(SyncRequest { address, force }),
    })
}

/// What an ArtDmx packet says.
#[inline]
pub(crate) fn of_artnet<'a>(source: SocketAddr, dmx: &artnet::Dmx<'a>) -> DmxData<'a> {
    DmxData {
        source: SourceId::ArtNet { ip: source.ip().to_canonical(), physical: dmx.physical() },
        address: source,
        name: &[],
        priority: ARTNET_PRIORITY,
        sequence: Some(dmx.sequence()).filter(|&number| number != 0),
        slots: Slots::Levels(dmx.slots()),
        preview: false,
        terminated: false,
        sync: None,
    }
}
