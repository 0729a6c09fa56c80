//! Files built by hand, byte by byte, from the descriptions of the formats.

use etherparse::PacketBuilder;

/// A byte order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    pub(crate) fn u16(self, value: u16) -> [u8; 2] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub(crate) fn u32(self, value: u32) -> [u8; 4] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub(crate) fn u64(self, value: u64) -> [u8; 8] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }
}

/// An ArtDmx packet of two slots.
pub(crate) fn art_dmx(port_address: u8, levels: [u8; 2]) -> Vec<u8> {
    let mut bytes = b"Art-Net\0".to_vec();
    bytes.extend([0, 0x50, 0, 14, 0, 0, port_address, 0, 0, 2]);
    bytes.extend(levels);
    bytes
}

/// An Ethernet frame with an IPv4 datagram from 10.0.0.1:6454 to 10.255.255.255:6454.
pub(crate) fn ethernet(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [0xFF; 6])
        .ipv4([10, 0, 0, 1], [10, 255, 255, 255], 64)
        .udp(6454, 6454);
    let mut frame = Vec::new();
    builder.write(&mut frame, payload).expect("a frame");
    frame
}

/// A classic pcap of Ethernet frames: (seconds, ticks, frame).
pub(crate) fn pcap(
    order: Order,
    nanos: bool,
    link: u32,
    packets: &[(u32, u32, Vec<u8>)],
) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(order.u32(if nanos { 0xA1B2_3C4D } else { 0xA1B2_C3D4 }));
    file.extend(order.u16(2));
    file.extend(order.u16(4));
    file.extend([0; 8]);
    file.extend(order.u32(262_144));
    file.extend(order.u32(link));
    for (seconds, ticks, frame) in packets {
        file.extend(order.u32(*seconds));
        file.extend(order.u32(*ticks));
        file.extend(order.u32(frame.len() as u32));
        file.extend(order.u32(frame.len() as u32));
        file.extend(frame);
    }
    file
}

/// A pcapng file, block by block.
pub(crate) struct Blocks {
    pub(crate) order: Order,
    pub(crate) bytes: Vec<u8>,
}

impl Blocks {
    /// With its first section begun.
    pub(crate) fn new(order: Order) -> Self {
        let mut blocks = Self { order, bytes: Vec::new() };
        blocks.section(order);
        blocks
    }

    pub(crate) fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let length = self.order.u32((body.len().next_multiple_of(4) + 12) as u32);
        self.bytes.extend(self.order.u32(kind));
        self.bytes.extend(length);
        self.bytes.extend(body);
        self.bytes.extend(&[0; 3][..body.len().next_multiple_of(4) - body.len()]);
        self.bytes.extend(length);
        self
    }

    pub(crate) fn section(&mut self, order: Order) -> &mut Self {
        self.order = order;
        let mut body = Vec::new();
        body.extend(order.u32(0x1A2B_3C4D));
        body.extend(order.u16(1));
        body.extend(order.u16(0));
        body.extend([0xFF; 8]);
        self.block(0x0A0D_0D0A, &body)
    }

    pub(crate) fn interface(&mut self, link: u16, options: &[(u16, Vec<u8>)]) -> &mut Self {
        let mut body = Vec::new();
        body.extend(self.order.u16(link));
        body.extend([0; 6]);
        body.extend(self.options(options));
        self.block(1, &body)
    }

    pub(crate) fn packet(&mut self, interface: u32, stamp: u64, frame: &[u8]) -> &mut Self {
        self.packet_with(interface, stamp, frame, &[])
    }

    pub(crate) fn packet_with(
        &mut self,
        interface: u32,
        stamp: u64,
        frame: &[u8],
        options: &[(u16, Vec<u8>)],
    ) -> &mut Self {
        let mut body = Vec::new();
        body.extend(self.order.u32(interface));
        body.extend(self.order.u32((stamp >> 32) as u32));
        body.extend(self.order.u32(stamp as u32));
        body.extend(self.order.u32(frame.len() as u32));
        body.extend(self.order.u32(frame.len() as u32));
        body.extend(frame);
        body.extend(&[0; 3][..frame.len().next_multiple_of(4) - frame.len()]);
        body.extend(self.options(options));
        self.block(6, &body)
    }

    pub(crate) fn options(&self, options: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (code, value) in options {
            bytes.extend(self.order.u16(*code));
            bytes.extend(self.order.u16(value.len() as u16));
            bytes.extend(value);
            bytes.extend(&[0; 3][..value.len().next_multiple_of(4) - value.len()]);
        }
        if !options.is_empty() {
            bytes.extend([0; 4]);
        }
        bytes
    }
}

/// An FSEQ file of version 2, as its description has it.
#[derive(Clone, Debug)]
pub(crate) struct Fseq {
    pub(crate) packing: u8,
    pub(crate) channels: u32,
    pub(crate) frames: u32,
    pub(crate) step_ms: u8,
    /// (first frame, the bytes in the file)
    pub(crate) blocks: Vec<(u32, Vec<u8>)>,
    pub(crate) ranges: Vec<(u32, u32)>,
    pub(crate) variable: Vec<u8>,
}

impl Fseq {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let table = if self.packing == 0 { 0 } else { self.blocks.len() };
        let mut file = b"PSEQ".to_vec();
        let headers_at = 32 + table * 8 + self.ranges.len() * 6;
        let data = headers_at + self.variable.len();
        file.extend((data as u16).to_le_bytes());
        file.extend([1, 2]);
        file.extend((headers_at as u16).to_le_bytes());
        file.extend(self.channels.to_le_bytes());
        file.extend(self.frames.to_le_bytes());
        file.extend([self.step_ms, 0]);
        file.extend([self.packing | ((table >> 8) as u8) << 4, table as u8]);
        file.extend([self.ranges.len() as u8, 0]);
        file.extend([7; 8]);
        if self.packing != 0 {
            for (first, block) in &self.blocks {
                file.extend(first.to_le_bytes());
                file.extend((block.len() as u32).to_le_bytes());
            }
        }
        for (first, count) in &self.ranges {
            file.extend(&first.to_le_bytes()[..3]);
            file.extend(&count.to_le_bytes()[..3]);
        }
        file.extend(&self.variable);
        for (_, block) in &self.blocks {
            file.extend(block);
        }
        file
    }
}

/// An FSEQ file of version 1.
pub(crate) fn fseq_v1(
    channels: u32,
    frames: u32,
    step_ms: u8,
    variable: &[u8],
    data: &[u8],
) -> Vec<u8> {
    let mut file = b"PSEQ".to_vec();
    file.extend((28 + variable.len() as u16).to_le_bytes());
    file.extend([0, 1, 28, 0]);
    file.extend(channels.to_le_bytes());
    file.extend(frames.to_le_bytes());
    file.extend([step_ms, 0, 0, 0, 0, 0, 1, 2, 0, 0]);
    file.extend(variable);
    file.extend(data);
    file
}
