//! The monitor inside the relay's own process: `run --tui`. What it shows and does is what it shows
//! and does from elsewhere; only the way to the relay is shorter.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use wristcast_core::relay::RelayHandle;
use wristcast_core::steering::Actor;
use wristcast_core::universe::Universe;

use super::keys::Desk;
use super::link::{self, News, Order};
use super::{FRAME, Screen, watch};
use crate::exit::Failure;
use crate::http::{self, Teller};
use crate::logging::Console;
use crate::stop::{Asker, ScreenTaken};

/// The monitor on this terminal, on a thread of its own.
#[derive(Debug)]
pub(crate) struct Tui {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Lets the log go on, however the thread ends.
struct Quiet {
    console: Console,
    _taken: ScreenTaken,
}

impl Drop for Quiet {
    fn drop(&mut self) {
        self.console.release();
    }
}

impl Tui {
    /// Takes the terminal; the log is kept back meanwhile. Who quits asks the relay to stop.
    pub(crate) fn begin(
        relay: RelayHandle,
        console: Console,
        asker: Asker,
    ) -> Result<Self, Failure> {
        let screen = Screen::take()?;
        console.hold();
        let quiet = Quiet { console, _taken: asker.take_screen() };
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let show = move || {
            // The log goes on when the terminal is as it was: what is declared last goes first.
            let _quiet = quiet;
            let mut screen = screen;
            let (sender, news) = channel();
            let choose = tell(relay.clone(), sender.clone());
            let mut desk = Desk::new(choose, Some(orders(relay, sender)));
            desk.stops_relay = true;
            let over = || match ends.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            // A terminal that is gone is no reason to end the show.
            let watched = watch(&mut screen.terminal, &news, &mut desk, over);
            if watched.is_ok() && !ends.load(Ordering::Relaxed) {
                asker.ask();
            }
        };
        let thread = std::thread::Builder::new().name("tui".into()).spawn(show)?;
        Ok(Self { over, thread })
    }

    /// Gives the terminal back.
    pub(crate) fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

/// Looks at the relay until nobody listens any more.
fn tell(relay: RelayHandle, news: Sender<News>) -> SyncSender<Option<Universe>> {
    let (choose, chosen) = sync_channel(4);
    std::thread::spawn(move || {
        let (mut teller, mut universe) = (Teller::default(), None);
        loop {
            let told = match teller.next(&relay, universe) {
                Ok(text) => pass_on(&text, &news),
                Err(error) => news.send(News::Broke(error.to_string())).map_err(|_| ()),
            };
            if told.is_err() {
                return;
            }
            match chosen.recv_timeout(FRAME) {
                Ok(next) => universe = next,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    choose
}

/// Passes the messages of a piece of the stream on; the error: nobody listens.
fn pass_on(text: &str, news: &Sender<News>) -> Result<(), ()> {
    let mut event = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("event: ") {
            event = name;
        } else if let Some(data) = line.strip_prefix("data: ") {
            let told = link::read(event, data);
            let told = told.unwrap_or_else(|error| News::Broke(error.to_string()));
            news.send(told).map_err(|_| ())?;
        }
    }
    Ok(())
}

/// Has orders obeyed, one after another.
fn orders(relay: RelayHandle, news: Sender<News>) -> SyncSender<Order> {
    let (give, given) = sync_channel::<Order>(4);
    std::thread::spawn(move || {
        let name =
            ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|key| std::env::var(key).ok());
        let name = name.unwrap_or_else(|| "operator".to_owned());
        let by = Actor { name, front: "terminal", address: None };
        for (path, body, words) in given {
            let obeyed = http::request(path, body)
                .and_then(|request| relay.order(&request, &by).map_err(|error| error.to_string()));
            let became = match obeyed {
                Ok(()) => words.to_owned(),
                Err(why) => format!("not done: {why}"),
            };
            if news.send(News::Ordered(became)).is_err() {
                return;
            }
        }
    });
    give
}
