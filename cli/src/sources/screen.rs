//! The terminal that the table is renewed on, given back whatever happens.

use std::io::{self, Write};

use crossterm::terminal::{self, Clear, ClearType};
use crossterm::{cursor, execute, queue};

/// A terminal on its alternate screen. Dropping it gives the terminal back.
#[derive(Debug)]
pub(super) struct Screen;

impl Screen {
    pub(super) fn take() -> io::Result<Self> {
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(Self)
    }

    /// Draws the lines in one piece; says how many do not fit. A line that is too long is cut by
    /// the terminal.
    pub(super) fn draw(&self, lines: &[String]) -> io::Result<()> {
        let (_, height) = terminal::size()?;
        let height = usize::from(height);
        let fit = if lines.len() > height { height.saturating_sub(1) } else { lines.len() };
        let left_out = lines.len() - fit;
        let mut out = Vec::new();
        queue!(out, terminal::BeginSynchronizedUpdate, terminal::DisableLineWrap)?;
        for (row, line) in (0..).zip(&lines[..fit]) {
            queue!(out, cursor::MoveTo(0, row))?;
            out.extend_from_slice(line.as_bytes());
            queue!(out, Clear(ClearType::UntilNewLine))?;
        }
        queue!(out, cursor::MoveTo(0, fit as u16), Clear(ClearType::FromCursorDown))?;
        if left_out > 0 {
            write!(out, "… {left_out} more lines: `wristcast sources --once` prints all of them")?;
        }
        queue!(out, terminal::EnableLineWrap, terminal::EndSynchronizedUpdate)?;
        let mut stdout = io::stdout().lock();
        stdout.write_all(&out)?;
        stdout.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
    }
}
