//! The radio with its real thread.

use std::time::Duration;

use super::super::*;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::task::{Wake, Waker};

use crate::config::BandConfig;
use crate::radio::telemetry::RadioTelemetry;

struct Bell(std::sync::Mutex<Sender<()>>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _ = self.0.lock().unwrap().send(());
    }
}

fn radio() -> GattRadio {
    let profile = Arc::new(Profile::builtin("wristcast").unwrap());
    let bands = vec![BandConfig { id: "F0:F1:F2:F3:F4:A0".to_owned(), group: 0, profile }];
    let adapters = vec!["hci-of-no-machine".to_owned()];
    GattRadio::new(&GattConfig { adapters, bands, ..GattConfig::default() })
}

/// Runs on any machine: none has this adapter, most in CI have no D-Bus either.
#[test]
fn a_machine_without_the_adapter_gives_a_fault_in_words_and_stops_in_time() {
    let mut radio = radio();
    let (sender, bell) = channel();
    let waker = Waker::from(Arc::new(Bell(std::sync::Mutex::new(sender))));
    let telemetry = Arc::new(RadioTelemetry::new("radio", "gatt", radio.links()));
    radio.start(Time::ZERO, RadioContext { waker: waker.into(), telemetry });
    let words = loop {
        match radio.poll_event(Time::ZERO) {
            Some(RadioEvent::Fault(words)) => break words,
            Some(_) => {}
            None => match bell.recv_timeout(Duration::from_secs(20)) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no word from Bluetooth")
                }
            },
        }
    };
    assert!(words.len() > 20, "{words}");
    radio.stop();
}
