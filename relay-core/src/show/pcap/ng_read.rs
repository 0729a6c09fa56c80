//! Reading pcapng: sections, interfaces with clocks of their own, packets; all else is skipped.

use std::io::Read;

use super::{Order, PACKET_MAX, array};
use crate::show::error::{ErrorKind, Warning};
use crate::show::link::{self, Link, Udp};
use crate::show::source::{PIECE_MAX, Source};
use crate::show::{Content, Context, Datagram};

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const PACKET_OBSOLETE: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;

/// Interfaces of one file, over all its sections. Reading keeps a few words for each.
const INTERFACES_MAX: usize = 4096;
/// Bytes of an interface's name that are kept.
const NAME_MAX: usize = 64;

/// Type and length before a block's body, and the length again behind it.
const HEAD: usize = 8;
const FRAME: usize = 12;

const OPTION_END: u16 = 0;
const OPTION_IF_NAME: u16 = 2;
const OPTION_IF_TSRESOL: u16 = 9;
const OPTION_IF_TSOFFSET: u16 = 14;
const OPTION_EPB_DROPCOUNT: u16 = 4;
const OPTION_ISB_IFDROP: u16 = 5;
const OPTION_ISB_OSDROP: u16 = 7;

/// Reads a pcapng file.
pub(in crate::show) struct Ng<R> {
    source: Source<R>,
    order: Order,
    interfaces: Vec<Interface>,
    /// Index in `interfaces` of the current section's first.
    section: usize,
    found: Option<Found>,
}

struct Interface {
    link: Link,
    clock: Clock,
    name: String,
    /// Drops told packet by packet, and those told in statistics, which include the former.
    drops: u64,
    drops_in_total: u64,
}

/// How an interface's 64-bit stamps become nanoseconds.
#[derive(Clone, Copy)]
struct Clock {
    /// if_tsresol: ticks per second are 10 or 2 (top bit set) to this power.
    resolution: u8,
    /// if_tsoffset, seconds.
    offset: i64,
}

struct Found {
    udp: Udp,
    interface: u32,
    /// Where the frame begins in the block.
    frame: usize,
}

/// A packet block, whichever of the three kinds, taken apart.
struct PacketBlock {
    interface: usize,
    stamp: Option<u64>,
    /// Place and length of the frame in the block.
    frame: usize,
    length: usize,
    dropped: u64,
}

impl Clock {
    const MICROSECONDS: Self = Self { resolution: 6, offset: 0 };

    fn nanos(self, stamp: u64) -> i128 {
        let exponent = u32::from(self.resolution & 0x7F);
        let stamp = u128::from(stamp);
        let nanos = if self.resolution & 0x80 != 0 {
            // At most 64 + 30 bits before the shift.
            (stamp * 1_000_000_000) >> exponent
        } else if exponent <= 9 {
            stamp * 10_u128.pow(9 - exponent)
        } else {
            10_u128.checked_pow(exponent - 9).map_or(0, |divisor| stamp / divisor)
        };
        i128::try_from(nanos).unwrap_or(i128::MAX) + i128::from(self.offset) * 1_000_000_000
    }
}

impl<R: Read> Ng<R> {
    pub(in crate::show) fn new(source: Source<R>) -> Self {
        Self { source, order: Order::Little, interfaces: Vec::new(), section: 0, found: None }
    }

    pub(in crate::show) fn offset(&self) -> u64 {
        self.source.offset()
    }

    pub(in crate::show) fn interface_name(&self, index: u32) -> Option<&str> {
        let interface = self.interfaces.get(usize::try_from(index).ok()?)?;
        (!interface.name.is_empty()).then_some(&interface.name)
    }

