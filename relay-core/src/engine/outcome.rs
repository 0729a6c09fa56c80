//! What became of a datagram, and the counters of it: one cause, one counter.

use crate::merge::Dropped;
use crate::wire::{Foreign, Malformed};

/// What became of one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Levels, priorities, a farewell or a beat of synchronization were taken.
    Accepted {
        /// Looks changed: publish.
        changed: bool,
    },
    /// Levels were taken and wait for synchronization.
    Held {
        /// Looks changed: publish. Only by what was due at the same time.
        changed: bool,
    },
    /// Taken note of; light does not come from it. ArtAddress may clear levels.
    Noted {
        /// What it was.
        note: Note,
        /// Looks changed: publish.
        changed: bool,
    },
    /// Sound, and left out.
    Ignored {
        /// Why.
        why: Ignored,
        /// Looks changed: publish. Only by what was due at the same time.
        changed: bool,
    },
    /// Not sound.
    Rejected(Malformed),
}

impl Outcome {
    /// Looks changed: publish.
    pub const fn changed(self) -> bool {
        match self {
            Self::Accepted { changed }
            | Self::Held { changed }
            | Self::Noted { changed, .. }
            | Self::Ignored { changed, .. } => changed,
            Self::Rejected(_) => false,
        }
    }

    /// Levels or what belongs to them were taken.
    pub const fn is_levels(self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Held { .. })
    }
}

macro_rules! causes {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $label:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// All of them, in the order of their counters.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// Name for counters.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }
        }
    };
}

causes! {
    /// What was taken note of.
    Note {
        /// ArtPoll; a reply follows or is owed already.
        ArtPoll = "art_poll",
        /// ArtPollReply of another node.
        ArtPollReply = "art_poll_reply",
        /// ArtInput; the sender is answered, there is no input to switch.
        ArtInput = "art_input",
        /// ArtAddress that was obeyed.
        ArtAddress = "art_address",
        /// sACN universe discovery.
        SacnDiscovery = "sacn_discovery",
    }
}

causes! {
    /// Why a sound packet was left out.
    Ignored {
        /// Nobody patched the universe.
        NotPatched = "not_patched",
        /// Neither levels nor per-address priorities (sACN START code).
        StartCode = "start_code",
        /// Late by sequence number (E1.31 §6.7.2).
        OutOfSequence = "out_of_sequence",
        /// The sequence number of the packet before, for instance through a second interface.
        Duplicate = "duplicate",
        /// Preview data (E1.31 §6.2.6).
        Preview = "preview",
        /// The universe has all the sources it takes.
        SourceLimit = "source_limit",
        /// The show does not listen to this source.
        NotAllowed = "not_allowed",
        /// AcCancelMerge gave the universe to another source.
        MergeCancelled = "merge_cancelled",
        /// A farewell of a source that was not there; the second and third of three.
        NotASource = "not_a_source",
        /// Synchronization that no source asked for, or ignored as "ArtSync" says.
        Sync = "sync_unused",
        /// ArtPoll for other port-addresses, from too many controllers, or replies are off or
        /// impossible without an address.
        ArtPoll = "art_poll_unanswered",
        /// ArtAddress that is not allowed, or for what is not here.
        ArtAddress = "art_address_refused",
        /// Data with another START code than 0.
        ArtNzs = "art_nzs",
        /// Time code.
        ArtTimeCode = "art_time_code",
        /// A trigger.
        ArtTrigger = "art_trigger",
        /// A text command.
        ArtCommand = "art_command",
        /// A diagnostic message.
        ArtDiagData = "art_diag_data",
        /// A request to change the IP address.
        ArtIpProg = "art_ip_prog",
        /// Another Art-Net opcode.
        ArtNetOpCode = "artnet_opcode",
        /// E1.31 with a framing vector that the standard does not define.
        SacnVector = "sacn_vector",
        /// ACN that is not E1.31.
        AcnVector = "acn_vector",
        /// Neither sACN nor Art-Net.
        Foreign = "foreign",
    }
}

impl From<Dropped> for Ignored {
    fn from(dropped: Dropped) -> Self {
        match dropped {
            Dropped::OutOfSequence => Self::OutOfSequence,
            Dropped::Duplicate => Self::Duplicate,
            Dropped::Preview => Self::Preview,
            Dropped::SourceLimit => Self::SourceLimit,
            Dropped::NotAllowed => Self::NotAllowed,
            Dropped::MergeCancelled => Self::MergeCancelled,
            Dropped::NotASource => Self::NotASource,
            Dropped::Sync => Self::Sync,
        }
    }
}

impl From<Foreign> for Ignored {
    fn from(foreign: Foreign) -> Self {
        match foreign {
            Foreign::Protocol => Self::Foreign,
            Foreign::AcnVector(_) => Self::AcnVector,
            Foreign::SacnVector(_) => Self::SacnVector,
            Foreign::ArtNetOpCode(_) => Self::ArtNetOpCode,
        }
    }
}

/// Datagrams by what became of them, since start. Each is in exactly one count beside
/// [`received`](Self::received).
#[derive(Clone, Debug)]
pub struct Counters {
    /// All datagrams.
    pub received: u64,
    /// [`Outcome::Accepted`].
    pub accepted: u64,
    /// [`Outcome::Held`].
    pub held: u64,
    noted: [u64; Note::COUNT],
    ignored: [u64; Ignored::COUNT],
    rejected: [u64; Malformed::COUNT],
}

impl Counters {
    pub(super) const fn new() -> Self {
        Self {
            received: 0,
            accepted: 0,
            held: 0,
            noted: [0; Note::COUNT],
            ignored: [0; Ignored::COUNT],
            rejected: [0; Malformed::COUNT],
        }
    }

    #[inline]
    pub(super) fn count(&mut self, outcome: Outcome) {
        self.received += 1;
        match outcome {
            Outcome::Accepted { .. } => self.accepted += 1,
            Outcome::Held { .. } => self.held += 1,
            Outcome::Noted { note, .. } => self.noted[note as usize] += 1,
            Outcome::Ignored { why, .. } => self.ignored[why as usize] += 1,
            Outcome::Rejected(malformed) => self.rejected[malformed.index()] += 1,
        }
    }

    /// How many were ignored for one cause.
    pub const fn ignored(&self, why: Ignored) -> u64 {
        self.ignored[why as usize]
    }

    /// How many were noted as `note`.
    pub const fn noted(&self, note: Note) -> u64 {
        self.noted[note as usize]
    }

    /// How many were rejected for one cause.
    pub const fn rejected(&self, malformed: Malformed) -> u64 {
        self.rejected[malformed.index()]
    }

    /// Every cause of being ignored or rejected, with its name.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let ignored = Ignored::ALL.iter().map(|why| why.label()).zip(self.ignored);
        ignored.chain(Malformed::ALL.iter().map(|why| why.label()).zip(self.rejected))
    }

    /// Everything that was noted, with its name.
    pub fn notes(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Note::ALL.iter().map(|note| note.label()).zip(self.noted)
    }
}
