//! The air that the simulated bands of several relays share: it is told of every frame before it is
//! written, and knows who wrote when.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use wristcast_core::radio::simulated::SimulatedRadio;
use wristcast_core::radio::{Frame, LinkId, LinkSpec, Radio, RadioContext, RadioEvent};
use wristcast_core::time::Time;

/// A frame is about to be written: link, and when, nanoseconds since 1970.
pub type Told = Arc<dyn Fn(u32, u64) + Send + Sync>;

/// Simulated bands whose frames are told.
pub struct Ether {
    radio: SimulatedRadio,
    told: Told,
}

impl Ether {
    /// `radio`, whose frames are told to `told`.
    pub fn new(radio: SimulatedRadio, told: Told) -> Self {
        Self { radio, told }
    }
}

impl std::fmt::Debug for Ether {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ether").finish_non_exhaustive()
    }
}

/// Nanoseconds since 1970: the clock that processes of one machine share.
pub fn unix_nanos() -> u64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX)
}

impl Radio for Ether {
    fn kind(&self) -> &'static str {
        "simulated"
    }

    fn links(&self) -> &[LinkSpec] {
        self.radio.links()
    }

    fn reports_shown(&self) -> bool {
        true
    }

    fn start(&mut self, now: Time, context: RadioContext) {
        self.radio.start(now, context);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.radio.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.radio.poll_timeout()
    }

    fn poll_event(&mut self, now: Time) -> Option<RadioEvent> {
        self.radio.poll_event(now)
    }

    fn send(&mut self, now: Time, link: LinkId, frame: &Frame) {
        (self.told)(link.0, unix_nanos());
        self.radio.send(now, link, frame);
    }

    fn rest(&mut self, now: Time, rests: bool) {
        self.radio.rest(now, rests);
    }

    fn has_let_go(&self) -> bool {
        self.radio.has_let_go()
    }
}
