//! The Bluetooth stack through btleplug, on a thread of its own: does what it is told, one
//! [`Command`] after another, and [reports](Report).
//!
//! It decides nothing and keeps no frame: a frame goes straight from the command into btleplug's
//! write, and that there is one at a time per band is the doing of the state machine above. Each
//! time the adapter is opened a new runtime is made, and thrown away with everything in it when
//! the adapter is lost: connections to bluetoothd, streams, half-done calls.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::mpsc as done;
use std::time::Duration;

use btleplug::api::{
    Central as _, CentralEvent, CentralState, CharPropFlags, Characteristic, Manager as _,
    Peripheral as _, PeripheralProperties, ScanFilter, WriteType,
};
use btleplug::platform::{Adapter, Manager, Peripheral, PeripheralId};
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_stream::StreamExt;
use uuid::Uuid;

use super::central::{Command, Report, Trouble};
use super::vitals::{self, BATTERY_SERVICE, Vitals};
use super::words::{self, explain};
use crate::band::profile::{FrameBytes, Profile, WriteKind, Writes};
use crate::radio::{LaneWaker, LinkId, Token};

/// What the Bluetooth thread must know of the show.
#[derive(Debug)]
pub(super) struct Plan {
    /// `hci0`; `None` = the first.
    pub(super) adapter: Option<String>,
    /// How each band is spoken to, by link.
    pub(super) profiles: Vec<Arc<Profile>>,
    /// Address, platform id or advertised name of each band, by link.
    pub(super) bands: Vec<String>,
}

impl Plan {
    /// The link of the band with this address, platform id or name.
    fn link_of(&self, address: &str, id: &str, name: Option<&str>) -> Option<LinkId> {
        let is = |band: &String| {
            band.eq_ignore_ascii_case(address)
                || band.eq_ignore_ascii_case(id)
                || name.is_some_and(|name| name.trim_end() == band)
        };
        let index = self.bands.iter().position(is)?;
        u32::try_from(index).ok().map(LinkId)
    }

    /// The services to scan for: those that all bands advertise, or any.
    fn services(&self) -> Vec<Uuid> {
        let services = self.profiles.iter().map(|profile| profile.advertised_service());
        services.collect::<Option<BTreeSet<Uuid>>>().unwrap_or_default().into_iter().collect()
    }

    /// The kind of band that a stranger is, if it is one of the show's.
    fn kind_of(&self, name: Option<&str>, properties: &PeripheralProperties) -> Option<&str> {
        let makers: Vec<u16> = properties.manufacturer_data.keys().copied().collect();
        let mut profiles = self.profiles.iter();
        let is = |profile: &&Arc<Profile>| profile.recognises(name, &properties.services, &makers);
        profiles.find(is).map(|profile| profile.name())
    }
}

/// Calls to the stack that are not about a band's radio. They take milliseconds or never end.
pub(super) const CALL_TIME_MAX: Duration = Duration::from_secs(5);
/// Closing one connection; BlueZ takes 2 s.
const DISCONNECT_TIME_MAX: Duration = Duration::from_secs(4);
/// Closing all of them at the end, in parallel.
const STOP_TIME_MAX: Duration = Duration::from_millis(2_500);
/// How often the adapter is asked whether it still is.
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);
/// How often a band that is heard says how strong.
const RSSI_INTERVAL: Duration = Duration::from_secs(1);
/// Devices asked for their names at the same time; others are asked when heard again.
const ASKED_MAX: usize = 8;
/// How often a device without a name is asked again: names come in a second packet.
const ASKED_AGAIN_MAX: u8 = 3;
/// What a write takes of the MTU for itself (Core 5.4, Vol 3, Part F, 3.4.5.1).
const ATT_HEADER: usize = 3;
/// Devices remembered. Then all are forgotten and asked again.
const DEVICES_MAX: usize = 4_096;

