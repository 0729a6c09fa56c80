//! Stage 1 of 5, receive: the kernel's datagrams, in batches, each with the time it arrived.
//!
//! Before it: consoles and the network. After it: [`wire`](crate::wire).
//! In: UDP on the sACN and Art-Net ports. Out: [`Datagram`]s that came in through a chosen
//! interface, bytes borrowed from the batch's buffers.
//! Thread: [`Receiver`] lives on the relay thread; everything that opens, joins or closes
//! ([`BoundSocket`], [`Memberships`]) is done on the control side and handed over.
//!
//! Promises:
//! - after construction the [`Receiver`] allocates nothing and takes no lock; its only system
//!   calls are poll, receive and send;
//! - a turn is bounded by its caller: one call reads at most one batch from one socket, and busy
//!   sockets take turns, so that a flood on one port starves neither the other nor the timers;
//! - a socket that fails is given up at once and reported; it can never be spun on;
//! - arrivals never run backwards, as the engine demands;
//! - it knows [how far everything was read](Receiver::read_to), so that nobody is taken for silent whose
//!   packets wait in another socket.
//!
//! Read first: E1.31-2018 §9.3 (multicast addresses); Art-Net 4, "Ethernet implementation".

mod arrival;
mod kernel_drops;
mod memberships;
mod socket;

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Registry, Token, Waker};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef};

pub use arrival::Clock;
use arrival::Reading;
pub use kernel_drops::KernelDrops;
#[cfg(test)]
pub(crate) use memberships::Groups;
pub use memberships::{Membership, Memberships, sacn_group_v4, sacn_group_v6};
pub use socket::{BoundSocket, Port};

use crate::engine::Datagram;
use crate::interfaces::InterfaceFilter;
use crate::time::Time;

/// Room for one receive. The kernel may join equal-sized datagrams of one sender into one of up to
/// 64 KiB (GRO), which must fit, or the rest is lost.
const BUFFER_BYTES: usize = 65_536;

/// From one buffer to the next. A bare power of two would put the heads of all buffers into the
/// same few sets of the processor's cache.
const BUFFER_STRIDE: usize = BUFFER_BYTES + 11 * 64;

/// Wakes the relay thread for a command.
const WAKE: Token = Token(Port::COUNT);

/// What one call of [`Receiver::receive`] did.
#[derive(Debug, Default)]
pub struct Batch {
    /// Datagrams handed over.
    pub taken: usize,
    /// Datagrams of interfaces that were not chosen.
    pub other_interface: usize,
    /// The interface that the last of those came in through.
    pub last_other_interface: Option<u32>,
    /// The socket failed and was given up.
    pub failed: Option<(Port, Arc<BoundSocket>, io::Error)>,
}

#[derive(Debug, Default)]
struct Place {
    socket: Option<Arc<BoundSocket>>,
    /// There may be something to read.
    ready: bool,
    /// What arrived before was read: it was seen empty then, or the last datagram read came then. What
    /// is read now arrived later.
    read_to: Time,
    /// An error that the next receive meets, in tests.
    #[cfg(test)]
    inject: Option<io::ErrorKind>,
}

/// The receiving half of the relay thread.
pub struct Receiver {
    poll: Poll,
    events: Events,
    places: [Place; Port::COUNT],
    /// The waker was called since the last wait.
    woken: bool,
    /// Waits end at once, and come again.
    busy: bool,
    /// The place whose turn it is.
    turn: usize,
    buffers: Box<[u8]>,
    metas: [RecvMeta; BATCH_SIZE],
    filter: Box<InterfaceFilter>,
    clock: Clock,
    /// The latest reading of the clock.
    now: Time,
    /// The latest time handed to the engine.
    engine_time: Time,
}

