//! `wristcast monitor`: the status page for a terminal, on a relay here or elsewhere.

mod crowd;
mod ends;
mod keys;
mod link;
mod local;
mod panels;
mod state;
mod view;

use std::io::IsTerminal;
use std::mem::ManuallyDrop;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEventKind};

use crate::exit::Failure;
use crate::relay_api::{self, RelayArgs};
use keys::Desk;
use link::News;
pub(crate) use local::Tui;
use state::State;

/// Time between two pictures.
const FRAME: Duration = Duration::from_millis(100);

/// How often keys are looked for.
const KEYS_EVERY: Duration = Duration::from_millis(20);

/// Watch a running relay, and steer it: the status page for a terminal.
///
/// The relay's show file needs `[http]`; orders need a token from its token file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Keys: arrows choose a group, a universe or a band, Tab changes between them, q quits.
With a token: P panic (r then y releases it), f freeze, + - 0 grand master, [ ] o the master of the
chosen group, and for the chosen group, or all with a: i identify, c colours, h chase, g give back to
the console. S and E, then a digit, choose the start look (until the first packet) and the end look
(when the relay stops): black, white, the chosen group's colour, hold, or what the show file says.

Examples:
  wristcast monitor
  wristcast monitor http://10.0.0.2:8420 --token-file tokens.txt

Exit codes: 0 ok, 2 command line wrong, 3 no terminal")]
pub(crate) struct Args {
    #[command(flatten)]
    relay: RelayArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let url = relay_api::base(&args.relay.url).map_err(Failure::usage)?;
    let token = args.relay.token()?;
    let mut screen = Screen::take()?;
    let (sender, news) = channel();
    let choose = link::watch(url.clone(), sender.clone());
    let order = token.map(|token| link::orders(url, token, sender));
    let mut desk = Desk::new(choose, order);
    Ok(watch(&mut screen.terminal, &news, &mut desk, || ControlFlow::Continue(()))?)
}

/// The terminal for pictures; dropped, or in a panic, it is given back as it was.
struct Screen {
    /// Never dropped itself: it says what goes wrong on a terminal that may be gone, and panics.
    terminal: ManuallyDrop<ratatui::DefaultTerminal>,
}

impl Screen {
    fn take() -> Result<Self, Failure> {
        needs_terminal()?;
        Ok(Self { terminal: ManuallyDrop::new(ratatui::try_init()?) })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.terminal.show_cursor();
        let _ = ratatui::try_restore();
    }
}

/// Refuses where there is no terminal to draw on.
pub(crate) fn needs_terminal() -> Result<(), Failure> {
    if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        return Ok(());
    }
    let help = "this needs a terminal; scripts read the API, `/api/v1/status`";
    Err(Failure::cannot_start(help))
}

/// Draws what comes and obeys the keys, until told to end, by a key or by `over`.
fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    news: &Receiver<News>,
    desk: &mut Desk,
    over: impl Fn() -> ControlFlow<()>,
) -> std::io::Result<()> {
    let mut state = State::default();
    while over().is_continue() {
        for news in news.try_iter() {
            match news {
                News::Scene(scene) => state.scene(*scene),
                News::Change(change) => state.change(*change),
                News::Broke(why) => state.broke(why),
                News::Ordered(words) => desk.said(words),
            }
        }
        terminal.draw(|frame| view::draw(frame, &state, desk, Instant::now()))?;
        let due = Instant::now() + FRAME;
        while comes_before(due)? {
            if let Event::Key(key) = event::read()?
                && key.kind != KeyEventKind::Release
                && desk.press(key, &state).is_break()
            {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Waits until `due` for something that the terminal says. The error: it is gone. That is looked for
/// before anything is read: crossterm reads the end of a terminal that has hung up for ever.
fn comes_before(due: Instant) -> std::io::Result<bool> {
    loop {
        if !std::io::stdin().is_terminal() {
            return Err(std::io::Error::other("the terminal is gone"));
        }
        if event::poll(Duration::ZERO)? {
            return Ok(true);
        }
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        std::thread::sleep(left.min(KEYS_EVERY));
    }
}

#[cfg(test)]
mod tests;
