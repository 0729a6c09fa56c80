//! The crowd: every group in its colour, in the order of the show file, as large as there is room.

use ratatui::Frame;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Style};
use ratatui::widgets::Block;

use super::keys::{Desk, Focus};
use super::state::{State, percent};
use super::view::focused;

/// Tallest a group is drawn, cells; it is twice as wide and more.
const HEIGHT_MAX: u16 = 5;

/// From this width on there is room for a group's name.
const NAMED: u16 = 8;

pub(super) fn draw_crowd(frame: &mut Frame<'_>, area: Rect, state: &State, desk: &Desk) {
    let groups = state.scene.as_ref().map(|scene| &scene.groups[..]).unwrap_or_default();
    let chosen = desk.group.and_then(|group| Some((group, groups.get(group)?)));
    let title = match chosen {
        None => " Crowd: every group ".to_owned(),
        Some((_, group)) => {
            let hand = state.hands.iter().find(|hand| hand.name == group.name);
            let over = hand.and_then(|hand| hand.overridden_by.as_deref());
            let master = hand.map_or(100, |hand| percent(hand.master));
            let over = over.map(|over| format!(", overridden: {over}")).unwrap_or_default();
            format!(" Crowd: {}, master {master} %{over} ", group.name)
        }
    };
    let block = focused(Block::bordered().title(title), desk.focus == Focus::Groups);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let size = size_of_group(state.groups.len(), inner.as_size());
    let columns = usize::from(inner.width / size.width).max(1);
    desk.columns.set(columns);
    let rows = usize::from(inner.height / size.height).max(1);
    // The chosen group stays in sight.
    let first = chosen.map_or(0, |(group, _)| (group / columns).saturating_sub(rows - 1)) * columns;
    let shown = state.groups.iter().enumerate().skip(first).take(columns * rows);
    for (place, (index, &[red, green, blue, bits])) in shown.enumerate() {
        let dark = u16::from(red) + u16::from(green) + u16::from(blue) < 380;
        let style = Style::new().bg(Color::Rgb(red, green, blue));
        let style = style.fg(if dark { Color::White } else { Color::Black });
        let is_chosen = chosen.is_some_and(|(group, _)| group == index);
        let mark = match (is_chosen, bits & 1 != 0, bits & 2 != 0) {
            (true, ..) => "[]",
            (false, true, _) => "x ",
            (false, false, true) => "· ",
            _ => "  ",
        };
        // Large ones stand a little apart.
        let gap = u16::from(size.height > 1);
        let cells = Rect {
            x: inner.x + (place % columns) as u16 * size.width,
            y: inner.y + (place / columns) as u16 * size.height,
            width: size.width - gap,
            height: size.height,
        };
        let cells = cells.intersection(inner);
        if cells.is_empty() {
            continue;
        }
        frame.buffer_mut().set_style(cells, style);
        let name = groups.get(index).filter(|_| size.width >= NAMED).map_or("", |it| &it.name);
        let text = format!("{mark}{name}");
        frame.buffer_mut().set_stringn(cells.x, cells.y, text, usize::from(cells.width), style);
    }
}

/// The largest that lets all of them be seen, in cells; two by one if nothing does.
fn size_of_group(count: usize, room: Size) -> Size {
    let sizes = (2..=HEIGHT_MAX).rev().map(|height| Size::new(height * 5, height));
    let fits = |size: &Size| {
        usize::from(room.width / size.width) * usize::from(room.height / size.height) >= count
    };
    sizes.chain([Size::new(4, 1)]).find(fits).unwrap_or(Size::new(2, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_groups_are_drawn_large_and_many_small() {
        let room = Size::new(80, 18);
        let size = |count| size_of_group(count, room);
        assert_eq!(size(2), Size::new(25, 5));
        assert_eq!(size(40), Size::new(10, 2));
        assert_eq!(size(200), Size::new(4, 1));
        assert_eq!(size(4096), Size::new(2, 1), "the rest is reached by arrows");
        assert_eq!(size_of_group(9, Size::new(0, 0)), Size::new(2, 1));
    }
}
