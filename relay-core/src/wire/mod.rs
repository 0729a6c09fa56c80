//! Stage 2 of 5, wire: one datagram's bytes → a checked, borrowed view of the packet in it.
//!
//! Before it: `receive` hands over datagrams. After it: `merge` takes the levels out of the views.
//! In: bytes as they came off the network, nothing else. Out: a [`Packet`], or a [`Malformed`] that
//! names the field at fault. Thread: the relay thread (anything else may call it too, it is a pure
//! function).
//!
//! Promises: never panics, never allocates, looks at a datagram once and at each header byte a
//! bounded number of times. Every length is checked by [`parse`]; the accessors of a view it
//! returned cannot fail. What a packet *means* (preview, sequence, who wins) is not judged here.
//!
//! Packets are recognised by their content and not by the port they came to: both protocols open
//! with an identifier, and consoles can be set to any port.
//!
//! Clauses: ANSI E1.31-2018 sections 4 to 8 (the layers of a packet); Art-Net 4, the packet
//! definitions from "ArtPoll" to "ArtTrigger".

use std::fmt;

pub mod artnet;
#[doc(hidden)]
pub mod fuzz;
pub mod sacn;

/// A packet whose every length has been checked.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'a> {
    /// sACN levels or other START code data of one universe.
    SacnData(sacn::Data<'a>),
    /// sACN synchronization.
    SacnSync(sacn::Sync),
    /// sACN universe discovery.
    SacnDiscovery(sacn::Discovery<'a>),
    /// Art-Net levels of one port-address.
    ArtDmx(artnet::Dmx<'a>),
    /// Art-Net synchronization.
    ArtSync,
    /// A controller looks for nodes.
    ArtPoll(artnet::Poll),
    /// A node describes itself.
    ArtPollReply(artnet::PollReply<'a>),
    /// A controller wants to switch a node's inputs on or off.
    ArtInput,
    /// A controller wants to programme a node.
    ArtAddress(artnet::Address<'a>),
    /// Data with another START code than 0.
    ArtNzs(artnet::Nzs<'a>),
    /// Time code.
    ArtTimeCode(artnet::TimeCode),
    /// A trigger, for instance a macro or a key.
    ArtTrigger(artnet::Trigger<'a>),
    /// A text command.
    ArtCommand(artnet::Command<'a>),
    /// A diagnostic message of a node.
    ArtDiagData(artnet::DiagData<'a>),
    /// A controller wants to change a node's IP address.
    ArtIpProg(artnet::IpProg),
    /// Sound as far as one can tell, but nothing that is spoken here.
    Other(Foreign),
}

/// What a datagram that is nothing to us was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Neither an ACN nor an Art-Net identifier.
    Protocol,
    /// ACN with a root layer vector that is not E1.31's (E1.31 §5.5).
    AcnVector(u32),
    /// E1.31 with a framing layer vector that the standard does not define (E1.31 §6.2.1).
    SacnVector(u32),
    /// An Art-Net opcode that the relay has no use for, known or not.
    ArtNetOpCode(u16),
}

/// Reads one datagram.
///
/// # Errors
///
/// [`Malformed`] when the datagram says that it is sACN or Art-Net, and then breaks that protocol's
/// rules.
#[inline]
pub fn parse(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    if bytes.get(sacn::IDENTIFIER_RANGE) == Some(&sacn::IDENTIFIER) {
        sacn::parse(bytes)
    } else if bytes.starts_with(&artnet::IDENTIFIER) {
        artnet::parse(bytes)
    } else {
        Ok(Packet::Other(Foreign::Protocol))
    }
}

macro_rules! malformed {
    ($($(#[$doc:meta])* $name:ident = $label:literal, $text:literal;)+) => {
        /// Why a datagram was thrown away: the protocol, the field, what is wrong with it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Malformed {
            $(#[doc = $text] $name,)+
        }

        impl Malformed {
            /// Every cause, in the order of [`index`](Self::index).
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Number of causes; the length of an array of counters.
            pub const COUNT: usize = Self::ALL.len();

            /// Name for counters: `sacn_priority`.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)+
                }
            }

            const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

malformed! {
    SacnTruncated = "sacn_truncated",
        "sACN: the datagram ends before its root layer PDU does (E1.31 §5.4)";
    SacnPreamble = "sacn_preamble",
        "sACN: preamble and postamble size are not 16 and 0 (E1.31 §5.1, §5.2)";
    SacnFlags = "sacn_flags",
        "sACN: the flags of a PDU are not 0x7 (E1.31 §5.4, §6.1, §7.1, §8.1)";
    SacnLength = "sacn_length",
        "sACN: a PDU does not fit into the PDU around it (E1.31 §5.4, §6.1, §7.1, §8.1)";
    SacnPriority = "sacn_priority",
        "sACN: priority above 200 (E1.31 §6.2.3)";
    SacnUniverse = "sacn_universe",
        "sACN: universe outside 1 to 63999 (E1.31 §6.2.7)";
    SacnSyncAddress = "sacn_sync_address",
        "sACN: a synchronization packet for no universe (E1.31 §6.3.3)";
    SacnDmpVector = "sacn_dmp_vector",
        "sACN: the DMP vector is not 2 (E1.31 §7.2)";
    SacnAddressType = "sacn_address_type",
        "sACN: address and data type are not 0xA1 (E1.31 §7.3)";
    SacnFirstAddress = "sacn_first_address",
        "sACN: the first property address is not 0 (E1.31 §7.4)";
    SacnIncrement = "sacn_increment",
        "sACN: the address increment is not 1 (E1.31 §7.5)";
    SacnValueCount = "sacn_value_count",
        "sACN: property value count outside 1 to 513 (E1.31 §7.6)";
    SacnListVector = "sacn_list_vector",
        "sACN: the universe discovery vector is not 1 (E1.31 §8.2)";
    SacnPage = "sacn_page",
        "sACN: a universe discovery page after the last (E1.31 §8.3, §8.4)";
    SacnList = "sacn_list",
        "sACN: a universe list of half a universe or of more than 512 (E1.31 §8.5)";
    ArtNetTruncated = "artnet_truncated",
        "Art-Net: shorter than its opcode's packet";
    ArtNetVersion = "artnet_version",
        "Art-Net: protocol version below 14";
    ArtDmxPortAddress = "artdmx_port_address",
        "ArtDmx: port-address above 32767";
    ArtDmxLength = "artdmx_length",
        "ArtDmx: length outside 1 to 512";
    ArtDmxTruncated = "artdmx_truncated",
        "ArtDmx: fewer slots in the datagram than it says";
    ArtNzsPortAddress = "artnzs_port_address",
        "ArtNzs: port-address above 32767";
    ArtNzsStartCode = "artnzs_start_code",
        "ArtNzs: START code 0";
    ArtNzsLength = "artnzs_length",
        "ArtNzs: length outside 1 to 512";
    ArtNzsTruncated = "artnzs_truncated",
        "ArtNzs: less data in the datagram than it says";
    ArtCommandLength = "artcommand_length",
        "ArtCommand: length above 512, or more than there is";
    ArtDiagDataLength = "artdiagdata_length",
        "ArtDiagData: length above 512, or more than there is";
}

impl Malformed {
    /// Position in [`ALL`](Self::ALL).
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Malformed {}

/// A name or message from the network: bytes up to the first NUL of their field.
///
/// The bytes are kept as they came. [`Display`](fmt::Display) is fit for a terminal and a log:
/// what is not UTF-8 and every control character, hence every escape sequence, shows as U+FFFD.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Ends at the first NUL. A field that is full to the end without one is taken whole.
    pub fn until_nul(field: &'a [u8]) -> Self {
        let len = field.iter().position(|&b| b == 0).unwrap_or(field.len());
        Self(field.get(..len).unwrap_or(field))
    }

    /// The bytes as they came, without the NUL.
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether there is no text.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                let shown = if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
                fmt::Write::write_char(f, shown)?;
            }
            if !chunk.invalid().is_empty() {
                fmt::Write::write_char(f, char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Big-endian 16 bits; `at` is one of the constants of a `field` module, checked by the tests that
/// call every accessor of the shortest packet.
const fn be16<const N: usize>(bytes: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Big-endian 32 bits, under the same condition.
const fn be32<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The `M` bytes at `at`, under the same condition.
const fn array<const M: usize, const N: usize>(bytes: &[u8; N], at: usize) -> [u8; M] {
    let mut out = [0; M];
    let mut i = 0;
    while i < M {
        out[i] = bytes[at + i];
        i += 1;
    }
    out
}

/// Writes what [`be16`] reads.
const fn put16<const N: usize>(bytes: &mut [u8; N], at: usize, value: u16) {
    [bytes[at], bytes[at + 1]] = value.to_be_bytes();
}

/// Writes what [`be32`] reads.
const fn put32<const N: usize>(bytes: &mut [u8; N], at: usize, value: u32) {
    [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] = value.to_be_bytes();
}

/// A text as a field of a packet: NUL-terminated; what does not fit is cut off.
pub fn text_field<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [0; N];
    put_text(&mut field, text);
    field
}

/// Writes a NUL-terminated text; what does not fit is cut off between two characters.
fn put_text(field: &mut [u8], text: &str) {
    let room = field.len().saturating_sub(1).min(text.len());
    let len = (0..=room).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    field.fill(0);
    field[..len].copy_from_slice(&text.as_bytes()[..len]);
}

#[cfg(test)]
mod tests;
