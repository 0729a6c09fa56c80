//! What the kernel alone costs: loops that do nothing with what they receive.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wristcast_core::telemetry::LatencyHistogram;

use super::mmsg;
use super::role::{Received, Receiving};

/// How long a loop waits before it looks whether it is to end.
const LOOK_UP: Duration = Duration::from_millis(100);

/// As much as wristcast asks for.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// A loop on a thread of its own.
pub(super) struct Bare {
    thread: Option<JoinHandle<io::Result<()>>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    ends: AtomicBool,
    packets: AtomicU64,
    latency: LatencyHistogram,
}

/// A socket like wristcast's.
fn socket(bind: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(bind)?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.set_read_timeout(Some(LOOK_UP))?;
    Ok(socket)
}

impl Bare {
    /// Counts what comes, in batches.
    pub(super) fn count(bind: SocketAddr) -> io::Result<Self> {
        let socket = socket(bind)?;
        let mut receiver = mmsg::Receiver::new();
        Self::start(move |shared| {
            let taken = receiver.receive(&socket)?;
            shared.packets.fetch_add(taken as u64, Ordering::Relaxed);
            Ok(())
        })
    }

    /// Takes one datagram after the other and the time that it took to get here.
    pub(super) fn stamp(bind: SocketAddr, spin: bool) -> io::Result<Self> {
        let socket = socket(bind)?;
        mmsg::stamp_arrivals(&socket)?;
        let mut bytes = mmsg::room();
        Self::start(move |shared| {
            let (_, latency) = mmsg::receive_one(&socket, &mut bytes, !spin)?;
            shared.packets.fetch_add(1, Ordering::Relaxed);
            shared.latency.record(latency);
            Ok(())
        })
    }

    fn start(mut once: impl FnMut(&Shared) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let body = move || {
            while !of_thread.ends.load(Ordering::Relaxed) {
                match once(&of_thread) {
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("bare".to_owned()).spawn(body)?;
        Ok(Self { thread: Some(thread), shared })
    }
}

impl Receiving for Bare {
    fn stop(&mut self) -> io::Result<Received> {
        self.shared.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| io::Error::other("the loop panicked"))??;
        }
        Ok(Received {
            packets: Some(self.shared.packets.load(Ordering::Relaxed)),
            published_us: Some(super::role::quantiles(&self.shared.latency)),
            handed_us: None,
        })
    }
}
