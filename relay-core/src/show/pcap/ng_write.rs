//! Writing pcapng: nanosecond stamps, whole blocks only, flushed twice a second, so that whatever
//! ends the program the file can be read and lacks no more than the last moment.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::show::Datagram;
use crate::show::packed;
use crate::time::Time;

/// Longest that a datagram waits in memory, if the caller keeps to [`PcapngWriter::flush_due`].
const FLUSH_INTERVAL: Duration = Duration::from_millis(500);

/// Bytes that wait in memory at most; more are written at once.
const PENDING_MAX: usize = 1 << 20;

/// LINKTYPE_RAW: packets begin with their IP header, whichever version.
const LINKTYPE_RAW: u16 = 101;

const UDP_HEADER: usize = 8;
const PROTOCOL_UDP: u8 = 17;

/// How a pcapng file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PcapngOptions {
    /// Wall-clock time of time zero, nanoseconds since 1970-01-01 UTC.
    pub epoch_nanos: u64,
    /// Pack with zstd, one frame per flush: a cut file loses no more than an unpacked one.
    pub zstd: bool,
}

/// What a pcapng file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Who or what it is a recording of, in words; empty = nothing is said.
    pub comment: String,
    /// The system it was made on, as shb_os; empty = nothing is said.
    pub system: String,
}

