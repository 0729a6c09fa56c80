//! What becomes of every kind of packet: levels go to the merge, polls to the node, lists are noted,
//! the rest is counted.

use std::net::SocketAddr;

use super::dmx_data;
use super::{Datagram, Engine, Ignored, Note, Outcome};
use crate::artnet_node::{Action, AddressOutcome, PollOutcome, Programme};
use crate::config::MergeMode;
use crate::event::{EventKind, Programming};
use crate::merge::{DmxData, Merged, SourceId};
use crate::time::Time;
use crate::universe::Universe;
use crate::wire::{Packet, artnet, sacn};

impl Engine {
    #[inline]
    pub(super) fn sacn_data(&mut self, datagram: &Datagram<'_>, data: &sacn::Data<'_>) -> Outcome {
        let Some(dmx) = dmx_data::of_sacn(datagram.source, data) else {
            return Outcome::Ignored { why: Ignored::StartCode, changed: false };
        };
        if data.terminated() && self.is_allowed(&dmx) {
            self.sync_terminated(datagram.at, data);
        }
        self.dmx(datagram, Universe::Sacn(data.universe()), &dmx)
    }

    #[inline]
    pub(super) fn art_dmx(&mut self, datagram: &Datagram<'_>, dmx: &artnet::Dmx<'_>) -> Outcome {
        let data = dmx_data::of_artnet(datagram.source, dmx);
        self.dmx(datagram, Universe::ArtNet(dmx.port_address()), &data)
    }

    /// Whether the show listens to the source of this data.
    #[inline]
    fn is_allowed(&self, data: &DmxData<'_>) -> bool {
        let cid = match data.source {
            SourceId::Sacn(cid) => Some(cid),
            SourceId::ArtNet { .. } => None,
        };
        self.show.allow.allows(data.address.ip(), cid)
    }

    /// Merge, patch, output.
    #[inline]
    pub(super) fn dmx(
        &mut self,
        datagram: &Datagram<'_>,
        universe: Universe,
        data: &DmxData<'_>,
    ) -> Outcome {
        let index = self.show.plan.universe_index(universe);
        let Some(&u) = index.and_then(|index| self.show.ports.get(index)) else {
            return self.no_group(datagram, universe);
        };
        let allowed = self.is_allowed(data);
        let (u, events) = (u as usize, &mut self.events);
        let merged = if allowed {
            self.merge.apply(u, datagram.at, data, events)
        } else {
            self.merge.refuse(u, datagram.at, data, events)
        };
        self.finish(datagram.at, merged)
    }

    #[cold]
    pub(super) fn no_group(&mut self, datagram: &Datagram<'_>, universe: Universe) -> Outcome {
        let source = datagram.source;
        if self.not_patched.note(datagram.at, universe, source) {
            self.events.push(datagram.at, EventKind::NotPatched { universe, source });
        }
        let changed = self.patch_changed(datagram.at);
        Outcome::Ignored { why: Ignored::NotPatched, changed }
    }

    /// Patches what the merge changed and says what became of the packet.
    #[inline]
    pub(super) fn finish(&mut self, now: Time, merged: Merged) -> Outcome {
        let changed = self.patch_changed(now);
        match merged {
            Merged::Taken => Outcome::Accepted { changed },
            Merged::Held => Outcome::Held { changed },
            Merged::Dropped(why) => Outcome::Ignored { why: why.into(), changed },
        }
    }

    /// Stream_Terminated may also end the beat of a synchronization address (E1.31 §6.2.6).
    #[cold]
    pub(super) fn sync_terminated(&mut self, now: Time, data: &sacn::Data<'_>) {
        let address = data.universe().number();
        self.merge.sacn_sync_terminated(now, address, data.cid(), &mut self.events);
    }