/// The thread and the way to it.
#[derive(Debug)]
pub(super) struct Bluetooth {
    commands: mpsc::Sender<Command>,
    reports: mpsc::Receiver<Report>,
    done: done::Receiver<()>,
}

/// The thread has ended.
#[derive(Debug)]
pub(super) struct Ended;

impl Bluetooth {
    /// Starts the thread. `waker` is woken with every report.
    pub(super) fn start(plan: Arc<Plan>, waker: LaneWaker) -> io::Result<Self> {
        // Per link at most a write, given up, and a disconnect; beside these what the adapter does.
        let capacity = 4 * plan.bands.len() + 8;
        let (commands, command_receiver) = mpsc::channel(capacity);
        let (report_sender, reports) = mpsc::channel(capacity);
        let (done_sender, done) = done::channel();
        let reporter = Reporter { reports: report_sender, waker };
        std::thread::Builder::new().name("wristcast-ble".to_owned()).spawn(move || {
            run(&plan, command_receiver, &reporter);
            drop(done_sender);
        })?;
        Ok(Self { commands, reports, done })
    }

    /// Hands over a command. Never blocks.
    pub(super) fn submit(&self, command: Command) -> Result<(), Ended> {
        self.commands.try_send(command).map_err(|_| Ended)
    }

    /// The next report.
    pub(super) fn poll_report(&mut self) -> Result<Option<Report>, Ended> {
        match self.reports.try_recv() {
            Ok(report) => Ok(Some(report)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Ended),
        }
    }

    /// Asks the thread to disconnect all bands and end.
    pub(super) fn request_stop(self) -> Stopping {
        let Self { commands, reports, done } = self;
        drop((commands, reports));
        Stopping { done }
    }
}

/// A thread that was asked to end.
#[derive(Debug)]
pub(super) struct Stopping {
    done: done::Receiver<()>,
}

impl Stopping {
    /// Waits for it; leaves it to itself if that takes too long.
    pub(super) fn wait(self) {
        let _ = self.done.recv_timeout(STOP_TIME_MAX + Duration::from_millis(500));
    }
}

/// The way back to the lane.
#[derive(Debug)]
struct Reporter {
    reports: mpsc::Sender<Report>,
    waker: LaneWaker,
}

impl Reporter {
    async fn report(&self, report: Report) {
        if !matches!(report, Report::Written(..)) {
            tracing::debug!(?report, "bluetooth");
        }
        // Nobody listens any more while the radio stops.
        let _ = self.reports.send(report).await;
        self.waker.wake();
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.waker.wake();
    }
}

/// Why a session ended.
enum End {
    Stop,
    Lost(Trouble),
}

fn run(plan: &Plan, mut commands: mpsc::Receiver<Command>, reporter: &Reporter) {
    while let Some(command) = commands.blocking_recv() {
        if command != Command::Open {
            continue; // meant for the session that was lost
        }
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "no runtime for Bluetooth");
                return;
            }
        };
        let end = runtime.block_on(async {
            let end = match Session::open(plan, reporter).await {
                Ok(session) => session.run(&mut commands).await,
                Err(trouble) => End::Lost(trouble),
            };
            if let End::Lost(trouble) = &end {
                reporter.report(Report::Lost(trouble.clone())).await;
            }
            end
        });
        if let End::Stop = end {
            return;
        }
    }
}

/// What there is between opening the adapter and losing it.
struct Session<'a> {
    plan: &'a Plan,
    reporter: &'a Reporter,
    adapter: Adapter,
    scanning: bool,
    devices: HashMap<PeripheralId, Device>,
    asked: usize,
    checking: bool,
    /// The band that is asked for its battery next; one is asked at a time.
    vitals_next: usize,
    vitals_asked: bool,
    bands: Vec<Band>,
    tasks: JoinSet<Done>,
}

/// What is known of a device that was heard.
enum Device {
    /// It is asked for its name now.
    Asked,
    /// A band of the show.
    Band(LinkId),
    /// None; asked so often.
    Stranger(u8),
}

