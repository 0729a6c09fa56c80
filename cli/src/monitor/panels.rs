//! Parts of the picture: the universe that is looked at, bands, latencies.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Row, Sparkline, Table};
use wristcast_core::snapshot::BandState;

use super::keys::{Desk, Focus};
use super::state::State;
use super::view::focused;
use crate::http::BATTERY_LOW;
use crate::latency::latency;

/// Who sends the universe and whether it counts, and its 512 levels as bars.
pub(super) fn draw_sources(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let Some((universe, levels, sources)) = &state.detail else { return };
    let lit = levels.iter().filter(|&&level| level > 0).count();
    let title = format!(" {universe}: {lit} of {} slots lit ", levels.len());
    let block = Block::bordered().title(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [table, bars] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(inner.height / 2)]).areas(inner);
    let rows = sources.iter().map(|source| {
        let (counts, colour) = match &source.reason {
            None => ("counts".to_owned(), Color::Green),
            Some(why) => (format!("no: {}", why.replace('_', " ")), Color::Yellow),
        };
        Row::new([
            Cell::from(source.name.clone()),
            Cell::from(source.address.clone()),
            Cell::from(source.priority.map_or("–".to_owned(), |priority| priority.to_string())),
            Cell::from(format!("{:.0}/s", source.rate_hz)),
            Cell::from(source.sequence_errors.to_string()),
            Cell::from(counts).style(Style::new().fg(colour)),
        ])
    });
    let widths = [
        Constraint::Fill(2),
        Constraint::Fill(2),
        Constraint::Length(4),
        Constraint::Length(6),
        Constraint::Length(5),
        Constraint::Length(18),
    ];
    let head = Row::new(["source", "address", "prio", "rate", "gaps", "in the merge"]).dim();
    frame.render_widget(Table::new(rows, widths).header(head), table);
    frame.render_widget(
        Sparkline::default()
            .data(columns(levels, usize::from(bars.width)))
            .max(255)
            .style(Style::new().fg(Color::Green)),
        bars,
    );
}

/// The highest level of the slots that share a column.
pub(super) fn columns(levels: &[u8], width: usize) -> Vec<u64> {
    let width = width.min(levels.len());
    let of = |column: usize| {
        let (from, to) = (column * levels.len() / width, (column + 1) * levels.len() / width);
        levels[from..to].iter().max().copied().map_or(0, u64::from)
    };
    (0..width).map(of).collect()
}

/// The bands, those that want attention first.
pub(super) fn draw_bands(frame: &mut Frame<'_>, area: Rect, state: &State, desk: &Desk) {
    let all: u32 = state.radios.iter().map(|radio| radio.bands).sum();
    let first = desk.band.min(state.bands.len());
    let rows = state.bands[first..].iter().map(band_row);
    let widths = [
        Constraint::Fill(2),
        Constraint::Fill(2),
        Constraint::Fill(2),
        Constraint::Length(2),
        Constraint::Length(6),
        Constraint::Length(5),
        Constraint::Length(13),
    ];
    let title = match usize::try_from(all).is_ok_and(|all| all > state.bands.len()) {
        true => format!(" Bands: {} of {all}, those that need you first ", state.bands.len()),
        false => format!(" Bands: {all} "),
    };
    let table = Table::new(rows, widths)
        .header(Row::new(["band", "group", "state", "", "since", "batt", "heard"]).dim())
        .block(focused(Block::bordered().title(title), desk.focus == Focus::Bands));
    frame.render_widget(table, area);
}

fn band_row(band: &BandState) -> Row<'_> {
    let (words, colour) = match (&band.detail, band.connected) {
        (Some(detail), true) => (detail.as_str(), Color::Yellow),
        (Some(detail), false) => (detail.as_str(), Color::Red),
        (None, true) => ("connected", Color::Green),
        (None, false) => ("not connected", Color::Red),
    };
    let out = |level: u8| {
        let level = (u16::from(level) + u16::from(band.look.white)).min(255);
        (level * u16::from(band.look.dimmer) / 255) as u8
    };
    let light = Color::Rgb(out(band.look.red), out(band.look.green), out(band.look.blue));
    let battery = band.battery_percent;
    let low = battery.is_some_and(|percent| percent < BATTERY_LOW);
    let heard = band.rssi_dbm.map_or("–".to_owned(), |dbm| {
        format!("{dbm} dBm {}", band.rssi_age_ms.map_or(String::new(), age))
    });
    Row::new([
        Cell::from(band.id.as_str()),
        Cell::from(band.group.as_str()),
        Cell::from(words).style(Style::new().fg(colour)),
        Cell::from("  ").style(Style::new().bg(light)),
        Cell::from(band.age_ms.map_or("–".to_owned(), age)),
        Cell::from(battery.map_or("–".to_owned(), |percent| format!("{percent}%")))
            .style(Style::new().fg(if low { Color::Yellow } else { Color::Reset })),
        Cell::from(heard),
    ])
}

/// `0.4s`, `12s`, `3m`, `2h`.
pub(super) fn age(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{:.1}s", ms as f64 / 1_000.0),
        10_000..120_000 => format!("{}s", ms / 1_000),
        120_000..7_200_000 => format!("{}m", ms / 60_000),
        _ => format!("{}h", ms / 3_600_000),
    }
}

/// Median and 99th percentile of the last minutes, a column a second.
pub(super) fn draw_latencies(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let width = usize::from(area.width.saturating_sub(2));
    let shown = |which: usize| -> Vec<u64> {
        let from = state.latencies.len().saturating_sub(width);
        let points = state.latencies.iter().skip(from);
        points.map(|point| u64::from(point[which].unwrap_or(0))).collect()
    };
    let (p50, p99) = (shown(2), shown(3));
    let most = p99.iter().max().copied().unwrap_or(0);
    let last = |points: &[u64]| latency(points.last().map_or(0.0, |&us| us as f64));
    let block = Block::bordered().title(Line::from(vec![
        Span::from(" To the radio: "),
        Span::from(format!("p99 {} ", last(&p99))).fg(Color::Yellow),
        Span::from(format!("median {} ", last(&p50))).fg(Color::Green),
        Span::from(format!("highest {} ", latency(most as f64))),
    ]));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [upper, lower] = Layout::vertical([Constraint::Fill(2), Constraint::Fill(1)]).areas(inner);
    for (points, colour, area) in [(p99, Color::Yellow, upper), (p50, Color::Green, lower)] {
        let bars = Sparkline::default().data(points).max(most.max(1));
        frame.render_widget(bars.style(Style::new().fg(colour)), area);
    }
}