impl Receiver {
    /// A receiver without sockets; `filter` admits nothing until told otherwise.
    pub fn new(clock: Clock) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(16),
            places: Default::default(),
            woken: false,
            busy: false,
            turn: 0,
            buffers: vec![0; BATCH_SIZE * BUFFER_STRIDE].into_boxed_slice(),
            metas: [RecvMeta::default(); BATCH_SIZE],
            filter: Box::default(),
            now: clock.now(),
            engine_time: Time::ZERO,
            clock,
        })
    }

    /// For the control side: sockets are opened with this registry.
    pub fn registry(&self) -> io::Result<Registry> {
        self.poll.registry().try_clone()
    }

    /// For the control side: ends a [`wait`](Self::wait) early.
    pub fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKE)
    }

    /// Reads `socket` at `port` from now on, or nothing; gives back what was read there before.
    pub fn replace_socket(
        &mut self,
        port: Port,
        socket: Option<Arc<BoundSocket>>,
    ) -> Option<Arc<BoundSocket>> {
        let place = &mut self.places[port.index()];
        place.ready = socket.is_some();
        std::mem::replace(&mut place.socket, socket)
    }

    /// Admits what `filter` admits from now on; gives back the filter before.
    pub fn replace_filter(&mut self, filter: Box<InterfaceFilter>) -> Box<InterfaceFilter> {
        std::mem::replace(&mut self.filter, filter)
    }

    /// Whether [`receive`](Self::receive) has something to try.
    pub fn is_ready(&self) -> bool {
        self.places.iter().any(|place| place.ready)
    }

    /// The UDP port that the next [`receive`](Self::receive) reads.
    pub fn next_udp_port(&self) -> Option<u16> {
        let ready = (0..Port::COUNT)
            .map(|step| &self.places[(self.turn + step) % Port::COUNT])
            .find(|place| place.ready)?;
        ready.socket.as_ref().map(|socket| socket.address.port())
    }

    /// Takes every socket for readable. To be called when [`wait`](Self::wait) failed.
    pub fn look_at_all(&mut self) {
        for place in &mut self.places {
            place.ready = place.socket.is_some();
        }
    }

    /// Spends the time between datagrams looking for them, on a whole core, instead of sleeping: the
    /// system takes some 20 µs to wake a thread.
    pub fn set_busy_wait(&mut self, busy: bool) {
        self.busy = busy;
    }

    /// Sleeps until a socket is readable, the waker was called or `until` has come. With a socket
    /// that is readable already it only looks at the others. With busy waiting every socket is to be
    /// tried: that takes as long as to ask which.
    pub fn wait(&mut self, until: Option<Time>) -> io::Result<()> {
        if self.busy {
            self.look_at_all();
            return Ok(());
        }
        let timeout = if self.is_ready() || self.woken {
            Some(Duration::ZERO)
        } else {
            until.map(|until| until.since(self.clock.now()))
        };
        let looked = self.look(timeout);
        self.woken = false;
        looked
    }

    /// Takes note of what is readable now, or is within `timeout`, and so of what is not.
    fn look(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            // It says nothing of the sockets.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            looked => looked?,
        }
        for event in &self.events {
            match self.places.get_mut(event.token().0) {
                Some(place) => place.ready = place.socket.is_some(),
                None => self.woken = true,
            }
        }
        // The clock was read before.
        for place in self.places.iter_mut().filter(|place| !place.ready) {
            place.read_to = place.read_to.max(self.now);
        }
        Ok(())
    }

    /// What arrived before then, at any socket, was handed over: each was seen empty then or later, or
    /// has been read so far. Nobody may be judged silent by a later time: after a stall of this thread
    /// the first batch of one socket may reach to the present, while the others hold all that came in
    /// meanwhile. Between a wait and the next look at the sockets it lags by as much as the wait took;
    /// [`timer_time`](Self::timer_time) looks as soon as that matters.
    pub fn read_to(&self) -> Time {
        let open = self.places.iter().filter(|place| place.socket.is_some());
        open.map(|place| place.read_to).min().unwrap_or(self.now)
    }

    /// The time that timers may be judged by, if one is `due`: now, if every socket was seen empty
    /// since; else the last arrival, because what still waits in a socket arrived before now. The sockets are
    /// looked at after the clock, or a thread that was not scheduled in between for 2.5 s would
    /// take sources for lost whose packets are there.
    pub fn timer_time(&mut self, due: Option<Time>) -> Time {
        self.now = self.clock.now();
        if due.is_some_and(|due| due <= self.now) && !self.is_ready() {
            // An error shows again, and is seen to, at the next wait for something.
            let _ = self.look(Some(Duration::ZERO));
            if self.read_to() >= self.now {
                self.engine_time = self.engine_time.max(self.now);
            }
        }
        self.engine_time
    }

    /// Lets the next receive at `port` meet an error.
    #[cfg(test)]
    pub(crate) fn fail(&mut self, port: Port, error: io::ErrorKind) {
        let place = &mut self.places[port.index()];
        place.inject = Some(error);
        place.ready = true;
    }

    /// Reads one batch from the next readable socket and hands every admitted datagram to `take`,
    /// with the kernel's arrival time unaltered by the order of the sockets.
    pub fn receive(&mut self, mut take: impl FnMut(Datagram<'_>, Time)) -> Batch {
        self.receive_for(&mut (), |(), _| {}, |(), datagram, arrival| take(datagram, arrival))
    }

    /// Likewise, for `taker`, which is first shown what the whole batch has: so it can fetch from
    /// memory what it will need for all of it at once, instead of waiting for each in turn.
    pub fn receive_for<T>(
        &mut self,
        taker: &mut T,
        foresee: impl Fn(&T, &[u8]),
        mut take: impl FnMut(&mut T, Datagram<'_>, Time),
    ) -> Batch {
        let mut batch = Batch::default();
        let Some(port) = self.next_ready() else { return batch };
        let place = &mut self.places[port.index()];
        let Some(socket) = &place.socket else { return batch };

        let before = self.now;
        let mut buffers = self.buffers.chunks_exact_mut(BUFFER_STRIDE);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
            IoSliceMut::new(buffers.next().map_or(&mut [], |buffer| &mut buffer[..BUFFER_BYTES]))
        });
        let received =
            socket.state.recv(UdpSockRef::from(&socket.io), &mut slices, &mut self.metas);
        #[cfg(test)]
        let received = place.inject.take().map_or(received, |kind| Err(kind.into()));
        let reading = Reading::take(&self.clock);
        self.now = reading.now;

        let floor = place.read_to;
        let count = match received {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => {
                place.ready = false;
                batch.failed = place.socket.take().map(|socket| (port, socket, error));
                return batch;
            }
        };
        // A batch that is not full has emptied the socket. Where batches are of one, only an
        // empty one tells.
        if count == 0 || (BATCH_SIZE > 1 && count < BATCH_SIZE) {
            place.read_to = floor.max(before);
            // Of several the next is on its way: to look once more is cheaper than to wait for it.
            place.ready = count > 1;
        }
        if let Some(last) = count.checked_sub(1) {
            let last = reading.arrival(self.metas[last].timestamp, floor);
            place.read_to = place.read_to.max(last);
        }
        if count > 1 {
            let batch = self.metas[..count].iter().zip(self.buffers.chunks(BUFFER_STRIDE));
            for (meta, buffer) in batch {
                foresee(taker, &buffer[..meta.len.min(meta.stride)]);
            }
        }
        for (meta, buffer) in self.metas[..count].iter().zip(self.buffers.chunks(BUFFER_STRIDE)) {
            let stride = meta.stride.max(1);
            let datagrams = meta.len.div_ceil(stride).max(1);
            if !self.filter.admits(meta.interface_index, meta.dst_ip) {
                batch.other_interface += datagrams;
                batch.last_other_interface = meta.interface_index;
                continue;
            }
            let arrival = reading.arrival(meta.timestamp, floor);
            self.engine_time = self.engine_time.max(arrival);
            for n in 0..datagrams {
                let bytes = &buffer[n * stride..meta.len.min((n + 1) * stride)];
                let datagram = Datagram {
                    bytes,
                    source: meta.addr,
                    destination: meta.dst_ip,
                    interface: meta.interface_index,
                    at: self.engine_time,
                };
                take(taker, datagram, arrival);
            }
            batch.taken += datagrams;
        }
        batch
    }

    /// Sends one datagram from the Art-Net port. Never blocks; a full send buffer is an error like
    /// any other.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let Some(socket) = &self.places[Port::ArtNet.index()].socket else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: bytes,
            segment_size: None,
            src_ip: None,
        };
        socket.state.try_send(UdpSockRef::from(&socket.io), &transmit)
    }

    fn next_ready(&mut self) -> Option<Port> {
        for step in 0..Port::COUNT {
            let index = (self.turn + step) % Port::COUNT;
            if self.places[index].ready {
                self.turn = index + 1;
                return Some(Port::ALL[index]);
            }
        }
        None
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("places", &self.places).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
