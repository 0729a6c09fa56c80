//! Datagrams the kernel dropped because a receive buffer was full. Control side.

use std::sync::Arc;

use super::socket::BoundSocket;

/// Follows one socket's drop count.
#[derive(Debug)]
pub struct KernelDrops {
    inode: Option<u64>,
}

impl KernelDrops {
    /// Follows `socket`.
    pub fn of(socket: &Arc<BoundSocket>) -> Self {
        Self { inode: imp::inode(socket) }
    }

    /// Datagrams dropped at the socket since it was opened; `None` where the system does not tell.
    pub fn count(&self) -> Option<u64> {
        self.inode.and_then(imp::drops)
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::fs::{self, File};
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    use super::BoundSocket;

    pub(super) fn inode(socket: &BoundSocket) -> Option<u64> {
        let descriptor = socket.io.as_fd().try_clone_to_owned().ok()?;
        File::from(descriptor).metadata().ok().map(|metadata| metadata.ino())
    }

    pub(super) fn drops(inode: u64) -> Option<u64> {
        // Of the thread, not of the process: threads may live in network namespaces of their own.
        ["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"]
            .into_iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .find_map(|table| drops_in(&table, inode))
    }

    /// The last column of the line whose tenth is `inode` (`udp4_seq_show` in the kernel).
    pub(super) fn drops_in(table: &str, inode: u64) -> Option<u64> {
        table.lines().skip(1).find_map(|line| {
            let mut columns = line.split_ascii_whitespace();
            if columns.nth(9)?.parse::<u64>().ok()? != inode {
                return None;
            }
            columns.last()?.parse().ok()
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use super::BoundSocket;

    pub(super) fn inode(_: &BoundSocket) -> Option<u64> {
        None
    }

    pub(super) fn drops(_: u64) -> Option<u64> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::imp::drops_in;

    const TABLE: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n\
  414: 00000000:15C0 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 7031 2 0000000000000000 12 \n\
 1300: 00000000:1936 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 7032 2 0000000000000000 0 \n";

    #[test]
    fn drops_are_found_by_the_sockets_inode() {
        assert_eq!(drops_in(TABLE, 7031), Some(12));
        assert_eq!(drops_in(TABLE, 7032), Some(0));
        assert_eq!(drops_in(TABLE, 414), None);
        assert_eq!(drops_in("", 7031), None);
    }
}
