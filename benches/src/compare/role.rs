//! A receiver in a process of its own, so that what it costs can be told from everything else.
//!
//! The process says `ready` when it listens, is watched from outside while the load comes, and
//! says what it received when its standard input ends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use wristcast_core::snapshot::Distribution;
use wristcast_core::telemetry::LatencyHistogram;

use super::bare::Bare;
use super::crates::Peer;
use super::load::Protocol;
use super::relay::Wristcast;
use super::watch::{Usage, drops};

/// Something that receives.
pub(super) trait Receiving {
    /// Ends it, and says what it received.
    fn stop(&mut self) -> io::Result<Received>;
}

/// Latencies, µs, from the kernel's arrival time on.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Quantiles {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
}

/// Bounds that tell latencies apart by 2 %.
pub(super) fn bounds_us() -> Vec<u64> {
    let mut bounds = vec![];
    let mut bound = 1.0_f64;
    while bound < 10_000_000.0 {
        if bounds.last() != Some(&(bound as u64)) {
            bounds.push(bound as u64);
        }
        bound *= 1.02;
    }
    bounds
}

/// The quantiles of a histogram.
pub(super) fn quantiles(histogram: &LatencyHistogram) -> Quantiles {
    let bounds = bounds_us();
    Quantiles::of(&histogram.distribution(&bounds), &bounds)
}

impl Quantiles {
    /// The quantiles of what fell between bounds, µs.
    pub(super) fn of(distribution: &Distribution, bounds: &[u64]) -> Self {
        let at = |share: f64| {
            let mut left = (distribution.count as f64 * share).ceil().max(1.0);
            for (bucket, &count) in distribution.buckets.iter().enumerate() {
                if (count as f64) >= left {
                    let upper = bounds.get(bucket).or(bounds.last()).map_or(0.0, |&b| b as f64);
                    let lower = bucket.checked_sub(1).map_or(0.0, |under| bounds[under] as f64);
                    return lower + (upper - lower) * left / count as f64;
                }
                left -= count as f64;
            }
            0.0
        };
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }
}

/// What a receiver says that it received.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Received {
    /// Packets, if it counts them.
    pub(super) packets: Option<u64>,
    /// Until it was received, or until the look was published.
    pub(super) published_us: Option<Quantiles>,
    /// Until a frame was handed to a radio.
    pub(super) handed_us: Option<Quantiles>,
}

/// A receiver by name.
#[derive(Clone, Debug, Subcommand)]
pub enum Kind {
    /// A loop of `recvmmsg` that only counts.
    BareCount,
    /// A loop of `recvmsg` that only looks at the clock.
    BareStamp {
        /// Never sleep for a packet.
        #[arg(long)]
        spin: bool,
    },
    /// wristcast, everything done.
    Wristcast(Wristcast),
    /// The receiver of the crate `sacn`.
    CrateSacn { universes: u16 },
    /// A plain socket and the parser of the crate `artnet_protocol`.
    CrateArtnet,
}

/// The command line of such a process.
#[derive(Clone, Debug, Args)]
pub struct Role {
    /// Where to listen.
    #[arg(long)]
    pub bind: SocketAddr,
    /// What to listen for.
    #[arg(long, value_enum, default_value = "sacn")]
    pub protocol: Protocol,
    /// Who listens.
    #[command(subcommand)]
    pub kind: Kind,
}

impl Role {
    /// Receives until standard input ends.
    pub fn play(&self) -> io::Result<()> {
        let mut receiving: Box<dyn Receiving> = match &self.kind {
            Kind::BareCount => Box::new(Bare::count(self.bind)?),
            Kind::BareStamp { spin } => Box::new(Bare::stamp(self.bind, *spin)?),
            Kind::Wristcast(wristcast) => Box::new(wristcast.start(self.bind, self.protocol)?),
            Kind::CrateSacn { universes } => Box::new(Peer::sacn(self.bind, *universes)?),
            Kind::CrateArtnet => Box::new(Peer::artnet(self.bind)?),
        };
        let mut out = io::stdout();
        writeln!(out, "ready")?;
        io::copy(&mut io::stdin(), &mut io::sink())?;
        writeln!(out, "{}", serde_json::to_string(&receiving.stop()?)?)
    }

