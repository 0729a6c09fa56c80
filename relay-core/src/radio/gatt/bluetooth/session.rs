//! What there is between opening the adapter and losing it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use btleplug::api::{Central as _, CentralEvent, CentralState, Peripheral as _, ScanFilter};
use btleplug::platform::{Adapter, Peripheral, PeripheralId};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_stream::StreamExt;

use super::Reporter;
use super::adapter::{CALL_TIME_MAX, check, open_adapter, within};
use super::hearing::{Answer, Device};
use super::plan::Plan;
use super::socket::{Socket, connect};
use crate::radio::gatt::command::{Command, Report, Trouble};
use crate::radio::gatt::vitals::Vitals;
use crate::radio::gatt::words;
use crate::radio::{LinkId, Token};

/// Closing one connection; BlueZ takes 2 s.
const DISCONNECT_TIME_MAX: Duration = Duration::from_secs(4);
/// Closing all of them at the end, in parallel.
pub(super) const STOP_TIME_MAX: Duration = Duration::from_millis(2_500);
/// How often the adapter is asked whether it still is.
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);

/// Why a session ended.
pub(super) enum End {
    Stop,
    Lost(Trouble),
}

/// What there is between opening the adapter and losing it.
pub(super) struct Session<'a> {
    pub(super) plan: &'a Plan,
    pub(super) reporter: &'a Reporter,
    pub(super) adapter: Adapter,
    pub(super) scanning: bool,
    pub(super) devices: HashMap<PeripheralId, Device>,
    pub(super) asked: usize,
    pub(super) checking: bool,
    /// The band that is asked for its battery next; one is asked at a time.
    pub(super) vitals_next: usize,
    pub(super) vitals_asked: bool,
    pub(super) bands: Vec<Band>,
    pub(super) tasks: JoinSet<Done>,
}

/// What is known of a band of the show.
#[derive(Default)]
pub(super) struct Band {
    pub(super) peripheral: Option<Peripheral>,
    pub(super) socket: Option<Arc<Socket>>,
    /// Connecting, writing or disconnecting.
    pub(super) operation: Option<AbortHandle>,
    /// Whether there may be a connection.
    pub(super) engaged: bool,
    /// Whether the lane was told since the scan began.
    pub(super) heard: bool,
    /// When the lane was last told how strong it is heard.
    pub(super) rssi_told: Option<Instant>,
}

/// What a task has come to.
pub(super) enum Done {
    ScanStarted(Result<(), Trouble>),
    ScanStopped,
    Asked { id: PeripheralId, answer: Option<Box<Answer>>, times: u8 },
    Connected(LinkId, Result<Arc<Socket>, Trouble>),
    Written(LinkId, Token, Result<(), Trouble>),
    Disconnected(LinkId),
    Checked(Result<(), Trouble>),
    Vitals(LinkId, Vitals),
}

impl<'a> Session<'a> {
    pub(super) async fn open(plan: &'a Plan, reporter: &'a Reporter) -> Result<Self, Trouble> {
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

    pub(super) async fn run(mut self, commands: &mut mpsc::Receiver<Command>) -> End {
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

    pub(super) fn band(&mut self, link: LinkId) -> Option<&mut Band> {
        self.bands.get_mut(link.index())
    }
}
