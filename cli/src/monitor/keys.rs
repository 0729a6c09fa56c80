//! What keys do: choosing, and orders.

use std::ops::ControlFlow;
use std::sync::mpsc::SyncSender;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};
use wristcast_core::universe::Universe;

use super::ends::End;
use super::link::Order;
use super::state::State;

/// A step of the grand master.
const STEP: u8 = 13;

/// How long test patterns last, seconds.
const TEST_SECONDS: u32 = 30;

/// What arrows move in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Focus {
    #[default]
    Groups,
    Universes,
    Bands,
}

/// What needs a second key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    ReleasePanic,
    Stop,
    Look(End),
}

/// What the operator has chosen, and the way orders go.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) focus: Focus,
    /// `None`: all.
    pub(super) group: Option<usize>,
    pub(super) universe: usize,
    /// The first band of the list that is shown.
    pub(super) band: usize,
    /// What was said last.
    pub(super) words: String,
    /// Ending the monitor ends the show: that is asked before.
    pub(super) stops_relay: bool,
    /// What `y` or a digit would do now.
    asked: Option<Question>,
    /// Groups in a row of the map, as last drawn.
    pub(super) columns: std::cell::Cell<usize>,
    choose: SyncSender<Option<Universe>>,
    order: Option<SyncSender<Order>>,
}

impl Desk {
    pub(super) fn new(
        choose: SyncSender<Option<Universe>>,
        order: Option<SyncSender<Order>>,
    ) -> Self {
        let words = match order {
            Some(_) => String::new(),
            None => "no token: this only watches".to_owned(),
        };
        Self {
            focus: Focus::default(),
            group: None,
            universe: 0,
            band: 0,
            words,
            stops_relay: false,
            asked: None,
            columns: std::cell::Cell::new(1),
            choose,
            order,
        }
    }

    /// A question waits for its key.
    pub(super) fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// Something to tell the operator.
    pub(super) fn said(&mut self, words: String) {
        self.words = words;
    }

