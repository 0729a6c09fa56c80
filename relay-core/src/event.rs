//! What happened, for the operator: typed, bounded, in plain words.
//!
//! The engine queues an [`Event`] when something changes that a person may want to know or act on.
//! Nothing is told twice for one episode. The queue is bounded; events that find it full are
//! counted, not kept, because counters and samples show the same facts.

use std::collections::VecDeque;
use std::fmt;

use crate::merge::{Gap, Silence, SourceRef};
use crate::time::Time;
use crate::universe::Universe;

/// Something an operator may want to know, and when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Time,
    /// What.
    pub kind: EventKind,
}

/// How much an event wants attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Part of a normal show.
    Info,
    /// The show goes on, but not as patched.
    Warning,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A source began to send a universe, or came back.
    SourceAppeared {
        /// The universe.
        universe: Universe,
        /// The source.
        source: SourceRef,
        /// Its universe priority (sACN only).
        priority: Option<u8>,
    },
    /// A source is gone from a universe.
    SourceLost {
        /// The universe.
        universe: Universe,
        /// The source.
        source: SourceRef,
        /// [`Silence::TimedOut`], [`Silence::Terminated`], [`Silence::SourceLimit`] (displaced by a
        /// source of higher priority) or [`Silence::MergeCancelled`].
        why: Silence,
    },
    /// A universe that was silent has a source.
    UniverseLive {
        /// The universe.
        universe: Universe,
    },
    /// The last source of a universe is gone.
    UniverseLost {
        /// The universe.
        universe: Universe,
    },
    /// A source was left out because the universe has all the sources it takes. Once per episode.
    SourceLimit {
        /// The universe.
        universe: Universe,
        /// The source left out first.
        source: SourceRef,
        /// Sources the universe takes.
        limit: u8,
    },
    /// A source that the show does not listen to sends to a patched universe. Once per universe.
    SourceRefused {
        /// The universe.
        universe: Universe,
        /// The first such source.
        source: SourceRef,
    },
    /// A source sends preview data to a patched universe.
    Preview {
        /// The universe.
        universe: Universe,
        /// The source.
        source: SourceRef,
    },
    /// The sequence numbers of a source jumped: it was restarted, or two devices use its identity.
    SequenceJump {
        /// The universe.
        universe: Universe,
        /// The source.
        source: SourceRef,
        /// The number before.
        from: u8,
        /// The number after.
        to: u8,
    },
    /// A source is heard again after a silence in which packets were missed.
    Gap {
        /// The universe.
        universe: Universe,
        /// The source.
        source: SourceRef,
        /// The silence.
        gap: Gap,
    },
    /// A source began to send per-address priorities.
    PapStarted {
        /// The universe.
        universe: Universe,
        /// The source.
        source: SourceRef,
    },
    /// A source's per-address priorities stopped; its universe priority rules again.
    PapLost {
        /// The universe.
        universe: Universe,
        /// The source.
        source: SourceRef,
    },
    /// Synchronization packets came: levels now wait for them.
    SyncStarted {
        /// Who gives the beat.
        sync: SyncId,
    },
    /// Synchronization packets stopped.
    SyncLost {
        /// Who gave the beat.
        sync: SyncId,
        /// Whether levels of its universes stand still until it returns (Force_Synchronization 0).
        held: bool,
    },
    /// More synchronization addresses than the relay follows.
    SyncLimit {
        /// The address left out.
        address: u16,
        /// Addresses the relay follows.
        limit: u8,
    },
    /// Levels came for a universe that nobody patched. Once per universe.
    NotPatched {
        /// The universe.
        universe: Universe,
        /// Where they came from.
        source: std::net::SocketAddr,
    },
    /// A controller outside every network of the relay asks for it (ArtPoll). Once per controller.
    PollFromElsewhere {
        /// The controller.
        from: std::net::Ipv4Addr,
        /// The address that the reply names.
        own: std::net::Ipv4Addr,
    },
    /// A group has its first signal.
    GroupLive {
        /// Index of the group.
        group: u32,
    },
    /// A group has lost every source, or one of the universes it lives on.
    GroupLost {
        /// Index of the group.
        group: u32,
    },
    /// A lost group has its signal back.
    GroupBack {
        /// Index of the group.
        group: u32,
    },
    /// The last override by an operator ended because its time was over.
    OverridesOver,
    /// More groups flash too fast than the show allows: the strobe guard's episode begins.
    Flashing {
        /// How many, when that began.
        groups: u32,
        /// Groups of the show.
        of: u32,
        /// Flashes a second that are allowed.
        limit: u8,
        /// In saturated red.
        red: bool,
        /// They are held steady.
        held: bool,
    },
    /// No more groups than the show allows have flashed too fast for some seconds.
    FlashingOver,
    /// A controller changed the node by ArtAddress.
    Programmed {
        /// The controller.
        by: std::net::SocketAddr,
        /// What it changed.
        change: Programming,
    },
}

