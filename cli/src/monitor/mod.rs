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
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEventKind};
use ureq::http::Uri;

use crate::exit::Failure;
use crate::http::Tokens;
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
    /// Where the relay's API listens.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8420")]
    url: String,
    /// The token of whoever steers.
    #[arg(long, env = "WRISTCAST_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A token file, whose first token is taken.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let url = base(&args.url)?;
    let token = match (&args.token, &args.token_file) {
        (Some(token), _) => Some(token.clone()),
        (None, Some(file)) => Some(Tokens::read(file)?.first().to_owned()),
        (None, None) => None,
    };
    let mut terminal = take_screen()?;
    let (sender, news) = channel();
    let choose = link::watch(url.clone(), sender.clone());
    let order = token.map(|token| link::orders(url, token, sender));
    let mut desk = Desk::new(choose, order);
    let watched = watch(&mut terminal, &news, &mut desk, || ControlFlow::Continue(()));
    let _ = ratatui::try_restore();
    Ok(watched?)
}

/// The terminal for pictures. A panic gives it back as it was.
fn take_screen() -> Result<ratatui::DefaultTerminal, Failure> {
    needs_terminal()?;
    Ok(ratatui::try_init()?)
}

/// Refuses where there is no terminal to draw on.
pub(crate) fn needs_terminal() -> Result<(), Failure> {
    if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        return Ok(());
    }
    let help = "this needs a terminal; scripts read the API, `/api/v1/status`";
    Err(Failure::cannot_start(help))
}

/// `http://127.0.0.1:8420`, without a slash at the end.
pub(crate) fn base(url: &str) -> Result<String, Failure> {
    let bare = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    let url = format!("http://{bare}");
    let sound = url.parse::<Uri>().is_ok_and(|uri| matches!(uri.path(), "" | "/"));
    if bare.is_empty() || bare.contains("://") || !sound {
        let why = "is not where an API listens: expected `http://127.0.0.1:8420`";
        return Err(Failure::usage(format!("`{bare}` {why}")));
    }
    Ok(url)
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
