//! The picture as PNG.

use std::io::{self, Write};

use font8x8::{BASIC_FONTS, UnicodeFonts};

use super::{Column, Timeline, clock, ticks};
use crate::time::Time;

/// Width of the rows, pixels.
const WIDTH: usize = 1600;
const MARGIN: usize = 16;
/// Side of the font's glyphs, drawn at twice their size wherever there is room.
const GLYPH: usize = 8;
const LARGE: usize = 2;
/// Longest name written out.
const NAME_MAX: usize = 24;
/// All rows together are about as high as this, as long as each is between these two.
const ROWS_HEIGHT: usize = 960;
const ROW_MIN: usize = 3;
const ROW_MAX: usize = 44;
const BACKGROUND: [u8; 3] = [18, 18, 22];
const TITLE: [u8; 3] = [235, 235, 240];
const TEXT: [u8; 3] = [170, 170, 180];
const TICK: [u8; 3] = [80, 80, 92];
const TICK_HEIGHT: usize = 8;
/// How much of a grid line covers the light below it, of 256.
const GRID: u16 = 40;

/// Pixels, and where on them what is.
struct Canvas {
    pixels: Vec<u8>,
    width: usize,
    height: usize,
}

impl Timeline {
    /// Writes the picture as PNG. Memory: the picture, 60 MiB for 4096 groups.
    pub fn write_png(&self, out: impl Write) -> io::Result<()> {
        let canvas = self.draw();
        let mut encoder = png::Encoder::new(out, canvas.width as u32, canvas.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&canvas.pixels)?;
        Ok(writer.finish()?)
    }

    fn draw(&self) -> Canvas {
        let row = (ROWS_HEIGHT / self.rows.len().max(1)).clamp(ROW_MIN, ROW_MAX);
        let gap = if row >= GLYPH { 2 } else { 0 };
        let scale = if row >= (GLYPH + 1) * LARGE { LARGE } else { 1 };
        let longest = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        let names = if row >= GLYPH { longest.min(NAME_MAX) * GLYPH * scale + MARGIN } else { 0 };
        let (left, top) = (MARGIN + names, MARGIN * 2 + GLYPH * LARGE * 2 + TICK_HEIGHT);
        let (width, height) = (left + WIDTH + MARGIN, top + self.rows.len() * (row + gap) + MARGIN);
        let mut canvas = Canvas::new(width, height);
        canvas.text(MARGIN, MARGIN, LARGE, TITLE, &self.title);
        if self.left_out > 0 {
            let text = format!("{} more groups are not shown", self.left_out);
            let x = width.saturating_sub(MARGIN + text.len() * GLYPH * LARGE);
            canvas.text(x, MARGIN, LARGE, TEXT, &text);
        }
        for (index, group) in self.rows.iter().enumerate() {
            let y = top + index * (row + gap);
            if row >= GLYPH {
                let name: String = group.name.chars().take(NAME_MAX).collect();
                canvas.text(MARGIN, y + (row - GLYPH * scale) / 2, scale, TEXT, &name);
            }
            for (x, column) in self.columns(group, WIDTH).iter().enumerate() {
                canvas.column(left + x, y, row, column);
            }
        }
        self.draw_axis(&mut canvas, left, top);
        canvas
    }

    /// The times above the rows, and a faint line through all of them at each.
    fn draw_axis(&self, canvas: &mut Canvas, left: usize, top: usize) {
        let mut free = 0;
        for at in ticks(self.end, 12) {
            let label = clock(at);
            let x = left + place(at, self.end);
            canvas.rectangle(x, top - TICK_HEIGHT, 1, TICK_HEIGHT, TICK);
            canvas.grid_line(x, top);
            let wide = label.len() * GLYPH * LARGE;
            // The last ones move in from the edge; where they would meet, the tick says enough.
            let place = x.min(canvas.width.saturating_sub(wide + MARGIN));
            if place >= free {
                let y = top - TICK_HEIGHT - GLYPH * LARGE - 2;
                canvas.text(place, y, LARGE, TEXT, &label);
                free = place + wide + GLYPH;
            }
        }
    }
}

