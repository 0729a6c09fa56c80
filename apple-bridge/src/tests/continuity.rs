//! Sockets that die under the relay, and processes that are stopped: what was missed is told to
//! the packet. Linux, because the sockets are found in /proc.
#![cfg(target_os = "linux")]

use super::phone::{self, Phone};
use super::*;

/// This process's descriptors of sockets bound to `port`.
fn descriptors(port: u16) -> Vec<i32> {
    let table = std::fs::read_to_string("/proc/self/net/udp").unwrap();
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let bound = u16::from_str_radix(fields[1].rsplit(':').next()?, 16).ok()?;
        (bound == port).then(|| format!("socket:[{}]", fields[9]))
    };
    let inodes: Vec<String> = table.lines().skip(1).filter_map(inode).collect();
    let all = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let ours = all.filter(|entry| {
        std::fs::read_link(entry.path())
            .is_ok_and(|link| inodes.iter().any(|inode| link.to_string_lossy() == *inode))
    });
    ours.map(|entry| entry.file_name().to_string_lossy().parse().unwrap()).collect()
}

/// Sockets that stay open and give nothing any more: what a suspended app finds at worst.
pub(super) fn silence(port: u16) {
    for descriptor in descriptors(port) {
        let nobody = socket2::SockAddr::from(std::net::SocketAddr::from(([127, 0, 0, 1], 9)));
        // SAFETY: the descriptor is open, and the address is valid for the length of the call.
        let connected = unsafe { libc::connect(descriptor, nobody.as_ptr().cast(), nobody.len()) };
        assert_eq!(connected, 0, "{}", std::io::Error::last_os_error());
    }
}

/// What kills the sockets on a port, with its name.
type Death = (&'static str, fn(u16));

const DEATHS: [Death; 3] = [
    ("silent", silence),
    ("shut down", |port| {
        for descriptor in descriptors(port) {
            // SAFETY: shutting down an open socket touches no memory.
            let _ = unsafe { libc::shutdown(descriptor, libc::SHUT_RDWR) };
        }
    }),
    ("closed", |port| {
        use std::os::fd::AsRawFd;
        let nothing = std::fs::File::open("/dev/null").unwrap();
        for descriptor in descriptors(port) {
            // Closes the socket and keeps its number from being given to somebody else.
            // SAFETY: both descriptors are open.
            let replaced = unsafe { libc::dup2(nothing.as_raw_fd(), descriptor) };
            assert_eq!(replaced, descriptor);
        }
    }),
];

#[test]
fn a_relay_whose_sockets_died_hears_again_after_a_rebind_and_keeps_its_sources() {
    for (death, kill) in DEATHS {
        let mut stage = Stage::new(SIMULATED);
        stage.send_until_heard();
        assert!(!descriptors(stage.port).is_empty());
        kill(stage.port);
        stage.relay.rebind(format!("the socket is {death}")).unwrap();
        stage.send_until_heard();
        let snapshot = stage.snapshot();
        assert_eq!(snapshot.sources.len(), 1, "{death}");
        assert_eq!(snapshot.groups[0].red, 1, "{death}");
        assert_eq!(snapshot.faults, [""; 0], "{death}");
        assert_eq!(descriptors(stage.port).len(), 1, "{death}");
        stage.relay.stop();
        assert!(descriptors(stage.port).is_empty(), "{death}");
    }
}

/// How often the console sends: the pace by which whole rounds of the numbers are told.
const PACE: Duration = Duration::from_millis(40);

/// Packets sent while the other process stands still.
const ASLEEP: u64 = 40;

/// The first user's test: packets at a steady pace, the process stopped in the middle and its
/// sockets taken away, as iOS does with an app whose phone is locked.
#[test]
fn a_process_that_was_stopped_reports_what_it_missed() {
    if Phone::is_this() {
        return phone::run();
    }
    let mut stage = Stage::new("");
    stage.relay.stop();
    let name = "tests::continuity::a_process_that_was_stopped_reports_what_it_missed";
    let mut phone = Phone::start(name, stage.port, &show_text(stage.port, SIMULATED));
    let send = |stage: &mut Stage, count: u64| {
        for _ in 0..count {
            stage.send([9, 9, 9, 0]);
            std::thread::park_timeout(PACE);
        }
    };
    send(&mut stage, 20);
    eventually("heard", || phone.ask("report").starts_with("seen 20 missed 0").then_some(()));
    phone.order("lose sockets and sleep");
    phone.wait_until_stopped();
    send(&mut stage, ASLEEP);
    phone.resume();
    assert_eq!(phone.answer(), "awake");
    send(&mut stage, 10);
    let expected = format!("seen 30 missed {ASLEEP} gaps {ASLEEP} full 0");
    let mut last = String::new();
    let report = eventually("all heard", || {
        last = phone.ask("report");
        last.starts_with("seen 30").then(|| last.clone())
    });
    assert_eq!(report, expected);
}
