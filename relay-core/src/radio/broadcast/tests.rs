//! The radio against controllers that answer as the specification says, over TCP; and the
//! reference decoder on what they were told to advertise.

#[cfg(unix)]
mod serial;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use broadcast_frame::{Decoder, Identity, Key};

use super::*;
use crate::config::{AirWay, ControllerAddress};
use crate::lane::{LaneWriter, Stamp};
use crate::look::Look;
use crate::radio::driver::{self, LaneThread};
use crate::radio::fenced::Fenced;
use crate::radio::telemetry::Condition;
use crate::receive::Clock;
use crate::standby::Lease;
use crate::table::GroupTable;

const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };
const BLUE: Look = Look { blue: 255, dimmer: 255, ..Look::DARK };
const KEY: Key = Key([9; 16]);

/// Longer than anything here can take; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

const RESET: u16 = 0x0C03;
const OWN_ADDRESS: u16 = 0x1009;
const LEGACY_ADDRESS: u16 = 0x2005;
const EXTENDED_ADDRESS: u16 = 0x2035;
const FEATURES: u16 = 0x2003;
const LEGACY_DATA: u16 = 0x2008;
const LEGACY_ENABLE: u16 = 0x200A;
const EXTENDED_DATA: u16 = 0x2037;
const EXTENDED_ENABLE: u16 = 0x2039;
const ROOM: u16 = 0x203A;
const PERIODIC_DATA: u16 = 0x203F;
const PERIODIC_ENABLE: u16 = 0x2040;

/// What a controller was told.
#[derive(Debug, Default)]
struct Told {
    /// Every command that is not data.
    commands: Vec<(u16, Vec<u8>)>,
    /// What is advertised by a set, or by the legacy commands; while it is enabled.
    data: Vec<u8>,
    periodic_data: Vec<u8>,
    enabled: bool,
    periodic_enabled: bool,
    connection: Option<TcpStream>,
    /// Status for commands of this opcode.
    refuses: Option<(u16, u8)>,
}

/// A controller. It can be unplugged.
#[derive(Clone, Debug)]
struct Emulated {
    told: Arc<Mutex<Told>>,
    address: ControllerAddress,
    features: u64,
}

const EXTENDED: u64 = 1 << 12;
const PERIODIC: u64 = 1 << 13;

impl Emulated {
    fn new(features: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = ControllerAddress::Tcp { host: "127.0.0.1".to_owned(), port };
        let emulated = Self { told: Arc::default(), address, features };
        let one = emulated.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                one.told().connection = stream.try_clone().ok();
                one.serve(stream);
            }
        });
        emulated
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut head = [0; 4];
        while stream.read_exact(&mut head).is_ok() && head[0] == 1 {
            let mut parameters = vec![0; usize::from(head[3])];
            if stream.read_exact(&mut parameters).is_err() {
                break;
            }
            if stream.write_all(&self.event(head, parameters)).is_err() {
                break;
            }
        }
        self.lose_power();
    }

    /// A dongle without power advertises nothing.
    fn lose_power(&self) {
        let mut told = self.told();
        (told.enabled, told.periodic_enabled) = (false, false);
    }

    /// The event that completes a command.
    fn event(&self, head: [u8; 4], parameters: Vec<u8>) -> Vec<u8> {
        let (status, answer) = self.answer(u16::from_le_bytes([head[1], head[2]]), parameters);
        let mut event = vec![4, 0x0E, 4 + answer.len() as u8, 1, head[1], head[2], status];
        event.extend(answer);
        event
    }

    fn answer(&self, opcode: u16, parameters: Vec<u8>) -> (u8, Vec<u8>) {
        let mut told = self.told();
        if let Some((refused, status)) = told.refuses.filter(|(refused, _)| *refused == opcode) {
            assert_eq!(refused, opcode);
            return (status, Vec::new());
        }
        let mut answer = Vec::new();
        match opcode {
            LEGACY_DATA => told.data = parameters[1..][..usize::from(parameters[0])].to_vec(),
            EXTENDED_DATA => told.data = parameters[4..].to_vec(),
            PERIODIC_DATA => told.periodic_data = parameters[3..].to_vec(),
            _ => {
                match opcode {
                    RESET => (told.enabled, told.periodic_enabled) = (false, false),
                    FEATURES => answer = self.features.to_le_bytes().to_vec(),
                    OWN_ADDRESS => answer = vec![0x13, 0x71, 0xDA, 0x7D, 0x1A, 0x00],
                    ROOM => answer = vec![0xFB, 0],
                    LEGACY_ENABLE | EXTENDED_ENABLE => told.enabled = parameters[0] == 1,
                    PERIODIC_ENABLE => told.periodic_enabled = parameters[0] == 1,
                    // Selected power.
                    0x2036 => answer = vec![0],
                    _ => {}
                }
                told.commands.push((opcode, parameters));
            }
        }
        (0, answer)
    }

    fn unplug(&self) {
        if let Some(stream) = self.told().connection.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// What a band hears now, if the controller advertises.
    fn hear(&self, now: u32, band: &mut Decoder) -> [u8; 4] {
        let told = self.told();
        if told.enabled {
            band.advert(now, &told.data);
        }
        if told.periodic_enabled {
            band.advert(now, &told.periodic_data);
        }
        drop(told);
        band.light(now)
    }
}

