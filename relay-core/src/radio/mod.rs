//! Radios: what carries light to the wristbands.
//!
//! A [`Radio`] has links, normally one per wristband. The lane thread owns it, tells it the time,
//! hands it at most one [`Frame`] per link at a time and learns from its [events](RadioEvent) what
//! became of them. What goes into a frame, and when, is decided above it, by the
//! [`schedule`](crate::schedule) stage; what the bytes on the air are is the radio's own business.
//!
//! A radio does not read a clock and keeps no queue: a frame it was handed is the only one on its
//! link until the radio has reported it [`Sent`](RadioEvent::Sent) or [`Lost`](RadioEvent::Lost).
//! A radio that works with threads of its own wakes the lane thread with its [`LaneWaker`]
//! whenever it has an event to give.

#[cfg(feature = "broadcast")]
pub mod broadcast;
mod budget;
mod calendar;
pub mod dispatch;
#[cfg(feature = "io")]
pub mod driver;
#[cfg(feature = "io")]
pub(crate) mod fenced;
#[cfg(feature = "gatt")]
pub mod gatt;
mod shown;
pub mod simulated;
pub mod telemetry;

pub use dispatch::panic_worst;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::config::BandConfig;
use crate::look::Look;
use crate::time::Time;
use telemetry::RadioTelemetry;

/// The boundary between the lane and a kind of radio.
///
/// **After any call with the time in it, drain [`poll_event`](Self::poll_event), then sleep until
/// [`poll_timeout`](Self::poll_timeout) or until woken.** All calls come from one thread.
pub trait Radio: Send {
    /// What kind it is, for the status: `simulated`, `gatt`, `broadcast`.
    fn kind(&self) -> &'static str;

    /// The links, fixed for the life of the radio. A [`LinkId`] is an index into them. All are
    /// down until the radio says [`Up`](RadioEvent::Up).
    fn links(&self) -> &[LinkSpec];

    /// Frames the radio can have in flight over all its links at once. Fewer than it has links
    /// means that links compete, and that the most urgent frame of all goes first.
    fn frames_in_flight_max(&self) -> usize {
        usize::MAX
    }

    /// Whether its links share something that can be handed too much, such as a host's Bluetooth
    /// stack, so that the frames in flight are held to what is measured to go through.
    fn shares_stack(&self) -> bool {
        false
    }

    /// Whether the radio itself reports what its bands show. If not, a band is taken to show what
    /// was last sent to it.
    fn reports_shown(&self) -> bool {
        false
    }

    /// Called once, first of all, on the lane's thread. Threads are started here.
    fn start(&mut self, now: Time, context: RadioContext);

    /// Does what is due. Calls without anything due are harmless.
    fn handle_timeout(&mut self, now: Time);

    /// When [`handle_timeout`](Self::handle_timeout) has something to do. May change with any call
    /// that has the time in it.
    #[must_use]
    fn poll_timeout(&self) -> Option<Time>;

    /// The next thing that happened, `None` when all is told.
    #[must_use]
    fn poll_event(&mut self, now: Time) -> Option<RadioEvent>;

    /// Takes a frame for a link that is up and has none in flight, as far as the radio has told.
    /// Never blocks, never fails: the outcome is an event. A radio that refuses says
    /// [`Lost`](RadioEvent::Lost).
    ///
    /// The frame is for the connection whose [`Up`](RadioEvent::Up) was told last. If that is gone
    /// already, and its [`Down`](RadioEvent::Down) not told yet, the frame is lost with it, even if
    /// the band is connected anew: what that shows is not known here, and it would have two frames
    /// in flight as soon as its own `Up` is told.
    fn send(&mut self, now: Time, link: LinkId, frame: &Frame);

    /// Another relay drives the bands (`rests`): lets go of every connection, says
    /// [`Down`](RadioEvent::Down) of it, and makes none until told otherwise. May come before
    /// [`start`](Self::start). A radio that holds on to nothing and says nothing by itself has nothing
    /// to do: it is handed no frames meanwhile.
    fn rest(&mut self, _now: Time, _rests: bool) {}

    /// Whether a radio that rests has let go of everything.
    fn has_let_go(&self) -> bool {
        true
    }

    /// Called once, last of all, when the end look is out (or its time is up). Closes connections
    /// and joins threads, within a second or so.
    fn stop(&mut self) {}
}

impl<R: Radio + ?Sized> Radio for Box<R> {
    fn kind(&self) -> &'static str {
        (**self).kind()
    }

    fn links(&self) -> &[LinkSpec] {
        (**self).links()
    }

    fn frames_in_flight_max(&self) -> usize {
        (**self).frames_in_flight_max()
    }

    fn shares_stack(&self) -> bool {
        (**self).shares_stack()
    }

    fn reports_shown(&self) -> bool {
        (**self).reports_shown()
    }

    fn start(&mut self, now: Time, context: RadioContext) {
        (**self).start(now, context);
    }

    fn handle_timeout(&mut self, now: Time) {
        (**self).handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        (**self).poll_timeout()
    }

    fn poll_event(&mut self, now: Time) -> Option<RadioEvent> {
        (**self).poll_event(now)
    }

    fn send(&mut self, now: Time, link: LinkId, frame: &Frame) {
        (**self).send(now, link, frame);
    }

    fn rest(&mut self, now: Time, rests: bool) {
        (**self).rest(now, rests);
    }

    fn has_let_go(&self) -> bool {
        (**self).has_let_go()
    }

    fn stop(&mut self) {
        (**self).stop();
    }
}

