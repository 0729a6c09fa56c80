//! One HCI controller: reset, looked at, set up, kept on the newest data, blanked.
//!
//! Commands and events are those of `bt-hci`; one command is under way at a time, and what is said
//! between is read and dropped.

use std::io;
use std::time::Duration;

use bt_hci::cmd::controller_baseband::Reset;
use bt_hci::cmd::info::ReadBdAddr;
use bt_hci::cmd::le::{
    LeReadLocalSupportedFeatures, LeReadMaxAdvDataLength, LeSetAdvData, LeSetAdvEnable,
    LeSetAdvParams, LeSetAdvSetRandomAddr, LeSetExtAdvData, LeSetExtAdvEnable, LeSetExtAdvParams,
    LeSetPeriodicAdvData, LeSetPeriodicAdvEnable, LeSetPeriodicAdvParams, LeSetRandomAddr,
};
use bt_hci::cmd::{Opcode, SyncCmd};
use bt_hci::event::{CommandComplete, CommandCompleteWithStatus};
use bt_hci::param::{
    self, AddrKind, AdvChannelMap, AdvEventProps, AdvFilterPolicy, AdvHandle, AdvKind, AdvSet,
    BdAddr, Operation, PeriodicAdvProps, PhyKind,
};
use bt_hci::transport::{PacketToController, WithIndicator};
use bt_hci::{FromHciBytes, PacketKind};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::abilities::Abilities;
use super::transport::{self, Packets};
use super::words::Trouble;
use crate::config::{AirWay, ControllerAddress};

/// A command is answered within this; the specification says a second (Core 5.4, Vol 4, Part E,
/// 4.4), a reset of a slow one takes longer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// The type of packets that are events.
const EVENT: u8 = PacketKind::Event as u8;

/// Event codes, Core 5.4, Vol 4, Part E, 7.7.14 to 7.7.16.
const COMMAND_COMPLETE: u8 = 0x0E;
const COMMAND_STATUS: u8 = 0x0F;
const HARDWARE_ERROR: u8 = 0x10;

/// The one advertising set there is.
const SET: AdvHandle = AdvHandle::new(0);

/// What a controller is to be.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) way: AirWay,
    pub(super) interval: Duration,
    pub(super) show_id: u16,
}

/// A controller that was set up. It advertises from the first data on.
pub(super) struct Controller {
    host: Host,
    way: AirWay,
    /// Bluetooth 5 commands; a controller takes either these or the old ones.
    extended_commands: bool,
    advertises: bool,
}

impl Controller {
    /// Opens, resets and sets up the controller.
    pub(super) async fn open(address: &ControllerAddress, setup: &Setup) -> Result<Self, Trouble> {
        let mut host = Host::reset(address).await?;
        let features = host.run(&LeReadLocalSupportedFeatures::new(), "say what it can do").await?;
        let extended_commands = features.supports_le_ext_adv();
        match setup.way {
            AirWay::Legacy => {}
            AirWay::Extended if extended_commands => {}
            AirWay::Periodic if extended_commands && features.supports_le_periodic_adv() => {}
            way => return Err(Trouble::lacks(way)),
        }
        let mut controller = Self { host, way: setup.way, extended_commands, advertises: false };
        // Old controllers advertise without connections no faster than every 100 ms; new ones take
        // legacy adverts by the new commands, too.
        if extended_commands && setup.way != AirWay::Legacy {
            let room = controller.host.run(&LeReadMaxAdvDataLength::new(), "say its room").await?;
            if usize::from(room) < broadcast_frame::advert::EXTENDED_LEN_MAX {
                let words = format!(
                    "this controller has room for {room} bytes of advertising data; 245 are \
                     needed. Use way = \"legacy\""
                );
                return Err(Trouble::Cannot(words));
            }
        }
        let own = match controller.host.run(&ReadBdAddr::new(), "say its address").await {
            Ok(own) => own.into_inner(),
            Err(Trouble::Refused { .. }) => [0; 6],
            Err(trouble) => return Err(trouble),
        };
        let on_air = BdAddr::new(address_on_air(setup.show_id, address, own));
        if extended_commands {
            controller.set_up_extended(setup, on_air).await?;
        } else {
            controller.set_up_legacy(setup, on_air).await?;
        }
        Ok(controller)
    }