/// Column of a moment.
fn place(at: Time, end: Time) -> usize {
    let share = u128::from(at.as_nanos()) * (WIDTH as u128 - 1);
    (share / u128::from(end.as_nanos().max(1))) as usize
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { pixels: BACKGROUND.repeat(width * height), width, height }
    }

    fn pixel(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < self.width && y < self.height {
            let at = (y * self.width + x) * 3;
            self.pixels[at..at + 3].copy_from_slice(&colour);
        }
    }

    fn rectangle(&mut self, x: usize, y: usize, width: usize, height: usize, colour: [u8; 3]) {
        for y in y..y + height {
            for x in x..x + width {
                self.pixel(x, y, colour);
            }
        }
    }

    /// One moment of one group: the mean, and the brightest in the lowest quarter. Strobing leaves
    /// gaps in it.
    fn column(&mut self, x: usize, y: usize, height: usize, column: &Column) {
        let peak = height / 4;
        for dy in 0..height {
            let colour = if dy >= height - peak { column.peak } else { column.mean };
            let gap = column.strobing && (x + dy) % 6 < 3;
            self.pixel(x, y + dy, if gap { [0; 3] } else { colour });
        }
    }

    /// A line from `top` down through which the light is still seen.
    fn grid_line(&mut self, x: usize, top: usize) {
        for y in top..self.height - MARGIN {
            let at = (y * self.width + x) * 3;
            for (level, line) in self.pixels[at..at + 3].iter_mut().zip(TITLE) {
                *level = ((u16::from(*level) * (256 - GRID) + u16::from(line) * GRID) >> 8) as u8;
            }
        }
    }

    fn text(&mut self, x: usize, y: usize, scale: usize, colour: [u8; 3], text: &str) {
        for (index, character) in text.chars().enumerate() {
            let glyph = BASIC_FONTS.get(character).or_else(|| BASIC_FONTS.get('?'));
            for (dy, bits) in glyph.into_iter().flatten().enumerate() {
                for dx in (0..GLYPH).filter(|dx| bits >> dx & 1 != 0) {
                    let (x, y) = (x + (index * GLYPH + dx) * scale, y + dy * scale);
                    self.rectangle(x, y, scale, scale, colour);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::look::Look;
    use crate::show::render::Timeline;
    use crate::time::Time;

    #[test]
    fn a_picture_has_a_row_for_each_group_in_its_colours() {
        let names = ["floor-left", "floor-right"].map(str::to_owned);
        let mut timeline = Timeline::new("First light", &names);
        timeline.set(Time::ZERO, 1, Look { green: 255, dimmer: 255, ..Look::DARK });
        timeline.end(Time::from_millis(60_000));
        let mut file = Vec::new();
        timeline.write_png(&mut file).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        let at = |x: usize, y: usize| &pixels[(y * frame.width as usize + x) * 3..][..3];
        let (x, first) = (frame.width as usize - 100, super::MARGIN * 2 + 40);
        let second = first + super::ROW_MAX + 2;
        assert_eq!(at(x, first + 14), [0, 0, 0]);
        assert_eq!(at(x, second + 14), [0, 255, 0]);
        assert_eq!(at(x, second - 1), super::BACKGROUND, "between two rows");
        let area =
            |x: usize, y: usize| (y..y + 16).flat_map(move |y| (x..x + 200).map(move |x| (x, y)));
        let written = |x, y, colour| area(x, y).filter(|&(x, y)| at(x, y) == colour).count();
        assert!(written(16, 16, super::TITLE) > 100, "no title");
        assert!(written(16, second + 14, super::TEXT) > 100, "no name");
        let axis = (0..frame.width as usize).filter(|&x| at(x, first - 4) == super::TICK).count();
        assert_eq!(axis, 7, "a tick every ten seconds");
    }
}
