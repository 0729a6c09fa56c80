//! What must hold whatever controllers do. The fuzz target and the property tests run this body.

use super::*;
use crate::wire::{Packet, parse};

/// Each four bytes are a thing that happens: what, after how long, and two arguments.
///
/// # Panics
/// When the node breaks a promise.
pub fn node(bytes: &[u8]) {
    let config = config::ArtNetNode {
        reply: true,
        short_name: "wristcast".to_owned(),
        long_name: "The show".to_owned(),
        remote_programming: true,
    };
    let addresses: Vec<_> = (0..=u8::MAX).filter_map(|n| PortAddress::new(n.into())).collect();
    let mut house = House {
        node: ArtNetNode::new(&config, MergeMode::Htp, 6454, &addresses[..64], 1),
        now: Time::ZERO,
        last_sent: None,
    };
    house.node.set_interfaces(
        Time::ZERO,
        &[Interface { index: 1, address: Ipv4Addr::LOCALHOST, prefix: 8, mac: [0; 6] }],
    );
    for &[what, after, a, b] in bytes.as_chunks::<4>().0 {
        house.let_pass(Duration::from_micros(u64::from(after) * 500));
        house.happen(what, a, b, &addresses);
        assert!(house.node.controllers.count() <= CONTROLLERS_MAX);
    }
    // What is owed is paid, and then there is silence.
    house.let_pass(Duration::from_secs(60));
    assert_eq!(house.node.poll_timeout(), None);
}

struct House {
    node: ArtNetNode,
    now: Time,
    last_sent: Option<Time>,
}

impl House {
    fn happen(&mut self, what: u8, a: u8, b: u8, addresses: &[PortAddress]) {
        let (node, now) = (&mut self.node, self.now);
        let port = if b.is_multiple_of(2) { 6454 } else { b.into() };
        let from = SocketAddr::new(Ipv4Addr::new(10, 0, 0, a).into(), port);
        match what % 7 {
            0 => {
                let poll = artnet::Poll {
                    reply_on_change: b >= 128,
                    diagnostics: b & 2 != 0,
                    diagnostics_unicast: b & 4 != 0,
                    diag_priority: b,
                    ..Default::default()
                };
                node.handle_poll(now, from, None, &poll);
            }
            1 => {
                let target = Some((u16::from(a), u16::from(b)));
                node.handle_poll(now, from, None, &artnet::Poll { target, ..Default::default() });
            }
            2 => {
                let state = OutputState { receiving: b & 1 != 0, merging: b & 2 != 0 };
                node.set_output(now, addresses[usize::from(a)], state);
            }
            3 => {
                let fields =
                    artnet::AddressFields { bind_index: a, command: b, ..Default::default() };
                let mut packet = [0; 107];
                assert_eq!(artnet::encode_address(&mut packet, &fields), Some(107));
                let Ok(Packet::ArtAddress(address)) = parse(&packet) else { panic!() };
                let outcome = node.handle_address(now, from, None, &address);
                if let AddressOutcome::Programme(programme) = outcome {
                    assert!((1..=PORTS_PER_PAGE).contains(&programme.ports().len()));
                }
            }
            4 => {
                let priority =
                    if b & 1 == 0 { DiagnosticPriority::Low } else { DiagnosticPriority::High };
                node.diagnose(now, priority, &"something happened ".repeat(b.into()));
            }
            5 => node.set_port_addresses(now, &addresses[usize::from(a.min(b))..usize::from(b)]),
            _ => {
                let address = Ipv4Addr::new(10, 0, a, b);
                let interface = Interface { index: a.into(), address, prefix: b, mac: [0; 6] };
                node.set_interfaces(now, &[interface]);
            }
        }
    }

    /// The clock runs; all that falls due is sent on time.
    fn let_pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut out = [0; artnet::POLL_REPLY_LEN];
        while let Some(wake) = self.node.poll_timeout().filter(|&wake| wake <= until) {
            self.now = wake.max(self.now);
            while let Some(transmit) = self.node.poll_transmit(self.now, &mut out) {
                assert!(matches!(
                    parse(&out[..transmit.len]),
                    Ok(Packet::ArtPollReply(_) | Packet::ArtDiagData(_))
                ));
                let spaced = |last: Time| self.now.since(last) >= PAGE_SPACING;
                assert!(self.last_sent.is_none_or(spaced), "two datagrams at {}", self.now);
                self.last_sent = Some(self.now);
            }
            assert!(self.node.poll_timeout().is_none_or(|wake| wake > self.now));
        }
        self.now = until;
    }
}
