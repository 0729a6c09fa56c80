//! The plan as a picture: radios over the area, and how fast a change arrives.

use std::fmt::Write;
use std::time::Duration;

use wristcast_core::air::latency::heard_after;

use super::{Args, Plan};

const SIDE: f64 = 360.0;
const MARGIN: f64 = 50.0;
const WIDTH: f64 = 2.0 * SIDE + 3.0 * MARGIN;
const HEIGHT: f64 = SIDE + 2.0 * MARGIN;

pub(super) fn draw(args: &Args, plan: &Plan) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    area(&mut svg, args);
    arrival(&mut svg, plan);
    svg.push_str("</svg>\n");
    svg
}

/// The area as a square, radios on a grid with their range.
fn area(svg: &mut String, args: &Args) {
    let metres = args.area.sqrt();
    let scale = SIDE / metres;
    text(svg, MARGIN, MARGIN - 12.0, &format!("{} radios over {:.0} m²", args.radios, args.area));
    put(
        svg,
        &format!(
            "<clipPath id=\"area\"><rect x=\"{MARGIN}\" y=\"{MARGIN}\" width=\"{SIDE}\" \
         height=\"{SIDE}\"/></clipPath>\n\
         <rect x=\"{MARGIN}\" y=\"{MARGIN}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"#f4f4f4\" \
         stroke=\"#444444\"/>\n<g clip-path=\"url(#area)\">\n"
        ),
    );
    // Rows of as many as make the cells nearly square; the last row may be shorter.
    let columns = f64::from(args.radios).sqrt().ceil().max(1.0) as u32;
    let rows = args.radios.div_ceil(columns);
    for radio in 0..args.radios {
        let (row, column) = (radio / columns, radio % columns);
        let in_row = columns.min(args.radios - row * columns);
        let x = MARGIN + SIDE * (f64::from(column) + 0.5) / f64::from(in_row);
        let y = MARGIN + SIDE * (f64::from(row) + 0.5) / f64::from(rows);
        let range = args.range * scale;
        put(
            svg,
            &format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{range:.1}\" fill=\"#3878c8\" \
             fill-opacity=\"0.18\" stroke=\"#3878c8\" stroke-opacity=\"0.5\"/>\n\
             <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#1c3c64\"/>\n"
            ),
        );
    }
    svg.push_str("</g>\n");
    text(svg, MARGIN, MARGIN + SIDE + 18.0, &format!("{metres:.0} m, range {:.0} m", args.range));
}

/// Share of bands that have heard a change, over time.
fn arrival(svg: &mut String, plan: &Plan) {
    let left = 2.0 * MARGIN + SIDE;
    let bottom = MARGIN + SIDE;
    let longest = plan.latency(0.999).unwrap_or(plan.period * 20).max(plan.period);
    text(svg, left, MARGIN - 12.0, "share of bands that have a change, every group changing");
    put(
        svg,
        &format!(
            "<path d=\"M{left} {MARGIN} V{bottom} H{}\" fill=\"none\" stroke=\"#444444\"/>\n",
            left + SIDE
        ),
    );
    let mut path = String::new();
    for step in 0..=200u32 {
        let after = longest.mul_f64(f64::from(step) / 200.0);
        let share = heard_after(&plan.bands, plan.period, after);
        let x = left + SIDE * f64::from(step) / 200.0;
        let command = if step == 0 { 'M' } else { 'L' };
        put(&mut path, &format!("{command}{x:.1} {:.1} ", bottom - SIDE * share));
    }
    put(
        svg,
        &format!(
            "<path d=\"{}\" fill=\"none\" stroke=\"#c83838\" stroke-width=\"2\"/>\n",
            path.trim_end()
        ),
    );
    for share in [0.0, 0.5, 0.9, 1.0] {
        text(svg, left - 34.0, bottom - SIDE * share + 4.0, &format!("{:.0} %", share * 100.0));
    }
    let ms = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1000.0);
    text(svg, left, bottom + 18.0, "0");
    text(svg, left + SIDE / 2.0 - 15.0, bottom + 18.0, &ms(longest / 2));
    text(svg, left + SIDE - 30.0, bottom + 18.0, &ms(longest));
}

fn text(svg: &mut String, x: f64, y: f64, text: &str) {
    put(svg, &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"#222222\">{text}</text>\n"));
}

fn put(svg: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = svg.write_str(text);
}
