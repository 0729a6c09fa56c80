//! What the relay thread shows of itself, again and again, to the thread of the standby.

use crate::engine::Engine;
use crate::snapshot::SignalState;
use crate::standby::Input;

/// What the relay thread fills in and gives back: that it comes back says that the thread gets on.
#[derive(Debug, Default)]
pub(in crate::relay) struct Pulse(pub(super) Input);

impl Pulse {
    /// On the relay thread: how the consoles are heard.
    pub(in crate::relay) fn fill(&mut self, engine: &Engine) {
        let mut input = Input::default();
        for index in 0..engine.universes().len() {
            input.patched += 1;
            if engine.universe_signal(index) == Some(SignalState::Live) {
                input.live += 1;
                input.live_set.insert(index);
            }
            input.heard = input.heard.max(engine.universe_last_heard(index));
        }
        self.0 = input;
    }
}
