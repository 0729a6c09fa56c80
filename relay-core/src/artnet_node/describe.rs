//! What the node says of itself: ArtPollReply, field by field.
//!
//! Two identities are stand-ins, because wristcast is registered nowhere. Whoever ships a product
//! made of it applies for codes of their own and puts them here:
//! - [`OEM`]: Artistic Licence gives out OEM codes; this is the one for "unknown".
//! - [`ESTA`]: ESTA gives out manufacturer IDs; this is the first of those kept for prototypes.

use std::net::Ipv4Addr;

use super::{ArtNetNode, Interface};
use crate::config::MergeMode;
use crate::universe::PortAddress;
use crate::wire::artnet::PollReplyFields;

/// OemUnknown.
pub(super) const OEM: u16 = 0x00FF;
/// The first of the manufacturer IDs that ESTA keeps for prototypes.
pub(super) const ESTA: u16 = 0x7FF0;
/// Status1: indicators normal, port-addresses set at the node itself, no RDM.
const STATUS_1: u8 = 0b1101_0000;
/// Status2: 15-bit port-addresses (bit 3), which makes it a node of Art-Net 3 or later.
///
/// Not bit 4, "able to switch between Art-Net and sACN". The relay receives both, but the bit
/// promises that a controller may switch the port from one to the other (ArtAddress AcArtNetSel,
/// AcAcnSel; GoodOutputA bit 0 tells which). Here a group follows the universe that the show
/// patches it to, and a port-address has no sACN universe to be switched to.
const STATUS_2: u8 = 0b0000_1000;
/// Status3: holds the last state and cannot be told otherwise: that, too, is the show's to say.
const STATUS_3: u8 = 0;
/// PortTypes: an output of DMX512 levels.
const PORT_TYPE: u8 = 0x80;
/// GoodOutputA.
const DATA: u8 = 0x80;
/// GoodOutputA.
const MERGING: u8 = 0x08;
/// GoodOutputA.
const LTP: u8 = 0x02;
/// GoodOutputB: no RDM, output follows the input (delta), no RDM discovery.
const GOOD_OUTPUT_B: u8 = 0b1011_0000;
/// NodeReport: RcPowerOk.
pub(super) const POWER_OK: u16 = 0x0001;
/// NodeReport: RcShNameOk.
pub(super) const SHORT_NAME_OK: u16 = 0x0006;
/// NodeReport: RcLoNameOk.
pub(super) const LONG_NAME_OK: u16 = 0x0007;

/// Major and minor version of this crate.
const FIRMWARE: u16 =
    number(env!("CARGO_PKG_VERSION_MAJOR")) << 8 | number(env!("CARGO_PKG_VERSION_MINOR"));

/// As far as it fits into a byte.
const fn number(digits: &str) -> u16 {
    match u16::from_str_radix(digits, 10) {
        Ok(number) if number <= 0xFF => number,
        _ => 0xFF,
    }
}

impl ArtNetNode {
    /// What a page says to a controller at `peer`; `None` without an address to name.
    pub(super) fn describe(
        &self,
        page: usize,
        peer: Ipv4Addr,
        interface: Option<u32>,
    ) -> Option<PollReplyFields> {
        let ports = self.ports.page(page);
        let first = ports.first().map(|port| port.address);
        let own = self.own(peer, interface)?;
        let mut fields = PollReplyFields {
            ip: own.address,
            port: self.udp_port,
            firmware: FIRMWARE,
            net: first.map_or(0, PortAddress::net),
            sub_net: first.map_or(0, PortAddress::sub_net),
            oem: OEM,
            status_1: STATUS_1,
            esta: ESTA,
            short_name: self.names.short,
            long_name: self.names.long,
            node_report: self.report(),
            port_types: [0; 4],
            good_output_a: [0; 4],
            sw_out: [0; 4],
            style: 0,
            mac: own.mac,
            bind_ip: own.address,
            bind_index: u8::try_from(page + 1).unwrap_or(u8::MAX),
            status_2: STATUS_2,
            good_output_b: [0; 4],
            status_3: STATUS_3,
        };
        for (i, port) in ports.iter().enumerate() {
            fields.port_types[i] = PORT_TYPE;
            fields.good_output_a[i] = (if port.state.receiving { DATA } else { 0 })
                | (if port.state.merging { MERGING } else { 0 })
                | (if port.merge == MergeMode::Ltp { LTP } else { 0 });
            fields.good_output_b[i] = GOOD_OUTPUT_B;
            fields.sw_out[i] = port.address.universe();
        }
        Some(fields)
    }

    /// `#xxxx [yyyy] text`: code, count of replies, words (ArtPollReply, NodeReport).
    fn report(&self) -> [u8; 64] {
        use std::io::Write;

        let ports = self.ports.all();
        let receiving = ports.iter().filter(|port| port.state.receiving).count();
        let mut report = [0; 64];
        // What the field has no room for is cut off, before its last NUL.
        let _ = write!(
            &mut report[..63],
            "#{:04x} [{:04}] {receiving} of {} universes receive",
            self.report_code,
            self.reply_count,
            ports.len()
        );
        report
    }

    /// The own address that a controller at `peer`, heard on `interface`, is to use: of that
    /// interface, if it is known, and of the controller's network, if there is one.
    pub(super) fn own(&self, peer: Ipv4Addr, interface: Option<u32>) -> Option<&Interface> {
        self.interfaces.iter().min_by_key(|own| {
            let elsewhere = interface.is_some_and(|index| own.index != index);
            (elsewhere, !own.reaches(peer))
        })
    }
}
