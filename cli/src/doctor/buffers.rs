//! The receive buffer: what the system grants of what a relay asks for, and what fits in.

use socket2::{Domain, Socket, Type};

use super::finding::Finding;
use super::system::{self, Os};

/// What a full sACN packet takes of a receive buffer on Linux, bytes (measured: 8 MiB hold 6553).
const PACKET_BYTES: usize = 1280;

/// A receive buffer that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) os: Os,
    /// Bytes asked for.
    pub(super) asked: usize,
    /// Bytes granted, in the same counting.
    pub(super) granted: usize,
    /// `net.core.rmem_max`.
    pub(super) limit: Option<usize>,
    /// Patched universes: so many packets come at once.
    pub(super) universes: usize,
}

pub(super) fn collect(asked: usize, universes: usize) -> std::io::Result<Facts> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    // What is refused shows in what is granted.
    let _ = socket.set_recv_buffer_size(asked);
    let granted = socket.recv_buffer_size()?;
    let os = Os::here();
    Ok(Facts {
        os,
        asked,
        // Linux says twice what was asked for.
        granted: if os == Os::Linux { granted / 2 } else { granted },
        limit: system::read_number("/proc/sys/net/core/rmem_max"),
        universes,
    })
}

pub(super) fn judge(facts: &Facts) -> Finding {
    let Facts { asked, granted, universes, .. } = facts;
    let packets = granted * 2 / PACKET_BYTES;
    let remedy = match facts.os {
        Os::Linux => format!(
            "`sudo sysctl -w net.core.rmem_max={asked}`; to stay: the line `net.core.rmem_max={asked}` \
             in /etc/sysctl.d/90-wristcast.conf"
        ),
        _ => "`sudo sysctl -w kern.ipc.maxsockbuf=8388608`".to_owned(),
    };
    let limit =
        facts.limit.map_or(String::new(), |limit| format!(" (net.core.rmem_max is {limit})"));
    if packets < 2 * universes.max(&1) {
        let words = format!(
            "the receive buffer holds {packets} packets{limit}, and the console sends {universes} \
             universes at once: light will be lost"
        );
        return Finding::fault("receive-buffer", words, remedy);
    }
    if granted < asked {
        let words = format!(
            "the system grants a receive buffer of {granted} bytes instead of {asked}{limit}: it holds \
             {packets} packets"
        );
        return Finding::warning("receive-buffer", words, remedy);
    }
    Finding::ok(
        "receive-buffer",
        format!("the receive buffer of {granted} bytes holds {packets} packets"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn facts(granted: usize, universes: usize) -> Facts {
        Facts { os: Os::Linux, asked: 4 << 20, granted, limit: Some(granted), universes }
    }

    #[test]
    fn a_buffer_as_asked_for_is_in_order() {
        let found = judge(&facts(4 << 20, 512));
        assert_eq!(found.verdict, Verdict::Ok);
        assert!(found.what.contains("6553 packets"), "{}", found.what);
    }

    #[test]
    fn a_short_buffer_is_warned_of_and_one_that_a_burst_overflows_is_a_fault() {
        let found = judge(&facts(212_992, 64));
        assert_eq!(found.verdict, Verdict::Warning);
        assert!(found.remedy.unwrap().contains("net.core.rmem_max=4194304"));
        assert_eq!(judge(&facts(212_992, 512)).verdict, Verdict::Fault);
        assert_eq!(judge(&facts(1152, 0)).verdict, Verdict::Fault);
    }
}