/// What is known of a band of the show.
#[derive(Default)]
struct Band {
    peripheral: Option<Peripheral>,
    socket: Option<Arc<Socket>>,
    /// Connecting, writing or disconnecting.
    operation: Option<AbortHandle>,
    /// Whether there may be a connection.
    engaged: bool,
    /// Whether the lane was told since the scan began.
    heard: bool,
    /// When the lane was last told how strong it is heard.
    rssi_told: Option<Instant>,
}

/// Where frames of a connected band go.
struct Socket {
    peripheral: Peripheral,
    characteristic: Characteristic,
    kind: WriteKind,
    min_interval: Duration,
}

impl Socket {
    /// Writes what one look takes. Between two writes the band has its time.
    async fn write(&self, writes: &Writes, acknowledged: bool) -> Result<(), Trouble> {
        for (index, frame) in writes.iter().enumerate() {
            if index > 0 {
                tokio::time::sleep(self.min_interval).await;
            }
            self.write_one(frame, acknowledged).await?;
        }
        Ok(())
    }

    async fn write_one(&self, frame: &[u8], acknowledged: bool) -> Result<(), Trouble> {
        let flags = self.characteristic.properties;
        // On Apple a write without response to a characteristic that has none is silently changed.
        let kind = match (self.kind, acknowledged) {
            (WriteKind::WithResponse, _) => WriteType::WithResponse,
            (WriteKind::WithoutResponse, _) => WriteType::WithoutResponse,
            _ if !flags.contains(CharPropFlags::WRITE) => WriteType::WithoutResponse,
            (_, false) if flags.contains(CharPropFlags::WRITE_WITHOUT_RESPONSE) => {
                WriteType::WithoutResponse
            }
            _ => WriteType::WithResponse,
        };
        let written = self.peripheral.write(&self.characteristic, frame, kind).await;
        written.map_err(|error| explain(&error))
    }
}

/// What a task has come to.
enum Done {
    ScanStarted(Result<(), Trouble>),
    ScanStopped,
    Asked { id: PeripheralId, answer: Option<Box<Answer>>, times: u8 },
    Connected(LinkId, Result<Arc<Socket>, Trouble>),
    Written(LinkId, Token, Result<(), Trouble>),
    Disconnected(LinkId),
    Checked(Result<(), Trouble>),
    Vitals(LinkId, Vitals),
}

/// What a device says of itself.
struct Answer {
    peripheral: Peripheral,
    properties: PeripheralProperties,
    connected: bool,
}

impl<'a> Session<'a> {
    async fn open(plan: &'a Plan, reporter: &'a Reporter) -> Result<Self, Trouble> {
        let adapter = within(CALL_TIME_MAX, open_adapter(plan.adapter.as_deref())).await?;
        Ok(Self {
            plan,
            reporter,
            adapter,
            scanning: false,
            devices: HashMap::new(),
            asked: 0,
            checking: false,
            vitals_next: 0,
            vitals_asked: false,
            bands: plan.bands.iter().map(|_| Band::default()).collect(),
            tasks: JoinSet::new(),
        })
    }