fn band(group: u16) -> Decoder {
    let mut band = Decoder::new(Identity { company: 0xFFFF, show: 7, group });
    band.set_key(KEY.0);
    band
}

/// A show on the air.
struct Show {
    writer: LaneWriter,
    lane: LaneThread,
    table: GroupTable,
    clock: Clock,
    sequence: u64,
}

impl Show {
    fn new(controllers: &[&Emulated], way: AirWay, groups: usize) -> Self {
        Self::with(controllers, way, groups, |radio, _| Box::new(radio))
    }

    /// A show on the air whose radio is changed before it starts.
    fn with(
        controllers: &[&Emulated],
        way: AirWay,
        groups: usize,
        change: impl FnOnce(BroadcastRadio, Clock) -> Box<dyn Radio>,
    ) -> Self {
        let config = BroadcastConfig {
            controllers: controllers.iter().map(|one| one.address.clone()).collect(),
            way,
            show_id: 7,
            key: Some(KEY),
            ..BroadcastConfig::default()
        };
        let clock = Clock::start();
        let radio = change(BroadcastRadio::new(&config, groups), clock);
        let (writer, lane) = driver::spawn("air", radio, groups, clock).unwrap();
        Self { writer, lane, table: GroupTable::new(groups), clock, sequence: 0 }
    }

    fn publish(&mut self, looks: &[(usize, Look)], panic: bool) {
        for (group, look) in looks {
            self.table.set(*group, *look);
        }
        self.sequence += 1;
        let now = self.clock.now();
        let stamp = Stamp { arrival: now, published: now, sequence: self.sequence, panic };
        self.writer.publish(&self.table, stamp);
    }

    fn until(&self, mut holds: impl FnMut(u32) -> bool) {
        let end = self.clock.now() + PATIENCE;
        while !holds((self.clock.now().as_nanos() / 1_000_000) as u32) {
            assert!(self.clock.now() < end, "it never came to hold");
            thread::yield_now();
        }
    }

    fn detail(&self) -> Option<String> {
        self.lane.telemetry().radio_state().detail
    }
}

