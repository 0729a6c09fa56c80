//! Bands reached by the app's own Bluetooth.
//!
//! An app that owns a `CBCentralManager` already, or needs state restoration, supplies a
//! [`BandRadio`]; the relay decides what is written when. It writes to one band only when the write
//! before is reported: what a band gets next is always the newest look.
//!
//! A write is for one connection of its band. A band may go and come back while one is on its way to
//! the app, and get the next for its new connection; so connections are counted, and a write that is
//! late for its own is dropped: here if it was not handed to the app yet, else by the app.
//!
//! Threads: the lane's thread drives [`AppRadio`] and never waits for the app; one thread of its
//! own calls the app; the app reports through [`BandLink`] from whatever thread it likes.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use wristcast_core::band::BandFrame;
use wristcast_core::band::profile::{Acknowledge, Encoder, Profile, WriteKind};
use wristcast_core::config::{BandConfig, GattConfig};
use wristcast_core::radio::{
    Class, Frame, LaneWaker, LinkId, LinkSpec, Radio, RadioContext, RadioEvent, Token,
};
use wristcast_core::time::Time;

/// A write that is not reported by then is given up, and the band with it.
const WRITE_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a stop waits for the app.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// A band that the app is to connect, and to keep connected.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BandSpec {
    /// Its number in every call.
    pub band: u32,
    /// Its id in the show: what the platform calls it, or the name it advertises.
    pub id: String,
    /// Names that bands of its kind advertise; `*` at the end stands for any ending.
    pub names: Vec<String>,
    /// The service that holds the characteristic, if it is always the same.
    pub service: Option<String>,
    /// Whether every band of its kind advertises that service: scan for it then.
    pub advertises_service: bool,
    /// Where looks are written.
    pub characteristic: String,
    /// Written once after connecting, in order, before the band is reported up.
    pub connect_writes: Vec<ConnectWrite>,
}

/// A frame of the greeting.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ConnectWrite {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How long to wait after it, ms.
    pub wait_ms: u32,
}

/// One look for one band.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BandWrite {
    /// The band.
    pub band: u32,
    /// The connection it is for, as [`BandLink::connection`] counts them. When that is another by the
    /// time it would be written, it is not to be: it is lost with its connection, and nobody waits
    /// for a report.
    pub connection: u32,
    /// To be given back with the report.
    pub token: u32,
    /// What to write, in order; mostly one.
    pub frames: Vec<Vec<u8>>,
    /// Time between two of them, ms.
    pub interval_ms: u32,
    /// Ask the band for a response (`withResponse`), if its characteristic can.
    pub with_response: bool,
}

/// The app's Bluetooth. Called from one thread of its own, never at the same time.
#[uniffi::export(with_foreign)]
pub trait BandRadio: Send + Sync {
    /// Connect these bands and keep them connected; report through `link`.
    fn start(&self, bands: Vec<BandSpec>, link: Arc<BandLink>);

    /// Write a look to a band that is up, on the [connection](BandWrite::connection) it is for.
    /// There is none under way on it. Report it written when
    /// the response came; without response when the system can take the next
    /// (`canSendWriteWithoutResponse`), so that nothing queues in the system.
    fn write(&self, write: BandWrite);

    /// The band is taken for lost: close its connection, with whatever is still under way on it,
    /// and connect it again.
    fn reconnect(&self, band: u32);

    /// Close every connection. Nothing is asked after that until the next start.
    fn stop(&self);
}

/// What the app reports.
#[derive(Debug)]
enum Report {
    Ready,
    Fault(String),
    /// A band, and which of its connections.
    Up(u32, u32),
    Down(u32, String),
    Written(u32, u32),
    Failed(u32, u32),
}

/// Where the app reports what its Bluetooth did. `false`: too many reports wait, or the relay has
/// stopped; report again later, or never.
#[derive(Debug, uniffi::Object)]
pub struct BandLink {
    reports: SyncSender<Report>,
    waker: LaneWaker,
    connections: Connections,
}

/// By band, how many connections were reported up.
type Connections = Arc<[AtomicU32]>;

#[uniffi::export]
impl BandLink {
    /// Bluetooth works.
    pub fn ready(&self) -> bool {
        self.report(Report::Ready)
    }

    /// Bluetooth as a whole does not work: off, not permitted. In plain words, with what to do.
    pub fn fault(&self, reason: String) -> bool {
        self.report(Report::Fault(reason))
    }

    /// A band is connected, greeted, and takes looks. Its connections are counted by this.
    pub fn up(&self, band: u32) -> bool {
        let count = self.connections.get(band as usize);
        // Before the report: what is written because of it is for this connection.
        let before = count.map_or(0, |count| count.fetch_add(1, Ordering::AcqRel));
        self.report(Report::Up(band, before.wrapping_add(1)))
    }

    /// The connection of a band that was reported up last, counted from 1; 0: none yet. A
    /// [`BandWrite`] for another is late and to be dropped. Ask where [`up`](Self::up) is called,
    /// right before writing.
    pub fn connection(&self, band: u32) -> u32 {
        self.connections.get(band as usize).map_or(0, |count| count.load(Ordering::Acquire))
    }