    /// Asks a controller what it can do. It is reset before, and advertises nothing.
    pub(super) async fn look_at(address: &ControllerAddress) -> Result<Abilities, Trouble> {
        let mut host = Host::reset(address).await?;
        let features = host.run(&LeReadLocalSupportedFeatures::new(), "say what it can do").await?;
        let extended = features.supports_le_ext_adv();
        let room = if extended {
            host.run(&LeReadMaxAdvDataLength::new(), "say its room").await?
        } else {
            // Core 5.4, Vol 4, Part E, 7.8.7.
            31
        };
        Ok(Abilities { extended, periodic: extended && features.supports_le_periodic_adv(), room })
    }

    async fn set_up_extended(&mut self, setup: &Setup, on_air: BdAddr) -> Result<(), Trouble> {
        let mut props = AdvEventProps::new();
        props = props.set_legacy_adv(setup.way == AirWay::Legacy);
        let units = setup.interval.as_micros() as u64;
        let interval = param::ExtDuration::<625>::from_micros(units);
        let secondary = PhyKind::Le1M;
        let params = LeSetExtAdvParams::new(
            SET,
            props,
            interval,
            interval,
            AdvChannelMap::ALL,
            AddrKind::RANDOM,
            AddrKind::PUBLIC,
            BdAddr::default(),
            AdvFilterPolicy::Unfiltered,
            // No preference.
            127,
            PhyKind::Le1M,
            0,
            secondary,
            0,
            false,
        );
        self.host.run(&params, "advertise like this").await?;
        self.host.run(&LeSetAdvSetRandomAddr::new(SET, on_air), "take an address").await?;
        if setup.way == AirWay::Periodic {
            let interval = param::Duration::<1_250>::from_micros(units);
            let params =
                LeSetPeriodicAdvParams::new(SET, interval, interval, PeriodicAdvProps::new());
            self.host.run(&params, "advertise periodically").await?;
        }
        Ok(())
    }

    async fn set_up_legacy(&mut self, setup: &Setup, on_air: BdAddr) -> Result<(), Trouble> {
        self.host.run(&LeSetRandomAddr::new(on_air), "take an address").await?;
        let interval = param::Duration::<625>::from_micros(setup.interval.as_micros() as u64);
        let params = LeSetAdvParams::new(
            interval,
            interval,
            AdvKind::AdvNonconnInd,
            AddrKind::RANDOM,
            AddrKind::PUBLIC,
            BdAddr::default(),
            AdvChannelMap::ALL,
            AdvFilterPolicy::Unfiltered,
        );
        match self.host.run(&params, "advertise so fast").await {
            // Before Bluetooth 5, adverts that cannot be connected to are 100 ms apart or more.
            Err(Trouble::Refused {
                error: param::Error::INVALID_HCI_PARAMETERS | param::Error::UNSUPPORTED,
                ..
            }) => Err(Trouble::Cannot(
                "this controller (before Bluetooth 5) advertises every 100 ms at most; use \
                     interval_ms = 100, or a newer one"
                    .to_owned(),
            )),
            other => other,
        }
    }

    /// Puts data on the air, without a break in what is advertised.
    pub(super) async fn put(&mut self, data: &[u8]) -> Result<(), Trouble> {
        self.set_data(data).await?;
        if !self.advertises {
            self.enable(true).await?;
            self.advertises = true;
        }
        Ok(())
    }

    /// Takes what is on the air off it, until the next data.
    pub(super) async fn pause(&mut self) -> Result<(), Trouble> {
        if std::mem::take(&mut self.advertises) {
            self.enable(false).await?;
        }
        Ok(())
    }

    async fn set_data(&mut self, data: &[u8]) -> Result<(), Trouble> {
        const WHAT: &str = "take a frame";
        if !self.extended_commands {
            let mut all = [0; 31];
            let len = data.len().min(all.len());
            all[..len].copy_from_slice(&data[..len]);
            return self.host.run(&LeSetAdvData::new(len as u8, all), WHAT).await;
        }
        if self.way == AirWay::Periodic {
            let periodic = LeSetPeriodicAdvData::new(SET, Operation::Complete, data);
            self.host.run(&periodic, WHAT).await?;
        }
        self.host.run(&LeSetExtAdvData::new(SET, Operation::Complete, true, data), WHAT).await
    }