    async fn run(mut self, commands: &mut mpsc::Receiver<Command>) -> End {
        let events = within(CALL_TIME_MAX, async { Ok(self.adapter.events().await?) }).await;
        let mut events = match events {
            Ok(events) => events,
            Err(trouble) => return End::Lost(trouble),
        };
        self.reporter.report(Report::Opened).await;
        let mut health = tokio::time::interval(HEALTH_INTERVAL);
        health.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let end = tokio::select! {
                biased;
                Some(done) = self.tasks.join_next() => match done {
                    Ok(done) => self.handle_done(done).await,
                    Err(error) if error.is_cancelled() => Ok(()),
                    Err(_) => Err(Trouble::passing("a fault inside the Bluetooth stack")),
                },
                command = commands.recv() => match command {
                    Some(command) => self.handle_command(command).await,
                    None => {
                        self.stop().await;
                        return End::Stop;
                    }
                },
                event = events.next() => match event {
                    Some(event) => self.handle_event(event).await,
                    None => Err(Trouble::passing("lost contact with the Bluetooth service")),
                },
                _ = health.tick(), if !self.checking => {
                    self.checking = true;
                    let adapter = self.adapter.clone();
                    self.tasks.spawn(async move {
                        Done::Checked(within(CALL_TIME_MAX, check(&adapter)).await)
                    });
                    self.ask_vitals();
                    Ok(())
                }
            };
            if let Err(trouble) = end {
                return End::Lost(trouble);
            }
        }
    }

    async fn handle_command(&mut self, command: Command) -> Result<(), Trouble> {
        if !matches!(command, Command::Write { .. }) {
            tracing::debug!(?command, "bluetooth");
        }
        match command {
            Command::Open => {} // it is
            Command::Scan => {
                self.bands.iter_mut().for_each(|band| band.heard = false);
                self.scanning = true;
                let services = self.plan.services();
                let adapter = self.adapter.clone();
                self.tasks.spawn(async move {
                    let scan = async { Ok(adapter.start_scan(ScanFilter { services }).await?) };
                    Done::ScanStarted(within(CALL_TIME_MAX, scan).await)
                });
            }
            Command::StopScan => {
                self.scanning = false;
                let adapter = self.adapter.clone();
                self.tasks.spawn(async move {
                    // One that cannot be stopped does not run.
                    let _ = timeout(CALL_TIME_MAX, adapter.stop_scan()).await;
                    Done::ScanStopped
                });
            }
            Command::Connect(link) => self.connect(link).await,
            Command::Write { link, token, writes, acknowledged } => {
                let Some(socket) = self.band(link).and_then(|band| band.socket.clone()) else {
                    let gone = Trouble::passing("connection lost");
                    self.reporter.report(Report::WriteFailed(link, token, gone)).await;
                    return Ok(());
                };
                self.operate(link, async move {
                    Done::Written(link, token, socket.write(&writes, acknowledged).await)
                });
            }
            Command::Disconnect(link) => self.disconnect(link).await,
        }
        Ok(())
    }

    async fn connect(&mut self, link: LinkId) {
        let profile = self.plan.profiles.get(link.index()).map(Arc::clone);
        let (Some(band), Some(profile)) = (self.band(link), profile) else { return };
        let Some(peripheral) = band.peripheral.clone() else {
            let trouble = Trouble::passing("not heard yet");
            self.reporter.report(Report::ConnectFailed(link, trouble)).await;
            return;
        };
        band.engaged = true;
        self.operate(link, async move {
            Done::Connected(link, connect(peripheral, &profile).await.map(Arc::new))
        });
    }

    async fn disconnect(&mut self, link: LinkId) {
        let Some(band) = self.band(link) else { return };
        band.socket = None;
        if let Some(operation) = band.operation.take() {
            operation.abort();
        }
        let Some(peripheral) = band.peripheral.clone() else {
            self.reporter.report(Report::Disconnected(link)).await;
            return;
        };
        self.operate(link, async move {
            // Whether it was connected at all is the stack's business.
            let _ = timeout(DISCONNECT_TIME_MAX, peripheral.disconnect()).await;
            Done::Disconnected(link)
        });
    }

    /// Starts the one thing that is under way on a link.
    fn operate(&mut self, link: LinkId, task: impl Future<Output = Done> + Send + 'static) {
        let handle = self.tasks.spawn(task);
        if let Some(band) = self.band(link) {
            band.operation = Some(handle);
        }
    }

    async fn handle_done(&mut self, done: Done) -> Result<(), Trouble> {
        let report = match done {
            Done::ScanStarted(result) => {
                self.scanning &= result.is_ok();
                Report::Scanning(result)
            }
            Done::ScanStopped => Report::ScanStopped,
            Done::Asked { id, answer, times } => return self.answered(id, answer, times).await,
            Done::Connected(link, Ok(socket)) => {
                let Some(band) = self.band(link) else { return Ok(()) };
                band.socket = Some(socket);
                Report::Connected(link)
            }
            Done::Connected(link, Err(trouble)) => Report::ConnectFailed(link, trouble),
            Done::Written(link, token, Ok(())) => Report::Written(link, token),
            Done::Written(link, token, Err(trouble)) => Report::WriteFailed(link, token, trouble),
            Done::Disconnected(link) => {
                let Some(band) = self.band(link) else { return Ok(()) };
                band.engaged = false;
                Report::Disconnected(link)
            }
            Done::Checked(result) => {
                self.checking = false;
                return result;
            }
            Done::Vitals(link, vitals) => {
                self.vitals_asked = false;
                Report::Vitals(link, vitals)
            }
        };
        self.reporter.report(report).await;
        Ok(())
    }

    async fn handle_event(&mut self, event: CentralEvent) -> Result<(), Trouble> {
        match event {
            CentralEvent::StateUpdate(CentralState::PoweredOff) => Err(words::switched_off()),
            CentralEvent::StateUpdate(_) | CentralEvent::DeviceServicesModified(_) => Ok(()),
            CentralEvent::DeviceDisconnected(id) => {
                if let Some(Device::Band(link)) = self.devices.get(&id) {
                    self.reporter.report(Report::ConnectionLost(*link)).await;
                }
                Ok(())
            }
            CentralEvent::DeviceConnected(id) => {
                self.heard(id, true).await;
                Ok(())
            }
            CentralEvent::DeviceDiscovered(id)
            | CentralEvent::DeviceUpdated(id)
            | CentralEvent::ManufacturerDataAdvertisement { id, .. }
            | CentralEvent::ServiceDataAdvertisement { id, .. }
            | CentralEvent::ServicesAdvertisement { id, .. } => {
                self.heard(id, false).await;
                Ok(())
            }
            CentralEvent::RssiUpdate { id, rssi } => {
                if let Some(&Device::Band(link)) = self.devices.get(&id) {
                    self.tell_vitals(link, Vitals { rssi: Some(rssi), battery: None }).await;
                }
                self.heard(id, false).await;
                Ok(())
            }
        }
    }

    /// A device was heard, or is connected.
    async fn heard(&mut self, id: PeripheralId, connected: bool) {
        let times = match self.devices.get(&id) {
            Some(Device::Band(link)) => return self.band_heard(*link, connected).await,
            Some(Device::Asked | Device::Stranger(ASKED_AGAIN_MAX..)) => return,
            Some(Device::Stranger(times)) => *times,
            None => 0,
        };
        // One that is connected, perhaps since before the relay ran, is not heard again.
        if self.asked >= ASKED_MAX && !connected {
            return;
        }
        if self.devices.len() >= DEVICES_MAX {
            self.devices.retain(|_, device| !matches!(device, Device::Stranger(_)));
        }
        self.asked += 1;
        self.devices.insert(id.clone(), Device::Asked);
        let adapter = self.adapter.clone();
        self.tasks.spawn(async move {
            let answer = timeout(CALL_TIME_MAX, ask(&adapter, &id)).await;
            Done::Asked { id, answer: answer.ok().flatten().map(Box::new), times: times + 1 }
        });
    }

    async fn band_heard(&mut self, link: LinkId, connected: bool) {
        let scanning = self.scanning;
        let Some(band) = self.band(link) else { return };
        if connected || scanning && !std::mem::replace(&mut band.heard, true) {
            self.reporter.report(Report::Heard(link)).await;
        }
    }

    /// Tells how strong a band is heard, now and then.
    async fn tell_vitals(&mut self, link: LinkId, vitals: Vitals) {
        let Some(band) = self.band(link) else { return };
        if band.rssi_told.is_none_or(|told| told.elapsed() >= RSSI_INTERVAL) {
            band.rssi_told = Some(Instant::now());
            self.reporter.report(Report::Vitals(link, vitals)).await;
        }
    }

    /// Asks the next connected band how it is.
    fn ask_vitals(&mut self) {
        if self.vitals_asked {
            return;
        }
        let count = self.bands.len();
        let socket = |index: usize| {
            let socket = self.bands[index % count].socket.clone()?;
            Some((index % count, socket))
        };
        let from = self.vitals_next;
        let Some((index, socket)) = (from..from + count).find_map(socket) else { return };
        self.vitals_asked = true;
        self.vitals_next = index + 1;
        let link = LinkId(u32::try_from(index).unwrap_or(u32::MAX));
        self.tasks.spawn(async move { Done::Vitals(link, vitals::ask(&socket.peripheral).await) });
    }

    /// A device said what it is.
    async fn answered(
        &mut self,
        id: PeripheralId,
        answer: Option<Box<Answer>>,
        times: u8,
    ) -> Result<(), Trouble> {
        self.asked -= 1;
        let Some(answer) = answer else {
            self.devices.insert(id, Device::Stranger(times));
            return Ok(());
        };
        let Answer { peripheral, properties, connected } = *answer;
        let name = properties.advertisement_name.as_deref().or(properties.local_name.as_deref());
        let address = peripheral.address().to_string();
        let Some(link) = self.plan.link_of(&address, &id.to_string(), name) else {
            if let Some(profile) = self.plan.kind_of(name, &properties) {
                tracing::info!(%id, address, name, profile, "a band near that the show does not list");
                self.devices.insert(id, Device::Stranger(ASKED_AGAIN_MAX));
            } else {
                self.devices.insert(id, Device::Stranger(times));
            }
            return Ok(());
        };
        self.devices.insert(id, Device::Band(link));
        if let Some(band) = self.band(link)
            && !band.engaged
        {
            band.peripheral = Some(peripheral);
            self.band_heard(link, connected).await;
        }
        let battery = properties.service_data.get(&BATTERY_SERVICE);
        let battery = battery.and_then(|data| data.first().copied());
        self.tell_vitals(link, Vitals { rssi: properties.rssi, battery }).await;
        Ok(())
    }

    /// Closes all connections at the same time.
    async fn stop(&mut self) {
        for index in 0..self.bands.len() {
            if self.bands[index].engaged {
                self.disconnect(LinkId(u32::try_from(index).unwrap_or(u32::MAX))).await;
            }
        }
        let all = async {
            while self.bands.iter().any(|band| band.engaged) {
                match self.tasks.join_next().await {
                    Some(Ok(Done::Disconnected(link))) => {
                        if let Some(band) = self.band(link) {
                            band.engaged = false;
                        }
                    }
                    Some(_) => {}
                    None => return,
                }
            }
        };
        // BlueZ was asked, and goes on by itself.
        let _ = timeout(STOP_TIME_MAX, all).await;
    }

    fn band(&mut self, link: LinkId) -> Option<&mut Band> {
        self.bands.get_mut(link.index())
    }
}

