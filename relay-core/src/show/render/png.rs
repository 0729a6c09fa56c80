//! The picture as PNG.

use std::io::{self, Write};

use font8x8::{BASIC_FONTS, UnicodeFonts};

use super::{Column, Timeline, clock, ticks};
use crate::time::Time;

/// Width of the rows, pixels.
const WIDTH: usize = 1200;
const MARGIN: usize = 8;
/// Of the font.
const GLYPH: usize = 8;
/// Longest name written out.
const NAME_MAX: usize = 24;
const BACKGROUND: [u8; 3] = [18, 18, 22];
const TEXT: [u8; 3] = [190, 190, 200];
const TICK: [u8; 3] = [70, 70, 80];

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
        let longest = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        let left = MARGIN * 2 + longest.min(NAME_MAX) * GLYPH;
        let top = MARGIN * 3 + GLYPH * 2;
        let row = (960 / self.rows.len().max(1)).clamp(3, 28);
        let width = left + WIDTH + MARGIN;
        let height = top + self.rows.len() * (row + 1) + MARGIN;
        let mut canvas = Canvas::new(width, height);
        canvas.text(MARGIN, MARGIN, &self.title);
        if self.left_out > 0 {
            canvas.text(left, MARGIN, &format!("{} more groups are not shown", self.left_out));
        }
        self.draw_axis(&mut canvas, left, top);
        for (index, group) in self.rows.iter().enumerate() {
            let y = top + index * (row + 1);
            if row >= GLYPH {
                let name: String = group.name.chars().take(NAME_MAX).collect();
                canvas.text(MARGIN, y + (row - GLYPH) / 2, &name);
            }
            for (x, column) in self.columns(group, WIDTH).iter().enumerate() {
                canvas.column(left + x, y, row, column);
            }
        }
        canvas
    }

    fn draw_axis(&self, canvas: &mut Canvas, left: usize, top: usize) {
        for at in ticks(self.end, 12) {
            let label = clock(at);
            let x = left + place(at, self.end);
            canvas.rectangle(x, top - 5, 1, 5, TICK);
            let room = canvas.width.saturating_sub(label.len() * GLYPH + MARGIN);
            canvas.text(x.min(room), MARGIN * 2 + GLYPH, &label);
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

    fn text(&mut self, x: usize, y: usize, text: &str) {
        for (index, character) in text.chars().enumerate() {
            let glyph = BASIC_FONTS.get(character).or_else(|| BASIC_FONTS.get('?'));
            for (dy, bits) in glyph.into_iter().flatten().enumerate() {
                for dx in (0..GLYPH).filter(|dx| bits >> dx & 1 != 0) {
                    self.pixel(x + index * GLYPH + dx, y + dy, TEXT);
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
        let (x, top) = (frame.width as usize - 100, 40);
        assert_eq!(at(x, top + 14), [0, 0, 0]);
        assert_eq!(at(x, top + 29 + 14), [0, 255, 0]);
        assert_eq!(at(x, top + 28), super::BACKGROUND, "between two rows");
        let lit = (8..16).flat_map(|y| (8..100).map(move |x| (x, y)));
        assert!(lit.filter(|&(x, y)| at(x, y) == super::TEXT).count() > 50, "no title");
    }
}
