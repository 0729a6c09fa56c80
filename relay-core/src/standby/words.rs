//! What happened between two relays, for the operator.

use std::fmt;
use std::net::SocketAddr;

/// Why the role changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody drove, and this relay is the one to begin.
    NobodyDrives,
    /// The other relay, which drove, is not heard any more.
    PeerSilent,
    /// The other relay gave.
    Given,
    /// An operator ordered it.
    Ordered,
    /// The other relay asked for it.
    Asked,
    /// The other relay hears the consoles and this one does not, or less of them.
    InputLost,
    /// No radio of this relay works any more, and one of the other's does.
    RadiosLost,
    /// Neither the other relay nor a console is heard: the cable is out.
    Isolated,
    /// This relay stood still for a while, and the other may have taken over.
    StoodStill,
    /// The relay thread does not get on.
    Stuck,
    /// Both drove, and the other one keeps the bands.
    BothDrove,
    /// This relay stops.
    Stopping,
    /// The other relay did not take what it was given.
    NotTaken,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// This relay drives the connected bands from now on.
    Drives(Why),
    /// It lets go of them.
    Follows(Why),
    /// The other relay is heard.
    PeerHeard,
    /// It is not heard any more.
    PeerLost,
}

/// What is wrong for as long as it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This relay drives, and the other one is not heard.
    NobodyWouldTakeOver,
    /// This relay does not drive, and cannot tell whether another does.
    CannotTell,
    /// The other relay's show is another.
    AnotherShow,
    /// The other relay's relay thread does not get on.
    PeerStuck,
    /// The other relay has no radio that works.
    PeerUnable,
    /// No beat can be heard.
    CannotListen(SocketAddr, String),
    /// No beat can be sent.
    CannotSend(SocketAddr, String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyWouldTakeOver => f.write_str(
                "standby: the other relay is not heard, nobody would take over. Start it, or \
                 check its cable",
            ),
            Self::CannotTell => f.write_str(
                "standby: this relay does not drive the bands: it hears neither the other relay \
                 nor a console for long enough. Check the cables, or order it to take the bands",
            ),
            Self::AnotherShow => f.write_str(
                "standby: the other relay runs another show or another version. Give both the \
                 same show file",
            ),
            Self::PeerStuck => f.write_str(
                "standby: the other relay is heard, but its relay thread does not get on. Restart \
                 it",
            ),
            Self::PeerUnable => f.write_str(
                "standby: no radio of the other relay works: it would take over in vain. Check \
                 its radios",
            ),
            Self::CannotListen(address, error) => write!(
                f,
                "standby: cannot listen on {address}: {error}; is the port taken, does this \
                 machine have the address?"
            ),
            Self::CannotSend(peer, error) => {
                write!(f, "standby: cannot send to the other relay at {peer}: {error}")
            }
        }
    }
}

impl Event {
    /// Whether somebody should look at it.
    pub const fn is_warning(self) -> bool {
        match self {
            Self::PeerHeard => false,
            Self::PeerLost => true,
            Self::Drives(why) | Self::Follows(why) => !matches!(
                why,
                Why::NobodyDrives | Why::Given | Why::Ordered | Why::Asked | Why::Stopping
            ),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drives(why) => write!(f, "standby: this relay drives the bands: {why}"),
            Self::Follows(why) => write!(f, "standby: this relay lets go of the bands: {why}"),
            Self::PeerHeard => f.write_str("standby: the other relay is heard"),
            Self::PeerLost => f.write_str(
                "standby: the other relay is not heard any more. Is it running, is its cable in?",
            ),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NobodyDrives => "nobody else does",
            Self::PeerSilent => "the other relay, which drove them, is not heard any more",
            Self::Given => "the other relay gave them",
            Self::Ordered => "an operator ordered it",
            Self::Asked => "the other relay asked for them",
            Self::InputLost => {
                "the other relay hears more of the consoles. Check the cable of this one"
            }
            Self::RadiosLost => {
                "no radio of this relay works any more, and the other's do. Check them"
            }
            Self::Isolated => {
                "neither a console nor the other relay is heard. Check the cable of this relay"
            }
            Self::StoodStill => {
                "it stood still for a while, and the other may have taken over. Is the machine \
                 overloaded, did it sleep?"
            }
            Self::Stuck => "its relay thread does not get on. Is the machine overloaded?",
            Self::BothDrove => "both drove, and the other one keeps them. Check the link",
            Self::Stopping => "it stops, and the other relay goes on",
            Self::NotTaken => "the other relay did not take them",
        })
    }
}