pub(super) async fn open_adapter(wanted: Option<&str>) -> Result<Adapter, Failure> {
    let adapters = Manager::new().await?.adapters().await?;
    let mut names = Vec::new();
    for adapter in adapters {
        let info = adapter.adapter_info().await?;
        // `hci0 (usb:v1D6Bp0246d0540)`
        let name = info.split(' ').next().unwrap_or_default().to_owned();
        if wanted.is_none_or(|wanted| wanted == name) {
            check(&adapter).await?;
            return Ok(adapter);
        }
        names.push(name);
    }
    Err(Failure(match wanted {
        Some(wanted) if !names.is_empty() => {
            let names = names.join(", ");
            Trouble::lasting(format!("there is no adapter `{wanted}`; there is {names}"))
        }
        _ => words::no_adapter(),
    }))
}

/// Whether the adapter is still there and on.
async fn check(adapter: &Adapter) -> Result<(), Failure> {
    adapter.adapter_info().await?;
    match adapter.adapter_state().await? {
        CentralState::PoweredOff => Err(Failure(words::switched_off())),
        _ => Ok(()),
    }
}

async fn ask(adapter: &Adapter, id: &PeripheralId) -> Option<Answer> {
    let peripheral = adapter.peripheral(id).await.ok()?;
    let properties = peripheral.properties().await.ok()??;
    let connected = peripheral.is_connected().await.ok()?;
    Some(Answer { peripheral, properties, connected })
}