    /// The arguments that bring it about.
    fn arguments(&self) -> Vec<String> {
        let protocol = match self.protocol {
            Protocol::Sacn => "sacn",
            Protocol::Artnet => "artnet",
        };
        let mut words = vec![
            "receive".to_owned(),
            format!("--bind={}", self.bind),
            format!("--protocol={protocol}"),
        ];
        match &self.kind {
            Kind::BareCount => words.push("bare-count".to_owned()),
            Kind::BareStamp { spin } => {
                words.push("bare-stamp".to_owned());
                words.extend(spin.then(|| "--spin".to_owned()));
            }
            Kind::Wristcast(it) => {
                words.push("wristcast".to_owned());
                words.push(format!("--universes={}", it.universes));
                words.push(format!("--groups={}", it.groups));
                words.push(format!("--radios={}", it.radios));
                words.push(format!("--sources-per-universe={}", it.sources_per_universe));
                words.extend(it.spin.then(|| "--spin".to_owned()));
                words.extend(it.priority.map(|priority| format!("--priority={priority}")));
                words.extend(it.core.map(|core| format!("--core={core}")));
                words.extend(it.usual.then(|| "--usual".to_owned()));
                words.extend(it.first_look.then(|| "--first-look".to_owned()));
            }
            Kind::CrateSacn { universes } => {
                words.extend(["crate-sacn".to_owned(), universes.to_string()]);
            }
            Kind::CrateArtnet => words.push("crate-artnet".to_owned()),
        }
        words
    }
}

/// A receiver's process while the load comes.
pub(super) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    /// None of a program that does not talk with the harness.
    stdout: Option<BufReader<ChildStdout>>,
    port: u16,
    before: Usage,
}

/// What a receiver cost, and what it received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// All its threads.
    pub(super) cpu_ns: u64,
    /// Those that receive and publish; 0 if nobody knows which.
    pub(super) path_ns: u64,
    /// Those of its radios.
    pub(super) radio_ns: u64,
    pub(super) memory_bytes: u64,
    /// Datagrams that found its socket full.
    pub(super) dropped: u64,
    pub(super) received: Received,
}

impl Running {
    /// Starts `role` by way of `wrap`, the words before the command, and waits until it is ready.
    pub(super) fn start(role: &Role, wrap: &[String]) -> io::Result<Self> {
        let own = std::env::current_exe()?.display().to_string();
        Self::start_command(&[wrap, &[own], &role.arguments()].concat(), role.bind.port())
    }

    /// Starts a program that says when it is ready and what it received, and waits until it is.
    pub(super) fn start_command(words: &[String], port: u16) -> io::Result<Self> {
        let mut running = Self::spawn(words, port, true)?;
        let mut line = String::new();
        running.stdout.as_mut().map_or(Ok(0), |stdout| stdout.read_line(&mut line))?;
        if line != "ready\n" {
            return Err(io::Error::other(format!("`{}` did not start", words.join(" "))));
        }
        running.begin()?;
        Ok(running)
    }

    /// Starts a program that says nothing; [`begin`](Self::begin) is for the caller to call.
    pub(super) fn start_silent(words: &[String], port: u16) -> io::Result<Self> {
        Self::spawn(words, port, false)
    }

    fn spawn(words: &[String], port: u16, talks: bool) -> io::Result<Self> {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::piped());
        command.stdout(if talks { Stdio::piped() } else { Stdio::null() });
        command.stderr(if talks { Stdio::inherit() } else { Stdio::null() });
        let mut child = command.spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        Ok(Self { child, stdin, stdout, port, before: Usage::default() })
    }

    /// From now on counts what it costs.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.before = Usage::of(self.child.id())?;
        Ok(())
    }

    /// Ends it.
    pub(super) fn stop(mut self) -> io::Result<Cost> {
        let after = Usage::of(self.child.id())?;
        let dropped = drops(self.child.id(), self.port)?;
        drop(self.stdin.take());
        let received = match &mut self.stdout {
            Some(stdout) => {
                let mut said = String::new();
                stdout.read_to_string(&mut said)?;
                self.child.wait()?;
                serde_json::from_str(&said)?
            }
            None => Received { packets: None, published_us: None, handed_us: None },
        };
        Ok(Cost {
            cpu_ns: after.cpu_ns - self.before.cpu_ns,
            path_ns: after.path_ns - self.before.path_ns,
            radio_ns: after.radio_ns - self.before.radio_ns,
            memory_bytes: after.peak_bytes,
            dropped,
            received,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