#[test]
fn every_controller_carries_every_look_and_none_is_left_advertising() {
    for (way, features) in [
        (AirWay::Legacy, 0),
        (AirWay::Legacy, EXTENDED),
        (AirWay::Extended, EXTENDED),
        (AirWay::Periodic, EXTENDED | PERIODIC),
    ] {
        let (left, right) = (Emulated::new(features), Emulated::new(features));
        let mut show = Show::new(&[&left, &right], way, 3);
        for look in [RED, BLUE] {
            show.publish(&[(2, look)], false);
            for controller in [&left, &right] {
                let mut band = band(2);
                show.until(|now| controller.hear(now, &mut band) == look.output());
            }
        }
        show.publish(&[(2, RED)], false);
        assert_eq!(show.lane.stop().late, 0);
        for controller in [&left, &right] {
            let told = controller.told();
            let (mut band, data) = (band(2), told.data.clone());
            band.advert(0, &data);
            assert_eq!(band.light(2_000), RED.output(), "{way:?}: the end look was on the air");
            assert!(!told.enabled && !told.periodic_enabled, "{way:?}: silent");
            assert_eq!(told.commands.last().map(|last| last.0), Some(RESET), "{way:?}");
            let begun = told.commands.iter().filter(|(opcode, parameters)| {
                [LEGACY_ENABLE, EXTENDED_ENABLE].contains(opcode) && parameters[0] == 1
            });
            assert_eq!(begun.count(), 1, "{way:?}: data changes without a break");
        }
    }
}

#[test]
fn the_last_frame_is_on_the_air_however_little_time_the_thread_had_for_it() {
    for _ in 0..20 {
        let controller = Emulated::new(EXTENDED);
        let config = BroadcastConfig {
            controllers: vec![controller.address.clone()],
            way: AirWay::Extended,
            ..BroadcastConfig::default()
        };
        let air = Air::start(&config, LaneWaker::noop()).unwrap();
        let clock = Clock::start();
        while air.up() == 0 {
            assert!(clock.now().since(Time::ZERO) < PATIENCE, "the controller never worked");
            thread::yield_now();
        }
        air.stop(vec![vec![1, 2, 3]], Duration::ZERO);
        assert_eq!(controller.told().data, [1, 2, 3]);
    }
}

#[test]
fn a_controller_unplugged_and_plugged_in_again_goes_on_with_the_newest_look() {
    let (left, right) = (Emulated::new(EXTENDED), Emulated::new(EXTENDED));
    let mut show = Show::new(&[&left, &right], AirWay::Extended, 1);
    show.publish(&[(0, RED)], false);
    let mut bands = [band(0), band(0)];
    show.until(|now| left.hear(now, &mut bands[0]) == RED.output());
    show.until(|now| right.hear(now, &mut bands[1]) == RED.output());
    left.unplug();
    show.until(|_| show.detail().is_some_and(|detail| detail.contains("it is gone")));
    assert_eq!(show.lane.telemetry().bands_up(), 1, "the other one still carries the group");
    show.publish(&[(0, BLUE)], false);
    show.until(|now| right.hear(now, &mut bands[1]) == BLUE.output());
    show.until(|now| left.hear(now, &mut bands[0]) == BLUE.output());
    show.until(|_| show.lane.telemetry().condition() == Condition::Up);
    assert_eq!(show.detail(), None);
}

#[test]
fn a_relay_that_follows_is_not_on_the_air_and_one_that_takes_over_begins_with_the_newest_look() {
    for (way, features) in
        [(AirWay::Legacy, 0), (AirWay::Extended, EXTENDED), (AirWay::Periodic, EXTENDED | PERIODIC)]
    {
        let controller = Emulated::new(features);
        let lease = Arc::new(Lease::default());
        let fence = Arc::clone(&lease);
        let mut show = Show::with(&[&controller], way, 1, move |radio, clock| {
            Box::new(Fenced::new(Box::new(radio), fence, clock))
        });
        let drives = |show: &Show, drives: bool| {
            let until = drives.then(|| show.clock.now() + PATIENCE);
            lease.set(show.clock.now(), drives, until);
        };
        let is_on_air = || {
            let told = controller.told();
            told.enabled || told.periodic_enabled
        };
        let mut band = band(0);
        drives(&show, true);
        show.publish(&[(0, RED)], false);
        show.until(|now| controller.hear(now, &mut band) == RED.output());
        drives(&show, false);
        show.until(|_| !is_on_air() && lease.is_released());
        show.publish(&[(0, BLUE)], false);
        controller.told().data.clear();
        drives(&show, true);
        // A band that was switched on meanwhile hears no look of the time before.
        let mut new = self::band(0);
        show.until(|now| {
            let light = controller.hear(now, &mut new);
            assert_ne!(light, RED.output(), "{way:?}");
            light == BLUE.output()
        });
        drives(&show, false);
        show.until(|_| !is_on_air());
        let begun = controller.told().commands.len();
        assert_eq!(show.lane.stop().late, 0);
        let told = controller.told();
        assert!(!told.enabled && !told.periodic_enabled);
        let enables = [LEGACY_ENABLE, EXTENDED_ENABLE, PERIODIC_ENABLE];
        let after = told.commands[begun..].iter().filter(|(opcode, _)| enables.contains(opcode));
        assert_eq!(after.count(), 0, "{way:?}: the end look is the other relay's");
    }
}