    #[cold]
    pub(super) fn other_packet(&mut self, datagram: &Datagram<'_>, packet: &Packet<'_>) -> Outcome {
        let (now, from) = (datagram.at, datagram.source);
        let noted = |note| Outcome::Noted { note, changed: false };
        let ignored = |why| Outcome::Ignored { why, changed: false };
        let cid = match packet {
            Packet::SacnSync(sync) => Some(Some(sync.cid)),
            Packet::ArtSync | Packet::ArtAddress(_) => Some(None),
            // Without power over light.
            _ => None,
        };
        if cid.is_some_and(|cid| !self.show.allow.allows(from.ip(), cid)) {
            return ignored(Ignored::NotAllowed);
        }
        match packet {
            Packet::SacnSync(sync) => {
                let (address, number) = (sync.sync_address.number(), sync.sequence);
                let merged = self.merge.sacn_sync(now, address, sync.cid, number, &mut self.events);
                self.finish(now, merged)
            }
            Packet::SacnDiscovery(page) => {
                self.discovery.note(now, from, page);
                noted(Note::SacnDiscovery)
            }
            Packet::ArtSync => {
                let merged = self.merge.art_sync(now, from.ip().to_canonical(), &mut self.events);
                self.finish(now, merged)
            }
            Packet::ArtPoll(poll) => {
                match self.node.handle_poll(now, from, datagram.interface, poll) {
                    PollOutcome::Answered | PollOutcome::Shared => {
                        if let Some((from, own)) = self.node.elsewhere(from, datagram.interface) {
                            self.events.push(now, EventKind::PollFromElsewhere { from, own });
                        }
                        noted(Note::ArtPoll)
                    }
                    _ => ignored(Ignored::ArtPoll),
                }
            }
            Packet::ArtPollReply(reply) => {
                // Our own, sent to everybody and come back, names nobody who sends levels.
                if !self.node.is_own_reply(reply) {
                    self.merge.art_name(from.ip().to_canonical(), reply.short_name().bytes());
                }
                noted(Note::ArtPollReply)
            }
            Packet::ArtInput => match self.node.handle_input(now, from, datagram.interface) {
                PollOutcome::Answered | PollOutcome::Shared => noted(Note::ArtInput),
                _ => ignored(Ignored::ArtPoll),
            },
            Packet::ArtAddress(address) => self.art_address(datagram, address),
            Packet::ArtNzs(_) => ignored(Ignored::ArtNzs),
            Packet::ArtTimeCode(_) => ignored(Ignored::ArtTimeCode),
            Packet::ArtTrigger(_) => ignored(Ignored::ArtTrigger),
            Packet::ArtCommand(_) => ignored(Ignored::ArtCommand),
            Packet::ArtDiagData(_) => ignored(Ignored::ArtDiagData),
            Packet::ArtIpProg(_) => ignored(Ignored::ArtIpProg),
            Packet::Other(foreign) => ignored((*foreign).into()),
            // Taken by `handle_datagram`.
            Packet::SacnData(_) | Packet::ArtDmx(_) => ignored(Ignored::Foreign),
        }
    }

    pub(super) fn art_address(
        &mut self,
        datagram: &Datagram<'_>,
        address: &artnet::Address<'_>,
    ) -> Outcome {
        let (now, by) = (datagram.at, datagram.source);
        match self.node.handle_address(now, by, datagram.interface, address) {
            AddressOutcome::NotAllowed | AddressOutcome::Ignored => {
                Outcome::Ignored { why: Ignored::ArtAddress, changed: false }
            }
            AddressOutcome::Done => {
                let change = Programming::Names;
                self.events.push(now, EventKind::Programmed { by, change });
                Outcome::Noted { note: Note::ArtAddress, changed: false }
            }
            AddressOutcome::Programme(programme) => {
                let changed = self.programme(now, by, &programme);
                Outcome::Noted { note: Note::ArtAddress, changed }
            }
        }
    }

    pub(super) fn programme(&mut self, now: Time, by: SocketAddr, programme: &Programme) -> bool {
        for &port in programme.ports() {
            let universe = Universe::ArtNet(port);
            let index = self.show.plan.universe_index(universe);
            let Some(&u) = index.and_then(|index| self.show.ports.get(index)) else { continue };
            let (u, events) = (u as usize, &mut self.events);
            let change = match programme.action {
                Action::Merge(mode) => {
                    self.merge.set_mode(u, mode, now, events);
                    match mode {
                        MergeMode::Htp => Programming::MergeHtp(universe),
                        MergeMode::Ltp => Programming::MergeLtp(universe),
                    }
                }
                Action::CancelMerge => {
                    self.merge.cancel_merge(u);
                    Programming::CancelMerge(universe)
                }
                Action::Clear => {
                    self.merge.clear(u, now, events);
                    Programming::Clear(universe)
                }
            };
            self.events.push(now, EventKind::Programmed { by, change });
        }
        self.patch_changed(now)
    }
}