/// What a radio is given at [`start`](Radio::start).
#[derive(Clone, Debug)]
pub struct RadioContext {
    /// Wakes the lane's thread.
    pub waker: LaneWaker,
    /// The radio's figures, for radios that report what their bands show.
    pub telemetry: Arc<RadioTelemetry>,
}

/// A link of one radio: an index into [`Radio::links`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

impl LinkId {
    /// The index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

/// What the scheduler must know of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSpec {
    /// The band's id on the radio, as the status shows it.
    pub id: String,
    /// The groups whose looks go over this link. Normally one.
    pub groups: Vec<usize>,
    /// Shortest time from one frame to the next. Zero: as fast as frames complete.
    pub min_interval: Duration,
    /// Whether the band fades by itself. If not, the scheduler sends the steps.
    pub fades: bool,
    /// How often a large change is sent again, for paths without acknowledgement. 0 on connections.
    pub repeats: u8,
    /// Longest time without a frame: then the look is sent again. `None`: never.
    pub refresh: Option<Duration>,
}

impl LinkSpec {
    /// Longest time from one frame for a group to the next, so that a band that missed something
    /// is right again within 2 s.
    pub const REFRESH: Duration = Duration::from_millis(1_900);

    /// An acknowledged link to the band `id` of one group, which fades by itself.
    pub fn connection(id: impl Into<String>, group: usize) -> Self {
        Self {
            id: id.into(),
            groups: vec![group],
            min_interval: Duration::ZERO,
            fades: true,
            repeats: 0,
            refresh: Some(Self::REFRESH),
        }
    }

    /// The connection to a band of the show, as its profile allows it.
    pub fn of_band(band: &BandConfig) -> Self {
        let spec = Self::connection(band.id.clone(), band.group);
        let quiet_max = band.profile.refresh_max();
        Self {
            min_interval: band.profile.min_interval(),
            fades: band.profile.fades(),
            refresh: spec.refresh.into_iter().chain(quiet_max).min(),
            ..spec
        }
    }
}

/// One look for one link, to be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// To be given back with [`Sent`](RadioEvent::Sent) or [`Lost`](RadioEvent::Lost).
    pub token: Token,
    /// The group it is for.
    pub group: u32,
    /// What to show. Its fade is what is left of it now, 0 on links whose bands do not fade.
    pub look: Look,
    /// Counts the looks sent to this group on this link; the same again when a look is repeated,
    /// so that a band may ignore what it already shows.
    pub sequence: u8,
    /// How urgent it is.
    pub class: Class,
    /// The first for this group since the link came up: to be shown whatever its sequence.
    pub first: bool,
    /// Sequence number of the published table that brought the look, for the record.
    pub table: u64,
    /// From the look's arrival to now. `None` if it was sent before: repeats, keyframes, later
    /// steps of a fade, the first frame of a link.
    pub latency: Option<Duration>,
}

/// Why a frame is sent, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Blackout or end look: before everything, and again until acknowledged.
    Panic,
    /// A large change or an edge between dark and light: seen as an instant.
    Snap,
    /// A small change, a step of a fade: seen as a movement.
    Fade,
    /// No change; sent again in case the band missed it.
    Keyframe,
}

/// Names one frame in flight. A completion that comes too late, after the link went down and up
/// again, carries an old token and is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Token(pub u32);

/// What happened on a radio. Texts are plain words for the operator: what is wrong, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RadioEvent {
    /// The radio works; takes back a [`Fault`](Self::Fault).
    Ready,
    /// The radio as a whole does not work, for this reason. It goes on trying.
    Fault(Cow<'static, str>),
    /// The link can take frames. What the band shows is unknown.
    Up(LinkId),
    /// The link cannot take frames, for this reason; a frame in flight is lost with it. May be
    /// told again when the reason changes.
    Down(LinkId, Cow<'static, str>),
    /// The frame is out: acknowledged by the band, or sent where there is no acknowledgement.
    Sent {
        /// The link.
        link: LinkId,
        /// The frame.
        token: Token,
        /// When. Not after now.
        at: Time,
    },
    /// The frame may not have arrived. The newest look will be sent instead, never this one again.
    Lost {
        /// The link.
        link: LinkId,
        /// The frame.
        token: Token,
    },
    /// The band asks for more, or allows less, time between frames.
    MinInterval(LinkId, Duration),
}

/// Wakes a lane's thread. Cheap if it is awake; a wake-up is never lost.
#[derive(Clone, Debug)]
pub struct LaneWaker(Waker);

impl LaneWaker {
    /// A waker for lanes that have no thread: replay, tests.
    pub fn noop() -> Self {
        Self(Waker::noop().clone())
    }

    /// Wakes the lane's thread.
    pub fn wake(&self) {
        self.0.wake_by_ref();
    }
}

impl From<Waker> for LaneWaker {
    fn from(waker: Waker) -> Self {
        Self(waker)
    }
}