    async fn enable(&mut self, on: bool) -> Result<(), Trouble> {
        const WHAT: &str = "begin or end advertising";
        if !self.extended_commands {
            return self.host.run(&LeSetAdvEnable::new(on), WHAT).await;
        }
        let set = AdvSet {
            adv_handle: SET,
            duration: param::Duration::from_u16(0),
            max_ext_adv_events: 0,
        };
        if self.way == AirWay::Periodic && on {
            self.host.run(&LeSetPeriodicAdvEnable::new(true, SET), WHAT).await?;
        }
        self.host.run(&LeSetExtAdvEnable::new(on, &[set]), WHAT).await?;
        if self.way == AirWay::Periodic && !on {
            self.host.run(&LeSetPeriodicAdvEnable::new(false, SET), WHAT).await?;
        }
        Ok(())
    }

    /// Ends advertising and leaves the controller as if it had been plugged in now.
    pub(super) async fn silence(mut self) -> Result<(), Trouble> {
        if self.advertises {
            self.enable(false).await?;
        }
        self.host.run(&Reset::new(), "be reset").await
    }

    /// Waits until the controller says something nobody asked for. Ends if it is gone, or reports
    /// a fault. Can be given up at any time.
    pub(super) async fn listen(&mut self) -> Trouble {
        loop {
            if let Err(trouble) = self.host.event().await {
                return trouble;
            }
        }
    }
}

/// A static random address (Core 5.4, Vol 6, Part B, 1.3.2.1) for a controller: another for each of
/// them and for each show, whatever radio or machine it belongs to, because a band follows a train
/// by the address of its sender; the same after a restart, so that it goes on.
fn address_on_air(show_id: u16, controller: &ControllerAddress, own: [u8; 6]) -> [u8; 6] {
    // Cheap dongles share one address, so their names count as well.
    let name = controller.to_string();
    let identity = show_id.to_le_bytes().into_iter().chain(own).chain(name.bytes());
    // FNV-1a, 64 bits.
    let hash = identity.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let [a, b, c, d, e, f, ..] = hash.to_le_bytes();
    // The two highest bits make it static.
    [a, b, c, d, e, f | 0xC0]
}

/// Commands and their answers.
struct Host {
    packets: Packets,
    address: ControllerAddress,
    /// What has come of the packet under way: waiting for the rest can be given up.
    begun: Vec<u8>,
}

/// An event, its code before its parameters.
type Event = Vec<u8>;

impl Host {
    /// Opens the controller and resets it.
    async fn reset(address: &ControllerAddress) -> Result<Self, Trouble> {
        let io = |error| Trouble::Io(address.clone(), error);
        let packets = transport::open(address).await.map_err(io)?;
        let mut host = Self { packets, address: address.clone(), begun: Vec::new() };
        host.run(&Reset::new(), "be reset").await?;
        Ok(host)
    }

    /// Runs a command and waits for its answer. `what` ends the sentence "refused to".
    async fn run<C: SyncCmd>(
        &mut self,
        command: &C,
        what: &'static str,
    ) -> Result<C::Return, Trouble> {
        let mut bytes = [0; 4 + 255];
        let packet = WithIndicator::new(command);
        let len = packet.size();
        let room = bytes.get_mut(..len).ok_or(Trouble::NotHci)?;
        packet.write_hci(room).map_err(|_| Trouble::NotHci)?;
        self.packets.write_all(&bytes[..len]).await.map_err(|error| self.io(error))?;
        self.packets.flush().await.map_err(|error| self.io(error))?;
        let answer = timeout(ANSWER_TIME_MAX, self.answer(C::OPCODE)).await;
        let event = answer.map_err(|_| Trouble::Silent)??;
        let complete = CommandComplete::from_hci_bytes_complete(&event[1..])
            .and_then(CommandCompleteWithStatus::try_from)
            .map_err(|_| Trouble::NotHci)?;
        complete.to_result::<C>().map_err(|error| Trouble::Refused { what, error })
    }

