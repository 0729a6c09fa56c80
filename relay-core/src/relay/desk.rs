//! Where operators' orders go in: every front end ends here, so that one place knows who did what
//! and when.
//!
//! An order goes to the relay thread by the bounded channel of commands, which is read before every
//! batch of datagrams, and comes back when it was obeyed. Nothing that is slow, a reload or opening
//! sockets, stands before a panic: the desk has a lock and a channel of its own.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::HandleError;
use super::control::{Link, PATIENCE};
use super::log::{EventLog, words};
use super::thread::Command;
use crate::snapshot::Severity;
use crate::steering::{Actor, Order, Request};
use crate::time::Time;

/// A fader that has not moved for so long stands still: it is told once, not at every step.
const FADER_RESTS: Duration = Duration::from_secs(1);

/// An order on its way to the relay thread and back.
#[derive(Debug)]
pub(super) struct Ordered {
    /// Tells late answers from awaited ones.
    number: u64,
    pub(super) order: Order,
}

pub(super) struct Desk {
    link: Link,
    answers: Receiver<Box<Ordered>>,
    asked: u64,
    log: EventLog,
    /// When panic and freeze began, for as long as they last.
    panic: Option<Time>,
    freeze: Option<Time>,
    /// A master that moved a moment ago.
    fader: Option<Fader>,
}

struct Fader {
    request: Request,
    by: Actor,
    start: Time,
    last: Time,
}

impl Desk {
    pub(super) fn new(link: Link, answers: Receiver<Box<Ordered>>, log: EventLog) -> Self {
        Self { link, answers, asked: 0, log, panic: None, freeze: None, fader: None }
    }

    /// Has an order obeyed. Returns when the relay thread has published what came of it.
    pub(super) fn obey(&mut self, order: Order) -> Result<(), HandleError> {
        // Answers that came too late to be awaited are freed here.
        while self.answers.try_recv().is_ok() {}
        self.asked += 1;
        let ordered = Box::new(Ordered { number: self.asked, order });
        self.link.tell_patiently(Command::Obey(ordered))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.answers.recv_deadline(deadline) {
                Ok(ordered) if ordered.number == self.asked => return Ok(()),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err(HandleError::Timeout(PATIENCE)),
                Err(RecvTimeoutError::Disconnected) => return Err(HandleError::Stopped),
            }
        }
    }

    /// Writes down who did what.
    pub(super) fn note(&mut self, now: Time, request: &Request, by: &Actor) {
        if let Request::Master(_) = request {
            return self.note_fader(now, request, by);
        }
        self.fader_rests(now);
        let (severity, since) = match request {
            Request::Panic(switch) => (Severity::Warning, lasted(&mut self.panic, switch.on, now)),
            Request::Freeze(switch) => {
                (Severity::Warning, lasted(&mut self.freeze, switch.on, now))
            }
            _ => (Severity::Info, None),
        };
        let lasted = since.map(|since| now.since(since));
        let text = match lasted {
            Some(lasted) => format!("{request}, after {}", words(lasted)),
            None => request.to_string(),
        };
        self.log.push_by(now, now, severity, text, by, lasted);
    }

    /// Tells of a fader that has come to rest.
    pub(super) fn tick(&mut self, now: Time) {
        if self.fader.as_ref().is_some_and(|fader| now.since(fader.last) >= FADER_RESTS) {
            self.fader_rests(now);
        }
    }

    /// Steps of the same fader by the same hand are one movement.
    fn note_fader(&mut self, now: Time, request: &Request, by: &Actor) {
        match &mut self.fader {
            Some(fader) if fader.by == *by && fader.request.groups() == request.groups() => {
                fader.request = request.clone();
                fader.last = now;
            }
            _ => {
                self.fader_rests(now);
                let (request, by) = (request.clone(), by.clone());
                self.fader = Some(Fader { request, by, start: now, last: now });
            }
        }
    }

    /// Tells where a fader ended, and how long it took to get there.
    pub(super) fn fader_rests(&mut self, now: Time) {
        let Some(Fader { request, by, start, last }) = self.fader.take() else { return };
        let moved = last.since(start);
        let text = match moved.is_zero() {
            true => request.to_string(),
            false => format!("{request}, moved over {:.1} s", moved.as_secs_f64()),
        };
        self.log.push_by(last, now, Severity::Info, text, &by, None);
    }
}

/// Keeps since when something is on; when it ends, says since when it was.
fn lasted(since: &mut Option<Time>, on: bool, now: Time) -> Option<Time> {
    if on {
        since.get_or_insert(now);
        return None;
    }
    since.take()
}
