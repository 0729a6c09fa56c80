//! The simulated crowd: 50 000 bands, 32 radios, 80 groups, loss swept from 0 to 60 %; a table, how well it
//! agrees with the closed forms, and a picture. Fails if it agrees worse than is stated.
//!
//! usage: `cargo run --release -p wristcast-benches --bin crowd [PLOT.svg] [BANDS]`

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use wristcast_benches::crowd::closed::{Agreement, Closed};
use wristcast_benches::crowd::{Outcome, Venue, play, quantile};
use wristcast_core::config::AirWay;

const WAYS: [AirWay; 2] = [AirWay::Periodic, AirWay::Extended];
const LOSSES: [f64; 7] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6];

/// One venue, played.
struct Run {
    way: AirWay,
    loss: f64,
    outcome: Outcome,
    closed: Closed,
}

fn main() -> std::io::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let plot = arguments.next();
    let bands = arguments.next().and_then(|bands| bands.parse().ok()).unwrap_or(50_000);
    println!(
        "{bands} bands, 32 radios, 80 groups; every group changes once a second, 10 times. Stale: share \
         of bands and changes.\nIn brackets: the closed form.\n"
    );
    println!(
        "way       loss  hears     heard after, ms                    skew    stale after 1 sending, \
         after 3, after 6                        x real time"
    );
    println!("                radios    p50       p99       p99.9          p1-p99");
    let mut runs = Vec::new();
    let mut worst = Agreement::default();
    for way in WAYS {
        for loss in LOSSES {
            let venue = Venue { bands, way, loss, ..Venue::default() };
            let begin = Instant::now();
            let outcome = play(&venue);
            let speed = outcome.simulated.as_secs_f64() / begin.elapsed().as_secs_f64();
            let closed = Closed::of(&venue, &outcome);
            worst = worst.or(Agreement::of(&outcome, &closed));
            let run = Run { way, loss, outcome, closed };
            println!("{}  {speed:.1}", row(&run));
            runs.push(run);
        }
    }
    println!("\n{} bands are in reach of no radio and in no figure.", runs[0].outcome.unreached);
    println!("Worst difference from the closed forms: {worst}. Stated: {}.", Agreement::STATED);
    if let Some(file) = plot {
        std::fs::write(&file, draw(&runs))?;
        println!("{file}: share of bands without a change, by sendings");
    }
    Ok(if worst.is_as_stated() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(run: &Run) -> String {
    let Run { way, loss, outcome, closed } = run;
    let heard = |of| format!("{} ({:.0})", quantile(&outcome.heard_ms, of), closed.heard_ms(of));
    let shown = |of| quantile(&outcome.shown_ms, of);
    let stale =
        |n: usize| format!("{:.6} ({:.6})", outcome.stale_after[n], closed.stale_after(n as f64));
    format!(
        "{:8}  {loss:.1}   {:.2}      {:8}  {:9}  {:9}      {:3} ms  {}  {}  {}",
        way.word(),
        outcome.audible,
        heard(0.5),
        heard(0.99),
        heard(0.999),
        shown(0.99).saturating_sub(shown(0.01)),
        stale(1),
        stale(3),
        stale(6),
    )
}

/// Where a panel begins, and how large it is.
const LEFT: [f64; 2] = [60.0, 500.0];
const TOP: f64 = 40.0;
const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 250.0;
/// Sendings that are drawn.
const SENDINGS: usize = 8;
/// The least share that is drawn, as a power of ten.
const LEAST: i32 = 5;

/// Stale shares over sendings, a panel for each way: dots simulated, lines the closed form.
fn draw(runs: &[Run]) -> String {
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 910 370\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
    );
    for (way, left) in WAYS.into_iter().zip(LEFT) {
        frame(&mut svg, way, left);
        for run in runs.iter().filter(|run| run.way == way) {
            curve(&mut svg, run, left);
        }
    }
    let foot = TOP + HEIGHT + 44.0;
    let mut legend = LEFT[0];
    for loss in LOSSES {
        let text = format!("{:.0} % lost", loss * 100.0);
        let _ = writeln!(
            svg,
            "<text x=\"{legend}\" y=\"{foot}\" fill=\"{}\">{text}</text>",
            colour(loss)
        );
        legend += 74.0;
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\">dots: simulated, 50 000 bands; lines: closed form</text>\n</svg>",
        LEFT[0],
        foot + 20.0
    );
    svg
}

fn x(left: f64, sendings: usize) -> f64 {
    left + WIDTH * sendings as f64 / SENDINGS as f64
}

fn y(share: f64) -> f64 {
    TOP + HEIGHT * -share.log10() / f64::from(LEAST)
}

/// Blue to red.
fn colour(loss: f64) -> String {
    let part = loss / LOSSES[LOSSES.len() - 1];
    let mix = |from: f64, to: f64| (from + (to - from) * part) as u8;
    format!("#{:02x}{:02x}{:02x}", mix(36.0, 192.0), mix(113.0, 57.0), mix(163.0, 43.0))
}

/// Title, grid and labels of a panel.
fn frame(svg: &mut String, way: AirWay, left: f64) {
    let (bottom, right) = (TOP + HEIGHT, left + WIDTH);
    let _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"26\">{}: share of bands without a change, by sendings</text>",
        way.word()
    );
    for sendings in 0..=SENDINGS {
        let x = x(left, sendings);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#ddd\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{sendings}</text>",
            bottom + 16.0
        );
    }
    for power in 0..=LEAST {
        let y = y(10f64.powi(-power));
        let share = ["100 %", "10 %", "1 %", "0.1 %", "0.01 %", "0.001 %"][power as usize];
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{share}</text>",
            left - 4.0,
            y + 4.0
        );
    }
}

/// One loss: dots that were simulated, a line that was computed.
fn curve(svg: &mut String, run: &Run, left: f64) {
    let colour = colour(run.loss);
    let least = 10f64.powi(-LEAST);
    // The line ends where it leaves the panel, between two sendings.
    let steps = (0..=SENDINGS * 20).map(|step| step as f64 / 20.0);
    let computed = steps.map(|sendings| (sendings, run.closed.stale_after(sendings)));
    let points: Vec<String> = computed
        .take_while(|(_, share)| *share >= least)
        .map(|(n, share)| format!("{:.1},{:.1}", left + WIDTH * n / SENDINGS as f64, y(share)))
        .collect();
    let _ = writeln!(
        svg,
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>",
        points.join(" ")
    );
    let stale = run.outcome.stale_after.iter().enumerate().take(SENDINGS + 1);
    for (sendings, share) in stale.filter(|(_, share)| **share >= least) {
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
            x(left, sendings),
            y(*share)
        );
    }
}
