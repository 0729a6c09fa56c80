//! Orders over OSC: faders and buttons of TouchOSC, QLab, Companion and consoles.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the socket, its thread, and what is told of messages that are not obeyed |
//! | `message.rs` | from a datagram to orders, and who may give them |
//! | `address.rs` | the addresses and their arguments |
//! | `pattern.rs` | wildcards |
//! | `counts.rs` | why messages are not obeyed, and how many were not |
//!
//! It never answers: a datagram with a forged sender makes it send nothing to anybody. A fader that
//! moves faster than orders are obeyed jumps: of all that waits, each master's newest is obeyed, so
//! that no panic stands behind a queue.

mod address;
mod counts;
mod message;
mod pattern;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use wristcast_core::config::Osc;
use wristcast_core::relay::{OrderError, RelayHandle};
use wristcast_core::snapshot::Severity;
use wristcast_core::steering::{Actor, Request};

use crate::exit::Failure;
use crate::http::Tokens;
use crate::served::{Served, bind_failure, until_stopped};
use address::Groups;
pub(crate) use counts::Counts;
use counts::Refusal;
use message::{DATAGRAM_MAX, messages, orders};

/// Datagrams that are taken together.
const BATCH_MAX: usize = 64;

/// The names of groups are asked for again after this: a reload may have changed them.
const GROUPS_AGE_MAX: Duration = Duration::from_secs(1);

/// Time between two events about messages that were not obeyed.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Longest address in an event, characters.
const ADDRESS_SHOWN_MAX: usize = 60;

/// Takes orders for `relay`, with `tokens` from those who have one, and counts them in `counts`.
pub(crate) fn serve(
    osc: &Osc,
    tokens: Option<Tokens>,
    relay: RelayHandle,
    counts: Arc<Counts>,
) -> Result<Served, Failure> {
    let listen = osc.listen;
    let failure = |error: io::Error| bind_failure("take OSC", "udp", listen, &error);
    let socket = std::net::UdpSocket::bind(listen).map_err(failure)?;
    socket.set_nonblocking(true).map_err(failure)?;
    let address = socket.local_addr().map_err(failure)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failure)?;
    let mut desk = Desk::new(osc.clone(), tokens, relay, counts);
    let serve = move |stopped| {
        until_stopped(&runtime, listen_on(socket, &mut desk), stopped);
        desk.end();
    };
    Served::begin("osc", address, serve).map_err(failure)
}

async fn listen_on(socket: std::net::UdpSocket, desk: &mut Desk) {
    let socket = match UdpSocket::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!("OSC is off: {error}");
            return;
        }
    };
    // One byte more than is looked at: what fills it is too long.
    let mut buffer = vec![0; DATAGRAM_MAX + 1];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => desk.hear(&buffer[..length], from.ip()),
            Err(error) => {
                // A report of a datagram that was never sent, or no memory: not the end of OSC.
                tracing::debug!("OSC: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        for _ in 1..BATCH_MAX {
            let Ok((length, from)) = socket.try_recv_from(&mut buffer) else { break };
            desk.hear(&buffer[..length], from.ip());
        }
        desk.obey();
    }
}

/// From datagrams to what the relay does.
struct Desk {
    osc: Osc,
    tokens: Option<Tokens>,
    relay: RelayHandle,
    groups: Groups,
    groups_due: Instant,
    /// Orders of this batch.
    waiting: Vec<(Request, Actor)>,
    counts: Arc<Counts>,
    untold: u64,
    tell_due: Instant,
}

impl Desk {
    fn new(osc: Osc, tokens: Option<Tokens>, relay: RelayHandle, counts: Arc<Counts>) -> Self {
        let now = Instant::now();
        Self {
            osc,
            tokens,
            relay,
            groups: Groups::default(),
            groups_due: now,
            waiting: Vec::new(),
            counts,
            untold: 0,
            tell_due: now,
        }
    }

