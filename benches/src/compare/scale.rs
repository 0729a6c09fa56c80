//! What more work costs: one number of a show goes up, everything else stays, in one run.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use super::Trial;
use super::load::{Pattern, Protocol};
use super::net::{Networks, Way};
use super::relay::Wristcast;
use super::report::median;
use super::role::Kind;

/// Measures how the cost of a show grows with it.
#[derive(Clone, Debug, clap::Args)]
pub struct Scale {
    /// Rounds; what is told of several is their median.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds of load in each.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Draw the costs into this file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// A show, and one point of a plot.
#[derive(Clone, Copy)]
struct Size {
    universes: u16,
    groups: u32,
    sources: u16,
    radios: u32,
}

/// What is not counted up is this.
const USUAL: Size = Size { universes: 64, groups: 4096, sources: 1, radios: 1 };

/// A number that is counted up.
struct Axis {
    name: &'static str,
    values: &'static [u32],
    size: fn(u32) -> Size,
}

const AXES: [Axis; 4] = [
    Axis {
        name: "universes",
        values: &[1, 4, 16, 64, 256, 1024, 2048],
        size: |n| Size { universes: n as u16, ..USUAL },
    },
    Axis {
        name: "groups",
        values: &[64, 256, 1024, 4096, 16_384, 65_536],
        size: |n| Size { groups: n, ..USUAL },
    },
    Axis {
        name: "sources per universe",
        values: &[1, 2, 4, 8, 16],
        size: |n| Size { sources: n as u16, ..USUAL },
    },
    Axis { name: "radios", values: &[1, 2, 4, 8, 16, 32], size: |n| Size { radios: n, ..USUAL } },
];

/// What a show of some size came to.
#[derive(Clone, Copy)]
struct Point {
    size: u32,
    /// CPU time of the light's way in a frame of 1/44 s, µs.
    frame_us: f64,
    p50_us: f64,
    memory_mb: f64,
}

impl Scale {
    /// Measures and prints.
    pub fn run(&self) -> io::Result<()> {
        let networks = Networks::new()?;
        let mut plots = Vec::new();
        println!("per frame of 1/44 s, every slot changed, in a burst, on loopback");
        for axis in &AXES {
            let points = axis.values.iter().map(|&value| self.point(&networks, axis, value));
            let points = points.collect::<io::Result<Vec<_>>>()?;
            println!("\n{:>21}  CPU us  a {:9}  p50 us      MB", axis.name, "unit, ns");
            for point in &points {
                println!(
                    "{:21} {:7.0}  {:11.1} {:7.0} {:7.1}",
                    point.size,
                    point.frame_us,
                    point.frame_us * 1e3 / f64::from(point.size),
                    point.p50_us,
                    point.memory_mb
                );
            }
            println!("{}", verdict(&points));
            plots.push((axis.name, points));
        }
        if let Some(file) = &self.plot {
            std::fs::write(file, draw(&plots))?;
        }
        Ok(())
    }

    fn point(&self, networks: &Networks, axis: &Axis, value: u32) -> io::Result<Point> {
        let Size { universes, groups, sources, radios } = (axis.size)(value);
        let wristcast = Wristcast {
            universes,
            groups,
            radios,
            usual: true,
            sources_per_universe: sources,
            spin: false,
            priority: None,
            core: None,
            first_look: false,
        };
        let trial = Trial {
            networks,
            way: Way::Loopback,
            protocol: Protocol::Sacn,
            pattern: Pattern::Burst,
            universes,
            sources,
            seconds: self.seconds,
            changing: 100,
            attacked: false,
        };
        let (mut frame_us, mut p50_us, mut memory_mb) = (vec![], vec![], vec![]);
        for _ in 0..self.rounds {
            let (sent, cost) = trial.run(Kind::Wristcast(wristcast.clone()))?;
            let frames = sent.packets as f64 / (f64::from(universes) * f64::from(sources));
            frame_us.push(cost.path_ns as f64 / 1e3 / frames.max(1.0));
            p50_us.push(cost.received.published_us.map_or(0.0, |of| of.p50));
            memory_mb.push(cost.memory_bytes as f64 / 1e6);
        }
        Ok(Point {
            size: value,
            frame_us: median(&mut frame_us),
            p50_us: median(&mut p50_us),
            memory_mb: median(&mut memory_mb),
        })
    }
}

/// How the cost grows from the first to the last point: by which power of the size.
fn verdict(points: &[Point]) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    let grown = f64::from(last.size) / f64::from(first.size);
    let power = (last.frame_us / first.frame_us).ln() / grown.ln();
    // What measuring alone can make of a straight line.
    let straight = if power <= 1.05 { "linear or better" } else { "WORSE THAN LINEAR" };
    format!("x{grown:.0} as many cost x{:.1}: {straight}", last.frame_us / first.frame_us)
}

/// One picture for each number, both axes logarithmic; a dashed line is linear.
fn draw(plots: &[(&str, Vec<Point>)]) -> String {
    const WIDE: f64 = 300.0;
    const HIGH: f64 = 180.0;
    let mut body = String::new();
    for (n, (name, points)) in plots.iter().enumerate() {
        let (left, top) = (60.0 + (n % 2) as f64 * 400.0, 50.0 + (n / 2) as f64 * 270.0);
        let most = f64::from(points.last().map_or(2, |point| point.size)).log2();
        let least = f64::from(points.first().map_or(1, |point| point.size)).log2();
        let x = |size: u32| left + (f64::from(size).log2() - least) / (most - least) * WIDE;
        // From 10 µs to 1 s.
        let y = |us: f64| top + HIGH - (us.max(10.0) / 10.0).log10() / 5.0 * HIGH;
        let _ = writeln!(
            body,
            "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{name}</text>\
             <path d=\"M{left} {top}V{}H{}\" fill=\"none\" stroke=\"#7f8c8d\"/>",
            top - 12.0,
            top + HIGH,
            left + WIDE
        );
        for (power, label) in ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms"].iter().enumerate() {
            let at = y(10.0 * 10f64.powi(power as i32)) + 4.0;
            let _ = writeln!(
                body,
                "<text x=\"{}\" y=\"{at:.0}\" text-anchor=\"end\">{label}</text>",
                left - 5.0
            );
        }
        let line = |of: fn(&Point) -> f64| {
            let point = |point: &Point| format!("{:.1} {:.1}", x(point.size), y(of(point)));
            points.iter().map(point).collect::<Vec<_>>().join("L")
        };
        for (path, colour, dash) in [
            (line(|point| point.frame_us), "#2471a3", ""),
            (line(|point| point.p50_us), "#ca6f1e", ""),
            (line(|point| point.memory_mb * 1e3), "#229954", ""),
        ] {
            let _ = writeln!(
                body,
                "<path d=\"M{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>"
            );
        }
        if let Some(first) = points.first() {
            let linear = |point: &Point| {
                let us = first.frame_us * f64::from(point.size) / f64::from(first.size);
                format!("{:.1} {:.1}", x(point.size), y(us))
            };
            let path = points.iter().map(linear).collect::<Vec<_>>().join("L");
            let _ = writeln!(
                body,
                "<path d=\"M{path}\" fill=\"none\" stroke=\"#2471a3\" stroke-dasharray=\"3 4\"/>"
            );
        }
        for point in points {
            let _ = writeln!(
                body,
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
                x(point.size),
                top + HIGH + 16.0,
                point.size
            );
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 560\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"16\">A frame of 1/44 s: CPU time (blue; dashed: linear), median latency \
         (orange), memory (green, 1 ms = 1 MB)</text>\n{body}</svg>\n"
    )
}
