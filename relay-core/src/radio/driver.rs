//! The thread of one radio's lane.
//!
//! It takes the newest table, lets [`Dispatch`] do what is to be done, and sleeps until the next
//! deadline, a publication, or an event of the radio. A panic on it takes down its radio and
//! nothing else.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use super::dispatch::{Dispatch, Settlement};
use super::telemetry::{Condition, RadioTelemetry};
use super::{LaneWaker, LinkId, Radio};
use crate::lane::{self, LaneReader, LaneWriter};
use crate::receive::Clock;

/// Longest time that a stop waits for the bands to show the end look.
pub const DRAIN_MAX: Duration = Duration::from_secs(2);

/// Spawns the thread of the radio `name`, in a show of `groups` groups. Gives the end of its lane
/// that tables are published to; the reading end is on the thread.
///
/// # Errors
///
/// The system has no thread left.
pub fn spawn<R: Radio + 'static>(
    name: &str,
    radio: R,
    groups: usize,
    clock: Clock,
) -> io::Result<(LaneWriter, LaneThread)> {
    spawn_in_turn(name, radio, groups, clock, None)
}

/// Likewise; the radio begins when its turn has come. Until then its lane keeps the newest table.
///
/// # Errors
///
/// As [`spawn`].
pub fn spawn_in_turn<R: Radio + 'static>(
    name: &str,
    radio: R,
    groups: usize,
    clock: Clock,
    turn: Option<Turn>,
) -> io::Result<(LaneWriter, LaneThread)> {
    let (mut writer, reader) = lane::channel(groups);
    let dispatch = Dispatch::new(name, radio, groups);
    let telemetry = dispatch.telemetry().clone();
    let stop = Arc::new(AtomicBool::new(false));
    let lane = Lane { dispatch, reader, clock, turn, stop: stop.clone() };
    let thread = thread::Builder::new()
        // A NUL would make it panic.
        .name(format!("wristcast-{name}").replace('\0', ""))
        .spawn(move || lane.run_contained())?;
    writer.set_waker(Waker::from(Arc::new(Unpark(thread.thread().clone()))).into());
    Ok((writer, LaneThread { thread: Some(thread), stop, telemetry }))
}

/// When radios that take over from others may begin: these may hold the very devices that those
/// want. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Turn(Arc<(Mutex<Option<Vec<LaneThread>>>, Condvar)>);

impl Turn {
    /// It comes as soon as these have ended, which are told so and not waited for.
    pub fn after(&self, lanes: Vec<LaneThread>) {
        lanes.iter().for_each(LaneThread::request_stop);
        let (before, come) = &*self.0;
        *before.lock().unwrap_or_else(PoisonError::into_inner) = Some(lanes);
        come.notify_all();
    }

    fn wait(&self) {
        let (before, come) = &*self.0;
        let before = before.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = come.wait_while(before, |before| before.is_none());
        // Whoever waits behind the lock finds none left.
        if let Some(before) = &mut *waited.unwrap_or_else(PoisonError::into_inner) {
            before.drain(..).for_each(drop);
        }
    }
}

/// A running lane. Dropping it stops it.
#[derive(Debug)]
pub struct LaneThread {
    thread: Option<JoinHandle<Settlement>>,
    stop: Arc<AtomicBool>,
    telemetry: Arc<RadioTelemetry>,
}

impl LaneThread {
    /// The radio's figures; they outlive it.
    pub fn telemetry(&self) -> &Arc<RadioTelemetry> {
        &self.telemetry
    }