    /// It does not, for this reason.
    pub fn down(&self, band: u32, reason: String) -> bool {
        self.report(Report::Down(band, reason))
    }

    /// The write is out.
    pub fn written(&self, band: u32, token: u32) -> bool {
        self.report(Report::Written(band, token))
    }

    /// It is not; the newest look will be written instead.
    pub fn failed(&self, band: u32, token: u32) -> bool {
        self.report(Report::Failed(band, token))
    }
}

impl BandLink {
    fn report(&self, report: Report) -> bool {
        let taken = self.reports.try_send(report).is_ok();
        self.waker.wake();
        taken
    }
}

/// What the app is asked, in order.
enum Ask {
    Start(Vec<BandSpec>, Arc<BandLink>),
    Write(BandWrite),
    Reconnect(u32),
    Stop,
}

/// One band.
#[derive(Debug)]
struct Band {
    profile: Arc<Profile>,
    encoder: Encoder,
    up: bool,
    /// Which one of its connections, if it is up.
    connection: u32,
    /// The write under way, and when it is given up.
    flight: Option<(Token, Time)>,
    unacknowledged: u8,
}

/// The radio that the app supplies.
#[derive(Debug)]
pub(crate) struct AppRadio {
    links: Vec<LinkSpec>,
    bands: Vec<Band>,
    specs: Vec<BandSpec>,
    asks: SyncSender<Ask>,
    /// Taken by the thread that calls the app.
    calls: Option<(Receiver<Ask>, Arc<dyn BandRadio>)>,
    reports: Receiver<Report>,
    reporter: SyncSender<Report>,
    connections: Connections,
    /// Disconnected when that thread has ended.
    ended: Option<Receiver<()>>,
    events: VecDeque<RadioEvent>,
}

impl std::fmt::Debug for dyn BandRadio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BandRadio")
    }
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ask")
    }
}

impl AppRadio {
    /// The radio for the bands of `config`. Nothing is asked before [`Radio::start`].
    pub(crate) fn new(config: &GattConfig, app: Arc<dyn BandRadio>) -> Self {
        let band = |band: &BandConfig| Band {
            profile: Arc::clone(&band.profile),
            encoder: Encoder::default(),
            up: false,
            connection: 0,
            flight: None,
            unacknowledged: 0,
        };
        // One write and one reconnect per band, and the start and the stop.
        let (asks, calls) = sync_channel(2 * config.bands.len() + 2);
        let (reporter, reports) = sync_channel(4 * config.bands.len() + 16);
        Self {
            links: config.bands.iter().map(LinkSpec::of_band).collect(),
            bands: config.bands.iter().map(band).collect(),
            specs: (0..).zip(&config.bands).map(|(number, band)| spec(number, band)).collect(),
            asks,
            calls: Some((calls, app)),
            reports,
            reporter,
            connections: config.bands.iter().map(|_| AtomicU32::new(0)).collect(),
            ended: None,
            events: VecDeque::new(),
        }
    }

