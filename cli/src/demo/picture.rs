//! The demo's picture as lines of a terminal: the crowd in its blocks, figures above and below.

use std::fmt::Write;
use std::time::Duration;

use crossterm::style::{Attribute, Color, ResetColor, SetAttribute, SetForegroundColor};

use wristcast_core::look::LookView;

use super::crowd::{Block, Crowd, Rgb, light};
use super::cues::BLOCKS;

/// How colours can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Palette {
    /// 24 bits.
    True,
    /// The 6 x 6 x 6 cube of 256-colour terminals.
    Cube,
    /// None: brightness alone.
    Mono,
}

/// Below this a band counts as dark.
const DARK: u8 = 12;

/// A dark band, so that the crowd is still seen.
const SEAT: Rgb = [72; 3];

/// What is not the light.
const QUIET: Rgb = [128; 3];

/// What is wrong.
const ALARM: Rgb = [255, 80, 80];

/// What there is to draw.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    /// Left and right in the first line.
    pub(super) title: (&'a str, &'a str),
    pub(super) crowd: &'a Crowd,
    /// Below the crowd.
    pub(super) figures: &'a [String],
    /// What is wrong; empty = all is well.
    pub(super) faults: &'a [String],
    /// The last line.
    pub(super) hint: &'a str,
    /// Since the demo began.
    pub(super) elapsed: Duration,
}

impl Scene<'_> {
    /// At most `height` lines, none wider than `width`.
    pub(super) fn lines(&self, width: usize, height: usize, palette: Palette) -> Vec<String> {
        // A column of air on both sides.
        let width = width.saturating_sub(2);
        let blocks = &self.crowd.blocks;
        let tiers: Vec<&[Block]> = blocks.chunks(BLOCKS).rev().collect();
        let bands = blocks.iter().map(|block| block.bands.len()).max().unwrap_or(0);
        // Of a small screen the crowd gets what there is: figures are in the report, too.
        let around = 4 + self.faults.len();
        let room = height.saturating_sub(around);
        let figures = if room < self.figures.len() + 2 * tiers.len() { &[] } else { self.figures };
        let room = room.saturating_sub(figures.len());
        let seating = Seating::fit(bands, tiers.len(), width / BLOCKS, room);

        let mut lines = vec![self.title_line(width, palette), String::new()];
        for tier in tiers {
            self.draw_tier(tier, &seating, palette, &mut lines);
        }
        lines.push(String::new());
        lines.extend(figures.iter().map(|line| cut(line, width)));
        for fault in self.faults {
            lines.push(coloured(&cut(&format!("! {fault}"), width), ALARM, palette));
        }
        lines.push(coloured(&cut(self.hint, width), QUIET, palette));
        lines.truncate(height);
        for line in lines.iter_mut().filter(|line| width > 0 && !line.is_empty()) {
            line.insert(0, ' ');
        }
        lines
    }

    fn title_line(&self, width: usize, palette: Palette) -> String {
        let (left, right) = (cut(self.title.0, width), self.title.1);
        let gap = width.saturating_sub(left.chars().count() + right.chars().count());
        let left = match palette {
            Palette::Mono => left,
            _ => {
                format!("{}{left}{}", SetAttribute(Attribute::Bold), SetAttribute(Attribute::Reset))
            }
        };
        if gap == 0 { left } else { format!("{left}{:gap$}{right}", "") }
    }

    /// The blocks that sit side by side.
    fn draw_tier(
        &self,
        tier: &[Block],
        seating: &Seating,
        palette: Palette,
        lines: &mut Vec<String>,
    ) {
        if seating.named {
            let names: String = tier.iter().map(|block| seating.name(block)).collect();
            lines.push(coloured(&names, QUIET, palette));
        }
        for row in 0..seating.rows {
            let mut line = String::new();
            for block in tier {
                let bands = seating.row(block, row).iter();
                let lights: Vec<Rgb> = bands.map(|band| light(band, self.elapsed)).collect();
                seating.draw(&lights, palette, &mut line);
            }
            lines.push(line);
        }
        lines.extend(std::iter::repeat_n(String::new(), seating.gap));
    }
}

