//! A show's colours in one line of the terminal.

use std::fmt::Write as _;
use std::io::IsTerminal;

use crossterm::style::{Color, ResetColor, SetForegroundColor};

/// Columns where nobody says how many there are.
const COLUMNS_USUAL: usize = 80;

/// How a strip is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Palette {
    /// In colours.
    True,
    /// By brightness alone: files, pipes, and who asked for no colours.
    Plain,
}

/// How strips are drawn on stdout, and how many columns it has.
pub(super) fn of_stdout() -> (Palette, usize) {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if !std::io::stdout().is_terminal() {
        return (Palette::Plain, COLUMNS_USUAL);
    }
    let columns = crossterm::terminal::size().map_or(COLUMNS_USUAL, |(columns, _)| columns.into());
    (if no_color || dumb { Palette::Plain } else { Palette::True }, columns)
}

/// One character for each colour.
pub(super) fn strip(colours: &[[u8; 3]], palette: Palette) -> String {
    const SHADES: &[u8; 7] = b" .:-+#@";
    let mut line = String::new();
    match palette {
        Palette::Plain => {
            for colour in colours {
                let brightest = colour.iter().copied().max().unwrap_or(0);
                // Only what is dark is left blank.
                let shade = usize::from(brightest).div_ceil(43).min(SHADES.len() - 1);
                line.push(char::from(SHADES[shade]));
            }
        }
        Palette::True => {
            let mut last = None;
            for &[r, g, b] in colours {
                if last.replace([r, g, b]) != Some([r, g, b]) {
                    let _ = write!(line, "{}", SetForegroundColor(Color::Rgb { r, g, b }));
                }
                line.push('█');
            }
            let _ = write!(line, "{ResetColor}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_strip_shades_by_brightness_and_leaves_only_darkness_blank() {
        let colours = [[0; 3], [1, 0, 0], [0, 60, 0], [128; 3], [0, 0, 255]];
        assert_eq!(strip(&colours, Palette::Plain), " .:-@");
    }

    #[test]
    fn a_coloured_strip_changes_colour_only_where_the_show_does() {
        let line = strip(&[[255, 0, 0], [255, 0, 0], [0, 0, 9]], Palette::True);
        assert_eq!(line, "\x1b[38;2;255;0;0m██\x1b[38;2;0;0;9m█\x1b[0m");
    }
}
