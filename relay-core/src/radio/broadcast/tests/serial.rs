//! The serial transport, over pseudo-terminals: H4 as a dongle speaks it, pulled out and put back.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio_serial::{SerialPort, SerialStream};

use super::*;

/// A controller behind a serial port. Its name stays the same when it is plugged in again, as a link of
/// udev's does.
struct Dongle {
    emulated: Emulated,
    port: PathBuf,
    pull: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Dongle {
    fn new(port: PathBuf) -> Self {
        let path = port.to_string_lossy().into_owned();
        let address = ControllerAddress::Serial { path, baud: 1_000_000 };
        let emulated = Emulated { told: Arc::default(), address, features: EXTENDED };
        Self { emulated, port, pull: None, thread: None }
    }

    fn plug_in(&mut self) {
        let (pull, pulled) = oneshot::channel();
        let (ready, plugged) = std::sync::mpsc::channel();
        let one = self.emulated.clone();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let (mut ours, theirs) = SerialStream::pair().unwrap();
                ready.send(theirs.name().unwrap()).unwrap();
                tokio::select! {
                    () = speak(&one, &mut ours) => {}
                    _ = pulled => {}
                }
            });
            one.lose_power();
        };
        self.thread = Some(thread::spawn(serve));
        symlink(Path::new(&plugged.recv().unwrap()), &self.port).unwrap();
        self.pull = Some(pull);
    }

    fn pull_out(&mut self) {
        std::fs::remove_file(&self.port).unwrap();
        drop(self.pull.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Answers commands as long as there are some.
async fn speak(controller: &Emulated, port: &mut SerialStream) {
    let (mut from, mut to) = tokio::io::split(port);
    let mut head = [0; 4];
    while from.read_exact(&mut head).await.is_ok() {
        assert_eq!(head[0], 1, "a command");
        let mut parameters = vec![0; usize::from(head[3])];
        from.read_exact(&mut parameters).await.unwrap();
        to.write_all(&controller.event(head, parameters)).await.unwrap();
    }
}

#[test]
fn a_dongle_on_a_serial_port_carries_every_look_and_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut dongle = Dongle::new(folder.path().join("dongle"));
    let controller = dongle.emulated.clone();
    let mut show = Show::new(&[&controller], AirWay::Extended, 1);
    show.until(|_| show.detail().is_some_and(|words| words.contains("is the dongle plugged in?")));
    dongle.plug_in();
    let mut ears = band(0);
    for look in [RED, BLUE, RED] {
        show.publish(&[(0, look)], false);
        show.until(|now| controller.hear(now, &mut ears) == look.output());
    }
    dongle.pull_out();
    show.until(|_| show.lane.telemetry().condition() == Condition::Down);
    show.publish(&[(0, BLUE)], false);
    dongle.plug_in();
    show.until(|now| controller.hear(now, &mut ears) == BLUE.output());
    show.until(|_| show.detail().is_none());
    assert_eq!(show.lane.stop().late, 0);
    let told = controller.told();
    assert!(!told.enabled, "silent");
    assert_eq!(told.commands.last().map(|last| last.0), Some(RESET));
}
