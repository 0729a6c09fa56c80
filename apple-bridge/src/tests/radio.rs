//! A radio that the app supplies.

use std::sync::Mutex;

use super::*;

/// Two bands that answer when they are told to.
#[derive(Default)]
struct Phone {
    link: Mutex<Option<Arc<BandLink>>>,
    bands: Mutex<Vec<BandSpec>>,
    writes: Mutex<Vec<BandWrite>>,
    stops: Mutex<u32>,
}

impl BandRadio for Phone {
    fn start(&self, bands: Vec<BandSpec>, link: Arc<BandLink>) {
        *self.bands.lock().unwrap() = bands;
        *self.link.lock().unwrap() = Some(link);
    }

    fn write(&self, write: BandWrite) {
        self.writes.lock().unwrap().push(write);
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