    pub(in crate::show) fn content(&self) -> Option<Content<'_>> {
        let found = self.found.as_ref()?;
        Some(Content::Datagram(Datagram {
            source: found.udp.source,
            destination: found.udp.destination,
            interface: found.interface,
            bytes: self.source.taken().get(found.frame..)?.get(found.udp.payload.clone())?,
        }))
    }

    pub(in crate::show) fn advance(&mut self, context: &mut Context) -> Result<bool, ErrorKind> {
        loop {
            let offset = self.source.offset();
            let Some(kind) = self.take_block(context)? else { return Ok(false) };
            let packet = match kind {
                SECTION => {
                    self.begin_section()?;
                    continue;
                }
                INTERFACE => {
                    self.add_interface()?;
                    continue;
                }
                STATISTICS => {
                    self.note_statistics(context, offset);
                    continue;
                }
                PACKET => self.packet()?,
                PACKET_OBSOLETE => self.obsolete_packet()?,
                SIMPLE_PACKET => self.simple_packet()?,
                _ => continue,
            };
            if self.find(&packet, context, offset)? {
                return Ok(true);
            }
        }
    }

    /// Takes the next block and returns its type; `None` at the end. A block too large to be looked
    /// at is skipped, and its type returned as one nobody knows.
    fn take_block(&mut self, context: &mut Context) -> Result<Option<u32>, ErrorKind> {
        let offset = self.source.offset();
        let head = self.source.peek(FRAME)?;
        if head.len() < FRAME {
            if !head.is_empty() || self.source.truncated() {
                context.warnings.note(Warning::Truncated, offset);
            }
            return Ok(None);
        }
        if head[..4] == super::NG_MAGIC {
            self.order = section_order(head)?;
        }
        let kind = self.order.u32(head, 0);
        let length = self.order.u32(head, 4);
        let smallest = match kind {
            SECTION => 28,
            INTERFACE => 20,
            SIMPLE_PACKET => 16,
            STATISTICS => 24,
            PACKET | PACKET_OBSOLETE => 32,
            _ => FRAME as u32,
        };
        if length < smallest || !length.is_multiple_of(4) {
            let found = u64::from(length);
            let expected = "a multiple of 4 that holds at least the block's fixed fields";
            return Err(ErrorKind::Field { field: "block length", found, expected });
        }
        let packet = matches!(kind, PACKET | PACKET_OBSOLETE | SIMPLE_PACKET);
        if packet && length as usize > PIECE_MAX {
            let (found, expected) = (u64::from(length), "at most 327680 for a packet");
            return Err(ErrorKind::Field { field: "block length", found, expected });
        }
        let (whole, kind) = if length as usize <= PIECE_MAX {
            (self.source.take(length as usize)?, kind)
        } else {
            let whole = self.source.skip(u64::from(length) - 4)? && self.source.take(4)?;
            (whole, u32::MAX)
        };
        if !whole {
            context.warnings.note(Warning::Truncated, offset);
            return Ok(None);
        }
        let taken = self.source.taken();
        let again = self.order.u32(taken, taken.len() - 4);
        if again != length {
            let expected = "the same as at the block's beginning";
            let found = u64::from(again);
            return Err(ErrorKind::Field { field: "block length at its end", found, expected });
        }
        Ok(Some(kind))
    }

    fn begin_section(&mut self) -> Result<(), ErrorKind> {
        let major = self.order.u16(self.source.taken(), HEAD + 4);
        if major != 1 {
            let (found, expected) = (u64::from(major), "1");
            return Err(ErrorKind::Field { field: "pcapng major version", found, expected });
        }
        self.section = self.interfaces.len();
        Ok(())
    }

    fn add_interface(&mut self) -> Result<(), ErrorKind> {
        if self.interfaces.len() >= INTERFACES_MAX {
            let (found, expected) = (INTERFACES_MAX as u64 + 1, "at most 4096");
            return Err(ErrorKind::Field { field: "number of interfaces", found, expected });
        }
        let block = self.source.taken();
        let link = Link::from_number(u32::from(self.order.u16(block, HEAD)));
        let (clock, name) = (Clock::MICROSECONDS, String::new());
        let mut interface = Interface { link, clock, name, drops: 0, drops_in_total: 0 };
        for (code, value) in options(self.order, block, HEAD + 8) {
            match (code, value) {
                (OPTION_IF_NAME, name) => {
                    let name = String::from_utf8_lossy(&name[..name.len().min(NAME_MAX)]);
                    interface.name = name.trim_end_matches('\0').to_owned();
                }
                (OPTION_IF_TSRESOL, [resolution, ..]) => interface.clock.resolution = *resolution,
                (OPTION_IF_TSOFFSET, value @ [_, _, _, _, _, _, _, _]) => {
                    interface.clock.offset = self.order.u64(value, 0).cast_signed();
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
        Ok(())
    }

    fn note_statistics(&mut self, context: &mut Context, offset: u64) {
        let block = self.source.taken();
        let index = self.section.saturating_add(self.order.u32(block, HEAD) as usize);
        let Some(interface) = self.interfaces.get_mut(index) else { return };
        let told: u64 = options(self.order, block, HEAD + 12)
            .filter(|(code, value)| {
                matches!(*code, OPTION_ISB_IFDROP | OPTION_ISB_OSDROP) && value.len() == 8
            })
            .fold(0, |sum: u64, (_, value)| sum.saturating_add(self.order.u64(value, 0)));
        let known = interface.drops.max(interface.drops_in_total);
        if told > known {
            context.warnings.note_many(Warning::Dropped, offset, told - known);
        }
        interface.drops_in_total = told.max(interface.drops_in_total);
    }

    fn packet(&self) -> Result<PacketBlock, ErrorKind> {
        let (block, order) = (self.source.taken(), self.order);
        let length = captured_length(order.u32(block, 20), block.len() - 32)?;
        let dropped = options(order, block, 28 + length.next_multiple_of(4))
            .find(|(code, value)| *code == OPTION_EPB_DROPCOUNT && value.len() == 8)
            .map_or(0, |(_, value)| order.u64(value, 0));
        Ok(PacketBlock {
            interface: order.u32(block, 8) as usize,
            stamp: Some(u64::from(order.u32(block, 12)) << 32 | u64::from(order.u32(block, 16))),
            frame: 28,
            length,
            dropped,
        })
    }

    fn obsolete_packet(&self) -> Result<PacketBlock, ErrorKind> {
        let (block, order) = (self.source.taken(), self.order);
        let dropped = order.u16(block, 10);
        Ok(PacketBlock {
            interface: usize::from(order.u16(block, 8)),
            stamp: Some(u64::from(order.u32(block, 12)) << 32 | u64::from(order.u32(block, 16))),
            frame: 28,
            length: captured_length(order.u32(block, 20), block.len() - 32)?,
            // 65535 says that the number is not known.
            dropped: if dropped == u16::MAX { 0 } else { u64::from(dropped) },
        })
    }

    fn simple_packet(&self) -> Result<PacketBlock, ErrorKind> {
        let block = self.source.taken();
        // It has no captured length: the packet fills the block, or ends before its padding.
        let room = block.len() - 16;
        let length = (self.order.u32(block, 8) as usize).min(room);
        Ok(PacketBlock { interface: 0, stamp: None, frame: 12, length, dropped: 0 })
    }

    /// Whether the block holds a datagram of the show.
    fn find(
        &mut self,
        packet: &PacketBlock,
        context: &mut Context,
        offset: u64,
    ) -> Result<bool, ErrorKind> {
        let index = self.section.saturating_add(packet.interface);
        let Some(interface) = self.interfaces.get_mut(index) else {
            return Err(ErrorKind::Field {
                field: "interface of a packet",
                found: packet.interface as u64,
                expected: "one described before it",
            });
        };
        if packet.dropped > 0 {
            // Statistics before it may have told of the same.
            let known = interface.drops.max(interface.drops_in_total);
            interface.drops = interface.drops.saturating_add(packet.dropped);
            if interface.drops > known {
                let new = interface.drops - known;
                context.warnings.note_many(Warning::Dropped, offset, new);
            }
        }
        let frame = &self.source.taken()[packet.frame..packet.frame + packet.length];
        let udp = match link::udp(interface.link, frame) {
            Ok(udp) => udp,
            Err(warning) => {
                context.warnings.note(warning, offset);
                return Ok(false);
            }
        };
        let payload = &frame[udp.payload.clone()];
        let admitted = match packet.stamp {
            Some(stamp) => context.admit(payload, interface.clock.nanos(stamp), offset),
            None => context.admit_untimed(payload, offset),
        };
        let interface = u32::try_from(index).unwrap_or(u32::MAX);
        self.found = admitted.then_some(Found { udp, interface, frame: packet.frame });
        Ok(admitted)
    }
}

/// The byte order that a section header declares.
fn section_order(head: &[u8]) -> Result<Order, ErrorKind> {
    match array(head, 8) {
        [0x4D, 0x3C, 0x2B, 0x1A] => Ok(Order::Little),
        [0x1A, 0x2B, 0x3C, 0x4D] => Ok(Order::Big),
        other => Err(ErrorKind::Field {
            field: "byte-order magic",
            found: u64::from(u32::from_be_bytes(other)),
            expected: "0x1A2B3C4D in either order",
        }),
    }
}

fn captured_length(length: u32, room: usize) -> Result<usize, ErrorKind> {
    let fits = length <= PACKET_MAX && length as usize <= room;
    fits.then_some(length as usize).ok_or(ErrorKind::Field {
        field: "captured length",
        found: u64::from(length),
        expected: "no more than its block holds",
    })
}

/// The options from `at` to the block's end; a broken list ends where it breaks.
fn options(order: Order, block: &[u8], at: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = block.get(at..block.len() - 4).unwrap_or_default();
    std::iter::from_fn(move || {
        if rest.len() < 4 {
            return None;
        }
        let (code, length) = (order.u16(rest, 0), usize::from(order.u16(rest, 2)));
        let value = rest.get(4..4 + length)?;
        rest = rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        (code != OPTION_END).then_some((code, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_every_resolution_become_nanoseconds() {
        for (resolution, stamp, nanos) in [
            (6, 1_500_000, 1_500_000_000),
            (9, 1_500_000_001, 1_500_000_001),
            (3, 1500, 1_500_000_000),
            (0, 2, 2_000_000_000),
            (12, 1_500_000_000_999, 1_500_000_000),
            (127, u64::MAX, 0),
            (0x80 | 20, 3 << 19, 1_500_000_000),
            (0x80, 2, 2_000_000_000),
            (0xFF, u64::MAX, 0),
        ] {
            let clock = Clock { resolution, offset: 0 };
            assert_eq!(clock.nanos(stamp), nanos, "resolution {resolution:#x}");
        }
        let clock = Clock { resolution: 9, offset: -3 };
        assert_eq!(clock.nanos(5), -2_999_999_995);
        let extreme = Clock { resolution: 0, offset: i64::MIN };
        extreme.nanos(u64::MAX);
    }
}
