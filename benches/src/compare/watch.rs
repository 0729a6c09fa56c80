//! What a process costs, as the kernel tells it.

use std::fs;
use std::io;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Time on a processor, all threads, ns.
    pub(super) cpu_ns: u64,
    /// The same of the threads that receive and publish: without radios and what else goes on
    /// beside the light's way.
    pub(super) path_ns: u64,
    /// The same of the threads of radios.
    pub(super) radio_ns: u64,
    /// Most memory resident at a time.
    pub(super) peak_bytes: u64,
}

impl Usage {
    /// Of this process and its threads that live.
    pub(super) fn of(process: u32) -> io::Result<Self> {
        let (mut cpu_ns, mut path_ns, mut radio_ns) = (0, 0, 0);
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let thread = thread?.path();
            let text = fs::read_to_string(thread.join("schedstat"))?;
            let first = text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
            let spent = first.ok_or_else(|| io::Error::other("schedstat has changed"))?;
            cpu_ns += spent;
            // The system cuts names at 15 bytes: `wristcast-relay` is one of those.
            let name = fs::read_to_string(thread.join("comm"))?;
            if ["wristcast-relay", "bare", "peer"].contains(&name.trim_end()) {
                path_ns += spent;
            } else if name.starts_with("wristcast-radio") {
                radio_ns += spent;
            }
        }
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        let kib = kib.ok_or_else(|| io::Error::other("status has changed"))?;
        Ok(Self { cpu_ns, path_ns, radio_ns, peak_bytes: kib << 10 })
    }
}

/// Datagrams that found a socket on UDP `port` full, in the network of `process`.
pub(super) fn drops(process: u32, port: u16) -> io::Result<u64> {
    let mut dropped = 0;
    for table in ["udp", "udp6"] {
        let text = fs::read_to_string(format!("/proc/{process}/net/{table}"))?;
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let local = words.get(1).and_then(|word| word.rsplit(':').next());
            if local.and_then(|hex| u16::from_str_radix(hex, 16).ok()) == Some(port) {
                dropped += words.last().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
            }
        }
    }
    Ok(dropped)
}
