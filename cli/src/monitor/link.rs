//! The monitor's two ways to a relay: the live stream, and orders.

use std::io::{BufRead, BufReader};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use wristcast_core::snapshot::SceneState;
use wristcast_core::universe::Universe;

use super::state::Change;
use crate::relay_api::{give_order, refusal};

/// Pause before a broken stream is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the relay may take to begin to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest line of the stream: a scene of 65 536 groups has some 8 MB.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// What comes from the relay, or from the keyboard's orders.
#[derive(Debug)]
pub(super) enum News {
    Scene(Box<SceneState>),
    Change(Box<Change>),
    Broke(String),
    /// What became of an order, in words.
    Ordered(String),
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .proxy(None)
        .http_status_as_error(false);
    config.build().into()
}

/// Watches the relay at `url` until nobody listens any more. Another universe to look at is told
/// through the sender that is returned: the stream is then opened anew.
pub(super) fn watch(url: String, news: Sender<News>) -> SyncSender<Option<Universe>> {
    let (choose, chosen) = sync_channel(4);
    std::thread::spawn(move || {
        let agent = agent();
        let mut universe = None;
        loop {
            let why = match stream(&agent, &url, universe, &chosen, &news) {
                Ended::Chosen(next) => {
                    universe = next;
                    continue;
                }
                Ended::Unheard => return,
                Ended::Broke(why) => why,
            };
            if news.send(News::Broke(why)).is_err() {
                return;
            }
            if let Ok(next) = chosen.recv_timeout(PAUSE) {
                universe = next;
            }
        }
    });
    choose
}

/// Why a stream ended.
enum Ended {
    /// Another universe was chosen.
    Chosen(Option<Universe>),
    /// Nobody listens any more.
    Unheard,
    Broke(String),
}

fn stream(
    agent: &Agent,
    url: &str,
    universe: Option<Universe>,
    chosen: &Receiver<Option<Universe>>,
    news: &Sender<News>,
) -> Ended {
    let query = universe.map(|universe| format!("?universe={universe}")).unwrap_or_default();
    let answer = match agent.get(format!("{url}/api/v1/live{query}")).call() {
        Ok(answer) if answer.status() == 200 => answer,
        Ok(answer) => return Ended::Broke(format!("it answers with code {}", answer.status())),
        Err(error) => return Ended::Broke(error.to_string()),
    };
    let mut lines = BufReader::new(answer.into_body().into_with_config().limit(u64::MAX).reader());
    let (mut line, mut event) = (Vec::new(), String::new());
    loop {
        line.clear();
        let mut bounded = std::io::Read::take(&mut lines, LINE_BYTES_MAX);
        match bounded.read_until(b'\n', &mut line) {
            Ok(0) => return Ended::Broke("the relay ended the connection".to_owned()),
            Ok(_) => {}
            Err(error) => return Ended::Broke(error.to_string()),
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(name) = text.strip_prefix("event: ") {
            event = name.trim_end().to_owned();
        } else if let Some(data) = text.strip_prefix("data: ") {
            match read(&event, data) {
                Ok(told) => {
                    if news.send(told).is_err() {
                        return Ended::Unheard;
                    }
                }
                Err(error) => return Ended::Broke(format!("it is of another version: {error}")),
            }
        }
        if let Some(next) = chosen.try_iter().last() {
            return Ended::Chosen(next);
        }
    }
}

/// A message of the stream.
pub(super) fn read(event: &str, data: &str) -> Result<News, serde_json::Error> {
    match event {
        "scene" => serde_json::from_str(data).map(News::Scene),
        _ => serde_json::from_str(data).map(News::Change),
    }
}

/// An order: its path, its body, and what it does in words.
pub(super) type Order = (&'static str, Value, &'static str);

/// Gives orders with `token`, one after another.
pub(super) fn orders(url: String, token: String, news: Sender<News>) -> SyncSender<Order> {
    let (give, given) = sync_channel::<Order>(4);
    std::thread::spawn(move || {
        let agent = agent();
        for (path, body, words) in given {
            let became = match give_order(&agent, &url, path, &body, &token) {
                Ok(answer) if answer.status() == 204 => words.to_owned(),
                Ok(mut answer) => refusal(&mut answer),
                Err(error) => format!("not done: {error}"),
            };
            if news.send(News::Ordered(became)).is_err() {
                return;
            }
        }
    });
    give
}