    /// Does what a key says; breaks to end.
    pub(super) fn press(&mut self, key: KeyEvent, state: &State) -> ControlFlow<()> {
        let asked = std::mem::take(&mut self.asked);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('y') if asked == Some(Question::Stop) => return ControlFlow::Break(()),
            KeyCode::Char('c') if control => return self.quit(),
            KeyCode::Char('q') | KeyCode::Esc => return self.quit(),
            KeyCode::Tab => {
                self.focus = match self.focus {
                    Focus::Groups => Focus::Universes,
                    Focus::Universes => Focus::Bands,
                    Focus::Bands => Focus::Groups,
                };
                self.look_at_universe(state);
            }
            KeyCode::Left => self.step(-1, state),
            KeyCode::Right => self.step(1, state),
            KeyCode::Up => self.step(-self.row(), state),
            KeyCode::Down => self.step(self.row(), state),
            KeyCode::Char('a') => self.group = None,
            KeyCode::Char('P') => self.give("panic", json!({ "on": true }), "panic is on"),
            KeyCode::Char('r') => {
                self.asked = Some(Question::ReleasePanic);
                self.said("release panic? y".to_owned());
            }
            KeyCode::Char('y') if asked == Some(Question::ReleasePanic) => {
                self.give("panic", json!({ "on": false }), "panic is released");
            }
            KeyCode::Char('S') => self.ask_look(End::Start, state),
            KeyCode::Char('E') => self.ask_look(End::End, state),
            KeyCode::Char(digit @ '1'..='5') => {
                let Some(Question::Look(end)) = asked else { return ControlFlow::Continue(()) };
                let chosen = self.group.and_then(|group| state.groups.get(group));
                match end.order(digit, chosen.map(|&[red, green, blue, _]| [red, green, blue])) {
                    Some(Ok((path, body, words))) => self.give(path, body, words),
                    Some(Err(why)) => self.said(why.to_owned()),
                    None => {}
                }
            }
            KeyCode::Char('f') => {
                let on = !state.figures.as_ref().is_some_and(|figures| figures.frozen);
                let words = if on { "frozen" } else { "freeze is released" };
                self.give("freeze", json!({ "on": on }), words);
            }
            KeyCode::Char('+' | '=') => self.master(state, |level| level.saturating_add(STEP)),
            KeyCode::Char('-') => self.master(state, |level| level.saturating_sub(STEP)),
            KeyCode::Char('0') => self.master(state, |_| 255),
            KeyCode::Char(']') => self.group_master(state, |level| level.saturating_add(STEP)),
            KeyCode::Char('[') => self.group_master(state, |level| level.saturating_sub(STEP)),
            KeyCode::Char('o') => self.group_master(state, |_| 255),
            KeyCode::Char('i') => self.test("identify", state),
            KeyCode::Char('c') => self.test("colours", state),
            KeyCode::Char('h') => self.test("chase", state),
            KeyCode::Char('g') => {
                let body = self.with_groups(json!({}), state);
                self.give("release", body, "given back to the console");
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn ask_look(&mut self, end: End, state: &State) {
        self.asked = Some(Question::Look(end));
        self.said(end.question(state.figures.as_ref()));
    }

    fn row(&self) -> isize {
        match self.focus {
            Focus::Groups => self.columns.get().max(1) as isize,
            Focus::Universes | Focus::Bands => 1,
        }
    }

    fn step(&mut self, by: isize, state: &State) {
        match self.focus {
            Focus::Groups => {
                let last = state.groups.len().checked_sub(1);
                self.group = last.map(|last| match self.group {
                    None => 0,
                    Some(group) => group.saturating_add_signed(by).min(last),
                });
            }
            Focus::Universes => {
                let last = state.universes.len().saturating_sub(1);
                self.universe = self.universe.saturating_add_signed(by).min(last);
                self.look_at_universe(state);
            }
            Focus::Bands => {
                let last = state.bands.len().saturating_sub(1);
                self.band = self.band.saturating_add_signed(by).min(last);
            }
        }
    }

    fn look_at_universe(&self, state: &State) {
        let universes = state.scene.as_ref().map(|scene| &scene.universes[..]).unwrap_or_default();
        // If so many are asked for already, the last of them is not missed.
        let _ = self.choose.try_send(universes.get(self.universe).copied());
    }

    fn master(&mut self, state: &State, to: impl Fn(u8) -> u8) {
        let Some(figures) = &state.figures else { return };
        let level = to(figures.grand_master);
        self.give("master", json!({ "level": level }), "the grand master moved");
    }

    /// Moves the master of the chosen group.
    fn group_master(&mut self, state: &State, to: impl Fn(u8) -> u8) {
        let groups = state.scene.as_ref().map(|scene| &scene.groups[..]).unwrap_or_default();
        let Some(group) = self.group.and_then(|group| groups.get(group)) else {
            return self.said("choose a group first; + - 0 is the grand master".to_owned());
        };
        let hand = state.hands.iter().find(|hand| hand.name == group.name);
        let level = to(hand.map_or(255, |hand| hand.master));
        let body = json!({ "level": level, "groups": [group.name] });
        self.give("master", body, "the group's master moved");
    }

    fn quit(&mut self) -> ControlFlow<()> {
        if !self.stops_relay {
            return ControlFlow::Break(());
        }
        self.asked = Some(Question::Stop);
        self.said("stop the relay? The bands go to the end look. y".to_owned());
        ControlFlow::Continue(())
    }

    fn test(&mut self, pattern: &str, state: &State) {
        let body = json!({ "pattern": pattern, "seconds": TEST_SECONDS });
        let body = self.with_groups(body, state);
        self.give("override", body, "a test pattern, for 30 s");
    }

    fn with_groups(&self, mut body: Value, state: &State) -> Value {
        let groups = state.scene.as_ref().map(|scene| &scene.groups[..]).unwrap_or_default();
        if let Some(group) = self.group.and_then(|group| groups.get(group)) {
            body["groups"] = json!([group.name]);
        }
        body
    }

    fn give(&mut self, path: &'static str, body: Value, words: &'static str) {
        let said = match &self.order {
            None => "no token: start it with --token-file to steer",
            Some(order) => match order.try_send((path, body, words)) {
                Ok(()) => "…",
                Err(_) => "not done: earlier orders are still under way",
            },
        };
        self.said(said.to_owned());
    }
}