/// Who gives the beat of synchronised universes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncId {
    /// Synchronization packets of this address (E1.31 §6.3).
    Sacn(u16),
    /// ArtSync from this controller.
    ArtNet(std::net::IpAddr),
}

/// What ArtAddress can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programming {
    /// Short or long name of the node.
    Names,
    /// A universe merges HTP from now on.
    MergeHtp(Universe),
    /// A universe merges LTP from now on.
    MergeLtp(Universe),
    /// The source of the next packet takes a universe alone.
    CancelMerge(Universe),
    /// The levels of a universe were set to 0.
    Clear(Universe),
}

impl EventKind {
    /// How much it wants attention.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::SourceLost { why: Silence::Terminated, .. }
            | Self::SourceAppeared { .. }
            | Self::UniverseLive { .. }
            | Self::Preview { .. }
            | Self::PapStarted { .. }
            | Self::PapLost { .. }
            | Self::SyncStarted { .. }
            | Self::NotPatched { .. }
            | Self::GroupLive { .. }
            | Self::GroupBack { .. }
            | Self::OverridesOver
            | Self::FlashingOver
            | Self::Programmed { .. } => Severity::Info,
            Self::SourceLost { .. }
            | Self::UniverseLost { .. }
            | Self::SourceLimit { .. }
            | Self::SourceRefused { .. }
            | Self::SequenceJump { .. }
            | Self::Gap { .. }
            | Self::SyncLost { .. }
            | Self::SyncLimit { .. }
            | Self::PollFromElsewhere { .. }
            | Self::GroupLost { .. }
            | Self::Flashing { .. } => Severity::Warning,
        }
    }

    /// Name for logs and the API: `source_lost`.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::SourceAppeared { .. } => "source_appeared",
            Self::SourceLost { .. } => "source_lost",
            Self::UniverseLive { .. } => "universe_live",
            Self::UniverseLost { .. } => "universe_lost",
            Self::SourceLimit { .. } => "source_limit",
            Self::SourceRefused { .. } => "source_refused",
            Self::Preview { .. } => "preview",
            Self::SequenceJump { .. } => "sequence_jump",
            Self::Gap { .. } => "gap",
            Self::PapStarted { .. } => "pap_started",
            Self::PapLost { .. } => "pap_lost",
            Self::SyncStarted { .. } => "sync_started",
            Self::SyncLost { .. } => "sync_lost",
            Self::SyncLimit { .. } => "sync_limit",
            Self::NotPatched { .. } => "not_patched",
            Self::PollFromElsewhere { .. } => "poll_from_elsewhere",
            Self::GroupLive { .. } => "group_live",
            Self::GroupLost { .. } => "group_lost",
            Self::GroupBack { .. } => "group_back",
            Self::OverridesOver => "overrides_over",
            Self::Flashing { .. } => "flashing",
            Self::FlashingOver => "flashing_over",
            Self::Programmed { .. } => "programmed",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SourceAppeared { universe, source, priority: Some(priority) } => {
                write!(f, "{universe}: source {source} appeared with priority {priority}")
            }
            Self::SourceAppeared { universe, source, priority: None } => {
                write!(f, "{universe}: source {source} appeared")
            }
            Self::SourceLost { universe, source, why } => {
                write!(f, "{universe}: source {source} {}", lost_words(*why))
            }
            Self::UniverseLive { universe } => write!(f, "{universe}: signal"),
            Self::UniverseLost { universe } => write!(
                f,
                "{universe}: no source left; its groups follow their loss policy. Check console, \
                 cable and switch"
            ),
            Self::SourceLimit { universe, source, limit } => write!(
                f,
                "{universe}: source {source} is left out, the universe has its {limit} sources \
                 already. Switch one off, or raise `sources_per_universe` (sACN only)"
            ),
            Self::SourceRefused { universe, source } => write!(
                f,
                "{universe}: source {source} is not listened to, `network.allow` does not name it. \
                 Name its address or CID there if it should be"
            ),
            Self::Preview { universe, source } => write!(
                f,
                "{universe}: source {source} sends preview data, which bands do not show. Take the \
                 console out of preview if it should be live"
            ),
            Self::SequenceJump { universe, source, from, to } => write!(
                f,
                "{universe}: the sequence numbers of {source} jumped from {from} to {to}. It was \
                 restarted, packets were lost, or two devices send with the same identity"
            ),
            Self::Gap { universe, source, gap } => {
                let seconds = gap.end.since(gap.start).as_secs_f64();
                write!(f, "{universe}: nothing came from {source} for {seconds:.1} s")?;
                match gap.missed {
                    Some(missed) if gap.exact => write!(f, "; {missed} packets are missing"),
                    Some(missed) => write!(f, "; about {missed} packets are missing"),
                    None => Ok(()),
                }
            }
            Self::PapStarted { universe, source } => {
                write!(f, "{universe}: source {source} gives each slot its own priority")
            }
            Self::PapLost { universe, source } => write!(
                f,
                "{universe}: source {source} no longer gives slots their own priority; its \
                 universe priority rules"
            ),
            Self::SyncStarted { sync } => write!(f, "{sync}: levels wait for synchronization"),
            Self::SyncLost { sync, held: true } => write!(
                f,
                "{sync}: synchronization lost; its universes hold their last look until it \
                 returns, as the console asked (Force_Synchronization 0). Check the console"
            ),
            Self::SyncLost { sync, held: false } => {
                write!(f, "{sync}: synchronization lost; levels go out as they come")
            }
            Self::SyncLimit { address, limit } => write!(
                f,
                "synchronization address {address} is not followed, {limit} others are in use \
                 already; its universes go out unsynchronised"
            ),
            Self::NotPatched { universe, source } => write!(
                f,
                "{universe}: levels from {} arrive, but no group is patched there",
                source.ip()
            ),
            Self::PollFromElsewhere { from, own } => write!(
                f,
                "the console at {from} looks for Art-Net nodes, and is in no network of this relay: \
                 the reply may not be heard, nor the address {own} that it names be reached. Give \
                 both an address in one network"
            ),
            Self::GroupLive { group } => write!(f, "group {group}: signal"),
            Self::GroupLost { group } => write!(f, "group {group}: signal lost"),
            Self::GroupBack { group } => write!(f, "group {group}: signal is back"),
            Self::OverridesOver => {
                f.write_str("the time of the last override is over; the console rules")
            }
            Self::Flashing { groups, of, limit, red, held } => {
                let red = if *red { " in red" } else { "" };
                write!(f, "{groups} of {of} groups flash{red} more than {limit} times a second")?;
                f.write_str(match held {
                    true => {
                        "; they are held steady while they do. Slow the effect down, or give it to \
                         fewer groups, if it is to be seen"
                    }
                    false => {
                        "; that can bring on seizures. Slow the effect down, give it to fewer groups, \
                         or have it held: `strobe = \"limit\"` under [safety]"
                    }
                })
            }
            Self::FlashingOver => f.write_str("the flashing is back within the show's limits"),
            Self::Programmed { by, change } => write!(f, "{}: {change}", by.ip()),
        }
    }
}