/// How the bands of a block sit: as large as the room allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seating {
    /// Columns of one band.
    cell: usize,
    seats: usize,
    rows: usize,
    /// Lines between tiers.
    gap: usize,
    /// Whether there is a line for the blocks' names.
    named: bool,
    /// Columns of a block.
    width: usize,
}

impl Seating {
    fn fit(bands: usize, tiers: usize, width: usize, room: usize) -> Self {
        let lines = room / tiers.max(1);
        let inner = width.saturating_sub(1);
        for (cell, gap, named) in
            [(3, 1, true), (2, 1, true), (2, 0, true), (1, 1, true), (1, 0, true), (1, 0, false)]
        {
            let rows = bands.div_ceil((inner / cell).max(1)).max(1);
            if rows + gap + usize::from(named) <= lines {
                // As even as the rows allow: 7 + 7 + 6, not 8 + 8 + 4.
                return Self { cell, seats: bands.div_ceil(rows), rows, gap, named, width };
            }
        }
        // Not all find a seat; how many do not is said beside the name.
        let named = lines > 1;
        Self { cell: 1, seats: inner, rows: lines - usize::from(named), gap: 0, named, width }
    }

    /// The block's name, and how many of its bands find no seat.
    fn name(&self, block: &Block) -> String {
        let width = self.width;
        let standing = block.bands.len().saturating_sub(self.seats * self.rows);
        let count = if standing == 0 { String::new() } else { format!(" +{standing}") };
        // Of a narrow block's head the count is the last to go.
        let name = cut(&block.name, width.saturating_sub(1 + count.len()));
        format!("{:width$}", cut(&(name + &count), width.saturating_sub(1)))
    }

    fn row<'a>(&self, block: &'a Block, row: usize) -> &'a [LookView] {
        let end = block.bands.len();
        &block.bands[(row * self.seats).min(end)..((row + 1) * self.seats).min(end)]
    }

    /// One row of one block, as wide as the block.
    fn draw(&self, lights: &[Rgb], palette: Palette, line: &mut String) {
        let mut last = None;
        for &light in lights {
            let (text, colour) = self.band(light, palette);
            if palette != Palette::Mono && last != Some(colour) {
                let _ = write!(line, "{}", SetForegroundColor(terminal_colour(colour, palette)));
                last = Some(colour);
            }
            line.push_str(text);
        }
        if last.is_some() {
            let _ = write!(line, "{ResetColor}");
        }
        let rest = self.width.saturating_sub(lights.len() * self.cell);
        let _ = write!(line, "{:rest$}", "");
    }

    /// How a band is drawn.
    fn band(&self, light: Rgb, palette: Palette) -> (&'static str, Rgb) {
        let brightest = light.into_iter().max().unwrap_or(0);
        if palette == Palette::Mono {
            return (shade(brightest, self.cell), light);
        }
        let of_cell = |texts: [&'static str; 3]| texts[self.cell - 1];
        if brightest < DARK {
            (of_cell(["·", "· ", "·  "]), SEAT)
        } else {
            (of_cell(["▆", "▆ ", "▆▆ "]), light)
        }
    }
}

fn shade(brightest: u8, cell: usize) -> &'static str {
    const SHADES: [&str; 6] = [".  ", ":  ", "-  ", "+  ", "#  ", "@  "];
    &SHADES[usize::from(brightest) * (SHADES.len() - 1) / 255][..cell]
}

fn terminal_colour([r, g, b]: Rgb, palette: Palette) -> Color {
    match palette {
        Palette::Cube => {
            let side = |level: u8| (u16::from(level) * 5 + 127) / 255;
            Color::AnsiValue((16 + 36 * side(r) + 6 * side(g) + side(b)) as u8)
        }
        Palette::True | Palette::Mono => Color::Rgb { r, g, b },
    }
}

fn coloured(text: &str, colour: Rgb, palette: Palette) -> String {
    match palette {
        Palette::Mono => text.to_owned(),
        _ => format!("{}{text}{ResetColor}", SetForegroundColor(terminal_colour(colour, palette))),
    }
}

fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

#[cfg(test)]
mod tests {
    use wristcast_core::config::Config;
    use wristcast_core::look::Look;
    use wristcast_core::snapshot::BandState;

    use super::super::audience::Audience;
    use super::*;

