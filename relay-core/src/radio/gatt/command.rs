//! What the Bluetooth stack is told to do, and what it has to say.

use std::borrow::Cow;

use super::vitals::Vitals;
use crate::band::profile::Writes;
use crate::radio::{LinkId, Token};

/// What the Bluetooth stack should do. At most one of open, scan, stop scan and connect is open at
/// a time, and one write per link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Take the adapter. Answered by `Opened` or `Lost`.
    Open,
    /// Report every band of the show that is heard. Answered by `Scanning`.
    Scan,
    /// No more of that. Answered by `ScanStopped`.
    StopScan,
    /// Connect, find the characteristic, write what the band needs first. Answered by `Connected`
    /// or `ConnectFailed`, unless `Disconnect` comes before.
    Connect(LinkId),
    /// Write a look. Answered by `Written` or `WriteFailed`, unless `Disconnect` comes before.
    Write { link: LinkId, token: Token, writes: Writes, acknowledged: bool },
    /// Drop whatever is under way on the link, and the connection. Answered by `Disconnected`, and
    /// after that by nothing that was asked before.
    Disconnect(LinkId),
}

/// What the Bluetooth stack has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The adapter works.
    Opened,
    /// The adapter could not be taken, or is gone with all that was on it.
    Lost(Trouble),
    /// The scan runs, or not.
    Scanning(Result<(), Trouble>),
    /// It no longer runs.
    ScanStopped,
    /// The band was heard, or is connected to this host already.
    Heard(LinkId),
    /// The band can take frames.
    Connected(LinkId),
    /// It cannot, for this reason.
    ConnectFailed(LinkId, Trouble),
    /// The frame is out.
    Written(LinkId, Token),
    /// It is not.
    WriteFailed(LinkId, Token, Trouble),
    /// The connection broke.
    ConnectionLost(LinkId),
    /// The connection is closed, as asked.
    Disconnected(LinkId),
    /// What the band tells of itself. Of no concern to what becomes of the link.
    Vitals(LinkId, Vitals),
}

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// In plain words, with what to do.
    pub(super) words: Cow<'static, str>,
    /// Whether trying again can help.
    pub(super) kind: TroubleKind,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TroubleKind {
    /// It may pass by itself.
    Passing,
    /// It will be the same until somebody changes something.
    Lasting,
    /// The adapter takes no more connections.
    Full,
}

impl Trouble {
    /// May pass by itself.
    pub(super) fn passing(words: impl Into<Cow<'static, str>>) -> Self {
        Self { words: words.into(), kind: TroubleKind::Passing }
    }

    /// Needs somebody to do something.
    pub(super) fn lasting(words: impl Into<Cow<'static, str>>) -> Self {
        Self { words: words.into(), kind: TroubleKind::Lasting }
    }

    /// The adapter takes no more connections.
    pub(super) fn full(words: impl Into<Cow<'static, str>>) -> Self {
        Self { words: words.into(), kind: TroubleKind::Full }
    }
}
