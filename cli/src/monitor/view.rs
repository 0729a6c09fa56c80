//! The picture: a verdict, universes, radios, events, and where the other parts go.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table, TableState, Wrap};

use super::crowd::draw_crowd;
use super::keys::{Desk, Focus};
use super::panels::{draw_bands, draw_latencies, draw_sources};
use super::state::{State, Verdict, percent};
use crate::latency::latency;

/// Narrower than this, everything stands in one column.
const TWO_COLUMNS: u16 = 100;

/// Those needed first come first: narrow terminals cut the rest off.
const KEYS: &str = "P panic  r release  q quit  f freeze  +/-/0 master  i identify  c colours  h chase  \
                    g give back  a all  [ ] o its master  S E start, end look  Tab";

pub(super) fn draw(frame: &mut Frame<'_>, state: &State, desk: &Desk, now: Instant) {
    let [head, verdict, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(3),
        Constraint::Min(6),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_head(frame, head, state);
    draw_verdict(frame, verdict, state, now);
    let two = body.width >= TWO_COLUMNS;
    let (left, right) = if two {
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(55), Constraint::Percentage(45)])
                .areas(body);
        (left, right)
    } else {
        let [left, right] =
            Layout::vertical([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(body);
        (left, right)
    };
    let [crowd, universes, sources] = Layout::vertical([
        Constraint::Fill(3),
        Constraint::Fill(2),
        Constraint::Length(if state.detail.is_some() { 10 } else { 0 }),
    ])
    .areas(left);
    draw_crowd(frame, crowd, state, desk);
    draw_universes(frame, universes, state, desk);
    draw_sources(frame, sources, state);
    let radio_rows = u16::try_from(state.radios.len()).unwrap_or(8).clamp(1, 8) + 3;
    let [radios, bands, latencies, events] = Layout::vertical([
        Constraint::Length(radio_rows),
        Constraint::Fill(if two || desk.focus == Focus::Bands { 3 } else { 0 }),
        Constraint::Length(if two { 7 } else { 0 }),
        Constraint::Fill(2),
    ])
    .areas(right);
    draw_radios(frame, radios, state);
    draw_bands(frame, bands, state, desk);
    draw_latencies(frame, latencies, state);
    draw_events(frame, events, state);
    let words = Span::from(format!(" {}  ", desk.words)).fg(Color::Yellow);
    let keys = Span::from(if desk.is_asking() { "" } else { KEYS }).dim();
    frame.render_widget(Line::from(vec![words, keys]), foot);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let show = state.scene.as_ref().map_or("wristcast", |scene| scene.show.as_str());
    let mut spans = vec![Span::from(format!(" {show}  ")).bold()];
    if let Some(figures) = &state.figures {
        let last = state.latencies.back().and_then(|point| point[3]);
        let p99 = last.map_or("–".to_owned(), |us| latency(f64::from(us)));
        let text = format!(
            "{:.0} packets/s   universes {}/{}   groups {}/{}   bands {}/{}   p99 {p99}   master {} %   up {}:{:02}",
            figures.packets_per_second,
            figures.universes_live,
            figures.universes,
            figures.groups.saturating_sub(figures.groups_lost),
            figures.groups,
            figures.bands_connected,
            figures.bands,
            percent(figures.grand_master),
            figures.uptime_s / 60,
            figures.uptime_s % 60,
        );
        spans.push(text.into());
    }
    frame.render_widget(Line::from(spans), area);
}

fn draw_verdict(frame: &mut Frame<'_>, area: Rect, state: &State, now: Instant) {
    let (verdict, words) = state.verdict(now);
    let colour = match verdict {
        Verdict::Good => Color::Green,
        Verdict::Hand => Color::Blue,
        Verdict::Warning => Color::Yellow,
        Verdict::Bad => Color::Red,
    };
    let block = Block::bordered().border_style(Style::new().fg(colour));
    frame.render_widget(Paragraph::new(words.bold().fg(colour)).block(block), area);
}

fn draw_universes(frame: &mut Frame<'_>, area: Rect, state: &State, desk: &Desk) {
    let names = state.scene.as_ref().map(|scene| &scene.universes[..]).unwrap_or_default();
    let rows = names.iter().zip(&state.universes).map(|(name, line)| {
        let (words, colour) = match line.0 {
            0 => ("waiting", Color::Gray),
            1 => ("live", Color::Green),
            _ => ("LOST", Color::Red),
        };
        let bar = "▉".repeat(usize::from(line.5) * 10 / 255);
        let sources = match line.2 == line.3 {
            true => line.2.to_string(),
            false => format!("{} of {}", line.2, line.3),
        };
        Row::new([
            Cell::from(name.to_string()),
            Cell::from(words).style(Style::new().fg(colour)),
            Cell::from(line.1.to_string()),
            Cell::from(sources),
            Cell::from(line.4.to_string()),
            Cell::from(bar).style(Style::new().fg(Color::Green)),
        ])
    });
    let widths = [
        Constraint::Length(16),
        Constraint::Length(8),
        Constraint::Length(5),
        Constraint::Length(8),
        Constraint::Length(6),
        Constraint::Min(4),
    ];
    let has_focus = desk.focus == Focus::Universes;
    let table = Table::new(rows, widths)
        .header(Row::new(["universe", "state", "/s", "sources", "gaps", "level"]).dim())
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .block(focused(Block::bordered().title(" Input "), has_focus));
    let chosen = has_focus.then_some(desk.universe);
    frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(chosen));
}

fn draw_radios(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let rows = state.radios.iter().map(|radio| {
        let colour = match radio.state.as_str() {
            "up" => Color::Green,
            "down" => Color::Red,
            _ => Color::Gray,
        };
        Row::new([
            Cell::from(radio.name.clone()),
            Cell::from(radio.detail.clone().unwrap_or_else(|| radio.state.clone()))
                .style(Style::new().fg(colour)),
            Cell::from(format!("{}/{}", radio.bands_connected, radio.bands)),
            Cell::from(radio.frames_sent.to_string()),
            Cell::from(radio.frames_failed.to_string()),
        ])
    });
    let widths = [
        Constraint::Fill(1),
        Constraint::Fill(1),
        Constraint::Length(11),
        Constraint::Length(11),
        Constraint::Length(7),
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(["radio", "state", "bands", "frames", "failed"]).dim())
        .block(Block::bordered().title(" Radios "));
    frame.render_widget(table, area);
}

fn draw_events(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let lines = state.events.iter().take(usize::from(area.height)).map(|event| {
        let seconds = event.uptime_ms / 1000;
        let words = Span::from(event.text.clone());
        let words = match event.severity {
            wristcast_core::snapshot::Severity::Info => words,
            wristcast_core::snapshot::Severity::Warning => words.fg(Color::Yellow),
            wristcast_core::snapshot::Severity::Fault => words.fg(Color::Red),
        };
        let by = event.by.as_ref().map(|by| format!("  {by}")).unwrap_or_default();
        Line::from(vec![
            Span::from(format!("{:>3}:{:02} ", seconds / 60, seconds % 60)).dim(),
            words,
            Span::from(by).fg(Color::Blue),
        ])
    });
    let block = Block::bordered().title(" What happened ");
    // What does not fit goes on in the next line.
    let events = Paragraph::new(lines.collect::<Vec<_>>()).wrap(Wrap { trim: false }).block(block);
    frame.render_widget(events, area);
}

pub(super) fn focused(block: Block<'_>, is: bool) -> Block<'_> {
    if is { block.border_style(Style::new().fg(Color::Cyan)) } else { block }
}
