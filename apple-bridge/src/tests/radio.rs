//! A radio that the app supplies.

use std::sync::{Mutex, MutexGuard};

use wristcast_core::config::{Config, GattConfig, RadioKind};
use wristcast_core::look::Look;
use wristcast_core::radio::telemetry::RadioTelemetry;
use wristcast_core::radio::{
    Class, Frame, LaneWaker, LinkId, Radio, RadioContext, RadioEvent, Token,
};
use wristcast_core::time::Time;

use super::*;
use crate::radio::AppRadio;

/// Two bands that answer when they are told to.
#[derive(Default)]
struct Phone {
    link: Mutex<Option<Arc<BandLink>>>,
    bands: Mutex<Vec<BandSpec>>,
    writes: Mutex<Vec<BandWrite>>,
    /// Whoever holds this keeps it from taking writes.
    busy: Mutex<()>,
    stops: Mutex<u32>,
}

impl BandRadio for Phone {
    fn start(&self, bands: Vec<BandSpec>, link: Arc<BandLink>) {
        *self.bands.lock().unwrap() = bands;
        *self.link.lock().unwrap() = Some(link);
    }

    fn write(&self, write: BandWrite) {
        self.writes.lock().unwrap().push(write);
        drop(self.busy.lock());
    }

    fn reconnect(&self, _band: u32) {}

    fn stop(&self) {
        *self.stops.lock().unwrap() += 1;
        *self.link.lock().unwrap() = None;
    }
}

impl Phone {
    fn link(&self) -> Arc<BandLink> {
        eventually("started", || self.link.lock().unwrap().clone())
    }

    /// Writes to `band` so far.
    fn writes_to(&self, band: u32) -> Vec<BandWrite> {
        let writes = self.writes.lock().unwrap();
        writes.iter().filter(|write| write.band == band).cloned().collect()
    }
}

const BANDS: &str = r#"
[[radio]]
kind = "gatt"
bands = [{ id = "one", group = "left" }, { id = "two", group = "left", profile = "triones" }]
"#;

/// A stage whose bands are the app's.
fn stage() -> (Stage, Arc<Phone>) {
    let phone = Arc::new(Phone::default());
    let port = free_port();
    let relay = BridgeRelay::new();
    relay.set_radio(Some(Arc::clone(&phone) as Arc<dyn BandRadio>));
    relay.start(text(show_text(port, BANDS))).unwrap();
    let console = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    (Stage { relay, console, port, sequence: 0, sent: 0 }, phone)
}

