//! Where frames of a connected band go.

use std::time::Duration;

use btleplug::api::{CharPropFlags, Characteristic, Peripheral as _, WriteType};
use btleplug::platform::Peripheral;

use crate::band::profile::{FrameBytes, Profile, WriteKind, Writes};
use crate::radio::gatt::command::Trouble;
use crate::radio::gatt::words::explain;

/// What a write takes of the MTU for itself (Core 5.4, Vol 3, Part F, 3.4.5.1).
const ATT_HEADER: usize = 3;

/// Where frames of a connected band go.
pub(super) struct Socket {
    pub(super) peripheral: Peripheral,
    pub(super) characteristic: Characteristic,
    pub(super) kind: WriteKind,
    pub(super) min_interval: Duration,
}

impl Socket {
    /// Writes what one look takes. Between two writes the band has its time.
    pub(super) async fn write(&self, writes: &Writes, acknowledged: bool) -> Result<(), Trouble> {
        for (index, frame) in writes.iter().enumerate() {
            if index > 0 {
                tokio::time::sleep(self.min_interval).await;
            }
            self.write_one(frame, acknowledged).await?;
        }
        Ok(())
    }

    async fn write_one(&self, frame: &[u8], acknowledged: bool) -> Result<(), Trouble> {
        let flags = self.characteristic.properties;
        // On Apple a write without response to a characteristic that has none is silently changed.
        let kind = match (self.kind, acknowledged) {
            (WriteKind::WithResponse, _) => WriteType::WithResponse,
            (WriteKind::WithoutResponse, _) => WriteType::WithoutResponse,
            _ if !flags.contains(CharPropFlags::WRITE) => WriteType::WithoutResponse,
            (_, false) if flags.contains(CharPropFlags::WRITE_WITHOUT_RESPONSE) => {
                WriteType::WithoutResponse
            }
            _ => WriteType::WithResponse,
        };
        let written = self.peripheral.write(&self.characteristic, frame, kind).await;
        written.map_err(|error| explain(&error))
    }
}

/// Connects a band, finds where it takes frames and writes what it needs first.
pub(super) async fn connect(peripheral: Peripheral, profile: &Profile) -> Result<Socket, Trouble> {
    let connected = async {
        peripheral.connect().await?;
        peripheral.discover_services().await
    };
    connected.await.map_err(|error| explain(&error))?;
    let is_ours = |characteristic: &Characteristic| {
        characteristic.uuid == profile.characteristic()
            && profile.service().is_none_or(|service| service == characteristic.service_uuid)
    };
    let Some(characteristic) = peripheral.characteristics().into_iter().find(is_ours) else {
        return Err(Trouble::lasting(format!(
            "it has no characteristic {}, which bands of profile `{}` have: is it another kind?",
            profile.characteristic(),
            profile.name()
        )));
    };
    if !characteristic
        .properties
        .intersects(CharPropFlags::WRITE | CharPropFlags::WRITE_WITHOUT_RESPONSE)
    {
        return Err(Trouble::lasting(format!(
            "its characteristic {} cannot be written: is it another kind than `{}`?",
            profile.characteristic(),
            profile.name()
        )));
    }
    let (longest, mtu) = (profile.frame_len_max(), usize::from(peripheral.mtu()));
    if longest > FrameBytes::EVERY_LINK && longest + ATT_HEADER > mtu {
        return Err(Trouble::lasting(format!(
            "its link carries {} bytes, and frames of profile `{}` have {longest}",
            mtu.saturating_sub(ATT_HEADER),
            profile.name()
        )));
    }
    let (kind, min_interval) = (profile.write_kind(), profile.min_interval());
    let socket = Socket { peripheral, characteristic, kind, min_interval };
    for (frame, wait) in profile.connect_writes() {
        socket.write_one(&frame, true).await?;
        tokio::time::sleep(wait).await;
    }
    Ok(socket)
}
