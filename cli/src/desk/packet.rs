//! The packets a desk sends. They are built by the crates `sacn` and `artnet_protocol`, not by
//! wristcast's own encoders: what `send` and `demo` put on the wire is a second opinion on what the
//! relay reads.

use std::borrow::Cow;
use std::io;

use artnet_protocol::{ArtCommand, Output, PortAddress};
use sacn::packet::{
    AcnRootLayerProtocol, DataPacketDmpLayer, DataPacketFramingLayer, E131RootLayer,
    E131RootLayerData, UniverseDiscoveryPacketFramingLayer,
    UniverseDiscoveryPacketUniverseDiscoveryLayer,
};
use uuid::Uuid;
use wristcast_core::universe::SLOTS;

/// The START code of levels (ANSI E1.11) and the levels.
pub(super) type Frame = [u8; 1 + SLOTS];

/// Universes one discovery packet holds (E1.31 §8.5).
pub(super) const UNIVERSES_PER_PAGE: usize = 512;

/// What every sACN packet of one source says of its sender.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) cid: Uuid,
    pub(super) name: String,
    pub(super) priority: u8,
}

impl Source {
    /// One E1.31 data packet.
    pub(super) fn data(
        &self,
        universe: u16,
        sequence: u8,
        stream_terminated: bool,
        frame: &Frame,
        buffer: &mut Vec<u8>,
    ) -> io::Result<()> {
        let data = E131RootLayerData::DataPacket(DataPacketFramingLayer {
            source_name: Cow::Borrowed(&self.name),
            priority: self.priority,
            synchronization_address: 0,
            sequence_number: sequence,
            preview_data: false,
            stream_terminated,
            force_synchronization: false,
            universe,
            data: DataPacketDmpLayer { property_values: Cow::Borrowed(frame) },
        });
        self.pack(data, buffer)
    }

    /// One page of the E1.31 universe discovery (§8); `universes` ascend.
    pub(super) fn discovery(
        &self,
        page: u8,
        last_page: u8,
        universes: &[u16],
        buffer: &mut Vec<u8>,
    ) -> io::Result<()> {
        let list = UniverseDiscoveryPacketUniverseDiscoveryLayer {
            page,
            last_page,
            universes: Cow::Borrowed(universes),
        };
        let data = UniverseDiscoveryPacketFramingLayer {
            source_name: Cow::Borrowed(&self.name),
            data: list,
        };
        self.pack(E131RootLayerData::UniverseDiscoveryPacket(data), buffer)
    }

    fn pack(&self, data: E131RootLayerData<'_>, buffer: &mut Vec<u8>) -> io::Result<()> {
        let packet = AcnRootLayerProtocol { pdu: E131RootLayer { cid: self.cid, data } };
        packet.pack_vec(buffer).map_err(|error| io::Error::other(error.to_string()))
    }
}

/// One ArtDmx packet; `sequence` 1..=255.
pub(super) fn artdmx(port_address: u16, sequence: u8, frame: &Frame) -> io::Result<Vec<u8>> {
    let port_address = PortAddress::try_from(port_address).map_err(io::Error::other)?;
    let levels = frame[1..].to_vec();
    let output = Output { sequence, port_address, data: levels.into(), ..Output::default() };
    ArtCommand::Output(output).write_to_buffer().map_err(io::Error::other)
}
