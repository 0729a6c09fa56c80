//! What goes wrong with a controller, in words that say what to do.

use std::io;

use bt_hci::param;

use crate::config::{AirWay, ControllerAddress};

/// Why a controller does not work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// It could not be opened, or was lost.
    #[error("{}", io_words(.0, .1))]
    Io(ControllerAddress, io::Error),
    /// It does not answer.
    #[error("the controller does not answer; unplug it and plug it in again")]
    Silent,
    /// What it says is not HCI.
    #[error("it does not speak HCI; is the right firmware on it, and is the speed right?")]
    NotHci,
    /// It refused a command.
    #[error("the controller refused to {what}: {}", status_words(*.error))]
    Refused { what: &'static str, error: param::Error },
    /// It cannot do what the show asks for.
    #[error("{0}")]
    Cannot(String),
    /// It says that its hardware failed.
    #[error("the controller reports a hardware fault (code {0:#04x}); starting it again")]
    Hardware(u8),
}

impl Trouble {
    /// What a controller without a feature lacks, and the way out.
    pub(super) fn lacks(way: AirWay) -> Self {
        let words = match way {
            AirWay::Periodic => {
                "this controller has no periodic advertising; use way = \"extended\", or a controller \
                 with Bluetooth 5 and periodic advertising"
            }
            AirWay::Extended => {
                "this controller has no extended advertising; use way = \"legacy\", or a controller \
                 with Bluetooth 5"
            }
            AirWay::Legacy => "this controller has no Bluetooth LE advertising",
        };
        Self::Cannot(words.to_owned())
    }
}

fn io_words(address: &ControllerAddress, error: &io::Error) -> String {
    use io::ErrorKind;
    let errno = error.raw_os_error();
    match (address, error.kind()) {
        (ControllerAddress::UserChannel(index), _) if errno == Some(16) => {
            format!(
                "hci{index} is in use; take it from BlueZ: bluetoothctl power off, or hciconfig hci{index} down"
            )
        }
        (ControllerAddress::UserChannel(_), ErrorKind::PermissionDenied) => {
            "the user channel needs the capability CAP_NET_ADMIN: run as root, or setcap \
             cap_net_admin+ep on wristcast"
                .to_owned()
        }
        (ControllerAddress::UserChannel(index), _) if errno == Some(19) => {
            format!("there is no adapter hci{index}; is it plugged in?")
        }
        (ControllerAddress::UserChannel(_), ErrorKind::Unsupported) => {
            "user channels are Linux only; use \"serial:...\"".to_owned()
        }
        (ControllerAddress::Serial { path, .. }, ErrorKind::NotFound) => {
            format!("there is no {path}; is the dongle plugged in?")
        }
        (ControllerAddress::Serial { path, .. }, ErrorKind::PermissionDenied) => {
            format!("this user may not open {path}; on Linux, join the group `dialout`")
        }
        (ControllerAddress::Tcp { host, port }, ErrorKind::ConnectionRefused) => {
            format!("nothing listens on {host}:{port}")
        }
        // EIO, ENXIO: what a serial port says when the dongle behind it is pulled out.
        (ControllerAddress::Serial { .. }, _) if matches!(errno, Some(5 | 6)) => {
            "it is gone; looking for it".to_owned()
        }
        (_, ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
            "it is gone; looking for it".to_owned()
        }
        (_, ErrorKind::TimedOut) => "it cannot be reached; looking for it".to_owned(),
        _ => error.to_string(),
    }
}

/// Core 5.4, Vol 1, Part F.
fn status_words(error: param::Error) -> String {
    match error {
        param::Error::UNKNOWN_CMD => "it does not know the command".to_owned(),
        param::Error::UNSUPPORTED => "it does not support this".to_owned(),
        param::Error::INVALID_HCI_PARAMETERS => "it does not take these settings".to_owned(),
        param::Error::CMD_DISALLOWED => "something else uses it".to_owned(),
        param::Error::MEMORY_CAPACITY_EXCEEDED => "it has no room for it".to_owned(),
        other => format!("{other:?}"),
    }
}
