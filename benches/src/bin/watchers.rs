//! What those who watch cost the light: a real relay, real packets, and real HTTP clients on its live
//! stream; none and twenty of them in turn, so that whatever else the machine does falls on both.
//!
//! usage: `cargo run --release -p wristcast-benches --bin watchers WRISTCAST [UNIVERSES] [GROUPS]`

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wristcast_core::universe::SacnUniverse;
use wristcast_core::wire::sacn::{Cid, DATA_LEN_MAX, DataFields, encode_data};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const WATCHERS: usize = 20;
const ROUNDS: usize = 6;
const ROUND: Duration = Duration::from_secs(4);
/// Of every console.
const RATE_HZ: u32 = 44;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let binary = arguments.next().ok_or("usage: watchers WRISTCAST [UNIVERSES] [GROUPS]")?;
    let universes = arguments.next().map_or(Ok(512), |count| count.parse())?;
    let groups = arguments.next().map_or(Ok(4096), |count| count.parse())?;
    let relay = Relay::start(&binary, universes, groups)?;
    let over = Arc::new(AtomicBool::new(false));
    let console = console(relay.sacn, universes, over.clone())?;
    println!(
        "{universes} universes of 512 slots at {RATE_HZ} Hz, every level changes; {groups} groups; \
         rounds of {} s",
        ROUND.as_secs()
    );
    // Until all of them live and the looks flow.
    std::thread::sleep(Duration::from_secs(2));
    let (mut alone, mut watched) = (Totals::default(), Totals::default());
    for round in 0..2 * ROUNDS {
        let crowd = if round % 2 == 0 { 0 } else { WATCHERS };
        let watchers: Vec<Watcher> =
            (0..crowd).map(|_| Watcher::start(&relay.api)).collect::<Result<_>>()?;
        std::thread::sleep(Duration::from_millis(500));
        let before = relay.totals()?;
        let (read, begun) = (sum(&watchers), Instant::now());
        std::thread::sleep(ROUND);
        let passed = begun.elapsed().as_secs_f64();
        let of_round = relay.totals()?.since(&before);
        let (bytes, messages) = sum(&watchers);
        println!(
            "{crowd:2} watchers: {:6.0} packets/s, to the look {:6.1} µs, to the radio {:7.1} µs on \
             average; {} dropped{}",
            of_round.accepted / passed,
            of_round.published.mean_us(),
            of_round.handed.mean_us(),
            of_round.dropped,
            match u32::try_from(crowd) {
                Ok(0) | Err(_) => String::new(),
                Ok(crowd) => format!(
                    "; each reads {:.0} kB/s in {:.1} messages/s",
                    (bytes - read.0) as f64 / passed / 1000.0 / f64::from(crowd),
                    (messages - read.1) as f64 / passed / f64::from(crowd),
                ),
            },
        );
        let total = if crowd == 0 { &mut alone } else { &mut watched };
        total.add(&of_round);
    }
    over.store(true, Ordering::Relaxed);
    let _ = console.join();
    println!(
        "with {WATCHERS} watchers the way to the look takes x{:.3}, to the radio x{:.3}; lost: {} \
         without, {} with them",
        watched.published.mean_us() / alone.published.mean_us(),
        watched.handed.mean_us() / alone.handed.mean_us(),
        alone.dropped,
        watched.dropped,
    );
    Ok(())
}

fn sum(watchers: &[Watcher]) -> (u64, u64) {
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    watchers.iter().fold((0, 0), |(bytes, messages), watcher| {
        (bytes + of(&watcher.read.0), messages + of(&watcher.read.1))
    })
}

/// A relay in a process of its own.
struct Relay {
    process: Child,
    sacn: u16,
    api: String,
    show: std::path::PathBuf,
}