    /// Tells the lane to stop, without waiting for it; so that several stop at the same time.
    pub fn request_stop(&self) {
        // Release: what was published before is seen by the lane that sees this.
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Waits until every band that can be reached shows the last look published, for
    /// [`DRAIN_MAX`] at most, and ends the thread. To be called after the end look was published.
    pub fn stop(mut self) -> Settlement {
        self.finish()
    }

    fn finish(&mut self) -> Settlement {
        self.request_stop();
        let ended = self.thread.take().map(JoinHandle::join);
        ended.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for LaneThread {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// What lives on the thread.
struct Lane<R> {
    dispatch: Dispatch<R>,
    reader: LaneReader,
    clock: Clock,
    turn: Option<Turn>,
    stop: Arc<AtomicBool>,
}

impl<R: Radio> Lane<R> {
    fn run_contained(mut self) -> Settlement {
        // What a panic leaves half done is not looked at again but for the figures, which are
        // atomics.
        let ended = catch_unwind(AssertUnwindSafe(|| self.run()));
        ended.unwrap_or_else(|panic| self.report_panic(&*panic))
    }

    fn run(&mut self) -> Settlement {
        if let Some(turn) = self.turn.take() {
            turn.wait();
            if self.stop.load(Ordering::Acquire) {
                // It never came to begin.
                return Settlement::default();
            }
        }
        let waker: LaneWaker = Waker::from(Arc::new(Unpark(thread::current()))).into();
        self.dispatch.start(self.clock.now(), waker);
        while !self.stop.load(Ordering::Acquire) {
            self.turn();
            self.sleep(None);
        }
        let settlement = self.drain();
        self.dispatch.stop();
        settlement
    }

    /// Takes the newest table and does what is due.
    fn turn(&mut self) {
        if self.reader.refresh() {
            let stamp = self.reader.stamp();
            self.dispatch.handle_table(self.clock.now(), self.reader.table(), stamp);
        } else {
            self.dispatch.handle_timeout(self.clock.now());
        }
        self.dispatch.record_latency(self.clock.now());
    }

    /// Sleeps until something is due or happens, not beyond `limit`. A wake-up that came since the
    /// last look around is kept by the thread's parking, so that none is lost.
    fn sleep(&mut self, limit: Option<crate::time::Time>) {
        if !self.reader.go_idle() {
            return;
        }
        match self.dispatch.poll_timeout().into_iter().chain(limit).min() {
            None => thread::park(),
            Some(due) => {
                let wait = due.since(self.clock.now());
                if !wait.is_zero() {
                    thread::park_timeout(wait);
                }
            }
        }
    }

    /// Goes on until every link that is up is settled.
    fn drain(&mut self) -> Settlement {
        let deadline = self.clock.now() + DRAIN_MAX;
        loop {
            self.turn();
            let now = self.clock.now();
            let settlement = self.dispatch.settlement(now);
            if settlement.late == 0 || now >= deadline {
                return settlement;
            }
            self.sleep(Some(deadline));
        }
    }

    fn report_panic(&self, panic: &(dyn Any + Send)) -> Settlement {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        let telemetry = self.dispatch.telemetry();
        let why = format!("stopped by a fault inside the relay ({text}); restart the relay");
        telemetry.set_condition(Condition::Down, Some(why.into()));
        let bands = self.dispatch.radio().links().len() as u32;
        for link in 0..bands {
            telemetry.set_band_down(LinkId(link), "its radio has stopped".into());
        }
        Settlement { late: bands, ..Settlement::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SimulatedConfig;
    use crate::lane::Stamp;
    use crate::look::Look;
    use crate::radio::simulated::SimulatedRadio;
    use crate::radio::{Frame, LinkSpec, RadioContext, RadioEvent};
    use crate::table::GroupTable;
    use crate::time::Time;
    use std::sync::mpsc;

    const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };

    fn stamp(clock: &Clock, sequence: u64) -> Stamp {
        let now = clock.now();
        Stamp { arrival: now, published: now, sequence, panic: false }
    }

    fn simulated(loss: f64) -> SimulatedRadio {
        let config = SimulatedConfig {
            bands_per_group: 20,
            groups: Vec::new(),
            packets_per_event: 1,
            interval: Duration::from_micros(7_500),
            loss,
            latency: Duration::ZERO,
            seed: 1,
        };
        SimulatedRadio::new(&config, 2)
    }

    /// Tells the test what it is sent, and does with it what the test asks for.
    struct Told {
        links: [LinkSpec; 1],
        sends: mpsc::Sender<Look>,
        waker: Option<LaneWaker>,
        /// Completions come from another thread.
        completions: (mpsc::Sender<RadioEvent>, mpsc::Receiver<RadioEvent>),
        faulty: bool,
        /// What is sent is never acknowledged.
        deaf: bool,
    }

    impl Told {
        fn new(faulty: bool) -> (Self, mpsc::Receiver<Look>) {
            let (sends, told) = mpsc::channel();
            let completions = mpsc::channel();
            // Without keyframes nothing but a wake-up ends the lane's sleep.
            let links = [LinkSpec { refresh: None, ..LinkSpec::connection("band", 0) }];
            (Self { links, sends, waker: None, completions, faulty, deaf: false }, told)
        }
    }

    impl Radio for Told {
        fn kind(&self) -> &'static str {
            "told"
        }

        fn links(&self) -> &[LinkSpec] {
            &self.links
        }

        fn start(&mut self, _now: Time, context: RadioContext) {
            self.waker = Some(context.waker);
            let _ = self.completions.0.send(RadioEvent::Up(LinkId(0)));
        }

        fn handle_timeout(&mut self, _now: Time) {}

        fn poll_timeout(&self) -> Option<Time> {
            None
        }

        fn poll_event(&mut self, _now: Time) -> Option<RadioEvent> {
            self.completions.1.try_recv().ok()
        }

        fn send(&mut self, now: Time, link: LinkId, frame: &Frame) {
            assert!(!self.faulty, "a fault for the test");
            let _ = self.sends.send(frame.look);
            if self.deaf {
                return;
            }
            let sent = RadioEvent::Sent { link, token: frame.token, at: now };
            let (completions, waker) = (self.completions.0.clone(), self.waker.clone());
            thread::spawn(move || {
                let _ = completions.send(sent);
                if let Some(waker) = waker {
                    waker.wake();
                }
            });
        }
    }

    /// Longer than anything here can take; a test that waits so long has failed.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn until(clock: &Clock, holds: impl Fn() -> bool) {
        let end = clock.now() + PATIENCE;
        while !holds() {
            assert!(clock.now() < end, "it never came to hold");
            thread::yield_now();
        }
    }

    #[test]
    fn a_stop_leaves_every_band_in_the_look_published_last() {
        let clock = Clock::start();
        let (mut writer, lane) = spawn("crowd", simulated(0.2), 2, clock).unwrap();
        let mut table = GroupTable::new(2);
        for (sequence, red) in (1..).zip([1, 90, 200]) {
            table.set(0, Look { red, ..RED });
            table.set(1, Look { red, ..RED });
            writer.publish(&table, stamp(&clock, sequence));
        }
        let telemetry = lane.telemetry().clone();
        // Bands that were not connected yet would not be waited for.
        until(&clock, || telemetry.bands_up() == 40);
        let settlement = lane.stop();
        assert_eq!(settlement, Settlement { settled: 40, late: 0, unreached: 0 });
        let states = telemetry.band_states(clock.now(), |group| group.to_string());
        assert!(states.iter().all(|state| state.look.red == 200));
        assert_eq!(telemetry.condition(), Condition::Up);
    }

    #[test]
    fn a_stop_is_bounded_and_tells_how_many_bands_were_left_behind() {
        let clock = Clock::start();
        let (mut radio, told) = Told::new(false);
        radio.deaf = true;
        let (mut writer, lane) = spawn("deaf", radio, 1, clock).unwrap();
        writer.publish(&GroupTable::new(1), stamp(&clock, 1));
        told.recv_timeout(PATIENCE).unwrap();
        let begun = clock.now();
        assert_eq!(lane.stop(), Settlement { settled: 0, late: 1, unreached: 0 });
        assert!(clock.now().since(begun) >= DRAIN_MAX);
    }

    #[test]
    fn a_sleeping_lane_is_woken_by_a_table_and_by_its_radio() {
        let clock = Clock::start();
        let (radio, told) = Told::new(false);
        let (mut writer, lane) = spawn("told", radio, 1, clock).unwrap();
        let mut table = GroupTable::new(1);
        for sequence in 1..=200 {
            table.set(0, Look { red: sequence as u8, ..RED });
            writer.publish(&table, stamp(&clock, sequence));
            assert_eq!(told.recv_timeout(PATIENCE).unwrap().red, sequence as u8);
            if sequence % 2 == 0 {
                // Nothing is left to do: it sleeps, and a table must wake it. Else the frame after
                // this one waits for the completion of this one, which must wake it.
                until(&clock, || lane.telemetry().counts().sent == sequence);
            }
        }
        let latency = lane.telemetry().latency_us();
        assert_eq!(lane.stop().settled, 1);
        let count: u64 = latency.iter().map(|bucket| bucket.count()).sum();
        assert!((190..=200).contains(&count), "all but the first on the connection: {count}");
    }

    #[test]
    fn a_fault_in_a_radio_takes_it_down_and_says_so() {
        let clock = Clock::start();
        let (radio, _told) = Told::new(true);
        let (mut writer, lane) = spawn("faulty", radio, 1, clock).unwrap();
        let telemetry = lane.telemetry().clone();
        writer.publish(&GroupTable::new(1), stamp(&clock, 1));
        until(&clock, || telemetry.condition() == Condition::Down);
        // The writer goes on as if nothing had happened.
        writer.publish(&GroupTable::new(1), stamp(&clock, 2));
        assert_eq!(lane.stop(), Settlement { late: 1, ..Settlement::default() });
        let detail = telemetry.radio_state().detail.unwrap();
        assert!(detail.contains("a fault for the test"), "{detail}");
        assert_eq!(telemetry.bands_up(), 0);
    }
}