#[test]
fn what_a_controller_cannot_do_is_said_in_words() {
    for (way, features, refuses, words) in [
        (AirWay::Extended, 0, None, "no extended advertising; use way = \"legacy\""),
        (AirWay::Periodic, EXTENDED, None, "no periodic advertising; use way = \"extended\""),
        (AirWay::Legacy, 0, Some((0x2006, 0x12)), "interval_ms = 100"),
        (AirWay::Extended, EXTENDED, Some((EXTENDED_ENABLE, 0x0C)), "something else uses it"),
    ] {
        let controller = Emulated::new(features);
        controller.told().refuses = refuses;
        let mut show = Show::new(&[&controller], way, 1);
        show.publish(&[(0, RED)], false);
        show.until(|_| show.detail().is_some_and(|detail| detail.contains(words)));
        let detail = show.detail().unwrap_or_default();
        assert!(detail.starts_with("tcp:127.0.0.1:"), "which one: {detail}");
    }
}

#[test]
fn every_controller_has_an_address_of_its_own_that_it_keeps() {
    let addresses = |controller: &Emulated| -> Vec<Vec<u8>> {
        let told = controller.told();
        let settings = told.commands.iter().filter_map(|(opcode, parameters)| match *opcode {
            LEGACY_ADDRESS => Some(parameters.clone()),
            EXTENDED_ADDRESS => Some(parameters[1..].to_vec()),
            _ => None,
        });
        settings.collect()
    };
    for (way, features) in [(AirWay::Legacy, 0), (AirWay::Periodic, EXTENDED | PERIODIC)] {
        // Two sectors; dongles so cheap that they all tell the same address.
        let (left, right) = (Emulated::new(features), Emulated::new(features));
        let shows = [Show::new(&[&left], way, 1), Show::new(&[&right], way, 1)];
        for (show, controller) in shows.iter().zip([&left, &right]) {
            show.until(|_| addresses(controller).len() == 1);
        }
        left.unplug();
        shows[0].until(|_| addresses(&left).len() == 2);
        let (lefts, rights) = (addresses(&left), addresses(&right));
        assert_eq!(lefts[0], lefts[1], "{way:?}: after it was plugged in again");
        assert_ne!(lefts[0], rights[0], "{way:?}: a train has one sender");
        assert!(lefts.iter().chain(&rights).all(|one| one[5] & 0xC0 == 0xC0), "static");
    }
}

#[test]
fn panic_is_on_the_air_before_anything_else() {
    let controller = Emulated::new(EXTENDED);
    let mut show = Show::new(&[&controller], AirWay::Extended, 50);
    let looks = |look: Look| (0..50).map(|group| (group, look)).collect::<Vec<_>>();
    show.publish(&looks(RED), false);
    let mut band = band(49);
    show.until(|now| controller.hear(now, &mut band) == RED.output());
    show.publish(&looks(Look::DARK), true);
    show.until(|now| controller.hear(now, &mut band) == [0; 4]);
    let told = controller.told();
    let frame = advert::payloads(0xFFFF, &told.data).next().unwrap();
    assert_eq!(broadcast_frame::Frame::parse(frame).unwrap().groups(), Some(50));
}
