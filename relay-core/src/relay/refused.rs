//! What it means that the system refuses to send or to join. Control side.
//!
//! Apple systems deny the local network to programs without permission (TN3179): sends and joins
//! then fail with "no route to host", error 65, now and then only the second one.

use std::io;

/// Denied joins in a row, one about every second, after which a fresh socket is tried.
const DENIALS: u32 = 3;

/// And at the latest after so many times that, however often it was in vain.
const TURNS_MAX: u32 = 20;

/// What to do about a denial. Told on Apple systems only.
const LOCAL_NETWORK: &str = "So does a Mac or iPhone that denies a program the local network: allow it in System Settings \
     > Privacy & Security > Local Network (iOS: Settings > the app > Local Network). Without asking \
     are allowed: a LaunchDaemon as root (`wristcast service install`), and Terminal";

/// Whether that is how a system refuses that denies the local network.
pub(super) fn is_denial(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable)
}

/// Whether it is time for a fresh socket, after so many denied joins in a row: after some, then
/// after twice as many each time, up to a bound.
pub(super) fn wants_fresh_socket(denials: u32) -> bool {
    let turns = denials / DENIALS;
    denials.is_multiple_of(DENIALS)
        && turns > 0
        && (turns.is_power_of_two() && turns <= TURNS_MAX || turns.is_multiple_of(TURNS_MAX))
}

/// What of so many denied joins in a row counts when the socket is a fresh one, whatever it was opened
/// for: it has its own chances before it is replaced, and the turns before it are remembered.
pub(super) fn on_fresh_socket(denials: u32) -> u32 {
    denials - denials % DENIALS
}

/// Advice on a refusal to send or to join; empty if there is none. `apple`: on such a system.
pub(super) fn advice(error: &io::Error, apple: bool) -> String {
    match error.kind() {
        _ if apple && is_denial(error) => format!(". {LOCAL_NETWORK}"),
        io::ErrorKind::PermissionDenied => {
            ". A firewall on this machine refuses it: allow UDP out".to_owned()
        }
        _ => String::new(),
    }
}

/// Whether what the relay sends leaves it.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// In plain words, while they cannot be sent, and how many had been sent before.
    refused: Option<(String, u64)>,
}

impl Replies {
    /// A reply was refused; `sent` were sent before. Returns what to tell.
    pub(super) fn handle_refusal(&mut self, error: &io::Error, sent: u64) -> String {
        let text = format!(
            "Art-Net replies cannot be sent: {error}. Consoles may not find this relay; check the \
             network{}",
            advice(error, cfg!(target_vendor = "apple"))
        );
        self.refused = Some((text.clone(), sent));
        text
    }

    /// So many were sent by now: what is sent again is no fault.
    pub(super) fn tick(&mut self, sent: u64) {
        if self.refused.as_ref().is_some_and(|(_, before)| sent > *before) {
            self.refused = None;
        }
    }

    /// What is wrong now.
    pub(super) fn fault(&self) -> Option<String> {
        self.refused.as_ref().map(|(text, _)| text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_to_host_is_a_denial_of_the_local_network_on_apple_systems_only() {
        let unreachable = io::Error::from(io::ErrorKind::HostUnreachable);
        assert!(advice(&unreachable, true).contains("Local Network"));
        assert_eq!(advice(&unreachable, false), "");
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(advice(&refused, false).contains("firewall"));
        assert_eq!(advice(&io::Error::from(io::ErrorKind::WouldBlock), true), "");
    }

    #[test]
    fn a_system_that_goes_on_denying_is_tried_ever_more_seldom_and_never_given_up() {
        let tried: Vec<u32> = (0..=240).filter(|&denials| wants_fresh_socket(denials)).collect();
        assert_eq!(tried, [3, 6, 12, 24, 48, 60, 120, 180, 240]);
    }

    #[test]
    fn a_fresh_socket_has_as_many_chances_as_the_one_before() {
        for denials in 0..=240 {
            let begins = on_fresh_socket(denials);
            assert!(begins <= denials && denials < begins + DENIALS, "{denials}");
            let spared = (begins + 1..begins + DENIALS).all(|denials| !wants_fresh_socket(denials));
            assert!(spared, "{denials}");
        }
    }

    #[test]
    fn replies_that_cannot_be_sent_are_a_fault_until_one_is_sent() {
        let mut replies = Replies::default();
        let error = io::Error::from(io::ErrorKind::HostUnreachable);
        let text = replies.handle_refusal(&error, 7);
        assert!(text.contains("cannot be sent"), "{text}");
        replies.tick(7);
        assert_eq!(replies.fault(), Some(text));
        replies.tick(8);
        assert_eq!(replies.fault(), None);
    }
}
