//! What a front end has that listens: a socket's address, and a thread of its own that serves it.

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::exit::Failure;

/// A front end that listens; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Served {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Runs `serve` on a thread called `name`, for a socket that listens on `address`. It is to
    /// return when what it is given is told, or was dropped.
    pub(crate) fn begin(
        name: &str,
        address: SocketAddr,
        serve: impl FnOnce(oneshot::Receiver<()>) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.into());
        let thread = thread.spawn(move || serve(stopped))?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Dropping the sender is the message.
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Does `work` on `runtime` until it ends or is told to stop.
pub(crate) fn until_stopped(
    runtime: &Runtime,
    work: impl Future<Output = ()>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        tokio::select! {
            () = work => {}
            _ = stopped => {}
        }
    });
}

/// Why `what` cannot listen on `address`, with what to do; `protocol` is "tcp" or "udp".
pub(crate) fn bind_failure(
    what: &str,
    protocol: &str,
    address: SocketAddr,
    error: &io::Error,
) -> Failure {
    let port = address.port();
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port}/{protocol} is in use; find the program with `ss -{}lpn 'sport = :{port}'` \
             and close it, or choose another port",
            &protocol[..1]
        ),
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; use one of its own, or 127.0.0.1".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "no permission; choose a port above 1023, or run as a user who may".to_owned()
        }
        _ => error.to_string(),
    };
    Failure::cannot_start(format!("cannot {what} on {address}: {why}"))
}
