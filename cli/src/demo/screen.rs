//! The terminal that the demo draws on: taken at start, given back whatever happens.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::ThreadId;
use std::time::Instant;

use crossterm::event::{self, Event, KeyCode, KeyModifiers};
use crossterm::terminal::{self, Clear, ClearType};
use crossterm::{cursor, execute, queue};

use super::picture::{Palette, Scene};

/// A terminal in raw mode, on its alternate screen. Dropping it gives the terminal back.
#[derive(Debug)]
pub(super) struct Screen {
    palette: Palette,
    /// What is on the screen; empty = nothing we know.
    shown: Vec<String>,
    taken: Arc<AtomicBool>,
    input: Receiver<Input>,
}

/// What the terminal has to say.
#[derive(Debug)]
enum Input {
    /// A key that ends the demo.
    Quit,
    /// The terminal has another size.
    Resized,
}

impl Screen {
    /// Takes the terminal, if stdout is one and stdin can be read from it.
    pub(super) fn take() -> Option<Self> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if dumb || !io::stdout().is_terminal() || terminal::enable_raw_mode().is_err() {
            return None;
        }
        let taken = Arc::new(AtomicBool::new(true));
        give_back_on_panic(Arc::clone(&taken));
        let (sender, input) = sync_channel(16);
        let screen = Self { palette: palette(), shown: Vec::new(), taken, input };
        let keyboard = std::thread::Builder::new().name("keyboard".to_owned());
        keyboard.spawn(move || read_input(&sender)).ok()?;
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide).ok()?;
        Some(screen)
    }

    /// Draws the lines that changed, in one piece.
    pub(super) fn draw(&mut self, scene: &Scene<'_>) -> io::Result<()> {
        let (width, height) = terminal::size()?;
        let lines = scene.lines(usize::from(width), usize::from(height), self.palette);
        let mut out = Vec::new();
        queue!(out, terminal::BeginSynchronizedUpdate)?;
        for (row, line) in (0..height).zip(&lines) {
            if self.shown.get(usize::from(row)) != Some(line) {
                queue!(out, cursor::MoveTo(0, row))?;
                out.extend_from_slice(line.as_bytes());
                queue!(out, Clear(ClearType::UntilNewLine))?;
            }
        }
        // Below the last row there is nothing to clear: the terminal would take the last row itself.
        if self.shown.len() != lines.len() && lines.len() < usize::from(height) {
            queue!(out, cursor::MoveTo(0, lines.len() as u16), Clear(ClearType::FromCursorDown))?;
        }
        queue!(out, terminal::EndSynchronizedUpdate)?;
        self.shown = lines;
        let mut stdout = io::stdout().lock();
        stdout.write_all(&out)?;
        stdout.flush()
    }

    /// Waits until `due` for a key that ends the demo; says whether there was one.
    pub(super) fn wait_for_quit(&mut self, due: Instant) -> bool {
        loop {
            match self.input.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(Input::Quit) => return true,
                // Whatever the terminal did with the old lines, all are drawn again.
                Ok(Input::Resized) => self.shown.clear(),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => {
                    // Nobody can press a key any more; the picture goes on.
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    return false;
                }
            }
        }
    }
}

/// Reads the keyboard for as long as somebody listens. On a thread of its own: once its terminal
/// is gone, crossterm may never return, and that must not keep the demo from ending.
fn read_input(input: &SyncSender<Input>) {
    while let Ok(event) = event::read() {
        let told = match event {
            Event::Key(key) => {
                let control = key.modifiers.contains(KeyModifiers::CONTROL);
                match key.code {
                    KeyCode::Char('q' | 'Q') | KeyCode::Esc => input.send(Input::Quit),
                    KeyCode::Char('c' | 'd') if control => input.send(Input::Quit),
                    _ => Ok(()),
                }
            }
            Event::Resize(..) => input.send(Input::Resized),
            _ => Ok(()),
        };
        if told.is_err() {
            return;
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back(&self.taken);
    }
}

fn give_back(taken: &AtomicBool) {
    if taken.swap(false, Ordering::Relaxed) {
        let _ = execute!(io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

/// A panic of this thread gives the terminal back before it tells its story. One of another thread
/// goes into the log: the demo may well go on.
fn give_back_on_panic(taken: Arc<AtomicBool>) {
    let drawing: ThreadId = std::thread::current().id();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == drawing {
            give_back(&taken);
        }
        if taken.load(Ordering::Relaxed) {
            tracing::error!("{panic}");
        } else {
            usual(panic);
        }
    }));
}

/// What the terminal can show. Few terminals say that they have 24 bits, nearly all have; Apple's
/// Terminal is known not to.
fn palette() -> Palette {
    let is = |name, value: &str| std::env::var_os(name).is_some_and(|found| found == value);
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        Palette::Mono
    } else if is("TERM_PROGRAM", "Apple_Terminal") || is("TERM", "linux") {
        Palette::Cube
    } else {
        Palette::True
    }
}
