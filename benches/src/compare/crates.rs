//! Receivers made of crates that others use.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::role::{Received, Receiving};

const LOOK_UP: Duration = Duration::from_millis(100);

/// Such a receiver on a thread of its own.
pub(super) struct Peer {
    thread: Option<JoinHandle<()>>,
    ends: Arc<AtomicBool>,
    packets: Arc<AtomicU64>,
}

impl Peer {
    /// The receiver of the crate `sacn`, listening to these universes.
    pub(super) fn sacn(bind: SocketAddr, universes: u16) -> io::Result<Self> {
        let wrong = |error: sacn::error::errors::SacnError| io::Error::other(error.to_string());
        let mut receiver = sacn::receive::SacnReceiver::with_ip(bind, None).map_err(wrong)?;
        // The load is unicast: so is every packet's way here, without two thousand joined groups.
        receiver.set_is_multicast_enabled(false).map_err(wrong)?;
        let all: Vec<u16> = (1..=universes).collect();
        receiver.listen_universes(&all).map_err(wrong)?;
        Self::start(move || match receiver.recv(Some(LOOK_UP)) {
            Ok(data) => data.len() as u64,
            Err(_) => 0,
        })
    }

    /// A plain socket and the parser of the crate `artnet_protocol`. It parses and does no more.
    pub(super) fn artnet(bind: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(bind)?;
        socket.set_read_timeout(Some(LOOK_UP))?;
        let mut bytes = [0; 1472];
        Self::start(move || {
            let Ok(length) = socket.recv(&mut bytes) else { return 0 };
            let parsed = artnet_protocol::ArtCommand::from_buffer(&bytes[..length]);
            u64::from(matches!(parsed, Ok(artnet_protocol::ArtCommand::Output(_))))
        })
    }

    fn start(mut once: impl FnMut() -> u64 + Send + 'static) -> io::Result<Self> {
        let (ends, packets) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (of_thread, count) = (Arc::clone(&ends), Arc::clone(&packets));
        let body = move || {
            while !of_thread.load(Ordering::Relaxed) {
                count.fetch_add(once(), Ordering::Relaxed);
            }
        };
        let thread = std::thread::Builder::new().name("peer".to_owned()).spawn(body)?;
        Ok(Self { thread: Some(thread), ends, packets })
    }
}

impl Receiving for Peer {
    fn stop(&mut self) -> io::Result<Received> {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| io::Error::other("the peer panicked"))?;
        }
        let packets = Some(self.packets.load(Ordering::Relaxed));
        Ok(Received { packets, published_us: None, handed_us: None })
    }
}