#[test]
fn the_app_is_told_which_bands_to_connect_and_how() {
    let (stage, phone) = stage();
    let link = phone.link();
    let bands = phone.bands.lock().unwrap().clone();
    assert_eq!(bands.iter().map(|band| band.id.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert!(bands.iter().all(|band| band.characteristic.len() == 36), "{bands:?}");
    assert!(!bands[1].connect_writes.is_empty(), "a triones is switched on first");
    assert_eq!(stage.snapshot().bands_connected, 0);
    assert!(link.ready() && link.up(0));
    eventually("one up", || (stage.snapshot().bands_connected == 1).then_some(()));
    assert!(link.down(0, "walked out".to_owned()));
    let detail = eventually("down", || stage.snapshot().bands[0].detail.clone());
    assert_eq!(detail, "walked out");
    assert!(link.fault("Bluetooth is off; switch it on".to_owned()));
    eventually("the fault is shown", || {
        stage.snapshot().faults.iter().any(|fault| fault.contains("switch it on")).then_some(())
    });
}

#[test]
fn a_band_has_one_write_in_flight_and_gets_the_newest_look_next() {
    let (mut stage, phone) = stage();
    let link = phone.link();
    link.ready();
    stage.send_until_heard();
    let heard = eventually("all heard", || {
        Some(stage.snapshot().packets.accepted).filter(|&accepted| accepted == stage.sent)
    });
    link.up(0);
    let first = eventually("a first write", || phone.writes_to(0).first().cloned());
    for red in 1..=50 {
        stage.send([red, 0, 0, 0]);
    }
    eventually("all heard", || (stage.snapshot().packets.accepted == heard + 50).then_some(()));
    assert_eq!(phone.writes_to(0).len(), 1, "nothing follows before it is reported");
    link.written(0, first.token.wrapping_add(1));
    link.written(0, first.token);
    let second = eventually("a second write", || phone.writes_to(0).get(1).cloned());
    assert_eq!(stage.snapshot().groups[0].red, 50);
    let newest = wristcast_core::band::BandFrame::decode(&second.frames[0]).unwrap();
    assert_eq!(newest.look.red, 50, "the looks in between are never written");
    assert_eq!(phone.writes_to(1), [], "a band that is not up is not written to");
    link.failed(0, second.token);
    eventually("written again", || phone.writes_to(0).get(2).cloned());
}

#[test]
fn an_app_that_never_answers_does_not_hold_up_the_stop() {
    struct Deaf(Mutex<()>);
    impl BandRadio for Deaf {
        fn start(&self, _bands: Vec<BandSpec>, _link: Arc<BandLink>) {
            drop(self.0.lock());
        }
        fn write(&self, _write: BandWrite) {}
        fn reconnect(&self, _band: u32) {}
        fn stop(&self) {}
    }
    let deaf = Arc::new(Deaf(Mutex::new(())));
    let held = deaf.0.lock().unwrap();
    let relay = BridgeRelay::new();
    relay.set_radio(Some(Arc::clone(&deaf) as Arc<dyn BandRadio>));
    relay.start(text(show_text(free_port(), BANDS))).unwrap();
    relay.stop();
    assert!(!relay.is_running());
    drop(held);
}

#[test]
fn the_end_look_is_written_before_the_app_is_told_to_stop() {
    let (mut stage, phone) = stage();
    let link = phone.link();
    link.up(0);
    stage.send_until_heard();
    let stopped = std::thread::scope(|scope| {
        let answering = scope.spawn(|| {
            let mut answered = 0;
            while *phone.stops.lock().unwrap() == 0 {
                for write in phone.writes_to(0).iter().skip(answered) {
                    link.written(0, write.token);
                    answered += 1;
                }
                std::thread::yield_now();
            }
            answered
        });
        stage.relay.stop();
        answering.join().unwrap()
    });
    assert!(stopped > 0);
    let last = phone.writes_to(0).pop().unwrap();
    let look = wristcast_core::band::BandFrame::decode(&last.frames[0]).unwrap().look;
    assert!(!look.is_lit(), "{look:?}");
}

/// The radio by itself, its two bands up.
struct Bench {
    radio: AppRadio,
    phone: Arc<Phone>,
    link: Arc<BandLink>,
    tokens: u32,
}

impl Bench {
    fn new() -> Self {
        let phone = Arc::new(Phone::default());
        let app = Arc::clone(&phone) as Arc<dyn BandRadio>;
        let mut radio = AppRadio::new(&gatt(), app);
        let telemetry = Arc::new(RadioTelemetry::new("phone", "app", radio.links()));
        radio.start(Time::ZERO, RadioContext { waker: LaneWaker::noop(), telemetry });
        let link = phone.link();
        let mut bench = Self { radio, phone, link, tokens: 0 };
        assert!(bench.link.up(0) && bench.link.up(1));
        assert_eq!(bench.events(), [RadioEvent::Up(LinkId(0)), RadioEvent::Up(LinkId(1))]);
        bench
    }

    fn events(&mut self) -> Vec<RadioEvent> {
        std::iter::from_fn(|| self.radio.poll_event(Time::ZERO)).collect()
    }

    /// Hands a look to the radio; its token.
    fn send(&mut self, band: u32, red: u8) -> u32 {
        self.tokens += 1;
        let look = Look { red, dimmer: 255, ..Look::DARK };
        let token = Token(self.tokens);
        let frame = Frame {
            token,
            group: 0,
            look,
            sequence: 0,
            class: Class::Snap,
            first: true,
            table: 1,
            latency: None,
        };
        self.radio.send(Time::ZERO, LinkId(band), &frame);
        self.tokens
    }

    /// The band goes and comes back, and the lane hears of it.
    fn reconnects(&mut self, band: u32) {
        assert!(self.link.down(band, "walked out".to_owned()) && self.link.up(band));
        let link = LinkId(band);
        let down = RadioEvent::Down(link, "walked out".into());
        assert_eq!(self.events(), [down, RadioEvent::Up(link)]);
    }

    /// Writes that the app was given, once there are so many: band, connection and token.
    fn writes(&self, count: usize) -> Vec<(u32, u32, u32)> {
        eventually("written", || {
            let writes = self.phone.writes.lock().unwrap();
            let list = writes.iter().map(|write| (write.band, write.connection, write.token));
            (writes.len() >= count).then(|| list.collect())
        })
    }
}

fn gatt() -> GattConfig {
    let config = Config::parse(&show_text(free_port(), BANDS), "phone.toml").unwrap().0;
    let radios = config.radios.into_iter().map(|radio| radio.kind);
    let gatt = radios.filter_map(|kind| match kind {
        RadioKind::Gatt(gatt) => Some(gatt),
        _ => None,
    });
    gatt.last().expect("a radio with bands")
}

/// An app that is kept for long by one band, which another leaves meanwhile and comes back to.
#[test]
fn what_waited_to_be_written_to_a_band_that_went_is_not_written_to_the_one_that_came_back() {
    let mut bench = Bench::new();
    let phone = Arc::clone(&bench.phone);
    let busy: MutexGuard<'_, ()> = phone.busy.lock().unwrap();
    let first = bench.send(1, 10);
    assert_eq!(bench.writes(1), [(1, 1, first)], "and it is kept by that");
    bench.send(0, 20);
    bench.reconnects(0);
    let newest = bench.send(0, 30);
    drop(busy);
    assert_eq!(bench.writes(2), [(1, 1, first), (0, 2, newest)], "one look for one connection");
    bench.link.written(0, newest);
    let sent = RadioEvent::Sent { link: LinkId(0), token: Token(newest), at: Time::ZERO };
    assert_eq!(bench.events(), [sent]);
}

/// The write was handed over already and is somewhere on the app's side.
#[test]
fn an_app_can_tell_a_write_that_is_late_for_its_connection() {
    let mut bench = Bench::new();
    let late = bench.send(0, 20);
    bench.writes(1);
    bench.reconnects(0);
    let newest = bench.send(0, 30);
    assert_eq!(bench.writes(2), [(0, 1, late), (0, 2, newest)]);
    assert_eq!((bench.link.connection(0), bench.link.connection(1)), (2, 1));
    assert_eq!(bench.link.connection(7), 0, "there is no such band");
    bench.link.written(0, late);
    assert_eq!(bench.events(), [], "nobody waits for it");
}