    fn crowd(bands_per_group: usize, look: Look) -> Crowd {
        let config = Config::parse(super::super::SHOW, "show.toml").unwrap().0;
        let mut crowd = Crowd::new(&config);
        let of_group = |group: &wristcast_core::config::Group| {
            let band = BandState {
                id: String::new(),
                radio: String::new(),
                group: group.name.clone(),
                connected: true,
                look: look.into(),
                age_ms: None,
                behind_ms: 0,
                frames: 0,
                failed: 0,
                conflated: 0,
                latched: 0,
                battery_percent: None,
                rssi_dbm: None,
                rssi_age_ms: None,
                detail: None,
            };
            vec![band; bands_per_group]
        };
        let bands: Vec<BandState> = config.groups.iter().flat_map(of_group).collect();
        crowd.update(&bands, &Audience::new(&config));
        crowd
    }

    fn draw(crowd: &Crowd, width: usize, height: usize, palette: Palette) -> Vec<String> {
        let scene = Scene {
            title: ("wristcast demo", "chase 0:04"),
            crowd,
            figures: &["packets 176/s".to_owned(), "latency".to_owned()],
            faults: &["sacn/1 is lost".to_owned()],
            hint: "q quits",
            elapsed: Duration::ZERO,
        };
        scene.lines(width, height, palette)
    }

    /// The text without its escape sequences.
    fn visible(line: &str) -> String {
        let mut parts = line.split('\x1b');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| c.is_ascii_alphabetic()).unwrap();
            text.push_str(&part[end + 1..]);
        }
        text
    }

    #[test]
    fn every_band_has_its_place_on_a_usual_terminal() {
        let crowd = crowd(20, Look { red: 255, dimmer: 255, ..Look::DARK });
        for (width, height) in [(80, 24), (120, 30), (200, 60)] {
            let lines = draw(&crowd, width, height, Palette::Mono);
            let seen: usize = lines.iter().map(|line| line.matches('@').count()).sum();
            assert_eq!(seen, 240, "at {width} x {height}:\n{}", lines.join("\n"));
        }
    }

    #[test]
    fn the_picture_never_outgrows_the_terminal() {
        for bands in [0, 1, 20, 999] {
            let crowd = crowd(bands, Look { red: 255, dimmer: 255, ..Look::DARK });
            for (width, height) in [(0, 0), (1, 1), (9, 5), (40, 12), (80, 24), (300, 90)] {
                for palette in [Palette::True, Palette::Cube, Palette::Mono] {
                    let lines = draw(&crowd, width, height, palette);
                    assert!(lines.len() <= height);
                    for line in &lines {
                        let columns = visible(line).chars().count();
                        assert!(columns <= width, "{columns} > {width}: {line:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn bands_without_a_seat_are_counted() {
        let lines = draw(&crowd(999, Look::DARK), 40, 16, Palette::Mono);
        let seats: usize = lines.iter().map(|line| line.matches('.').count()).sum();
        let standing: usize = lines
            .iter()
            .flat_map(|line| line.split_whitespace())
            .filter_map(|word| word.strip_prefix('+')?.parse::<usize>().ok())
            .sum();
        assert_eq!(seats + standing, 12 * 999, "{}", lines.join("\n"));
    }

    #[test]
    fn a_lit_band_is_drawn_in_its_colour_and_a_dark_one_as_a_dot() {
        let lit = crowd(1, Look { green: 200, dimmer: 255, ..Look::DARK });
        let lines = draw(&lit, 80, 24, Palette::True).join("\n");
        assert!(lines.contains("\x1b[38;2;0;200;0m▆"), "{lines:?}");
        let cube = draw(&lit, 80, 24, Palette::Cube).join("\n");
        assert!(cube.contains("\x1b[38;5;40m▆"), "{cube:?}");
        let dark = draw(&crowd(1, Look::DARK), 80, 24, Palette::True).join("\n");
        assert!(!dark.contains('▆') && dark.contains('·'));
    }

    #[test]
    fn without_colours_no_escape_sequence_is_written() {
        let lines =
            draw(&crowd(20, Look { blue: 255, dimmer: 255, ..Look::DARK }), 80, 24, Palette::Mono);
        assert!(lines.iter().all(|line| !line.contains('\x1b')));
    }
}
