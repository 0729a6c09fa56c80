//! The simulated crowd: 50 000 bands, 32 radios, 80 groups, loss swept from 0 to 60 %.
//!
//! usage: `cargo run --release -p wristcast-benches --bin crowd [PLOT.svg] [BANDS]`

use std::fmt::Write as _;
use std::time::Instant;

use wristcast_benches::crowd::closed::Closed;
use wristcast_benches::crowd::{Venue, play, quantile};
use wristcast_core::config::AirWay;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let plot = arguments.next();
    let bands = arguments.next().and_then(|bands| bands.parse().ok()).unwrap_or(50_000);
    println!("{bands} bands, 32 radios, 80 groups, every group changes once a second, 10 times");
    println!(
        "way       loss  audible  unreached  heard ms p50/p99/p99.9 (closed p50/p99)  skew p1-p99  \
         stale after 1, 3, 6 sendings (closed)  faster than real time"
    );
    let mut curves = Vec::new();
    for way in [AirWay::Periodic, AirWay::Extended] {
        for loss in [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6] {
            let venue = Venue { bands, way, loss, ..Venue::default() };
            let begin = Instant::now();
            let outcome = play(&venue);
            let speed = outcome.simulated.as_secs_f64() / begin.elapsed().as_secs_f64();
            let closed = Closed::of(&venue, &outcome);
            let heard = |of| quantile(&outcome.heard_ms, of);
            let shown = |of| quantile(&outcome.shown_ms, of);
            let stale = |n: usize| {
                let simulated = outcome.stale_after.get(n).copied().unwrap_or(0.0);
                format!("{simulated:.5} ({:.5})", closed.stale_after(n))
            };
            println!(
                "{:8}  {loss:.1}   {:.2}     {:5}      {:3}/{:3}/{:3} ({:.0}/{:.0})  {:3} ms  {}, {}, {}  x{speed:.1}",
                way.word(),
                outcome.audible,
                outcome.unreached,
                heard(0.5),
                heard(0.99),
                heard(0.999),
                closed.heard_ms(0.5),
                closed.heard_ms(0.99),
                shown(0.99).saturating_sub(shown(0.01)),
                stale(1),
                stale(3),
                stale(6),
            );
            curves.push((way, loss, outcome.stale_after.clone()));
        }
    }
    if let Some(file) = plot {
        std::fs::write(&file, draw(&curves))?;
        println!("{file}: share of bands without a change, by sendings");
    }
    Ok(())
}

/// Stale shares over sendings, logarithmic from 1 to 1e-5; one curve per loss.
fn draw(curves: &[(AirWay, f64, Vec<f64>)]) -> String {
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 380\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"#ffffff\"/>\n",
    );
    for (panel, way) in [AirWay::Periodic, AirWay::Extended].into_iter().enumerate() {
        let left = 60.0 + panel as f64 * 410.0;
        let (top, width, height) = (40.0, 330.0, 290.0);
        let y = |share: f64| top + height * (-share.max(1e-5).log10() / 5.0);
        let _ = writeln!(
            svg,
            "<text x=\"{left}\" y=\"24\">{}: share of bands without a change</text>\n\
             <path d=\"M{left} {top} V{} H{}\" fill=\"none\" stroke=\"#444444\"/>",
            way.word(),
            top + height,
            left + width
        );
        for power in 0..=5 {
            let label = y(10f64.powi(-power)) + 4.0;
            let _ = writeln!(svg, "<text x=\"{}\" y=\"{label}\">1e-{power}</text>", left - 38.0);
        }
        for (_, loss, stale) in curves.iter().filter(|(of, ..)| *of == way) {
            let points: Vec<String> = stale
                .iter()
                .take(9)
                .enumerate()
                .map(|(n, share)| format!("{:.1},{:.1}", left + width * n as f64 / 8.0, y(*share)))
                .collect();
            let heat = (255.0 * loss / 0.6) as u8;
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"rgb({heat},80,{})\"/>",
                points.join(" "),
                255 - heat
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{left}\" y=\"{}\">0 to 8 sendings; loss 0 (blue) to 60 % (red)</text>",
            top + height + 20.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}