const fn lost_words(why: Silence) -> &'static str {
    match why {
        Silence::Terminated => "left",
        Silence::SourceLimit => "was replaced by one of higher priority, the universe is full",
        Silence::MergeCancelled => "was put aside: merging was cancelled by ArtAddress",
        _ => "is lost: no packets any more. Check console, cable and switch",
    }
}

impl fmt::Display for SyncId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sacn(address) => write!(f, "synchronization address {address}"),
            Self::ArtNet(ip) => write!(f, "ArtSync from {ip}"),
        }
    }
}

impl fmt::Display for Programming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Names => f.write_str("changed the node's names (ArtAddress)"),
            Self::MergeHtp(universe) => write!(f, "set {universe} to HTP (ArtAddress)"),
            Self::MergeLtp(universe) => write!(f, "set {universe} to LTP (ArtAddress)"),
            Self::CancelMerge(universe) => {
                write!(f, "cancelled merging on {universe} (ArtAddress)")
            }
            Self::Clear(universe) => write!(f, "cleared {universe} (ArtAddress)"),
        }
    }
}

/// The bounded queue of events.
#[derive(Debug)]
pub struct EventQueue {
    events: VecDeque<Event>,
    limit: usize,
    dropped: u64,
}

impl EventQueue {
    /// A queue of at most `limit` events. The only allocation.
    pub fn new(limit: usize) -> Self {
        Self { events: VecDeque::with_capacity(limit), limit, dropped: 0 }
    }

    /// Queues an event, or counts it if there is no room.
    pub fn push(&mut self, at: Time, kind: EventKind) {
        if self.events.len() < self.limit {
            self.events.push_back(Event { at, kind });
        } else {
            self.dropped += 1;
        }
    }

    /// The oldest event.
    #[must_use]
    pub fn pop(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Events that found the queue full, since start.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}
