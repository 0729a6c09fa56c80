//! How a controller is reached: a stream of HCI packets, each with its type before it (H4, Core
//! 5.4, Vol 4, Part A). The user channel of Linux has the same shape.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, BufStream};
use tokio::net::TcpStream;
use tokio_serial::SerialPortBuilderExt;

use crate::config::ControllerAddress;

/// Longest way to a controller somewhere else.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);

/// More than any packet: the user channel gives one packet per read, and what does not fit is lost.
const PACKET_MAX: usize = 2_048;

/// Bytes from and to a controller.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Packets are written and read whole.
pub(super) type Packets = BufStream<Box<dyn Stream>>;

/// Opens the way to a controller.
pub(super) async fn open(address: &ControllerAddress) -> io::Result<Packets> {
    let stream: Box<dyn Stream> = match address {
        ControllerAddress::Serial { path, baud } => {
            let port = tokio_serial::new(path, *baud)
                .flow_control(tokio_serial::FlowControl::Hardware)
                .open_native_async()
                .map_err(io::Error::from)?;
            Box::new(port)
        }
        ControllerAddress::Tcp { host, port } => {
            let connecting = TcpStream::connect((host.as_str(), *port));
            let stream = tokio::time::timeout(CONNECT_TIME_MAX, connecting).await??;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        #[cfg(target_os = "linux")]
        ControllerAddress::UserChannel(index) => Box::new(bt_hci_linux::Socket::new(*index)?),
        #[cfg(not(target_os = "linux"))]
        ControllerAddress::UserChannel(_) => return Err(io::ErrorKind::Unsupported.into()),
    };
    Ok(BufStream::with_capacity(PACKET_MAX, PACKET_MAX, stream))
}