    fn ask(&mut self, ask: Ask) -> bool {
        match self.asks.try_send(ask) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    fn down(&mut self, band: u32, words: impl Into<Cow<'static, str>>) {
        let Some(state) = self.bands.get_mut(band as usize) else { return };
        state.up = false;
        state.flight = None;
        self.events.push_back(RadioEvent::Down(LinkId(band), words.into()));
    }

    fn handle_report(&mut self, now: Time, report: Report) {
        match report {
            Report::Ready => self.events.push_back(RadioEvent::Ready),
            Report::Fault(reason) => self.events.push_back(RadioEvent::Fault(reason.into())),
            Report::Up(band, connection) => {
                if self.bands.get(band as usize).is_some_and(|state| state.up) {
                    // It was away and back: what it shows is unknown again.
                    self.down(band, "connected anew");
                }
                if let Some(state) = self.bands.get_mut(band as usize) {
                    state.up = true;
                    state.connection = connection;
                    state.unacknowledged = 0;
                    self.events.push_back(RadioEvent::Up(LinkId(band)));
                }
            }
            Report::Down(band, reason) => self.down(band, reason),
            Report::Written(band, token) => {
                if self.ends_flight(band, token) {
                    let (link, token) = (LinkId(band), Token(token));
                    self.events.push_back(RadioEvent::Sent { link, token, at: now });
                }
            }
            Report::Failed(band, token) => {
                if self.ends_flight(band, token) {
                    let (link, token) = (LinkId(band), Token(token));
                    self.events.push_back(RadioEvent::Lost { link, token });
                }
            }
        }
    }

    /// Whether that write was under way; it no longer is.
    fn ends_flight(&mut self, band: u32, token: u32) -> bool {
        let flight = self.bands.get_mut(band as usize).map(|state| &mut state.flight);
        flight.is_some_and(|flight| flight.take_if(|(it, _)| it.0 == token).is_some())
    }
}

fn spec(number: u32, band: &BandConfig) -> BandSpec {
    let profile = &band.profile;
    let greeting = profile.connect_writes().into_iter();
    BandSpec {
        band: number,
        id: band.id.clone(),
        names: profile.names().to_vec(),
        service: profile.service().map(|service| service.to_string()),
        advertises_service: profile.advertised_service().is_some(),
        characteristic: profile.characteristic().to_string(),
        connect_writes: greeting
            .map(|(bytes, wait)| ConnectWrite { bytes: bytes.to_vec(), wait_ms: millis(wait) })
            .collect(),
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

impl Radio for AppRadio {
    fn kind(&self) -> &'static str {
        "app"
    }

    fn links(&self) -> &[LinkSpec] {
        &self.links
    }

    fn start(&mut self, _now: Time, context: RadioContext) {
        let Some((calls, app)) = self.calls.take() else { return };
        let (alive, ended) = sync_channel::<()>(1);
        let thread = std::thread::Builder::new().name("wristcast-app-radio".to_owned());
        let waker = context.waker.clone();
        let connections = Arc::clone(&self.connections);
        let spawned = thread.spawn(move || {
            let _alive = alive;
            call_app(&calls, &*app, &connections);
            waker.wake();
        });
        match spawned {
            Ok(_) => self.ended = Some(ended),
            Err(error) => {
                let words = format!("no thread for the app's Bluetooth: {error}");
                self.events.push_back(RadioEvent::Fault(words.into()));
                return;
            }
        }
        let (reports, connections) = (self.reporter.clone(), Arc::clone(&self.connections));
        let link = BandLink { reports, waker: context.waker, connections };
        let specs = std::mem::take(&mut self.specs);
        self.ask(Ask::Start(specs, Arc::new(link)));
    }

    fn handle_timeout(&mut self, now: Time) {
        for band in 0..self.bands.len() as u32 {
            let flight = self.bands[band as usize].flight;
            if flight.is_some_and(|(_, deadline)| deadline <= now) {
                self.down(band, "took no frame for 5 s; connecting it again");
                self.ask(Ask::Reconnect(band));
            }
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.bands.iter().filter_map(|band| band.flight.map(|(_, deadline)| deadline)).min()
    }

    fn poll_event(&mut self, now: Time) -> Option<RadioEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let report = self.reports.try_recv().ok()?;
            self.handle_report(now, report);
        }
    }

    fn send(&mut self, now: Time, link: LinkId, frame: &Frame) {
        let lost = RadioEvent::Lost { link, token: frame.token };
        let Some(band) = self.bands.get_mut(link.index()).filter(|band| band.up) else {
            self.events.push_back(lost);
            return;
        };
        let band_frame = BandFrame {
            look: frame.look,
            sequence: frame.sequence,
            first: frame.first,
            panic: frame.class == Class::Panic,
        };
        let writes = band.encoder.writes(&band.profile, now, &band_frame);
        let acknowledged = match band.profile.acknowledge() {
            Acknowledge::Never => false,
            Acknowledge::Every(n) => {
                matches!(frame.class, Class::Panic | Class::Keyframe)
                    || band.unacknowledged + 1 >= n
            }
        };
        band.unacknowledged = if acknowledged { 0 } else { band.unacknowledged.saturating_add(1) };
        let with_response = match band.profile.write_kind() {
            WriteKind::WithResponse => true,
            WriteKind::WithoutResponse => false,
            WriteKind::Any => acknowledged,
        };
        let write = BandWrite {
            band: link.0,
            connection: band.connection,
            token: frame.token.0,
            frames: writes.iter().map(|frame| frame.to_vec()).collect(),
            interval_ms: millis(band.profile.min_interval()),
            with_response,
        };
        band.flight = Some((frame.token, now + WRITE_TIME_MAX));
        if !self.ask(Ask::Write(write)) {
            self.bands[link.index()].flight = None;
            self.events.push_back(lost);
        }
    }

    fn stop(&mut self) {
        self.ask(Ask::Stop);
        if let Some(ended) = self.ended.take() {
            // An app that does not return is left behind.
            let _ = ended.recv_timeout(FAREWELL_MAX);
        }
    }
}

/// On its own thread: does to the app what is asked, until it is to stop or nobody asks any more.
fn call_app(calls: &Receiver<Ask>, app: &dyn BandRadio, connections: &Connections) {
    let is_late = |write: &BandWrite| {
        let connection = connections.get(write.band as usize);
        connection.is_some_and(|now| now.load(Ordering::Acquire) != write.connection)
    };
    loop {
        let ask = calls.recv().unwrap_or(Ask::Stop);
        let stop = matches!(ask, Ask::Stop);
        // What fails on the app's side is given up as a write that takes too long.
        let _ = catch_unwind(AssertUnwindSafe(|| match ask {
            Ask::Start(bands, link) => app.start(bands, link),
            Ask::Write(write) if is_late(&write) => {}
            Ask::Write(write) => app.write(write),
            Ask::Reconnect(band) => app.reconnect(band),
            Ask::Stop => app.stop(),
        }));
        if stop {
            return;
        }
    }
}
