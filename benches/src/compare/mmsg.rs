//! Many datagrams with one system call, and the kernel's arrival times: what the load and the bare
//! loops are made of. Own calls, so that the limit that others are held against has nobody's
//! library in it.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Datagrams of one call.
pub(super) const BATCH: usize = 64;

/// Room for one datagram: more than any DMX packet has.
const ROOM: usize = 1472;

/// Room for one time stamp beside it.
const CONTROL_BYTES: usize = 64;

/// Sends all of `datagrams` from a connected socket, `BATCH` at a time. Returns how many the kernel
/// took before it refused one.
pub(super) fn send_all(socket: &UdpSocket, datagrams: &[&[u8]]) -> usize {
    let mut sent = 0;
    for part in datagrams.chunks(BATCH) {
        // SAFETY: all-zero bytes are a valid value of these plain C structures.
        let (mut vectors, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { (zeroed(), zeroed()) };
        for ((datagram, vector), header) in part.iter().zip(&mut vectors).zip(&mut headers) {
            vector.iov_base = datagram.as_ptr().cast_mut().cast();
            vector.iov_len = datagram.len();
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
        }
        // SAFETY: the first `part.len()` headers point to vectors that point to datagrams, all of
        // which outlive the call; sending writes to none of the datagrams.
        let taken = unsafe {
            libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), part.len() as libc::c_uint, 0)
        };
        sent += usize::try_from(taken).unwrap_or(0);
        if usize::try_from(taken) != Ok(part.len()) {
            break;
        }
    }
    sent
}

/// Buffers for [`receive`](Self::receive).
pub(super) struct Receiver {
    bytes: Vec<[u8; ROOM]>,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self { bytes: vec![[0; ROOM]; BATCH] }
    }

    /// Waits for a datagram and takes what else is there, up to a batch.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        // SAFETY: as in `send_all`.
        let (mut vectors, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { (zeroed(), zeroed()) };
        for ((bytes, vector), header) in self.bytes.iter_mut().zip(&mut vectors).zip(&mut headers) {
            vector.iov_base = bytes.as_mut_ptr().cast();
            vector.iov_len = ROOM;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
        }
        // SAFETY: every header points to a vector that points to a buffer of the length it says,
        // all of which outlive the call and are borrowed by nobody else.
        let taken = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_WAITFORONE,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(taken).map_err(|_| io::Error::last_os_error())
    }
}

/// Asks the kernel for the arrival time of every datagram.
pub(super) fn stamp_arrivals(socket: &UdpSocket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option takes an int, and is told of its address and size.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Waits for one datagram, or not with `wait` false. Returns its length and how long it is since
/// the kernel had it.
pub(super) fn receive_one(
    socket: &UdpSocket,
    bytes: &mut [u8; ROOM],
    wait: bool,
) -> io::Result<(usize, Duration)> {
    #[repr(align(8))]
    struct Control([u8; CONTROL_BYTES]);
    let mut control = Control([0; CONTROL_BYTES]);
    let mut vector = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: ROOM };
    // SAFETY: as in `send_all`.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_BYTES;
    let flags = if wait { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: the header points to a buffer and a control buffer of the lengths it says.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let now = wall_clock();
    // SAFETY: the header is the one the kernel has filled in.
    let first = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
    // SAFETY: a control message of the kernel, if not null, lies in our aligned control buffer.
    let Some(message) = (unsafe { first.as_ref() }) else {
        return Err(io::Error::other("the kernel gave no arrival time"));
    };
    if message.cmsg_type != libc::SCM_TIMESTAMPNS {
        return Err(io::Error::other("the kernel gave something else than an arrival time"));
    }
    // SAFETY: the data of a SCM_TIMESTAMPNS is a timespec, which may lie unaligned.
    let arrived = unsafe { libc::CMSG_DATA(first).cast::<libc::timespec>().read_unaligned() };
    Ok((length, now.saturating_sub(duration(arrived))))
}

/// One buffer for [`receive_one`].
pub(super) fn room() -> Box<[u8; ROOM]> {
    Box::new([0; ROOM])
}

fn wall_clock() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists and writes one timespec to where it is told.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    duration(now)
}

fn duration(time: libc::timespec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