async fn connect(peripheral: Peripheral, profile: &Profile) -> Result<Socket, Trouble> {
    let connected = async {
        peripheral.connect().await?;
        peripheral.discover_services().await
    };
    connected.await.map_err(|error| explain(&error))?;
    let is_ours = |characteristic: &Characteristic| {
        characteristic.uuid == profile.characteristic()
            && profile.service().is_none_or(|service| service == characteristic.service_uuid)
    };
    let Some(characteristic) = peripheral.characteristics().into_iter().find(is_ours) else {
        return Err(Trouble::lasting(format!(
            "it has no characteristic {}, which bands of profile `{}` have: is it another kind?",
            profile.characteristic(),
            profile.name()
        )));
    };
    if !characteristic
        .properties
        .intersects(CharPropFlags::WRITE | CharPropFlags::WRITE_WITHOUT_RESPONSE)
    {
        return Err(Trouble::lasting(format!(
            "its characteristic {} cannot be written: is it another kind than `{}`?",
            profile.characteristic(),
            profile.name()
        )));
    }
    let (longest, mtu) = (profile.frame_len_max(), usize::from(peripheral.mtu()));
    if longest > FrameBytes::EVERY_LINK && longest + ATT_HEADER > mtu {
        return Err(Trouble::lasting(format!(
            "its link carries {} bytes, and frames of profile `{}` have {longest}",
            mtu.saturating_sub(ATT_HEADER),
            profile.name()
        )));
    }
    let (kind, min_interval) = (profile.write_kind(), profile.min_interval());
    let socket = Socket { peripheral, characteristic, kind, min_interval };
    for (frame, wait) in profile.connect_writes() {
        socket.write_one(&frame, true).await?;
        tokio::time::sleep(wait).await;
    }
    Ok(socket)
}