/// Writes datagrams as a pcapng file that Wireshark opens. Memory: 1 MiB of pending blocks, as
/// much again to pack them.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    options: PcapngOptions,
    pending: Vec<u8>,
    /// Time of the oldest pending datagram.
    waiting_since: Option<Time>,
    interfaces: Vec<InterfaceCounts>,
    written: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct InterfaceCounts {
    received: u64,
    dropped: u64,
    /// Not yet told in a packet's options.
    dropped_untold: u64,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins a file: the section header, with our name and version, is written at once.
    pub fn new(out: W, options: PcapngOptions) -> io::Result<Self> {
        Self::with_origin(out, options, &Origin::default())
    }

    /// Begins a file that says where it comes from.
    pub fn with_origin(out: W, options: PcapngOptions, origin: &Origin) -> io::Result<Self> {
        let pending = Vec::with_capacity(PENDING_MAX);
        let (interfaces, waiting_since) = (Vec::new(), None);
        let mut writer = Self { out, options, pending, waiting_since, interfaces, written: 0 };
        let name = concat!("wristcast ", env!("CARGO_PKG_VERSION"));
        writer.block(0x0A0D_0D0A, |body| {
            body.extend(0x1A2B_3C4D_u32.to_le_bytes());
            body.extend([1, 0, 0, 0]); // version 1.0
            body.extend(u64::MAX.to_le_bytes()); // section length not known in advance
            for (code, text) in [(1, &*origin.comment), (3, &*origin.system), (4, name)] {
                if !text.is_empty() {
                    option(body, code, text.as_bytes()); // opt_comment, shb_os, shb_userappl
                }
            }
            option(body, 0, &[]);
        });
        writer.flush()?;
        Ok(writer)
    }

    /// Sets the wall-clock time of time zero, if it was not known before.
    pub fn set_epoch_nanos(&mut self, nanos: u64) {
        self.options.epoch_nanos = nanos;
    }

    /// Describes an interface and returns its number, counted from 0.
    pub fn add_interface(&mut self, name: &str) -> u32 {
        self.add_interface_with(name, &[])
    }

    /// Describes an interface with its addresses, each with the length of its network prefix.
    pub fn add_interface_with(&mut self, name: &str, addresses: &[(IpAddr, u8)]) -> u32 {
        self.block(1, |body| {
            body.extend(LINKTYPE_RAW.to_le_bytes());
            body.extend([0; 2 + 4]); // reserved; no snap length
            if !name.is_empty() {
                option(body, 2, name.as_bytes());
            }
            for &(address, prefix) in addresses {
                match address {
                    IpAddr::V4(ip) => {
                        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                        let both = [ip.octets(), mask.to_be_bytes()].concat();
                        option(body, 4, &both); // if_IPv4addr
                    }
                    IpAddr::V6(ip) => {
                        option(body, 5, &[&ip.octets()[..], &[prefix]].concat()); // if_IPv6addr
                    }
                }
            }
            option(body, 9, &[9]); // if_tsresol: nanoseconds
            option(body, 0, &[]);
        });
        self.interfaces.push(InterfaceCounts::default());
        self.interfaces.len() as u32 - 1
    }

    /// How many interfaces were described.
    pub fn interfaces(&self) -> u32 {
        self.interfaces.len() as u32
    }

    /// Bytes written so far, pending ones left out.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Tells that `count` datagrams of an interface were lost before the next one.
    pub fn note_dropped(&mut self, interface: u32, count: u64) {
        if let Some(counts) = self.interfaces.get_mut(interface as usize) {
            counts.dropped += count;
            counts.dropped_untold += count;
        }
    }

    /// Appends a datagram. The headers before its payload are made up from its addresses.
    ///
    /// # Errors
    /// If the system cannot write; the file is good up to the last block written then. If the
    /// payload is longer than UDP can carry, or the interface was not described.
    pub fn datagram(&mut self, at: Time, datagram: &Datagram<'_>) -> io::Result<()> {
        let headers = Headers::new(datagram)?;
        let unknown = || io::Error::new(io::ErrorKind::InvalidInput, "interface not described");
        let counts = self.interfaces.get_mut(datagram.interface as usize).ok_or_else(unknown)?;
        counts.received += 1;
        let dropped = std::mem::take(&mut counts.dropped_untold);
        let stamp = self.options.epoch_nanos.saturating_add(at.as_nanos());
        let length = (headers.bytes().len() + datagram.bytes.len()) as u32;
        self.block(6, |body| {
            body.extend(datagram.interface.to_le_bytes());
            body.extend(((stamp >> 32) as u32).to_le_bytes());
            body.extend((stamp as u32).to_le_bytes());
            body.extend(length.to_le_bytes()); // captured
            body.extend(length.to_le_bytes()); // original
            body.extend_from_slice(headers.bytes());
            body.extend_from_slice(datagram.bytes);
            pad(body, length as usize);
            if dropped > 0 {
                option(body, 4, &dropped.to_le_bytes()); // epb_dropcount
                option(body, 0, &[]);
            }
        });
        let since = *self.waiting_since.get_or_insert(at);
        if at.since(since) >= FLUSH_INTERVAL || self.pending.len() >= PENDING_MAX - (80 << 10) {
            self.flush()?;
        }
        Ok(())
    }

    /// When [`flush`](Self::flush) is due though no datagram comes; `None` while nothing waits.
    pub fn flush_due(&self) -> Option<Time> {
        self.waiting_since.map(|since| since + FLUSH_INTERVAL)
    }

    /// Hands all pending blocks to the output and flushes it. What a file then needs to survive a
    /// power cut (`sync_data`) is the caller's to do, off this thread if need be.
    pub fn flush(&mut self) -> io::Result<()> {
        self.waiting_since = None;
        if self.pending.is_empty() {
            return Ok(());
        }
        let bytes =
            if self.options.zstd { &packed::pack_zstd(&self.pending) } else { &self.pending };
        let (result, count) = (self.out.write_all(bytes), bytes.len() as u64);
        self.pending.clear();
        result?;
        self.written += count;
        self.out.flush()
    }

    /// Ends the file with each interface's totals, and gives the output back.
    pub fn finish(mut self, at: Time) -> io::Result<W> {
        self.statistics(at, "");
        self.flush()?;
        Ok(self.out)
    }

    /// Appends each interface's totals so far, with a comment if there is something to say.
    pub fn statistics(&mut self, at: Time, comment: &str) {
        let stamp = self.options.epoch_nanos.saturating_add(at.as_nanos());
        for index in 0..self.interfaces.len() {
            let counts = self.interfaces[index];
            self.block(5, |body| {
                body.extend((index as u32).to_le_bytes());
                body.extend(((stamp >> 32) as u32).to_le_bytes());
                body.extend((stamp as u32).to_le_bytes());
                if !comment.is_empty() {
                    option(body, 1, comment.as_bytes());
                }
                option(body, 4, &(counts.received + counts.dropped).to_le_bytes()); // isb_ifrecv
                option(body, 7, &counts.dropped.to_le_bytes()); // isb_osdrop
                option(body, 0, &[]);
            });
        }
    }

    fn block(&mut self, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.pending.len();
        self.pending.extend(kind.to_le_bytes());
        self.pending.extend([0; 4]);
        fill(&mut self.pending);
        let length = (self.pending.len() - start + 4) as u32;
        self.pending[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
        self.pending.extend(length.to_le_bytes());
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend_from_slice(value);
    pad(body, value.len());
}

fn pad(body: &mut Vec<u8>, length: usize) {
    body.extend(&[0; 3][..length.next_multiple_of(4) - length]);
}

/// IP and UDP headers for a datagram.
struct Headers {
    bytes: [u8; 48],
    length: usize,
}

impl Headers {
    fn new(datagram: &Datagram<'_>) -> io::Result<Self> {
        let udp_length = datagram.bytes.len() + UDP_HEADER;
        let too_long =
            || io::Error::new(io::ErrorKind::InvalidInput, "payload too long for a UDP datagram");
        let (SocketAddr::V4(source), SocketAddr::V4(destination)) =
            (datagram.source, datagram.destination)
        else {
            let length = u16::try_from(udp_length).map_err(|_| too_long())?;
            return Ok(Self::v6(datagram, length));
        };
        let total = u16::try_from(udp_length + 20).map_err(|_| too_long())?;
        let mut bytes = [0; 48];
        bytes[0] = 0x45;
        bytes[2..4].copy_from_slice(&total.to_be_bytes());
        bytes[6] = 0x40; // don't fragment
        bytes[8] = 64; // time to live
        bytes[9] = PROTOCOL_UDP;
        bytes[12..16].copy_from_slice(&source.ip().octets());
        bytes[16..20].copy_from_slice(&destination.ip().octets());
        let checksum = !ones_complement_sum(&[&bytes[..20]]);
        bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        // A UDP checksum of zero says there is none (RFC 768).
        udp_header(&mut bytes[20..28], datagram, total - 20);
        Ok(Self { bytes, length: 28 })
    }

    fn v6(datagram: &Datagram<'_>, length: u16) -> Self {
        let mut bytes = [0; 48];
        bytes[0] = 0x60;
        bytes[4..6].copy_from_slice(&length.to_be_bytes());
        bytes[6] = PROTOCOL_UDP;
        bytes[7] = 64; // hop limit
        bytes[8..24].copy_from_slice(&v6_octets(datagram.source.ip()));
        bytes[24..40].copy_from_slice(&v6_octets(datagram.destination.ip()));
        udp_header(&mut bytes[40..48], datagram, length);
        // Over IPv6 the checksum is not optional (RFC 8200, 8.1).
        let pseudo = [0, 0, length.to_be_bytes()[0], length.to_be_bytes()[1], 0, 0, 0, 17];
        let sum = !ones_complement_sum(&[&bytes[8..48], &pseudo, datagram.bytes]);
        let checksum = if sum == 0 { u16::MAX } else { sum };
        bytes[46..48].copy_from_slice(&checksum.to_be_bytes());
        Self { bytes, length: 48 }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn udp_header(header: &mut [u8], datagram: &Datagram<'_>, length: u16) {
    header[..2].copy_from_slice(&datagram.source.port().to_be_bytes());
    header[2..4].copy_from_slice(&datagram.destination.port().to_be_bytes());
    header[4..6].copy_from_slice(&length.to_be_bytes());
}

fn v6_octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// RFC 1071, over parts of which only the last may have an odd length.
fn ones_complement_sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u64::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        }
    }
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}
