//! The classic pcap format: a file header, then packets with a header of 16 bytes each.

use std::io::Read;

use super::{Order, PACKET_MAX};
use crate::show::error::{ErrorKind, Warning};
use crate::show::link::{self, Link, Udp};
use crate::show::source::Source;
use crate::show::{Content, Context, Datagram};

/// Reads a classic capture.
pub(in crate::show) struct Classic<R> {
    source: Source<R>,
    order: Order,
    nanos_per_tick: u32,
    link: Link,
    found: Option<Udp>,
}

const FILE_HEADER: usize = 24;
const PACKET_HEADER: usize = 16;

/// What the first four bytes say: byte order and resolution of the times.
fn magic(bytes: [u8; 4]) -> Option<(Order, u32)> {
    match bytes {
        [0xD4, 0xC3, 0xB2, 0xA1] => Some((Order::Little, 1000)),
        [0xA1, 0xB2, 0xC3, 0xD4] => Some((Order::Big, 1000)),
        [0x4D, 0x3C, 0xB2, 0xA1] => Some((Order::Little, 1)),
        [0xA1, 0xB2, 0x3C, 0x4D] => Some((Order::Big, 1)),
        _ => None,
    }
}

impl<R: Read> Classic<R> {
    pub(in crate::show) fn recognises(start: [u8; 4]) -> bool {
        magic(start).is_some()
    }

    pub(in crate::show) fn new(mut source: Source<R>) -> Result<Self, ErrorKind> {
        let header = source.peek(FILE_HEADER)?;
        let start = header.first_chunk().copied().and_then(magic);
        let (Some((order, nanos_per_tick)), FILE_HEADER) = (start, header.len()) else {
            return Err(ErrorKind::Unsupported("a pcap without a whole header".to_owned()));
        };
        let major = order.u16(header, 4);
        if major != 2 {
            let (found, expected) = (u64::from(major), "2");
            return Err(ErrorKind::Field { field: "pcap major version", found, expected });
        }
        // The upper half of the field tells about checksums behind the frames.
        let link = Link::from_number(order.u32(header, 20) & 0xFFFF);
        source.take(FILE_HEADER)?;
        Ok(Self { source, order, nanos_per_tick, link, found: None })
    }

    pub(in crate::show) fn offset(&self) -> u64 {
        self.source.offset()
    }

    pub(in crate::show) fn advance(&mut self, context: &mut Context) -> Result<bool, ErrorKind> {
        loop {
            let offset = self.source.offset();
            let header = self.source.peek(PACKET_HEADER)?;
            if header.len() < PACKET_HEADER {
                if !header.is_empty() || self.source.truncated() {
                    context.warnings.note(Warning::Truncated, offset);
                }
                return Ok(false);
            }
            let seconds = self.order.u32(header, 0);
            let ticks = self.order.u32(header, 4);
            let length = self.order.u32(header, 8);
            if length > PACKET_MAX {
                return Err(ErrorKind::Field {
                    field: "captured length",
                    found: u64::from(length),
                    expected: "at most 262144",
                });
            }
            if !self.source.take(PACKET_HEADER + length as usize)? {
                context.warnings.note(Warning::Truncated, offset);
                return Ok(false);
            }
            match link::udp(self.link, &self.source.taken()[PACKET_HEADER..]) {
                Ok(udp) => {
                    let stamp = i128::from(seconds) * 1_000_000_000
                        + i128::from(ticks) * i128::from(self.nanos_per_tick);
                    let payload = &self.source.taken()[PACKET_HEADER..][udp.payload.clone()];
                    if context.admit(payload, stamp, offset) {
                        self.found = Some(udp);
                        return Ok(true);
                    }
                }
                Err(warning) => context.warnings.note(warning, offset),
            }
        }
    }

    pub(in crate::show) fn content(&self) -> Option<Content<'_>> {
        let udp = self.found.as_ref()?;
        Some(Content::Datagram(Datagram {
            source: udp.source,
            destination: udp.destination,
            interface: 0,
            bytes: self.source.taken().get(PACKET_HEADER..)?.get(udp.payload.clone())?,
        }))
    }
}