/// A trouble that `?` makes of btleplug's errors.
pub(super) struct Failure(Trouble);

impl From<btleplug::Error> for Failure {
    fn from(error: btleplug::Error) -> Self {
        Self(explain(&error))
    }
}

pub(super) async fn within<T>(
    time: Duration,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Trouble> {
    match timeout(time, call).await {
        Ok(result) => result.map_err(|Failure(trouble)| trouble),
        Err(_) => {
            Err(Trouble::passing("the Bluetooth service does not answer; restart it if this stays"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_known_by_address_platform_id_or_name() {
        let plan = Plan {
            adapter: None,
            profiles: Vec::new(),
            bands: ["f0:f1:f2:f3:f4:a0", "hci0/dev_F0_F1_F2_F3_F4_A1", "WB2"]
                .map(str::to_owned)
                .into(),
        };
        let link = |address, id, name| plan.link_of(address, id, name).map(|LinkId(link)| link);
        assert_eq!(link("F0:F1:F2:F3:F4:A0", "x", None), Some(0));
        assert_eq!(link("y", "hci0/dev_F0_F1_F2_F3_F4_A1", Some("other")), Some(1));
        assert_eq!(link("y", "x", Some("WB2  ")), Some(2));
        assert_eq!(link("y", "x", Some("wb2")), None);
        assert_eq!(link("y", "x", None), None);
    }
}