    fn hear(&mut self, datagram: &[u8], from: IpAddr) {
        let from = from.to_canonical();
        if !self.osc.allow.allows(from, None) {
            return self.refuse(Refusal::Sender, from, "");
        }
        let messages = match messages(datagram) {
            Ok(messages) => messages,
            Err(refusal) => return self.refuse(refusal, from, ""),
        };
        let now = Instant::now();
        if now >= self.groups_due {
            let scene = self.relay.scene();
            self.groups = Groups::new(scene.groups.iter().map(|group| group.name.clone()));
            self.groups_due = now + GROUPS_AGE_MAX;
        }
        for message in &messages {
            match orders(message, from, self.tokens.as_ref(), &self.groups) {
                Ok((requests, actor)) => {
                    let by = |request| (request, actor.clone());
                    self.waiting.extend(requests.into_iter().map(by));
                }
                Err((refusal, address)) => self.refuse(refusal, from, &address),
            }
        }
    }

    fn obey(&mut self) {
        for (request, by) in newest(std::mem::take(&mut self.waiting)) {
            match self.relay.order(&request, &by) {
                Ok(()) => self.counts.obey(),
                Err(error) => {
                    tracing::debug!(%by, "OSC: {error}");
                    let refusal = match &error {
                        OrderError::Request(_) => Refusal::Arguments,
                        _ => Refusal::Relay,
                    };
                    let from = by.address.unwrap_or(IpAddr::from([0; 4]));
                    self.refuse(refusal, from, &error.to_string());
                }
            }
        }
    }

    /// Counts it, and tells of it now and then. `what` comes from the network, and does not get a
    /// line of its own.
    fn refuse(&mut self, refusal: Refusal, from: IpAddr, what: &str) {
        self.counts.refuse(refusal);
        let now = Instant::now();
        if now < self.tell_due {
            self.untold += 1;
            return;
        }
        self.tell_due = now + TELL_EVERY;
        let mut text = format!("OSC from {from}: a message {}", refusal.words());
        if !what.is_empty() {
            let shown: String = what.chars().take(ADDRESS_SHOWN_MAX).collect();
            text += &format!(": {}", shown.escape_default());
        }
        match std::mem::take(&mut self.untold) {
            0 => {}
            more => text += &format!("; {more} more were not obeyed"),
        }
        self.relay.note(Severity::Warning, text);
    }

    fn end(&self) {
        let refused = self.counts.refused().filter(|&(_, count)| count > 0);
        let refused: Vec<String> =
            refused.map(|(refusal, count)| format!("{count} {}", refusal.words())).collect();
        let refused = if refused.is_empty() { "none".to_owned() } else { refused.join(", ") };
        tracing::info!(
            "OSC: {} orders obeyed; messages not obeyed: {refused}",
            self.counts.obeyed()
        );
    }
}

/// Of all steps of a master the newest; everything else as it came.
fn newest(orders: Vec<(Request, Actor)>) -> Vec<(Request, Actor)> {
    let mut kept: Vec<(Request, Actor)> = Vec::with_capacity(orders.len());
    for (request, by) in orders.into_iter().rev() {
        let overtaken = matches!(request, Request::Master(_))
            && kept.iter().any(|(newer, whose)| {
                matches!(newer, Request::Master(_))
                    && *whose == by
                    && newer.groups() == request.groups()
            });
        if !overtaken {
            kept.push((request, by));
        }
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use wristcast_core::steering::{MasterRequest, Switch};

    use super::*;

    #[test]
    fn of_a_fader_only_the_newest_step_waits() {
        let by = Actor { name: String::new(), front: "osc", address: None };
        let master = |level, group: Option<&str>| {
            let groups = group.map(|group| vec![group.to_owned()]);
            (Request::Master(MasterRequest { level, groups }), by.clone())
        };
        let panic = |on| (Request::Panic(Switch { on }), by.clone());
        let kept = newest(vec![
            master(1, None),
            master(9, Some("left")),
            panic(true),
            master(2, None),
            panic(false),
            master(3, None),
        ]);
        let expected = vec![master(9, Some("left")), panic(true), panic(false), master(3, None)];
        assert_eq!(kept, expected);
    }
}