    /// The event that answers a command.
    async fn answer(&mut self, opcode: Opcode) -> Result<Event, Trouble> {
        loop {
            let event = self.event().await?;
            let [low, high] = opcode.to_raw().to_le_bytes();
            match event[..] {
                [COMMAND_COMPLETE, _, a, b, ..] if [a, b] == [low, high] => return Ok(event),
                // A command that should be completed is refused by its status alone.
                [COMMAND_STATUS, status, _, a, b] if [a, b] == [low, high] && status != 0 => {
                    return Ok(vec![COMMAND_COMPLETE, 1, low, high, status]);
                }
                _ => {}
            }
        }
    }

    /// The next event; packets of other types are read and dropped. Can be given up at any time.
    async fn event(&mut self) -> Result<Event, Trouble> {
        loop {
            let missing = missing(&self.begun)?;
            if missing > 0 {
                let come = match self.packets.fill_buf().await {
                    Ok([]) => return Err(self.gone()),
                    Ok(come) => come,
                    Err(error) => return Err(self.io(error)),
                };
                let taken = missing.min(come.len());
                self.begun.extend_from_slice(&come[..taken]);
                self.packets.consume(taken);
                continue;
            }
            match &std::mem::take(&mut self.begun)[..] {
                [EVENT, HARDWARE_ERROR, _, code, ..] => return Err(Trouble::Hardware(*code)),
                [EVENT, code, _, parameters @ ..] => {
                    return Ok([&[*code], parameters].concat());
                }
                _ => {}
            }
        }
    }

    fn io(&self, error: io::Error) -> Trouble {
        Trouble::Io(self.address.clone(), error)
    }

    fn gone(&self) -> Trouble {
        self.io(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Bytes that a packet lacks: up to its length field, then to its end. 0: it is whole. Length
/// fields: Core 5.4, Vol 4, Part E, 5.4.
fn missing(begun: &[u8]) -> Result<usize, Trouble> {
    let Some(kind) = begun.first() else { return Ok(1) };
    let (head, is_long) = match *kind {
        EVENT => (3, false),
        kind if kind == PacketKind::SyncData as u8 => (4, false),
        kind if kind == PacketKind::AclData as u8 || kind == PacketKind::IsoData as u8 => (5, true),
        _ => return Err(Trouble::NotHci),
    };
    let len = match begun.get(..head) {
        None => return Ok(head - begun.len()),
        Some([.., low, high]) if is_long => usize::from(*low) | usize::from(*high & 0x3F) << 8,
        Some([.., len]) => usize::from(*len),
        Some([]) => 0,
    };
    Ok((head + len).saturating_sub(begun.len()))
}

#[cfg(test)]
mod tests {
    use tokio::io::BufStream;

    use super::*;

    #[test]
    fn an_event_that_comes_in_pieces_survives_that_nobody_waits_for_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (ours, mut theirs) = tokio::io::duplex(64);
            let mut host = Host {
                packets: BufStream::new(Box::new(ours)),
                address: ControllerAddress::UserChannel(0),
                begun: Vec::new(),
            };
            // Data of a connection that nobody made, a vendor's event, and the beginning of a third.
            let said = [2, 1, 0, 2, 0, 9, 9, 4, 0xFF, 3, 1, 2, 3, 4, 0x0E];
            let mut whole = Vec::new();
            for byte in said {
                theirs.write_all(&[byte]).await.unwrap();
                if let Ok(event) = timeout(Duration::ZERO, host.event()).await {
                    whole.push(event.unwrap());
                }
            }
            assert_eq!(whole, [[0xFF, 1, 2, 3]], "data is dropped");
            theirs.write_all(&[1, 7]).await.unwrap();
            assert_eq!(host.event().await.unwrap(), [0x0E, 7]);
            theirs.write_all(&[4, HARDWARE_ERROR, 1, 0x20]).await.unwrap();
            assert!(matches!(host.event().await, Err(Trouble::Hardware(0x20))));
            theirs.write_all(&[0x77]).await.unwrap();
            assert!(matches!(host.event().await, Err(Trouble::NotHci)));
        });
    }
}