impl Relay {
    fn start(binary: &str, universes: u16, groups: usize) -> Result<Self> {
        let free = || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?.local_addr();
        let (sacn, artnet) = (free()?.port(), free()?.port());
        let mut show = format!(
            "name = \"Watched\"\n[network]\ninterfaces = [\"127.0.0.1\"]\nsacn_port = {sacn}\n\
             artnet_port = {artnet}\nreceive_buffer_bytes = 16777216\n[http]\nlisten = \"127.0.0.1:0\"\n"
        );
        for group in 0..groups {
            let (universe, place) =
                (1 + group % usize::from(universes), group / usize::from(universes));
            show += &format!(
                "[[group]]\nname = \"g{group}\"\nuniverse = \"sacn/{universe}\"\naddress = {}\n\
                 personality = \"rgb\"\n",
                1 + place * 3 % 510
            );
        }
        show += "[[radio]]\nkind = \"simulated\"\nbands_per_group = 1\n";
        let path =
            std::env::temp_dir().join(format!("wristcast-watchers-{}.toml", std::process::id()));
        std::fs::write(&path, show)?;
        let mut process = Command::new(binary)
            .arg("run")
            .arg(&path)
            .args(["--log", "error", "--status-every", "0s"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut ready = String::new();
        let stdout = process.stdout.take().ok_or("no stdout")?;
        BufReader::new(stdout).read_line(&mut ready)?;
        let api =
            ready.trim().rsplit_once("http://").ok_or("the relay did not start")?.1.to_owned();
        Ok(Self { process, sacn, api, show: path })
    }

    /// What it has counted so far.
    fn totals(&self) -> Result<Totals> {
        let mut stream = TcpStream::connect(&self.api)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
        };
        let stage = |stage: &str| Latency {
            seconds: value(&format!("wristcast_latency_seconds_sum{{stage=\"{stage}\"}}")),
            count: value(&format!("wristcast_latency_seconds_count{{stage=\"{stage}\"}}")),
        };
        Ok(Totals {
            published: stage("published"),
            handed: stage("handed"),
            accepted: value("wristcast_packets_accepted_total"),
            dropped: value("wristcast_packets_kernel_dropped_total"),
        })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.show);
    }
}

#[derive(Clone, Copy, Default)]
struct Latency {
    seconds: f64,
    count: f64,
}

impl Latency {
    fn mean_us(&self) -> f64 {
        self.seconds / self.count * 1e6
    }

    fn plus(&self, other: &Self, sign: f64) -> Self {
        Self {
            seconds: self.seconds + sign * other.seconds,
            count: self.count + sign * other.count,
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Totals {
    published: Latency,
    handed: Latency,
    accepted: f64,
    dropped: f64,
}

impl Totals {
    fn since(&self, before: &Self) -> Self {
        Self {
            published: self.published.plus(&before.published, -1.0),
            handed: self.handed.plus(&before.handed, -1.0),
            accepted: self.accepted - before.accepted,
            dropped: self.dropped - before.dropped,
        }
    }

    fn add(&mut self, other: &Self) {
        self.published = self.published.plus(&other.published, 1.0);
        self.handed = self.handed.plus(&other.handed, 1.0);
        self.accepted += other.accepted;
        self.dropped += other.dropped;
    }
}

/// A client on the live stream; dropping it hangs up.
struct Watcher {
    stream: TcpStream,
    /// Bytes and messages.
    read: Arc<(AtomicU64, AtomicU64)>,
}

impl Watcher {
    fn start(api: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(api)?;
        stream.write_all(b"GET /api/v1/live?universe=sacn/1 HTTP/1.1\r\nHost: x\r\n\r\n")?;
        let read = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
        let (mut lines, counts) = (BufReader::new(stream.try_clone()?), read.clone());
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while let Ok(bytes @ 1..) = lines.read_until(b'\n', &mut line) {
                counts.0.fetch_add(bytes as u64, Ordering::Relaxed);
                let is_message = line.starts_with(b"data: ");
                counts.1.fetch_add(u64::from(is_message), Ordering::Relaxed);
                line.clear();
            }
        });
        Ok(Self { stream, read })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Sends every universe at [`RATE_HZ`] until it is over; what is late is sent at once.
fn console(port: u16, universes: u16, over: Arc<AtomicBool>) -> Result<JoinHandle<()>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, port))?;
    let numbers: Vec<SacnUniverse> = (1..=universes).filter_map(SacnUniverse::new).collect();
    Ok(std::thread::spawn(move || {
        let (begun, mut beat) = (Instant::now(), 0_u32);
        let mut packet = [0; DATA_LEN_MAX];
        while !over.load(Ordering::Relaxed) {
            for (index, &universe) in numbers.iter().enumerate() {
                // A universe has its own moment within the beat.
                let part = f64::from(beat) + index as f64 / numbers.len() as f64;
                let due = begun + Duration::from_secs_f64(part / f64::from(RATE_HZ));
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let fields = DataFields {
                    sequence: beat as u8,
                    ..DataFields::new(Cid([7; 16]), "bench", universe)
                };
                let slots = [beat as u8; 512];
                if let Some(len) = encode_data(&mut packet, &fields, &slots) {
                    let _ = socket.send(&packet[..len]);
                }
            }
            beat += 1;
        }
    }))
}
