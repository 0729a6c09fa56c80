//! What the comparison came to, as a table and as a picture.

use std::fmt::Write as _;

use super::load::{Pattern, Sent};
use super::net::Way;
use super::role::{Cost, Quantiles};

/// A receiver's rounds under one load.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    name: String,
    cpu_ns: Vec<f64>,
    path_ns: Vec<f64>,
    radio_ns: Vec<f64>,
    lost: Vec<f64>,
    memory_mb: Vec<f64>,
    published: Vec<Quantiles>,
    handed: Vec<Quantiles>,
    late_frames: u32,
}

impl Cell {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            cpu_ns: vec![],
            path_ns: vec![],
            radio_ns: vec![],
            lost: vec![],
            memory_mb: vec![],
            published: vec![],
            handed: vec![],
            late_frames: 0,
        }
    }

    /// One more round.
    pub(super) fn add(&mut self, sent: Sent, cost: Cost) {
        let got = sent.packets.saturating_sub(cost.dropped).max(1) as f64;
        self.cpu_ns.push(cost.cpu_ns as f64 / got);
        self.path_ns.push(cost.path_ns as f64 / got);
        self.radio_ns.push(cost.radio_ns as f64 / got);
        self.lost.push(cost.dropped as f64 / sent.packets.max(1) as f64 * 100.0);
        self.memory_mb.push(cost.memory_bytes as f64 / 1e6);
        self.published.extend(cost.received.published_us.filter(|q| q.p50 > 0.0));
        self.handed.extend(cost.received.handed_us.filter(|q| q.p50 > 0.0));
        self.late_frames += sent.late_frames;
    }

    /// CPU time of a packet on the light's way, ns; of the whole process where nobody knows.
    fn path(&self) -> f64 {
        let path = median(&mut self.path_ns.clone());
        if path > 0.0 { path } else { median(&mut self.cpu_ns.clone()) }
    }

    fn quantile(of: &[Quantiles], which: fn(&Quantiles) -> f64) -> f64 {
        median(&mut of.iter().map(which).collect::<Vec<_>>())
    }
}

/// The middle one; 0 of none.
pub(super) fn median(of: &mut [f64]) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(0.0)
}

/// Prints a table, ratios first: of CPU to the first cell, of latency to the first that has one.
pub(super) fn print(cells: &[Cell]) {
    println!(
        "                    CPU x  p50 x  p99 x   lost %   path ns  radio ns  all ns   p50 us  p99 us  \
         p99.9 us   to radio p50/p99/p99.9 ms    MB"
    );
    let cpu = cells.first().map_or(1.0, Cell::path);
    let reference = cells.iter().find(|cell| !cell.published.is_empty());
    let limit = |which| reference.map_or(1.0, |cell| Cell::quantile(&cell.published, which));
    let (p50_limit, p99_limit) = (limit(|q| q.p50), limit(|q| q.p99));
    for cell in cells {
        let of = |which| Cell::quantile(&cell.published, which);
        let (p50, p99, p999) = (of(|q| q.p50), of(|q| q.p99), of(|q| q.p999));
        let mut line = format!("{:18} {:6.2}", cell.name, cell.path() / cpu);
        if cell.published.is_empty() {
            line += "      -      -";
        } else {
            let _ = write!(line, " {:6.2} {:6.2}", p50 / p50_limit, p99 / p99_limit);
        }
        let _ = write!(
            line,
            "  {:7.3}   {:7.0}   {:7.0} {:7.0}",
            median(&mut cell.lost.clone()),
            cell.path(),
            median(&mut cell.radio_ns.clone()),
            median(&mut cell.cpu_ns.clone()),
        );
        if cell.published.is_empty() {
            line += "        -       -         -";
        } else {
            let _ = write!(line, "  {p50:7.1} {p99:7.1}   {p999:7.1}");
        }
        if cell.handed.is_empty() {
            line += "                            -";
        } else {
            let of = |which| Cell::quantile(&cell.handed, which) / 1e3;
            let (p50, p99, p999) = (of(|q| q.p50), of(|q| q.p99), of(|q| q.p999));
            let _ = write!(line, "         {p50:6.1}/{p99:6.1}/{p999:6.1}");
        }
        println!("{line}   {:5.1}", median(&mut cell.memory_mb.clone()));
    }
    let late: u32 = cells.iter().map(|cell| cell.late_frames).sum();
    if late > 0 {
        println!("the load was late with {late} frames: the machine has other work");
    }
}

/// All that was compared.
#[derive(Debug, Default)]
pub(super) struct Report {
    bursts: Vec<(String, Vec<Cell>)>,
}

impl Report {
    pub(super) fn tell(&mut self, way: Way, pattern: Pattern, universes: u16, cells: Vec<Cell>) {
        print(&cells);
        if pattern == Pattern::Burst {
            self.bursts.push((format!("{}, {universes} universes", way.word()), cells));
        }
    }

    pub(super) fn tell_peers(&mut self, universes: u16, cells: Vec<Cell>) {
        print(&cells);
        self.bursts.push((format!("peers, {universes} universes"), cells));
    }

    /// CPU time of a packet in bursts, as bars.
    pub(super) fn draw(&self) -> String {
        const BAR: f64 = 16.0;
        const LEFT: f64 = 150.0;
        let most = self.bursts.iter().flat_map(|(_, cells)| cells).map(Cell::path);
        let most = most.fold(1.0, f64::max);
        // From 100 ns on, logarithmic: peers cost a hundred times the limit.
        let length = |ns: f64| (ns / 100.0).max(1.0).log10() / (most / 100.0).log10() * 480.0;
        let mut y = 30.0;
        let mut body = String::new();
        for (title, cells) in &self.bursts {
            let _ =
                writeln!(body, "<text x=\"{LEFT}\" y=\"{y}\" font-weight=\"bold\">{title}</text>");
            y += 8.0;
            let limit = cells.first().map_or(1.0, Cell::path);
            for cell in cells {
                let (ns, lost) = (cell.path(), median(&mut cell.lost.clone()));
                let colour = if cell.name.contains("wristcast") { "#2471a3" } else { "#7f8c8d" };
                let mut label = format!("{ns:.0} ns, x{:.2}", ns / limit);
                if lost > 0.0 {
                    let _ = write!(label, ", {lost:.0} % lost");
                }
                let _ = writeln!(
                    body,
                    "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
                     <rect x=\"{LEFT}\" y=\"{y}\" width=\"{:.1}\" height=\"12\" fill=\"{colour}\"/>\
                     <text x=\"{:.1}\" y=\"{}\">{label}</text>",
                    LEFT - 6.0,
                    y + 10.0,
                    cell.name,
                    length(ns),
                    LEFT + length(ns) + 6.0,
                    y + 10.0,
                );
                y += BAR;
            }
            y += 22.0;
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 {y:.0}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"10\" y=\"12\">CPU time of a packet in bursts (logarithmic), and its ratio \
             to a loop that only receives</text>\n{body}</svg>\n"
        )
    }
}
