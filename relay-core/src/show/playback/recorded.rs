//! Recorded datagrams with what must change changed.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::{Counts, PlaybackOptions, Target};
use crate::show::ErrorKind;
use crate::show::convert::{Remap, Renumber};
use crate::show::held::STREAMS_MAX;
use crate::universe::{PortAddress, SacnUniverse, Universe};
use crate::wire::sacn::{self, Cid, edit};
use crate::wire::{Packet, artnet, parse};

/// Makes recorded datagrams ready to be sent again. Memory: 64 bytes for each stream, 16384 of them
/// at most; the sequence numbers of further ones stay as recorded.
#[derive(Debug, Default)]
pub(super) struct Rewriter {
    sequences: BTreeMap<Stream, Sequence>,
    round: u64,
}

/// What has sequence numbers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stream {
    Data(Cid, SacnUniverse),
    Sync(Cid, SacnUniverse),
    Dmx(IpAddr, u8, PortAddress),
}

#[derive(Clone, Copy, Debug)]
struct Sequence {
    round: u64,
    /// From the recorded to the sent.
    shift: u16,
    /// Sent last.
    last: u16,
}

impl Rewriter {
    /// From now on the recording is read again: sequence numbers go on from where they are.
    pub(super) fn begin_round(&mut self) {
        self.round += 1;
    }

    /// Changes a datagram in place and says where it goes; `None` = it is left out, and counted.
    pub(super) fn rewrite(
        &mut self,
        options: &PlaybackOptions,
        renumber: &mut Renumber,
        source: SocketAddr,
        bytes: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Option<Target>, ErrorKind> {
        match parse(bytes) {
            Ok(Packet::SacnData(data)) => {
                let (cid, recorded, sequence) = (data.cid(), data.universe(), data.sequence());
                let sync_address = SacnUniverse::new(data.sync_address());
                let is_priorities = data.start_code() == sacn::START_CODE_PER_ADDRESS_PRIORITY;
                let Some(Universe::Sacn(universe)) = renumber.apply(Universe::Sacn(recorded))?
                else {
                    counts.other_universe += 1;
                    return Ok(None);
                };
                if let Some(priority) = options.priority {
                    if is_priorities {
                        counts.priorities += 1;
                        return Ok(None);
                    }
                    edit::set_priority(bytes, priority);
                }
                edit::set_cid(bytes, masked(cid, options));
                edit::set_universe(bytes, universe);
                if let Some(address) = sync_address {
                    edit::set_sync_address(bytes, sync_target(address, options));
                }
                edit::set_sequence(bytes, self.sacn(Stream::Data(cid, recorded), sequence));
                Ok(Some(Target::Universe(Universe::Sacn(universe))))
            }
            Ok(Packet::SacnSync(sync)) => {
                let address = sync_target(sync.sync_address, options);
                let stream = Stream::Sync(sync.cid, sync.sync_address);
                edit::set_cid(bytes, masked(sync.cid, options));
                edit::set_sync(bytes, self.sacn(stream, sync.sequence), address);
                Ok(Some(Target::Universe(Universe::Sacn(address))))
            }
            Ok(Packet::ArtDmx(dmx)) => {
                let (recorded, sequence) = (dmx.port_address(), dmx.sequence());
                let stream = Stream::Dmx(source.ip(), dmx.physical(), recorded);
                let Some(Universe::ArtNet(address)) = renumber.apply(Universe::ArtNet(recorded))?
                else {
                    counts.other_universe += 1;
                    return Ok(None);
                };
                artnet::edit_dmx(bytes, address, self.artnet(stream, sequence));
                Ok(Some(Target::Universe(Universe::ArtNet(address))))
            }
            Ok(Packet::ArtSync) => Ok(Some(Target::ArtNet)),
            Ok(Packet::SacnDiscovery(discovery)) if options.remap == Remap::default() => {
                let cid = masked(discovery.cid(), options);
                edit::set_cid(bytes, cid);
                Ok(Some(Target::Sacn))
            }
            _ if options.everything => {
                let is_artnet = bytes.starts_with(b"Art-Net\0");
                Ok(Some(if is_artnet { Target::ArtNet } else { Target::Sacn }))
            }
            _ => {
                counts.not_levels += 1;
                Ok(None)
            }
        }
    }

    fn sacn(&mut self, stream: Stream, recorded: u8) -> u8 {
        self.shifted(stream, u16::from(recorded), 256) as u8
    }

    /// 1 to 255 come round; 0 says that there are none (ArtDmx, Sequence).
    fn artnet(&mut self, stream: Stream, recorded: u8) -> u8 {
        match recorded.checked_sub(1) {
            None => 0,
            Some(recorded) => self.shifted(stream, u16::from(recorded), 255) as u8 + 1,
        }
    }

    /// The sequence number sent for a recorded one, both counted from 0 to `modulus` - 1. Within a
    /// round what was missing or out of order stays so; the first of a round follows the last of
    /// the one before.
    fn shifted(&mut self, stream: Stream, recorded: u16, modulus: u16) -> u16 {
        let round = self.round;
        if self.sequences.len() >= STREAMS_MAX && !self.sequences.contains_key(&stream) {
            return recorded;
        }
        let new = Sequence { round, shift: 0, last: recorded };
        let known = self.sequences.entry(stream).or_insert(new);
        if known.round != round {
            known.round = round;
            known.shift = (known.last + 1 + modulus - recorded) % modulus;
        }
        known.last = (recorded + known.shift) % modulus;
        known.last
    }
}

fn masked(cid: Cid, options: &PlaybackOptions) -> Cid {
    Cid(std::array::from_fn(|index| cid.0[index] ^ options.cid_mask[index]))
}

/// A synchronization address becomes another only if it is named: it need not be a universe.
fn sync_target(address: SacnUniverse, options: &PlaybackOptions) -> SacnUniverse {
    let mapped = options.remap.map.iter().find(|(from, _)| *from == Universe::Sacn(address));
    match mapped {
        Some((_, Universe::Sacn(to))) => *to,
        _ => address,
    }
}
